//! The only room that says SQL: one text for SQLite and PostgreSQL.
//!
//! [`Store`] has a method for each thing the product does, in one file per subject. Each method opens
//! a transaction, reads, asks the core, writes, commits. The macro `on_tx!` is the one place where both
//! drivers stand together: it expands an ordinary body for each.

mod access;
mod dialect;
mod health;
mod ids;
mod indicators;
mod ledger;
mod own_list;
mod owner_keys;
mod packed;
mod places;
mod register;
mod statements;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

pub use access::{EverKey, IdempotentAnswer, NewProvider, ProviderRow, TokenRow};
pub use health::{ProviderHour, ProviderTally};
pub use ids::fresh_id;
pub use ledger::{
    Arrival, AuditEntry, AuditReceipt, AuditRow, BillView, FeedReceipt, FeedStep, FullGeneration,
    IntakeTotals, NewBill, NewOrder, Posted, Recount, StateTotal, WaitingNotice, WriterMemory,
};
pub use own_list::{ListPlace, OwnList, OwnReceipt};
pub use owner_keys::OwnerKey;
pub use places::PlacesKept;
pub use register::{
    AccountView, Approval, CardView, CheckWay, Checked, CodeView, HouseholdChange, HouseholdFilter,
    HouseholdView, Inspection, IssuedCode, NewInspection, OfflineLook, OwnerMessage, PrintableCard,
    RegisterKept, StallView, WalkKept, WallCode, WhichCards,
};
pub use statements::{
    Answer, BadStatementRow, BookDay, Corrected, DayClose, DecisionView, EntryDetail, FAR_DAYS, FarPair,
    FreshRows, KeptRow, NewDecision, NewStatement, PackedRows, PayeeName, RowDetail, RowSaid, StatementBegun,
    StatementFileView, StatementRules, StatementTotals, Window, row_no,
};

/// A statement that runs longer than this is given up, so that a frozen PostgreSQL does not freeze us.
const STATEMENT_TIMEOUT: &str = "30s";
/// How long a writer waits for another process that holds SQLite's write lock.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(4);
/// Statements that stay prepared on a connection: bulk inserts of five tables come in some fifty sizes.
const STATEMENTS_KEPT: usize = 300;
/// Memory for the writer's pages: 32 MiB (SQLite counts KiB when negative).
const SQLITE_WRITER_CACHE: &str = "-32768";
/// Pages of 4 KiB in the log before it is folded into the file.
const SQLITE_CHECKPOINT_PAGES: &str = "8000";
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The first day of a period that is open at its start, in columns that may not be null.
const OPEN_START_DAY: i64 = -1_000_000;

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database this program knows.
    #[error("database URL «{0}» is not understood; use sqlite://FILE or postgres://USER@HOST/NAME")]
    Url(String),
    /// The database holds migrations of a newer program.
    #[error("the database has schema {found}, this program knows {known}; use the newer program")]
    NewerSchema {
        /// newest migration in the database
        found: i64,
        /// newest migration of this program
        known: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("the database schema cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database is away, locked or read-only, or refused a statement.
    #[error("the database did not do it: {0}")]
    Database(#[from] sqlx::Error),
    /// What was read breaks a rule that was kept when it was written.
    #[error("the database holds something impossible: {0}")]
    Corrupt(String),
    /// The caller's wish contradicts what is there; the text says what to do.
    #[error("{0}")]
    Conflict(String),
    /// There is no such thing.
    #[error("{0}")]
    Missing(String),
}

impl StoreError {
    /// Whether the statement itself was refused (a constraint), as against the database being away.
    /// A batch that fails so is tried again one by one; one that fails otherwise is not.
    pub fn is_about_content(&self) -> bool {
        match self {
            StoreError::Database(sqlx::Error::Database(e)) => {
                !matches!(e.kind(), sqlx::error::ErrorKind::Other)
            }
            StoreError::Corrupt(_) | StoreError::Conflict(_) | StoreError::Missing(_) => true,
            _ => false,
        }
    }
}

/// Result of a store method.
pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Clone)]
enum Pool {
    /// SQLite has one writer; readers see the last commit (WAL).
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// The database. A clone shares its connections.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
}

/// A transaction. Dropped without `commit`, it changes nothing.
enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs one body on the connection of a transaction, for whichever driver it is. `$conn` is the
/// connection, `$Db` names its driver for `QueryBuilder`.
macro_rules! on_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
    ($tx:expr, |$conn:ident, $Db:ident| $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                type $Db = sqlx::Sqlite;
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                type $Db = sqlx::Postgres;
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
use on_tx;

impl Store {
    /// Opens the database and brings its schema up to date. A SQLite file is made if absent.
    pub async fn open(url: &str) -> Result<Store> {
        let store = Store {
            pool: connect(url).await?,
        };
        store.migrate().await?;
        store.keep_shipped_units().await?;
        Ok(store)
    }

    /// Brings the schema up to date; refuses one that a newer program made.
    async fn migrate(&self) -> Result<()> {
        let migrator = match &self.pool {
            Pool::Sqlite { .. } => &SQLITE_MIGRATIONS,
            Pool::Postgres(_) => &POSTGRES_MIGRATIONS,
        };
        let known = migrator.iter().map(|m| m.version).max().unwrap_or(0);
        if let Some(found) = self.schema_version().await?
            && found > known
        {
            return Err(StoreError::NewerSchema { found, known });
        }
        match &self.pool {
            Pool::Sqlite { write, .. } => migrator.run(write).await?,
            Pool::Postgres(pool) => migrator.run(pool).await?,
        }
        Ok(())
    }

    /// The newest migration in the database, or none before the first.
    async fn schema_version(&self) -> Result<Option<i64>> {
        let mut tx = self.begin_read().await?;
        if !dialect::table_exists(&mut tx, "_sqlx_migrations").await? {
            return Ok(None);
        }
        let version: (Option<i64>,) = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT CAST(MAX(version) AS BIGINT) FROM _sqlx_migrations")
                .fetch_one(c)
                .await?
        });
        Ok(version.0)
    }

    /// Whether the database answers and its schema is the one this program knows.
    pub async fn ready(&self) -> Result<()> {
        let known = SQLITE_MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
        match self.schema_version().await? {
            Some(found) if found == known => Ok(()),
            found => Err(StoreError::Conflict(format!(
                "the schema is {found:?}, this program wants {known}"
            ))),
        }
    }

    /// `sqlite` or `postgres`, for people.
    pub fn kind(&self) -> &'static str {
        match &self.pool {
            Pool::Sqlite { .. } => "sqlite",
            Pool::Postgres(_) => "postgres",
        }
    }

    /// Gives the connections back. What was committed stays; SQLite's log is folded into its file.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    /// A transaction that writes. On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that
    /// no read in it can be overtaken.
    async fn begin(&self) -> Result<Tx> {
        Ok(match &self.pool {
            Pool::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that reads: all its queries see the database at one moment.
    async fn begin_read(&self) -> Result<Tx> {
        Ok(match &self.pool {
            Pool::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Pool::Postgres(pool) => Tx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        })
    }
}

async fn connect(url: &str) -> Result<Pool> {
    let wrong = |_| StoreError::Url(without_password(url));
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(wrong)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .busy_timeout(SQLITE_BUSY_TIMEOUT);
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // A file does not go away between two statements; asking each time costs a round trip.
                .test_before_acquire(false)
        };
        // The writer is opened first: it makes the file and switches it to WAL. It keeps the pages it
        // works on in memory, and folds the log into the file less often than by default, so that a
        // page which many batches touch is written to the file once.
        let writer = options
            .clone()
            .pragma("cache_size", SQLITE_WRITER_CACHE)
            .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES)
            .pragma("temp_store", "MEMORY");
        let write = pool(1)
            // After a full disk SQLite has rolled back by itself, and the driver still believes that a
            // transaction is open: such a connection is given up, or no write would ever succeed again.
            .before_acquire(|c, _| Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(c)) }))
            .connect_with(writer)
            .await?;
        let read = pool(4).connect_lazy_with(options.read_only(true));
        return Ok(Pool::Sqlite { write, read });
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let options = PgConnectOptions::from_str(url).map_err(wrong)?.options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
            // Our statements take milliseconds; compiling one takes a tenth of a second.
            ("jit", "off"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(ACQUIRE_TIMEOUT);
        return Ok(Pool::Postgres(pool.connect_with(options).await?));
    }
    Err(StoreError::Url(without_password(url)))
}

/// A database URL fit for a message: a password in it is hidden.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "…".to_owned();
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hide_passwords() {
        assert_eq!(without_password("postgres://u:secret@h/db"), "postgres://…@h/db");
        assert_eq!(without_password("mysql://h/db"), "mysql://h/db");
        assert_eq!(without_password("nonsense"), "…");
    }
}

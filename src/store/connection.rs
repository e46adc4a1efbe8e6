//! The connections to the database: how they are opened, and how a transaction on them begins.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use super::error::{Result, StoreError};
use super::tx::Tx;

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
#[derive(Clone)]
pub(super) enum Pool {
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
    pub(super) pool: Pool,
}

impl Store {
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
    pub(super) async fn begin(&self) -> Result<Tx> {
        Ok(match &self.pool {
            Pool::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that reads: all its queries see the database at one moment.
    pub(super) async fn begin_read(&self) -> Result<Tx> {
        Ok(match &self.pool {
            Pool::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Pool::Postgres(pool) => Tx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        })
    }
}

pub(super) async fn connect(url: &str) -> Result<Pool> {
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

//! The connections to the database: how they are opened, and how a transaction on them begins.

use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, PgPool, SqlitePool};

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
/// Bits of a file's mode that let anybody but its owner do something with it.
const OTHERS: u32 = 0o077;
/// What SQLite puts behind the name of its file for the files beside it.
const SQLITE_FILES: [&str; 3] = ["", "-wal", "-shm"];

/// What is done about a database that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfAbsent {
    Make,
    Refuse,
}

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

pub(super) async fn connect(url: &str, if_absent: IfAbsent) -> Result<Pool> {
    let database = without_password(url);
    let wrong = |_| StoreError::Url(database.clone());
    let not_opened = |cause: sqlx::Error| StoreError::NotOpened {
        database: database.clone(),
        cause: cause.to_string(),
    };
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url).map_err(wrong)?;
        match if_absent {
            IfAbsent::Make => make_private_file(options.get_filename())?,
            IfAbsent::Refuse => look_at_file(&options).await?,
        }
        close_to_others(options.get_filename());
        let options = options
            .create_if_missing(false)
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
        // The writer is opened first: it switches the file to WAL. It keeps the pages it
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
            .await
            .map_err(not_opened)?;
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
        let connected = match pool.connect_with(options.clone()).await {
            // The pool goes on trying and in the end says only that it did: the server is asked once more.
            Err(sqlx::Error::PoolTimedOut) => Err(why_not(&options).await),
            connected => connected,
        };
        return Ok(Pool::Postgres(connected.map_err(not_opened)?));
    }
    Err(StoreError::Url(without_password(url)))
}

/// Why a PostgreSQL server takes no connection.
async fn why_not(options: &PgConnectOptions) -> sqlx::Error {
    match tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await {
        Ok(Err(why)) => why,
        _ => sqlx::Error::PoolTimedOut,
    }
}

/// Makes an empty file that its owner alone can read, if there is none: SQLite would make one as the umask has it.
fn make_private_file(path: &Path) -> Result<()> {
    if is_in_memory(path) {
        return Ok(());
    }
    let new = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match new {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StoreError::NotOpened {
            database: path.display().to_string(),
            cause: match e.kind() {
                ErrorKind::NotFound => "its folder is not there".to_owned(),
                _ => e.to_string(),
            },
        }),
    }
}

/// Looks, without changing anything, whether there is a SQLite file that this program made.
async fn look_at_file(options: &SqliteConnectOptions) -> Result<()> {
    let path = options.get_filename();
    let database = path.display().to_string();
    if !is_in_memory(path) && matches!(std::fs::metadata(path), Err(e) if e.kind() == ErrorKind::NotFound) {
        return Err(StoreError::NoDatabase { database });
    }
    let ours = async {
        let mut c = options
            .clone()
            .create_if_missing(false)
            .read_only(true)
            .connect()
            .await?;
        let (ours,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
        )
        .fetch_one(&mut c)
        .await?;
        sqlx::Connection::close(c).await?;
        Ok(ours)
    };
    match ours.await {
        Ok(0) => Err(StoreError::NoSchema { database }),
        Ok(_) => Ok(()),
        Err(cause) => {
            let cause: sqlx::Error = cause;
            let cause = cause.to_string();
            Err(StoreError::NotOpened { database, cause })
        }
    }
}

/// Takes a SQLite file, which holds account numbers and phones, away from others than its owner.
fn close_to_others(path: &Path) {
    for behind in SQLITE_FILES {
        let mut name = path.as_os_str().to_owned();
        name.push(behind);
        let path = PathBuf::from(name);
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o7777;
        if !metadata.is_file() || mode & OTHERS == 0 {
            continue;
        }
        let mended = std::fs::set_permissions(&path, PermissionsExt::from_mode(mode & !OTHERS));
        let path = path.display();
        match mended {
            Ok(()) => {
                tracing::warn!("{path} could be read by others (mode {mode:04o}); now its owner alone can")
            }
            Err(e) => tracing::error!(
                "{path} can be read by others (mode {mode:04o}), and this cannot be changed: {e}"
            ),
        }
    }
}

/// SQLite's name for a database without a file.
fn is_in_memory(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.is_empty() || name.contains(":memory:") || name.contains("mode=memory")
}

/// A database URL fit for a message: a password in it is hidden.
pub(super) fn without_password(url: &str) -> String {
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

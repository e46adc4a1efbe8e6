//! Why the store could not do what it was asked.

use super::{Conflict, Missing};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database this program knows.
    #[error("database URL «{0}» is not understood; use sqlite://FILE or postgres://USER@HOST/NAME")]
    Url(String),
    /// The SQLite file is not there.
    #[error(
        "there is no database {database}; look for a typing error in --database-url, CHOSO_DATABASE_URL or the settings \
         file. `choso migrate` makes a new one"
    )]
    NoDatabase { database: String },
    /// The database is there, and this program never made anything in it.
    #[error(
        "the database {database} holds nothing of choso; look for a typing error in --database-url, CHOSO_DATABASE_URL or \
         the settings file. `choso migrate` sets it up"
    )]
    NoSchema { database: String },
    /// The database could not be opened at the start.
    #[error("the database {database} cannot be opened: {cause}")]
    NotOpened {
        database: String,
        /// what the system or the server says
        cause: String,
    },
    /// No connection was free or could be made for some seconds.
    #[error(
        "no connection to the database within 4 s: it refuses or does not answer, or other work has all connections"
    )]
    NoConnection,
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
    Database(#[source] sqlx::Error),
    /// What was read breaks a rule that was kept when it was written.
    #[error("the database holds something impossible: {0}")]
    Corrupt(String),
    /// The caller's wish contradicts what is there.
    #[error("refused: {0:?}")]
    Conflict(Conflict),
    /// There is no such thing.
    #[error("not there: {0:?}")]
    Missing(Missing),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match error {
            // The column is there and holds something that it never should.
            sqlx::Error::ColumnDecode { .. } => StoreError::Corrupt(error.to_string()),
            // The driver's words for it, "pool timed out", name its own workings.
            sqlx::Error::PoolTimedOut => StoreError::NoConnection,
            error => StoreError::Database(error),
        }
    }
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

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> StoreError {
        StoreError::Conflict(conflict)
    }
}

impl From<Missing> for StoreError {
    fn from(missing: Missing) -> StoreError {
        StoreError::Missing(missing)
    }
}

//! Why the store could not do what it was asked.

use super::{Conflict, Missing};

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

//! Why something about statements or days was not done, and work beside the tasks that answer callbacks.

use crate::statement::{BadRow, MappingError, StatementError};
use crate::store::{Conflict, StoreError};

/// Why a statement is not taken in. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file as a whole.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The database, or somebody else's import.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be opened or read.
    #[error("{0}")]
    File(String),
    /// So much of it cannot be read that it is read wrongly.
    #[error("more than {0} rows cannot be read")]
    TooManyBad(usize),
    /// No row of it can be read.
    #[error("none of the {count} rows can be read")]
    AllBad {
        count: i64,
        /// The rows with their reasons, the first of them.
        bad: Vec<BadRow>,
    },
    /// The mapping lacks something that a person has to say.
    #[error("it is not known which column is what: {0}")]
    Unmapped(MappingError),
    /// The program may not read the file.
    #[error("no permission to read the file")]
    Unreadable,
    /// It is not the file any more that it was at the first reading.
    #[error("the file was changed while it was imported")]
    Changed,
}

impl From<Conflict> for ImportError {
    fn from(conflict: Conflict) -> ImportError {
        ImportError::Store(conflict.into())
    }
}

/// Work that takes processor time, beside the tasks that answer callbacks.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ImportError::File(error.to_string()))?
}

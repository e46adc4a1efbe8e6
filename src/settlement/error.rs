//! Why something about statements or days was not done, and work beside the tasks that answer callbacks.

use crate::statement::StatementError;
use crate::store::StoreError;

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
    #[error(
        "Hơn {0} dòng không đọc được: có lẽ cột bị hiểu sai. Chưa nhập dòng nào; hãy xem `choso import statement --look`."
    )]
    TooManyBad(usize),
    /// The mapping lacks something that a person has to say.
    #[error(
        "Chưa biết cột nào là gì: {0} Hãy xem `choso import statement --look` rồi đưa cách đọc bằng --mapping."
    )]
    Unmapped(String),
}

/// Work that takes processor time, beside the tasks that answer callbacks.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ImportError::File(error.to_string()))?
}

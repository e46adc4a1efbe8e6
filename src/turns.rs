//! Work that a running service does one piece at a time, because each piece takes much memory or a thread, and
//! callbacks need both. Whoever wants to begin such work waits for its turn.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// The turns of one service. Who needs two of them waits for `import` first.
#[derive(Debug, Default)]
pub struct Turns {
    /// Taking a statement in.
    pub import: Turn,
    /// Loading both sides of days and comparing them: some hundred megabytes.
    pub comparison: Turn,
    /// Searching a photo for codes.
    pub photo_search: Turn,
    /// Single receipts of one owner, looked for among those of everybody, and workbooks of them.
    pub owner_list: Turn,
    /// Listing the refused files of the inbox: of a folder that never answers, one thread waits.
    pub refused_files: Turn,
}

/// One kind of work; its turn lasts until what [`Turn::wait`] gave is dropped.
#[derive(Debug, Default)]
pub struct Turn(Arc<Mutex<()>>);

impl Turn {
    /// In the order in which they came.
    pub async fn wait(&self) -> OwnedMutexGuard<()> {
        self.0.clone().lock_owned().await
    }
}

//! Work that a running service does one piece at a time, because each piece takes much memory or a thread, and
//! callbacks need both. Whoever wants to begin such work waits for its turn.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

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
    /// Working out the hash of a PIN: some ten milliseconds of a core and 19 MiB.
    pub pin_hash: Line,
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

/// So many wait in a [`Line`] at once, the one whose turn it is among them.
const LINE_PLACES: usize = 16;

/// A turn for which only so many wait: whoever comes when the line is full is sent away.
#[derive(Debug)]
pub struct Line {
    places: Arc<Semaphore>,
    turn: Turn,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            places: Arc::new(Semaphore::new(LINE_PLACES)),
            turn: Turn::default(),
        }
    }
}

impl Line {
    /// In the order in which they came; none if the line is full.
    pub async fn wait(&self) -> Option<(OwnedSemaphorePermit, OwnedMutexGuard<()>)> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some((place, self.turn.wait().await))
    }
}

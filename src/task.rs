//! A task beside the requests that is told to stop and then waited for.

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Dropped, it is told to stop as well, but nobody waits for it.
pub struct Task {
    name: &'static str,
    stop: DropGuard,
    handle: JoinHandle<()>,
}

impl Task {
    /// Starts the work, which ends by itself soon after the token is cancelled.
    pub fn start<W: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        work: impl FnOnce(CancellationToken) -> W,
    ) -> Task {
        let stop = CancellationToken::new();
        let handle = tokio::spawn(work(stop.clone()));
        Task {
            name,
            stop: stop.drop_guard(),
            handle,
        }
    }

    /// Tells it to stop, and returns when it has ended.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.handle.await {
            tracing::error!(%error, task = self.name, "a task ended badly");
        }
    }
}

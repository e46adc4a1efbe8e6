//! Live streams: one task reads the feed of receipts and hands every step to all listeners.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Intake;
use crate::ledger::LedgerNo;
use crate::store::{FeedReceipt, FeedStep, Store, StoreError};
use crate::task::Task;

/// Steps that a listener may fall behind before it has to read from the database itself.
const STEPS_KEPT: usize = 256;
/// How soon receipts that another process posted are noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// After the database failed, it is asked again not sooner than this.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Tells listeners of receipts as they are posted. One task reads the feed for all of them and hands
/// every step to each; a listener that is slow or was away reads what it missed by itself. The writer
/// never waits for any of them.
pub struct Announcer {
    steps: broadcast::Sender<Arc<FeedStep>>,
    store: Arc<Store>,
}

impl Announcer {
    /// Starts reading the feed from where it ends now. Told to stop, it ends every listener's stream.
    pub async fn start(store: Arc<Store>, intake: Intake) -> Result<(AnnouncerHandle, Task), StoreError> {
        let last_seen = store.feed_end().await?;
        let (steps, _) = broadcast::channel(STEPS_KEPT);
        let handle = AnnouncerHandle {
            steps: steps.downgrade(),
            store: store.clone(),
        };
        let announcer = Announcer { steps, store };
        let task = Task::start("announcer", |stop| announcer.run(last_seen, intake, stop));
        Ok((handle, task))
    }

    async fn run(self, mut last_seen: LedgerNo, intake: Intake, stop: CancellationToken) {
        loop {
            let posted = tokio::time::timeout(POLL_INTERVAL, intake.posted());
            tokio::select! {
                _ = stop.cancelled() => return,
                _ = posted => {}
            }
            if let Err(error) = self.announce(&mut last_seen).await {
                tracing::warn!(%error, "the feed cannot be read; listeners wait");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    /// Hands on what is new. While nobody listens it only keeps up with the end of the feed.
    async fn announce(&self, last_seen: &mut LedgerNo) -> Result<(), StoreError> {
        let end = self.store.feed_end().await?;
        while *last_seen < end && self.steps.receiver_count() > 0 {
            let step = self.store.feed_after(*last_seen, None).await?;
            *last_seen = step.last_seen;
            let is_end = step.is_end;
            if !step.receipts.is_empty() {
                // Nobody may be left to hear it by now.
                let _ = self.steps.send(Arc::new(step));
            }
            if is_end {
                break;
            }
        }
        *last_seen = end.max(*last_seen);
        Ok(())
    }
}

/// Where listeners come in.
#[derive(Clone)]
pub struct AnnouncerHandle {
    steps: broadcast::WeakSender<Arc<FeedStep>>,
    store: Arc<Store>,
}

/// One who listens: to one stall, or to all.
pub struct Listener {
    steps: broadcast::Receiver<Arc<FeedStep>>,
    store: Arc<Store>,
    stall_id: Option<String>,
    last_seen: LedgerNo,
    is_behind: bool,
}

impl AnnouncerHandle {
    /// Listens from now on, or from where a listener was before. None when the service is ending.
    pub async fn listen(
        &self,
        stall_id: Option<String>,
        last_seen: Option<LedgerNo>,
    ) -> Result<Option<Listener>, StoreError> {
        let Some(steps) = self.steps.upgrade() else {
            return Ok(None);
        };
        // Subscribed first: whatever is posted from here on is either told or found in the feed.
        let steps = steps.subscribe();
        let is_behind = last_seen.is_some();
        let last_seen = match last_seen {
            Some(number) => number,
            None => self.store.feed_end().await?,
        };
        Ok(Some(Listener {
            steps,
            store: self.store.clone(),
            stall_id,
            last_seen,
            is_behind,
        }))
    }
}

impl Listener {
    /// The next receipts, in the order of the feed; waits for them. None when the service is ending.
    pub async fn next(&mut self) -> Result<Option<Vec<FeedReceipt>>, StoreError> {
        loop {
            if self.is_behind {
                let receipts = self.catch_up().await?;
                if !receipts.is_empty() {
                    return Ok(Some(receipts));
                }
                continue;
            }
            match self.steps.recv().await {
                Ok(step) => {
                    let receipts = self.take(&step);
                    if !receipts.is_empty() {
                        return Ok(Some(receipts));
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.is_behind = true,
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Reads a piece of what was missed.
    async fn catch_up(&mut self) -> Result<Vec<FeedReceipt>, StoreError> {
        let step = self
            .store
            .feed_after(self.last_seen, self.stall_id.as_deref())
            .await?;
        self.is_behind = !step.is_end;
        Ok(self.take(&step))
    }

    /// What of these this listener has not seen and wants.
    fn take(&mut self, step: &FeedStep) -> Vec<FeedReceipt> {
        let wanted = |r: &&FeedReceipt| {
            let is_own = self
                .stall_id
                .as_ref()
                .is_none_or(|s| r.stall_id.as_ref() == Some(s));
            is_own && r.no > self.last_seen
        };
        let taken: Vec<FeedReceipt> = step.receipts.iter().filter(wanted).cloned().collect();
        self.last_seen = self.last_seen.max(step.last_seen);
        taken
    }
}

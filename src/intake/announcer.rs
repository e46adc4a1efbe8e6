use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use super::Intake;
use crate::ledger::LedgerNo;
use crate::store::{FeedReceipt, FeedStep, Store, StoreError};

/// Steps that a listener may fall behind before it has to read from the database itself.
const STEPS_KEPT: usize = 256;
/// How soon receipts that another process posted are noticed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After the database failed, it is asked again not sooner than this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Tells listeners of receipts as they are posted. One task reads the feed for all of them and hands
/// every step to each; a listener that is slow or was away reads what it missed by itself. The writer
/// never waits for any of them.
pub struct Announcer {
    steps: broadcast::Sender<Arc<FeedStep>>,
    store: Arc<Store>,
}

impl Announcer {
    /// Starts reading the feed from where it ends now. Told to stop, it ends every listener's stream.
    pub async fn start(
        store: Arc<Store>,
        intake: Intake,
    ) -> Result<(AnnouncerHandle, oneshot::Sender<()>, JoinHandle<()>), StoreError> {
        let heard = store.feed_end().await?;
        let (steps, _) = broadcast::channel(STEPS_KEPT);
        let handle = AnnouncerHandle {
            steps: steps.downgrade(),
            store: store.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let announcer = Announcer { steps, store };
        let task = tokio::spawn(announcer.run(heard, intake, stopped));
        Ok((handle, stop, task))
    }

    async fn run(self, mut heard: LedgerNo, intake: Intake, mut stopped: oneshot::Receiver<()>) {
        loop {
            let posted = tokio::time::timeout(LOOK_EVERY, intake.posted());
            tokio::select! {
                _ = &mut stopped => return,
                _ = posted => {}
            }
            if let Err(error) = self.tell(&mut heard).await {
                tracing::warn!(%error, "the feed cannot be read; listeners wait");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }

    /// Tells what is new. While nobody listens it only keeps up with the end of the feed.
    async fn tell(&self, heard: &mut LedgerNo) -> Result<(), StoreError> {
        let end = self.store.feed_end().await?;
        while *heard < end && self.steps.receiver_count() > 0 {
            let step = self.store.feed_after(*heard, None).await?;
            *heard = step.last_seen;
            let is_end = step.is_end;
            if !step.receipts.is_empty() {
                // Nobody may be left to hear it by now.
                let _ = self.steps.send(Arc::new(step));
            }
            if is_end {
                break;
            }
        }
        *heard = end.max(*heard);
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
    heard: LedgerNo,
    is_behind: bool,
}

impl AnnouncerHandle {
    /// Listens from now on, or from where a listener was before. None when the service is ending.
    pub async fn listen(
        &self,
        stall_id: Option<String>,
        heard: Option<LedgerNo>,
    ) -> Result<Option<Listener>, StoreError> {
        let Some(steps) = self.steps.upgrade() else {
            return Ok(None);
        };
        // Subscribed first: whatever is posted from here on is either told or found in the feed.
        let steps = steps.subscribe();
        let is_behind = heard.is_some();
        let heard = match heard {
            Some(heard) => heard,
            None => self.store.feed_end().await?,
        };
        Ok(Some(Listener {
            steps,
            store: self.store.clone(),
            stall_id,
            heard,
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
            .feed_after(self.heard, self.stall_id.as_deref())
            .await?;
        self.is_behind = !step.is_end;
        Ok(self.take(&step))
    }

    /// What of these this listener has not heard and wants to hear.
    fn take(&mut self, step: &FeedStep) -> Vec<FeedReceipt> {
        let wanted = |r: &&FeedReceipt| {
            let is_own = self
                .stall_id
                .as_ref()
                .is_none_or(|s| r.stall_id.as_ref() == Some(s));
            is_own && r.no > self.heard
        };
        let taken: Vec<FeedReceipt> = step.receipts.iter().filter(wanted).cloned().collect();
        self.heard = self.heard.max(step.last_seen);
        taken
    }
}

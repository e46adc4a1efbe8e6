use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use super::Intake;
use crate::store::{FeedPlace, FeedReceipt, FeedStep, Store, StoreError};

/// Steps that a listener may fall behind before it has to read from the database itself.
const STEPS_KEPT: usize = 256;
/// Batches in one step.
const BATCHES_AT_ONCE: i64 = 64;
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
        let place = store.feed_end().await?;
        let (steps, _) = broadcast::channel(STEPS_KEPT);
        let handle = AnnouncerHandle {
            steps: steps.downgrade(),
            store: store.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let announcer = Announcer { steps, store };
        let task = tokio::spawn(announcer.run(place, intake, stopped));
        Ok((handle, stop, task))
    }

    async fn run(self, mut place: FeedPlace, intake: Intake, mut stopped: oneshot::Receiver<()>) {
        loop {
            let posted = tokio::time::timeout(LOOK_EVERY, intake.posted());
            tokio::select! {
                _ = &mut stopped => return,
                _ = posted => {}
            }
            if let Err(error) = self.tell(&mut place).await {
                tracing::warn!(%error, "the feed cannot be read; listeners wait");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }

    /// Tells what is new. While nobody listens it only keeps up with the end of the feed.
    async fn tell(&self, place: &mut FeedPlace) -> Result<(), StoreError> {
        let end = self.store.feed_end().await?;
        while *place < end && self.steps.receiver_count() > 0 {
            let step = self.store.feed_after(*place, None, BATCHES_AT_ONCE).await?;
            *place = step.place;
            let is_end = step.is_end;
            if !step.receipts.is_empty() {
                // Nobody may be left to hear it by now.
                let _ = self.steps.send(Arc::new(step));
            }
            if is_end {
                return Ok(());
            }
        }
        *place = end.max(*place);
        Ok(())
    }
}

/// Where listeners come in.
#[derive(Clone)]
pub struct AnnouncerHandle {
    steps: broadcast::WeakSender<Arc<FeedStep>>,
    store: Arc<Store>,
}

/// How far a listener has heard: everything of earlier batches, and of this batch up to this receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The batch.
    pub place: FeedPlace,
    /// The last receipt of it; empty for the whole batch.
    pub receipt_id: String,
}

impl Heard {
    /// The text that travels as the id of an event.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.place.day, self.place.position, self.receipt_id)
    }

    /// Reads what [`Heard::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Heard> {
        let mut parts = text.splitn(3, '.');
        let (day, position) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let receipt_id = parts.next()?;
        let is_plain = receipt_id.len() <= 64 && receipt_id.bytes().all(|b| b.is_ascii_alphanumeric());
        is_plain.then(|| Heard {
            place: FeedPlace { day, position },
            receipt_id: receipt_id.to_owned(),
        })
    }

    fn is_before(&self, receipt: &FeedReceipt) -> bool {
        match receipt.place.cmp(&self.place) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => !self.receipt_id.is_empty() && receipt.receipt_id > self.receipt_id,
            std::cmp::Ordering::Greater => true,
        }
    }
}

/// One who listens: to one stall, or to all.
pub struct Listener {
    steps: broadcast::Receiver<Arc<FeedStep>>,
    store: Arc<Store>,
    stall_id: Option<String>,
    heard: Heard,
    is_behind: bool,
}

impl AnnouncerHandle {
    /// Listens from now on, or from where a listener was before. None when the service is ending.
    pub async fn listen(
        &self,
        stall_id: Option<String>,
        heard: Option<Heard>,
    ) -> Result<Option<Listener>, StoreError> {
        let Some(steps) = self.steps.upgrade() else {
            return Ok(None);
        };
        // Subscribed first: whatever is posted from here on is either told or found in the feed.
        let steps = steps.subscribe();
        let is_behind = heard.is_some();
        let heard = match heard {
            Some(heard) => heard,
            None => Heard {
                place: self.store.feed_end().await?,
                receipt_id: String::new(),
            },
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
                    let receipts = self.take(step.receipts.iter(), step.place);
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
        let mut from = self.heard.place;
        if !self.heard.receipt_id.is_empty() {
            // The rest of the batch that was heard in part.
            from.position -= 1;
        }
        let stall_id = self.stall_id.as_deref();
        let step = self.store.feed_after(from, stall_id, BATCHES_AT_ONCE).await?;
        self.is_behind = !step.is_end;
        Ok(self.take(step.receipts.iter(), step.place))
    }

    /// What of these this listener has not heard and wants to hear.
    fn take<'a>(
        &mut self,
        receipts: impl Iterator<Item = &'a FeedReceipt>,
        place: FeedPlace,
    ) -> Vec<FeedReceipt> {
        let wanted = |r: &&FeedReceipt| {
            let is_own = self
                .stall_id
                .as_ref()
                .is_none_or(|s| r.stall_id.as_ref() == Some(s));
            is_own && self.heard.is_before(r)
        };
        let taken: Vec<FeedReceipt> = receipts.filter(wanted).cloned().collect();
        if place > self.heard.place || (place == self.heard.place && !self.heard.receipt_id.is_empty()) {
            self.heard = Heard {
                place,
                receipt_id: String::new(),
            };
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_reads_back() {
        let heard = Heard {
            place: FeedPlace {
                day: 20_500,
                position: 7,
            },
            receipt_id: "0abc".into(),
        };
        assert_eq!(Heard::parse(&heard.to_text()), Some(heard));
        for wrong in ["", "1", "1.2", "a.2.x", "1.2.x'y", "1.2.x.y"] {
            assert_eq!(Heard::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_batch_heard_in_part_goes_on_where_it_stopped() {
        let at = |position, id: &str| FeedReceipt {
            place: FeedPlace { day: 1, position },
            receipt_id: id.into(),
            household_id: String::new(),
            stall_id: None,
            provider_id: String::new(),
            amount: crate::vn::Dong::new(1),
            business_day: crate::vn::Day::ymd(2026, 1, 1),
            occurred_at: None,
            posted_at: crate::vn::TimeMs(0),
        };
        let heard = |receipt_id: &str| Heard {
            place: FeedPlace { day: 1, position: 5 },
            receipt_id: receipt_id.into(),
        };
        assert!(!heard("b").is_before(&at(5, "a")) && !heard("b").is_before(&at(5, "b")));
        assert!(heard("b").is_before(&at(5, "c")) && heard("b").is_before(&at(6, "a")));
        assert!(!heard("").is_before(&at(5, "z")), "the whole batch was heard");
    }
}

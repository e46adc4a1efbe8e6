//! From handlers to the database: a bounded queue, one writer, one transaction for all that waits.
//!
//! A handler hands over a verified delivery and waits. The writer takes whatever has gathered while the
//! last commit was under way, so batches grow by themselves when the load does (group commit). Nobody
//! is told success before the commit.

mod announcer;
mod health;
mod key_file;
mod keyring;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::notice::{Delivery, Outcome};
use crate::store::{Arrival, Posted, Store, StoreError, WriterMemory};
use crate::task::Task;
use crate::telemetry::Metrics;

pub use announcer::{Announcer, AnnouncerHandle, Listener};
pub use health::{Ending, ProviderHealth, Pulse, Silence, silence};
pub use key_file::{KeyFile, KeyFileError};
pub use keyring::{Keyring, KeyringError, open_secrets};

/// A provider waits at least 15 s, payers wait less: past this the answer is "try again"
/// (docs/spec/providers.md, section 1, rule 10).
const ANSWER_TIMEOUT: Duration = Duration::from_millis(4500);
/// Bodies that may wait, in bytes: what bounds the memory under overload.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Items in one transaction: a list may hold thousands.
const BATCH_ITEMS_MAX: usize = 8192;
/// A writer busy with one batch for longer than this is called stuck by `/readyz`.
const STUCK_AFTER_MS: i64 = 15_000;

/// Bounds of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Deliveries that may wait; the next one is refused with 503.
    pub queue_deliveries_max: usize,
    /// Deliveries in one transaction.
    pub batch_deliveries_max: usize,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        // Beside this the queue is bounded by bytes; 256 rows make a commit worth its fsync, and while they are
        // written the next ones are verified.
        IntakeLimits {
            queue_deliveries_max: 4096,
            batch_deliveries_max: 512,
        }
    }
}

/// Why a delivery is not known to be durable. The provider is to send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// More wait than may wait.
    #[error("the queue is full")]
    Full,
    /// The database did not take it, or not in time.
    #[error("the database did not take it")]
    NotKept,
}

struct Waiting {
    arrival: Arrival,
    bytes: usize,
    answer: oneshot::Sender<Result<(Outcome, Delivery), IntakeError>>,
}

/// The handlers' side of the queue.
#[derive(Clone)]
pub struct Intake {
    queue: Option<mpsc::Sender<Waiting>>,
    queued_bytes: Arc<AtomicUsize>,
    busy_since_ms: Arc<AtomicI64>,
    posted: Arc<Notify>,
}

impl Intake {
    /// Starts the writer. Told to stop, it takes nothing more, writes what it has taken, and ends.
    pub fn start(store: Arc<Store>, limits: IntakeLimits, metrics: Arc<Metrics>) -> (Intake, Task) {
        let (queue, waiting) = mpsc::channel(limits.queue_deliveries_max);
        let busy_since_ms = Arc::new(AtomicI64::new(0));
        let posted = Arc::new(Notify::new());
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            store,
            metrics,
            memory: WriterMemory::default(),
            queued_bytes: queued_bytes.clone(),
            busy_since_ms: busy_since_ms.clone(),
            posted: posted.clone(),
            sorting: None,
        };
        let task = Task::start("writer", |stop| {
            writer.run(waiting, stop, limits.batch_deliveries_max)
        });
        let intake = Intake {
            queue: Some(queue),
            queued_bytes,
            busy_since_ms,
            posted,
        };
        (intake, task)
    }

    /// An intake that keeps nothing and calls it done: the ceiling that `loadtest` measures against.
    pub fn discarding() -> Intake {
        Intake {
            queue: None,
            queued_bytes: Arc::default(),
            busy_since_ms: Arc::default(),
            posted: Arc::default(),
        }
    }

    /// Hands over a delivery and waits until it is durable; gives it back with what its sender is to be
    /// told.
    pub async fn keep(&self, arrival: Arrival) -> Result<(Outcome, Delivery), IntakeError> {
        let Some(queue) = &self.queue else {
            return Ok((Outcome::Stored, arrival.delivery));
        };
        let bytes = arrival.delivery.evidence.body.len();
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(IntakeError::Full);
        }
        let (answer, done) = oneshot::channel();
        let waiting = Waiting {
            arrival,
            bytes,
            answer,
        };
        if queue.try_send(waiting).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(IntakeError::Full);
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, done).await {
            Ok(Ok(result)) => result,
            // Late or lost: it may still be committed, and then the retry is found as a repeat.
            Ok(Err(_)) | Err(_) => Err(IntakeError::NotKept),
        }
    }

    /// Returns when this process has posted receipts since the last call. One may wait at a time.
    pub async fn posted(&self) {
        self.posted.notified().await;
    }

    /// Whether the writer has been busy with one batch for too long, or has ended.
    pub fn is_stuck(&self, now_ms: i64) -> bool {
        if self.queue.as_ref().is_some_and(mpsc::Sender::is_closed) {
            return true;
        }
        let since = self.busy_since_ms.load(Ordering::Relaxed);
        since != 0 && now_ms - since > STUCK_AFTER_MS
    }
}

struct Writer {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    memory: WriterMemory,
    queued_bytes: Arc<AtomicUsize>,
    busy_since_ms: Arc<AtomicI64>,
    posted: Arc<Notify>,
    sorting: Option<JoinHandle<()>>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>, stop: CancellationToken, batch_max: usize) {
        let mut batch = Vec::with_capacity(batch_max);
        let mut is_open = true;
        loop {
            tokio::select! {
                biased;
                // Closed, the queue gives out what is in it and then nothing.
                _ = stop.cancelled(), if is_open => {
                    waiting.close();
                    is_open = false;
                    continue;
                }
                taken = waiting.recv_many(&mut batch, batch_max) => if taken == 0 { return },
            }
            self.busy_since_ms.store(crate::clock::now().0, Ordering::Relaxed);
            let bytes: usize = batch.iter().map(|w: &Waiting| w.bytes).sum();
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            let (arrivals, answers): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|w| (w.arrival, w.answer)).unzip();
            let mut results = Vec::with_capacity(arrivals.len());
            for part in parts(&arrivals) {
                results.extend(self.write(part).await);
            }
            for ((arrival, answer), result) in arrivals.into_iter().zip(answers).zip(results) {
                // A handler that gave up waiting is no loss: the delivery is durable all the same.
                let _ = answer.send(result.map(|outcome| (outcome, arrival.delivery)));
            }
            self.busy_since_ms.store(0, Ordering::Relaxed);
            self.sort_if_full();
        }
    }

    /// Has a full generation of traces sorted beside the writer, one at a time.
    fn sort_if_full(&mut self) {
        if self.sorting.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        self.sorting = self.memory.full_generation().map(|full| {
            let store = self.store.clone();
            tokio::spawn(async move {
                if let Err(error) = store.sort_generation(&full).await {
                    tracing::warn!(%error, "traces could not be sorted; it is tried again");
                }
            })
        });
    }

    /// Writes a batch; when the database refuses its content, each delivery alone, so that one that
    /// cannot be kept does not take others with it.
    async fn write(&mut self, arrivals: &[Arrival]) -> Vec<Result<Outcome, IntakeError>> {
        match self.post(arrivals).await {
            Ok(posted) => posted.outcomes.into_iter().map(Ok).collect(),
            Err(e) if e.is_about_content() && arrivals.len() > 1 => {
                tracing::error!(error = %e, deliveries = arrivals.len(), "a batch was refused; trying its deliveries one by one");
                let mut results = Vec::with_capacity(arrivals.len());
                for one in arrivals.chunks(1) {
                    match self.post(one).await {
                        Ok(posted) => results.extend(posted.outcomes.into_iter().map(Ok)),
                        Err(e) => results.push(Err(not_kept(&e, 1))),
                    }
                }
                results
            }
            Err(e) => vec![Err(not_kept(&e, arrivals.len())); arrivals.len()],
        }
    }

    async fn post(&mut self, arrivals: &[Arrival]) -> Result<Posted, StoreError> {
        let started = Instant::now();
        let posted = self.store.post(arrivals, &mut self.memory).await?;
        self.metrics
            .batch(arrivals.len(), posted.receipts, started.elapsed());
        if posted.receipts > 0 {
            self.posted.notify_one();
        }
        Ok(posted)
    }
}

/// Cuts a batch where its items become too many for one transaction.
fn parts(mut arrivals: &[Arrival]) -> impl Iterator<Item = &[Arrival]> {
    std::iter::from_fn(move || {
        let mut items = 0;
        let fits = |a: &&Arrival| {
            items += a.delivery.items.len();
            items <= BATCH_ITEMS_MAX
        };
        let size = arrivals
            .iter()
            .take_while(fits)
            .count()
            .max(1)
            .min(arrivals.len());
        let (part, rest) = arrivals.split_at(size);
        arrivals = rest;
        (!part.is_empty()).then_some(part)
    })
}

fn not_kept(error: &StoreError, deliveries: usize) -> IntakeError {
    tracing::error!(%error, deliveries, "deliveries were not kept; the provider is told to try again");
    IntakeError::NotKept
}

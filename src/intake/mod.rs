//! From handlers to the database: a bounded queue, one writer, one transaction for all that waits.
//!
//! A handler hands over a verified delivery and waits. The writer takes whatever has gathered while the
//! last commit was under way, so batches grow by themselves when the load does (group commit). Nobody
//! is told success before the commit.

mod keyring;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::store::{Arrival, PostedCount, RegisterCache, Store, StoreError};
use crate::telemetry::Metrics;

pub use keyring::{Keyring, KeyringError};

/// A provider waits at least 15 s, payers wait less: past this the answer is "try again" (DOMAIN section 7).
const ANSWER_WITHIN: Duration = Duration::from_millis(4500);
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
        // 4,096 bodies of at most 256 KiB bound the memory; 512 rows make a commit worth its fsync.
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
    answer: oneshot::Sender<Result<(), IntakeError>>,
}

/// The handlers' side of the queue.
#[derive(Clone)]
pub struct Intake {
    queue: Option<mpsc::Sender<Waiting>>,
    busy_since_ms: Arc<AtomicI64>,
}

impl Intake {
    /// Starts the writer. Told to stop, it takes nothing more, writes what it has taken, and ends.
    pub fn start(
        store: Arc<Store>,
        limits: IntakeLimits,
        metrics: Arc<Metrics>,
    ) -> (Intake, oneshot::Sender<()>, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(limits.queue_deliveries_max);
        let busy_since_ms = Arc::new(AtomicI64::new(0));
        let writer = Writer {
            store,
            metrics,
            cache: RegisterCache::default(),
            busy_since_ms: busy_since_ms.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let handle = tokio::spawn(writer.run(waiting, stopped, limits.batch_deliveries_max));
        (
            Intake {
                queue: Some(queue),
                busy_since_ms,
            },
            stop,
            handle,
        )
    }

    /// An intake that keeps nothing and calls it done: the ceiling that `loadtest` measures against.
    pub fn discarding() -> Intake {
        Intake {
            queue: None,
            busy_since_ms: Arc::default(),
        }
    }

    /// Hands over a delivery and waits until it is durable.
    pub async fn keep(&self, arrival: Arrival) -> Result<(), IntakeError> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let (answer, done) = oneshot::channel();
        queue
            .try_send(Waiting { arrival, answer })
            .map_err(|_| IntakeError::Full)?;
        match tokio::time::timeout(ANSWER_WITHIN, done).await {
            Ok(Ok(result)) => result,
            // Late or lost: it may still be committed, and then the retry is found as a repeat.
            Ok(Err(_)) | Err(_) => Err(IntakeError::NotKept),
        }
    }

    /// Whether the writer has been busy with one batch for too long.
    pub fn is_stuck(&self, now_ms: i64) -> bool {
        let since = self.busy_since_ms.load(Ordering::Relaxed);
        since != 0 && now_ms - since > STUCK_AFTER_MS
    }
}

struct Writer {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    cache: RegisterCache,
    busy_since_ms: Arc<AtomicI64>,
}

impl Writer {
    async fn run(
        mut self,
        mut waiting: mpsc::Receiver<Waiting>,
        mut stop: oneshot::Receiver<()>,
        batch_max: usize,
    ) {
        let mut batch = Vec::with_capacity(batch_max);
        let mut is_open = true;
        loop {
            tokio::select! {
                biased;
                // Closed, the queue gives out what is in it and then nothing.
                _ = &mut stop, if is_open => {
                    waiting.close();
                    is_open = false;
                    continue;
                }
                taken = waiting.recv_many(&mut batch, batch_max) => if taken == 0 { return },
            }
            self.busy_since_ms.store(crate::app::now().0, Ordering::Relaxed);
            let (arrivals, answers): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|w| (w.arrival, w.answer)).unzip();
            let results = self.write(&arrivals).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // A handler that gave up waiting is no loss: the delivery is durable all the same.
                let _ = answer.send(result);
            }
            self.busy_since_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Writes a batch; when the database refuses its content, each delivery alone, so that one that
    /// cannot be kept does not take others with it.
    async fn write(&mut self, arrivals: &[Arrival]) -> Vec<Result<(), IntakeError>> {
        match self.post(arrivals).await {
            Ok(_) => vec![Ok(()); arrivals.len()],
            Err(e) if e.is_about_content() && arrivals.len() > 1 => {
                tracing::error!(error = %e, deliveries = arrivals.len(), "a batch was refused; trying its deliveries one by one");
                let mut results = Vec::with_capacity(arrivals.len());
                for one in arrivals.chunks(1) {
                    results.push(
                        self.post(one)
                            .await
                            .map(|_| ())
                            .map_err(|e| not_kept(&e, one.len())),
                    );
                }
                results
            }
            Err(e) => vec![Err(not_kept(&e, arrivals.len())); arrivals.len()],
        }
    }

    async fn post(&mut self, arrivals: &[Arrival]) -> Result<PostedCount, StoreError> {
        let started = Instant::now();
        let posted = self.store.post(arrivals, &mut self.cache).await?;
        self.metrics
            .batch(arrivals.len(), posted.receipts, started.elapsed());
        Ok(posted)
    }
}

fn not_kept(error: &StoreError, deliveries: usize) -> IntakeError {
    tracing::error!(%error, deliveries, "deliveries were not kept; the provider is told to try again");
    IntakeError::NotKept
}

//! Payments posted on a schedule that does not wait for answers; latencies count from the moment each was
//! due.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::simulate::{Share, posting_order};
use choso::vn::TimeMs;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::client::{Outcome, connect, exchange, open};
use crate::error::Result;
use crate::ledger_check::{Sent, sent_payments};
use crate::machine::CpuTime;
use crate::payment_source::{IdOrder, PaymentSource};
use crate::process::Service;
use crate::report::{ms, outcome_json};

/// A callback without an answer by then is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A request that starts later than this after its moment did not start on schedule.
const LATE_AFTER: Duration = Duration::from_millis(5);

/// The order of posts of so many events, of which some come twice.
pub fn order_of_posts(events: u32, duplicates_percent: u32, is_shuffled: bool, seed: u64) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let all: Vec<u32> = (0..events).collect();
    let mut order = posting_order(&all, all.clone(), Share::percent(duplicates_percent), &mut random);
    if is_shuffled {
        random.shuffle(&mut order);
    }
    order
}

/// What is posted when.
pub struct Schedule {
    pub source: Arc<PaymentSource>,
    /// When the payments happened; their ids are made of it.
    pub start: TimeMs,
    /// Events in the order of their posts.
    pub order: Vec<u32>,
    /// Posts that begin in a second.
    pub rate_per_s: u32,
}

/// What came of a schedule.
#[derive(Default)]
pub struct Posted {
    pub outcome: Outcome,
    /// Events that were accepted, once for each post.
    pub accepted: Vec<u32>,
    /// Posts that began later than they should: too many were under way.
    pub late: usize,
    /// Posts whose connection broke or that had no answer in time.
    pub broken: usize,
}

impl Posted {
    fn add(&mut self, other: Posted) {
        self.outcome.add(other.outcome);
        self.accepted.extend(other.accepted);
        self.late += other.late;
        self.broken += other.broken;
    }

    /// One sentence about rates and latencies.
    pub fn line(&self, rate_per_s: u32) -> String {
        let outcome = &self.outcome;
        let [p50, p99, p999, max] = [500, 990, 999, 1000].map(|rank| ms(outcome.percentile_us(rank)));
        format!(
            "{} answers to {rate_per_s} /s ({:.0} /s came about), {} accepted ({:.0} /s); from the moment each \
             was due: p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, max {max:.2} ms; {} began more \
             than {} ms late",
            outcome.answers(),
            outcome.answers() as f64 / outcome.elapsed.as_secs_f64().max(1e-9),
            outcome.latencies_us.len(),
            outcome.rate(),
            self.late,
            LATE_AFTER.as_millis()
        )
    }

    pub fn json(&self) -> Value {
        let mut json = outcome_json(&self.outcome);
        json["begun_late"] = self.late.into();
        json["broken"] = self.broken.into();
        json
    }
}

/// A schedule that was posted to a service, and what both needed for it.
pub struct Load {
    pub posted: Posted,
    pub cpu: CpuTime,
    /// The most memory the service had.
    pub peak_kib: u64,
}

/// Posts a schedule to a service over so many connections.
pub async fn post_schedule(service: &Service, schedule: &Arc<Schedule>, connections: usize) -> Result<Load> {
    let address = service.address();
    let posting = schedule.clone();
    let before = CpuTime::now(&[service.id()]);
    let posting = move || post_on_thread(address, posting, connections);
    let posted = tokio::task::spawn_blocking(posting).await??;
    Ok(Load {
        posted,
        cpu: CpuTime::now(&[service.id()]).since(&before),
        peak_kib: service.peak_kib(),
    })
}

/// Posts from this thread and a runtime of its own.
fn post_on_thread(address: SocketAddr, schedule: Arc<Schedule>, connections: usize) -> Result<Posted> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let connections = connections.min(schedule.order.len());
    runtime.block_on(async {
        let opened = open(&[address], connections).await?;
        let clock = Arc::new(Clock {
            schedule,
            started: Instant::now(),
            due: Semaphore::new(0),
            next_slot: AtomicUsize::new(0),
        });
        // A thread that sleeps wakes more exactly than a timer of the runtime.
        let ticking = std::thread::spawn({
            let clock = clock.clone();
            move || clock.tick()
        });
        let senders: Vec<_> = opened
            .into_iter()
            .map(|connection| {
                let clock = clock.clone();
                tokio::spawn(async move { clock.send(connection, address).await })
            })
            .collect();
        let mut all = Posted::default();
        for sender in senders {
            all.add(sender.await??);
        }
        ticking.join().map_err(|_| "the clock's thread panicked")?;
        all.outcome.latencies_us.sort_unstable();
        Ok(all)
    })
}

impl Schedule {
    fn due(&self, slot: usize) -> Duration {
        Duration::from_micros(slot as u64 * 1_000_000 / u64::from(self.rate_per_s))
    }

    /// What distinct events of these come to.
    pub fn sent(&self, events: impl Iterator<Item = u32>, repeats: Option<i64>) -> Sent {
        sent_payments(&self.source, self.start, events, repeats)
    }

    /// The event of a transaction id, if it is one of these.
    pub fn event_of(&self, transaction_id: &str) -> Option<u32> {
        let number: u64 = transaction_id.strip_prefix("FT")?.parse().ok()?;
        let index = number.checked_sub(IdOrder::Time.number(self.start, 0))?;
        u32::try_from(index).ok()
    }
}

/// A schedule while it is posted.
struct Clock {
    schedule: Arc<Schedule>,
    started: Instant,
    /// Has a permit for each post that is due and that no sender took yet.
    due: Semaphore,
    next_slot: AtomicUsize,
}

impl Clock {
    /// Lets the posts begin, each at its moment.
    fn tick(&self) {
        let slots = self.schedule.order.len();
        for slot in 0..slots {
            let wait = self.schedule.due(slot).saturating_sub(self.started.elapsed());
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            self.due.add_permits(1);
        }
        // Whoever still waits then finds that nothing is left.
        self.due.add_permits(slots);
    }

    /// Posts what is due, one after the other, until nothing is left.
    async fn send(&self, connection: TcpStream, address: SocketAddr) -> Result<Posted> {
        let schedule = &self.schedule;
        let mut connection = Some(connection);
        let mut posted = Posted::default();
        let mut request = Vec::new();
        let mut buffer = Vec::new();
        loop {
            self.due.acquire().await?.forget();
            let slot = self.next_slot.fetch_add(1, Ordering::Relaxed);
            let Some(event) = schedule.order.get(slot).copied() else {
                posted.outcome.elapsed = self.started.elapsed();
                return Ok(posted);
            };
            let due = schedule.due(slot);
            posted.late += usize::from(self.started.elapsed() > due + LATE_AFTER);
            let number = IdOrder::Time.number(schedule.start, event as usize);
            let sample = schedule.source.payment(number, schedule.start);
            request.clear();
            schedule.source.write_request(&mut request, &sample, now())?;
            let stream = match &mut connection {
                Some(stream) => stream,
                None => connection.insert(connect(address).await?),
            };
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange(stream, &request, &mut buffer)).await;
            let Ok(Ok(answer)) = answer else {
                connection = None;
                posted.broken += 1;
                continue;
            };
            if answer.is_success() {
                posted.accepted.push(event);
            }
            let elapsed = self.started.elapsed();
            posted
                .outcome
                .answered(&answer, elapsed.saturating_sub(due), elapsed.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_event_and_exactly_the_duplicates() {
        for is_shuffled in [false, true] {
            let mut order = order_of_posts(1_000, 20, is_shuffled, 7);
            assert_eq!(order.len(), 1_200);
            order.sort_unstable();
            order.dedup();
            assert_eq!(order, (0..1_000).collect::<Vec<u32>>());
        }
    }
}

//! What one round posts, and a provider that does not give up: it sends again until it is told success.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::notice::{NoticeKind, Sample, SampleKind};
use choso::vn::{Dong, TimeMs};
use tokio::net::TcpStream;

use crate::client::{connect, exchange};
use crate::error::Result;
use crate::ledger_check::Sent;
use crate::payment_source::{IdOrder, PaymentSource};

/// A provider waits this long for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// How long it waits before it sends again: sooner than providers do, so that a round takes seconds.
const RETRY_DELAY: Duration = Duration::from_millis(60);

/// What a round posts, in this order: payments, repeats of some, and refunds of some, before or after
/// their payment.
pub fn plan(source: &PaymentSource, random: &mut fastrand::Rng) -> Vec<Sample> {
    let start = TimeMs(now().0 / 1000 * 1000);
    let mut posts: Vec<(u64, Sample)> = Vec::new();
    for index in 0..random.u64(300..800) {
        let number = |part: u64| IdOrder::Time.number(start, (index * 2 + part) as usize);
        let payment = source.payment(number(0), start);
        let place = 4_000 + index * 100;
        let mut events = vec![(place, payment.clone())];
        if one_in(8, random) {
            let part = if random.bool() { 1 } else { 2 };
            let refund = Sample {
                kind: SampleKind::Refund,
                number: number(1),
                amount: Dong::new(payment.amount.vnd() / part),
                ..payment
            };
            events.push((place - 4_000 + random.u64(0..8_000), refund));
        }
        for (place, event) in events {
            if one_in(6, random) {
                posts.push((place + random.u64(0..4_000), event.clone()));
            }
            posts.push((place, event));
        }
    }
    posts.sort_by_key(|(place, _)| *place);
    posts.into_iter().map(|(_, sample)| sample).collect()
}

fn one_in(count: u32, random: &mut fastrand::Rng) -> bool {
    random.u32(0..count) == 0
}

/// An event as the ledger names it: its kind and the provider's transaction id.
pub type Event = (NoticeKind, String);

fn event(sample: &Sample) -> Event {
    let kind = match sample.kind {
        SampleKind::Refund => NoticeKind::Refund,
        _ => NoticeKind::Payment,
    };
    (kind, format!("FT{:014}", sample.number))
}

/// The distinct events of a plan, with their amounts in đồng.
pub fn events(posts: &[Sample]) -> BTreeMap<Event, i64> {
    let events = posts.iter().map(|sample| (event(sample), sample.amount.vnd()));
    events.collect()
}

/// What such events come to.
pub fn sent(events: &BTreeMap<Event, i64>) -> Sent {
    let payments = events.keys().filter(|(kind, _)| *kind == NoticeKind::Payment);
    Sent {
        events: events.len() as i64,
        amount_vnd: events.values().sum(),
        payments: payments.count() as i64,
        repeats: None,
    }
}

/// Posts under way, looked at by all senders.
pub struct Traffic {
    source: Arc<PaymentSource>,
    waiting: Mutex<VecDeque<Sample>>,
    /// Posts that were not told success yet.
    unacknowledged: AtomicUsize,
    /// Where to post; moves when the service is started anew.
    port: Arc<AtomicU16>,
    until: Instant,
    answers: Mutex<Answers>,
}

/// What the senders were answered.
#[derive(Debug, Default, Clone)]
pub struct Answers {
    pub statuses: BTreeMap<u16, usize>,
    /// Tries that ended without an answer.
    pub broken: usize,
    /// Events that were told success.
    pub acknowledged: BTreeSet<Event>,
}

impl Traffic {
    /// All of a plan, to be posted until this moment at the latest.
    pub fn new(
        source: Arc<PaymentSource>,
        posts: Vec<Sample>,
        port: Arc<AtomicU16>,
        until: Instant,
    ) -> Traffic {
        Traffic {
            source,
            unacknowledged: AtomicUsize::new(posts.len()),
            waiting: Mutex::new(posts.into()),
            port,
            until,
            answers: Mutex::default(),
        }
    }

    /// Posts that were not told success yet.
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.load(Ordering::SeqCst)
    }

    pub fn answers(&self) -> Answers {
        self.answers_so_far().clone()
    }

    fn answers_so_far(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts and posts again until nothing is open or the time is over.
    pub async fn send(&self) -> Result<()> {
        let mut connection = None;
        let mut request = Vec::new();
        let mut buffer = Vec::new();
        while self.unacknowledged() > 0 && Instant::now() < self.until {
            let next = self.waiting().pop_front();
            let Some(sample) = next else {
                // What is still open is under way with another sender and may come back.
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            request.clear();
            self.source.write_request(&mut request, &sample, now())?;
            match self.post(&mut connection, &request, &mut buffer).await {
                Ok(true) => {
                    self.answers_so_far().acknowledged.insert(event(&sample));
                    self.unacknowledged.fetch_sub(1, Ordering::SeqCst);
                }
                again => {
                    if again.is_err() {
                        connection = None;
                        self.answers_so_far().broken += 1;
                    }
                    self.waiting().push_back(sample);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
        Ok(())
    }

    async fn post(
        &self,
        connection: &mut Option<TcpStream>,
        request: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<bool> {
        let address: SocketAddr = ([127, 0, 0, 1], self.port.load(Ordering::SeqCst)).into();
        let stream = match connection {
            Some(stream) => stream,
            None => connection.insert(connect(address).await?),
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange(stream, request, buffer)).await??;
        *self.answers_so_far().statuses.entry(answer.status).or_default() += 1;
        Ok(answer.is_success())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Sample>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

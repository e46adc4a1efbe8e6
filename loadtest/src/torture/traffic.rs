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

use crate::Result;
use crate::client::{connect, exchange};
use crate::rig::Sent;
use crate::setup::{Cast, Draw, Ids};

/// A provider waits this long for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// How long it waits before it sends again: sooner than providers do, so that a round takes seconds.
const AGAIN_AFTER: Duration = Duration::from_millis(60);

/// What a round posts, in this order: payments, repeats of some, and refunds of some, before or after
/// their payment.
pub fn plan(cast: &Cast, draw: &mut Draw) -> Vec<Sample> {
    let payments = 300 + draw.below(500);
    let start = TimeMs(now().0 / 1000 * 1000);
    let mut posts: Vec<(u64, Sample)> = Vec::new();
    for index in 0..payments {
        let number = |part: u64| Ids::Time.number(start, (index * 2 + part) as usize);
        let payment = cast.payment(number(0), start);
        let place = 4_000 + index * 100;
        let mut events = vec![(place, payment.clone())];
        if draw.below(8) == 0 {
            let part = if draw.below(2) == 0 { 1 } else { 2 };
            let refund = Sample {
                kind: SampleKind::Refund,
                number: number(1),
                amount: Dong::new(payment.amount.vnd() / part),
                ..payment
            };
            events.push((place + draw.below(8_000) - 4_000.min(place), refund));
        }
        for (place, event) in events {
            if draw.below(6) == 0 {
                posts.push((place + draw.below(4_000), event.clone()));
            }
            posts.push((place, event));
        }
    }
    posts.sort_by_key(|(place, _)| *place);
    posts.into_iter().map(|(_, sample)| sample).collect()
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

/// The distinct events of a plan with their amounts, and what they come to.
pub fn events(posts: &[Sample]) -> (BTreeMap<Event, i64>, Sent) {
    let events: BTreeMap<_, _> = posts
        .iter()
        .map(|sample| (event(sample), sample.amount.vnd()))
        .collect();
    let sent = Sent {
        events: events.len() as i64,
        amount_vnd: events.values().sum(),
        payments: events
            .keys()
            .filter(|(kind, _)| *kind == NoticeKind::Payment)
            .count() as i64,
        repeats: None,
    };
    (events, sent)
}

/// Posts under way, looked at by all senders.
pub struct Traffic {
    cast: Arc<Cast>,
    waiting: Mutex<VecDeque<Sample>>,
    /// Posts that were not told success yet.
    open: AtomicUsize,
    /// Where to post; moves when the service is started anew.
    port: Arc<AtomicU16>,
    until: Instant,
    seen: Mutex<Seen>,
}

/// What the senders saw.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Answers by status.
    pub statuses: BTreeMap<u16, usize>,
    /// Tries that ended without an answer.
    pub broken: usize,
    /// Events that were told success.
    pub acknowledged: BTreeSet<Event>,
}

impl Traffic {
    /// All of a plan, to be posted until this moment at the latest.
    pub fn new(cast: Arc<Cast>, posts: Vec<Sample>, port: Arc<AtomicU16>, until: Instant) -> Traffic {
        Traffic {
            cast,
            open: AtomicUsize::new(posts.len()),
            waiting: Mutex::new(posts.into()),
            port,
            until,
            seen: Mutex::default(),
        }
    }

    /// Posts that were not told success yet.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.seen_now().clone()
    }

    fn seen_now(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts and posts again until nothing is open or the time is over.
    pub async fn send(&self) -> Result<()> {
        let mut connection = None;
        let mut request = Vec::new();
        let mut buffer = Vec::new();
        while self.open() > 0 && Instant::now() < self.until {
            let next = self.waiting().pop_front();
            let Some(sample) = next else {
                // What is still open is under way with another sender and may come back.
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            request.clear();
            self.cast.write(&mut request, &sample, now())?;
            match self.post(&mut connection, &request, &mut buffer).await {
                Ok(true) => {
                    self.seen_now().acknowledged.insert(event(&sample));
                    self.open.fetch_sub(1, Ordering::SeqCst);
                }
                again => {
                    if again.is_err() {
                        connection = None;
                        self.seen_now().broken += 1;
                    }
                    self.waiting().push_back(sample);
                    tokio::time::sleep(AGAIN_AFTER).await;
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
        let answer = tokio::time::timeout(ANSWER_WITHIN, exchange(stream, request, buffer)).await??;
        *self.seen_now().statuses.entry(answer.status).or_default() += 1;
        Ok(answer.is_success())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Sample>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

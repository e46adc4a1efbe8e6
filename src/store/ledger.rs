//! Posting: one transaction per batch of callbacks, from "did it come before" to the counters.

mod days;
mod feed;
mod known;
mod orders;
mod recount;
mod refunds;
mod rows;
mod seen;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::ids::{batch_id, receipt_id};
use super::{Result, Store, Tx, dialect};
use crate::ledger::{
    Attributed, Counters, Decision, Key, OrderCheck, Reason, State, business_day, decide, items_digest,
};
use crate::notice::{Delivery, Item, Kind, Outcome};
use crate::vn::{Day, TimeMs};

pub use days::ClosedDay;
pub use feed::{AuditNotice, AuditRow, FeedPlace, FeedReceipt, FeedStep};
pub use known::WriterMemory;
pub use orders::NewOrder;
pub use recount::{IntakeTotals, Recount, StateTotal, WaitingNotice};

/// Around midnight batches of several instances pass the gate one by one: two that stand on different
/// days would not see each other's notices. As wide as clocks of instances may differ.
const MIDNIGHT_MS: i64 = 15 * 60 * 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A verified callback with the time it was received.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What was verified and read.
    pub delivery: Delivery,
    /// The receiver's clock.
    pub received_at: TimeMs,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Posted {
    /// Receipts posted.
    pub receipts: usize,
    /// For each callback, in the order of the batch, what its sender is to be told.
    pub outcomes: Vec<Outcome>,
}

/// Where a batch stands: its day in the ledger and its id.
struct Batch {
    day: Day,
    id: Arc<str>,
}

/// One notice to be kept.
struct Draft<'a> {
    /// Which callback of the batch it came in.
    at: usize,
    arrival: &'a Arrival,
    item: &'a Item,
    /// Its place if it is the first of its event.
    event: Key,
    /// Its place.
    key: Key,
    state: State,
    reason: Option<Reason>,
    order: OrderCheck,
    /// Where a payment is posted: whose it is, and the new receipt's id.
    receipt: Option<(Attributed, Arc<str>)>,
}

impl<'a> Draft<'a> {
    fn provider_id(&self) -> &'a Arc<str> {
        &self.arrival.delivery.provider_id
    }

    fn received_day(&self) -> Day {
        Day::of(self.arrival.received_at)
    }

    fn business_day(&self) -> Day {
        business_day(self.item, self.arrival.received_at)
    }

    fn is_first(&self) -> bool {
        self.key == self.event
    }

    /// Keeps the item beside the first of its event, for review.
    fn set_aside(&mut self, reason: Reason) {
        self.key = self.event.beside(&self.item.content);
        self.state = State::Quarantined;
        self.reason = Some(reason);
        self.receipt = None;
        self.order = OrderCheck::Fits;
    }

    fn outcome(&self) -> Outcome {
        match self.order {
            OrderCheck::Fits => Outcome::Stored,
            OrderCheck::Unknown => Outcome::UnknownOrder,
            OrderCheck::AmountDiffers(expected) => Outcome::AmountDiffers { expected },
        }
    }
}

impl Store {
    /// Makes a batch of callbacks durable in one transaction and posts what can be posted. When it
    /// returns, each item of each callback is kept exactly once: as posted, quarantined or ignored, or
    /// as the repeat of one that was, however long ago.
    ///
    /// On an error nothing of the batch is kept, unless the connection broke during the commit; then
    /// the provider's retry finds out.
    pub async fn post(&self, arrivals: &[Arrival], memory: &mut WriterMemory) -> Result<Posted> {
        let posted = self.post_batch(arrivals, memory).await;
        if posted.is_err() {
            // What was half read when the database failed must not pass for known.
            *memory = WriterMemory::default();
        }
        posted
    }

    async fn post_batch(&self, arrivals: &[Arrival], memory: &mut WriterMemory) -> Result<Posted> {
        let Some(time) = arrivals.iter().map(|a| a.received_at).max() else {
            return Ok(Posted::default());
        };
        let mut tx = self.begin().await?;
        let items = || arrivals.iter().flat_map(|a| &a.delivery.items);
        let has_refunds = items().any(|i| i.kind.takes_back());
        dialect::pass_gate(&mut tx, has_refunds || is_near_midnight(time)).await?;
        let clock = memory.read_clock(&mut tx).await?;
        let day = Day::of(time).max(clock.open_day);
        let batch = Batch {
            day,
            id: batch_id(TimeMs(time.0.max(day.start().0))).into(),
        };
        days::note_day(&mut tx, memory, day).await?;

        let mut counters = Counters::default();
        let mut told = vec![None; arrivals.len()];
        let fresh = keep_deliveries(&mut tx, &batch, arrivals, memory, &mut counters, &mut told).await?;
        memory
            .learn(
                &mut tx,
                fresh.iter().map(|f| &arrivals[f.at].delivery),
                clock.has_orders,
            )
            .await?;
        let mut drafts = drafts(arrivals, &fresh, memory, &batch);
        heed_other_providers(&mut tx, &batch, memory, &mut drafts).await?;
        let kept = keep_notices(&mut tx, &batch, drafts, memory, &mut counters, &mut told).await?;

        let receipts = rows::post_receipts(&mut tx, &batch, &kept, &mut counters).await?;
        orders::note_payments(&mut tx, &kept).await?;
        refunds::join(&mut tx, &batch, &kept, memory, &mut counters).await?;
        rows::add_counters(&mut tx, &counters).await?;
        let empty = fresh
            .iter()
            .filter(|f| arrivals[f.at].delivery.items.is_empty())
            .map(|f| f.at);
        let worth_keeping: std::collections::BTreeSet<usize> =
            kept.iter().map(|d| d.at).chain(empty).collect();
        if !worth_keeping.is_empty() {
            let callbacks = worth_keeping.iter().map(|at| &arrivals[*at]);
            feed::append(&mut tx, &batch, callbacks, kept.len(), receipts).await?;
        }
        tx.commit().await?;
        memory.committed(day);
        Ok(Posted {
            receipts,
            // Whatever was neither kept nor found to be a repeat held nothing: it is as good as stored.
            outcomes: told.into_iter().map(|t| t.unwrap_or(Outcome::Stored)).collect(),
        })
    }
}

fn is_near_midnight(time: TimeMs) -> bool {
    let since = time.0 - Day::of(time).start().0;
    !(MIDNIGHT_MS..=DAY_MS - MIDNIGHT_MS).contains(&since)
}

/// A callback of the batch whose items are to be looked at.
#[derive(Clone, Copy)]
struct Fresh {
    at: usize,
    /// Its id was used before for other items.
    is_reused: bool,
}

/// Keeps the id of each delivery that has one. A delivery that came before with the same items counts
/// as repeats; with other items its items are kept apart.
async fn keep_deliveries(
    tx: &mut Tx,
    batch: &Batch,
    arrivals: &[Arrival],
    memory: &WriterMemory,
    counters: &mut Counters,
    told: &mut [Option<Outcome>],
) -> Result<Vec<Fresh>> {
    let mut fresh = Vec::with_capacity(arrivals.len());
    let mut firsts: BTreeMap<Key, (usize, [u8; 16])> = BTreeMap::new();
    let mut again: Vec<(Key, usize, [u8; 16])> = Vec::new();
    for (at, arrival) in arrivals.iter().enumerate() {
        let Some(id) = &arrival.delivery.delivery_id else {
            fresh.push(Fresh { at, is_reused: false });
            continue;
        };
        let key = Key::of_delivery(&arrival.delivery.provider_id, id);
        let digest = items_digest(&arrival.delivery.items);
        match firsts.entry(key) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert((at, digest));
            }
            std::collections::btree_map::Entry::Occupied(_) => again.push((key, at, digest)),
        }
    }
    let rows: Vec<(Key, [u8; 16])> = firsts.iter().map(|(key, (_, digest))| (*key, *digest)).collect();
    let mut days = memory.near_days(batch.day);
    if tx.is_sqlite() {
        // Its new rows have no numbers of their own here, so what is there is asked for beforehand;
        // PostgreSQL names the new ones.
        days.push(batch.day);
    }
    let keys: Vec<Key> = rows.iter().map(|r| r.0).collect();
    let before = seen::delivery_digests(tx, &days, &keys).await?;
    let (old, candidates): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(key, _)| before.contains_key(key));
    let new = rows::insert_deliveries(tx, batch.day, &candidates).await?;
    let mut digests: HashMap<Key, [u8; 16]> = before;
    let raced: Vec<Key> = candidates.iter().map(|c| c.0).filter(|k| !new.holds(k)).collect();
    digests.extend(seen::delivery_digests(tx, &[batch.day], &raced).await?);
    let raced = candidates.iter().filter(|(key, _)| !new.holds(key));
    for (key, digest) in old.iter().chain(raced) {
        again.push((*key, firsts[key].0, *digest));
    }
    for (key, digest) in candidates.iter().filter(|(key, _)| new.holds(key)) {
        fresh.push(Fresh {
            at: firsts[key].0,
            is_reused: false,
        });
        digests.insert(*key, *digest);
    }
    for (key, at, digest) in again {
        let delivery = &arrivals[at].delivery;
        if digests.get(&key) == Some(&digest) {
            let day = Day::of(arrivals[at].received_at);
            counters.repeated(&delivery.provider_id, day, delivery.items.len() as i64);
            told[at] = Some(Outcome::Repeat);
        } else {
            fresh.push(Fresh { at, is_reused: true });
        }
    }
    fresh.sort_by_key(|f| f.at);
    Ok(fresh)
}

/// Decides every item of the fresh callbacks.
fn drafts<'a>(
    arrivals: &'a [Arrival],
    fresh: &[Fresh],
    memory: &WriterMemory,
    batch: &Batch,
) -> Vec<Draft<'a>> {
    let mut drafts = Vec::with_capacity(fresh.len());
    for Fresh { at, is_reused } in fresh {
        let arrival = &arrivals[*at];
        let delivery = &arrival.delivery;
        for item in &delivery.items {
            let verdict = decide(
                &delivery.provider_id,
                item,
                delivery.has_orders,
                arrival.received_at,
                memory.known(),
            );
            let (state, reason, receipt) = match verdict.decision {
                Decision::Post(to) => (
                    State::Posted,
                    None,
                    Some((to, receipt_id(&batch.id, drafts.len()).into())),
                ),
                Decision::Quarantine(reason) => (State::Quarantined, Some(reason), None),
                Decision::Ignore(reason) => (State::Ignored, Some(reason), None),
            };
            let event = Key::of_event(&delivery.provider_id, &item.event_id, item.kind.as_str());
            let mut draft = Draft {
                at: *at,
                arrival,
                item,
                event,
                key: event,
                state,
                reason,
                order: verdict.order,
                receipt,
            };
            if *is_reused {
                draft.set_aside(Reason::WebhookIdReused);
            }
            drafts.push(draft);
        }
    }
    drafts
}

/// A bank transfer that another provider already reported is no second receipt (PROTOCOLS section 1).
async fn heed_other_providers(
    tx: &mut Tx,
    batch: &Batch,
    memory: &mut WriterMemory,
    drafts: &mut [Draft<'_>],
) -> Result<()> {
    let transfer_of = |d: &Draft<'_>| {
        let details = &d.item.details;
        let bank_ref = details.bank_ref.as_deref().filter(|r| !r.is_empty())?;
        let is_posting = d.receipt.is_some() && !details.account_number.is_empty();
        is_posting.then(|| Key::of_transfer(bank_ref, &details.account_number, d.item.amount))
    };
    if drafts.iter().all(|d| transfer_of(d).is_none()) {
        return Ok(());
    }
    // What came before, with whichever content, posts nothing now and so claims nothing.
    let events: Vec<Key> = drafts.iter().map(|d| d.event).collect();
    let mut seen = seen::events_before(tx, memory, batch.day, &events).await?;
    seen.today(tx, batch.day, &events).await?;
    let mut first = HashSet::new();
    let mut is_new = |d: &Draft<'_>| d.is_first() && !seen.has_first(&d.event) && first.insert(d.event);
    let claiming: Vec<Option<Key>> = drafts
        .iter()
        .map(|d| if is_new(d) { transfer_of(d) } else { None })
        .collect();
    let mut claims: BTreeMap<Key, &Arc<str>> = BTreeMap::new();
    for (d, key) in drafts.iter().zip(&claiming) {
        if let Some(key) = key {
            claims.entry(*key).or_insert(d.provider_id());
        }
    }
    let owners = rows::claim_transfers(tx, batch.day, &memory.near_days(batch.day), &claims).await?;
    for (d, key) in drafts.iter_mut().zip(claiming) {
        let owner = key.and_then(|key| owners.get(&key));
        if owner.is_some_and(|owner| **owner != **d.provider_id()) {
            d.state = State::Ignored;
            d.reason = Some(Reason::SameTransfer);
            d.receipt = None;
        }
    }
    Ok(())
}

/// Keeps every draft that is new and gives it back. One whose event was there with the same content is
/// only counted; with other content it is set aside beside the first, once per content.
async fn keep_notices<'a>(
    tx: &mut Tx,
    batch: &Batch,
    drafts: Vec<Draft<'a>>,
    memory: &mut WriterMemory,
    counters: &mut Counters,
    told: &mut [Option<Outcome>],
) -> Result<Vec<Draft<'a>>> {
    let events: Vec<Key> = drafts.iter().map(|d| d.event).collect();
    let mut seen = seen::events_before(tx, memory, batch.day, &events).await?;
    let (mut first, mut later) = (BTreeMap::new(), Vec::new());
    for draft in drafts {
        let is_old = seen.has_first(&draft.event);
        match first.entry(draft.key) {
            std::collections::btree_map::Entry::Vacant(slot) if draft.is_first() && !is_old => {
                slot.insert(draft);
            }
            _ => later.push(draft),
        }
    }
    let first: Vec<Draft> = first.into_values().collect();
    let new = rows::insert_notices(tx, batch, &first).await?;
    let mut kept = Vec::with_capacity(first.len());
    for draft in first {
        match new.holds(&draft.key) {
            true => kept.push(draft),
            false => later.push(draft),
        }
    }
    if !later.is_empty() {
        let keys: Vec<Key> = later.iter().map(|d| d.event).collect();
        seen.today(tx, batch.day, &keys).await?;
        let aside = settle(later, &mut seen, counters, told)?;
        let new = rows::insert_notices(tx, batch, &aside).await?;
        for draft in aside {
            match new.holds(&draft.key) {
                true => kept.push(draft),
                false => repeated(&draft, Outcome::Stored, counters, told),
            }
        }
    }
    for draft in &kept {
        counters.kept(
            draft.provider_id(),
            draft.received_day(),
            draft.state,
            draft.item.amount,
        );
        tell(told, draft.at, draft.outcome());
    }
    Ok(kept)
}

/// What becomes of drafts whose event is known: repeats are counted, other contents are given back to
/// be kept beside the first.
fn settle<'a>(
    drafts: Vec<Draft<'a>>,
    seen: &mut seen::Seen,
    counters: &mut Counters,
    told: &mut [Option<Outcome>],
) -> Result<Vec<Draft<'a>>> {
    let mut aside: Vec<Draft> = Vec::new();
    let mut keys: HashSet<Key> = HashSet::new();
    for mut draft in drafts {
        let same = seen.with_content(&draft)?;
        if let Some(reason) = same {
            repeated(&draft, outcome_again(reason.as_deref(), &draft), counters, told);
            continue;
        }
        if draft.is_first() {
            draft.set_aside(Reason::SameIdOtherContent);
        }
        match keys.insert(draft.key) {
            true => aside.push(draft),
            false => repeated(&draft, Outcome::Stored, counters, told),
        }
    }
    aside.sort_by_key(|d| d.key);
    Ok(aside)
}

/// The answer to a repeat: "already have it", unless the first is still parked for its order; then that
/// answer again (PROTOCOLS section 1, rule 9).
fn outcome_again(reason: Option<&str>, draft: &Draft<'_>) -> Outcome {
    let is_parked = reason
        .is_some_and(|r| r == Reason::UnknownOrder.as_str() || r == Reason::OrderAmountDiffers.as_str());
    match (is_parked, draft.outcome()) {
        (true, Outcome::Stored) | (false, _) => Outcome::Repeat,
        (true, outcome) => outcome,
    }
}

fn repeated(draft: &Draft<'_>, outcome: Outcome, counters: &mut Counters, told: &mut [Option<Outcome>]) {
    counters.repeated(draft.provider_id(), draft.received_day(), 1);
    tell(told, draft.at, outcome);
}

/// A callback of several items is stored if one of them is; only if all are repeats it is one.
fn tell(told: &mut [Option<Outcome>], at: usize, outcome: Outcome) {
    told[at] = match (told[at].take(), outcome) {
        (None, outcome) => Some(outcome),
        (Some(Outcome::Repeat), Outcome::Repeat) => Some(Outcome::Repeat),
        _ => Some(Outcome::Stored),
    };
}

/// Maps rows of (key, value) into lists by key.
fn grouped<K: std::hash::Hash + Eq, V>(rows: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut out: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in rows {
        out.entry(key).or_default().push(value);
    }
    out
}

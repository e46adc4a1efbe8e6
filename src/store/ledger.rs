//! Posting: one transaction per batch of callbacks, from "did it come before" to the counters.
//!
//! Batches pass one after the other, over all instances: each begins by taking the row of the feed, and so
//! sees all that was kept before it. Whether something came before is then known from memory (the traces
//! of the last batches) and from runs of older traces; nothing is asked of the big tables.

mod bills;
mod corrections;
mod feed;
mod known;
mod orders;
mod partitions;
mod recount;
mod refunds;
mod rows;
mod runs;
mod seen;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Result, Store, Tx, dialect, on_tx};
use crate::ledger::{
    Attributed, Class, Counters, Decision, EntryRow, Key, LedgerNo, OrderCheck, Reason, ReceiptRow, Standing,
    State, Trace, business_day, decide, items_digest, rows_digest,
};
use crate::notice::{ContentDigest, Delivery, Details, Item, NoticeKind, Outcome, content_by_statement};
use crate::reconcile::txn_id_of_row;
use crate::vn::{Day, TimeMs};

pub use bills::{BillView, NewBill};
pub(super) use corrections::REFUND_HEARD;
pub use feed::{AuditEntry, AuditReceipt, AuditRow, FeedReceipt, FeedStep};
pub(super) use known::RegisterMemory;
pub use known::WriterMemory;
pub use orders::NewOrder;
pub use recount::{IntakeTotals, Recount, StateTotal, WaitingNotice};
pub use runs::FullGeneration;
use seen::Seen;
pub(super) use seen::entries_of_payments;

/// A verified callback with the time it was received.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What was verified and read.
    pub delivery: Delivery,
    pub received_at: TimeMs,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Posted {
    pub receipts: usize,
    /// For each callback, in the order of the batch, what its sender is to be told.
    pub outcomes: Vec<Outcome>,
}

/// Where the ledger stands, as this transaction sees it and nobody else can change it.
struct Clock {
    epoch: i64,
    batch_no: LedgerNo,
    entry_no: LedgerNo,
    digest: [u8; 32],
    generation: i64,
    generation_bytes: i64,
    runs_epoch: i64,
    /// The day counters hold the receipts up to this one.
    counted_entry_no: LedgerNo,
    /// Whether any order waits.
    has_orders: bool,
    /// Whether any refund waits.
    has_waiting: bool,
    /// Whether any stall ever made a bill.
    has_bills: bool,
}

/// One notice to be kept.
struct Draft<'a> {
    /// Which callback of the batch it came in.
    at: usize,
    arrival: &'a Arrival,
    item: &'a Item,
    /// Its key if it is the first of its event.
    event: Key,
    key: Key,
    standing: Standing,
    state: State,
    reason: Option<Reason>,
    order: OrderCheck,
    /// Where a payment is posted: whose it is.
    receipt: Option<Attributed>,
    /// Its number, once it is known to be new.
    entry_no: LedgerNo,
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

    /// The bank's own reference of a payment, by which a statement names it too.
    fn bank_ref(&self) -> Option<&'a str> {
        let bank_ref = self.item.details.bank_ref.as_deref();
        bank_ref.filter(|text| !text.is_empty() && *text != self.item.provider_txn_id)
    }

    /// Whether a statement says it, or said it first: then the amount alone makes it the same.
    fn is_said_by_statement(&self, first: &ContentDigest) -> bool {
        self.item.details.from_statement.is_some() || self.was_said_by_statement(first)
    }

    /// Whether a statement said it first.
    fn was_said_by_statement(&self, first: &ContentDigest) -> bool {
        *first == content_by_statement(self.item.amount)
    }

    /// The events under which a statement may know a payment whose notice has an id of its own: the provider's id of
    /// the transaction, and the bank's reference, which is the one id in a bank's own statement.
    fn events_by_statement(&self) -> impl Iterator<Item = Key> {
        let is_payment = self.item.kind == NoticeKind::Payment && self.item.details.from_statement.is_none();
        let txn_id = self.own_event_id().map(|_| &*self.item.provider_txn_id);
        let ids = [txn_id, self.bank_ref()].into_iter().flatten();
        let kind = NoticeKind::Payment.as_str();
        ids.filter(move |_| is_payment)
            .map(move |id| Key::of_event(self.provider_id(), id, kind))
    }

    /// Under which key a bank transfer is known, whoever tells of it.
    fn transfer(&self, reference: &str) -> Option<Key> {
        let account_number = &self.item.details.account_number;
        let is_posting = self.receipt.is_some() && !account_number.is_empty();
        let is_named = is_posting && !reference.is_empty();
        is_named.then(|| Key::of_transfer(reference, account_number, self.item.amount))
    }

    /// The transfer by the bank's reference.
    fn bank_transfer(&self) -> Option<Key> {
        self.transfer(self.item.details.bank_ref.as_deref()?)
    }

    /// The transfer of a row that has only one reference, so that a notice of the same provider with it tells of the
    /// same payment. What the row calls its id may be the bank's reference or the provider's own, so it says nothing
    /// of what other providers tell.
    fn transfer_of_row(&self) -> Option<Key> {
        let details = &self.item.details;
        let row = details.from_statement?;
        let txn_id = &*self.item.provider_txn_id;
        match details.bank_ref.as_deref().unwrap_or_default() {
            "" => self.transfer(txn_id),
            bank_ref if bank_ref == txn_id || txn_id == txn_id_of_row(row.row_no) => self.transfer(bank_ref),
            _ => None,
        }
    }

    /// Whether the ledger heard of a row's payment by another way since the row was compared.
    fn was_heard(&self, seen: &Seen) -> bool {
        self.item.details.from_statement.is_some() && seen.payment_with_id(&self.event).is_some()
    }

    fn is_first(&self) -> bool {
        matches!(self.standing, Standing::First(_))
    }

    /// The event's id, where it is not the provider's transaction id.
    fn own_event_id(&self) -> Option<&'a str> {
        (self.item.event_id != self.item.provider_txn_id).then_some(&*self.item.event_id)
    }

    /// Keeps the item beside the first of its event, for review.
    fn set_aside(&mut self, standing: Standing, reason: Reason) {
        self.key = self.event.beside(&self.item.content);
        self.standing = standing;
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

    fn row(&self) -> EntryRow<'_> {
        EntryRow {
            entry_no: self.entry_no.get(),
            provider_id: self.provider_id(),
            event_id: &self.item.event_id,
            provider_txn_id: &self.item.provider_txn_id,
            kind: self.item.kind.as_str(),
            content: &self.item.content,
            amount_vnd: self.item.amount.vnd(),
            received_at_ms: self.arrival.received_at.0,
            receipt: self.receipt.as_ref().map(|to| ReceiptRow {
                household_id: &to.household_id,
                stall_id: to.stall_id.as_deref(),
                place_id: &to.place_id,
                business_day: self.business_day().number(),
                occurred_at_ms: self.item.details.occurred_at.map(|t| t.0),
            }),
        }
    }

    fn trace(&self) -> Trace<'_> {
        Trace {
            key: self.key,
            standing: self.standing,
            provider_id: self.provider_id(),
            id: &self.item.event_id,
            content: self.item.content,
            entry_no: self.entry_no.get(),
        }
    }
}

/// What the senders of a batch are to be told, and what the counters gain.
struct Told {
    outcomes: Vec<Option<Outcome>>,
    counters: Counters,
}

impl Told {
    /// A callback of several items is stored if one of them is; only if all are repeats it is one.
    fn tell(&mut self, at: usize, outcome: Outcome) {
        let told = &mut self.outcomes[at];
        *told = match (told.take(), outcome) {
            (None, outcome) => Some(outcome),
            (Some(Outcome::Repeat), Outcome::Repeat) => Some(Outcome::Repeat),
            _ => Some(Outcome::Stored),
        };
    }

    fn repeated(&mut self, draft: &Draft<'_>, outcome: Outcome) {
        self.counters
            .repeated(draft.provider_id(), draft.received_day(), 1);
        self.tell(draft.at, outcome);
    }

    fn kept(&mut self, draft: &Draft<'_>) {
        let day = draft.received_day();
        let amount = draft.item.amount;
        self.counters.kept(draft.provider_id(), day, draft.state, amount);
        self.tell(draft.at, draft.outcome());
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
        if let Some(full) = memory.traces.overdue() {
            // Nobody sorts them beside us, or not as fast as they come: then here, before there are more.
            self.sort_generation(&full).await?;
        }
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
        dialect::pass_gate(&mut tx).await?;
        let clock = read_clock(&mut tx).await?;
        memory.traces.catch_up(&mut tx, &clock).await?;
        memory.register.trust_only(clock.epoch);

        let mut told = Told {
            outcomes: vec![None; arrivals.len()],
            counters: Counters::default(),
        };
        let fresh = fresh_deliveries(&mut tx, arrivals, memory, &mut told).await?;
        let mut named: Vec<(&Arc<str>, &Details)> = Vec::with_capacity(arrivals.len());
        for delivery in fresh.iter().map(|f| &arrivals[f.at].delivery) {
            named.extend(
                delivery
                    .items
                    .iter()
                    .map(|item| (&delivery.provider_id, &item.details)),
            );
        }
        memory.register.learn(&mut tx, &named, clock.has_orders).await?;
        let drafts = drafts(arrivals, &fresh, memory);
        let mut kept = keep_new(&mut tx, drafts, memory, &mut told).await?;
        let transfers = heed_transfers(&mut tx, memory, &mut kept, &mut told).await?;

        let day = Day::of(time);
        let mut entry_no = clock.entry_no;
        for draft in &mut kept {
            entry_no = entry_no.next(day);
            draft.entry_no = entry_no;
            told.kept(draft);
        }
        // A callback is worth keeping for what it brought, or for bringing nothing that was ever there.
        let is_empty = |f: &&Fresh| arrivals[f.at].delivery.items.is_empty();
        let worth: BTreeSet<usize> = kept
            .iter()
            .map(|d| d.at)
            .chain(fresh.iter().filter(is_empty).map(|f| f.at))
            .collect();
        let evidence = (!worth.is_empty()).then(|| feed::compressed(worth.iter().map(|at| &arrivals[*at])));
        let receipts = rows::insert_receipts(&mut tx, &kept).await?;
        rows::insert_notices(&mut tx, &kept).await?;
        orders::note_payments(&mut tx, &kept).await?;
        if clock.has_bills {
            bills::link_payments(&mut tx, &kept).await?;
        }
        refunds::join(&mut tx, &kept, memory, &clock, &mut told.counters).await?;
        rows::add_counters(&mut tx, &told.counters).await?;
        let added = match evidence {
            None => None,
            Some(evidence) => {
                let traces = traces(arrivals, &fresh, &worth, &transfers, &kept);
                let batch = feed::NewBatch {
                    no: clock.batch_no.next(day),
                    first_entry_no: kept.first().map_or(entry_no, |d| d.entry_no),
                    last_entry_no: entry_no,
                    entries: kept.len() as i64,
                    receipts: receipts as i64,
                    callbacks: worth.len() as i64,
                    rows_digest: rows_digest(kept.iter().map(Draft::row)),
                    evidence: evidence.await?,
                    traces,
                };
                Some(feed::append(&mut tx, &clock, batch).await?)
            }
        };
        rows::count_if_many(&mut tx, clock.counted_entry_no, entry_no).await?;
        tx.commit().await?;
        if let Some(added) = added {
            memory.traces.add(added)?;
        }
        Ok(Posted {
            receipts,
            // Whatever was neither kept nor found to be a repeat held nothing: it is as good as stored.
            outcomes: told
                .outcomes
                .into_iter()
                .map(|t| t.unwrap_or(Outcome::Stored))
                .collect(),
        })
    }
}

async fn read_clock(tx: &mut Tx) -> Result<Clock> {
    type Row = (i64, i64, i64, Vec<u8>, i64, i64, i64, i64, i64, i64, i64);
    let row: Row = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.epoch, f.batch_no, f.entry_no, f.digest, f.generation, f.generation_bytes, f.runs_epoch,
                    f.counted_entry_no,
                    CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM payment_order LIMIT 1) o) AS BIGINT),
                    CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM refund_waiting LIMIT 1) w) AS BIGINT),
                    CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM bill LIMIT 1) b) AS BIGINT)
             FROM register_epoch r, feed f WHERE r.id = 1 AND f.id = 1",
        )
        .fetch_one(c)
        .await?
    });
    let (
        epoch,
        batch_no,
        entry_no,
        digest,
        generation,
        generation_bytes,
        runs_epoch,
        counted,
        orders,
        waiting,
        bills,
    ) = row;
    Ok(Clock {
        epoch,
        batch_no: LedgerNo::of(batch_no),
        entry_no: LedgerNo::of(entry_no),
        digest: feed::digest_of(digest, batch_no)?,
        generation,
        generation_bytes,
        runs_epoch,
        counted_entry_no: LedgerNo::of(counted),
        has_orders: orders > 0,
        has_waiting: waiting > 0,
        has_bills: bills > 0,
    })
}

/// A callback of the batch whose items are to be looked at.
#[derive(Clone, Copy)]
struct Fresh {
    at: usize,
    /// Its id, where it is the first of that id, with the digest of its items.
    delivery: Option<(Key, ContentDigest)>,
    /// Its id was used before for other items.
    is_reused: bool,
}

/// The callbacks that are not known by their id. One that came before with the same items counts as
/// repeats; with other items its items are kept apart.
async fn fresh_deliveries(
    tx: &mut Tx,
    arrivals: &[Arrival],
    memory: &WriterMemory,
    told: &mut Told,
) -> Result<Vec<Fresh>> {
    let ids: Vec<Option<(Key, ContentDigest)>> = arrivals
        .iter()
        .map(|arrival| {
            let delivery = &arrival.delivery;
            let id = delivery.delivery_id.as_ref()?;
            Some((
                Key::of_delivery(&delivery.provider_id, id),
                items_digest(&delivery.items),
            ))
        })
        .collect();
    let keys: Vec<Key> = ids.iter().flatten().map(|(key, _)| *key).collect();
    let seen = memory.traces.find(tx, Class::Recent, &keys).await?;
    let mut digests: HashMap<Key, ContentDigest> = HashMap::with_capacity(keys.len());
    let mut fresh = Vec::with_capacity(arrivals.len());
    for (at, (arrival, id)) in arrivals.iter().zip(ids).enumerate() {
        let before = id.and_then(|(key, _)| {
            let kept = seen.of(&key).next().map(|trace| trace.content);
            kept.or_else(|| digests.get(&key).copied())
        });
        match (id, before) {
            (Some((_, digest)), Some(before)) if before == digest => {
                let day = Day::of(arrival.received_at);
                let items = arrival.delivery.items.len() as i64;
                told.counters.repeated(&arrival.delivery.provider_id, day, items);
                told.outcomes[at] = Some(Outcome::Repeat);
            }
            (_, Some(_)) => fresh.push(Fresh {
                at,
                delivery: None,
                is_reused: true,
            }),
            (delivery, None) => {
                digests.extend(delivery);
                fresh.push(Fresh {
                    at,
                    delivery,
                    is_reused: false,
                });
            }
        }
    }
    Ok(fresh)
}

/// Decides every item of the fresh callbacks.
fn drafts<'a>(arrivals: &'a [Arrival], fresh: &[Fresh], memory: &WriterMemory) -> Vec<Draft<'a>> {
    let mut drafts = Vec::with_capacity(fresh.len());
    for Fresh { at, is_reused, .. } in fresh {
        let arrival = &arrivals[*at];
        let delivery = &arrival.delivery;
        for item in &delivery.items {
            let verdict = decide(
                &delivery.provider_id,
                item,
                delivery.has_orders,
                arrival.received_at,
                memory.register.known(),
            );
            let (state, reason, receipt) = match verdict.decision {
                Decision::Post(to) => (State::Posted, None, Some(to)),
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
                standing: Standing::First(item.kind),
                state,
                reason,
                order: verdict.order,
                receipt,
                entry_no: LedgerNo::default(),
            };
            if *is_reused {
                draft.set_aside(Standing::DeliveryReused(item.kind), Reason::WebhookIdReused);
            }
            drafts.push(draft);
        }
    }
    drafts
}

/// The drafts that are to be kept. One whose event is known with the same content is only counted; with
/// other content it is set aside beside the first, once per content.
async fn keep_new<'a>(
    tx: &mut Tx,
    drafts: Vec<Draft<'a>>,
    memory: &WriterMemory,
    told: &mut Told,
) -> Result<Vec<Draft<'a>>> {
    let mut events: Vec<Key> = drafts.iter().map(|d| d.event).collect();
    events.extend(drafts.iter().flat_map(Draft::events_by_statement));
    let seen = memory.traces.find(tx, Class::Event, &events).await?;
    let mut kept: Vec<Draft<'a>> = Vec::with_capacity(drafts.len());
    // Of this batch: the first of each event, by its place among the kept, and what stands beside one.
    let mut firsts: HashMap<Key, usize> = HashMap::with_capacity(drafts.len());
    let mut beside: HashSet<Key> = HashSet::new();
    for mut draft in drafts {
        if draft.was_heard(&seen) {
            told.repeated(&draft, Outcome::Repeat);
            continue;
        }
        if let Some(same) = seen.same(&draft)? {
            let outcome = outcome_again(tx, &draft, same.entry_no).await?;
            told.repeated(&draft, outcome);
            continue;
        }
        let first = firsts.get(&draft.event).map(|at| &kept[*at]);
        if let Some(first) = first.filter(|first| first.item.content == draft.item.content) {
            let outcome = match first.receipt {
                Some(_) => Outcome::Repeat,
                None => again(&draft),
            };
            told.repeated(&draft, outcome);
            continue;
        }
        let in_batch = first.map(|first| first.item.content);
        if let Some(content) = in_batch.or_else(|| seen.first_content(&draft.event))
            && draft.is_said_by_statement(&content)
        {
            told.repeated(&draft, Outcome::Repeat);
            continue;
        }
        let said: Vec<(ContentDigest, i64)> = draft
            .events_by_statement()
            .filter_map(|event| seen.first(&event).map(|known| (known.content, known.entry_no)))
            .collect();
        if said.iter().any(|(said, _)| draft.was_said_by_statement(said)) {
            told.repeated(&draft, Outcome::Repeat);
            continue;
        }
        for (_, entry_no) in said {
            // The statement told of it with another amount: for a person, and no second receipt.
            if draft.is_first() && is_from_statement(tx, entry_no).await? {
                draft.set_aside(
                    Standing::OtherContent(draft.item.kind),
                    Reason::SameIdOtherContent,
                );
            }
        }
        if draft.is_first() {
            if first.is_none() && !seen.has_first(&draft.event) {
                firsts.insert(draft.event, kept.len());
                kept.push(draft);
                continue;
            }
            draft.set_aside(
                Standing::OtherContent(draft.item.kind),
                Reason::SameIdOtherContent,
            );
        }
        if seen.of(&draft.key).next().is_none() && beside.insert(draft.key) {
            kept.push(draft)
        } else {
            told.repeated(&draft, Outcome::Stored)
        }
    }
    Ok(kept)
}

/// Whether an entry is a receipt that a statement told of first.
async fn is_from_statement(tx: &mut Tx, entry_no: i64) -> Result<bool> {
    let row: Option<(i64,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT entry_no FROM receipt WHERE entry_no = $1 AND statement_row_no IS NOT NULL")
            .bind(entry_no)
            .fetch_optional(c)
            .await?
    });
    Ok(row.is_some())
}

/// The answer to a repeat: "already have it", unless the first brought no money and its order still does
/// not fit; then that answer again (docs/spec/providers.md, section 1, rule 9).
async fn outcome_again(tx: &mut Tx, draft: &Draft<'_>, entry_no: i64) -> Result<Outcome> {
    if draft.outcome() == Outcome::Stored {
        return Ok(Outcome::Repeat);
    }
    let receipt: Option<(i64,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT amount_vnd FROM receipt WHERE entry_no = $1")
            .bind(entry_no)
            .fetch_optional(c)
            .await?
    });
    Ok(receipt.map_or_else(|| again(draft), |_| Outcome::Repeat))
}

fn again(draft: &Draft<'_>) -> Outcome {
    match draft.outcome() {
        Outcome::Stored => Outcome::Repeat,
        outcome => outcome,
    }
}

/// A bank transfer that was posted here, as its trace is kept.
struct Transfer {
    key: Key,
    /// Which of the kept drafts posted it.
    draft: usize,
}

/// A bank transfer that another provider already reported is no second receipt
/// (docs/spec/providers.md, section 1), and the notice
/// of one that a statement told of first is its repeat. Gives back the transfers that are posted now.
async fn heed_transfers(
    tx: &mut Tx,
    memory: &WriterMemory,
    kept: &mut Vec<Draft<'_>>,
    told: &mut Told,
) -> Result<Vec<Transfer>> {
    let keys: Vec<Key> = kept
        .iter()
        .flat_map(|d| [d.bank_transfer(), d.transfer_of_row()])
        .flatten()
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let seen = memory.traces.find(tx, Class::Event, &keys).await?;
    kept.retain(|d| {
        let is_row = d.item.details.from_statement.is_some();
        let key = if is_row {
            d.transfer_of_row()
        } else {
            d.bank_transfer()
        };
        // A notice after its row is its repeat; so is a row whose notice came since it was compared.
        let was_said = key.is_some_and(|key| {
            seen.of(&key).any(|trace| {
                *trace.provider_id() == **d.provider_id() && d.was_said_by_statement(&trace.content) != is_row
            })
        });
        if was_said {
            told.repeated(d, Outcome::Repeat);
        }
        !was_said
    });
    let claims: Vec<(usize, Key)> = kept
        .iter()
        .enumerate()
        .filter_map(|(at, d)| Some((at, d.bank_transfer()?)))
        .collect();
    let mut owners: HashMap<Key, Arc<str>> = HashMap::new();
    let mut posted = Vec::new();
    for (at, key) in claims {
        let d = &mut kept[at];
        let before = seen.of(&key).next().map(|trace| Arc::from(trace.provider_id()));
        let is_known = before.is_some();
        let owner = owners
            .entry(key)
            .or_insert_with(|| before.unwrap_or_else(|| d.provider_id().clone()));
        if **owner != **d.provider_id() {
            d.state = State::Ignored;
            d.reason = Some(Reason::SameTransfer);
            d.receipt = None;
        } else if !is_known {
            posted.push(Transfer { key, draft: at });
        }
    }
    Ok(posted)
}

/// The traces of what is kept: of its deliveries, transfers, events, and transactions with an event of their own.
fn traces(
    arrivals: &[Arrival],
    fresh: &[Fresh],
    worth: &BTreeSet<usize>,
    transfers: &[Transfer],
    kept: &[Draft<'_>],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(200 * kept.len());
    for fresh in fresh.iter().filter(|f| worth.contains(&f.at)) {
        let delivery = &arrivals[fresh.at].delivery;
        if let (Some((key, content)), Some(id)) = (fresh.delivery, &delivery.delivery_id) {
            let trace = Trace {
                key,
                standing: Standing::Delivery,
                provider_id: &delivery.provider_id,
                id,
                content,
                entry_no: 0,
            };
            trace.write(&mut out);
        }
    }
    for transfer in transfers {
        let d = &kept[transfer.draft];
        let trace = Trace {
            key: transfer.key,
            standing: Standing::Transfer,
            provider_id: d.provider_id(),
            id: d.item.details.bank_ref.as_deref().unwrap_or_default(),
            content: d.item.content,
            entry_no: d.entry_no.get(),
        };
        trace.write(&mut out);
    }
    for draft in kept {
        draft.trace().write(&mut out);
        let is_receipt = draft.receipt.is_some() && draft.item.kind == NoticeKind::Payment;
        if is_receipt && draft.own_event_id().is_some() {
            let trace = Trace {
                key: Key::of_event(
                    draft.provider_id(),
                    &draft.item.provider_txn_id,
                    draft.item.kind.as_str(),
                ),
                standing: Standing::TransactionId,
                id: &draft.item.provider_txn_id,
                ..draft.trace()
            };
            trace.write(&mut out);
        }
    }
    out
}

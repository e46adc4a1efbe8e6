//! Posting a batch of callbacks: read what is known, decide what is kept and what each sender is told, write it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Result, Store, Tx, dialect};
use super::draft::{Arrival, Draft};
use super::head::{LedgerHead, read_head};
use super::repeats::{
    BatchAnswers, NewCallback, PostedTransfer, apply_known_transfers, drop_known_callbacks, drop_known_events,
};
use super::trace_memory::{AddedTraces, TraceMemory};
use super::writer_memory::WriterMemory;
use super::{bills, feed, orders, refunds, review, rows};
use crate::ledger::{
    AttributionFacts, Decision, Key, LedgerNo, Reason, Standing, State, Trace, decide, rows_digest,
};
use crate::notice::{Details, NoticeKind, Outcome};
use crate::vn::Day;

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Posted {
    pub receipts: usize,
    /// For each callback, in the order of the batch, what its sender is answered.
    pub outcomes: Vec<Outcome>,
}

/// A batch of which it is decided what is kept.
struct DecidedBatch<'a> {
    arrivals: &'a [Arrival],
    callbacks: Vec<NewCallback>,
    kept: Vec<Draft<'a>>,
    transfers: Vec<PostedTransfer>,
    answers: BatchAnswers,
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
        dialect::lock_feed(&mut tx).await?;
        let head = read_head(&mut tx).await?;
        memory.catch_up(&mut tx, &head).await?;
        let mut batch = decide_batch(&mut tx, arrivals, memory, &head).await?;
        let (receipts, traces) =
            write_batch(&mut tx, &mut batch, &memory.traces, &head, Day::of(time)).await?;
        tx.commit().await?;
        if let Some(traces) = traces {
            memory.traces.add(traces)?;
        }
        let outcomes = batch.answers.outcomes();
        Ok(Posted { receipts, outcomes })
    }
}

async fn decide_batch<'a>(
    tx: &mut Tx,
    arrivals: &'a [Arrival],
    memory: &mut WriterMemory,
    head: &LedgerHead,
) -> Result<DecidedBatch<'a>> {
    let mut answers = BatchAnswers::new(arrivals.len());
    let callbacks = drop_known_callbacks(tx, arrivals, &memory.traces, &mut answers).await?;
    let mut named: Vec<(&Arc<str>, &Details)> = Vec::with_capacity(arrivals.len());
    for callback in &callbacks {
        let delivery = &arrivals[callback.at].delivery;
        named.extend(
            delivery
                .items
                .iter()
                .map(|item| (&delivery.provider_id, &item.details)),
        );
    }
    memory.register.load(tx, &named, head.has_orders).await?;
    let drafts = decide_items(arrivals, &callbacks, memory.register.known());
    let mut kept = drop_known_events(tx, drafts, &memory.traces, &mut answers).await?;
    let transfers = apply_known_transfers(tx, &memory.traces, &mut kept, &mut answers).await?;
    Ok(DecidedBatch {
        arrivals,
        callbacks,
        kept,
        transfers,
        answers,
    })
}

/// Decides every item of the new callbacks.
fn decide_items<'a>(
    arrivals: &'a [Arrival],
    callbacks: &[NewCallback],
    known: &AttributionFacts,
) -> Vec<Draft<'a>> {
    let mut drafts = Vec::with_capacity(callbacks.len());
    for NewCallback { at, is_reused, .. } in callbacks {
        let arrival = &arrivals[*at];
        let delivery = &arrival.delivery;
        for item in &delivery.items {
            let verdict = decide(
                &delivery.provider_id,
                item,
                delivery.has_orders,
                arrival.received_at,
                known,
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

/// Numbers what is kept and writes it, with all that follows from it. How many receipts there are, and the traces
/// that the writer is to remember once the transaction is durable.
async fn write_batch(
    tx: &mut Tx,
    batch: &mut DecidedBatch<'_>,
    known: &TraceMemory,
    head: &LedgerHead,
    day: Day,
) -> Result<(usize, Option<AddedTraces>)> {
    let mut entry_no = head.entry_no;
    for draft in &mut batch.kept {
        entry_no = entry_no.next(day);
        draft.entry_no = entry_no;
        batch.answers.kept(draft);
    }
    let DecidedBatch { arrivals, kept, .. } = batch;
    // A callback is kept as evidence if an item of it is kept, or if it has none.
    let empty = batch.callbacks.iter().map(|callback| callback.at);
    let empty = empty.filter(|at| arrivals[*at].delivery.items.is_empty());
    let evident: BTreeSet<usize> = kept.iter().map(|draft| draft.at).chain(empty).collect();
    let evidence = (!evident.is_empty()).then(|| feed::compressed(evident.iter().map(|at| &arrivals[*at])));
    let receipts = rows::insert_receipts(tx, kept).await?;
    rows::insert_notices(tx, kept).await?;
    review::insert_payees(tx, kept).await?;
    orders::insert_payments(tx, kept).await?;
    if head.has_bills {
        bills::link_payments(tx, kept).await?;
    }
    refunds::join(tx, kept, known, head, batch.answers.counters()).await?;
    rows::add_counters(tx, batch.answers.counters()).await?;
    let traces = match evidence {
        None => None,
        Some(evidence) => {
            let link = feed::NewBatch {
                no: head.batch_no.next(day),
                first_entry_no: batch.kept.first().map_or(entry_no, |draft| draft.entry_no),
                last_entry_no: entry_no,
                entries: batch.kept.len() as i64,
                receipts: receipts as i64,
                callbacks: evident.len() as i64,
                rows_digest: rows_digest(batch.kept.iter().map(Draft::row)),
                evidence: evidence.await?,
                traces: traces_of(batch, &evident),
            };
            Some(feed::append(tx, head, link).await?)
        }
    };
    rows::count_if_many(tx, head.counted_entry_no, entry_no).await?;
    Ok((receipts, traces))
}

/// The traces of what is kept: of its deliveries, transfers, events, and transactions with an event of their own.
fn traces_of(batch: &DecidedBatch<'_>, evident: &BTreeSet<usize>) -> Vec<u8> {
    let mut out = Vec::with_capacity(200 * batch.kept.len());
    for callback in batch.callbacks.iter().filter(|c| evident.contains(&c.at)) {
        let delivery = &batch.arrivals[callback.at].delivery;
        if let (Some((key, content)), Some(id)) = (callback.delivery, &delivery.delivery_id) {
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
    for transfer in &batch.transfers {
        let draft = &batch.kept[transfer.draft];
        let trace = Trace {
            key: transfer.key,
            standing: Standing::Transfer,
            provider_id: draft.provider_id(),
            id: draft.item.details.bank_ref.as_deref().unwrap_or_default(),
            content: draft.item.content,
            entry_no: draft.entry_no.get(),
        };
        trace.write(&mut out);
    }
    for draft in &batch.kept {
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

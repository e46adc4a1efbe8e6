//! What of a batch the ledger knows already: callbacks by their id, items by their event, bank transfers by their
//! reference. What is known is counted and answered, and not kept again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::{Result, Tx, fetch_in_chunks, on_tx};
use super::draft::{Arrival, Draft};
use super::trace_memory::{KnownTraces, TraceMemory};
use crate::ledger::{Class, Counters, Key, Reason, State, items_digest};
use crate::notice::{ContentDigest, NoticeKind, Outcome};
use crate::vn::Day;

/// What the senders of a batch are answered, and what the counters gain.
pub(super) struct BatchAnswers {
    outcomes: Vec<Option<Outcome>>,
    counters: Counters,
}

impl BatchAnswers {
    pub fn new(callbacks: usize) -> BatchAnswers {
        BatchAnswers {
            outcomes: vec![None; callbacks],
            counters: Counters::default(),
        }
    }

    /// A callback of several items is stored if one of them is; only if all are repeats it is one.
    fn answer(&mut self, at: usize, outcome: Outcome) {
        let answer = &mut self.outcomes[at];
        *answer = match (answer.take(), outcome) {
            (None, outcome) => Some(outcome),
            (Some(Outcome::Repeat), Outcome::Repeat) => Some(Outcome::Repeat),
            _ => Some(Outcome::Stored),
        };
    }

    fn repeated(&mut self, draft: &Draft<'_>, outcome: Outcome) {
        self.counters
            .repeated(draft.provider_id(), draft.received_day(), 1);
        self.answer(draft.at, outcome);
    }

    /// Once a draft has its number.
    pub fn kept(&mut self, draft: &Draft<'_>) {
        let day = draft.received_day();
        let amount = draft.item.amount;
        self.counters.kept(draft.provider_id(), day, draft.state, amount);
        self.answer(draft.at, draft.outcome());
    }

    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// The answer to each callback. Whatever was neither kept nor found to be a repeat held nothing: it is as good as
    /// stored.
    pub fn outcomes(self) -> Vec<Outcome> {
        let outcomes = self.outcomes.into_iter();
        outcomes.map(|o| o.unwrap_or(Outcome::Stored)).collect()
    }
}

/// A callback of the batch whose items are to be looked at.
#[derive(Clone, Copy)]
pub(super) struct NewCallback {
    pub at: usize,
    /// Its id, where it is the first of that id, with the digest of its items.
    pub delivery: Option<(Key, ContentDigest)>,
    /// Its id was used before for other items.
    pub is_reused: bool,
}

/// The callbacks that are not known by their id. One that came before with the same items counts as
/// repeats; with other items its items are kept apart.
pub(super) async fn drop_known_callbacks(
    tx: &mut Tx,
    arrivals: &[Arrival],
    traces: &TraceMemory,
    answers: &mut BatchAnswers,
) -> Result<Vec<NewCallback>> {
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
    let known = traces.find(tx, Class::Recent, &keys).await?;
    let mut digests: HashMap<Key, ContentDigest> = HashMap::with_capacity(keys.len());
    let mut new = Vec::with_capacity(arrivals.len());
    for (at, (arrival, id)) in arrivals.iter().zip(ids).enumerate() {
        let before = id.and_then(|(key, _)| {
            let kept = known.of(&key).next().map(|trace| trace.content);
            kept.or_else(|| digests.get(&key).copied())
        });
        match (id, before) {
            (Some((_, digest)), Some(before)) if before == digest => {
                let day = Day::of(arrival.received_at);
                let items = arrival.delivery.items.len() as i64;
                let counters = answers.counters();
                counters.repeated(&arrival.delivery.provider_id, day, items);
                answers.outcomes[at] = Some(Outcome::Repeat);
            }
            (_, Some(_)) => new.push(NewCallback {
                at,
                delivery: None,
                is_reused: true,
            }),
            (delivery, None) => {
                digests.extend(delivery);
                new.push(NewCallback {
                    at,
                    delivery,
                    is_reused: false,
                });
            }
        }
    }
    Ok(new)
}

/// What is kept of the drafts so far.
struct Kept<'a> {
    drafts: Vec<Draft<'a>>,
    /// The first of each event of this batch, by its place among the drafts.
    firsts: HashMap<Key, usize>,
    /// Keys of those that stand beside the first of their event.
    beside: HashSet<Key>,
}

impl<'a> Kept<'a> {
    fn first_of(&self, event: &Key) -> Option<&Draft<'a>> {
        self.firsts.get(event).map(|at| &self.drafts[*at])
    }

    /// Keeps a draft as the first of its event, or set aside beside it. Each content stands beside the first once:
    /// the next of it is given back.
    fn keep(&mut self, mut draft: Draft<'a>, known: &KnownTraces) -> Option<Draft<'a>> {
        if draft.is_first() {
            if self.first_of(&draft.event).is_none() && !known.has_first(&draft.event) {
                self.firsts.insert(draft.event, self.drafts.len());
                self.drafts.push(draft);
                return None;
            }
            draft.set_aside_for_other_content();
        }
        let is_new = known.of(&draft.key).next().is_none() && self.beside.insert(draft.key);
        if is_new {
            self.drafts.push(draft);
            None
        } else {
            Some(draft)
        }
    }
}

/// The drafts that are to be kept. One whose event is known with the same content is only counted; with
/// other content it is set aside beside the first, once per content.
pub(super) async fn drop_known_events<'a>(
    tx: &mut Tx,
    drafts: Vec<Draft<'a>>,
    traces: &TraceMemory,
    answers: &mut BatchAnswers,
) -> Result<Vec<Draft<'a>>> {
    let mut events: Vec<Key> = drafts.iter().map(|draft| draft.event).collect();
    events.extend(drafts.iter().flat_map(Draft::statement_event_keys));
    let known = traces.find(tx, Class::Event, &events).await?;
    let mut kept = Kept {
        drafts: Vec::with_capacity(drafts.len()),
        firsts: HashMap::with_capacity(drafts.len()),
        beside: HashSet::new(),
    };
    for mut draft in drafts {
        let first = kept.first_of(&draft.event);
        if let Some(outcome) = answer_to_repeat(tx, &mut draft, first, &known).await? {
            answers.repeated(&draft, outcome);
        } else if let Some(draft) = kept.keep(draft, &known) {
            answers.repeated(&draft, Outcome::Stored);
        }
    }
    Ok(kept.drafts)
}

/// The answer to a draft of which the same is known; none where it is to be kept. `first` is the first of its event in
/// this batch. One that a statement reported with another amount is set aside.
async fn answer_to_repeat(
    tx: &mut Tx,
    draft: &mut Draft<'_>,
    first: Option<&Draft<'_>>,
    known: &KnownTraces,
) -> Result<Option<Outcome>> {
    // The ledger learned of a row's payment by another way since the row was compared.
    if draft.is_from_statement() && known.payment_with_id(&draft.event).is_some() {
        return Ok(Some(Outcome::Repeat));
    }
    if let Some(same) = known.same(draft)? {
        return outcome_again(tx, draft, same.entry_no).await.map(Some);
    }
    if let Some(first) = first.filter(|first| first.item.content == draft.item.content) {
        return Ok(Some(match first.receipt {
            Some(_) => Outcome::Repeat,
            None => repeat_unless_refused(draft),
        }));
    }
    let first_content = first.map(|first| first.item.content);
    if let Some(content) = first_content.or_else(|| known.first_content(&draft.event))
        && (draft.is_from_statement() || draft.was_in_statement_first(&content))
    {
        return Ok(Some(Outcome::Repeat));
    }
    let of_statements: Vec<(ContentDigest, i64)> = draft
        .statement_event_keys()
        .filter_map(|event| known.first(&event).map(|trace| (trace.content, trace.entry_no)))
        .collect();
    if of_statements
        .iter()
        .any(|(content, _)| draft.was_in_statement_first(content))
    {
        return Ok(Some(Outcome::Repeat));
    }
    let is_notice = draft.item.kind == NoticeKind::Payment && !draft.is_from_statement();
    if let Some(to) = draft.receipt.as_ref().filter(|_| is_notice) {
        let ids = std::iter::once(draft.event).chain(draft.statement_event_keys());
        let rows: Vec<i64> = ids.flat_map(|id| known.posted_from_rows(id, draft)).collect();
        if is_of_household(tx, &rows, &to.household_id).await? {
            return Ok(Some(Outcome::Repeat));
        }
    }
    for (_, entry_no) in of_statements {
        // The statement reported it with another amount: for a person, and no second receipt.
        if draft.is_first() && is_from_statement(tx, entry_no).await? {
            draft.set_aside_for_other_content();
        }
    }
    Ok(None)
}

/// Whether one of these entries is a receipt of this household that a statement reported first.
async fn is_of_household(tx: &mut Tx, entries: &[i64], household_id: &str) -> Result<bool> {
    let sql = "SELECT household_id FROM receipt WHERE entry_no IN (…) AND statement_row_no IS NOT NULL";
    let households: Vec<(String,)> = fetch_in_chunks(tx, sql, &[], entries.iter().copied()).await?;
    Ok(households.iter().any(|(id,)| id == household_id))
}

/// Whether an entry is a receipt that a statement reported first.
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
    Ok(receipt.map_or_else(|| repeat_unless_refused(draft), |_| Outcome::Repeat))
}

fn repeat_unless_refused(draft: &Draft<'_>) -> Outcome {
    match draft.outcome() {
        Outcome::Stored => Outcome::Repeat,
        refused => refused,
    }
}

/// A bank transfer that was posted here, as its trace is kept.
pub(super) struct PostedTransfer {
    pub key: Key,
    /// Which of the kept drafts posted it.
    pub draft: usize,
}

/// A bank transfer that another provider already reported is no second receipt (docs/spec/providers.md, section 1),
/// and the notice of one that a statement reported first is its repeat. Gives back the transfers that are posted now.
pub(super) async fn apply_known_transfers(
    tx: &mut Tx,
    traces: &TraceMemory,
    kept: &mut Vec<Draft<'_>>,
    answers: &mut BatchAnswers,
) -> Result<Vec<PostedTransfer>> {
    let keys: Vec<Key> = kept
        .iter()
        .flat_map(|d| [d.bank_transfer_key(), d.row_transfer_key()])
        .flatten()
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let known = traces.find(tx, Class::Event, &keys).await?;
    kept.retain(|draft| {
        let is_repeat = is_known_transfer(draft, &known);
        if is_repeat {
            answers.repeated(draft, Outcome::Repeat);
        }
        !is_repeat
    });
    let mut owners: HashMap<Key, Arc<str>> = HashMap::new();
    let mut posted = Vec::new();
    for (at, draft) in kept.iter_mut().enumerate() {
        let Some(key) = draft.bank_transfer_key() else {
            continue;
        };
        let before = known.of(&key).next().map(|trace| Arc::from(trace.provider_id()));
        let is_known = before.is_some();
        let owner = owners
            .entry(key)
            .or_insert_with(|| before.unwrap_or_else(|| draft.provider_id().clone()));
        if **owner != **draft.provider_id() {
            draft.state = State::Ignored;
            draft.reason = Some(Reason::SameTransfer);
            draft.receipt = None;
        } else if !is_known {
            posted.push(PostedTransfer { key, draft: at });
        }
    }
    Ok(posted)
}

/// Whether a notice comes after its row, or a row after a notice that came since the row was compared.
fn is_known_transfer(draft: &Draft<'_>, known: &KnownTraces) -> bool {
    let is_row = draft.is_from_statement();
    let key = if is_row {
        draft.row_transfer_key()
    } else {
        draft.bank_transfer_key()
    };
    key.is_some_and(|key| {
        known.of(&key).any(|trace| {
            *trace.provider_id() == **draft.provider_id()
                && draft.was_in_statement_first(&trace.content) != is_row
        })
    })
}

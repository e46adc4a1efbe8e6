//! Whether something came before: from the traces of the last batches, which are in memory, and from the
//! runs of older ones, of which only a filter is in memory.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::{Result, StoreError, Tx, on_tx};
use super::draft::Draft;
use super::head::LedgerHead;
use super::runs::{FullGeneration, RunId};
use crate::ledger::{Class, Key, KeyFilter, LedgerNo, Standing, Trace, TraceError, Traces, read_traces};
use crate::notice::ContentDigest;

/// Full generations that wait to be sorted into a run; one more, and the writer does it itself.
const WAITING_MAX: usize = 2;
/// Batches of traces read at once.
const BATCHES_AT_ONCE: i64 = 64;
/// Look-ups in runs that one statement makes.
const LOOKUPS_AT_ONCE: usize = 256;

/// The traces of the last batches, and the filters of the runs.
#[derive(Debug, Default)]
pub(super) struct TraceMemory {
    /// The last batch whose traces are here.
    batch_no: LedgerNo,
    /// Generations that are full and not in a run yet, the oldest first.
    generations: Vec<Arc<FullGeneration>>,
    /// The generation that new traces go to.
    open: Traces,
    open_number: i64,
    runs: Vec<RunFilter>,
    runs_epoch: i64,
}

#[derive(Debug)]
struct RunFilter {
    id: RunId,
    filter: KeyFilter,
}

/// Traces that were added, with the place to which they belong.
pub(super) struct AddedTraces {
    pub batch_no: LedgerNo,
    pub generation: i64,
    pub bytes: Vec<u8>,
}

/// A trace of its own, read from memory or from a page.
#[derive(Debug, Clone)]
pub(super) struct KnownTrace {
    pub standing: Standing,
    pub entry_no: i64,
    pub content: ContentDigest,
    key: Key,
    provider_id: String,
    id: String,
}

impl KnownTrace {
    fn of(trace: &Trace<'_>) -> KnownTrace {
        KnownTrace {
            standing: trace.standing,
            entry_no: trace.entry_no,
            content: trace.content,
            key: trace.key,
            provider_id: trace.provider_id.to_owned(),
            id: trace.id.to_owned(),
        }
    }

    pub fn provider_id(&self) -> &str {
        &self.provider_id
    }
}

/// What is known of the keys that were asked for.
#[derive(Debug, Default)]
pub(super) struct KnownTraces(HashMap<i64, Vec<KnownTrace>>);

impl KnownTraces {
    fn add(&mut self, trace: &Trace<'_>) {
        let known = self.0.entry(trace.key.fingerprint).or_default();
        known.push(KnownTrace::of(trace));
    }

    /// The traces of a key.
    pub fn of(&self, key: &Key) -> impl Iterator<Item = &KnownTrace> {
        let all = self.0.get(&key.fingerprint).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |known| known.key == *key)
    }

    /// What was kept of the same event with the same content, if there is one.
    pub fn same(&self, draft: &Draft<'_>) -> Result<Option<&KnownTrace>> {
        let Some(all) = self.0.get(&draft.event.fingerprint) else {
            return Ok(None);
        };
        for known in all {
            let (is_first, is_comparable, kind) = match known.standing {
                Standing::First(kind) => (true, true, kind),
                Standing::OtherContent(kind) => (false, true, kind),
                // It counts for its own content only: an item that was set aside for its webhook-id does
                // not stand in the way of the true one.
                Standing::DeliveryReused(kind) => (false, !draft.is_first(), kind),
                Standing::Delivery | Standing::Transfer | Standing::TransactionId => continue,
            };
            let is_same_event = known.provider_id == **draft.provider_id()
                && known.id == draft.item.event_id
                && kind == draft.item.kind;
            if is_first && known.key == draft.event && !is_same_event {
                // 128 bits of SHA-256 agree and the ids differ: not by chance.
                let text = format!("two events under one key: {} {}", known.id, draft.item.event_id);
                return Err(StoreError::Corrupt(text));
            }
            if is_same_event && is_comparable && known.content == draft.item.content {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    /// The first notice of an event, if it is known.
    pub fn first(&self, event: &Key) -> Option<&KnownTrace> {
        self.of(event)
            .find(|known| matches!(known.standing, Standing::First(_)))
    }

    /// The payment that was posted under an event of its own, by the provider's id of its transaction.
    pub fn payment_with_id(&self, id: &Key) -> Option<&KnownTrace> {
        self.of(id)
            .find(|known| known.standing == Standing::TransactionId)
    }

    /// Receipts that were posted from rows of a statement whose id others had too, and that say what the draft says.
    pub fn posted_from_rows(&self, id: Key, draft: &Draft<'_>) -> Vec<i64> {
        let posted = self.of(&id).filter(|known| {
            known.standing == Standing::TransactionId && draft.was_in_statement_first(&known.content)
        });
        posted.map(|known| known.entry_no).collect()
    }

    /// What the first notice of an event said.
    pub fn first_content(&self, event: &Key) -> Option<ContentDigest> {
        self.first(event).map(|known| known.content)
    }

    /// Whether a first notice of this event is known.
    pub fn has_first(&self, event: &Key) -> bool {
        self.first(event).is_some()
    }
}

fn unreadable(what: impl std::fmt::Display) -> impl FnOnce(TraceError) -> StoreError {
    move |e| StoreError::Corrupt(format!("traces of {what}: {e}"))
}

impl TraceMemory {
    /// Takes in what other writers added since, or everything that is in no run yet, and the filters of
    /// runs that are new.
    pub(super) async fn catch_up(&mut self, tx: &mut Tx, head: &LedgerHead) -> Result<()> {
        if self.runs_epoch != head.runs_epoch {
            self.read_runs(tx).await?;
            self.runs_epoch = head.runs_epoch;
        }
        while self.batch_no < head.batch_no {
            let rows: Vec<(LedgerNo, i64, Vec<u8>)> = on_tx!(tx, |c| {
                sqlx::query_as(
                    "SELECT batch_no, generation, bytes FROM trace_batch WHERE batch_no > $1
                     ORDER BY batch_no LIMIT $2",
                )
                .bind(self.batch_no.get())
                .bind(BATCHES_AT_ONCE)
                .fetch_all(c)
                .await?
            });
            if rows.is_empty() {
                // The last batch is in the open generation, whose rows stay: without them a repeat would
                // not be known.
                let text = format!("no traces of batch {}", head.batch_no);
                return Err(StoreError::Corrupt(text));
            }
            for (batch_no, generation, bytes) in rows {
                if self.is_sorted(generation) {
                    // The rows are about to go.
                    self.batch_no = batch_no;
                    continue;
                }
                self.add(AddedTraces {
                    batch_no,
                    generation,
                    bytes,
                })?;
            }
        }
        Ok(())
    }

    /// Remembers the traces of a batch that is durable.
    pub fn add(&mut self, added: AddedTraces) -> Result<()> {
        if added.generation != self.open_number {
            let traces = std::mem::take(&mut self.open);
            if traces.bytes_len() > 0 {
                self.generations.push(Arc::new(FullGeneration {
                    number: self.open_number,
                    traces,
                }));
            }
            self.open_number = added.generation;
        }
        self.batch_no = added.batch_no;
        self.open
            .add(&added.bytes)
            .map_err(unreadable(format_args!("batch {}", added.batch_no)))
    }

    /// The oldest full generation that is in no run yet.
    pub fn full(&self) -> Option<Arc<FullGeneration>> {
        self.generations.first().cloned()
    }

    /// The same, if more wait than may wait.
    pub fn overdue(&self) -> Option<Arc<FullGeneration>> {
        self.full().filter(|_| self.generations.len() > WAITING_MAX)
    }

    /// Whether the events of a generation are in a run.
    fn is_sorted(&self, generation: i64) -> bool {
        let mut runs = self.runs.iter().map(|run| run.id);
        runs.any(|id| id.class == Class::Event && id.holds(generation))
    }

    /// Takes in the filters that are new, forgets those that are gone, and the generations that are in a
    /// run now.
    async fn read_runs(&mut self, tx: &mut Tx) -> Result<()> {
        let ids: Vec<RunId> = on_tx!(tx, |c| sqlx::query_as(
            "SELECT class, first_generation AS first, last_generation AS last FROM trace_run"
        )
        .fetch_all(c)
        .await?);
        self.runs.retain(|run| ids.contains(&run.id));
        for id in &ids {
            if self.runs.iter().any(|run| run.id == *id) {
                continue;
            }
            let (bytes,): (Vec<u8>,) = on_tx!(tx, |c| {
                sqlx::query_as(
                    "SELECT filter FROM trace_run
                     WHERE class = $1 AND first_generation = $2 AND last_generation = $3",
                )
                .bind(id.class as i64)
                .bind(id.first)
                .bind(id.last)
                .fetch_one(c)
                .await?
            });
            let filter = KeyFilter::from_bytes(&bytes)
                .map_err(|e| StoreError::Corrupt(format!("filter of {id:?}: {e}")))?;
            self.runs.push(RunFilter { id: *id, filter });
        }
        let mut generations = std::mem::take(&mut self.generations);
        generations.retain(|g| !self.is_sorted(g.number));
        self.generations = generations;
        if self.is_sorted(self.open_number) {
            self.open = Traces::default();
        }
        Ok(())
    }

    /// What is known of these keys.
    pub(super) async fn find(&self, tx: &mut Tx, class: Class, keys: &[Key]) -> Result<KnownTraces> {
        let mut known = KnownTraces::default();
        let mut lookups: Vec<(RunId, i64)> = Vec::new();
        for key in keys {
            if known.0.contains_key(&key.fingerprint) {
                continue;
            }
            let full = self.generations.iter().map(|g| &g.traces);
            for trace in full.chain([&self.open]).flat_map(|t| t.find(key.fingerprint)) {
                known.add(&trace);
            }
            let runs = self.runs.iter().filter(|run| run.id.class == class);
            lookups.extend(
                runs.filter(|run| run.filter.may_hold(key.fingerprint))
                    .map(|run| (run.id, key.fingerprint)),
            );
        }
        lookups.sort_unstable_by_key(|(id, f)| (id.first, *f));
        lookups.dedup();
        for chunk in lookups.chunks(LOOKUPS_AT_ONCE) {
            look_up(tx, class, chunk, &mut known).await?;
        }
        Ok(known)
    }
}

/// Reads the page of each run on which a fingerprint would lie.
async fn look_up(tx: &mut Tx, class: Class, wanted: &[(RunId, i64)], known: &mut KnownTraces) -> Result<()> {
    let rows: Vec<(i64, Option<Vec<u8>>)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new("WITH wanted (first, last, fingerprint) AS (");
        sql.push_values(wanted, |mut row, (id, fingerprint)| {
            row.push_bind(id.first).push_bind(id.last).push_bind(*fingerprint);
        });
        sql.push(
            ") SELECT w.fingerprint, (SELECT p.bytes FROM trace_page p
                 WHERE p.first_generation = w.first AND p.last_generation = w.last
                   AND p.first_fingerprint <= w.fingerprint AND p.class = ",
        )
        .push_bind(class as i64)
        .push(" ORDER BY p.first_fingerprint DESC LIMIT 1) FROM wanted w");
        sql.build_query_as().fetch_all(c).await?
    });
    for (fingerprint, page) in rows {
        for trace in read_traces(page.as_deref().unwrap_or_default()) {
            let trace = trace.map_err(unreadable(fingerprint))?;
            if trace.key.fingerprint == fingerprint {
                known.add(&trace);
            }
        }
    }
    Ok(())
}

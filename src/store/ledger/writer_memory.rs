//! What the writer keeps in memory between batches, so that a batch asks the database for little.

use std::sync::Arc;

use super::super::{Result, Tx};
use super::head::{LedgerHead, read_head};
use super::register_memory::RegisterMemory;
use super::runs::FullGeneration;
use super::trace_memory::TraceMemory;
use crate::ledger::{Class, Key};
use crate::notice::NoticeKind;

/// What the writer remembers between batches.
#[derive(Debug, Default)]
pub struct WriterMemory {
    pub(super) register: RegisterMemory,
    pub(super) traces: TraceMemory,
}

impl WriterMemory {
    /// The oldest generation of traces that is full and in no run yet: hand it to
    /// [`Store::sort_generation`](crate::store::Store::sort_generation).
    pub fn full_generation(&self) -> Option<Arc<FullGeneration>> {
        self.traces.full()
    }

    /// Takes in what others wrote since.
    pub(super) async fn catch_up(&mut self, tx: &mut Tx, head: &LedgerHead) -> Result<()> {
        self.traces.catch_up(tx, head).await?;
        self.register.invalidate_unless(head.register_epoch);
        Ok(())
    }
}

/// The entries under which payments were kept first, by the provider's ids of them or of their events; none where
/// there was no such payment. Looks through the whole history.
pub(in crate::store) async fn entries_of_payments(
    tx: &mut Tx,
    provider_id: &Arc<str>,
    ids: &[&str],
    memory: &mut WriterMemory,
) -> Result<Vec<Option<i64>>> {
    let head = read_head(tx).await?;
    let traces = &mut memory.traces;
    traces.catch_up(tx, &head).await?;
    let key_of = |id: &&str| Key::of_event(provider_id, id, NoticeKind::Payment.as_str());
    let keys: Vec<Key> = ids.iter().map(key_of).collect();
    let known = traces.find(tx, Class::Event, &keys).await?;
    Ok(keys
        .iter()
        .map(|key| known.first(key).or_else(|| known.payment_with_id(key)))
        .map(|trace| trace.map(|trace| trace.entry_no))
        .collect())
}

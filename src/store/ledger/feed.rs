//! The feed: batches in the order of their commit over all instances. Each holds its callbacks as
//! evidence and is a link of one chain; its receipts are what listeners hear.

use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::draft::Arrival;
use super::head::LedgerHead;
use super::trace_memory::AddedTraces;
use crate::ledger::{EvidenceLink, LedgerNo, bytes_digest, write_callback};
use crate::vn::{Day, Dong, TimeMs};

/// Fast, and on a batch of like callbacks nearly as small as the slower levels.
const COMPRESSION_LEVEL: i32 = 1;
/// A generation of traces is full at this size: some 200,000 of them.
const GENERATION_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Receipts that are looked at in one step of the feed.
const STEP_RECEIPTS: i64 = 4096;

/// A batch to be added.
pub(super) struct NewBatch {
    pub no: LedgerNo,
    pub first_entry_no: LedgerNo,
    /// The last entry there is, of this batch or, if it has none, of an earlier one.
    pub last_entry_no: LedgerNo,
    pub entries: i64,
    pub receipts: i64,
    pub callbacks: i64,
    /// Digest of its rows.
    pub rows_digest: [u8; 32],
    pub evidence: Vec<u8>,
    pub traces: Vec<u8>,
}

/// Compresses callbacks beside the writer, which meanwhile writes their rows.
pub(super) fn compressed<'a>(
    callbacks: impl Iterator<Item = &'a Arrival>,
) -> impl Future<Output = Result<Vec<u8>>> {
    let mut raw = Vec::new();
    for arrival in callbacks {
        let delivery = &arrival.delivery;
        write_callback(
            &mut raw,
            &delivery.provider_id,
            arrival.received_at,
            &delivery.evidence,
        );
    }
    let wrong =
        |e: &dyn std::fmt::Display| StoreError::Corrupt(format!("evidence cannot be compressed: {e}"));
    let work = tokio::task::spawn_blocking(move || zstd::bulk::compress(&raw, COMPRESSION_LEVEL));
    async move { work.await.map_err(|e| wrong(&e))?.map_err(|e| wrong(&e)) }
}

/// Appends a batch to the feed, and gives back its traces as the writer is to remember them once the
/// transaction is durable.
pub(super) async fn append(tx: &mut Tx, head: &LedgerHead, batch: NewBatch) -> Result<AddedTraces> {
    let link = EvidenceLink {
        batch_no: batch.no.get(),
        first_entry_no: batch.first_entry_no.get(),
        entries: batch.entries,
        receipts: batch.receipts,
        callbacks: batch.callbacks,
        rows_digest: batch.rows_digest,
        bytes_digest: bytes_digest(&batch.evidence),
    };
    let digest = link.digest(&head.digest()?);
    let size = batch.traces.len() as i64;
    let is_full = head.generation_bytes > 0 && head.generation_bytes + size > GENERATION_BYTES_MAX;
    let (generation, generation_bytes) = if is_full {
        (head.generation + 1, size)
    } else {
        (head.generation, head.generation_bytes + size)
    };
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO evidence (batch_no, first_entry_no, entries, receipts, callbacks, rows_digest, bytes_digest,
             digest, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(link.batch_no)
        .bind(link.first_entry_no)
        .bind(link.entries)
        .bind(link.receipts)
        .bind(link.callbacks)
        .bind(&link.rows_digest[..])
        .bind(&link.bytes_digest[..])
        .bind(&digest[..])
        .bind(batch.evidence)
        .execute(&mut *c)
        .await?;
        sqlx::query("INSERT INTO trace_batch (batch_no, generation, bytes) VALUES ($1, $2, $3)")
            .bind(link.batch_no)
            .bind(generation)
            .bind(&batch.traces[..])
            .execute(&mut *c)
            .await?;
        sqlx::query(
            "UPDATE feed SET batch_no = $1, entry_no = $2, digest = $3, generation = $4, generation_bytes = $5
             WHERE id = 1",
        )
        .bind(link.batch_no)
        .bind(batch.last_entry_no.get())
        .bind(&digest[..])
        .bind(generation)
        .bind(generation_bytes)
        .execute(&mut *c)
        .await?;
    });
    Ok(AddedTraces {
        batch_no: batch.no,
        generation,
        bytes: batch.traces,
    })
}

/// A receipt that was posted, as listeners hear it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FeedReceipt {
    /// The receipt; later ones are larger.
    pub no: LedgerNo,
    pub household_id: String,
    /// The stall, where it is known.
    pub stall_id: Option<String>,
    pub provider_id: String,
    pub amount: Dong,
    /// The day it counts for.
    pub business_day: Day,
    /// Time of payment, if the notice named one.
    pub occurred_at: Option<TimeMs>,
    /// When it was received.
    pub posted_at: TimeMs,
}

/// A piece of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedStep {
    /// Receipts in the order of their numbers.
    pub receipts: Vec<FeedReceipt>,
    /// The last number that was looked at: where to go on.
    pub last_seen: LedgerNo,
    /// Whether this was the end of the feed.
    pub is_end: bool,
}

impl Store {
    /// The end of the feed: who listens from here hears what is posted from now on.
    pub async fn feed_end(&self) -> Result<LedgerNo> {
        let mut tx = self.begin_read().await?;
        let (entry_no,): (LedgerNo,) = on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT entry_no FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?);
        Ok(entry_no)
    }

    /// The next receipts after a number, some thousands at most, of one stall or of all. Nothing that
    /// commits later can come before what this returns: numbers are given in the order of commit. What a statement
    /// posted is announced to nobody and not among them.
    pub async fn feed_after(&self, last_seen: LedgerNo, stall_id: Option<&str>) -> Result<FeedStep> {
        let mut tx = self.begin_read().await?;
        // However many stalls there are, a step looks at so many receipts and no more.
        let (end, count): (Option<LedgerNo>, i64) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT MAX(entry_no), COUNT(*) FROM
                   (SELECT entry_no FROM receipt WHERE entry_no > $1 ORDER BY entry_no LIMIT $2) step",
            )
            .bind(last_seen.get())
            .bind(STEP_RECEIPTS)
            .fetch_one(c)
            .await?
        });
        let end = end.unwrap_or(last_seen);
        let receipts = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no AS no, household_id, stall_id, provider_id, amount_vnd AS amount, business_day,
                        occurred_at_ms AS occurred_at, posted_at_ms AS posted_at
                 FROM receipt WHERE entry_no > $1 AND entry_no <= $2 AND (CAST($3 AS TEXT) IS NULL OR stall_id = $3)
                   AND statement_row_no IS NULL
                 ORDER BY entry_no",
            )
            .bind(last_seen.get())
            .bind(end.get())
            .bind(stall_id)
            .fetch_all(c)
            .await?
        });
        Ok(FeedStep {
            receipts,
            last_seen: end,
            is_end: count < STEP_RECEIPTS,
        })
    }
}

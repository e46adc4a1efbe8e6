//! The feed: batches in the order of their commit over all instances. Each holds its callbacks as
//! evidence and is a link of one chain; its receipts are what listeners hear.

use std::collections::HashMap;

use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::seen::AddedTraces;
use super::{Arrival, Clock};
use crate::ledger::{
    EntryRow, EvidenceLink, KeptCallback, LedgerNo, ReceiptRow, bytes_digest, read_callbacks, write_callback,
};
use crate::notice::NoticeKind;
use crate::vn::{Day, Dong, TimeMs};

/// Fast, and on a batch of like callbacks nearly as small as the slower levels.
const COMPRESSION_LEVEL: i32 = 1;
/// No batch is larger: the queue is bounded by bytes below this.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;
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
pub(super) async fn append(tx: &mut Tx, clock: &Clock, batch: NewBatch) -> Result<AddedTraces> {
    let link = EvidenceLink {
        batch_no: batch.no.get(),
        first_entry_no: batch.first_entry_no.get(),
        entries: batch.entries,
        receipts: batch.receipts,
        callbacks: batch.callbacks,
        rows_digest: batch.rows_digest,
        bytes_digest: bytes_digest(&batch.evidence),
    };
    let digest = link.digest(&clock.digest);
    let size = batch.traces.len() as i64;
    let is_full = clock.generation_bytes > 0 && clock.generation_bytes + size > GENERATION_BYTES_MAX;
    let (generation, generation_bytes) = if is_full {
        (clock.generation + 1, size)
    } else {
        (clock.generation, clock.generation_bytes + size)
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

pub(super) fn digest_of(bytes: Vec<u8>, batch_no: i64) -> Result<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("digest of batch {batch_no}")))
}

/// A receipt that was posted, as listeners hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub heard: LedgerNo,
    /// Whether this was the end of the feed.
    pub is_end: bool,
}

impl Store {
    /// The end of the feed: who listens from here hears what is posted from now on.
    pub async fn feed_end(&self) -> Result<LedgerNo> {
        let mut tx = self.begin_read().await?;
        let (entry_no,): (i64,) = on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT entry_no FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?);
        Ok(LedgerNo::of(entry_no))
    }

    /// The next receipts after a number, some thousands at most, of one stall or of all. Nothing that
    /// commits later can come before what this returns: numbers are given in the order of commit. What a statement
    /// posted is announced to nobody and not among them.
    pub async fn feed_after(&self, heard: LedgerNo, stall_id: Option<&str>) -> Result<FeedStep> {
        type Row = (i64, String, Option<String>, String, i64, i64, Option<i64>, i64);
        let mut tx = self.begin_read().await?;
        // However many stalls there are, a step looks at so many receipts and no more.
        let (end, count): (Option<i64>, i64) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT MAX(entry_no), COUNT(*) FROM
                   (SELECT entry_no FROM receipt WHERE entry_no > $1 ORDER BY entry_no LIMIT $2) step",
            )
            .bind(heard.get())
            .bind(STEP_RECEIPTS)
            .fetch_one(c)
            .await?
        });
        let end = end.map_or(heard, LedgerNo::of);
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, household_id, stall_id, provider_id, amount_vnd, business_day, occurred_at_ms,
                        posted_at_ms
                 FROM receipt WHERE entry_no > $1 AND entry_no <= $2 AND (CAST($3 AS TEXT) IS NULL OR stall_id = $3)
                   AND statement_row_no IS NULL
                 ORDER BY entry_no",
            )
            .bind(heard.get())
            .bind(end.get())
            .bind(stall_id)
            .fetch_all(c)
            .await?
        });
        let receipts = rows.into_iter().map(
            |(no, household_id, stall_id, provider_id, vnd, business_day, occurred, posted)| {
                Ok(FeedReceipt {
                    no: LedgerNo::of(no),
                    household_id,
                    stall_id,
                    provider_id,
                    amount: Dong::new(vnd),
                    business_day: Day::from_number(business_day)
                        .ok_or_else(|| StoreError::Corrupt(format!("business day of receipt {no}")))?,
                    occurred_at: occurred.map(TimeMs),
                    posted_at: TimeMs(posted),
                })
            },
        );
        Ok(FeedStep {
            receipts: receipts.collect::<Result<_>>()?,
            heard: end,
            is_end: count < STEP_RECEIPTS,
        })
    }
}

/// A link of the chain of evidence, as it is kept.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub batch_no: LedgerNo,
    /// The first of its rows.
    pub first_entry_no: LedgerNo,
    /// Its notices and receipts.
    pub entries: i64,
    pub receipts: i64,
    pub callbacks: i64,
    /// Digest of its rows.
    pub rows_digest: Vec<u8>,
    /// SHA-256 of the kept bytes.
    pub bytes_digest: Vec<u8>,
    /// Digest of this link.
    pub digest: Vec<u8>,
    /// The kept bytes; none once their retention is over.
    pub bytes: Option<Vec<u8>>,
}

impl AuditRow {
    /// The callbacks, read back from their bytes.
    pub fn kept_callbacks(&self) -> Result<Option<Vec<KeptCallback>>> {
        let Some(bytes) = &self.bytes else { return Ok(None) };
        let wrong = |cause: String| StoreError::Corrupt(format!("evidence {}: {cause}", self.batch_no));
        let raw = zstd::bulk::decompress(bytes, BATCH_BYTES_MAX).map_err(|e| wrong(e.to_string()))?;
        read_callbacks(&raw).map(Some).map_err(|e| wrong(e.to_string()))
    }
}

/// A receipt or another notice of a batch, as far as its proof is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub no: LedgerNo,
    /// Who told of it.
    pub provider_id: String,
    /// The id of its event.
    pub event_id: String,
    /// The provider's transaction id.
    pub provider_txn_id: String,
    pub kind: String,
    /// The digest of its content.
    pub content: Vec<u8>,
    /// The amount it stated.
    pub amount: Dong,
    pub received_at: TimeMs,
    /// If it is a receipt: whose money it is.
    pub receipt: Option<AuditReceipt>,
}

/// What a receipt says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReceipt {
    household_id: String,
    stall_id: Option<String>,
    place_id: String,
    business_day: i64,
    occurred_at_ms: Option<i64>,
}

impl AuditEntry {
    /// The row as its digest covers it.
    pub fn row(&self) -> EntryRow<'_> {
        EntryRow {
            entry_no: self.no.get(),
            provider_id: &self.provider_id,
            event_id: &self.event_id,
            provider_txn_id: &self.provider_txn_id,
            kind: &self.kind,
            content: &self.content,
            amount_vnd: self.amount.vnd(),
            received_at_ms: self.received_at.0,
            receipt: self.receipt.as_ref().map(|r| ReceiptRow {
                household_id: &r.household_id,
                stall_id: r.stall_id.as_deref(),
                place_id: &r.place_id,
                business_day: r.business_day,
                occurred_at_ms: r.occurred_at_ms,
            }),
        }
    }
}

impl Store {
    /// The next links of the chain after a batch.
    pub async fn evidence_after(&self, batch_no: LedgerNo, limit: i64) -> Result<Vec<AuditRow>> {
        type Row = (
            i64,
            i64,
            i64,
            i64,
            i64,
            Vec<u8>,
            Vec<u8>,
            Vec<u8>,
            Option<Vec<u8>>,
        );
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT batch_no, first_entry_no, entries, receipts, callbacks, rows_digest, bytes_digest, digest,
                        bytes
                 FROM evidence WHERE batch_no > $1 ORDER BY batch_no LIMIT $2",
            )
            .bind(batch_no.get())
            .bind(limit)
            .fetch_all(c)
            .await?
        });
        let read = |(
            batch_no,
            first_entry_no,
            entries,
            receipts,
            callbacks,
            rows_digest,
            bytes_digest,
            digest,
            bytes,
        ): Row| {
            AuditRow {
                batch_no: LedgerNo::of(batch_no),
                first_entry_no: LedgerNo::of(first_entry_no),
                entries,
                receipts,
                callbacks,
                rows_digest,
                bytes_digest,
                digest,
                bytes,
            }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The receipts and other notices with `count` numbers from the first on, in their order.
    pub async fn audit_entries(&self, first: LedgerNo, count: i64) -> Result<Vec<AuditEntry>> {
        type Common = (
            i64,
            String,
            Option<String>,
            String,
            Option<String>,
            Vec<u8>,
            i64,
            i64,
        );
        type Receipt = (i64, String, Option<String>, String, i64, Option<i64>);
        let end = first.get() + count;
        let mut tx = self.begin_read().await?;
        let rows: Vec<Common> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, provider_id, event_id, provider_txn_id, CAST(NULL AS TEXT), content_digest,
                        amount_vnd, posted_at_ms
                 FROM receipt WHERE entry_no >= $1 AND entry_no < $2
                 UNION ALL
                 SELECT entry_no, provider_id, event_id, provider_txn_id, kind, content_digest, amount_vnd,
                        received_at_ms
                 FROM notice WHERE entry_no >= $1 AND entry_no < $2 ORDER BY 1",
            )
            .bind(first.get())
            .bind(end)
            .fetch_all(c)
            .await?
        });
        let receipts: Vec<Receipt> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, household_id, stall_id, place_id, business_day, occurred_at_ms
                 FROM receipt WHERE entry_no >= $1 AND entry_no < $2",
            )
            .bind(first.get())
            .bind(end)
            .fetch_all(c)
            .await?
        });
        let of_receipt = |(no, household_id, stall_id, place_id, business_day, occurred_at_ms): Receipt| {
            let receipt = AuditReceipt {
                household_id,
                stall_id,
                place_id,
                business_day,
                occurred_at_ms,
            };
            (no, receipt)
        };
        let mut receipts: HashMap<i64, AuditReceipt> = receipts.into_iter().map(of_receipt).collect();
        let read =
            |(no, provider_id, event_id, provider_txn_id, kind, content, vnd, ms): Common| AuditEntry {
                no: LedgerNo::of(no),
                provider_id,
                event_id: event_id.unwrap_or_else(|| provider_txn_id.clone()),
                provider_txn_id,
                kind: kind.unwrap_or_else(|| NoticeKind::Payment.as_str().to_owned()),
                content,
                amount: Dong::new(vnd),
                received_at: TimeMs(ms),
                receipt: receipts.remove(&no),
            };
        Ok(rows.into_iter().map(read).collect())
    }

    /// How many notices and receipts there are, by the day under which they are kept.
    pub async fn audit_counts(&self) -> Result<Vec<(i64, i64)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT day, COUNT(*) FROM (
                   SELECT entry_no / $1 AS day FROM receipt
                   UNION ALL SELECT entry_no / $1 FROM notice
                 ) entries GROUP BY day ORDER BY day",
            )
            .bind(LedgerNo::PER_DAY)
            .fetch_all(c)
            .await?
        }))
    }

    /// The end of the chain: its last batch and the digest of that link.
    pub async fn chain_end(&self) -> Result<(LedgerNo, Vec<u8>)> {
        let mut tx = self.begin_read().await?;
        let (batch_no, digest): (i64, Vec<u8>) = on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT batch_no, digest FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?);
        Ok((LedgerNo::of(batch_no), digest))
    }
}

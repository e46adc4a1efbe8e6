//! The chain of evidence as an audit reads it: its links, their callbacks, and the entries that they prove.

use std::collections::HashMap;

use super::super::{Result, Store, StoreError, on_tx};
use crate::ledger::{EntryRow, KeptCallback, LedgerNo, ReceiptRow, read_callbacks};
use crate::notice::NoticeKind;
use crate::vn::{Dong, TimeMs};

/// No batch is larger: the queue is bounded by bytes below this.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditReceipt {
    entry_no: i64,
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
        #[derive(sqlx::FromRow)]
        struct Row {
            batch_no: i64,
            first_entry_no: i64,
            entries: i64,
            receipts: i64,
            callbacks: i64,
            rows_digest: Vec<u8>,
            bytes_digest: Vec<u8>,
            digest: Vec<u8>,
            bytes: Option<Vec<u8>>,
        }
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
        let read = |row: Row| AuditRow {
            batch_no: LedgerNo::of(row.batch_no),
            first_entry_no: LedgerNo::of(row.first_entry_no),
            entries: row.entries,
            receipts: row.receipts,
            callbacks: row.callbacks,
            rows_digest: row.rows_digest,
            bytes_digest: row.bytes_digest,
            digest: row.digest,
            bytes: row.bytes,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The receipts and other notices with `count` numbers from the first on, in their order.
    pub async fn audit_entries(&self, first: LedgerNo, count: i64) -> Result<Vec<AuditEntry>> {
        #[derive(sqlx::FromRow)]
        struct Entry {
            entry_no: i64,
            provider_id: String,
            event_id: Option<String>,
            provider_txn_id: String,
            /// None of a receipt.
            kind: Option<String>,
            content_digest: Vec<u8>,
            amount_vnd: i64,
            received_at_ms: i64,
        }
        let end = first.get() + count;
        let mut tx = self.begin_read().await?;
        let entries: Vec<Entry> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, provider_id, event_id, provider_txn_id, CAST(NULL AS TEXT) AS kind, content_digest,
                        amount_vnd, posted_at_ms AS received_at_ms
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
        let receipts: Vec<AuditReceipt> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, household_id, stall_id, place_id, business_day, occurred_at_ms
                 FROM receipt WHERE entry_no >= $1 AND entry_no < $2",
            )
            .bind(first.get())
            .bind(end)
            .fetch_all(c)
            .await?
        });
        let receipts = receipts.into_iter().map(|receipt| (receipt.entry_no, receipt));
        let mut receipts: HashMap<i64, AuditReceipt> = receipts.collect();
        let read = |entry: Entry| AuditEntry {
            no: LedgerNo::of(entry.entry_no),
            provider_id: entry.provider_id,
            event_id: entry.event_id.unwrap_or_else(|| entry.provider_txn_id.clone()),
            provider_txn_id: entry.provider_txn_id,
            kind: entry
                .kind
                .unwrap_or_else(|| NoticeKind::Payment.as_str().to_owned()),
            content: entry.content_digest,
            amount: Dong::new(entry.amount_vnd),
            received_at: TimeMs(entry.received_at_ms),
            receipt: receipts.remove(&entry.entry_no),
        };
        Ok(entries.into_iter().map(read).collect())
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

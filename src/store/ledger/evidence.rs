//! The chain of evidence as an audit reads it: its links, their callbacks, and the entries that they prove.

use std::collections::HashMap;

use super::super::{Result, Store, StoreError, on_tx};
use crate::ledger::{EntryRow, KeptCallback, LedgerNo, ReceiptRow, read_callbacks};
use crate::notice::NoticeKind;
use crate::vn::{Dong, TimeMs};

/// No batch is larger: the queue is bounded by bytes below this.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A link of the chain of evidence, as it is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditEntry {
    pub no: LedgerNo,
    /// Who reported it.
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
    #[sqlx(skip)]
    pub receipt: Option<AuditReceipt>,
}

/// What a receipt says besides.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditReceipt {
    no: LedgerNo,
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
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT batch_no, first_entry_no, entries, receipts, callbacks, rows_digest, bytes_digest, digest,
                        bytes
                 FROM evidence WHERE batch_no > $1 ORDER BY batch_no LIMIT $2",
            )
            .bind(batch_no.get())
            .bind(limit)
            .fetch_all(c)
            .await?
        }))
    }

    /// The receipts and other notices with `count` numbers from the first on, in their order. What a person made a
    /// receipt of is given back as the notice it came as: whose it is, its act says.
    pub async fn audit_entries(&self, first: LedgerNo, count: i64) -> Result<Vec<AuditEntry>> {
        let end = first.get() + count;
        let mut tx = self.begin_read().await?;
        let mut entries: Vec<AuditEntry> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no AS no, provider_id, COALESCE(event_id, provider_txn_id) AS event_id, provider_txn_id,
                        CAST($3 AS TEXT) AS kind, content_digest AS content, amount_vnd AS amount,
                        posted_at_ms AS received_at
                 FROM receipt WHERE entry_no >= $1 AND entry_no < $2
                 UNION ALL
                 SELECT entry_no, provider_id, event_id, provider_txn_id, kind, content_digest, amount_vnd,
                        received_at_ms
                 FROM notice WHERE entry_no >= $1 AND entry_no < $2 ORDER BY 1",
            )
            .bind(first.get())
            .bind(end)
            .bind(NoticeKind::Payment.as_str())
            .fetch_all(c)
            .await?
        });
        let receipts: Vec<AuditReceipt> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no AS no, household_id, stall_id, place_id, business_day, occurred_at_ms
                 FROM receipt WHERE entry_no >= $1 AND entry_no < $2
                   AND entry_no NOT IN (SELECT p.entry_no FROM posted_by_hand p
                                        WHERE p.entry_no >= $1 AND p.entry_no < $2)",
            )
            .bind(first.get())
            .bind(end)
            .fetch_all(c)
            .await?
        });
        let receipts = receipts.into_iter().map(|receipt| (receipt.no, receipt));
        let mut receipts: HashMap<LedgerNo, AuditReceipt> = receipts.collect();
        for entry in &mut entries {
            entry.receipt = receipts.remove(&entry.no);
        }
        Ok(entries)
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
        Ok(on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT batch_no, digest FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?))
    }
}

//! Where the ledger stands: one row that a writer reads first in each of its transactions.

use super::super::{Result, StoreError, Tx, on_tx};
use crate::ledger::LedgerNo;

/// Where the ledger stands, as this transaction sees it and nobody else can change it.
pub(super) struct LedgerHead {
    /// Of the register: another one, and what was read of it before counts no more.
    pub register_epoch: i64,
    pub batch_no: LedgerNo,
    pub entry_no: LedgerNo,
    pub digest: [u8; 32],
    /// The generation to which new traces go.
    pub generation: i64,
    pub generation_bytes: i64,
    /// Of the runs of traces, as the register's.
    pub runs_epoch: i64,
    /// The day counters hold the receipts up to this one.
    pub counted_entry_no: LedgerNo,
    /// Whether any stall ever made an order.
    pub has_orders: bool,
    pub has_waiting_refunds: bool,
    /// Whether any stall ever made a bill.
    pub has_bills: bool,
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    epoch: i64,
    batch_no: i64,
    entry_no: i64,
    digest: Vec<u8>,
    generation: i64,
    generation_bytes: i64,
    runs_epoch: i64,
    counted_entry_no: i64,
    orders: i64,
    waiting_refunds: i64,
    bills: i64,
}

pub(super) async fn read_head(tx: &mut Tx) -> Result<LedgerHead> {
    let row: HeadRow = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.epoch, f.batch_no, f.entry_no, f.digest, f.generation, f.generation_bytes, f.runs_epoch,
               f.counted_entry_no,
               CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM payment_order LIMIT 1) o) AS BIGINT) AS orders,
               CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM refund_waiting LIMIT 1) w) AS BIGINT)
                 AS waiting_refunds,
               CAST((SELECT COUNT(*) FROM (SELECT 1 AS one FROM bill LIMIT 1) b) AS BIGINT) AS bills
             FROM register_epoch r, feed f WHERE r.id = 1 AND f.id = 1",
        )
        .fetch_one(c)
        .await?
    });
    let wrong = |_| StoreError::Corrupt(format!("digest of batch {}", row.batch_no));
    Ok(LedgerHead {
        register_epoch: row.epoch,
        batch_no: LedgerNo::of(row.batch_no),
        entry_no: LedgerNo::of(row.entry_no),
        digest: row.digest.try_into().map_err(wrong)?,
        generation: row.generation,
        generation_bytes: row.generation_bytes,
        runs_epoch: row.runs_epoch,
        counted_entry_no: LedgerNo::of(row.counted_entry_no),
        has_orders: row.orders > 0,
        has_waiting_refunds: row.waiting_refunds > 0,
        has_bills: row.bills > 0,
    })
}

//! Where the ledger stands: one row that a writer reads first in each of its transactions.

use super::super::{Result, StoreError, Tx, on_tx};
use crate::ledger::LedgerNo;

/// Where the ledger stands, as this transaction sees it and nobody else can change it.
#[derive(sqlx::FromRow)]
pub(super) struct LedgerHead {
    /// Of the register: another one, and what was read of it before counts no more.
    pub register_epoch: i64,
    pub batch_no: LedgerNo,
    pub entry_no: LedgerNo,
    digest: Vec<u8>,
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

impl LedgerHead {
    /// The digest of the last batch.
    pub fn digest(&self) -> Result<[u8; 32]> {
        let wrong = |_| StoreError::Corrupt(format!("digest of batch {}", self.batch_no));
        self.digest.as_slice().try_into().map_err(wrong)
    }
}

pub(super) async fn read_head(tx: &mut Tx) -> Result<LedgerHead> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.epoch AS register_epoch, f.batch_no, f.entry_no, f.digest, f.generation, f.generation_bytes,
                    f.runs_epoch, f.counted_entry_no,
                    EXISTS (SELECT 1 FROM payment_order) AS has_orders,
                    EXISTS (SELECT 1 FROM refund_waiting) AS has_waiting_refunds,
                    EXISTS (SELECT 1 FROM bill) AS has_bills
             FROM register_epoch r, feed f WHERE r.id = 1 AND f.id = 1",
        )
        .fetch_one(c)
        .await?
    }))
}

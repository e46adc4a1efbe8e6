//! What matching compares for some days of a provider: receipts, notices and refunds on one side, rows that are
//! kept and rows that are new on the other.

mod loader;
mod records;
mod settled;

use super::super::{Result, Store, on_tx};
use super::row::PayeeName;
use crate::ledger::LedgerNo;
use crate::reconcile::{DayReceipt, RowSide};
use crate::vn::{Day, DayRange, TimeMs};

/// Rows that are not kept yet, and whom they name. A million of them come at once, so they stand in one list
/// that becomes the side of the comparison.
#[derive(Debug, Default)]
pub struct FreshRows {
    /// What matching needs; whose money it is, is found by the store.
    pub rows: Vec<RowSide>,
    /// For each row whom it names, as a position in `names`, and the stall code in its note, as a position among
    /// all stall codes.
    pub named: Vec<(u32, Option<u32>)>,
    /// Everybody who is named, once each.
    pub names: Vec<PayeeName>,
    /// How their file is read; the rows are of shape 0.
    pub shape: String,
}

impl Store {
    /// Every stall's code and id, by code.
    pub async fn stall_codes(&self) -> Result<Vec<(String, String)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT stall_code, stall_id FROM stall ORDER BY stall_code")
                .fetch_all(c)
                .await?
        }))
    }

    /// The receipts of a provider's day as the provider knows them, in no order.
    pub async fn day_receipts(&self, provider_id: &str, day: Day) -> Result<Vec<DayReceipt>> {
        let mut tx = self.begin_read().await?;
        let (first, end) = entries_of((day, day).into());
        let rows: Vec<(String, i64, Option<TimeMs>)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_txn_id, amount_vnd, occurred_at_ms FROM receipt
                 WHERE entry_no > $1 AND entry_no < $2 AND provider_id = $3 AND business_day = $4
                 UNION ALL
                 SELECT r.provider_txn_id, r.amount_vnd, r.occurred_at_ms
                 FROM late_receipt l JOIN receipt r ON r.entry_no = l.entry_no
                 WHERE l.provider_id = $3 AND l.business_day = $4 AND l.entry_no >= $2",
            )
            .bind(first)
            .bind(end)
            .bind(provider_id)
            .bind(day.number())
            .fetch_all(c)
            .await?
        });
        let receipt = |(provider_txn_id, amount_vnd, occurred_at)| DayReceipt {
            provider_txn_id,
            amount_vnd,
            occurred_at,
        };
        Ok(rows.into_iter().map(receipt).collect())
    }
}

/// Numbers among which the receipts of some days stand, but for the late ones: posting times are at most an hour
/// ahead of reception, so a receipt of a day may have been taken the evening before.
fn entries_of(days: DayRange) -> (i64, i64) {
    (
        LedgerNo::start_of(days.first.plus(-1)).get(),
        LedgerNo::start_of(days.last.plus(2)).get(),
    )
}

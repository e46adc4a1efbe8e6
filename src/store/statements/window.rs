//! What matching compares for some days of a provider: receipts, notices and refunds on one side, rows that are
//! kept and rows that are new on the other.

mod loader;
mod records;
mod settled;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::{DayRange, Result, Store, on_tx};
use super::casework::DecisionView;
use super::row::PayeeName;
use crate::ledger::LedgerNo;
use crate::reconcile::{DayReceipt, Kind, RowSide, Sides};
use crate::vn::{Day, TimeMs};

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
}

/// Both sides, and what was found of the rows before.
#[derive(Debug, Default)]
pub struct Window {
    pub sides: Sides,
    /// What was found of each kept row before, in the order of their numbers.
    pub previous: Vec<PreviousFinding>,
    /// Fresh rows that another file had: they are not in the sides.
    pub repeated: HashSet<i64>,
    /// What rows of these days have corrected so far, by row, receipt and reason; a row 0 is a person's word about a receipt
    /// without one.
    pub corrected: HashMap<(i64, i64, Kind), Corrected>,
    /// The provider's days that are closed.
    pub closed: HashSet<Day>,
    /// Decisions about these days, whatever became of them.
    pub decisions: Vec<DecisionView>,
}

/// What a row has corrected of a receipt so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// Day of the row, else of the receipt.
    pub row_day: Day,
    /// Day of the receipt.
    pub receipt_day: Day,
    /// By how much, đồng.
    pub amount_vnd: i64,
}

/// What matching found of a kept row the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousFinding {
    pub row_no: i64,
    /// The word of its kind, or why it is ignored.
    pub word: Arc<str>,
    /// The number that belongs to the finding.
    pub detail: i64,
    /// The pass, or empty.
    pub pass: Arc<str>,
    /// Days between row and receipt.
    pub shift_days: i64,
    pub receipt_no: Option<i64>,
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

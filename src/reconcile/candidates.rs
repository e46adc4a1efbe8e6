//! Receipts that a person may give to a row, the likeliest first.

use super::{FindingKind, Outcome, ReceiptSide, RowSide, Sides};

/// Receipts that are shown beside a row.
const SHOWN_MAX: usize = 20;
/// Days around a row whose receipts may be parts of it.
const DAYS_NEAR: u64 = 1;

/// How far one looks for the partner of a row. A ward does not see what a household earns, so one looks no farther than
/// deciding needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Receipts of the row's own amount; of its household, where that is known.
    SameAmount,
    /// Also the household's other receipts of the days beside it: of a row that pays several, or another amount.
    Household,
}

/// The receipts without a row that a person may give to this one, the likeliest first: by amount, stall, household, then
/// by how near they are in days and time. At most twenty.
///
/// A hint for people and nothing else: no pass matches by it.
pub fn candidates(sides: &Sides, outcome: &Outcome, row_no: i64, reach: Reach) -> Vec<i64> {
    let Ok(at) = sides.rows.binary_search_by_key(&row_no, |row| row.no) else {
        return Vec::new();
    };
    let row = &sides.rows[at];
    let is_free = |kind: FindingKind| {
        matches!(
            kind,
            FindingKind::AwaitingStatement | FindingKind::MissingInStatement | FindingKind::Ambiguous
        )
    };
    let free = sides.receipts.iter().zip(&outcome.receipts);
    let free = free.filter(|(receipt, said)| is_free(said.kind) && said.no == receipt.no);
    let is_wanted = |receipt: &&ReceiptSide| {
        let is_own = row.household() == Some(receipt.household);
        let is_near = row.day.number().abs_diff(receipt.day.number()) <= DAYS_NEAR;
        let is_same_amount = receipt.amount_vnd == row.amount_vnd && (is_own || row.household().is_none());
        is_same_amount || (reach == Reach::Household && is_own && is_near)
    };
    let mut ranked: Vec<_> = free
        .map(|(receipt, _)| receipt)
        .filter(is_wanted)
        .map(|receipt| (rank(row, receipt), receipt.no))
        .collect();
    ranked.sort_unstable();
    ranked.truncate(SHOWN_MAX);
    ranked.into_iter().map(|(_, no)| no).collect()
}

/// Smaller is likelier.
fn rank(row: &RowSide, receipt: &ReceiptSide) -> (bool, bool, bool, u64, u64) {
    let apart_ms = match (row.occurred_at, receipt.time()) {
        (Some(row), Some(receipt)) => row.0.abs_diff(receipt.0),
        _ => u64::MAX,
    };
    (
        receipt.amount_vnd != row.amount_vnd,
        row.stall().is_none() || row.stall() != receipt.stall,
        row.household() != Some(receipt.household),
        row.day.number().abs_diff(receipt.day.number()),
        apart_ms,
    )
}

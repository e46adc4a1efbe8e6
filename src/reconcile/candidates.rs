//! Receipts that a person may give to a row, the likeliest first.

use super::{FindingKind, Outcome, ReceiptSide, RowSide, Sides};

/// Receipts that are shown beside a row.
const SHOWN_MAX: usize = 50;

/// The receipts without a row that a person may give to this one, the likeliest first: of the same household or the
/// same amount, by amount, stall, household, then by how near they are in days and time. At most fifty.
///
/// A hint for people and nothing else: no pass matches by it.
pub fn candidates(sides: &Sides, outcome: &Outcome, row_no: i64) -> Vec<i64> {
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
    let mut ranked: Vec<_> = free
        .map(|(receipt, _)| receipt)
        .filter(|receipt| receipt.amount_vnd == row.amount_vnd || row.household() == Some(receipt.household))
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

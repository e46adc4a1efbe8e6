//! The matcher on small worlds made by hand.

mod back;
mod bank;
mod cases;
mod corrections;
mod planted;
mod properties;
mod sums;

use super::*;
use crate::vn::{Day, TimeMs};

const MINUTE_MS: i64 = 60_000;

fn day() -> Day {
    Day::ymd(2026, 6, 15)
}

/// An instant of that day, in minutes after midnight.
fn at(minutes: i64) -> TimeMs {
    TimeMs(day().start().0 + minutes * MINUTE_MS)
}

fn id(text: &str) -> Key128 {
    Key128::of_id(&format!("{text}-26166012345"))
}

/// Rules under which everything up to the day is due, and final the day before.
fn rules() -> Rules {
    Rules::usual(day(), day().plus(-1))
}

/// A receipt of household 1 at stall 10, paid at ten, with an id and a reference of its own.
fn receipt(no: i64, amount_vnd: i64) -> ReceiptSide {
    ReceiptSide {
        no,
        txn: id(&format!("T{no}")),
        bank_ref: Some(id(&format!("F{no}"))),
        household: 1,
        stall: Some(10),
        amount_vnd,
        refunded_vnd: 0,
        day: day(),
        occurred_at: Some(at(600)),
        posted_at: at(601),
        posted_from_row: None,
    }
}

/// A row of the same account at the same time, without any id and without a stall.
fn nameless(no: i64, amount_vnd: i64) -> RowSide {
    RowSide {
        no,
        shape: 0,
        content: id(&format!("row {no}")),
        kind: RowKind::Payment,
        status: RowStatus::Settled,
        txn: None,
        refund_of: None,
        bank_ref: None,
        payee: Payee::Household {
            household: 1,
            stall: None,
        },
        stall_in_note: None,
        amount_vnd,
        fee_gap_vnd: 0,
        day: day(),
        occurred_at: Some(at(600)),
        parts: 1,
        valued_days_before: 0,
    }
}

/// A row with the id of this receipt.
fn row_of(no: i64, receipt: &ReceiptSide) -> RowSide {
    RowSide {
        txn: Some(receipt.txn),
        bank_ref: receipt.bank_ref,
        ..nameless(no, receipt.amount_vnd)
    }
}

fn sides(receipts: &[ReceiptSide], rows: &[RowSide]) -> Sides {
    Sides {
        receipts: receipts.to_vec(),
        rows: rows.to_vec(),
        ..Sides::default()
    }
}

fn run(receipts: &[ReceiptSide], rows: &[RowSide]) -> Outcome {
    match_sides(&mut sides(receipts, rows), &rules())
}

/// Kinds of all rows in the order of their numbers.
fn kinds(outcome: &Outcome) -> Vec<&'static str> {
    let word = |r: &RowOutcome| match r.finding {
        Finding::Ignored(why) => why.as_str(),
        finding => finding.kind().map_or("?", FindingKind::as_str),
    };
    outcome.rows.iter().map(word).collect()
}

/// Kinds of all receipts in the order of their numbers.
fn receipt_kinds(outcome: &Outcome) -> Vec<&'static str> {
    outcome.receipts.iter().map(|c| c.kind.as_str()).collect()
}

#[test]
fn planted_causes_are_named_in_ten_thousand_entries() {
    planted::check(10_000, 1);
}

#[test]
fn planted_causes_are_named_in_a_hundred_thousand_entries() {
    planted::check(100_000, 2);
}

//! The packed rows of a window, and how a page of them is fetched.

use sqlx::AssertSqlSafe;

use super::super::super::packed::packed_record;
use super::super::super::{Result, Tx, fetch_in_chunks, on_tx};

/// Rows of a page.
pub(super) const PAGE_ROWS: i64 = 20_000;

packed_record! {
    /// A receipt, `r` in its query.
    ReceiptRecord of "receipt" {
        key { entry_no: "r.entry_no" }
        numbers {
            amount_vnd: "r.amount_vnd",
            refunded_vnd: "r.refunded_vnd",
            business_day: "r.business_day",
            posted_at_ms: "r.posted_at_ms",
        }
        optional {
            occurred_at_ms: "r.occurred_at_ms",
            statement_row_no: "r.statement_row_no",
        }
        texts {
            provider_txn_id: "r.provider_txn_id",
            bank_ref: "COALESCE(r.bank_ref, '')",
            household_id: "r.household_id",
            stall_id: "COALESCE(r.stall_id, '')",
        }
    }
}

packed_record! {
    /// A kept row of a statement, `r` in its query.
    RowRecord of "statement row" {
        key { row_no: "r.row_no" }
        numbers {
            amount_vnd: "r.amount_vnd",
            parts: "r.parts",
            fee_gap_vnd: "r.fee_gap_vnd",
            content_high: "r.content_high",
            content_low: "r.content_low",
            detail: "r.detail",
            shift_days: "r.shift_days",
            business_day: "r.business_day",
        }
        optional {
            occurred_at_ms: "r.occurred_at_ms",
            receipt_no: "r.receipt_no",
            settled_day: "r.settled_day",
        }
        texts {
            kind: "r.kind",
            status: "r.status",
            provider_txn_id: "r.provider_txn_id",
            reference: "r.reference",
            bank_ref: "r.bank_ref",
            refund_of: "r.refund_of",
            terminal: "r.terminal",
            bank_bin: "r.bank_bin",
            account_number: "r.account_number",
            stall_code: "r.stall_code",
            finding: "r.finding",
            pass: "r.pass",
        }
    }
}

packed_record! {
    /// A kept row that is settled with its receipt, as far as it tells whether the two are reopened.
    SettledRecord of "settled statement row" {
        key { row_no: "r.row_no" }
        numbers {
            receipt_no: "r.receipt_no",
            content_high: "r.content_high",
            content_low: "r.content_low",
        }
        optional {}
        texts {
            provider_txn_id: "r.provider_txn_id",
            reference: "r.reference",
            bank_ref: "r.bank_ref",
        }
    }
}

/// A page of packed records and the last of their numbers, if there are any.
pub(super) async fn fetch_page(
    tx: &mut Tx,
    sql: &str,
    provider_id: &str,
    numbers: &[i64],
) -> Result<(String, Option<i64>)> {
    let (text, last): (Option<String>, Option<i64>) = on_tx!(tx, |c| {
        // Made of constants.
        let mut query = sqlx::query_as(AssertSqlSafe(sql.to_owned())).bind(provider_id);
        for number in numbers {
            query = query.bind(*number);
        }
        query.fetch_one(c).await?
    });
    Ok((text.unwrap_or_default(), last))
}

/// Pages of packed receipts of these numbers.
pub(super) async fn fetch_receipts(tx: &mut Tx, nos: &[i64]) -> Result<Vec<(Option<String>,)>> {
    let record = ReceiptRecord::sql();
    let sql = format!("SELECT string_agg({record}, '') FROM receipt r WHERE r.entry_no IN (…)");
    fetch_in_chunks(tx, &sql, &[], nos).await
}

/// Pages of packed rows of these numbers.
pub(super) async fn fetch_rows(tx: &mut Tx, nos: &[i64]) -> Result<Vec<(Option<String>,)>> {
    let record = RowRecord::sql();
    let sql = format!("SELECT string_agg({record}, '') FROM statement_row r WHERE r.row_no IN (…)");
    fetch_in_chunks(tx, &sql, &[], nos).await
}

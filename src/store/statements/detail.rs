//! One exception seen whole: its row as the file had it, and receipts beside it.

use super::super::{Result, Store, fetch_in_chunks, on_tx};
use super::row::file_of;
use crate::statement::{RowKind, RowStatus};
use crate::vn::{AccountNumber, Day, TimeMs};

/// A row as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDetail {
    /// The file it stands in.
    pub file: String,
    /// Row of the file, as a person counts.
    pub row_number: i64,
    pub day: Day,
    /// When, if the file says more than the day.
    pub occurred_at: Option<TimeMs>,
    /// When it was paid out.
    pub settled_on: Option<Day>,
    /// What it is about.
    pub kind: RowKind,
    /// Whether the money moved.
    pub status: RowStatus,
    /// Gross, đồng.
    pub amount_vnd: i64,
    /// Fee, its tax, discount, đồng.
    pub charges_vnd: [i64; 3],
    pub provider_txn_id: String,
    pub bank_ref: String,
    /// Of money back the provider's id of the payment, or empty.
    pub refund_of: String,
    /// Payee account, masked when shown; none where the file has no account number there.
    pub account: Option<AccountNumber>,
    pub terminal: String,
    /// The stall code of its note.
    pub stall_code: String,
}

/// A receipt, or a notice that waits, as people look at it beside a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EntryDetail {
    pub entry_no: i64,
    pub provider_txn_id: String,
    /// At which stall, where that is known.
    pub stall_code: String,
    /// What its notice said, đồng.
    pub amount_vnd: i64,
    /// What went back by notices, đồng.
    pub refunded_vnd: i64,
    /// What statements and people corrected, đồng.
    pub corrected_vnd: i64,
    pub day: Day,
    /// When it was paid, where the notice says so.
    pub occurred_at: Option<TimeMs>,
    /// When it was received.
    pub received_at: TimeMs,
    /// Whether a statement reported it first.
    pub is_from_statement: bool,
}

impl Store {
    /// A row of a provider's statements; none if there is no such row.
    pub async fn statement_row(&self, provider_id: &str, row_no: i64) -> Result<Option<RowDetail>> {
        #[derive(sqlx::FromRow)]
        struct Row {
            name: String,
            row_number: i64,
            business_day: Day,
            occurred_at_ms: Option<TimeMs>,
            settled_day: Option<Day>,
            kind: RowKind,
            status: RowStatus,
            amount_vnd: i64,
            fee_vnd: i64,
            vat_vnd: i64,
            discount_vnd: i64,
            provider_txn_id: String,
            bank_ref: String,
            refund_of: String,
            account_number: String,
            terminal: String,
            stall_code: String,
        }
        let mut tx = self.begin_read().await?;
        let row: Option<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT f.name, r.row_number, r.business_day, r.occurred_at_ms, r.settled_day, r.kind, r.status,
                        r.amount_vnd, r.fee_vnd, r.vat_vnd, r.discount_vnd, r.provider_txn_id, r.bank_ref, r.refund_of,
                        r.account_number, r.terminal, r.stall_code
                 FROM statement_row r JOIN statement_file f ON f.file_no = $3 AND f.state = 'kept'
                 WHERE r.row_no = $1 AND r.provider_id = $2",
            )
            .bind(row_no)
            .bind(provider_id)
            .bind(file_of(row_no))
            .fetch_optional(c)
            .await?
        });
        Ok(row.map(|row| RowDetail {
            file: row.name,
            row_number: row.row_number,
            day: row.business_day,
            occurred_at: row.occurred_at_ms,
            settled_on: row.settled_day,
            kind: row.kind,
            status: row.status,
            amount_vnd: row.amount_vnd,
            charges_vnd: [row.fee_vnd, row.vat_vnd, row.discount_vnd],
            provider_txn_id: row.provider_txn_id,
            bank_ref: row.bank_ref,
            refund_of: row.refund_of,
            account: AccountNumber::parse(&row.account_number).ok(),
            terminal: row.terminal,
            stall_code: row.stall_code,
        }))
    }

    /// Receipts and notices of a provider by their numbers, in the order of the numbers.
    pub async fn entries(&self, provider_id: &str, entry_nos: &[i64]) -> Result<Vec<EntryDetail>> {
        let selects = [
            "SELECT r.entry_no, r.provider_txn_id, COALESCE(s.stall_code, '') AS stall_code,
                    r.amount_vnd, r.refunded_vnd, r.corrected_vnd, r.business_day AS day,
                    r.occurred_at_ms AS occurred_at, r.posted_at_ms AS received_at,
                    r.statement_row_no IS NOT NULL AS is_from_statement
             FROM receipt r
             LEFT JOIN stall s ON s.stall_id = r.stall_id
             WHERE r.provider_id = $1 AND r.entry_no IN (…)",
            "SELECT r.entry_no, r.provider_txn_id, '' AS stall_code, r.amount_vnd,
                    CAST(0 AS BIGINT) AS refunded_vnd, CAST(0 AS BIGINT) AS corrected_vnd,
                    (r.received_at_ms + 25200000) / 86400000 AS day,
                    CAST(NULL AS BIGINT) AS occurred_at, r.received_at_ms AS received_at, FALSE AS is_from_statement
             FROM notice r WHERE r.provider_id = $1 AND r.entry_no IN (…)",
        ];
        let mut found: Vec<EntryDetail> = Vec::with_capacity(entry_nos.len());
        let mut tx = self.begin_read().await?;
        for select in selects {
            found.extend(fetch_in_chunks(&mut tx, select, &[provider_id.into()], entry_nos).await?);
        }
        found.sort_by_key(|entry| entry.entry_no);
        Ok(found)
    }
}

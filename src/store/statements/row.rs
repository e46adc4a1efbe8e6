//! Rows of statements: how they are numbered, kept, and what matching found of them.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::dialect::{Cell, Packed};
use super::super::{Result, Store, Tx, fetch_in_chunks, on_tx, pieces};
pub use crate::reconcile::row_no;
use crate::reconcile::{Key128, RowFinding, RowSide};
pub(super) use crate::reconcile::{ROWS_OF_FILE, file_of};
use crate::vn::Day;

/// Findings written in one transaction: callbacks wait behind so many.
const FINDINGS_AT_ONCE: usize = 2_000;

/// Whom a row names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PayeeName {
    /// Bank of the payee account, or empty.
    pub bank_bin: String,
    /// Payee account, or empty.
    pub account_number: String,
    /// Terminal, or empty.
    pub terminal: String,
    /// The merchant's reference, or empty.
    pub reference: String,
}

/// A row as it is kept.
#[derive(Clone)]
pub struct KeptRow {
    /// What matching needs of it; its number names it.
    pub side: RowSide,
    /// Row of the file, as a person counts.
    pub row_number: i64,
    /// Charges as the file states them, đồng: fee, VAT, discount.
    pub charges_vnd: [i64; 3],
    /// What was paid out, đồng, with the file's own sign.
    pub net_vnd: Option<i64>,
    /// The provider's id of the transaction.
    pub provider_txn_id: String,
    pub bank_ref: String,
    /// Of money back the provider's id of the payment, or empty.
    pub refund_of: String,
    pub name: PayeeName,
    /// The stall code in its note, or empty.
    pub stall_code: String,
    /// The day of settlement.
    pub settled_on: Option<Day>,
    pub finding: RowFinding,
}

/// Rows on their way into a file, ready for the database ([`Store::pack_statement_rows`]).
#[derive(Default)]
pub struct PackedRows {
    pub(super) rows: Option<Packed>,
    /// Receipts of rows that have many.
    pub(super) lumps: Vec<(i64, Vec<i64>)>,
}

impl Store {
    /// Makes rows ready for [`Store::add_statement_rows`]. It asks the database nothing, so it can be done on any
    /// thread while those before are written.
    pub fn pack_statement_rows(&self, provider_id: &str, rows: &[KeptRow]) -> Result<PackedRows> {
        let lumps = rows.iter().filter(|row| !row.finding.lump.is_empty());
        let lumps = lumps.map(|row| (row.side.no, row.finding.lump.clone())).collect();
        let packed = match rows {
            [] => None,
            rows => Some(self.pack(ROW_COLUMNS, rows, |row| cells(provider_id, row))?),
        };
        Ok(PackedRows { rows: packed, lumps })
    }

    /// Writes down what matching finds of rows now, where it is something else than before.
    pub async fn change_findings(&self, changed: &[(i64, RowFinding)]) -> Result<()> {
        for chunk in changed.chunks(FINDINGS_AT_ONCE) {
            let mut tx = self.begin().await?;
            for (row_no, finding) in chunk {
                // The row first: whoever else writes of it waits here. One that the ledger took for known by its id is
                // given to it again once that id is found to be other payments' too.
                on_tx!(&mut tx, |c| {
                    sqlx::query(
                        "UPDATE statement_row SET finding = $2, detail = $3, pass = $4, shift_days = $5,
                           receipt_no = $6, is_posted = CASE
                             WHEN $2 = 'missing_notice' AND $3 = 1 AND receipt_no IS NULL THEN 0 ELSE is_posted END
                         WHERE row_no = $1",
                    )
                    .bind(row_no)
                    .bind(finding.word)
                    .bind(finding.detail)
                    .bind(finding.pass)
                    .bind(finding.shift_days)
                    .bind(finding.receipt_no)
                    .execute(&mut *c)
                    .await?;
                    sqlx::query("DELETE FROM statement_lump WHERE row_no = $1")
                        .bind(row_no)
                        .execute(&mut *c)
                        .await?;
                });
                insert_lump(&mut tx, *row_no, &finding.lump).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// The provider's transaction id and the row of the file, of rows by their numbers.
    pub async fn statement_row_names(&self, row_nos: &[i64]) -> Result<HashMap<i64, (String, i64)>> {
        let mut tx = self.begin_read().await?;
        let sql = "SELECT row_no, provider_txn_id, row_number FROM statement_row WHERE row_no IN (…)";
        let rows: Vec<(i64, String, i64)> = fetch_in_chunks(&mut tx, sql, &[], row_nos).await?;
        let names = rows.into_iter().map(|(no, txn, number)| (no, (txn, number)));
        Ok(names.collect())
    }

    /// The provider's transaction ids of receipts and notices by their numbers.
    pub async fn entry_txn_ids(&self, entry_nos: &[i64]) -> Result<HashMap<i64, String>> {
        let mut ids = HashMap::with_capacity(entry_nos.len());
        let mut tx = self.begin_read().await?;
        for sql in [
            "SELECT entry_no, provider_txn_id FROM receipt WHERE entry_no IN (…)",
            "SELECT entry_no, provider_txn_id FROM notice WHERE entry_no IN (…)",
        ] {
            let rows: Vec<(i64, String)> = fetch_in_chunks(&mut tx, sql, &[], entry_nos).await?;
            ids.extend(rows);
        }
        Ok(ids)
    }
}

pub(super) async fn insert_lump(tx: &mut Tx, row_no: i64, receipts: &[i64]) -> Result<()> {
    for piece in pieces(receipts) {
        on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new("INSERT INTO statement_lump (row_no, receipt_no) ");
            sql.push_values(piece, |mut row, receipt_no| {
                row.push_bind(row_no).push_bind(*receipt_no);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

pub(super) const ROW_COLUMNS: &str =
    "statement_row (row_no, provider_id, business_day, row_number, kind, status, amount_vnd,
    fee_vnd, vat_vnd, discount_vnd, net_vnd, provider_txn_id, reference, bank_ref, refund_of, terminal, bank_bin,
    account_number, stall_code, occurred_at_ms, settled_day, parts, fee_gap_vnd, content_high,
    content_low, finding, detail, pass, shift_days, receipt_no)";

/// The halves of a key as columns hold them.
fn halves(key: Key128) -> [i64; 2] {
    key.bits().map(|half| half as i64)
}

/// A row in the order of its columns.
fn cells<'r>(provider_id: &'r str, row: &'r KeptRow) -> [Cell<'r>; 30] {
    use Cell::{Number, Text};
    let side = &row.side;
    let [fee, vat, discount] = row.charges_vnd;
    let [high, low] = halves(side.content);
    [
        Number(side.no),
        Text(provider_id),
        Number(side.day.number()),
        Number(row.row_number),
        Text(side.kind.as_str()),
        Text(side.status.as_str()),
        Number(side.amount_vnd),
        Number(fee),
        Number(vat),
        Number(discount),
        row.net_vnd.into(),
        Text(&row.provider_txn_id),
        Text(&row.name.reference),
        Text(&row.bank_ref),
        Text(&row.refund_of),
        Text(&row.name.terminal),
        Text(&row.name.bank_bin),
        Text(&row.name.account_number),
        Text(&row.stall_code),
        side.occurred_at.map(|t| t.0).into(),
        row.settled_on.map(Day::number).into(),
        Number(i64::from(side.parts)),
        Number(side.fee_gap_vnd),
        Number(high),
        Number(low),
        Text(row.finding.word),
        Number(row.finding.detail),
        Text(row.finding.pass),
        Number(row.finding.shift_days),
        row.finding.receipt_no.into(),
    ]
}

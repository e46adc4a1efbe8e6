//! Payments that a statement knows and no notice reported, on their way into the ledger.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::{Result, Store, dialect, on_tx, pieces};
use super::row::ROWS_OF_FILE;
use crate::ledger::LedgerNo;
use crate::reconcile::UnnotifiedRow;
use crate::statement::stated_id;
use crate::vn::Day;

#[derive(sqlx::FromRow)]
struct Row {
    row_no: i64,
    provider_txn_id: String,
    amount_vnd: i64,
    bank_bin: String,
    account_number: String,
    terminal: String,
    reference: String,
    bank_ref: String,
    stall_code: String,
    occurred_at_ms: Option<i64>,
    business_day: i64,
    detail: i64,
}

impl Store {
    /// The next rows whose notice is missing and that the ledger was not given yet. Rows of closed days wait until
    /// their day is restated: `restated`.
    pub async fn unnotified_rows(
        &self,
        provider_id: &str,
        restated: Option<Day>,
        at_most: i64,
    ) -> Result<Vec<UnnotifiedRow>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT r.row_no, r.provider_txn_id, r.amount_vnd, r.bank_bin, r.account_number, r.terminal, r.reference,
                        r.bank_ref, r.stall_code, r.occurred_at_ms, r.business_day, r.detail
                 FROM statement_row r
                 WHERE r.provider_id = $1 AND r.finding = 'missing_notice' AND r.is_posted = 0
                   AND EXISTS (SELECT 1 FROM statement_file f
                               WHERE f.file_no = r.row_no / $4 AND f.state = 'kept')
                   AND NOT EXISTS (SELECT 1 FROM day_close c
                                   WHERE c.provider_id = r.provider_id AND c.business_day = r.business_day
                                     AND c.business_day <> $3)
                 ORDER BY r.row_no LIMIT $2",
            )
            .bind(provider_id)
            .bind(at_most)
            .bind(restated.map_or(i64::MIN, Day::number))
            .bind(ROWS_OF_FILE)
            .fetch_all(c)
            .await?
        });
        let row = |row: Row| UnnotifiedRow {
            row_no: row.row_no,
            provider_txn_id: stated_id(&row.provider_txn_id).to_owned(),
            amount_vnd: row.amount_vnd,
            bank_bin: row.bank_bin,
            account_number: row.account_number,
            terminal: row.terminal,
            reference: row.reference,
            bank_ref: stated_id(&row.bank_ref).to_owned(),
            stall_code: row.stall_code,
            occurred_at_ms: row.occurred_at_ms,
            business_day: row.business_day,
            is_id_shared: row.detail == 1,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Writes down that the ledger was given these rows, and which receipts came of them: those that were posted
    /// from them after `before`. A row without one was known to the ledger by another way.
    pub async fn mark_rows_posted(&self, rows: &[UnnotifiedRow], before: LedgerNo) -> Result<usize> {
        let mut tx = self.begin().await?;
        // One after the other, and by key: rows are locked in no other order then.
        dialect::lock_feed(&mut tx).await?;
        let posted: Vec<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT statement_row_no, entry_no FROM receipt WHERE entry_no > $1 AND statement_row_no IS NOT NULL",
            )
            .bind(before.get())
            .fetch_all(c)
            .await?
        });
        let posted: HashMap<i64, i64> = posted.into_iter().collect();
        let given: Vec<(i64, Option<i64>)> = rows
            .iter()
            .map(|row| (row.row_no, posted.get(&row.row_no).copied()))
            .collect();
        for piece in pieces(&given) {
            on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new("WITH given (row_no, receipt_no) AS (");
                sql.push_values(piece, |mut given, (row_no, receipt_no)| {
                    given.push_bind(*row_no).push_bind(*receipt_no);
                });
                sql.push(
                    ") UPDATE statement_row SET is_posted = 1,
                         receipt_no = COALESCE(CAST(given.receipt_no AS BIGINT), statement_row.receipt_no)
                       FROM given WHERE statement_row.row_no = given.row_no",
                );
                sql.build().execute(c).await?;
            });
        }
        tx.commit().await?;
        Ok(given
            .iter()
            .filter(|(_, receipt_no)| receipt_no.is_some())
            .count())
    }
}

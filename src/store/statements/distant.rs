//! Rows and receipts that belong together and lie so many days apart that the days of the one are compared without
//! those of the other.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::dialect::Cell;
use super::super::ledger::{WriterMemory, entries_of_payments};
use super::super::{Result, Store, Tx, fetch_in_chunks, on_tx};
use super::row::ROWS_OF_FILE;
use crate::reconcile::{DISTANT_DAYS, DistantPair};
use crate::vn::{Day, DayRange};

/// Rows whose partners are looked for at once.
const ROWS_AT_ONCE: i64 = 20_000;

impl Store {
    /// Looks in the whole ledger for the payments of rows that found no partner among the days around them: late
    /// rows of old days, and money back for old payments. Those that are distant are kept, and found when the days are
    /// compared the next time; how many.
    /// `memory` saves the writer that comes after it from reading the same again.
    pub async fn find_distant(
        &self,
        provider_id: &str,
        days: impl Into<DayRange>,
        memory: &mut WriterMemory,
    ) -> Result<usize> {
        let days = days.into();
        let mut after = 0;
        let mut found = 0;
        loop {
            let mut tx = self.begin_read().await?;
            let rows = unmatched_rows(&mut tx, provider_id, days, after).await?;
            let Some(last) = rows.last() else {
                return Ok(found);
            };
            after = last.row_no;
            let pairs = partners(&mut tx, provider_id, &rows, memory).await?;
            drop(tx);
            self.keep_distant_pairs(provider_id, &pairs).await?;
            found += pairs.len();
        }
    }
}

/// A row that found no partner.
#[derive(sqlx::FromRow)]
struct UnmatchedRow {
    row_no: i64,
    business_day: Day,
    provider_txn_id: String,
    refund_of: String,
}

/// Rows that found no partner, in the order of their numbers; also those of which a payment is known by another
/// way, and those whose partner is doubtful although they name it.
async fn unmatched_rows(
    tx: &mut Tx,
    provider_id: &str,
    days: DayRange,
    after: i64,
) -> Result<Vec<UnmatchedRow>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.row_no, r.business_day, r.provider_txn_id,
                    CASE WHEN r.kind = 'payment' THEN '' ELSE r.refund_of END AS refund_of
             FROM statement_row r
             JOIN statement_file s ON s.file_no = r.row_no / $6 AND s.state = 'kept'
             WHERE r.provider_id = $1 AND r.business_day >= $2 AND r.business_day <= $3
               AND r.finding IN ('missing_notice', 'refund_without_payment', 'outgoing') AND r.receipt_no IS NULL
               AND (r.provider_txn_id <> '' OR r.refund_of <> '') AND r.row_no > $4
               AND NOT EXISTS (SELECT 1 FROM statement_far f WHERE f.row_no = r.row_no)
             ORDER BY r.row_no LIMIT $5",
        )
        .bind(provider_id)
        .bind(days.first.number())
        .bind(days.last.number())
        .bind(after)
        .bind(ROWS_AT_ONCE)
        .bind(ROWS_OF_FILE)
        .fetch_all(c)
        .await?
    }))
}

/// The payments of these rows that are far from them: the one that money back names, else the one that has the row's
/// own id.
async fn partners(
    tx: &mut Tx,
    provider_id: &str,
    rows: &[UnmatchedRow],
    memory: &mut WriterMemory,
) -> Result<Vec<DistantPair>> {
    let provider: Arc<str> = provider_id.into();
    let named: Vec<&str> = rows.iter().map(|row| row.refund_of.as_str()).collect();
    let own: Vec<&str> = rows.iter().map(|row| row.provider_txn_id.as_str()).collect();
    let named = entries_of_payments(&mut *tx, &provider, &named, memory).await?;
    let own = entries_of_payments(&mut *tx, &provider, &own, memory).await?;
    let entries: Vec<Option<i64>> = named
        .into_iter()
        .zip(own)
        .map(|(named, own)| named.or(own))
        .collect();
    let days = days_of_receipts(tx, entries.iter().flatten().copied().collect()).await?;
    let mut pairs = Vec::new();
    for (row, entry_no) in rows.iter().zip(entries) {
        let row_day = row.business_day;
        let receipt = entry_no.and_then(|no| Some((no, *days.get(&no)?)));
        if let Some((receipt_no, receipt_day)) = receipt {
            pairs.push(DistantPair {
                row_no: row.row_no,
                row_day,
                receipt_no,
                receipt_day,
            });
        }
    }
    pairs.retain(DistantPair::is_distant);
    Ok(pairs)
}

impl Store {
    /// Keeps rows that lie far from their receipts, so that each is loaded with the other from now on.
    pub async fn keep_distant_pairs(&self, provider_id: &str, pairs: &[DistantPair]) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        insert_distant_pairs(&mut tx, provider_id, pairs).await?;
        tx.commit().await
    }
}

async fn days_of_receipts(tx: &mut Tx, nos: Vec<i64>) -> Result<HashMap<i64, Day>> {
    let sql = "SELECT entry_no, business_day FROM receipt WHERE entry_no IN (…)";
    let rows: Vec<(i64, Day)> = fetch_in_chunks(tx, sql, &[], nos).await?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn insert_distant_pairs(
    tx: &mut Tx,
    provider_id: &str,
    pairs: &[DistantPair],
) -> Result<()> {
    for pair in pairs {
        on_tx!(&mut *tx, |c| {
            sqlx::query(
                "INSERT INTO statement_far (row_no, provider_id, row_day, receipt_day, receipt_no)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (row_no, receipt_no) DO NOTHING",
            )
            .bind(pair.row_no)
            .bind(provider_id)
            .bind(pair.row_day.number())
            .bind(pair.receipt_day.number())
            .bind(pair.receipt_no)
            .execute(c)
            .await?;
        });
    }
    Ok(())
}

/// The pairs of which the row or the receipt is of these days.
pub(super) async fn distant_pairs(
    tx: &mut Tx,
    provider_id: &str,
    days: DayRange,
) -> Result<Vec<DistantPair>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        row_no: i64,
        row_day: Day,
        receipt_no: i64,
        receipt_day: Day,
    }
    let rows: Vec<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT row_no, row_day, receipt_no, receipt_day FROM statement_far
             WHERE provider_id = $1 AND row_day >= $2 AND row_day <= $3
             UNION
             SELECT row_no, row_day, receipt_no, receipt_day FROM statement_far
             WHERE provider_id = $1 AND receipt_day >= $2 AND receipt_day <= $3",
        )
        .bind(provider_id)
        .bind(days.first.number())
        .bind(days.last.number())
        .fetch_all(c)
        .await?
    });
    let pair = |row: Row| DistantPair {
        row_no: row.row_no,
        row_day: row.row_day,
        receipt_no: row.receipt_no,
        receipt_day: row.receipt_day,
    };
    Ok(rows.into_iter().map(pair).collect())
}

/// Rows that have one of these receipts, on the days around each, and rows that are noted with one of them.
pub(super) async fn rows_of_receipts(
    tx: &mut Tx,
    provider_id: &str,
    receipts: &[(i64, Day)],
) -> Result<Vec<i64>> {
    let nos = || receipts.iter().map(|(no, _)| *no);
    let mut days: Vec<Day> = receipts.iter().map(|(_, day)| *day).collect();
    days.sort_unstable();
    days.dedup();
    let near = DISTANT_DAYS as i64;
    let sql = "SELECT row_no FROM statement_far WHERE receipt_no IN (…)";
    let mut found: Vec<(i64,)> = fetch_in_chunks(&mut *tx, sql, &[], nos()).await?;
    for day in days {
        let bound: [Cell<'_>; 3] = [
            provider_id.into(),
            day.plus(-near).number().into(),
            day.plus(near).number().into(),
        ];
        let sql = "SELECT row_no FROM statement_row
                   WHERE provider_id = $1 AND business_day >= $2 AND business_day <= $3 AND receipt_no IN (…)";
        let tied: Vec<(i64,)> = fetch_in_chunks(&mut *tx, sql, &bound, nos()).await?;
        found.extend(tied);
    }
    Ok(found.into_iter().map(|(no,)| no).collect())
}

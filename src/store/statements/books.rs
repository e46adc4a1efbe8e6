//! The books of a provider: what it took for the stalls, what it kept, and what it paid out, day by day.

use std::collections::BTreeMap;

use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::row::ROWS_OF_FILE;
use crate::reconcile::BookDay;
use crate::vn::{Day, DayRange};

/// Days that a settlement may come after the day under which a row stands.
const SETTLED_AFTER_DAYS_MAX: i64 = 62;

impl Store {
    /// The books of a provider's days from the first to the last. A closed day is as it was closed; what was open
    /// before the first comes from the last closed day before, else from all days since the first.
    pub async fn books(&self, provider_id: &str, days: impl Into<DayRange>) -> Result<Vec<(Day, BookDay)>> {
        let days = days.into();
        let DayRange {
            first: from,
            last: to,
        } = days;
        let mut tx = self.begin_read().await?;
        let closed = closed_books(&mut tx, provider_id, days).await?;
        let before = closed.range(..from).next_back();
        let base = before.map(|(day, book)| (day.plus(1), book.closing_vnd));
        let since = base.map_or(i64::MIN / 2, |(day, _)| day.number());
        let flows = flows(&mut tx, provider_id, since, to).await?;
        let first = base.map(|(day, _)| day).or_else(|| flows.keys().next().copied());
        let mut open_vnd = base.map_or(0, |(_, closing_vnd)| closing_vnd);
        let mut next = first.unwrap_or(from).min(from);
        let mut books = Vec::new();
        while next <= to {
            let book = match closed.get(&next) {
                Some(closed) => *closed,
                None => {
                    let mut book = flows.get(&next).copied().unwrap_or_default();
                    book.opening_vnd = open_vnd;
                    book.closing_vnd =
                        open_vnd + book.receipts_vnd - book.reversals_vnd - book.fees_vnd - book.settled_vnd;
                    book
                }
            };
            open_vnd = book.closing_vnd;
            if next >= from {
                books.push((next, book));
            }
            next = next.plus(1);
        }
        Ok(books)
    }

    /// The books of a day as it stands now, closed or not: what a close or a restatement fixes.
    pub async fn book_now(&self, provider_id: &str, day: Day) -> Result<BookDay> {
        let before = self.books(provider_id, (day.plus(-1), day.plus(-1))).await?;
        let opening_vnd = before.first().map_or(0, |(_, book)| book.closing_vnd);
        let mut tx = self.begin_read().await?;
        let flows = flows(&mut tx, provider_id, day.number(), day).await?;
        let mut book = flows.get(&day).copied().unwrap_or_default();
        book.opening_vnd = opening_vnd;
        book.closing_vnd =
            opening_vnd + book.receipts_vnd - book.reversals_vnd - book.fees_vnd - book.settled_vnd;
        Ok(book)
    }
}

/// The books of closed days, as they were closed last: those of the days asked for, and the last one before.
async fn closed_books(tx: &mut Tx, provider_id: &str, days: DayRange) -> Result<BTreeMap<Day, BookDay>> {
    #[derive(serde::Deserialize)]
    struct Closed {
        book: BookDay,
    }
    let rows: Vec<(Day, String)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT business_day, figures FROM day_close
             WHERE provider_id = $1 AND business_day <= $3
               AND business_day >= COALESCE((SELECT MAX(b.business_day) FROM day_close b
                                             WHERE b.provider_id = $1 AND b.business_day < $2), $2)
             ORDER BY business_day, version",
        )
        .bind(provider_id)
        .bind(days.first.number())
        .bind(days.last.number())
        .fetch_all(c)
        .await?
    });
    let mut books = BTreeMap::new();
    for (day, figures) in rows {
        let wrong = |e| StoreError::Corrupt(format!("figures of closed day {day}: {e}"));
        let closed: Closed = serde_json::from_str(&figures).map_err(wrong)?;
        books.insert(day, closed.book);
    }
    Ok(books)
}

/// What moved on each day, without what was open.
async fn flows(tx: &mut Tx, provider_id: &str, from: i64, to: Day) -> Result<BTreeMap<Day, BookDay>> {
    let mut days: BTreeMap<Day, BookDay> = BTreeMap::new();
    let received: Vec<(Day, i64, i64)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT day, CAST(SUM(n) AS BIGINT), CAST(SUM(v) AS BIGINT) FROM (
               SELECT day, posted_count AS n, posted_vnd AS v FROM provider_day WHERE provider_id = $1
               UNION ALL
               SELECT business_day, 1, amount_vnd FROM receipt
               WHERE entry_no > (SELECT counted_entry_no FROM feed WHERE id = 1) AND provider_id = $1
             ) counted WHERE day >= $2 AND day <= $3 GROUP BY day",
        )
        .bind(provider_id)
        .bind(from)
        .bind(to.number())
        .fetch_all(&mut *c)
        .await?
    });
    for (day, count, vnd) in received {
        let book = days.entry(day).or_default();
        book.receipts += count;
        book.receipts_vnd += vnd;
    }
    // Money back that rows tell of is a reversal; any other correction is of what was received.
    let corrected: Vec<(Day, i64, i64)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT business_day,
                    CAST(SUM(CASE WHEN because IN ('reversed', 'refund_heard') THEN 0 ELSE amount_vnd END) AS BIGINT),
                    CAST(SUM(CASE WHEN because IN ('reversed', 'refund_heard') THEN -amount_vnd ELSE 0 END) AS BIGINT)
             FROM correction WHERE provider_id = $1 AND business_day >= $2 AND business_day <= $3
             GROUP BY business_day",
        )
        .bind(provider_id)
        .bind(from)
        .bind(to.number())
        .fetch_all(&mut *c)
        .await?
    });
    for (day, corrected_vnd, back_vnd) in corrected {
        let book = days.entry(day).or_default();
        book.receipts_vnd += corrected_vnd;
        book.reversals_vnd += back_vnd;
    }
    let refunded: Vec<(Day, i64)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT day, CAST(SUM(amount_vnd) AS BIGINT) FROM (
               SELECT (posted_at_ms + 25200000) / 86400000 AS day, amount_vnd FROM refund WHERE provider_id = $1
             ) back WHERE day >= $2 AND day <= $3 GROUP BY day",
        )
        .bind(provider_id)
        .bind(from)
        .bind(to.number())
        .fetch_all(&mut *c)
        .await?
    });
    for (day, back_vnd) in refunded {
        days.entry(day).or_default().reversals_vnd += back_vnd;
    }
    for (day, fees_vnd, settled_vnd) in settled(tx, provider_id, from, to).await? {
        let book = days.entry(day).or_default();
        book.fees_vnd += fees_vnd;
        book.settled_vnd += settled_vnd;
    }
    Ok(days)
}

/// Day, charges and net of the rows that have receipts. A row that stands for many and is stated net was paid out
/// whole; what its receipts have more is what was kept.
async fn settled(tx: &mut Tx, provider_id: &str, from: i64, to: Day) -> Result<Vec<(Day, i64, i64)>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT day, CAST(SUM(CASE WHEN whole > amount_vnd THEN whole - amount_vnd ELSE charges END) AS BIGINT),
                    CAST(SUM(CASE WHEN whole > amount_vnd THEN amount_vnd ELSE amount_vnd - charges END) AS BIGINT)
             FROM (
               SELECT COALESCE(r.settled_day, r.business_day) AS day,
                      CASE WHEN r.kind = 'payment' THEN r.amount_vnd ELSE -r.amount_vnd END AS amount_vnd,
                      CASE WHEN r.kind = 'payment' THEN r.fee_vnd + r.vat_vnd + r.discount_vnd ELSE 0 END AS charges,
                      COALESCE((SELECT SUM(x.amount_vnd - x.refunded_vnd + x.corrected_vnd) FROM statement_lump l
                                JOIN receipt x ON x.entry_no = l.receipt_no WHERE l.row_no = r.row_no),
                               -r.amount_vnd) AS whole
               FROM statement_row r
               JOIN statement_file f ON f.file_no = r.row_no / $5 AND f.state = 'kept'
               WHERE r.provider_id = $1 AND r.business_day >= $4 AND r.business_day <= $3 AND r.status = 'settled'
                 AND r.finding IN ('matched_auto', 'matched_manual', 'matched_forced', 'lump', 'missing_notice',
                                   'amount_differs', 'date_differs', 'fee_differs', 'reversed')
                 AND (r.receipt_no IS NOT NULL
                      OR EXISTS (SELECT 1 FROM statement_lump l WHERE l.row_no = r.row_no))
             ) shown WHERE day >= $2 AND day <= $3 GROUP BY day",
        )
        .bind(provider_id)
        .bind(from)
        .bind(to.number())
        .bind(from.saturating_sub(SETTLED_AFTER_DAYS_MAX))
        .bind(ROWS_OF_FILE)
        .fetch_all(c)
        .await?
    }))
}

//! A household's own list of money received: sums by day and single receipts, for its owner alone.
//!
//! Sums come from the day counters and from the receipts that are not counted yet, so they are exact at every
//! moment. Receipts have no index on households: those of some days are looked for among the numbers that the
//! ledger gave on those days, and only around days on which the sums say there are any.

use std::ops::RangeInclusive;

use sqlx::QueryBuilder;

use super::{Conflict, Result, Store, Tx, day_of, dialect, on_tx, places};
use crate::ledger::{LedgerNo, Received};
use crate::places::{PlacedIn, Unit, UnitId};
use crate::vn::{Day, Dong, TimeMs};

/// Days without a receipt between two with some, up to which both are looked for together.
const GAP_DAYS_MAX: i64 = 3;
/// Days whose numbers one query walks: on PostgreSQL a query has its time.
const SPAN_DAYS_MAX: i64 = 31;
/// Days that may be asked for at once.
const DAYS_MAX: i64 = 366;

/// What a household received in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnerList {
    /// The days on which something came, in order.
    pub days: Vec<(Day, Received)>,
    /// Single receipts, newest first.
    pub receipts: Vec<OwnerReceipt>,
    /// Whether there are older ones than these.
    pub has_more: bool,
}

/// A receipt as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReceipt {
    /// Where it stands in the list.
    pub place: ListPosition,
    pub amount: Dong,
    /// What of it went back.
    pub refunded: Dong,
    /// What statements and people corrected, with its sign.
    pub corrected: Dong,
    /// The stall; none where only the household is known.
    pub stall_code: Option<String>,
    /// Who told of it.
    pub provider_id: String,
    pub provider_txn_id: String,
    /// Whether no notice came and a statement told of it.
    pub is_from_statement: bool,
}

impl OwnerReceipt {
    /// What is left of it.
    pub fn left(&self) -> Dong {
        Dong::new(self.amount.vnd() - self.refunded.vnd() + self.corrected.vnd())
    }
}

/// Where a receipt stands in its household's list: by day, time and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    pub day: Day,
    /// When it was paid, or taken in.
    pub at: TimeMs,
    pub entry_no: LedgerNo,
}

#[derive(sqlx::FromRow)]
struct DayRow {
    day: i64,
    receipts: i64,
    received_vnd: i64,
    refunded_vnd: i64,
    corrected_vnd: i64,
}

#[derive(sqlx::FromRow)]
struct ReceiptRow {
    business_day: i64,
    at_ms: i64,
    entry_no: i64,
    amount_vnd: i64,
    refunded_vnd: i64,
    corrected_vnd: i64,
    stall_code: Option<String>,
    provider_id: String,
    provider_txn_id: String,
    is_from_statement: i64,
}

impl Store {
    /// What a household received from the first to the last day (366 at most), with up to `limit` of its
    /// receipts, those behind `after` where it is given; all as of one moment.
    pub async fn owner_list(
        &self,
        household_id: &str,
        period: &RangeInclusive<Day>,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<OwnerList> {
        let last = *period.end();
        if last.number() - period.start().number() >= DAYS_MAX {
            return Err(Conflict::TooManyDays { max: DAYS_MAX }.into());
        }
        let mut tx = self.begin_read().await?;
        dialect::walk_by_index(&mut tx).await?;
        let days = days(&mut tx, household_id, period).await?;
        let mut receipts = Vec::new();
        if limit > 0 {
            for span in spans(&days, after.map_or(last, |after| after.day.min(last))) {
                // One more than is shown tells whether there are more.
                let wanted = limit + 1 - receipts.len();
                receipts.extend(receipts_of(&mut tx, household_id, &span, after, wanted).await?);
                if receipts.len() > limit {
                    break;
                }
            }
        }
        let has_more = receipts.len() > limit;
        receipts.truncate(limit);
        Ok(OwnerList {
            days,
            receipts,
            has_more,
        })
    }

    /// The ward in which a household lies, under the boundaries of a day; the smallest unit that is known to hold
    /// its place where the ward is not.
    pub async fn unit_of_household(&self, household_id: &str, on: Day) -> Result<Option<Unit>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(i64, String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT u.from_day, u.unit_code, u.unit_valid_from_day FROM place_unit u
                 WHERE u.place_id = (SELECT v.place_id FROM household_version v
                                     WHERE v.household_id = $1 AND v.valid_from_day <= $2
                                     ORDER BY v.valid_from_day DESC, v.recorded_at_ms DESC LIMIT 1)
                   AND NOT EXISTS (SELECT 1 FROM place_unit n WHERE n.place_id = u.place_id
                                   AND n.from_day = u.from_day AND n.recorded_at_ms > u.recorded_at_ms)",
            )
            .bind(household_id)
            .bind(on.number())
            .fetch_all(c)
            .await?
        });
        let facts = rows.into_iter().map(|(from, code, unit_from)| {
            Ok(PlacedIn {
                unit: UnitId::new(code, Day::from_number(unit_from)),
                from: day_of(from)?,
            })
        });
        let facts = facts.collect::<Result<Vec<_>>>()?;
        let units = places::read_units(&mut tx).await?;
        let located = units.under(on).locate(&facts);
        Ok(located.map(|at| units.get(at.unit).clone()))
    }
}

/// The days on which something came. What a counter does not hold yet is added in the same moment.
async fn days(tx: &mut Tx, household_id: &str, period: &RangeInclusive<Day>) -> Result<Vec<(Day, Received)>> {
    // The counters lie by day, so each day is looked up by itself: a cross join stays in its order.
    let rows: Vec<DayRow> = on_tx!(tx, |c| {
        sqlx::query_as(
            "WITH RECURSIVE days (day) AS (
               SELECT CAST($2 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < $3
             )
             SELECT day, CAST(SUM(posted_count) AS BIGINT) AS receipts, CAST(SUM(posted_vnd) AS BIGINT) AS received_vnd,
                    CAST(SUM(refunded_vnd) AS BIGINT) AS refunded_vnd,
                    CAST(SUM(corrected_vnd) AS BIGINT) AS corrected_vnd
             FROM (
               SELECT h.day, h.posted_count, h.posted_vnd, h.refunded_vnd, h.corrected_vnd
               FROM days d CROSS JOIN household_day h WHERE h.day = d.day AND h.household_id = $1
               UNION ALL
               SELECT business_day, 1, amount_vnd, refunded_vnd, corrected_vnd
               FROM receipt WHERE entry_no > (SELECT counted_entry_no FROM feed WHERE id = 1)
                 AND household_id = $1 AND business_day >= $2 AND business_day <= $3
             ) counted GROUP BY day ORDER BY day",
        )
        .bind(household_id)
        .bind(period.start().number())
        .bind(period.end().number())
        .fetch_all(c)
        .await?
    });
    rows.into_iter()
        .map(|row| {
            let received = Received {
                receipts: row.receipts,
                received: Dong::new(row.received_vnd),
                refunded: Dong::new(row.refunded_vnd),
                corrected: Dong::new(row.corrected_vnd),
            };
            Ok((day_of(row.day)?, received))
        })
        .collect()
}

/// Days among which receipts are to be looked for, the latest first.
fn spans(days: &[(Day, Received)], last: Day) -> Vec<RangeInclusive<Day>> {
    let mut spans: Vec<RangeInclusive<Day>> = Vec::new();
    for (day, _) in days.iter().rev().filter(|(day, _)| *day <= last) {
        match spans.last_mut() {
            Some(span)
                if span.start().number() - day.number() <= GAP_DAYS_MAX
                    && span.end().number() - day.number() < SPAN_DAYS_MAX =>
            {
                *span = *day..=*span.end();
            }
            _ => spans.push(*day..=*day),
        }
    }
    spans
}

async fn receipts_of(
    tx: &mut Tx,
    household_id: &str,
    days: &RangeInclusive<Day>,
    after: Option<ListPosition>,
    limit: usize,
) -> Result<Vec<OwnerReceipt>> {
    let from = days.start();
    let to = days.end();
    // A posting time may be an hour ahead of reception, so the ledger may have taken a receipt the evening before
    // its day; what it took more than a day later is noted by day.
    let first = LedgerNo::start_of(from.plus(-1));
    let end = LedgerNo::start_of(to.plus(2));
    let rows: Vec<ReceiptRow> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT r.business_day, COALESCE(r.occurred_at_ms, r.posted_at_ms) AS at_ms, r.entry_no, r.amount_vnd,
                    r.refunded_vnd, r.corrected_vnd, s.stall_code, r.provider_id, r.provider_txn_id,
                    CAST(CASE WHEN r.statement_row_no IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_from_statement
             FROM (SELECT entry_no FROM receipt WHERE entry_no > ",
        );
        sql.push_bind(first.get())
            .push(" AND entry_no < ")
            .push_bind(end.get())
            .push(" AND household_id = ")
            .push_bind(household_id.to_owned())
            .push(" UNION ALL SELECT l.entry_no FROM late_receipt l WHERE l.business_day >= ")
            .push_bind(from.number())
            .push(" AND l.business_day <= ")
            .push_bind(to.number())
            .push(" AND l.entry_no >= ")
            .push_bind(end.get())
            // Late ones lie by provider first.
            .push(" AND l.provider_id IN (SELECT provider_id FROM intake_day)")
            .push(") found JOIN receipt r ON r.entry_no = found.entry_no LEFT JOIN stall s ON s.stall_id = r.stall_id")
            .push(" WHERE r.household_id = ")
            .push_bind(household_id.to_owned())
            .push(" AND r.business_day >= ")
            .push_bind(from.number())
            .push(" AND r.business_day <= ")
            .push_bind(to.number());
        if let Some(after) = after {
            sql.push(" AND (r.business_day, COALESCE(r.occurred_at_ms, r.posted_at_ms), r.entry_no) < (")
                .push_bind(after.day.number())
                .push(", ")
                .push_bind(after.at.0)
                .push(", ")
                .push_bind(after.entry_no.get())
                .push(")");
        }
        sql.push(" ORDER BY r.business_day DESC, at_ms DESC, r.entry_no DESC LIMIT ")
            .push_bind(limit as i64);
        sql.build_query_as().fetch_all(c).await?
    });
    rows.into_iter().map(receipt_of).collect()
}

fn receipt_of(row: ReceiptRow) -> Result<OwnerReceipt> {
    Ok(OwnerReceipt {
        place: ListPosition {
            day: day_of(row.business_day)?,
            at: TimeMs(row.at_ms),
            entry_no: LedgerNo::of(row.entry_no),
        },
        amount: Dong::new(row.amount_vnd),
        refunded: Dong::new(row.refunded_vnd),
        corrected: Dong::new(row.corrected_vnd),
        stall_code: row.stall_code,
        provider_id: row.provider_id,
        provider_txn_id: row.provider_txn_id,
        is_from_statement: row.is_from_statement != 0,
    })
}

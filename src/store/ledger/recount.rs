//! The counters held against what they count.

use super::super::{Missing, Result, Store, StoreError, Tx, on_tx};
use super::rows::DAY_COUNTERS;
use crate::ledger::{LedgerNo, QUALIFYING_FLOOR};

/// How many items, and the sum of the amounts they stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct StateTotal {
    /// Number of items.
    pub count: i64,
    /// Their amounts, đồng.
    pub amount_vnd: i64,
}

/// Conservation (docs/spec/domain.md, section 7): received = posted + quarantined + ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct IntakeTotals {
    /// Items received; repeats with the same content are not received again.
    pub received: StateTotal,
    /// Items that moved money on a receipt.
    pub posted: StateTotal,
    /// Items waiting for review, or refunds for their receipt.
    pub quarantined: StateTotal,
    /// Items that move no money.
    pub ignored: StateTotal,
    /// Repeats, counted apart.
    pub repeats: i64,
}

impl IntakeTotals {
    /// Whether the sums hold, by count and by amount.
    pub fn conservation_holds(&self) -> bool {
        let sum = |f: fn(&StateTotal) -> i64| f(&self.posted) + f(&self.quarantined) + f(&self.ignored);
        self.received.count == sum(|t| t.count) && self.received.amount_vnd == sum(|t| t.amount_vnd)
    }
}

/// What a recount found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recount {
    /// Counted again from the notices.
    #[serde(flatten)]
    pub totals: IntakeTotals,
    /// Receipts there are.
    pub receipts: i64,
    /// Whether every counter equals what was counted again.
    pub counters_agree: bool,
    /// Whether received = posted + quarantined + ignored, in notices and in counters.
    pub conservation_holds: bool,
    /// Where counters differ: at most twenty sentences.
    pub differences: Vec<String>,
}

/// A notice that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema, sqlx::FromRow)]
pub struct WaitingNotice {
    /// The provider.
    pub provider_id: String,
    /// The provider's transaction id.
    pub event_id: String,
    /// `payment`, `refund` or `unreadable`.
    pub kind: String,
    /// The amount it stated, đồng.
    pub amount_vnd: i64,
    /// Why it waits; a word of `ledger::Reason`.
    pub reason: String,
    /// When it was received, milliseconds UTC.
    pub received_at_ms: i64,
    /// Its place in the list: hand it in to go on after it.
    #[serde(skip)]
    pub cursor: LedgerNo,
}

impl Store {
    /// What the counters say of all providers and days.
    pub async fn intake_totals(&self) -> Result<IntakeTotals> {
        let mut tx = self.begin_read().await?;
        counted_totals(&mut tx).await
    }

    /// Notices in quarantine, oldest first, after the one with this cursor.
    pub async fn waiting_notices(&self, after: Option<&str>, limit: i64) -> Result<Vec<WaitingNotice>> {
        let after = match after {
            Some(cursor) => LedgerNo::parse(cursor).ok_or(Missing::PageOfCursor)?,
            None => LedgerNo::default(),
        };
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no AS cursor, provider_id, event_id, kind, amount_vnd, reason, received_at_ms FROM notice
                 WHERE state = 'quarantined' AND entry_no > $1 ORDER BY entry_no LIMIT $2",
            )
            .bind(after.get())
            .bind(limit)
            .fetch_all(c)
            .await?
        }))
    }

    /// Counts everything again from notices, receipts and refunds, and compares with the counters.
    pub async fn recount(&self) -> Result<Recount> {
        let mut tx = self.begin_read().await?;
        let mut differences = Vec::new();
        let mut totals = notice_totals(&mut tx).await?;
        let counted = counted_totals(&mut tx).await?;
        // Repeats leave no row of their own; only the counter knows them.
        totals.repeats = counted.repeats;
        if totals != counted {
            differences.push(format!(
                "all days: notices say {totals:?}, counters say {counted:?}"
            ));
        }
        let (receipts,): (i64,) = on_tx!(&mut tx, |c| sqlx::query_as("SELECT COUNT(*) FROM receipt")
            .fetch_one(c)
            .await?);
        differences.extend(intake_differences(&mut tx).await?);
        for (table, key) in DAY_COUNTERS {
            differences.extend(day_differences(&mut tx, table, key).await?);
        }
        differences.extend(refund_differences(&mut tx).await?);
        differences.extend(correction_differences(&mut tx).await?);
        let conservation_holds = totals.conservation_holds() && counted.conservation_holds();
        Ok(Recount {
            totals,
            receipts,
            counters_agree: differences.is_empty(),
            conservation_holds,
            differences,
        })
    }
}

async fn counted_totals(tx: &mut Tx) -> Result<IntakeTotals> {
    #[derive(sqlx::FromRow)]
    struct Row {
        received_count: i64,
        received_vnd: i64,
        posted_count: i64,
        posted_vnd: i64,
        quarantined_count: i64,
        quarantined_vnd: i64,
        ignored_count: i64,
        ignored_vnd: i64,
        repeats: i64,
    }
    let row: Row = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(received_count), 0) AS BIGINT) AS received_count,
                    CAST(COALESCE(SUM(received_vnd), 0) AS BIGINT) AS received_vnd,
                    CAST(COALESCE(SUM(posted_count), 0) AS BIGINT) AS posted_count,
                    CAST(COALESCE(SUM(posted_vnd), 0) AS BIGINT) AS posted_vnd,
                    CAST(COALESCE(SUM(quarantined_count), 0) AS BIGINT) AS quarantined_count,
                    CAST(COALESCE(SUM(quarantined_vnd), 0) AS BIGINT) AS quarantined_vnd,
                    CAST(COALESCE(SUM(ignored_count), 0) AS BIGINT) AS ignored_count,
                    CAST(COALESCE(SUM(ignored_vnd), 0) AS BIGINT) AS ignored_vnd,
                    CAST(COALESCE(SUM(repeat_count), 0) AS BIGINT) AS repeats
             FROM intake_day",
        )
        .fetch_one(c)
        .await?
    });
    let total = |count, amount_vnd| StateTotal { count, amount_vnd };
    Ok(IntakeTotals {
        received: total(row.received_count, row.received_vnd),
        posted: total(row.posted_count, row.posted_vnd),
        quarantined: total(row.quarantined_count, row.quarantined_vnd),
        ignored: total(row.ignored_count, row.ignored_vnd),
        repeats: row.repeats,
    })
}

async fn notice_totals(tx: &mut Tx) -> Result<IntakeTotals> {
    let rows: Vec<(String, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT state, CAST(SUM(n) AS BIGINT), CAST(SUM(v) AS BIGINT) FROM (
               SELECT state, COUNT(*) AS n, SUM(amount_vnd) AS v FROM notice GROUP BY state
               UNION ALL
               SELECT 'posted', COUNT(*), COALESCE(SUM(amount_vnd), 0) FROM receipt
             ) both_kinds GROUP BY state",
        )
        .fetch_all(c)
        .await?
    });
    let mut totals = IntakeTotals::default();
    for (state, count, amount_vnd) in rows {
        let total = match state.as_str() {
            "posted" => &mut totals.posted,
            "quarantined" => &mut totals.quarantined,
            "ignored" => &mut totals.ignored,
            _ => return Err(StoreError::Corrupt(format!("state {state} of a notice"))),
        };
        *total = StateTotal { count, amount_vnd };
        totals.received.count += count;
        totals.received.amount_vnd += amount_vnd;
    }
    Ok(totals)
}

/// Days of reception whose counters differ from the notices. The day is computed as in `vn::Day`: UTC+7.
async fn intake_differences(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT provider_id, day FROM (
               SELECT provider_id, day, posted_count AS p, posted_vnd AS pv, quarantined_count AS q,
                      quarantined_vnd AS qv, ignored_count AS i, ignored_vnd AS iv FROM intake_day
               UNION ALL
               SELECT provider_id, (received_at_ms + 25200000) / 86400000 AS day,
                      -SUM(CASE WHEN state = 'posted' THEN 1 ELSE 0 END),
                      -SUM(CASE WHEN state = 'posted' THEN amount_vnd ELSE 0 END),
                      -SUM(CASE WHEN state = 'quarantined' THEN 1 ELSE 0 END),
                      -SUM(CASE WHEN state = 'quarantined' THEN amount_vnd ELSE 0 END),
                      -SUM(CASE WHEN state = 'ignored' THEN 1 ELSE 0 END),
                      -SUM(CASE WHEN state = 'ignored' THEN amount_vnd ELSE 0 END)
               FROM notice GROUP BY provider_id, (received_at_ms + 25200000) / 86400000
               UNION ALL
               SELECT provider_id, (posted_at_ms + 25200000) / 86400000 AS day, -COUNT(*), -SUM(amount_vnd), 0, 0, 0, 0
               FROM receipt GROUP BY provider_id, (posted_at_ms + 25200000) / 86400000
             ) both_sides GROUP BY provider_id, day
             HAVING SUM(p) <> 0 OR SUM(pv) <> 0 OR SUM(q) <> 0 OR SUM(qv) <> 0 OR SUM(i) <> 0 OR SUM(iv) <> 0
             LIMIT 5",
        )
        .fetch_all(c)
        .await?
    });
    Ok(rows
        .into_iter()
        .map(|(p, day)| format!("intake_day {p} {day}: differs from its notices"))
        .collect())
}

/// Business days whose counters differ from the receipts that they hold.
async fn day_differences(tx: &mut Tx, table: &'static str, key: &'static str) -> Result<Vec<String>> {
    let rows: Vec<(String, i64)> = on_tx!(tx, |c, Db| {
        let mut sql = sqlx::QueryBuilder::<Db>::new(format!(
            "SELECT id, day FROM (
               SELECT {key} AS id, day, posted_count AS n, posted_vnd AS v, refunded_vnd AS r, corrected_vnd AS c,
                      qualifying_count AS q
               FROM {table}
               UNION ALL
               SELECT {key}, business_day, -COUNT(*), -SUM(amount_vnd), -SUM(refunded_vnd),
                      -SUM(corrected_vnd), -SUM(CASE WHEN amount_vnd - refunded_vnd + corrected_vnd >= "
        ));
        sql.push_bind(QUALIFYING_FLOOR.vnd());
        sql.push(format!(
            " THEN 1 ELSE 0 END) FROM receipt WHERE entry_no <= (SELECT counted_entry_no FROM feed WHERE id = 1)
               GROUP BY {key}, business_day
             ) both_sides GROUP BY id, day
             HAVING SUM(n) <> 0 OR SUM(v) <> 0 OR SUM(r) <> 0 OR SUM(c) <> 0 OR SUM(q) <> 0
             LIMIT 5"
        ));
        sql.build_query_as().fetch_all(c).await?
    });
    Ok(rows
        .into_iter()
        .map(|(id, day)| format!("{table} {id} {day}: differs from its receipts"))
        .collect())
}

/// Receipts whose correction differs from the sum of their corrections.
async fn correction_differences(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(LedgerNo,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT receipt_no FROM (
               SELECT entry_no AS receipt_no, corrected_vnd AS v FROM receipt WHERE corrected_vnd <> 0
               UNION ALL
               SELECT receipt_no, -SUM(amount_vnd) FROM correction GROUP BY receipt_no
             ) both_sides GROUP BY receipt_no HAVING SUM(v) <> 0 LIMIT 5",
        )
        .fetch_all(c)
        .await?
    });
    let sentence = |no| format!("receipt {}: corrected differs from its corrections", no);
    Ok(rows.into_iter().map(|(no,)| sentence(no)).collect())
}

/// Receipts whose refunded amount differs from their refunds, and refunds without their notice.
async fn refund_differences(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(LedgerNo,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT receipt_no FROM (
               SELECT entry_no AS receipt_no, refunded_vnd AS v FROM receipt WHERE refunded_vnd <> 0
               UNION ALL
               SELECT receipt_no, -SUM(amount_vnd) FROM refund GROUP BY receipt_no
             ) both_sides GROUP BY receipt_no HAVING SUM(v) <> 0 LIMIT 5",
        )
        .fetch_all(c)
        .await?
    });
    let unproven: (i64, i64) = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM refund), (SELECT COUNT(*) FROM notice WHERE state = 'posted')",
        )
        .fetch_one(c)
        .await?
    });
    let mut out: Vec<String> = rows
        .into_iter()
        .map(|(no,)| format!("receipt {}: refunded differs from its refunds", no))
        .collect();
    if unproven.0 != unproven.1 {
        out.push(format!(
            "{} refunds, but {} posted notices of refunds",
            unproven.0, unproven.1
        ));
    }
    Ok(out)
}

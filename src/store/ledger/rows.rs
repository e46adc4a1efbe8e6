//! The bulk statements of posting.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::dialect::{self, Arrays, Cell};
use super::super::{Result, Store, StoreError, Tx, on_tx, pieces};
use super::draft::Draft;
use crate::ledger::{Attributed, Counters, DayDelta, LedgerNo, QUALIFYING_FLOOR, Reason};
use crate::vn::Day;

const RECEIPT_COLUMNS: &str =
    "receipt (entry_no, household_id, business_day, stall_id, place_id, provider_id,
    provider_txn_id, event_id, content_digest, amount_vnd, occurred_at_ms, posted_at_ms, bank_ref,
    statement_row_no)";

/// The counters by business day, each with the column by which it counts.
pub(super) const DAY_COUNTERS: [(&str, &str); 3] = [
    ("household_day", "household_id"),
    ("place_day", "place_id"),
    ("provider_day", "provider_id"),
];

/// Entries after which the day counters take up their receipts: a household has several among so many.
const COUNTED_AT_ONCE: i64 = 8192;

/// Inserts the receipts among these, in the order of their numbers; how many.
pub(super) async fn insert_receipts(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<usize> {
    let receipt_of = |d| -> Option<(&Draft, &Attributed)> {
        let d: &Draft = d;
        d.receipt.as_ref().map(|to| (d, to))
    };
    let rows: Vec<(&Draft, &Attributed)> = kept.iter().filter_map(receipt_of).collect();
    if rows.is_empty() {
        return Ok(0);
    }
    insert_late(tx, &rows).await?;
    if let Tx::Postgres(_) = tx {
        let arrays = Arrays::of(rows.iter().map(|(d, to)| receipt_cells(d, to)))?;
        dialect::insert_arrays(tx, RECEIPT_COLUMNS, arrays).await?;
        return Ok(rows.len());
    }
    for piece in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!("INSERT INTO {RECEIPT_COLUMNS} "));
            sql.push_values(piece, |mut row, (d, to)| {
                row.push_bind(d.entry_no.get())
                    .push_bind(to.household_id.clone())
                    .push_bind(d.business_day().number())
                    .push_bind(to.stall_id.clone())
                    .push_bind(to.place_id.clone())
                    .push_bind(d.provider_id().clone())
                    .push_bind(&*d.item.provider_txn_id)
                    .push_bind(d.own_event_id())
                    .push_bind(&d.item.content[..])
                    .push_bind(d.item.amount.vnd())
                    .push_bind(d.item.details.occurred_at.map(|t| t.0))
                    .push_bind(d.arrival.received_at.0)
                    .push_bind(d.bank_ref())
                    .push_bind(d.item.details.from_statement.map(|from| from.row_no));
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(rows.len())
}

/// A receipt in the order of [`RECEIPT_COLUMNS`].
fn receipt_cells<'d>(d: &'d Draft<'_>, to: &'d Attributed) -> [Cell<'d>; 14] {
    let text = |text: Option<&'d str>| text.map_or(Cell::Null, Cell::Text);
    [
        Cell::Number(d.entry_no.get()),
        Cell::Text(&to.household_id),
        Cell::Number(d.business_day().number()),
        text(to.stall_id.as_deref()),
        Cell::Text(&to.place_id),
        Cell::Text(d.provider_id()),
        Cell::Text(&d.item.provider_txn_id),
        text(d.own_event_id()),
        Cell::Bytes(&d.item.content[..]),
        Cell::Number(d.item.amount.vnd()),
        d.item.details.occurred_at.map(|time| time.0).into(),
        Cell::Number(d.arrival.received_at.0),
        text(d.bank_ref()),
        d.item.details.from_statement.map(|from| from.row_no).into(),
    ]
}

/// Notes the receipts of days that are over for more than a day, so that the receipts of a day are found without
/// looking through all that came after.
async fn insert_late(tx: &mut Tx, rows: &[(&Draft<'_>, &Attributed)]) -> Result<()> {
    let is_late = |d: &&Draft<'_>| d.business_day().number() + 1 < d.entry_no.day_number();
    let late: Vec<&Draft<'_>> = rows.iter().map(|(d, _)| *d).filter(is_late).collect();
    for piece in pieces(&late) {
        on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new("INSERT INTO late_receipt (provider_id, business_day, entry_no) ");
            sql.push_values(piece, |mut row, d| {
                row.push_bind(d.provider_id().clone())
                    .push_bind(d.business_day().number())
                    .push_bind(d.entry_no.get());
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// Inserts those that are no receipts.
pub(super) async fn insert_notices(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<()> {
    let rows: Vec<&Draft> = kept.iter().filter(|d| d.receipt.is_none()).collect();
    for piece in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO notice (entry_no, provider_id, event_id, kind, provider_txn_id, is_first, content_digest,
                 amount_vnd, state, reason, received_at_ms) ",
            );
            sql.push_values(piece, |mut row, d| {
                row.push_bind(d.entry_no.get())
                    .push_bind(d.provider_id().clone())
                    .push_bind(&*d.item.event_id)
                    .push_bind(d.item.kind.as_str())
                    .push_bind(&*d.item.provider_txn_id)
                    .push_bind(i64::from(d.is_first()))
                    .push_bind(&d.item.content[..])
                    .push_bind(d.item.amount.vnd())
                    .push_bind(d.state.as_str())
                    .push_bind(d.reason.map(Reason::as_str))
                    .push_bind(d.arrival.received_at.0);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// Adds what the batch changes to every counter but that of receipts.
pub(super) async fn add_counters(tx: &mut Tx, counters: &Counters) -> Result<()> {
    take_from_days(tx, "household_day", "household_id", &counters.households).await?;
    take_from_days(tx, "place_day", "place_id", &counters.places).await?;
    take_from_days(tx, "provider_day", "provider_id", &counters.providers).await?;
    for ((provider_id, day), d) in &counters.intake {
        let [posted, quarantined, ignored] = d.counts;
        let [posted_vnd, quarantined_vnd, ignored_vnd] = d.amounts_vnd;
        on_tx!(tx, |c| {
            sqlx::query(
                "INSERT INTO intake_day (provider_id, day, received_count, received_vnd, posted_count, posted_vnd,
                   quarantined_count, quarantined_vnd, ignored_count, ignored_vnd, repeat_count)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                 ON CONFLICT (provider_id, day) DO UPDATE SET
                   received_count = intake_day.received_count + excluded.received_count,
                   received_vnd = intake_day.received_vnd + excluded.received_vnd,
                   posted_count = intake_day.posted_count + excluded.posted_count,
                   posted_vnd = intake_day.posted_vnd + excluded.posted_vnd,
                   quarantined_count = intake_day.quarantined_count + excluded.quarantined_count,
                   quarantined_vnd = intake_day.quarantined_vnd + excluded.quarantined_vnd,
                   ignored_count = intake_day.ignored_count + excluded.ignored_count,
                   ignored_vnd = intake_day.ignored_vnd + excluded.ignored_vnd,
                   repeat_count = intake_day.repeat_count + excluded.repeat_count",
            )
            .bind(&**provider_id)
            .bind(day.number())
            .bind(posted + quarantined + ignored)
            .bind(posted_vnd + quarantined_vnd + ignored_vnd)
            .bind(posted)
            .bind(posted_vnd)
            .bind(quarantined)
            .bind(quarantined_vnd)
            .bind(ignored)
            .bind(ignored_vnd)
            .bind(d.repeat_count)
            .execute(c)
            .await?;
        });
    }
    Ok(())
}

/// Refunds and corrections change days that were counted before.
async fn take_from_days(
    tx: &mut Tx,
    table: &str,
    key: &str,
    days: &BTreeMap<(Arc<str>, Day), DayDelta>,
) -> Result<()> {
    for ((id, day), d) in days {
        let changed = on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new(format!("UPDATE {table} SET refunded_vnd = refunded_vnd + "));
            sql.push_bind(d.refunded_vnd)
                .push(", corrected_vnd = corrected_vnd + ")
                .push_bind(d.corrected_vnd)
                .push(", qualifying_count = qualifying_count + ")
                .push_bind(d.qualifying_count)
                .push(format!(" WHERE {key} = "))
                .push_bind(id.clone())
                .push(" AND day = ")
                .push_bind(day.number());
            sql.build().execute(c).await?.rows_affected()
        });
        if changed != 1 {
            return Err(StoreError::Corrupt(format!(
                "{table} {id} {day}: a refund or correction, but no receipt was counted"
            )));
        }
    }
    Ok(())
}

/// Adds the receipts after the first number, up to the second one, to the day counters, as they stand now, and notes that
/// they are counted.
async fn count_between(tx: &mut Tx, counted: LedgerNo, until: LedgerNo) -> Result<()> {
    add_to_days(tx, counted, until).await?;
    on_tx!(tx, |c| {
        sqlx::query("UPDATE feed SET counted_entry_no = $1 WHERE id = 1")
            .bind(until.get())
            .execute(c)
            .await?;
    });
    Ok(())
}

/// Adds the receipts after the first number, up to the second one, to the day counters, as they stand now.
pub(super) async fn add_to_days(tx: &mut Tx, counted: LedgerNo, until: LedgerNo) -> Result<()> {
    for (table, key) in DAY_COUNTERS {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "INSERT INTO {table} (day, {key}, posted_count, posted_vnd, refunded_vnd, corrected_vnd,
                   qualifying_count)
                 SELECT business_day, {key}, COUNT(*), SUM(amount_vnd), SUM(refunded_vnd), SUM(corrected_vnd),
                        SUM(CASE WHEN amount_vnd - refunded_vnd + corrected_vnd >= "
            ));
            sql.push_bind(QUALIFYING_FLOOR.vnd())
                .push(" THEN 1 ELSE 0 END) FROM receipt WHERE entry_no > ")
                .push_bind(counted.get())
                .push(" AND entry_no <= ")
                .push_bind(until.get())
                .push(format!(
                    " GROUP BY business_day, {key} ORDER BY business_day, {key}
                     ON CONFLICT (day, {key}) DO UPDATE SET
                       posted_count = {table}.posted_count + excluded.posted_count,
                       posted_vnd = {table}.posted_vnd + excluded.posted_vnd,
                       refunded_vnd = {table}.refunded_vnd + excluded.refunded_vnd,
                       corrected_vnd = {table}.corrected_vnd + excluded.corrected_vnd,
                       qualifying_count = {table}.qualifying_count + excluded.qualifying_count"
                ));
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// Takes the receipts up to this one into the day counters, if there are enough of them.
pub(super) async fn count_if_many(tx: &mut Tx, counted: LedgerNo, until: LedgerNo) -> Result<()> {
    if until.count() - counted.count() < COUNTED_AT_ONCE {
        Ok(())
    } else {
        count_between(tx, counted, until).await
    }
}

impl Store {
    /// Takes the receipts that are not in the day counters yet into them. Whoever reads the counters adds
    /// those receipts anyway; this only keeps them few. Gives back how many entries of the ledger it passed.
    pub async fn count_receipts(&self) -> Result<i64> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let (counted, until): (LedgerNo, LedgerNo) = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT counted_entry_no, entry_no FROM feed WHERE id = 1")
                .fetch_one(c)
                .await?
        });
        if counted < until {
            count_between(&mut tx, counted, until).await?;
            tx.commit().await?;
        }
        Ok(until.count() - counted.count())
    }
}

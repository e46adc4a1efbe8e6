//! The bulk statements of posting. Rows come sorted by key, so that two writers lock in one order.

use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::dialect::{self, CopyText};
use super::super::{Result, StoreError, Tx, on_tx};
use super::Draft;
use crate::ledger::{Attributed, Counters, DayDelta, Reason};
use crate::vn::Day;

const RECEIPT_COLUMNS: &str =
    "receipt (entry_no, household_id, business_day, stall_id, place_id, provider_id,
    provider_txn_id, event_id, content_digest, amount_vnd, occurred_at_ms, posted_at_ms)";

/// Rows per bulk insert: SQLite takes 32,766 parameters in a statement, the widest row has 16.
const BULK_ROWS_MAX: usize = 512;

/// Cuts rows into as few pieces as may be, of as few sizes as may be: one of a multiple of 32, and the
/// rest. Few statements then serve every batch and stay prepared, and a batch costs few round trips.
fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match rows.len() {
            0 => return None,
            n if n < 32 => n,
            n => (n - n % 32).min(BULK_ROWS_MAX),
        };
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

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
    let text = || {
        let mut text = CopyText::default();
        for (d, to) in &rows {
            text.number(d.entry_no.get())
                .text(&to.household_id)
                .number(d.business_day().number());
            match &to.stall_id {
                Some(id) => text.text(id),
                None => text.null(),
            };
            text.text(&to.place_id)
                .text(d.provider_id())
                .text(&d.item.provider_txn_id);
            match d.own_event_id() {
                Some(id) => text.text(id),
                None => text.null(),
            };
            text.bytes(&d.item.content).number(d.item.amount.vnd());
            match d.item.details.occurred_at {
                Some(time) => text.number(time.0),
                None => text.null(),
            };
            text.number(d.arrival.received_at.0).end();
        }
        text
    };
    if dialect::copy_in(tx, RECEIPT_COLUMNS, text).await? {
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
                    .push_bind(d.arrival.received_at.0);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(rows.len())
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

/// Adds what the batch gained to every counter.
pub(super) async fn add_counters(tx: &mut Tx, counters: &Counters) -> Result<()> {
    let households: Vec<_> = counters.households.iter().collect();
    add_days(tx, "household_day", "household_id", &households).await?;
    let places: Vec<_> = counters.places.iter().collect();
    add_days(tx, "place_day", "place_id", &places).await?;
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

/// Adds to `household_day` or `place_day`, which differ only in the name of their first column. A gain
/// makes its row where there is none; a loss (a refund of an earlier batch) must find its row.
async fn add_days(tx: &mut Tx, table: &str, key: &str, days: &[(&(Arc<str>, Day), &DayDelta)]) -> Result<()> {
    let (gains, losses): (Vec<_>, Vec<_>) = days.iter().partition(|(_, d)| d.can_stand_alone());
    for chunk in pieces(&gains) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "INSERT INTO {table} (day, {key}, posted_count, posted_vnd, refunded_vnd, qualifying_count) "
            ));
            sql.push_values(chunk, |mut row, ((id, day), d)| {
                row.push_bind(day.number())
                    .push_bind(id.clone())
                    .push_bind(d.posted_count)
                    .push_bind(d.posted_vnd)
                    .push_bind(d.refunded_vnd)
                    .push_bind(d.qualifying_count);
            });
            sql.push(format!(
                " ON CONFLICT (day, {key}) DO UPDATE SET
                   posted_count = {table}.posted_count + excluded.posted_count,
                   posted_vnd = {table}.posted_vnd + excluded.posted_vnd,
                   refunded_vnd = {table}.refunded_vnd + excluded.refunded_vnd,
                   qualifying_count = {table}.qualifying_count + excluded.qualifying_count"
            ));
            sql.build().execute(c).await?;
        });
    }
    for ((id, day), d) in losses {
        let changed = on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new(format!("UPDATE {table} SET posted_count = posted_count + "));
            sql.push_bind(d.posted_count)
                .push(", posted_vnd = posted_vnd + ")
                .push_bind(d.posted_vnd);
            sql.push(", refunded_vnd = refunded_vnd + ")
                .push_bind(d.refunded_vnd);
            sql.push(", qualifying_count = qualifying_count + ")
                .push_bind(d.qualifying_count);
            sql.push(format!(" WHERE {key} = "))
                .push_bind(id.clone())
                .push(" AND day = ")
                .push_bind(day.number());
            sql.build().execute(c).await?.rows_affected()
        });
        if changed != 1 {
            return Err(StoreError::Corrupt(format!(
                "{table} {id} {day}: a refund, but no receipt was counted"
            )));
        }
    }
    Ok(())
}

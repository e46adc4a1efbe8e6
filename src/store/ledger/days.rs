//! Closing of days: the keys of a day that is over move to where they are kept for good, with a filter
//! that says which fingerprints are surely not among them. After that the day's notices may be taken
//! away, and a repeat is found all the same.

use super::super::{Result, Store, StoreError, Tx, dialect, on_tx};
use super::known::WriterMemory;
use crate::ledger::KeyFilter;
use crate::vn::{Day, TimeMs};

/// A day is closed this long after its end: batches that began in it are committed by then, and clocks
/// of instances may differ.
const AFTER_MIDNIGHT_MS: i64 = 20 * 60 * 1000;
/// Keys that one transaction moves: it holds SQLite's write lock for some tens of milliseconds.
const MOVED_AT_ONCE: i64 = 8192;
/// Months for which partitions are made ahead, the present one included.
const MONTHS_AHEAD: usize = 4;
/// Tables that are partitioned on PostgreSQL.
const PARTITIONED: [&str; 4] = ["notice", "receipt", "delivery", "evidence"];

/// A day that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedDay {
    /// The day.
    pub day: Day,
    /// Keys that were moved.
    pub keys: i64,
}

/// Notes that the ledger has rows of this day, once.
pub(super) async fn note_day(tx: &mut Tx, memory: &WriterMemory, day: Day) -> Result<()> {
    if memory.has_noted(day) {
        return Ok(());
    }
    on_tx!(tx, |c| {
        let new = sqlx::query("INSERT INTO ledger_day (day) VALUES ($1) ON CONFLICT (day) DO NOTHING")
            .bind(day.number())
            .execute(&mut *c)
            .await?
            .rows_affected();
        if new > 0 {
            // Writers of other instances, whose clocks may be behind, are to look here too.
            sqlx::query("UPDATE register_epoch SET epoch = epoch + 1 WHERE id = 1")
                .execute(&mut *c)
                .await?;
        }
    });
    Ok(())
}

impl Store {
    /// Closes the first day that is over and not closed yet, if there is one. Writers go on beside it.
    /// It may run on several instances, and again after it was interrupted.
    pub async fn close_day(&self, now: TimeMs) -> Result<Option<ClosedDay>> {
        let before = Day::of(TimeMs(now.0 - AFTER_MIDNIGHT_MS));
        let Some(day) = self.next_to_close(before).await? else {
            return Ok(None);
        };
        let mut tx = self.begin().await?;
        // Alone at the gate: no batch that began earlier can still add to this day.
        dialect::pass_gate(&mut tx, true).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE feed SET open_day = $1 WHERE id = 1 AND open_day < $1")
                .bind(day.number() + 1)
                .execute(c)
                .await?;
        });
        tx.commit().await?;
        let keys = self.move_keys(day).await?;
        let filter = self.filter_of(day, day, keys).await?;
        self.keep_filter(day, day, keys, &filter).await?;
        Ok(Some(ClosedDay { day, keys }))
    }

    async fn next_to_close(&self, before: Day) -> Result<Option<Day>> {
        let mut tx = self.begin_read().await?;
        let (day,): (Option<i64>,) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT MIN(l.day) FROM ledger_day l, feed f WHERE f.id = 1 AND l.day > f.filtered_day AND l.day < $1",
            )
            .bind(before.number())
            .fetch_one(c)
            .await?
        });
        Ok(day.and_then(Day::from_number))
    }

    /// Copies the keys of a day, a part at a time; gives back how many there are.
    async fn move_keys(&self, day: Day) -> Result<i64> {
        let mut tx = self.begin_read().await?;
        let (count,): (i64,) = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT COUNT(*) FROM notice WHERE day = $1")
                .bind(day.number())
                .fetch_one(c)
                .await?
        });
        drop(tx);
        let parts = (count / MOVED_AT_ONCE + 1).unsigned_abs().next_power_of_two() as usize;
        for part in 0..parts {
            let (first, last) = KeyFilter::range(part, parts);
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "INSERT INTO event_key (day, fingerprint, check_bits, provider_id, event_id, kind, is_first,
                       content_digest, reason)
                     SELECT day, fingerprint, check_bits, provider_id, event_id, kind, is_first, content_digest, reason
                     FROM notice WHERE day = $1 AND fingerprint BETWEEN $2 AND $3
                     ORDER BY fingerprint, check_bits
                     ON CONFLICT (day, fingerprint, check_bits) DO NOTHING",
                )
                .bind(day.number())
                .bind(first)
                .bind(last)
                .execute(c)
                .await?;
            });
            tx.commit().await?;
        }
        Ok(count)
    }

    async fn filter_of(&self, first_day: Day, last_day: Day, keys: i64) -> Result<KeyFilter> {
        let shards = KeyFilter::shards_for(usize::try_from(keys).unwrap_or(0));
        let mut filter = KeyFilter::new(shards);
        for shard in 0..shards {
            let (first, last) = KeyFilter::range(shard, shards);
            let mut fingerprints = Vec::new();
            for day in first_day.number()..=last_day.number() {
                let mut tx = self.begin_read().await?;
                let rows: Vec<(i64,)> = on_tx!(&mut tx, |c| {
                    sqlx::query_as(
                        "SELECT fingerprint FROM event_key WHERE day = $1 AND fingerprint BETWEEN $2 AND $3",
                    )
                    .bind(day)
                    .bind(first)
                    .bind(last)
                    .fetch_all(c)
                    .await?
                });
                fingerprints.extend(rows.into_iter().map(|r| r.0));
            }
            filter
                .fill(shard, fingerprints)
                .map_err(|e| StoreError::Corrupt(format!("filter of {first_day}: {e}")))?;
        }
        Ok(filter)
    }

    /// Keeps a filter in place of those of the days it covers.
    async fn keep_filter(&self, first_day: Day, last_day: Day, keys: i64, filter: &KeyFilter) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("DELETE FROM event_filter WHERE first_day >= $1 AND last_day <= $2")
                .bind(first_day.number())
                .bind(last_day.number())
                .execute(&mut *c)
                .await?;
            sqlx::query(
                "INSERT INTO event_filter (first_day, last_day, keys, filter) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (first_day, last_day) DO UPDATE SET keys = excluded.keys, filter = excluded.filter",
            )
            .bind(first_day.number())
            .bind(last_day.number())
            .bind(keys)
            .bind(filter.to_bytes())
            .execute(&mut *c)
            .await?;
            sqlx::query("UPDATE feed SET filtered_day = $1 WHERE id = 1 AND filtered_day < $1")
                .bind(last_day.number())
                .execute(&mut *c)
                .await?;
            // Moves the writers to read the filters anew, also when only the month changed.
            sqlx::query("UPDATE register_epoch SET epoch = epoch + 1 WHERE id = 1")
                .execute(&mut *c)
                .await?;
        });
        tx.commit().await
    }

    /// Joins the filters of the days of the first month that is over into one, if there is such a month.
    pub async fn close_month(&self, now: TimeMs) -> Result<Option<Day>> {
        let this_month = Day::of(TimeMs(now.0 - AFTER_MIDNIGHT_MS)).first_of_month();
        let mut tx = self.begin_read().await?;
        let row: Option<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT e.first_day, f.filtered_day FROM event_filter e, feed f
                 WHERE f.id = 1 AND e.first_day = e.last_day AND e.first_day < $1 ORDER BY e.first_day LIMIT 1",
            )
            .bind(this_month.number())
            .fetch_optional(c)
            .await?
        });
        let Some(first) = row
            .and_then(|(day, _)| Day::from_number(day))
            .map(Day::first_of_month)
        else {
            return Ok(None);
        };
        let last = first.first_of_next_month().plus(-1);
        let (open, keys): (i64, Option<i64>) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT (SELECT COUNT(*) FROM ledger_day l, feed f
                         WHERE f.id = 1 AND l.day > f.filtered_day AND l.day <= $2),
                        (SELECT CAST(SUM(keys) AS BIGINT) FROM event_filter WHERE first_day >= $1 AND last_day <= $2)",
            )
            .bind(first.number())
            .bind(last.number())
            .fetch_one(c)
            .await?
        });
        drop(tx);
        if open > 0 {
            return Ok(None);
        }
        let keys = keys.unwrap_or(0);
        let filter = self.filter_of(first, last, keys).await?;
        self.keep_filter(first, last, keys, &filter).await?;
        Ok(Some(first))
    }

    /// Makes the partitions of this month and the next ones, where the database has partitions.
    pub async fn make_partitions(&self, now: TimeMs) -> Result<()> {
        let mut month = Day::of(now).first_of_month();
        for _ in 0..MONTHS_AHEAD {
            let end = month.first_of_next_month();
            let name = format!(
                "y{}",
                month.to_string().replace('-', "m").get(..7).unwrap_or_default()
            );
            for table in PARTITIONED {
                let mut tx = self.begin().await?;
                match dialect::make_partition(&mut tx, table, &name, month, end).await {
                    // Rows of the month lie in the default partition already; they stay there.
                    Err(e) if e.is_about_content() => tracing::debug!(table, name, "no partition"),
                    made => {
                        made?;
                        tx.commit().await?;
                    }
                }
            }
            month = end;
        }
        Ok(())
    }
}

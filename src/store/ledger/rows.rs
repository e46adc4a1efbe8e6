//! The bulk statements of posting. Rows come sorted by key, so that two writers lock in one order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use sqlx::QueryBuilder;

use super::super::{Result, StoreError, Tx, dialect, on_tx};
use super::{Batch, Draft};
use crate::ledger::{Attributed, Counters, DayDelta, Key, Reason, State};
use crate::notice::Kind;
use crate::vn::Day;

/// Rows per bulk insert: SQLite takes 32,766 parameters in a statement, the widest row has 16.
const BULK_ROWS_MAX: usize = 512;

/// Words that most rows hold: shared instead of made anew for each row.
static KIND_WORDS: LazyLock<[Arc<str>; Kind::ALL.len()]> =
    LazyLock::new(|| Kind::ALL.map(|kind| kind.as_str().into()));
static STATE_WORDS: LazyLock<[Arc<str>; State::ALL.len()]> =
    LazyLock::new(|| State::ALL.map(|state| state.as_str().into()));

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

/// Which rows of an insert are new.
pub(super) enum New {
    All,
    These(HashSet<Key>),
}

impl New {
    pub fn holds(&self, key: &Key) -> bool {
        match self {
            New::All => true,
            New::These(keys) => keys.contains(key),
        }
    }
}

/// What a bulk insert added: PostgreSQL names the rows, SQLite counts them.
#[derive(Default)]
struct Added {
    count: usize,
    named: HashSet<Key>,
}

impl Added {
    /// SQLite's new rows are the last ones of the table; they are asked for only when the count shows
    /// that there were repeats.
    async fn new_notices(self, tx: &mut Tx, wanted: usize) -> Result<New> {
        if !tx.is_sqlite() {
            return Ok(New::These(self.named));
        }
        if self.count == wanted {
            return Ok(New::All);
        }
        let before = dialect::notice_row_before(tx, self.count).await?;
        let rows: Vec<(i64, i64)> = on_tx!(tx, |c| {
            sqlx::query_as("SELECT fingerprint, check_bits FROM notice WHERE rowid > $1")
                .bind(before)
                .fetch_all(c)
                .await?
        });
        Ok(New::These(keys(rows).collect()))
    }
}

fn keys(rows: Vec<(i64, i64)>) -> impl Iterator<Item = Key> {
    rows.into_iter().map(|(fingerprint, check_bits)| Key {
        fingerprint,
        check_bits,
    })
}

/// Inserts ids of deliveries and says which are new. The rows hold no key twice.
pub(super) async fn insert_deliveries(tx: &mut Tx, day: Day, rows: &[(Key, [u8; 16])]) -> Result<New> {
    let is_sqlite = tx.is_sqlite();
    let mut added = Added::default();
    for piece in pieces(rows) {
        on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new("INSERT INTO delivery (day, fingerprint, check_bits, items_digest) ");
            sql.push_values(piece, |mut row, (key, digest)| {
                row.push_bind(day.number())
                    .push_bind(key.fingerprint)
                    .push_bind(key.check_bits)
                    .push_bind(&digest[..]);
            });
            // DO UPDATE … WHERE false inserts new rows only, as DO NOTHING would, but also writes, so
            // that a batch of nothing but repeats still waits for a synchronous standby.
            sql.push(
                " ON CONFLICT (day, fingerprint, check_bits) DO UPDATE SET items_digest = delivery.items_digest
                 WHERE false",
            );
            if is_sqlite {
                added.count += sql.build().execute(c).await?.rows_affected() as usize;
            } else {
                sql.push(" RETURNING fingerprint, check_bits");
                added.named.extend(keys(sql.build_query_as().fetch_all(c).await?));
            }
        });
    }
    match is_sqlite {
        false => Ok(New::These(added.named)),
        true if added.count == rows.len() => Ok(New::All),
        // They were looked up in this transaction, and SQLite has one writer.
        true => Err(StoreError::Corrupt(
            "a delivery is there that was not there before".to_owned(),
        )),
    }
}

/// Inserts notices and says which are new. The drafts are sorted and hold no key twice.
pub(super) async fn insert_notices(tx: &mut Tx, batch: &Batch, drafts: &[Draft<'_>]) -> Result<New> {
    let is_sqlite = tx.is_sqlite();
    let mut added = Added::default();
    for piece in pieces(drafts) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO notice (day, fingerprint, check_bits, provider_id, event_id, kind, provider_txn_id,
                 is_first, content_digest, amount_vnd, state, reason, received_at_ms, batch_id, household_id,
                 receipt_id) ",
            );
            sql.push_values(piece, |mut row, d| {
                let txn_id = (d.item.provider_txn_id != d.item.event_id).then_some(&*d.item.provider_txn_id);
                row.push_bind(batch.day.number())
                    .push_bind(d.key.fingerprint)
                    .push_bind(d.key.check_bits)
                    .push_bind(d.provider_id().clone())
                    .push_bind(&*d.item.event_id)
                    .push_bind(KIND_WORDS[d.item.kind as usize].clone())
                    .push_bind(txn_id)
                    .push_bind(i64::from(d.is_first()))
                    .push_bind(&d.item.content[..])
                    .push_bind(d.item.amount.vnd())
                    .push_bind(STATE_WORDS[d.state as usize].clone())
                    .push_bind(d.reason.map(Reason::as_str))
                    .push_bind(d.arrival.received_at.0)
                    .push_bind(batch.id.clone())
                    .push_bind(d.receipt.as_ref().map(|(to, _)| to.household_id.clone()))
                    .push_bind(d.receipt.as_ref().map(|(_, id)| id.clone()));
            });
            sql.push(
                " ON CONFLICT (day, fingerprint, check_bits) DO UPDATE SET state = notice.state WHERE false",
            );
            if is_sqlite {
                added.count += sql.build().execute(c).await?.rows_affected() as usize;
            } else {
                sql.push(" RETURNING fingerprint, check_bits");
                added.named.extend(keys(sql.build_query_as().fetch_all(c).await?));
            }
        });
    }
    added.new_notices(tx, drafts.len()).await
}

/// Claims bank transfers for the providers that report them here, and says who has each of them: the
/// first that reported it, today or on a day near it.
pub(super) async fn claim_transfers(
    tx: &mut Tx,
    today: Day,
    near: &[Day],
    claims: &BTreeMap<Key, &Arc<str>>,
) -> Result<HashMap<Key, String>> {
    let keys: Vec<Key> = claims.keys().copied().collect();
    let mut owners = HashMap::new();
    for day in near {
        owners.extend(transfer_owners(tx, *day, &keys).await?);
    }
    let open: Vec<(&Key, &&Arc<str>)> = claims.iter().filter(|(k, _)| !owners.contains_key(k)).collect();
    for piece in pieces(&open) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO bank_transfer (day, fingerprint, check_bits, provider_id) ",
            );
            sql.push_values(piece, |mut row, (key, provider_id)| {
                row.push_bind(today.number())
                    .push_bind(key.fingerprint)
                    .push_bind(key.check_bits)
                    .push_bind((**provider_id).clone());
            });
            sql.push(
                " ON CONFLICT (day, fingerprint, check_bits) DO UPDATE SET provider_id = bank_transfer.provider_id
                 WHERE false",
            );
            sql.build().execute(c).await?;
        });
    }
    let open: Vec<Key> = open.into_iter().map(|(k, _)| *k).collect();
    owners.extend(transfer_owners(tx, today, &open).await?);
    Ok(owners)
}

async fn transfer_owners(tx: &mut Tx, day: Day, keys: &[Key]) -> Result<HashMap<Key, String>> {
    let mut owners = HashMap::new();
    for chunk in keys.chunks(super::known::IN_MAX) {
        let rows: Vec<(i64, i64, String)> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT fingerprint, check_bits, provider_id FROM bank_transfer WHERE day = ",
            );
            sql.push_bind(day.number()).push(" AND fingerprint IN ");
            sql.push_tuples(chunk, |mut row, key| {
                row.push_bind(key.fingerprint);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        owners.extend(rows.into_iter().map(|(fingerprint, check_bits, provider_id)| {
            (
                Key {
                    fingerprint,
                    check_bits,
                },
                provider_id,
            )
        }));
    }
    Ok(owners)
}

/// Inserts the receipts of what was kept, in the order of their ids, and counts them.
pub(super) async fn post_receipts(
    tx: &mut Tx,
    batch: &Batch,
    kept: &[Draft<'_>],
    counters: &mut Counters,
) -> Result<usize> {
    let receipt_of = |d| -> Option<(&Draft, &Attributed, &Arc<str>)> {
        let d: &Draft = d;
        d.receipt.as_ref().map(|(to, id)| (d, to, id))
    };
    let mut rows: Vec<(&Draft, &Attributed, &Arc<str>)> = kept.iter().filter_map(receipt_of).collect();
    rows.sort_unstable_by_key(|(_, _, id)| *id);
    for piece in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO receipt (day, receipt_id, household_id, business_day, stall_id, place_id, provider_id,
                 provider_txn_id, amount_vnd, refunded_vnd, occurred_at_ms, posted_at_ms) ",
            );
            sql.push_values(piece, |mut row, (d, to, receipt_id)| {
                row.push_bind(batch.day.number())
                    .push_bind((*receipt_id).clone())
                    .push_bind(to.household_id.clone())
                    .push_bind(d.business_day().number())
                    .push_bind(to.stall_id.clone())
                    .push_bind(to.place_id.clone())
                    .push_bind(d.provider_id().clone())
                    .push_bind(&*d.item.provider_txn_id)
                    .push_bind(d.item.amount.vnd())
                    .push_bind(0i64)
                    .push_bind(d.item.details.occurred_at.map(|t| t.0))
                    .push_bind(d.arrival.received_at.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for (d, to, _) in &rows {
        counters.posted(&to.household_id, &to.place_id, d.business_day(), d.item.amount);
    }
    Ok(rows.len())
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
                "INSERT INTO {table} ({key}, day, posted_count, posted_vnd, refunded_vnd, qualifying_count) "
            ));
            sql.push_values(chunk, |mut row, ((id, day), d)| {
                row.push_bind(id.clone())
                    .push_bind(day.number())
                    .push_bind(d.posted_count)
                    .push_bind(d.posted_vnd)
                    .push_bind(d.refunded_vnd)
                    .push_bind(d.qualifying_count);
            });
            sql.push(format!(
                " ON CONFLICT ({key}, day) DO UPDATE SET
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

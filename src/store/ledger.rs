//! Posting: one transaction per batch of deliveries, from "did it come before" to the counters.

mod known;
mod recount;
mod refunds;

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::QueryBuilder;

use super::{Result, Store, StoreError, Tx, dialect, fresh_id, on_tx};
use crate::ledger::{Attributed, Counters, DayDelta, Decision, Reason, State, business_day, decide};
use crate::notice::{ContentDigest, Delivery, Item, Kind};
use crate::vn::{Day, TimeMs};

pub use known::RegisterCache;
pub use recount::{IntakeTotals, Recount, StateTotal, WaitingNotice};

/// Rows per bulk insert: SQLite takes 32,766 parameters in a statement, the widest row has 14.
const BULK_ROWS_MAX: usize = 512;

/// A verified callback with the time it was received.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What was verified and read.
    pub delivery: Delivery,
    /// The receiver's clock.
    pub received_at: TimeMs,
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PostedCount {
    /// Receipts posted.
    pub receipts: usize,
    /// Deliveries that had not come before.
    pub new_deliveries: usize,
}

/// One notice to be kept.
struct Draft<'a> {
    arrival: &'a Arrival,
    item: &'a Item,
    item_index: usize,
    /// Of its delivery: empty for the first under its webhook-id.
    delivery_variant: String,
    /// Empty for the first notice of its event.
    variant: String,
    state: State,
    reason: Option<Reason>,
    /// Where a payment is posted: whose it is, and the new receipt's id.
    receipt: Option<(Attributed, String)>,
}

/// A notice's place among all: provider, event, kind.
type EventKey<'a> = (&'a str, &'a str, &'static str);

impl<'a> Draft<'a> {
    fn key(&self) -> EventKey<'a> {
        (
            &self.arrival.delivery.provider_id,
            &self.item.event_id,
            self.item.kind.as_str(),
        )
    }

    fn received_day(&self) -> Day {
        Day::of(self.arrival.received_at)
    }

    fn business_day(&self) -> Day {
        business_day(self.item, self.arrival.received_at)
    }
}

impl Store {
    /// Makes a batch of deliveries durable in one transaction and posts what can be posted. When it
    /// returns, each item of each delivery is kept exactly once: as posted, quarantined or ignored, or
    /// as the repeat of one that was.
    ///
    /// On an error nothing of the batch is kept, unless the connection broke during the commit; then
    /// the provider's retry finds out.
    pub async fn post(&self, batch: &[Arrival], cache: &mut RegisterCache) -> Result<PostedCount> {
        let mut tx = self.begin().await?;
        let has_refunds = batch
            .iter()
            .flat_map(|a| &a.delivery.items)
            .any(|i| i.kind == Kind::Refund);
        dialect::pass_refund_gate(&mut tx, has_refunds).await?;
        let mut counters = Counters::default();

        let fresh = keep_deliveries(&mut tx, batch, &mut counters).await?;
        let known = cache
            .known_for(&mut tx, fresh.iter().map(|f| &f.0.delivery))
            .await?;
        let (first, second) = split_events(&fresh, known);
        let (kept, changed) = keep_first(&mut tx, first, &mut counters).await?;
        keep_second(
            &mut tx,
            second.into_iter().chain(changed).collect(),
            &mut counters,
        )
        .await?;

        let receipts = post_receipts(&mut tx, &kept, &mut counters).await?;
        refunds::join(&mut tx, &kept, &mut counters).await?;
        add_counters(&mut tx, &counters).await?;
        tx.commit().await?;
        Ok(PostedCount {
            receipts,
            new_deliveries: fresh.len(),
        })
    }
}

/// Keeps each delivery once and gives back those that are new, with their variant. A delivery that came
/// before with the same items counts as repeats; with other items it is kept beside the first.
async fn keep_deliveries<'a>(
    tx: &mut Tx,
    batch: &'a [Arrival],
    counters: &mut Counters,
) -> Result<Vec<(&'a Arrival, String)>> {
    let mut firsts: BTreeMap<(&str, &str), &Arrival> = BTreeMap::new();
    let mut later: Vec<&Arrival> = Vec::new();
    for arrival in batch {
        let d = &arrival.delivery;
        match firsts.entry((&d.provider_id, &d.webhook_id)) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(arrival);
            }
            std::collections::btree_map::Entry::Occupied(_) => later.push(arrival),
        }
    }
    let new = insert_deliveries(tx, firsts.values().map(|a| (*a, String::new())).collect()).await?;
    let is_new: HashSet<(&str, &str)> = new
        .iter()
        .map(|(a, _)| (a.delivery.provider_id.as_str(), a.delivery.webhook_id.as_str()))
        .collect();
    let old: Vec<&Arrival> = firsts
        .iter()
        .filter(|(key, _)| !is_new.contains(*key))
        .map(|(_, a)| *a)
        .collect();

    let mut others = Vec::new();
    for arrival in old.into_iter().chain(later) {
        let d = &arrival.delivery;
        let (digest,): (Vec<u8>,) = on_tx!(tx, |c| {
            sqlx::query_as("SELECT items_digest FROM delivery WHERE provider_id = $1 AND webhook_id = $2 AND variant = ''")
                .bind(&d.provider_id)
                .bind(&d.webhook_id)
                .fetch_one(c)
                .await?
        });
        match digest == d.items_digest {
            true => counters.repeated(&d.provider_id, Day::of(arrival.received_at), d.items.len() as i64),
            false => others.push((arrival, hex(&d.items_digest))),
        }
    }
    let mut fresh = new;
    for (arrival, variant) in others {
        let kept = insert_deliveries(tx, vec![(arrival, variant)]).await?;
        if kept.is_empty() {
            let d = &arrival.delivery;
            counters.repeated(&d.provider_id, Day::of(arrival.received_at), d.items.len() as i64);
        }
        fresh.extend(kept);
    }
    Ok(fresh)
}

/// Inserts deliveries and gives back the new ones. The rows hold no key twice.
async fn insert_deliveries<'a>(
    tx: &mut Tx,
    rows: Vec<(&'a Arrival, String)>,
) -> Result<Vec<(&'a Arrival, String)>> {
    let is_sqlite = tx.is_sqlite();
    let mut count = 0;
    let mut new: HashSet<(String, String)> = HashSet::new();
    for piece in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO delivery (provider_id, webhook_id, variant, items_digest, received_at_ms,
                 signed_at_s, signature, key_id, body) ",
            );
            sql.push_values(piece, |mut row, (arrival, variant)| {
                let d = &arrival.delivery;
                row.push_bind(&d.provider_id)
                    .push_bind(&d.webhook_id)
                    .push_bind(variant)
                    .push_bind(&d.items_digest[..])
                    .push_bind(arrival.received_at.0)
                    .push_bind(d.signed_at_s)
                    .push_bind(&d.signature)
                    .push_bind(&d.key_id)
                    .push_bind(&d.body[..]);
            });
            // DO UPDATE … WHERE false inserts new rows only, as DO NOTHING would, but also writes, so
            // that a batch of nothing but repeats still waits for a synchronous standby.
            sql.push(
                " ON CONFLICT (provider_id, webhook_id, variant) DO UPDATE SET key_id = delivery.key_id
                 WHERE false",
            );
            if is_sqlite {
                count += sql.build().execute(c).await?.rows_affected() as usize;
            } else {
                sql.push(" RETURNING provider_id, webhook_id");
                new.extend(sql.build_query_as::<(String, String)>().fetch_all(c).await?);
            }
        });
    }
    if is_sqlite && count == rows.len() {
        return Ok(rows);
    }
    if is_sqlite {
        let before = dialect::row_number_before(tx, "delivery", count).await?;
        let sql = "SELECT provider_id, webhook_id FROM delivery WHERE rowid > $1";
        let above: Vec<(String, String)> =
            on_tx!(tx, |c| sqlx::query_as(sql).bind(before).fetch_all(c).await?);
        new.extend(above);
    }
    let is_new = |a: &Arrival| new.contains(&(a.delivery.provider_id.clone(), a.delivery.webhook_id.clone()));
    Ok(rows.into_iter().filter(|(a, _)| is_new(a)).collect())
}

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

/// Decides every item, and splits them: the first of each event in this batch, and those that cannot be
/// first (a second one with other content, or an item of a delivery whose webhook-id was used before).
fn split_events<'a>(
    fresh: &[(&'a Arrival, String)],
    known: &crate::ledger::Known,
) -> (Vec<Draft<'a>>, Vec<Draft<'a>>) {
    let mut first: BTreeMap<EventKey<'a>, Draft<'a>> = BTreeMap::new();
    let mut second = Vec::new();
    for (arrival, delivery_variant) in fresh {
        for (item_index, item) in arrival.delivery.items.iter().enumerate() {
            let mut draft = draft(arrival, item, item_index, delivery_variant, known);
            if !delivery_variant.is_empty() {
                draft.set_aside(Reason::WebhookIdReused);
                second.push(draft);
                continue;
            }
            match first.entry(draft.key()) {
                std::collections::btree_map::Entry::Vacant(slot) => {
                    slot.insert(draft);
                }
                std::collections::btree_map::Entry::Occupied(_) => {
                    draft.set_aside(Reason::SameIdOtherContent);
                    second.push(draft);
                }
            }
        }
    }
    (first.into_values().collect(), second)
}

fn draft<'a>(
    arrival: &'a Arrival,
    item: &'a Item,
    item_index: usize,
    delivery_variant: &str,
    known: &crate::ledger::Known,
) -> Draft<'a> {
    let decision = decide(&arrival.delivery.provider_id, item, arrival.received_at, known);
    let (state, reason, receipt) = match decision {
        Decision::Post(to) => (State::Posted, None, Some((to, fresh_id(arrival.received_at)))),
        Decision::Quarantine(reason) => (State::Quarantined, Some(reason), None),
        Decision::Ignore(reason) => (State::Ignored, Some(reason), None),
    };
    let (delivery_variant, variant) = (delivery_variant.to_owned(), String::new());
    Draft {
        arrival,
        item,
        item_index,
        delivery_variant,
        variant,
        state,
        reason,
        receipt,
    }
}

impl Draft<'_> {
    /// Keeps the item beside the first of its event, for review.
    fn set_aside(&mut self, reason: Reason) {
        self.variant = hex(&self.item.content);
        self.state = State::Quarantined;
        self.reason = Some(reason);
        self.receipt = None;
    }
}

/// Keeps the first notice of each event. Gives back those that are new, and those whose event was there
/// with other content; the same content again is only counted.
async fn keep_first<'a>(
    tx: &mut Tx,
    drafts: Vec<Draft<'a>>,
    counters: &mut Counters,
) -> Result<(Vec<Draft<'a>>, Vec<Draft<'a>>)> {
    let new = insert_notices(tx, &drafts).await?;
    let (mut kept, mut changed) = (Vec::with_capacity(drafts.len()), Vec::new());
    for mut draft in drafts {
        if new.holds(&draft) {
            counters.kept(
                draft.key().0,
                draft.received_day(),
                draft.state,
                draft.item.amount,
            );
            kept.push(draft);
        } else if content_of_first(tx, &draft).await? == Some(draft.item.content) {
            counters.repeated(draft.key().0, draft.received_day(), 1);
        } else {
            draft.set_aside(Reason::SameIdOtherContent);
            changed.push(draft);
        }
    }
    Ok((kept, changed))
}

/// Keeps what could not be first: quarantined beside it, once per content.
async fn keep_second(tx: &mut Tx, drafts: Vec<Draft<'_>>, counters: &mut Counters) -> Result<()> {
    for draft in drafts {
        let provider_id = draft.key().0;
        if content_of_first(tx, &draft).await? == Some(draft.item.content) {
            counters.repeated(provider_id, draft.received_day(), 1);
            continue;
        }
        match insert_notices(tx, std::slice::from_ref(&draft))
            .await?
            .holds(&draft)
        {
            false => counters.repeated(provider_id, draft.received_day(), 1),
            true => counters.kept(provider_id, draft.received_day(), draft.state, draft.item.amount),
        }
    }
    Ok(())
}

async fn content_of_first(tx: &mut Tx, draft: &Draft<'_>) -> Result<Option<ContentDigest>> {
    let (provider_id, event_id, kind) = draft.key();
    let row: Option<(Vec<u8>,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT content_digest FROM notice
             WHERE provider_id = $1 AND event_id = $2 AND kind = $3 AND variant = ''",
        )
        .bind(provider_id)
        .bind(event_id)
        .bind(kind)
        .fetch_optional(c)
        .await?
    });
    row.map(|(digest,)| {
        digest
            .try_into()
            .map_err(|_| StoreError::Corrupt(format!("content digest of {provider_id}/{event_id}")))
    })
    .transpose()
}

type FullKey = (String, String, String, String);

impl Draft<'_> {
    fn full_key(&self) -> FullKey {
        let (provider_id, event_id, kind) = self.key();
        (
            provider_id.to_owned(),
            event_id.to_owned(),
            kind.to_owned(),
            self.variant.clone(),
        )
    }
}

/// Which notices of an insert are new.
enum New {
    All,
    These(HashSet<FullKey>),
}

impl New {
    fn holds(&self, draft: &Draft<'_>) -> bool {
        match self {
            New::All => true,
            New::These(keys) => keys.contains(&draft.full_key()),
        }
    }
}

/// Inserts notices and says which are new. The drafts hold no key twice.
async fn insert_notices(tx: &mut Tx, drafts: &[Draft<'_>]) -> Result<New> {
    let is_sqlite = tx.is_sqlite();
    let mut count = 0;
    let mut new: HashSet<FullKey> = HashSet::new();
    for piece in pieces(drafts) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO notice (provider_id, event_id, kind, variant, webhook_id, delivery_variant,
                 item_index, received_at_ms, content_digest, amount_vnd, state, reason, household_id, receipt_id) ",
            );
            sql.push_values(piece, |mut row, d| {
                let (provider_id, event_id, kind) = d.key();
                row.push_bind(provider_id)
                    .push_bind(event_id)
                    .push_bind(kind)
                    .push_bind(&d.variant)
                    .push_bind(&d.arrival.delivery.webhook_id)
                    .push_bind(&d.delivery_variant)
                    .push_bind(d.item_index as i64)
                    .push_bind(d.arrival.received_at.0)
                    .push_bind(&d.item.content[..])
                    .push_bind(d.item.amount.vnd())
                    .push_bind(d.state.as_str())
                    .push_bind(d.reason.map_or("", Reason::as_str))
                    .push_bind(d.receipt.as_ref().map(|(to, _)| &to.household_id))
                    .push_bind(d.receipt.as_ref().map(|(_, id)| id));
            });
            sql.push(
                " ON CONFLICT (provider_id, event_id, kind, variant) DO UPDATE SET state = notice.state
                 WHERE false",
            );
            if is_sqlite {
                count += sql.build().execute(c).await?.rows_affected() as usize;
            } else {
                sql.push(" RETURNING provider_id, event_id, kind, variant");
                new.extend(sql.build_query_as::<FullKey>().fetch_all(c).await?);
            }
        });
    }
    if is_sqlite && count == drafts.len() {
        return Ok(New::All);
    }
    if is_sqlite {
        let before = dialect::row_number_before(tx, "notice", count).await?;
        let sql = "SELECT provider_id, event_id, kind, variant FROM notice WHERE rowid > $1";
        let above: Vec<FullKey> = on_tx!(tx, |c| sqlx::query_as(sql).bind(before).fetch_all(c).await?);
        new.extend(above);
    }
    Ok(New::These(new))
}

async fn post_receipts(tx: &mut Tx, kept: &[Draft<'_>], counters: &mut Counters) -> Result<usize> {
    let rows: Vec<(&Draft, &Attributed, &str)> = kept
        .iter()
        .filter_map(|d| d.receipt.as_ref().map(|(to, id)| (d, to, id.as_str())))
        .collect();
    for chunk in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO receipt (household_id, receipt_id, business_day, stall_id, place_id, provider_id,
                 event_id, amount_vnd, refunded_vnd, occurred_at_ms, posted_at_ms) ",
            );
            sql.push_values(chunk, |mut row, (d, to, receipt_id)| {
                row.push_bind(&to.household_id)
                    .push_bind(*receipt_id)
                    .push_bind(d.business_day().number())
                    .push_bind(&to.stall_id)
                    .push_bind(&to.place_id)
                    .push_bind(&d.arrival.delivery.provider_id)
                    .push_bind(&d.item.event_id)
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

async fn add_counters(tx: &mut Tx, counters: &Counters) -> Result<()> {
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
            .bind(provider_id)
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
async fn add_days(tx: &mut Tx, table: &str, key: &str, days: &[(&(String, Day), &DayDelta)]) -> Result<()> {
    let (gains, losses): (Vec<_>, Vec<_>) = days.iter().partition(|(_, d)| d.can_stand_alone());
    for chunk in pieces(&gains) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "INSERT INTO {table} ({key}, day, posted_count, posted_vnd, refunded_vnd, qualifying_count) "
            ));
            sql.push_values(chunk, |mut row, ((id, day), d)| {
                row.push_bind(id)
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
                .push_bind(id)
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Maps rows of (key, value) into lists by key.
fn grouped<K: std::hash::Hash + Eq, V>(rows: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut out: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in rows {
        out.entry(key).or_default().push(value);
    }
    out
}

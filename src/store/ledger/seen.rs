//! Whether something came before: today, on days that are still open, or long ago.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::{Result, StoreError, Tx, on_tx};
use super::known::{IN_MAX, WriterMemory};
use super::{Draft, grouped};
use crate::ledger::Key;
use crate::vn::Day;

/// A notice that was kept, as far as a repeat is compared with it.
struct Row {
    day: i64,
    check_bits: i64,
    provider_id: String,
    event_id: String,
    kind: String,
    is_first: bool,
    content: Vec<u8>,
    reason: Option<String>,
}

/// Kept notices by fingerprint.
pub(super) struct Seen(HashMap<i64, Vec<Row>>);

/// What is known of these events from other days than `today`: those still open are asked directly,
/// those closed only where a filter does not rule it out.
pub(super) async fn events_before(
    tx: &mut Tx,
    memory: &mut WriterMemory,
    today: Day,
    events: &[Key],
) -> Result<Seen> {
    let mut rows = Vec::new();
    let open: Vec<i64> = memory.other_open_days(today);
    if !open.is_empty() {
        let all: Vec<i64> = events.iter().map(|k| k.fingerprint).collect();
        rows.extend(in_days(tx, "notice", &open, &all).await?);
    }
    for (days, fingerprints) in memory.perhaps_in(events) {
        rows.extend(in_days(tx, "event_key", &days, &fingerprints).await?);
    }
    Ok(Seen(grouped(rows)))
}

impl Seen {
    /// Adds what this day holds of these events.
    pub(super) async fn today(&mut self, tx: &mut Tx, day: Day, events: &[Key]) -> Result<()> {
        let fingerprints: Vec<i64> = events.iter().map(|k| k.fingerprint).collect();
        for (fingerprint, row) in in_days(tx, "notice", &[day.number()], &fingerprints).await? {
            self.0.entry(fingerprint).or_default().push(row);
        }
        Ok(())
    }

    /// The reason kept with a notice of the same event and content, if there is one: `Some(None)` for
    /// one that was posted. A first notice is told from those kept beside it.
    pub fn with_content(&self, draft: &Draft<'_>) -> Result<Option<Option<String>>> {
        let Some(rows) = self.0.get(&draft.event.fingerprint) else {
            return Ok(None);
        };
        for row in rows {
            let is_same = row.provider_id == **draft.provider_id()
                && row.event_id == draft.item.event_id
                && row.kind == draft.item.kind.as_str();
            if row.is_first && row.check_bits == draft.event.check_bits && !is_same {
                // 128 bits of SHA-256 agree and the ids differ: not by chance.
                let text = format!(
                    "two events under one key: {} {}",
                    row.event_id, draft.item.event_id
                );
                return Err(StoreError::Corrupt(text));
            }
            // What is kept beside a first one counts for its own content only: an item that was set
            // aside for its webhook-id does not stand in the way of the true one.
            let is_comparable =
                row.is_first || !draft.is_first() || row.reason.as_deref() == Some("same_id_other_content");
            if is_same && is_comparable && row.content == draft.item.content {
                return Ok(Some(row.reason.clone()));
            }
        }
        Ok(None)
    }

    /// Whether a first notice of this event is known.
    pub fn has_first(&self, event: &Key) -> bool {
        self.day_of_first(event).is_some()
    }

    /// The day under which the first notice of this event is kept.
    pub fn day_of_first(&self, event: &Key) -> Option<i64> {
        let rows = self.0.get(&event.fingerprint).map_or(&[][..], Vec::as_slice);
        let first = rows
            .iter()
            .find(|r| r.is_first && r.check_bits == event.check_bits);
        first.map(|r| r.day)
    }
}

async fn in_days(
    tx: &mut Tx,
    table: &'static str,
    days: &[i64],
    fingerprints: &[i64],
) -> Result<Vec<(i64, Row)>> {
    type Columns = (
        i64,
        i64,
        i64,
        String,
        String,
        String,
        i64,
        Vec<u8>,
        Option<String>,
    );
    let mut out = Vec::new();
    for chunk in fingerprints.chunks(IN_MAX) {
        let rows: Vec<Columns> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "SELECT day, fingerprint, check_bits, provider_id, event_id, kind, is_first, content_digest, reason
                 FROM {table} WHERE day IN "
            ));
            sql.push_tuples(days, |mut row, day| {
                row.push_bind(*day);
            });
            sql.push(" AND fingerprint IN ");
            sql.push_tuples(chunk, |mut row, f| {
                row.push_bind(*f);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        out.extend(rows.into_iter().map(
            |(day, fingerprint, check_bits, provider_id, event_id, kind, is_first, content, reason)| {
                (
                    fingerprint,
                    Row {
                        day,
                        check_bits,
                        provider_id,
                        event_id,
                        kind,
                        is_first: is_first == 1,
                        content,
                        reason,
                    },
                )
            },
        ));
    }
    Ok(out)
}

/// The digests of the items of deliveries with these keys, on these days.
pub(super) async fn delivery_digests(
    tx: &mut Tx,
    days: &[Day],
    keys: &[Key],
) -> Result<HashMap<Key, [u8; 16]>> {
    let mut out = HashMap::new();
    if days.is_empty() {
        return Ok(out);
    }
    for chunk in keys.chunks(IN_MAX) {
        let rows: Vec<(i64, i64, Vec<u8>)> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT fingerprint, check_bits, items_digest FROM delivery WHERE day IN ",
            );
            sql.push_tuples(days, |mut row, day| {
                row.push_bind(day.number());
            });
            sql.push(" AND fingerprint IN ");
            sql.push_tuples(chunk, |mut row, key| {
                row.push_bind(key.fingerprint);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        for (fingerprint, check_bits, digest) in rows {
            let digest = digest
                .try_into()
                .map_err(|_| StoreError::Corrupt(format!("items digest of delivery {fingerprint}")))?;
            let key = Key {
                fingerprint,
                check_bits,
            };
            out.insert(key, digest);
        }
    }
    Ok(out)
}

//! The feed: batches in the order of their commit over all instances. Each holds its callbacks as
//! evidence and is a link of one chain; its receipts are what listeners hear.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::{Arrival, Batch};
use crate::ledger::{EvidenceLink, KeptCallback, Key, bytes_digest, read_callbacks, write_callback};
use crate::vn::{Day, Dong, TimeMs};

/// Fast, and on a batch of like callbacks nearly as small as the slower levels.
const COMPRESSION_LEVEL: i32 = 1;
/// No batch is larger: the queue is bounded by bytes below this.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Appends a batch to the feed. This is the last thing its transaction does: the row it locks makes
/// instances commit one after the other from here on, so positions are in the order of commit and none
/// is visible before a smaller one.
pub(super) async fn append<'a>(
    tx: &mut Tx,
    batch: &Batch,
    callbacks: impl Iterator<Item = &'a Arrival>,
    notices: usize,
    receipts: usize,
) -> Result<()> {
    let mut raw = Vec::new();
    let mut count = 0;
    for arrival in callbacks {
        let delivery = &arrival.delivery;
        write_callback(
            &mut raw,
            &delivery.provider_id,
            arrival.received_at,
            &delivery.evidence,
        );
        count += 1;
    }
    let bytes = zstd::bulk::compress(&raw, COMPRESSION_LEVEL)
        .map_err(|e| StoreError::Corrupt(format!("evidence cannot be compressed: {e}")))?;
    let (position, day, before): (i64, i64, Vec<u8>) = on_tx!(tx, |c| {
        sqlx::query_as(
            "UPDATE feed SET position = position + 1, day = CASE WHEN day < $1 THEN $1 ELSE day END WHERE id = 1
             RETURNING position, day, digest",
        )
        .bind(batch.day.number())
        .fetch_one(c)
        .await?
    });
    let link = EvidenceLink {
        position,
        batch_id: &batch.id,
        batch_day: batch.day.number(),
        callbacks: count,
        notices: notices as i64,
        receipts: receipts as i64,
        bytes_digest: bytes_digest(&bytes),
    };
    let digest = link.digest(&digest_of(before, position)?);
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO evidence (day, position, batch_id, batch_day, callbacks, notices, receipts, bytes_digest,
             digest, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(day)
        .bind(position)
        .bind(&*batch.id)
        .bind(batch.day.number())
        .bind(count)
        .bind(notices as i64)
        .bind(receipts as i64)
        .bind(&link.bytes_digest[..])
        .bind(&digest[..])
        .bind(bytes)
        .execute(&mut *c)
        .await?;
        sqlx::query("UPDATE feed SET digest = $1 WHERE id = 1")
            .bind(&digest[..])
            .execute(&mut *c)
            .await?;
    });
    Ok(())
}

fn digest_of(bytes: Vec<u8>, position: i64) -> Result<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("digest before position {position}")))
}

/// Where a listener stands in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPlace {
    /// The day under which the batch is kept.
    pub day: i64,
    /// The batch's position.
    pub position: i64,
}

/// A receipt that was posted, as listeners hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReceipt {
    /// Its batch.
    pub place: FeedPlace,
    /// The receipt.
    pub receipt_id: String,
    /// The household.
    pub household_id: String,
    /// The stall, where it is known.
    pub stall_id: Option<String>,
    /// The provider.
    pub provider_id: String,
    /// Amount.
    pub amount: Dong,
    /// The day it counts for.
    pub business_day: Day,
    /// Time of payment, if the notice named one.
    pub occurred_at: Option<TimeMs>,
    /// When it was received.
    pub posted_at: TimeMs,
}

/// A piece of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedStep {
    /// Receipts in the order of their batches, then of their ids.
    pub receipts: Vec<FeedReceipt>,
    /// Where to go on.
    pub place: FeedPlace,
    /// Whether this was the end of the feed.
    pub is_end: bool,
}

impl Store {
    /// The end of the feed: who listens from here hears what is posted from now on.
    pub async fn feed_end(&self) -> Result<FeedPlace> {
        let mut tx = self.begin_read().await?;
        let (day, position): (i64, i64) = on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT day, position FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?);
        Ok(FeedPlace { day, position })
    }

    /// The receipts of the next batches after a place: at most `batches_max` batches, of one stall or of
    /// all. No batch that commits later can come before what this returns.
    pub async fn feed_after(
        &self,
        place: FeedPlace,
        stall_id: Option<&str>,
        batches_max: i64,
    ) -> Result<FeedStep> {
        let mut tx = self.begin_read().await?;
        let batches: Vec<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT day, position FROM evidence WHERE (day, position) > ($1, $2)
                 ORDER BY day, position LIMIT $3",
            )
            .bind(place.day)
            .bind(place.position)
            .bind(batches_max)
            .fetch_all(c)
            .await?
        });
        let Some(&(day, position)) = batches.last() else {
            return Ok(FeedStep {
                receipts: Vec::new(),
                place,
                is_end: true,
            });
        };
        let end = FeedPlace { day, position };
        let receipts = receipts_between(&mut tx, place, end, stall_id).await?;
        Ok(FeedStep {
            receipts,
            place: end,
            is_end: (batches.len() as i64) < batches_max,
        })
    }
}

async fn receipts_between(
    tx: &mut Tx,
    after: FeedPlace,
    end: FeedPlace,
    stall_id: Option<&str>,
) -> Result<Vec<FeedReceipt>> {
    type Row = (
        i64,
        i64,
        String,
        String,
        Option<String>,
        String,
        i64,
        i64,
        Option<i64>,
        i64,
    );
    let rows: Vec<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT e.day, e.position, r.receipt_id, r.household_id, r.stall_id, r.provider_id, r.amount_vnd,
                    r.business_day, r.occurred_at_ms, r.posted_at_ms
             FROM evidence e JOIN receipt r
               ON r.day = e.batch_day AND r.receipt_id >= e.batch_id AND r.receipt_id < e.batch_id || '~'
             WHERE (e.day, e.position) > ($1, $2) AND (e.day, e.position) <= ($3, $4) AND e.receipts > 0
               AND (CAST($5 AS TEXT) IS NULL OR r.stall_id = $5)
             ORDER BY e.day, e.position, r.receipt_id",
        )
        .bind(after.day)
        .bind(after.position)
        .bind(end.day)
        .bind(end.position)
        .bind(stall_id)
        .fetch_all(c)
        .await?
    });
    rows.into_iter()
        .map(
            |(
                day,
                position,
                receipt_id,
                household_id,
                stall_id,
                provider_id,
                vnd,
                business,
                occurred,
                posted,
            )| {
                Ok(FeedReceipt {
                    place: FeedPlace { day, position },
                    business_day: Day::from_number(business)
                        .ok_or_else(|| StoreError::Corrupt(format!("business day of {receipt_id}")))?,
                    receipt_id,
                    household_id,
                    stall_id,
                    provider_id,
                    amount: Dong::new(vnd),
                    occurred_at: occurred.map(TimeMs),
                    posted_at: TimeMs(posted),
                })
            },
        )
        .collect()
}

/// A link of the chain of evidence, as it is kept.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Where it stands.
    pub place: FeedPlace,
    /// The batch.
    pub batch_id: String,
    /// The day under which the batch's rows are kept.
    pub batch_day: i64,
    /// Callbacks kept.
    pub callbacks: i64,
    /// Notices kept.
    pub notices: i64,
    /// Receipts posted.
    pub receipts: i64,
    /// SHA-256 of the kept bytes.
    pub bytes_digest: Vec<u8>,
    /// Digest of this link.
    pub digest: Vec<u8>,
    /// The kept bytes; none once their retention is over.
    pub bytes: Option<Vec<u8>>,
}

impl AuditRow {
    /// The callbacks, read back from their bytes.
    pub fn kept_callbacks(&self) -> Result<Option<Vec<KeptCallback>>> {
        let Some(bytes) = &self.bytes else { return Ok(None) };
        let wrong = |cause: String| StoreError::Corrupt(format!("evidence {}: {cause}", self.place.position));
        let raw = zstd::bulk::decompress(bytes, BATCH_BYTES_MAX).map_err(|e| wrong(e.to_string()))?;
        read_callbacks(&raw).map(Some).map_err(|e| wrong(e.to_string()))
    }
}

/// A notice of a batch, as far as its proof is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNotice {
    /// The digest of its content.
    pub content: Vec<u8>,
    /// The amount it stated.
    pub amount: Dong,
    /// The batch it came in.
    pub batch_id: String,
    /// Its receipt, if it is posted.
    pub receipt_id: Option<String>,
}

impl Store {
    /// The next links of the chain after a place.
    pub async fn evidence_after(&self, place: FeedPlace, limit: i64) -> Result<Vec<AuditRow>> {
        type Row = (
            i64,
            i64,
            String,
            i64,
            i64,
            i64,
            i64,
            Vec<u8>,
            Vec<u8>,
            Option<Vec<u8>>,
        );
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT day, position, batch_id, batch_day, callbacks, notices, receipts, bytes_digest, digest, bytes
                 FROM evidence WHERE (day, position) > ($1, $2) ORDER BY day, position LIMIT $3",
            )
            .bind(place.day)
            .bind(place.position)
            .bind(limit)
            .fetch_all(c)
            .await?
        });
        Ok(rows
            .into_iter()
            .map(
                |(
                    day,
                    position,
                    batch_id,
                    batch_day,
                    callbacks,
                    notices,
                    receipts,
                    bytes_digest,
                    digest,
                    bytes,
                )| {
                    AuditRow {
                        place: FeedPlace { day, position },
                        batch_id,
                        batch_day,
                        callbacks,
                        notices,
                        receipts,
                        bytes_digest,
                        digest,
                        bytes,
                    }
                },
            )
            .collect())
    }

    /// The notices of a day with these fingerprints, by key.
    pub async fn audit_notices(&self, day: i64, fingerprints: &[i64]) -> Result<HashMap<Key, AuditNotice>> {
        let mut tx = self.begin_read().await?;
        let mut out = HashMap::new();
        for chunk in fingerprints.chunks(super::known::IN_MAX) {
            type Row = (i64, i64, Vec<u8>, i64, String, Option<String>);
            let rows: Vec<Row> = on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "SELECT fingerprint, check_bits, content_digest, amount_vnd, batch_id, receipt_id FROM notice
                     WHERE day = ",
                );
                sql.push_bind(day).push(" AND fingerprint IN ");
                sql.push_tuples(chunk, |mut row, f| {
                    row.push_bind(*f);
                });
                sql.build_query_as().fetch_all(c).await?
            });
            for (fingerprint, check_bits, content, vnd, batch_id, receipt_id) in rows {
                let notice = AuditNotice {
                    content,
                    amount: Dong::new(vnd),
                    batch_id,
                    receipt_id,
                };
                out.insert(
                    Key {
                        fingerprint,
                        check_bits,
                    },
                    notice,
                );
            }
        }
        Ok(out)
    }

    /// The amounts of a batch's receipts, by id.
    pub async fn audit_receipts(&self, day: i64, batch_id: &str) -> Result<HashMap<String, Dong>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT receipt_id, amount_vnd FROM receipt
                 WHERE day = $1 AND receipt_id >= $2 AND receipt_id < $2 || '~'",
            )
            .bind(day)
            .bind(batch_id)
            .fetch_all(c)
            .await?
        });
        Ok(rows.into_iter().map(|(id, vnd)| (id, Dong::new(vnd))).collect())
    }

    /// How many notices and receipts there are, by the day under which they are kept.
    pub async fn audit_counts(&self) -> Result<HashMap<i64, (i64, i64)>> {
        let mut tx = self.begin_read().await?;
        let mut out: HashMap<i64, (i64, i64)> = HashMap::new();
        let notices: Vec<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT day, COUNT(*) FROM notice GROUP BY day")
                .fetch_all(c)
                .await?
        });
        let receipts: Vec<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT day, COUNT(*) FROM receipt GROUP BY day")
                .fetch_all(c)
                .await?
        });
        for (day, count) in notices {
            out.entry(day).or_default().0 = count;
        }
        for (day, count) in receipts {
            out.entry(day).or_default().1 = count;
        }
        Ok(out)
    }

    /// The end of the chain: position and digest of its last link.
    pub async fn chain_end(&self) -> Result<(i64, Vec<u8>)> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| sqlx::query_as(
            "SELECT position, digest FROM feed WHERE id = 1"
        )
        .fetch_one(c)
        .await?))
    }
}

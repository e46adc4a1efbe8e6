//! Dated facts for the indicators: as of D, known at K.

use std::collections::{HashMap, HashSet};

use super::register::status_of;
use super::{Result, Store, StoreError, Tx, on_tx, places};
use crate::indicators::{Facts, HouseholdFact, StallFact, WINDOWS_DAYS};
use crate::ledger::QUALIFYING_FLOOR;
use crate::places::Units;
use crate::vn::{Day, TimeMs};

/// Of each link, the version recorded last by K; of those, the ones valid on D.
const VALID_LINKS: &str = "SELECT account_id, stall_id, household_id FROM (
    SELECT l.*, ROW_NUMBER() OVER (PARTITION BY link_id ORDER BY recorded_at_ms DESC) AS version
    FROM account_link l WHERE recorded_at_ms <= $2
  ) latest_link
  WHERE version = 1 AND valid_from_day <= $1 AND (valid_to_day IS NULL OR valid_to_day >= $1)";

impl Store {
    /// Units and facts as of a day, as known at a time (now, if none is given). All queries see the
    /// database at one moment. Receipts come from the counters, or, for a time in the past, from the
    /// receipts and refunds posted by then; both give the same for the present.
    pub async fn facts(&self, as_of: Day, known_at: Option<TimeMs>) -> Result<(Units, Facts)> {
        let k = known_at.unwrap_or(TimeMs(i64::MAX));
        let mut tx = self.begin_read().await?;
        let units = places::read_units(&mut tx).await?;
        let places = places::read_places(&mut tx, k).await?;
        let place_ix: HashMap<&str, usize> = places
            .iter()
            .enumerate()
            .map(|(ix, p)| (p.place_id.as_str(), ix))
            .collect();
        let with_account = with_account(&mut tx, as_of, k).await?;
        let coded = with_code(&mut tx, as_of, k).await?;
        let households_with_code: HashSet<&str> = coded.iter().map(|(h, _)| h.as_str()).collect();
        let stalls_with_code: HashSet<&str> = coded.iter().map(|(_, s)| s.as_str()).collect();
        let receipts = match known_at {
            None => receipts_from_counters(&mut tx, as_of).await?,
            Some(k) => receipts_known_at(&mut tx, as_of, k).await?,
        };
        let mut households = Vec::new();
        let mut household_ix = HashMap::new();
        for (household_id, status, place_id) in household_states(&mut tx, as_of, k).await? {
            let place = *place_ix
                .get(place_id.as_str())
                .ok_or_else(|| StoreError::Corrupt(format!("household {household_id} has no place")))?;
            households.push(HouseholdFact {
                status: status_of(&status)?,
                place,
                has_account: with_account.contains(&household_id),
                has_code: households_with_code.contains(household_id.as_str()),
                receipts: receipts.get(&household_id).copied().unwrap_or_default(),
            });
            household_ix.insert(household_id, households.len() - 1);
        }
        let mut market_stalls = Vec::new();
        for (stall_id, household_id, status, place_id) in market_stall_states(&mut tx, as_of, k).await? {
            // A stall whose household had no version by D is not there yet.
            let Some(&household) = household_ix.get(&household_id) else {
                continue;
            };
            let place = *place_ix
                .get(place_id.as_str())
                .ok_or_else(|| StoreError::Corrupt(format!("stall {stall_id} has no place")))?;
            let has_code = stalls_with_code.contains(stall_id.as_str());
            market_stalls.push(StallFact {
                place,
                household,
                status: status_of(&status)?,
                has_code,
            });
        }
        Ok((
            units,
            Facts {
                households,
                market_stalls,
                places,
            },
        ))
    }
}

async fn household_states(tx: &mut Tx, as_of: Day, k: TimeMs) -> Result<Vec<(String, String, String)>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id, trading_status, place_id FROM (
               SELECT v.*, ROW_NUMBER() OVER (PARTITION BY household_id
                                              ORDER BY valid_from_day DESC, recorded_at_ms DESC) AS version
               FROM household_version v WHERE valid_from_day <= $1 AND recorded_at_ms <= $2
             ) latest WHERE version = 1",
        )
        .bind(as_of.number())
        .bind(k.0)
        .fetch_all(c)
        .await?
    }))
}

async fn market_stall_states(
    tx: &mut Tx,
    as_of: Day,
    k: TimeMs,
) -> Result<Vec<(String, String, String, String)>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT latest.stall_id, s.household_id, latest.trading_status, latest.place_id FROM (
               SELECT v.*, ROW_NUMBER() OVER (PARTITION BY stall_id
                                              ORDER BY valid_from_day DESC, recorded_at_ms DESC) AS version
               FROM stall_version v WHERE valid_from_day <= $1 AND recorded_at_ms <= $2
             ) latest
             JOIN stall s ON s.stall_id = latest.stall_id
             JOIN place p ON p.place_id = latest.place_id AND p.kind = 'market'
             WHERE latest.version = 1",
        )
        .bind(as_of.number())
        .bind(k.0)
        .fetch_all(c)
        .await?
    }))
}

async fn with_account(tx: &mut Tx, as_of: Day, k: TimeMs) -> Result<HashSet<String>> {
    let rows: Vec<(String,)> = on_tx!(tx, |c, Db| {
        sqlx::QueryBuilder::<Db>::new(format!(
            "SELECT DISTINCT household_id FROM ({VALID_LINKS}) valid_link"
        ))
        .build_query_as()
        .bind(as_of.number())
        .bind(k.0)
        .fetch_all(c)
        .await?
    });
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// (household, stall) of every active code: issued by D, not ended by D, its account linked to its
/// stall on D (docs/spec/domain.md, section 3).
async fn with_code(tx: &mut Tx, as_of: Day, k: TimeMs) -> Result<Vec<(String, String)>> {
    Ok(on_tx!(tx, |c, Db| {
        sqlx::QueryBuilder::<Db>::new(format!(
            "SELECT DISTINCT c.household_id, c.stall_id FROM code c
             JOIN ({VALID_LINKS}) valid_link ON valid_link.stall_id = c.stall_id AND valid_link.account_id = c.account_id
             WHERE c.issued_on_day <= $1 AND c.recorded_at_ms <= $2
               AND NOT EXISTS (SELECT 1 FROM code_end e
                               WHERE e.serial = c.serial AND e.ended_on_day <= $1 AND e.recorded_at_ms <= $2)"
        ))
        .build_query_as()
        .bind(as_of.number())
        .bind(k.0)
        .fetch_all(c)
        .await?
    }))
}

type Windows = HashMap<String, [i64; 3]>;

async fn receipts_from_counters(tx: &mut Tx, as_of: Day) -> Result<Windows> {
    let [from_30, from_7, from_90] = WINDOWS_DAYS.map(|days| as_of.plus(1 - days).number());
    let rows: Vec<(String, i64, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id,
                    CAST(SUM(CASE WHEN day >= $2 THEN qualifying_count ELSE 0 END) AS BIGINT),
                    CAST(SUM(CASE WHEN day >= $3 THEN qualifying_count ELSE 0 END) AS BIGINT),
                    CAST(SUM(qualifying_count) AS BIGINT)
             FROM (
               SELECT household_id, day, qualifying_count FROM household_day
               UNION ALL
               SELECT household_id, business_day, CASE WHEN amount_vnd - refunded_vnd + corrected_vnd >= $5 THEN 1 ELSE 0 END
               FROM receipt WHERE entry_no > (SELECT counted_entry_no FROM feed WHERE id = 1)
             ) counted WHERE day >= $4 AND day <= $1 GROUP BY household_id",
        )
        .bind(as_of.number())
        .bind(from_30)
        .bind(from_7)
        .bind(from_90)
        .bind(QUALIFYING_FLOOR.vnd())
        .fetch_all(c)
        .await?
    });
    Ok(rows.into_iter().map(|(h, a, b, c)| (h, [a, b, c])).collect())
}

async fn receipts_known_at(tx: &mut Tx, as_of: Day, k: TimeMs) -> Result<Windows> {
    let [from_30, from_7, from_90] = WINDOWS_DAYS.map(|days| as_of.plus(1 - days).number());
    let rows: Vec<(String, i64, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id,
                    CAST(SUM(CASE WHEN business_day >= $2 THEN 1 ELSE 0 END) AS BIGINT),
                    CAST(SUM(CASE WHEN business_day >= $3 THEN 1 ELSE 0 END) AS BIGINT),
                    COUNT(*)
             FROM receipt r
             WHERE business_day >= $4 AND business_day <= $1 AND posted_at_ms <= $5
               AND NOT EXISTS (SELECT 1 FROM posted_by_hand p WHERE p.entry_no = r.entry_no AND p.posted_at_ms > $5)
               AND amount_vnd - COALESCE((SELECT SUM(f.amount_vnd) FROM refund f
                                          WHERE f.receipt_no = r.entry_no AND f.posted_at_ms <= $5), 0)
                   + COALESCE((SELECT SUM(x.amount_vnd) FROM correction x
                               WHERE x.receipt_no = r.entry_no AND x.posted_at_ms <= $5), 0) >= $6
             GROUP BY household_id",
        )
        .bind(as_of.number())
        .bind(from_30)
        .bind(from_7)
        .bind(from_90)
        .bind(k.0)
        .bind(QUALIFYING_FLOOR.vnd())
        .fetch_all(c)
        .await?
    });
    Ok(rows.into_iter().map(|(h, a, b, c)| (h, [a, b, c])).collect())
}

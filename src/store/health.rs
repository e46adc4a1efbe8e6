//! How the callbacks of providers go, hour by hour.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Result, Store, on_tx};
use crate::vn::Day;

/// What was counted of a provider in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProviderTally {
    /// Answered with success: new, repeated, or a login.
    pub kept: i64,
    /// Refused: the proof did not fit, or the content could not be read.
    pub refused: i64,
    /// Not durable: the provider was told to send again.
    pub not_kept: i64,
    /// Time from the first byte to the answer, microseconds, of all together.
    pub latency_us_total: i64,
    pub latency_us_max: i64,
    /// When it was last heard, milliseconds UTC.
    pub last_heard_ms: i64,
}

impl ProviderTally {
    /// Callbacks of all kinds.
    pub const fn all(&self) -> i64 {
        self.kept + self.refused + self.not_kept
    }

    /// Callbacks that only the provider itself can have sent. Anybody may be refused.
    pub const fn proven(&self) -> i64 {
        self.kept + self.not_kept
    }

    /// Adds another one of the same hour.
    pub fn add(&mut self, other: &ProviderTally) {
        self.kept += other.kept;
        self.refused += other.refused;
        self.not_kept += other.not_kept;
        self.latency_us_total = self.latency_us_total.saturating_add(other.latency_us_total);
        self.latency_us_max = self.latency_us_max.max(other.latency_us_max);
        self.last_heard_ms = self.last_heard_ms.max(other.last_heard_ms);
    }
}

/// An hour of a provider (hours since 1970 UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderHour {
    pub provider_id: String,
    /// Which hour.
    pub hour: i64,
    /// What was counted in it.
    pub tally: ProviderTally,
}

impl Store {
    /// Adds to the hours of providers.
    pub async fn add_provider_hours(&self, tallies: &HashMap<(Arc<str>, i64), ProviderTally>) -> Result<()> {
        let mut keys: Vec<&(Arc<str>, i64)> = tallies.keys().collect();
        keys.sort();
        let mut tx = self.begin().await?;
        for key in keys {
            let (provider_id, hour) = key;
            let tally = &tallies[key];
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "INSERT INTO provider_hour (provider_id, hour, kept, refused, not_kept, latency_us_total,
                       latency_us_max, last_heard_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                     ON CONFLICT (provider_id, hour) DO UPDATE SET
                       kept = provider_hour.kept + excluded.kept,
                       refused = provider_hour.refused + excluded.refused,
                       not_kept = provider_hour.not_kept + excluded.not_kept,
                       latency_us_total = provider_hour.latency_us_total + excluded.latency_us_total,
                       latency_us_max = CASE WHEN provider_hour.latency_us_max > excluded.latency_us_max
                         THEN provider_hour.latency_us_max ELSE excluded.latency_us_max END,
                       last_heard_ms = CASE WHEN provider_hour.last_heard_ms > excluded.last_heard_ms
                         THEN provider_hour.last_heard_ms ELSE excluded.last_heard_ms END",
                )
                .bind(&**provider_id)
                .bind(hour)
                .bind(tally.kept)
                .bind(tally.refused)
                .bind(tally.not_kept)
                .bind(tally.latency_us_total)
                .bind(tally.latency_us_max)
                .bind(tally.last_heard_ms)
                .execute(c)
                .await?;
            });
        }
        tx.commit().await
    }

    /// The hours of all providers from this one on, by provider and hour.
    pub async fn provider_hours(&self, from_hour: i64) -> Result<Vec<ProviderHour>> {
        let mut tx = self.begin_read().await?;
        type Row = (String, i64, i64, i64, i64, i64, i64, i64);
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, hour, kept, refused, not_kept, latency_us_total, latency_us_max, last_heard_ms
                 FROM provider_hour WHERE hour >= $1 ORDER BY provider_id, hour",
            )
            .bind(from_hour)
            .fetch_all(c)
            .await?
        });
        Ok(rows
            .into_iter()
            .map(
                |(provider_id, hour, kept, refused, not_kept, total, max, last)| ProviderHour {
                    provider_id,
                    hour,
                    tally: ProviderTally {
                        kept,
                        refused,
                        not_kept,
                        latency_us_total: total,
                        latency_us_max: max,
                        last_heard_ms: last,
                    },
                },
            )
            .collect())
    }

    /// How many repeats each provider sent on a day of reception.
    pub async fn repeats_on(&self, day: Day) -> Result<HashMap<String, i64>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT provider_id, repeat_count FROM intake_day WHERE day = $1")
                .bind(day.number())
                .fetch_all(c)
                .await?
        });
        Ok(rows.into_iter().collect())
    }
}

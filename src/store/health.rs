//! How the callbacks of providers go, hour by hour.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::QueryBuilder;

use super::{Result, Store, on_tx, pieces};
use crate::vn::Day;

/// What was counted of a provider in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ProviderHour {
    pub provider_id: String,
    /// Which hour.
    pub hour: i64,
    /// What was counted in it.
    #[sqlx(flatten)]
    pub tally: ProviderTally,
}

impl Store {
    /// Adds to the hours of providers.
    pub async fn add_provider_hours(&self, tallies: &HashMap<(Arc<str>, i64), ProviderTally>) -> Result<()> {
        let mut hours: Vec<(&(Arc<str>, i64), &ProviderTally)> = tallies.iter().collect();
        hours.sort_by_key(|(hour, _)| *hour);
        let mut tx = self.begin().await?;
        for piece in pieces(&hours) {
            on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "INSERT INTO provider_hour (provider_id, hour, kept, refused, not_kept, latency_us_total,
                       latency_us_max, last_heard_ms) ",
                );
                sql.push_values(piece, |mut row, ((provider_id, hour), tally)| {
                    row.push_bind(&**provider_id)
                        .push_bind(*hour)
                        .push_bind(tally.kept)
                        .push_bind(tally.refused)
                        .push_bind(tally.not_kept)
                        .push_bind(tally.latency_us_total)
                        .push_bind(tally.latency_us_max)
                        .push_bind(tally.last_heard_ms);
                });
                sql.push(
                    " ON CONFLICT (provider_id, hour) DO UPDATE SET
                       kept = provider_hour.kept + excluded.kept,
                       refused = provider_hour.refused + excluded.refused,
                       not_kept = provider_hour.not_kept + excluded.not_kept,
                       latency_us_total = provider_hour.latency_us_total + excluded.latency_us_total,
                       latency_us_max = CASE WHEN provider_hour.latency_us_max > excluded.latency_us_max
                         THEN provider_hour.latency_us_max ELSE excluded.latency_us_max END,
                       last_heard_ms = CASE WHEN provider_hour.last_heard_ms > excluded.last_heard_ms
                         THEN provider_hour.last_heard_ms ELSE excluded.last_heard_ms END",
                );
                sql.build().execute(c).await?;
            });
        }
        tx.commit().await
    }

    /// The hours of all providers from this one on, by provider and hour.
    pub async fn provider_hours(&self, from_hour: i64) -> Result<Vec<ProviderHour>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, hour, kept, refused, not_kept, latency_us_total, latency_us_max, last_heard_ms
                 FROM provider_hour WHERE hour >= $1 ORDER BY provider_id, hour",
            )
            .bind(from_hour)
            .fetch_all(c)
            .await?
        }))
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

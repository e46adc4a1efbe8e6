use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::store::{ProviderTally, Store, StoreError};
use crate::vn::TimeMs;

const HOUR_MS: i64 = 3600 * 1000;

/// How a callback ended, for metrics and the provider's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Durable now.
    Kept,
    /// Durable before.
    Repeat,
    /// A login.
    Token,
    /// Refused: the proof did not fit.
    Unproven,
    /// Refused: the content cannot be read, or is for another merchant.
    Malformed,
    /// Not durable; the provider is to send it again.
    TryAgain,
}

impl Ending {
    /// The label of the metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ending::Kept => "kept",
            Ending::Repeat => "repeat",
            Ending::Token => "token",
            Ending::Unproven => "unproven",
            Ending::Malformed => "malformed",
            Ending::TryAgain => "try_again",
        }
    }
}

/// How the callbacks of each provider go, counted in memory and added to the database now and then: a
/// count lost with the process is no payment lost.
#[derive(Debug, Default)]
pub struct ProviderHealth {
    tallies: Mutex<HashMap<(Arc<str>, i64), ProviderTally>>,
}

impl ProviderHealth {
    /// A callback was answered.
    pub fn answered(&self, provider_id: &Arc<str>, ending: Ending, at: TimeMs, took: Duration) {
        let latency_us = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let key = (provider_id.clone(), at.0.div_euclid(HOUR_MS));
        let mut tallies = self
            .tallies
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let tally = tallies.entry(key).or_default();
        match ending {
            Ending::Kept | Ending::Repeat | Ending::Token => tally.kept += 1,
            Ending::Unproven | Ending::Malformed => tally.refused += 1,
            Ending::TryAgain => tally.not_kept += 1,
        }
        tally.latency_us_total = tally.latency_us_total.saturating_add(latency_us);
        tally.latency_us_max = tally.latency_us_max.max(latency_us);
        tally.last_heard_ms = tally.last_heard_ms.max(at.0);
    }

    /// Adds what was counted to the database. What could not be added is kept for the next time.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let taken = std::mem::take(&mut *self.tallies.lock().unwrap_or_else(|p| p.into_inner()));
        if taken.is_empty() {
            return Ok(());
        }
        let added = store.add_provider_hours(&taken).await;
        if added.is_err() {
            let mut tallies = self
                .tallies
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            for (key, tally) in taken {
                tallies.entry(key).or_default().add(&tally);
            }
        }
        added
    }
}

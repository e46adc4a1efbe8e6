//! How the callbacks of each provider go: counted in memory by the hour, and judged by the provider's own habit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::store::{ProviderHour, ProviderRow, ProviderTally, Store, StoreError};
use crate::vn::{Day, Ratio, TimeMs};

const HOUR_MS: i64 = 3600 * 1000;
/// Days that a provider's habit is read from.
const HABIT_DAYS: i64 = 14;
/// With fewer active days there is no habit yet.
const ACTIVE_DAYS_MIN: i64 = 5;
/// Heard on this part of its active days, it is usually heard; hundredths of a percent.
const USUAL_HUNDREDTHS: i64 = 7000;

/// How a callback ended, for metrics and the provider's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Kept,
    Repeat,
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

/// A provider is silent at an hour at which it usually is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Callbacks that usually come in this and the hour before: the mean of its active days, truncated,
    /// at least 1.
    pub usual_count: i64,
    /// Whole hours by the clock without any.
    pub silent_hours: i64,
}

/// Judges a provider's silence by its own habit: heard at this and the hour before on at least 70% of the
/// days, among the last 14, on which it was active at all, and on neither of both now. `heard` is what
/// came by hours since 1970 (UTC); a day is the 24 hours that end with this hour of the day, so that
/// midnight cuts no habit in two.
pub fn silence(heard: &[(i64, i64)], now: TimeMs) -> Option<Silence> {
    let this_hour = now.0.div_euclid(HOUR_MS);
    let mut active_days = 0;
    let mut heard_days = 0;
    let mut usual = 0;
    for days_ago in 1..=HABIT_DAYS {
        let hour = this_hour - days_ago * 24;
        let within = |hours: i64| -> i64 {
            let span = hour - hours + 1..=hour;
            heard
                .iter()
                .filter(|(h, _)| span.contains(h))
                .map(|(_, n)| n)
                .sum()
        };
        let count = within(2);
        active_days += i64::from(within(24) > 0);
        heard_days += i64::from(count > 0);
        usual += count;
    }
    let habit = Ratio::coverage(heard_days, active_days).ok()?;
    if active_days < ACTIVE_DAYS_MIN || !habit.at_least(USUAL_HUNDREDTHS) {
        return None;
    }
    let last = heard.iter().filter(|(_, n)| *n > 0).map(|(h, _)| *h).max()?;
    let silent_hours = this_hour - last - 1;
    (silent_hours >= 1).then_some(Silence {
        usual_count: (usual / active_days).max(1),
        silent_hours,
    })
}

/// How a provider does: what an officer looks at before calling it.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// The provider; its keys stay sealed.
    pub provider: ProviderRow,
    /// Of the business day of now.
    pub today: ProviderTally,
    pub repeats: i64,
    /// The last 24 hours, the present one last; with its number since 1970 (UTC).
    pub hours: Vec<(i64, ProviderTally)>,
    /// When it was last heard, among the last 14 days.
    pub last_heard: Option<TimeMs>,
    /// Its silence, if that is unusual. A disabled provider may be silent.
    pub silence: Option<Silence>,
}

impl Pulse {
    /// Every provider, by id. What running services have counted in the last seconds is not in it yet.
    pub async fn all(store: &Store, now: TimeMs) -> Result<Vec<Pulse>, StoreError> {
        let from_hour = now.0.div_euclid(HOUR_MS) - (HABIT_DAYS + 1) * 24;
        let hours = store.provider_hours(from_hour).await?;
        let repeats = store.repeats_on(Day::of(now)).await?;
        let providers = store.providers(now).await?.into_iter();
        let pulse = |provider: ProviderRow| {
            let repeats = repeats.get(&provider.provider_id).copied().unwrap_or(0);
            Pulse::of(provider, &hours, repeats, now)
        };
        Ok(providers.map(pulse).collect())
    }

    fn of(provider: ProviderRow, hours: &[ProviderHour], repeats: i64, now: TimeMs) -> Pulse {
        let own: Vec<(i64, ProviderTally)> = hours
            .iter()
            .filter(|h| h.provider_id == provider.provider_id)
            .map(|h| (h.hour, h.tally))
            .collect();
        let of_hours = |from: i64, to: i64| {
            let mut sum = ProviderTally::default();
            for (_, tally) in own.iter().filter(|(h, _)| (from..=to).contains(h)) {
                sum.add(tally);
            }
            sum
        };
        let this_hour = now.0.div_euclid(HOUR_MS);
        // Viet Nam is whole hours ahead of UTC: its days begin with an hour.
        let today = of_hours(Day::of(now).start().0.div_euclid(HOUR_MS), this_hour);
        let proven: Vec<(i64, i64)> = own.iter().map(|(h, tally)| (*h, tally.proven())).collect();
        Pulse {
            today,
            repeats,
            hours: (this_hour - 23..=this_hour)
                .map(|hour| (hour, of_hours(hour, hour)))
                .collect(),
            last_heard: own.last().map(|(_, tally)| TimeMs(tally.last_heard_ms)),
            silence: match provider.disabled_at {
                None => silence(&proven, now),
                Some(_) => None,
            },
            provider,
        }
    }

    /// Callbacks of today that were answered with success, of all.
    pub fn success(&self) -> Ratio {
        // A part of the whole by how both are made.
        Ratio::coverage(self.today.kept, self.today.all()).unwrap_or_default()
    }

    /// Mean time to the answer today, truncated; none without callbacks.
    pub fn latency_us_mean(&self) -> Option<i64> {
        self.today.latency_us_total.checked_div(self.today.all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 09:30 in Viet Nam of some day.
    const NOW: TimeMs = TimeMs(496_802 * HOUR_MS + HOUR_MS / 2);
    const THIS_HOUR: i64 = 496_802;

    /// Heard so often at this hour of the day, on each of these days ago.
    fn days(days_ago: impl IntoIterator<Item = i64>, hours_before: i64, count: i64) -> Vec<(i64, i64)> {
        let hour = |days_ago| (THIS_HOUR - days_ago * 24 - hours_before, count);
        days_ago.into_iter().map(hour).collect()
    }

    #[test]
    fn silence_at_a_usual_hour_is_unusual() {
        let heard = [days(1..=14, 0, 30), days(1..=14, 1, 12), days([0], 4, 9)].concat();
        let unusual = Silence {
            usual_count: 42,
            silent_hours: 3,
        };
        assert_eq!(silence(&heard, NOW), Some(unusual));
    }

    #[test]
    fn heard_in_this_or_the_hour_before_it_is_not_silent() {
        for hours_before in [0, 1] {
            let heard = [days(1..=14, 0, 30), days([0], hours_before, 1)].concat();
            assert_eq!(silence(&heard, NOW), None);
        }
        let heard = [days(1..=14, 0, 30), days([0], 2, 1)].concat();
        assert_eq!(silence(&heard, NOW).map(|s| s.silent_hours), Some(1));
    }

    #[test]
    fn a_habit_needs_five_days_and_seven_of_ten() {
        assert_eq!(silence(&days(1..=4, 0, 9), NOW), None);
        assert!(silence(&days(1..=5, 0, 9), NOW).is_some());
        // Active on ten days; heard at this hour on seven of them, then on six.
        let at_another_hour = days(1..=10, 12, 5);
        assert!(silence(&[at_another_hour.clone(), days(1..=7, 1, 9)].concat(), NOW).is_some());
        assert_eq!(silence(&[at_another_hour, days(1..=6, 1, 9)].concat(), NOW), None);
        assert_eq!(silence(&[], NOW), None);
    }

    #[test]
    fn days_without_anything_and_older_ones_do_not_count() {
        // Never on Sundays: ten active days of fourteen.
        let weekdays = (1..=14).filter(|d| d % 7 > 1);
        assert!(silence(&days(weekdays, 0, 3), NOW).is_some());
        assert_eq!(silence(&days(15..=40, 0, 9), NOW), None);
        let rare = [days(1..=10, 0, 0), days(1..=5, 1, 1)].concat();
        assert_eq!(silence(&rare, NOW).map(|s| s.usual_count), Some(1));
    }

    #[test]
    fn midnight_cuts_no_habit_in_two() {
        // 00:30 in Viet Nam, heard between 23:00 and 24:00 every day.
        let now = TimeMs(NOW.0 - 9 * HOUR_MS);
        let heard: Vec<(i64, i64)> = (1..=9).map(|d| (THIS_HOUR - 9 - d * 24 - 1, 7)).collect();
        assert!(silence(&heard, now).is_some());
    }
}

//! What a batch changes in the counters of days.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::state::State;
use crate::vn::{Day, Dong};

/// A receipt counts for indicator 5 when at least this much is left of it (docs/spec/domain.md, section 4).
pub const QUALIFYING_FLOOR: Dong = Dong::new(1000);

/// How refunds and corrections change a day of a household, place or provider that was counted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayDelta {
    /// Refunded, đồng.
    pub refunded_vnd: i64,
    /// Corrected, đồng, with its sign.
    pub corrected_vnd: i64,
    /// Receipts of which at least the floor is left; negative where one fell below it.
    pub qualifying_count: i64,
}

/// Where a receipt is counted.
#[derive(Debug, Clone)]
pub struct Counted {
    pub household_id: Arc<str>,
    pub place_id: Arc<str>,
    /// Which provider reported it.
    pub provider_id: Arc<str>,
    pub day: Day,
}

/// What a provider's day of reception gains, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IntakeDelta {
    /// Items posted, quarantined, ignored.
    pub counts: [i64; 3],
    /// Their stated amounts, đồng, in the same order.
    pub amounts_vnd: [i64; 3],
    /// Repeats with the same content, which are not received again.
    pub repeat_count: i64,
}

/// What a batch changes in the counters. New receipts are not included: the day counters add them later, some
/// thousands at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Refunds and corrections of counted receipts, by (household, business day).
    pub households: BTreeMap<(Arc<str>, Day), DayDelta>,
    /// The same by (place, business day).
    pub places: BTreeMap<(Arc<str>, Day), DayDelta>,
    /// The same by (provider, business day).
    pub providers: BTreeMap<(Arc<str>, Day), DayDelta>,
    /// By (provider, day of reception).
    pub intake: BTreeMap<(Arc<str>, Day), IntakeDelta>,
}

impl Counters {
    /// An item was kept in this state.
    pub fn kept(&mut self, provider_id: &Arc<str>, received_day: Day, state: State, amount: Dong) {
        let delta = self
            .intake
            .entry((provider_id.clone(), received_day))
            .or_default();
        delta.counts[state as usize] += 1;
        delta.amounts_vnd[state as usize] += amount.vnd();
    }

    /// An item went from one state to another.
    pub fn moved(&mut self, provider_id: &Arc<str>, received_day: Day, from: State, to: State, amount: Dong) {
        let delta = self
            .intake
            .entry((provider_id.clone(), received_day))
            .or_default();
        delta.counts[from as usize] -= 1;
        delta.amounts_vnd[from as usize] -= amount.vnd();
        delta.counts[to as usize] += 1;
        delta.amounts_vnd[to as usize] += amount.vnd();
    }

    /// The same content came again.
    pub fn repeated(&mut self, provider_id: &Arc<str>, received_day: Day, items: i64) {
        self.intake
            .entry((provider_id.clone(), received_day))
            .or_default()
            .repeat_count += items;
    }

    /// Part or all of a counted receipt went back; `left` is what was left of it before.
    pub fn refunded(&mut self, of: &Counted, left: Dong, amount: Dong) {
        let delta = DayDelta {
            refunded_vnd: amount.vnd(),
            ..DayDelta::default()
        };
        self.changed(of, left, Dong::new(left.vnd() - amount.vnd()), delta);
    }

    /// A counted receipt was corrected by this much, more or less; `left` is what was left of it before.
    pub fn corrected(&mut self, of: &Counted, left: Dong, by_vnd: i64) {
        let delta = DayDelta {
            corrected_vnd: by_vnd,
            ..DayDelta::default()
        };
        self.changed(of, left, Dong::new(left.vnd() + by_vnd), delta);
    }

    fn changed(&mut self, of: &Counted, before: Dong, after: Dong, delta: DayDelta) {
        for (counters, id) in [
            (&mut self.households, &of.household_id),
            (&mut self.places, &of.place_id),
            (&mut self.providers, &of.provider_id),
        ] {
            let sum = counters.entry((id.clone(), of.day)).or_default();
            sum.refunded_vnd += delta.refunded_vnd;
            sum.corrected_vnd += delta.corrected_vnd;
            sum.qualifying_count += i64::from(qualifies(after)) - i64::from(qualifies(before));
        }
    }
}

/// Whether a receipt with this much left counts for indicator 5.
pub fn qualifies(net: Dong) -> bool {
    net >= QUALIFYING_FLOOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refund_below_the_floor_takes_the_receipt_out() {
        let mut counters = Counters::default();
        let day = Day::ymd(2026, 1, 1);
        let d = Dong::new;
        let of = Counted {
            household_id: "h".into(),
            place_id: "p".into(),
            provider_id: "mb".into(),
            day,
        };
        counters.refunded(&of, d(5000), d(4000));
        assert_eq!(counters.households[&("h".into(), day)].qualifying_count, 0);
        counters.refunded(&of, d(1000), d(1));
        let delta = counters.places[&("p".into(), day)];
        assert_eq!((delta.refunded_vnd, delta.qualifying_count), (4001, -1));
        // The statement says that more came: it counts again.
        counters.corrected(&of, d(999), 2001);
        let delta = counters.providers[&("mb".into(), day)];
        assert_eq!((delta.refunded_vnd, delta.corrected_vnd), (4001, 2001));
        assert_eq!(delta.qualifying_count, 0);
    }

    #[test]
    fn moving_keeps_the_sum() {
        let mut counters = Counters::default();
        let day = Day::ymd(2026, 1, 1);
        counters.kept(&"p".into(), day, State::Quarantined, Dong::new(700));
        counters.moved(
            &"p".into(),
            day,
            State::Quarantined,
            State::Posted,
            Dong::new(700),
        );
        let delta = counters.intake[&("p".into(), day)];
        assert_eq!((delta.counts, delta.amounts_vnd), ([1, 0, 0], [700, 0, 0]));
    }
}

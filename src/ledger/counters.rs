use std::collections::BTreeMap;
use std::sync::Arc;

use super::{State, qualifies};
use crate::vn::{Day, Dong};

/// What a day of a household or of a place gains; subtracts where negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayDelta {
    /// Receipts posted.
    pub posted_count: i64,
    /// Their amounts before refunds, đồng.
    pub posted_vnd: i64,
    /// Refunded of them, đồng.
    pub refunded_vnd: i64,
    /// Receipts of which at least the floor is left.
    pub qualifying_count: i64,
}

impl DayDelta {
    /// Whether this could be the first of its day: nothing in it takes from what was counted before.
    pub fn can_stand_alone(&self) -> bool {
        (0..=self.posted_count).contains(&self.qualifying_count)
            && (0..=self.posted_vnd).contains(&self.refunded_vnd)
    }
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

/// Everything the counters gain in one transaction, ordered by key so that two writers lock rows in
/// the same order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// By (household, business day).
    pub households: BTreeMap<(Arc<str>, Day), DayDelta>,
    /// By (place, business day).
    pub places: BTreeMap<(Arc<str>, Day), DayDelta>,
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

    /// A receipt was posted.
    pub fn posted(&mut self, household_id: &Arc<str>, place_id: &Arc<str>, day: Day, amount: Dong) {
        self.both(household_id, place_id, day, |delta| {
            delta.posted_count += 1;
            delta.posted_vnd += amount.vnd();
            delta.qualifying_count += i64::from(qualifies(amount));
        });
    }

    /// Part or all of a receipt of this day went back; `left` is what was left of it before.
    pub fn refunded(
        &mut self,
        household_id: &Arc<str>,
        place_id: &Arc<str>,
        day: Day,
        left: Dong,
        amount: Dong,
    ) {
        let after = Dong::new(left.vnd() - amount.vnd());
        self.both(household_id, place_id, day, |delta| {
            delta.refunded_vnd += amount.vnd();
            delta.qualifying_count += i64::from(qualifies(after)) - i64::from(qualifies(left));
        });
    }

    fn both(
        &mut self,
        household_id: &Arc<str>,
        place_id: &Arc<str>,
        day: Day,
        change: impl Fn(&mut DayDelta),
    ) {
        change(self.households.entry((household_id.clone(), day)).or_default());
        change(self.places.entry((place_id.clone(), day)).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refund_below_the_floor_takes_the_receipt_out() {
        let mut counters = Counters::default();
        let day = Day::ymd(2026, 1, 1);
        let d = Dong::new;
        counters.posted(&"h".into(), &"p".into(), day, d(5000));
        counters.refunded(&"h".into(), &"p".into(), day, d(5000), d(4000));
        assert_eq!(counters.households[&("h".into(), day)].qualifying_count, 1);
        counters.refunded(&"h".into(), &"p".into(), day, d(1000), d(1));
        let delta = counters.places[&("p".into(), day)];
        assert_eq!(
            (delta.posted_count, delta.refunded_vnd, delta.qualifying_count),
            (1, 4001, 0)
        );
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

//! What came in on some days, and its sums by month, quarter and year.

use crate::vn::{Day, Dong};

/// Money that came in, and what went back of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    pub receipts: i64,
    pub received: Dong,
    /// What of it went back to the payers.
    pub refunded: Dong,
    /// What statements and people corrected, with its sign.
    pub corrected: Dong,
}

impl Received {
    pub fn left(&self) -> Dong {
        Dong::new(self.received.vnd() - self.refunded.vnd() + self.corrected.vnd())
    }

    pub fn plus(&self, other: &Received) -> Received {
        let sum = |a: Dong, b: Dong| Dong::new(a.vnd() + b.vnd());
        Received {
            receipts: self.receipts + other.receipts,
            received: sum(self.received, other.received),
            refunded: sum(self.refunded, other.refunded),
            corrected: sum(self.corrected, other.corrected),
        }
    }

    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Received>) -> Received {
        parts
            .into_iter()
            .fold(Received::default(), |all, part| all.plus(part))
    }
}

/// How long the periods of a list are. They are those of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Day,
    Month,
    Quarter,
    Year,
}

impl Grain {
    /// All of them, the shortest first.
    pub const ALL: [Grain; 4] = [Grain::Day, Grain::Month, Grain::Quarter, Grain::Year];

    /// The word in an address.
    pub const fn key(self) -> &'static str {
        match self {
            Grain::Day => "day",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
            Grain::Year => "year",
        }
    }

    /// The grain of this word.
    pub fn of(key: &str) -> Option<Grain> {
        Grain::ALL.into_iter().find(|grain| grain.key() == key)
    }

    /// First and last day of the period that holds a day.
    pub fn around(self, day: Day) -> (Day, Day) {
        let (_, month) = day.year_month();
        let months_before = match self {
            Grain::Day => return (day, day),
            Grain::Month => 0,
            Grain::Quarter => (month - 1) % 3,
            Grain::Year => month - 1,
        };
        let months = match self {
            Grain::Quarter => 3,
            Grain::Year => 12,
            _ => 1,
        };
        let first = (0..months_before).fold(day.first_of_month(), |first, _| first.plus(-1).first_of_month());
        let next = (0..months).fold(first, |first, _| first.first_of_next_month());
        (first, next.plus(-1))
    }

    /// The sums of days, in their order, by period: first and last day of each, whole also where only some of its
    /// days are among them. Periods without a day are left out.
    pub fn sums(self, days: &[(Day, Received)]) -> Vec<((Day, Day), Received)> {
        let mut sums: Vec<((Day, Day), Received)> = Vec::new();
        for (day, received) in days {
            match sums.last_mut() {
                Some(((_, last), sum)) if *day <= *last => *sum = sum.plus(received),
                _ => sums.push((self.around(*day), *received)),
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn ymd(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_those_of_the_calendar() {
        for (grain, day, first, last) in [
            (Grain::Day, "2024-02-29", "2024-02-29", "2024-02-29"),
            (Grain::Month, "2024-02-29", "2024-02-01", "2024-02-29"),
            (Grain::Month, "2026-12-31", "2026-12-01", "2026-12-31"),
            (Grain::Quarter, "2026-01-01", "2026-01-01", "2026-03-31"),
            (Grain::Quarter, "2026-06-30", "2026-04-01", "2026-06-30"),
            (Grain::Quarter, "2026-11-22", "2026-10-01", "2026-12-31"),
            (Grain::Year, "2026-11-22", "2026-01-01", "2026-12-31"),
            (Grain::Year, "2024-01-01", "2024-01-01", "2024-12-31"),
        ] {
            assert_eq!(grain.around(ymd(day)), (ymd(first), ymd(last)), "{grain:?} {day}");
        }
        assert_eq!(Grain::of("quarter"), Some(Grain::Quarter));
        assert_eq!(Grain::of("week"), None);
    }

    proptest! {
        /// Whatever days have receipts, each grain adds up to the whole, and each day is in exactly its period.
        #[test]
        fn the_sums_of_every_grain_add_up(
            days in prop::collection::btree_map(19_000i64..19_800, (1i64..50, 1i64..10_000_000_000, 0i64..10_000_000_000), 0..120)
        ) {
            let days: Vec<(Day, Received)> = days
                .into_iter()
                .map(|(day, (receipts, received, refunded))| {
                    let refunded = Dong::new(refunded.min(received));
                    (Day::from_number(day).unwrap(), Received { receipts, received: Dong::new(received), refunded, corrected: Dong::new(-(receipts % 7)) })
                })
                .collect();
            let whole = Received::sum(days.iter().map(|(_, received)| received));
            for grain in Grain::ALL {
                let sums = grain.sums(&days);
                prop_assert_eq!(Received::sum(sums.iter().map(|(_, received)| received)), whole);
                let mut wanted: BTreeMap<(Day, Day), Received> = BTreeMap::new();
                for (day, received) in &days {
                    let sum = wanted.entry(grain.around(*day)).or_default();
                    *sum = sum.plus(received);
                }
                prop_assert_eq!(sums, wanted.into_iter().collect::<Vec<_>>());
            }
        }
    }
}

//! Days in a row.

use super::Day;

/// Days from the first to the last, both included; none where the last is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    pub first: Day,
    pub last: Day,
}

impl From<(Day, Day)> for DayRange {
    fn from((first, last): (Day, Day)) -> DayRange {
        DayRange { first, last }
    }
}

impl DayRange {
    pub fn contains(&self, day: Day) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// With so many days more at either end.
    pub fn widened(self, days: i64) -> DayRange {
        DayRange {
            first: self.first.plus(-days),
            last: self.last.plus(days),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.first > self.last
    }

    pub fn days(self) -> impl Iterator<Item = Day> {
        let all = std::iter::successors(Some(self.first), |day| Some(day.plus(1)));
        all.take_while(move |day| *day <= self.last)
    }
}

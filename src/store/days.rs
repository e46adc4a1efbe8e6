//! Days and periods as columns hold them: the number of a day, or none for an open end.

use super::error::{Result, StoreError};
use crate::vn::{Day, Period};

/// The first day of a period that is open at its start, in columns that may not be null.
pub(super) const OPEN_START_DAY: i64 = -1_000_000;

/// The day of a column.
pub(super) fn day_of(number: i64) -> Result<Day> {
    Day::from_number(number).ok_or_else(|| StoreError::Corrupt(format!("day {number}")))
}

/// The period of two columns.
pub(super) fn period_of(from: i64, to: Option<i64>) -> Result<Period> {
    let from = (from != OPEN_START_DAY).then_some(from);
    Ok(Period {
        from: from.map(day_of).transpose()?,
        to: to.map(day_of).transpose()?,
    })
}

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

    pub(super) fn is_empty(&self) -> bool {
        self.first > self.last
    }

    pub(super) fn days(self) -> impl Iterator<Item = Day> {
        let all = std::iter::successors(Some(self.first), |day| Some(day.plus(1)));
        all.take_while(move |day| *day <= self.last)
    }
}

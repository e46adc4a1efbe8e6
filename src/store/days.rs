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

//! Which days banks and providers work in Viet Nam.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Day, DayError};

/// Days that may be named: some years of Tết, Giỗ Tổ and days in lieu.
const DAYS_OFF_MAX: usize = 1_000;
/// Years in which days may be named. Another year is a typing error, which would silently name nothing.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;
/// Month and day of the public holidays that are the same each year (Labour Code 2019, article 112): New Year,
/// Reunification Day, Labour Day, National Day.
const FIXED: [(i8, i8); 4] = [(1, 1), (4, 30), (5, 1), (9, 2)];

/// On which days banks and providers work in Viet Nam. Saturdays, Sundays and the fixed public holidays are off, and
/// the days that somebody named: Tết, Giỗ Tổ, the second day of National Day and days in lieu are set anew each year,
/// so that no rule here could know them. Copies share what was named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkingCalendar {
    /// Ascending, each once; only days that would be worked if they were not named.
    named: Arc<[Day]>,
}

/// Why a text is no list of days off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkingCalendarError {
    /// A part that is no day.
    #[error(transparent)]
    Day(#[from] DayError),
    /// A day of a year that nobody means.
    #[error("{0} is in no year between 2000 and 2100")]
    Year(Day),
    /// More than some years need.
    #[error("more than {DAYS_OFF_MAX} days; leave those of past years out")]
    TooMany,
}

impl WorkingCalendar {
    /// Whether it is a working day.
    pub fn is_working(&self, day: Day) -> bool {
        is_usually_working(day) && self.named.binary_search(&day).is_err()
    }

    /// The day from which on so many working days lie before this one; itself for none.
    pub fn working_days_before(&self, day: Day, count: u32) -> Day {
        let mut first = day;
        let mut left = count;
        // Named days are few, so this ends; there is no day before the first that can be written.
        while left > 0 && first.plus(-1) < first {
            first = first.plus(-1);
            left -= u32::from(self.is_working(first));
        }
        first
    }

    /// How many working days there are from a day on and before another; none if that is earlier.
    pub fn working_days(&self, from: Day, to: Day) -> i64 {
        if to <= from {
            return 0;
        }
        let (first, _) = from.year_month();
        let (last, _) = to.year_month();
        let in_year = |year: i16| {
            FIXED
                .into_iter()
                .map(move |(month, day)| Day::ymd(year, month, day))
        };
        let fixed = (first..=last)
            .flat_map(in_year)
            .filter(|day| (from..to).contains(day) && !is_weekend(*day));
        let before = |day: Day| self.named.partition_point(|named| *named < day);
        let named = before(to) - before(from);
        weekdays_before(to) - weekdays_before(from) - fixed.count() as i64 - named as i64
    }
}

impl FromStr for WorkingCalendar {
    type Err = WorkingCalendarError;

    /// Reads the days that are off beside weekends and fixed holidays: `2026-02-16,2026-02-17`, in any order; the same
    /// day twice is one. An empty text names none.
    fn from_str(text: &str) -> Result<WorkingCalendar, WorkingCalendarError> {
        let mut named = Vec::new();
        if !text.trim().is_empty() {
            for part in text.split(',') {
                let day: Day = part.trim().parse()?;
                if !YEARS.contains(&day.year_month().0) {
                    return Err(WorkingCalendarError::Year(day));
                }
                if named.len() == DAYS_OFF_MAX {
                    return Err(WorkingCalendarError::TooMany);
                }
                named.push(day);
            }
        }
        named.retain(|day| is_usually_working(*day));
        named.sort_unstable();
        named.dedup();
        Ok(WorkingCalendar { named: named.into() })
    }
}

impl fmt::Display for WorkingCalendar {
    /// The named days that would be worked otherwise, as they are read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, day) in self.named.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{day}")?;
        }
        Ok(())
    }
}

fn is_usually_working(day: Day) -> bool {
    let is_fixed = |(month, of_month)| {
        let (year, own) = day.year_month();
        own == month && Day::ymd(year, month, of_month) == day
    };
    !is_weekend(day) && !FIXED.into_iter().any(is_fixed)
}

/// Monday is 0; day 0 was a Thursday.
fn weekday(day: Day) -> i64 {
    (day.number() + 3).rem_euclid(7)
}

fn is_weekend(day: Day) -> bool {
    weekday(day) > 4
}

/// Days from Monday to Friday before this one, counted from the week of day 0.
fn weekdays_before(day: Day) -> i64 {
    (day.number() + 3).div_euclid(7) * 5 + weekday(day).min(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tết of the year of the horse: Monday 16/02/2026 to Friday 20/02/2026 beside its weekends.
    const TET: &str = "2026-02-20, 2026-02-16,2026-02-17,2026-02-18,2026-02-19,2026-02-21,2026-02-16";

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_and_fixed_holidays_are_off_in_any_year() {
        let usual = WorkingCalendar::default();
        for off in [
            "2026-11-21",
            "2026-11-22",
            "2027-01-01",
            "2026-04-30",
            "2026-05-01",
            "2026-09-02",
        ] {
            assert!(!usual.is_working(day(off)), "{off}");
        }
        for worked in [
            "2026-11-20",
            "2026-11-23",
            "2026-09-01",
            "2026-09-03",
            "2026-02-17",
        ] {
            assert!(usual.is_working(day(worked)), "{worked}");
        }
    }

    #[test]
    fn ages_do_not_grow_on_weekends() {
        let usual = WorkingCalendar::default();
        let friday = day("2026-11-20");
        let ages: Vec<i64> = (0..8)
            .map(|days| usual.working_days(friday, friday.plus(days)))
            .collect();
        assert_eq!(ages, [0, 1, 1, 1, 2, 3, 4, 5]);
        assert_eq!(usual.working_days(friday, friday.plus(-3)), 0);
    }

    #[test]
    fn tet_with_its_weekends_is_off_where_it_is_named() {
        let tet: WorkingCalendar = TET.parse().unwrap();
        assert_eq!(
            tet.to_string(),
            "2026-02-16,2026-02-17,2026-02-18,2026-02-19,2026-02-20",
            "in order, each once, without what is off anyway"
        );
        // Friday the 13th is the last day of work, Monday the 23rd the first.
        let last = day("2026-02-13");
        let first = day("2026-02-23");
        assert_eq!(tet.working_days(last, first), 1);
        assert_eq!(WorkingCalendar::default().working_days(last, first), 6);
        assert_eq!(tet.working_days_before(first, 1), last);
        assert_eq!(tet.working_days_before(first.plus(2), 3), last);
        assert_eq!(tet.working_days_before(first, 0), first);
    }

    #[test]
    fn nothing_but_days_is_read() {
        assert_eq!("".parse(), Ok(WorkingCalendar::default()));
        assert_eq!(" ".parse(), Ok(WorkingCalendar::default()));
        for wrong in [
            ",",
            "2026-02-16,",
            "16/02/2026",
            "2026-02-30",
            "2026-02-16;2026-02-17",
        ] {
            let read = wrong.parse::<WorkingCalendar>();
            assert!(matches!(read, Err(WorkingCalendarError::Day(_))), "{wrong}");
        }
        let slip = "0226-02-16".parse::<WorkingCalendar>();
        assert!(matches!(slip, Err(WorkingCalendarError::Year(_))));
        let days = |count: i64| {
            let days: Vec<String> = (0..count)
                .map(|n| day("2026-01-01").plus(n).to_string())
                .collect();
            days.join(",").parse::<WorkingCalendar>()
        };
        assert!(days(1_000).is_ok());
        assert_eq!(days(1_001), Err(WorkingCalendarError::TooMany));
    }

    proptest! {
        #[test]
        fn counting_agrees_with_looking_at_each_day(from in 20_000i64..22_000, span in 0i64..900) {
            let tet: WorkingCalendar = TET.parse().unwrap();
            let (from, to) = (Day::from_number(from).unwrap(), Day::from_number(from + span).unwrap());
            let looked = (0..span).filter(|n| tet.is_working(from.plus(*n))).count() as i64;
            prop_assert_eq!(tet.working_days(from, to), looked);
            let first = tet.working_days_before(to, looked as u32);
            prop_assert!(first >= from && tet.working_days(first, to) == looked);
        }
    }
}

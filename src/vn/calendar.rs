//! Which days banks and providers work in Viet Nam.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use super::lunar::lunar_day;
use super::{Day, DayError};

/// Days that may be named: some years of what is decreed.
const NAMED_MAX: usize = 1_000;
/// Years whose days off are known by rule, and in which days may be named. Another year is a typing error, which would
/// silently name nothing.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;
/// Month and day of the public holidays that are the same each year, and the year from which each holds (Labour Code
/// 2019, article 112; Viet Nam Culture Day by Resolution 80-NQ/TW): New Year, Reunification Day, Labour Day, National
/// Day, Culture Day.
const FIXED: [(i8, i8, i16); 5] = [
    (1, 1, 2000),
    (4, 30, 2000),
    (5, 1, 2000),
    (9, 2, 2000),
    (11, 24, 2026),
];
/// From when on the death day of the Hùng Kings, the tenth of the third lunar month, is a holiday.
const HUNG_KINGS_SINCE: i16 = 2007;
/// From when on National Day has a second day, before or after it.
const NATIONAL_DAY_HAS_TWO_SINCE: i16 = 2021;
/// From when on two days before Tết are off and not one: the law then gives five days and not four.
const TET_HAS_FIVE_SINCE: i16 = 2013;
/// Exchanges that were decreed: a day off between a holiday and a weekend, and the Saturday that is worked for it. Each
/// as year, month, day.
const EXCHANGES: [[(i16, i8, i8); 2]; 4] = [
    [(2024, 4, 29), (2024, 5, 4)],
    [(2025, 5, 2), (2025, 4, 26)],
    [(2026, 1, 2), (2026, 1, 10)],
    [(2026, 8, 31), (2026, 8, 22)],
];

/// Days off from Monday to Friday, and weekend days that are worked, by rule and decree.
static KNOWN: LazyLock<WorkingCalendar> = LazyLock::new(|| {
    let mut off: BTreeSet<Day> = YEARS.flat_map(days_off).filter(|day| !is_weekend(*day)).collect();
    let mut worked = BTreeSet::new();
    for [day_off, day_worked] in EXCHANGES {
        let day = |(year, month, day)| Day::ymd(year, month, day);
        off.insert(day(day_off));
        worked.insert(day(day_worked));
    }
    WorkingCalendar {
        off: off.into_iter().collect(),
        worked: worked.into_iter().collect(),
        named: Arc::new([]),
    }
});

/// On which days banks and providers work in Viet Nam. Saturdays, Sundays and the public holidays are off: those with a
/// fixed date, Tết and the Hùng Kings' day by the lunar calendar, the days in lieu of those on a weekend, and the
/// exchanges that were decreed so far. What is decreed otherwise is named, with a `+` where it is worked. Copies share
/// their days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingCalendar {
    /// Days off from Monday to Friday, ascending.
    off: Arc<[Day]>,
    /// Worked days on a weekend, ascending.
    worked: Arc<[Day]>,
    /// What was named and would be otherwise, ascending: the day, and whether it is worked.
    named: Arc<[(Day, bool)]>,
}

/// Why a text is no list of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkingCalendarError {
    /// A part that is no day.
    #[error(transparent)]
    Day(#[from] DayError),
    /// A day of a year that nobody means.
    #[error("{0} is in no year between 2000 and 2100")]
    Year(Day),
    /// A day that is named as off and as worked.
    #[error("{0} is named as a day off and as a day of work (+)")]
    Both(Day),
    /// More than some years need.
    #[error("more than {NAMED_MAX} days; leave those of past years out")]
    TooMany,
}

impl Default for WorkingCalendar {
    fn default() -> WorkingCalendar {
        KNOWN.clone()
    }
}

impl WorkingCalendar {
    /// Whether it is a working day.
    pub fn is_working(&self, day: Day) -> bool {
        if is_weekend(day) {
            self.worked.binary_search(&day).is_ok()
        } else {
            self.off.binary_search(&day).is_err()
        }
    }

    /// The day from which on so many working days lie before this one; itself for none.
    pub fn working_days_before(&self, day: Day, count: u32) -> Day {
        let mut first = day;
        let mut left = count;
        // Days off are few, so this ends; there is no day before the first that can be written.
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
        let between = |days: &[Day]| {
            let before = |day: Day| days.partition_point(|own| *own < day);
            (before(to) - before(from)) as i64
        };
        weekdays_before(to) - weekdays_before(from) - between(&self.off) + between(&self.worked)
    }
}

impl FromStr for WorkingCalendar {
    type Err = WorkingCalendarError;

    /// Reads what is decreed beside what is known: `2027-04-29,+2027-05-08`, days off, and days of work with a `+`, in
    /// any order; the same day twice is one. An empty text names none.
    fn from_str(text: &str) -> Result<WorkingCalendar, WorkingCalendarError> {
        let usual = WorkingCalendar::default();
        let mut named: Vec<(Day, bool)> = Vec::new();
        if !text.trim().is_empty() {
            for part in text.split(',') {
                let part = part.trim();
                let (is_worked, written) = match part.strip_prefix('+') {
                    Some(worked) => (true, worked),
                    None => (false, part),
                };
                let day: Day = written.parse()?;
                if !YEARS.contains(&day.year_month().0) {
                    return Err(WorkingCalendarError::Year(day));
                }
                if named.len() == NAMED_MAX {
                    return Err(WorkingCalendarError::TooMany);
                }
                named.push((day, is_worked));
            }
        }
        named.sort_unstable();
        named.dedup();
        if let Some(two) = named.windows(2).find(|two| two[0].0 == two[1].0) {
            return Err(WorkingCalendarError::Both(two[0].0));
        }
        named.retain(|(day, is_worked)| usual.is_working(*day) != *is_worked);
        let with = |own: &[Day], is_of: fn(Day) -> bool, added: bool| {
            let mut days: BTreeSet<Day> = own.iter().copied().collect();
            for (day, is_worked) in named.iter().filter(|(day, _)| is_of(*day)) {
                if *is_worked == added {
                    days.insert(*day);
                } else {
                    days.remove(day);
                }
            }
            days.into_iter().collect()
        };
        Ok(WorkingCalendar {
            off: with(&usual.off, |day| !is_weekend(day), false),
            worked: with(&usual.worked, is_weekend, true),
            named: named.into(),
        })
    }
}

impl fmt::Display for WorkingCalendar {
    /// The named days that would be otherwise, as they are read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (day, is_worked)) in self.named.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let plus = if *is_worked { "+" } else { "" };
            write!(f, "{comma}{plus}{day}")?;
        }
        Ok(())
    }
}

/// The public holidays of a year and the days in lieu of those that fall on a weekend.
fn days_off(year: i16) -> BTreeSet<Day> {
    let mut days: BTreeSet<Day> = FIXED
        .into_iter()
        .filter(|(_, _, since)| year >= *since)
        .map(|(month, day, _)| Day::ymd(year, month, day))
        .collect();
    if year >= NATIONAL_DAY_HAS_TWO_SINCE {
        days.insert(second_day(Day::ymd(year, 9, 2)));
    }
    if year >= HUNG_KINGS_SINCE {
        days.insert(lunar_day(year, 3, 10));
    }
    // The last days of the old lunar year and the first three of the new one: so it was decreed each year.
    let days_before = if year >= TET_HAS_FIVE_SINCE { 2 } else { 1 };
    let tet = lunar_day(year, 1, 1);
    days.extend((-days_before..3).map(|from| tet.plus(from)));
    let on_weekend: Vec<Day> = days.iter().copied().filter(|day| is_weekend(*day)).collect();
    for holiday in on_weekend {
        let mut lieu = holiday.plus(1);
        while is_weekend(lieu) || days.contains(&lieu) {
            lieu = lieu.plus(1);
        }
        days.insert(lieu);
    }
    days
}

/// The second day of National Day is decreed each year, before it or after it: so far always so that the days off join
/// a weekend, and the day before where both or neither would.
fn second_day(national_day: Day) -> Day {
    let is_after = [0, 3, 6].contains(&weekday(national_day));
    national_day.plus(if is_after { 1 } else { -1 })
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

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_and_public_holidays_are_off() {
        let usual = WorkingCalendar::default();
        for off in [
            "2026-11-21",
            "2026-11-22",
            "2026-11-24", // Culture Day, new this year
            "2027-01-01",
            "2026-02-16",
            "2026-02-20",
            "2026-04-27", // in lieu of the Hùng Kings' day, a Sunday
            "2026-04-30",
            "2026-05-01",
            "2026-08-31", // by exchange
            "2026-09-01",
            "2026-09-02",
            "2027-11-24",
        ] {
            assert!(!usual.is_working(day(off)), "{off}");
        }
        for worked in [
            "2026-11-20",
            "2026-11-23",
            "2026-11-25",
            "2025-11-24",
            "2026-08-22", // the Saturday for 31/08
            "2026-09-03",
            "2026-02-13",
            "2026-02-23",
            "2020-09-01",
            "2006-04-07", // the Hùng Kings' day before it was a holiday
        ] {
            assert!(usual.is_working(day(worked)), "{worked}");
        }
    }

    /// What was decreed in years before the table: Tết from Friday to Thursday, a weekend of three holidays.
    #[test]
    fn earlier_years_are_as_they_were_decreed() {
        let usual = WorkingCalendar::default();
        for (last, first) in [
            ("2019-02-01", "2019-02-11"),
            ("2020-01-22", "2020-01-30"),
            ("2021-02-09", "2021-02-17"),
            ("2022-01-28", "2022-02-07"),
            ("2023-01-19", "2023-01-27"),
            ("2023-04-28", "2023-05-04"),
            ("2022-04-29", "2022-05-04"),
            ("2021-09-01", "2021-09-06"),
            ("2022-08-31", "2022-09-05"),
            ("2023-08-31", "2023-09-05"),
        ] {
            assert_eq!(usual.working_days(day(last), day(first)), 1, "{last} {first}");
            assert!(usual.is_working(day(first)), "{first}");
        }
    }

    #[test]
    fn days_off_agree_with_what_others_count_but_for_one_exchange() {
        let usual = WorkingCalendar::default();
        let theirs = include_str!("../../tests/data/days_off_2024_2030.txt");
        let lines = theirs.lines().filter(|line| !line.starts_with('#'));
        let (worked, off): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('+'));
        let off: BTreeSet<Day> = off.into_iter().map(day).collect();
        let worked: BTreeSet<Day> = worked.into_iter().map(|line| day(&line[1..])).collect();
        assert!(off.len() > 90 && worked.len() == 3, "the table was read");
        let mut differ = Vec::new();
        let mut today = day("2024-01-01");
        while today <= day("2030-12-31") {
            let is_theirs = worked.contains(&today) || !(is_weekend(today) || off.contains(&today));
            if usual.is_working(today) != is_theirs {
                differ.push(today);
            }
            today = today.plus(1);
        }
        // Decreed on 25/12/2025, and not in their list.
        assert_eq!(differ, [day("2026-01-02"), day("2026-01-10")]);
    }

    #[test]
    fn ages_do_not_grow_on_days_off() {
        let usual = WorkingCalendar::default();
        let friday = day("2026-11-20");
        let ages: Vec<i64> = (0..8)
            .map(|days| usual.working_days(friday, friday.plus(days)))
            .collect();
        // Weekend, Monday, Culture Day, Wednesday.
        assert_eq!(ages, [0, 1, 1, 1, 2, 2, 3, 4]);
        assert_eq!(usual.working_days(friday, friday.plus(-3)), 0);
        // Friday the 13th is the last day of work before Tết, Monday the 23rd the first after it.
        let last = day("2026-02-13");
        let first = day("2026-02-23");
        assert_eq!(usual.working_days(last, first), 1);
        assert_eq!(usual.working_days_before(first, 1), last);
        assert_eq!(usual.working_days_before(first.plus(2), 3), last);
        assert_eq!(usual.working_days_before(first, 0), first);
    }

    #[test]
    fn what_is_decreed_later_is_named() {
        // Invented decrees: a bridge day with its Saturday, Tết a day later, and what is known anyway.
        let text =
            "2027-04-29,+2027-05-08,+2027-02-04, 2027-02-11,2027-05-01,+2027-05-04,2026-08-22,2027-04-29";
        let named: WorkingCalendar = text.parse().unwrap();
        assert_eq!(
            named.to_string(),
            "2026-08-22,+2027-02-04,2027-02-11,2027-04-29,+2027-05-08",
            "in order, each once, without what is so anyway"
        );
        for (text, is_working) in [
            ("2027-04-29", false),
            ("2027-05-08", true),
            ("2027-02-04", true),
            ("2027-02-11", false),
            ("2026-08-22", false),
            ("2026-08-31", false),
        ] {
            assert_eq!(named.is_working(day(text)), is_working, "{text}");
        }
        assert_eq!(named.to_string().parse(), Ok(named));
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
            "++2026-02-16",
            "-2026-02-16",
        ] {
            let read = wrong.parse::<WorkingCalendar>();
            assert!(matches!(read, Err(WorkingCalendarError::Day(_))), "{wrong}");
        }
        let slip = "0226-02-16".parse::<WorkingCalendar>();
        assert!(matches!(slip, Err(WorkingCalendarError::Year(_))));
        let both = "2027-04-29,+2027-04-29".parse::<WorkingCalendar>();
        assert_eq!(both, Err(WorkingCalendarError::Both(day("2027-04-29"))));
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
        fn counting_agrees_with_looking_at_each_day(from in 10_000i64..22_000, span in 0i64..900) {
            let calendar: WorkingCalendar = "2026-06-01,+2026-06-06,+2026-02-20".parse().unwrap();
            let (from, to) = (Day::from_number(from).unwrap(), Day::from_number(from + span).unwrap());
            let looked = (0..span).filter(|n| calendar.is_working(from.plus(*n))).count() as i64;
            prop_assert_eq!(calendar.working_days(from, to), looked);
            let first = calendar.working_days_before(to, looked as u32);
            prop_assert!(first >= from && calendar.working_days(first, to) == looked);
        }
    }
}

//! Days in Viet Nam, instants in milliseconds, and periods of days.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;

/// A calendar day, as the number of days since 1970-01-01.
///
/// A day of this program is a day in Viet Nam (UTC+7, docs/spec/domain.md, section 4 "business date").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// Why a text is not a day or a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not `YYYY-MM-DD`, or no such day.
    #[error("«{0}» is not a day; write it as YYYY-MM-DD, for example 2024-06-15")]
    Day(String),
    /// Not ISO 8601.
    #[error("«{0}» is not a time; write it as 2026-01-15T17:58:59+07:00")]
    Time(String),
}

const VIETNAM_OFFSET_MS: i64 = 7 * 3600 * 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

impl Day {
    /// The day with this number (days since 1970-01-01), for years 1 to 9999.
    pub fn from_number(number: i64) -> Option<Day> {
        let day = Day(i32::try_from(number).ok()?);
        day.civil().is_some_and(|d| d.year() >= 1).then_some(day)
    }

    /// The day in Viet Nam at this instant.
    pub fn of(time: TimeMs) -> Day {
        let number = (time.0 + VIETNAM_OFFSET_MS).div_euclid(DAY_MS);
        Day(number.clamp(-719_162, 2_932_896) as i32)
    }

    /// A day written in the program text: for tests and shipped facts.
    ///
    /// # Panics
    /// If there is no such day.
    pub fn ymd(year: i16, month: i8, day: i8) -> Day {
        Day::from_civil(civil::date(year, month, day))
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i64 {
        self.0 as i64
    }

    /// The day this many days later (earlier, if negative).
    pub fn plus(self, days: i64) -> Day {
        Day((i64::from(self.0) + days).clamp(-719_162, 2_932_896) as i32)
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Day {
        let back = self.civil().map_or(0, |d| i64::from(d.day()) - 1);
        self.plus(-back)
    }

    /// The first day of the month after its own.
    pub fn first_of_next_month(self) -> Day {
        // No month has more than 31 days, and none fewer than 28: day 1 plus 31 lies in the next one.
        self.first_of_month().plus(31).first_of_month()
    }

    /// Its year, and its month from 1 to 12.
    pub fn year_month(self) -> (i16, i8) {
        // Every day that can be made has a civil date.
        self.civil().map_or((1, 1), |d| (d.year(), d.month()))
    }

    /// The first millisecond of this day in Viet Nam.
    pub fn start(self) -> TimeMs {
        TimeMs(i64::from(self.0) * DAY_MS - VIETNAM_OFFSET_MS)
    }

    /// `15/06/2024`, in both languages (docs/spec/domain.md, section 9).
    pub fn show(self) -> String {
        match self.civil() {
            Some(d) => format!("{:02}/{:02}/{:04}", d.day(), d.month(), d.year()),
            None => self.0.to_string(),
        }
    }

    fn civil(self) -> Option<civil::Date> {
        civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().try_days(i64::from(self.0)).ok()?)
            .ok()
    }

    fn from_civil(date: civil::Date) -> Day {
        Day(date.duration_since(civil::date(1970, 1, 1)).as_hours() as i32 / 24)
    }
}

impl fmt::Display for Day {
    /// `2024-06-15`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(d) => write!(f, "{d}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = DayError;

    /// Reads `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Day, DayError> {
        let wrong = || DayError::Day(text.to_owned());
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape || text.starts_with("0000") {
            return Err(wrong());
        }
        let date: civil::Date = text.parse().map_err(|_| wrong())?;
        Ok(Day::from_civil(date))
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Day, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An instant, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeMs(pub i64);

impl TimeMs {
    /// Reads ISO 8601. A time without a zone is Vietnamese time, +07:00 (docs/spec/domain.md, section 4).
    pub fn parse(text: &str) -> Result<TimeMs, DayError> {
        let wrong = || DayError::Time(text.to_owned());
        if !text.is_ascii() || text.contains('[') {
            return Err(wrong());
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(TimeMs(instant.as_millisecond()));
        }
        let local: civil::DateTime = text.parse().map_err(|_| wrong())?;
        let has_time = text.contains('T') || text.contains('t') || text.contains(' ');
        // jiff reads a bare date as midnight, but a date alone is not a time of payment.
        if !has_time {
            return Err(wrong());
        }
        let instant = Offset::constant(7).to_timestamp(local).map_err(|_| wrong())?;
        Ok(TimeMs(instant.as_millisecond()))
    }

    /// ISO 8601 at +07:00, with milliseconds only where there are some.
    pub fn iso(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => instant.display_with_offset(Offset::constant(7)).to_string(),
            Err(_) => self.0.to_string(),
        }
    }

    /// `15/06/2024 08:05` in Viet Nam, in both languages.
    pub fn show(self) -> String {
        let in_day_ms = (self.0 + VIETNAM_OFFSET_MS).rem_euclid(DAY_MS);
        let minutes = in_day_ms / 60_000;
        format!("{} {:02}:{:02}", Day::of(self).show(), minutes / 60, minutes % 60)
    }
}

/// Days from and to, both included; an empty end is open (docs/spec/domain.md, section 4, "valid on D").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Period {
    /// First day, or none if it reaches back beyond what is known.
    pub from: Option<Day>,
    /// Last day, or none if still in force.
    pub to: Option<Day>,
}

impl Period {
    /// Whether the day lies inside, ends included.
    pub fn holds(self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_and_write() {
        let day: Day = "2024-06-15".parse().unwrap();
        assert_eq!(day, Day::ymd(2024, 6, 15));
        assert_eq!(day.to_string(), "2024-06-15");
        assert_eq!(day.show(), "15/06/2024");
        assert_eq!(Day::ymd(1970, 1, 1).number(), 0);
        assert_eq!(Day::ymd(1969, 12, 31).number(), -1);
        for wrong in [
            "2024-02-30",
            "2024-6-15",
            "15/06/2024",
            "",
            "2024-06-15T00:00",
            "0000-01-01",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_viet_nam() {
        let before = TimeMs::parse("2026-01-15T16:59:59.999Z").unwrap();
        let after = TimeMs::parse("2026-01-15T17:00:00Z").unwrap();
        assert_eq!(Day::of(before), Day::ymd(2026, 1, 15));
        assert_eq!(Day::of(after), Day::ymd(2026, 1, 16));
        assert_eq!(Day::ymd(2026, 1, 16).start(), after);
    }

    #[test]
    fn a_time_without_zone_is_vietnamese() {
        let zoned = TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap();
        assert_eq!(TimeMs::parse("2026-01-15T17:58:59").unwrap(), zoned);
        assert_eq!(TimeMs::parse("2026-01-15 17:58:59").unwrap(), zoned);
        assert_eq!(zoned.iso(), "2026-01-15T17:58:59+07:00");
        assert_eq!(zoned.show(), "15/01/2026 17:58");
        for wrong in [
            "",
            "2026-01-15",
            "17:58",
            "hôm nay",
            "2026-13-01T00:00:00Z",
            "2026-01-15T17:58:59[Asia/Tokyo]",
        ] {
            assert!(TimeMs::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_period_includes_both_ends() {
        let p = Period {
            from: Some(Day::ymd(2025, 1, 1)),
            to: Some(Day::ymd(2025, 6, 30)),
        };
        assert!(p.holds(Day::ymd(2025, 1, 1)) && p.holds(Day::ymd(2025, 6, 30)));
        assert!(!p.holds(Day::ymd(2024, 12, 31)) && !p.holds(Day::ymd(2025, 7, 1)));
        assert!(Period::default().holds(Day::ymd(1, 1, 1)));
    }
}

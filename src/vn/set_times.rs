//! Times of the day at which a job runs.

use std::fmt;
use std::str::FromStr;

use super::{Day, TimeMs};

const MINUTE_MS: i64 = 60_000;
/// Times a day: one each half hour.
const TIMES_MAX: usize = 48;

/// Times of each day in Viet Nam at which something is to be done, such as `06:00,12:30`. There is at least one,
/// so any time has a set time at or before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetTimes {
    /// Minutes after midnight, each once, ascending.
    minutes: Vec<i64>,
}

/// Why a text is no list of set times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetTimesError {
    /// A part that is no time of day.
    #[error("«{0}» is no time of day; write HH:mm, several with commas between, for example 06:00,12:30")]
    Time(String),
    /// More than a day needs.
    #[error("more than {TIMES_MAX} times a day")]
    TooMany,
}

impl SetTimes {
    /// The last set time that is not after `now`: one of today's, else yesterday's last.
    pub fn latest(&self, now: TimeMs) -> TimeMs {
        let today = Day::of(now).start().0;
        let passed = self.minutes.iter().map(|minute| today + minute * MINUTE_MS);
        let last = passed.take_while(|at| *at <= now.0).last();
        // There is at least one: only parsing makes this value, and an empty part is no time.
        let late = self.minutes.last().copied().unwrap_or_default();
        TimeMs(last.unwrap_or(Day::of(now).plus(-1).start().0 + late * MINUTE_MS))
    }
}

impl FromStr for SetTimes {
    type Err = SetTimesError;

    /// Reads times with commas between, in any order; the same time twice is one.
    fn from_str(text: &str) -> Result<SetTimes, SetTimesError> {
        let mut minutes = text
            .split(',')
            .map(|part| minute_of_day(part.trim()).ok_or_else(|| SetTimesError::Time(part.trim().to_owned())))
            .collect::<Result<Vec<i64>, _>>()?;
        minutes.sort_unstable();
        minutes.dedup();
        match minutes.len() {
            0..=TIMES_MAX => Ok(SetTimes { minutes }),
            _ => Err(SetTimesError::TooMany),
        }
    }
}

impl fmt::Display for SetTimes {
    /// `06:00,12:30`, in the order of the day.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, minute) in self.minutes.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{:02}:{:02}", minute / 60, minute % 60)?;
        }
        Ok(())
    }
}

/// Minutes after midnight of a time of day: `HH:mm` and nothing else.
pub fn minute_of_day(text: &str) -> Option<i64> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let hour = digit(h1)? * 10 + digit(h2)?;
    let minute = digit(m1)? * 10 + digit(m2)?;
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> SetTimes {
        text.parse().unwrap()
    }

    fn at(text: &str) -> TimeMs {
        TimeMs::parse(text).unwrap()
    }

    #[test]
    fn times_are_read_in_any_order_and_nothing_else_is() {
        assert_eq!(times("12:30, 06:00,12:30").to_string(), "06:00,12:30");
        assert_eq!(times("00:00,23:59").to_string(), "00:00,23:59");
        for wrong in [
            "",
            ",",
            "06:00,",
            "6:00",
            "06:0",
            "24:00",
            "06:60",
            "06h00",
            "+6:00",
            "06:00:00",
            "06:00;07:00",
        ] {
            assert!(
                matches!(wrong.parse::<SetTimes>(), Err(SetTimesError::Time(_))),
                "{wrong}"
            );
        }
        let many: Vec<String> = (0..49).map(|n| format!("{:02}:{:02}", n / 60, n % 60)).collect();
        assert_eq!(many.join(",").parse::<SetTimes>(), Err(SetTimesError::TooMany));
        assert!(many[..48].join(",").parse::<SetTimes>().is_ok());
    }

    #[test]
    fn the_latest_set_time_is_one_of_today_or_the_last_of_yesterday() {
        let set = times("06:00,12:30");
        for (now, latest) in [
            ("2026-03-01T06:00:00+07:00", "2026-03-01T06:00:00+07:00"),
            ("2026-03-01T05:59:59.999+07:00", "2026-02-28T12:30:00+07:00"),
            ("2026-03-01T12:29:59.999+07:00", "2026-03-01T06:00:00+07:00"),
            ("2026-03-01T23:59:59+07:00", "2026-03-01T12:30:00+07:00"),
            // The day is Viet Nam's: 23:10 UTC is past six in the morning there.
            ("2026-02-28T23:10:00Z", "2026-03-01T06:00:00+07:00"),
        ] {
            assert_eq!(set.latest(at(now)).iso(), at(latest).iso(), "at {now}");
        }
        assert_eq!(
            times("00:00").latest(at("2026-03-01T00:00:00+07:00")),
            at("2026-03-01T00:00:00+07:00")
        );
    }
}

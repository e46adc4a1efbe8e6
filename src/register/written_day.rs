//! Days as people and spreadsheets write them in a register file: the column decides what a single cell cannot say.

use crate::vn::{Day, fold};

/// What a cell says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenDay {
    /// It can mean one day only.
    One {
        day: Day,
        /// Which order of day and month it shows, if it shows one.
        order: Option<Order>,
    },
    /// 05/06/2026.
    Either { day_first: Day, month_first: Day },
}

/// What stands first in days that are written with numbers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    DayFirst,
    MonthFirst,
}

/// Numbers by which spreadsheets count days, for the years 1950 to 2100: no other number of a day has five digits.
const SERIALS: std::ops::RangeInclusive<i64> = 18_264..=73_415;
/// Number of 1970-01-01 among them.
const EPOCH_SERIAL: i64 = 25_569;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads `2026-01-15`, `15/01/2026`, `15.1.26`, `15-Jan-2026`, `15-thg 1-2026`, `20260115`, with a time of day of zeros
/// or without, and the number of a day as spreadsheets count it.
pub fn read(text: &str) -> Option<WrittenDay> {
    let text = without_midnight(text.trim());
    if text.len() == 5
        && let Ok(serial) = text.parse::<i64>()
    {
        let day = Day::from_number(serial - EPOCH_SERIAL)?;
        return SERIALS
            .contains(&serial)
            .then_some(WrittenDay::One { day, order: None });
    }
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return one(&text[..4], &text[4..6], &text[6..]);
    }
    let parts: Vec<&str> = text.split(['/', '-', '.']).map(str::trim).collect();
    let [a, b, c] = parts[..] else { return None };
    if let Some(month) = month_by_name(b) {
        return one(c, &month, a);
    }
    if a.len() == 4 {
        return one(a, b, c);
    }
    let day_first = civil(c, b, a);
    let month_first = civil(c, a, b);
    match (day_first, month_first) {
        (Some(day), Some(other)) if day == other => Some(WrittenDay::One { day, order: None }),
        (Some(day_first), Some(month_first)) => Some(WrittenDay::Either {
            day_first,
            month_first,
        }),
        (Some(day), None) => Some(WrittenDay::One {
            day,
            order: Some(Order::DayFirst),
        }),
        (None, Some(day)) => Some(WrittenDay::One {
            day,
            order: Some(Order::MonthFirst),
        }),
        (None, None) => None,
    }
}

/// The order in which a file writes day and month, from all its days: as in Viet Nam unless something speaks for the
/// other. None if it writes both, so that nobody can tell.
pub fn order(days: impl Iterator<Item = WrittenDay>) -> Option<Order> {
    let mut seen = [false; 2];
    for day in days {
        if let WrittenDay::One {
            order: Some(order), ..
        } = day
        {
            seen[usize::from(order == Order::MonthFirst)] = true;
        }
    }
    match seen {
        [true, true] => None,
        [false, true] => Some(Order::MonthFirst),
        _ => Some(Order::DayFirst),
    }
}

/// A spreadsheet shows the midnight of a day.
fn without_midnight(text: &str) -> &str {
    let Some((day, time)) = text.split_once(['T', ' ']) else {
        return text;
    };
    let clock = time.trim().trim_end_matches(['Z', 'z']);
    let is_midnight = clock.contains(':')
        && (clock.chars().all(|c| matches!(c, '0' | ':' | '.'))
            || matches!(
                clock.to_ascii_uppercase().as_str(),
                "12:00:00 AM" | "12:00 AM" | "12:00:00 SA" | "12:00 SA"
            ));
    if is_midnight { day } else { text }
}

fn month_by_name(text: &str) -> Option<String> {
    let folded = fold(text);
    for before in ["thang", "thg", "th"] {
        let number = folded.strip_prefix(before).map(str::trim);
        if let Some(number) = number.filter(|n| n.parse::<u8>().is_ok_and(|n| (1..=12).contains(&n))) {
            return Some(number.to_owned());
        }
    }
    let at = MONTHS
        .iter()
        .position(|month| folded.len() >= 3 && folded.starts_with(month))?;
    folded
        .bytes()
        .all(|b| b.is_ascii_lowercase())
        .then(|| (at + 1).to_string())
}

fn one(year: &str, month: &str, day: &str) -> Option<WrittenDay> {
    civil(year, month, day).map(|day| WrittenDay::One { day, order: None })
}

fn civil(year: &str, month: &str, day: &str) -> Option<Day> {
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<u16>().ok())?
    };
    let year = match year.len() {
        2 => 2000 + number(year)?,
        4 => number(year)?,
        _ => return None,
    };
    if !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return None;
    }
    format!("{year:04}-{:02}-{:02}", number(month)?, number(day)?)
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_day(text: &str) -> Option<Day> {
        match read(text)? {
            WrittenDay::One { day, .. } => Some(day),
            WrittenDay::Either { .. } => None,
        }
    }

    #[test]
    fn every_spelling_of_one_day_is_read() {
        for text in [
            "2026-01-15",
            "2026/1/15",
            "15/01/2026",
            "15/1/2026",
            "15-01-2026",
            "15.01.2026",
            "15/01/26",
            "01/15/2026",
            "15-Jan-2026",
            "15-jan-26",
            "15-January-2026",
            "15-thg 1-2026",
            "15-Thg1-26",
            "15 / 01 / 2026",
            "20260115",
            "46037",
            "2026-01-15T00:00:00",
            "15/01/2026 00:00:00",
            "1/15/2026 12:00:00 AM",
            "15/01/2026 0:00",
        ] {
            assert_eq!(one_day(text), Some(Day::ymd(2026, 1, 15)), "{text}");
        }
        for text in [
            "",
            "15/01",
            "2026",
            "15/13/2026",
            "31/02/2026",
            "15/01/026",
            "15/01/2026 08:30",
            "999",
            "99999",
            "hôm nay",
            "15-Jxn-2026",
            "1/2/3/4",
            "-1/2/2026",
            "+15/01/2026",
            "２０２６-01-15",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_column_decides_which_of_two_numbers_is_the_day() {
        let either = read("05/06/2026").unwrap();
        assert_eq!(
            either,
            WrittenDay::Either {
                day_first: Day::ymd(2026, 6, 5),
                month_first: Day::ymd(2026, 5, 6)
            }
        );
        let of = |texts: &[&str]| order(texts.iter().filter_map(|t| read(t)));
        assert_eq!(
            of(&["05/06/2026", "06/06/2026", "2026-01-31"]),
            Some(Order::DayFirst)
        );
        assert_eq!(of(&["05/06/2026", "15/06/2026"]), Some(Order::DayFirst));
        assert_eq!(of(&["05/06/2026", "06/15/2026"]), Some(Order::MonthFirst));
        assert_eq!(of(&["15/06/2026", "06/15/2026"]), None);
    }

    proptest! {
        #[test]
        fn a_day_is_read_back_in_either_order(number in 0i64..40_000) {
            let day = Day::from_number(number).unwrap();
            let shown = day.show();
            let (d, m, y) = (&shown[..2], &shown[3..5], &shown[6..]);
            for (text, order) in [(format!("{d}/{m}/{y}"), Order::DayFirst), (format!("{m}/{d}/{y}"), Order::MonthFirst)] {
                match read(&text).unwrap() {
                    WrittenDay::One { day: got, .. } => prop_assert_eq!(got, day),
                    WrittenDay::Either { day_first, month_first } => {
                        prop_assert_eq!(if order == Order::DayFirst { day_first } else { month_first }, day);
                    }
                }
            }
        }

        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,20}") {
            let _ = read(&text);
        }
    }
}

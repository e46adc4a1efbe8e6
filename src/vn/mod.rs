//! What is Vietnamese about the numbers and words of this program: đồng, days at UTC+7, truncated
//! ratios, names in alphabet order and without accents, and values that mask themselves.
//!
//! Pure and synchronous. Nothing here reads a clock, and nothing here is a floating-point number.

mod calendar;
mod day;
mod day_range;
mod digest;
mod dong;
mod lunar;
mod name;
mod private;
mod ratio;
mod sentence;
mod set_times;

pub use calendar::{WorkingCalendar, WorkingCalendarError};
pub use day::{Day, DayError, Period, TimeMs};
pub use day_range::DayRange;
pub use digest::digest_128;
pub use dong::{Dong, DongError, TypedDongError};
pub use name::{fold, name_key, sort_key};
pub use private::{AccountNumber, AccountNumberError, Phone, Secret};
pub use ratio::{Percent, Ratio, RatioError};
pub use sentence::Sentence;
pub(crate) use sentence::{error_by_sentence, sentence};
pub use set_times::{SetTimes, SetTimesError, minute_of_day};

/// The language a text is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese, the default everywhere.
    #[default]
    Vi,
    /// English, by a switch.
    En,
}

impl Lang {
    /// The one of two texts that is in this language.
    pub fn pick<'a>(self, vi: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

/// Writes an integer with a separator between groups of three digits.
pub fn grouped(value: i64, separator: char) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

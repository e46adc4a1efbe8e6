//! The three statement files: whose, of which days, how large and how spelled.

use choso::vn::Day;

use super::statement::Style;

/// The profile whose notices carry the bank's reference, many in one callback.
pub const PROFILE: &str = "casso";
/// How it signs.
pub const SCHEME: &str = "secure_token";
/// How many files there are.
pub const FILES: usize = 3;
/// The days of the files, after the first. A Monday, so that three working days end in the same week.
const DAYS: [i64; FILES] = [0, 1, 7];
/// Payments of each file, of ten.
pub const SHARES: [u64; FILES] = [8, 1, 1];
/// How each is spelled.
pub const STYLES: [Style; FILES] = [
    Style {
        separator: ';',
        mark: '.',
    },
    Style {
        separator: ',',
        mark: ',',
    },
    Style {
        separator: '\t',
        mark: '.',
    },
];

/// The day of the file with this number.
pub fn day_of(file: usize) -> Day {
    Day::ymd(2026, 3, 2).plus(DAYS[file])
}

/// The name of the file with this number.
pub fn file_name(file: usize) -> String {
    format!("statement-{}.csv", file + 1)
}

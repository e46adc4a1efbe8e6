//! The three statement files: whose, of which days and how large.

use choso::vn::Day;

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
/// A file whose rows have balances beside them, and the same with a balance that does not follow.
pub const RIGHT_BALANCES: &str = "balances.csv";
pub const WRONG_BALANCES: &str = "balances-wrong.csv";
/// Rows of either, and which of them has the wrong balance.
pub const BALANCED_ROWS: u64 = 48;
pub const WRONG_ROW: u64 = 25;

/// The day of the file with this number.
pub fn day_of(file: usize) -> Day {
    Day::ymd(2026, 3, 2).plus(DAYS[file])
}

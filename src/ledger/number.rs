//! The number of a ledger entry: its day and a running count in one integer.

use crate::vn::Day;

/// Bits below the day.
const COUNT_BITS: u32 = 40;

/// The number of a ledger entry: the day on which the ledger took it, then a number that counts on over all days.
/// A later entry has a larger number, so rows are added at the end of their table, a month is a range of
/// numbers, and a number alone tells the month in which to look.
///
/// As text 16 hexadecimal digits; texts sort as numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LedgerNo(i64);

impl LedgerNo {
    /// A number divided by this is its day.
    pub const PER_DAY: i64 = 1 << COUNT_BITS;

    /// The number as it is kept in a column.
    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn of(column: i64) -> LedgerNo {
        LedgerNo(column)
    }

    /// The first number that a day can have: everything kept under earlier days is smaller.
    pub const fn start_of(day: Day) -> LedgerNo {
        LedgerNo(day.number() << COUNT_BITS)
    }

    /// The next number, under this day or, if the ledger is at a later day already, under that one.
    pub fn next(self, day: Day) -> LedgerNo {
        let day = day.number().max(self.day_number());
        LedgerNo(day << COUNT_BITS | (self.count() + 1))
    }

    /// The day under which it is kept, as [`Day::number`].
    pub const fn day_number(self) -> i64 {
        self.0 >> COUNT_BITS
    }

    /// How many there are up to this one, over all days.
    pub const fn count(self) -> i64 {
        self.0 & (LedgerNo::PER_DAY - 1)
    }

    /// Reads the text of a number.
    pub fn parse(text: &str) -> Option<LedgerNo> {
        let is_plain = text.len() == 16
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        i64::from_str_radix(text, 16)
            .ok()
            .filter(|_| is_plain)
            .map(LedgerNo)
    }
}

impl std::fmt::Display for LedgerNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_on_over_days_and_never_go_back() {
        let first = Day::ymd(2026, 3, 1);
        let later = Day::ymd(2026, 4, 1);
        let one = LedgerNo::default().next(first);
        let two = one.next(later);
        let three = two.next(first);
        assert!(one < two && two < three);
        assert_eq!([one, two, three].map(LedgerNo::count), [1, 2, 3]);
        assert_eq!(one.day_number(), first.number());
        assert_eq!(three.day_number(), later.number(), "a clock that is behind");
        assert!(LedgerNo::start_of(later) > one && LedgerNo::start_of(later) < two);
    }

    #[test]
    fn texts_read_back_and_sort_alike() {
        let one = LedgerNo::default().next(Day::ymd(2026, 3, 1));
        assert_eq!(LedgerNo::parse(&one.to_string()), Some(one));
        assert!(one.to_string() < one.next(Day::ymd(2026, 3, 1)).to_string());
        for wrong in [
            "",
            "1",
            "00000000000000001",
            "000000000000000G",
            "000000000000000A",
            "+00000000000000f",
        ] {
            assert_eq!(LedgerNo::parse(wrong), None, "{wrong}");
        }
    }
}

//! Values of cells: ids here, amounts and days by their columns.

use std::borrow::Cow;

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::limits::ID_CHARS_MAX;
pub(crate) use crate::statement::meaning::amounts::amount;
pub(crate) use crate::statement::meaning::day_text::{Moment, day};
pub(crate) use crate::statement::meaning::days::moment;
use crate::statement::meaning::fault::{ValueFault, is_scientific, unwrapped};

/// Digits that a spreadsheet keeps of a number; more were lost when the cell became one.
const SPREADSHEET_DIGITS: usize = 15;

/// An id, reference or account: text, its leading zeros kept.
pub(crate) fn id(cell: Cell<'_>) -> Result<&str, ValueFault> {
    match cell.kind {
        CellKind::Error => return Err(ValueFault::Formula),
        CellKind::Number | CellKind::OtherUnit | CellKind::Serial { .. } => {
            let (digits, fraction) = cell.text.split_once('.').unwrap_or((cell.text, ""));
            if fraction.bytes().any(|b| b != b'0') {
                return Err(ValueFault::Scientific);
            }
            let is_whole = digits.len() <= SPREADSHEET_DIGITS
                || (digits.len() == SPREADSHEET_DIGITS + 1
                    // Programs keep whole numbers up to here; a last 0 may be what Excel made of another digit.
                    && digits.parse::<u64>().is_ok_and(|value| value < 1 << 53)
                    && !digits.ends_with('0'));
            return if is_whole {
                Ok(digits)
            } else {
                Err(ValueFault::DigitsLost)
            };
        }
        CellKind::Text => {}
    }
    let text = unwrapped(cell.text);
    if is_scientific(text) {
        return Err(ValueFault::Scientific);
    }
    if text.len() > ID_CHARS_MAX && text.chars().count() > ID_CHARS_MAX {
        return Err(ValueFault::TooLong);
    }
    Ok(text)
}

/// A spreadsheet's number as plain decimal digits: `1.5E3` is `1500`. None if it is no number, or one
/// so long that nobody needs it.
pub(crate) fn plain_decimal(text: &str) -> Option<Cow<'_, str>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !unsigned.is_empty()
        && unsigned.len() <= 40
        && unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && unsigned.bytes().filter(|&b| b == b'.').count() <= 1;
    if is_plain {
        return Some(Cow::Borrowed(text));
    }
    let (mantissa, power) = unsigned.split_once(['E', 'e'])?;
    let power: i32 = power.strip_prefix('+').unwrap_or(power).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty()
        || digits.len() > 20
        || !digits.bytes().all(|b| b.is_ascii_digit())
        || power.abs() > 20
    {
        return None;
    }
    let point = whole.len() as i32 + power;
    let spelt = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{digits}{}", "0".repeat(point - digits.len())),
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    };
    let trimmed = spelt.trim_start_matches('0');
    let sign = if text.starts_with('-') { "-" } else { "" };
    Some(Cow::Owned(if trimmed.starts_with('.') || trimmed.is_empty() {
        format!("{sign}0{trimmed}")
    } else {
        format!("{sign}{trimmed}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Cell<'_> {
        Cell {
            text,
            kind: CellKind::Text,
        }
    }

    fn number(text: &str) -> Cell<'_> {
        Cell {
            text,
            kind: CellKind::Number,
        }
    }

    #[test]
    fn ids_whose_digits_were_lost_are_refused() {
        assert_eq!(id(text("0011012345678")), Ok("0011012345678"));
        assert_eq!(id(text("'0011")), Ok("0011"));
        assert_eq!(id(text("FT26015000001")), Ok("FT26015000001"));
        assert_eq!(id(text("12E5")), Ok("12E5"));
        assert_eq!(id(number("123456789012345")), Ok("123456789012345"));
        assert_eq!(id(number("123456.0")), Ok("123456"));
        // Programs keep 16 digits below 2^53 whole; a last 0 may be what Excel made of another digit.
        assert_eq!(id(number("1234567890123457")), Ok("1234567890123457"));
        assert_eq!(id(number("1234567890123450")), Err(ValueFault::DigitsLost));
        assert_eq!(id(number("9234567890123457")), Err(ValueFault::DigitsLost));
        assert_eq!(id(text("=\"0011\"")), Ok("0011"));
        for lost in ["1,23E+11", "1.23E+11", "1E+11"] {
            assert_eq!(id(text(lost)), Err(ValueFault::Scientific), "{lost}");
        }
        assert_eq!(id(text(&"x".repeat(101))), Err(ValueFault::TooLong));
    }

    #[test]
    fn a_spreadsheets_numbers_become_plain_digits() {
        for (spelt, wanted) in [
            ("1500", "1500"),
            ("-1.5E3", "-1500"),
            ("1.23456789012E11", "123456789012"),
            ("1.5E+3", "1500"),
            ("2.5E-1", "0.25"),
            ("1E-2", "0.01"),
            ("12.5", "12.5"),
        ] {
            assert_eq!(plain_decimal(spelt).as_deref(), Some(wanted), "{spelt}");
        }
        for wrong in ["", "-", "abc", "1E99", "1.2.3", "NaN", "1E", "E5"] {
            assert_eq!(plain_decimal(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_a_fault(spelt in "\\PC{0,30}", digits in "[0-9.,E+-]{0,30}") {
            for spelt in [&spelt, &digits] {
                for kind in [CellKind::Text, CellKind::Number, CellKind::Serial { since_1904: true }] {
                    let _ = id(Cell { text: spelt, kind });
                }
                let _ = plain_decimal(spelt);
            }
        }
    }
}

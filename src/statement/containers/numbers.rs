//! How workbooks keep numbers: their digits out of binary ones, by whole numbers alone, and the formats that make a date
//! of one.

use std::borrow::Cow;

use crate::statement::containers::cells::CellKind;
use crate::statement::meaning::units;

/// Thirty bits of a number, with a mark for «a hundredth of it» and one for «a whole number».
pub(crate) fn packed_digits(packed: u32) -> Option<String> {
    let is_hundredth = packed & 1 != 0;
    let digits = if packed & 2 == 0 {
        decimal(u64::from(packed & !3) << 32)?
    } else {
        (packed as i32 >> 2).to_string()
    };
    if is_hundredth {
        hundredth(&digits)
    } else {
        Some(digits)
    }
}

/// Moves the point two digits to the left.
fn hundredth(digits: &str) -> Option<String> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole:0>3}");
    let (front, back) = padded.split_at_checked(padded.len() - 2)?;
    let fraction = format!("{back}{fraction}");
    Some(match fraction.trim_end_matches('0') {
        "" => format!("{sign}{front}"),
        rest => format!("{sign}{front}.{rest}"),
    })
}

/// The decimal digits of a binary number of 64 bits (IEEE 754), by whole numbers alone: exact before the
/// point, nine digits behind it. None for what is no number or has more than 18 digits before the point.
pub(crate) fn decimal(bits: u64) -> Option<String> {
    let sign = if bits >> 63 == 1 { "-" } else { "" };
    let exponent = (bits >> 52 & 0x7FF) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0x7FF {
        return None;
    }
    if exponent == 0 {
        // Zero, and numbers too small for any cell.
        return Some("0".to_owned());
    }
    let mantissa = u128::from(fraction | 1 << 52);
    let shift = exponent - 1075;
    if shift >= 0 {
        let whole = if shift <= 11 {
            mantissa << shift
        } else {
            return None;
        };
        return (whole < 10_u128.pow(18)).then(|| format!("{sign}{whole}"));
    }
    let down = shift.unsigned_abs();
    if down > 110 {
        return Some("0".to_owned());
    }
    let (whole, rest) = match down {
        ..=52 => (mantissa >> down, mantissa & ((1 << down) - 1)),
        _ => (0, mantissa),
    };
    // Below 2^53, times 10^9, fits; what is shifted away beyond that is under a billionth.
    let half = if down > 1 { 1_u128 << (down - 1) } else { 0 };
    let mut billionths = (rest * 1_000_000_000 + half) >> down;
    let carry = billionths / 1_000_000_000;
    billionths %= 1_000_000_000;
    let digits = format!("{billionths:09}");
    let whole = whole + carry;
    Some(match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        behind => format!("{sign}{whole}.{behind}"),
    })
}

/// What the format of a number makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NumberFormat {
    #[default]
    Plain,
    Date,
    /// A currency other than the đồng, thousands, per cent.
    OtherUnit,
    /// So many digits at least, with zeros in front: what people see of an account or an id.
    Zeros(u8),
}

impl NumberFormat {
    /// A number as its cell shows it, and what that is.
    pub(crate) fn shown(self, digits: Cow<'_, str>, since_1904: bool) -> (Cow<'_, str>, CellKind) {
        match self {
            NumberFormat::Zeros(count) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                let width = usize::from(count);
                (format!("{digits:0>width$}").into(), CellKind::Text)
            }
            _ => (digits, self.kind(since_1904)),
        }
    }

    /// Of a format of the file's own.
    pub(crate) fn of(code: &str) -> NumberFormat {
        let zeros = code.split(';').next().unwrap_or_default();
        let is_zeros = (2..=30).contains(&zeros.len()) && zeros.bytes().all(|b| b == b'0');
        if is_zeros {
            NumberFormat::Zeros(zeros.len() as u8)
        } else if shows_date(code) {
            NumberFormat::Date
        } else if shows_other_unit(code) {
            NumberFormat::OtherUnit
        } else {
            NumberFormat::Plain
        }
    }

    /// Of a format that every program knows. Those of money show the currency of the machine.
    pub(crate) fn built_in(id: u32) -> NumberFormat {
        match id {
            9 | 10 => NumberFormat::OtherUnit,
            id if is_date_format(id) => NumberFormat::Date,
            _ => NumberFormat::Plain,
        }
    }

    fn kind(self, since_1904: bool) -> CellKind {
        match self {
            NumberFormat::Plain | NumberFormat::Zeros(_) => CellKind::Number,
            NumberFormat::Date => CellKind::Serial { since_1904 },
            NumberFormat::OtherUnit => CellKind::OtherUnit,
        }
    }
}

/// Whether a format shows per cent, a number divided by thousands (a comma behind its last digit), or the name of another
/// currency or of thousands.
fn shows_other_unit(code: &str) -> bool {
    // Only the first part says how positive numbers look.
    let mut literal = String::new();
    let mut digits_end_in_comma = false;
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => literal.extend(chars.by_ref().take_while(|c| *c != '"')),
            // `[$USD-409]` names a currency, `[$-42A]` a language, `[Red]` a colour.
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                if let Some(named) = inside.strip_prefix('$') {
                    literal.push(' ');
                    literal.push_str(named.split('-').next().unwrap_or_default());
                    literal.push(' ');
                }
            }
            '\\' => literal.extend(chars.next()),
            // A blank as wide as the next sign, or that sign again and again.
            '_' | '*' => drop(chars.next()),
            ';' => break,
            '%' => return true,
            '0' | '#' | '?' => digits_end_in_comma = false,
            ',' => digits_end_in_comma = true,
            '.' => {
                // A comma before the point divides too.
                if digits_end_in_comma {
                    return true;
                }
            }
            c => literal.push(c),
        }
    }
    digits_end_in_comma || units::in_format(&literal)
}

/// Built-in formats that show a day or a time.
fn is_date_format(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Whether a format of the file's own shows a day or a time: letters of dates outside of quoted words,
/// colours and escapes.
fn shows_date(code: &str) -> bool {
    let mut in_quotes = false;
    let mut in_brackets = false;
    let mut is_escaped = false;
    for c in code.chars() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match c {
            '\\' | '_' | '*' => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            // Only the first part says how positive numbers look.
            ';' if !in_quotes => return false,
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' if !in_quotes && !in_brackets => {
                return true;
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zeros_that_a_format_shows_are_kept() {
        let shown = |code: &str, digits: &'static str| NumberFormat::of(code).shown(digits.into(), false);
        assert_eq!(
            shown("0000000000", "11223344"),
            ("0011223344".into(), CellKind::Text)
        );
        assert_eq!(shown("000", "1234"), ("1234".into(), CellKind::Text));
        assert_eq!(shown("0", "1234"), ("1234".into(), CellKind::Number));
        assert_eq!(shown("0000", "12.5"), ("12.5".into(), CellKind::Number));
    }

    #[test]
    fn formats_of_other_units_are_told_from_those_of_dong() {
        for code in [
            "\"$\"#,##0.00",
            "$#,##0",
            "[$USD] #,##0",
            "[$$-409]#,##0.00",
            "[$€-2] #,##0",
            "#,##0 \"USD\"",
            "#,##0,",
            "#,##0,\"K\"",
            "0.0,,",
            "#,##0 \"nghìn\"",
            "0.00%",
        ] {
            assert_eq!(NumberFormat::of(code), NumberFormat::OtherUnit, "{code}");
        }
        for code in [
            "General",
            "#,##0",
            "#,##0.00",
            "#,##0\\ \"₫\"",
            "#,##0 [$₫-42A]",
            "#,##0 \"đ\"",
            "#,##0 \"VND\"",
            "_(* #,##0_);_(* \\(#,##0\\);_(* \"-\"_);_(@_)",
            "#,##0;[Red]-#,##0",
            "@",
            "0",
        ] {
            assert_eq!(NumberFormat::of(code), NumberFormat::Plain, "{code}");
        }
    }

    #[test]
    fn formats_of_dates_are_told_from_those_of_numbers() {
        for code in [
            "dd/mm/yyyy",
            "yyyy-mm-dd hh:mm:ss",
            "[$-42A]d mmmm yyyy;@",
            "h:mm AM/PM",
        ] {
            assert!(shows_date(code), "{code}");
        }
        for code in [
            "General",
            "#,##0",
            "#,##0 \"đ\"",
            "0.00",
            "[Red]#,##0",
            "#,##0\\d",
            "@",
            "#,##0;\"d\"",
        ] {
            assert!(!shows_date(code), "{code}");
        }
        assert!(is_date_format(14) && is_date_format(22) && !is_date_format(0) && !is_date_format(3));
    }

    #[test]
    fn binary_numbers_become_their_digits() {
        for (value, wanted) in [
            (0.0_f64, "0"),
            (1.0, "1"),
            (-50_000.0, "-50000"),
            (0.5, "0.5"),
            (46_037.25, "46037.25"),
            (123_456_789_012.0, "123456789012"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e-300, "0"),
            (0.999_999_999_9, "1"),
        ] {
            assert_eq!(decimal(value.to_bits()).as_deref(), Some(wanted), "{value}");
        }
        for none in [f64::NAN, f64::INFINITY, 1e18, 1e300] {
            assert_eq!(decimal(none.to_bits()), None, "{none}");
        }
        for (digits, wanted) in [
            ("5000000", "50000"),
            ("12345", "123.45"),
            ("5", "0.05"),
            ("-100", "-1"),
        ] {
            assert_eq!(hundredth(digits).as_deref(), Some(wanted));
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_exact(value in -999_999_999_999_999_i64..=999_999_999_999_999) {
            prop_assert_eq!(decimal((value as f64).to_bits()), Some(value.to_string()));
        }

        #[test]
        fn any_bits_are_a_number_or_none(bits in any::<u64>()) {
            if let Some(digits) = decimal(bits) {
                prop_assert!(crate::statement::meaning::values::plain_decimal(&digits).is_some(), "{}", digits);
            }
        }
    }
}

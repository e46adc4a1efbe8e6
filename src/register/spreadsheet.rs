//! What spreadsheets make of numbers that are names: shortened, with decimals, or days.

use super::written_day;

/// `1.01E+12`, `1,01E+12`: only the first digits are left.
pub(super) fn shortened_number(cell: &str) -> bool {
    let Some((mantissa, power)) = cell.trim().split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_mantissa = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    is_mantissa && power.strip_prefix('+').is_some_and(digits)
}

/// A whole number without the decimals that programs write behind it: `88990011223.0`. Other texts are left alone.
pub(super) fn whole_number(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.split_once('.') {
        Some((whole, "0" | "00")) if !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => cell,
    }
}

/// Whether a number of a house or stall has become a day: `05/03/2026`, `2026-03-05`, `5-Mar`, `Mar-05`.
pub(super) fn looks_like_a_day(cell: &str) -> bool {
    let cell = cell.trim();
    let is_whole_day = cell.len() >= 8 && cell.contains(['/', '-', '.']) && written_day::read(cell).is_some();
    let is_short_day = cell.split_once('-').is_some_and(|(a, b)| {
        let number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let month = |text: &str| written_day::read(&format!("01-{text}-2026")).is_some() && !number(text);
        (number(a) && month(b)) || (month(a) && number(b))
    });
    is_whole_day || is_short_day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_did_is_recognised() {
        for cell in ["1.01E+12", "1,13E+12", "9E+08", "2.35E+82"] {
            assert!(shortened_number(cell), "{cell}");
        }
        for cell in ["2345E678", "E+12", "1.01E12A", "12", "K1E+5", "1.E+5", ""] {
            assert!(!shortened_number(cell), "{cell}");
        }
        for (cell, whole) in [
            ("970415.0", "970415"),
            ("12.00", "12"),
            ("8899.0011", "8899.0011"),
            ("A.0", "A.0"),
            (".0", ".0"),
        ] {
            assert_eq!(whole_number(cell), whole);
        }
        for cell in ["05/03/2026", "2026-03-05", "5-Mar", "Mar-05", "5-thg 3"] {
            assert!(looks_like_a_day(cell), "{cell}");
        }
        for cell in [
            "12/3", "12/3/5", "5-7", "A-07", "12", "K45/12", "1-2-3", "20240115", "May-A",
        ] {
            assert!(!looks_like_a_day(cell), "{cell}");
        }
    }
}

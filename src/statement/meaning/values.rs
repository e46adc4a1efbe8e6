//! Amounts, days, times and ids as people and programs write them in Viet Nam. Whole numbers only:
//! digits are read as digits, and what is no whole number of đồng is refused, not rounded.

use std::borrow::Cow;

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::limits::ID_CHARS_MAX;
use crate::vn::{Day, Dong, TimeMs};

/// Digits that a spreadsheet keeps of a number; more were lost when the cell became one.
const SPREADSHEET_DIGITS: usize = 15;

/// Why a cell is no amount, id, day or time. The texts go behind the name of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueFault {
    NotANumber,
    Groups,
    Decimals,
    Scientific,
    DigitsLost,
    TooLarge,
    NotADay,
    NotATime,
    Formula,
    TooLong,
}

impl ValueFault {
    /// What is wrong with a value, in Vietnamese and in English, behind the name of what holds it.
    pub(crate) fn words(self) -> (String, String) {
        let (vi, en) = match self {
            ValueFault::NotANumber => ("không phải số tiền", "is no amount"),
            ValueFault::Groups => (
                "các nhóm chữ số không đủ ba; ghi dạng 1.234.567",
                "has groups of digits that are not three; write it as 1.234.567",
            ),
            ValueFault::Decimals => (
                "có phần lẻ, mà đồng Việt Nam không có số lẻ",
                "has a fraction, which the Vietnamese dong does not have",
            ),
            ValueFault::Scientific => (
                "đã bị bảng tính đổi thành dạng lũy thừa nên mất chữ số; hãy xuất lại với ô dạng văn bản",
                "was turned into a power by a spreadsheet and lost digits; export it again with cells as text",
            ),
            ValueFault::DigitsLost => (
                "là số có hơn 15 chữ số trong bảng tính nên mất chữ số cuối; hãy xuất lại với ô dạng văn bản",
                "is a number of more than 15 digits in a spreadsheet and lost its last ones; export it again with cells as text",
            ),
            ValueFault::TooLarge => (
                "lớn hơn giới hạn của một giao dịch (13 chữ số)",
                "is above the limit of one payment (13 digits)",
            ),
            ValueFault::NotADay => (
                "không phải ngày; ghi dạng dd/MM/yyyy",
                "is no day; write it as dd/MM/yyyy",
            ),
            ValueFault::NotATime => (
                "không phải giờ; ghi dạng HH:mm:ss",
                "is no time; write it as HH:mm:ss",
            ),
            ValueFault::Formula => (
                "là công thức bị lỗi (#REF!, #N/A …); hãy sửa ô hoặc xuất lại tệp",
                "is a formula that failed (#REF!, #N/A …); mend the cell or export the file again",
            ),
            ValueFault::TooLong => {
                return (
                    format!("dài quá {ID_CHARS_MAX} ký tự"),
                    format!("has more than {ID_CHARS_MAX} characters"),
                );
            }
        };
        (vi.to_owned(), en.to_owned())
    }
}

/// Signs that stand between groups of digits, besides dot and comma.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// An amount with its sign, or none if the cell is empty.
pub(crate) fn amount(cell: Cell<'_>) -> Result<Option<i64>, ValueFault> {
    if cell.kind == CellKind::Error {
        return Err(ValueFault::Formula);
    }
    let text = cell.text.trim_matches(is_space);
    if text.is_empty() || text == "-" || text == "–" {
        return Ok(None);
    }
    let mut rest = text;
    let mut is_negative = false;
    if let Some(inside) = rest.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        rest = inside.trim_matches(is_space);
        is_negative = true;
    }
    rest = without_currency(rest);
    if let Some(unsigned) = rest.strip_prefix(['-', '\u{2212}']) {
        // «(-5.000)» would be one or the other; nobody writes it, so nobody is asked to guess.
        if is_negative {
            return Err(ValueFault::NotANumber);
        }
        rest = unsigned;
        is_negative = true;
    } else if let Some(unsigned) = rest.strip_prefix('+') {
        rest = unsigned;
    }
    rest = without_currency(rest.trim_matches(is_space));
    let value = match cell.kind {
        CellKind::Number => spreadsheet_whole(rest)?,
        _ => whole(rest)?,
    };
    if value > Dong::PAYMENT_MAX.vnd() {
        return Err(ValueFault::TooLarge);
    }
    Ok(Some(if is_negative { -value } else { value }))
}

fn without_currency(text: &str) -> &str {
    const NAMES: [&str; 9] = ["VNĐ", "VND", "vnđ", "vnd", "đồng", "Đồng", "₫", "đ", "Đ"];
    for name in NAMES {
        if let Some(rest) = text.strip_suffix(name).or_else(|| text.strip_prefix(name)) {
            return rest.trim_matches(is_space);
        }
    }
    text
}

/// Digits, alone or in groups of three, with `,00` or `.00` behind them at most.
fn whole(text: &str) -> Result<i64, ValueFault> {
    if text.len() <= 15 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| ValueFault::NotANumber);
    }
    if is_scientific(text) {
        return Err(ValueFault::Scientific);
    }
    let mut value = 0_i64;
    let mut group = 0_i64;
    let mut digits = 0_usize;
    let mut first_digits = 0;
    let mut groups = 0;
    let mut separator = None;
    let mut decimal = false;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            group = group.saturating_mul(10).saturating_add(i64::from(digit));
            digits += 1;
            continue;
        }
        let is_separator = matches!(c, '.' | ',') || is_space(c);
        if !is_separator || digits == 0 {
            return Err(ValueFault::NotANumber);
        }
        if decimal || (groups > 0 && digits != 3) {
            return Err(ValueFault::Groups);
        }
        if groups == 0 {
            first_digits = digits;
        }
        value = append_group(value, group, digits);
        group = 0;
        digits = 0;
        groups += 1;
        match separator {
            None => separator = Some(c),
            Some(same) if same == c => {}
            Some(_) => decimal = true,
        }
    }
    if digits == 0 {
        return Err(ValueFault::NotANumber);
    }
    let one_separator = groups == 1 && !separator.is_some_and(is_space);
    if decimal || (one_separator && digits < 3) {
        // Behind a decimal mark only nothing may stand; a group of digits before it has its own rule.
        return match (digits, group) {
            (2, 0) if groups == 1 || first_digits <= 3 => unless_code(value, groups > 1, first_digits, text),
            _ => Err(ValueFault::Decimals),
        };
    }
    if groups > 0 && (digits != 3 || first_digits > 3) {
        return Err(ValueFault::Groups);
    }
    unless_code(append_group(value, group, digits), groups > 0, first_digits, text)
}

/// A number that begins with 0 is a code that slipped into this column, unless it is 0 itself.
fn unless_code(value: i64, is_grouped: bool, first_digits: usize, text: &str) -> Result<i64, ValueFault> {
    let is_code = text.starts_with('0') && (value != 0 || is_grouped || first_digits > 1 || text.len() > 4);
    if is_code {
        return Err(ValueFault::NotANumber);
    }
    Ok(value)
}

fn append_group(value: i64, group: i64, digits: usize) -> i64 {
    let scale = 10_i64.saturating_pow(digits.min(18) as u32);
    value.saturating_mul(scale).saturating_add(group)
}

/// A spreadsheet's own number: digits, and behind the point nothing but zeros.
fn spreadsheet_whole(text: &str) -> Result<i64, ValueFault> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(ValueFault::NotANumber);
    }
    if fraction.bytes().any(|b| b != b'0') {
        return Err(ValueFault::Decimals);
    }
    if digits.len() > 18 {
        return Err(ValueFault::TooLarge);
    }
    digits.parse().map_err(|_| ValueFault::NotANumber)
}

/// `1,23E+11`: what a spreadsheet shows of a long number, its digits gone.
fn is_scientific(text: &str) -> bool {
    let Some((digits, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let has_mark = digits.contains([',', '.']) || power.starts_with('+');
    let bare = power.strip_prefix(['+', '-']).unwrap_or(power);
    has_mark
        && !bare.is_empty()
        && bare.bytes().all(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
}

/// An id, reference or account: text, its leading zeros kept.
pub(crate) fn id(cell: Cell<'_>) -> Result<&str, ValueFault> {
    match cell.kind {
        CellKind::Error => return Err(ValueFault::Formula),
        CellKind::Number | CellKind::Serial { .. } => {
            let (digits, fraction) = cell.text.split_once('.').unwrap_or((cell.text, ""));
            if fraction.bytes().any(|b| b != b'0') {
                return Err(ValueFault::Scientific);
            }
            // Programs keep whole numbers below 2^53 to their last digit; a spreadsheet keeps fifteen and writes 0 for
            // the rest.
            let is_whole =
                digits.parse::<u64>().is_ok_and(|number| number < 1 << 53) && !digits.ends_with('0');
            return if digits.len() <= SPREADSHEET_DIGITS || is_whole {
                Ok(digits)
            } else {
                Err(ValueFault::DigitsLost)
            };
        }
        CellKind::Text => {}
    }
    // The apostrophe is how a spreadsheet is told to leave digits alone.
    let text = cell.text.strip_prefix('\'').unwrap_or(cell.text);
    if is_scientific(text) {
        return Err(ValueFault::Scientific);
    }
    if text.len() > ID_CHARS_MAX && text.chars().count() > ID_CHARS_MAX {
        return Err(ValueFault::TooLong);
    }
    Ok(text)
}

/// A day, and the instant if more than the day is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) day: Day,
    pub(crate) at: Option<TimeMs>,
}

impl Moment {
    fn of_day(day: Day) -> Moment {
        Moment { day, at: None }
    }

    fn of_instant(at: TimeMs) -> Option<Moment> {
        let day = Day::of(at);
        is_likely(day).then_some(Moment { day, at: Some(at) })
    }

    /// A day with a local time of day.
    pub(crate) fn local(day: Day, time_ms: i64) -> Moment {
        Moment {
            day,
            at: Some(TimeMs(day.start().0 + time_ms)),
        }
    }
}

/// Days on which a statement of this service can be: beyond them digits are something else.
fn is_likely(day: Day) -> bool {
    (10_957..=47_481).contains(&day.number())
}

/// The day of a calendar date between 2000 and 2099.
pub(crate) fn day(year: i64, month: i64, day: i64) -> Option<Day> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(2000..=2099).contains(&year) {
        return None;
    }
    // Years begin in March, so that the day to be skipped is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leaps = year / 4 - year / 100 + year / 400;
    Day::from_number(year * 365 + leaps + in_year - 719_468)
}

/// A day with or without a time, in one cell; none if it is empty.
pub(crate) fn moment(cell: Cell<'_>) -> Result<Option<Moment>, ValueFault> {
    let text = match cell.kind {
        CellKind::Error => return Err(ValueFault::Formula),
        CellKind::Serial { since_1904 } => return serial(cell.text, since_1904).map(Some),
        // Numbers that were not formatted as dates may still be one, written together.
        CellKind::Number if !cell.text.contains('.') && cell.text.len() >= 8 => cell.text,
        CellKind::Number => return serial(cell.text, false).map(Some),
        CellKind::Text => cell.text.strip_prefix('\'').unwrap_or(cell.text),
    };
    if text.is_empty() || text == "-" {
        return Ok(None);
    }
    parse_moment(text).ok_or(ValueFault::NotADay).map(Some)
}

fn parse_moment(text: &str) -> Option<Moment> {
    if !text.is_ascii() {
        let plain = text.replace(is_space, " ");
        return if plain.is_ascii() {
            parse_moment(&plain)
        } else {
            None
        };
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return parse_digits(text);
    }
    let (first, rest) = match text.split_once([' ', 'T', 't']) {
        Some((first, rest)) => (first, rest.trim()),
        None => (text, ""),
    };
    // «08:15 15/01/2026» is how some apps write it.
    let (date, time) = if first.contains(':') {
        (rest, first)
    } else {
        (first, rest)
    };
    let day = date_part(date)?;
    if time.is_empty() {
        return Some(Moment::of_day(day));
    }
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], &time[at..]),
        None => (time, ""),
    };
    let time_ms = clock_ms(clock.trim())?;
    match zone_ms(zone)? {
        None => Some(Moment::local(day, time_ms)),
        // The written day is of that zone; the day that counts is Viet Nam's.
        Some(zone_ms) => Moment::of_instant(TimeMs(day.number() * 86_400_000 + time_ms - zone_ms)),
    }
}

/// `yyyyMMdd`, `yyyyMMddHHmm`, `yyyyMMddHHmmss`, or milliseconds since 1970.
fn parse_digits(digits: &str) -> Option<Moment> {
    let part = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    if digits.len() == 13 {
        return Moment::of_instant(TimeMs(digits.parse().ok()?));
    }
    if !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let day = day(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
    if digits.len() == 8 {
        return Some(Moment::of_day(day));
    }
    let seconds = match digits.len() {
        14 => part(12, 14)?,
        _ => 0,
    };
    let hours = part(8, 10)?;
    let minutes = part(10, 12)?;
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    fits.then(|| Moment::local(day, ((hours * 60 + minutes) * 60 + seconds) * 1000))
}

/// `dd/MM/yyyy` or `yyyy-MM-dd`, with slashes, dashes or dots.
fn date_part(text: &str) -> Option<Day> {
    let mark = text.chars().find(|c| matches!(c, '/' | '-' | '.'))?;
    let mut parts = text.split(mark);
    let a = parts.next()?;
    let b = parts.next()?;
    let c = parts.next()?;
    if parts.next().is_some() || b.len() > 2 {
        return None;
    }
    let number = |part: &str| {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            part.parse::<i64>().ok()
        } else {
            None
        }
    };
    match (a.len(), c.len()) {
        (4, 1..=2) => day(number(a)?, number(b)?, number(c)?),
        (1..=2, 4) => day(number(c)?, number(b)?, number(a)?),
        _ => None,
    }
}

/// `HH:mm`, `HH:mm:ss`, with a fraction; milliseconds of the day.
fn clock_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let two = |part: &str| match part.len() {
        1..=2 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<i64>().ok(),
        _ => None,
    };
    let hours = two(parts.next()?)?;
    let minutes = two(parts.next()?)?;
    let (seconds, millis) = match parts.next() {
        None => (0, 0),
        Some(last) => {
            let (seconds, fraction) = last.split_once(['.', ',']).unwrap_or((last, ""));
            (two(seconds)?, millis(fraction)?)
        }
    };
    let fits = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    fits.then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

fn millis(fraction: &str) -> Option<i64> {
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = |at: usize| fraction.as_bytes().get(at).map_or(0, |b| i64::from(b - b'0'));
    Some(digits(0) * 100 + digits(1) * 10 + digits(2))
}

/// `Z`, `+07:00`, `+0700`, `+07`; none where no zone is written.
fn zone_ms(text: &str) -> Option<Option<i64>> {
    let sign = match text.as_bytes().first() {
        None => return Some(None),
        Some(b'Z' | b'z') => return (text.len() == 1).then_some(Some(0)),
        Some(b'+') => 1,
        Some(_) => -1,
    };
    let digits: String = text[1..].chars().filter(|&c| c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = digits
        .get(2..)
        .filter(|m| !m.is_empty())
        .unwrap_or("0")
        .parse()
        .ok()?;
    (hours <= 14 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes) * 60_000))
}

/// A time of day in a cell of its own, in milliseconds; none if it is empty.
pub(crate) fn time_of_day(cell: Cell<'_>) -> Result<Option<i64>, ValueFault> {
    match cell.kind {
        CellKind::Error => Err(ValueFault::Formula),
        CellKind::Number | CellKind::Serial { .. } => {
            let (whole, fraction) = cell.text.split_once('.').unwrap_or((cell.text, ""));
            // `HHmmss` that became a number has lost its leading zero; it is no fraction of a day.
            if fraction.is_empty() && whole != "0" {
                return Err(ValueFault::NotATime);
            }
            day_fraction_ms(fraction).ok_or(ValueFault::NotATime).map(Some)
        }
        CellKind::Text if cell.text.is_empty() || cell.text == "-" => Ok(None),
        CellKind::Text if cell.text.len() == 6 && cell.text.bytes().all(|b| b.is_ascii_digit()) => {
            let t = cell.text;
            let spelt = format!("{}:{}:{}", &t[..2], &t[2..4], &t[4..]);
            clock_ms(&spelt).ok_or(ValueFault::NotATime).map(Some)
        }
        CellKind::Text => clock_ms(cell.text).ok_or(ValueFault::NotATime).map(Some),
    }
}

/// Days since the spreadsheet's epoch, the time of day as a fraction.
fn serial(text: &str, since_1904: bool) -> Result<Moment, ValueFault> {
    let (days, fraction) = text.split_once('.').unwrap_or((text, ""));
    let wrong = ValueFault::NotADay;
    let days: i64 = match days.len() {
        1..=6 => days.parse().map_err(|_| wrong)?,
        _ => return Err(wrong),
    };
    // 1970-01-01 is day 25,569 of the calendar that counts from 1900, day 24,107 of the other one.
    let epoch = if since_1904 { 24_107 } else { 25_569 };
    let mut day = Day::from_number(days - epoch)
        .filter(|&d| is_likely(d))
        .ok_or(wrong)?;
    if fraction.bytes().all(|b| b == b'0') {
        return Ok(Moment::of_day(day));
    }
    let mut time_ms = day_fraction_ms(fraction).ok_or(wrong)?;
    if time_ms == 86_400_000 {
        day = day.plus(1);
        time_ms = 0;
    }
    Ok(Moment::local(day, time_ms))
}

/// A fraction of a day in milliseconds, to the nearest second where it is within a few milliseconds of
/// one: fractions of a day cannot say seconds exactly.
fn day_fraction_ms(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = &fraction[..fraction.len().min(15)];
    let scale = 10_i128.pow(digits.len() as u32);
    let value: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let ms = i64::try_from((value * 86_400_000 + scale / 2) / scale).ok()?;
    let nearest = (ms + 500) / 1000 * 1000;
    Some(if (ms - nearest).abs() <= 20 { nearest } else { ms })
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
    fn amounts_in_every_style_are_the_same_number() {
        for (spelt, wanted) in [
            ("1234567", 1_234_567),
            ("1.234.567", 1_234_567),
            ("1,234,567", 1_234_567),
            ("1 234 567", 1_234_567),
            ("1\u{a0}234\u{a0}567 đ", 1_234_567),
            ("1.234.567 VNĐ", 1_234_567),
            ("1,234,567VND", 1_234_567),
            ("VND 1,234,567", 1_234_567),
            ("+1.234.567", 1_234_567),
            ("-1.234.567", -1_234_567),
            ("\u{2212}1.234.567 ₫", -1_234_567),
            ("(1.234.567)", -1_234_567),
            ("( 1.234.567 đ )", -1_234_567),
            ("1.234.567,00", 1_234_567),
            ("1,234,567.00", 1_234_567),
            ("1234567,00", 1_234_567),
            ("1.000", 1_000),
            ("100.000", 100_000),
            ("999", 999),
            ("1.00", 1),
            ("0", 0),
            ("0,00", 0),
            ("9.999.999.999.999", 9_999_999_999_999),
        ] {
            assert_eq!(amount(text(spelt)), Ok(Some(wanted)), "{spelt}");
        }
        for empty in ["", " ", "-", "–"] {
            assert_eq!(amount(text(empty)), Ok(None));
        }
    }

    #[test]
    fn amounts_that_are_not_whole_dong_are_refused() {
        for (spelt, fault) in [
            ("1.234,56", ValueFault::Decimals),
            ("1234.5", ValueFault::Decimals),
            ("1,234.567", ValueFault::Decimals),
            ("12.34.567", ValueFault::Groups),
            ("1.2345", ValueFault::Groups),
            ("1234.567", ValueFault::Groups),
            ("1.234.56", ValueFault::Groups),
            ("1.234567", ValueFault::Groups),
            ("1,23E+11", ValueFault::Scientific),
            ("1.23E11", ValueFault::Scientific),
            ("0011012345678", ValueFault::NotANumber),
            ("0.123", ValueFault::NotANumber),
            ("FT26015000001", ValueFault::NotANumber),
            ("(-5.000)", ValueFault::NotANumber),
            ("--5", ValueFault::NotANumber),
            ("1..234", ValueFault::NotANumber),
            (".", ValueFault::NotANumber),
            ("10.000.000.000.000", ValueFault::TooLarge),
            ("99999999999999999999999999", ValueFault::TooLarge),
        ] {
            assert_eq!(amount(text(spelt)), Err(fault), "{spelt}");
        }
        assert_eq!(amount(number("50000.0")), Ok(Some(50_000)));
        assert_eq!(amount(number("-50000")), Ok(Some(-50_000)));
        assert_eq!(amount(number("50000.5")), Err(ValueFault::Decimals));
    }

    #[test]
    fn days_and_times_in_every_style_are_the_same_moment() {
        let at = TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap();
        for spelt in [
            "15/01/2026 17:58:59",
            "15-01-2026 17:58:59",
            "15.01.2026  17:58:59",
            "17:58:59 15/01/2026",
            "2026-01-15 17:58:59",
            "2026-01-15T17:58:59",
            "2026-01-15T17:58:59+07:00",
            "2026-01-15T17:58:59.000+0700",
            "2026-01-15T10:58:59Z",
            "2026-01-15T19:58:59+09",
            "20260115175859",
            "15/01/2026\u{a0}17:58:59",
        ] {
            let got = moment(text(spelt)).unwrap().unwrap();
            assert_eq!((got.day, got.at), (Day::ymd(2026, 1, 15), Some(at)), "{spelt}");
        }
        let epoch_ms = at.0.to_string();
        assert_eq!(moment(text(&epoch_ms)).unwrap().unwrap().at, Some(at));
        for spelt in ["15/01/2026", "15-1-2026", "2026-01-15", "20260115"] {
            let got = moment(text(spelt)).unwrap().unwrap();
            assert_eq!((got.day, got.at), (Day::ymd(2026, 1, 15), None), "{spelt}");
        }
        // 2026-01-15 is day 46,037 since 1900
        assert_eq!(
            moment(number("46037")).unwrap().unwrap().day,
            Day::ymd(2026, 1, 15)
        );
        let fraction = "46037.749293981484";
        assert_eq!(moment(number(fraction)).unwrap().unwrap().at, Some(at));
        let old = Cell {
            text: "44575",
            kind: CellKind::Serial { since_1904: true },
        };
        assert_eq!(moment(old).unwrap().unwrap().day, Day::ymd(2026, 1, 15));
        assert_eq!(time_of_day(number("0.5")), Ok(Some(12 * 3_600_000)));
        assert_eq!(time_of_day(text("08:15")), Ok(Some((8 * 60 + 15) * 60_000)));
        assert_eq!(time_of_day(text("081500")), Ok(Some((8 * 60 + 15) * 60_000)));
        assert_eq!(moment(text("")), Ok(None));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for spelt in [
            "31/02/2026",
            "01/25/2026",
            "2026-13-01",
            "15/01/26",
            "1/1/1900",
            "hôm nay",
            "15/01/2026 25:00",
            "15/01/2026 12:60",
            "2026-01-15T10:00:00+99:00",
            "20261315",
            "12345",
            "15/01",
            "//",
        ] {
            assert_eq!(moment(text(spelt)), Err(ValueFault::NotADay), "{spelt}");
        }
        assert_eq!(moment(number("12.5")), Err(ValueFault::NotADay));
        assert_eq!(time_of_day(text("24:00")), Err(ValueFault::NotATime));
        assert_eq!(time_of_day(number("81500")), Err(ValueFault::NotATime));
    }

    #[test]
    fn ids_whose_digits_were_lost_are_refused() {
        assert_eq!(id(text("0011012345678")), Ok("0011012345678"));
        assert_eq!(id(text("'0011")), Ok("0011"));
        assert_eq!(id(text("FT26015000001")), Ok("FT26015000001"));
        assert_eq!(id(text("12E5")), Ok("12E5"));
        assert_eq!(id(number("123456789012345")), Ok("123456789012345"));
        assert_eq!(id(number("123456.0")), Ok("123456"));
        assert_eq!(id(number("1234567890123450")), Err(ValueFault::DigitsLost));
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
        fn every_day_of_the_century_is_found(number in 10_957_i64..=47_481) {
            let wanted = Day::from_number(number).unwrap();
            prop_assert_eq!(moment(text(&wanted.show())).unwrap().unwrap().day, wanted);
            prop_assert_eq!(moment(text(&wanted.to_string())).unwrap().unwrap().day, wanted);
        }

        #[test]
        fn any_text_is_a_value_or_a_fault(spelt in "\\PC{0,30}", digits in "[0-9.,E+-]{0,30}") {
            for spelt in [&spelt, &digits] {
                for kind in [CellKind::Text, CellKind::Number, CellKind::Serial { since_1904: true }] {
                    let cell = Cell { text: spelt, kind };
                    let _ = (amount(cell), moment(cell), time_of_day(cell), id(cell));
                }
                let _ = plain_decimal(spelt);
            }
        }

        #[test]
        fn grouped_amounts_come_back(value in 0_i64..=9_999_999_999_999, mark in prop::sample::select(vec!['.', ',', ' '])) {
            let spelt = crate::vn::grouped(value, mark);
            prop_assert_eq!(amount(text(&spelt)), Ok(Some(value)));
            let negative = format!("({spelt} đ)");
            prop_assert_eq!(amount(text(&negative)), Ok(Some(-value)));
        }
    }
}

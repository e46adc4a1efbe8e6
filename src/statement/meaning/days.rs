//! Columns of days. Which of two numbers is the month, a single cell often does not say; its column does
//! ([`DayEvidence`], [`DayStyle`]).

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::meaning::answers::DayOrder;
use crate::statement::meaning::day_text::{
    Moment, Number, TEXT_BYTES_MAX, day, day_of, is_likely, parse, time_in,
};
use crate::statement::meaning::fault::{ValueFault, is_space, plain_text};
use crate::vn::Day;

const DAY_MS: i64 = 86_400_000;

const fn bit(order: DayOrder) -> u8 {
    1 << order as u8
}

/// How a column of days is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayStyle {
    /// None where the column has days of both orders.
    order: Option<DayOrder>,
    /// Bare numbers are days since the spreadsheet's epoch.
    is_serial: bool,
}

impl Default for DayStyle {
    fn default() -> DayStyle {
        DayStyle {
            order: Some(DayOrder::DayFirst),
            is_serial: false,
        }
    }
}

/// What the cells of a column show of how its days are written.
#[derive(Debug, Clone)]
pub(crate) struct DayEvidence {
    /// The orders in which every cell so far is a day.
    orders: u8,
    /// Cells of three numbers were met, and some with a year in front that nobody can misread.
    has_numbers: bool,
    /// AM and PM, as machines with American settings write.
    has_american_clock: bool,
    serials: u64,
    others: u64,
    /// Days up to the 12th and beyond, first of cells that a spreadsheet keeps as days, then of texts.
    low_high: [(bool, bool); 2],
    first_row: u64,
}

impl Default for DayEvidence {
    fn default() -> DayEvidence {
        DayEvidence {
            orders: 0b111,
            has_numbers: false,
            has_american_clock: false,
            serials: 0,
            others: 0,
            low_high: [(false, false); 2],
            first_row: 0,
        }
    }
}

/// What a column of days leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayDoubt {
    /// Every day reads in several orders, and nothing speaks for the one of Viet Nam.
    Order,
    /// A spreadsheet took the days that it could for months.
    Swapped { row: u64 },
}

impl DayEvidence {
    pub(crate) fn add(&mut self, cell: Cell<'_>, row: u64) {
        match cell.kind {
            CellKind::Error => return,
            CellKind::Serial { since_1904 } => {
                if let Ok(moment) = serial(cell.text, since_1904) {
                    self.first_row = if self.first_row == 0 { row } else { self.first_row };
                    self.note_half(0, moment.day.show().get(..2).is_some_and(|d| d > "12"));
                }
                return;
            }
            CellKind::Number | CellKind::OtherUnit | CellKind::Text => {}
        }
        let text = cell.text;
        let Some(numbers) = three_numbers(text) else {
            let is_serial = is_serial_text(text);
            self.serials += u64::from(is_serial);
            self.others += u64::from(!is_serial && text.bytes().any(|b| b.is_ascii_digit()));
            return;
        };
        self.others += 1;
        if numbers[0].digits == 4 {
            return;
        }
        let fits = DayOrder::ALL
            .into_iter()
            .filter(|order| day_of(*order, numbers).is_some())
            .fold(0, |bits, order| bits | bit(order));
        if fits == 0 {
            return;
        }
        self.has_numbers = true;
        self.orders &= fits;
        self.note_half(1, numbers[0].value > 12);
        self.has_american_clock |= text.ends_with(['M', 'm']) && text.len() > 10;
    }

    fn note_half(&mut self, of: usize, is_high: bool) {
        let (low, high) = &mut self.low_high[of];
        *low |= !is_high;
        *high |= is_high;
    }

    /// How the column is written, and what it leaves open. `said` is what a person said of the file's days,
    /// `is_vietnamese` whether its header is written in Vietnamese.
    pub(crate) fn style(&self, said: Option<DayOrder>, is_vietnamese: bool) -> (DayStyle, Option<DayDoubt>) {
        let is_serial = self.serials > 0 && self.others == 0;
        let style = |order| DayStyle { order, is_serial };
        if self.low_high == [(true, false), (false, true)] {
            let doubt = DayDoubt::Swapped { row: self.first_row };
            return (style(None), Some(doubt));
        }
        if !self.has_numbers {
            return (style(Some(said.unwrap_or(DayOrder::DayFirst))), None);
        }
        let mut fits = DayOrder::ALL
            .into_iter()
            .filter(|order| self.orders & bit(*order) != 0);
        match (fits.next(), fits.next()) {
            (None, _) => (style(None), None),
            (Some(only), None) => (style(Some(only)), None),
            (Some(first), Some(_)) => {
                let said = said.filter(|order| self.orders & bit(*order) != 0);
                let is_here = first == DayOrder::DayFirst && is_vietnamese && !self.has_american_clock;
                let doubt = (said.is_none() && !is_here).then_some(DayDoubt::Order);
                (style(Some(said.unwrap_or(first))), doubt)
            }
        }
    }
}

/// The three numbers of a day such as `15/06/2026`, wherever they stand in a text.
fn three_numbers(text: &str) -> Option<[Number; 3]> {
    let bytes = text.as_bytes();
    if bytes.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let number = |from: usize| {
            let digits = bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
            let value = match digits {
                1..=4 => bytes[from..from + digits]
                    .iter()
                    .fold(0, |value, b| value * 10 + i64::from(b - b'0')),
                _ => return None,
            };
            Some((Number { value, digits }, from + digits))
        };
        let parts = number(at).and_then(|(first, end)| {
            let mark = *bytes.get(end)?;
            if !matches!(mark, b'/' | b'-' | b'.') {
                return None;
            }
            let (second, end) = number(end + 1)?;
            if *bytes.get(end)? != mark {
                return None;
            }
            let (third, _) = number(end + 1)?;
            Some([first, second, third])
        });
        if parts.is_some() {
            return parts;
        }
        at += bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    None
}

/// `46188` or `46188.38207`: what stands in a text saved from a sheet whose days had no format.
fn is_serial_text(text: &str) -> bool {
    let (days, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    days.len() == 5
        && days.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        && serial(days, false).is_ok()
}

/// Whether a cell has the look of a day, however its column writes them.
pub(crate) fn looks_like_a_day(cell: Cell<'_>) -> bool {
    match cell.kind {
        CellKind::Serial { .. } | CellKind::Number | CellKind::OtherUnit => true,
        CellKind::Error => false,
        CellKind::Text => {
            three_numbers(cell.text).is_some()
                || is_serial_text(cell.text)
                || moment(cell).is_ok_and(|day| day.is_some())
        }
    }
}

/// A day with or without a time as nobody's column.
pub(crate) fn moment(cell: Cell<'_>) -> Result<Option<Moment>, ValueFault> {
    moment_in(cell, &DayStyle::default())
}

/// A day with or without a time in a column written like this; none if the cell is empty.
pub(crate) fn moment_in(cell: Cell<'_>, style: &DayStyle) -> Result<Option<Moment>, ValueFault> {
    match cell.kind {
        CellKind::Error => return Err(ValueFault::Formula),
        CellKind::Serial { since_1904 } => return serial(cell.text, since_1904).map(Some),
        // Numbers that were not formatted as dates may still be one, written together.
        CellKind::Number | CellKind::OtherUnit if !cell.text.contains('.') && cell.text.len() >= 8 => {}
        CellKind::Number | CellKind::OtherUnit => return serial(cell.text, false).map(Some),
        CellKind::Text => {}
    }
    if let Some(usual) = usual(cell.text, style) {
        return Ok(Some(usual));
    }
    let text = plain_text(cell.text);
    let text = text.trim_matches(is_space);
    if text.is_empty() || text == "-" {
        return Ok(None);
    }
    if style.is_serial && is_serial_text(text) {
        return serial(&text.replace(',', "."), false).map(Some);
    }
    if is_serial_text(text) {
        return Err(ValueFault::SerialDay);
    }
    parse(text, style.order).map(Some)
}

/// A day with or without a time at the beginning of a cell, and what else stands in it.
pub(crate) fn moment_and_rest<'t>(
    cell: Cell<'t>,
    style: &DayStyle,
) -> Result<Option<(Moment, &'t str)>, ValueFault> {
    let fault = match moment_in(cell, style) {
        Ok(moment) => return Ok(moment.map(|moment| (moment, ""))),
        Err(fault) => fault,
    };
    if cell.kind != CellKind::Text || cell.text.len() > TEXT_BYTES_MAX * 4 {
        return Err(fault);
    }
    let text = cell.text;
    let mut ends: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).take(6).collect();
    while let Some(end) = ends.pop() {
        let front = Cell {
            text: text[..end].trim_end_matches([',', '-', '/', ' ']),
            kind: CellKind::Text,
        };
        if let Ok(Some(moment)) = moment_in(front, style) {
            return Ok(Some((moment, text[end..].trim())));
        }
    }
    Err(fault)
}

/// What nearly every cell of a large file is: `dd/MM/yyyy` or `yyyy-MM-dd`, perhaps with `HH:mm:ss`.
fn usual(text: &str, style: &DayStyle) -> Option<Moment> {
    let bytes = text.as_bytes();
    let (date, time) = match bytes.len() {
        10 => (bytes, None),
        19 if matches!(bytes[10], b' ' | b'T') => (&bytes[..10], Some(&bytes[11..])),
        _ => return None,
    };
    let two = |at: &[u8]| {
        let is_number = at[0].is_ascii_digit() && at[1].is_ascii_digit();
        is_number.then(|| i64::from(at[0] - b'0') * 10 + i64::from(at[1] - b'0'))
    };
    let four = |at: &[u8]| Some(two(at)? * 100 + two(&at[2..])?);
    let day = if date[4] == b'-' && date[7] == b'-' {
        day(four(date)?, two(&date[5..])?, two(&date[8..])?)?
    } else if date[2] == date[5]
        && matches!(date[2], b'/' | b'-' | b'.')
        && style.order == Some(DayOrder::DayFirst)
    {
        day(four(&date[6..])?, two(&date[3..])?, two(date)?)?
    } else {
        return None;
    };
    let Some(time) = time else {
        return Some(Moment::of_day(day));
    };
    if time[2] != b':' || time[5] != b':' {
        return None;
    }
    let (hours, minutes, seconds) = (two(time)?, two(&time[3..])?, two(&time[6..])?);
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    fits.then(|| Moment::local(day, ((hours * 60 + minutes) * 60 + seconds) * 1000))
}

/// A time of day in a cell of its own, in milliseconds; none if it is empty.
pub(crate) fn time_of_day(cell: Cell<'_>) -> Result<Option<i64>, ValueFault> {
    let wrong = ValueFault::NotATime;
    match cell.kind {
        CellKind::Error => Err(ValueFault::Formula),
        CellKind::Number | CellKind::OtherUnit | CellKind::Serial { .. } => {
            let (whole, fraction) = cell.text.split_once('.').unwrap_or((cell.text, ""));
            // `HHmmss` that became a number has lost its leading zero; it is no fraction of a day.
            if fraction.is_empty() && whole != "0" {
                return Err(wrong);
            }
            day_fraction_ms(fraction).ok_or(wrong).map(Some)
        }
        CellKind::Text => {
            let text = plain_text(cell.text);
            let text = text.trim_matches(is_space);
            if text.is_empty() || text == "-" {
                return Ok(None);
            }
            if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) {
                let value: i64 = text.parse().map_err(|_| wrong)?;
                let (hours, minutes, seconds) = (value / 10_000, value / 100 % 100, value % 100);
                let fits = hours < 24 && minutes < 60 && seconds < 60;
                return fits
                    .then_some(Some(((hours * 60 + minutes) * 60 + seconds) * 1000))
                    .ok_or(wrong);
            }
            time_in(text).ok_or(wrong).map(Some)
        }
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
    if time_ms == DAY_MS {
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
    let ms = i64::try_from((value * i128::from(DAY_MS) + scale / 2) / scale).ok()?;
    let nearest = (ms + 500) / 1000 * 1000;
    Some(if (ms - nearest).abs() <= 20 { nearest } else { ms })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statement::meaning::day_text::why_no_day;
    use crate::vn::TimeMs;

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

    /// What a column of these cells reads as, and what it leaves open.
    fn column(cells: &[&str], is_vietnamese: bool) -> (Vec<Option<Day>>, Option<DayDoubt>) {
        let mut evidence = DayEvidence::default();
        for cell in cells {
            evidence.add(text(cell), 1);
        }
        let (style, doubt) = evidence.style(None, is_vietnamese);
        let read = |cell: &&str| {
            moment_in(text(cell), &style)
                .ok()
                .flatten()
                .map(|moment| moment.day)
        };
        (cells.iter().map(read).collect(), doubt)
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
    fn a_day_of_the_week_beside_the_day_says_nothing_more() {
        let wanted = Day::ymd(2026, 6, 15);
        for spelt in [
            "Thứ Hai, 15/06/2026",
            "Thứ 2 15/06/2026",
            "T2, 15/06/2026",
            "T2 15/06/26",
            "Monday, 15/06/2026",
            "Mon, 15 Jun 2026",
            "15/06/2026 (Thứ Hai)",
            "Thứ Hai, ngày 15 tháng 6 năm 2026",
            "1781485200",
        ] {
            assert_eq!(
                moment(text(spelt)).unwrap().map(|m| m.day),
                Some(wanted),
                "{spelt}"
            );
        }
        // «ddMMyyHHmm» is no number of seconds.
        assert_eq!(moment(text("1806260910")), Err(ValueFault::NotADay));
        for (spelt, fault) in [
            ("15/06", ValueFault::NoYear),
            ("15/06 09:10", ValueFault::NoYear),
            ("15 tháng 6", ValueFault::NoYear),
            ("31/06/2026", ValueFault::NoSuchDay),
            ("15/13/2026", ValueFault::NoSuchDay),
            ("2026-02-30", ValueFault::NoSuchDay),
            ("15/06/2569", ValueFault::YearFar),
            ("15/06/1926", ValueFault::YearFar),
            ("150626", ValueFault::DayTogether),
            ("15/06/2026 24:00", ValueFault::HourTooLate),
            ("15/06/2026 25:10:00", ValueFault::HourTooLate),
            ("hôm qua", ValueFault::NotADay),
        ] {
            assert!(moment(text(spelt)).is_err(), "{spelt}");
            assert_eq!(why_no_day(spelt), fault, "{spelt}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for spelt in [
            "31/02/2026",
            "01/25/2026",
            "2026-13-01",
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
        assert_eq!(moment(text("46037")), Err(ValueFault::SerialDay));
        assert_eq!(moment(number("12.5")), Err(ValueFault::NotADay));
        assert_eq!(time_of_day(text("24:00")), Err(ValueFault::NotATime));
        assert_eq!(time_of_day(number("81500")), Err(ValueFault::NotATime));
    }

    #[test]
    fn days_as_people_write_them_are_the_same_day() {
        let at = TimeMs::parse("2026-06-15T09:10:11+07:00").unwrap();
        for spelt in [
            "15/06/2026, 09:10:11",
            "09:10:11 15-06-2026",
            "09:10:11, 15/06/2026",
            "15/6/2026 9:10:11",
            "15/06/2026 - 09:10:11",
            "15/06/2026 09:10:11.000",
            "2026-06-15 09:10:11 +0700",
            "15/06/2026 09:10:11 (GMT+7)",
            "15/06/2026 09:10:11 UTC+07:00",
            "20260615 091011",
            "20260615T091011",
            "2026-06-15T09:10:11+07",
            "15/06/2026T09:10:11",
            "15/06/2026 9:10:11 AM",
            "15/06/2026 09:10:11 SA",
            "15-06-2026 09h10m11",
            "15/06/26 09:10:11",
            "15 Jun 2026 09:10:11",
            "Jun 15, 2026 9:10:11 am",
            "15-Jun-26 09:10:11",
            "17JUN2026",
            "ngày 15 tháng 6 năm 2026 lúc 09:10:11",
            "15 Thg 6 2026 09 giờ 10 phút 11",
            "１５/06/2026 09:10:11",
            "=\"15/06/2026 09:10:11\"",
            "15062026",
            "15.06.26",
        ] {
            let got = moment(text(spelt))
                .unwrap_or_else(|fault| panic!("{spelt}: {fault:?}"))
                .unwrap();
            if spelt.contains("10") {
                assert_eq!(got.at, Some(at), "{spelt}");
            }
            let day = if spelt.starts_with("17") { 17 } else { 15 };
            assert_eq!(got.day, Day::ymd(2026, 6, day), "{spelt}");
        }
        for (spelt, hours) in [
            ("5:20 PM", 17),
            ("5:20 CH", 17),
            ("12:20 AM", 0),
            ("12:20 pm", 12),
            ("17h20", 17),
        ] {
            assert_eq!(
                time_of_day(text(spelt)),
                Ok(Some((hours * 60 + 20) * 60_000)),
                "{spelt}"
            );
        }
        for wrong in [
            "15/06/2026 13:10 AM",
            "15/06/2026 9",
            "15 Foo 2026",
            "15/06/2026 6101 - 20001",
            "15 06 2026",
        ] {
            assert_eq!(moment(text(wrong)), Err(ValueFault::NotADay), "{wrong}");
        }
    }

    #[test]
    fn the_column_says_which_number_is_the_month() {
        let june = |day| Some(Day::ymd(2026, 6, day));
        assert_eq!(
            column(&["15/06/2026", "05/06/2026"], false),
            (vec![june(15), june(5)], None)
        );
        assert_eq!(
            column(&["06/15/2026", "06/05/2026"], false),
            (vec![june(15), june(5)], None)
        );
        assert_eq!(
            column(&["26/06/15", "26/06/05"], false),
            (vec![june(15), june(5)], None)
        );
        // In Vietnamese the day stands first; elsewhere somebody is asked.
        assert_eq!(column(&["05/06/2026"], true), (vec![june(5)], None));
        assert_eq!(
            column(&["05/06/2026", "07/06/2026"], false).1,
            Some(DayDoubt::Order)
        );
        assert_eq!(column(&["6/5/2026 9:10:11 AM"], true).1, Some(DayDoubt::Order));
        // Both orders in one column: what reads one way only is read, the rest is not.
        let (mixed, _) = column(&["15/06/2026", "06/16/2026", "05/06/2026"], true);
        assert_eq!(mixed, [june(15), june(16), None]);
        assert_eq!(
            column(&["46188.38207", "46188"], false),
            (vec![june(15), june(15)], None)
        );
    }

    #[test]
    fn days_that_a_spreadsheet_took_for_months_are_noticed() {
        let mut evidence = DayEvidence::default();
        // 2026-05-06 as a day of the sheet was 06/05/2026; 15/06/2026 stayed a text.
        evidence.add(
            Cell {
                text: "46148",
                kind: CellKind::Serial { since_1904: false },
            },
            2,
        );
        evidence.add(text("15/06/2026"), 3);
        assert_eq!(evidence.style(None, true).1, Some(DayDoubt::Swapped { row: 2 }));
    }

    #[test]
    fn what_stands_behind_a_day_is_handed_on() {
        let (day, rest) = moment_and_rest(text("15/06/2026 6101 - 20001"), &DayStyle::default())
            .unwrap()
            .unwrap();
        assert_eq!((day.day, rest), (Day::ymd(2026, 6, 15), "6101 - 20001"));
        let (day, rest) = moment_and_rest(text("15/06/2026 09:10:11 6101"), &DayStyle::default())
            .unwrap()
            .unwrap();
        assert!(day.at.is_some());
        assert_eq!(rest, "6101");
    }

    proptest! {
        #[test]
        fn every_day_of_the_century_is_found(number in 10_957_i64..=47_481) {
            let wanted = Day::from_number(number).unwrap();
            prop_assert_eq!(moment(text(&wanted.show())).unwrap().unwrap().day, wanted);
            prop_assert_eq!(moment(text(&wanted.to_string())).unwrap().unwrap().day, wanted);
        }

        #[test]
        fn any_text_is_a_day_or_a_fault(spelt in "\\PC{0,40}", digits in "[0-9:/hHAPMSCThg +.-]{0,40}") {
            for spelt in [&spelt, &digits] {
                for kind in [CellKind::Text, CellKind::Number, CellKind::Serial { since_1904: true }] {
                    let cell = Cell { text: spelt, kind };
                    DayEvidence::default().add(cell, 1);
                    let _ = (moment(cell), time_of_day(cell), moment_and_rest(cell, &DayStyle::default()));
                }
            }
        }
    }
}

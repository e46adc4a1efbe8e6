//! Amounts as people and programs write them in Viet Nam. Whole numbers only: digits are read as digits, and what is
//! no whole number of đồng is refused, not rounded. Whether a dot or comma before three digits groups or separates
//! decimals, no single cell says; its column does ([`NumberEvidence`], [`NumberStyle`]).

use std::borrow::Cow;

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::meaning::fault::{ValueFault, is_scientific, is_space, plain_text};
use crate::vn::Dong;

/// More than any balance of an account: what is larger is an id.
const BALANCE_MAX: i64 = 99_999_999_999_999_999;
/// Numbers below 1.000 in a workbook of no others that are no chance any more.
const SMALL_NUMBERS_MIN: u64 = 2;
/// Groups of digits that a number has at most, its decimals included.
const PARTS_MAX: usize = 8;

/// How a mark before exactly three digits is read where the cell alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Three {
    /// Between groups, as in `65.000`: what people mean here unless their column says otherwise.
    #[default]
    Groups,
    /// Before decimals, all of them zeros, as in `65000.000`.
    Decimals,
    /// The column uses the mark both ways, or another mark as well.
    Unclear,
}

/// How one of the two marks is used in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct MarkStyle {
    three: Three,
    /// It certainly groups somewhere, so it separates no decimals anywhere.
    groups: bool,
}

/// How a column of numbers is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NumberStyle {
    dot: MarkStyle,
    comma: MarkStyle,
    /// CR and DR stand behind the amounts, so that one without them does not say which way it went.
    pub(crate) is_marked: bool,
    /// C and D as well.
    has_letters: bool,
    /// Every amount has a minus: in a column of money out it says the same twice.
    pub(crate) is_all_negative: bool,
    /// Some amount has one.
    has_negative: bool,
}

impl NumberStyle {
    /// Whether signs or marks of the column say which way money went.
    pub(crate) fn is_signed(&self) -> bool {
        self.is_marked || self.has_negative
    }

    fn of(&self, mark: char) -> MarkStyle {
        if mark == '.' { self.dot } else { self.comma }
    }
}

/// What the cells of a column show of how one mark is used.
#[derive(Debug, Clone, Copy, Default)]
struct MarkEvidence {
    /// `1.234.567`
    groups: bool,
    /// `65.0`, `65.00`, `1500.500`
    decimals: bool,
    /// `1900000.000`: three digits that cannot be a group, all zeros.
    three: bool,
    /// `0.000`: cannot be a group either, but is nothing.
    three_of_nothing: bool,
    /// `65.000`
    either: bool,
}

/// What the cells of a column show of how its numbers are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberEvidence {
    dot: MarkEvidence,
    comma: MarkEvidence,
    credit_marks: bool,
    letters: (bool, bool),
    negative: bool,
    positive: bool,
    /// Sizes that were met: below 1.000 without a mark (and where the first one is), other numbers without one,
    /// numbers of one group, numbers of more.
    small_row: Option<u64>,
    /// Those of them that a workbook keeps as numbers, in movements.
    small_numbers: u64,
    large: bool,
    one_group: bool,
    more_groups: bool,
}

impl NumberEvidence {
    /// Takes what a cell shows. Most cells of a large file are plain digits, and quickly seen to be. Only in a
    /// movement do signs say which way it went.
    pub(crate) fn add(&mut self, cell: Cell<'_>, row: u64, is_movement: bool) {
        let text = cell.text;
        if text.is_empty() || cell.kind == CellKind::Error {
            return;
        }
        if text.len() > 3 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') {
            self.large = true;
            self.positive |= is_movement;
            return;
        }
        let text = plain_text(text);
        let Some(parts) = Spelt::of(&text, true) else {
            return;
        };
        let is_nothing = !parts.digits.bytes().any(|b| (b'1'..=b'9').contains(&b));
        if cell.kind != CellKind::Text {
            let whole = parts.digits.split('.').next().unwrap_or_default();
            self.add_size(!is_nothing, whole, row);
            self.small_numbers += u64::from(is_movement && !is_nothing && whole.len() <= 3);
            self.add_sign(&parts, is_movement && !is_nothing);
            return;
        }
        let Ok(shape) = Shape::of(parts.digits) else {
            return;
        };
        self.add_sign(&parts, is_movement && !is_nothing);
        match shape {
            Shape::Bare(_) => self.add_size(!is_nothing, parts.digits, row),
            Shape::Grouped { mark, .. } => {
                self.more_groups = true;
                if !is_space(mark) {
                    self.mark(mark).groups = true;
                }
            }
            Shape::OneGroup(_) => self.one_group = true,
            Shape::Either { mark, .. } => {
                self.one_group = true;
                self.mark(mark).either = true;
            }
            Shape::Decimal {
                mark,
                fraction,
                grouped,
                ..
            } => {
                if let Some(grouping) = grouped {
                    self.one_group = true;
                    if !is_space(grouping) {
                        self.mark(grouping).groups = true;
                    }
                }
                let has_zeros = fraction.bytes().all(|b| b == b'0');
                let whole_digits = parts.digits.bytes().take_while(u8::is_ascii_digit).count();
                let of_mark = self.mark(mark);
                match (fraction.len(), has_zeros, is_nothing) {
                    (3, true, true) => of_mark.three_of_nothing = true,
                    (3, true, false) => of_mark.three = true,
                    // `1500.500` is no group: its column may mean thousandths by the mark.
                    (3, false, _) if whole_digits > 3 => of_mark.decimals = true,
                    // A single slip of the finger must not turn thousands into đồng.
                    (3, false, _) => {}
                    (_, _, true) => {}
                    _ => of_mark.decimals = true,
                }
                let whole = parts.digits.split(['.', ',']).next().unwrap_or_default();
                if grouped.is_none() {
                    self.add_size(!is_nothing, whole, row);
                }
            }
        }
    }

    fn mark(&mut self, mark: char) -> &mut MarkEvidence {
        if mark == '.' {
            &mut self.dot
        } else {
            &mut self.comma
        }
    }

    fn add_size(&mut self, is_something: bool, whole: &str, row: u64) {
        if !is_something {
            return;
        }
        if whole.len() <= 3 {
            self.small_row.get_or_insert(row);
        } else {
            self.large = true;
        }
    }

    fn add_sign(&mut self, parts: &Spelt<'_>, counts: bool) {
        if !counts {
            return;
        }
        self.letters.0 |= parts.mark == Some("c");
        self.letters.1 |= parts.mark == Some("d");
        self.credit_marks |= matches!(parts.mark, Some("cr" | "dr"));
        match parts.sign() {
            Some(true) => self.negative = true,
            _ => self.positive = true,
        }
    }

    /// The row of a small number without a mark in columns whose other numbers have groups, and none has one group
    /// only: a spreadsheet took `50.000` for 50 and left `1.234.567` as the text that it was.
    pub(crate) fn eaten<'e>(columns: impl Iterator<Item = &'e NumberEvidence> + Clone) -> Option<u64> {
        let has_groups = columns.clone().any(|column| column.more_groups);
        let has_others = columns.clone().any(|column| column.large || column.one_group);
        // A workbook whose numbers are all below 1.000 is what is left of one that had no larger ones.
        let all_small = columns.clone().map(|column| column.small_numbers).sum::<u64>() >= SMALL_NUMBERS_MIN;
        let mut small = columns.filter_map(|column| column.small_row);
        small.next().filter(|_| (has_groups || all_small) && !has_others)
    }

    /// Whether some amount has a minus.
    pub(crate) fn has_negative(&self) -> bool {
        self.negative
    }

    /// How the column is written. `others` are the columns of money beside it, of the same program.
    pub(crate) fn style<'e>(&self, others: impl Iterator<Item = &'e NumberEvidence> + Clone) -> NumberStyle {
        let of = |own: MarkEvidence, other_mark: MarkEvidence, pick: fn(&NumberEvidence) -> MarkEvidence| {
            let mut beside = others.clone().map(pick);
            let beside_says = beside.clone().any(|mark| mark.three) && !beside.any(|mark| mark.groups);
            let three = if own.groups && (own.decimals || own.three) {
                Three::Unclear
            } else if own.groups {
                Three::Groups
            } else if own.three {
                Three::Decimals
            } else if own.decimals {
                Three::Unclear
            } else if beside_says {
                Three::Decimals
            } else if own.three_of_nothing || other_mark.groups || (own.either && other_mark.either) {
                Three::Unclear
            } else {
                Three::Groups
            };
            MarkStyle {
                three,
                groups: own.groups,
            }
        };
        NumberStyle {
            dot: of(self.dot, self.comma, |other| other.dot),
            comma: of(self.comma, self.dot, |other| other.comma),
            is_marked: self.credit_marks || self.letters.0,
            has_letters: self.letters.0 || self.credit_marks,
            is_all_negative: self.negative && !self.positive,
            has_negative: self.negative,
        }
    }
}

/// A number taken apart: its digits with their marks, and what stands around them.
struct Spelt<'t> {
    digits: &'t str,
    /// A minus, or brackets.
    is_negative: bool,
    has_plus: bool,
    /// `cr`, `dr`, `c` or `d`.
    mark: Option<&'static str>,
}

impl<'t> Spelt<'t> {
    /// None if signs contradict each other or nothing is left.
    fn of(text: &'t str, has_letters: bool) -> Option<Spelt<'t>> {
        let mut rest = text.trim_matches(is_space);
        let mut spelt = Spelt {
            digits: "",
            is_negative: false,
            has_plus: false,
            mark: None,
        };
        let mut signs = 0;
        if let Some(inside) = rest.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
            rest = inside.trim_matches(is_space);
            spelt.is_negative = true;
            signs += 1;
        }
        // A sign, a currency and a mark may stand before or behind, in any order.
        loop {
            let before = rest;
            rest = without_currency(rest);
            for (sign, is_minus) in [('-', true), ('\u{2212}', true), ('\u{2013}', true), ('+', false)] {
                if let Some(unsigned) = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign)) {
                    rest = unsigned.trim_matches(is_space);
                    spelt.is_negative |= is_minus;
                    spelt.has_plus |= !is_minus;
                    signs += 1;
                }
            }
            if spelt.mark.is_none()
                && let Some((mark, unmarked)) = credit_mark(rest, has_letters)
            {
                rest = unmarked.trim_matches(is_space);
                spelt.mark = Some(mark);
            }
            if rest == before {
                break;
            }
        }
        spelt.digits = rest;
        // «(-5.000)» or «-5.000 DR» would be one or the other; nobody is asked to guess.
        let is_double = signs > 1 || (signs == 1 && spelt.mark.is_some());
        (!is_double && !rest.is_empty()).then_some(spelt)
    }

    /// Whether it is negative; none where nothing says so.
    fn sign(&self) -> Option<bool> {
        match self.mark {
            Some(mark) => Some(mark.starts_with('d')),
            None if self.is_negative => Some(true),
            None if self.has_plus => Some(false),
            None => None,
        }
    }
}

/// `CR` or `DR` behind or before an amount, and the rest.
fn credit_mark(text: &str, has_letters: bool) -> Option<(&'static str, &str)> {
    const MARKS: [(&str, &str); 8] = [
        ("CR", "cr"),
        ("DR", "dr"),
        ("Cr", "cr"),
        ("Dr", "dr"),
        ("cr", "cr"),
        ("dr", "dr"),
        ("C", "c"),
        ("D", "d"),
    ];
    let marks = if has_letters { &MARKS[..] } else { &MARKS[..6] };
    marks.iter().find_map(|(spelt, mark)| {
        let rest = text.strip_suffix(spelt).or_else(|| text.strip_prefix(spelt))?;
        let is_number = rest.bytes().any(|b| b.is_ascii_digit());
        is_number.then_some((*mark, rest))
    })
}

fn without_currency(text: &str) -> &str {
    const NAMES: [&str; 10] = ["VNĐ", "VND", "vnđ", "vnd", "đồng", "Đồng", "dong", "₫", "đ", "Đ"];
    for name in NAMES {
        if let Some(rest) = text.strip_suffix(name).or_else(|| text.strip_prefix(name)) {
            return rest.trim_matches(is_space);
        }
    }
    text
}

/// What the digits and marks of a number say by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape<'t> {
    /// No mark.
    Bare(i64),
    /// `1.234.567`
    Grouped { value: i64, mark: char },
    /// `65 000`: a space groups and does nothing else.
    OneGroup(i64),
    /// `65.000`: the value in groups, and the part before the mark.
    Either { value: i64, before: i64, mark: char },
    /// `65.000,00`, `65000.0`
    Decimal {
        whole: i64,
        grouped: Option<char>,
        mark: char,
        fraction: &'t str,
    },
}

impl<'t> Shape<'t> {
    fn of(digits: &'t str) -> Result<Shape<'t>, ValueFault> {
        let mut lengths = [0_usize; PARTS_MAX];
        let mut values = [0_i64; PARTS_MAX];
        let mut marks = ['\0'; PARTS_MAX];
        let mut at = 0;
        for c in digits.chars() {
            if let Some(digit) = c.to_digit(10) {
                values[at] = values[at].saturating_mul(10).saturating_add(i64::from(digit));
                lengths[at] += 1;
                continue;
            }
            if !(matches!(c, '.' | ',') || is_space(c)) || lengths[at] == 0 {
                return Err(ValueFault::NotANumber);
            }
            marks[at] = c;
            at += 1;
            if at == PARTS_MAX {
                return Err(ValueFault::Groups);
            }
        }
        if lengths[at] == 0 {
            return Err(ValueFault::NotANumber);
        }
        let count = at + 1;
        // What begins with 0 is a code that slipped into this column, unless it is 0 itself.
        if digits.starts_with('0') && (lengths[0] > 1 || count > 2) {
            return Err(ValueFault::NotANumber);
        }
        let joined = |parts: usize| {
            (0..parts).fold(0_i64, |sum, at| {
                let scale = 10_i64.saturating_pow(lengths[at].min(18) as u32);
                sum.saturating_mul(scale).saturating_add(values[at])
            })
        };
        let is_grouped = |parts: usize| {
            let first = marks[0];
            lengths[0] <= 3
                && lengths[1..parts].iter().all(|&length| length == 3)
                && marks[..parts.saturating_sub(1)].iter().all(|&mark| mark == first)
        };
        if count == 1 {
            return Ok(Shape::Bare(values[0]));
        }
        let last = marks[count - 2];
        let is_same = marks[..count - 1].iter().all(|&mark| mark == last);
        if count == 2 && !is_space(last) {
            let fraction = &digits[digits.len() - lengths[1]..];
            return Ok(match lengths[1] {
                3 if lengths[0] <= 3 && !digits.starts_with('0') => Shape::Either {
                    value: joined(2),
                    before: values[0],
                    mark: last,
                },
                _ => Shape::Decimal {
                    whole: values[0],
                    grouped: None,
                    mark: last,
                    fraction,
                },
            });
        }
        if is_same {
            if !is_grouped(count) {
                return Err(ValueFault::Groups);
            }
            let value = joined(count);
            return Ok(match count {
                2 => Shape::OneGroup(value),
                _ => Shape::Grouped { value, mark: last },
            });
        }
        if is_space(last) || !is_grouped(count - 1) {
            return Err(ValueFault::Groups);
        }
        Ok(Shape::Decimal {
            whole: joined(count - 1),
            grouped: Some(marks[0]),
            mark: last,
            fraction: &digits[digits.len() - lengths[count - 1]..],
        })
    }

    /// The whole number that it is in a column written like this.
    fn value(self, style: &NumberStyle) -> Result<i64, ValueFault> {
        match self {
            Shape::Bare(value) | Shape::Grouped { value, .. } | Shape::OneGroup(value) => Ok(value),
            Shape::Either { value, before, mark } => match style.of(mark).three {
                Three::Groups => Ok(value),
                Three::Decimals if value == before.saturating_mul(1000) => Ok(before),
                Three::Decimals => Err(ValueFault::Decimals),
                Three::Unclear => Err(ValueFault::Unclear),
            },
            Shape::Decimal {
                whole,
                grouped,
                mark,
                fraction,
            } => {
                let is_nothing = whole == 0 && fraction.bytes().all(|b| b == b'0');
                if !is_nothing && grouped.is_none() && style.of(mark).groups {
                    return Err(ValueFault::Groups);
                }
                whole_of(whole, fraction)
            }
        }
    }
}

/// The whole number that a number with a fraction stands for: nothing but zeros behind the mark, or the noise of
/// floating point, nearer to the whole than 0,001.
fn whole_of(whole: i64, fraction: &str) -> Result<i64, ValueFault> {
    if fraction.bytes().all(|b| b == b'0') {
        return Ok(whole);
    }
    match fraction.get(..3) {
        Some("000") => Ok(whole),
        Some("999") if fraction.len() > 3 => Ok(whole.saturating_add(1)),
        _ => Err(ValueFault::Decimals),
    }
}

/// An amount with its sign as nobody's column; none if the cell is empty.
pub(crate) fn amount(cell: Cell<'_>) -> Result<Option<i64>, ValueFault> {
    amount_in(cell, &NumberStyle::default())
}

/// An amount with its sign in a column written like this; none if the cell is empty.
pub(crate) fn amount_in(cell: Cell<'_>, style: &NumberStyle) -> Result<Option<i64>, ValueFault> {
    number(cell, style, Dong::PAYMENT_MAX.vnd())
}

/// A balance, which may be larger than any payment.
pub(crate) fn balance_in(cell: Cell<'_>, style: &NumberStyle) -> Result<Option<i64>, ValueFault> {
    number(cell, style, BALANCE_MAX)
}

/// Whether an amount says by a sign or mark which way it went.
pub(crate) fn is_marked(cell: Cell<'_>, style: &NumberStyle) -> bool {
    let text = plain_text(cell.text);
    Spelt::of(&text, style.has_letters).is_some_and(|spelt| spelt.sign().is_some())
}

fn number(cell: Cell<'_>, style: &NumberStyle, max: i64) -> Result<Option<i64>, ValueFault> {
    if cell.kind == CellKind::Error {
        return Err(ValueFault::Formula);
    }
    if cell.kind == CellKind::OtherUnit {
        return Err(ValueFault::OtherUnit);
    }
    let text = cell.text;
    if text.len() <= 13
        && !text.starts_with('0')
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
    {
        return text.parse().map(Some).map_err(|_| ValueFault::NotANumber);
    }
    let text: Cow<'_, str> = plain_text(text);
    let text = text.trim_matches(is_space);
    if text.is_empty() || text == "-" || text == "–" {
        return Ok(None);
    }
    let spelt = Spelt::of(text, style.has_letters).ok_or(ValueFault::NotANumber)?;
    let value = match cell.kind {
        CellKind::Text => {
            if is_scientific(spelt.digits) {
                return Err(ValueFault::Scientific);
            }
            Shape::of(spelt.digits)?.value(style)?
        }
        _ => spreadsheet_whole(spelt.digits)?,
    };
    if value > max {
        return Err(ValueFault::TooLarge);
    }
    let is_negative = spelt.sign() == Some(true);
    Ok(Some(if is_negative { -value } else { value }))
}

/// A spreadsheet's own number: digits, and behind the point nothing that counts.
fn spreadsheet_whole(text: &str) -> Result<i64, ValueFault> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(ValueFault::NotANumber);
    }
    if digits.len() > 18 {
        return Err(ValueFault::TooLarge);
    }
    let whole = digits.parse().map_err(|_| ValueFault::NotANumber)?;
    whole_of(whole, fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    /// What a column of these cells reads as, whatever stands beside it.
    fn column(cells: &[&str]) -> Vec<Result<Option<i64>, ValueFault>> {
        let mut evidence = NumberEvidence::default();
        for (at, cell) in cells.iter().enumerate() {
            evidence.add(text(cell), at as u64, true);
        }
        let style = evidence.style(std::iter::empty());
        cells.iter().map(|cell| amount_in(text(cell), &style)).collect()
    }

    fn eaten(cells: &[&str]) -> bool {
        let mut evidence = NumberEvidence::default();
        for (at, cell) in cells.iter().enumerate() {
            evidence.add(text(cell), at as u64, true);
        }
        NumberEvidence::eaten([evidence].iter()).is_some()
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
            ("20.000-", -20_000),
            ("20.000 DR", -20_000),
            ("Dr 20,000", -20_000),
            ("65,000CR", 65_000),
            ("65000.0", 65_000),
            ("65000,0", 65_000),
            ("1900000.000", 1_900_000),
            ("65,000.000", 65_000),
            ("64999.999999999993", 65_000),
            ("６５０００", 65_000),
            ("＋35,000", 35_000),
            ("=\"65000\"", 65_000),
            ("65'000", 65_000),
            ("1’900’000", 1_900_000),
            ("1'234'567.00", 1_234_567),
            ("'65000", 65_000),
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
            ("1.2345", ValueFault::Decimals),
            ("1234.567", ValueFault::Decimals),
            ("1.234.56", ValueFault::Groups),
            ("1.234567", ValueFault::Decimals),
            ("1,23E+11", ValueFault::Scientific),
            ("1.23E11", ValueFault::Scientific),
            ("0011012345678", ValueFault::NotANumber),
            ("0.123", ValueFault::Decimals),
            ("FT26015000001", ValueFault::NotANumber),
            ("(-5.000)", ValueFault::NotANumber),
            ("-5.000 DR", ValueFault::NotANumber),
            ("65k", ValueFault::NotANumber),
            ("65.000 D", ValueFault::NotANumber),
            ("65.000.00", ValueFault::Groups),
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
        assert_eq!(amount(number("64999.999999999993")), Ok(Some(65_000)));
        assert_eq!(amount(number("35000.000000000007")), Ok(Some(35_000)));
        assert_eq!(amount(number("-64999.99999")), Ok(Some(-65_000)));
        assert_eq!(amount(number("64999.998")), Err(ValueFault::Decimals));
    }

    #[test]
    fn the_column_says_what_a_mark_before_three_digits_is() {
        let read = |values: &[i64]| values.iter().map(|v| Ok(Some(*v))).collect::<Vec<_>>();
        for (cells, wanted) in [
            (
                &["65000.000", "1900000.000", "500.000"][..],
                &[65_000, 1_900_000, 500][..],
            ),
            (
                &["65,000.000", "1,900,000.000", "500.000"],
                &[65_000, 1_900_000, 500],
            ),
            (&["65000,000", "500,000"], &[65_000, 500]),
            (&["65.000", "1.900.000", "500.000"], &[65_000, 1_900_000, 500_000]),
            (&["65,000", "1,900,000", "500,000"], &[65_000, 1_900_000, 500_000]),
            (&["65.000", "65.000,00", "500.000"], &[65_000, 65_000, 500_000]),
            (&["65.000", "35.000"], &[65_000, 35_000]),
            (&["65000.0", "0.0"], &[65_000, 0]),
        ] {
            assert_eq!(column(cells), read(wanted), "{cells:?}");
        }
        // What can mean two is refused.
        for cells in [
            &["65.000", "65,000"][..],
            &["1,900,000", "500.000"],
            &["65000.00", "500.000"],
            &["0.000", "65.000"],
            &["500.000", "1500.500"],
            &["500,000", "1500,5"],
        ] {
            assert!(column(cells).contains(&Err(ValueFault::Unclear)), "{cells:?}");
        }
        assert_eq!(column(&["1.234.567", "65.00"])[1], Err(ValueFault::Groups));
        // A slip in one cell does not turn the thousands of the others into đồng.
        assert_eq!(column(&["0.065", "65.000"])[1], Ok(Some(65_000)));
        assert_eq!(
            column(&["65,000 C", "20,000 D"]),
            [Ok(Some(65_000)), Ok(Some(-20_000))]
        );
    }

    #[test]
    fn a_spreadsheet_that_has_eaten_the_groups_is_noticed() {
        assert!(eaten(&["50", "120", "1.234.567"]));
        assert!(eaten(&["65.5", "1,900,000"]));
        for whole in [
            &["50", "65.000", "1.234.567"][..],
            &["500", "1200", "1.234.567"],
            &["50", "120"],
        ] {
            assert!(!eaten(whole), "{whole:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_amount_or_a_fault(spelt in "\\PC{0,30}", digits in "[0-9.,E+()CDR-]{0,30}") {
            for spelt in [&spelt, &digits] {
                for kind in [CellKind::Text, CellKind::Number, CellKind::Serial { since_1904: true }] {
                    let cell = Cell { text: spelt, kind };
                    let _ = amount(cell);
                    NumberEvidence::default().add(cell, 1, true);
                }
            }
        }

        #[test]
        fn grouped_amounts_come_back(value in 0_i64..=9_999_999_999_999, mark in prop::sample::select(vec!['.', ',', ' '])) {
            let spelt = crate::vn::grouped(value, mark);
            prop_assert_eq!(amount(text(&spelt)), Ok(Some(value)));
            let negative = format!("({spelt} đ)");
            prop_assert_eq!(amount(text(&negative)), Ok(Some(-value)));
        }

        /// However a program writes a column, it is read as what it wrote, or refused; never as another amount.
        #[test]
        fn a_column_is_what_was_written_or_refused(
            values in proptest::collection::vec(1_i64..=99_999_999, 1..12),
            grouping in prop::sample::select(vec![None, Some('.'), Some(','), Some(' ')]),
            decimals in 0_usize..=3,
        ) {
            let mark = if grouping == Some(',') { '.' } else { ',' };
            let cells: Vec<String> = values.iter().map(|value| {
                let mut spelt = grouping.map_or_else(|| value.to_string(), |mark| crate::vn::grouped(*value, mark));
                if decimals > 0 {
                    spelt.push(mark);
                    spelt.push_str(&"0".repeat(decimals));
                }
                spelt
            }).collect();
            let refs: Vec<&str> = cells.iter().map(String::as_str).collect();
            let proves_itself = decimals != 3 || values.iter().any(|value| *value > 999);
            for (read, value) in column(&refs).into_iter().zip(&values) {
                if proves_itself {
                    prop_assert!(read == Ok(Some(*value)) || read.is_err(), "{:?}", cells);
                }
            }
        }
    }
}

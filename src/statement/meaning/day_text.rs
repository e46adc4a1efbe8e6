//! Days and times as people and programs write them in Viet Nam: a text is taken apart into numbers, words and marks.

use crate::statement::meaning::answers::DayOrder;
use crate::statement::meaning::fault::ValueFault;
use crate::vn::{Day, TimeMs, fold};

const DAY_MS: i64 = 86_400_000;
/// Tokens of a day with its time; more is another text.
const TOKENS_MAX: usize = 24;
/// Seconds since 1970 that may be meant by ten digits: from the end of 2023 to 2049.
const EPOCH_SECONDS_MIN: i64 = 1_700_000_000;
const EPOCH_SECONDS_MAX: i64 = 2_524_608_000;
/// Bytes of a cell that is looked at as a day.
pub(crate) const TEXT_BYTES_MAX: usize = 80;

/// A day, and the instant if more than the day is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) day: Day,
    pub(crate) at: Option<TimeMs>,
}

impl Moment {
    pub(crate) fn of_day(day: Day) -> Moment {
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
pub(crate) fn is_likely(day: Day) -> bool {
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

/// A number with the digits it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: i64,
    pub(crate) digits: usize,
}

/// The day of three numbers as an order has them.
pub(crate) fn day_of(order: DayOrder, [a, b, c]: [Number; 3]) -> Option<Day> {
    let year = |number: Number| match number.digits {
        4 => Some(number.value),
        // Years of two digits are near: no bank wrote statements of this service in 2015.
        2 if (20..=49).contains(&number.value) => Some(2000 + number.value),
        _ => None,
    };
    match order {
        DayOrder::DayFirst => day(year(c)?, b.value, a.value),
        DayOrder::MonthFirst => day(year(c)?, a.value, b.value),
        DayOrder::YearFirst if c.digits <= 2 => day(year(a)?, b.value, c.value),
        DayOrder::YearFirst => None,
    }
}

/// A part of a text that may be a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Number(Number),
    /// Letters, without accents and in lower case.
    Word(&'t str),
    Mark(char),
    Space,
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::with_capacity(16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c.is_ascii_digit() {
            rest.bytes().take_while(u8::is_ascii_digit).count()
        } else if c.is_ascii_alphabetic() {
            rest.bytes().take_while(u8::is_ascii_alphabetic).count()
        } else {
            c.len_utf8()
        };
        let (part, behind) = rest.split_at(length);
        tokens.push(if c.is_ascii_digit() {
            Token::Number(Number {
                value: part.parse().ok()?,
                digits: length,
            })
        } else if c.is_ascii_alphabetic() {
            Token::Word(part)
        } else if c == ' ' {
            Token::Space
        } else {
            Token::Mark(c)
        });
        if tokens.len() > TOKENS_MAX {
            return None;
        }
        rest = behind;
    }
    Some(tokens)
}

/// The day, and the time if there is one, that a text is, its three numbers in this order.
pub(crate) fn parse(text: &str, order: Option<DayOrder>) -> Result<Moment, ValueFault> {
    let wrong = ValueFault::NotADay;
    if text.len() > TEXT_BYTES_MAX {
        return Err(wrong);
    }
    let plain = fold(text);
    if plain.bytes().all(|b| b.is_ascii_digit()) {
        return parse_digits(&plain).ok_or(wrong);
    }
    let mut tokens = tokens(without_weekday(&plain)).ok_or(wrong)?;
    let time = take_time(&mut tokens).ok_or(wrong)?;
    let day = date_of(&tokens, order)?;
    match time {
        None => Ok(Moment::of_day(day)),
        Some((time_ms, None)) => Ok(Moment::local(day, time_ms)),
        // The written day is of that zone; the day that counts is Viet Nam's.
        Some((time_ms, Some(zone_ms))) => {
            Moment::of_instant(TimeMs(day.number() * DAY_MS + time_ms - zone_ms)).ok_or(wrong)
        }
    }
}

/// A day without the name of the day of the week before or behind it.
fn without_weekday(plain: &str) -> &str {
    // The longer ones first: «thu» is Thursday too.
    const NAMES: &str = "chu nhat | thu hai | thu ba | thu tu | thu nam | thu sau | thu bay | thu 2 | thu 3 | thu 4 | thu 5 | \
         thu 6 | thu 7 | t2 | t3 | t4 | t5 | t6 | t7 | cn | monday | tuesday | wednesday | thursday | friday | \
         saturday | sunday | mon | tues | tue | wed | thurs | thur | thu | fri | sat | sun";
    let is_mark = |c: char| matches!(c, ' ' | ',' | '.' | '-' | '(' | ')' | ':' | '/');
    let before = NAMES.split(" | ").find_map(|name| {
        let rest = plain.trim_start_matches('(').strip_prefix(name)?;
        rest.starts_with(is_mark)
            .then(|| rest.trim_start_matches(is_mark))
    });
    let text = before.unwrap_or(plain);
    let behind = NAMES.split(" | ").find_map(|name| {
        let rest = text.trim_end_matches(is_mark).strip_suffix(name)?;
        rest.ends_with(is_mark).then(|| rest.trim_end_matches(is_mark))
    });
    behind.unwrap_or(text)
}

/// Why a text that has the look of a day is none.
pub(crate) fn why_no_day(text: &str) -> ValueFault {
    use Token::{Mark, Number as Num, Word};
    let plain = fold(text);
    if plain.len() == 6 && plain.bytes().all(|b| b.is_ascii_digit()) {
        return ValueFault::DayTogether;
    }
    let Some(tokens) = (text.len() <= TEXT_BYTES_MAX)
        .then(|| tokens(without_weekday(&plain)))
        .flatten()
    else {
        return ValueFault::NotADay;
    };
    let is_late = |part: &[Token<'_>]| match part {
        [Num(hours), Mark(':'), Num(minutes)] => hours.value > 23 || minutes.value > 59,
        _ => false,
    };
    if tokens.windows(3).any(is_late) {
        return ValueFault::HourTooLate;
    }
    let day = tokens.windows(5).find_map(|part| match part {
        [Num(a), Mark(m), Num(b), Mark(n), Num(c)] if m == n && matches!(m, '/' | '-' | '.') => {
            Some([*a, *b, *c])
        }
        _ => None,
    });
    if let Some([a, _, c]) = day {
        let year = if a.digits == 4 { a } else { c };
        let is_near = match year.digits {
            4 => (2000..=2099).contains(&year.value),
            2 => (20..=49).contains(&year.value),
            _ => false,
        };
        return if is_near {
            ValueFault::NoSuchDay
        } else {
            ValueFault::YearFar
        };
    }
    let has_month = |part: &[Token<'_>]| match part {
        [Num(a), Mark('/' | '-'), Num(b)] => a.digits <= 2 && b.digits <= 2,
        [Num(a), Word("thang" | "thg"), Num(b)] => a.digits <= 2 && b.digits <= 2,
        _ => false,
    };
    let spaceless: Vec<Token<'_>> = tokens
        .iter()
        .copied()
        .filter(|token| *token != Token::Space)
        .collect();
    let has_year = tokens
        .iter()
        .any(|token| matches!(token, Num(number) if number.digits == 4));
    if !has_year && spaceless.windows(3).any(has_month) {
        return ValueFault::NoYear;
    }
    ValueFault::NotADay
}

/// `yyyyMMdd`, `ddMMyyyy`, `yyyyMMddHHmm`, `yyyyMMddHHmmss`, or seconds or milliseconds since 1970.
fn parse_digits(digits: &str) -> Option<Moment> {
    let part = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    if digits.len() == 10 {
        let seconds: i64 = digits.parse().ok()?;
        // `ddMMyyHHmm` and `yyMMddHHmm` have ten digits too: what could be one of them is left alone.
        let is_written = (1..=12).contains(&part(2, 4)?) && part(6, 8)? < 24 && part(8, 10)? < 60;
        let is_near = (EPOCH_SECONDS_MIN..EPOCH_SECONDS_MAX).contains(&seconds);
        return (is_near && !is_written)
            .then(|| Moment::of_instant(TimeMs(seconds * 1000)))
            .flatten();
    }
    if digits.len() == 13 {
        return Moment::of_instant(TimeMs(digits.parse().ok()?));
    }
    if !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let date = eight_digits(&digits[..8])?;
    if digits.len() == 8 {
        return Some(Moment::of_day(date));
    }
    let seconds = match digits.len() {
        14 => part(12, 14)?,
        _ => 0,
    };
    let hours = part(8, 10)?;
    let minutes = part(10, 12)?;
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    fits.then(|| Moment::local(date, ((hours * 60 + minutes) * 60 + seconds) * 1000))
}

/// Eight digits that are a day in one way only.
fn eight_digits(digits: &str) -> Option<Day> {
    let part = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    let year_first = day(part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let year_last = day(part(4, 8)?, part(2, 4)?, part(0, 2)?);
    match (year_first, year_last) {
        (Some(day), None) | (None, Some(day)) => Some(day),
        // 20062006: of the two only the usual one is meant.
        (year_first, _) => year_first,
    }
}

/// A time of day with the zone that stands behind it, in milliseconds.
type Clock = (i64, Option<i64>);

/// Takes a time of day out of the tokens, if there is one. None if there is half of one.
fn take_time(tokens: &mut Vec<Token<'_>>) -> Option<Option<Clock>> {
    use Token::{Mark, Number as Num, Space, Word};
    let is_short = |number: &Number| number.digits <= 2;
    let begins = (0..tokens.len()).find(|&at| {
        let Some(Num(hours)) = tokens.get(at) else {
            return false;
        };
        is_short(hours) && matches!(tokens.get(at + 1), Some(Mark(':') | Word("h" | "g" | "gio")))
            || (is_short(hours)
                && matches!(tokens.get(at + 1), Some(Space))
                && matches!(tokens.get(at + 2), Some(Word("gio"))))
    });
    let Some(from) = begins else {
        return Some(take_bare_time(tokens));
    };
    let mut at = from;
    let next = |at: &mut usize| {
        let token = tokens.get(*at).copied();
        *at += 1;
        token
    };
    let Some(Num(hours)) = next(&mut at) else {
        return None;
    };
    let skip_space = |at: &mut usize| {
        if matches!(tokens.get(*at), Some(Space)) {
            *at += 1;
        }
    };
    skip_space(&mut at);
    at += 1;
    skip_space(&mut at);
    let Some(Num(minutes)) = next(&mut at).filter(|token| matches!(token, Num(n) if n.digits <= 2)) else {
        return None;
    };
    let mut seconds = 0;
    let mut millis = 0;
    // «09 giờ 10 phút»
    if let (Some(Space), Some(Word("phut" | "ph"))) = (tokens.get(at), tokens.get(at + 1)) {
        at += 1;
    }
    let goes_on = match (tokens.get(at), tokens.get(at + 1)) {
        (Some(Mark(':')), Some(Num(_))) => Some(1),
        (Some(Word("m" | "p" | "ph" | "phut")), Some(Num(_))) => Some(1),
        (Some(Word("phut")), Some(Space)) if matches!(tokens.get(at + 2), Some(Num(_))) => Some(2),
        (Some(Word("m" | "p" | "ph" | "phut")), _) => {
            at += 1;
            None
        }
        _ => None,
    };
    if let Some(skipped) = goes_on {
        at += skipped;
        let Some(Num(whole)) = next(&mut at).filter(|token| matches!(token, Num(n) if n.digits <= 2)) else {
            return None;
        };
        seconds = whole.value;
        if let (Some(Mark('.' | ',')), Some(Num(fraction))) = (tokens.get(at), tokens.get(at + 1)) {
            if fraction.digits > 9 {
                return None;
            }
            let scale = 10_i64.pow(fraction.digits as u32);
            millis = fraction.value * 1000 / scale;
            at += 2;
        }
        if matches!(tokens.get(at), Some(Word("s" | "giay"))) {
            at += 1;
        }
    }
    // «5:20:11 PM», «5:20 CH»
    let mut behind = at;
    skip_space(&mut behind);
    let half = match tokens.get(behind) {
        Some(Word("am" | "sa" | "sang")) => Some(0),
        Some(Word("pm" | "ch" | "chieu" | "toi")) => Some(12),
        _ => None,
    };
    let hours = match half {
        None => hours.value,
        Some(half) => {
            at = behind + 1;
            match (hours.value, half) {
                (0..=11, half) => hours.value + half,
                (12, half) => half,
                // «15:10 PM» says the same twice, «15:10 AM» does not.
                (13..=23, 12) => hours.value,
                _ => return None,
            }
        }
    };
    let zone = take_zone(tokens, &mut at)?;
    let fits = hours < 24 && minutes.value < 60 && seconds < 60;
    tokens.splice(from..at.min(tokens.len()), [Space]);
    fits.then_some(Some((
        ((hours * 60 + minutes.value) * 60 + seconds) * 1000 + millis,
        zone,
    )))
}

/// `20260615 091011`: a time of six digits, or four, behind a day of eight.
fn take_bare_time(tokens: &mut Vec<Token<'_>>) -> Option<Clock> {
    use Token::{Number as Num, Space, Word};
    let [Num(day), Space | Word("t"), Num(time)] = tokens.as_slice() else {
        return None;
    };
    if day.digits != 8 || !matches!(time.digits, 4 | 6) {
        return None;
    }
    let value = if time.digits == 4 {
        time.value * 100
    } else {
        time.value
    };
    let (hours, minutes, seconds) = (value / 10_000, value / 100 % 100, value % 100);
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    if fits {
        tokens.truncate(1);
    }
    fits.then_some((((hours * 60 + minutes) * 60 + seconds) * 1000, None))
}

/// The zone that stands at this place: `Z`, `+07:00`, `+0700`, `+07`, `(GMT+7)`, `ICT`. None if it is half of one.
fn take_zone(tokens: &[Token<'_>], at: &mut usize) -> Option<Option<i64>> {
    use Token::{Mark, Number as Num, Space, Word};
    let mut place = *at;
    let skip = |place: &mut usize, what: &[Token<'_>]| {
        if tokens.get(*place).is_some_and(|token| what.contains(token)) {
            *place += 1;
        }
    };
    skip(&mut place, &[Space]);
    skip(&mut place, &[Mark('(')]);
    let named = match tokens.get(place) {
        Some(Word("z")) => {
            *at = place + 1;
            return Some(Some(0));
        }
        Some(Word("ict")) => {
            skip(&mut place, &[Word("ict")]);
            skip(&mut place, &[Mark(')')]);
            *at = place;
            return Some(Some(7 * 3_600_000));
        }
        Some(Word("gmt" | "utc")) => {
            place += 1;
            true
        }
        _ => false,
    };
    let sign = match tokens.get(place) {
        Some(Mark('+')) => 1,
        Some(Mark('-')) => -1,
        _ if named => {
            skip(&mut place, &[Mark(')')]);
            *at = place;
            return Some(Some(0));
        }
        _ => return Some(None),
    };
    let Some(Num(first)) = tokens.get(place + 1) else {
        return Some(None);
    };
    place += 2;
    let (hours, minutes) = match (first.digits, tokens.get(place), tokens.get(place + 1)) {
        (4, ..) => (first.value / 100, first.value % 100),
        (1 | 2, Some(Mark(':')), Some(Num(minutes))) if minutes.digits == 2 => {
            place += 2;
            (first.value, minutes.value)
        }
        (1 | 2, ..) => (first.value, 0),
        _ => return Some(None),
    };
    // «09:10 -15/06/2026» is no zone.
    if matches!(tokens.get(place), Some(Mark('/' | '-' | '.'))) {
        return Some(None);
    }
    skip(&mut place, &[Mark(')')]);
    *at = place;
    (hours <= 14 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes) * 60_000))
}

/// The day that the tokens are once a time has been taken out.
fn date_of(tokens: &[Token<'_>], order: Option<DayOrder>) -> Result<Day, ValueFault> {
    use Token::{Mark, Number as Num, Space, Word};
    let wrong = ValueFault::NotADay;
    // Between the parts stand marks and spaces; words that only introduce are nothing.
    let is_filler = |token: &Token<'_>| {
        matches!(
            token,
            Space | Mark(',' | '(' | ')') | Word("ngay" | "luc" | "t" | "at" | "nam" | "date" | "vao")
        )
    };
    let mut parts: Vec<Token<'_>> = tokens.iter().copied().filter(|t| !is_filler(t)).collect();
    // «15/06/2026 - 09:10»
    while matches!(parts.last(), Some(Mark('-' | '/' | '.'))) {
        parts.pop();
    }
    while matches!(parts.first(), Some(Mark('-'))) {
        parts.remove(0);
    }
    match parts.as_slice() {
        [Num(a), Mark(m), Num(b), Mark(n), Num(c)] if m == n && matches!(m, '/' | '-' | '.') => {
            numeric_date([*a, *b, *c], order)
        }
        [Num(digits)] if digits.digits == 8 => eight_digits(&format!("{:08}", digits.value)).ok_or(wrong),
        // «15 tháng 6 năm 2026», «15 thg 6 2026», «15 thg 6, 2026»
        [Num(a), Word("thang" | "thg"), Num(b), rest @ ..] => match rest {
            [Num(c)] | [Mark('/' | '-' | '.'), Num(c)] if c.digits == 4 => {
                day(c.value, b.value, a.value).ok_or(wrong)
            }
            _ => Err(wrong),
        },
        // «15 Jun 2026», «15-Jun-26», «17JUN2026», «Jun 15 2026»
        [Num(a), rest @ ..] => {
            let rest: Vec<_> = rest
                .iter()
                .filter(|t| !matches!(t, Mark('-' | '/' | '.')))
                .collect();
            match rest.as_slice() {
                [Word(month), Num(c)] if a.digits <= 2 => {
                    let month = month_named(month).ok_or(wrong)?;
                    day_of(DayOrder::DayFirst, [*a, month, *c]).ok_or(wrong)
                }
                [Word(month), Num(c)] if a.digits == 4 && c.digits <= 2 => {
                    let month = month_named(month).ok_or(wrong)?;
                    day(a.value, month.value, c.value).ok_or(wrong)
                }
                _ => Err(wrong),
            }
        }
        [Word(month), rest @ ..] => {
            let rest: Vec<_> = rest
                .iter()
                .filter(|t| !matches!(t, Mark('-' | '/' | '.')))
                .collect();
            match rest.as_slice() {
                [Num(b), Num(c)] if c.digits == 4 => {
                    let month = month_named(month).ok_or(wrong)?;
                    day(c.value, month.value, b.value).ok_or(wrong)
                }
                _ => Err(wrong),
            }
        }
        _ => Err(wrong),
    }
}

/// `15/06/2026` in the order of its column, `2026-06-15` in its own.
fn numeric_date(numbers: [Number; 3], order: Option<DayOrder>) -> Result<Day, ValueFault> {
    let [a, b, c] = numbers;
    if b.digits > 2 {
        return Err(ValueFault::NotADay);
    }
    if a.digits == 4 {
        let day = (c.digits <= 2).then(|| day(a.value, b.value, c.value)).flatten();
        return day.ok_or(ValueFault::NotADay);
    }
    if let Some(order) = order {
        return day_of(order, numbers).ok_or(ValueFault::NotADay);
    }
    let mut fits = DayOrder::ALL
        .into_iter()
        .filter_map(|order| day_of(order, numbers));
    match (fits.next(), fits.next()) {
        (Some(first), None) => Ok(first),
        (Some(first), Some(second)) if first == second => Ok(first),
        (Some(_), Some(_)) => Err(ValueFault::DayUnclear),
        (None, _) => Err(ValueFault::NotADay),
    }
}

fn month_named(word: &str) -> Option<Number> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is_named = |month: &&str| {
        *month == word
            || (word.len() == 3 && month.starts_with(word))
            || (word == "sept" && month.starts_with(word))
    };
    let at = MONTHS.iter().position(is_named)?;
    Some(Number {
        value: at as i64 + 1,
        digits: 2,
    })
}

/// The time of day that a text is.
pub(crate) fn time_in(text: &str) -> Option<i64> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let plain = fold(text);
    let mut tokens = tokens(&plain)?;
    let (time_ms, _) = take_time(&mut tokens)??;
    tokens
        .iter()
        .all(|token| *token == Token::Space)
        .then_some(time_ms)
}

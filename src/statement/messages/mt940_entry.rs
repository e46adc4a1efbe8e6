//! What a `:61:` line of MT940 says, and the text of the details under it.

use crate::statement::meaning::values::day;
use crate::statement::placeholder::stated_id;
use crate::vn::{Day, Sentence};

/// The parts of a `:61:` line.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) value_on: Day,
    pub(crate) booked_on: Day,
    pub(crate) is_credit: bool,
    pub(crate) is_reversal: bool,
    /// Announced and not booked yet.
    pub(crate) is_expected: bool,
    pub(crate) amount: i64,
    /// Whether a type stands behind the amount: without it the line may have been cut inside the amount.
    pub(crate) has_type: bool,
    /// The three letters behind the type, e.g. `TRF`.
    pub(crate) code: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) bank_ref: &'a str,
}

fn unread(vi: &str, en: &str) -> Sentence {
    Sentence::new(format!("không đọc được {vi}."), format!("{en} cannot be read."))
}

impl<'a> Entry<'a> {
    /// Reads a line. What banks leave out or fill with blanks is read as long as it can mean one thing only.
    pub(crate) fn parse(text: &'a str) -> Result<Entry<'a>, Sentence> {
        let (value_on, rest) =
            value_date(text).ok_or_else(|| unread("ngày giá trị (YYMMDD)", "the value date (YYMMDD)"))?;
        let (booked_on, rest) = entry_date(rest, value_on)
            .ok_or_else(|| unread("ngày bút toán (MMDD)", "the entry date (MMDD)"))?;
        let (mark, rest) = Mark::read(rest)
            .ok_or_else(|| unread("chiều tiền (C, D, RC, RD)", "the direction (C, D, RC, RD)"))?;
        let rest = rest.trim_start();
        let amount_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.')
            .unwrap_or(rest.len());
        let amount = amount(&rest[..amount_end])?;
        let rest = rest[amount_end..].trim_start();
        let has_type = rest.starts_with(|c: char| c.is_ascii_uppercase());
        if !has_type && !rest.is_empty() {
            return Err(unread("loại giao dịch", "the type of transaction"));
        }
        let end = rest.char_indices().nth(4).map_or(rest.len(), |(at, _)| at);
        let (code, references) = rest.split_at(end);
        let (reference, bank_ref) = references.split_once("//").unwrap_or((references, ""));
        Ok(Entry {
            value_on,
            booked_on,
            // A reversed credit takes money out again.
            is_credit: mark.is_credit != mark.is_reversal,
            is_reversal: mark.is_reversal,
            is_expected: mark.is_expected,
            amount,
            has_type,
            code: code.get(1..).unwrap_or(""),
            reference: stated_id(reference),
            bank_ref: stated_id(bank_ref),
        })
    }
}

/// The first six digits.
fn value_date(text: &str) -> Option<(Day, &str)> {
    let (date, rest) = text.split_at_checked(6)?;
    Some((day_of(date)?, rest))
}

/// Four digits in the year that brings them closest to the value date; blanks, zeros or nothing stand for that date
/// itself.
fn entry_date(text: &str, value_on: Day) -> Option<(Day, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0 => Some((value_on, text.trim_start())),
        4 if text.starts_with("0000") => Some((value_on, text[4..].trim_start())),
        4 => Some((nearest(&text[..4], value_on)?, text[4..].trim_start())),
        // Written like the value date.
        6 => Some((day_of(&text[..6])?, text[6..].trim_start())),
        _ => None,
    }
}

/// Which way the money went.
struct Mark {
    is_credit: bool,
    is_reversal: bool,
    is_expected: bool,
}

impl Mark {
    /// `C`, `D`, `RC`, `RD`, `EC` or `ED`, with the third letter of the currency behind it, or all three.
    fn read(text: &str) -> Option<(Mark, &str)> {
        let (is_reversal, unmarked) = stripped(text, 'R');
        let (is_expected, unmarked) = if is_reversal {
            (false, unmarked)
        } else {
            stripped(unmarked, 'E')
        };
        let (is_credit, rest) = match unmarked.as_bytes().first()? {
            b'C' => (true, &unmarked[1..]),
            b'D' => (false, &unmarked[1..]),
            _ => return None,
        };
        let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let rest = match &rest[..letters] {
            "" | "VND" => &rest[letters..],
            // «DC» would be both ways.
            "C" if !is_credit => return None,
            one if one.len() == 1 => &rest[1..],
            _ => return None,
        };
        let mark = Mark {
            is_credit,
            is_reversal,
            is_expected,
        };
        Some((mark, rest))
    }
}

fn stripped(text: &str, letter: char) -> (bool, &str) {
    match text.strip_prefix(letter) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

/// Whole đồng. The standard wants a decimal comma; a point or none is read where the amount can be only one.
pub(crate) fn amount(text: &str) -> Result<i64, Sentence> {
    let unread = || Sentence::new("không đọc được số tiền.", "the amount cannot be read.");
    let marks: Vec<usize> = text.match_indices([',', '.']).map(|(at, _)| at).collect();
    let (whole, fraction) = match marks[..] {
        [] => (text.to_owned(), ""),
        [at] => (text[..at].to_owned(), &text[at + 1..]),
        // Several marks: the first ones group, and the last one too unless it is another sign.
        [first, .., last] => {
            let is_decimal = text.as_bytes()[first] != text.as_bytes()[last];
            let end = if is_decimal { last } else { text.len() };
            let groups: Vec<&str> = text[..end].split([',', '.']).collect();
            let is_grouped = groups[0].len() <= 3
                && !groups[0].is_empty()
                && groups[1..].iter().all(|group| group.len() == 3)
                && marks[..marks.len() - usize::from(is_decimal)]
                    .iter()
                    .all(|&at| text.as_bytes()[at] == text.as_bytes()[first]);
            if !is_grouped {
                return Err(unread());
            }
            let fraction = if is_decimal { &text[last + 1..] } else { "" };
            (groups.concat(), fraction)
        }
    };
    let whole = match whole.trim_start_matches('0') {
        "" if whole.is_empty() => return Err(unread()),
        "" => "0",
        digits => digits,
    };
    let digits = whole.bytes().chain(fraction.bytes());
    if whole.len() > 15 || !digits.into_iter().all(|b| b.is_ascii_digit()) {
        return Err(unread());
    }
    // «65,000» and «65.000» may be sixty-five or sixty-five thousand.
    if fraction.len() > 2 && marks.len() == 1 && whole.len() <= 3 {
        return Err(if text.contains('.') {
            Sentence::new(
                "số tiền có dấu chấm («.») trước ba chữ số: không rõ là phần nghìn hay phần lẻ.",
                "the amount has a point («.») before three digits: it may group thousands or begin a fraction.",
            )
        } else {
            Sentence::new(
                "số tiền có dấu phẩy («,») trước ba chữ số: không rõ là phần nghìn hay phần lẻ.",
                "the amount has a comma («,») before three digits: it may group thousands or begin a fraction.",
            )
        });
    }
    if fraction.bytes().any(|b| b != b'0') {
        return Err(Sentence::new(
            "số tiền có phần lẻ, mà đồng Việt Nam không có số lẻ.",
            "the amount has a fraction, which the Vietnamese dong does not have.",
        ));
    }
    whole.parse().map_err(|_| unread())
}

/// `YYMMDD` of this century. Banks that count thirty days a month write 29 and 30 February for its last day.
fn day_of(text: &str) -> Option<Day> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    in_year(2000 + text[..2].parse::<i64>().ok()?, &text[2..])
}

/// `MMDD` of a year.
fn in_year(year: i64, text: &str) -> Option<Day> {
    let month = text.get(..2)?.parse().ok()?;
    let in_month = text.get(2..4)?.parse().ok()?;
    match (month, in_month) {
        (2, 29 | 30) => day(year, 2, 29).or_else(|| day(year, 2, 28)),
        _ => day(year, month, in_month),
    }
}

/// `MMDD` of the year that brings it closest to another day.
fn nearest(text: &str, to: Day) -> Option<Day> {
    let year: i64 = to.to_string().get(..4)?.parse().ok()?;
    let days = (year - 1..=year + 1).filter_map(|year| in_year(year, text));
    days.min_by_key(|day| (day.number() - to.number()).abs())
}

/// The text of `:86:` for people and for the search of codes, its lines joined: line breaks are not spaces. Of
/// details in subfields, what the payment is for (20 to 29 and 60 to 63, cut anywhere by the bank), then who paid.
pub(crate) fn note_of(details: &str) -> String {
    // Tabs and control characters come from the systems of banks; nobody typed them.
    let text: String = details
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    let subfields = subfields(&text);
    let joined = |wanted: fn(u32) -> bool| -> String {
        let parts = subfields.iter().filter(|(code, _)| wanted(*code));
        parts.map(|(_, text)| *text).collect()
    };
    let purpose = joined(|code| matches!(code, 20..=29 | 60..=63));
    let payer = joined(|code| matches!(code, 32 | 33));
    let all = || {
        let texts: Vec<&str> = subfields.iter().map(|(_, text)| text.trim()).collect();
        texts.join(" ")
    };
    match (subfields.is_empty(), purpose.is_empty()) {
        (true, _) => text,
        (false, true) => all(),
        (false, false) => format!("{} {}", purpose.trim(), payer.trim()).trim().to_owned(),
    }
}

/// The subfields of details that are written in them: three digits of a code or nothing, then for each subfield a
/// sign, always the same, with two digits. Empty for other details.
fn subfields(text: &str) -> Vec<(u32, &str)> {
    const SIGNS: [char; 5] = ['?', '~', '<', '>', '^'];
    let code_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let behind = match code_digits {
        0 => text,
        3 => &text[3..],
        _ => return Vec::new(),
    };
    let Some(sign) = behind.chars().next().filter(|c| SIGNS.contains(c)) else {
        return Vec::new();
    };
    let code_at = |at: usize| -> Option<u32> {
        let digits = behind.get(at + 1..at + 3)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    };
    let starts: Vec<(usize, u32)> = behind
        .match_indices(sign)
        .filter_map(|(at, _)| Some((at, code_at(at)?)))
        .collect();
    if starts.first().is_none_or(|(at, _)| *at != 0) {
        return Vec::new();
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at);
    let ends = ends.chain(std::iter::once(behind.len()));
    let parts = starts.iter().zip(ends);
    parts
        .map(|((at, code), end)| (*code, &behind[at + 3..end]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_can_mean_one_thing_only_are_read() {
        let day_15 = Day::ymd(2026, 6, 15);
        for (line, credit, amount, code, reference, bank_ref) in [
            ("2606150615C65000,NTRFDH1//FT1", true, 65_000, "TRF", "DH1", "FT1"),
            ("260615    C65000,NTRFNONREF//FT1", true, 65_000, "TRF", "", "FT1"),
            ("260615C65000,NTRFNONREF", true, 65_000, "TRF", "", ""),
            ("2606150000C65000,NTRFNONREF//NONREF", true, 65_000, "TRF", "", ""),
            ("260615260615D65000,NTRF", false, 65_000, "TRF", "", ""),
            // The third letter of VND is D; some banks write R for every currency.
            ("2606150615CD65000NMSCFT1", true, 65_000, "MSC", "FT1", ""),
            ("2606150615DD65000,NMSCFT1", false, 65_000, "MSC", "FT1", ""),
            ("2606150615DR65000,00NCHGX", false, 65_000, "CHG", "X", ""),
            ("2606150615CVND65000,NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C 65000,00 NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C65000.00NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C65000.0NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C65.000,00NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C1,065,000.00NTRFX", true, 1_065_000, "TRF", "X", ""),
            ("2606150615C1.065.000NTRFX", true, 1_065_000, "TRF", "X", ""),
            ("2606150615C000000000065000,00NTRFX", true, 65_000, "TRF", "X", ""),
            ("2606150615C65000,000NTRFX", true, 65_000, "TRF", "X", ""),
            (
                "2606150615C65000,S05168790452",
                true,
                65_000,
                "051",
                "68790452",
                "",
            ),
            ("2606150615C65000,NMSC", true, 65_000, "MSC", "", ""),
            ("2606150615C65000,", true, 65_000, "", "", ""),
            (
                "2606150615C65000,NTRF  REF 1 // ---",
                true,
                65_000,
                "TRF",
                "REF 1",
                "",
            ),
        ] {
            let entry = Entry::parse(line).unwrap_or_else(|why| panic!("{line}: {}", why.en));
            assert_eq!(
                (
                    entry.is_credit,
                    entry.amount,
                    entry.code,
                    entry.reference,
                    entry.bank_ref
                ),
                (credit, amount, code, reference, bank_ref),
                "{line}"
            );
            assert_eq!((entry.value_on, entry.booked_on), (day_15, day_15), "{line}");
        }
    }

    #[test]
    fn reversals_and_announcements_keep_their_direction() {
        // The mark, whether money comes in, whether it is a reversal, whether it is only expected.
        for (mark, wanted) in [
            ("C", (true, false, false)),
            ("D", (false, false, false)),
            ("RC", (false, true, false)),
            ("RD", (true, true, false)),
            ("RCD", (false, true, false)),
            ("RDD", (true, true, false)),
            ("RCR", (false, true, false)),
            ("RDR", (true, true, false)),
            ("EC", (true, false, true)),
            ("ED", (false, false, true)),
        ] {
            let line = format!("2606150615{mark}65000,NTRFX");
            let entry = Entry::parse(&line).unwrap();
            assert_eq!(
                (entry.is_credit, entry.is_reversal, entry.is_expected),
                wanted,
                "{mark}"
            );
        }
    }

    #[test]
    fn what_may_mean_two_things_is_refused_by_name() {
        for (line, said) in [
            ("2606150615X65000,NTRFX", "chiều tiền"),
            ("2606150615DC65000,NTRFX", "chiều tiền"),
            ("2606150615CUSD65000,NTRFX", "chiều tiền"),
            ("260615065000,NTRFX", "ngày bút toán"),
            ("2613150615C65000,NTRFX", "ngày giá trị"),
            ("2606151315C65000,NTRFX", "ngày bút toán"),
            ("2606150615C65.000NTRFX", "dấu chấm"),
            ("2606150615C65,000NTRFX", "dấu phẩy"),
            ("2606150615C65000,50NTRFX", "phần lẻ"),
            ("2606150615C65 000,00NTRFX", "loại giao dịch"),
            ("2606150615C65'000,00NTRFX", "loại giao dịch"),
            ("2606150615C1.06.000NTRFX", "số tiền"),
            ("2606150615CNTRFX", "chiều tiền"),
            ("2606150615C,NTRFX", "số tiền"),
            ("", "ngày giá trị"),
        ] {
            let why = Entry::parse(line).expect_err(line);
            assert!(why.vi.contains(said), "{line}: {}", why.vi);
        }
    }

    #[test]
    fn a_month_of_thirty_days_ends_where_it_ends() {
        let entry = Entry::parse("2602300302C5,NTRF").unwrap();
        assert_eq!(
            (entry.value_on, entry.booked_on),
            (Day::ymd(2026, 2, 28), Day::ymd(2026, 3, 2))
        );
    }

    #[test]
    fn subfields_are_joined_without_their_marks() {
        for (details, wanted) in [
            (
                "166?00GHI CO?10931?20SVWZ+TIEN MUA RAU H?21C7K3M9J?30VIDUVNVX?31113366?32NGUOI TRA?33 VI DU",
                "SVWZ+TIEN MUA RAU HC7K3M9J NGUOI TRA VI DU",
            ),
            ("020~00VE02~20HC7K~21 3M9J~63RAU", "HC7K 3M9JRAU"),
            ("020<00X<20HC7K3M9J", "HC7K3M9J"),
            ("?20HC7K?213M9J", "HC7K3M9J"),
            // Nothing says what it is for: all of it.
            ("808?00PHI?34888", "PHI 888"),
            ("HC7K3M9J TIEN RAU?20", "HC7K3M9J TIEN RAU?20"),
            ("166 HC7K3M9J", "166 HC7K3M9J"),
            ("166?AB HC7K3M9J", "166?AB HC7K3M9J"),
            ("a\tb\u{1}c", "a bc"),
        ] {
            assert_eq!(note_of(details), wanted, "{details}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,60}", digits in "[0-9]{6,10}[CDRE]{0,2}[0-9,.]{0,12}\\PC{0,9}") {
            for line in [line, digits] {
                if let Ok(entry) = Entry::parse(&line) {
                    prop_assert!(entry.amount >= 0);
                }
                let _ = note_of(&line);
            }
        }

        #[test]
        fn an_amount_is_its_digits(amount_vnd in 0_i64..=9_999_999_999_999, spelling in 0_usize..7) {
            let plain = amount_vnd.to_string();
            let mut grouped = String::new();
            for (at, digit) in plain.chars().enumerate() {
                if at > 0 && (plain.len() - at).is_multiple_of(3) {
                    grouped.push('.');
                }
                grouped.push(digit);
            }
            let spelt = match spelling {
                0 => format!("{plain},"),
                1 => format!("{plain},0"),
                2 => format!("{plain},00"),
                3 => plain,
                4 => format!("{plain}.00"),
                5 => format!("000{plain},00"),
                _ => format!("{grouped},00"),
            };
            prop_assert_eq!(amount(&spelt).map_err(|why| why.en), Ok(amount_vnd), "{}", spelt);
        }

        #[test]
        fn a_code_cut_between_subfields_is_whole_again(cuts in proptest::collection::vec(1_usize..20, 1..4)) {
            let text = "CHUYEN TIEN MUA RAU HC7K3M9J";
            let mut places: Vec<usize> = cuts.into_iter().filter(|at| *at < text.len()).collect();
            places.sort_unstable();
            places.dedup();
            let mut details = "166?00GHI CO".to_owned();
            let mut from = 0;
            for (code, to) in (20..).zip(places.into_iter().chain([text.len()])) {
                details.push_str(&format!("?{code}{}", &text[from..to]));
                from = to;
            }
            prop_assert_eq!(note_of(&details), text);
        }
    }
}

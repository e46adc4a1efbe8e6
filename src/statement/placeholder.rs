//! What stands in the place of an id and is none: NONREF, NOTPROVIDED, dashes, zeros.

use crate::vn::fold;

/// Words by which files say that there is no id, without what is no letter or digit.
const NO_ID: [&str; 29] = [
    "NONREF",
    "NOREF",
    "NOREFERENCE",
    "NOTPROVIDED",
    "NOTPROVIDE",
    "NOTAVAILABLE",
    "NOTAPPLICABLE",
    "NOTGIVEN",
    "NOTKNOWN",
    "NOTSPECIFIED",
    "NOTUSED",
    "UNKNOWN",
    "UNDEFINED",
    "UNSPECIFIED",
    "NOID",
    "NOTRN",
    "NA",
    "NAN",
    "NIL",
    "NONE",
    "NULL",
    "EMPTY",
    "BLANK",
    "DEFAULT",
    "KHONG",
    "KHONGCO",
    "TRONG",
    "KREF",
    "EREF",
];
/// No text that is longer, with marks and blanks between, says only that.
const NO_ID_BYTES_MAX: usize = 48;
/// So many times one character and nothing else is no id.
const ALIKE_MIN: usize = 5;

/// An id as a file states it, without blanks around it; empty if it only says that there is none.
pub fn stated_id(text: &str) -> &str {
    let text = text.trim();
    if is_placeholder(text) { "" } else { text }
}

fn is_placeholder(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| c.is_alphanumeric());
    let Some(first) = letters.next() else { return true };
    let alike = letters.clone().take_while(|c| *c == first).count();
    let is_all_alike = letters.clone().nth(alike).is_none();
    if is_all_alike {
        return first == '0' || alike + 1 >= ALIKE_MIN || (alike > 0 && matches!(first, 'x' | 'X'));
    }
    // Nearly every id holds a digit, and no word for none does.
    if text.len() > NO_ID_BYTES_MAX || text.bytes().any(|b| b.is_ascii_digit() && b != b'0') {
        return false;
    }
    let word = fold(text).to_uppercase();
    let is_word = |part: &str| {
        let plain: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.is_empty() || NO_ID.contains(&plain.as_str())
    };
    // Also in two parts, as «NONREF//NONREF» or «KREF+NONREF».
    is_word(&word) || word.split(['/', '+', ':', '|']).all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_that_there_is_no_id_is_none() {
        for text in [
            "",
            " ",
            "-",
            "--",
            ".",
            "/",
            "0",
            "000000",
            "0000-0000",
            "NONREF",
            "nonref",
            " NONREF ",
            "NONREF//NONREF",
            "KREF+NONREF",
            "NOTPROVIDED",
            "Not Provided",
            "N/A",
            "n.a.",
            "null",
            "NONE",
            "XXXX",
            "999999999999",
            "không có",
            "Không",
            "NOT-AVAILABLE",
            "unknown",
        ] {
            assert_eq!(stated_id(text), "", "{text}");
        }
        for (text, id) in [
            ("FT26166000501", "FT26166000501"),
            (" 1 ", "1"),
            ("11", "11"),
            ("10", "10"),
            ("00012", "00012"),
            ("NONREF1", "NONREF1"),
            ("KHONG TEN 15", "KHONG TEN 15"),
            ("A", "A"),
            ("HD/000/15", "HD/000/15"),
        ] {
            assert_eq!(stated_id(text), id);
        }
    }
}

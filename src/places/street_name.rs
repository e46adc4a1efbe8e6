//! Which spellings of a street's or market's name are one name, and which only look alike.
//!
//! Three steps, from sure to doubtful: [`identity`] is equal where nobody would see two streets, [`without_accents`]
//! where one of the two may have been typed without accents, [`likeness`] where a person should look.

use crate::vn::{fold, name_key};

/// What stands before a name and is no part of it.
const WORDS_FOR_STREET: [&str; 3] = ["đường", "đ", "đg"];
/// The same as [`WORDS_FOR_STREET`], typed without accents, and the words that are asked about only.
const PLAIN_WORDS_FOR_STREET: [&str; 3] = ["duong", "d", "dg"];
const PLAIN_WORDS_ALIKE: [&str; 6] = ["duong", "d", "dg", "pho", "cho", "p"];

/// The name as identity of a street: "Đường Trần Phú", "đ. Trần Phú" and "TRẦN  PHÚ" are one. Accents count, where
/// the tone mark stands does not.
pub fn identity(name: &str) -> String {
    let key = name_key(&words(name));
    let words: Vec<String> = WORDS_FOR_STREET.iter().map(|w| name_key(w)).collect();
    without_first(&key, words.iter().map(String::as_str)).to_owned()
}

/// The name as identity of a market: "Hàn" and "Chợ Hàn" are one.
pub fn market_identity(name: &str) -> String {
    let key = name_key(&words(name));
    without_first(&key, [name_key("chợ").as_str()].into_iter()).to_owned()
}

/// What remains of an identity without its accents.
pub fn without_accents(identity: &str) -> String {
    fold(identity)
}

/// How an identity typed without any accents may be meant: whole, and without a first word that stands for "đường".
/// None where it has accents, so that each of them was meant.
pub fn typed_without_accents(identity: &str) -> Option<Vec<String>> {
    if without_accents(identity) != identity || !identity.chars().any(char::is_alphabetic) {
        return None;
    }
    let short = without_first(identity, PLAIN_WORDS_FOR_STREET.into_iter());
    let mut meant = vec![identity.to_owned()];
    if short != identity {
        meant.push(short.to_owned());
    }
    Some(meant)
}

/// What two names share that a person should compare before a new one is made: no accents, no blanks, `y` as `i`, no
/// first word that says what it is.
pub fn likeness(name: &str) -> String {
    let folded = fold(&words(name));
    without_first(&folded, PLAIN_WORDS_ALIKE.into_iter())
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| if c == 'y' { 'i' } else { c })
        .collect()
}

/// Whether one slip of the finger leads from one likeness to the other: a letter more, less, another, or two swapped.
/// Digits are no slips: "Kiệt 9" and "Kiệt 8" are two.
pub fn is_one_slip_apart(a: &str, b: &str) -> bool {
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    let (short, long): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if short.len() > long.len() {
        return is_one_slip_apart(b, a);
    }
    // Short names are a slip apart from too many others.
    if digits(a) != digits(b) || long.len() - short.len() > 1 || short.len() < 5 {
        return false;
    }
    let front = short.iter().zip(&long).take_while(|(x, y)| x == y).count();
    let (s, l) = (&short[front..], &long[front..]);
    match (s, l) {
        ([], _) => true,
        _ if s.len() < l.len() => *s == l[1..],
        ([x, y, s @ ..], [v, w, l @ ..]) if x == w && y == v && s == l => true,
        _ => s[1..] == l[1..],
    }
}

/// Words of letters and digits with single blanks between them: marks and letters of no width are no part of a name.
fn words(name: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c);
    let shown = name
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}'));
    let spaced: String = shown.map(|c| if is_word(c) { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without its first word, if that is one of these and something follows it.
fn without_first<'a, 'w>(text: &'a str, mut words: impl Iterator<Item = &'w str>) -> &'a str {
    match text.split_once(' ') {
        Some((first, rest)) if words.any(|w| w == first) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    #[test]
    fn spellings_of_one_street_have_one_identity() {
        for same in [
            "trần phú",
            "TRẦN PHÚ",
            "Đường Trần Phú",
            "đường  Trần\u{a0}Phú ",
            "đ. Trần Phú",
            "Đ.Trần Phú",
            "Đ Trần Phú",
            "Đg. Trần Phú",
            "Trần\u{200b} Phú.",
        ] {
            assert_eq!(identity(same), identity("Trần Phú"), "{same}");
        }
        assert_eq!(identity("Hoà Cường"), identity("Hòa Cường"));
        assert_eq!(identity("Đường 2/9"), identity("2/9"));
        for other in [
            "Tran Phu",
            "Trần Phu",
            "Nguyễn Dữ",
            "Dương Bá Trạc",
            "Đường",
            "2/9",
        ] {
            assert_ne!(identity(other), identity("Trần Phú"), "{other}");
        }
        assert_ne!(identity("2/9"), identity("29"));
        assert_ne!(identity("Dương Bá Trạc"), identity("Bá Trạc"));
        assert_eq!(market_identity("Hàn"), market_identity("chợ Hàn"));
    }

    #[test]
    fn a_name_without_accents_may_be_meant_with_and_without_its_first_word() {
        let meant = |name: &str| typed_without_accents(&identity(name));
        assert_eq!(meant("Duong Tran Phu").unwrap(), ["duong tran phu", "tran phu"]);
        assert_eq!(meant("d.Tran Phu").unwrap(), ["d tran phu", "tran phu"]);
        for plain in ["TRAN PHU", "Đường Tran Phu", "đ. tran phu"] {
            assert_eq!(meant(plain).unwrap(), ["tran phu"], "{plain}");
        }
        for accented in ["Trần Phu", "Đuong Tran Phu", "2/9", ""] {
            assert_eq!(meant(accented), None, "{accented}");
        }
        assert_eq!(without_accents(&identity("Đường Trần Phú")), "tran phu");
    }

    #[test]
    fn what_looks_alike_is_asked_about() {
        for alike in ["Tran Phu", "TrầnPhú", "Phố Trần Phú", "Trân Phu", "d tran phu"] {
            assert_eq!(likeness(alike), likeness("Trần Phú"), "{alike}");
        }
        assert_eq!(likeness("Lí Thường Kiệt"), likeness("Lý Thường Kiệt"));
        let slip = |a: &str, b: &str| is_one_slip_apart(&likeness(a), &likeness(b));
        assert!(slip("Trần Phsú", "Trần Phú") && slip("Trần Ph", "Trần Phú") && slip("Trầm Phú", "Trần Phú"));
        assert!(
            slip("Trần Phúu", "Trần Phú") && slip("Trần Púh", "Trần Phú") && !slip("Trần Hưng", "Trần Phú")
        );
        assert!(!slip("Tiên Sơn 1", "Tiên Sơn 2") && !slip("An Trung 1", "An Trung 11") && !slip("B1", "B2"));
    }

    proptest! {
        #[test]
        fn how_a_name_is_typed_does_not_change_its_identity(name in "[A-Za-zÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝĂĐĨŨƠƯẠ-ỹ]{1,8}( [a-zà-ãè-êìíò-õùúýăđĩũơưẠ-ỹ]{1,8}){0,3}", dot in any::<bool>()) {
            let decomposed: String = name.to_uppercase().nfd().collect();
            let typed = format!(" Đ{} {} ", if dot { "." } else { "ường" }, decomposed.replace(' ', "  "));
            prop_assert_eq!(identity(&typed), identity(&format!("đường {name}")));
            prop_assert_eq!(likeness(&typed), likeness(&format!("đường {name}")));
            prop_assert!(!is_one_slip_apart("", &likeness(&name)));
        }
    }
}

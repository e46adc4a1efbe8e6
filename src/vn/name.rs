//! Keys of Vietnamese names for searching, identity and alphabetical order.

use unicode_normalization::UnicodeNormalization;

/// A name without accents, in lower case, with single spaces: what search compares.
///
/// `Hoà` and `Hòa` fold to the same text, `Đường` to `duong` (docs/spec/domain.md, section 5).
pub fn fold(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.nfd() {
            match c {
                '\u{0300}'..='\u{036f}' => {}
                'đ' | 'Đ' => out.push('d'),
                c => out.extend(c.to_lowercase()),
            }
        }
    }
    out
}

/// A name as identity: accents count, but letter case, spacing, composition and where the tone mark
/// stands (`Hoà` or `Hòa`) do not. `Nguyễn Hanh` and `Nguyễn Hành` stay two names.
pub fn name_key(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let mut tone = None;
        for c in word.to_lowercase().nfd() {
            match tone_rank(c) {
                Some(_) => tone = Some(c),
                None => out.push(c),
            }
        }
        out.extend(tone);
    }
    out
}

/// A key whose byte order is the Vietnamese alphabet's: a ă â b c d đ e ê …, tones only between
/// names that are otherwise equal, and runs of digits by their value (`Kiệt 9` before `Kiệt 10`).
pub fn sort_key(name: &str) -> String {
    let mut letters = String::with_capacity(name.len() * 2);
    let mut tones = String::new();
    let mut digits = String::new();
    for word in name.split_whitespace() {
        if !letters.is_empty() {
            flush_number(&mut digits, &mut letters);
            letters.push(' ');
        }
        for c in word.to_lowercase().nfd() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            flush_number(&mut digits, &mut letters);
            if let Some(rank) = tone_rank(c) {
                tones.push(rank);
            } else {
                match c {
                    // breve, circumflex, horn make a letter of its own that stands after every
                    // name beginning with the plain one: `{` to `}` are above `z` in byte order
                    '\u{0306}' => letters.push('{'),
                    '\u{0302}' => letters.push('|'),
                    '\u{031b}' => letters.push('}'),
                    'đ' => letters.push_str("d{"),
                    c => {
                        if c.is_alphabetic() {
                            tones.push('0');
                        }
                        letters.push(c);
                    }
                }
            }
        }
    }
    flush_number(&mut digits, &mut letters);
    letters.push('\u{1}');
    letters.push_str(&tones);
    letters
}

/// Writes a run of digits so that its byte order is the order of its value: length first.
fn flush_number(digits: &mut String, to: &mut String) {
    if digits.is_empty() {
        return;
    }
    let value = digits.trim_start_matches('0');
    to.push('#');
    to.push(char::from(b'A' + value.len().min(25) as u8));
    to.push_str(value);
    digits.clear();
}

/// Order of the tones: none, huyền, hỏi, ngã, sắc, nặng.
fn tone_rank(c: char) -> Option<char> {
    match c {
        '\u{0300}' => Some('1'),
        '\u{0309}' => Some('2'),
        '\u{0303}' => Some('3'),
        '\u{0301}' => Some('4'),
        '\u{0323}' => Some('5'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folding_ignores_accents_and_tone_placement() {
        assert_eq!(fold("Đường  Hoà Bình"), "duong hoa binh");
        assert_eq!(fold("Hòa"), fold("Hoà"));
        assert_eq!(fold("NGUYỄN VĂN ĐẬU"), "nguyen van dau");
    }

    #[test]
    fn a_name_key_keeps_accents_apart() {
        assert_eq!(name_key("Hoà  Cường"), name_key("hòa cường"));
        assert_eq!(name_key("Thúy"), name_key("Thuý"));
        assert_ne!(name_key("Nguyễn Hanh"), name_key("Nguyễn Hành"));
        assert_ne!(name_key("Nguyễn Du"), name_key("Nguyễn Dữ"));
        let decomposed: String = "Lê Duẩn".nfd().collect();
        assert_eq!(name_key("Lê Duẩn"), name_key(&decomposed));
    }

    #[test]
    fn names_sort_by_the_vietnamese_alphabet() {
        let sorted = [
            "An",
            "Án",
            "Ăn",
            "Ân",
            "Bạch Đằng",
            "Cao Thắng",
            "Dương",
            "Đà",
            "Đống Đa",
            "Em",
            "Êm",
            "Kiệt 9",
            "Kiệt 10",
            "Lê Đình Dương",
            "Lê Đình Lý",
            "Oanh",
            "Ông Ích Khiêm",
            "Ơn",
            "Trần",
            "Ưng",
        ];
        for pair in sorted.windows(2) {
            assert!(
                sort_key(pair[0]) < sort_key(pair[1]),
                "{} before {}",
                pair[0],
                pair[1]
            );
        }
        let tones = ["ma", "mà", "mả", "mã", "má", "mạ", "mác"];
        for pair in tones.windows(2) {
            assert!(
                sort_key(pair[0]) < sort_key(pair[1]),
                "{} before {}",
                pair[0],
                pair[1]
            );
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(name in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&name)), fold(&name));
        }
    }
}

//! The code of a stall, with its check character, and how it is found in a transfer note.

use std::fmt;

use crate::vn::{Sentence, error_by_sentence, fold, sentence};

const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The code of a stall: 8 characters, the last one a check character, so that every single wrong
/// character and every swap of two is found (docs/spec/domain.md, section 3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StallCode(String);

/// Why a text is no stall code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StallCodeError {
    Length(usize),
    /// A character outside the alphabet.
    Character(char),
    /// The check character does not fit.
    Check(String),
}

error_by_sentence!(StallCodeError);

impl StallCodeError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            StallCodeError::Length(length) => sentence!(
                "mã sạp có {length} ký tự, phải có đúng 8",
                "a stall code has exactly 8 characters, this one {length}"
            ),
            StallCodeError::Character(character) => sentence!(
                "mã sạp không được có ký tự «{character}» (chỉ dùng 2–9 và A–Z, không có O, I)",
                "a stall code has no character «{character}» (only 2–9 and A–Z without O and I)"
            ),
            StallCodeError::Check(code) => sentence!(
                "mã sạp «{code}» sai ký tự kiểm tra, hãy chép lại từ thẻ",
                "stall code «{code}» does not fit its check character; copy it from the card again"
            ),
        }
    }
}

impl StallCode {
    /// Reads a code; lower case is how people type it and is taken.
    pub fn parse(text: &str) -> Result<StallCode, StallCodeError> {
        let code = text.trim().to_uppercase();
        let length = code.chars().count();
        if length != 8 {
            return Err(StallCodeError::Length(length));
        }
        let mut sum = 0;
        for c in code.chars() {
            let value = value_of(c).ok_or(StallCodeError::Character(c))?;
            // Horner's rule: after eight steps character i carries the factor 2^(8-i).
            sum = doubled(sum) ^ value;
        }
        match sum {
            0 => Ok(StallCode(code)),
            _ => Err(StallCodeError::Check(code)),
        }
    }

    /// The code whose first seven characters spell this number (35 bits are used).
    pub fn from_number(number: u64) -> StallCode {
        let mut code = String::with_capacity(8);
        let mut sum = 0;
        for i in (0..7).rev() {
            let value = (number >> (5 * i)) as u8 & 31;
            code.push(char::from(ALPHABET[usize::from(value)]));
            sum = doubled(sum) ^ value;
        }
        // The check character has the factor 1 and must bring the sum to 0.
        code.push(char::from(ALPHABET[usize::from(doubled(sum))]));
        StallCode(code)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The one of these codes that a transfer note carries: as a whole word first, then with everything but
/// letters and digits removed, since banks cut, wrap and re-case the note (docs/spec/providers.md, section 7).
/// None when no code or more than one is found: a note never guesses.
pub fn code_in_note<'a>(note: &str, codes: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let folded = fold(note).to_uppercase();
    let words: Vec<&str> = folded.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let joined: String = words.concat();
    let mut whole = codes.clone().filter(|code| words.contains(code));
    match (whole.next(), whole.next()) {
        (Some(code), None) => return Some(code),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let mut inside = codes.filter(|code| joined.contains(code));
    match (inside.next(), inside.next()) {
        (Some(code), None) => Some(code),
        _ => None,
    }
}

fn value_of(c: char) -> Option<u8> {
    let byte = u8::try_from(c).ok()?;
    ALPHABET.iter().position(|&a| a == byte).map(|i| i as u8)
}

/// Multiplication by x in GF(32) with x^5 + x^2 + 1.
fn doubled(value: u8) -> u8 {
    let shifted = value << 1;
    match shifted & 32 {
        0 => shifted,
        _ => (shifted ^ 0b100101) & 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_codes_of_the_domain_guide_are_valid() {
        for code in ["HC7K3M9J", "ABCDEFG7", "hc7k3m9j"] {
            assert!(StallCode::parse(code).is_ok(), "{code}");
        }
        assert!(matches!(
            StallCode::parse("HC7K3M96"),
            Err(StallCodeError::Check(_))
        ));
        assert_eq!(StallCode::parse("HC7K3M9"), Err(StallCodeError::Length(7)));
        assert_eq!(StallCode::parse("HC7K3M9O"), Err(StallCodeError::Character('O')));
    }

    #[test]
    fn a_code_is_found_in_what_banks_make_of_a_note() {
        let codes = ["HC7K3M9J", "ABCDEFG7"];
        let found = |note| code_in_note(note, codes.iter().copied());
        assert_eq!(found("hc7k3m9j tien rau"), Some("HC7K3M9J"));
        assert_eq!(
            found("MBVCB.123.456.HC7K3M9J.CT tu 0011 toi 0022"),
            Some("HC7K3M9J")
        );
        assert_eq!(found("HC7K 3M9J"), Some("HC7K3M9J"));
        assert_eq!(found("xxHC7K3M9Jyy"), Some("HC7K3M9J"));
        assert_eq!(found("HC7K3M9J ABCDEFG7"), None);
        assert_eq!(found("tien rau"), None);
    }

    proptest! {
        #[test]
        fn every_single_slip_and_every_swap_is_found(number in 0u64..1 << 35, i in 0usize..8, j in 0usize..8, to in 0usize..32) {
            let code = StallCode::from_number(number);
            prop_assert_eq!(StallCode::parse(code.as_str()), Ok(code.clone()));
            let mut slipped = code.as_str().as_bytes().to_vec();
            slipped[i] = ALPHABET[to];
            let mut swapped = code.as_str().as_bytes().to_vec();
            swapped.swap(i, j);
            for wrong in [slipped, swapped] {
                let wrong = String::from_utf8(wrong).unwrap();
                prop_assert_eq!(StallCode::parse(&wrong).is_ok(), wrong == code.as_str());
            }
        }
    }
}

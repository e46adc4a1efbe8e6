//! PINs: which may be chosen, what is kept of one, and how long whoever mistyped one waits.

use std::fmt;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

use crate::vn::{Phone, TimeMs};

/// Digits of a PIN.
const DIGITS: usize = 6;
/// Wrong PINs of one phone that cost nothing: people mistype.
const WAITS_FROM: i64 = 3;
/// The first wait; each further wrong PIN doubles it.
const FIRST_WAIT_MS: i64 = 15_000;
/// With one guess in two hours a million PINs take two centuries.
const WAIT_MS_MAX: i64 = 2 * 60 * 60_000;

/// Six digits that a person knows. Shows itself masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

/// Why a PIN may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakPin {
    /// `222222`, `121212`, `123123`, `123456` or `654321`: what is tried first.
    Pattern,
    /// Its digits stand in the phone number.
    OfPhone,
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••")
    }
}

impl Pin {
    /// What somebody typed, blanks aside; none if it is not six digits.
    pub fn typed(text: &str) -> Option<Pin> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let is_pin = plain.len() == DIGITS && plain.bytes().all(|b| b.is_ascii_digit());
        is_pin.then_some(Pin(plain))
    }

    /// A PIN to begin with, from random bytes. 2^64 is so much more than a million that each is as likely as another.
    pub fn from_random(bytes: [u8; 8]) -> Pin {
        Pin(format!("{:06}", u64::from_be_bytes(bytes) % 1_000_000))
    }

    /// The digits, to be told once to the person.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Why this one may not be chosen for this phone.
    pub fn weakness(&self, phone: &Phone) -> Option<WeakPin> {
        let digits = self.0.as_bytes();
        let repeats = |length: usize| digits.chunks(length).all(|chunk| chunk == &digits[..length]);
        let steps = |by: i16| {
            digits
                .windows(2)
                .all(|two| i16::from(two[1]) - i16::from(two[0]) == by)
        };
        if [1, 2, 3].into_iter().any(repeats) || steps(1) || steps(-1) {
            Some(WeakPin::Pattern)
        } else if phone.reveal().contains(&self.0) {
            Some(WeakPin::OfPhone)
        } else {
            None
        }
    }

    /// What is kept of it: Argon2id with 19 MiB and two passes, as OWASP's Password Storage Cheat Sheet asks for, as a
    /// PHC string. Takes some ten milliseconds of a core.
    pub fn hash(&self, salt: [u8; 16]) -> String {
        // Sixteen bytes are a salt of a length that is allowed, and six digits a password that is.
        let salt = SaltString::encode_b64(&salt).expect("sixteen bytes are a salt");
        Argon2::default()
            .hash_password(self.0.as_bytes(), &salt)
            .expect("six digits can be hashed")
            .to_string()
    }

    /// Whether this is the PIN of which `hash` is kept. A damaged hash fits none.
    pub fn fits(&self, hash: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(self.0.as_bytes(), &hash)
                .is_ok()
        })
    }
}

/// How long a phone still has to wait after so many wrong PINs in a row, milliseconds; 0 if it may try now.
pub fn pin_wait_ms(wrong: i64, last_wrong: TimeMs, now: TimeMs) -> i64 {
    let wait_ms = match wrong - WAITS_FROM {
        more if more < 0 => return 0,
        // 15 s doubled ten times is more than the longest wait.
        more => (FIRST_WAIT_MS << more.min(10)).min(WAIT_MS_MAX),
    };
    // Never longer than the wait itself, should the clock be set back.
    (last_wrong.0 + wait_ms - now.0).clamp(0, wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        Pin::typed(text).unwrap()
    }

    #[test]
    fn six_digits_are_a_pin_and_nothing_else_is() {
        assert_eq!(pin(" 408 317 ").reveal(), "408317");
        for text in ["", "40831", "4083175", "40831a", "４０８３１７"] {
            assert_eq!(Pin::typed(text), None, "{text}");
        }
        assert_eq!(Pin::from_random([0; 8]).reveal(), "000000");
        assert_eq!(Pin::from_random([0xff; 8]).reveal().len(), 6);
        assert_eq!(format!("{:?}", pin("408317")), "••••••");
    }

    #[test]
    fn what_is_tried_first_may_not_be_chosen() {
        let phone = Phone::parse("0905 408 317").unwrap();
        for (text, why) in [
            ("222222", Some(WeakPin::Pattern)),
            ("121212", Some(WeakPin::Pattern)),
            ("123123", Some(WeakPin::Pattern)),
            ("345678", Some(WeakPin::Pattern)),
            ("987654", Some(WeakPin::Pattern)),
            ("408317", Some(WeakPin::OfPhone)),
            ("090540", None),
            ("905408", Some(WeakPin::OfPhone)),
            ("271828", None),
            ("112233", None),
        ] {
            assert_eq!(pin(text).weakness(&phone), why, "{text}");
        }
    }

    #[test]
    fn only_the_pin_fits_its_hash() {
        let hash = pin("271828").hash([7; 16]);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("271828"));
        assert!(pin("271828").fits(&hash));
        assert!(!pin("271829").fits(&hash));
        assert!(!pin("271828").fits("damaged"));
        assert_ne!(hash, pin("271828").hash([8; 16]), "another salt");
    }

    #[test]
    fn each_wrong_pin_doubles_the_wait_and_no_clock_prolongs_it() {
        let at = TimeMs(1_000_000_000);
        let waits: Vec<i64> = (0..6).map(|wrong| pin_wait_ms(wrong, at, at)).collect();
        assert_eq!(waits, [0, 0, 0, 15_000, 30_000, 60_000]);
        assert_eq!(pin_wait_ms(1_000, at, at), WAIT_MS_MAX);
        assert_eq!(pin_wait_ms(3, at, TimeMs(at.0 + 15_000)), 0);
        assert_eq!(pin_wait_ms(3, at, TimeMs(at.0 - 86_400_000)), 15_000);
    }
}

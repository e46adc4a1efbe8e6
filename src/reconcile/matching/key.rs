//! Texts of ids as 128 bits, by which both sides are joined.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;

use crate::vn::digest_128;

/// Letters and digits of an id that is no counter.
const LONG_ID: usize = 8;
/// Digits among them.
const LONG_ID_DIGITS: usize = 5;

/// A text as 128 bits of its SHA-256, so that a million rows are compared without their texts.
///
/// Two texts with one key would have to agree in half a SHA-256: among ten million texts that is less
/// likely than 1 in 10^24. The first half is never zero, so that an absent key takes no room of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key128(NonZeroU64, u64);

impl Hash for Key128 {
    /// Half of it is spread as evenly as all of it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.1);
    }
}

impl Key128 {
    /// Of fields, each preceded by its length so that no two lists of fields run together.
    pub fn of<F: AsRef<[u8]> + ?Sized>(fields: &[&F]) -> Key128 {
        let bits = u128::from_be_bytes(digest_128(fields));
        Key128::from_bits([(bits >> 64) as u64, bits as u64])
    }

    /// Of an id, whatever a file calls it: the same id is the same in each column, also where a program changed its
    /// letters to capitals, lost its leading zeros or put something behind it. The key remembers whether the id is long
    /// enough to be no counter (`Key128::is_long`).
    pub fn of_id(id: &str) -> Key128 {
        let id = comparable(id);
        let key = Key128::of(&["id", &*id]);
        Key128(key.0, key.1 & !1 | u64::from(is_long_id(&id)))
    }

    /// Whether an id is so long that two payments have it only if it was given to both: a counter that begins anew
    /// each day is short, however many zeros it is filled up with. Of keys of ids only.
    pub(super) fn is_long(self) -> bool {
        self.1 & 1 == 1
    }

    /// From bits that were kept, as [`Key128::bits`] gave them.
    pub fn from_bits([high, low]: [u64; 2]) -> Key128 {
        Key128(NonZeroU64::new(high).unwrap_or(NonZeroU64::MIN), low)
    }

    /// The bits, to be kept.
    pub fn bits(self) -> [u64; 2] {
        [self.0.get(), self.1]
    }
}

/// An id without what programs do to it: capitals, blanks, the zeros in front of a number and the `.0` behind it, and
/// what a bank adds behind a backslash (`FT26166000501\BNK`).
fn comparable(id: &str) -> Cow<'_, str> {
    let own = match id.split_once('\\') {
        Some((own, _)) if is_long_id(own) => own,
        _ => id,
    };
    let number = own.strip_suffix(".0").unwrap_or(own);
    if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        let bare = number.trim_start_matches('0');
        return Cow::Borrowed(if bare.is_empty() { number } else { bare });
    }
    if own.chars().any(|c| c.is_lowercase() || c.is_whitespace()) {
        let plain = own.chars().filter(|c| !c.is_whitespace());
        return Cow::Owned(plain.flat_map(char::to_uppercase).collect());
    }
    Cow::Borrowed(own)
}

/// Whether an id is long enough to be no counter of a day and no word: eight letters and digits, five of them digits,
/// without zeros that only fill it up.
fn is_long_id(id: &str) -> bool {
    let mut counted = 0;
    let mut digits = 0;
    let mut is_filling = true;
    for c in id.chars().filter(|c| c.is_alphanumeric()) {
        is_filling = match c {
            '0' => is_filling,
            c => !c.is_ascii_digit(),
        };
        let counts = c != '0' || !is_filling;
        counted += usize::from(counts);
        digits += usize::from(counts && c.is_ascii_digit());
    }
    counted >= LONG_ID && digits >= LONG_ID_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_long_by_what_does_not_fill_it_up() {
        for id in ["FT26166000501", "10000000", "A0000000-1234567", "5078-12345678"] {
            assert!(Key128::of_id(id).is_long(), "{id}");
        }
        for id in [
            "1",
            "0000000001",
            "PC0000012",
            "TX-00000000000000017",
            "HOCPHI THANG SAU",
            "1234567",
        ] {
            assert!(!Key128::of_id(id).is_long(), "{id}");
        }
    }

    #[test]
    fn an_id_is_the_same_whatever_a_program_did_to_it() {
        for (one, other) in [
            ("0012345678901", "12345678901"),
            ("ft26166000501", "FT26166000501"),
            ("FT26166000501\\BNK", "FT26166000501"),
            ("12345678901.0", "12345678901"),
            ("FT26 1660 00501", "FT26166000501"),
        ] {
            assert_eq!(Key128::of_id(one), Key128::of_id(other), "{one}");
        }
        for (one, other) in [
            ("FT26166000501", "FT26166000502"),
            ("A\\1", "A\\2"),
            ("10", "1"),
            ("TX01", "TX1"),
            ("0", "00"),
            ("1.0", "1.1"),
        ] {
            assert_ne!(Key128::of_id(one), Key128::of_id(other), "{one}");
        }
    }

    #[test]
    fn fields_do_not_run_together_and_bits_come_back() {
        let key = Key128::of(&["ab", "c"]);
        assert_ne!(key, Key128::of(&["a", "bc"]));
        assert_ne!(key, Key128::of(&["abc"]));
        assert_eq!(Key128::from_bits(key.bits()), key);
        // The key that a database holds of these fields.
        assert_eq!(key.bits(), [4_894_961_262_789_525_962, 8_330_321_848_185_312_244]);
        assert_eq!(Key128::from_bits([0, 7]).bits(), [1, 7]);
        assert_eq!(size_of::<Option<Key128>>(), 16);
    }
}

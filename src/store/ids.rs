//! Ids of rows that people and programs see: sorted by time, and not to be guessed.

use crate::vn::TimeMs;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of an id: 50 bits of time and 80 of randomness.
const ID_CHARS: usize = 26;

/// A new id: 26 characters, the time first (so that rows made together lie together), then 80 random bits.
///
/// # Panics
/// If the system's random generator fails; there is no safe way on without it.
pub fn fresh_id(now: TimeMs) -> String {
    let mut random = [0u8; 10];
    getrandom::fill(&mut random).expect("the system gives random bytes");
    let mut value = (now.0.max(0) as u128) & ((1 << 50) - 1);
    for byte in random {
        value = value << 8 | u128::from(byte);
    }
    spelt(value, ID_CHARS)
}

fn spelt(value: u128, chars: usize) -> String {
    (0..chars)
        .rev()
        .map(|i| char::from(DIGITS[(value >> (5 * i)) as usize & 31]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_new_and_ordered_by_time() {
        let a = fresh_id(TimeMs(1000));
        let b = fresh_id(TimeMs(1000));
        let later = fresh_id(TimeMs(1001));
        assert_eq!(a.len(), 26);
        assert_ne!(a, b);
        assert!(a < later && b < later);
    }
}

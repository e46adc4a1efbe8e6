use crate::vn::TimeMs;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of an id: 50 bits of time and 80 of randomness.
const ID_CHARS: usize = 26;
/// Characters that carry the time.
const TIME_CHARS: usize = 10;

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

/// The id of a batch of callbacks.
pub(super) fn batch_id(time: TimeMs) -> String {
    fresh_id(time)
}

/// The id of a receipt: its batch's, then its number within it, so that the receipts of a batch lie
/// together and in order.
pub(super) fn receipt_id(batch_id: &str, number: usize) -> String {
    format!("{batch_id}{}", spelt(number as u128, 4))
}

/// The time that an id begins with; none for a text that is no id.
pub(super) fn time_of(id: &str) -> Option<TimeMs> {
    let chars = id.get(..TIME_CHARS).filter(|_| id.len() >= ID_CHARS)?;
    let mut value = 0i64;
    for c in chars.bytes() {
        value = value << 5 | DIGITS.iter().position(|d| *d == c)? as i64;
    }
    Some(TimeMs(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_new_and_ordered_by_time() {
        let (a, b, later) = (
            fresh_id(TimeMs(1000)),
            fresh_id(TimeMs(1000)),
            fresh_id(TimeMs(1001)),
        );
        assert_eq!(a.len(), 26);
        assert_ne!(a, b);
        assert!(a < later && b < later);
    }

    #[test]
    fn receipts_of_a_batch_are_in_order_and_tell_their_time() {
        let time = TimeMs(1_772_330_401_123);
        let batch = batch_id(time);
        let ids: Vec<String> = [0, 1, 31, 32, 5000].map(|n| receipt_id(&batch, n)).to_vec();
        assert!(ids.is_sorted() && ids[0].starts_with(&batch));
        assert_eq!(time_of(&ids[3]), Some(time));
        assert_eq!(
            (time_of(""), time_of("uuuuuuuuuuuuuuuuuuuuuuuuuuuu")),
            (None, None)
        );
    }
}

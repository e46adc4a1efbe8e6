//! The keys by which an event, a delivery or a transfer that comes again is found among those of its day.

use crate::notice::{ContentDigest, Item};
use crate::vn::{Dong, digest_128};

/// By what a row is found: 128 bits of a SHA-256 over its full id, in two halves. The filter and the index work
/// with the first half alone; a row that is found by it is then compared by its full id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The first 64 bits.
    pub fingerprint: i64,
    /// 64 bits more.
    pub check_bits: i64,
}

impl Key {
    fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Key {
        let bits = i128::from_be_bytes(digest_128(fields));
        Key {
            fingerprint: (bits >> 64) as i64,
            check_bits: bits as i64,
        }
    }

    /// Of an event: provider, event id and what it says (docs/spec/providers.md, section 1, rule 9).
    pub fn of_event(provider_id: &str, event_id: &str, kind: &str) -> Key {
        Key::of([
            b"event",
            provider_id.as_bytes(),
            event_id.as_bytes(),
            kind.as_bytes(),
        ])
    }

    /// Of an item that is kept beside the first of its event: the same fingerprint, other check bits.
    pub fn beside(self, content: &ContentDigest) -> Key {
        let other = Key::of([b"beside", &self.check_bits.to_le_bytes()[..], &content[..]]);
        Key {
            fingerprint: self.fingerprint,
            check_bits: other.fingerprint,
        }
    }

    /// Of a delivery, by the id that the provider gave it.
    pub fn of_delivery(provider_id: &str, delivery_id: &str) -> Key {
        Key::of([b"delivery", provider_id.as_bytes(), delivery_id.as_bytes()])
    }

    /// Of a bank transfer: the bank's reference, the payee account that it came to, and the amount.
    pub fn of_transfer(bank_ref: &str, account_number: &str, amount: Dong) -> Key {
        let amount = amount.vnd().to_le_bytes();
        Key::of([
            b"transfer",
            bank_ref.as_bytes(),
            account_number.as_bytes(),
            &amount[..],
        ])
    }
}

/// Digest over the items of a delivery: the same id with another digest is other content.
pub fn items_digest(items: &[Item]) -> ContentDigest {
    digest_128(items.iter().flat_map(|item| {
        let kind = item.kind.as_str().as_bytes();
        [kind, item.event_id.as_bytes(), &item.content]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_together_and_kinds_are_apart() {
        let key = Key::of_event("p", "T1", "payment");
        // The key that a database holds of this event.
        assert_eq!(
            (key.fingerprint, key.check_bits),
            (-5_681_522_881_310_022_318, -8_863_945_239_870_742_201)
        );
        for other in [
            Key::of_event("pT", "1", "payment"),
            Key::of_event("p", "T1", "refund"),
            Key::of_event("q", "T1", "payment"),
            Key::of_delivery("p", "T1"),
        ] {
            assert_ne!(key.fingerprint, other.fingerprint);
        }
    }

    #[test]
    fn what_is_kept_beside_shares_the_fingerprint_only() {
        let key = Key::of_event("p", "T1", "payment");
        let a = key.beside(&[1; 16]);
        let b = key.beside(&[2; 16]);
        assert_eq!((a.fingerprint, b.fingerprint), (key.fingerprint, key.fingerprint));
        assert!(a.check_bits != b.check_bits && a.check_bits != key.check_bits);
    }
}

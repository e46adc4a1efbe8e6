use sha2::{Digest, Sha256};

use crate::notice::{ContentDigest, Item};
use crate::vn::Dong;

/// The place of a row among all of its day: 128 bits of a SHA-256 over the full id, in two halves. The
/// first half spreads evenly, so that a filter and an index can work with it alone. Whoever finds a row
/// by it compares the full id too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The first 64 bits.
    pub fingerprint: i64,
    /// 64 bits more.
    pub check_bits: i64,
}

impl Key {
    /// Of fields, each preceded by its length so that no two lists of fields run together.
    fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Key {
        let mut hash = Sha256::new();
        for field in fields {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        let whole = hash.finalize();
        let half = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&whole[from..from + 8]);
            i64::from_be_bytes(eight)
        };
        Key {
            fingerprint: half(0),
            check_bits: half(8),
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
    let mut hash = Sha256::new();
    for item in items {
        for field in [
            item.kind.as_str().as_bytes(),
            item.event_id.as_bytes(),
            &item.content,
        ] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
    }
    let whole = hash.finalize();
    let mut out = [0; 16];
    out.copy_from_slice(&whole[..16]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_together_and_kinds_are_apart() {
        let key = Key::of_event("p", "T1", "payment");
        assert_eq!(key, Key::of_event("p", "T1", "payment"));
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

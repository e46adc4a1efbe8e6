//! The short digest by which two things made of several fields are known to be the same.

use sha2::{Digest, Sha256};

/// The first 128 bits of the SHA-256 over these fields, each preceded by its length so that no two lists of
/// fields run together. Ledger keys, row keys and content digests in databases are made by it: it never changes.
pub fn digest_128<F: AsRef<[u8]>>(fields: impl IntoIterator<Item = F>) -> [u8; 16] {
    let mut hash = Sha256::new();
    for field in fields {
        let field = field.as_ref();
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let mut first_half = [0; 16];
    first_half.copy_from_slice(&hash.finalize()[..16]);
    first_half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_stays_what_databases_hold() {
        let digest = digest_128(["event", "p", "T1", "payment"]);
        assert_eq!(hex::encode(digest), "b1272d0a9c43255284fcf0c47cfd6147");
        assert_ne!(digest_128(["ab", "c"]), digest_128(["a", "bc"]));
    }
}

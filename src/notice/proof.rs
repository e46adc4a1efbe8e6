//! What the protocols share in proving: digests, MACs, comparing in constant time, and saying why a
//! signature does not fit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::vn::Secret;

/// A hash function that a scheme signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// SHA-1, in HMAC not broken.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Its name under HMAC, as refusals say it.
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "HMAC-SHA1",
            Hash::Sha256 => "HMAC-SHA256",
            Hash::Sha512 => "HMAC-SHA512",
        }
    }
}

/// HMAC of a text under a secret.
pub(super) fn hmac(hash: Hash, secret: &Secret, text: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(secret: &Secret, text: &[u8]) -> Vec<u8> {
        // HMAC takes a key of any length (RFC 2104), so this constructor cannot fail.
        let mut mac = <M as KeyInit>::new_from_slice(secret.reveal()).expect("HMAC takes any key length");
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
    match hash {
        Hash::Sha1 => of::<Hmac<Sha1>>(secret, text),
        Hash::Sha256 => of::<Hmac<Sha256>>(secret, text),
        Hash::Sha512 => of::<Hmac<Sha512>>(secret, text),
    }
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// How a scheme writes its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Lower-case hex, compared exactly (docs/spec/providers.md, section 1, rule 4).
    LowerHex,
    /// Hex of either case.
    AnyHex,
    /// Base64 with padding, compared exactly.
    Base64,
}

impl Spelling {
    /// Writes a digest this way.
    pub fn write(self, digest: &[u8]) -> String {
        match self {
            Spelling::LowerHex | Spelling::AnyHex => hex::encode(digest),
            Spelling::Base64 => BASE64.encode(digest),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Spelling::LowerHex => "lower-case hex",
            Spelling::AnyHex => "hex",
            Spelling::Base64 => "base64",
        }
    }

    /// Whether the text spells this digest, compared in constant time.
    pub fn fits(self, sent: &str, digest: &[u8]) -> bool {
        let wanted = self.write(digest);
        let is_same = match self {
            Spelling::LowerHex | Spelling::Base64 => sent.as_bytes().ct_eq(wanted.as_bytes()),
            Spelling::AnyHex => sent.to_ascii_lowercase().as_bytes().ct_eq(wanted.as_bytes()),
        };
        is_same.into()
    }
}

/// A text that is signed with a keyed digest, and how the digest is written.
pub(super) struct SignedText<'a> {
    pub hash: Hash,
    pub spelling: Spelling,
    pub secret: &'a Secret,
    pub text: &'a [u8],
    /// Describes the signed text in words, without the secret: which values, in which order, how joined.
    pub recipe: &'a str,
}

impl SignedText<'_> {
    /// Checks the digest that was sent; on failure says what was signed and what a near miss looks like.
    pub fn check(&self, sent: &str) -> Result<(), String> {
        let digest = hmac(self.hash, self.secret, self.text);
        if self.spelling.fits(sent, &digest) {
            return Ok(());
        }
        Err(format!(
            "{}; wanted {} in {} of {}",
            self.near_miss(sent, &digest),
            self.hash.name(),
            self.spelling.name(),
            self.recipe,
        ))
    }

    /// Looks for the mistakes that engineers make; the result never holds the digest that would fit.
    fn near_miss(&self, sent: &str, digest: &[u8]) -> String {
        let &SignedText {
            hash,
            spelling,
            secret,
            text,
            ..
        } = self;
        let trimmed = sent.trim();
        if trimmed != sent && spelling.fits(trimmed, digest) {
            return "the digest is right but has blanks around it".to_owned();
        }
        for other in [Spelling::LowerHex, Spelling::AnyHex, Spelling::Base64] {
            if other != spelling && other.fits(trimmed, digest) {
                let is_case = other != Spelling::Base64 && spelling != Spelling::Base64;
                return if is_case {
                    "the digest is right but its letters are upper-case".to_owned()
                } else {
                    format!("the digest is right but written in {}", other.name())
                };
            }
        }
        for other in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
            let with = hmac(other, secret, text);
            if other != hash
                && [Spelling::AnyHex, Spelling::Base64]
                    .iter()
                    .any(|s| s.fits(trimmed, &with))
            {
                return format!("signed with {} over the right text", other.name());
            }
        }
        let long = Secret::new([secret.reveal(), b"\n"].concat());
        if spelling.fits(trimmed, &hmac(hash, &long, text)) {
            return "signed with a key that ends in a line break".to_owned();
        }
        let wanted = spelling.write(digest).len();
        if trimmed.len() != wanted {
            return format!("has {} characters instead of {wanted}", trimmed.len());
        }
        "does not fit: another key, or a value was changed after signing".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &str, spelling: Spelling) -> Result<(), String> {
        let secret = Secret::new(b"key".to_vec());
        let signed = SignedText {
            hash: Hash::Sha256,
            spelling,
            secret: &secret,
            text: b"text",
            recipe: "the text",
        };
        signed.check(sent)
    }

    #[test]
    fn near_misses_are_named() {
        let secret = Secret::new(b"key".to_vec());
        let right = hex::encode(hmac(Hash::Sha256, &secret, b"text"));
        assert_eq!(check(&right, Spelling::LowerHex), Ok(()));
        let says = |sent: &str, part: &str| {
            let because = check(sent, Spelling::LowerHex).unwrap_err();
            assert!(because.contains(part), "{because}");
            assert!(!because.contains(&right), "{because}");
        };
        says(&right.to_uppercase(), "upper-case");
        says(&format!(" {right}"), "blanks");
        says(&BASE64.encode(hex::decode(&right).unwrap()), "base64");
        says(&hex::encode(hmac(Hash::Sha512, &secret, b"text")), "HMAC-SHA512");
        says(
            &hex::encode(hmac(Hash::Sha256, &Secret::new(b"key\n".to_vec()), b"text")),
            "line break",
        );
        says(&right[1..], "63 characters instead of 64");
        says(&hex::encode(hmac(Hash::Sha256, &secret, b"other")), "another key");
    }
}

//! Who may see and do what: tokens of people and programs, failed sign-ins, and the sealing of providers' secrets.
//!
//! Pure: random bytes, the time and the key come from outside.

mod attempts;
mod device;
mod pin;

pub use attempts::{FailedSignIns, Way};
pub use device::device_of;
pub use pin::{Pin, WeakPin, pin_wait_ms};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::vn::Secret;

/// A session that nobody uses for so long ends.
pub const SESSION_IDLE_MS: i64 = 7 * 86_400_000;
/// The use of a session is noted once in so long.
pub const SESSION_SEEN_STEP_MS: i64 = 3_600_000;
/// Bytes of randomness that a seal wants.
pub const NONCE_BYTES: usize = 24;
/// A token has 49 characters, what a sign-in link holds 54; what is much longer was never either.
const SECRET_CHARS_MAX: usize = 100;

/// The key that encrypts secrets at rest. It lives in the key file, outside the database.
#[derive(Debug, Clone)]
pub struct SealingKey(Secret);

/// Why a key file or a sealed secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key file does not hold a key.
    #[error("the key file does not hold a key: wanted one line, choso-key-1: and 44 base64 characters")]
    KeyFile,
    /// The secret was sealed under another key, for something else, or was altered.
    #[error("a sealed secret cannot be opened: another key file, or the database was altered")]
    Open,
}

impl SealingKey {
    /// A key of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> SealingKey {
        SealingKey(Secret::new(bytes.to_vec()))
    }

    /// The text of the key file.
    pub fn to_file(&self) -> String {
        format!("choso-key-1:{}\n", STANDARD.encode(self.0.reveal()))
    }

    /// Reads the text of the key file.
    pub fn from_file(text: &str) -> Result<SealingKey, SealError> {
        let coded = text
            .trim()
            .strip_prefix("choso-key-1:")
            .ok_or(SealError::KeyFile)?;
        let bytes = STANDARD.decode(coded).map_err(|_| SealError::KeyFile)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| SealError::KeyFile)?;
        Ok(SealingKey::from_random(bytes))
    }

    /// Seals a secret for one purpose (`provider/key`); it opens for no other.
    pub fn seal(&self, secret: &Secret, purpose: &str, nonce: [u8; NONCE_BYTES]) -> String {
        let payload = Payload {
            msg: secret.reveal(),
            aad: purpose.as_bytes(),
        };
        // Encryption fails only for messages near 2^38 bytes; a secret has at most a few hundred.
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a short message can be sealed");
        format!("s1:{}", STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`SealingKey::seal`] sealed for the same purpose.
    pub fn open(&self, sealed: &str, purpose: &str) -> Result<Secret, SealError> {
        let coded = sealed.strip_prefix("s1:").ok_or(SealError::Open)?;
        let bytes = STANDARD.decode(coded).map_err(|_| SealError::Open)?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Open)?;
        let payload = Payload {
            msg: rest,
            aad: purpose.as_bytes(),
        };
        let opened = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Open)?;
        Ok(Secret::new(opened))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        // A SealingKey always holds 32 bytes: both constructors take exactly that many.
        XChaCha20Poly1305::new_from_slice(self.0.reveal()).expect("the key has 32 bytes")
    }
}

/// The purpose under which a provider's key is sealed.
pub fn key_purpose(provider_id: &str, key_id: &str) -> String {
    format!("provider/{provider_id}/{key_id}")
}

/// What a program's token may be used for (docs/spec/contract.md, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Single receipts of households, as they are posted.
    Receipts,
}

impl Scope {
    pub const ALL: [Scope; 1] = [Scope::Receipts];

    /// The word in commands and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Receipts => "receipts",
        }
    }

    /// The scope with this word.
    pub fn parse(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A person, who signs in and whose name is recorded with every change.
    Person { name: String },
    /// A program, which may do what its token was made for and nothing else.
    Program { name: String, may: Vec<Scope> },
}

/// A token from 32 random bytes: what is shown once.
pub fn token_text(random: [u8; 32]) -> String {
    format!("choso_{}", URL_SAFE_NO_PAD.encode(random))
}

/// What a one-time sign-in link holds, from 32 random bytes.
pub fn once_text(random: [u8; 32]) -> String {
    format!("choso_once_{}", URL_SAFE_NO_PAD.encode(random))
}

/// A one-time sign-in link. What it holds stands behind the `#`: browsers send that part to nobody, so that it is
/// in no log of a proxy and in no referrer. `next` is the page to go on to.
pub fn sign_in_link(origin: &str, once: &str, next: &str) -> String {
    let next = next.replace('%', "%25").replace('&', "%26").replace('+', "%2B");
    format!("{origin}/sign-in#once={once}&next={next}")
}

/// Whether a text can be a secret of this program: letters, digits, `_` and `-`, no longer than one.
pub fn is_secret_text(text: &str) -> bool {
    let is_of_secret = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=SECRET_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_of_secret)
}

/// What is stored of a token. A token has 256 random bits, so it cannot be guessed from a plain hash.
pub fn token_sha256(token: &str) -> String {
    sha256_hex(token.as_bytes())
}

/// What a phone is given of a code's text, to know it again without network: the first 24 bits of a salted
/// SHA-256, as six small hexadecimal digits. Some thousand account numbers of one bank share each value, so
/// that none can be worked out from it. The salt of a street or market never changes: two salts would be 48 bits.
pub fn wall_digest(salt: &str, payload: &str) -> String {
    let mut digest = sha256_hex(format!("{salt}\n{payload}").as_bytes());
    digest.truncate(6);
    digest
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_with_its_key_and_purpose() {
        let key = SealingKey::from_random([7; 32]);
        let secret = Secret::new(b"whsec".to_vec());
        let sealed = key.seal(&secret, "provider/a/k1", [9; NONCE_BYTES]);
        assert!(!sealed.contains("whsec"));
        assert_eq!(key.open(&sealed, "provider/a/k1"), Ok(secret));
        assert_eq!(key.open(&sealed, "provider/b/k1"), Err(SealError::Open));
        assert_eq!(
            SealingKey::from_random([8; 32]).open(&sealed, "provider/a/k1"),
            Err(SealError::Open)
        );
        let mut altered = sealed.clone();
        altered.replace_range(40..41, if &sealed[40..41] == "A" { "B" } else { "A" });
        assert_eq!(key.open(&altered, "provider/a/k1"), Err(SealError::Open));
    }

    #[test]
    fn the_key_file_reads_back() {
        let key = SealingKey::from_random([7; 32]);
        let again = SealingKey::from_file(&key.to_file()).unwrap();
        let secret = Secret::new(vec![1]);
        assert_eq!(
            again.open(&key.seal(&secret, "p", [0; NONCE_BYTES]), "p"),
            Ok(secret)
        );
        assert!(SealingKey::from_file("nonsense").is_err());
        assert!(!format!("{key:?}").contains('7'));
    }
}

//! What a payment provider says, and the proof that it was the provider who said it.
//!
//! An adapter turns raw bytes and headers into a [`Delivery`] of [`Item`]s, or a [`Refusal`]. It cannot
//! be built without a key, and it verifies the bytes as they were received before it reads them
//! (PROTOCOLS section 1, rules 1 and 3).

mod json;
mod standard;

use sha2::{Digest, Sha256};

use crate::vn::{Dong, TimeMs};

pub use standard::{Headers, Key, SecretError, Standard, parse_secret, sign};

/// What an item says happened. A payment and its refund under one id are two events
/// (PROTOCOLS section 1, rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Money arrived.
    Payment,
    /// Money went back.
    Refund,
    /// A payment that did not happen.
    PaymentFailed,
    /// Genuine, but of a type this program does not know; moves no money.
    Other,
    /// An item of an array that could not be read; kept for review.
    Unreadable,
}

impl Kind {
    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Payment => "payment",
            Kind::Refund => "refund",
            Kind::PaymentFailed => "payment_failed",
            Kind::Other => "other",
            Kind::Unreadable => "unreadable",
        }
    }
}

/// The first 16 bytes of a SHA-256 over what was read.
pub type ContentDigest = [u8; 16];

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What happened.
    pub kind: Kind,
    /// The provider's transaction id; for items without one, the delivery's id and the position.
    pub event_id: String,
    /// The positive amount it stated; zero if none could be read.
    pub amount: Dong,
    /// Digest of what was read: amount, currency, payee account or terminal, reference, time of payment.
    /// Send time and note may differ between tries and are not in it.
    pub content: ContentDigest,
    /// What a payment, refund or failed payment names.
    pub details: Details,
}

/// What a payment or refund names besides its amount. Empty for other kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Six digits, where the notice names the bank.
    pub bank_bin: Option<String>,
    /// The payee account as sent, without spaces; empty when a terminal stands for it.
    pub account_number: String,
    /// The provider's terminal at the stall.
    pub terminal: Option<String>,
    /// The merchant's reference.
    pub reference: String,
    /// The transfer note the payer wrote.
    pub note: String,
    /// Time of payment; none when the notice names none.
    pub occurred_at: Option<TimeMs>,
    /// For a refund: the event id of the payment it concerns.
    pub payment_event_id: String,
}

/// A verified callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub provider_id: String,
    /// The delivery's own id; the same over retries.
    pub webhook_id: String,
    /// When the sender says it signed, unix seconds.
    pub signed_at_s: i64,
    /// The signature header as received.
    pub signature: String,
    /// Which of the provider's keys fitted.
    pub key_id: String,
    /// The body as received, byte for byte.
    pub body: Vec<u8>,
    /// At least the items of the body, in its order; may be empty for an empty array.
    pub items: Vec<Item>,
    /// Digest over the items: the same id with another digest is other content.
    pub items_digest: ContentDigest,
}

/// Why a callback was refused. Nothing of it is kept, and the provider is never told success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the proof needs is absent, came twice or cannot be read.
    #[error("header {header}: {why}")]
    Header {
        /// lower-case header name
        header: &'static str,
        /// what is wrong with it
        why: &'static str,
    },
    /// Signed more than the tolerance away from now.
    #[error("webhook-timestamp is {off_s} s away from the receiver's clock; {tolerance_s} s are allowed")]
    Stale {
        /// distance in seconds, positive = in the past
        off_s: i64,
        /// the tolerance
        tolerance_s: i64,
    },
    /// No signature fits any live key.
    #[error("no v1 signature fits a key of this provider; {tried} signature(s) tried")]
    Signature {
        /// how many v1 signatures were in the header
        tried: usize,
    },
    /// The proof fits but the content cannot be read.
    #[error("{field}: {why}")]
    Malformed {
        /// the member, e.g. `data.amount`
        field: String,
        /// what is wrong with it and what is wanted
        why: String,
    },
}

impl Refusal {
    /// Whether the proof of origin failed, as against the content.
    pub fn is_unproven(&self) -> bool {
        !matches!(self, Refusal::Malformed { .. })
    }
}

/// Digest over fields, each preceded by its length so that no two lists of fields run together.
fn digest<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> ContentDigest {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let whole = hash.finalize();
    let mut out = [0; 16];
    out.copy_from_slice(&whole[..16]);
    out
}

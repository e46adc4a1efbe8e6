//! What a payment provider says, and the proof that it was the provider who said it.
//!
//! A [`Provider`] turns a request as it came into a [`Delivery`] of [`Item`]s, or a [`Refusal`], and
//! words the answer as that provider expects it. One file or folder per provider. A protocol cannot be built
//! without its secret, verifies the bytes as they were received before it reads them (docs/spec/providers.md,
//! section 1, rules 1 and 3), and has no method that accepts by default.

mod answer;
mod canonical;
mod casso;
mod compose;
mod content;
mod form;
mod json;
mod mb;
mod members;
mod momo;
mod payos;
mod proof;
mod request;
mod scheme;
mod secrets;
mod sepay;
mod standard;
#[cfg(test)]
mod testing;
mod times;
mod verify;
mod viettel;
mod vnpay;
mod vnpt;
mod zalopay;

use std::fmt;
use std::sync::Arc;

use crate::vn::{Day, Dong, TimeMs};

pub use answer::Answer;
pub use compose::{Outgoing, Sample, SampleKind};
pub use content::{ContentDigest, content_by_statement, content_of};
pub use request::{Evidence, Request};
pub use scheme::{SCHEMES, Scheme, SchemeError, scheme};
pub use secrets::{Secrets, SecretsError};
pub use standard::{parse_secret, sign};
pub use verify::{VerifyError, verify_line};

/// What an item says happened (docs/spec/providers.md, section 14). A payment and its refund under one id are two
/// events (docs/spec/providers.md, section 1, rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Payment,
    /// Money went back, all of it or a part.
    Refund,
    /// The whole payment was taken back before settlement.
    Void,
    /// A payment that did not happen.
    PaymentFailed,
    /// A payment that is under way.
    PaymentPending,
    /// The payer agreed; the money has not been captured.
    PaymentAuthorized,
    /// Money was taken, but the provider suspects fraud.
    PaymentSuspect,
    /// Money left the account.
    Debit,
    /// The provider tries out the address.
    Test,
    /// Genuine, but of a type this program does not know; moves no money.
    Other,
    /// An item of a list that could not be read; kept for review.
    Unreadable,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Payment,
        Kind::Refund,
        Kind::Void,
        Kind::PaymentFailed,
        Kind::PaymentPending,
        Kind::PaymentAuthorized,
        Kind::PaymentSuspect,
        Kind::Debit,
        Kind::Test,
        Kind::Other,
        Kind::Unreadable,
    ];

    /// The word kept in the database and printed by `choso notice verify`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Payment => "payment",
            Kind::Refund => "refund",
            Kind::Void => "void",
            Kind::PaymentFailed => "payment_failed",
            Kind::PaymentPending => "payment_pending",
            Kind::PaymentAuthorized => "payment_authorized",
            Kind::PaymentSuspect => "payment_suspect",
            Kind::Debit => "debit",
            Kind::Test => "test",
            Kind::Other => "other",
            Kind::Unreadable => "unreadable",
        }
    }

    /// Whether it takes money back from a receipt.
    pub const fn takes_back(self) -> bool {
        matches!(self, Kind::Refund | Kind::Void)
    }

    /// Whether it tells of no money, so that a genuine notice may state an amount of 0.
    const fn moves_nothing(self) -> bool {
        matches!(
            self,
            Kind::PaymentFailed | Kind::PaymentPending | Kind::Test | Kind::Other
        )
    }
}

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: Kind,
    /// The idempotency key within the provider (docs/spec/providers.md, section 1, rule 9 and its table); for items
    /// without one, the delivery's id and the position.
    pub event_id: String,
    /// The provider's transaction id as it was sent; numbers in plain digits.
    pub provider_txn_id: String,
    /// The positive amount it stated; zero if none could be read.
    pub amount: Dong,
    /// Digest of what was read, see [`content_of`].
    pub content: ContentDigest,
    /// What it names besides.
    pub details: Details,
}

impl Item {
    /// An item whose transaction id is its event id too; the digest of its content is reckoned here.
    fn of(kind: Kind, event_id: impl Into<String>, amount: Dong, details: Details) -> Item {
        let event_id = event_id.into();
        Item {
            kind,
            provider_txn_id: event_id.clone(),
            event_id,
            amount,
            content: content_of(amount, &details),
            details,
        }
    }
}

/// What an item names besides its amount. Whatever a notice leaves out is empty or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Six digits, where the notice names the payee's bank.
    pub bank_bin: Option<String>,
    /// The payee account as sent, without spaces; empty when a terminal or order stands for it.
    pub account_number: String,
    /// A virtual account that stands for a stall; empty if none.
    pub virtual_account: String,
    /// The provider's terminal at the stall.
    pub terminal: Option<String>,
    /// Whether the terminal is outside what is signed, so that no money may follow its word alone.
    pub terminal_is_unsigned: bool,
    /// The merchant's reference: the order, where the scheme has orders.
    pub reference: String,
    /// The transfer note the payer wrote; none where the scheme has no such thing.
    pub note: Option<String>,
    /// The bank's own reference (`FT…`), the key across providers.
    pub bank_ref: Option<String>,
    /// Time of payment; none when the notice names none.
    pub occurred_at: Option<TimeMs>,
    /// For a refund or void: the event id of the payment it concerns; empty if only `reference` tells.
    pub payment_event_id: String,
    /// Where no notice said so, but a statement.
    pub from_statement: Option<FromStatement>,
}

/// Which row of a statement says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromStatement {
    pub row_no: i64,
    /// The day under which the provider put it.
    pub business_day: Day,
}

/// A verified callback with something to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub provider_id: Arc<str>,
    /// The delivery's own id, where the scheme has one (native: `webhook-id`); the same over retries.
    pub delivery_id: Option<String>,
    /// The items of the body, in its order; may be empty for an empty list.
    pub items: Vec<Item>,
    /// Whether the scheme has orders, so that an unknown one has an answer of its own.
    pub has_orders: bool,
    /// Which contested form of the signed text fitted; empty for the plain one.
    pub variant: &'static str,
    /// What is kept so that the proof can be checked again.
    pub evidence: Evidence,
}

/// What a verified request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Something to keep before it is answered.
    Notices(Delivery),
    /// A call that is answered at once and leaves nothing to keep: a login (docs/spec/providers.md, section 8).
    Token(Answer),
}

/// The class of a refusal; the words of `expect.verdict` in `tests/data/provider_vectors.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The proof of origin is absent or does not fit.
    Signature,
    /// The proof fits but is too old or too new.
    Replay,
    /// The proof fits but the content cannot be read.
    Malformed,
    /// Genuine, but for another merchant, terminal or application.
    Foreign,
}

/// Why a callback was refused. Nothing of it becomes a notice, and the provider is never told success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {because}")]
pub struct Refusal {
    pub kind: RefusalKind,
    /// The header, parameter or member, e.g. `data.amount`.
    pub field: String,
    /// What is wrong with it and what is wanted; never holds a secret.
    pub because: String,
}

/// Longest field name that a refusal repeats: a stranger chooses it, and it goes into logs.
const FIELD_CHARS_MAX: usize = 100;

impl Refusal {
    fn new(kind: RefusalKind, field: &str, because: impl Into<String>) -> Refusal {
        Refusal {
            kind,
            field: field.chars().take(FIELD_CHARS_MAX).collect(),
            because: because.into(),
        }
    }

    fn signature(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Signature, field, because)
    }

    fn replay(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Replay, field, because)
    }

    fn malformed(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Malformed, field, because)
    }

    fn foreign(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Foreign, field, because)
    }

    /// Refuses what is meant for another merchant, terminal or application. Compared exactly: where values
    /// run together in the signed text, a character of the next one could stand at its end (docs/spec/providers.md,
    /// section 1, rules 7 and 13).
    fn unless_own(field: &str, sent: &str, own: &str, setting: &str) -> Result<(), Refusal> {
        if sent == own {
            Ok(())
        } else {
            Err(Refusal::foreign(
                field,
                format!("is not the configured {setting}"),
            ))
        }
    }

    /// The word in `tests/data/provider_vectors.json`.
    pub fn verdict(&self) -> &'static str {
        match self.kind {
            RefusalKind::Signature => "reject_signature",
            RefusalKind::Replay => "reject_replay",
            // Calling a foreign message malformed is right too (docs/spec/providers.md, section 1, rule 13).
            RefusalKind::Malformed | RefusalKind::Foreign => "reject_malformed",
        }
    }
}

/// What became of a callback, for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable now. Also said of the same id with other content, which is kept beside the first.
    Stored,
    /// It was durable before, with the same content.
    Repeat,
    /// It is durable, but names no order, terminal or account that is known.
    UnknownOrder,
    /// It is durable, but its order asks for another amount.
    AmountDiffers {
        /// what the order asks for
        expected: Dong,
    },
    /// It could not be made durable; the provider is to send it again.
    NotKept,
    Refused(Refusal),
}

/// What a protocol makes of one request whose proof fits.
#[derive(Debug)]
enum Read {
    Notices {
        /// The delivery's own id, where the scheme has one.
        delivery_id: Option<String>,
        /// In the order of the body.
        items: Vec<Item>,
        /// Which contested form of the signed text fitted; empty for the plain one (docs/spec/providers.md, its head).
        variant: &'static str,
    },
    /// A login and its answer.
    Token(Answer),
}

impl Read {
    /// A request that tells of one thing.
    fn one(item: Item, variant: &'static str) -> Read {
        Read::Notices {
            delivery_id: None,
            items: vec![item],
            variant,
        }
    }
}

/// One provider's way of signing and answering, with one set of secrets. No method has a default: what
/// a provider does not say is not accepted.
trait Protocol: fmt::Debug + Send + Sync {
    /// Headers that the proof needs, lower case: kept as evidence.
    fn headers(&self) -> &'static [&'static str];

    /// Whether the scheme has a word for "unknown order" (docs/spec/providers.md, section 1, rule 11).
    fn has_orders(&self) -> bool;

    /// Verifies, then reads. A window or a lifetime is checked only where `now` is given.
    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal>;

    /// Words the outcome. `items` are those of the request, empty if it was refused.
    fn answer(&self, request: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer;

    /// Makes a signed callback as the provider would send it at this time, or says what it lacks. The
    /// same sample at another time is a retry.
    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String>;
}

/// A provider with its live keys. It has at least one, so it cannot accept without proof.
#[derive(Debug)]
pub struct Provider {
    id: Arc<str>,
    scheme: &'static Scheme,
    first: LiveKey,
    others: Vec<LiveKey>,
}

#[derive(Debug)]
struct LiveKey {
    id: Arc<str>,
    protocol: Box<dyn Protocol>,
}

impl Provider {
    /// A provider with these live keys (name and secrets, the newest first).
    pub fn new(
        id: &str,
        scheme: &'static Scheme,
        keys: Vec<(String, Secrets)>,
    ) -> Result<Provider, SecretsError> {
        let mut live = Vec::with_capacity(keys.len());
        for (key_id, secrets) in keys {
            live.push(LiveKey {
                id: key_id.into(),
                protocol: scheme.protocol(&secrets)?,
            });
        }
        let mut live = live.into_iter();
        Ok(Provider {
            id: id.into(),
            scheme,
            first: live.next().ok_or(SecretsError::NoKey)?,
            others: live.collect(),
        })
    }

    /// The id in its address.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// How it signs and answers.
    pub fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// Headers to hand over with each request, lower case.
    pub fn headers(&self) -> &'static [&'static str] {
        self.first.protocol.headers()
    }

    /// Verifies a request over its raw bytes with each live key in turn, then reads it.
    ///
    /// The replay window of schemes that name one, and the lifetime of tokens, are checked only where
    /// `now` is given.
    pub fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Received, Refusal> {
        let mut refusal = None;
        for key in self.keys() {
            match key.protocol.receive(request, now) {
                Ok(Read::Token(answer)) => return Ok(Received::Token(answer)),
                Ok(Read::Notices {
                    delivery_id,
                    items,
                    variant,
                }) => {
                    return Ok(Received::Notices(Delivery {
                        provider_id: self.id.clone(),
                        delivery_id,
                        items,
                        has_orders: key.protocol.has_orders(),
                        variant,
                        evidence: Evidence::of(request, self.headers(), key.id.clone()),
                    }));
                }
                // Another key of the provider may fit: during a rotation two are live (rule 12).
                Err(r) if matches!(r.kind, RefusalKind::Signature | RefusalKind::Foreign) => {
                    refusal = refusal.or(Some(r));
                }
                Err(r) => return Err(r),
            }
        }
        // At least one key was tried, and none fitted.
        Err(refusal.unwrap_or_else(|| Refusal::signature("signature", "no key fits")))
    }

    /// Words an outcome. `delivery` is what the request was read as, where it is known.
    pub fn answer(&self, request: &Request<'_>, delivery: Option<&Delivery>, outcome: &Outcome) -> Answer {
        let key = delivery.and_then(|d| self.keys().find(|k| k.id == d.evidence.key_id));
        let items = delivery.map_or(&[][..], |d| &d.items);
        key.unwrap_or(&self.first)
            .protocol
            .answer(request, items, outcome)
    }

    /// Makes a callback as the provider would send it, signed with its newest key.
    pub fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        self.first.protocol.compose(sample, now)
    }

    fn keys(&self) -> impl Iterator<Item = &LiveKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

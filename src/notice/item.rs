//! One event of a callback: its kind, its ids, its amount, and what it names besides.

use super::content::{ContentDigest, Details, content_of};
use crate::vn::Dong;

/// What an item says happened (docs/spec/providers.md, section 14). A payment and its refund under one id are two
/// events (docs/spec/providers.md, section 1, rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
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

impl NoticeKind {
    pub const ALL: [NoticeKind; 11] = [
        NoticeKind::Payment,
        NoticeKind::Refund,
        NoticeKind::Void,
        NoticeKind::PaymentFailed,
        NoticeKind::PaymentPending,
        NoticeKind::PaymentAuthorized,
        NoticeKind::PaymentSuspect,
        NoticeKind::Debit,
        NoticeKind::Test,
        NoticeKind::Other,
        NoticeKind::Unreadable,
    ];

    /// The word kept in the database and printed by `choso notice verify`.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Payment => "payment",
            NoticeKind::Refund => "refund",
            NoticeKind::Void => "void",
            NoticeKind::PaymentFailed => "payment_failed",
            NoticeKind::PaymentPending => "payment_pending",
            NoticeKind::PaymentAuthorized => "payment_authorized",
            NoticeKind::PaymentSuspect => "payment_suspect",
            NoticeKind::Debit => "debit",
            NoticeKind::Test => "test",
            NoticeKind::Other => "other",
            NoticeKind::Unreadable => "unreadable",
        }
    }

    /// Whether it takes money back from a receipt.
    pub const fn takes_back(self) -> bool {
        matches!(self, NoticeKind::Refund | NoticeKind::Void)
    }

    /// Whether it tells of no money, so that a genuine notice may state an amount of 0.
    pub(super) const fn moves_no_money(self) -> bool {
        matches!(
            self,
            NoticeKind::PaymentFailed | NoticeKind::PaymentPending | NoticeKind::Test | NoticeKind::Other
        )
    }
}

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: NoticeKind,
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
    pub(super) fn of(kind: NoticeKind, event_id: impl Into<String>, amount: Dong, details: Details) -> Item {
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

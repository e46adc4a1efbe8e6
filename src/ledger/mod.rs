//! What becomes of a notice: whose money it is, in which state it is kept, and what the counters gain.
//!
//! Pure: the store reads what is known, asks here, and writes the answer in the same transaction.
//! Conservation (DOMAIN section 7): every kept item is exactly one of posted, quarantined, ignored.

mod attribution;
mod counters;

use crate::notice::{Item, Kind};
use crate::vn::{Day, Dong, TimeMs};

pub use attribution::{AccountLinks, Attributed, Known, Link, TerminalLink, attribute};
pub use counters::{Counters, DayDelta, IntakeDelta};

/// A receipt counts for indicator 5 when at least this much is left of it (DOMAIN section 4).
pub const QUALIFYING_FLOOR: Dong = Dong::new(1000);

/// A posting time further ahead of reception than this is not believed (DOMAIN section 4).
const AHEAD_MAX_MS: i64 = 3600 * 1000;

/// The state of a kept item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It moved money on a receipt.
    Posted,
    /// It waits for a person, or a refund for its receipt.
    Quarantined,
    /// It moves no money.
    Ignored,
}

impl State {
    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Posted => "posted",
            State::Quarantined => "quarantined",
            State::Ignored => "ignored",
        }
    }
}

/// Why an item is quarantined or ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The payee account is not on the register.
    UnknownAccount,
    /// Without a BIN the number fits more than one registered account.
    AmbiguousAccount,
    /// The account is registered, but no link of it was valid on the business date.
    NoValidLink,
    /// The account serves stalls of several households and the note names none of them.
    AmbiguousStall,
    /// The posting time is more than an hour ahead of reception.
    PostingTimeAhead,
    /// The same event was received before with other content.
    SameIdOtherContent,
    /// The same webhook-id was received before with other items.
    WebhookIdReused,
    /// The refund has not met its payment.
    RefundBeforePayment,
    /// More would be refunded than was paid.
    RefundExceedsPayment,
    /// An item of an array that could not be read.
    Unreadable,
    /// The payment did not happen.
    PaymentFailed,
    /// A type this program does not know.
    UnknownType,
}

impl Reason {
    /// Every reason, for lists and for the check that words are unique.
    pub const ALL: [Reason; 12] = [
        Reason::UnknownAccount,
        Reason::AmbiguousAccount,
        Reason::NoValidLink,
        Reason::AmbiguousStall,
        Reason::PostingTimeAhead,
        Reason::SameIdOtherContent,
        Reason::WebhookIdReused,
        Reason::RefundBeforePayment,
        Reason::RefundExceedsPayment,
        Reason::Unreadable,
        Reason::PaymentFailed,
        Reason::UnknownType,
    ];

    /// The word kept in the database and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::UnknownAccount => "unknown_account",
            Reason::AmbiguousAccount => "ambiguous_account",
            Reason::NoValidLink => "no_valid_link",
            Reason::AmbiguousStall => "ambiguous_stall",
            Reason::PostingTimeAhead => "posting_time_ahead",
            Reason::SameIdOtherContent => "same_id_other_content",
            Reason::WebhookIdReused => "webhook_id_reused",
            Reason::RefundBeforePayment => "refund_before_payment",
            Reason::RefundExceedsPayment => "refund_exceeds_payment",
            Reason::Unreadable => "unreadable",
            Reason::PaymentFailed => "payment_failed",
            Reason::UnknownType => "unknown_type",
        }
    }

    /// One sentence for the person who reviews, with the next step: Vietnamese and English.
    pub const fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Reason::UnknownAccount => (
                "Tài khoản nhận chưa có trong sổ đăng ký. Hãy đăng ký tài khoản cho sạp rồi xem lại.",
                "The payee account is not on the register. Register it for its stall, then review.",
            ),
            Reason::AmbiguousAccount => (
                "Thông báo không nêu ngân hàng và số tài khoản trùng ở nhiều ngân hàng. Hãy hỏi nhà cung cấp mã ngân hàng.",
                "No bank is named and several banks have this number. Ask the provider for the bank BIN.",
            ),
            Reason::NoValidLink => (
                "Tài khoản có trong sổ nhưng không gắn với sạp nào vào ngày nhận tiền. Hãy kiểm tra ngày gắn tài khoản.",
                "The account was linked to no stall on that day. Check the dates of its links.",
            ),
            Reason::AmbiguousStall => (
                "Tài khoản dùng chung cho nhiều hộ và nội dung không có mã sạp. Hãy chọn đúng sạp.",
                "The account serves several households and the note holds no stall code. Choose the stall.",
            ),
            Reason::PostingTimeAhead => (
                "Thời điểm ghi có muộn hơn lúc nhận báo quá một giờ. Hãy hỏi lại nhà cung cấp.",
                "The posting time is more than an hour ahead of reception. Ask the provider.",
            ),
            Reason::SameIdOtherContent => (
                "Mã giao dịch này đã nhận trước đó với nội dung khác. Hãy so sánh hai bản.",
                "This transaction id came before with other content. Compare the two.",
            ),
            Reason::WebhookIdReused => (
                "Mã lần gửi này đã dùng cho nội dung khác. Hãy so sánh hai lần gửi.",
                "This webhook-id was used before for other items. Compare the two deliveries.",
            ),
            Reason::RefundBeforePayment => (
                "Báo hoàn tiền nhưng chưa thấy giao dịch gốc. Sẽ tự ghép khi giao dịch gốc đến.",
                "A refund whose payment has not been posted. It will be joined when the payment is.",
            ),
            Reason::RefundExceedsPayment => (
                "Số tiền hoàn lớn hơn số còn lại của giao dịch gốc. Hãy hỏi lại nhà cung cấp.",
                "More would be refunded than is left of the payment. Ask the provider.",
            ),
            Reason::Unreadable => (
                "Không đọc được mục này. Hãy gửi lại cho kỹ sư của nhà cung cấp.",
                "This item cannot be read. Send it back to the provider's engineer.",
            ),
            Reason::PaymentFailed => (
                "Giao dịch không thành công, không có tiền.",
                "The payment failed; no money moved.",
            ),
            Reason::UnknownType => (
                "Loại thông báo không liên quan đến tiền.",
                "A type of notice that moves no money.",
            ),
        }
    }
}

/// What an item becomes, before it is known whether it came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A receipt.
    Post(Attributed),
    /// Kept for review.
    Quarantine(Reason),
    /// Kept, moves nothing.
    Ignore(Reason),
}

/// The day a notice belongs to: the day in Viet Nam of the posting time, else of reception.
pub fn business_day(item: &Item, received_at: TimeMs) -> Day {
    Day::of(item.details.occurred_at.unwrap_or(received_at))
}

/// Decides one item from what is known. A refund always starts quarantined; [`can_refund`] posts it
/// when it meets its receipt.
pub fn decide(provider_id: &str, item: &Item, received_at: TimeMs, known: &Known) -> Decision {
    match item.kind {
        Kind::PaymentFailed => Decision::Ignore(Reason::PaymentFailed),
        Kind::Other => Decision::Ignore(Reason::UnknownType),
        Kind::Unreadable => Decision::Quarantine(Reason::Unreadable),
        Kind::Payment | Kind::Refund if is_ahead(item, received_at) => {
            Decision::Quarantine(Reason::PostingTimeAhead)
        }
        Kind::Refund => Decision::Quarantine(Reason::RefundBeforePayment),
        Kind::Payment => {
            match attribute(provider_id, &item.details, business_day(item, received_at), known) {
                Ok(attributed) => Decision::Post(attributed),
                Err(reason) => Decision::Quarantine(reason),
            }
        }
    }
}

fn is_ahead(item: &Item, received_at: TimeMs) -> bool {
    item.details
        .occurred_at
        .is_some_and(|t| t.0.saturating_sub(received_at.0) > AHEAD_MAX_MS)
}

/// Whether a refund of this amount fits what is left of a receipt.
pub fn can_refund(amount: Dong, paid: Dong, refunded: Dong) -> Result<(), Reason> {
    match refunded.vnd().checked_add(amount.vnd()) {
        Some(total) if total <= paid.vnd() => Ok(()),
        _ => Err(Reason::RefundExceedsPayment),
    }
}

/// Whether a receipt with this much left counts for indicator 5.
pub fn qualifies(net: Dong) -> bool {
    net >= QUALIFYING_FLOOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Details;

    fn item(kind: Kind, occurred_at: Option<i64>) -> Item {
        Item {
            kind,
            event_id: "T".into(),
            amount: Dong::new(5000),
            content: [0; 16],
            details: Details {
                occurred_at: occurred_at.map(TimeMs),
                ..Details::default()
            },
        }
    }

    #[test]
    fn a_time_more_than_an_hour_ahead_is_not_believed() {
        let now = TimeMs(1_000_000_000_000);
        let known = Known::default();
        let decide = |ahead| decide("p", &item(Kind::Payment, Some(now.0 + ahead)), now, &known);
        assert_eq!(decide(3_600_001), Decision::Quarantine(Reason::PostingTimeAhead));
        assert_eq!(decide(3_600_000), Decision::Quarantine(Reason::UnknownAccount));
    }

    #[test]
    fn only_payments_can_post_at_once() {
        let now = TimeMs(0);
        let known = Known::default();
        assert_eq!(
            decide("p", &item(Kind::PaymentFailed, None), now, &known),
            Decision::Ignore(Reason::PaymentFailed)
        );
        assert_eq!(
            decide("p", &item(Kind::Other, None), now, &known),
            Decision::Ignore(Reason::UnknownType)
        );
        assert_eq!(
            decide("p", &item(Kind::Unreadable, None), now, &known),
            Decision::Quarantine(Reason::Unreadable)
        );
        assert_eq!(
            decide("p", &item(Kind::Refund, None), now, &known),
            Decision::Quarantine(Reason::RefundBeforePayment)
        );
    }

    #[test]
    fn refunds_stay_within_the_payment() {
        let d = Dong::new;
        assert!(can_refund(d(400), d(1000), d(600)).is_ok());
        assert_eq!(
            can_refund(d(401), d(1000), d(600)),
            Err(Reason::RefundExceedsPayment)
        );
        assert_eq!(
            can_refund(d(i64::MAX), d(1000), d(600)),
            Err(Reason::RefundExceedsPayment)
        );
    }

    #[test]
    fn reasons_have_words_of_their_own() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}

//! What becomes of a notice: whose money it is, in which state it is kept, and what the counters gain.
//!
//! Pure: the store reads what is known, asks here, and writes the answer in the same transaction.
//! Conservation (docs/spec/domain.md, section 7): every kept item is exactly one of posted, quarantined, ignored.

mod attribution;
mod bill;
mod counters;
mod evidence;
mod filter;
mod key;
mod number;
mod received;
mod trace;

use std::sync::Arc;

use crate::notice::{Item, NoticeKind};
use crate::vn::{Day, Dong, TimeMs};

pub use attribution::{
    AccountLinks, Attributed, Known, Link, Order, TerminalLink, attribute, order_of, stand_ins,
};
pub use bill::BillState;
pub use counters::{Counted, Counters, DayDelta, IntakeDelta};
pub use evidence::{
    EntryRow, EvidenceError, KeptCallback, Link as EvidenceLink, ReceiptRow, bytes_digest, read_callbacks,
    rows_digest, write_callback,
};
pub use filter::{FilterError, KeyFilter};
pub use key::{Key, items_digest};
pub use number::LedgerNo;
pub use received::{Grain, Received};
pub use trace::{Class, PASSES_OF_LARGE, Run, Standing, TRACE_PARTS, Trace, TraceError, Traces, read_traces};

/// A receipt counts for indicator 5 when at least this much is left of it (docs/spec/domain.md, section 4).
pub const QUALIFYING_FLOOR: Dong = Dong::new(1000);

/// A posting time further ahead of reception than this is not believed (docs/spec/domain.md, section 4).
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
    /// Every state, in order.
    pub const ALL: [State; 3] = [State::Posted, State::Quarantined, State::Ignored];

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
    /// The order, terminal or stall that the reference names is not known.
    UnknownOrder,
    /// The order asks for another amount.
    OrderAmountDiffers,
    /// The provider took the money but suspects fraud.
    PaymentSuspect,
    /// The payment did not happen.
    PaymentFailed,
    /// The payment is under way.
    PaymentPending,
    /// The payer agreed; the money has not been captured.
    PaymentAuthorized,
    /// Money that left the account.
    Outgoing,
    /// The provider tried out the address.
    TestNotice,
    /// Another provider's word for a receipt that is posted.
    SameTransfer,
    /// A type this program does not know.
    UnknownType,
}

impl Reason {
    /// Every reason, for lists and for the check that words are unique.
    pub const ALL: [Reason; 20] = [
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
        Reason::UnknownOrder,
        Reason::OrderAmountDiffers,
        Reason::PaymentSuspect,
        Reason::PaymentFailed,
        Reason::PaymentPending,
        Reason::PaymentAuthorized,
        Reason::Outgoing,
        Reason::TestNotice,
        Reason::SameTransfer,
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
            Reason::UnknownOrder => "unknown_order",
            Reason::OrderAmountDiffers => "order_amount_differs",
            Reason::PaymentSuspect => "payment_suspect",
            Reason::PaymentFailed => "payment_failed",
            Reason::PaymentPending => "payment_pending",
            Reason::PaymentAuthorized => "payment_authorized",
            Reason::Outgoing => "outgoing",
            Reason::TestNotice => "test",
            Reason::SameTransfer => "same_transfer",
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
            Reason::UnknownOrder => (
                "Không biết đơn hàng hay điểm bán này. Hãy đăng ký điểm bán hoặc hỏi nhà cung cấp.",
                "The order or terminal is not known. Register the terminal, or ask the provider.",
            ),
            Reason::OrderAmountDiffers => (
                "Số tiền trả khác số tiền của đơn hàng. Hãy kiểm tra với người bán.",
                "The amount paid differs from what the order asks. Check with the seller.",
            ),
            Reason::PaymentSuspect => (
                "Nhà cung cấp nghi ngờ gian lận. Chưa báo cho người bán; hãy chờ kết quả tra soát.",
                "The provider suspects fraud. The seller was not told; wait for the inquiry.",
            ),
            Reason::PaymentPending => (
                "Giao dịch đang xử lý, chưa có tiền.",
                "The payment is under way; no money moved yet.",
            ),
            Reason::PaymentAuthorized => (
                "Người mua đã đồng ý nhưng tiền chưa được thu.",
                "The payer agreed; the money has not been captured.",
            ),
            Reason::Outgoing => (
                "Tiền ra khỏi tài khoản, không phải tiền nhận.",
                "Money that left the account.",
            ),
            Reason::TestNotice => ("Nhà cung cấp gửi thử.", "The provider tried out the address."),
            Reason::SameTransfer => (
                "Nhà cung cấp khác đã báo cùng khoản chuyển này.",
                "Another provider already reported this transfer.",
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
    Post(Attributed),
    Quarantine(Reason),
    Ignore(Reason),
}

/// The day a notice belongs to: the day in Viet Nam of the posting time, else of reception. A statement says
/// it itself.
pub fn business_day(item: &Item, received_at: TimeMs) -> Day {
    match item.details.from_statement {
        Some(from) => from.business_day,
        None => Day::of(item.details.occurred_at.unwrap_or(received_at)),
    }
}

/// What an order-based scheme is to be told besides "stored" (docs/spec/providers.md, section 1, rule 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderCheck {
    /// Its order, terminal or stall is known and the amount is right, or the scheme has no orders.
    Fits,
    /// Nothing known is named.
    Unknown,
    /// The order asks for this amount.
    AmountDiffers(Dong),
}

/// A decision, and what the provider is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the item becomes.
    pub decision: Decision,
    /// Whether its order fits.
    pub order: OrderCheck,
}

/// Decides one item from what is known. A refund always starts quarantined; [`can_refund`] posts it
/// when it meets its receipt. `has_orders`: the scheme has a word for "unknown order".
pub fn decide(
    provider_id: &Arc<str>,
    item: &Item,
    has_orders: bool,
    received_at: TimeMs,
    known: &Known,
) -> Verdict {
    let fits = |decision| Verdict {
        decision,
        order: OrderCheck::Fits,
    };
    match item.kind {
        NoticeKind::Other => return fits(Decision::Ignore(Reason::UnknownType)),
        NoticeKind::Debit => return fits(Decision::Ignore(Reason::Outgoing)),
        NoticeKind::Test => return fits(Decision::Ignore(Reason::TestNotice)),
        NoticeKind::Unreadable => return fits(Decision::Quarantine(Reason::Unreadable)),
        kind if kind.takes_back() && is_ahead(item, received_at) => {
            return fits(Decision::Quarantine(Reason::PostingTimeAhead));
        }
        kind if kind.takes_back() => return fits(Decision::Quarantine(Reason::RefundBeforePayment)),
        _ => {}
    }
    let attributed = attribute(provider_id, &item.details, business_day(item, received_at), known);
    let asked = order_of(provider_id, &item.details, known).and_then(|order| order.amount);
    let order = match (has_orders, &attributed, asked) {
        (true, Err(_), _) => OrderCheck::Unknown,
        (true, Ok(_), Some(asked)) if asked != item.amount => OrderCheck::AmountDiffers(asked),
        _ => OrderCheck::Fits,
    };
    let decision = match item.kind {
        NoticeKind::PaymentFailed => Decision::Ignore(Reason::PaymentFailed),
        NoticeKind::PaymentPending => Decision::Ignore(Reason::PaymentPending),
        NoticeKind::PaymentAuthorized => Decision::Ignore(Reason::PaymentAuthorized),
        NoticeKind::PaymentSuspect => Decision::Quarantine(Reason::PaymentSuspect),
        _ if is_ahead(item, received_at) => Decision::Quarantine(Reason::PostingTimeAhead),
        _ => match (order, attributed) {
            (OrderCheck::Unknown, _) => Decision::Quarantine(Reason::UnknownOrder),
            (OrderCheck::AmountDiffers(_), _) => Decision::Quarantine(Reason::OrderAmountDiffers),
            (OrderCheck::Fits, Ok(attributed)) => Decision::Post(attributed),
            (OrderCheck::Fits, Err(reason)) => Decision::Quarantine(reason),
        },
    };
    Verdict { decision, order }
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

    fn item(kind: NoticeKind, occurred_at: Option<i64>) -> Item {
        Item {
            kind,
            event_id: "T".into(),
            provider_txn_id: "T".into(),
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
        let decide = |ahead| {
            let item = item(NoticeKind::Payment, Some(now.0 + ahead));
            decide(&"p".into(), &item, false, now, &known).decision
        };
        assert_eq!(decide(3_600_001), Decision::Quarantine(Reason::PostingTimeAhead));
        assert_eq!(decide(3_600_000), Decision::Quarantine(Reason::UnknownAccount));
    }

    #[test]
    fn what_moves_no_money_is_ignored_or_waits() {
        let known = Known::default();
        let decide = |kind| decide(&"p".into(), &item(kind, None), false, TimeMs(0), &known).decision;
        for (kind, reason) in [
            (NoticeKind::PaymentFailed, Reason::PaymentFailed),
            (NoticeKind::PaymentPending, Reason::PaymentPending),
            (NoticeKind::PaymentAuthorized, Reason::PaymentAuthorized),
            (NoticeKind::Debit, Reason::Outgoing),
            (NoticeKind::Test, Reason::TestNotice),
            (NoticeKind::Other, Reason::UnknownType),
        ] {
            assert_eq!(decide(kind), Decision::Ignore(reason));
        }
        for (kind, reason) in [
            (NoticeKind::Unreadable, Reason::Unreadable),
            (NoticeKind::PaymentSuspect, Reason::PaymentSuspect),
            (NoticeKind::Refund, Reason::RefundBeforePayment),
            (NoticeKind::Void, Reason::RefundBeforePayment),
            (NoticeKind::Payment, Reason::UnknownAccount),
        ] {
            assert_eq!(decide(kind), Decision::Quarantine(reason));
        }
    }

    #[test]
    fn an_order_scheme_is_told_what_is_wrong_with_the_order() {
        let mut known = Known::default();
        let place = vec![(Day::ymd(2020, 1, 1), "pl".into())];
        known.places.insert("h".into(), place);
        for (reference, amount) in [("fits", 5000), ("other", 6000)] {
            let order = Order {
                stall_id: "s".into(),
                household_id: "h".into(),
                amount: Some(Dong::new(amount)),
            };
            known.orders.insert(("p".into(), reference.into()), order);
        }
        let decide = |kind, reference: &str| {
            let mut item = item(kind, None);
            item.details.reference = reference.into();
            decide(&"p".into(), &item, true, TimeMs(0), &known)
        };
        let fits = decide(NoticeKind::Payment, "fits");
        assert!(matches!(fits.decision, Decision::Post(_)) && fits.order == OrderCheck::Fits);
        let other = decide(NoticeKind::Payment, "other");
        assert_eq!(other.decision, Decision::Quarantine(Reason::OrderAmountDiffers));
        assert_eq!(other.order, OrderCheck::AmountDiffers(Dong::new(6000)));
        let unknown = decide(NoticeKind::Payment, "none");
        assert_eq!(unknown.decision, Decision::Quarantine(Reason::UnknownOrder));
        assert_eq!(
            decide(NoticeKind::PaymentFailed, "none").order,
            OrderCheck::Unknown
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

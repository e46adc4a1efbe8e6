//! The states in which an item is kept, and the reasons for the two that move no money.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_words_of_their_own() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}

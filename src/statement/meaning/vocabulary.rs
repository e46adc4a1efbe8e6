//! The words that say which way money went, and whether it went at all: Vietnamese in plain letters, and English.

use crate::statement::meaning::answers::WordMeaning;
use crate::statement::meaning::words::plain;
use crate::statement::movement::{RowKind, RowStatus};

/// What a word says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Says {
    pub(crate) kind: Option<SaidKind>,
    pub(crate) status: Option<RowStatus>,
}

/// What a word says of the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SaidKind {
    /// A payment; the sign of the amount or its side knows better.
    Payment,
    In,
    /// It went out, and the mapping says what that is.
    Out,
    Is(RowKind),
}

impl Says {
    /// What a word says that a person explained.
    pub(crate) const fn explained(meaning: WordMeaning) -> Says {
        let (kind, status) = match meaning {
            WordMeaning::In => (Some(SaidKind::In), None),
            WordMeaning::Out => (Some(SaidKind::Out), None),
            WordMeaning::Refund => (Some(SaidKind::Is(RowKind::Refund)), None),
            WordMeaning::Fee => (Some(SaidKind::Is(RowKind::Fee)), None),
            WordMeaning::Settled => (None, Some(RowStatus::Settled)),
            WordMeaning::Pending => (None, Some(RowStatus::Pending)),
            WordMeaning::Failed => (None, Some(RowStatus::Failed)),
            WordMeaning::Nothing => (None, None),
        };
        Says { kind, status }
    }

    pub(crate) const fn kind(kind: SaidKind) -> Says {
        Says {
            kind: Some(kind),
            status: None,
        }
    }

    pub(crate) const fn status(status: RowStatus) -> Says {
        Says {
            kind: None,
            status: Some(status),
        }
    }
}

/// The words of a list.
pub(crate) fn listed(words: &'static str) -> impl Iterator<Item = &'static str> {
    words.split(" | ")
}

/// Whether a text begins with this word or words, whole.
pub(crate) fn begins(text: &str, words: &str) -> bool {
    text.strip_prefix(words)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '/', '(', ',', ';']))
}

/// Whether a text is this word and nothing else, and the word has no other meaning: Thu and Chi, Huy and Đào are names
/// as well, «Chợ Hàn» begins as «chờ».
pub(crate) fn is_plainly(text: &str, word: &str) -> bool {
    const MANY_MEANINGS: &str = "thu | chi | vao | ra | nhan | cong | tru | tang | giam | huy | dao | hoan | loi | cho | moi | new | \
         dang | chua | treo | process | hold | held | void | phi | in | out | ok | done | nap | cancel | \
         fee | pay | sale | sales | qr | vietqr | part";
    text == word && !listed(MANY_MEANINGS).any(|other| other == word)
}

/// How a word is held against those that are known.
pub(crate) type Fits = fn(&str, &str) -> bool;

/// Words that only say by what or for what a payment was made.
const NEUTRAL: &str = "00 | 000 | qr | vietqr | vnpay | momo | zalopay | viettel | viettelpay | payos | sepay | napas | 247 | giao | \
     dich | gd | transaction | trans | txn | tien | hang | don | code | qrcode | pay | payment | thanh | \
     toan | online | offline | pos | cho | tai | quay | ma | mua | ban | khach | cua | dong | tinh | \
     static | dynamic | order";

fn is_neutral(text: &str) -> bool {
    text.split([' ', '/', '(', ')', ',', '&'])
        .filter(|word| !word.is_empty())
        .all(|word| listed(NEUTRAL).any(|neutral| neutral == word))
}

/// What a word of a direction says.
pub(crate) fn direction(word: &str, fits: Fits) -> Option<Says> {
    const IN: &str = "+ | cr | credit | crdt | ghi co | phat sinh co | ps co | in | incoming | inward | tien vao | vao | \
         thu | thu tien | nhan | nhan tien | tien den | chuyen den | chuyen tien den | nhan chuyen khoan | \
         nap | nap tien | deposit | money in | paid in | cash in | top up | topup | cong | cong tien | \
         tang | bao co | tien ve | income | received | receive | inflow | credited | ghi co tai khoan | \
         ck den | chuyen khoan den | transfer in | incoming transfer | inbound | money received | cash deposit | credit in | tien vao tai khoan";
    const OUT: &str = "- | dr | debit | dbit | db | ghi no | phat sinh no | ps no | out | outward | tien ra | ra | chi | \
         chi tien | tru | tru tien | giam | bao no | money out | paid out | cash out | expense | outflow | \
         debited | spent | sent | tien di | ghi no tai khoan | debit out | tien ra khoi tai khoan";
    const AWAY: &str = "rut | chuyen tien di | chuyen di | ck di | chuyen khoan di | outgoing | withdraw | withdrawal | \
         payout | chi ho | disbursement | giai ngan | chuyen tien ra | transfer out | outbound | money sent | send money";
    const PAYMENT: &str = "thanh toan | payment | pay | sale | sales | purchase | qr | vietqr | ban hang | mua hang | \
         giao dich thanh toan | gd thanh toan | vnpay qr | qrcode | qr code | merchant payment | capture";
    if let Some(said) = money_back(word, fits) {
        return Some(said);
    }
    // Not even a known word may go on: «Thu hồi» is no receipt.
    let says = |words: &'static str| listed(words).any(|w| word == w && fits(word, w));
    if says(IN) {
        return Some(Says::kind(SaidKind::In));
    }
    if says(OUT) {
        return Some(Says::kind(SaidKind::Out));
    }
    let opens = |words: &'static str| listed(words).any(|w| fits(word, w));
    if opens(AWAY) {
        return Some(Says::kind(SaidKind::Is(RowKind::Outgoing)));
    }
    if opens("phi | fee | fees | charge | charges | thu phi | mdr | service charge | transaction fee") {
        return Some(Says::kind(SaidKind::Is(RowKind::Fee)));
    }
    let is_payment = listed(PAYMENT).any(|w| fits(word, w) && is_neutral(&word[w.len()..]));
    is_payment.then_some(Says::kind(SaidKind::Payment))
}

/// Money that had come in and went back.
pub(crate) fn money_back(word: &str, fits: Fits) -> Option<Says> {
    const BACK: &str = "hoan | hoan tien | hoan tra | refund | refunded | dao | reversal | reverse | reversed | void | \
         voided | chargeback | tra lai | da hoan | bi hoan | da dao | bi dao | huy giao dich | cancel | \
         cancellation | huy | hoan gd";
    // A part of it went back: how much, such a word does not say.
    if ["mot phan", "1 phan", "partial", "partially", "part"]
        .iter()
        .any(|w| word.contains(w))
    {
        return None;
    }
    if ["hoan tat", "hoan thanh", "hoan tat thanh toan"]
        .iter()
        .any(|w| begins(word, w))
    {
        return None;
    }
    let bare = [
        "giao dich ",
        "gd ",
        "qr ",
        "transaction ",
        "yeu cau ",
        "payment ",
        "thanh toan ",
    ]
    .iter()
    .find_map(|lead| word.strip_prefix(lead))
    .unwrap_or(word);
    let is_back = listed(BACK).any(|w| fits(bare, w));
    is_back.then_some(Says::kind(SaidKind::Is(RowKind::Refund)))
}

/// What a word of a status says.
pub(crate) fn status(word: &str, fits: Fits) -> Option<Says> {
    const BACK: &str = "da hoan | hoan tien | da hoan tien | refunded | da dao | reversed | voided | dao giao dich | \
         bi dao | da hoan tra | hoan tra | refund";
    const FAILED: &str = "khong thanh cong | that bai | khong hop le | loi | bi loi | tu choi | bi tu choi | het han | \
         da het han | qua han | bi huy | da huy | huy | huy bo | khong thuc hien | giao dich loi | gd loi | \
         giao dich that bai | gd that bai | giao dich khong thanh cong | gd khong thanh cong | \
         giao dich bi tu choi | giao dich bi huy | thanh toan that bai | thanh toan khong thanh cong | \
         thanh toan loi | fail | failed | failure | unsuccessful | unsuccess | not successful | \
         not success | error | declined | decline | denied | rejected | reject | cancelled | canceled | \
         cancel | expired | abort | aborted | invalid | payment failed | transaction failed";
    const PENDING: &str = "dang | cho xu ly | cho | cho duyet | chua | khoi tao | nghi van | tra soat | treo | tam giu | \
         pending | processing | process | in progress | in process | initiated | created | new | moi | \
         moi tao | waiting | await | awaiting | on hold | hold | held | scheduled | queued | submitted | \
         authorized | authorised | unpaid | not paid | unsettled | incomplete | not completed | \
         received by bank | giao dich dang xu ly | giao dich cho xu ly | gd dang xu ly | timeout | \
         timed out | time out";
    const SETTLED: &str = "thanh cong | success | successful | successfully | succeeded | succeed | succ | completed | \
         complete | hoan tat | hoan thanh | da hoan tat | da hoan thanh | da thanh toan | \
         thanh toan thanh cong | paid | settled | approved | posted | booked | captured | da ghi so | \
         da hach toan | da ghi nhan | da nhan | da nhan tien | da xu ly | xu ly thanh cong | \
         giao dich thanh cong | gd thanh cong | da thanh cong | done | ok | payment success | \
         payment successful | transaction success | transaction successful | da quyet toan | da doi soat | \
         chuyen tien thanh cong | executed | finished | processed | da tat toan";
    let opens = |words: &'static str| listed(words).any(|w| fits(word, w));
    if opens(BACK) && money_back(word, fits).is_some() {
        return Some(Says {
            kind: Some(SaidKind::Is(RowKind::Refund)),
            status: Some(RowStatus::Settled),
        });
    }
    if opens(FAILED) {
        return Some(Says::status(RowStatus::Failed));
    }
    if opens(PENDING) {
        return Some(Says::status(RowStatus::Pending));
    }
    // Done is only what says so and nothing more: «Thành công một phần», «Success (reversed)» are asked about.
    let is_settled = listed(SETTLED).any(|w| fits(word, w) && is_neutral(&word[w.len()..]));
    is_settled.then_some(Says::status(RowStatus::Settled))
}

/// What a code of a status says. The two-digit codes are VNPAY's (docs/spec/providers.md, section 15.5); 0 is success
/// where results are numbered, and 1 is that for one provider and «not yet» for another.
pub(crate) fn status_code(word: &str, header: &str) -> Option<Says> {
    let back = |status| {
        Some(Says {
            kind: Some(SaidKind::Is(RowKind::Refund)),
            status: Some(status),
        })
    };
    match word {
        "00" | "000" => Some(Says::status(RowStatus::Settled)),
        "0" => {
            let text = plain(header);
            let is_result = ["result", "ket qua", "response", "phan hoi", "code", "ma"]
                .iter()
                .any(|w| text.contains(w));
            is_result.then_some(Says::status(RowStatus::Settled))
        }
        "01" | "07" => Some(Says::status(RowStatus::Pending)),
        "02" => Some(Says::status(RowStatus::Failed)),
        "04" => back(RowStatus::Settled),
        "05" | "06" => back(RowStatus::Pending),
        "09" => back(RowStatus::Failed),
        _ => None,
    }
}

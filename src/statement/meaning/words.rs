//! Words that statements use, folded: headers, kinds, statuses, totals. Vietnamese and English, with and
//! without accents.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::statement::meaning::mapping::Column;
use crate::statement::movement::{RowKind, RowStatus};
use crate::vn::fold;

/// Texts of headers for each meaning, the surest first: where two columns claim one meaning, the one
/// that stands further to the front has it.
const HEADERS: &[(Column, &str)] = &[
    (
        Column::RowNo,
        "stt | no | so thu tu | tt | # | row no | index | seq",
    ),
    (
        Column::When,
        "thoi gian giao dich | ngay gio giao dich | ngay giao dich | thoi gian gd | ngay gd | \
         transaction date | transaction datetime | transactiondatetime | transaction date time | \
         thoi gian thanh toan | payment time | payment date | paydate | pay date | trans date | \
         transaction time | trans time | ngay hach toan | posting date | booking date | \
         ngay ghi so | ngay phat sinh | thoi gian | ngay | date | datetime | date time | ngay tao | \
         thoi gian tao | created at | responsetime | server time | transactiondate | paymentdate | \
         trxdt | ngay thang | ngay ct | tnx date | txn date",
    ),
    (
        Column::Time,
        "gio giao dich | gio gd | gio | trxtm | time | transaction time | trans time | thoi gian",
    ),
    (
        Column::SettledOn,
        "ngay quyet toan | ngay thanh toan | settlement date | ngay hieu luc | value date | \
         effective date | ngay gia tri | ngay doi soat | ngay ket chuyen",
    ),
    (
        Column::Amount,
        "so tien giao dich | gia tri giao dich | so tien gd | transaction amount | so tien | \
         amount | gross | gross amount | gia tri | tong tien | total amount | transamount | \
         trans amount | transferamount | doanh so | so tien goc | thanh tien",
    ),
    (
        Column::Debit,
        "phat sinh no | so tien ghi no | ghi no | debit | debit amount | no | so tien rut | \
         tien ra | amount out | withdrawal | chi | so tien chi | rut ra | ps no | so tien no",
    ),
    (
        Column::Credit,
        "phat sinh co | so tien ghi co | ghi co | credit | credit amount | co | tien vao | \
         amount in | deposit | thu | so tien thu | gui vao | ps co | so tien co",
    ),
    (
        Column::Fee,
        "phi giao dich | phi dich vu | phi thanh toan | transaction fee | phi | fee | mdr | \
         phi mdr | tong phi | fee amount | service fee | phi chua vat | phi gd",
    ),
    (
        Column::Vat,
        "vat | thue vat | thue gtgt | thue | vat tren phi | vat phi | vat on fee | tax | fee vat | \
         tien thue",
    ),
    (
        Column::Discount,
        "khuyen mai | giam gia | discount | promotion | so tien khuyen mai | so tien giam gia | \
         voucher | uu dai",
    ),
    (
        Column::Net,
        "so tien thuc nhan | thuc nhan | net | net amount | so tien thanh toan | \
         so tien quyet toan | settlement amount | so tien nhan | so tien sau phi | con lai | \
         so tien con lai | thuc linh",
    ),
    (
        Column::Balance,
        "so du | balance | so du cuoi | running balance | accumulated | so du luy ke | luy ke | \
         so du sau gd | so du sau giao dich | available balance",
    ),
    (
        Column::Kind,
        "loai giao dich | loai gd | transaction type | trans type | type | kind | loai | nghiep vu | \
         transfertype | transfer type | hinh thuc giao dich | d/c | dau",
    ),
    (
        Column::Status,
        "trang thai giao dich | trang thai gd | trang thai | tinh trang | transaction status | \
         status | ket qua | result | ma ket qua | resultcode | result code | response code | \
         ma phan hoi",
    ),
    (
        Column::Currency,
        "loai tien | loai tien te | don vi tien te | tien te | currency | ccy | nguyen te | \
         ma tien te",
    ),
    (
        Column::TransactionId,
        "ma giao dich | transaction id | transactionid | transid | trans id | qrtrace | qr trace | \
         zp trans id | transaction no | transaction code | ma gd | so giao dich | so gd | \
         so but toan | ma but toan | trxid | vt transaction id | vtrequestid | txn id | txnid | \
         id giao dich | so chung tu | so ct | doc no | transaction number | ma dinh danh giao dich | \
         id",
    ),
    (
        Column::Reference,
        "ma don hang | order id | orderid | order code | ordercode | bill no | billno | \
         bill number | txnref | txn ref | app trans id | mertrxid | ma hoa don | so hoa don | \
         invoice no | invoiceno | ma thanh toan | order no | don hang | merchant reference | \
         merchant ref | ma tham chieu don hang | code",
    ),
    (
        Column::BankRef,
        "so tham chieu | ma tham chieu | so tham chieu ngan hang | reference number | reference no | \
         referencenumber | referencecode | reference code | so trace | trace | trace no | ft | \
         so ft | ma ft | bank reference | bank ref | reference | ref no | ref | so ref | \
         ma giao dich ngan hang",
    ),
    (
        Column::RefundOf,
        "ma giao dich goc | ma gd goc | giao dich goc | so giao dich goc | so gd goc | \
         ma giao dich bi hoan | ma giao dich duoc hoan | original transaction id | \
         original transaction | original trans id | original txn id | orig transaction id | \
         originaltransactionid | origtransid | orgtransid | refund of | refunded transaction id",
    ),
    (
        Column::Terminal,
        "ma diem ban | diem ban | terminal id | terminal | terminalid | store | store id | \
         ma cua hang | cua hang | ten diem ban | shop | quay | ma terminal | tid | diem giao dich | \
         branch",
    ),
    (
        Column::BankBin,
        "bin ngan hang thu huong | ma ngan hang thu huong | ma ngan hang | bank bin | bin | \
         bank code | bank id",
    ),
    (
        Column::Account,
        "tai khoan thu huong | so tai khoan thu huong | tai khoan nhan | so tai khoan nhan | \
         so tai khoan | tai khoan | beneficiary account | credit account | account number | \
         accountnumber | account no | account | stk | so tk",
    ),
    (
        Column::Note,
        "noi dung giao dich | noi dung chuyen khoan | noi dung ck | noi dung thanh toan | noi dung | \
         dien giai | mo ta | description | details | detail | transaction detail | \
         transaction details | content | transaction content | remark | remarks | narrative | \
         ghi chu | note | mo ta giao dich | transaction description | chi tiet giao dich | \
         chi tiet | ly do",
    ),
    (
        Column::Batch,
        "ky doi soat | ma ky doi soat | ma lo | lo | batch | batch no | batch id | \
         settlement batch | phien",
    ),
];

/// Parts of a header that say only the unit.
const UNITS: [&str; 7] = ["vnd", "dong", "d", "don vi vnd", "dvt vnd", "gmt+7", "dd/mm/yyyy"];

/// The meaning of a header, with how sure it is (0 the surest). A header may say it twice, in two
/// languages.
pub(crate) fn meanings(header: &str) -> Vec<(Column, usize)> {
    let parts: Vec<String> = header
        .split(['/', '\n', '(', ')', '[', ']', '|', ';'])
        .map(plain)
        .filter(|part| !part.is_empty() && !UNITS.contains(&part.as_str()))
        .collect();
    let whole = plain(header);
    let mut found = lookup(&whole);
    for part in &parts {
        found.extend(lookup(part));
    }
    if found.is_empty() {
        for part in parts.iter().chain([&whole]) {
            found.extend(in_two_languages(part));
        }
    }
    // Folded, «Nợ» and the English «No» are one word.
    if header.to_lowercase().contains("nợ") {
        found.retain(|&(column, _)| column != Column::RowNo);
    }
    found.sort_by_key(|&(_, rank)| rank);
    found
}

/// A text that says one thing twice, as two rows of a header do once joined: `ngay giao dich transaction
/// date`; or that ends in a unit.
fn in_two_languages(text: &str) -> Vec<(Column, usize)> {
    let words: Vec<&str> = text.split(' ').collect();
    for at in (1..words.len()).rev() {
        let front = words[..at].join(" ");
        let back = words[at..].join(" ");
        let first = lookup(&front);
        if UNITS.contains(&back.as_str()) && !first.is_empty() {
            return first;
        }
        let second = lookup(&back);
        let both: Vec<_> = first
            .into_iter()
            .filter(|(column, _)| second.iter().any(|(other, _)| other == column))
            .collect();
        if !both.is_empty() {
            return both;
        }
    }
    Vec::new()
}

/// What each text of [`HEADERS`] means, with its place there. A table and no search: whoever looks for a header asks
/// for every cell of the first rows, and again for each way to split it.
static MEANINGS: LazyLock<HashMap<&str, Vec<(Column, usize)>>> = LazyLock::new(|| {
    let mut meanings: HashMap<&str, Vec<(Column, usize)>> = HashMap::new();
    for (column, texts) in HEADERS {
        for (rank, text) in texts.split(" | ").enumerate() {
            let known = meanings.entry(text).or_default();
            if known.iter().all(|(other, _)| other != column) {
                known.push((*column, rank));
            }
        }
    }
    meanings
});

fn lookup(text: &str) -> Vec<(Column, usize)> {
    MEANINGS.get(text).cloned().unwrap_or_default()
}

/// Folded, with what only decorates taken away: how two headers are compared.
pub(crate) fn plain(text: &str) -> String {
    let bare: String = text
        .chars()
        .map(|c| {
            if matches!(c, '_' | '.' | '*' | ':' | '-' | '"') {
                ' '
            } else {
                c
            }
        })
        .collect();
    fold(&bare)
}

/// What a word of a kind column says.
pub(crate) fn row_kind(text: &str) -> Option<RowKind> {
    let word = plain(text);
    let says = |words: &[&str]| words.iter().any(|w| begins(&word, w));
    // A refund may name what it refunds («hoàn tiền thanh toán QR»), so it is asked for first.
    if says(&[
        "hoan",
        "refund",
        "dao",
        "reversal",
        "reverse",
        "void",
        "huy",
        "cancel",
        "chargeback",
        "tra lai",
    ]) {
        Some(RowKind::Refund)
    } else if says(&["phi", "fee", "charge", "thu phi", "mdr"]) {
        Some(RowKind::Fee)
    } else if says(&[
        "rut",
        "chuyen tien di",
        "chuyen di",
        "tien ra",
        "outgoing",
        "ghi no",
        "no",
        "debit",
        "dr",
        "d",
        "out",
        "withdraw",
        "payout",
        "chi ho",
        "chi",
    ]) {
        Some(RowKind::Outgoing)
    } else if says(&[
        "thanh toan",
        "payment",
        "pay",
        "sale",
        "purchase",
        "ghi co",
        "co",
        "credit",
        "cr",
        "c",
        "nhan tien",
        "tien vao",
        "in",
        "incoming",
        "thu",
        "chuyen tien den",
        "chuyen den",
        "nap",
        "deposit",
        "qr",
        "vietqr",
        "vnpay qr",
        "ban hang",
        "giao dich thanh toan",
        "mua hang",
    ]) {
        Some(RowKind::Payment)
    } else {
        None
    }
}

/// What a word or code of a status column says, and whether it makes the row a refund. The two-digit
/// codes are VNPAY's (docs/spec/providers.md, section 15.5).
pub(crate) fn row_status(text: &str) -> Option<(RowStatus, Option<RowKind>)> {
    let word = plain(text);
    let says = |words: &[&str]| words.iter().any(|w| begins(&word, w));
    let status = match word.as_str() {
        "00" | "0" => (RowStatus::Settled, None),
        "01" | "07" => (RowStatus::Pending, None),
        "02" => (RowStatus::Failed, None),
        "04" => (RowStatus::Settled, Some(RowKind::Refund)),
        "05" | "06" => (RowStatus::Pending, Some(RowKind::Refund)),
        "09" => (RowStatus::Failed, Some(RowKind::Refund)),
        _ if says(&[
            "da hoan",
            "hoan tien",
            "refunded",
            "da dao",
            "reversed",
            "voided",
            "dao giao dich",
        ]) =>
        {
            (RowStatus::Settled, Some(RowKind::Refund))
        }
        _ if says(&[
            "khong thanh cong",
            "that bai",
            "fail",
            "failed",
            "failure",
            "unsuccessful",
            "loi",
            "error",
            "tu choi",
            "declined",
            "rejected",
            "cancelled",
            "canceled",
            "huy",
            "da huy",
            "het han",
            "expired",
        ]) =>
        {
            (RowStatus::Failed, None)
        }
        _ if says(&[
            "dang xu ly",
            "cho xu ly",
            "cho",
            "dang cho",
            "pending",
            "processing",
            "in progress",
            "khoi tao",
            "initiated",
            "created",
            "nghi van",
        ]) =>
        {
            (RowStatus::Pending, None)
        }
        _ if says(&[
            "thanh cong",
            "success",
            "successful",
            "succeeded",
            "succeed",
            "completed",
            "complete",
            "hoan tat",
            "hoan thanh",
            "da thanh toan",
            "paid",
            "settled",
            "approved",
            "posted",
            "booked",
            "da ghi so",
            "da hach toan",
            "giao dich thanh cong",
            "done",
            "ok",
        ]) =>
        {
            (RowStatus::Settled, None)
        }
        _ => return None,
    };
    Some(status)
}

/// Words that have been looked up: a column of a million rows says the same few.
#[derive(Debug)]
pub(crate) struct Memo<T> {
    words: Vec<(String, Option<T>)>,
}

impl<T: Copy> Memo<T> {
    const WORDS_MAX: usize = 16;

    pub(crate) fn new() -> Memo<T> {
        Memo { words: Vec::new() }
    }

    /// What this reader says of a word, from memory if it was asked before.
    pub(crate) fn get(&mut self, word: &str, read: fn(&str) -> Option<T>) -> Option<T> {
        if let Some((_, known)) = self.words.iter().find(|(known, _)| known == word) {
            return *known;
        }
        let meaning = read(word);
        if self.words.len() < Self::WORDS_MAX {
            self.words.push((word.to_owned(), meaning));
        }
        meaning
    }
}

/// Whether a text begins with this word or words, whole.
fn begins(text: &str, words: &str) -> bool {
    text.strip_prefix(words)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '/', '(', ',']))
}

/// Đồng, by any of its names; none for another currency.
pub(crate) fn dong(text: &str) -> Option<()> {
    let is_dong = matches!(
        plain(text).as_str(),
        "vnd" | "704" | "d" | "₫" | "dong" | "viet nam dong" | ""
    );
    is_dong.then_some(())
}

/// What a cell outside the table's body announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    Total,
    Opening,
    Closing,
    Account,
}

/// What a text announces, and the text behind its colon, if any.
pub(crate) fn announced(text: &str) -> Option<(Announced, &str)> {
    const WORDS: [(Announced, &[&str]); 4] = [
        (
            Announced::Opening,
            &[
                "so du dau",
                "opening balance",
                "so du dau ky",
                "begin balance",
                "beginning balance",
            ],
        ),
        (
            Announced::Closing,
            &["so du cuoi", "closing balance", "ending balance", "end balance"],
        ),
        (
            Announced::Total,
            &[
                "tong",
                "tong cong",
                "total",
                "grand total",
                "cong",
                "cong phat sinh",
                "sum",
                "subtotal",
                "sub total",
                "cong trang",
                "luy ke",
            ],
        ),
        (
            Announced::Account,
            &[
                "so tai khoan",
                "tai khoan",
                "account number",
                "account no",
                "account",
                "stk",
                "so tk",
            ],
        ),
    ];
    let (front, behind) = text.split_once(':').unwrap_or((text, ""));
    let word = plain(front);
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|w| begins(&word, w)))
        .map(|(what, _)| (*what, behind.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_both_languages() {
        for (header, wanted) in [
            ("STT", Column::RowNo),
            ("Mã giao dịch", Column::TransactionId),
            ("MA GIAO DICH", Column::TransactionId),
            ("transId", Column::TransactionId),
            ("Mã đơn hàng", Column::Reference),
            ("Ngày giao dịch/Transaction Date", Column::When),
            ("Ngày giao dịch\nTransaction Date", Column::When),
            ("Ngày giao dịch Transaction Date", Column::When),
            ("Phát sinh nợ/Debit", Column::Debit),
            ("Phát sinh Có", Column::Credit),
            ("Số tiền (VNĐ)", Column::Amount),
            ("Số tiền VND", Column::Amount),
            ("Số tiền thực nhận", Column::Net),
            ("Phí giao dịch", Column::Fee),
            ("VAT", Column::Vat),
            ("Số trace", Column::BankRef),
            ("Mã giao dịch gốc", Column::RefundOf),
            ("Original Transaction ID", Column::RefundOf),
            ("Kỳ đối soát", Column::Batch),
            ("Mã điểm bán", Column::Terminal),
            ("Trạng thái", Column::Status),
            ("Nội dung/Details", Column::Note),
            ("Tài khoản/Account", Column::Account),
            ("transaction_id", Column::TransactionId),
            ("Ngày GD", Column::When),
        ] {
            assert_eq!(meanings(header).first().map(|m| m.0), Some(wanted), "{header}");
        }
        for unknown in [
            "",
            "Ghi nhận của kế toán",
            "Tài khoản đối ứng",
            "Tên khách hàng",
            "Số tiền bằng chữ",
        ] {
            assert_eq!(meanings(unknown), [], "{unknown}");
        }
    }

    #[test]
    fn kinds_and_statuses_are_known() {
        for (word, wanted) in [
            ("Thanh toán", RowKind::Payment),
            ("Thanh toán QR", RowKind::Payment),
            ("Hoàn tiền", RowKind::Refund),
            ("Hoàn tiền thanh toán QR", RowKind::Refund),
            ("Đảo", RowKind::Refund),
            ("Phí", RowKind::Fee),
            ("Ghi nợ", RowKind::Outgoing),
            ("D", RowKind::Outgoing),
            ("C", RowKind::Payment),
            ("in", RowKind::Payment),
        ] {
            assert_eq!(row_kind(word), Some(wanted), "{word}");
        }
        assert_eq!(row_kind("màu xanh"), None);
        assert_eq!(row_kind("Điện tử"), None);
        for (word, wanted, kind) in [
            ("Thành công", RowStatus::Settled, None),
            ("Không thành công", RowStatus::Failed, None),
            ("Thất bại", RowStatus::Failed, None),
            ("Đang xử lý", RowStatus::Pending, None),
            ("SUCCESS", RowStatus::Settled, None),
            ("Failed", RowStatus::Failed, None),
            ("Pending", RowStatus::Pending, None),
            ("00", RowStatus::Settled, None),
            ("01", RowStatus::Pending, None),
            ("02", RowStatus::Failed, None),
            ("04", RowStatus::Settled, Some(RowKind::Refund)),
            ("Đã hoàn tiền", RowStatus::Settled, Some(RowKind::Refund)),
            ("Hoàn tất", RowStatus::Settled, None),
        ] {
            assert_eq!(row_status(word), Some((wanted, kind)), "{word}");
        }
        // 1 is success for one provider and «not yet» for another
        assert_eq!(row_status("1"), None);
        assert_eq!(row_status("xanh"), None);
    }

    #[test]
    fn announcements_are_known_with_what_stands_behind_the_colon() {
        assert_eq!(announced("TỔNG CỘNG"), Some((Announced::Total, "")));
        assert_eq!(
            announced("Số dư đầu kỳ: 1.000"),
            Some((Announced::Opening, "1.000"))
        );
        assert_eq!(announced("Closing balance"), Some((Announced::Closing, "")));
        assert_eq!(
            announced("Số tài khoản: 0011"),
            Some((Announced::Account, "0011"))
        );
        assert_eq!(announced("Tổngg"), None);
        assert_eq!(announced("Cà phê"), None);
    }
}

//! Words that statements use, folded: headers, currencies, totals. Vietnamese and English, with and
//! without accents.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::statement::meaning::mapping::Column;
use crate::statement::meaning::units;
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
         trxdt | ngay thang | ngay ct | tnx date | txn date | trxn date | tran date | trn date | \
         ngay gio | ngay gio gd | thoi diem giao dich | thoi diem | \
         transaction date and time | date of transaction | processing date | ngay thuc hien | \
         ngay nhan | process date | entry date | ngay ghi nhan | thoi gian ghi nhan",
    ),
    (
        Column::Time,
        "gio giao dich | gio gd | gio | trxtm | time | transaction time | trans time | thoi gian",
    ),
    (
        Column::SettledOn,
        "ngay quyet toan | ngay thanh toan | settlement date | ngay hieu luc | value date | \
         effective date | ngay gia tri | ngay doi soat | ngay ket chuyen | payment date | \
         ngay payoo thanh toan | ngay tam ung | settle date | payout date",
    ),
    (
        Column::Amount,
        "so tien giao dich | gia tri giao dich | so tien gd | transaction amount | so tien | \
         amount | gross | gross amount | gia tri | tong tien | total amount | transamount | \
         trans amount | transferamount | doanh so | so tien goc | thanh tien | trxn amount | \
         txn amount | successful amount | so tien giao dich goc | sale amount | so tien thanh cong | \
         so tien gd goc | transaction value | gia tri gd | tong so tien",
    ),
    (
        Column::Debit,
        "phat sinh no | so tien ghi no | ghi no | debit | debit amount | no | so tien rut | \
         tien ra | amount out | withdrawal | chi | so tien chi | rut ra | ps no | so tien no | \
         ra | money out | paid out | dr | tien chi | withdrawals | so tien ra | ben no | debits | \
         so tien phat sinh no | gd no | tien di | dr amount | so ps no | out | tien rut | chi ra | \
         phat sinh giam | so tien di | debit amt | withdrawal amount | withdrawal amt | money sent",
    ),
    (
        Column::Credit,
        "phat sinh co | so tien ghi co | ghi co | credit | credit amount | co | tien vao | \
         amount in | deposit | thu | so tien thu | gui vao | ps co | so tien co | \
         vao | money in | paid in | cr | tien thu | deposits | so tien vao | ben co | credits | \
         so tien phat sinh co | gd co | tien den | cr amount | so ps co | in | so tien gui | tien gui | \
         thu vao | phat sinh tang | so tien den | credit amt | deposit amount | deposit amt | money received",
    ),
    (
        Column::Fee,
        "phi giao dich | phi dich vu | phi thanh toan | transaction fee | phi | fee | mdr | \
         phi mdr | tong phi | fee amount | service fee | phi chua vat | phi gd | mdf | total fee | \
         phi xu ly giao dich | phi xu ly giao dich qr | phi xu ly | processing fee | merchant fee",
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
        Column::Refunded,
        "so tien hoan | so tien da hoan | so tien hoan tra | so tien hoan tien | tien hoan | tien hoan tra | \
         tien da hoan | gia tri hoan | gia tri hoan tien | refund amount | refunded amount | amount refunded | \
         total refunded | refundamount | refund amt | tong hoan | tong tien hoan | so tien hoan lai | \
         so tien bi hoan | reversed amount | chargeback amount | so tien huy",
    ),
    (
        Column::Net,
        "so tien thuc nhan | thuc nhan | net | net amount | so tien thanh toan | \
         so tien quyet toan | settlement amount | so tien nhan | so tien sau phi | con lai | \
         so tien con lai | thuc linh | payment amount | so tien tam ung | advance amount | \
         so tien payoo thanh toan | so tien duoc thanh toan | payout amount | settled amount",
    ),
    (
        Column::Balance,
        "so du | balance | so du cuoi | running balance | accumulated | so du luy ke | luy ke | \
         so du sau gd | so du sau giao dich | available balance | so du kha dung | closing balance | \
         so du tai khoan | so du hien tai | ending balance | balance after",
    ),
    (
        Column::Kind,
        "loai giao dich | loai gd | transaction type | trans type | type | kind | loai | nghiep vu | \
         transfertype | transfer type | hinh thuc giao dich | d/c | dau | loai tac nghiep",
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
         ma tien te | ma nt | nt | loai nt | loai ngoai te | ngoai te | cur | ma ngoai te",
    ),
    (
        Column::TransactionId,
        "ma giao dich | transaction id | transactionid | transid | trans id | qrtrace | qr trace | \
         zp trans id | transaction no | transaction code | ma gd | so giao dich | so gd | \
         so but toan | ma but toan | trxid | vt transaction id | vtrequestid | txn id | txnid | \
         id giao dich | so chung tu | so ct | doc no | transaction number | ma dinh danh giao dich | \
         ma gd qr | ma giao dich qr | ma gd he thong | trxn id | trxn no | id",
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
         branch | ma thiet bi | ma may | device id | pos id",
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
         chi tiet | ly do | noi dung chi tiet | transactions in detail | noi dung chuyen tien",
    ),
    (
        Column::Batch,
        "ky doi soat | ma ky doi soat | ma lo | lo | batch | batch no | batch id | \
         settlement batch | phien",
    ),
];

/// How much surer the first part of a header is than one that means something else.
const LATER_PART: usize = 1000;

/// Parts of a header that say only the unit.
const UNITS: [&str; 10] = [
    "vnd",
    "dong",
    "d",
    "don vi vnd",
    "dvt vnd",
    "gmt+7",
    "dd/mm/yyyy",
    "include vat",
    "incl vat",
    "gom vat",
];

/// The meaning of a header, with how sure it is (0 the surest). A header may say it twice, in two
/// languages.
pub(crate) fn meanings(header: &str) -> Vec<(Column, usize)> {
    if let Some(bare) = units::without_unit(header) {
        // Beside a column in đồng, one in another unit is none of these.
        let found = meanings(&bare).into_iter();
        return found
            .map(|(column, rank)| (column, rank + 2 * LATER_PART))
            .collect();
    }
    let parts: Vec<String> = header
        .split(['/', '\n', '(', ')', '[', ']', '|', ';'])
        .map(plain)
        .filter(|part| !part.is_empty() && !UNITS.contains(&part.as_str()))
        .collect();
    let whole = plain(header);
    let mut found = lookup(&whole);
    if found.is_empty() {
        // «Ngày/ Số CT» is the day first, and what else stands in its cells comes after it.
        for part in &parts {
            let is_same = found.first().map(|&(column, _)| column);
            for (column, rank) in lookup(part) {
                let after = is_same.is_some_and(|first| first != column);
                found.push((column, rank + usize::from(after) * LATER_PART));
            }
        }
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
    // «Nợ/Có» is neither column: it says which of the two.
    let is_one =
        |wanted: Column, found: &[(Column, usize)]| found.iter().any(|(column, _)| *column == wanted);
    if is_one(Column::Debit, &found) && is_one(Column::Credit, &found) {
        found.retain(|(column, _)| !matches!(column, Column::Debit | Column::Credit | Column::RowNo));
    }
    // A rate is no amount.
    let is_rate = header.contains('%')
        || ["ty le", "rate", "phan tram"]
            .iter()
            .any(|word| whole.contains(word));
    if is_rate {
        found.clear();
    }
    found.sort_by_key(|&(_, rank)| rank);
    found
}

/// Whether the header of a column of days names an id as well: its cells hold both.
pub(crate) fn names_an_id(header: &str) -> bool {
    let ids = [Column::TransactionId, Column::BankRef, Column::Reference];
    meanings(header).iter().any(|(column, _)| ids.contains(column))
}

/// Whether a header says «account» and not whose.
pub(crate) fn is_bare_account(header: &str) -> bool {
    const BARE: [&str; 9] = [
        "tai khoan",
        "so tai khoan",
        "stk",
        "so tk",
        "account",
        "account no",
        "account number",
        "accountnumber",
        "tai khoan account",
    ];
    let mut parts = header
        .split(['/', '\n', '(', ')'])
        .map(plain)
        .filter(|part| !part.is_empty());
    let is_bare = |part: &String| BARE.contains(&part.as_str()) || UNITS.contains(&part.as_str());
    parts.clone().next().is_some() && parts.all(|part| is_bare(&part))
}

/// Whether a header names the other side of a transfer.
pub(crate) fn is_other_side(header: &str) -> bool {
    const WORDS: [&str; 20] = [
        "doi ung",
        "doi tac",
        "nguoi chuyen",
        "nguoi gui",
        "don vi chuyen",
        "ben chuyen",
        "nguoi nhan",
        "remitter",
        "sender",
        "payer",
        "counterparty",
        "counter party",
        "partner",
        "nguoi thu huong",
        "nguoi tra",
        "correspondent",
        "corresponsive",
        "offset",
        "nguoi nop",
        "nguon chuyen",
    ];
    let text = plain(header);
    WORDS.iter().any(|word| text.contains(word))
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
                "so du mang sang",
                "so du ky truoc",
                "so du ngay truoc",
                "brought forward",
                "balance brought forward",
                "balance b/f",
                "previous balance",
                "begin balance",
                "beginning balance",
            ],
        ),
        (
            Announced::Closing,
            &[
                "so du cuoi",
                "closing balance",
                "ending balance",
                "end balance",
                "carried forward",
                "balance carried forward",
                "balance c/f",
            ],
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
    // Most cells of a table begin with digits, and announce nothing.
    if front.starts_with(|c: char| c.is_ascii_digit()) || front.len() > 200 {
        return None;
    }
    let word = plain(front);
    let (what, _) = WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|w| begins(&word, w)))?;
    let is_others = *what == Announced::Account && is_other_side(front);
    (!is_others).then_some((*what, behind.trim()))
}

/// Whether a text says only that its row is a sum or a balance: «Tổng phát sinh tháng», «Lũy kế», «Opening balance». A note
/// that goes on with other words is a payer's.
pub(crate) fn is_only_a_sum(text: &str) -> bool {
    const CORE: &str = "tong | total | so du | balance | opening balance | closing balance | beginning balance | ending balance | \
         previous balance | luy ke | cong | subtotal | sum | carried forward | brought forward";
    const MORE: &str = "cong | phat sinh | so | du | dau | cuoi | ky | ngay | thang | nam | quy | trong | luy | ke | no | co | tien | \
         giao | dich | gd | opening | closing | beginning | ending | begin | end | debit | credit | debits | credits | amount | of | \
         the | period | day | month | grand | sub | mang | sang | chuyen | truoc | sau | hien | tai | kha | dung | phat | sinh | \
         available | previous | current | den | tu | from | to | and | va";
    if text.len() > 100 {
        return false;
    }
    let word = plain(text);
    let listed = |list: &'static str, wanted: &str| list.split(" | ").any(|known| known == wanted);
    let is_core = CORE.split(" | ").any(|core| begins(&word, core));
    is_core
        && word
            .split([' ', '/', '(', ')', ','])
            .filter(|part| !part.is_empty())
            .all(|part| part.bytes().all(|b| b.is_ascii_digit()) || listed(MORE, part) || listed(CORE, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_told_from_notes_that_begin_alike() {
        for sum in [
            "Số dư đầu kỳ",
            "Tổng cộng",
            "Cộng ngày",
            "Tổng phát sinh tháng 06/2026",
            "Lũy kế",
            "Closing balance",
            "TOTAL",
            "Số dư cuối ngày 15/06/2026:",
        ] {
            assert!(is_only_a_sum(sum), "{sum}");
        }
        for note in [
            "Tổng tiền rau HC7K3M9J",
            "Cong ty Vi Du tra tien hang",
            "TIEN RAU",
            "",
            "Tong ket lop 5A",
        ] {
            assert!(!is_only_a_sum(note), "{note}");
        }
    }

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

//! What words of a table say of the direction and the status of a row. Nothing is taken for money that came in because
//! nothing said otherwise: a word that may say something and is not understood is asked about.

use crate::statement::meaning::vocabulary::{
    SaidKind, Says, begins, direction, is_plainly, listed, money_back, status, status_code,
};
use crate::statement::meaning::words::{is_other_side, plain};
use crate::statement::movement::RowStatus;

/// What a header lets expect of the words below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Which way the money went, or what kind of movement it was.
    Direction,
    /// How far it got.
    Status,
    /// Whether this is what became of it: yes or no.
    Flag(RowStatus),
    /// Whether it was taken back: yes or no.
    Reversal,
    /// Something that has names and words of its own: a shop, a channel, a card.
    Other,
    /// Nothing.
    Unknown,
}

/// Headers and words that name both directions, in the order in and out.
const PAIRS: &[(&str, &str)] = &[
    ("co", "no"),
    ("c", "n"),
    ("c", "d"),
    ("cr", "dr"),
    ("cr", "db"),
    ("credit", "debit"),
    ("crdt", "dbit"),
    ("thu", "chi"),
    ("t", "c"),
    ("in", "out"),
    ("i", "o"),
    ("vao", "ra"),
    ("v", "r"),
    ("den", "di"),
    ("nhan", "chuyen"),
    ("nhan", "gui"),
    ("ghi co", "ghi no"),
    ("tang", "giam"),
    ("cong", "tru"),
    ("nap", "rut"),
    ("plus", "minus"),
    ("received", "sent"),
    ("1", "-1"),
    ("+1", "-1"),
    ("nhap", "xuat"),
];

/// Words of a header that say that its column is of something else.
const OTHERS: &str = "kenh | channel | ngan hang | bank | chi nhanh | branch | cua hang | store | shop | ten | name | the | \
     card | tien te | loai tien | currency | ccy | don vi | merchant | mid | tid | terminal | phuong thuc | \
     method | app | ung dung | vi | wallet | san pham | product | user | nguoi | quay | so luong | count | \
     qty | quantity | rate | ty le | % | may | version | nhom | category | dich vu | service | email | \
     phone | dien thoai | ca | shift | network | to chuc | tinh | thanh pho | quan | phuong | city | \
     khach hang | customer | mcc | thiet bi | device | dia chi | address | tai khoan | account | noi dung | \
     dien giai | mo ta | ghi chu | note | description | remark | nhan vien | thu ngan | cashier | khu vuc | \
     region | area | brand | issuer | acquirer | nguon | source | site | ma | id | code | so | ngay | date | \
     gio | time | phi | fee | thue | vat | hang | ban | sap | cho | goi";

/// Headers that are a status themselves, over cells of yes and no.
const FLAGS: [(RowStatus, &str); 3] = [
    (
        RowStatus::Settled,
        "thanh cong | giao dich thanh cong | gd thanh cong | hop le | success | successful | succeeded | is success | \
         issuccess | da thanh toan | paid | is paid | ispaid | completed | complete | is completed | hoan tat | \
         hoan thanh | settled | approved | valid | is valid | isvalid | da nhan tien | da xu ly | processed | \
         confirmed | da xac nhan | da duyet",
    ),
    (
        RowStatus::Failed,
        "loi | co loi | bi loi | giao dich loi | gd loi | error | is error | iserror | has error | fail | failed | \
         is failed | failure | that bai | khong thanh cong | khong hop le | invalid | declined | rejected | tu choi | \
         bi tu choi | het han | expired",
    ),
    (
        RowStatus::Pending,
        "dang xu ly | cho xu ly | chua xu ly | chua thanh toan | pending | is pending | processing | tam giu | on hold | \
         treo | nghi van | unpaid",
    ),
];
const YES: &str = "co | yes | y | true | t | 1 | x | v | dung | da | ok | roi | ✓ | ✔ | ☑ | ☒";
const NO: &str = "khong | no | n | false | f | 0 | chua | sai | none | null | khong co | - | ✗ | ✘ | ☐";

/// Whether a word is a yes or a no.
pub(crate) fn is_yes_or_no(word: &str) -> bool {
    listed(YES).chain(listed(NO)).any(|known| known == word)
}

/// What a cell says under a header that is a status itself. An empty one says no where the header names a fault, and is
/// asked about where it names a success.
fn flagged(word: &str, status_of: RowStatus) -> Option<Says> {
    let is_success = status_of == RowStatus::Settled;
    if listed(YES).any(|yes| yes == word) {
        return Some(Says::status(status_of));
    }
    if listed(NO).any(|no| no == word) {
        return Some(if is_success {
            Says::status(RowStatus::Failed)
        } else {
            Says::default()
        });
    }
    if word.is_empty() && !is_success {
        return Some(Says::default());
    }
    status(word, begins)
}

/// Whether a cell of a column of refunds says that something went back: whatever it holds but a no.
pub(crate) fn is_taken_back(text: &str) -> bool {
    let word = word_key(text);
    !word.is_empty() && !listed(NO).any(|no| no == word)
}

/// What a header lets expect.
pub(crate) fn role_of(header: &str) -> Role {
    let bare: String = header.chars().filter(|c| !c.is_whitespace()).collect();
    if bare.contains("+/-")
        || bare.contains("-/+")
        || bare.contains('±')
        || matches!(bare.as_str(), "+-" | "+" | "-")
    {
        return Role::Direction;
    }
    if is_other_side(header) {
        return Role::Other;
    }
    let text = plain(header);
    let words: Vec<&str> = text
        .split([' ', '/', '(', ')', '[', ']', '|', ';', ','])
        .filter(|w| !w.is_empty())
        .collect();
    let joined = format!(" {} ", words.join(" "));
    let has = |phrase: &str| joined.contains(&format!(" {phrase} "));
    let has_any = |phrases: &'static str| listed(phrases).any(has);
    let flag = FLAGS
        .iter()
        .find(|(_, headers)| listed(headers).any(|header| header == text));
    if let Some((status, _)) = flag {
        return Role::Flag(*status);
    }
    if has_any(
        "status | trang thai | tinh trang | tinh hinh | state | ket qua | result | resultcode | \
         outcome | success | response | responsecode | ma phan hoi | ma loi | error code | \
         errorcode | trangthai",
    ) {
        return Role::Status;
    }
    if has_any(
        "reversal | reversed | refund | refunded | void | voided | cancel | cancelled | \
         canceled | chargeback | hoan tien | hoan | hoan tra | da hoan | bi huy | da huy | huy | \
         dao | rvslind",
    ) && !has_any("so tien | amount | ngay | date | ma | id | so | goc | original | phi | fee")
    {
        return Role::Reversal;
    }
    let is_pair = PAIRS.iter().any(|(one, other)| has(one) && has(other))
        && !has_any("nguoi | ten | name | don vi | tai khoan | account | ngan hang | bank | ngay | date");
    let is_type = has_any("type | loai | kind")
        && !has_any(
            "the | card | tien te | loai tien | currency | tai khoan | account | khach hang | \
         customer | product | san pham | file | phi | fee | hang | thiet bi | device | vi | \
         wallet | kenh | merchant | terminal",
        );
    let is_named = has_any(
        "direction | chieu | huong giao dich | huong tien | sign | indicator | bien dong | \
         nghiep vu | tac nghiep | phan loai | cdtdbtind | drcr | crdr | cdind | dcind",
    ) || matches!(
        text.as_str(),
        "huong" | "dau" | "dau giao dich" | "dau gd" | "dc" | "cd" | "ps" | "hinh thuc giao dich"
    );
    if is_pair || is_type || is_named {
        return Role::Direction;
    }
    if has_any(OTHERS) {
        return Role::Other;
    }
    Role::Unknown
}

/// A word as it is compared: folded, its decoration gone, but for the signs that are the whole word.
pub(crate) fn word_key(text: &str) -> String {
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '[' | ']' | '\'' | '"'))
        .collect();
    match bare.as_str() {
        "+" | "＋" => "+".to_owned(),
        "-" | "−" | "–" | "—" | "－" => "-".to_owned(),
        "-1" | "+1" => bare,
        _ => plain(text),
    }
}

/// What each word of a column says, in the order of the words; none for those that are not understood. A blank cell
/// is a word too where others hold one.
pub(crate) fn understood(header: &str, role: Role, words: &[String]) -> Vec<Option<Says>> {
    let pair = pair_of(header, words);
    words
        .iter()
        .map(|word| one_word(word, header, role, pair))
        .collect()
}

/// The two words for in and out that this column uses, if it shows which.
fn pair_of(header: &str, words: &[String]) -> Option<(&'static str, &'static str)> {
    let keys: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    let text = plain(header);
    let names: Vec<&str> = text
        .split([' ', '/', '(', ')', '-', '|', ','])
        .filter(|w| !w.is_empty())
        .collect();
    let has_pair = |words: &[&str], pair: &(&str, &str)| words.contains(&pair.0) && words.contains(&pair.1);
    let by_words = PAIRS.iter().find(|pair| has_pair(&keys, pair));
    let by_header = || {
        PAIRS.iter().find(|pair| {
            let is_meant = has_pair(&names, pair) && keys.iter().any(|key| *key == pair.0 || *key == pair.1);
            // «Thu/Chi» over T and C, «Nợ/Có» over N and C
            let initial = |word: &str| word.chars().next().map(String::from).unwrap_or_default();
            let letters = (initial(pair.0), initial(pair.1));
            is_meant
                || (has_pair(&names, pair)
                    && keys.iter().all(|key| *key == letters.0 || *key == letters.1)
                    && letters.0 != letters.1)
        })
    };
    let found = by_words.or_else(by_header)?;
    // The pair of whole words stands for its letters as well.
    let initials = PAIRS.iter().find(|letters| {
        letters.0.len() == 1
            && found.0.starts_with(letters.0)
            && found.1.starts_with(letters.1)
            && keys.iter().all(|key| *key == letters.0 || *key == letters.1)
    });
    Some(*initials.unwrap_or(found))
}

fn one_word(word: &str, header: &str, role: Role, pair: Option<(&str, &str)>) -> Option<Says> {
    if role == Role::Reversal {
        let is_no = matches!(
            word,
            "" | "n" | "no" | "0" | "khong" | "false" | "f" | "chua" | "none" | "-" | "khong co"
        );
        return is_no.then(Says::default);
    }
    if let Role::Flag(status) = role {
        return flagged(word, status);
    }
    if let Some((inward, outward)) = pair {
        if word == inward {
            return Some(Says::kind(SaidKind::In));
        }
        if word == outward {
            return Some(Says::kind(SaidKind::Out));
        }
    }
    // «00 - Thành công»: the code and the words must not contradict.
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word[digits..].trim_start();
    if (1..=3).contains(&digits) && !rest.is_empty() && word[digits..].starts_with(' ') {
        let code = (role == Role::Status)
            .then(|| status_code(&word[..digits], header))
            .flatten();
        let said = status(rest, begins)?;
        return match code {
            Some(code) if code != said => None,
            _ => Some(said),
        };
    }
    match role {
        Role::Status => status_code(word, header)
            .or_else(|| status(word, begins))
            .or_else(|| money_back(word, begins)),
        Role::Direction => direction(word, begins).or_else(|| status(word, is_plainly)),
        // A card is called «Debit» and a shop anything; that something failed is said in plain words.
        Role::Other => status(word, is_plainly)
            .filter(|said| said.status != Some(RowStatus::Settled))
            .or_else(|| money_back(word, is_plainly)),
        Role::Flag(_) | Role::Reversal | Role::Unknown => {
            direction(word, is_plainly).or_else(|| status(word, is_plainly))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::movement::RowKind;

    /// What a column of these words says of each; none is a question.
    fn said(header: &str, words: &[&str]) -> Vec<Option<Says>> {
        let keys: Vec<String> = words.iter().map(|word| word_key(word)).collect();
        understood(header, role_of(header), &keys)
    }

    const IN: Option<Says> = Some(Says::kind(SaidKind::In));
    const OUT: Option<Says> = Some(Says::kind(SaidKind::Out));

    #[test]
    fn both_directions_are_understood_however_they_are_named() {
        for (header, inward, outward) in [
            ("+/-", "+", "-"),
            ("Dấu", "+", "−"),
            ("D/C", "C", "D"),
            ("Dr/Cr", "CR", "DR"),
            ("Nợ/Có", "Có", "Nợ"),
            ("Ghi Nợ/Ghi Có", "Ghi có", "Ghi nợ"),
            ("N/C", "C", "N"),
            ("Thu/Chi", "Thu", "Chi"),
            ("Thu chi", "T", "C"),
            ("Loại", "T", "C"),
            ("In/Out", "In", "Out"),
            ("Chiều", "Vào", "Ra"),
            ("CdtDbtInd", "CRDT", "DBIT"),
            ("Loại giao dịch", "Tiền vào", "Tiền ra"),
            ("", "+", "-"),
            ("Cột X", "Credit", "Debit"),
        ] {
            assert_eq!(
                said(header, &[inward, outward]),
                [IN, OUT],
                "{header} {inward} {outward}"
            );
        }
        // One of the two alone, under a header that names both
        assert_eq!(said("Nợ/Có", &["Nợ"]), [OUT]);
        assert_eq!(said("Thu/Chi", &["C"]), [OUT]);
        assert_eq!(said("D/C", &["C"]), [IN]);
        // C alone is a credit here and «chi» there
        assert_eq!(said("Loại", &["C"]), [None]);
        assert_eq!(said("Loại", &["Chuyển khoản", "xanh"]), [None, None]);
    }

    #[test]
    fn kinds_and_statuses_are_known() {
        let kind = |kind| Some(Says::kind(kind));
        for (word, wanted) in [
            ("Thanh toán", kind(SaidKind::Payment)),
            ("Thanh toán QR", kind(SaidKind::Payment)),
            ("PURCHASE", kind(SaidKind::Payment)),
            ("Hoàn tiền", kind(SaidKind::Is(RowKind::Refund))),
            ("Hoàn tiền thanh toán QR", kind(SaidKind::Is(RowKind::Refund))),
            ("Đảo", kind(SaidKind::Is(RowKind::Refund))),
            ("Phí", kind(SaidKind::Is(RowKind::Fee))),
            ("Rút tiền", kind(SaidKind::Is(RowKind::Outgoing))),
            ("Ghi nợ", OUT),
            ("Thanh toán cho nhà cung cấp", None),
            ("Pay bill", None),
            ("Hoàn tiền một phần", None),
            ("Thu hồi", None),
            ("màu xanh", None),
            ("Điện tử", None),
        ] {
            assert_eq!(said("Loại giao dịch", &[word]), [wanted], "{word}");
        }
        let status = |status| Some(Says::status(status));
        for (word, wanted) in [
            ("Thành công", status(RowStatus::Settled)),
            ("SUCCESS", status(RowStatus::Settled)),
            ("Hoàn tất", status(RowStatus::Settled)),
            ("00", status(RowStatus::Settled)),
            ("00 - Thành công", status(RowStatus::Settled)),
            ("Không thành công", status(RowStatus::Failed)),
            ("Thất bại", status(RowStatus::Failed)),
            ("Failed", status(RowStatus::Failed)),
            ("Declined", status(RowStatus::Failed)),
            ("Bị từ chối", status(RowStatus::Failed)),
            ("02", status(RowStatus::Failed)),
            ("Đang xử lý", status(RowStatus::Pending)),
            ("Chưa thanh toán", status(RowStatus::Pending)),
            ("Pending", status(RowStatus::Pending)),
            ("01", status(RowStatus::Pending)),
            ("00 - Thất bại", None),
            ("Thành công một phần", None),
            ("Success (reversed)", None),
            ("xanh", None),
            ("", None),
            // 1 is success for one provider and «not yet» for another
            ("1", None),
            ("0", None),
        ] {
            assert_eq!(said("Trạng thái", &[word]), [wanted], "{word}");
        }
        let refunded = said("Trạng thái", &["Đã hoàn tiền"])[0].unwrap();
        assert_eq!(refunded.kind, Some(SaidKind::Is(RowKind::Refund)));
        assert_eq!(said("resultCode", &["0"]), [status(RowStatus::Settled)]);
    }

    #[test]
    fn a_flag_that_says_no_says_nothing_and_one_that_says_yes_is_asked_about() {
        assert_eq!(said("Reversal/Refund", &["N", ""]), [Some(Says::default()); 2]);
        assert_eq!(
            said("Reversal/Refund", &["N", "Y"]),
            [Some(Says::default()), None]
        );
        assert_eq!(said("Đã hủy", &["Không", "Có"]), [Some(Says::default()), None]);
    }

    #[test]
    fn a_header_that_is_a_status_has_cells_of_yes_and_no() {
        let is = |status| Some(Says::status(status));
        for (header, words, wanted) in [
            (
                "Thành công",
                ["TRUE", "FALSE"],
                [is(RowStatus::Settled), is(RowStatus::Failed)],
            ),
            (
                "Hợp lệ",
                ["Có", "Không"],
                [is(RowStatus::Settled), is(RowStatus::Failed)],
            ),
            (
                "Paid",
                ["Y", "N"],
                [is(RowStatus::Settled), is(RowStatus::Failed)],
            ),
            ("Thành công", ["x", ""], [is(RowStatus::Settled), None]),
            ("Lỗi", ["", "E05"], [Some(Says::default()), None]),
            (
                "Lỗi",
                ["Không", "Có"],
                [Some(Says::default()), is(RowStatus::Failed)],
            ),
            (
                "Failed",
                ["0", "1"],
                [Some(Says::default()), is(RowStatus::Failed)],
            ),
            (
                "Đang xử lý",
                ["Không", "Có"],
                [Some(Says::default()), is(RowStatus::Pending)],
            ),
        ] {
            assert_eq!(said(header, &words), wanted, "{header} {words:?}");
        }
        assert_eq!(role_of("Chợ"), Role::Other);
    }

    #[test]
    fn names_are_not_taken_for_directions() {
        for (header, word) in [
            ("Thu ngân", "Thu"),
            ("Người bán", "Huy"),
            ("Chợ", "Chợ Hàn"),
            ("Bàn", "Đào Chi"),
            ("Loại thẻ", "Debit"),
            ("Kênh", "QR"),
        ] {
            assert_eq!(said(header, &[word]), [None], "{header} {word}");
        }
    }

    #[test]
    fn headers_say_what_to_expect() {
        for (header, role) in [
            ("Trans Status", Role::Status),
            ("Trạng thái đối soát", Role::Status),
            ("Nợ/Có", Role::Direction),
            ("+/-", Role::Direction),
            ("Trans Type", Role::Direction),
            ("Reversal/Refund", Role::Reversal),
            ("Card Type", Role::Other),
            ("Kênh", Role::Other),
            ("Ngân hàng đối tác", Role::Other),
            ("Đơn vị thụ hưởng/Đơn vị chuyển", Role::Other),
            ("Cột X", Role::Unknown),
        ] {
            assert_eq!(role_of(header), role, "{header}");
        }
    }
}

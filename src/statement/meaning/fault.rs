//! Why a cell is no value of its column, and how the text of a cell is cleaned before it is read as one.

use std::borrow::Cow;

use crate::statement::limits::ID_CHARS_MAX;

/// Why a cell is no amount, id, day or time. The texts go behind the name of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueFault {
    NotANumber,
    Groups,
    Decimals,
    Scientific,
    DigitsLost,
    TooLarge,
    NotADay,
    NotATime,
    /// A day and a month without a year.
    NoYear,
    /// 31/06, or a thirteenth month.
    NoSuchDay,
    /// A year that no statement of this service has: Buddhist, of two digits, mistyped.
    YearFar,
    /// Six digits without marks.
    DayTogether,
    /// 24:00 and later.
    HourTooLate,
    /// A workbook's number that shows as dollars, thousands or per cent.
    OtherUnit,
    Formula,
    TooLong,
    /// A mark that groups or separates decimals, and the column does not say which.
    Unclear,
    /// No mark of direction beside others that have one.
    Unmarked,
    /// A day that can be two.
    DayUnclear,
    /// A number that a spreadsheet shows as a day once it is told to.
    SerialDay,
}

impl ValueFault {
    /// What is wrong with a value, in Vietnamese and in English, behind the name of what holds it.
    pub(crate) fn words(self) -> (String, String) {
        let (vi, en) = match self {
            ValueFault::NotANumber => ("không phải số tiền", "is no amount"),
            ValueFault::Groups => (
                "các nhóm chữ số không đủ ba; ghi dạng 1.234.567",
                "has groups of digits that are not three; write it as 1.234.567",
            ),
            ValueFault::Decimals => (
                "có phần lẻ, mà đồng Việt Nam không có số lẻ",
                "has a fraction, which the Vietnamese dong does not have",
            ),
            ValueFault::Scientific => (
                "đã bị bảng tính đổi thành dạng lũy thừa nên mất chữ số; hãy xuất lại với ô dạng văn bản",
                "was turned into a power by a spreadsheet and lost digits; export it again with cells as text",
            ),
            ValueFault::DigitsLost => (
                "là số có hơn 15 chữ số trong bảng tính nên mất chữ số cuối; hãy xuất lại với ô dạng văn bản",
                "is a number of more than 15 digits in a spreadsheet and lost its last ones; export it again with cells as text",
            ),
            ValueFault::TooLarge => (
                "lớn hơn giới hạn của một giao dịch (13 chữ số)",
                "is above the limit of one payment (13 digits)",
            ),
            ValueFault::NotADay => (
                "không phải ngày; ghi dạng dd/MM/yyyy",
                "is no day; write it as dd/MM/yyyy",
            ),
            ValueFault::NotATime => (
                "không phải giờ; ghi dạng HH:mm:ss",
                "is no time; write it as HH:mm:ss",
            ),
            ValueFault::NoYear => (
                "không ghi năm; ghi dạng dd/MM/yyyy",
                "has no year; write it as dd/MM/yyyy",
            ),
            ValueFault::NoSuchDay => (
                "là ngày không có trong lịch; hãy xem lại ngày và tháng",
                "is a day that is in no calendar; look at its day and month",
            ),
            ValueFault::YearFar => (
                "có năm ngoài khoảng 2000 đến 2099, hoặc năm hai chữ số không rõ; ghi dạng dd/MM/yyyy theo dương lịch",
                "has a year outside 2000 to 2099, or one of two digits that is not clear; write it as dd/MM/yyyy of the Gregorian calendar",
            ),
            ValueFault::DayTogether => (
                "là sáu chữ số viết liền nên không rõ đâu là ngày, tháng, năm; ghi dạng dd/MM/yyyy",
                "is six digits in a row, so day, month and year cannot be told apart; write it as dd/MM/yyyy",
            ),
            ValueFault::HourTooLate => (
                "có giờ không có trên đồng hồ; ghi từ 00:00 đến 23:59",
                "has a time that no clock shows; write 00:00 to 23:59",
            ),
            ValueFault::OtherUnit => (
                "được định dạng theo đơn vị khác (ngoại tệ, nghìn, phần trăm), nên không rõ là bao nhiêu đồng; hãy xuất lại với số tiền bằng đồng",
                "is formatted in another unit (a currency, thousands, per cent), so it does not say how many dong it is; export it with amounts in dong",
            ),
            ValueFault::Formula => (
                "là công thức bị lỗi hoặc chưa được tính (#REF!, #N/A, ô trống …); hãy mở tệp bằng Excel, sửa ô, lưu lại rồi nhập",
                "is a formula that failed or was never computed (#REF!, #N/A, an empty cell …); open the file in Excel, mend the cell, save it, then import it",
            ),
            ValueFault::Unclear => (
                "có dấu chấm hoặc phẩy trước ba chữ số mà cả cột không cho biết là nhóm nghìn hay phần lẻ; hãy xuất lại với số viết một kiểu",
                "has a dot or comma before three digits, and the column does not say whether it groups or separates decimals; export it again with numbers written one way",
            ),
            ValueFault::Unmarked => (
                "không có CR hay DR như các dòng khác, nên không rõ tiền vào hay ra",
                "has neither CR nor DR as other rows do, so it does not say which way the money went",
            ),
            ValueFault::DayUnclear => (
                "có thể là hai ngày khác nhau, vì cột này viết cả ngày trước lẫn tháng trước; ghi dạng dd/MM/yyyy",
                "can be two days, since this column has both the day and the month in front; write it as dd/MM/yyyy",
            ),
            ValueFault::SerialDay => (
                "là số thứ tự ngày của bảng tính; hãy định dạng cột là ngày rồi lưu lại",
                "is a spreadsheet's serial number of a day; give the column a date format and save it again",
            ),
            ValueFault::TooLong => {
                return (
                    format!("dài quá {ID_CHARS_MAX} ký tự"),
                    format!("has more than {ID_CHARS_MAX} characters"),
                );
            }
        };
        (vi.to_owned(), en.to_owned())
    }
}

/// Signs that stand between groups of digits, besides dot and comma.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}')
}

/// A text without what only protects it in a spreadsheet (`'0011`, `="0011"`), and with wide digits and signs as the
/// usual ones.
pub(crate) fn plain_text(text: &str) -> Cow<'_, str> {
    let text = unwrapped(text);
    if text.is_ascii()
        || !text
            .chars()
            .any(|c| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}'))
    {
        return Cow::Borrowed(text);
    }
    let narrow = text.chars().map(|c| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    });
    Cow::Owned(narrow.collect())
}

/// A text without the apostrophe or the formula that only tell a spreadsheet to leave it alone.
pub(crate) fn unwrapped(text: &str) -> &str {
    let inside = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    match inside.filter(|inside| !inside.contains('"')) {
        Some(inside) => inside.trim(),
        None => text.strip_prefix('\'').unwrap_or(text),
    }
}

/// `1,23E+11`: what a spreadsheet shows of a long number, its digits gone.
pub(crate) fn is_scientific(text: &str) -> bool {
    let Some((digits, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let has_mark = digits.contains([',', '.']) || power.starts_with('+');
    let bare = power.strip_prefix(['+', '-']).unwrap_or(power);
    has_mark
        && !bare.is_empty()
        && bare.bytes().all(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
}

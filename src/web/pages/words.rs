//! Words and numbers as pages print them (docs/spec/domain.md, sections 9 and 15).

use crate::vn::{Lang, Ratio, grouped};

/// `11.252` in Vietnamese, `11,252` in English.
pub(super) fn number(lang: Lang, value: i64) -> String {
    grouped(value, if lang == Lang::Vi { '.' } else { ',' })
}

/// `83,46%`, or the words for no data.
pub(super) fn percent(lang: Lang, ratio: Ratio) -> String {
    match ratio.percent() {
        Some(percent) => percent.show(lang),
        None => lang.pick("không có số liệu", "no data").to_owned(),
    }
}

/// How much of a bar is filled, in hundredths of a percent; a ratio beside its whole fills it.
pub(super) fn bar(ratio: Ratio) -> i64 {
    ratio.percent().map_or(0, |p| p.hundredths().clamp(0, 10_000))
}

/// A unit's name at the start of a line: `Phường Hải Châu`.
pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Class of a household.
pub(super) fn class(lang: Lang, word: &str) -> &'static str {
    match word {
        "registered" => lang.pick("Hộ có đăng ký kinh doanh", "Registered household"),
        "street_vendor" => lang.pick("Buôn bán không đăng ký", "Street vendor"),
        _ => lang.pick("Chưa rõ loại", "Class not known"),
    }
}

/// Trading status of a household or a stall.
pub(super) fn trading(lang: Lang, word: &str) -> &'static str {
    match word {
        "trading" => lang.pick("Đang kinh doanh", "Trading"),
        "paused" => lang.pick("Tạm nghỉ", "Paused"),
        "moved" => lang.pick("Đã chuyển đi", "Moved"),
        "closed" => lang.pick("Ngừng", "Closed"),
        _ => lang.pick("Chưa rõ", "Not known"),
    }
}

/// Whose account it is.
pub(super) fn relation(lang: Lang, word: &str) -> &'static str {
    match word {
        "owner" => lang.pick("chủ hộ", "owner"),
        "relative" => lang.pick("người thân", "relative"),
        "other" => lang.pick("người khác (mượn mã)", "somebody else's account"),
        _ => lang.pick("chưa rõ", "not known"),
    }
}

/// Why a code is no longer good.
pub(super) fn ending(lang: Lang, word: &str) -> &'static str {
    match word {
        "replaced" => lang.pick("Đã thay thẻ khác", "Replaced"),
        "revoked" => lang.pick("Thẻ đã thu hồi", "Card revoked"),
        "destroyed" => lang.pick("Đã hủy", "Destroyed"),
        _ => lang.pick("Đã hết hiệu lực", "No longer good"),
    }
}

/// What kind of notice.
pub(super) fn notice(lang: Lang, word: &str) -> &'static str {
    match word {
        "payment" => lang.pick("Báo nhận tiền", "Payment"),
        "refund" => lang.pick("Báo hoàn tiền", "Refund"),
        _ => lang.pick("Không đọc được", "Unreadable"),
    }
}

/// A serial in groups of four, as it is read aloud.
pub(super) fn serial(serial: &str) -> String {
    let mut out = String::with_capacity(serial.len() + 3);
    for (i, c) in serial.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_language() {
        assert_eq!(number(Lang::Vi, 11_252), "11.252");
        assert_eq!(number(Lang::En, 11_252), "11,252");
        let ratio = Ratio::coverage(308, 369).unwrap();
        assert_eq!(percent(Lang::Vi, ratio), "83,46%");
        assert_eq!(bar(ratio), 8346);
        assert_eq!(percent(Lang::Vi, Ratio::default()), "không có số liệu");
    }

    #[test]
    fn names_begin_with_a_capital_and_serials_stand_in_fours() {
        assert_eq!(capital("đặc khu Hoàng Sa"), "Đặc khu Hoàng Sa");
        assert_eq!(serial("ABCD2345EFGH"), "ABCD 2345 EFGH");
    }
}

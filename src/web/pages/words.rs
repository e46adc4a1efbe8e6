//! Words and numbers as pages print them (docs/spec/domain.md, sections 9 and 15).

use crate::register::{Class, CodeEnd, HolderRelation, TradingStatus};
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
pub(super) fn class(lang: Lang, class: Class) -> &'static str {
    match class {
        Class::Registered => lang.pick("Hộ có đăng ký kinh doanh", "Registered household"),
        Class::StreetVendor => lang.pick("Buôn bán không đăng ký", "Street vendor"),
    }
}

/// Trading status of a household or a stall.
pub(super) fn trading(lang: Lang, status: TradingStatus) -> &'static str {
    match status {
        TradingStatus::Trading => lang.pick("Đang kinh doanh", "Trading"),
        TradingStatus::Paused => lang.pick("Tạm nghỉ", "Paused"),
        TradingStatus::Moved => lang.pick("Đã chuyển đi", "Moved"),
        TradingStatus::Closed => lang.pick("Ngừng", "Closed"),
    }
}

/// Whose account it is.
pub(super) fn relation(lang: Lang, relation: HolderRelation) -> &'static str {
    match relation {
        HolderRelation::Owner => lang.pick("chủ hộ", "owner"),
        HolderRelation::Relative => lang.pick("người thân", "relative"),
        HolderRelation::Other => lang.pick("người khác (mượn mã)", "somebody else's account"),
    }
}

/// Why a code is no longer good.
pub(super) fn ending(lang: Lang, end: CodeEnd) -> &'static str {
    match end {
        CodeEnd::Replaced => lang.pick("Đã thay thẻ khác", "Replaced"),
        CodeEnd::Revoked => lang.pick("Thẻ đã thu hồi", "Card revoked"),
        CodeEnd::Destroyed => lang.pick("Đã hủy", "Destroyed"),
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

/// What a page says after something was done: the word that stands in its address, and how many.
pub(super) fn done(lang: Lang, word: &str, count: Option<&str>) -> Option<String> {
    let count: i64 = count.and_then(|count| count.parse().ok()).unwrap_or(1);
    let n = number(lang, count);
    let (vi, en) = match word {
        "codes" => (
            format!("Đã phát {n} mã QR."),
            match count {
                1 => "One QR code was handed out.".to_owned(),
                _ => format!("{n} QR codes were handed out."),
            },
        ),
        "codes-undone" => (
            format!("Đã thu lại {n} mã vừa phát. Chưa thẻ nào trong số đó được in."),
            format!("{n} of the codes just handed out were taken back. No card of them was printed."),
        ),
        "card-replaced" => (
            "Đã phát thẻ thay. Thẻ cũ báo ĐÃ THAY khi ai đó kiểm tra.".to_owned(),
            "A new card was handed out. The old one says REPLACED to whoever checks it.".to_owned(),
        ),
        "card-revoked" => (
            "Đã thu hồi thẻ. Thẻ đó báo ĐÃ THU HỒI khi ai đó kiểm tra.".to_owned(),
            "The card was revoked. It says REVOKED to whoever checks it.".to_owned(),
        ),
        "card-destroyed" => (
            "Đã ghi thẻ bị hủy.".to_owned(),
            "The card is kept as destroyed.".to_owned(),
        ),
        "account-approved" => (
            "Đã duyệt tài khoản. Hãy báo chủ sạp.".to_owned(),
            "The account was approved. Tell the owner.".to_owned(),
        ),
        "owner-told" => (
            "Đã ghi là đã báo chủ sạp.".to_owned(),
            "It is kept that the owner was told.".to_owned(),
        ),
        "owner-link-revoked" => (
            "Đã thu hồi liên kết của chủ hộ. Máy đang mở cũng không xem được nữa.".to_owned(),
            "The owner's link was revoked. A device that has it open sees nothing any more.".to_owned(),
        ),
        "account-added" => (
            "Đã ghi tài khoản. Nếu sạp đã có tài khoản khác, cần một người thứ hai duyệt.".to_owned(),
            "The account was added. If the stall had another one, a second person has to approve it."
                .to_owned(),
        ),
        "posted" => (
            format!("Đã ghi nhận {n} khoản cho sạp."),
            match count {
                1 => "One payment was posted to the stall.".to_owned(),
                _ => format!("{n} payments were posted to the stall."),
            },
        ),
        "posting-waits" => (
            "Khoản lớn: cần một người khác chọn cùng sạp thì mới được ghi nhận.".to_owned(),
            "A large amount: it is posted once somebody else chooses the same stall.".to_owned(),
        ),
        "notice-dismissed" => (
            "Đã bỏ qua thông báo; nó không được tính là tiền nhận.".to_owned(),
            "The notice was set aside; it counts as no money.".to_owned(),
        ),
        "day-closed" => ("Đã khóa sổ ngày này.".to_owned(), "The day is closed.".to_owned()),
        "day-restated" => (
            "Đã điều chỉnh ngày này.".to_owned(),
            "The day was restated.".to_owned(),
        ),
        _ => return None,
    };
    Some(match lang {
        Lang::Vi => vi,
        Lang::En => en,
    })
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

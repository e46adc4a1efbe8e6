//! Titles that say of the rows below them what the rows do not say themselves: that money went out or back, or that it
//! has not come. What stands below such a title is nobody's receipt.

use crate::vn::fold;

/// What a title says of the rows below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    /// They came in and are done.
    Received,
    /// They went out or back.
    OtherWay,
    /// They are pending or failed.
    NotDone,
}

const OTHER_WAY: &str = "tien ra | phat sinh no | ghi no | chuyen tien di | chuyen khoan di | chuyen di | tien di | rut tien | debit | \
     debits | money out | paid out | withdrawal | withdrawals | outgoing | outward | hoan tien | hoan tra | giao dich hoan | \
     gd hoan | refund | refunds | refunded | chargeback | chargebacks | giao dich dao | reversals | chi tien | khoan chi | \
     tien chi | cac khoan chi";
const NOT_DONE: &str = "cho xu ly | dang xu ly | chua xu ly | chua hach toan | chua ghi so | chua hoan tat | chua hoan thanh | \
     cho duyet | cho hach toan | tam giu | pending | processing | unposted | not posted | that bai | khong thanh cong | \
     bi tu choi | tu choi | failed | failure | rejected | declined | unsuccessful | da huy | bi huy | cancelled | canceled | \
     giao dich loi | gd loi | nghi van | tra soat";
const RECEIVED: &str = "tien vao | phat sinh co | ghi co | credit | credits | money in | paid in | incoming | deposits | thanh cong | \
     success | successful | completed | posted | booked | da ghi so | da hach toan | tien den | nhan tien";
/// Sums and balances of such rows, and what a file leaves out.
const NOT_ABOUT_ROWS: &str = "tong | total | cong phat sinh | so du | balance | khong bao gom | chua bao gom | khong gom | excluding | except | \
     not included | so luong | count | so tien | ghi chu | luu y | note | phi";
/// Bytes of a title.
const TITLE_BYTES_MAX: usize = 160;

/// What a title says; none if it says nothing of that, or several things.
pub(crate) fn says(title: &str) -> Option<Below> {
    if title.len() > TITLE_BYTES_MAX {
        return None;
    }
    let bare: String = title
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words = fold(&bare);
    let joined = format!(
        " {} ",
        words
            .split(' ')
            .filter(|w| !w.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    );
    let holds = |list: &'static str| {
        list.split(" | ")
            .any(|phrase| joined.contains(&format!(" {phrase} ")))
    };
    if holds(NOT_ABOUT_ROWS) {
        return None;
    }
    // «khong thanh cong» holds «thanh cong».
    let not_done = holds(NOT_DONE);
    let received = holds(RECEIVED) && !not_done;
    match (received, holds(OTHER_WAY), not_done) {
        (true, false, false) => Some(Below::Received),
        (false, true, false) => Some(Below::OtherWay),
        (false, _, true) => Some(Below::NotDone),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_say_what_stands_below_them() {
        for (title, below) in [
            ("TIỀN RA", Some(Below::OtherWay)),
            ("II. Phát sinh nợ", Some(Below::OtherWay)),
            ("GIAO DỊCH GHI NỢ", Some(Below::OtherWay)),
            ("DANH SÁCH GIAO DỊCH CHUYỂN TIỀN ĐI", Some(Below::OtherWay)),
            ("Loại giao dịch: Ghi nợ", Some(Below::OtherWay)),
            ("BÁO CÁO HOÀN TIỀN", Some(Below::OtherWay)),
            ("Debits", Some(Below::OtherWay)),
            ("GIAO DỊCH KHÔNG THÀNH CÔNG", Some(Below::NotDone)),
            ("Giao dịch chờ xử lý / PENDING", Some(Below::NotDone)),
            ("Trạng thái: Chờ xử lý", Some(Below::NotDone)),
            ("I. Tiền vào", Some(Below::Received)),
            ("Trạng thái: Thành công", Some(Below::Received)),
            ("SAO KÊ TÀI KHOẢN", None),
            ("Tiền vào / Tiền ra", None),
            ("Tổng phát sinh nợ: 1.000.000", None),
            ("Không bao gồm giao dịch chờ xử lý", None),
            ("Người lập bảng", None),
            ("Từ ngày 01/06/2026 đến ngày 30/06/2026", None),
            ("BẢNG KÊ GIAO DỊCH THANH TOÁN", None),
        ] {
            assert_eq!(says(title), below, "{title}");
        }
    }
}

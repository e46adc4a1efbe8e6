//! The list as a workbook: sums by the chosen grain, and single receipts.

use super::super::words;
use super::period;
use crate::ledger::{Grain, Received};
use crate::print::{Cell, Column, Sheet, SheetError, xlsx};
use crate::store::{OwnerList, OwnerReceipt};
use crate::vn::{Day, Lang, TimeMs};

/// Single receipts in one workbook: the latest ones, where there are more.
pub(super) const RECEIPTS_MAX: usize = 100_000;

/// What stands above the figures.
pub(super) struct Head {
    pub household: String,
    pub place: String,
    /// Accounts, masked.
    pub accounts: Vec<String>,
    pub days: (Day, Day),
    pub made_at: TimeMs,
}

impl Head {
    fn lines(&self, title: &str) -> Vec<String> {
        let (from, to) = self.days;
        let name = period::name(Lang::Vi, from, to);
        let days = match period::dates(&name, from, to) {
            Some(days) => format!("{name} ({days})"),
            None => name,
        };
        let mut lines = vec![
            title.to_owned(),
            format!("Hộ kinh doanh: {}", self.household),
            format!("Địa chỉ: {}", self.place),
        ];
        if !self.accounts.is_empty() {
            lines.push(format!("Tài khoản nhận tiền: {}", self.accounts.join("; ")));
        }
        lines.push(format!("Kỳ: {days}"));
        lines.push(format!("Tính đến: {}", self.made_at.show()));
        lines
    }
}

/// The workbook. The same list gives the same bytes.
pub(super) fn workbook(head: &Head, by: Grain, list: &OwnerList) -> Result<Vec<u8>, SheetError> {
    xlsx(vec![sums(head, by, list), receipts(head, list)])
}

/// What came, what went back, what was corrected and what is left, as the last cells of a row.
fn amounts(received: &Received) -> [Cell<'static>; 4] {
    [
        received.received,
        received.refunded,
        received.corrected,
        received.left(),
    ]
    .map(Cell::Dong)
}

const AMOUNTS: [Column<'static>; 4] = [
    column("Tiền khách chuyển (đ)", 19),
    column("Tiền đã trả lại (đ)", 17),
    column("Sửa theo sao kê (đ)", 17),
    column("Thực nhận (đ)", 19),
];

const fn column(heading: &'static str, chars: u16) -> Column<'static> {
    Column { heading, chars }
}

fn sums(head: &Head, by: Grain, list: &OwnerList) -> Sheet {
    let whole = Received::sum(list.days.iter().map(|(_, received)| received));
    let columns = [
        column("Kỳ", 24),
        column("Từ ngày", 12),
        column("Đến ngày", 12),
        column("Số lần nhận", 12),
    ];
    let mut sheet = Sheet::new(
        "Tổng hợp",
        &head.lines("TIỀN ĐÃ NHẬN"),
        &[&columns[..], &AMOUNTS].concat(),
    );
    let (from, to) = head.days;
    for ((first, last), received) in by.sums(&list.days) {
        let name = period::name(Lang::Vi, first, last);
        let cells = [
            Cell::Text(&name),
            Cell::Day(first.max(from)),
            Cell::Day(last.min(to)),
            Cell::Count(received.receipts),
        ];
        sheet.row(&[&cells[..], &amounts(&received)].concat());
    }
    let cells = [
        Cell::Text("Cộng"),
        Cell::Day(from),
        Cell::Day(to),
        Cell::Count(whole.receipts),
    ];
    sheet.totals(&[&cells[..], &amounts(&whole)].concat());
    sheet
}

fn receipts(head: &Head, list: &OwnerList) -> Sheet {
    let mut lines = head.lines("TỪNG LẦN NHẬN TIỀN");
    lines.extend(cut_line(list));
    let columns = [
        column("Ngày", 12),
        column("Giờ", 7),
        column("Mã sạp", 12),
        column("Bên báo tiền", 14),
        column("Mã giao dịch", 26),
    ];
    let notes = [column("Ghi chú", 18)];
    let columns = [&columns[..], &AMOUNTS, &notes].concat();
    let mut sheet = Sheet::new("Từng lần nhận", &lines, &columns);
    let mut whole = Received::default();
    // In the order in which they came, as in a book.
    for receipt in list.receipts.iter().rev() {
        let received = of(receipt);
        whole = whole.plus(&received);
        let hour = period::hour(receipt).unwrap_or_default();
        let cells = [
            Cell::Day(receipt.place.day),
            Cell::Text(&hour),
            Cell::Text(receipt.stall_code.as_deref().unwrap_or_default()),
            Cell::Text(&receipt.provider_id),
            Cell::Text(&receipt.provider_txn_id),
        ];
        let note = if receipt.is_from_statement {
            "Ghi theo sao kê"
        } else {
            ""
        };
        sheet.row(&[&cells[..], &amounts(&received), &[Cell::Text(note)]].concat());
    }
    let count = format!("{} lần", words::number(Lang::Vi, whole.receipts));
    let cells = [
        Cell::Text("Cộng"),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Text(&count),
    ];
    sheet.totals(&[&cells[..], &amounts(&whole), &[Cell::Empty]].concat());
    sheet
}

/// What is missing, where not all receipts are here.
fn cut_line(list: &OwnerList) -> Option<String> {
    let all = Received::sum(list.days.iter().map(|(_, received)| received)).receipts;
    list.has_more.then(|| {
        format!(
            "Chỉ có {} lần nhận gần nhất trong {} lần. Hãy tải từng kỳ ngắn hơn để có đủ.",
            words::number(Lang::Vi, list.receipts.len() as i64),
            words::number(Lang::Vi, all)
        )
    })
}

fn of(receipt: &OwnerReceipt) -> Received {
    Received {
        receipts: 1,
        received: receipt.amount,
        refunded: receipt.refunded,
        corrected: receipt.corrected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerNo;
    use crate::store::ListPosition;
    use crate::vn::Dong;

    fn list(receipts: i64, has_more: bool) -> OwnerList {
        let day = Day::ymd(2026, 11, 22);
        let place = ListPosition {
            day,
            at: day.start(),
            entry_no: LedgerNo::start_of(day),
        };
        let receipt = OwnerReceipt {
            place,
            amount: Dong::new(5_000),
            refunded: Dong::ZERO,
            corrected: Dong::ZERO,
            stall_code: None,
            provider_id: "p".to_owned(),
            provider_txn_id: "T1".to_owned(),
            is_from_statement: false,
        };
        let received = Received {
            receipts,
            received: Dong::new(5_000 * receipts),
            refunded: Dong::ZERO,
            corrected: Dong::ZERO,
        };
        OwnerList {
            days: vec![(day, received)],
            receipts: vec![receipt; 2],
            has_more,
        }
    }

    #[test]
    fn a_list_that_was_cut_says_so() {
        let cut = cut_line(&list(1_234_567, true)).unwrap();
        assert!(
            cut.starts_with("Chỉ có 2 lần nhận gần nhất trong 1.234.567 lần."),
            "{cut}"
        );
        assert_eq!(cut_line(&list(2, false)), None);
    }

    #[test]
    fn the_same_list_gives_the_same_bytes() {
        let head = |household: &str| Head {
            household: household.to_owned(),
            place: String::new(),
            accounts: Vec::new(),
            days: (Day::ymd(2026, 11, 1), Day::ymd(2026, 11, 30)),
            made_at: Day::ymd(2026, 11, 30).start(),
        };
        let made = |household| workbook(&head(household), Grain::Day, &list(2, false)).unwrap();
        assert_eq!(made("Hộ A"), made("Hộ A"));
        assert_ne!(made("Hộ A"), made("Hộ B"));
    }
}

//! What could be another amount than its digits say, or money that did not stay: refused, asked about, or named row by
//! row. All names and numbers are invented.

use std::io::Cursor;

use super::meaning::{asked, done};
use super::support::*;
use super::*;

/// Why a file is refused while its rows are looked through or read.
fn stopped(text: &str) -> String {
    let proposal = propose(&mut Cursor::new(text), "");
    let error = match proposal {
        Err(error) => error,
        Ok(proposal) => read_with(text.as_bytes(), &proposal.mapping).unwrap_err(),
    };
    error.sentence().vi.into_owned()
}

#[test]
fn amounts_in_another_unit_are_never_dong() {
    let table = |header: &str| {
        format!(
            "Ngày giao dịch,Mã giao dịch,{header}\n15/06/2026,FT26166000501,65\n15/06/2026,FT26166000502,120\n"
        )
    };
    for header in [
        "Số tiền (USD)",
        "Số tiền (nghìn đồng)",
        "Số tiền (1.000đ)",
        "Amount (VND'000)",
        "Ghi có (triệu đồng)",
        "Số tiền EUR",
    ] {
        let text = stopped(&table(header));
        assert!(text.contains(header) && text.contains("đơn vị khác"), "{text}");
    }
    for title in [
        "Loại tiền: USD,,",
        "Loại tiền,USD,",
        "Currency:,EUR,",
        "(Đơn vị tính: nghìn đồng),,",
        ",,ĐVT: 1.000 đ",
        "Số tài khoản: 0011012345678 - USD,,",
    ] {
        let text = stopped(&format!("SAO KÊ,,\n{title}\n{}", table("Số tiền")));
        assert!(
            text.contains("đơn vị khác") && !text.contains("0011012345678"),
            "{title}: {text}"
        );
    }
    let foot = format!("{}Đơn vị tính: nghìn đồng,,\n", table("Số tiền"));
    assert!(stopped(&foot).contains("đơn vị khác"));
    // The column in đồng is the one that is read where both are there.
    let both = "Ngày giao dịch,Mã giao dịch,Số tiền (USD),Số tiền (VND)\n15/06/2026,FT26166000501,3,65000\n";
    assert_eq!(done(both), [(RowKind::Payment, 65_000)]);
    for title in [
        "Loại tiền: VND",
        "Đơn vị tính: đồng",
        "Số tài khoản: 0011012345678 (VND)",
    ] {
        let text = format!(
            "{title},,\n{}",
            table("Số tiền")
                .replace(",65\n", ",65000\n")
                .replace(",120\n", ",12000\n")
        );
        assert_eq!(done(&text).len(), 2, "{title}");
    }
}

#[test]
fn what_went_back_of_a_payment_is_never_posted_as_received() {
    for (header, none, some) in [
        ("Số tiền hoàn", "0", "65000"),
        ("Số tiền hoàn", "", "20.000"),
        ("Refunded Amount", "0", "20000"),
        ("Đã hoàn", "0", "65000"),
        ("Đã hoàn", "", "65.000"),
        ("Ngày hoàn tiền của dòng", "", ""),
        ("Lý do hủy", "", "Khách trả hàng ngày 15/06/2026"),
    ] {
        let text = format!(
            "Ngày giao dịch,Mã giao dịch,Số tiền,{header}\n15/06/2026,FT26166000501,65000,{some}\n15/06/2026,FT26166000502,12000,{none}\n"
        );
        let (events, _) = read(text.as_bytes());
        let amounts: Vec<i64> = movements(&events).iter().map(|row| row.amount.vnd()).collect();
        let wanted: &[i64] = if some.is_empty() {
            &[65_000, 12_000]
        } else {
            &[12_000]
        };
        assert_eq!(amounts, wanted, "{header}");
        if !some.is_empty() {
            assert!(bad(&events)[0].1.contains(header), "{:?}", bad(&events));
        }
    }
    // A row that is the refund itself may say so twice.
    let itself = "Ngày giao dịch,Mã giao dịch,Loại giao dịch,Số tiền,Số tiền hoàn\n\
        15/06/2026,FT26166000501,Thanh toán,65000,0\n15/06/2026,FT26166000502,Hoàn tiền,12000,12000\n";
    assert_eq!(
        done(itself),
        [(RowKind::Payment, 65_000), (RowKind::Refund, 12_000)]
    );
}

#[test]
fn columns_of_yes_and_no_are_statuses_under_a_header_that_is_one() {
    for (header, yes, no) in [
        ("Thành công", "TRUE", "FALSE"),
        ("Hợp lệ", "Có", "Không"),
        ("Success", "1", "0"),
        ("Lỗi", "Không", "Có"),
    ] {
        let text = format!(
            "Ngày giao dịch,Mã giao dịch,Số tiền,{header}\n15/06/2026,FT26166000501,65000,{yes}\n15/06/2026,FT26166000502,12000,{no}\n"
        );
        assert_eq!(done(&text), [(RowKind::Payment, 65_000)], "{header}");
    }
    for (header, one, other) in [
        ("Lỗi", "", "E05"),
        ("Thành công", "x", ""),
        ("Error Code", "0", "1006"),
        ("Cột Y", "TRUE", "FALSE"),
    ] {
        let text = format!(
            "Ngày giao dịch,Mã giao dịch,Số tiền,{header}\n15/06/2026,FT26166000501,65000,{one}\n15/06/2026,FT26166000502,12000,{other}\n"
        );
        assert_eq!(asked(&text), [header], "{header}");
    }
}

#[test]
fn a_payment_beside_a_deposit_is_asked_about() {
    for (one, other) in [
        ("Deposit", "Payment"),
        ("Nạp tiền", "Thanh toán"),
        ("Credit", "Payment"),
    ] {
        let text = format!(
            "Date,Transaction ID,Type,Amount\n15/06/2026,FT26166000501,{one},65000\n16/06/2026,FT26166000502,{other},12000\n16/06/2026,FT26166000503,Withdrawal,12000\n"
        );
        assert_eq!(asked(&text), ["Type"], "{one} {other}");
    }
    let sales = "Ngày giao dịch,Mã giao dịch,Loại giao dịch,Số tiền\n15/06/2026,FT26166000501,Thanh toán,65000\n16/06/2026,FT26166000502,Hoàn tiền,12000\n";
    assert_eq!(done(sales).len(), 2);
}

#[test]
fn a_payment_that_lost_its_amount_is_named() {
    let text = "Ngày giao dịch,Mã giao dịch,Số tiền,Nội dung\n15/06/2026,FT26166000501,,TIEN RAU\n15/06/2026,FT26166000502,,\n15/06/2026,FT26166000503,12000,TIEN CA\n";
    let (events, _) = read(text.as_bytes());
    let reasons = bad(&events);
    assert_eq!(reasons.len(), 2, "{events:?}");
    assert!(
        reasons.iter().all(|(_, why)| why.contains("«Số tiền» còn trống")),
        "{reasons:?}"
    );
}

#[test]
fn thousandths_and_groups_in_one_column_are_never_guessed() {
    let text = "Ngày giao dịch,Mã giao dịch,Số tiền\n15/06/2026,FT26166000501,500.000\n15/06/2026,FT26166000502,1500.500\n";
    let (events, _) = read(text.as_bytes());
    assert_eq!((movements(&events).len(), bad(&events).len()), (0, 2));
}

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

#[test]
fn what_stands_below_a_title_of_money_out_or_not_done_is_never_received() {
    let header = "Ngày giao dịch,Mã giao dịch,Số tiền\n";
    let rows = "15/06/2026,FT26166000501,65000\n15/06/2026,FT26166000502,12000\n";
    for title in [
        "TIỀN RA",
        "DANH SÁCH GIAO DỊCH CHUYỂN TIỀN ĐI",
        "BÁO CÁO HOÀN TIỀN",
        "GIAO DỊCH KHÔNG THÀNH CÔNG",
        "Trạng thái: Chờ xử lý",
        "Loại giao dịch: Ghi nợ",
    ] {
        let above = stopped(&format!("{title},,\n{header}{rows}"));
        assert!(
            above.contains(title) && above.contains("Chưa nhập dòng nào"),
            "{title}: {above}"
        );
        // Between the rows, with the header once more or without.
        for again in ["", header] {
            let between = format!("{header}{rows}{title},,\n{again}16/06/2026,FT26166000503,20000\n");
            assert!(stopped(&between).contains("Dòng"), "{title}");
        }
        // Below the last row it says nothing of any.
        assert_eq!(done(&format!("{header}{rows}{title},,\n")).len(), 2, "{title}");
        // Columns that say it themselves are asked, and not the title.
        let told = format!(
            "{title},,,,\nNgày giao dịch,Mã giao dịch,Số tiền,Trạng thái,Loại giao dịch\n15/06/2026,FT26166000501,65000,Thành công,Thanh toán\n"
        );
        assert_eq!(done(&told).len(), 1, "{title}");
    }
    assert_eq!(done(&format!("I. Tiền vào,,\n{header}{rows}")).len(), 2);
    assert_eq!(
        done(&format!("Tổng phát sinh nợ: 1.000.000,,\n{header}{rows}")).len(),
        2
    );
    let sheet = |name: &str| {
        let cells = |cells: &[&str]| cells.iter().map(|cell| text(cell)).collect::<Vec<_>>();
        let rows = vec![
            cells(&["Ngày giao dịch", "Mã giao dịch", "Số tiền"]),
            cells(&["15/06/2026", "FT26166000501", "65.000"]),
        ];
        zip(&xlsx_parts(&[(name, rows)]))
    };
    assert!(propose(&mut Cursor::new(sheet("Tiền ra")), "").is_err());
    assert_eq!(movements(&read(&sheet("Giao dịch")).0).len(), 1);
}

#[test]
fn a_message_that_holds_a_statement_twice_is_refused() {
    let statement = |number: &str, closing: &str| {
        format!(
            ":20:REF\n:25:970415/88990011223\n:28C:{number}\n:60F:C260614VND100000,\n\
             :61:2606150615C65000,NTRFNONREF\n:86:HC7K3M9J\n:62F:C260615VND{closing},\n-\n"
        )
    };
    let once = statement("1/1", "165000");
    assert_eq!(movements(&read(once.as_bytes()).0).len(), 1);
    let twice = stopped(&(once.clone() + &once));
    assert!(twice.contains("hai lần trong tệp"), "{twice}");
    // Another number, or other entries, are another statement.
    let two = once.clone() + &statement("2/1", "165000");
    assert_eq!(movements(&read(two.as_bytes()).0).len(), 2);
    // Whose it is says each message itself.
    let nobodys = once + &statement("2/1", "165000").replace(":25:970415/88990011223\n", "");
    let accounts: Vec<bool> = movements(&read(nobodys.as_bytes()).0)
        .iter()
        .map(|row| row.account.is_some())
        .collect();
    assert_eq!(accounts, [true, false]);
}

#[test]
fn a_transfer_that_came_back_is_no_payment_and_all_turned_round_is_noticed() {
    let message = |entries: &str, closing: &str| {
        format!(
            ":20:REF\n:25:970415/88990011223\n:28C:1\n:60F:C260614VND100000,\n{entries}:62F:C260615VND{closing},\n-\n"
        )
    };
    let returned = message(":61:2606150615C65000,NRTINONREF\n:86:HC7K3M9J\n", "165000");
    let (events, _) = read(returned.as_bytes());
    assert_eq!(ignored(&events), [(1, IgnoredWhy::ReversedDebit)]);
    let entries = ":61:2606150615C65000,NTRFNONREF\n:61:2606150615C12000,NTRFNONREF\n";
    let turned = stopped(&message(entries, "23000"));
    assert!(turned.contains("mọi khoản đi chiều ngược lại"), "{turned}");
}

#[test]
fn a_workbooks_amounts_in_another_format_or_without_a_value_are_bad_rows() {
    let book = |code: &str| {
        let rows = vec![
            vec![text("Ngày giao dịch"), text("Mã giao dịch"), text("Số tiền")],
            vec![
                text("15/06/2026"),
                text("FT26166000501"),
                TestCell::Date("65000".to_owned()),
            ],
            vec![text("15/06/2026"), text("FT26166000502"), number("12000")],
        ];
        let mut parts = xlsx_parts(&[("Sao kê", rows)]);
        for (name, bytes) in &mut parts {
            if *name == "xl/styles.xml" {
                let styles = String::from_utf8(bytes.clone()).unwrap();
                *bytes = styles.replace("dd/mm/yyyy hh:mm:ss", &escaped(code)).into_bytes();
            }
        }
        zip(&parts)
    };
    for code in ["\"$\"#,##0.00", "#,##0 \"nghìn\"", "#,##0,", "0%", "[$USD] #,##0"] {
        let (events, _) = read(&book(code));
        assert_eq!((movements(&events).len(), bad(&events).len()), (1, 1), "{code}");
        assert!(bad(&events)[0].1.contains("đơn vị khác"), "{code}");
    }
    assert_eq!(movements(&read(&book("#,##0 \"đ\"")).0).len(), 2);
    let mut parts = xlsx_parts(&[(
        "Sao kê",
        vec![
            vec![text("Ngày giao dịch"), text("Mã giao dịch"), text("Số tiền")],
            vec![text("15/06/2026"), text("FT26166000501"), TestCell::Error],
            vec![text("15/06/2026"), text("FT26166000502"), number("12000")],
        ],
    )]);
    for (name, bytes) in &mut parts {
        if name.ends_with("sheet1.xml") {
            let sheet = String::from_utf8(bytes.clone()).unwrap();
            *bytes = sheet
                .replace(" t=\"e\"><f>A9</f><v>#REF!</v>", "><f>B2*2</f>")
                .into_bytes();
        }
    }
    let (events, _) = read(&zip(&parts));
    assert_eq!((movements(&events).len(), bad(&events).len()), (1, 1));
    assert!(bad(&events)[0].1.contains("chưa được tính"), "{events:?}");
}

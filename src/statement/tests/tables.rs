//! Delimited tables: layouts, headers, totals, encodings, and the rows that cannot be read.

use std::io::Cursor;

use super::mt940::MT940;
use super::support::*;
use super::*;
use crate::vn::{Day, Dong, TimeMs};

pub(crate) const BANK: &str = "NGÂN HÀNG VÍ DỤ\n\
    Chủ tài khoản: HO KINH DOANH VI DU;;;;;\n\
    Số tài khoản: 0011012345678;;;;;\n\
    Số dư đầu kỳ: 1.000.000;;;;;\n\
    Ngày giao dịch;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư\n\
    15/01/2026 08:15:00;FT26015000001;HC7K3M92 rau;;50.000;1.050.000\n\
    15/01/2026 09:00:00;FT26015000002;\"chuyển; tiền\";20.000;;1.030.000\n\
    ;;Tổng cộng;20.000;50.000;\n\
    ;;Số dư cuối kỳ;;;1.030.000\n";

#[test]
fn a_bank_statement_reads_whole() {
    let (events, summary) = read(BANK.as_bytes());
    let rows = movements(&events);
    assert_eq!(bad(&events), []);
    assert_eq!(rows.len(), 2);
    let first = &rows[0];
    assert_eq!(
        (first.row_number, first.kind, first.amount.vnd()),
        (6, RowKind::Payment, 50_000)
    );
    assert_eq!(
        (first.bank_ref.as_str(), first.note.as_str()),
        ("FT26015000001", "HC7K3M92 rau")
    );
    assert_eq!(first.provider_txn_id, first.bank_ref);
    assert_eq!(first.account.as_ref().unwrap().reveal(), "0011012345678");
    assert_eq!(
        first.occurred_at,
        Some(TimeMs::parse("2026-01-15T08:15:00+07:00").unwrap())
    );
    assert_eq!(first.business_day, Day::ymd(2026, 1, 15));
    assert_eq!(
        (rows[1].kind, rows[1].note.as_str()),
        (RowKind::Outgoing, "chuyển; tiền")
    );
    assert_eq!(
        ignored(&events),
        [(8, IgnoredWhy::Total), (9, IgnoredWhy::Balance)]
    );
    let balance = summary.balance.unwrap();
    assert_eq!(
        (balance.opening.vnd(), balance.closing.vnd()),
        (1_000_000, 1_030_000)
    );
    assert!(balance.agrees());
    assert_eq!(summary.totals.len(), 2);
    assert!(
        summary.totals.iter().all(|total| total.agrees),
        "{:?}",
        summary.totals
    );
    assert_eq!(summary.days, Some((Day::ymd(2026, 1, 15), Day::ymd(2026, 1, 15))));
}

pub(crate) const GATEWAY: &str = "STT,Mã giao dịch,Mã đơn hàng,Thời gian giao dịch,Số tiền,Phí giao dịch,VAT,Số tiền thực nhận,Loại giao dịch,Trạng thái\n\
    1,2601150001,DH-1,15/01/2026 08:15:00,100.000,1.100,110,98.790,Thanh toán,Thành công\n\
    2,2601150002,DH-2,15/01/2026 08:16:00,200.000,2.200,220,197.000,Thanh toán,Thành công\n\
    3,2601150003,DH-3,15/01/2026 08:17:00,50.000,0,0,-50.000,Hoàn tiền,Thành công\n\
    4,2601150004,DH-4,15/01/2026 08:18:00,70.000,0,0,0,Thanh toán,Thất bại\n\
    5,2601150005,DH-5,15/01/2026 08:19:00,80.000,0,0,80.000,Thanh toán,Đang xử lý\n\
    Tổng cộng,,,,500.000,3.300,330,325.790,,\n";

#[test]
fn a_gateways_file_reads_kinds_statuses_and_fees() {
    let (events, summary) = read(GATEWAY.as_bytes());
    let rows = movements(&events);
    let what: Vec<_> = rows.iter().map(|r| (r.kind, r.status, r.fee_differs())).collect();
    assert_eq!(
        what,
        [
            (RowKind::Payment, RowStatus::Settled, false),
            (RowKind::Payment, RowStatus::Settled, true),
            (RowKind::Refund, RowStatus::Settled, false),
            (RowKind::Payment, RowStatus::Failed, false),
            (RowKind::Payment, RowStatus::Pending, false),
        ]
    );
    assert_eq!(
        (rows[1].fee.vnd(), rows[1].vat.vnd(), rows[1].net),
        (2_200, 220, Some(Dong::new(197_000)))
    );
    assert_eq!(
        (summary.payments.count, summary.payments.amount.vnd()),
        (2, 300_000)
    );
    assert_eq!(
        (summary.refunds.count, summary.failed.count, summary.pending.count),
        (1, 1, 1)
    );
    assert_eq!((summary.fees.vnd(), summary.vat.vnd()), (3_300, 330));
    assert_eq!(summary.fee_differs, 1);
    let agree: Vec<_> = summary.totals.iter().map(|t| (t.column, t.agrees)).collect();
    assert_eq!(
        agree,
        [
            (Column::Amount, true),
            (Column::Fee, true),
            (Column::Vat, true),
            (Column::Net, true)
        ]
    );
    let off = GATEWAY.replace("500.000,3.300", "500.001,3.300");
    let (_, summary) = read(off.as_bytes());
    assert!(!summary.totals[0].agrees && summary.totals[0].stated.vnd() == 500_001);
}

#[test]
fn a_net_without_fee_columns_says_the_fee() {
    let text =
        "Ngày,Mã giao dịch,Số tiền,Thực nhận\n15/01/2026,A1,100.000,98.900\n15/01/2026,A2,100.000,100.000\n";
    let rows = movements(&read(text.as_bytes()).0);
    assert_eq!((rows[0].fee.vnd(), rows[1].fee.vnd()), (1_100, 0));
    assert!(!rows[0].fee_differs() && !rows[1].fee_differs());
}

#[test]
fn every_encoding_and_separator_reads_alike() {
    let wanted = movements(&read(BANK.as_bytes()).0);
    let marked = [b"\xEF\xBB\xBF", BANK.as_bytes()].concat();
    let crlf = BANK.replace('\n', "\r\n");
    let old_mac = BANK.replace('\n', "\r");
    let files = [
        ("UTF-8 with mark", marked),
        ("CRLF", crlf.into_bytes()),
        ("CR", old_mac.into_bytes()),
        ("UTF-16 LE", utf16(BANK, true)),
        ("UTF-16 BE", utf16(BANK, false)),
        ("Windows-1258", windows_1258(BANK).unwrap()),
        (
            "comma",
            BANK.replace("chuyển; tiền", "chuyển, tiền")
                .replace(';', ",")
                .into_bytes(),
        ),
        (
            "tab",
            BANK.replace("\"chuyển; tiền\"", "chuyển@ tiền")
                .replace(';', "\t")
                .replace('@', ";")
                .into_bytes(),
        ),
        (
            "bar",
            BANK.replace("\"chuyển; tiền\"", "chuyển@ tiền")
                .replace(';', "|")
                .replace('@', ";")
                .into_bytes(),
        ),
    ];
    for (name, bytes) in files {
        let mut rows = movements(&read(&bytes).0);
        for row in &mut rows {
            row.note = row.note.replace("chuyển, tiền", "chuyển; tiền");
        }
        assert!(rows == wanted, "{name}: {rows:?}");
    }
    let facts = proposed(&windows_1258(BANK).unwrap()).file;
    assert_eq!(
        (facts.encoding, facts.separator),
        (Some(Encoding::Windows1258), Some(';'))
    );
    assert_eq!((facts.kind, facts.header_row), (FileKind::Csv, Some(5)));
}

#[test]
fn letters_of_the_west_are_read_as_they_are_written() {
    let text = "Date,Transaction ID,Amount,Note\n15/01/2026,A1,5000,Müller\n15/01/2026,A2,6000,Café Señor\n";
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    assert_eq!(proposed(&latin).file.encoding, Some(Encoding::Windows1252));
    let notes: Vec<String> = movements(&read(&latin).0)
        .into_iter()
        .map(|row| row.note)
        .collect();
    assert_eq!(notes, ["Müller", "Café Señor"]);
    let mixed = [&latin, "15/01/2026,A3,7000,Müller\n".as_bytes()].concat();
    let faults = bad(&read(&mixed).0);
    assert!(
        faults.len() == 1 && faults[0].1.contains("Windows-1252"),
        "{faults:?}"
    );
}

#[test]
fn mixed_encodings_are_bad_rows_and_never_other_letters() {
    let old = windows_1258("15/01/2026 10:00:00;FT3;tiền;;1.000;\n").unwrap();
    let mixed = [BANK.as_bytes(), &old].concat();
    let (events, _) = read(&mixed);
    assert_eq!(movements(&events).len(), 2);
    let faults = bad(&events);
    assert!(
        faults.len() == 1 && faults[0].0 == 10 && faults[0].1.contains("UTF-8"),
        "{faults:?}"
    );

    let mut mostly_old = windows_1258(BANK).unwrap();
    mostly_old.extend("15/01/2026 10:00:00;FT3;tiền;;1.000;\n".as_bytes());
    let (events, _) = read(&mostly_old);
    assert_eq!(movements(&events)[0].note, "HC7K3M92 rau");
    let faults = bad(&events);
    assert!(
        faults.len() == 1 && faults[0].1.contains("Windows-1258"),
        "{faults:?}"
    );

    // TCVN3, another old Vietnamese encoding: nothing of it may pass for letters of this one.
    let tcvn3 = b"Date,Transaction ID,Amount,Note\n15/01/2026,A1,5000,ti\xD2n h\xB5ng\n15/01/2026,A2,5000,mua b\xB8n\n";
    let text = refusal(tcvn3);
    assert!(text.contains("Dòng 2"), "{text}");

    // So written, capitals stand inside words; in VNI letters stand there that no western bank writes.
    for line in [
        &b"15/01/2026,A1,5000,th\xC7\n"[..],
        b"15/01/2026,A1,5000,tie\xE0n ha\xF8ng\n",
    ] {
        let text = refusal(&[b"Date,Transaction ID,Amount,Note\n", line].concat());
        assert!(text.contains("Dòng 2"), "{text}");
    }

    let text = refusal(b"Ng\x81y,S\x8f ti\x90n\n1,2\n");
    assert!(text.contains("Dòng 1") && text.contains("CSV UTF-8"), "{text}");
}

#[test]
fn less_usual_separators_are_found_and_columns_of_blanks_are_named() {
    for mark in ["^", "~", "|", "\t"] {
        let text = "Ngày giao dịch;Mã giao dịch;Số tiền\n15/06/2026;FT26166000501;65000\n".replace(';', mark);
        assert_eq!(movements(&read(text.as_bytes()).0).len(), 1, "{mark}");
    }
    let text = refusal(
        "Ngày giao dịch    Mã giao dịch     Số tiền\n15/06/2026        FT26166000501    65.000\n".as_bytes(),
    );
    assert!(
        text.contains("khoảng trắng") && !text.contains("tiêu đề"),
        "{text}"
    );
    let text = refusal(b"Ng\xB5y;S\xE8 ti\xD2n\n15/06/2026;65000\n");
    assert!(text.contains("TCVN3") && text.contains("chuyển mã"), "{text}");
}

#[test]
fn a_row_that_cannot_be_read_does_not_lose_the_others() {
    let cases = [
        ("1.234,56", "phần lẻ"),
        ("12.34.567", "các nhóm"),
        ("1,23E+11", "lũy thừa"),
        ("abc", "không phải số tiền"),
    ];
    for (cell, said) in cases {
        let text = format!("Ngày;Mã giao dịch;Số tiền\n15/01/2026;A1;{cell}\n15/01/2026;A2;5.000\n");
        let (events, summary) = read(text.as_bytes());
        assert_eq!((movements(&events).len(), summary.bad), (1, 1), "{cell}");
        let faults = bad(&events);
        assert!(
            faults[0].0 == 2 && faults[0].1.contains(said) && faults[0].1.contains("«Số tiền»"),
            "{faults:?}"
        );
    }
    let text = "Ngày,Mã giao dịch,Số tiền,Tài khoản nhận,Loại tiền,Trạng thái,Loại giao dịch\n\
        15/01/2026,\"1,23E+11\",5.000,0011,VND,Thành công,Thanh toán\n\
        15/01/2026,A2,5.000,\"1,23E+11\",VND,Thành công,Thanh toán\n\
        15/01/2026,A3,5.000,0011,USD,Thành công,Thanh toán\n\
        15/01/2026,A4,5.000,0011,704,Thành công,0011012345678\n\
        15/01/2026,A5,5.000,0011,VND,0011012345678,Thanh toán\n\
        31/02/2026,A6,5.000,0011,VND,Thành công,Thanh toán\n\
        15/01/2026,A7,5.000,0011,VND,Thành công,Thanh toán,\n\
        15/01/2026,A8,5.000,0011,VND,Thành công,Thanh toán,x\n\
        15/01/2026,A9,5.000,0011,VND,Thành công\n\
        15/01/2026,A10,5.000,00\u{0}11,VND,Thành công,Thanh toán\n\
        ,A11,5.000,0011,VND,Thành công,Thanh toán\n\
        15/01/2026,A12,5.000,HO KINH DOANH,VND,Thành công,Thanh toán\n\
        15/01/2026,A13,0,0011,VND,Thành công,Thanh toán\n";
    let (events, _) = read(text.as_bytes());
    let numbers: Vec<u64> = bad(&events).iter().map(|b| b.0).collect();
    assert_eq!(
        numbers,
        [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13],
        "{:?}",
        bad(&events)
    );
    assert_eq!(movements(&events)[0].provider_txn_id, "A7");
    assert_eq!(ignored(&events), [(14, IgnoredWhy::ZeroAmount)]);
}

#[test]
fn columns_that_shift_in_the_middle_are_bad_rows() {
    let shifted = GATEWAY
        .replace("3,2601150003,DH-3,15/01", "2601150003,DH-3,15/01")
        .replace("5,2601150005,DH-5", "5,,2601150005,DH-5");
    let (events, _) = read(shifted.as_bytes());
    let numbers: Vec<u64> = bad(&events).iter().map(|b| b.0).collect();
    assert_eq!(numbers, [4, 6]);
    // In a workbook no row has a width of its own: types alone find the shift.
    let row = |cells: &[&str]| cells.iter().map(|c| text(c)).collect::<Vec<_>>();
    let bytes = xlsx(&[
        row(&["STT", "Mã giao dịch", "Ngày GD", "Số tiền", "Nội dung"]),
        row(&["1", "A1", "15/01/2026", "5.000", "rau"]),
        row(&["A2", "15/01/2026", "6.000", "cá 1", ""]),
        row(&["3", "", "A3", "15/01/2026", "7.000"]),
        row(&["4", "A4", "15/01/2026", "8.000", "thịt"]),
    ]);
    let (events, _) = read(&bytes);
    assert_eq!(bad(&events).iter().map(|b| b.0).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(movements(&events).len(), 2);
}

#[test]
fn a_header_that_changed_is_an_error_and_another_order_is_not() {
    let mapping = proposed(
        b"Ng\xC3\xA0y,M\xC3\xA3 giao d\xE1\xBB\x8Bch,S\xE1\xBB\x91 ti\xE1\xBB\x81n\n15/01/2026,A1,5000\n",
    )
    .mapping;
    let saved: Mapping = serde_json::from_str(&serde_json::to_string(&mapping).unwrap()).unwrap();
    let turned = "Tiêu đề\nSỐ TIỀN;Ngày;mã giao dịch\n7.000;16/01/2026;A2\n";
    let (events, _) = read_with(turned.as_bytes(), &saved).unwrap();
    let rows = movements(&events);
    assert_eq!(
        (rows[0].amount.vnd(), rows[0].provider_txn_id.as_str()),
        (7_000, "A2")
    );
    for (changed, said) in [
        (
            "Ngày,Mã giao dịch,Số tiền,Trạng thái\n",
            "có thêm cột «Trạng thái»",
        ),
        ("Ngày,Mã giao dịch\n", "thiếu cột «Số tiền»"),
        (
            "Ngày,Mã giao dịch,Doanh số\n",
            "thiếu cột «Số tiền»; có thêm cột «Doanh số»",
        ),
        ("Ngày,Mã giao dịch,Số tiền,Số tiền\n", "có thêm cột «Số tiền»"),
    ] {
        let error = read_with(changed.as_bytes(), &saved).unwrap_err();
        assert!(matches!(error, StatementError::HeaderChanged { .. }), "{error}");
        assert!(error.sentence().vi.contains(said), "{error}");
    }
    let other = read_with(MT940.as_bytes(), &saved).unwrap_err();
    assert!(matches!(other, StatementError::OtherKind { .. }), "{other}");
}

#[test]
fn headers_of_two_rows_and_two_languages_are_found() {
    let two_rows = "Ngày giao dịch,Số bút toán,Phát sinh,,Nội dung\n,,Nợ,Có,\n15/01/2026,B1,,5.000,rau\n";
    let proposal = proposed(two_rows.as_bytes());
    assert_eq!(proposal.mapping.header_rows, 2);
    assert_eq!(proposal.mapping.header[2..4], ["Phát sinh Nợ", "Phát sinh Có"]);
    let rows = movements(&read(two_rows.as_bytes()).0);
    assert_eq!(
        (rows[0].row_number, rows[0].kind, rows[0].amount.vnd()),
        (3, RowKind::Payment, 5_000)
    );

    let mixed = "Ngày giao dịch,,Phát sinh,,Nội dung\n,Số bút toán,Nợ,Có,\n15/01/2026,B1,,5.000,rau\n";
    assert_eq!(proposed(mixed.as_bytes()).mapping.header[1], "Số bút toán");
    assert_eq!(movements(&read(mixed.as_bytes()).0)[0].provider_txn_id, "B1");

    let translated = "Ngày giao dịch,Số bút toán,Nợ,Có,Nội dung\nTransaction Date,Transaction No,Debit,Credit,Details\n\
        15/01/2026,B1,2.000,,rau\n";
    let (events, _) = read(translated.as_bytes());
    assert_eq!(bad(&events), []);
    assert_eq!(movements(&events)[0].kind, RowKind::Outgoing);

    let both = "STT/No,Ngày giao dịch/Transaction Date,Số bút toán/Transaction No,Phát sinh nợ/Debit,Phát sinh có/Credit,\
        Nội dung/Details,Tài khoản/Account\n1,15/01/2026,000123,,5.000,rau,0011012345678\n";
    let rows = movements(&read(both.as_bytes()).0);
    assert_eq!(rows[0].provider_txn_id, "000123");
    assert_eq!(rows[0].account.as_ref().unwrap().reveal(), "0011012345678");
}

#[test]
fn known_layouts_are_recognised_by_their_marks_or_the_profile() {
    let plain = "Mã giao dịch,Mã đơn hàng,Thời gian giao dịch,Số tiền\nA1,DH1,15/01/2026 08:00,5.000\n";
    let layout = |text: &str, profile: &str| {
        let proposal = propose(&mut Cursor::new(text.as_bytes()), profile).unwrap();
        (proposal.layout.map_or("", |l| l.name), proposal.mapping)
    };
    assert_eq!(layout(plain, "").0, "");
    for profile in ["momo", "viettel", "vnpt", "zalopay"] {
        assert_eq!(layout(plain, profile).0, profile);
    }
    let cases = [
        (
            "transId,orderId,amount,responseTime\n1,DH1,5000,1768438800000\n",
            "momo",
        ),
        (
            "zp_trans_id,app_trans_id,amount,server_time\n1,DH1,5000,1768438800000\n",
            "zalopay",
        ),
        (
            "orderCode,reference,amount,transactionDateTime,paymentLinkId\nDH1,FT1,5000,2026-01-15 08:00:00,x\n",
            "payos",
        ),
        (
            "id,transactionDate,accountNumber,transferType,transferAmount,content,referenceCode\n7,2026-01-15 08:00:00,0011,in,5000,rau,FT1\n",
            "sepay",
        ),
        (
            "STT,Ngày GD,Số tham chiếu,Mô tả,Phát sinh Nợ,Phát sinh Có,Số dư\n1,15/01/2026,FT1,rau,,5000,5000\n",
            "bidv",
        ),
        (
            "Techcombank\nDate,Description,Debit,Credit,Balance\n15/01/2026,rau,,5000,5000\n",
            "techcombank",
        ),
        (
            "VIETCOMBANK\nNgày giao dịch,Số tham chiếu,Số tiền ghi nợ,Số tiền ghi có,Mô tả\n15/01/2026,FT1,,5000,rau\n",
            "vietcombank",
        ),
        (
            "MB Bank\nNgày giao dịch,Số bút toán,Phát sinh nợ,Phát sinh có,Nội dung\n15/01/2026,FT1,,5000,rau\n",
            "mb",
        ),
        (
            "VietinBank\nNgày giao dịch,Số giao dịch,Ghi nợ,Ghi có,Nội dung giao dịch\n15/01/2026,FT1,,5000,rau\n",
            "vietinbank",
        ),
        (
            "qrTrace,txnId,amount,payDate\n1,DH1,5000,20260115080000\n",
            "vnpay_qr",
        ),
    ];
    for (text, wanted) in cases {
        let (name, mapping) = layout(text, "");
        assert_eq!(name, wanted);
        let (events, _) = read_with(text.as_bytes(), &mapping).unwrap();
        let rows = movements(&events);
        assert_eq!(rows.len(), 1, "{wanted}: {events:?}");
        assert_eq!(
            (rows[0].amount.vnd(), rows[0].kind),
            (5_000, RowKind::Payment),
            "{wanted}"
        );
        assert!(
            !rows[0].provider_txn_id.is_empty() || wanted == "techcombank",
            "{wanted}"
        );
        assert_eq!(rows[0].business_day, Day::ymd(2026, 1, 15), "{wanted}");
    }
    // In hundredths of a đồng: a person has to look.
    let hundredths = "vnp_TransactionNo,vnp_TxnRef,vnp_Amount,vnp_PayDate\n1,DH1,500000,20260115080000\n";
    let proposal = proposed(hundredths.as_bytes());
    assert_eq!(proposal.lacks, Some(MappingError::NoAmount));
    assert!(proposal.preview.is_empty());
}

#[test]
fn a_file_is_looked_at_by_a_mapping_that_is_not_finished() {
    let text = "Ngày,Mã giao dịch,Số tiền,Ghi chú riêng\n,A0,,\n15/01/2026,A1,5.000,x\n";
    let proposal = proposed(text.as_bytes());
    let examples: Vec<_> = proposal.header.iter().map(|cell| cell.example.as_str()).collect();
    assert_eq!(
        examples,
        ["15/01/2026", "A0", "5.000", "x"],
        "the first that is there"
    );
    // The columns in another order, one without a meaning: what is missing is said, nothing is read.
    let turned = "Số tiền,Mã giao dịch,Ghi chú riêng,Ngày\n5.000,A1,x,15/01/2026\n";
    let mut mapping = proposal.mapping.clone();
    mapping.columns.remove(&Column::Amount);
    let again = propose_with(&mut Cursor::new(turned), &mapping).unwrap();
    assert_eq!(again.lacks, Some(MappingError::NoAmount));
    assert!(again.preview.is_empty());
    let meanings: Vec<_> = again.header.iter().map(|cell| cell.meaning).collect();
    assert_eq!(
        meanings,
        [None, Some(Column::TransactionId), None, Some(Column::When)]
    );
    let whole = propose_with(&mut Cursor::new(turned), &proposal.mapping).unwrap();
    assert_eq!((whole.lacks, whole.preview.len()), (None, 1));
    // A place that no header has is no reason to fall over; another header is none of this mapping.
    mapping.columns.insert(Column::Amount, 99);
    assert!(propose_with(&mut Cursor::new(turned), &mapping).is_ok());
    let other = propose_with(&mut Cursor::new("Ngày,Số tiền\n15/01/2026,5.000\n"), &mapping);
    assert!(
        matches!(other, Err(StatementError::HeaderChanged { .. })),
        "{other:?}"
    );
}

#[test]
fn titles_of_each_page_and_signatures_are_ignored() {
    let header = "Ngày,Mã giao dịch,Số tiền,Nội dung";
    let text = format!(
        "{header}\n15/01/2026,A1,5.000,Tổng cộng tiền rau\n,,Trang 1/2,\n{header}\n15/01/2026,A2,6.000,cá\n\
         Người lập,Kế toán,Giám đốc,\n"
    );
    let (events, _) = read(text.as_bytes());
    assert_eq!(movements(&events).len(), 2);
    assert_eq!(
        ignored(&events),
        [
            (3, IgnoredWhy::Title),
            (4, IgnoredWhy::Title),
            (6, IgnoredWhy::Title)
        ]
    );
    assert_eq!(bad(&events), []);
}

#[test]
fn a_day_that_is_spoilt_is_never_taken_for_a_total() {
    let text = "Ngày,Mã giao dịch,Số tiền,Nội dung\n15/13/2026,A1,5.000,Tổng cộng tiền rau\n";
    let (events, _) = read(text.as_bytes());
    assert_eq!(bad(&events).len(), 1, "{events:?}");
}

#[test]
fn signs_say_what_went_out() {
    let signed =
        "Ngày,Mã giao dịch,Số tiền\n15/01/2026,A1,5.000\n15/01/2026,A2,-2.000\n15/01/2026,A3,(3.000)\n";
    let kinds = |text: &str| {
        movements(&read(text.as_bytes()).0)
            .iter()
            .map(|r| r.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(signed),
        [RowKind::Payment, RowKind::Refund, RowKind::Refund]
    );
    let bank = "Ngày,Mã giao dịch,Số tiền,Số dư\n15/01/2026,A1,5.000,5.000\n15/01/2026,A2,-2.000,3.000\n";
    assert_eq!(kinds(bank), [RowKind::Payment, RowKind::Outgoing]);
    let sides = "Ngày,Mã giao dịch,Ghi nợ,Ghi có\n15/01/2026,A1,,-5.000\n15/01/2026,A2,-2.000,\n15/01/2026,A3,1.000,1.000\n";
    let (events, _) = read(sides.as_bytes());
    assert_eq!(movements(&events)[0].kind, RowKind::Refund);
    assert_eq!(ignored(&events), [(3, IgnoredWhy::ReversedDebit)]);
    assert_eq!(bad(&events).len(), 1);
}

#[test]
fn a_total_without_a_word_is_one_if_it_adds_up() {
    let table = "Ngày,Mã giao dịch,Số tiền,Phí\n15/01/2026,A1,5.000,50\n15/01/2026,A2,6.000,60\n";
    let (events, summary) = read(format!("{table},,11.000,110\n").as_bytes());
    assert_eq!(ignored(&events), [(4, IgnoredWhy::Total)]);
    assert_eq!(summary.totals.len(), 2);
    let (events, _) = read(format!("{table},,12.000,110\n").as_bytes());
    assert_eq!(bad(&events).len(), 1);
}

#[test]
fn balances_may_stand_in_rows_of_the_table() {
    let text = "Ngày,Số tham chiếu,Nội dung,Ghi nợ,Ghi có,Số dư\n01/01/2026,,Số dư đầu kỳ,,,1.000\n\
        02/01/2026,FT1,rau,,500,1.500\n31/01/2026,,Số dư cuối kỳ,,,1.500\n";
    let (events, summary) = read(text.as_bytes());
    assert_eq!(
        ignored(&events),
        [(2, IgnoredWhy::Balance), (4, IgnoredWhy::Balance)]
    );
    assert!(
        summary
            .balance
            .is_some_and(|b| b.agrees() && b.opening.vnd() == 1_000),
        "{:?}",
        summary.balance
    );
}

#[test]
fn letters_of_no_width_make_no_difference() {
    let text = "\u{feff}Ngày,Mã giao dịch,Số tiền\n15/01/2026,A\u{200b}1,5.000\n";
    assert_eq!(movements(&read(text.as_bytes()).0)[0].provider_txn_id, "A1");
}

#[test]
fn a_day_and_its_time_may_stand_in_columns_of_their_own() {
    let at = TimeMs::parse("2026-01-15T08:15:00+07:00").unwrap();
    for text in [
        "Ngày,Thời gian,Mã giao dịch,Số tiền\n15/01/2026,08:15:00,A1,5.000\n",
        "Transaction Date,Transaction Time,Transaction ID,Amount\n2026-01-15,08:15,A1,5000\n",
        "Thời gian,Mã giao dịch,Số tiền,Ngày thanh toán\n15/01/2026 08:15:00,A1,5.000,16/01/2026\n",
    ] {
        let rows = movements(&read(text.as_bytes()).0);
        assert_eq!(rows[0].occurred_at, Some(at), "{text}");
        assert_eq!(rows[0].business_day, Day::ymd(2026, 1, 15));
    }
}

//! Workbooks of both kinds, and what is refused of them.

use std::io::Cursor;

use super::support::*;
use super::*;
use crate::vn::{Day, TimeMs};

fn table() -> Vec<Vec<TestCell>> {
    let shared = |t: &str| TestCell::Shared(t.to_owned());
    vec![
        vec![shared("BÁO CÁO ĐỐI SOÁT & QUYẾT TOÁN")],
        vec![],
        vec![
            shared("Mã giao dịch"),
            text("Thời gian giao dịch"),
            text("Số tiền"),
            shared("Tài khoản nhận"),
            text("Nội dung"),
        ],
        vec![
            text("0001"),
            TestCell::Date("46037.749293981484".to_owned()),
            number("50000"),
            text("0011012345678"),
            shared("HC7K3M92 chả cá <ngon>"),
        ],
        vec![
            number("123456789012"),
            text("15/01/2026 18:00"),
            text("1.234.567"),
            TestCell::Empty,
            text("rau"),
        ],
        vec![text("A3"), text("15/01/2026"), TestCell::Error, text("0011")],
        vec![text("A4"), text("15/01/2026"), number("1000.5"), text("0011")],
        vec![
            number("1234567890123450"),
            text("15/01/2026"),
            number("1000"),
            text("0011"),
        ],
        vec![text("Tổng cộng"), TestCell::Empty, number("1285567")],
    ]
}

#[test]
fn both_kinds_of_workbook_read_alike() {
    for (kind, bytes) in [(FileKind::Xlsx, xlsx(&table())), (FileKind::Xls, xls(&table()))] {
        let proposal = proposed(&bytes);
        assert_eq!(proposal.file.kind, kind);
        assert_eq!(proposal.file.sheet.as_deref(), Some("Sao kê"));
        assert_eq!(proposal.file.header_row, Some(3));
        assert_eq!(proposal.preview.len(), 6);
        let (events, summary) = read(&bytes);
        let rows = movements(&events);
        assert_eq!(rows.len(), 2, "{kind:?}: {events:?}");
        assert_eq!(
            (rows[0].row_number, rows[0].provider_txn_id.as_str()),
            (4, "0001")
        );
        assert_eq!(
            rows[0].occurred_at,
            Some(TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap())
        );
        assert_eq!(rows[0].note, "HC7K3M92 chả cá <ngon>");
        assert_eq!(rows[0].account.as_ref().unwrap().reveal(), "0011012345678");
        assert_eq!(
            (rows[1].provider_txn_id.as_str(), rows[1].amount.vnd()),
            ("123456789012", 1_234_567)
        );
        assert_eq!(rows[1].business_day, Day::ymd(2026, 1, 15));
        let faults = bad(&events);
        assert_eq!(
            faults.iter().map(|b| b.0).collect::<Vec<_>>(),
            [6, 7, 8],
            "{faults:?}"
        );
        for (fault, said) in faults.iter().zip(["công thức", "phần lẻ", "15 chữ số"]) {
            assert!(fault.1.contains(said), "{fault:?}");
        }
        assert_eq!(ignored(&events), [(9, IgnoredWhy::Total)]);
        let total = summary.totals[0];
        assert_eq!(
            (total.column, total.summed.vnd(), total.agrees),
            (Column::Amount, 1_284_567, false)
        );
    }
}

#[test]
fn the_sheet_with_the_header_is_read_and_two_of_them_are_for_a_person() {
    let notes = vec![vec![text("Ghi chú")], vec![text("xin chào")]];
    let one = zip(&xlsx_parts(&[("Ghi chú", notes.clone()), ("GD", table())]));
    let proposal = proposed(&one);
    assert_eq!(proposal.file.sheet.as_deref(), Some("GD"));
    let two = zip(&xlsx_parts(&[
        ("Ngày 1", table()),
        ("Ghi chú", notes),
        ("Ngày 2", table()),
    ]));
    let error = read_with(&two, &proposal.mapping).unwrap_err();
    assert!(matches!(error, StatementError::SeveralSheets { .. }), "{error}");
    assert!(error.sentence().vi.contains("«Ngày 1», «Ngày 2»"), "{error}");
}

#[test]
fn a_hidden_sheet_is_passed_over() {
    let mut parts = xlsx_parts(&[("GD", table()), ("Cũ", table())]);
    for (name, bytes) in &mut parts {
        if *name == "xl/workbook.xml" {
            *bytes = String::from_utf8_lossy(bytes)
                .replace("name=\"Cũ\"", "name=\"Cũ\" state=\"hidden\"")
                .into_bytes();
        }
    }
    assert_eq!(movements(&read(&zip(&parts)).0).len(), 2);
}

#[test]
fn locked_and_programmed_workbooks_are_refused_by_name() {
    let mut parts = xlsx_parts(&[("GD", table())]);
    parts.push(("xl/vbaProject.bin", vec![1, 2, 3]));
    assert!(refusal(&zip(&parts)).contains("macro"));
    for (path, said) in [
        ("/EncryptedPackage", "mật khẩu"),
        ("/_VBA_PROJECT_CUR/VBA/dir", "macro"),
        ("/WordDocument", "Word"),
        ("/BOOK", "BOF"),
        ("/Contents", "không có bảng tính"),
    ] {
        assert!(refusal(&ole_of(&[(path, &[])])).contains(said), "{path}");
    }
    let inside = ole_of(&[("/WordDocument", &[1]), ("/ObjectPool/_1/Workbook", &[1])]);
    assert!(refusal(&inside).contains("Word"), "{}", refusal(&inside));
    let mut locked = xls(&table());
    let at = locked.windows(4).position(|w| w == [0x1E, 0x04, 15, 0]).unwrap();
    locked[at] = 0x2F;
    locked[at + 1] = 0;
    assert!(refusal(&locked).contains("mật khẩu"), "{}", refusal(&locked));
    let mut zipped = xlsx(&table());
    let at = zipped.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    zipped[at + 8] |= 1;
    assert!(refusal(&zipped).contains("mật khẩu"));
    for (part, said) in [
        ("word/document.xml", "Word"),
        ("content.xml", "tiêu đề"),
        ("a.txt", "ZIP"),
    ] {
        assert!(refusal(&zip(&[(part, vec![1])])).contains(said), "{part}");
    }
}

#[test]
fn a_workbook_that_swells_is_not_opened() {
    let mut parts = xlsx_parts(&[("GD", table())]);
    parts.push(("xl/media/image1.png", vec![0; 80 << 20]));
    let bomb = zip(&parts);
    assert!(bomb.len() < 1 << 20);
    assert!(refusal(&bomb).contains("phá hoại"), "{}", refusal(&bomb));
    // One that lies about its size is found when it grows beyond what it claimed.
    let mut lying = xlsx(&table());
    let at = lying.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    lying[at + 24..at + 28].copy_from_slice(&10_u32.to_le_bytes());
    assert!(refusal(&lying).contains("phá hoại"), "{}", refusal(&lying));
    let mut whole = xlsx(&table());
    let at = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    whole[at + 24..at + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(refusal(&whole).contains("phá hoại"));
}

#[test]
fn damaged_workbooks_are_refused() {
    let good = xlsx(&table());
    let half = &good[..good.len() / 2];
    assert!(refusal(half).contains("cắt ngang"), "{}", refusal(half));
    let without_end = &good[..good.len() - 3];
    assert!(refusal(without_end).contains("cắt ngang"));
    // Of two parts of one name, programs show now the one, now the other.
    let mut twice = zip(&[("xl/workbook.xml", vec![1]), ("xl/workbook.xmk", vec![2])]);
    for at in 0..twice.len() - 3 {
        if twice[at..].starts_with(b".xmk") {
            twice[at + 3] = b'l';
        }
    }
    assert!(refusal(&twice).contains("không hợp lệ"), "{}", refusal(&twice));
    let mut damaged = good.clone();
    let at = damaged.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    damaged[at + 16] ^= 1;
    let mapping = proposed(&good).mapping;
    let error = read_with(&damaged, &mapping).unwrap_err();
    assert!(error.sentence().vi.contains("CRC"), "{error}");

    let old = xls(&table());
    let mapping = proposed(&old).mapping;
    let cut = read_with(&old[..old.len() - 3072], &mapping).unwrap_err();
    assert!(cut.sentence().vi.contains("cắt ngang"), "{cut}");

    for (from, to) in [("</sheetData></worksheet>", ""), ("</row>", "</rwo>")] {
        let mut parts = xlsx_parts(&[("GD", table())]);
        parts[0].1 = String::from_utf8_lossy(&parts[0].1)
            .replace(from, to)
            .into_bytes();
        let outcome = propose(&mut Cursor::new(zip(&parts)), "").map(|p| read_with(&zip(&parts), &p.mapping));
        assert!(!matches!(outcome, Ok(Ok(_))), "{from}");
    }
    let mut parts = xlsx_parts(&[("GD", table())]);
    let entities = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\">]><worksheet><sheetData>";
    parts[0].1 = String::from_utf8_lossy(&parts[0].1)
        .replace("<worksheet><sheetData>", entities)
        .into_bytes();
    assert!(refusal(&zip(&parts)).contains("DOCTYPE"));
}

/// What somebody leaves behind who formats whole columns. Unoptimised a million take half a minute, so those are for
/// `cargo test --release empty_rows`.
const EMPTY_ROWS: usize = if cfg!(debug_assertions) { 60_000 } else { 1_000_000 };

#[test]
fn many_empty_rows_of_a_workbook_are_passed_over_and_alone_are_refused() {
    let filled = |rows: &[Vec<TestCell>]| {
        let mut parts = xlsx_parts(&[("GD", rows.to_vec())]);
        let empty: String = (20..EMPTY_ROWS).map(|at| format!("<row r=\"{at}\"/>")).collect();
        let sheet = String::from_utf8_lossy(&parts[0].1);
        parts[0].1 = sheet
            .replace("</sheetData>", &(empty + "</sheetData>"))
            .into_bytes();
        zip(&parts)
    };
    let (events, summary) = read(&filled(&table()));
    assert_eq!((events.len(), summary.all()), (6, 6));
    assert!(refusal(&filled(&[])).contains("dòng tiêu đề"));
}

#[test]
fn many_empty_rows_of_a_text_are_passed_over_and_alone_are_refused() {
    for empty in ["\n", ";;\r\n"] {
        let empty = empty.repeat(EMPTY_ROWS);
        let header = "Mã giao dịch;Ngày giao dịch;Số tiền\nGD1;02/03/2026;5.000\n";
        let text = [header, &empty, "GD2;02/03/2026;6.000\n"].concat();
        let (events, summary) = read(text.as_bytes());
        assert_eq!((events.len(), summary.all()), (2, 2));
        assert_eq!(movements(&events)[1].row_number, EMPTY_ROWS as u64 + 3);
        assert!(refusal(empty.as_bytes()).contains("dòng tiêu đề"));
    }
}

#[test]
fn long_tables_of_shared_texts_go_on_over_records() {
    let mut rows = table();
    rows.truncate(3);
    for at in 0..700 {
        rows.push(vec![
            text(&format!("GD{at:04}")),
            text("15/01/2026"),
            number("5000"),
            text("0011"),
            text("tiền hàng của hộ ví dụ"),
        ]);
    }
    for bytes in [xlsx(&rows), xls(&rows)] {
        let (events, summary) = read(&bytes);
        assert_eq!((summary.payments.count, summary.bad), (700, 0));
        assert_eq!(movements(&events)[699].provider_txn_id, "GD0699");
    }
}

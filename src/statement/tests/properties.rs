//! Any table reads back from every make of file, and any bytes are read or refused.

use std::io::Cursor;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::mt940::MT940;
use super::support::*;
use super::tables::GATEWAY;
use super::*;
use crate::vn::{Day, TimeMs};

/// The small letters of Vietnamese beside those of ASCII.
const VIETNAMESE: &str = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ";

/// A payment as it is written into files of every make.
#[derive(Debug, Clone)]
struct Payment {
    id: u64,
    vnd: i64,
    day: i64,
    second: i64,
    note: String,
    is_refund: bool,
}

fn payments() -> impl Strategy<Value = Vec<Payment>> {
    let one = (
        1_u64..99_999_999,
        1_i64..=9_999_999_999,
        19_000_i64..22_000,
        0_i64..86_400,
        prop_oneof![
            "[a-zà-ỹ ;,\"|]{0,20}",
            proptest::string::string_regex(&format!("[a-z{VIETNAMESE} ;,\"|]{{0,20}}")).unwrap(),
        ],
        any::<bool>(),
    );
    let one = one.prop_map(|(id, vnd, day, second, note, is_refund)| Payment {
        id,
        vnd,
        day,
        second,
        note,
        is_refund,
    });
    proptest::collection::vec(one, 1..12)
}

#[derive(Debug, Clone, Copy)]
struct Style {
    order: usize,
    separator: char,
    mark: char,
    iso: bool,
    make: usize,
}

fn styles() -> impl Strategy<Value = Style> {
    let separators = prop::sample::select(vec![',', ';', '\t', '|']);
    let marks = prop::sample::select(vec!['.', ',', ' ', '0']);
    let all = (0_usize..5, separators, marks, any::<bool>(), 0_usize..9);
    all.prop_map(|(order, separator, mark, iso, make)| Style {
        order,
        separator,
        mark,
        iso,
        make,
    })
}

fn made(payments: &[Payment], style: Style) -> Vec<u8> {
    let mut rows = vec![
        [
            "Mã giao dịch",
            "Thời gian giao dịch",
            "Số tiền",
            "Nội dung",
            "Loại giao dịch",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for p in payments {
        let at = TimeMs(Day::from_number(p.day).unwrap().start().0 + p.second * 1000);
        let when = if style.iso {
            at.iso()
        } else {
            format!("{} {}", Day::of(at).show(), &at.iso()[11..19])
        };
        let amount = if style.mark == '0' {
            p.vnd.to_string()
        } else {
            crate::vn::grouped(p.vnd, style.mark)
        };
        let kind = if p.is_refund {
            "Hoàn tiền"
        } else {
            "Thanh toán"
        };
        rows.push(vec![
            format!("GD{:08}", p.id),
            when,
            amount,
            p.note.clone(),
            kind.to_owned(),
        ]);
    }
    for row in &mut rows {
        row.rotate_left(style.order);
    }
    if style.make >= 6 {
        return page(&rows, style.make);
    }
    if style.make >= 4 {
        let cells: Vec<Vec<TestCell>> = rows.iter().map(|r| r.iter().map(|c| text(c)).collect()).collect();
        return if style.make == 4 {
            xlsx(&cells)
        } else {
            xls(&cells)
        };
    }
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |row: &Vec<String>| {
        row.iter()
            .map(quoted)
            .collect::<Vec<_>>()
            .join(&style.separator.to_string())
    };
    let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
    match style.make {
        0 => text.into_bytes(),
        1 => utf16(&text, true),
        2 => utf16(&text, false),
        // Other letters of Windows-1258 are refused row by row: they are how a file in another old encoding looks.
        _ => windows_1258(&text)
            .filter(|_| {
                text.to_lowercase()
                    .chars()
                    .all(|c| c.is_ascii() || VIETNAMESE.contains(c))
            })
            .unwrap_or_else(|| text.into_bytes()),
    }
}

/// A page of a table, closed as a program or a person would, alone or in an archive.
fn page(rows: &[Vec<String>], make: usize) -> Vec<u8> {
    let cell = |cell: &String| format!("<td>{}", escaped(cell).replace(' ', "&nbsp;"));
    let end = if make == 7 { "" } else { "</td>" };
    let row = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|text| cell(text) + end).collect();
        format!("<tr>{}{}\n", cells.concat(), if make == 7 { "" } else { "</tr>" })
    };
    let table: String = rows.iter().map(row).collect();
    let page = format!("<html><body><p>BÁO CÁO</p><table>{table}</table></body></html>");
    if make == 8 {
        archive(&page)
    } else {
        page.into_bytes()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_reads_back_from_every_make(payments in payments(), style in styles()) {
        let (events, summary) = read(&made(&payments, style));
        let rows = movements(&events);
        prop_assert_eq!(rows.len(), payments.len(), "{:?}", events);
        let mut sum = 0;
        for (row, p) in rows.iter().zip(&payments) {
            let kind = if p.is_refund { RowKind::Refund } else { RowKind::Payment };
            prop_assert_eq!((row.amount.vnd(), row.kind), (p.vnd, kind));
            prop_assert_eq!(&row.provider_txn_id, &format!("GD{:08}", p.id));
            prop_assert_eq!(row.business_day.number(), p.day);
            prop_assert_eq!(row.occurred_at.unwrap().0, Day::from_number(p.day).unwrap().start().0 + p.second * 1000);
            let note: String = p.note.trim().nfc().collect();
            prop_assert_eq!(&row.note, &note);
            sum += p.vnd;
        }
        prop_assert_eq!(summary.rows.amount.vnd(), sum);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), start in 0_usize..12) {
        let starts: [&[u8]; 12] = [b"", b"PK\x03\x04", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"\xFF\xFE", b"<?xml camt.053 ?><Document>",
            b":20:A\n:25:1\n:60F:C260101VND0,\n:61:", b"Ng\xC3\xA0y,Amount,Note\n15/01/2026,", b"\xEF\xBB\xBFDate;Debit;Credit\n", b"Date\tAmount\n",
            b"<table><tr><td>Date<td>Amount<tr>", b"MIME-Version: 1.0\nContent-Type: text/html\n\n<tr><td>Date<td>Amount", b"<Document><BkToCstmrStmt><Stmt><Ntry>"];
        let bytes = [starts[start], &bytes].concat();
        if let Ok(proposal) = propose(&mut Cursor::new(&bytes), "momo") {
            let _ = read_with(&bytes, &proposal.mapping);
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(at in 0_usize..100_000, with in any::<u8>(), cut in any::<bool>(), make in 0_usize..6) {
        let rows: Vec<Vec<TestCell>> = GATEWAY.lines().map(|l| l.split(',').map(text).collect()).collect();
        let mut bytes = match make {
            0 => xlsx(&rows),
            1 => xls(&rows),
            2 => MT940.as_bytes().to_vec(),
            3 => page(&GATEWAY.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect::<Vec<_>>(), 6),
            4 => page(&GATEWAY.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect::<Vec<_>>(), 8),
            _ => GATEWAY.as_bytes().to_vec(),
        };
        let at = at % bytes.len();
        bytes[at] = with;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(proposal) = propose(&mut Cursor::new(&bytes), "") {
            let _ = read_with(&bytes, &proposal.mapping);
        }
    }
}

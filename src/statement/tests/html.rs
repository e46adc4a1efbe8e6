//! Pages of tables, alone and in web archives, whatever they are called.

use std::io::Cursor;

use super::support::*;
use super::*;
use crate::vn::Day;

const TABLE: &str = "<table border=1><tr><th>Ngày giao dịch</th><th>Mã giao dịch</th><th>Số tiền</th><th>Nội dung</th></tr>\
    <tr><td>15/06/2026</td><td>FT26166000001</td><td>65.000</td><td>HC7K3M9J tiền rau</td></tr>\
    <tr><td>15/06/2026</td><td>FT26166000002</td><td>1.935.000</td><td>HC7K3M9J</td></tr></table>";

/// Ids, amounts and notes of what a page is read as.
fn said(bytes: &[u8]) -> Vec<(String, i64, String)> {
    let (events, summary) = read(bytes);
    assert_eq!(summary.bad, 0, "{events:?}");
    let rows = movements(&events).into_iter();
    rows.map(|row| (row.provider_txn_id, row.amount.vnd(), row.note))
        .collect()
}

#[test]
fn a_page_is_read_as_the_table_that_it_is() {
    let wanted = [
        ("FT26166000001".to_owned(), 65_000, "HC7K3M9J tiền rau".to_owned()),
        ("FT26166000002".to_owned(), 1_935_000, "HC7K3M9J".to_owned()),
    ];
    let bare = TABLE
        .replace("</td>", "")
        .replace("</th>", "")
        .replace("</tr>", "");
    let loud = TABLE.replace("td", "TD").replace("table", "TABLE");
    let numeric: String = TABLE
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                format!("&#{};", u32::from(c))
            }
        })
        .collect();
    let declared =
        |charset: &str| format!("<html><head><meta charset=\"{charset}\"></head><body>{TABLE}</body></html>");
    for bytes in [
        TABLE.as_bytes().to_vec(),
        format!("<!DOCTYPE html><html><body><div>{TABLE}</div></body></html>").into_bytes(),
        format!("<?xml version=\"1.0\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>{TABLE}</body></html>").into_bytes(),
        format!("<!-- {} -->{TABLE}", "x".repeat(50_000)).into_bytes(),
        // Rows without a table, which browsers drop.
        format!("<body>{}</body>", TABLE.replace("<table border=1>", "").replace("</table>", "")).into_bytes(),
        bare.into_bytes(),
        loud.into_bytes(),
        numeric.into_bytes(),
        format!("<style>td {{ color: red }}</style><script>document.write('<table><tr><td>1')</script>{TABLE}").into_bytes(),
        // The layout of a page is a table around the table.
        format!("<table><tr><td>Trang chủ</td><td>{TABLE}</td></tr></table>").into_bytes(),
        // Titles above it, and a head in a table of its own.
        format!("<h2>SAO KÊ</h2><p>Từ ngày 15/06/2026</p>{}", TABLE.replacen("</tr>", "</tr></table><table>", 1)).into_bytes(),
        TABLE.replace("<td>", "<td><div><span>").replace("</td>", "</span></div></td>").into_bytes(),
        // What a page sorts by is hidden in it.
        TABLE.replace("<td>", "<td><span style='display: none'>50000</span>").into_bytes(),
        TABLE.replace("<td>", "<td><i hidden>9<i>9</i>").replace("</td>", "</i></td>").replace("9<i>9</i>", "99</i><b>").replace("</i></td>", "</b></td>").into_bytes(),
        [&b"\xEF\xBB\xBF"[..], TABLE.as_bytes()].concat(),
        utf16(TABLE, true),
        utf16(&declared("utf-16"), false),
        windows_1258(&declared("windows-1258")).unwrap(),
        windows_1258(TABLE).unwrap(),
        // It says that it is what it is not.
        declared("windows-1252").into_bytes(),
        archive(TABLE),
        archive(&declared("utf-8")),
    ] {
        assert_eq!(said(&bytes), wanted, "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)]));
    }
}

#[test]
fn a_page_is_named_and_its_account_is_found() {
    let page = format!("<html><body><p>Số tài khoản: 0011012345678</p>{TABLE}</body></html>");
    let proposal = proposed(page.as_bytes());
    assert_eq!(
        (proposal.file.kind, proposal.file.header_row),
        (FileKind::Html, Some(2))
    );
    let rows = movements(&read(page.as_bytes()).0);
    assert_eq!(rows[0].account.as_ref().unwrap().reveal(), "0011012345678");
    assert_eq!(
        (rows[0].row_number, rows[0].business_day),
        (3, Day::ymd(2026, 6, 15))
    );
    let proposal = proposed(&archive(&page));
    assert_eq!(proposal.file.kind, FileKind::Mhtml);
    assert_eq!(proposal.file.sheet.as_deref(), Some("saoke.htm"));
}

#[test]
fn cells_that_stretch_leave_the_others_where_they_are() {
    // The header in two rows, one of its cells over two columns, two of them over two rows.
    let page = "<table><tr><th rowspan=2>Ngày giao dịch</th><th rowspan=2>Số tham chiếu</th><th colspan=2>Phát sinh</th>\
        <th rowspan=2>Diễn giải</th></tr><tr><th>Nợ</th><th>Có</th></tr>\
        <tr><td>15/06/2026</td><td>FT1</td><td></td><td>65.000</td><td>HC7K3M9J</td></tr>\
        <tr><td>15/06/2026</td><td>FT2</td><td>20.000</td><td></td><td>rút</td></tr></table>";
    let (events, summary) = read(page.as_bytes());
    assert_eq!(
        (summary.payments.amount.vnd(), summary.outgoing.amount.vnd()),
        (65_000, 20_000),
        "{events:?}"
    );
    // An amount that stands over two rows is no amount of each.
    let shared = TABLE
        .replace("<td>65.000</td>", "<td rowspan=2>65.000</td>")
        .replace("<td>1.935.000</td>", "");
    let (events, summary) = read(shared.as_bytes());
    assert_eq!(
        (summary.payments.count, summary.payments.amount.vnd()),
        (1, 65_000),
        "{events:?}"
    );
    assert_eq!(movements(&events)[0].note, "HC7K3M9J tiền rau");
}

#[test]
fn a_number_that_is_not_shown_whole_is_taken_from_beside_it() {
    let page = TABLE.replace(
        "<td>FT26166000001</td>",
        "<td x:num=\"123456789012\">1.23457E+11</td>",
    );
    assert_eq!(said(page.as_bytes())[0].0, "123456789012");
    let page = TABLE.replace("<td>65.000</td>", "<td x:num=\"65000\"></td>");
    assert_eq!(said(page.as_bytes())[0].1, 65_000);
    // What is shown decides elsewhere: a program may have put a rounded number beside it.
    let page = TABLE.replace("<td>65.000</td>", "<td x:num=\"65000.4\">65.000</td>");
    assert_eq!(said(page.as_bytes())[0].1, 65_000);
}

#[test]
fn every_sheet_of_an_archive_is_looked_at() {
    let text = String::from_utf8(archive(TABLE)).unwrap();
    let first = "------=_vi_du\r\nContent-Location: file:///C:/vidu/khung.htm\r\nContent-Type: text/html\r\n\r\n<html><frameset></frameset></html>\r\n";
    let framed = text.replacen("------=_vi_du\r\n", &format!("{first}------=_vi_du\r\n"), 1);
    assert_eq!(said(framed.as_bytes()).len(), 2);
    let (head, part) = text.split_once("------=_vi_du\r\n").unwrap();
    let part = part.trim_end().trim_end_matches("------=_vi_du--");
    let twice = format!("{head}------=_vi_du\r\n{part}------=_vi_du\r\n{part}------=_vi_du--\r\n");
    let mapping = proposed(text.as_bytes()).mapping;
    let error = read_with(twice.as_bytes(), &mapping).unwrap_err();
    assert!(matches!(error, StatementError::SeveralSheets { .. }), "{error}");
    let none = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"a\"\r\n\r\n--a\r\nContent-Type: image/png\r\n\r\nx\r\n--a--\r\n";
    assert!(refusal(none.as_bytes()).contains("MHTML"));
}

#[test]
fn a_page_keeps_within_bounds() {
    let said = |page: String| {
        let proposal = propose(&mut Cursor::new(page.as_bytes()), "");
        match proposal {
            Err(error) => error.sentence().vi.into_owned(),
            Ok(proposal) => read_with(page.as_bytes(), &proposal.mapping)
                .unwrap_err()
                .sentence()
                .vi
                .into_owned(),
        }
    };
    let wide = format!("{TABLE}<table><tr>{}</tr></table>", "<td>1</td>".repeat(600));
    assert!(said(wide).contains("500 cột"));
    let stretched = format!("{TABLE}<table><tr><td colspan=99999 rowspan=99999>a<td>b</tr></table>");
    assert!(said(stretched).contains("500 cột"));
    let endless = format!("{TABLE}<p>{}", "x".repeat(9 << 20));
    assert!(
        said(endless).contains("1024 KiB")
            || said(format!("{TABLE}<!-- {}", "x".repeat(9 << 20))).contains("KiB")
    );
    let long = TABLE.replace("HC7K3M9J tiền rau", &"x".repeat(40_000));
    let mapping = proposed(TABLE.as_bytes()).mapping;
    let (events, _) = read_with(long.as_bytes(), &mapping).unwrap();
    assert!(bad(&events)[0].1.contains("Ô thứ 4 dài"), "{events:?}");
}

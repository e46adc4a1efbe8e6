//! Files of every make, rows that are refused, and files that are.

use std::collections::BTreeSet;

use super::*;
use crate::vn::Lang;
use proptest::prelude::*;

const SHAPE: Shape = Shape {
    required: &["name", "code"],
    optional: &["note"],
    rows_max: 5,
};

fn cells(text: &str) -> Vec<(u64, String, String)> {
    let table = read(text.as_bytes(), &SHAPE).unwrap();
    assert_eq!(table.faults, []);
    table
        .rows
        .iter()
        .map(|r| (r.number, r.get("name").to_owned(), r.get("code").to_owned()))
        .collect()
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes, &SHAPE).unwrap_err().sentence().vi.into_owned()
}

fn reasons(text: &str) -> Vec<(u64, String)> {
    let table = read(text.as_bytes(), &SHAPE).unwrap();
    table
        .faults
        .into_iter()
        .map(|f| (f.row, f.reason.vi.into_owned()))
        .collect()
}

#[test]
fn ordinary_files_of_every_make_read_alike() {
    let wanted = vec![(2, "Hải Châu".to_owned(), "20242".to_owned())];
    for text in [
        "name,code\nHải Châu,20242\n",
        "\u{feff}name,code\r\nHải Châu,20242\r\n",
        "code,name\n20242, Hải Châu ",
        "name;code\r\nHải Châu;20242\r\n",
        "name\tcode\nHa\u{309}i Châu\t20242\n",
        " Name ,CODE,note\n\"Hải Châu\",20242,\n",
    ] {
        assert_eq!(cells(text), wanted, "{text:?}");
    }
    let table = read(b"name,code\nA,1\n", &SHAPE).unwrap();
    assert_eq!(table.rows[0].get("note"), "");
    assert_eq!(table.rows[0].cells(), ["A", "1"]);
}

#[test]
fn rows_are_numbered_by_the_line_they_start_on() {
    let text = "name,code\r\n\r\n\"two\r\nlines\",1\r\n,\r\n  \r\nB,2\r\n\r\n\r\nC,3";
    let wanted = [(3, "two\nlines", "1"), (7, "B", "2"), (10, "C", "3")];
    let wanted: Vec<_> = wanted
        .iter()
        .map(|&(n, a, b)| (n, a.to_owned(), b.to_owned()))
        .collect();
    assert_eq!(cells(text), wanted);
    assert_eq!(cells(&text.replace('\r', "")), wanted);
    assert_eq!(cells("\n\nname,code\n\nA,1\n")[0].0, 5);
}

#[test]
fn a_bad_row_does_not_lose_the_others() {
    let text = "name,code\nA,1,9\nB\nC,3\nD,=1+1\n@E,5\n";
    let table = read(text.as_bytes(), &SHAPE).unwrap();
    assert_eq!(table.rows.len(), 1);
    assert_eq!(
        table.faults.iter().map(|f| f.row).collect::<Vec<_>>(),
        [2, 3, 5, 6]
    );
    assert!(table.faults[0].reason.vi.contains("3 ô, cần 2 ô"));
    assert_eq!(table.faults[0].cells, ["A", "1", "9"]);
}

#[test]
fn formulas_and_control_characters_are_faults() {
    for (cell, refused) in [
        ("=1+1", true),
        ("@SUM(A1)", true),
        ("+1", true),
        ("-2+3", true),
        ("+84 905 123 456", false),
        ("\"\t=1\"", true),
        ("a=b", false),
        ("a\u{1b}[2J", true),
        ("a\tb", true),
        ("\"a\rb\"", true),
        ("\"a\nb\"", false),
    ] {
        let found = reasons(&format!("name,code\n{cell},1\n"));
        assert_eq!(!found.is_empty(), refused, "{cell:?}");
        assert!(
            found
                .iter()
                .all(|(row, reason)| *row == 2 && reason.contains("Cột name")),
            "{found:?}"
        );
    }
}

#[test]
fn a_wrong_header_names_the_column_and_the_wanted_ones() {
    for (header, said) in [
        ("name", "thiếu cột code"),
        ("name,code,colour", "cột lạ «colour»"),
        ("name,code,name", "«name» có hai lần"),
    ] {
        let text = refusal(format!("{header}\nA,1\n").as_bytes());
        assert!(text.contains(said) && text.contains("name, code, note"), "{text}");
    }
}

#[test]
fn files_that_are_no_text_are_refused_with_advice() {
    assert!(refusal(b"").contains("rỗng") && refusal(b"\xef\xbb\xbf\r\n\n").contains("rỗng"));
    assert!(refusal(b"PK\x03\x04rest").contains("CSV UTF-8"));
    assert!(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1").contains("Excel"));
    for bytes in [&b"\xff\xfen\0a\0"[..], b"\xfe\xff\0n\0a", b"n\0a\0m\0e\0"] {
        let text = refusal(bytes);
        assert!(
            text.contains("UTF-16") && text.contains("Lưu lại dạng CSV UTF-8"),
            "{text}"
        );
    }
    let latin = refusal(b"name,code\nA,1\nH\xe0ng,2\n");
    assert!(
        latin.contains("Dòng 3") && latin.contains("Lưu lại dạng CSV UTF-8"),
        "{latin}"
    );
}

#[test]
fn limits_and_open_quotes_refuse_the_whole_file() {
    let six = format!("name,code\n{}", "A,1\n".repeat(6));
    assert_eq!(
        read(six.as_bytes(), &SHAPE).unwrap_err(),
        TableError::TooManyRows { limit: 5 }
    );
    assert_eq!(cells(&format!("name,code\n{}", "A,1\n".repeat(5))).len(), 5);
    let open = read(b"name,code\nA,1\n\"B,2\nC,3\n", &SHAPE).unwrap_err();
    assert_eq!(open, TableError::QuoteOpen { line: 3 });
    assert_eq!(cells("name,code\nA 5\" B,1\n\"C \"\"x\"\"\",2").len(), 2);
}

#[test]
fn rejects_are_neutralised() {
    let fault = Fault {
        row: 7,
        cells: vec!["=1+1".into(), "a,b".into()],
        reason: ("sai", "wrong").into(),
    };
    let bytes = write_rejects(&["name".into(), "code".into()], &[fault], Lang::Vi);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "\u{feff}row,reason,name,code\n7,sai,'=1+1,\"a,b\"\n"
    );
    assert_eq!(neutral("Chợ Hàn"), "Chợ Hàn");
    for cell in ["+84", "-1", "@x", "\tx", "\rx", "=x"] {
        assert_eq!(neutral(cell), format!("'{cell}"));
    }
}

#[test]
fn cells_do_not_print() {
    let table = read(b"name,code\n0905123456,1\nB\n", &SHAPE).unwrap();
    assert!(!format!("{table:?}").contains("0905") && table.rows[0].get("name") == "0905123456");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &SHAPE);
    }

    #[test]
    fn any_cells_come_back(rows in proptest::collection::vec(("[a-zđ \",;\n]{1,12}", "[0-9]{1,6}"), 0..5)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["name", "code"]).unwrap();
        for (name, code) in &rows {
            writer.write_record([name, code]).unwrap();
        }
        let table = read(&writer.into_inner().unwrap(), &SHAPE).unwrap();
        prop_assert_eq!(table.rows.len() + table.faults.len(), rows.len());
        for (row, (name, code)) in table.rows.iter().zip(&rows) {
            prop_assert_eq!((row.get("name"), row.get("code")), (name.trim(), code.as_str()));
        }
    }
}

#[test]
fn what_spreadsheets_add_is_passed_over() {
    let wanted = [(3, "Hải Châu", "0020242")].map(|(n, a, b)| (n, a.to_owned(), b.to_owned()));
    for text in [
        "sep=;\r\nname;code\r\nHải Châu;0020242\r\n",
        "SEP=,\nname,code\nHải Châu,0020242\n",
        "\"sep=;\"\nname;code;;\nHải Châu;0020242;;\n",
        "\u{feff}sep=|\nname|code\nHải Châu|0020242\n",
        "DANH SÁCH, ngày 15/06/2026\nname;code;\nHải Châu;0020242;\n",
        "row,reason,name,code\n\n7,sai,Hải Châu,0020242\n",
        "name,,code\n,,\nHải Châu,,0020242\n",
    ] {
        assert_eq!(cells(text), wanted, "{text:?}");
    }
    // Separators behind the last cell that is filled in are left out; one in front of it would move the others.
    let short = read(b"code,name,note\n1,A,x\n2,B\n3\n", &SHAPE).unwrap();
    assert_eq!((short.rows.len(), short.rows[1].get("note")), (2, ""));
    assert_eq!(short.faults[0].row, 4);
    let beyond = read(b"name,code,,\nA,1,,x\nB,,2,\nC,3,,\n", &SHAPE).unwrap();
    assert_eq!((beyond.rows.len(), beyond.faults.len()), (1, 2));
    let unnamed = read(b"name,,code\nA,x,1\n", &SHAPE).unwrap();
    assert!(
        unnamed.faults[0].reason.vi.contains("Ô thứ 2"),
        "{:?}",
        unnamed.faults
    );
}

#[test]
fn a_cell_may_say_that_it_is_text() {
    let table = read(
        b"name,code\n'0011,=\"0022\"\n\"=\"\"0033\"\"\",0044\n'=1+1,5\n",
        &SHAPE,
    )
    .unwrap();
    let row = |at: usize| {
        let row = &table.rows[at];
        (
            row.get("name"),
            row.is_text("name"),
            row.get("code"),
            row.is_text("code"),
        )
    };
    assert_eq!(row(0), ("0011", true, "0022", true));
    assert_eq!(row(1), ("0033", true, "0044", false));
    assert_eq!(table.faults.len(), 1, "a formula stays one behind an apostrophe");
}

#[test]
fn refused_rows_come_back_when_they_are_mended() {
    let first = read("name,code\n+84 905 123 456,1\n=1+1,2\nC,3,9\n".as_bytes(), &SHAPE).unwrap();
    let mut faults = first.faults;
    faults.extend(first.rows.iter().map(|row| row.fault(("sai", "wrong").into())));
    let handed_back = String::from_utf8(write_rejects(&first.header, &faults, Lang::Vi)).unwrap();
    let mended = handed_back.replace("'=1+1", "B").replace(",9", "");
    let again = read(mended.as_bytes(), &SHAPE).unwrap();
    assert_eq!(again.faults, []);
    let names: BTreeSet<&str> = again.rows.iter().map(|row| row.get("name")).collect();
    assert_eq!(names, BTreeSet::from(["+84 905 123 456", "B", "C"]));
    // Handed back again it has one number and one reason in front, not two.
    let twice = write_rejects(
        &again.header,
        &[again.rows[0].fault(("sai", "wrong").into())],
        Lang::Vi,
    );
    assert!(
        String::from_utf8(twice)
            .unwrap()
            .starts_with("\u{feff}row,reason,name,code\n")
    );
}

#[test]
fn of_a_workbook_the_sheet_with_the_header_is_read() {
    let sheet = |name: &str, rows: &[&[&str]]| GivenSheet {
        name: name.to_owned(),
        rows: (1..)
            .zip(rows)
            .map(|(number, cells)| GivenRow {
                number,
                cells: cells
                    .iter()
                    .map(|text| GivenCell {
                        text: (*text).to_owned(),
                        is_text: true,
                    })
                    .collect(),
                fault: None,
                may_be_short: true,
            })
            .collect(),
    };
    let guide = || sheet("Hướng dẫn", &[&["name", "tên"], &["code", "mã"]]);
    let data = || {
        sheet(
            "Sổ",
            &[
                &["Danh sách"],
                &["name", "code", "note"],
                &["A", "1"],
                &["", "", ""],
                &["B"],
            ],
        )
    };
    let table = read_sheets(vec![guide(), data()], &SHAPE).unwrap();
    assert_eq!(
        table.rows.iter().map(|row| row.number).collect::<Vec<_>>(),
        [3, 5]
    );
    assert!(table.rows[0].is_text("code") && table.rows[1].get("code").is_empty());
    let several = read_sheets(vec![data(), guide(), data()], &SHAPE).unwrap_err();
    assert!(several.sentence().vi.contains("«Sổ», «Sổ»"));
    assert!(matches!(
        read_sheets(vec![guide()], &SHAPE),
        Err(TableError::ColumnUnknown { .. })
    ));
    assert_eq!(read_sheets(vec![], &SHAPE).unwrap_err(), TableError::Empty);
}

#[test]
fn ids_that_a_spreadsheet_would_change_are_guarded() {
    for cell in [
        "2606150000001234567",
        "123456789012",
        "0011",
        "12E34",
        "5e1",
        "=1",
    ] {
        assert_eq!(guarded(cell), format!("'{cell}"));
    }
    for cell in [
        "",
        "0",
        "65000",
        "12345678901",
        "FT26166000001",
        "1E",
        "E5",
        "12E3x",
        "Thiếu thông báo",
    ] {
        assert_eq!(guarded(cell), cell);
    }
}

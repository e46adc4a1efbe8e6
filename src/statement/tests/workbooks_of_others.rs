//! Workbooks as programs other than Excel write them.

use super::support::*;

/// A table of two payments.
fn table() -> Vec<Vec<TestCell>> {
    vec![
        vec![
            text("Ngày giao dịch"),
            text("Mã giao dịch"),
            text("Số tiền"),
            text("Nội dung"),
        ],
        vec![
            text("15/06/2026"),
            text("FT26166000001"),
            number("65000"),
            text("HC7K3M9J"),
        ],
        vec![
            text("15/06/2026"),
            text("FT26166000002"),
            number("35000"),
            text("HC7K3M9J"),
        ],
    ]
}

/// The table as a workbook whose sheet was changed.
fn changed(change: impl Fn(String) -> String) -> Vec<u8> {
    let mut parts = xlsx_parts(&[("GD", table())]);
    parts[0].1 = change(String::from_utf8_lossy(&parts[0].1).into_owned()).into_bytes();
    zip(&parts)
}

fn amounts(bytes: &[u8]) -> Vec<i64> {
    let (events, summary) = read(bytes);
    assert_eq!(summary.bad, 0, "{events:?}");
    movements(&events).iter().map(|row| row.amount.vnd()).collect()
}

#[test]
fn a_cell_has_one_value_whatever_stands_beside_it() {
    for cell in [
        "<c r=\"C2\" t=\"inlineStr\"><v>50000</v><is><t>65.000</t></is></c>",
        "<c r=\"C2\" t=\"inlineStr\"><is><t>65.000</t></is><v>50000</v></c>",
        "<c r=\"C2\" t=\"inlineStr\"><is><r><t>65.</t></r><r><t>000</t></r></is></c>",
        "<c r=\"C2\"><v>65000</v><is><t>50.000</t></is></c>",
        "<c r=\"C2\" t=\"n\"><is><t>50.000</t></is><v>65000</v></c>",
        "<c r=\"C2\" t=\"str\"><f>A1</f><v>65000</v><is><t>50.000</t></is></c>",
        "<c r=\"C2\" t=\"inlineStr\"><v>65000</v></c>",
        "<c r=\"C2\"><is><t>65.000</t></is></c>",
    ] {
        let bytes = changed(|sheet| sheet.replace("<c r=\"C2\"><v>65000</v></c>", cell));
        assert_eq!(amounts(&bytes), [65_000, 35_000], "{cell}");
    }
    for cell in [
        "<c r=\"C2\"><v>65000</v><v>50000</v></c>",
        "<c r=\"C2\"><v>65000</v></c><c r=\"C2\"><v>50000</v></c>",
        "<c r=\"C2\" t=\"b\"><v>1</v></c>",
    ] {
        let bytes = changed(|sheet| sheet.replace("<c r=\"C2\"><v>65000</v></c>", cell));
        let (events, summary) = read(&bytes);
        assert_eq!(
            (summary.payments.amount.vnd(), summary.bad),
            (35_000, 1),
            "{cell}: {events:?}"
        );
    }
}

#[test]
fn styled_cells_without_anything_in_them_do_no_harm() {
    for empty in [
        "<c r=\"XFD2\" s=\"1\"/>",
        "<c r=\"AMJ2\" s=\"1\"><v></v></c>",
        "<c r=\"SG2\" t=\"inlineStr\"><is><t> </t></is></c>",
    ] {
        let bytes = changed(|sheet| sheet.replacen("</row>", &format!("{empty}</row>"), 2));
        assert_eq!(amounts(&bytes), [65_000, 35_000], "{empty}");
    }
    let mapping = proposed(&xlsx(&table())).mapping;
    let far = changed(|sheet| sheet.replacen("</row>", "<c r=\"XFD2\"><v>1</v></c></row>", 2));
    let error = read_with(&far, &mapping).unwrap_err();
    assert!(error.sentence().vi.contains("500 cột"), "{error}");
}

#[test]
fn rows_and_cells_come_in_any_order() {
    let rows = |sheet: &str| -> Vec<String> {
        let (_, behind) = sheet.split_once("<sheetData>").unwrap();
        let (rows, _) = behind.split_once("</sheetData>").unwrap();
        rows.split_inclusive("</row>").map(str::to_owned).collect()
    };
    for order in [[2, 1, 0], [1, 0, 2], [0, 2, 1], [2, 0, 1]] {
        let bytes = changed(|sheet| {
            let rows = rows(&sheet);
            let sorted: String = order.iter().map(|at| rows[*at].as_str()).collect();
            format!("<worksheet><sheetData>{sorted}</sheetData></worksheet>")
        });
        let mut got = amounts(&bytes);
        got.sort_unstable();
        assert_eq!(got, [35_000, 65_000], "{order:?}");
    }
    let backwards = changed(|sheet| {
        let turned = |row: &String| {
            let (start, cells) = row.split_once('>').unwrap();
            let cells = cells.trim_end_matches("</row>");
            let mut cells: Vec<&str> = cells.split_inclusive("</c>").collect();
            cells.reverse();
            format!("{start}>{}</row>", cells.concat())
        };
        let rows: String = rows(&sheet).iter().map(turned).collect();
        format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")
    });
    assert_eq!(amounts(&backwards), [65_000, 35_000]);
    // One row twice is no order.
    let twice = changed(|sheet| sheet.replace("<row r=\"3\">", "<row r=\"2\">"));
    let mapping = proposed(&xlsx(&table())).mapping;
    let error = read_with(&twice, &mapping).unwrap_err();
    assert!(error.sentence().vi.contains("hai lần"), "{error}");
}

#[test]
fn parts_are_where_the_relations_say() {
    let mut parts = xlsx_parts(&[("GD", table())]);
    for (name, bytes) in &mut parts {
        let text = String::from_utf8_lossy(bytes);
        *bytes = text
            .replace("Target=\"worksheets/sheet1.xml\"", "Target=\"/du-lieu/bang.xml\"")
            .into_bytes();
        *name = match *name {
            "xl/worksheets/sheet1.xml" => "du-lieu/bang.xml",
            "xl/workbook.xml" => "so/tay.xml",
            "xl/_rels/workbook.xml.rels" => "so/_rels/tay.xml.rels",
            "xl/styles.xml" => "so/styles.xml",
            "xl/sharedStrings.xml" => "so/sharedStrings.xml",
            name => name,
        };
    }
    let main = "<Relationships><Relationship Id=\"a\" Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument\" Target=\"so/tay.xml\"/></Relationships>";
    parts.push(("_rels/.rels", main.as_bytes().to_vec()));
    assert_eq!(amounts(&zip(&parts)), [65_000, 35_000]);
}

#[test]
fn numbers_of_sixteen_digits_are_whole_below_two_to_the_53rd() {
    for (id, wanted) in [
        ("1234567890123456", Some("1234567890123456")),
        ("9007199254740991", Some("9007199254740991")),
        ("1234567890123450", None),
        ("9007199254740993", None),
        ("2606150000123456789", None),
    ] {
        let mut rows = table();
        rows[1][1] = number(id);
        for bytes in [xlsx(&rows), xls(&rows)] {
            let (events, _) = read(&bytes);
            let first = movements(&events).into_iter().find(|row| row.row_number == 2);
            assert_eq!(
                first.as_ref().map(|row| row.provider_txn_id.as_str()),
                wanted,
                "{id}: {events:?}"
            );
        }
    }
}

/// The stream of an old workbook of one sheet, as the table, with its cells in this order.
fn stream(order: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut shared = Vec::new();
    let mut cells = Vec::new();
    for (at, row) in table().iter().enumerate() {
        for (place, cell) in row.iter().enumerate() {
            let head = [at as u8, 0, place as u8, 0, 0, 0];
            cells.push(match cell {
                TestCell::Number(digits) => {
                    let whole: u32 = digits.parse().unwrap();
                    record(0x027E, &[&head[..], &(whole << 2 | 2).to_le_bytes()].concat())
                }
                TestCell::Text(text) => {
                    shared.push(text.clone());
                    record(
                        0x00FD,
                        &[&head[..], &(shared.len() as u32 - 1).to_le_bytes()].concat(),
                    )
                }
                other => panic!("{other:?}"),
            });
        }
    }
    order(&mut cells);
    let mut sheet = record(0x0809, &[0, 6, 0x10, 0, 0, 0, 0, 0]);
    sheet.extend(cells.concat());
    sheet.extend(record(0x000A, &[]));
    workbook_stream(&shared, &sheet)
}

#[test]
fn the_stream_of_an_old_workbook_has_many_names_and_orders() {
    let wanted = [65_000, 35_000];
    for name in ["/Workbook", "/WORKBOOK", "/workbook", "/Book", "/BOOK"] {
        assert_eq!(amounts(&ole_of(&[(name, &stream(|_| ()))])), wanted, "{name}");
    }
    // For programs of 1995 there is a second stream in their format.
    let both = ole_of(&[("/Book", &[9; 40]), ("/Workbook", &stream(|_| ()))]);
    assert_eq!(amounts(&both), wanted);
    let by_column = stream(|cells| cells.sort_by_key(|cell| (cell[6], cell[4])));
    assert_eq!(amounts(&ole(&by_column)), wanted);
    let backwards = stream(|cells| cells.reverse());
    assert_eq!(amounts(&ole(&backwards)), wanted);
    let twice = stream(|cells| {
        let again = cells[6].clone();
        cells.push(again);
    });
    let (_, summary) = read(&ole(&twice));
    assert_eq!((summary.payments.amount.vnd(), summary.bad), (35_000, 1));
}

#[test]
fn a_workbook_of_1995_is_read_in_its_code_page() {
    let bytes_of = |text: &str| windows_1258(text).unwrap();
    let mut sheet = record(0x0809, &[0, 5, 0x10, 0, 0, 0, 0, 0]);
    for (at, row) in table().iter().enumerate() {
        for (place, cell) in row.iter().enumerate() {
            let head = [at as u8, 0, place as u8, 0, 0, 0];
            sheet.extend(match cell {
                TestCell::Number(digits) => {
                    let whole: u32 = digits.parse().unwrap();
                    record(0x027E, &[&head[..], &(whole << 2 | 2).to_le_bytes()].concat())
                }
                TestCell::Text(text) => {
                    let text = bytes_of(text);
                    let length = (text.len() as u16).to_le_bytes();
                    record(0x0204, &[&head[..], &length, &text].concat())
                }
                other => panic!("{other:?}"),
            });
        }
    }
    sheet.extend(record(0x000A, &[]));
    let name = bytes_of("Sao kê");
    let mut globals = record(0x0809, &[0, 5, 5, 0, 0, 0, 0, 0]);
    globals.extend(record(0x0042, &1258_u16.to_le_bytes()));
    let from = (globals.len() + 4 + 7 + name.len() + 4) as u32;
    globals.extend(record(
        0x0085,
        &[&from.to_le_bytes()[..], &[0, 0, name.len() as u8], &name].concat(),
    ));
    globals.extend(record(0x000A, &[]));
    let bytes = ole_of(&[("/Book", &[globals, sheet].concat())]);
    assert_eq!(proposed(&bytes).file.sheet.as_deref(), Some("Sao kê"));
    assert_eq!(amounts(&bytes), [65_000, 35_000]);
}

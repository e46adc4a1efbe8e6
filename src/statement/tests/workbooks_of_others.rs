//! Workbooks as programs other than Excel write them.

use super::support::*;
use super::*;

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
    assert_eq!(amounts(&stream(|_| ())), wanted);
    assert!(refusal(&[9, 4, 6, 0, 0, 0, 0x10, 0, 0, 0]).contains("trước 1993"));
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

/// The table as OpenDocument: equal rows and cells written once with their number, days and amounts with their types.
fn open_document(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content><office:body><office:spreadsheet>\
         <table:table table:name=\"Ghi chú\"><table:table-row><table:table-cell><text:p>xin chào</text:p></table:table-cell></table:table-row></table:table>\
         <table:table table:name=\"Sao kê\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    zip(&[
        (
            "mimetype",
            b"application/vnd.oasis.opendocument.spreadsheet".to_vec(),
        ),
        ("content.xml", content.into_bytes()),
    ])
}

const OPEN_ROWS: &str = "<table:table-row table:number-rows-repeated=\"2\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>\
    <table:table-header-rows><table:table-row><table:table-cell><text:p>Ngày <text:span>giao dịch</text:span></text:p></table:table-cell>\
    <table:table-cell><text:p>Mã giao dịch</text:p></table:table-cell><table:table-cell><text:p>Số tiền</text:p></table:table-cell>\
    <table:table-cell><office:annotation><text:p>ghi chú</text:p></office:annotation><text:p>Nội dung</text:p></table:table-cell></table:table-row></table:table-header-rows>\
    <table:table-row><table:table-cell office:value-type=\"date\" office:date-value=\"2026-06-15T09:10:11\"><text:p>15/06/26</text:p></table:table-cell>\
    <table:table-cell office:value-type=\"string\"><text:p>FT1</text:p></table:table-cell>\
    <table:table-cell office:value-type=\"float\" office:value=\"65000\"><text:p>65.000 đ</text:p></table:table-cell>\
    <table:table-cell><text:p>HC7K3M9J<text:s text:c=\"1\"/>rau</text:p></table:table-cell></table:table-row>\
    <table:table-row table:number-rows-repeated=\"2\"><table:table-cell office:value-type=\"date\" office:date-value=\"2026-06-15\"/>\
    <table:table-cell/><table:table-cell office:value-type=\"currency\" office:value=\"3.5E4\"/><table:table-cell><text:p>cá</text:p></table:table-cell>\
    <table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row>\
    <table:table-row table:number-rows-repeated=\"1048500\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>";

#[test]
fn workbooks_of_open_document_are_read_with_their_equal_rows() {
    let bytes = open_document(OPEN_ROWS);
    let proposal = proposed(&bytes);
    assert_eq!(
        (proposal.file.kind, proposal.file.header_row),
        (FileKind::Ods, Some(3))
    );
    assert_eq!(proposal.file.sheet.as_deref(), Some("Sao kê"));
    let rows = movements(&read(&bytes).0);
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.row_number, row.amount.vnd(), row.note.as_str()))
        .collect();
    assert_eq!(
        said,
        [(4, 65_000, "HC7K3M9J rau"), (5, 35_000, "cá"), (6, 35_000, "cá")]
    );
    assert!(rows[0].occurred_at.is_some() && rows[1].occurred_at.is_none());
    let locked = zip(&[
        ("content.xml", vec![1, 2, 3]),
        (
            "META-INF/manifest.xml",
            b"<manifest><file-entry><encryption-data/></file-entry></manifest>".to_vec(),
        ),
    ]);
    assert!(refusal(&locked).contains("mật khẩu"));
    let text = zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text".to_vec()),
        ("content.xml", vec![1]),
    ]);
    assert!(refusal(&text).contains("không phải bảng tính"));
    let wide = OPEN_ROWS.replace(
        "<table:table-cell><text:p>cá",
        "<table:table-cell table:number-columns-repeated=\"600\"><text:p>cá",
    );
    let error = read_with(&open_document(&wide), &proposal.mapping).unwrap_err();
    assert!(error.sentence().vi.contains("500 cột"), "{error}");
}

#[test]
fn workbooks_in_the_xml_of_2003_are_read() {
    let text = "<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?>\
        <Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\" xmlns:ss=\"urn:schemas-microsoft-com:office:spreadsheet\">\
        <Worksheet ss:Name=\"Cũ\"><Table><Row><Cell><Data ss:Type=\"String\">Ngày giao dịch</Data></Cell><Cell><Data ss:Type=\"String\">Số tiền</Data></Cell></Row></Table>\
        <WorksheetOptions><Visible>SheetHidden</Visible></WorksheetOptions></Worksheet>\
        <Worksheet ss:Name=\"Sao kê\"><Table><Row ss:Index=\"3\"><Cell><Data ss:Type=\"String\">Ngày giao dịch</Data></Cell>\
        <Cell><Data ss:Type=\"String\">Mã giao dịch</Data></Cell><Cell><Data ss:Type=\"String\">Số <B>tiền</B></Data></Cell>\
        <Cell ss:MergeAcross=\"1\"><Data ss:Type=\"String\">Nội dung</Data></Cell></Row>\
        <Row><Cell><Data ss:Type=\"DateTime\">2026-06-15T09:10:11.000</Data></Cell><Cell><Data ss:Type=\"String\">FT1</Data><Comment><Data>x</Data></Comment></Cell>\
        <Cell><Data ss:Type=\"Number\">65000</Data></Cell><Cell><Data ss:Type=\"String\">HC7K3M9J &amp; rau</Data></Cell></Row>\
        <Row><Cell><Data ss:Type=\"DateTime\">2026-06-15T00:00:00.000</Data></Cell><Cell ss:Index=\"3\"><Data ss:Type=\"Number\">3.5E4</Data></Cell></Row>\
        </Table></Worksheet></Workbook>";
    let proposal = proposed(text.as_bytes());
    assert_eq!(
        (proposal.file.kind, proposal.file.header_row),
        (FileKind::Xml2003, Some(3))
    );
    assert_eq!(proposal.file.sheet.as_deref(), Some("Sao kê"));
    let rows = movements(&read(text.as_bytes()).0);
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.row_number, row.amount.vnd(), row.note.as_str()))
        .collect();
    assert_eq!(said, [(4, 65_000, "HC7K3M9J & rau"), (5, 35_000, "")]);
    assert!(rows[0].occurred_at.is_some() && rows[1].occurred_at.is_none());
    let bytes = utf16(text, true);
    assert_eq!(movements(&read(&bytes).0), rows);
}

/// The table as XLSB: the parts of XLSX, their content as records.
fn binary_workbook() -> Vec<u8> {
    let record = |kind: u16, body: &[u8]| {
        let mut bytes = Vec::new();
        match kind {
            ..=0x7F => bytes.push(kind as u8),
            kind => bytes.extend([kind as u8 & 0x7F | 0x80, (kind >> 7) as u8]),
        }
        let mut length = body.len();
        while length > 0x7F {
            bytes.push(length as u8 & 0x7F | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(body);
        bytes
    };
    let wide = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        let letters = units.iter().flat_map(|unit| unit.to_le_bytes());
        (units.len() as u32)
            .to_le_bytes()
            .into_iter()
            .chain(letters)
            .collect::<Vec<u8>>()
    };
    let mut shared = Vec::new();
    let mut sheet = Vec::new();
    let mut count = 0_u32;
    for (at, row) in table().iter().enumerate() {
        sheet.extend(record(0, &[(at as u32).to_le_bytes(), [0; 4]].concat()));
        for (place, cell) in row.iter().enumerate() {
            // A cell behind another one may leave its column out; so do those of the last row.
            let (place_bytes, behind) = match (at, place) {
                (2, 1..) => (Vec::new(), 11),
                _ => ((place as u32).to_le_bytes().to_vec(), 0),
            };
            let head = [place_bytes, vec![0; 4]].concat();
            let cell_record = |kind: u16, body: &[u8]| record(kind + behind, body);
            sheet.extend(match cell {
                TestCell::Number(digits) => {
                    let read: serde_json::Value = serde_json::from_str(digits).unwrap();
                    let bits = read.as_f64().unwrap().to_bits();
                    cell_record(5, &[&head[..], &bits.to_le_bytes()].concat())
                }
                TestCell::Text(text) if place == 3 => cell_record(6, &[head, wide(text)].concat()),
                TestCell::Text(text) => {
                    shared.extend(record(19, &[vec![0], wide(text)].concat()));
                    count += 1;
                    cell_record(7, &[head, (count - 1).to_le_bytes().to_vec()].concat())
                }
                other => panic!("{other:?}"),
            });
        }
    }
    sheet.extend(record(146, &[]));
    let named = [vec![0, 0, 0, 0, 1, 0, 0, 0], wide("r1"), wide("Sao kê")].concat();
    let relation =
        "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.bin\"/></Relationships>";
    zip(&[
        ("xl/workbook.bin", record(156, &named)),
        ("xl/_rels/workbook.bin.rels", relation.as_bytes().to_vec()),
        ("xl/worksheets/sheet1.bin", sheet),
        ("xl/sharedStrings.bin", shared),
    ])
}

#[test]
fn workbooks_of_records_are_read() {
    let bytes = binary_workbook();
    let proposal = proposed(&bytes);
    assert_eq!(
        (proposal.file.kind, proposal.file.sheet.as_deref()),
        (FileKind::Xlsb, Some("Sao kê"))
    );
    assert_eq!(amounts(&bytes), [65_000, 35_000]);
    assert_eq!(movements(&read(&bytes).0)[0].note, "HC7K3M9J");
}

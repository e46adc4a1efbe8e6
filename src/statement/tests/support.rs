//! Files for tests: workbooks of both kinds, their content made by hand, and texts in every encoding.
//! All names and numbers in them are invented.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;

use encoding_rs::WINDOWS_1258;
use unicode_normalization::UnicodeNormalization;

use super::*;

/// A cell of a made workbook.
#[derive(Debug, Clone)]
pub(crate) enum TestCell {
    /// A text of its own.
    Text(String),
    /// A text in the table that cells share.
    Shared(String),
    /// A number, as the file spells it.
    Number(String),
    /// A number that shows as a date.
    Date(String),
    /// A formula that came to `#REF!`.
    Error,
    Empty,
}

pub(crate) fn text(text: &str) -> TestCell {
    TestCell::Text(text.to_owned())
}

pub(crate) fn number(digits: &str) -> TestCell {
    TestCell::Number(digits.to_owned())
}

/// Everything that a file is read as, with the mapping that is proposed for it.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Event>, Summary) {
    let mapping = proposed(bytes).mapping;
    read_with(bytes, &mapping).unwrap()
}

/// Everything that a file is read as.
pub(crate) fn read_with(bytes: &[u8], mapping: &Mapping) -> Result<(Vec<Event>, Summary), StatementError> {
    let mut events = Vec::new();
    let summary = read_statement(&mut Cursor::new(bytes), mapping, &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    assert_eq!(summary.all(), events.len() as u64, "every row is counted once");
    Ok((events, summary))
}

pub(crate) fn proposed(bytes: &[u8]) -> Proposal {
    propose(&mut Cursor::new(bytes), "").unwrap()
}

/// Why a file is refused, as people read it.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    propose(&mut Cursor::new(bytes), "")
        .unwrap_err()
        .sentence()
        .vi
        .into_owned()
}

pub(crate) fn movements(events: &[Event]) -> Vec<StatementRow> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Row(row) => Some(row.clone()),
        _ => None,
    });
    rows.collect()
}

/// Bad rows as their numbers and reasons.
pub(crate) fn bad(events: &[Event]) -> Vec<(u64, String)> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Bad(row) => Some((row.row_number, row.reason.vi.clone().into_owned())),
        _ => None,
    });
    rows.collect()
}

pub(crate) fn ignored(events: &[Event]) -> Vec<(u64, IgnoredWhy)> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Ignored(row) => Some((row.row_number, row.why)),
        _ => None,
    });
    rows.collect()
}

pub(crate) fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units
        .flat_map(|unit| {
            if is_little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        })
        .collect()
}

/// An archive of these parts, packed.
pub(crate) fn zip(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

fn cell_name(row: usize, column: usize) -> String {
    let mut letters = String::new();
    let mut place = column + 1;
    while place > 0 {
        letters.insert(0, char::from(b'A' + ((place - 1) % 26) as u8));
        place = (place - 1) / 26;
    }
    format!("{letters}{}", row + 1)
}

/// A sheet as XML, its shared texts added to the table.
fn sheet_xml(rows: &[Vec<TestCell>], shared: &mut Vec<String>) -> String {
    let mut xml = String::from("<?xml version=\"1.0\"?><worksheet><sheetData>");
    for (at, row) in rows.iter().enumerate() {
        xml.push_str(&format!("<row r=\"{}\">", at + 1));
        for (place, cell) in row.iter().enumerate() {
            let name = cell_name(at, place);
            xml.push_str(&match cell {
                TestCell::Text(text) => {
                    format!(
                        "<c r=\"{name}\" t=\"inlineStr\"><is><t>{}</t></is></c>",
                        escaped(text)
                    )
                }
                TestCell::Shared(text) => {
                    shared.push(text.clone());
                    format!("<c r=\"{name}\" t=\"s\"><v>{}</v></c>", shared.len() - 1)
                }
                TestCell::Number(digits) => format!("<c r=\"{name}\"><v>{digits}</v></c>"),
                TestCell::Date(digits) => format!("<c r=\"{name}\" s=\"1\"><v>{digits}</v></c>"),
                TestCell::Error => format!("<c r=\"{name}\" t=\"e\"><f>A9</f><v>#REF!</v></c>"),
                TestCell::Empty => String::new(),
            });
        }
        xml.push_str("</row>");
    }
    xml.push_str("</sheetData></worksheet>");
    xml
}

/// The parts of a workbook with these sheets.
pub(crate) fn xlsx_parts(sheets: &[(&str, Vec<Vec<TestCell>>)]) -> Vec<(&'static str, Vec<u8>)> {
    const NAMES: [&str; 3] = [
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/sheet2.xml",
        "xl/worksheets/sheet3.xml",
    ];
    let mut names = String::new();
    let mut relations = String::new();
    let mut shared = Vec::new();
    let mut parts = Vec::new();
    for (at, (name, rows)) in sheets.iter().enumerate() {
        names.push_str(&format!(
            "<sheet name=\"{}\" sheetId=\"1\" r:id=\"r{at}\"/>",
            escaped(name)
        ));
        let target = NAMES[at].trim_start_matches("xl/");
        relations.push_str(&format!("<Relationship Id=\"r{at}\" Target=\"{target}\"/>"));
        parts.push((NAMES[at], sheet_xml(rows, &mut shared).into_bytes()));
    }
    let shared: String = shared
        .iter()
        .map(|t| format!("<si><t>{}</t></si>", escaped(t)))
        .collect();
    parts.push((
        "xl/workbook.xml",
        format!("<workbook><sheets>{names}</sheets></workbook>").into_bytes(),
    ));
    parts.push((
        "xl/_rels/workbook.xml.rels",
        format!("<Relationships>{relations}</Relationships>").into_bytes(),
    ));
    parts.push((
        "xl/sharedStrings.xml",
        format!("<sst>{shared}</sst>").into_bytes(),
    ));
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"dd/mm/yyyy hh:mm:ss\"/></numFmts>\
                  <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>";
    parts.push(("xl/styles.xml", styles.as_bytes().to_vec()));
    parts
}

pub(crate) fn xlsx(rows: &[Vec<TestCell>]) -> Vec<u8> {
    zip(&xlsx_parts(&[("Sao kê", rows.to_vec())]))
}

pub(crate) fn record(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let mut record = kind.to_le_bytes().to_vec();
    record.extend((bytes.len() as u16).to_le_bytes());
    record.extend(bytes);
    record
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// An old workbook with one sheet.
pub(crate) fn xls(rows: &[Vec<TestCell>]) -> Vec<u8> {
    let mut shared: Vec<String> = Vec::new();
    let mut cells = record(0x0809, &[0, 6, 0x10, 0, 0, 0, 0, 0]);
    for (at, row) in rows.iter().enumerate() {
        for (place, cell) in row.iter().enumerate() {
            let mut bytes = (at as u16).to_le_bytes().to_vec();
            bytes.extend((place as u16).to_le_bytes());
            bytes.extend(u16::from(matches!(cell, TestCell::Date(_))).to_le_bytes());
            match cell {
                TestCell::Empty => {}
                TestCell::Text(text) | TestCell::Shared(text) => {
                    shared.push(text.clone());
                    bytes.extend((shared.len() as u32 - 1).to_le_bytes());
                    cells.extend(record(0x00FD, &bytes));
                }
                TestCell::Number(digits) | TestCell::Date(digits) => {
                    // Read by somebody else than the reader that is tested.
                    let read: serde_json::Value = serde_json::from_str(digits).unwrap();
                    bytes.extend(read.as_f64().unwrap().to_bits().to_le_bytes());
                    cells.extend(record(0x0203, &bytes));
                }
                TestCell::Error => {
                    bytes.extend([0x17, 1]);
                    cells.extend(record(0x0205, &bytes));
                }
            }
        }
    }
    cells.extend(record(0x000A, &[]));
    ole(&workbook_stream(&shared, &cells))
}

pub(crate) fn workbook_stream(shared: &[String], cells: &[u8]) -> Vec<u8> {
    let mut texts = (shared.len() as u32).to_le_bytes().repeat(2);
    let mut text_records = Vec::new();
    for text in shared {
        let mut bytes = (text.encode_utf16().count() as u16).to_le_bytes().to_vec();
        bytes.push(1);
        bytes.extend(wide(text));
        // A record holds no more than this; the table goes on in the next one.
        if texts.len() + bytes.len() > 8000 {
            text_records.push(std::mem::take(&mut texts));
        }
        texts.extend(bytes);
    }
    text_records.push(texts);
    let kinds = std::iter::once(0x00FC).chain(std::iter::repeat(0x003C));
    let mut globals = record(0x0809, &[0, 6, 5, 0, 0, 0, 0, 0]);
    globals.extend(record(0x041E, &[&[164, 0, 10, 0, 0][..], b"dd/mm/yyyy"].concat()));
    globals.extend(record(0x00E0, &[0; 20]));
    globals.extend(record(0x00E0, &[&[0, 0, 164, 0][..], &[0; 16]].concat()));
    for (kind, bytes) in kinds.zip(&text_records) {
        globals.extend(record(kind, bytes));
    }
    let name = [&[0, 0, 6, 1][..], &wide("Sao kê")].concat();
    let sheet_from = (globals.len() + 4 + 4 + name.len() + 4) as u32;
    globals.extend(record(0x0085, &[&sheet_from.to_le_bytes()[..], &name].concat()));
    globals.extend(record(0x000A, &[]));
    [globals, cells.to_vec()].concat()
}

/// An old workbook's container with one stream.
pub(crate) fn ole(stream: &[u8]) -> Vec<u8> {
    ole_of(&[("/Workbook", stream)])
}

/// A container with these streams, in storages where their paths say so.
pub(crate) fn ole_of(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let memory = Cursor::new(Vec::new());
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, memory).unwrap();
    for (path, bytes) in streams {
        let storage = std::path::Path::new(path).parent().unwrap();
        file.create_storage_all(storage).unwrap();
        file.create_stream(path).unwrap().write_all(bytes).unwrap();
    }
    file.into_inner().into_inner()
}

/// Windows-1258 bytes of a text. None if it has a letter they lack.
pub(crate) fn windows_1258(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for c in text.chars() {
        let letter = c.to_string();
        let (whole, _, lossy) = WINDOWS_1258.encode(&letter);
        if !lossy {
            bytes.extend_from_slice(&whole);
            continue;
        }
        // The letter without its tone, which keeps its own byte, then the tone.
        let mut parts: Vec<char> = c.nfd().collect();
        let at = parts
            .iter()
            .rposition(|p| matches!(p, '\u{0300}' | '\u{0301}' | '\u{0303}' | '\u{0309}' | '\u{0323}'))?;
        let tone = parts.remove(at);
        let base: String = parts.into_iter().nfc().collect();
        let both = format!("{base}{tone}");
        let (whole, _, lossy) = WINDOWS_1258.encode(&both);
        if lossy {
            return None;
        }
        bytes.extend_from_slice(&whole);
    }
    Some(bytes)
}

/// A web archive with this page, its letters as quoted-printable.
pub(crate) fn archive(page: &str) -> Vec<u8> {
    let mut body = String::new();
    let mut column = 0;
    for byte in page.bytes() {
        let letter = match byte {
            b'\n' => "\r\n".to_owned(),
            0x21..=0x3C | 0x3E..=0x7E | b' ' => char::from(byte).to_string(),
            byte => format!("={byte:02X}"),
        };
        if column + letter.len() > 70 {
            body.push_str("=\r\n");
            column = 0;
        }
        column = if byte == b'\n' { 0 } else { column + letter.len() };
        body.push_str(&letter);
    }
    format!(
        "MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\nContent-Type: multipart/related; boundary=\"----=_vi_du\"\r\n\r\n\
         ------=_vi_du\r\nContent-Location: file:///C:/vidu/saoke.htm\r\nContent-Transfer-Encoding: quoted-printable\r\n\
         Content-Type: text/html; charset=\"utf-8\"\r\n\r\n{body}\r\n------=_vi_du--\r\n"
    )
    .into_bytes()
}

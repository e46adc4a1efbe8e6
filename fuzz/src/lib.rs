//! What the fuzz targets share: the rooms under test, taken as they are, and how bytes become a request.
//!
//! An input of the adapters is one byte that chooses the scheme, then query, header lines (`name: value`) and body,
//! separated by a NUL byte.

#[path = "../../src/notice/mod.rs"]
pub mod notice;
#[path = "../../src/statement/mod.rs"]
pub mod statement;
#[path = "../../src/vietqr/mod.rs"]
pub mod vietqr;
#[path = "../../src/vn/mod.rs"]
pub mod vn;

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;

use notice::{Provider, Received, Refusal, Request, SCHEMES, Secrets};
use statement::{Event, StatementArchive, propose, read_statement};
use vn::Dong;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// The shared vectors: genuine requests and the secrets that prove them.
pub const VECTORS: &str = include_str!("../../tests/data/provider_vectors.json");

/// A provider of each scheme, in the order of [`SCHEMES`], with the secrets of the vectors.
pub fn providers() -> Vec<Provider> {
    with_secrets(|value| value)
}

/// The same with other secrets: nothing that the vectors prove fits them.
pub fn strangers() -> Vec<Provider> {
    with_secrets(|value| value.chars().rev().chain("x".chars()).collect())
}

fn with_secrets(change: impl Fn(String) -> String) -> Vec<Provider> {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let provider = |scheme: &'static notice::Scheme| {
        let own = |v: &&serde_json::Value| {
            v["provider"] == scheme.profile && (v["scheme"] == scheme.name || scheme.profile == "mb")
        };
        let secrets = vectors.iter().find(own)?["secrets"].as_object()?.clone();
        let pairs: Vec<(String, String)> = secrets
            .into_iter()
            .map(|(name, value)| {
                let value = value.as_str().unwrap_or_default().to_owned();
                // Public keys and coded secrets must stay what they are.
                let keeps = name.contains("public_key") || name == "signing_secret";
                (name, if keeps { value } else { change(value) })
            })
            .collect();
        let secrets = Secrets::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        Provider::new("fuzz", scheme, vec![("k1".to_owned(), secrets)]).ok()
    };
    SCHEMES.iter().filter_map(provider).collect()
}

/// Reads an input as a request and hands it to its provider; none if it chooses no scheme.
pub fn receive(providers: &[Provider], input: &[u8]) -> Option<Result<Received, Refusal>> {
    let (choice, rest) = input.split_first()?;
    let provider = providers.get(usize::from(*choice))?;
    let mut parts = rest.splitn(3, |b| *b == 0);
    let query = std::str::from_utf8(parts.next()?).ok()?;
    let head = std::str::from_utf8(parts.next()?).ok()?;
    let body = parts.next()?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, &str)> = lines.map(|(n, v)| (n.to_lowercase(), v)).collect();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let path = provider.scheme().paths[body.len() % provider.scheme().paths.len()];
    let request = Request {
        method: provider.scheme().method,
        path,
        query,
        headers: &headers,
        body,
        is_evidence: false,
    };
    Some(provider.receive(&request, None))
}

/// A workbook whose only sheet is these bytes, sizes and checksums right: what is wrong in it is in the sheet.
pub fn workbook(sheet: &[u8]) -> Vec<u8> {
    let parts: [(&str, &[u8]); 4] = [
        (
            "xl/workbook.xml",
            b"<workbook><sheets><sheet name=\"GD\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships><Relationship Id=\"r1\" Target=\"sheet1.xml\"/></Relationships>",
        ),
        (
            "xl/styles.xml",
            b"<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>",
        ),
        ("xl/sheet1.xml", sheet),
    ];
    archive(&parts)
}

/// A ZIP archive of these files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, stored).expect("a name that is new");
        archive.write_all(bytes).expect("room in memory");
    }
    archive.finish().expect("room in memory").into_inner()
}

/// An old workbook with this stream.
pub fn old_workbook(stream: &[u8]) -> Vec<u8> {
    let memory = Cursor::new(Vec::new());
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, memory).expect("room in memory");
    let mut workbook = file.create_stream("/Workbook").expect("a name that is new");
    workbook.write_all(stream).expect("room in memory");
    drop(workbook);
    file.into_inner().into_inner()
}

/// A workbook of records whose only sheet is these bytes.
pub fn binary_workbook(sheet: &[u8]) -> Vec<u8> {
    let wide = |text: &str| -> Vec<u8> {
        let letters = text.encode_utf16().flat_map(u16::to_le_bytes);
        (text.len() as u32)
            .to_le_bytes()
            .into_iter()
            .chain(letters)
            .collect()
    };
    let named = [vec![0, 0, 0, 0, 1, 0, 0, 0], wide("r1"), wide("GD")].concat();
    let main = [&[0x9C, 0x01, named.len() as u8], &named[..]].concat();
    let item = |text: &str| {
        let body = [vec![0], wide(text)].concat();
        [&[19, body.len() as u8], &body[..]].concat()
    };
    archive(&[
        ("xl/workbook.bin", &main),
        (
            "xl/_rels/workbook.bin.rels",
            b"<Relationships><Relationship Id=\"r1\" Target=\"sheet1.bin\"/></Relationships>",
        ),
        (
            "xl/sharedStrings.bin",
            &[item("Date"), item("Amount"), item("02/03/2026")].concat(),
        ),
        ("xl/sheet1.bin", sheet),
    ])
}

/// An OpenDocument workbook with this content.
pub fn open_document(content: &[u8]) -> Vec<u8> {
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content),
    ])
}

/// A workbook in the XML of Excel 2003 that begins as one does, whatever comes then.
pub fn xml2003(inside: &[u8]) -> Vec<u8> {
    let start = b"<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"><Worksheet Name=\"GD\">";
    [start, inside].concat()
}

/// A page that begins as one does, whatever comes then.
pub fn page(inside: &[u8]) -> Vec<u8> {
    [b"<html>", inside].concat()
}

/// Reads a file as it is proposed to be read. Each of its rows is handed over once: as a movement that can be one, as a
/// bad row with its reason, or as none of the table's.
pub fn read_whole(bytes: &[u8], profile: &str) {
    let Ok(proposal) = propose(&mut Cursor::new(bytes), profile) else {
        return;
    };
    let mut rows = 0;
    let mut bad = 0;
    let mut ignored = 0;
    // Rows of a workbook come in any order, but none twice; transactions of messages are numbered.
    let mut numbers = BTreeSet::new();
    let read = read_statement(&mut Cursor::new(bytes), &proposal.mapping, &mut |event| {
        let number = match &event {
            Event::Row(row) => {
                rows += 1;
                assert!(row.amount > Dong::ZERO && row.amount <= Dong::PAYMENT_MAX);
                row.row_number
            }
            Event::Bad(row) => {
                bad += 1;
                assert!(!row.reason.vi.is_empty());
                row.row_number
            }
            Event::Ignored(row) => {
                ignored += 1;
                row.row_number
            }
        };
        assert!(numbers.insert(number), "row {number} is handed over twice");
        ControlFlow::Continue(())
    });
    if let Ok(summary) = read {
        assert_eq!(
            (rows, bad, ignored),
            (summary.rows.count, summary.bad, summary.ignored.count),
            "every row is counted once"
        );
    }
}

/// Whether rows come out of a file: what the corpus begins with has to get that far.
pub fn has_rows(bytes: &[u8]) -> bool {
    propose(&mut Cursor::new(bytes), "").is_ok_and(|proposal| !proposal.preview.is_empty())
}

/// Reads every statement of an archive.
pub fn read_archive(bytes: &[u8]) {
    let Ok(Some(mut archive)) = StatementArchive::open(Cursor::new(bytes)) else {
        return;
    };
    for at in 0..archive.names().count() {
        let mut file = Vec::new();
        if archive.copy(at, &mut file).is_ok() {
            read_whole(&file, "");
        }
    }
}

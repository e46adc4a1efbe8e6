//! Reads back the workbooks that the service makes: enough of XLSX for what is in them.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};

/// A cell as a spreadsheet shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A text.
    Text(String),
    /// A number as the file spells it, and the code of its format.
    Number(String, String),
}

impl Shown {
    /// The text; a number is none.
    pub fn text(&self) -> &str {
        match self {
            Shown::Text(text) => text,
            Shown::Number(..) => panic!("no text: {self:?}"),
        }
    }

    /// The whole number; a text is none.
    pub fn number(&self) -> i64 {
        match self {
            Shown::Number(digits, _) => digits
                .parse()
                .unwrap_or_else(|_| panic!("no whole number: {self:?}")),
            Shown::Text(_) => panic!("no number: {self:?}"),
        }
    }
}

/// A sheet: its name, and its rows by number and column letter. Empty cells are not there.
pub type ReadSheet = (String, Vec<HashMap<String, Shown>>);

/// An archive of these files.
pub fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("a name");
        archive.write_all(bytes).expect("room in memory");
    }
    archive.finish().expect("room in memory").into_inner()
}

/// All sheets of a workbook. It may hold no formula anywhere.
pub fn sheets(bytes: &[u8]) -> Vec<ReadSheet> {
    let parts = parts(bytes);
    let part = |name: &str| {
        parts
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {:?}", parts.keys()))
    };
    let shared: Vec<String> = match parts.get("xl/sharedStrings.xml") {
        Some(xml) => elements(xml, "si").map(|(_, inside)| text_of(inside)).collect(),
        None => Vec::new(),
    };
    let formats = formats(part("xl/styles.xml"));
    let names = elements(part("xl/workbook.xml"), "sheet").map(|(tag, _)| unescaped(attribute(tag, "name")));
    names
        .enumerate()
        .map(|(at, name)| {
            let xml = part(&format!("xl/worksheets/sheet{}.xml", at + 1));
            assert!(
                !xml.contains("<f>") && !xml.contains("<f "),
                "{name} holds a formula"
            );
            let rows = elements(xml, "row").map(|(_, row)| cells(row, &shared, &formats));
            (name, rows.collect())
        })
        .collect()
}

fn cells(row: &str, shared: &[String], formats: &[String]) -> HashMap<String, Shown> {
    let mut out = HashMap::new();
    for (tag, inside) in elements(row, "c") {
        let Some((_, value)) = elements(inside, "v").next() else {
            continue;
        };
        let column: String = attribute(tag, "r")
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect();
        let shown = match attribute(tag, "t") {
            "s" => Shown::Text(shared[value.parse::<usize>().expect("a number of a text")].clone()),
            "" => {
                let style = attribute(tag, "s").parse::<usize>().unwrap_or(0);
                Shown::Number(value.to_owned(), formats[style].clone())
            }
            kind => panic!("a cell of kind {kind}"),
        };
        out.insert(column, shown);
    }
    out
}

/// The code of each cell format, in their order.
fn formats(styles: &str) -> Vec<String> {
    let own: HashMap<&str, String> = elements(styles, "numFmt")
        .map(|(tag, _)| {
            (
                attribute(tag, "numFmtId"),
                unescaped(attribute(tag, "formatCode")),
            )
        })
        .collect();
    let (_, all) = elements(styles, "cellXfs").next().expect("cell formats");
    let code = |id: &str| match id {
        "3" => "#,##0".to_owned(),
        "49" => "@".to_owned(),
        id => own.get(id).cloned().unwrap_or_default(),
    };
    elements(all, "xf")
        .map(|(tag, _)| code(attribute(tag, "numFmtId")))
        .collect()
}

fn text_of(inside: &str) -> String {
    unescaped(elements(inside, "t").next().map_or("", |(_, text)| text))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// Elements of this name that do not stand in each other: tag and content.
fn elements<'a>(xml: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(&format!("<{name}"))?;
            let open = &rest[at + 1 + name.len()..];
            if !open.starts_with([' ', '>', '/']) {
                rest = open;
                continue;
            }
            let end = open.find('>')?;
            let tag = &open[..end];
            let inside = &open[end + 1..];
            if tag.ends_with('/') {
                rest = inside;
                return Some((tag, ""));
            }
            let close = inside.find(&format!("</{name}>"))?;
            rest = &inside[close..];
            return Some((tag, &inside[..close]));
        }
    })
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let found = tag.split_once(&format!(" {name}=\""));
    found
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or_default()
}

/// The parts of a ZIP archive by name.
fn parts(bytes: &[u8]) -> HashMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a ZIP archive");
    let places = 0..archive.len();
    let read = |at| {
        let mut part = archive.by_index(at).expect("a part");
        let name = part.name().expect("a name").into_owned();
        let mut text = String::new();
        part.read_to_string(&mut text).expect("text");
        (name, text)
    };
    places.map(read).collect()
}

//! `key.csv`: what was planted where, and which word each must get.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use choso::reconcile::FindingKind;

use super::cause::Cause;
use crate::error::Result;

const FILE_NAME: &str = "key.csv";
/// What key.csv has in its columns. `kinds` holds one word, or several of which one must be said; none where
/// nothing is said, since the row changes nothing.
const KEY_COLUMNS: [&str; 6] = [
    "cause",
    "file",
    "row_number",
    "provider_txn_id",
    "amount_vnd",
    "kinds",
];

pub struct KeyWriter {
    out: csv::Writer<File>,
}

/// What must be said of one thing that is planted.
pub struct KeyLine<'a> {
    pub cause: Cause,
    /// None for a receipt or notice that has no row.
    pub row: Option<RowPlace>,
    pub txn: &'a str,
    pub amount_vnd: i64,
    pub kinds: &'a str,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
pub struct RowPlace {
    /// Number of the file, from 0.
    pub file: usize,
    /// As a person counts, from 1.
    pub line: u64,
}

impl KeyWriter {
    /// Begins a key in this folder.
    pub fn create(folder: &Path) -> Result<KeyWriter> {
        let mut file = File::create(folder.join(FILE_NAME))?;
        file.write_all(b"\xef\xbb\xbf")?;
        let mut out = csv::Writer::from_writer(file);
        out.write_record(KEY_COLUMNS)?;
        Ok(KeyWriter { out })
    }

    pub fn add(&mut self, line: &KeyLine<'_>) -> Result<()> {
        let file = line.row.map_or(String::new(), |row| (row.file + 1).to_string());
        let row_number = line.row.map_or(String::new(), |row| row.line.to_string());
        let amount = line.amount_vnd.to_string();
        let cells = [
            line.cause.word(),
            &file,
            &row_number,
            line.txn,
            &amount,
            line.kinds,
        ];
        Ok(self.out.write_record(cells)?)
    }

    pub fn finish(mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

/// By what a line of the key and an exception know each other: files count their rows each from the first, and
/// where the id was dropped only the amount tells one file's from another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub row_number: String,
    pub txn: String,
    pub amount_vnd: i64,
}

/// A line of key.csv.
pub struct Planted {
    pub cause: String,
    /// The row of its file, or empty for a receipt or notice without one.
    pub row_number: String,
    pub txn: String,
    pub amount_vnd: i64,
    /// The words of which one must be said; none if nothing may be said.
    pub kinds: Vec<String>,
}

impl Planted {
    /// Where its word stands.
    pub fn place(&self) -> Place {
        Place {
            row_number: self.row_number.clone(),
            txn: self.txn.clone(),
            amount_vnd: self.amount_vnd,
        }
    }

    pub fn is(&self, kind: FindingKind) -> bool {
        self.kinds.iter().any(|word| word == kind.as_str())
    }

    /// Whether it stands among the exceptions, and not among what agrees or says nothing.
    pub fn is_exception(&self) -> bool {
        !self.kinds.is_empty() && !self.is(FindingKind::MatchedAuto) && !self.is(FindingKind::Lump)
    }
}

pub fn read_key(folder: &Path) -> Result<Vec<Planted>> {
    let mut reader = csv::Reader::from_path(folder.join(FILE_NAME))?;
    let mut key = Vec::new();
    for record in reader.records() {
        let record = record?;
        let text = |at: usize| record.get(at).unwrap_or_default().to_owned();
        key.push(Planted {
            cause: text(0),
            row_number: text(2),
            txn: text(3),
            amount_vnd: text(4).parse()?,
            kinds: text(5).split_terminator('|').map(str::to_owned).collect(),
        });
    }
    Ok(key)
}

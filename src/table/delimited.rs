//! Delimited text: bytes in, records with their lines out.

use unicode_normalization::UnicodeNormalization;

use super::error::TableError;
use super::header::HEAD_ROWS;
use super::row::{GivenCell, GivenRow, Shape};

/// The text of the file without its byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, TableError> {
    const OLD_WORKBOOK: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0];
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(OLD_WORKBOOK) {
        return Err(TableError::Workbook);
    }
    // Without a mark, UTF-16 is known by the zero bytes of its Latin letters.
    let zero_early = bytes.iter().take(200).any(|&b| b == 0);
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || zero_early {
        return Err(TableError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes
            .iter()
            .take(e.valid_up_to())
            .filter(|&&b| b == b'\n')
            .count();
        TableError::NotUtf8 {
            line: before as u64 + 1,
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The records of a text, each with the line where it starts.
pub(super) struct Records<'a> {
    text: &'a str,
    separator: u8,
    /// Lines of the file before the text.
    lines_before: u64,
    reader: csv::Reader<&'a [u8]>,
}

impl<'a> Records<'a> {
    /// The records of a file, unless it is no text.
    pub(super) fn of(bytes: &'a [u8], shape: &Shape) -> Result<Records<'a>, TableError> {
        let whole = decode(bytes)?;
        let text = behind_separator_line(whole);
        let separator = separator(text, shape);
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        Ok(Records {
            text,
            separator,
            lines_before: u64::from(text.len() < whole.len()),
            reader,
        })
    }

    /// The line on which the record at this position starts. The reader's own position may stand
    /// before line ends that it has yet to pass over.
    fn line(&self, position: &csv::Position) -> u64 {
        let rest = self
            .text
            .as_bytes()
            .get(position.byte() as usize..)
            .unwrap_or_default();
        let ends = rest
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .filter(|&&b| b == b'\n')
            .count();
        self.lines_before + position.line() + ends as u64
    }
}

impl Iterator for Records<'_> {
    type Item = Result<GivenRow, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = csv::StringRecord::new();
        loop {
            let start = self.reader.position().clone();
            // Reading valid UTF-8 of any width from memory cannot fail.
            if !self.reader.read_record(&mut record).unwrap_or(false) {
                return None;
            }
            let number = self.line(&start);
            let raw = self
                .text
                .as_bytes()
                .get(start.byte() as usize..)
                .unwrap_or_default();
            let at_end = self.reader.position().byte() >= self.text.len() as u64;
            if at_end && quote_stays_open(raw, self.separator) {
                return Some(Err(TableError::QuoteOpen { line: number }));
            }
            let row = GivenRow {
                number,
                cells: record.iter().map(given).collect(),
                fault: None,
                may_be_short: false,
            };
            if !row.is_blank() {
                return Some(Ok(row));
            }
        }
    }
}

/// Whether the text ends inside a cell in quotation marks, by the reader's own rules: a mark opens
/// only at the start of a cell, and a doubled one is a letter of the cell.
fn quote_stays_open(raw: &[u8], separator: u8) -> bool {
    let mut inside = false;
    let mut at_start = true;
    for &b in raw {
        match b {
            b'"' if inside || at_start => (inside, at_start) = (!inside, inside),
            _ if inside => {}
            b => at_start = b == separator || b == b'\n' || b == b'\r',
        }
    }
    inside
}

/// The text without a first line such as `sep=;`, which tells a spreadsheet the separator.
fn behind_separator_line(text: &str) -> &str {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let plain = line.trim_matches(|c: char| c.is_whitespace() || c == '"');
    match plain.get(..4) {
        Some(mark) if mark.eq_ignore_ascii_case("sep=") => rest,
        _ => text,
    }
}

/// The separator of a file: the one by which one of its first lines names most columns.
fn separator(text: &str, shape: &Shape) -> u8 {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(HEAD_ROWS)
        .collect();
    let named = |separator: u8| {
        let of_line = |line: &str| {
            let cells = line.split(char::from(separator));
            let names = cells.map(|cell| {
                cell.trim_matches(|c: char| c.is_whitespace() || c == '"')
                    .to_lowercase()
            });
            names
                .filter(|name| shape.columns().any(|column| column == name))
                .count()
        };
        lines.iter().map(|line| of_line(line)).max().unwrap_or(0)
    };
    // Of equal ones the first, so the order is from the last choice to the first.
    [b'|', b'\t', b';', b',']
        .into_iter()
        .max_by_key(|&separator| named(separator))
        .unwrap_or(b',')
}

/// A cell, and whether it says of itself that it is text.
fn given(cell: &str) -> GivenCell {
    let cell = clean(cell);
    let inside = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    let inside = inside.filter(|text| !text.contains('"'));
    let inside = inside.or_else(|| cell.strip_prefix('\'').filter(|rest| !rest.is_empty()));
    match inside {
        Some(text) => GivenCell {
            text: text.trim().to_owned(),
            is_text: true,
        },
        None => GivenCell {
            text: cell,
            is_text: false,
        },
    }
}

fn clean(cell: &str) -> String {
    let cell: String = cell.trim().nfc().collect();
    if cell.contains("\r\n") {
        cell.replace("\r\n", "\n")
    } else {
        cell
    }
}

//! Text with separators: CSV as every bank and spreadsheet writes it.
//!
//! Records are cut here and not by the `csv` crate, since a bad row must be handed back with the line
//! where it begins, a mark that never closes must be found wherever it stands, a record has a limit, and
//! the letters of each record are decoded by themselves, so that a row in another encoding is seen.

use std::io::{Read, Seek};

use encoding_rs::{WINDOWS_1252, WINDOWS_1258};

use crate::statement::containers::cells::{CellKind, RowBuf, RowFault, RowSink};
use crate::statement::containers::text::{self, append_line, is_utf8_line, is_vietnamese_1258, next_line};
use crate::statement::error::StatementError;
use crate::statement::kind::Encoding;
use crate::statement::limits::{self, COLUMNS_MAX};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextFormat {
    pub(crate) encoding: Encoding,
    pub(crate) separator: u8,
    /// LF, or CR where the file has no LF (old Macintosh programs).
    line_end: u8,
}

const SEPARATORS: [u8; 6] = *b",;\t|^~";
/// Stands in no text: with it each line is one cell.
const NO_SEPARATOR: u8 = 0x1f;

/// The ways in which the text can be cut, the likeliest first.
pub(crate) fn candidates<F: Read + Seek>(file: &mut F) -> Result<Vec<TextFormat>, StatementError> {
    let encoding = text::encoding(file)?;
    let mut lines = text::open(file, encoding).map_err(|error| StatementError::io(error, 1))?;
    let mut sample = Vec::new();
    lines
        .by_ref()
        .take(64 << 10)
        .read_to_end(&mut sample)
        .map_err(|error| StatementError::io(error, 1))?;
    let line_end = text::line_end(&sample);
    let mut separators = SEPARATORS;
    let count = |separator: &u8| sample.iter().filter(|b| *b == separator).count();
    separators.sort_by_key(|separator| std::cmp::Reverse(count(separator)));
    // One at least, for a text of one column.
    let (first, others) = (separators[0], &separators[1..]);
    let present = others.iter().copied().filter(|separator| count(separator) > 0);
    Ok(std::iter::once(first)
        .chain(present)
        .map(|separator| TextFormat {
            encoding,
            separator,
            line_end,
        })
        .collect())
}

impl TextFormat {
    /// The same text with each line as one cell.
    pub(crate) fn uncut(self) -> TextFormat {
        TextFormat {
            separator: NO_SEPARATOR,
            ..self
        }
    }
}

/// Hands over every record that is not blank.
pub(crate) fn each_row<F: Read + Seek>(
    file: &mut F,
    format: &TextFormat,
    sink: RowSink<'_>,
) -> Result<(), StatementError> {
    let mut lines = text::open(file, format.encoding).map_err(|error| StatementError::io(error, 1))?;
    let mut row = RowBuf::new(true);
    let mut record = Vec::new();
    let mut cells = Cells::default();
    let mut number = 1_u64;
    while next_line(&mut *lines, format.line_end, &mut record)
        .map_err(|error| StatementError::io(error, number))?
    {
        let mut lines_read = 1;
        if record.contains(&b'"') {
            let mut at = QuoteState::Start.after(&record, format.separator);
            while at == QuoteState::Quoted {
                let from = record.len();
                let read = append_line(&mut *lines, format.line_end, &mut record)
                    .map_err(|error| quote_or_io(error, number))?;
                if read == 0 {
                    return Err(StatementError::QuoteOpen { row: number });
                }
                at = at.after(&record[from..], format.separator);
                lines_read += 1;
            }
        }
        while let Some(b'\n' | b'\r') = record.last() {
            record.pop();
        }
        row.start(number);
        cells.cut(&record, format.separator);
        if cells.ends.len() > COLUMNS_MAX {
            return Err(StatementError::TooManyColumns { row: number });
        }
        fill_row(&mut row, &record, &cells, format.encoding);
        if !row.is_blank() && sink(&row)?.is_break() {
            return Ok(());
        }
        number += lines_read;
    }
    Ok(())
}

/// A record that grows past its limit inside a quotation mark was opened by that mark.
fn quote_or_io(error: std::io::Error, row: u64) -> StatementError {
    match limits::overrun(&error) {
        Some(_) => StatementError::QuoteOpen { row },
        None => StatementError::Io(error),
    }
}

/// Where in a record with quotation marks a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    /// Before the first letter of a cell; only here a mark opens.
    Start,
    Plain,
    Quoted,
    /// Behind a mark that closes, unless another one follows: a doubled mark is a letter.
    Closed,
}

impl QuoteState {
    /// Where the next byte stands, and whether this one is a letter of its cell.
    fn step(self, byte: u8, separator: u8) -> (QuoteState, bool) {
        match (self, byte) {
            (QuoteState::Quoted, b'"') => (QuoteState::Closed, false),
            (QuoteState::Quoted, _) => (QuoteState::Quoted, true),
            (QuoteState::Start, b'"') => (QuoteState::Quoted, false),
            (QuoteState::Closed, b'"') => (QuoteState::Quoted, true),
            (_, b) if b == separator => (QuoteState::Start, false),
            (QuoteState::Start, b' ') => (QuoteState::Start, true),
            _ => (QuoteState::Plain, true),
        }
    }

    fn after(self, bytes: &[u8], separator: u8) -> QuoteState {
        bytes.iter().fold(self, |at, &b| at.step(b, separator).0)
    }
}

/// Where the cells of a record end; quoted ones are unwrapped into a buffer of their own.
#[derive(Default)]
struct Cells {
    unquoted: Vec<u8>,
    is_unquoted: bool,
    ends: Vec<(usize, usize)>,
}

impl Cells {
    fn cut(&mut self, record: &[u8], separator: u8) {
        self.ends.clear();
        self.is_unquoted = record.contains(&b'"');
        if self.is_unquoted {
            return self.cut_quoted(record, separator);
        }
        let mut from = 0;
        for (at, &b) in record.iter().enumerate() {
            if b == separator {
                self.ends.push((from, at));
                from = at + 1;
            }
        }
        self.ends.push((from, record.len()));
    }

    fn cut_quoted(&mut self, record: &[u8], separator: u8) {
        self.unquoted.clear();
        let mut at = QuoteState::Start;
        let mut from = 0;
        for &byte in record {
            let (next, is_letter) = at.step(byte, separator);
            if is_letter {
                self.unquoted.push(byte);
            } else if next == QuoteState::Start {
                self.ends.push((from, self.unquoted.len()));
                from = self.unquoted.len();
            }
            at = next;
        }
        self.ends.push((from, self.unquoted.len()));
    }
}

/// Decodes a record and fills the row with its cells.
fn fill_row(row: &mut RowBuf, record: &[u8], cells: &Cells, encoding: Encoding) {
    let bytes = if cells.is_unquoted {
        &cells.unquoted
    } else {
        record
    };
    let code_page = match encoding {
        Encoding::Windows1258 => WINDOWS_1258,
        _ => WINDOWS_1252,
    };
    if bytes.is_ascii() || !matches!(encoding, Encoding::Windows1258 | Encoding::Windows1252) {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                for &(from, to) in &cells.ends {
                    row.push(&text[from..to], CellKind::Text);
                }
            }
            Err(_) => {
                row.blame(RowFault::Encoding(encoding.show()));
                for &(from, to) in &cells.ends {
                    row.push(&String::from_utf8_lossy(&bytes[from..to]), CellKind::Text);
                }
            }
        }
        return;
    }
    if is_utf8_line(bytes) {
        row.blame(RowFault::MixedEncoding(encoding.show()));
    } else if encoding == Encoding::Windows1258 && !is_vietnamese_1258(bytes) {
        row.blame(RowFault::Encoding(encoding.show()));
    }
    for &(from, to) in &cells.ends {
        let (text, _) = code_page.decode_without_bom_handling(&bytes[from..to]);
        row.push(&text, CellKind::Text);
    }
}

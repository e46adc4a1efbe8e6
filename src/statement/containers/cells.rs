//! A row of cells, from whichever kind of table: one buffer that is filled again for each row.

use std::fmt;
use std::ops::ControlFlow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::statement::error::StatementError;
use crate::statement::limits::CELL_BYTES_MAX;
use crate::vn::{Sentence, sentence};

/// What a cell says of itself. Text files know only text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    Text,
    /// A spreadsheet's number, in plain decimal digits.
    Number,
    /// A number that the spreadsheet shows as a date: days since its epoch.
    Serial {
        /// Whether that epoch is 1904.
        since_1904: bool,
    },
    /// What a formula came to that could not be computed.
    Error,
}

/// What speaks against a row before anybody knows what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFault {
    Encoding(&'static str),
    MixedEncoding,
    Control(usize),
    CellTooLong(usize),
}

impl RowFault {
    /// What is wrong and what to do.
    pub(crate) fn sentence(self) -> Sentence {
        match self {
            RowFault::Encoding(encoding) => sentence!(
                "Dòng có ký tự không đúng mã {encoding} của tệp. Hãy lưu lại cả tệp dạng CSV UTF-8.",
                "The row holds characters that are not in the file's encoding, {encoding}. Save the whole file as CSV UTF-8."
            ),
            RowFault::MixedEncoding => Sentence::new(
                "Dòng viết bằng UTF-8 trong một tệp Windows-1258. Hãy lưu lại cả tệp dạng CSV UTF-8.",
                "The row is UTF-8 in a file of Windows-1258. Save the whole file as CSV UTF-8.",
            ),
            RowFault::Control(cell) => sentence!(
                "Ô thứ {cell} có ký tự điều khiển không nhìn thấy được. Hãy xóa ô và gõ lại.",
                "Cell {cell} holds a control character that is not seen. Empty the cell and type it again."
            ),
            RowFault::CellTooLong(cell) => sentence!(
                "Ô thứ {cell} dài quá {CELL_BYTES_MAX} byte. Hãy kiểm tra dấu nháy kép và dấu phân cách.",
                "Cell {cell} is longer than {CELL_BYTES_MAX} bytes. Check quotation marks and separators."
            ),
        }
    }
}

/// One row. Cells are trimmed and NFC.
#[derive(Debug)]
pub(crate) struct RowBuf {
    /// The line or row, as a person counts.
    pub(crate) number: u64,
    /// The first thing wrong with it.
    pub(crate) fault: Option<RowFault>,
    /// Whether the file itself says how many cells a row has, so that another number is a fault.
    pub(crate) is_delimited: bool,
    text: String,
    ends: Vec<(usize, CellKind)>,
}

/// One cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: CellKind,
}

impl RowBuf {
    pub(crate) fn new(is_delimited: bool) -> RowBuf {
        RowBuf {
            number: 0,
            fault: None,
            is_delimited,
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Empties the row for the next one.
    pub(crate) fn start(&mut self, number: u64) {
        self.number = number;
        self.fault = None;
        self.text.clear();
        self.ends.clear();
    }

    pub(crate) fn push(&mut self, text: &str, kind: CellKind) {
        let from = self.text.len();
        let text = text.trim();
        if text.len() > CELL_BYTES_MAX {
            self.blame(RowFault::CellTooLong(self.ends.len() + 1));
        } else if text.bytes().all(|b| (0x20..0x7F).contains(&b)) {
            self.text.push_str(text);
        } else {
            match is_nfc_quick(text.chars()) {
                IsNormalized::Yes => self.push_checked(text.chars()),
                _ => self.push_checked(text.nfc()),
            }
        }
        debug_assert!(from <= self.text.len());
        self.ends.push((self.text.len(), kind));
    }

    /// A line end inside a cell is a space; any other control character was not typed by anybody.
    fn push_checked(&mut self, chars: impl Iterator<Item = char>) {
        for c in chars {
            match c {
                '\n' | '\r' | '\t' => self.text.push(' '),
                // Letters of no width come with copied texts and make two equal ids differ.
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
                c if c.is_control() || c == '\u{fffd}' => {
                    self.blame(RowFault::Control(self.ends.len() + 1));
                }
                c => self.text.push(c),
            }
        }
    }

    /// Empty cells up to this place.
    pub(crate) fn fill_to(&mut self, place: usize) {
        while self.ends.len() < place {
            self.ends.push((self.text.len(), CellKind::Text));
        }
    }

    /// Notes what is wrong, unless something already is.
    pub(crate) fn blame(&mut self, fault: RowFault) {
        self.fault.get_or_insert(fault);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell at this place; beyond the last one cells are empty.
    pub(crate) fn cell(&self, place: usize) -> Cell<'_> {
        let Some(&(end, kind)) = self.ends.get(place) else {
            return Cell {
                text: "",
                kind: CellKind::Text,
            };
        };
        let start = match place {
            0 => 0,
            place => self.ends[place - 1].0,
        };
        Cell {
            text: &self.text[start..end],
            kind,
        }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.cell(at).text)
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.text.is_empty() && self.fault.is_none()
    }

    pub(crate) fn owned(&self) -> Vec<String> {
        self.texts().map(str::to_owned).collect()
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// What takes rows as they are met.
pub(crate) type RowSink<'a> = &'a mut dyn FnMut(&RowBuf) -> Result<ControlFlow<()>, StatementError>;

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
    /// A number that the spreadsheet shows as one of another unit than its column's: dollars, thousands, per cent.
    OtherUnit,
    /// What a formula came to that could not be computed.
    Error,
}

/// What speaks against a row before anybody knows what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFault {
    Encoding(&'static str),
    MixedEncoding(&'static str),
    Control(usize),
    CellTooLong(usize),
    CellTwice(usize),
}

impl RowFault {
    /// What is wrong and what to do.
    pub(crate) fn sentence(self) -> Sentence {
        match self {
            RowFault::Encoding(encoding) => sentence!(
                "Dòng có ký tự không đúng mã {encoding} của tệp. Hãy lưu lại cả tệp dạng CSV UTF-8.",
                "The row holds characters that are not in the file's encoding, {encoding}. Save the whole file as CSV UTF-8."
            ),
            RowFault::MixedEncoding(encoding) => sentence!(
                "Dòng viết bằng UTF-8 trong một tệp {encoding}. Hãy lưu lại cả tệp dạng CSV UTF-8.",
                "The row is UTF-8 in a file of {encoding}. Save the whole file as CSV UTF-8."
            ),
            RowFault::Control(cell) => sentence!(
                "Ô thứ {cell} có ký tự điều khiển không nhìn thấy được. Hãy xóa ô và gõ lại.",
                "Cell {cell} holds a control character that is not seen. Empty the cell and type it again."
            ),
            RowFault::CellTooLong(cell) => sentence!(
                "Ô thứ {cell} dài quá {CELL_BYTES_MAX} byte. Hãy kiểm tra dấu nháy kép và dấu phân cách.",
                "Cell {cell} is longer than {CELL_BYTES_MAX} bytes. Check quotation marks and separators."
            ),
            RowFault::CellTwice(cell) => sentence!(
                "Ô thứ {cell} có hai giá trị trong tệp, không rõ giá trị nào đúng. Hãy tải lại tệp từ nhà cung cấp.",
                "Cell {cell} has two values in the file; which is right cannot be told. Get the file from the provider again."
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

    /// Puts a cell at its place, also before others: some programs write them in any order.
    pub(crate) fn put(&mut self, place: usize, text: &str, kind: CellKind) {
        if place >= self.len() {
            self.fill_to(place);
            return self.push(text, kind);
        }
        if text.trim().is_empty() {
            return;
        }
        if !self.cell(place).text.is_empty() {
            return self.blame(RowFault::CellTwice(place + 1));
        }
        let from = self.text.len();
        self.push(text, kind);
        self.ends.pop();
        let moved = self.text.split_off(from);
        let at = place.checked_sub(1).map_or(0, |before| self.ends[before].0);
        self.text.insert_str(at, &moved);
        for (end, _) in &mut self.ends[place..] {
            *end += moved.len();
        }
        self.ends[place].1 = kind;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_come_to_the_same_row_in_any_order(
            texts in proptest::collection::vec("[a-zạ0-9]{0,4}", 1..12),
            keys in proptest::collection::vec(any::<u32>(), 12),
        ) {
            let mut wanted = RowBuf::new(false);
            wanted.start(1);
            for text in &texts {
                wanted.push(text, CellKind::Text);
            }
            let mut order: Vec<usize> = (0..texts.len()).collect();
            order.sort_by_key(|at| keys[*at]);
            let mut row = RowBuf::new(false);
            row.start(1);
            for at in order {
                row.put(at, &texts[at], CellKind::Text);
            }
            prop_assert_eq!(row.owned(), wanted.owned());
            prop_assert_eq!(row.fault, None);
        }
    }

    #[test]
    fn a_cell_of_two_values_has_none() {
        let mut row = RowBuf::new(false);
        row.start(1);
        row.put(1, "50000", CellKind::Number);
        row.put(1, " ", CellKind::Text);
        assert_eq!(row.fault, None);
        row.put(1, "50000", CellKind::Number);
        assert_eq!(row.fault, Some(RowFault::CellTwice(2)));
    }
}

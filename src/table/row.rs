//! Rows as a file gives them, and the table that is made of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::vn::Sentence;

/// The columns a file must and may have, and how many rows are read at most.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Columns without which the file is refused.
    pub required: &'static [&'static str],
    /// Columns that may be absent; a cell of an absent one reads as empty.
    pub optional: &'static [&'static str],
    /// Rows below the header; one more refuses the file.
    pub rows_max: usize,
}

/// What stands in front of a refused row that is handed back: passed over when the mended file comes in again.
pub(super) const FRONT: [&str; 2] = ["row", "reason"];

impl Shape {
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }
}

/// A cell as a file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCell {
    pub text: String,
    /// Whether it is text for certain, so that no spreadsheet took zeros off its front: a text cell of a workbook, or
    /// `'0011` or `="0011"` in a text file.
    pub is_text: bool,
}

/// A row as a file gives it.
#[derive(Debug, Clone)]
pub struct GivenRow {
    /// The line or row of the file where it starts.
    pub number: u64,
    pub cells: Vec<GivenCell>,
    /// What speaks against it before anybody knows its columns.
    pub fault: Option<Sentence>,
    /// Whether cells at its end may be left out, as in a workbook.
    pub may_be_short: bool,
}

/// A sheet of a workbook, as its reader hands it over.
#[derive(Debug, Clone)]
pub struct GivenSheet {
    pub name: String,
    /// Rows that are not blank, in the order of the sheet.
    pub rows: Vec<GivenRow>,
}

impl GivenRow {
    pub(super) fn is_blank(&self) -> bool {
        self.fault.is_none() && self.cells.iter().all(|cell| cell.text.is_empty())
    }
}

/// What a file holds. Every row that is not blank is either in `rows` or in `faults`.
#[derive(Debug, Clone)]
pub struct Table {
    /// Rows that could be read, in the order of the file.
    pub rows: Vec<Row>,
    /// Rows that could not, in the order of the file.
    pub faults: Vec<Fault>,
    /// The names of the columns in the order of the file.
    pub header: Vec<String>,
}

/// One row that could be read. Cells are trimmed and NFC. `Debug` keeps them to itself: they may be
/// phones and accounts.
#[derive(Clone)]
pub struct Row {
    /// The line of the file where the row starts; the header of an ordinary file is line 1.
    pub number: u64,
    pub(super) cells: Vec<GivenCell>,
    pub(super) places: Arc<HashMap<String, usize>>,
}

/// One row that was refused, and why. `Debug` keeps the cells to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file where the row starts.
    pub row: u64,
    /// The cells as they were read, so that they can be handed back.
    pub cells: Vec<String>,
    /// What is wrong and what to do.
    pub reason: Sentence,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}, {} cells)", self.number, self.cells.len())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Fault({}, {} cells: {})",
            self.row,
            self.cells.len(),
            self.reason.en
        )
    }
}

impl Row {
    fn cell(&self, column: &str) -> Option<&GivenCell> {
        self.cells.get(*self.places.get(column)?)
    }

    /// The cell of this column, or an empty text if the file does not have the column.
    pub fn get(&self, column: &str) -> &str {
        self.cell(column).map_or("", |cell| &cell.text)
    }

    /// Whether the cell of this column is text for certain ([`GivenCell::is_text`]).
    pub fn is_text(&self, column: &str) -> bool {
        self.cell(column).is_some_and(|cell| cell.is_text)
    }

    /// All cells in the order of the file.
    pub fn cells(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.text.clone()).collect()
    }

    /// This row, refused for a reason that only its reader can see.
    pub fn fault(&self, reason: Sentence) -> Fault {
        Fault {
            row: self.number,
            cells: self.cells(),
            reason,
        }
    }
}

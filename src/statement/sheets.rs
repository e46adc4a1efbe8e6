//! The sheets of a workbook as plain rows, for lists that are no statements: a register of households.

use std::io::{Cursor, Read, Seek};
use std::ops::ControlFlow;

use super::containers::cells::{Cell, CellKind, RowBuf};
use super::containers::sniff;
use super::error::StatementError;
use super::kind::FileKind;
use super::tables::Tables;
use crate::vn::{Day, Sentence, sentence};

/// A cell of a workbook. A day is one only where the workbook shows it as a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SheetCell {
    Text(String),
    /// A number in plain decimal digits. A spreadsheet drops the zeros in front of it.
    Number(String),
    Day(Day),
}

/// A row of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    pub number: u64,
    pub cells: Vec<SheetCell>,
    /// What speaks against the row: among others a formula that could not be computed.
    pub fault: Option<Sentence>,
}

/// Whether a file is a workbook or a page with tables, and no text to be cut by separators.
pub fn is_workbook(bytes: &[u8]) -> bool {
    // What is packed and cannot be read as a workbook is refused as one, since it is no text either.
    let is_packed = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]);
    is_packed || sniff::kind(&mut Cursor::new(bytes)).is_ok_and(has_sheets)
}

fn has_sheets(kind: FileKind) -> bool {
    match kind {
        FileKind::Xlsx
        | FileKind::Xls
        | FileKind::Xlsb
        | FileKind::Ods
        | FileKind::Xml2003
        | FileKind::Html
        | FileKind::Mhtml => true,
        FileKind::Csv | FileKind::Mt940 | FileKind::Camt053 | FileKind::Camt052 | FileKind::Camt054 => false,
    }
}

/// Hands over the rows of every sheet that shows itself, with the sheet's name, until the sink breaks.
pub fn read_sheets<F: Read + Seek>(
    file: &mut F,
    sink: &mut dyn FnMut(&str, SheetRow) -> ControlFlow<()>,
) -> Result<(), StatementError> {
    let kind = sniff::kind(file)?;
    if !has_sheets(kind) {
        return Err(StatementError::NoHeader);
    }
    let mut tables = Tables::open(file, kind)?;
    let mut is_over = false;
    for sheet in 0..tables.count() {
        let name = tables.sheet_name(sheet).to_owned();
        tables.each_row(sheet, &mut |row| {
            let flow = sink(&name, plain(row));
            is_over = flow.is_break();
            Ok(flow)
        })?;
        if is_over {
            break;
        }
    }
    Ok(())
}

fn plain(row: &RowBuf) -> SheetRow {
    let error = (0..row.len()).find(|&at| row.cell(at).kind == CellKind::Error);
    let error = error.map(|at| {
        let place = at + 1;
        sentence!(
            "Ô thứ {place} là lỗi của công thức. Hãy ghi giá trị.",
            "Cell {place} is the error of a formula. Write the value."
        )
    });
    SheetRow {
        number: row.number,
        cells: (0..row.len()).map(|at| cell(row.cell(at))).collect(),
        fault: row.fault.map(|fault| fault.sentence()).or(error),
    }
}

fn cell(cell: Cell<'_>) -> SheetCell {
    let text = || cell.text.to_owned();
    match cell.kind {
        CellKind::Text | CellKind::Error => SheetCell::Text(text()),
        CellKind::Number | CellKind::OtherUnit => SheetCell::Number(text()),
        CellKind::Serial { since_1904 } => {
            day(cell.text, since_1904).map_or_else(|| SheetCell::Number(text()), SheetCell::Day)
        }
    }
}

/// The day of a spreadsheet's number, without the time of day.
fn day(serial: &str, since_1904: bool) -> Option<Day> {
    let days: i64 = serial.split('.').next()?.parse().ok()?;
    // 1970-01-01 is day 25,569 of the calendar that counts from 1900, day 24,107 of the other one.
    Day::from_number(days - if since_1904 { 24_107 } else { 25_569 })
}

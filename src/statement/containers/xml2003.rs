//! Workbooks in the XML of Excel 2003, which report programs write under the name of an old workbook. Every cell says its
//! type, so a number stays the digits that stand in the file.

use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};

use crate::statement::containers::cells::{CellKind, RowBuf, RowSink};
use crate::statement::containers::package::xml_fault;
use crate::statement::containers::xml::{self, Xml, attribute};
use crate::statement::error::StatementError;
use crate::statement::limits::{CELL_BYTES_MAX, COLUMNS_MAX, FILE_BYTES_MAX};
use crate::statement::meaning::values::plain_decimal;

/// What a part of such a workbook is called in messages: it has only one.
const PART: &str = "XML 2003";
/// Sheets of a workbook; a statement has a few.
const SHEETS_MAX: usize = 256;

pub(crate) struct Book<F> {
    file: F,
    /// What its sheets are called, and whether they show themselves.
    sheets: Vec<(String, bool)>,
}

impl<F: Read + Seek> Book<F> {
    pub(crate) fn open(mut file: F) -> Result<Book<F>, StatementError> {
        let fault = |fault| xml_fault(fault, PART);
        let mut sheets: Vec<(String, bool)> = Vec::new();
        {
            let mut xml = Xml::new(xml::decoded(&mut file).map_err(fault)?, FILE_BYTES_MAX * 3);
            let mut is_visibility = false;
            loop {
                match xml.next().map_err(fault)? {
                    Event::Start(e) => match e.local_name().as_ref() {
                        "Worksheet" if sheets.len() < SHEETS_MAX => {
                            let name = attribute(&e, "Name").unwrap_or_default();
                            sheets.push((name.into_owned(), true));
                        }
                        "Visible" => is_visibility = true,
                        _ => {}
                    },
                    Event::Text(text) if is_visibility => {
                        let is_shown = !text.xml10_content().contains("Hidden");
                        if let Some(sheet) = sheets.last_mut() {
                            sheet.1 &= is_shown;
                        }
                    }
                    Event::End(_) => is_visibility = false,
                    Event::Eof => break,
                    _ => {}
                }
            }
        }
        Ok(Book { file, sheets })
    }

    fn shown(&self) -> impl Iterator<Item = (usize, &str)> {
        let sheets = self.sheets.iter().enumerate();
        sheets
            .filter(|(_, (_, is_shown))| *is_shown)
            .map(|(at, (name, _))| (at, name.as_str()))
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.shown().map(|(_, name)| name)
    }

    /// Hands over every row of a sheet that is not blank.
    pub(crate) fn each_row(&mut self, sheet: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        let Some(wanted) = self.shown().nth(sheet).map(|(at, _)| at) else {
            return Ok(());
        };
        let text = xml::decoded(&mut self.file).map_err(|fault| xml_fault(fault, PART))?;
        let mut xml = Xml::new(text, FILE_BYTES_MAX * 3);
        let mut seen = 0;
        loop {
            match xml.next().map_err(|fault| xml_fault(fault, PART))? {
                Event::Start(e) if e.local_name().as_ref() == "Worksheet" => {
                    seen += 1;
                    if seen == wanted + 1 {
                        return read_sheet(&mut xml, sink);
                    }
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }
}

/// What has been read of the cell that is open.
#[derive(Default)]
struct OpenCell {
    column: usize,
    kind: String,
    text: String,
    is_in_data: bool,
}

fn read_sheet<R: Read>(xml: &mut Xml<R>, sink: RowSink<'_>) -> Result<(), StatementError> {
    let fault = |fault| xml_fault(fault, PART);
    let mut row = RowBuf::new(false);
    let mut number = 0_u64;
    let mut next_column = 0;
    let mut cell = OpenCell::default();
    loop {
        let mut is_comment = false;
        match xml.next().map_err(fault)? {
            Event::Start(e) => match e.local_name().as_ref() {
                "Row" => {
                    number = index(&e).unwrap_or(number + 1).max(number + 1);
                    next_column = 0;
                    row.start(number);
                }
                "Cell" => {
                    let column = index(&e).map_or(next_column, |index| index.saturating_sub(1) as usize);
                    let merged = attribute(&e, "MergeAcross").and_then(|n| n.trim().parse::<usize>().ok());
                    cell = OpenCell {
                        column,
                        ..OpenCell::default()
                    };
                    next_column = column.saturating_add(1).saturating_add(merged.unwrap_or(0));
                }
                "Data" => {
                    cell.kind = attribute(&e, "Type").unwrap_or_default().into_owned();
                    cell.is_in_data = true;
                }
                "Comment" => is_comment = true,
                _ => {}
            },
            // Inside the data of a cell may be fonts and colours; their text is its text.
            Event::Text(part) if cell.is_in_data => cell.text.push_str(&part.xml10_content()),
            Event::CData(part) if cell.is_in_data => cell.text.push_str(&part.xml10_content()),
            Event::GeneralRef(entity) if cell.is_in_data => {
                xml::resolve(&entity, &mut cell.text).map_err(fault)?;
            }
            Event::End(e) => match e.local_name().as_ref() {
                "Data" => cell.is_in_data = false,
                "Cell" => push(&mut row, &cell)?,
                "Row" if !row.is_blank() => {
                    if sink(&row)?.is_break() {
                        return Ok(());
                    }
                    row.start(number);
                }
                "Worksheet" => return Ok(()),
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
        if is_comment {
            xml.skip().map_err(fault)?;
        }
        // Longer than a cell may be: the row is refused by name, and no more need be held.
        if cell.text.len() > 2 * CELL_BYTES_MAX {
            cell.text
                .truncate(cell.text.floor_char_boundary(2 * CELL_BYTES_MAX));
        }
    }
}

/// The place at which a row or cell stands, if it does not follow the one before.
fn index(element: &BytesStart<'_>) -> Option<u64> {
    attribute(element, "Index")?.trim().parse().ok()
}

fn push(row: &mut RowBuf, cell: &OpenCell) -> Result<(), StatementError> {
    let text = cell.text.trim();
    if text.is_empty() {
        return Ok(());
    }
    if cell.column >= COLUMNS_MAX {
        return Err(StatementError::TooManyColumns { row: row.number });
    }
    match cell.kind.as_str() {
        "Number" => match plain_decimal(text) {
            Some(digits) => row.put(cell.column, &digits, CellKind::Number),
            None => row.put(cell.column, text, CellKind::Error),
        },
        // Days are written as 2026-06-15T09:10:11.000.
        "DateTime" => {
            let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
            let day = whole.strip_suffix("T00:00:00").unwrap_or(whole);
            row.put(cell.column, day, CellKind::Text);
        }
        "Boolean" => row.put(
            cell.column,
            if text == "1" { "TRUE" } else { "FALSE" },
            CellKind::Text,
        ),
        "Error" => row.put(cell.column, text, CellKind::Error),
        _ => row.put(cell.column, text, CellKind::Text),
    }
    Ok(())
}

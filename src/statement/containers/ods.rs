//! Workbooks of LibreOffice and other programs of the OpenDocument format (ODS). Every cell says its type, so a number
//! stays the digits that stand in the file.

use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};

use crate::statement::containers::cells::{CellKind, RowBuf, RowSink};
use crate::statement::containers::package::{archive_fault, part, xml_fault};
use crate::statement::containers::parts::Archive;
use crate::statement::containers::xml::{self, attribute};
use crate::statement::error::StatementError;
use crate::statement::limits::{CELL_BYTES_MAX, COLUMNS_MAX};
use crate::statement::meaning::values::plain_decimal;

pub(crate) const CONTENT: &str = "content.xml";
/// Sheets of a workbook; a statement has a few.
const SHEETS_MAX: usize = 256;
/// Rows of a sheet, in every program.
const SHEET_ROWS_MAX: u64 = 1 << 20;

pub(crate) struct Book<R> {
    archive: Archive<R>,
    sheets: Vec<String>,
}

/// Whether the parts of a workbook are encrypted, as its list of parts says.
pub(crate) fn is_locked<R: Read + Seek>(archive: &mut Archive<R>) -> Result<bool, StatementError> {
    const MANIFEST: &str = "META-INF/manifest.xml";
    let Some(mut xml) = part(archive, MANIFEST)? else {
        return Ok(false);
    };
    loop {
        match xml.next() {
            Ok(Event::Start(e)) if e.local_name().as_ref() == "encryption-data" => return Ok(true),
            // A list that cannot be read says nothing.
            Ok(Event::Eof) | Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
}

impl<R: Read + Seek> Book<R> {
    pub(crate) fn open(file: R) -> Result<Book<R>, StatementError> {
        let mut archive = Archive::open(file).map_err(archive_fault)?;
        let mut sheets = Vec::new();
        if let Some(mut xml) = part(&mut archive, CONTENT)? {
            loop {
                match xml.next().map_err(|fault| xml_fault(fault, CONTENT))? {
                    Event::Start(e) if is_sheet(&e) && sheets.len() < SHEETS_MAX => {
                        sheets.push(attribute(&e, "name").unwrap_or_default().into_owned());
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
        }
        Ok(Book { archive, sheets })
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(String::as_str)
    }

    /// Hands over every row of a sheet that is not blank.
    pub(crate) fn each_row(&mut self, sheet: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        let fault = |fault| xml_fault(fault, CONTENT);
        let Some(mut xml) = part(&mut self.archive, CONTENT)? else {
            return Ok(());
        };
        let mut reader = SheetReader::new(sink);
        let mut sheets = 0;
        loop {
            let mut is_skipped = false;
            let is_here = sheets == sheet + 1;
            match xml.next().map_err(fault)? {
                Event::Start(e) if is_sheet(&e) => {
                    sheets += 1;
                    if sheets > sheet + 1 {
                        return Ok(());
                    }
                }
                Event::Start(e) if is_here => is_skipped = reader.start(&e),
                Event::Text(text) if is_here => reader.text(&text.xml10_content()),
                Event::CData(text) if is_here => reader.text(&text.xml10_content()),
                Event::GeneralRef(entity) if is_here => {
                    let mut text = String::new();
                    xml::resolve(&entity, &mut text).map_err(fault)?;
                    reader.text(&text);
                }
                Event::End(e) if is_here && reader.end(e.local_name().as_ref())? => return Ok(()),
                Event::Eof => return Ok(()),
                _ => {}
            }
            if is_skipped {
                xml.skip().map_err(fault)?;
            }
        }
    }
}

/// A table that is a sheet; one inside a cell has no name.
fn is_sheet(element: &BytesStart<'_>) -> bool {
    element.local_name().as_ref() == "table" && attribute(element, "name").is_some()
}

/// Puts the rows of a sheet together and hands them over.
struct SheetReader<'s> {
    sink: RowSink<'s>,
    row: RowBuf,
    /// The number of the row that is open, and how often it stands there.
    number: u64,
    row_times: u64,
    next_column: usize,
    is_in_cell: bool,
    cell_times: usize,
    value: Value,
    text: String,
    paragraphs: usize,
}

/// What the element of a cell says.
#[derive(Default)]
enum Value {
    #[default]
    Text,
    Number(String),
    /// In another currency, or per cent.
    OtherUnit(String),
    /// A day, as 2026-06-15 or with the time behind a T.
    Moment(String),
}

impl<'s> SheetReader<'s> {
    fn new(sink: RowSink<'s>) -> SheetReader<'s> {
        SheetReader {
            sink,
            row: RowBuf::new(false),
            number: 1,
            row_times: 0,
            next_column: 0,
            is_in_cell: false,
            cell_times: 1,
            value: Value::Text,
            text: String::new(),
            paragraphs: 0,
        }
    }

    /// True for an element that is to be passed over.
    fn start(&mut self, e: &BytesStart<'_>) -> bool {
        let times = |name: &str| -> u64 {
            let times = attribute(e, name).and_then(|times| times.trim().parse().ok());
            times.unwrap_or(1).clamp(1, SHEET_ROWS_MAX)
        };
        match e.local_name().as_ref() {
            "table-row" => {
                self.number += self.row_times;
                self.row_times = times("number-rows-repeated");
                self.next_column = 0;
                self.row.start(self.number);
            }
            "table-cell" | "covered-table-cell" => {
                self.is_in_cell = true;
                self.cell_times = times("number-columns-repeated") as usize;
                self.text.clear();
                self.paragraphs = 0;
                let kind = attribute(e, "value-type").unwrap_or_default();
                let said = |name: &str| attribute(e, name).map(|value| value.into_owned());
                self.value = match kind.as_ref() {
                    "currency" if !matches!(said("currency").as_deref(), None | Some("VND" | "")) => {
                        said("value").map_or(Value::Text, Value::OtherUnit)
                    }
                    "percentage" => said("value").map_or(Value::Text, Value::OtherUnit),
                    "float" | "currency" => said("value").map_or(Value::Text, Value::Number),
                    "date" => said("date-value").map_or(Value::Text, Value::Moment),
                    _ => Value::Text,
                };
            }
            // What a person noted beside a cell is not in it.
            "annotation" | "shapes" => return true,
            "p" if self.is_in_cell => {
                if self.paragraphs > 0 {
                    self.text.push('\n');
                }
                self.paragraphs += 1;
            }
            "s" if self.is_in_cell => {
                let count = attribute(e, "c").and_then(|c| c.trim().parse::<usize>().ok());
                let count = count.unwrap_or(1).min(100);
                self.text.extend(std::iter::repeat_n(' ', count));
            }
            "tab" | "line-break" if self.is_in_cell => self.text.push('\n'),
            _ => {}
        }
        false
    }

    fn text(&mut self, text: &str) {
        // Longer than a cell may be: the row is refused by name, and no more need be held.
        if self.is_in_cell && self.paragraphs > 0 && self.text.len() <= CELL_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    /// True if no more rows are wanted.
    fn end(&mut self, name: &str) -> Result<bool, StatementError> {
        match name {
            "table-cell" | "covered-table-cell" => self.end_cell().map(|()| false),
            "table-row" => self.end_row(),
            _ => Ok(false),
        }
    }

    fn end_cell(&mut self) -> Result<(), StatementError> {
        self.is_in_cell = false;
        let column = self.next_column;
        self.next_column = column.saturating_add(self.cell_times);
        let (text, kind) = match &self.value {
            Value::Number(digits) => match plain_decimal(digits.trim()) {
                Some(digits) => (digits, CellKind::Number),
                None => (digits.as_str().into(), CellKind::Error),
            },
            Value::OtherUnit(digits) => (digits.as_str().into(), CellKind::OtherUnit),
            Value::Moment(moment) => {
                let whole = moment.split_once('.').map_or(moment.as_str(), |(whole, _)| whole);
                let day = whole.strip_suffix("T00:00:00").unwrap_or(whole);
                (day.into(), CellKind::Text)
            }
            Value::Text => (self.text.as_str().into(), CellKind::Text),
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.next_column > COLUMNS_MAX {
            return Err(StatementError::TooManyColumns { row: self.number });
        }
        for place in column..self.next_column {
            self.row.put(place, &text, kind);
        }
        Ok(())
    }

    /// Equal rows that follow each other are written once, with their number.
    fn end_row(&mut self) -> Result<bool, StatementError> {
        if self.row.is_blank() {
            return Ok(false);
        }
        for _ in 1..self.row_times {
            if (self.sink)(&self.row)?.is_break() {
                return Ok(true);
            }
            self.number += 1;
            self.row.number = self.number;
        }
        self.row_times = 1;
        Ok((self.sink)(&self.row)?.is_break())
    }
}

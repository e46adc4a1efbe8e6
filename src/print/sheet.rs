//! Workbooks to take away: sheets of typed cells, as XLSX.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, IgnoreError, Workbook, Worksheet,
    XlsxError,
};

use crate::vn::{Day, Dong};

/// The largest whole number that a cell holds exactly: spreadsheets keep numbers as binary64.
const EXACT_MAX: u64 = 1 << 53;
/// Days between the first day that spreadsheets count and 1970-01-01.
const EPOCH_DAYS: i64 = 25_569;
/// From 1900-03-01 on; earlier days have other numbers in other programs.
const FIRST_EXACT_SERIAL: i64 = 61;
/// Characters of a text; a cell takes 32,767 UTF-16 units.
const TEXT_CHARS_MAX: usize = 16_000;
/// Characters of the name of a sheet.
const NAME_CHARS_MAX: usize = 31;
const PAPER_A4: u8 = 9;
/// Pixels of one character at the usual size, and of the margin of a cell.
const CHAR_PIXELS: u32 = 7;
const MARGIN_PIXELS: u32 = 5;

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    Empty,
    /// A text as it is: also ids, accounts, codes, whose zeros stay. Never a formula, whatever it begins with.
    Text(&'a str),
    /// An amount, shown as `1.234.567` in the reader's own separators. One that a cell could not hold
    /// exactly is written as text.
    Dong(Dong),
    /// A number of things.
    Count(i64),
    /// A day, as a real date that is shown as dd/MM/yyyy.
    Day(Day),
}

/// A column: its heading, and how many characters wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// What stands above it.
    pub heading: &'a str,
    /// Its width in characters.
    pub chars: u16,
}

/// A sheet: lines of title, the headings, then rows from the top on. The headings stay in view, and on each
/// printed page. What cannot be written is told when the workbook is made.
pub struct Sheet {
    worksheet: Worksheet,
    next_row: u32,
    columns: u16,
    plain: CellFormats,
    total: CellFormats,
    fault: Option<XlsxError>,
}

/// Formats of the kinds of cells.
struct CellFormats {
    text: Format,
    number: Format,
    day: Format,
}

impl CellFormats {
    fn of(base: &Format) -> CellFormats {
        CellFormats {
            // As text, so that a program which edits the cell does not take it for a number or a formula.
            text: base.clone().set_num_format("@"),
            number: base.clone().set_num_format("#,##0"),
            day: base
                .clone()
                .set_num_format("dd/mm/yyyy")
                .set_align(FormatAlign::Left),
        }
    }
}

/// Why a workbook cannot be made: more rows than a sheet holds (1,048,576), or two sheets of one name.
#[derive(Debug, thiserror::Error)]
#[error("the workbook cannot be made: {0}")]
pub struct SheetError(#[from] XlsxError);

impl Sheet {
    /// A sheet with its lines of title, the first in larger letters, and its headings. Characters that the name
    /// of a sheet may not have become spaces.
    pub fn new(name: &str, titles: &[String], columns: &[Column<'_>]) -> Sheet {
        let base = Format::new()
            .set_border(FormatBorder::Thin)
            .set_border_color("#D5DFDD");
        let mut sheet = Sheet {
            worksheet: Worksheet::new(),
            next_row: 0,
            columns: columns.len() as u16,
            plain: CellFormats::of(&base),
            total: CellFormats::of(&base.clone().set_bold().set_background_color("#E1F0EE")),
            fault: None,
        };
        let heading = base
            .set_bold()
            .set_background_color("#EAF1F0")
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter);
        let made = sheet.begin(name, titles, columns, &heading);
        sheet.fault = made.err();
        sheet
    }

    fn begin(
        &mut self,
        name: &str,
        titles: &[String],
        columns: &[Column<'_>],
        heading: &Format,
    ) -> Result<(), XlsxError> {
        let worksheet = &mut self.worksheet;
        worksheet.set_name(plain_name(name))?;
        let large = Format::new().set_bold().set_font_size(14);
        for (row, title) in (0..).zip(titles) {
            match row {
                0 => worksheet.write_string_with_format(row, 0, cut(title), &large)?,
                _ => worksheet.write_string(row, 0, cut(title))?,
            };
        }
        // An empty line sets the titles apart.
        let head_row = match titles.len() {
            0 => 0,
            lines => lines as u32 + 1,
        };
        for (at, column) in (0..).zip(columns) {
            let pixels = u32::from(column.chars) * CHAR_PIXELS + MARGIN_PIXELS;
            worksheet.set_column_width_pixels(at, pixels)?;
            worksheet.write_string_with_format(head_row, at, cut(column.heading), heading)?;
        }
        self.next_row = head_row + 1;
        worksheet
            .set_freeze_panes(self.next_row, 0)?
            .set_repeat_rows(head_row, head_row)?
            .set_paper_size(PAPER_A4)
            .set_landscape()
            .set_print_fit_to_pages(1, 0);
        Ok(())
    }

    pub fn row(&mut self, cells: &[Cell<'_>]) {
        self.write(cells, false);
    }

    /// Adds a row of totals, which is set off.
    pub fn totals(&mut self, cells: &[Cell<'_>]) {
        self.write(cells, true);
    }

    fn write(&mut self, cells: &[Cell<'_>], is_total: bool) {
        if self.fault.is_some() {
            return;
        }
        let formats = if is_total { &self.total } else { &self.plain };
        for (at, cell) in (0..).zip(cells) {
            if let Err(fault) = write_cell(&mut self.worksheet, self.next_row, at, *cell, formats) {
                self.fault = Some(fault);
            }
        }
        self.next_row += 1;
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: Cell<'_>,
    formats: &CellFormats,
) -> Result<(), XlsxError> {
    let (number, format) = match cell {
        Cell::Empty => return sheet.write_blank(row, column, &formats.text).map(drop),
        Cell::Text(text) => {
            return sheet
                .write_string_with_format(row, column, cut(text), &formats.text)
                .map(drop);
        }
        Cell::Dong(amount) => (amount.vnd(), &formats.number),
        Cell::Count(count) => (count, &formats.number),
        Cell::Day(day) => (day.number() + EPOCH_DAYS, &formats.day),
    };
    let is_day = matches!(cell, Cell::Day(_));
    if number.unsigned_abs() > EXACT_MAX || (is_day && number < FIRST_EXACT_SERIAL) {
        let text = match cell {
            Cell::Day(day) => day.show(),
            _ => number.to_string(),
        };
        return sheet
            .write_string_with_format(row, column, text, &formats.text)
            .map(drop);
    }
    // Exact: at most 2^53.
    sheet
        .write_number_with_format(row, column, number as f64, format)
        .map(drop)
}

/// The workbook of these sheets. The same sheets give the same bytes: the file says no time of its own.
pub fn xlsx(sheets: Vec<Sheet>) -> Result<Vec<u8>, SheetError> {
    let mut workbook = Workbook::new();
    // A date that tells nothing; who made it when stands in the titles.
    let made_at = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(
        &DocProperties::new()
            .set_author("choso")
            .set_creation_datetime(&made_at),
    );
    for mut sheet in sheets {
        if let Some(fault) = sheet.fault {
            return Err(fault.into());
        }
        // Ids are digits as text on purpose; no program needs to warn of them.
        let row = sheet.next_row.saturating_sub(1);
        let column = sheet.columns.saturating_sub(1);
        sheet
            .worksheet
            .ignore_error_range(0, 0, row, column, IgnoreError::NumberStoredAsText)?;
        workbook.push_worksheet(sheet.worksheet);
    }
    Ok(workbook.save_to_buffer()?)
}

/// A text that fits a cell. Nothing that is written here comes near the limit; a longer one ends in an ellipsis.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn plain_name(name: &str) -> String {
    let is_forbidden =
        |c: char| matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'') || c.is_control();
    let plain: String = name
        .chars()
        .map(|c| if is_forbidden(c) { ' ' } else { c })
        .take(NAME_CHARS_MAX)
        .collect();
    plain.trim().to_owned()
}

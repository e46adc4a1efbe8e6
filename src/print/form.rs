//! A workbook to fill in: one sheet with headings, drop-downs and examples, one that explains each column, and lists to
//! choose from. Cells are text, so that no spreadsheet takes zeros off an account or makes a day of a house number.

use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, DocProperties, ExcelDateTime, Format,
    FormatAlign, Formula, Workbook, Worksheet, XlsxError,
};

use super::sheet::SheetError;

/// Rows with drop-downs; below them a cell is typed.
const ROWS_WITH_LISTS: u32 = 20_000;

/// What a column of a form takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormCell<'a> {
    Text,
    /// A day, shown as dd/MM/yyyy.
    Day,
    /// One of a few words.
    Choice(&'a [&'a str]),
    /// One of the lines of the list with this number.
    List(usize),
}

/// A column of a form.
#[derive(Debug, Clone, Copy)]
pub struct FormColumn<'a> {
    pub heading: &'a str,
    pub takes: FormCell<'a>,
    pub is_required: bool,
    /// What to write, in Vietnamese and in English.
    pub explained: [&'a str; 2],
    /// What stands in it in each row of examples.
    pub examples: &'a [&'a str],
}

/// A list to choose from, on a sheet of its own.
#[derive(Debug, Clone, Copy)]
pub struct FormList<'a> {
    pub name: &'a str,
    pub lines: &'a [String],
}

/// The form as a workbook. The same columns give the same bytes.
pub fn form(
    name: &str,
    guide_name: &str,
    columns: &[FormColumn<'_>],
    lists: &[FormList<'_>],
) -> Result<Vec<u8>, SheetError> {
    let mut workbook = Workbook::new();
    let made_at = ExcelDateTime::from_ymd(2000, 1, 1)?;
    let properties = DocProperties::new().set_author("choso");
    workbook.set_properties(&properties.set_creation_datetime(&made_at));
    workbook.push_worksheet(rows(name, columns, lists)?);
    workbook.push_worksheet(guide(guide_name, columns)?);
    for list in lists {
        workbook.push_worksheet(lines(list)?);
    }
    Ok(workbook.save_to_buffer()?)
}

fn rows(name: &str, columns: &[FormColumn<'_>], lists: &[FormList<'_>]) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    let text = Format::new().set_num_format("@");
    let day = Format::new()
        .set_num_format("dd/mm/yyyy")
        .set_align(FormatAlign::Left);
    let heading = Format::new().set_num_format("@").set_bold();
    let required = heading.clone().set_background_color("#DFF1EE");
    let optional = heading.set_background_color("#EEF1F1");
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(columns) {
        let format = if column.takes == FormCell::Day {
            &day
        } else {
            &text
        };
        sheet.set_column_format(at, format)?;
        let widest = column
            .examples
            .iter()
            .map(|e| e.chars().count())
            .max()
            .unwrap_or(0);
        let chars = widest.max(column.heading.len()).clamp(10, 30) as u32 + 2;
        sheet.set_column_width_pixels(at, chars * 7 + 5)?;
        let of_heading = if column.is_required { &required } else { &optional };
        sheet.write_string_with_format(0, at, column.heading, of_heading)?;
        for (row, example) in (1..).zip(column.examples.iter().copied()) {
            match (column.takes, ExcelDateTime::parse_from_str(example)) {
                (FormCell::Day, Ok(day_of_example)) => {
                    sheet.write_datetime_with_format(row, at, &day_of_example, &day)?;
                }
                _ if example.is_empty() => {}
                _ => {
                    sheet.write_string_with_format(row, at, example, &text)?;
                }
            }
        }
        if let Some(validation) = validation(column, lists)? {
            sheet.add_data_validation(1, at, ROWS_WITH_LISTS, at, &validation)?;
        }
    }
    Ok(sheet)
}

/// What a cell lets in. A word that is not in the list is warned of and not refused: the program takes others too.
fn validation(column: &FormColumn<'_>, lists: &[FormList<'_>]) -> Result<Option<DataValidation>, XlsxError> {
    let any = DataValidation::new();
    let validation = match column.takes {
        FormCell::Text => return Ok(None),
        FormCell::Day => {
            let first = ExcelDateTime::from_ymd(1950, 1, 1)?;
            any.allow_date(DataValidationRule::GreaterThan(first))
        }
        FormCell::Choice(words) => any.allow_list_strings(words)?,
        FormCell::List(at) => {
            let Some(list) = lists.get(at) else {
                return Ok(None);
            };
            let last = list.lines.len() + 1;
            any.allow_list_formula(Formula::new(format!("='{}'!$A$2:$A${last}", list.name)))
        }
    };
    // A title and a message of a drop-down are 32 and 255 characters at most.
    let message: String = column.explained[0].chars().take(200).collect();
    Ok(Some(
        validation
            .set_error_style(DataValidationErrorStyle::Warning)
            .set_error_title(column.heading)?
            .set_error_message(message)?,
    ))
}

fn guide(name: &str, columns: &[FormColumn<'_>]) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    let bold = Format::new().set_bold().set_background_color("#DFF1EE");
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    sheet.set_name(name)?;
    let heads = [
        ("Cột", 18),
        ("Bắt buộc", 10),
        ("Ghi gì", 70),
        ("In English", 70),
        ("Ví dụ", 24),
    ];
    for (at, (head, chars)) in (0..).zip(heads) {
        sheet.set_column_width_pixels(at, chars * 7 + 5)?;
        sheet.write_string_with_format(0, at, head, &bold)?;
    }
    for (row, column) in (1..).zip(columns) {
        let is_required = if column.is_required { "có" } else { "" };
        let example = column
            .examples
            .iter()
            .find(|e| !e.is_empty())
            .copied()
            .unwrap_or_default();
        let cells = [
            column.heading,
            is_required,
            column.explained[0],
            column.explained[1],
            example,
        ];
        for (at, cell) in (0..).zip(cells) {
            sheet.write_string_with_format(row, at, cell, &wrapped)?;
        }
    }
    Ok(sheet)
}

fn lines(list: &FormList<'_>) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    let bold = Format::new().set_bold().set_background_color("#DFF1EE");
    sheet.set_name(list.name)?;
    sheet.set_column_width_pixels(0, 300)?;
    sheet.write_string_with_format(0, 0, list.name, &bold)?;
    for (row, line) in (1..).zip(list.lines) {
        sheet.write_string(row, 0, line)?;
    }
    Ok(sheet)
}

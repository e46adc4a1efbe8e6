//! Tables that people hand in: text or sheets in, rows and faults out.
//!
//! A fault concerns one row and never loses the others; only what makes the whole file unreadable
//! (another encoding, a wrong header) is an error. Sentences say what, where and what to do, in both languages.

mod delimited;
mod error;
mod header;
mod rejects;
mod row;
#[cfg(test)]
mod tests;

pub use error::TableError;
pub use rejects::{guarded, neutral, write_rejects};
pub use row::{Fault, GivenCell, GivenRow, GivenSheet, Row, Shape, Table};

/// Reads a delimited file.
///
/// UTF-8 with or without a byte order mark, LF or CRLF, cells in quotation marks with line breaks
/// inside; commas, or what spreadsheets write on Vietnamese machines: semicolons or tabs, a first line `sep=;`, empty
/// columns at the end, `="0011"` and `'0011`. Titles may stand above the header. Blank rows are passed over. A row with
/// a wrong number of cells, a formula or a control character becomes a fault.
pub fn read(bytes: &[u8], shape: &Shape) -> Result<Table, TableError> {
    header::table(delimited::Records::of(bytes, shape)?, shape)
}

/// Reads the one sheet of a workbook that has the header; the others are for people.
pub fn read_sheets(sheets: Vec<GivenSheet>, shape: &Shape) -> Result<Table, TableError> {
    let named = |sheet: &GivenSheet| {
        let head = sheet.rows.iter().take(header::HEAD_ROWS);
        head.map(|row| header::columns_named(row, shape))
            .max()
            .unwrap_or(0)
    };
    let has_header = |sheet: &&GivenSheet| named(sheet) >= shape.required.len();
    let names: Vec<String> = sheets
        .iter()
        .filter(has_header)
        .map(|sheet| format!("«{}»", sheet.name))
        .collect();
    if names.len() > 1 {
        return Err(TableError::SeveralSheets {
            sheets: names.join(", "),
        });
    }
    // Of sheets without it, the one that comes nearest says what is missing; of equal ones the first.
    let nearest = sheets.into_iter().rev().max_by_key(|sheet| named(sheet));
    let rows = nearest.map_or_else(Vec::new, |sheet| sheet.rows);
    header::table(rows.into_iter().filter(|row| !row.is_blank()).map(Ok), shape)
}

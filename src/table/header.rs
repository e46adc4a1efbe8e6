//! Which row names the columns, and what the rows below it are.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::error::TableError;
use super::row::{FRONT, Fault, GivenCell, GivenRow, Row, Shape, Table};
use crate::vn::{Phone, Sentence, sentence};

/// Rows among which the header is looked for: titles may stand above it.
pub(super) const HEAD_ROWS: usize = 20;

/// Where the columns of a file stand.
struct Columns {
    /// Names as they are written, for the file of refused rows.
    header: Vec<String>,
    /// The cells of a row that are kept, in the order of the header.
    kept: Vec<usize>,
    /// Cells with the number and the reason of a row that was handed back.
    front: Vec<usize>,
    /// Where each column stands among the kept cells.
    places: Arc<HashMap<String, usize>>,
}

/// How many of the shape's columns a row names.
pub(super) fn columns_named(row: &GivenRow, shape: &Shape) -> usize {
    let named = |column: &str| row.cells.iter().any(|cell| cell.text.to_lowercase() == column);
    shape.columns().filter(|column| named(column)).count()
}

/// The table below the row, among the first ones, that names most columns.
pub(super) fn table(
    mut rows: impl Iterator<Item = Result<GivenRow, TableError>>,
    shape: &Shape,
) -> Result<Table, TableError> {
    let mut head: VecDeque<GivenRow> = VecDeque::new();
    let mut best = (0, 0);
    while head.len() < HEAD_ROWS {
        let Some(row) = rows.next().transpose()? else {
            break;
        };
        let named = columns_named(&row, shape);
        if named > best.0 {
            best = (named, head.len());
        }
        head.push_back(row);
        if named >= shape.required.len() {
            break;
        }
    }
    head.drain(..best.1);
    let Some(header) = head.pop_front() else {
        return Err(TableError::Empty);
    };
    let columns = columns(&header, shape)?;
    let mut table = Table {
        rows: Vec::new(),
        faults: Vec::new(),
        header: columns.header.clone(),
    };
    for (count, row) in head.into_iter().map(Ok).chain(rows).enumerate() {
        if count >= shape.rows_max {
            return Err(TableError::TooManyRows {
                limit: shape.rows_max,
            });
        }
        match columns.row(row?, shape) {
            Ok(row) => table.rows.push(row),
            Err(fault) => table.faults.push(fault),
        }
    }
    Ok(table)
}

/// Where each column stands, once the header has all that is wanted and nothing else.
fn columns(header: &GivenRow, shape: &Shape) -> Result<Columns, TableError> {
    let wanted = || shape.columns().collect::<Vec<_>>().join(", ");
    let mut places = HashMap::new();
    let mut kept = Vec::new();
    let mut front = Vec::new();
    let mut names = Vec::new();
    for (at, cell) in header.cells.iter().enumerate() {
        let column = cell.text.to_lowercase();
        let is_known = shape.columns().any(|known| known == column);
        // A column without a name is read by nobody; a row with something in it is refused.
        if column.is_empty() {
            continue;
        }
        if !is_known && FRONT.contains(&column.as_str()) {
            front.push(at);
            continue;
        }
        if !is_known {
            return Err(TableError::ColumnUnknown {
                column: cell.text.clone(),
                wanted: wanted(),
            });
        }
        if places.insert(column, kept.len()).is_some() {
            return Err(TableError::ColumnTwice {
                column: cell.text.clone(),
                wanted: wanted(),
            });
        }
        kept.push(at);
        names.push(cell.text.clone());
    }
    let missing: Vec<&str> = shape
        .required
        .iter()
        .copied()
        .filter(|c| !places.contains_key(*c))
        .collect();
    if !missing.is_empty() {
        return Err(TableError::ColumnMissing {
            columns: missing.join(", "),
            wanted: wanted(),
        });
    }
    Ok(Columns {
        header: names,
        kept,
        front,
        places: Arc::new(places),
    })
}

impl Columns {
    fn row(&self, given: GivenRow, shape: &Shape) -> Result<Row, Fault> {
        let refusal = given.fault.clone().or_else(|| self.refusal_of(&given, shape));
        if let Some(reason) = refusal {
            return Err(Fault {
                row: given.number,
                cells: self.handed_back(&given),
                reason,
            });
        }
        let empty = || GivenCell {
            text: String::new(),
            is_text: false,
        };
        let cells = self.kept.iter().map(|&at| given.cells.get(at).cloned());
        Ok(Row {
            number: given.number,
            cells: cells.map(|cell| cell.unwrap_or_else(empty)).collect(),
            places: Arc::clone(&self.places),
        })
    }

    /// The cells below the header's columns, then those that stand elsewhere.
    fn handed_back(&self, given: &GivenRow) -> Vec<String> {
        let text = |at: &usize| {
            given
                .cells
                .get(*at)
                .map_or_else(String::new, |cell| cell.text.clone())
        };
        let elsewhere = given.cells.iter().enumerate();
        let is_read = |at: &usize| self.kept.contains(at) || self.front.contains(at);
        let elsewhere = elsewhere.filter(|(at, cell)| !is_read(at) && !cell.text.is_empty());
        let below = self.kept.iter().map(text);
        below
            .chain(elsewhere.map(|(_, cell)| cell.text.clone()))
            .collect()
    }

    /// Why a row is refused before its columns are interpreted.
    fn refusal_of(&self, given: &GivenRow, shape: &Shape) -> Option<Sentence> {
        let width = self.kept.last().map_or(0, |last| last + 1);
        let has = given.cells.len();
        // A spreadsheet leaves out separators behind the last cell that is filled in; a cell that is missing further
        // in front would move the others.
        let lacks = self.kept.iter().zip(&self.header).filter(|&(&at, _)| at >= has);
        let is_short = lacks
            .into_iter()
            .any(|(_, column)| !shape.optional.contains(&column.to_lowercase().as_str()));
        let beyond = given.cells.iter().skip(width).any(|cell| !cell.text.is_empty());
        if (is_short && !given.may_be_short) || beyond {
            return Some(sentence!(
                "Dòng có {has} ô, cần {width} ô. Kiểm tra dấu phân cách và dấu nháy kép.",
                "The row has {has} cells and needs {width}. Check separators and quotation marks."
            ));
        }
        let mut unnamed = (0..width).filter(|at| !self.kept.contains(at) && !self.front.contains(at));
        if let Some(at) = unnamed.find(|&at| given.cells.get(at).is_some_and(|cell| !cell.text.is_empty())) {
            let place = at + 1;
            return Some(sentence!(
                "Ô thứ {place} có chữ nhưng cột này không có tên ở dòng tiêu đề. Hãy đặt tên cột hoặc xóa ô.",
                "Cell {place} is filled in, but its column has no name in the header. Name the column or empty the cell."
            ));
        }
        let cells = self.kept.iter().zip(&self.header);
        cells.filter_map(|(&at, column)| Some((&given.cells.get(at)?.text, column))).find_map(|(cell, column)| {
            if is_formula(cell) {
                return Some(sentence!(
                    "Cột {column} bắt đầu bằng ký tự của công thức (formula). Hãy ghi giá trị, không ghi công thức.",
                    "Column {column} begins with the sign of a formula. Write the value, not a formula."
                ));
            }
            cell.chars().any(|c| c.is_control() && c != '\n').then(|| {
                sentence!(
                    "Cột {column} có ký tự điều khiển không nhìn thấy được. Hãy xóa ô và gõ lại.",
                    "Column {column} holds a control character that is not seen. Empty the cell and type it again."
                )
            })
        })
    }
}

/// Whether a spreadsheet would compute this cell. A phone number with its plus is no formula.
fn is_formula(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'=' | b'@') => true,
        Some(b'+' | b'-') => Phone::parse(cell).is_none(),
        _ => false,
    }
}

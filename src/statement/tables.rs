//! Tables of any make: which of their sheets or separators is meant, and their rows one after the other.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use crate::statement::containers::cells::{Cell, CellKind, RowBuf, RowSink};
use crate::statement::containers::delimited::{self, TextFormat};
use crate::statement::containers::html::Pages;
use crate::statement::containers::{ods, xls, xlsb, xlsx, xml2003};
use crate::statement::error::StatementError;
use crate::statement::kind::{FileFacts, FileKind};
use crate::statement::limits::HEADER_ROWS_MAX;
use crate::statement::meaning::header::{self, Header, TextRow};
use crate::statement::meaning::mapping::Mapping;
use crate::statement::meaning::survey::{Columns, Survey};
use crate::statement::meaning::values;
use crate::statement::meaning::words;
use crate::statement::summary::UnreadSheet;
use crate::vn::Sentence;

/// The tables that a file may hold: one for each sheet that shows itself, or for each separator that a
/// text could be cut by.
pub(crate) enum Tables<'f, F: Read + Seek> {
    Text {
        file: &'f mut F,
        formats: Vec<TextFormat>,
    },
    Xlsx(xlsx::Book<&'f mut F>),
    Xls(xls::Book),
    Xlsb(xlsb::Book<&'f mut F>),
    Ods(ods::Book<&'f mut F>),
    Xml2003(xml2003::Book<&'f mut F>),
    Html(Pages<&'f mut F>),
}

impl<'f, F: Read + Seek> Tables<'f, F> {
    pub(crate) fn open(file: &'f mut F, kind: FileKind) -> Result<Tables<'f, F>, StatementError> {
        match kind {
            FileKind::Xlsx => xlsx::Book::open(file).map(Tables::Xlsx),
            FileKind::Xls => xls::Book::open(file).map(Tables::Xls),
            FileKind::Xlsb => xlsb::Book::open(file).map(Tables::Xlsb),
            FileKind::Ods => ods::Book::open(file).map(Tables::Ods),
            FileKind::Xml2003 => xml2003::Book::open(file).map(Tables::Xml2003),
            FileKind::Html => Pages::open_page(file).map(Tables::Html),
            FileKind::Mhtml => Pages::open_archive(file).map(Tables::Html),
            _ => {
                let formats = delimited::candidates(file)?;
                Ok(Tables::Text { file, formats })
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Tables::Text { formats, .. } => formats.len(),
            Tables::Xlsx(book) => book.sheet_names().count(),
            Tables::Xls(book) => book.sheet_names().count(),
            Tables::Xlsb(book) => book.sheet_names().count(),
            Tables::Ods(book) => book.sheet_names().count(),
            Tables::Xml2003(book) => book.sheet_names().count(),
            Tables::Html(pages) => pages.count(),
        }
    }

    /// Hands over every row of one table that is not blank, until the sink breaks.
    pub(crate) fn each_row(&mut self, table: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        match self {
            Tables::Text { file, formats } => delimited::each_row(*file, &formats[table], sink),
            Tables::Xlsx(book) => book.each_row(table, sink),
            Tables::Xls(book) => book.each_row(table, sink),
            Tables::Xlsb(book) => book.each_row(table, sink),
            Tables::Ods(book) => book.each_row(table, sink),
            Tables::Xml2003(book) => book.each_row(table, sink),
            Tables::Html(pages) => pages.each_row(table, sink),
        }
    }

    /// The first rows that are not blank.
    fn head(&mut self, table: usize) -> Result<Vec<TextRow>, StatementError> {
        let mut head = Vec::new();
        let outcome = self.each_row(table, &mut |row| {
            head.push(TextRow {
                number: row.number,
                cells: row.owned(),
            });
            Ok(match head.len() {
                HEADER_ROWS_MAX => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        });
        match outcome {
            // What is broken further down is said when that is read.
            Err(error) if head.is_empty() => Err(error),
            _ => {
                // Some programs write the rows of a sheet in any order.
                head.sort_by_key(|row| row.number);
                Ok(head)
            }
        }
    }

    /// What the file is, read as this table.
    pub(crate) fn facts(&self, kind: FileKind, found: &Found) -> FileFacts {
        let table = found.table;
        let (encoding, separator, sheet) = match self {
            Tables::Text { formats, .. } => {
                let format = &formats[table];
                (Some(format.encoding), Some(char::from(format.separator)), None)
            }
            Tables::Xlsx(book) => (None, None, book.sheet_names().nth(table)),
            Tables::Xls(book) => (None, None, book.sheet_names().nth(table)),
            Tables::Xlsb(book) => (None, None, book.sheet_names().nth(table)),
            Tables::Ods(book) => (None, None, book.sheet_names().nth(table)),
            Tables::Xml2003(book) => (None, None, book.sheet_names().nth(table)),
            Tables::Html(pages) => (pages.encoding(), None, pages.name(table)),
        };
        FileFacts {
            kind,
            encoding,
            separator,
            sheet: sheet.map(str::to_owned),
            header_row: Some(found.header.first_row),
        }
    }

    /// The table that looks most like a statement, and what its columns seem to mean.
    pub(crate) fn propose(&mut self, profile: &str) -> Result<Found, StatementError> {
        let mut best: Option<(usize, Found)> = None;
        let mut failed = None;
        for table in 0..self.count() {
            // A text that cannot be cut by one separator may be by another.
            let head = match self.head(table) {
                Ok(head) => head,
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            let Some(candidate) = header::propose(&head, profile) else {
                continue;
            };
            if best.as_ref().is_none_or(|(score, _)| candidate.score > *score) {
                let found = Found::new(table, head, candidate.header, candidate.mapping);
                best = Some((candidate.score, found));
            }
        }
        match best {
            Some((_, found)) => Ok(found),
            None => Err(failed.unwrap_or_else(|| self.no_header())),
        }
    }

    /// The table that has the header of a mapping. Two sheets that have it are for a person to take
    /// apart: reading one of them would lose the other.
    pub(crate) fn locate(&mut self, mapping: &Mapping) -> Result<Found, StatementError> {
        let mut found: Vec<Found> = Vec::new();
        let mut change = None;
        let mut failed = None;
        for table in 0..self.count() {
            let head = match self.head(table) {
                Ok(head) => head,
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            match header::locate(&head, mapping) {
                Ok((header, mapping)) => found.push(Found::new(table, head, header, mapping)),
                Err(difference) => change = change.or(difference.map(|difference| difference.change)),
            }
        }
        let is_text = matches!(self, Tables::Text { .. });
        if found.len() > 1 && !is_text {
            let names = found.iter().map(|f| format!("«{}»", self.sheet_name(f.table)));
            return Err(StatementError::SeveralSheets {
                sheets: names.collect::<Vec<_>>().join(", "),
            });
        }
        match (found.into_iter().next(), change) {
            (Some(found), _) => Ok(found),
            (None, Some(change)) => Err(StatementError::HeaderChanged { change }),
            (None, None) => Err(failed.unwrap_or_else(|| self.no_header())),
        }
    }

    /// No row looks like a header. A page without one may be anything that somebody saw in a browser, and a text may
    /// have its columns set apart by blanks.
    fn no_header(&mut self) -> StatementError {
        match self {
            Tables::Text { file, formats } => {
                let is_report = has_columns_of_blanks(*file, formats[0]);
                if is_report {
                    StatementError::FixedWidth
                } else {
                    StatementError::NoHeader
                }
            }
            Tables::Html(_) => StatementError::NotAStatement {
                what: (
                    "trang web (HTML) không có bảng giao dịch",
                    "a web page (HTML) without a table of payments",
                ),
                advice: (
                    "Hãy đăng nhập lại rồi tải sao kê dạng Excel hoặc CSV từ nhà cung cấp.",
                    "Sign in again and get the statement as Excel or CSV from the provider.",
                ),
            },
            _ => StatementError::NoHeader,
        }
    }

    /// Which of these mappings reads the file; else how the file differs from the one that it is nearly.
    pub(crate) fn choose(&mut self, mappings: &[&Mapping]) -> Chosen {
        let heads: Vec<Vec<TextRow>> = (0..self.count())
            .filter_map(|table| self.head(table).ok())
            .collect();
        let mut near = None;
        for (at, mapping) in mappings.iter().enumerate() {
            for head in &heads {
                match header::locate(head, mapping) {
                    Ok(_) => return Chosen::This(at),
                    Err(difference) => {
                        near = near.or(difference.filter(|d| d.is_near).map(|d| d.change));
                    }
                }
            }
        }
        near.map_or(Chosen::None, Chosen::Changed)
    }

    /// Looks through a table as a whole. What breaks off on the way is said when its rows are read.
    pub(crate) fn look_through(&mut self, found: &Found) -> Result<Looked, StatementError> {
        let mut survey = Survey::new(&found.mapping, &found.header);
        let last = found.header.last_row;
        let _ = self.each_row(found.table, &mut |row| {
            if row.number > last {
                survey.add(row);
            }
            Ok(ControlFlow::Continue(()))
        });
        Ok(Looked {
            columns: survey.finish()?,
            unread: self.unread(found.table),
        })
    }

    /// The other sheets that have rows with a day and an amount.
    fn unread(&mut self, table: usize) -> Vec<UnreadSheet> {
        if matches!(self, Tables::Text { .. }) {
            return Vec::new();
        }
        let mut unread = Vec::new();
        for other in (0..self.count()).filter(|other| *other != table) {
            let mut rows = 0;
            let _ = self.each_row(other, &mut |row| {
                rows += u64::from(looks_like_a_movement(row));
                Ok(ControlFlow::Continue(()))
            });
            if rows > 0 {
                let name = self.sheet_name(other).to_owned();
                unread.push(UnreadSheet { name, rows });
            }
        }
        unread
    }

    pub(crate) fn sheet_name(&self, table: usize) -> &str {
        let name = match self {
            Tables::Text { .. } => None,
            Tables::Xlsx(book) => book.sheet_names().nth(table),
            Tables::Xls(book) => book.sheet_names().nth(table),
            Tables::Xlsb(book) => book.sheet_names().nth(table),
            Tables::Ods(book) => book.sheet_names().nth(table),
            Tables::Xml2003(book) => book.sheet_names().nth(table),
            Tables::Html(pages) => pages.name(table),
        };
        name.unwrap_or_default()
    }
}

/// Whether one of the first lines is a header whose texts stand apart by several blanks, as a report is printed.
fn has_columns_of_blanks<F: Read + Seek>(file: &mut F, format: TextFormat) -> bool {
    let mut is_header = false;
    let mut left = HEADER_ROWS_MAX;
    let read = delimited::each_row(file, &format.uncut(), &mut |row| {
        let known = row.texts().flat_map(|line| line.split("  ")).filter(|part| {
            let part = part.trim();
            !part.is_empty() && part.len() < 100 && !words::meanings(part).is_empty()
        });
        is_header = known.count() >= 2;
        left -= 1;
        let is_enough = is_header || left == 0;
        Ok(if is_enough {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    });
    read.is_ok() && is_header
}

/// Whether a row has a day in one cell and an amount in another.
fn looks_like_a_movement(row: &RowBuf) -> bool {
    let is_day = |cell: &Cell<'_>| match cell.kind {
        CellKind::Serial { .. } => true,
        CellKind::Text => cell.text.len() >= 8 && matches!(values::moment(*cell), Ok(Some(_))),
        _ => false,
    };
    let is_amount = |cell: &Cell<'_>| {
        let amount = values::amount(*cell).ok().flatten();
        amount.is_some_and(|amount| amount.saturating_abs() >= 1_000)
    };
    let cells = (0..row.len()).map(|at| row.cell(at));
    let day = cells.clone().position(|cell| is_day(&cell));
    day.is_some_and(|day| cells.enumerate().any(|(at, cell)| at != day && is_amount(&cell)))
}

/// What the whole of a table shows.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub(crate) columns: Columns,
    pub(crate) unread: Vec<UnreadSheet>,
}

/// Which of several mappings reads a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The one at this place.
    This(usize),
    /// None, yet it is nearly the file of one of them; what is different.
    Changed(Sentence),
    /// None: it is another shape of file.
    None,
}

/// A table with its header.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Which table of the file.
    pub(crate) table: usize,
    pub(crate) header: Header,
    /// The mapping with its columns at their places in this file.
    pub(crate) mapping: Mapping,
    /// The rows above the header.
    pub(crate) above: Vec<Vec<String>>,
    /// Some rows below it.
    pub(crate) below: Vec<Vec<String>>,
}

impl Found {
    fn new(table: usize, head: Vec<TextRow>, header: Header, mapping: Mapping) -> Found {
        let mut above: Vec<Vec<String>> = head.into_iter().map(|row| row.cells).collect();
        let mut below = above.split_off(header.at);
        below.drain(..usize::from(header.rows).min(below.len()));
        Found {
            table,
            header,
            mapping,
            above,
            below,
        }
    }
}

//! XLSB workbooks: the package of XLSX with records instead of XML ([MS-XLSB]), as far as tables of values go.

use std::collections::HashMap;
use std::io::{BufReader, Read, Seek};

use crate::statement::containers::cells::{CellKind, RowBuf, RowFault, RowSink};
use crate::statement::containers::numbers::{NumberFormat, decimal, packed_digits};
use crate::statement::containers::package::{archive_fault, relations, workbook_fault};
use crate::statement::containers::parts::Archive;
use crate::statement::error::StatementError;
use crate::statement::limits::{COLUMNS_MAX, RECORD_BYTES_MAX, SHARED_BYTES_MAX};
use crate::vn::Sentence;

// Records ([MS-XLSB] section 2.3) that say something about values.
const ROW: u32 = 0;
const CELL_PACKED: u32 = 2;
const CELL_ERROR: u32 = 3;
const CELL_BOOL: u32 = 4;
const CELL_NUMBER: u32 = 5;
const CELL_TEXT: u32 = 6;
const CELL_SHARED: u32 = 7;
const FORMULA_TEXT: u32 = 8;
const FORMULA_NUMBER: u32 = 9;
const FORMULA_BOOL: u32 = 10;
const FORMULA_ERROR: u32 = 11;
/// Cells that stand behind the one before them say no column; their kinds follow those of cells in the same order.
const SHORT_BLANK: u32 = 12;
const SHORT_SHARED: u32 = 18;
const BLANK: u32 = 1;
const SHARED_ITEM: u32 = 19;
const FORMAT: u32 = 44;
const XF: u32 = 47;
const RICH_TEXT: u32 = 62;
const END_SHEET_DATA: u32 = 146;
const WORKBOOK_PROPERTIES: u32 = 153;
const BUNDLE_SHEET: u32 = 156;
const BEGIN_CELL_XFS: u32 = 617;
const END_CELL_XFS: u32 = 618;

/// The name of the part that makes a package such a workbook.
pub(crate) const MAIN: &str = "workbook.bin";

pub(crate) struct Book<R> {
    archive: Archive<R>,
    /// What its sheets are called, and the part of each.
    sheets: Vec<(String, String)>,
    shared: Vec<Box<str>>,
    formats: Vec<NumberFormat>,
    since_1904: bool,
}

/// The records of a part, one by one.
struct Records<R> {
    inner: R,
    body: Vec<u8>,
    part: String,
}

impl<R: Read> Records<R> {
    fn new(inner: R, part: &str) -> Records<BufReader<R>> {
        Records {
            inner: BufReader::with_capacity(64 << 10, inner),
            body: Vec::new(),
            part: part.to_owned(),
        }
    }

    /// The kind of the next record, whose bytes are in the body then; none at the end of the part.
    fn next(&mut self) -> Result<Option<u32>, StatementError> {
        let Some(kind) = self.number(2)? else {
            return Ok(None);
        };
        let length = self.number(4)?.ok_or_else(|| self.cut())?;
        if u64::from(length) > RECORD_BYTES_MAX {
            return Err(workbook_fault(
                &self.part,
                Sentence::new("có một bản ghi quá dài", "a record is too long"),
            ));
        }
        self.body.resize(length as usize, 0);
        match self.inner.read_exact(&mut self.body) {
            Ok(()) => Ok(Some(kind)),
            Err(error) => Err(archive_fault(error)),
        }
    }

    fn cut(&self) -> StatementError {
        StatementError::Truncated {
            because: ("bảng tính kết thúc giữa chừng", "the workbook ends midway"),
        }
    }

    /// A number in up to so many bytes of seven bits, each of which says whether another one follows.
    fn number(&mut self, bytes_max: u32) -> Result<Option<u32>, StatementError> {
        let mut number = 0;
        for at in 0..bytes_max {
            let mut byte = [0];
            match self.inner.read(&mut byte) {
                Ok(0) if at == 0 => return Ok(None),
                Ok(0) => return Err(self.cut()),
                Ok(_) => {}
                Err(error) => return Err(archive_fault(error)),
            }
            let byte = u32::from(byte[0]);
            number |= (byte & 0x7F) << (7 * at);
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(Some(number))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// A text and where it ends. One that is not there has all bits of its length set.
fn text_at(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let count = u32_at(bytes, at)?;
    let from = at + 4;
    if count == u32::MAX {
        return Some((String::new(), from));
    }
    let end = from.checked_add((count as usize).checked_mul(2)?)?;
    let letters = bytes.get(from..end)?.chunks_exact(2);
    let units = letters.map(|b| u16::from_le_bytes([b[0], b[1]]));
    let text = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}'));
    Some((text.collect(), end))
}

impl<R: Read + Seek> Book<R> {
    pub(crate) fn open(file: R) -> Result<Book<R>, StatementError> {
        let archive = Archive::open(file).map_err(archive_fault)?;
        let mut book = Book {
            archive,
            sheets: Vec::new(),
            shared: Vec::new(),
            formats: Vec::new(),
            since_1904: false,
        };
        let mut names = book.archive.parts().iter().map(|part| part.name.clone());
        let main = names
            .find(|name| name.to_ascii_lowercase().ends_with(MAIN))
            .unwrap_or_default();
        let (folder, file_name) = match main.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), main.as_str()),
        };
        let related = relations(
            &mut book.archive,
            &format!("{folder}_rels/{file_name}.rels"),
            &folder,
        )?;
        let place = |kind: &str, usual: &str| {
            let named = related.iter().find(|relation| relation.kind == kind);
            named.map_or_else(|| format!("{folder}{usual}"), |relation| relation.target.clone())
        };
        let styles = place("styles", "styles.bin");
        let shared = place("sharedStrings", "sharedStrings.bin");
        let targets: HashMap<String, String> = related
            .into_iter()
            .map(|relation| (relation.id, relation.target))
            .collect();
        book.read_sheets(&main, &targets)?;
        book.read_styles(&styles)?;
        book.read_shared(&shared)?;
        Ok(book)
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(|(name, _)| name.as_str())
    }

    /// The records of a part; none if there is no such part.
    fn records(&mut self, name: &str) -> Result<Option<Records<impl Read + '_>>, StatementError> {
        let mut parts = self.archive.parts().iter();
        let Some(at) = parts.position(|part| part.name.eq_ignore_ascii_case(name)) else {
            return Ok(None);
        };
        let part = self.archive.read(at).map_err(archive_fault)?;
        Ok(Some(Records::new(part, name)))
    }

    fn read_sheets(&mut self, main: &str, targets: &HashMap<String, String>) -> Result<(), StatementError> {
        let mut sheets = Vec::new();
        let mut since_1904 = false;
        if let Some(mut records) = self.records(main)? {
            while let Some(kind) = records.next()? {
                let body = &records.body;
                match kind {
                    WORKBOOK_PROPERTIES => since_1904 = u32_at(body, 0).is_some_and(|flags| flags & 1 != 0),
                    BUNDLE_SHEET => {
                        let is_shown = u32_at(body, 0) == Some(0);
                        let named = text_at(body, 8).and_then(|(id, end)| Some((id, text_at(body, end)?.0)));
                        if let (true, Some((id, name))) = (is_shown, named)
                            && let Some(part) = targets.get(&id)
                        {
                            sheets.push((name, part.clone()));
                        }
                    }
                    _ => {}
                }
            }
        }
        self.sheets = sheets;
        self.since_1904 = since_1904;
        Ok(())
    }

    /// What styles of cells show: nothing else tells a date, or dollars, from a number.
    fn read_styles(&mut self, name: &str) -> Result<(), StatementError> {
        let mut own_formats = HashMap::new();
        let mut formats = Vec::new();
        let mut is_in_cells = false;
        if let Some(mut records) = self.records(name)? {
            while let Some(kind) = records.next()? {
                let body = &records.body;
                match kind {
                    FORMAT => {
                        if let (Some(id), Some((code, _))) = (u16_at(body, 0), text_at(body, 2)) {
                            own_formats.insert(u32::from(id), NumberFormat::of(&code));
                        }
                    }
                    BEGIN_CELL_XFS => is_in_cells = true,
                    END_CELL_XFS => is_in_cells = false,
                    XF if is_in_cells => {
                        let id = u32::from(u16_at(body, 2).unwrap_or(0));
                        formats.push(
                            own_formats
                                .get(&id)
                                .copied()
                                .unwrap_or(NumberFormat::built_in(id)),
                        );
                    }
                    _ => {}
                }
            }
        }
        self.formats = formats;
        Ok(())
    }

    fn read_shared(&mut self, name: &str) -> Result<(), StatementError> {
        let mut shared = Vec::new();
        let mut bytes = 0;
        if let Some(mut records) = self.records(name)? {
            while let Some(kind) = records.next()? {
                if kind != SHARED_ITEM {
                    continue;
                }
                let text = text_at(&records.body, 1).map_or_else(String::new, |(text, _)| text);
                bytes += text.len() + 16;
                if bytes > SHARED_BYTES_MAX {
                    return Err(workbook_fault(
                        name,
                        Sentence::new(
                            "các ô có quá nhiều văn bản khác nhau",
                            "the cells have too many different texts",
                        ),
                    ));
                }
                shared.push(text.into_boxed_str());
            }
        }
        self.shared = shared;
        Ok(())
    }

    /// Hands over every row of a sheet that is not blank.
    pub(crate) fn each_row(&mut self, sheet: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        let Some((_, part)) = self.sheets.get(sheet).cloned() else {
            return Ok(());
        };
        let shared = std::mem::take(&mut self.shared);
        let formats = std::mem::take(&mut self.formats);
        let since_1904 = self.since_1904;
        let outcome = match self.records(&part) {
            Ok(Some(records)) => read_sheet(records, &shared, &formats, since_1904, sink),
            Ok(None) => Err(workbook_fault(
                &part,
                Sentence::new("không có trong tệp", "it is not in the file"),
            )),
            Err(error) => Err(error),
        };
        self.shared = shared;
        self.formats = formats;
        outcome
    }
}

fn read_sheet<R: Read>(
    mut records: Records<R>,
    shared: &[Box<str>],
    formats: &[NumberFormat],
    since_1904: bool,
    sink: RowSink<'_>,
) -> Result<(), StatementError> {
    let mut row = RowBuf::new(false);
    let mut last = 0;
    let mut next_column = 0;
    while let Some(kind) = records.next()? {
        let body = &records.body;
        match kind {
            ROW => {
                if !row.is_blank() && sink(&row)?.is_break() {
                    return Ok(());
                }
                let number = u64::from(u32_at(body, 0).unwrap_or(0)) + 1;
                // The format wants rows in their order.
                if number <= last {
                    return Err(workbook_fault(
                        &records.part,
                        Sentence::new("các dòng không theo thứ tự", "rows are out of order"),
                    ));
                }
                last = number;
                next_column = 0;
                row.start(number);
            }
            BLANK..=SHORT_SHARED | RICH_TEXT => {
                let is_short = (SHORT_BLANK..=SHORT_SHARED).contains(&kind);
                let (column, kind, body) = if is_short {
                    (next_column, kind - SHORT_BLANK + BLANK, &body[..])
                } else {
                    let column = u32_at(body, 0).unwrap_or(u32::MAX) as usize;
                    (column, kind, body.get(4..).unwrap_or_default())
                };
                next_column = column.saturating_add(1);
                if kind == BLANK {
                    continue;
                }
                if column >= COLUMNS_MAX {
                    return Err(StatementError::TooManyColumns { row: row.number });
                }
                let style = u32_at(body, 0).unwrap_or(0) as usize & 0xFF_FFFF;
                let format = formats.get(style).copied().unwrap_or_default();
                let value = body.get(4..).unwrap_or_default();
                let digits = |digits: Option<String>| match digits {
                    Some(digits) => {
                        let (text, kind) = format.shown(digits.into(), since_1904);
                        (text.into_owned(), kind)
                    }
                    None => ("#NUM!".to_owned(), CellKind::Error),
                };
                let text = |text: Option<(String, usize)>| match text {
                    Some((text, _)) => (text, CellKind::Text),
                    None => ("#REF!".to_owned(), CellKind::Error),
                };
                let (said, kind) = match kind {
                    CELL_PACKED => digits(u32_at(value, 0).and_then(packed_digits)),
                    CELL_NUMBER | FORMULA_NUMBER => {
                        let bits = value.get(..8).and_then(|b| b.try_into().ok());
                        digits(bits.map(u64::from_le_bytes).and_then(decimal))
                    }
                    CELL_TEXT | FORMULA_TEXT => text(text_at(value, 0)),
                    RICH_TEXT => text(text_at(value, 1)),
                    CELL_SHARED => {
                        let at = u32_at(value, 0).unwrap_or(u32::MAX) as usize;
                        text(shared.get(at).map(|text| (text.to_string(), 0)))
                    }
                    CELL_BOOL | FORMULA_BOOL => {
                        let word = if value.first() == Some(&1) {
                            "TRUE"
                        } else {
                            "FALSE"
                        };
                        (word.to_owned(), CellKind::Text)
                    }
                    CELL_ERROR | FORMULA_ERROR => ("#REF!".to_owned(), CellKind::Error),
                    _ => continue,
                };
                if column < row.len() && !row.cell(column).text.is_empty() {
                    row.blame(RowFault::CellTwice(column + 1));
                } else {
                    row.put(column, &said, kind);
                }
            }
            END_SHEET_DATA => break,
            _ => {}
        }
    }
    if row.is_blank() {
        return Ok(());
    }
    sink(&row).map(drop)
}

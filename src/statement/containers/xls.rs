//! XLS workbooks (BIFF8 and BIFF5), as far as tables of values go. The stream of the workbook is in memory, since old
//! workbooks are small; rows are handed over one by one.

use std::collections::HashMap;
use std::io::{Read, Seek};

use crate::statement::containers::cells::{CellKind, RowBuf, RowFault, RowSink};
use crate::statement::containers::numbers::{NumberFormat, decimal, packed_digits};
use crate::statement::containers::ole::{self, broken, cut};
use crate::statement::error::StatementError;
use crate::statement::limits::{COLUMNS_MAX, SHARED_BYTES_MAX};

/// Sheets of a workbook; a statement has a few.
const SHEETS_MAX: usize = 256;

/// Versions of the format that are read: since Excel 97, and Excel 5 and 95.
const BIFF8: u16 = 0x0600;
const BIFF5: u16 = 0x0500;

// Records ([MS-XLS] section 2.3) that say something about values.
const BOF: u16 = 0x0809;
const END: u16 = 0x000A;
const CONTINUE: u16 = 0x003C;
const FILE_PASS: u16 = 0x002F;
const DATE_1904: u16 = 0x0022;
const BOUND_SHEET: u16 = 0x0085;
const FORMAT: u16 = 0x041E;
const XF: u16 = 0x00E0;
const CODE_PAGE: u16 = 0x0042;
const SHARED_STRINGS: u16 = 0x00FC;
const LABEL_SHARED: u16 = 0x00FD;
const LABEL: u16 = 0x0204;
const RICH_LABEL: u16 = 0x00D6;
const NUMBER: u16 = 0x0203;
const RK: u16 = 0x027E;
const MUL_RK: u16 = 0x00BD;
const FORMULA: u16 = 0x0006;
const STRING: u16 = 0x0207;
const BOOL_OR_ERROR: u16 = 0x0205;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) struct Book {
    stream: Vec<u8>,
    sheets: Vec<Sheet>,
    shared: Vec<Box<str>>,
    formats: Vec<NumberFormat>,
    since_1904: bool,
    letters: Letters,
}

struct Sheet {
    name: String,
    from: usize,
}

/// How the texts of a workbook are written.
#[derive(Clone, Copy)]
enum Letters {
    /// One byte or two for each letter, as the text itself says.
    Unicode,
    /// In this code page.
    Bytes(&'static encoding_rs::Encoding),
}

/// Where the record of a cell stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CellAt {
    row: u16,
    column: u16,
    /// A workbook has less than 2^32 bytes.
    at: u32,
    /// The record of the text that a formula came to; 0 for none.
    text_at: u32,
}

/// One record: its kind, its bytes, and where the next one begins.
fn record(stream: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let kind = u16_at(stream, at)?;
    let length = usize::from(u16_at(stream, at + 2)?);
    let bytes = stream.get(at + 4..at + 4 + length)?;
    Some((kind, bytes, at + 4 + length))
}

impl Book {
    pub(crate) fn open<F: Read + Seek>(file: &mut F) -> Result<Book, StatementError> {
        let stream = ole::workbook_stream(file)?;
        let mut book = Book {
            stream: Vec::new(),
            sheets: Vec::new(),
            shared: Vec::new(),
            formats: Vec::new(),
            since_1904: false,
            letters: Letters::Unicode,
        };
        book.globals(&stream)?;
        book.stream = stream;
        Ok(book)
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(|sheet| sheet.name.as_str())
    }

    /// The records before the first sheet.
    fn globals(&mut self, stream: &[u8]) -> Result<(), StatementError> {
        let mut own_formats = HashMap::new();
        let mut at = 0;
        let Some((BOF, first, _)) = record(stream, 0) else {
            return Err(broken("không có bản ghi BOF", "there is no BOF record"));
        };
        self.letters = match u16_at(first, 0) {
            Some(BIFF8) => Letters::Unicode,
            Some(BIFF5) => Letters::Bytes(encoding_rs::WINDOWS_1252),
            _ => {
                return Err(broken(
                    "phiên bản Excel đời cũ hơn 5.0",
                    "it is older than Excel 5.0",
                ));
            }
        };
        while let Some((kind, bytes, next)) = record(stream, at) {
            at = next;
            match kind {
                END => return Ok(()),
                FILE_PASS => return Err(StatementError::Password),
                DATE_1904 => self.since_1904 = u16_at(bytes, 0) == Some(1),
                CODE_PAGE => {
                    if let (Letters::Bytes(_), Some(page)) = (self.letters, u16_at(bytes, 0)) {
                        self.letters = Letters::Bytes(code_page(page));
                    }
                }
                BOUND_SHEET if self.sheets.len() < SHEETS_MAX => {
                    self.sheets.extend(self.letters.bound_sheet(bytes));
                }
                FORMAT => {
                    let count_bytes = match self.letters {
                        Letters::Unicode => 2,
                        Letters::Bytes(_) => 1,
                    };
                    let code = self.letters.text_at(bytes, 2, count_bytes).unwrap_or_default();
                    own_formats.insert(u32::from(u16_at(bytes, 0).unwrap_or(0)), NumberFormat::of(&code));
                }
                XF => {
                    let format = u32::from(u16_at(bytes, 2).unwrap_or(0));
                    let known = own_formats.get(&format).copied();
                    self.formats.push(known.unwrap_or(NumberFormat::built_in(format)));
                }
                SHARED_STRINGS => {
                    let mut parts = vec![bytes];
                    while let Some((CONTINUE, more, next)) = record(stream, at) {
                        parts.push(more);
                        at = next;
                    }
                    self.shared = shared_strings(&parts)?;
                }
                _ => {}
            }
        }
        Err(cut())
    }

    /// Hands over every row of a sheet that is not blank.
    pub(crate) fn each_row(&mut self, sheet: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        let Some(sheet) = self.sheets.get(sheet) else {
            return Ok(());
        };
        let (mut cells, is_ordered) = self.cells(sheet.from)?;
        if !is_ordered {
            // Some programs write column by column, or rows in any order.
            cells.sort_unstable();
        }
        let mut row = RowBuf::new(false);
        let mut before = None;
        for cell in cells {
            let number = u64::from(cell.row) + 1;
            if number != row.number {
                if !row.is_blank() && sink(&row)?.is_break() {
                    return Ok(());
                }
                row.start(number);
            }
            let column = usize::from(cell.column);
            if column >= COLUMNS_MAX {
                return Err(StatementError::TooManyColumns { row: number });
            }
            if before == Some((cell.row, cell.column)) || column < row.len() {
                row.blame(RowFault::CellTwice(column + 1));
                continue;
            }
            before = Some((cell.row, cell.column));
            row.fill_to(column);
            self.cell(cell, &mut row);
        }
        if row.is_blank() {
            return Ok(());
        }
        sink(&row).map(drop)
    }

    /// Where the cells of a sheet stand, and whether they stand there row by row.
    fn cells(&self, from: usize) -> Result<(Vec<CellAt>, bool), StatementError> {
        let mut cells: Vec<CellAt> = Vec::new();
        let mut is_ordered = true;
        let mut at = from;
        let mut depth = 0_u32;
        // A text that a formula came to follows its cell in a record of its own.
        let mut text_follows = false;
        while let Some((kind, bytes, next)) = record(&self.stream, at) {
            let here = std::mem::replace(&mut at, next);
            match kind {
                BOF => depth += 1,
                // Charts inside a sheet have their own beginning and end.
                END if depth <= 1 => return Ok((cells, is_ordered)),
                END => depth -= 1,
                _ if depth > 1 => {}
                STRING if std::mem::take(&mut text_follows) => {
                    if let Some(cell) = cells.last_mut() {
                        cell.text_at = here as u32;
                    }
                }
                LABEL_SHARED | LABEL | RICH_LABEL | NUMBER | RK | MUL_RK | FORMULA | BOOL_OR_ERROR => {
                    let (Some(row), Some(column)) = (u16_at(bytes, 0), u16_at(bytes, 2)) else {
                        return Err(broken("bản ghi ô quá ngắn", "a cell's record is too short"));
                    };
                    let last = cells.last().map(|cell| (cell.row, cell.column));
                    is_ordered &= last.is_none_or(|last| last < (row, column));
                    text_follows =
                        kind == FORMULA && matches!(bytes.get(6..14), Some([0, _, _, _, _, _, 0xFF, 0xFF]));
                    cells.push(CellAt {
                        row,
                        column,
                        at: here as u32,
                        text_at: 0,
                    });
                }
                _ => {}
            }
        }
        Err(cut())
    }

    /// Adds what the record of a cell says.
    fn cell(&self, cell: CellAt, row: &mut RowBuf) {
        let Some((kind, bytes, _)) = record(&self.stream, cell.at as usize) else {
            return;
        };
        let style = |at: usize| usize::from(u16_at(bytes, at).unwrap_or(0));
        match kind {
            LABEL_SHARED => {
                let text = u32_at(bytes, 6).and_then(|at| self.shared.get(at as usize));
                match text {
                    Some(text) => row.push(text, CellKind::Text),
                    None => row.push("#REF!", CellKind::Error),
                }
            }
            LABEL | RICH_LABEL => self.text(row, cell.at as usize, 6),
            NUMBER => self.number(row, style(4), bytes.get(6..14)),
            RK => self.packed(row, style(4), u32_at(bytes, 6)),
            MUL_RK => {
                let cells = bytes.len().saturating_sub(6) / 6;
                for at in 0..cells.min(COLUMNS_MAX) {
                    self.packed(row, style(4 + at * 6), u32_at(bytes, 6 + at * 6));
                }
            }
            BOOL_OR_ERROR if bytes.get(7) == Some(&1) => row.push("#REF!", CellKind::Error),
            BOOL_OR_ERROR => row.push(
                if bytes.get(6) == Some(&1) { "TRUE" } else { "FALSE" },
                CellKind::Text,
            ),
            FORMULA => match bytes.get(6..14) {
                Some([0, _, _, _, _, _, 0xFF, 0xFF]) => {
                    if cell.text_at > 0 {
                        self.text(row, cell.text_at as usize, 0);
                    }
                }
                Some([1, _, value, _, _, _, 0xFF, 0xFF]) => {
                    row.push(if *value == 1 { "TRUE" } else { "FALSE" }, CellKind::Text);
                }
                Some([2, _, _, _, _, _, 0xFF, 0xFF]) => row.push("#REF!", CellKind::Error),
                Some([3, _, _, _, _, _, 0xFF, 0xFF]) => row.push("", CellKind::Text),
                number => self.number(row, style(4), number),
            },
            _ => {}
        }
    }

    /// Adds the text that stands in a record from this byte on, and in those that continue it.
    fn text(&self, row: &mut RowBuf, at: usize, from: usize) {
        let Some((_, bytes, mut next)) = record(&self.stream, at) else {
            return;
        };
        let text = match self.letters {
            Letters::Bytes(_) => self.letters.text_at(bytes, from, 2),
            Letters::Unicode => {
                let mut parts = vec![bytes.get(from..).unwrap_or_default()];
                while let Some((CONTINUE, more, after)) = record(&self.stream, next) {
                    parts.push(more);
                    next = after;
                }
                let mut text = ContinuedRecord {
                    parts: &parts,
                    part: 0,
                    at: 0,
                };
                text.text()
            }
        };
        match text {
            Some(text) => row.push(&text, CellKind::Text),
            None => row.push("#REF!", CellKind::Error),
        }
    }

    fn push_number(&self, row: &mut RowBuf, style: usize, digits: String) {
        let format = self.formats.get(style).copied().unwrap_or_default();
        let (text, kind) = format.shown(digits.into(), self.since_1904);
        row.push(&text, kind);
    }

    fn number(&self, row: &mut RowBuf, style: usize, bytes: Option<&[u8]>) {
        let bits = bytes.and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        match bits.and_then(decimal) {
            Some(digits) => self.push_number(row, style, digits),
            None => row.push("#NUM!", CellKind::Error),
        }
    }

    fn packed(&self, row: &mut RowBuf, style: usize, packed: Option<u32>) {
        match packed.and_then(packed_digits) {
            Some(digits) => self.push_number(row, style, digits),
            None => row.push("#NUM!", CellKind::Error),
        }
    }
}

impl Letters {
    /// A sheet of values that shows itself.
    fn bound_sheet(self, bytes: &[u8]) -> Option<Sheet> {
        let from = u32_at(bytes, 0)? as usize;
        let is_hidden = bytes.get(4)? & 3 != 0;
        let kind = *bytes.get(5)?;
        let name = self.text_at(bytes, 6, 1)?;
        (!is_hidden && kind == 0).then_some(Sheet { name, from })
    }

    /// A text whose count of letters takes one byte or two; in Unicode then comes a byte that says how wide they are.
    fn text_at(self, bytes: &[u8], at: usize, count_bytes: usize) -> Option<String> {
        let count = match count_bytes {
            1 => usize::from(*bytes.get(at)?),
            _ => usize::from(u16_at(bytes, at)?),
        };
        let from = at + count_bytes;
        match self {
            Letters::Unicode => {
                let is_wide = bytes.get(from)? & 1 != 0;
                let width = if is_wide { 2 } else { 1 };
                let letters = bytes.get(from + 1..from + 1 + count * width)?;
                Some(letters_of(letters, is_wide))
            }
            Letters::Bytes(encoding) => {
                let letters = bytes.get(from..from + count)?;
                Some(encoding.decode_without_bom_handling(letters).0.into_owned())
            }
        }
    }
}

/// The encoding of a code page of Windows.
fn code_page(page: u16) -> &'static encoding_rs::Encoding {
    let label = match page {
        874 | 1250..=1258 => format!("windows-{page}"),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10_000 | 0x8000 => "macintosh".to_owned(),
        _ => String::new(),
    };
    encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252)
}

/// Letters of one byte are the first 256 of Unicode.
fn letters_of(bytes: &[u8], is_wide: bool) -> String {
    if !is_wide {
        return bytes.iter().map(|&b| char::from(b)).collect();
    }
    let units = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or('\u{fffd}'))
        .collect()
}

/// The texts that cells share. They go on over records; where one is cut, the next record says again how
/// wide its letters are.
fn shared_strings(parts: &[&[u8]]) -> Result<Vec<Box<str>>, StatementError> {
    let mut from = ContinuedRecord {
        parts,
        part: 0,
        at: 8,
    };
    let count = parts[0].get(4..8).and_then(|b| u32_at(b, 0)).unwrap_or(0) as usize;
    let mut texts = Vec::new();
    let mut bytes_kept = 0;
    while texts.len() < count {
        let Some(text) = from.text() else { break };
        bytes_kept += text.len() + 16;
        if bytes_kept > SHARED_BYTES_MAX {
            return Err(broken(
                "các ô có quá nhiều văn bản khác nhau",
                "the cells have too many different texts",
            ));
        }
        texts.push(text.into_boxed_str());
    }
    Ok(texts)
}

struct ContinuedRecord<'a> {
    parts: &'a [&'a [u8]],
    part: usize,
    at: usize,
}

impl<'a> ContinuedRecord<'a> {
    /// The rest of the record that is being read, or of the next one.
    fn rest(&mut self) -> Option<&'a [u8]> {
        while self.at >= self.parts.get(self.part)?.len() {
            self.part += 1;
            self.at = 0;
        }
        self.parts.get(self.part)?.get(self.at..)
    }

    fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let rest = self.rest()?;
            let taken = rest.len().min(count - bytes.len());
            bytes.extend_from_slice(&rest[..taken]);
            self.at += taken;
        }
        Some(bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        let mut left = count;
        while left > 0 {
            let taken = self.rest()?.len().min(left);
            self.at += taken;
            left -= taken;
        }
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        let head = self.bytes(3)?;
        let mut letters = usize::from(u16_at(&head, 0)?);
        let flags = head[2];
        let runs = if flags & 8 != 0 {
            usize::from(u16_at(&self.bytes(2)?, 0)?)
        } else {
            0
        };
        let extra = if flags & 4 != 0 {
            u32_at(&self.bytes(4)?, 0)? as usize
        } else {
            0
        };
        let mut is_wide = flags & 1 != 0;
        let mut text = String::new();
        while letters > 0 {
            let part = self.part;
            let mut rest = self.rest()?;
            if self.part != part {
                is_wide = rest.first()? & 1 != 0;
                self.at += 1;
                rest = self.rest()?;
            }
            let width = if is_wide { 2 } else { 1 };
            let taken = (rest.len() / width).min(letters);
            if taken == 0 {
                return None;
            }
            text.push_str(&letters_of(&rest[..taken * width], is_wide));
            self.at += taken * width;
            letters -= taken;
        }
        self.skip(runs * 4 + extra)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::tests::support::{bad, movements, ole, read, record, workbook_stream};

    #[test]
    fn packed_numbers_and_texts_of_formulas_are_read() {
        let texts = ["Ngày", "Mã giao dịch", "Số tiền", "15/01/2026"].map(str::to_owned);
        let label =
            |row: u8, column: u8, at: u8| record(LABEL_SHARED, &[row, 0, column, 0, 0, 0, at, 0, 0, 0]);
        let mut cells = record(BOF, &[0, 6, 0x10, 0]);
        for at in 0..3 {
            cells.extend(label(0, at, at));
        }
        let formula = |row: u8, column: u8, result: [u8; 8]| {
            let head = [row, 0, column, 0, 0, 0];
            record(FORMULA, &[&head[..], &result, &[0; 8]].concat())
        };
        let packed = |row: u8, bits: u32| {
            let head = [row, 0, 2, 0, 0, 0];
            record(RK, &[&head[..], &bits.to_le_bytes()].concat())
        };
        // A whole number, a hundredth of one, and the upper bits of a binary number.
        let numbers = [
            50_000 << 2 | 2,
            6_000_000 << 2 | 3,
            (7_000.0_f64.to_bits() >> 32) as u32,
        ];
        for (row, bits) in (1..).zip(numbers) {
            cells.extend(label(row, 0, 3));
            cells.extend(formula(row, 1, [0, 0, 0, 0, 0, 0, 0xFF, 0xFF]));
            cells.extend(record(STRING, &[2, 0, 0, b'G', b'0' + row]));
            cells.extend(packed(row, bits));
        }
        cells.extend(label(4, 0, 3));
        cells.extend(formula(4, 1, [2, 0, 23, 0, 0, 0, 0xFF, 0xFF]));
        cells.extend(packed(4, 1 << 2 | 2));
        cells.extend(record(END, &[]));
        let (events, _) = read(&ole(&workbook_stream(&texts, &cells)));
        let rows = movements(&events);
        let got: Vec<_> = rows
            .iter()
            .map(|r| (r.provider_txn_id.as_str(), r.amount.vnd()))
            .collect();
        assert_eq!(got, [("G1", 50_000), ("G2", 60_000), ("G3", 7_000)], "{events:?}");
        assert!(bad(&events).len() == 1 && bad(&events)[0].1.contains("công thức"));
    }
}

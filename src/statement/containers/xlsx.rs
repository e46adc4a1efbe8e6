//! XLSX workbooks, row after row: numbers stay the digits that stand in the file, and only the texts that cells share
//! are in memory.

use std::collections::HashMap;
use std::io::{Read, Seek};

use quick_xml::events::Event;

use crate::statement::containers::cells::{CellKind, RowBuf, RowSink};
use crate::statement::containers::parts::{Archive, ArchiveFault};
use crate::statement::containers::xml::{Xml, XmlFault, attribute};
use crate::statement::error::StatementError;
use crate::statement::limits::{
    COLUMNS_MAX, EXPANDED_BYTES_MAX, EXPANSION_FREE_BYTES, EXPANSION_MAX, Overrun, RECORD_BYTES_MAX,
    SHARED_BYTES_MAX,
};
use crate::statement::meaning::values::plain_decimal;
use crate::vn::{Sentence, sentence};

/// A sheet that shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sheet {
    name: String,
    part: String,
}

pub(crate) struct Book<R> {
    archive: Archive<R>,
    sheets: Vec<Sheet>,
    shared: SharedTexts,
    /// For each style of a cell, whether it shows a date.
    is_date: Vec<bool>,
    since_1904: bool,
}

/// Refuses what is no XLSX, what is locked, what holds a program and what would swell.
pub(crate) fn inspect<R: Read + Seek>(file: &mut R) -> Result<(), StatementError> {
    let archive = Archive::open(file).map_err(archive_fault)?;
    let mut whole = 0_u64;
    for part in archive.parts() {
        if part.is_encrypted {
            return Err(StatementError::Password);
        }
        whole = whole.saturating_add(part.size);
        if part.size > EXPANSION_FREE_BYTES && part.size / part.packed.max(1) > EXPANSION_MAX {
            return Err(StatementError::ZipBomb);
        }
    }
    if whole > EXPANDED_BYTES_MAX {
        return Err(StatementError::ZipBomb);
    }
    let names: Vec<String> = archive
        .parts()
        .iter()
        .map(|part| part.name.to_ascii_lowercase())
        .collect();
    let has = |test: fn(&str) -> bool| names.iter().any(|name| test(name));
    if has(|n| n.ends_with("vbaproject.bin") || n.contains("/macrosheets/")) {
        return Err(StatementError::Macro);
    }
    if has(|n| n.ends_with("xl/workbook.xml")) {
        return Ok(());
    }
    let what = if has(|n| n.ends_with("workbook.bin")) {
        ("bảng tính dạng XLSB", "a workbook as XLSB")
    } else if has(|n| n.starts_with("word/")) {
        ("văn bản Word", "a Word document")
    } else if has(|n| n.starts_with("ppt/")) {
        ("tệp PowerPoint", "a PowerPoint file")
    } else if has(|n| n == "content.xml") {
        ("bảng tính dạng ODS", "a workbook as ODS")
    } else {
        ("tệp nén ZIP", "a ZIP archive")
    };
    Err(StatementError::NotAStatement {
        what,
        advice: (
            "Hãy mở tệp, lưu lại dạng .xlsx rồi nhập.",
            "Open it, save it as .xlsx, then import it.",
        ),
    })
}

fn archive_fault(error: std::io::Error) -> StatementError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => StatementError::Truncated {
            because: ("tệp nén thiếu phần cuối", "the end of the archive is missing"),
        },
        _ => {
            let fault = error.get_ref().and_then(|inner| inner.downcast_ref());
            let said = || Sentence::new(error.to_string(), error.to_string());
            workbook_fault("zip", fault.map_or_else(said, ArchiveFault::sentence))
        }
    }
}

fn workbook_fault(part: &str, because: Sentence) -> StatementError {
    StatementError::Workbook {
        part: part.to_owned(),
        because,
    }
}

fn xml_fault(fault: XmlFault, part: &str) -> StatementError {
    match fault {
        XmlFault::Overrun(Overrun::Total) => StatementError::ZipBomb,
        XmlFault::Overrun(Overrun::Record) => workbook_fault(
            part,
            Sentence::new("có một phần tử quá dài", "an element is too long"),
        ),
        XmlFault::Deep => workbook_fault(
            part,
            Sentence::new(
                "các phần tử lồng nhau quá sâu",
                "elements lie too deep inside each other",
            ),
        ),
        XmlFault::DocType => workbook_fault(part, Sentence::new("có khai báo DOCTYPE", "there is a DOCTYPE")),
        XmlFault::Cut => StatementError::Truncated {
            because: ("bảng tính kết thúc giữa chừng", "the workbook ends midway"),
        },
        XmlFault::Broken(because) => workbook_fault(part, Sentence::new(because.clone(), because)),
    }
}

impl<R: Read + Seek> Book<R> {
    /// Opens a workbook that [`inspect`] has let pass.
    pub(crate) fn open(file: R) -> Result<Book<R>, StatementError> {
        let archive = Archive::open(file).map_err(archive_fault)?;
        let mut book = Book {
            archive,
            sheets: Vec::new(),
            shared: SharedTexts::default(),
            is_date: Vec::new(),
            since_1904: false,
        };
        let main = book
            .part_named(|name| name.ends_with("xl/workbook.xml"))
            .unwrap_or_default();
        let folder = main.strip_suffix("workbook.xml").unwrap_or_default().to_owned();
        let targets = book.relations(&format!("{folder}_rels/workbook.xml.rels"), &folder)?;
        book.read_sheets(&main, &targets)?;
        book.read_styles(&format!("{folder}styles.xml"))?;
        book.read_shared(&format!("{folder}sharedStrings.xml"))?;
        Ok(book)
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(|sheet| sheet.name.as_str())
    }

    fn part_named(&self, test: fn(&str) -> bool) -> Option<String> {
        let mut names = self.archive.parts().iter().map(|part| &part.name);
        names.find(|name| test(&name.to_ascii_lowercase())).cloned()
    }

    /// A part by its name, letter case aside; none if there is no such part.
    fn part(&mut self, name: &str) -> Result<Option<Xml<impl Read + '_>>, StatementError> {
        let mut parts = self.archive.parts().iter();
        let Some(at) = parts.position(|part| part.name.eq_ignore_ascii_case(name)) else {
            return Ok(None);
        };
        let size = self.archive.parts()[at].size;
        let part = self.archive.read(at).map_err(archive_fault)?;
        Ok(Some(Xml::new(part, size)))
    }

    /// Where each relation of the workbook leads.
    fn relations(&mut self, name: &str, folder: &str) -> Result<HashMap<String, String>, StatementError> {
        let mut targets = HashMap::new();
        let Some(mut xml) = self.part(name)? else {
            return Ok(targets);
        };
        loop {
            match xml.next().map_err(|fault| xml_fault(fault, name))? {
                Event::Start(e) if e.local_name().as_ref() == "Relationship" => {
                    if let (Some(id), Some(target)) = (attribute(&e, "Id"), attribute(&e, "Target")) {
                        let path = match target.strip_prefix('/') {
                            Some(absolute) => absolute.to_owned(),
                            None => format!("{folder}{target}"),
                        };
                        targets.insert(id.into_owned(), path);
                    }
                }
                Event::Eof => return Ok(targets),
                _ => {}
            }
        }
    }

    fn read_sheets(&mut self, name: &str, targets: &HashMap<String, String>) -> Result<(), StatementError> {
        let mut sheets = Vec::new();
        let mut since_1904 = false;
        if let Some(mut xml) = self.part(name)? {
            loop {
                match xml.next().map_err(|fault| xml_fault(fault, name))? {
                    Event::Start(e) if e.local_name().as_ref() == "workbookPr" => {
                        since_1904 = attribute(&e, "date1904").is_some_and(|v| v == "1" || v == "true");
                    }
                    Event::Start(e) if e.local_name().as_ref() == "sheet" => {
                        let is_hidden = attribute(&e, "state").is_some_and(|state| state != "visible");
                        let part = attribute(&e, "id").and_then(|id| targets.get(id.as_ref()).cloned());
                        if let (false, Some(name), Some(part)) = (is_hidden, attribute(&e, "name"), part) {
                            let name = name.into_owned();
                            sheets.push(Sheet { name, part });
                        }
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
        }
        self.sheets = sheets;
        self.since_1904 = since_1904;
        Ok(())
    }

    /// Which styles of cells show dates: nothing else tells a date from a number.
    fn read_styles(&mut self, name: &str) -> Result<(), StatementError> {
        let mut own_formats: HashMap<u32, bool> = HashMap::new();
        let mut is_date = Vec::new();
        let mut in_cell_styles = false;
        let Some(mut xml) = self.part(name)? else {
            return Ok(());
        };
        loop {
            match xml.next().map_err(|fault| xml_fault(fault, name))? {
                Event::Start(e) => match e.local_name().as_ref() {
                    "numFmt" => {
                        let id = attribute(&e, "numFmtId").and_then(|id| id.parse().ok());
                        if let (Some(id), Some(code)) = (id, attribute(&e, "formatCode")) {
                            own_formats.insert(id, shows_date(&code));
                        }
                    }
                    "cellXfs" => in_cell_styles = true,
                    "xf" if in_cell_styles => {
                        let id: u32 = attribute(&e, "numFmtId")
                            .and_then(|id| id.parse().ok())
                            .unwrap_or(0);
                        is_date.push(own_formats.get(&id).copied().unwrap_or(is_date_format(id)));
                    }
                    _ => {}
                },
                Event::End(e) if e.local_name().as_ref() == "cellXfs" => in_cell_styles = false,
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        self.is_date = is_date;
        Ok(())
    }

    fn read_shared(&mut self, name: &str) -> Result<(), StatementError> {
        let mut shared = SharedTexts::default();
        let Some(mut xml) = self.part(name)? else {
            return Ok(());
        };
        let fault = |fault| xml_fault(fault, name);
        let mut is_reading = false;
        loop {
            match xml.next().map_err(fault)? {
                Event::Start(e) => match e.local_name().as_ref() {
                    "t" => is_reading = true,
                    // How a text is pronounced is no part of it.
                    "rPh" => {
                        drop(e);
                        xml.skip().map_err(fault)?;
                    }
                    _ => {}
                },
                Event::End(e) if e.local_name().as_ref() == "si" => shared.ends.push(shared.text.len()),
                Event::Eof => break,
                _ => {}
            }
            if is_reading {
                xml.text_into(&mut shared.text).map_err(fault)?;
                is_reading = false;
            }
            if shared.text.len() + shared.ends.len() * 8 > SHARED_BYTES_MAX {
                return Err(workbook_fault(
                    name,
                    Sentence::new(
                        "các ô có quá nhiều văn bản khác nhau",
                        "the cells have too many different texts",
                    ),
                ));
            }
        }
        drop(xml);
        self.shared = shared;
        Ok(())
    }

    /// Hands over every row of a sheet that is not blank.
    pub(crate) fn each_row(&mut self, sheet: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        let Some(sheet) = self.sheets.get(sheet).cloned() else {
            return Ok(());
        };
        let name = sheet.part.as_str();
        let shared = std::mem::take(&mut self.shared);
        let styles = Styles {
            is_date: std::mem::take(&mut self.is_date),
            since_1904: self.since_1904,
        };
        let outcome = match self.part(name) {
            Ok(Some(xml)) => read_sheet(xml, name, &shared, &styles, sink),
            Ok(None) => Err(workbook_fault(
                name,
                Sentence::new("không có trong tệp", "it is not in the file"),
            )),
            Err(error) => Err(error),
        };
        self.shared = shared;
        self.is_date = styles.is_date;
        outcome
    }
}

/// Texts that cells share: one long text and where each one in it ends.
#[derive(Debug, Default)]
struct SharedTexts {
    text: String,
    ends: Vec<usize>,
}

impl SharedTexts {
    fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }
}

struct Styles {
    is_date: Vec<bool>,
    since_1904: bool,
}

impl Styles {
    fn kind(&self, style: usize) -> CellKind {
        match self.is_date.get(style) {
            Some(true) => CellKind::Serial {
                since_1904: self.since_1904,
            },
            _ => CellKind::Number,
        }
    }
}

/// What a cell's element says of it.
#[derive(Default)]
struct CellStart {
    column: usize,
    style: usize,
    kind: CellType,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum CellType {
    #[default]
    Number,
    Shared,
    Text,
    Error,
}

fn read_sheet<R: Read>(
    mut xml: Xml<R>,
    name: &str,
    shared: &SharedTexts,
    styles: &Styles,
    sink: RowSink<'_>,
) -> Result<(), StatementError> {
    let fault = |fault| xml_fault(fault, name);
    let mut row = RowBuf::new(false);
    let mut start = CellStart::default();
    let mut value = String::new();
    let mut last = 0_u64;
    // The text of an element is read once its borrow of the reader has ended.
    let mut action = Action::Nothing;
    loop {
        match xml.next().map_err(fault)? {
            Event::Start(e) => match e.local_name().as_ref() {
                "row" => {
                    let number = attribute(&e, "r")
                        .and_then(|r| r.parse().ok())
                        .unwrap_or(last + 1);
                    if number <= last || number > 1 << 32 {
                        return Err(workbook_fault(
                            name,
                            sentence!("dòng {number} không theo thứ tự", "row {number} is out of order"),
                        ));
                    }
                    last = number;
                    row.start(number);
                }
                "c" => {
                    start = cell_start(&e, row.len()).map_err(|because| workbook_fault(name, because))?;
                    value.clear();
                }
                "v" | "t" => action = Action::Text,
                "f" | "rPh" | "extLst" => action = Action::Skip,
                _ => {}
            },
            Event::End(e) => match e.local_name().as_ref() {
                "c" => push(&mut row, &start, &value, shared, styles),
                "row" if !row.is_blank() && sink(&row)?.is_break() => return Ok(()),
                "row" => row.start(last),
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
        match std::mem::take(&mut action) {
            Action::Nothing => {}
            // A cell may hold its text in many runs.
            Action::Text if value.len() > RECORD_BYTES_MAX as usize => xml.skip().map_err(fault)?,
            Action::Text => xml.text_into(&mut value).map_err(fault)?,
            Action::Skip => xml.skip().map_err(fault)?,
        }
    }
}

#[derive(Default)]
enum Action {
    #[default]
    Nothing,
    Text,
    Skip,
}

fn cell_start(element: &quick_xml::events::BytesStart<'_>, next: usize) -> Result<CellStart, Sentence> {
    let mut start = CellStart {
        column: next,
        ..CellStart::default()
    };
    for attribute in element.attributes().with_checks(false).flatten() {
        let value: &str = &attribute.value;
        match attribute.key.as_ref() {
            "r" => {
                start.column = column(value).ok_or_else(|| {
                    sentence!("ô {value} không có trong bảng", "the sheet has no cell {value}")
                })?
            }
            "s" => start.style = value.parse().unwrap_or(0),
            "t" => {
                start.kind = match value {
                    "s" => CellType::Shared,
                    "e" => CellType::Error,
                    "n" => CellType::Number,
                    _ => CellType::Text,
                }
            }
            _ => {}
        }
    }
    if start.column < next || start.column >= COLUMNS_MAX {
        let place = start.column + 1;
        return Err(sentence!(
            "cột thứ {place} không theo thứ tự hoặc quá xa",
            "column {place} is out of order or too far"
        ));
    }
    Ok(start)
}

/// The place of a column from the letters of a cell's name, from 0.
fn column(cell: &str) -> Option<usize> {
    let letters = cell.bytes().take_while(u8::is_ascii_alphabetic);
    let place = letters.take(4).fold(0_usize, |place, b| {
        place * 26 + usize::from(b.to_ascii_uppercase() - b'A') + 1
    });
    place.checked_sub(1)
}

fn push(row: &mut RowBuf, start: &CellStart, value: &str, shared: &SharedTexts, styles: &Styles) {
    row.fill_to(start.column);
    match start.kind {
        CellType::Text => row.push(&unescaped(value), CellKind::Text),
        CellType::Error => row.push(value, CellKind::Error),
        CellType::Shared => {
            // An index that leads nowhere is a broken cell, as a formula's error is.
            match value.trim().parse().ok().and_then(|at: usize| shared.get(at)) {
                Some(text) => row.push(&unescaped(text), CellKind::Text),
                None => row.push("#REF!", CellKind::Error),
            }
        }
        CellType::Number if value.trim().is_empty() => row.push("", CellKind::Text),
        CellType::Number => match plain_decimal(value.trim()) {
            Some(digits) => row.push(&digits, styles.kind(start.style)),
            None => row.push(value, CellKind::Error),
        },
    }
}

/// Line ends are written `_x000D_` where XML would lose them.
fn unescaped(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains("_x000") {
        text.replace("_x000D_", " ")
            .replace("_x000A_", " ")
            .replace("_x0009_", " ")
            .into()
    } else {
        text.into()
    }
}

/// Built-in formats that show a day or a time.
pub(crate) fn is_date_format(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Whether a format of the file's own shows a day or a time: letters of dates outside of quoted words,
/// colours and escapes.
pub(crate) fn shows_date(code: &str) -> bool {
    let mut in_quotes = false;
    let mut in_brackets = false;
    let mut is_escaped = false;
    for c in code.chars() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match c {
            '\\' | '_' | '*' => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            // Only the first part says how positive numbers look.
            ';' if !in_quotes => return false,
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' if !in_quotes && !in_brackets => {
                return true;
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dates_are_told_from_those_of_numbers() {
        for code in [
            "dd/mm/yyyy",
            "yyyy-mm-dd hh:mm:ss",
            "[$-42A]d mmmm yyyy;@",
            "h:mm AM/PM",
        ] {
            assert!(shows_date(code), "{code}");
        }
        for code in [
            "General",
            "#,##0",
            "#,##0 \"đ\"",
            "0.00",
            "[Red]#,##0",
            "#,##0\\d",
            "@",
            "#,##0;\"d\"",
        ] {
            assert!(!shows_date(code), "{code}");
        }
        assert!(is_date_format(14) && is_date_format(22) && !is_date_format(0) && !is_date_format(3));
    }

    #[test]
    fn columns_are_named_by_letters() {
        for (cell, wanted) in [
            ("A1", Some(0)),
            ("Z9", Some(25)),
            ("AA10", Some(26)),
            ("XFD1", Some(16_383)),
            ("1", None),
        ] {
            assert_eq!(column(cell), wanted, "{cell}");
        }
    }
}

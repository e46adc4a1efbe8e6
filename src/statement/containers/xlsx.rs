//! XLSX workbooks, row after row: numbers stay the digits that stand in the file, and only the texts that cells share
//! are in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};

use quick_xml::events::Event;

use crate::statement::containers::cells::{CellKind, RowBuf, RowFault, RowSink};
use crate::statement::containers::numbers::NumberFormat;
use crate::statement::containers::ods;
use crate::statement::containers::package::{
    archive_fault, main_part, part, relations, workbook_fault, xml_fault,
};
use crate::statement::containers::parts::Archive;
use crate::statement::containers::xlsb;
use crate::statement::containers::xml::{Xml, attribute};
use crate::statement::error::StatementError;
use crate::statement::kind::FileKind;
use crate::statement::limits::{
    COLUMNS_MAX, EXPANDED_BYTES_MAX, EXPANSION_FREE_BYTES, EXPANSION_MAX, RECORD_BYTES_MAX, SHARED_BYTES_MAX,
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
    formats: Vec<NumberFormat>,
    since_1904: bool,
}

/// What a ZIP archive is.
pub(crate) enum Zip {
    Workbook(FileKind),
    /// Something else that a program packs so.
    Other((&'static str, &'static str)),
    /// Files that somebody packed.
    Files,
}

/// Which kind of workbook it is. Refuses what is none, what is locked, what holds a program and what would swell.
pub(crate) fn inspect<R: Read + Seek>(file: &mut R) -> Result<FileKind, StatementError> {
    let (what, advice) = match what(file)? {
        Zip::Workbook(kind) => return Ok(kind),
        Zip::Other(what) => (
            what,
            (
                "Hãy mở tệp, lưu lại dạng .xlsx rồi nhập.",
                "Open it, save it as .xlsx, then import it.",
            ),
        ),
        Zip::Files => (
            ("tệp nén ZIP", "a ZIP archive"),
            (
                "Hãy giải nén rồi nhập từng tệp sao kê ở trong.",
                "Unpack it, then import the statements in it one by one.",
            ),
        ),
    };
    Err(StatementError::NotAStatement { what, advice })
}

/// Says what an archive is, unless it is locked, holds a program or would swell.
pub(crate) fn what<R: Read + Seek>(file: &mut R) -> Result<Zip, StatementError> {
    let mut archive = Archive::open(file).map_err(archive_fault)?;
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
    if main_part(&mut archive)?.is_some() {
        return Ok(Zip::Workbook(FileKind::Xlsx));
    }
    Ok(if has(|n| n.ends_with(xlsb::MAIN)) {
        Zip::Workbook(FileKind::Xlsb)
    } else if has(|n| n.starts_with("word/")) {
        Zip::Other(("văn bản Word", "a Word document"))
    } else if has(|n| n.starts_with("ppt/")) {
        Zip::Other(("tệp PowerPoint", "a PowerPoint file"))
    } else if has(|n| n.ends_with(".iwa")) {
        Zip::Other(("bảng tính Apple Numbers", "a workbook of Apple Numbers"))
    } else if has(|n| n == ods::CONTENT) {
        return open_document(&mut archive);
    } else {
        Zip::Files
    })
}

/// What a document of the OpenDocument format is, by what it says first.
fn open_document<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Zip, StatementError> {
    if ods::is_locked(archive)? {
        return Err(StatementError::Password);
    }
    let mut kind = String::new();
    let at = archive.parts().iter().position(|part| part.name == "mimetype");
    if let Some(at) = at {
        let part = archive.read(at).map_err(archive_fault)?;
        part.take(100).read_to_string(&mut kind).map_err(archive_fault)?;
    }
    Ok(match kind.trim() {
        "" => Zip::Workbook(FileKind::Ods),
        kind if kind.contains("spreadsheet") => Zip::Workbook(FileKind::Ods),
        _ => Zip::Other((
            "tài liệu OpenDocument không phải bảng tính",
            "an OpenDocument file that is no workbook",
        )),
    })
}

impl<R: Read + Seek> Book<R> {
    /// Opens a workbook that [`inspect`] has let pass.
    pub(crate) fn open(file: R) -> Result<Book<R>, StatementError> {
        let mut archive = Archive::open(file).map_err(archive_fault)?;
        let main = main_part(&mut archive)?.unwrap_or_default();
        let (folder, file_name) = match main.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), main.as_str()),
        };
        let related = relations(&mut archive, &format!("{folder}_rels/{file_name}.rels"), &folder)?;
        // The relations say where a part is; its usual name is for files without them.
        let place = |kind: &str, usual: &str| {
            let named = related.iter().find(|relation| relation.kind == kind);
            named.map_or_else(|| format!("{folder}{usual}"), |relation| relation.target.clone())
        };
        let styles = place("styles", "styles.xml");
        let shared = place("sharedStrings", "sharedStrings.xml");
        let targets = related
            .iter()
            .map(|relation| (relation.id.clone(), relation.target.clone()));
        let targets = targets.collect();
        let mut book = Book {
            archive,
            sheets: Vec::new(),
            shared: SharedTexts::default(),
            formats: Vec::new(),
            since_1904: false,
        };
        book.read_sheets(&main, &targets)?;
        book.read_styles(&styles)?;
        book.read_shared(&shared)?;
        Ok(book)
    }

    pub(crate) fn sheet_names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(|sheet| sheet.name.as_str())
    }

    fn part(&mut self, name: &str) -> Result<Option<Xml<Box<dyn Read + '_>>>, StatementError> {
        part(&mut self.archive, name)
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
        if sheets.is_empty() && targets.is_empty() {
            // No relation leads to a sheet: the parts themselves say what is one.
            let names = self.archive.parts().iter().map(|part| part.name.clone());
            let is_sheet = |name: &String| {
                let name = name.to_ascii_lowercase();
                name.contains("worksheets/sheet") && name.ends_with(".xml")
            };
            let parts = names.filter(is_sheet).map(|part| Sheet {
                name: part.rsplit('/').next().unwrap_or_default().to_owned(),
                part,
            });
            sheets.extend(parts);
        }
        self.sheets = sheets;
        self.since_1904 = since_1904;
        Ok(())
    }

    /// What styles of cells show: nothing else tells a date, or dollars, from a number.
    fn read_styles(&mut self, name: &str) -> Result<(), StatementError> {
        let mut own_formats: HashMap<u32, NumberFormat> = HashMap::new();
        let mut formats = Vec::new();
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
                            own_formats.insert(id, NumberFormat::of(&code));
                        }
                    }
                    "cellXfs" => in_cell_styles = true,
                    "xf" if in_cell_styles => {
                        let id: u32 = attribute(&e, "numFmtId")
                            .and_then(|id| id.parse().ok())
                            .unwrap_or(0);
                        formats.push(
                            own_formats
                                .get(&id)
                                .copied()
                                .unwrap_or(NumberFormat::built_in(id)),
                        );
                    }
                    _ => {}
                },
                Event::End(e) if e.local_name().as_ref() == "cellXfs" => in_cell_styles = false,
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        self.formats = formats;
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
            formats: std::mem::take(&mut self.formats),
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
        self.formats = styles.formats;
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
    formats: Vec<NumberFormat>,
    since_1904: bool,
}

impl Styles {
    fn shown<'d>(&self, style: usize, digits: Cow<'d, str>) -> (Cow<'d, str>, CellKind) {
        let format = self.formats.get(style).copied().unwrap_or_default();
        format.shown(digits, self.since_1904)
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
    /// A text in the element of values.
    Text,
    /// A text in an element of its own.
    Inline,
    Boolean,
    Error,
}

/// What stands inside a cell. Programs write a value and a text of its own beside each other; the type of the cell says
/// which of the two it is.
#[derive(Default)]
struct CellContent {
    value: String,
    has_value: bool,
    inline: String,
    has_inline: bool,
    has_formula: bool,
    /// The element of values stands there twice.
    is_twice: bool,
}

impl CellContent {
    /// Empties it for the next cell.
    fn start(&mut self) {
        self.value.clear();
        self.inline.clear();
        self.has_value = false;
        self.has_inline = false;
        self.has_formula = false;
        self.is_twice = false;
    }
}

/// Rows that were handed over, as ranges: programs write them in any order, but none twice.
#[derive(Default)]
struct RowsSeen(BTreeMap<u64, u64>);

impl RowsSeen {
    /// False if the row was there before.
    fn add(&mut self, number: u64) -> bool {
        match self.0.range_mut(..=number).next_back() {
            Some((_, last)) if *last >= number => return false,
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => drop(self.0.insert(number, number)),
        }
        true
    }
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
    let mut seen = RowsSeen::default();
    let mut start = CellStart::default();
    let mut content = CellContent::default();
    let mut last = 0_u64;
    let mut next_column = 0;
    // The text of an element is read once its borrow of the reader has ended.
    let mut action = Action::Nothing;
    loop {
        match xml.next().map_err(fault)? {
            Event::Start(e) => match e.local_name().as_ref() {
                "row" => {
                    let number = attribute(&e, "r")
                        .and_then(|r| r.trim().parse().ok())
                        .unwrap_or(last + 1);
                    if number == 0 || number > 1 << 32 {
                        return Err(workbook_fault(
                            name,
                            sentence!("không có dòng {number}", "there is no row {number}"),
                        ));
                    }
                    last = number;
                    next_column = 0;
                    row.start(number);
                }
                "c" => {
                    start = cell_start(&e, next_column).map_err(|because| workbook_fault(name, because))?;
                    next_column = start.column + 1;
                    content.start();
                }
                "v" => action = Action::Value,
                "t" => action = Action::Inline,
                "f" => {
                    content.has_formula = true;
                    action = Action::Skip;
                }
                "rPh" | "extLst" => action = Action::Skip,
                _ => {}
            },
            Event::End(e) => match e.local_name().as_ref() {
                "c" => push(&mut row, &start, &content, shared, styles)?,
                "row" if !row.is_blank() => {
                    if !seen.add(last) {
                        return Err(workbook_fault(
                            name,
                            sentence!("dòng {last} được ghi hai lần", "row {last} stands there twice"),
                        ));
                    }
                    if sink(&row)?.is_break() {
                        return Ok(());
                    }
                    row.start(last);
                }
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
        match std::mem::take(&mut action) {
            Action::Nothing => {}
            Action::Value => {
                content.is_twice |= content.has_value;
                content.has_value = true;
                content.value.clear();
                xml.text_into(&mut content.value).map_err(fault)?;
            }
            // A text of its own may be in many runs.
            Action::Inline if content.inline.len() > RECORD_BYTES_MAX as usize => {
                xml.skip().map_err(fault)?;
            }
            Action::Inline => {
                content.has_inline = true;
                xml.text_into(&mut content.inline).map_err(fault)?;
            }
            Action::Skip => xml.skip().map_err(fault)?,
        }
    }
}

#[derive(Default)]
enum Action {
    #[default]
    Nothing,
    Value,
    Inline,
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
                    "b" => CellType::Boolean,
                    "inlineStr" => CellType::Inline,
                    _ => CellType::Text,
                }
            }
            _ => {}
        }
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

fn push(
    row: &mut RowBuf,
    start: &CellStart,
    content: &CellContent,
    shared: &SharedTexts,
    styles: &Styles,
) -> Result<(), StatementError> {
    let value = content.has_value.then_some(content.value.as_str());
    let inline = content.has_inline.then_some(content.inline.as_str());
    let text = |text| (unescaped(text), CellKind::Text);
    let (said, kind): (Cow<'_, str>, CellKind) = match (start.kind, value, inline) {
        _ if content.is_twice => return blame_twice(row, start),
        (CellType::Inline, _, Some(inline)) => text(inline),
        (CellType::Inline | CellType::Text, Some(value), _) => text(value),
        // A program that computes nothing wrote the formula alone.
        (_, None, None) if content.has_formula => ("=?".into(), CellKind::Error),
        // Styled and empty.
        (_, None, None) => return Ok(()),
        (_, None, Some(inline)) => text(inline),
        (_, Some(value), _) if value.trim().is_empty() => return Ok(()),
        (CellType::Error, Some(value), _) => (value.into(), CellKind::Error),
        (CellType::Boolean, Some(value), _) => {
            let word = match value.trim() {
                "1" => "TRUE",
                "0" => "FALSE",
                other => other,
            };
            (word.into(), CellKind::Text)
        }
        // An index that leads nowhere is a broken cell, as a formula's error is.
        (CellType::Shared, Some(value), _) => {
            let shared = value.trim().parse().ok().and_then(|at: usize| shared.get(at));
            shared.map_or(("#REF!".into(), CellKind::Error), text)
        }
        (CellType::Number, Some(value), _) => match plain_decimal(value.trim()) {
            Some(digits) => styles.shown(start.style, digits),
            None => (value.into(), CellKind::Error),
        },
    };
    if start.column >= COLUMNS_MAX && !said.trim().is_empty() {
        return Err(StatementError::TooManyColumns { row: row.number });
    }
    // Cells without anything in them stretch over whole sheets where programs gave them a style.
    if start.column < COLUMNS_MAX {
        row.put(start.column, &said, kind);
    }
    Ok(())
}

fn blame_twice(row: &mut RowBuf, start: &CellStart) -> Result<(), StatementError> {
    row.blame(RowFault::CellTwice(start.column + 1));
    Ok(())
}

/// A letter that XML would lose is written as `_xHHHH_`, four hexadecimal digits.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return text.into();
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        units.extend(rest[..at].encode_utf16());
        rest = &rest[at..];
        let code = rest.get(2..6).filter(|_| rest.as_bytes().get(6) == Some(&b'_'));
        let code = code.filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = code.and_then(|code| u16::from_str_radix(code, 16).ok());
        // Control characters that nobody types stay as they are written.
        match unit.filter(|unit| *unit >= 0x20 || matches!(unit, 0x9 | 0xA | 0xD)) {
            Some(unit) => {
                units.push(unit);
                rest = &rest[7..];
            }
            None => {
                units.extend(rest[..2].encode_utf16());
                rest = &rest[2..];
            }
        }
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_xml_would_lose_come_back() {
        for (written, wanted) in [
            ("a_x000D_\nb", "a\r\nb"),
            ("_x0020_x", " x"),
            ("_x005F_x000D_", "_x000D_"),
            ("_x1EA1__x0111_", "ạđ"),
            ("_xD83D__xDE00_", "😀"),
            ("_x0001_ _xZZZZ_ _x00D_ _x", "_x0001_ _xZZZZ_ _x00D_ _x"),
        ] {
            assert_eq!(unescaped(written), wanted, "{written}");
        }
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

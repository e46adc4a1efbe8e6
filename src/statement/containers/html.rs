//! Pages of tables (HTML), as many sites of banks export them under the name of a workbook, and web archives (MHTML)
//! with such pages inside.
//!
//! `html5gum` cuts a page into tags and texts as browsers do. Rows are put together here and handed over one by one: a
//! tree of the whole page would hold it in memory, and browsers drop rows that stand outside of a table, which exports
//! have. `mail-parser` takes an archive apart.

use std::io::{Read, Seek, SeekFrom};

use html5gum::{DefaultEmitter, HtmlString, IoReader, Spanned, StartTag, Token, Tokenizer};
use mail_parser::decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode};
use mail_parser::{MessageParser, MessagePart, MimeHeaders};

use crate::statement::containers::cells::{CellKind, RowBuf, RowSink};
use crate::statement::containers::text;
use crate::statement::error::StatementError;
use crate::statement::kind::Encoding;
use crate::statement::limits::{
    self, CELL_BYTES_MAX, COLUMNS_MAX, FILE_BYTES_MAX, Meter, Metered, OLD_WORKBOOK_BYTES_MAX,
};
use crate::statement::meaning::values::plain_decimal;

/// One text or tag: scripts and pictures inside a page may be large.
const TOKEN_BYTES_MAX: u64 = 8 << 20;
/// Bytes in which a page says how it is written.
const HEAD_BYTES: usize = 8 << 10;
/// Pages in an archive; a workbook that was saved as one has a page for each sheet.
const PAGES_MAX: usize = 64;
/// Columns or rows over which one cell may stretch.
const SPAN_MAX: usize = 1_000;

/// The page of a file, or the pages of an archive.
pub(crate) enum Pages<F> {
    File {
        file: F,
        encoding: &'static encoding_rs::Encoding,
    },
    Archive(Vec<Page>),
}

pub(crate) struct Page {
    name: String,
    text: String,
}

impl<F: Read + Seek> Pages<F> {
    pub(crate) fn open_page(mut file: F) -> Result<Pages<F>, StatementError> {
        let encoding = encoding_of(&mut file).map_err(|error| StatementError::io(error, 1))?;
        Ok(Pages::File { file, encoding })
    }

    pub(crate) fn open_archive(mut file: F) -> Result<Pages<F>, StatementError> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(StatementError::Io)?;
        file.by_ref()
            .take(OLD_WORKBOOK_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(StatementError::Io)?;
        if bytes.len() as u64 > OLD_WORKBOOK_BYTES_MAX {
            return Err(StatementError::FileTooLarge);
        }
        let message = MessageParser::default().parse(&bytes);
        let parts = message.iter().flat_map(|message| message.parts.iter());
        let pages = parts
            .filter(|part| part.is_text_html())
            .filter_map(|part| page_of(part, &bytes));
        let pages: Vec<Page> = pages.take(PAGES_MAX + 1).collect();
        if pages.len() > PAGES_MAX {
            return Err(StatementError::TooManyFiles { most: PAGES_MAX });
        }
        if pages.is_empty() {
            return Err(StatementError::NotAStatement {
                what: (
                    "tệp web lưu trữ (MHTML) không có trang nào",
                    "a web archive (MHTML) without a page in it",
                ),
                advice: (
                    "Hãy tải sao kê dạng Excel hoặc CSV từ nhà cung cấp.",
                    "Get the statement as Excel or CSV from the provider.",
                ),
            });
        }
        Ok(Pages::Archive(pages))
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Pages::File { .. } => 1,
            Pages::Archive(pages) => pages.len(),
        }
    }

    /// What a page is called in its archive.
    pub(crate) fn name(&self, page: usize) -> Option<&str> {
        match self {
            Pages::File { .. } => None,
            Pages::Archive(pages) => pages.get(page).map(|page| page.name.as_str()),
        }
    }

    /// How the letters of a page are written, where that is one of the encodings that have a name here.
    pub(crate) fn encoding(&self) -> Option<Encoding> {
        match self {
            Pages::File { encoding, .. } if *encoding == encoding_rs::UTF_8 => Some(Encoding::Utf8),
            Pages::File { encoding, .. } if *encoding == encoding_rs::UTF_16LE => Some(Encoding::Utf16Le),
            Pages::File { encoding, .. } if *encoding == encoding_rs::UTF_16BE => Some(Encoding::Utf16Be),
            Pages::File { encoding, .. } if *encoding == encoding_rs::WINDOWS_1258 => {
                Some(Encoding::Windows1258)
            }
            Pages::File { encoding, .. } if *encoding == encoding_rs::WINDOWS_1252 => {
                Some(Encoding::Windows1252)
            }
            _ => None,
        }
    }

    /// Hands over every row of a page that is not blank: those of its tables in their order, and what stands above and
    /// between them as rows of one cell.
    pub(crate) fn each_row(&mut self, page: usize, sink: RowSink<'_>) -> Result<(), StatementError> {
        match self {
            Pages::File { file, encoding } => {
                text::mark(file).map_err(|error| StatementError::io(error, 1))?;
                if *encoding == encoding_rs::UTF_8 {
                    rows_of(file, sink)
                } else {
                    rows_of(text::as_utf8(file, encoding), sink)
                }
            }
            Pages::Archive(pages) => match pages.get(page) {
                Some(page) => rows_of(page.text.as_bytes(), sink),
                None => Ok(()),
            },
        }
    }
}

/// A page of an archive, its letters as UTF-8.
fn page_of(part: &MessagePart<'_>, whole: &[u8]) -> Option<Page> {
    let raw = whole.get(part.offset_body as usize..part.offset_end as usize)?;
    let bytes = match part.encoding {
        mail_parser::Encoding::None => raw.to_vec(),
        mail_parser::Encoding::QuotedPrintable => quoted_printable_decode(raw)?,
        mail_parser::Encoding::Base64 => base64_decode(raw)?,
    };
    let declared = part.content_type().and_then(|kind| kind.attribute("charset"));
    let declared = declared.and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
    let encoding = match text::marked(&bytes).0 {
        Some(Encoding::Utf16Le) => encoding_rs::UTF_16LE,
        Some(Encoding::Utf16Be) => encoding_rs::UTF_16BE,
        _ => likely(&bytes, std::str::from_utf8(&bytes).is_ok(), declared),
    };
    let (text, _, _) = encoding.decode(&bytes);
    let name = part.content_location().unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(Page {
        name: name.to_owned(),
        text: text.into_owned(),
    })
}

/// How a page is written: by its mark; as UTF-8 if it is that, whatever it declares; as it declares; else in the
/// Vietnamese code page of Windows.
fn encoding_of<F: Read + Seek>(file: &mut F) -> std::io::Result<&'static encoding_rs::Encoding> {
    match text::mark(file)? {
        Some(Encoding::Utf16Le) => return Ok(encoding_rs::UTF_16LE),
        Some(Encoding::Utf16Be) => return Ok(encoding_rs::UTF_16BE),
        _ => {}
    }
    let mut head = vec![0; HEAD_BYTES];
    let read = limits::fill(file, &mut head)?;
    head.truncate(read);
    text::mark(file)?;
    let is_utf8 = is_utf8(file)?;
    Ok(likely(&head, is_utf8, None))
}

fn likely(
    head: &[u8],
    is_utf8: bool,
    declared: Option<&'static encoding_rs::Encoding>,
) -> &'static encoding_rs::Encoding {
    if is_utf8 {
        return encoding_rs::UTF_8;
    }
    let head = &head[..head.len().min(HEAD_BYTES)];
    let is_eight_bit = |e: &&'static encoding_rs::Encoding| {
        *e != encoding_rs::UTF_8 && *e != encoding_rs::UTF_16LE && *e != encoding_rs::UTF_16BE
    };
    let declared = declared.or_else(|| declared_in(head)).filter(is_eight_bit);
    declared.unwrap_or(encoding_rs::WINDOWS_1258)
}

/// What a page says behind `charset=` in its head.
fn declared_in(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, behind) = head.split_once("charset")?;
    let behind = behind.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\''));
    let end = behind.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    encoding_rs::Encoding::for_label(&behind.as_bytes()[..end.unwrap_or(behind.len())])
}

/// Whether the file from here on is UTF-8 to its end.
fn is_utf8<R: Read>(file: &mut R) -> std::io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let mut kept = 0;
    loop {
        let read = limits::fill(file, &mut buffer[kept..])?;
        let filled = kept + read;
        match std::str::from_utf8(&buffer[..filled]) {
            Ok(_) => kept = 0,
            // A letter may be cut at the end of the buffer.
            Err(error) if error.error_len().is_none() && read > 0 => {
                let from = error.valid_up_to();
                buffer.copy_within(from..filled, 0);
                kept = filled - from;
            }
            Err(_) => return Ok(false),
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

fn rows_of<R: Read>(from: R, sink: RowSink<'_>) -> Result<(), StatementError> {
    let meter = Meter::of(FILE_BYTES_MAX * 3, TOKEN_BYTES_MAX);
    let reader = IoReader::new(Metered::new(from, meter.clone()));
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut rows = Rows::new(sink);
    for token in Tokenizer::new_with_emitter(reader, emitter) {
        let token = token.map_err(|error| StatementError::io(error, rows.row.number))?;
        let is_over = match token {
            Token::StartTag(tag) => rows.start(&tag)?,
            Token::EndTag(tag) => rows.end(&tag.name)?,
            Token::String(text) => {
                rows.text(&String::from_utf8_lossy(&text.value));
                false
            }
            // A text goes on behind what the reader did not like in it.
            Token::Error(_) => continue,
            Token::Comment(_) | Token::Doctype(_) => false,
        };
        if is_over {
            return Ok(());
        }
        meter.next_record();
    }
    rows.end_row().map(drop)
}

/// A cell that is open.
struct OpenCell {
    text: String,
    columns: usize,
    rows: usize,
    /// The number itself, where the program that wrote the page put it beside what it shows.
    number: Option<String>,
}

/// Elements whose text is none of the page's, or only what a person may click on.
const NO_TEXT: [&[u8]; 6] = [b"script", b"style", b"title", b"template", b"noscript", b"option"];
/// Elements outside of tables that lead to other pages.
const MENU: [&[u8]; 4] = [b"nav", b"ul", b"ol", b"button"];
/// Elements that begin on a line of their own.
const BLOCKS: [&[u8]; 14] = [
    b"p", b"div", b"br", b"li", b"h1", b"h2", b"h3", b"h4", b"h5", b"h6", b"center", b"form", b"hr",
    b"caption",
];
/// Elements that have no end.
const VOID: [&[u8]; 8] = [b"br", b"hr", b"img", b"input", b"meta", b"link", b"col", b"wbr"];

/// Puts rows together and hands them over.
struct Rows<'s> {
    sink: RowSink<'s>,
    row: RowBuf,
    number: u64,
    is_in_row: bool,
    cell: Option<OpenCell>,
    /// For each column, over how many rows below the cells in it stretch.
    stretched: Vec<usize>,
    /// Text outside of cells.
    loose: String,
    /// The element whose text is passed over, and how many of its name are open inside.
    passed: Option<(Vec<u8>, usize)>,
    menus: usize,
}

impl<'s> Rows<'s> {
    fn new(sink: RowSink<'s>) -> Rows<'s> {
        Rows {
            sink,
            row: RowBuf::new(false),
            number: 0,
            is_in_row: false,
            cell: None,
            stretched: Vec::new(),
            loose: String::new(),
            passed: None,
            menus: 0,
        }
    }

    /// True if no more rows are wanted; so below.
    fn start(&mut self, tag: &StartTag<()>) -> Result<bool, StatementError> {
        let name: &[u8] = &tag.name;
        if let Some((passed, depth)) = &mut self.passed {
            if passed == name {
                *depth += 1;
            }
            // A row or cell that begins ends what was left open in the one before.
            if !matches!(name, b"tr" | b"td" | b"th" | b"table") || NO_TEXT.contains(&passed.as_slice()) {
                return Ok(false);
            }
            self.passed = None;
        }
        match name {
            b"table" => {
                // A table in a cell is the layout of a page: what stands beside it is no row with it.
                let is_over = self.end_row()? || self.end_loose()?;
                self.stretched.clear();
                return Ok(is_over);
            }
            b"tr" => {
                if self.end_row()? || self.end_loose()? {
                    return Ok(true);
                }
                self.begin_row();
            }
            b"td" | b"th" => {
                self.end_cell()?;
                if !self.is_in_row {
                    if self.end_loose()? {
                        return Ok(true);
                    }
                    self.begin_row();
                }
                let span = |name: &[u8]| {
                    let value = attribute(tag, name).and_then(|value| value.trim().parse::<usize>().ok());
                    value.unwrap_or(1).clamp(1, SPAN_MAX)
                };
                self.cell = Some(OpenCell {
                    text: String::new(),
                    columns: span(b"colspan"),
                    rows: span(b"rowspan"),
                    number: attribute(tag, b"x:num").or_else(|| attribute(tag, b"sdval")),
                });
            }
            name if NO_TEXT.contains(&name) || (is_hidden(tag) && !VOID.contains(&name)) => {
                self.passed = Some((name.to_vec(), 1));
            }
            name => {
                if MENU.contains(&name) {
                    self.menus += 1;
                }
                return self.line(name);
            }
        }
        Ok(false)
    }

    fn end(&mut self, name: &[u8]) -> Result<bool, StatementError> {
        if let Some((passed, depth)) = &mut self.passed {
            if passed == name {
                *depth -= 1;
                if *depth == 0 {
                    self.passed = None;
                }
                return Ok(false);
            }
            let ends_cell = matches!(name, b"td" | b"th" | b"tr" | b"table");
            if !ends_cell || NO_TEXT.contains(&passed.as_slice()) {
                return Ok(false);
            }
            self.passed = None;
        }
        match name {
            b"td" | b"th" => self.end_cell().map(|()| false),
            b"tr" => self.end_row(),
            b"table" => {
                let is_over = self.end_row()?;
                self.stretched.clear();
                Ok(is_over)
            }
            name => {
                if MENU.contains(&name) {
                    self.menus = self.menus.saturating_sub(1);
                }
                self.line(name)
            }
        }
    }

    /// A block begins or ends: in a cell that is a line, outside of one a row.
    fn line(&mut self, name: &[u8]) -> Result<bool, StatementError> {
        if !BLOCKS.contains(&name) {
            return Ok(false);
        }
        match &mut self.cell {
            Some(cell) => {
                cell.text.truncate(cell.text.trim_end().len());
                if !cell.text.is_empty() {
                    cell.text.push('\n');
                }
                Ok(false)
            }
            None => self.end_loose(),
        }
    }

    fn text(&mut self, text: &str) {
        if self.passed.is_some() {
            return;
        }
        let to = match &mut self.cell {
            Some(cell) => &mut cell.text,
            None if self.menus > 0 => return,
            None => &mut self.loose,
        };
        // Beyond the limit of a cell the row is refused by name; no need to hold more.
        if to.len() > CELL_BYTES_MAX {
            return;
        }
        for c in text.chars() {
            // Blanks that a program wants to keep are of another kind.
            if c == '\u{a0}' {
                to.push(' ');
                continue;
            }
            let is_blank = matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
            match (is_blank, to.ends_with([' ', '\n']) || to.is_empty()) {
                (true, true) => {}
                (true, false) => to.push(' '),
                (false, _) => to.push(c),
            }
        }
    }

    fn begin_row(&mut self) {
        self.number += 1;
        self.row.start(self.number);
        self.is_in_row = true;
    }

    fn end_cell(&mut self) -> Result<(), StatementError> {
        let Some(cell) = self.cell.take() else {
            return Ok(());
        };
        self.pass_stretched();
        let column = self.row.len();
        if column >= COLUMNS_MAX {
            if cell.text.trim().is_empty() {
                return Ok(());
            }
            return Err(StatementError::TooManyColumns { row: self.number });
        }
        // A number too long to be shown, as `1,23E+11`, or not shown at all.
        let shown = cell.text.trim();
        let is_shortened = shown.is_empty() || shown.contains("E+") || shown.starts_with("##");
        let number = cell
            .number
            .as_deref()
            .filter(|_| is_shortened)
            .and_then(plain_decimal);
        match number {
            Some(number) => self.row.push(&number, CellKind::Number),
            None => self.row.push(&cell.text, CellKind::Text),
        }
        let end = (column + cell.columns).min(COLUMNS_MAX);
        self.row.fill_to(end);
        if cell.rows > 1 {
            if self.stretched.len() < end {
                self.stretched.resize(end, 0);
            }
            // The row itself counts, and is counted down when it ends.
            self.stretched[column..end].fill(cell.rows);
        }
        Ok(())
    }

    /// Where a cell from above stretches down, a row has an empty cell: an amount that stands over two rows is no
    /// amount of each.
    fn pass_stretched(&mut self) {
        let at = self.row.len();
        let beyond = self
            .stretched
            .iter()
            .skip(at)
            .take_while(|rows| **rows > 0)
            .count();
        self.row.fill_to(at + beyond);
    }

    fn end_row(&mut self) -> Result<bool, StatementError> {
        self.end_cell()?;
        if !std::mem::take(&mut self.is_in_row) {
            return self.end_loose();
        }
        for rows in &mut self.stretched {
            *rows = rows.saturating_sub(1);
        }
        let is_over = !self.row.is_blank() && (self.sink)(&self.row)?.is_break();
        Ok(is_over || self.end_loose()?)
    }

    /// A text outside of cells is a row of one cell.
    fn end_loose(&mut self) -> Result<bool, StatementError> {
        if self.is_in_row {
            return Ok(false);
        }
        let text = std::mem::take(&mut self.loose);
        if text.trim().is_empty() {
            return Ok(false);
        }
        self.number += 1;
        self.row.start(self.number);
        self.row.push(&text, CellKind::Text);
        Ok((self.sink)(&self.row)?.is_break())
    }
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let value: &Spanned<HtmlString, ()> = tag.attributes.get(name)?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

/// Text that is hidden inside a cell stands there for sorting. Hidden rows and cells are rows and cells: what a
/// person has hidden is not gone.
fn is_hidden(tag: &StartTag<()>) -> bool {
    let is_none = |style: String| {
        let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
        style.to_ascii_lowercase().contains("display:none")
    };
    attribute(tag, b"hidden").is_some() || attribute(tag, b"style").is_some_and(is_none)
}

//! Text with separators: CSV as every bank and spreadsheet writes it.
//!
//! Records are cut here and not by the `csv` crate, since a bad row must be handed back with the line
//! where it begins, a mark that never closes must be found wherever it stands, a record has a limit, and
//! the letters of each record are decoded by themselves, so that a row in another encoding is seen.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use encoding_rs::{CoderResult, Decoder, WINDOWS_1258};

use crate::statement::containers::cells::{CellKind, RowBuf, RowFault, RowSink};
use crate::statement::error::StatementError;
use crate::statement::kind::Encoding;
use crate::statement::limits::{self, COLUMNS_MAX, Overrun, RECORD_BYTES_MAX};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextFormat {
    pub(crate) encoding: Encoding,
    pub(crate) separator: u8,
    /// LF, or CR where the file has no LF (old Macintosh programs).
    line_end: u8,
}

const SEPARATORS: [u8; 4] = *b",;\t|";

/// The ways in which the text can be cut, the likeliest first.
pub(crate) fn candidates<F: Read + Seek>(file: &mut F) -> Result<Vec<TextFormat>, StatementError> {
    let encoding = encoding(file)?;
    let mut lines = open(file, encoding)?;
    let mut sample = Vec::new();
    lines
        .by_ref()
        .take(64 << 10)
        .read_to_end(&mut sample)
        .map_err(|error| StatementError::io(error, 1))?;
    let line_end = if sample.contains(&b'\n') || !sample.contains(&b'\r') {
        b'\n'
    } else {
        b'\r'
    };
    let mut separators = SEPARATORS;
    separators.sort_by_key(|s| std::cmp::Reverse(sample.iter().filter(|b| *b == s).count()));
    Ok(separators
        .into_iter()
        .map(|separator| TextFormat {
            encoding,
            separator,
            line_end,
        })
        .collect())
}

/// The encoding of a file, from all of it: that of most lines with letters beyond ASCII. The other lines
/// become bad rows; a file that is mostly in neither encoding is refused.
fn encoding<F: Read + Seek>(file: &mut F) -> Result<Encoding, StatementError> {
    let io = |error| StatementError::io(error, 1);
    let mut mark = [0; 2];
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let read = limits::fill(file, &mut mark).map_err(io)?;
    match &mark[..read] {
        [0xFF, 0xFE] => return Ok(Encoding::Utf16Le),
        [0xFE, 0xFF] => return Ok(Encoding::Utf16Be),
        _ => {}
    }
    let mut lines = open(file, Encoding::Utf8)?;
    let mut line = Vec::new();
    let mut number = 0;
    let mut utf8_lines = 0_u64;
    let mut old_lines = 0_u64;
    let mut foreign_lines = 0_u64;
    let mut first_foreign = 0;
    while next_line(&mut lines, b'\n', &mut line).map_err(|error| StatementError::io(error, number + 1))? {
        number += 1;
        if line.is_ascii() {
            continue;
        }
        if std::str::from_utf8(&line).is_ok() {
            utf8_lines += 1;
        } else if is_vietnamese_1258(&line) {
            old_lines += 1;
        } else {
            foreign_lines += 1;
            first_foreign = if foreign_lines == 1 { number } else { first_foreign };
        }
    }
    match (utf8_lines, old_lines, foreign_lines) {
        (utf8, old, foreign) if utf8 >= old + foreign => Ok(Encoding::Utf8),
        (_, old, foreign) if old >= foreign => Ok(Encoding::Windows1258),
        _ => Err(StatementError::Encoding { row: first_foreign }),
    }
}

/// Whether bytes make sense as Windows-1258: Vietnamese letters, each tone behind a vowel, and the signs
/// that office programs write. Other old encodings (TCVN3, VNI, those of the West) come to other letters.
fn is_vietnamese_1258(line: &[u8]) -> bool {
    const VOWELS: &str = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY";
    const LETTERS: &str = "ÀÁÂĂÈÉÊÍÓÔƠÙÚƯĐàáâăèéêíóôơùúưđ";
    const SIGNS: &str = "\u{a0}–—‘’“”•…₫€·°«»";
    let (text, _) = WINDOWS_1258.decode_without_bom_handling(line);
    let mut before = ' ';
    text.chars().all(|c| {
        let fits = match c {
            '\u{0300}' | '\u{0301}' | '\u{0303}' | '\u{0309}' | '\u{0323}' => VOWELS.contains(before),
            c => c.is_ascii() || LETTERS.contains(c) || SIGNS.contains(c),
        };
        before = c;
        fits
    })
}

/// Whether a line that is no ASCII is written in UTF-8, seen from a file in Windows-1258: its letters are
/// those of Vietnamese texts, which bytes of the other encoding come to only by unlikely chance.
fn is_utf8_line(line: &[u8]) -> bool {
    let is_usual = |c: char| matches!(c, '\0'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' | '\u{2000}'..='\u{206f}' | '\u{20ab}');
    std::str::from_utf8(line).is_ok_and(|text| text.chars().all(is_usual))
}

/// The text from behind its byte order mark, as UTF-8 where it was UTF-16; the bytes themselves elsewhere.
fn open<F: Read + Seek>(file: &mut F, encoding: Encoding) -> Result<Box<dyn BufRead + '_>, StatementError> {
    let io = |error| StatementError::io(error, 1);
    let mut mark = [0; 3];
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let read = limits::fill(file, &mut mark).map_err(io)?;
    let skipped = match (encoding, &mark[..read]) {
        (Encoding::Utf16Le | Encoding::Utf16Be, _) => 2,
        (_, [0xEF, 0xBB, 0xBF]) => 3,
        _ => 0,
    };
    file.seek(SeekFrom::Start(skipped)).map_err(io)?;
    let decoder = match encoding {
        Encoding::Utf16Le => encoding_rs::UTF_16LE.new_decoder_without_bom_handling(),
        Encoding::Utf16Be => encoding_rs::UTF_16BE.new_decoder_without_bom_handling(),
        _ => return Ok(Box::new(BufReader::with_capacity(128 << 10, file))),
    };
    Ok(Box::new(BufReader::with_capacity(
        128 << 10,
        Decoded::new(file, decoder),
    )))
}

/// UTF-16 as UTF-8. What is malformed becomes U+FFFD, which no row may hold.
struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    from: usize,
    to: usize,
    /// The last bytes have been read; the decoder is told so once.
    is_last: bool,
    is_done: bool,
}

impl<R: Read> Decoded<R> {
    fn new(inner: R, decoder: Decoder) -> Decoded<R> {
        Decoded {
            inner,
            decoder,
            raw: vec![0; 64 << 10],
            from: 0,
            to: 0,
            is_last: false,
            is_done: false,
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // The decoder wants room for one letter and its replacement.
        if buffer.len() < 16 {
            return Err(std::io::Error::other("a buffer too small to decode into"));
        }
        while !self.is_done {
            if self.from == self.to && !self.is_last {
                self.from = 0;
                self.to = limits::fill(&mut self.inner, &mut self.raw)?;
                self.is_last = self.to < self.raw.len();
            }
            let input = &self.raw[self.from..self.to];
            let (result, read, written, _) = self.decoder.decode_to_utf8(input, buffer, self.is_last);
            self.from += read;
            self.is_done = self.is_last && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

/// Reads a line without its end, into a buffer that is used again. False at the end of the file.
fn next_line(from: &mut dyn BufRead, line_end: u8, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    Ok(append_line(from, line_end, line)? > 0)
}

/// Reads one more line behind what is there, its end included; how many bytes.
fn append_line(from: &mut dyn BufRead, line_end: u8, line: &mut Vec<u8>) -> std::io::Result<u64> {
    let room = RECORD_BYTES_MAX.saturating_sub(line.len() as u64);
    let read = from.take(room).read_until(line_end, line)? as u64;
    if read == room && line.last() != Some(&line_end) {
        return Err(std::io::Error::other(Overrun::Record));
    }
    Ok(read)
}

/// Hands over every record that is not blank.
pub(crate) fn each_row<F: Read + Seek>(
    file: &mut F,
    text: &TextFormat,
    sink: RowSink<'_>,
) -> Result<(), StatementError> {
    let mut lines = open(file, text.encoding)?;
    let mut row = RowBuf::new(true);
    let mut record = Vec::new();
    let mut cells = Cells::default();
    let mut number = 1_u64;
    while next_line(&mut *lines, text.line_end, &mut record)
        .map_err(|error| StatementError::io(error, number))?
    {
        let mut lines_read = 1;
        if record.contains(&b'"') {
            let mut at = QuoteState::Start.after(&record, text.separator);
            while at == QuoteState::Quoted {
                let from = record.len();
                let read = append_line(&mut *lines, text.line_end, &mut record)
                    .map_err(|error| quote_or_io(error, number))?;
                if read == 0 {
                    return Err(StatementError::QuoteOpen { row: number });
                }
                at = at.after(&record[from..], text.separator);
                lines_read += 1;
            }
        }
        while let Some(b'\n' | b'\r') = record.last() {
            record.pop();
        }
        row.start(number);
        cells.cut(&record, text.separator);
        if cells.ends.len() > COLUMNS_MAX {
            return Err(StatementError::TooManyColumns { row: number });
        }
        fill_row(&mut row, &record, &cells, text.encoding);
        if !row.is_blank() && sink(&row)?.is_break() {
            return Ok(());
        }
        number += lines_read;
    }
    Ok(())
}

/// A record that grows past its limit inside a quotation mark was opened by that mark.
fn quote_or_io(error: std::io::Error, row: u64) -> StatementError {
    match limits::overrun(&error) {
        Some(_) => StatementError::QuoteOpen { row },
        None => StatementError::Io(error),
    }
}

/// Where in a record with quotation marks a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    /// Before the first letter of a cell; only here a mark opens.
    Start,
    Plain,
    Quoted,
    /// Behind a mark that closes, unless another one follows: a doubled mark is a letter.
    Closed,
}

impl QuoteState {
    /// Where the next byte stands, and whether this one is a letter of its cell.
    fn step(self, byte: u8, separator: u8) -> (QuoteState, bool) {
        match (self, byte) {
            (QuoteState::Quoted, b'"') => (QuoteState::Closed, false),
            (QuoteState::Quoted, _) => (QuoteState::Quoted, true),
            (QuoteState::Start, b'"') => (QuoteState::Quoted, false),
            (QuoteState::Closed, b'"') => (QuoteState::Quoted, true),
            (_, b) if b == separator => (QuoteState::Start, false),
            (QuoteState::Start, b' ') => (QuoteState::Start, true),
            _ => (QuoteState::Plain, true),
        }
    }

    fn after(self, bytes: &[u8], separator: u8) -> QuoteState {
        bytes.iter().fold(self, |at, &b| at.step(b, separator).0)
    }
}

/// Where the cells of a record end; quoted ones are unwrapped into a buffer of their own.
#[derive(Default)]
struct Cells {
    unquoted: Vec<u8>,
    is_unquoted: bool,
    ends: Vec<(usize, usize)>,
}

impl Cells {
    fn cut(&mut self, record: &[u8], separator: u8) {
        self.ends.clear();
        self.is_unquoted = record.contains(&b'"');
        if self.is_unquoted {
            return self.cut_quoted(record, separator);
        }
        let mut from = 0;
        for (at, &b) in record.iter().enumerate() {
            if b == separator {
                self.ends.push((from, at));
                from = at + 1;
            }
        }
        self.ends.push((from, record.len()));
    }

    fn cut_quoted(&mut self, record: &[u8], separator: u8) {
        self.unquoted.clear();
        let mut at = QuoteState::Start;
        let mut from = 0;
        for &byte in record {
            let (next, is_letter) = at.step(byte, separator);
            if is_letter {
                self.unquoted.push(byte);
            } else if next == QuoteState::Start {
                self.ends.push((from, self.unquoted.len()));
                from = self.unquoted.len();
            }
            at = next;
        }
        self.ends.push((from, self.unquoted.len()));
    }
}

/// Decodes a record and fills the row with its cells.
fn fill_row(row: &mut RowBuf, record: &[u8], cells: &Cells, encoding: Encoding) {
    let bytes = if cells.is_unquoted {
        &cells.unquoted
    } else {
        record
    };
    if bytes.is_ascii() || encoding != Encoding::Windows1258 {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                for &(from, to) in &cells.ends {
                    row.push(&text[from..to], CellKind::Text);
                }
            }
            Err(_) => {
                row.blame(RowFault::Encoding(encoding.show()));
                for &(from, to) in &cells.ends {
                    row.push(&String::from_utf8_lossy(&bytes[from..to]), CellKind::Text);
                }
            }
        }
        return;
    }
    if is_utf8_line(bytes) {
        row.blame(RowFault::MixedEncoding);
    } else if !is_vietnamese_1258(bytes) {
        row.blame(RowFault::Encoding(encoding.show()));
    }
    for &(from, to) in &cells.ends {
        let (text, _) = WINDOWS_1258.decode_without_bom_handling(&bytes[from..to]);
        row.push(&text, CellKind::Text);
    }
}

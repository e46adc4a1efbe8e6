//! Letters of text files: how a file is written, the file as UTF-8, and its lines.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use encoding_rs::{CoderResult, Decoder, WINDOWS_1252, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization;

use crate::statement::error::StatementError;
use crate::statement::kind::Encoding;
use crate::statement::limits::{self, Overrun, RECORD_BYTES_MAX};

/// Bytes read at once.
const BUFFER_BYTES: usize = 128 << 10;

/// The encoding that a byte order mark tells, and how many bytes the mark takes. Leaves the file behind it.
pub(crate) fn mark<F: Read + Seek>(file: &mut F) -> io::Result<Option<Encoding>> {
    let mut start = [0; 3];
    file.seek(SeekFrom::Start(0))?;
    let read = limits::fill(file, &mut start)?;
    let (encoding, bytes) = marked(&start[..read]);
    file.seek(SeekFrom::Start(bytes))?;
    Ok(encoding)
}

/// The encoding that the mark of a text tells, and how many bytes the mark takes.
pub(crate) fn marked(text: &[u8]) -> (Option<Encoding>, u64) {
    match text {
        [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8), 3),
        [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
        [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
        _ => (None, 0),
    }
}

/// The encoding of a file of lines, from all of it: that of most lines with letters beyond ASCII, where every letter
/// that is no Vietnamese one is a letter of the West.
pub(crate) fn encoding<F: Read + Seek>(file: &mut F) -> Result<Encoding, StatementError> {
    let marked = mark(file).map_err(|error| StatementError::io(error, 1))?;
    if let Some(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) = marked {
        return Ok(encoding);
    }
    let mut lines = BufReader::with_capacity(BUFFER_BYTES, file);
    let sample = lines.fill_buf().map_err(|error| StatementError::io(error, 1))?;
    let line_end = line_end(sample);
    let mut line = Vec::new();
    let mut number = 0;
    let mut utf8_lines = 0_u64;
    let mut old_lines = 0_u64;
    let mut western_lines = 0_u64;
    let mut foreign_lines = 0_u64;
    let mut first_foreign = 0;
    while next_line(&mut lines, line_end, &mut line).map_err(|error| StatementError::io(error, number + 1))? {
        number += 1;
        if line.is_ascii() {
            continue;
        }
        if std::str::from_utf8(&line).is_ok() {
            utf8_lines += 1;
        } else if is_vietnamese_1258(&line) {
            old_lines += 1;
        } else if is_western(&line) {
            western_lines += 1;
        } else {
            foreign_lines += 1;
            first_foreign = if foreign_lines == 1 { number } else { first_foreign };
        }
    }
    let others = old_lines + western_lines + foreign_lines;
    if utf8_lines >= others {
        Ok(Encoding::Utf8)
    } else if western_lines > 0 && foreign_lines == 0 {
        Ok(Encoding::Windows1252)
    } else if old_lines >= western_lines + foreign_lines {
        Ok(Encoding::Windows1258)
    } else {
        Err(StatementError::Encoding { row: first_foreign })
    }
}

/// What ends the lines of a text: LF, or CR where it has no LF (old Macintosh programs).
pub(crate) fn line_end(sample: &[u8]) -> u8 {
    if sample.contains(&b'\n') || !sample.contains(&b'\r') {
        b'\n'
    } else {
        b'\r'
    }
}

/// Reads a line without its end, into a buffer that is used again. False at the end of the file.
pub(crate) fn next_line(from: &mut dyn BufRead, line_end: u8, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(append_line(from, line_end, line)? > 0)
}

/// Reads one more line behind what is there, its end included; how many bytes.
pub(crate) fn append_line(from: &mut dyn BufRead, line_end: u8, line: &mut Vec<u8>) -> io::Result<u64> {
    let room = RECORD_BYTES_MAX.saturating_sub(line.len() as u64);
    let read = from.take(room).read_until(line_end, line)? as u64;
    if read == room && line.last() != Some(&line_end) {
        return Err(io::Error::other(Overrun::Record));
    }
    Ok(read)
}

/// Whether bytes make sense as Windows-1258: Vietnamese letters, each tone behind a vowel, and the signs
/// that office programs write. Other old encodings (TCVN3, VNI, those of the West) come to other letters.
pub(crate) fn is_vietnamese_1258(line: &[u8]) -> bool {
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

/// Whether bytes make sense as Windows-1252: letters of French, German, Spanish and their neighbours, and the signs that
/// office programs write. Vietnamese in TCVN3 has capitals inside words then, and in VNI the letters ø and õ.
fn is_western(line: &[u8]) -> bool {
    const LETTERS: &str = "ÀÂÄÇÈÉÊËÍÎÏÑÓÔÖÙÚÛÜßàáâäçèéêëíîïñóôöùúûüÿŒœ";
    const SIGNS: &str = "\u{a0}–—‘’“”•…€°«»§£";
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(line);
    let mut before = ' ';
    text.chars().all(|c| {
        let is_inside_word = before.is_lowercase() && c.is_uppercase();
        before = c;
        c.is_ascii() || LETTERS.contains(c) && !is_inside_word || SIGNS.contains(c)
    })
}

/// Whether a line that is no ASCII is written in UTF-8, seen from a file in Windows-1258: its letters are
/// those of Vietnamese texts, which bytes of the other encoding come to only by unlikely chance.
pub(crate) fn is_utf8_line(line: &[u8]) -> bool {
    let is_usual = |c: char| matches!(c, '\0'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' | '\u{2000}'..='\u{206f}' | '\u{20ab}');
    std::str::from_utf8(line).is_ok_and(|text| text.chars().all(is_usual))
}

/// A text in the first of these that it makes sense in: UTF-8, the Vietnamese code page of Windows, the western one.
/// For formats whose amounts and days are ASCII, so that a wrong guess costs a letter of a note and nothing else.
pub(crate) fn decoded(text: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if is_vietnamese_1258(text) => {
            let (text, _) = WINDOWS_1258.decode_without_bom_handling(text);
            Cow::Owned(text.nfc().collect())
        }
        Err(_) => WINDOWS_1252.decode_without_bom_handling(text).0,
    }
}

/// The text from behind its byte order mark, as UTF-8 where it was UTF-16; the bytes themselves elsewhere.
pub(crate) fn open<F: Read + Seek>(file: &mut F, encoding: Encoding) -> io::Result<Box<dyn BufRead + '_>> {
    mark(file)?;
    Ok(match encoding {
        Encoding::Utf16Le => as_utf8(file, encoding_rs::UTF_16LE),
        Encoding::Utf16Be => as_utf8(file, encoding_rs::UTF_16BE),
        _ => Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
    })
}

/// A text of any encoding as UTF-8.
pub(crate) fn as_utf8<'r>(
    from: impl Read + 'r,
    encoding: &'static encoding_rs::Encoding,
) -> Box<dyn BufRead + 'r> {
    let decoder = encoding.new_decoder_without_bom_handling();
    Box::new(BufReader::with_capacity(
        BUFFER_BYTES,
        Decoded::new(from, decoder),
    ))
}

/// A text as UTF-8. What is malformed becomes U+FFFD, which no row may hold.
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
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The decoder wants room for one letter and its replacement.
        if buffer.len() < 16 {
            return Err(io::Error::other("a buffer too small to decode into"));
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

/// Lines that end in LF, in CR LF or in CR alone, as old programs write them.
pub(crate) struct Lines<R> {
    inner: R,
    /// The last line ended in CR: an LF that follows belongs to it.
    is_behind_cr: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(inner: R) -> Lines<R> {
        Lines {
            inner,
            is_behind_cr: false,
        }
    }

    /// Reads a line without its end, of at most so many bytes, into a buffer that is used again. False at the end
    /// of the file.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>, bytes_max: usize) -> io::Result<bool> {
        line.clear();
        let mut is_any = false;
        loop {
            let chunk = match self.inner.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(is_any);
            }
            if std::mem::take(&mut self.is_behind_cr) && chunk[0] == b'\n' {
                self.inner.consume(1);
                continue;
            }
            is_any = true;
            let end = chunk.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let taken = end.unwrap_or(chunk.len());
            if line.len() + taken > bytes_max {
                return Err(io::Error::other(Overrun::Record));
            }
            line.extend_from_slice(&chunk[..taken]);
            self.is_behind_cr = end.is_some_and(|at| chunk[at] == b'\r');
            self.inner.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines_of(text: &[u8], buffer: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, text));
        let mut line = Vec::new();
        let mut all = Vec::new();
        while lines.next(&mut line, 1 << 20).unwrap() {
            all.push(line.clone());
        }
        all
    }

    #[test]
    fn letters_are_read_in_the_encoding_they_make_sense_in() {
        for (bytes, wanted) in [
            (&b"TIEN RAU"[..], "TIEN RAU"),
            ("tiền rau".as_bytes(), "tiền rau"),
            // «tiền» in Windows-1258 is t, i, ê and the grave tone, n.
            (b"ti\xEA\xCCn", "tiền"),
            (b"M\xFCller", "Müller"),
        ] {
            assert_eq!(decoded(bytes), wanted);
        }
    }

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_ends_them(
            lines in proptest::collection::vec("[a-z]{1,5}", 0..8),
            ends in proptest::collection::vec(0_usize..3, 8),
            buffer in 1_usize..9,
        ) {
            let text: String = lines
                .iter()
                .zip(ends)
                .map(|(line, end)| format!("{line}{}", ["\n", "\r\n", "\r"][end]))
                .collect();
            let got = lines_of(text.as_bytes(), buffer);
            let wanted: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
            prop_assert_eq!(&got, &wanted);
            // The last line needs no end.
            let bare = text.trim_end_matches(['\r', '\n']);
            prop_assert_eq!(lines_of(bare.as_bytes(), buffer), wanted);
        }
    }
}

//! The parts of a ZIP archive, as workbooks are packed: its table at the end says where each part is and
//! how large it will be. What is expanded is held against that size and its checksum.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::statement::limits::PARTS_MAX;
use crate::statement::limits::fill;
use crate::vn::{Sentence, error_by_sentence};

/// The record at the end, and how far before the end it may begin: a comment may follow it.
const END_MARK: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 0xFFFF;
const ENTRY_MARK: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: u64 = 30;
/// A table of more bytes has too many parts, or names that are none.
const TABLE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Bytes in the archive.
    pub(crate) packed: u64,
    /// Bytes once expanded, as the archive claims.
    pub(crate) size: u64,
    pub(crate) is_encrypted: bool,
    is_deflated: bool,
    checksum: u32,
    from: u64,
}

pub(crate) struct Archive<R> {
    file: R,
    parts: Vec<Part>,
}

/// What is wrong with an archive, carried by an [`io::Error`].
#[derive(Debug)]
pub(crate) struct ArchiveFault(Sentence);

impl ArchiveFault {
    pub fn sentence(&self) -> Sentence {
        self.0.clone()
    }
}

error_by_sentence!(ArchiveFault);

fn broken(vi: &'static str, en: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, ArchiveFault(Sentence::new(vi, en)))
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, &b| number << 8 | u64::from(b))
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the table of parts.
    pub(crate) fn open(mut file: R) -> io::Result<Archive<R>> {
        let length = file.seek(SeekFrom::End(0))?;
        let tail_from = length.saturating_sub(COMMENT_BYTES_MAX + END_BYTES as u64);
        file.seek(SeekFrom::Start(tail_from))?;
        let mut tail = Vec::new();
        file.by_ref().take(length - tail_from).read_to_end(&mut tail)?;
        let end = tail
            .windows(END_BYTES)
            .rposition(|window| window.starts_with(&END_MARK))
            .ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        let end = &tail[end..end + END_BYTES];
        let count = number(end, 10, 2);
        let table_bytes = number(end, 12, 4);
        let from = number(end, 16, 4);
        // The larger form of the record (0xFFFF, 0xFFFFFFFF) is for archives no statement reaches.
        if count > PARTS_MAX as u64 || table_bytes > TABLE_BYTES_MAX || from + table_bytes > length {
            return Err(broken(
                "bảng các phần không hợp lệ",
                "the table of parts is not valid",
            ));
        }
        file.seek(SeekFrom::Start(from))?;
        let mut table = Vec::new();
        file.by_ref().take(table_bytes).read_to_end(&mut table)?;
        let parts = entries(&table, count as usize)?;
        Ok(Archive { file, parts })
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// A part, expanded as it is read.
    pub(crate) fn read(&mut self, part: usize) -> io::Result<impl Read + '_> {
        let part = &self.parts[part];
        self.file.seek(SeekFrom::Start(part.from))?;
        let mut local = [0; LOCAL_BYTES as usize];
        if fill(&mut self.file, &mut local)? < local.len() || !local.starts_with(b"PK\x03\x04") {
            return Err(broken(
                "phần không ở chỗ đã ghi",
                "a part is not where it should be",
            ));
        }
        let skipped = number(&local, 26, 2) + number(&local, 28, 2);
        self.file
            .seek(SeekFrom::Start(part.from + LOCAL_BYTES + skipped))?;
        let packed = self.file.by_ref().take(part.packed);
        let inner = if part.is_deflated {
            Inner::Deflated(DeflateDecoder::new(packed))
        } else {
            Inner::Stored(packed)
        };
        Ok(Checked {
            inner,
            crc: Crc::new(),
            checksum: part.checksum,
            left: part.size,
        })
    }
}

fn entries(table: &[u8], count: usize) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let entry = table
            .get(at..at + ENTRY_BYTES)
            .filter(|entry| entry.starts_with(&ENTRY_MARK));
        let entry = entry.ok_or_else(|| broken("bảng các phần bị hỏng", "the table of parts is broken"))?;
        let name_bytes = number(entry, 28, 2) as usize;
        let more_bytes = (number(entry, 30, 2) + number(entry, 32, 2)) as usize;
        let name = table.get(at + ENTRY_BYTES..at + ENTRY_BYTES + name_bytes);
        let name = name.ok_or_else(|| broken("bảng các phần bị hỏng", "the table of parts is broken"))?;
        let method = number(entry, 10, 2);
        parts.push(Part {
            // Some programs write the separators of their own system.
            name: String::from_utf8_lossy(name).replace('\\', "/"),
            packed: number(entry, 20, 4),
            size: number(entry, 24, 4),
            is_encrypted: number(entry, 8, 2) & 1 != 0,
            is_deflated: match method {
                0 => false,
                8 => true,
                _ => return Err(broken("cách nén lạ", "unknown compression")),
            },
            checksum: number(entry, 16, 4) as u32,
            from: number(entry, 42, 4),
        });
        at += ENTRY_BYTES + name_bytes + more_bytes;
    }
    Ok(parts)
}

enum Inner<R> {
    Stored(R),
    Deflated(DeflateDecoder<R>),
}

/// A part that must come to the size and checksum that its archive claims: a digit that was damaged on
/// the way is not read as another digit.
struct Checked<R> {
    inner: Inner<R>,
    crc: Crc,
    checksum: u32,
    left: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Stored(inner) => inner.read(buffer)?,
            Inner::Deflated(inner) => inner.read(buffer)?,
        };
        self.crc.update(&buffer[..read]);
        self.left = match self.left.checked_sub(read as u64) {
            Some(left) => left,
            None => return Err(Error::other(crate::statement::limits::Overrun::Whole)),
        };
        if read == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
            if self.crc.sum() != self.checksum {
                return Err(broken("sai mã kiểm tra (CRC)", "wrong checksum (CRC)"));
            }
        }
        Ok(read)
    }
}

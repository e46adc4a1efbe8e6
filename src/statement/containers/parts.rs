//! The parts of a ZIP archive, as workbooks are packed. The `zip` crate reads it; this file keeps the limits that
//! the crate does not have, and says in the reader's own words what is wrong with an archive.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};

use zip::CompressionMethod;
use zip::read::{ZipArchive, ZipFile};
use zip::result::ZipError;

use crate::statement::limits::{self, Meter, Metered, Overrun, PARTS_MAX};
use crate::vn::{Sentence, error_by_sentence};

/// Bytes that may be read to find the table of parts. A larger one has too many parts, or names that are none; the
/// crate holds the whole table in memory.
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// The record at the end, and how long the comment behind it may be.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 0xFFFF;

// The crate tells these faults apart by their words only.
const WRONG_CHECKSUM: &str = "Invalid checksum";
const LARGER_THAN_CLAIMED: &str = "File is larger than its declared uncompressed size";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Bytes in the archive.
    pub(crate) packed: u64,
    /// Bytes once expanded, as the archive claims.
    pub(crate) size: u64,
    pub(crate) is_encrypted: bool,
}

pub(crate) struct Archive<R> {
    zip: ZipArchive<Metered<R>>,
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

impl<R: Read + Seek> Archive<R> {
    /// Reads the table of parts.
    pub(crate) fn open(mut file: R) -> io::Result<Archive<R>> {
        if !has_end(&mut file)? {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        let meter = Meter::for_total(TABLE_BYTES_MAX);
        let zip = ZipArchive::new(Metered::new(file, meter.clone())).map_err(table_fault)?;
        meter.lift();
        // Of two parts of one name the crate shows the last only: other programs may show the other.
        if zip.len() > PARTS_MAX || zip.has_duplicate_names() {
            return Err(broken(
                "bảng các phần không hợp lệ",
                "the table of parts is not valid",
            ));
        }
        let parts = (0..zip.len())
            .map(|at| part(&zip, at))
            .collect::<io::Result<_>>()?;
        Ok(Archive { zip, parts })
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// A part, expanded as it is read.
    pub(crate) fn read(&mut self, part: usize) -> io::Result<impl Read + '_> {
        let left = self.parts[part].size;
        let inner = self.zip.by_index(part).map_err(|error| match error {
            ZipError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => error,
            _ => broken("phần không ở chỗ đã ghi", "a part is not where it should be"),
        })?;
        Ok(Checked { inner, left })
    }
}

/// Whether the record is there that ends an archive: a file that was cut off has none.
fn has_end<R: Read + Seek>(file: &mut R) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(COMMENT_BYTES_MAX + END_BYTES as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(length - from).read_to_end(&mut tail)?;
    Ok(tail.windows(END_BYTES).any(|end| end.starts_with(b"PK\x05\x06")))
}

fn table_fault(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) if limits::overrun(&error).is_some() => {
            broken("bảng các phần không hợp lệ", "the table of parts is not valid")
        }
        ZipError::Io(error) => error,
        _ => broken("bảng các phần bị hỏng", "the table of parts is broken"),
    }
}

fn part<R: Read + Seek>(zip: &ZipArchive<R>, at: usize) -> io::Result<Part> {
    let entry = zip.by_index_data(at)?;
    let part = Part {
        // Some programs write the separators of their own system.
        name: String::from_utf8_lossy(entry.name_raw())
            .replace('\\', "/")
            .trim_start_matches('/')
            .to_owned(),
        packed: entry.compressed_size(),
        size: entry.size(),
        is_encrypted: entry.encrypted(),
    };
    let is_readable = matches!(
        entry.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    );
    if is_readable || part.is_encrypted {
        Ok(part)
    } else {
        Err(broken("cách nén lạ", "unknown compression"))
    }
}

/// A part that must come to the size and checksum that its archive claims: a digit that was damaged on
/// the way is not read as another digit.
struct Checked<'a, R: Read> {
    inner: ZipFile<'a, Metered<R>>,
    left: u64,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(0) if self.left > 0 && !buffer.is_empty() => Err(Error::from(ErrorKind::UnexpectedEof)),
            Ok(read) => {
                self.left = self.left.saturating_sub(read as u64);
                Ok(read)
            }
            Err(error) => Err(match error.to_string().as_str() {
                WRONG_CHECKSUM if self.left > 0 => Error::from(ErrorKind::UnexpectedEof),
                WRONG_CHECKSUM => broken("sai mã kiểm tra (CRC)", "wrong checksum (CRC)"),
                LARGER_THAN_CLAIMED => Error::other(Overrun::Total),
                _ => error,
            }),
        }
    }
}

//! The container of old workbooks (OLE, [MS-CFB]): what is in it, and the stream of the workbook.
//!
//! The `cfb` crate reads it in its permissive way, since programs other than Excel write it loosely. Of the 451 XLS
//! files among the test data of Apache POI and calamine it opens all that the reader opened which stood here before,
//! but for two that a fuzzer had damaged, and five more, whose streams are named in capitals.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use cfb::CompoundFile;

use crate::statement::error::StatementError;
use crate::statement::limits::{self, Meter, Metered, OLD_WORKBOOK_BYTES_MAX};
use crate::vn::Sentence;

/// Bytes that may be read to open a container: the crate holds its tables and its directory in memory. The table of
/// the largest file has 512 KiB; this leaves room for some ten thousand names, where a workbook has a few.
const OPENING_BYTES_MAX: u64 = 2 << 20;

pub(crate) fn broken(vi: &'static str, en: &'static str) -> StatementError {
    StatementError::Workbook {
        part: "Workbook".to_owned(),
        because: Sentence::new(vi, en),
    }
}

pub(crate) fn cut() -> StatementError {
    StatementError::Truncated {
        because: ("bảng tính kết thúc giữa chừng", "the workbook ends midway"),
    }
}

fn fault(error: io::Error) -> StatementError {
    match error.kind() {
        ErrorKind::UnexpectedEof => cut(),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            broken("tệp OLE hỏng", "the OLE file is broken")
        }
        _ => StatementError::Io(error),
    }
}

type Container<R> = CompoundFile<Metered<FullLength<R>>>;

fn open<R: Read + Seek>(file: R) -> Result<Container<R>, StatementError> {
    let meter = Meter::for_total(OPENING_BYTES_MAX);
    let container = CompoundFile::open(Metered::new(FullLength(file), meter.clone())).map_err(fault)?;
    meter.lift();
    Ok(container)
}

/// Refuses what is no workbook, what is locked and what holds a program.
pub(crate) fn inspect<R: Read + Seek>(file: &mut R) -> Result<(), StatementError> {
    let container = open(file)?;
    let mut what = ("tệp OLE không có bảng tính", "an OLE file without a workbook");
    for entry in container.walk() {
        match entry.name().to_ascii_lowercase().as_str() {
            "encryptedpackage" | "encryptioninfo" => return Err(StatementError::Password),
            "_vba_project_cur" | "vba" | "macros" => return Err(StatementError::Macro),
            "worddocument" | "powerpoint document" => {
                what = ("văn bản Word hoặc PowerPoint", "a Word or PowerPoint document")
            }
            _ => {}
        }
    }
    // A workbook further inside is one that somebody put into a document.
    if container.is_stream("/Workbook") || container.is_stream("/Book") {
        return Ok(());
    }
    Err(StatementError::NotAStatement {
        what,
        advice: (
            "Hãy tải sao kê dạng Excel hoặc CSV từ nhà cung cấp.",
            "Get the statement as Excel or CSV from the provider.",
        ),
    })
}

/// The stream of the workbook, whole: old workbooks are small. A file that old programs can open as well has a second
/// one, named as theirs was.
pub(crate) fn workbook_stream<R: Read + Seek>(mut file: R) -> Result<Vec<u8>, StatementError> {
    let mut start = [0; 2];
    file.seek(SeekFrom::Start(0)).map_err(StatementError::Io)?;
    let read = limits::fill(&mut file, &mut start).map_err(StatementError::Io)?;
    if start[..read] == [0x09, 0x08] {
        // Some programs write the stream alone.
        let mut bytes = start.to_vec();
        let rest = file.take(OLD_WORKBOOK_BYTES_MAX).read_to_end(&mut bytes);
        return rest.map(|_| bytes).map_err(StatementError::Io);
    }
    let mut container = open(file)?;
    let name = if container.is_stream("/Workbook") {
        "/Workbook"
    } else {
        "/Book"
    };
    let mut stream = container.open_stream(name).map_err(fault)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(fault)?;
    if (bytes.len() as u64) < stream.len() {
        return Err(cut());
    }
    Ok(bytes)
}

/// A file that says it is as long as an old workbook may be. The crate refuses a file that is shorter than its tables
/// say, with words only; so it finds out by reading what is not there, if that is needed at all.
struct FullLength<R>(R);

impl<R: Read> Read for FullLength<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Seek> Seek for FullLength<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(match to {
            SeekFrom::End(offset) => SeekFrom::Start(OLD_WORKBOOK_BYTES_MAX.saturating_add_signed(offset)),
            to => to,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::statement::tests::support::ole_of;

    fn stream_in(file: &[u8]) -> Result<Vec<u8>, StatementError> {
        workbook_stream(Cursor::new(file))
    }

    #[test]
    fn only_what_is_cut_off_of_the_workbook_is_missed() {
        let stream = [7; 5000];
        let file = ole_of(&[("/WORKBOOK", &stream), ("/Other", &[1; 9000])]);
        assert_eq!(stream_in(&file[..file.len() - 6000]).unwrap(), stream);
        let cut = stream_in(&file[..4000]);
        assert!(matches!(cut, Err(StatementError::Truncated { .. })), "{cut:?}");
        let small = ole_of(&[("/Workbook", &[7; 100])]);
        assert_eq!(stream_in(&small).unwrap(), [7; 100]);
    }

    #[test]
    fn an_allocation_table_that_goes_round_ends() {
        let mut file = ole_of(&[("/Workbook", &[7; 5000])]);
        // Every sector follows itself.
        let table_at = 512;
        for at in 0..64_u32 {
            let from = table_at + at as usize * 4;
            file[from..from + 4].copy_from_slice(&at.to_le_bytes());
        }
        assert!(stream_in(&file).is_err());
    }

    #[test]
    fn a_directory_without_end_is_not_read() {
        let paths: Vec<String> = (0..20_000).map(|at| format!("/{at}")).collect();
        let streams: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &[][..])).collect();
        let refused = inspect(&mut Cursor::new(ole_of(&streams)));
        assert!(
            matches!(refused, Err(StatementError::Workbook { .. })),
            "{refused:?}"
        );
    }
}

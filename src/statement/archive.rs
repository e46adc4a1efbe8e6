//! A ZIP archive of several statements, as banks send them for a month or for several accounts: its files, one by one.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::statement::containers::package::archive_fault;
use crate::statement::containers::parts::Archive;
use crate::statement::containers::xlsx::{self, Zip};
use crate::statement::error::StatementError;
use crate::statement::limits::FILE_BYTES_MAX;

/// Files in an archive; a bank sends one a day.
const FILES_MAX: usize = 400;
/// Characters of a file's name that are kept.
const NAME_CHARS_MAX: usize = 120;

/// The files of an archive.
pub struct StatementArchive<F> {
    archive: Archive<F>,
    /// Where each file stands among the parts, and what it is called.
    files: Vec<(usize, String)>,
}

impl<F: Read + Seek> StatementArchive<F> {
    /// Opens an archive; none if the file is something else, a workbook among others.
    pub fn open(mut file: F) -> Result<Option<StatementArchive<F>>, StatementError> {
        let mut start = [0; 4];
        file.seek(SeekFrom::Start(0)).map_err(StatementError::Io)?;
        let is_zip = file.read_exact(&mut start).is_ok() && &start == b"PK\x03\x04";
        // What is wrong with any other file is for its reader to say.
        if !is_zip || !matches!(xlsx::what(&mut file), Ok(Zip::Files)) {
            return Ok(None);
        }
        let archive = Archive::open(file).map_err(archive_fault)?;
        let parts = archive.parts().iter().enumerate();
        let files: Vec<(usize, String)> = parts
            .filter_map(|(at, part)| Some((at, file_name(&part.name)?)))
            .collect();
        if files.len() > FILES_MAX {
            return Err(StatementError::TooManyFiles { most: FILES_MAX });
        }
        let size_of = |at: &usize| archive.parts()[*at].size;
        if files.iter().any(|(at, _)| size_of(at) > FILE_BYTES_MAX) {
            return Err(StatementError::FileTooLarge);
        }
        Ok(Some(StatementArchive { archive, files }))
    }

    /// What the files are called, in the order of the archive.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(_, name)| name.as_str())
    }

    /// Writes one of the files, counted from 0.
    pub fn copy(&mut self, file: usize, to: &mut impl Write) -> Result<(), StatementError> {
        let Some(&(at, _)) = self.files.get(file) else {
            return Ok(());
        };
        let mut from = self.archive.read(at).map_err(archive_fault)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(archive_fault(error)),
            };
            to.write_all(&buffer[..read]).map_err(StatementError::Io)?;
        }
    }
}

/// What a part is called if it is a file that somebody put there, and not a folder or what a system leaves behind.
fn file_name(path: &str) -> Option<String> {
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    let is_left_behind = path.starts_with("__MACOSX/")
        || last.starts_with('.')
        || matches!(last.to_ascii_lowercase().as_str(), "thumbs.db" | "desktop.ini");
    let name: String = last
        .chars()
        .filter(|c| !c.is_control() && *c != ':')
        .take(NAME_CHARS_MAX)
        .collect();
    (!is_left_behind && !name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::statement::tests::support::{text, xlsx, zip};

    #[test]
    fn the_files_of_an_archive_come_out_as_they_are() {
        let bytes = zip(&[
            ("thang-6/", Vec::new()),
            ("thang-6/ngày 1.csv", b"a".to_vec()),
            ("__MACOSX/thang-6/._1.csv", b"x".to_vec()),
            ("thang-6/.DS_Store", b"x".to_vec()),
            ("..\\..\\2.sta", b":20:".to_vec()),
        ]);
        let mut archive = StatementArchive::open(Cursor::new(bytes)).unwrap().unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), ["ngày 1.csv", "2.sta"]);
        let mut out = Vec::new();
        archive.copy(1, &mut out).unwrap();
        assert_eq!(out, b":20:");
    }

    #[test]
    fn what_is_no_archive_of_files_is_none() {
        for bytes in [
            b"Ng\xC3\xA0y,S\xE1\xBB\x91 ti\xE1\xBB\x81n".to_vec(),
            Vec::new(),
            b"PK\x03\x04".to_vec(),
            xlsx(&[vec![text("a")]]),
            zip(&[("word/document.xml", vec![1])]),
            zip(&[("content.xml", vec![1])]),
            zip(&[("xl/workbook.bin", vec![1])]),
        ] {
            assert!(StatementArchive::open(Cursor::new(bytes)).unwrap().is_none());
        }
    }

    #[test]
    fn an_archive_keeps_within_bounds() {
        let names: Vec<String> = (0..=FILES_MAX).map(|at| format!("{at}.csv")).collect();
        let parts: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), vec![1])).collect();
        assert!(StatementArchive::open(Cursor::new(zip(&parts))).is_err());
        let mut large = zip(&[("a.csv", vec![1])]);
        let at = large.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        large[at + 24..at + 28].copy_from_slice(&(FILE_BYTES_MAX as u32 + 1).to_le_bytes());
        // It says of itself that it would swell.
        assert!(StatementArchive::open(Cursor::new(large)).unwrap().is_none());
    }
}

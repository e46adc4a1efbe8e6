//! ZIP archives of several statements, taken in file by file.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::{ImportError, blocking};
use super::reading::opened;
use crate::statement::{StatementArchive, StatementError};

/// A statement that was taken out of an archive, gone when this is dropped.
#[derive(Debug)]
pub struct Unpacked {
    /// What it is called in the archive.
    pub name: String,
    /// Its content.
    pub file: NamedTempFile,
}

/// What the files of an archive are called; none if the file is something else.
pub async fn archived_statements(path: &Path) -> Result<Option<Vec<String>>, ImportError> {
    let path = path.to_owned();
    blocking(move || {
        let archive = StatementArchive::open(opened(&path)?)?;
        Ok(archive.map(|archive| archive.names().map(str::to_owned).collect()))
    })
    .await
}

/// Takes one file out of an archive, counted from 0 in the order of [`archived_statements`].
pub async fn unpacked_statement(path: &Path, at: usize) -> Result<Unpacked, ImportError> {
    let path = path.to_owned();
    blocking(move || {
        let wrong = |error: io::Error| ImportError::File(error.to_string());
        let mut archive = StatementArchive::open(opened(&path)?)?.ok_or(ImportError::Changed)?;
        let name = archive.names().nth(at).ok_or(ImportError::Changed)?.to_owned();
        let mut file = NamedTempFile::new().map_err(wrong)?;
        archive.copy(at, &mut file)?;
        file.seek(SeekFrom::Start(0)).map_err(wrong)?;
        Ok(Unpacked { name, file })
    })
    .await
}

/// Puts the files of an archive into the folder in which it lies, each as old as the archive; how many. None if the file
/// is no archive.
///
/// Each file appears there whole. Whoever was stopped begins again: what was taken in meanwhile is known by its digest.
pub(super) fn unpack_beside(
    path: &Path,
    free: impl Fn(&Path, &str) -> Option<PathBuf>,
) -> io::Result<Option<usize>> {
    let to_io = |error: StatementError| match error {
        StatementError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.sentence().en.into_owned()),
    };
    let file = File::open(path)?;
    let changed = file.metadata()?.modified()?;
    let Some(mut archive) = StatementArchive::open(file).map_err(to_io)? else {
        return Ok(None);
    };
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let folder = path.parent().ok_or_else(|| wrong("no folder"))?;
    let stem = path
        .file_stem()
        .ok_or_else(|| wrong("no name"))?
        .to_string_lossy()
        .into_owned();
    let names: Vec<String> = archive.names().map(str::to_owned).collect();
    for (at, name) in names.iter().enumerate() {
        let unfinished = folder.join(format!(".{stem}-{at}.part"));
        let mut part = File::create(&unfinished)?;
        archive.copy(at, &mut part).map_err(to_io)?;
        part.set_modified(changed)?;
        part.sync_all()?;
        let to = free(folder, &format!("{stem} {name}")).ok_or_else(|| wrong("no free name"))?;
        fs::rename(&unfinished, to)?;
    }
    Ok(Some(names.len()))
}

//! The banks of this moment: the shipped directory with what a file of the operator adds. The file is read again
//! when it has changed, so that a new bank needs no restart; whoever asks for the banks never waits for that.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::vietqr::Banks;

/// Why a banks file is not used.
#[derive(Debug, thiserror::Error)]
#[error("banks file {path}: {cause}")]
pub struct BanksFileError {
    path: PathBuf,
    cause: String,
}

#[derive(Debug)]
pub struct BankDirectory {
    file: Option<PathBuf>,
    /// When the file was changed that was read last; held while it is looked at and read.
    read: Mutex<Option<ChangedAt>>,
    /// Held only to copy or replace the pointer.
    banks: RwLock<Arc<Banks>>,
}

/// Seconds and nanoseconds as the file system counts them.
type ChangedAt = (i64, i64);

impl BankDirectory {
    /// Reads the file; one that cannot be read stops the start.
    pub fn open(file: Option<PathBuf>) -> Result<BankDirectory, BanksFileError> {
        let read = file.as_deref().and_then(changed_at);
        let banks = match &file {
            Some(path) => read_banks(path)?,
            None => Banks::shipped().clone(),
        };
        Ok(BankDirectory {
            file,
            read: Mutex::new(read),
            banks: RwLock::new(Arc::new(banks)),
        })
    }

    /// The banks as they were read last.
    pub fn banks(&self) -> Arc<Banks> {
        self.banks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file if it has changed, which may take its time: not for a thread that answers requests. One that
    /// cannot be read is logged once, and what was read before stays.
    pub fn read_if_changed(&self) {
        let Some(path) = &self.file else { return };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed_at(path);
        if changed.is_none() || changed == *read {
            return;
        }
        *read = changed;
        match read_banks(path) {
            Ok(banks) => *self.banks.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(banks),
            Err(error) => tracing::error!(%error, "the changed banks file is not used"),
        }
    }
}

fn changed_at(path: &Path) -> Option<ChangedAt> {
    let data = fs::metadata(path).ok()?;
    Some((data.mtime(), data.mtime_nsec()))
}

fn read_banks(path: &Path) -> Result<Banks, BanksFileError> {
    let wrong = |cause: String| BanksFileError {
        path: path.to_owned(),
        cause,
    };
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let own = Banks::parse(&text).map_err(|e| wrong(e.to_string()))?;
    Ok(Banks::shipped().updated(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_changed_banks_file_is_read_again_and_a_broken_one_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banks.txt");
        let touch = |text: &str, second: u64| {
            fs::write(&path, text).unwrap();
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
                .unwrap();
        };
        touch("999999;Một;bank;Ngân hàng Một;;;\n", 1);
        let directory = BankDirectory::open(Some(path.clone())).unwrap();
        let name = || directory.banks().name("999999").to_owned();
        assert_eq!(name(), "Một");
        touch("999999;Hai;bank;Ngân hàng Hai;;;\n", 2);
        assert_eq!(name(), "Một", "whoever asks does not read files");
        directory.read_if_changed();
        assert_eq!(name(), "Hai");
        touch("999999;Ba\n", 3);
        directory.read_if_changed();
        assert_eq!(name(), "Hai");
        let error = BankDirectory::open(Some(path.clone())).unwrap_err().to_string();
        assert!(error.contains("banks.txt") && error.contains("line 1"), "{error}");
        fs::remove_file(&path).unwrap();
        directory.read_if_changed();
        assert_eq!(name(), "Hai", "a file that is gone is no empty one");
        assert_eq!(
            BankDirectory::open(None).unwrap().banks().name("970436"),
            "Vietcombank"
        );
    }
}

//! The key file, read and made: it fits the secrets that the database holds, or nothing starts.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::keyring::open_secrets;
use crate::access::SealingKey;
use crate::store::{EverKey, Store, StoreError};
use crate::vn::TimeMs;

/// Bits of a file's mode that let anybody but its owner do something with it.
const OTHERS: u32 = 0o077;

/// A key file that was looked at; perhaps there is none yet.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    key: Option<SealingKey>,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made, or holds no key.
    #[error("key file {path}: {cause}")]
    File { path: PathBuf, cause: String },
    /// Others than its owner may read or change it.
    #[error(
        "key file {path}: others than its owner may read or change it (mode {mode:04o}), and who has it opens every \
         provider's secret. Run `chmod 600 {path}`; if somebody may have read it, give each provider a new secret"
    )]
    Exposed { path: PathBuf, mode: u32 },
    /// It is not there, and the database holds secrets that open with nothing else.
    #[error(
        "key file {path}: it is not there, and the secrets of {providers} in the database open with it alone. {RESTORE}"
    )]
    Lost { path: PathBuf, providers: String },
    /// It is there, and opens none of some provider's secrets.
    #[error(
        "key file {path}: it does not open the secrets of {providers}; they were sealed under another one. {RESTORE}"
    )]
    Foreign { path: PathBuf, providers: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do when secrets do not open.
const RESTORE: &str = "Nothing was started or changed. Put the copy of the key file back, or name it by --key-file or \
                       CHOSO_KEY_FILE. If it is lost for good, each of these providers needs a new secret: `choso \
                       provider disable`, then `rotate-key --overlap-hours 0`, then `enable`";

impl KeyFile {
    /// Looks at the key file; that there is none is no error yet.
    pub fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
        let wrong = |cause: String| KeyFileError::File {
            path: path.to_owned(),
            cause,
        };
        let mut key_file = KeyFile {
            path: path.to_owned(),
            key: None,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(key_file),
            Err(e) => return Err(wrong(e.to_string())),
        };
        let metadata = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            let path = path.to_owned();
            return Err(KeyFileError::Exposed { path, mode });
        }
        key_file.key = Some(SealingKey::from_file(&text).map_err(|e| wrong(e.to_string()))?);
        Ok(key_file)
    }

    /// The key in it, if it is there.
    pub fn key(&self) -> Option<&SealingKey> {
        self.key.as_ref()
    }

    /// The key to seal and open with. The file is made if nothing was sealed yet that is still in use.
    ///
    /// # Errors
    /// If a provider that is not disabled has live keys and none of them opens: it could not be heard.
    pub async fn key_in_use(self, store: &Store, now: TimeMs) -> Result<SealingKey, KeyFileError> {
        let keys = store.keys_ever().await?;
        self.fitting(&keys, |key| !key.is_disabled && key.is_live(now))
    }

    /// The key to open with whatever was sealed at any time.
    pub async fn key_of_all_times(self, store: &Store) -> Result<SealingKey, KeyFileError> {
        let keys = store.keys_ever().await?;
        // What one lost key proved is reported where it is met; a file that opens nothing is the wrong one.
        let opens_any = |key: &SealingKey| keys.iter().any(|sealed| opens(key, sealed));
        match &self.key {
            Some(key) if opens_any(key) => Ok(key.clone()),
            _ => self.fitting(&keys, |_| true),
        }
    }

    /// The key, if of each provider that has keys in use at least one opens.
    fn fitting(
        self,
        keys: &[EverKey],
        is_used: impl Fn(&EverKey) -> bool,
    ) -> Result<SealingKey, KeyFileError> {
        let mut providers: BTreeMap<&str, bool> = BTreeMap::new();
        for sealed in keys.iter().filter(|key| is_used(key)) {
            let is_open = providers.entry(&sealed.provider_id).or_default();
            *is_open = *is_open || self.key.as_ref().is_some_and(|key| opens(key, sealed));
        }
        let shut = providers.into_iter().filter(|(_, is_open)| !is_open);
        let shut: Vec<String> = shut.map(|(id, _)| format!("«{id}»")).collect();
        let path = self.path.clone();
        let providers = shut.join(", ");
        match self.key {
            None if !shut.is_empty() => Err(KeyFileError::Lost { path, providers }),
            Some(_) if !shut.is_empty() => Err(KeyFileError::Foreign { path, providers }),
            Some(key) => Ok(key),
            None => made(&path),
        }
    }
}

fn opens(key: &SealingKey, sealed: &EverKey) -> bool {
    open_secrets(key, &sealed.provider_id, &sealed.key_id, &sealed.sealed_secret).is_ok()
}

/// Makes a key file, mode 0600, whole or not at all as far as other readers see.
fn made(path: &Path) -> Result<SealingKey, KeyFileError> {
    let wrong = |cause: String| KeyFileError::File {
        path: path.to_owned(),
        cause,
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|e| wrong(e.to_string()))?;
    let key = SealingKey::from_random(random);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Such a file is readable by its owner alone.
    let draft = tempfile::Builder::new()
        .prefix(".choso-key-")
        .tempfile_in(folder.unwrap_or(Path::new(".")));
    let mut draft = draft.map_err(|e| wrong(e.to_string()))?;
    draft
        .write_all(key.to_file().as_bytes())
        .and_then(|()| draft.as_file().sync_all())
        .map_err(|e| wrong(e.to_string()))?;
    match draft.persist_noclobber(path) {
        Ok(_) => Ok(key),
        // Another process made it between our look and our write: its key is the key.
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => match KeyFile::read(path)?.key {
            Some(key) => Ok(key),
            None => Err(wrong("it comes and goes".to_owned())),
        },
        Err(e) => Err(wrong(e.error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("choso.key");
        assert!(
            KeyFile::read(&path).unwrap().key().is_none(),
            "looking makes none"
        );
        let key = made(&path).unwrap();
        assert_eq!(mode_of(&path), 0o600);
        let again = made(&path).unwrap();
        assert_eq!(again.to_file(), key.to_file(), "the first one stays");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn a_key_file_that_others_can_open_or_that_holds_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("choso.key");
        made(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666, 0o777] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = KeyFile::read(&path).unwrap_err().to_string();
            let command = format!("`chmod 600 {}`", path.display());
            assert!(
                error.contains(&command) && error.contains(&format!("{mode:04o}")),
                "{error}"
            );
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(KeyFile::read(&path).unwrap().key().is_some(), "{mode:o}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        for text in ["", "choso-key-1:", "choso-key-1:AAAA", "whsec_AAAA"] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(KeyFile::read(&path), Err(KeyFileError::File { .. })),
                "{text}"
            );
        }
        assert!(KeyFile::read(folder.path()).is_err(), "a folder is no key file");
    }
}

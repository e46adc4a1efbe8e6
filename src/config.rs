//! Settings: raw as people write them, then checked; after the check impossible settings are gone.
//!
//! Flags win over `CHOSO_…` variables, those over the settings file, that over the defaults. A setting
//! this program does not know stops the start: a misspelt one would otherwise be silently ignored.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Deserialize;

use crate::access::SealingKey;
use crate::intake::IntakeLimits;
use crate::vietqr::Banks;
use crate::vn::{SetTimes, SetTimesError, WorkingCalendar, WorkingCalendarError};

/// The settings file that holds every default, with its explanation. `choso serve --help` points here.
pub const DEFAULT_SETTINGS: &str = include_str!("../assets/choso.default.toml");

/// Variables that begin with `CHOSO_` but are not settings of the program.
const FOREIGN_VARIABLES: [&str; 3] = ["CHOSO_SKIPPED_FILE", "CHOSO_CHROMIUM", "CHOSO_TEST_POSTGRES_URL"];

/// Settings as written. Every field may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// `sqlite://FILE` or `postgres://…`
    pub database_url: Option<String>,
    /// `ADDRESS:PORT`; port 0 picks one
    pub listen: Option<String>,
    /// File with the key that encrypts secrets
    pub key_file: Option<PathBuf>,
    /// What is logged, in the syntax of `tracing`
    pub log: Option<String>,
    /// `text` or `json`
    pub log_format: Option<String>,
    /// File with banks that add to the shipped directory
    pub banks_file: Option<PathBuf>,
    /// Host under which people reach the service, for the check link on cards
    pub public_host: Option<String>,
    /// Hours between a second person's approval of a changed account and its first card
    pub account_change_wait_hours: Option<usize>,
    /// Above this amount, đồng, what a person decides about an exception waits for a second person
    pub second_person_above_vnd: Option<usize>,
    /// Folder from which statements are picked up
    pub statement_inbox: Option<PathBuf>,
    /// When: `HH:mm` in Viet Nam, several with commas between
    pub statement_inbox_times: Option<String>,
    /// Days off beside weekends and fixed public holidays: `YYYY-MM-DD`, several with commas between
    pub holidays: Option<String>,
    /// Deliveries that may wait to be written
    pub queue_deliveries_max: Option<usize>,
    /// Deliveries in one transaction
    pub batch_deliveries_max: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Database URL; its scheme is checked when it is opened.
    pub database_url: String,
    pub listen: std::net::SocketAddr,
    /// Where the key file is, or is to be made.
    pub key_file: PathBuf,
    pub log: String,
    /// Whether log lines are JSON.
    pub log_json: bool,
    /// File with banks that add to the shipped directory.
    pub banks_file: Option<PathBuf>,
    /// Host under which people reach the service; none: as the officer's browser wrote it.
    pub public_host: Option<String>,
    /// Time between a second person's approval of a changed account and its first card.
    pub account_change_wait_ms: i64,
    /// Above this amount, đồng, what a person decides about an exception waits for a second person.
    pub second_person_above_vnd: i64,
    /// Folder from which statements are picked up; none: nothing is.
    pub statement_inbox: Option<PathBuf>,
    pub statement_inbox_times: SetTimes,
    /// Which days are working days.
    pub calendar: WorkingCalendar,
    /// Bounds of the intake queue.
    pub intake: IntakeLimits,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that the settings are or name cannot be read.
    #[error("file {path}: {cause}")]
    File { path: PathBuf, cause: String },
    /// A variable that is no setting.
    #[error("{0} is no setting of choso; the settings are listed by `choso serve --help`")]
    Unknown(String),
    /// A setting whose value is no good.
    #[error("setting {name}: {cause}")]
    Value {
        name: &'static str,
        /// what is wrong and what is wanted
        cause: String,
    },
    /// The key file cannot be read or made.
    #[error("key file {path}: {cause}")]
    KeyFile { path: PathBuf, cause: String },
}

impl RawConfig {
    /// Reads a settings file (TOML).
    pub fn from_file(path: &Path) -> Result<RawConfig, ConfigError> {
        let wrong = |cause: String| ConfigError::File {
            path: path.to_owned(),
            cause,
        };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        toml::from_str(&text).map_err(|e| wrong(e.to_string()))
    }

    /// Reads `CHOSO_…` variables.
    pub fn from_variables(
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<RawConfig, ConfigError> {
        let mut raw = RawConfig::default();
        for (name, value) in variables {
            let number = |name| {
                value.parse::<usize>().map(Some).map_err(|_| ConfigError::Value {
                    name,
                    cause: format!("«{value}» is not a whole number"),
                })
            };
            match name.as_str() {
                "CHOSO_CONFIG" => {}
                "CHOSO_DATABASE_URL" => raw.database_url = Some(value),
                "CHOSO_LISTEN" => raw.listen = Some(value),
                "CHOSO_KEY_FILE" => raw.key_file = Some(value.into()),
                "CHOSO_LOG" => raw.log = Some(value),
                "CHOSO_LOG_FORMAT" => raw.log_format = Some(value),
                "CHOSO_BANKS_FILE" => raw.banks_file = Some(value.into()),
                "CHOSO_PUBLIC_HOST" => raw.public_host = Some(value),
                "CHOSO_ACCOUNT_CHANGE_WAIT_HOURS" => {
                    raw.account_change_wait_hours = number("account_change_wait_hours")?;
                }
                "CHOSO_SECOND_PERSON_ABOVE_VND" => {
                    raw.second_person_above_vnd = number("second_person_above_vnd")?;
                }
                "CHOSO_STATEMENT_INBOX" => raw.statement_inbox = Some(value.into()),
                "CHOSO_STATEMENT_INBOX_TIMES" => raw.statement_inbox_times = Some(value),
                "CHOSO_HOLIDAYS" => raw.holidays = Some(value),
                "CHOSO_QUEUE_DELIVERIES_MAX" => raw.queue_deliveries_max = number("queue_deliveries_max")?,
                "CHOSO_BATCH_DELIVERIES_MAX" => raw.batch_deliveries_max = number("batch_deliveries_max")?,
                other if other.starts_with("CHOSO_") && !FOREIGN_VARIABLES.contains(&other) => {
                    return Err(ConfigError::Unknown(name));
                }
                _ => {}
            }
        }
        Ok(raw)
    }

    /// These settings, and the other's where these say nothing.
    pub fn or(self, other: RawConfig) -> RawConfig {
        RawConfig {
            database_url: self.database_url.or(other.database_url),
            listen: self.listen.or(other.listen),
            key_file: self.key_file.or(other.key_file),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            banks_file: self.banks_file.or(other.banks_file),
            public_host: self.public_host.or(other.public_host),
            account_change_wait_hours: self.account_change_wait_hours.or(other.account_change_wait_hours),
            second_person_above_vnd: self.second_person_above_vnd.or(other.second_person_above_vnd),
            statement_inbox: self.statement_inbox.or(other.statement_inbox),
            statement_inbox_times: self.statement_inbox_times.or(other.statement_inbox_times),
            holidays: self.holidays.or(other.holidays),
            queue_deliveries_max: self.queue_deliveries_max.or(other.queue_deliveries_max),
            batch_deliveries_max: self.batch_deliveries_max.or(other.batch_deliveries_max),
        }
    }

    /// Checks every setting; the defaults come from [`DEFAULT_SETTINGS`].
    pub fn check(self) -> Result<Config, ConfigError> {
        let defaults: RawConfig = toml::from_str(DEFAULT_SETTINGS).map_err(|e| ConfigError::File {
            path: "choso.default.toml".into(),
            cause: e.to_string(),
        })?;
        let raw = self.or(defaults);
        let missing = |name| ConfigError::Value {
            name,
            cause: "is missing".to_owned(),
        };
        let database_url = raw.database_url.ok_or_else(|| missing("database_url"))?;
        let listen = raw.listen.ok_or_else(|| missing("listen"))?;
        let times = raw
            .statement_inbox_times
            .ok_or_else(|| missing("statement_inbox_times"))?;
        let log_json = match raw.log_format.as_deref() {
            Some("text") => false,
            Some("json") => true,
            other => {
                let cause = format!("{other:?} is neither \"text\" nor \"json\"");
                return Err(ConfigError::Value {
                    name: "log_format",
                    cause,
                });
            }
        };
        Ok(Config {
            key_file: raw.key_file.unwrap_or_else(|| default_key_file(&database_url)),
            database_url,
            listen: listen.parse().map_err(|_| ConfigError::Value {
                name: "listen",
                cause: format!("«{listen}» is not ADDRESS:PORT, for example 127.0.0.1:8080"),
            })?,
            log: raw.log.ok_or_else(|| missing("log"))?,
            log_json,
            banks_file: raw.banks_file,
            public_host: raw.public_host.map(public_host).transpose()?,
            account_change_wait_ms: 3_600_000
                * within("account_change_wait_hours", raw.account_change_wait_hours, 0, 720)? as i64,
            second_person_above_vnd: within(
                "second_person_above_vnd",
                raw.second_person_above_vnd,
                0,
                1_000_000_000_000,
            )? as i64,
            // Whether it is there is looked at each time: a mount that comes late must not keep payments out.
            statement_inbox: match raw.statement_inbox {
                Some(path) if path.as_os_str().is_empty() => return Err(missing("statement_inbox")),
                path => path,
            },
            statement_inbox_times: times.parse().map_err(|error: SetTimesError| ConfigError::Value {
                name: "statement_inbox_times",
                cause: error.to_string(),
            })?,
            calendar: raw
                .holidays
                .unwrap_or_default()
                .parse()
                .map_err(|error: WorkingCalendarError| ConfigError::Value {
                    name: "holidays",
                    cause: error.to_string(),
                })?,
            intake: IntakeLimits {
                queue_deliveries_max: within("queue_deliveries_max", raw.queue_deliveries_max, 1, 100_000)?,
                batch_deliveries_max: within("batch_deliveries_max", raw.batch_deliveries_max, 1, 5_000)?,
            },
        })
    }
}

fn within(name: &'static str, value: Option<usize>, min: usize, max: usize) -> Result<usize, ConfigError> {
    match value {
        Some(v) if (min..=max).contains(&v) => Ok(v),
        other => Err(ConfigError::Value {
            name,
            cause: format!("{other:?} is not between {min} and {max}"),
        }),
    }
}

/// A host as cards print it: a name or address, perhaps with a port, without scheme or path.
fn public_host(text: String) -> Result<String, ConfigError> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if !text.is_empty() && text.len() <= 60 && text.chars().all(is_host) {
        Ok(text)
    } else {
        Err(ConfigError::Value {
            name: "public_host",
            cause: format!(
                "«{text}» is no host, for example choso.example.vn (no https://, no path, at most 60 characters)"
            ),
        })
    }
}

/// The banks of this moment: the shipped directory with what the settings' file adds. The file is read again
/// whenever it has changed, so that a new bank needs no restart.
#[derive(Debug)]
pub struct BankDirectory {
    file: Option<PathBuf>,
    /// What was read last, and when the file was changed then.
    read: Mutex<(Option<SystemTime>, Arc<Banks>)>,
}

impl BankDirectory {
    /// Reads the file; one that cannot be read stops the start.
    pub fn open(file: Option<PathBuf>) -> Result<BankDirectory, ConfigError> {
        let banks = match &file {
            Some(path) => read_banks(path)?,
            None => Banks::shipped().clone(),
        };
        let changed = file.as_deref().and_then(changed_at);
        Ok(BankDirectory {
            file,
            read: Mutex::new((changed, Arc::new(banks))),
        })
    }

    /// The banks. A changed file that cannot be read is logged once, and what was read before stays.
    pub fn banks(&self) -> Arc<Banks> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.file
            && let changed @ Some(_) = changed_at(path)
            && changed != read.0
        {
            read.0 = changed;
            match read_banks(path) {
                Ok(banks) => read.1 = Arc::new(banks),
                Err(error) => tracing::error!(%error, "the changed banks file is not used"),
            }
        }
        read.1.clone()
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

fn read_banks(path: &Path) -> Result<Banks, ConfigError> {
    let wrong = |cause: String| ConfigError::File {
        path: path.to_owned(),
        cause,
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let own = Banks::parse(&text).map_err(|e| wrong(e.to_string()))?;
    Ok(Banks::shipped().updated(own))
}

/// Beside the SQLite file, else in the working folder (docs/spec/contract.md, section 2).
fn default_key_file(database_url: &str) -> PathBuf {
    let file = database_url
        .strip_prefix("sqlite://")
        .or_else(|| database_url.strip_prefix("sqlite:"));
    let folder = file
        .map(|f| Path::new(f.split('?').next().unwrap_or(f)))
        .and_then(Path::parent)
        .filter(|p| !p.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("choso.key"), |folder| folder.join("choso.key"))
}

impl Config {
    /// The key that encrypts secrets; the key file is made, readable by its owner alone, if it is not there.
    pub fn sealing_key(&self) -> Result<SealingKey, ConfigError> {
        let wrong = |cause: String| ConfigError::KeyFile {
            path: self.key_file.clone(),
            cause,
        };
        match std::fs::read_to_string(&self.key_file) {
            Ok(text) => SealingKey::from_file(&text).map_err(|e| wrong(e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let mut random = [0; 32];
                getrandom::fill(&mut random).map_err(|e| wrong(e.to_string()))?;
                let key = SealingKey::from_random(random);
                match write_new_private(&self.key_file, &key.to_file()) {
                    Ok(()) => Ok(key),
                    // Another process made it between our look and our write: its key is the key.
                    Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => self.sealing_key(),
                    Err(e) => Err(wrong(e.to_string())),
                }
            }
            Err(e) => Err(wrong(e.to_string())),
        }
    }
}

/// Writes a file that must not exist yet, mode 0600, whole or not at all as far as other readers see.
fn write_new_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let draft = path.with_extension(format!("key-{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A hard link fails if the name is taken, where a rename would replace another process's key.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Result<RawConfig, ConfigError> {
        RawConfig::from_variables(list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn defaults_are_the_shipped_file() {
        let config = RawConfig::default().check().unwrap();
        assert_eq!(config.database_url, "sqlite://choso.db");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.key_file, Path::new("choso.key"));
        assert_eq!(config.intake, IntakeLimits::default());
        assert_eq!(config.statement_inbox, None, "nothing is picked up unasked");
        assert_eq!(config.statement_inbox_times.to_string(), "06:00");
        assert_eq!(config.calendar, WorkingCalendar::default(), "no Tết is shipped");
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(
            matches!(variables(&[("CHOSO_LISTN", "x")]), Err(ConfigError::Unknown(n)) if n == "CHOSO_LISTN")
        );
        assert!(toml::from_str::<RawConfig>("listn = 'x'").is_err());
        assert!(variables(&[("HOME", "x"), ("CHOSO_CHROMIUM", "x")]).is_ok());
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for (name, value) in [
            ("CHOSO_LISTEN", "8080"),
            ("CHOSO_LOG_FORMAT", "xml"),
            ("CHOSO_PUBLIC_HOST", "https://choso.example.vn"),
            ("CHOSO_STATEMENT_INBOX", ""),
            ("CHOSO_STATEMENT_INBOX_TIMES", ""),
            ("CHOSO_STATEMENT_INBOX_TIMES", "06:00,25:00"),
            ("CHOSO_HOLIDAYS", "16/02/2026"),
            ("CHOSO_QUEUE_DELIVERIES_MAX", "0"),
            ("CHOSO_BATCH_DELIVERIES_MAX", "many"),
        ] {
            assert!(
                variables(&[(name, value)]).and_then(RawConfig::check).is_err(),
                "{name}={value}"
            );
        }
    }

    #[test]
    fn a_changed_banks_file_is_read_again_and_a_broken_one_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banks.txt");
        let touch = |text: &str, second: u64| {
            std::fs::write(&path, text).unwrap();
            let file = std::fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second))
                .unwrap();
        };
        touch("999999;Một;bank;Ngân hàng Một;;;\n", 1);
        let directory = BankDirectory::open(Some(path.clone())).unwrap();
        assert_eq!(directory.banks().name("999999"), "Một");
        touch("999999;Hai;bank;Ngân hàng Hai;;;\n", 2);
        assert_eq!(directory.banks().name("999999"), "Hai");
        touch("999999;Ba\n", 3);
        assert_eq!(directory.banks().name("999999"), "Hai");
        let error = BankDirectory::open(Some(path)).unwrap_err().to_string();
        assert!(error.contains("banks.txt") && error.contains("line 1"), "{error}");
        assert_eq!(
            BankDirectory::open(None).unwrap().banks().name("970436"),
            "Vietcombank"
        );
    }

    #[test]
    fn the_key_file_lies_beside_the_sqlite_file() {
        assert_eq!(
            default_key_file("sqlite:///var/lib/choso/choso.db?mode=rwc"),
            Path::new("/var/lib/choso/choso.key")
        );
        assert_eq!(
            default_key_file("sqlite://data/choso.db"),
            Path::new("data/choso.key")
        );
        assert_eq!(default_key_file("postgres://h/db"), Path::new("choso.key"));
    }
}

//! Settings: as people write them in a file, as variables and as flags, merged by name and then checked at once.
//!
//! Flags win over `CHOSO_…` variables, those over the settings file, that over the defaults. A setting this
//! program does not know stops the start: a misspelt one would otherwise be silently ignored. A new setting stands
//! in two places: with its default and explanation in `assets/choso.default.toml`, and as a field of [`Config`].

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, Deserializer, Error};
use toml::Value;

use crate::intake::IntakeLimits;
use crate::telemetry::{LogFilter, LogFormat};
use crate::vn::{SetTimes, WorkingCalendar};

/// The settings file that holds every default, with its explanation; `choso config` prints it.
pub const DEFAULT_SETTINGS: &str = include_str!("../assets/choso.default.toml");

/// Variables that begin with `CHOSO_` but are not settings of the program.
const FOREIGN_VARIABLES: [&str; 4] = [
    "CHOSO_CONFIG",
    "CHOSO_SKIPPED_FILE",
    "CHOSO_CHROMIUM",
    "CHOSO_TEST_POSTGRES_URL",
];

/// Settings as written, by name. Nothing is known of them yet, not even whether they are settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawConfig(BTreeMap<String, RawSetting>);

#[derive(Debug, Clone, PartialEq)]
struct RawSetting {
    value: Value,
    /// The file, variable or flag that says so, as an error names it.
    origin: String,
}

/// Settings that were checked: impossible ones are gone. Each field is a setting of its name.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its scheme is checked when the database is opened.
    pub database_url: String,
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// Where the key file is, or is to be made.
    pub key_file: PathBuf,
    #[serde(deserialize_with = "parsed")]
    pub log: LogFilter,
    pub log_format: LogFormat,
    /// File with banks that add to the shipped directory.
    pub banks_file: Option<PathBuf>,
    /// Host under which people reach the service; none: as the officer's browser wrote it.
    #[serde(default, deserialize_with = "public_host")]
    pub public_host: Option<String>,
    /// Proxies that are believed: addresses, and networks of so many leading bits.
    #[serde(default, deserialize_with = "trusted_proxies")]
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Time between a second person's approval of a changed account and its first card.
    #[serde(deserialize_with = "within::<_, _, 0, 720>")]
    pub account_change_wait_hours: i64,
    /// Above this amount, what a person decides about an exception waits for a second person.
    #[serde(deserialize_with = "within::<_, _, 0, 1_000_000_000_000>")]
    pub second_person_above_vnd: i64,
    /// Folder from which statements are picked up; none: nothing is. Whether it is there is looked at each time:
    /// a mount that comes late must not keep payments out.
    #[serde(default, deserialize_with = "statement_inbox")]
    pub statement_inbox: Option<PathBuf>,
    #[serde(deserialize_with = "parsed")]
    pub statement_inbox_times: SetTimes,
    /// Which days are working days; the setting names the days off.
    #[serde(rename = "holidays", default, deserialize_with = "parsed")]
    pub calendar: WorkingCalendar,
    #[serde(deserialize_with = "within::<_, _, 1, 100_000>")]
    pub queue_deliveries_max: usize,
    #[serde(deserialize_with = "within::<_, _, 1, 5_000>")]
    pub batch_deliveries_max: usize,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read, or is no TOML.
    #[error("file {path}: {cause}")]
    File { path: PathBuf, cause: String },
    /// A setting that is unknown, or whose value is no good.
    #[error(
        "setting {name} (from {origin}): {cause}\n`choso config` prints every setting with its explanation"
    )]
    Setting {
        name: String,
        /// the file, variable or flag that says so
        origin: String,
        /// what is wrong and what is wanted
        cause: String,
    },
}

impl RawConfig {
    /// Reads a settings file (TOML).
    pub fn from_file(path: &Path) -> Result<RawConfig, ConfigError> {
        let wrong = |cause: String| ConfigError::File {
            path: path.to_owned(),
            cause,
        };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        let table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
        Ok(RawConfig::from_table(table, &path.display().to_string()))
    }

    /// Reads `CHOSO_…` variables. Their text becomes a number or a boolean where the default is one.
    pub fn from_variables(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<RawConfig, ConfigError> {
        let RawConfig(defaults) = RawConfig::defaults();
        let mut raw = RawConfig::default();
        for (variable, text) in variables {
            let own = variable.to_str().filter(|name| !FOREIGN_VARIABLES.contains(name));
            let Some(name) = own.and_then(|name| name.strip_prefix("CHOSO_")) else {
                continue;
            };
            let name = name.to_lowercase();
            let origin = variable.display().to_string();
            let default = defaults
                .get(&name)
                .map_or("string", |default| default.value.type_str());
            let value = match text.to_str() {
                Some(text) if default == "string" => Some(Value::from(text)),
                Some(text) => text
                    .parse()
                    .ok()
                    .filter(|value: &Value| value.type_str() == default),
                None => None,
            };
            let Some(value) = value else {
                let cause = format!("«{}» is no {default}", text.display());
                return Err(ConfigError::Setting { name, origin, cause });
            };
            raw.0.insert(name, RawSetting { value, origin });
        }
        Ok(raw)
    }

    /// These settings and one more, as a flag of its name says it.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> RawConfig {
        let origin = format!("--{}", name.replace('_', "-"));
        let value = value.into();
        self.0.insert(name.to_owned(), RawSetting { value, origin });
        self
    }

    fn from_table(table: toml::Table, origin: &str) -> RawConfig {
        let origin = origin.to_owned();
        let setting = |(name, value)| {
            (
                name,
                RawSetting {
                    value,
                    origin: origin.clone(),
                },
            )
        };
        RawConfig(table.into_iter().map(setting).collect())
    }

    fn defaults() -> RawConfig {
        let table = DEFAULT_SETTINGS.parse().expect("a test reads it");
        RawConfig::from_table(table, "the defaults")
    }

    /// These settings, and the other's where these say nothing.
    pub fn or(mut self, other: RawConfig) -> RawConfig {
        for (name, setting) in other.0 {
            self.0.entry(name).or_insert(setting);
        }
        self
    }

    /// Checks every setting; the defaults come from [`DEFAULT_SETTINGS`].
    pub fn check(self) -> Result<Config, ConfigError> {
        let mut raw = self.or(RawConfig::defaults());
        if let Some(url) = raw.0.get("database_url").and_then(|url| url.value.as_str()) {
            let key_file = default_key_file(url).display().to_string();
            raw = raw.or(RawConfig::default().with("key_file", key_file));
        }
        // Settings are taken one after the other, so the one that was taken last is the one that is wrong.
        let taken = Cell::new(("", ""));
        let settings = raw.0.iter().map(|(name, setting)| {
            taken.set((name, &setting.origin));
            (name.as_str(), setting.value.clone())
        });
        let wrong = |error: toml::de::Error| ConfigError::Setting {
            name: taken.get().0.to_owned(),
            origin: taken.get().1.to_owned(),
            cause: error.message().to_owned(),
        };
        Config::deserialize(MapDeserializer::new(settings)).map_err(wrong)
    }
}

/// A value that its type reads from a text.
fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(written: D) -> Result<T, D::Error> {
    String::deserialize(written)?.parse().map_err(Error::custom)
}

/// A whole number within these bounds, both included.
fn within<'de, D: Deserializer<'de>, T: TryFrom<i64>, const MIN: i64, const MAX: i64>(
    written: D,
) -> Result<T, D::Error> {
    let number = i64::deserialize(written)?;
    match T::try_from(number) {
        Ok(good) if (MIN..=MAX).contains(&number) => Ok(good),
        _ => Err(Error::custom(format!("{number} is not between {MIN} and {MAX}"))),
    }
}

fn listen<'de, D: Deserializer<'de>>(written: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(written)?;
    let wrong = |_| format!("«{text}» is not ADDRESS:PORT, for example 127.0.0.1:8080");
    text.parse().map_err(wrong).map_err(Error::custom)
}

/// A host as cards print it: a name or address, perhaps with a port, without scheme or path.
fn public_host<'de, D: Deserializer<'de>>(written: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(written)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if !text.is_empty() && text.len() <= 60 && text.chars().all(is_host) {
        Ok(Some(text))
    } else {
        Err(Error::custom(format!(
            "«{text}» is no host, for example choso.example.vn (no https://, no path, at most 60 characters)"
        )))
    }
}

/// Addresses and networks with commas between: `127.0.0.1, 10.0.0.0/8`.
fn trusted_proxies<'de, D: Deserializer<'de>>(written: D) -> Result<Vec<(IpAddr, u8)>, D::Error> {
    let text = String::deserialize(written)?;
    let network = |part: &str| {
        let (address, bits) = part.split_once('/').unwrap_or((part, ""));
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() { all } else { bits.parse().ok()? };
        (bits <= all && !part.ends_with('/')).then_some((address, bits))
    };
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let wrong = |part: &str| {
        Error::custom(format!(
            "«{part}» is no address or network, for example 127.0.0.1 or 10.0.0.0/8"
        ))
    };
    parts
        .map(|part| network(part).ok_or_else(|| wrong(part)))
        .collect()
}

fn statement_inbox<'de, D: Deserializer<'de>>(written: D) -> Result<Option<PathBuf>, D::Error> {
    let folder = PathBuf::deserialize(written)?;
    if folder.as_os_str().is_empty() {
        Err(Error::custom("it is empty; name a folder, or leave it out"))
    } else {
        Ok(Some(folder))
    }
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
    /// Time between a second person's approval of a changed account and its first card.
    pub fn account_change_wait_ms(&self) -> i64 {
        self.account_change_wait_hours * 3_600_000
    }

    /// Bounds of the intake queue.
    pub fn intake_limits(&self) -> IntakeLimits {
        IntakeLimits {
            queue_deliveries_max: self.queue_deliveries_max,
            batch_deliveries_max: self.batch_deliveries_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Result<RawConfig, ConfigError> {
        RawConfig::from_variables(list.iter().map(|(n, v)| (n.into(), v.into())))
    }

    #[test]
    fn defaults_are_the_shipped_file() {
        let config = RawConfig::default().check().unwrap();
        assert_eq!(config.database_url, "sqlite://choso.db");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.key_file, Path::new("choso.key"));
        assert_eq!(config.log_format, LogFormat::Text);
        assert_eq!(config.intake_limits(), IntakeLimits::default());
        assert_eq!(config.account_change_wait_ms(), 24 * 3600 * 1000);
        assert_eq!(config.statement_inbox, None, "nothing is picked up unasked");
        assert_eq!(config.statement_inbox_times.to_string(), "06:00");
        assert_eq!(config.calendar, WorkingCalendar::default(), "nothing is named");
    }

    #[test]
    fn the_shipped_file_explains_every_setting() {
        let error = of_file("listn = 'x'").check().unwrap_err().to_string();
        let (_, known) = error.split_once("expected one of ").unwrap();
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).take(15).collect();
        assert!(known.starts_with(&["database_url", "listen"]), "{error}");
        for name in known {
            let is_there = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
            assert!(DEFAULT_SETTINGS.lines().any(is_there), "{name}");
        }
    }

    fn of_file(text: &str) -> RawConfig {
        RawConfig::from_table(text.parse().unwrap(), "/etc/choso.toml")
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_that_over_the_file() {
        let file = of_file("listen = '127.0.0.1:1'\nqueue_deliveries_max = 1\nlog = 'off'");
        let variables = variables(&[
            ("CHOSO_LISTEN", "127.0.0.1:2"),
            ("CHOSO_QUEUE_DELIVERIES_MAX", "2"),
        ])
        .unwrap();
        let flags = RawConfig::default().with("listen", "127.0.0.1:3");
        let config = flags.or(variables).or(file).check().unwrap();
        assert_eq!((config.listen.port(), config.queue_deliveries_max), (3, 2));
        assert_eq!(config.log.to_string(), "off");
    }

    #[test]
    fn an_error_says_where_the_value_stands_what_it_is_and_what_is_wanted() {
        let of_variable = |name, text| variables(&[(name, text)]);
        for (raw, sentence) in [
            (
                Ok(of_file("listn = 'x'")),
                "listn (from /etc/choso.toml): unknown field `listn`, expected one of `database_url`, `listen`",
            ),
            (
                Ok(of_file("listen = 8080")),
                "listen (from /etc/choso.toml): invalid type: integer `8080`, expected a string",
            ),
            (
                of_variable("CHOSO_LOG_FORMAT", "xml"),
                "log_format (from CHOSO_LOG_FORMAT): unknown variant `xml`, expected `text` or `json`",
            ),
            (
                of_variable("CHOSO_BATCH_DELIVERIES_MAX", "many"),
                "batch_deliveries_max (from CHOSO_BATCH_DELIVERIES_MAX): «many» is no integer",
            ),
            (
                Ok(RawConfig::default().with("listen", "8080")),
                "listen (from --listen): «8080» is not ADDRESS:PORT, for example 127.0.0.1:8080",
            ),
        ] {
            let error = raw.and_then(RawConfig::check).unwrap_err().to_string();
            let is_said = error.starts_with(&format!("setting {sentence}"));
            assert!(is_said && error.contains("\n`choso config` prints"), "{error}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        let foreign = variables(&[("HOME", "x"), ("CHOSO_CHROMIUM", "x")]);
        assert_eq!(foreign.unwrap(), RawConfig::default());
        for (name, value) in [
            ("CHOSO_LISTN", "x"),
            ("CHOSO_LISTEN", "8080"),
            ("CHOSO_LOG", "info,sqlx=loud"),
            ("CHOSO_LOG_FORMAT", "xml"),
            ("CHOSO_PUBLIC_HOST", "https://choso.example.vn"),
            ("CHOSO_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("CHOSO_TRUSTED_PROXIES", "10.0.0.0/"),
            ("CHOSO_TRUSTED_PROXIES", "127.0.0.1,proxy.example"),
            ("CHOSO_ACCOUNT_CHANGE_WAIT_HOURS", "-1"),
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
    fn proxies_are_addresses_and_networks() {
        let of = |text| variables(&[("CHOSO_TRUSTED_PROXIES", text)]).and_then(RawConfig::check);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let wanted = [(ip("127.0.0.1"), 32), (ip("10.0.0.0"), 8), (ip("fd00::"), 64)];
        assert_eq!(
            of("127.0.0.1, 10.0.0.0/8,fd00::/64").unwrap().trusted_proxies,
            wanted
        );
        assert_eq!(of("").unwrap().trusted_proxies, []);
        assert_eq!(RawConfig::default().check().unwrap().trusted_proxies, []);
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

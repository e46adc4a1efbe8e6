//! What the commands share: arguments for the settings, how a failure ends, files in and out, progress.

use std::io::IsTerminal;
use std::path::PathBuf;

use choso::app::StartError;
use choso::bank_directory::BanksFileError;
use choso::config::{Config, ConfigError, RawConfig};
use choso::intake::KeyFileError;
use choso::store::{Store, StoreError};
use choso::words;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

/// Where the settings come from. A flag wins over a CHOSO_… variable, that over the settings file.
#[derive(Debug, Args, Clone, Default)]
pub struct Settings {
    /// Settings file (TOML); `choso config` prints one with every setting
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// sqlite://FILE or postgres://USER@HOST/NAME [default: sqlite://choso.db]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// File with the key that encrypts secrets [default: choso.key beside the SQLite file]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

impl Settings {
    /// Reads all sources and checks them; `listen` is a flag that only some commands have.
    pub(super) fn check(self, listen: Option<String>) -> Result<Config, ConfigError> {
        let flags = [
            ("database_url", self.database_url),
            ("key_file", self.key_file),
            ("listen", listen),
        ];
        let given = flags.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let flags = given.fold(RawConfig::default(), |raw, (name, value)| raw.with(name, value));
        let variables = RawConfig::from_variables(std::env::vars_os())?;
        let file = match self
            .config
            .or_else(|| std::env::var_os("CHOSO_CONFIG").map(PathBuf::from))
        {
            Some(path) => RawConfig::from_file(&path)?,
            None => RawConfig::default(),
        };
        flags.or(variables).or(file).check()
    }

    /// The database, which must be there: one that a typing error made would tell that all is well.
    pub(super) async fn open(self) -> Result<(Config, Store), Failure> {
        let config = self.check(None)?;
        let store = Store::open_existing(&config.database_url).await?;
        Ok((config, store))
    }

    /// The database, made if it is not there: for commands with which a new one begins.
    pub(super) async fn open_or_make(self) -> Result<(Config, Store), Failure> {
        let config = self.check(None)?;
        let store = Store::open(&config.database_url).await?;
        Ok((config, store))
    }
}

/// Why a command ended without doing its work.
#[derive(Debug)]
pub enum Failure {
    /// Settings that cannot be used: exit status 2.
    Settings(String),
    /// The input was refused, or a check failed: exit status 1.
    Refused(String),
}

impl Failure {
    pub fn status(&self) -> u8 {
        match self {
            Failure::Settings(_) => 2,
            Failure::Refused(_) => 1,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Settings(text) | Failure::Refused(text) => f.write_str(text),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::Settings(error.to_string())
    }
}

impl From<BanksFileError> for Failure {
    fn from(error: BanksFileError) -> Failure {
        Failure::Settings(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            StoreError::Url(_)
            | StoreError::NoDatabase { .. }
            | StoreError::NoSchema { .. }
            | StoreError::NotOpened { .. }
            | StoreError::NewerSchema { .. } => Failure::Settings(error.to_string()),
            _ => Failure::Refused(words::store_error(&error).en.into_owned()),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Failure {
        match error {
            KeyFileError::Store(e) => e.into(),
            error => Failure::Settings(error.to_string()),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        match error {
            StartError::KeyFile(e) => e.into(),
            StartError::Store(e) => e.into(),
            StartError::BanksFile(e) => e.into(),
            StartError::Listen { .. } => Failure::Settings(error.to_string()),
        }
    }
}

/// Reads a file that the user named.
pub(super) fn read_file(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
}

/// Writes data where the user wants it: a file, or standard output.
pub(super) fn write_out(path: Option<&std::path::Path>, data: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    match path {
        Some(path) => {
            std::fs::write(path, data).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
        }
        None => {
            let mut out = std::io::stdout().lock();
            match out.write_all(data).and_then(|()| out.flush()) {
                // The reader of a pipe had enough, as `| head` does.
                Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                other => other.map_err(|e| Failure::Refused(format!("standard output: {e}"))),
            }
        }
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut random = [0u8; N];
    getrandom::fill(&mut random).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    Ok(random)
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress_bar(total: usize, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total as u64);
    // The template parses whatever is counted; without it the default bar would do.
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {what}, {{eta}} left"))
    {
        bar.set_style(style);
    }
    bar
}

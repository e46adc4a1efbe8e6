//! Where the databases of a run lie: files in a temporary folder, or a throw-away PostgreSQL.

#[path = "../../tests/support/cluster.rs"]
mod cluster;

use std::path::Path;

use choso::config::{Config, RawConfig};
use clap::ValueEnum;
pub use cluster::Cluster;

use crate::error::Result;

/// What `--database` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DatabaseChoice {
    Sqlite,
    Postgres,
    Both,
}

impl DatabaseChoice {
    /// The word of the flag.
    pub fn as_str(self) -> &'static str {
        match self {
            DatabaseChoice::Sqlite => "sqlite",
            DatabaseChoice::Postgres => "postgres",
            DatabaseChoice::Both => "both",
        }
    }

    /// Starts what is meant. `both` skips PostgreSQL by name where its programs are missing.
    pub fn backends(self) -> Result<Vec<Backend>> {
        let mut all = Vec::new();
        if self != DatabaseChoice::Postgres {
            all.push(Backend::Sqlite);
        }
        if self != DatabaseChoice::Sqlite {
            match Cluster::start() {
                Ok(cluster) => all.push(Backend::Postgres(cluster)),
                Err(why) if self == DatabaseChoice::Both => println!("skipped: PostgreSQL ({why})"),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(all)
    }
}

/// Makes fresh databases of one kind.
pub enum Backend {
    /// Files in temporary folders.
    Sqlite,
    /// A throw-away server with the durability PostgreSQL has by default.
    Postgres(Cluster),
}

impl Backend {
    /// `sqlite` or `postgres`.
    pub fn name(&self) -> &'static str {
        match self {
            Backend::Sqlite => "sqlite",
            Backend::Postgres(_) => "postgres",
        }
    }

    /// The server, where there is one.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Backend::Sqlite => None,
            Backend::Postgres(cluster) => Some(cluster),
        }
    }

    /// Checked settings for a service on a fresh database; all files lie in `folder`.
    pub fn config(&self, folder: &Path, batch_deliveries_max: Option<usize>) -> Result<Config> {
        let database_url = match self {
            Backend::Sqlite => format!("sqlite://{}", folder.join("choso.db").display()),
            Backend::Postgres(cluster) => cluster.fresh_database("loadtest"),
        };
        config_on(database_url, folder, batch_deliveries_max)
    }

    /// As [`Backend::config`], PostgreSQL reached by its socket and not over TCP.
    pub fn config_by_socket(&self, folder: &Path) -> Result<Config> {
        match self {
            Backend::Sqlite => self.config(folder, None),
            Backend::Postgres(cluster) => {
                let url = cluster.by_socket(&cluster.fresh_database("loadtest"))?;
                config_on(url, folder, None)
            }
        }
    }
}

fn config_on(database_url: String, folder: &Path, batch_deliveries_max: Option<usize>) -> Result<Config> {
    let mut raw = RawConfig::default()
        .with("database_url", database_url)
        .with("listen", "127.0.0.1:0")
        .with("key_file", folder.join("choso.key").display().to_string())
        .with("log", "warn");
    if let Some(deliveries) = batch_deliveries_max {
        raw = raw.with("batch_deliveries_max", i64::try_from(deliveries)?);
    }
    Ok(raw.check()?)
}

/// A folder that goes when it is dropped.
pub fn temporary_folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("choso-loadtest-").tempdir()?)
}

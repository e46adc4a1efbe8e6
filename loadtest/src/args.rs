//! Flags that several commands share, and what they stand for.

use std::path::{Path, PathBuf};

use choso::clock::now;
use clap::Args;
use serde_json::Value;

use crate::database::{Backend, DatabaseChoice};
use crate::error::Result;

#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// Which database to measure; `both` skips PostgreSQL by name where its programs are missing
    #[arg(long, value_enum, default_value = "both")]
    pub database: DatabaseChoice,
}

impl DatabaseArgs {
    /// Starts what is wanted.
    pub fn backends(&self) -> Result<Vec<Backend>> {
        self.database.backends()
    }
}

#[derive(Debug, Args)]
pub struct ProgramArgs {
    /// The program to measure [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl ProgramArgs {
    pub fn path(&self) -> Result<PathBuf> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()?.with_file_name("choso"),
        };
        if binary.is_file() {
            Ok(binary)
        } else {
            Err(format!(
                "there is no {}; build it with cargo build --release",
                binary.display()
            )
            .into())
        }
    }
}

#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Seed of everything that is left to chance: amounts, accounts, order
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct RawArgs {
    /// Where the raw run is kept; of several databases, with the name of each before the ending
    /// [default: loadtest/runs/DATE-COMMAND.json or DATE-COMMAND-DATABASE.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

impl RawArgs {
    /// The same for one of several databases.
    pub fn of_database(&self, database: &str) -> RawArgs {
        let with_name = |file: &PathBuf| file.with_extension(format!("{database}.json"));
        RawArgs {
            raw: self.raw.as_ref().map(with_name),
        }
    }

    /// Writes a raw run where it was asked for, else as `loadtest/runs/DATE-NAME.json`; says where. A run of
    /// the same day and name is replaced.
    pub fn write(&self, name: &str, raw_run: &Value) -> Result<()> {
        let today: String = now().iso().chars().take(10).collect();
        let usual = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("runs")
            .join(format!("{today}-{name}.json"));
        let file = self.raw.as_ref().unwrap_or(&usual);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, format!("{raw_run:#}\n")).map_err(|e| format!("{}: {e}", file.display()))?;
        eprintln!("raw run: {}", file.display());
        Ok(())
    }
}

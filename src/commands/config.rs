//! `choso config`: the settings, each with its default and explanation.

use std::process::ExitCode;

use choso::config::DEFAULT_SETTINGS;
use clap::Args;

use super::common::{Failure, write_out};

/// Print every setting with its default and explanation, as a settings file
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso config >choso.toml\n  choso serve --config choso.toml\n\nA variable CHOSO_<NAME IN CAPITALS> wins over the file, a flag over both."
)]
pub struct ConfigArgs {}

pub fn run() -> Result<ExitCode, Failure> {
    write_out(None, DEFAULT_SETTINGS.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

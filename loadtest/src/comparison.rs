//! Other programs that do the same: installed into a temporary folder, and timed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Result;

/// Whether a command that installs something did.
pub fn is_installed_by(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A Python of its own under this folder that has these packages; none where they cannot be installed.
pub fn python_with(packages: &[&str], folder: &Path) -> Option<PathBuf> {
    let environment = folder.join("python");
    let has_packages = is_installed_by(Command::new("python3").args(["-m", "venv"]).arg(&environment))
        && is_installed_by(
            Command::new(environment.join("bin/pip"))
                .args(["install", "-q"])
                .args(packages),
        );
    has_packages.then(|| environment.join("bin/python"))
}

/// Runs a command to its end, start included.
pub fn timed(command: &mut Command, input: &Path, output: &Path) -> Result<Duration> {
    command.stdin(File::open(input)?).stdout(File::create(output)?);
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

//! Looking at pages as a person's browser does, and saying aloud what could not be tested.
//!
//! Headless Chromium opens one address per call, with a new profile that is removed
//! afterwards. It opens pages of the service under test and nothing else, so it runs
//! without its sandbox: that needs rights which root and most containers do not have.

#![allow(
    dead_code,
    reason = "every binary that includes this file uses only a part of it"
)]

use std::{
    env, fs,
    fs::OpenOptions,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// How long a browser may take for one page before it and its children are killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says that the test `name` could not run, and why.
///
/// The line goes to standard error and, since nobody sees the output of a test that
/// passes, also to the file named by `CHOSO_SKIPPED_FILE`, from which `./test` counts.
pub fn skip(name: &str, why: &str) {
    eprintln!("SKIPPED {name}: {why}");
    let Some(file) = env::var_os("CHOSO_SKIPPED_FILE") else {
        return;
    };
    let line = format!("{name}: {why}\n");
    let kept = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = kept {
        // A skip that is not counted would look like a test that ran.
        panic!("could not note a skipped test in {}: {error}", file.display());
    }
}

/// The Chromium (or Chrome) of this machine: the one that `CHOSO_CHROMIUM` names, else the
/// first on the `PATH`. `None` if there is none.
pub fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHOSO_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    const NAMES: [&str; 4] = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

/// The page at `url` as HTML after its scripts ran for `virtual_time_ms`.
///
/// Virtual time stands still while a request is under way and jumps over idle waiting, so
/// the result does not depend on how fast the machine is. A page that keeps a connection
/// open for ever (a live stream) would hold virtual time for ever and end in an error; with
/// 0 there is no virtual time, and the page is taken as it is when it has loaded.
pub fn dom(url: &str, virtual_time_ms: u64) -> Result<String, String> {
    let budget = format!("--virtual-time-budget={virtual_time_ms}");
    let flags: &[&str] = if virtual_time_ms == 0 {
        &["--dump-dom"]
    } else {
        &["--dump-dom", &budget]
    };
    let html = open(url, flags)?;
    if html.is_empty() {
        return Err(format!("Chromium reached no page at {url}"));
    }
    String::from_utf8(html).map_err(|_| format!("Chromium's page of {url} is not UTF-8"))
}

/// A picture of the page at `url`, as a PNG file of `width` by `height` pixels.
pub fn screenshot(url: &str, file: &Path, width: u32, height: u32) -> Result<(), String> {
    let target = format!("--screenshot={}", file.display());
    let size = format!("--window-size={width},{height}");
    open(
        url,
        &[
            &target,
            &size,
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ],
    )?;
    if file.is_file() {
        return Ok(());
    }
    Err(format!("Chromium made no picture of {url}"))
}

/// Runs Chromium once for `url` and returns what it printed.
fn open(url: &str, flags: &[&str]) -> Result<Vec<u8>, String> {
    let program = chromium().ok_or("Chromium is not installed")?;
    let profile = Profile::new().map_err(|e| format!("no folder for Chromium's profile: {e}"))?;
    let talk = profile.0.join("talk");
    let log = fs::File::create(&talk).map_err(|e| format!("{}: {e}", talk.display()))?;
    let child = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        // Nothing of its own over the network: tests must not depend on one.
        .args([
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args(["--disable-sync", "--no-first-run", "--no-default-browser-check"])
        .arg(format!("--user-data-dir={}", profile.0.join("profile").display()))
        .args(flags)
        .arg(url)
        // What it keeps in a person's home belongs into the same folder.
        .env("HOME", &profile.0)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(|e| format!("Chromium: {e}"))?;
    let (status, printed) = bounded(child).map_err(|why| format!("Chromium with {url}: {why}"))?;
    if status.success() {
        return Ok(printed);
    }
    let said = fs::read_to_string(&talk).unwrap_or_default();
    let end: Vec<&str> = said.lines().rev().take(8).collect();
    Err(format!(
        "Chromium with {url} ended with {status}: {}",
        end.join(" | ")
    ))
}

/// Reads what a child prints until it ends, for [`PATIENCE`] at most. Whatever is left of
/// its process group is killed.
fn bounded(mut child: Child) -> Result<(ExitStatus, Vec<u8>), String> {
    let output = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut printed = Vec::new();
        let read = match output {
            Some(mut output) => output.read_to_end(&mut printed).map(|_| printed),
            None => Ok(printed),
        };
        // The receiver is gone if we took too long: then nobody wants it.
        let _ = sender.send(read);
    });
    let received = receiver.recv_timeout(PATIENCE);
    if received.is_err() {
        kill_group(&child);
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    kill_group(&child);
    let printed = received.map_err(|_| format!("no end within {} s", PATIENCE.as_secs()))?;
    Ok((status, printed.map_err(|e| e.to_string())?))
}

/// Kills a child's process group. The shell does it, since the standard library cannot.
fn kill_group(child: &Child) {
    let kill = format!("kill -9 -{}", child.id());
    // It fails when the group is empty, which is what we want.
    let _ = Command::new("sh")
        .args(["-c", &kill])
        .stderr(Stdio::null())
        .status();
}

/// A folder for one run's profile and messages, removed when dropped.
struct Profile(PathBuf);

impl Profile {
    /// Makes an empty folder that no other run uses.
    fn new() -> io::Result<Profile> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("choso-browser-{}-{number}", std::process::id()));
        // Left over from a killed process that had the same id.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)?;
        Ok(Profile(folder))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // A folder that cannot be removed is no reason to fail a test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

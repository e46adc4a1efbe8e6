//! The finished program as a process: started, killed, told to stop, and asked for its verdicts.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use choso::config::Config;
use serde_json::Value;

use crate::error::Result;
use crate::machine::status_kib;

/// A service that has not announced itself by now will not.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// A running `choso serve`; killed if it is dropped while running.
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has already ended unless something failed; then nothing better can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts it with these settings and waits until it listens. `wrapper` is a program that gives way to
    /// the service, with its arguments: `sh` with a limit; empty for none. What the service logs is added
    /// to `serve.log` beside the key file.
    pub fn start(
        binary: &Path,
        config: &Config,
        wrapper: &[&str],
        variables: &[(&str, String)],
    ) -> Result<Service> {
        let mut command = without_settings(binary, wrapper);
        let folder = config.key_file.parent().unwrap_or(Path::new("."));
        let log_file = folder.join("serve.log");
        let log = File::options().create(true).append(true).open(&log_file)?;
        let mut child = command
            .arg("serve")
            .envs(settings(config))
            .env("CHOSO_LISTEN", config.listen.to_string())
            .env(
                "CHOSO_QUEUE_DELIVERIES_MAX",
                config.queue_deliveries_max.to_string(),
            )
            .env(
                "CHOSO_BATCH_DELIVERIES_MAX",
                config.batch_deliveries_max.to_string(),
            )
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("{}: {e}", binary.display()))?;
        match announced_address(&mut child) {
            Ok(address) => Ok(Service { child, address }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let log = std::fs::read_to_string(log_file).unwrap_or_default();
                Err(format!("{error}; {}", log.lines().last().unwrap_or("it logged nothing")).into())
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `kill -9` does, at once.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The most memory it has had so far.
    pub fn peak_kib(&self) -> u64 {
        status_kib(&self.id().to_string(), "VmHWM")
    }

    /// Stops it; what there is to say against how it ended.
    pub fn stop_or_fault(self) -> Result<Option<String>> {
        let fault = "told to stop, the service did not end with 0".to_owned();
        Ok((!self.stop()?).then_some(fault))
    }

    /// Sends SIGTERM and waits; whether it ended with 0 in time.
    pub fn stop(mut self) -> Result<bool> {
        Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status()?;
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(false)
    }
}

/// Runs a command of the program that prints one JSON object; gives that, and whether it ended with 0.
pub fn ask(binary: &Path, config: &Config, arguments: &[&str]) -> Result<(Value, bool)> {
    let output = without_settings(binary, &[])
        .args(arguments)
        .envs(settings(config))
        .stdin(Stdio::null())
        .output()?;
    let answer = serde_json::from_slice(&output.stdout).map_err(|e| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("choso {}: {e}: {}", arguments.join(" "), said.trim())
    })?;
    Ok((answer, output.status.success()))
}

/// A command of the program that has ended.
pub struct Finished {
    pub took: Duration,
    pub peak_kib: u64,
    pub output: Vec<u8>,
}

/// Runs a command of the program to its end.
pub fn run(binary: &Path, config: &Config, arguments: &[&str]) -> Result<Finished> {
    let started = Instant::now();
    let mut child = without_settings(binary, &[])
        .args(arguments)
        .envs(settings(config))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let id = child.id().to_string();
    let mut peak_kib = 0;
    // What it prints is short and waits in the pipe.
    let status = loop {
        peak_kib = peak_kib.max(status_kib(&id, "VmHWM"));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let took = started.elapsed();
    let mut output = Vec::new();
    if let Some(mut printed) = child.stdout.take() {
        printed.read_to_end(&mut output)?;
    }
    if status.success() {
        Ok(Finished {
            took,
            peak_kib,
            output,
        })
    } else {
        Err(format!("choso {} ended with {status}", arguments.join(" ")).into())
    }
}

/// A command that the settings of the person at this terminal do not reach.
fn without_settings(binary: &Path, wrapper: &[&str]) -> Command {
    let mut command = match wrapper {
        [] => Command::new(binary),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHOSO_") {
            command.env_remove(name);
        }
    }
    command
}

fn settings(config: &Config) -> [(&'static str, String); 2] {
    [
        ("CHOSO_DATABASE_URL", config.database_url.clone()),
        ("CHOSO_KEY_FILE", config.key_file.display().to_string()),
    ]
}

/// Reads `listening on http://HOST:PORT` from its standard output, on a thread of its own so that a
/// program that says nothing does not hold us.
fn announced_address(child: &mut Child) -> Result<SocketAddr> {
    let output = child
        .stdout
        .take()
        .ok_or("its standard output is not connected")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                let _ = tell.send(address.parse());
            }
        }
    });
    match told.recv_timeout(START_TIMEOUT) {
        Ok(address) => Ok(address?),
        Err(_) => Err("the program did not print `listening on http://HOST:PORT`".into()),
    }
}

//! How soon the finished program answers, and what it needs when nobody calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use crate::Result;
use crate::report::{self, Machine, micros, status_kib};

const START_AIM: Duration = Duration::from_millis(200);
const MEMORY_AIM_KIB: u64 = 64 * 1024;
/// How long the service is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);
/// A service that has not answered by now will not.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end after SIGTERM.
const STOP_WITHIN: Duration = Duration::from_secs(25);

/// Flags of `loadtest start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// How many times it is started, each time on an empty SQLite database
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    times: u16,
    /// Where the raw run is kept [default: loadtest/runs/DATE-start.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Measures, prints and keeps the raw run. False if the program did not end with 0 when told to stop.
pub fn run(args: &StartArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("choso"),
    };
    if !binary.is_file() {
        return Err(format!(
            "there is no {}; build it with cargo build --release",
            binary.display()
        )
        .into());
    }
    let mut rounds = Vec::new();
    for _ in 0..args.times {
        rounds.push(one_round(&binary)?);
    }
    let mut raw = report::raw_head("start", &machine);
    raw["rounds"] = rounds.iter().map(Round::json).collect();
    let file = args.raw.clone().unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("runs")
            .join(format!("{}-start.json", report::today()))
    });
    print(&rounds);
    report::write_raw(&file, &raw)?;
    Ok(rounds.iter().all(|round| round.ended_well))
}

struct Round {
    until_answer: Duration,
    idle_kib: u64,
    ended_well: bool,
}

impl Round {
    fn json(&self) -> serde_json::Value {
        json!({
            "until_healthz_us": micros(self.until_answer),
            "idle_rss_kib": self.idle_kib,
            "ended_with_0": self.ended_well,
        })
    }
}

fn print(rounds: &[Round]) {
    let mut times: Vec<Duration> = rounds.iter().map(|round| round.until_answer).collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    println!(
        "from start to the first 200 of /healthz, empty SQLite: median {:.0} ms of {} (least {:.0}, most {:.0}; \
         aim ≤ {} ms: {})",
        ms(median),
        times.len(),
        ms(times[0]),
        ms(times[times.len() - 1]),
        START_AIM.as_millis(),
        met(median <= START_AIM)
    );
    let most_kib = rounds.iter().map(|round| round.idle_kib).max().unwrap_or(0);
    println!(
        "resident memory, idle for {} s: at most {:.1} MiB (aim ≤ {} MiB: {})",
        IDLE.as_secs(),
        most_kib as f64 / 1024.0,
        MEMORY_AIM_KIB / 1024,
        met(most_kib <= MEMORY_AIM_KIB)
    );
    let bad = rounds.iter().filter(|round| !round.ended_well).count();
    if bad > 0 {
        println!("FAULT: told to stop, {bad} did not end with 0");
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT met" }
}

/// A running `choso serve`; killed if it is dropped while running.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It has already ended unless something failed; then nothing better can be done here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn one_round(binary: &Path) -> Result<Round> {
    let folder = tempfile::Builder::new().prefix("choso-loadtest-").tempdir()?;
    let started = Instant::now();
    let mut service = serve(binary, &folder)?;
    let address = announced_address(&mut service)?;
    until_healthy(&address, started)?;
    let until_answer = started.elapsed();
    std::thread::sleep(IDLE);
    let idle_kib = status_kib(&service.0.id().to_string(), "VmRSS");
    Ok(Round {
        until_answer,
        idle_kib,
        ended_well: stop(&mut service)?,
    })
}

fn serve(binary: &Path, folder: &TempDir) -> Result<Service> {
    let mut command = Command::new(binary);
    // Settings of the person at this terminal must not reach it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHOSO_") {
            command.env_remove(name);
        }
    }
    let child = command
        .arg("serve")
        .env(
            "CHOSO_DATABASE_URL",
            format!("sqlite://{}", folder.path().join("choso.db").display()),
        )
        .env("CHOSO_LISTEN", "127.0.0.1:0")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("{}: {e}", binary.display()))?;
    Ok(Service(child))
}

/// Reads `listening on http://HOST:PORT` from its standard output, on a thread of its own so that a
/// program that says nothing does not hold us.
fn announced_address(service: &mut Service) -> Result<String> {
    let output = service
        .0
        .stdout
        .take()
        .ok_or("its standard output is not connected")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                let _ = tell.send(address.to_owned());
            }
        }
    });
    told.recv_timeout(START_WITHIN)
        .map_err(|_| "the program did not print `listening on http://HOST:PORT`".into())
}

fn until_healthy(address: &str, started: Instant) -> Result<()> {
    while started.elapsed() < START_WITHIN {
        if is_healthy(address).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("the program listens, but /healthz does not answer 200".into())
}

fn is_healthy(address: &str) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        connection,
        "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut head = [0; 12];
    connection.read_exact(&mut head)?;
    Ok(&head == b"HTTP/1.1 200")
}

/// Sends SIGTERM and waits; whether it ended with 0.
fn stop(service: &mut Service) -> Result<bool> {
    Command::new("kill")
        .args(["-TERM", &service.0.id().to_string()])
        .status()?;
    let asked = Instant::now();
    while asked.elapsed() < STOP_WITHIN {
        if let Some(status) = service.0.try_wait()? {
            return Ok(status.success());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}

//! `loadtest start`: how soon the finished program answers, and what it needs when nobody calls.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use crate::args::{ProgramArgs, RawArgs};
use crate::benchmark::Benchmark;
use crate::database::{Backend, temporary_folder};
use crate::error::Result;
use crate::machine::status_kib;
use crate::process::Service;
use crate::report::{met, micros};

const START_AIM: Duration = Duration::from_millis(200);
const MEMORY_AIM_KIB: u64 = 64 * 1024;
/// How long the service is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);
/// A service that has not answered by now will not.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Flags of `loadtest start`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest start --times 10\n\
                  Exit status: 1 if the program did not end with 0 when told to stop.")]
pub struct StartArgs {
    #[command(flatten)]
    program: ProgramArgs,
    /// How many times it is started, each time on an empty SQLite database
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    times: u16,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures, prints and keeps the raw run. False if the program did not end with 0 when told to stop.
pub fn run(args: &StartArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("start", &args.output);
    let program = args.program.path()?;
    let mut rounds = Vec::new();
    for _ in 0..args.times {
        rounds.push(one_round(&program)?);
    }
    print(&rounds);
    benchmark.keep(json!({ "rounds": rounds.iter().map(Round::json).collect::<Vec<_>>() }))?;
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

fn one_round(program: &Path) -> Result<Round> {
    let folder = temporary_folder()?;
    let config = Backend::Sqlite.config(folder.path(), None)?;
    let started = Instant::now();
    let service = Service::start(program, &config, &[], &[])?;
    until_healthy(service.address(), started)?;
    let until_answer = started.elapsed();
    std::thread::sleep(IDLE);
    let idle_kib = status_kib(&service.id().to_string(), "VmRSS");
    Ok(Round {
        until_answer,
        idle_kib,
        ended_well: service.stop()?,
    })
}

fn until_healthy(address: SocketAddr, started: Instant) -> Result<()> {
    while started.elapsed() < START_TIMEOUT {
        if is_healthy(address).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("the program listens, but /healthz does not answer 200".into())
}

fn is_healthy(address: SocketAddr) -> std::io::Result<bool> {
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

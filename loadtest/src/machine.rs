//! What the system says of the machine and of processes: who runs, how much memory and processor time it
//! took, and how many files it may open.

use std::os::unix::process::CommandExt;
use std::process::Command;

use choso::clock::now;
use serde_json::{Value, json};

use crate::error::Result;

/// The machine and the program that a run was made with.
pub struct Machine {
    cores: usize,
    cpu: String,
    commit: String,
    date: String,
}

impl Machine {
    /// Reads what the system says. What it does not say is called unknown: a run is no less true for it.
    pub fn read() -> Machine {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, model)| model.trim().to_owned());
        Machine {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu,
            commit: commit(),
            date: now().iso(),
        }
    }

    pub fn line(&self) -> String {
        format!(
            "{} cores, {}; commit {}; {}",
            self.cores, self.cpu, self.commit, self.date
        )
    }

    pub fn json(&self) -> Value {
        json!({
            "date": self.date,
            "commit": self.commit,
            "machine": { "cores": self.cores, "cpu": self.cpu },
        })
    }
}

/// The commit of the working folder; `+` says that files differ from it.
fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        None => "unknown".to_owned(),
        Some(commit) => {
            let is_clean = git(&["status", "--porcelain", "--", "src", "migrations", "Cargo.lock"])
                .is_some_and(|changes| changes.is_empty());
            if is_clean { commit } else { format!("{commit}+") }
        }
    }
}

/// Resident memory of this process, KiB: service, client and prepared requests together.
pub struct Memory {
    idle_kib: u64,
    peak_kib: u64,
    prepared_kib: u64,
}

impl Memory {
    /// Notes what is resident before requests are prepared, and lets the peak begin anew.
    pub fn before() -> Memory {
        restart_peak();
        Memory {
            idle_kib: status_kib("self", "VmRSS"),
            peak_kib: 0,
            prepared_kib: 0,
        }
    }

    pub fn peak_mib(&self) -> u64 {
        self.peak_kib / 1024
    }

    /// One sentence.
    pub fn line(&self) -> String {
        format!(
            "resident memory of service and client in one process: {} MiB before, {} MiB at its peak, of which up \
             to {} MiB are prepared requests",
            self.idle_kib / 1024,
            self.peak_kib / 1024,
            self.prepared_kib / 1024
        )
    }

    pub fn json(&self) -> Value {
        json!({ "idle": self.idle_kib, "peak": self.peak_kib, "prepared_requests": self.prepared_kib })
    }

    /// Notes the peak, and how much of it the prepared requests can be.
    pub fn after(&mut self, prepared_bytes: usize) {
        self.peak_kib = status_kib("self", "VmHWM");
        self.prepared_kib = prepared_bytes as u64 / 1024;
    }
}

/// Lets the peak of this process's memory (`VmHWM`) begin anew.
pub fn restart_peak() {
    // Where the system does not allow this, the peak is that of the whole process so far: not less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A size in KiB from `/proc/PROCESS/status`; 0 where it is not told.
pub fn status_kib(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Processor time of a phase. A rate suffers when something else runs on the machine; this says whether
/// something did, and what a callback cost all the same.
pub struct CpuTime {
    own_ticks: u64,
    busy_ticks: u64,
    all_ticks: u64,
    /// What other machines of the same host took.
    stolen_ticks: u64,
}

/// Ticks of `/proc` in a second, as Linux shows them on every machine it runs on today.
const TICKS_PER_S: u64 = 100;

impl CpuTime {
    /// What the counters of the system show now. Own is this process with the children that have ended,
    /// and these services that run beside it.
    pub fn now(services: &[u32]) -> CpuTime {
        let (busy_ticks, all_ticks, stolen_ticks) = machine_ticks();
        let services = services.iter().map(|id| process_ticks(&id.to_string()));
        CpuTime {
            own_ticks: process_ticks("self") + services.sum::<u64>(),
            busy_ticks,
            all_ticks,
            stolen_ticks,
        }
    }

    /// What was spent between two moments.
    pub fn since(&self, before: &CpuTime) -> CpuTime {
        CpuTime {
            own_ticks: self.own_ticks.saturating_sub(before.own_ticks),
            busy_ticks: self.busy_ticks.saturating_sub(before.busy_ticks),
            all_ticks: self.all_ticks.saturating_sub(before.all_ticks),
            stolen_ticks: self.stolen_ticks.saturating_sub(before.stolen_ticks),
        }
    }

    /// One sentence: what other programs did while this was measured.
    pub fn line(&self) -> String {
        format!(
            "{:.1} s of processor time; others took {}% of the machine, its host {}%, {}% were idle",
            self.own_us() as f64 / 1e6,
            self.others_percent(),
            self.stolen_percent(),
            self.idle_percent()
        )
    }

    pub fn json(&self) -> Value {
        json!({
            "own_us": self.own_us(),
            "others_percent": self.others_percent(),
            "stolen_percent": self.stolen_percent(),
            "idle_percent": self.idle_percent(),
        })
    }

    /// Of client and service together, µs.
    pub fn own_us(&self) -> u64 {
        self.own_ticks * 1_000_000 / TICKS_PER_S
    }

    /// Hundredths of the machine that other programs took; PostgreSQL is another program.
    pub fn others_percent(&self) -> u64 {
        self.busy_ticks.saturating_sub(self.own_ticks) * 100 / self.all_ticks.max(1)
    }

    /// Hundredths that the host gave to others than this machine: where they are many, a rate says little.
    fn stolen_percent(&self) -> u64 {
        self.stolen_ticks * 100 / self.all_ticks.max(1)
    }

    pub fn idle_percent(&self) -> u64 {
        self.all_ticks.saturating_sub(self.busy_ticks + self.stolen_ticks) * 100 / self.all_ticks.max(1)
    }
}

/// User and system time of a process and of its children that have ended; fields 14 to 17 of its `stat`,
/// counted after the name.
fn process_ticks(process: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let fields = after_name.split_whitespace().skip(11).take(4);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Busy, all and stolen ticks of all cores: idle, waiting for a disk and stolen are not busy.
fn machine_ticks() -> (u64, u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or("");
    // user nice system idle iowait irq softirq steal; guests are within user.
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let stolen = ticks.get(7).copied().unwrap_or(0);
    (all - idle - stolen, all, stolen)
}

/// Set when this program was started anew with more files.
const FILES_RAISED: &str = "LOADTEST_FILES_RAISED";

/// Makes sure that so many connections can be open, here and in the services that are started here. Where
/// the limit is lower, this program is started anew under a higher one; where that is not allowed, the
/// error says so.
pub fn allow_open_files(connections: usize) -> Result<()> {
    let wanted = connections as u64 + 1_000;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let Some(soft) = soft.filter(|soft| *soft < wanted) else {
        return Ok(());
    };
    if std::env::var_os(FILES_RAISED).is_some() {
        return Err(
            format!("{wanted} open files are wanted, {soft} are allowed; raise it with ulimit -n").into(),
        );
    }
    let error = Command::new("sh")
        .args([
            "-c",
            "ulimit -n \"$0\" 2>/dev/null; exec \"$@\"",
            &wanted.to_string(),
        ])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(FILES_RAISED, "1")
        .exec();
    Err(error.into())
}

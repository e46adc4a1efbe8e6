//! What is printed and what is kept of a run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use choso::app::now;
use serde_json::{Value, json};

use crate::Result;
use crate::intake::{Phase, Run};

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

    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "{} cores, {}; commit {}; {}",
            self.cores, self.cpu, self.commit, self.date
        )
    }

    fn json(&self) -> Value {
        json!({ "cores": self.cores, "cpu": self.cpu })
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

/// Today in Viet Nam, as 2026-01-15.
pub fn today() -> String {
    now().iso().chars().take(10).collect()
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
        // Where the system does not allow this, the peak is that of the whole process so far: not less.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Memory {
            idle_kib: status_kib("self", "VmRSS"),
            peak_kib: 0,
            prepared_kib: 0,
        }
    }

    /// Notes the peak, and how much of it the prepared requests can be.
    pub fn after(&mut self, prepared_bytes: usize) {
        self.peak_kib = status_kib("self", "VmHWM");
        self.prepared_kib = prepared_bytes as u64 / 1024;
    }
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
pub struct Effort {
    own_ticks: u64,
    busy_ticks: u64,
    all_ticks: u64,
}

/// Ticks of `/proc` in a second, as Linux shows them on every machine it runs on today.
const TICKS_PER_S: u64 = 100;

impl Effort {
    /// What the counters of the system show now.
    pub fn now() -> Effort {
        let (busy_ticks, all_ticks) = machine_ticks();
        Effort {
            own_ticks: own_ticks(),
            busy_ticks,
            all_ticks,
        }
    }

    /// What was spent between two moments.
    pub fn since(&self, before: &Effort) -> Effort {
        Effort {
            own_ticks: self.own_ticks.saturating_sub(before.own_ticks),
            busy_ticks: self.busy_ticks.saturating_sub(before.busy_ticks),
            all_ticks: self.all_ticks.saturating_sub(before.all_ticks),
        }
    }

    /// Of this process, client and service together, µs.
    fn own_us(&self) -> u64 {
        self.own_ticks * 1_000_000 / TICKS_PER_S
    }

    /// Hundredths of the machine that other programs took; PostgreSQL is another program.
    fn others_percent(&self) -> u64 {
        self.busy_ticks.saturating_sub(self.own_ticks) * 100 / self.all_ticks.max(1)
    }

    fn idle_percent(&self) -> u64 {
        self.all_ticks.saturating_sub(self.busy_ticks) * 100 / self.all_ticks.max(1)
    }
}

/// User and system time of this process; fields 14 and 15 of its `stat`, counted after the name.
fn own_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Busy and all ticks of all cores: idle and waiting for a disk are not busy.
fn machine_ticks() -> (u64, u64) {
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
    (all - idle, all)
}

/// The lines above the tables.
pub fn head(machine: &Machine, connections: u16, client_threads: u16, ids: &str) {
    println!("{}", machine.line());
    println!(
        "closed loop, {connections} connections, {client_threads} client thread(s); client and service share \
         these cores and one process; ids by {ids}"
    );
}

/// The table of one database, its ratios and its verdict.
pub fn table(run: &Run) {
    println!("\n{}", run.database);
    println!(
        "{:<20}{:>10}{:>9}{:>9}{:>9}{:>9}{:>12}{:>9}{:>8}{:>8}",
        "phase",
        "callbacks",
        "rate /s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "to ceiling",
        "cpu µs",
        "others",
        "idle"
    );
    let ceiling = run.phases[0].rate();
    for phase in &run.phases {
        let [p50, p99, max] = [500, 990, 1000].map(|rank| percentile_us(phase, rank) as f64 / 1000.0);
        println!(
            "{:<20}{:>10}{:>9.0}{p50:>9.2}{p99:>9.2}{max:>9.2}{:>12.3}{:>9}{:>7}%{:>7}%",
            phase.name,
            phase.outcome.latencies_us.len(),
            phase.rate(),
            phase.rate() / ceiling,
            cpu_us_each(phase),
            phase.effort.others_percent(),
            phase.effort.idle_percent()
        );
    }
    println!(
        "cpu µs: of this process for a callback, client and service; others, idle: of the whole machine \
         (PostgreSQL counts as others)"
    );
    aim(
        "durable / ceiling",
        run.durable_to_ceiling(),
        Some(run.aim_to_ceiling()),
    );
    aim(
        "durable / one row per commit",
        run.durable_to_one_row(),
        run.aim_to_one_row(),
    );
    memory(&run.phases[1].memory);
    println!(
        "a write of 4 KiB and fsync takes {:.2} ms here (median)",
        run.fsync.as_secs_f64() * 1000.0
    );
    verdict(run);
}

fn aim(what: &str, found: f64, wanted: Option<f64>) {
    match wanted {
        Some(wanted) if found >= wanted => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: met)"),
        Some(wanted) => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: NOT met)"),
        None => println!("{what}: {found:.2}"),
    }
}

fn memory(memory: &Memory) {
    println!(
        "resident memory of service and client in one process: {} MiB before the durable phase, {} MiB peak \
         in it, of which up to {} MiB are prepared requests",
        memory.idle_kib / 1024,
        memory.peak_kib / 1024,
        memory.prepared_kib / 1024
    );
}

fn verdict(run: &Run) {
    for phase in &run.phases {
        for fault in &phase.faults {
            println!("FAULT in {}: {fault}", phase.name);
        }
        if let (Some(recount), true) = (&phase.recount, phase.faults.is_empty()) {
            println!(
                "{}: {} callbacks of {} đồng sent, answered 204, received, posted and on receipts; counters agree",
                phase.name, recount.totals.posted.count, recount.totals.posted.amount_vnd
            );
        }
    }
}

/// The latency that this many thousandths of the answers did not exceed; 1000 is the longest.
fn percentile_us(phase: &Phase, thousandths: usize) -> u32 {
    let sorted = &phase.outcome.latencies_us;
    let rank = (sorted.len() * thousandths).div_ceil(1000);
    sorted
        .get(rank.saturating_sub(1))
        .or(sorted.last())
        .copied()
        .unwrap_or(0)
}

fn cpu_us_each(phase: &Phase) -> u64 {
    phase.effort.own_us() / (phase.outcome.latencies_us.len() as u64).max(1)
}

/// Keeps the run as JSON; a run of the same day and database is replaced.
pub fn keep_raw(file: &Path, run: &Run, machine: &Machine, settings: &Value) -> Result<()> {
    let whole = json!({
        "benchmark": "intake",
        "database": run.database,
        "date": machine.date,
        "commit": machine.commit,
        "machine": machine.json(),
        "settings": settings,
        "phases": run.phases.iter().map(phase_json).collect::<Vec<_>>(),
        "ratios": {
            "durable_to_ceiling": thousandths(run.durable_to_ceiling()),
            "durable_to_one_row": thousandths(run.durable_to_one_row()),
        },
        "fsync_median_us": micros(run.fsync),
    });
    write_raw(file, &whole)
}

/// Writes JSON with its folder, and says where.
pub fn write_raw(file: &Path, whole: &Value) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, format!("{whole:#}\n")).map_err(|e| format!("{}: {e}", file.display()))?;
    eprintln!("raw run: {}", file.display());
    Ok(())
}

fn phase_json(phase: &Phase) -> Value {
    let latency = |rank| percentile_us(phase, rank);
    json!({
        "name": phase.name,
        "callbacks": phase.outcome.latencies_us.len(),
        "elapsed_us": micros(phase.outcome.elapsed),
        "rate_per_s": phase.rate().round() as u64,
        "preparing_us": micros(phase.preparing),
        "latency_us": {
            "p50": latency(500), "p90": latency(900), "p99": latency(990), "p999": latency(999),
            "max": latency(1000),
        },
        "statuses": phase.outcome.statuses.iter().map(|(s, n)| (s.to_string(), json!(n)))
            .collect::<serde_json::Map<_, _>>(),
        "answers_per_second": phase.outcome.per_second,
        "cpu_us_each": cpu_us_each(phase),
        "others_percent": phase.effort.others_percent(),
        "idle_percent": phase.effort.idle_percent(),
        "memory_kib": {
            "idle": phase.memory.idle_kib, "peak": phase.memory.peak_kib,
            "prepared_requests": phase.memory.prepared_kib,
        },
        "recount": phase.recount.as_ref().map(|r| json!({
            "received": r.totals.received.count, "posted": r.totals.posted.count,
            "posted_vnd": r.totals.posted.amount_vnd, "receipts": r.receipts,
            "conservation_holds": r.conservation_holds, "counters_agree": r.counters_agree,
        })),
        "faults": phase.faults,
    })
}

/// Microseconds for the raw run.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// The machine's part of a raw run that is no intake run.
pub fn raw_head(benchmark: &str, machine: &Machine) -> Value {
    json!({
        "benchmark": benchmark,
        "date": machine.date,
        "commit": machine.commit,
        "machine": machine.json(),
    })
}

//! What is printed and what is kept of a run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use choso::clock::now;
use choso::store::Recount;
use serde_json::{Value, json};

use crate::Result;
use crate::client::Outcome;
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

    /// The peak, for a table.
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

    /// For a raw run.
    pub fn json(&self) -> Value {
        json!({ "idle": self.idle_kib, "peak": self.peak_kib, "prepared_requests": self.prepared_kib })
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
    /// What other machines of the same host took.
    stolen_ticks: u64,
}

/// Ticks of `/proc` in a second, as Linux shows them on every machine it runs on today.
const TICKS_PER_S: u64 = 100;

impl Effort {
    /// What the counters of the system show now. Own is this process with the children that have ended,
    /// and these services that run beside it.
    pub fn now(services: &[u32]) -> Effort {
        let (busy_ticks, all_ticks, stolen_ticks) = machine_ticks();
        let services = services.iter().map(|id| process_ticks(&id.to_string()));
        Effort {
            own_ticks: process_ticks("self") + services.sum::<u64>(),
            busy_ticks,
            all_ticks,
            stolen_ticks,
        }
    }

    /// What was spent between two moments.
    pub fn since(&self, before: &Effort) -> Effort {
        Effort {
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

    /// The same for a raw run.
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

    fn idle_percent(&self) -> u64 {
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

/// The lines above the tables of intake.
pub fn head(connections: u16, client_threads: u16, ids: &str) {
    println!(
        "closed loop, {connections} connections, {client_threads} client thread(s); client and service share \
         these cores and one process; ids by {ids}"
    );
}

/// The table of one database, its ratios and its verdict.
pub fn table(run: &Run) {
    println!("\n{}, {}", run.database, run.scheme);
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
    let ceiling = run.phases[0].outcome.rate();
    for phase in &run.phases {
        let [p50, p99, max] = [500, 990, 1000].map(|rank| ms(phase.outcome.percentile_us(rank)));
        println!(
            "{:<20}{:>10}{:>9.0}{p50:>9.2}{p99:>9.2}{max:>9.2}{:>12.3}{:>9}{:>7}%{:>7}%",
            phase.name,
            phase.outcome.latencies_us.len(),
            phase.outcome.rate(),
            phase.outcome.rate() / ceiling,
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
    if let Some(ratio) = run.durable_to_one_row() {
        aim("durable / one row per commit", ratio, run.aim_to_one_row());
    }
    println!("durable phase: {}", run.phases[1].memory.line());
    println!(
        "a write of 4 KiB and fsync takes {:.2} ms here (median)",
        run.fsync.as_secs_f64() * 1000.0
    );
    verdict(run);
}

/// Microseconds as milliseconds, for people.
pub fn ms(us: u32) -> f64 {
    f64::from(us) / 1000.0
}

fn aim(what: &str, found: f64, wanted: Option<f64>) {
    match wanted {
        Some(wanted) if found >= wanted => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: met)"),
        Some(wanted) => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: NOT met)"),
        None => println!("{what}: {found:.2}"),
    }
}

/// One line a scheme, for the table of all profiles.
pub fn scheme_line(run: &Run) {
    let [ceiling, durable] = [0, 1].map(|at| &run.phases[at]);
    println!(
        "{:<10}{:<28}{:>11.0}{:>11.0}{:>12.3}{:>10.2}{:>9}{:>9}{:>8}%",
        run.database,
        run.scheme,
        ceiling.outcome.rate(),
        durable.outcome.rate(),
        run.durable_to_ceiling(),
        ms(durable.outcome.percentile_us(990)),
        cpu_us_each(ceiling),
        cpu_us_each(durable),
        durable.effort.others_percent()
    );
    for phase in &run.phases {
        for fault in &phase.faults {
            println!("FAULT in {}: {fault}", phase.name);
        }
    }
}

/// The head of that table.
pub fn scheme_head() {
    println!(
        "{:<10}{:<28}{:>11}{:>11}{:>12}{:>10}{:>9}{:>9}{:>9}",
        "database",
        "scheme",
        "ceiling /s",
        "durable /s",
        "to ceiling",
        "p99 ms",
        "cpu µs",
        "durable",
        "others"
    );
}

fn verdict(run: &Run) {
    for phase in &run.phases {
        for fault in &phase.faults {
            println!("FAULT in {}: {fault}", phase.name);
        }
        if let (Some(recount), true) = (&phase.recount, phase.faults.is_empty()) {
            println!(
                "{}: {} callbacks of {} đồng sent, accepted, received, posted and on receipts; counters agree",
                phase.name, recount.totals.posted.count, recount.totals.posted.amount_vnd
            );
        }
    }
}

fn cpu_us_each(phase: &Phase) -> u64 {
    phase.effort.own_us() / (phase.outcome.latencies_us.len() as u64).max(1)
}

/// A run for the raw file.
pub fn run_json(run: &Run) -> Value {
    json!({
        "database": run.database,
        "scheme": run.scheme,
        "phases": run.phases.iter().map(phase_json).collect::<Vec<_>>(),
        "ratios": {
            "durable_to_ceiling": thousandths(run.durable_to_ceiling()),
            "durable_to_one_row": run.durable_to_one_row().map(thousandths),
        },
        "fsync_median_us": micros(run.fsync),
    })
}

/// Writes a raw run where it was asked for, else as `loadtest/runs/DATE-NAME.json`; says where. A run of
/// the same day and name is replaced.
pub fn write_raw(file: Option<&Path>, name: &str, whole: &Value) -> Result<()> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("runs")
        .join(format!("{}-{name}.json", today()));
    let file = file.unwrap_or(&usual);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, format!("{whole:#}\n")).map_err(|e| format!("{}: {e}", file.display()))?;
    eprintln!("raw run: {}", file.display());
    Ok(())
}

fn phase_json(phase: &Phase) -> Value {
    let mut json = outcome_json(&phase.outcome);
    json["name"] = phase.name.into();
    json["preparing_us"] = micros(phase.preparing).into();
    json["cpu_us_each"] = cpu_us_each(phase).into();
    json["effort"] = phase.effort.json();
    json["memory_kib"] = phase.memory.json();
    json["recount"] = phase.recount.as_ref().map_or(Value::Null, recount_json);
    json["faults"] = json!(phase.faults);
    json
}

/// What a client saw, for a raw run.
pub fn outcome_json(outcome: &Outcome) -> Value {
    let latency = |rank| outcome.percentile_us(rank);
    json!({
        "callbacks": outcome.answers(),
        "accepted": outcome.latencies_us.len(),
        "elapsed_us": micros(outcome.elapsed),
        "rate_per_s": outcome.rate().round() as u64,
        "latency_us": {
            "p50": latency(500), "p90": latency(900), "p99": latency(990), "p999": latency(999),
            "max": latency(1000),
        },
        "statuses": outcome.statuses.iter().map(|(s, n)| (s.to_string(), json!(n)))
            .collect::<serde_json::Map<_, _>>(),
        "with_retry_after": outcome.retry_after,
        "answers_per_second": outcome.per_second,
    })
}

/// A recount, for a raw run.
pub fn recount_json(recount: &Recount) -> Value {
    json!({
        "received": recount.totals.received.count, "posted": recount.totals.posted.count,
        "posted_vnd": recount.totals.posted.amount_vnd, "repeats": recount.totals.repeats,
        "receipts": recount.receipts, "conservation_holds": recount.conservation_holds,
        "counters_agree": recount.counters_agree,
    })
}

/// Microseconds for the raw run.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A ratio for a raw run.
pub fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// The machine's part of a raw run.
pub fn raw_head(benchmark: &str, machine: &Machine) -> Value {
    json!({
        "benchmark": benchmark,
        "date": machine.date,
        "commit": machine.commit,
        "machine": machine.json(),
    })
}

/// How an aim is told.
pub fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT met" }
}

//! One scheme measured on one database: its phases, their ratios, and how they are printed and kept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::closed_loop::Phase;
use crate::report::{micros, ms, outcome_json, recount_json, thousandths};

/// All phases of one scheme on one database.
pub struct Run {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// Who signed, e.g. `momo/ipn_v2`.
    pub scheme: String,
    /// Ceiling, durable, and perhaps one row per commit and durable by the socket, in this order.
    pub phases: Vec<Phase>,
    /// Median time of a small write and fsync where the databases lie.
    pub fsync: Duration,
}

impl Run {
    /// Whether every answer was a success, and every ledger that was asked agrees.
    pub fn is_right(&self) -> bool {
        self.phases.iter().all(|phase| phase.faults.is_empty())
    }

    /// Durable rate against ceiling.
    fn durable_to_ceiling(&self) -> f64 {
        self.phases[1].outcome.rate() / self.phases[0].outcome.rate()
    }

    /// Durable rate against one row per commit, where that was measured.
    fn durable_to_one_row(&self) -> Option<f64> {
        let one_row = self.phases.get(2)?;
        Some(self.phases[1].outcome.rate() / one_row.outcome.rate())
    }

    /// Durable rate over TCP against the socket's, where that was measured.
    fn tcp_to_socket(&self) -> Option<f64> {
        let socket = self.phases.get(3)?;
        Some(self.phases[1].outcome.rate() / socket.outcome.rate())
    }

    /// The least durable/ceiling that is good enough.
    fn aim_to_ceiling(&self) -> f64 {
        match self.database {
            "sqlite" => 0.75,
            _ => 0.45,
        }
    }

    /// The least durable/one row that is good enough; none on PostgreSQL, where nothing was promised.
    fn aim_to_one_row(&self) -> Option<f64> {
        (self.database == "sqlite").then_some(20.0)
    }

    /// The table of one database, its ratios and its verdict.
    pub fn print_table(&self) {
        println!("\n{}, {}", self.database, self.scheme);
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
        let ceiling = self.phases[0].outcome.rate();
        for phase in &self.phases {
            let [p50, p99, max] = [500, 990, 1000].map(|rank| ms(phase.outcome.percentile_us(rank)));
            println!(
                "{:<20}{:>10}{:>9.0}{p50:>9.2}{p99:>9.2}{max:>9.2}{:>12.3}{:>9}{:>7}%{:>7}%",
                phase.name,
                phase.outcome.latencies_us.len(),
                phase.outcome.rate(),
                phase.outcome.rate() / ceiling,
                phase.cpu_us_each(),
                phase.cpu.others_percent(),
                phase.cpu.idle_percent()
            );
        }
        println!(
            "cpu µs: of this process for a callback, client and service; others, idle: of the whole machine \
             (PostgreSQL counts as others)"
        );
        aim(
            "durable / ceiling",
            self.durable_to_ceiling(),
            Some(self.aim_to_ceiling()),
        );
        if let Some(ratio) = self.durable_to_one_row() {
            aim("durable / one row per commit", ratio, self.aim_to_one_row());
        }
        if let Some(ratio) = self.tcp_to_socket() {
            aim("durable over TCP / by the socket", ratio, Some(0.9));
        }
        println!("durable phase: {}", self.phases[1].memory.line());
        println!(
            "a write of 4 KiB and fsync takes {:.2} ms here (median)",
            self.fsync.as_secs_f64() * 1000.0
        );
        self.print_verdict();
    }

    /// One line a scheme, for the table of all profiles.
    pub fn print_line(&self) {
        let [ceiling, durable] = [0, 1].map(|at| &self.phases[at]);
        println!(
            "{:<10}{:<28}{:>11.0}{:>11.0}{:>12.3}{:>10.2}{:>9}{:>9}{:>8}%",
            self.database,
            self.scheme,
            ceiling.outcome.rate(),
            durable.outcome.rate(),
            self.durable_to_ceiling(),
            ms(durable.outcome.percentile_us(990)),
            ceiling.cpu_us_each(),
            durable.cpu_us_each(),
            durable.cpu.others_percent()
        );
        for phase in &self.phases {
            for fault in &phase.faults {
                println!("FAULT in {}: {fault}", phase.name);
            }
        }
    }

    fn print_verdict(&self) {
        for phase in &self.phases {
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

    /// A run for the raw file.
    pub fn json(&self) -> Value {
        json!({
            "database": self.database,
            "scheme": self.scheme,
            "phases": self.phases.iter().map(phase_json).collect::<Vec<_>>(),
            "ratios": {
                "durable_to_ceiling": thousandths(self.durable_to_ceiling()),
                "durable_to_one_row": self.durable_to_one_row().map(thousandths),
                "tcp_to_socket": self.tcp_to_socket().map(thousandths),
            },
            "fsync_median_us": micros(self.fsync),
        })
    }
}

/// The lines above the tables of intake.
pub fn print_head(connections: u16, client_threads: u16, ids: &str) {
    println!(
        "closed loop, {connections} connections, {client_threads} client thread(s); client and service share \
         these cores and one process; ids by {ids}"
    );
}

/// The head of the table with one line for each scheme.
pub fn print_line_head() {
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

fn aim(what: &str, found: f64, wanted: Option<f64>) {
    match wanted {
        Some(wanted) if found >= wanted => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: met)"),
        Some(wanted) => println!("{what}: {found:.2} (aim ≥ {wanted:.2}: NOT met)"),
        None => println!("{what}: {found:.2}"),
    }
}

fn phase_json(phase: &Phase) -> Value {
    let mut json = outcome_json(&phase.outcome);
    json["name"] = phase.name.into();
    json["preparing_us"] = micros(phase.preparing).into();
    json["cpu_us_each"] = phase.cpu_us_each().into();
    json["effort"] = phase.cpu.json();
    json["memory_kib"] = phase.memory.json();
    json["recount"] = phase.recount.as_ref().map_or(Value::Null, recount_json);
    json["faults"] = json!(phase.faults);
    json
}

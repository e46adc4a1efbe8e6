//! `loadtest instances`: several services on one PostgreSQL, each with a listener.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use choso::clock::now;
use clap::Args;
use serde_json::{Value, json};

use crate::args::{ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::Benchmark;
use crate::client::{Outcome, post_all};
use crate::database::{Backend, DatabaseChoice, temporary_folder};
use crate::deployment::Deployment;
use crate::error::Result;
use crate::ledger_check::{disagreements, sent_payments};
use crate::listener::{Listener, until_heard};
use crate::machine::CpuTime;
use crate::payment_source::{IdOrder, SourceOptions};
use crate::process::Service;
use crate::report::{ms, outcome_json, print_faults, thousandths};
use crate::schedule::order_of_posts;

/// Of a hundred events, how many come a second time, mostly to another instance.
const DUPLICATES_PERCENT: u32 = 10;

/// Flags of `loadtest instances`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest instances --counts 1,2,4\n\
                  Exit status: 1 if something is lost or doubled, or a listener did not hear everything once.")]
pub struct InstancesArgs {
    /// How many instances serve the one PostgreSQL, one measurement each
    #[arg(long, value_delimiter = ',', default_value = "1,2,4", value_parser = clap::value_parser!(u16).range(1..=16))]
    counts: Vec<u16>,
    /// Events of each measurement; some come twice
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    callbacks: u32,
    /// Connections, spread over the instances
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=4000))]
    connections: u16,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures each number of instances, prints, and keeps the raw run.
pub fn run(args: &InstancesArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("instances", &args.output);
    let program = args.program.path()?;
    let runtime = tokio::runtime::Runtime::new()?;
    println!(
        "{:>9}{:>9}{:>9}{:>9}{:>9}{:>12}{:>8}  every listener heard each receipt once",
        "instances", "rate /s", "to first", "p50 ms", "p99 ms", "heard after", "others"
    );
    let mut runs = Vec::new();
    let mut all_right = true;
    let mut first_rate = None;
    for backend in DatabaseChoice::Postgres.backends()? {
        for count in &args.counts {
            let measured = runtime.block_on(measure(&backend, &program, *count, args))?;
            let to_first = measured.outcome.rate() / *first_rate.get_or_insert(measured.outcome.rate());
            measured.print(to_first);
            all_right &= measured.faults.is_empty();
            runs.push(measured.json(to_first));
        }
    }
    benchmark.keep(json!({
        "settings": {
            "callbacks": args.callbacks, "duplicates_percent": DUPLICATES_PERCENT,
            "connections": args.connections, "seed": args.chance.seed,
        },
        "runs": runs,
    }))?;
    Ok(all_right)
}

/// So many instances, measured.
struct Instances {
    count: u16,
    outcome: Outcome,
    cpu: CpuTime,
    /// From the last answer until the listeners had heard everything.
    heard_after: Duration,
    faults: Vec<String>,
}

impl Instances {
    fn print(&self, to_first: f64) {
        println!(
            "{:>9}{:>9.0}{to_first:>9.2}{:>9.2}{:>9.2}{:>9} ms{:>7}%  {}",
            self.count,
            self.outcome.rate(),
            ms(self.outcome.percentile_us(500)),
            ms(self.outcome.percentile_us(990)),
            self.heard_after.as_millis(),
            self.cpu.others_percent(),
            if self.faults.is_empty() { "yes" } else { "NO" }
        );
        print_faults(&self.faults);
    }

    fn json(&self, to_first: f64) -> Value {
        let mut json = outcome_json(&self.outcome);
        json["instances"] = self.count.into();
        json["to_first"] = thousandths(to_first).into();
        json["effort"] = self.cpu.json();
        json["faults"] = json!(self.faults);
        json
    }
}

async fn measure(backend: &Backend, program: &Path, count: u16, args: &InstancesArgs) -> Result<Instances> {
    let folder = temporary_folder()?;
    let options = SourceOptions::standard(args.chance.seed)?;
    let deployment = Deployment::new(backend, folder.path(), program, &options).await?;
    let services = (0..count)
        .map(|_| deployment.serve())
        .collect::<Result<Vec<Service>>>()?;
    let addresses: Vec<SocketAddr> = services.iter().map(Service::address).collect();
    let ids: Vec<u32> = services.iter().map(Service::id).collect();
    let mut listeners = Vec::new();
    for address in &addresses {
        listeners.push(Listener::open(*address, None).await?);
    }
    let start = now();
    let order = order_of_posts(args.callbacks, DUPLICATES_PERCENT, false, args.chance.seed);
    let repeats = (order.len() - args.callbacks as usize) as i64;
    let posts = order.iter().copied();
    let requests = Arc::new(deployment.source.prepare(start, IdOrder::Time, posts)?);
    let connections = usize::from(args.connections);
    let before = CpuTime::now(&ids);
    let posting = move || post_all(&addresses, &requests, connections, 1);
    let outcome = tokio::task::spawn_blocking(posting).await??;
    let cpu = CpuTime::now(&ids).since(&before);
    let heard_after = until_heard(&listeners, args.callbacks as usize * listeners.len()).await;
    let mut faults = outcome.wrong_answers();
    faults.extend(not_heard_once(&listeners, args.callbacks as usize));
    drop(listeners);
    for service in services {
        faults.extend(service.stop_or_fault()?);
    }
    let log = std::fs::read_to_string(folder.path().join("serve.log")).unwrap_or_default();
    if let Some(line) = log.lines().find(|line| line.contains("deadlock")) {
        faults.push(format!("a deadlock: {line}"));
    }
    let sent = sent_payments(&deployment.source, start, 0..args.callbacks, Some(repeats));
    faults.extend(disagreements(&deployment.recount().await?, &sent));
    Ok(Instances {
        count,
        outcome,
        cpu,
        heard_after,
        faults,
    })
}

/// Listeners that did not hear each of so many receipts exactly once.
fn not_heard_once(listeners: &[Listener], receipts: usize) -> Vec<String> {
    let mut faults = Vec::new();
    for (nth, listener) in listeners.iter().enumerate() {
        let heard = listener.heard();
        if heard.receipts != receipts || heard.doubles > 0 {
            faults.push(format!(
                "listener {nth} heard {} of {receipts} receipts, {} of them twice",
                heard.receipts, heard.doubles
            ));
        }
    }
    faults
}

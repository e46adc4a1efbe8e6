//! `loadtest idle`: the rate among thousands of connections and listeners that only wait while others post.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use choso::clock::now;
use choso::store::{HouseholdFilter, Store};
use choso::vn::{Day, TimeMs};
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::args::{DatabaseArgs, ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::{Benchmark, Measured};
use crate::client::{Outcome, exchange, open, post_all};
use crate::database::{Backend, temporary_folder};
use crate::deployment::Deployment;
use crate::error::Result;
use crate::ledger_check::{disagreements, sent_payments};
use crate::listener::{Listener, heard_by_all, until_heard};
use crate::machine::{CpuTime, allow_open_files};
use crate::payment_source::{HOUSEHOLDS, IdOrder, SourceOptions};
use crate::report::{ms, outcome_json, print_faults, thousandths};

/// Flags of `loadtest idle`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest idle --connections 10000 --listeners 2000\n\
                  Exit status: 1 if a waiting connection was closed, or a listener did not hear its stall.")]
pub struct IdleArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Connections that were used once and then wait
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=25_000))]
    connections: u32,
    /// Listeners to the live stream, each to one stall
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    listeners: u32,
    /// Callbacks of each measurement
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    callbacks: u32,
    /// Connections that post
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4000))]
    posting: u16,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures without and with those that wait, prints, and keeps the raw runs.
pub fn run(args: &IdleArgs) -> Result<bool> {
    allow_open_files((args.connections + args.listeners) as usize + usize::from(args.posting))?;
    let benchmark = Benchmark::begin("idle", &args.output);
    let program = args.program.path()?;
    let runtime = tokio::runtime::Runtime::new()?;
    benchmark.on_each(&args.databases, |backend| {
        let nobody = Waiting {
            connections: 0,
            listeners: 0,
        };
        let all = Waiting {
            connections: args.connections,
            listeners: args.listeners,
        };
        let alone = runtime.block_on(measure(backend, &program, args, nobody))?;
        let among = runtime.block_on(measure(backend, &program, args, all))?;
        let ratio = among.outcome.rate() / alone.outcome.rate();
        print(backend, args, &alone, &among);
        Ok(Measured {
            is_right: alone.faults.is_empty() && among.faults.is_empty(),
            figures: json!({
                "settings": {
                    "connections": args.connections, "listeners": args.listeners,
                    "callbacks": args.callbacks, "posting": args.posting, "seed": args.chance.seed,
                },
                "among_to_alone": thousandths(ratio),
                "alone": alone.json(),
                "among": among.json(),
            }),
        })
    })
}

/// How many only wait.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    connections: u32,
    listeners: u32,
}

/// What was measured among those that wait.
struct Among {
    outcome: Outcome,
    cpu: CpuTime,
    service_peak_kib: u64,
    /// From the last answer until the listeners had heard everything.
    heard_after: Duration,
    faults: Vec<String>,
}

impl Among {
    fn json(&self) -> Value {
        let mut json = outcome_json(&self.outcome);
        json["effort"] = self.cpu.json();
        json["service_peak_kib"] = self.service_peak_kib.into();
        json["faults"] = json!(self.faults);
        json
    }
}

fn print(backend: &Backend, args: &IdleArgs, alone: &Among, among: &Among) {
    println!(
        "\n{}: {:.0} /s alone, {:.0} /s among {} waiting connections and {} listeners: {:.2}",
        backend.name(),
        alone.outcome.rate(),
        among.outcome.rate(),
        args.connections,
        args.listeners,
        among.outcome.rate() / alone.outcome.rate()
    );
    println!(
        "p99 {:.2} ms alone, {:.2} ms among them; the service takes {} MiB alone, {} MiB among them; listeners \
         heard everything {} ms after the last answer; {}",
        ms(alone.outcome.percentile_us(990)),
        ms(among.outcome.percentile_us(990)),
        alone.service_peak_kib / 1024,
        among.service_peak_kib / 1024,
        among.heard_after.as_millis(),
        among.cpu.line()
    );
    print_faults(&alone.faults);
    print_faults(&among.faults);
}

async fn measure(backend: &Backend, program: &Path, args: &IdleArgs, waiting: Waiting) -> Result<Among> {
    let folder = temporary_folder()?;
    let options = SourceOptions {
        households: HOUSEHOLDS.max(waiting.listeners as usize),
        ..SourceOptions::standard(args.chance.seed)?
    };
    let deployment = Deployment::new(backend, folder.path(), program, &options).await?;
    let service = deployment.serve()?;
    let address = service.address();
    let mut connections = open(&[address], waiting.connections as usize).await?;
    // A connection that never said anything would be closed as a slow one.
    if let Some(error) = ask_each(&mut connections, address).await.pop() {
        return Err(error.into());
    }
    let stalls = stalls(&deployment, waiting.listeners as usize).await?;
    let mut listeners = Vec::new();
    for stall in &stalls {
        listeners.push(Listener::open(address, Some(&stall.id)).await?);
    }
    let start = now();
    let requests = Arc::new(
        deployment
            .source
            .prepare(start, IdOrder::Time, 0..args.callbacks)?,
    );
    let posting = usize::from(args.posting);
    let before = CpuTime::now(&[service.id()]);
    let outcome = tokio::task::spawn_blocking(move || post_all(&[address], &requests, posting, 1)).await??;
    let cpu = CpuTime::now(&[service.id()]).since(&before);
    let wanted = paid_to(&deployment, &stalls, start, args.callbacks);
    let heard_after = until_heard(&listeners, wanted).await;
    let mut faults = outcome.wrong_answers();
    let heard = heard_by_all(&listeners);
    if heard.receipts != wanted || heard.doubles > 0 {
        faults.push(format!(
            "listeners heard {} of {wanted} receipts of their stalls, {} twice",
            heard.receipts, heard.doubles
        ));
    }
    let closed = ask_each(&mut connections, address).await.len();
    let deaf = listeners.iter().filter(|listener| listener.is_closed()).count();
    if closed + deaf > 0 {
        faults.push(format!(
            "{closed} waiting connections and {deaf} listeners were closed"
        ));
    }
    drop(connections);
    drop(listeners);
    let service_peak_kib = service.peak_kib();
    faults.extend(service.stop_or_fault()?);
    let sent = sent_payments(&deployment.source, start, 0..args.callbacks, Some(0));
    faults.extend(disagreements(&deployment.recount().await?, &sent));
    Ok(Among {
        outcome,
        cpu,
        service_peak_kib,
        heard_after,
        faults,
    })
}

/// Asks for `/healthz` on each connection; what went wrong on those where it is not answered well.
async fn ask_each(connections: &mut [TcpStream], address: SocketAddr) -> Vec<String> {
    let healthz = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = Vec::new();
    let mut faults = Vec::new();
    for connection in connections {
        match exchange(connection, healthz.as_bytes(), &mut buffer).await {
            Ok(answer) if answer.is_success() => {}
            Ok(answer) => faults.push(format!("/healthz was answered {}", answer.status)),
            Err(error) => faults.push(error.to_string()),
        }
    }
    faults
}

/// A stall somebody listens to.
struct Stall {
    id: String,
    code: String,
}

/// So many stalls of the register.
async fn stalls(deployment: &Deployment, count: usize) -> Result<Vec<Stall>> {
    let store = Store::open(&deployment.config.database_url).await?;
    let today = Day::of(now());
    let households = store
        .households(&HouseholdFilter::default(), today, "", count as i64)
        .await?;
    let mut stalls = Vec::with_capacity(count);
    for household in households {
        let found = store.household(&household.household_id, today).await?;
        let own = found.map(|(_, stalls)| stalls).unwrap_or_default();
        stalls.extend(own.into_iter().map(|stall| Stall {
            id: stall.stall_id,
            code: stall.stall_code,
        }));
    }
    store.close().await;
    stalls.truncate(count);
    Ok(stalls)
}

/// How many of so many payments go to one of these stalls.
fn paid_to(deployment: &Deployment, stalls: &[Stall], start: TimeMs, payments: u32) -> usize {
    let codes: HashSet<&str> = stalls.iter().map(|stall| stall.code.as_str()).collect();
    (0..payments)
        .filter(|event| {
            let number = IdOrder::Time.number(start, *event as usize);
            codes.contains(deployment.source.payment(number, start).stall_code.as_str())
        })
        .count()
}

//! Many at once: several instances on one PostgreSQL, each with a listener; and thousands of connections
//! and listeners that only wait while others post.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::notice::scheme;
use choso::store::{HouseholdFilter, Store};
use choso::vn::Day;
use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;

use crate::Result;
use crate::client::{Outcome, connect, exchange, open, post_all};
use crate::open_loop::{order, sent};
use crate::process::{Service, binary};
use crate::report::{self, Effort, Machine, ms, status_kib};
use crate::rig::{Rig, disagreements};
use crate::setup::{Databases, HOUSEHOLDS, Ids, TOKEN, Which, prepare, temporary_folder, want_files};

/// How long after the last answer listeners may take to hear everything.
const HEARD_WITHIN: Duration = Duration::from_secs(20);
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
    /// Seed of amounts and accounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-instances.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Flags of `loadtest idle`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest idle --connections 10000 --listeners 2000\n\
                  Exit status: 1 if a waiting connection was closed, or a listener did not hear its stall.")]
pub struct IdleArgs {
    /// Which database to measure
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
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
    /// Seed of amounts and accounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-idle-DATABASE.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// A listener to the live stream. It stops listening when it is dropped.
struct Ear {
    heard: Arc<Mutex<Heard>>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    receipts: HashSet<String>,
    /// Receipts that were told more than once.
    doubles: usize,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Ear {
    /// Listens to all receipts, or to a stall's; the stream stands when this returns.
    async fn open(address: SocketAddr, stall_id: Option<&str>) -> Result<Ear> {
        let mut stream = connect(address).await?;
        let query = stall_id.map_or(String::new(), |id| format!("?stall_id={id}"));
        let request = format!(
            "GET /api/v1/receipts/stream{query} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        // Lines between the events, such as the lengths of chunks, say nothing here.
        let mut lines = BufReader::new(stream).lines();
        let head = lines.next_line().await?.unwrap_or_default();
        if !head.contains(" 200 ") {
            return Err(format!("a listener was answered «{head}»").into());
        }
        while lines
            .next_line()
            .await?
            .is_some_and(|line| !line.starts_with("retry: "))
        {}
        let heard = Arc::new(Mutex::new(Heard::default()));
        let hearing = heard.clone();
        let listening = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let data = line
                    .strip_prefix("data: ")
                    .and_then(|d| serde_json::from_str::<Value>(d).ok());
                let Some(id) = data.as_ref().and_then(|d| d["receipt_id"].as_str()) else {
                    continue;
                };
                let mut heard = hearing.lock().unwrap_or_else(PoisonError::into_inner);
                let is_new = heard.receipts.insert(id.to_owned());
                heard.doubles += usize::from(!is_new);
            }
        });
        Ok(Ear { heard, listening })
    }

    /// How many different receipts it heard, and how many a second time.
    fn heard(&self) -> (usize, usize) {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        (heard.receipts.len(), heard.doubles)
    }
}

/// Waits until all of them together have heard so many receipts, or the time is over.
async fn until_heard(ears: &[Ear], wanted: usize) -> Duration {
    let started = Instant::now();
    while ears.iter().map(|ear| ear.heard().0).sum::<usize>() < wanted && started.elapsed() < HEARD_WITHIN {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.elapsed()
}

/// Measures each number of instances, prints, and keeps the raw run.
pub fn run_instances(args: &InstancesArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = binary(args.binary.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    println!(
        "{:>9}{:>9}{:>9}{:>9}{:>9}{:>12}{:>8}  every listener heard each receipt once",
        "instances", "rate /s", "to first", "p50 ms", "p99 ms", "heard after", "others"
    );
    let mut measured = Vec::new();
    let mut all_well = true;
    let mut first_rate = None;
    for databases in Which::Postgres.databases()? {
        for count in &args.counts {
            let folder = temporary_folder()?;
            let one = runtime.block_on(instances(&databases, folder.path(), &binary, *count, args))?;
            let to_first = one.outcome.rate() / *first_rate.get_or_insert(one.outcome.rate());
            println!(
                "{count:>9}{:>9.0}{to_first:>9.2}{:>9.2}{:>9.2}{:>9} ms{:>7}%  {}",
                one.outcome.rate(),
                ms(one.outcome.percentile_us(500)),
                ms(one.outcome.percentile_us(990)),
                one.heard_after.as_millis(),
                one.effort.others_percent(),
                if one.faults.is_empty() { "yes" } else { "NO" }
            );
            for fault in &one.faults {
                println!("FAULT: {fault}");
            }
            all_well &= one.faults.is_empty();
            let mut json = report::outcome_json(&one.outcome);
            json["instances"] = (*count).into();
            json["to_first"] = report::thousandths(to_first).into();
            json["effort"] = one.effort.json();
            json["faults"] = json!(one.faults);
            measured.push(json);
        }
    }
    let mut raw = report::raw_head("instances", &machine);
    raw["settings"] = json!({
        "callbacks": args.callbacks, "duplicates_percent": DUPLICATES_PERCENT,
        "connections": args.connections, "seed": args.seed,
    });
    raw["runs"] = measured.into();
    report::write_raw(args.raw.as_deref(), "instances", &raw)?;
    Ok(all_well)
}

struct Instances {
    outcome: Outcome,
    effort: Effort,
    heard_after: Duration,
    faults: Vec<String>,
}

async fn instances(
    databases: &Databases,
    folder: &Path,
    binary: &Path,
    count: u16,
    args: &InstancesArgs,
) -> Result<Instances> {
    let rig = Rig::new(
        databases,
        folder,
        binary,
        scheme("standard", None)?,
        HOUSEHOLDS,
        args.seed,
    )
    .await?;
    let services = (0..count)
        .map(|_| rig.serve())
        .collect::<Result<Vec<Service>>>()?;
    let addresses: Vec<SocketAddr> = services.iter().map(Service::address).collect();
    let ids: Vec<u32> = services.iter().map(Service::id).collect();
    let mut ears = Vec::new();
    for address in &addresses {
        ears.push(Ear::open(*address, None).await?);
    }
    let start = now();
    let order = order(args.callbacks, DUPLICATES_PERCENT, false, args.seed);
    let repeats = (order.len() - args.callbacks as usize) as i64;
    let requests = Arc::new(prepare(&rig.cast, start, Ids::Time, &order)?);
    let connections = usize::from(args.connections);
    let before = Effort::now(&ids);
    let outcome =
        tokio::task::spawn_blocking(move || post_all(&addresses, &requests, connections, 1)).await??;
    let effort = Effort::now(&ids).since(&before);
    let heard_after = until_heard(&ears, args.callbacks as usize * ears.len()).await;
    let mut faults = outcome.wrong_answers();
    for (nth, ear) in ears.iter().enumerate() {
        let (heard, doubles) = ear.heard();
        if heard != args.callbacks as usize || doubles > 0 {
            let all = args.callbacks;
            faults.push(format!(
                "listener {nth} heard {heard} of {all} receipts, {doubles} of them twice"
            ));
        }
    }
    drop(ears);
    for service in services {
        if !service.stop()? {
            faults.push("told to stop, an instance did not end with 0".to_owned());
        }
    }
    let log = std::fs::read_to_string(folder.join("serve.log")).unwrap_or_default();
    if let Some(line) = log.lines().find(|line| line.contains("deadlock")) {
        faults.push(format!("a deadlock: {line}"));
    }
    let wanted = sent(&rig.cast, start, 0..args.callbacks, Some(repeats));
    faults.extend(disagreements(&rig.recount().await?, &wanted));
    Ok(Instances {
        outcome,
        effort,
        heard_after,
        faults,
    })
}

/// Measures without and with those that wait, prints, and keeps the raw runs.
pub fn run_idle(args: &IdleArgs) -> Result<bool> {
    want_files((args.connections + args.listeners) as usize + usize::from(args.posting))?;
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = binary(args.binary.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all_well = true;
    for databases in args.database.databases()? {
        let alone = runtime.block_on(among_idle(&databases, &binary, args, 0, 0))?;
        let among = runtime.block_on(among_idle(
            &databases,
            &binary,
            args,
            args.connections,
            args.listeners,
        ))?;
        let ratio = among.outcome.rate() / alone.outcome.rate();
        println!(
            "\n{}: {:.0} /s alone, {:.0} /s among {} waiting connections and {} listeners: {ratio:.2}",
            databases.kind(),
            alone.outcome.rate(),
            among.outcome.rate(),
            args.connections,
            args.listeners
        );
        println!(
            "p99 {:.2} ms alone, {:.2} ms among them; the service takes {} MiB alone, {} MiB among them; listeners \
             heard everything {} ms after the last answer; {}",
            ms(alone.outcome.percentile_us(990)),
            ms(among.outcome.percentile_us(990)),
            alone.service_kib / 1024,
            among.service_kib / 1024,
            among.heard_after.as_millis(),
            among.effort.line()
        );
        for fault in alone.faults.iter().chain(&among.faults) {
            println!("FAULT: {fault}");
            all_well = false;
        }
        let mut raw = report::raw_head("idle", &machine);
        raw["database"] = databases.kind().into();
        raw["settings"] = json!({
            "connections": args.connections, "listeners": args.listeners, "callbacks": args.callbacks,
            "posting": args.posting, "seed": args.seed,
        });
        raw["among_to_alone"] = report::thousandths(ratio).into();
        raw["alone"] = alone.json();
        raw["among"] = among.json();
        report::write_raw(args.raw.as_deref(), &format!("idle-{}", databases.kind()), &raw)?;
    }
    Ok(all_well)
}

struct Among {
    outcome: Outcome,
    effort: Effort,
    service_kib: u64,
    heard_after: Duration,
    faults: Vec<String>,
}

impl Among {
    fn json(&self) -> Value {
        let mut json = report::outcome_json(&self.outcome);
        json["effort"] = self.effort.json();
        json["service_peak_kib"] = self.service_kib.into();
        json["faults"] = json!(self.faults);
        json
    }
}

async fn among_idle(
    databases: &Databases,
    binary: &Path,
    args: &IdleArgs,
    connections: u32,
    listeners: u32,
) -> Result<Among> {
    let folder = temporary_folder()?;
    let standard = scheme("standard", None)?;
    let households = HOUSEHOLDS.max(listeners as usize);
    let rig = Rig::new(databases, folder.path(), binary, standard, households, args.seed).await?;
    let service = rig.serve()?;
    let address = service.address();
    let healthz = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = Vec::new();
    let mut waiting = open(&[address], connections as usize).await?;
    // A connection that never said anything would be closed as a slow one.
    for connection in &mut waiting {
        exchange(connection, healthz.as_bytes(), &mut buffer).await?;
    }
    let stalls = stalls(&rig, listeners as usize).await?;
    let mut ears = Vec::new();
    for stall in &stalls {
        ears.push(Ear::open(address, Some(&stall.0)).await?);
    }
    let start = now();
    let events: Vec<u32> = (0..args.callbacks).collect();
    let requests = Arc::new(prepare(&rig.cast, start, Ids::Time, &events)?);
    let posting = usize::from(args.posting);
    let before = Effort::now(&[service.id()]);
    let outcome = tokio::task::spawn_blocking(move || post_all(&[address], &requests, posting, 1)).await??;
    let effort = Effort::now(&[service.id()]).since(&before);
    let codes: HashSet<&str> = stalls.iter().map(|stall| stall.1.as_str()).collect();
    let payee = |event: &&u32| {
        let number = Ids::Time.number(start, **event as usize);
        codes.contains(rig.cast.payment(number, start).stall_code.as_str())
    };
    let wanted = events.iter().filter(payee).count();
    let heard_after = until_heard(&ears, wanted).await;
    let mut faults = outcome.wrong_answers();
    let (heard, doubles) = ears
        .iter()
        .map(Ear::heard)
        .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    if heard != wanted || doubles > 0 {
        faults.push(format!(
            "listeners heard {heard} of {wanted} receipts of their stalls, {doubles} twice"
        ));
    }
    let mut closed = 0;
    for connection in &mut waiting {
        let answer = exchange(connection, healthz.as_bytes(), &mut buffer).await;
        closed += usize::from(!answer.is_ok_and(|answer| answer.is_success()));
    }
    let deaf = ears.iter().filter(|ear| ear.listening.is_finished()).count();
    if closed + deaf > 0 {
        faults.push(format!(
            "{closed} waiting connections and {deaf} listeners were closed"
        ));
    }
    drop((waiting, ears));
    let service_kib = status_kib(&service.id().to_string(), "VmHWM");
    if !service.stop()? {
        faults.push("told to stop, the service did not end with 0".to_owned());
    }
    let recount = rig.recount().await?;
    faults.extend(disagreements(
        &recount,
        &sent(&rig.cast, start, 0..args.callbacks, Some(0)),
    ));
    Ok(Among {
        outcome,
        effort,
        service_kib,
        heard_after,
        faults,
    })
}

/// Ids and codes of so many stalls.
async fn stalls(rig: &Rig, count: usize) -> Result<Vec<(String, String)>> {
    let store = Store::open(&rig.config.database_url).await?;
    let today = Day::of(now());
    let households = store
        .households(&HouseholdFilter::default(), today, "", count as i64)
        .await?;
    let mut stalls = Vec::with_capacity(count);
    for household in households {
        let found = store.household(&household.household_id, today).await?;
        let own = found.map(|(_, stalls)| stalls).unwrap_or_default();
        stalls.extend(own.into_iter().map(|stall| (stall.stall_id, stall.stall_code)));
    }
    store.close().await;
    stalls.truncate(count);
    Ok(stalls)
}

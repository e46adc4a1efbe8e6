//! The intake benchmark: three phases of one run on one machine.
//!
//! 1. *ceiling*: the service answers and keeps nothing, so this is what HTTP, proof and reading cost;
//! 2. *durable*: the service with its defaults, each answer after the commit that holds its callback;
//! 3. *one row per commit*: the same, without group commit.
//!
//! Accepted is not finished: after the phases that keep, what was sent is held against the ledger.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use choso::app::App;
use choso::config::Config;
use choso::store::{Recount, StateTotal};
use clap::{Args, ValueEnum};
use tempfile::TempDir;

use crate::Result;
use crate::client::{Outcome, Prepared, post_all};
use crate::cluster::Cluster;
use crate::report::{self, Effort, Machine, Memory};
use crate::setup::{Databases, Ids, fill, prepare};

/// Flags of `loadtest intake`.
#[derive(Debug, Args)]
pub struct IntakeArgs {
    /// Which database to measure; `both` skips PostgreSQL by name where its programs are missing
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Connections that each wait for their answer before they post again
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=4000))]
    connections: u16,
    /// Threads of the client
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    client_threads: u16,
    /// Callbacks of the first two phases
    #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    callbacks: u32,
    /// Callbacks of the phase with one row per commit
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    callbacks_one_row: u32,
    /// How ids follow each other
    #[arg(long, value_enum, default_value = "time")]
    ids: Ids,
    /// Seed of amounts, accounts and ids
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the raw run is kept [default: loadtest/runs/DATE-intake-DATABASE.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
    Both,
}

/// What a phase does with what it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Nothing,
    Batches,
    OneRow,
}

/// A phase that is over.
pub struct Phase {
    /// Its name in the table and in the raw run.
    pub name: &'static str,
    /// What the client saw.
    pub outcome: Outcome,
    /// How long the requests took to make and sign, before the clock started.
    pub preparing: Duration,
    /// Processor time while it was posting.
    pub effort: Effort,
    /// Memory of this process.
    pub memory: Memory,
    /// What the ledger says afterwards, where it was kept.
    pub recount: Option<Recount>,
    /// Where ledger and client disagree, and answers other than 204; empty when all is well.
    pub faults: Vec<String>,
}

impl Phase {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.outcome.latencies_us.len() as f64 / self.outcome.elapsed.as_secs_f64().max(1e-9)
    }
}

/// All phases on one database.
pub struct Run {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// Ceiling, durable, one row per commit, in this order.
    pub phases: [Phase; 3],
    /// Median time of a small write and fsync where the databases lie.
    pub fsync: Duration,
}

impl Run {
    /// Durable rate against ceiling.
    pub fn durable_to_ceiling(&self) -> f64 {
        self.phases[1].rate() / self.phases[0].rate()
    }

    /// Durable rate against one row per commit.
    pub fn durable_to_one_row(&self) -> f64 {
        self.phases[1].rate() / self.phases[2].rate()
    }

    /// The least durable/ceiling that is good enough.
    pub fn aim_to_ceiling(&self) -> f64 {
        match self.database {
            "sqlite" => 0.60,
            _ => 0.30,
        }
    }

    /// The least durable/one row that is good enough; none on PostgreSQL, where nothing was promised.
    pub fn aim_to_one_row(&self) -> Option<f64> {
        (self.database == "sqlite").then_some(20.0)
    }
}

/// Measures, prints, and keeps the raw runs. False if an answer was not 204 or a ledger did not agree.
pub fn run(args: &IntakeArgs) -> Result<bool> {
    let machine = Machine::read();
    report::head(&machine, args.connections, args.client_threads, args.ids.as_str());
    let mut all_well = true;
    for databases in wanted(args.database)? {
        let run = measure(&databases, args)?;
        report::table(&run);
        let file = raw_file(args, run.database);
        report::keep_raw(&file, &run, &machine, &settings(args))?;
        all_well &= run.phases.iter().all(|phase| phase.faults.is_empty());
    }
    Ok(all_well)
}

fn wanted(which: Which) -> Result<Vec<Databases>> {
    let mut all = Vec::new();
    if which != Which::Postgres {
        all.push(Databases::Sqlite);
    }
    if which != Which::Sqlite {
        match Cluster::start() {
            Ok(cluster) => all.push(Databases::Postgres(cluster)),
            Err(why) if which == Which::Both => println!("skipped: PostgreSQL ({why})"),
            Err(why) => return Err(why.into()),
        }
    }
    Ok(all)
}

fn settings(args: &IntakeArgs) -> serde_json::Value {
    serde_json::json!({
        "connections": args.connections,
        "client_threads": args.client_threads,
        "callbacks": args.callbacks,
        "callbacks_one_row": args.callbacks_one_row,
        "ids": args.ids.as_str(),
        "seed": args.seed,
    })
}

/// With `--raw` and both databases, the database's name goes before the ending.
fn raw_file(args: &IntakeArgs, database: &str) -> PathBuf {
    match &args.raw {
        Some(file) if args.database == Which::Both => file.with_extension(format!("{database}.json")),
        Some(file) => file.clone(),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("runs")
            .join(format!("{}-intake-{database}.json", report::today())),
    }
}

fn measure(databases: &Databases, args: &IntakeArgs) -> Result<Run> {
    // As `choso serve` has it: a thread for each core, and the HTTP workers beside them.
    let runtime = tokio::runtime::Runtime::new()?;
    let phase = |keeping| {
        eprintln!("{}: {}", databases.kind(), keeping_name(keeping));
        runtime.block_on(one_phase(databases, keeping, args))
    };
    Ok(Run {
        database: databases.kind(),
        phases: [
            phase(Keeping::Nothing)?,
            phase(Keeping::Batches)?,
            phase(Keeping::OneRow)?,
        ],
        fsync: fsync_median()?,
    })
}

fn keeping_name(keeping: Keeping) -> &'static str {
    match keeping {
        Keeping::Nothing => "ceiling",
        Keeping::Batches => "durable",
        Keeping::OneRow => "one row per commit",
    }
}

async fn one_phase(databases: &Databases, keeping: Keeping, args: &IntakeArgs) -> Result<Phase> {
    let folder = tempfile::Builder::new().prefix("choso-loadtest-").tempdir()?;
    let config = databases.config(&folder, (keeping == Keeping::OneRow).then_some(1))?;
    let app = match keeping {
        Keeping::Nothing => App::start_discarding(&config).await?,
        Keeping::Batches | Keeping::OneRow => App::start(&config).await?,
    };
    // Whatever happens in between, the service is stopped before its folder goes.
    let phase = load(&app, &config, keeping, args).await;
    app.stop().await;
    phase
}

async fn load(app: &App, config: &Config, keeping: Keeping, args: &IntakeArgs) -> Result<Phase> {
    let secret = fill(app, config, args.seed).await?;
    let mut memory = Memory::before();
    let count = match keeping {
        Keeping::Nothing | Keeping::Batches => args.callbacks,
        Keeping::OneRow => args.callbacks_one_row,
    };
    let started = Instant::now();
    let requests = Arc::new(prepare(
        count as usize,
        app.address(),
        &secret,
        args.seed,
        args.ids,
    )?);
    let preparing = started.elapsed();
    let (address, connections, threads) = (
        app.address(),
        usize::from(args.connections),
        usize::from(args.client_threads),
    );
    let sent = requests.clone();
    let before = Effort::now();
    let outcome =
        tokio::task::spawn_blocking(move || post_all(address, &sent, connections, threads)).await??;
    let effort = Effort::now().since(&before);
    memory.after(requests.memory_bytes());
    let mut faults = wrong_answers(&outcome);
    let recount = match keeping {
        Keeping::Nothing => None,
        Keeping::Batches | Keeping::OneRow => Some(app.store().recount().await?),
    };
    if let Some(recount) = &recount {
        faults.extend(disagreements(recount, &requests));
    }
    Ok(Phase {
        name: keeping_name(keeping),
        outcome,
        preparing,
        effort,
        memory,
        recount,
        faults,
    })
}

fn wrong_answers(outcome: &Outcome) -> Vec<String> {
    let others = outcome.statuses.iter().filter(|(status, _)| **status != 204);
    others
        .map(|(status, count)| format!("{count} callbacks were answered {status}, not 204"))
        .collect()
}

/// Every callback was a payment to a registered account, so every one has to be a posted receipt.
fn disagreements(recount: &Recount, sent: &Prepared) -> Vec<String> {
    let wanted = StateTotal {
        count: sent.count() as i64,
        amount_vnd: sent.amount_vnd,
    };
    let mut faults = Vec::new();
    for (what, found) in [
        ("received", recount.totals.received),
        ("posted", recount.totals.posted),
    ] {
        if found != wanted {
            faults.push(format!(
                "{what}: the ledger has {} of {} đồng, {} of {} đồng were sent",
                found.count, found.amount_vnd, wanted.count, wanted.amount_vnd
            ));
        }
    }
    if recount.receipts != wanted.count {
        faults.push(format!(
            "{} receipts for {} callbacks",
            recount.receipts, wanted.count
        ));
    }
    if !recount.conservation_holds {
        faults.push("received is not posted + quarantined + ignored".to_owned());
    }
    if !recount.counters_agree {
        faults.push(format!("counters differ: {}", recount.differences.join("; ")));
    }
    faults
}

/// How long this disk takes to make a small write durable: it bounds one row per commit.
fn fsync_median() -> Result<Duration> {
    use std::io::Write;
    let folder: TempDir = tempfile::tempdir()?;
    let mut file = std::fs::File::create(folder.path().join("probe"))?;
    let mut times = Vec::new();
    for _ in 0..101 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

//! The intake benchmark: three phases of one run on one machine.
//!
//! 1. *ceiling*: the service answers and keeps nothing, so this is what HTTP, proof and reading cost;
//! 2. *durable*: the service with its defaults, each answer after the commit that holds its callback;
//! 3. *one row per commit*: the same, without group commit.
//!
//! Accepted is not finished: after the phases that keep, what was sent is held against the ledger.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use choso::app::App;
use choso::clock::now;
use choso::notice::{SCHEMES, Scheme, scheme};
use choso::store::Recount;
use clap::Args;

use crate::Result;
use crate::client::{Outcome, post_all};
use crate::profiles;
use crate::report::{self, Effort, Machine, Memory};
use crate::rig::{Sent, disagreements};
use crate::setup::{Cast, Databases, HOUSEHOLDS, Ids, Which, prepare, temporary_folder};

/// Flags of `loadtest intake`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest intake --database sqlite\n         loadtest intake --profile momo/ipn_v2\n         \
                  loadtest intake --all-profiles --callbacks 20000"
)]
pub struct IntakeArgs {
    /// Which database to measure; `both` skips PostgreSQL by name where its programs are missing
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Who signs: a profile, or a profile and one of its schemes
    #[arg(long, value_name = "PROFILE[/SCHEME]", default_value = "standard", value_parser = named_scheme)]
    profile: &'static Scheme,
    /// Every scheme in turn, ceiling and durable only, one line each
    #[arg(long, conflicts_with = "profile")]
    all_profiles: bool,
    /// Connections that each wait for their answer before they post again
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=4000))]
    connections: u16,
    /// Threads of the client
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    client_threads: u16,
    /// Callbacks of the first two phases [default: 150000; with --all-profiles 20000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    callbacks: Option<u32>,
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

fn named_scheme(text: &str) -> std::result::Result<&'static Scheme, String> {
    let (profile, name) = match text.split_once('/') {
        Some((profile, name)) => (profile, Some(name)),
        None => (text, None),
    };
    scheme(profile, name).map_err(|e| e.to_string())
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
    /// What was sent.
    pub sent: Sent,
    /// What the ledger says afterwards, where it was asked.
    pub recount: Option<Recount>,
    /// Where ledger and client disagree, and answers that are no success; empty when all is well.
    pub faults: Vec<String>,
}

/// All phases of one scheme on one database.
pub struct Run {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// Who signed, e.g. `momo/ipn_v2`.
    pub scheme: String,
    /// Ceiling, durable, and perhaps one row per commit, in this order.
    pub phases: Vec<Phase>,
    /// Median time of a small write and fsync where the databases lie.
    pub fsync: Duration,
}

impl Run {
    /// Durable rate against ceiling.
    pub fn durable_to_ceiling(&self) -> f64 {
        self.phases[1].outcome.rate() / self.phases[0].outcome.rate()
    }

    /// Durable rate against one row per commit, where that was measured.
    pub fn durable_to_one_row(&self) -> Option<f64> {
        let one_row = self.phases.get(2)?;
        Some(self.phases[1].outcome.rate() / one_row.outcome.rate())
    }

    /// The least durable/ceiling that is good enough.
    pub fn aim_to_ceiling(&self) -> f64 {
        match self.database {
            "sqlite" => 0.75,
            _ => 0.45,
        }
    }

    /// The least durable/one row that is good enough; none on PostgreSQL, where nothing was promised.
    pub fn aim_to_one_row(&self) -> Option<f64> {
        (self.database == "sqlite").then_some(20.0)
    }
}

/// Measures, prints, and keeps the raw runs. False if an answer was no success or a ledger did not agree.
pub fn run(args: &IntakeArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    report::head(args.connections, args.client_threads, args.ids.as_str());
    let databases = args.database.databases()?;
    if args.all_profiles {
        all_profiles(&databases, args, &machine)
    } else {
        one_profile(&databases, args, &machine)
    }
}

fn one_profile(databases: &[Databases], args: &IntakeArgs, machine: &Machine) -> Result<bool> {
    let mut all_well = true;
    for database in databases {
        let phases = [Keeping::Nothing, Keeping::Batches, Keeping::OneRow];
        let run = measure(database, args.profile, &phases, args)?;
        report::table(&run);
        let mut raw = raw_head(args, machine);
        raw.as_object_mut()
            .into_iter()
            .zip(report::run_json(&run).as_object())
            .for_each(|(raw, run)| raw.extend(run.clone()));
        // With --raw and both databases, the database's name goes before the ending.
        let file = args.raw.as_ref().map(|file| match databases.len() {
            1 => file.clone(),
            _ => file.with_extension(format!("{}.json", run.database)),
        });
        report::write_raw(file.as_deref(), &format!("intake-{}", run.database), &raw)?;
        all_well &= run.phases.iter().all(|phase| phase.faults.is_empty());
    }
    Ok(all_well)
}

fn all_profiles(databases: &[Databases], args: &IntakeArgs, machine: &Machine) -> Result<bool> {
    let mut runs = Vec::new();
    for scheme in &SCHEMES {
        if let Err(why) = profiles::invent(scheme, args.seed) {
            println!("skipped: {scheme:?} ({why})");
        }
    }
    report::scheme_head();
    for database in databases {
        let composable = SCHEMES
            .iter()
            .filter(|scheme| profiles::invent(scheme, args.seed).is_ok());
        for scheme in composable {
            let run = measure(database, scheme, &[Keeping::Nothing, Keeping::Batches], args)?;
            report::scheme_line(&run);
            runs.push(run);
        }
    }
    let mut raw = raw_head(args, machine);
    raw["runs"] = runs.iter().map(report::run_json).collect();
    report::write_raw(args.raw.as_deref(), "profiles", &raw)?;
    Ok(runs
        .iter()
        .flat_map(|run| &run.phases)
        .all(|phase| phase.faults.is_empty()))
}

fn raw_head(args: &IntakeArgs, machine: &Machine) -> serde_json::Value {
    let mut raw = report::raw_head("intake", machine);
    raw["settings"] = serde_json::json!({
        "connections": args.connections,
        "client_threads": args.client_threads,
        "callbacks": args.callbacks(),
        "callbacks_one_row": args.callbacks_one_row,
        "ids": args.ids.as_str(),
        "seed": args.seed,
    });
    raw
}

impl IntakeArgs {
    fn callbacks(&self) -> u32 {
        let usual = if self.all_profiles { 20_000 } else { 150_000 };
        self.callbacks.unwrap_or(usual)
    }
}

fn measure(
    databases: &Databases,
    scheme: &'static Scheme,
    phases: &[Keeping],
    args: &IntakeArgs,
) -> Result<Run> {
    // As `choso serve` has it: a thread for each core, and the HTTP workers beside them.
    let runtime = tokio::runtime::Runtime::new()?;
    let phase = |keeping: &Keeping| {
        eprintln!("{}, {scheme:?}: {}", databases.kind(), keeping.name());
        runtime.block_on(one_phase(databases, scheme, *keeping, args))
    };
    Ok(Run {
        database: databases.kind(),
        scheme: format!("{scheme:?}"),
        phases: phases.iter().map(phase).collect::<Result<_>>()?,
        fsync: fsync_median()?,
    })
}

impl Keeping {
    fn name(self) -> &'static str {
        match self {
            Keeping::Nothing => "ceiling",
            Keeping::Batches => "durable",
            Keeping::OneRow => "one row per commit",
        }
    }
}

async fn one_phase(
    databases: &Databases,
    scheme: &'static Scheme,
    keeping: Keeping,
    args: &IntakeArgs,
) -> Result<Phase> {
    let folder = temporary_folder()?;
    let config = databases.config(folder.path(), (keeping == Keeping::OneRow).then_some(1))?;
    let app = match keeping {
        Keeping::Nothing => App::start_discarding(&config).await?,
        Keeping::Batches | Keeping::OneRow => App::start(&config).await?,
    };
    let count = match keeping {
        Keeping::Nothing | Keeping::Batches => args.callbacks(),
        Keeping::OneRow => args.callbacks_one_row,
    };
    let pace = Pace {
        callbacks: count,
        ids: args.ids,
        connections: usize::from(args.connections),
        client_threads: usize::from(args.client_threads),
    };
    // Whatever happens in between, the service is stopped before its folder goes.
    let phase = async {
        let key = config.sealing_key()?;
        let cast = Cast::fill(app.store(), &key, scheme, HOUSEHOLDS, args.seed).await?;
        let mut phase = load(&app, &cast, keeping.name(), pace).await?;
        if keeping != Keeping::Nothing {
            let recount = app.store().recount().await?;
            phase.faults.extend(disagreements(&recount, &phase.sent));
            phase.recount = Some(recount);
        }
        Ok(phase)
    }
    .await;
    app.stop().await;
    phase
}

/// How a phase is posted.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many.
    pub callbacks: u32,
    /// How their numbers follow each other.
    pub ids: Ids,
    /// Connections that each wait for their answer before they post again.
    pub connections: usize,
    /// Threads of the client.
    pub client_threads: usize,
}

/// Posts payments to a service in this process, as fast as it answers. The ledger is not asked yet.
pub async fn load(app: &App, cast: &Cast, name: &'static str, pace: Pace) -> Result<Phase> {
    let mut memory = Memory::before();
    let started = Instant::now();
    let requests = Arc::new(prepare(
        cast,
        now(),
        pace.ids,
        &(0..pace.callbacks).collect::<Vec<_>>(),
    )?);
    let preparing = started.elapsed();
    let address = app.address();
    let sent = requests.clone();
    let before = Effort::now(&[]);
    let posting = move || post_all(&[address], &sent, pace.connections, pace.client_threads);
    let outcome = tokio::task::spawn_blocking(posting).await??;
    let effort = Effort::now(&[]).since(&before);
    memory.after(requests.memory_bytes());
    Ok(Phase {
        name,
        faults: outcome.wrong_answers(),
        outcome,
        preparing,
        effort,
        memory,
        sent: Sent {
            events: requests.count() as i64,
            amount_vnd: requests.amount_vnd,
            payments: requests.count() as i64,
            repeats: Some(0),
        },
        recount: None,
    })
}

/// How long this disk takes to make a small write durable: it bounds one row per commit.
fn fsync_median() -> Result<Duration> {
    use std::io::Write;
    let folder = temporary_folder()?;
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

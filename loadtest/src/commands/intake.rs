//! The intake benchmark: the phases of one run on one machine.
//!
//! 1. *ceiling*: the service answers and keeps nothing, so this is what HTTP, proof and reading cost;
//! 2. *durable*: the service with its defaults, each answer after the commit that holds its callback;
//! 3. *one row per commit*: the same, without group commit;
//! 4. *durable, socket*: on PostgreSQL the second once more by its socket, where the others connect over TCP.
//!
//! Accepted is not finished: after the phases that keep, what was sent is held against the ledger.

mod run;

use std::time::{Duration, Instant};

use choso::app::App;
use choso::clock::now;
use choso::intake::KeyFile;
use choso::notice::{SCHEMES, Scheme, scheme};
use clap::Args;
use serde_json::{Value, json};

use crate::args::{DatabaseArgs, RawArgs, SeedArgs};
use crate::benchmark::{Benchmark, Measured};
use crate::closed_loop::{Pace, Phase, post_payments};
use crate::database::{Backend, temporary_folder};
use crate::error::Result;
use crate::ledger_check::disagreements;
use crate::payment_source::{HOUSEHOLDS, IdOrder, PaymentSource, SourceOptions};
use crate::secrets;
use run::{Run, print_head, print_line_head};

/// Flags of `loadtest intake`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest intake --database sqlite\n         loadtest intake --profile momo/ipn_v2\n         \
                  loadtest intake --all-profiles --callbacks 20000"
)]
pub struct IntakeArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
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
    ids: IdOrder,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    output: RawArgs,
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
    BatchesBySocket,
}

/// Measures, prints, and keeps the raw runs. False if an answer was no success or a ledger did not agree.
pub fn run(args: &IntakeArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("intake", &args.output);
    print_head(args.connections, args.client_threads, args.ids.as_str());
    if args.all_profiles {
        return all_profiles(&benchmark, args);
    }
    benchmark.on_each(&args.databases, |backend| {
        let mut phases = vec![Keeping::Nothing, Keeping::Batches, Keeping::OneRow];
        phases.extend(backend.cluster().map(|_| Keeping::BatchesBySocket));
        let run = measure(backend, args.profile, &phases, args)?;
        run.print_table();
        let mut figures = run.json();
        figures["settings"] = args.settings();
        Ok(Measured {
            figures,
            is_right: run.is_right(),
        })
    })
}

fn all_profiles(benchmark: &Benchmark<'_>, args: &IntakeArgs) -> Result<bool> {
    let backends = args.databases.backends()?;
    let mut composable: Vec<&'static Scheme> = Vec::new();
    for scheme in &SCHEMES {
        match secrets::invent(scheme, args.chance.seed) {
            Ok(_) => composable.push(scheme),
            Err(why) => println!("skipped: {scheme:?} ({why})"),
        }
    }
    print_line_head();
    let mut runs = Vec::new();
    for backend in &backends {
        for scheme in &composable {
            let run = measure(backend, scheme, &[Keeping::Nothing, Keeping::Batches], args)?;
            run.print_line();
            runs.push(run);
        }
    }
    let figures = json!({
        "settings": args.settings(),
        "runs": runs.iter().map(Run::json).collect::<Vec<_>>(),
    });
    benchmark.keep_as("profiles", figures)?;
    Ok(runs.iter().all(Run::is_right))
}

impl IntakeArgs {
    fn callbacks(&self) -> u32 {
        let usual = if self.all_profiles { 20_000 } else { 150_000 };
        self.callbacks.unwrap_or(usual)
    }

    fn settings(&self) -> Value {
        json!({
            "connections": self.connections,
            "client_threads": self.client_threads,
            "callbacks": self.callbacks(),
            "callbacks_one_row": self.callbacks_one_row,
            "ids": self.ids.as_str(),
            "seed": self.chance.seed,
        })
    }
}

fn measure(backend: &Backend, scheme: &'static Scheme, phases: &[Keeping], args: &IntakeArgs) -> Result<Run> {
    // As `choso serve` has it: a thread for each core, and the HTTP workers beside them.
    let runtime = tokio::runtime::Runtime::new()?;
    let phase = |keeping: &Keeping| {
        eprintln!("{}, {scheme:?}: {}", backend.name(), keeping.name());
        runtime.block_on(one_phase(backend, scheme, *keeping, args))
    };
    Ok(Run {
        database: backend.name(),
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
            Keeping::BatchesBySocket => "durable, socket",
        }
    }
}

async fn one_phase(
    backend: &Backend,
    scheme: &'static Scheme,
    keeping: Keeping,
    args: &IntakeArgs,
) -> Result<Phase> {
    let folder = temporary_folder()?;
    let config = match keeping {
        Keeping::BatchesBySocket => backend.config_by_socket(folder.path())?,
        _ => backend.config(folder.path(), (keeping == Keeping::OneRow).then_some(1))?,
    };
    let app = match keeping {
        Keeping::Nothing => App::start_discarding(&config).await?,
        Keeping::Batches | Keeping::OneRow | Keeping::BatchesBySocket => App::start(&config).await?,
    };
    let pace = Pace {
        callbacks: match keeping {
            Keeping::Nothing | Keeping::Batches | Keeping::BatchesBySocket => args.callbacks(),
            Keeping::OneRow => args.callbacks_one_row,
        },
        ids: args.ids,
        connections: usize::from(args.connections),
        client_threads: usize::from(args.client_threads),
    };
    let options = SourceOptions {
        scheme,
        households: HOUSEHOLDS,
        seed: args.chance.seed,
    };
    // Whatever happens in between, the service is stopped before its folder goes.
    let phase = async {
        let key = KeyFile::read(&config.key_file)?
            .key_in_use(app.store(), now())
            .await?;
        let source = PaymentSource::register(app.store(), &key, &options).await?;
        let mut phase = post_payments(&app, &source, keeping.name(), pace).await?;
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

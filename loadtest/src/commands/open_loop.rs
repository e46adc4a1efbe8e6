//! `loadtest open-loop`: latencies at a rate that does not wait for answers, as in a payer's evening.

use std::path::Path;
use std::sync::Arc;

use choso::clock::now;
use clap::Args;
use serde_json::json;

use crate::args::{DatabaseArgs, ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::{Benchmark, Measured};
use crate::database::{Backend, temporary_folder};
use crate::deployment::Deployment;
use crate::error::Result;
use crate::ledger_check::disagreements;
use crate::machine::allow_open_files;
use crate::payment_source::SourceOptions;
use crate::report::{print_faults, recount_json};
use crate::schedule::{Schedule, order_of_posts, post_schedule};

/// Flags of `loadtest open-loop`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest open-loop --rate 5000 --seconds 600 --duplicates 20 --shuffle\n\
                  Exit status: 1 if an answer was no success, or the totals are not equal."
)]
pub struct OpenLoopArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Requests that begin in a second, whatever the answers do
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    rate: u32,
    /// For how long
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Of a hundred events, how many come twice
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    duplicates: u32,
    /// In any order
    #[arg(long)]
    shuffle: bool,
    /// Most requests under way together
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    connections: u16,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures, prints, and keeps the raw runs.
pub fn run(args: &OpenLoopArgs) -> Result<bool> {
    allow_open_files(usize::from(args.connections))?;
    let benchmark = Benchmark::begin("open-loop", &args.output);
    let program = args.program.path()?;
    let runtime = tokio::runtime::Runtime::new()?;
    benchmark.on_each(&args.databases, |backend| {
        runtime.block_on(open_loop(backend, &program, args))
    })
}

async fn open_loop(backend: &Backend, program: &Path, args: &OpenLoopArgs) -> Result<Measured> {
    let folder = temporary_folder()?;
    let options = SourceOptions::standard(args.chance.seed)?;
    let deployment = Deployment::new(backend, folder.path(), program, &options).await?;
    let service = deployment.serve()?;
    let events = args.events()?;
    let order = order_of_posts(events, args.duplicates, args.shuffle, args.chance.seed);
    let repeats = (order.len() - events as usize) as i64;
    let schedule = Arc::new(Schedule {
        source: deployment.source.clone(),
        start: now(),
        order,
        rate_per_s: args.rate,
    });
    let load = post_schedule(&service, &schedule, usize::from(args.connections)).await?;
    let mut faults = load.posted.outcome.wrong_answers();
    if load.posted.broken > 0 {
        faults.push(format!("{} posts had no answer", load.posted.broken));
    }
    faults.extend(service.stop_or_fault()?);
    let recount = deployment.recount().await?;
    faults.extend(disagreements(&recount, &schedule.sent(0..events, Some(repeats))));
    println!("\n{}: {}", backend.name(), load.posted.line(args.rate));
    println!(
        "{events} events and {repeats} repeats{}; peak memory of the service {} MiB; {}",
        if args.shuffle { ", shuffled" } else { "" },
        load.peak_kib / 1024,
        load.cpu.line()
    );
    print_faults(&faults);
    let mut run = load.posted.json();
    run["effort"] = load.cpu.json();
    run["service_peak_kib"] = load.peak_kib.into();
    run["recount"] = recount_json(&recount);
    Ok(Measured {
        is_right: faults.is_empty(),
        figures: json!({
            "settings": {
                "rate": args.rate, "seconds": args.seconds, "duplicates_percent": args.duplicates,
                "shuffle": args.shuffle, "connections": args.connections, "seed": args.chance.seed,
            },
            "run": run,
            "faults": faults,
        }),
    })
}

impl OpenLoopArgs {
    /// So many distinct events fill the time with their repeats.
    fn events(&self) -> Result<u32> {
        let posts = u64::from(self.rate) * u64::from(self.seconds);
        Ok(u32::try_from(posts * 100 / (100 + u64::from(self.duplicates)))?)
    }
}

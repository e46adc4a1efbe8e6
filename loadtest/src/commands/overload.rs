//! `loadtest overload`: more than the service can take. It may send callbacks away and say when to try again;
//! what it accepts it has to keep, once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use choso::clock::now;
use choso::notice::NoticeKind;
use choso::store::Recount;
use choso::vn::TimeMs;
use clap::Args;
use serde_json::{Value, json};

use crate::args::{DatabaseArgs, ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::{Benchmark, Measured};
use crate::client::{Outcome, post_all};
use crate::database::{Backend, temporary_folder};
use crate::deployment::Deployment;
use crate::error::Result;
use crate::ledger_check::disagreements;
use crate::machine::allow_open_files;
use crate::payment_source::{IdOrder, SourceOptions};
use crate::process::Service;
use crate::report::{micros, print_faults, recount_json, thousandths};
use crate::schedule::{Load, Posted, Schedule, post_schedule};

/// Connections that post as fast as they are answered, to see what the service sustains.
const PROBE_CONNECTIONS: usize = 512;
/// Faults that are printed and kept of a run.
const FAULTS_MAX: usize = 20;

/// Flags of `loadtest overload`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest overload --factor 2 --seconds 20\n\
                  Exit status: 1 if something accepted is not kept exactly once, or an answer was neither a \
                  success nor a 503 that says when to come again.")]
pub struct OverloadArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// How many times what the service sustains is offered
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=20))]
    factor: u32,
    /// For how long
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Callbacks that are posted as fast as they are answered, to see what it sustains
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    probe_callbacks: u32,
    /// Most requests under way together; more than wait in the service's queue
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    connections: u16,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures, prints, and keeps the raw runs.
pub fn run(args: &OverloadArgs) -> Result<bool> {
    allow_open_files(usize::from(args.connections))?;
    let benchmark = Benchmark::begin("overload", &args.output);
    let program = args.program.path()?;
    let runtime = tokio::runtime::Runtime::new()?;
    benchmark.on_each(&args.databases, |backend| {
        runtime.block_on(overload(backend, &program, args))
    })
}

async fn overload(backend: &Backend, program: &Path, args: &OverloadArgs) -> Result<Measured> {
    let folder = temporary_folder()?;
    let options = SourceOptions::standard(args.chance.seed)?;
    let deployment = Deployment::new(backend, folder.path(), program, &options).await?;
    let service = deployment.serve()?;
    let start = now();
    let sustained = sustained(&deployment, &service, start, args.probe_callbacks).await?;
    let calm_peak_kib = service.peak_kib();
    let mut faults = sustained.wrong_answers();
    let rate_per_s = (sustained.rate() * f64::from(args.factor)) as u32;
    let last = args.probe_callbacks + u32::try_from(u64::from(rate_per_s) * u64::from(args.seconds))?;
    let schedule = Arc::new(Schedule {
        source: deployment.source.clone(),
        start,
        order: (args.probe_callbacks..last).collect(),
        rate_per_s,
    });
    let load = post_schedule(&service, &schedule, usize::from(args.connections)).await?;
    faults.extend(service.stop_or_fault()?);
    faults.extend(wrong_answers(&load.posted.outcome));
    let kept = deployment.kept().await?;
    faults.extend(lost_or_doubled(
        &kept,
        &schedule,
        &load.posted,
        args.probe_callbacks,
    ));
    let recount = deployment.recount().await?;
    // What was told to come again may be kept all the same; all that is kept has to be counted.
    let events = kept.keys().filter_map(|(_, id)| schedule.event_of(id));
    faults.extend(disagreements(&recount, &schedule.sent(events, None)));
    let overloaded = Overloaded {
        sustained,
        calm_peak_kib,
        rate_per_s,
        load,
        recount,
    };
    overloaded.print(backend, args.factor);
    faults.truncate(FAULTS_MAX);
    print_faults(&faults);
    Ok(Measured {
        is_right: faults.is_empty(),
        figures: json!({
            "settings": {
                "factor": args.factor, "seconds": args.seconds, "probe_callbacks": args.probe_callbacks,
                "connections": args.connections, "seed": args.chance.seed,
            },
            "run": overloaded.json(),
            "faults": faults,
        }),
    })
}

/// Posts the first callbacks as fast as they are answered.
async fn sustained(
    deployment: &Deployment,
    service: &Service,
    start: TimeMs,
    callbacks: u32,
) -> Result<Outcome> {
    let address = service.address();
    let requests = Arc::new(deployment.source.prepare(start, IdOrder::Time, 0..callbacks)?);
    let posting = move || post_all(&[address], &requests, PROBE_CONNECTIONS, 1);
    tokio::task::spawn_blocking(posting).await?
}

/// A service that was offered more than it can take.
struct Overloaded {
    /// What it did at its own pace before.
    sustained: Outcome,
    /// The most memory it had until then.
    calm_peak_kib: u64,
    /// What it was offered.
    rate_per_s: u32,
    load: Load,
    recount: Recount,
}

impl Overloaded {
    fn share_sent_away(&self) -> f64 {
        let outcome = &self.load.posted.outcome;
        sent_away(outcome) as f64 / outcome.answers().max(1) as f64
    }

    fn accepted_to_sustained(&self) -> f64 {
        self.load.posted.outcome.rate() / self.sustained.rate()
    }

    fn print(&self, backend: &Backend, factor: u32) {
        let posted = &self.load.posted;
        println!(
            "\n{}: sustains {:.0} /s; offered {factor} times that: {}",
            backend.name(),
            self.sustained.rate(),
            posted.line(self.rate_per_s)
        );
        println!(
            "{:.3} of the answers were 503, all with Retry-After: {}; {} had no answer; accepted / sustained: \
             {:.2}; peak memory of the service {} MiB before, {} MiB under overload; {}",
            self.share_sent_away(),
            posted.outcome.retry_after == sent_away(&posted.outcome),
            posted.broken,
            self.accepted_to_sustained(),
            self.calm_peak_kib / 1024,
            self.load.peak_kib / 1024,
            self.load.cpu.line()
        );
    }

    fn json(&self) -> Value {
        let posted = &self.load.posted;
        let mut json = posted.json();
        json["sustained_per_s"] = (self.sustained.rate() as u64).into();
        json["offered_per_s"] = self.rate_per_s.into();
        json["share_503"] = thousandths(self.share_sent_away()).into();
        json["accepted_to_sustained"] = thousandths(self.accepted_to_sustained()).into();
        json["service_peak_kib"] = json!({"sustained": self.calm_peak_kib, "overload": self.load.peak_kib});
        json["elapsed_us"] = micros(posted.outcome.elapsed).into();
        json["effort"] = self.load.cpu.json();
        json["recount"] = recount_json(&self.recount);
        json
    }
}

/// Answers 503.
fn sent_away(outcome: &Outcome) -> usize {
    outcome.statuses.get(&503).copied().unwrap_or(0)
}

/// Only success and "try again then" may be answered.
fn wrong_answers(outcome: &Outcome) -> Vec<String> {
    let mut faults = Vec::new();
    let refused = sent_away(outcome);
    if outcome.retry_after != refused {
        faults.push(format!(
            "{} answers 503 do not say when to come again",
            refused - outcome.retry_after
        ));
    }
    let others = outcome.statuses.keys().filter(|s| **s != 503 && **s / 100 != 2);
    faults.extend(others.map(|status| format!("some callbacks were answered {status}")));
    faults
}

/// Everything accepted is kept once, and nothing that was not sent.
fn lost_or_doubled(
    kept: &HashMap<(NoticeKind, String), usize>,
    schedule: &Schedule,
    posted: &Posted,
    probed: u32,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for ((_, id), count) in kept {
        match schedule.event_of(id) {
            Some(event) => *counts.entry(event).or_default() += count,
            None => faults.push(format!("{id} is kept and was never sent")),
        }
    }
    for event in posted.accepted.iter().copied().chain(0..probed) {
        match counts.get(&event) {
            Some(1) => {}
            Some(count) => faults.push(format!("event {event} is kept {count} times")),
            None => faults.push(format!("event {event} was accepted and is not kept")),
        }
    }
    faults
}

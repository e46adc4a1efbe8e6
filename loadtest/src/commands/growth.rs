//! `loadtest growth`: how intake does as the ledger grows. It fills a database to each size, a simulated
//! day after the other, and measures it as `intake` does, in turns with an empty one.
//!
//! The fill goes through [`Store::post`] itself, with real signed callbacks in big batches, and sorts and
//! joins traces as the service does. Afterwards old callbacks of every age come once more.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use choso::app::App;
use choso::clock::now;
use choso::config::Config;
use choso::intake::KeyFile;
use choso::jobs::maintain_ledger;
use choso::notice::Sample;
use choso::store::{Arrival, IntakeTotals, StateTotal, Store, WriterMemory};
use choso::vn::{Day, TimeMs};
use clap::Args;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::args::{DatabaseArgs, RawArgs, SeedArgs};
use crate::benchmark::{Benchmark, Measured};
use crate::client::{Prepared, post_all};
use crate::closed_loop::{Pace, Phase, post_payments};
use crate::database::{Backend, DatabaseChoice, temporary_folder};
use crate::error::{Error, Result};
use crate::payment_source::{IdOrder, PaymentSource, SourceOptions};
use crate::report::{micros, ms, outcome_json, print_faults, thousandths};

/// Callbacks of one transaction while filling.
const BATCH: u64 = 4096;
/// Batches that are made ahead, on a thread of their own.
const BATCHES_AHEAD: usize = 4;
/// Measurements at each size, each after one of an empty ledger.
const PAIRS: usize = 2;
/// Old callbacks of one age that are posted again.
const AGAIN: u64 = 200;
/// Ages that are tried besides the first day, days before the last one that was filled.
const AGES: [u64; 6] = [0, 7, 30, 60, 120, 180];
/// What is kept of a fill beside the database.
const STATE: &str = "growth.json";

/// Flags of `loadtest growth`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest growth --database sqlite --steps 0,5,20,50\n         \
                  loadtest growth --database sqlite --steps 0,5 --keep /var/tmp/growth\n         \
                  loadtest growth --database sqlite --steps 20 --from /var/tmp/growth    goes on from there"
)]
pub struct GrowthArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Receipts before each measurement, in millions, rounded up to whole days
    #[arg(long, value_delimiter = ',', default_value = "0,5,20,50", value_parser = millions)]
    steps: Vec<u64>,
    /// Receipts of a simulated day
    #[arg(long, default_value_t = 225_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    per_day: u64,
    /// Callbacks of each measurement
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    rate_callbacks: u32,
    /// Connections that each wait for their answer before they post again
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=4000))]
    connections: u16,
    #[command(flatten)]
    chance: SeedArgs,
    /// Keep the filled database in this new folder (SQLite only)
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    keep: Option<PathBuf>,
    /// Go on with a database that was kept; it stays there
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    output: RawArgs,
}

/// Reads `0`, `5` or `0.25` million as a number.
fn millions(text: &str) -> std::result::Result<u64, String> {
    let wrong = || "wanted millions, e.g. 5 or 0.25".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<6}");
    match part.len() {
        6 => format!("{whole}{part}").parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// How a database was filled; what the same callbacks can be made of again.
#[derive(Debug, Clone)]
struct Fill {
    seed: u64,
    per_day: u64,
    first_day: Day,
    days: u64,
}

/// The measurements at one size. Each comes with one of an empty ledger just before it, so that both meet
/// the same machine.
struct Step {
    receipts: u64,
    days: u64,
    /// Of the filled ledger.
    phases: Vec<Phase>,
    /// Of empty ones.
    base: Vec<Phase>,
    /// What the fill took on the disk.
    bytes: u64,
    /// Old callbacks that came again, by age in days, and how long they took together.
    ages: Vec<u64>,
    again: u64,
    again_took: Duration,
    fill_rate: Option<f64>,
    faults: Vec<String>,
}

/// Fills, measures, prints and keeps the raw runs. False where ledger and generator disagree.
pub fn run(args: &GrowthArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("growth", &args.output);
    let is_kept = args.keep.is_some() || args.from.is_some();
    if args.databases.database != DatabaseChoice::Sqlite && is_kept {
        return Err("--keep and --from want --database sqlite: PostgreSQL's files go with its server".into());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    benchmark.on_each(&args.databases, |backend| {
        println!("\n{}", backend.name());
        print_head();
        let temporary = temporary_folder()?;
        let folder = args
            .from
            .as_deref()
            .or(args.keep.as_deref())
            .unwrap_or(temporary.path());
        std::fs::create_dir_all(folder)?;
        let steps = runtime.block_on(measure(backend, folder, args))?;
        let faults: Vec<String> = steps.iter().flat_map(|step| step.faults.clone()).collect();
        print_faults(&faults);
        if let Some(last) = steps.last().and_then(|step| step.phases.last()) {
            println!("largest: {}; {}", last.memory.line(), last.cpu.line());
        }
        Ok(Measured {
            is_right: faults.is_empty(),
            figures: json!({
                "settings": {
                    "per_day": args.per_day, "connections": args.connections, "seed": args.chance.seed,
                },
                "steps": steps.iter().map(Step::json).collect::<Vec<_>>(),
            }),
        })
    })
}

async fn measure(backend: &Backend, folder: &Path, args: &GrowthArgs) -> Result<Vec<Step>> {
    let options = SourceOptions::standard(args.chance.seed)?;
    let is_begun = folder.join(STATE).is_file();
    if args.from.is_some() && !is_begun {
        return Err(format!("{} holds no {STATE}: nothing was kept there", folder.display()).into());
    }
    let config = backend.config(folder, None)?;
    let store = Store::open(&config.database_url).await?;
    let mut fill;
    let source;
    if is_begun {
        fill = Fill::read(folder)?;
        source = PaymentSource::reopen(&store, options.scheme, fill.seed).await?;
    } else {
        fill = Fill::begin(args);
        let key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
        source = PaymentSource::register(&store, &key, &options).await?;
    }
    let source = Arc::new(source);
    let mut steps = Vec::new();
    let mut bytes = 0;
    for wanted in &args.steps {
        let days = wanted.div_ceil(fill.per_day);
        let started = Instant::now();
        let days_before = fill.days;
        let others = if is_begun {
            0
        } else {
            bytes_on_disk(backend, &config)? - bytes
        };
        fill.up_to(&store, &source, days).await?;
        let filled = (fill.days - days_before) * fill.per_day;
        let fill_rate = (filled > 0).then(|| filled as f64 / started.elapsed().as_secs_f64());
        // So that the service finds nothing left to do beside the measurement.
        maintain_ledger(&store, now()).await?;
        fill.keep(folder)?;
        if let Backend::Sqlite = backend {
            // What the fill left for the system to write would be written beside the measurement.
            std::fs::File::open(config.key_file.with_file_name("choso.db"))?.sync_all()?;
        }
        bytes = bytes_on_disk(backend, &config)? - others;
        let mut step = Step {
            receipts: fill.days * fill.per_day,
            days: fill.days,
            phases: Vec::new(),
            base: Vec::new(),
            bytes,
            ages: fill.ages(),
            again: 0,
            again_took: Duration::ZERO,
            fill_rate,
            faults: Vec::new(),
        };
        for _ in 0..PAIRS {
            measure_empty(backend, &options, args, &mut step).await?;
            measure_full(&config, &source, &fill, args, &mut step).await?;
        }
        step.print();
        steps.push(step);
    }
    store.close().await;
    Ok(steps)
}

impl GrowthArgs {
    fn pace(&self) -> Pace {
        Pace {
            callbacks: self.rate_callbacks,
            ids: IdOrder::Time,
            connections: usize::from(self.connections),
            client_threads: 1,
        }
    }
}

async fn measure_empty(
    backend: &Backend,
    options: &SourceOptions,
    args: &GrowthArgs,
    step: &mut Step,
) -> Result<()> {
    let folder = temporary_folder()?;
    let config = backend.config(folder.path(), None)?;
    let app = App::start(&config).await?;
    // Whatever happens in between, the service is stopped.
    let phase = async {
        let key = KeyFile::read(&config.key_file)?
            .key_in_use(app.store(), now())
            .await?;
        let source = PaymentSource::register(app.store(), &key, options).await?;
        post_payments(&app, &source, "empty", args.pace()).await
    }
    .await;
    app.stop().await;
    let phase = phase?;
    step.faults.extend(phase.faults.clone());
    step.base.push(phase);
    Ok(())
}

async fn measure_full(
    config: &Config,
    source: &PaymentSource,
    fill: &Fill,
    args: &GrowthArgs,
    step: &mut Step,
) -> Result<()> {
    let app = App::start(config).await?;
    let measured = async {
        let empty = app.store().intake_totals().await?;
        let phase = post_payments(&app, source, "filled", args.pace()).await?;
        let loaded = app.store().intake_totals().await?;
        let started = Instant::now();
        let again = post_again(&app, source, fill, &step.ages).await?;
        step.again_took += started.elapsed();
        step.again += again;
        let end = app.store().intake_totals().await?;
        let posted = StateTotal {
            count: phase.sent.events,
            amount_vnd: phase.sent.amount_vnd,
        };
        step.faults.extend(phase.faults.clone());
        step.faults.extend(wrong_moves(&empty, &loaded, posted, 0));
        let nothing = StateTotal::default();
        step.faults
            .extend(wrong_moves(&loaded, &end, nothing, again as i64));
        step.phases.push(phase);
        Ok::<_, Error>(())
    }
    .await;
    app.stop().await;
    measured
}

/// Where the counters did not move by what was posted, or conservation does not hold any more.
fn wrong_moves(before: &IntakeTotals, after: &IntakeTotals, posted: StateTotal, repeats: i64) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, before, after) in [
        ("received", before.received, after.received),
        ("posted", before.posted, after.posted),
    ] {
        let by = StateTotal {
            count: after.count - before.count,
            amount_vnd: after.amount_vnd - before.amount_vnd,
        };
        if by != posted {
            faults.push(format!("{what} moved by {by:?}, sent were {posted:?}"));
        }
    }
    let found = after.repeats - before.repeats;
    if found != repeats {
        faults.push(format!("{found} repeats were found, {repeats} were sent"));
    }
    if !after.conservation_holds() {
        faults.push("received is not posted + quarantined + ignored".to_owned());
    }
    faults
}

/// Posts old callbacks of every age once more; how many.
async fn post_again(app: &App, source: &PaymentSource, fill: &Fill, ages: &[u64]) -> Result<u64> {
    let mut old = Prepared::with_capacity(ages.len() * AGAIN as usize, 768);
    let mut request = Vec::new();
    for age in ages {
        let day = fill.days - 1 - age;
        for nth in 0..AGAIN.min(fill.per_day) {
            let index = day * fill.per_day + nth * fill.per_day / AGAIN.min(fill.per_day);
            request.clear();
            source.write_request(&mut request, &fill.sample(source, index), now())?;
            old.push(&request, 0);
        }
    }
    let count = old.count() as u64;
    if count > 0 {
        let address = app.address();
        let old = Arc::new(old);
        let outcome = tokio::task::spawn_blocking(move || post_all(&[address], &old, 64, 1)).await??;
        if !outcome.wrong_answers().is_empty() {
            return Err(format!("old callbacks again: {}", outcome.wrong_answers().join("; ")).into());
        }
    }
    Ok(count)
}

/// What the database takes on the disk.
fn bytes_on_disk(backend: &Backend, config: &Config) -> Result<u64> {
    match backend {
        Backend::Sqlite => {
            let file = config.key_file.with_file_name("choso.db");
            let log = std::fs::metadata(file.with_file_name("choso.db-wal")).map_or(0, |m| m.len());
            Ok(std::fs::metadata(file)?.len() + log)
        }
        Backend::Postgres(cluster) => Ok(bytes_under(&cluster.folder()?.join("data/base"))?),
    }
}

fn bytes_under(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A file of the server may go while it is looked at.
        match entry.metadata() {
            Ok(what) if what.is_dir() => sum += bytes_under(&entry.path())?,
            Ok(what) => sum += what.len(),
            Err(_) => {}
        }
    }
    Ok(sum)
}

impl Fill {
    /// None yet; the last day of the largest size will be yesterday.
    fn begin(args: &GrowthArgs) -> Fill {
        let most = args.steps.iter().max().copied().unwrap_or(0);
        Fill {
            seed: args.chance.seed,
            per_day: args.per_day,
            first_day: Day::of(now()).plus(-(most.div_ceil(args.per_day) as i64)),
            days: 0,
        }
    }

    fn read(folder: &Path) -> Result<Fill> {
        let state: Value = serde_json::from_slice(&std::fs::read(folder.join(STATE))?)?;
        let number = |name: &str| state[name].as_u64().ok_or(format!("{STATE} has no {name}"));
        let first_day = state["first_day"].as_i64().and_then(Day::from_number);
        Ok(Fill {
            seed: number("seed")?,
            per_day: number("per_day")?,
            first_day: first_day.ok_or(format!("{STATE} has no first_day"))?,
            days: number("days")?,
        })
    }

    fn keep(&self, folder: &Path) -> Result<()> {
        let state = json!({
            "seed": self.seed, "per_day": self.per_day, "first_day": self.first_day.number(),
            "days": self.days,
        });
        Ok(std::fs::write(folder.join(STATE), format!("{state:#}\n"))?)
    }

    /// A callback of the fill, the same whenever it is asked for.
    fn sample(&self, source: &PaymentSource, index: u64) -> Sample {
        let day = self.first_day.plus((index / self.per_day) as i64);
        let second = (index % self.per_day) * 86_400 / self.per_day;
        source.payment(index + 1, TimeMs(day.start().0 + second as i64 * 1000))
    }

    /// Ages to try, in days before the last one.
    fn ages(&self) -> Vec<u64> {
        let Some(oldest) = self.days.checked_sub(1) else {
            return Vec::new();
        };
        let ages: BTreeSet<u64> = AGES
            .into_iter()
            .filter(|age| *age <= oldest)
            .chain([oldest])
            .collect();
        ages.into_iter().collect()
    }

    /// Fills until so many days are full.
    async fn up_to(&mut self, store: &Store, source: &Arc<PaymentSource>, days: u64) -> Result<()> {
        if days <= self.days {
            return Ok(());
        }
        if self.first_day.plus(days as i64) > Day::of(now()) {
            return Err("the fill would pass yesterday; begin anew with a larger last step".into());
        }
        let began = Instant::now();
        let from = self.days;
        let mut batches = self.batches(source, days);
        let mut memory = WriterMemory::default();
        let mut printed = Instant::now();
        let mut posted = 0u64;
        for day in from..days {
            // Partitions, where the database has them, are made before the first row of a month comes.
            maintain_ledger(store, self.first_day.plus(day as i64).start()).await?;
            for _ in 0..self.per_day.div_ceil(BATCH) {
                let batch = batches.recv().await.ok_or("the fill ended early")??;
                posted += store.post(&batch, &mut memory).await?.receipts as u64;
                if let Some(full) = memory.full_generation() {
                    store.sort_generation(&full).await?;
                }
                if printed.elapsed() > Duration::from_secs(1) {
                    printed = Instant::now();
                    print_progress(began, posted, (days - from) * self.per_day);
                }
            }
            self.days = day + 1;
        }
        eprintln!();
        if posted == (days - from) * self.per_day {
            Ok(())
        } else {
            Err(format!("{posted} receipts were posted in {} days", days - from).into())
        }
    }

    /// Makes the batches of these days on a thread of its own, each callback signed, proven and read.
    fn batches(&self, source: &Arc<PaymentSource>, days: u64) -> mpsc::Receiver<Result<Vec<Arrival>>> {
        let (give, taken) = mpsc::channel(BATCHES_AHEAD);
        let fill = self.clone();
        let source = source.clone();
        std::thread::spawn(move || {
            for day in fill.days..days {
                let mut next = day * fill.per_day;
                let end = (day + 1) * fill.per_day;
                while next < end {
                    let until = (next + BATCH).min(end);
                    let batch = (next..until).map(|index| fill.arrival(&source, index)).collect();
                    // Whoever wanted them may have given up.
                    if give.blocking_send(batch).is_err() {
                        return;
                    }
                    next = until;
                }
            }
        });
        taken
    }

    fn arrival(&self, source: &PaymentSource, index: u64) -> Result<Arrival> {
        let sample = self.sample(source, index);
        let received_at = TimeMs(sample.occurred_at.0 + 900);
        source.arrival(&source.provider().compose(&sample, received_at)?, received_at)
    }
}

fn print_progress(began: Instant, done: u64, all: u64) {
    let rate = done as f64 / began.elapsed().as_secs_f64();
    let left = Duration::from_secs_f64(all.saturating_sub(done) as f64 / rate.max(1.0));
    eprint!(
        "\rfilling: {done} of {all}, {rate:.0} /s, {} min {:02} s left   ",
        left.as_secs() / 60,
        left.as_secs() % 60
    );
    let _ = std::io::stderr().flush();
}

fn print_head() {
    println!(
        "{:>11}{:>6}{:>9}{:>10}{:>8}{:>9}{:>10}{:>9}{:>11}{:>13}  old ones again, by age in days",
        "receipts",
        "days",
        "rate /s",
        "to empty",
        "cpu",
        "p99 ms",
        "to empty",
        "peak MiB",
        "B/receipt",
        "filled at /s"
    );
}

fn mean(phases: &[Phase], of: impl Fn(&Phase) -> f64) -> f64 {
    phases.iter().map(of).sum::<f64>() / phases.len().max(1) as f64
}

fn p99_ms(phase: &Phase) -> f64 {
    ms(phase.outcome.percentile_us(990))
}

impl Step {
    fn print(&self) {
        println!(
            "{:>11}{:>6}{:>9.0}{:>10.2}{:>8.2}{:>9.2}{:>10.2}{:>9}{:>11}{:>13}  {} of {} found: {:?}",
            self.receipts,
            self.days,
            mean(&self.phases, |p| p.outcome.rate()),
            self.to_base(|p| p.outcome.rate()),
            self.to_base(|p| p.cpu.own_us() as f64),
            mean(&self.phases, p99_ms),
            self.to_base(p99_ms),
            self.phases.iter().map(|p| p.memory.peak_mib()).max().unwrap_or(0),
            self.bytes / self.receipts.max(1),
            self.fill_rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
            if self.faults.is_empty() { self.again } else { 0 },
            self.again,
            self.ages
        );
    }

    /// A figure of the filled ledger as a ratio of the same of the empty ones.
    fn to_base(&self, of: impl Fn(&Phase) -> f64) -> f64 {
        mean(&self.phases, &of) / mean(&self.base, &of)
    }

    fn json(&self) -> Value {
        let measured = |phase: &Phase| {
            let mut json = outcome_json(&phase.outcome);
            json["memory_kib"] = phase.memory.json();
            json["effort"] = phase.cpu.json();
            json
        };
        json!({
            "receipts_before": self.receipts,
            "days": self.days,
            "filled": self.phases.iter().map(measured).collect::<Vec<_>>(),
            "empty": self.base.iter().map(measured).collect::<Vec<_>>(),
            "rate_to_empty": thousandths(self.to_base(|p| p.outcome.rate())),
            "processor_time_to_empty": thousandths(self.to_base(|p| p.cpu.own_us() as f64)),
            "p99_to_empty": thousandths(self.to_base(p99_ms)),
            "bytes_on_disk": self.bytes,
            "ages_again": self.ages,
            "again": self.again,
            "again_us": micros(self.again_took),
            "filled_per_s": self.fill_rate.map(f64::round),
            "faults": self.faults,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_millions() {
        assert_eq!(millions("0"), Ok(0));
        assert_eq!(millions("5"), Ok(5_000_000));
        assert_eq!(millions("0.25"), Ok(250_000));
        assert!(millions("0.0000001").is_err() && millions("x").is_err() && millions("-1").is_err());
    }
}

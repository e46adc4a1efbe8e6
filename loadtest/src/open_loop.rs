//! Callbacks on a schedule that does not wait for answers: what a payer's evening looks like, and what
//! becomes of twice as many as the service can take.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::notice::{NoticeKind, scheme};
use choso::vn::TimeMs;
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::Result;
use crate::client::{Outcome, connect, exchange, open, post_all};
use crate::process::{Service, binary};
use crate::report::{self, Effort, Machine, micros, ms, status_kib};
use crate::rig::{Rig, Sent, disagreements};
use crate::setup::{Cast, Databases, Draw, HOUSEHOLDS, Ids, Which, prepare, temporary_folder, want_files};

/// A callback without an answer by then is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// A request that starts later than this after its moment did not start on schedule.
const ON_TIME: Duration = Duration::from_millis(5);
/// A duplicate comes at most so many posts after its first.
const REPEAT_REACH: u64 = 50;

/// Flags of `loadtest open-loop`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest open-loop --rate 5000 --seconds 600 --duplicates 20 --shuffle\n\
                  Exit status: 1 if an answer was no success, or the totals are not equal."
)]
pub struct OpenLoopArgs {
    /// Which database to measure
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
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
    /// Seed of amounts, accounts and order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-open-loop-DATABASE.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Flags of `loadtest overload`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest overload --factor 2 --seconds 20\n\
                  Exit status: 1 if something accepted is not kept exactly once, or an answer was neither a \
                  success nor a 503 that says when to come again.")]
pub struct OverloadArgs {
    /// Which database to measure
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
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
    /// Seed of amounts and accounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-overload-DATABASE.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// What is posted when.
struct Schedule {
    cast: Arc<Cast>,
    start: TimeMs,
    /// Events in the order of their posts.
    order: Vec<u32>,
    rate: u32,
}

/// The order of posts of so many events, of which some come twice.
pub fn order(events: u32, duplicates_percent: u32, shuffle: bool, seed: u64) -> Vec<u32> {
    let mut draw = Draw::new(seed ^ 0x0dde);
    let mut places: Vec<(u64, u32)> = Vec::new();
    for event in 0..events {
        let place = u64::from(event) * 2;
        places.push((place, event));
        // Evenly spread, so that the number is exact.
        let before = event * duplicates_percent / 100;
        let after = (event + 1) * duplicates_percent / 100;
        if after > before {
            places.push((place + 1 + 2 * draw.below(REPEAT_REACH), event));
        }
    }
    places.sort_unstable();
    let mut order: Vec<u32> = places.into_iter().map(|(_, event)| event).collect();
    if shuffle {
        draw.shuffle(&mut order);
    }
    order
}

/// What came of a schedule.
#[derive(Default)]
struct Posted {
    outcome: Outcome,
    /// Events that were accepted, once for each post.
    accepted: Vec<u32>,
    /// Posts that began later than they should: too many were under way.
    late: usize,
    /// Posts whose connection broke or that had no answer in time.
    broken: usize,
}

impl Posted {
    fn add(&mut self, other: Posted) {
        self.outcome.add(other.outcome);
        self.accepted.extend(other.accepted);
        self.late += other.late;
        self.broken += other.broken;
    }

    fn json(&self) -> Value {
        let mut json = report::outcome_json(&self.outcome);
        json["begun_late"] = self.late.into();
        json["broken"] = self.broken.into();
        json
    }
}

/// Posts on schedule, from a thread and a runtime of its own. Latencies count from the moment a post was due.
fn post_on_schedule(address: SocketAddr, schedule: Arc<Schedule>, connections: usize) -> Result<Posted> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let connections = connections.min(schedule.order.len());
    runtime.block_on(async {
        let opened = open(&[address], connections).await?;
        let due = Arc::new(Semaphore::new(0));
        let next = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        // A thread that sleeps wakes more exactly than a timer of the runtime.
        let clock = std::thread::spawn({
            let due = due.clone();
            let schedule = schedule.clone();
            move || schedule.tick(started, &due)
        });
        let senders: Vec<_> = opened
            .into_iter()
            .map(|connection| {
                let schedule = schedule.clone();
                let due = due.clone();
                let next = next.clone();
                tokio::spawn(async move { schedule.send(connection, address, &due, &next, started).await })
            })
            .collect();
        let mut all = Posted::default();
        for sender in senders {
            all.add(sender.await??);
        }
        clock.join().map_err(|_| "the clock's thread panicked")?;
        all.outcome.latencies_us.sort_unstable();
        Ok(all)
    })
}

impl Schedule {
    fn due(&self, slot: usize) -> Duration {
        Duration::from_micros(slot as u64 * 1_000_000 / u64::from(self.rate))
    }

    /// Lets the posts begin, each at its moment.
    fn tick(&self, started: Instant, due: &Semaphore) {
        let mut slot = 0;
        while slot < self.order.len() {
            let wait = self.due(slot).saturating_sub(started.elapsed());
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            due.add_permits(1);
            slot += 1;
        }
        // Whoever still waits then finds that nothing is left.
        due.add_permits(self.order.len());
    }

    async fn send(
        &self,
        connection: TcpStream,
        address: SocketAddr,
        due: &Semaphore,
        next: &AtomicUsize,
        started: Instant,
    ) -> Result<Posted> {
        let mut connection = Some(connection);
        let mut posted = Posted::default();
        let mut request = Vec::new();
        let mut buffer = Vec::new();
        loop {
            due.acquire().await?.forget();
            let slot = next.fetch_add(1, Ordering::Relaxed);
            let Some(event) = self.order.get(slot).copied() else {
                posted.outcome.elapsed = started.elapsed();
                return Ok(posted);
            };
            let due = self.due(slot);
            posted.late += usize::from(started.elapsed() > due + ON_TIME);
            let sample = self
                .cast
                .payment(Ids::Time.number(self.start, event as usize), self.start);
            request.clear();
            self.cast.write(&mut request, &sample, now())?;
            let stream = match &mut connection {
                Some(stream) => stream,
                None => connection.insert(connect(address).await?),
            };
            let answer = tokio::time::timeout(ANSWER_WITHIN, exchange(stream, &request, &mut buffer)).await;
            let Ok(Ok(answer)) = answer else {
                connection = None;
                posted.broken += 1;
                continue;
            };
            if answer.is_success() {
                posted.accepted.push(event);
            }
            let took = started.elapsed().saturating_sub(due);
            posted
                .outcome
                .answered(&answer, took, started.elapsed().as_secs());
        }
    }

    /// What distinct events of these come to.
    fn sent(&self, events: impl Iterator<Item = u32>, repeats: Option<i64>) -> Sent {
        sent(&self.cast, self.start, events, repeats)
    }
}

/// What these distinct events come to, all of them payments.
pub fn sent(cast: &Cast, start: TimeMs, events: impl Iterator<Item = u32>, repeats: Option<i64>) -> Sent {
    let mut sent = Sent {
        repeats,
        ..Sent::default()
    };
    for event in events {
        sent.events += 1;
        sent.payments += 1;
        let payment = cast.payment(Ids::Time.number(start, event as usize), start);
        sent.amount_vnd += payment.amount.vnd();
    }
    sent
}

/// Measures, prints, and keeps the raw runs.
pub fn run(args: &OpenLoopArgs) -> Result<bool> {
    want_files(usize::from(args.connections))?;
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = binary(args.binary.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all_well = true;
    for databases in args.database.databases()? {
        let folder = temporary_folder()?;
        let (json, faults) = runtime.block_on(open_loop(&databases, folder.path(), &binary, args))?;
        for fault in &faults {
            println!("FAULT: {fault}");
        }
        all_well &= faults.is_empty();
        let mut raw = report::raw_head("open-loop", &machine);
        raw["database"] = databases.kind().into();
        raw["settings"] = json!({
            "rate": args.rate, "seconds": args.seconds, "duplicates_percent": args.duplicates,
            "shuffle": args.shuffle, "connections": args.connections, "seed": args.seed,
        });
        raw["run"] = json;
        raw["faults"] = json!(faults);
        report::write_raw(
            args.raw.as_deref(),
            &format!("open-loop-{}", databases.kind()),
            &raw,
        )?;
    }
    Ok(all_well)
}

async fn open_loop(
    databases: &Databases,
    folder: &Path,
    binary: &Path,
    args: &OpenLoopArgs,
) -> Result<(Value, Vec<String>)> {
    let rig = Rig::new(
        databases,
        folder,
        binary,
        scheme("standard", None)?,
        HOUSEHOLDS,
        args.seed,
    )
    .await?;
    let service = rig.serve()?;
    let posts = u64::from(args.rate) * u64::from(args.seconds);
    let events = u32::try_from(posts * 100 / (100 + u64::from(args.duplicates)))?;
    let order = order(events, args.duplicates, args.shuffle, args.seed);
    let repeats = (order.len() - events as usize) as i64;
    let schedule = Arc::new(Schedule {
        cast: rig.cast.clone(),
        start: now(),
        order,
        rate: args.rate,
    });
    let (posted, effort, peak_kib) = measured(&service, &schedule, usize::from(args.connections)).await?;
    let mut faults = posted.outcome.wrong_answers();
    if posted.broken > 0 {
        faults.push(format!("{} posts had no answer", posted.broken));
    }
    if !service.stop()? {
        faults.push("told to stop, the service did not end with 0".to_owned());
    }
    let recount = rig.recount().await?;
    faults.extend(disagreements(&recount, &schedule.sent(0..events, Some(repeats))));
    println!("\n{}: {}", databases.kind(), latencies(&posted, args.rate));
    println!(
        "{events} events and {repeats} repeats{}; peak memory of the service {} MiB; {}",
        if args.shuffle { ", shuffled" } else { "" },
        peak_kib / 1024,
        effort.line()
    );
    let mut json = posted.json();
    json["effort"] = effort.json();
    json["service_peak_kib"] = peak_kib.into();
    json["recount"] = report::recount_json(&recount);
    Ok((json, faults))
}

/// Posts a schedule to a service and looks at what both needed.
async fn measured(
    service: &Service,
    schedule: &Arc<Schedule>,
    connections: usize,
) -> Result<(Posted, Effort, u64)> {
    let address = service.address();
    let posting = schedule.clone();
    let before = Effort::now(&[service.id()]);
    let posting = move || post_on_schedule(address, posting, connections);
    let posted = tokio::task::spawn_blocking(posting).await??;
    let effort = Effort::now(&[service.id()]).since(&before);
    Ok((posted, effort, status_kib(&service.id().to_string(), "VmHWM")))
}

fn latencies(posted: &Posted, rate: u32) -> String {
    let outcome = &posted.outcome;
    let [p50, p99, p999, max] = [500, 990, 999, 1000].map(|rank| ms(outcome.percentile_us(rank)));
    format!(
        "{} answers to {rate} /s ({:.0} /s came about), {} accepted ({:.0} /s); from the moment each was due: p50 {p50:.2} ms, p99 {p99:.2} ms, \
         p99.9 {p999:.2} ms, max {max:.2} ms; {} began more than {} ms late",
        outcome.answers(),
        outcome.answers() as f64 / outcome.elapsed.as_secs_f64().max(1e-9),
        outcome.latencies_us.len(),
        outcome.rate(),
        posted.late,
        ON_TIME.as_millis()
    )
}

/// Measures, prints, and keeps the raw runs.
pub fn run_overload(args: &OverloadArgs) -> Result<bool> {
    want_files(usize::from(args.connections))?;
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = binary(args.binary.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all_well = true;
    for databases in args.database.databases()? {
        let folder = temporary_folder()?;
        let (json, faults) = runtime.block_on(overload(&databases, folder.path(), &binary, args))?;
        for fault in faults.iter().take(20) {
            println!("FAULT: {fault}");
        }
        all_well &= faults.is_empty();
        let mut raw = report::raw_head("overload", &machine);
        raw["database"] = databases.kind().into();
        raw["settings"] = json!({
            "factor": args.factor, "seconds": args.seconds, "probe_callbacks": args.probe_callbacks,
            "connections": args.connections, "seed": args.seed,
        });
        raw["run"] = json;
        raw["faults"] = json!(faults.iter().take(20).collect::<Vec<_>>());
        report::write_raw(
            args.raw.as_deref(),
            &format!("overload-{}", databases.kind()),
            &raw,
        )?;
    }
    Ok(all_well)
}

async fn overload(
    databases: &Databases,
    folder: &Path,
    binary: &Path,
    args: &OverloadArgs,
) -> Result<(Value, Vec<String>)> {
    let rig = Rig::new(
        databases,
        folder,
        binary,
        scheme("standard", None)?,
        HOUSEHOLDS,
        args.seed,
    )
    .await?;
    let service = rig.serve()?;
    let start = now();
    let probe: Vec<u32> = (0..args.probe_callbacks).collect();
    let address = service.address();
    let requests = Arc::new(prepare(&rig.cast, start, Ids::Time, &probe)?);
    let sustained = tokio::task::spawn_blocking(move || post_all(&[address], &requests, 512, 1)).await??;
    let calm_kib = status_kib(&service.id().to_string(), "VmHWM");
    let mut faults = sustained.wrong_answers();
    let rate = (sustained.rate() * f64::from(args.factor)) as u32;
    let last = args.probe_callbacks + u32::try_from(u64::from(rate) * u64::from(args.seconds))?;
    let schedule = Arc::new(Schedule {
        cast: rig.cast.clone(),
        start,
        order: (args.probe_callbacks..last).collect(),
        rate,
    });
    let (posted, effort, peak_kib) = measured(&service, &schedule, usize::from(args.connections)).await?;
    if !service.stop()? {
        faults.push("told to stop, the service did not end with 0".to_owned());
    }
    let refused = posted.outcome.statuses.get(&503).copied().unwrap_or(0);
    if posted.outcome.retry_after != refused {
        faults.push(format!(
            "{} answers 503 do not say when to come again",
            refused - posted.outcome.retry_after
        ));
    }
    let others = posted
        .outcome
        .statuses
        .keys()
        .filter(|s| **s != 503 && **s / 100 != 2);
    faults.extend(others.map(|status| format!("some callbacks were answered {status}")));
    let kept = rig.kept().await?;
    faults.extend(lost_or_doubled(&kept, &schedule, &posted, args.probe_callbacks));
    let recount = rig.recount().await?;
    // What was told to come again may be kept all the same; all that is kept has to be counted.
    let events = kept.keys().filter_map(|(_, id)| schedule.event_of(id));
    faults.extend(disagreements(&recount, &schedule.sent(events, None)));
    let share = refused as f64 / posted.outcome.answers().max(1) as f64;
    println!(
        "\n{}: sustains {:.0} /s; offered {} times that: {}",
        databases.kind(),
        sustained.rate(),
        args.factor,
        latencies(&posted, rate)
    );
    println!(
        "{:.3} of the answers were 503, all with Retry-After: {}; {} had no answer; accepted / sustained: {:.2}; \
         peak memory of the service {} MiB before, {} MiB under overload; {}",
        share,
        posted.outcome.retry_after == refused,
        posted.broken,
        posted.outcome.rate() / sustained.rate(),
        calm_kib / 1024,
        peak_kib / 1024,
        effort.line()
    );
    let mut json = posted.json();
    json["sustained_per_s"] = (sustained.rate() as u64).into();
    json["offered_per_s"] = rate.into();
    json["share_503"] = report::thousandths(share).into();
    json["accepted_to_sustained"] = report::thousandths(posted.outcome.rate() / sustained.rate()).into();
    json["service_peak_kib"] = json!({"sustained": calm_kib, "overload": peak_kib});
    json["elapsed_us"] = micros(posted.outcome.elapsed).into();
    json["effort"] = effort.json();
    json["recount"] = report::recount_json(&recount);
    Ok((json, faults))
}

impl Schedule {
    /// The event of a transaction id, if it is one of these.
    fn event_of(&self, transaction_id: &str) -> Option<u32> {
        let number: u64 = transaction_id.strip_prefix("FT")?.parse().ok()?;
        let index = number.checked_sub(Ids::Time.number(self.start, 0))?;
        u32::try_from(index).ok()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_event_and_exactly_the_duplicates() {
        for shuffle in [false, true] {
            let mut order = order(1_000, 20, shuffle, 7);
            assert_eq!(order.len(), 1_200);
            order.sort_unstable();
            order.dedup();
            assert_eq!(order, (0..1_000).collect::<Vec<u32>>());
        }
    }
}

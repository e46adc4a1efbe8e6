//! Faults under load, by chance but repeatable: whatever breaks, each acknowledged callback is kept exactly
//! once and nothing else is.
//!
//! Each round makes a fresh database, starts `choso serve` as a process of its own, posts signed callbacks
//! as a stubborn provider does, and lets one fault happen meanwhile. When everything was acknowledged, the
//! service is told to stop, and the database has to hold exactly what was sent.

mod fault;
mod traffic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use choso::notice::scheme;
use clap::Args;
use serde_json::json;

use crate::Result;
use crate::cluster::Cluster;
use crate::process::{Service, ask, binary};
use crate::proxy::{Proxy, Target};
use crate::report::{self, Effort, Machine, micros};
use crate::rig::{Rig, disagreements};
use crate::setup::{Databases, Draw, Which, temporary_folder};
use fault::{Fault, SmallDisk, faketime};
use traffic::{Seen, Traffic, events, plan};

/// A round that has not acknowledged everything by then is wrong.
const ROUND_WITHIN: Duration = Duration::from_secs(60);
/// Enough households that several receipts of a batch meet in one counter.
const HOUSEHOLDS: usize = 60;
/// Senders at the same time.
const SENDERS: usize = 8;
/// Room for the database of a round whose disk gets full, MiB: on PostgreSQL a whole cluster lies there.
const SMALL_MIB: [u32; 2] = [48, 400];
/// More than a fresh database has, in blocks of 512 bytes; a round's callbacks do not fit.
const FILE_BLOCKS: u32 = 2_400;

/// Flags of `loadtest torture`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest torture --rounds 200\n         loadtest torture --seed 7 --round 31 --database both    repeats one round\n\
                  Exit status: 0 every round was right; 1 at the first that was not."
)]
pub struct TortureArgs {
    /// How many rounds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// Which database; with `both` they take turns by chance
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Decides the faults, their moments and the callbacks
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only faults whose name holds this, e.g. "disk full"
    #[arg(long, value_name = "PART", default_value = "")]
    fault: String,
    /// Only this round of the seed
    #[arg(long, value_name = "NUMBER")]
    round: Option<u32>,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-torture.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// A round that is over.
struct Round {
    number: u32,
    database: &'static str,
    fault: Fault,
    callbacks: usize,
    seen: Seen,
    /// Until everything was acknowledged.
    posting: Duration,
    whole: Duration,
    faults: Vec<String>,
}

/// Goes through the rounds, prints the table and keeps the raw run. False at the first wrong round.
pub fn run(args: &TortureArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = binary(args.binary.as_deref())?;
    let databases = args.database.databases()?;
    let deck = deck(&databases, &args.fault);
    if deck.is_empty() {
        return Err(format!("there is no fault «{}» to make here", args.fault).into());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let numbers = args.round.map_or(1..=args.rounds, |only| only..=only);
    let mut rounds = Vec::new();
    let before = Effort::now(&[]);
    let mut small_cluster = None;
    for number in numbers {
        let (at, fault) = dealt(&deck, args.seed, number);
        let mut draw = Draw::new(args.seed ^ u64::from(number) << 32);
        let scene = Scene {
            number,
            fault,
            databases: &databases[at],
            small_cluster: &mut small_cluster,
            binary: &binary,
        };
        let round = runtime
            .block_on(scene.play(&mut draw))
            .map_err(|e| format!("round {number} of seed {}, {}: {e}", args.seed, fault.name()))?;
        let is_wrong = !round.faults.is_empty();
        say(&round);
        rounds.push(round);
        if is_wrong {
            break;
        }
    }
    print(&rounds, args, &Effort::now(&[]).since(&before));
    let mut raw = report::raw_head("torture", &machine);
    raw["seed"] = args.seed.into();
    raw["rounds"] = rounds.iter().map(Round::json).collect();
    report::write_raw(args.raw.as_deref(), "torture", &raw)?;
    Ok(rounds.iter().all(|round| round.faults.is_empty()))
}

/// Every fault that can be made on each database. Says by name what cannot.
fn deck(databases: &[Databases], part: &str) -> Vec<(usize, Fault)> {
    let mut possible = Vec::new();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.name().contains(part)) {
        match fault.missing() {
            None => possible.push(fault),
            Some(why) => println!("skipped: {} ({why})", fault.name()),
        }
    }
    let pairs = (0..databases.len()).flat_map(|at| possible.iter().map(move |fault| (at, *fault)));
    pairs
        .filter(|(at, fault)| fault.concerns(databases[*at].kind()))
        .collect()
}

/// Which comes in this round: all in turn, in another order each time, so that few rounds see many faults.
fn dealt(deck: &[(usize, Fault)], seed: u64, round: u32) -> (usize, Fault) {
    let turn = (round as usize - 1) / deck.len();
    let at = (round as usize - 1) % deck.len();
    let mut order = deck.to_vec();
    Draw::new(seed.wrapping_add(turn as u64)).shuffle(&mut order);
    order[at]
}

/// What a round has at hand.
struct Scene<'a> {
    number: u32,
    fault: Fault,
    databases: &'a Databases,
    /// A PostgreSQL on a small disk, started when it is wanted first.
    small_cluster: &'a mut Option<(Databases, SmallDisk)>,
    binary: &'a Path,
}

/// What the fault of a round is done to.
struct Stage<'a> {
    /// None only while it is started anew.
    service: Option<Service>,
    rig: &'a Rig,
    port: Arc<AtomicU16>,
    cluster: Option<&'a Cluster>,
    proxy: Option<Proxy>,
    disk: Option<&'a SmallDisk>,
}

impl Scene<'_> {
    async fn play(self, draw: &mut Draw) -> Result<Round> {
        let started = Instant::now();
        let own_disk = match (self.fault, self.databases) {
            (Fault::DiskFull, Databases::Sqlite) => Some(SmallDisk::mount(SMALL_MIB[0])?),
            _ => None,
        };
        let (databases, disk) = match (self.fault, self.databases) {
            (Fault::DiskFull, Databases::Postgres(_)) => {
                if self.small_cluster.is_none() {
                    let disk = SmallDisk::mount(SMALL_MIB[1])?;
                    let cluster = Cluster::start_in(disk.path())?;
                    *self.small_cluster = Some((Databases::Postgres(cluster), disk));
                }
                let small = self.small_cluster.as_ref().ok_or("no small cluster")?;
                (&small.0, Some(&small.1))
            }
            _ => (self.databases, own_disk.as_ref()),
        };
        let folder = temporary_folder()?;
        let place = own_disk.as_ref().map_or(folder.path(), SmallDisk::path);
        let seed = draw.bits();
        let standard = scheme("standard", None)?;
        let mut rig = Rig::new(databases, place, self.binary, standard, HOUSEHOLDS, seed).await?;
        let real_url = rig.config.database_url.clone();
        let port = Arc::new(AtomicU16::new(0));
        let target = match (self.fault, databases) {
            (Fault::CutClients, _) => Some(Target::Port(port.clone())),
            (Fault::CutDatabase, Databases::Postgres(cluster)) => Some(Target::Socket(cluster.socket()?)),
            _ => None,
        };
        let proxy = match target {
            Some(target) => Some(Proxy::start(target, draw.bits()).await?),
            None => None,
        };
        if let (Fault::CutDatabase, Some(proxy)) = (self.fault, &proxy) {
            let before_parameters = real_url.split('?').next().unwrap_or_default();
            let name = before_parameters.rsplit('/').next().unwrap_or_default();
            rig.config.database_url = format!("postgres://postgres@{}/{name}", proxy.address());
        }
        let service = self.start(&rig)?;
        port.store(service.address().port(), Ordering::SeqCst);
        let mut stage = Stage {
            service: Some(service),
            rig: &rig,
            port,
            cluster: match databases {
                Databases::Sqlite => None,
                Databases::Postgres(cluster) => Some(cluster),
            },
            proxy,
            disk,
        };
        let posts = plan(&rig.cast, draw);
        let (wanted, sent) = events(&posts);
        let callbacks = posts.len();
        let (traffic, posting) = self.post(&mut stage, posts, draw).await?;
        let seen = traffic.seen();
        let mut faults = self.wrong_answers(&traffic);
        if !stage.service.take().ok_or("no service")?.stop()? {
            faults.push("told to stop, the service did not end with 0".to_owned());
        }
        drop(stage.proxy);
        rig.config.database_url = real_url;
        let recount = rig.recount().await?;
        faults.extend(disagreements(&recount, &sent));
        for (reason, count) in rig.waiting().await? {
            faults.push(format!("{count} events wait for a person: {reason}"));
        }
        faults.extend(own_verdicts(self.binary, &rig)?);
        let kept = rig.kept().await?;
        for (event, count) in &kept {
            if *count != 1 || !wanted.contains_key(event) {
                faults.push(format!(
                    "{event:?} is kept {count} times, sent: {}",
                    wanted.contains_key(event)
                ));
            }
        }
        for event in seen
            .acknowledged
            .iter()
            .filter(|event| !kept.contains_key(*event))
        {
            faults.push(format!("{event:?} was acknowledged and is not kept"));
        }
        faults.truncate(20);
        if !faults.is_empty() {
            if let Some(disk) = &own_disk {
                disk.save(folder.path())?;
            }
            let folder = folder.keep();
            eprintln!("the files of the wrong round stay in {}", folder.display());
        }
        Ok(Round {
            number: self.number,
            database: databases.kind(),
            fault: self.fault,
            callbacks,
            seen,
            posting,
            whole: started.elapsed(),
            faults,
        })
    }

    fn start(&self, rig: &Rig) -> Result<Service> {
        match self.fault {
            Fault::FilesLimited => {
                // The signal is ignored, so that a write beyond the limit fails instead.
                let limited = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$0\" \"$@\"");
                Service::start(self.binary, &rig.config, &["sh", "-c", &limited], &[])
            }
            Fault::ClockStep => {
                let variables = [
                    ("LD_PRELOAD", faketime().unwrap_or_default().to_owned()),
                    ("FAKETIME_TIMESTAMP_FILE", clock_file(rig).display().to_string()),
                    ("FAKETIME_NO_CACHE", "1".to_owned()),
                    ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ];
                set_clock(rig, 0)?;
                Service::start(self.binary, &rig.config, &[], &variables)
            }
            _ => rig.serve(),
        }
    }

    /// Posts everything while the fault happens; how long that took.
    async fn post(
        &self,
        stage: &mut Stage<'_>,
        posts: Vec<choso::notice::Sample>,
        draw: &mut Draw,
    ) -> Result<(Arc<Traffic>, Duration)> {
        let started = Instant::now();
        // A cut that comes late would find nothing to cut, and half of them come from the start, while the
        // service still learns who is who; a limit is there from the start.
        let share = match self.fault {
            Fault::FilesLimited => 0,
            Fault::CutClients | Fault::CutDatabase => draw.below(2) * draw.below(20),
            _ => 10 + draw.below(60),
        };
        let moment = posts.len() - posts.len() * share as usize / 100;
        let port = match (&stage.proxy, self.fault) {
            (Some(proxy), Fault::CutClients) => Arc::new(AtomicU16::new(proxy.address().port())),
            _ => stage.port.clone(),
        };
        let traffic = Arc::new(Traffic::new(
            stage.rig.cast.clone(),
            posts,
            port,
            started + ROUND_WITHIN,
        ));
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let traffic = traffic.clone();
                tokio::spawn(async move { traffic.send().await })
            })
            .collect();
        while traffic.open() > moment && started.elapsed() < ROUND_WITHIN / 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.inflict(stage, draw).await?;
        for sender in senders {
            sender.await??;
        }
        Ok((traffic, started.elapsed()))
    }

    async fn inflict(&self, stage: &mut Stage<'_>, draw: &mut Draw) -> Result<()> {
        let pause = Duration::from_millis(50 + draw.below(500));
        match self.fault {
            Fault::KillService => stage.restart(|service| service.kill(), pause).await?,
            Fault::FilesLimited => {
                tokio::time::sleep(pause).await;
                stage
                    .restart(|service| service.stop().map(drop), Duration::ZERO)
                    .await?;
            }
            Fault::KillPostgres => {
                let cluster = stage.cluster.ok_or("no cluster")?;
                cluster.crash_server()?;
                tokio::time::sleep(pause).await;
                cluster.start_server()?;
            }
            Fault::DiskFull => {
                let disk = stage.disk.ok_or("no small disk")?;
                disk.fill()?;
                tokio::time::sleep(pause).await;
                disk.free()?;
                // PostgreSQL may have given up; then somebody starts it again.
                if let Some(cluster) = stage.cluster {
                    cluster.start_server()?;
                }
            }
            Fault::CutClients | Fault::CutDatabase => {
                let proxy = stage.proxy.as_ref().ok_or("no proxy")?;
                proxy.cut(true);
                tokio::time::sleep(pause).await;
                proxy.cut(false);
            }
            Fault::ClockStep => {
                let minutes = if draw.below(2) == 0 { 10 } else { -10 };
                set_clock(stage.rig, minutes)?;
                tokio::time::sleep(pause).await;
                set_clock(stage.rig, 0)?;
            }
        }
        Ok(())
    }

    /// Only "try again" is said while something is broken, and everything is acknowledged in the end.
    fn wrong_answers(&self, traffic: &Traffic) -> Vec<String> {
        let mut faults = Vec::new();
        if traffic.open() > 0 {
            let within = ROUND_WITHIN.as_secs();
            faults.push(format!(
                "{} callbacks were not acknowledged within {within} s",
                traffic.open()
            ));
        }
        for (status, count) in traffic.seen().statuses {
            // A signature is too old or too new for a clock that is ten minutes off.
            let is_stale = status == 401 && self.fault == Fault::ClockStep;
            if status != 204 && status != 503 && !is_stale {
                faults.push(format!("{count} callbacks were answered {status}"));
            }
        }
        faults
    }
}

impl Stage<'_> {
    /// Ends the service this way and starts it again, as a supervisor would.
    async fn restart(&mut self, end: impl FnOnce(Service) -> Result<()>, pause: Duration) -> Result<()> {
        end(self.service.take().ok_or("no service")?)?;
        tokio::time::sleep(pause).await;
        let service = self.rig.serve()?;
        self.port.store(service.address().port(), Ordering::SeqCst);
        self.service = Some(service);
        Ok(())
    }
}

fn clock_file(rig: &Rig) -> PathBuf {
    rig.config.key_file.with_extension("clock")
}

fn set_clock(rig: &Rig, minutes: i32) -> Result<()> {
    Ok(std::fs::write(clock_file(rig), format!("{minutes:+}m\n"))?)
}

/// What `choso recount` and `choso audit verify` say of it.
fn own_verdicts(binary: &Path, rig: &Rig) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let (recount, is_well) = ask(binary, &rig.config, &["recount", "--json"])?;
    if !is_well {
        faults.push(format!("choso recount: {recount}"));
    }
    let (audit, is_well) = ask(binary, &rig.config, &["audit", "verify", "--json"])?;
    if !is_well || !audit["broken"].is_null() {
        faults.push(format!("choso audit verify: {audit}"));
    }
    Ok(faults)
}

impl Round {
    fn json(&self) -> serde_json::Value {
        json!({
            "round": self.number,
            "database": self.database,
            "fault": self.fault.name(),
            "callbacks": self.callbacks,
            "statuses": self.seen.statuses.iter().map(|(s, n)| (s.to_string(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
            "broken_connections": self.seen.broken,
            "posting_us": micros(self.posting),
            "whole_us": micros(self.whole),
            "faults": self.faults,
        })
    }

    fn try_again(&self) -> usize {
        let others = self
            .seen
            .statuses
            .iter()
            .filter(|(status, _)| **status / 100 != 2);
        others.map(|(_, count)| count).sum()
    }
}

fn say(round: &Round) {
    eprintln!(
        "round {:>4}: {:<9}{:<26}{:>5} callbacks, {:>4} told to try again, {:>4} broken off, {:.1} s{}",
        round.number,
        round.database,
        round.fault.name(),
        round.callbacks,
        round.try_again(),
        round.seen.broken,
        round.whole.as_secs_f64(),
        if round.faults.is_empty() { "" } else { ": WRONG" }
    );
}

fn print(rounds: &[Round], args: &TortureArgs, effort: &Effort) {
    let mut kinds: BTreeMap<(&str, Fault), Vec<&Round>> = BTreeMap::new();
    for round in rounds {
        kinds
            .entry((round.database, round.fault))
            .or_default()
            .push(round);
    }
    println!(
        "{:<10}{:<26}{:>7}{:>11}{:>11}{:>12}{:>10}  verdict",
        "database", "fault", "rounds", "callbacks", "try again", "broken off", "longest"
    );
    for ((database, fault), rounds) in kinds {
        let sum = |of: fn(&Round) -> usize| rounds.iter().map(|round| of(round)).sum::<usize>();
        let longest = rounds.iter().map(|round| round.posting).max().unwrap_or_default();
        let is_right = rounds.iter().all(|round| round.faults.is_empty());
        println!(
            "{database:<10}{:<26}{:>7}{:>11}{:>11}{:>12}{:>8.1} s  {}",
            fault.name(),
            rounds.len(),
            sum(|round| round.callbacks),
            sum(Round::try_again),
            sum(|round| round.seen.broken),
            longest.as_secs_f64(),
            if is_right { "right" } else { "WRONG" }
        );
    }
    for round in rounds.iter().filter(|round| !round.faults.is_empty()) {
        for fault in &round.faults {
            println!("FAULT in round {}: {fault}", round.number);
        }
        println!(
            "repeat it: loadtest torture --seed {} --round {} --database {} --fault '{}'",
            args.seed,
            round.number,
            format!("{:?}", args.database).to_lowercase(),
            args.fault
        );
    }
    println!(
        "seed {}; each acknowledged callback is kept exactly once and nothing else is; {}",
        args.seed,
        effort.line()
    );
}

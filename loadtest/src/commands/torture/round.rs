//! One round: a service on a fresh database, callbacks, one fault, and whether everything was kept once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use choso::notice::Sample;
use serde_json::{Value, json};

use super::fault::{Fault, SmallDisk, faketime};
use super::traffic::{Answers, Event, Traffic, events, plan, sent};
use crate::database::{Backend, Cluster, temporary_folder};
use crate::deployment::Deployment;
use crate::error::Result;
use crate::ledger_check::disagreements;
use crate::payment_source::SourceOptions;
use crate::process::{Service, ask};
use crate::proxy::{Proxy, Target};
use crate::report::micros;

/// A round that has not acknowledged everything by then is wrong.
const ROUND_TIMEOUT: Duration = Duration::from_secs(60);
/// Enough households that several receipts of a batch meet in one counter.
const HOUSEHOLDS: usize = 60;
/// Senders at the same time.
const SENDERS: usize = 8;
/// Room for the SQLite database of a round whose disk gets full.
const SQLITE_DISK_MIB: u32 = 48;
/// Room for a whole PostgreSQL cluster whose disk gets full.
const POSTGRES_DISK_MIB: u32 = 400;
/// More than a fresh database has, in blocks of 512 bytes; a round's callbacks do not fit.
const FILE_BLOCKS: u32 = 2_400;
/// Faults that are kept of a round.
const FAULTS_MAX: usize = 20;

/// A round that is over.
pub struct Round {
    pub number: u32,
    pub database: &'static str,
    pub fault: Fault,
    pub callbacks: usize,
    pub answers: Answers,
    /// Until everything was acknowledged.
    pub posting: Duration,
    whole: Duration,
    pub faults: Vec<String>,
}

impl Round {
    pub fn json(&self) -> Value {
        json!({
            "round": self.number,
            "database": self.database,
            "fault": self.fault.name(),
            "callbacks": self.callbacks,
            "statuses": self.answers.statuses.iter().map(|(s, n)| (s.to_string(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
            "broken_connections": self.answers.broken,
            "posting_us": micros(self.posting),
            "whole_us": micros(self.whole),
            "faults": self.faults,
        })
    }

    /// Answers that were no success.
    pub fn try_again(&self) -> usize {
        let all = self.answers.statuses.iter();
        let others = all.filter(|(status, _)| **status / 100 != 2);
        others.map(|(_, count)| count).sum()
    }

    /// One line as soon as it is over.
    pub fn print_line(&self) {
        eprintln!(
            "round {:>4}: {:<9}{:<26}{:>5} callbacks, {:>4} told to try again, {:>4} broken off, {:.1} s{}",
            self.number,
            self.database,
            self.fault.name(),
            self.callbacks,
            self.try_again(),
            self.answers.broken,
            self.whole.as_secs_f64(),
            if self.faults.is_empty() { "" } else { ": WRONG" }
        );
    }
}

/// A PostgreSQL on a small disk.
pub struct SmallPostgres {
    backend: Backend,
    disk: SmallDisk,
}

impl SmallPostgres {
    fn start() -> Result<SmallPostgres> {
        let disk = SmallDisk::mount(POSTGRES_DISK_MIB)?;
        let backend = Backend::Postgres(Cluster::start_in(disk.path())?);
        Ok(SmallPostgres { backend, disk })
    }
}

/// What a round has at hand.
pub struct RoundSetup<'a> {
    pub number: u32,
    pub fault: Fault,
    pub backend: &'a Backend,
    /// Started when it is wanted first.
    pub small_postgres: &'a mut Option<SmallPostgres>,
    pub program: &'a Path,
}

/// What the fault of a round is done to.
struct Running<'a> {
    /// None only while it is started anew.
    service: Option<Service>,
    deployment: &'a Deployment,
    /// Where the service listens.
    port: Arc<AtomicU16>,
    cluster: Option<&'a Cluster>,
    proxy: Option<Proxy>,
    disk: Option<&'a SmallDisk>,
}

/// Everything that was posted.
struct Posted {
    traffic: Arc<Traffic>,
    took: Duration,
}

impl RoundSetup<'_> {
    /// Makes everything, posts while the fault happens, and looks at what was kept.
    pub async fn run(self, random: &mut fastrand::Rng) -> Result<Round> {
        let started = Instant::now();
        let needs_disk = self.fault == Fault::DiskFull;
        let needs_small_postgres = needs_disk && self.backend.cluster().is_some();
        if needs_small_postgres && self.small_postgres.is_none() {
            *self.small_postgres = Some(SmallPostgres::start()?);
        }
        let small_postgres = self.small_postgres.as_ref().filter(|_| needs_small_postgres);
        let own_disk = (needs_disk && !needs_small_postgres)
            .then(|| SmallDisk::mount(SQLITE_DISK_MIB))
            .transpose()?;
        let backend = small_postgres.map_or(self.backend, |small| &small.backend);
        let folder = temporary_folder()?;
        let options = SourceOptions {
            households: HOUSEHOLDS,
            ..SourceOptions::standard(random.u64(..))?
        };
        let place = own_disk.as_ref().map_or(folder.path(), SmallDisk::path);
        let mut deployment = Deployment::new(backend, place, self.program, &options).await?;
        let direct_url = deployment.config.database_url.clone();
        let port = Arc::new(AtomicU16::new(0));
        let proxy = self.proxy(backend, &port, random.u64(..)).await?;
        if let (Fault::CutDatabase, Some(proxy)) = (self.fault, &proxy) {
            deployment.config.database_url = through(proxy, &direct_url);
        }
        let service = self.start(&deployment)?;
        port.store(service.address().port(), Ordering::SeqCst);
        let mut running = Running {
            service: Some(service),
            deployment: &deployment,
            port,
            cluster: backend.cluster(),
            proxy,
            disk: small_postgres.map(|small| &small.disk).or(own_disk.as_ref()),
        };
        let posts = plan(&deployment.source, random);
        let callbacks = posts.len();
        let events = events(&posts);
        let Posted { traffic, took } = self.post(&mut running, posts, random).await?;
        let mut faults = self.wrong_answers(&traffic);
        faults.extend(running.stop()?);
        deployment.config.database_url = direct_url;
        let answers = traffic.answers();
        faults.extend(wrong_ledger(&deployment, &events, &answers).await?);
        faults.extend(own_verdicts(self.program, &deployment)?);
        faults.truncate(FAULTS_MAX);
        if !faults.is_empty() {
            if let Some(disk) = &own_disk {
                disk.save(folder.path())?;
            }
            let folder = folder.keep();
            eprintln!("the files of the wrong round stay in {}", folder.display());
        }
        Ok(Round {
            number: self.number,
            database: backend.name(),
            fault: self.fault,
            callbacks,
            answers,
            posting: took,
            whole: started.elapsed(),
            faults,
        })
    }

    /// What cuts connections, in rounds that want it.
    async fn proxy(&self, backend: &Backend, port: &Arc<AtomicU16>, seed: u64) -> Result<Option<Proxy>> {
        let target = match (self.fault, backend.cluster()) {
            (Fault::CutClients, _) => Target::Port(port.clone()),
            (Fault::CutDatabase, Some(cluster)) => Target::Port(Arc::new(AtomicU16::new(cluster.port()?))),
            _ => return Ok(None),
        };
        Proxy::start(target, seed).await.map(Some)
    }

    fn start(&self, deployment: &Deployment) -> Result<Service> {
        let config = &deployment.config;
        match self.fault {
            Fault::FilesLimited => {
                // The signal is ignored, so that a write beyond the limit fails instead.
                let limited = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$0\" \"$@\"");
                Service::start(self.program, config, &["sh", "-c", &limited], &[])
            }
            Fault::ClockStep => {
                let clock_file = clock_file(deployment).display().to_string();
                let variables = [
                    ("LD_PRELOAD", faketime().unwrap_or_default().to_owned()),
                    ("FAKETIME_TIMESTAMP_FILE", clock_file),
                    ("FAKETIME_NO_CACHE", "1".to_owned()),
                    ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ];
                set_clock(deployment, 0)?;
                Service::start(self.program, config, &[], &variables)
            }
            _ => deployment.serve(),
        }
    }

    /// Posts everything while the fault happens.
    async fn post(
        &self,
        running: &mut Running<'_>,
        posts: Vec<Sample>,
        random: &mut fastrand::Rng,
    ) -> Result<Posted> {
        let started = Instant::now();
        // A cut that comes late would find nothing to cut, and half of them come from the start, while the
        // service still learns who is who; a limit is there from the start.
        let share = match self.fault {
            Fault::FilesLimited => 0,
            Fault::CutClients | Fault::CutDatabase => random.u64(0..2) * random.u64(0..20),
            _ => random.u64(10..70),
        };
        let moment = posts.len() - posts.len() * share as usize / 100;
        let port = match (&running.proxy, self.fault) {
            (Some(proxy), Fault::CutClients) => Arc::new(AtomicU16::new(proxy.address().port())),
            _ => running.port.clone(),
        };
        let traffic = Arc::new(Traffic::new(
            running.deployment.source.clone(),
            posts,
            port,
            started + ROUND_TIMEOUT,
        ));
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let traffic = traffic.clone();
                tokio::spawn(async move { traffic.send().await })
            })
            .collect();
        while traffic.unacknowledged() > moment && started.elapsed() < ROUND_TIMEOUT / 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.inflict(running, random).await?;
        for sender in senders {
            sender.await??;
        }
        Ok(Posted {
            traffic,
            took: started.elapsed(),
        })
    }

    async fn inflict(&self, running: &mut Running<'_>, random: &mut fastrand::Rng) -> Result<()> {
        let pause = Duration::from_millis(random.u64(50..550));
        match self.fault {
            Fault::KillService => running.restart(|service| service.kill(), pause).await?,
            Fault::FilesLimited => {
                tokio::time::sleep(pause).await;
                running
                    .restart(|service| service.stop().map(drop), Duration::ZERO)
                    .await?;
            }
            Fault::KillPostgres => {
                let cluster = running.cluster.ok_or("no cluster")?;
                cluster.crash_server()?;
                tokio::time::sleep(pause).await;
                cluster.start_server()?;
            }
            Fault::DiskFull => {
                let disk = running.disk.ok_or("no small disk")?;
                disk.fill()?;
                tokio::time::sleep(pause).await;
                disk.free()?;
                // PostgreSQL may have given up; then somebody starts it again.
                if let Some(cluster) = running.cluster {
                    cluster.start_server()?;
                }
            }
            Fault::CutClients | Fault::CutDatabase => {
                let proxy = running.proxy.as_ref().ok_or("no proxy")?;
                proxy.cut(true);
                tokio::time::sleep(pause).await;
                proxy.cut(false);
            }
            Fault::ClockStep => {
                let minutes = if random.bool() { 10 } else { -10 };
                set_clock(running.deployment, minutes)?;
                tokio::time::sleep(pause).await;
                set_clock(running.deployment, 0)?;
            }
        }
        Ok(())
    }

    /// Only "try again" is said while something is broken, and everything is acknowledged in the end.
    fn wrong_answers(&self, traffic: &Traffic) -> Vec<String> {
        let mut faults = Vec::new();
        if traffic.unacknowledged() > 0 {
            let within = ROUND_TIMEOUT.as_secs();
            faults.push(format!(
                "{} callbacks were not acknowledged within {within} s",
                traffic.unacknowledged()
            ));
        }
        for (status, count) in traffic.answers().statuses {
            // A signature is too old or too new for a clock that is ten minutes off.
            let is_stale = status == 401 && self.fault == Fault::ClockStep;
            if status != 204 && status != 503 && !is_stale {
                faults.push(format!("{count} callbacks were answered {status}"));
            }
        }
        faults
    }
}

impl Running<'_> {
    /// Ends the service this way and starts it again, as a supervisor would.
    async fn restart(&mut self, end: impl FnOnce(Service) -> Result<()>, pause: Duration) -> Result<()> {
        end(self.service.take().ok_or("no service")?)?;
        tokio::time::sleep(pause).await;
        let service = self.deployment.serve()?;
        self.port.store(service.address().port(), Ordering::SeqCst);
        self.service = Some(service);
        Ok(())
    }

    /// Stops everything; what there is to say against how the service ended.
    fn stop(self) -> Result<Option<String>> {
        self.service.ok_or("no service")?.stop_or_fault()
    }
}

/// The address of the database behind a proxy.
fn through(proxy: &Proxy, direct_url: &str) -> String {
    let (account, place) = direct_url.split_once('@').unwrap_or_default();
    let database = place.rsplit('/').next().unwrap_or_default();
    format!("{account}@{}/{database}", proxy.address())
}

/// Where the ledger does not hold each event once, or lacks one that was acknowledged.
async fn wrong_ledger(
    deployment: &Deployment,
    events: &BTreeMap<Event, i64>,
    answers: &Answers,
) -> Result<Vec<String>> {
    let mut faults = disagreements(&deployment.recount().await?, &sent(events));
    for (reason, count) in deployment.waiting().await? {
        faults.push(format!("{count} events wait for a person: {reason}"));
    }
    let kept = deployment.kept().await?;
    for (event, count) in &kept {
        let is_sent = events.contains_key(event);
        if *count != 1 || !is_sent {
            faults.push(format!("{event:?} is kept {count} times, sent: {is_sent}"));
        }
    }
    for event in &answers.acknowledged {
        if !kept.contains_key(event) {
            faults.push(format!("{event:?} was acknowledged and is not kept"));
        }
    }
    Ok(faults)
}

fn clock_file(deployment: &Deployment) -> PathBuf {
    deployment.config.key_file.with_extension("clock")
}

fn set_clock(deployment: &Deployment, minutes: i32) -> Result<()> {
    Ok(std::fs::write(clock_file(deployment), format!("{minutes:+}m\n"))?)
}

/// What `choso recount` and `choso audit verify` say of it.
fn own_verdicts(program: &Path, deployment: &Deployment) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let (recount, is_well) = ask(program, &deployment.config, &["recount", "--json"])?;
    if !is_well {
        faults.push(format!("choso recount: {recount}"));
    }
    let (audit, is_well) = ask(program, &deployment.config, &["audit", "verify", "--json"])?;
    if !is_well || !audit["broken"].is_null() {
        faults.push(format!("choso audit verify: {audit}"));
    }
    Ok(faults)
}

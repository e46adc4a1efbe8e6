//! A fresh database with its cast, a service that runs on it as a process of its own, and the verdict:
//! what the ledger holds against what was sent.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use choso::config::Config;
use choso::ledger::LedgerNo;
use choso::notice::{NoticeKind, Received, Scheme};
use choso::store::{Recount, StateTotal, Store};

use crate::Result;
use crate::process::Service;
use crate::setup::{Cast, Databases};

/// Links of the chain of evidence that are read at once.
const LINKS_AT_ONCE: i64 = 64;

/// A database that was made for a run, and what is needed to serve it.
pub struct Rig {
    /// Settings of the service.
    pub config: Config,
    /// Who signs and who is paid.
    pub cast: Arc<Cast>,
    binary: PathBuf,
}

impl Rig {
    /// Makes a fresh database with its register; all files lie in `folder`.
    pub async fn new(
        databases: &Databases,
        folder: &Path,
        binary: &Path,
        scheme: &'static Scheme,
        households: usize,
        seed: u64,
    ) -> Result<Rig> {
        let config = databases.config(folder, None)?;
        let store = Store::open(&config.database_url).await?;
        let cast = Cast::fill(&store, &config.sealing_key()?, scheme, households, seed).await;
        store.close().await;
        Ok(Rig {
            config,
            cast: Arc::new(cast?),
            binary: binary.to_owned(),
        })
    }

    /// Starts a service on it.
    pub fn serve(&self) -> Result<Service> {
        Service::start(&self.binary, &self.config, &[], &[])
    }

    /// Counts everything anew.
    pub async fn recount(&self) -> Result<Recount> {
        let store = Store::open(&self.config.database_url).await?;
        let recount = store.recount().await;
        store.close().await;
        Ok(recount?)
    }

    /// Why notices wait for a person, and how many for each reason.
    pub async fn waiting(&self) -> Result<BTreeMap<String, usize>> {
        let store = Store::open(&self.config.database_url).await?;
        let waiting = store.waiting_notices(None, 10_000).await;
        store.close().await;
        let mut reasons = BTreeMap::new();
        for notice in waiting? {
            *reasons.entry(notice.reason).or_default() += 1;
        }
        Ok(reasons)
    }

    /// How often each event was kept, by its kind and the provider's transaction id. Read from the kept
    /// callbacks themselves, each proven again: nothing else of the program is believed.
    pub async fn kept(&self) -> Result<HashMap<(NoticeKind, String), usize>> {
        let store = Store::open(&self.config.database_url).await?;
        let kept = kept(&store, &self.cast).await;
        store.close().await;
        kept
    }
}

async fn kept(store: &Store, cast: &Cast) -> Result<HashMap<(NoticeKind, String), usize>> {
    let mut all = HashMap::new();
    let mut heard = LedgerNo::default();
    loop {
        let rows = store.evidence_after(heard, LINKS_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        heard = last.batch_no;
        for row in &rows {
            for callback in row.kept_callbacks()?.unwrap_or_default() {
                let received = callback.receive(cast.provider());
                let Ok(Received::Notices(delivery)) = received else {
                    return Err(format!("a kept callback does not prove itself: {received:?}").into());
                };
                for item in delivery.items {
                    *all.entry((item.kind, item.provider_txn_id)).or_default() += 1;
                }
            }
        }
    }
}

/// What was accepted of what was sent; every event goes to a registered account, so every one has to be
/// posted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// Payments and refunds.
    pub events: i64,
    /// What they state together, đồng.
    pub amount_vnd: i64,
    /// Those that are payments.
    pub payments: i64,
    /// Callbacks that were sent again; none where answers were lost, so that nobody knows.
    pub repeats: Option<i64>,
}

/// Where the ledger says something else than what was sent; empty when all is well.
pub fn disagreements(recount: &Recount, sent: &Sent) -> Vec<String> {
    let wanted = StateTotal {
        count: sent.events,
        amount_vnd: sent.amount_vnd,
    };
    let mut faults = Vec::new();
    for (what, found) in [
        ("received", recount.totals.received),
        ("posted", recount.totals.posted),
    ] {
        if found != wanted {
            faults.push(format!(
                "{what}: the ledger has {} of {} đồng, {} of {} đồng were accepted",
                found.count, found.amount_vnd, wanted.count, wanted.amount_vnd
            ));
        }
    }
    if recount.receipts != sent.payments {
        faults.push(format!(
            "{} receipts for {} payments",
            recount.receipts, sent.payments
        ));
    }
    if let Some(repeats) = sent.repeats.filter(|repeats| *repeats != recount.totals.repeats) {
        faults.push(format!(
            "{} repeats were counted, {repeats} were sent",
            recount.totals.repeats
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

//! A fresh database with a register and a provider, which the finished program serves as a process of its
//! own, and what its ledger holds in the end.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use choso::clock::now;
use choso::config::Config;
use choso::intake::KeyFile;
use choso::ledger::LedgerNo;
use choso::notice::{NoticeKind, Received};
use choso::store::{Recount, Store};

use crate::database::Backend;
use crate::error::Result;
use crate::payment_source::{PaymentSource, SourceOptions};
use crate::process::Service;

/// Links of the chain of evidence that are read at once.
const LINKS_AT_ONCE: i64 = 64;

/// A database that was made for a run, and what is needed to serve it.
pub struct Deployment {
    pub config: Config,
    /// Who signs and who is paid.
    pub source: Arc<PaymentSource>,
    program: PathBuf,
}

impl Deployment {
    /// Makes a fresh database with its register; all files lie in `folder`.
    pub async fn new(
        backend: &Backend,
        folder: &Path,
        program: &Path,
        options: &SourceOptions,
    ) -> Result<Deployment> {
        let config = backend.config(folder, None)?;
        let store = Store::open(&config.database_url).await?;
        let key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
        let source = PaymentSource::register(&store, &key, options).await;
        store.close().await;
        Ok(Deployment {
            config,
            source: Arc::new(source?),
            program: program.to_owned(),
        })
    }

    pub fn serve(&self) -> Result<Service> {
        Service::start(&self.program, &self.config, &[], &[])
    }

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
        let kept = kept(&store, &self.source).await;
        store.close().await;
        kept
    }
}

async fn kept(store: &Store, source: &PaymentSource) -> Result<HashMap<(NoticeKind, String), usize>> {
    let mut all = HashMap::new();
    let mut read_to = LedgerNo::default();
    loop {
        let rows = store.evidence_after(read_to, LINKS_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        read_to = last.batch_no;
        for row in &rows {
            for callback in row.kept_callbacks()?.unwrap_or_default() {
                let received = callback.receive(source.provider());
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

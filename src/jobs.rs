//! What is to be done now and then. Each job is one public step, so that a test can take it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::now;
use crate::intake::ProviderHealth;
use crate::store::{Store, StoreError};
use crate::vn::TimeMs;

/// How often the counts of providers are added to the database.
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// Every so many of these, the ledger is tended.
const LEDGER_EVERY: u32 = 6;

/// Makes partitions ahead, takes receipts into the day counters, and joins runs of traces.
pub async fn tend_ledger(store: &Store, now: TimeMs) -> Result<(), StoreError> {
    store.make_partitions(now).await?;
    store.count_receipts().await?;
    while store.merge_runs().await? {
        tracing::info!("runs of traces joined");
    }
    Ok(())
}

/// Runs the jobs until it is told to stop; adds the last counts before it ends.
pub fn start(store: Arc<Store>, health: Arc<ProviderHealth>) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, mut stopped) = oneshot::channel();
    let handle = tokio::spawn(async move {
        let mut round = 0u32;
        loop {
            if round.is_multiple_of(LEDGER_EVERY)
                && let Err(error) = tend_ledger(&store, now()).await
            {
                tracing::warn!(%error, "the ledger could not be tended; it is tried again");
            }
            round = round.wrapping_add(1);
            let is_over = tokio::time::timeout(HEALTH_EVERY, &mut stopped).await.is_ok();
            if let Err(error) = health.flush(&store).await {
                tracing::warn!(%error, "counts of providers could not be added; they are kept");
            }
            if is_over {
                return;
            }
        }
    });
    (stop, handle)
}

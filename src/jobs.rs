//! What is to be done now and then. Each job is one public step, so that a test can take it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::now;
use crate::config::Config;
use crate::intake::ProviderHealth;
use crate::settlement::{ImportError, PickUpRound, PickedUp, PickedUpEnd, pick_up_statements, post_unheard};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::vn::{SetTimes, TimeMs, WorkingCalendar};

/// How often the counts of providers are added to the database.
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// Every so many of these, the ledger is tended.
const LEDGER_EVERY: u32 = 6;
/// How often it is looked whether a round of statements is due; also the time between two tries.
const STATEMENTS_EVERY: Duration = Duration::from_secs(60);
/// Tries after a round that came to nothing: half an hour, longer than any import. Then the next set time is waited
/// for.
const TRIES_MAX: u32 = 30;
/// Names in the inbox that were told of and are not told again.
const STRANGERS_MAX: usize = 1_000;

/// Makes partitions ahead, takes receipts into the day counters, and joins runs of traces.
pub async fn tend_ledger(store: &Store, now: TimeMs) -> Result<(), StoreError> {
    store.make_partitions(now).await?;
    store.count_receipts().await?;
    while store.merge_runs().await? {
        tracing::info!("runs of traces joined");
    }
    Ok(())
}

/// Posts what stopped imports left: payments that a kept statement knows and that the ledger was not given. How
/// many receipts came of it. A provider whose rows cannot be posted does not keep the others out; its error is told
/// at the end.
pub async fn finish_statements(store: &Store, now: TimeMs) -> Result<usize, ImportError> {
    let mut posted = Ok(0);
    for provider in store.providers(now).await? {
        match post_unheard(store, &provider.provider_id, None, now, |_| {}).await {
            Ok(receipts) => posted = posted.map(|before| before + receipts),
            Err(error) => posted = Err(error),
        }
    }
    posted
}

/// When rounds of statements are due: at each set time, at once when the process starts, and a little later again
/// while a round wants it.
///
/// The start is always one: the last set time before it may have been missed, and no record is needed to
/// know what was done then, since what was done is no longer in the inbox. Whoever put a file there meanwhile finds
/// it taken in earlier than promised, never later.
#[derive(Debug, Clone)]
pub struct StatementRounds {
    times: SetTimes,
    /// The set time that the last round was for.
    served: Option<TimeMs>,
    tries_left: u32,
}

impl StatementRounds {
    /// Of a process that has just started.
    pub fn new(times: SetTimes) -> StatementRounds {
        StatementRounds {
            times,
            served: None,
            tries_left: 0,
        }
    }

    /// Whether a round is to begin now. A clock that is put back brings no time twice.
    pub fn is_due(&self, now: TimeMs) -> bool {
        self.tries_left > 0 || self.served.is_none_or(|served| self.times.latest(now) > served)
    }

    /// A round that began then is over. Tries are counted as long as they come to nothing.
    pub fn ended(&mut self, begun: TimeMs, moved: usize, is_to_repeat: bool) {
        let latest = self.times.latest(begun);
        let is_first = self.served.is_none_or(|served| latest > served);
        self.served = self.served.max(Some(latest));
        self.tries_left = if !is_to_repeat {
            0
        } else if is_first || moved > 0 {
            TRIES_MAX
        } else {
            self.tries_left.saturating_sub(1)
        };
    }
}

/// Runs the jobs until it is told to stop; adds the last counts before it ends.
pub fn start(
    config: &Config,
    store: Arc<Store>,
    health: Arc<ProviderHealth>,
    metrics: Arc<Metrics>,
) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, mut stopped) = oneshot::channel();
    let inbox = config.statement_inbox.clone();
    let times = config.statement_inbox_times.clone();
    let calendar = config.calendar.clone();
    let handle = tokio::spawn(async move {
        // Beside the others: a folder on another machine may take its time.
        let statements = tokio::spawn(tend_statements(store.clone(), inbox, times, calendar, metrics));
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
                // An import that is cut counts for nothing; its file is still in the inbox, and the next start takes
                // it.
                statements.abort();
                let _ = statements.await;
                return;
            }
        }
    });
    (stop, handle)
}

async fn tend_statements(
    store: Arc<Store>,
    inbox: Option<PathBuf>,
    times: SetTimes,
    calendar: WorkingCalendar,
    metrics: Arc<Metrics>,
) {
    let mut rounds = StatementRounds::new(times);
    let mut strangers = BTreeSet::new();
    loop {
        let begun = now();
        if rounds.is_due(begun) {
            let mut is_to_repeat = false;
            match finish_statements(&store, begun).await {
                Ok(0) => {}
                Ok(receipts) => tracing::info!(receipts, "posted what a stopped import had left"),
                Err(error) => {
                    tracing::warn!(%error, "what a stopped import left could not be posted; it is tried again");
                    is_to_repeat = true;
                }
            }
            let round = match &inbox {
                Some(inbox) => picked_up(&store, inbox, &calendar, &metrics).await,
                None => PickUpRound::default(),
            };
            for name in round.strangers {
                if strangers.len() < STRANGERS_MAX && strangers.insert(name.clone()) {
                    tracing::warn!(?name, "in the inbox of statements, and no folder of a provider");
                }
            }
            rounds.ended(begun, round.moved, is_to_repeat || round.is_to_repeat);
        }
        tokio::time::sleep(STATEMENTS_EVERY).await;
    }
}

/// A round through the inbox, told to log and metrics.
async fn picked_up(
    store: &Store,
    inbox: &Path,
    calendar: &WorkingCalendar,
    metrics: &Metrics,
) -> PickUpRound {
    let told = |file: &PickedUp| {
        let provider = file.provider_id.as_str();
        let name = file.name.as_str();
        match &file.end {
            PickedUpEnd::Taken(taken) => {
                let totals = &taken.totals;
                tracing::info!(
                    provider,
                    ?name,
                    rows = totals.rows.0,
                    repeated = totals.repeated.0,
                    bad = totals.bad,
                    posted = taken.posted,
                    "a statement was picked up"
                );
                metrics.statement(provider, "taken");
            }
            PickedUpEnd::Known {
                imported_by,
                imported_at,
            } => {
                let at = imported_at.show();
                tracing::info!(
                    provider,
                    ?name,
                    by = imported_by,
                    at,
                    "a statement that was taken in before"
                );
                metrics.statement(provider, "known");
            }
            PickedUpEnd::Refused(reason) => {
                tracing::warn!(provider, ?name, reason, "a statement is refused");
                metrics.statement(provider, "refused");
            }
            PickedUpEnd::Left(reason) => {
                tracing::warn!(
                    provider,
                    ?name,
                    reason,
                    "a statement stays in the inbox and is tried again"
                );
            }
        }
    };
    match pick_up_statements(store, inbox, calendar, now, told).await {
        Ok(round) => round,
        Err(error) => {
            tracing::warn!(%error, "the inbox of statements could not be gone through; it is tried again");
            PickUpRound {
                is_to_repeat: true,
                ..PickUpRound::default()
            }
        }
    }
}

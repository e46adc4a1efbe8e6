//! Jobs that run beside the requests: upkeep of the ledger, counts of providers, the inbox of statements, the banks
//! file. Each is one public step, so that a test can take it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::bank_directory::BankDirectory;
use crate::clock::now;
use crate::config::Config;
use crate::intake::ProviderHealth;
use crate::settlement::{
    ImportError, PickUp, PickUpRound, PickedUp, PickedUpEnd, Reconciler, pick_up_statements,
};
use crate::store::{Store, StoreError};
use crate::task::Task;
use crate::telemetry::Metrics;
use crate::turns::Turns;
use crate::vn::{SetTimes, TimeMs, WorkingCalendar};
use crate::words::INBOX_WORDS;

/// How often the counts of providers are added to the database.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// Every so many of these, the ledger is maintained.
const LEDGER_HEALTH_INTERVALS: u32 = 6;
/// How often it is looked whether a round of statements is due; also the time between two tries.
const STATEMENTS_INTERVAL: Duration = Duration::from_secs(60);
/// How often it is looked whether the banks file has changed.
const BANKS_INTERVAL: Duration = Duration::from_secs(5);
/// Tries after a round that came to nothing: half an hour, longer than any import. Then the next set time is waited
/// for.
const TRIES_MAX: u32 = 30;
/// Names in the inbox that were logged and are not logged again.
const UNKNOWN_NAMES_MAX: usize = 1_000;

/// Makes partitions ahead, takes receipts into the day counters, and joins runs of traces.
pub async fn maintain_ledger(store: &Store, now: TimeMs) -> Result<(), StoreError> {
    store.make_partitions(now).await?;
    store.count_receipts().await?;
    while store.merge_runs().await? {
        tracing::info!("runs of traces joined");
    }
    Ok(())
}

/// Posts what stopped imports left: payments that a kept statement knows and that the ledger was not given. How
/// many receipts came of it. A provider whose rows cannot be posted does not keep the others out; its error is told
/// at the end. An import that is under way posts its own rows, and is waited for.
pub async fn finish_statements(reconciler: Reconciler<'_>, turns: &Turns) -> Result<usize, ImportError> {
    let mut posted = Ok(0);
    for provider in reconciler.store.providers(reconciler.now).await? {
        let _turn = turns.import.wait().await;
        match reconciler.post_from_statement(&provider.provider_id, None).await {
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

/// What the jobs work with.
#[derive(Clone)]
pub struct Jobs {
    pub store: Arc<Store>,
    pub health: Arc<ProviderHealth>,
    pub metrics: Arc<Metrics>,
    pub banks: Arc<BankDirectory>,
    pub turns: Arc<Turns>,
}

impl Jobs {
    /// Runs the jobs until they are told to stop; the last counts are added before that ends.
    pub fn start(self, config: &Config) -> Task {
        let inbox = config.statement_inbox.clone();
        let rounds = StatementRounds::new(config.statement_inbox_times.clone());
        let calendar = config.calendar.clone();
        Task::start("jobs", |stop| async move {
            // Beside the others: a folder on another machine may take its time.
            let jobs = self.clone();
            let statements = tokio::spawn(async move { jobs.statements(inbox, rounds, calendar).await });
            let banks = tokio::spawn(reread_banks(self.banks.clone()));
            self.ledger_and_health(&stop).await;
            // An import that is cut counts for nothing; its file is still in the inbox, and the next start takes it.
            for job in [statements, banks] {
                job.abort();
                let _ = job.await;
            }
        })
    }

    async fn ledger_and_health(&self, stop: &CancellationToken) {
        let mut round = 0u32;
        loop {
            if round.is_multiple_of(LEDGER_HEALTH_INTERVALS)
                && let Err(error) = maintain_ledger(&self.store, now()).await
            {
                tracing::warn!(%error, "the ledger could not be maintained; it is tried again");
            }
            round = round.wrapping_add(1);
            let is_over = tokio::time::timeout(HEALTH_INTERVAL, stop.cancelled())
                .await
                .is_ok();
            if let Err(error) = self.health.flush(&self.store).await {
                tracing::warn!(%error, "counts of providers could not be added; they are kept");
            }
            if is_over {
                return;
            }
        }
    }

    async fn statements(
        &self,
        inbox: Option<PathBuf>,
        mut rounds: StatementRounds,
        calendar: WorkingCalendar,
    ) {
        let mut unknown_names = BTreeSet::new();
        loop {
            let begun = now();
            if rounds.is_due(begun) {
                let mut is_to_repeat = false;
                let reconciler = Reconciler {
                    store: &self.store,
                    calendar: &calendar,
                    now: begun,
                };
                match finish_statements(reconciler, &self.turns).await {
                    Ok(0) => {}
                    Ok(receipts) => tracing::info!(receipts, "posted what a stopped import had left"),
                    Err(error) => {
                        tracing::warn!(%error, "what a stopped import left could not be posted; it is tried again");
                        is_to_repeat = true;
                    }
                }
                let round = match &inbox {
                    Some(inbox) => self.pick_up(inbox, &calendar).await,
                    None => PickUpRound::default(),
                };
                for name in round.unknown_names {
                    if unknown_names.len() < UNKNOWN_NAMES_MAX && unknown_names.insert(name.clone()) {
                        tracing::warn!(?name, "in the inbox of statements, and no folder of a provider");
                    }
                }
                rounds.ended(begun, round.moved, is_to_repeat || round.is_to_repeat);
            }
            tokio::time::sleep(STATEMENTS_INTERVAL).await;
        }
    }

    /// A round through the inbox; log and metrics hear of each file.
    async fn pick_up(&self, inbox: &Path, calendar: &WorkingCalendar) -> PickUpRound {
        let round = PickUp {
            store: &self.store,
            inbox,
            calendar,
            turns: &self.turns,
            words: &INBOX_WORDS,
        };
        match pick_up_statements(round, now, |file| record(file, &self.metrics)).await {
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
}

async fn reread_banks(banks: Arc<BankDirectory>) {
    while banks.has_file() {
        tokio::time::sleep(BANKS_INTERVAL).await;
        let banks = banks.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || banks.read_if_changed()).await {
            tracing::error!(%error, "reading the banks file ended badly");
        }
    }
}

/// Tells log and metrics what became of a file of the inbox.
fn record(file: &PickedUp, metrics: &Metrics) {
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
        PickedUpEnd::Unpacked(files) => {
            tracing::info!(provider, ?name, files, "an archive of statements was unpacked");
            metrics.statement(provider, "unpacked");
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
}

//! A provider as it behaves: signed callbacks of any profile, posted over real HTTP on a schedule that
//! does not wait for answers, with the faults that real providers have: repeats, disorder, delays, lost
//! notices, refunds before their payments, and strangers who cannot sign.
//!
//! What an answer means is asked of the protocol itself ([`Provider::answer`]), so there is no second
//! table of the providers' words. Requests are made one by one, each signed when it is sent: a retry
//! carries a fresh time where the scheme signs one, and an event says the same at every try.

mod invented;
mod plan;
mod post;
mod schedule;
mod totals;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::clock::now;
use crate::notice::{Provider, Received, Sample, SampleKind, Secrets};
use crate::store::{Store, StoreError};
use crate::vn::{Dong, TimeMs};
use plan::Plan;
use post::Sender;
use schedule::{Attempt, Schedule};
use totals::Tally;

pub use invented::InventedStall;
pub use plan::{Late, Mix, Share, ShareError, posting_order};
pub use totals::{Answers, Counted, Latency, Totals, Unexpected, percentile};

/// Most events of one run: a city's day twice over.
pub const COUNT_MAX: u32 = 5_000_000;
/// Most connections, each with one request under way.
pub const CONNECTIONS_MAX: usize = 256;
/// Bank, account and stall code of nobody: the code's check character is wrong.
const NOBODY: (&str, &str, &str) = ("970415", "SIM99999999", "SAAAAAAA");
/// How long after its last scheduled moment a run is given up, whatever is still to be sent.
const OVERTIME: Duration = Duration::from_secs(120);

/// Somebody who is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Six digits of the bank.
    pub bank_bin: String,
    pub account_number: String,
    /// The stall's code, carried wherever the scheme has room for it.
    pub stall_code: String,
}

impl Payee {
    /// Everybody on the register.
    pub async fn registered(store: &Store) -> Result<Vec<Payee>, StoreError> {
        let rows = store.linked_accounts().await?;
        let payee = |(bank_bin, account_number, stall_code)| Payee {
            bank_bin,
            account_number,
            stall_code,
        };
        Ok(rows.into_iter().map(payee).collect())
    }

    /// A payment to them under this number; the provider's ids are made of it.
    pub fn payment(&self, number: u64, amount: Dong, occurred_at: TimeMs) -> Sample {
        Sample {
            kind: SampleKind::Payment,
            number,
            payment_number: number,
            amount,
            bank_bin: self.bank_bin.clone(),
            account_number: self.account_number.clone(),
            stall_code: self.stall_code.clone(),
            occurred_at,
        }
    }

    /// Somebody who is not on the register.
    fn nobody() -> Payee {
        Payee {
            bank_bin: NOBODY.0.to_owned(),
            account_number: NOBODY.1.to_owned(),
            stall_code: NOBODY.2.to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests begun in a second, whatever the answers do.
    pub rate_per_s: u32,
    /// Requests that may be under way together. When all are, the schedule falls behind, and the totals
    /// say by how much.
    pub connections: usize,
}

/// Why nothing can be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The address cannot be used.
    #[error("«{0}» is no address this command posts to; wanted http://HOST:PORT")]
    Url(String),
    #[error("there is no payee account; import a register first, or name some with --accounts FILE")]
    NoPayee,
    /// The shares leave no room for payments.
    #[error("missing, wrong signatures, reversals, failed and unknown accounts add up to more than 100%")]
    Shares,
    /// The scheme has no such notice, or the key cannot sign.
    #[error("{provider} cannot send this ({kind}): {because}")]
    Compose {
        provider: String,
        /// what was to be sent
        kind: &'static str,
        because: String,
    },
    /// The login was refused.
    #[error("the login was refused: {0}")]
    Login(String),
    /// No thread could be started.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// Who posts, to whom, about whom.
#[derive(Debug)]
pub struct Simulation {
    provider: Provider,
    sender: Sender,
    payees: Vec<Payee>,
}

impl Simulation {
    /// Of a provider with the key it signs with, at the service behind this address.
    pub fn new(
        provider: Provider,
        secrets: &Secrets,
        url: &str,
        payees: Vec<Payee>,
        connections: usize,
    ) -> Result<Simulation, SimulateError> {
        if payees.is_empty() {
            return Err(SimulateError::NoPayee);
        }
        let is_ours = url.strip_prefix("http://").is_some_and(|host| !host.is_empty());
        if !is_ours {
            return Err(SimulateError::Url(url.to_owned()));
        }
        let callback = format!("{}/callbacks/{}", url.trim_end_matches('/'), provider.id());
        let sender = Sender::new(callback, provider.scheme(), secrets, connections);
        Ok(Simulation {
            provider,
            sender,
            payees,
        })
    }

    /// Posts the mix at this pace until it is done, too late, or told to stop. `on_answer` is
    /// called at each answer with the number of planned posts.
    pub fn run(
        &self,
        mix: &Mix,
        pace: Pace,
        stop: &AtomicBool,
        on_answer: &(dyn Fn(usize) + Sync),
    ) -> Result<Totals, SimulateError> {
        let plan = Plan::new(mix, pace.rate_per_s, self.payees.len()).ok_or(SimulateError::Shares)?;
        self.rehearse(mix)?;
        self.sender.log_in().map_err(SimulateError::Login)?;
        let run = Run {
            simulation: self,
            plan: &plan,
            seed: mix.seed,
            started_at: now(),
            accepted: (0..plan.events.len()).map(|_| AtomicBool::new(false)).collect(),
        };
        let schedule = Schedule::new(&plan.posts, OVERTIME, stop);
        let connections = pace.connections.clamp(1, CONNECTIONS_MAX);
        let started = Instant::now();
        let tally = std::thread::scope(|scope| {
            let mut workers = Vec::with_capacity(connections);
            for _ in 0..connections.min(plan.posts.len()) {
                let work = || run.work(&schedule, on_answer);
                match std::thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(worker) => workers.push(worker),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            let mut all = Tally::default();
            for worker in workers {
                all.add(worker.join().unwrap_or_default());
            }
            Ok(all)
        })?;
        let was_stopped = stop.load(Ordering::Relaxed);
        Ok(tally.totals(&plan, schedule.unsent(), was_stopped, started.elapsed()))
    }

    /// Whether the scheme has every kind of notice that is wanted, and what is sent reads back.
    fn rehearse(&self, mix: &Mix) -> Result<(), SimulateError> {
        let wanted = [
            ("payment", SampleKind::Payment, true),
            ("refund", SampleKind::Refund, mix.reversals != Share::default()),
            (
                "failed payment",
                SampleKind::Failed,
                mix.failed != Share::default(),
            ),
        ];
        for (word, kind, _) in wanted.into_iter().filter(|(_, _, is_wanted)| *is_wanted) {
            let at = now();
            let sample = Sample {
                kind,
                payment_number: event_number(at, 1),
                ..self.payees[0].payment(event_number(at, 0), Dong::new(10_000), at)
            };
            let composed = self.provider.compose(&sample, at).and_then(|out| {
                out.with_request(|request| self.provider.receive(request, Some(at)))
                    .map_err(|refusal| refusal.to_string())
            });
            let because = match composed {
                Ok(Received::Notices(_)) => continue,
                Ok(Received::Token(_)) => "made a login of it".to_owned(),
                Err(because) => because,
            };
            return Err(SimulateError::Compose {
                provider: format!("{:?}", self.provider.scheme()),
                kind: word,
                because,
            });
        }
        Ok(())
    }
}

/// A number of its own for each event, also beside those of a run that began earlier: room for a hundred
/// in each millisecond since the end of 2023.
pub fn event_number(started_at: TimeMs, event: usize) -> u64 {
    let since_ms = started_at.0.saturating_sub(1_700_000_000_000).max(0);
    u64::try_from(since_ms).unwrap_or_default() * 100 + event as u64
}

/// What all workers of a run look at.
struct Run<'a> {
    simulation: &'a Simulation,
    plan: &'a Plan,
    seed: u64,
    started_at: TimeMs,
    /// By event: whether the service has told success once.
    accepted: Vec<AtomicBool>,
}

impl Run<'_> {
    fn work(&self, schedule: &Schedule<'_>, on_answer: &(dyn Fn(usize) + Sync)) -> Tally {
        let mut tally = Tally::default();
        while let Some(attempt) = schedule.take() {
            let again = self.post(attempt, schedule, &mut tally);
            if !again {
                on_answer(self.plan.posts.len());
            }
            schedule.done(again.then_some(attempt));
        }
        tally
    }

    /// Posts once; whether the provider would post it again.
    fn post(&self, attempt: Attempt, schedule: &Schedule<'_>, tally: &mut Tally) -> bool {
        let event = &self.plan.events[attempt.event as usize];
        tally.began(event, attempt, schedule.late_us(attempt));
        let simulation = self.simulation;
        let sample = self.sample(attempt.event as usize);
        let composed = simulation
            .provider
            .compose(&sample, now())
            .and_then(|out| simulation.sender.authorized(out));
        let outgoing = match composed {
            Ok(outgoing) => outgoing,
            Err(because) => return tally.unanswered(event, &because, attempt.is_last_try()),
        };
        let sent = if !event.is_forged {
            simulation.sender.send(&outgoing)
        } else {
            let seed = self.seed ^ u64::from(attempt.event);
            match post::forge(&simulation.provider, &outgoing, seed) {
                Some(forged) => simulation.sender.send(&forged),
                None => Err("no way was found to break its proof".to_owned()),
            }
        };
        let (status, body) = match sent {
            Ok(answer) => answer,
            Err(because) => return tally.unanswered(event, &because, attempt.is_last_try()),
        };
        let took_us = schedule.late_us(attempt);
        let meaning = post::meaning(&simulation.provider, &outgoing, status, &body);
        let is_first =
            meaning.is_kept && !self.accepted[attempt.event as usize].swap(true, Ordering::Relaxed);
        let answer = totals::Answer {
            status,
            body,
            took_us,
            is_first,
            is_last_try: attempt.is_last_try(),
        };
        tally.answered(event, &meaning, answer)
    }

    fn sample(&self, index: usize) -> Sample {
        let event = &self.plan.events[index];
        let occurred_at = TimeMs(self.started_at.0 + i64::from(event.occurred_ms));
        let number = event_number(self.started_at, index);
        let paid_to = |payee: &Payee| payee.payment(number, event.amount, occurred_at);
        let payee = self.simulation.payees.get(event.payee as usize);
        Sample {
            kind: event.kind,
            payment_number: event_number(self.started_at, event.payment as usize),
            ..payee.map_or_else(|| paid_to(&Payee::nobody()), paid_to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::StallCode;

    #[test]
    fn nobody_can_have_the_code_of_nobody() {
        assert!(StallCode::parse(NOBODY.2).is_err());
    }

    #[test]
    fn events_of_later_runs_have_other_numbers() {
        let first = TimeMs(1_795_000_000_000);
        assert!(event_number(first, 99) < event_number(TimeMs(first.0 + 1), 0));
        // The ids that are made of it stay whole numbers in every language.
        assert!(event_number(first, COUNT_MAX as usize) < 1 << 53);
    }
}

//! Payments posted to a service in this process as fast as it answers: each connection posts the next one
//! when it has its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use choso::app::App;
use choso::clock::now;
use choso::store::Recount;

use crate::client::{Outcome, post_all};
use crate::error::Result;
use crate::ledger_check::Sent;
use crate::machine::{CpuTime, Memory};
use crate::payment_source::{IdOrder, PaymentSource};

/// A phase that is over.
pub struct Phase {
    pub name: &'static str,
    /// What the client saw.
    pub outcome: Outcome,
    /// How long the requests took to make and sign, before the clock started.
    pub preparing: Duration,
    /// Processor time while it was posting.
    pub cpu: CpuTime,
    /// Memory of this process.
    pub memory: Memory,
    pub sent: Sent,
    /// What the ledger says afterwards, where it was asked.
    pub recount: Option<Recount>,
    /// Where ledger and client disagree, and answers that are no success; empty when all is well.
    pub faults: Vec<String>,
}

impl Phase {
    /// Processor time of this process for a callback, client and service.
    pub fn cpu_us_each(&self) -> u64 {
        self.cpu.own_us() / (self.outcome.latencies_us.len() as u64).max(1)
    }
}

/// How a phase is posted.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub callbacks: u32,
    /// How their numbers follow each other.
    pub ids: IdOrder,
    /// Connections that each wait for their answer before they post again.
    pub connections: usize,
    pub client_threads: usize,
}

/// Posts payments to a service in this process, as fast as it answers. The ledger is not asked yet.
pub async fn post_payments(
    app: &App,
    source: &PaymentSource,
    name: &'static str,
    pace: Pace,
) -> Result<Phase> {
    let mut memory = Memory::before();
    let started = Instant::now();
    let requests = Arc::new(source.prepare(now(), pace.ids, 0..pace.callbacks)?);
    let preparing = started.elapsed();
    let address = app.address();
    let sent = requests.clone();
    let before = CpuTime::now(&[]);
    let posting = move || post_all(&[address], &sent, pace.connections, pace.client_threads);
    let outcome = tokio::task::spawn_blocking(posting).await??;
    let cpu = CpuTime::now(&[]).since(&before);
    memory.after(requests.memory_bytes());
    Ok(Phase {
        name,
        faults: outcome.wrong_answers(),
        outcome,
        preparing,
        cpu,
        memory,
        sent: Sent {
            events: requests.count() as i64,
            amount_vnd: requests.amount_vnd,
            payments: requests.count() as i64,
            repeats: Some(0),
        },
        recount: None,
    })
}

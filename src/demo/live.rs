//! The simulated provider, at a steady rate, with the faults that real providers have: repeats, refunds
//! before their payments, failed payments, accounts nobody registered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::simulate::{Mix, Pace, Share, SimulateError, Simulation};

/// Seconds of callbacks that are decided at a time.
const ROUND_S: u32 = 60;
/// Requests that may be under way together.
pub(super) const CONNECTIONS: usize = 8;

/// What the provider did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub sent: u64,
    /// Callbacks answered with success.
    pub acknowledged: u64,
}

/// A thread that posts until it is told to stop.
pub(super) struct Simulator {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Sent>,
}

impl Simulator {
    pub fn start(simulation: Simulation, rate_per_s: u32, seed: u64) -> std::io::Result<Simulator> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let work = move || {
            let mut sent = Sent::default();
            let mut seed = seed;
            while !told.load(Ordering::Relaxed) {
                if let Err(error) = round(&simulation, rate_per_s, seed, &told, &mut sent) {
                    tracing::warn!(%error, "the demonstration's provider stopped");
                    break;
                }
                seed = seed.wrapping_add(1);
            }
            sent
        };
        let thread = std::thread::Builder::new()
            .name("demo-provider".to_owned())
            .spawn(work)?;
        Ok(Simulator { stop, thread })
    }

    /// Stops, and says what was done.
    pub fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn round(
    simulation: &Simulation,
    rate_per_s: u32,
    seed: u64,
    stop: &AtomicBool,
    sent: &mut Sent,
) -> Result<(), SimulateError> {
    let mix = Mix {
        count: rate_per_s * ROUND_S,
        duplicates: Share::percent(8),
        reversals: Share::percent(1),
        failed: Share::percent(1),
        unknown_accounts: Share::percent(1),
        seed,
        ..Mix::default()
    };
    let pace = Pace {
        rate_per_s,
        connections: CONNECTIONS,
    };
    let totals = simulation.run(&mix, pace, stop, &|_| ())?;
    sent.sent += totals.sent;
    sent.acknowledged += totals.accepted.count + totals.repeats;
    for example in &totals.unexpected.examples {
        tracing::warn!(example, "the demonstration's callback was not acknowledged");
    }
    Ok(())
}

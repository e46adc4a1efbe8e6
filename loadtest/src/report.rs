//! Words and numbers that several benchmarks print or keep in their raw runs.

use std::time::Duration;

use choso::store::Recount;
use serde_json::{Value, json};

use crate::client::Outcome;

/// What a client saw, for a raw run.
pub fn outcome_json(outcome: &Outcome) -> Value {
    let latency = |rank| outcome.percentile_us(rank);
    json!({
        "callbacks": outcome.answers(),
        "accepted": outcome.latencies_us.len(),
        "elapsed_us": micros(outcome.elapsed),
        "rate_per_s": outcome.rate().round() as u64,
        "latency_us": {
            "p50": latency(500), "p90": latency(900), "p99": latency(990), "p999": latency(999),
            "max": latency(1000),
        },
        "statuses": outcome.statuses.iter().map(|(s, n)| (s.to_string(), json!(n)))
            .collect::<serde_json::Map<_, _>>(),
        "with_retry_after": outcome.retry_after,
        "answers_per_second": outcome.per_second,
    })
}

/// A recount, for a raw run.
pub fn recount_json(recount: &Recount) -> Value {
    json!({
        "received": recount.totals.received.count, "posted": recount.totals.posted.count,
        "posted_vnd": recount.totals.posted.amount_vnd, "repeats": recount.totals.repeats,
        "receipts": recount.receipts, "conservation_holds": recount.conservation_holds,
        "counters_agree": recount.counters_agree,
    })
}

/// Microseconds for the raw run.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A ratio for a raw run.
pub fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// Microseconds as milliseconds, for people.
pub fn ms(us: u32) -> f64 {
    f64::from(us) / 1000.0
}

/// Whether an aim was met, for people.
pub fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT met" }
}

/// Prints what was wrong.
pub fn print_faults(faults: &[String]) {
    for fault in faults {
        println!("FAULT: {fault}");
    }
}

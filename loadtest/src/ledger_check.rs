//! What the ledger holds, against what was sent and accepted.

use choso::store::{Recount, StateTotal};
use choso::vn::TimeMs;

use crate::payment_source::{IdOrder, PaymentSource};

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

/// What these distinct events come to, all of them payments of this source.
pub fn sent_payments(
    source: &PaymentSource,
    start: TimeMs,
    events: impl Iterator<Item = u32>,
    repeats: Option<i64>,
) -> Sent {
    let mut sent = Sent {
        repeats,
        ..Sent::default()
    };
    for event in events {
        sent.events += 1;
        sent.payments += 1;
        let payment = source.payment(IdOrder::Time.number(start, event as usize), start);
        sent.amount_vnd += payment.amount.vnd();
    }
    sent
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

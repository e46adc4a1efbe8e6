//! Refunds and their payments, in whichever order they come.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Result, StoreError, Tx, on_tx};
use super::known::WriterMemory;
use super::{Clock, Draft, corrections, orders};
use crate::ledger::{Class, Counted, Counters, Key, Reason, State, can_refund};
use crate::notice::NoticeKind;
use crate::vn::{Day, Dong, TimeMs};

/// How a refund finds its payment: by the payment's event, or by the order that both name.
fn waits_for(d: &Draft<'_>) -> String {
    let details = &d.item.details;
    if details.payment_event_id.is_empty() {
        order_key(&details.reference)
    } else {
        event_key(&details.payment_event_id)
    }
}

fn event_key(event_id: &str) -> String {
    format!("event:{event_id}")
}

fn order_key(reference: &str) -> String {
    format!("order:{reference}")
}

/// Lets the refunds of this batch wait for their payments, then joins every waiting refund whose
/// payment is posted, in order of reception.
pub(super) async fn join(
    tx: &mut Tx,
    kept: &[Draft<'_>],
    memory: &WriterMemory,
    clock: &Clock,
    counters: &mut Counters,
) -> Result<()> {
    let is_waiting = |d: &&Draft<'_>| d.reason == Some(Reason::RefundBeforePayment);
    if !clock.has_waiting && !kept.iter().any(|d| is_waiting(&d)) {
        return Ok(());
    }
    let mut keys: BTreeSet<(&Arc<str>, String)> = BTreeSet::new();
    for d in kept {
        if is_waiting(&d) {
            let key = waits_for(d);
            let_wait(tx, d, &key).await?;
            keys.insert((d.provider_id(), key));
        } else if d.item.kind == NoticeKind::Payment && d.is_first() {
            keys.insert((d.provider_id(), event_key(&d.item.event_id)));
            if d.arrival.delivery.has_orders {
                keys.insert((d.provider_id(), order_key(&d.item.details.reference)));
            }
        }
    }
    for (provider_id, key) in keys {
        join_one(tx, kept, memory, clock, provider_id, &key, counters).await?;
    }
    Ok(())
}

async fn let_wait(tx: &mut Tx, d: &Draft<'_>, key: &str) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO refund_waiting (provider_id, payment_key, entry_no, event_id, kind, amount_vnd, received_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&**d.provider_id())
        .bind(key)
        .bind(d.entry_no.get())
        .bind(&d.item.event_id)
        .bind(d.item.kind.as_str())
        .bind(d.item.amount.vnd())
        .bind(d.arrival.received_at.0)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// A refund that waits.
struct Waiting {
    entry_no: i64,
    event_id: String,
    kind: String,
    amount: Dong,
    received_at: TimeMs,
}

/// What became of the payment that a refund takes back.
enum Payment {
    Paid(Paid),
    /// It moved nothing, because another provider had told of the same transfer.
    ToldByAnother,
    /// It is not known, or waits itself.
    NotYet,
}

/// The receipt of a posted payment.
struct Paid {
    receipt_no: i64,
    of: Counted,
    amount: Dong,
    refunded: Dong,
    corrected_vnd: i64,
}

impl Paid {
    /// What is left of it.
    fn left(&self) -> Dong {
        Dong::new(self.amount.vnd() - self.refunded.vnd() + self.corrected_vnd)
    }
}

async fn join_one(
    tx: &mut Tx,
    kept: &[Draft<'_>],
    memory: &WriterMemory,
    clock: &Clock,
    provider_id: &Arc<str>,
    payment_key: &str,
    counters: &mut Counters,
) -> Result<()> {
    let waiting = waiting(tx, provider_id, payment_key).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    match payment(tx, kept, memory, provider_id, payment_key).await? {
        Payment::NotYet => {}
        Payment::ToldByAnother => {
            // Whoever told of the money first tells of its way back, too.
            for refund in waiting {
                settle(tx, &refund, State::Ignored, Some(Reason::SameTransfer), None).await?;
                stop_waiting(tx, provider_id, payment_key, &refund).await?;
                moved(counters, provider_id, &refund, State::Ignored);
            }
        }
        Payment::Paid(mut paid) => {
            for refund in waiting {
                // A receipt that is not counted yet will be counted as it is then.
                let is_counted = paid.receipt_no <= clock.counted_entry_no.get();
                // What rows told of before gives way to the notice.
                let told = match paid.corrected_vnd {
                    0 => Vec::new(),
                    _ => corrections::told_back(tx, paid.receipt_no, refund.amount).await?,
                };
                let told_vnd: i64 = told.iter().map(|told| told.amount_vnd).sum();
                let stands = Dong::new(paid.amount.vnd() + paid.corrected_vnd + told_vnd);
                if let Err(reason) = can_refund(refund.amount, stands, paid.refunded) {
                    settle(tx, &refund, State::Quarantined, Some(reason), None).await?;
                    continue;
                }
                corrections::give_way(tx, paid.receipt_no, &told, refund.received_at).await?;
                if is_counted && told_vnd != 0 {
                    counters.corrected(&paid.of, paid.left(), told_vnd);
                }
                paid.corrected_vnd += told_vnd;
                post_refund(tx, provider_id, &refund, &paid).await?;
                settle(tx, &refund, State::Posted, None, Some(paid.receipt_no)).await?;
                stop_waiting(tx, provider_id, payment_key, &refund).await?;
                if is_counted {
                    counters.refunded(&paid.of, paid.left(), refund.amount);
                }
                moved(counters, provider_id, &refund, State::Posted);
                paid.refunded = Dong::new(paid.refunded.vnd() + refund.amount.vnd());
            }
        }
    }
    Ok(())
}

fn moved(counters: &mut Counters, provider_id: &Arc<str>, refund: &Waiting, to: State) {
    let day = Day::of(refund.received_at);
    counters.moved(provider_id, day, State::Quarantined, to, refund.amount);
}

async fn waiting(tx: &mut Tx, provider_id: &str, payment_key: &str) -> Result<Vec<Waiting>> {
    let rows: Vec<(i64, String, String, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT entry_no, event_id, kind, amount_vnd, received_at_ms FROM refund_waiting
             WHERE provider_id = $1 AND payment_key = $2 ORDER BY received_at_ms, event_id, entry_no",
        )
        .bind(provider_id)
        .bind(payment_key)
        .fetch_all(c)
        .await?
    });
    let read = |(entry_no, event_id, kind, vnd, ms)| Waiting {
        entry_no,
        event_id,
        kind,
        amount: Dong::new(vnd),
        received_at: TimeMs(ms),
    };
    Ok(rows.into_iter().map(read).collect())
}

/// The payment that a refund takes from. An order that was paid twice is for a person to sort out.
async fn payment(
    tx: &mut Tx,
    kept: &[Draft<'_>],
    memory: &WriterMemory,
    provider_id: &Arc<str>,
    payment_key: &str,
) -> Result<Payment> {
    let events = match payment_key.split_once(':') {
        Some(("order", reference)) => orders::payments_of(tx, provider_id, reference).await?,
        Some((_, event_id)) => vec![event_id.to_owned()],
        None => Vec::new(),
    };
    let [event_id] = events.as_slice() else {
        return Ok(Payment::NotYet);
    };
    let key = Key::of_event(provider_id, event_id, NoticeKind::Payment.as_str());
    let now = kept.iter().find(|d| d.key == key).map(|d| d.entry_no.get());
    let entry_no = match now {
        Some(entry_no) => Some(entry_no),
        None => {
            let seen = memory.traces.find(tx, Class::Event, &[key]).await?;
            seen.first(&key).map(|known| known.entry_no)
        }
    };
    match entry_no {
        Some(entry_no) => payment_at(tx, entry_no).await,
        None => Ok(Payment::NotYet),
    }
}

async fn payment_at(tx: &mut Tx, entry_no: i64) -> Result<Payment> {
    type Row = (String, String, String, i64, i64, i64, i64);
    let row: Option<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id, place_id, provider_id, business_day, amount_vnd, refunded_vnd, corrected_vnd
             FROM receipt WHERE entry_no = $1",
        )
        .bind(entry_no)
        .fetch_optional(c)
        .await?
    });
    let Some((household_id, place_id, provider_id, day, amount, refunded, corrected_vnd)) = row else {
        let row: Option<(Option<String>,)> = on_tx!(tx, |c| {
            sqlx::query_as("SELECT reason FROM notice WHERE entry_no = $1")
                .bind(entry_no)
                .fetch_optional(c)
                .await?
        });
        let reason = row.and_then(|r| r.0);
        return Ok(if reason.as_deref() == Some(Reason::SameTransfer.as_str()) {
            Payment::ToldByAnother
        } else {
            Payment::NotYet
        });
    };
    let day = Day::from_number(day).ok_or_else(|| StoreError::Corrupt(format!("business day {day}")))?;
    Ok(Payment::Paid(Paid {
        receipt_no: entry_no,
        of: Counted {
            household_id: household_id.into(),
            place_id: place_id.into(),
            provider_id: provider_id.into(),
            day,
        },
        amount: Dong::new(amount),
        refunded: Dong::new(refunded),
        corrected_vnd,
    }))
}

/// Says what became of a refund's notice.
async fn settle(
    tx: &mut Tx,
    refund: &Waiting,
    state: State,
    reason: Option<Reason>,
    receipt_no: Option<i64>,
) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE notice SET state = $2, reason = $3, receipt_no = $4 WHERE entry_no = $1")
            .bind(refund.entry_no)
            .bind(state.as_str())
            .bind(reason.map(Reason::as_str))
            .bind(receipt_no)
            .execute(c)
            .await?;
    });
    Ok(())
}

async fn stop_waiting(tx: &mut Tx, provider_id: &str, payment_key: &str, refund: &Waiting) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "DELETE FROM refund_waiting WHERE provider_id = $1 AND payment_key = $2 AND entry_no = $3",
        )
        .bind(provider_id)
        .bind(payment_key)
        .bind(refund.entry_no)
        .execute(c)
        .await?;
    });
    Ok(())
}

async fn post_refund(tx: &mut Tx, provider_id: &str, refund: &Waiting, paid: &Paid) -> Result<()> {
    on_tx!(tx, |c| {
        // A void and a refund may have one id (docs/spec/providers.md, section 1, rule 9): then they are two rows.
        sqlx::query(
            "INSERT INTO refund (receipt_no, provider_id, event_id, kind, amount_vnd, posted_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(paid.receipt_no)
        .bind(provider_id)
        .bind(&refund.event_id)
        .bind(&refund.kind)
        .bind(refund.amount.vnd())
        .bind(refund.received_at.0)
        .execute(&mut *c)
        .await?;
        sqlx::query("UPDATE receipt SET refunded_vnd = refunded_vnd + $2 WHERE entry_no = $1")
            .bind(paid.receipt_no)
            .bind(refund.amount.vnd())
            .execute(&mut *c)
            .await?;
    });
    Ok(())
}

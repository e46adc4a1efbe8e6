//! Refunds and their payments, in whichever order they come.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::ids::time_of;
use super::super::{Result, StoreError, Tx, on_tx};
use super::known::WriterMemory;
use super::{Batch, Draft, orders, seen};
use crate::ledger::{Counters, Key, Reason, State, can_refund};
use crate::notice::Kind;
use crate::vn::{Day, Dong, TimeMs};

/// How a refund finds its payment: by the payment's event, or by the order that both name.
fn waits_for(d: &Draft<'_>) -> String {
    let details = &d.item.details;
    match details.payment_event_id.is_empty() {
        true => order_key(&details.reference),
        false => event_key(&details.payment_event_id),
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
    batch: &Batch,
    kept: &[Draft<'_>],
    memory: &mut WriterMemory,
    counters: &mut Counters,
) -> Result<()> {
    let mut keys: BTreeSet<(&Arc<str>, String)> = BTreeSet::new();
    for d in kept {
        if d.item.kind.takes_back() && d.reason == Some(Reason::RefundBeforePayment) {
            let key = waits_for(d);
            let_wait(tx, batch, d, &key).await?;
            keys.insert((d.provider_id(), key));
        } else if d.item.kind == Kind::Payment && d.state == State::Posted {
            keys.insert((d.provider_id(), event_key(&d.item.event_id)));
            if d.arrival.delivery.has_orders {
                keys.insert((d.provider_id(), order_key(&d.item.details.reference)));
            }
        }
    }
    if !is_any_waiting(tx).await? {
        return Ok(());
    }
    for (provider_id, key) in keys {
        join_one(tx, batch, memory, provider_id, &key, counters).await?;
    }
    Ok(())
}

async fn is_any_waiting(tx: &mut Tx) -> Result<bool> {
    let any: Option<(i64,)> = on_tx!(tx, |c| sqlx::query_as(
        "SELECT amount_vnd FROM refund_waiting LIMIT 1"
    )
    .fetch_optional(c)
    .await?);
    Ok(any.is_some())
}

async fn let_wait(tx: &mut Tx, batch: &Batch, d: &Draft<'_>, key: &str) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO refund_waiting (provider_id, payment_key, day, fingerprint, check_bits, event_id,
             kind, amount_vnd, received_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&**d.provider_id())
        .bind(key)
        .bind(batch.day.number())
        .bind(d.key.fingerprint)
        .bind(d.key.check_bits)
        .bind(&d.item.event_id)
        .bind(d.item.kind.as_str())
        .bind(d.item.amount.vnd())
        .bind(d.arrival.received_at.0)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// A refund that waits, by the place of its notice.
struct Waiting {
    day: i64,
    key: Key,
    event_id: String,
    kind: String,
    amount: Dong,
    received_at: TimeMs,
}

/// The receipt of a posted payment.
struct Paid {
    household_id: Arc<str>,
    receipt_id: String,
    receipt_day: i64,
    place_id: Arc<str>,
    day: Day,
    amount: Dong,
    refunded: Dong,
}

async fn join_one(
    tx: &mut Tx,
    batch: &Batch,
    memory: &mut WriterMemory,
    provider_id: &Arc<str>,
    payment_key: &str,
    counters: &mut Counters,
) -> Result<()> {
    let waiting = waiting(tx, provider_id, payment_key).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let Some(mut paid) = paid(tx, batch, memory, provider_id, payment_key).await? else {
        return Ok(());
    };
    for refund in waiting {
        match can_refund(refund.amount, paid.amount, paid.refunded) {
            Err(reason) => set_reason(tx, &refund, reason).await?,
            Ok(()) => {
                post_refund(tx, provider_id, payment_key, &refund, &paid).await?;
                let left = Dong::new(paid.amount.vnd() - paid.refunded.vnd());
                counters.refunded(&paid.household_id, &paid.place_id, paid.day, left, refund.amount);
                let received_day = Day::of(refund.received_at);
                counters.moved(
                    provider_id,
                    received_day,
                    State::Quarantined,
                    State::Posted,
                    refund.amount,
                );
                paid.refunded = Dong::new(paid.refunded.vnd() + refund.amount.vnd());
            }
        }
    }
    Ok(())
}

async fn waiting(tx: &mut Tx, provider_id: &str, payment_key: &str) -> Result<Vec<Waiting>> {
    let rows: Vec<(i64, i64, i64, String, String, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT day, fingerprint, check_bits, event_id, kind, amount_vnd, received_at_ms FROM refund_waiting
             WHERE provider_id = $1 AND payment_key = $2 ORDER BY received_at_ms, event_id, check_bits",
        )
        .bind(provider_id)
        .bind(payment_key)
        .fetch_all(c)
        .await?
    });
    let rows = rows.into_iter();
    Ok(rows
        .map(
            |(day, fingerprint, check_bits, event_id, kind, vnd, ms)| Waiting {
                day,
                key: Key {
                    fingerprint,
                    check_bits,
                },
                event_id,
                kind,
                amount: Dong::new(vnd),
                received_at: TimeMs(ms),
            },
        )
        .collect())
}

/// The receipt that a refund takes from. An order that was paid twice is for a person to sort out.
async fn paid(
    tx: &mut Tx,
    batch: &Batch,
    memory: &mut WriterMemory,
    provider_id: &Arc<str>,
    payment_key: &str,
) -> Result<Option<Paid>> {
    let events = match payment_key.split_once(':') {
        Some(("order", reference)) => orders::payments_of(tx, provider_id, reference).await?,
        Some((_, event_id)) => vec![event_id.to_owned()],
        None => Vec::new(),
    };
    let [event_id] = events.as_slice() else {
        return Ok(None);
    };
    let key = Key::of_event(provider_id, event_id, Kind::Payment.as_str());
    let mut seen = seen::events_before(tx, memory, batch.day, &[key]).await?;
    seen.today(tx, batch.day, &[key]).await?;
    match seen.day_of_first(&key) {
        Some(day) => receipt_of(tx, day, key).await,
        None => Ok(None),
    }
}

async fn receipt_of(tx: &mut Tx, notice_day: i64, key: Key) -> Result<Option<Paid>> {
    type Row = (String, String, i64, String, i64, i64, i64);
    let row: Option<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT receipt_id FROM notice
             WHERE day = $1 AND fingerprint = $2 AND check_bits = $3 AND state = 'posted'",
        )
        .bind(notice_day)
        .bind(key.fingerprint)
        .bind(key.check_bits)
        .fetch_optional(&mut *c)
        .await?
    });
    let Some((receipt_id,)) = row else { return Ok(None) };
    let receipt_day = day_of_receipt(&receipt_id)?;
    let row: Option<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id, receipt_id, day, place_id, business_day, amount_vnd, refunded_vnd FROM receipt
             WHERE day = $1 AND receipt_id = $2",
        )
        .bind(receipt_day.number())
        .bind(&receipt_id)
        .fetch_optional(c)
        .await?
    });
    let Some((household_id, receipt_id, receipt_day, place_id, day, amount, refunded)) = row else {
        return Ok(None);
    };
    let day = Day::from_number(day).ok_or_else(|| StoreError::Corrupt(format!("business day {day}")))?;
    Ok(Some(Paid {
        household_id: household_id.into(),
        receipt_id,
        receipt_day,
        place_id: place_id.into(),
        day,
        amount: Dong::new(amount),
        refunded: Dong::new(refunded),
    }))
}

/// The day under which a receipt is kept: its id begins with the time.
pub(super) fn day_of_receipt(receipt_id: &str) -> Result<Day> {
    time_of(receipt_id)
        .map(Day::of)
        .ok_or_else(|| StoreError::Corrupt(format!("receipt id {receipt_id}")))
}

async fn set_reason(tx: &mut Tx, refund: &Waiting, reason: Reason) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE notice SET reason = $4 WHERE day = $1 AND fingerprint = $2 AND check_bits = $3")
            .bind(refund.day)
            .bind(refund.key.fingerprint)
            .bind(refund.key.check_bits)
            .bind(reason.as_str())
            .execute(c)
            .await?;
    });
    Ok(())
}

async fn post_refund(
    tx: &mut Tx,
    provider_id: &str,
    payment_key: &str,
    refund: &Waiting,
    paid: &Paid,
) -> Result<()> {
    on_tx!(tx, |c| {
        // A void and a refund may have one id (PROTOCOLS section 1, rule 9): then they are one row.
        sqlx::query(
            "INSERT INTO refund (household_id, receipt_id, provider_id, event_id, kind, amount_vnd, posted_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*paid.household_id)
        .bind(&paid.receipt_id)
        .bind(provider_id)
        .bind(&refund.event_id)
        .bind(&refund.kind)
        .bind(refund.amount.vnd())
        .bind(refund.received_at.0)
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "UPDATE receipt SET refunded_vnd = refunded_vnd + $4
             WHERE day = $1 AND receipt_id = $2 AND household_id = $3",
        )
        .bind(paid.receipt_day)
        .bind(&paid.receipt_id)
        .bind(&*paid.household_id)
        .bind(refund.amount.vnd())
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "UPDATE notice SET state = 'posted', reason = NULL, household_id = $4, receipt_id = $5
             WHERE day = $1 AND fingerprint = $2 AND check_bits = $3",
        )
        .bind(refund.day)
        .bind(refund.key.fingerprint)
        .bind(refund.key.check_bits)
        .bind(&*paid.household_id)
        .bind(&paid.receipt_id)
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "DELETE FROM refund_waiting WHERE provider_id = $1 AND payment_key = $2 AND day = $3
               AND fingerprint = $4 AND check_bits = $5",
        )
        .bind(provider_id)
        .bind(payment_key)
        .bind(refund.day)
        .bind(refund.key.fingerprint)
        .bind(refund.key.check_bits)
        .execute(&mut *c)
        .await?;
    });
    Ok(())
}

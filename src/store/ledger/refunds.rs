//! Refunds and their payments, in whichever order they come.

use std::collections::BTreeSet;

use super::super::{Result, StoreError, Tx, on_tx};
use super::Draft;
use crate::ledger::{Counters, Reason, State, can_refund};
use crate::notice::Kind;
use crate::vn::{Day, Dong, TimeMs};

/// Lets the refunds of this batch wait for their payments, then joins every waiting refund whose
/// payment is posted, in order of reception.
pub(super) async fn join(tx: &mut Tx, kept: &[Draft<'_>], counters: &mut Counters) -> Result<()> {
    let mut payments: BTreeSet<(&str, &str)> = BTreeSet::new();
    for d in kept {
        let provider_id = d.arrival.delivery.provider_id.as_str();
        match d.item.kind {
            Kind::Refund if d.reason == Some(Reason::RefundBeforePayment) => {
                let_wait(tx, d).await?;
                payments.insert((provider_id, &d.item.details.payment_event_id));
            }
            Kind::Payment if d.state == State::Posted => {
                payments.insert((provider_id, &d.item.event_id));
            }
            _ => {}
        }
    }
    if !is_any_waiting(tx).await? {
        return Ok(());
    }
    for (provider_id, payment_event_id) in payments {
        join_one(tx, provider_id, payment_event_id, counters).await?;
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

async fn let_wait(tx: &mut Tx, d: &Draft<'_>) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO refund_waiting (provider_id, payment_event_id, event_id, variant, amount_vnd, received_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&d.arrival.delivery.provider_id)
        .bind(&d.item.details.payment_event_id)
        .bind(&d.item.event_id)
        .bind(&d.variant)
        .bind(d.item.amount.vnd())
        .bind(d.arrival.received_at.0)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// The receipt of a posted payment.
struct Paid {
    household_id: String,
    receipt_id: String,
    place_id: String,
    day: Day,
    amount: Dong,
    refunded: Dong,
}

async fn join_one(
    tx: &mut Tx,
    provider_id: &str,
    payment_event_id: &str,
    counters: &mut Counters,
) -> Result<()> {
    let waiting: Vec<(String, String, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT event_id, variant, amount_vnd, received_at_ms FROM refund_waiting
             WHERE provider_id = $1 AND payment_event_id = $2 ORDER BY received_at_ms, event_id",
        )
        .bind(provider_id)
        .bind(payment_event_id)
        .fetch_all(c)
        .await?
    });
    if waiting.is_empty() {
        return Ok(());
    }
    let Some(mut paid) = paid(tx, provider_id, payment_event_id).await? else {
        return Ok(());
    };
    for (event_id, variant, amount_vnd, received_at_ms) in waiting {
        let amount = Dong::new(amount_vnd);
        let key = (provider_id, event_id.as_str(), variant.as_str());
        match can_refund(amount, paid.amount, paid.refunded) {
            Err(reason) => set_reason(tx, key, reason).await?,
            Ok(()) => {
                let received_at = TimeMs(received_at_ms);
                post_refund(tx, key, payment_event_id, &paid, amount, received_at).await?;
                let left = Dong::new(paid.amount.vnd() - paid.refunded.vnd());
                counters.refunded(&paid.household_id, &paid.place_id, paid.day, left, amount);
                counters.moved(
                    provider_id,
                    Day::of(received_at),
                    State::Quarantined,
                    State::Posted,
                    amount,
                );
                paid.refunded = Dong::new(paid.refunded.vnd() + amount.vnd());
            }
        }
    }
    Ok(())
}

async fn paid(tx: &mut Tx, provider_id: &str, event_id: &str) -> Result<Option<Paid>> {
    let row: Option<(String, String, String, i64, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.household_id, r.receipt_id, r.place_id, r.business_day, r.amount_vnd, r.refunded_vnd
             FROM notice n JOIN receipt r ON r.household_id = n.household_id AND r.receipt_id = n.receipt_id
             WHERE n.provider_id = $1 AND n.event_id = $2 AND n.kind = 'payment' AND n.variant = ''
               AND n.state = 'posted'",
        )
        .bind(provider_id)
        .bind(event_id)
        .fetch_optional(c)
        .await?
    });
    let Some((household_id, receipt_id, place_id, day, amount, refunded)) = row else {
        return Ok(None);
    };
    let day = Day::from_number(day).ok_or_else(|| StoreError::Corrupt(format!("business day {day}")))?;
    Ok(Some(Paid {
        household_id,
        receipt_id,
        place_id,
        day,
        amount: Dong::new(amount),
        refunded: Dong::new(refunded),
    }))
}

async fn set_reason(tx: &mut Tx, key: (&str, &str, &str), reason: Reason) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "UPDATE notice SET reason = $4
             WHERE provider_id = $1 AND event_id = $2 AND kind = 'refund' AND variant = $3",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(key.2)
        .bind(reason.as_str())
        .execute(c)
        .await?;
    });
    Ok(())
}

async fn post_refund(
    tx: &mut Tx,
    (provider_id, event_id, variant): (&str, &str, &str),
    payment_event_id: &str,
    paid: &Paid,
    amount: Dong,
    received_at: TimeMs,
) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO refund (household_id, receipt_id, provider_id, event_id, amount_vnd, posted_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&paid.household_id)
        .bind(&paid.receipt_id)
        .bind(provider_id)
        .bind(event_id)
        .bind(amount.vnd())
        .bind(received_at.0)
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "UPDATE receipt SET refunded_vnd = refunded_vnd + $3 WHERE household_id = $1 AND receipt_id = $2",
        )
        .bind(&paid.household_id)
        .bind(&paid.receipt_id)
        .bind(amount.vnd())
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "UPDATE notice SET state = 'posted', reason = '', household_id = $4, receipt_id = $5
             WHERE provider_id = $1 AND event_id = $2 AND kind = 'refund' AND variant = $3",
        )
        .bind(provider_id)
        .bind(event_id)
        .bind(variant)
        .bind(&paid.household_id)
        .bind(&paid.receipt_id)
        .execute(&mut *c)
        .await?;
        sqlx::query(
            "DELETE FROM refund_waiting
             WHERE provider_id = $1 AND payment_event_id = $2 AND event_id = $3 AND variant = $4",
        )
        .bind(provider_id)
        .bind(payment_event_id)
        .bind(event_id)
        .bind(variant)
        .execute(&mut *c)
        .await?;
    });
    Ok(())
}

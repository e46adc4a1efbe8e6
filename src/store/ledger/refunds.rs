//! Refunds and their payments, in whichever order they come.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Result, Tx, on_tx};
use super::draft::Draft;
use super::head::LedgerHead;
use super::trace_memory::TraceMemory;
use super::{corrections, orders};
use crate::ledger::{Class, Counted, Counters, Key, LedgerNo, Reason, State, can_refund};
use crate::notice::NoticeKind;
use crate::vn::{Day, Dong, TimeMs};

/// How a refund finds its payment: by the payment's event, or by the order that both name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PaymentKey<'a> {
    provider_id: &'a Arc<str>,
    /// As the column has it.
    text: String,
}

impl<'a> PaymentKey<'a> {
    fn of_event(provider_id: &'a Arc<str>, event_id: &str) -> PaymentKey<'a> {
        let text = format!("event:{event_id}");
        PaymentKey { provider_id, text }
    }

    fn of_order(provider_id: &'a Arc<str>, reference: &str) -> PaymentKey<'a> {
        let text = format!("order:{reference}");
        PaymentKey { provider_id, text }
    }

    fn of_refund(refund: &Draft<'a>) -> PaymentKey<'a> {
        let details = &refund.item.details;
        if details.payment_event_id.is_empty() {
            PaymentKey::of_order(refund.provider_id(), &details.reference)
        } else {
            PaymentKey::of_event(refund.provider_id(), &details.payment_event_id)
        }
    }
}

/// Lets the refunds of this batch wait for their payments, then joins every waiting refund whose
/// payment is posted, in order of reception.
pub(super) async fn join(
    tx: &mut Tx,
    kept: &[Draft<'_>],
    traces: &TraceMemory,
    head: &LedgerHead,
    counters: &mut Counters,
) -> Result<()> {
    let is_waiting = |d: &&Draft<'_>| d.reason == Some(Reason::RefundBeforePayment);
    if !head.has_waiting_refunds && !kept.iter().any(|d| is_waiting(&d)) {
        return Ok(());
    }
    let mut keys: BTreeSet<PaymentKey<'_>> = BTreeSet::new();
    for d in kept {
        if is_waiting(&d) {
            let key = PaymentKey::of_refund(d);
            insert_waiting(tx, d, &key).await?;
            keys.insert(key);
        } else if d.item.kind == NoticeKind::Payment && d.is_first() {
            keys.insert(PaymentKey::of_event(d.provider_id(), &d.item.event_id));
            if d.arrival.delivery.has_orders {
                keys.insert(PaymentKey::of_order(d.provider_id(), &d.item.details.reference));
            }
        }
    }
    for key in keys {
        let waiting = waiting_refunds(tx, &key).await?;
        if waiting.is_empty() {
            continue;
        }
        match payment_of(tx, kept, traces, &key, head.counted_entry_no).await? {
            Payment::NotYet => {}
            Payment::ReportedByAnother => {
                // Whoever reported the money first reports its way back, too.
                for refund in waiting {
                    let reason = Some(Reason::SameTransfer);
                    set_notice_state(tx, &refund, State::Ignored, reason, None).await?;
                    delete_waiting(tx, &key, &refund).await?;
                    count_moved(counters, key.provider_id, &refund, State::Ignored);
                }
            }
            Payment::Paid(mut paid) => {
                for refund in waiting {
                    apply_refund(tx, &key, &refund, &mut paid, counters).await?;
                }
            }
        }
    }
    Ok(())
}

/// Joins the refunds that wait for a payment that a person has just posted.
pub(super) async fn join_posted(
    tx: &mut Tx,
    provider_id: &Arc<str>,
    event_id: &str,
    no: LedgerNo,
    head: &LedgerHead,
    counters: &mut Counters,
) -> Result<()> {
    if !head.has_waiting_refunds {
        return Ok(());
    }
    let mut keys = vec![PaymentKey::of_event(provider_id, event_id)];
    for reference in orders::references_of(tx, provider_id, event_id).await? {
        keys.push(PaymentKey::of_order(provider_id, &reference));
    }
    for key in keys {
        let waiting = waiting_refunds(tx, &key).await?;
        if waiting.is_empty() {
            continue;
        }
        // Its counters hold it by now, or will take it as it is then.
        if let Payment::Paid(mut paid) = payment_at(tx, no.get(), head.counted_entry_no).await? {
            for refund in waiting {
                apply_refund(tx, &key, &refund, &mut paid, counters).await?;
            }
        }
    }
    Ok(())
}

async fn insert_waiting(tx: &mut Tx, refund: &Draft<'_>, key: &PaymentKey<'_>) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO refund_waiting (provider_id, payment_key, entry_no, event_id, kind, amount_vnd, received_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&**key.provider_id)
        .bind(&key.text)
        .bind(refund.entry_no.get())
        .bind(&refund.item.event_id)
        .bind(refund.item.kind.as_str())
        .bind(refund.item.amount.vnd())
        .bind(refund.arrival.received_at.0)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// A refund that waits.
#[derive(sqlx::FromRow)]
struct WaitingRefund {
    entry_no: i64,
    event_id: String,
    kind: String,
    amount: Dong,
    received_at: TimeMs,
}

/// What became of the payment that a refund takes back.
enum Payment {
    Paid(Paid),
    /// It moved nothing, because another provider had reported the same transfer.
    ReportedByAnother,
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
    /// Whether the day counters hold it; else it will be counted as it is then.
    is_counted: bool,
}

impl Paid {
    /// What is left of it.
    fn left(&self) -> Dong {
        Dong::new(self.amount.vnd() - self.refunded.vnd() + self.corrected_vnd)
    }
}

/// Takes a refund off its receipt, unless it is more than there was.
async fn apply_refund(
    tx: &mut Tx,
    key: &PaymentKey<'_>,
    refund: &WaitingRefund,
    paid: &mut Paid,
    counters: &mut Counters,
) -> Result<()> {
    // What rows reported before gives way to the notice.
    let reversals = match paid.corrected_vnd {
        0 => Vec::new(),
        _ => corrections::reversals_by_rows(tx, paid.receipt_no, refund.amount).await?,
    };
    let reversed_vnd: i64 = reversals.iter().map(|reversal| reversal.amount_vnd).sum();
    let whole = Dong::new(paid.amount.vnd() + paid.corrected_vnd + reversed_vnd);
    if let Err(reason) = can_refund(refund.amount, whole, paid.refunded) {
        return set_notice_state(tx, refund, State::Quarantined, Some(reason), None).await;
    }
    corrections::withdraw(tx, paid.receipt_no, &reversals, refund.received_at).await?;
    if paid.is_counted && reversed_vnd != 0 {
        counters.corrected(&paid.of, paid.left(), reversed_vnd);
    }
    paid.corrected_vnd += reversed_vnd;
    insert_refund(tx, key.provider_id, refund, paid.receipt_no).await?;
    set_notice_state(tx, refund, State::Posted, None, Some(paid.receipt_no)).await?;
    delete_waiting(tx, key, refund).await?;
    if paid.is_counted {
        counters.refunded(&paid.of, paid.left(), refund.amount);
    }
    count_moved(counters, key.provider_id, refund, State::Posted);
    paid.refunded = Dong::new(paid.refunded.vnd() + refund.amount.vnd());
    Ok(())
}

fn count_moved(counters: &mut Counters, provider_id: &Arc<str>, refund: &WaitingRefund, to: State) {
    let day = Day::of(refund.received_at);
    counters.moved(provider_id, day, State::Quarantined, to, refund.amount);
}

async fn waiting_refunds(tx: &mut Tx, key: &PaymentKey<'_>) -> Result<Vec<WaitingRefund>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT entry_no, event_id, kind, amount_vnd AS amount, received_at_ms AS received_at FROM refund_waiting
             WHERE provider_id = $1 AND payment_key = $2 ORDER BY received_at_ms, event_id, entry_no",
        )
        .bind(&**key.provider_id)
        .bind(&key.text)
        .fetch_all(c)
        .await?
    }))
}

/// The payment that a refund takes from. An order that was paid twice is for a person to sort out.
async fn payment_of(
    tx: &mut Tx,
    kept: &[Draft<'_>],
    traces: &TraceMemory,
    key: &PaymentKey<'_>,
    counted: LedgerNo,
) -> Result<Payment> {
    let provider_id = key.provider_id;
    let events = match key.text.split_once(':') {
        Some(("order", reference)) => orders::payments_of(tx, provider_id, reference).await?,
        Some((_, event_id)) => vec![event_id.to_owned()],
        None => Vec::new(),
    };
    let [event_id] = events.as_slice() else {
        return Ok(Payment::NotYet);
    };
    let event = Key::of_event(provider_id, event_id, NoticeKind::Payment.as_str());
    let in_batch = kept.iter().find(|d| d.key == event).map(|d| d.entry_no.get());
    let entry_no = match in_batch {
        Some(entry_no) => Some(entry_no),
        None => {
            let known = traces.find(tx, Class::Event, &[event]).await?;
            known.first(&event).map(|trace| trace.entry_no)
        }
    };
    match entry_no {
        Some(entry_no) => payment_at(tx, entry_no, counted).await,
        None => Ok(Payment::NotYet),
    }
}

async fn payment_at(tx: &mut Tx, entry_no: i64, counted: LedgerNo) -> Result<Payment> {
    #[derive(sqlx::FromRow)]
    struct Receipt {
        household_id: String,
        place_id: String,
        provider_id: String,
        day: Day,
        amount: Dong,
        refunded: Dong,
        corrected_vnd: i64,
    }
    let receipt: Option<Receipt> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT household_id, place_id, provider_id, business_day AS day, amount_vnd AS amount,
                    refunded_vnd AS refunded, corrected_vnd
             FROM receipt WHERE entry_no = $1",
        )
        .bind(entry_no)
        .fetch_optional(c)
        .await?
    });
    let Some(receipt) = receipt else {
        let row: Option<(Option<String>,)> = on_tx!(tx, |c| {
            sqlx::query_as("SELECT reason FROM notice WHERE entry_no = $1")
                .bind(entry_no)
                .fetch_optional(c)
                .await?
        });
        let reason = row.and_then(|r| r.0);
        return Ok(if reason.as_deref() == Some(Reason::SameTransfer.as_str()) {
            Payment::ReportedByAnother
        } else {
            Payment::NotYet
        });
    };
    Ok(Payment::Paid(Paid {
        receipt_no: entry_no,
        of: Counted {
            household_id: receipt.household_id.into(),
            place_id: receipt.place_id.into(),
            provider_id: receipt.provider_id.into(),
            day: receipt.day,
        },
        amount: receipt.amount,
        refunded: receipt.refunded,
        corrected_vnd: receipt.corrected_vnd,
        is_counted: entry_no <= counted.get(),
    }))
}

/// Says what became of a refund's notice.
async fn set_notice_state(
    tx: &mut Tx,
    refund: &WaitingRefund,
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

async fn delete_waiting(tx: &mut Tx, key: &PaymentKey<'_>, refund: &WaitingRefund) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "DELETE FROM refund_waiting WHERE provider_id = $1 AND payment_key = $2 AND entry_no = $3",
        )
        .bind(&**key.provider_id)
        .bind(&key.text)
        .bind(refund.entry_no)
        .execute(c)
        .await?;
    });
    Ok(())
}

async fn insert_refund(
    tx: &mut Tx,
    provider_id: &str,
    refund: &WaitingRefund,
    receipt_no: i64,
) -> Result<()> {
    on_tx!(tx, |c| {
        // A void and a refund may have one id (docs/spec/providers.md, section 1, rule 9): then they are two rows.
        sqlx::query(
            "INSERT INTO refund (receipt_no, provider_id, event_id, kind, amount_vnd, posted_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(receipt_no)
        .bind(provider_id)
        .bind(&refund.event_id)
        .bind(&refund.kind)
        .bind(refund.amount.vnd())
        .bind(refund.received_at.0)
        .execute(&mut *c)
        .await?;
        sqlx::query("UPDATE receipt SET refunded_vnd = refunded_vnd + $2 WHERE entry_no = $1")
            .bind(receipt_no)
            .bind(refund.amount.vnd())
            .execute(&mut *c)
            .await?;
    });
    Ok(())
}

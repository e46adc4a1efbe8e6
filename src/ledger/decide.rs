//! What becomes of one item, from what is known of its account, order and time.

use std::sync::Arc;

use super::attribution::{Attributed, AttributionFacts, attribute, order_of};
use super::state::Reason;
use crate::notice::{Item, NoticeKind};
use crate::vn::{Day, Dong, TimeMs};

/// A posting time further ahead of reception than this is not believed (docs/spec/domain.md, section 4).
const AHEAD_MAX_MS: i64 = 3600 * 1000;

/// What an item becomes, before it is known whether it came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Post(Attributed),
    Quarantine(Reason),
    Ignore(Reason),
}

/// The day a notice belongs to: the day in Viet Nam of the posting time, else of reception. A statement names
/// the day itself.
pub fn business_day(item: &Item, received_at: TimeMs) -> Day {
    match item.details.from_statement {
        Some(from) => from.business_day,
        None => Day::of(item.details.occurred_at.unwrap_or(received_at)),
    }
}

/// What an order-based scheme is to be told besides "stored" (docs/spec/providers.md, section 1, rule 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderCheck {
    /// Its order, terminal or stall is known and the amount is right, or the scheme has no orders.
    Fits,
    /// Nothing known is named.
    Unknown,
    /// The order asks for this amount.
    AmountDiffers(Dong),
}

/// A decision, and what the provider is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the item becomes.
    pub decision: Decision,
    /// Whether its order fits.
    pub order: OrderCheck,
}

/// Decides one item from what is known. A refund always starts quarantined; [`can_refund`] posts it
/// when it meets its receipt. `has_orders`: the scheme has a word for "unknown order".
pub fn decide(
    provider_id: &Arc<str>,
    item: &Item,
    has_orders: bool,
    received_at: TimeMs,
    known: &AttributionFacts,
) -> Verdict {
    let fits = |decision| Verdict {
        decision,
        order: OrderCheck::Fits,
    };
    match item.kind {
        NoticeKind::Other => return fits(Decision::Ignore(Reason::UnknownType)),
        NoticeKind::Debit => return fits(Decision::Ignore(Reason::Outgoing)),
        NoticeKind::Test => return fits(Decision::Ignore(Reason::TestNotice)),
        NoticeKind::Unreadable => return fits(Decision::Quarantine(Reason::Unreadable)),
        kind if kind.takes_back() && is_ahead(item, received_at) => {
            return fits(Decision::Quarantine(Reason::PostingTimeAhead));
        }
        kind if kind.takes_back() => return fits(Decision::Quarantine(Reason::RefundBeforePayment)),
        _ => {}
    }
    let attributed = attribute(provider_id, &item.details, business_day(item, received_at), known);
    let asked = order_of(provider_id, &item.details, known).and_then(|order| order.amount);
    let order = match (has_orders, &attributed, asked) {
        (true, Err(_), _) => OrderCheck::Unknown,
        (true, Ok(_), Some(asked)) if asked != item.amount => OrderCheck::AmountDiffers(asked),
        _ => OrderCheck::Fits,
    };
    let decision = match item.kind {
        NoticeKind::PaymentFailed => Decision::Ignore(Reason::PaymentFailed),
        NoticeKind::PaymentPending => Decision::Ignore(Reason::PaymentPending),
        NoticeKind::PaymentAuthorized => Decision::Ignore(Reason::PaymentAuthorized),
        NoticeKind::PaymentSuspect => Decision::Quarantine(Reason::PaymentSuspect),
        _ if is_ahead(item, received_at) => Decision::Quarantine(Reason::PostingTimeAhead),
        _ => match (order, attributed) {
            (OrderCheck::Unknown, _) => Decision::Quarantine(Reason::UnknownOrder),
            (OrderCheck::AmountDiffers(_), _) => Decision::Quarantine(Reason::OrderAmountDiffers),
            (OrderCheck::Fits, Ok(attributed)) => Decision::Post(attributed),
            (OrderCheck::Fits, Err(reason)) => Decision::Quarantine(reason),
        },
    };
    Verdict { decision, order }
}

fn is_ahead(item: &Item, received_at: TimeMs) -> bool {
    item.details
        .occurred_at
        .is_some_and(|t| t.0.saturating_sub(received_at.0) > AHEAD_MAX_MS)
}

/// Whether a refund of this amount fits what is left of a receipt.
pub fn can_refund(amount: Dong, paid: Dong, refunded: Dong) -> Result<(), Reason> {
    match refunded.vnd().checked_add(amount.vnd()) {
        Some(total) if total <= paid.vnd() => Ok(()),
        _ => Err(Reason::RefundExceedsPayment),
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribution::Order;
    use super::*;
    use crate::notice::Details;

    fn item(kind: NoticeKind, occurred_at: Option<i64>) -> Item {
        Item {
            kind,
            event_id: "T".into(),
            provider_txn_id: "T".into(),
            amount: Dong::new(5000),
            content: [0; 16],
            details: Details {
                occurred_at: occurred_at.map(TimeMs),
                ..Details::default()
            },
        }
    }

    #[test]
    fn a_time_more_than_an_hour_ahead_is_not_believed() {
        let now = TimeMs(1_000_000_000_000);
        let known = AttributionFacts::default();
        let decide = |ahead| {
            let item = item(NoticeKind::Payment, Some(now.0 + ahead));
            decide(&"p".into(), &item, false, now, &known).decision
        };
        assert_eq!(decide(3_600_001), Decision::Quarantine(Reason::PostingTimeAhead));
        assert_eq!(decide(3_600_000), Decision::Quarantine(Reason::UnknownAccount));
    }

    #[test]
    fn what_moves_no_money_is_ignored_or_waits() {
        let known = AttributionFacts::default();
        let decide = |kind| decide(&"p".into(), &item(kind, None), false, TimeMs(0), &known).decision;
        for (kind, reason) in [
            (NoticeKind::PaymentFailed, Reason::PaymentFailed),
            (NoticeKind::PaymentPending, Reason::PaymentPending),
            (NoticeKind::PaymentAuthorized, Reason::PaymentAuthorized),
            (NoticeKind::Debit, Reason::Outgoing),
            (NoticeKind::Test, Reason::TestNotice),
            (NoticeKind::Other, Reason::UnknownType),
        ] {
            assert_eq!(decide(kind), Decision::Ignore(reason));
        }
        for (kind, reason) in [
            (NoticeKind::Unreadable, Reason::Unreadable),
            (NoticeKind::PaymentSuspect, Reason::PaymentSuspect),
            (NoticeKind::Refund, Reason::RefundBeforePayment),
            (NoticeKind::Void, Reason::RefundBeforePayment),
            (NoticeKind::Payment, Reason::UnknownAccount),
        ] {
            assert_eq!(decide(kind), Decision::Quarantine(reason));
        }
    }

    #[test]
    fn an_order_scheme_is_told_what_is_wrong_with_the_order() {
        let mut known = AttributionFacts::default();
        let place = vec![(Day::ymd(2020, 1, 1), "pl".into())];
        known.places.insert("h".into(), place);
        for (reference, amount) in [("fits", 5000), ("other", 6000)] {
            let order = Order {
                stall_id: "s".into(),
                household_id: "h".into(),
                amount: Some(Dong::new(amount)),
            };
            known.orders.insert(("p".into(), reference.into()), order);
        }
        let decide = |kind, reference: &str| {
            let mut item = item(kind, None);
            item.details.reference = reference.into();
            decide(&"p".into(), &item, true, TimeMs(0), &known)
        };
        let fits = decide(NoticeKind::Payment, "fits");
        assert!(matches!(fits.decision, Decision::Post(_)) && fits.order == OrderCheck::Fits);
        let other = decide(NoticeKind::Payment, "other");
        assert_eq!(other.decision, Decision::Quarantine(Reason::OrderAmountDiffers));
        assert_eq!(other.order, OrderCheck::AmountDiffers(Dong::new(6000)));
        let unknown = decide(NoticeKind::Payment, "none");
        assert_eq!(unknown.decision, Decision::Quarantine(Reason::UnknownOrder));
        assert_eq!(
            decide(NoticeKind::PaymentFailed, "none").order,
            OrderCheck::Unknown
        );
    }

    #[test]
    fn refunds_stay_within_the_payment() {
        let d = Dong::new;
        assert!(can_refund(d(400), d(1000), d(600)).is_ok());
        assert_eq!(
            can_refund(d(401), d(1000), d(600)),
            Err(Reason::RefundExceedsPayment)
        );
        assert_eq!(
            can_refund(d(i64::MAX), d(1000), d(600)),
            Err(Reason::RefundExceedsPayment)
        );
    }
}

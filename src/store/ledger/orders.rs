//! Orders that wait to be paid, and which event paid them.

use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::{Actor, Conflict, Creation, Missing, Result, Tx, on_tx, pieces};
use super::draft::Draft;
use crate::ledger::Order;
use crate::notice::NoticeKind;
use crate::vn::Dong;

/// An order to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The provider through which it will be paid.
    pub provider_id: String,
    /// The merchant's reference that the provider sends back.
    pub reference: String,
    /// The stall it is paid to.
    pub stall_id: String,
    /// What is asked; none if any amount will do.
    pub amount: Option<Dong>,
}

impl Creation {
    /// Records an order, so that its payment finds its stall and its amount is checked. The same order
    /// again changes nothing; another one under the same reference is a conflict.
    pub async fn keep_order(&mut self, order: &NewOrder, actor: Actor<'_>) -> Result<()> {
        let there: Option<(String, Option<i64>)> = on_tx!(&mut self.tx, |c| {
            sqlx::query(
                "INSERT INTO payment_order (provider_id, reference, stall_id, amount_vnd, recorded_by, recorded_at_ms)
                 SELECT p.provider_id, $2, s.stall_id, CAST($4 AS BIGINT), $5, CAST($6 AS BIGINT)
                 FROM provider p, stall s WHERE p.provider_id = $1 AND s.stall_id = $3
                 ON CONFLICT (provider_id, reference) DO NOTHING",
            )
            .bind(&order.provider_id)
            .bind(&order.reference)
            .bind(&order.stall_id)
            .bind(order.amount.map(Dong::vnd))
            .bind(actor.by)
            .bind(actor.now.0)
            .execute(&mut *c)
            .await?;
            sqlx::query_as(
                "SELECT stall_id, amount_vnd FROM payment_order WHERE provider_id = $1 AND reference = $2",
            )
            .bind(&order.provider_id)
            .bind(&order.reference)
            .fetch_optional(&mut *c)
            .await?
        });
        match there {
            None => Err(Missing::ProviderOrStall {
                provider_id: order.provider_id.clone(),
                stall_id: order.stall_id.clone(),
            }
            .into()),
            Some((stall_id, vnd)) if stall_id != order.stall_id || vnd != order.amount.map(Dong::vnd) => {
                let reference = order.reference.clone();
                Err(Conflict::OrderReferenceTaken { reference }.into())
            }
            Some(_) => Ok(()),
        }
    }
}

/// The order under a provider's reference.
pub(super) async fn find(tx: &mut Tx, provider_id: &str, reference: &str) -> Result<Option<Order>> {
    let row: Option<(String, String, Option<Dong>)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT o.stall_id, s.household_id, o.amount_vnd
             FROM payment_order o JOIN stall s ON s.stall_id = o.stall_id
             WHERE o.provider_id = $1 AND o.reference = $2",
        )
        .bind(provider_id)
        .bind(reference)
        .fetch_optional(c)
        .await?
    });
    Ok(row.map(|(stall_id, household_id, amount)| Order {
        stall_id: stall_id.into(),
        household_id: household_id.into(),
        amount,
    }))
}

/// Notes under which event the order of a payment was kept, where the scheme has orders.
pub(super) async fn insert_payments(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<()> {
    let is_noted = |d: &&Draft<'_>| {
        d.arrival.delivery.has_orders
            && d.item.kind == NoticeKind::Payment
            && !d.item.details.reference.is_empty()
    };
    let rows: Vec<&Draft> = kept.iter().filter(is_noted).collect();
    for piece in pieces(&rows) {
        on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new("INSERT INTO order_payment (provider_id, reference, event_id) ");
            sql.push_values(piece, |mut row, d| {
                row.push_bind(d.provider_id().clone())
                    .push_bind(&*d.item.details.reference)
                    .push_bind(&*d.item.event_id);
            });
            sql.push(" ON CONFLICT (provider_id, reference, event_id) DO NOTHING");
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// The events that paid an order; more than one if it was paid twice.
pub(super) async fn payments_of(tx: &mut Tx, provider_id: &Arc<str>, reference: &str) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT event_id FROM order_payment WHERE provider_id = $1 AND reference = $2 ORDER BY event_id",
        )
        .bind(&**provider_id)
        .bind(reference)
        .fetch_all(c)
        .await?
    });
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// The orders that an event paid.
pub(super) async fn references_of(
    tx: &mut Tx,
    provider_id: &Arc<str>,
    event_id: &str,
) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT reference FROM order_payment WHERE provider_id = $1 AND event_id = $2 ORDER BY reference",
        )
        .bind(&**provider_id)
        .bind(event_id)
        .fetch_all(c)
        .await?
    });
    Ok(rows.into_iter().map(|r| r.0).collect())
}

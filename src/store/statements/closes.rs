//! Days that are closed: their figures stay as they are, and change by a dated restatement only.

use std::collections::HashSet;

use super::super::{Actor, Conflict, Result, Store, Tx, dialect, on_tx};
use super::act::{NewAct, append_act};
use crate::reconcile::{ActKind, Subject};
use crate::vn::{Day, DayRange, TimeMs};

/// A day as it was closed or restated.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DayClose {
    pub provider_id: String,
    pub business_day: Day,
    /// 1 for the close, then counted on with each restatement.
    pub version: i64,
    pub closed_at: TimeMs,
    pub closed_by: String,
    /// Why; of a close, what is said of exceptions that are left open.
    pub reason: String,
    /// The figures, as JSON.
    pub figures: String,
}

/// A day to be closed or restated.
#[derive(Debug, Clone, Copy)]
pub struct NewDayClose<'a> {
    pub provider_id: &'a str,
    pub business_day: Day,
    /// 1 for the close.
    pub version: i64,
    pub reason: &'a str,
    /// The figures, as JSON.
    pub figures: &'a str,
}

impl Store {
    /// Closes a day, or restates a closed one, with these figures. A conflict if somebody else was before.
    pub async fn close_day(&self, new: &NewDayClose<'_>, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let (next,): (i64,) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "INSERT INTO day_close (provider_id, business_day, version, closed_at_ms, closed_by, reason, figures)
                 SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4, $5, $6 FROM day_close
                 WHERE provider_id = $1 AND business_day = $2
                 RETURNING version",
            )
            .bind(new.provider_id)
            .bind(new.business_day.number())
            .bind(actor.now.0)
            .bind(actor.by)
            .bind(new.reason)
            .bind(new.figures)
            .fetch_one(c)
            .await?
        });
        if next != new.version {
            return Err(Conflict::DayChangedMeanwhile.into());
        }
        let act = NewAct {
            provider_id: new.provider_id,
            subject: Subject::Day(new.business_day),
            what: match new.version {
                1 => ActKind::Close,
                _ => ActKind::Restate,
            },
            // The figures themselves are in the chain, so that they cannot be changed later.
            detail: serde_json::json!({
                "version": new.version, "reason": new.reason, "figures": new.figures,
            }),
        };
        append_act(&mut tx, act, actor).await?;
        tx.commit().await
    }

    /// Every version of the closed days from the first to the last, in the order of days, then versions.
    pub async fn day_closes(&self, provider_id: &str, days: impl Into<DayRange>) -> Result<Vec<DayClose>> {
        let days = days.into();
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, business_day, version, closed_at_ms AS closed_at, closed_by, reason, figures
                 FROM day_close
                 WHERE provider_id = $1 AND business_day >= $2 AND business_day <= $3
                 ORDER BY business_day, version",
            )
            .bind(provider_id)
            .bind(days.first.number())
            .bind(days.last.number())
            .fetch_all(c)
            .await?
        }))
    }
}

/// The closed days of a provider.
pub(super) async fn closed_days(tx: &mut Tx, provider_id: &str) -> Result<HashSet<Day>> {
    let rows: Vec<(Day,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT business_day FROM day_close WHERE provider_id = $1 AND version = 1")
            .bind(provider_id)
            .fetch_all(c)
            .await?
    });
    Ok(rows.into_iter().map(|(day,)| day).collect())
}

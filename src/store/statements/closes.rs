//! Days that are closed: their figures stay as they are, and change by a dated restatement only.

use std::collections::HashSet;

use super::super::{Conflict, Result, Store, Tx, day_of, dialect, on_tx};
use super::casework::append_act;
use crate::reconcile::{ActKind, Subject};
use crate::vn::{Day, TimeMs};

/// A day as it was closed or restated.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl Store {
    /// Closes a day, or states a closed one anew, with these figures. `version` is 1 for the close; a conflict if
    /// somebody else was before.
    pub async fn close_day(
        &self,
        (provider_id, day, version): (&str, Day, i64),
        figures: &str,
        (reason, by): (&str, &str),
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let (next,): (i64,) = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "INSERT INTO day_close (provider_id, business_day, version, closed_at_ms, closed_by, reason, figures)
                 SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4, $5, $6 FROM day_close
                 WHERE provider_id = $1 AND business_day = $2
                 RETURNING version",
            )
            .bind(provider_id)
            .bind(day.number())
            .bind(now.0)
            .bind(by)
            .bind(reason)
            .bind(figures)
            .fetch_one(c)
            .await?
        });
        if next != version {
            return Err(Conflict::DayChangedMeanwhile.into());
        }
        let what = match version {
            1 => ActKind::Close,
            _ => ActKind::Restate,
        };
        // The figures themselves are in the chain, so that they cannot be changed later.
        let detail = serde_json::json!({ "version": version, "reason": reason, "figures": figures });
        append_act(
            &mut tx,
            (provider_id, Subject::Day(day)),
            (what, by),
            &detail,
            now,
        )
        .await?;
        tx.commit().await
    }

    /// Every version of the closed days from the first to the last, in the order of days, then versions.
    pub async fn day_closes(&self, provider_id: &str, (from, to): (Day, Day)) -> Result<Vec<DayClose>> {
        type Row = (String, i64, i64, i64, String, String, String);
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, business_day, version, closed_at_ms, closed_by, reason, figures FROM day_close
                 WHERE provider_id = $1 AND business_day >= $2 AND business_day <= $3
                 ORDER BY business_day, version",
            )
            .bind(provider_id)
            .bind(from.number())
            .bind(to.number())
            .fetch_all(c)
            .await?
        });
        rows.into_iter()
            .map(|(provider_id, day, version, at, closed_by, reason, figures)| {
                Ok(DayClose {
                    provider_id,
                    business_day: day_of(day)?,
                    version,
                    closed_at: TimeMs(at),
                    closed_by,
                    reason,
                    figures,
                })
            })
            .collect()
    }
}

/// The closed days of a provider.
pub(super) async fn closed_days(tx: &mut Tx, provider_id: &str) -> Result<HashSet<Day>> {
    let rows: Vec<(i64,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT business_day FROM day_close WHERE provider_id = $1 AND version = 1")
            .bind(provider_id)
            .fetch_all(c)
            .await?
    });
    rows.into_iter().map(|(day,)| day_of(day)).collect()
}

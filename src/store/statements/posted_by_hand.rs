//! Receipts that a person made of waiting payments, held against the acts that say whose they are.

use std::collections::HashMap;

use super::super::{Result, StoreError, Tx, on_tx};
use crate::reconcile::{PostedByHand, Subject};

#[derive(sqlx::FromRow)]
struct ByHand {
    entry_no: i64,
    act_no: i64,
    household_id: Option<String>,
    stall_id: Option<String>,
    place_id: Option<String>,
    business_day: Option<i64>,
    amount_vnd: Option<i64>,
}

/// The first receipt made by a person that is not what its act says.
pub(super) async fn broken_posting(
    tx: &mut Tx,
    acts: &HashMap<i64, (Subject, String)>,
) -> Result<Option<String>> {
    let rows: Vec<ByHand> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT p.entry_no, p.act_no, r.household_id, r.stall_id, r.place_id, r.business_day, r.amount_vnd
             FROM posted_by_hand p LEFT JOIN receipt r ON r.entry_no = p.entry_no ORDER BY p.entry_no",
        )
        .fetch_all(c)
        .await?
    });
    if rows.len() != acts.len() {
        let text = format!(
            "{} receipts posted by hand, but {} acts of it",
            rows.len(),
            acts.len()
        );
        return Ok(Some(text));
    }
    for row in rows {
        let wrong = |e| StoreError::Corrupt(format!("act {}: {e}", row.act_no));
        let Some((subject, detail)) = acts.get(&row.act_no) else {
            return Ok(Some(format!("receipt {}: no act posted it", row.entry_no)));
        };
        let said: PostedByHand = serde_json::from_str(detail).map_err(wrong)?;
        // Old days can be taken away whole.
        let is_gone = row.amount_vnd.is_none();
        let is_same = *subject == Subject::Entry(row.entry_no)
            && row.household_id.as_deref() == Some(&*said.household_id)
            && row.stall_id.as_deref() == Some(&*said.stall_id)
            && row.place_id.as_deref() == Some(&*said.place_id)
            && row.business_day == Some(said.business_day.number())
            && row.amount_vnd == Some(said.amount_vnd);
        if !is_gone && !is_same {
            return Ok(Some(format!(
                "receipt {}: not what act {} says",
                row.entry_no, row.act_no
            )));
        }
    }
    Ok(None)
}

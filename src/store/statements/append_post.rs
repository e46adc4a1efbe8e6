//! Acts about payments that wait for a person: who said whose they are, or set them aside.

use super::super::{Actor, Result, Tx, on_tx};
use super::act::{NewAct, append_act};
use crate::reconcile::{ActKind, PostedByHand, Subject};

/// Appends what a person says of a waiting payment; the number of the act.
pub(in crate::store) async fn append(
    tx: &mut Tx,
    provider_id: &str,
    subject: Subject,
    (what, word): (ActKind, &PostedByHand),
    actor: Actor<'_>,
) -> Result<i64> {
    let act = NewAct {
        provider_id,
        subject,
        what,
        // Words and numbers always become JSON.
        detail: serde_json::json!(word),
    };
    append_act(tx, act, actor).await
}

/// Appends that a waiting notice is set aside.
pub(in crate::store) async fn dismiss(
    tx: &mut Tx,
    provider_id: &str,
    subject: Subject,
    reason: &str,
    actor: Actor<'_>,
) -> Result<i64> {
    let act = NewAct {
        provider_id,
        subject,
        what: ActKind::Dismiss,
        detail: serde_json::json!({ "reason": reason.trim() }),
    };
    append_act(tx, act, actor).await
}

/// Whether somebody else proposed the same stall for it.
pub(in crate::store) async fn is_proposed_by_another(
    tx: &mut Tx,
    provider_id: &str,
    subject: Subject,
    word: &PostedByHand,
    actor: Actor<'_>,
) -> Result<bool> {
    let said: Vec<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT detail FROM act WHERE provider_id = $1 AND subject = $2 AND what = $3 AND by_name <> $4",
        )
        .bind(provider_id)
        .bind(subject.to_string())
        .bind(ActKind::Propose.as_str())
        .bind(actor.by)
        .fetch_all(c)
        .await?
    });
    let said = said
        .iter()
        .filter_map(|(detail,)| serde_json::from_str::<PostedByHand>(detail).ok());
    Ok(said.into_iter().any(|other| other.is_same_stall(word)))
}

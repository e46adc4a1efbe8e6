//! The trail of what people did: acts in one chain, each with the digest of the one before.

use std::collections::HashMap;

use super::super::{Actor, Result, Store, StoreError, Tx, on_tx};
use super::file::refuse_unknown_provider;
use super::posted_by_hand::broken_posting;
use crate::reconcile::{Act, ActKind, Subject};
use crate::vn::{Day, TimeMs};

/// Acts read at once.
const ACTS_AT_ONCE: i64 = 500;

impl Store {
    /// What people did about an exception or a day, in its order.
    pub async fn acts_of(&self, provider_id: &str, subject: Subject) -> Result<Vec<Act>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<ActRow> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT act_no, at_ms, by_name, provider_id, subject, what, detail, digest FROM act
                 WHERE provider_id = $1 AND subject = $2 ORDER BY act_no",
            )
            .bind(provider_id)
            .bind(subject.to_string())
            .fetch_all(c)
            .await?
        });
        Ok(rows.into_iter().map(|row| row.read().0).collect())
    }

    /// Walks the chain of acts: how many hold, and where it breaks, if it does. The figures of closed days are held
    /// against the acts that closed them.
    pub async fn walk_acts(&self) -> Result<(i64, Option<String>)> {
        let mut tx = self.begin_read().await?;
        let mut last = 0;
        let mut digest = [0; 32];
        let mut closes: HashMap<(String, Day, i64), String> = HashMap::new();
        let mut posted: HashMap<i64, (Subject, String)> = HashMap::new();
        loop {
            let rows: Vec<ActRow> = on_tx!(&mut tx, |c| {
                sqlx::query_as(
                    "SELECT act_no, at_ms, by_name, provider_id, subject, what, detail, digest FROM act
                     WHERE act_no > $1 ORDER BY act_no LIMIT $2",
                )
                .bind(last)
                .bind(ACTS_AT_ONCE)
                .fetch_all(c)
                .await?
            });
            if rows.is_empty() {
                let broken = match broken_close(&mut tx, &closes).await? {
                    Some(broken) => Some(broken),
                    None => broken_posting(&mut tx, &posted).await?,
                };
                return Ok((last, broken));
            }
            for row in rows {
                let (act, kept) = row.read();
                digest = act.digest(&digest);
                if act.act_no != last + 1 || digest[..] != kept[..] {
                    return Ok((
                        last,
                        Some(format!(
                            "act {}: changed, or one before it was taken out",
                            act.act_no
                        )),
                    ));
                }
                last = act.act_no;
                if act.what == ActKind::Post {
                    posted.insert(act.act_no, (act.subject, act.detail.clone()));
                }
                if let (ActKind::Close | ActKind::Restate, Subject::Day(day)) = (act.what, act.subject) {
                    let closed: Closed = serde_json::from_str(&act.detail)
                        .map_err(|e| StoreError::Corrupt(format!("act {last}: {e}")))?;
                    closes.insert((act.provider_id, day, closed.version), closed.figures);
                }
            }
        }
    }
}

/// What the act of closing a day says of it.
#[derive(serde::Deserialize)]
struct Closed {
    version: i64,
    figures: String,
}

/// The first closed day whose figures are not those of its act.
async fn broken_close(tx: &mut Tx, closes: &HashMap<(String, Day, i64), String>) -> Result<Option<String>> {
    let kept: Vec<(String, Day, i64, String)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT provider_id, business_day, version, figures FROM day_close
             ORDER BY provider_id, business_day, version",
        )
        .fetch_all(c)
        .await?
    });
    if kept.len() != closes.len() {
        let text = format!("{} closes of days, but acts of {}", kept.len(), closes.len());
        return Ok(Some(text));
    }
    for (provider_id, day, version, figures) in kept {
        let name = format!("{provider_id} {day}, version {version}");
        if closes.get(&(provider_id, day, version)) != Some(&figures) {
            return Ok(Some(format!("closed day {name}: not the figures of its act")));
        }
    }
    Ok(None)
}

#[derive(sqlx::FromRow)]
struct ActRow {
    act_no: i64,
    at_ms: TimeMs,
    by_name: String,
    provider_id: String,
    subject: Subject,
    what: ActKind,
    detail: String,
    digest: Vec<u8>,
}

impl ActRow {
    /// The act, and its digest as it is kept.
    fn read(self) -> (Act, Vec<u8>) {
        let act = Act {
            act_no: self.act_no,
            at: self.at_ms,
            by: self.by_name,
            provider_id: self.provider_id,
            subject: self.subject,
            what: self.what,
            detail: self.detail,
        };
        (act, self.digest)
    }
}

/// An act to be appended.
pub(super) struct NewAct<'a> {
    pub provider_id: &'a str,
    pub subject: Subject,
    pub what: ActKind,
    pub detail: serde_json::Value,
}

/// Appends an act to the chain; its number. The transaction has locked the feed.
pub(super) async fn append_act(tx: &mut Tx, new: NewAct<'_>, actor: Actor<'_>) -> Result<i64> {
    refuse_unknown_provider(&mut *tx, new.provider_id).await?;
    let last: Option<(i64, Vec<u8>)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as("SELECT act_no, digest FROM act ORDER BY act_no DESC LIMIT 1")
            .fetch_optional(c)
            .await?
    });
    let (last, before) = match last {
        None => (0, [0; 32]),
        Some((no, digest)) => {
            let wrong = |_| StoreError::Corrupt(format!("digest of act {no}"));
            (no, <[u8; 32]>::try_from(digest).map_err(wrong)?)
        }
    };
    let act = Act {
        act_no: last + 1,
        at: actor.now,
        by: actor.by.to_owned(),
        provider_id: new.provider_id.to_owned(),
        subject: new.subject,
        what: new.what,
        detail: new.detail.to_string(),
    };
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO act (act_no, at_ms, by_name, provider_id, subject, what, detail, digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(act.act_no)
        .bind(act.at.0)
        .bind(&act.by)
        .bind(&act.provider_id)
        .bind(act.subject.to_string())
        .bind(act.what.as_str())
        .bind(&act.detail)
        .bind(act.digest(&before).to_vec())
        .execute(c)
        .await?;
    });
    Ok(act.act_no)
}

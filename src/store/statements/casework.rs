//! What people do about exceptions: decisions with their second person, who looks after what, and the trail of all
//! acts. Everything here passes the feed's gate, so that acts stand in one chain over all instances.

use std::collections::{HashMap, HashSet};

use sqlx::QueryBuilder;

use super::super::{Conflict, Missing, Result, Store, StoreError, Tx, day_of, dialect, on_tx};
use super::{FAR_DAYS, FarPair, INSERT_ROWS_MAX, PLACE_BITS, note_far, refuse_unknown_provider};
use crate::reconcile::{Act, ActKind, Decision, DecisionState, RowFacts, Subject, check_decision};
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, TimeMs};

/// Acts read at once.
const ACTS_AT_ONCE: i64 = 500;

/// A decision that somebody wants to take.
#[derive(Debug, Clone)]
pub struct NewDecision {
    pub provider_id: String,
    /// The row; none where it is about receipts without one.
    pub row_no: Option<i64>,
    pub decision: Decision,
    /// The receipts that the row is given, or that it is about.
    pub receipt_nos: Vec<i64>,
    pub reason: String,
    pub by: String,
    /// Above this amount, đồng, a second person has to agree.
    pub second_person_above_vnd: i64,
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionView {
    /// Its number, that of its act.
    pub decision_no: i64,
    pub provider_id: String,
    /// Day of the row, else of the receipt.
    pub business_day: Day,
    /// The row, if it is about one.
    pub row_no: Option<i64>,
    pub decision: Decision,
    pub state: DecisionState,
    /// The larger of the row and its receipts together, đồng.
    pub amount_vnd: i64,
    pub reason: String,
    pub decided_by: String,
    pub decided_at: TimeMs,
    /// Who agreed, did not agree, or took it back.
    pub second_by: Option<String>,
    pub receipt_nos: Vec<i64>,
}

/// What a second person says, or whoever takes a decision back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Approve,
    Refuse,
    Undo,
}

impl Store {
    /// Takes a decision: it stands, or waits for a second person where its amount is above the limit. It takes
    /// effect when its day is reconciled the next time.
    ///
    /// # Errors
    /// Missing if the row or a receipt is not there; a conflict if it may not be decided so, or
    /// somebody decided about it before.
    pub async fn decide(&self, new: &NewDecision, now: TimeMs) -> Result<DecisionView> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let row = match new.row_no {
            Some(row_no) => Some(row_facts(&mut tx, &new.provider_id, row_no).await?),
            None => None,
        };
        let receipts = receipt_facts(&mut tx, &new.provider_id, &new.receipt_nos).await?;
        let amounts: Vec<i64> = receipts.iter().map(|(_, _, amount_vnd)| *amount_vnd).collect();
        let facts = row.as_ref().map(|(facts, _)| facts);
        check_decision(facts, new.decision, &amounts, &new.reason).map_err(Conflict::Decision)?;
        let takes = row
            .as_ref()
            .is_none_or(|(facts, _)| facts.kind == RowKind::Payment);
        refuse_twice(&mut tx, new, takes).await?;
        let (amount_vnd, day) = match &row {
            // A small row given to a large receipt takes much off it.
            Some((facts, day)) => (facts.amount_vnd.max(amounts.iter().sum()), *day),
            None => {
                let day = receipts.iter().map(|(_, day, _)| *day).min();
                (amounts.iter().sum(), day.unwrap_or(Day::of(now)))
            }
        };
        let state = if amount_vnd > new.second_person_above_vnd {
            DecisionState::Waiting
        } else {
            DecisionState::Standing
        };
        let subject = subject_of(new.row_no, &new.receipt_nos);
        let detail = serde_json::json!({
            "decision": new.decision.as_str(), "receipts": new.receipt_nos, "reason": new.reason.trim(),
            "amount_vnd": amount_vnd, "state": state.as_str(),
        });
        let decision_no = append_act(
            &mut tx,
            (&new.provider_id, subject),
            (ActKind::Decide, &new.by),
            &detail,
            now,
        )
        .await?;
        let view = DecisionView {
            decision_no,
            provider_id: new.provider_id.clone(),
            business_day: day,
            row_no: new.row_no,
            decision: new.decision,
            state,
            amount_vnd,
            reason: new.reason.trim().to_owned(),
            decided_by: new.by.clone(),
            decided_at: now,
            second_by: None,
            receipt_nos: new.receipt_nos.clone(),
        };
        insert_decision(&mut tx, &view).await?;
        if let Some(row_no) = new.row_no {
            let is_far = |(_, other, _): &&(i64, Day, i64)| other.number().abs_diff(day.number()) > FAR_DAYS;
            let far: Vec<FarPair> = receipts
                .iter()
                .filter(is_far)
                .map(|(receipt_no, receipt_day, _)| FarPair {
                    row_no,
                    row_day: day,
                    receipt_no: *receipt_no,
                    receipt_day: *receipt_day,
                })
                .collect();
            note_far(&mut tx, &new.provider_id, &far).await?;
        }
        tx.commit().await?;
        Ok(view)
    }

    /// Answers a decision: approves or refuses one that waits (by another person than who took it), or takes one
    /// back that waits or stands.
    pub async fn answer_decision(
        &self,
        decision_no: i64,
        answer: Answer,
        reason: &str,
        by: &str,
        now: TimeMs,
    ) -> Result<DecisionView> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let found = decisions_where(&mut tx, "decision_no = ", decision_no).await?;
        let Some(mut view) = found.into_iter().next() else {
            return Err(Missing::Decision.into());
        };
        let (what, state) = match (answer, view.state) {
            (Answer::Undo, DecisionState::Waiting | DecisionState::Standing) => {
                (ActKind::Undo, DecisionState::Undone)
            }
            (Answer::Undo, _) => return Err(Conflict::DecisionOver.into()),
            (_, DecisionState::Waiting) if view.decided_by == by => {
                return Err(Conflict::SecondPersonNeeded.into());
            }
            (Answer::Approve, DecisionState::Waiting) => (ActKind::Approve, DecisionState::Standing),
            (Answer::Refuse, DecisionState::Waiting) => (ActKind::Refuse, DecisionState::Refused),
            _ => return Err(Conflict::DecisionNotWaiting.into()),
        };
        let subject = subject_of(view.row_no, &view.receipt_nos);
        let detail = serde_json::json!({ "decision_no": decision_no, "reason": reason.trim() });
        append_act(&mut tx, (&view.provider_id, subject), (what, by), &detail, now).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE decision SET state = $2, second_by = $3, second_at_ms = $4 WHERE decision_no = $1",
            )
            .bind(decision_no)
            .bind(state.as_str())
            .bind(by)
            .bind(now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await?;
        view.state = state;
        view.second_by = Some(by.to_owned());
        Ok(view)
    }

    /// The decisions about the days from the first to the last, whatever became of them, in their order.
    pub async fn decisions(&self, provider_id: &str, (from, to): (Day, Day)) -> Result<Vec<DecisionView>> {
        let mut tx = self.begin_read().await?;
        decisions_of_days(&mut tx, provider_id, (from, to)).await
    }

    /// Writes a comment to an exception or a day.
    pub async fn comment(
        &self,
        provider_id: &str,
        subject: Subject,
        text: &str,
        by: &str,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let detail = serde_json::json!({ "text": text.trim() });
        append_act(
            &mut tx,
            (provider_id, subject),
            (ActKind::Comment, by),
            &detail,
            now,
        )
        .await?;
        tx.commit().await
    }

    /// Gives exceptions to somebody, or to nobody where the name is empty.
    pub async fn assign(
        &self,
        provider_id: &str,
        subjects: &[Subject],
        assignee: &str,
        by: &str,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        for subject in subjects {
            let detail = serde_json::json!({ "to": assignee });
            append_act(
                &mut tx,
                (provider_id, *subject),
                (ActKind::Assign, by),
                &detail,
                now,
            )
            .await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "INSERT INTO assignment (provider_id, subject, assignee) VALUES ($1, $2, $3)
                     ON CONFLICT (provider_id, subject) DO UPDATE SET assignee = excluded.assignee",
                )
                .bind(provider_id)
                .bind(subject.to_string())
                .bind(assignee)
                .execute(c)
                .await?;
            });
        }
        tx.commit().await
    }

    /// Who looks after which exception of a provider.
    pub async fn assignments(&self, provider_id: &str) -> Result<HashMap<Subject, String>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT subject, assignee FROM assignment WHERE provider_id = $1 AND assignee <> ''",
            )
            .bind(provider_id)
            .fetch_all(c)
            .await?
        });
        rows.into_iter()
            .map(|(subject, assignee)| Ok((read_subject(&subject)?, assignee)))
            .collect()
    }

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
        rows.into_iter().map(|row| Ok(read_act(row)?.0)).collect()
    }

    /// Walks the chain of acts: how many hold, and where it breaks, if it does. The figures of closed days are held
    /// against the acts that closed them.
    pub async fn walk_acts(&self) -> Result<(i64, Option<String>)> {
        let mut tx = self.begin_read().await?;
        let mut last = 0;
        let mut digest = [0; 32];
        let mut closes: HashMap<(String, i64, i64), String> = HashMap::new();
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
                let broken = broken_close(&mut tx, &closes).await?;
                return Ok((last, broken));
            }
            for row in rows {
                let (act, kept) = read_act(row)?;
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
                if let (ActKind::Close | ActKind::Restate, Subject::Day(day)) = (act.what, act.subject) {
                    let said: Closed = serde_json::from_str(&act.detail)
                        .map_err(|e| StoreError::Corrupt(format!("act {last}: {e}")))?;
                    closes.insert((act.provider_id, day.number(), said.version), said.figures);
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
async fn broken_close(tx: &mut Tx, closes: &HashMap<(String, i64, i64), String>) -> Result<Option<String>> {
    let kept: Vec<(String, i64, i64, String)> = on_tx!(tx, |c| {
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
        let name = format!("{provider_id} {}, version {version}", day_of(day)?);
        if closes.get(&(provider_id, day, version)) != Some(&figures) {
            return Ok(Some(format!("closed day {name}: not the figures of its act")));
        }
    }
    Ok(None)
}

type ActRow = (i64, i64, String, String, String, String, String, Vec<u8>);

fn read_act((act_no, at, by, provider_id, subject, what, detail, digest): ActRow) -> Result<(Act, Vec<u8>)> {
    let act = Act {
        act_no,
        at: TimeMs(at),
        by,
        provider_id,
        subject: read_subject(&subject)?,
        what: ActKind::parse(&what).ok_or_else(|| StoreError::Corrupt(format!("act {act_no}: {what}")))?,
        detail,
    };
    Ok((act, digest))
}

fn read_subject(text: &str) -> Result<Subject> {
    Subject::parse(text).ok_or_else(|| StoreError::Corrupt(format!("subject {text}")))
}

fn subject_of(row_no: Option<i64>, receipt_nos: &[i64]) -> Subject {
    match row_no {
        Some(row_no) => Subject::Row(row_no),
        None => Subject::Entry(receipt_nos.first().copied().unwrap_or_default()),
    }
}

/// Appends an act to the chain; its number. The transaction has passed the gate.
pub(super) async fn append_act(
    tx: &mut Tx,
    (provider_id, subject): (&str, Subject),
    (what, by): (ActKind, &str),
    detail: &serde_json::Value,
    now: TimeMs,
) -> Result<i64> {
    refuse_unknown_provider(&mut *tx, provider_id).await?;
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
        at: now,
        by: by.to_owned(),
        provider_id: provider_id.to_owned(),
        subject,
        what,
        detail: detail.to_string(),
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

async fn row_facts(tx: &mut Tx, provider_id: &str, row_no: i64) -> Result<(RowFacts, Day)> {
    let row: Option<(String, String, i64, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.kind, r.status, r.amount_vnd, r.fee_vnd + r.vat_vnd, r.business_day FROM statement_row r
             JOIN statement_file f ON f.file_no = $3 AND f.state = 'kept'
             WHERE r.row_no = $1 AND r.provider_id = $2",
        )
        .bind(row_no)
        .bind(provider_id)
        .bind(row_no >> PLACE_BITS)
        .fetch_optional(c)
        .await?
    });
    let (kind, status, amount_vnd, charges_vnd, day) = row.ok_or(Missing::StatementRow)?;
    let wrong = |word: &str| StoreError::Corrupt(format!("word {word} of a statement row"));
    let facts = RowFacts {
        kind: RowKind::parse(&kind).ok_or_else(|| wrong(&kind))?,
        status: RowStatus::parse(&status).ok_or_else(|| wrong(&status))?,
        amount_vnd,
        charges_vnd,
    };
    Ok((facts, day_of(day)?))
}

/// Number, day and amount of each receipt.
async fn receipt_facts(tx: &mut Tx, provider_id: &str, nos: &[i64]) -> Result<Vec<(i64, Day, i64)>> {
    let unique: HashSet<i64> = nos.iter().copied().collect();
    let mut found = Vec::with_capacity(nos.len());
    for chunk in nos.chunks(INSERT_ROWS_MAX) {
        let rows: Vec<(i64, i64, i64)> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT entry_no, business_day, amount_vnd FROM receipt WHERE provider_id = ",
            );
            sql.push_bind(provider_id).push(" AND entry_no IN ");
            sql.push_tuples(chunk, |mut row, no| {
                row.push_bind(*no);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        for (no, day, amount_vnd) in rows {
            found.push((no, day_of(day)?, amount_vnd));
        }
    }
    if found.len() != nos.len() || unique.len() != nos.len() {
        return Err(Missing::Receipts.into());
    }
    Ok(found)
}

/// A row is decided about once, and a receipt given to one payment; money back may be of any.
async fn refuse_twice(tx: &mut Tx, new: &NewDecision, takes: bool) -> Result<()> {
    if let Some(row_no) = new.row_no {
        let before =
            decisions_where(&mut *tx, "state IN ('waiting', 'standing') AND row_no = ", row_no).await?;
        if !before.is_empty() {
            return Err(Conflict::RowDecided.into());
        }
    }
    for chunk in new.receipt_nos.chunks(INSERT_ROWS_MAX).filter(|_| takes) {
        let taken: Vec<(i64,)> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT dr.receipt_no FROM decision_receipt dr JOIN decision d ON d.decision_no = dr.decision_no
                 WHERE d.state IN ('waiting', 'standing')
                   AND (d.row_no = 0 OR EXISTS (SELECT 1 FROM statement_row r
                                                WHERE r.row_no = d.row_no AND r.kind = 'payment'))
                   AND dr.receipt_no IN ",
            );
            sql.push_tuples(chunk, |mut row, no| {
                row.push_bind(*no);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        if !taken.is_empty() {
            return Err(Conflict::ReceiptDecided.into());
        }
    }
    Ok(())
}

async fn insert_decision(tx: &mut Tx, view: &DecisionView) -> Result<()> {
    on_tx!(&mut *tx, |c| {
        sqlx::query(
            "INSERT INTO decision (decision_no, provider_id, business_day, row_no, kind, state, amount_vnd, reason,
               decided_by, decided_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(view.decision_no)
        .bind(&view.provider_id)
        .bind(view.business_day.number())
        .bind(view.row_no.unwrap_or_default())
        .bind(view.decision.as_str())
        .bind(view.state.as_str())
        .bind(view.amount_vnd)
        .bind(&view.reason)
        .bind(&view.decided_by)
        .bind(view.decided_at.0)
        .execute(c)
        .await?;
    });
    for chunk in view.receipt_nos.chunks(INSERT_ROWS_MAX) {
        on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new("INSERT INTO decision_receipt (decision_no, receipt_no) ");
            sql.push_values(chunk, |mut row, no| {
                row.push_bind(view.decision_no).push_bind(*no);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

const DECISION_COLUMNS: &str =
    "d.decision_no, d.provider_id, d.business_day, d.row_no, d.kind, d.state, d.amount_vnd,
    d.reason, d.decided_by, d.decided_at_ms, d.second_by";

type DecisionRow = (
    i64,
    String,
    i64,
    i64,
    String,
    String,
    i64,
    String,
    String,
    i64,
    Option<String>,
);

async fn decisions_where(tx: &mut Tx, condition: &'static str, value: i64) -> Result<Vec<DecisionView>> {
    let rows: Vec<DecisionRow> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(format!(
            "SELECT {DECISION_COLUMNS} FROM decision d WHERE d.{condition}"
        ));
        sql.push_bind(value);
        sql.build_query_as().fetch_all(c).await?
    });
    with_receipts(tx, rows).await
}

/// The decisions of some days, in their order.
pub(super) async fn decisions_of_days(
    tx: &mut Tx,
    provider_id: &str,
    (from, to): (Day, Day),
) -> Result<Vec<DecisionView>> {
    let rows: Vec<DecisionRow> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(format!(
            "SELECT {DECISION_COLUMNS} FROM decision d WHERE d.provider_id = "
        ));
        sql.push_bind(provider_id)
            .push(" AND d.business_day >= ")
            .push_bind(from.number())
            .push(" AND d.business_day <= ")
            .push_bind(to.number())
            .push(" ORDER BY d.decision_no");
        sql.build_query_as().fetch_all(c).await?
    });
    with_receipts(tx, rows).await
}

/// The decisions about these rows.
pub(super) async fn decisions_of_rows(tx: &mut Tx, row_nos: &[i64]) -> Result<Vec<DecisionView>> {
    let mut rows: Vec<DecisionRow> = Vec::new();
    for chunk in row_nos.chunks(INSERT_ROWS_MAX) {
        let some: Vec<DecisionRow> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "SELECT {DECISION_COLUMNS} FROM decision d WHERE d.row_no <> 0 AND d.row_no IN "
            ));
            sql.push_tuples(chunk, |mut row, no| {
                row.push_bind(*no);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        rows.extend(some);
    }
    with_receipts(tx, rows).await
}

async fn with_receipts(tx: &mut Tx, rows: Vec<DecisionRow>) -> Result<Vec<DecisionView>> {
    let mut views = Vec::with_capacity(rows.len());
    for (decision_no, provider_id, day, row_no, kind, state, amount_vnd, reason, decided_by, at, second_by) in
        rows
    {
        let wrong = |word: &str| StoreError::Corrupt(format!("word {word} of decision {decision_no}"));
        views.push(DecisionView {
            decision_no,
            provider_id,
            business_day: day_of(day)?,
            row_no: (row_no != 0).then_some(row_no),
            decision: Decision::parse(&kind).ok_or_else(|| wrong(&kind))?,
            state: DecisionState::parse(&state).ok_or_else(|| wrong(&state))?,
            amount_vnd,
            reason,
            decided_by,
            decided_at: TimeMs(at),
            second_by,
            receipt_nos: Vec::new(),
        });
    }
    let nos: Vec<i64> = views.iter().map(|view| view.decision_no).collect();
    let mut receipts: HashMap<i64, Vec<i64>> = HashMap::new();
    for chunk in nos.chunks(INSERT_ROWS_MAX) {
        let rows: Vec<(i64, i64)> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT decision_no, receipt_no FROM decision_receipt WHERE decision_no IN ",
            );
            sql.push_tuples(chunk, |mut row, no| {
                row.push_bind(*no);
            });
            sql.push(" ORDER BY decision_no, receipt_no");
            sql.build_query_as().fetch_all(c).await?
        });
        for (decision_no, receipt_no) in rows {
            receipts.entry(decision_no).or_default().push(receipt_no);
        }
    }
    for view in &mut views {
        view.receipt_nos = receipts.remove(&view.decision_no).unwrap_or_default();
    }
    Ok(views)
}

//! What people do about exceptions: decisions with their second person, comments, and who looks after what. Everything
//! here locks the feed, so that acts stand in one chain over all instances.

use std::collections::{HashMap, HashSet};

use sqlx::QueryBuilder;

use super::super::tokens::living_token;
use super::super::{Actor, Conflict, Missing, Result, Store, Tx, dialect, fetch_in_chunks, on_tx, pieces};
use super::act::{NewAct, append_act};
use super::distant::insert_distant_pairs;
use super::row::file_of;
use crate::reconcile::{ActKind, Decision, DecisionState, DistantPair, RowFacts, Subject, check_decision};
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, DayRange, TimeMs};

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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
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
    #[sqlx(skip)]
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
        let amounts: Vec<i64> = receipts.iter().map(|receipt| receipt.amount_vnd).collect();
        let facts = row.as_ref().map(|(facts, _)| facts);
        check_decision(facts, new.decision, &amounts, &new.reason).map_err(Conflict::Decision)?;
        let takes_receipts = facts.is_none_or(|facts| facts.kind == RowKind::Payment);
        refuse_twice(&mut tx, new, takes_receipts).await?;
        let (amount_vnd, business_day) = match &row {
            // A small row given to a large receipt takes much off it.
            Some((facts, day)) => (facts.amount_vnd.max(amounts.iter().sum()), *day),
            None => {
                let day = receipts.iter().map(|receipt| receipt.day).min();
                (amounts.iter().sum(), day.unwrap_or(Day::of(now)))
            }
        };
        let state = if amount_vnd > new.second_person_above_vnd {
            DecisionState::Waiting
        } else {
            DecisionState::Standing
        };
        let act = NewAct {
            provider_id: &new.provider_id,
            subject: subject_of(new.row_no, &new.receipt_nos),
            what: ActKind::Decide,
            detail: serde_json::json!({
                "decision": new.decision.as_str(), "receipts": new.receipt_nos, "reason": new.reason.trim(),
                "amount_vnd": amount_vnd, "state": state.as_str(),
            }),
        };
        let decision_no = append_act(&mut tx, act, Actor { by: &new.by, now }).await?;
        let view = DecisionView {
            decision_no,
            provider_id: new.provider_id.clone(),
            business_day,
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
            let pairs = receipts.iter().map(|receipt| DistantPair {
                row_no,
                row_day: business_day,
                receipt_no: receipt.no,
                receipt_day: receipt.day,
            });
            let distant: Vec<DistantPair> = pairs.filter(DistantPair::is_distant).collect();
            insert_distant_pairs(&mut tx, &new.provider_id, &distant).await?;
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
        actor: Actor<'_>,
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
            (Answer::Undo, _) => {
                return Err(Conflict::DecisionOver.into());
            }
            (_, DecisionState::Waiting) if view.decided_by == actor.by => {
                return Err(Conflict::SecondPersonNeeded.into());
            }
            (Answer::Approve, DecisionState::Waiting) => (ActKind::Approve, DecisionState::Standing),
            (Answer::Refuse, DecisionState::Waiting) => (ActKind::Refuse, DecisionState::Refused),
            _ => return Err(Conflict::DecisionNotWaiting.into()),
        };
        let act = NewAct {
            provider_id: &view.provider_id,
            subject: subject_of(view.row_no, &view.receipt_nos),
            what,
            detail: serde_json::json!({ "decision_no": decision_no, "reason": reason.trim() }),
        };
        append_act(&mut tx, act, actor).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE decision SET state = $2, second_by = $3, second_at_ms = $4 WHERE decision_no = $1",
            )
            .bind(decision_no)
            .bind(state.as_str())
            .bind(actor.by)
            .bind(actor.now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await?;
        view.state = state;
        view.second_by = Some(actor.by.to_owned());
        Ok(view)
    }

    /// The decisions about the days from the first to the last, whatever became of them, in their order.
    pub async fn decisions(&self, provider_id: &str, days: impl Into<DayRange>) -> Result<Vec<DecisionView>> {
        let mut tx = self.begin_read().await?;
        decisions_of_days(&mut tx, provider_id, days.into()).await
    }

    /// Writes a comment to an exception or a day.
    pub async fn comment(
        &self,
        provider_id: &str,
        subject: Subject,
        text: &str,
        actor: Actor<'_>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let act = NewAct {
            provider_id,
            subject,
            what: ActKind::Comment,
            detail: serde_json::json!({ "text": text.trim() }),
        };
        append_act(&mut tx, act, actor).await?;
        tx.commit().await
    }

    /// Keeps that somebody looked at these receipts to decide about a subject, and why they needed more than the receipts
    /// of its own amount, where they did; the number of the act.
    pub async fn keep_look(
        &self,
        provider_id: &str,
        subject: Subject,
        (receipt_nos, reason): (&[i64], &str),
        actor: Actor<'_>,
    ) -> Result<i64> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let act = NewAct {
            provider_id,
            subject,
            what: ActKind::Look,
            detail: serde_json::json!({ "receipts": receipt_nos, "reason": reason.trim() }),
        };
        let act_no = append_act(&mut tx, act, actor).await?;
        tx.commit().await?;
        Ok(act_no)
    }

    /// Gives exceptions to a person who may sign in, or to nobody where the name is empty.
    pub async fn assign(
        &self,
        provider_id: &str,
        subjects: &[Subject],
        assignee: &str,
        actor: Actor<'_>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let assignee = assignee.trim();
        if !assignee.is_empty() && !matches!(living_token(&mut tx, assignee).await?, Some((_, None))) {
            let name = assignee.to_owned();
            return Err(Missing::Person { name }.into());
        }
        dialect::lock_feed(&mut tx).await?;
        for subject in subjects {
            let act = NewAct {
                provider_id,
                subject: *subject,
                what: ActKind::Assign,
                detail: serde_json::json!({ "to": assignee }),
            };
            append_act(&mut tx, act, actor).await?;
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
        let rows: Vec<(Subject, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT subject, assignee FROM assignment WHERE provider_id = $1 AND assignee <> ''",
            )
            .bind(provider_id)
            .fetch_all(c)
            .await?
        });
        Ok(rows.into_iter().collect())
    }
}

fn subject_of(row_no: Option<i64>, receipt_nos: &[i64]) -> Subject {
    match row_no {
        Some(row_no) => Subject::Row(row_no),
        None => Subject::Entry(receipt_nos.first().copied().unwrap_or_default()),
    }
}

async fn row_facts(tx: &mut Tx, provider_id: &str, row_no: i64) -> Result<(RowFacts, Day)> {
    #[derive(sqlx::FromRow)]
    struct Row {
        kind: RowKind,
        status: RowStatus,
        amount_vnd: i64,
        charges_vnd: i64,
        business_day: Day,
    }
    let row: Option<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT r.kind, r.status, r.amount_vnd, r.fee_vnd + r.vat_vnd AS charges_vnd, r.business_day
             FROM statement_row r
             JOIN statement_file f ON f.file_no = $3 AND f.state = 'kept'
             WHERE r.row_no = $1 AND r.provider_id = $2",
        )
        .bind(row_no)
        .bind(provider_id)
        .bind(file_of(row_no))
        .fetch_optional(c)
        .await?
    });
    let row = row.ok_or(Missing::StatementRow)?;
    let facts = RowFacts {
        kind: row.kind,
        status: row.status,
        amount_vnd: row.amount_vnd,
        charges_vnd: row.charges_vnd,
    };
    Ok((facts, row.business_day))
}

/// A receipt, as far as a decision is about it.
#[derive(sqlx::FromRow)]
struct ReceiptFacts {
    no: i64,
    day: Day,
    amount_vnd: i64,
}

async fn receipt_facts(tx: &mut Tx, provider_id: &str, nos: &[i64]) -> Result<Vec<ReceiptFacts>> {
    let unique: HashSet<i64> = nos.iter().copied().collect();
    let sql = "SELECT entry_no AS no, business_day AS day, amount_vnd FROM receipt
               WHERE provider_id = $1 AND entry_no IN (…)";
    let receipts: Vec<ReceiptFacts> = fetch_in_chunks(tx, sql, &[provider_id.into()], nos).await?;
    if receipts.len() != nos.len() || unique.len() != nos.len() {
        return Err(Missing::Receipts.into());
    }
    Ok(receipts)
}

/// A row is decided about once, and a receipt given to one payment; money back may be of any.
async fn refuse_twice(tx: &mut Tx, new: &NewDecision, takes_receipts: bool) -> Result<()> {
    if let Some(row_no) = new.row_no {
        let before =
            decisions_where(&mut *tx, "state IN ('waiting', 'standing') AND row_no = ", row_no).await?;
        if !before.is_empty() {
            return Err(Conflict::RowDecided.into());
        }
    }
    if takes_receipts {
        let taken: Vec<(i64,)> = fetch_in_chunks(
            tx,
            "SELECT dr.receipt_no FROM decision_receipt dr JOIN decision d ON d.decision_no = dr.decision_no
             WHERE d.state IN ('waiting', 'standing')
               AND (d.row_no = 0 OR EXISTS (SELECT 1 FROM statement_row r
                                            WHERE r.row_no = d.row_no AND r.kind = 'payment'))
               AND dr.receipt_no IN (…)",
            &[],
            &new.receipt_nos,
        )
        .await?;
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
    for piece in pieces(&view.receipt_nos) {
        on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new("INSERT INTO decision_receipt (decision_no, receipt_no) ");
            sql.push_values(piece, |mut row, no| {
                row.push_bind(view.decision_no).push_bind(*no);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

const DECISION_COLUMNS: &str =
    "d.decision_no, d.provider_id, d.business_day, NULLIF(d.row_no, 0) AS row_no, d.kind AS decision, d.state,
    d.amount_vnd, d.reason, d.decided_by, d.decided_at_ms AS decided_at, d.second_by";

async fn decisions_where(tx: &mut Tx, condition: &'static str, value: i64) -> Result<Vec<DecisionView>> {
    let rows: Vec<DecisionView> = on_tx!(&mut *tx, |c, Db| {
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
    days: DayRange,
) -> Result<Vec<DecisionView>> {
    let rows: Vec<DecisionView> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(format!(
            "SELECT {DECISION_COLUMNS} FROM decision d WHERE d.provider_id = "
        ));
        sql.push_bind(provider_id)
            .push(" AND d.business_day >= ")
            .push_bind(days.first.number())
            .push(" AND d.business_day <= ")
            .push_bind(days.last.number())
            .push(" ORDER BY d.decision_no");
        sql.build_query_as().fetch_all(c).await?
    });
    with_receipts(tx, rows).await
}

/// The decisions about these rows.
pub(super) async fn decisions_of_rows(tx: &mut Tx, row_nos: &[i64]) -> Result<Vec<DecisionView>> {
    let sql = format!("SELECT {DECISION_COLUMNS} FROM decision d WHERE d.row_no <> 0 AND d.row_no IN (…)");
    let rows = fetch_in_chunks(&mut *tx, &sql, &[], row_nos).await?;
    with_receipts(tx, rows).await
}

async fn with_receipts(tx: &mut Tx, mut decisions: Vec<DecisionView>) -> Result<Vec<DecisionView>> {
    let rows: Vec<(i64, i64)> = fetch_in_chunks(
        tx,
        "SELECT decision_no, receipt_no FROM decision_receipt WHERE decision_no IN (…)
         ORDER BY decision_no, receipt_no",
        &[],
        decisions.iter().map(|decision| decision.decision_no),
    )
    .await?;
    let mut receipts: HashMap<i64, Vec<i64>> = HashMap::new();
    for (decision_no, receipt_no) in rows {
        receipts.entry(decision_no).or_default().push(receipt_no);
    }
    for decision in &mut decisions {
        let receipt_nos = receipts.remove(&decision.decision_no);
        decision.receipt_nos = receipt_nos.unwrap_or_default();
    }
    Ok(decisions)
}

//! Payments that wait for a person: whom they name, what lies beside them, and what a person makes of them. A decision is
//! an act of the chain; the evidence keeps the entry as the notice it came as.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::register::is_account_of_stall;
use super::super::statements::append_post;
use super::super::{Actor, Conflict, Missing, Result, Store, Tx, dialect, fetch_in_chunks, on_tx, pieces};
use super::draft::Draft;
use super::head::read_head;
use super::{refunds, rows};
use crate::ledger::{Counters, LedgerNo, Reason, State};
use crate::notice::NoticeKind;
use crate::reconcile::{ActKind, PostedByHand, REASON_CHARS, Subject};
use crate::register::StallCode;
use crate::vn::{AccountNumber, Day, Dong, TimeMs};

/// Other contents of one event that are looked at.
const BESIDE_MAX: i64 = 20;
/// The first of an event is looked for among the entries of so many days before.
const BESIDE_DAYS: i64 = 7;

/// Whom a payment names that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPayee {
    /// Six digits, or empty.
    pub bank_bin: String,
    /// Masked when shown; none where the notice names no account.
    pub account: Option<AccountNumber>,
    pub terminal: String,
    /// The stall code of its note or reference.
    pub stall_code: String,
    /// The day it counts for.
    pub day: Day,
    /// When it was paid, where the notice says so.
    pub occurred_at: Option<TimeMs>,
    bank_ref: Option<String>,
}

/// A notice that waits, whole.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WaitingWhole {
    pub no: LedgerNo,
    pub provider_id: String,
    pub event_id: String,
    pub provider_txn_id: String,
    pub kind: String,
    pub amount: Dong,
    pub reason: String,
    pub received_at: TimeMs,
    content: Vec<u8>,
    /// None where it came before this was kept.
    #[sqlx(skip)]
    pub payee: Option<WaitingPayee>,
}

impl WaitingWhole {
    /// The day it counts for.
    pub fn day(&self) -> Day {
        self.payee
            .as_ref()
            .map_or(Day::of(self.received_at), |payee| payee.day)
    }

    /// Whether a person may say whose it is: a payment, the first of its event, that is only not attributed.
    pub fn is_postable(&self) -> bool {
        let reasons = [
            Reason::UnknownAccount,
            Reason::AmbiguousAccount,
            Reason::NoValidLink,
            Reason::AmbiguousStall,
            Reason::UnknownOrder,
            Reason::OrderAmountDiffers,
        ];
        self.kind == NoticeKind::Payment.as_str()
            && self.amount.vnd() > 0
            && reasons.iter().any(|reason| reason.as_str() == self.reason)
    }
}

/// Another notice or receipt of the same event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EventBeside {
    pub no: LedgerNo,
    pub amount: Dong,
    pub received_at: TimeMs,
    /// `posted`, `quarantined` or `ignored`.
    pub state: String,
}

/// What a person says of a payment that waits.
#[derive(Debug, Clone, Copy)]
pub struct NewPosting<'a> {
    pub no: LedgerNo,
    /// Whose it is.
    pub stall_id: &'a str,
    pub reason: &'a str,
    /// Above this amount, đồng, a second person has to say the same.
    pub second_person_above_vnd: i64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    Posted,
    /// A second person has to say the same.
    Waits,
}

#[derive(sqlx::FromRow)]
struct PayeeRow {
    entry_no: i64,
    bank_bin: String,
    account_number: String,
    terminal: String,
    stall_code: String,
    business_day: Day,
    occurred_at_ms: Option<TimeMs>,
    bank_ref: Option<String>,
}

impl From<PayeeRow> for WaitingPayee {
    fn from(row: PayeeRow) -> WaitingPayee {
        WaitingPayee {
            bank_bin: row.bank_bin,
            account: AccountNumber::parse(&row.account_number).ok(),
            terminal: row.terminal,
            stall_code: row.stall_code,
            day: row.business_day,
            occurred_at: row.occurred_at_ms,
            bank_ref: row.bank_ref,
        }
    }
}

/// Keeps whom the payments among these name that wait.
pub(super) async fn insert_payees(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<()> {
    let is_waiting = |d: &&Draft<'_>| d.state == State::Quarantined && !d.item.kind.takes_back();
    let waiting: Vec<&Draft<'_>> = kept.iter().filter(is_waiting).collect();
    for piece in pieces(&waiting) {
        on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO waiting_payee (entry_no, bank_bin, account_number, terminal, stall_code, business_day,
                   occurred_at_ms, bank_ref) ",
            );
            sql.push_values(piece, |mut row, d| {
                let details = &d.item.details;
                let account = AccountNumber::parse(&details.account_number);
                let account = account.map(|account| account.reveal().to_owned());
                row.push_bind(d.entry_no.get())
                    .push_bind(details.bank_bin.clone().unwrap_or_default())
                    .push_bind(account.unwrap_or_default())
                    .push_bind(details.terminal.clone().unwrap_or_default())
                    .push_bind(code_in(details.note.as_deref(), &details.reference))
                    .push_bind(d.business_day().number())
                    .push_bind(details.occurred_at.map(|t| t.0))
                    .push_bind(d.bank_ref().map(str::to_owned));
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// The first stall code in a note, else in a reference.
fn code_in(note: Option<&str>, reference: &str) -> String {
    let texts = [note.unwrap_or_default(), reference];
    let mut words = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
    let code = words.find_map(|word| StallCode::parse(word).ok());
    code.map_or(String::new(), |code| code.to_string())
}

const PAYEE_COLUMNS: &str =
    "entry_no, bank_bin, account_number, terminal, stall_code, business_day, occurred_at_ms, bank_ref";

impl Store {
    /// Whom these waiting notices name, as far as that was kept.
    pub async fn waiting_payees(&self, nos: &[LedgerNo]) -> Result<HashMap<LedgerNo, WaitingPayee>> {
        let mut tx = self.begin_read().await?;
        let sql = format!("SELECT {PAYEE_COLUMNS} FROM waiting_payee WHERE entry_no IN (…)");
        let nos: Vec<i64> = nos.iter().map(|no| no.get()).collect();
        let rows: Vec<PayeeRow> = fetch_in_chunks(&mut tx, &sql, &[], &nos).await?;
        let payee = |row: PayeeRow| (LedgerNo::of(row.entry_no), WaitingPayee::from(row));
        Ok(rows.into_iter().map(payee).collect())
    }

    /// A notice that waits; none if it does not, or there is none.
    pub async fn waiting_notice(&self, no: LedgerNo) -> Result<Option<WaitingWhole>> {
        let mut tx = self.begin_read().await?;
        waiting(&mut tx, no).await
    }

    /// What else is kept of the event of a waiting notice: the receipt or notice that came first, and other contents, in
    /// the order in which they came.
    pub async fn events_beside(&self, notice: &WaitingWhole) -> Result<Vec<EventBeside>> {
        let first = notice.no.get() - BESIDE_DAYS * LedgerNo::PER_DAY;
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT entry_no AS no, amount_vnd AS amount, posted_at_ms AS received_at, CAST('posted' AS TEXT) AS state
                 FROM receipt
                 WHERE entry_no >= $3 AND entry_no <= $4 AND provider_id = $1
                   AND (event_id = $2 OR (event_id IS NULL AND provider_txn_id = $2))
                 UNION ALL
                 SELECT entry_no, amount_vnd, received_at_ms, state FROM notice
                 WHERE entry_no >= $3 AND entry_no <= $4 AND entry_no <> $4 AND provider_id = $1 AND event_id = $2
                 ORDER BY 1 LIMIT $5",
            )
            .bind(&notice.provider_id)
            .bind(&notice.event_id)
            .bind(first)
            .bind(notice.no.get())
            .bind(BESIDE_MAX)
            .fetch_all(c)
            .await?
        }))
    }

    /// The other payments that wait and name the same account, oldest first.
    pub async fn waiting_for_account(&self, notice: &WaitingWhole) -> Result<Vec<LedgerNo>> {
        let Some(payee) = &notice.payee else {
            return Ok(Vec::new());
        };
        let Some(account) = &payee.account else {
            return Ok(Vec::new());
        };
        let mut tx = self.begin_read().await?;
        let rows: Vec<(LedgerNo,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT n.entry_no FROM notice n JOIN waiting_payee w ON w.entry_no = n.entry_no
                 WHERE n.state = 'quarantined' AND n.kind = 'payment' AND n.entry_no <> $4
                   AND w.account_number = $1 AND w.bank_bin = $2 AND n.provider_id = $3
                   AND n.reason IN ('unknown_account', 'no_valid_link')
                 ORDER BY n.entry_no LIMIT 500",
            )
            .bind(account.reveal())
            .bind(&payee.bank_bin)
            .bind(&notice.provider_id)
            .bind(notice.no.get())
            .fetch_all(c)
            .await?
        });
        Ok(rows.into_iter().map(|(no,)| no).collect())
    }

    /// The stalls to which the account of a waiting payment is linked on its day, with a second person's word where that
    /// is needed, as (stall, its code, the household).
    pub async fn stalls_of_waiting(&self, notice: &WaitingWhole) -> Result<Vec<(String, String, String)>> {
        let Some(payee) = &notice.payee else {
            return Ok(Vec::new());
        };
        let Some(account) = &payee.account else {
            return Ok(Vec::new());
        };
        self.stalls_of_account(&payee.bank_bin, account, payee.day).await
    }

    /// Says whose a waiting payment is: it becomes a receipt of that stall, unless it is large and nobody else has said
    /// the same. It is announced to nobody: the customer is long gone.
    ///
    /// # Errors
    /// A conflict if it does not wait, cannot be posted, or names an account that is not this stall's.
    pub async fn post_waiting(&self, new: NewPosting<'_>, actor: Actor<'_>) -> Result<Posting> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let head = read_head(&mut tx).await?;
        let notice = waiting(&mut tx, new.no)
            .await?
            .ok_or(Conflict::NoticeNotWaiting)?;
        if !notice.is_postable() {
            return Err(Conflict::NoticeNotPostable.into());
        }
        refuse_reason(new.reason)?;
        let day = notice.day();
        let account = notice.payee.as_ref().and_then(|payee| payee.account.as_ref());
        if let Some(account) = account {
            let bank_bin = notice.payee.as_ref().map_or("", |payee| &payee.bank_bin);
            if !is_account_of_stall(&mut tx, (bank_bin, account), new.stall_id, day).await? {
                return Err(Conflict::AccountNotOfStall.into());
            }
        }
        let to = owner_of(&mut tx, new.stall_id, day).await?;
        let is_large = notice.amount.vnd() > new.second_person_above_vnd;
        let word = PostedByHand {
            stall_id: new.stall_id.to_owned(),
            household_id: to.0,
            place_id: to.1,
            business_day: day,
            amount_vnd: notice.amount.vnd(),
            reason: new.reason.trim().to_owned(),
        };
        let subject = Subject::Entry(new.no.get());
        let what = if is_large
            && !append_post::is_proposed_by_another(&mut tx, &notice.provider_id, subject, &word, actor)
                .await?
        {
            ActKind::Propose
        } else {
            ActKind::Post
        };
        let act_no = append_post::append(&mut tx, &notice.provider_id, subject, (what, &word), actor).await?;
        if what == ActKind::Propose {
            tx.commit().await?;
            return Ok(Posting::Waits);
        }
        let mut counters = Counters::default();
        let provider_id = notice.provider_id.as_str().into();
        let received_day = Day::of(notice.received_at);
        counters.moved(
            &provider_id,
            received_day,
            State::Quarantined,
            State::Posted,
            notice.amount,
        );
        make_receipt(&mut tx, &notice, &word, act_no, actor.now).await?;
        if new.no <= head.counted_entry_no {
            rows::add_to_days(&mut tx, LedgerNo::of(new.no.get() - 1), new.no).await?;
        }
        refunds::join_posted(
            &mut tx,
            &provider_id,
            &notice.event_id,
            new.no,
            &head,
            &mut counters,
        )
        .await?;
        rows::add_counters(&mut tx, &counters).await?;
        tx.commit().await?;
        Ok(Posting::Posted)
    }

    /// Says that a waiting notice moves no money: it is ignored from now on.
    pub async fn dismiss_waiting(&self, no: LedgerNo, reason: &str, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::lock_feed(&mut tx).await?;
        let notice = waiting(&mut tx, no).await?.ok_or(Conflict::NoticeNotWaiting)?;
        refuse_reason(reason)?;
        // A refund finds its payment by itself, and would be looked for in vain afterwards.
        if notice.reason == Reason::RefundBeforePayment.as_str() {
            return Err(Conflict::NoticeNotPostable.into());
        }
        append_post::dismiss(
            &mut tx,
            &notice.provider_id,
            Subject::Entry(no.get()),
            reason,
            actor,
        )
        .await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE notice SET state = 'ignored' WHERE entry_no = $1")
                .bind(no.get())
                .execute(c)
                .await?;
        });
        let mut counters = Counters::default();
        let day = Day::of(notice.received_at);
        let provider_id = notice.provider_id.as_str().into();
        counters.moved(
            &provider_id,
            day,
            State::Quarantined,
            State::Ignored,
            notice.amount,
        );
        rows::add_counters(&mut tx, &counters).await?;
        tx.commit().await
    }
}

fn refuse_reason(reason: &str) -> Result<()> {
    if REASON_CHARS.contains(&reason.trim().chars().count()) {
        Ok(())
    } else {
        Err(Conflict::Decision(crate::reconcile::DecisionError::Reason).into())
    }
}

async fn waiting(tx: &mut Tx, no: LedgerNo) -> Result<Option<WaitingWhole>> {
    let notice: Option<WaitingWhole> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT entry_no AS no, provider_id, event_id, provider_txn_id, kind, amount_vnd AS amount, reason,
                    received_at_ms AS received_at, content_digest AS content
             FROM notice WHERE entry_no = $1 AND state = 'quarantined'",
        )
        .bind(no.get())
        .fetch_optional(c)
        .await?
    });
    let Some(mut notice) = notice else { return Ok(None) };
    let sql = format!("SELECT {PAYEE_COLUMNS} FROM waiting_payee WHERE entry_no IN (…)");
    let payees: Vec<PayeeRow> = fetch_in_chunks(tx, &sql, &[], [no.get()]).await?;
    notice.payee = payees.into_iter().next().map(WaitingPayee::from);
    Ok(Some(notice))
}

/// Household of a stall and that household's principal place on a day.
async fn owner_of(tx: &mut Tx, stall_id: &str, day: Day) -> Result<(String, String)> {
    let row: Option<(String, String)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT s.household_id, v.place_id FROM stall s
             JOIN household_version v ON v.household_id = s.household_id AND v.valid_from_day <= $2
             WHERE s.stall_id = $1 ORDER BY v.valid_from_day DESC, v.recorded_at_ms DESC LIMIT 1",
        )
        .bind(stall_id)
        .bind(day.number())
        .fetch_optional(c)
        .await?
    });
    let stall_id = stall_id.to_owned();
    row.ok_or_else(|| Missing::StallOn { stall_id, day }.into())
}

/// The notice goes, and a receipt under its number takes its place.
async fn make_receipt(
    tx: &mut Tx,
    notice: &WaitingWhole,
    to: &PostedByHand,
    act_no: i64,
    now: TimeMs,
) -> Result<()> {
    let no = notice.no.get();
    let own_event = (notice.event_id != notice.provider_txn_id).then_some(&notice.event_id);
    let payee = notice.payee.as_ref();
    on_tx!(&mut *tx, |c| {
        sqlx::query("DELETE FROM notice WHERE entry_no = $1")
            .bind(no)
            .execute(&mut *c)
            .await?;
        sqlx::query("DELETE FROM waiting_payee WHERE entry_no = $1")
            .bind(no)
            .execute(&mut *c)
            .await?;
        sqlx::query(
            "INSERT INTO receipt (entry_no, household_id, business_day, stall_id, place_id, provider_id,
               provider_txn_id, event_id, content_digest, amount_vnd, occurred_at_ms, posted_at_ms, bank_ref)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(no)
        .bind(&to.household_id)
        .bind(to.business_day.number())
        .bind(&to.stall_id)
        .bind(&to.place_id)
        .bind(&notice.provider_id)
        .bind(&notice.provider_txn_id)
        .bind(own_event)
        .bind(&notice.content)
        .bind(notice.amount.vnd())
        .bind(payee.and_then(|payee| payee.occurred_at).map(|t| t.0))
        .bind(notice.received_at.0)
        .bind(payee.and_then(|payee| payee.bank_ref.as_deref()))
        .execute(&mut *c)
        .await?;
        sqlx::query("INSERT INTO posted_by_hand (entry_no, act_no, posted_at_ms) VALUES ($1, $2, $3)")
            .bind(no)
            .bind(act_no)
            .bind(now.0)
            .execute(&mut *c)
            .await?;
    });
    if to.business_day.number() + 1 < notice.no.day_number() {
        on_tx!(tx, |c| {
            sqlx::query("INSERT INTO late_receipt (provider_id, business_day, entry_no) VALUES ($1, $2, $3)")
                .bind(&notice.provider_id)
                .bind(to.business_day.number())
                .bind(no)
                .execute(c)
                .await?;
        });
    }
    Ok(())
}

//! Handing out codes, ending them, and what their serials show.

use sqlx::QueryBuilder;

use super::super::{
    Actor, Conflict, Creation, Missing, Result, Store, StoreError, Tx, day_of, on_tx, period_of, pieces,
};
use super::lifecycle::{LinkedOn, is_linked, require_approval};
use super::read::ended_of;
use super::{fresh_serial, write};
use crate::register::{CodeEnd, CodeRow, Rows};
use crate::vietqr::stall_payload;
use crate::vn::{AccountNumber, Day, TimeMs};

/// A code to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    pub stall_id: String,
    /// To which of its accounts; none where it has one.
    pub account_id: Option<String>,
}

/// A code that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCode {
    pub stall_id: String,
    pub serial: String,
    pub payload: String,
    /// The day it was handed out.
    pub issued_on: Day,
    /// False when the stall already had this code and it was only given again.
    pub is_new: bool,
}

/// How a code ends.
#[derive(Debug, Clone, Copy)]
pub struct CodeEnding<'a> {
    pub end: CodeEnd,
    /// May be empty.
    pub reason: &'a str,
    /// The first day on which it is no longer good.
    pub on: Day,
}

/// Codes that can be taken back: $1 is when they were handed out, $2 by whom.
macro_rules! undoable {
    () => {
        " FROM code c WHERE c.recorded_at_ms = $1 AND c.recorded_by = $2 AND c.drawn_at_ms IS NULL
           AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial)"
    };
}

/// What a serial shows to anybody who holds the card.
#[derive(Debug, Clone)]
pub struct CardView {
    pub serial: String,
    pub stall_code: String,
    pub household_name: String,
    /// Bank BIN.
    pub bank_bin: String,
    /// The holder, as the bank shows it.
    pub holder_name: String,
    /// The account; shows itself masked.
    pub account: AccountNumber,
    pub payload: String,
    /// The day it was handed out.
    pub issued_on: Day,
    /// How and since when it ended; none while it stands.
    pub ended: Option<(CodeEnd, Day)>,
    /// Whether its account is linked to its stall on the day asked for.
    pub is_linked: bool,
}

impl CardView {
    /// Whether the code is active: not ended, and its account linked (docs/spec/domain.md, section 3).
    pub fn is_active(&self) -> bool {
        self.ended.is_none() && self.is_linked
    }
}

impl Creation {
    /// Hands out the code of a stall: its payload for the account linked on that day, recorded as
    /// issued. Without `account_id` the stall must have exactly one. A stall that already has this code
    /// gets the same one again. Indicators 2 and 4 count these.
    ///
    /// An account that took the place of another needs a second person's approval, and `wait_ms` after it,
    /// before its code is handed out (docs/spec/domain.md, section 11); until then this is a conflict that says what is
    /// missing. A new code revokes those of the stall whose account is no longer linked to it.
    pub async fn issue_codes(
        &mut self,
        wanted: &[NewCode],
        on: Day,
        wait_ms: i64,
        actor: Actor<'_>,
    ) -> Result<Vec<IssuedCode>> {
        let tx = &mut self.tx;
        let mut issued = Vec::with_capacity(wanted.len());
        let mut rows = Rows::default();
        for new in wanted {
            let stall = stall(tx, &new.stall_id).await?;
            let account = account(tx, &new.stall_id, new.account_id.as_deref(), on).await?;
            let at = LinkedOn {
                stall_id: &new.stall_id,
                account_id: &account.account_id,
                on,
            };
            require_approval(tx, at, wait_ms, actor.now).await?;
            let (row, code) = issue(tx, &stall, &account, on).await?;
            if code.is_new {
                revoke_unlinked(tx, &new.stall_id, on, actor).await?;
            }
            rows.codes.extend(row);
            issued.push(code);
        }
        write::rows(tx, &rows, actor).await?;
        Ok(issued)
    }

    /// Hands out a new card today in the place of a worn or lost one: same stall, same account, another serial.
    pub async fn replace_code(
        &mut self,
        serial: &str,
        reason: &str,
        wait_ms: i64,
        actor: Actor<'_>,
    ) -> Result<IssuedCode> {
        let tx = &mut self.tx;
        let on = Day::of(actor.now);
        let of: Option<(String, String)> = on_tx!(&mut *tx, |c| {
            sqlx::query_as("SELECT stall_id, account_id FROM code WHERE serial = $1")
                .bind(serial)
                .fetch_optional(c)
                .await?
        });
        let Some((stall_id, account_id)) = of else {
            let serial = serial.to_owned();
            return Err(Missing::Code { serial }.into());
        };
        let end = CodeEnd::Replaced;
        end_code(tx, serial, CodeEnding { end, reason, on }, actor).await?;
        let account = account(tx, &stall_id, Some(&account_id), on).await?;
        let at = LinkedOn {
            stall_id: &stall_id,
            account_id: &account_id,
            on,
        };
        require_approval(tx, at, wait_ms, actor.now).await?;
        let stall = stall(tx, &stall_id).await?;
        let (row, code) = issue(tx, &stall, &account, on).await?;
        let rows = Rows {
            codes: row.into_iter().collect(),
            ..Rows::default()
        };
        write::rows(tx, &rows, actor).await?;
        Ok(code)
    }
}

impl Store {
    /// How many of the codes that this person handed out at this moment can be taken back: no card of them was drawn
    /// to leave the house, and none ended.
    pub async fn codes_to_undo(&self, issued_at: TimeMs, by: &str) -> Result<i64> {
        let mut tx = self.begin_read().await?;
        let sql = concat!("SELECT CAST(COUNT(*) AS BIGINT)", undoable!());
        let (count,): (i64,) = on_tx!(&mut tx, |c| {
            sqlx::query_as(sql)
                .bind(issued_at.0)
                .bind(by)
                .fetch_one(c)
                .await?
        });
        Ok(count)
    }

    /// Takes back the codes that this person handed out at this moment, as far as no card of them was drawn: they end
    /// today. How many.
    pub async fn undo_codes(&self, issued_at: TimeMs, actor: Actor<'_>) -> Result<u64> {
        let mut tx = self.begin().await?;
        let sql = concat!(
            "INSERT INTO code_end (serial, state, reason, ended_on_day, recorded_at_ms, recorded_by)
             SELECT c.serial, 'destroyed', 'taken back before it was printed', $3, $4, $2",
            undoable!(),
            " ON CONFLICT (serial) DO NOTHING"
        );
        let undone = on_tx!(&mut tx, |c| {
            sqlx::query(sql)
                .bind(issued_at.0)
                .bind(actor.by)
                .bind(Day::of(actor.now).number())
                .bind(actor.now.0)
                .execute(c)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(undone)
    }

    /// Notes that cards of these codes were drawn to leave the house.
    pub async fn note_drawn(&self, serials: &[String], now: TimeMs) -> Result<()> {
        let mut tx = self.begin().await?;
        for piece in pieces(serials) {
            on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new("UPDATE code SET drawn_at_ms = ");
                sql.push_bind(now.0)
                    .push(" WHERE drawn_at_ms IS NULL AND serial IN (");
                let mut list = sql.separated(", ");
                for serial in piece {
                    list.push_bind(serial);
                }
                sql.push(")");
                sql.build().execute(c).await?;
            });
        }
        tx.commit().await
    }

    /// Ends a code; a second end is a conflict.
    pub async fn end_code(&self, serial: &str, ending: CodeEnding<'_>, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        end_code(&mut tx, serial, ending, actor).await?;
        tx.commit().await
    }

    /// What a serial shows on a day.
    pub async fn card(&self, serial: &str, on: Day) -> Result<Option<CardView>> {
        let mut tx = self.begin_read().await?;
        let row: Option<CardRow> = on_tx!(&mut tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(CARDS);
            sql.push_bind(on.number())
                .push(CARDS_FROM)
                .push("c.serial = ")
                .push_bind(serial);
            sql.build_query_as().fetch_optional(c).await?
        });
        row.map(card_view).transpose()
    }

    /// The cards of a stall with this payload that were handed out by a day, as they are on it; the latest first.
    pub(super) async fn cards_of_payload(
        &self,
        stall_code: &str,
        payload: &str,
        on: Day,
    ) -> Result<Vec<CardView>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<CardRow> = on_tx!(&mut tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(CARDS);
            sql.push_bind(on.number())
                .push(CARDS_FROM)
                .push("s.stall_code = ")
                .push_bind(stall_code)
                .push(" AND c.payload = ")
                .push_bind(payload)
                .push(" AND c.issued_on_day <= day.d ORDER BY c.issued_on_day DESC, c.recorded_at_ms DESC");
            sql.build_query_as().fetch_all(c).await?
        });
        rows.into_iter().map(card_view).collect()
    }
}

#[derive(sqlx::FromRow)]
struct CardRow {
    serial: String,
    stall_code: String,
    household_name: String,
    bank_bin: String,
    holder_name: String,
    account_number: String,
    payload: String,
    issued_on_day: i64,
    state: Option<String>,
    ended_on_day: Option<i64>,
    is_linked: i64,
}

/// Cards as they are on a day, which stands between the two texts; a condition follows.
const CARDS: &str = concat!(
    "SELECT c.serial, s.stall_code, a.bank_bin, a.holder_name, a.account_number, c.payload, c.issued_on_day,
            e.state, e.ended_on_day, CAST(CASE WHEN ",
    is_linked!("day.d"),
    " THEN 1 ELSE 0 END AS BIGINT) AS is_linked,
            (SELECT v.name FROM household_version v WHERE v.household_id = c.household_id
             ORDER BY v.valid_from_day DESC, v.recorded_at_ms DESC LIMIT 1) AS household_name
     FROM (SELECT CAST("
);
const CARDS_FROM: &str = " AS BIGINT) AS d) day CROSS JOIN code c
     JOIN stall s ON s.stall_id = c.stall_id
     JOIN account a ON a.account_id = c.account_id
     LEFT JOIN code_end e ON e.serial = c.serial AND e.ended_on_day <= day.d
     WHERE ";

fn card_view(row: CardRow) -> Result<CardView> {
    let account = AccountNumber::parse(&row.account_number)
        .map_err(|_| StoreError::Corrupt(format!("account of {}", row.serial)))?;
    Ok(CardView {
        serial: row.serial,
        stall_code: row.stall_code,
        household_name: row.household_name,
        bank_bin: row.bank_bin,
        holder_name: row.holder_name,
        account,
        payload: row.payload,
        issued_on: day_of(row.issued_on_day)?,
        ended: ended_of(row.state, row.ended_on_day)?,
        is_linked: row.is_linked > 0,
    })
}

async fn end_code(tx: &mut Tx, serial: &str, ending: CodeEnding<'_>, actor: Actor<'_>) -> Result<()> {
    let ended: Option<(String,)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "INSERT INTO code_end (serial, state, reason, ended_on_day, recorded_at_ms, recorded_by)
             SELECT serial, $2, $3, $4, $5, $6 FROM code WHERE serial = $1
             ON CONFLICT (serial) DO NOTHING RETURNING serial",
        )
        .bind(serial)
        .bind(ending.end.as_str())
        .bind(Some(ending.reason).filter(|reason| !reason.is_empty()))
        .bind(ending.on.number())
        .bind(actor.now.0)
        .bind(actor.by)
        .fetch_optional(c)
        .await?
    });
    if ended.is_some() {
        return Ok(());
    }
    let known: Option<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT serial FROM code WHERE serial = $1")
            .bind(serial)
            .fetch_optional(c)
            .await?
    });
    let serial = serial.to_owned();
    Err(match known {
        None => Missing::Code { serial }.into(),
        Some(_) => Conflict::CodeEnded { serial }.into(),
    })
}

/// The old card ends when the new one is there.
async fn revoke_unlinked(tx: &mut Tx, stall_id: &str, on: Day, actor: Actor<'_>) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO code_end (serial, state, reason, ended_on_day, recorded_at_ms, recorded_by)
             SELECT c.serial, 'revoked', 'account changed', $2, $3, $4 FROM code c
             WHERE c.stall_id = $1 AND c.issued_on_day <= $2
               AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial)
               AND NOT EXISTS (SELECT 1 FROM account_link l
                               WHERE l.stall_id = c.stall_id AND l.account_id = c.account_id
                                 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $2)
                                 AND NOT EXISTS (SELECT 1 FROM account_link n
                                                 WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms))",
        )
        .bind(stall_id)
        .bind(on.number())
        .bind(actor.now.0)
        .bind(actor.by)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// The code of a stall for an account on a day: the one it has, or a new one with the row to be written.
async fn issue(
    tx: &mut Tx,
    stall: &StallRow,
    account: &LinkedAccount,
    on: Day,
) -> Result<(Option<CodeRow>, IssuedCode)> {
    let existing: Option<(String, String, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT serial, payload, issued_on_day FROM code
             WHERE stall_id = $1 AND account_id = $2 AND issued_on_day <= $3
               AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = code.serial)
             ORDER BY issued_on_day DESC LIMIT 1",
        )
        .bind(&stall.stall_id)
        .bind(&account.account_id)
        .bind(on.number())
        .fetch_optional(c)
        .await?
    });
    if let Some((serial, payload, day)) = existing {
        let code = IssuedCode {
            stall_id: stall.stall_id.clone(),
            serial,
            payload,
            issued_on: day_of(day)?,
            is_new: false,
        };
        return Ok((None, code));
    }
    let payload = stall_payload(&account.bank_bin, &account.number()?, &stall.stall_code)
        .map_err(Conflict::AccountWithoutCode)?
        .to_string();
    let row = CodeRow {
        serial: fresh_serial(),
        stall_id: stall.stall_id.clone(),
        account_id: account.account_id.clone(),
        household_id: stall.household_id.clone(),
        payload,
        issued_on: on,
    };
    let code = IssuedCode {
        stall_id: row.stall_id.clone(),
        serial: row.serial.clone(),
        payload: row.payload.clone(),
        issued_on: on,
        is_new: true,
    };
    Ok((Some(row), code))
}

#[derive(sqlx::FromRow)]
struct StallRow {
    stall_id: String,
    household_id: String,
    stall_code: String,
}

async fn stall(tx: &mut Tx, stall_id: &str) -> Result<StallRow> {
    let row: Option<StallRow> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT stall_id, household_id, stall_code FROM stall WHERE stall_id = $1")
            .bind(stall_id)
            .fetch_optional(c)
            .await?
    });
    let stall_id = stall_id.to_owned();
    row.ok_or_else(|| Missing::Stall { stall_id }.into())
}

/// An account that is linked to a stall, and the period of the link.
#[derive(sqlx::FromRow)]
struct LinkedAccount {
    account_id: String,
    bank_bin: String,
    account_number: String,
    valid_from_day: i64,
    valid_to_day: Option<i64>,
}

impl LinkedAccount {
    fn number(&self) -> Result<AccountNumber> {
        AccountNumber::parse(&self.account_number)
            .map_err(|_| StoreError::Corrupt(format!("account {}", self.account_id)))
    }
}

/// The account linked to a stall on a day: the one asked for, or the only one.
async fn account(tx: &mut Tx, stall_id: &str, wanted: Option<&str>, on: Day) -> Result<LinkedAccount> {
    let rows: Vec<LinkedAccount> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT a.account_id, a.bank_bin, a.account_number, l.valid_from_day, l.valid_to_day
             FROM account_link l JOIN account a ON a.account_id = l.account_id
             WHERE l.stall_id = $1
               AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
             ORDER BY a.account_id",
        )
        .bind(stall_id)
        .fetch_all(c)
        .await?
    });
    let mut fitting: Vec<LinkedAccount> = Vec::new();
    for row in rows {
        let holds = period_of(row.valid_from_day, row.valid_to_day)?.holds(on);
        if holds && wanted.is_none_or(|wanted| wanted == row.account_id) {
            fitting.push(row);
        }
    }
    // Two links may hold for one account.
    fitting.dedup_by(|a, b| a.account_id == b.account_id);
    match (fitting.pop(), fitting.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(Conflict::NoAccount { on }.into()),
        (Some(_), false) => Err(Conflict::SeveralAccounts.into()),
    }
}

/// Where money for a stall goes: an account of today, and the stall's code.
pub struct Payee {
    pub stall_code: String,
    /// Bank BIN.
    pub bank_bin: String,
    pub account: AccountNumber,
}

/// The account of a stall today that is wished for, or its only one, if a code to it may be handed out.
pub(in crate::store) async fn payee_of_stall(
    tx: &mut Tx,
    stall_id: &str,
    wanted: Option<&str>,
    wait_ms: i64,
    now: TimeMs,
) -> Result<Payee> {
    let on = Day::of(now);
    let stall_code = stall(tx, stall_id).await?.stall_code;
    let account = account(tx, stall_id, wanted, on).await?;
    let account_id = &account.account_id;
    let at = LinkedOn {
        stall_id,
        account_id,
        on,
    };
    require_approval(tx, at, wait_ms, now).await?;
    Ok(Payee {
        stall_code,
        account: account.number()?,
        bank_bin: account.bank_bin,
    })
}

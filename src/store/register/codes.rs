//! Handing out codes, ending them, and what their serials show.

use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::lifecycle::{self, is_linked};
use super::{day_of, fresh_serial, period_of, write};
use crate::register::{CodeRow, Rows};
use crate::vietqr::stall_payload;
use crate::vn::{AccountNumber, Day, TimeMs};

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
    /// `replaced`, `revoked` or `destroyed`, and since when; none while it stands.
    pub ended: Option<(String, Day)>,
    /// Whether its account is linked to its stall on the day asked for.
    pub is_linked: bool,
}

impl CardView {
    /// Whether the code is active: not ended, and its account linked (docs/spec/domain.md, section 3).
    pub fn is_active(&self) -> bool {
        self.ended.is_none() && self.is_linked
    }
}

impl Store {
    /// Hands out the code of a stall: its payload for the account linked on that day, recorded as
    /// issued. Without `account_id` the stall must have exactly one. A stall that already has this code
    /// gets the same one again. Indicators 2 and 4 count these.
    ///
    /// An account that took the place of another needs a second person's approval, and `wait_ms` after it,
    /// before its code is handed out (docs/spec/domain.md, section 11); until then this is a conflict that says what is
    /// missing. A new code revokes those of the stall whose account is no longer linked to it.
    pub async fn issue_codes(
        &self,
        wishes: &[(String, Option<String>)],
        on: Day,
        wait_ms: i64,
        by: &str,
        now: TimeMs,
    ) -> Result<Vec<IssuedCode>> {
        let mut tx = self.begin().await?;
        let mut issued = Vec::with_capacity(wishes.len());
        let mut rows = Rows::default();
        for (stall_id, account_id) in wishes {
            let stall = stall(&mut tx, stall_id).await?;
            let account = account(&mut tx, stall_id, account_id.as_deref(), on).await?;
            lifecycle::settled(&mut tx, stall_id, &account.0, on, wait_ms, now).await?;
            let (row, code) = issue(&mut tx, stall_id, stall, account, on).await?;
            if code.is_new {
                revoke_unlinked(&mut tx, stall_id, on, by, now).await?;
            }
            rows.codes.extend(row);
            issued.push(code);
        }
        write::rows(&mut tx, &rows, by, now).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Hands out a new card in the place of a worn or lost one: same stall, same account, another serial.
    pub async fn replace_code(
        &self,
        serial: &str,
        reason: &str,
        on: Day,
        wait_ms: i64,
        by: &str,
        now: TimeMs,
    ) -> Result<IssuedCode> {
        let mut tx = self.begin().await?;
        let of: Option<(String, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT stall_id, account_id FROM code WHERE serial = $1")
                .bind(serial)
                .fetch_optional(c)
                .await?
        });
        let Some((stall_id, account_id)) = of else {
            return Err(StoreError::Missing(format!("Không có mã QR số {serial}.")));
        };
        end(&mut tx, serial, "replaced", reason, on, by, now).await?;
        let account = account(&mut tx, &stall_id, Some(&account_id), on).await?;
        lifecycle::settled(&mut tx, &stall_id, &account_id, on, wait_ms, now).await?;
        let stall = stall(&mut tx, &stall_id).await?;
        let (row, code) = issue(&mut tx, &stall_id, stall, account, on).await?;
        let rows = Rows {
            codes: row.into_iter().collect(),
            ..Rows::default()
        };
        write::rows(&mut tx, &rows, by, now).await?;
        tx.commit().await?;
        Ok(code)
    }

    /// Ends a code, with a reason that may be empty; a second end is a conflict.
    pub async fn end_code(
        &self,
        serial: &str,
        state: &str,
        reason: &str,
        on: Day,
        by: &str,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        end(&mut tx, serial, state, reason, on, by, now).await?;
        tx.commit().await
    }

    /// What a serial shows on a day.
    pub async fn card(&self, serial: &str, on: Day) -> Result<Option<CardView>> {
        type Row = (
            String,
            String,
            String,
            String,
            String,
            String,
            i64,
            Option<String>,
            Option<i64>,
            i64,
        );
        let mut tx = self.begin_read().await?;
        let row: Option<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(concat!(
                "SELECT s.stall_code, v.name, a.bank_bin, a.holder_name, a.account_number, c.payload,
                        c.issued_on_day, e.state, e.ended_on_day, CAST(CASE WHEN ",
                is_linked!("$2"),
                " THEN 1 ELSE 0 END AS BIGINT)
                 FROM code c
                 JOIN stall s ON s.stall_id = c.stall_id
                 JOIN account a ON a.account_id = c.account_id
                 JOIN household_version v ON v.household_id = c.household_id
                 LEFT JOIN code_end e ON e.serial = c.serial AND e.ended_on_day <= $2
                 WHERE c.serial = $1
                 ORDER BY v.valid_from_day DESC, v.recorded_at_ms DESC LIMIT 1"
            ))
            .bind(serial)
            .bind(on.number())
            .fetch_optional(c)
            .await?
        });
        let Some((
            stall_code,
            household_name,
            bank_bin,
            holder_name,
            number,
            payload,
            issued,
            state,
            ended,
            links,
        )) = row
        else {
            return Ok(None);
        };
        let account =
            AccountNumber::parse(&number).map_err(|_| StoreError::Corrupt(format!("account of {serial}")))?;
        let ended = match (state, ended) {
            (Some(state), Some(day)) => Some((state, day_of(day)?)),
            _ => None,
        };
        let serial = serial.to_owned();
        let issued_on = day_of(issued)?;
        Ok(Some(CardView {
            serial,
            stall_code,
            household_name,
            bank_bin,
            holder_name,
            account,
            payload,
            issued_on,
            ended,
            is_linked: links > 0,
        }))
    }
}

async fn end(
    tx: &mut Tx,
    serial: &str,
    state: &str,
    reason: &str,
    on: Day,
    by: &str,
    now: TimeMs,
) -> Result<()> {
    let ended: Option<(String,)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "INSERT INTO code_end (serial, state, reason, ended_on_day, recorded_at_ms, recorded_by)
             SELECT serial, $2, $3, $4, $5, $6 FROM code WHERE serial = $1
             ON CONFLICT (serial) DO NOTHING RETURNING serial",
        )
        .bind(serial)
        .bind(state)
        .bind(Some(reason).filter(|reason| !reason.is_empty()))
        .bind(on.number())
        .bind(now.0)
        .bind(by)
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
    Err(match known {
        None => StoreError::Missing(format!("Không có mã QR số {serial}.")),
        Some(_) => StoreError::Conflict(format!("Mã QR số {serial} đã kết thúc từ trước.")),
    })
}

/// The old card ends when the new one is there.
async fn revoke_unlinked(tx: &mut Tx, stall_id: &str, on: Day, by: &str, now: TimeMs) -> Result<()> {
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
        .bind(now.0)
        .bind(by)
        .execute(c)
        .await?;
    });
    Ok(())
}

async fn issue(
    tx: &mut Tx,
    stall_id: &str,
    (household_id, stall_code): (String, String),
    (account_id, bank_bin, number): (String, String, String),
    on: Day,
) -> Result<(Option<CodeRow>, IssuedCode)> {
    let there: Option<(String, String, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT serial, payload, issued_on_day FROM code
             WHERE stall_id = $1 AND account_id = $2 AND issued_on_day <= $3
               AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = code.serial)
             ORDER BY issued_on_day DESC LIMIT 1",
        )
        .bind(stall_id)
        .bind(&account_id)
        .bind(on.number())
        .fetch_optional(c)
        .await?
    });
    if let Some((serial, payload, day)) = there {
        return Ok((
            None,
            IssuedCode {
                stall_id: stall_id.to_owned(),
                serial,
                payload,
                issued_on: day_of(day)?,
                is_new: false,
            },
        ));
    }
    let number =
        AccountNumber::parse(&number).map_err(|_| StoreError::Corrupt(format!("account {account_id}")))?;
    let payload = stall_payload(&bank_bin, &number, &stall_code)
        .map_err(|e| StoreError::Conflict(format!("Tài khoản này không tạo được mã VietQR: {e}")))?
        .to_string();
    let serial = fresh_serial();
    let code = IssuedCode {
        stall_id: stall_id.to_owned(),
        serial: serial.clone(),
        payload: payload.clone(),
        issued_on: on,
        is_new: true,
    };
    let stall_id = stall_id.to_owned();
    Ok((
        Some(CodeRow {
            serial,
            stall_id,
            account_id,
            household_id,
            payload,
            issued_on: on,
        }),
        code,
    ))
}

async fn stall(tx: &mut Tx, stall_id: &str) -> Result<(String, String)> {
    let row: Option<(String, String)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT household_id, stall_code FROM stall WHERE stall_id = $1")
            .bind(stall_id)
            .fetch_optional(c)
            .await?
    });
    row.ok_or_else(|| StoreError::Missing(format!("Không có sạp {stall_id}.")))
}

/// The account linked to a stall on a day: the one asked for, or the only one.
async fn account(
    tx: &mut Tx,
    stall_id: &str,
    wanted: Option<&str>,
    on: Day,
) -> Result<(String, String, String)> {
    let rows: Vec<(String, String, String, i64, Option<i64>)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT DISTINCT a.account_id, a.bank_bin, a.account_number, l.valid_from_day, l.valid_to_day
             FROM account_link l JOIN account a ON a.account_id = l.account_id
             WHERE l.stall_id = $1
               AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)",
        )
        .bind(stall_id)
        .fetch_all(c)
        .await?
    });
    let mut fitting: Vec<(String, String, String)> = rows
        .into_iter()
        .filter(|(id, _, _, from, to)| period_of(*from, *to).holds(on) && wanted.is_none_or(|w| w == id))
        .map(|(id, bin, number, _, _)| (id, bin, number))
        .collect();
    fitting.sort();
    fitting.dedup();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(StoreError::Conflict(format!(
            "Sạp chưa có tài khoản nhận tiền gắn vào ngày {}. Hãy gắn tài khoản trước.",
            on.show()
        ))),
        (Some(_), false) => Err(StoreError::Conflict(
            "Sạp có nhiều tài khoản. Hãy chọn một bằng account_id.".to_owned(),
        )),
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
    let (_, stall_code) = stall(tx, stall_id).await?;
    let (account_id, bank_bin, number) = account(tx, stall_id, wanted, Day::of(now)).await?;
    lifecycle::settled(tx, stall_id, &account_id, Day::of(now), wait_ms, now).await?;
    let account =
        AccountNumber::parse(&number).map_err(|_| StoreError::Corrupt(format!("account {account_id}")))?;
    Ok(Payee {
        stall_code,
        bank_bin,
        account,
    })
}

//! When the account of a stall changes: a second person, a word to the owner, and time to object before a
//! card is printed (docs/spec/domain.md, section 11).

use super::super::{Actor, Conflict, Missing, Result, Store, StoreError, Tx, fresh_id, on_tx};
use crate::vn::{AccountNumber, Day, TimeMs};

/// Whether link `l` put another account beside or in the place of one that the stall had before.
macro_rules! is_change {
    () => {
        "EXISTS (SELECT 1 FROM account_link o
                 WHERE o.stall_id = l.stall_id AND o.account_id <> l.account_id
                   AND o.recorded_at_ms < (SELECT MIN(f.recorded_at_ms) FROM account_link f
                                           WHERE f.link_id = l.link_id))"
    };
}
pub(super) use is_change;

/// Whether link `l` changed nothing or has a second person's word.
macro_rules! is_approved {
    () => {
        concat!(
            "(NOT ",
            crate::store::register::lifecycle::is_change!(),
            " OR EXISTS (SELECT 1 FROM link_approval y WHERE y.link_id = l.link_id))"
        )
    };
}
pub(super) use is_approved;

/// Whether the account of code `c` is linked to its stall on a day, with a second person's word where it took
/// the place of another.
macro_rules! is_linked {
    ($day:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM account_link l
                     WHERE l.stall_id = c.stall_id AND l.account_id = c.account_id
                       AND l.valid_from_day <= ",
            $day,
            " AND (l.valid_to_day IS NULL OR l.valid_to_day >= ",
            $day,
            ") AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                       AND ",
            crate::store::register::lifecycle::is_approved!(),
            ")"
        )
    };
}
pub(super) use is_linked;

/// Joins the version of a stall that holds on a day: `v` for the stall whose id stands in `of`.
macro_rules! join_version {
    ($of:literal, $day:literal) => {
        concat!(
            " JOIN stall_version v ON v.stall_id = ",
            $of,
            " AND v.valid_from_day <= ",
            $day,
            " AND NOT EXISTS (SELECT 1 FROM stall_version w
                              WHERE w.stall_id = v.stall_id AND w.valid_from_day <= ",
            $day,
            " AND (w.valid_from_day > v.valid_from_day
                   OR (w.valid_from_day = v.valid_from_day AND w.recorded_at_ms > v.recorded_at_ms)))"
        )
    };
}
pub(super) use join_version;

/// What the owner of a stall has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerMessage {
    pub message_id: String,
    /// The sentence, in Vietnamese.
    pub message: String,
    /// When it was written.
    pub created_at: TimeMs,
    /// Who told the owner, and when; none while nobody did.
    pub told: Option<(String, TimeMs)>,
}

#[derive(sqlx::FromRow)]
struct ChangedLink {
    stall_id: String,
    stall_code: String,
    recorded_by: String,
    account_number: String,
    holder_name: String,
    is_change: i64,
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    message_id: String,
    message: String,
    created_at_ms: i64,
    told_by: Option<String>,
    told_at_ms: Option<i64>,
}

/// A changed account that a second person approved: what its owner is told of.
#[derive(Debug)]
pub struct ChangedAccount {
    pub stall_code: String,
    /// The new account; shows itself masked.
    pub account: AccountNumber,
    pub holder_name: String,
    /// When cards to it may be printed.
    pub cards_from: TimeMs,
}

impl Store {
    /// A second person's word for a changed account; writes down what the owner has to be told, as `message`
    /// words it. Whoever recorded the link cannot be that person, and a link that changed nothing needs none.
    pub async fn approve_link(
        &self,
        link_id: &str,
        wait_ms: i64,
        actor: Actor<'_>,
        message: impl FnOnce(&ChangedAccount) -> String,
    ) -> Result<()> {
        let Actor { by, now } = actor;
        let mut tx = self.begin().await?;
        let link: Option<ChangedLink> = on_tx!(&mut tx, |c| {
            sqlx::query_as(concat!(
                "SELECT l.stall_id, s.stall_code, l.recorded_by, a.account_number, a.holder_name,
                        CAST(CASE WHEN ",
                is_change!(),
                " THEN 1 ELSE 0 END AS BIGINT) AS is_change
                 FROM account_link l JOIN stall s ON s.stall_id = l.stall_id
                 JOIN account a ON a.account_id = l.account_id
                 WHERE l.link_id = $1 ORDER BY l.recorded_at_ms LIMIT 1"
            ))
            .bind(link_id)
            .fetch_optional(c)
            .await?
        });
        let Some(link) = link else {
            let link_id = link_id.to_owned();
            return Err(Missing::Link { link_id }.into());
        };
        if link.is_change == 0 {
            return Err(Conflict::FirstAccount.into());
        }
        if link.recorded_by == by {
            return Err(Conflict::ApproverRecordedAccount.into());
        }
        let approved: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "INSERT INTO link_approval (link_id, approved_at_ms, approved_by) VALUES ($1, $2, $3)
                 ON CONFLICT (link_id) DO NOTHING RETURNING link_id",
            )
            .bind(link_id)
            .bind(now.0)
            .bind(by)
            .fetch_optional(c)
            .await?
        });
        if approved.is_none() {
            return Err(Conflict::AccountApproved.into());
        }
        let account = AccountNumber::parse(&link.account_number)
            .map_err(|_| StoreError::Corrupt(format!("account of link {link_id}")))?;
        let message = message(&ChangedAccount {
            stall_code: link.stall_code,
            account,
            holder_name: link.holder_name,
            cards_from: TimeMs(now.0.saturating_add(wait_ms)),
        });
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO owner_message (message_id, stall_id, message, created_at_ms, created_by)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(fresh_id(now))
            .bind(&link.stall_id)
            .bind(&message)
            .bind(now.0)
            .bind(by)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }

    /// What the owner of a stall was or is to be told, newest first.
    pub async fn owner_messages(&self, stall_id: &str) -> Result<Vec<OwnerMessage>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<MessageRow> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT message_id, message, created_at_ms, told_by, told_at_ms FROM owner_message
                 WHERE stall_id = $1 ORDER BY created_at_ms DESC, message_id DESC LIMIT 20",
            )
            .bind(stall_id)
            .fetch_all(c)
            .await?
        });
        let message = |row: MessageRow| OwnerMessage {
            message_id: row.message_id,
            message: row.message,
            created_at: TimeMs(row.created_at_ms),
            told: row.told_by.zip(row.told_at_ms.map(TimeMs)),
        };
        Ok(rows.into_iter().map(message).collect())
    }

    /// Records that the owner was told; the first to say so stays.
    pub async fn told_owner(&self, message_id: &str, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        let message: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "UPDATE owner_message SET told_at_ms = COALESCE(told_at_ms, $2), told_by = COALESCE(told_by, $3)
                 WHERE message_id = $1 RETURNING message_id",
            )
            .bind(message_id)
            .bind(actor.now.0)
            .bind(actor.by)
            .fetch_optional(c)
            .await?
        });
        match message {
            Some(_) => tx.commit().await,
            None => {
                let message_id = message_id.to_owned();
                Err(Missing::OwnerMessage { message_id }.into())
            }
        }
    }
}

/// An account at a stall on a day.
#[derive(Clone, Copy)]
pub(super) struct LinkedOn<'a> {
    pub stall_id: &'a str,
    pub account_id: &'a str,
    pub on: Day,
}

/// Refuses a card to an account that took the place of another and is not approved, or for less than `wait_ms`.
pub(super) async fn require_approval(tx: &mut Tx, at: LinkedOn<'_>, wait_ms: i64, now: TimeMs) -> Result<()> {
    let changes: Vec<(Option<i64>,)> = on_tx!(tx, |c| {
        sqlx::query_as(concat!(
            "SELECT p.approved_at_ms FROM account_link l
             LEFT JOIN link_approval p ON p.link_id = l.link_id
             WHERE l.stall_id = $1 AND l.account_id = $2 AND ",
            is_change!(),
            "  AND l.valid_from_day <= $3 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $3)
               AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)"
        ))
        .bind(at.stall_id)
        .bind(at.account_id)
        .bind(at.on.number())
        .fetch_all(c)
        .await?
    });
    // Of several links to one account the first approved one is enough; its time has run longest.
    let Some(first) = changes
        .iter()
        .map(|(approved,)| approved.unwrap_or(i64::MAX))
        .min()
    else {
        return Ok(());
    };
    if first == i64::MAX {
        return Err(Conflict::AccountNotApproved.into());
    }
    let until = TimeMs(first.saturating_add(wait_ms));
    if now >= until {
        Ok(())
    } else {
        Err(Conflict::AccountWaits { until }.into())
    }
}

/// The stalls that an account is linked to on a day, with a second person's word where that is needed; follows `$1` to
/// `$3`: number, bank (any where it is empty), day.
macro_rules! linked_stalls {
    () => {
        concat!(
            " FROM account a JOIN account_link l ON l.account_id = a.account_id
             JOIN stall s ON s.stall_id = l.stall_id
             WHERE a.account_number = $1 AND ($2 = '' OR a.bank_bin = $2)
               AND l.valid_from_day <= $3 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $3)
               AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
               AND ",
            is_approved!()
        )
    };
}

/// Whether an account is this stall's on a day.
pub(in crate::store) async fn is_account_of_stall(
    tx: &mut Tx,
    (bank_bin, account): (&str, &AccountNumber),
    stall_id: &str,
    on: Day,
) -> Result<bool> {
    let sql = concat!(
        "SELECT CAST(COUNT(*) AS BIGINT)",
        linked_stalls!(),
        " AND s.stall_id = $4"
    );
    let (count,): (i64,) = on_tx!(tx, |c| {
        sqlx::query_as(sql)
            .bind(account.reveal())
            .bind(bank_bin)
            .bind(on.number())
            .bind(stall_id)
            .fetch_one(c)
            .await?
    });
    Ok(count > 0)
}

impl Store {
    /// The stalls that an account is linked to on a day, as (stall, its code, the household).
    pub async fn stalls_of_account(
        &self,
        bank_bin: &str,
        account: &AccountNumber,
        on: Day,
    ) -> Result<Vec<(String, String, String)>> {
        let sql = concat!(
            "SELECT DISTINCT s.stall_id, s.stall_code,
               COALESCE((SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
                         ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1), '')",
            linked_stalls!(),
            " ORDER BY s.stall_code"
        );
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(sql)
                .bind(account.reveal())
                .bind(bank_bin)
                .bind(on.number())
                .fetch_all(c)
                .await?
        }))
    }

    /// The stall with this code, by its id.
    pub async fn stall_of_code(&self, stall_code: &str) -> Result<Option<String>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT stall_id FROM stall WHERE stall_code = $1")
                .bind(stall_code)
                .fetch_optional(c)
                .await?
        });
        Ok(row.map(|(stall_id,)| stall_id))
    }
}

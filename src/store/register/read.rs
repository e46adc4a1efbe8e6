//! What the API and the pages show of the register.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::places::raise_epoch;
use super::super::{
    Actor, Creation, Missing, Result, Store, StoreError, Tx, day_of, fetch_in_chunks, on_tx, period_of,
};
use super::lifecycle::is_change;
use super::{class_of, meaning, status_of};
use crate::register::{Class, CodeEnd, HolderRelation, TradingStatus};
use crate::vn::{AccountNumber, Day, Period, Phone, TimeMs, fold};

/// Which households to list.
#[derive(Debug, Clone, Default)]
pub struct HouseholdFilter {
    /// Part of a name or reference, or a whole stall code, stall number or phone; accents and letter case do not count.
    pub search: Option<String>,
    /// Only those whose principal place is one of the segments of this street, or this market.
    pub street_or_market: Option<String>,
}

/// A household as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdView {
    pub household_id: String,
    /// The name under which outsiders know it.
    pub reference: String,
    pub name: String,
    pub class: Class,
    pub trading_status: TradingStatus,
    pub place_name: String,
    pub house_number: String,
    /// Whether an account link is valid on the day asked for.
    pub has_account: bool,
    /// Whether a code of it is active on the day asked for.
    pub has_code: bool,
}

/// A stall as it stands now.
#[derive(Debug, Clone)]
pub struct StallView {
    pub stall_id: String,
    pub household_id: String,
    pub household_name: String,
    pub stall_code: String,
    pub place_name: String,
    pub house_number: String,
    /// Number in the market.
    pub stall_number: String,
    pub trading_status: TradingStatus,
    /// Accounts, with the dates of their links.
    pub accounts: Vec<AccountView>,
    /// Codes handed out, newest first.
    pub codes: Vec<CodeView>,
}

#[derive(Debug, Clone)]
pub struct AccountView {
    pub link_id: String,
    pub account_id: String,
    /// Bank BIN, or empty.
    pub bank_bin: String,
    /// The number; shows itself masked.
    pub number: AccountNumber,
    pub holder_name: String,
    pub holder_relation: HolderRelation,
    /// When the link holds.
    pub period: Period,
    /// Whether a second person has to approve it.
    pub approval: Approval,
}

/// A second person's word for an account that took the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The stall's first account needs none.
    NotNeeded,
    /// It waits for somebody else than who recorded it.
    Waiting {
        recorded_by: String,
    },
    Given {
        by: String,
        at: TimeMs,
    },
}

/// A code handed out.
#[derive(Debug, Clone)]
pub struct CodeView {
    pub serial: String,
    /// The account it pays into.
    pub account_id: String,
    pub payload: String,
    /// The day it was handed out.
    pub issued_on: Day,
    /// How and since which day it ended, if it did.
    pub ended: Option<(CodeEnd, Day)>,
}

/// A household's newest version as of a day.
const CURRENT: &str = "SELECT h.household_id, h.household_ref, v.name, v.class, v.trading_status,
    COALESCE(st.name, p.market_name) AS place_name, v.house_number,
    CAST(CASE WHEN EXISTS (SELECT 1 FROM account_link l WHERE l.household_id = h.household_id
        AND NOT EXISTS (SELECT 1 FROM account_link n WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
        AND l.valid_from_day <= day.d AND (l.valid_to_day IS NULL OR l.valid_to_day >= day.d)) THEN 1 ELSE 0 END AS BIGINT) AS has_account,
    CAST(CASE WHEN EXISTS (SELECT 1 FROM code c JOIN stall s ON s.stall_id = c.stall_id WHERE s.household_id = h.household_id
        AND c.issued_on_day <= day.d
        AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial AND e.ended_on_day <= day.d)
        AND EXISTS (SELECT 1 FROM account_link l WHERE l.stall_id = c.stall_id AND l.account_id = c.account_id
            AND NOT EXISTS (SELECT 1 FROM account_link n WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
            AND l.valid_from_day <= day.d AND (l.valid_to_day IS NULL OR l.valid_to_day >= day.d)))
        THEN 1 ELSE 0 END AS BIGINT) AS has_code
  FROM (SELECT CAST(";
const CURRENT_FROM: &str = " AS BIGINT) AS d) day CROSS JOIN household h
  JOIN household_version v ON v.household_id = h.household_id
    AND v.valid_from_day <= day.d
    AND NOT EXISTS (SELECT 1 FROM household_version w
                    WHERE w.household_id = v.household_id AND w.valid_from_day <= day.d
                      AND (w.valid_from_day > v.valid_from_day
                           OR (w.valid_from_day = v.valid_from_day AND w.recorded_at_ms > v.recorded_at_ms)))
  JOIN place p ON p.place_id = v.place_id
  LEFT JOIN street st ON st.street_id = p.street_id
  WHERE h.household_id > ";

#[derive(sqlx::FromRow)]
struct HouseholdRow {
    household_id: String,
    household_ref: String,
    name: String,
    class: String,
    trading_status: String,
    place_name: String,
    house_number: String,
    has_account: i64,
    has_code: i64,
}

fn household_view(row: HouseholdRow) -> Result<HouseholdView> {
    Ok(HouseholdView {
        household_id: row.household_id,
        reference: row.household_ref,
        name: row.name,
        class: class_of(&row.class)?,
        trading_status: status_of(&row.trading_status)?,
        place_name: row.place_name,
        house_number: row.house_number,
        has_account: row.has_account != 0,
        has_code: row.has_code != 0,
    })
}

impl Store {
    /// Households after this one (by id), as they stand on a day, `limit` at most.
    pub async fn households(
        &self,
        filter: &HouseholdFilter,
        on: Day,
        after: &str,
        limit: i64,
    ) -> Result<Vec<HouseholdView>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<HouseholdRow> = on_tx!(&mut tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(CURRENT);
            sql.push_bind(on.number()).push(CURRENT_FROM).push_bind(after);
            if let Some(search) = &filter.search {
                let part = format!("%{}%", escaped(&fold(search)));
                let code = search.trim().to_uppercase();
                sql.push(" AND (v.name_folded LIKE ")
                    .push_bind(part.clone())
                    .push(" ESCAPE '!'");
                sql.push(" OR LOWER(h.household_ref) LIKE ")
                    .push_bind(part)
                    .push(" ESCAPE '!'");
                sql.push(" OR EXISTS (SELECT 1 FROM stall s WHERE s.household_id = h.household_id AND s.stall_code = ");
                sql.push_bind(code).push(")");
                sql.push(
                    " OR EXISTS (SELECT 1 FROM stall s JOIN stall_version sv ON sv.stall_id = s.stall_id
                      WHERE s.household_id = h.household_id AND LOWER(sv.stall_number) = ",
                );
                sql.push_bind(search.trim().to_lowercase()).push(")");
                if let Some(phone) = Phone::parse(search.trim()) {
                    sql.push(" OR v.phone = ").push_bind(phone.reveal().to_owned());
                }
                sql.push(")");
            }
            if let Some(place) = &filter.street_or_market {
                sql.push(" AND (p.street_id = ").push_bind(place.clone());
                sql.push(" OR (p.kind = 'market' AND p.place_id = ")
                    .push_bind(place.clone())
                    .push("))");
            }
            sql.push(" ORDER BY h.household_id LIMIT ").push_bind(limit);
            sql.build_query_as().fetch_all(c).await?
        });
        rows.into_iter().map(household_view).collect()
    }

    /// One household as it stands on a day, with its stalls.
    pub async fn household(
        &self,
        household_id: &str,
        on: Day,
    ) -> Result<Option<(HouseholdView, Vec<StallView>)>> {
        household(&mut self.begin_read().await?, household_id, on).await
    }

    pub async fn stall(&self, stall_id: &str) -> Result<Option<StallView>> {
        stall(&mut self.begin_read().await?, stall_id).await
    }

    /// Ends a link on a day (the last day it holds). Adds a version; what was known before stays.
    pub async fn end_link(&self, link_id: &str, to: Day, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        let ended: Option<(i64,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "INSERT INTO account_link (link_id, recorded_at_ms, recorded_by, account_id, stall_id, household_id,
                   valid_from_day, valid_to_day, holder_relation)
                 SELECT link_id, CASE WHEN recorded_at_ms < $3 THEN $3 ELSE recorded_at_ms + 1 END, $4, account_id, stall_id, household_id, valid_from_day,
                        CASE WHEN valid_from_day > $2 THEN valid_from_day - 1 ELSE $2 END, holder_relation
                 FROM account_link l WHERE link_id = $1
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                   AND (l.valid_to_day IS NULL OR l.valid_to_day >= $2)
                 RETURNING recorded_at_ms",
            )
            .bind(link_id)
            .bind(to.number())
            .bind(actor.now.0)
            .bind(actor.by)
            .fetch_optional(c)
            .await?
        });
        if ended.is_none() {
            let link_id = link_id.to_owned();
            return Err(Missing::LinkOrEnded { link_id }.into());
        }
        raise_epoch(&mut tx).await?;
        tx.commit().await
    }
}

/// `%`, `_` and the escape itself are letters of a name, not patterns.
fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

async fn household(
    tx: &mut Tx,
    household_id: &str,
    on: Day,
) -> Result<Option<(HouseholdView, Vec<StallView>)>> {
    let row: Option<HouseholdRow> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(CURRENT);
        sql.push_bind(on.number()).push(CURRENT_FROM).push_bind("");
        sql.push(" AND h.household_id = ").push_bind(household_id);
        sql.build_query_as().fetch_optional(c).await?
    });
    let Some(row) = row else { return Ok(None) };
    let stalls = stalls(tx, "s.household_id", household_id).await?;
    Ok(Some((household_view(row)?, stalls)))
}

async fn stall(tx: &mut Tx, stall_id: &str) -> Result<Option<StallView>> {
    Ok(stalls(tx, "s.stall_id", stall_id).await?.pop())
}

#[derive(sqlx::FromRow)]
struct StallRow {
    stall_id: String,
    household_id: String,
    stall_code: String,
    place_name: String,
    house_number: String,
    stall_number: String,
    trading_status: String,
    household_name: String,
}

async fn stalls(tx: &mut Tx, column: &'static str, id: &str) -> Result<Vec<StallView>> {
    let rows: Vec<StallRow> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT s.stall_id, s.household_id, s.stall_code, COALESCE(st.name, p.market_name) AS place_name,
                    v.house_number, v.stall_number, v.trading_status,
                    (SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
                     ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1) AS household_name
             FROM stall s
             JOIN stall_version v ON v.stall_id = s.stall_id
               AND NOT EXISTS (SELECT 1 FROM stall_version w WHERE w.stall_id = v.stall_id
                               AND (w.valid_from_day > v.valid_from_day
                                    OR (w.valid_from_day = v.valid_from_day AND w.recorded_at_ms > v.recorded_at_ms)))
             JOIN place p ON p.place_id = v.place_id
             LEFT JOIN street st ON st.street_id = p.street_id
             WHERE ",
        );
        sql.push(column)
            .push(" = ")
            .push_bind(id)
            .push(" ORDER BY s.stall_id");
        sql.build_query_as().fetch_all(c).await?
    });
    let stall_ids: Vec<&str> = rows.iter().map(|row| row.stall_id.as_str()).collect();
    let mut accounts = accounts_of(tx, &stall_ids).await?;
    let mut codes = codes_of(tx, &stall_ids).await?;
    let view = |row: StallRow| {
        Ok(StallView {
            accounts: accounts.remove(&row.stall_id).unwrap_or_default(),
            codes: codes.remove(&row.stall_id).unwrap_or_default(),
            trading_status: status_of(&row.trading_status)?,
            stall_id: row.stall_id,
            household_id: row.household_id,
            household_name: row.household_name,
            stall_code: row.stall_code,
            place_name: row.place_name,
            house_number: row.house_number,
            stall_number: row.stall_number,
        })
    };
    rows.into_iter().map(view).collect()
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    stall_id: String,
    link_id: String,
    account_id: String,
    bank_bin: String,
    account_number: String,
    holder_name: String,
    holder_relation: String,
    valid_from_day: i64,
    valid_to_day: Option<i64>,
    /// Who recorded the link, where it is a change that needs approval.
    changed_by: Option<String>,
    approved_by: Option<String>,
    approved_at_ms: Option<i64>,
}

async fn accounts_of(tx: &mut Tx, stall_ids: &[&str]) -> Result<HashMap<String, Vec<AccountView>>> {
    let sql = concat!(
        "SELECT l.stall_id, l.link_id, a.account_id, a.bank_bin, a.account_number, a.holder_name,
                l.holder_relation, l.valid_from_day, l.valid_to_day,
                CASE WHEN ",
        is_change!(),
        " THEN (SELECT f.recorded_by FROM account_link f WHERE f.link_id = l.link_id
                ORDER BY f.recorded_at_ms LIMIT 1) END AS changed_by, y.approved_by, y.approved_at_ms
         FROM account_link l JOIN account a ON a.account_id = l.account_id
         LEFT JOIN link_approval y ON y.link_id = l.link_id
         WHERE l.stall_id IN (…)
           AND NOT EXISTS (SELECT 1 FROM account_link n
                           WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
         ORDER BY l.valid_from_day, l.link_id"
    );
    let rows: Vec<AccountRow> = fetch_in_chunks(tx, sql, &[], stall_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<AccountView>> = HashMap::new();
    for row in rows {
        let number = AccountNumber::parse(&row.account_number)
            .map_err(|_| StoreError::Corrupt(format!("number of account {}", row.account_id)))?;
        let relation = &row.holder_relation;
        let approval = match (row.changed_by, row.approved_by.zip(row.approved_at_ms)) {
            (None, _) => Approval::NotNeeded,
            (Some(_), Some((by, at))) => Approval::Given { by, at: TimeMs(at) },
            (Some(recorded_by), None) => Approval::Waiting { recorded_by },
        };
        out.entry(row.stall_id).or_default().push(AccountView {
            link_id: row.link_id,
            account_id: row.account_id,
            bank_bin: row.bank_bin,
            number,
            holder_name: row.holder_name,
            holder_relation: meaning(HolderRelation::parse(relation), "holder relation", relation)?,
            period: period_of(row.valid_from_day, row.valid_to_day)?,
            approval,
        });
    }
    Ok(out)
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    stall_id: String,
    serial: String,
    account_id: String,
    payload: String,
    issued_on_day: i64,
    state: Option<String>,
    ended_on_day: Option<i64>,
}

async fn codes_of(tx: &mut Tx, stall_ids: &[&str]) -> Result<HashMap<String, Vec<CodeView>>> {
    let sql = "SELECT c.stall_id, c.serial, c.account_id, c.payload, c.issued_on_day, e.state, e.ended_on_day
               FROM code c LEFT JOIN code_end e ON e.serial = c.serial
               WHERE c.stall_id IN (…) ORDER BY c.issued_on_day DESC, c.serial";
    let rows: Vec<CodeRow> = fetch_in_chunks(tx, sql, &[], stall_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<CodeView>> = HashMap::new();
    for row in rows {
        out.entry(row.stall_id).or_default().push(CodeView {
            serial: row.serial,
            account_id: row.account_id,
            payload: row.payload,
            issued_on: day_of(row.issued_on_day)?,
            ended: ended_of(row.state, row.ended_on_day)?,
        });
    }
    Ok(out)
}

/// How and since when a code ended.
pub(super) fn ended_of(state: Option<String>, day: Option<i64>) -> Result<Option<(CodeEnd, Day)>> {
    let Some((state, day)) = state.zip(day) else {
        return Ok(None);
    };
    let end = meaning(CodeEnd::parse(&state), "end of a code", &state)?;
    Ok(Some((end, day_of(day)?)))
}

impl Store {
    /// BIN, number and stall code of every account that is linked now: whom the demonstration's
    /// provider pays.
    pub async fn linked_accounts(&self) -> Result<Vec<(String, String, String)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT a.bank_bin, a.account_number, s.stall_code
                 FROM account_link l JOIN account a ON a.account_id = l.account_id JOIN stall s ON s.stall_id = l.stall_id
                 WHERE l.valid_to_day IS NULL
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                 ORDER BY s.stall_code",
            )
            .fetch_all(c)
            .await?
        }))
    }
}

impl Creation {
    /// As [`Store::household`], with what this transaction wrote.
    pub async fn household(
        &mut self,
        household_id: &str,
        on: Day,
    ) -> Result<Option<(HouseholdView, Vec<StallView>)>> {
        household(&mut self.tx, household_id, on).await
    }

    /// As [`Store::stall`], with what this transaction wrote.
    pub async fn stall(&mut self, stall_id: &str) -> Result<Option<StallView>> {
        stall(&mut self.tx, stall_id).await
    }

    /// The id of the household that outsiders know by this reference.
    pub async fn household_by_ref(&mut self, reference: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = on_tx!(&mut self.tx, |c| {
            sqlx::query_as("SELECT household_id FROM household WHERE household_ref = $1")
                .bind(reference)
                .fetch_optional(c)
                .await?
        });
        Ok(row.map(|r| r.0))
    }
}

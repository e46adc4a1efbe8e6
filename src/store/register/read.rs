//! What the API and the pages show of the register.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::super::{Result, Store, Tx, on_tx};
use super::lifecycle::is_change;
use super::{day_of, period_of};
use crate::vn::{AccountNumber, Day, Period, TimeMs, fold};

/// Which households to list.
#[derive(Debug, Clone, Default)]
pub struct HouseholdFilter {
    /// Part of a name, reference or stall code; accents and letter case do not count.
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
    pub class: String,
    pub trading_status: String,
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
    pub trading_status: String,
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
    pub holder_relation: String,
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
    /// State and day of its end, if it ended.
    pub ended: Option<(String, Day)>,
}

/// A household's newest version as of a day.
const CURRENT: &str = "SELECT h.household_id, h.household_ref, v.name, v.class, v.trading_status,
    COALESCE(st.name, p.market_name) AS place_name, v.house_number,
    CAST(CASE WHEN EXISTS (SELECT 1 FROM account_link l WHERE l.household_id = h.household_id
        AND NOT EXISTS (SELECT 1 FROM account_link n WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
        AND l.valid_from_day <= day.d AND (l.valid_to_day IS NULL OR l.valid_to_day >= day.d)) THEN 1 ELSE 0 END AS BIGINT),
    CAST(CASE WHEN EXISTS (SELECT 1 FROM code c JOIN stall s ON s.stall_id = c.stall_id WHERE s.household_id = h.household_id
        AND c.issued_on_day <= day.d
        AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial AND e.ended_on_day <= day.d)
        AND EXISTS (SELECT 1 FROM account_link l WHERE l.stall_id = c.stall_id AND l.account_id = c.account_id
            AND NOT EXISTS (SELECT 1 FROM account_link n WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
            AND l.valid_from_day <= day.d AND (l.valid_to_day IS NULL OR l.valid_to_day >= day.d)))
        THEN 1 ELSE 0 END AS BIGINT)
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

type HouseholdRow = (String, String, String, String, String, String, String, i64, i64);

fn household_view(row: HouseholdRow) -> HouseholdView {
    let (household_id, reference, name, class, trading_status, place_name, house_number, account, code) = row;
    HouseholdView {
        household_id,
        reference,
        name,
        class,
        trading_status,
        place_name,
        house_number,
        has_account: account != 0,
        has_code: code != 0,
    }
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
                sql.push_bind(code).push("))");
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
        Ok(rows.into_iter().map(household_view).collect())
    }

    /// One household as it stands on a day, with its stalls.
    pub async fn household(
        &self,
        household_id: &str,
        on: Day,
    ) -> Result<Option<(HouseholdView, Vec<StallView>)>> {
        let mut tx = self.begin_read().await?;
        let row: Option<HouseholdRow> = on_tx!(&mut tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(CURRENT);
            sql.push_bind(on.number()).push(CURRENT_FROM).push_bind("");
            sql.push(" AND h.household_id = ").push_bind(household_id);
            sql.build_query_as().fetch_optional(c).await?
        });
        let Some(row) = row else { return Ok(None) };
        let stalls = stalls(&mut tx, "s.household_id", household_id).await?;
        Ok(Some((household_view(row), stalls)))
    }

    pub async fn stall(&self, stall_id: &str) -> Result<Option<StallView>> {
        let mut tx = self.begin_read().await?;
        Ok(stalls(&mut tx, "s.stall_id", stall_id).await?.pop())
    }

    /// Ends a link on a day (the last day it holds). Adds a version; what was known before stays.
    pub async fn end_link(&self, link_id: &str, to: Day, by: &str, now: TimeMs) -> Result<()> {
        use super::super::{StoreError, places::raise_epoch};
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
            .bind(now.0)
            .bind(by)
            .fetch_optional(c)
            .await?
        });
        if ended.is_none() {
            return Err(StoreError::Missing(format!(
                "Không có liên kết tài khoản {link_id}, hoặc liên kết đã hết trước ngày đó. Muốn dùng lại, hãy gắn tài khoản mới."
            )));
        }
        raise_epoch(&mut tx).await?;
        tx.commit().await
    }
}

/// `%`, `_` and the escape itself are letters of a name, not patterns.
fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

async fn stalls(tx: &mut Tx, column: &'static str, id: &str) -> Result<Vec<StallView>> {
    type Row = (String, String, String, String, String, String, String, String);
    let rows: Vec<Row> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT s.stall_id, s.household_id, s.stall_code, COALESCE(st.name, p.market_name), v.house_number,
                    v.stall_number, v.trading_status,
                    (SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
                     ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1)
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
    let mut accounts = accounts_of(tx, &rows.iter().map(|r| r.0.clone()).collect::<Vec<_>>()).await?;
    let mut out = Vec::with_capacity(rows.len());
    for (stall_id, household_id, stall_code, place_name, house_number, stall_number, trading_status, name) in
        rows
    {
        out.push(StallView {
            accounts: accounts.remove(&stall_id).unwrap_or_default(),
            codes: codes_of(tx, &stall_id).await?,
            stall_id,
            household_id,
            household_name: name,
            stall_code,
            place_name,
            house_number,
            stall_number,
            trading_status,
        });
    }
    Ok(out)
}

async fn accounts_of(tx: &mut Tx, stall_ids: &[String]) -> Result<HashMap<String, Vec<AccountView>>> {
    type Row = (
        String,
        String,
        String,
        String,
        String,
        String,
        String,
        i64,
        Option<i64>,
        Option<String>,
        Option<String>,
        Option<i64>,
    );
    let mut out: HashMap<String, Vec<AccountView>> = HashMap::new();
    for stall_id in stall_ids {
        let rows: Vec<Row> = on_tx!(tx, |c| {
            sqlx::query_as(concat!(
                "SELECT l.stall_id, l.link_id, a.account_id, a.bank_bin, a.account_number, a.holder_name,
                        l.holder_relation, l.valid_from_day, l.valid_to_day,
                        CASE WHEN ",
                is_change!(),
                " THEN (SELECT f.recorded_by FROM account_link f WHERE f.link_id = l.link_id
                        ORDER BY f.recorded_at_ms LIMIT 1) END, y.approved_by, y.approved_at_ms
                 FROM account_link l JOIN account a ON a.account_id = l.account_id
                 LEFT JOIN link_approval y ON y.link_id = l.link_id
                 WHERE l.stall_id = $1
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                 ORDER BY l.valid_from_day, l.link_id"
            ))
            .bind(stall_id)
            .fetch_all(c)
            .await?
        });
        for row in rows {
            let (stall_id, link_id, account_id, bank_bin, number, holder_name, holder_relation, ..) =
                row.clone();
            let (.., from, to, changed_by, approved_by, approved_at) = row;
            let number = AccountNumber::parse(&number)
                .map_err(|_| super::super::StoreError::Corrupt(format!("number of account {account_id}")))?;
            let period = period_of(from, to);
            let approval = match (changed_by, approved_by.zip(approved_at)) {
                (None, _) => Approval::NotNeeded,
                (Some(_), Some((by, at))) => Approval::Given { by, at: TimeMs(at) },
                (Some(recorded_by), None) => Approval::Waiting { recorded_by },
            };
            let view = AccountView {
                link_id,
                account_id,
                bank_bin,
                number,
                holder_name,
                holder_relation,
                period,
                approval,
            };
            out.entry(stall_id).or_default().push(view);
        }
    }
    Ok(out)
}

async fn codes_of(tx: &mut Tx, stall_id: &str) -> Result<Vec<CodeView>> {
    let rows: Vec<(String, String, String, i64, Option<String>, Option<i64>)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT c.serial, c.account_id, c.payload, c.issued_on_day, e.state, e.ended_on_day
             FROM code c LEFT JOIN code_end e ON e.serial = c.serial
             WHERE c.stall_id = $1 ORDER BY c.issued_on_day DESC, c.serial",
        )
        .bind(stall_id)
        .fetch_all(c)
        .await?
    });
    let mut out = Vec::with_capacity(rows.len());
    for (serial, account_id, payload, issued, state, ended) in rows {
        let ended = match (state, ended) {
            (Some(state), Some(day)) => Some((state, day_of(day)?)),
            _ => None,
        };
        out.push(CodeView {
            serial,
            account_id,
            payload,
            issued_on: day_of(issued)?,
            ended,
        });
    }
    Ok(out)
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

impl Store {
    /// The id of the household that outsiders know by this reference.
    pub async fn household_by_ref(&self, reference: &str) -> Result<Option<String>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT household_id FROM household WHERE household_ref = $1")
                .bind(reference)
                .fetch_optional(c)
                .await?
        });
        Ok(row.map(|r| r.0))
    }
}

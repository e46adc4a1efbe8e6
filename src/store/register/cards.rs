//! What is printed: the active codes of one card, of a selection, or of a street or market.

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, fetch_in_chunks, on_tx};
use super::lifecycle::{is_change, is_linked, join_version};
use crate::vietqr::{Payload, stall_payload};
use crate::vn::{AccountNumber, Day, TimeMs};

/// Which cards are to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichCards {
    Serials(Vec<String>),
    /// All of a street (its id) or a market (its place id).
    At(String),
}

/// An active code and what a card says beside it.
#[derive(Debug, Clone)]
pub struct PrintableCard {
    pub serial: String,
    pub stall_code: String,
    pub household_name: String,
    pub place_name: String,
    /// Whether the stall is in a market; else its number is a house number.
    pub is_in_market: bool,
    /// Stall number in a market, house number on a street; may be empty.
    pub number: String,
    /// Bank BIN.
    pub bank_bin: String,
    /// The holder, as the bank shows it.
    pub holder_name: String,
    /// The account; shows itself masked.
    pub account: AccountNumber,
    /// The payload, made anew from the register and equal to what was handed out.
    pub payload: Payload,
}

/// A code is active while it is not ended and its account is linked to its stall (docs/spec/domain.md, section 3).
/// Stalls
/// that moved or closed print nothing.
const ACTIVE: &str = concat!(
    "SELECT c.serial, s.stall_code, c.payload, a.bank_bin, a.account_number, a.holder_name,
        (SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
         ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1) AS household_name,
        COALESCE(st.name, p.market_name) AS place_name, p.kind, v.house_number, v.stall_number
 FROM (SELECT CAST($1 AS BIGINT) AS d) day CROSS JOIN code c
 JOIN stall s ON s.stall_id = c.stall_id
 JOIN account a ON a.account_id = c.account_id",
    join_version!("s.stall_id", "day.d"),
    " JOIN place p ON p.place_id = v.place_id
 LEFT JOIN street st ON st.street_id = p.street_id
 WHERE v.trading_status IN ('trading', 'paused') AND c.issued_on_day <= day.d
   AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial AND e.ended_on_day <= day.d)
   AND ",
    is_linked!("day.d"),
    " AND "
);

#[derive(sqlx::FromRow)]
struct CardRow {
    serial: String,
    stall_code: String,
    payload: String,
    bank_bin: String,
    account_number: String,
    holder_name: String,
    household_name: String,
    place_name: String,
    kind: String,
    house_number: String,
    stall_number: String,
}

impl Store {
    /// The cards that may be printed on a day, in no order. A payload that differs from the register is
    /// an error: such a card must not be printed.
    pub async fn printable_cards(&self, which: &WhichCards, on: Day) -> Result<Vec<PrintableCard>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<CardRow> = match which {
            WhichCards::At(place) => on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(ACTIVE);
                sql.push("(p.street_id = $2 OR (p.kind = 'market' AND p.place_id = $2))");
                sql.build_query_as()
                    .bind(on.number())
                    .bind(place)
                    .fetch_all(c)
                    .await?
            }),
            WhichCards::Serials(serials) => {
                let sql = format!("{ACTIVE}c.serial IN (…)");
                fetch_in_chunks(&mut tx, &sql, &[on.number().into()], serials).await?
            }
        };
        rows.into_iter().map(printable).collect()
    }

    /// Stalls of a street or market that trade, have an account on that day, and no active code for it: what
    /// is still to be handed out there, as (stall, account). A changed account counts once its approval is as
    /// old as `approved_by`.
    pub async fn stalls_without_code(
        &self,
        at: &str,
        on: Day,
        approved_by: TimeMs,
    ) -> Result<Vec<(String, String)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(concat!(
                "SELECT DISTINCT l.stall_id, l.account_id
                 FROM account_link l",
                join_version!("l.stall_id", "$2"),
                " JOIN place p ON p.place_id = v.place_id
                 WHERE v.trading_status = 'trading'
                   AND (p.street_id = $1 OR (p.kind = 'market' AND p.place_id = $1))
                   AND l.valid_from_day <= $2 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $2)
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                   AND NOT EXISTS (SELECT 1 FROM code c WHERE c.stall_id = l.stall_id AND c.account_id = l.account_id
                                   AND c.issued_on_day <= $2
                                   AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial))
                   AND (NOT ",
                is_change!(),
                " OR EXISTS (SELECT 1 FROM link_approval y WHERE y.link_id = l.link_id AND y.approved_at_ms <= $3))
                 ORDER BY l.stall_id, l.account_id"
            ))
            .bind(at)
            .bind(on.number())
            .bind(approved_by.0)
            .fetch_all(c)
            .await?
        }))
    }

    /// Streets and markets by id and name: what a pack can be printed of.
    pub async fn streets_and_markets(&self) -> Result<Vec<(String, String)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT street_id, name FROM street
                 WHERE NOT EXISTS (SELECT 1 FROM street_merge m WHERE m.street_id = street.street_id)
                 UNION ALL SELECT place_id, market_name FROM place WHERE kind = 'market'
                 ORDER BY 2, 1",
            )
            .fetch_all(c)
            .await?
        }))
    }
}

fn printable(row: CardRow) -> Result<PrintableCard> {
    let account = AccountNumber::parse(&row.account_number)
        .map_err(|_| StoreError::Corrupt(format!("account of {}", row.serial)))?;
    let made = stall_payload(&row.bank_bin, &account, &row.stall_code).ok();
    let Some(payload) = made.filter(|made| made.as_str() == row.payload) else {
        return Err(StoreError::Corrupt(format!("payload of {}", row.serial)));
    };
    let is_in_market = row.kind == "market";
    Ok(PrintableCard {
        serial: row.serial,
        stall_code: row.stall_code,
        household_name: row.household_name,
        place_name: row.place_name,
        is_in_market,
        number: if is_in_market && !row.stall_number.is_empty() {
            row.stall_number
        } else {
            row.house_number
        },
        bank_bin: row.bank_bin,
        holder_name: row.holder_name,
        account,
        payload,
    })
}

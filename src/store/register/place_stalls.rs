//! The stalls of a street or market as a list.

use super::super::{Result, Store, StoreError, on_tx};
use super::lifecycle::{is_linked, join_version};
use super::status_of;
use crate::register::TradingStatus;
use crate::vn::{Day, Phone};

/// A stall in the list of its street or market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceStall {
    pub stall_id: String,
    pub stall_code: String,
    /// Stall number in a market, house number on a street; may be empty.
    pub number: String,
    pub place_name: String,
    pub household_ref: String,
    pub household_name: String,
    /// The street of the household's principal place, or the market; a stall may be elsewhere.
    pub household_place: String,
    pub phone: Option<Phone>,
    pub trading_status: TradingStatus,
    pub has_account: bool,
    pub has_code: bool,
}

const STALLS: &str = concat!(
    "SELECT s.stall_id, s.stall_code, v.house_number, v.stall_number, v.trading_status, p.kind, h.household_ref,
        COALESCE(st.name, p.market_name) AS place_name, hv.name AS household_name, hv.phone,
        COALESCE(hst.name, hp.market_name) AS household_place,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM account_link l
            WHERE l.stall_id = s.stall_id AND l.valid_from_day <= day.d
              AND (l.valid_to_day IS NULL OR l.valid_to_day >= day.d)
              AND NOT EXISTS (SELECT 1 FROM account_link n
                              WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms))
            THEN 1 ELSE 0 END AS BIGINT) AS has_account,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM code c WHERE c.stall_id = s.stall_id AND c.issued_on_day <= day.d
              AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial AND e.ended_on_day <= day.d)
              AND ",
    is_linked!("day.d"),
    ") THEN 1 ELSE 0 END AS BIGINT) AS has_code
     FROM (SELECT CAST($1 AS BIGINT) AS d) day CROSS JOIN stall s
     JOIN household h ON h.household_id = s.household_id",
    join_version!("s.stall_id", "day.d"),
    " JOIN place p ON p.place_id = v.place_id
     LEFT JOIN street st ON st.street_id = p.street_id
     JOIN household_version hv ON hv.household_id = s.household_id AND hv.valid_from_day <= day.d
       AND NOT EXISTS (SELECT 1 FROM household_version w
                       WHERE w.household_id = hv.household_id AND w.valid_from_day <= day.d
                         AND (w.valid_from_day > hv.valid_from_day
                              OR (w.valid_from_day = hv.valid_from_day AND w.recorded_at_ms > hv.recorded_at_ms)))
     JOIN place hp ON hp.place_id = hv.place_id
     LEFT JOIN street hst ON hst.street_id = hp.street_id
     WHERE p.street_id = $2 OR (p.kind = 'market' AND p.place_id = $2)"
);

#[derive(sqlx::FromRow)]
struct StallRow {
    stall_id: String,
    stall_code: String,
    house_number: String,
    stall_number: String,
    trading_status: String,
    kind: String,
    household_ref: String,
    place_name: String,
    household_name: String,
    household_place: String,
    phone: Option<String>,
    has_account: i64,
    has_code: i64,
}

impl Store {
    /// The stalls of a street (its id) or market (its place id) as of a day, in no order.
    pub async fn place_stalls(&self, place: &str, on: Day) -> Result<Vec<PlaceStall>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<StallRow> = on_tx!(&mut tx, |c| {
            sqlx::query_as(STALLS)
                .bind(on.number())
                .bind(place)
                .fetch_all(c)
                .await?
        });
        rows.into_iter().map(place_stall).collect()
    }
}

fn place_stall(row: StallRow) -> Result<PlaceStall> {
    let phone = row.phone.as_deref().map(|text| {
        Phone::parse(text).ok_or_else(|| StoreError::Corrupt(format!("phone of {}", row.household_ref)))
    });
    Ok(PlaceStall {
        number: if row.kind == "market" {
            row.stall_number
        } else {
            row.house_number
        },
        trading_status: status_of(&row.trading_status)?,
        phone: phone.transpose()?,
        stall_id: row.stall_id,
        stall_code: row.stall_code,
        place_name: row.place_name,
        household_ref: row.household_ref,
        household_name: row.household_name,
        household_place: row.household_place,
        has_account: row.has_account != 0,
        has_code: row.has_code != 0,
    })
}

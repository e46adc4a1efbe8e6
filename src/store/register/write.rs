//! Bulk inserts of what a plan says.

use sqlx::QueryBuilder;

use super::super::places::day_number;
use super::super::{Actor, Result, Tx, on_tx, pieces};
use crate::register::Rows;
use crate::vn::{Day, fold};

pub(super) async fn rows(tx: &mut Tx, rows: &Rows, actor: Actor<'_>) -> Result<()> {
    households(tx, rows, actor).await?;
    stalls(tx, rows, actor).await?;
    accounts(tx, rows, actor).await?;
    codes(tx, rows, actor).await
}

async fn households(tx: &mut Tx, rows: &Rows, Actor { by, now }: Actor<'_>) -> Result<()> {
    for chunk in pieces(&rows.households) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO household (household_id, household_ref, recorded_at_ms) ",
            );
            sql.push_values(chunk, |mut row, household| {
                row.push_bind(&household.household_id)
                    .push_bind(&household.reference)
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&rows.household_versions) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO household_version (household_id, valid_from_day, recorded_at_ms, recorded_by, name,
                 name_folded, class, trading_status, place_id, house_number, phone) ",
            );
            sql.push_values(chunk, |mut row, v| {
                row.push_bind(&v.household_id)
                    .push_bind(v.from.number())
                    .push_bind(now.0)
                    .push_bind(by)
                    .push_bind(&v.state.name)
                    .push_bind(fold(&v.state.name))
                    .push_bind(v.state.class.as_str())
                    .push_bind(v.state.status.as_str())
                    .push_bind(&v.state.place_id)
                    .push_bind(&v.state.house_number)
                    .push_bind(&v.state.phone);
            });
            // Two versions of one household and day within one millisecond: the later wish stands.
            sql.push(
                " ON CONFLICT (household_id, valid_from_day, recorded_at_ms) DO UPDATE SET
                   name = excluded.name, name_folded = excluded.name_folded, class = excluded.class,
                   trading_status = excluded.trading_status, place_id = excluded.place_id,
                   house_number = excluded.house_number, phone = excluded.phone",
            );
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

async fn stalls(tx: &mut Tx, rows: &Rows, Actor { by, now }: Actor<'_>) -> Result<()> {
    for chunk in pieces(&rows.stalls) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO stall (stall_id, household_id, stall_code, recorded_at_ms) ",
            );
            sql.push_values(chunk, |mut row, stall| {
                row.push_bind(&stall.stall_id)
                    .push_bind(&stall.household_id)
                    .push_bind(&stall.code)
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&rows.stall_versions) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO stall_version (stall_id, valid_from_day, recorded_at_ms, recorded_by, place_id,
                 house_number, stall_number, trading_status) ",
            );
            sql.push_values(chunk, |mut row, v| {
                row.push_bind(&v.stall_id)
                    .push_bind(v.from.number())
                    .push_bind(now.0)
                    .push_bind(by)
                    .push_bind(&v.state.place_id)
                    .push_bind(&v.state.house_number)
                    .push_bind(&v.state.stall_number)
                    .push_bind(v.state.status.as_str());
            });
            sql.push(
                " ON CONFLICT (stall_id, valid_from_day, recorded_at_ms) DO UPDATE SET
                   place_id = excluded.place_id, house_number = excluded.house_number,
                   stall_number = excluded.stall_number, trading_status = excluded.trading_status",
            );
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

async fn accounts(tx: &mut Tx, rows: &Rows, Actor { by, now }: Actor<'_>) -> Result<()> {
    for chunk in pieces(&rows.accounts) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO account (account_id, bank_bin, account_number, holder_name, recorded_at_ms) ",
            );
            sql.push_values(chunk, |mut row, account| {
                row.push_bind(&account.account_id)
                    .push_bind(&account.bank_bin)
                    .push_bind(account.number.reveal())
                    .push_bind(&account.holder_name)
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&rows.links) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO account_link (link_id, recorded_at_ms, recorded_by, account_id, stall_id, household_id,
                 valid_from_day, valid_to_day, holder_relation) ",
            );
            sql.push_values(chunk, |mut row, l| {
                row.push_bind(&l.link_id)
                    .push_bind(now.0)
                    .push_bind(by)
                    .push_bind(&l.account_id)
                    .push_bind(&l.stall_id)
                    .push_bind(&l.household_id)
                    .push_bind(day_number(l.period.from))
                    .push_bind(l.period.to.map(Day::number))
                    .push_bind(l.relation.as_str());
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

async fn codes(tx: &mut Tx, rows: &Rows, Actor { by, now }: Actor<'_>) -> Result<()> {
    for chunk in pieces(&rows.codes) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO code (serial, stall_id, account_id, household_id, payload, issued_on_day,
                 recorded_at_ms, recorded_by) ",
            );
            sql.push_values(chunk, |mut row, code| {
                row.push_bind(&code.serial)
                    .push_bind(&code.stall_id)
                    .push_bind(&code.account_id)
                    .push_bind(&code.household_id)
                    .push_bind(&code.payload)
                    .push_bind(code.issued_on.number())
                    .push_bind(now.0)
                    .push_bind(by);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

//! Single changes: what the API does between imports.

use super::super::places::raise_epoch;
use super::super::{Actor, Creation, Missing, Result, Store, Tx, fresh_id, on_tx};
use super::{household_versions, stalls_of, write};
use crate::register::{
    AccountDraft, AccountRow, Class, HouseholdState, HouseholdVersionRow, LinkRow, Rows, StallState,
    StallVersionRow, TradingStatus, state_on,
};
use crate::vn::{Day, Period, Phone};

/// What changes of a household from a day on; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct HouseholdChange {
    pub name: Option<String>,
    pub class: Option<Class>,
    pub status: Option<TradingStatus>,
    pub phone: Option<Phone>,
}

/// Where a provider's terminal stands from a day on.
#[derive(Debug, Clone, Copy)]
pub struct NewTerminal<'a> {
    pub provider_id: &'a str,
    pub terminal_id: &'a str,
    pub stall_id: &'a str,
    pub from: Day,
}

impl Store {
    /// Records that a household is different from a day on. What was known of it before stays known.
    pub async fn change_household(
        &self,
        household_id: &str,
        change: &HouseholdChange,
        from: Day,
        actor: Actor<'_>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let versions = household_versions(&mut tx, &[household_id])
            .await?
            .remove(household_id)
            .unwrap_or_default();
        let state = state_on(&versions, from).ok_or_else(|| Missing::HouseholdOn {
            household_id: household_id.to_owned(),
            day: from,
        })?;
        let state = HouseholdState {
            name: change.name.clone().unwrap_or_else(|| state.name.clone()),
            class: change.class.unwrap_or(state.class),
            status: change.status.unwrap_or(state.status),
            phone: change
                .phone
                .as_ref()
                .map(|p| p.reveal().to_owned())
                .or_else(|| state.phone.clone()),
            ..state.clone()
        };
        let household_id = household_id.to_owned();
        let rows = Rows {
            household_versions: vec![HouseholdVersionRow {
                household_id,
                from,
                state,
            }],
            ..Rows::default()
        };
        write::rows(&mut tx, &rows, actor).await?;
        raise_epoch(&mut tx).await?;
        tx.commit().await
    }

    /// Records that a stall trades, pauses, moved or closed from a day on.
    pub async fn change_stall(
        &self,
        stall_id: &str,
        status: TradingStatus,
        from: Day,
        actor: Actor<'_>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let household_id = household_of(&mut tx, stall_id).await?;
        let mut stalls = stalls_of(&mut tx, &[&household_id])
            .await?
            .remove(&household_id)
            .unwrap_or_default();
        stalls.retain(|s| s.stall_id == stall_id);
        let state = stalls
            .first()
            .and_then(|s| state_on(&s.versions, from))
            .ok_or_else(|| Missing::StallOn {
                stall_id: stall_id.to_owned(),
                day: from,
            })?;
        let state = StallState {
            status,
            ..state.clone()
        };
        let stall_id = stall_id.to_owned();
        let rows = Rows {
            stall_versions: vec![StallVersionRow {
                stall_id,
                from,
                state,
            }],
            ..Rows::default()
        };
        write::rows(&mut tx, &rows, actor).await?;
        tx.commit().await
    }

    /// Records that a provider's terminal stands at a stall from a day on.
    pub async fn keep_terminal(&self, new: NewTerminal<'_>, actor: Actor<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        household_of(&mut tx, new.stall_id).await?;
        // Where it stood before, it stood until the day before; and it stands here until the day before
        // it is known to stand elsewhere, whichever of the two was recorded first.
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE terminal SET valid_to_day = $3
                 WHERE provider_id = $1 AND terminal_id = $2 AND valid_from_day <= $3
                   AND (valid_to_day IS NULL OR valid_to_day > $3)",
            )
            .bind(new.provider_id)
            .bind(new.terminal_id)
            .bind(new.from.plus(-1).number())
            .execute(&mut *c)
            .await?;
            sqlx::query(
                "INSERT INTO terminal (provider_id, terminal_id, valid_from_day, valid_to_day, stall_id,
                   recorded_at_ms, recorded_by)
                 SELECT $1, $2, $3, MIN(later.valid_from_day) - 1, $4, $5, $6
                 FROM terminal later
                 WHERE later.provider_id = $1 AND later.terminal_id = $2 AND later.valid_from_day > $3
                 ON CONFLICT (provider_id, terminal_id, valid_from_day) DO UPDATE SET
                   stall_id = excluded.stall_id, recorded_at_ms = excluded.recorded_at_ms,
                   recorded_by = excluded.recorded_by",
            )
            .bind(new.provider_id)
            .bind(new.terminal_id)
            .bind(new.from.number())
            .bind(new.stall_id)
            .bind(actor.now.0)
            .bind(actor.by)
            .execute(&mut *c)
            .await?;
        });
        raise_epoch(&mut tx).await?;
        tx.commit().await
    }
}

impl Creation {
    /// Links an account to a stall from a day on, and gives back the link's id. An account that is linked
    /// to the stall on that day already keeps its link.
    pub async fn link_account(
        &mut self,
        stall_id: &str,
        account: &AccountDraft,
        from: Day,
        actor: Actor<'_>,
    ) -> Result<String> {
        let tx = &mut self.tx;
        let household_id = household_of(tx, stall_id).await?;
        let mut rows = Rows::default();
        let known: Option<(String,)> = on_tx!(&mut *tx, |c| {
            sqlx::query_as("SELECT account_id FROM account WHERE account_number = $1 AND bank_bin = $2")
                .bind(account.number.reveal())
                .bind(&account.bank_bin)
                .fetch_optional(c)
                .await?
        });
        let account_id = match known {
            Some((account_id,)) => account_id,
            None => {
                let id = fresh_id(actor.now);
                rows.accounts.push(AccountRow {
                    account_id: id.clone(),
                    bank_bin: account.bank_bin.clone(),
                    number: account.number.clone(),
                    holder_name: account.holder_name.clone(),
                });
                id
            }
        };
        let linked: Option<(String,)> = on_tx!(&mut *tx, |c| {
            sqlx::query_as(
                "SELECT link_id FROM account_link l
                 WHERE stall_id = $1 AND account_id = $2 AND valid_from_day <= $3
                   AND (valid_to_day IS NULL OR valid_to_day >= $3)
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)",
            )
            .bind(stall_id)
            .bind(&account_id)
            .bind(from.number())
            .fetch_optional(c)
            .await?
        });
        if let Some((link_id,)) = linked {
            return Ok(link_id);
        }
        let link_id = fresh_id(actor.now);
        let period = Period {
            from: Some(from),
            to: None,
        };
        let stall_id = stall_id.to_owned();
        let relation = account.relation;
        rows.links.push(LinkRow {
            link_id: link_id.clone(),
            account_id,
            stall_id,
            household_id,
            period,
            relation,
        });
        write::rows(tx, &rows, actor).await?;
        raise_epoch(tx).await?;
        Ok(link_id)
    }
}

async fn household_of(tx: &mut Tx, stall_id: &str) -> Result<String> {
    let row: Option<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT household_id FROM stall WHERE stall_id = $1")
            .bind(stall_id)
            .fetch_optional(c)
            .await?
    });
    let stall_id = stall_id.to_owned();
    row.map(|r| r.0).ok_or_else(|| Missing::Stall { stall_id }.into())
}

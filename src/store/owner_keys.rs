//! Keys with which owners of households open the list of their own money.

use super::{Actor, Missing, Result, Store, Tx, on_tx};
use crate::vn::TimeMs;

/// Uses closer together than this are noted as one.
const USE_NOTED_INTERVAL_MS: i64 = 10 * 60_000;

/// A living key of a household; the key itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerKey {
    /// Whose list it opens.
    pub household_id: String,
    pub created_by: String,
    pub created_at: TimeMs,
    /// When it last opened the list, to ten minutes; none if it never did.
    pub last_used_at: Option<TimeMs>,
}

#[derive(sqlx::FromRow)]
struct StoredKey {
    household_id: String,
    created_by: String,
    created_at_ms: i64,
    last_used_at_ms: Option<i64>,
}

impl From<StoredKey> for OwnerKey {
    fn from(row: StoredKey) -> OwnerKey {
        OwnerKey {
            household_id: row.household_id,
            created_by: row.created_by,
            created_at: TimeMs(row.created_at_ms),
            last_used_at: row.last_used_at_ms.map(TimeMs),
        }
    }
}

impl Store {
    /// Keeps a new key of a household and revokes the one it had.
    pub async fn make_owner_key(
        &self,
        household_id: &str,
        token_sha256: &str,
        actor: Actor<'_>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        revoke(&mut tx, household_id, actor).await?;
        let made = on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO owner_key (token_sha256, household_id, created_by, created_at_ms)
                 SELECT $1, household_id, $3, $4 FROM household WHERE household_id = $2",
            )
            .bind(token_sha256)
            .bind(household_id)
            .bind(actor.by)
            .bind(actor.now.0)
            .execute(c)
            .await?
            .rows_affected()
        });
        match made {
            0 => Err(Missing::Household.into()),
            _ => tx.commit().await,
        }
    }

    /// Revokes a household's key; false if it has none.
    pub async fn revoke_owner_key(&self, household_id: &str, actor: Actor<'_>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let revoked = revoke(&mut tx, household_id, actor).await?;
        tx.commit().await?;
        Ok(revoked > 0)
    }

    /// A household's living key.
    pub async fn owner_key(&self, household_id: &str) -> Result<Option<OwnerKey>> {
        let mut tx = self.begin_read().await?;
        let row: Option<StoredKey> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT household_id, created_by, created_at_ms, last_used_at_ms FROM owner_key
                 WHERE household_id = $1 AND revoked_at_ms IS NULL",
            )
            .bind(household_id)
            .fetch_optional(c)
            .await?
        });
        Ok(row.map(OwnerKey::from))
    }

    /// The living key of this token. Notes that it was used where `used_at` says when; what is given back is the
    /// use before that.
    pub async fn owner_key_of(
        &self,
        token_sha256: &str,
        used_at: Option<TimeMs>,
    ) -> Result<Option<OwnerKey>> {
        let mut tx = self.begin_read().await?;
        let row: Option<StoredKey> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT household_id, created_by, created_at_ms, last_used_at_ms FROM owner_key
                 WHERE token_sha256 = $1 AND revoked_at_ms IS NULL",
            )
            .bind(token_sha256)
            .fetch_optional(c)
            .await?
        });
        drop(tx);
        let key = row.map(OwnerKey::from);
        let is_noted = |at: TimeMs, last: TimeMs| at.0 < last.0.saturating_add(USE_NOTED_INTERVAL_MS);
        if let (Some(key), Some(at)) = (&key, used_at)
            && !key.last_used_at.is_some_and(|last| is_noted(at, last))
        {
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "UPDATE owner_key SET last_used_at_ms = $2
                     WHERE token_sha256 = $1 AND (last_used_at_ms IS NULL OR last_used_at_ms < $2)",
                )
                .bind(token_sha256)
                .bind(at.0)
                .execute(c)
                .await?;
            });
            tx.commit().await?;
        }
        Ok(key)
    }
}

async fn revoke(tx: &mut Tx, household_id: &str, actor: Actor<'_>) -> Result<u64> {
    Ok(on_tx!(tx, |c| {
        sqlx::query(
            "UPDATE owner_key SET revoked_at_ms = $2, revoked_by = $3
             WHERE household_id = $1 AND revoked_at_ms IS NULL",
        )
        .bind(household_id)
        .bind(actor.now.0)
        .bind(actor.by)
        .execute(c)
        .await?
        .rows_affected()
    }))
}

//! Providers and their sealed keys.

use super::{Conflict, Missing, Result, Store, Tx, on_tx};
use crate::vn::TimeMs;

/// A provider to be added, its secret already sealed.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// The id in the callback's address.
    pub provider_id: String,
    /// The profile, e.g. `momo`.
    pub profile: String,
    /// The scheme, e.g. `ipn_v2`.
    pub scheme: String,
    /// Name of the first key.
    pub key_id: String,
    /// The secret, sealed under the key file.
    pub sealed_secret: String,
}

/// A further key of a provider, its secret already sealed.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    pub provider_id: &'a str,
    pub key_id: &'a str,
    /// The secret, sealed under the key file.
    pub sealed_secret: &'a str,
}

/// A provider with its live keys.
#[derive(Debug, Clone)]
pub struct ProviderRow {
    /// The id in the callback's address.
    pub provider_id: String,
    /// The profile, e.g. `momo`.
    pub profile: String,
    /// The scheme, e.g. `ipn_v2`.
    pub scheme: String,
    /// When it was added.
    pub created_at: TimeMs,
    /// When it was disabled, if it was.
    pub disabled_at: Option<TimeMs>,
    /// (key id, sealed secret) of the keys that have not expired, newest first.
    pub keys: Vec<(String, String)>,
}

/// A key that a provider has or had.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EverKey {
    pub provider_id: String,
    /// The profile, e.g. `momo`.
    pub profile: String,
    /// The scheme, e.g. `ipn_v2`.
    pub scheme: String,
    /// Whether callbacks of the provider are not taken.
    pub is_disabled: bool,
    /// Name of the key.
    pub key_id: String,
    /// The secret, sealed.
    pub sealed_secret: String,
    pub created_at: TimeMs,
    /// From when on it fits no more; none while it is the one in use.
    pub expires_at: Option<TimeMs>,
}

impl EverKey {
    /// Whether a callback may still be proven with it.
    pub fn is_live(&self, now: TimeMs) -> bool {
        self.expires_at.is_none_or(|until| until > now)
    }
}

/// What is left once a key was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEnded {
    /// Whether the newest key that is left would have expired, and is now the one in use.
    pub prolonged: bool,
}

#[derive(sqlx::FromRow)]
struct StoredProvider {
    provider_id: String,
    profile: String,
    scheme: String,
    created_at_ms: i64,
    disabled_at_ms: Option<i64>,
}

impl Store {
    /// Adds a provider; an id that is taken is a conflict.
    pub async fn add_provider(&self, new: &NewProvider, now: TimeMs) -> Result<()> {
        let mut tx = self.begin().await?;
        let added: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "INSERT INTO provider (provider_id, profile, scheme, created_at_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (provider_id) DO NOTHING RETURNING provider_id",
            )
            .bind(&new.provider_id)
            .bind(&new.profile)
            .bind(&new.scheme)
            .bind(now.0)
            .fetch_optional(c)
            .await?
        });
        if added.is_none() {
            let provider_id = new.provider_id.clone();
            return Err(Conflict::ProviderExists { provider_id }.into());
        }
        let key = NewKey {
            provider_id: &new.provider_id,
            key_id: &new.key_id,
            sealed_secret: &new.sealed_secret,
        };
        insert_key(&mut tx, key, now).await?;
        tx.commit().await
    }

    /// Adds a key; the older ones stay good until `overlap_until`, so that both fit while the provider
    /// changes over.
    pub async fn rotate_key(&self, new: NewKey<'_>, overlap_until: TimeMs, now: TimeMs) -> Result<()> {
        let provider_id = new.provider_id;
        let mut tx = self.begin().await?;
        let known: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT provider_id FROM provider WHERE provider_id = $1")
                .bind(provider_id)
                .fetch_optional(c)
                .await?
        });
        if known.is_none() {
            let provider_id = provider_id.to_owned();
            return Err(Missing::Provider { provider_id }.into());
        }
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE provider_key SET expires_at_ms = $2
                 WHERE provider_id = $1 AND (expires_at_ms IS NULL OR expires_at_ms > $2)",
            )
            .bind(provider_id)
            .bind(overlap_until.0)
            .execute(c)
            .await?;
        });
        insert_key(&mut tx, new, now).await?;
        tx.commit().await
    }

    /// All providers, disabled ones too, with the keys that are live now.
    pub async fn providers(&self, now: TimeMs) -> Result<Vec<ProviderRow>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<StoredProvider> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, profile, scheme, created_at_ms, disabled_at_ms FROM provider
                 ORDER BY provider_id",
            )
            .fetch_all(c)
            .await?
        });
        let keys: Vec<(String, String, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, key_id, sealed_secret FROM provider_key
                 WHERE expires_at_ms IS NULL OR expires_at_ms > $1 ORDER BY created_at_ms DESC, key_id",
            )
            .bind(now.0)
            .fetch_all(c)
            .await?
        });
        let keys_of = |id: &str| {
            keys.iter()
                .filter(|k| k.0 == id)
                .map(|k| (k.1.clone(), k.2.clone()))
                .collect::<Vec<_>>()
        };
        Ok(rows
            .into_iter()
            .map(|row| ProviderRow {
                keys: keys_of(&row.provider_id),
                provider_id: row.provider_id,
                profile: row.profile,
                scheme: row.scheme,
                created_at: TimeMs(row.created_at_ms),
                disabled_at: row.disabled_at_ms.map(TimeMs),
            })
            .collect())
    }

    /// Stops taking callbacks of a provider, or takes them again. What it sent stays.
    pub async fn set_provider_disabled(&self, provider_id: &str, disabled_at: Option<TimeMs>) -> Result<()> {
        let mut tx = self.begin().await?;
        let changed = on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE provider SET disabled_at_ms = $2 WHERE provider_id = $1")
                .bind(provider_id)
                .bind(disabled_at.map(|t| t.0))
                .execute(c)
                .await?
                .rows_affected()
        });
        match changed {
            0 => {
                let provider_id = provider_id.to_owned();
                Err(Missing::Provider { provider_id }.into())
            }
            _ => tx.commit().await,
        }
    }

    /// Ends a live key at once. Where the keys that are left would all expire, the newest of them stays: a provider
    /// always has a key without an end. The last live key is not ended.
    pub async fn end_key(&self, provider_id: &str, key_id: &str, now: TimeMs) -> Result<KeyEnded> {
        let mut tx = self.begin().await?;
        // Two people who end two keys at a time wait for each other here.
        let known = on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE provider SET profile = profile WHERE provider_id = $1")
                .bind(provider_id)
                .execute(c)
                .await?
                .rows_affected()
        });
        if known == 0 {
            let provider_id = provider_id.to_owned();
            return Err(Missing::Provider { provider_id }.into());
        }
        let mut live: Vec<(String, Option<i64>)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT key_id, expires_at_ms FROM provider_key
                 WHERE provider_id = $1 AND (expires_at_ms IS NULL OR expires_at_ms > $2)
                 ORDER BY created_at_ms DESC, key_id",
            )
            .bind(provider_id)
            .bind(now.0)
            .fetch_all(c)
            .await?
        });
        let Some(at) = live.iter().position(|(id, _)| id == key_id) else {
            return Err(Missing::LiveKey {
                provider_id: provider_id.to_owned(),
                key_id: key_id.to_owned(),
            }
            .into());
        };
        live.remove(at);
        let Some((newest, _)) = live.first() else {
            let provider_id = provider_id.to_owned();
            return Err(Conflict::LastKey { provider_id }.into());
        };
        let prolonged = live.iter().all(|(_, until)| until.is_some());
        set_expiry(&mut tx, provider_id, key_id, Some(now)).await?;
        if prolonged {
            set_expiry(&mut tx, provider_id, newest, None).await?;
        }
        tx.commit().await?;
        Ok(KeyEnded { prolonged })
    }

    /// Every key that any provider has or had, the newest first: kept evidence is checked with the key of its time.
    pub async fn keys_ever(&self) -> Result<Vec<EverKey>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT p.provider_id, p.profile, p.scheme, p.disabled_at_ms IS NOT NULL AS is_disabled, k.key_id,
                        k.sealed_secret, k.created_at_ms AS created_at, k.expires_at_ms AS expires_at
                 FROM provider p JOIN provider_key k ON k.provider_id = p.provider_id
                 ORDER BY p.provider_id, k.created_at_ms DESC, k.key_id",
            )
            .fetch_all(c)
            .await?
        }))
    }
}

async fn insert_key(tx: &mut Tx, new: NewKey<'_>, now: TimeMs) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO provider_key (provider_id, key_id, sealed_secret, created_at_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(new.provider_id)
        .bind(new.key_id)
        .bind(new.sealed_secret)
        .bind(now.0)
        .execute(c)
        .await?;
    });
    Ok(())
}

async fn set_expiry(tx: &mut Tx, provider_id: &str, key_id: &str, at: Option<TimeMs>) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE provider_key SET expires_at_ms = $3 WHERE provider_id = $1 AND key_id = $2")
            .bind(provider_id)
            .bind(key_id)
            .bind(at.map(|t| t.0))
            .execute(c)
            .await?;
    });
    Ok(())
}

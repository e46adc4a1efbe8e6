//! Tokens of people and programs, sessions at the pages, and links that sign in once. Of each only the SHA-256 is kept.

use super::{Actor, Conflict, Missing, Result, Store, StoreError, Tx, on_tx};
use crate::access::{Holder, Scope};
use crate::vn::TimeMs;

/// A token as listed; the token itself is not kept.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Whose it is.
    pub holder: Holder,
    /// When it was made.
    pub created_at: TimeMs,
    /// When it was revoked, if it was.
    pub revoked_at: Option<TimeMs>,
}

/// A session that somebody wants to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// SHA-256 of what the cookie holds.
    pub session_sha256: &'a str,
    /// Browser and system, in few words.
    pub device: &'a str,
    pub expires_at: TimeMs,
}

impl Store {
    /// Adds a person's token. A name has one living token: a second one is a conflict unless the first is to be
    /// replaced, which revokes it.
    pub async fn add_token(&self, name: &str, token_sha256: &str, replace: bool, now: TimeMs) -> Result<()> {
        self.keep_token(Actor { by: name, now }, token_sha256, None, replace)
            .await
    }

    /// Adds a program's token, which may do what stands here and nothing else. For the rest as [`Store::add_token`].
    pub async fn add_program_token(
        &self,
        name: &str,
        token_sha256: &str,
        may: &[Scope],
        replace: bool,
        now: TimeMs,
    ) -> Result<()> {
        let may: Vec<&str> = may.iter().map(|scope| scope.as_str()).collect();
        let may = may.join(" ");
        self.keep_token(Actor { by: name, now }, token_sha256, Some(&may), replace)
            .await
    }

    async fn keep_token(
        &self,
        Actor { by: name, now }: Actor<'_>,
        token_sha256: &str,
        may: Option<&str>,
        replace: bool,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        if !replace && living_token(&mut tx, name).await?.is_some() {
            let name = name.to_owned();
            return Err(Conflict::TokenExists { name }.into());
        }
        revoke(&mut tx, name, now).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO access_token (token_sha256, name, may, created_at_ms) VALUES ($1, $2, $3, $4)",
            )
            .bind(token_sha256)
            .bind(name)
            .bind(may)
            .bind(now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }

    /// Revokes a name's token, and with it sessions, the PIN, and links that sign in; false if there was none.
    pub async fn revoke_token(&self, name: &str, now: TimeMs) -> Result<bool> {
        let mut tx = self.begin().await?;
        let revoked = revoke(&mut tx, name, now).await?;
        tx.commit().await?;
        Ok(revoked > 0)
    }

    /// Whose living token this is.
    pub async fn token_holder(&self, token_sha256: &str) -> Result<Option<Holder>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String, Option<String>)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT name, may FROM access_token WHERE token_sha256 = $1 AND revoked_at_ms IS NULL",
            )
            .bind(token_sha256)
            .fetch_optional(c)
            .await?
        });
        row.map(|(name, may)| holder(name, may)).transpose()
    }

    /// All tokens, living and revoked, by name.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, Option<String>, i64, Option<i64>)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT name, may, created_at_ms, revoked_at_ms FROM access_token ORDER BY name, created_at_ms",
            )
            .fetch_all(c)
            .await?
        });
        let row = |(name, may, created, revoked): (String, Option<String>, i64, Option<i64>)| {
            Ok(TokenRow {
                holder: holder(name, may)?,
                created_at: TimeMs(created),
                revoked_at: revoked.map(TimeMs),
            })
        };
        rows.into_iter().map(row).collect()
    }

    /// Keeps a link that signs this person in once. Links that expired go.
    pub async fn add_sign_in_link(
        &self,
        name: &str,
        once_sha256: &str,
        expires_at: TimeMs,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        forget_expired(&mut tx, now).await?;
        let token_sha256 = match living_token(&mut tx, name).await? {
            Some((token_sha256, None)) => token_sha256,
            _ => {
                let name = name.to_owned();
                return Err(Missing::Person { name }.into());
            }
        };
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO sign_in_link (once_sha256, token_sha256, created_at_ms, expires_at_ms)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(once_sha256)
            .bind(&token_sha256)
            .bind(now.0)
            .bind(expires_at.0)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }

    /// Begins a session for whoever shows a person's token, or what a link that signs in once holds: such a link is
    /// used up by it. Whose session it is; none if the secret is neither.
    pub async fn sign_in(
        &self,
        secret_sha256: &str,
        session: NewSession<'_>,
        now: TimeMs,
    ) -> Result<Option<String>> {
        // Strangers try secrets: only one that fits takes the lock of writing.
        let mut tx = self.begin_read().await?;
        let fits: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT name FROM access_token WHERE revoked_at_ms IS NULL AND may IS NULL
                   AND (token_sha256 = $1 OR token_sha256 IN
                        (SELECT token_sha256 FROM sign_in_link WHERE once_sha256 = $1 AND expires_at_ms > $2))",
            )
            .bind(secret_sha256)
            .bind(now.0)
            .fetch_optional(c)
            .await?
        });
        drop(tx);
        if fits.is_none() {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        forget_expired(&mut tx, now).await?;
        // Whoever deletes the row used the link: of two at the same moment one finds it gone.
        let once: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("DELETE FROM sign_in_link WHERE once_sha256 = $1 RETURNING token_sha256")
                .bind(secret_sha256)
                .fetch_optional(c)
                .await?
        });
        let token_sha256 = once.map_or_else(|| secret_sha256.to_owned(), |(token_sha256,)| token_sha256);
        let person: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT name FROM access_token WHERE token_sha256 = $1 AND revoked_at_ms IS NULL AND may IS NULL",
            )
            .bind(&token_sha256)
            .fetch_optional(c)
            .await?
        });
        let Some((name,)) = person else {
            return Ok(None);
        };
        insert_session(&mut tx, &token_sha256, session, now).await?;
        tx.commit().await?;
        Ok(Some(name))
    }

    /// Ends a session.
    pub async fn end_session(&self, session_sha256: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("DELETE FROM session WHERE session_sha256 = $1")
                .bind(session_sha256)
                .execute(c)
                .await?;
        });
        tx.commit().await
    }
}

fn holder(name: String, may: Option<String>) -> Result<Holder> {
    let Some(may) = may else {
        return Ok(Holder::Person { name });
    };
    let wrong = |word: &str| StoreError::Corrupt(format!("token of «{name}»: it may «{word}»"));
    let scope = |word: &str| Scope::parse(word).ok_or_else(|| wrong(word));
    let may = may
        .split_whitespace()
        .map(scope)
        .collect::<Result<Vec<Scope>>>()?;
    Ok(Holder::Program { name, may })
}

/// The living token of a name, and what it may where it is a program's.
pub(super) async fn living_token(tx: &mut Tx, name: &str) -> Result<Option<(String, Option<String>)>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as("SELECT token_sha256, may FROM access_token WHERE name = $1 AND revoked_at_ms IS NULL")
            .bind(name)
            .fetch_optional(c)
            .await?
    }))
}

async fn insert_session(tx: &mut Tx, token_sha256: &str, session: NewSession<'_>, now: TimeMs) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO session (session_sha256, token_sha256, opened_at_ms, expires_at_ms, seen_at_ms, device)
             VALUES ($1, $2, $3, $4, $3, $5)",
        )
        .bind(session.session_sha256)
        .bind(token_sha256)
        .bind(now.0)
        .bind(session.expires_at.0)
        .bind(session.device)
        .execute(c)
        .await?;
    });
    Ok(())
}

/// Begins a session of a person; false without a living token of theirs.
pub(super) async fn begin_session(
    tx: &mut Tx,
    name: &str,
    session: NewSession<'_>,
    now: TimeMs,
) -> Result<bool> {
    let Some((token_sha256, None)) = living_token(tx, name).await? else {
        return Ok(false);
    };
    insert_session(tx, &token_sha256, session, now).await?;
    Ok(true)
}

/// Sessions and links that expired go, so that they do not pile up.
pub(super) async fn forget_expired(tx: &mut Tx, now: TimeMs) -> Result<()> {
    for sql in [
        "DELETE FROM session WHERE expires_at_ms <= $1",
        "DELETE FROM sign_in_link WHERE expires_at_ms <= $1",
    ] {
        on_tx!(&mut *tx, |c| {
            sqlx::query(sql).bind(now.0).execute(c).await?;
        });
    }
    Ok(())
}

async fn revoke(tx: &mut Tx, name: &str, now: TimeMs) -> Result<u64> {
    for sql in [
        "DELETE FROM session WHERE token_sha256 IN (SELECT token_sha256 FROM access_token WHERE name = $1)",
        "DELETE FROM sign_in_link WHERE token_sha256 IN (SELECT token_sha256 FROM access_token WHERE name = $1)",
        "DELETE FROM pin WHERE name = $1",
    ] {
        on_tx!(&mut *tx, |c| {
            sqlx::query(sql).bind(name).execute(c).await?;
        });
    }
    let sql = "UPDATE access_token SET revoked_at_ms = $2 WHERE name = $1 AND revoked_at_ms IS NULL";
    Ok(on_tx!(tx, |c| sqlx::query(sql)
        .bind(name)
        .bind(now.0)
        .execute(c)
        .await?
        .rows_affected()))
}

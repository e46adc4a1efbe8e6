//! Sessions at the pages: who is signed in where, and how they end.

use super::{Result, Store, on_tx};
use crate::access::{SESSION_IDLE_MS, SESSION_SEEN_STEP_MS};
use crate::vn::TimeMs;

/// Letters of a session's name: the beginning of the SHA-256 of what its cookie holds. The statements that end a
/// session say the number again.
const NAME_CHARS: usize = 12;

/// A living session, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivingSession {
    pub person: String,
    /// It was last used so long ago that its use is worth noting ([`Store::note_session_use`]).
    pub is_to_note: bool,
}

/// A session as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// By which it is ended; nobody signs in with it.
    pub id: String,
    /// Browser and system, or empty.
    pub device: String,
    pub opened_at: TimeMs,
    /// To the hour.
    pub seen_at: TimeMs,
    pub expires_at: TimeMs,
}

/// The name of a session among those of its person.
pub fn session_id(session_sha256: &str) -> &str {
    session_sha256.get(..NAME_CHARS).unwrap_or(session_sha256)
}

impl Store {
    /// Whose session this is; none once it ended, expired, was not used for too long, or the token it began with was
    /// revoked.
    pub async fn session_person(&self, session_sha256: &str, now: TimeMs) -> Result<Option<LivingSession>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT t.name, s.seen_at_ms FROM session s JOIN access_token t ON t.token_sha256 = s.token_sha256
                 WHERE s.session_sha256 = $1 AND s.expires_at_ms > $2 AND s.seen_at_ms > $3
                   AND t.revoked_at_ms IS NULL AND t.may IS NULL",
            )
            .bind(session_sha256)
            .bind(now.0)
            .bind(now.0 - SESSION_IDLE_MS)
            .fetch_optional(c)
            .await?
        });
        Ok(row.map(|(person, seen_at_ms)| LivingSession {
            person,
            is_to_note: seen_at_ms + SESSION_SEEN_STEP_MS <= now.0,
        }))
    }

    /// Notes that a session was used now.
    pub async fn note_session_use(&self, session_sha256: &str, now: TimeMs) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE session SET seen_at_ms = $2 WHERE session_sha256 = $1 AND seen_at_ms < $2")
                .bind(session_sha256)
                .bind(now.0)
                .execute(c)
                .await?;
        });
        tx.commit().await
    }

    /// The living sessions of a person, the one used last first.
    pub async fn sessions_of(&self, name: &str, now: TimeMs) -> Result<Vec<SessionRow>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, String, i64, i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT s.session_sha256, s.device, s.opened_at_ms, s.seen_at_ms, s.expires_at_ms
                 FROM session s JOIN access_token t ON t.token_sha256 = s.token_sha256
                 WHERE t.name = $1 AND s.expires_at_ms > $2 AND s.seen_at_ms > $3 AND t.revoked_at_ms IS NULL
                 ORDER BY s.seen_at_ms DESC, s.opened_at_ms DESC, s.session_sha256",
            )
            .bind(name)
            .bind(now.0)
            .bind(now.0 - SESSION_IDLE_MS)
            .fetch_all(c)
            .await?
        });
        let row = |(sha256, device, opened, seen, expires): (String, String, i64, i64, i64)| SessionRow {
            id: session_id(&sha256).to_owned(),
            device,
            opened_at: TimeMs(opened),
            seen_at: TimeMs(seen),
            expires_at: TimeMs(expires),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Ends one session of a person; false if there is none of this id.
    pub async fn end_session_of(&self, name: &str, id: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        let ended = on_tx!(&mut tx, |c| {
            sqlx::query(
                "DELETE FROM session WHERE substr(session_sha256, 1, 12) = $2
                   AND token_sha256 IN (SELECT token_sha256 FROM access_token WHERE name = $1)",
            )
            .bind(name)
            .bind(id)
            .execute(c)
            .await?
            .rows_affected()
        });
        tx.commit().await?;
        Ok(ended > 0)
    }

    /// Ends all sessions of a person but this one; how many.
    pub async fn end_other_sessions(&self, name: &str, kept_id: &str) -> Result<u64> {
        let mut tx = self.begin().await?;
        let ended = on_tx!(&mut tx, |c| {
            sqlx::query(
                "DELETE FROM session WHERE substr(session_sha256, 1, 12) <> $2
                   AND token_sha256 IN (SELECT token_sha256 FROM access_token WHERE name = $1)",
            )
            .bind(name)
            .bind(kept_id)
            .execute(c)
            .await?
            .rows_affected()
        });
        tx.commit().await?;
        Ok(ended)
    }
}

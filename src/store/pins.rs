//! PINs by which people sign in with their phone number. A PIN belongs to a person with a living token, and goes with it.

use super::tokens::{NewSession, begin_session, forget_expired, living_token};
use super::{Conflict, Missing, Result, Store, Tx, on_tx};
use crate::access::pin_wait_ms;
use crate::vn::{Phone, TimeMs};

/// A PIN that somebody gets to begin with.
#[derive(Debug, Clone, Copy)]
pub struct FirstPin<'a> {
    pub name: &'a str,
    pub phone: &'a Phone,
    /// Its Argon2id hash.
    pub pin_hash: &'a str,
    pub expires_at: TimeMs,
}

/// What is to be compared with the PIN that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPin {
    /// Whose it is.
    pub name: String,
    /// Its Argon2id hash.
    pub pin_hash: String,
    /// Until when it is good; none for one that its person chose.
    pub expires_at: Option<TimeMs>,
}

/// Whether a PIN may be tried at this phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinAttempt {
    /// It counts as wrong until [`Store::sign_in_by_pin`] or [`Store::open_pin_choice`] says otherwise, so that guesses
    /// at the same moment are counted, too.
    Allowed(KnownPin),
    /// So many milliseconds are still to wait.
    Waits(i64),
    /// Nobody signs in with this phone.
    Unknown,
}

#[derive(sqlx::FromRow)]
struct PinRow {
    name: String,
    pin_hash: String,
    expires_at_ms: Option<i64>,
    wrong: i64,
    last_wrong_at_ms: i64,
}

impl Store {
    /// Gives a person a PIN to begin with; the one before ends. A phone of somebody else is a conflict.
    pub async fn add_pin(&self, new: FirstPin<'_>, now: TimeMs) -> Result<()> {
        let mut tx = self.begin().await?;
        let name = new.name.to_owned();
        if !matches!(living_token(&mut tx, new.name).await?, Some((_, None))) {
            return Err(Missing::Person { name }.into());
        }
        let holder = on_tx!(&mut tx, |c| {
            sqlx::query("DELETE FROM pin WHERE name = $1")
                .bind(new.name)
                .execute(&mut *c)
                .await?;
            sqlx::query(
                "INSERT INTO pin (phone, name, pin_hash, expires_at_ms, made_at_ms) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (phone) DO NOTHING",
            )
            .bind(new.phone.reveal())
            .bind(new.name)
            .bind(new.pin_hash)
            .bind(new.expires_at.0)
            .bind(now.0)
            .execute(c)
            .await?
            .rows_affected()
        });
        if holder == 0 {
            return Err(Conflict::PhoneOfAnother.into());
        }
        tx.commit().await
    }

    /// Counts an attempt at a phone, if one may be made now.
    pub async fn attempt_pin(&self, phone: &Phone, now: TimeMs) -> Result<PinAttempt> {
        // Strangers try phones: only one that is known takes the lock of writing.
        let mut tx = self.begin_read().await?;
        if known(&mut tx, phone).await?.is_none() {
            return Ok(PinAttempt::Unknown);
        }
        drop(tx);
        let mut tx = self.begin().await?;
        // The lock first: of two attempts at the same moment the second sees the first.
        on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE pin SET wrong = wrong WHERE phone = $1")
                .bind(phone.reveal())
                .execute(c)
                .await?;
        });
        let Some(pin) = known(&mut tx, phone).await? else {
            return Ok(PinAttempt::Unknown);
        };
        let wait_ms = pin_wait_ms(pin.wrong, TimeMs(pin.last_wrong_at_ms), now);
        if wait_ms > 0 {
            return Ok(PinAttempt::Waits(wait_ms));
        }
        on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE pin SET wrong = wrong + 1, last_wrong_at_ms = $2 WHERE phone = $1")
                .bind(phone.reveal())
                .bind(now.0)
                .execute(c)
                .await?;
        });
        tx.commit().await?;
        Ok(PinAttempt::Allowed(KnownPin {
            name: pin.name,
            pin_hash: pin.pin_hash,
            expires_at: pin.expires_at_ms.map(TimeMs),
        }))
    }

    /// Begins a session for whoever typed the PIN of this phone; false if it was changed or taken away meanwhile.
    pub async fn sign_in_by_pin(
        &self,
        phone: &Phone,
        pin: &KnownPin,
        session: NewSession<'_>,
        now: TimeMs,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        forget_expired(&mut tx, now).await?;
        let fits = on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE pin SET wrong = 0 WHERE phone = $1 AND pin_hash = $2 AND expires_at_ms IS NULL",
            )
            .bind(phone.reveal())
            .bind(&pin.pin_hash)
            .execute(c)
            .await?
            .rows_affected()
        });
        if fits == 0 || !begin_session(&mut tx, &pin.name, session, now).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Lets whoever typed a PIN to begin with choose one: the secret of this digest does it once, until then.
    pub async fn open_pin_choice(
        &self,
        phone: &Phone,
        pin: &KnownPin,
        change_sha256: &str,
        until: TimeMs,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let opened = on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE pin SET wrong = 0, change_sha256 = $3, change_until_ms = $4
                 WHERE phone = $1 AND pin_hash = $2 AND expires_at_ms IS NOT NULL",
            )
            .bind(phone.reveal())
            .bind(&pin.pin_hash)
            .bind(change_sha256)
            .bind(until.0)
            .execute(c)
            .await?
            .rows_affected()
        });
        tx.commit().await?;
        Ok(opened > 0)
    }

    /// The phone for which the secret of this digest may choose a PIN now.
    pub async fn pin_choice(&self, change_sha256: &str, now: TimeMs) -> Result<Option<Phone>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT phone FROM pin WHERE change_sha256 = $1 AND change_until_ms > $2")
                .bind(change_sha256)
                .bind(now.0)
                .fetch_optional(c)
                .await?
        });
        Ok(row.and_then(|(phone,)| Phone::parse(&phone)))
    }

    /// Keeps the PIN that somebody chose and begins a session: whose; none if the choice is over.
    pub async fn choose_pin(
        &self,
        change_sha256: &str,
        pin_hash: &str,
        session: NewSession<'_>,
        now: TimeMs,
    ) -> Result<Option<String>> {
        let mut tx = self.begin().await?;
        forget_expired(&mut tx, now).await?;
        let chosen: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "UPDATE pin SET pin_hash = $3, expires_at_ms = NULL, change_sha256 = NULL, change_until_ms = NULL,
                   wrong = 0, made_at_ms = $2
                 WHERE change_sha256 = $1 AND change_until_ms > $2 RETURNING name",
            )
            .bind(change_sha256)
            .bind(now.0)
            .bind(pin_hash)
            .fetch_optional(c)
            .await?
        });
        let Some((name,)) = chosen else { return Ok(None) };
        if !begin_session(&mut tx, &name, session, now).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(name))
    }
}

async fn known(tx: &mut Tx, phone: &Phone) -> Result<Option<PinRow>> {
    Ok(on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT name, pin_hash, expires_at_ms, wrong, last_wrong_at_ms FROM pin WHERE phone = $1",
        )
        .bind(phone.reveal())
        .fetch_optional(c)
        .await?
    }))
}

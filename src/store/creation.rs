//! Calls that create something: a transaction in the hands of the caller, and what the call answered under its
//! `Idempotency-Key`, committed together.

use super::{Result, Store, StoreError, Tx, on_tx};
use crate::vn::TimeMs;

/// A call of the API that is to be done once.
#[derive(Debug, Clone)]
pub struct IdempotentCall {
    /// Who calls; one person's keys are not another's.
    pub person: String,
    pub key: String,
    /// SHA-256 of the request, hex.
    pub request_sha256: String,
}

/// What a creating call answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentAnswer {
    /// Of the request that got this answer first, hex.
    pub request_sha256: String,
    pub status: u16,
    pub body: String,
    /// Whether the work was done by an earlier call.
    pub is_replay: bool,
}

/// A transaction in which something is created. What it reads is what it wrote.
pub struct Creation {
    pub(super) tx: Tx,
}

impl Store {
    /// Creates something in one transaction; where `work` fails, nothing of it stays.
    pub async fn create<T, E: From<StoreError>>(
        &self,
        work: impl AsyncFnOnce(&mut Creation) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut creation = Creation {
            tx: self.begin().await?,
        };
        let made = work(&mut creation).await?;
        creation.tx.commit().await?;
        Ok(made)
    }

    /// Does the `work` of a call once, however often and at however many instances it is called. The key comes
    /// first, and is committed together with the work and its answer (status and body): a second call waits for
    /// the first and gets its answer. Work that fails leaves no key.
    pub async fn create_once<E: From<StoreError>>(
        &self,
        call: &IdempotentCall,
        now: TimeMs,
        work: impl AsyncFnOnce(&mut Creation) -> std::result::Result<(u16, String), E>,
    ) -> std::result::Result<IdempotentAnswer, E> {
        self.create(async |creation| {
            if let Some(answer) = take_key(&mut creation.tx, call, now).await? {
                return Ok(answer);
            }
            let (status, body) = work(creation).await?;
            let answer = IdempotentAnswer {
                request_sha256: call.request_sha256.clone(),
                status,
                body,
                is_replay: false,
            };
            keep_answer(&mut creation.tx, call, &answer).await?;
            Ok(answer)
        })
        .await
    }
}

/// Takes the key of a call, or gives the answer that was kept under it. PostgreSQL waits here for a transaction
/// that has the key and is not committed yet; SQLite has one writer.
async fn take_key(tx: &mut Tx, call: &IdempotentCall, now: TimeMs) -> Result<Option<IdempotentAnswer>> {
    let taken = on_tx!(&mut *tx, |c| {
        sqlx::query(
            "INSERT INTO idempotency (name, idempotency_key, request_sha256, status, body, created_at_ms)
             VALUES ($1, $2, $3, 0, '', $4) ON CONFLICT (name, idempotency_key) DO NOTHING",
        )
        .bind(&call.person)
        .bind(&call.key)
        .bind(&call.request_sha256)
        .bind(now.0)
        .execute(c)
        .await?
        .rows_affected()
    });
    if taken > 0 {
        return Ok(None);
    }
    let (request_sha256, status, body): (String, i64, String) = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT request_sha256, status, body FROM idempotency WHERE name = $1 AND idempotency_key = $2",
        )
        .bind(&call.person)
        .bind(&call.key)
        .fetch_one(c)
        .await?
    });
    let status =
        u16::try_from(status).map_err(|_| StoreError::Corrupt(format!("status {status} of an answer")))?;
    Ok(Some(IdempotentAnswer {
        request_sha256,
        status,
        body,
        is_replay: true,
    }))
}

async fn keep_answer(tx: &mut Tx, call: &IdempotentCall, answer: &IdempotentAnswer) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE idempotency SET status = $3, body = $4 WHERE name = $1 AND idempotency_key = $2")
            .bind(&call.person)
            .bind(&call.key)
            .bind(i64::from(answer.status))
            .bind(&answer.body)
            .execute(c)
            .await?;
    });
    Ok(())
}

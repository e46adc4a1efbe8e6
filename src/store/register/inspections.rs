//! Looks at codes on walls: what the register says of a payload, and that somebody looked.

use super::super::{Result, Store, fresh_id, on_tx};
use super::CardView;
use crate::access::sha256_hex;
use crate::vietqr::{Field, read};
use crate::vn::{Day, TimeMs};

/// What the register says of a payload on a day.
#[derive(Debug, Clone)]
pub enum Checked {
    /// A code that is in use.
    Active(Box<CardView>),
    /// A code that was replaced, revoked or destroyed, or whose account is no longer linked to its stall.
    Ended(Box<CardView>),
    /// No code of the register.
    Unknown,
}

impl Checked {
    /// The serial, where it is a code of the register.
    pub fn serial(&self) -> Option<&str> {
        match self {
            Checked::Active(card) | Checked::Ended(card) => Some(&card.serial),
            Checked::Unknown => None,
        }
    }
}

/// How a code was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckWay {
    /// The phone read it.
    Camera,
    /// The service read a photo of it.
    Photo,
    /// The phone judged it by a downloaded list.
    Offline,
}

impl CheckWay {
    const fn as_str(self) -> &'static str {
        match self {
            CheckWay::Camera => "camera",
            CheckWay::Photo => "photo",
            CheckWay::Offline => "offline",
        }
    }
}

/// A look to be kept.
#[derive(Debug, Clone)]
pub struct NewInspection {
    /// `right`, `wrong` or `revoked`.
    pub verdict: &'static str,
    /// How it was looked at.
    pub way: CheckWay,
    /// The serial, where it is a code of the register.
    pub serial: Option<String>,
    /// Last four of the account in the code.
    pub tail: Option<String>,
}

impl Store {
    /// What the register says of a payload on a day: the very text that was handed out, or nothing. Of several
    /// cards with one text the one in use counts.
    pub async fn check_payload(&self, payload: &str, on: Day) -> Result<Checked> {
        // Every code that was handed out has its stall's code as note; by it the register is searched.
        let reading = read(payload);
        let note = reading
            .as_ref()
            .ok()
            .and_then(|r| r.code.texts.get(Field::Purpose));
        let Some(stall_code) = note else {
            return Ok(Checked::Unknown);
        };
        let mut tx = self.begin_read().await?;
        let serials: Vec<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT c.serial FROM stall s JOIN code c ON c.stall_id = s.stall_id
                 WHERE s.stall_code = $1 AND c.payload = $2 AND c.issued_on_day <= $3
                 ORDER BY c.issued_on_day DESC, c.recorded_at_ms DESC",
            )
            .bind(stall_code)
            .bind(payload)
            .bind(on.number())
            .fetch_all(c)
            .await?
        });
        drop(tx);
        let mut ended = None;
        for (serial,) in serials {
            match self.card(&serial, on).await? {
                Some(card) if card.is_active() => return Ok(Checked::Active(Box::new(card))),
                Some(card) => ended = ended.or(Some(card)),
                None => {}
            }
        }
        Ok(ended.map_or(Checked::Unknown, |card| Checked::Ended(Box::new(card))))
    }

    /// Keeps that somebody looked at a code, without the code.
    pub async fn keep_inspection(
        &self,
        payload: &str,
        inspection: &NewInspection,
        by: &str,
        at: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO inspection (inspection_id, checked_at_ms, checked_by, way, verdict, serial,
                   payload_sha256, account_tail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(fresh_id(at))
            .bind(at.0)
            .bind(by)
            .bind(inspection.way.as_str())
            .bind(inspection.verdict)
            .bind(&inspection.serial)
            .bind(sha256_hex(payload.as_bytes()))
            .bind(&inspection.tail)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }
}

//! Checks of codes on the spot: what the register says of a payload, and that somebody checked it.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::QueryBuilder;

use super::super::{Actor, Result, Store, StoreError, Tx, fresh_id, on_tx, pieces};
use super::codes::CardView;
use super::lifecycle::{is_approved, is_linked, join_version};
use super::meaning;
use crate::access::sha256_hex;
use crate::register::{CodeVerdict, StallCode};
use crate::vietqr::{Field, read};
use crate::vn::{AccountNumber, Day, TimeMs};

/// What the register says of a payload on a day.
#[derive(Debug, Clone)]
pub enum Checked {
    /// A code that is in use.
    Active(Box<CardView>),
    /// A code that was replaced, revoked or destroyed, or whose account is no longer linked to its stall.
    Ended(Box<CardView>),
    /// No code that was handed out, but to an account that is linked to a stall on that day: the code of the
    /// bank's own app, for example.
    OwnAccount {
        /// The stalls it is linked to.
        stall_codes: Vec<String>,
        /// The household of the first of them.
        household_name: String,
        /// The holder, as the bank shows it.
        holder_name: String,
    },
    /// A code that names a stall and pays an account that is not linked to it: pasted over, or mixed up.
    OtherAccount(Box<NamedStall>),
    /// A code to an account that the register does not know; it names no stall of the register.
    Unregistered,
    /// No code to pay with.
    Unknown,
}

/// A stall that a code names in its note, with its own accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStall {
    pub stall_code: String,
    pub household_name: String,
    /// Bank BIN and number of the accounts that are linked to it and approved.
    pub accounts: Vec<(String, AccountNumber)>,
}

impl Checked {
    /// The serial, where it is a code of the register.
    pub fn serial(&self) -> Option<&str> {
        match self {
            Checked::Active(card) | Checked::Ended(card) => Some(&card.serial),
            Checked::OwnAccount { .. }
            | Checked::OtherAccount(_)
            | Checked::Unregistered
            | Checked::Unknown => None,
        }
    }

    /// The stall code of the stall that the code is of or names.
    pub fn stall_code(&self) -> Option<&str> {
        match self {
            Checked::Active(card) | Checked::Ended(card) => Some(&card.stall_code),
            Checked::OwnAccount { stall_codes, .. } => stall_codes.first().map(String::as_str),
            Checked::OtherAccount(stall) => Some(&stall.stall_code),
            Checked::Unregistered | Checked::Unknown => None,
        }
    }
}

/// How a code was checked.
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

    fn parse(word: &str) -> Option<CheckWay> {
        let ways = [CheckWay::Camera, CheckWay::Photo, CheckWay::Offline];
        ways.into_iter().find(|way| way.as_str() == word)
    }
}

/// A check to be kept.
#[derive(Debug, Clone)]
pub struct NewInspection {
    pub verdict: CodeVerdict,
    pub way: CheckWay,
    /// The serial, where it is a code of the register.
    pub serial: Option<String>,
    /// Last four of the account in the code.
    pub tail: Option<String>,
    /// The street or market where the person says they are; what is none is as if nothing was said.
    pub place: Option<String>,
    /// The stall that the code is of or names: where nothing was said, its place counts.
    pub stall_code: Option<String>,
    /// Of a photo that waited on a phone: the id that the phone gave it, so that sending it twice keeps it once, and
    /// when it was taken, by the clock of the phone.
    pub waited: Option<(String, TimeMs)>,
}

/// A code that was handed out at a street or market, and whether it is in use.
#[derive(Clone, PartialEq, Eq)]
pub struct PlaceCode {
    pub serial: String,
    /// Its payload, with the account number in it.
    pub payload: String,
    /// Whether it is in use; else it ended, or its account is no longer linked to its stall.
    pub is_active: bool,
}

/// A check that a phone made without network and sends later.
#[derive(Debug, Clone)]
pub struct OfflineCheck {
    /// The id that the phone gave it, so that sending it twice keeps it once.
    pub check_id: String,
    /// What the person was told.
    pub verdict: CodeVerdict,
    /// SHA-256 of the code's text, 64 small hexadecimal digits.
    pub payload_sha256: String,
    /// Last four of the account in the code.
    pub tail: Option<String>,
    /// By the clock of the phone.
    pub checked_at: TimeMs,
}

/// What became of the checks that a phone sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfflineChecksKept {
    pub kept: usize,
    /// Checks that had been sent before.
    pub repeated: usize,
    /// Ids of new checks of which the register says something else than the phone did.
    pub differing: Vec<String>,
}

/// A check that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    pub checked_at: TimeMs,
    pub checked_by: String,
    pub verdict: CodeVerdict,
    pub way: CheckWay,
    /// Serial and stall code, where it was a code of the register.
    pub card: Option<(String, String)>,
    /// Last four of the account in the code.
    pub tail: Option<String>,
    /// The name of the street or market where it was, as far as that is known.
    pub place: Option<String>,
}

/// A check of a phone as the register judges it.
struct Judged<'a> {
    id: String,
    verdict: CodeVerdict,
    serial: Option<&'a str>,
    check: &'a OfflineCheck,
}

#[derive(sqlx::FromRow)]
struct InspectionRow {
    checked_at_ms: i64,
    checked_by: String,
    verdict: String,
    way: String,
    serial: Option<String>,
    stall_code: Option<String>,
    account_tail: Option<String>,
    place: Option<String>,
}

impl Store {
    /// Every code that was handed out at a street (its id) or a market (its place id) by a day, once each.
    pub async fn codes_at_place(&self, at: &str, on: Day) -> Result<Vec<PlaceCode>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(concat!(
                "SELECT c.serial, c.payload, CAST(CASE WHEN ",
                is_linked!("$2"),
                " AND NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = c.serial AND e.ended_on_day <= $2)
                  THEN 1 ELSE 0 END AS BIGINT)
                 FROM code c",
                join_version!("c.stall_id", "$2"),
                " JOIN place p ON p.place_id = v.place_id
                 WHERE c.issued_on_day <= $2
                   AND (p.street_id = $1 OR (p.kind = 'market' AND p.place_id = $1))
                 ORDER BY c.serial"
            ))
            .bind(at)
            .bind(on.number())
            .fetch_all(c)
            .await?
        });
        let code = |(serial, payload, active): (String, String, i64)| PlaceCode {
            serial,
            payload,
            is_active: active > 0,
        };
        Ok(rows.into_iter().map(code).collect())
    }

    /// Keeps what a phone judged by the list of a street or market, each check once however often it is sent.
    /// The verdict that is kept is the register's own for that day; where it differs from what the phone said,
    /// the check is named, so that somebody goes there again.
    pub async fn keep_offline_checks(
        &self,
        at: &str,
        checks: &[OfflineCheck],
        actor: Actor<'_>,
    ) -> Result<OfflineChecksKept> {
        let Actor { by, now } = actor;
        let days: BTreeSet<Day> = checks.iter().map(|check| Day::of(check.checked_at)).collect();
        let mut by_day: HashMap<Day, HashMap<String, (String, bool)>> = HashMap::new();
        for day in days {
            let known = by_day.entry(day).or_default();
            for code in self.codes_at_place(at, day).await? {
                let here = known.entry(sha256_hex(code.payload.as_bytes())).or_default();
                // A worn card and the one in its place bear one text: the one in use counts.
                if here.0.is_empty() || code.is_active {
                    *here = (code.serial, code.is_active);
                }
            }
        }
        let judged: Vec<Judged<'_>> = checks
            .iter()
            .map(|check| {
                let card = by_day[&Day::of(check.checked_at)].get(&check.payload_sha256);
                // One person's phone cannot take the id of another's check.
                let id = sha256_hex(format!("{by}\n{}", check.check_id).as_bytes());
                Judged {
                    id: format!("walk-{}", &id[..32]),
                    verdict: match card {
                        Some((_, true)) => CodeVerdict::Right,
                        Some((_, false)) => CodeVerdict::Revoked,
                        None => CodeVerdict::Wrong,
                    },
                    serial: card.map(|(serial, _)| serial.as_str()),
                    check,
                }
            })
            .collect();
        let mut tx = self.begin().await?;
        let mut new: HashSet<String> = HashSet::new();
        for piece in pieces(&judged) {
            let rows: Vec<(String,)> = on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "INSERT INTO inspection (inspection_id, checked_at_ms, checked_by, way, verdict, serial,
                       payload_sha256, account_tail, place) ",
                );
                sql.push_values(piece, |mut row, judged| {
                    row.push_bind(&judged.id)
                        .push_bind(judged.check.checked_at.0.min(now.0))
                        .push_bind(by)
                        .push_bind(CheckWay::Offline.as_str())
                        .push_bind(judged.verdict.as_str())
                        .push_bind(judged.serial)
                        .push_bind(&judged.check.payload_sha256)
                        .push_bind(&judged.check.tail)
                        .push_bind(at);
                });
                sql.push(" ON CONFLICT (inspection_id) DO NOTHING RETURNING inspection_id");
                sql.build_query_as().fetch_all(c).await?
            });
            new.extend(rows.into_iter().map(|(id,)| id));
        }
        tx.commit().await?;
        let mut kept = OfflineChecksKept::default();
        for judged in judged {
            if !new.remove(&judged.id) {
                kept.repeated += 1;
                continue;
            }
            kept.kept += 1;
            if judged.verdict != judged.check.verdict {
                kept.differing.push(judged.check.check_id.clone());
            }
        }
        Ok(kept)
    }

    /// The latest checks, newest first.
    pub async fn inspections(&self, at_most: i64) -> Result<Vec<Inspection>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<InspectionRow> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT i.checked_at_ms, i.checked_by, i.verdict, i.way, i.serial, s.stall_code, i.account_tail,
                   COALESCE((SELECT st.name FROM street st WHERE st.street_id = i.place),
                            (SELECT p.market_name FROM place p WHERE p.place_id = i.place)) AS place
                 FROM inspection i LEFT JOIN code c ON c.serial = i.serial
                 LEFT JOIN stall s ON s.stall_id = c.stall_id
                 ORDER BY i.checked_at_ms DESC, i.inspection_id DESC LIMIT $1",
            )
            .bind(at_most)
            .fetch_all(c)
            .await?
        });
        let inspection = |row: InspectionRow| {
            Ok(Inspection {
                checked_at: TimeMs(row.checked_at_ms),
                checked_by: row.checked_by,
                verdict: meaning(CodeVerdict::parse(&row.verdict), "verdict", &row.verdict)?,
                way: meaning(CheckWay::parse(&row.way), "way of a check", &row.way)?,
                card: row.serial.zip(row.stall_code),
                tail: row.account_tail,
                place: row.place,
            })
        };
        rows.into_iter().map(inspection).collect()
    }

    /// What the register says of a payload on a day. First it is looked for among the texts that were handed
    /// out; of several cards with one text the one in use counts. Then its account is: decoded accounts are
    /// compared, not pictures (docs/spec/vietqr.md, section 15).
    pub async fn check_payload(&self, payload: &str, on: Day) -> Result<Checked> {
        // Nothing of the register holds a control character, and PostgreSQL's texts cannot.
        let Ok(reading) = read(payload) else {
            return Ok(Checked::Unknown);
        };
        if payload.contains(char::is_control) {
            return Ok(Checked::Unknown);
        }
        // Every code that was handed out has its stall's code as note; by it the register is searched.
        let note = reading.code.texts.get(Field::Purpose).unwrap_or_default();
        let mut cards = self.cards_of_payload(note, payload, on).await?;
        if let Some(active) = cards.iter().position(CardView::is_active) {
            return Ok(Checked::Active(Box::new(cards.swap_remove(active))));
        }
        match (cards.into_iter().next(), reading.code.account()) {
            (Some(ended), _) => Ok(Checked::Ended(Box::new(ended))),
            (None, Some((bank_bin, number))) => self.own_account(bank_bin, number.reveal(), note, on).await,
            (None, None) => Ok(Checked::Unknown),
        }
    }

    async fn own_account(&self, bank_bin: &str, number: &str, note: &str, on: Day) -> Result<Checked> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String, String, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(concat!(
                "SELECT s.stall_code, a.holder_name,
                        (SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
                         ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1)
                 FROM account a JOIN account_link l ON l.account_id = a.account_id
                 JOIN stall s ON s.stall_id = l.stall_id
                 WHERE a.account_number = $1 AND a.bank_bin = $2
                   AND l.valid_from_day <= $3 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $3)
                   AND NOT EXISTS (SELECT 1 FROM account_link n
                                   WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                   AND ",
                is_approved!(),
                " ORDER BY s.stall_code"
            ))
            .bind(number)
            .bind(bank_bin)
            .bind(on.number())
            .fetch_all(c)
            .await?
        });
        let whose = rows.first().cloned();
        let stall_codes: Vec<String> = rows.into_iter().map(|(code, ..)| code).collect();
        // A stall's code in the note of another account: pasted over, tampered with or mixed up.
        let words = note.split(|c: char| !c.is_ascii_alphanumeric());
        for code in words.filter_map(|word| StallCode::parse(word).ok()) {
            let is_own = stall_codes.iter().any(|own| own == code.as_str());
            if !is_own && let Some(stall) = named_stall(&mut tx, code.as_str(), on).await? {
                return Ok(Checked::OtherAccount(Box::new(stall)));
            }
        }
        let Some((_, holder_name, household_name)) = whose else {
            return Ok(Checked::Unregistered);
        };
        Ok(Checked::OwnAccount {
            stall_codes,
            household_name,
            holder_name,
        })
    }

    /// Keeps that somebody checked a code, without the code; a photo that waited on a phone once, however often it is
    /// sent.
    pub async fn keep_inspection(
        &self,
        payload: &str,
        inspection: &NewInspection,
        actor: Actor<'_>,
    ) -> Result<()> {
        let (id, at) = match &inspection.waited {
            // One person's phone cannot take the id of another's check.
            Some((id, at)) => {
                let id = sha256_hex(format!("{}\n{id}", actor.by).as_bytes());
                (format!("photo-{}", &id[..32]), at.0.min(actor.now.0))
            }
            None => (fresh_id(actor.now), actor.now.0),
        };
        let mut tx = self.begin().await?;
        let place = place_of(&mut tx, inspection, Day::of(actor.now)).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO inspection (inspection_id, checked_at_ms, checked_by, way, verdict, serial,
                   payload_sha256, account_tail, place) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (inspection_id) DO NOTHING",
            )
            .bind(&id)
            .bind(at)
            .bind(actor.by)
            .bind(inspection.way.as_str())
            .bind(inspection.verdict.as_str())
            .bind(&inspection.serial)
            .bind(sha256_hex(payload.as_bytes()))
            .bind(&inspection.tail)
            .bind(&place)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }
}

/// The street or market of a check: the one that was named, if it is one, else that of the stall.
async fn place_of(tx: &mut Tx, inspection: &NewInspection, on: Day) -> Result<Option<String>> {
    let named: Option<(String,)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT street_id FROM street WHERE street_id = $1
             UNION SELECT place_id FROM place WHERE place_id = $1 AND kind = 'market'",
        )
        .bind(&inspection.place)
        .fetch_optional(c)
        .await?
    });
    if named.is_some() {
        return Ok(named.map(|(place,)| place));
    }
    let of_stall: Option<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as(concat!(
            "SELECT COALESCE(p.street_id, p.place_id) FROM stall s",
            join_version!("s.stall_id", "$2"),
            " JOIN place p ON p.place_id = v.place_id WHERE s.stall_code = $1"
        ))
        .bind(&inspection.stall_code)
        .bind(on.number())
        .fetch_optional(c)
        .await?
    });
    Ok(of_stall.map(|(place,)| place))
}

/// The stall with this code and its own accounts on a day; none if the register has no such stall.
async fn named_stall(tx: &mut Tx, stall_code: &str, on: Day) -> Result<Option<NamedStall>> {
    let household: Option<(Option<String>,)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as(
            "SELECT (SELECT hv.name FROM household_version hv WHERE hv.household_id = s.household_id
                     ORDER BY hv.valid_from_day DESC, hv.recorded_at_ms DESC LIMIT 1)
             FROM stall s WHERE s.stall_code = $1",
        )
        .bind(stall_code)
        .fetch_optional(c)
        .await?
    });
    let Some((household_name,)) = household else {
        return Ok(None);
    };
    let rows: Vec<(String, String)> = on_tx!(tx, |c| {
        sqlx::query_as(concat!(
            "SELECT DISTINCT a.bank_bin, a.account_number
             FROM account a JOIN account_link l ON l.account_id = a.account_id
             JOIN stall s ON s.stall_id = l.stall_id
             WHERE s.stall_code = $1
               AND l.valid_from_day <= $2 AND (l.valid_to_day IS NULL OR l.valid_to_day >= $2)
               AND NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
               AND ",
            is_approved!(),
            " ORDER BY a.bank_bin, a.account_number"
        ))
        .bind(stall_code)
        .bind(on.number())
        .fetch_all(c)
        .await?
    });
    let account = |(bank_bin, number): (String, String)| {
        let wrong = |_| StoreError::Corrupt(format!("account of stall {stall_code}"));
        Ok((bank_bin, AccountNumber::parse(&number).map_err(wrong)?))
    };
    Ok(Some(NamedStall {
        stall_code: stall_code.to_owned(),
        household_name: household_name.unwrap_or_default(),
        accounts: rows.into_iter().map(account).collect::<Result<_>>()?,
    }))
}

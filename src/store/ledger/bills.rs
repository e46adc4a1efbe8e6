//! Amounts that a stall asks for with a code of its own, and the receipts that pay them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;

use super::super::register::payee_of_stall;
use super::super::{Actor, Conflict, Creation, Result, Store, Tx, fresh_id, on_tx};
use super::draft::Draft;
use crate::ledger::BillState;
use crate::register::StallCode;
use crate::vietqr::{BILL_NUMBER_MAX, bill_payload};
use crate::vn::{Dong, TimeMs};

/// Noted payments per query, each of which may name twenty numbers.
const NOTES_MAX: usize = 200;
/// Words of a note that are looked at.
const WORDS_MAX: usize = 20;
/// A payment may come this long after its bill was made: banks deliver late, but nobody pays last month's
/// soup.
const PAYABLE_MS: i64 = 7 * 86_400_000;
/// Characters of a stall code, which stands before the bill number in a note.
const STALL_CODE_CHARS: usize = 8;
/// Letters and digits that are not taken for each other, of numbers that the service gives out.
const NUMBER_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A bill to be made.
#[derive(Debug, Clone)]
pub struct NewBill {
    /// The stall that asks.
    pub stall_id: String,
    /// To which of its accounts; none where it has one.
    pub account_id: Option<String>,
    /// What it asks for.
    pub amount: Dong,
    /// 1 to 10 of A-Z and 0-9; none lets the service give one.
    pub bill_number: Option<String>,
    /// How long its code is shown.
    pub valid_ms: i64,
}

/// A bill and what was paid of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BillView {
    pub bill_id: String,
    /// The stall that asks.
    pub stall_id: String,
    /// Its number, unique at the stall.
    pub bill_number: String,
    pub asked: Dong,
    /// What came, less what went back.
    pub paid: Dong,
    /// How many receipts it came in.
    pub payments: i64,
    /// The payload of its code.
    pub payload: String,
    /// When its code is no longer shown. What comes later still counts.
    pub expires_at: TimeMs,
    /// Who made it.
    pub made_by: String,
}

impl BillView {
    pub fn state(&self, now: TimeMs) -> BillState {
        BillState::of(self.asked, self.paid, now >= self.expires_at)
    }

    /// Whether its code is still shown: it has not expired and something is missing.
    pub fn is_payable(&self, now: TimeMs) -> bool {
        self.paid < self.asked && now < self.expires_at
    }
}

impl Creation {
    /// Makes a bill: a dynamic code with the amount and the bill number. A number that the stall used before is a conflict.
    pub async fn make_bill(&mut self, new: &NewBill, wait_ms: i64, actor: Actor<'_>) -> Result<BillView> {
        let now = actor.now;
        let payee = payee_of_stall(
            &mut self.tx,
            &new.stall_id,
            new.account_id.as_deref(),
            wait_ms,
            now,
        )
        .await?;
        let bill_id = fresh_id(now);
        let bill_number = new.bill_number.clone().unwrap_or_else(|| given_number(&bill_id));
        let payload = bill_payload(
            &payee.bank_bin,
            &payee.account,
            &payee.stall_code,
            new.amount,
            &bill_number,
        )
        .map_err(Conflict::BillWithoutCode)?
        .to_string();
        let expires_at = TimeMs(now.0.saturating_add(new.valid_ms));
        let made: Option<(String,)> = on_tx!(&mut self.tx, |c| {
            sqlx::query_as(
                "INSERT INTO bill (bill_id, stall_id, bill_number, amount_vnd, payload, created_at_ms, created_by,
                   expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (stall_id, bill_number) DO NOTHING RETURNING bill_id",
            )
            .bind(&bill_id)
            .bind(&new.stall_id)
            .bind(&bill_number)
            .bind(new.amount.vnd())
            .bind(&payload)
            .bind(now.0)
            .bind(actor.by)
            .bind(expires_at.0)
            .fetch_optional(c)
            .await?
        });
        if made.is_none() {
            return Err(Conflict::BillNumberTaken { bill_number }.into());
        }
        Ok(BillView {
            bill_id,
            stall_id: new.stall_id.clone(),
            bill_number,
            asked: new.amount,
            paid: Dong::ZERO,
            payments: 0,
            payload,
            expires_at,
            made_by: actor.by.to_owned(),
        })
    }
}

impl Store {
    /// A bill and what was paid of it by now.
    pub async fn bill(&self, bill_id: &str) -> Result<Option<BillView>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT b.bill_id, b.stall_id, b.bill_number, b.amount_vnd AS asked, b.payload,
                   b.expires_at_ms AS expires_at, b.created_by AS made_by,
                   CAST((SELECT COUNT(*) FROM bill_payment p WHERE p.bill_id = b.bill_id) AS BIGINT) AS payments,
                   CAST(COALESCE((SELECT SUM(p.amount_vnd) FROM bill_payment p WHERE p.bill_id = b.bill_id), 0)
                        - COALESCE((SELECT SUM(r.amount_vnd) FROM bill_payment p
                                    JOIN refund r ON r.receipt_no = p.receipt_no
                                    WHERE p.bill_id = b.bill_id), 0) AS BIGINT) AS paid
                 FROM bill b WHERE b.bill_id = $1",
            )
            .bind(bill_id)
            .fetch_optional(c)
            .await?
        }))
    }
}

/// Six characters from the random end of an id.
fn given_number(bill_id: &str) -> String {
    let end = bill_id.bytes().rev().take(6);
    end.map(|b| char::from(NUMBER_ALPHABET[usize::from(b) % 32]))
        .collect()
}

/// A bill that a note may name.
#[derive(sqlx::FromRow)]
struct NamedBill {
    stall_id: String,
    stall_code: String,
    bill_number: String,
    bill_id: String,
    created_at_ms: i64,
}

/// A payment of a stall whose note names what may be bills, by stall code and number.
struct NotedPayment<'a> {
    draft: &'a Draft<'a>,
    stall_id: &'a str,
    named: Vec<(String, String)>,
}

/// Joins the posted payments of a batch with the bills whose numbers stand in their notes, behind the code of
/// the stall that the money belongs to. A note that fits several bills joins none.
pub(super) async fn link_payments(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<()> {
    let noted = kept.iter().filter_map(|draft| {
        let stall_id = draft.receipt.as_ref()?.stall_id.as_deref()?;
        let named = bills_in(draft.item.details.note.as_deref()?);
        (!named.is_empty()).then_some(NotedPayment {
            draft,
            stall_id,
            named,
        })
    });
    let noted: Vec<NotedPayment<'_>> = noted.collect();
    let Some(earliest) = noted.iter().map(|noted| noted.draft.arrival.received_at.0).min() else {
        return Ok(());
    };
    let mut bills: BTreeMap<(String, String, String), (String, i64)> = BTreeMap::new();
    for chunk in noted.chunks(NOTES_MAX) {
        let rows: Vec<NamedBill> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT b.stall_id, s.stall_code, b.bill_number, b.bill_id, b.created_at_ms
                 FROM bill b JOIN stall s ON s.stall_id = b.stall_id WHERE b.created_at_ms >= ",
            );
            sql.push_bind(earliest - PAYABLE_MS).push(" AND b.stall_id IN (");
            let mut list = sql.separated(", ");
            for stall in chunk.iter().map(|noted| noted.stall_id).collect::<BTreeSet<_>>() {
                list.push_bind(stall);
            }
            sql.push(") AND b.bill_number IN (");
            let mut list = sql.separated(", ");
            let named = chunk.iter().flat_map(|noted| &noted.named);
            for number in named.map(|(_, number)| number.as_str()).collect::<BTreeSet<_>>() {
                list.push_bind(number);
            }
            sql.push(")");
            sql.build_query_as().fetch_all(c).await?
        });
        bills.extend(rows.into_iter().map(|bill| {
            let named = (bill.stall_id, bill.stall_code, bill.bill_number);
            (named, (bill.bill_id, bill.created_at_ms))
        }));
    }
    for noted in noted {
        let received_at = noted.draft.arrival.received_at;
        let mut fitting = noted.named.into_iter().filter_map(|(code, number)| {
            let (bill_id, made_at_ms) = bills.get(&(noted.stall_id.to_owned(), code, number))?;
            // Money that was there before the bill cannot be its payment.
            (*made_at_ms <= received_at.0).then_some(bill_id)
        });
        let (Some(bill_id), None) = (fitting.next(), fitting.next()) else {
            continue;
        };
        on_tx!(&mut *tx, |c| {
            sqlx::query(
                "INSERT INTO bill_payment (bill_id, receipt_no, amount_vnd, paid_at_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (bill_id, receipt_no) DO NOTHING",
            )
            .bind(bill_id)
            .bind(noted.draft.entry_no.get())
            .bind(noted.draft.item.amount.vnd())
            .bind(received_at.0)
            .execute(c)
            .await?;
        });
    }
    Ok(())
}

/// Stall codes of a note with what may be a bill number behind each: the next word, or, where a bank took the
/// space out, the rest of the same word. Banks write notes in capitals or not.
fn bills_in(note: &str) -> Vec<(String, String)> {
    let upper = note.to_uppercase();
    let words: Vec<&str> = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .collect();
    let mut named = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let Some((code, rest)) = word.split_at_checked(STALL_CODE_CHARS) else {
            continue;
        };
        let number = match rest {
            "" => words.get(at + 1).copied().unwrap_or_default(),
            rest => rest,
        };
        if StallCode::parse(code).is_ok() && (1..=BILL_NUMBER_MAX).contains(&number.len()) {
            named.insert((code.to_owned(), number.to_owned()));
        }
    }
    named.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_number_is_found_behind_a_stall_code_and_nowhere_else() {
        let found = |note: &str| {
            bills_in(note)
                .iter()
                .any(|(code, number)| code == "HC7K3M9J" && number == "B0012")
        };
        for note in [
            "HC7K3M9J B0012",
            "hc7k3m9j b0012",
            "MBVCB.123.HC7K3M9J.B0012.CT tu 0011",
            "HC7K3M9JB0012",
        ] {
            assert!(found(note), "{note}");
        }
        for note in [
            "HC7K3M9J B00123",
            "",
            "xxB0012xx",
            "B0012 HC7K3M9J",
            "HC7K3M9K B0012",
            "FT24123456 HC7K3M9J",
        ] {
            assert!(!found(note), "{note}");
        }
        assert_eq!(
            bills_in("FT24123456 HC7K3M9J"),
            [],
            "a bank's own number is no bill"
        );
        assert_eq!(given_number("01m81q2fy00032vr6g2d7saqn1").len(), 6);
    }
}

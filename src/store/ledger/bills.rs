//! Amounts that a stall asks for with a code of its own, and the receipts that pay them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;

use super::super::register::payee_of_stall;
use super::super::{Result, Store, StoreError, Tx, fresh_id, on_tx};
use super::Draft;
use crate::vietqr::bill_payload;
use crate::vn::{Dong, TimeMs};

/// Stalls per query.
const STALLS_MAX: usize = 500;
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
    /// What it asks for.
    pub amount: Dong,
    /// 1 to 10 of A-Z and 0-9; none lets the service give one.
    pub bill_number: Option<String>,
    /// How long its code is shown.
    pub valid_ms: i64,
}

/// A bill and what was paid of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillView {
    /// Its id.
    pub bill_id: String,
    /// The stall that asks.
    pub stall_id: String,
    /// Its number, unique at the stall.
    pub bill_number: String,
    /// What was asked.
    pub asked: Dong,
    /// What came, less what went back.
    pub paid: Dong,
    /// How many receipts it came in.
    pub payments: i64,
    /// The payload of its code.
    pub payload: String,
    /// When its code is no longer shown. What comes later still counts.
    pub expires_at: TimeMs,
}

impl BillView {
    /// `waiting`, `expired` (nothing came in time), `paid`, `underpaid` or `overpaid`.
    pub fn state(&self, now: TimeMs) -> &'static str {
        match self.paid.cmp(&self.asked) {
            std::cmp::Ordering::Equal => "paid",
            std::cmp::Ordering::Greater => "overpaid",
            std::cmp::Ordering::Less if self.paid > Dong::ZERO => "underpaid",
            std::cmp::Ordering::Less if now >= self.expires_at => "expired",
            std::cmp::Ordering::Less => "waiting",
        }
    }
}

impl Store {
    /// Makes a bill: a dynamic code with the amount and the bill number, to the one account of the stall. A
    /// number that the stall used before is a conflict.
    pub async fn make_bill(&self, new: &NewBill, wait_ms: i64, by: &str, now: TimeMs) -> Result<BillView> {
        let mut tx = self.begin().await?;
        let payee = payee_of_stall(&mut tx, &new.stall_id, wait_ms, now).await?;
        let bill_id = fresh_id(now);
        let bill_number = new.bill_number.clone().unwrap_or_else(|| given_number(&bill_id));
        let payload = bill_payload(
            &payee.bank_bin,
            &payee.account,
            &payee.stall_code,
            new.amount,
            &bill_number,
        )
        .map_err(|e| StoreError::Conflict(format!("Không tạo được mã cho hóa đơn này: {e}")))?
        .to_string();
        let expires_at = TimeMs(now.0.saturating_add(new.valid_ms));
        let made: Option<(String,)> = on_tx!(&mut tx, |c| {
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
            .bind(by)
            .bind(expires_at.0)
            .fetch_optional(c)
            .await?
        });
        if made.is_none() {
            return Err(StoreError::Conflict(format!(
                "Sạp đã có hóa đơn số {bill_number}. Hãy dùng số khác, hoặc bỏ trống để hệ thống tự đặt."
            )));
        }
        tx.commit().await?;
        Ok(BillView {
            bill_id,
            stall_id: new.stall_id.clone(),
            bill_number,
            asked: new.amount,
            paid: Dong::ZERO,
            payments: 0,
            payload,
            expires_at,
        })
    }

    /// A bill and what was paid of it by now.
    pub async fn bill(&self, bill_id: &str) -> Result<Option<BillView>> {
        type Row = (String, String, i64, String, i64, i64, i64);
        let mut tx = self.begin_read().await?;
        let row: Option<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT b.stall_id, b.bill_number, b.amount_vnd, b.payload, b.expires_at_ms,
                        CAST((SELECT COUNT(*) FROM bill_payment p WHERE p.bill_id = b.bill_id) AS BIGINT),
                        CAST(COALESCE((SELECT SUM(p.amount_vnd) FROM bill_payment p WHERE p.bill_id = b.bill_id), 0)
                             - COALESCE((SELECT SUM(r.amount_vnd) FROM bill_payment p
                                         JOIN refund r ON r.receipt_no = p.receipt_no
                                         WHERE p.bill_id = b.bill_id), 0) AS BIGINT)
                 FROM bill b WHERE b.bill_id = $1",
            )
            .bind(bill_id)
            .fetch_optional(c)
            .await?
        });
        Ok(row.map(
            |(stall_id, bill_number, asked, payload, expires_at, payments, paid)| BillView {
                bill_id: bill_id.to_owned(),
                stall_id,
                bill_number,
                asked: Dong::new(asked),
                paid: Dong::new(paid),
                payments,
                payload,
                expires_at: TimeMs(expires_at),
            },
        ))
    }
}

/// Six characters from the random end of an id.
fn given_number(bill_id: &str) -> String {
    let end = bill_id.bytes().rev().take(6);
    end.map(|b| char::from(NUMBER_ALPHABET[usize::from(b) % 32]))
        .collect()
}

/// Joins the posted payments of a batch with the bills whose numbers stand in their notes. A note that fits
/// several bills of the stall joins none.
pub(super) async fn link_payments(tx: &mut Tx, kept: &[Draft<'_>]) -> Result<()> {
    let noted: Vec<(&Draft<'_>, &str, BTreeSet<String>)> = kept
        .iter()
        .filter_map(|draft| {
            let stall_id = draft.receipt.as_ref()?.stall_id.as_deref()?;
            let numbers = numbers_in(draft.item.details.note.as_deref()?);
            (!numbers.is_empty()).then_some((draft, stall_id, numbers))
        })
        .collect();
    let stalls: Vec<&str> = noted
        .iter()
        .map(|(_, stall, _)| *stall)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let Some(latest) = noted.iter().map(|(draft, ..)| draft.arrival.received_at.0).max() else {
        return Ok(());
    };
    let mut bills: BTreeMap<(String, String), String> = BTreeMap::new();
    for chunk in stalls.chunks(STALLS_MAX) {
        let rows: Vec<(String, String, String)> = on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT stall_id, bill_number, bill_id FROM bill WHERE created_at_ms >= ",
            );
            sql.push_bind(latest - PAYABLE_MS).push(" AND stall_id IN (");
            let mut list = sql.separated(", ");
            for stall in chunk {
                list.push_bind(*stall);
            }
            sql.push(")");
            sql.build_query_as().fetch_all(c).await?
        });
        bills.extend(
            rows.into_iter()
                .map(|(stall, number, bill)| ((stall, number), bill)),
        );
    }
    for (draft, stall_id, numbers) in noted {
        let mut fitting = numbers
            .into_iter()
            .filter_map(|number| bills.get(&(stall_id.to_owned(), number)));
        let (Some(bill_id), None) = (fitting.next(), fitting.next()) else {
            continue;
        };
        on_tx!(&mut *tx, |c| {
            sqlx::query(
                "INSERT INTO bill_payment (bill_id, receipt_no, amount_vnd, paid_at_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (bill_id, receipt_no) DO NOTHING",
            )
            .bind(bill_id)
            .bind(draft.entry_no.get())
            .bind(draft.item.amount.vnd())
            .bind(draft.arrival.received_at.0)
            .execute(c)
            .await?;
        });
    }
    Ok(())
}

/// What may be bill numbers in a note: its words, and what a bank that takes spaces out left behind a stall
/// code. Banks write notes in capitals or not.
fn numbers_in(note: &str) -> BTreeSet<String> {
    let upper = note.to_uppercase();
    let words = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut numbers = BTreeSet::new();
    for word in words.take(20) {
        if word.len() <= crate::vietqr::BILL_NUMBER_MAX {
            numbers.insert(word.to_owned());
        }
        if let Some(rest) = word
            .get(STALL_CODE_CHARS..)
            .filter(|rest| !rest.is_empty() && rest.len() <= crate::vietqr::BILL_NUMBER_MAX)
        {
            numbers.insert(rest.to_owned());
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_number_is_found_in_what_banks_make_of_a_note() {
        let found = |note: &str| numbers_in(note).contains("B0012");
        for note in [
            "HC7K3M9J B0012",
            "hc7k3m9j b0012",
            "MBVCB.123.HC7K3M9J.B0012.CT tu 0011",
            "HC7K3M9JB0012",
        ] {
            assert!(found(note), "{note}");
        }
        assert!(!found("HC7K3M9J B00123") && !found("") && !found("xxB0012xx"));
        assert_eq!(given_number("01m81q2fy00032vr6g2d7saqn1").len(), 6);
    }
}

//! Corrections: a statement, or a person, says that more or less is left of a receipt than its notices did.
//!
//! Each is owned by the row that says so: what a row corrects of a receipt is the sum of its corrections of it, and
//! moves to another sum when the row is read anew. So rows of different days never have to be seen together.

use std::collections::{BTreeMap, HashMap};

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, Tx, dialect, fetch_in_chunks, on_tx};
use super::head::read_head;
use super::rows::add_counters;
use crate::ledger::{Counted, Counters, LedgerNo};
use crate::reconcile::Correction;
use crate::vn::{Day, Dong, TimeMs};

/// Corrections in one transaction: callbacks wait behind so many.
const CORRECTIONS_AT_ONCE: usize = 2_000;
/// Why a correction is taken back when a notice reports what a row reported before.
pub(in crate::store) const REFUND_NOTIFIED: &str = "refund_heard";
/// Why a row takes money off a receipt that went back.
const REVERSED: &str = "reversed";
/// Why a row that lists a payment less its refund takes it off, before the refund is reported.
const AMOUNT_DIFFERS: &str = "amount_differs";

/// A receipt as it stands, and where it is counted.
struct ReceiptBalance {
    of: Counted,
    left: Dong,
    is_counted: bool,
}

impl Store {
    /// Lets each row correct its receipt by what it says now: what it corrected before is made up to that.
    /// What is left of a receipt never goes below zero. How many corrections were added.
    pub async fn correct_receipts(
        &self,
        provider_id: &str,
        corrections: &[Correction],
        now: TimeMs,
    ) -> Result<usize> {
        let mut added = 0;
        for chunk in corrections.chunks(CORRECTIONS_AT_ONCE) {
            let mut tx = self.begin().await?;
            dialect::lock_feed(&mut tx).await?;
            let counted = read_head(&mut tx).await?.counted_entry_no;
            let nos: Vec<i64> = chunk.iter().map(|correction| correction.receipt_no).collect();
            let mut balances = balances(&mut tx, &nos, counted).await?;
            let mut corrected = corrected_by_rows(&mut tx, &nos).await?;
            let mut counters = Counters::default();
            let mut new = Vec::with_capacity(chunk.len());
            for correction in chunk {
                let no = correction.receipt_no;
                let balance = balances.get_mut(&no).ok_or_else(|| {
                    StoreError::Corrupt(format!("a correction of receipt {no}, which is not there"))
                })?;
                let because = correction.because.as_str();
                let so_far = corrected
                    .entry((no, correction.row_no, because.to_owned()))
                    .or_default();
                let by_vnd = (correction.amount_vnd - *so_far).max(-balance.left.vnd());
                if by_vnd == 0 {
                    continue;
                }
                if balance.is_counted {
                    counters.corrected(&balance.of, balance.left, by_vnd);
                }
                *so_far += by_vnd;
                balance.left = Dong::new(balance.left.vnd() + by_vnd);
                new.push(NewCorrection {
                    receipt_no: no,
                    provider_id,
                    row_day: correction.row_day.number(),
                    row_no: correction.row_no,
                    because,
                    by_vnd,
                });
            }
            add(&mut tx, &new, now).await?;
            add_counters(&mut tx, &counters).await?;
            tx.commit().await?;
            added += new.len();
        }
        Ok(added)
    }
}

/// These receipts as they stand.
async fn balances(tx: &mut Tx, nos: &[i64], counted: LedgerNo) -> Result<HashMap<i64, ReceiptBalance>> {
    #[derive(sqlx::FromRow)]
    struct Receipt {
        entry_no: i64,
        household_id: String,
        place_id: String,
        provider_id: String,
        day: Day,
        left_vnd: Dong,
    }
    let receipts: Vec<Receipt> = fetch_in_chunks(
        tx,
        "SELECT entry_no, household_id, place_id, provider_id, business_day AS day,
                amount_vnd - refunded_vnd + corrected_vnd AS left_vnd
         FROM receipt WHERE entry_no IN (…)",
        &[],
        nos,
    )
    .await?;
    let balance = |receipt: Receipt| {
        let balance = ReceiptBalance {
            of: Counted {
                household_id: receipt.household_id.into(),
                place_id: receipt.place_id.into(),
                provider_id: receipt.provider_id.into(),
                day: receipt.day,
            },
            left: receipt.left_vnd,
            is_counted: receipt.entry_no <= counted.get(),
        };
        (receipt.entry_no, balance)
    };
    Ok(receipts.into_iter().map(balance).collect())
}

/// What rows have corrected of these receipts so far, by receipt, row and reason. What a notice took over from a
/// row goes with the reason it had there.
async fn corrected_by_rows(tx: &mut Tx, nos: &[i64]) -> Result<HashMap<(i64, i64, String), i64>> {
    let rows: Vec<(i64, i64, String, i64)> = fetch_in_chunks(
        tx,
        "SELECT receipt_no, row_no, because, CAST(SUM(amount_vnd) AS BIGINT)
         FROM correction WHERE receipt_no IN (…) GROUP BY receipt_no, row_no, because",
        &[],
        nos,
    )
    .await?;
    let mut corrected = HashMap::with_capacity(rows.len());
    for (receipt_no, row_no, because, vnd) in rows {
        let because = match because.as_str() {
            REFUND_NOTIFIED => REVERSED.to_owned(),
            _ => because,
        };
        *corrected.entry((receipt_no, row_no, because)).or_default() += vnd;
    }
    Ok(corrected)
}

/// A correction to be added.
struct NewCorrection<'a> {
    receipt_no: i64,
    provider_id: &'a str,
    row_day: i64,
    row_no: i64,
    because: &'static str,
    by_vnd: i64,
}

/// Adds corrections, numbered behind those that their receipts have.
async fn add(tx: &mut Tx, new: &[NewCorrection<'_>], now: TimeMs) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let last: Vec<(i64, i64)> = fetch_in_chunks(
        tx,
        "SELECT receipt_no, CAST(MAX(correction_no) AS BIGINT) FROM correction WHERE receipt_no IN (…)
         GROUP BY receipt_no",
        &[],
        new.iter().map(|one| one.receipt_no),
    )
    .await?;
    let mut last: HashMap<i64, i64> = last.into_iter().collect();
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    let mut numbered = Vec::with_capacity(new.len());
    for one in new {
        let no = last.entry(one.receipt_no).or_default();
        *no += 1;
        numbered.push((one, *no));
        *sums.entry(one.receipt_no).or_default() += one.by_vnd;
    }
    on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO correction (receipt_no, correction_no, provider_id, business_day, row_no, because,
               amount_vnd, posted_at_ms) ",
        );
        sql.push_values(&numbered, |mut row, (one, no)| {
            row.push_bind(one.receipt_no)
                .push_bind(*no)
                .push_bind(one.provider_id)
                .push_bind(one.row_day)
                .push_bind(one.row_no)
                .push_bind(one.because)
                .push_bind(one.by_vnd)
                .push_bind(now.0);
        });
        sql.build().execute(&mut *c).await?;
        let mut sql = QueryBuilder::<Db>::new("WITH new (receipt_no, by_vnd) AS (");
        sql.push_values(&sums, |mut row, (receipt_no, by_vnd)| {
            row.push_bind(*receipt_no).push_bind(*by_vnd);
        });
        sql.push(
            ") UPDATE receipt SET corrected_vnd = corrected_vnd + new.by_vnd
               FROM new WHERE entry_no = new.receipt_no",
        );
        sql.build().execute(&mut *c).await?;
    });
    Ok(())
}

/// Money back that a row reported, which a notice reports now.
pub(super) struct RowReversal {
    provider_id: String,
    row_day: i64,
    row_no: i64,
    because: &'static str,
    /// How much of it, đồng.
    pub amount_vnd: i64,
}

/// What rows report to have gone back of a receipt, up to this amount; or one row that listed the payment less just
/// this refund.
pub(super) async fn reversals_by_rows(
    tx: &mut Tx,
    receipt_no: i64,
    refund: Dong,
) -> Result<Vec<RowReversal>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        provider_id: String,
        business_day: i64,
        row_no: i64,
        reversed_vnd: i64,
        less_vnd: i64,
    }
    let rows: Vec<Row> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT provider_id, business_day, row_no,
                    CAST(-SUM(CASE WHEN because = $4 THEN 0 ELSE amount_vnd END) AS BIGINT) AS reversed_vnd,
                    CAST(-SUM(CASE WHEN because = $4 THEN amount_vnd ELSE 0 END) AS BIGINT) AS less_vnd
             FROM correction WHERE receipt_no = $1 AND because IN ($2, $3, $4)
             GROUP BY provider_id, business_day, row_no ORDER BY row_no",
        )
        .bind(receipt_no)
        .bind(REVERSED)
        .bind(REFUND_NOTIFIED)
        .bind(AMOUNT_DIFFERS)
        .fetch_all(c)
        .await?
    });
    let mut left = refund.vnd();
    let mut reversals = Vec::new();
    for row in rows {
        let is_less_by_it = row.less_vnd == refund.vnd() && left == row.less_vnd;
        let (amount_vnd, because) = if is_less_by_it {
            (row.less_vnd, AMOUNT_DIFFERS)
        } else {
            (row.reversed_vnd.clamp(0, left), REFUND_NOTIFIED)
        };
        left -= amount_vnd;
        if amount_vnd > 0 {
            reversals.push(RowReversal {
                provider_id: row.provider_id,
                row_day: row.business_day,
                row_no: row.row_no,
                because,
                amount_vnd,
            });
        }
    }
    Ok(reversals)
}

/// Takes back what rows reported, since a notice reports it now.
pub(super) async fn withdraw(
    tx: &mut Tx,
    receipt_no: i64,
    reversals: &[RowReversal],
    now: TimeMs,
) -> Result<()> {
    let new = reversals.iter().map(|reversal| NewCorrection {
        receipt_no,
        provider_id: &reversal.provider_id,
        row_day: reversal.row_day,
        row_no: reversal.row_no,
        because: reversal.because,
        by_vnd: reversal.amount_vnd,
    });
    add(tx, &new.collect::<Vec<_>>(), now).await
}

#[cfg(test)]
mod tests {
    use crate::reconcile::FindingKind;

    #[test]
    fn the_word_for_money_back_is_that_of_its_kind() {
        assert_eq!(super::REVERSED, FindingKind::Reversed.as_str());
        assert_eq!(super::AMOUNT_DIFFERS, FindingKind::AmountDiffers.as_str());
    }
}

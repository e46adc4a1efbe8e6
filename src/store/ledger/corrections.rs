//! Corrections: a statement, or a person, says that more or less is left of a receipt than its notices did.
//!
//! Each is owned by the row that says so: what a row corrects of a receipt is the sum of its corrections of it, and
//! moves to another sum when the row is read anew. So rows of different days never have to be seen together.

use std::collections::{BTreeMap, HashMap};

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, Tx, dialect, on_tx};
use super::read_clock;
use super::rows::add_counters;
use crate::ledger::{Counted, Counters, LedgerNo};
use crate::reconcile::Correction;
use crate::vn::{Day, Dong, TimeMs};

/// Corrections in one transaction: callbacks wait behind so many.
const AT_ONCE: usize = 2_000;
/// Why a correction is taken back when a notice tells of what a row told before.
pub(in crate::store) const REFUND_HEARD: &str = "refund_heard";
/// Why a row takes money off a receipt that went back.
const REVERSED: &str = "reversed";
/// Why a row that lists a payment less its refund takes it off, before the refund is told of.
const AMOUNT_DIFFERS: &str = "amount_differs";

/// A receipt as it stands, and where it is counted.
struct Standing {
    of: Counted,
    left: Dong,
    is_counted: bool,
}

impl Store {
    /// Lets each row correct its receipt by what it says now: what it corrected before is made up to that. Less
    /// than nothing is never left. How many corrections were added.
    pub async fn correct_receipts(
        &self,
        provider_id: &str,
        corrections: &[Correction],
        now: TimeMs,
    ) -> Result<usize> {
        let mut added = 0;
        for chunk in corrections.chunks(AT_ONCE) {
            let mut tx = self.begin().await?;
            dialect::pass_gate(&mut tx).await?;
            let counted = read_clock(&mut tx).await?.counted_entry_no;
            let nos: Vec<i64> = chunk.iter().map(|correction| correction.receipt_no).collect();
            let mut standing = standing(&mut tx, &nos, counted).await?;
            let mut so_far = of_rows(&mut tx, &nos).await?;
            let mut counters = Counters::default();
            let mut new = Vec::with_capacity(chunk.len());
            for correction in chunk {
                let no = correction.receipt_no;
                let standing = standing.get_mut(&no).ok_or_else(|| {
                    StoreError::Corrupt(format!("a correction of receipt {no}, which is not there"))
                })?;
                let because = correction.because.as_str();
                let so_far = so_far
                    .entry((no, correction.row_no, because.to_owned()))
                    .or_default();
                let by_vnd = (correction.amount_vnd - *so_far).max(-standing.left.vnd());
                if by_vnd == 0 {
                    continue;
                }
                if standing.is_counted {
                    counters.corrected(&standing.of, standing.left, by_vnd);
                }
                *so_far += by_vnd;
                standing.left = Dong::new(standing.left.vnd() + by_vnd);
                new.push(New {
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
async fn standing(tx: &mut Tx, nos: &[i64], counted: LedgerNo) -> Result<HashMap<i64, Standing>> {
    let rows: Vec<(i64, String, String, String, i64, i64)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT entry_no, household_id, place_id, provider_id, business_day,
                    amount_vnd - refunded_vnd + corrected_vnd
             FROM receipt WHERE entry_no IN ",
        );
        sql.push_tuples(nos, |mut row, no| {
            row.push_bind(*no);
        });
        sql.build_query_as().fetch_all(c).await?
    });
    let standing =
        |(no, household_id, place_id, provider_id, day, left): (_, String, String, String, _, _)| {
            let day =
                Day::from_number(day).ok_or_else(|| StoreError::Corrupt(format!("business day {day}")))?;
            let standing = Standing {
                of: Counted {
                    household_id: household_id.into(),
                    place_id: place_id.into(),
                    provider_id: provider_id.into(),
                    day,
                },
                left: Dong::new(left),
                is_counted: no <= counted.get(),
            };
            Ok((no, standing))
        };
    rows.into_iter().map(standing).collect()
}

/// What rows have corrected of these receipts so far, by receipt, row and reason. What a notice took over from a
/// row goes with the reason it had there.
async fn of_rows(tx: &mut Tx, nos: &[i64]) -> Result<HashMap<(i64, i64, String), i64>> {
    let rows: Vec<(i64, i64, String, i64)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT receipt_no, row_no, because, CAST(SUM(amount_vnd) AS BIGINT)
             FROM correction WHERE receipt_no IN ",
        );
        sql.push_tuples(nos, |mut row, no| {
            row.push_bind(*no);
        });
        sql.push(" GROUP BY receipt_no, row_no, because");
        sql.build_query_as().fetch_all(c).await?
    });
    let mut so_far = HashMap::with_capacity(rows.len());
    for (receipt_no, row_no, because, vnd) in rows {
        let because = match because.as_str() {
            REFUND_HEARD => REVERSED.to_owned(),
            _ => because,
        };
        *so_far.entry((receipt_no, row_no, because)).or_default() += vnd;
    }
    Ok(so_far)
}

/// A correction to be added.
struct New<'a> {
    receipt_no: i64,
    provider_id: &'a str,
    row_day: i64,
    row_no: i64,
    because: &'static str,
    by_vnd: i64,
}

/// Adds corrections, numbered behind those that their receipts have.
async fn add(tx: &mut Tx, new: &[New<'_>], now: TimeMs) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let last: Vec<(i64, i64)> = on_tx!(&mut *tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT receipt_no, CAST(MAX(correction_no) AS BIGINT) FROM correction WHERE receipt_no IN ",
        );
        sql.push_tuples(new, |mut row, one| {
            row.push_bind(one.receipt_no);
        });
        sql.push(" GROUP BY receipt_no");
        sql.build_query_as().fetch_all(c).await?
    });
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

/// Money back that a row told of, which a notice tells of now.
pub(super) struct Told {
    provider_id: String,
    row_day: i64,
    row_no: i64,
    because: &'static str,
    /// How much of it, đồng.
    pub amount_vnd: i64,
}

/// What rows told to have gone back of a receipt, up to this amount; or one row that listed the payment less just
/// this refund.
pub(super) async fn told_back(tx: &mut Tx, receipt_no: i64, refund: Dong) -> Result<Vec<Told>> {
    let rows: Vec<(String, i64, i64, i64, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT provider_id, business_day, row_no,
                    CAST(-SUM(CASE WHEN because = $4 THEN 0 ELSE amount_vnd END) AS BIGINT),
                    CAST(-SUM(CASE WHEN because = $4 THEN amount_vnd ELSE 0 END) AS BIGINT)
             FROM correction WHERE receipt_no = $1 AND because IN ($2, $3, $4)
             GROUP BY provider_id, business_day, row_no ORDER BY row_no",
        )
        .bind(receipt_no)
        .bind(REVERSED)
        .bind(REFUND_HEARD)
        .bind(AMOUNT_DIFFERS)
        .fetch_all(c)
        .await?
    });
    let mut left = refund.vnd();
    let mut told = Vec::new();
    for (provider_id, row_day, row_no, back_vnd, less_vnd) in rows {
        let (amount_vnd, because) = if less_vnd == refund.vnd() && left == less_vnd {
            (less_vnd, AMOUNT_DIFFERS)
        } else {
            (back_vnd.clamp(0, left), REFUND_HEARD)
        };
        left -= amount_vnd;
        told.push(Told {
            provider_id,
            row_day,
            row_no,
            because,
            amount_vnd,
        });
    }
    told.retain(|told| told.amount_vnd > 0);
    Ok(told)
}

/// Takes back what rows told of, since a notice tells of it now.
pub(super) async fn give_way(tx: &mut Tx, receipt_no: i64, told: &[Told], now: TimeMs) -> Result<()> {
    let new = told.iter().map(|told| New {
        receipt_no,
        provider_id: &told.provider_id,
        row_day: told.row_day,
        row_no: told.row_no,
        because: told.because,
        by_vnd: told.amount_vnd,
    });
    add(tx, &new.collect::<Vec<_>>(), now).await
}

#[cfg(test)]
mod tests {
    use crate::reconcile::Kind;

    #[test]
    fn the_word_for_money_back_is_that_of_its_kind() {
        assert_eq!(super::REVERSED, Kind::Reversed.as_str());
        assert_eq!(super::AMOUNT_DIFFERS, Kind::AmountDiffers.as_str());
    }
}

//! Pairs of the days around that nothing new can concern. They are left where they are, so that memory follows the
//! days that are asked for and not all that lie around them.
//!
//! A row that matched its receipt by the transaction id, on the same day and in all of its amount, is at rest with it.
//! The two are taken in all the same if anything else that is compared shares an id with them or could take the
//! money back, if a person or another row concerned the receipt, or if some of it is back. What remains can be
//! nobody's partner, so what is said of the others is the same with it or without.

use std::collections::HashSet;

use super::super::super::packed::{Records, packed};
use super::super::super::{Result, Tx};
use super::{Loading, PAGE_ROWS, PLACE_BITS, page, there};
use crate::reconcile::{Key128, row_keys};
use crate::statement::RowKind;
use crate::vn::Day;

/// Which kept rows are at rest.
const AT_REST: &str = "r.finding = 'matched_auto' AND r.pass = 'transaction_id' AND r.shift_days = 0
    AND r.detail = 0 AND r.kind = 'payment' AND r.receipt_no IS NOT NULL";

const NUMBERS: [&str; 4] = ["r.row_no", "r.receipt_no", "r.content_high", "r.content_low"];
const TEXTS: [&str; 2] = ["r.provider_txn_id", "r.bank_ref"];

/// Bits of [`Keys`]: 8 MiB, in which three million keys are mistaken for one more in 500 times.
const KEY_BITS: u64 = 1 << 26;
/// Bits that stand for a key.
const BITS_OF_KEY: u64 = 3;

/// Keys, of which it can be said that one is surely not among them.
struct Keys(Vec<u64>);

impl Keys {
    fn places(key: Key128) -> impl Iterator<Item = (usize, u64)> {
        let [high, low] = key.bits();
        (0..BITS_OF_KEY).map(move |n| {
            let place = high.wrapping_add(n.wrapping_mul(low | 1)) % KEY_BITS;
            ((place / 64) as usize, 1 << (place % 64))
        })
    }

    fn add(&mut self, key: Key128) {
        for (word, bit) in Keys::places(key) {
            self.0[word] |= bit;
        }
    }

    fn may_hold(&self, key: Key128) -> bool {
        Keys::places(key).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

/// What concerns receipts and rows that are at rest.
pub(super) struct Concern {
    keys: Keys,
    /// Amounts of rows of money out, which may take back any payment of that amount.
    out_vnd: HashSet<i64>,
    /// Receipts that another row, or a person, concerned.
    receipts: HashSet<i64>,
    rows: HashSet<i64>,
}

/// Pairs at rest of some days, while their receipts are met.
#[derive(Default)]
pub(super) struct Resting {
    /// Receipt and row, in the order of receipts.
    pairs: Vec<(i64, i64)>,
    is_met: Vec<bool>,
    /// Rows that are taken in after all.
    woken: Vec<i64>,
}

/// What tells whether a receipt is at rest.
pub(super) struct Met {
    pub no: i64,
    pub txn: Key128,
    pub bank_ref: Option<Key128>,
    pub amount_vnd: i64,
    /// Whether some of it is back, or a row posted it.
    pub is_moved: bool,
}

impl Concern {
    fn of_keys(&self, keys: impl IntoIterator<Item = Option<Key128>>) -> bool {
        keys.into_iter().flatten().any(|key| self.keys.may_hold(key))
    }

    fn of_receipt(&self, receipt: &Met) -> bool {
        receipt.is_moved
            || self.receipts.contains(&receipt.no)
            || self.out_vnd.contains(&receipt.amount_vnd)
            || self.of_keys([Some(receipt.txn), receipt.bank_ref])
    }
}

impl Resting {
    /// Whether a receipt stays where it is, with its row.
    pub fn leaves(&mut self, receipt: &Met, concern: &Concern) -> bool {
        let Ok(at) = self.pairs.binary_search_by_key(&receipt.no, |(no, _)| *no) else {
            return false;
        };
        self.is_met[at] = true;
        let is_concerned = concern.of_receipt(receipt);
        if is_concerned {
            self.woken.push(self.pairs[at].1);
        }
        !is_concerned
    }

    /// The rows to be taken in: also those of which no receipt was met.
    fn woken(self) -> Vec<i64> {
        let unmet = self.pairs.iter().zip(&self.is_met).filter(|(_, met)| !**met);
        let unmet: Vec<i64> = unmet.map(|((_, row_no), _)| *row_no).collect();
        [self.woken, unmet].concat()
    }
}

impl Loading {
    /// Whatever is not at rest of the days around those that are wanted whole.
    pub(super) async fn around(&mut self, tx: &mut Tx, stalls: &[(String, String)]) -> Result<()> {
        let sides = self.sides_around();
        if sides.iter().all(|(from, to)| from > to) {
            return Ok(());
        }
        let concern = self.concern();
        for days in sides.into_iter().filter(|(from, to)| from <= to) {
            let mut resting = self.resting(&mut *tx, days, &concern).await?;
            self.receipts(&mut *tx, days, Some((&mut resting, &concern)))
                .await?;
            let mut woken = resting.woken();
            woken.sort_unstable();
            woken.retain(|no| self.far_rows.binary_search(no).is_err());
            self.rows_by_number(&mut *tx, &woken, stalls).await?;
        }
        Ok(())
    }

    /// What concerns pairs at rest, once all other rows and the receipts of the whole days are here.
    fn concern(&self) -> Concern {
        let mut concern = Concern {
            keys: Keys(vec![0; (KEY_BITS / 64) as usize]),
            out_vnd: HashSet::new(),
            receipts: HashSet::new(),
            rows: HashSet::new(),
        };
        for row in &self.rows.rows {
            for key in [row.txn, row.bank_ref, row.refund_of, Some(row.content)] {
                key.into_iter().for_each(|key| concern.keys.add(key));
            }
            if row.kind != RowKind::Payment {
                concern.out_vnd.insert(row.amount_vnd);
            }
        }
        // An id may be several receipts', and then it tells of none of them.
        for receipt in &self.window.sides.receipts {
            for key in [Some(receipt.txn), receipt.bank_ref] {
                key.into_iter().for_each(|key| concern.keys.add(key));
            }
        }
        for said in &self.window.said {
            let is_by_id = &*said.pass == "transaction_id";
            concern.receipts.extend(said.receipt_no.filter(|_| !is_by_id));
        }
        for (row_no, receipt_no, _) in self.window.corrected.keys() {
            concern.receipts.insert(*receipt_no);
            concern.rows.insert(*row_no);
        }
        for decision in &self.window.decisions {
            concern.receipts.extend(&decision.receipt_nos);
            concern.rows.extend(decision.row_no);
        }
        concern
            .receipts
            .extend(self.pairs.iter().map(|pair| pair.receipt_no));
        concern.rows.extend(self.pairs.iter().map(|pair| pair.row_no));
        concern
    }

    /// The pairs at rest of some days that nothing concerns by their rows.
    async fn resting(&mut self, tx: &mut Tx, (from, to): (Day, Day), concern: &Concern) -> Result<Resting> {
        let sql = format!(
            "SELECT string_agg(record, ''), MAX(no) FROM (
               SELECT {} AS record, r.row_no AS no FROM statement_row r
               WHERE r.provider_id = $1 AND r.business_day = $2 AND r.row_no > $3 AND {AT_REST}
               ORDER BY r.row_no LIMIT $4) page",
            packed(&NUMBERS, &TEXTS)
        );
        let mut resting = Resting::default();
        let mut day = from;
        while day <= to {
            let mut after = Some(0);
            while let Some(no) = after {
                let text;
                (text, after) =
                    page(&mut *tx, &sql, &self.provider_id, &[day.number(), no, PAGE_ROWS]).await?;
                let mut records = Records(&text);
                while let Some(([row_no, receipt_no, high, low], [txn, bank_ref])) = records.next()? {
                    let row_no = there(row_no)?;
                    if self.unfinished.contains(&(row_no >> PLACE_BITS)) {
                        continue;
                    }
                    let content = Key128::from_bits([there(high)? as u64, there(low)? as u64]);
                    let (txn, bank_ref) = row_keys(txn, bank_ref);
                    let is_concerned =
                        concern.rows.contains(&row_no) || concern.of_keys([Some(content), txn, bank_ref]);
                    if is_concerned {
                        resting.woken.push(row_no)
                    } else {
                        resting.pairs.push((there(receipt_no)?, row_no))
                    }
                }
            }
            day = day.plus(1);
        }
        resting.pairs.sort_unstable();
        // One receipt is one row's; where two days say it of their rows, neither is at rest.
        let alone: Vec<(i64, i64)> = resting
            .pairs
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|rows| match rows {
                [pair] => Some(*pair),
                several => {
                    resting.woken.extend(several.iter().map(|(_, row_no)| *row_no));
                    None
                }
            })
            .collect();
        resting.is_met = vec![false; alone.len()];
        resting.pairs = alone;
        Ok(resting)
    }

    /// Days before and after those of which everything is wanted.
    fn sides_around(&self) -> [(Day, Day); 2] {
        let (first, last) = self.whole;
        [(self.from, first.plus(-1)), (last.plus(1), self.to)]
    }
}

/// Rows of a day that are always taken in.
pub(super) fn restless(is_whole: bool) -> String {
    if is_whole {
        "1 = 1".to_owned()
    } else {
        format!("NOT ({AT_REST})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_added_is_there_and_few_others_are() {
        let mut keys = Keys(vec![0; (KEY_BITS / 64) as usize]);
        let key = |n: u32| Key128::of(&[&n.to_string()]);
        (0..10_000).for_each(|n| keys.add(key(n)));
        assert!((0..10_000).all(|n| keys.may_hold(key(n))));
        assert!((10_000..20_000).filter(|n| keys.may_hold(key(*n))).count() < 10);
    }

    #[test]
    fn a_pair_is_woken_by_its_receipt_or_by_its_absence() {
        let concern = Concern {
            keys: Keys(vec![0; (KEY_BITS / 64) as usize]),
            out_vnd: HashSet::from([7_000]),
            receipts: HashSet::from([3]),
            rows: HashSet::new(),
        };
        let mut resting = Resting {
            pairs: vec![(1, 11), (2, 12), (3, 13), (4, 14), (5, 15)],
            is_met: vec![false; 5],
            woken: vec![],
        };
        let met = |no: i64, amount_vnd: i64, is_moved: bool| Met {
            no,
            txn: Key128::of(&[&no.to_string()]),
            bank_ref: None,
            amount_vnd,
            is_moved,
        };
        assert!(resting.leaves(&met(1, 5_000, false), &concern));
        assert!(!resting.leaves(&met(2, 7_000, false), &concern), "may go back");
        assert!(
            !resting.leaves(&met(3, 5_000, false), &concern),
            "another row concerns it"
        );
        assert!(!resting.leaves(&met(4, 5_000, true), &concern), "some is back");
        assert!(!resting.leaves(&met(9, 5_000, false), &concern), "not at rest");
        assert_eq!(resting.woken(), [12, 13, 14, 15]);
    }
}

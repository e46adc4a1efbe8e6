//! Settled pairs of the days around that nothing new can concern. They are left where they are, so that memory follows
//! the days that are asked for and not all that lie around them.
//!
//! A row that matched its receipt by the transaction id, on the same day and in all of its amount, is settled with it.
//! The two are reopened, that is, taken in all the same, if anything else that is compared shares an id with them or
//! could take the money back, if a person or another row concerned the receipt, or if some of it is back. The pairs
//! that are left out cannot match any other row, so leaving them out does not change a result.

use std::collections::{HashMap, HashSet};

use super::super::super::packed::Page;
use super::super::super::{Result, Tx};
use super::super::row::file_of;
use super::records::{PAGE_ROWS, SettledRecord, fetch_page};
use crate::reconcile::{Key128, ReceiptSide, row_keys};
use crate::vn::Day;
use crate::vn::DayRange;

/// Which kept rows are settled, as SQL of `statement_row r`.
pub(super) const IS_SETTLED: &str =
    "r.finding = 'matched_auto' AND r.pass = 'transaction_id' AND r.shift_days = 0
    AND r.detail = 0 AND r.kind = 'payment' AND r.receipt_no IS NOT NULL";

/// Bits of a [`BloomFilter`]: 8 MiB, in which three million keys are mistaken for one more in 500 times.
const FILTER_BITS: u64 = 1 << 26;
/// Bits that stand for a key.
const BITS_OF_KEY: u64 = 3;

/// Keys, of which it can be said that one is surely not among them.
struct BloomFilter(Vec<u64>);

impl BloomFilter {
    fn new() -> BloomFilter {
        BloomFilter(vec![0; (FILTER_BITS / 64) as usize])
    }

    fn places(key: Key128) -> impl Iterator<Item = (usize, u64)> {
        let [high, low] = key.bits();
        (0..BITS_OF_KEY).map(move |n| {
            let place = high.wrapping_add(n.wrapping_mul(low | 1)) % FILTER_BITS;
            ((place / 64) as usize, 1 << (place % 64))
        })
    }

    fn add(&mut self, key: Key128) {
        for (word, bit) in BloomFilter::places(key) {
            self.0[word] |= bit;
        }
    }

    fn may_hold(&self, key: Key128) -> bool {
        BloomFilter::places(key).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

/// What reopens settled pairs.
pub(super) struct ReopenTriggers {
    keys: BloomFilter,
    /// Amounts of rows of money out, which may take back any payment of that amount.
    pub out_vnd: HashSet<i64>,
    /// Receipts that another row, or a person, concerned.
    pub receipts: HashSet<i64>,
    /// Rows that a correction or a person concerned.
    pub rows: HashSet<i64>,
    /// Day and amount of payments that may be those of a settled row of another file, and their file, if it is one.
    payments: HashMap<(Day, i64), Option<i64>>,
}

impl ReopenTriggers {
    pub fn new() -> ReopenTriggers {
        ReopenTriggers {
            keys: BloomFilter::new(),
            out_vnd: HashSet::new(),
            receipts: HashSet::new(),
            rows: HashSet::new(),
            payments: HashMap::new(),
        }
    }

    pub fn add_keys(&mut self, keys: impl IntoIterator<Item = Option<Key128>>) {
        keys.into_iter().flatten().for_each(|key| self.keys.add(key));
    }

    pub fn add_payment(&mut self, day: Day, amount_vnd: i64, file_no: i64) {
        let file = self.payments.entry((day, amount_vnd)).or_insert(Some(file_no));
        if *file != Some(file_no) {
            *file = None;
        }
    }

    fn may_hold(&self, keys: impl IntoIterator<Item = Option<Key128>>) -> bool {
        keys.into_iter().flatten().any(|key| self.keys.may_hold(key))
    }

    /// Whether a receipt and its row are to be compared again.
    fn reopen(&self, receipt: &ReceiptSide, row_no: i64) -> bool {
        let alike = self.payments.get(&(receipt.day, receipt.amount_vnd));
        // Some of it is back, or a row posted it.
        receipt.refunded_vnd != 0
            || receipt.posted_from_row.is_some()
            || self.receipts.contains(&receipt.no)
            || self.out_vnd.contains(&receipt.amount_vnd)
            || self.may_hold([Some(receipt.txn), receipt.bank_ref])
            || alike.is_some_and(|file_no| *file_no != Some(file_of(row_no)))
    }
}

/// Settled pairs of some days, while their receipts are met.
#[derive(Default)]
pub(super) struct SettledPairs {
    /// Receipt and row, in the order of receipts.
    pairs: Vec<(i64, i64)>,
    is_met: Vec<bool>,
    /// Rows that are taken in after all.
    reopened: Vec<i64>,
}

impl SettledPairs {
    /// The settled pairs of some days; those that are reopened by their rows are among the reopened already.
    /// Rows of `unfinished` files count for nothing.
    pub(super) async fn read(
        tx: &mut Tx,
        provider_id: &str,
        days: DayRange,
        unfinished: &HashSet<i64>,
        triggers: &ReopenTriggers,
    ) -> Result<SettledPairs> {
        let record = SettledRecord::sql();
        let sql = format!(
            "SELECT string_agg(record, ''), MAX(no) FROM (
               SELECT {record} AS record, r.row_no AS no FROM statement_row r
               WHERE r.provider_id = $1 AND r.business_day = $2 AND r.row_no > $3 AND {IS_SETTLED}
               ORDER BY r.row_no LIMIT $4) page",
        );
        let mut settled = SettledPairs::default();
        for day in days.days() {
            let mut after = Some(0);
            while let Some(no) = after {
                let text;
                (text, after) =
                    fetch_page(&mut *tx, &sql, provider_id, &[day.number(), no, PAGE_ROWS]).await?;
                let mut page = Page(&text);
                while let Some(row) = SettledRecord::unpack(&mut page)? {
                    if unfinished.contains(&file_of(row.row_no)) {
                        continue;
                    }
                    let content = Key128::from_bits([row.content_high as u64, row.content_low as u64]);
                    let (txn, bank_ref) = row_keys(row.provider_txn_id, row.bank_ref, row.reference);
                    let is_reopened = triggers.rows.contains(&row.row_no)
                        || triggers.may_hold([Some(content), txn, bank_ref]);
                    if is_reopened {
                        settled.reopened.push(row.row_no)
                    } else {
                        settled.pairs.push((row.receipt_no, row.row_no))
                    }
                }
            }
        }
        settled.keep_single_pairs();
        Ok(settled)
    }

    /// One receipt is one row's; where two days say it of their rows, neither is settled.
    fn keep_single_pairs(&mut self) {
        self.pairs.sort_unstable();
        let mut single = Vec::with_capacity(self.pairs.len());
        for rows in self.pairs.chunk_by(|a, b| a.0 == b.0) {
            match rows {
                [pair] => single.push(*pair),
                several => self.reopened.extend(several.iter().map(|(_, row_no)| *row_no)),
            }
        }
        self.is_met = vec![false; single.len()];
        self.pairs = single;
    }

    /// Whether a receipt stays where it is, with its row.
    pub fn leaves_out(&mut self, receipt: &ReceiptSide, triggers: &ReopenTriggers) -> bool {
        let Ok(at) = self.pairs.binary_search_by_key(&receipt.no, |(no, _)| *no) else {
            return false;
        };
        self.is_met[at] = true;
        let is_reopened = triggers.reopen(receipt, self.pairs[at].1);
        if is_reopened {
            self.reopened.push(self.pairs[at].1);
        }
        !is_reopened
    }

    /// The rows to be taken in, in the order of their numbers: also those of which no receipt was met.
    pub fn reopened(self) -> Vec<i64> {
        let mut reopened = self.reopened;
        let unmet = self.pairs.iter().zip(&self.is_met).filter(|(_, met)| !**met);
        reopened.extend(unmet.map(|((_, row_no), _)| *row_no));
        reopened.sort_unstable();
        reopened
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vn::{Day, TimeMs};

    #[test]
    fn a_key_that_was_added_is_there_and_few_others_are() {
        let mut keys = BloomFilter::new();
        let key = |n: u32| Key128::of(&[&n.to_string()]);
        (0..10_000).for_each(|n| keys.add(key(n)));
        assert!((0..10_000).all(|n| keys.may_hold(key(n))));
        assert!((10_000..20_000).filter(|n| keys.may_hold(key(*n))).count() < 10);
    }

    #[test]
    fn a_pair_is_reopened_by_its_receipt_or_by_its_absence() {
        let mut triggers = ReopenTriggers::new();
        triggers.out_vnd.insert(7_000);
        triggers.receipts.insert(3);
        let mut settled = SettledPairs {
            pairs: vec![(1, 11), (2, 12), (3, 13), (4, 14), (5, 15)],
            is_met: vec![false; 5],
            reopened: vec![],
        };
        let receipt = |no: i64, amount_vnd: i64, refunded_vnd: i64| ReceiptSide {
            no,
            txn: Key128::of(&[&no.to_string()]),
            bank_ref: None,
            household: 0,
            stall: None,
            amount_vnd,
            refunded_vnd,
            day: Day::ymd(2026, 3, 1),
            occurred_at: None,
            posted_at: TimeMs(0),
            posted_from_row: None,
        };
        assert!(settled.leaves_out(&receipt(1, 5_000, 0), &triggers));
        assert!(
            !settled.leaves_out(&receipt(2, 7_000, 0), &triggers),
            "may go back"
        );
        assert!(
            !settled.leaves_out(&receipt(3, 5_000, 0), &triggers),
            "another row concerns it"
        );
        assert!(
            !settled.leaves_out(&receipt(4, 5_000, 1), &triggers),
            "some is back"
        );
        assert!(
            !settled.leaves_out(&receipt(9, 5_000, 0), &triggers),
            "not settled"
        );
        assert_eq!(settled.reopened(), [12, 13, 14, 15]);
    }
}

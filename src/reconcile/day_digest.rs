//! What is held of a provider's day, by the hour, and a digest of it for the provider to compare.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Tally;
use crate::vn::{Day, TimeMs};

/// A receipt as a provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayReceipt {
    /// The provider's transaction id.
    pub provider_txn_id: String,
    /// Amount, đồng.
    pub amount_vnd: i64,
    /// Time of payment; none where the notice named none.
    pub occurred_at: Option<TimeMs>,
}

/// How many receipts, what they come to, and their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub tally: Tally,
    /// SHA-256, hexadecimal.
    pub digest: String,
}

/// What is held of a provider's day, whole and by the hour, so that a provider who holds something else finds
/// the hour at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayHolding {
    pub whole: Holding,
    /// Its hours in Viet Nam that hold anything; a receipt without a time is in none.
    pub hours: BTreeMap<u8, Holding>,
}

/// The digest of docs/spec/contract.md, section 3: SHA-256 over the lines
/// `provider_txn_id,amount_vnd,occurred_at` (milliseconds
/// UTC, nothing where no time was named), sorted by bytes, each ended by LF.
pub fn holding_of(day: Day, receipts: &[DayReceipt]) -> DayHolding {
    let mut by_hour: BTreeMap<u8, Vec<&DayReceipt>> = BTreeMap::new();
    for receipt in receipts {
        if let Some(time) = receipt.occurred_at {
            let hour = (time.0 - day.start().0).div_euclid(3_600_000).clamp(0, 23);
            by_hour.entry(hour as u8).or_default().push(receipt);
        }
    }
    DayHolding {
        whole: holding(receipts.iter()),
        hours: by_hour
            .into_iter()
            .map(|(hour, receipts)| (hour, holding(receipts.into_iter())))
            .collect(),
    }
}

fn holding<'a>(receipts: impl Iterator<Item = &'a DayReceipt>) -> Holding {
    let mut tally = Tally::default();
    let mut lines: Vec<String> = Vec::new();
    for receipt in receipts {
        tally.add(receipt.amount_vnd);
        let time = receipt.occurred_at.map(|t| t.0.to_string()).unwrap_or_default();
        lines.push(format!(
            "{},{},{time}\n",
            receipt.provider_txn_id, receipt.amount_vnd
        ));
    }
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line);
    }
    let digest = hex::encode(hash.finalize());
    Holding { tally, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: &str, amount_vnd: i64, hour: Option<i64>) -> DayReceipt {
        DayReceipt {
            provider_txn_id: id.to_owned(),
            amount_vnd,
            occurred_at: hour.map(|hour| TimeMs(Day::ymd(2026, 6, 15).start().0 + hour * 3_600_000)),
        }
    }

    #[test]
    fn the_digest_is_that_of_the_contract_whatever_the_order() {
        let day = Day::ymd(2026, 6, 15);
        let all = [
            receipt("B", 5, Some(9)),
            receipt("A", 20_000, None),
            receipt("C", 7, Some(9)),
        ];
        let held = holding_of(day, &all);
        let nine = day.start().0 + 9 * 3_600_000;
        let text = format!("A,20000,\nB,5,{nine}\nC,7,{nine}\n");
        let wanted = hex::encode(Sha256::digest(text));
        assert_eq!(
            (held.whole.digest.as_str(), held.whole.tally.count),
            (wanted.as_str(), 3)
        );
        assert_eq!(held.whole.tally.amount_vnd, 20_012);
        let mut turned = all.clone();
        turned.reverse();
        assert_eq!(holding_of(day, &turned), held);
        assert_eq!(held.hours.keys().copied().collect::<Vec<_>>(), [9]);
        assert_eq!(held.hours[&9].tally.count, 2);
        let other = [
            receipt("B", 5, Some(9)),
            receipt("A", 20_000, None),
            receipt("C", 8, Some(9)),
        ];
        assert_ne!(holding_of(day, &other).hours[&9].digest, held.hours[&9].digest);
        let empty = holding_of(day, &[]);
        assert_eq!(
            empty.whole.digest,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}

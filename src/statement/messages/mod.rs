//! Messages whose fields have fixed meanings: SWIFT MT940 and ISO 20022 camt. No mapping is needed.
//!
//! Both are read here and not by a library: the crate mt940 1.1 wants the whole file in memory and refuses it whole
//! when one line breaks its grammar, and the camt crates are types generated from the schema, which hold a whole file
//! too. A statement here may have a million rows, and one bad row must not lose the others.

use std::collections::HashSet;

use crate::vn::{Dong, Lang, Sentence, digest_128, sentence};

pub(crate) mod camt;
pub(crate) mod camt_entry;
pub(crate) mod mt940;
pub(crate) mod mt940_entry;

/// Entries between two balances that are remembered; a page or a day has far less.
const ENTRIES_MAX: usize = 100_000;

/// Statements that were read, each by what tells it from the others: the same one again is no other money.
#[derive(Default)]
pub(crate) struct StatementsSeen(HashSet<[u8; 16]>);

impl StatementsSeen {
    /// False if a statement with these parts was read before.
    pub(crate) fn add(&mut self, parts: &[&str]) -> bool {
        self.0.insert(digest_128(parts))
    }

    /// What is said of a statement that stands there twice.
    pub(crate) fn twice(number: &str) -> Sentence {
        sentence!(
            "bản sao kê số «{number}» có hai lần trong tệp, cùng tài khoản, số dư và các khoản; hãy bỏ phần lặp lại rồi nhập",
            "the statement «{number}» stands in the file twice, with the same account, balances and entries; take the repeated part out, then import it"
        )
    }
}

/// The entries between an opening and a closing balance: if the balances fit only with one of them turned round, its
/// direction is wrong.
#[derive(Default)]
pub(crate) struct Directions {
    /// Where an entry stands, and what came in by it; less than zero for what went out.
    entries: Vec<(u64, i64)>,
    /// One of them could not be read, or there are too many: the balances say nothing of single ones.
    is_partial: bool,
}

impl Directions {
    pub(crate) fn push(&mut self, place: u64, signed: i64) {
        if self.entries.len() == ENTRIES_MAX {
            self.is_partial = true;
        } else {
            self.entries.push((place, signed));
        }
    }

    pub(crate) fn lose_one(&mut self) {
        self.is_partial = true;
    }

    /// The first entry that, turned round, makes up for what the closing balance lacks; with what is to be said of it.
    pub(crate) fn contradicted(&self, lacks: i64) -> Option<(u64, Sentence)> {
        if self.is_partial || lacks == 0 {
            return None;
        }
        let turned = |signed: i64| signed.checked_mul(-2) == Some(lacks);
        let one = self.entries.iter().find(|(_, signed)| turned(*signed));
        let all = self
            .entries
            .iter()
            .map(|(_, signed)| *signed)
            .fold(0, i64::saturating_add);
        if let (None, Some(&(place, _)), true) = (one, self.entries.first(), turned(all)) {
            return Some((
                place,
                Sentence::new(
                    "số dư đầu và cuối chỉ khớp nếu mọi khoản đi chiều ngược lại (ghi tiền vào mà là tiền ra, hoặc ngược lại); hãy hỏi ngân hàng chiều tiền đúng",
                    "opening and closing balance fit only if every entry went the other way; ask the bank which way they went",
                ),
            ));
        }
        let &(place, signed) = one?;
        let amount = Dong::new(signed.saturating_abs());
        let (vi, en) = (amount.show(Lang::Vi), amount.show(Lang::En));
        let because = if signed > 0 {
            sentence!(
                "khoản {vi} ghi là tiền vào, nhưng số dư đầu và cuối chỉ khớp nếu đó là tiền ra; hãy hỏi ngân hàng chiều tiền đúng",
                "{en} stands there as money in, but opening and closing balance fit only if it went out; ask the bank which way it went"
            )
        } else {
            sentence!(
                "khoản {vi} ghi là tiền ra, nhưng số dư đầu và cuối chỉ khớp nếu đó là tiền vào; hãy hỏi ngân hàng chiều tiền đúng",
                "{en} stands there as money out, but opening and closing balance fit only if it came in; ask the bank which way it went"
            )
        };
        Some((place, because))
    }
}

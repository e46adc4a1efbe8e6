//! Entries as a provider's days bring them, with causes planted among them and a key that says which.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// Popular prices: most payments of a market have one of few amounts.
const PRICES_VND: [i64; 8] = [10_000, 15_000, 20_000, 25_000, 30_000, 50_000, 100_000, 200_000];

const FEES: FeeRule = FeeRule {
    rate_ppm: 5_500,
    vat_ppm: 100_000,
};

/// What is planted. A bad row never comes this far; the reader names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    None,
    Missing,
    SameRowAgain,
    SameIdAgain,
    AmountOff,
    LateFile,
    MidnightShift,
    DaysOff,
    Reversed,
    PartlyReversed,
    RefundKnown,
    Lump,
    LumpPart,
    OtherAccount,
    UnknownAccount,
    WrongDirection,
    DroppedReference,
    DroppedReferenceAndTime,
    SwappedAmount,
    SwappedReference,
    SwappedAccount,
    Fee,
    Pending,
    NoRow,
    FeeLine,
}

const CAUSES: [Cause; 24] = [
    Cause::Missing,
    Cause::SameRowAgain,
    Cause::SameIdAgain,
    Cause::AmountOff,
    Cause::LateFile,
    Cause::MidnightShift,
    Cause::DaysOff,
    Cause::Reversed,
    Cause::PartlyReversed,
    Cause::RefundKnown,
    Cause::Lump,
    Cause::LumpPart,
    Cause::OtherAccount,
    Cause::UnknownAccount,
    Cause::WrongDirection,
    Cause::DroppedReference,
    Cause::DroppedReferenceAndTime,
    Cause::SwappedAmount,
    Cause::SwappedReference,
    Cause::SwappedAccount,
    Cause::Fee,
    Cause::Pending,
    Cause::NoRow,
    Cause::FeeLine,
];

/// What a row should be: one of these words, and of these receipts.
struct Expected {
    cause: Cause,
    words: &'static [&'static str],
    receipts: Vec<i64>,
}

/// Sides, and the key to them.
pub(super) struct Planted {
    pub(super) sides: Sides,
    rows: BTreeMap<i64, Expected>,
    receipts: BTreeMap<i64, &'static str>,
}

struct Maker {
    random: fastrand::Rng,
    planted: Planted,
    /// Household and amount of what is left without an id: two of them alike would be ambiguous by right,
    /// and then the key could not name one cause.
    without_id: HashSet<(u32, i64)>,
    next_no: i64,
}

/// Makes the entries, matches them, and holds the outcome against the key.
pub(super) fn check(entries: usize, seed: u64) {
    let mut planted = make(entries, seed);
    let mut rules = Rules::usual(day().plus(10), day().plus(-10));
    rules.fees = Some(FEES);
    let outcome = match_sides(&mut planted.sides, &rules);
    let mut named: BTreeMap<Cause, usize> = BTreeMap::new();
    for (row, word) in outcome.rows.iter().zip(kinds(&outcome)) {
        let expected = &planted.rows[&row.no];
        let cause = expected.cause;
        let words = expected.words;
        assert!(words.contains(&word), "{cause:?}: {row:?}");
        if word != "ambiguous" {
            assert_eq!(outcome.receipts_of(row), expected.receipts, "{cause:?}: {row:?}");
        }
        *named.entry(cause).or_default() += 1;
    }
    for (receipt, word) in outcome.receipts.iter().zip(receipt_kinds(&outcome)) {
        assert_eq!(word, planted.receipts[&receipt.no], "{receipt:?}");
    }
    for cause in CAUSES.into_iter().filter(|cause| *cause != Cause::NoRow) {
        assert!(named[&cause] >= entries / 100, "{cause:?} was planted");
    }
}

pub(super) fn make(entries: usize, seed: u64) -> Planted {
    let mut maker = Maker {
        random: fastrand::Rng::with_seed(seed),
        planted: Planted {
            sides: Sides::default(),
            rows: BTreeMap::new(),
            receipts: BTreeMap::new(),
        },
        without_id: HashSet::new(),
        next_no: 1,
    };
    for n in 0..entries {
        // One entry in four has a cause, so that causes stand among one another as well.
        let cause = match n % 4 {
            0 => CAUSES[n / 4 % CAUSES.len()],
            _ => Cause::None,
        };
        maker.plant(cause);
    }
    let Maker {
        mut random,
        mut planted,
        ..
    } = maker;
    random.shuffle(&mut planted.sides.rows);
    random.shuffle(&mut planted.sides.receipts);
    planted
}

impl Maker {
    fn number(&mut self) -> i64 {
        self.next_no += 1;
        self.next_no
    }

    /// A receipt of a market day and the row that belongs to it.
    fn pair(&mut self) -> (ReceiptSide, RowSide) {
        let no = self.number();
        let stall = self.random.u32(0..4_000);
        let days = self.random.i64(0..3);
        let minutes = self.random.i64(6 * 60..18 * 60);
        let paid_at = TimeMs(at(days * 24 * 60 + minutes).0 + self.random.i64(0..MINUTE_MS));
        let amount_vnd = PRICES_VND[self.random.usize(..PRICES_VND.len())];
        let receipt = ReceiptSide {
            household: stall / 2,
            stall: Some(stall),
            day: Day::of(paid_at),
            occurred_at: Some(paid_at),
            posted_at: TimeMs(paid_at.0 + 2_000),
            ..receipt(no, amount_vnd)
        };
        let row = RowSide {
            payee: Payee::Household {
                household: stall / 2,
                stall: None,
            },
            stall_in_note: self.random.bool().then_some(stall),
            day: receipt.day,
            occurred_at: self
                .random
                .bool()
                .then(|| TimeMs(paid_at.0 + self.random.i64(0..MINUTE_MS))),
            ..row_of(self.number(), &receipt)
        };
        (receipt, row)
    }

    /// An amount that nothing else of the household has that is without an id.
    fn lone_amount(&mut self, household: u32) -> i64 {
        loop {
            let amount_vnd = 1_000 * self.random.i64(1..5_000);
            if self.without_id.insert((household, amount_vnd)) {
                return amount_vnd;
            }
        }
    }

    fn keep_receipt(&mut self, receipt: ReceiptSide, word: &'static str) {
        self.planted.receipts.insert(receipt.no, word);
        self.planted.sides.receipts.push(receipt);
    }

    fn keep_row(&mut self, cause: Cause, row: RowSide, words: &'static [&'static str], receipts: &[i64]) {
        let receipts = receipts.to_vec();
        let expected = Expected {
            cause,
            words,
            receipts,
        };
        self.planted.rows.insert(row.no, expected);
        self.planted.sides.rows.push(row);
    }

    fn plant(&mut self, cause: Cause) {
        let (mut receipt, mut row) = self.pair();
        let no = receipt.no;
        let (row_words, receipt_word): (&'static [&'static str], &'static str) = match cause {
            Cause::None => (&["matched_auto"], "matched_auto"),
            Cause::LateFile => {
                row.no += 1_000_000_000;
                (&["matched_auto"], "matched_auto")
            }
            Cause::Lump | Cause::LumpPart => return self.plant_lump(cause),
            Cause::Missing => {
                row.amount_vnd = self.lone_amount(receipt.household);
                return self.keep_row(cause, row, &["missing_notice"], &[]);
            }
            Cause::NoRow => {
                receipt.amount_vnd = self.lone_amount(receipt.household);
                return self.keep_receipt(receipt, "missing_in_statement");
            }
            Cause::FeeLine => {
                row.kind = RowKind::Fee;
                return self.keep_row(cause, row, &["fee_line"], &[]);
            }
            Cause::SameRowAgain | Cause::SameIdAgain => {
                let mut again = row;
                again.no = row_no(1, self.number());
                if cause == Cause::SameIdAgain {
                    again.content = id(&format!("other {}", again.no));
                }
                self.keep_row(cause, again, &["duplicate_row"], &[]);
                (&["matched_auto"], "matched_auto")
            }
            Cause::AmountOff => {
                row.amount_vnd += 1 + self.random.i64(0..900);
                (&["amount_differs"], "amount_differs")
            }
            Cause::SwappedAmount => {
                row.amount_vnd = receipt.amount_vnd / 10 * 10 + 10 * 9;
                (&["amount_differs"], "amount_differs")
            }
            Cause::MidnightShift => {
                row.day = row.day.plus(if self.random.bool() { 1 } else { -1 });
                (&["matched_auto"], "matched_auto")
            }
            Cause::DaysOff => {
                row.day = row.day.plus(self.random.i64(2..6));
                (&["date_differs"], "date_differs")
            }
            Cause::Reversed | Cause::PartlyReversed | Cause::RefundKnown => {
                return self.plant_refund(cause, receipt, row);
            }
            Cause::OtherAccount => {
                row.payee = Payee::Household {
                    household: receipt.household + 1,
                    stall: None,
                };
                (&["unknown_account"], "unknown_account")
            }
            Cause::UnknownAccount | Cause::SwappedAccount => {
                row.payee = Payee::Unknown;
                (&["unknown_account"], "unknown_account")
            }
            Cause::WrongDirection => {
                row.kind = RowKind::Outgoing;
                (&["wrong_direction"], "wrong_direction")
            }
            Cause::DroppedReference | Cause::DroppedReferenceAndTime | Cause::SwappedReference => {
                receipt.amount_vnd = self.lone_amount(receipt.household);
                row.amount_vnd = receipt.amount_vnd;
                row.bank_ref = None;
                row.txn = (cause == Cause::SwappedReference).then(|| id(&format!("swapped {no}")));
                if cause == Cause::DroppedReferenceAndTime {
                    row.occurred_at = None;
                }
                (&["matched_auto", "ambiguous"], "matched_auto")
            }
            Cause::Fee => {
                let fee_vnd = FEES.fee_vnd(row.amount_vnd);
                let charges = Charges {
                    fee_vnd,
                    vat_vnd: FEES.vat_vnd(fee_vnd),
                    discount_vnd: 0,
                    net_vnd: row.amount_vnd - fee_vnd,
                };
                row.fee_gap_vnd = charges.gap_vnd(row.amount_vnd, Some(&FEES));
                (&["fee_differs"], "matched_auto")
            }
            Cause::Pending => {
                row.status = RowStatus::Pending;
                (&["status_differs"], "status_differs")
            }
        };
        self.keep_receipt(receipt, receipt_word);
        self.keep_row(cause, row, row_words, &[no]);
    }

    /// The payment's row, and one that takes all or a part of it back; known or not.
    fn plant_refund(&mut self, cause: Cause, mut receipt: ReceiptSide, row: RowSide) {
        let mut back = row;
        back.no = self.number();
        back.content = id(&format!("back {}", back.no));
        back.kind = RowKind::Refund;
        back.day = row.day.plus(self.random.i64(0..4));
        back.refund_of = self.random.bool().then_some(receipt.txn);
        if back.refund_of.is_some() {
            back.txn = Some(id(&format!("back {}", back.no)));
        }
        if cause == Cause::PartlyReversed {
            back.amount_vnd = 5_000;
        }
        let mut words: &'static [&'static str] = &["reversed"];
        if cause == Cause::RefundKnown {
            receipt.refunded_vnd = back.amount_vnd;
            words = &["matched_auto"];
            self.planted.sides.refunds.push(RefundSide {
                no: back.no,
                receipt_no: receipt.no,
                txn: back.txn,
                amount_vnd: back.amount_vnd,
                day: back.day,
                posted_from_row: None,
            });
        }
        let receipt_word = match cause {
            Cause::PartlyReversed => "matched_auto",
            _ => "reversed",
        };
        let no = receipt.no;
        self.keep_receipt(receipt, receipt_word);
        self.keep_row(Cause::None, row, &["matched_auto"], &[no]);
        self.keep_row(cause, back, words, &[no]);
    }

    /// A row for several receipts of a stall of its own, gross or net; for `LumpPart` one more receipt is in
    /// the day that the sum does not hold.
    fn plant_lump(&mut self, cause: Cause) {
        let (first, row) = self.pair();
        let stall = 1_000_000 + self.number() as u32;
        let count = self.random.usize(2..9);
        let mut parts: Vec<ReceiptSide> = Vec::new();
        for n in 0..count {
            let (other, _) = self.pair();
            parts.push(ReceiptSide {
                household: stall,
                stall: Some(stall),
                day: first.day,
                occurred_at: first.occurred_at,
                // Powers of two besides, so that no other choice has the same sum.
                amount_vnd: other.amount_vnd + 7 * (1 << n),
                ..other
            });
        }
        let mut numbers: Vec<i64> = parts.iter().map(|c| c.no).collect();
        numbers.sort_unstable();
        let is_net = self.random.bool();
        let net = |c: &ReceiptSide| {
            if is_net {
                FEES.net_vnd(c.amount_vnd)
            } else {
                c.amount_vnd
            }
        };
        let lump = RowSide {
            payee: Payee::Household {
                household: stall,
                stall: None,
            },
            stall_in_note: None,
            txn: None,
            bank_ref: Some(id(&format!("lump {stall}"))),
            amount_vnd: parts.iter().map(net).sum(),
            day: first.day.plus(self.random.i64(0..2)),
            parts: match cause {
                Cause::LumpPart => count as u32,
                _ => 1,
            },
            ..row
        };
        if cause == Cause::LumpPart {
            let (other, _) = self.pair();
            let beside = ReceiptSide {
                household: stall,
                stall: Some(stall),
                day: first.day,
                occurred_at: first.occurred_at,
                amount_vnd: 3_000_001,
                ..other
            };
            self.keep_receipt(beside, "missing_in_statement");
        }
        for part in parts {
            self.keep_receipt(part, "lump");
        }
        self.keep_row(cause, lump, &["lump"], &numbers);
    }
}

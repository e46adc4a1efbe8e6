//! What matching says of every row, receipt, refund and notice, with the proof that it adds up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bucket, FindingKind, Sides};
use crate::vn::Day;

/// Which pass found a row's receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    Decision,
    /// The row itself posted the receipt or refund.
    Origin,
    /// The provider's transaction id.
    TransactionId,
    BankReference,
    /// Stall code, amount and day.
    StallAmountDay,
    /// Account, amount and time, or the day if the row has no time.
    AccountAmountTime,
    /// The sum of many receipts.
    Lump,
}

impl Pass {
    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Pass::Decision => "decision",
            Pass::Origin => "origin",
            Pass::TransactionId => "transaction_id",
            Pass::BankReference => "bank_reference",
            Pass::StallAmountDay => "stall_amount_day",
            Pass::AccountAmountTime => "account_amount_time",
            Pass::Lump => "lump",
        }
    }

    /// Whether an id says that row and receipt are one payment, so that what differs is a difference and
    /// no other payment.
    pub(super) const fn is_tie(self) -> bool {
        matches!(self, Pass::TransactionId | Pass::BankReference)
    }
}

/// Why a row is of no concern to receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// A charge of the provider on a line of its own.
    FeeLine,
    /// Money out that concerns no receipt.
    Outgoing,
    /// Money back for a payment that neither ledger nor statement has.
    RefundWithoutPayment,
    /// Failed or pending, and no notice said otherwise.
    NotPaid,
    /// Failed or pending, and a later row says that it was settled, or what became of it.
    Superseded,
}

impl Ignored {
    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ignored::FeeLine => "fee_line",
            Ignored::Outgoing => "outgoing",
            Ignored::RefundWithoutPayment => "refund_without_payment",
            Ignored::NotPaid => "not_paid",
            Ignored::Superseded => "superseded",
        }
    }
}

/// What was found about a row. Differences are the row's figure less the ledger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// Row and receipt, or row and known refund, agree.
    MatchedAuto {
        /// 0, or what is known to have gone back where the provider lists the payment less its refund.
        less_refund_vnd: i64,
    },
    /// A person matched it.
    MatchedManual,
    /// A person accepted the difference.
    MatchedForced,
    /// It stands for its receipts together.
    Lump {
        /// What the receipts have more than the row: fees, and refunds taken off.
        less_vnd: i64,
    },
    /// Its receipt is posted from it, or was.
    MissingNotice {
        /// Its id names other payments too, so it is posted under none.
        is_id_shared: bool,
    },
    /// Another amount than the receipt, or the refund, that it is tied to.
    AmountDiffers {
        /// The row's amount less the ledger's.
        difference_vnd: i64,
    },
    /// Further away than the slack.
    DateDiffers,
    /// A second row.
    DuplicateRow {
        /// The row that stands.
        of: i64,
        /// Whether it says the same in everything.
        is_same_content: bool,
    },
    /// Whose money it is cannot be said.
    UnknownAccount,
    /// More than one possible partner, or none that can be proven.
    Ambiguous {
        /// How many receipts it could have been.
        candidates: u32,
    },
    /// Money went back that the ledger does not know to be back.
    Reversed {
        /// The row of the payment, where that has no receipt yet.
        payment_row: Option<i64>,
    },
    /// A debit for a receipt.
    WrongDirection,
    /// The fee arithmetic of the row is off; its receipt stands.
    FeeDiffers {
        /// How much more is paid out than is due.
        gap_vnd: i64,
    },
    /// Paid by the notice, not by the row.
    StatusDiffers {
        /// Past T+1: the row wins.
        is_final: bool,
    },
    Ignored(Ignored),
}

impl Finding {
    /// Its kind; none if it is ignored.
    pub const fn kind(self) -> Option<FindingKind> {
        Some(match self {
            Finding::MatchedAuto { .. } => FindingKind::MatchedAuto,
            Finding::MatchedManual => FindingKind::MatchedManual,
            Finding::MatchedForced => FindingKind::MatchedForced,
            Finding::Lump { .. } => FindingKind::Lump,
            Finding::MissingNotice { .. } => FindingKind::MissingNotice,
            Finding::AmountDiffers { .. } => FindingKind::AmountDiffers,
            Finding::DateDiffers => FindingKind::DateDiffers,
            Finding::DuplicateRow { .. } => FindingKind::DuplicateRow,
            Finding::UnknownAccount => FindingKind::UnknownAccount,
            Finding::Ambiguous { .. } => FindingKind::Ambiguous,
            Finding::Reversed { .. } => FindingKind::Reversed,
            Finding::WrongDirection => FindingKind::WrongDirection,
            Finding::FeeDiffers { .. } => FindingKind::FeeDiffers,
            Finding::StatusDiffers { .. } => FindingKind::StatusDiffers,
            Finding::Ignored(_) => return None,
        })
    }

    /// Where the row is counted.
    pub const fn bucket(self) -> Bucket {
        match self.kind() {
            None => Bucket::Ignored,
            Some(kind) => match kind.bucket() {
                Some(bucket) => bucket,
                // The kinds without a bucket are no findings about rows.
                None => Bucket::Exceptions,
            },
        }
    }
}

/// The receipts of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tied {
    /// None.
    No,
    One(i64),
    /// These, in a list of the outcome ([`Outcome::receipts_of`]).
    Many {
        from: u32,
        /// How many they are.
        count: u32,
    },
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowOutcome {
    pub no: i64,
    pub finding: Finding,
    /// Which pass found its receipts.
    pub by: Option<Pass>,
    pub tied: Tied,
    /// How many days later than its receipt it is listed: 1 or -1 around the end of a day is allowed, and
    /// stays visible.
    pub shift_days: i32,
}

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptOutcome {
    pub no: i64,
    /// What is to be said of it. `Reversed` if all of it went back, whatever its row says.
    pub kind: FindingKind,
    /// Its row; of several that a person gave it, the first.
    pub row_no: Option<i64>,
    /// What rows say has gone back beyond what the ledger knows.
    pub newly_back_vnd: i64,
}

/// What became of an item that is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoticeOutcome {
    pub no: i64,
    /// What is to be said of it, if anything.
    pub kind: Option<FindingKind>,
    /// A row of the same transaction that found no receipt: if it is `MissingNotice`, the item is to be
    /// posted by the row's word instead of a second one beside it.
    pub row_no: Option<i64>,
}

/// What became of a refund that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefundOutcome {
    pub no: i64,
    /// What is to be said of it.
    pub kind: FindingKind,
    pub row_no: Option<i64>,
}

/// What a row says is left of a receipt more, or less, than its notices said. The statement wins
/// (docs/spec/domain.md, section 8),
/// and the difference stays visible as a correction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Correction {
    /// The row that says so; 0 where a person said it of a receipt without a row.
    pub row_no: i64,
    pub receipt_no: i64,
    /// Day of the row, else of the receipt.
    pub row_day: Day,
    /// Day of the receipt.
    pub receipt_day: Day,
    /// What the row is.
    pub because: FindingKind,
    /// By how much, đồng; what is left of a receipt never falls below nothing, whatever rows say together.
    pub amount_vnd: i64,
}

/// A count and a sum. A million amounts of 13 digits do not fit 64 bits, hence the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Tally {
    pub count: u64,
    pub amount_vnd: i128,
}

impl Tally {
    pub fn add(&mut self, amount_vnd: i64) {
        self.count += 1;
        self.amount_vnd += i128::from(amount_vnd);
    }

    /// Both together, sum by sum.
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            count: self.count + other.count,
            amount_vnd: self.amount_vnd + other.amount_vnd,
        }
    }
}

/// That nothing was lost: the rows that came in, and where each of them is. Bad rows never come this far;
/// whoever prints the proof of a file adds the reader's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// The rows as they came.
    pub rows: Tally,
    pub matched: Tally,
    /// Those that somebody has to look at.
    pub exceptions: Tally,
    /// Those of no concern.
    pub ignored: Tally,
    /// Rows by kind; awaiting, missing and duplicate notices by their own amounts.
    pub by_kind: BTreeMap<FindingKind, Tally>,
}

impl Proof {
    /// Whether rows = matched + exceptions + ignored, by count and amount.
    pub fn adds_up(&self) -> bool {
        self.matched.plus(self.exceptions).plus(self.ignored) == self.rows
    }

    fn of(sides: &Sides, outcome: &Outcome) -> Proof {
        let mut proof = Proof::default();
        for row in &sides.rows {
            proof.rows.add(row.amount_vnd);
        }
        for (row, said) in sides.rows.iter().zip(&outcome.rows) {
            let bucket = match said.finding.bucket() {
                Bucket::Matched => &mut proof.matched,
                Bucket::Ignored => &mut proof.ignored,
                Bucket::Exceptions | Bucket::Bad => &mut proof.exceptions,
            };
            bucket.add(row.amount_vnd);
            if let Some(kind) = said.finding.kind() {
                proof.by_kind.entry(kind).or_default().add(row.amount_vnd);
            }
        }
        let receipts = sides.receipts.iter().zip(&outcome.receipts);
        let receipts = receipts.map(|(c, said)| (Some(said.kind), c.amount_vnd));
        let notices = sides.notices.iter().zip(&outcome.notices);
        let notices = notices.map(|(n, said)| (said.kind, n.amount_vnd));
        for (kind, amount_vnd) in receipts.chain(notices) {
            // What has a bucket is counted by its row.
            if let Some(kind) = kind.filter(|kind| kind.bucket().is_none()) {
                proof.by_kind.entry(kind).or_default().add(amount_vnd);
            }
        }
        proof
    }
}

/// What a run found. Each list is in the order of the numbers, as [`Sides`] is after the run, so the entry
/// at a position is about the entry at the same position there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    pub rows: Vec<RowOutcome>,
    pub receipts: Vec<ReceiptOutcome>,
    /// Every item that is no receipt.
    pub notices: Vec<NoticeOutcome>,
    pub refunds: Vec<RefundOutcome>,
    /// What rows correct of receipts, in the order of rows, then receipts; each pair once.
    pub corrections: Vec<Correction>,
    /// That it adds up.
    pub proof: Proof,
    /// Receipts of the rows that have many.
    pub(super) many: Vec<i64>,
}

impl Outcome {
    /// The numbers of a row's receipts.
    pub fn receipts_of<'o>(&'o self, row: &'o RowOutcome) -> &'o [i64] {
        match &row.tied {
            Tied::No => &[],
            Tied::One(no) => std::slice::from_ref(no),
            Tied::Many { from, count } => {
                let from = *from as usize;
                self.many.get(from..from + *count as usize).unwrap_or_default()
            }
        }
    }

    /// Adds the proof.
    ///
    /// # Panics
    /// If it does not add up: a row was lost or counted twice, and nothing may be written.
    pub(super) fn proven(mut self, sides: &Sides) -> Outcome {
        assert_eq!(self.rows.len(), sides.rows.len(), "every row has its outcome");
        assert_eq!(
            self.receipts.len(),
            sides.receipts.len(),
            "every receipt has its outcome"
        );
        self.proof = Proof::of(sides, &self);
        assert!(self.proof.adds_up(), "rows = matched + exceptions + ignored");
        self
    }
}

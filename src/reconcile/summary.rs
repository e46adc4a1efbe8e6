//! What some days came to: rows by what became of them, and the exceptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bucket, Facts, FindingKind, Outcome, ReceiptOutcome, RowOutcome, Sides, Tally};
use crate::vn::Day;

/// What some days of a provider came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunSummary {
    /// All rows, counted by themselves.
    pub rows: Tally,
    pub matched: Tally,
    /// Rows that somebody has to look at, or the ledger to follow.
    pub exceptions: Tally,
    /// Rows of no concern to receipts.
    pub ignored: Tally,
    /// Rows that could not be read; they have no amount.
    pub bad: Tally,
    /// Rows, receipts and notices by kind; a receipt that has a row is counted by the row.
    pub by_kind: BTreeMap<FindingKind, Tally>,
}

impl RunSummary {
    /// Whether every row is in exactly one part, by count and by amount.
    pub fn adds_up(&self) -> bool {
        let parts = [self.matched, self.exceptions, self.ignored, self.bad];
        parts.into_iter().fold(Tally::default(), Tally::plus) == self.rows
    }

    /// Both together, part by part.
    pub fn plus(mut self, other: &RunSummary) -> RunSummary {
        for (sum, part) in [
            (&mut self.rows, other.rows),
            (&mut self.matched, other.matched),
            (&mut self.exceptions, other.exceptions),
            (&mut self.ignored, other.ignored),
            (&mut self.bad, other.bad),
        ] {
            *sum = sum.plus(part);
        }
        for (kind, tally) in &other.by_kind {
            let sum = self.by_kind.entry(*kind).or_default();
            *sum = sum.plus(*tally);
        }
        self
    }
}

/// Something of some days that is no plain match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    pub kind: FindingKind,
    /// Its row, if it is one.
    pub row_no: Option<i64>,
    /// Its receipt or notice, if that is known.
    pub entry_no: Option<i64>,
    /// The amount of the row, else of the receipt.
    pub amount_vnd: i64,
    /// The day of the row, else of the receipt.
    pub day: Day,
    /// What its sentence tells.
    pub facts: Facts,
}

/// Sums up the rows, receipts and notices of the days that are asked for, and names what is no plain match, in the
/// order of rows, then receipts, then notices. `bad` is how many rows could not be read.
pub fn sum_up(
    sides: &Sides,
    outcome: &Outcome,
    is_here: impl Fn(Day) -> bool,
    bad: u64,
) -> (RunSummary, Vec<Exception>) {
    let mut summary = RunSummary {
        bad: Tally {
            count: bad,
            amount_vnd: 0,
        },
        ..RunSummary::default()
    };
    summary.rows.count = bad;
    if bad > 0 {
        summary.by_kind.insert(FindingKind::BadRow, summary.bad);
    }
    let mut exceptions = Vec::new();
    for row in sides.rows.iter().filter(|row| is_here(row.day)) {
        summary.rows.add(row.amount_vnd);
    }
    for (row, said) in sides
        .rows
        .iter()
        .zip(&outcome.rows)
        .filter(|(row, _)| is_here(row.day))
    {
        let part = match said.finding.bucket() {
            Bucket::Matched => &mut summary.matched,
            Bucket::Exceptions => &mut summary.exceptions,
            Bucket::Ignored => &mut summary.ignored,
            Bucket::Bad => &mut summary.bad,
        };
        part.add(row.amount_vnd);
        let Some(kind) = said.finding.kind() else { continue };
        summary.by_kind.entry(kind).or_default().add(row.amount_vnd);
        if said.finding.bucket() == Bucket::Exceptions {
            exceptions.push(Exception {
                kind,
                row_no: Some(row.no),
                entry_no: outcome.receipts_of(said).first().copied(),
                amount_vnd: row.amount_vnd,
                day: row.day,
                facts: row_facts(sides, outcome, row.amount_vnd, row.day, said),
            });
        }
    }
    let receipts = sides.receipts.iter().zip(&outcome.receipts);
    for (receipt, said) in receipts.filter(|(receipt, _)| is_here(receipt.day)) {
        // What has a part is counted by its row.
        if said.kind.bucket().is_none() {
            summary
                .by_kind
                .entry(said.kind)
                .or_default()
                .add(receipt.amount_vnd);
            if said.kind == FindingKind::MissingInStatement {
                exceptions.push(alone(said.kind, said, receipt.amount_vnd, receipt.day));
            }
        }
    }
    let notices = sides.notices.iter().zip(&outcome.notices);
    for (notice, said) in notices.filter(|(notice, _)| is_here(notice.day)) {
        let Some(kind) = said.kind.filter(|kind| kind.bucket().is_none()) else {
            continue;
        };
        summary.by_kind.entry(kind).or_default().add(notice.amount_vnd);
        exceptions.push(Exception {
            kind,
            row_no: None,
            entry_no: Some(notice.no),
            amount_vnd: notice.amount_vnd,
            day: notice.day,
            facts: Facts {
                receipt_vnd: Some(notice.amount_vnd),
                receipt_day: Some(notice.day),
                ..Facts::default()
            },
        });
    }
    (summary, exceptions)
}

fn alone(kind: FindingKind, said: &ReceiptOutcome, amount_vnd: i64, day: Day) -> Exception {
    Exception {
        kind,
        row_no: None,
        entry_no: Some(said.no),
        amount_vnd,
        day,
        facts: Facts {
            receipt_vnd: Some(amount_vnd),
            receipt_day: Some(day),
            ..Facts::default()
        },
    }
}

fn row_facts(sides: &Sides, outcome: &Outcome, row_vnd: i64, row_day: Day, said: &RowOutcome) -> Facts {
    use super::Finding;
    let tied = outcome.receipts_of(said);
    let known = tied.iter().filter_map(|no| {
        let at = sides
            .receipts
            .binary_search_by_key(no, |receipt| receipt.no)
            .ok()?;
        Some(&sides.receipts[at])
    });
    let receipts: Vec<_> = known.collect();
    Facts {
        row_vnd: Some(row_vnd),
        row_day: Some(row_day),
        receipt_vnd: (!receipts.is_empty()).then(|| receipts.iter().map(|r| r.amount_vnd).sum()),
        receipt_day: receipts.first().map(|r| r.day),
        receipts: match said.finding {
            Finding::Ambiguous { candidates } => Some(candidates),
            _ => Some(tied.len() as u32).filter(|n| *n > 0),
        },
        fee_gap_vnd: match said.finding {
            Finding::FeeDiffers { gap_vnd } => Some(gap_vnd),
            _ => None,
        },
        is_final: matches!(said.finding, Finding::StatusDiffers { is_final: true }),
    }
}

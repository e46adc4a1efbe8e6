//! The days of a provider as both sides stand: what a comparison changes of what was found and corrected before, what
//! closed days hold back, and what the days come to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Correction, Exception, Finding, FindingKind, Outcome, RowOutcome, RunSummary, Sides, Tied, sum_up,
};
use crate::statement::RowKind;
use crate::vn::{Day, DayRange};

/// A row further than this from its receipt is kept with it as a pair, so that each is loaded with the other.
pub const DISTANT_DAYS: u64 = 3;
/// Days around those asked for in which what is found of a row may change.
const DAYS_CHANGED: i64 = 3;
/// Days around those asked for that are to be loaded, so that a row that may change has every partner that is not
/// distant.
pub const DAYS_AROUND: i64 = DAYS_CHANGED + DISTANT_DAYS as i64;

/// Both sides of some days, and what was found of them before.
#[derive(Debug, Default)]
pub struct Window {
    pub sides: Sides,
    /// What was found of each kept row before, in the order of their numbers.
    pub previous: Vec<PreviousFinding>,
    /// Fresh rows that another file had: they are not in the sides.
    pub repeated: HashSet<i64>,
    /// What rows of these days have corrected so far, by row, receipt and reason; a row 0 is a person's word about a
    /// receipt without one.
    pub corrected: HashMap<(i64, i64, FindingKind), Corrected>,
    /// The provider's days that are closed.
    pub closed: HashSet<Day>,
}

/// What a row has corrected of a receipt so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// Day of the row, else of the receipt.
    pub row_day: Day,
    /// Day of the receipt.
    pub receipt_day: Day,
    /// By how much, đồng.
    pub amount_vnd: i64,
}

/// What matching found of a kept row the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousFinding {
    pub row_no: i64,
    /// The word of its kind, or why it is ignored.
    pub word: Arc<str>,
    /// The number that belongs to the finding.
    pub detail: i64,
    /// The pass, or empty.
    pub pass: Arc<str>,
    /// Days between row and receipt.
    pub shift_days: i64,
    pub receipt_no: Option<i64>,
}

/// What matching found of a row, as it is kept and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFinding {
    /// The word of its kind, or why it is ignored.
    pub word: &'static str,
    /// The number that belongs to the finding: a difference in đồng, a count, another row, 1 for yes.
    pub detail: i64,
    /// The pass that found its receipt, or empty.
    pub pass: &'static str,
    /// How many days lie between row and receipt.
    pub shift_days: i64,
    /// Its receipt, where it has one.
    pub receipt_no: Option<i64>,
    /// Its receipts, where it stands for many.
    pub lump: Vec<i64>,
}

impl RowFinding {
    /// What an outcome found of one of its rows.
    pub fn of(outcome: &Outcome, row: &RowOutcome) -> RowFinding {
        let (ignored, detail) = match row.finding {
            Finding::Ignored(why) => (why.as_str(), 0),
            Finding::MatchedAuto { less_refund_vnd } => ("", less_refund_vnd),
            Finding::Lump { less_vnd } => ("", less_vnd),
            Finding::AmountDiffers { difference_vnd } => ("", difference_vnd),
            Finding::DuplicateRow { of, .. } => ("", of),
            Finding::Ambiguous { candidates } => ("", i64::from(candidates)),
            Finding::Reversed { payment_row } => ("", payment_row.unwrap_or_default()),
            Finding::FeeDiffers { gap_vnd } => ("", gap_vnd),
            Finding::StatusDiffers { is_final } => ("", i64::from(is_final)),
            Finding::MissingNotice { is_id_shared } => ("", i64::from(is_id_shared)),
            _ => ("", 0),
        };
        let tied = outcome.receipts_of(row);
        RowFinding {
            word: row.finding.kind().map_or(ignored, |kind| kind.as_str()),
            detail,
            pass: row.by.map_or("", |pass| pass.as_str()),
            shift_days: i64::from(row.shift_days),
            receipt_no: match tied {
                [only] => Some(*only),
                _ => None,
            },
            lump: if tied.len() > 1 { tied.to_vec() } else { Vec::new() },
        }
    }

    /// Whether it says what was found before. A row that the ledger was given and took for known keeps its mark.
    fn repeats(&self, before: &PreviousFinding) -> bool {
        *before.word == *self.word
            && before.detail == self.detail
            && *before.pass == *self.pass
            && before.shift_days == self.shift_days
            && (before.receipt_no == self.receipt_no || !self.lump.is_empty())
    }
}

/// A row and its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistantPair {
    pub row_no: i64,
    pub row_day: Day,
    pub receipt_no: i64,
    pub receipt_day: Day,
}

impl DistantPair {
    /// Whether the two are loaded with each other only because the pair is kept.
    pub fn is_distant(&self) -> bool {
        self.row_day.number().abs_diff(self.receipt_day.number()) > DISTANT_DAYS
    }
}

/// What is to be written after a comparison.
#[derive(Debug, Default)]
pub struct Changes {
    /// Rows of which something else is found than before.
    pub findings: Vec<(i64, RowFinding)>,
    pub corrections: Vec<Correction>,
    pub distant: Vec<DistantPair>,
    /// How many changes closed days hold back.
    pub waiting: usize,
}

/// A day of a provider, đồng: opening + receipts - reversals - fees = settled + closing. Closing is what the provider
/// still has of the stalls' money, or what no row has shown yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BookDay {
    /// What was open before.
    pub opening_vnd: i64,
    /// Payments of the day, as they stand by the statement.
    pub receipts_vnd: i64,
    /// How many receipts the day has.
    pub receipts: i64,
    /// What went back on the day.
    pub reversals_vnd: i64,
    /// Fees, their tax and discounts that the provider kept of what it settled on the day.
    pub fees_vnd: i64,
    /// What was paid out on the day, less what was taken back.
    pub settled_vnd: i64,
    /// What is open after it.
    pub closing_vnd: i64,
}

impl BookDay {
    /// Whether opening + receipts - reversals - fees = settled + closing.
    pub fn adds_up(&self) -> bool {
        self.opening_vnd + self.receipts_vnd - self.reversals_vnd - self.fees_vnd
            == self.settled_vnd + self.closing_vnd
    }
}

/// The figures of a day that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Rows by what became of them.
    pub summary: RunSummary,
    /// Receipts held of the day, their sum by their notices, and the digest of docs/spec/contract.md, section 3.
    pub held: u64,
    /// What they come to, đồng.
    pub held_vnd: i64,
    /// SHA-256, hexadecimal.
    pub digest: String,
    pub book: BookDay,
}

/// What some days come to.
#[derive(Debug, Clone)]
pub struct DaysTotals {
    /// The sums; of a closed day those that were fixed.
    pub summary: RunSummary,
    /// What is no plain match, as it is now.
    pub exceptions: Vec<Exception>,
    /// Changes that wait for a closed day to be restated.
    pub waiting: usize,
}

impl Window {
    /// What is found otherwise than before, and what that changes of receipts, among the days in which that may be.
    /// Closed days hold it back, but for the one that is restated.
    pub fn changes(&self, outcome: &Outcome, days: DayRange, restated: Option<Day>) -> Changes {
        let days = days.widened(DAYS_CHANGED);
        let is_fixed = |days: &[Day]| {
            let is_restated = restated.is_some_and(|day| days.contains(&day));
            !is_restated && days.iter().any(|day| self.closed.contains(day))
        };
        let mut changes = Changes::default();
        let rows = &self.sides.rows;
        for before in &self.previous {
            let Ok(at) = rows.binary_search_by_key(&before.row_no, |row| row.no) else {
                continue;
            };
            let found = RowFinding::of(outcome, &outcome.rows[at]);
            if found.repeats(before) || !days.contains(rows[at].day) {
                continue;
            }
            if is_fixed(&[rows[at].day]) {
                changes.waiting += 1;
            } else {
                changes.findings.push((before.row_no, found));
            }
        }
        for (row, found) in rows.iter().zip(&outcome.rows) {
            if !days.contains(row.day) {
                continue;
            }
            let is_unnotified =
                matches!(found.finding, Finding::MissingNotice { .. }) && found.tied == Tied::No;
            changes.waiting += usize::from(is_unnotified && is_fixed(&[row.day]));
            // The shift of money back is counted from the refund, and of a lump from its first receipt.
            let may_be_distant =
                row.kind != RowKind::Payment || u64::from(found.shift_days.unsigned_abs()) > DISTANT_DAYS;
            if may_be_distant {
                let receipts = outcome.receipts_of(found).iter();
                let pairs = receipts.filter_map(|receipt_no| {
                    Some(DistantPair {
                        row_no: row.no,
                        row_day: row.day,
                        receipt_no: *receipt_no,
                        receipt_day: self.receipt_day(*receipt_no)?,
                    })
                });
                changes.distant.extend(pairs.filter(DistantPair::is_distant));
            }
        }
        for wanted in self.corrections(outcome) {
            if !days.contains(wanted.row_day) {
                continue;
            }
            if is_fixed(&[wanted.row_day, wanted.receipt_day]) {
                changes.waiting += 1;
            } else {
                changes.corrections.push(wanted);
            }
        }
        changes
    }

    fn receipt_day(&self, receipt_no: i64) -> Option<Day> {
        let receipts = &self.sides.receipts;
        let at = receipts
            .binary_search_by_key(&receipt_no, |receipt| receipt.no)
            .ok()?;
        Some(receipts[at].day)
    }

    /// What rows correct now where it is not what they corrected before, also to nothing, each for its own reason.
    /// What is given back comes first, since less than nothing is never left.
    fn corrections(&self, outcome: &Outcome) -> Vec<Correction> {
        let before = |of: &Correction| {
            let known = self.corrected.get(&(of.row_no, of.receipt_no, of.because));
            known.map_or(0, |known| known.amount_vnd)
        };
        let wanted: HashSet<_> = outcome
            .corrections
            .iter()
            .map(|wanted| (wanted.row_no, wanted.receipt_no, wanted.because))
            .collect();
        let gone = self.corrected.iter().filter(|(of, _)| !wanted.contains(of));
        let gone = gone.map(|((row_no, receipt_no, because), known)| Correction {
            row_no: *row_no,
            receipt_no: *receipt_no,
            row_day: known.row_day,
            receipt_day: known.receipt_day,
            because: *because,
            amount_vnd: 0,
        });
        let mut changed: Vec<Correction> = outcome.corrections.iter().copied().chain(gone).collect();
        changed.retain(|of| of.amount_vnd != before(of));
        changed.sort_unstable_by_key(|of| (of.amount_vnd < before(of), *of));
        changed
    }

    /// What the days come to. `bad` are the days of rows that could not be read, `closed` the figures of the closed
    /// days among them and of the day before.
    pub fn totals(
        &self,
        outcome: &Outcome,
        days: DayRange,
        bad: &[Day],
        closed: &BTreeMap<Day, DayFigures>,
    ) -> DaysTotals {
        let bad_of = |is_it: &dyn Fn(Day) -> bool| bad.iter().filter(|day| is_it(**day)).count() as u64;
        let is_here = |day: Day| days.contains(day);
        let (mut summary, exceptions) = sum_up(&self.sides, outcome, is_here, bad_of(&is_here));
        let closed_here: Vec<_> = closed.iter().filter(|(day, _)| days.contains(**day)).collect();
        if !closed_here.is_empty() {
            let is_open = |day: Day| is_here(day) && !self.closed.contains(&day);
            summary = sum_up(&self.sides, outcome, is_open, bad_of(&is_open)).0;
        }
        let mut moved = 0;
        for (day, fixed) in closed_here {
            // The day before may have been restated since.
            let before = closed.get(&day.plus(-1));
            let opens_elsewhere =
                before.is_some_and(|before| before.book.closing_vnd != fixed.book.opening_vnd);
            let has_moved = self.has_moved(outcome, *day, bad_of(&|other| other == *day), fixed);
            moved += usize::from(has_moved || opens_elsewhere);
            summary = summary.plus(&fixed.summary);
        }
        DaysTotals {
            summary,
            exceptions,
            waiting: self.changes(outcome, days, None).waiting.max(moved),
        }
    }

    /// Whether rows or receipts of a closed day are others than when it was closed.
    fn has_moved(&self, outcome: &Outcome, day: Day, bad: u64, fixed: &DayFigures) -> bool {
        let receipts = self.sides.receipts.iter().filter(|receipt| receipt.day == day);
        let (held, held_vnd) = receipts.fold((0, 0), |(n, vnd), receipt| (n + 1, vnd + receipt.amount_vnd));
        let (now, _) = sum_up(&self.sides, outcome, |other| other == day, bad);
        let parts = |s: &RunSummary| [s.rows, s.matched, s.exceptions, s.ignored, s.bad];
        (held, held_vnd) != (fixed.held, fixed.held_vnd) || parts(&now) != parts(&fixed.summary)
    }
}

/// Whether money went back for a payment that no notice told of either: it is found once that is posted.
pub fn has_money_back(outcome: &Outcome) -> bool {
    let is_back = |finding| matches!(finding, Finding::Reversed { payment_row: Some(_) });
    outcome.rows.iter().any(|found| is_back(found.finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{Key128, Payee, ReceiptSide, RowSide, Rules, match_sides};
    use crate::statement::RowStatus;

    const RECEIPT_NO: i64 = 7;
    const ROW_NO: i64 = 70;

    fn day() -> Day {
        Day::ymd(2026, 6, 15)
    }

    fn the_day() -> DayRange {
        (day(), day()).into()
    }

    /// A receipt of 50.000 đ and its row, which says 49.000 đ, kept before without a finding.
    fn window() -> Window {
        let txn = Key128::of(&["T1"]);
        let noon = crate::vn::TimeMs(day().start().0 + 12 * 3_600_000);
        let mut window = Window::default();
        window.sides.receipts = vec![ReceiptSide {
            no: RECEIPT_NO,
            txn,
            bank_ref: None,
            household: 1,
            stall: None,
            amount_vnd: 50_000,
            refunded_vnd: 0,
            day: day(),
            occurred_at: Some(noon),
            posted_at: noon,
            posted_from_row: None,
        }];
        window.sides.rows = vec![RowSide {
            shape: 0,
            no: ROW_NO,
            content: Key128::of(&["row"]),
            kind: RowKind::Payment,
            status: RowStatus::Settled,
            txn: Some(txn),
            refund_of: None,
            bank_ref: None,
            payee: Payee::NotNamed,
            stall_in_note: None,
            amount_vnd: 49_000,
            fee_gap_vnd: 0,
            day: day(),
            occurred_at: Some(noon),
            parts: 1,
            valued_days_before: 0,
        }];
        window.previous = vec![PreviousFinding {
            row_no: ROW_NO,
            word: "".into(),
            detail: 0,
            pass: "".into(),
            shift_days: 0,
            receipt_no: None,
        }];
        window
    }

    fn compared(window: &mut Window) -> Outcome {
        match_sides(&mut window.sides, &Rules::usual(day(), day().plus(-1)))
    }

    /// Keeps what changed, as the store does.
    fn keep(window: &mut Window, changes: &Changes) {
        for (row_no, found) in &changes.findings {
            let kept = window.previous.iter_mut().find(|kept| kept.row_no == *row_no);
            *kept.expect("a kept row") = PreviousFinding {
                row_no: *row_no,
                word: found.word.into(),
                detail: found.detail,
                pass: found.pass.into(),
                shift_days: found.shift_days,
                receipt_no: found.receipt_no,
            };
        }
        for made in &changes.corrections {
            let corrected = Corrected {
                row_day: made.row_day,
                receipt_day: made.receipt_day,
                amount_vnd: made.amount_vnd,
            };
            window
                .corrected
                .insert((made.row_no, made.receipt_no, made.because), corrected);
        }
    }

    #[test]
    fn what_is_found_is_written_once() {
        let mut window = window();
        let outcome = compared(&mut window);
        let changes = window.changes(&outcome, the_day(), None);
        assert_eq!(changes.findings.len(), 1);
        assert_eq!(changes.findings[0].1.word, "amount_differs");
        let amounts = |changes: &Changes| {
            changes
                .corrections
                .iter()
                .map(|c| c.amount_vnd)
                .collect::<Vec<_>>()
        };
        assert_eq!(amounts(&changes), [-1_000]);
        keep(&mut window, &changes);
        let again = window.changes(&outcome, the_day(), None);
        assert_eq!(
            (again.findings.len(), amounts(&again), again.waiting),
            (0, vec![], 0)
        );
    }

    #[test]
    fn a_correction_without_its_row_goes_back_to_nothing() {
        let mut window = window();
        let outcome = compared(&mut window);
        let changes = window.changes(&outcome, the_day(), None);
        keep(&mut window, &changes);
        window.sides.rows.clear();
        window.previous.clear();
        let outcome = compared(&mut window);
        let changes = window.changes(&outcome, the_day(), None);
        assert_eq!(changes.corrections.len(), 1);
        assert_eq!(changes.corrections[0].amount_vnd, 0);
        // Days that were not asked for, or around them, are left alone.
        let elsewhere = (day().plus(DAYS_CHANGED + 1), day().plus(30)).into();
        assert!(window.changes(&outcome, elsewhere, None).corrections.is_empty());
    }

    #[test]
    fn a_closed_day_holds_back_until_it_is_restated() {
        let mut window = window();
        window.closed.insert(day());
        let outcome = compared(&mut window);
        let held = window.changes(&outcome, the_day(), None);
        assert_eq!(
            (held.findings.len(), held.corrections.len(), held.waiting),
            (0, 0, 2)
        );
        let restated = window.changes(&outcome, the_day(), Some(day()));
        assert_eq!(
            (
                restated.findings.len(),
                restated.corrections.len(),
                restated.waiting
            ),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_closed_day_keeps_its_figures_and_tells_what_moved() {
        let mut window = window();
        let outcome = compared(&mut window);
        let open = window.totals(&outcome, the_day(), &[], &BTreeMap::new());
        let figures = |closing_vnd: i64, opening_vnd: i64| DayFigures {
            summary: open.summary.clone(),
            held: 1,
            held_vnd: 50_000,
            digest: String::new(),
            book: BookDay {
                opening_vnd,
                closing_vnd,
                ..BookDay::default()
            },
        };
        let changes = window.changes(&outcome, the_day(), None);
        keep(&mut window, &changes);
        window.closed.insert(day());
        let mut closed = BTreeMap::from([(day(), figures(0, 5))]);
        let totals = window.totals(&outcome, the_day(), &[], &closed);
        assert_eq!((&totals.summary, totals.waiting), (&open.summary, 0));
        // A row that cannot be read came, which the figures do not count.
        let totals = window.totals(&outcome, the_day(), &[day()], &closed);
        assert_eq!((&totals.summary, totals.waiting), (&open.summary, 1));
        // The day before was restated and ends with another sum than this one begins with.
        closed.insert(day().plus(-1), figures(6, 0));
        assert_eq!(window.totals(&outcome, the_day(), &[], &closed).waiting, 1);
        closed.insert(day().plus(-1), figures(5, 0));
        assert_eq!(window.totals(&outcome, the_day(), &[], &closed).waiting, 0);
    }
}

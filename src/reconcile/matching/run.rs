//! One run of the matcher: what is still open on either side, and what has been said so far.

use std::collections::HashMap;

use crate::vn::{Day, TimeMs};

use super::outcome::{Correction, Finding, Ignored, NoticeOutcome, Outcome, Pass};
use super::outcome::{ReceiptOutcome, RefundOutcome};
use super::outcome::{RowOutcome, Tied};
use super::same_payment::Identity;
use super::{FindingKind, NoticeState, Payee, ReceiptSide, RowSide, Rules, Sides};
use crate::statement::{RowKind, RowStatus};

/// Stands for the row of what a person decided about a receipt without one.
pub(super) const NO_ROW: i64 = 0;

/// What is known so far while the passes go over the two sides. Positions are those of the sorted sides.
pub(super) struct Run<'s> {
    pub(super) sides: &'s Sides,
    pub(super) rules: &'s Rules,
    /// What was found of a row; none while it is open.
    pub(super) found: Vec<Option<RowOutcome>>,
    /// What was found of a receipt: its kind and its row's number; none while it is free.
    pub(super) taken: Vec<Option<(FindingKind, i64)>>,
    /// What rows say went back, beyond what is known.
    pub(super) newly_back_vnd: Vec<i64>,
    /// What rows say is left of receipts, more or less.
    pub(super) corrections: Vec<Correction>,
    /// Their sums, by receipt.
    pub(super) corrected_vnd: HashMap<u32, i64>,
    /// The row of a known refund and whether they agree.
    pub(super) refund_rows: Vec<Option<(FindingKind, i64)>>,
    /// How many receipts an open row could be; 0 while nothing speaks for doubt.
    pub(super) row_doubts: Vec<u32>,
    /// Whether a free receipt could be more than one row's.
    pub(super) receipt_doubts: Vec<bool>,
    /// Receipts of rows that have many.
    pub(super) many: Vec<i64>,
    /// What is known of rows of different files that may be one payment.
    pub(super) identity: Identity,
}

impl<'s> Run<'s> {
    pub(super) fn new(sides: &'s Sides, rules: &'s Rules) -> Run<'s> {
        let rows = sides.rows.len();
        let receipts = sides.receipts.len();
        Run {
            sides,
            rules,
            found: vec![None; rows],
            taken: vec![None; receipts],
            newly_back_vnd: vec![0; receipts],
            corrections: Vec::new(),
            corrected_vnd: HashMap::new(),
            refund_rows: vec![None; sides.refunds.len()],
            row_doubts: vec![0; rows],
            receipt_doubts: vec![false; receipts],
            many: Vec::new(),
            identity: Identity::default(),
        }
    }

    pub(super) fn row(&self, row: u32) -> &'s RowSide {
        &self.sides.rows[row as usize]
    }

    pub(super) fn receipt(&self, receipt: u32) -> &'s ReceiptSide {
        &self.sides.receipts[receipt as usize]
    }

    pub(super) fn is_open(&self, row: u32) -> bool {
        self.found[row as usize].is_none()
    }

    pub(super) fn is_free(&self, receipt: u32) -> bool {
        self.taken[receipt as usize].is_none()
    }

    /// Whether a row was found to be the same payment as another.
    pub(super) fn is_repeat(&self, row: u32) -> bool {
        let found = self.found[row as usize];
        found.is_some_and(|f| matches!(f.finding, Finding::DuplicateRow { .. }))
    }

    /// When a row was paid: as it says, else as the notice of its payment says.
    pub(super) fn time_of(&self, row: u32) -> Option<TimeMs> {
        let tied = self.found[row as usize].map(|found| found.tied);
        let heard = match tied {
            Some(Tied::One(no)) => self.receipt_at(no).and_then(|at| self.receipt(at).time()),
            _ => None,
        };
        self.row(row).occurred_at.or(heard)
    }

    /// Every row with its position.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, &'s RowSide)> + use<'s> {
        (0u32..).zip(&self.sides.rows)
    }

    /// Every receipt with its position.
    pub(super) fn receipts(&self) -> impl Iterator<Item = (u32, &'s ReceiptSide)> + use<'s> {
        (0u32..).zip(&self.sides.receipts)
    }

    /// The position of the row with this number, if it is there.
    pub(super) fn row_at(&self, no: i64) -> Option<u32> {
        let at = self.sides.rows.binary_search_by_key(&no, |r| r.no).ok()?;
        Some(at as u32)
    }

    /// The position of the receipt with this number, if it is there.
    pub(super) fn receipt_at(&self, no: i64) -> Option<u32> {
        let at = self.sides.receipts.binary_search_by_key(&no, |c| c.no).ok()?;
        Some(at as u32)
    }

    /// Says what an open row is.
    pub(super) fn find(&mut self, row: u32, finding: Finding) {
        self.find_tied(row, finding, None, Tied::No, 0);
    }

    /// Says what an open row is, and of which receipts.
    ///
    /// # Panics
    /// If it was said before: a row is in one bucket.
    pub(super) fn find_tied(
        &mut self,
        row: u32,
        finding: Finding,
        by: Option<Pass>,
        tied: Tied,
        shift_days: i32,
    ) {
        let no = self.row(row).no;
        let outcome = RowOutcome {
            no,
            finding,
            by,
            tied,
            shift_days,
        };
        let before = self.found[row as usize].replace(outcome);
        assert!(before.is_none(), "row {no} is in one bucket");
    }

    /// What is left of a receipt by what rows said so far.
    pub(super) fn left_vnd(&self, receipt: u32) -> i64 {
        let corrected_vnd = self.corrected_vnd.get(&receipt).copied().unwrap_or_default();
        (self.receipt(receipt).left_vnd() + corrected_vnd).max(0)
    }

    /// Takes a free receipt.
    ///
    /// # Panics
    /// If it is taken: no pass uses a receipt twice.
    pub(super) fn take(&mut self, receipt: u32, kind: FindingKind, row_no: i64) {
        let before = self.taken[receipt as usize].replace((kind, row_no));
        assert!(before.is_none(), "a receipt is used once");
    }

    /// Keeps the receipts of a row that has many.
    pub(super) fn keep_many(&mut self, receipt_nos: &[i64]) -> Tied {
        let from = self.many.len() as u32;
        self.many.extend(receipt_nos);
        Tied::Many {
            from,
            count: receipt_nos.len() as u32,
        }
    }

    /// An open row and a free receipt are one payment: says what that makes of both.
    pub(super) fn tie(&mut self, row: u32, receipt: u32, by: Pass) {
        let r = self.row(row);
        let c = self.receipt(receipt);
        let finding = self.judge(r, c, by);
        let (kind, row_no) = match (finding, c.posted_from_row) {
            // The row that posted it is not among these; it stays that row's receipt.
            (Finding::DuplicateRow { .. }, Some(first)) => (FindingKind::MissingNotice, first),
            // The fee is the file's matter; the receipt stands.
            (Finding::FeeDiffers { .. }, _) => (FindingKind::MatchedAuto, r.no),
            (finding, _) => (finding.kind().unwrap_or(FindingKind::MatchedAuto), r.no),
        };
        match finding {
            Finding::AmountDiffers { difference_vnd } => {
                self.correct(row, receipt, FindingKind::AmountDiffers, difference_vnd);
            }
            Finding::StatusDiffers { is_final: true } => {
                self.correct(row, receipt, FindingKind::StatusDiffers, -c.left_vnd());
            }
            _ => {}
        }
        self.take(receipt, kind, row_no);
        self.find_tied(row, finding, Some(by), Tied::One(c.no), shift_days(r, c));
    }

    /// A row says that this much more, or less, is left of a receipt.
    pub(super) fn correct(&mut self, row: u32, receipt: u32, because: FindingKind, amount_vnd: i64) {
        let r = self.row(row);
        let c = self.receipt(receipt);
        *self.corrected_vnd.entry(receipt).or_default() += amount_vnd;
        self.corrections.push(Correction {
            row_no: r.no,
            receipt_no: c.no,
            row_day: r.day,
            receipt_day: c.day,
            because,
            amount_vnd,
        });
    }

    /// What a row and its receipt say together. The first difference names them, in the order in which a
    /// person would have to settle them: whose money, whether it came, how much, when, and what it cost.
    fn judge(&self, r: &RowSide, c: &ReceiptSide, by: Pass) -> Finding {
        if c.posted_from_row == Some(r.no) {
            return Finding::MissingNotice { is_id_shared: false };
        }
        if let Some(of) = c.posted_from_row {
            // The same money again, from another export: never a second payment.
            return Finding::DuplicateRow {
                of,
                is_same_content: false,
            };
        }
        if !r.may_pay(c.household) {
            return Finding::UnknownAccount;
        }
        if r.status != RowStatus::Settled {
            let is_final = r.day <= self.rules.final_through;
            return Finding::StatusDiffers { is_final };
        }
        let is_less_refund = c.refunded_vnd > 0 && r.amount_vnd == c.left_vnd();
        if r.amount_vnd != c.amount_vnd && !is_less_refund {
            let difference_vnd = r.amount_vnd - c.amount_vnd;
            return Finding::AmountDiffers { difference_vnd };
        }
        if by.is_tie() && !self.is_day_allowed(r.day, c) {
            return Finding::DateDiffers;
        }
        if r.fee_gap_vnd != 0 {
            return Finding::FeeDiffers {
                gap_vnd: r.fee_gap_vnd,
            };
        }
        Finding::MatchedAuto {
            less_refund_vnd: c.amount_vnd - r.amount_vnd,
        }
    }

    /// Whether a row of this day can be the receipt's: the receipt's own day, the provider's day of it, and
    /// the slack around both.
    pub(super) fn is_day_allowed(&self, day: Day, c: &ReceiptSide) -> bool {
        let own = c.day;
        let expected = c.expected_day(self.rules);
        let first = own.min(expected);
        let last = own.max(expected);
        let slack_days = self.rules.date_slack_days;
        first.plus(-slack_days) <= day && day <= last.plus(slack_days)
    }

    /// Marks rows and receipts that could be each other's; without receipts, rows that there is some other
    /// doubt about.
    pub(super) fn doubt(&mut self, rows: &[u32], receipts: &[u32]) {
        for row in rows {
            let doubt = &mut self.row_doubts[*row as usize];
            *doubt = (*doubt).max(receipts.len() as u32).max(1);
        }
        for receipt in receipts {
            self.receipt_doubts[*receipt as usize] = true;
        }
    }

    /// Names what no pass found a partner for, and puts everything in its list.
    pub(super) fn finish(mut self) -> Outcome {
        for (at, row) in self.rows() {
            if self.is_open(at) {
                let finding = self.leftover(at, row, self.row_doubts[at as usize]);
                self.find(at, finding);
            }
        }
        let receipts = self
            .receipts()
            .map(|(at, c)| self.receipt_outcome(at, c))
            .collect();
        let refunds = self.refund_outcomes();
        let notices = self.notice_outcomes();
        // Nothing is open any more; mapped one to one, the outcome takes over the room of what was found.
        let rows: Vec<RowOutcome> = self.found.into_iter().map_while(|found| found).collect();
        assert_eq!(rows.len(), self.sides.rows.len(), "each row is in a bucket");
        self.corrections.retain(|correction| correction.amount_vnd != 0);
        self.corrections.sort_unstable();
        let pair = |c: &Correction| (c.row_no, c.receipt_no);
        assert!(
            self.corrections.is_sorted_by(|a, b| pair(a) < pair(b)),
            "a row corrects a receipt once"
        );
        Outcome {
            rows,
            receipts,
            notices,
            refunds,
            corrections: self.corrections,
            many: self.many,
            ..Outcome::default()
        }
    }

    fn leftover(&self, at: u32, row: &RowSide, candidates: u32) -> Finding {
        let is_settled = row.status == RowStatus::Settled;
        match row.kind {
            RowKind::Fee => Finding::Ignored(Ignored::FeeLine),
            _ if !is_settled => Finding::Ignored(Ignored::NotPaid),
            RowKind::Payment if row.payee == Payee::Unknown => Finding::UnknownAccount,
            _ if candidates > 0 => Finding::Ambiguous { candidates },
            RowKind::Refund => Finding::Ignored(Ignored::RefundWithoutPayment),
            RowKind::Outgoing => Finding::Ignored(Ignored::Outgoing),
            // Posting a sum as one receipt would count one payment where there were many.
            RowKind::Payment if row.states_lump() => Finding::Ambiguous { candidates },
            RowKind::Payment if row.household().or(row.stall()).is_none() => Finding::UnknownAccount,
            RowKind::Payment => self.missing_notice(at),
        }
    }

    /// What a row is that no other one and no receipt is the payment of, as a person said. Its id may be another
    /// payment's too, so the ledger must not take it for that one.
    pub(super) fn on_its_own(&self, at: u32) -> Finding {
        match self.leftover(at, self.row(at), 0) {
            Finding::MissingNotice { .. } => Finding::MissingNotice { is_id_shared: true },
            other => other,
        }
    }

    /// A payment that only the statement tells of.
    pub(super) fn missing_notice(&self, row: u32) -> Finding {
        Finding::MissingNotice {
            is_id_shared: self.identity.is_shared(row),
        }
    }

    fn receipt_outcome(&self, at: u32, c: &ReceiptSide) -> ReceiptOutcome {
        let newly_back_vnd = self.newly_back_vnd[at as usize];
        let taken = self.taken[at as usize];
        let is_all_back = c.refunded_vnd.saturating_add(newly_back_vnd) >= c.amount_vnd;
        let agrees = taken.is_none_or(|(kind, _)| {
            matches!(
                kind,
                FindingKind::MatchedAuto | FindingKind::Lump | FindingKind::MissingNotice
            )
        });
        let kind = match taken {
            _ if is_all_back && agrees => FindingKind::Reversed,
            Some((kind, _)) => kind,
            None if c.posted_from_row.is_some() => FindingKind::MissingNotice,
            None if self.receipt_doubts[at as usize] => FindingKind::Ambiguous,
            None => self.without_row(c.day),
        };
        ReceiptOutcome {
            no: c.no,
            kind,
            row_no: taken
                .map(|(_, row_no)| row_no)
                .filter(|row_no| *row_no != NO_ROW)
                .or(c.posted_from_row),
            newly_back_vnd,
        }
    }

    fn without_row(&self, day: Day) -> FindingKind {
        if day <= self.rules.missing_through {
            FindingKind::MissingInStatement
        } else {
            FindingKind::AwaitingStatement
        }
    }

    fn refund_outcomes(&self) -> Vec<RefundOutcome> {
        let refunds = self.sides.refunds.iter().zip(&self.refund_rows);
        let outcome = refunds.map(|(f, taken)| RefundOutcome {
            no: f.no,
            kind: match (taken, f.posted_from_row) {
                (Some((kind, _)), _) => *kind,
                (None, Some(_)) => FindingKind::Reversed,
                (None, None) => self.without_row(f.day),
            },
            row_no: taken.map(|(_, row_no)| row_no).or(f.posted_from_row),
        });
        outcome.collect()
    }

    /// Items that are no receipt, each with the first row of its transaction that found no receipt either.
    fn notice_outcomes(&self) -> Vec<NoticeOutcome> {
        let notices = (0u32..).zip(&self.sides.notices).map(|(at, n)| (n.txn, at));
        let rows = self.rows().filter(|(at, _)| {
            let found = self.found[*at as usize];
            found.is_some_and(|f| f.tied == Tied::No && !matches!(f.finding, Finding::DuplicateRow { .. }))
        });
        let rows = rows.filter_map(|(at, r)| Some((r.txn?, at)));
        let mut row_of = vec![None; self.sides.notices.len()];
        for (notices, rows) in super::join::Groups::join(notices, rows).iter() {
            for notice in notices {
                let waits_for_refund =
                    self.sides.notices[*notice as usize].state == NoticeState::RefundWaiting;
                let row = rows
                    .iter()
                    .find(|row| self.row(**row).is_out() == waits_for_refund);
                row_of[*notice as usize] = row.map(|row| self.row(*row).no);
            }
        }
        let notices = self.sides.notices.iter().zip(row_of);
        let outcome = notices.map(|(n, row_no)| NoticeOutcome {
            no: n.no,
            kind: match n.state {
                NoticeState::SameIdOtherContent => Some(FindingKind::DuplicateNotice),
                NoticeState::UnknownAccount => Some(FindingKind::UnknownAccount),
                _ => None,
            },
            row_no,
        });
        outcome.collect()
    }
}

/// How many days later than its receipt a row is listed.
fn shift_days(r: &RowSide, c: &ReceiptSide) -> i32 {
    // Days are 32 bits wide, and years end at 9999.
    (r.day.number() - c.day.number()) as i32
}

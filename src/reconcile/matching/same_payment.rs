//! What a run knows of rows of different files that may be one payment.

use std::collections::{HashMap, HashSet};

use super::RowSide;

/// Files that a chain of rows which may be one payment is followed through.
const STEPS_MAX: usize = 32;

/// What is known of how files number their rows, and of rows that may be one payment.
#[derive(Default)]
pub(super) struct Identity {
    /// For two files, the smaller number first: ids that both have and that name one amount, or different ones.
    pub numbering: HashMap<(i64, i64), (u32, u32)>,
    /// Rows whose id other payments have too.
    pub shared: HashSet<u32>,
    /// Rows that may be the same payment as another one that stands, and which.
    pub perhaps: HashMap<u32, u32>,
    /// Rows that stand, with files of which a row was found to be the same, or may be.
    pub covered: HashSet<(u32, i64)>,
}

impl Identity {
    /// Whether other payments have the id of a row too.
    pub fn is_shared(&self, row: u32) -> bool {
        self.shared.contains(&row)
    }

    /// The row of which this may be the same payment.
    pub fn perhaps_of(&self, row: u32) -> Option<u32> {
        self.perhaps.get(&row).copied()
    }

    /// The rows of which this may be the same payment, each the one that the one before may be.
    pub fn may_be(&self, row: u32) -> impl Iterator<Item = u32> {
        // A row of another file each time, so that more steps than this lead nowhere new.
        std::iter::successors(self.perhaps_of(row), |of| self.perhaps_of(*of)).take(STEPS_MAX)
    }

    /// Notes that a row of this file is the payment of a row that stands, or may be.
    pub fn cover(&mut self, standing: u32, file: i64) {
        self.covered.insert((standing, file));
    }

    fn numbering(&self, a: &RowSide, b: &RowSide) -> (u32, u32) {
        self.numbering.get(&files(a, b)).copied().unwrap_or_default()
    }

    /// The two files number their payments in one way: some id is the same payment in both.
    pub fn is_one_numbering(&self, a: &RowSide, b: &RowSide) -> bool {
        let (same, other) = self.numbering(a, b);
        same > other
    }

    /// A counter goes on from one file to the other: nothing that both number is numbered otherwise.
    pub fn goes_on(&self, a: &RowSide, b: &RowSide) -> bool {
        let (same, other) = self.numbering(a, b);
        same > 0 && other == 0
    }

    /// Their ids begin anew: they name different payments in both.
    pub fn is_anew(&self, a: &RowSide, b: &RowSide) -> bool {
        let (same, other) = self.numbering(a, b);
        other > same
    }
}

/// Their files, the smaller number first.
pub(super) fn files(a: &RowSide, b: &RowSide) -> (i64, i64) {
    (a.file().min(b.file()), a.file().max(b.file()))
}

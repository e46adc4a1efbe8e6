//! What a run knows of rows of different files that may be one payment.

use std::collections::{HashMap, HashSet};

use super::RowSide;

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

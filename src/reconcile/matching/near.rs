//! Passes 3 and 4: no id says which receipt a row is, only what it says of stall, account, amount and time.
//!
//! Rows and receipts that agree in stall and amount (pass 3) or account and amount (pass 4) form a group.
//! Inside it, a row and a receipt are candidates of each other if their times lie within the window, where
//! both have one, else if their days are equal, and after that if their days lie within the slack. What
//! hangs together through candidates is a *cluster*, and it is decided whole:
//!
//! - one row and one receipt are each other's only candidate: matched;
//! - as many rows as receipts, and all alike in household, stall, amount and day: matched in the order of
//!   time. Which of them takes which changes no figure of anybody, so pairing them is no guess about money;
//! - anything else is left for a later pass, and at the end all of it is ambiguous.

use crate::vn::{Day, TimeMs};

use super::cluster::{Cluster, Places, clusters};
use super::join::Groups;
use super::outcome::Pass;
use super::run::Run;
use super::{ReceiptSide, RowSide};

/// What a walk over the groups is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Match clusters that are decided within a day, leave the others.
    MatchOfDay,
    /// Match clusters that are decided, leave the others.
    Match,
    /// Match what has become decided since, and mark what has not.
    MatchOrDoubt,
}

/// Walks over all groups of a pass.
pub(super) fn walk(run: &mut Run<'_>, by: Pass, aim: Aim) {
    let groups = match by {
        Pass::StallAmountDay => Groups::join(
            rows(run).filter_map(|(at, r)| Some(((r.stall()?, r.amount_vnd), at))),
            receipts(run).filter_map(|(at, c)| Some(((c.stall?, c.amount_vnd), at))),
        ),
        _ => Groups::join(
            rows(run).filter_map(|(at, r)| Some(((r.household()?, r.amount_vnd), at))),
            receipts(run).map(|(at, c)| ((c.household, c.amount_vnd), at)),
        ),
    };
    for (rows, receipts) in groups.iter().filter(|(_, receipts)| !receipts.is_empty()) {
        let Some(household) = only_household(run, receipts) else {
            continue;
        };
        let rows: Vec<u32> = rows
            .iter()
            .copied()
            .filter(|row| run.row(*row).may_pay(household))
            .collect();
        let mut group = Group { run, by, aim };
        group.by_time(&rows, receipts);
        group.by_day(&rows, receipts);
        if aim != Aim::MatchOfDay {
            group.by_slack(&rows, receipts);
        }
    }
}

/// Rows that look for a receipt. What says of itself that it is a sum is no single payment, and what may be the payment
/// of a row that has its place, directly or by a row that waits itself, waits for a person.
fn rows<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r RowSide)> {
    run.rows().filter(move |(at, r)| {
        let may_be_found = || run.identity.may_be(*at).any(|of| !run.is_open(of));
        run.is_open(*at) && r.is_paid() && !r.states_lump() && !may_be_found()
    })
}

fn receipts<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r ReceiptSide)> {
    run.receipts().filter(move |(at, _)| run.is_free(*at))
}

/// Whose receipts they are; none if the stall changed hands among them, and then only the account can tell.
fn only_household(run: &Run<'_>, receipts: &[u32]) -> Option<u32> {
    let household = run.receipt(*receipts.first()?).household;
    let is_same = |receipt: &u32| run.receipt(*receipt).household == household;
    receipts.iter().all(is_same).then_some(household)
}

/// One group while its clusters are decided, the strongest evidence first.
struct Group<'r, 's> {
    run: &'r mut Run<'s>,
    by: Pass,
    aim: Aim,
}

impl Group<'_, '_> {
    fn open(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter()
            .copied()
            .filter(|row| self.run.is_open(*row))
            .collect()
    }

    fn free(&self, receipts: &[u32]) -> Vec<u32> {
        receipts
            .iter()
            .copied()
            .filter(|c| self.run.is_free(*c))
            .collect()
    }

    /// Both have a time: within the window.
    fn by_time(&mut self, rows: &[u32], receipts: &[u32]) {
        let row_times = self.open(rows).into_iter();
        let row_times = row_times.filter_map(|row| Some((self.run.row(row).occurred_at?.0, row)));
        let receipt_times = self.free(receipts).into_iter();
        let receipt_times = receipt_times.filter_map(|c| Some((self.run.receipt(c).time()?.0, c)));
        let clusters = clusters(
            row_times.collect(),
            receipt_times.collect(),
            self.run.rules.time_window_ms,
        );
        for cluster in clusters {
            self.decide(&cluster);
        }
    }

    /// One of the two has no time: the same day.
    fn by_day(&mut self, rows: &[u32], receipts: &[u32]) {
        let days = self.days_of(rows, receipts);
        for cluster in clusters(days.0, days.1, 0) {
            for part in self.without_time(cluster) {
                self.decide(&part);
            }
        }
    }

    /// Rows without a time, one day beside: only one to one.
    fn by_slack(&mut self, rows: &[u32], receipts: &[u32]) {
        let (row_days, receipt_days) = self.days_of(rows, receipts);
        let has_no_time = |row: &u32| self.run.row(*row).occurred_at.is_none();
        let row_days = row_days.into_iter().filter(|(_, row)| has_no_time(row)).collect();
        let slack_days = self.run.rules.date_slack_days;
        for cluster in clusters(row_days, receipt_days, slack_days) {
            match (cluster.rows.as_slice(), self.aim) {
                ([_], _) => self.decide(&cluster),
                (_, Aim::MatchOfDay | Aim::Match) => {}
                _ => self.run.doubt(&cluster.rows, &cluster.receipts),
            }
        }
    }

    fn days_of(&self, rows: &[u32], receipts: &[u32]) -> (Places, Places) {
        let rows = self.open(rows).into_iter();
        let rows = rows.map(|row| (self.run.row(row).day.number(), row));
        let receipts = self.free(receipts).into_iter();
        let receipts = receipts.map(|c| (self.run.receipt(c).expected_day(self.run.rules).number(), c));
        (rows.collect(), receipts.collect())
    }

    /// The parts of a day's cluster that hang together where two times would have been compared before: a
    /// row and a receipt that both have one are no candidates here.
    fn without_time(&self, cluster: Cluster) -> Vec<Cluster> {
        let Cluster { rows, receipts } = cluster;
        let (timed_rows, rows): (Vec<u32>, Vec<u32>) = rows
            .into_iter()
            .partition(|row| self.run.row(*row).occurred_at.is_some());
        let (timed_receipts, receipts): (Vec<u32>, Vec<u32>) = receipts
            .into_iter()
            .partition(|c| self.run.receipt(*c).time().is_some());
        let join = |a: &[u32], b: &[u32]| [a, b].concat();
        let parts = match (rows.is_empty(), receipts.is_empty()) {
            (true, true) => vec![],
            (false, true) => vec![(rows, timed_receipts)],
            (true, false) => vec![(timed_rows, receipts)],
            (false, false) => vec![(join(&rows, &timed_rows), join(&receipts, &timed_receipts))],
        };
        let parts = parts
            .into_iter()
            .map(|(rows, receipts)| Cluster { rows, receipts });
        parts
            .filter(|part| !part.rows.is_empty() && !part.receipts.is_empty())
            .collect()
    }

    /// As many notices as rows tell that all rows are different payments. Else those that may be the same payment as
    /// another row give way.
    fn decide(&mut self, cluster: &Cluster) {
        let is_alone = |row: &u32| self.run.identity.perhaps_of(*row).is_none();
        let alone = Cluster {
            rows: cluster.rows.iter().copied().filter(is_alone).collect(),
            receipts: cluster.receipts.clone(),
        };
        let decided = [cluster, &alone]
            .into_iter()
            .find(|cluster| self.is_decided(cluster));
        match (decided, self.aim) {
            (Some(cluster), _) => {
                for (row, receipt) in cluster.rows.iter().zip(&cluster.receipts) {
                    self.run.tie(*row, *receipt, self.by);
                }
            }
            (None, Aim::MatchOfDay | Aim::Match) => {}
            (None, Aim::MatchOrDoubt) => self.run.doubt(&cluster.rows, &cluster.receipts),
        }
    }

    /// One to one, or as many as many and all alike; and each pair in order can be a pair.
    fn is_decided(&self, cluster: &Cluster) -> bool {
        let run = &*self.run;
        let rows = cluster.rows.iter().map(|row| run.row(*row));
        let receipts = cluster.receipts.iter().map(|c| run.receipt(*c));
        let are_alike = match cluster.rows.len() {
            1 => true,
            _ => {
                all_equal(rows.clone().map(row_likeness)) && all_equal(receipts.clone().map(receipt_likeness))
            }
        };
        let fits = |(r, c): (&RowSide, &ReceiptSide)| {
            let are_stalls_one = r.stall().is_none_or(|s| c.stall.is_none_or(|own| own == s));
            are_stalls_one && run.is_day_allowed(r.day, c) && are_times_near(r, c, run.rules.time_window_ms)
        };
        // What a row posted is that row's, which is in another place or time: another row may be the same payment.
        let are_heard = receipts.clone().all(|c| c.posted_from_row.is_none());
        cluster.rows.len() == cluster.receipts.len() && are_alike && are_heard && rows.zip(receipts).all(fits)
    }
}

/// Whether it makes no difference to anybody which of the rows has which of the receipts.
pub(super) fn are_alike(run: &Run<'_>, rows: &[u32], receipts: &[u32]) -> bool {
    all_equal(rows.iter().map(|row| row_likeness(run.row(*row))))
        && all_equal(receipts.iter().map(|c| receipt_likeness(run.receipt(*c))))
}

/// What interchangeable rows have in common, besides the amount of their group.
fn row_likeness(r: &RowSide) -> (Day, Option<u32>, Option<u32>) {
    (r.day, r.stall(), r.household())
}

/// What interchangeable receipts have in common, besides household and amount of their group. Money that
/// went back is a difference: the one row would then be of a payment that stays, the other not.
fn receipt_likeness(c: &ReceiptSide) -> (Day, Option<u32>, i64, bool) {
    (c.day, c.stall, c.refunded_vnd, c.posted_from_row.is_some())
}

fn all_equal<T: PartialEq>(mut all: impl Iterator<Item = T>) -> bool {
    let first = all.next();
    all.all(|other| first.as_ref() == Some(&other))
}

fn are_times_near(r: &RowSide, c: &ReceiptSide, window_ms: i64) -> bool {
    match (r.occurred_at, c.time()) {
        (Some(TimeMs(row)), Some(TimeMs(receipt))) => row.abs_diff(receipt) <= window_ms.unsigned_abs(),
        _ => true,
    }
}

//! Receipts and the rows of a provider's statements, held against each other.
//!
//! One function of two sets: [`match_sides`]. Both sides come compact, texts as [`Key128`], households
//! and stalls as numbers (a terminal stands for its stall). It is deterministic: entries are put in the
//! order of their numbers first, groups are walked in the order of rows, and no map is ever walked for an answer. Time grows with
//! the number of entries, as every pass is a hash join over what the earlier ones left.
//!
//! The passes, the surest first: what people decided; rows that posted a receipt; rows read twice;
//! transaction id; bank reference; stall code, amount and day; account, amount and time; the sum of many.
//! A pass matches only what is unique on both sides. What could be more than one thing is ambiguous and
//! left to a person, and a row for which nothing is left says that its notice is missing.
//!
//! Once matched by an id, what differs between row and receipt is a difference and no other payment:
//! another account, a failed payment, another amount, another day, another fee, in this order. Where the
//! payee is unknown, or the row names neither account nor stall, it is `unknown_account`: no note and no
//! amount makes money somebody's.

mod cluster;
mod finding_kind;
mod identity;
mod ids;
mod join;
mod key;
mod lump;
mod near;
mod outcome;
mod refunds;
mod rules;
mod run;
mod same_payment;
mod sides;
#[cfg(test)]
mod tests;

#[cfg(test)]
use crate::statement::{RowKind, RowStatus};
use near::Aim;
use run::Run;

pub use finding_kind::{Bucket, Facts, FindingKind};
pub use identity::read_before;
pub use key::Key128;
pub use outcome::{
    Correction, Finding, Ignored, NoticeOutcome, Outcome, Pass, Proof, ReceiptOutcome, RefundOutcome,
    RowOutcome, Tally, Tied,
};
pub use rules::{Charges, FeeRule, Rules};
pub use sides::{
    Decided, Decision, NoticeSide, NoticeState, Payee, ROWS_OF_FILE, ReceiptSide, RefundSide, RowSide, Sides,
    file_of, row_no, valued_days_before,
};

/// Compares the two sides. They are sorted by number in place, which saves a copy of two million entries;
/// the lists of the outcome stand in the same order.
///
/// # Panics
/// If numbers are not unique, or the outcome does not add up, which would be a fault of this room.
pub fn match_sides(sides: &mut Sides, rules: &Rules) -> Outcome {
    sides.sort();
    let mut run = Run::new(sides, rules);
    ids::decisions(&mut run);
    ids::origins(&mut run);
    identity::read_twice(&mut run);
    ids::by_transaction_id(&mut run);
    ids::by_any_id(&mut run);
    // Ids first for all kinds of rows: a debit or a failed payment that names a receipt by its id has more
    // right to it than a credit that only has the same amount.
    refunds::by_id(&mut run);
    ids::statuses(&mut run);
    near::walk(&mut run, Pass::StallAmountDay, Aim::MatchOfDay);
    near::walk(&mut run, Pass::AccountAmountTime, Aim::MatchOfDay);
    // What is left may be the payment of a row of another file, which perhaps has found its receipt by now.
    identity::without_common_id(&mut run);
    near::walk(&mut run, Pass::StallAmountDay, Aim::Match);
    near::walk(&mut run, Pass::AccountAmountTime, Aim::Match);
    identity::without_common_id(&mut run);
    identity::turn_round(&mut run);
    lump::whole_days(&mut run);
    // What later passes took may have left one candidate where there were two.
    near::walk(&mut run, Pass::StallAmountDay, Aim::MatchOrDoubt);
    near::walk(&mut run, Pass::AccountAmountTime, Aim::MatchOrDoubt);
    identity::without_common_id(&mut run);
    identity::turn_round(&mut run);
    lump::parts_of_days(&mut run);
    refunds::by_amount(&mut run);
    refunds::wrong_direction(&mut run);
    ids::without_row(&mut run);
    let outcome = run.finish();
    outcome.proven(sides)
}

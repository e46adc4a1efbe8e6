//! Reconciliation: what providers' statements say, held against what the ledger has.
//!
//! Pure: the store loads two compact sides, asks here, and writes the outcome in one transaction. Rows of
//! a file = matched + exceptions + ignored + bad, by count and amount, and the outcome carries the proof.

mod matching;
mod movement;
mod posting;

pub use matching::{
    Bucket, Charges, Decided, Decision, Facts, FeeRule, Finding, Ignored, Key128, Kind, NoticeOutcome,
    NoticeSide, NoticeState, Outcome, Pass, Payee, Proof, ReceiptOutcome, ReceiptSide, RefundOutcome,
    RefundSide, RowOutcome, RowSide, Rules, Sides, Tally, Tied, match_sides,
};
pub use movement::{RowKind, RowStatus};
pub use posting::{UnheardError, UnheardRow, bank_ref_key, txn_key, unheard_delivery, unheard_items};

//! Reconciliation: the statement is the last word, and every đồng is accounted for.
//!
//! Pure: the room `statement` makes rows of a file; the store loads two compact sides, asks [`match_sides`], and
//! writes down the outcome. Rows of a file = matched + exceptions + ignored + bad, by count
//! and amount, and the outcome carries the proof. What only a statement knows goes to the ledger as
//! [`delivery_from_statement`].

mod candidates;
mod casework;
mod day_digest;
mod days;
mod matching;
mod posting;
mod provider_rules;
mod summary;

pub use candidates::{Reach, candidates};
pub use casework::{
    Act, ActKind, DecisionError, DecisionState, PostedByHand, REASON_CHARS, RECEIPTS_MAX, RowFacts, Subject,
    check_decision,
};
pub use day_digest::{DayHolding, DayReceipt, Holding, holding_of};
pub use days::{
    BookDay, Changes, Corrected, DAYS_AROUND, DISTANT_DAYS, DayFigures, DaysTotals, DistantPair,
    PreviousFinding, RowFinding, Window, has_money_back,
};
pub use matching::{
    Bucket, Charges, Correction, Decided, Decision, Facts, FeeRule, Finding, FindingKind, Ignored, Key128,
    NoticeOutcome, NoticeSide, NoticeState, Outcome, Pass, Payee, Proof, ROWS_OF_FILE, ReceiptOutcome,
    ReceiptSide, RefundOutcome, RefundSide, RowOutcome, RowSide, Rules, Sides, Tally, Tied, file_of,
    match_sides, read_before, row_no, valued_days_before,
};
pub use posting::{
    UnnotifiedError, UnnotifiedRow, delivery_from_statement, items_from_statement, receipt_keys, refund_key,
    row_keys, stated_time, txn_id_of_row,
};
pub use provider_rules::{FeeCheck, ProviderRules, Rate, RuleTexts, RulesError};
pub use summary::{Exception, RunSummary, sum_up};

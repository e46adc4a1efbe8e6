//! What a row says happened to the money: its kind and its status, with the words kept in the database.

use serde::{Deserialize, Serialize};

/// What a row of a statement says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    Payment,
    /// Money that had come in went back: a refund, a reversal, a void.
    Refund,
    /// Money went out, and the row does not say that it was a refund: a debit in a bank's export.
    Outgoing,
    /// A charge of the provider or bank on a line of its own.
    Fee,
}

impl RowKind {
    pub const ALL: [RowKind; 4] = [RowKind::Payment, RowKind::Refund, RowKind::Outgoing, RowKind::Fee];

    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowKind::Payment => "payment",
            RowKind::Refund => "refund",
            RowKind::Outgoing => "outgoing",
            RowKind::Fee => "fee",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<RowKind> {
        RowKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Whether the money of a row moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
    Settled,
    /// It still may.
    Pending,
    Failed,
}

impl RowStatus {
    pub const ALL: [RowStatus; 3] = [RowStatus::Settled, RowStatus::Pending, RowStatus::Failed];

    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowStatus::Settled => "settled",
            RowStatus::Pending => "pending",
            RowStatus::Failed => "failed",
        }
    }

    /// The status of a word.
    pub fn parse(word: &str) -> Option<RowStatus> {
        RowStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

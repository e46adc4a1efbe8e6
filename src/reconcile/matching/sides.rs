//! The two sides as matching wants them: compact rows, receipts, refunds, notices and decisions.

use crate::vn::{Day, TimeMs};

use super::{Key128, Rules};
use crate::statement::{RowKind, RowStatus};

/// Bits of a row's number that are its place in its file: more than a file may have rows.
const PLACE_BITS: u32 = 21;
/// A row's number divided by this is its file.
pub const ROWS_OF_FILE: i64 = 1 << PLACE_BITS;

/// The number of a row: its file and its place in it.
pub const fn row_no(file_no: i64, place: i64) -> i64 {
    (file_no << PLACE_BITS) | place
}

/// The file of a row.
pub const fn file_of(row_no: i64) -> i64 {
    row_no >> PLACE_BITS
}

/// Everything that one run compares: one provider, a window of days. Order means nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sides {
    /// Payments of the ledger.
    pub receipts: Vec<ReceiptSide>,
    /// Items of the ledger that are no receipt.
    pub notices: Vec<NoticeSide>,
    /// Money that went back and is known.
    pub refunds: Vec<RefundSide>,
    /// What the provider's files say.
    pub rows: Vec<RowSide>,
    pub decided: Vec<Decided>,
    /// Rows that a person called payments of their own and then took that back, and of which nothing else is decided.
    pub withdrawn: Vec<i64>,
}

impl Sides {
    /// Puts each list in the order of its numbers. From here on a position stands for an entry, and every
    /// walk goes by position, so nothing depends on the order in which the store found them.
    ///
    /// # Panics
    /// If two entries of a list have one number, or there are more than `u32` holds.
    pub(super) fn sort(&mut self) {
        self.receipts.sort_unstable_by_key(|c| c.no);
        self.notices.sort_unstable_by_key(|n| n.no);
        self.refunds.sort_unstable_by_key(|f| f.no);
        self.rows.sort_unstable_by_key(|r| r.no);
        self.decided.sort_unstable();
        self.withdrawn.sort_unstable();
        assert!(
            self.receipts.is_sorted_by(|a, b| a.no < b.no),
            "receipt numbers are unique"
        );
        assert!(
            self.rows.is_sorted_by(|a, b| a.no < b.no),
            "row numbers are unique"
        );
        assert!(
            self.refunds.is_sorted_by(|a, b| a.no < b.no),
            "refund numbers are unique"
        );
        let longest = self.receipts.len().max(self.rows.len()).max(self.refunds.len());
        assert!(u32::try_from(longest).is_ok(), "positions fit 32 bits");
    }
}

/// A receipt of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptSide {
    /// Its number in the ledger.
    pub no: i64,
    /// The provider's transaction id.
    pub txn: Key128,
    /// The bank's reference, where the notice named one.
    pub bank_ref: Option<Key128>,
    /// Whose money it is.
    pub household: u32,
    /// At which stall, where that is known.
    pub stall: Option<u32>,
    pub amount_vnd: i64,
    /// How much of it is known to have gone back.
    pub refunded_vnd: i64,
    pub day: Day,
    /// When the provider says that it was paid.
    pub occurred_at: Option<TimeMs>,
    /// When the ledger took it.
    pub posted_at: TimeMs,
    /// The row that posted it, as long as no notice has come for it. Not merely a mark: a row without any
    /// id could otherwise be told from the next one like it only by luck.
    pub posted_from_row: Option<i64>,
}

impl ReceiptSide {
    /// Every id by which a row may name it.
    pub(super) fn ids(&self) -> impl Iterator<Item = Key128> + use<> {
        [Some(self.txn), self.bank_ref].into_iter().flatten()
    }

    /// When it was paid, as nearly as is known: a notice comes within minutes of its payment, but a
    /// statement at any time, so what a row posted without a time has none.
    pub(in crate::reconcile) fn time(&self) -> Option<TimeMs> {
        let heard = self.posted_from_row.is_none().then_some(self.posted_at);
        self.occurred_at.or(heard)
    }

    /// What is left of it.
    pub(super) fn left_vnd(&self) -> i64 {
        self.amount_vnd - self.refunded_vnd
    }

    /// The day under which the provider is expected to list it.
    pub(super) fn expected_day(&self, rules: &Rules) -> Day {
        match rules.cutoff_min {
            0 => self.day,
            _ => self.time().map_or(self.day, |t| rules.provider_day(t)),
        }
    }
}

/// An item of the ledger that is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeSide {
    /// Its number in the ledger.
    pub no: i64,
    /// The provider's transaction id.
    pub txn: Key128,
    pub amount_vnd: i64,
    pub day: Day,
    /// Why it is no receipt.
    pub state: NoticeState,
}

/// Why an item is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeState {
    /// Its payee account is not on the register.
    UnknownAccount,
    /// Its event came before with other content.
    SameIdOtherContent,
    /// The provider suspects the payment.
    PaymentSuspect,
    /// It is a refund that has not met its payment.
    RefundWaiting,
    /// It said failed, pending or authorized.
    NotPaid,
    /// Anything else that waits or was ignored.
    Other,
}

/// Money that went back and is known, from a notice or from an earlier row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundSide {
    /// Its number in the ledger.
    pub no: i64,
    /// The receipt that it takes back.
    pub receipt_no: i64,
    /// The refund's own id, where it has one.
    pub txn: Option<Key128>,
    /// How much went back.
    pub amount_vnd: i64,
    pub day: Day,
    /// The row that posted it, as long as no notice has come for it.
    pub posted_from_row: Option<i64>,
}

/// Whose account a row names, looked up in the register for the row's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payee {
    /// The file names no account and no terminal, or masks them.
    NotNamed,
    /// It names one that is not on the register.
    Unknown,
    /// It names one of this household, and of this stall if it is one stall's alone.
    Household {
        /// Whose account it is.
        household: u32,
        /// The only stall that it is linked to.
        stall: Option<u32>,
    },
}

/// A row of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSide {
    /// Its number: unique over all files, growing with the order in which they came ([`row_no`]).
    pub no: i64,
    /// How its file is read: files of one shape name, date and number the same payment in the same way.
    pub shape: u16,
    /// What the row says, with the ordinal among equal rows of its file. It must not cover what another
    /// export of the same day numbers anew (the file's name, the line, a running count): rows with equal
    /// content are one row that was read twice.
    pub content: Key128,
    /// What it is about.
    pub kind: RowKind,
    /// Whether the money moved.
    pub status: RowStatus,
    /// The provider's transaction id; of a refund, its own or that of the payment.
    pub txn: Option<Key128>,
    /// The id of the payment that a refund takes back, where the file has a column for it.
    pub refund_of: Option<Key128>,
    /// Another id beside it: the bank's reference, else what the row names as reference.
    pub bank_ref: Option<Key128>,
    /// Whose account it names, or at whose stall its terminal stands.
    pub payee: Payee,
    /// The stall whose code is in the note, if that stall may receive on this account.
    pub stall_in_note: Option<u32>,
    /// Gross, positive whichever way the money went.
    pub amount_vnd: i64,
    /// By how much the row's own fee arithmetic is off ([`super::Charges::gap_vnd`]); 0 where it states
    /// none. The parts of that sum are of no use to matching, so they do not take room here.
    pub fee_gap_vnd: i64,
    /// The day under which the provider lists it.
    pub day: Day,
    /// When it was paid; none if the file has only a day.
    pub occurred_at: Option<TimeMs>,
    /// Of how many payments it says to be the sum; 0 or 1 for one payment.
    pub parts: u32,
    /// By how many days its value day comes before its day: a bank books on Monday what was paid on Saturday.
    pub valued_days_before: u8,
}

/// By how many days a value day comes before the day of booking; 0 if it does not, or by more than a holiday.
pub fn valued_days_before(day: Day, value_day: Option<Day>) -> u8 {
    const DAYS_MAX: i64 = 14;
    let before = value_day.map_or(0, |value_day| day.number() - value_day.number());
    if (0..=DAYS_MAX).contains(&before) {
        before as u8
    } else {
        0
    }
}

impl RowSide {
    /// The file that it stands in.
    pub(in crate::reconcile) fn file(&self) -> i64 {
        file_of(self.no)
    }

    /// Every id that it names.
    pub(super) fn ids(&self) -> impl Iterator<Item = Key128> + use<> {
        [self.txn, self.bank_ref].into_iter().flatten()
    }

    /// The stall that it points to: by its note, else as the only one of its account.
    pub(in crate::reconcile) fn stall(&self) -> Option<u32> {
        match self.payee {
            Payee::Unknown => None,
            Payee::NotNamed => self.stall_in_note,
            Payee::Household { stall, .. } => self.stall_in_note.or(stall),
        }
    }

    /// The household whose account it names.
    pub(in crate::reconcile) fn household(&self) -> Option<u32> {
        match self.payee {
            Payee::Household { household, .. } => Some(household),
            _ => None,
        }
    }

    /// Whether it may be about this household's money: it names no account, or one of theirs.
    pub(super) fn may_pay(&self, household: u32) -> bool {
        match self.payee {
            Payee::NotNamed => true,
            Payee::Unknown => false,
            Payee::Household { household: own, .. } => own == household,
        }
    }

    /// Money that came and stays.
    pub(super) fn is_paid(&self) -> bool {
        self.kind == RowKind::Payment && self.status == RowStatus::Settled
    }

    pub(super) fn is_out(&self) -> bool {
        matches!(self.kind, RowKind::Refund | RowKind::Outgoing) && self.status == RowStatus::Settled
    }

    /// It says of itself that it is the sum of several payments.
    pub(super) fn states_lump(&self) -> bool {
        self.parts > 1
    }
}

/// What a person decided about a row, or about receipts without one; taken out first, and kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    /// The row; none where it is about receipts that have none.
    pub row_no: Option<i64>,
    /// How it was decided.
    pub decision: Decision,
    /// The receipts that the row stands for; several for a lump that a person took apart, none if the row was
    /// accepted as it is.
    pub receipt_nos: Vec<i64>,
}

/// How a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Row and receipts agree.
    Manual,
    /// They differ, and the difference was accepted; of a receipt without a row, that it stands without one.
    Forced,
    /// The money of a receipt without a row never came: nothing is left of it.
    Struck,
    /// A row that might have been another's payment is one of its own: it is posted.
    Own,
}

impl Decision {
    pub const ALL: [Decision; 4] = [
        Decision::Manual,
        Decision::Forced,
        Decision::Struck,
        Decision::Own,
    ];

    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Decision::Manual => "manual",
            Decision::Forced => "forced",
            Decision::Struck => "struck",
            Decision::Own => "own",
        }
    }

    /// The decision with this word.
    pub fn parse(word: &str) -> Option<Decision> {
        Decision::ALL
            .into_iter()
            .find(|decision| decision.as_str() == word)
    }
}

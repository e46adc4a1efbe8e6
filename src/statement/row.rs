//! What is handed over of a file, row by row: movements, bad rows with their reason, ignored rows, and the sink that
//! counts them.

use std::fmt;
use std::ops::ControlFlow;

use crate::statement::error::StatementError;
use crate::statement::limits::ROWS_MAX;
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::placeholder::stated_id;
use crate::vn::{AccountNumber, Day, Dong, Sentence, TimeMs};

/// One row of a statement. `Debug` keeps texts to itself: they may be names and accounts.
#[derive(Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// As a person counts in that file: the row of a spreadsheet, the line of a text where the record
    /// begins, the running number of the entry (of each transaction in a batch) in MT940 and camt.053.
    pub row_number: u64,
    pub kind: RowKind,
    /// How far it got.
    pub status: RowStatus,
    /// Gross, never 0 or negative.
    pub amount: Dong,
    /// What the provider keeps; 0 if none is stated. In a file that states gross and net and neither fee,
    /// VAT nor discount, what lies between the two.
    pub fee: Dong,
    /// VAT on the fee; 0 if none is stated.
    pub vat: Dong,
    /// Promotion borne by the provider; 0 if none is stated.
    pub discount: Dong,
    /// What was or will be paid out, with the file's own sign.
    pub net: Option<Dong>,
    /// The provider's id of the transaction; in a bank's own statement the bank's reference.
    pub provider_txn_id: String,
    pub reference: String,
    /// The bank's reference (`FT…`), which several providers share.
    pub bank_ref: String,
    /// Of money back the provider's id of the payment, where the file has a column for it.
    pub refund_of: String,
    /// Terminal, shop or point of sale.
    pub terminal: String,
    /// Bank of the payee account, six digits, or empty.
    pub bank_bin: String,
    /// Payee account: the row's own, else the statement's.
    pub account: Option<AccountNumber>,
    pub note: String,
    /// When, if the file says more than the day.
    pub occurred_at: Option<TimeMs>,
    /// The day in Viet Nam on which the provider posted it.
    pub business_day: Day,
    /// The day of settlement, or the value date.
    pub settled_on: Option<Day>,
    /// Settlement batch or period.
    pub batch: String,
    /// Transactions that this row stands for: 1, or more for a batch entry without its single amounts.
    pub parts: u32,
}

impl StatementRow {
    /// A payment of this amount on this day and nothing else; what a test or a message fills in.
    pub(crate) fn new(row_number: u64, kind: RowKind, amount: Dong, business_day: Day) -> StatementRow {
        StatementRow {
            row_number,
            kind,
            status: RowStatus::Settled,
            amount,
            fee: Dong::ZERO,
            vat: Dong::ZERO,
            discount: Dong::ZERO,
            net: None,
            provider_txn_id: String::new(),
            reference: String::new(),
            bank_ref: String::new(),
            refund_of: String::new(),
            terminal: String::new(),
            bank_bin: String::new(),
            account: None,
            note: String::new(),
            occurred_at: None,
            business_day,
            settled_on: None,
            batch: String::new(),
            parts: 1,
        }
    }

    /// What only says that there is no id is no id, in any format.
    fn drop_placeholders(&mut self) {
        for id in [
            &mut self.provider_txn_id,
            &mut self.reference,
            &mut self.bank_ref,
            &mut self.refund_of,
        ] {
            if stated_id(id).is_empty() {
                id.clear();
            }
        }
    }

    /// Whether net is off by more than 1 đồng from gross − fee − VAT, with the discount or without it
    /// (docs/spec/providers.md, section 15.1). A refund may state its net with a minus.
    /// What has not settled has no fee yet.
    pub fn fee_differs(&self) -> bool {
        let Some(net) = self.net.filter(|_| self.status == RowStatus::Settled) else {
            return false;
        };
        let without = self.amount.vnd() - self.fee.vnd() - self.vat.vnd();
        let off = |expected: i64| (net.vnd().abs() - expected.abs()).abs() > 1;
        off(without) && off(without - self.discount.vnd())
    }
}

impl fmt::Debug for StatementRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "StatementRow({}, {:?} {:?} {} on {}, id {} bytes, account {:?})",
            self.row_number,
            self.kind,
            self.status,
            self.amount,
            self.business_day,
            self.provider_txn_id.len(),
            self.account
        )
    }
}

/// A row that cannot be read. `Debug` keeps the cells to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct BadRow {
    /// As in [`StatementRow`].
    pub row_number: u64,
    /// What stands there, so that it can be handed back.
    pub cells: Vec<String>,
    /// A Vietnamese sentence: what is wrong, where, and what to do.
    pub reason: Sentence,
}

impl fmt::Debug for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "BadRow({}, {} cells: {})",
            self.row_number,
            self.cells.len(),
            self.reason.en
        )
    }
}

/// A row that is none of the statement's movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IgnoredRow {
    /// As in [`StatementRow`].
    pub row_number: u64,
    pub why: IgnoredWhy,
    /// The amount it states, where it is one movement; else 0.
    pub amount: Dong,
}

/// Why a row is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredWhy {
    Total,
    /// An opening or closing balance.
    Balance,
    /// A title, a header that comes again on each page, a signature.
    Title,
    ZeroAmount,
    /// Money that had gone out came back: neither a payment nor a refund of one.
    ReversedDebit,
}

impl IgnoredWhy {
    pub fn sentence(self) -> Sentence {
        let (vi, en) = match self {
            IgnoredWhy::Total => ("Dòng tổng cộng.", "A row of totals."),
            IgnoredWhy::Balance => ("Dòng số dư.", "A row of a balance."),
            IgnoredWhy::Title => (
                "Dòng tiêu đề, số trang hoặc chữ ký.",
                "A title, a page number or a signature.",
            ),
            IgnoredWhy::ZeroAmount => ("Số tiền bằng 0.", "The amount is 0."),
            IgnoredWhy::ReversedDebit => (
                "Khoản chi bị đảo: tiền đã chi quay về, không phải khoản thu.",
                "A payment out was reversed: its money came back, which is no payment in.",
            ),
        };
        Sentence::new(vi, en)
    }
}

/// One row of the file. Every row that is not blank is exactly one of these.
// Nearly every event is a row and gone at once: a box around each would only be made and thrown away.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Row(StatementRow),
    /// One that cannot be read; others go on.
    Bad(BadRow),
    /// One that is no movement.
    Ignored(IgnoredRow),
}

/// The sink, with a count of what it was given.
pub(crate) struct EventSink<'a> {
    sink: &'a mut dyn FnMut(Event) -> ControlFlow<()>,
    rows: u64,
}

impl<'a> EventSink<'a> {
    pub(crate) fn new(sink: &'a mut dyn FnMut(Event) -> ControlFlow<()>) -> EventSink<'a> {
        EventSink { sink, rows: 0 }
    }

    /// Gives one more to the sink, unless the file has had its number.
    pub(crate) fn push(&mut self, mut event: Event) -> Result<(), StatementError> {
        if let Event::Row(row) = &mut event {
            row.drop_placeholders();
        }
        if self.rows == ROWS_MAX {
            return Err(StatementError::TooManyRows);
        }
        self.rows += 1;
        match (self.sink)(event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StatementError::Stopped),
        }
    }

    /// The error, with what had been handed over before it.
    pub(crate) fn interrupted(&self, error: StatementError) -> StatementError {
        match error {
            StatementError::Stopped => StatementError::Stopped,
            error if self.rows == 0 => error,
            error => StatementError::Interrupted {
                rows: self.rows,
                because: Box::new(error),
            },
        }
    }
}

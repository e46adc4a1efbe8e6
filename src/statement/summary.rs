//! What a file came to: counts and sums by kind, totals at its foot, and whether its balances add up.

use crate::statement::kind::FileKind;
use crate::statement::meaning::mapping::Column;
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::row::{Event, IgnoredRow, StatementRow};
use crate::vn::{AccountNumber, Day, Dong};

/// How many, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTally {
    pub count: u64,
    /// What they come to.
    pub amount: Dong,
}

impl FileTally {
    pub(crate) fn add(&mut self, amount: Dong) {
        self.count += 1;
        self.amount = saturating_sum(self.amount, amount);
    }
}

/// A sum that cannot wrap: a million rows of the largest amount do not fit.
pub(crate) fn saturating_sum(a: Dong, b: Dong) -> Dong {
    Dong::new(a.vnd().saturating_add(b.vnd()))
}

/// A total that stands at the foot, beside what the rows come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FootTotal {
    pub row_number: u64,
    /// The column it closes.
    pub column: Column,
    pub stated: Dong,
    /// What the rows above come to, bad ones left out.
    pub summed: Dong,
    /// Whether it agrees with all rows, or with the settled ones alone.
    pub agrees: bool,
}

/// Balances of the account, where the file states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// At the beginning; of all statements in the file together.
    pub opening: Dong,
    /// What came in, by the rows.
    pub credits: Dong,
    /// What went out, by the rows.
    pub debits: Dong,
    /// At the end; of all statements in the file together.
    pub closing: Dong,
    /// Statements and pages in the file.
    pub parts: u64,
    /// Those of them where opening + credits − debits is not closing. A bad row is enough for that.
    pub parts_off: u64,
}

impl Balance {
    /// Whether every part adds up.
    pub fn agrees(&self) -> bool {
        self.parts_off == 0
    }

    /// Two statements of one file together.
    pub(crate) fn and(self, other: Balance) -> Balance {
        Balance {
            opening: saturating_sum(self.opening, other.opening),
            credits: saturating_sum(self.credits, other.credits),
            debits: saturating_sum(self.debits, other.debits),
            closing: saturating_sum(self.closing, other.closing),
            parts: self.parts + other.parts,
            parts_off: self.parts_off + other.parts_off,
        }
    }
}

/// A sheet of a workbook that was not read although it has rows with a day and an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadSheet {
    pub name: String,
    pub rows: u64,
}

/// What a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub kind: FileKind,
    /// Rows handed over as movements, by gross amount.
    pub rows: FileTally,
    /// Of these, settled payments.
    pub payments: FileTally,
    /// Of these, settled refunds.
    pub refunds: FileTally,
    /// Of these, other settled money that went out.
    pub outgoing: FileTally,
    /// Of these, settled fees.
    pub fee_rows: FileTally,
    /// Of these, pending ones of any kind.
    pub pending: FileTally,
    /// Of these, failed ones of any kind.
    pub failed: FileTally,
    /// Rows that could not be read.
    pub bad: u64,
    /// Rows that are no movement.
    pub ignored: FileTally,
    /// Fees stated beside payments and refunds that settled.
    pub fees: Dong,
    pub vat: Dong,
    pub discounts: Dong,
    /// What is paid out, where the file states it.
    pub net: Dong,
    /// Rows whose net is off by their fee or its VAT.
    pub fee_differs: u64,
    /// Totals at the foot, the last one of each column.
    pub totals: Vec<FootTotal>,
    /// Opening and closing balance, if both are stated.
    pub balance: Option<Balance>,
    /// The account that the statement is of, if it names one.
    pub account: Option<AccountNumber>,
    /// First and last business day of its rows.
    pub days: Option<(Day, Day)>,
    /// Rows that lead from the balance before them to their own: proof of their direction and amount.
    pub proved: u64,
    /// Other sheets that look like movements.
    pub unread: Vec<UnreadSheet>,
}

impl Summary {
    pub(crate) fn new(kind: FileKind) -> Summary {
        Summary {
            kind,
            rows: FileTally::default(),
            payments: FileTally::default(),
            refunds: FileTally::default(),
            outgoing: FileTally::default(),
            fee_rows: FileTally::default(),
            pending: FileTally::default(),
            failed: FileTally::default(),
            bad: 0,
            ignored: FileTally::default(),
            fees: Dong::ZERO,
            vat: Dong::ZERO,
            discounts: Dong::ZERO,
            net: Dong::ZERO,
            fee_differs: 0,
            totals: Vec::new(),
            balance: None,
            account: None,
            days: None,
            proved: 0,
            unread: Vec::new(),
        }
    }

    /// Counts what is handed over.
    pub(crate) fn count(&mut self, event: &Event) {
        match event {
            Event::Row(row) => self.count_row(row),
            Event::Bad(_) => self.bad += 1,
            Event::Ignored(IgnoredRow { amount, .. }) => self.ignored.add(*amount),
        }
    }

    fn count_row(&mut self, row: &StatementRow) {
        self.rows.add(row.amount);
        let tally = match (row.status, row.kind) {
            (RowStatus::Pending, _) => &mut self.pending,
            (RowStatus::Failed, _) => &mut self.failed,
            (RowStatus::Settled, RowKind::Payment) => &mut self.payments,
            (RowStatus::Settled, RowKind::Refund) => &mut self.refunds,
            (RowStatus::Settled, RowKind::Outgoing) => &mut self.outgoing,
            (RowStatus::Settled, RowKind::Fee) => &mut self.fee_rows,
        };
        tally.add(row.amount);
        if row.status == RowStatus::Settled {
            self.fees = saturating_sum(self.fees, row.fee);
            self.vat = saturating_sum(self.vat, row.vat);
            self.discounts = saturating_sum(self.discounts, row.discount);
            self.net = saturating_sum(self.net, row.net.unwrap_or_default());
        }
        self.fee_differs += u64::from(row.fee_differs());
        let day = row.business_day;
        self.days = Some(match self.days {
            None => (day, day),
            Some((first, last)) => (first.min(day), last.max(day)),
        });
    }

    /// Rows of the file that were not blank.
    pub fn all(&self) -> u64 {
        self.rows.count + self.bad + self.ignored.count
    }
}

//! One entry of camt.053, and the rows it comes to.

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::meaning::values::{self, Moment};
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::row::{BadRow, Event, IgnoredRow, IgnoredWhy, StatementRow};
use crate::vn::{AccountNumber, Day, Dong, Sentence, sentence};

/// An amount as the file spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) text: String,
    pub(crate) currency: String,
}

impl Money {
    /// Whole đồng: a point may stand before zeros only.
    pub(crate) fn dong(&self) -> Result<i64, Sentence> {
        if self.currency != "VND" {
            return Err(Sentence::new(
                "Số tiền không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                "The amount is not in VND. Only payments in Vietnamese dong are taken.",
            ));
        }
        let cell = Cell {
            text: self.text.trim(),
            kind: CellKind::Number,
        };
        match values::amount(cell) {
            Ok(Some(amount)) if amount >= 0 => Ok(amount),
            Ok(_) => Err(Sentence::new(
                "Không đọc được số tiền.",
                "The amount cannot be read.",
            )),
            Err(fault) => {
                let (vi, en) = fault.words();
                Err(sentence!("Số tiền {vi}.", "The amount {en}."))
            }
        }
    }
}

/// One transaction inside an entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detail {
    pub(crate) amount: Option<Money>,
    pub(crate) direction: String,
    pub(crate) end_to_end_id: String,
    pub(crate) transaction_id: String,
    pub(crate) bank_ref: String,
    pub(crate) note: String,
    pub(crate) at: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) amount: Money,
    pub(crate) direction: String,
    pub(crate) status: String,
    pub(crate) is_reversal: bool,
    pub(crate) booked_at: String,
    pub(crate) value_at: String,
    pub(crate) bank_ref: String,
    pub(crate) entry_ref: String,
    pub(crate) family: String,
    pub(crate) batch: String,
    pub(crate) batch_count: u32,
    pub(crate) note: String,
    pub(crate) details: Vec<Detail>,
    /// More transactions than are held; the entry cannot be taken apart.
    pub(crate) has_too_many: bool,
}

/// Whose money it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(crate) account: Option<AccountNumber>,
    pub(crate) bank_bin: String,
}

/// What an entry does to the balance.
pub(crate) struct Effect {
    pub(crate) credit: i64,
    pub(crate) debit: i64,
}

/// What becomes one row of an entry: one of its transactions, or all together.
struct Part<'a> {
    row_number: u64,
    money: &'a Money,
    detail: Option<&'a Detail>,
    /// Transactions that it stands for.
    count: u32,
}

impl Entry {
    /// What the entry does to the balance: only what is booked does.
    pub(crate) fn effect(&self) -> Effect {
        let amount = match self.status.as_str() {
            "BOOK" => self.amount.dong().unwrap_or(0),
            _ => 0,
        };
        match self.direction.as_str() {
            "CRDT" => Effect {
                credit: amount,
                debit: 0,
            },
            _ => Effect {
                credit: 0,
                debit: amount,
            },
        }
    }

    /// The rows it comes to, numbered from `first`: one for each transaction whose amount is given if
    /// they add up to the entry, else one for all.
    pub(crate) fn events(self, first: u64, owner: &Owner) -> Vec<Event> {
        let amounts: Option<Vec<Money>> = self.details.iter().map(|detail| detail.amount.clone()).collect();
        let sums_up = |amounts: &[Money]| {
            let sum = amounts
                .iter()
                .try_fold(0_i64, |sum, money| Some(sum.saturating_add(money.dong().ok()?)));
            sum.is_some_and(|sum| self.amount.dong() == Ok(sum))
        };
        match amounts {
            Some(amounts) if amounts.len() > 1 && !self.has_too_many && sums_up(&amounts) => {
                let numbered = self.details.iter().zip(&amounts).zip(first..);
                let parts = numbered.map(|((detail, money), row_number)| Part {
                    row_number,
                    money,
                    detail: Some(detail),
                    count: 1,
                });
                parts.map(|part| self.event(&part, owner)).collect()
            }
            _ => {
                let known = self.details.len().max(1) as u32;
                let count = self.batch_count.max(known);
                let part = Part {
                    row_number: first,
                    money: &self.amount,
                    detail: self.details.first().filter(|_| count == 1),
                    count,
                };
                vec![self.event(&part, owner)]
            }
        }
    }

    fn event(&self, part: &Part<'_>, owner: &Owner) -> Event {
        let detail = part.detail.cloned().unwrap_or_default();
        match self.row(part, &detail, owner) {
            Ok(event) => event,
            Err(reason) => Event::Bad(BadRow {
                row_number: part.row_number,
                cells: vec![
                    part.money.text.clone(),
                    part.money.currency.clone(),
                    self.direction.clone(),
                    self.booked_at.clone(),
                    self.bank_ref.clone(),
                    detail.note,
                ],
                reason,
            }),
        }
    }

    fn row(&self, part: &Part<'_>, detail: &Detail, owner: &Owner) -> Result<Event, Sentence> {
        let row_number = part.row_number;
        let vnd = part.money.dong()?;
        let ignored = |why, amount| {
            Event::Ignored(IgnoredRow {
                row_number,
                why,
                amount,
            })
        };
        if vnd == 0 {
            return Ok(ignored(IgnoredWhy::ZeroAmount, Dong::ZERO));
        }
        let amount = Dong::payment(vnd).map_err(|_| {
            Sentence::new(
                "Số tiền lớn hơn giới hạn của một giao dịch (13 chữ số).",
                "The amount is above the limit of one payment (13 digits).",
            )
        })?;
        let direction = if detail.direction.is_empty() {
            &self.direction
        } else {
            &detail.direction
        };
        let kind = match (direction.as_str(), self.is_reversal) {
            ("CRDT", true) => return Ok(ignored(IgnoredWhy::ReversedDebit, amount)),
            ("CRDT", false) => RowKind::Payment,
            ("DBIT", true) => RowKind::Refund,
            ("DBIT", false) if matches!(self.family.as_str(), "CHRG" | "COMM" | "FEES") => RowKind::Fee,
            ("DBIT", false) => RowKind::Outgoing,
            _ => {
                return Err(Sentence::new(
                    "Thiếu chiều tiền (CdtDbtInd: CRDT hoặc DBIT).",
                    "The direction is missing (CdtDbtInd: CRDT or DBIT).",
                ));
            }
        };
        let booked = moment(&self.booked_at)?;
        let value = moment(&self.value_at)?;
        let occurred = moment(&detail.at)?.filter(|moment| moment.at.is_some());
        let posted = booked.or(value).ok_or_else(|| {
            Sentence::new(
                "Thiếu ngày ghi sổ (BookgDt).",
                "The booking date is missing (BookgDt).",
            )
        })?;
        let mut row = StatementRow::new(row_number, kind, amount, posted.day);
        row.status = match self.status.as_str() {
            "BOOK" => RowStatus::Settled,
            "PDNG" | "INFO" | "FUTR" => RowStatus::Pending,
            "" => {
                return Err(Sentence::new(
                    "Thiếu trạng thái (Sts).",
                    "The status is missing (Sts).",
                ));
            }
            _ => {
                return Err(Sentence::new(
                    "Trạng thái (Sts) không phải BOOK hoặc PDNG.",
                    "The status (Sts) is neither BOOK nor PDNG.",
                ));
            }
        };
        row.occurred_at = occurred.or(Some(posted)).and_then(|moment| moment.at);
        row.settled_on = value.map(|value: Moment| -> Day { value.day });
        row.bank_ref = first_of([&detail.bank_ref, &self.bank_ref, &self.entry_ref]);
        row.provider_txn_id = first_of([
            &detail.bank_ref,
            &detail.transaction_id,
            &self.bank_ref,
            &self.entry_ref,
        ]);
        row.reference.clone_from(&detail.end_to_end_id);
        row.note = first_of([&detail.note, &self.note]);
        row.batch.clone_from(&self.batch);
        row.account.clone_from(&owner.account);
        row.bank_bin.clone_from(&owner.bank_bin);
        row.parts = part.count;
        Ok(Event::Row(row))
    }
}

fn moment(text: &str) -> Result<Option<Moment>, Sentence> {
    let cell = Cell {
        text: text.trim(),
        kind: CellKind::Text,
    };
    values::moment(cell).map_err(|_| {
        Sentence::new(
            "Không đọc được ngày của bút toán.",
            "The day of the entry cannot be read.",
        )
    })
}

fn first_of<const N: usize>(texts: [&String; N]) -> String {
    let mut texts = texts
        .into_iter()
        .filter(|text| !text.is_empty() && *text != "NOTPROVIDED");
    texts.next().cloned().unwrap_or_default()
}

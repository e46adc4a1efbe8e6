//! One entry of camt, and the rows it comes to.

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::limits::CELL_BYTES_MAX;
use crate::statement::meaning::values::{self, Moment};
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::placeholder::stated_id;
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
        match self.currency.as_str() {
            "VND" => {}
            "" => {
                return Err(Sentence::new(
                    "Số tiền và tài khoản đều không ghi loại tiền (Ccy). Hãy xin ngân hàng tệp có loại tiền.",
                    "Neither the amount nor the account says its currency (Ccy). Ask the bank for a file that does.",
                ));
            }
            _ => {
                return Err(Sentence::new(
                    "Số tiền không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                    "The amount is not in VND. Only payments in Vietnamese dong are taken.",
                ));
            }
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
    /// The amount where older versions have it.
    pub(crate) older_amount: Option<Money>,
    /// What the payer ordered, which is the amount if nothing was changed or taken off on the way.
    pub(crate) instructed: Option<Money>,
    pub(crate) direction: String,
    pub(crate) end_to_end_id: String,
    pub(crate) transaction_id: String,
    pub(crate) bank_ref: String,
    /// What the payer wrote.
    pub(crate) note: Remittance,
    /// References that the payer gave in fields of their own, and what the bank adds.
    pub(crate) more: Remittance,
    pub(crate) at: String,
    /// It gives back what had been paid.
    pub(crate) is_return: bool,
}

/// A text that stands in several elements.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remittance {
    text: String,
    /// The last element was full, so that the next one goes on with its last word.
    is_cut: bool,
    is_too_long: bool,
}

/// The lengths to which systems of banks cut a text that goes on in the next element.
const CUT_AT_CHARS: [usize; 2] = [35, 140];

impl Remittance {
    pub(crate) fn push(&mut self, part: &str) {
        if self.text.len() + part.len() > CELL_BYTES_MAX {
            self.is_too_long = true;
            return;
        }
        if !self.is_cut && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.is_cut = CUT_AT_CHARS.contains(&part.chars().count());
        let part = if self.is_cut { part } else { part.trim() };
        self.text
            .extend(part.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
}

impl Detail {
    fn money(&self) -> Option<&Money> {
        let booked = self.amount.as_ref().or(self.older_amount.as_ref());
        booked.or(self.instructed.as_ref())
    }
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

/// Whose money it is, and in which currency where an amount does not say it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(crate) account: Option<AccountNumber>,
    pub(crate) bank_bin: String,
    pub(crate) currency: String,
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
    direction: &'a str,
    /// A transaction inside says the other direction, and its amount does not account for it.
    is_contradicted: bool,
    detail: Option<&'a Detail>,
    /// Transactions that it stands for.
    count: u32,
}

impl Entry {
    pub(crate) fn is_booked(&self) -> bool {
        self.status == "BOOK"
    }

    /// What the entry does to the balance: only what is booked does.
    pub(crate) fn effect(&self) -> Effect {
        let amount = if self.is_booked() {
            self.amount.dong().unwrap_or(0)
        } else {
            0
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
    ///
    /// The entry's direction is the account's, so it decides. A transaction goes the other way only inside an entry
    /// that comes out so: 65.000 + 35.000 − 20.000 in an entry of 80.000. Inside an entry of money out none is taken in.
    pub(crate) fn events(self, first: u64, owner: &Owner) -> Vec<Event> {
        let opposes = self.details.iter().any(|detail| self.opposes(detail));
        let (directions, is_contradicted) = match self.sums() {
            Some((signed, _)) if self.amount.dong() == Ok(signed) => {
                let own = |detail| -> &str {
                    if self.opposes(detail) {
                        &detail.direction
                    } else {
                        &self.direction
                    }
                };
                (self.details.iter().map(own).collect(), false)
            }
            Some((_, unsigned)) if self.amount.dong() == Ok(unsigned) => {
                (vec![self.direction.as_str(); self.details.len()], opposes)
            }
            _ => (Vec::new(), opposes),
        };
        if directions.is_empty() {
            let known = self.details.len().max(1) as u32;
            let count = self.batch_count.max(known);
            let part = Part {
                row_number: first,
                money: &self.amount,
                direction: &self.direction,
                is_contradicted,
                detail: self.details.first().filter(|_| count == 1),
                count,
            };
            return vec![self.event(&part, owner)];
        }
        let parts = self.details.iter().zip(directions).zip(first..);
        let parts = parts.map(|((detail, direction), row_number)| Part {
            row_number,
            money: detail.money().unwrap_or(&self.amount),
            direction,
            is_contradicted,
            detail: Some(detail),
            count: 1,
        });
        parts.map(|part| self.event(&part, owner)).collect()
    }

    /// What several transactions come to, if each says its amount: those of the other direction subtracted, and all
    /// added up.
    fn sums(&self) -> Option<(i64, i64)> {
        if self.details.len() < 2 || self.has_too_many {
            return None;
        }
        let mut signed = 0_i64;
        let mut unsigned = 0_i64;
        for detail in &self.details {
            let amount = detail.money()?.dong().ok()?;
            unsigned = unsigned.saturating_add(amount);
            signed = signed.saturating_add(if self.opposes(detail) { -amount } else { amount });
        }
        Some((signed, unsigned))
    }

    /// Whether a transaction says that it went the other way than its entry.
    fn opposes(&self, detail: &Detail) -> bool {
        matches!(detail.direction.as_str(), "CRDT" | "DBIT") && detail.direction != self.direction
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
                    part.direction.to_owned(),
                    self.booked_at.clone(),
                    self.bank_ref.clone(),
                    detail.note.text,
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
        let is_taken_back = self.is_reversal || detail.is_return;
        if !matches!(owner.currency.as_str(), "" | "VND") {
            return Err(Sentence::new(
                "Tài khoản của sao kê không phải VND. Chỉ nhận sao kê của tài khoản đồng Việt Nam.",
                "The account of this statement is not in VND. Only statements of accounts in Vietnamese dong are taken.",
            ));
        }
        // A transfer of one's own that came back (ISO 20022 external code set, bank transaction codes).
        let is_own_return = is_taken_back || matches!(self.family.as_str(), "RRTN" | "RPCR");
        let kind = match (part.direction, self.is_reversal) {
            // Its own transaction says that the money went out: somebody has to ask the bank.
            ("CRDT", _) if part.is_contradicted => {
                return Err(Sentence::new(
                    "Bút toán ghi tiền vào (CRDT) nhưng giao dịch bên trong ghi tiền ra (DBIT). Hãy hỏi ngân hàng chiều tiền đúng.",
                    "The entry says money in (CRDT), a transaction inside says money out (DBIT). Ask the bank which way it went.",
                ));
            }
            ("CRDT", _) if self.direction == "DBIT" => {
                return Err(Sentence::new(
                    "Giao dịch ghi tiền vào (CRDT) nằm trong một bút toán ghi tiền ra (DBIT). Hãy hỏi ngân hàng chiều tiền đúng.",
                    "The transaction says money in (CRDT) inside an entry that says money out (DBIT). Ask the bank which way it went.",
                ));
            }
            ("CRDT", true) => return Ok(ignored(IgnoredWhy::ReversedDebit, amount)),
            ("CRDT", false) if is_own_return => return Ok(ignored(IgnoredWhy::ReversedDebit, amount)),
            ("CRDT", false) => RowKind::Payment,
            ("DBIT", _) if is_taken_back => RowKind::Refund,
            ("DBIT", _) if matches!(self.family.as_str(), "CHRG" | "COMM" | "FEES") => RowKind::Fee,
            ("DBIT", _) => RowKind::Outgoing,
            _ => {
                return Err(Sentence::new(
                    "Thiếu chiều tiền (CdtDbtInd: CRDT hoặc DBIT).",
                    "The direction is missing (CdtDbtInd: CRDT or DBIT).",
                ));
            }
        };
        if detail.note.is_too_long || detail.more.is_too_long {
            return Err(sentence!(
                "Nội dung dài hơn {CELL_BYTES_MAX} byte. Tệp có thể bị hỏng; hãy tải lại từ ngân hàng.",
                "The note is longer than {CELL_BYTES_MAX} bytes. The file may be broken; get it from the bank again."
            ));
        }
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
        // The entry may come without its transactions, and again with them: its own reference tells that it is the same.
        row.bank_ref = first_of([&self.bank_ref, &self.entry_ref, &detail.bank_ref]);
        row.provider_txn_id = first_of([
            &detail.bank_ref,
            &detail.transaction_id,
            &self.bank_ref,
            &self.entry_ref,
        ]);
        row.reference = stated_id(&detail.end_to_end_id).to_owned();
        if kind == RowKind::Refund {
            row.refund_of.clone_from(&row.reference);
        }
        row.note = self.note_of(part, detail);
        row.batch.clone_from(&self.batch);
        row.account.clone_from(&owner.account);
        row.bank_bin.clone_from(&owner.bank_bin);
        row.parts = part.count;
        Ok(Event::Row(row))
    }

    /// What the payer wrote, wherever the schema lets it stand. What is said of the entry as a whole is said of its
    /// transaction, unless there are several.
    fn note_of(&self, part: &Part<'_>, detail: &Detail) -> String {
        let of_entry = match part.detail {
            Some(_) if self.details.len() > 1 => "",
            _ => self.note.as_str(),
        };
        let mut note = String::new();
        for text in [detail.note.text.as_str(), &detail.more.text, of_entry] {
            let text = text.trim();
            if !text.is_empty() && !note.contains(text) {
                if !note.is_empty() {
                    note.push(' ');
                }
                note.push_str(text);
            }
        }
        note
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
    let mut texts = texts.into_iter().map(|text| stated_id(text));
    texts.find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

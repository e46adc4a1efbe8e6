//! What is planted: each cause as a notice, a row, both or neither, and a line of the key.

use std::collections::HashSet;
use std::path::Path;

use choso::notice::Outgoing;
use choso::simulate::Payee;
use choso::store::{Store, WriterMemory};
use choso::vn::{Day, TimeMs};
use serde_json::json;

use super::cause::Cause::{self, *};
use super::dialect::{BALANCED, Dialect};
use super::files::{BALANCED_ROWS, FILES, RIGHT_BALANCES, WRONG_BALANCES, WRONG_ROW, day_of};
use super::key::{KeyLine, KeyWriter, RowPlace};
use super::statement::{Row, Statement, moment};
use crate::error::Result;
use crate::payment_source::PaymentSource;

/// Notices in one callback, and callbacks kept in one transaction.
const NOTICES_AT_ONCE: usize = 512;
const CALLBACKS_AT_ONCE: usize = 8;
/// Common prices are so far from each other; what must be like nothing else has none of them.
const PRICE_STEP_VND: i64 = 5_000;
/// Of so many households each file has one group to itself for its lumps: a lump is a household's whole day.
const GROUPS: usize = 10;

/// A payment that happened, whoever tells of it.
#[derive(Debug, Clone)]
struct Paid {
    payee: usize,
    amount_vnd: i64,
    at: TimeMs,
    txn: String,
    bank_ref: String,
}

/// Fills statements, their key, and the notices of the same payments.
pub struct Planter<'a> {
    source: &'a PaymentSource,
    random: fastrand::Rng,
    statements: Vec<Statement>,
    key: KeyWriter,
    /// What the provider told and the ledger was not given yet.
    notices: Vec<serde_json::Value>,
    /// Household and amount of what no id holds together.
    unique: HashSet<(usize, i64)>,
    /// Payments so far; ids are made of it.
    count: u64,
    /// Lumps of each file so far.
    lumps: [usize; FILES],
}

impl<'a> Planter<'a> {
    pub fn new(
        source: &'a PaymentSource,
        folder: &Path,
        dialects: &[Dialect; FILES],
        seed: u64,
    ) -> Result<Planter<'a>> {
        let statement = |(file, dialect): (usize, &Dialect)| {
            let from = day_of(file.saturating_sub(1));
            Statement::create(
                &folder.join(dialect.file_name(file + 1)),
                *dialect,
                from,
                day_of(file),
            )
        };
        Ok(Planter {
            source,
            random: fastrand::Rng::with_seed(seed),
            statements: dialects
                .iter()
                .enumerate()
                .map(statement)
                .collect::<Result<_>>()?,
            key: KeyWriter::create(folder)?,
            notices: Vec::new(),
            unique: HashSet::new(),
            count: 0,
            lumps: [0; FILES],
        })
    }

    /// Writes a file whose balances follow from row to row, and one in which one does not.
    pub fn write_balances(&mut self, folder: &Path, at: TimeMs) -> Result<()> {
        let payments: Vec<Paid> = (0..BALANCED_ROWS)
            .map(|number| {
                let amount_vnd = PRICE_STEP_VND * self.random.i64(4..64);
                self.paid(0, amount_vnd, TimeMs(at.0 + number as i64 * 60_000))
            })
            .collect();
        for name in [RIGHT_BALANCES, WRONG_BALANCES] {
            let day = day_of(0);
            let mut statement = Statement::create(&folder.join(name), BALANCED, day, day)?;
            for (number, paid) in (1..).zip(&payments) {
                let row = self.row_of(paid);
                if name == WRONG_BALANCES && number == WRONG_ROW {
                    statement.lose_from_balance(&row.account, 1_000);
                }
                // Every third goes out.
                let out = row.out("Ghi nợ", row.amount_vnd);
                statement.row(if number % 3 == 0 { &out } else { &row })?;
            }
            statement.finish()?;
        }
        Ok(())
    }

    fn payees(&self) -> &'a [Payee] {
        self.source.payees()
    }

    pub fn finish(self) -> Result<()> {
        self.key.finish()?;
        self.statements.into_iter().try_for_each(Statement::finish)
    }

    /// Whether it is time to [`Planter::post`].
    pub fn has_many_notices(&self) -> bool {
        self.notices.len() >= NOTICES_AT_ONCE * CALLBACKS_AT_ONCE
    }

    /// Gives the ledger what the provider told up to now, as genuine callbacks.
    pub async fn post(&mut self, store: &Store, memory: &mut WriterMemory, now: TimeMs) -> Result<()> {
        let any_payment = self.source.payment(0, now);
        let callback = self.source.provider().compose(&any_payment, now)?;
        let mut arrivals = Vec::new();
        for notices in std::mem::take(&mut self.notices).chunks(NOTICES_AT_ONCE) {
            // The token in its headers proves it, whatever it says.
            let callback = Outgoing {
                body: json!({ "error": 0, "data": notices }).to_string(),
                ..callback.clone()
            };
            arrivals.push(self.source.arrival(&callback, now)?);
        }
        if !arrivals.is_empty() {
            store.post(&arrivals, memory).await?;
        }
        Ok(())
    }

    /// A payment with ids of its own.
    fn paid(&mut self, payee: usize, amount_vnd: i64, at: TimeMs) -> Paid {
        self.count += 1;
        Paid {
            payee,
            amount_vnd,
            at,
            txn: with_check_digits(1_000_000_000 + self.count).to_string(),
            bank_ref: format!("FT{}", with_check_digits(2_000_000_000 + self.count)),
        }
    }

    /// A payment that ids hold together, at a price as they are common.
    fn common_payment(&mut self, at: TimeMs) -> Paid {
        let payee = self.random.usize(0..self.payees().len());
        let amount_vnd = PRICE_STEP_VND * self.random.i64(4..64);
        self.paid(payee, amount_vnd, at)
    }

    /// A payment that nothing else is like, in a household without lumps.
    fn unique_payment(&mut self, at: TimeMs) -> Paid {
        loop {
            let payee = self.random.usize(0..self.payees().len());
            let amount_vnd = 1_000 * self.random.i64(20..1_000);
            let is_common = amount_vnd % PRICE_STEP_VND == 0;
            if payee % GROUPS >= FILES && !is_common && self.unique.insert((payee, amount_vnd)) {
                return self.paid(payee, amount_vnd, at);
            }
        }
    }

    /// A payment at one of few prices in one of few households: a stall that sells the same all day.
    fn frequent_payment(&mut self, at: TimeMs) -> Paid {
        let payee = FILES + self.random.usize(0..5);
        let amount_vnd = PRICE_STEP_VND * self.random.i64(4..8);
        self.paid(payee, amount_vnd, at)
    }

    /// The provider tells of a payment.
    fn notify(&mut self, paid: &Paid) {
        let payee = &self.payees()[paid.payee];
        self.notify_as(paid, paid.amount_vnd, &payee.account_number);
    }

    /// The provider tells of a payment as one of another amount or account.
    fn notify_as(&mut self, paid: &Paid, amount_vnd: i64, account_number: &str) {
        let payee = &self.payees()[paid.payee];
        self.notices.push(json!({
            "id": paid.txn.parse::<u64>().unwrap_or_default(),
            "tid": paid.bank_ref,
            "description": format!("{} tien hang", payee.stall_code),
            "amount": amount_vnd,
            "when": paid.at.iso()[..19].replace('T', " "),
            "subAccId": account_number,
        }));
    }

    /// The row that belongs to a payment.
    fn row_of(&self, paid: &Paid) -> Row {
        let payee = &self.payees()[paid.payee];
        Row {
            when: moment(paid.at),
            txn: paid.txn.clone(),
            bank_ref: paid.bank_ref.clone(),
            account: payee.account_number.clone(),
            note: format!("{} tien hang", payee.stall_code),
            ..Row::new(paid.amount_vnd)
        }
    }

    /// Writes a row and notes in the key what must be said of it.
    fn planted_row(&mut self, cause: Cause, file: usize, row: &Row, kinds: &str) -> Result<()> {
        let line = self.statements[file].row(row)?;
        self.key.add(&KeyLine {
            cause,
            row: Some(RowPlace { file, line }),
            txn: &row.txn,
            amount_vnd: row.amount_vnd.abs(),
            kinds,
        })
    }

    /// Notes in the key what must be said of a receipt or notice that has no row.
    fn planted_without_row(&mut self, cause: Cause, paid: &Paid, amount_vnd: i64, kinds: &str) -> Result<()> {
        self.key.add(&KeyLine {
            cause,
            row: None,
            txn: &paid.txn,
            amount_vnd,
            kinds,
        })
    }

    /// A payment as nearly all are: told of, and listed.
    pub fn plain(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.common_payment(at);
        self.notify(&paid);
        let row = self.row_of(&paid);
        self.statements[file].row(&row).map(drop)
    }

    /// One planted cause.
    pub fn plant(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let later = file + 1;
        let needs_later = matches!(cause, Late | DuplicateRowLater | RepeatedRow);
        if needs_later && later == FILES {
            return self.plain(file, at);
        }
        match cause {
            Lump => self.plant_lump(file, at),
            DroppedReferenceOfTwins => self.plant_twins(file, at),
            MissingNotice | MissingRow | BadRow(_) | Late => self.plant_one_sided(cause, file, at),
            DuplicateNotice | DuplicateRow | DuplicateRowLater | RepeatedRow => {
                self.plant_duplicate(cause, file, at)
            }
            Reversed | ReversedByReference | WrongDirection | WrongDirectionWithoutId => {
                self.plant_money_out(cause, file, at)
            }
            UnknownAccount => {
                let paid = self.common_payment(at);
                let account = format!("99{:08}", self.count);
                self.notify_as(&paid, paid.amount_vnd, &account);
                let row = Row {
                    account,
                    ..self.row_of(&paid)
                };
                self.planted_row(cause, file, &row, "unknown_account")
            }
            _ => self.plant_changed(cause, file, at),
        }
    }

    /// Only one of notice and row, or the row somewhere else.
    fn plant_one_sided(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.unique_payment(at);
        let row = self.row_of(&paid);
        let without_row = |planter: &mut Self| {
            planter.notify(&paid);
            planter.planted_without_row(cause, &paid, paid.amount_vnd, "missing_in_statement")
        };
        match cause {
            MissingNotice => self.planted_row(cause, file, &row, "missing_notice"),
            BadRow(how) => {
                let line = self.statements[file].spoilt(&row, how)?;
                self.key.add(&KeyLine {
                    cause,
                    row: Some(RowPlace { file, line }),
                    txn: "",
                    amount_vnd: 0,
                    kinds: "bad_row",
                })?;
                without_row(self)
            }
            Late => {
                self.notify(&paid);
                self.planted_row(cause, file + 1, &row, "matched_auto")
            }
            _ => without_row(self),
        }
    }

    /// The same once more, with other content or the same.
    fn plant_duplicate(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.common_payment(at);
        let row = self.row_of(&paid);
        self.notify(&paid);
        self.statements[file].row(&row)?;
        match cause {
            DuplicateNotice => {
                let payee = &self.payees()[paid.payee];
                let other_vnd = paid.amount_vnd + 10_000;
                self.notify_as(&paid, other_vnd, &payee.account_number);
                self.planted_without_row(cause, &paid, other_vnd, "duplicate_notice")
            }
            DuplicateRow => self.planted_row(cause, file, &row, "duplicate_row"),
            DuplicateRowLater => {
                let row = Row {
                    note: format!("{} lan 2", row.note),
                    ..row
                };
                self.planted_row(cause, file + 1, &row, "duplicate_row")
            }
            // Word for word what another file said: it is not kept twice. A batch number says more.
            _ if self.statements[file].has_batch() == self.statements[file + 1].has_batch() => {
                self.planted_row(cause, file + 1, &row, "")
            }
            _ => self.planted_row(cause, file + 1, &row, "duplicate_row"),
        }
    }

    /// Money that went back, or has the wrong sign.
    fn plant_money_out(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = match cause {
            WrongDirectionWithoutId => self.unique_payment(at),
            _ => self.common_payment(at),
        };
        let row = self.row_of(&paid);
        self.notify(&paid);
        match cause {
            Reversed => {
                self.statements[file].row(&row)?;
                self.planted_row(cause, file, &row.out("Hoàn tiền", paid.amount_vnd), "reversed")
            }
            ReversedByReference => {
                self.statements[file].row(&row)?;
                let own = self.paid(paid.payee, paid.amount_vnd, at);
                let back = Row {
                    txn: own.txn,
                    ..row.out("Hoàn tiền", paid.amount_vnd / 2)
                };
                self.planted_row(cause, file, &back, "reversed")
            }
            WrongDirection => self.planted_row(
                cause,
                file,
                &row.out("Ghi nợ", paid.amount_vnd),
                "wrong_direction",
            ),
            _ => {
                let debit = Row {
                    txn: String::new(),
                    bank_ref: String::new(),
                    ..row.out("Ghi nợ", paid.amount_vnd)
                };
                self.planted_row(cause, file, &debit, "wrong_direction")
            }
        }
    }

    /// Told of and listed, but something is different.
    fn plant_changed(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let has_id = !matches!(
            cause,
            DroppedId
                | DroppedReference
                | DroppedReferenceAndNote
                | DroppedReferenceAndTime
                | SwappedReference
                | SwappedBothReferences
        );
        let paid = match cause {
            DroppedReferenceOfMany => self.frequent_payment(at),
            _ if has_id => self.common_payment(at),
            _ => self.unique_payment(at),
        };
        self.notify(&paid);
        let row = self.row_of(&paid);
        let none = String::new;
        let (row, kinds) = match cause {
            AmountOff => {
                let off_vnd = 1_000 * self.random.i64(1..10);
                let sign = if self.random.bool() { 1 } else { -1 };
                (
                    with_amount(row, paid.amount_vnd + sign * off_vnd),
                    "amount_differs",
                )
            }
            // 40.000 has no two digits that can change places; then it is a payment as any other.
            SwappedAmount | SwappedReference | SwappedBothReferences | SwappedAccount => {
                match with_swapped(cause, &row) {
                    Some(changed) => changed,
                    None => return self.statements[file].row(&row).map(drop),
                }
            }
            WrongAccount => {
                let other = (paid.payee + 1) % self.payees().len();
                let account = self.payees()[other].account_number.clone();
                (Row { account, ..row }, "unknown_account")
            }
            DroppedId => (Row { txn: none(), ..row }, "matched_auto"),
            DroppedReference => (nameless(row), "matched_auto"),
            DroppedReferenceAndNote => (
                Row {
                    note: "tien hang".to_owned(),
                    ..nameless(row)
                },
                "matched_auto",
            ),
            DroppedReferenceAndTime => (
                Row {
                    when: Day::of(at).show(),
                    ..nameless(row)
                },
                "matched_auto",
            ),
            // Its likes are told apart by their times, if at all; a person may have to.
            DroppedReferenceOfMany => {
                let mut row = nameless(row);
                if self.random.bool() {
                    row.when = Day::of(at).show();
                }
                if self.random.bool() {
                    "tien hang".clone_into(&mut row.note);
                }
                (row, "matched_auto|ambiguous")
            }
            FeeTwice => {
                let net_vnd = row.net_vnd - row.fee_vnd;
                (Row { net_vnd, ..row }, "fee_differs")
            }
            _ => {
                let net_vnd = row.net_vnd + row.vat_vnd;
                (Row { net_vnd, ..row }, "fee_differs")
            }
        };
        self.planted_row(cause, file, &row, kinds)
    }

    /// Two payments alike in everything but their ids, and one row that names neither.
    fn plant_twins(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let first = self.unique_payment(at);
        let second = self.paid(first.payee, first.amount_vnd, TimeMs(at.0 + 60_000));
        self.notify(&first);
        self.notify(&second);
        let row = nameless(self.row_of(&first));
        self.planted_row(DroppedReferenceOfTwins, file, &row, "ambiguous")
    }

    /// One row for several payments of a household that has no other cause on that day; where all such have
    /// theirs, a payment as any other.
    fn plant_lump(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let payee = self.lumps[file] * GROUPS + file;
        if payee >= self.payees().len() {
            return self.plain(file, at);
        }
        self.lumps[file] += 1;
        let count = self.random.u32(2..9);
        let mut sum_vnd = 0;
        let mut last = None;
        for _ in 0..count {
            let amount_vnd = 1_000 * self.random.i64(20..1_000);
            let paid = self.paid(payee, amount_vnd, at);
            self.notify(&paid);
            sum_vnd += amount_vnd;
            last = Some(paid);
        }
        let Some(last) = last else { return Ok(()) };
        let row = nameless(self.row_of(&last));
        let row = Row {
            when: format!("{} 22:30:00", Day::of(at).show()),
            bank_ref: format!("LO{}", last.txn),
            note: "Ket chuyen".to_owned(),
            ..with_amount(row, sum_vnd)
        };
        self.planted_row(Lump, file, &row, "lump")
    }
}

/// The number with two digits behind it that make it leave 1 when it is divided by 97, as in numbers of accounts:
/// with one digit wrong, or two neighbours in each other's place, it is no other number of this kind.
fn with_check_digits(number: u64) -> u64 {
    number * 100 + 98 - number * 100 % 97
}

/// The row without what names its payment.
fn nameless(row: Row) -> Row {
    Row {
        txn: String::new(),
        bank_ref: String::new(),
        ..row
    }
}

/// The row with another amount, and the fee of that amount.
fn with_amount(row: Row, amount_vnd: i64) -> Row {
    let Row {
        amount_vnd,
        fee_vnd,
        vat_vnd,
        net_vnd,
        ..
    } = Row::new(amount_vnd);
    Row {
        amount_vnd,
        fee_vnd,
        vat_vnd,
        net_vnd,
        ..row
    }
}

/// The row with two digits in each other's place, and what must be said of it; none if no two can change.
fn with_swapped(cause: Cause, row: &Row) -> Option<(Row, &'static str)> {
    let mut changed = row.clone();
    match cause {
        SwappedAmount => {
            let amount_vnd = swapped(&row.amount_vnd.to_string())?.parse().ok()?;
            return Some((with_amount(changed, amount_vnd), "amount_differs"));
        }
        SwappedAccount => {
            changed.account = swapped(&row.account)?;
            return Some((changed, "unknown_account"));
        }
        SwappedBothReferences => changed.bank_ref = swapped(&row.bank_ref)?,
        _ => {}
    }
    changed.txn = swapped(&row.txn)?;
    Some((changed, "matched_auto"))
}

/// The text with its first two different neighbouring digits in each other's place, none of them 0.
fn swapped(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let is_fit = |pair: &[u8]| pair[0] != pair[1] && pair.iter().all(|b| matches!(b, b'1'..=b'9'));
    let at = bytes.windows(2).position(is_fit)?;
    bytes.swap(at, at + 1);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_digits_make_another_text_that_is_nobodys_id() {
        assert_eq!(swapped("240000").as_deref(), Some("420000"));
        assert_eq!(swapped("FT2000012").as_deref(), Some("FT2000021"));
        assert_eq!(swapped("1000000300"), None, "a number keeps its length");
        for count in 0..20_000 {
            let id = with_check_digits(1_000_000_000 + count);
            assert_eq!(id % 97, 1);
            let other: Option<u64> = swapped(&id.to_string()).and_then(|text| text.parse().ok());
            assert!(other.is_none_or(|other| other != id && other % 97 != 1), "{id}");
        }
    }
}

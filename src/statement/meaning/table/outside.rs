//! Rows above, between and below those of a table: titles, balances, totals, signatures, and what they announce.

use super::{NoMovement, SUMMED, Table};
use crate::statement::containers::cells::{Cell, CellKind, RowBuf};
use crate::statement::error::StatementError;
use crate::statement::meaning::amounts;
use crate::statement::meaning::fault::ValueFault;
use crate::statement::meaning::header;
use crate::statement::meaning::mapping::Column;
use crate::statement::meaning::sections::{self, Below};
use crate::statement::meaning::survey::MONEY;
use crate::statement::meaning::units;
use crate::statement::meaning::words::{self, Announced};
use crate::statement::row::IgnoredWhy;
use crate::statement::summary::FootTotal;
use crate::vn::{AccountNumber, Dong};

/// Cells that a title or signature has at most, if it holds digits.
const TITLE_CELLS_MAX: usize = 2;

impl Table {
    /// Takes the statement's account and balances from the rows above the header.
    ///
    /// # Errors
    /// One of them names another unit than the đồng.
    pub(crate) fn titles(&mut self, sheet: &str, rows: &[Vec<String>]) -> Result<(), StatementError> {
        self.take_section(&[sheet]);
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.take_section(&cells);
            if let Some(error) = other_unit(&cells) {
                return Err(error);
            }
            self.take_announced(&cells, None);
        }
        let is_banks = self.has(Column::Balance) || (self.has(Column::Debit) && self.has(Column::Credit));
        let is_bare = || words::is_bare_account(self.name(Column::Account).0);
        self.ignores_account = self.account.is_some() && is_banks && is_bare();
        Ok(())
    }

    /// A row without a day may be none of the table's: a header that comes again, a total, a balance, a
    /// title, a signature. Whatever holds an amount and is none of them stays, to be a bad row.
    pub(super) fn check_outside(
        &mut self,
        row: &RowBuf,
        has_gross: bool,
        has_day: bool,
    ) -> Result<(), NoMovement> {
        let title = NoMovement::Ignored(IgnoredWhy::Title, 0);
        if self.header.repeats(row.texts()) || header::is_numbering(row.texts()) {
            return Err(title);
        }
        let cells: Vec<&str> = row.texts().collect();
        match header::as_header(&cells, &self.mapping) {
            header::AsHeader::None => {}
            header::AsHeader::Same => return Err(title),
            header::AsHeader::Other => {
                return Err(NoMovement::End(StatementError::SecondTable { row: row.number }));
            }
        }
        // A payment whose day is spoilt keeps its id, and a note may begin with any word.
        let has_id = self.has_own_id(row);
        let announced = if has_id && has_gross {
            None
        } else {
            self.take_announced(&cells, Some(row))
        };
        if let Some(announced) = announced {
            match announced {
                Announced::Total => {
                    self.take_total(row);
                    return Err(NoMovement::Ignored(IgnoredWhy::Total, 0));
                }
                Announced::Opening | Announced::Closing => {
                    return Err(NoMovement::Ignored(IgnoredWhy::Balance, 0));
                }
                Announced::Account => {}
            }
        }
        if self.is_bare_total(row) {
            self.take_total(row);
            return Err(NoMovement::Ignored(IgnoredWhy::Total, 0));
        }
        let filled = cells.iter().filter(|c| !c.is_empty()).count();
        let has_digits = cells.iter().any(|c| c.bytes().any(|b| b.is_ascii_digit()));
        let has_amount =
            (0..SUMMED).any(|at| matches!(self.money(row, at), Some(Ok(Some(_)) | Err(ValueFault::Formula))));
        let is_title = !has_amount && (!has_digits || filled <= TITLE_CELLS_MAX);
        if is_title && let Some(error) = other_unit(&cells) {
            return Err(NoMovement::End(error));
        }
        if is_title {
            self.take_section(&cells);
        }
        if is_title && announced == Some(Announced::Account) {
            self.change_account(&cells)?;
        }
        // A row with a day and an id whose amount is empty is a payment that lost it.
        let is_payment = has_id && has_day;
        if is_title && !is_payment && row.fault.is_none() {
            return Err(title);
        }
        Ok(())
    }

    /// Notes what a title says of the rows below it, unless each row says that itself.
    fn take_section(&mut self, cells: &[&str]) {
        let text = cells.iter().copied().filter(|cell| !cell.is_empty());
        let text = text.collect::<Vec<_>>().join(" ");
        let is_sided = self.has(Column::Debit) && self.has(Column::Credit);
        let tells_direction = is_sided || self.has(Column::Kind) || self.columns.numbers[0].is_signed();
        match sections::says(&text) {
            Some(Below::Received) => self.section = None,
            Some(Below::OtherWay) if !tells_direction => self.section = Some(text),
            Some(Below::NotDone) if !self.has(Column::Status) => self.section = Some(text),
            _ => {}
        }
    }

    /// A title between the rows may begin the rows of another account, with balances of its own.
    fn change_account(&mut self, cells: &[&str]) -> Result<(), NoMovement> {
        let Some(found) = announced_account(cells) else {
            return Ok(());
        };
        if self.account.as_ref().is_some_and(|own| *own != found) {
            self.end_section().map_err(NoMovement::End)?;
            self.account = Some(found);
        }
        Ok(())
    }

    /// Whether a row holds sums of columns and nothing else: a total that nobody wrote a word before.
    fn is_bare_total(&self, row: &RowBuf) -> bool {
        let mut sums = 0;
        for place in 0..row.len() {
            if row.cell(place).text.is_empty() {
                continue;
            }
            let at = (0..SUMMED).find(|&at| self.places[MONEY[at] as usize] == Some(place));
            let stated = at.and_then(|at| self.money(row, at)?.ok().flatten());
            match (at.map(|at| self.sums[at]), stated) {
                (Some(sum), Some(stated)) if sum.is(stated) => sums += 1,
                _ => return false,
            }
        }
        sums > 0
    }

    /// Takes what the cells of a row outside the table announce: the account, a balance, a total.
    pub(super) fn take_announced(&mut self, cells: &[&str], row: Option<&RowBuf>) -> Option<Announced> {
        let mut first = None;
        for (at, cell) in cells.iter().enumerate() {
            let Some((what, behind)) = words::announced(cell) else {
                continue;
            };
            let amount = || {
                // Where the table has a column of balances, a row of the table has it there.
                let own = row.and_then(|row| self.balance(row).ok().flatten());
                let of = if self.has(Column::Balance) { SUMMED } else { 0 };
                let style = &self.columns.numbers[of];
                let mut values = std::iter::once(behind).chain(cells[at + 1..].iter().copied());
                own.or_else(|| {
                    values.find_map(|text| {
                        let cell = Cell {
                            text,
                            kind: CellKind::Text,
                        };
                        amounts::balance_in(cell, style).ok().flatten()
                    })
                })
            };
            match what {
                Announced::Opening => {
                    let amount = amount();
                    self.proof.opens(amount);
                }
                Announced::Closing => {
                    let amount = amount();
                    self.proof.closes(amount);
                }
                Announced::Account if self.account.is_none() => {
                    self.account = announced_account(&cells[at..])
                }
                _ => {}
            }
            first = first.or(Some(what));
        }
        first
    }

    /// Takes the totals of a row at the foot, each from its own column.
    fn take_total(&mut self, row: &RowBuf) {
        for (at, column) in MONEY.into_iter().enumerate().take(SUMMED) {
            let Some(Ok(Some(stated))) = self.money(row, at) else {
                continue;
            };
            let sum = self.sums[at];
            let agrees = sum.is(stated);
            self.summary.totals.retain(|total| total.column != column);
            self.summary.totals.push(FootTotal {
                row_number: row.number,
                column,
                stated: Dong::new(stated),
                summed: Dong::new(sum.all),
                agrees,
            });
        }
    }
}

/// Another unit than the đồng that a row above or below the table names.
fn other_unit(cells: &[&str]) -> Option<StatementError> {
    let of_account = || {
        let is_account = |cell: &&&str| matches!(words::announced(cell), Some((Announced::Account, _)));
        let from = cells.iter().position(|cell| is_account(&cell))?;
        cells[from..].iter().find_map(|cell| units::behind_account(cell))
    };
    let unit = units::in_titles(cells).or_else(of_account)?;
    let named: Vec<&str> = cells
        .iter()
        .copied()
        .filter(|cell| !cell.is_empty())
        .take(2)
        .collect();
    // The number of an account is not repeated.
    let digits = named
        .iter()
        .flat_map(|cell| cell.bytes())
        .filter(u8::is_ascii_digit)
        .count();
    let text = if digits > 7 { unit.clone() } else { named.join(" ") };
    Some(StatementError::OtherUnit { text, unit })
}

/// The account that the cells of a title announce.
fn announced_account(cells: &[&str]) -> Option<AccountNumber> {
    cells.iter().enumerate().find_map(|(at, cell)| {
        let (what, behind) = words::announced(cell)?;
        let mut values = std::iter::once(behind).chain(cells[at + 1..].iter().copied());
        (what == Announced::Account)
            .then(|| values.find_map(account_in))
            .flatten()
    })
}

/// The account in a text such as `0011012345678 - HO KINH DOANH VI DU (VND)`.
fn account_in(text: &str) -> Option<AccountNumber> {
    let number = text.split([' ', '(', '/']).find(|part| !part.is_empty())?;
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (digits >= 6).then(|| AccountNumber::parse(number).ok()).flatten()
}

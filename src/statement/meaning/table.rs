//! What a row of cells means, by the mapping: a movement, a bad row, or none of the table's own.

use std::fmt::Display;

use crate::statement::containers::cells::{Cell, RowBuf};
use crate::statement::kind::FileKind;
use crate::statement::meaning::header::Header;
use crate::statement::meaning::mapping::{Column, Mapping};
use crate::statement::meaning::values::{self, Moment, ValueFault};
use crate::statement::meaning::words::{self, Announced, Memo};
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::row::{BadRow, Event, IgnoredRow, IgnoredWhy, StatementRow};
use crate::statement::summary::{Balance, FootTotal, Summary, saturating_sum};
use crate::vn::{AccountNumber, Dong, Sentence, sentence};

/// What to do about a value that is none of its column.
const SHIFTED_VI: &str = "Hãy kiểm tra dòng này có bị lệch cột không.";
const SHIFTED_EN: &str = "Check whether the cells of this row are shifted.";

/// Columns whose amounts are summed and may have a total at the foot.
const SUMMED: [Column; 7] = [
    Column::Amount,
    Column::Debit,
    Column::Credit,
    Column::Fee,
    Column::Vat,
    Column::Discount,
    Column::Net,
];

/// Cells that a title or signature has at most, if it holds digits.
const TITLE_CELLS_MAX: usize = 2;

/// Reads the rows of one table.
pub(crate) struct Table {
    mapping: Mapping,
    header: Header,
    /// The place of each meaning, by the order of the meanings.
    places: [Option<usize>; Column::ALL.len()],
    summary: Summary,
    sums: [Sum; SUMMED.len()],
    account: Option<AccountNumber>,
    opening: Option<Dong>,
    closing: Option<Dong>,
    /// Money in and out, of the rows that have been settled.
    credits: Dong,
    debits: Dong,
    kinds: Memo<RowKind>,
    statuses: Memo<(RowStatus, Option<RowKind>)>,
    currencies: Memo<()>,
}

/// What a column has come to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    all: i64,
    settled: i64,
}

impl Sum {
    /// Whether a stated total is this one, of all rows or of the settled ones, whatever its sign.
    fn is(self, stated: i64) -> bool {
        [self.all, self.settled, -self.all, -self.settled].contains(&stated)
    }
}

/// The amounts of a row by the order of [`SUMMED`], signs as they stand.
type Amounts = [Option<i64>; SUMMED.len()];

/// Why a row is not a movement.
enum NoMovement {
    Bad(Sentence),
    Ignored(IgnoredWhy, i64),
}

impl Table {
    pub(crate) fn new(mapping: Mapping, header: Header, kind: FileKind) -> Table {
        let mut places = [None; Column::ALL.len()];
        for (&column, &place) in &mapping.columns {
            places[column as usize] = Some(place);
        }
        Table {
            mapping,
            header,
            places,
            summary: Summary::new(kind),
            sums: [Sum::default(); SUMMED.len()],
            account: None,
            opening: None,
            closing: None,
            credits: Dong::ZERO,
            debits: Dong::ZERO,
            kinds: Memo::new(),
            statuses: Memo::new(),
            currencies: Memo::new(),
        }
    }

    /// Takes the statement's account and balances from the rows above the header.
    pub(crate) fn titles(&mut self, rows: &[Vec<String>]) {
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.take_announced(&cells);
        }
    }

    /// What the row is; none if it says nothing.
    pub(crate) fn read(&mut self, row: &RowBuf) -> Option<Event> {
        let event = match self.movement(row) {
            Ok(movement) => Event::Row(movement),
            Err(NoMovement::Ignored(why, amount)) => Event::Ignored(IgnoredRow {
                row_number: row.number,
                why,
                amount: Dong::new(amount.saturating_abs()),
            }),
            Err(NoMovement::Bad(reason)) => Event::Bad(BadRow {
                row_number: row.number,
                cells: row.owned(),
                reason,
            }),
        };
        self.summary.count(&event);
        Some(event)
    }

    /// The end of the table.
    pub(crate) fn finish(mut self) -> Summary {
        if let (Some(opening), Some(closing)) = (self.opening, self.closing) {
            let expected = opening
                .vnd()
                .saturating_add(self.credits.vnd())
                .saturating_sub(self.debits.vnd());
            self.summary.balance = Some(Balance {
                opening,
                credits: self.credits,
                debits: self.debits,
                closing,
                parts: 1,
                parts_off: u64::from(expected != closing.vnd()),
            });
        }
        self.summary.account = self.account;
        self.summary
    }

    fn cell<'r>(&self, row: &'r RowBuf, column: Column) -> Option<Cell<'r>> {
        self.places[column as usize].map(|place| row.cell(place))
    }

    fn has(&self, column: Column) -> bool {
        self.places[column as usize].is_some()
    }

    fn movement(&mut self, row: &RowBuf) -> Result<StatementRow, NoMovement> {
        let moment = self.moment(row);
        if !matches!(moment, Ok(Some(_))) {
            self.check_outside(row)?;
        }
        if let Some(fault) = row.fault {
            return Err(NoMovement::Bad(fault.sentence()));
        }
        self.check_width(row)?;
        let moment = moment.map_err(NoMovement::Bad)?.ok_or_else(|| {
            NoMovement::Bad(self.about(
                Column::When,
                format!("còn trống. {SHIFTED_VI}"),
                format!("is empty. {SHIFTED_EN}"),
            ))
        })?;
        let amounts = self.amounts(row)?;
        let (kind, status) = self.kind_and_status(row)?;
        self.check_rest(row)?;
        let (kind, gross) = match self.gross(row, &amounts, kind) {
            Ok(gross) => gross,
            Err(not) => {
                match not {
                    NoMovement::Ignored(IgnoredWhy::Balance, _) => {
                        let cells: Vec<&str> = row.texts().collect();
                        self.take_announced(&cells);
                    }
                    // Money that came back is no movement here, yet the balance knows of it.
                    NoMovement::Ignored(..) => self.add_up(&amounts, status),
                    NoMovement::Bad(_) => {}
                }
                return Err(not);
            }
        };
        let amount = Dong::payment(gross).map_err(|_| self.bad(Column::Amount, ValueFault::TooLarge))?;
        let mut movement = StatementRow::new(row.number, kind, amount, moment.day);
        movement.status = status;
        movement.occurred_at = moment.at;
        self.take_money(&mut movement, &amounts);
        self.take_texts(row, &mut movement)?;
        self.add_up(&amounts, status);
        Ok(movement)
    }

    /// What the file calls a column; what it is called in both languages if the file does not.
    fn name(&self, column: Column) -> (&str, &str) {
        let place = self.places[column as usize];
        place
            .and_then(|place| self.header.texts.get(place))
            .map_or((column.show(), column.show_en()), |text| (text, text))
    }

    /// A sentence that begins with the name of a column.
    fn about(&self, column: Column, vi: impl Display, en: impl Display) -> Sentence {
        let (name_vi, name_en) = self.name(column);
        sentence!("Cột «{name_vi}» {vi}", "Column «{name_en}» {en}")
    }

    /// A bad row for what stands in this column.
    fn bad(&self, column: Column, fault: ValueFault) -> NoMovement {
        let (vi, en) = fault.words();
        NoMovement::Bad(self.about(column, vi + ".", en + "."))
    }

    fn moment(&self, row: &RowBuf) -> Result<Option<Moment>, Sentence> {
        let because = |column: Column, fault: ValueFault| {
            let (vi, en) = fault.words();
            if matches!(fault, ValueFault::NotADay | ValueFault::NotATime) {
                self.about(
                    column,
                    format!("{vi}. {SHIFTED_VI}"),
                    format!("{en}. {SHIFTED_EN}"),
                )
            } else {
                self.about(column, vi + ".", en + ".")
            }
        };
        let Some(cell) = self.cell(row, Column::When) else {
            return Ok(None);
        };
        let Some(mut moment) = values::moment(cell).map_err(|fault| because(Column::When, fault))? else {
            return Ok(None);
        };
        if let Some(cell) = self.cell(row, Column::Time) {
            let time_ms = values::time_of_day(cell).map_err(|fault| because(Column::Time, fault))?;
            if let Some(time_ms) = time_ms {
                moment = Moment::local(moment.day, time_ms);
            }
        }
        Ok(Some(moment))
    }

    /// A row without a day may be none of the table's: a header that comes again, a total, a balance, a
    /// title, a signature. Whatever holds an amount and is none of them stays, to be a bad row.
    fn check_outside(&mut self, row: &RowBuf) -> Result<(), NoMovement> {
        if self.header.repeats(row.texts()) {
            return Err(NoMovement::Ignored(IgnoredWhy::Title, 0));
        }
        let cells: Vec<&str> = row.texts().collect();
        // A payment whose day is spoilt keeps its id, and a note may begin with any word.
        let ids = [Column::TransactionId, Column::BankRef, Column::Reference];
        let has_id = ids.iter().any(|&column| {
            let cell = self.cell(row, column);
            cell.is_some_and(|cell| cell.text.bytes().any(|b| b.is_ascii_digit()))
        });
        let announced = if has_id { None } else { self.take_announced(&cells) };
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
        let has_amount = SUMMED.iter().any(|&column| {
            let cell = self.cell(row, column);
            cell.is_some_and(|cell| matches!(values::amount(cell), Ok(Some(_)) | Err(ValueFault::Formula)))
        });
        let is_title = !has_amount && (!has_digits || filled <= TITLE_CELLS_MAX);
        if is_title && row.fault.is_none() {
            return Err(NoMovement::Ignored(IgnoredWhy::Title, 0));
        }
        Ok(())
    }

    /// Whether a row holds sums of columns and nothing else: a total that nobody wrote a word before.
    fn is_bare_total(&self, row: &RowBuf) -> bool {
        let mut sums = 0;
        for place in 0..row.len() {
            let cell = row.cell(place);
            if cell.text.is_empty() {
                continue;
            }
            let at = SUMMED
                .iter()
                .position(|&column| self.places[column as usize] == Some(place));
            let stated = values::amount(cell).ok().flatten();
            match (at.map(|at| self.sums[at]), stated) {
                (Some(sum), Some(stated)) if sum.is(stated) => sums += 1,
                _ => return false,
            }
        }
        sums > 0
    }

    /// Takes what the cells of a row outside the table announce: the account, a balance, a total.
    fn take_announced(&mut self, cells: &[&str]) -> Option<Announced> {
        let mut first = None;
        for (at, cell) in cells.iter().enumerate() {
            let Some((what, behind)) = words::announced(cell) else {
                continue;
            };
            let mut values = std::iter::once(behind).chain(cells[at + 1..].iter().copied());
            let text = |text| Cell {
                text,
                kind: crate::statement::containers::cells::CellKind::Text,
            };
            let mut amount = || {
                values
                    .find_map(|v| values::amount(text(v)).ok().flatten())
                    .map(Dong::new)
            };
            match what {
                Announced::Opening if self.opening.is_none() => self.opening = amount(),
                Announced::Closing => self.closing = amount().or(self.closing),
                Announced::Account if self.account.is_none() => {
                    let mut values = std::iter::once(behind).chain(cells[at + 1..].iter().copied());
                    self.account = values.find_map(account_in);
                }
                _ => {}
            }
            first = first.or(Some(what));
        }
        first
    }

    /// Takes the totals of a row at the foot, each from its own column.
    fn take_total(&mut self, row: &RowBuf) {
        for (at, column) in SUMMED.into_iter().enumerate() {
            let Some(Ok(Some(stated))) = self.cell(row, column).map(values::amount) else {
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

    /// In text, a row has as many cells as the header; more that are all empty do no harm.
    fn check_width(&self, row: &RowBuf) -> Result<(), NoMovement> {
        let width = self.header.texts.len();
        let stray = (width..row.len()).any(|at| !row.cell(at).text.is_empty());
        if row.is_delimited && (row.len() < width || stray) {
            let cells = row.len();
            return Err(NoMovement::Bad(sentence!(
                "Dòng có {cells} ô, dòng tiêu đề có {width} ô. Kiểm tra dấu phân cách và dấu nháy kép.",
                "The row has {cells} cells, the header {width}. Check separators and quotation marks."
            )));
        }
        Ok(())
    }

    fn amounts(&self, row: &RowBuf) -> Result<Amounts, NoMovement> {
        let mut amounts = [None; SUMMED.len()];
        for (at, column) in SUMMED.into_iter().enumerate() {
            if let Some(cell) = self.cell(row, column) {
                amounts[at] = values::amount(cell).map_err(|fault| self.bad(column, fault))?;
            }
        }
        Ok(amounts)
    }

    fn kind_and_status(&mut self, row: &RowBuf) -> Result<(Option<RowKind>, RowStatus), NoMovement> {
        let mut kind = None;
        if let Some(cell) = self.cell(row, Column::Kind)
            && !cell.text.is_empty()
        {
            let read = self.kinds.get(cell.text, words::row_kind);
            kind = Some(read.ok_or_else(|| self.unknown(Column::Kind, cell.text))?);
        }
        let mut status = RowStatus::Settled;
        if let Some(cell) = self.cell(row, Column::Status) {
            let read = self.statuses.get(cell.text, words::row_status);
            let (read, is) = read.ok_or_else(|| self.unknown(Column::Status, cell.text))?;
            status = read;
            kind = is.or(kind);
        }
        Ok((kind, status))
    }

    /// A bad row for a word of this column that says nothing.
    fn unknown(&self, column: Column, word: &str) -> NoMovement {
        // Digits in such a column are an id or account that slipped into it; a reason repeats none.
        let is_word = word.bytes().filter(u8::is_ascii_digit).count() < 4;
        let word: String = if is_word {
            word.chars().take(40).collect()
        } else {
            "…".to_owned()
        };
        NoMovement::Bad(self.about(
            column,
            format!("có từ «{word}» không hiểu. Hãy báo người quản trị bổ sung từ này."),
            format!("has the word «{word}», which is not understood. Ask the administrator to add it."),
        ))
    }

    /// What must fit its column although nothing is taken from it: a shifted row is found by it.
    fn check_rest(&mut self, row: &RowBuf) -> Result<(), NoMovement> {
        if let Some(cell) = self.cell(row, Column::Currency)
            && self.currencies.get(cell.text, words::dong).is_none()
        {
            return Err(NoMovement::Bad(self.about(
                Column::Currency,
                "không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                "is not VND. Only payments in Vietnamese dong are taken.",
            )));
        }
        if let Some(cell) = self.cell(row, Column::Balance)
            && let Err(fault) = values::amount(cell)
            && fault != ValueFault::TooLarge
        {
            return Err(self.bad(Column::Balance, fault));
        }
        if let Some(cell) = self.cell(row, Column::RowNo)
            && !cell
                .text
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
        {
            return Err(NoMovement::Bad(self.about(
                Column::RowNo,
                format!("không phải số thứ tự. {SHIFTED_VI}"),
                format!("is no row number. {SHIFTED_EN}"),
            )));
        }
        Ok(())
    }

    /// The direction and gross amount.
    fn gross(
        &self,
        row: &RowBuf,
        amounts: &Amounts,
        kind: Option<RowKind>,
    ) -> Result<(RowKind, i64), NoMovement> {
        let [amount, debit, credit, ..] = amounts.map(|amount| amount.unwrap_or(0));
        let signed = if self.has(Column::Amount) {
            amount
        } else if debit != 0 && credit != 0 {
            let (debit, debit_en) = self.name(Column::Debit);
            let (credit, credit_en) = self.name(Column::Credit);
            return Err(NoMovement::Bad(sentence!(
                "Cả cột «{debit}» và cột «{credit}» đều có số tiền. Hãy kiểm tra dòng này.",
                "Both column «{debit_en}» and column «{credit_en}» have an amount. Check this row."
            )));
        } else if debit < 0 {
            // Money that had gone out came back.
            return Err(NoMovement::Ignored(IgnoredWhy::ReversedDebit, debit));
        } else {
            credit - debit
        };
        if signed == 0 {
            let opens = row.texts().find_map(words::announced).map(|(what, _)| what);
            return Err(NoMovement::Ignored(
                match opens {
                    Some(Announced::Opening | Announced::Closing) => IgnoredWhy::Balance,
                    _ => IgnoredWhy::ZeroAmount,
                },
                0,
            ));
        }
        // A credit that is taken back says so by its minus; a debit is what the mapping says it is.
        let by_sign = match (signed > 0, credit < 0) {
            (true, _) => RowKind::Payment,
            (false, true) => RowKind::Refund,
            (false, false) => self.mapping.debit_is,
        };
        let kind = match kind {
            // «Payment» beside a minus: the money says what happened.
            Some(RowKind::Payment) | None => by_sign,
            Some(kind) => kind,
        };
        Ok((kind, signed.saturating_abs()))
    }

    fn take_money(&self, movement: &mut StatementRow, amounts: &Amounts) {
        let [_, _, _, fee, vat, discount, net] = *amounts;
        // Fees stand with a minus in some files; on a refund a minus says that the fee came back too.
        let positive = |amount: Option<i64>| Dong::new(amount.unwrap_or(0).saturating_abs());
        movement.fee = positive(fee);
        movement.vat = positive(vat);
        movement.discount = positive(discount);
        movement.net = net.map(Dong::new);
        let states_parts = [Column::Fee, Column::Vat, Column::Discount]
            .into_iter()
            .any(|c| self.has(c));
        if let (false, Some(net)) = (states_parts, net) {
            let kept = movement.amount.vnd() - net.saturating_abs();
            if kept > 0 {
                movement.fee = Dong::new(kept);
            }
        }
    }

    fn take_texts(&self, row: &RowBuf, movement: &mut StatementRow) -> Result<(), NoMovement> {
        let id = |column: Column| match self.cell(row, column) {
            None => Ok(String::new()),
            Some(cell) => values::id(cell)
                .map(str::to_owned)
                .map_err(|fault| self.bad(column, fault)),
        };
        movement.provider_txn_id = id(Column::TransactionId)?;
        movement.reference = id(Column::Reference)?;
        movement.bank_ref = id(Column::BankRef)?;
        if !self.has(Column::TransactionId) {
            // In a bank's own statement its reference is the only id there is.
            movement.provider_txn_id.clone_from(&movement.bank_ref);
        }
        movement.refund_of = id(Column::RefundOf)?;
        movement.terminal = id(Column::Terminal)?;
        movement.batch = id(Column::Batch)?;
        movement.note = match self.cell(row, Column::Note) {
            Some(cell) => cell.text.to_owned(),
            None => String::new(),
        };
        movement.account = match self.cell(row, Column::Account) {
            Some(cell) => self.account_of(cell)?,
            None => None,
        };
        if movement.account.is_none() {
            movement.account.clone_from(&self.account);
        }
        let bin = id(Column::BankBin)?;
        let is_bin = bin.len() == 6 && bin.bytes().all(|b| b.is_ascii_digit());
        movement.bank_bin = if is_bin {
            bin
        } else {
            self.mapping.bank_bin.clone()
        };
        if let Some(cell) = self.cell(row, Column::SettledOn) {
            let moment = values::moment(cell).map_err(|fault| self.bad(Column::SettledOn, fault))?;
            movement.settled_on = moment.map(|moment| moment.day);
        }
        Ok(())
    }

    /// The account in a cell; none where it is empty or printed with its middle hidden.
    fn account_of(&self, cell: Cell<'_>) -> Result<Option<AccountNumber>, NoMovement> {
        let text = values::id(cell).map_err(|fault| self.bad(Column::Account, fault))?;
        if text.is_empty() || text == "-" || text.contains(['*', '•']) {
            return Ok(None);
        }
        // The number itself is not repeated in the reason: it goes to files of refused rows and logs. A
        // text of letters alone is a name that slipped into this column.
        let has_digit = text.bytes().any(|b| b.is_ascii_digit());
        let account = AccountNumber::parse(text).ok().filter(|_| has_digit);
        account.map(Some).ok_or_else(|| {
            NoMovement::Bad(self.about(
                Column::Account,
                "không phải số tài khoản: cần 1 đến 19 chữ cái hoặc chữ số.",
                "is no account number: it has 1 to 19 letters or digits.",
            ))
        })
    }

    fn add_up(&mut self, amounts: &Amounts, status: RowStatus) {
        let is_settled = status == RowStatus::Settled;
        for (sum, amount) in self.sums.iter_mut().zip(amounts) {
            let amount = amount.unwrap_or(0);
            sum.all = sum.all.saturating_add(amount);
            if is_settled {
                sum.settled = sum.settled.saturating_add(amount);
            }
        }
        if is_settled {
            let [amount, debit, credit, ..] = amounts.map(|amount| amount.unwrap_or(0));
            self.credits = saturating_sum(self.credits, Dong::new(credit.saturating_add(amount.max(0))));
            self.debits = saturating_sum(self.debits, Dong::new(debit.saturating_sub(amount.min(0))));
        }
    }
}

/// The account in a text such as `0011012345678 - HO KINH DOANH VI DU (VND)`.
fn account_in(text: &str) -> Option<AccountNumber> {
    let number = text.split([' ', '(', '/']).find(|part| !part.is_empty())?;
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (digits >= 6).then(|| AccountNumber::parse(number).ok()).flatten()
}

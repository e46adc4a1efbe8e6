//! What a row of cells means, by the mapping: a movement, a bad row, or none of the table's own.

use std::fmt::Display;

use crate::statement::containers::cells::{Cell, CellKind, RowBuf};
use crate::statement::error::StatementError;
use crate::statement::kind::FileKind;
use crate::statement::meaning::amounts;
use crate::statement::meaning::balances::Verdict;
use crate::statement::meaning::day_text::{Moment, why_no_day};
use crate::statement::meaning::days;
use crate::statement::meaning::fault::{ValueFault, unwrapped};
use crate::statement::meaning::header::Header;
use crate::statement::meaning::mapping::{Column, Mapping};
use crate::statement::meaning::proof::Proof;
use crate::statement::meaning::survey::{Columns, MONEY};
use crate::statement::meaning::values;
use crate::statement::meaning::vocabulary::{SaidKind, Says};
use crate::statement::meaning::words::{self, Announced, Memo};
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::row::{BadRow, Event, IgnoredRow, IgnoredWhy, StatementRow};
use crate::statement::summary::Summary;
use crate::vn::{AccountNumber, Day, Dong, Sentence, TimeMs, sentence};

mod outside;
mod refunded;

/// What to do about a value that is none of its column.
const SHIFTED_VI: &str = "Hãy kiểm tra dòng này có bị lệch cột không.";
const SHIFTED_EN: &str = "Check whether the cells of this row are shifted.";

/// Columns whose amounts are summed and may have a total at the foot: those of [`MONEY`] but the balance.
const SUMMED: usize = MONEY.len() - 1;

/// Reads the rows of one table.
pub(crate) struct Table {
    mapping: Mapping,
    header: Header,
    /// The place of each meaning, by the order of the meanings.
    places: [Option<usize>; Column::ALL.len()],
    /// What the whole table shows of its columns.
    columns: Columns,
    summary: Summary,
    sums: [Sum; SUMMED],
    account: Option<AccountNumber>,
    /// The account in the row is the other side's, since a title says whose the statement is.
    ignores_account: bool,
    /// The cells with the day hold something else behind it.
    has_more_beside_day: bool,
    proof: Proof,
    currencies: Memo<()>,
    /// The title of the rows that come now, if it says that their money did not come in or not yet.
    section: Option<String>,
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

/// The amounts of a row by the order of [`MONEY`], signs as they stand.
type Amounts = [Option<i64>; SUMMED];

/// Why a row is not a movement.
enum NoMovement {
    Bad(Sentence),
    Ignored(IgnoredWhy, i64),
    /// It ends the table.
    End(StatementError),
}

/// What a row says of the direction, and what it moved: in, or out with a minus.
struct Gross {
    kind: RowKind,
    amount: i64,
    moved: i64,
}

impl Table {
    pub(crate) fn new(mapping: Mapping, header: Header, kind: FileKind, columns: Columns) -> Table {
        let mut places = [None; Column::ALL.len()];
        for (&column, &place) in &mapping.columns {
            places[column as usize] = Some(place);
        }
        let has_balance = mapping.columns.contains_key(&Column::Balance);
        let proof = Proof::new(
            has_balance && !mapping.is_partial,
            mapping.columns.contains_key(&Column::Account),
        );
        let when = mapping
            .columns
            .get(&Column::When)
            .and_then(|place| header.texts.get(*place));
        let has_more_beside_day = when.is_some_and(|text| words::names_an_id(text));
        Table {
            mapping,
            header,
            places,
            columns,
            summary: Summary::new(kind),
            sums: [Sum::default(); SUMMED],
            account: None,
            ignores_account: false,
            has_more_beside_day,
            proof,
            currencies: Memo::new(),
            section: None,
        }
    }

    /// What the row is.
    pub(crate) fn read(&mut self, row: &RowBuf) -> Result<Event, StatementError> {
        let event = match self.movement(row) {
            Ok(movement) => Event::Row(movement),
            Err(NoMovement::Ignored(why, amount)) => Event::Ignored(IgnoredRow {
                row_number: row.number,
                why,
                amount: Dong::new(amount.saturating_abs()),
            }),
            Err(NoMovement::Bad(reason)) => {
                self.proof.gap();
                Event::Bad(BadRow {
                    row_number: row.number,
                    cells: row.owned(),
                    reason,
                })
            }
            Err(NoMovement::End(error)) => return Err(error),
        };
        self.summary.count(&event);
        Ok(event)
    }

    /// The end of the table.
    pub(crate) fn finish(mut self) -> Result<Summary, StatementError> {
        self.end_section()?;
        self.summary.account = self.account;
        Ok(self.summary)
    }

    /// The end of the rows of one account: what its balances say.
    fn end_section(&mut self) -> Result<(), StatementError> {
        let ended = self.proof.end_section();
        if let Verdict::Breaks(broken) = ended.verdict {
            return Err(StatementError::Unbalanced {
                broken: Box::new(broken),
            });
        }
        if let Verdict::Holds(links) = ended.verdict {
            self.summary.proved += links;
        }
        if let Some(balance) = ended.balance {
            // A row that cannot be read may be what is missing; it is listed.
            if !balance.agrees() && self.summary.bad == 0 && !self.mapping.is_partial {
                return Err(StatementError::TotalsOff {
                    opening: balance.opening,
                    credits: balance.credits,
                    debits: balance.debits,
                    closing: balance.closing,
                });
            }
            self.summary.balance = Some(match self.summary.balance {
                None => balance,
                Some(before) => before.and(balance),
            });
        }
        Ok(())
    }

    fn cell<'r>(&self, row: &'r RowBuf, column: Column) -> Option<Cell<'r>> {
        let cell = self.places[column as usize].map(|place| row.cell(place))?;
        Some(match cell.kind {
            CellKind::Text if cell.text.starts_with("=\"") => Cell {
                text: unwrapped(cell.text),
                kind: CellKind::Text,
            },
            _ => cell,
        })
    }

    /// An amount in the column at this place of [`MONEY`], as its column writes it.
    fn money(&self, row: &RowBuf, at: usize) -> Option<Result<Option<i64>, ValueFault>> {
        let cell = self.cell(row, MONEY[at])?;
        Some(amounts::amount_in(cell, &self.columns.numbers[at]))
    }

    /// The balance beside a row.
    fn balance(&self, row: &RowBuf) -> Result<Option<i64>, ValueFault> {
        match self.cell(row, Column::Balance) {
            Some(cell) => amounts::balance_in(cell, &self.columns.numbers[SUMMED]),
            None => Ok(None),
        }
    }

    fn has(&self, column: Column) -> bool {
        self.places[column as usize].is_some()
    }

    fn movement(&mut self, row: &RowBuf) -> Result<StatementRow, NoMovement> {
        let moment = self.moment(row);
        let gross = [Column::Amount, Column::Debit, Column::Credit];
        let has_gross = gross.iter().any(|column| {
            let cell = self.cell(row, *column);
            cell.is_some_and(|cell| !matches!(cell.text, "" | "-" | "–"))
        });
        if !has_gross || !matches!(moment, Ok(Some(_))) {
            self.check_outside(row, has_gross, matches!(moment, Ok(Some(_))))?;
        }
        if let Some(fault) = row.fault {
            return Err(NoMovement::Bad(fault.sentence()));
        }
        self.check_width(row)?;
        let (moment, beside_day) = moment.map_err(NoMovement::Bad)?.ok_or_else(|| {
            NoMovement::Bad(self.about(
                Column::When,
                format!("còn trống. {SHIFTED_VI}"),
                format!("is empty. {SHIFTED_EN}"),
            ))
        })?;
        let amounts = self.amounts(row)?;
        let balance = self.check_rest(row)?;
        let when = (moment.day, moment.at);
        if amounts[..3].iter().all(|amount| amount.unwrap_or(0) == 0) {
            self.check_is_payment(row, &amounts)?;
            return Err(self.nothing_moved(row, when, balance));
        }
        self.check_is_no_sum(row)?;
        let (kind, status) = self.kind_and_status(row)?;
        let moves = |moved: i64| if status == RowStatus::Settled { moved } else { 0 };
        let Gross { kind, amount, moved } = match self.gross(row, &amounts, kind) {
            Ok(gross) => gross,
            // Money that came back is no movement here, yet the balance knows of it.
            Err(NoMovement::Ignored(why, moved)) => {
                self.add_up(&amounts, status);
                self.prove(row, when, moves(moved), balance);
                return Err(NoMovement::Ignored(why, moved));
            }
            Err(not) => return Err(not),
        };
        self.check_refunded(row, &amounts, kind)?;
        let amount = Dong::payment(amount).map_err(|_| self.bad(Column::Amount, ValueFault::TooLarge))?;
        let mut movement = StatementRow::new(row.number, kind, amount, moment.day);
        movement.status = status;
        movement.occurred_at = moment.at;
        self.take_money(&mut movement, &amounts);
        self.take_texts(row, &mut movement)?;
        if movement.bank_ref.is_empty() && !beside_day.is_empty() {
            movement.bank_ref = beside_day.to_owned();
            if movement.provider_txn_id.is_empty() {
                movement.provider_txn_id.clone_from(&movement.bank_ref);
            }
        }
        if let (Some(text), RowKind::Payment, RowStatus::Settled) = (&self.section, kind, status) {
            let text = text.clone();
            return Err(NoMovement::End(StatementError::Section {
                row: row.number,
                text,
            }));
        }
        self.add_up(&amounts, status);
        self.prove(row, when, moves(moved), balance);
        Ok(movement)
    }

    /// A row with a day of which nothing moved: a balance, or an amount of 0.
    fn nothing_moved(
        &mut self,
        row: &RowBuf,
        when: (Day, Option<TimeMs>),
        balance: Option<i64>,
    ) -> NoMovement {
        let cells: Vec<&str> = row.texts().collect();
        let opens = cells
            .iter()
            .find_map(|cell| words::announced(cell))
            .map(|(what, _)| what);
        match opens {
            Some(Announced::Opening | Announced::Closing) => {
                self.take_announced(&cells, Some(row));
                NoMovement::Ignored(IgnoredWhy::Balance, 0)
            }
            _ => {
                self.prove(row, when, 0, balance);
                NoMovement::Ignored(IgnoredWhy::ZeroAmount, 0)
            }
        }
    }

    /// Hands what a row moved to the balances.
    fn prove(&mut self, row: &RowBuf, when: (Day, Option<TimeMs>), moved: i64, balance: Option<i64>) {
        let account = self.cell(row, Column::Account).map_or("", |cell| cell.text);
        self.proof.add(row.number, when, moved, balance, account);
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

    /// The day of a row, and what else stands in its cell.
    fn moment<'r>(&self, row: &'r RowBuf) -> Result<Option<(Moment, &'r str)>, Sentence> {
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
        let style = &self.columns.days[0];
        let read = if self.has_more_beside_day {
            days::moment_and_rest(cell, style)
        } else {
            days::moment_in(cell, style).map(|moment| moment.map(|moment| (moment, "")))
        };
        let read = read.map_err(|fault| match fault {
            ValueFault::NotADay => because(Column::When, why_no_day(cell.text)),
            fault => because(Column::When, fault),
        });
        let Some((mut moment, rest)) = read? else {
            return Ok(None);
        };
        if let Some(cell) = self.cell(row, Column::Time) {
            let time_ms = days::time_of_day(cell).map_err(|fault| because(Column::Time, fault))?;
            if let Some(time_ms) = time_ms {
                moment = Moment::local(moment.day, time_ms);
            }
        }
        Ok(Some((moment, rest)))
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
        let mut amounts = [None; SUMMED];
        for (at, amount) in amounts.iter_mut().enumerate() {
            if let Some(read) = self.money(row, at) {
                *amount = read.map_err(|fault| self.bad(MONEY[at], fault))?;
            }
        }
        Ok(amounts)
    }

    /// What the words of a row say, all columns that say something together.
    fn kind_and_status(&self, row: &RowBuf) -> Result<(Option<SaidKind>, RowStatus), NoMovement> {
        let mut kind: Option<SaidKind> = None;
        let mut status = RowStatus::Settled;
        for column in &self.columns.words {
            let text = row.cell(column.place).text;
            let says: Says = column
                .says
                .get(text)
                .copied()
                .ok_or_else(|| self.unknown(column.place, text))?;
            // What did not come to pass in one column did not, whatever another says.
            status = status.max(says.status.unwrap_or(RowStatus::Settled));
            kind = match (kind, says.kind) {
                (None, said) | (Some(SaidKind::Payment), said @ Some(_)) => said,
                (kind, None | Some(SaidKind::Payment)) => kind,
                (Some(SaidKind::Is(one)), _) | (_, Some(SaidKind::Is(one))) => Some(SaidKind::Is(one)),
                (Some(one), Some(other)) if one == other => Some(one),
                _ => return Err(self.contradicted(column.place)),
            };
        }
        Ok((kind, status))
    }

    /// A bad row since this column says another direction than the rest of it.
    fn contradicted(&self, place: usize) -> NoMovement {
        let name = self.header.texts.get(place).map_or("", String::as_str);
        NoMovement::Bad(sentence!(
            "Cột «{name}» nói tiền đi một chiều, còn dấu hoặc cột khác của dòng nói chiều ngược lại. Hãy kiểm tra dòng này.",
            "Column «{name}» says one direction, and the sign or another column of the row says the other. Check this row."
        ))
    }

    /// A bad row for a word of this column that says nothing.
    fn unknown(&self, place: usize, word: &str) -> NoMovement {
        // Digits in such a column are an id or account that slipped into it; a reason repeats none.
        let is_word = word.len() <= 4 || word.bytes().filter(u8::is_ascii_digit).count() < 4;
        let word: String = if is_word {
            word.chars().take(40).collect()
        } else {
            "…".to_owned()
        };
        let name = self.header.texts.get(place).map_or("", String::as_str);
        NoMovement::Bad(sentence!(
            "Cột «{name}» có từ «{word}» không hiểu. {SHIFTED_VI}",
            "Column «{name}» has the word «{word}», which is not understood. {SHIFTED_EN}"
        ))
    }

    /// What must fit its column although nothing is taken from it: a shifted row is found by it.
    fn check_rest(&mut self, row: &RowBuf) -> Result<Option<i64>, NoMovement> {
        if let Some(cell) = self.cell(row, Column::Currency)
            && self.currencies.get(cell.text, words::dong).is_none()
        {
            return Err(NoMovement::Bad(self.about(
                Column::Currency,
                "không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                "is not VND. Only payments in Vietnamese dong are taken.",
            )));
        }
        let balance = match self.balance(row) {
            Ok(balance) => balance,
            Err(ValueFault::TooLarge) => None,
            Err(fault) => return Err(self.bad(Column::Balance, fault)),
        };
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
        Ok(balance)
    }

    /// The direction and gross amount.
    fn gross(&self, row: &RowBuf, amounts: &Amounts, said: Option<SaidKind>) -> Result<Gross, NoMovement> {
        let [amount, debit, credit, ..] = amounts.map(|amount| amount.unwrap_or(0));
        let has_sides = !self.has(Column::Amount);
        let signed = if !has_sides {
            let style = &self.columns.numbers[0];
            let is_unmarked = style.is_marked
                && self
                    .cell(row, Column::Amount)
                    .is_some_and(|c| !amounts::is_marked(c, style));
            if is_unmarked {
                return Err(self.bad(Column::Amount, ValueFault::Unmarked));
            }
            amount
        } else if debit != 0 && credit != 0 {
            let (debit, debit_en) = self.name(Column::Debit);
            let (credit, credit_en) = self.name(Column::Credit);
            return Err(NoMovement::Bad(sentence!(
                "Cả cột «{debit}» và cột «{credit}» đều có số tiền. Hãy kiểm tra dòng này.",
                "Both column «{debit_en}» and column «{credit_en}» have an amount. Check this row."
            )));
        } else if debit < 0 && self.columns.numbers[1].is_all_negative {
            // The whole column has a minus, which says the same as its header.
            debit
        } else if debit < 0 {
            // Money that had gone out came back.
            return Err(NoMovement::Ignored(IgnoredWhy::ReversedDebit, -debit));
        } else {
            credit - debit
        };
        // A credit that is taken back says so by its minus; a debit is what the mapping says it is.
        let by_sign = match (signed > 0, credit < 0) {
            (true, _) => RowKind::Payment,
            (false, true) => RowKind::Refund,
            (false, false) => self.mapping.debit_is,
        };
        let place = || self.columns.words.first().map_or(0, |column| column.place);
        let kind = match said {
            // «Payment» beside a minus: the money says what happened.
            Some(SaidKind::Payment) | None => by_sign,
            Some(SaidKind::Is(kind)) => kind,
            Some(SaidKind::In) if signed < 0 => return Err(self.contradicted(place())),
            Some(SaidKind::In) => RowKind::Payment,
            Some(SaidKind::Out) if has_sides && signed > 0 => return Err(self.contradicted(place())),
            Some(SaidKind::Out) => self.mapping.debit_is,
        };
        let moved = match kind {
            _ if has_sides || signed < 0 => signed,
            RowKind::Payment => signed,
            _ => -signed,
        };
        Ok(Gross {
            kind,
            amount: signed.saturating_abs(),
            moved,
        })
    }

    fn take_money(&self, movement: &mut StatementRow, amounts: &Amounts) {
        let [_, _, _, fee, vat, discount, net, _] = *amounts;
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
            Some(cell) if !self.ignores_account => self.account_of(cell)?,
            _ => None,
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
            let moment = days::moment_in(cell, &self.columns.days[1])
                .map_err(|fault| self.bad(Column::SettledOn, fault))?;
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
    }
}

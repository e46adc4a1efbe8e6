//! A statement as a provider exports it: titles above the header, totals and a signature below the rows.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use choso::reconcile::FeeRule;
use choso::vn::{Day, TimeMs};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

use super::dialect::{Container, Dialect, Direction};
use crate::error::Result;

/// What the provider keeps of each payment: 0,55%, and a tenth of that as VAT.
const FEES: FeeRule = FeeRule {
    rate_ppm: 5_500,
    vat_ppm: 100_000,
};

const TITLE: &str = "BẢNG KÊ GIAO DỊCH THANH TOÁN";
/// On which line the header stands, behind the titles.
pub const HEADER_LINE: u64 = 4;
/// What an account has before the first row of a file with balances.
const OPENING_VND: i64 = 1_000_000_000;

/// What a row says.
#[derive(Debug, Clone)]
pub struct Row {
    pub when: String,
    pub txn: String,
    pub bank_ref: String,
    pub kind: &'static str,
    /// With a minus where money went out.
    pub amount_vnd: i64,
    pub fee_vnd: i64,
    pub vat_vnd: i64,
    pub net_vnd: i64,
    pub account: String,
    pub note: String,
}

impl Row {
    /// A payment of so much with its fee.
    pub fn new(amount_vnd: i64) -> Row {
        let fee_vnd = FEES.fee_vnd(amount_vnd);
        let vat_vnd = FEES.vat_vnd(fee_vnd);
        Row {
            when: String::new(),
            txn: String::new(),
            bank_ref: String::new(),
            kind: "Thanh toán",
            amount_vnd,
            fee_vnd,
            vat_vnd,
            net_vnd: amount_vnd - fee_vnd - vat_vnd,
            account: String::new(),
            note: String::new(),
        }
    }

    /// The same money, out instead of in; no fee is kept of it.
    pub fn out(&self, kind: &'static str, amount_vnd: i64) -> Row {
        Row {
            kind,
            amount_vnd: -amount_vnd,
            fee_vnd: 0,
            vat_vnd: 0,
            net_vnd: -amount_vnd,
            ..self.clone()
        }
    }
}

/// How a row is spoilt so that nobody can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// `12.34` where `1.234` is meant: groups not of three.
    Groups,
    /// A spreadsheet made a power of ten of the amount.
    Scientific,
    /// The 31st of February.
    Day,
    /// The line ends in the middle.
    Cut,
}

/// `02/03/2026 06:00:00`.
pub fn moment(at: TimeMs) -> String {
    format!("{} {}", Day::of(at).show(), &at.iso()[11..19])
}

/// A cell, and what it is to a workbook.
#[derive(Debug, Clone)]
enum Cell {
    Text(String),
    Amount(i64),
    NoAmount,
    When(String),
}

/// A statement that is being written.
pub struct Statement {
    out: Out,
    dialect: Dialect,
    from: Day,
    /// The row on which the next one stands, as a person counts.
    line: u64,
    rows: u64,
    /// What the columns of amounts come to: one or two of amounts, fee, VAT and net.
    sums_vnd: [i64; 5],
    /// Of each account, for a file with balances.
    balances_vnd: HashMap<String, i64>,
}

enum Out {
    Text(BufWriter<File>, char),
    Html(BufWriter<File>),
    Workbook(Box<Workbook>, PathBuf),
}

impl Statement {
    /// Begins a file with its titles and header.
    pub fn create(path: &Path, dialect: Dialect, from: Day, to: Day) -> Result<Statement> {
        let file = || File::create(path).map(BufWriter::new);
        let out = match dialect.container {
            Container::Text(separator) => {
                let mut out = file()?;
                write!(out, "\u{feff}")?;
                Out::Text(out, separator)
            }
            Container::Html => {
                let mut out = file()?;
                let head = "<html><head><meta charset=\"utf-8\"></head><body><table border=\"1\">";
                write!(out, "{head}\r\n")?;
                Out::Html(out)
            }
            Container::Workbook => {
                let mut book = Workbook::new();
                book.add_worksheet();
                Out::Workbook(Box::new(book), path.to_owned())
            }
        };
        let mut statement = Statement {
            out,
            dialect,
            from,
            line: 1,
            rows: 0,
            sums_vnd: [0; 5],
            balances_vnd: HashMap::new(),
        };
        let days = format!("Từ ngày {} đến ngày {}", from.show(), to.show());
        for title in [TITLE, &days, ""] {
            statement.line_of(&[Cell::Text(title.to_owned())])?;
        }
        let header: Vec<Cell> = statement
            .header()
            .map(|text| Cell::Text(text.to_owned()))
            .collect();
        statement.line_of(&header)?;
        Ok(statement)
    }

    pub fn has_batch(&self) -> bool {
        self.dialect.has_batch
    }

    fn header(&self) -> impl Iterator<Item = &'static str> + use<> {
        let amounts: &[&str] = match self.dialect.direction {
            Direction::Sign => &["Số tiền (VND)"],
            Direction::Sides => &["Ghi nợ", "Ghi có"],
            Direction::Marks => &["+/-", "Số tiền (VND)"],
            Direction::Words => &["Nợ/Có", "Số tiền (VND)"],
        };
        let before = [
            "STT",
            "Thời gian giao dịch",
            "Mã giao dịch",
            "Số tham chiếu",
            "Loại giao dịch",
        ];
        let after = ["Phí", "VAT", "Thực nhận", "Tài khoản nhận", "Nội dung"];
        let more = [
            self.dialect.has_batch.then_some("Kỳ đối soát"),
            self.dialect.has_balance.then_some("Số dư"),
        ];
        before
            .into_iter()
            .chain(amounts.iter().copied())
            .chain(after)
            .chain(more.into_iter().flatten())
    }

    /// Adds a row; on which line it stands.
    pub fn row(&mut self, row: &Row) -> Result<u64> {
        let amounts = match self.dialect.direction {
            Direction::Sides => [(-row.amount_vnd).max(0), row.amount_vnd.max(0)],
            Direction::Sign => [row.amount_vnd, 0],
            Direction::Marks | Direction::Words => [row.amount_vnd.abs(), 0],
        };
        let others = [row.fee_vnd, row.vat_vnd, row.net_vnd];
        for (sum, amount) in self.sums_vnd.iter_mut().zip(amounts.into_iter().chain(others)) {
            *sum += amount;
        }
        let cells = self.cells(row);
        self.line_of(&cells)
    }

    /// Adds a row that cannot be read; on which line it stands. Only a text can be cut in the middle; elsewhere the row
    /// has another fault.
    pub fn spoilt(&mut self, row: &Row, how: Spoilt) -> Result<u64> {
        let mut cells = self.cells(row);
        let thousands = row.amount_vnd / 1_000;
        let place = self
            .header()
            .position(|text| text == "Ghi có" || text == "Số tiền (VND)")
            .ok_or("a table without amounts")?;
        let is_text = matches!(self.dialect.container, Container::Text(_));
        match how {
            Spoilt::Groups => {
                let mark = self.dialect.group.unwrap_or('.');
                cells[place] = Cell::Text(format!("{thousands}{mark}00{mark}0"));
            }
            Spoilt::Scientific => cells[place] = Cell::Text(format!("{thousands}E+03")),
            Spoilt::Cut if is_text => cells.truncate(6),
            Spoilt::Day | Spoilt::Cut => cells[1] = Cell::Text(format!("31/02/{}", &row.when[6..])),
        }
        self.line_of(&cells)
    }

    /// From now on the balances of an account are off by so much.
    pub fn lose_from_balance(&mut self, account: &str, vnd: i64) {
        *self.balances_vnd.entry(account.to_owned()).or_insert(OPENING_VND) -= vnd;
    }

    /// Ends the file with its totals, where rows have no balances, and a signature.
    pub fn finish(mut self) -> Result<()> {
        if !self.dialect.has_balance {
            let total = self.total();
            self.line_of(&total)?;
        }
        self.line_of(&[Cell::Text("Người lập bảng".to_owned())])?;
        match self.out {
            Out::Text(mut out, _) => out.flush()?,
            Out::Html(mut out) => {
                write!(out, "</table></body></html>\r\n")?;
                out.flush()?;
            }
            Out::Workbook(mut book, path) => book.save(path)?,
        }
        Ok(())
    }

    fn total(&self) -> Vec<Cell> {
        let header: Vec<&str> = self.header().collect();
        let [debit_or_amount, credit, fee, vat, net] = self.sums_vnd;
        let sums = [
            ("Ghi nợ", debit_or_amount),
            ("Số tiền (VND)", debit_or_amount),
            ("Ghi có", credit),
            ("Phí", fee),
            ("VAT", vat),
            ("Thực nhận", net),
        ];
        let cell = |(at, text): (usize, &&str)| match sums.iter().find(|(name, _)| name == text) {
            Some((_, sum)) => Cell::Amount(*sum),
            None if at == 0 => Cell::Text("Tổng cộng".to_owned()),
            None => Cell::Text(String::new()),
        };
        header.iter().enumerate().map(cell).collect()
    }

    fn cells(&mut self, row: &Row) -> Vec<Cell> {
        self.rows += 1;
        let dialect = self.dialect;
        let text = |text: &str| Cell::Text(text.to_owned());
        let id = |id: &str| text(if id.is_empty() { dialect.no_id } else { id });
        let is_out = row.amount_vnd < 0;
        let size = Cell::Amount(row.amount_vnd.abs());
        let amounts = match dialect.direction {
            Direction::Sign if is_out && row.kind == "Ghi nợ" && dialect.container != Container::Workbook =>
            {
                vec![text(&format!("({})", dialect.amount(-row.amount_vnd)))]
            }
            Direction::Sign => vec![Cell::Amount(row.amount_vnd)],
            Direction::Sides if is_out => vec![size, Cell::NoAmount],
            Direction::Sides => vec![Cell::NoAmount, size],
            Direction::Marks => vec![text(if is_out { "-" } else { "+" }), size],
            Direction::Words => vec![text(if is_out { "Nợ" } else { "Có" }), size],
        };
        let mut cells = vec![
            text(&self.rows.to_string()),
            Cell::When(row.when.clone()),
            id(&row.txn),
            id(&row.bank_ref),
            text(row.kind),
        ];
        cells.extend(amounts);
        // An apostrophe keeps the account a text in a spreadsheet.
        let account = match dialect.container {
            Container::Text(_) => format!("'{}", row.account),
            Container::Html | Container::Workbook => row.account.clone(),
        };
        cells.extend([
            Cell::Amount(row.fee_vnd),
            Cell::Amount(row.vat_vnd),
            Cell::Amount(row.net_vnd),
            Cell::Text(account),
            text(&row.note),
        ]);
        if dialect.has_batch {
            cells.push(Cell::Text(format!("KY{}", self.from.show().replace('/', ""))));
        }
        if dialect.has_balance {
            let balance = self
                .balances_vnd
                .entry(row.account.clone())
                .or_insert(OPENING_VND);
            *balance += row.amount_vnd;
            cells.push(Cell::Amount(*balance));
        }
        cells
    }

    fn line_of(&mut self, cells: &[Cell]) -> Result<u64> {
        let dialect = self.dialect;
        let shown = |cell: &Cell| match cell {
            Cell::Text(text) | Cell::When(text) => text.clone(),
            Cell::Amount(vnd) => dialect.amount(*vnd),
            Cell::NoAmount => String::new(),
        };
        match &mut self.out {
            Out::Text(out, separator) => {
                for (at, cell) in cells.iter().enumerate() {
                    let cell = shown(cell);
                    if at > 0 {
                        write!(out, "{separator}")?;
                    }
                    if cell.contains(*separator) {
                        write!(out, "\"{cell}\"")?;
                    } else {
                        write!(out, "{cell}")?;
                    }
                }
                write!(out, "\r\n")?;
            }
            Out::Html(out) => {
                write!(out, "<tr>")?;
                for cell in cells {
                    write!(out, "<td>{}</td>", shown(cell))?;
                }
                write!(out, "</tr>\r\n")?;
            }
            Out::Workbook(book, _) => {
                let sheet = book.worksheet_from_index(0)?;
                let row = u32::try_from(self.line - 1)?;
                for (at, cell) in cells.iter().enumerate() {
                    write_cell(sheet, row, u16::try_from(at)?, cell)?;
                }
            }
        }
        self.line += 1;
        Ok(self.line - 1)
    }
}

fn write_cell(sheet: &mut Worksheet, row: u32, at: u16, cell: &Cell) -> Result<()> {
    match cell {
        Cell::Text(text) if !text.is_empty() => {
            sheet.write_string(row, at, text)?;
        }
        Cell::Amount(vnd) => {
            sheet.write_number(row, at, *vnd as f64)?;
        }
        Cell::When(text) => {
            let has_time = text.contains(' ');
            let shown = if has_time {
                "dd/mm/yyyy hh:mm:ss"
            } else {
                "dd/mm/yyyy"
            };
            let format = Format::new().set_num_format(shown);
            sheet.write_datetime_with_format(row, at, &date_time(text)?, &format)?;
        }
        Cell::Text(_) | Cell::NoAmount => {}
    }
    Ok(())
}

/// A day, and its time if there is one, as a workbook keeps it.
fn date_time(text: &str) -> Result<ExcelDateTime> {
    let numbers: Vec<u16> = text
        .split([' ', '/', ':'])
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let day = |day: u16, month: u16, year: u16| -> Result<ExcelDateTime> {
        Ok(ExcelDateTime::from_ymd(
            year,
            u8::try_from(month)?,
            u8::try_from(day)?,
        )?)
    };
    match numbers[..] {
        [d, m, y] => day(d, m, y),
        [d, m, y, hours, minutes, seconds] => {
            Ok(day(d, m, y)?.and_hms(hours, u8::try_from(minutes)?, f64::from(seconds))?)
        }
        _ => Err(format!("{text} is no day").into()),
    }
}

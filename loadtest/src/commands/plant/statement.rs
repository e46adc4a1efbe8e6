//! A statement as a provider exports it: titles above the header, totals and a signature below the rows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use choso::reconcile::FeeRule;
use choso::vn::{Day, TimeMs, grouped};

use crate::error::Result;

/// What the provider keeps of each payment: 0,55%, and a tenth of that as VAT.
const FEES: FeeRule = FeeRule {
    rate_ppm: 5_500,
    vat_ppm: 100_000,
};

const HEADER: [&str; 11] = [
    "STT",
    "Thời gian giao dịch",
    "Mã giao dịch",
    "Số tham chiếu",
    "Loại giao dịch",
    "Số tiền (VND)",
    "Phí",
    "VAT",
    "Thực nhận",
    "Tài khoản nhận",
    "Nội dung",
];

/// How a program spells its files: what stands between cells, and between groups of digits.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub separator: char,
    pub mark: char,
}

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

/// A statement that is being written.
pub struct Statement {
    out: BufWriter<File>,
    style: Style,
    /// The line on which the next row begins, as a person counts.
    line: u64,
    rows: u64,
    /// Amount, fee, VAT and net of the rows that can be read.
    sums_vnd: [i64; 4],
}

impl Statement {
    /// Begins a file with its titles and header.
    pub fn create(path: &Path, style: Style, from: Day, to: Day) -> Result<Statement> {
        let mut statement = Statement {
            out: BufWriter::new(File::create(path)?),
            style,
            line: 1,
            rows: 0,
            sums_vnd: [0; 4],
        };
        write!(statement.out, "\u{feff}")?;
        let days = format!("Từ ngày {} đến ngày {}", from.show(), to.show());
        for title in ["BẢNG KÊ GIAO DỊCH THANH TOÁN", &days, ""] {
            statement.line_of(&[title.to_owned()])?;
        }
        statement.line_of(&HEADER.map(str::to_owned))?;
        Ok(statement)
    }

    /// Adds a row; on which line it stands.
    pub fn row(&mut self, row: &Row) -> Result<u64> {
        let amounts = [row.amount_vnd, row.fee_vnd, row.vat_vnd, row.net_vnd];
        for (sum, amount) in self.sums_vnd.iter_mut().zip(amounts) {
            *sum += amount;
        }
        let cells = self.cells(row);
        self.line_of(&cells)
    }

    /// Adds a row that cannot be read; on which line it stands.
    pub fn spoilt(&mut self, row: &Row, how: Spoilt) -> Result<u64> {
        let mut cells = self.cells(row);
        let thousands = row.amount_vnd / 1_000;
        match how {
            Spoilt::Groups => cells[5] = format!("{thousands}{mark}00{mark}0", mark = self.style.mark),
            Spoilt::Scientific => cells[5] = format!("{thousands}E+03"),
            Spoilt::Day => cells[1] = format!("31/02/{}", &row.when[6..]),
            Spoilt::Cut => cells.truncate(6),
        }
        self.line_of(&cells)
    }

    /// Ends the file with its totals and a signature.
    pub fn finish(mut self) -> Result<()> {
        let mut total = vec![String::new(); HEADER.len()];
        "Tổng cộng".clone_into(&mut total[0]);
        for (cell, sum) in total[5..9].iter_mut().zip(self.sums_vnd) {
            *cell = grouped(sum, self.style.mark);
        }
        self.line_of(&total)?;
        self.line_of(&["Người lập bảng".to_owned()])?;
        Ok(self.out.flush()?)
    }

    fn cells(&mut self, row: &Row) -> Vec<String> {
        self.rows += 1;
        let amount = |vnd: i64| {
            if vnd < 0 && row.kind == "Ghi nợ" {
                format!("({})", grouped(-vnd, self.style.mark))
            } else {
                grouped(vnd, self.style.mark)
            }
        };
        vec![
            self.rows.to_string(),
            row.when.clone(),
            row.txn.clone(),
            row.bank_ref.clone(),
            row.kind.to_owned(),
            amount(row.amount_vnd),
            amount(row.fee_vnd),
            amount(row.vat_vnd),
            amount(row.net_vnd),
            // So a spreadsheet keeps it as text.
            format!("'{}", row.account),
            row.note.clone(),
        ]
    }

    fn line_of(&mut self, cells: &[String]) -> Result<u64> {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                write!(self.out, "{}", self.style.separator)?;
            }
            if cell.contains(self.style.separator) {
                write!(self.out, "\"{cell}\"")?
            } else {
                write!(self.out, "{cell}")?
            }
        }
        write!(self.out, "\r\n")?;
        self.line += 1;
        Ok(self.line - 1)
    }
}

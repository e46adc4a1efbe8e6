//! camt.053, the statement of ISO 20022, as docs/spec/providers.md, section 15.4 describes it, and its sisters: camt.052,
//! the report within the day, and camt.054, the notice of single entries. Elements go by their local names, since the
//! version in the namespace varies.

use std::io::{Read, Seek};

use quick_xml::events::Event as XmlEvent;

use crate::statement::containers::xml::{self, Xml, XmlFault, attribute};
use crate::statement::error::StatementError;
use crate::statement::kind::FileKind;
use crate::statement::limits::{BATCH_MAX, CELL_BYTES_MAX, FILE_BYTES_MAX, Overrun};
use crate::statement::messages::camt_entry::{Detail, Entry, Money, Owner};
use crate::statement::messages::{Directions, StatementsSeen};
use crate::statement::row::EventSink;
use crate::statement::summary::{Balance, Summary, saturating_sum};
use crate::vn::{AccountNumber, Dong, Sentence, sentence};

/// Reads all statements of a file.
pub(crate) fn read<F: Read + Seek>(
    file: &mut F,
    kind: FileKind,
    sink: &mut EventSink<'_>,
) -> Result<Summary, StatementError> {
    let text = xml::decoded(file).map_err(|fault| xml_fault(fault, kind, 0))?;
    let mut xml = Xml::new(text, FILE_BYTES_MAX);
    let mut reader = Reader::new(kind);
    loop {
        let fault = |fault| xml_fault(fault, kind, reader.rows);
        match xml.next().map_err(fault)? {
            XmlEvent::Start(element) => {
                let name = element.local_name().as_ref().to_owned();
                let currency = attribute(&element, "Ccy")
                    .map(|ccy| ccy.into_owned())
                    .unwrap_or_default();
                reader.begin(name, currency);
            }
            XmlEvent::Text(text) => reader.text(&text.xml10_content())?,
            XmlEvent::CData(text) => reader.text(&text.xml10_content())?,
            XmlEvent::GeneralRef(entity) => {
                let mut text = String::new();
                xml::resolve(&entity, &mut text).map_err(|fault| xml_fault(fault, kind, reader.rows))?;
                reader.text(&text)?;
            }
            XmlEvent::End(_) => reader.end(sink)?,
            XmlEvent::Eof => return reader.finish(),
            _ => {}
        }
    }
}

pub(crate) fn xml_fault(fault: XmlFault, kind: FileKind, row: u64) -> StatementError {
    let because = match fault {
        XmlFault::Io(error) => return StatementError::Io(error),
        XmlFault::Encoding(declared) => sentence!(
            "các chữ không viết bằng mã {declared} như tệp khai báo",
            "its letters are not in {declared}, the encoding that the file declares"
        ),
        XmlFault::Overrun(Overrun::Total) => return StatementError::FileTooLarge,
        XmlFault::Overrun(Overrun::Record) => {
            Sentence::new("có một phần tử quá dài", "an element is too long")
        }
        XmlFault::Deep => Sentence::new(
            "các phần tử lồng nhau quá sâu",
            "elements lie too deep inside each other",
        ),
        XmlFault::DocType => Sentence::new(
            "có khai báo DOCTYPE, không được nhận",
            "there is a DOCTYPE, which is not taken",
        ),
        XmlFault::Cut => {
            return StatementError::Truncated {
                because: ("tệp XML kết thúc giữa chừng", "the XML ends midway"),
            };
        }
        XmlFault::Broken(because) => Sentence::new(because.clone(), because),
    };
    StatementError::Message {
        format: kind.show(),
        row,
        because,
    }
}

struct Reader {
    summary: Summary,
    /// Local names of the elements that are open.
    path: Vec<String>,
    text: String,
    /// Whether the element that ends next had elements inside: its text is then only layout.
    has_inner: bool,
    currency: String,
    /// Rows handed over; the last one is where a fault is.
    rows: u64,
    owner: Owner,
    entry: Entry,
    statement: Statement,
    balance: Balance,
    has_balance: bool,
    has_statement: bool,
    seen: StatementsSeen,
}

/// Balances of the statement that is open.
#[derive(Default)]
struct Statement {
    id: String,
    entries: u64,
    code: String,
    amount: Money,
    direction: String,
    opening: Option<Dong>,
    closing: Option<Dong>,
    credits: Dong,
    debits: Dong,
    directions: Directions,
}

impl Reader {
    fn new(kind: FileKind) -> Reader {
        Reader {
            summary: Summary::new(kind),
            path: Vec::new(),
            text: String::new(),
            has_inner: false,
            currency: String::new(),
            rows: 0,
            owner: Owner::default(),
            entry: Entry::default(),
            statement: Statement::default(),
            balance: Balance::default(),
            has_balance: false,
            has_statement: false,
            seen: StatementsSeen::default(),
        }
    }

    fn wrong(&self, vi: &'static str, en: &'static str) -> StatementError {
        StatementError::Message {
            format: self.summary.kind.show(),
            row: self.rows,
            because: Sentence::new(vi, en),
        }
    }

    fn begin(&mut self, name: String, currency: String) {
        match name.as_str() {
            "Stmt" | "Rpt" | "Ntfctn" if self.is_message() => {
                self.owner = Owner::default();
                self.statement = Statement::default();
                self.has_statement = true;
            }
            "Ntry" => self.entry = Entry::default(),
            "TxDtls" if self.entry.details.len() < BATCH_MAX => self.entry.details.push(Detail::default()),
            "TxDtls" => self.entry.has_too_many = true,
            _ => {}
        }
        self.path.push(name);
        self.text.clear();
        self.has_inner = false;
        self.currency = currency;
    }

    /// Whether the element that is open is the message, whose parts are statements, reports or notices.
    fn is_message(&self) -> bool {
        self.path.last().is_some_and(|name| is_message(name))
    }

    fn text(&mut self, text: &str) -> Result<(), StatementError> {
        if self.text.len() + text.len() > CELL_BYTES_MAX {
            return Err(self.wrong("có một phần tử quá dài", "an element is too long"));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn end(&mut self, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        if !self.has_inner {
            self.leaf();
        }
        let name = self.path.pop().unwrap_or_default();
        match name.as_str() {
            "Ntry" => self.end_entry(sink)?,
            "Bal" => self.end_balance(),
            "Stmt" | "Rpt" | "Ntfctn" if self.is_message() => self.end_statement()?,
            _ => {}
        }
        self.text.clear();
        self.has_inner = true;
        Ok(())
    }

    /// An element that held only text: where it stands says what it is.
    fn leaf(&mut self) {
        let whole = std::mem::take(&mut self.text);
        let text = whole.trim();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        // The group header and the statement have what precedes; only what is below the statement counts.
        let Some(at) = path.iter().position(|name| is_message(name)) else {
            return;
        };
        let Some(below) = path.get(at + 2..) else { return };
        if !matches!(path[at + 1], "Stmt" | "Rpt" | "Ntfctn") {
            return;
        }
        // An amount without a currency is in that of the account.
        let currency = match self.currency.as_str() {
            "" => &self.owner.currency,
            own => own,
        };
        let money = || Money {
            text: text.to_owned(),
            currency: currency.to_owned(),
        };
        match below {
            ["Id"] => self.statement.id = text.to_owned(),
            ["Acct", "Ccy"] => text.clone_into(&mut self.owner.currency),
            ["Acct", "Id", "IBAN"] | ["Acct", "Id", "Othr", "Id"] => {
                self.owner.account = AccountNumber::parse(text).ok();
                if self.summary.account.is_none() {
                    self.summary.account.clone_from(&self.owner.account);
                }
            }
            ["Acct", "Svcr", "FinInstnId", .., "MmbId" | "Id"] if is_bin(text) => {
                text.clone_into(&mut self.owner.bank_bin);
            }
            ["Bal", "Tp", "CdOrPrtry", "Cd"] => self.statement.code = text.to_owned(),
            ["Bal", "Amt"] => {
                self.statement.amount = money();
                if self.owner.currency.is_empty() {
                    self.owner.currency.clone_from(&self.statement.amount.currency);
                }
            }
            ["Bal", "CdtDbtInd"] => self.statement.direction = text.to_owned(),
            ["Ntry", "NtryDtls", "TxDtls", rest @ ..] => take_detail(&mut self.entry, rest, &whole, money),
            ["Ntry", rest @ ..] => take_entry(&mut self.entry, rest, text, money),
            _ => {}
        }
    }

    fn end_entry(&mut self, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        let entry = std::mem::take(&mut self.entry);
        self.statement.entries += 1;
        let effect = entry.effect();
        match effect.credit - effect.debit {
            0 if entry.amount.dong() != Ok(0) && entry.is_booked() => self.statement.directions.lose_one(),
            0 => {}
            signed => self.statement.directions.push(self.rows + 1, signed),
        }
        self.statement.credits = saturating_sum(self.statement.credits, Dong::new(effect.credit));
        self.statement.debits = saturating_sum(self.statement.debits, Dong::new(effect.debit));
        for event in entry.events(self.rows + 1, &self.owner) {
            self.rows += 1;
            self.summary.count(&event);
            sink.push(event)?;
        }
        Ok(())
    }

    fn end_balance(&mut self) {
        let statement = &mut self.statement;
        let amount = std::mem::take(&mut statement.amount);
        let direction = std::mem::take(&mut statement.direction);
        let Ok(amount) = amount.dong() else { return };
        let signed = Dong::new(if direction == "DBIT" { -amount } else { amount });
        match statement.code.as_str() {
            "OPBD" => statement.opening = Some(signed),
            // The closing balance of the day before is the opening one, unless that is given too.
            "PRCD" => statement.opening = statement.opening.or(Some(signed)),
            "CLBD" => statement.closing = Some(signed),
            _ => {}
        }
    }

    fn end_statement(&mut self) -> Result<(), StatementError> {
        let statement = std::mem::take(&mut self.statement);
        if !statement.id.is_empty() && statement.entries > 0 {
            let account = self.owner.account.as_ref().map_or("", |account| account.reveal());
            let moved = format!(
                "{:?} {:?} {} {} {}",
                statement.opening.map(Dong::vnd),
                statement.closing.map(Dong::vnd),
                statement.credits.vnd(),
                statement.debits.vnd(),
                statement.entries
            );
            if !self.seen.add(&[account, &statement.id, &moved]) {
                return Err(StatementError::Message {
                    format: self.summary.kind.show(),
                    row: self.rows,
                    because: StatementsSeen::twice(&statement.id),
                });
            }
        }
        let (Some(opening), Some(closing)) = (statement.opening, statement.closing) else {
            return Ok(());
        };
        let credited = opening.vnd().saturating_add(statement.credits.vnd());
        let expected = credited.saturating_sub(statement.debits.vnd());
        let lacks = closing.vnd().saturating_sub(expected);
        if let Some((row, because)) = statement.directions.contradicted(lacks) {
            return Err(StatementError::Message {
                format: self.summary.kind.show(),
                row,
                because,
            });
        }
        self.has_balance = true;
        self.balance.parts += 1;
        self.balance.parts_off += u64::from(lacks != 0);
        self.balance.opening = saturating_sum(self.balance.opening, opening);
        self.balance.credits = saturating_sum(self.balance.credits, statement.credits);
        self.balance.debits = saturating_sum(self.balance.debits, statement.debits);
        self.balance.closing = saturating_sum(self.balance.closing, closing);
        Ok(())
    }

    fn finish(mut self) -> Result<Summary, StatementError> {
        if !self.has_statement {
            return Err(self.wrong(
                "không có bản sao kê nào (Stmt, Rpt hoặc Ntfctn)",
                "it holds no statement (Stmt, Rpt or Ntfctn)",
            ));
        }
        self.summary.balance = self.has_balance.then_some(self.balance);
        Ok(self.summary)
    }
}

/// The kind of message that an element is, by its local name; the first version had its number behind it.
pub(crate) fn message(name: &str) -> Option<FileKind> {
    match name.strip_suffix("V01").unwrap_or(name) {
        "BkToCstmrStmt" => Some(FileKind::Camt053),
        "BkToCstmrAcctRpt" => Some(FileKind::Camt052),
        "BkToCstmrDbtCdtNtfctn" => Some(FileKind::Camt054),
        _ => None,
    }
}

fn is_message(name: &str) -> bool {
    message(name).is_some()
}

fn is_bin(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// What an element of an entry says, by its path inside the entry.
fn take_entry(entry: &mut Entry, path: &[&str], text: &str, money: impl Fn() -> Money) {
    let field = match path {
        ["Amt"] => {
            entry.amount = money();
            return;
        }
        ["RvslInd"] => {
            // Whatever is no plain no takes something back.
            entry.is_reversal = !matches!(text.to_ascii_lowercase().as_str(), "" | "false" | "0");
            return;
        }
        ["NtryDtls", "Btch", "NbOfTxs"] => {
            entry.batch_count = text.parse().unwrap_or(0);
            return;
        }
        ["CdtDbtInd"] => &mut entry.direction,
        // Since version 8 the word stands one level lower.
        ["Sts"] | ["Sts", "Cd"] => &mut entry.status,
        ["BookgDt", "Dt" | "DtTm"] => &mut entry.booked_at,
        ["ValDt", "Dt" | "DtTm"] => &mut entry.value_at,
        ["AcctSvcrRef"] => &mut entry.bank_ref,
        ["NtryRef"] => &mut entry.entry_ref,
        ["BkTxCd", "Domn", "Fmly", "SubFmlyCd"] => &mut entry.family,
        ["NtryDtls", "Btch", "MsgId" | "PmtInfId"] => &mut entry.batch,
        ["AddtlNtryInf"] => &mut entry.note,
        _ => return,
    };
    text.clone_into(field);
}

/// What an element of a transaction says, by its path inside the transaction.
fn take_detail(entry: &mut Entry, path: &[&str], whole: &str, money: impl Fn() -> Money) {
    if entry.has_too_many {
        return;
    }
    let Some(detail) = entry.details.last_mut() else {
        return;
    };
    let text = whole.trim();
    let field = match path {
        ["Amt"] => {
            detail.amount = Some(money());
            return;
        }
        // Older versions have the amount one level lower.
        ["AmtDtls", "TxAmt", "Amt"] => {
            detail.older_amount = Some(money());
            return;
        }
        ["AmtDtls", "InstdAmt", "Amt"] => {
            detail.instructed = Some(money());
            return;
        }
        ["RmtInf", "Ustrd"] => return detail.note.push(whole),
        ["RmtInf", "Strd", "CdtrRefInf", "Ref"]
        | ["RmtInf", "Strd", "AddtlRmtInf"]
        | ["RmtInf", "Strd", "RfrdDocInf", "Nb"]
        | ["AddtlTxInf"] => return detail.more.push(whole),
        ["RtrInf", ..] => {
            detail.is_return = true;
            return;
        }
        ["CdtDbtInd"] => &mut detail.direction,
        ["Refs", "EndToEndId"] => &mut detail.end_to_end_id,
        ["Refs", "TxId"] => &mut detail.transaction_id,
        ["Refs", "AcctSvcrRef"] => &mut detail.bank_ref,
        ["RltdDts", "AccptncDtTm" | "TxDtTm"] => &mut detail.at,
        _ => return,
    };
    text.clone_into(field);
}

//! MT940: the statement message of SWIFT, as docs/spec/providers.md, section 15.3 describes it, with what banks make
//! of it.

use std::io::{Read, Seek};

use crate::statement::containers::text::{self, Lines};
use crate::statement::error::StatementError;
use crate::statement::kind::{Encoding, FileKind};
use crate::statement::limits::CELL_BYTES_MAX;
use crate::statement::messages::mt940_entry::{Entry, amount, note_of};
use crate::statement::messages::{Directions, StatementsSeen};
use crate::statement::movement::{RowKind, RowStatus};
use crate::statement::row::{BadRow, Event, EventSink, IgnoredRow, IgnoredWhy, StatementRow};
use crate::statement::summary::{Balance, Summary, saturating_sum};
use crate::vn::{AccountNumber, Dong, Sentence};

const FORMAT: &str = "MT940";
/// A line of the standard has 65 letters; banks write longer ones, but not these.
const LINE_BYTES_MAX: usize = 4096;
/// Lines of one field; the standard has six.
const FIELD_LINES_MAX: usize = 1_000;

/// Reads all statements of a file, their pages joined.
pub(crate) fn read<F: Read + Seek>(
    file: &mut F,
    sink: &mut EventSink<'_>,
) -> Result<Summary, StatementError> {
    let encoding = text::mark(file).map_err(StatementError::Io)?;
    let text = text::open(file, encoding.unwrap_or(Encoding::Utf8)).map_err(StatementError::Io)?;
    let mut lines = Lines::new(text);
    let mut reader = Reader::new();
    let mut raw = Vec::new();
    let mut number = 0_u64;
    while lines
        .next(&mut raw, LINE_BYTES_MAX)
        .map_err(|error| StatementError::io(error, number + 1))?
    {
        number += 1;
        reader.line(&text::decoded(&raw), number, sink)?;
    }
    reader.finish(sink)
}

/// A field with the lines that go on with it.
struct Field {
    tag: String,
    /// The line on which it begins.
    number: u64,
    lines: Vec<String>,
    bytes: usize,
    is_too_long: bool,
}

impl Field {
    fn push(&mut self, line: &str) {
        self.bytes += line.len();
        if self.bytes > CELL_BYTES_MAX || self.lines.len() == FIELD_LINES_MAX {
            self.is_too_long = true;
        } else {
            self.lines.push(line.to_owned());
        }
    }

    fn first(&self) -> &str {
        self.lines.first().map_or("", |line| line.trim())
    }
}

struct Reader {
    summary: Summary,
    account: Option<AccountNumber>,
    bank_bin: String,
    entries: u64,
    /// The field that is open: lines without a tag go on with it.
    field: Option<Field>,
    /// A line of one dash came: the end of a message, unless the field goes on behind it.
    is_behind_dash: bool,
    /// The entry whose details may still follow.
    pending: Option<Event>,
    /// The page that is open: its opening balance and what came and went since.
    page: Option<Page>,
    /// What the page before came to, if it was not the last one of its statement.
    carried: Option<Dong>,
    balance: Balance,
    has_closing: bool,
    /// Account and number of the statement that is open, as the file writes them.
    head: [String; 2],
    seen: StatementsSeen,
}

struct Page {
    /// The opening balance as the file writes it.
    text: String,
    opening: Dong,
    is_dong: bool,
    credits: Dong,
    debits: Dong,
    directions: Directions,
}

impl Reader {
    fn new() -> Reader {
        Reader {
            summary: Summary::new(FileKind::Mt940),
            account: None,
            bank_bin: String::new(),
            entries: 0,
            field: None,
            is_behind_dash: false,
            pending: None,
            page: None,
            carried: None,
            balance: Balance::default(),
            has_closing: false,
            head: Default::default(),
            seen: StatementsSeen::default(),
        }
    }

    fn line(&mut self, line: &str, number: u64, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        // Messages that come off the network keep the marks of its blocks.
        let line = line.trim_matches(|c: char| c.is_control() && c != '\t');
        let line = line.trim_start_matches('\u{feff}');
        if let Some(rest) = line.strip_prefix("-}") {
            self.end_field(sink)?;
            return self.block(rest, number, sink);
        }
        if ["{1:", "{2:", "{3:", "{4:", "{5:"]
            .iter()
            .any(|block| line.starts_with(block))
        {
            self.end_field(sink)?;
            return self.block(line, number, sink);
        }
        let line = line.strip_suffix("-}").unwrap_or(line);
        let field = line
            .trim_start()
            .strip_prefix(':')
            .and_then(|rest| rest.split_once(':'));
        if let Some((tag, text)) = field.filter(|(tag, text)| self.is_field(tag, text)) {
            self.end_field(sink)?;
            let mut field = Field {
                tag: tag.to_owned(),
                number,
                lines: Vec::new(),
                bytes: 0,
                is_too_long: false,
            };
            field.push(text);
            self.field = Some(field);
            return Ok(());
        }
        if line == "-" {
            self.is_behind_dash = true;
        } else if let Some(field) = self.field.as_mut().filter(|_| !line.is_empty()) {
            if std::mem::take(&mut self.is_behind_dash) {
                field.push("-");
            }
            field.push(line);
        }
        Ok(())
    }

    /// What stands in the line of a block: some programs put the first field there.
    fn block(&mut self, line: &str, number: u64, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        match line.split_once("{4:") {
            Some((_, text)) if !text.is_empty() => self.line(text, number, sink),
            _ => Ok(()),
        }
    }

    /// Whether a line begins a field. Inside an entry and its details a colon may also begin what is left of a time
    /// that was cut at the end of a line.
    fn is_field(&self, tag: &str, text: &str) -> bool {
        if !is_tag(tag) {
            return false;
        }
        let is_inside = self.page.is_some()
            && (self.field.as_ref()).is_some_and(|field| matches!(field.tag.as_str(), "61" | "86"));
        let is_seconds = || {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            digits == 2
        };
        match tag {
            _ if !is_inside => true,
            "61" | "86" | "60" | "60F" | "60M" | "62" | "62F" | "62M" | "64" | "65" | "NS" | "28C"
            | "25P" | "34F" | "90C" | "90D" => true,
            "12" | "13" | "13D" | "20" | "21" | "25" | "28" => !is_seconds(),
            _ => false,
        }
    }

    /// Reads the field that was open.
    fn end_field(&mut self, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        self.is_behind_dash = false;
        let Some(field) = self.field.take() else {
            return Ok(());
        };
        let wrong = |because: Sentence| StatementError::Message {
            format: FORMAT,
            row: field.number,
            because,
        };
        match field.tag.as_str() {
            "20" => {
                self.flush(sink)?;
                // Each message says whose it is.
                self.account = None;
                self.bank_bin.clear();
                self.head = Default::default();
            }
            "25" | "25P" => {
                self.flush(sink)?;
                self.take_account(field.first());
                field.first().clone_into(&mut self.head[0]);
            }
            "28" | "28C" => field.first().clone_into(&mut self.head[1]),
            "60" | "60F" | "60M" => {
                self.flush(sink)?;
                let (opening, is_dong) = balance_of(field.first(), None).map_err(|(vi, en)| {
                    wrong(sentence_of("số dư đầu kỳ", "the opening balance", &vi, &en))
                })?;
                let text = format!("{} {}", field.tag, field.first());
                self.open(opening, is_dong, (text, field.tag == "60M"));
            }
            "61" => {
                self.flush(sink)?;
                self.entry(&field);
            }
            "86" => self.details(&field),
            "62" | "62F" | "62M" => {
                self.flush(sink)?;
                let page = self.page.as_ref().map(|page| page.is_dong);
                let (closing, is_dong) = balance_of(field.first(), page).map_err(|(vi, en)| {
                    wrong(sentence_of("số dư cuối kỳ", "the closing balance", &vi, &en))
                })?;
                if self.page.as_ref().is_some_and(|page| page.is_dong != is_dong) {
                    return Err(wrong(Sentence::new(
                        "số dư đầu kỳ và cuối kỳ khác loại tiền",
                        "the opening and the closing balance are in different currencies",
                    )));
                }
                if let Some(page) = &self.page {
                    let moved = format!("{} {}", page.credits.vnd(), page.debits.vnd());
                    let [account, number] = &self.head;
                    if !self
                        .seen
                        .add(&[account, number, &page.text, field.first(), &moved])
                    {
                        return Err(wrong(StatementsSeen::twice(number)));
                    }
                }
                self.close(closing, field.tag != "62M")?;
            }
            "34F" => return Err(interim()),
            _ => {}
        }
        Ok(())
    }

    fn take_account(&mut self, text: &str) {
        let (bank, number) = text.rsplit_once('/').unwrap_or(("", text));
        // The account may carry its currency behind it.
        let number = number.trim();
        let number = number.strip_suffix("VND").unwrap_or(number).trim_end();
        let is_bin = bank.len() == 6 && bank.bytes().all(|b| b.is_ascii_digit());
        self.bank_bin = if is_bin { bank.to_owned() } else { String::new() };
        self.account = AccountNumber::parse(number).ok();
        if self.summary.account.is_none() {
            self.summary.account.clone_from(&self.account);
        }
    }

    fn open(&mut self, opening: Dong, is_dong: bool, (text, is_continued): (String, bool)) {
        if self.page.is_some() {
            // The page before was never closed: what it came to cannot be proved.
            self.balance.parts += 1;
            self.balance.parts_off += 1;
            self.take_page();
        }
        match self.carried.take() {
            // A page between the two is missing.
            Some(carried) if is_continued => self.balance.parts_off += u64::from(carried != opening),
            carried => {
                let before = carried.unwrap_or_default();
                self.balance.closing = saturating_sum(self.balance.closing, before);
                self.balance.opening = saturating_sum(self.balance.opening, opening);
            }
        }
        self.page = Some(Page {
            text,
            opening,
            is_dong,
            credits: Dong::ZERO,
            debits: Dong::ZERO,
            directions: Directions::default(),
        });
    }

    /// Counts what came and went on the page that is open, and says what it should come to.
    fn take_page(&mut self) -> Option<(i64, Directions)> {
        let page = self.page.take()?;
        self.balance.credits = saturating_sum(self.balance.credits, page.credits);
        self.balance.debits = saturating_sum(self.balance.debits, page.debits);
        let credited = page.opening.vnd().saturating_add(page.credits.vnd());
        Some((credited.saturating_sub(page.debits.vnd()), page.directions))
    }

    fn close(&mut self, closing: Dong, is_final: bool) -> Result<(), StatementError> {
        if let Some((expected, directions)) = self.take_page() {
            let lacks = closing.vnd().saturating_sub(expected);
            if let Some((row, because)) = directions.contradicted(lacks) {
                return Err(StatementError::Message {
                    format: FORMAT,
                    row,
                    because,
                });
            }
            self.balance.parts += 1;
            self.balance.parts_off += u64::from(lacks != 0);
        }
        self.has_closing = true;
        if is_final {
            self.balance.closing = saturating_sum(self.balance.closing, closing);
        } else {
            self.carried = Some(closing);
        }
        Ok(())
    }

    fn entry(&mut self, field: &Field) {
        self.entries += 1;
        let row_number = self.entries;
        let number = field.number;
        let read = self.read_entry(field, row_number);
        if let (Err(_), Some(page)) = (&read, &mut self.page) {
            page.directions.lose_one();
        }
        let pending = read.unwrap_or_else(|reason| {
            Event::Bad(BadRow {
                row_number,
                cells: field.lines.clone(),
                reason: Sentence::new(
                    format!("Dòng {number}, trường :61: {}", reason.vi),
                    format!("Line {number}, field :61: {}", reason.en),
                ),
            })
        });
        self.pending = Some(pending);
    }

    fn read_entry(&mut self, field: &Field, row_number: u64) -> Result<Event, Sentence> {
        if field.is_too_long {
            return Err(too_long());
        }
        let first = field.lines.first().map_or("", String::as_str);
        let second = field.lines.get(1).map_or("", String::as_str);
        let both = format!("{first}{second}");
        // A bank may have cut the line itself, even inside the amount.
        let alone = Entry::parse(first);
        let cut = match &alone {
            Ok(entry) if entry.has_type => None,
            _ => Entry::parse(&both).ok().filter(|entry| entry.has_type),
        };
        let extra_from = if cut.is_some() { 2 } else { 1 };
        let entry = match cut {
            Some(entry) => entry,
            None => alone?,
        };
        let page = self.page.as_mut().ok_or_else(|| {
            Sentence::new(
                "không có số dư đầu kỳ (:60F:) ở trên, nên không biết là tiền gì. Hãy xin ngân hàng tệp sao kê đầy đủ, từ :20: đến :62F:.",
                "there is no opening balance (:60F:) above, so its currency is not known. Ask the bank for the whole statement, from :20: to :62F:.",
            )
        })?;
        if !page.is_dong {
            return Err(Sentence::new(
                "không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                "not VND. Only payments in Vietnamese dong are taken.",
            ));
        }
        if !entry.is_expected {
            let side = if entry.is_credit {
                &mut page.credits
            } else {
                &mut page.debits
            };
            *side = saturating_sum(*side, Dong::new(entry.amount));
            let signed = if entry.is_credit {
                entry.amount
            } else {
                -entry.amount
            };
            page.directions.push(field.number, signed);
        }
        let ignored = |why, amount| {
            Event::Ignored(IgnoredRow {
                row_number,
                why,
                amount,
            })
        };
        let amount = match Dong::payment(entry.amount) {
            Ok(amount) => amount,
            Err(_) if entry.amount == 0 => return Ok(ignored(IgnoredWhy::ZeroAmount, Dong::ZERO)),
            Err(_) => {
                return Err(Sentence::new(
                    "số tiền lớn hơn giới hạn của một giao dịch (13 chữ số).",
                    "the amount is above the limit of one payment (13 digits).",
                ));
            }
        };
        let kind = match (entry.is_credit, entry.is_reversal) {
            (true, true) => return Ok(ignored(IgnoredWhy::ReversedDebit, amount)),
            // A transfer of one's own that could not be delivered came back.
            (true, false) if entry.code == "RTI" => {
                return Ok(ignored(IgnoredWhy::ReversedDebit, amount));
            }
            (true, false) => RowKind::Payment,
            (false, true) => RowKind::Refund,
            (false, false) if matches!(entry.code, "CHG" | "COM" | "FEE") => RowKind::Fee,
            (false, false) => RowKind::Outgoing,
        };
        let mut row = StatementRow::new(row_number, kind, amount, entry.booked_on);
        if entry.is_expected {
            row.status = RowStatus::Pending;
        }
        row.settled_on = Some(entry.value_on);
        row.bank_ref = entry.bank_ref.to_owned();
        // Some banks put their own reference in the customer's place and nothing behind the two slashes.
        let id = match entry.bank_ref {
            "" => entry.reference,
            id => id,
        };
        row.provider_txn_id = id.to_owned();
        row.reference = entry.reference.to_owned();
        if entry.is_reversal {
            // What is taken back is named where the payment had its number.
            row.refund_of = entry.reference.to_owned();
        }
        row.account.clone_from(&self.account);
        row.bank_bin.clone_from(&self.bank_bin);
        // The line of 34 letters under an entry says what kind it is; it is kept before the details.
        let extra = field.lines.get(extra_from..).unwrap_or_default();
        row.note = note_of(&extra.join(" "));
        Ok(Event::Row(row))
    }

    /// The details of the entry before. More than one field of them is more text.
    fn details(&mut self, field: &Field) {
        let Some(Event::Row(row)) = &mut self.pending else {
            return;
        };
        let note = note_of(&field.lines.concat());
        let is_too_long = field.is_too_long || row.note.len() + note.len() > CELL_BYTES_MAX;
        if is_too_long {
            let number = field.number;
            let reason = too_long();
            self.pending = Some(Event::Bad(BadRow {
                row_number: row.row_number,
                cells: field.lines.iter().take(6).cloned().collect(),
                reason: Sentence::new(
                    format!("Dòng {number}, trường :86: {}", reason.vi),
                    format!("Line {number}, field :86: {}", reason.en),
                ),
            }));
            return;
        }
        if !row.note.is_empty() {
            row.note.push(' ');
        }
        row.note.push_str(&note);
    }

    /// Hands over the entry that waited for its details.
    fn flush(&mut self, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        let Some(mut event) = self.pending.take() else {
            return Ok(());
        };
        if let Event::Row(row) = &mut event {
            for text in [
                &mut row.note,
                &mut row.bank_ref,
                &mut row.provider_txn_id,
                &mut row.reference,
            ] {
                *text = text.trim().to_owned();
                text.retain(|c| !c.is_control());
            }
            let is_broken = |text: &str| text.contains('\u{fffd}');
            if is_broken(&row.note) || is_broken(&row.bank_ref) || is_broken(&row.reference) {
                event = Event::Bad(BadRow {
                    row_number: row.row_number,
                    cells: vec![row.bank_ref.clone(), row.reference.clone(), row.note.clone()],
                    reason: Sentence::new(
                        "Bút toán có ký tự không đọc được. Hãy tải lại tệp từ ngân hàng.",
                        "The entry holds characters that cannot be read. Get the file from the bank again.",
                    ),
                });
            }
        }
        self.summary.count(&event);
        sink.push(event)
    }

    fn finish(mut self, sink: &mut EventSink<'_>) -> Result<Summary, StatementError> {
        self.end_field(sink)?;
        self.flush(sink)?;
        if self.page.is_some() || !self.has_closing {
            return Err(StatementError::Truncated {
                because: (
                    "thiếu số dư cuối kỳ (:62F:)",
                    "the closing balance (:62F:) is missing",
                ),
            });
        }
        // The last page here is not the last one of its statement; another file goes on.
        if let Some(carried) = self.carried {
            self.balance.closing = saturating_sum(self.balance.closing, carried);
        }
        if self.balance.parts > 0 {
            self.summary.balance = Some(self.balance);
        }
        Ok(self.summary)
    }
}

fn too_long() -> Sentence {
    Sentence::new(
        "quá dài. Tệp có thể bị hỏng; hãy tải lại từ ngân hàng.",
        "too long. The file may be broken; get it from the bank again.",
    )
}

fn sentence_of(what_vi: &str, what_en: &str, vi: &str, en: &str) -> Sentence {
    Sentence::new(
        format!("không đọc được {what_vi}: {vi}"),
        format!("{what_en} cannot be read: {en}"),
    )
}

/// Entries without the account, number and balances that stand around them in a message.
pub(crate) fn part() -> StatementError {
    StatementError::NotAStatement {
        what: (
            "một đoạn của sao kê MT940: có dòng giao dịch (:61:) mà không có tài khoản (:25:) và số dư (:60F:, :62F:)",
            "a part of an MT940 statement: it has entries (:61:) without account (:25:) and balances (:60F:, :62F:)",
        ),
        advice: (
            "Hãy tải lại cả tệp từ ngân hàng, không sao chép từng đoạn.",
            "Get the whole file from the bank instead of copying a part of it.",
        ),
    }
}

/// A report within the day: what is not booked yet may stand in it, and no balances prove it.
pub(crate) fn interim() -> StatementError {
    StatementError::NotAStatement {
        what: (
            "báo cáo trong ngày MT942, có thể còn khoản chưa ghi sổ và không có số dư để đối chiếu",
            "an interim report (MT942), in which entries may stand that are not booked yet, without balances to prove it",
        ),
        advice: (
            "Hãy tải sao kê MT940 của ngày đó, có từ khi ngân hàng khóa sổ cuối ngày.",
            "Get the MT940 statement of that day, which the bank has once the day is closed.",
        ),
    }
}

fn is_tag(tag: &str) -> bool {
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    tag == "NS" || (digits == 2 && tag.len() <= 3 && tag.bytes().skip(2).all(|b| b.is_ascii_uppercase()))
}

/// `C260115VND1000,00`, with its sign, and whether it is in đồng. The day of a balance decides nothing: banks that do
/// not know it write zeros. A closing balance without a currency is in that of the opening one. What is wrong with it
/// otherwise, in Vietnamese and English.
fn balance_of(text: &str, opened_in_dong: Option<bool>) -> Result<(Dong, bool), (String, String)> {
    let wrong = |vi: &str, en: &str| (vi.to_owned(), en.to_owned());
    let is_credit = match text.chars().next() {
        Some('C') => true,
        Some('D') => false,
        _ => return Err(wrong("thiếu dấu C hoặc D", "the mark C or D is missing")),
    };
    let day = text
        .get(1..7)
        .filter(|day| day.bytes().all(|b| b.is_ascii_digit()));
    let rest = match day {
        Some(_) => text[7..].trim_start(),
        None => return Err(wrong("thiếu ngày (YYMMDD)", "its day (YYMMDD) is missing")),
    };
    let currency = rest
        .get(..3)
        .filter(|ccy| ccy.bytes().all(|b| b.is_ascii_uppercase()));
    let (is_dong, rest) = match (currency, opened_in_dong) {
        (Some(currency), _) => (currency == "VND", &rest[3..]),
        (None, Some(is_dong)) => (is_dong, rest),
        (None, None) => return Err(wrong("thiếu loại tiền", "its currency is missing")),
    };
    if !is_dong {
        return Ok((Dong::ZERO, false));
    }
    let amount = amount(rest.trim()).map_err(|why| {
        let end = |text: &str| text.trim_end_matches('.').to_owned();
        (end(&why.vi), end(&why.en))
    })?;
    Ok((Dong::new(if is_credit { amount } else { -amount }), true))
}

//! MT940: the statement message of SWIFT, as docs/spec/providers.md, section 15.3 describes it.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use crate::statement::error::StatementError;
use crate::statement::kind::FileKind;
use crate::statement::limits::RECORD_BYTES_MAX;
use crate::statement::meaning::values::day;
use crate::statement::movement::RowKind;
use crate::statement::row::{BadRow, Event, EventSink, IgnoredRow, IgnoredWhy, StatementRow};
use crate::statement::summary::{Balance, Summary, saturating_sum};
use crate::vn::{AccountNumber, Day, Dong, Sentence};

const FORMAT: &str = "MT940";
/// A line of the standard has 65 letters; banks write longer ones, but not these.
const LINE_BYTES_MAX: usize = 4096;
/// A note of six lines of 65 letters, with room for banks that write more.
const NOTE_BYTES_MAX: usize = 4096;

/// Reads all statements of a file, their pages joined.
pub(crate) fn read<F: Read + Seek>(
    file: &mut F,
    sink: &mut EventSink<'_>,
) -> Result<Summary, StatementError> {
    file.seek(SeekFrom::Start(0)).map_err(StatementError::Io)?;
    let mut lines = BufReader::with_capacity(128 << 10, file);
    let mut reader = Reader::new();
    let mut raw = Vec::new();
    let mut number = 0_u64;
    loop {
        raw.clear();
        let read = lines
            .by_ref()
            .take(RECORD_BYTES_MAX)
            .read_until(b'\n', &mut raw)
            .map_err(StatementError::Io)?;
        if read == 0 {
            break;
        }
        number += 1;
        if raw.len() > LINE_BYTES_MAX {
            return Err(StatementError::RecordTooLong { row: number });
        }
        let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&raw);
        let line = String::from_utf8_lossy(raw);
        reader.line(line.trim_end_matches(['\r', '\n']), number, sink)?;
    }
    reader.finish(sink)
}

/// What `:86:` belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PreviousField {
    /// A `:61:` line: its details follow.
    Entry,
    /// The `:86:` of an entry, which goes on over lines.
    Details,
    Other,
}

struct Reader {
    summary: Summary,
    account: Option<AccountNumber>,
    bank_bin: String,
    is_dong: bool,
    entries: u64,
    /// The entry whose details may still follow.
    pending: Option<Event>,
    previous: PreviousField,
    /// The page that is open: its opening balance and what came and went since.
    page: Option<Page>,
    balance: Balance,
    has_closing: bool,
}

#[derive(Clone, Copy)]
struct Page {
    opening: Dong,
    credits: Dong,
    debits: Dong,
}

impl Reader {
    fn new() -> Reader {
        Reader {
            summary: Summary::new(FileKind::Mt940),
            account: None,
            bank_bin: String::new(),
            is_dong: true,
            entries: 0,
            pending: None,
            previous: PreviousField::Other,
            page: None,
            balance: Balance::default(),
            has_closing: false,
        }
    }

    fn line(&mut self, line: &str, number: u64, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        let field = line.strip_prefix(':').and_then(|rest| rest.split_once(':'));
        let Some((tag, text)) = field.filter(|(tag, _)| is_tag(tag)) else {
            return self.more(line, sink);
        };
        if tag != "86" {
            self.flush(sink)?;
        }
        let wrong = |vi: &'static str, en: &'static str| StatementError::Message {
            format: FORMAT,
            row: number,
            because: Sentence::new(vi, en),
        };
        match tag {
            "25" => self.take_account(text),
            "60F" | "60M" => {
                let opening = self.take_balance(text).ok_or_else(|| {
                    wrong(
                        "không đọc được số dư đầu kỳ",
                        "the opening balance cannot be read",
                    )
                })?;
                self.page = Some(Page {
                    opening,
                    credits: Dong::ZERO,
                    debits: Dong::ZERO,
                });
                if tag == "60F" {
                    self.balance.opening = saturating_sum(self.balance.opening, opening);
                }
            }
            "61" => self.entry(text, number),
            "62F" | "62M" => {
                let closing = self.take_balance(text).ok_or_else(|| {
                    wrong(
                        "không đọc được số dư cuối kỳ",
                        "the closing balance cannot be read",
                    )
                })?;
                self.close(closing, tag == "62F");
            }
            _ => {}
        }
        self.previous = match (tag, self.previous) {
            ("61", _) => PreviousField::Entry,
            ("86", PreviousField::Entry) => {
                self.add_note(text);
                PreviousField::Details
            }
            _ => PreviousField::Other,
        };
        Ok(())
    }

    /// A line without a tag: the end of a message, a block before one, or more of the field before.
    fn more(&mut self, line: &str, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        if line == "-" || line.starts_with("-}") {
            self.previous = PreviousField::Other;
            return self.flush(sink);
        }
        if let Some((_, text)) = line.split_once("{4:").filter(|_| line.starts_with('{')) {
            self.previous = PreviousField::Other;
            // Some programs put the first field on the line of the block.
            return if text.is_empty() {
                Ok(())
            } else {
                self.line(text, 0, sink)
            };
        }
        match self.previous {
            PreviousField::Details => self.add_note(line),
            // The line of 34 letters under an entry says what kind it is; it is kept before the details.
            PreviousField::Entry if !line.is_empty() => {
                self.add_note(line);
                self.add_note(" ");
            }
            _ => {}
        }
        Ok(())
    }

    fn take_account(&mut self, text: &str) {
        let (bank, number) = text.rsplit_once('/').unwrap_or(("", text));
        // The account may carry its currency behind it.
        let number = number.trim();
        let number = number.strip_suffix("VND").unwrap_or(number);
        let is_bin = bank.len() == 6 && bank.bytes().all(|b| b.is_ascii_digit());
        self.bank_bin = if is_bin { bank.to_owned() } else { String::new() };
        self.account = AccountNumber::parse(number).ok();
        if self.summary.account.is_none() {
            self.summary.account.clone_from(&self.account);
        }
    }

    /// `C260115VND1000,00`, with its sign.
    fn take_balance(&mut self, text: &str) -> Option<Dong> {
        let mark = text.get(..1)?;
        day_of(text.get(1..7)?)?;
        let currency = text.get(7..10)?;
        self.is_dong = currency == "VND";
        let amount = if self.is_dong {
            amount(text.get(10..)?).ok()?
        } else {
            0
        };
        match mark {
            "C" => Some(Dong::new(amount)),
            "D" => Some(Dong::new(-amount)),
            _ => None,
        }
    }

    fn close(&mut self, closing: Dong, is_final: bool) {
        if let Some(page) = self.page.take() {
            let expected = page
                .opening
                .vnd()
                .saturating_add(page.credits.vnd())
                .saturating_sub(page.debits.vnd());
            self.balance.parts += 1;
            self.balance.parts_off += u64::from(expected != closing.vnd());
            self.balance.credits = saturating_sum(self.balance.credits, page.credits);
            self.balance.debits = saturating_sum(self.balance.debits, page.debits);
        }
        if is_final {
            self.balance.closing = saturating_sum(self.balance.closing, closing);
            self.has_closing = true;
        }
    }

    fn entry(&mut self, text: &str, number: u64) {
        self.entries += 1;
        let row_number = self.entries;
        let pending = match self.read_entry(text, row_number) {
            Ok(pending) => pending,
            Err(reason) => Event::Bad(BadRow {
                row_number,
                cells: vec![text.to_owned()],
                reason: Sentence::new(
                    format!("Dòng {number}, trường :61: {}", reason.vi),
                    format!("Line {number}, field :61: {}", reason.en),
                ),
            }),
        };
        self.pending = Some(pending);
    }

    fn read_entry(&mut self, text: &str, row_number: u64) -> Result<Event, Sentence> {
        let entry = Entry::parse(text)?;
        if !self.is_dong {
            return Err(Sentence::new(
                "không phải VND. Chỉ nhận giao dịch bằng đồng Việt Nam.",
                "not VND. Only payments in Vietnamese dong are taken.",
            ));
        }
        if let Some(page) = &mut self.page {
            let side = if entry.is_credit {
                &mut page.credits
            } else {
                &mut page.debits
            };
            *side = saturating_sum(*side, Dong::new(entry.amount));
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
            (true, false) => RowKind::Payment,
            (false, true) => RowKind::Refund,
            (false, false) if matches!(entry.code, "CHG" | "COM" | "FEE") => RowKind::Fee,
            (false, false) => RowKind::Outgoing,
        };
        let mut row = StatementRow::new(row_number, kind, amount, entry.booked_on);
        row.settled_on = Some(entry.value_on);
        row.bank_ref = entry.bank_ref.to_owned();
        row.provider_txn_id = entry.bank_ref.to_owned();
        row.reference = entry.reference.to_owned();
        row.account.clone_from(&self.account);
        row.bank_bin.clone_from(&self.bank_bin);
        Ok(Event::Row(row))
    }

    /// Line breaks are not spaces: words go on over them.
    fn add_note(&mut self, text: &str) {
        if let Some(Event::Row(row)) = &mut self.pending
            && row.note.len() + text.len() <= NOTE_BYTES_MAX
        {
            row.note.push_str(text);
        }
    }

    /// Hands over the entry that waited for its details.
    fn flush(&mut self, sink: &mut EventSink<'_>) -> Result<(), StatementError> {
        let event = match self.pending.take() {
            None => return Ok(()),
            Some(Event::Row(mut row)) => {
                let is_broken = |c: char| c == '\u{fffd}' || c.is_control();
                if row.note.contains(is_broken)
                    || row.bank_ref.contains(is_broken)
                    || row.reference.contains(is_broken)
                {
                    Event::Bad(BadRow {
                        row_number: row.row_number,
                        cells: vec![row.bank_ref, row.reference, row.note],
                        reason: Sentence::new(
                            "Bút toán có ký tự không đọc được. Hãy tải lại tệp từ ngân hàng.",
                            "The entry holds characters that cannot be read. Get the file from the bank again.",
                        ),
                    })
                } else {
                    row.note = row.note.trim().to_owned();
                    Event::Row(row)
                }
            }
            Some(event) => event,
        };
        self.summary.count(&event);
        sink.push(event)
    }

    fn finish(mut self, sink: &mut EventSink<'_>) -> Result<Summary, StatementError> {
        self.flush(sink)?;
        if self.page.is_some() || !self.has_closing {
            return Err(StatementError::Truncated {
                because: (
                    "thiếu số dư cuối kỳ (:62F:)",
                    "the closing balance (:62F:) is missing",
                ),
            });
        }
        if self.balance.parts > 0 {
            self.summary.balance = Some(self.balance);
        }
        Ok(self.summary)
    }
}

fn is_tag(tag: &str) -> bool {
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    digits == 2 && tag.len() <= 3 && tag.bytes().skip(2).all(|b| b.is_ascii_uppercase())
}

/// The parts of a `:61:` line.
struct Entry<'a> {
    value_on: Day,
    booked_on: Day,
    is_credit: bool,
    is_reversal: bool,
    amount: i64,
    /// The three letters behind the type, e.g. `TRF`.
    code: &'a str,
    reference: &'a str,
    bank_ref: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(text: &'a str) -> Result<Entry<'a>, Sentence> {
        let wrong = |vi: &str, en: &str| {
            Sentence::new(format!("không đọc được {vi}."), format!("{en} cannot be read."))
        };
        if !text.is_ascii() {
            return Err(wrong("vì có ký tự lạ", "it holds foreign characters and"));
        }
        let value_on = text
            .get(..6)
            .and_then(day_of)
            .ok_or_else(|| wrong("ngày giá trị (YYMMDD)", "the value date (YYMMDD)"))?;
        let mut rest = &text[6..];
        let mut booked_on = value_on;
        if let Some(entry_date) = rest.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_digit())) {
            booked_on = nearest(entry_date, value_on)
                .ok_or_else(|| wrong("ngày bút toán (MMDD)", "the entry date (MMDD)"))?;
            rest = &rest[4..];
        }
        let (is_reversal, unmarked) = match rest.strip_prefix('R') {
            Some(unmarked) => (true, unmarked),
            None => (false, rest),
        };
        let is_mark_credit = match unmarked.as_bytes().first() {
            Some(b'C') => true,
            Some(b'D') => false,
            _ => return Err(wrong("chiều tiền (C, D, RC, RD)", "the direction (C, D, RC, RD)")),
        };
        rest = &unmarked[1..];
        // The third letter of the currency may stand before the amount.
        if rest.starts_with(|c: char| c.is_ascii_uppercase()) {
            rest = &rest[1..];
        }
        let amount_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != ',')
            .unwrap_or(rest.len());
        let amount = amount(&rest[..amount_end])?;
        rest = &rest[amount_end..];
        let code = rest
            .get(1..4)
            .ok_or_else(|| wrong("loại giao dịch", "the type of transaction"))?;
        let references = &rest[4..];
        let (reference, bank_ref) = references.split_once("//").unwrap_or((references, ""));
        let reference = reference.trim();
        Ok(Entry {
            value_on,
            booked_on,
            // A reversed credit takes money out again.
            is_credit: is_mark_credit != is_reversal,
            is_reversal,
            amount,
            code,
            reference: if reference == "NONREF" { "" } else { reference },
            bank_ref: bank_ref.trim(),
        })
    }
}

/// Digits with a decimal comma, behind which only zeros may stand.
fn amount(text: &str) -> Result<i64, Sentence> {
    let unread = || Sentence::new("không đọc được số tiền.", "the amount cannot be read.");
    let (digits, fraction) = text.split_once(',').ok_or_else(|| {
        Sentence::new(
            "không đọc được số tiền (thiếu dấu phẩy).",
            "the amount cannot be read (the comma is missing).",
        )
    })?;
    if digits.is_empty()
        || digits.len() > 15
        || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return Err(unread());
    }
    if fraction.len() > 2 || fraction.bytes().any(|b| b != b'0') {
        return Err(Sentence::new(
            "số tiền có phần lẻ, mà đồng Việt Nam không có số lẻ.",
            "the amount has a fraction, which the Vietnamese dong does not have.",
        ));
    }
    digits.parse().map_err(|_| unread())
}

/// `YYMMDD` of this century.
fn day_of(text: &str) -> Option<Day> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| text[at..at + 2].parse::<i64>().ok();
    day(2000 + part(0)?, part(2)?, part(4)?)
}

/// `MMDD` of the year that brings it closest to another day.
fn nearest(text: &str, to: Day) -> Option<Day> {
    let part = |at: usize| text[at..at + 2].parse::<i64>().ok();
    let month = part(0)?;
    let in_month = part(2)?;
    let year: i64 = to.to_string().get(..4)?.parse().ok()?;
    let days = (year - 1..=year + 1).filter_map(|year| day(year, month, in_month));
    days.min_by_key(|day| (day.number() - to.number()).abs())
}

//! The first reading of a statement: what matching needs of each row, and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::ImportError;
use crate::reconcile::{
    FeeCheck, Key128, Payee, RowSide, refund_key, row_keys, stated_time, valued_days_before,
};
use crate::statement::{
    BadRow, Event, FILE_BYTES_MAX, Mapping, Reading, StatementError, StatementRow, Summary,
};
use crate::store::{BadStatementRow, FreshRows, PayeeName};
use crate::vn::{AccountNumber, Day, Dong, TimeMs, fold};

/// Rows that cannot be read of which the reason is kept; further ones are counted.
const BAD_KEPT_MAX: usize = 20_000;
/// Bytes that a row of a statement has at least.
const ROW_BYTES_MIN: u64 = 24;

/// Rows handed from one thread to the other at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// Days ahead of today that a row may be: a machine's clock may be wrong by so much.
const DAYS_AHEAD_MAX: i64 = 2;

/// What the first reading gives.
#[derive(Default)]
pub(super) struct FirstReading {
    pub fresh: FreshRows,
    pub days: Option<(Day, Day)>,
    pub ignored: i64,
    pub bad_count: i64,
    pub bad: Vec<BadRow>,
    pub bad_days: Vec<BadStatementRow>,
}

/// A file, how it is read, and the stalls that its notes may name.
#[derive(Clone)]
pub(super) struct Source {
    path: PathBuf,
    reading: Arc<Reading>,
    /// The number of its first row.
    pub first_no: i64,
    /// Every stall's code and id, by code.
    pub stalls: Arc<Vec<(String, String)>>,
}

impl Source {
    /// Looks through the file.
    pub(super) fn open(
        path: &Path,
        mapping: &Mapping,
        first_no: i64,
        stalls: Arc<Vec<(String, String)>>,
    ) -> Result<Source, ImportError> {
        Ok(Source {
            path: path.to_owned(),
            reading: Arc::new(Reading::prepare(&mut opened(path)?, mapping)?),
            first_no,
            stalls,
        })
    }

    /// Hands its rows on once more.
    pub(super) fn read_again(
        &self,
        mut sink: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<Summary, ImportError> {
        Ok(self.reading.read(&mut opened(&self.path)?, &mut sink)?)
    }

    /// Reads a file on a thread of its own while this one works out what matching needs of its rows. What the reader
    /// says of the file comes with it.
    pub(super) fn first_reading(
        &self,
        fees: FeeCheck,
        now: TimeMs,
    ) -> Result<(FirstReading, Summary), ImportError> {
        let mut file = opened(&self.path)?;
        // Grown by doubling, the lists would stand in memory twice for a moment. No row is shorter than this.
        let bytes = file.metadata().map_or(0, |data| data.len());
        let rows = usize::try_from(bytes / ROW_BYTES_MIN).unwrap_or(0).min(1_000_000);
        let mut first = Gathering::new(Codes::new(&self.stalls), fees, self.first_no, rows);
        first.lists_twice = self.reading.is_table();
        first.latest_day = Some(Day::of(now).plus(DAYS_AHEAD_MAX));
        let (to, from) = std::sync::mpsc::sync_channel::<Vec<Event>>(2);
        let summary = std::thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
                let summary = self.reading.read(&mut file, &mut |event| {
                    events.push(event);
                    if events.len() < EVENTS_AT_ONCE {
                        return ControlFlow::Continue(());
                    }
                    let full = std::mem::replace(&mut events, Vec::with_capacity(EVENTS_AT_ONCE));
                    match to.send(full) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })?;
                // If nobody takes them any more, that is told below.
                let _ = to.send(events);
                Ok(summary)
            });
            let is_too_bad = from
                .into_iter()
                .flatten()
                .any(|event| first.take(event).is_break());
            match (is_too_bad, reading.join()) {
                (true, _) => Err(ImportError::TooManyBad(BAD_KEPT_MAX)),
                (false, Ok(summary)) => summary,
                (false, Err(panic)) => std::panic::resume_unwind(panic),
            }
        })?;
        if let Some((row, day)) = first.future {
            return Err(StatementError::FutureDay { row, day }.into());
        }
        Ok((first.done(now), summary))
    }
}

/// What is known of the rows so far.
struct Gathering<'a> {
    codes: Codes<'a>,
    fees: FeeCheck,
    first_no: i64,
    numbers: HashMap<PayeeName, u32>,
    /// How often each content was met.
    times: HashMap<Key128, u32>,
    /// Rows that say what an earlier one said, its number included, by their place, with that content.
    again: Vec<(usize, Key128)>,
    last_day: Option<Day>,
    /// A row may stand there twice under its own number; a message lists each entry once.
    lists_twice: bool,
    /// No row is of a later day.
    latest_day: Option<Day>,
    /// The first row that is, with its day.
    future: Option<(u64, Day)>,
    /// Where the numbers of a row are put together.
    scratch: Vec<u8>,
    bad_days: Vec<(u64, Option<Day>, String)>,
    read: FirstReading,
}

impl<'a> Gathering<'a> {
    fn new(codes: Codes<'a>, fees: FeeCheck, first_no: i64, rows: usize) -> Gathering<'a> {
        let mut read = FirstReading::default();
        // A quarter more for rows of the days around, which come behind these.
        read.fresh.rows.reserve(rows + rows / 4);
        read.fresh.named.reserve(rows + rows / 4);
        Gathering {
            codes,
            fees,
            first_no,
            numbers: HashMap::new(),
            times: HashMap::with_capacity(rows),
            again: Vec::new(),
            last_day: None,
            lists_twice: true,
            latest_day: None,
            future: None,
            scratch: Vec::new(),
            bad_days: Vec::new(),
            read,
        }
    }

    /// Takes what comes next; breaks if so much cannot be read that the file is read wrongly.
    fn take(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Row(row) => self.take_row(row),
            Event::Bad(row) => {
                self.read.bad_count += 1;
                if self.read.bad.len() == BAD_KEPT_MAX {
                    return ControlFlow::Break(());
                }
                self.bad_days
                    .push((row.row_number, self.last_day, row.reason.vi.clone().into_owned()));
                self.read.bad.push(row);
            }
            Event::Ignored(_) => self.read.ignored += 1,
        }
        ControlFlow::Continue(())
    }

    fn take_row(&mut self, mut row: StatementRow) {
        let said = content_of(&row, &mut self.scratch);
        let day = row.business_day;
        self.last_day = Some(day);
        if self.latest_day.is_some_and(|latest| day > latest) {
            self.future = self.future.or(Some((row.row_number, day)));
        }
        let days = self.read.days.unwrap_or((day, day));
        self.read.days = Some((days.0.min(day), days.1.max(day)));
        let time = self.times.entry(said).or_insert(0);
        *time += 1;
        let content = match *time {
            1 => said,
            // The second of equal rows of one file is another row than the first.
            nth => Key128::of(&[&format!("{:x}{:x} {nth}", said.bits()[0], said.bits()[1])]),
        };
        let fresh = &mut self.read.fresh;
        // What stands in the customer's place is no number that the file gives.
        let has_number = !row.provider_txn_id.is_empty() && row.provider_txn_id != row.reference;
        if content != said && self.lists_twice && has_number {
            self.again.push((fresh.rows.len(), said));
        }
        let no = self.first_no + fresh.rows.len() as i64;
        fresh.rows.push(side_of(&row, no, content, self.fees));
        let next = fresh.names.len() as u32;
        let name = *self.numbers.entry(name_of(&mut row)).or_insert_with_key(|name| {
            fresh.names.push(name.clone());
            next
        });
        fresh.named.push((name, self.codes.in_note(&row.note)));
    }

    fn done(self, now: TimeMs) -> FirstReading {
        let mut read = self.read;
        mark_printed_twice(&mut read.fresh.rows, &self.again);
        let first = read.days.map_or(Day::of(now), |(first, _)| first);
        let bad_days = self.bad_days.into_iter();
        let bad_days = bad_days.map(|(row_number, day, reason)| BadStatementRow {
            row_number: row_number as i64,
            business_day: day.unwrap_or(first),
            reason,
        });
        FirstReading {
            bad_days: bad_days.collect(),
            ..read
        }
    }
}

/// Equal rows of one file are different payments, but under a number that the file gives to no other row they are one
/// row that it lists again: then they have one content.
fn mark_printed_twice(rows: &mut [RowSide], again: &[(usize, Key128)]) {
    let contents: HashMap<usize, Key128> = again.iter().copied().collect();
    let mut content_of: HashMap<Key128, Option<Key128>> = again
        .iter()
        .filter_map(|(at, said)| Some((rows[*at].txn?, Some(*said))))
        .collect();
    if content_of.is_empty() {
        return;
    }
    for (at, row) in rows.iter().enumerate() {
        let said = contents.get(&at).copied().unwrap_or(row.content);
        if let Some(only) = row.txn.and_then(|txn| content_of.get_mut(&txn)) {
            *only = only.filter(|only| *only == said);
        }
    }
    for (at, said) in again {
        let is_only = rows[*at].txn.and_then(|txn| content_of.get(&txn)?.as_ref());
        if is_only.is_some() {
            rows[*at].content = *said;
        }
    }
}

/// What matching needs of a row; whose money it is, is found later.
fn side_of(row: &StatementRow, no: i64, content: Key128, fees: FeeCheck) -> RowSide {
    let (txn, bank_ref) = row_keys(&row.provider_txn_id, &row.bank_ref, &row.reference);
    RowSide {
        no,
        shape: 0,
        content,
        kind: row.kind,
        status: row.status,
        txn,
        refund_of: refund_key(row.kind, &row.refund_of),
        bank_ref,
        payee: Payee::NotNamed,
        stall_in_note: None,
        amount_vnd: row.amount.vnd(),
        fee_gap_vnd: fees.gap_vnd(row),
        day: row.business_day,
        occurred_at: stated_time(row.occurred_at),
        parts: row.parts,
        valued_days_before: valued_days_before(row.business_day, row.settled_on),
    }
}

/// The key of everything a row says, but for where it stands. `numbers` is where its numbers are put together before
/// they are digested.
fn content_of(row: &StatementRow, numbers: &mut Vec<u8>) -> Key128 {
    let always = [
        row.amount.vnd(),
        row.fee.vnd(),
        row.vat.vnd(),
        row.discount.vnd(),
        row.business_day.number(),
        i64::from(row.parts),
    ];
    let perhaps = [
        row.net.map(Dong::vnd),
        row.occurred_at.map(|t| t.0),
        row.settled_on.map(Day::number),
    ];
    numbers.clear();
    numbers.extend(always.iter().flat_map(|n| n.to_le_bytes()));
    for n in perhaps {
        numbers.push(u8::from(n.is_some()));
        numbers.extend(n.unwrap_or_default().to_le_bytes());
    }
    let account = row.account.as_ref().map(AccountNumber::reveal);
    let texts = [
        row.kind.as_str(),
        row.status.as_str(),
        &row.provider_txn_id,
        &row.reference,
        &row.bank_ref,
        &row.refund_of,
        &row.terminal,
        &row.bank_bin,
        account.unwrap_or_default(),
        &row.note,
        &row.batch,
    ];
    let mut fields: [&[u8]; 12] = [numbers; 12];
    for (field, text) in fields[1..].iter_mut().zip(texts) {
        *field = text.as_bytes();
    }
    Key128::of(&fields)
}

/// Every stall code, to be found in notes.
pub(super) struct Codes<'a> {
    pub stalls: &'a [(String, String)],
    pub places: HashMap<&'a [u8], u32>,
}

impl Codes<'_> {
    pub fn new(stalls: &[(String, String)]) -> Codes<'_> {
        let places = stalls
            .iter()
            .zip(0..)
            .map(|((code, _), at)| (code.as_bytes(), at));
        Codes {
            stalls,
            places: places.collect(),
        }
    }

    /// The one code that a note holds, as [`code_in_note`](crate::register::code_in_note) finds it among a few, here
    /// among all there are: as a word, else anywhere once all but letters and digits is gone, since
    /// banks cut, wrap and re-case it. None where there is no code, or several: a note never guesses.
    pub fn in_note(&self, note: &str) -> Option<u32> {
        if note.len() < 8 || self.places.is_empty() {
            return None;
        }
        // Notes of banks are mostly plain letters, which need no folding.
        let upper = if note.is_ascii() {
            note.to_ascii_uppercase()
        } else {
            fold(note).to_uppercase()
        };
        let words = upper.split(|c: char| !c.is_ascii_alphanumeric());
        match one(words.clone().filter_map(|word| self.at(word.as_bytes()))) {
            Found::None => {}
            Found::One(at) => return Some(at),
            Found::Several => return None,
        }
        let joined: String = words.collect();
        match one(joined.as_bytes().windows(8).filter_map(|part| self.at(part))) {
            Found::One(at) => Some(at),
            Found::None | Found::Several => None,
        }
    }

    fn at(&self, text: &[u8]) -> Option<u32> {
        self.places.get(text).copied()
    }
}

/// How many different codes were found.
enum Found {
    None,
    One(u32),
    Several,
}

fn one(found: impl Iterator<Item = u32>) -> Found {
    let mut first = None;
    for at in found {
        match first {
            None => first = Some(at),
            Some(known) if known == at => {}
            Some(_) => return Found::Several,
        }
    }
    first.map_or(Found::None, Found::One)
}

pub(super) fn opened(path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|error| ImportError::File(format!("{}: {error}", path.display())))
}

pub(super) fn digest(path: &Path) -> Result<String, ImportError> {
    let mut file = opened(path)?;
    let wrong = |error: std::io::Error| ImportError::File(format!("{}: {error}", path.display()));
    let bytes = file.seek(std::io::SeekFrom::End(0)).map_err(wrong)?;
    if bytes > FILE_BYTES_MAX {
        return Err(StatementError::FileTooLarge.into());
    }
    file.rewind().map_err(wrong)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 256 * 1024];
    loop {
        match file.read(&mut block).map_err(wrong)? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    Ok(hex::encode(hash.finalize()))
}

/// Whom a row names, taken out of it.
pub(super) fn name_of(row: &mut StatementRow) -> PayeeName {
    let take = std::mem::take::<String>;
    PayeeName {
        bank_bin: take(&mut row.bank_bin),
        account_number: row
            .account
            .as_ref()
            .map(AccountNumber::reveal)
            .unwrap_or_default()
            .to_owned(),
        terminal: take(&mut row.terminal),
        reference: take(&mut row.reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_a_note_however_the_bank_wrote_it() {
        let stalls = vec![
            ("ABCDEFG7".to_owned(), "s1".to_owned()),
            ("HC7K3M9J".to_owned(), "s2".to_owned()),
        ];
        let codes = Codes::new(&stalls);
        for note in [
            "HC7K3M9J",
            "tien rau hc7k3m9j",
            "MBVCB.12.HC7K3M9JCT",
            "HC7K 3M9J",
            "x HC7K3M9J ABCDEFG8",
        ] {
            assert_eq!(codes.in_note(note), Some(1), "{note}");
        }
        for note in ["", "HC7K3M9", "HC7K3M9J ABCDEFG7", "HC7K3M9K"] {
            assert_eq!(codes.in_note(note), None, "{note}");
        }
    }
}

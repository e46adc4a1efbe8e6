//! A statement on its way in: read twice, so that memory does not grow with its rows; compared as a whole;
//! written in short transactions; and what only the statement knows is posted.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::reconcile::{
    BadRow, Charges, Event, Exception, Key128, Mapping, Outcome, Payee, Proposal, RowSide, RunSummary,
    StatementError, StatementRow, Summary, look, match_sides, read_statement, row_keys, sum_up,
    unheard_delivery, usual_rules,
};
use crate::store::{
    Arrival, BadStatementRow, FreshRow, KeptRow, NewStatement, PayeeName, RowSaid, StatementBegun,
    StatementTotals, Store, StoreError, Window, WriterMemory, row_no,
};
use crate::vn::{AccountNumber, Day, Dong, TimeMs, fold};

/// A statement file is no larger (CONTRACT section 4).
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows written in one transaction: callbacks wait behind so many.
const ROWS_AT_ONCE: usize = 4_000;
/// Rows posted in one batch.
const POSTED_AT_ONCE: i64 = 512;
/// Rows that cannot be read of which the reason is kept; further ones are counted.
const BAD_KEPT_MAX: usize = 20_000;
/// Days around those asked for that are loaded, so that partners of partners are seen, and those of them in which
/// what is said of a row may change.
const DAYS_AROUND: i64 = 6;
const DAYS_CHANGED: i64 = 3;
/// The file under which rows stand that are only tried.
const TRIAL_FILE_NO: i64 = 1 << 40;

/// A statement to be taken in.
#[derive(Debug, Clone)]
pub struct StatementFile {
    /// Whose.
    pub provider_id: String,
    /// Its profile, which helps to recognise layouts.
    pub profile: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it is called.
    pub name: String,
    /// How it is read; none takes what was agreed on, else what is proposed.
    pub mapping: Option<Mapping>,
    /// Who hands it in.
    pub by: String,
    /// Say what would happen and change nothing.
    pub is_trial: bool,
}

/// Why a statement is not taken in. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file as a whole.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The database, or somebody else's import.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be opened or read.
    #[error("{0}")]
    File(String),
    /// The mapping lacks something that a person has to say.
    #[error(
        "Chưa biết cột nào là gì: {0} Hãy xem `choso import statement --look` rồi đưa cách đọc bằng --mapping."
    )]
    Unmapped(String),
}

/// What a statement came to.
#[derive(Debug)]
pub enum Imported {
    /// The very file was taken in before: nothing changed.
    Known {
        /// By whom.
        imported_by: String,
        /// When.
        imported_at: TimeMs,
    },
    /// It was taken in.
    Kept(Box<Taken>),
}

/// A statement that was taken in.
#[derive(Debug)]
pub struct Taken {
    /// What the file came to.
    pub totals: StatementTotals,
    /// What the reader says of it: totals at the foot, balances.
    pub file: Summary,
    /// Its days as they stand now.
    pub summary: RunSummary,
    /// Receipts that were posted from it.
    pub posted: usize,
    /// Rows that could not be read, the first of them.
    pub bad: Vec<BadRow>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rows read so far.
    Reading(u64),
    /// Both sides are compared.
    Matching,
    /// Rows written, of so many.
    Writing(u64, u64),
    /// Receipts posted so far.
    Posting(u64),
}

/// Says what a file is and how it could be read.
pub async fn look_at(path: &Path, profile: &str) -> Result<Proposal, ImportError> {
    let (path, profile) = (path.to_owned(), profile.to_owned());
    blocking(move || Ok(look(&mut opened(&path)?, &profile)?)).await
}

/// Takes a statement in. The same file again changes nothing; rows that another file had are not kept twice.
pub async fn import_statement(
    store: &Store,
    file: &StatementFile,
    now: TimeMs,
    mut say: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    let path = file.path.clone();
    let sha256 = blocking(move || digest(&path)).await?;
    let mapping = mapping_for(store, file).await?;
    let new = NewStatement {
        provider_id: file.provider_id.clone(),
        sha256,
        name: file.name.clone(),
        layout: mapping.layout.clone(),
        // Plain words and numbers always become JSON.
        mapping: serde_json::json!(mapping).to_string(),
    };
    let file_no = match file.is_trial {
        true => TRIAL_FILE_NO,
        false => match store.begin_statement(&new, &file.by, now).await? {
            StatementBegun::New { file_no } => file_no,
            StatementBegun::Known {
                imported_by,
                imported_at,
            } => {
                return Ok(Imported::Known {
                    imported_by,
                    imported_at,
                });
            }
        },
    };
    let taken = take_in(store, file, &mapping, file_no, now, &mut say).await;
    if taken.is_err() && !file.is_trial {
        // What is left of it counts for nothing, and the next import takes it away if this cannot.
        let _ = store.remove_statement(file_no).await;
    }
    let mut taken = taken?;
    if !file.is_trial {
        store
            .agree_statement_mapping(&file.provider_id, &new.mapping, &file.by, now)
            .await?;
        taken.posted =
            post_unheard(store, &file.provider_id, now, |done| say(Progress::Posting(done))).await?;
    }
    Ok(Imported::Kept(Box::new(taken)))
}

/// The mapping that was given, else the one that was agreed on, else the one that is proposed if it lacks nothing.
async fn mapping_for(store: &Store, file: &StatementFile) -> Result<Mapping, ImportError> {
    if let Some(mapping) = &file.mapping {
        return Ok(mapping.clone());
    }
    if let Some(agreed) = store.statement_mapping(&file.provider_id).await? {
        let wrong = |e| StoreError::Corrupt(format!("mapping of {}: {e}", file.provider_id));
        return Ok(serde_json::from_str(&agreed).map_err(wrong)?);
    }
    let proposal = look_at(&file.path, &file.profile).await?;
    match proposal.lacks {
        None => Ok(proposal.mapping),
        Some(lacks) => Err(ImportError::Unmapped(lacks.to_string())),
    }
}

async fn take_in(
    store: &Store,
    file: &StatementFile,
    mapping: &Mapping,
    file_no: i64,
    now: TimeMs,
    say: &mut impl FnMut(Progress),
) -> Result<Taken, ImportError> {
    let stalls = Arc::new(store.stall_codes().await?);
    let read = {
        let (path, mapping, stalls) = (file.path.clone(), mapping.clone(), stalls.clone());
        blocking(move || read_rows(&path, &mapping, file_no, &stalls, now)).await?
    };
    say(Progress::Reading(read.fresh.len() as u64));
    let days = read.days.unwrap_or((Day::of(now), Day::of(now)));
    let around = (days.0.plus(-DAYS_AROUND), days.1.plus(DAYS_AROUND));
    let total = read.fresh.len() as u64;
    let mut window = store
        .statement_window(&file.provider_id, around, read.fresh, read.names, &stalls)
        .await?;
    say(Progress::Matching);
    let rules = usual_rules(Day::of(now));
    let (outcome, back) = blocking(move || {
        let outcome = match_sides(&mut window.sides, &rules);
        Ok((outcome, window))
    })
    .await?;
    let window = back;
    let mut totals = StatementTotals {
        days: read.days,
        ignored: read.ignored,
        bad: read.bad_count,
        ..StatementTotals::default()
    };
    if file.is_trial {
        let fresh = |row: &&RowSide| row.no >= row_no(file_no, 0);
        for row in window.sides.rows.iter().filter(fresh) {
            totals.rows = plus(totals.rows, row.amount_vnd);
        }
        totals.repeated.0 = window.repeated.len() as i64;
    } else {
        let mut writing = Writing {
            store,
            provider_id: &file.provider_id,
            file_no,
            now,
            totals: &mut totals,
        };
        writing
            .write(
                file,
                mapping,
                (&window, &outcome),
                &stalls,
                &read.bad_days,
                |done| {
                    say(Progress::Writing(done, total));
                },
            )
            .await?;
        let changed = changed(
            &window,
            &outcome,
            (days.0.plus(-DAYS_CHANGED), days.1.plus(DAYS_CHANGED)),
        );
        store.change_findings(&changed).await?;
        store.finish_statement(file_no, &totals, now).await?;
    }
    let bad = match file.is_trial {
        true => read.bad_count,
        false => store
            .bad_statement_rows(&file.provider_id, days.0, days.1)
            .await?
            .len() as i64,
    };
    let (summary, _) = sum_up(&window.sides, &outcome, days, bad as u64);
    Ok(Taken {
        totals,
        file: read.summary,
        summary,
        posted: 0,
        bad: read.bad,
    })
}

/// Compares the days from the first to the last anew, and writes down what changed: notices that came since, a
/// deadline that passed, a person's word. Gives back what the days came to and what is no plain match.
pub async fn reconcile_days(
    store: &Store,
    provider_id: &str,
    (from, to): (Day, Day),
    now: TimeMs,
) -> Result<(RunSummary, Vec<Exception>), ImportError> {
    let stalls = store.stall_codes().await?;
    let around = (from.plus(-DAYS_AROUND), to.plus(DAYS_AROUND));
    let mut window = store
        .statement_window(provider_id, around, Vec::new(), Vec::new(), &stalls)
        .await?;
    let rules = usual_rules(Day::of(now));
    let (outcome, window) = blocking(move || {
        let outcome = match_sides(&mut window.sides, &rules);
        Ok((outcome, window))
    })
    .await?;
    let changed = changed(
        &window,
        &outcome,
        (from.plus(-DAYS_CHANGED), to.plus(DAYS_CHANGED)),
    );
    store.change_findings(&changed).await?;
    post_unheard(store, provider_id, now, |_| {}).await?;
    let bad = store.bad_statement_rows(provider_id, from, to).await?;
    Ok(sum_up(&window.sides, &outcome, (from, to), bad.len() as u64))
}

/// Gives the ledger what only statements know; a process that was stopped before goes on here. How many receipts
/// came of it: what the ledger knew by another way is none.
pub async fn post_unheard(
    store: &Store,
    provider_id: &str,
    now: TimeMs,
    mut say: impl FnMut(u64),
) -> Result<usize, ImportError> {
    let provider: Arc<str> = provider_id.into();
    let mut memory = WriterMemory::default();
    let mut receipts = 0;
    loop {
        let rows = store.unheard_rows(provider_id, POSTED_AT_ONCE).await?.rows;
        if rows.is_empty() {
            return Ok(receipts);
        }
        let delivery = unheard_delivery(&provider, &rows).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let before = store.feed_end().await?;
        let arrival = Arrival {
            delivery,
            received_at: now,
        };
        store.post(&[arrival], &mut memory).await?;
        receipts += store.unheard_posted(&rows, before).await?;
        say(receipts as u64);
    }
}

/// Rows of kept files of which something else is said now, among the days in which that may be.
fn changed(window: &Window, outcome: &Outcome, (from, to): (Day, Day)) -> Vec<(i64, RowSaid)> {
    let mut changed = Vec::new();
    for before in &window.said {
        let Ok(at) = window
            .sides
            .rows
            .binary_search_by_key(&before.row_no, |row| row.no)
        else {
            continue;
        };
        let said = RowSaid::of(outcome, &outcome.rows[at]);
        // A row that the ledger was given and took for known keeps the mark.
        let is_same = before.finding == said.finding
            && before.detail == said.detail
            && before.pass == said.pass
            && before.shift_days == said.shift_days
            && (before.receipt_no == said.receipt_no || !said.lump.is_empty());
        if !is_same && (from..=to).contains(&window.sides.rows[at].day) {
            changed.push((before.row_no, said));
        }
    }
    changed
}

struct Writing<'a> {
    store: &'a Store,
    provider_id: &'a str,
    file_no: i64,
    now: TimeMs,
    totals: &'a mut StatementTotals,
}

impl Writing<'_> {
    /// Reads the file once more and writes its rows with what was said of them.
    async fn write(
        &mut self,
        file: &StatementFile,
        mapping: &Mapping,
        (window, outcome): (&Window, &Outcome),
        stalls: &Arc<Vec<(String, String)>>,
        bad: &[BadStatementRow],
        mut say: impl FnMut(u64),
    ) -> Result<(), ImportError> {
        for chunk in bad.chunks(ROWS_AT_ONCE) {
            self.store
                .add_statement_rows(self.file_no, self.provider_id, &[], chunk, self.now)
                .await?;
        }
        let (to, mut from) = mpsc::channel::<Vec<StatementRow>>(2);
        let (path, mapping) = (file.path.clone(), mapping.clone());
        let reading = tokio::task::spawn_blocking(move || hand_on(&path, &mapping, &to));
        let codes = Codes::new(stalls);
        let sides = &window.sides;
        let mut at = sides.rows.partition_point(|row| row.no < row_no(self.file_no, 0));
        let mut place = 0;
        while let Some(rows) = from.recv().await {
            let mut kept = Vec::with_capacity(rows.len());
            for row in rows {
                let no = row_no(self.file_no, place);
                place += 1;
                match sides.rows.get(at).filter(|side| side.no == no) {
                    Some(side) => {
                        let said = RowSaid::of(outcome, &outcome.rows[at]);
                        self.totals.rows = plus(self.totals.rows, side.amount_vnd);
                        kept.push(kept_row(row, *side, said, &codes));
                        at += 1;
                    }
                    None => self.totals.repeated = plus(self.totals.repeated, row.amount.vnd()),
                }
            }
            self.store
                .add_statement_rows(self.file_no, self.provider_id, &kept, &[], self.now)
                .await?;
            say(place as u64);
        }
        reading
            .await
            .map_err(|error| ImportError::File(error.to_string()))??;
        let all = (place - self.totals.repeated.0, window.repeated.len() as i64);
        if all != (self.totals.rows.0, self.totals.repeated.0) {
            return Err(ImportError::File(
                "Tệp đã thay đổi trong khi đang nhập. Hãy nhập lại.".to_owned(),
            ));
        }
        Ok(())
    }
}

fn plus((count, sum): (i64, Dong), amount_vnd: i64) -> (i64, Dong) {
    (count + 1, Dong::new(sum.vnd().saturating_add(amount_vnd)))
}

fn kept_row(row: StatementRow, side: RowSide, said: RowSaid, codes: &Codes) -> KeptRow {
    let stall_code = codes
        .in_note(&row.note)
        .map(|at| codes.stalls[at as usize].0.clone());
    KeptRow {
        side,
        row_number: row.row_number as i64,
        charges_vnd: [row.fee.vnd(), row.vat.vnd(), row.discount.vnd()],
        net_vnd: row.net.map(Dong::vnd),
        name: name_of(&row),
        provider_txn_id: row.provider_txn_id,
        bank_ref: row.bank_ref,
        stall_code: stall_code.unwrap_or_default(),
        settled_on: row.settled_on,
        said,
    }
}

fn name_of(row: &StatementRow) -> PayeeName {
    PayeeName {
        bank_bin: row.bank_bin.clone(),
        account_number: row
            .account
            .as_ref()
            .map(AccountNumber::reveal)
            .unwrap_or_default()
            .to_owned(),
        terminal: row.terminal.clone(),
        reference: row.reference.clone(),
    }
}

/// Hands the rows of a file on, some thousands at a time; ends when nobody takes them any more.
fn hand_on(path: &Path, mapping: &Mapping, to: &mpsc::Sender<Vec<StatementRow>>) -> Result<(), ImportError> {
    let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
    let read = read_statement(&mut opened(path)?, mapping, &mut |event| {
        if let Event::Row(row) = event {
            rows.push(row);
            if rows.len() == ROWS_AT_ONCE {
                let full = std::mem::replace(&mut rows, Vec::with_capacity(ROWS_AT_ONCE));
                if to.blocking_send(full).is_err() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    });
    match read {
        // Whoever took them says why no more are wanted.
        Err(StatementError::Stopped) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => {
            if !rows.is_empty() {
                let _ = to.blocking_send(rows);
            }
            Ok(())
        }
    }
}

/// What the first reading gives.
struct FirstReading {
    fresh: Vec<FreshRow>,
    names: Vec<PayeeName>,
    days: Option<(Day, Day)>,
    summary: Summary,
    ignored: i64,
    bad_count: i64,
    bad: Vec<BadRow>,
    bad_days: Vec<BadStatementRow>,
}

fn read_rows(
    path: &Path,
    mapping: &Mapping,
    file_no: i64,
    stalls: &Arc<Vec<(String, String)>>,
    now: TimeMs,
) -> Result<FirstReading, ImportError> {
    let codes = Codes::new(stalls);
    let mut fresh: Vec<FreshRow> = Vec::new();
    let mut names: Vec<PayeeName> = Vec::new();
    let mut numbers: HashMap<PayeeName, u32> = HashMap::new();
    let mut times: HashMap<Key128, u32> = HashMap::new();
    let (mut ignored, mut bad_count) = (0, 0);
    let (mut bad, mut bad_days): (Vec<BadRow>, Vec<(u64, Option<Day>, String)>) = Default::default();
    let mut days: Option<(Day, Day)> = None;
    let mut last_day = None;
    let summary = read_statement(&mut opened(path)?, mapping, &mut |event| {
        match event {
            Event::Row(row) => {
                let day = row.business_day;
                last_day = Some(day);
                days = Some(days.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
                let name = name_of(&row);
                let next = names.len() as u32;
                let name = *numbers.entry(name).or_insert_with_key(|name| {
                    names.push(name.clone());
                    next
                });
                let said = content_of(&row);
                let time = times.entry(said).or_insert(0);
                *time += 1;
                let content = match *time {
                    1 => said,
                    // The second of equal rows of one file is another row than the first.
                    nth => Key128::of(&[&format!("{:x}{:x} {nth}", said.bits()[0], said.bits()[1])]),
                };
                let no = row_no(file_no, fresh.len() as i64);
                fresh.push(FreshRow {
                    side: side_of(&row, no, content),
                    name,
                    stall: codes.in_note(&row.note),
                });
            }
            Event::Bad(row) => {
                bad_count += 1;
                if bad.len() < BAD_KEPT_MAX {
                    bad_days.push((row.row_number, last_day, row.reason.clone()));
                    bad.push(row);
                }
            }
            Event::Ignored(_) => ignored += 1,
        }
        ControlFlow::Continue(())
    })?;
    let first = days.map_or(Day::of(now), |(first, _)| first);
    let bad_days = bad_days
        .into_iter()
        .map(|(row_number, day, reason)| BadStatementRow {
            row_number: row_number as i64,
            business_day: day.unwrap_or(first),
            reason,
        })
        .collect();
    Ok(FirstReading {
        fresh,
        names,
        days,
        summary,
        ignored,
        bad_count,
        bad,
        bad_days,
    })
}

/// What matching needs of a row; whose money it is, is found later.
fn side_of(row: &StatementRow, no: i64, content: Key128) -> RowSide {
    let (txn, bank_ref) = row_keys(&row.provider_txn_id, &row.bank_ref);
    let fee_gap_vnd = match row.net.filter(|_| row.fee_differs()) {
        None => 0,
        Some(net) => {
            let charges = Charges {
                fee_vnd: row.fee.vnd(),
                vat_vnd: row.vat.vnd(),
                discount_vnd: 0,
                net_vnd: net.vnd().abs(),
            };
            charges.gap_vnd(row.amount.vnd(), None)
        }
    };
    RowSide {
        no,
        content,
        kind: row.kind,
        status: row.status,
        txn,
        refund_of: None,
        bank_ref,
        payee: Payee::NotNamed,
        stall_in_note: None,
        terminal: None,
        amount_vnd: row.amount.vnd(),
        fee_gap_vnd,
        day: row.business_day,
        occurred_at: row.occurred_at,
        parts: row.parts,
    }
}

/// The key of everything a row says, but for where it stands.
fn content_of(row: &StatementRow) -> Key128 {
    let numbers = format!(
        "{} {} {} {} {} {} {:?} {:?} {} {:?} {}",
        row.kind.as_str(),
        row.status.as_str(),
        row.amount.vnd(),
        row.fee.vnd(),
        row.vat.vnd(),
        row.discount.vnd(),
        row.net.map(Dong::vnd),
        row.occurred_at.map(|t| t.0),
        row.business_day.number(),
        row.settled_on.map(Day::number),
        row.parts
    );
    let account = row
        .account
        .as_ref()
        .map(AccountNumber::reveal)
        .unwrap_or_default();
    Key128::of(&[
        &numbers,
        &row.provider_txn_id,
        &row.reference,
        &row.bank_ref,
        &row.terminal,
        &row.bank_bin,
        account,
        &row.note,
        &row.batch,
    ])
}

/// Every stall code, to be found in notes.
struct Codes<'a> {
    stalls: &'a [(String, String)],
    places: HashMap<&'a [u8], u32>,
}

impl Codes<'_> {
    fn new(stalls: &[(String, String)]) -> Codes<'_> {
        let places = stalls
            .iter()
            .zip(0..)
            .map(|((code, _), at)| (code.as_bytes(), at));
        Codes {
            stalls,
            places: places.collect(),
        }
    }

    /// The one code that a note holds: as a word, else anywhere once all but letters and digits is gone, since
    /// banks cut, wrap and re-case it. None where there is no code, or several: a note never guesses.
    fn in_note(&self, note: &str) -> Option<u32> {
        if note.len() < 8 || self.places.is_empty() {
            return None;
        }
        let upper = fold(note).to_uppercase();
        let words = upper.split(|c: char| !c.is_ascii_alphanumeric());
        let one = |found: BTreeMap<u32, ()>| match found.len() {
            1 => found.into_keys().next(),
            _ => None,
        };
        let whole: BTreeMap<u32, ()> = words
            .clone()
            .filter_map(|word| Some((*self.places.get(word.as_bytes())?, ())))
            .collect();
        if !whole.is_empty() {
            return one(whole);
        }
        let joined: String = words.collect();
        let inside = joined.as_bytes().windows(8);
        one(inside
            .filter_map(|part| Some((*self.places.get(part)?, ())))
            .collect())
    }
}

fn opened(path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|error| ImportError::File(format!("{}: {error}", path.display())))
}

fn digest(path: &Path) -> Result<String, ImportError> {
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
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Work that takes processor time, beside the tasks that answer callbacks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ImportError::File(error.to_string()))?
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

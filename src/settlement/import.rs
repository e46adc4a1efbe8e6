//! A statement on its way in: read twice, so that memory does not grow with its rows; compared as a whole;
//! written in short transactions; and what only the statement knows is posted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::days::Reconciler;
use super::error::{ImportError, blocking};
use super::reading::{Codes, Source, digest, name_of, opened};
use crate::reconcile::{
    DAYS_AROUND, FeeCheck, Outcome, RowFinding, RowSide, RunSummary, Window, has_money_back, match_sides,
    sum_up,
};
use crate::statement::{
    BadRow, Chosen, Event, Mapping, Proposal, StatementError, StatementRow, Summary, choose, propose,
    propose_with,
};
use crate::store::{
    BadStatementRow, KeptRow, NewStatement, PackedRows, StatementBegun, StatementTotals, Store, StoreError,
    row_no,
};
use crate::table::{Fault, write_rejects};
use crate::vn::{Day, DayRange, Dong, Lang, Sentence, TimeMs};

/// Rows written in one transaction: callbacks wait behind so many.
const ROWS_AT_ONCE: usize = 4_000;
/// The file under which rows stand that are only tried.
const TRIAL_FILE_NO: i64 = 1 << 40;

/// A statement to be taken in.
#[derive(Debug, Clone)]
pub struct StatementFile {
    pub provider_id: String,
    /// Its profile, which helps to recognise layouts.
    pub profile: String,
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

/// What a statement came to.
#[derive(Debug)]
pub enum Imported {
    /// The very file was taken in before: nothing changed.
    Known {
        imported_by: String,
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
    /// Whether money went back for a payment that is still to be posted.
    has_back: bool,
    /// Rows that could not be read, the first of them.
    pub bad: Vec<BadRow>,
}

/// Rows that could not be read with their reasons, as a CSV file.
pub fn bad_rows_csv(bad: &[BadRow], lang: Lang) -> Vec<u8> {
    let fault = |row: &BadRow| Fault {
        row: row.row_number,
        cells: row.cells.clone(),
        reason: row.reason.clone(),
    };
    let faults: Vec<Fault> = bad.iter().map(fault).collect();
    let width = faults.iter().map(|fault| fault.cells.len()).max().unwrap_or(0);
    let header: Vec<String> = (1..=width).map(|n| format!("column {n}")).collect();
    write_rejects(&header, &faults, lang)
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
pub async fn propose_mapping(path: &Path, profile: &str) -> Result<Proposal, ImportError> {
    let path = path.to_owned();
    let profile = profile.to_owned();
    blocking(move || Ok(propose(&mut opened(&path)?, &profile)?)).await
}

/// Says how a file reads by a mapping, which may still lack something.
pub async fn preview_mapping(path: &Path, mapping: Mapping) -> Result<Proposal, ImportError> {
    let path = path.to_owned();
    blocking(move || Ok(propose_with(&mut opened(&path)?, &mapping)?)).await
}

/// What was agreed on for a file of a provider.
#[derive(Debug)]
pub enum AgreedMapping {
    This(Box<Mapping>),
    /// It is nearly the file of a mapping; what is different.
    Changed(Sentence),
    /// Such files have not been seen before.
    None,
}

/// The mapping that was agreed on for files like this one of a provider.
pub async fn agreed_mapping(
    store: &Store,
    provider_id: &str,
    path: &Path,
) -> Result<AgreedMapping, ImportError> {
    let wrong = |e| StoreError::Corrupt(format!("mapping of {provider_id}: {e}"));
    let texts = store.statement_mappings(provider_id).await?;
    let mut agreed: Vec<Mapping> = texts
        .iter()
        .map(|text| serde_json::from_str(text).map_err(wrong))
        .collect::<Result<_, _>>()?;
    if agreed.is_empty() {
        return Ok(AgreedMapping::None);
    }
    let path = path.to_owned();
    blocking(move || {
        Ok(match choose(&mut opened(&path)?, &agreed)? {
            Chosen::This(at) => AgreedMapping::This(Box::new(agreed.swap_remove(at))),
            Chosen::Changed(change) => AgreedMapping::Changed(change),
            Chosen::None => AgreedMapping::None,
        })
    })
    .await
}

impl Reconciler<'_> {
    /// Takes a statement in. The same file again changes nothing; rows that another file had are not kept twice.
    pub async fn import_statement(
        self,
        file: &StatementFile,
        mut say: impl FnMut(Progress),
    ) -> Result<Imported, ImportError> {
        let Reconciler { store, now, .. } = self;
        let path = file.path.clone();
        let sha256 = blocking(move || digest(&path)).await?;
        let mapping = self.mapping_for(file).await?;
        let new = NewStatement {
            provider_id: file.provider_id.clone(),
            sha256,
            name: file.name.clone(),
            layout: mapping.layout.clone(),
            // Plain words and numbers always become JSON.
            mapping: serde_json::json!(mapping).to_string(),
        };
        let file_no = if file.is_trial {
            TRIAL_FILE_NO
        } else {
            match store.begin_statement(&new, &file.by, now).await? {
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
            }
        };
        let taken = self.take_in(file, &mapping, file_no, &mut say).await;
        if taken.is_err() && !file.is_trial {
            // What is left of it counts for nothing, and the next import takes it away if this cannot.
            let _ = store.remove_statement(file_no).await;
        }
        let mut taken = taken?;
        if !file.is_trial {
            store
                .agree_statement_mapping(&file.provider_id, &mapping.shape(), &new.mapping, &file.by, now)
                .await?;
            let days = self.days_or_today(taken.totals.days);
            let say = |done| say(Progress::Posting(done));
            let done = self
                .reconcile_after_import(&file.provider_id, days, taken.has_back, say)
                .await?;
            taken.posted = done.posted;
            if let Some(summary) = done.summary {
                taken.summary = summary;
            }
        }
        Ok(Imported::Kept(Box::new(taken)))
    }

    /// The days of a file; today if it has none.
    fn days_or_today(self, days: Option<(Day, Day)>) -> DayRange {
        let today = Day::of(self.now);
        days.unwrap_or((today, today)).into()
    }

    /// The mapping that was given, else the one that was agreed on for such files, else the one that is proposed if it
    /// lacks nothing.
    async fn mapping_for(self, file: &StatementFile) -> Result<Mapping, ImportError> {
        if let Some(mapping) = &file.mapping {
            return Ok(mapping.clone());
        }
        match agreed_mapping(self.store, &file.provider_id, &file.path).await? {
            AgreedMapping::This(mapping) => return Ok(*mapping),
            AgreedMapping::Changed(change) => return Err(StatementError::HeaderChanged { change }.into()),
            AgreedMapping::None => {}
        }
        let proposal = propose_mapping(&file.path, &file.profile).await?;
        match proposal.lacks {
            None => Ok(proposal.mapping),
            Some(lacks) => Err(ImportError::Unmapped(lacks)),
        }
    }

    async fn take_in(
        self,
        file: &StatementFile,
        mapping: &Mapping,
        file_no: i64,
        say: &mut impl FnMut(Progress),
    ) -> Result<Taken, ImportError> {
        let Reconciler { store, calendar, now } = self;
        let stalls = Arc::new(store.stall_codes().await?);
        let agreed = store.statement_rules(&file.provider_id).await?.rules;
        let fees = FeeCheck::new(&agreed, mapping);
        let (source, read, file_summary) = {
            let path = file.path.clone();
            let mapping = mapping.clone();
            let reading = move || {
                let source = Source::open(&path, &mapping, row_no(file_no, 0), stalls)?;
                let (mut read, summary) = source.first_reading(fees, now)?;
                // Words and numbers always become JSON.
                read.fresh.shape = serde_json::json!(mapping).to_string();
                Ok((source, read, summary))
            };
            blocking(reading).await?
        };
        let total = read.fresh.rows.len() as u64;
        if total == 0 && read.bad_count > 0 {
            return Err(ImportError::AllBad {
                count: read.bad_count,
                bad: read.bad,
            });
        }
        say(Progress::Reading(total));
        let days = self.days_or_today(read.days);
        let around = days.widened(DAYS_AROUND);
        let mut window = store
            .statement_window(&file.provider_id, days, around, read.fresh, &source.stalls)
            .await?;
        say(Progress::Matching);
        let rules = agreed.rules(Day::of(now), calendar);
        let compared = blocking(move || {
            let outcome = match_sides(&mut window.sides, &rules);
            Ok(Arc::new((window, outcome)))
        })
        .await?;
        let (window, outcome) = &*compared;
        let mut totals = StatementTotals {
            days: read.days,
            ignored: read.ignored,
            bad: read.bad_count,
            ..StatementTotals::default()
        };
        if file.is_trial {
            let fresh = |row: &&RowSide| row.no >= source.first_no;
            for row in window.sides.rows.iter().filter(fresh) {
                totals.rows = plus(totals.rows, row.amount_vnd);
            }
            totals.repeated.0 = window.repeated.len() as i64;
        } else {
            let mut writing = Writing {
                store,
                provider_id: &file.provider_id,
                file_no,
                began: (now, Instant::now()),
                totals: &mut totals,
            };
            writing
                .write(source, &compared, &read.bad_days, |done| {
                    say(Progress::Writing(done, total));
                })
                .await?;
            // From here on its rows count; what stops now is made good when the days are reconciled again.
            store.finish_statement(file_no, &totals, now).await?;
        }
        let bad = if file.is_trial {
            read.bad_count
        } else {
            store
                .bad_statement_rows(&file.provider_id, days.first, days.last)
                .await?
                .len() as i64
        };
        let (summary, _) = sum_up(&window.sides, outcome, |day| days.contains(day), bad as u64);
        let has_back = has_money_back(outcome);
        let changes = (!file.is_trial).then(|| window.changes(outcome, days, None));
        // A million pairs are not needed for what is left to write.
        drop(compared);
        if let Some(changes) = changes {
            self.write_changes(&file.provider_id, changes).await?;
        }
        Ok(Taken {
            totals,
            file: file_summary,
            summary,
            posted: 0,
            has_back,
            bad: read.bad,
        })
    }
}

struct Writing<'a> {
    store: &'a Store,
    provider_id: &'a str,
    file_no: i64,
    /// When the import began, by the service's clock and by one that is never set.
    began: (TimeMs, Instant),
    totals: &'a mut StatementTotals,
}

impl Writing<'_> {
    /// Who is still writing is not taken for given up, however long it takes.
    fn now(&self) -> TimeMs {
        let (at, since) = self.began;
        TimeMs(at.0 + i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX / 2))
    }

    /// Reads the file once more and writes its rows with what was said of them. The next rows are read while some
    /// are written.
    async fn write(
        &mut self,
        source: Source,
        compared: &Arc<(Window, Outcome)>,
        bad: &[BadStatementRow],
        mut say: impl FnMut(u64),
    ) -> Result<(), ImportError> {
        for chunk in bad.chunks(ROWS_AT_ONCE) {
            self.store
                .add_statement_rows(
                    self.file_no,
                    self.provider_id,
                    PackedRows::default(),
                    chunk,
                    self.now(),
                )
                .await?;
        }
        let (to, mut from) = mpsc::channel(2);
        let second = SecondReading {
            store: self.store.clone(),
            provider_id: self.provider_id.to_owned(),
            source,
            compared: compared.clone(),
        };
        let reading = tokio::task::spawn_blocking(move || second.hand_on(&to));
        while let Some((rows, place)) = from.recv().await {
            self.store
                .add_statement_rows(self.file_no, self.provider_id, rows, &[], self.now())
                .await?;
            say(place);
        }
        (self.totals.rows, self.totals.repeated) = reading
            .await
            .map_err(|error| ImportError::File(error.to_string()))??;
        Ok(())
    }
}

/// The rows of a file once more, now that it is known what each of them is.
struct SecondReading {
    store: Store,
    provider_id: String,
    source: Source,
    compared: Arc<(Window, Outcome)>,
}

impl SecondReading {
    /// Hands the rows on that are to be kept, packed, some thousands at a time, with the number of rows read so far; ends
    /// when nobody takes them any more. What was kept and what another file had, by count and amount.
    fn hand_on(&self, to: &mpsc::Sender<(PackedRows, u64)>) -> Result<(Count, Count), ImportError> {
        let (window, outcome) = &*self.compared;
        let sides = &window.sides.rows;
        let codes = Codes::new(&self.source.stalls);
        let mut at = sides.partition_point(|row| row.no < self.source.first_no);
        let mut rows = Count::default();
        let mut repeated = Count::default();
        let mut kept = Vec::with_capacity(ROWS_AT_ONCE);
        let mut unpacked = None;
        let read = self.source.read_again(|event| {
            let Event::Row(row) = event else {
                return ControlFlow::Continue(());
            };
            let place = rows.0 + repeated.0;
            match sides
                .get(at)
                .filter(|side| side.no == self.source.first_no + place)
            {
                Some(side) => {
                    let said = RowFinding::of(outcome, &outcome.rows[at]);
                    rows = plus(rows, side.amount_vnd);
                    kept.push(kept_row(row, *side, said, &codes));
                    at += 1;
                }
                None => repeated = plus(repeated, row.amount.vnd()),
            }
            // Also where another file had most of them: who reads on is not taken for given up.
            if (place + 1) % ROWS_AT_ONCE as i64 != 0 {
                return ControlFlow::Continue(());
            }
            let packed = self.store.pack_statement_rows(&self.provider_id, &kept);
            kept.clear();
            match packed.map(|packed| to.blocking_send((packed, place as u64 + 1))) {
                Ok(Ok(())) => ControlFlow::Continue(()),
                Ok(Err(_)) => ControlFlow::Break(()),
                Err(error) => {
                    unpacked = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = unpacked {
            return Err(error.into());
        }
        match read {
            // Whoever took them says why no more are wanted.
            Err(ImportError::Statement(StatementError::Stopped)) => return Ok((rows, repeated)),
            read => read?,
        };
        if at != sides.len() || repeated.0 != window.repeated.len() as i64 {
            return Err(ImportError::Changed);
        }
        if !kept.is_empty() {
            let packed = self.store.pack_statement_rows(&self.provider_id, &kept)?;
            let _ = to.blocking_send((packed, (rows.0 + repeated.0) as u64));
        }
        Ok((rows, repeated))
    }
}

/// How many rows, and what they come to.
type Count = (i64, Dong);

fn plus((count, sum): Count, amount_vnd: i64) -> Count {
    (count + 1, Dong::new(sum.vnd().saturating_add(amount_vnd)))
}

fn kept_row(mut row: StatementRow, side: RowSide, said: RowFinding, codes: &Codes) -> KeptRow {
    let stall_code = codes
        .in_note(&row.note)
        .map(|at| codes.stalls[at as usize].0.clone());
    KeptRow {
        side,
        row_number: row.row_number as i64,
        charges_vnd: [row.fee.vnd(), row.vat.vnd(), row.discount.vnd()],
        net_vnd: row.net.map(Dong::vnd),
        name: name_of(&mut row),
        provider_txn_id: row.provider_txn_id,
        bank_ref: row.bank_ref,
        refund_of: row.refund_of,
        stall_code: stall_code.unwrap_or_default(),
        settled_on: row.settled_on,
        finding: said,
    }
}

//! The statement reader: a provider's or bank's file becomes rows, one by one.
//!
//! [`propose`] says what a file is and how it could be read; a person sees the proposal with its first
//! rows; [`read_statement`] reads the file with the [`Mapping`] that was agreed. Rows go to a sink as
//! they are met, so memory does not grow with their number. Every row of the file is handed over exactly
//! once: as a row, as a bad row with the reason, or as ignored with the reason; blank lines are nothing.
//!
//! Three folders: `containers` (delimited text, workbooks and pages, which hand over rows of cells), `meaning` (what a row
//! of cells says) and `messages` (MT940 and camt, whose fields have fixed meanings).

mod archive;
mod containers;
mod error;
mod kind;
mod limits;
mod meaning;
mod messages;
mod movement;
mod placeholder;
mod row;
mod sheets;
mod summary;
mod tables;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek};
use std::ops::ControlFlow;

pub use archive::StatementArchive;
pub use error::StatementError;
pub use kind::{Encoding, FileFacts, FileKind, Source};
pub use limits::FILE_BYTES_MAX;
pub use meaning::answers::{DayOrder, WordMeaning};
pub use meaning::balances::Break;
pub use meaning::header::HeaderCell;
pub use meaning::layouts::{LAYOUTS, Layout};
pub use meaning::mapping::{Column, Mapping, MappingError};
pub use meaning::questions::{AskedWord, Question};
pub use movement::{RowKind, RowStatus};
pub use placeholder::stated_id;
pub use row::{BadRow, Event, IgnoredRow, IgnoredWhy, StatementRow};
pub use sheets::{SheetCell, SheetRow, is_workbook, read_sheets};
pub use summary::{Balance, FileTally, FootTotal, Summary, UnreadSheet};
pub use tables::Chosen;

use containers::sniff;
use meaning::{layouts, table};
use messages::{camt, mt940};
use tables::{Found, Looked, Tables};

/// Rows of a file that [`propose`] reads to show what a mapping makes of them.
const PREVIEW_ROWS: usize = 20;

/// How a file could be read, for a person to agree to or change.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What the file is.
    pub file: FileFacts,
    /// How to read it. If something is missing it cannot be used before a person has chosen a column.
    pub mapping: Mapping,
    /// The known layout it has, if any.
    pub layout: Option<&'static Layout>,
    /// The columns of the file with the meaning proposed for each.
    pub header: Vec<HeaderCell>,
    /// What the mapping still lacks, as a Vietnamese sentence.
    pub lacks: Option<MappingError>,
    /// What the file says and nobody understands; the first of them is what is lacking.
    pub questions: Vec<Question>,
    /// The first rows as the mapping reads them.
    pub preview: Vec<Event>,
}

/// Looks at a file: what it is, which column is what, and how its first rows read.
///
/// The name of the file decides nothing; its content does. `profile` is the provider's profile (`momo`,
/// `vnpay`, `mb` …), which lets a layout be recognised that has no mark of its own.
pub fn propose<F: Read + Seek>(file: &mut F, profile: &str) -> Result<Proposal, StatementError> {
    let kind = sniff::kind(file)?;
    build_proposal(file, kind, Mapping::without_columns(kind), true, |tables| {
        tables.propose(profile)
    })
}

/// Looks at a file as a mapping reads it, whether the mapping can be used yet or still lacks something. A file that
/// is not the mapping's is refused as [`read_statement`] would.
pub fn propose_with<F: Read + Seek>(file: &mut F, mapping: &Mapping) -> Result<Proposal, StatementError> {
    let kind = kind_for(file, mapping)?;
    build_proposal(file, kind, mapping.clone(), false, |tables| {
        tables.locate(mapping)
    })
}

/// `fixed` is how a format reads whose fields have fixed meanings; of a table it is to be found. `is_new` says that no
/// person has looked at the mapping yet.
fn build_proposal<F: Read + Seek>(
    file: &mut F,
    kind: FileKind,
    fixed: Mapping,
    is_new: bool,
    find: impl FnOnce(&mut Tables<'_, F>) -> Result<Found, StatementError>,
) -> Result<Proposal, StatementError> {
    let mut tables = match kind {
        FileKind::Mt940 | FileKind::Camt053 | FileKind::Camt052 | FileKind::Camt054 => {
            let mut proposal = Proposal {
                file: FileFacts::plain(kind),
                layout: None,
                lacks: fixed.check().err(),
                questions: Vec::new(),
                header: Vec::new(),
                mapping: fixed,
                preview: Vec::new(),
            };
            proposal.preview = preview(|sink| read_statement(file, &proposal.mapping, sink))?;
            return Ok(proposal);
        }
        _ => Tables::open(file, kind)?,
    };
    let mut found = find(&mut tables)?;
    let mut proposal = Proposal {
        file: tables.facts(kind, &found),
        layout: layouts::named(&found.mapping.layout),
        lacks: found.mapping.check().err(),
        questions: Vec::new(),
        header: found.header.cells(&found.mapping, &found.below),
        mapping: found.mapping.clone(),
        preview: Vec::new(),
    };
    if proposal.lacks.is_some() {
        return Ok(proposal);
    }
    let looked = tables.look_through(&found)?;
    proposal.questions.clone_from(&looked.columns.questions);
    for question in &proposal.questions {
        if let Question::Words { place, words, .. } = question {
            let asked = proposal.mapping.words.entry(*place).or_default();
            for word in words.iter().filter(|word| word.meaning.is_none()) {
                asked.entry(word.key.clone()).or_insert(None);
            }
        }
    }
    if proposal.layout.is_none() && is_new && looked.columns.has_bare_out {
        // A word that only says «out» is a bank's; what a provider gives back has a word of its own.
        proposal.mapping.debit_is = RowKind::Outgoing;
        found.mapping.debit_is = RowKind::Outgoing;
    }
    match proposal.questions.first() {
        Some(question) => proposal.lacks = Some(MappingError::Asked(Box::new(question.clone()))),
        None => {
            proposal.preview = preview(|sink| {
                let mut sink = row::EventSink::new(sink);
                let read = read_table(&mut tables, kind, found, looked, &mut sink);
                read.map_err(|error| sink.interrupted(error))
            })?;
        }
    }
    Ok(proposal)
}

/// Which of several agreed mappings reads a file.
pub fn choose<F: Read + Seek>(file: &mut F, mappings: &[Mapping]) -> Result<Chosen, StatementError> {
    let kind = sniff::kind(file)?;
    let source = kind.source();
    let places: Vec<usize> = (0..mappings.len())
        .filter(|&at| mappings[at].source == source)
        .collect();
    if source != Source::Table {
        return Ok(places.first().map_or(Chosen::None, |&at| Chosen::This(at)));
    }
    if places.is_empty() {
        return Ok(Chosen::None);
    }
    let of_tables: Vec<&Mapping> = places.iter().map(|&at| &mappings[at]).collect();
    Ok(match Tables::open(file, kind)?.choose(&of_tables) {
        Chosen::This(at) => Chosen::This(places[at]),
        other => other,
    })
}

/// What the file is, if it is what the mapping reads.
fn kind_for<F: Read + Seek>(file: &mut F, mapping: &Mapping) -> Result<FileKind, StatementError> {
    let kind = sniff::kind(file)?;
    if mapping.source == kind.source() {
        Ok(kind)
    } else {
        Err(StatementError::OtherKind {
            kind: kind.show(),
            wanted: mapping.source,
        })
    }
}

/// The first rows. What is wrong further down is for the reading to say.
fn preview(
    read: impl FnOnce(&mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<Summary, StatementError>,
) -> Result<Vec<Event>, StatementError> {
    let mut rows = Vec::new();
    let outcome = read(&mut |event| {
        rows.push(event);
        if rows.len() < PREVIEW_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    match outcome {
        Err(error) if rows.is_empty() => Err(error),
        _ => Ok(rows),
    }
}

/// How a file is read: what it is, and what looking through all of it has shown of its columns. A file that is read
/// several times is looked through once.
#[derive(Debug, Clone)]
pub struct Reading {
    kind: FileKind,
    /// Of a table; the fields of messages have fixed meanings.
    table: Option<(Found, Looked)>,
}

impl Reading {
    /// Looks through a file that is to be read by an agreed mapping.
    ///
    /// # Errors
    /// The file is another than the mapping's, or something in it is a question to a person.
    pub fn prepare<F: Read + Seek>(file: &mut F, mapping: &Mapping) -> Result<Reading, StatementError> {
        mapping.check()?;
        let kind = kind_for(file, mapping)?;
        if kind.source() != Source::Table {
            return Ok(Reading { kind, table: None });
        }
        let mut tables = Tables::open(file, kind)?;
        let found = tables.locate(mapping)?;
        let looked = tables.look_through(&found)?;
        if let Some(question) = looked.columns.questions.first() {
            return Err(MappingError::Asked(Box::new(question.clone())).into());
        }
        Ok(Reading {
            kind,
            table: Some((found, looked)),
        })
    }

    /// Whether it is a table: messages list each entry once.
    pub fn is_table(&self) -> bool {
        self.table.is_some()
    }

    /// Hands the rows of the file to the sink, in the order of the file.
    ///
    /// A sink that breaks ends the reading with [`StatementError::Stopped`]. An error that comes after rows
    /// were handed over is [`StatementError::Interrupted`] and says how many: nothing may be kept of them.
    pub fn read<F: Read + Seek>(
        &self,
        file: &mut F,
        sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<Summary, StatementError> {
        let mut sink = row::EventSink::new(sink);
        let outcome = match (self.kind, &self.table) {
            (kind, Some((found, looked))) => Tables::open(file, kind).and_then(|mut tables| {
                read_table(&mut tables, kind, found.clone(), looked.clone(), &mut sink)
            }),
            (FileKind::Mt940, None) => mt940::read(file, &mut sink),
            (kind, None) => camt::read(file, kind, &mut sink),
        };
        outcome.map_err(|error| sink.interrupted(error))
    }
}

/// Reads a file once with an agreed mapping, as [`Reading`] does.
pub fn read_statement<F: Read + Seek>(
    file: &mut F,
    mapping: &Mapping,
    sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Summary, StatementError> {
    Reading::prepare(file, mapping)?.read(file, sink)
}

fn read_table<F: Read + Seek>(
    tables: &mut Tables<'_, F>,
    kind: FileKind,
    found: Found,
    looked: Looked,
    sink: &mut row::EventSink<'_>,
) -> Result<Summary, StatementError> {
    let last = found.header.last_row;
    let mut table = table::Table::new(found.mapping, found.header, kind, looked.columns);
    table.titles(tables.sheet_name(found.table), &found.above)?;
    tables.each_row(found.table, &mut |row| {
        if row.number > last {
            sink.push(table.read(row)?)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut summary = table.finish()?;
    summary.unread = looked.unread;
    Ok(summary)
}

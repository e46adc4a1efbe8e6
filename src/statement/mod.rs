//! The statement reader: a provider's or bank's file becomes rows, one by one.
//!
//! [`propose`] says what a file is and how it could be read; a person sees the proposal with its first
//! rows; [`read_statement`] reads the file with the [`Mapping`] that was agreed. Rows go to a sink as
//! they are met, so memory does not grow with their number. Every row of the file is handed over exactly
//! once: as a row, as a bad row with the reason, or as ignored with the reason; blank lines are nothing.
//!
//! Three folders: `containers` (delimited text and workbooks, which hand over rows of cells), `meaning` (what a row of
//! cells says) and `messages` (MT940 and camt.053, whose fields have fixed meanings).

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
pub use meaning::header::HeaderCell;
pub use meaning::layouts::{LAYOUTS, Layout};
pub use meaning::mapping::{Column, Mapping, MappingError};
pub use movement::{RowKind, RowStatus};
pub use placeholder::stated_id;
pub use row::{BadRow, Event, IgnoredRow, IgnoredWhy, StatementRow};
pub use sheets::{SheetCell, SheetRow, is_workbook, read_sheets};
pub use summary::{Balance, FileTally, FootTotal, Summary};

use containers::sniff;
use meaning::{layouts, table};
use messages::{camt, mt940};
use tables::Tables;

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
    /// The first rows as the mapping reads them.
    pub preview: Vec<Event>,
}

/// Looks at a file: what it is, which column is what, and how its first rows read.
///
/// The name of the file decides nothing; its content does. `profile` is the provider's profile (`momo`,
/// `vnpay`, `mb` …), which lets a layout be recognised that has no mark of its own.
pub fn propose<F: Read + Seek>(file: &mut F, profile: &str) -> Result<Proposal, StatementError> {
    let kind = sniff::kind(file)?;
    build_proposal(file, kind, Mapping::without_columns(kind), |tables| {
        tables.propose(profile)
    })
}

/// Looks at a file as a mapping reads it, whether the mapping can be used yet or still lacks something. A file that
/// is not the mapping's is refused as [`read_statement`] would.
pub fn propose_with<F: Read + Seek>(file: &mut F, mapping: &Mapping) -> Result<Proposal, StatementError> {
    let kind = kind_for(file, mapping)?;
    build_proposal(file, kind, mapping.clone(), |tables| tables.locate(mapping))
}

/// `fixed` is how a format reads whose fields have fixed meanings; of a table it is to be found.
fn build_proposal<F: Read + Seek>(
    file: &mut F,
    kind: FileKind,
    fixed: Mapping,
    find: impl FnOnce(&mut Tables<'_, F>) -> Result<tables::Found, StatementError>,
) -> Result<Proposal, StatementError> {
    let (facts, mapping, header) = match kind {
        FileKind::Mt940 | FileKind::Camt053 | FileKind::Camt052 | FileKind::Camt054 => {
            (FileFacts::plain(kind), fixed, Vec::new())
        }
        _ => {
            let mut tables = Tables::open(file, kind)?;
            let found = find(&mut tables)?;
            let header = found.header.cells(&found.mapping, &found.below);
            (tables.facts(kind, &found), found.mapping, header)
        }
    };
    let mut proposal = Proposal {
        file: facts,
        layout: layouts::named(&mapping.layout),
        lacks: mapping.check().err(),
        header,
        mapping,
        preview: Vec::new(),
    };
    if proposal.lacks.is_none() {
        proposal.preview = preview(file, &proposal.mapping)?;
    }
    Ok(proposal)
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
fn preview<F: Read + Seek>(file: &mut F, mapping: &Mapping) -> Result<Vec<Event>, StatementError> {
    let mut rows = Vec::new();
    let outcome = read_statement(file, mapping, &mut |event| {
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

/// Reads a file with an agreed mapping and hands its rows to the sink, in the order of the file.
///
/// A sink that breaks ends the reading with [`StatementError::Stopped`]. An error that comes after rows
/// were handed over is [`StatementError::Interrupted`] and says how many: nothing may be kept of them.
pub fn read_statement<F: Read + Seek>(
    file: &mut F,
    mapping: &Mapping,
    sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Summary, StatementError> {
    mapping.check()?;
    let kind = kind_for(file, mapping)?;
    let mut sink = row::EventSink::new(sink);
    let outcome = match kind {
        FileKind::Mt940 => mt940::read(file, &mut sink),
        FileKind::Camt053 | FileKind::Camt052 | FileKind::Camt054 => camt::read(file, kind, &mut sink),
        _ => read_table(file, kind, mapping, &mut sink),
    };
    outcome.map_err(|error| sink.interrupted(error))
}

fn read_table<F: Read + Seek>(
    file: &mut F,
    kind: FileKind,
    mapping: &Mapping,
    sink: &mut row::EventSink<'_>,
) -> Result<Summary, StatementError> {
    let mut tables = Tables::open(file, kind)?;
    let found = tables.locate(mapping)?;
    let last = found.header.last_row;
    let mut table = table::Table::new(found.mapping, found.header, kind);
    table.titles(&found.above);
    tables.each_row(found.table, &mut |row| {
        if row.number <= last {
            return Ok(ControlFlow::Continue(()));
        }
        if let Some(event) = table.read(row) {
            sink.push(event)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(table.finish())
}

//! Reconciliation: the statement is the last word, and every đồng is accounted for.

mod statement;

pub use statement::{
    BadRow, Balance, Column, Encoding, Event, FileFacts, FileKind, FootTotal, HeaderCell, IgnoredRow,
    IgnoredWhy, LAYOUTS, Layout, Mapping, MappingError, Proposal, RowKind, RowStatus, Source, StatementError,
    StatementRow, Summary, Tally, look, read_statement,
};

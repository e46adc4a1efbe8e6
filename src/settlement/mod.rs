//! Statements and days: a provider's file is taken in, days are compared with it, closed and restated; files are picked
//! up from the inbox; the chain of evidence is verified.

mod archive;
mod audit;
mod days;
mod error;
mod exceptions_file;
mod import;
mod inbox;
mod reading;

pub use archive::{Unpacked, archived_statements, unpacked_statement};
pub use audit::{Audit, audit};
pub use days::{CloseRequest, ClosedDay, DaysView, ExceptionView, Reconciler};
pub use error::ImportError;
pub use exceptions_file::{EXCEPTION_COLUMNS, ListedException, exceptions_csv, listed_exceptions};
pub use import::{
    AgreedMapping, Imported, Progress, StatementFile, Taken, agreed_mapping, bad_rows_csv, preview_mapping,
    propose_mapping,
};
pub use inbox::{
    InboxWords, PickUp, PickUpRound, PickedUp, PickedUpEnd, RefusedFile, pick_up_statements,
    refused_statements,
};

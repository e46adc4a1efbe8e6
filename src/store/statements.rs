//! Statements of providers: files, rows with what matching found of them, the two sides it compares, and what people
//! do about the differences.

mod act;
pub(super) mod append_post;
mod books;
mod casework;
mod closes;
mod detail;
mod distant;
mod file;
mod posted_by_hand;
mod row;
mod rules;
mod unnotified;
mod window;

pub use casework::{Answer, DecisionView, NewDecision};
pub use closes::{DayClose, NewDayClose};
pub use detail::{EntryDetail, RowDetail};
pub use file::{BadStatementRow, NewStatement, StatementBegun, StatementFileView, StatementTotals};
pub use row::{KeptRow, PackedRows, PayeeName, row_no};
pub use rules::StatementRules;
pub use window::FreshRows;

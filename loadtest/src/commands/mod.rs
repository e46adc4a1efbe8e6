//! One file for each command: its flags, what it measures, and how it shows that. `run` gives false where
//! an answer was wrong or a ledger does not hold what was posted.

pub mod codes;
pub mod growth;
pub mod idle;
pub mod instances;
pub mod intake;
pub mod open_loop;
pub mod overload;
pub mod plant;
mod readers;
pub mod reconcile;
pub mod start;
pub mod torture;

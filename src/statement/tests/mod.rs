//! The statement reader from outside: whole files in, events and refusals out.

mod camt;
mod doubts;
mod html;
mod meaning;
mod messages_as_banks_write_them;
mod mt940;
mod properties;
mod refusals;
pub(super) mod support;
mod tables;
mod workbooks;
mod workbooks_of_others;

use super::*;

//! What the columns and words of a table mean: the header is recognised or mapped, each cell becomes an amount, a day,
//! a kind or an id, and a row of cells becomes a row of the statement.

pub(crate) mod amounts;
pub(crate) mod answers;
pub(crate) mod balances;
pub(crate) mod day_text;
pub(crate) mod days;
pub(crate) mod fault;
pub(crate) mod header;
pub(crate) mod layouts;
pub(crate) mod mapping;
pub(crate) mod proof;
pub(crate) mod questions;
pub(crate) mod said;
pub(crate) mod sections;
pub(crate) mod survey;
pub(crate) mod table;
pub(crate) mod units;
pub(crate) mod values;
pub(crate) mod vocabulary;
pub(crate) mod words;

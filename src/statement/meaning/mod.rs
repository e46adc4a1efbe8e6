//! What the columns and words of a table mean: the header is recognised or mapped, each cell becomes an amount, a day,
//! a kind or an id, and a row of cells becomes a row of the statement.

pub(in crate::statement) mod header;
pub(in crate::statement) mod layouts;
pub(in crate::statement) mod mapping;
pub(in crate::statement) mod table;
pub(in crate::statement) mod values;
pub(in crate::statement) mod words;

//! Messages whose fields have fixed meanings: SWIFT MT940 and ISO 20022 camt.053. No mapping is needed.
//!
//! Both are read here and not by a library: the crate mt940 1.1 wants the whole file in memory and refuses it whole
//! when one line breaks its grammar, and the camt crates are types generated from the schema, which hold a whole file
//! too. A statement here may have a million rows, and one bad row must not lose the others.

pub(crate) mod camt;
pub(crate) mod camt_entry;
pub(crate) mod mt940;

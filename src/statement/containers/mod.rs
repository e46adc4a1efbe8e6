//! What rows come in: delimited text, workbooks of many makes, pages with tables, and the XML, ZIP and OLE around them.
//! Each hands over rows of cells one by one, in bounded memory, whatever sizes a file claims.
//!
//! Cells of workbooks are read here and not by a library: calamine 0.37 gives numbers as floating point, which a
//! statement's amounts must never be, reads an XLS file whole, and reserves memory for the size a sheet claims
//! (its issue 693 tells of a file of 2 KB that asks for 549 GB). The containers around them are `zip` and `cfb`.

pub(crate) mod cells;
pub(crate) mod delimited;
pub(crate) mod html;
pub(crate) mod numbers;
pub(crate) mod ods;
pub(crate) mod ole;
pub(crate) mod package;
pub(crate) mod parts;
pub(crate) mod sniff;
pub(crate) mod text;
pub(crate) mod xls;
pub(crate) mod xlsb;
pub(crate) mod xlsx;
pub(crate) mod xml;
pub(crate) mod xml2003;

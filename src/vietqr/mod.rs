//! The payload of a code and its picture: EMVCo's tag-length-value text with the NAPAS template for a
//! transfer and its checksum, written and read; the QR symbol as SVG and PNG; the codes in a photo; the
//! directory of banks.
//!
//! Same inputs, same bytes. Nothing is cut: a shortened account is another account, and a shortened note
//! is another stall. What does not fit is refused, with the number of characters to take away. What is
//! read is held against the whole format before any of it is believed, and the first fault in the order
//! of [`Fault`] is named.
//!
//! Absent on purpose: a logo inside the symbol, which eats error correction.

mod banks;
mod code;
mod crc;
mod line;
mod other;
mod read;
mod scan;
mod symbol;
mod tags;
#[cfg(test)]
mod tests;
mod write;

pub use banks::{Bank, BankKind, Banks, BanksError};
pub use code::{Alternate, Code, Initiation, Payee, PayeeNumber, Payload, Service, Texts};
pub use line::{Answer, decode, decode_line, encode_line};
pub use other::Other;
pub use read::{Fault, Reading, Refusal, Warning, bare, read};
pub use scan::{Hindrance, SCAN_BYTES_MAX, SCAN_PIXELS_MAX, ScanError, scan};
pub use symbol::{Correction, PNG_SIDE_MAX, QUIET_ZONE, Symbol};
pub use tags::Field;
pub use write::{BILL_NUMBER_MAX, BuildError, bill_payload, payload, stall_payload};

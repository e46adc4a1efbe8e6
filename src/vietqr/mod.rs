//! The payload on a card and its picture: EMVCo's tag-length-value text with the NAPAS template for a
//! transfer, its checksum, and the QR symbol as SVG and PNG.
//!
//! Same inputs, same bytes. Nothing is cut: a shortened account is another account, and a shortened note
//! is another stall. What does not fit is refused, with the number of characters to take away.
//!
//! Absent on purpose: `QRPUSH` codes, which need a contract with an acquirer, and a logo inside the
//! symbol, which eats error correction.

mod crc;
mod symbol;
mod tags;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use crate::vn::{AccountNumber, Dong};

pub use symbol::{Correction, PNG_SIDE_MAX, QUIET_ZONE, Symbol};
pub use tags::Field;
pub use write::{BuildError, payload, stall_payload};

/// What a code asks the payer's app to do: send money to an account or a card at one bank.
///
/// Begin with [`Transfer::to`] and name only what differs:
/// `Transfer { amount: Some(dong), ..Transfer::to("970415", account) }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// BIN of the receiving bank or wallet, six digits (38-01-00).
    pub bank_bin: String,
    /// Account or card number, as `service` says (38-01-01).
    pub account: AccountNumber,
    /// What the number is (38-02).
    pub service: Service,
    /// Whether the code serves many payments (01). Never derived from the amount: a stall with one fixed
    /// price has a static code with an amount, and a till may show a dynamic one without.
    pub initiation: Initiation,
    /// Amount the app fills in, 1 to 9.999.999.999.999 đồng (54). Above 499.999.999 the code is well
    /// formed, but NAPAS247 does not carry it in one transfer.
    pub amount: Option<Dong>,
    /// Transfer note the app fills in (62-08). Some apps drop it: never rely on it alone.
    pub purpose: Option<String>,
    /// What only some codes carry.
    pub extras: Extras,
}

impl Transfer {
    /// A static code to an account, without amount or note.
    pub fn to(bank_bin: &str, account: AccountNumber) -> Transfer {
        Transfer {
            bank_bin: bank_bin.to_owned(),
            account,
            service: Service::Account,
            initiation: Initiation::Static,
            amount: None,
            purpose: None,
            extras: Extras::default(),
        }
    }
}

/// The fields of a code that a transfer does without.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extras {
    /// Bill number (62-01); `***` lets the payer type it.
    pub bill_number: Option<String>,
    /// Store label (62-03).
    pub store_label: Option<String>,
    /// Reference label (62-05).
    pub reference_label: Option<String>,
    /// Terminal label (62-07).
    pub terminal_label: Option<String>,
    /// Merchant name (59). It proves nothing about the account's owner; the app looks the owner up.
    pub merchant_name: Option<String>,
    /// Merchant city (60).
    pub city: Option<String>,
    /// Merchant category code of ISO 18245, four digits (52).
    pub mcc: Option<String>,
}

/// Which NAPAS247 service moves the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Service {
    /// To an account number.
    #[default]
    Account,
    /// To a card number.
    Card,
}

impl Service {
    /// The service code (38-02).
    pub const fn code(self) -> &'static str {
        match self {
            Service::Account => "QRIBFTTA",
            Service::Card => "QRIBFTTC",
        }
    }
}

/// Point of initiation: how many payments a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Initiation {
    /// Many payments: a printed card.
    #[default]
    Static,
    /// One payment: a code on a till's screen.
    Dynamic,
}

impl Initiation {
    /// The value of 01.
    pub const fn code(self) -> &'static str {
        match self {
            Initiation::Static => "11",
            Initiation::Dynamic => "12",
        }
    }
}

/// The text inside a code: printable ASCII, at most 512 characters, with its checksum.
///
/// `Display` and [`Payload::as_str`] give it whole, account number included, since that is what a payer's
/// app must read. `Debug` does not, so that it stays out of logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(String);

impl Payload {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} characters)", self.0.len())
    }
}

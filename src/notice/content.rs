//! What a notice names besides its amount, and the digest by which two notices are told to say the same.

use crate::vn::{Day, Dong, TimeMs, digest_128};

/// What an item names besides its amount. Whatever a notice leaves out is empty or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Six digits, where the notice names the payee's bank.
    pub bank_bin: Option<String>,
    /// The payee account as sent, without spaces; empty when a terminal or order stands for it.
    pub account_number: String,
    /// A virtual account that stands for a stall; empty if none.
    pub virtual_account: String,
    /// The provider's terminal at the stall.
    pub terminal: Option<String>,
    /// Whether the terminal is outside what is signed, so that no money may follow its word alone.
    pub terminal_is_unsigned: bool,
    /// The merchant's reference: the order, where the scheme has orders.
    pub reference: String,
    /// The transfer note the payer wrote; none where the scheme has no such thing.
    pub note: Option<String>,
    /// The bank's own reference (`FT…`), the key across providers.
    pub bank_ref: Option<String>,
    /// Time of payment; none when the notice names none.
    pub occurred_at: Option<TimeMs>,
    /// For a refund or void: the event id of the payment it concerns; empty if only `reference` tells.
    pub payment_event_id: String,
    /// Where no notice said so, but a statement.
    pub from_statement: Option<FromStatement>,
}

/// Which row of a statement says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromStatement {
    pub row_no: i64,
    /// The day under which the provider put it.
    pub business_day: Day,
}

/// The first 16 bytes of a SHA-256 over what was read.
pub type ContentDigest = [u8; 16];

/// Digest of the content of an item (docs/spec/providers.md, section 1, rule 9): amount, currency, payee account or
/// terminal, merchant reference, time of payment. Send time, token, message text, note and balance may
/// differ between tries and are not in it.
pub fn content_of(amount: Dong, details: &Details) -> ContentDigest {
    let occurred_at = details.occurred_at.map(|t| t.0.to_string()).unwrap_or_default();
    digest_128([
        amount.vnd().to_string().as_bytes(),
        b"VND",
        details.bank_bin.as_deref().unwrap_or_default().as_bytes(),
        details.account_number.as_bytes(),
        details.virtual_account.as_bytes(),
        details.terminal.as_deref().unwrap_or_default().as_bytes(),
        details.reference.as_bytes(),
        occurred_at.as_bytes(),
        details.payment_event_id.as_bytes(),
    ])
}

/// What a statement says of a payment: its amount. A notice that comes later for the same event, and has this
/// amount, is a repeat of it, whatever else it says.
pub fn content_by_statement(amount: Dong) -> ContentDigest {
    digest_128([&b"statement"[..], amount.vnd().to_string().as_bytes()])
}

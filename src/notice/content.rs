use sha2::{Digest, Sha256};

use super::Details;
use crate::vn::Dong;

/// The first 16 bytes of a SHA-256 over what was read.
pub type ContentDigest = [u8; 16];

/// Digest of the content of an item (docs/spec/providers.md, section 1, rule 9): amount, currency, payee account or
/// terminal, merchant reference, time of payment. Send time, token, message text, note and balance may
/// differ between tries and are not in it.
pub fn content_of(amount: Dong, details: &Details) -> ContentDigest {
    let occurred_at = details.occurred_at.map(|t| t.0.to_string()).unwrap_or_default();
    digest([
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
    digest([&b"statement"[..], amount.vnd().to_string().as_bytes()])
}

/// Digest over fields, each preceded by its length so that no two lists of fields run together.
pub(super) fn digest<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> ContentDigest {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let whole = hash.finalize();
    let mut out = [0; 16];
    out.copy_from_slice(&whole[..16]);
    out
}

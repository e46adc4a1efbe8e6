//! VNPT ePay: the MegaPay gateway and deposits to virtual accounts (docs/spec/providers.md, section 6).

mod depositcode;
mod megapay;

pub(super) use depositcode::DEPOSITCODE;
pub(super) use megapay::MEGAPAY_TOKEN;

use super::answer::Answer;

/// An answer in ePay's words.
fn said(status: u16, (code, message): (&str, &str)) -> Answer {
    Answer::text(
        status,
        format!(r#"{{"resultCd":"{code}","resultMsg":"{message}"}}"#),
    )
}

//! VNPT ePay: the MegaPay gateway and deposits to virtual accounts (docs/spec/providers.md, section 6).

mod depositcode;
mod megapay;

pub(super) use depositcode::DEPOSITCODE;
pub(super) use megapay::MEGAPAY_TOKEN;

use super::answer::Answer;

/// An answer in ePay's words.
fn coded_answer(status: u16, code: &str, message: &str) -> Answer {
    Answer::text(
        status,
        format!(r#"{{"resultCd":"{code}","resultMsg":"{message}"}}"#),
    )
}

//! What became of a callback, and how the provider is told.

use serde_json::json;

use super::refusal::{Refusal, RefusalKind};
use crate::vn::Dong;

/// The media type of every answer but a problem document.
const JSON_TYPE: &str = "application/json";

/// What became of a callback, for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable now. Also said of the same id with other content, which is kept beside the first.
    Stored,
    /// It was durable before, with the same content.
    Repeat,
    /// It is durable, but names no order, terminal or account that is known.
    UnknownOrder,
    /// It is durable, but its order asks for another amount.
    AmountDiffers {
        /// what the order asks for
        expected: Dong,
    },
    /// It could not be made durable; the provider is to send it again.
    NotKept,
    Refused(Refusal),
}

/// The answer in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// JSON, or empty for an answer without body.
    pub body: String,
    pub content_type: &'static str,
}

impl Answer {
    /// Of a JSON value; its members come out by name.
    pub(super) fn json(status: u16, body: serde_json::Value) -> Answer {
        Answer {
            status,
            body: body.to_string(),
            content_type: JSON_TYPE,
        }
    }

    /// JSON that is written already, where the order of members is the provider's.
    pub(super) fn text(status: u16, body: String) -> Answer {
        Answer {
            status,
            body,
            content_type: JSON_TYPE,
        }
    }

    pub(super) fn empty(status: u16) -> Answer {
        Answer {
            status,
            body: String::new(),
            content_type: JSON_TYPE,
        }
    }
}

/// A refusal for the provider's engineers, of schemes whose words for one are not known.
pub(super) fn refused(status: u16, refusal: &Refusal) -> Answer {
    Answer::json(status, json!({"error": refusal.because, "field": refusal.field}))
}

/// The answers of the schemes that want `{"success":true}` (docs/spec/providers.md, sections 10 to 12): a transfer
/// that names no stall is parked, so an unknown order is a success too (docs/spec/providers.md, section 1, rule 11).
pub(super) fn success_or(status_of: impl Fn(RefusalKind) -> u16, outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::NotKept => Answer::json(503, json!({"success": false, "error": "not kept, send it again"})),
        Outcome::Refused(r) => {
            let body = json!({"success": false, "error": r.because, "field": r.field});
            Answer::json(status_of(r.kind), body)
        }
        _ => Answer::json(200, json!({"success": true})),
    }
}

/// 401 for a bad proof, 400 for content that cannot be read
/// (SePay documents 401, docs/spec/providers.md, section 12; for Casso
/// inferred).
pub(super) fn unauthorized_or_bad(kind: RefusalKind) -> u16 {
    match kind {
        RefusalKind::Malformed => 400,
        _ => 401,
    }
}

//! Callbacks made up for tests, benchmarks and `choso provider simulate`.

use super::request::Request;
use crate::vn::{Dong, TimeMs};

/// What a simulated callback says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    Payment,
    /// Money of an earlier payment went back.
    Refund,
    /// A payment that did not happen.
    Failed,
}

/// An event to make a callback of, for `choso provider simulate`, tests and benchmarks. The data is
/// invented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub kind: SampleKind,
    /// A number of its own for each event; the provider's ids are made of it.
    pub number: u64,
    /// For a refund: the number of its payment.
    pub payment_number: u64,
    pub amount: Dong,
    /// Six digits of the payee's bank.
    pub bank_bin: String,
    pub account_number: String,
    /// The stall's code: in the note, as terminal or at the start of the order, wherever the scheme
    /// carries it.
    pub stall_code: String,
    pub occurred_at: TimeMs,
}

/// A request to send to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// What follows the provider's address.
    pub path: &'static str,
    /// The query, without `?`; empty if none.
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Outgoing {
    /// Hands it over as the request that it becomes.
    pub fn with_request<T>(&self, then: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        then(&Request {
            method: self.method,
            path: self.path,
            query: &self.query,
            headers: &headers,
            body: self.body.as_bytes(),
            is_evidence: false,
        })
    }

    /// A `POST` of a body of this media type to the provider's address itself.
    pub(super) fn post(media_type: &str, body: String) -> Outgoing {
        Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: vec![("content-type", media_type.to_owned())],
            body,
        }
    }

    /// A `POST` of JSON, as most providers send.
    pub(super) fn json(body: String) -> Outgoing {
        Outgoing::post("application/json", body)
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Outgoing {
        self.headers.push((name, value));
        self
    }
}

//! A callback as it came, and what is kept of it as evidence.

use std::sync::Arc;

use super::proof::sha256;
use super::refusal::Refusal;

/// Longest header value that is looked at.
const HEADER_BYTES_MAX: usize = 4096;

/// A callback as it came, before anything read it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `POST` or `GET`.
    pub method: &'a str,
    /// What follows the provider's own address: empty, or e.g. `/api/token_generate`.
    pub path: &'a str,
    /// The raw query, without `?`.
    pub query: &'a str,
    /// Headers, names in lower case, in the order they came; a header that came twice stands twice.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
    /// Whether this is kept evidence that is checked again: headers that are secrets themselves are then
    /// digests.
    pub is_evidence: bool,
}

impl<'a> Request<'a> {
    /// The value of a header that may be absent. One that came twice is refused: two readers could
    /// differ on which one they take.
    pub(super) fn header(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        let mut all = self.headers.iter().filter(|(n, _)| *n == name);
        let Some((_, value)) = all.next() else {
            return Ok(None);
        };
        if all.next().is_some() {
            return Err(Refusal::signature(name, "this header came twice"));
        }
        if value.len() > HEADER_BYTES_MAX {
            let because = format!("is longer than {HEADER_BYTES_MAX} bytes");
            return Err(Refusal::signature(name, because));
        }
        match std::str::from_utf8(value) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Refusal::signature(name, "is not plain text")),
        }
    }

    /// The value of a header that the proof needs.
    pub(super) fn required_header(&self, name: &'static str) -> Result<&'a str, Refusal> {
        match self.header(name)? {
            None => Err(Refusal::without_header(name, "this header is missing")),
            Some("") => Err(Refusal::without_header(name, "this header is empty")),
            Some(value) => Ok(value),
        }
    }

    /// SHA-256 of a header that is itself the secret. Kept evidence holds this digest only.
    pub(super) fn secret_header(&self, name: &'static str) -> Result<[u8; 32], Refusal> {
        let value = self.required_header(name)?;
        if !self.is_evidence {
            return Ok(sha256(value.as_bytes()));
        }
        value
            .strip_prefix(DIGEST_PREFIX)
            .and_then(|digits| hex::decode(digits).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| Refusal::signature(name, "the kept digest of this header cannot be read"))
    }

    /// The body as text.
    pub(super) fn text(&self) -> Result<&'a str, Refusal> {
        std::str::from_utf8(self.body)
            .map_err(|e| Refusal::malformed("body", format!("is not UTF-8 at byte {}", e.valid_up_to())))
    }
}

/// Marks a header of kept evidence whose value was replaced by its digest.
const DIGEST_PREFIX: &str = "sha256:";
/// Headers that are secrets themselves; a bearer token is not among them, since it lives for minutes.
const SECRET_HEADERS: [&str; 2] = ["secure-token", "authorization"];

/// Whether a header holds a bearer token; the case of that word is free (RFC 9110 section 11.1).
fn is_bearer(header: &str) -> bool {
    header
        .split(' ')
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("bearer"))
}

/// What is kept of a callback so that its proof can be checked again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Which of the provider's keys fitted.
    pub key_id: Arc<str>,
    /// `POST` or `GET`.
    pub method: String,
    /// What followed the provider's address.
    pub path: String,
    pub query: String,
    /// The headers that the proof needs; those that are secrets themselves as digests.
    pub headers: Vec<(String, String)>,
    /// The body as received, byte for byte.
    pub body: Vec<u8>,
}

impl Evidence {
    /// Hands it over as the request that it was, to be proven once more.
    pub fn with_request<T>(&self, then: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        then(&Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
            is_evidence: true,
        })
    }

    /// Of a request that was proven, with the headers its proof needs.
    pub(super) fn of(request: &Request<'_>, headers: &[&str], key_id: Arc<str>) -> Evidence {
        let kept = request.headers.iter().filter(|(name, _)| headers.contains(name));
        let kept = kept.map(|(name, value)| {
            let text = String::from_utf8_lossy(value);
            let is_secret = SECRET_HEADERS.contains(name) && !is_bearer(&text);
            let value = if is_secret && !request.is_evidence {
                format!("{DIGEST_PREFIX}{}", hex::encode(sha256(value)))
            } else {
                text.into_owned()
            };
            ((*name).to_owned(), value)
        });
        Evidence {
            key_id,
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            query: request.query.to_owned(),
            headers: kept.collect(),
            body: request.body.to_owned(),
        }
    }
}

//! A provider with its live keys: takes a request as it came, has it proven and read, and words the answer.

use std::sync::Arc;

use super::answer::{Answer, Outcome};
use super::compose::{Outgoing, Sample};
use super::item::Item;
use super::protocol::{Protocol, Read};
use super::refusal::{Refusal, RefusalKind};
use super::request::{Evidence, Request};
use super::scheme::Scheme;
use super::secrets::{Secrets, SecretsError};
use crate::vn::TimeMs;

/// A verified callback with something to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub provider_id: Arc<str>,
    /// The delivery's own id, where the scheme has one (native: `webhook-id`); the same over retries.
    pub delivery_id: Option<String>,
    /// The items of the body, in its order; may be empty for an empty list.
    pub items: Vec<Item>,
    /// Whether the scheme has orders, so that an unknown one has an answer of its own.
    pub has_orders: bool,
    /// Which contested form of the signed text fitted; empty for the plain one.
    pub variant: &'static str,
    /// What is kept so that the proof can be checked again.
    pub evidence: Evidence,
}

/// What a verified request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Something to keep before it is answered.
    Notices(Delivery),
    /// A call that is answered at once and leaves nothing to keep: a login (docs/spec/providers.md, section 8).
    Token(Answer),
}

/// A provider with its live keys. It has at least one, so it cannot accept without proof.
#[derive(Debug)]
pub struct Provider {
    id: Arc<str>,
    scheme: &'static Scheme,
    first: LiveKey,
    others: Vec<LiveKey>,
}

#[derive(Debug)]
struct LiveKey {
    id: Arc<str>,
    protocol: Box<dyn Protocol>,
}

impl Provider {
    /// A provider with these live keys (name and secrets, the newest first).
    ///
    /// # Errors
    /// If there is no key, or one that cannot be used.
    pub fn new(
        id: &str,
        scheme: &'static Scheme,
        keys: Vec<(String, Secrets)>,
    ) -> Result<Provider, SecretsError> {
        let (provider, unusable) = Provider::with_usable(id, scheme, keys);
        match unusable.into_iter().next() {
            Some((_, error)) => Err(error),
            None => provider.ok_or(SecretsError::NoKey),
        }
    }

    /// A provider with those of these keys that can be used, none if there is none such; and the names of the others,
    /// with what is wrong with them. A bad key never silences the good ones.
    pub fn with_usable(
        id: &str,
        scheme: &'static Scheme,
        keys: Vec<(String, Secrets)>,
    ) -> (Option<Provider>, Vec<(String, SecretsError)>) {
        let mut live = Vec::with_capacity(keys.len());
        let mut unusable = Vec::new();
        for (key_id, secrets) in keys {
            match scheme.protocol(&secrets) {
                Ok(protocol) => live.push(LiveKey {
                    id: key_id.into(),
                    protocol,
                }),
                Err(error) => unusable.push((key_id, error)),
            }
        }
        let mut live = live.into_iter();
        let provider = live.next().map(|first| Provider {
            id: id.into(),
            scheme,
            first,
            others: live.collect(),
        });
        (provider, unusable)
    }

    /// The id in its address.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// How it signs and answers.
    pub fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// Headers to hand over with each request, lower case.
    pub fn headers(&self) -> &'static [&'static str] {
        self.scheme.headers
    }

    /// Verifies a request over its raw bytes with each live key in turn, then reads it.
    ///
    /// The replay window of schemes that name one, and the lifetime of tokens, are checked only where
    /// `now` is given.
    pub fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Received, Refusal> {
        let mut refusal = None;
        for key in self.keys() {
            match key.protocol.receive(request, now) {
                Ok(Read::Token(answer)) => return Ok(Received::Token(answer)),
                Ok(Read::Notices {
                    delivery_id,
                    items,
                    variant,
                }) => {
                    return Ok(Received::Notices(Delivery {
                        provider_id: self.id.clone(),
                        delivery_id,
                        items,
                        has_orders: self.scheme.has_orders,
                        variant,
                        evidence: Evidence::of(request, self.headers(), key.id.clone()),
                    }));
                }
                // Another key of the provider may fit: during a rotation two are live (rule 12).
                Err(r) if matches!(r.kind, RefusalKind::Signature | RefusalKind::Foreign) => {
                    refusal = refusal.or(Some(r));
                }
                Err(r) => return Err(r),
            }
        }
        // At least one key was tried, and none fitted.
        Err(refusal.unwrap_or_else(|| Refusal::signature("signature", "no key fits")))
    }

    /// Words an outcome. `delivery` is what the request was read as, where it is known.
    pub fn answer(&self, request: &Request<'_>, delivery: Option<&Delivery>, outcome: &Outcome) -> Answer {
        let key = delivery.and_then(|d| self.keys().find(|k| k.id == d.evidence.key_id));
        let items = delivery.map_or(&[][..], |d| &d.items);
        key.unwrap_or(&self.first)
            .protocol
            .answer(request, items, outcome)
    }

    /// Makes a callback as the provider would send it, signed with its newest key.
    pub fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        self.first.protocol.compose(sample, now)
    }

    fn keys(&self) -> impl Iterator<Item = &LiveKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

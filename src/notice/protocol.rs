//! What every adapter must be able to do: prove and read a request, word the answer, make a sample.

use std::fmt;

use super::answer::{Answer, Outcome};
use super::compose::{Outgoing, Sample};
use super::item::Item;
use super::refusal::Refusal;
use super::request::Request;
use crate::vn::TimeMs;

/// What a protocol makes of one request whose proof fits.
#[derive(Debug)]
pub(super) enum Read {
    Notices {
        /// The delivery's own id, where the scheme has one.
        delivery_id: Option<String>,
        /// In the order of the body.
        items: Vec<Item>,
        /// Which contested form of the signed text fitted; empty for the plain one (docs/spec/providers.md, its head).
        variant: &'static str,
    },
    /// A login and its answer.
    Token(Answer),
}

impl Read {
    /// A request that tells of one thing.
    pub fn one(item: Item, variant: &'static str) -> Read {
        Read::Notices {
            delivery_id: None,
            items: vec![item],
            variant,
        }
    }
}

/// One provider's way of signing and answering, with one set of secrets. No method has a default, so that
/// nothing is accepted because an adapter forgot to refuse it.
pub(super) trait Protocol: fmt::Debug + Send + Sync {
    /// Verifies, then reads. A window or a lifetime is checked only where `now` is given.
    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal>;

    /// Words the outcome. `items` are those of the request, empty if it was refused.
    fn answer(&self, request: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer;

    /// Makes a signed callback as the provider would send it at this time, or says what it lacks. The
    /// same sample at another time is a retry.
    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String>;
}

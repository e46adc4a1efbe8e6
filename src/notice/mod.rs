//! What a payment provider says, and the proof that it was the provider who said it.
//!
//! A [`Provider`] turns a request as it came into a [`Delivery`] of [`Item`]s, or a [`Refusal`], and
//! words the answer as that provider expects it. One file or folder per provider; `registry.rs` lists them.
//! An adapter cannot be built without its secret, verifies the bytes as they were received before it reads
//! them (docs/spec/providers.md, section 1, rules 1 and 3), and accepts nothing by default.

mod answer;
mod canonical;
mod casso;
mod compose;
mod content;
mod cuts;
mod form;
mod item;
mod json;
mod keys;
mod mb;
mod members;
mod momo;
mod payos;
mod proof;
mod protocol;
mod provider;
mod refusal;
mod registry;
mod request;
mod scheme;
mod secrets;
mod sepay;
mod standard;
#[cfg(test)]
mod testing;
mod times;
mod verify;
mod viettel;
mod vnpay;
mod vnpt;
mod zalopay;

pub use answer::{Answer, Outcome};
pub use compose::{Outgoing, Sample, SampleKind};
pub use content::{ContentDigest, Details, FromStatement, content_by_statement, content_of};
pub use item::{Item, NoticeKind};
pub use provider::{Delivery, Provider, Received};
pub use refusal::{Refusal, RefusalKind};
pub use registry::{SCHEMES, SchemeError, scheme};
pub use request::{Evidence, Request};
pub use scheme::Scheme;
pub use secrets::{Secrets, SecretsError};
pub use standard::{parse_secret, sign};
pub use verify::{VerifyError, verify_line};

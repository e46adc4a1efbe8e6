//! Viettel: the older gateway and the newer one (docs/spec/providers.md, section 5).
//! Viettel publishes neither; all of it
//! comes from software of its merchants, so what they disagree on is a setting.

mod checksum;
mod ecdsa;

pub(super) use checksum::CHECKSUM;
pub(super) use ecdsa::ECDSA;

//! Who does something, and when.

use crate::vn::TimeMs;

/// Whoever does something that is kept under a name and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    pub by: &'a str,
    pub now: TimeMs,
}

//! The one clock of the program. Everything below the edge takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::vn::TimeMs;

/// The time now, milliseconds since 1970 UTC.
pub fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

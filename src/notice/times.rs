//! How providers write times, and the window in which a signed time of sending must lie.

use super::refusal::Refusal;
use crate::vn::TimeMs;

/// The replay window of the schemes that name one, both ways, the edge included (docs/spec/providers.md, sections 12
/// and 13).
const TOLERANCE_S: i64 = 300;

/// A time written `yyyyMMddHHmmss` at +07:00.
pub(super) fn compact_time(text: &str) -> Option<TimeMs> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let spelt = format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    TimeMs::parse(&spelt).ok()
}

/// `yyyyMMddHHmmss` at +07:00.
pub(super) fn compact_text(time: TimeMs) -> String {
    time.iso().chars().filter(char::is_ascii_digit).take(14).collect()
}

/// `yyyy-MM-dd HH:mm:ss` at +07:00, as Vietnamese banks write a local time.
pub(super) fn local_text(time: TimeMs) -> String {
    time.iso().get(..19).unwrap_or_default().replace('T', " ")
}

/// Unix seconds in digits, as a header tells when a request was signed.
pub(super) fn unix_seconds(header: &str, text: &str) -> Result<i64, Refusal> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit());
    let read = text.parse().ok().filter(|_| is_plain);
    read.ok_or_else(|| Refusal::signature(header, "is not unix seconds, ten digits such as 1767582061"))
}

/// Whether a time in seconds would be one of today's if it were in milliseconds: thirteen digits.
fn is_in_milliseconds(seconds: i64) -> bool {
    (1_000_000_000_000..10_000_000_000_000).contains(&seconds)
}

/// Refuses what was signed too long ago, or in the future. No clock, no window.
pub(super) fn check_window(header: &str, signed_at_s: i64, now: Option<TimeMs>) -> Result<(), Refusal> {
    let Some(now) = now else { return Ok(()) };
    let off_s = now.0.div_euclid(1000).saturating_sub(signed_at_s);
    if off_s.saturating_abs() <= TOLERANCE_S {
        return Ok(());
    }
    if is_in_milliseconds(signed_at_s) {
        let because = "is in milliseconds (13 digits); wanted unix seconds (10 digits), which are signed too";
        return Err(Refusal::signature(header, because));
    }
    let because = format!(
        "is {off_s} s away from the receiver's clock (positive: too old); {TOLERANCE_S} s are allowed; a \
         delivery that is tried again must carry a fresh time"
    );
    Err(Refusal::replay(header, because))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let time = TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap();
        assert_eq!(compact_text(time), "20260115175859");
        assert_eq!(compact_time("20260115175859"), Some(time));
        assert_eq!(local_text(time), "2026-01-15 17:58:59");
        for wrong in ["", "2026011517585", "20260230000000", "+0260115175859"] {
            assert_eq!(compact_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_edge_of_the_window_is_inside() {
        for (now_ms, fits) in [
            (700_000, true),
            (1_300_999, true),
            (699_999, false),
            (1_301_000, false),
        ] {
            let got = check_window("t", 1000, Some(TimeMs(now_ms)));
            assert_eq!(got.is_ok(), fits, "{now_ms}");
        }
        assert_eq!(check_window("t", i64::MAX, None), Ok(()));
        let ms = check_window("t", 1_767_582_061_007, Some(TimeMs(1_767_582_061_007))).unwrap_err();
        assert!(ms.because.contains("milliseconds"), "{ms}");
        assert!(check_window("t", i64::MAX, Some(TimeMs(i64::MIN))).is_err());
        for wrong in ["", "+1000", "-1", "1000.0", "9223372036854775808"] {
            assert!(unix_seconds("t", wrong).is_err(), "{wrong}");
        }
    }
}

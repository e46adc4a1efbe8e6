//! Failed sign-ins: how long whoever failed often has to wait. What is remembered is bounded, whoever asks.

use std::collections::HashMap;

use crate::vn::TimeMs;

/// From this failure on one waits. The ones before cost nothing: people mistype.
const WAITS_FROM: u32 = 5;
/// The first wait; each further failure doubles it.
const FIRST_WAIT_MS: i64 = 1_000;
const WAIT_MS_MAX: i64 = 15 * 60_000;
/// The failures of an address are forgotten so long after its last one.
const REMEMBERED_MS: i64 = 60 * 60_000;
/// Addresses that are remembered. One more, and the one that failed longest ago is forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// What was shown to get in. Each is counted for itself: a program with an old token keeps nobody out of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// A token or a link that works once, at the form of the pages.
    Form,
    /// A bearer token.
    Token,
    /// An owner's link.
    OwnerLink,
    /// An owner's key in a cookie, which comes again by itself after it was revoked.
    OwnerKey,
}

impl Way {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Way::Form => "form",
            Way::Token => "token",
            Way::OwnerLink => "owner link",
            Way::OwnerKey => "owner key",
        }
    }
}

/// Failed sign-ins by the way and the address they came from. An address is a number: what a network numbers together,
/// such as the 64 bits of an IPv6 line, is one.
#[derive(Debug, Default)]
pub struct FailedSignIns(HashMap<(Way, u128), Failures>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: TimeMs,
}

impl Failures {
    fn wait_ms(self) -> i64 {
        match self.count.checked_sub(WAITS_FROM) {
            None => 0,
            // 2^20 s is more than the longest wait.
            Some(more) => (FIRST_WAIT_MS << more.min(20)).min(WAIT_MS_MAX),
        }
    }
}

impl FailedSignIns {
    /// How long this address still has to wait before it may try again, milliseconds; 0 if it may now.
    pub fn wait_ms(&self, from: (Way, u128), now: TimeMs) -> i64 {
        // Never longer than the wait itself, should the clock be set back.
        let left = |failures: &Failures| {
            let wait_ms = failures.wait_ms();
            (failures.last.0 + wait_ms - now.0).clamp(0, wait_ms)
        };
        self.0.get(&from).map_or(0, left)
    }

    /// Counts a failure; how many this address has by now.
    pub fn failed(&mut self, from: (Way, u128), now: TimeMs) -> u32 {
        let known = self.0.get(&from).filter(|failures| !is_forgotten(failures, now));
        let count = known.map_or(0, |failures| failures.count).saturating_add(1);
        if !self.0.contains_key(&from) && self.0.len() >= ADDRESSES_MAX {
            self.0.retain(|_, failures| !is_forgotten(failures, now));
            let oldest = self.0.iter().min_by_key(|(_, failures)| failures.last);
            if let Some(oldest) = oldest
                .map(|(from, _)| *from)
                .filter(|_| self.0.len() >= ADDRESSES_MAX)
            {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(from, Failures { count, last: now });
        count
    }

    /// Whoever signs in well starts anew.
    pub fn succeeded(&mut self, from: (Way, u128)) {
        self.0.remove(&from);
    }
}

fn is_forgotten(failures: &Failures, now: TimeMs) -> bool {
    now.0 - failures.last.0 > REMEMBERED_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: TimeMs = TimeMs(1_000_000_000);

    fn of(address: u128) -> (Way, u128) {
        (Way::Form, address)
    }

    fn after(ms: i64) -> TimeMs {
        TimeMs(AT.0 + ms)
    }

    #[test]
    fn the_first_failures_cost_nothing_and_each_later_one_doubles_the_wait() {
        let mut failed = FailedSignIns::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            failed.failed(of(1), AT);
            waits.push(failed.wait_ms(of(1), AT));
        }
        assert_eq!(waits, [0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(failed.wait_ms(of(1), after(7_999)), 1);
        assert_eq!(failed.wait_ms(of(1), after(8_000)), 0);
        assert_eq!(failed.wait_ms(of(2), AT), 0, "another address waits for nobody");
        assert_eq!(failed.wait_ms((Way::Token, 1), AT), 0, "nor does another way in");
        for _ in 0..1_000 {
            failed.failed(of(1), AT);
        }
        assert_eq!(failed.wait_ms(of(1), AT), WAIT_MS_MAX);
        failed.succeeded(of(1));
        assert_eq!(failed.wait_ms(of(1), AT), 0);
    }

    #[test]
    fn failures_are_forgotten_and_addresses_bounded() {
        let mut failed = FailedSignIns::default();
        for _ in 0..9 {
            failed.failed(of(1), AT);
        }
        assert_eq!(failed.failed(of(1), after(REMEMBERED_MS + 1)), 1);
        for from in 0..20_000_u128 {
            failed.failed(of(from), after(i64::try_from(from).unwrap()));
        }
        assert_eq!(failed.0.len(), ADDRESSES_MAX);
        assert!(failed.0.contains_key(&of(19_999)) && !failed.0.contains_key(&of(2)));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let mut failed = FailedSignIns::default();
        for _ in 0..6 {
            failed.failed(of(1), AT);
        }
        assert_eq!(failed.wait_ms(of(1), after(-86_400_000)), 2_000);
    }
}

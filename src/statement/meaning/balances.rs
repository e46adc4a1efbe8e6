//! Running balances as proof: each row's direction and amount must lead from one balance to the next. Tables are
//! written from the oldest row down or from the newest, and some banks turn the rows of one day round; a wrong
//! direction or a missing row fits none of these.

use std::collections::HashMap;

use crate::vn::{Day, TimeMs};

/// Balances of one day that may wait for their neighbours; a day with more than this is followed in its order only.
const WAITING_MAX: usize = 200_000;

/// A row that does not lead to its balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Whose amount or direction does not fit.
    pub row: u64,
    /// The balance before it, what the row says came in (or went out, with a minus), and the balance after it.
    pub before: i64,
    pub moved: i64,
    pub after: i64,
}

/// What the running balances of a table come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There was nothing to compare.
    Nothing,
    /// This many rows lead from one balance to the next.
    Holds(u64),
    Breaks(Break),
}

/// Rows in one order.
#[derive(Debug, Clone, Copy, Default)]
struct Ordered {
    /// Downwards the balance before the next row; upwards the balance after it.
    expected: Option<i64>,
    /// The last row, its amount and its balance.
    last: Option<(u64, i64, i64)>,
    broken: Option<Break>,
    links: u64,
}

/// The balances of an account, row by row.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    down: Ordered,
    up: Ordered,
    opening: Option<i64>,
    day: Option<(Day, Option<TimeMs>)>,
    /// Days rise or fall somewhere; where they do neither, times.
    rises: bool,
    falls: bool,
    times: (bool, bool),
    /// Balances after rows of this day less balances before them: in whatever order the rows stand, only the first
    /// and the last remain.
    waiting: HashMap<i64, i32>,
    /// Something of this day is not known.
    is_loose: bool,
    days: Days,
}

/// Whole days, whatever the order of their rows.
#[derive(Debug, Clone, Copy, Default)]
struct Days {
    /// Where the last of them began and ended; none at the beginning and behind what is not known.
    last: Option<(i64, i64)>,
    /// Where the first one began and ended.
    first: Option<(i64, i64)>,
    /// Some day goes on from nowhere, read downwards or upwards.
    breaks_down: bool,
    breaks_up: bool,
}

impl Chain {
    pub(crate) fn new(opening: Option<i64>) -> Chain {
        Chain {
            down: Ordered {
                expected: opening,
                ..Ordered::default()
            },
            opening,
            ..Chain::default()
        }
    }

    /// Takes a row that moved this much and left this balance.
    pub(crate) fn add(
        &mut self,
        row: u64,
        (day, at): (Day, Option<TimeMs>),
        moved: i64,
        balance: Option<i64>,
    ) {
        match self.day {
            Some((last, before)) if last == day => {
                self.times.0 |= before.zip(at).is_some_and(|(before, at)| at > before);
                self.times.1 |= before.zip(at).is_some_and(|(before, at)| at < before);
            }
            Some((last, _)) => {
                self.rises |= day > last;
                self.falls |= day < last;
                self.end_day();
            }
            None => {}
        }
        self.day = Some((day, at));
        let Some(after) = balance else {
            // Some banks state a balance only beside the last row of several.
            self.down.expected = self.down.expected.map(|before| before.saturating_add(moved));
            self.up.expected = self.up.expected.map(|after| after.saturating_sub(moved));
            self.is_loose = true;
            return;
        };
        let before = after.saturating_sub(moved);
        if let Some(expected) = self.down.expected {
            self.down.links += 1;
            if expected != before && self.down.broken.is_none() {
                self.down.broken = Some(Break {
                    row,
                    before: expected,
                    moved,
                    after,
                });
            }
        }
        self.down.expected = Some(after);
        if let (Some(expected), Some((newer, newer_moved, newer_after))) = (self.up.expected, self.up.last) {
            self.up.links += 1;
            if expected != after && self.up.broken.is_none() {
                self.up.broken = Some(Break {
                    row: newer,
                    before: after,
                    moved: newer_moved,
                    after: newer_after,
                });
            }
        }
        self.up.expected = Some(before);
        self.up.last = Some((row, moved, after));
        self.down.last = Some((row, moved, after));
        if self.is_loose {
            return;
        }
        for (balance, count) in [(after, 1), (before, -1)] {
            let entry = self.waiting.entry(balance).or_insert(0);
            *entry += count;
            if *entry == 0 {
                self.waiting.remove(&balance);
            }
        }
        self.is_loose |= self.waiting.len() > WAITING_MAX;
    }

    /// A row of unknown amount: what follows cannot be led on from what came before.
    pub(crate) fn gap(&mut self) {
        self.down.expected = None;
        self.up.expected = None;
        self.is_loose = true;
    }

    /// What is left of a day's balances must be where it began and where it ended.
    fn end_day(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if std::mem::take(&mut self.is_loose) {
            self.days.last = None;
            return;
        }
        let one = |count: i32| {
            let mut found = waiting
                .iter()
                .filter(|(_, c)| **c == count)
                .map(|(balance, _)| *balance);
            found.next()
        };
        let (began, ended) = match (waiting.len(), one(-1), one(1)) {
            // A day that ends where it began does not say which of its balances that was.
            (0, ..) => return,
            (2, Some(began), Some(ended)) => (began, ended),
            _ => {
                self.days.breaks_down = true;
                self.days.breaks_up = true;
                return;
            }
        };
        if let Some((last_began, last_ended)) = self.days.last {
            self.days.breaks_down |= began != last_ended;
            self.days.breaks_up |= ended != last_began;
        }
        self.days.first.get_or_insert((began, ended));
        self.days.last = Some((began, ended));
    }

    /// What the balances come to, with the opening and closing balance that the table states, if it does.
    pub(crate) fn end(mut self, opening: Option<i64>, closing: Option<i64>) -> Verdict {
        self.end_day();
        let opening = self.opening.or(opening);
        let mut down = self.down;
        let mut up = self.up;
        if let (Some(opening), Some(before), Some((row, moved, after)), None) =
            (opening, up.expected, up.last, up.broken)
        {
            up.links += 1;
            if opening != before {
                up.broken = Some(Break {
                    row,
                    before: opening,
                    moved,
                    after,
                });
            }
        }
        if let (Some(closing), Some((row, moved, after)), None) = (closing, down.last, down.broken)
            && closing != after
        {
            let before = after.saturating_sub(moved);
            down.broken = Some(Break {
                row,
                before,
                moved,
                after: closing,
            });
        }
        if down.links == 0 && up.links == 0 {
            return Verdict::Nothing;
        }
        if !self.rises && !self.falls && self.times != (true, true) {
            (self.rises, self.falls) = self.times;
        }
        // Days that rise are written downwards, days that fall upwards; on one day it may be either.
        let may_be_down = self.rises || !self.falls;
        let may_be_up = self.falls || !self.rises;
        let holds = |may_be: bool, ordered: Ordered| {
            (may_be && ordered.broken.is_none() && ordered.links > 0).then_some(ordered.links)
        };
        if let Some(links) = holds(may_be_down, down).or_else(|| holds(may_be_up, up)) {
            return Verdict::Holds(links);
        }
        let Days {
            first,
            last,
            breaks_down,
            breaks_up,
        } = self.days;
        let is_edge = |stated: Option<i64>, found: Option<i64>| match (stated, found) {
            (Some(stated), Some(found)) => stated == found,
            _ => true,
        };
        let days_hold_down = may_be_down
            && !breaks_down
            && is_edge(opening, first.map(|day| day.0))
            && is_edge(closing, last.map(|day| day.1));
        let days_hold_up = may_be_up
            && !breaks_up
            && is_edge(opening, last.map(|day| day.0))
            && is_edge(closing, first.map(|day| day.1));
        if !(self.rises && self.falls) && first.is_some() && (days_hold_down || days_hold_up) {
            return Verdict::Holds(down.links.max(up.links));
        }
        let named = match (may_be_down, may_be_up) {
            (true, false) => down.broken,
            (false, true) => up.broken,
            // The order that goes on for longer is the one that the table is in.
            _ => match (down.broken, up.broken) {
                (Some(one), Some(other)) if other.row > one.row => Some(other),
                (one, other) => one.or(other),
            },
        };
        named.map_or(Verdict::Nothing, Verdict::Breaks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(rows: &[(i64, i64, i64)], opening: Option<i64>, closing: Option<i64>) -> Verdict {
        let mut chain = Chain::new(opening);
        for (at, (day, moved, balance)) in rows.iter().enumerate() {
            let day = Day::from_number(20_000 + day).unwrap();
            chain.add(at as u64 + 2, (day, None), *moved, Some(*balance));
        }
        chain.end(opening, closing)
    }

    #[test]
    fn either_order_holds_and_a_wrong_direction_does_not() {
        let rows = [(1, 65, 1065), (1, -20, 1045), (2, 35, 1080)];
        assert_eq!(verdict(&rows, None, None), Verdict::Holds(2));
        assert_eq!(verdict(&rows, Some(1000), Some(1080)), Verdict::Holds(3));
        let mut turned = rows;
        turned.reverse();
        assert!(matches!(verdict(&turned, Some(1000), None), Verdict::Holds(_)));
        let wrong = [(1, 65, 1065), (1, 20, 1045), (2, 35, 1080)];
        let Verdict::Breaks(broken) = verdict(&wrong, None, None) else {
            panic!("money that went out is not money in");
        };
        assert_eq!((broken.row, broken.before, broken.after), (3, 1065, 1045));
        assert!(matches!(verdict(&rows[..1], Some(900), None), Verdict::Breaks(_)));
        assert!(matches!(verdict(&rows, None, Some(1081)), Verdict::Breaks(_)));
        assert_eq!(verdict(&rows[..1], None, None), Verdict::Nothing);
    }

    #[test]
    fn equal_amounts_on_rising_days_are_not_taken_for_the_other_order() {
        let wrong = [(1, 20, 1020), (2, 20, 1000)];
        assert!(matches!(verdict(&wrong, None, None), Verdict::Breaks(_)));
    }

    proptest! {
        /// A bank that writes rows down, up, or down with each day turned round: right directions hold, one that is
        /// wrong does not, whichever it is.
        #[test]
        fn a_wrong_direction_is_found(
            amounts in proptest::collection::vec((0_i64..4, 1_i64..1_000_000, any::<bool>()), 2..30),
            dialect in 0_usize..3,
            flip in any::<prop::sample::Index>(),
        ) {
            let mut balance = 50_000_000;
            let mut days: Vec<i64> = amounts.iter().map(|a| a.0).collect();
            days.sort_unstable();
            let mut rows: Vec<(i64, i64, i64)> = Vec::new();
            for ((_, amount, is_in), day) in amounts.iter().zip(days) {
                let moved = if *is_in { *amount } else { -amount };
                balance += moved;
                rows.push((day, moved, balance));
            }
            match dialect {
                0 => {}
                1 => rows.reverse(),
                _ => {
                    let mut turned = Vec::new();
                    for day in 0..4 {
                        let mut of_day: Vec<_> = rows.iter().copied().filter(|row| row.0 == day).collect();
                        of_day.reverse();
                        turned.extend(of_day);
                    }
                    rows = turned;
                }
            }
            prop_assert!(matches!(verdict(&rows, Some(50_000_000), Some(balance)), Verdict::Holds(_)), "{:?}", rows);
            let at = flip.index(rows.len());
            rows[at].1 = -rows[at].1;
            prop_assert!(matches!(verdict(&rows, Some(50_000_000), Some(balance)), Verdict::Breaks(_)), "{:?}", rows);
        }
    }
}

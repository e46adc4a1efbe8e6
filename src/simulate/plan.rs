//! What is sent when: decided before the run begins, by the seed alone.

use std::str::FromStr;

use crate::notice::SampleKind;
use crate::vn::Dong;

/// Hundredths of a percent in a whole.
const WHOLE: u32 = 10_000;
/// A refund comes before one of this many payments that follow it.
const REFUND_REACH: usize = 64;
/// A repeat comes within this many events after the first try.
const REPEAT_REACH: u64 = 50;
/// The payee that stands for an account nobody registered.
const NOBODY: u32 = u32::MAX;

/// A part of a whole, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(u32);

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("wanted a percentage from 0% to 100% with at most two decimals{0}")]
pub struct ShareError(&'static str);

impl Share {
    /// So many percent, a hundred at most.
    pub const fn percent(percent: u32) -> Share {
        if percent < 100 {
            Share(percent * 100)
        } else {
            Share(WHOLE)
        }
    }

    /// So many of a count, truncated.
    pub fn of(self, count: u32) -> u32 {
        let part = u64::from(count) * u64::from(self.0) / u64::from(WHOLE);
        // At most the count itself.
        u32::try_from(part).unwrap_or(count)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    /// Reads `20%`, `0.5%` or `0,5%`; the sign may be missing.
    fn from_str(text: &str) -> Result<Share, ShareError> {
        let wrong = || ShareError("");
        let text = text.trim();
        let text = text.strip_suffix('%').unwrap_or(text);
        let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, "0"));
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(whole) || !is_plain(decimals) || whole.len() > 3 || decimals.len() > 2 {
            return Err(wrong());
        }
        let hundredths: u32 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
        if hundredths <= WHOLE {
            Ok(Share(hundredths))
        } else {
            Err(wrong())
        }
    }
}

/// Posts that come later than they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How many of all posts.
    pub share: Share,
    /// By how much, seconds.
    pub by_s: u32,
}

impl FromStr for Late {
    type Err = ShareError;

    /// Reads `5%:60`.
    fn from_str(text: &str) -> Result<Late, ShareError> {
        let wrong = || ShareError(", a colon, and 1 to 3600 seconds, e.g. 5%:60");
        let (share, by_s) = text.split_once(':').ok_or_else(wrong)?;
        let by_s = by_s.parse().ok().filter(|s| (1..=3600).contains(s));
        Ok(Late {
            share: share.parse().map_err(|_| wrong())?,
            by_s: by_s.ok_or_else(wrong)?,
        })
    }
}

/// What the events of a run are. Shares are of `count`, but for those that say otherwise; what no other
/// share takes is a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mix {
    /// Events: each is sent once, but for the missing; repeats come on top.
    pub count: u32,
    /// Of the good events that are sent: sent a second time.
    pub duplicates: Share,
    /// Posts in any order.
    pub is_shuffled: bool,
    /// Of all posts: later than they should be.
    pub late: Option<Late>,
    /// Happened, but are never sent.
    pub missing: Share,
    pub wrong_signatures: Share,
    /// Refunds, each before its payment.
    pub reversals: Share,
    /// Payments that did not happen.
    pub failed: Share,
    /// Payments to accounts that nobody registered.
    pub unknown_accounts: Share,
    /// Decides all of the above.
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Paid,
    Unknown,
    Refunded,
    Failed,
    Forged,
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub kind: SampleKind,
    pub is_forged: bool,
    /// For a refund: the index of its payment.
    pub payment: u32,
    /// Index of the payee; one past the last for nobody's account.
    pub payee: u32,
    pub amount: Dong,
    /// After the start of the run: when its first post is due, before any delay.
    pub occurred_ms: u32,
}

/// One request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Post {
    pub event: u32,
    /// After the start of the run.
    pub due_us: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    pub events: Vec<Event>,
    pub posts: Vec<Post>,
    /// Posts that are the second of their event.
    pub duplicates: u64,
    /// Posts that were put off.
    pub late: u64,
    /// Events that are never sent.
    pub missing: u64,
    /// What those would have paid.
    pub missing_vnd: i64,
}

impl Plan {
    /// None if the shares add up to more than there is.
    pub fn new(mix: &Mix, rate_per_s: u32, payees: usize) -> Option<Plan> {
        let mut random = fastrand::Rng::with_seed(mix.seed);
        let fates = fates(mix, &mut random)?;
        let mut plan = Plan {
            events: events(&fates, payees, &mut random),
            ..Plan::default()
        };
        let mut order = plan.order(mix, &fates, &mut random);
        if mix.is_shuffled {
            random.shuffle(&mut order);
        }
        plan.schedule(&order, u64::from(rate_per_s.max(1)));
        plan.put_off(mix.late, &mut random);
        Some(plan)
    }

    /// The events in the order of their posts; an event that is delivered twice stands twice.
    fn order(&mut self, mix: &Mix, fates: &[Fate], random: &mut fastrand::Rng) -> Vec<u32> {
        let mut good = Vec::new();
        let mut sent = Vec::with_capacity(fates.len());
        for (event, fate) in (0u32..).zip(fates) {
            match fate {
                Fate::Missing => {
                    self.missing += 1;
                    self.missing_vnd += self.events[event as usize].amount.vnd();
                    continue;
                }
                Fate::Forged => {}
                _ => good.push(event),
            }
            sent.push(event);
        }
        self.duplicates = u64::from(mix.duplicates.of(good.len() as u32));
        posting_order(&sent, good, mix.duplicates, random)
    }

    fn schedule(&mut self, order: &[u32], rate_per_s: u64) {
        for event in &mut self.events {
            event.occurred_ms = u32::MAX;
        }
        for (slot, &event) in (0u64..).zip(order) {
            let due_us = slot * 1_000_000 / rate_per_s;
            let due_ms = u32::try_from(due_us / 1000).unwrap_or(u32::MAX);
            let occurred_ms = &mut self.events[event as usize].occurred_ms;
            *occurred_ms = (*occurred_ms).min(due_ms);
            self.posts.push(Post { event, due_us });
        }
    }

    fn put_off(&mut self, late: Option<Late>, random: &mut fastrand::Rng) {
        let Some(late) = late else { return };
        let mut slots: Vec<usize> = (0..self.posts.len()).collect();
        random.shuffle(&mut slots);
        slots.truncate(late.share.of(slots.len() as u32) as usize);
        for &slot in &slots {
            self.posts[slot].due_us += u64::from(late.by_s) * 1_000_000;
        }
        self.late = slots.len() as u64;
        self.posts.sort_by_key(|post| post.due_us);
    }
}

/// The order in which these events are posted, the lower numbers first. Of the `repeatable` ones a share,
/// drawn by chance, is posted twice: again within 50 events of the first time.
pub fn posting_order(
    sent: &[u32],
    mut repeatable: Vec<u32>,
    duplicates: Share,
    random: &mut fastrand::Rng,
) -> Vec<u32> {
    random.shuffle(&mut repeatable);
    repeatable.truncate(duplicates.of(repeatable.len() as u32) as usize);
    let mut order: Vec<(u64, u32)> = sent.iter().map(|&event| (u64::from(event) * 2, event)).collect();
    let repeats = repeatable
        .into_iter()
        .map(|event| (u64::from(event) * 2 + 1 + 2 * random.u64(0..REPEAT_REACH), event));
    order.extend(repeats);
    order.sort_unstable();
    order.into_iter().map(|(_, event)| event).collect()
}

fn fates(mix: &Mix, random: &mut fastrand::Rng) -> Option<Vec<Fate>> {
    let parts = [
        (Fate::Missing, mix.missing),
        (Fate::Forged, mix.wrong_signatures),
        (Fate::Refunded, mix.reversals),
        (Fate::Failed, mix.failed),
        (Fate::Unknown, mix.unknown_accounts),
    ];
    let mut fates = Vec::with_capacity(mix.count as usize);
    for (fate, share) in parts {
        fates.extend(std::iter::repeat_n(fate, share.of(mix.count) as usize));
    }
    if fates.len() > mix.count as usize {
        return None;
    }
    fates.resize(mix.count as usize, Fate::Paid);
    random.shuffle(&mut fates);
    Some(fates)
}

/// One event for each fate. Refunds are joined with payments that follow them, so that they come first.
fn events(fates: &[Fate], payees: usize, random: &mut fastrand::Rng) -> Vec<Event> {
    let mut events: Vec<Event> = fates
        .iter()
        .map(|fate| Event {
            kind: match fate {
                Fate::Failed => SampleKind::Failed,
                _ => SampleKind::Payment,
            },
            is_forged: *fate == Fate::Forged,
            payment: 0,
            payee: match fate {
                Fate::Unknown => NOBODY,
                // As many payees as fit an index are paid; a register has fewer.
                _ => random.u32(0..u32::try_from(payees).unwrap_or(NOBODY).max(1)),
            },
            amount: Dong::new(i64::from(random.u32(8..=320)) * 1000),
            occurred_ms: 0,
        })
        .collect();
    let mut ahead: Vec<u32> = Vec::new();
    for index in (0..events.len()).rev() {
        match fates[index] {
            Fate::Paid => ahead.push(index as u32),
            // With no payment left to follow it, it stays a payment itself.
            Fate::Refunded if !ahead.is_empty() => {
                let back = random.usize(1..=ahead.len().min(REFUND_REACH));
                let payment = ahead.swap_remove(ahead.len() - back);
                let paid = &events[payment as usize];
                events[index] = Event {
                    kind: SampleKind::Refund,
                    payment,
                    ..paid.clone()
                };
            }
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    fn mix() -> Mix {
        Mix {
            count: 1000,
            duplicates: share("20%"),
            missing: share("1%"),
            wrong_signatures: share("2%"),
            reversals: share("3%"),
            failed: share("4%"),
            seed: 7,
            ..Mix::default()
        }
    }

    #[test]
    fn percentages_are_read_as_people_write_them() {
        for (text, of_10_000) in [
            ("20%", 2000),
            ("0.5%", 50),
            ("0,05%", 5),
            ("3", 300),
            ("100%", 10_000),
        ] {
            assert_eq!(share(text).of(10_000), of_10_000, "{text}");
        }
        assert_eq!(share("33.33%").of(100), 33, "truncated");
        assert_eq!(share("100%").of(u32::MAX), u32::MAX);
        for text in [
            "", "%", "-1%", "101%", "100.01%", "1.234%", "1.%", ".5%", "a%", "1%%", "１%", "9999",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        let late = Late {
            share: share("5%"),
            by_s: 60,
        };
        assert_eq!("5%:60".parse(), Ok(late));
        for text in ["5%", "5%:", "5%:0", "5%:3601", "5%:-1", ":60", "x:60"] {
            assert!(text.parse::<Late>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_plan_holds_exactly_what_was_asked() {
        let plan = Plan::new(&mix(), 100, 5).unwrap();
        let count = |test: fn(&Event) -> bool| plan.events.iter().filter(|e| test(e)).count();
        assert_eq!(count(|e| e.is_forged), 20);
        assert_eq!(count(|e| e.kind == SampleKind::Refund), 30);
        assert_eq!(count(|e| e.kind == SampleKind::Failed), 40);
        // A fifth of the 970 that are sent and good.
        assert_eq!((plan.missing, plan.duplicates), (10, 194));
        assert_eq!(plan.posts.len(), 990 + 194);
        assert!(plan.events.iter().all(|e| e.payee < 5));
        assert_eq!(
            plan,
            Plan::new(&mix(), 100, 5).unwrap(),
            "the seed decides everything"
        );
        assert_ne!(plan, Plan::new(&Mix { seed: 8, ..mix() }, 100, 5).unwrap());
        let too_much = Mix {
            missing: share("95%"),
            ..mix()
        };
        assert_eq!(Plan::new(&too_much, 100, 5), None);
    }

    #[test]
    fn posts_begin_at_an_even_pace() {
        let plan = Plan::new(&mix(), 300, 5).unwrap();
        for (slot, post) in (0u64..).zip(&plan.posts) {
            assert_eq!(post.due_us, slot * 1_000_000 / 300);
        }
        assert_eq!(plan.posts[300].due_us, 1_000_000);
    }

    #[test]
    fn a_refund_comes_before_its_payment_and_is_like_it() {
        let plan = Plan::new(&mix(), 100, 5).unwrap();
        let at = |event: usize| plan.posts.iter().position(|p| p.event as usize == event);
        let mut paid = Vec::new();
        for (index, event) in plan.events.iter().enumerate() {
            if event.kind != SampleKind::Refund {
                continue;
            }
            let payment = &plan.events[event.payment as usize];
            assert_eq!(payment.kind, SampleKind::Payment);
            assert_eq!((payment.payee, payment.amount), (event.payee, event.amount));
            assert!(at(index) < at(event.payment as usize));
            paid.push(event.payment);
        }
        paid.sort_unstable();
        paid.dedup();
        assert_eq!(paid.len(), 30, "no payment is refunded twice");
    }

    #[test]
    fn an_event_keeps_its_time_however_late_it_is_told() {
        let late = Mix {
            late: Some("10%:60".parse().unwrap()),
            is_shuffled: true,
            ..mix()
        };
        let plan = Plan::new(&late, 100, 5).unwrap();
        assert_eq!(plan.late, 118);
        assert!(plan.posts.is_sorted_by_key(|p| p.due_us));
        assert_eq!(plan.posts.iter().filter(|p| p.due_us >= 60_000_000).count(), 118);
        for post in &plan.posts {
            let occurred_ms = u64::from(plan.events[post.event as usize].occurred_ms);
            assert!(
                occurred_ms * 1000 <= post.due_us,
                "nothing is told before it happens"
            );
            assert!(occurred_ms < 12_000, "put off, not happened later");
        }
    }
}

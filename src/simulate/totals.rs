//! What the provider itself counts of a run, to be held against what the service counted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::plan::{Event, Plan};
use super::post::{Meaning, excerpt};
use super::schedule::Attempt;
use crate::notice::SampleKind;

/// Sentences kept of what went wrong.
const EXAMPLES_MAX: usize = 5;

/// How many, and what they pay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counted {
    pub count: u64,
    /// đồng.
    pub amount_vnd: i64,
}

impl Counted {
    fn one(&mut self, event: &Event) {
        self.count += 1;
        self.amount_vnd += event.amount.vnd();
    }

    fn add(&mut self, other: Counted) {
        self.count += other.count;
        self.amount_vnd += other.amount_vnd;
    }
}

/// Answers that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answers {
    pub status: u16,
    /// What the provider takes it for.
    pub meaning: String,
    pub count: u64,
    /// The first of them in the provider's own words; empty where the status is all.
    pub example: String,
}

/// Time from the scheduled moment to the answer, microseconds: waiting for a free connection counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Latency {
    pub p50_us: u32,
    /// One in a hundred took longer.
    pub p99_us: u32,
    /// One in a thousand took longer.
    pub p99_9_us: u32,
    pub max_us: u32,
}

/// What no provider should meet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Unexpected {
    /// Success was told for a proof that does not fit.
    pub wrong_signatures_accepted: u64,
    /// A good callback, or its repeat, was answered with an error word.
    pub good_ones_refused: u64,
    /// Given up after the last try: asked to send again, or no answer.
    pub given_up: u64,
    /// Not sent although there was time: the service was too slow.
    pub not_in_time: u64,
    /// The first few, in a sentence each.
    pub examples: Vec<String>,
}

/// The totals of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Requests sent, with repeats, retries and forgeries, without logins.
    pub sent: u64,
    /// Of them, payments under a good signature.
    pub payments: u64,
    pub refunds: u64,
    /// Of them, payments that did not happen.
    pub failed: u64,
    /// Of them, signed wrongly.
    pub wrong_signatures: u64,
    /// Of them, tried again since the try before was not kept.
    pub retries: u64,
    /// Planned second deliveries of an event.
    pub duplicates: u64,
    /// Planned posts that were put off.
    pub late: u64,
    /// Events that were never sent.
    pub missing: Counted,
    /// Planned, but not sent: told to stop, or out of time.
    pub unsent: u64,
    /// Distinct events that the service told success of: `received` of `choso recount --json`.
    pub accepted: Counted,
    pub accepted_payments: Counted,
    pub accepted_refunds: Counted,
    /// Of them, failed payments.
    pub accepted_failed: Counted,
    /// Successes told of an event for the second time or later: `repeats` of the recount, unless an
    /// answer got lost.
    pub repeats: u64,
    /// Answers by status and meaning.
    pub answers: Vec<Answers>,
    /// Requests without an answer.
    pub unanswered: u64,
    /// From the scheduled moment.
    pub latency: Latency,
    /// The furthest that a request began behind its schedule, milliseconds.
    pub behind_ms_max: u64,
    /// From the first to the last, milliseconds.
    pub elapsed_ms: u64,
    /// What no provider should meet.
    pub unexpected: Unexpected,
}

impl Totals {
    /// Whether every answer was what the provider expects.
    pub fn is_as_expected(&self) -> bool {
        let u = &self.unexpected;
        u.wrong_signatures_accepted + u.good_ones_refused + u.given_up + u.not_in_time == 0
    }
}

/// An answer as it came.
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
    pub took_us: u64,
    /// The first that tells success of its event.
    pub is_first: bool,
    pub is_last_try: bool,
}

/// What one worker counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Totals,
    answers: BTreeMap<(u16, String), (u64, String)>,
    latencies_us: Vec<u32>,
}

impl Tally {
    /// A request goes out, this far behind its schedule.
    pub fn began(&mut self, event: &Event, attempt: Attempt, late_us: u64) {
        let t = &mut self.totals;
        t.sent += 1;
        t.retries += u64::from(attempt.tries_before > 0);
        t.behind_ms_max = t.behind_ms_max.max(late_us / 1000);
        match (event.is_forged, event.kind) {
            (true, _) => t.wrong_signatures += 1,
            (false, SampleKind::Payment) => t.payments += 1,
            (false, SampleKind::Refund) => t.refunds += 1,
            (false, SampleKind::Failed) => t.failed += 1,
        }
    }

    /// No answer came; whether it is tried again.
    pub fn unanswered(&mut self, event: &Event, because: &str, is_last_try: bool) -> bool {
        self.totals.unanswered += 1;
        if is_last_try {
            self.totals.unexpected.given_up += 1;
            self.example(event, &format!("no answer: {because}"));
        }
        !is_last_try
    }

    /// An answer came; whether it is tried again.
    pub fn answered(&mut self, event: &Event, meaning: &Meaning, answer: Answer) -> bool {
        let Answer {
            status,
            body,
            took_us,
            is_first,
            is_last_try,
        } = answer;
        self.latencies_us.push(u32::try_from(took_us).unwrap_or(u32::MAX));
        self.answers
            .entry((status, meaning.word.clone()))
            .or_insert_with(|| (0, excerpt(&body).to_owned()))
            .0 += 1;
        let unexpected = &mut self.totals.unexpected;
        let wrong = match (event.is_forged, meaning.is_kept, meaning.is_again) {
            (false, true, _) => {
                self.kept(event, is_first);
                return false;
            }
            (true, false, false) => return false,
            (_, _, true) if !is_last_try => return true,
            (true, true, _) => &mut unexpected.wrong_signatures_accepted,
            (false, false, false) => &mut unexpected.good_ones_refused,
            (_, false, true) => &mut unexpected.given_up,
        };
        *wrong += 1;
        self.example(event, &format!("answered {status} {}", excerpt(&body)));
        false
    }

    fn kept(&mut self, event: &Event, is_first: bool) {
        let t = &mut self.totals;
        if !is_first {
            t.repeats += 1;
            return;
        }
        t.accepted.one(event);
        match event.kind {
            SampleKind::Payment => t.accepted_payments.one(event),
            SampleKind::Refund => t.accepted_refunds.one(event),
            SampleKind::Failed => t.accepted_failed.one(event),
        }
    }

    fn example(&mut self, event: &Event, what: &str) {
        let examples = &mut self.totals.unexpected.examples;
        if examples.len() < EXAMPLES_MAX {
            let proof = if event.is_forged { "wrongly signed" } else { "good" };
            let kind = match event.kind {
                SampleKind::Payment => "payment",
                SampleKind::Refund => "refund",
                SampleKind::Failed => "failed payment",
            };
            examples.push(format!("a {proof} {kind} of {} đ: {what}", event.amount.vnd()));
        }
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: Tally) {
        let t = &mut self.totals;
        let o = other.totals;
        t.sent += o.sent;
        t.payments += o.payments;
        t.refunds += o.refunds;
        t.failed += o.failed;
        t.wrong_signatures += o.wrong_signatures;
        t.retries += o.retries;
        t.accepted.add(o.accepted);
        t.accepted_payments.add(o.accepted_payments);
        t.accepted_refunds.add(o.accepted_refunds);
        t.accepted_failed.add(o.accepted_failed);
        t.repeats += o.repeats;
        t.unanswered += o.unanswered;
        t.behind_ms_max = t.behind_ms_max.max(o.behind_ms_max);
        let u = &mut t.unexpected;
        let v = o.unexpected;
        u.wrong_signatures_accepted += v.wrong_signatures_accepted;
        u.good_ones_refused += v.good_ones_refused;
        u.given_up += v.given_up;
        u.examples.extend(v.examples);
        u.examples.truncate(EXAMPLES_MAX);
        for (key, (count, example)) in other.answers {
            self.answers.entry(key).or_insert((0, example)).0 += count;
        }
        self.latencies_us.extend(other.latencies_us);
    }

    /// The totals of all workers together.
    pub fn totals(mut self, plan: &Plan, unsent: u64, was_stopped: bool, elapsed: Duration) -> Totals {
        let mut totals = self.totals;
        totals.duplicates = plan.duplicates;
        totals.late = plan.late;
        totals.missing = Counted {
            count: plan.missing,
            amount_vnd: plan.missing_vnd,
        };
        totals.unsent = unsent;
        totals.unexpected.not_in_time = if was_stopped { 0 } else { unsent };
        totals.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let answers = self.answers.into_iter();
        totals.answers = answers
            .map(|((status, meaning), (count, example))| Answers {
                status,
                meaning,
                count,
                example,
            })
            .collect();
        self.latencies_us.sort_unstable();
        let at = |per_thousand| percentile(&self.latencies_us, per_thousand);
        totals.latency = Latency {
            p50_us: at(500),
            p99_us: at(990),
            p99_9_us: at(999),
            max_us: at(1000),
        };
        totals
    }
}

/// The smallest value that so many thousandths do not exceed; zero of nothing.
pub fn percentile(sorted: &[u32], per_thousand: usize) -> u32 {
    let rank = (sorted.len() * per_thousand).div_ceil(1000);
    rank.checked_sub(1).map_or(0, |at| sorted[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<u32> = (1..=1000).collect();
        assert_eq!(percentile(&sorted, 500), 500);
        assert_eq!(percentile(&sorted, 999), 999);
        assert_eq!(percentile(&sorted, 1000), 1000);
        assert_eq!(percentile(&[7], 500), 7);
        assert_eq!(percentile(&[], 990), 0);
    }
}

//! The schedule of a run at work: hands out each post when it is due, and again when it is to be retried.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::plan::Post;

/// A provider tries this often, then gives up.
const TRIES_MAX: u8 = 3;
/// Before the second try; before the third it is twice as long.
const RETRY_DELAY_US: u64 = 1_000_000;
/// How often somebody who waits looks for a retry or the end.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// One try of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt {
    /// After the start of the run.
    pub due_us: u64,
    pub event: u32,
    pub tries_before: u8,
}

impl Attempt {
    pub fn is_last_try(self) -> bool {
        self.tries_before + 1 >= TRIES_MAX
    }
}

/// Hands out posts when they are due, and not before. One waits for the next moment, the others behind
/// it, so that nobody is woken for nothing.
pub(super) struct Schedule<'a> {
    posts: &'a [Post],
    started: Instant,
    gives_up: Instant,
    stop: &'a AtomicBool,
    waiting: Mutex<()>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    next: usize,
    retries: BinaryHeap<Reverse<Attempt>>,
    under_way: usize,
}

impl<'a> Schedule<'a> {
    /// The clock starts now.
    pub fn new(posts: &'a [Post], overtime: Duration, stop: &'a AtomicBool) -> Schedule<'a> {
        let started = Instant::now();
        let last_us = posts.last().map_or(0, |post| post.due_us);
        Schedule {
            posts,
            started,
            gives_up: started + Duration::from_micros(last_us) + overtime,
            stop,
            waiting: Mutex::default(),
            queue: Mutex::default(),
        }
    }

    /// The next try, when it is due; none when there is nothing more to do.
    pub fn take(&self) -> Option<Attempt> {
        let _waiting = locked(&self.waiting);
        loop {
            if self.stop.load(Ordering::Relaxed) || Instant::now() > self.gives_up {
                return None;
            }
            let wait = {
                let mut queue = locked(&self.queue);
                match queue.peek(self.posts) {
                    Some(attempt) => match attempt.due_us.saturating_sub(self.elapsed_us()) {
                        0 => {
                            queue.pop(attempt);
                            return Some(attempt);
                        }
                        early_us => Duration::from_micros(early_us).min(POLL_INTERVAL),
                    },
                    None if queue.under_way == 0 => return None,
                    // What is under way may have to be tried again.
                    None => POLL_INTERVAL,
                }
            };
            std::thread::sleep(wait);
        }
    }

    /// A try has ended; perhaps another one follows.
    pub fn done(&self, again: Option<Attempt>) {
        let mut queue = locked(&self.queue);
        queue.under_way -= 1;
        queue.retries.extend(again.map(|attempt| {
            Reverse(Attempt {
                due_us: self.elapsed_us() + RETRY_DELAY_US * (u64::from(attempt.tries_before) + 1),
                tries_before: attempt.tries_before + 1,
                ..attempt
            })
        }));
    }

    /// How far behind its schedule a try is now.
    pub fn late_us(&self, attempt: Attempt) -> u64 {
        self.elapsed_us().saturating_sub(attempt.due_us)
    }

    /// Tries that nobody took.
    pub fn unsent(&self) -> u64 {
        let queue = locked(&self.queue);
        (self.posts.len() - queue.next + queue.retries.len()) as u64
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Queue {
    fn peek(&self, posts: &[Post]) -> Option<Attempt> {
        let post = posts.get(self.next).map(|post| Attempt {
            due_us: post.due_us,
            event: post.event,
            tries_before: 0,
        });
        let retry = self.retries.peek().map(|Reverse(attempt)| *attempt);
        match (post, retry) {
            (Some(post), Some(retry)) => Some(if retry.due_us <= post.due_us { retry } else { post }),
            (post, retry) => post.or(retry),
        }
    }

    fn pop(&mut self, attempt: Attempt) {
        match attempt.tries_before {
            0 => self.next += 1,
            _ => {
                self.retries.pop();
            }
        }
        self.under_way += 1;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(event: u32, due_us: u64) -> Post {
        Post { event, due_us }
    }

    #[test]
    fn posts_come_in_order_and_the_line_ends() {
        let stop = AtomicBool::new(false);
        let posts = [post(0, 0), post(1, 10), post(2, 20)];
        let schedule = Schedule::new(&posts, Duration::from_secs(9), &stop);
        for event in 0..3 {
            let attempt = schedule.take().unwrap();
            assert_eq!((attempt.event, attempt.tries_before), (event, 0));
            schedule.done(None);
        }
        assert_eq!((schedule.take(), schedule.unsent()), (None, 0));
    }

    #[test]
    fn a_retry_comes_later_and_not_for_ever() {
        let stop = AtomicBool::new(false);
        let posts = [post(0, 0)];
        let schedule = Schedule::new(&posts, Duration::from_secs(9), &stop);
        let first = schedule.take().unwrap();
        schedule.done(Some(first));
        assert_eq!(schedule.unsent(), 1);
        let second = schedule.take().unwrap();
        assert_eq!(
            (second.event, second.tries_before, second.is_last_try()),
            (0, 1, false)
        );
        assert!(second.due_us >= RETRY_DELAY_US);
        assert!(
            Attempt {
                tries_before: 2,
                ..second
            }
            .is_last_try()
        );
    }

    #[test]
    fn told_to_stop_it_hands_out_nothing() {
        let stop = AtomicBool::new(true);
        let posts = [post(0, 0), post(1, 0)];
        let schedule = Schedule::new(&posts, Duration::from_secs(9), &stop);
        assert_eq!((schedule.take(), schedule.unsent()), (None, 2));
    }

    #[test]
    fn past_its_time_it_gives_up() {
        let stop = AtomicBool::new(false);
        let posts = [post(0, 0)];
        let schedule = Schedule::new(&posts, Duration::ZERO, &stop);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!((schedule.take(), schedule.unsent()), (None, 1));
    }
}

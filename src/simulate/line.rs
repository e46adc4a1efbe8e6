//! The schedule at work: who posts next, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::plan::Post;

/// A provider tries this often, then gives up.
const TRIES_MAX: u8 = 3;
/// Before the second try; before the third it is twice as long.
const RETRY_AFTER_US: u64 = 1_000_000;
/// How often somebody who waits looks for a retry or the end.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One try of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// After the start of the run.
    pub due_us: u64,
    pub event: u32,
    pub tries_before: u8,
}

impl Turn {
    pub fn is_last_try(self) -> bool {
        self.tries_before + 1 >= TRIES_MAX
    }
}

/// Hands out posts when they are due, and not before. One waits for the next moment, the others behind
/// it, so that nobody is woken for nothing.
pub(super) struct Line<'a> {
    posts: &'a [Post],
    started: Instant,
    gives_up: Instant,
    stop: &'a AtomicBool,
    turn: Mutex<()>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    next: usize,
    retries: BinaryHeap<Reverse<Turn>>,
    under_way: usize,
}

impl<'a> Line<'a> {
    /// The clock starts now.
    pub fn new(posts: &'a [Post], overtime: Duration, stop: &'a AtomicBool) -> Line<'a> {
        let started = Instant::now();
        let last_us = posts.last().map_or(0, |post| post.due_us);
        Line {
            posts,
            started,
            gives_up: started + Duration::from_micros(last_us) + overtime,
            stop,
            turn: Mutex::default(),
            queue: Mutex::default(),
        }
    }

    /// The next try, when it is due; none when there is nothing more to do.
    pub fn take(&self) -> Option<Turn> {
        let _turn = locked(&self.turn);
        loop {
            if self.stop.load(Ordering::Relaxed) || Instant::now() > self.gives_up {
                return None;
            }
            let wait = {
                let mut queue = locked(&self.queue);
                match queue.peek(self.posts) {
                    Some(turn) => match turn.due_us.saturating_sub(self.elapsed_us()) {
                        0 => {
                            queue.pop(turn);
                            return Some(turn);
                        }
                        early_us => Duration::from_micros(early_us).min(LOOK_AGAIN),
                    },
                    None if queue.under_way == 0 => return None,
                    // What is under way may have to be tried again.
                    None => LOOK_AGAIN,
                }
            };
            std::thread::sleep(wait);
        }
    }

    /// A try has ended; perhaps another one follows.
    pub fn done(&self, again: Option<Turn>) {
        let mut queue = locked(&self.queue);
        queue.under_way -= 1;
        queue.retries.extend(again.map(|turn| {
            Reverse(Turn {
                due_us: self.elapsed_us() + RETRY_AFTER_US * (u64::from(turn.tries_before) + 1),
                tries_before: turn.tries_before + 1,
                ..turn
            })
        }));
    }

    /// How far behind its schedule a try is now.
    pub fn late_us(&self, turn: Turn) -> u64 {
        self.elapsed_us().saturating_sub(turn.due_us)
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
    fn peek(&self, posts: &[Post]) -> Option<Turn> {
        let post = posts.get(self.next).map(|post| Turn {
            due_us: post.due_us,
            event: post.event,
            tries_before: 0,
        });
        let retry = self.retries.peek().map(|Reverse(turn)| *turn);
        match (post, retry) {
            (Some(post), Some(retry)) => Some(if retry.due_us <= post.due_us { retry } else { post }),
            (post, retry) => post.or(retry),
        }
    }

    fn pop(&mut self, turn: Turn) {
        match turn.tries_before {
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
        let line = Line::new(&posts, Duration::from_secs(9), &stop);
        for event in 0..3 {
            let turn = line.take().unwrap();
            assert_eq!((turn.event, turn.tries_before), (event, 0));
            line.done(None);
        }
        assert_eq!((line.take(), line.unsent()), (None, 0));
    }

    #[test]
    fn a_retry_comes_later_and_not_for_ever() {
        let stop = AtomicBool::new(false);
        let posts = [post(0, 0)];
        let line = Line::new(&posts, Duration::from_secs(9), &stop);
        let first = line.take().unwrap();
        line.done(Some(first));
        assert_eq!(line.unsent(), 1);
        let second = line.take().unwrap();
        assert_eq!(
            (second.event, second.tries_before, second.is_last_try()),
            (0, 1, false)
        );
        assert!(second.due_us >= RETRY_AFTER_US);
        assert!(
            Turn {
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
        let line = Line::new(&posts, Duration::from_secs(9), &stop);
        assert_eq!((line.take(), line.unsent()), (None, 2));
    }

    #[test]
    fn past_its_time_it_gives_up() {
        let stop = AtomicBool::new(false);
        let posts = [post(0, 0)];
        let line = Line::new(&posts, Duration::ZERO, &stop);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!((line.take(), line.unsent()), (None, 1));
    }
}

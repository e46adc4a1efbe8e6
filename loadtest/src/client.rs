//! The sending side: whole HTTP requests made and signed before the clock starts, and connections that
//! do nothing but write them and read the answers. What the client does beside that would be measured
//! as if the service had done it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use choso::simulate::percentile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::Result;

/// Room for the head and the body of an answer; a problem document is a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// A phase that takes longer is given up: signatures are good for 300 s and were made before it began.
const PHASE_TIMEOUT: Duration = Duration::from_secs(240);

/// Requests ready to be written, in one piece of memory that goes back to the system when dropped.
pub struct Prepared {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// What all of them pay together, đồng.
    pub amount_vnd: i64,
}

impl Prepared {
    /// Room for this many requests of about this size.
    pub fn with_capacity(requests: usize, bytes_each: usize) -> Prepared {
        Prepared {
            bytes: Vec::with_capacity(requests * bytes_each),
            ends: Vec::with_capacity(requests),
            amount_vnd: 0,
        }
    }

    pub fn push(&mut self, request: &[u8], amount_vnd: i64) {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
        self.amount_vnd += amount_vnd;
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The memory they hold, bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }
}

/// What a phase came to.
#[derive(Default)]
pub struct Outcome {
    /// From the first byte written to the last answer read.
    pub elapsed: Duration,
    /// Time until a callback was accepted, µs, sorted: from writing its request, or from the moment it was
    /// due where there is a schedule.
    pub latencies_us: Vec<u32>,
    pub statuses: BTreeMap<u16, usize>,
    /// Of the answers 503, those that say when to try again.
    pub retry_after: usize,
    /// Answers in each second of the phase, so that a stall shows in the raw run.
    pub per_second: Vec<u32>,
}

impl Outcome {
    /// Accepted callbacks a second.
    pub fn rate(&self) -> f64 {
        self.latencies_us.len() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub fn answers(&self) -> usize {
        self.statuses.values().sum()
    }

    /// Sentences about answers that are no success.
    pub fn wrong_answers(&self) -> Vec<String> {
        let others = self.statuses.iter().filter(|(status, _)| **status / 100 != 2);
        others
            .map(|(status, count)| format!("{count} callbacks were answered {status}"))
            .collect()
    }

    /// The latency that this many thousandths of the accepted did not exceed, µs; 1000 is the longest.
    pub fn percentile_us(&self, thousandths: usize) -> u32 {
        percentile(&self.latencies_us, thousandths)
    }

    /// Adds what another connection or thread saw.
    pub fn add(&mut self, other: Outcome) {
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latencies_us.extend(other.latencies_us);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.retry_after += other.retry_after;
        if self.per_second.len() < other.per_second.len() {
            self.per_second.resize(other.per_second.len(), 0);
        }
        for (sum, count) in self.per_second.iter_mut().zip(other.per_second) {
            *sum += count;
        }
    }

    pub fn answered(&mut self, answer: &Answer, latency: Duration, second: u64) {
        if answer.is_success() {
            self.latencies_us
                .push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        }
        *self.statuses.entry(answer.status).or_default() += 1;
        self.retry_after += usize::from(answer.status == 503 && answer.has_retry_after);
        let second = second as usize;
        if self.per_second.len() <= second {
            self.per_second.resize(second + 1, 0);
        }
        self.per_second[second] += 1;
    }
}

/// Posts all requests: a closed loop, each connection takes the next request when it has its answer.
/// Connections are spread over the addresses. The client's threads are its own, so that it never waits in
/// line behind the service's tasks.
pub fn post_all(
    addresses: &[SocketAddr],
    requests: &Arc<Prepared>,
    connections: usize,
    threads: usize,
) -> Result<Outcome> {
    let threads = threads.clamp(1, connections);
    let next = Arc::new(AtomicUsize::new(0));
    // All connections stand before the clock starts.
    let ready = Arc::new(Barrier::new(threads));
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let mine = connections / threads + usize::from(thread < connections % threads);
            let requests = requests.clone();
            let next = next.clone();
            let ready = ready.clone();
            let addresses = addresses.to_vec();
            std::thread::spawn(move || client_thread(&addresses, requests, next, ready, mine))
        })
        .collect();
    let mut all = Outcome::default();
    for worker in workers {
        all.add(worker.join().map_err(|_| "a client thread panicked")??);
    }
    all.latencies_us.sort_unstable();
    Ok(all)
}

fn client_thread(
    addresses: &[SocketAddr],
    requests: Arc<Prepared>,
    next: Arc<AtomicUsize>,
    ready: Arc<Barrier>,
    connections: usize,
) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let opened = open(addresses, connections).await;
        // Also with an error: the other threads wait for all.
        ready.wait();
        let started = Instant::now();
        let tasks: Vec<_> = opened?
            .into_iter()
            .map(|connection| tokio::spawn(post_in_turn(connection, requests.clone(), next.clone(), started)))
            .collect();
        let all = async {
            let mut sum = Outcome::default();
            for task in tasks {
                sum.add(task.await??);
            }
            Ok(sum)
        };
        match tokio::time::timeout(PHASE_TIMEOUT, all).await {
            Ok(sum) => sum,
            Err(_) => Err(format!(
                "not done within {} s; post fewer callbacks",
                PHASE_TIMEOUT.as_secs()
            )
            .into()),
        }
    })
}

/// Opens connections, spread evenly over the addresses.
pub async fn open(addresses: &[SocketAddr], connections: usize) -> Result<Vec<TcpStream>> {
    let mut opened = Vec::with_capacity(connections);
    for address in addresses.iter().cycle().take(connections) {
        opened.push(connect(*address).await?);
    }
    Ok(opened)
}

pub async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|e| format!("cannot connect to {address}: {e}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn post_in_turn(
    mut connection: TcpStream,
    requests: Arc<Prepared>,
    next: Arc<AtomicUsize>,
    started: Instant,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut buffer = Vec::new();
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = Instant::now();
        let answer = exchange(&mut connection, request, &mut buffer).await?;
        outcome.answered(&answer, sent.elapsed(), started.elapsed().as_secs());
    }
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

/// Writes a request and reads its answer. Nothing may follow it: the next request is not written yet. The
/// buffer only saves asking for memory each time.
pub async fn exchange(connection: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Result<Answer> {
    connection.write_all(request).await?;
    buffer.resize(ANSWER_BYTES_MAX, 0);
    let mut filled = 0;
    loop {
        let read = connection.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(
                "the service closed a connection in the middle of an answer, or the answer is too long"
                    .into(),
            );
        }
        filled += read;
        let Some(head) = head_length(&buffer[..filled]) else {
            continue;
        };
        let answer = Answer::of(&buffer[..head])?;
        match filled.cmp(&(head + answer.body_bytes)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Ok(answer),
            std::cmp::Ordering::Greater => return Err("more bytes came than the answer holds".into()),
        }
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// What matters of the head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Whether it says when to try again.
    pub has_retry_after: bool,
    body_bytes: usize,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    fn of(head: &[u8]) -> Result<Answer> {
        let head = std::str::from_utf8(head).map_err(|_| "an answer whose head is not text")?;
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or("an answer that is not HTTP/1.1")?;
        // 204 has no body and says no length; every other answer of the service says it.
        let header = |wanted: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value.trim()))
        };
        let body_bytes = match status {
            204 => 0,
            _ => header("content-length")
                .and_then(|value| value.parse().ok())
                .ok_or("an answer without content-length")?,
        };
        Ok(Answer {
            status,
            has_retry_after: header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok()),
            body_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let kept = b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n";
        assert_eq!(head_length(kept), Some(kept.len()));
        assert_eq!(
            Answer::of(kept).unwrap(),
            Answer {
                status: 204,
                has_retry_after: false,
                body_bytes: 0
            }
        );
        let refused = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\nretry-after: 1\r\n\r\n";
        assert_eq!(
            Answer::of(refused).unwrap(),
            Answer {
                status: 503,
                has_retry_after: true,
                body_bytes: 12
            }
        );
        assert!(Answer::of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(head_length(b"HTTP/1.1 204"), None);
    }

    #[test]
    fn requests_come_back_as_they_went_in() {
        let mut prepared = Prepared::with_capacity(2, 4);
        prepared.push(b"one", 1);
        prepared.push(b"three", 2);
        assert_eq!(prepared.get(0), Some(&b"one"[..]));
        assert_eq!(prepared.get(1), Some(&b"three"[..]));
        assert_eq!(prepared.get(2), None);
        assert_eq!((prepared.count(), prepared.amount_vnd), (2, 3));
    }
}

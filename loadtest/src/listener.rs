//! Somebody who listens to the live stream of receipts while others post.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;

use crate::client::connect;
use crate::error::Result;
use crate::payment_source::TOKEN;

/// How long after the last answer listeners may take to hear everything.
const HEARD_TIMEOUT: Duration = Duration::from_secs(20);

/// A listener to the live stream. It stops listening when it is dropped.
pub struct Listener {
    heard: Arc<Mutex<Receipts>>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Receipts {
    ids: HashSet<String>,
    /// Receipts that were told more than once.
    doubles: usize,
}

/// How many receipts were heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Different ones.
    pub receipts: usize,
    /// A second time.
    pub doubles: usize,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Listener {
    /// Listens to all receipts, or to a stall's; the stream stands when this returns.
    pub async fn open(address: SocketAddr, stall_id: Option<&str>) -> Result<Listener> {
        let mut stream = connect(address).await?;
        let query = stall_id.map_or(String::new(), |id| format!("?stall_id={id}"));
        let request = format!(
            "GET /api/v1/receipts/stream{query} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        // Lines between the events, such as the lengths of chunks, say nothing here.
        let mut lines = BufReader::new(stream).lines();
        let head = lines.next_line().await?.unwrap_or_default();
        if !head.contains(" 200 ") {
            return Err(format!("a listener was answered «{head}»").into());
        }
        while lines
            .next_line()
            .await?
            .is_some_and(|line| !line.starts_with("retry: "))
        {}
        let heard = Arc::new(Mutex::new(Receipts::default()));
        let hearing = heard.clone();
        let listening = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let data = line
                    .strip_prefix("data: ")
                    .and_then(|d| serde_json::from_str::<Value>(d).ok());
                let Some(id) = data.as_ref().and_then(|d| d["receipt_id"].as_str()) else {
                    continue;
                };
                let mut heard = hearing.lock().unwrap_or_else(PoisonError::into_inner);
                let is_new = heard.ids.insert(id.to_owned());
                heard.doubles += usize::from(!is_new);
            }
        });
        Ok(Listener { heard, listening })
    }

    /// What it heard so far.
    pub fn heard(&self) -> Heard {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Heard {
            receipts: heard.ids.len(),
            doubles: heard.doubles,
        }
    }

    /// Whether its stream has ended.
    pub fn is_closed(&self) -> bool {
        self.listening.is_finished()
    }
}

/// What all of them together have heard so far.
pub fn heard_by_all(listeners: &[Listener]) -> Heard {
    listeners
        .iter()
        .map(Listener::heard)
        .fold(Heard::default(), |sum, heard| Heard {
            receipts: sum.receipts + heard.receipts,
            doubles: sum.doubles + heard.doubles,
        })
}

/// Waits until all of them together have heard so many receipts, or the time is over; how long it was.
pub async fn until_heard(listeners: &[Listener], wanted: usize) -> Duration {
    let started = Instant::now();
    while heard_by_all(listeners).receipts < wanted && started.elapsed() < HEARD_TIMEOUT {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.elapsed()
}

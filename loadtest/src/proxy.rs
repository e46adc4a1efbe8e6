//! A TCP proxy that breaks connections on purpose: at random moments, also in the middle of what one side
//! is saying.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::Result;

/// While it is cutting, one piece of so many is passed on in part only, and the connection ends there.
const CUT_ONE_OF: u64 = 12;

/// Where a proxy leads to.
#[derive(Clone)]
pub enum Target {
    /// A port of this machine; it may change.
    Port(Arc<AtomicU16>),
}

/// A running proxy on a port of its own. It ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    target: Target,
    is_cutting: AtomicBool,
    random: Mutex<fastrand::Rng>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Starts it; it passes everything on until it is told to cut.
    pub async fn start(target: Target, seed: u64) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            target,
            is_cutting: AtomicBool::new(false),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        });
        let accepting = tokio::spawn(accept(listener, state.clone()));
        Ok(Proxy {
            address,
            state,
            accepting,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins or ends to cut.
    pub fn cut(&self, is_cutting: bool) {
        self.state.is_cutting.store(is_cutting, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            // A side that cannot be reached or goes away ends the connection: that is all a proxy can say.
            let _ = pass(client, &state).await;
        });
    }
}

async fn pass(client: TcpStream, state: &State) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    match &state.target {
        Target::Port(port) => {
            let server = TcpStream::connect(("127.0.0.1", port.load(Ordering::SeqCst))).await?;
            server.set_nodelay(true)?;
            both_ways(client, server, state).await
        }
    }
}

async fn both_ways(
    client: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    state: &State,
) -> std::io::Result<()> {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = tokio::io::split(server);
    // The first way to end ends both: the sockets are closed when this returns.
    tokio::select! {
        ended = one_way(from_client, to_server, state) => ended,
        ended = one_way(from_server, to_client, state) => ended,
    }
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
) -> std::io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        match state.cut_at(read) {
            None => to.write_all(&piece[..read]).await?,
            Some(at) => return to.write_all(&piece[..at]).await,
        }
    }
}

impl State {
    /// Where this piece is cut, if it is.
    fn cut_at(&self, bytes: usize) -> Option<usize> {
        if !self.is_cutting.load(Ordering::SeqCst) {
            return None;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        (random.u64(0..CUT_ONE_OF) == 0).then(|| random.usize(0..bytes))
    }
}

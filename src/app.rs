//! Builds the service from its settings, and says in which order it starts and stops.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as HttpApp, HttpServer, web};
use tokio::task::JoinHandle;

use crate::bank_directory::{BankDirectory, BanksFileError};
use crate::clock::now;
use crate::config::Config;
use crate::intake::{Announcer, Intake, KeyFile, KeyFileError, Keyring, ProviderHealth};
use crate::jobs::Jobs;
use crate::store::{Store, StoreError};
use crate::task::Task;
use crate::telemetry::Metrics;
use crate::turns::Turns;
use crate::web::{PageStates, Shared, routes};

/// How long requests under way may take once the service is told to stop.
const SHUTDOWN_TIMEOUT_S: u64 = 20;
/// A connection that says nothing for this long is closed; providers keep theirs open between callbacks.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    BanksFile(#[from] BanksFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {cause}; --listen or CHOSO_LISTEN names another address")]
    Listen {
        /// what was asked for
        address: SocketAddr,
        /// what the system says
        cause: std::io::Error,
    },
}

/// Whether the service could listen there, asked before anything is done that a taken address would make vain.
pub fn check_address(address: SocketAddr) -> Result<(), StartError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(cause) => Err(StartError::Listen { address, cause }),
    }
}

/// A running service. Several may run in one process; each has its own port, queue, pool and turns.
pub struct App {
    address: SocketAddr,
    store: Arc<Store>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    turns: Arc<Turns>,
    /// None where nothing is kept.
    writer: Option<Task>,
    jobs: Task,
    announcer: Task,
}

impl App {
    /// Opens the database, starts the writer, then listens; it answers when this returns.
    pub async fn start(config: &Config) -> Result<App, StartError> {
        App::build(config, true).await
    }

    /// The same service with an intake that keeps nothing: the ceiling of `loadtest`.
    pub async fn start_discarding(config: &Config) -> Result<App, StartError> {
        App::build(config, false).await
    }

    async fn build(config: &Config, keeps: bool) -> Result<App, StartError> {
        let key_file = KeyFile::read(&config.key_file)?;
        check_address(config.listen)?;
        let store = Arc::new(Store::open(&config.database_url).await?);
        let sealing_key = key_file.key_in_use(&store, now()).await?;
        let metrics = Arc::new(Metrics::default());
        let (intake, writer) = if keeps {
            let (intake, writer) = Intake::start(store.clone(), config.intake_limits(), metrics.clone());
            (intake, Some(writer))
        } else {
            (Intake::discarding(), None)
        };
        let banks = Arc::new(BankDirectory::open(config.banks_file.clone())?);
        let turns = Arc::new(Turns::default());
        let keyring = Keyring::new(store.clone(), sealing_key);
        let health = Arc::new(ProviderHealth::default());
        let jobs = Jobs {
            store: store.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            banks: banks.clone(),
            turns: turns.clone(),
        };
        let jobs = jobs.start(config);
        let (announcements, announcer) = Announcer::start(store.clone(), intake.clone()).await?;
        let bound = Arc::new(OnceLock::new());
        let shared = web::Data::new(Shared {
            store: store.clone(),
            intake,
            announcer: announcements,
            keyring,
            banks,
            public_host: config.public_host.clone(),
            address: bound.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            failed_sign_ins: Mutex::default(),
            statement_inbox: config.statement_inbox.clone(),
            calendar: config.calendar.clone(),
            account_change_wait_ms: config.account_change_wait_ms(),
            second_person_above_vnd: config.second_person_above_vnd,
            health,
            metrics,
            turns: turns.clone(),
        });
        let cannot_listen = |cause| StartError::Listen {
            address: config.listen,
            cause,
        };
        let pages = PageStates::default();
        let serve = move || {
            HttpApp::new()
                .app_data(shared.clone())
                .configure(|to| pages.clone().configure(to))
                .configure(routes)
        };
        let server = HttpServer::new(serve)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
            .disable_signals()
            .bind(config.listen)
            .map_err(cannot_listen)?;
        let address = server.addrs()[0];
        // Nobody else sets it, and no request comes before the server runs.
        let _ = bound.set(address);
        let server = server.run();
        let handle = server.handle();
        Ok(App {
            address,
            store,
            server: handle,
            serving: tokio::spawn(server),
            turns,
            writer,
            jobs,
            announcer,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The database it serves.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What it does one piece at a time.
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }

    /// Stops one part after the other, each of which may still need those that follow:
    /// 1. the announcer, and with it live streams: they never end by themselves, and the server would wait for them;
    /// 2. the server: no new connections, requests under way finish;
    /// 3. the writer, once nobody hands it anything more: it writes what it has taken;
    /// 4. the jobs, which add the last counts of those requests;
    /// 5. the database.
    pub async fn stop(self) {
        self.announcer.stop().await;
        self.server.stop(true).await;
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the server ended badly");
        }
        if let Some(writer) = self.writer {
            writer.stop().await;
        }
        self.jobs.stop().await;
        self.store.close().await;
    }
}

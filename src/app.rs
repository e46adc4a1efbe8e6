//! Builds the service from its settings, and says in which order it starts and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as HttpApp, HttpServer, web};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{BankDirectory, Config, ConfigError};
use crate::intake::{Announcer, Intake, Keyring, ProviderHealth};
use crate::jobs;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::web::{PageStates, Shared, routes};

/// How long requests under way may take once the service is told to stop.
const STOP_WITHIN_S: u64 = 20;
/// A connection that says nothing for this long is closed; providers keep theirs open between callbacks.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings or the key file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// what was asked for
        address: SocketAddr,
        /// what the system says
        cause: std::io::Error,
    },
}

/// A running service. Several may run in one process; each has its own port, queue and pool.
pub struct App {
    address: SocketAddr,
    store: Arc<Store>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    writer: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    jobs: (oneshot::Sender<()>, JoinHandle<()>),
    announcer: (oneshot::Sender<()>, JoinHandle<()>),
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
        let sealing_key = config.sealing_key()?;
        let store = Arc::new(Store::open(&config.database_url).await?);
        let metrics = Arc::new(Metrics::default());
        let (intake, writer) = if keeps {
            let (intake, stop, writer) = Intake::start(store.clone(), config.intake, metrics.clone());
            (intake, Some((stop, writer)))
        } else {
            (Intake::discarding(), None)
        };
        let banks = BankDirectory::open(config.banks_file.clone())?;
        let keyring = Keyring::new(store.clone(), sealing_key);
        let health = Arc::new(ProviderHealth::default());
        let jobs = jobs::start(config, store.clone(), health.clone(), metrics.clone());
        let (announcer, stop_telling, telling) = Announcer::start(store.clone(), intake.clone()).await?;
        let shared = web::Data::new(Shared {
            store: store.clone(),
            intake,
            announcer,
            keyring,
            banks,
            public_host: config.public_host.clone(),
            statement_inbox: config.statement_inbox.clone(),
            calendar: config.calendar.clone(),
            account_change_wait_ms: config.account_change_wait_ms,
            second_person_above_vnd: config.second_person_above_vnd,
            health,
            metrics,
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
            .shutdown_timeout(STOP_WITHIN_S)
            .disable_signals()
            .bind(config.listen)
            .map_err(cannot_listen)?;
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        Ok(App {
            address,
            store,
            server: handle,
            serving: tokio::spawn(server),
            writer,
            jobs,
            announcer: (stop_telling, telling),
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

    /// Stops: live streams end, no new connections, requests under way finish, the writer writes what it has taken, the
    /// database is closed.
    pub async fn stop(self) {
        // Streams never end by themselves; the server would wait for them.
        let (stop, telling) = self.announcer;
        let _ = stop.send(());
        if let Err(error) = telling.await {
            tracing::error!(%error, "the announcer ended badly");
        }
        self.server.stop(true).await;
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the server ended badly");
        }
        if let Some((stop, writer)) = self.writer {
            let _ = stop.send(());
            if let Err(error) = writer.await {
                tracing::error!(%error, "the writer ended badly");
            }
        }
        let (stop, jobs) = self.jobs;
        let _ = stop.send(());
        if let Err(error) = jobs.await {
            tracing::error!(%error, "the jobs ended badly");
        }
        self.store.close().await;
    }
}

//! A whole service in this process, on a port and a database of its own.

use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use choso::access::{NONCE_BYTES, Scope, SealingKey, key_purpose, token_sha256};
use choso::app::App;
use choso::clock::now;
use choso::config::{Config, RawConfig};
use choso::intake::KeyFile;
use choso::ledger::LedgerNo;
use choso::notice::{Evidence, Scheme, Secrets, scheme};
use choso::store::{NewProvider, NewSession, Recount, Store};
use choso::vn::TimeMs;
use serde_json::Value;
use sqlx::SqliteConnection;
use tokio::runtime::Runtime;

use super::http::{self, Answer};
use super::{
    Database, KEPT, REGISTER, SECRET, actor, assert_sound, payment, register_file, registered_at, with,
};

/// A running service with provider `p` and the invented register. Closing it asserts that conservation
/// holds and that a recount agrees.
pub struct TestApp {
    /// Where it keeps things.
    pub database: Database,
    /// Its settings.
    pub config: Config,
    /// Taken when it is stopped.
    app: Option<App>,
    runtime: Runtime,
}

impl TestApp {
    /// A service on SQLite.
    pub fn sqlite() -> TestApp {
        TestApp::start(Database::sqlite())
    }

    /// A service on this database.
    pub fn start(database: Database) -> TestApp {
        TestApp::start_with(database, RawConfig::default())
    }

    /// A service on this database with these settings besides.
    pub fn start_with(database: Database, settings: RawConfig) -> TestApp {
        let config = settings_of(&database, settings);
        let runtime = Runtime::new().expect("a runtime");
        let app = runtime.block_on(App::start(&config)).expect("the service starts");
        let app = TestApp {
            database,
            config,
            app: Some(app),
            runtime,
        };
        app.add_provider("p", SECRET);
        app.register(REGISTER);
        app
    }

    /// The service inside.
    pub fn app(&self) -> &App {
        self.app.as_ref().expect("running until it is dropped")
    }

    /// Stops it as SIGTERM would; a second time does nothing.
    pub fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            self.runtime.block_on(app.stop());
        }
    }

    /// Lets go of a lock on the database once the service no longer takes connections.
    pub fn unlock_when_stopping(&self, mut lock: SqliteConnection) -> JoinHandle<()> {
        let runtime = self.runtime.handle().clone();
        let address = self.address();
        std::thread::spawn(move || {
            until("it takes no connections any more", || {
                TcpStream::connect(address).is_err()
            });
            runtime
                .block_on(async { sqlx::query("ROLLBACK").execute(&mut lock).await })
                .expect("the lock goes");
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.app().address()
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        self.app().store()
    }

    /// Waits for something of the service.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Adds a provider whose first key is `k1`.
    pub fn add_provider(&self, id: &str, secret_text: &str) {
        let native = scheme("standard", None).expect("the native profile");
        self.add_provider_of(
            id,
            native,
            &Secrets::from_pairs([("signing_secret", secret_text)]),
        );
    }

    /// Adds a provider of any scheme, whose first key is `k1`.
    pub fn add_provider_of(&self, id: &str, scheme: &Scheme, secrets: &Secrets) {
        let new = NewProvider {
            provider_id: id.to_owned(),
            profile: scheme.profile.to_owned(),
            scheme: scheme.name.to_owned(),
            key_id: "k1".to_owned(),
            sealed_secret: self.seal_all(id, "k1", secrets),
        };
        self.run(self.store().add_provider(&new, now()))
            .expect("a new provider");
    }

    /// A person with this token, who is signed in with a session of the same text: `choso_session=TOKEN`.
    pub fn person(&self, name: &str, token: &str) {
        let sha256 = token_sha256(token);
        let session = NewSession {
            session_sha256: &sha256,
            device: "",
            expires_at: TimeMs(now().0 + 86_400_000),
        };
        self.run(async {
            let store = self.store();
            store
                .add_token(name, &sha256, false, now())
                .await
                .expect("a token");
            let signed_in = store.sign_in(&sha256, session, now()).await.expect("an answer");
            assert_eq!(signed_in.as_deref(), Some(name));
        });
    }

    /// A program with this token that may hear receipts.
    pub fn listener(&self, name: &str, token: &str) {
        let sha256 = token_sha256(token);
        let added = self
            .store()
            .add_program_token(name, &sha256, &[Scope::Receipts], false, now());
        self.run(added).expect("a token");
    }

    /// Every kept callback, in the order of their batches.
    pub fn evidence(&self) -> Vec<Evidence> {
        let rows = self
            .run(self.store().evidence_after(LedgerNo::default(), 1000))
            .expect("the chain");
        let kept = rows
            .iter()
            .filter_map(|row| row.kept_callbacks().expect("readable evidence"));
        kept.flatten().map(|callback| callback.evidence).collect()
    }

    /// The key in its key file.
    pub fn sealing_key(&self) -> SealingKey {
        let key_file = KeyFile::read(&self.config.key_file).expect("the key file");
        key_file.key().expect("the service made it").clone()
    }

    /// A secret sealed for a provider's key.
    pub fn seal(&self, provider_id: &str, key_id: &str, secret_text: &str) -> String {
        let secrets = Secrets::from_pairs([("signing_secret", secret_text)]);
        self.seal_all(provider_id, key_id, &secrets)
    }

    /// The secrets of a provider's key, sealed.
    fn seal_all(&self, provider_id: &str, key_id: &str, secrets: &Secrets) -> String {
        let key = self.sealing_key();
        let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|_| fastrand::u8(..));
        key.seal(&secrets.to_json(), &key_purpose(provider_id, key_id), nonce)
    }

    /// Keeps rows of a register file.
    pub fn register(&self, rows: &str) {
        let units = self.run(self.store().units()).expect("units");
        let file = register_file(rows, &units);
        assert_eq!(file.faults, [], "every row can be read");
        self.run(
            self.store()
                .keep_register(&file.households, KEPT, actor("thu", registered_at()), |_| {}),
        )
        .expect("the register is kept");
    }

    /// Sends a callback of `p`, rightly signed.
    pub fn post(&self, webhook_id: &str, body: &Value) -> Answer {
        self.post_bytes(webhook_id, body.to_string().as_bytes())
    }

    /// Sends bytes as a callback of `p`, rightly signed.
    pub fn post_bytes(&self, webhook_id: &str, body: &[u8]) -> Answer {
        post_to(self.address(), SECRET, webhook_id, body).expect("an answer")
    }

    /// Sends a request without a body.
    pub fn get(&self, path: &str) -> Answer {
        http::send(self.address(), "GET", path, &[], b"")
    }

    /// Counts everything anew.
    pub fn recount(&self) -> Recount {
        self.run(self.store().recount()).expect("a recount")
    }

    /// How many items were received and how many receipts there are.
    pub fn received_and_receipts(&self) -> (i64, i64) {
        let recount = self.recount();
        (recount.totals.received.count, recount.receipts)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            return;
        }
        let recount = self.runtime.block_on(async {
            let store = Store::open(&self.database.url)
                .await
                .expect("the store opens again");
            let recount = store.recount().await.expect("a recount");
            store.close().await;
            recount
        });
        assert_sound(&recount);
    }
}

/// Settings of a service on this database: any free port, the key file in the test's folder.
pub fn settings_of(database: &Database, settings: RawConfig) -> Config {
    let key_file = database.folder.path().join("choso.key");
    let own = RawConfig::default()
        .with("database_url", database.url.as_str())
        .with("listen", "127.0.0.1:0")
        .with("key_file", key_file.display().to_string());
    settings.or(own).check().expect("settings")
}

/// Sends a signed callback to provider `p` of the service at this address.
pub fn post_to(to: SocketAddr, secret: &str, webhook_id: &str, body: &[u8]) -> std::io::Result<Answer> {
    let signed = http::signed(secret, webhook_id, body);
    let headers: Vec<(&str, &str)> = signed.iter().map(|(n, v)| (*n, v.as_str())).collect();
    http::try_send(to, "POST", "/callbacks/p", &headers, body)
}

/// A payment without a time of its own, so that it belongs to the day on which this service receives it
/// and is the same bytes at every try.
pub fn payment_now(id: &str, amount: i64) -> Value {
    with(payment(id, amount), "occurred_at", Value::Null)
}

/// Waits until it holds, looking again and again; says what was awaited when it never does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

//! What the tests stand on: databases that were empty a moment ago, a store or a whole service on one,
//! signed notices, and HTTP by hand.

#[path = "../support/browser.rs"]
pub mod browser;
#[path = "../support/cluster.rs"]
pub mod cluster;
pub mod http;
pub mod service;
pub mod workbook;

use std::future::Future;
use std::sync::Mutex;

use choso::access::{NONCE_BYTES, SealingKey, key_purpose};
use choso::indicators::Facts;
use choso::notice::{Delivery, Provider, Received, Request, Secrets, parse_secret, scheme, sign};
use choso::places::{NewStreets, Units};
use choso::register::{AccountLengths, CodeEnd, Reading, RegisterFile, SHAPE, read_register};
use choso::settlement::Reconciler;
use choso::store::{
    Actor, Arrival, CodeEnding, Creation, Import, NewCode, NewKey, NewProvider, NewTerminal, Posted, Recount,
    RegisterKept, Store, StoreError, WriterMemory,
};
use choso::table;
use choso::vn::{Day, Secret, TimeMs, WorkingCalendar};
use cluster::Cluster;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The secret of the invented provider `p`: 32 bytes of nothing in particular.
pub const SECRET: &str = "whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=";
/// A second one, for rotation and forgery.
pub const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The header of a register file (docs/spec/contract.md, section 2).
pub const HEADER: &str = "household_ref,household_name,class,trading_status,unit_code,street,house_number,market,stall_number,stall_code,bank_bin,account_number,account_holder,holder_relation,phone,from,code_from\n";

/// An invented register. `one` has a stall and an account of its own; `two` has two stalls with one
/// account; `tre` and `bon` lend each other one; the number of `nam` is also one of `sau` at another bank.
pub const REGISTER: &str = "\
one,Hộ Thử Một,registered,trading,20242,Đường Thử,1,,,,970415,00000011,HO THU MOT,owner,,2025-08-01,2026-01-10
two,Hộ Thử Hai,registered,trading,20242,,,Chợ Thử,1,HC7K3M9J,970415,00000022,HO THU HAI,owner,,2025-08-01,
two,Hộ Thử Hai,registered,trading,20242,,,Chợ Thử,2,ABCDEFG7,970415,00000022,HO THU HAI,owner,,2025-08-01,
tre,Hộ Thử Ba,street_vendor,trading,20242,Đường Thử,3,,,THU3THUS,970415,00000033,HO THU BA,owner,,2025-08-01,
bon,Hộ Thử Bốn,street_vendor,trading,20242,Đường Thử,4,,,THU4THUF,970415,00000033,HO THU BA,other,,2025-08-01,
nam,Hộ Thử Năm,registered,trading,20242,Đường Thử,5,,,,970415,00000055,HO THU NAM,owner,,2025-08-01,
sau,Hộ Thử Sáu,registered,trading,20242,Đường Thử,6,,,,970422,00000055,HO THU SAU,owner,,2025-08-01,
";

/// How tests keep rows of a register file: whatever street they name is made.
pub const KEPT: Import = Import {
    dry_run: false,
    new_streets: NewStreets::Made,
};

/// Rows of a register file as they are read on [`market_day`].
pub fn register_file(rows: &str, units: &Units) -> RegisterFile {
    let table = table::read(format!("{HEADER}{rows}").as_bytes(), &SHAPE).expect("a register file");
    let reading = Reading {
        units,
        account_lengths: &AccountLengths::default(),
        today: market_day(),
    };
    read_register(table, reading)
}

/// When the register is kept, unless a test says otherwise.
pub fn registered_at() -> TimeMs {
    Day::ymd(2025, 8, 1).start()
}

/// The business day of [`payment`].
pub fn market_day() -> Day {
    Day::ymd(2026, 3, 1)
}

/// When notices arrive, unless a test says otherwise: noon of [`market_day`].
pub fn noon() -> TimeMs {
    TimeMs(market_day().start().0 + 12 * 3_600_000)
}

/// A database that was empty a moment ago.
pub struct Database {
    /// As `CHOSO_DATABASE_URL` would name it.
    pub url: String,
    /// Holds the SQLite file and the key file; gone when the test is over.
    pub folder: TempDir,
}

impl Database {
    /// A SQLite file that is not there yet.
    pub fn sqlite() -> Database {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("choso.db").display());
        Database { url, folder }
    }

    /// A new database on the cluster of all tests. Without a cluster the test is reported as skipped.
    pub fn postgres(name: &str) -> Option<Database> {
        match Cluster::shared() {
            Ok(cluster) => Some(Database::on(cluster, name)),
            Err(why) => {
                browser::skip(name, why);
                None
            }
        }
    }

    /// A new database on this cluster.
    pub fn on(cluster: &Cluster, name: &str) -> Database {
        let short = name.rsplit("::").next().unwrap_or(name);
        Database {
            url: cluster.fresh_database(short),
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// Runs statements on a connection of its own, past the store: to tamper, or to lock.
    pub async fn execute(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if self.url.starts_with("sqlite:") {
            let mut c = SqliteConnection::connect(&self.url).await.expect("a connection");
            sqlx::raw_sql(sql).execute(&mut c).await.expect("the statement");
        } else {
            let mut c = PgConnection::connect(&self.url).await.expect("a connection");
            sqlx::raw_sql(sql).execute(&mut c).await.expect("the statement");
        }
    }

    /// The rows of a query whose columns are text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let rows: Vec<(String,)> = if self.url.starts_with("sqlite:") {
            let mut c = SqliteConnection::connect(&self.url).await.expect("a connection");
            sqlx::query_as(sql).fetch_all(&mut c).await.expect("the query")
        } else {
            let mut c = PgConnection::connect(&self.url).await.expect("a connection");
            sqlx::query_as(sql).fetch_all(&mut c).await.expect("the query")
        };
        rows.into_iter().map(|r| r.0).collect()
    }
}

/// Writes each case as two tests, `sqlite::CASE` and `postgres::CASE`. A case takes a [`Database`].
macro_rules! on_both {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[test] fn $case() { super::$case(crate::support::Database::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $case() {
                let name = concat!(module_path!(), "::", stringify!($case));
                if let Some(database) = crate::support::Database::postgres(name) { super::$case(database); }
            })*
        }
    };
}
pub(crate) use on_both;

/// A store on a database of its own, driven from a plain test. Closing it asserts that conservation
/// holds and that every counter agrees with what it counts.
pub struct Books {
    /// Where it is kept.
    pub database: Database,
    /// The store under test.
    pub store: Store,
    /// Weekends and fixed holidays, and nothing else that is off.
    pub calendar: WorkingCalendar,
    memory: Mutex<WriterMemory>,
    runtime: Runtime,
    is_tampered: bool,
}

impl Books {
    /// Takes statements in and reconciles days as of a time.
    pub fn reconciler(&self, now: TimeMs) -> Reconciler<'_> {
        Reconciler {
            store: &self.store,
            calendar: &self.calendar,
            now,
        }
    }

    /// An empty store.
    pub fn open(database: Database) -> Books {
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime
            .block_on(Store::open(&database.url))
            .expect("the store opens");
        Books {
            database,
            store,
            calendar: WorkingCalendar::default(),
            memory: Mutex::default(),
            runtime,
            is_tampered: false,
        }
    }

    /// A store that holds [`REGISTER`].
    pub fn with_register(database: Database) -> Books {
        let books = Books::open(database);
        let kept = books.register(REGISTER, registered_at());
        assert_eq!((kept.faults.len(), kept.new_households), (0, 6), "{kept:?}");
        books
    }

    /// Waits for the store.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Creates something in one transaction.
    pub fn create<T>(
        &self,
        work: impl AsyncFnOnce(&mut Creation) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run(self.store.create(work))
    }

    /// Keeps rows of a register file; every row must be readable.
    pub fn register(&self, rows: &str, now: TimeMs) -> RegisterKept {
        let units = self.run(self.store.units()).expect("units");
        let file = register_file(rows, &units);
        assert_eq!(file.faults, [], "every row can be read");
        self.run(
            self.store
                .keep_register(&file.households, KEPT, actor("thu", now), |_| {}),
        )
        .expect("the register is kept")
    }

    /// Posts one batch in which everything arrives at noon.
    pub fn post(&self, batch: &[Delivery]) -> Posted {
        self.post_at(batch, noon())
    }

    /// Posts one batch that arrives at this time.
    pub fn post_at(&self, batch: &[Delivery], received_at: TimeMs) -> Posted {
        let mut memory = self.memory.lock().expect("one test, one thread");
        self.run(self.store.post(&arrivals(batch, received_at), &mut memory))
            .expect("the batch is posted")
    }

    /// Posts as a writer would that has just started and remembers nothing.
    pub fn post_cold(&self, batch: &[Delivery], received_at: TimeMs) -> Posted {
        let mut memory = WriterMemory::default();
        self.run(self.store.post(&arrivals(batch, received_at), &mut memory))
            .expect("the batch is posted")
    }

    /// Runs statements behind the store's back that leave its sums as they are.
    pub fn execute(&self, sql: &str) {
        self.run(self.database.execute(sql));
    }

    /// Counts everything anew.
    pub fn recount(&self) -> Recount {
        self.run(self.store.recount()).expect("a recount")
    }

    /// (received, posted, quarantined, ignored, repeats) by count.
    pub fn counts(&self) -> [i64; 5] {
        let t = self.run(self.store.intake_totals()).expect("totals");
        [
            t.received.count,
            t.posted.count,
            t.quarantined.count,
            t.ignored.count,
            t.repeats,
        ]
    }

    /// (received, posted, quarantined, ignored) by amount.
    pub fn amounts(&self) -> [i64; 4] {
        let t = self.run(self.store.intake_totals()).expect("totals");
        [
            t.received.amount_vnd,
            t.posted.amount_vnd,
            t.quarantined.amount_vnd,
            t.ignored.amount_vnd,
        ]
    }

    /// The reasons of what waits for a person, sorted.
    pub fn reasons(&self) -> Vec<String> {
        let waiting = self
            .run(self.store.waiting_notices(None, 100))
            .expect("waiting notices");
        let mut reasons: Vec<String> = waiting.into_iter().map(|w| w.reason).collect();
        reasons.sort();
        reasons
    }

    /// Every receipt as `REFERENCE STALL-CODE AMOUNT REFUNDED`, sorted; without a stall a dash.
    pub fn receipts(&self) -> Vec<String> {
        self.rows(
            "SELECT h.household_ref || ' ' || COALESCE(s.stall_code, '-') || ' ' || r.amount_vnd || ' ' || r.refunded_vnd
             FROM receipt r JOIN household h ON h.household_id = r.household_id
             LEFT JOIN stall s ON s.stall_id = r.stall_id",
        )
    }

    /// Every day counter of households as `REFERENCE DAY COUNT AMOUNT REFUNDED QUALIFYING`, sorted.
    pub fn household_days(&self) -> Vec<String> {
        self.run(self.store.count_receipts()).expect("counted receipts");
        self.rows(
            "SELECT h.household_ref || ' ' || d.day || ' ' || d.posted_count || ' ' || d.posted_vnd || ' ' || d.refunded_vnd
                 || ' ' || d.qualifying_count
             FROM household_day d JOIN household h ON h.household_id = d.household_id",
        )
    }

    /// The rows of a query of one text column, sorted.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let mut rows = self.run(self.database.texts(sql));
        rows.sort();
        rows
    }

    /// Changes the database behind the store's back; from then on closing asserts nothing.
    pub fn tamper(&mut self, sql: &str) {
        self.is_tampered = true;
        self.run(self.database.execute(sql));
    }

    /// Units and facts as of a day, as known now or at a time.
    pub fn facts(&self, as_of: Day, known_at: Option<TimeMs>) -> (Units, Facts) {
        self.run(self.store.facts(as_of, known_at)).expect("facts")
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        if !self.is_tampered && !std::thread::panicking() {
            assert_sound(&self.recount());
        }
        self.run(self.store.close());
    }
}

/// Whoever does something, and when.
pub fn actor(by: &str, now: TimeMs) -> Actor<'_> {
    Actor { by, now }
}

/// A code to be handed out to a stall.
pub fn new_code(stall_id: &str, account_id: Option<&str>) -> NewCode {
    NewCode {
        stall_id: stall_id.to_owned(),
        account_id: account_id.map(str::to_owned),
    }
}

/// A key of a provider whose secret is sealed so.
pub fn new_key<'a>(provider_id: &'a str, key_id: &'a str, sealed_secret: &'a str) -> NewKey<'a> {
    NewKey {
        provider_id,
        key_id,
        sealed_secret,
    }
}

/// The end of a code on a day.
pub fn ending(end: CodeEnd, reason: &str, on: Day) -> CodeEnding<'_> {
    CodeEnding { end, reason, on }
}

/// A terminal of a provider at a stall.
pub fn terminal<'a>(
    provider_id: &'a str,
    terminal_id: &'a str,
    stall_id: &'a str,
    from: Day,
) -> NewTerminal<'a> {
    NewTerminal {
        provider_id,
        terminal_id,
        stall_id,
        from,
    }
}

/// A batch of callbacks that arrive at this time.
pub fn arrivals(batch: &[Delivery], received_at: TimeMs) -> Vec<Arrival> {
    let arrival = |delivery: &Delivery| Arrival {
        delivery: delivery.clone(),
        received_at,
    };
    batch.iter().map(arrival).collect()
}

/// So many minutes after the beginning of the day that is so many days after [`market_day`].
pub fn on_day(days: i64, minutes: i64) -> TimeMs {
    TimeMs(market_day().plus(days).start().0 + minutes * 60_000)
}

/// Conservation, and counters against what they count: true of every database at any time.
pub fn assert_sound(recount: &Recount) {
    assert!(
        recount.conservation_holds,
        "received = posted + quarantined + ignored: {recount:?}"
    );
    assert!(recount.counters_agree, "{:?}", recount.differences);
}

/// A payment of 2026-03-01, 09:00, to the account of household `one`.
pub fn payment(id: &str, amount: i64) -> Value {
    json!({
        "type": "payment.succeeded",
        "timestamp": "2026-03-01T09:00:01+07:00",
        "data": {
            "transaction_id": id,
            "amount": amount,
            "currency": "VND",
            "reference": format!("R-{id}"),
            "bank_bin": "970415",
            "account": "00000011",
            "occurred_at": "2026-03-01T09:00:00+07:00",
            "note": "tien rau"
        }
    })
}

/// A refund under its own id of a payment.
pub fn refund(id: &str, of: &str, amount: i64) -> Value {
    let mut item = with(payment(id, amount), "original_transaction_id", of.into());
    item["type"] = "payment.refunded".into();
    item
}

/// The item with one member of its data set, or taken out where the value is null.
pub fn with(mut item: Value, member: &str, value: Value) -> Value {
    let data = item["data"].as_object_mut().expect("an item has data");
    match value {
        Value::Null => data.remove(member),
        value => data.insert(member.to_owned(), value),
    };
    item
}

/// An account of household `two`, or one that the test names.
pub fn to_account(item: Value, number: &str) -> Value {
    with(item, "account", number.into())
}

/// The secret behind its text.
pub fn secret(text: &str) -> Secret {
    parse_secret(text).expect("a Standard Webhooks secret")
}

/// What provider `p` sends under this webhook-id, verified and read as a callback would be.
pub fn delivery(webhook_id: &str, body: &Value) -> Delivery {
    signed_delivery(
        &standard("p"),
        SECRET,
        webhook_id,
        TimeMs(1_772_330_401_000),
        body,
    )
}

/// As [`delivery`], by this provider, signed with this secret at this time.
pub fn signed_delivery(
    provider: &Provider,
    secret_text: &str,
    webhook_id: &str,
    at: TimeMs,
    body: &Value,
) -> Delivery {
    let body = body.to_string();
    let signature = sign(&secret(secret_text), webhook_id, at.0 / 1000, body.as_bytes());
    let seconds = (at.0 / 1000).to_string();
    let headers: [(&str, &[u8]); 3] = [
        ("webhook-id", webhook_id.as_bytes()),
        ("webhook-timestamp", seconds.as_bytes()),
        ("webhook-signature", signature.as_bytes()),
    ];
    let request = Request {
        method: "POST",
        path: "",
        query: "",
        headers: &headers,
        body: body.as_bytes(),
        is_evidence: false,
    };
    match provider.receive(&request, None).expect("a verified callback") {
        Received::Notices(delivery) => delivery,
        Received::Token(_) => panic!("the native profile has no login"),
    }
}

/// A provider of the native profile with one key, `k1`.
pub fn standard(id: &str) -> Provider {
    standard_with(id, "k1", SECRET)
}

/// A provider of the native profile with this key.
pub fn standard_with(id: &str, key_id: &str, secret_text: &str) -> Provider {
    let scheme = scheme("standard", None).expect("the native profile");
    let secrets = scheme.read_secrets(secret_text).expect("a secret");
    Provider::new(id, scheme, vec![(key_id.to_owned(), secrets)]).expect("one key")
}

/// A provider of the native profile, to be added with its key `k1` sealed under this key.
pub fn new_standard(id: &str, key: &SealingKey) -> NewProvider {
    NewProvider {
        provider_id: id.to_owned(),
        profile: "standard".to_owned(),
        scheme: "webhooks_v1".to_owned(),
        key_id: "k1".to_owned(),
        sealed_secret: sealed(key, id, "k1", SECRET),
    }
}

/// The secret of a native provider's key, sealed.
pub fn sealed(key: &SealingKey, provider_id: &str, key_id: &str, secret_text: &str) -> String {
    let secrets = Secrets::from_pairs([("signing_secret", secret_text)]);
    let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|_| fastrand::u8(..));
    key.seal(&secrets.to_json(), &key_purpose(provider_id, key_id), nonce)
}

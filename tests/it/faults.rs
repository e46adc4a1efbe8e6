//! Faults made on purpose: a locked or vanished database, a full queue, an order to stop, settings that
//! cannot work. The rule is the same for all: no success without durability, and nothing twice.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use choso::app::{App, StartError};
use choso::config::RawConfig;
use choso::store::StoreError;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::support::browser::skip;
use crate::support::cluster::Cluster;
use crate::support::service::{TestApp, payment_now, post_to, settings_of, until};
use crate::support::*;

/// Settings under which the second waiting callback finds the queue full.
fn tiny_queue() -> RawConfig {
    RawConfig::default()
        .with("queue_deliveries_max", 1)
        .with("batch_deliveries_max", 1)
}

/// Takes SQLite's write lock as another process would, until [`release`].
fn hold_write_lock(app: &TestApp) -> SqliteConnection {
    app.run(async {
        let mut c = SqliteConnection::connect(&app.database.url)
            .await
            .expect("a connection");
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut c)
            .await
            .expect("the write lock");
        c
    })
}

fn release(app: &TestApp, mut lock: SqliteConnection) {
    app.run(async { sqlx::query("ROLLBACK").execute(&mut lock).await })
        .expect("the lock goes");
}

/// Sends a payment of 1.000 đ under this id; none if the connection broke.
fn pay(to: SocketAddr, id: &str) -> Option<u16> {
    let body = payment_now(id, 1_000).to_string();
    post_to(to, SECRET, id, body.as_bytes())
        .ok()
        .map(|answer| answer.status)
}

/// Sends the same bytes until they are acknowledged, as providers do.
fn pay_until_kept(to: SocketAddr, id: &str) {
    let body = payment_now(id, 1_000).to_string();
    until("the payment is acknowledged", || {
        post_to(to, SECRET, id, body.as_bytes()).is_ok_and(|answer| answer.status == 204)
    });
}

#[test]
fn a_full_queue_says_try_again_and_loses_nothing() {
    let app = TestApp::start_with(Database::sqlite(), tiny_queue());
    let to = app.address();
    let bodies: Vec<String> = (0..8)
        .map(|n| payment_now(&format!("T{n}"), 1_000).to_string())
        .collect();
    let send = |n: usize| post_to(to, SECRET, &format!("T{n}"), bodies[n].as_bytes()).expect("an answer");
    let lock = hold_write_lock(&app);
    let refused = AtomicUsize::new(0);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|n| {
                let refused = &refused;
                let send = &send;
                scope.spawn(move || {
                    let answer = send(n);
                    refused.fetch_add(usize::from(answer.status == 503), Ordering::SeqCst);
                    answer
                })
            })
            .collect();
        // Only then may the writer go on.
        until("the queue was full", || refused.load(Ordering::SeqCst) >= 6);
        release(&app, lock);
        senders.into_iter().map(|s| s.join().expect("a sender")).collect()
    });
    for answer in answers.iter().filter(|a| a.status == 503) {
        assert!(
            answer
                .header("retry-after")
                .is_some_and(|s| s.parse::<u32>().is_ok()),
            "{answer:?}"
        );
        assert_eq!(answer.json()["type"], "urn:choso:problem:not-kept");
    }
    // One is with the writer, and one waits if it came after the writer had taken the first.
    let kept = answers.iter().filter(|a| a.status == 204).count() as i64;
    assert!((1..=2).contains(&kept), "{answers:?}");
    assert_eq!(
        app.received_and_receipts(),
        (kept, kept),
        "sent away means not kept"
    );
    for n in 0..8 {
        until("the retry is acknowledged", || send(n).status == 204);
    }
    assert_eq!(app.received_and_receipts(), (8, 8));
}

#[test]
fn a_database_locked_for_too_long_is_a_503_and_then_recovers() {
    let app = TestApp::sqlite();
    let lock = hold_write_lock(&app);
    let body = payment_now("T1", 1_000).to_string();
    let started = std::time::Instant::now();
    let answer = app.post_bytes("T1", body.as_bytes());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        started.elapsed().as_millis() < 5_000,
        "providers wait five seconds (docs/spec/domain.md, section 7)"
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(app.received_and_receipts(), (0, 0));
    release(&app, lock);
    until("the retry is acknowledged", || {
        app.post_bytes("T1", body.as_bytes()).status == 204
    });
    assert_eq!(app.received_and_receipts(), (1, 1));
}

#[test]
fn told_to_stop_it_finishes_what_it_accepted() {
    let mut app = TestApp::start_with(Database::sqlite(), tiny_queue());
    let to = app.address();
    let lock = hold_write_lock(&app);
    let refused = AtomicUsize::new(0);
    let statuses: Vec<Option<u16>> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..6)
            .map(|n| {
                let refused = &refused;
                scope.spawn(move || {
                    let status = pay(to, &format!("T{n}"));
                    refused.fetch_add(usize::from(status == Some(503)), Ordering::SeqCst);
                    status
                })
            })
            .collect();
        until("one is with the writer and one waits", || {
            refused.load(Ordering::SeqCst) >= 4
        });
        let unlock = app.unlock_when_stopping(lock);
        app.stop();
        unlock.join().expect("the lock goes");
        senders.into_iter().map(|s| s.join().expect("a sender")).collect()
    });
    let kept = statuses.iter().filter(|s| **s == Some(204)).count();
    assert!(
        (1..=2).contains(&kept),
        "what was accepted was answered: {statuses:?}"
    );
    assert!(
        statuses.iter().all(Option::is_some),
        "no connection was cut: {statuses:?}"
    );
    let receipts = app.run(app.database.texts("SELECT provider_txn_id FROM receipt"));
    assert_eq!(receipts.len(), kept);
    assert_eq!(pay(to, "T9"), None, "nobody listens any more");
}

#[test]
fn postgres_gone_and_back_loses_and_doubles_nothing() {
    let name = "faults::postgres_gone_and_back_loses_and_doubles_nothing";
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => return skip(name, &why),
    };
    let app = TestApp::start(Database::on(&cluster, name));
    let to = app.address();
    pay_until_kept(to, "T0");
    cluster.stop_server().expect("the server stops");
    let started = std::time::Instant::now();
    assert_eq!(pay(to, "T1"), Some(503));
    assert!(
        started.elapsed().as_millis() < 5_500,
        "it does not hang: {:?}",
        started.elapsed()
    );
    let readyz = app.get("/readyz");
    assert_eq!((readyz.status, app.get("/healthz").status), (503, 200));
    assert!(readyz.header("retry-after").is_some() && readyz.json()["detail"].is_string());
    cluster.start_server().expect("the server starts");
    for id in ["T0", "T1", "T2"] {
        pay_until_kept(to, id);
    }
    until("it is ready again", || app.get("/readyz").status == 200);
    let recount = app.recount();
    assert_eq!(
        (recount.receipts, recount.totals.received.count),
        (3, 3),
        "T0 came twice, T1 was refused once"
    );
}

#[test]
fn postgres_cut_off_under_load_keeps_what_it_acknowledged() {
    let name = "faults::postgres_cut_off_under_load_keeps_what_it_acknowledged";
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => return skip(name, &why),
    };
    let app = TestApp::start(Database::on(&cluster, name));
    let to = app.address();
    let kept = AtomicUsize::new(0);
    const SENDERS: usize = 4;
    const EACH: usize = 40;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let kept = &kept;
            scope.spawn(move || {
                for n in 0..EACH {
                    pay_until_kept(to, &format!("T{sender}-{n}"));
                    kept.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // The cut comes in the middle of it, wherever the commits are just then.
        until("some are kept", || {
            kept.load(Ordering::SeqCst) > SENDERS * EACH / 4
        });
        cluster.stop_server().expect("the server stops");
        cluster.start_server().expect("the server starts");
    });
    let total = i64::try_from(SENDERS * EACH).expect("a small number");
    assert_eq!(app.received_and_receipts(), (total, total));
}

#[test]
fn the_key_file_is_private_and_secrets_are_not_in_the_database() {
    let app = TestApp::sqlite();
    let key_file = &app.config.key_file;
    let mode = std::fs::metadata(key_file)
        .expect("the key file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let clear = secret(SECRET);
    let text = SECRET.trim_start_matches("whsec_").as_bytes();
    let key = std::fs::read(key_file).expect("the key file");
    let key_text = key.trim_ascii_end().rsplit(|b| *b == b':').next().expect("a key");
    let mut searched = 0;
    for entry in std::fs::read_dir(app.database.folder.path())
        .expect("a folder")
        .flatten()
    {
        if entry.path() == *key_file {
            continue;
        }
        let bytes = std::fs::read(entry.path()).expect("a file");
        searched += bytes.len();
        for (what, needle) in [
            ("secret", clear.reveal()),
            ("secret as text", text),
            ("key", key_text),
        ] {
            let is_there = bytes.windows(needle.len()).any(|w| w == needle);
            assert!(!is_there, "the {what} stands in {}", entry.path().display());
        }
    }
    assert!(searched > 10_000, "the database was searched");
}

/// Starting must fail; gives back the error.
fn start_error(database: &Database, settings: RawConfig) -> StartError {
    let config = settings_of(database, settings);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(App::start(&config)) {
        Ok(app) => {
            runtime.block_on(app.stop());
            panic!("it started with {config:?}")
        }
        Err(error) => error,
    }
}

#[test]
fn an_unknown_database_stops_the_start_and_hides_the_password() {
    let database = Database::sqlite();
    for url in [
        "mysql://thu:matkhau@localhost/choso",
        "sqllite://choso.db",
        "choso.db",
        "",
    ] {
        let settings = RawConfig::default().with("database_url", url);
        let error = start_error(&database, settings);
        assert!(
            matches!(error, StartError::Store(StoreError::Url(_))),
            "{url}: {error:?}"
        );
        let text = error.to_string();
        assert!(
            text.contains("sqlite://") && text.contains("postgres://"),
            "it says what to write: {text}"
        );
        assert!(!text.contains("matkhau"), "{text}");
    }
}

#[test]
fn a_database_that_cannot_be_written_stops_the_start() {
    let database = Database::sqlite();
    drop(Books::open(Database {
        url: database.url.clone(),
        folder: tempfile::TempDir::new().expect("a folder"),
    }));
    let file = database.folder.path().join("choso.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).expect("read-only");
    let is_all_powerful = std::fs::OpenOptions::new().write(true).open(&file).is_ok();
    // Root may write everywhere; then the same is asked for in the URL.
    let url = if is_all_powerful {
        format!("{}?mode=ro", database.url)
    } else {
        database.url.clone()
    };
    let settings = RawConfig::default().with("database_url", url);
    let text = start_error(&database, settings).to_string();
    assert!(
        text.contains("readonly") || text.contains("unable to open"),
        "{text}"
    );
}

#[test]
fn files_that_are_not_what_they_should_be_stop_the_start() {
    let database = Database::sqlite();
    std::fs::write(
        database.folder.path().join("choso.db"),
        "đây không phải cơ sở dữ liệu".repeat(100),
    )
    .expect("a file");
    let error = start_error(&database, RawConfig::default());
    assert!(error.to_string().contains("not a database"), "{error}");

    let database = Database::sqlite();
    std::fs::write(database.folder.path().join("choso.key"), "không phải khóa").expect("a file");
    let error = start_error(&database, RawConfig::default());
    assert!(
        error.to_string().contains("choso.key"),
        "the file is named: {error}"
    );

    let settings = RawConfig::default().with("database_url", "sqlite:///nowhere/at/all/choso.db");
    let error = start_error(&Database::sqlite(), settings);
    assert!(
        matches!(&error, StartError::Store(StoreError::NotOpened { database, .. }) if database.contains("/nowhere")),
        "{error:?}"
    );
}

#[test]
fn a_taken_port_stops_the_start_and_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let settings = RawConfig::default().with("listen", address.as_str());
    let error = start_error(&Database::sqlite(), settings);
    assert!(error.to_string().contains(&address), "{error}");
}

#[test]
fn two_services_share_one_database_and_count_once() {
    let Some(database) = Database::postgres("faults::two_services_share_one_database_and_count_once") else {
        return;
    };
    let one = TestApp::start(database);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let two = runtime
        .block_on(App::start(&one.config))
        .expect("a second service");
    let addresses = [one.address(), two.address()];
    let bodies: Vec<String> = (0..60)
        .map(|n| payment_now(&format!("T{n}"), 1_000).to_string())
        .collect();
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let bodies = &bodies;
            scope.spawn(move || {
                for (n, body) in bodies.iter().enumerate() {
                    let to = addresses[(n + sender) % 2];
                    let answer = post_to(to, SECRET, &format!("T{n}"), body.as_bytes()).expect("an answer");
                    assert_eq!(answer.status, 204, "{answer:?}");
                }
            });
        }
    });
    runtime.block_on(two.stop());
    assert_eq!(one.received_and_receipts(), (60, 60));
    assert_eq!(one.recount().totals.repeats, 180);
}

#[test]
fn a_refund_and_its_payment_at_two_services_meet() {
    let Some(database) = Database::postgres("faults::a_refund_and_its_payment_at_two_services_meet") else {
        return;
    };
    let one = TestApp::start(database);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let two = runtime
        .block_on(App::start(&one.config))
        .expect("a second service");
    let send = |to: SocketAddr, id: &str, item: &Value| {
        let answer = post_to(to, SECRET, id, item.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 204, "{answer:?}");
    };
    for n in 0..40 {
        let paid = format!("T{n}");
        let back = format!("F{n}");
        let refund = with(refund(&back, &paid, 400), "occurred_at", Value::Null);
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                send(one.address(), &paid, &payment_now(&paid, 1_000));
            });
            start.wait();
            send(two.address(), &back, &refund);
        });
    }
    runtime.block_on(two.stop());
    let totals = one.recount().totals;
    assert_eq!(
        (totals.posted.count, totals.quarantined.count),
        (80, 0),
        "no refund waits for a payment that is there"
    );
}

//! The program as operators meet it: a process that is killed, told to stop, or started wrongly.

mod commands;
mod databases;
mod keys;
mod qr;
mod register;
mod statements;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::service::{payment_now, post_to, until};
use crate::support::*;

on_both! {
    killed_under_load_it_keeps_what_it_acknowledged
}

/// The program with the settings of this database and none from outside.
fn choso(database: &Database) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_choso"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHOSO_") {
            command.env_remove(name);
        }
    }
    let folder = database.folder.path();
    command
        .current_dir(folder)
        .env("CHOSO_DATABASE_URL", &database.url)
        .env("CHOSO_LISTEN", "127.0.0.1:0")
        .env("CHOSO_KEY_FILE", folder.join("choso.key"))
        .env("CHOSO_LOG", "off")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end; its output and exit status.
fn run(database: &Database, arguments: &[&str]) -> Output {
    choso(database)
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// A command with this text on its standard input; its output and exit status.
fn fed(database: &Database, arguments: &[&str], text: &str) -> Output {
    let mut process = choso(database)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = process.stdin.take().expect("its input");
    std::thread::scope(|scope| {
        // It answers while it reads: neither side may wait for the other's end.
        scope.spawn(move || input.write_all(text.as_bytes()).expect("it reads everything"));
        process.wait_with_output().expect("it ends")
    })
}

/// The lines of JSON on its standard output.
fn answers(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// As [`run`], where it must do its work.
fn done(database: &Database, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Adds provider `p` and the invented register, by commands.
fn prepare(database: &Database) {
    let file = |name: &str, text: &str| {
        let path = database.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    done(database, &["migrate"]);
    let secret = file("p.secret", &format!("{SECRET}\n"));
    let told = done(
        database,
        &[
            "provider",
            "add",
            "--id",
            "p",
            "--profile",
            "standard",
            "--secret-file",
            &secret,
        ],
    );
    assert!(told.contains("/callbacks/p"), "the address is printed: {told}");
    let register = file("register.csv", &format!("{HEADER}{REGISTER}"));
    let told = done(database, &["import", "register", &register]);
    assert!(told.contains("rows read 7, kept 7, refused 0"), "{told}");
}

/// A running `choso serve`; killed when dropped, so that no test leaves one behind.
struct Serving {
    process: Child,
    address: SocketAddr,
}

impl Serving {
    fn start(database: &Database) -> Serving {
        Serving::of(choso(database))
    }

    /// With settings of its own.
    fn of(mut program: Command) -> Serving {
        let mut process = program
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = lines.next().expect("a line").expect("UTF-8");
        let address = line
            .strip_prefix("listening on http://")
            .expect("where it listens")
            .parse()
            .expect("an address");
        Serving { process, address }
    }

    /// `kill -9`: no warning, no tidying up.
    fn kill(&mut self) {
        self.process.kill().expect("it was running");
        self.process.wait().expect("it is gone");
    }

    /// SIGTERM; gives back the exit status.
    fn terminate(&mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("kill")
                .success()
        );
        self.process.wait().expect("it ends").code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone in every test that did not fail.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `choso recount --json` says; its exit status must agree with it.
fn recount(database: &Database) -> Value {
    let output = run(database, &["recount", "--json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{verdict}");
    assert_eq!(verdict["counters_agree"], true, "{verdict}");
    assert_eq!(verdict["conservation_holds"], true, "{verdict}");
    verdict
}

const PAYMENTS: usize = 240;
const SENDERS: usize = 4;

/// Sends every payment until it is acknowledged, to whichever process listens just then. Each third one
/// is followed by a refund of a part, which may overtake nothing: it is sent after the acknowledgement.
fn send_all(address: &Mutex<SocketAddr>, sender: usize, acknowledged: &AtomicUsize) {
    let send = |id: &str, body: &str| {
        until("the callback is acknowledged", || {
            let to = *address.lock().expect("an address");
            post_to(to, SECRET, id, body.as_bytes()).is_ok_and(|answer| answer.status == 204)
        });
        acknowledged.fetch_add(1, Ordering::SeqCst);
    };
    for n in (0..PAYMENTS).filter(|n| n % SENDERS == sender) {
        let id = format!("T{n}");
        send(&id, &payment_now(&id, 2_000).to_string());
        if n % 3 == 0 {
            let part = with(refund(&format!("F{n}"), &id, 500), "occurred_at", Value::Null);
            send(&format!("F{n}"), &part.to_string());
        }
    }
}

fn killed_under_load_it_keeps_what_it_acknowledged(database: Database) {
    prepare(&database);
    let mut serving = Serving::start(&database);
    let address = Mutex::new(serving.address);
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let address = &address;
            let acknowledged = &acknowledged;
            scope.spawn(move || send_all(address, sender, acknowledged));
        }
        for kill in 1..=3 {
            until("the load is under way", || {
                acknowledged.load(Ordering::SeqCst) > kill * PAYMENTS / 5
            });
            serving.kill();
            serving = Serving::start(&database);
            *address.lock().expect("an address") = serving.address;
        }
    });
    assert_eq!(serving.terminate(), Some(0));
    let verdict = recount(&database);
    let payments = PAYMENTS;
    let refunds = PAYMENTS.div_ceil(3);
    assert_eq!(verdict["receipts"], payments, "each payment once: {verdict}");
    assert_eq!(verdict["posted"]["count"], payments + refunds, "{verdict}");
    assert_eq!(verdict["received"]["count"], payments + refunds, "{verdict}");
    assert_eq!(
        verdict["received"]["amount_vnd"],
        payments * 2_000 + refunds * 500,
        "{verdict}"
    );
}

#[test]
fn told_to_terminate_it_ends_with_0_and_keeps_its_books() {
    let database = Database::sqlite();
    prepare(&database);
    let mut serving = Serving::start(&database);
    let body = payment_now("T1", 26_000).to_string();
    let answer = post_to(serving.address, SECRET, "T1", body.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 204, "{answer:?}");
    let address = serving.address;
    assert_eq!(serving.terminate(), Some(0));
    assert!(
        post_to(address, SECRET, "T1", body.as_bytes()).is_err(),
        "nobody listens any more"
    );
    assert_eq!(recount(&database)["receipts"], 1);
}

#[test]
fn settings_that_are_unknown_or_no_good_end_with_2() {
    let database = Database::sqlite();
    for (name, value) in [
        ("CHOSO_LISTN", "127.0.0.1:0"),
        ("CHOSO_LISTEN", "8080"),
        ("CHOSO_DATABASE_URL", "mysql://localhost/choso"),
        ("CHOSO_CONFIG", "/nowhere/choso.toml"),
        ("CHOSO_QUEUE_DELIVERIES_MAX", "0"),
        ("CHOSO_STATEMENT_INBOX_TIMES", "6h"),
        ("CHOSO_LOG", "inof"),
        ("CHOSO_LOG", "info,sqlx=loud"),
    ] {
        let output = choso(&database)
            .arg("serve")
            .env(name, value)
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {told}");
        assert!(output.stdout.is_empty(), "talk belongs on standard error");
        let key = name.trim_start_matches("CHOSO_").to_lowercase();
        assert!(
            told.to_lowercase().contains(&key) || told.contains(value),
            "the setting is named: {told}"
        );
        let is_of_settings = !["CHOSO_DATABASE_URL", "CHOSO_CONFIG"].contains(&name);
        assert!(
            !is_of_settings || told.contains("choso config"),
            "it says what lists them: {told}"
        );
    }
    let unknown = run(&database, &["serv"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        !Path::new(&database.folder.path().join("choso.db")).exists(),
        "nothing was made"
    );
}

#[test]
fn the_settings_are_printed_as_a_file_that_can_be_used() {
    let database = Database::sqlite();
    let printed = done(&database, &["config"]);
    assert_eq!(printed, choso::config::DEFAULT_SETTINGS);
    let file = database.folder.path().join("choso.toml");
    let run_with = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        let output = run(&database, &["migrate", "--config", "choso.toml"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), told)
    };
    assert_eq!(run_with(&printed).0, Some(0));
    let (status, told) = run_with(&printed.replace("log_format =", "log_fromat ="));
    assert_eq!(status, Some(2));
    for words in ["log_fromat", "choso.toml", "`log_format`", "`choso config`"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (status, told) = run_with(&printed.replace("= 4096", "= 0"));
    assert_eq!(status, Some(2));
    assert!(
        told.contains("queue_deliveries_max (from choso.toml): 0 is not between 1"),
        "{told}"
    );
    assert!(done(&database, &["config", "--help"]).contains("choso config >choso.toml"));
    assert!(done(&database, &["serve", "--help"]).contains("`choso config`"));
}

#[test]
fn a_broken_count_ends_with_1() {
    let mut books = Books::with_register(Database::sqlite());
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    books.run(books.store.count_receipts()).expect("counted receipts");
    books.tamper("UPDATE household_day SET posted_vnd = posted_vnd + 1");
    let output = run(&books.database, &["recount", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(verdict["counters_agree"], false, "{verdict}");
    assert_eq!(verdict["conservation_holds"], true, "{verdict}");
    for member in ["received", "posted", "quarantined", "ignored"] {
        assert!(
            verdict[member]["count"].is_i64() && verdict[member]["amount_vnd"].is_i64(),
            "{verdict}"
        );
    }
    assert_eq!(verdict["receipts"], 1);
}

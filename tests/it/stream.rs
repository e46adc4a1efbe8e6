//! The live stream: every posted receipt once, in order, also for a listener that was away, also when
//! several services post to one database.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use choso::app::App;
use serde_json::{Value, json};

use crate::support::service::{TestApp, post_to};
use crate::support::*;

on_both! {
    a_listener_hears_each_receipt_once_and_in_order
    a_listener_that_was_away_catches_up_from_its_last_id
    a_listener_of_one_stall_hears_only_that_stall
    two_services_on_one_database_tell_everything
}

const TOKEN: &str = "choso_invented-token-of-a-stream";

/// A connection that reads events.
struct Ear(BufReader<TcpStream>);

impl Ear {
    /// Opens the stream; the answer's head has been read when this returns.
    fn open(to: SocketAddr, query: &str, last: Option<&str>) -> Ear {
        let mut stream = TcpStream::connect(to).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a time limit");
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        write!(
            stream,
            "GET /api/v1/receipts/stream{query} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {TOKEN}\r\n{last}\r\n"
        )
        .expect("a request");
        let mut ear = Ear(BufReader::new(stream));
        let head = ear.line();
        assert!(head.contains(" 200 "), "{head}");
        while !ear.line().starts_with("retry: ") {}
        ear
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self.0.read_line(&mut line).expect("the stream goes on");
        assert!(count > 0, "the stream ended");
        line
    }

    /// The next event as (id, data).
    fn event(&mut self) -> (String, Value) {
        let mut id = String::new();
        loop {
            let line = self.line();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.trim().to_owned();
            }
            if let Some(text) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(text).expect("an event's data"));
            }
        }
    }

    fn amounts(&mut self, count: usize) -> Vec<i64> {
        let amounts = (0..count).map(|_| self.event().1["amount_vnd"].as_i64().expect("an amount"));
        amounts.collect()
    }
}

fn started(database: Database) -> TestApp {
    let app = TestApp::start(database);
    app.listener("Loa thử", TOKEN);
    app
}

fn pay(app: &TestApp, amount: i64) {
    pay_at(app.address(), amount);
}

fn pay_at(to: SocketAddr, amount: i64) {
    let item = with(payment(&format!("T{amount}"), amount), "occurred_at", Value::Null);
    let answer = post_to(to, SECRET, &format!("m{amount}"), item.to_string().as_bytes());
    assert_eq!(answer.expect("an answer").status, 204);
}

fn a_listener_hears_each_receipt_once_and_in_order(database: Database) {
    let app = started(database);
    pay(&app, 999);
    let mut ear = Ear::open(app.address(), "", None);
    let amounts: Vec<i64> = (1_000..1_030).collect();
    for amount in &amounts {
        pay(&app, *amount);
        // A retry is no second receipt.
        pay(&app, *amount);
    }
    // An array is several receipts of one batch.
    let items: Vec<Value> = (2_000..2_005)
        .map(|n| with(payment(&format!("A{n}"), n), "occurred_at", Value::Null))
        .collect();
    assert_eq!(app.post("array", &json!(items)).status, 204);
    let heard = ear.amounts(35);
    let want: Vec<i64> = amounts.into_iter().chain(2_000..2_005).collect();
    assert_eq!(heard, want, "what came before it listened is not told");
}

fn a_listener_that_was_away_catches_up_from_its_last_id(database: Database) {
    let app = started(database);
    let mut ear = Ear::open(app.address(), "", None);
    let items: Vec<Value> = (1_000..1_005)
        .map(|n| with(payment(&format!("A{n}"), n), "occurred_at", Value::Null))
        .collect();
    assert_eq!(app.post("array", &json!(items)).status, 204);
    let (_, first) = ear.event();
    let (id, second) = ear.event();
    assert_eq!(
        (&first["amount_vnd"], &second["amount_vnd"]),
        (&json!(1_000), &json!(1_001))
    );
    drop(ear);
    for amount in 2_000..2_100 {
        pay(&app, amount);
    }
    // In the middle of a batch, by header and by parameter.
    let want: Vec<i64> = (1_002..1_005).chain(2_000..2_100).collect();
    assert_eq!(Ear::open(app.address(), "", Some(&id)).amounts(103), want);
    let mut ear = Ear::open(app.address(), &format!("?after={id}"), None);
    assert_eq!(ear.amounts(103), want);
    pay(&app, 3_000);
    assert_eq!(ear.amounts(1), [3_000], "and goes on live");
}

fn a_listener_of_one_stall_hears_only_that_stall(database: Database) {
    let app = started(database);
    let stalls = app.run(
        app.database
            .texts("SELECT stall_id FROM stall WHERE stall_code = 'ABCDEFG7'"),
    );
    let mut ear = Ear::open(app.address(), &format!("?stall_id={}", stalls[0]), None);
    pay(&app, 1_000);
    let to_it = with(
        to_account(payment("S1", 2_000), "00000022"),
        "note",
        "ABCDEFG7".into(),
    );
    let to_it = with(to_it, "occurred_at", Value::Null);
    assert_eq!(app.post("s1", &to_it).status, 204);
    let (_, event) = ear.event();
    assert_eq!(
        (&event["amount_vnd"], &event["stall_id"]),
        (&json!(2_000), &json!(stalls[0]))
    );
}

fn two_services_on_one_database_tell_everything(database: Database) {
    // Two processes on one SQLite file take turns; on PostgreSQL both write at once.
    let one = started(database);
    let two = one.run(App::start(&one.config)).expect("a second service");
    let addresses = [one.address(), two.address()];
    let mut ears = addresses.map(|to| Ear::open(to, "", None));
    std::thread::scope(|scope| {
        for (to, first) in addresses.into_iter().zip([1_000, 5_000]) {
            scope.spawn(move || (first..first + 50).for_each(|amount| pay_at(to, amount)));
        }
    });
    let [mut heard, other] = ears.each_mut().map(|ear| ear.amounts(100));
    assert_eq!(heard, other, "both tell in one order");
    heard.sort_unstable();
    assert!(
        heard.into_iter().eq((1_000..1_050).chain(5_000..5_050)),
        "each once"
    );
    one.run(two.stop());
}

#[test]
fn what_is_no_id_of_the_stream_is_refused() {
    let app = started(Database::sqlite());
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("last-event-id", "nonsense")];
    let answer = http::send(app.address(), "GET", "/api/v1/receipts/stream", &headers, b"");
    assert_eq!(
        (answer.status, answer.json()["field"].clone()),
        (422, json!("after"))
    );
    let answer = http::send(app.address(), "GET", "/api/v1/receipts/stream", &[], b"");
    assert_eq!(answer.status, 401);
}

#[test]
fn a_stop_ends_the_streams() {
    let mut app = started(Database::sqlite());
    let mut ear = Ear::open(app.address(), "", None);
    app.stop();
    let mut rest = String::new();
    while ear.0.read_line(&mut rest).is_ok_and(|n| n > 0) {}
}

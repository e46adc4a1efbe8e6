//! `POST /callbacks/{provider_id}` as a provider meets it: what is accepted, what is refused and how the
//! refusal says so. A refused callback leaves nothing behind.

use std::io::Write;
use std::net::TcpStream;

use choso::clock::now;
use choso::vn::TimeMs;
use serde_json::{Value, json};

use crate::support::http::{self, Answer, signature, signed, signed_at, unix_now_s};
use crate::support::service::{TestApp, payment_now, post_to, until};
use crate::support::*;

on_both! {
    a_signed_payment_is_answered_204_and_is_durable
    a_retry_and_a_batch_are_answered_204
    a_key_is_rotated_while_serving
}

/// The largest body (docs/spec/contract.md, section 4).
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A refusal is a problem document, is found again by its request id, and nothing of it was kept.
fn assert_refused(app: &TestApp, answer: &Answer, status: u16, field: Option<&str>) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let problem = answer.json();
    for member in ["type", "title", "detail"] {
        assert!(
            problem[member].as_str().is_some_and(|t| !t.is_empty()),
            "{member}: {problem}"
        );
    }
    assert!(
        problem["type"]
            .as_str()
            .is_some_and(|t| t.starts_with("urn:choso:problem:")),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    if let Some(field) = field {
        assert_eq!(problem["field"], field, "{problem}");
    }
    assert_eq!(app.received_and_receipts(), (0, 0), "nothing of it was kept");
    assert_eq!(
        app.run(app.database.texts("SELECT batch_no || '' FROM evidence")),
        [""; 0]
    );
    assert_eq!(app.get("/healthz").status, 200, "the process still answers");
}

fn a_signed_payment_is_answered_204_and_is_durable(database: Database) {
    let app = TestApp::start(database);
    let body = payment_now("T1", 26_000).to_string();
    let answer = app.post_bytes("m1", body.as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let recount = app.recount();
    assert_eq!((recount.receipts, recount.totals.posted.amount_vnd), (1, 26_000));
    let kept = app.evidence();
    let signature = kept[0].headers.iter().find(|(n, _)| n == "webhook-signature");
    assert!(signature.is_some_and(|(_, v)| v.starts_with("v1,")), "{kept:?}");
    assert_eq!(
        (&*kept[0].key_id, kept[0].body.as_slice()),
        ("k1", body.as_bytes())
    );
    assert_eq!(app.get("/readyz").status, 200);
    let metrics = app.get("/metrics").body;
    assert!(metrics.contains(r#"provider="p",outcome="kept"} 1"#), "{metrics}");
}

fn a_retry_and_a_batch_are_answered_204(database: Database) {
    let app = TestApp::start(database);
    let unreadable = json!({"type": "payment.succeeded", "data": {"amount": 500}});
    let batch = json!([payment_now("T1", 1_000), payment_now("T2", 2_000), unreadable]);
    for _ in 0..3 {
        assert_eq!(app.post("m1", &batch).status, 204);
    }
    let totals = app.recount().totals;
    assert_eq!(
        (
            totals.received.count,
            totals.posted.count,
            totals.quarantined.count
        ),
        (3, 2, 1)
    );
    assert_eq!(totals.repeats, 6);
}

#[test]
fn what_is_no_notice_is_refused_whole_and_named() {
    let app = TestApp::sqlite();
    let good = payment_now("T1", 26_000);
    let amount = |value: Value| with(good.clone(), "amount", value).to_string();
    let fraction = amount(json!(26_000)).replace("26000", "26000.0");
    for (body, field) in [
        ("{".to_owned(), "body"),
        ("\u{feff}{}".to_owned(), "body"),
        ("7".to_owned(), "body"),
        (format!("{good},"), "body"),
        (json!({"type": "payment.succeeded"}).to_string(), "data"),
        (
            json!({"type": "payment.succeeded", "data": []}).to_string(),
            "data",
        ),
        (
            with(good.clone(), "transaction_id", 7.into()).to_string(),
            "data.transaction_id",
        ),
        (
            with(good.clone(), "transaction_id", Value::Null).to_string(),
            "data.transaction_id",
        ),
        (
            with(good.clone(), "currency", "USD".into()).to_string(),
            "data.currency",
        ),
        (
            with(good.clone(), "account", 11.into()).to_string(),
            "data.account",
        ),
        (
            with(good.clone(), "account", "".into()).to_string(),
            "data.account",
        ),
        (
            with(good.clone(), "occurred_at", "hôm qua".into()).to_string(),
            "data.occurred_at",
        ),
        (
            with(good.clone(), "bank_bin", "97041".into()).to_string(),
            "data.bank_bin",
        ),
        (
            with(good.clone(), "note", "\u{0}".into()).to_string(),
            "data.note",
        ),
        (amount(json!(-26_000)), "data.amount"),
        (amount(json!(0)), "data.amount"),
        (amount(json!("26000")), "data.amount"),
        (amount(json!(10_000_000_000_000_i64)), "data.amount"),
        (amount(json!(true)), "data.amount"),
        (fraction, "data.amount"),
        (amount(json!(26_000)).replace("26000", "2.6e4"), "data.amount"),
        (
            amount(json!(26_000)).replace("26000", "26000,\"amount\":26000"),
            "data.amount",
        ),
    ] {
        assert_refused(&app, &app.post_bytes("m1", body.as_bytes()), 400, Some(field));
    }
    assert_refused(
        &app,
        &app.post_bytes("m1", b"{\"type\":\"\xff\"}"),
        400,
        Some("body"),
    );
    assert_eq!(
        app.post("m1", &with(good, "amount", json!(9_999_999_999_999_i64)))
            .status,
        204,
        "13 digits"
    );
}

#[test]
fn a_body_past_the_limit_is_refused_with_the_limit() {
    let app = TestApp::sqlite();
    let padded = |bytes: usize| {
        let mut body = payment_now("T1", 26_000).to_string().into_bytes();
        body.resize(bytes, b' ');
        body
    };
    let answer = app.post_bytes("m1", &padded(BODY_BYTES_MAX + 1));
    assert_refused(&app, &answer, 413, None);
    assert!(answer.body.contains("256 KiB"), "{answer:?}");
    let answer = app.post_bytes("m1", &padded(8 * BODY_BYTES_MAX));
    assert_refused(&app, &answer, 413, None);
    assert_eq!(
        app.post_bytes("m1", &padded(BODY_BYTES_MAX)).status,
        204,
        "the limit itself is inside"
    );
}

#[test]
fn a_body_without_a_stated_length_has_the_same_limit() {
    let app = TestApp::sqlite();
    let head =
        "POST /callbacks/p HTTP/1.1\r\nhost: thu\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096)).repeat(BODY_BYTES_MAX / 4096 + 1);
    let answer =
        http::send_raw(app.address(), &[head.as_bytes(), chunk.as_bytes(), b"0\r\n\r\n"]).expect("an answer");
    assert_refused(&app, &answer, 413, None);
    assert!(answer.body.contains("256 KiB"), "{answer:?}");
}

#[test]
fn a_body_that_is_cut_off_leaves_nothing() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let mut head = format!(
        "POST /callbacks/p HTTP/1.1\r\nhost: thu\r\ncontent-length: {}\r\n",
        body.len() + 1
    );
    for (name, value) in signed(SECRET, "m1", body.as_bytes()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    for _ in 0..20 {
        let mut stream = TcpStream::connect(app.address()).expect("a connection");
        stream
            .write_all(format!("{head}\r\n{body}").as_bytes())
            .expect("all but the last byte");
        drop(stream);
    }
    // The signature fits the bytes that came; they are still not the whole body.
    assert_eq!(app.get("/readyz").status, 200);
    assert_eq!(app.received_and_receipts(), (0, 0));
}

/// A callback with these headers instead of the right ones; an empty value leaves the header out.
fn post_with(app: &TestApp, body: &[u8], change: &[(&str, &str)]) -> Answer {
    let right = signed(SECRET, "m1", body);
    let headers: Vec<(&str, &str)> = right
        .iter()
        .map(|(name, value)| {
            let changed = change.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
            (*name, changed.unwrap_or(value.as_str()))
        })
        .filter(|(_, value)| !value.is_empty())
        .collect();
    http::send(app.address(), "POST", "/callbacks/p", &headers, body)
}

#[test]
fn a_missing_or_malformed_header_is_named() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let long = "x".repeat(3_000);
    for (header, value) in [
        ("webhook-id", ""),
        ("webhook-id", " "),
        ("webhook-id", "mã"),
        ("webhook-id", long.as_str()),
        ("webhook-timestamp", ""),
        ("webhook-signature", ""),
        ("webhook-signature", long.as_str()),
    ] {
        assert_refused(
            &app,
            &post_with(&app, body.as_bytes(), &[(header, value)]),
            401,
            Some(header),
        );
    }
}

#[test]
fn a_timestamp_that_is_no_second_is_refused_even_when_signed() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    for time in ["jetzt", "1.5", "-5", "+5", "99999999999999999999"] {
        // Signed over exactly this text, so that only the text itself is at fault.
        let signature = signature(SECRET, "m1", time, body.as_bytes());
        let change = [
            ("webhook-timestamp", time),
            ("webhook-signature", signature.as_str()),
        ];
        assert_refused(
            &app,
            &post_with(&app, body.as_bytes(), &change),
            401,
            Some("webhook-timestamp"),
        );
    }
}

#[test]
fn the_replay_window_is_300_seconds_both_ways() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let at = |off_s: i64| {
        let own = signed_at(SECRET, "m1", body.as_bytes(), unix_now_s() + off_s);
        let headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (*n, v.as_str())).collect();
        http::send(app.address(), "POST", "/callbacks/p", &headers, body.as_bytes())
    };
    // 301 s back is out at once; 310 s ahead leaves room for a slow machine.
    for off_s in [-301, -3_600, 310] {
        let answer = at(off_s);
        assert_refused(&app, &answer, 401, Some("webhook-timestamp"));
        assert!(
            answer.body.contains("300 s"),
            "the tolerance is named: {answer:?}"
        );
    }
    assert_eq!(at(-280).status, 204);
    assert_eq!(at(299).status, 204);
}

#[test]
fn a_forged_signature_is_refused() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let now_s = unix_now_s();
    let right = signature(SECRET, "m1", now_s, body.as_bytes());
    for forged in [
        signature(OTHER_SECRET, "m1", now_s, body.as_bytes()),
        signature(SECRET, "m2", now_s, body.as_bytes()),
        signature(SECRET, "m1", now_s - 1, body.as_bytes()),
        signature(
            SECRET,
            "m1",
            now_s,
            payment_now("T1", 62_000).to_string().as_bytes(),
        ),
        right.replace("v1,", "v2,"),
        right.replace("v1,", "v1a,"),
        right.replace("v1,", "v1,A"),
        right.trim_start_matches("v1,").to_owned(),
        "v1,".to_owned(),
        "none".to_owned(),
    ] {
        let change = [
            ("webhook-timestamp", now_s.to_string()),
            ("webhook-signature", forged),
        ];
        let change: Vec<(&str, &str)> = change.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_refused(
            &app,
            &post_with(&app, body.as_bytes(), &change),
            401,
            Some("webhook-signature"),
        );
    }
    let among_others = format!("v1a,AAAA v1,AAAA {right}");
    let time = now_s.to_string();
    let change = [
        ("webhook-timestamp", time.as_str()),
        ("webhook-signature", among_others.as_str()),
    ];
    assert_eq!(
        post_with(&app, body.as_bytes(), &change).status,
        204,
        "one that fits is enough"
    );
}

#[test]
fn a_header_that_comes_twice_is_refused() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let right = signed(SECRET, "m1", body.as_bytes());
    for (twice, _) in &right {
        let mut headers: Vec<(&str, &str)> = right.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let again = *headers
            .iter()
            .find(|(n, _)| n == twice)
            .expect("one of the three");
        headers.push(again);
        let answer = http::send(app.address(), "POST", "/callbacks/p", &headers, body.as_bytes());
        assert_refused(&app, &answer, 401, Some(twice));
    }
}

#[test]
fn other_addresses_and_methods_are_refused() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let own = signed(SECRET, "m1", body.as_bytes());
    let headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let send = |method, path| http::send(app.address(), method, path, &headers, body.as_bytes());
    for path in [
        "/callbacks",
        "/callbacksp",
        "/callbacks/nobody",
        "/callbacks/P",
        "/callbacks/",
        "/callbacks/p/more",
        "/nowhere",
    ] {
        assert_refused(&app, &send("POST", path), 404, None);
    }
    for method in ["GET", "PUT", "DELETE"] {
        assert_refused(&app, &send(method, "/callbacks/p"), 405, None);
    }
}

#[test]
fn request_ids_tell_refusals_apart() {
    let app = TestApp::sqlite();
    let id = || {
        app.post_bytes("m1", b"{").json()["request_id"]
            .as_str()
            .map(str::to_owned)
    };
    assert_ne!(id(), id());
}

#[test]
fn a_provider_added_while_serving_is_known_at_once() {
    let app = TestApp::sqlite();
    let body = payment_now("T1", 26_000).to_string();
    let own = signed(OTHER_SECRET, "m1", body.as_bytes());
    let headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let send = || http::send(app.address(), "POST", "/callbacks/q", &headers, body.as_bytes()).status;
    assert_eq!(send(), 404);
    app.add_provider("q", OTHER_SECRET);
    until("the new provider is known", || send() == 204);
}

fn a_key_is_rotated_while_serving(database: Database) {
    let app = TestApp::start(database);
    let send = |secret: &str, id: &str| {
        let body = payment_now(id, 1_000).to_string();
        post_to(app.address(), secret, id, body.as_bytes())
            .expect("an answer")
            .status
    };
    assert_eq!(send(SECRET, "T1"), 204);
    assert_eq!(send(OTHER_SECRET, "T2"), 401);
    let sealed = app.seal("p", "k2", OTHER_SECRET);
    let overlap = TimeMs(now().0 + 3_600_000);
    app.run(
        app.store()
            .rotate_key(new_key("p", "k2", &sealed), overlap, now()),
    )
    .expect("a rotation");
    until("the new key is known", || send(OTHER_SECRET, "T3") == 204);
    assert_eq!(
        send(SECRET, "T4"),
        204,
        "both fit while the provider changes over"
    );
    // The overlap is over: the old key stops fitting by itself.
    app.run(
        app.store()
            .rotate_key(new_key("p", "k3", &sealed_again(&app)), now(), now()),
    )
    .expect("a rotation");
    until("the old key is refused", || send(SECRET, "T5") == 401);
    let keys: std::collections::BTreeSet<String> =
        app.evidence().iter().map(|e| e.key_id.to_string()).collect();
    assert!(
        keys.iter().eq(["k1", "k2"]),
        "each callback names the key that proved it: {keys:?}"
    );
}

/// A third key, so that the second rotation has something to rotate to.
fn sealed_again(app: &TestApp) -> String {
    app.seal("p", "k3", "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=")
}

//! Providers as an officer and a program see them: how they do, and who is silent for no usual reason.

use std::collections::HashMap;
use std::sync::Arc;

use choso::clock::now;
use choso::store::ProviderTally;
use choso::vn::Day;
use serde_json::{Value, json};

use crate::support::http;
use crate::support::service::{TestApp, payment_now};
use crate::support::*;

on_both! {
    a_program_sees_how_providers_do
}

const TOKEN: &str = "choso_invented-token-of-an-officer";
const HOUR_MS: i64 = 3_600_000;

fn start(database: Database) -> TestApp {
    let app = TestApp::start(database);
    app.person("Người thử", TOKEN);
    app
}

fn get(app: &TestApp, path: &str) -> String {
    let bearer = format!("Bearer {TOKEN}");
    let answer = http::send(app.address(), "GET", path, &[("authorization", &bearer)], b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// Adds (kept, refused) to the hour so many hours ago.
fn heard(app: &TestApp, provider: &str, hours_ago: i64, kept: i64, refused: i64) {
    let hour = now().0.div_euclid(HOUR_MS) - hours_ago;
    let tally = ProviderTally {
        kept,
        refused,
        latency_us_total: 4_250 * (kept + refused),
        latency_us_max: 81_000,
        last_heard_ms: hour * HOUR_MS,
        ..ProviderTally::default()
    };
    let row: (Arc<str>, i64) = (provider.into(), hour);
    app.run(app.store().add_provider_hours(&HashMap::from([(row, tally)])))
        .expect("added");
}

fn a_program_sees_how_providers_do(database: Database) {
    let app = start(database);
    // The same three times: two of them are repeats.
    for _ in 0..3 {
        assert_eq!(app.post("m1", &payment_now("T1", 1000)).status, 204);
    }
    app.add_provider("q", SECRET);
    heard(&app, "q", 0, 7, 2);
    let all: Value = serde_json::from_str(&get(&app, "/api/v1/providers")).expect("JSON");
    let [p, q] = all.as_array().expect("a list").as_slice() else {
        panic!("two providers: {all}");
    };
    assert_eq!(
        (&p["provider_id"], &p["today"]["repeats"]),
        (&json!("p"), &json!(2))
    );
    assert_eq!(
        (&q["provider_id"], &q["scheme"], &q["state"], &q["silence"]),
        (&json!("q"), &json!("webhooks_v1"), &json!("live"), &Value::Null)
    );
    assert_eq!(
        q["today"],
        json!({
            "kept": 7, "refused": 2, "not_kept": 0, "all": 9, "success_percent": "77.77", "repeats": 0,
            "latency_us_mean": 4250, "latency_us_max": 81_000
        })
    );
    assert_eq!(q["hours"].as_array().map(Vec::len), Some(24));
    assert_eq!(q["hours"][23]["kept"], 7);
    let yesterday = Day::of(now()).plus(-1);
    assert!(
        app.run(app.store().repeats_on(yesterday))
            .expect("repeats")
            .is_empty()
    );
}

#[test]
fn an_unusual_silence_stands_first_and_says_since_when() {
    let app = start(Database::sqlite());
    app.add_provider("tat", SECRET);
    app.add_provider("vang", SECRET);
    for id in ["p", "tat", "vang"] {
        for days_ago in 1..=7 {
            heard(&app, id, days_ago * 24, 30, 0);
        }
    }
    heard(&app, "p", 0, 999, 1);
    app.run(app.store().set_provider_disabled("tat", Some(now())))
        .expect("disabled");
    let page = get(&app, "/providers");
    assert!(
        page.contains("thường giờ này có 30 thông báo, đã 23 giờ chưa thấy"),
        "{page}"
    );
    assert_eq!(
        page.matches("Im lặng bất thường").count(),
        1,
        "a disabled provider may be silent"
    );
    let at = |id: &str| page.find(&format!("<h2>{id} ")).expect("its sheet");
    assert!(
        at("vang") < at("p") && at("p") < at("tat"),
        "who needs a call first, who is disabled last"
    );
    assert!(page.contains("99,90%") && page.contains("999/1.000"));
    assert!(page.contains("4,2 ms") && page.contains("81,0 ms"));
    let english = get(&app, "/providers?lang=en");
    assert!(
        english.contains("none for 23 hours") && english.contains("99.90%"),
        "{english}"
    );
    assert!(!page.contains("whsec_") && !english.contains("whsec_"));
}

#[test]
fn before_anything_is_heard_the_page_says_what_to_do() {
    let app = start(Database::sqlite());
    let page = get(&app, "/providers");
    assert!(
        page.contains("chưa có thông báo nào") && page.contains("/callbacks/p"),
        "{page}"
    );
    let stranger = app.get("/providers");
    assert!(stranger.body.contains("choso user add") && !stranger.body.contains("/callbacks/p"));
    assert_eq!(app.get("/api/v1/providers").status, 401);
}

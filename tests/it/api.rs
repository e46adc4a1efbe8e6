//! The JSON API over HTTP: register, change, find, hand out codes, ask for figures.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Barrier;

use choso::app::App;
use choso::clock::now;
use choso::vn::Day;
use serde_json::{Value, json};

use crate::store_contract::sources;
use crate::support::http::{self, Answer};
use crate::support::service::TestApp;
use crate::support::*;

on_both! {
    a_household_is_registered_changed_and_found
    a_code_is_handed_out_once_and_counts
    a_card_whose_account_was_unlinked_is_not_right
    a_creating_call_is_done_once
    two_instances_do_a_creating_call_once
    a_call_that_fails_after_its_work_is_done_once_when_it_is_repeated
    a_stall_gets_accounts_and_terminals
    a_stall_that_is_there_is_not_made_again
    a_street_that_looks_like_a_known_one_is_asked_about
    lists_go_page_by_page
    odd_calls_are_refused_by_their_kind
}

const TOKEN: &str = "choso_invented-token-of-a-test";

struct Api {
    app: TestApp,
}

impl Api {
    fn start(database: Database) -> Api {
        let app = TestApp::start(database);
        app.person("Người thử", TOKEN);
        Api { app }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, &[], body)
    }

    fn call_with(&self, method: &str, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend_from_slice(more);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        http::send(self.app.address(), method, path, &headers, body.as_bytes())
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }
}

/// An invented household with one stall and one account.
fn household(reference: &str) -> Value {
    json!({
        "household_ref": reference,
        "household_name": "Hộ Thử Đặng",
        "class": "registered",
        "phone": "0905 000 000",
        "stalls": [{
            "unit_code": "20242", "street": "Đường Thử Nghiệm", "house_number": "7", "from": "2026-01-01",
            "account": {"bank_bin": "970415", "account_number": "API00001", "account_holder": "HO THU", "holder_relation": "owner"}
        }]
    })
}

fn a_household_is_registered_changed_and_found(database: Database) {
    let api = Api::start(database);
    let made = api.call("POST", "/api/v1/households", &household("api-1"));
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["household_id"].as_str().expect("an id").to_owned();
    assert_eq!(made.json()["stalls"][0]["accounts"][0]["account"], "•••• 0001");
    assert!(!made.body.contains("API00001"), "the account leaves masked");

    let again = api.call("POST", "/api/v1/households", &household("api-1"));
    assert_eq!(
        (again.status, again.json()["field"].as_str()),
        (409, Some("household_ref"))
    );

    // found without accents, by reference, and by nothing else
    for (q, found) in [
        ("ho%20thu%20dang", 1),
        ("API-1", 1),
        ("%25", 0),
        ("khong%20co", 0),
    ] {
        let list = api.get(&format!("/api/v1/households?q={q}"));
        assert_eq!(list["items"].as_array().map(Vec::len), Some(found), "{q}");
    }
    let closed = api.call(
        "PATCH",
        &format!("/api/v1/households/{id}"),
        &json!({"trading_status": "closed"}),
    );
    assert_eq!(closed.json()["trading_status"], "closed", "{}", closed.body);
    // yesterday it still traded
    let yesterday = Day::of(now()).plus(-1);
    let report = api.get(&format!("/api/v1/indicators?area=20242&as_of={yesterday}"));
    let today = api.get("/api/v1/indicators?area=20242");
    let households = |r: &Value| r["figures"][0]["denominator"].as_i64().expect("a count");
    assert_eq!(households(&report) - households(&today), 1);

    let name = format!("/api/v1/households/{id}");
    let wrong = api.call("PATCH", &name, &json!({"trading_status": "asleep"}));
    assert_eq!(
        (wrong.status, wrong.json()["type"].as_str()),
        (400, Some("urn:choso:problem:malformed"))
    );
}

fn a_code_is_handed_out_once_and_counts(database: Database) {
    let api = Api::start(database);
    let made = api.call("POST", "/api/v1/households", &household("api-2")).json();
    let stall = made["stalls"][0]["stall_id"]
        .as_str()
        .expect("a stall")
        .to_owned();
    let with_code = |api: &Api| api.get("/api/v1/indicators?area=20242")["figures"][1]["numerator"].as_i64();
    let before = with_code(&api).expect("a count");

    let first = api.call("POST", &format!("/api/v1/stalls/{stall}/codes"), &Value::Null);
    assert_eq!(first.status, 201, "{}", first.body);
    let second = api.call("POST", &format!("/api/v1/stalls/{stall}/codes"), &Value::Null);
    assert_eq!(
        (second.status, &second.json()["serial"]),
        (200, &first.json()["serial"])
    );
    assert_eq!(with_code(&api), Some(before + 1));
    let code = made["stalls"][0]["stall_code"].as_str().expect("a code");
    assert!(
        first.json()["payload"]
            .as_str()
            .is_some_and(|p| p.contains(&format!("0808{code}6304")))
    );

    let serial = first.json()["serial"].as_str().expect("a serial").to_owned();
    let late = api.call(
        "POST",
        &format!("/api/v1/stalls/{stall}/codes"),
        &json!({"issued_on": "2999-01-01"}),
    );
    assert_eq!(
        (late.status, late.json()["field"].as_str()),
        (422, Some("issued_on"))
    );
    let ended = api.call(
        "POST",
        &format!("/api/v1/codes/{serial}/end"),
        &json!({"state": "revoked"}),
    );
    assert_eq!(ended.status, 204);
    assert_eq!(
        with_code(&api),
        Some(before),
        "a revoked code is not active on its last day"
    );
    let twice = api.call(
        "POST",
        &format!("/api/v1/codes/{serial}/end"),
        &json!({"state": "destroyed"}),
    );
    assert_eq!(twice.status, 409);
    // anybody with the card sees what became of it, and no account number
    let card = api.app.get(&format!("/k/{serial}"));
    assert!(card.status == 200 && card.body.contains("0001") && !card.body.contains("API00001"));
}

fn a_card_whose_account_was_unlinked_is_not_right(database: Database) {
    let api = Api::start(database);
    let made = api.call("POST", "/api/v1/households", &household("api-6")).json();
    let stall = &made["stalls"][0];
    let code = api.call(
        "POST",
        &format!(
            "/api/v1/stalls/{}/codes",
            stall["stall_id"].as_str().expect("a stall")
        ),
        &Value::Null,
    );
    let card = format!("/k/{}", code.json()["serial"].as_str().expect("a serial"));
    assert!(api.app.get(&card).body.contains("ĐÚNG"));
    let yesterday = Day::of(now()).plus(-1).to_string();
    let link = stall["accounts"][0]["link_id"].as_str().expect("a link");
    assert_eq!(
        api.call(
            "POST",
            &format!("/api/v1/links/{link}/end"),
            &json!({"on": yesterday})
        )
        .status,
        204
    );
    let body = api.app.get(&card).body;
    assert!(
        !body.contains("ĐÚNG") && body.contains("không còn gắn với sạp"),
        "{body}"
    );
    let household = api.get(&format!(
        "/api/v1/households/{}",
        made["household_id"].as_str().expect("an id")
    ));
    assert_eq!(
        (&household["has_account"], &household["has_code"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
}

fn a_creating_call_is_done_once(database: Database) {
    let api = Api::start(database);
    let key = [("idempotency-key", "thu-1")];
    let first = api.call_with("POST", "/api/v1/households", &key, &household("api-3"));
    let again = api.call_with("POST", "/api/v1/households", &key, &household("api-3"));
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = api.call_with("POST", "/api/v1/households", &key, &household("api-4"));
    assert_eq!(
        (other.status, other.json()["field"].as_str()),
        (422, Some("idempotency-key"))
    );
}

/// Registers a household and gives back the address of its stall's bills, and one to be made there.
fn bills(api: &Api, reference: &str) -> (String, Value) {
    let made = api
        .call("POST", "/api/v1/households", &household(reference))
        .json();
    let stall = made["stalls"][0]["stall_id"].as_str().expect("a stall");
    (
        format!("/api/v1/stalls/{stall}/bills"),
        json!({"amount_vnd": 20_000}),
    )
}

fn rows_of(api: &Api, table: &str) -> usize {
    let query = format!("SELECT '' || COUNT(*) FROM {table}");
    let count = api.app.run(api.app.database.texts(&query)).remove(0);
    count.parse().expect("a count")
}

fn two_instances_do_a_creating_call_once(database: Database) {
    let api = Api::start(database);
    let other = api
        .app
        .run(App::start(&api.app.config))
        .expect("a second instance");
    let (path, bill) = bills(&api, "api-7");
    let bearer = format!("Bearer {TOKEN}");
    for round in 1..=10 {
        let key = format!("thu-{round}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("idempotency-key", key.as_str()),
        ];
        let (path, body, headers) = (&path, bill.to_string(), &headers);
        let start = Barrier::new(4);
        let send = |to: SocketAddr| {
            start.wait();
            http::send(to, "POST", path, headers, body.as_bytes())
        };
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let to = [api.app.address(), other.address()].repeat(2);
            let calls: Vec<_> = to.into_iter().map(|to| scope.spawn(move || send(to))).collect();
            calls
                .into_iter()
                .map(|call| call.join().expect("an answer"))
                .collect()
        });
        let replayed = answers
            .iter()
            .filter(|a| a.header("idempotency-replayed").is_some());
        assert_eq!(replayed.count(), 3, "{answers:?}");
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        }
        assert_eq!(rows_of(&api, "bill"), round, "each call makes one bill");
    }
    api.app.run(other.stop());
}

fn a_call_that_fails_after_its_work_is_done_once_when_it_is_repeated(database: Database) {
    let api = Api::start(database);
    let (path, bill) = bills(&api, "api-8");
    let key = [("idempotency-key", "thu-1")];
    // The database refuses to keep an answer, whichever way it is written.
    let is_sqlite = api.app.database.url.starts_with("sqlite:");
    let (refuse, allow) = if is_sqlite {
        (
            "CREATE TRIGGER refuse_new BEFORE INSERT ON idempotency WHEN NEW.body <> '' BEGIN SELECT RAISE(ABORT, 'no'); END;
             CREATE TRIGGER refuse BEFORE UPDATE ON idempotency BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER refuse_new; DROP TRIGGER refuse",
        )
    } else {
        (
            "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''no''; END' LANGUAGE plpgsql;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON idempotency
             FOR EACH ROW WHEN (NEW.body <> '') EXECUTE FUNCTION refuse()",
            "DROP TRIGGER refuse ON idempotency",
        )
    };
    api.app.run(api.app.database.execute(refuse));
    let failed = api.call_with("POST", &path, &key, &bill);
    assert!(failed.status >= 500, "{failed:?}");
    assert_eq!((rows_of(&api, "bill"), rows_of(&api, "idempotency")), (0, 0));
    api.app.run(api.app.database.execute(allow));
    let again = api.call_with("POST", &path, &key, &bill);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, None));
    let replayed = api.call_with("POST", &path, &key, &bill);
    assert_eq!((replayed.status, &replayed.body), (201, &again.body));
    assert_eq!((rows_of(&api, "bill"), rows_of(&api, "idempotency")), (1, 1));
}

fn a_stall_gets_accounts_and_terminals(database: Database) {
    let api = Api::start(database);
    let made = api.call("POST", "/api/v1/households", &household("api-5")).json();
    let id = made["household_id"].as_str().expect("an id");
    let stall = made["stalls"][0]["stall_id"].as_str().expect("a stall");
    let second =
        json!({"unit_code": "20242", "market": "Chợ Thử", "stall_number": "9", "from": "2026-02-01"});
    let added = api.call("POST", &format!("/api/v1/households/{id}/stalls"), &second);
    assert_eq!(added.status, 201, "{}", added.body);
    assert_eq!(
        api.get(&format!("/api/v1/households/{id}"))["place"],
        "Đường Thử Nghiệm",
        "its principal place stays"
    );

    let wallet = json!({"account_number": "API00002", "account_holder": "HO THU", "holder_relation": "owner", "from": "2026-02-01"});
    let linked = api.call("POST", &format!("/api/v1/stalls/{stall}/accounts"), &wallet);
    assert_eq!(
        linked.json()["accounts"].as_array().map(Vec::len),
        Some(2),
        "{}",
        linked.body
    );
    // two accounts: which one is a question
    assert_eq!(
        api.call("POST", &format!("/api/v1/stalls/{stall}/codes"), &Value::Null)
            .status,
        409
    );

    let terminal = json!({"provider_id": "p", "terminal": "T-9", "from": "2026-02-01"});
    assert_eq!(
        api.call("POST", &format!("/api/v1/stalls/{stall}/terminals"), &terminal)
            .status,
        204
    );
    let item = with(
        with(
            with(payment("T1", 5000), "account", Value::Null),
            "bank_bin",
            Value::Null,
        ),
        "terminal",
        "T-9".into(),
    );
    assert_eq!(api.app.post("m1", &item).status, 204);
    assert_eq!(api.app.received_and_receipts(), (1, 1));

    let link = linked.json()["accounts"][1]["link_id"]
        .as_str()
        .expect("a link")
        .to_owned();
    assert_eq!(
        api.call(
            "POST",
            &format!("/api/v1/links/{link}/end"),
            &json!({"on": "2026-02-28"})
        )
        .status,
        204
    );
    assert_eq!(
        api.get(&format!("/api/v1/stalls/{stall}"))["accounts"][1]["to"],
        "2026-02-28"
    );
    let closed = api.call(
        "PATCH",
        &format!("/api/v1/stalls/{stall}"),
        &json!({"trading_status": "closed"}),
    );
    assert_eq!(closed.json()["trading_status"], "closed", "{}", closed.body);
}

fn a_stall_that_is_there_is_not_made_again(database: Database) {
    let api = Api::start(database);
    let mut twice = household("api-9");
    let stall = twice["stalls"][0].clone();
    let made = api.call("POST", "/api/v1/households", &twice).json();
    let path = format!(
        "/api/v1/households/{}/stalls",
        made["household_id"].as_str().expect("an id")
    );
    let mut again = stall.clone();
    again["account"]["account_number"] = "API00002".into();
    let refused = api.call("POST", &path, &again);
    assert_eq!(refused.status, 409, "{}", refused.body);
    let shown = api.get(&format!(
        "/api/v1/households/{}",
        made["household_id"].as_str().expect("an id")
    ));
    assert_eq!(
        shown["stalls"][0]["accounts"].as_array().map(Vec::len),
        Some(1),
        "the stall that was there got nothing"
    );
    twice["household_ref"] = "api-10".into();
    twice["stalls"] = json!([stall, stall]);
    assert_eq!(api.call("POST", "/api/v1/households", &twice).status, 409);
    for from in ["2099-01-01", "0202-01-01"] {
        again["house_number"] = "8".into();
        again["from"] = from.into();
        let refused = api.call("POST", &path, &again);
        assert_eq!(
            (refused.status, refused.json()["field"].as_str()),
            (422, Some("stalls[0].from")),
            "{}",
            refused.body
        );
    }
}

fn a_street_that_looks_like_a_known_one_is_asked_about(database: Database) {
    let api = Api::start(database);
    let on = |reference: &str, street: &str, new_street: bool| {
        let mut household = household(reference);
        household["stalls"][0]["street"] = street.into();
        if new_street {
            household["stalls"][0]["new_street"] = true.into();
        }
        api.call("POST", "/api/v1/households", &household)
    };
    assert_eq!(on("api-11", "Đường Thí Nghiệm", false).status, 201);
    for same in ["đ. Thí Nghiệm", "Thi Nghiem", "THÍ NGHIỆM"] {
        let made = on(&format!("api-{same}"), same, false);
        assert_eq!(made.status, 201, "{same}: {}", made.body);
        assert_eq!(made.json()["place"], "Đường Thí Nghiệm", "{same}: {}", made.body);
    }
    let asked = on("api-12", "Thí Nghiêm", false);
    assert_eq!(asked.status, 422, "{}", asked.body);
    assert!(asked.body.contains("«Đường Thí Nghiệm»"), "{}", asked.body);
    assert_eq!(on("api-12", "Thí Nghiêm", true).status, 201);
}

fn lists_go_page_by_page(database: Database) {
    let api = Api::start(database);
    let mut seen = Vec::new();
    let mut path = "/api/v1/households?limit=2".to_owned();
    loop {
        let page = api.get(&path);
        let items = page["items"].as_array().expect("items");
        seen.extend(
            items
                .iter()
                .map(|i| i["household_ref"].as_str().expect("a reference").to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/households?limit=2&cursor={next}");
    }
    seen.sort();
    assert_eq!(seen, ["bon", "nam", "one", "sau", "tre", "two"]);
    assert_eq!(
        api.call("GET", "/api/v1/households?limit=0", &Value::Null).status,
        422
    );
    assert_eq!(
        api.call("GET", "/api/v1/households?foo=1", &Value::Null).status,
        422
    );
}

/// What no text of the database may hold, wherever it stands in a call, and a method or an address that no call has.
fn odd_calls_are_refused_by_their_kind(database: Database) {
    let api = Api::start(database);
    for (method, path, body, status) in [
        ("GET", "/api/v1/households?q=a%00b", Value::Null, 422),
        ("GET", "/api/v1/households?cursor=%00", Value::Null, 422),
        ("GET", "/api/v1/notices/waiting?cursor=x", Value::Null, 422),
        ("GET", "/api/v1/indicators?area=%00", Value::Null, 422),
        ("GET", "/api/v1/households/a%00b", Value::Null, 404),
        (
            "POST",
            "/api/v1/orders",
            json!({"provider_id": "p", "reference": "a\0", "stall_id": "s"}),
            422,
        ),
        ("POST", "/api/v1/stalls/s/codes", json!({"account_id": "\0"}), 422),
        (
            "POST",
            "/api/v1/stalls/s/bills",
            json!({"amount_vnd": 1, "account_id": "\0"}),
            422,
        ),
        (
            "POST",
            "/api/v1/households",
            json!(["r", "n", "registered", null, null, []]),
            400,
        ),
        ("PATCH", "/api/v1/households/x", json!([]), 400),
        ("DELETE", "/api/v1/households/x", Value::Null, 405),
        ("GET", "/api/v1/stalls/x/codes", Value::Null, 405),
        ("GET", "/api/v1/nowhere", Value::Null, 404),
    ] {
        let answer = api.call(method, path, &body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{method} {path}"
        );
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}");
    }
    // Pages read the same texts.
    for path in ["/households?q=%00", "/stalls/%00", "/k/%00", "/check/lists/%00"] {
        let status = api.app.get(path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}

/// Without a token nothing of the API answers but its description, and the description says so.
#[test]
fn strangers_get_401_and_the_document_describes_every_call() {
    let api = Api::start(Database::sqlite());
    let document = api.get("/api/v1/openapi.json");
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")));
    let mut documented = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().expect("paths") {
        for (method, call) in calls.as_object().expect("calls") {
            documented.insert(format!("{method} {path}"));
            let path = path.replace(['{', '}'], "x");
            let answer = http::send(api.app.address(), &method.to_uppercase(), &path, &[], b"{}");
            if call["security"] == json!([{}]) {
                assert_eq!(answer.status, 200, "{method} {path} says that it needs no token");
                continue;
            }
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        registered_calls(),
        documented,
        "on the left what the service answers"
    );
    let forged = http::send(
        api.app.address(),
        "GET",
        "/api/v1/totals",
        &[("authorization", "Bearer choso_x")],
        b"",
    );
    assert_eq!(forged.status, 401);
}

/// Every call that the source of the API registers, as `get /api/v1/units`.
fn registered_calls() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/api");
    let mut registered = BTreeSet::new();
    for (file, text) in sources(&folder) {
        let count = |word: &str| text.matches(word).count();
        let body = text.split_once("fn routes(").map_or("", |(_, rest)| rest);
        let before = registered.len();
        let mut route = "";
        // Quotes hold paths; behind a path stand its methods.
        for (position, piece) in body.split("\n}").next().unwrap_or(body).split('"').enumerate() {
            if position % 2 == 1 {
                route = piece;
            }
            let methods = piece.split("web::").filter_map(|call| call.split_once("().to("));
            registered.extend(methods.map(|(method, _)| format!("{method} /api/v1{route}")));
        }
        assert_eq!(
            (
                registered.len() - before,
                count("web::resource(") + count("web::scope(")
            ),
            (count("().to("), count(".service(")),
            "{file}: registered in a way that this test does not read"
        );
    }
    registered
}

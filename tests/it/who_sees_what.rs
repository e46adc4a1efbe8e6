//! A ward does not see what a household earns: every address is asked as an officer, and docs/who-sees-what.md names
//! every one of them.

use std::path::Path;

use choso::access::token_sha256;
use choso::clock::now;
use choso::vn::{Day, Dong, Lang};
use serde_json::json;

use crate::store_contract::sources;
use crate::support::http;
use crate::support::service::{TestApp, payment_now};
use crate::support::*;

const TOKEN: &str = "choso_invented-token-of-an-officer";
/// What two households received; no sum of them is one of them.
const AMOUNTS: [i64; 3] = [1_234_567, 2_345_678, 7_654_321];

/// Every address of pages and API with its method, as `GET` and `/stalls/{stall}`: read from the sources, so that a new
/// one is looked at, too.
fn routes() -> Vec<(&'static str, String)> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let methods = [
        ("web::get()", "GET"),
        ("web::post()", "POST"),
        ("web::patch()", "PATCH"),
    ];
    let mut found = Vec::new();
    for (path, text) in sources(&web) {
        let base = if path.contains("/api/") { "/api/v1" } else { "" };
        let mut address = "";
        for (at, _) in text.char_indices() {
            let rest = &text[at..];
            // `.route("/address", web::get()…`, or `web::resource("/address").route(web::get()…`.
            let named = ["route(", "resource("]
                .iter()
                .find_map(|call| rest.strip_prefix(call));
            if let Some(name) = named.and_then(|rest| rest.trim_start().strip_prefix('"')) {
                address = name.split('"').next().unwrap_or_default();
            }
            let method = methods.iter().find(|(call, _)| rest.starts_with(call));
            if let Some((_, method)) = method.filter(|_| !address.is_empty()) {
                found.push((*method, format!("{base}{address}")));
            }
        }
    }
    found
}

#[test]
fn the_page_about_it_names_every_address() {
    let routes = routes();
    assert!(routes.len() > 70, "the routes were read: {routes:?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/who-sees-what.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let is_missing = |(_, address): &&(&str, String)| !page.contains(&format!("`{address}`"));
    let ops = ["/healthz", "/readyz", "/metrics"];
    let missing: Vec<_> = routes
        .iter()
        .filter(is_missing)
        .filter(|(_, address)| !ops.contains(&address.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/who-sees-what.md says nothing of {missing:?}"
    );
}

/// As the API and pages of both languages write it.
fn written(amount: i64) -> [String; 3] {
    let shown = |lang| {
        let text = Dong::new(amount).show(lang);
        text.split([' ', '\u{a0}']).next().unwrap_or_default().to_owned()
    };
    [amount.to_string(), shown(Lang::Vi), shown(Lang::En)]
}

#[test]
fn an_officer_finds_no_amount_of_a_household_anywhere() {
    let app = TestApp::sqlite();
    app.person("Người thử", TOKEN);
    let to = ["00000011", "00000011", "00000022"];
    for (n, (amount, account)) in AMOUNTS.iter().zip(to).enumerate() {
        let item = to_account(payment_now(&format!("T{n}"), *amount), account);
        assert_eq!(app.post(&format!("m{n}"), &item).status, 204);
    }
    app.run(app.store().count_receipts()).expect("counted");
    let first = |sql: &str| {
        app.run(app.database.texts(sql))
            .into_iter()
            .next()
            .expect("a row")
    };
    let household = first("SELECT household_id FROM household WHERE household_ref = 'one'");
    let stall = first(
        "SELECT stall_id FROM stall WHERE household_id = (SELECT household_id FROM household WHERE household_ref = 'one')",
    );
    let serial = first("SELECT serial FROM code");
    let market = first("SELECT place_id FROM place WHERE kind = 'market'");
    let receipt = first("SELECT CAST(entry_no AS TEXT) FROM receipt WHERE amount_vnd = 1234567");
    let today = Day::of(now()).to_string();
    // Another officer's bill, paid.
    app.run(
        app.store()
            .add_token("Người khác", &token_sha256("choso_other"), false, now()),
    )
    .expect("a token");
    let made = http::send(
        app.address(),
        "POST",
        &format!("/api/v1/stalls/{stall}/bills"),
        &[("authorization", "Bearer choso_other")],
        json!({"amount_vnd": AMOUNTS[0]}).to_string().as_bytes(),
    );
    let bill = made.json()["bill_id"].as_str().expect("a bill").to_owned();
    let place = |address: &str| {
        [
            ("{household}", household.as_str()),
            ("{household_id}", &household),
            ("{stall}", &stall),
            ("{stall_id}", &stall),
            ("{serial}", &serial),
            ("{card}", "a6.svg"),
            ("{place}", &market),
            ("{area}", "20242@2025-07-01"),
            ("{bill}", &bill),
            ("{bill_id}", &bill),
            ("{provider_id}", "p"),
            ("{day}", &today),
        ]
        .iter()
        .fold(address.to_owned(), |address, (name, value)| {
            address.replace(name, value)
        })
    };
    let days = format!("provider=p&from={today}&to={today}");
    let mut seen = 0;
    for (method, address) in routes() {
        if method != "GET" {
            continue;
        }
        let path = place(&address);
        let questions: Vec<String> = match address.as_str() {
            "/api/v1/indicators" => ["json", "csv", "html"]
                .iter()
                .map(|format| format!("?area=20242&format={format}"))
                .collect(),
            "/live" => vec!["?area=20242@2025-07-01".to_owned()],
            "/api/v1/receipts/stream" => vec!["?after=0000000000000000".to_owned()],
            "/reconcile/case" => vec![format!("?provider=p&subject=entry:{receipt}&day={today}")],
            address if address.starts_with("/reconcile") => {
                vec![format!("?{days}"), format!("?{days}&state=resolved")]
            }
            _ => vec![String::new(), "?lang=en".to_owned()],
        };
        for question in questions {
            let path = format!("{path}{question}");
            for way in ["cookie", "bearer"] {
                let value = match way {
                    "cookie" => format!("choso_session={TOKEN}"),
                    _ => format!("Bearer {TOKEN}"),
                };
                let name = if way == "cookie" {
                    "cookie"
                } else {
                    "authorization"
                };
                let headers = [(name, value.as_str()), ("accept", "text/html,*/*")];
                let answer = http::send(app.address(), "GET", &path, &headers, b"");
                seen += usize::from(answer.status == 200);
                // Only exceptions have a page: no receipt is read by its number.
                assert!(address != "/reconcile/case" || answer.status == 404, "{path}");
                for amount in AMOUNTS.into_iter().chain([AMOUNTS[0] + AMOUNTS[1]]) {
                    for text in written(amount) {
                        assert!(!answer.body.contains(&text), "{way} {path} shows {text}");
                    }
                }
            }
        }
    }
    assert!(seen > 40, "pages were seen: {seen}");
}

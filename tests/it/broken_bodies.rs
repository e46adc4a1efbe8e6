//! What a body gets that cannot be read: a page where a form was sent, a problem document from the API. The forms are
//! found in the sources, so that a new one is covered.

use crate::support::http::{self, Answer};
use crate::support::service::TestApp;
use crate::support::{Database, on_both};

on_both! {
    a_character_that_no_database_keeps_is_the_senders_mistake
}

const TOKEN: &str = "choso_invented-token-of-a-form";

fn start() -> TestApp {
    let app = TestApp::sqlite();
    app.person("Somebody", TOKEN);
    app
}

fn source(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each page that takes a POST: its path, and whether its handler reads a form.
fn posts() -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for folder in ["src/web/pages", "src/web/pages/reconcile"] {
        posts_of(folder, &mut found);
    }
    let forms = found.iter().filter(|(_, is_form)| *is_form).count();
    assert!(
        forms >= 12 && found.len() > forms,
        "the routes were read: {found:?}"
    );
    found
}

fn posts_of(folder: &str, found: &mut Vec<(String, bool)>) {
    let routes = source(&format!("{folder}/mod.rs"));
    for route in routes.split(".route(").skip(1) {
        let Some((path, rest)) = route.split_once("web::post().to(") else {
            continue;
        };
        let path = path.split('"').nth(1).expect("a path");
        let handler = rest.split(')').next().expect("a handler");
        let (file, name) = handler.split_once("::").expect("a file and a name");
        let code = source(&format!("{folder}/{file}.rs"));
        let (_, signature) = code
            .split_once(&format!("async fn {name}("))
            .unwrap_or_else(|| panic!("no {handler}"));
        let signature = signature.split("->").next().unwrap_or_default();
        // Whatever stands in the place of an id.
        let path: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        found.push((path.join("/"), signature.contains("Form")));
    }
}

fn post(app: &TestApp, path: &str, lang: &str, form: (&str, &str)) -> Answer {
    let cookie = format!("choso_session={TOKEN}; choso_lang={lang}");
    let origin = format!("http://{}", app.address());
    let (content_type, body) = form;
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", origin.as_str()),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("content-type", content_type),
    ];
    http::send(app.address(), "POST", path, &headers, body.as_bytes())
}

fn has_vietnamese(text: &str) -> bool {
    text.chars().any(|c| c.is_alphabetic() && !c.is_ascii())
}

#[test]
fn every_form_that_cannot_be_read_gets_a_page_in_the_visitors_language() {
    let app = start();
    // Signing out would end the session of this test.
    for (path, is_form) in posts().into_iter().filter(|(path, _)| path != "/sign-out") {
        for (lang, other) in [("vi", "Tiếng Việt"), ("en", "English")] {
            // No form at all.
            let answer = post(&app, &path, lang, ("text/plain", "what is this"));
            let kind = answer.header("content-type").unwrap_or_default().to_owned();
            assert!(!kind.starts_with("text/plain"), "{path}: {}", answer.body);
            if !is_form {
                continue;
            }
            assert_eq!(answer.status, 422, "{path} {lang}: {}", answer.body);
            assert!(kind.starts_with("text/html"), "{path} {lang}: {kind}");
            let main = answer.body.split("<main").nth(1).unwrap_or_default();
            let main = main.split("</main>").next().unwrap_or_default();
            assert!(!main.is_empty(), "{path}: {}", answer.body);
            assert_eq!(has_vietnamese(main), lang == "vi", "{path} {other}: {main}");
        }
    }
}

#[test]
fn a_form_that_lacks_a_field_gets_a_page_that_knows_who_sent_it() {
    let app = start();
    let form = ("application/x-www-form-urlencoded", "reason=x");
    let answer = post(&app, "/reconcile/days/close", "en", form);
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(
        answer.body.contains("provider"),
        "it names the field: {}",
        answer.body
    );
    assert!(answer.body.contains("Somebody"), "who is signed in stays so");
    let answer = post(&app, "/reconcile/days/close", "vi", form);
    assert!(
        answer.body.contains("Ô «provider» của biểu mẫu"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("missing field"), "{}", answer.body);
    let large = format!("reason={}", "x".repeat(100_000));
    let form = ("application/x-www-form-urlencoded", large.as_str());
    let answer = post(&app, "/reconcile/days/close", "vi", form);
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("Nội dung quá lớn"), "{}", answer.body);
}

#[test]
fn a_script_gets_a_document_in_the_visitors_language() {
    let app = start();
    let origin = format!("http://{}", app.address());
    for (lang, said) in [("vi", "Cần đăng nhập"), ("en", "Sign in first")] {
        let cookie = format!("choso_lang={lang}");
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", origin.as_str()),
            ("accept", "application/json"),
        ];
        let answer = http::send(app.address(), "POST", "/check/code", &headers, b"{}");
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["title"], said);
    }
}

#[test]
fn broken_json_gets_a_problem_document_from_every_call_of_the_api() {
    let app = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", bearer.as_str()),
        // The language of a browser changes nothing: the API speaks Vietnamese.
        ("cookie", "choso_lang=en"),
    ];
    let document = http::send(app.address(), "GET", "/api/v1/openapi.json", &headers, b"").json();
    let mut seen = 0;
    for (path, calls) in document["paths"].as_object().expect("paths") {
        let path: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        let path = path.join("/");
        for (method, call) in calls.as_object().expect("calls") {
            if !["post", "put", "patch"].contains(&method.as_str()) {
                continue;
            }
            let method = method.to_uppercase();
            let answer = http::send(app.address(), &method, &path, &headers, b"{\"broken\": ");
            let kind = answer.header("content-type");
            assert_eq!(
                kind,
                Some("application/problem+json"),
                "{method} {path}: {}",
                answer.body
            );
            if call["requestBody"].is_object() {
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
                assert_eq!(answer.json()["type"], "urn:choso:problem:malformed");
                assert_eq!(answer.json()["title"], "Không đọc được nội dung");
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen} calls take a body");
}

/// U+0000, which PostgreSQL keeps in no text, in addresses, questions and fields: never said to be a database that is
/// away, since a caller would send it again and again.
fn a_character_that_no_database_keeps_is_the_senders_mistake(database: Database) {
    let app = TestApp::start(database);
    app.person("Somebody", TOKEN);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "a-key-of-this-test"),
    ];
    let document = app.get("/api/v1/openapi.json").json();
    let calls = document["paths"].as_object().expect("paths");
    let mut tried = 0;
    for (path, methods) in calls {
        let with_nul: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "a%00b" } else { part })
            .collect();
        let with_nul = with_nul.join("/");
        let methods = methods.as_object().expect("methods");
        for (method, call) in methods.iter().filter(|_| !path.contains("stream")) {
            let asked = call["parameters"].as_array().into_iter().flatten();
            let asked = asked
                .filter(|one| one["in"] == "query")
                .filter_map(|one| one["name"].as_str());
            let asked: Vec<String> = asked.map(|name| format!("{name}=a%00b")).collect();
            if with_nul == *path && asked.is_empty() {
                continue;
            }
            let target = format!("{with_nul}?{}", asked.join("&"));
            let answer = http::send(app.address(), &method.to_uppercase(), &target, &headers, b"{}");
            assert!(
                (400..500).contains(&answer.status),
                "{method} {target}: {}",
                answer.body
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    let fields =
        "amount=1000&account_id=a%00b&reason=a%00b&stall_href=/stalls/a%00b&name=a%00b&what=replaced&sure=1";
    let form = ("application/x-www-form-urlencoded", fields);
    for (path, _) in posts().into_iter().filter(|(path, _)| path != "/sign-out") {
        for path in [path.replace("/x", "/a%00b"), path] {
            let answer = post(&app, &path, "vi", form);
            assert!(answer.status < 500, "{path}: {}", answer.body);
        }
    }
    for page in [
        "/households?q=a%00b",
        "/stalls/a%00b",
        "/places/a%00b",
        "/k/a%00b",
        "/areas/a%00b",
    ] {
        let cookie = format!("choso_session={TOKEN}");
        let answer = http::send(app.address(), "GET", page, &[("cookie", cookie.as_str())], b"");
        assert!(answer.status < 500, "{page}: {}", answer.body);
    }
}

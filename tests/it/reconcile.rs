//! Statements on the web: what was taken in, what a day came to, and the digest that a provider compares.

use choso::clock::now;
use choso::settlement::{Reconciler, StatementFile};
use choso::vn::{Day, WorkingCalendar};

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now};

const TOKEN: &str = "choso_invented-token-of-an-officer";

fn get(app: &TestApp, path: &str) -> Answer {
    let cookie = format!("choso_session={TOKEN}");
    http::send(app.address(), "GET", path, &[("cookie", &cookie)], b"")
}

/// A service that heard of one payment today, and whose statement knows two and a third of nobody.
fn start() -> TestApp {
    let app = TestApp::sqlite();
    app.person("Người một", TOKEN);
    assert_eq!(app.post("m1", &payment_now("T1", 20_000)).status, 204);
    let today = Day::of(now()).show();
    let rows = format!(
        "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận\nT1;{today};20.000;00000011\nT2;{today};30.000;00000011\nT3;{today};40.000;99999999\n"
    );
    let path = app.database.folder.path().join("sao-ke.csv");
    std::fs::write(&path, rows).expect("a file");
    let file = StatementFile {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        path,
        name: "sao-ke.csv".to_owned(),
        mapping: None,
        by: "Người một".to_owned(),
        is_trial: false,
    };
    app.run(
        Reconciler {
            store: app.store(),
            calendar: &WorkingCalendar::default(),
            now: now(),
        }
        .import_statement(&file, |_| {}),
    )
    .expect("taken in");
    app
}

#[test]
fn a_day_is_compared_on_its_page_and_downloaded() {
    let app = start();
    let today = Day::of(now());
    let page = get(&app, "/reconcile");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("sao-ke.csv") && page.body.contains("90.000 đ"),
        "what was taken in"
    );
    let question = format!("provider=p&from={today}&to={today}");
    assert!(
        page.body
            .contains(&format!("/reconcile?{question}").replace('&', "&#38;")),
        "leads to its day"
    );
    let day = get(&app, &format!("/reconcile?{question}"));
    assert_eq!(day.status, 200, "{}", day.body);
    // There is one provider only, so that nobody has to name it.
    for list in ["/reconcile/exceptions", "/reconcile/books.xlsx"] {
        assert_eq!(get(&app, list).status, 200, "{list}");
    }
    for words in [
        "Cộng lại khớp",
        "Thiếu thông báo",
        "Tài khoản lạ",
        "Khớp tự động",
        "không nhận được báo",
        "chờ sao kê 3 ngày làm việc",
    ] {
        assert!(day.body.contains(words), "{words}");
    }
    let csv = get(&app, &format!("/reconcile/exceptions.csv?{question}"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.body.contains("missing_notice,T2,30000,") && csv.body.contains("unknown_account,T3,40000,"));
    let english = get(&app, &format!("/reconcile?{question}&lang=en"));
    assert!(english.body.contains("Adds up"));
    // Looking changes nothing: a row that waits to be posted still waits.
    app.run(
        app.database
            .execute("UPDATE statement_row SET is_posted = 0, pass = 'old'"),
    );
    assert_eq!(get(&app, &format!("/reconcile?{question}")).status, 200);
    let kept = app.run(app.database.texts("SELECT is_posted || pass FROM statement_row"));
    assert_eq!(kept, ["0old"; 3]);
    // Too many days, turned days, a provider that is none, a stranger.
    assert_eq!(
        get(&app, "/reconcile?provider=p&from=2026-01-01&to=2026-03-01").status,
        422
    );
    assert_eq!(
        get(&app, "/reconcile?provider=p&from=2026-03-02&to=2026-03-01").status,
        422
    );
    assert!(
        get(&app, &format!("/reconcile?provider=nobody&from={today}"))
            .body
            .contains("Không có dòng sao kê")
    );
    let stranger = http::send(app.address(), "GET", &format!("/reconcile?{question}"), &[], b"");
    assert!(!stranger.body.contains("Thiếu thông báo"));
}

#[test]
fn a_provider_compares_its_day_by_the_digest() {
    let app = start();
    let today = Day::of(now());
    let held = get(&app, &format!("/api/v1/providers/p/days/{today}/digest"));
    assert_eq!(held.status, 200, "{}", held.body);
    let held = held.json();
    assert_eq!((&held["count"], &held["amount_vnd"]), (&2.into(), &50_000.into()));
    assert_eq!(held["digest"].as_str().map(str::len), Some(64));
    assert_eq!(held["hours"], serde_json::json!([]), "neither names an hour");
    let empty = get(&app, "/api/v1/providers/p/days/2020-01-01/digest").json();
    assert_eq!(
        empty["digest"],
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        get(&app, "/api/v1/providers/nobody/days/2020-01-01/digest").status,
        404
    );
    assert_eq!(get(&app, "/api/v1/providers/p/days/x/digest").status, 422);
}

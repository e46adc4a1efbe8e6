//! What waits for a person, on the web: seen whole, its account added to a stall, posted by a decision, or set aside.

use choso::settlement::audit;

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now};
use crate::support::*;

const ONE: &str = "choso_invented-token-of-one";
const FORM: &str = "application/x-www-form-urlencoded";

fn get(app: &TestApp, path: &str) -> Answer {
    let cookie = format!("choso_session={ONE}");
    http::send(app.address(), "GET", path, &[("cookie", &cookie)], b"")
}

fn post(app: &TestApp, path: &str, form: &str) -> Answer {
    let cookie = format!("choso_session={ONE}");
    let own = format!("http://{}", app.address());
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", own.as_str()),
        ("content-type", FORM),
    ];
    http::send(app.address(), "POST", path, &headers, form.as_bytes())
}

/// The addresses of the notices that the list names.
fn listed(app: &TestApp) -> Vec<String> {
    let page = get(app, "/review").body;
    let links = page.split("href=\"/review/").skip(1);
    links
        .map(|rest| format!("/review/{}", rest.split('"').next().expect("an address")))
        .collect()
}

#[test]
fn an_unknown_account_is_added_to_its_stall_and_what_waited_is_posted() {
    let app = TestApp::sqlite();
    app.person("Người một", ONE);
    app.register("moi,Hộ Thử Mới,registered,trading,20242,Đường Thử,9,,,THU5THUX,,,,,,2025-08-01,\n");
    for (n, amount) in [(1, 50_000), (2, 60_000)] {
        let item = to_account(payment_now(&format!("T{n}"), amount), "99990077");
        assert_eq!(app.post(&format!("m{n}"), &item).status, 204);
    }
    let list = get(&app, "/review").body;
    assert!(
        list.contains("VietinBank •••• 0077") && !list.contains("99990077"),
        "{list}"
    );
    let [first, _] = listed(&app).try_into().expect("two wait");
    let page = get(&app, &first).body;
    assert!(
        page.contains("Ghi tài khoản vào sổ") && page.contains("•••• 0077") && !page.contains("99990077"),
        "{page}"
    );
    // Not before the register knows the account.
    let early = post(
        &app,
        &format!("{first}/post"),
        "stall_code=THU5THUX&reason=xem+r%E1%BB%93i&sure=1",
    );
    assert!(
        early.status == 409 && early.body.contains("Hãy ghi tài khoản cho sạp trước"),
        "{}",
        early.body
    );
    let account = format!("{first}/account");
    let lacking = post(&app, &account, "stall_code=THU5THUX&holder=&relation=owner");
    assert_eq!(lacking.status, 422, "{}", lacking.body);
    let added = post(
        &app,
        &account,
        "stall_code=thu5thux&holder=HO+THU+MOI&relation=owner",
    );
    assert_eq!(added.status, 303, "{}", added.body);
    let page = get(&app, &first).body;
    assert!(
        page.contains("Hộ Thử Mới") && page.contains("thông báo khác của tài khoản này"),
        "{page}"
    );
    let stall = page
        .split("name=\"stall\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let form = format!(
        "stall={}&reason=%C4%91%C3%A3+h%E1%BB%8Fi&all=1",
        stall.expect("the stall")
    );
    let asked = post(&app, &format!("{first}/post"), &form);
    assert!(
        asked.body.contains("Ghi nhận cho Hộ Thử Mới (THU5THUX)?") && asked.body.contains("2 khoản"),
        "{}",
        asked.body
    );
    assert_eq!(listed(&app).len(), 2, "asking posts nothing");
    let posted = post(&app, &format!("{first}/post"), &format!("{form}&sure=1"));
    assert_eq!(
        posted.header("location"),
        Some("/review?done=posted&n=2"),
        "{}",
        posted.body
    );
    assert_eq!(listed(&app), [""; 0]);
    assert!(
        get(&app, "/review?done=posted&n=2")
            .body
            .contains("Đã ghi nhận 2 khoản cho sạp.")
    );
    assert_eq!(get(&app, &first).status, 404);
    let key = app.sealing_key();
    let audit = app.run(audit(app.store(), &key, |_| {})).expect("an audit");
    assert_eq!((audit.notices, audit.acts, audit.broken), (2, 2, None));
    assert_eq!(app.received_and_receipts(), (2, 2));
}

#[test]
fn two_contents_under_one_id_are_seen_beside_each_other() {
    let app = TestApp::sqlite();
    app.person("Người một", ONE);
    assert_eq!(app.post("m1", &payment_now("T1", 50_000)).status, 204);
    assert_eq!(app.post("m2", &payment_now("T1", 55_000)).status, 204);
    let [other] = listed(&app).try_into().expect("one waits");
    let page = get(&app, &other).body;
    assert!(
        page.contains("55.000 đ") && page.contains("50.000 đ") && page.contains("Đã ghi nhận"),
        "{page}"
    );
    assert!(!page.contains("Tiền này của sạp nào?"), "it is no second payment");
    let silent = post(&app, &format!("{other}/dismiss"), "reason=&sure=1");
    assert_eq!(silent.status, 409, "{}", silent.body);
    let asked = post(&app, &format!("{other}/dismiss"), "reason=b%C3%A1o+nh%E1%BA%A7m");
    assert!(
        asked.status == 200 && asked.body.contains("Bỏ qua thông báo này?"),
        "{}",
        asked.body
    );
    let done = post(
        &app,
        &format!("{other}/dismiss"),
        "reason=b%C3%A1o+nh%E1%BA%A7m&sure=1",
    );
    assert_eq!(done.header("location"), Some("/review?done=notice-dismissed"));
    assert_eq!(listed(&app), [""; 0]);
    assert_eq!(post(&app, &format!("{other}/nothing"), "").status, 404);
}

#[test]
fn an_account_is_added_on_the_page_of_a_stall() {
    let app = TestApp::sqlite();
    app.person("Người một", ONE);
    let stall = app.run(app.database.texts(
        "SELECT s.stall_id FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'",
    ));
    let path = format!("/stalls/{}", stall[0]);
    assert!(get(&app, &path).body.contains("Thêm tài khoản"));
    for wrong in [
        "bank=999999&number=12345678&holder=HO+THU&relation=owner",
        "bank=970436&number=12*45&holder=HO+THU&relation=owner",
        "bank=970436&number=12345678&holder=+&relation=owner",
        "bank=970436&number=12345678&holder=HO+THU&relation=nobody",
    ] {
        let refused = post(&app, &format!("{path}/accounts"), wrong);
        assert_eq!(refused.status, 422, "{wrong}: {}", refused.body);
    }
    let added = post(
        &app,
        &format!("{path}/accounts"),
        "bank=970436&number=1234+5678&holder=HO+THU&relation=owner",
    );
    assert_eq!(added.status, 303, "{}", added.body);
    let page = get(&app, &path).body;
    assert!(
        page.contains("•••• 5678") && page.contains("Cần một người khác duyệt"),
        "{page}"
    );
}

//! Signing in and out, what a stranger may make of it, and which token reads single receipts.

use choso::access::{once_text, sign_in_link, token_sha256};
use choso::clock::now;
use choso::config::RawConfig;
use choso::vn::TimeMs;
use serde_json::json;

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now};
use crate::support::*;

const TOKEN: &str = "choso_invented-token-of-an-officer";
const LISTENER: &str = "choso_invented-token-of-a-loudspeaker";

fn start() -> TestApp {
    start_with(RawConfig::default())
}

fn start_with(settings: RawConfig) -> TestApp {
    let app = TestApp::start_with(Database::sqlite(), settings);
    app.run(
        app.store()
            .add_token("Người thử", &token_sha256(TOKEN), false, now()),
    )
    .expect("a token");
    app
}

fn post(app: &TestApp, path: &str, more: &[(&str, &str)], form: &str) -> Answer {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend_from_slice(more);
    http::send(app.address(), "POST", path, &headers, form.as_bytes())
}

fn sign_in(app: &TestApp, more: &[(&str, &str)], secret: &str) -> Answer {
    post(app, "/sign-in", more, &format!("token={secret}&next=/households"))
}

/// The session of somebody who signed in, as the browser sends it back.
fn session(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().expect("name and value").to_owned()
}

fn is_signed_in(app: &TestApp, cookie: &str) -> bool {
    let answer = http::send(app.address(), "GET", "/households", &[("cookie", cookie)], b"");
    answer.body.contains("Hộ Thử Một")
}

fn link_for(app: &TestApp, until: TimeMs) -> String {
    let once = once_text(std::array::from_fn(|_| fastrand::u8(..)));
    app.run(
        app.store()
            .add_sign_in_link("Người thử", &token_sha256(&once), until, now()),
    )
    .expect("a link");
    once
}

#[test]
fn a_person_sees_where_the_own_sessions_are_and_ends_them() {
    const PHONE: &str =
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/90.0 Mobile Safari/537.36";
    const DESK: &str =
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0";
    let app = start();
    app.person("Người khác", "choso_invented-token-of-somebody-else");
    let phone = session(&sign_in(&app, &[("user-agent", PHONE)], TOKEN));
    let desk = session(&sign_in(&app, &[("user-agent", DESK)], TOKEN));
    let stranger = session(&sign_in(&app, &[], "choso_invented-token-of-somebody-else"));
    let page = |cookie: &str| {
        let answer = http::send(app.address(), "GET", "/sessions", &[("cookie", cookie)], b"");
        assert_eq!(answer.status, 200);
        answer.body
    };
    let shown = page(&desk);
    assert!(
        shown.contains("Chrome, Android") && shown.contains("Edge, Windows") && shown.contains("máy này"),
        "{shown}"
    );
    assert!(!shown.contains(desk.trim_start_matches("choso_session=")));
    let id = |shown: &str| {
        let (_, rest) = shown.split_once("name=\"id\" value=\"").expect("a button");
        rest.split('"').next().expect("a name").to_owned()
    };
    let of_phone = id(&shown);
    let end = |cookie: &str, form: &str| {
        let origin = format!("http://{}", app.address());
        post(
            &app,
            "/sessions/end",
            &[("cookie", cookie), ("origin", &origin)],
            form,
        )
        .status
    };
    // Nobody ends what is somebody else's, and no foreign page ends anything.
    assert_eq!(end(&stranger, &format!("id={of_phone}")), 303);
    assert!(is_signed_in(&app, &phone));
    let foreign = [("cookie", desk.as_str()), ("origin", "http://evil.example")];
    assert_eq!(
        post(&app, "/sessions/end", &foreign, &format!("id={of_phone}")).status,
        403
    );
    assert_eq!(end(&desk, &format!("id={of_phone}")), 303);
    assert!(!is_signed_in(&app, &phone) && is_signed_in(&app, &desk));
    // All but the own one.
    let again = session(&sign_in(&app, &[("user-agent", PHONE)], TOKEN));
    assert_eq!(end(&desk, ""), 303);
    assert!(!is_signed_in(&app, &again) && is_signed_in(&app, &desk) && is_signed_in(&app, &stranger));
    // The use is noted to the hour, and one that is not used for a week has ended.
    let seen = |ago_ms: i64| {
        let sql = format!("UPDATE session SET seen_at_ms = {}", now().0 - ago_ms);
        app.run(app.database.execute(&sql));
    };
    seen(2 * 3_600_000);
    assert!(is_signed_in(&app, &desk));
    let noted = app.run(
        app.database
            .texts("SELECT CAST(MAX(seen_at_ms) AS TEXT) FROM session"),
    );
    assert!(noted[0].parse::<i64>().expect("a number") > now().0 - 60_000);
    seen(7 * 86_400_000 + 1);
    assert!(!is_signed_in(&app, &desk));
}

#[test]
fn the_cookie_is_a_session_that_signing_out_ends() {
    let app = start();
    let answer = sign_in(&app, &[], TOKEN);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/households"))
    );
    let cookie = session(&answer);
    assert!(!answer.header("set-cookie").expect("a cookie").contains(TOKEN));
    let flags = answer.header("set-cookie").expect("a cookie");
    assert!(
        flags.contains("HttpOnly") && flags.contains("SameSite=Lax"),
        "{flags}"
    );
    assert!(!flags.contains("Secure"), "there is no TLS here: {flags}");
    assert!(is_signed_in(&app, &cookie));
    // A second browser has a session of its own.
    let other = session(&sign_in(&app, &[], TOKEN));
    assert_ne!(cookie, other);
    let out = post(&app, "/sign-out", &[("cookie", &cookie)], "");
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").expect("a cookie").contains("Max-Age=0"));
    assert!(
        !is_signed_in(&app, &cookie),
        "whoever kept the cookie has nothing"
    );
    assert!(is_signed_in(&app, &other), "the other browser stays");
    // The token itself is no session, and no session is a token.
    assert!(!is_signed_in(&app, &format!("choso_session={TOKEN}")));
    assert!(!is_signed_in(&app, &format!("choso_token={TOKEN}")));
    let value = other.strip_prefix("choso_session=").expect("the session");
    let bearer = format!("Bearer {value}");
    let asked = http::send(
        app.address(),
        "GET",
        "/api/v1/totals",
        &[("authorization", &bearer)],
        b"",
    );
    assert_eq!(asked.status, 401);
    // Revoking the token ends what began with it.
    app.run(app.store().revoke_token("Người thử", now()))
        .expect("revoked");
    assert!(!is_signed_in(&app, &other));
    // A foreign page signs nobody out or in.
    for path in ["/sign-out", "/sign-in"] {
        let foreign = post(
            &app,
            path,
            &[("origin", "https://example.org")],
            &format!("token={TOKEN}"),
        );
        assert_eq!(foreign.status, 403, "{path}");
    }
}

#[test]
fn a_link_signs_in_once_and_a_token_in_an_address_never() {
    let app = start();
    let in_address = app.get(&format!("/sign-in?token={TOKEN}&next=/households"));
    assert_eq!((in_address.status, in_address.header("set-cookie")), (200, None));
    assert!(in_address.body.contains("choso user link") && !in_address.body.contains(TOKEN));
    let soon = TimeMs(now().0 + 60_000);
    let once = link_for(&app, soon);
    let link = sign_in_link(
        "http://127.0.0.1:1",
        &once,
        "/areas/1@2025-07-01?as_of=2026-01-01&x=1",
    );
    let (sent, kept) = link.split_once('#').expect("what browsers send to nobody");
    assert!(!sent.contains("choso_once") && kept.contains("next=/areas/1@2025-07-01?as_of=2026-01-01%26x=1"));
    let first = sign_in(&app, &[], &once);
    assert_eq!(first.status, 303);
    assert!(is_signed_in(&app, &session(&first)));
    let second = sign_in(&app, &[], &once);
    assert!(
        second.status == 200 && second.body.contains("đã dùng rồi"),
        "{}",
        second.body
    );
    // A whole link may be pasted; one that is too old is nothing.
    let once = link_for(&app, soon);
    let pasted = format!("http%3A%2F%2Fx%2Fsign-in%23once%3D{once}%26next%3D%2F");
    assert_eq!(sign_in(&app, &[], &pasted).status, 303);
    assert_eq!(
        sign_in(&app, &[], &link_for(&app, TimeMs(now().0 - 1))).status,
        200
    );
    // Nor does a program sign in, and its name has no links.
    app.listener("Loa thử", LISTENER);
    assert_eq!(sign_in(&app, &[], LISTENER).status, 200);
    let refused = app.store().add_sign_in_link("Loa thử", "00", soon, now());
    assert!(app.run(refused).is_err());
}

#[test]
fn only_a_proxy_of_the_settings_is_believed() {
    let told = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
    ];
    let stranger = start();
    let answer = sign_in(&stranger, &told, TOKEN);
    assert!(!answer.header("set-cookie").expect("a cookie").contains("Secure"));
    assert_eq!(answer.header("strict-transport-security"), None);

    let settings = RawConfig::default()
        .with("trusted_proxies", "10.0.0.0/8, 127.0.0.1")
        .with("public_host", "choso.example.vn");
    let app = start_with(settings);
    let answer = sign_in(&app, &told, TOKEN);
    let flags = answer.header("set-cookie").expect("a cookie");
    assert!(flags.contains("Secure"), "{flags}");
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=31536000")
    );
    // What stands left of the proxy's own word anybody may have sent.
    let forged = sign_in(&app, &[("x-forwarded-proto", "https, http")], TOKEN);
    assert!(!forged.header("set-cookie").expect("a cookie").contains("Secure"));
    // The language and the owner's key go the same way.
    let page = http::send(app.address(), "GET", "/sign-in?lang=en", &told, b"");
    assert!(
        page.header("set-cookie")
            .expect("the language")
            .contains("Secure")
    );
    let left = post(&app, "/own/leave", &told, "sure=1");
    assert!(
        left.header("set-cookie")
            .expect("the owner's key")
            .contains("Secure")
    );
    // A change comes from our own page, by whichever name the proxy asks us; behind TLS never from one in clear.
    let cookie = session(&answer);
    let change = |origin: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("cookie", cookie.as_str()), ("origin", origin)];
        headers.extend_from_slice(more);
        post(
            &app,
            "/links/nobody/approve",
            &headers,
            "stall_href=/stalls/x&sure=1",
        )
        .status
    };
    assert_eq!(
        change("https://choso.example.vn", &told),
        404,
        "no such link, but it was let in"
    );
    assert_eq!(change("http://choso.example.vn", &told), 403);
    assert_eq!(change("https://evil.example", &told), 403);
}

#[test]
fn no_link_is_built_from_what_a_request_says_of_the_host() {
    let forged: [(&str, &str); 3] = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-proto", "https"),
    ];
    let settings = RawConfig::default().with("public_host", "choso.example.vn");
    for (app, origin) in [
        (start(), None),
        (start_with(settings), Some("https://choso.example.vn")),
    ] {
        let cookie = session(&sign_in(&app, &[], TOKEN));
        let own = format!("http://{}", app.address());
        let household = app.run(
            app.database
                .texts("SELECT household_id FROM household WHERE household_ref = 'one'"),
        );
        let path = format!("/households/{}/owner-key", household[0]);
        let mut headers = vec![("cookie", cookie.as_str()), ("origin", own.as_str())];
        headers.extend_from_slice(&forged);
        let made = post(&app, &path, &headers, "");
        assert_eq!((made.status, made.header("location")), (303, Some(path.as_str())));
        let kept = session(&made);
        let cookies = format!("{cookie}; {kept}");
        let mut headers = vec![("cookie", cookies.as_str())];
        headers.extend_from_slice(&forged);
        let shown = http::send(app.address(), "GET", &path, &headers, b"");
        let wanted = format!("{}/own/", origin.unwrap_or(&own));
        assert!(shown.body.contains(&wanted), "{wanted}: {}", shown.body);
        let stall = app.run(app.database.texts("SELECT stall_id FROM stall LIMIT 1"));
        let page = http::send(
            app.address(),
            "GET",
            &format!("/stalls/{}", stall[0]),
            &headers,
            b"",
        );
        assert!(!shown.body.contains("evil.example") && !page.body.contains("evil.example"));
    }
}

#[test]
fn the_page_of_an_owners_link_makes_no_other_one_when_it_is_loaded_again() {
    let app = start();
    let cookie = session(&sign_in(&app, &[], TOKEN));
    let own = format!("http://{}", app.address());
    let household = app.run(
        app.database
            .texts("SELECT household_id FROM household WHERE household_ref = 'one'"),
    );
    let path = format!("/households/{}/owner-key", household[0]);
    let made = post(&app, &path, &[("cookie", &cookie), ("origin", &own)], "");
    let flags = made.header("set-cookie").expect("the key").to_owned();
    for wanted in [
        "HttpOnly",
        "SameSite=Strict",
        "Max-Age=300",
        &format!("Path={path}"),
    ] {
        assert!(flags.contains(wanted), "{wanted}: {flags}");
    }
    let cookies = format!("{cookie}; {}", session(&made));
    let show = || http::send(app.address(), "GET", &path, &[("cookie", &cookies)], b"");
    let link = |answer: &Answer| {
        let rest = answer.body.split_once("/own/").map(|(_, rest)| rest.to_owned());
        rest.and_then(|rest| rest.split('<').next().map(|key| format!("/own/{key}")))
    };
    let first = link(&show()).expect("the link");
    assert_eq!(link(&show()), Some(first.clone()), "loaded again, it is the same");
    assert_eq!(app.get(&first).status, 303, "and it opens");
    assert!(
        show().body.contains("/own/"),
        "opened is not used: previews open links, too"
    );
    let key = first.strip_prefix("/own/").expect("a key");
    let used = http::send(
        app.address(),
        "GET",
        "/own",
        &[("cookie", &format!("choso_own={key}"))],
        b"",
    );
    assert_eq!(used.status, 200, "{}", used.body);
    let after = show();
    assert!(
        after.status == 200 && link(&after).is_none(),
        "nobody sees it once the owner looked"
    );
    assert_eq!(app.get(&first).status, 303, "the owner's link is still good");
}

#[test]
fn whoever_fails_often_waits_and_good_tokens_do_not() {
    let app = start();
    for _ in 0..5 {
        assert_eq!(sign_in(&app, &[], "choso_wrong").status, 200);
    }
    let slowed = sign_in(&app, &[], TOKEN);
    assert_eq!(slowed.status, 429, "{}", slowed.body);
    let wait: u32 = slowed
        .header("retry-after")
        .expect("how long")
        .parse()
        .expect("seconds");
    assert!(
        (1..=2).contains(&wait) && slowed.body.contains("giây"),
        "{}",
        slowed.body
    );
    // Bearer tokens and owners' links that are wrong count, good ones pass.
    let call = |token: &str| {
        let bearer = format!("Bearer {token}");
        http::send(
            app.address(),
            "GET",
            "/api/v1/totals",
            &[("authorization", &bearer)],
            b"",
        )
    };
    for _ in 0..4 {
        assert_eq!(
            call("choso_wrong").status,
            401,
            "the form's failures are not a program's"
        );
        assert_eq!(app.get("/own/choso_wrong").status, 404);
    }
    let refused = call("choso_wrong");
    assert_eq!(
        (refused.status, refused.json()["type"].as_str()),
        (429, Some("urn:choso:problem:too-many-attempts"))
    );
    assert_eq!(call(TOKEN).status, 200);
    assert_eq!(app.get("/own/choso_wrong").status, 429);
    let metrics = app.get("/metrics").body;
    assert!(
        metrics.contains("choso_sign_ins_total{outcome=\"failed\"} 15"),
        "{metrics}"
    );
    assert!(
        metrics.contains("choso_sign_ins_total{outcome=\"slowed\"} 1"),
        "{metrics}"
    );

    // Behind a trusted proxy each address waits for itself; without one, nobody chooses the own address.
    let settings = RawConfig::default().with("trusted_proxies", "127.0.0.1");
    for (app, other) in [(start_with(settings), 303), (start(), 429)] {
        for _ in 0..6 {
            sign_in(
                &app,
                &[("x-forwarded-for", "192.0.2.7, 192.0.2.1")],
                "choso_wrong",
            );
        }
        assert_eq!(
            sign_in(&app, &[("x-forwarded-for", "192.0.2.9, 192.0.2.1")], TOKEN).status,
            429
        );
        assert_eq!(
            sign_in(&app, &[("x-forwarded-for", "192.0.2.2")], TOKEN).status,
            other
        );
    }
}

#[test]
fn nothing_after_signing_in_leads_to_another_host() {
    let app = start();
    for next in [
        "/%09/example.org/",
        "/%0A/example.org/",
        "/%5Cexample.org/",
        "//example.org/",
        "/.//example.org/",
        "/%252e//example.org/",
        "https://example.org/",
        "javascript:alert(1)",
        "%09//example.org/",
    ] {
        let answer = post(&app, "/sign-in", &[], &format!("token={TOKEN}&next={next}"));
        let location = answer.header("location").expect("a way on");
        let is_own = location.starts_with('/') && !location.starts_with("//");
        assert!(
            is_own && !location.contains(['\t', '\n', '\\']),
            "{next}: {location}"
        );
        let asked = app.get(&format!("/sign-in?next={next}"));
        assert!(
            !asked.body.contains("value=\"//") && !asked.body.contains("value=\"http"),
            "{next}"
        );
    }
    // Nor does a link of a page, whatever path was asked for.
    let odd = http::send(
        app.address(),
        "GET",
        "//example.org/%2e%2e",
        &[("accept", "text/html")],
        b"",
    );
    assert!(!odd.body.contains("href=\"//"), "{}", odd.body);
}

/// Every answer of the API and every page says that nobody keeps it, unless it is a file named by its content.
#[test]
fn answers_are_kept_by_nobody_and_pages_ask_for_the_camera_alone() {
    let app = start();
    let bearer = format!("Bearer {TOKEN}");
    let household = app.run(app.database.texts("SELECT household_id FROM household LIMIT 1"));
    let cookie = session(&sign_in(&app, &[], TOKEN));
    for path in [
        "/api/v1/households",
        &format!("/api/v1/households/{}", household[0]),
        "/api/v1/totals",
        "/api/v1/notices/waiting",
        "/api/v1/indicators?area=20242",
        "/api/v1/nothing",
        "/",
        "/households",
        "/check",
        "/nothing",
        "/sign-in",
    ] {
        let headers = [("authorization", bearer.as_str())];
        let pages = [("cookie", cookie.as_str()), ("accept", "text/html")];
        let headers: &[(&str, &str)] = if path.starts_with("/api") {
            &headers
        } else {
            &pages
        };
        let answer = http::send(app.address(), "GET", path, headers, b"");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let asks = answer.header("permissions-policy").expect("a policy");
        assert!(
            asks.contains("camera=(self)") && asks.contains("microphone=()"),
            "{path}: {asks}"
        );
    }
}

/// A ward does not see what a household earns: neither by the stream nor by somebody else's bill.
#[test]
fn single_receipts_are_for_tokens_made_for_them() {
    let app = start();
    app.person("Người khác", "choso_invented-token-of-another");
    app.listener("Loa thử", LISTENER);
    let get = |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        http::send(app.address(), "GET", path, &[("authorization", &bearer)], b"")
    };
    let cookie = session(&sign_in(&app, &[], TOKEN));
    assert_eq!(app.post("m1", &payment_now("T1", 25_000)).status, 204);
    let zero = "0000000000000000";
    for path in [
        "/api/v1/receipts/stream".to_owned(),
        format!("/api/v1/receipts/stream?after={zero}"),
    ] {
        let refused = get(&path, TOKEN);
        assert_eq!(
            (refused.status, refused.json()["type"].as_str()),
            (403, Some("urn:choso:problem:not-permitted"))
        );
        assert!(refused.body.contains("choso token add"));
        let by_cookie = http::send(
            app.address(),
            "GET",
            &path,
            &[("cookie", &cookie), ("last-event-id", zero)],
            b"",
        );
        assert_eq!(by_cookie.status, 403);
        assert!(!by_cookie.body.contains("25000"));
    }
    let stall = app.run(app.database.texts(
        "SELECT s.stall_id FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'",
    ));
    let bearer = format!("Bearer {TOKEN}");
    let body = json!({"amount_vnd": 20_000}).to_string();
    let path = format!("/api/v1/stalls/{}/bills", stall[0]);
    let made = http::send(
        app.address(),
        "POST",
        &path,
        &[("authorization", &bearer)],
        body.as_bytes(),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let bill = format!(
        "/api/v1/bills/{}",
        made.json()["bill_id"].as_str().expect("an id")
    );
    assert_eq!(get(&bill, TOKEN).status, 200, "whoever made it");
    assert_eq!(get(&bill, LISTENER).status, 200, "whoever hears receipts");
    assert_eq!(get(&bill, "choso_invented-token-of-another").status, 403);
    let page = bill.replace("/api/v1", "");
    let other = [("cookie", "choso_session=choso_invented-token-of-another")];
    assert_eq!(http::send(app.address(), "GET", &page, &other, b"").status, 403);
    // A program does what its token was made for and nothing else.
    for path in [
        "/api/v1/households",
        "/api/v1/totals",
        "/api/v1/notices/waiting",
        "/api/v1/providers",
        "/live?area=20242",
    ] {
        assert_eq!(get(path, LISTENER).status, 403, "{path}");
    }
    let order = http::send(
        app.address(),
        "POST",
        "/api/v1/orders",
        &[("authorization", &format!("Bearer {LISTENER}"))],
        b"{}",
    );
    assert_eq!(order.status, 403);
}

//! Pages as people meet them: read over HTTP, and drawn by a real browser.

use choso::access::{once_text, sign_in_link, token_sha256};
use choso::clock::now;
use choso::vn::TimeMs;
use serde_json::Value;

use crate::support::http;
use crate::support::service::{TestApp, payment_now, until};
use crate::support::*;

const TOKEN: &str = "choso_invented-token-of-a-page";

fn start() -> TestApp {
    let app = TestApp::sqlite();
    app.person("Người thử", TOKEN);
    app
}

fn cookie() -> String {
    format!("choso_session={TOKEN}")
}

/// A page as a signed-in person gets it.
fn page(app: &TestApp, path: &str) -> String {
    let answer = http::send(app.address(), "GET", path, &[("cookie", &cookie())], b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

#[test]
fn strangers_see_a_sign_in_page_and_nothing_else() {
    let app = start();
    for path in [
        "/",
        "/households",
        "/areas/20242",
        "/review",
        "/stalls/x",
        "/api/docs",
    ] {
        let answer = app.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.body.contains("choso user add"),
            "{path} says where a token comes from"
        );
        assert!(!answer.body.contains("Hộ Thử"), "{path} shows no household");
    }
}

/// A cookie travels by itself, so a change must come from one of our pages.
#[test]
fn a_change_asked_for_by_a_foreign_page_is_refused() {
    let app = start();
    let stall = app
        .run(
            app.store()
                .households(&Default::default(), choso::vn::Day::of(now()), "", 1),
        )
        .expect("households");
    let (_, stalls) = app
        .run(
            app.store()
                .household(&stall[0].household_id, choso::vn::Day::of(now())),
        )
        .expect("a household")
        .expect("there");
    let path = format!("/stalls/{}/codes", stalls[0].stall_id);
    let cookie = cookie();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let foreign = http::send(
        app.address(),
        "POST",
        &path,
        &[("cookie", &cookie), ("origin", "https://example.org"), form],
        b"",
    );
    assert_eq!(foreign.status, 403);
    let own = format!("http://{}", app.address());
    let kept = http::send(
        app.address(),
        "POST",
        &path,
        &[("cookie", &cookie), ("origin", &own), form],
        b"",
    );
    assert_eq!(kept.status, 303, "{}", kept.body);
}

#[test]
fn every_page_shows_what_it_is_for() {
    let app = start();
    let unknown = with(payment_now("T9", 7000), "account", "99999999".into());
    assert_eq!(app.post("m9", &unknown).status, 204);
    let area = page(&app, "/areas/20242@2025-07-01?as_of=2026-01-20");
    for text in [
        "Đường Thử",
        "Chợ Thử",
        "STREET-ANY",
        "Tử số",
        "Mẫu số",
        "20/01/2026",
    ] {
        assert!(area.contains(text), "{text}");
    }
    assert!(page(&app, "/review").contains("7.000 đ"));
    assert!(page(&app, "/households?q=ho+thu+mot").contains("Hộ Thử Một"));
    assert!(page(&app, "/?lang=en").contains("Today"));
    let card = app.get("/k/KHONGCO");
    assert_eq!(card.status, 404);
    assert!(page(&app, "/api/docs").contains("/api/v1/indicators"));
}

/// A household's code, drawn by the service, is read back by a reader that is not ours.
#[test]
fn a_picture_of_a_code_is_read_back() {
    let app = start();
    let today = choso::vn::Day::of(now());
    let households = app
        .run(app.store().households(&Default::default(), today, "", 10))
        .expect("households");
    let one = households
        .iter()
        .find(|h| h.reference == "one")
        .expect("household one");
    let (_, stalls) = app
        .run(app.store().household(&one.household_id, today))
        .expect("a household")
        .expect("there");
    let code = &stalls[0].codes[0];
    let svg = page(&app, &format!("/codes/{}.svg", code.serial));
    assert!(svg.contains("<svg") && svg.contains("<path"));
    let url = format!("http://{}/codes/{}.png", app.address(), code.serial);
    let mut png = ureq::get(&url)
        .header("cookie", &cookie())
        .call()
        .expect("a picture");
    let png = png.body_mut().read_to_vec().expect("a picture");
    let file = app.database.folder.path().join("code.png");
    std::fs::write(&file, &png).expect("a picture");
    match std::process::Command::new("zbarimg")
        .args(["--quiet", "--raw"])
        .arg(&file)
        .output()
    {
        Ok(read) => assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), code.payload),
        Err(_) => browser::skip(
            "pages::a_picture_of_a_code_is_read_back",
            "zbarimg is not installed",
        ),
    }
}

/// A link that signs in once, as `choso user link` prints it.
fn link(app: &TestApp) -> String {
    let once = once_text(std::array::from_fn(|_| fastrand::u8(..)));
    let until = TimeMs(now().0 + 60_000);
    let sha256 = token_sha256(&once);
    let added = app.store().add_sign_in_link("Người thử", &sha256, until, now());
    app.run(added).expect("a link");
    sign_in_link(&format!("http://{}", app.address()), &once, "/")
}

/// In a real browser: signing in by a link, and the first page moving by itself while money arrives.
#[test]
fn the_first_page_moves_in_a_browser() {
    if browser::chromium().is_none() {
        return browser::skip("pages::the_first_page_moves_in_a_browser", "no Chromium");
    }
    let app = start();
    let before = browser::dom(&link(&app), 3000).expect("a page");
    assert!(before.contains("0/6"), "six households, none active: {before}");
    assert_eq!(app.post("m1", &payment_now("T1", 25_000)).status, 204);
    let live_text = || {
        let headers = [("cookie", &*cookie())];
        http::send(app.address(), "GET", "/live?area=20242@2025-07-01", &headers, b"").body
    };
    // Figures are counted once a second: a browser that is quicker would see those from before.
    until("the figures have the payment", || live_text().contains("25.000"));
    let after = browser::dom(&link(&app), 5000).expect("a page");
    assert!(
        after.contains("1/6") && after.contains("25.000 đ"),
        "one household became active: {after}"
    );
    let live = http::send(
        app.address(),
        "GET",
        "/live?area=20242@2025-07-01",
        &[("cookie", &cookie())],
        b"",
    );
    assert_eq!(live.status, 200);
    assert!(matches!(live.json(), Value::Object(_)));
}

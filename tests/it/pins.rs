//! Signing in with a phone number and a PIN: the first use, wrong ones, and what ends it.

use choso::access::Pin;
use choso::clock::now;
use choso::store::FirstPin;
use choso::vn::{Phone, TimeMs};

use crate::support::http::{self, Answer};
use crate::support::service::TestApp;
use crate::support::{Database, on_both};

on_both! {
    the_first_pin_only_lets_its_person_choose_one
    wrong_pins_make_the_phone_wait_and_tell_nothing
    a_pin_goes_with_its_persons_token
}

const NAME: &str = "Tổ viên Thử";
const PHONE: &str = "0905 000 111";
const FIRST: &str = "408317";
const OWN: &str = "271828";

fn start(database: Database) -> TestApp {
    let app = TestApp::start(database);
    app.person(NAME, "choso_invented-token-of-a-member");
    add_first_pin(&app, TimeMs(now().0 + 60_000));
    app
}

fn add_first_pin(app: &TestApp, expires_at: TimeMs) {
    let phone = Phone::parse(PHONE).expect("a phone");
    let new = FirstPin {
        name: NAME,
        phone: &phone,
        pin_hash: &Pin::typed(FIRST).expect("six digits").hash([1; 16]),
        expires_at,
    };
    app.run(app.store().add_pin(new, now())).expect("a PIN");
}

fn post(app: &TestApp, path: &str, form: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    http::send(app.address(), "POST", path, &headers, form.as_bytes())
}

fn sign_in(app: &TestApp, phone: &str, pin: &str) -> Answer {
    let form = format!("phone={}&pin={pin}&next=/households", phone.replace(' ', "+"));
    post(app, "/sign-in", &form)
}

fn choose(app: &TestApp, secret: &str, pin: &str, again: &str) -> Answer {
    let form = format!("secret={secret}&pin={pin}&again={again}&next=/households");
    post(app, "/sign-in/pin", &form)
}

/// What the page holds on which a PIN is chosen.
fn secret_of(page: &Answer) -> String {
    let (_, rest) = page
        .body
        .split_once("name=\"secret\" value=\"")
        .expect("the secret");
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn is_signed_in(app: &TestApp, answer: &Answer) -> bool {
    let cookie = answer.header("set-cookie").unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default();
    let page = http::send(app.address(), "GET", "/households", &[("cookie", cookie)], b"");
    page.body.contains(NAME)
}

fn the_first_pin_only_lets_its_person_choose_one(database: Database) {
    let app = start(database);
    let page = sign_in(&app, PHONE, FIRST);
    assert_eq!(
        (page.status, page.header("set-cookie")),
        (200, None),
        "{}",
        page.body
    );
    assert!(page.body.contains("Chọn mã PIN của bạn"), "{}", page.body);
    let secret = secret_of(&page);
    for (pin, again, said) in [
        ("27182", "27182", "đúng 6 chữ số"),
        (OWN, "271829", "hai lần giống nhau"),
        ("123456", "123456", "dễ đoán"),
        ("905000", "905000", "số điện thoại"),
    ] {
        let refused = choose(&app, &secret, pin, again);
        assert_eq!(refused.status, 200);
        assert!(
            refused.body.contains(said) && !refused.body.contains(pin),
            "{pin}: {}",
            refused.body
        );
    }
    let chosen = choose(&app, &secret, OWN, OWN);
    assert_eq!(
        (chosen.status, chosen.header("location")),
        (303, Some("/households"))
    );
    assert!(is_signed_in(&app, &chosen));
    let twice = choose(&app, &secret, "314159", "314159");
    assert!(twice.header("set-cookie").is_none() && twice.body.contains("đã hết hạn hoặc đã dùng"));
    // The PIN of the first use is over, the own one signs in, however the number is written.
    assert!(sign_in(&app, PHONE, FIRST).header("set-cookie").is_none());
    for phone in [PHONE, "%2B84905000111", "0905-000-111"] {
        assert!(is_signed_in(&app, &sign_in(&app, phone, OWN)), "{phone}");
    }
    let kept = app.run(app.database.texts("SELECT pin_hash FROM pin"));
    assert!(kept[0].starts_with("$argon2id$") && !kept[0].contains(OWN));
    // One whose days are over lets nobody choose.
    add_first_pin(&app, TimeMs(now().0 - 1));
    let late = sign_in(&app, PHONE, FIRST);
    assert!(
        late.body.contains("đã hết hạn") && !late.body.contains("name=\"secret\""),
        "{}",
        late.body
    );
}

fn wrong_pins_make_the_phone_wait_and_tell_nothing(database: Database) {
    let app = start(database);
    let secret = secret_of(&sign_in(&app, PHONE, FIRST));
    assert_eq!(choose(&app, &secret, OWN, OWN).status, 303);
    let wrong = sign_in(&app, PHONE, "000001");
    let nobody = sign_in(&app, "0905 000 999", OWN);
    let main = |answer: &Answer| answer.body.split("<main").nth(1).map(str::to_owned);
    assert_eq!(wrong.status, 200);
    assert_eq!(main(&wrong), main(&nobody), "who has a PIN is told to nobody");
    // The address has failed twice; a third wrong PIN makes the phone wait before the address does.
    sign_in(&app, PHONE, "000002");
    sign_in(&app, PHONE, "000003");
    let slowed = sign_in(&app, PHONE, OWN);
    assert_eq!(slowed.status, 429, "{}", slowed.body);
    let wait_s: u64 = slowed
        .header("retry-after")
        .and_then(|s| s.parse().ok())
        .expect("seconds");
    assert!((1..=15).contains(&wait_s), "{wait_s}");
    // Once it is over, the right one signs in, and the next wrong one costs nothing.
    app.run(app.database.execute("UPDATE pin SET last_wrong_at_ms = 0"));
    assert!(is_signed_in(&app, &sign_in(&app, PHONE, OWN)));
    assert_eq!(sign_in(&app, PHONE, "000004").status, 200);
    assert!(is_signed_in(&app, &sign_in(&app, PHONE, OWN)));
}

fn a_pin_goes_with_its_persons_token(database: Database) {
    let app = start(database);
    let phone = Phone::parse(PHONE).expect("a phone");
    let new = |name| FirstPin {
        name,
        phone: &phone,
        pin_hash: "x",
        expires_at: TimeMs(now().0 + 60_000),
    };
    app.person("Người khác", "choso_invented-token-of-another");
    let taken = app.run(app.store().add_pin(new("Người khác"), now()));
    assert!(taken.is_err(), "the phone is somebody else's");
    assert!(app.run(app.store().add_pin(new("Nobody"), now())).is_err());
    let secret = secret_of(&sign_in(&app, PHONE, FIRST));
    let chosen = choose(&app, &secret, OWN, OWN);
    assert!(is_signed_in(&app, &chosen));
    assert!(
        app.run(app.store().revoke_token(NAME, now()))
            .expect("it is revoked")
    );
    assert!(!is_signed_in(&app, &chosen), "the session ends");
    assert!(
        sign_in(&app, PHONE, OWN).header("set-cookie").is_none(),
        "and so does the PIN"
    );
    app.run(app.store().add_pin(new("Người khác"), now()))
        .expect("the phone is free again");
}

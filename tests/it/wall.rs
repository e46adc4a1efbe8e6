//! Cards on the web: their files, packs with their progress, the wall check, and what a changed account shows.

use choso::access::sha256_hex;
use choso::clock::now;
use choso::config::RawConfig;
use choso::register::CodeEnd;
use choso::vietqr::{SCAN_PIXELS_MAX, Symbol, read, scan, stall_payload};
use choso::vn::{AccountNumber, Day};
use serde_json::Value;

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now, until};
use crate::support::{Database, actor, ending, new_code};

const TOKENS: [(&str, &str); 2] = [
    ("Người một", "choso_invented-token-of-one"),
    ("Người hai", "choso_invented-token-of-two"),
];

fn start() -> TestApp {
    start_with(RawConfig::default().with("public_host", "choso.example.vn"))
}

fn start_with(settings: RawConfig) -> TestApp {
    with_people(TestApp::start_with(Database::sqlite(), settings))
}

fn with_people(app: TestApp) -> TestApp {
    for (name, token) in TOKENS {
        app.person(name, token);
    }
    app
}

/// A request of the first or the second person.
fn send(app: &TestApp, who: usize, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    let cookie = format!("choso_session={}", TOKENS[who].1);
    let origin = format!("http://{}", app.address());
    http::send(
        app.address(),
        method,
        path,
        &[("cookie", &cookie), ("origin", &origin), ("content-type", kind)],
        body,
    )
}

const FORM: &str = "application/x-www-form-urlencoded";

fn get(app: &TestApp, path: &str) -> Answer {
    send(app, 0, "GET", path, "text/plain", b"")
}

/// Stall id and serial of a stall at the invented market whose code was handed out.
fn a_card(app: &TestApp) -> (String, String) {
    let stall = app
        .run(
            app.store()
                .stalls_without_code(&market(app), Day::of(now()), now()),
        )
        .expect("stalls")
        .remove(0);
    let new = [new_code(&stall.0, Some(&stall.1))];
    let issued = app
        .run(app.store().create(async |creation| {
            creation
                .issue_codes(&new, Day::of(now()), 0, actor("thu", now()))
                .await
        }))
        .expect("a code");
    (stall.0, issued[0].serial.clone())
}

fn market(app: &TestApp) -> String {
    let places = app.run(app.store().streets_and_markets()).expect("places");
    places
        .into_iter()
        .find(|(_, name)| name == "Chợ Thử")
        .expect("the market")
        .0
}

fn verdict(app: &TestApp, payload: &str) -> Value {
    let body = serde_json::json!({ "payload": payload }).to_string();
    let answer = send(app, 0, "POST", "/check/code", "application/json", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

#[test]
fn a_card_is_fetched_in_every_format_and_reads_as_its_code() {
    let app = start();
    let (stall, serial) = a_card(&app);
    let card = app
        .run(app.store().card(&serial, Day::of(now())))
        .expect("read")
        .expect("a card");
    for format in ["a6", "a5", "label", "large"] {
        for (ending, kind) in [
            ("pdf", "application/pdf"),
            ("png", "image/png"),
            ("svg", "image/svg+xml"),
        ] {
            let answer = get(&app, &format!("/codes/{serial}/{format}.{ending}"));
            assert_eq!(answer.status, 200, "{format}.{ending}");
            assert_eq!(answer.header("content-type"), Some(kind), "{format}.{ending}");
            if ending == "png" {
                assert_eq!(
                    scan(&answer.bytes, SCAN_PIXELS_MAX).expect("a code"),
                    std::slice::from_ref(&card.payload),
                    "{format}"
                );
            }
        }
    }
    assert_eq!(get(&app, &format!("/codes/{serial}/a7.pdf")).status, 404);
    assert_eq!(get(&app, &format!("/codes/{serial}/a6.exe")).status, 404);
    // The stall's page offers them, with the bank by its name.
    let page = get(&app, &format!("/stalls/{stall}")).body;
    assert!(page.contains(&format!("/codes/{serial}/a5.pdf")) && page.contains("VietinBank"));
    // Ended, it is no longer printed.
    let body = format!("what=swapped&stall_href=/stalls/{stall}");
    let end = |body: &str| {
        let path = format!("/codes/{serial}/end");
        send(&app, 0, "POST", &path, FORM, body.as_bytes())
    };
    let asked = end(&body);
    assert!(
        asked.status == 200 && asked.body.contains("Thu hồi thẻ này ngay?"),
        "{}",
        asked.body
    );
    assert_eq!(
        get(&app, &format!("/codes/{serial}/a6.pdf")).status,
        200,
        "asking ends nothing"
    );
    let ended = end(&format!("{body}&sure=1"));
    let page = format!("/stalls/{stall}?done=card-revoked");
    assert_eq!(
        (ended.status, ended.header("location")),
        (303, Some(page.as_str()))
    );
    assert!(get(&app, &page).body.contains("Đã thu hồi thẻ."));
    assert_eq!(get(&app, &format!("/codes/{serial}/a6.pdf")).status, 410);
}

#[test]
fn a_market_is_handed_out_and_printed_with_its_progress() {
    let app = start();
    let place = format!("/places/{}", market(&app));
    let nothing = send(&app, 0, "POST", &format!("{place}/packs"), FORM, b"format=a6");
    assert_eq!(nothing.status, 409, "no code is handed out yet");
    assert!(get(&app, &place).body.contains("Phát mã cho"));
    let issue = |form: &str| send(&app, 0, "POST", &format!("{place}/codes"), FORM, form.as_bytes());
    let asked = issue("");
    assert!(
        asked.status == 200 && asked.body.contains("Phát mã QR cho 2 sạp?"),
        "{}",
        asked.body
    );
    assert!(
        get(&app, &place).body.contains("Phát mã cho"),
        "asking hands out nothing"
    );
    let issued = issue("sure=1");
    let done = issued.header("location").expect("the place").to_owned();
    let page = get(&app, &done).body;
    assert!(
        page.contains("Đã phát 2 mã QR.") && page.contains("Thu lại"),
        "{page}"
    );
    assert!(!page.contains("Phát mã cho"));
    // Nothing left the house: they are taken back, by whoever handed them out and by nobody else.
    let at = done.split("at=").nth(1).expect("when").to_owned();
    let undo = |who: usize| {
        let form = format!("at={at}&back={place}");
        send(&app, who, "POST", "/codes/undo", FORM, form.as_bytes())
    };
    assert_eq!(undo(1).status, 409);
    let undone = undo(0);
    let href = format!("{place}?done=codes-undone&n=2");
    assert_eq!(
        (undone.status, undone.header("location")),
        (303, Some(href.as_str()))
    );
    assert!(
        get(&app, &href).body.contains("Phát mã cho"),
        "the stalls have none again"
    );
    assert_eq!(undo(0).status, 409, "there is nothing left to take back");
    let again = issue("sure=1").header("location").expect("the place").to_owned();
    let at = again.split("at=").nth(1).expect("when").to_owned();
    let ordered = send(&app, 0, "POST", &format!("{place}/packs"), FORM, b"format=label");
    assert_eq!(ordered.status, 303);
    let pack = ordered.header("location").expect("where it is").to_owned();
    until("the pack is drawn", || {
        get(&app, &pack).body.contains(&format!("{pack}.pdf"))
    });
    let file = get(&app, &format!("{pack}.pdf"));
    assert_eq!(file.header("content-type"), Some("application/pdf"));
    assert!(file.bytes.starts_with(b"%PDF") && file.bytes.ends_with(b"%%EOF"));
    // Printed, they are in people's hands.
    assert!(!get(&app, &again).body.contains("Thu lại"));
    let form = format!("at={at}&back={place}");
    assert_eq!(
        send(&app, 0, "POST", "/codes/undo", FORM, form.as_bytes()).status,
        409
    );
    // It is nobody else's to see, and a wrong format is asked for again.
    assert_eq!(send(&app, 1, "GET", &pack, "text/plain", b"").status, 404);
    assert_eq!(
        send(&app, 0, "POST", &format!("{place}/packs"), FORM, b"format=a7").status,
        422
    );
}

#[test]
fn the_wall_check_tells_right_wrong_and_revoked() {
    let app = start();
    let (_, serial) = a_card(&app);
    let card = app
        .run(app.store().card(&serial, Day::of(now())))
        .expect("read")
        .expect("a card");
    let right = verdict(&app, &card.payload);
    assert_eq!(
        (&right["verdict"], &right["title"]),
        (&"right".into(), &"ĐÚNG".into())
    );
    assert_eq!(right["stall_code"], card.stall_code.as_str());
    let thief = AccountNumber::parse("99990077").expect("an account");
    let pasted = stall_payload("970415", &thief, &card.stall_code).expect("a payload");
    let wrong = verdict(&app, pasted.as_str());
    assert_eq!(
        (&wrong["verdict"], &wrong["tail"]),
        (&"wrong".into(), &"0077".into())
    );
    assert_eq!(wrong["title"], "ĐÂY KHÔNG PHẢI TÀI KHOẢN CỦA SẠP");
    assert_eq!(wrong["household_name"], "Hộ Thử Hai", "the stall that it names");
    assert!(
        wrong["on_code"]
            .as_str()
            .is_some_and(|words| words.ends_with("•••• 0077")),
        "{wrong}"
    );
    assert!(
        wrong["of_stall"]
            .as_str()
            .is_some_and(|words| words == "VietinBank •••• 0022"),
        "{wrong}"
    );
    // A bank's own code of an account that is not on the register accuses nobody.
    let nobodys = AccountNumber::parse("12345678").expect("an account");
    let plain = choso::vietqr::Code::to_account("970436", &nobodys);
    let plain = choso::vietqr::payload(&plain).expect("a payload");
    let unregistered = verdict(&app, plain.as_str());
    assert_eq!(unregistered["verdict"], "unregistered");
    assert_eq!(unregistered["title"], "CHƯA CÓ TRONG SỔ");
    let sentence = unregistered["sentence"].as_str().expect("a sentence");
    assert!(
        sentence.contains("Thêm tài khoản") && sentence.contains("hỏi chủ sạp"),
        "{sentence}"
    );
    let broken = verdict(&app, "https://example.vn");
    assert_eq!(broken["verdict"], "wrong");
    // The same from photos.
    let photo = |bytes: &[u8]| send(&app, 0, "POST", "/check/photo", "image/png", bytes);
    let picture = Symbol::of(&pasted).png(6);
    assert!(read(pasted.as_str()).is_ok());
    let answer = photo(&picture);
    assert_eq!(
        (answer.status, answer.body.contains("\"wrong\"")),
        (200, true),
        "{}",
        answer.body
    );
    let blank = photo(&picture[..60]);
    assert_eq!(blank.status, 422);
    assert!(blank.body.contains("Ảnh bị hỏng") && photo(b"%PDF-1.7").body.contains("PNG, JPEG hay WebP"));
    assert_eq!(photo(&vec![0; 8 * 1024 * 1024 + 1]).status, 413);
    app.run(app.store().end_code(
        &serial,
        ending(CodeEnd::Revoked, "pasted over", Day::of(now())),
        actor("thu", now()),
    ))
    .expect("an end");
    assert_eq!(verdict(&app, &card.payload)["title"], "THẺ ĐÃ THU HỒI");
    // Each look is kept, and who made it; what was no code is a look too.
    let looks = app.run(
        app.database
            .texts("SELECT verdict || ' ' || way || ' ' || checked_by FROM inspection"),
    );
    let count = |what: &str| looks.iter().filter(|look| *look == what).count();
    assert_eq!(count("right camera Người một"), 1);
    assert_eq!(
        (count("wrong camera Người một"), count("wrong photo Người một")),
        (2, 1)
    );
    assert_eq!((count("revoked camera Người một"), looks.len()), (1, 6));
    assert_eq!(count("unregistered camera Người một"), 1);
    // And where it was, by the stall that the code is of or names.
    let places = app.run(
        app.database
            .texts("SELECT COALESCE(place, '-') FROM inspection WHERE verdict <> 'unregistered'"),
    );
    let here = market(&app);
    assert_eq!(
        places.iter().filter(|place| **place == here).count(),
        4,
        "{places:?}"
    );
    assert!(get(&app, "/check").body.contains(" · Chợ Thử · Người một"));
    // Strangers look at nothing.
    let stranger = http::send(
        app.address(),
        "POST",
        "/check/code",
        &[("content-type", "application/json")],
        b"{}",
    );
    assert_eq!(stranger.status, 401);
}

#[test]
fn a_market_is_taken_along_without_its_accounts_and_the_walk_told_once() {
    let app = start();
    let (_, serial) = a_card(&app);
    let card = app
        .run(app.store().card(&serial, Day::of(now())))
        .expect("read")
        .expect("a card");
    let page = get(&app, "/check").body;
    assert!(page.contains("Chợ Thử") && page.contains("/assets/choso-") && !page.contains("gần đây"));
    let market = market(&app);
    let list = get(&app, &format!("/check/lists/{market}"));
    assert_eq!(
        (list.status, list.header("cache-control")),
        (200, Some("no-store"))
    );
    let told = list.json();
    assert_eq!(
        (told["name"].as_str(), told["salt"].as_str()),
        (Some("Chợ Thử"), Some(market.as_str()))
    );
    // Six digits of a salted digest, and nothing by which an account or a stall could be known.
    let digest = sha256_hex(format!("{market}\n{}", card.payload).as_bytes())[..6].to_owned();
    assert_eq!(told["right"], serde_json::json!([digest]));
    assert_eq!(told["revoked"], serde_json::json!([]));
    assert!(!list.body.contains(card.account.reveal()) && !list.body.contains(&card.stall_code));
    assert_eq!(get(&app, "/check/lists/nowhere").status, 404);
    // The same salt next time: two would tell more than one.
    assert_eq!(
        get(&app, &format!("/check/lists/{market}")).json()["salt"],
        told["salt"]
    );
    let look = |id: &str, verdict: &str, payload: &str| {
        serde_json::json!({ "id": id, "verdict": verdict, "payload_sha256": sha256_hex(payload.as_bytes()),
            "tail": "0022", "at_ms": now().0 })
    };
    let mut odd = look("x", "right", "y");
    odd["payload_sha256"] = "zz".into();
    let walk = serde_json::json!({ "place": market, "looks": [
        look("a", "right", &card.payload), look("b", "wrong", "a thief's"), look("c", "right", "not on the list"), odd,
    ] });
    let tell = |walk: &Value| {
        send(
            &app,
            0,
            "POST",
            "/check/walk",
            "application/json",
            walk.to_string().as_bytes(),
        )
    };
    let first = tell(&walk);
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(
        first.json(),
        serde_json::json!({ "kept": 3, "repeated": 0, "unread": 1, "differing": ["c"] })
    );
    assert_eq!(
        tell(&walk).json(),
        serde_json::json!({ "kept": 0, "repeated": 3, "unread": 1, "differing": [] })
    );
    let many: Vec<Value> = (0..501).map(|n| look(&n.to_string(), "right", "x")).collect();
    assert_eq!(
        tell(&serde_json::json!({ "place": market, "looks": many })).status,
        422
    );
    let page = get(&app, "/check").body;
    assert!(
        page.contains("gần đây") && page.contains("không mạng") && page.contains(&format!("/k/{serial}"))
    );
    // Ended, its digest is on the other list; worn and replaced, the same text is right.
    app.run(app.store().end_code(
        &serial,
        ending(CodeEnd::Revoked, "", Day::of(now())),
        actor("thu", now()),
    ))
    .expect("an end");
    let told = get(&app, &format!("/check/lists/{market}")).json();
    assert_eq!(
        (&told["right"], &told["revoked"]),
        (&serde_json::json!([]), &serde_json::json!([digest]))
    );
    let worker = get(&app, "/sw.js");
    assert_eq!(
        (worker.status, worker.header("cache-control")),
        (200, Some("no-cache"))
    );
    assert!(
        worker
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/javascript"))
    );
    let stranger = http::send(app.address(), "GET", &format!("/check/lists/{market}"), &[], b"");
    assert_eq!(stranger.status, 401);
}

#[test]
fn a_bill_has_a_page_that_says_what_came() {
    let app = start();
    let (stall, serial) = a_card(&app);
    let card = app
        .run(app.store().card(&serial, Day::of(now())))
        .expect("read")
        .expect("a card");
    assert!(
        get(&app, &format!("/stalls/{stall}"))
            .body
            .contains("Tạo mã cho khách")
    );
    let make = |amount: &str| {
        let body = format!("amount={amount}");
        send(
            &app,
            0,
            "POST",
            &format!("/stalls/{stall}/bills"),
            FORM,
            body.as_bytes(),
        )
    };
    let wrong = make("20.5");
    assert!(
        wrong.status == 422
            && wrong.body.contains("ví dụ 20.000")
            && wrong.body.contains(&format!("/stalls/{stall}"))
    );
    let made = make("20.000");
    assert_eq!(made.status, 303, "{}", made.body);
    let href = made.header("location").expect("its page").to_owned();
    let page = get(&app, &href).body;
    assert!(
        page.contains("20.000 đ")
            && page.contains("CHƯA THẤY TIỀN")
            && page.contains("http-equiv=\"refresh\"")
    );
    let src = page
        .split("<img src=\"/api/")
        .nth(1)
        .expect("a code")
        .split('"')
        .next()
        .expect("its address");
    assert_eq!(
        get(&app, &format!("/api/{src}")).header("content-type"),
        Some("image/svg+xml")
    );
    let id = href.rsplit('/').next().expect("an id");
    let bill = app.run(app.store().bill(id)).expect("read").expect("a bill");
    let pay = |txn: &str, amount: i64| {
        let mut paid = payment_now(txn, amount);
        paid["data"]["account"] = card.account.reveal().into();
        paid["data"]["note"] = format!("{} {}", card.stall_code, bill.bill_number).into();
        assert_eq!(app.post(txn, &paid).status, 204);
    };
    pay("T1", 15_000);
    let page = get(&app, &href).body;
    assert!(page.contains("THIẾU TIỀN") && page.contains("còn thiếu 5.000 đ"));
    pay("T2", 5_000);
    let page = get(&app, &href).body;
    assert!(page.contains("ĐÃ NHẬN ĐỦ") && !page.contains("http-equiv") && !page.contains("/code.svg"));
    pay("T3", 1_000);
    assert!(get(&app, &href).body.contains("thừa 1.000 đ"));
    assert_eq!(get(&app, "/bills/nobody").status, 404);
}

#[test]
fn cards_name_the_host_of_the_settings() {
    let link = |settings: RawConfig| {
        let app = with_people(TestApp::start_with(Database::sqlite(), settings));
        let (stall, serial) = a_card(&app);
        let page = get(&app, &format!("/stalls/{stall}")).body;
        let host = app.address().to_string();
        let card = get(&app, &format!("/codes/{serial}/a6.svg")).body;
        assert!(!card.contains("<text"), "type is drawn, not written");
        let named = |host: &str| page.contains(&format!("{host}/k/{serial}"));
        (named(&host), named("choso.example.vn"))
    };
    assert_eq!(
        link(RawConfig::default()),
        (false, false),
        "no setting: no address, and never that of the request"
    );
    let settings = RawConfig::default().with("public_host", "choso.example.vn");
    assert_eq!(link(settings), (false, true));
}

/// What is missing on a card is asked about before it is printed, and no card names a host that leads nowhere.
#[test]
fn cards_with_something_missing_are_asked_about_before_they_are_printed() {
    for (host, wanted) in [
        (None, "Chưa đặt public_host"),
        (Some("127.0.0.1:8080"), "127.0.0.1:8080"),
        (Some("choso.example.vn"), ""),
    ] {
        let settings = host.map_or(RawConfig::default(), |host| {
            RawConfig::default().with("public_host", host)
        });
        let app = start_with(settings);
        // No holder, and a bank that no directory knows.
        app.register("bay,Hộ Thử Bảy,registered,trading,20242,,,Chợ Thử,7,,999999,00000077,,owner,,2025-08-01,2026-01-10\n");
        let place = format!("/places/{}", market(&app));
        let (stall, serial) = a_card(&app);
        let order = |more: &str| {
            let form = format!("format=a6{more}");
            send(&app, 0, "POST", &format!("{place}/packs"), FORM, form.as_bytes())
        };
        let asked = order("");
        assert_eq!(asked.status, 200, "{}", asked.body);
        for words in [
            wanted,
            "In 2 thẻ như thế này?",
            "không có tên người nhận",
            "Hộ Thử Bảy",
            "999999",
        ] {
            assert!(asked.body.contains(words), "{host:?} {words}: {}", asked.body);
        }
        assert_eq!(order("&sure=1").status, 303);
        // A card that lacks nothing but an address is asked about for that alone.
        let single = get(&app, &format!("/codes/{serial}/a6.pdf"));
        let is_asked = single.body.contains("Vẫn in");
        assert_eq!(is_asked, host != Some("choso.example.vn"), "{host:?}");
        assert_eq!(
            get(&app, &format!("/codes/{serial}/a6.pdf?sure=1")).header("content-type"),
            Some("application/pdf")
        );
        assert!(!get(&app, &format!("/stalls/{stall}")).body.contains("127.0.0.1"));
    }
}

#[test]
fn a_changed_account_is_approved_by_somebody_else_and_its_owner_told() {
    let app = start();
    let (stall, _) = a_card(&app);
    let body = serde_json::json!({
        "bank_bin": "970422", "account_number": "99990077", "account_holder": "HO THU MOI", "holder_relation": "owner"
    });
    let linked = send(
        &app,
        0,
        "POST",
        &format!("/api/v1/stalls/{stall}/accounts"),
        "application/json",
        body.to_string().as_bytes(),
    );
    assert_eq!(linked.status, 201, "{}", linked.body);
    let page = |who| send(&app, who, "GET", &format!("/stalls/{stall}"), "text/plain", b"").body;
    assert!(page(0).contains("Cần một người khác duyệt") && !page(0).contains("/approve"));
    let text = page(1);
    let href = text
        .split("action=\"/links/")
        .nth(1)
        .expect("a button for the second person");
    let href = format!("/links/{}", href.split('"').next().expect("its address"));
    let asked = send(
        &app,
        1,
        "POST",
        &href,
        FORM,
        format!("stall_href=/stalls/{stall}").as_bytes(),
    );
    assert!(
        asked.status == 200 && asked.body.contains("Duyệt tài khoản này?"),
        "{}",
        asked.body
    );
    let back = format!("stall_href=/stalls/{stall}&sure=1");
    assert_eq!(send(&app, 0, "POST", &href, FORM, back.as_bytes()).status, 409);
    assert_eq!(send(&app, 1, "POST", &href, FORM, back.as_bytes()).status, 303);
    let text = page(0);
    assert!(text.contains("Người hai đã duyệt. Thẻ mới phát được từ"));
    assert!(text.contains("Cần báo chủ sạp") && text.contains("•••• 0077"));
    let told = text.split("action=\"/owner-messages/").nth(1).expect("a button");
    let told = format!("/owner-messages/{}", told.split('"').next().expect("its address"));
    assert_eq!(send(&app, 0, "POST", &told, FORM, back.as_bytes()).status, 303);
    assert!(page(0).contains("đã báo: Người một"));
    // A day has not passed: whoever hands out codes to the whole market passes this account over.
    let issue = send(
        &app,
        0,
        "POST",
        &format!("/places/{}/codes", market(&app)),
        FORM,
        b"sure=1",
    );
    assert_eq!(issue.status, 303, "{}", issue.body);
    let to_it = "SELECT c.serial FROM code c JOIN account a ON a.account_id = c.account_id WHERE a.account_number = '99990077'";
    assert_eq!(app.run(app.database.texts(to_it)), [""; 0]);
}

#[test]
fn a_bill_shows_its_code_until_it_is_paid() {
    let app = start();
    let (stall, _) = a_card(&app);
    let make = |body: &str| {
        let path = format!("/api/v1/stalls/{stall}/bills");
        send(&app, 0, "POST", &path, "application/json", body.as_bytes())
    };
    for (body, status) in [
        (r#"{"amount_vnd":0}"#, 422),
        (r#"{"amount_vnd":20000,"bill_number":"b 1"}"#, 422),
        (r#"{"amount_vnd":20000,"valid_minutes":0}"#, 422),
        (r#"{"amount_vnd":20000,"colour":"red"}"#, 400),
    ] {
        assert_eq!(make(body).status, status, "{body}");
    }
    let made = make(r#"{"amount_vnd":20000,"bill_number":"B001"}"#);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(make(r#"{"amount_vnd":20000,"bill_number":"B001"}"#).status, 409);
    let bill = made.json();
    let path = format!("/api/v1/bills/{}", bill["bill_id"].as_str().expect("an id"));
    let shown = get(&app, &format!("{path}/code.svg"));
    assert_eq!(
        (shown.status, shown.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    let payload = bill["payload"].as_str().expect("a payload").to_owned();
    let reading = read(&payload).expect("a code");
    let note = reading
        .code
        .texts
        .get(choso::vietqr::Field::Purpose)
        .expect("a note")
        .to_owned();
    assert!(note.ends_with(" B001"));
    // The bank carries back the note; the money comes to the account of the code.
    let (_, account) = reading.code.account().expect("an account");
    let mut paid = payment_now("T1", 20_000);
    paid["data"]["account"] = account.reveal().into();
    paid["data"]["note"] = note.to_lowercase().into();
    assert_eq!(app.post("m1", &paid).status, 204);
    let now = get(&app, &path).json();
    assert_eq!(
        (&now["state"], &now["paid_vnd"], &now["payments"]),
        (&"paid".into(), &20_000.into(), &1.into())
    );
    let gone = get(&app, &format!("{path}/code.svg"));
    assert!(
        gone.status == 410 && gone.body.contains("đã được trả"),
        "{}",
        gone.body
    );
}

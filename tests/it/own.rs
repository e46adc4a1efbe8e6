//! A household's own list as its owner meets it, and as everybody else does not; the workbooks to take away.

use choso::clock::now;
use choso::print::{Cell, Column, Sheet, xlsx};
use choso::reconcile::{Correction, FindingKind};
use choso::vn::{Day, Dong};
use serde_json::{Value, json};

use crate::support::http::{self, Answer};
use crate::support::service::TestApp;
use crate::support::workbook::{Shown, sheets};
use crate::support::*;

const OFFICER: &str = "choso_invented-token-of-an-officer";

const FORM: &str = "application/x-www-form-urlencoded";

fn start() -> TestApp {
    let app = TestApp::sqlite();
    app.person("Cán bộ thử", OFFICER);
    app
}

fn get(app: &TestApp, path: &str, cookie: &str) -> Answer {
    let mut answer = http::send(app.address(), "GET", path, &[("cookie", cookie)], b"");
    // Amounts do not part from their unit.
    answer.body = answer.body.replace('\u{a0}', " ");
    answer
}

fn household(app: &TestApp, reference: &str) -> String {
    let id = app
        .run(
            app.store()
                .create(async |creation| creation.household_by_ref(reference).await),
        )
        .expect("an answer");
    id.expect("the household is there")
}

/// What an officer does on a household's page.
fn officer_posts(app: &TestApp, path: &str) -> Answer {
    let cookie = format!("choso_session={OFFICER}");
    let own = format!("http://{}", app.address());
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", own.as_str()),
        ("content-type", FORM),
    ];
    http::send(app.address(), "POST", path, &headers, b"sure=1")
}

/// The path of the link that an officer makes for an owner.
fn link(app: &TestApp, reference: &str) -> String {
    let path = format!("/households/{}/owner-key", household(app, reference));
    let posted = officer_posts(app, &path);
    assert_eq!(
        (posted.status, posted.header("location")),
        (303, Some(path.as_str()))
    );
    let key = posted
        .header("set-cookie")
        .and_then(|c| c.split(';').next())
        .expect("the key");
    let made = get(app, &path, &format!("choso_session={OFFICER}; {key}"));
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(made.body.contains("data:image/svg+xml;base64,"), "a code to scan");
    let (_, rest) = made
        .body
        .split_once(&format!("http://{}/own/", app.address()))
        .expect("the link");
    let token = rest.split('<').next().expect("the key");
    assert!(token.len() > 40, "{token}");
    format!("/own/{token}")
}

/// The cookie of an owner who opened this link.
fn opened(app: &TestApp, link: &str) -> String {
    let answer = app.get(link);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/own")),
        "{}",
        answer.body
    );
    let cookie = answer.header("set-cookie").expect("a cookie");
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/own;"] {
        assert!(format!("{cookie};").contains(wanted), "{wanted}: {cookie}");
    }
    assert_private(&answer);
    cookie.split(';').next().expect("name and value").to_owned()
}

fn assert_private(answer: &Answer) {
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex, nofollow"));
}

fn post(app: &TestApp, id: &str, item: &Value) {
    let answer = app.post(id, item);
    assert!(answer.status / 100 == 2, "{}", answer.body);
}

/// Two households with some money each.
fn with_money(app: &TestApp) {
    post(app, "m1", &payment("T1", 1_234_567));
    post(app, "m2", &payment("T2", 50_000));
    post(app, "m3", &refund("F2", "T2", 20_000));
    post(app, "m4", &to_account(payment("T3", 7_654_321), "00000022"));
}

const DAY: &str = "/own?from=2026-03-01&to=2026-03-01";

#[test]
fn an_owner_sees_the_own_money_and_nobody_elses() {
    let app = start();
    with_money(&app);
    let cookie = opened(&app, &link(&app, "one"));
    let page = get(&app, DAY, &cookie);
    assert_eq!(page.status, 200, "{}", page.body);
    assert_private(&page);
    for wanted in [
        "Hộ Thử Một",
        "Phường Hải Châu",
        "1.264.567 đ",
        "1.284.567 đ",
        "20.000 đ",
        "1.234.567 đ",
        "Chủ nhật 01/03/2026",
        "09:00",
        "do Cán bộ thử cấp",
    ] {
        assert!(page.body.contains(wanted), "{wanted}: {}", page.body);
    }
    for foreign in ["7.654.321", "Hộ Thử Hai", "T3", "00000011"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    let other = get(&app, DAY, &opened(&app, &link(&app, "two")));
    assert!(other.body.contains("7.654.321 đ") && !other.body.contains("1.264.567"));
    // A year by quarters says the same, and English is English.
    let year = get(
        &app,
        "/own?from=2026-01-01&to=2026-12-31&by=quarter&lang=en",
        &cookie,
    );
    assert!(
        year.body.contains("Quarter 1/2026") && year.body.contains("1,264,567 VND"),
        "{}",
        year.body
    );
    let nothing = get(&app, "/own?from=2025-01-01&to=2025-12-31", &cookie);
    assert!(nothing.body.contains("Chưa có lần nhận tiền nào"));
    let too_long = get(&app, "/own?from=2020-01-01&to=2026-12-31", &cookie);
    assert_eq!(too_long.status, 422);
    assert_private(&too_long);
}

#[test]
fn without_a_living_key_nothing_is_shown() {
    let app = start();
    with_money(&app);
    for path in ["/own", "/own/list.xlsx", DAY] {
        for cookie in ["x=y", "choso_own=", "choso_own=choso_wrong", "choso_own=../../x"] {
            let answer = get(&app, path, cookie);
            assert_eq!(answer.status, 401, "{path} {cookie}");
            assert!(answer.body.contains("nhờ cán bộ phường"), "{}", answer.body);
            assert!(!answer.body.contains("1.264.567"));
            assert_private(&answer);
        }
    }
    let wrong = app.get("/own/choso_wrong");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (404, None));
    // A new link ends the old one, also where it is open already.
    let first = link(&app, "one");
    let second = link(&app, "one");
    assert_eq!(app.get(&first).status, 404);
    let cookie = opened(&app, &second);
    assert_eq!(get(&app, "/own", &cookie).status, 200);
    let revoked = officer_posts(
        &app,
        &format!("/households/{}/owner-key/revoke", household(&app, "one")),
    );
    assert_eq!(revoked.status, 303);
    assert_eq!(
        (app.get(&second).status, get(&app, "/own", &cookie).status),
        (404, 401)
    );
    assert_eq!(get(&app, "/own/list.xlsx", &cookie).status, 401);
    // Leaving takes the key from this device.
    let leave = |form: &[u8]| {
        http::send(
            app.address(),
            "POST",
            "/own/leave",
            &[("content-type", FORM)],
            form,
        )
    };
    let asked = leave(b"");
    assert!(
        asked.status == 200 && asked.header("set-cookie").is_none(),
        "{}",
        asked.body
    );
    let left = leave(b"sure=1");
    let gone = left.header("set-cookie").expect("a cookie that ends");
    assert!(
        gone.starts_with("choso_own=;") && gone.contains("Max-Age=0"),
        "{gone}"
    );
}

/// A link that somebody has in hand ends only after a question; the first one takes nothing from anybody.
#[test]
fn a_link_in_hand_is_ended_after_a_question() {
    let app = start();
    let path = format!("/households/{}/owner-key", household(&app, "one"));
    let own = format!("http://{}", app.address());
    let cookie = format!("choso_session={OFFICER}");
    let post = |path: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", own.as_str()),
            ("content-type", FORM),
        ];
        http::send(app.address(), "POST", path, &headers, b"")
    };
    assert_eq!(post(&path).status, 303, "the first link");
    let link = link(&app, "one");
    for path in [path.clone(), format!("{path}/revoke")] {
        let asked = post(&path);
        assert_eq!(asked.status, 200, "{}", asked.body);
        assert!(
            asked.body.contains("do Cán bộ thử cấp") && asked.body.contains("chưa mở lần nào"),
            "{}",
            asked.body
        );
        assert_eq!(app.get(&link).status, 303, "asking ends nothing");
    }
}

#[test]
fn no_officer_opens_the_list_and_no_owner_opens_anything_else() {
    let app = start();
    with_money(&app);
    let link = link(&app, "one");
    let officer = format!("choso_session={OFFICER}");
    let owner = opened(&app, &link);
    let both = format!("{officer}; {owner}");
    // As an officer, with the link that they made, and with the owner's own cookie.
    for (path, cookie) in [
        ("/own", &officer),
        ("/own/list.xlsx", &officer),
        (link.as_str(), &officer),
        (DAY, &both),
        ("/own/list.xlsx", &both),
    ] {
        let answer = get(&app, path, cookie);
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (403, None),
            "{path}: {}",
            answer.body
        );
        assert!(!answer.body.contains("1.264.567") && answer.body.contains("Cán bộ thử"));
    }
    let bearer = format!("Bearer {OFFICER}");
    let headers = [("cookie", owner.as_str()), ("authorization", bearer.as_str())];
    assert_eq!(
        http::send(app.address(), "GET", "/own", &headers, b"").status,
        403
    );
    // An officer's token is no owner's key, and a key no officer's token.
    let swapped = format!("choso_own={OFFICER}");
    assert_eq!(get(&app, "/own", &swapped).status, 401);
    let key = link.strip_prefix("/own/").expect("a link");
    for path in ["/api/v1/households", "/households"] {
        let answer = get(&app, path, &format!("choso_session={key}"));
        assert!(!answer.body.contains("Hộ Thử"), "{path}: {}", answer.body);
    }
    // Strangers make and revoke no keys.
    let make = format!("/households/{}/owner-key", household(&app, "one"));
    for path in [make.clone(), format!("{make}/revoke")] {
        let headers = [("cookie", owner.as_str()), ("content-type", FORM)];
        let answer = http::send(app.address(), "POST", &path, &headers, b"sure=1");
        assert!(
            answer.body.contains("choso user add"),
            "a sign-in page: {}",
            answer.body
        );
    }
    assert_eq!(get(&app, "/own", &owner).status, 200, "the key is still good");
    // The officer sees that it was used, and no money.
    let page = get(&app, &format!("/households/{}", household(&app, "one")), &officer);
    assert!(
        page.body.contains("do Cán bộ thử cấp; lần mở gần nhất"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("1.264.567") && !page.body.contains(key));
}

#[test]
fn a_closed_household_keeps_its_history() {
    let app = start();
    with_money(&app);
    let closed = "one,Hộ Thử Một,registered,closed,20242,Đường Thử,1,,,,970415,00000011,HO THU MOT,owner,,2026-04-01,\n";
    app.register(closed);
    let page = get(&app, DAY, &opened(&app, &link(&app, "one")));
    assert!(page.body.contains("1.264.567 đ"), "{}", page.body);
}

#[test]
fn the_workbook_holds_what_the_ledger_holds() {
    let app = start();
    let mut random = fastrand::Rng::with_seed(7);
    let mut left = 0;
    let mut count = 0;
    for batch in 0..6 {
        let mut items = Vec::new();
        for i in 0..40 {
            let id = format!("{batch:03}{i:04}");
            let amount = random.i64(1..90_000_000);
            let at = on_day(random.i64(-58..1), random.i64(0..1_440));
            items.push(with(payment(&id, amount), "occurred_at", at.iso().into()));
            left += amount;
            count += 1;
            if random.u8(..5) == 0 {
                let back = random.i64(1..=amount);
                items.push(refund(&format!("F{id}"), &id, back));
                left -= back;
            }
        }
        post(&app, &format!("m{batch}"), &json!(items));
        if batch == 3 {
            app.run(app.store().count_receipts()).expect("counted");
        }
    }
    // A statement says of one that less came.
    let no = "SELECT CAST(MIN(entry_no) AS TEXT) FROM receipt WHERE refunded_vnd = 0 AND amount_vnd > 1000";
    let correction = Correction {
        row_no: 1,
        receipt_no: app.run(app.database.texts(no))[0].parse().expect("a receipt"),
        row_day: market_day(),
        receipt_day: market_day(),
        because: FindingKind::AmountDiffers,
        amount_vnd: -1_000,
    };
    app.run(app.store().correct_receipts("p", &[correction], now()))
        .expect("corrected");
    left -= 1_000;
    let cookie = opened(&app, &link(&app, "one"));
    let mut whole = Vec::new();
    for by in ["day", "month", "quarter", "year"] {
        let path = format!("/own/list.xlsx?from=2026-01-01&to=2026-12-31&by={by}");
        let file = get(&app, &path, &cookie);
        assert_eq!(file.status, 200, "{}", file.body);
        assert_private(&file);
        let name = file.header("content-disposition").expect("a name");
        assert!(name.contains("tien-da-nhan-2026-01-01-2026-12-31.xlsx"), "{name}");
        assert!(!file.bytes.windows(8).any(|bytes| bytes == b"00000011"));
        let sheets = sheets(&file.bytes);
        assert_eq!(
            sheets.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(),
            ["Tổng hợp", "Từng lần nhận"]
        );
        // Title lines, an empty one, headings, figures, totals.
        let (titles, figures) = parted(&sheets[0].1, "Kỳ");
        assert_eq!(titles[0], "TIỀN ĐÃ NHẬN");
        for wanted in [
            "Hộ kinh doanh: Hộ Thử Một",
            "Phường Hải Châu",
            "•••• 0011",
            "Năm 2026 (01/01/2026 – 31/12/2026)",
        ] {
            assert!(
                titles.iter().any(|line| line.contains(wanted)),
                "{wanted}: {titles:?}"
            );
        }
        let (totals, parts) = figures.split_last().expect("totals");
        for column in ["D", "E", "F", "G", "H"] {
            let sum: i64 = parts.iter().map(|row| row[column].number()).sum();
            assert_eq!(sum, totals[column].number(), "{by} {column}");
        }
        for row in figures {
            assert_eq!(
                row["E"].number() - row["F"].number() + row["G"].number(),
                row["H"].number()
            );
        }
        assert_eq!(
            (totals["D"].number(), totals["H"].number()),
            (count, left),
            "{by}"
        );
        assert_eq!(
            parts.len(),
            match by {
                "day" => parts.len(),
                "month" => 3,
                _ => 1,
            }
        );
        let (_, receipts) = parted(&sheets[1].1, "Ngày");
        let (last, rows) = receipts.split_last().expect("totals");
        assert_eq!(rows.len() as i64, count);
        let sum = |column: &str| rows.iter().map(|row| row[column].number()).sum::<i64>();
        assert_eq!(
            (sum("F"), sum("G"), sum("I")),
            (last["F"].number(), last["G"].number(), left)
        );
        // In the order in which they came; ids stay texts with their zeros.
        assert!(
            rows.windows(2)
                .all(|two| two[0]["A"].number() <= two[1]["A"].number())
        );
        assert!(
            rows.iter()
                .any(|row| row["E"] == Shown::Text("0000000".to_owned()))
        );
        whole.push((totals["D"].number(), totals["E"].number(), totals["F"].number()));
    }
    whole.dedup();
    assert_eq!(whole.len(), 1, "every grain adds up to the same: {whole:?}");
}

type Row = std::collections::HashMap<String, Shown>;

/// The lines above the headings, and the rows below them.
fn parted<'a>(rows: &'a [Row], heading: &str) -> (Vec<&'a str>, &'a [Row]) {
    let is_head = |row: &Row| row.get("A") == Some(&Shown::Text(heading.to_owned()));
    let at = rows.iter().position(is_head).expect("the headings");
    (
        rows[..at]
            .iter()
            .filter_map(|row| row.get("A"))
            .map(Shown::text)
            .collect(),
        &rows[at + 1..],
    )
}

const COLUMNS: [Column<'static>; 3] = [
    Column {
        heading: "Mã",
        chars: 12,
    },
    Column {
        heading: "Số tiền",
        chars: 16,
    },
    Column {
        heading: "Ngày",
        chars: 12,
    },
];

#[test]
fn cells_of_a_workbook_are_what_they_are() {
    let make = || {
        let mut sheet = Sheet::new(
            "Lệch [1/2]: *a*?",
            &["Đầu đề".to_owned(), "=1+1".to_owned()],
            &COLUMNS,
        );
        let day = Day::ymd(2026, 11, 22);
        for text in [
            "=1+1",
            "+84905123456",
            "-5",
            "@SUM(A1)",
            "00000011",
            "http://a.example",
            "<a & \"b\">",
            "",
        ] {
            sheet.row(&[Cell::Text(text), Cell::Dong(Dong::new(1_234_567)), Cell::Day(day)]);
        }
        sheet.row(&[Cell::Count(-3), Cell::Dong(Dong::new(1 << 53)), Cell::Empty]);
        sheet.row(&[
            Cell::Count(0),
            Cell::Dong(Dong::new((1 << 53) + 1)),
            Cell::Day(Day::ymd(1900, 2, 28)),
        ]);
        sheet.totals(&[
            Cell::Text("Cộng"),
            Cell::Dong(Dong::new(-(1 << 53) - 1)),
            Cell::Day(Day::ymd(1900, 3, 1)),
        ]);
        xlsx(vec![sheet, Sheet::new("Hai", &[], &COLUMNS)]).expect("a workbook")
    };
    let bytes = make();
    assert_eq!(bytes, make(), "the same sheets give the same bytes");
    let read = sheets(&bytes);
    assert_eq!(
        (read[0].0.as_str(), read[1].0.as_str()),
        ("Lệch  1 2    a", "Hai")
    );
    assert_eq!(read[1].1.len(), 1, "headings alone");
    let (titles, rows) = parted(&read[0].1, "Mã");
    assert_eq!(titles, ["Đầu đề", "=1+1"]);
    let texts: Vec<&str> = rows[..7].iter().map(|row| row["A"].text()).collect();
    assert_eq!(
        texts,
        [
            "=1+1",
            "+84905123456",
            "-5",
            "@SUM(A1)",
            "00000011",
            "http://a.example",
            "<a & \"b\">"
        ]
    );
    let number = |digits: &str, format: &str| Shown::Number(digits.to_owned(), format.to_owned());
    assert_eq!(rows[0]["B"], number("1234567", "#,##0"));
    // 46348 is the 22nd of November 2026 in every spreadsheet.
    assert_eq!(rows[0]["C"], number("46348", "dd/mm/yyyy"));
    assert_eq!(rows[8]["A"], number("-3", "#,##0"));
    assert_eq!(rows[8]["B"], number("9007199254740992", "#,##0"));
    assert_eq!(
        rows[9]["B"].text(),
        "9007199254740993",
        "what a cell would round is text"
    );
    assert_eq!(rows[9]["C"].text(), "28/02/1900");
    assert_eq!(rows[10]["B"].text(), "-9007199254740993");
    assert_eq!(rows[10]["C"], number("61", "dd/mm/yyyy"));
}

#[test]
fn a_workbook_that_cannot_be_made_is_refused() {
    let sheet = || Sheet::new("Một", &[], &COLUMNS);
    assert!(xlsx(vec![sheet(), sheet()]).is_err(), "two sheets of one name");
    let mut wide = sheet();
    wide.row(&[Cell::Count(1); 16_385]);
    assert!(xlsx(vec![wide]).is_err(), "more columns than a sheet has");
    let mut good = sheet();
    good.row(&[Cell::Count(1); 3]);
    assert!(xlsx(vec![good]).is_ok());
}

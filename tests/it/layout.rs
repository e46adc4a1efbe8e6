//! Pages in a real browser at the widths people have, and how they travel: no page scrolls sideways, the head is one line
//! on a desktop and folded on a phone, lists and pages are compressed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use choso::clock::now;
use choso::settlement::{Reconciler, StatementFile};
use choso::vn::{Day, WorkingCalendar};
use serde_json::{Value, json};

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, until};
use crate::support::*;

const TOKEN: &str = "choso_invented-token-of-a-layout";
/// A phone, small and usual; where the menu folds; half a desktop, which is also one at 200 %; tablets; desktops.
const WIDTHS: [u32; 8] = [320, 360, 580, 683, 740, 850, 1024, 1366];
/// A market of more stalls than a page has, and names that cannot be broken between words.
const STALLS: usize = 130;

fn start() -> TestApp {
    let app = TestApp::sqlite();
    app.person("Người thử có tên khá dài", TOKEN);
    let mut rows = String::new();
    for n in 1..=STALLS {
        rows.push_str(&format!(
            "cho-{n},Hộ Chợ {n},registered,trading,20242,,,Chợ Rộng,A-{n},,970415,{n:011},HO CHO {n},owner,0905 000 {n:03},2025-08-01,2026-01-10\n"
        ));
    }
    let long = "Tên".repeat(30);
    rows.push_str(&format!(
        "dai,{long},registered,trading,20242,{}-{},12/34/56/78/90,,,,970415,00000000099,{},owner,,2025-08-01,2026-01-10\n",
        "Đường",
        "X".repeat(60),
        "N".repeat(60)
    ));
    app.register(&rows);
    // One receipt, and one notice that waits for review.
    assert_eq!(app.post("m1", &payment("T1", 123_456_789)).status, 204);
    assert_eq!(
        app.post("m2", &with(payment("T2", 5_000), "account", "99999999".into()))
            .status,
        204
    );
    // A statement that has another amount.
    let path = app.database.folder.path().join("sao-ke.csv");
    let day = market_day().show();
    let rows = format!("Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận\nT1;{day};123.000.000;00000011\n");
    std::fs::write(&path, rows).expect("a file");
    let file = StatementFile {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        path,
        name: "sao-ke.csv".to_owned(),
        mapping: None,
        by: "Người thử".to_owned(),
        is_trial: false,
    };
    let reconciler = Reconciler {
        store: app.store(),
        calendar: &WorkingCalendar::default(),
        now: now(),
    };
    app.run(reconciler.import_statement(&file, |_| {}))
        .expect("taken in");
    app
}

fn get_with(app: &TestApp, path: &str, more: &[(&str, &str)]) -> Answer {
    let cookie = format!("choso_session={TOKEN}");
    let mut headers = vec![("cookie", cookie.as_str()), ("accept", "text/html")];
    headers.extend_from_slice(more);
    http::send(app.address(), "GET", path, &headers, b"")
}

fn get(app: &TestApp, path: &str) -> Answer {
    get_with(app, path, &[])
}

/// Where a form sent by a person leads, or the address in the answer to a file.
fn post(app: &TestApp, path: &str, body: &str) -> String {
    let cookie = format!("choso_session={TOKEN}");
    let origin = format!("http://{}", app.address());
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", origin.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let answer = http::send(app.address(), "POST", path, &headers, body.as_bytes());
    match answer.header("location") {
        Some(location) => location.to_owned(),
        None => answer.json()["href"].as_str().expect("an address").to_owned(),
    }
}

/// The first link to a page of this kind on a page.
fn link(app: &TestApp, page: &str, kind: &str) -> String {
    let body = get(app, page).body;
    let from = body
        .find(&format!("href=\"{kind}"))
        .unwrap_or_else(|| panic!("no {kind} on {page}: {body}"));
    let rest = &body[from + 6..];
    rest[..rest.find('"').expect("its end")]
        .replace("&amp;", "&")
        .replace("&#38;", "&")
}

/// The pages there are, with something on them.
fn pages(app: &TestApp) -> Vec<String> {
    let day = market_day();
    let area = "/areas/20242@2025-07-01";
    let market = {
        let body = get(app, area).body;
        let at = body.find(">Chợ Rộng<").expect("the market");
        let from = body[..at].rfind("/places/").expect("its address");
        body[from..at].trim_end_matches('"').to_owned()
    };
    let long = link(app, "/households?q=dai", "/households/");
    let stall = link(app, &long, "/stalls/");
    let card = link(app, &stall, "/k/");
    let bill = post(app, &format!("{stall}/bills"), "amount=20000000");
    let pack = post(app, &format!("{market}/packs"), "format=a6&sure=1");
    let rows = "Mã giao dịch;Ngày giao dịch;Số tiền;Thu thêm;Tài khoản nhận;Nội dung\n\
        DAI-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA;02/03/2026;20.000;21.000;00000011;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
        T7;02/03/2026;x;1;00000011;b\n";
    let upload = post(app, "/reconcile/statements?provider=p&name=dai.csv", rows);
    until("the file is read", || {
        get(app, &format!("{upload}/progress")).json()["is_over"] == true
    });
    let found = format!("provider=p&from={day}&to={day}");
    let exceptions = format!("/reconcile/exceptions?{found}");
    let exception = link(app, &exceptions, "/reconcile/case");
    [
        "/",
        area,
        "/households",
        "/households?q=dai",
        &long,
        &stall,
        &market,
        &card,
        "/check",
        "/review",
        "/reconcile",
        &format!("/reconcile?{found}"),
        &exceptions,
        &exception,
        &bill,
        &pack,
        &upload,
        "/reconcile/statements/new",
        "/providers",
        "/api/docs",
        "/sign-in",
        "/own",
        "/nowhere",
        "/?lang=en",
        &format!("{area}?lang=en"),
        &format!("{market}?q=A-1&only=without_code"),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Stands between browser and service, since the service lets no page stand in a frame: gives the measuring page, and
/// pages of the service as a signed-in person gets them, without the headers that forbid frames.
fn stand_between(service: SocketAddr, measuring: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let measuring = measuring.clone();
            std::thread::spawn(move || answer(stream, service, &measuring));
        }
    });
    address
}

fn answer(mut stream: TcpStream, service: SocketAddr, measuring: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or("/");
    let (status, kind, body) = if path == "/-/measure" {
        (
            200,
            "text/html; charset=utf-8".to_owned(),
            measuring.as_bytes().to_vec(),
        )
    } else {
        let cookie = format!("choso_session={TOKEN}");
        let headers = [("cookie", cookie.as_str()), ("accept", "text/html")];
        let got = http::send(service, "GET", path, &headers, b"");
        (
            got.status,
            got.header("content-type").unwrap_or_default().to_owned(),
            got.bytes,
        )
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The browser may have left the page already.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body));
}

/// Loads each page in a frame and looks at it in each width.
const MEASURE: &str = r##"<!doctype html><meta charset="utf-8"><iframe id="f" style="border:0;height:800px"></iframe>
<pre id="out"></pre><script>
const frame = document.getElementById("f"), out = [];
const load = path => new Promise(done => { frame.onload = done; frame.src = path; });
(async () => {
  for (const path of PAGES) {
    await load(path);
    for (const width of WIDTHS) {
      frame.style.width = width + "px";
      const page = frame.contentDocument, root = page.documentElement;
      const over = Math.max(root.scrollWidth, page.body.scrollWidth) - root.clientWidth;
      const wide = [...page.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1);
      const menu = page.querySelector(".menu"), brand = page.querySelector(".brand"), who = page.querySelector(".who");
      const middle = e => { const r = e.getBoundingClientRect(); return r.top + r.height / 2; };
      const shown = menu && getComputedStyle(menu).display !== "none";
      out.push({ path, width, over, menu: !!menu, shown,
        one_line: !menu || !shown || Math.max(...[menu, brand, who].map(middle)) - Math.min(...[menu, brand, who].map(middle)) < 8,
        who: wide.slice(0, 4).map(e => e.tagName + "." + e.className) });
    }
  }
  document.getElementById("out").textContent = "[[" + JSON.stringify(out) + "]]";
})();
</script>"##;

#[test]
fn no_page_scrolls_sideways_and_the_head_folds() {
    if browser::chromium().is_none() {
        return browser::skip(
            "layout::no_page_scrolls_sideways_and_the_head_folds",
            "no Chromium",
        );
    }
    let app = start();
    let pages = pages(&app);
    let measuring = MEASURE
        .replace("PAGES", &json!(pages).to_string())
        .replace("WIDTHS", &json!(WIDTHS).to_string());
    let between = stand_between(app.address(), measuring);
    let dom = browser::dom(&format!("http://{between}/-/measure"), 120_000).expect("a page");
    let text = dom.split_once("[[[").and_then(|(_, rest)| rest.split_once("]]]"));
    let (text, _) = text.unwrap_or_else(|| panic!("nothing was measured: {dom}"));
    let text = text
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let measured: Vec<Value> = serde_json::from_str(&format!("[{text}]")).expect("JSON");
    assert_eq!(measured.len(), pages.len() * WIDTHS.len());
    let wrong: Vec<String> = measured
        .iter()
        .filter(|m| m["over"].as_i64() != Some(0))
        .map(Value::to_string)
        .collect();
    assert!(wrong.is_empty(), "these scroll sideways:\n{}", wrong.join("\n"));
    for m in measured.iter().filter(|m| m["menu"] == true) {
        let is_desktop = m["width"] == 1366;
        assert_eq!(
            m["shown"], is_desktop,
            "the menu is folded where it does not fit: {m}"
        );
        assert_eq!(m["one_line"], true, "{m}");
    }
    assert!(
        measured
            .iter()
            .any(|m| m["path"] == "/nowhere" && m["menu"] == true),
        "an unknown address keeps the menu"
    );
}

/// A market is walked along its stalls: by their numbers, a hundred a page, found by what people know of one.
#[test]
fn stalls_of_a_market_stand_in_their_order_and_are_found() {
    let app = start();
    let market = pages(&app)
        .into_iter()
        .find(|path| path.starts_with("/places/"))
        .expect("the market");
    let numbers = |page: &str| -> Vec<String> {
        let body = get(&app, page).body;
        let parts = body.split("<b class=\"stall-number\">").skip(1);
        parts
            .filter_map(|part| part.split_once("</b>").map(|(number, _)| number.to_owned()))
            .collect()
    };
    let first: Vec<String> = (1..=100).map(|n| format!("A-{n}")).collect();
    let second: Vec<String> = (101..=STALLS).map(|n| format!("A-{n}")).collect();
    assert_eq!(numbers(&market), first);
    assert_eq!(numbers(&format!("{market}?page=2")), second);
    assert_eq!(numbers(&format!("{market}?q=A-77")), ["A-77"]);
    assert_eq!(numbers(&format!("{market}?q=ho%20cho%2077")), ["A-77"]);
    assert_eq!(numbers(&format!("{market}?q=0905%20000%20077")), ["A-77"]);
    assert_eq!(numbers(&format!("{market}?only=without_code")), [""; 0]);
    // The same from the list of all households.
    for q in ["a-77", "0905000077"] {
        let body = get(&app, &format!("/households?q={q}")).body;
        assert!(body.contains("Hộ Chợ 77") && !body.contains("Hộ Chợ 78"), "{q}");
    }
    let today = Day::of(now());
    let id = market.rsplit('/').next().expect("an id");
    let stalls = app.run(app.store().place_stalls(id, today)).expect("stalls");
    assert_eq!(stalls.len(), STALLS);
    assert!(
        stalls
            .iter()
            .all(|s| s.has_account && s.has_code && s.phone.is_some() && s.place_name == "Chợ Rộng")
    );
    let before = app
        .run(app.store().place_stalls(id, Day::ymd(2025, 7, 31)))
        .expect("stalls");
    assert!(before.is_empty(), "nobody was there before the first day");
}

#[test]
fn pages_lists_and_assets_are_compressed_for_who_reads_that() {
    let app = start();
    let style = {
        let body = get(&app, "/").body;
        let style = body
            .split('"')
            .find(|text| text.starts_with("/assets/") && text.ends_with(".css"));
        style.expect("the style").to_owned()
    };
    let plain = |path: &str| get(&app, path).bytes.len();
    for path in [
        "/households",
        "/areas/20242@2025-07-01",
        "/api/v1/households?limit=200",
        &style,
    ] {
        assert_eq!(
            get(&app, path).header("content-encoding"),
            None,
            "{path}: who asks for nothing gets it plain"
        );
        for way in ["gzip", "zstd", "br"] {
            let answer = get_with(&app, path, &[("accept-encoding", way)]);
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-encoding"), Some(way), "{path}");
            let vary = answer.header("vary").unwrap_or_default().to_lowercase();
            assert!(vary.contains("accept-encoding"), "{path}: {vary}");
            assert!(
                answer.bytes.len() * 2 < plain(path),
                "{path} {way}: {} of {}",
                answer.bytes.len(),
                plain(path)
            );
        }
    }
}

/// What a person ticked stays ticked, since the browser asks for a reason before anything is sent.
#[test]
fn a_decision_asks_for_its_reason_before_it_is_sent() {
    let app = start();
    let day = market_day();
    let list = get(
        &app,
        &format!("/reconcile/exceptions?provider=p&from={day}&to={day}"),
    )
    .body;
    assert!(
        list.contains("name=\"pick\""),
        "an exception is there to be picked: {list}"
    );
    assert!(
        list.contains("name=\"reason\" maxlength=\"500\" required"),
        "{list}"
    );
    assert!(
        list.contains("value=\"assign\" formnovalidate"),
        "giving work away needs no reason: {list}"
    );
    let one = get(
        &app,
        &link(
            &app,
            &format!("/reconcile/exceptions?provider=p&from={day}&to={day}"),
            "/reconcile/case",
        ),
    );
    assert!(
        one.body.contains("name=\"reason\" maxlength=\"500\" required"),
        "{}",
        one.body
    );
}

/// A day that has not come has no figures, on a page, over the API and in a file.
#[test]
fn a_day_that_has_not_come_has_no_figures() {
    let app = start();
    let tomorrow = Day::of(now()).plus(1);
    for day in [tomorrow.to_string(), "2099-01-01".to_owned()] {
        let page = get(&app, &format!("/areas/20242@2025-07-01?as_of={day}"));
        assert_eq!(page.status, 422, "{day}");
        assert!(
            page.body.contains("chưa đến") && !page.body.contains("data-figure"),
            "{}",
            page.body
        );
        for format in ["json", "csv", "html"] {
            let answer = get(
                &app,
                &format!("/api/v1/indicators?area=20242@2025-07-01&as_of={day}&format={format}"),
            );
            assert_eq!(
                (answer.status, answer.json()["field"].as_str()),
                (422, Some("as_of")),
                "{format}"
            );
        }
    }
    let today = get(&app, &format!("/areas/20242@2025-07-01?as_of={}", Day::of(now())));
    assert_eq!(today.status, 200);
}

/// A file goes anywhere: streets of one to four households, and what would give them away, are not in it.
#[test]
fn files_withhold_figures_of_few_households() {
    let app = start();
    let of = |format: &str| {
        get(
            &app,
            &format!("/api/v1/indicators?area=20242@2025-07-01&format={format}"),
        )
        .body
    };
    let csv = of("csv");
    let line = |start: &str, name: &str| {
        let found = csv.lines().find(|l| l.starts_with(start) && l.contains(name));
        found
            .unwrap_or_else(|| panic!("{start} {name}: {csv}"))
            .to_owned()
    };
    // Chợ Thử has one household, the long street one, Đường Thử five; Chợ Rộng has 130.
    assert!(line("market,", "Chợ Thử").contains(",,,dưới 5 hộ,"));
    assert!(line("market_stalls,", "Chợ Thử").contains(",,,dưới 5 hộ,"));
    assert!(line("street,", "Đường-XXX").contains(",,,dưới 5 hộ,"));
    assert!(
        line("street,", "Đường Thử").contains(",,,không công bố,"),
        "else the two are found by subtraction"
    );
    assert!(line("market,", "Chợ Rộng").contains(",130,130,100.00,"));
    assert!(line("figure,household_account_coverage", "").contains(",137,137,"));
    // The ward's own page shows them; what is printed from it does not.
    let page = get(&app, "/areas/20242@2025-07-01").body;
    let (shown, printed) = page
        .split_once("<div class=\"report print-only\">")
        .expect("what is printed differs");
    assert!(shown.contains("<div class=\"report no-print\">") && !shown.contains("dưới 5 hộ"));
    assert!(printed.contains("dưới 5 hộ") && printed.contains("không công bố"));
    let html = of("html");
    assert!(html.contains("dưới 5 hộ") && html.contains("không công bố") && html.contains("130"));
    assert!(
        html.contains("@top-left { content: \"Phường Hải Châu"),
        "each printed page has its head"
    );
    assert!(
        html.contains("counter(page) \"/\" counter(pages)"),
        "and its number"
    );
}

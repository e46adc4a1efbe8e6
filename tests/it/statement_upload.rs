//! Handing in a statement on the web: sent, looked at, read another way, tried, taken in.

use std::time::{Duration, SystemTime};

use choso::clock::now;
use choso::settlement::{PickUp, PickedUpEnd, pick_up_statements};
use choso::store::{NewStatement, StatementBegun};
use choso::vn::Day;

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now, until};
use crate::support::workbook;

const TOKENS: [(&str, &str); 2] = [
    ("Người một", "choso_invented-token-of-one"),
    ("Người hai", "choso_invented-token-of-two"),
];
const ONE: usize = 0;
const TWO: usize = 1;

/// A service that heard of one payment today.
fn start() -> TestApp {
    let app = TestApp::sqlite();
    for (name, token) in TOKENS {
        app.person(name, token);
    }
    assert_eq!(app.post("m1", &payment_now("T1", 20_000)).status, 204);
    app
}

fn send(app: &TestApp, person: usize, method: &str, path: &str, body: &str) -> Answer {
    send_bytes(app, person, method, path, body.as_bytes())
}

fn send_bytes(app: &TestApp, person: usize, method: &str, path: &str, body: &[u8]) -> Answer {
    let cookie = format!("choso_session={}", TOKENS[person].1);
    let origin = format!("http://{}", app.address());
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", &origin),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    http::send(app.address(), method, path, &headers, body)
}

fn get(app: &TestApp, path: &str) -> Answer {
    send(app, ONE, "GET", path, "")
}

/// Sends a file of the first person and says where its page is.
fn hand_in(app: &TestApp, name: &str, text: &str) -> String {
    let path = format!("/reconcile/statements?provider=p&name={name}");
    let answer = send(app, ONE, "POST", &path, text);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["href"].as_str().expect("an address").to_owned()
}

/// The page once nothing is at work any more.
fn settled(app: &TestApp, page: &str) -> Answer {
    until("nothing is at work", || {
        get(app, &format!("{page}/progress")).json()["is_over"] == true
    });
    get(app, page)
}

/// The number of the reading that a page shows; sent with the word of who agrees.
fn turn(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"turn\" value=\"").expect("a button");
    rest.split('"').next().expect("a number").to_owned()
}

fn rows_kept(app: &TestApp) -> Vec<String> {
    app.run(
        app.database
            .texts("SELECT provider_txn_id || ' ' || amount_vnd FROM statement_row ORDER BY row_no"),
    )
}

/// Two payments, one of them known; a row without an amount; a total that is wrong. What is called `Tiền` twice
/// over is the fee first.
fn statement() -> String {
    let today = Day::of(now()).show();
    format!(
        "Mã giao dịch;Ngày giao dịch;Số tiền;Thu thêm;Tài khoản nhận;Nội dung\n\
         T1;{today};20.000;21.000;00000011;tien rau\n\
         T2;{today};30.000;31.000;00000011;<b>ca</b>\n\
         =T3;{today};x;y;00000011;\n\
         Tổng cộng;;81.000;;;\n"
    )
}

#[test]
fn a_statement_is_sent_looked_at_read_another_way_and_taken_in() {
    let app = start();
    assert!(
        get(&app, "/reconcile")
            .body
            .contains("href=\"/reconcile/statements/new\"")
    );
    let new = get(&app, "/reconcile/statements/new");
    assert!(
        new.status == 200 && new.body.contains("<option value=\"p\">"),
        "{}",
        new.body
    );
    let page = hand_in(&app, "C%3A%5Csao-ke%0A.csv", &statement());
    let first = settled(&app, &page);
    for words in [
        "<h1>sao-ke.csv</h1>",
        "CSV · UTF-8 · cách nhau bằng dấu chấm phẩy",
        "Máy đề xuất theo tên cột",
        "30.000 đ",
        "•••• 0011",
        "&#60;b&#62;ca",
        "Dòng lỗi",
        "tổng cột số tiền ghi 81.000 đ, các dòng trên cộng lại được 50.000 đ",
        "Nếu nhập tệp này",
        "Nhập 2 dòng mới",
        "Cộng lại khớp",
        "Thiếu thông báo",
    ] {
        assert!(first.body.contains(words), "{words}: {}", first.body);
    }
    assert_eq!(rows_kept(&app), [""; 0], "nothing is kept by looking");
    assert!(
        get(&app, &format!("{page}?lang=en"))
            .body
            .contains("Take in 2 new rows")
    );
    let seen = turn(&first);
    // Two columns cannot both be the amount; the choice is shown again with the sentence.
    let at = |column: &str| {
        let (_, rest) = first.body.split_once("<select id=\"c0\"").expect("a select");
        let (before, _) = rest
            .split_once(&format!(">{column}</option>"))
            .expect("a meaning");
        let number = before.rsplit("value=\"").next().expect("a value");
        number.split('"').next().expect("a number").to_owned()
    };
    let id = at("mã giao dịch");
    let when = at("ngày giao dịch");
    let amount = at("số tiền");
    let account = at("tài khoản nhận");
    let map = |body: &str| {
        let answer = send(&app, ONE, "POST", &format!("{page}/mapping"), body);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(page.as_str()))
        );
        settled(&app, &page)
    };
    let twice = map(&format!("c0={id}&c1={when}&c2={amount}&c3={amount}&c4={account}"));
    assert!(
        twice.body.contains("Hai cột cùng được chọn là «số tiền»") && !twice.body.contains("Nhập 2 dòng")
    );
    assert_eq!(twice.body.matches(">số tiền</option>").count(), 6);
    assert_eq!(twice.body.matches("selected>số tiền</option>").count(), 2);
    let none = map(&format!("c0={id}&c1={when}&c4={account}"));
    assert!(
        none.body.contains("Chưa biết cột nào là số tiền"),
        "{}",
        none.body
    );
    let no_bank = map(&format!("c0={id}&c1={when}&c3={amount}&c4={account}&bank_bin=12"));
    assert!(no_bank.body.contains("Mã ngân hàng cần đúng 6 chữ số"));
    // The other column is the amount: what is shown and what would be done is by that.
    let other = map(&format!(
        "c0={id}&c1={when}&c3={amount}&c4={account}&debit_is=outgoing&bank_bin=970415"
    ));
    for words in [
        "31.000 đ",
        "52.000 đ",
        "Như bạn đã chọn",
        "Lệch tiền",
        "value=\"970415\"",
    ] {
        assert!(other.body.contains(words), "{words}: {}", other.body);
    }
    assert!(!other.body.contains("30.000 đ"));
    // Whoever agrees to a reading that is no longer the one agrees to nothing.
    let import = |turn: &str| {
        let answer = send(
            &app,
            ONE,
            "POST",
            &format!("{page}/import"),
            &format!("turn={turn}"),
        );
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(page.as_str()))
        );
        settled(&app, &page)
    };
    assert!(import(&seen).body.contains("Nếu nhập tệp này"));
    assert_eq!(rows_kept(&app), [""; 0]);
    let right = map(&format!(
        "c0={id}&c1={when}&c2={amount}&c4={account}&debit_is=refund"
    ));
    let done = import(&turn(&right));
    for words in [
        "Đã nhập xong",
        "không nhận được báo:</span> <b>1</b>",
        "Cộng lại khớp",
        "Khớp tự động",
        "Tải dòng lỗi",
        "= dòng mới",
    ] {
        let words = words.replace("</span>", "");
        assert!(done.body.contains(&words), "{words}: {}", done.body);
    }
    assert!(!done.body.contains("Nếu nhập"), "nothing is left to agree to");
    let today = Day::of(now());
    assert!(
        done.body
            .contains(&format!("/reconcile?provider=p&#38;from={today}&#38;to={today}"))
    );
    assert_eq!(rows_kept(&app), ["T1 20000", "T2 30000"]);
    let rejects = get(&app, &format!("{page}/rejects.csv"));
    assert_eq!(rejects.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        rejects.bytes.starts_with(b"\xef\xbb\xbf"),
        "a spreadsheet sees that it is UTF-8"
    );
    assert!(
        rejects.body.contains("Số tiền") && rejects.body.contains(",'=T3,"),
        "{}",
        rejects.body
    );
    // Coming back shows it; a word that comes again changes nothing.
    assert!(get(&app, "/reconcile/statements/new").body.contains(&page));
    assert!(import("0").body.contains("Đã nhập xong"));
    assert_eq!(rows_kept(&app).len(), 2);
    assert!(get(&app, "/reconcile").body.contains("sao-ke.csv"));
}

#[test]
fn the_same_file_again_says_so_and_what_was_agreed_is_used_if_it_fits() {
    let app = start();
    let import = |page: &str| {
        let tried = settled(&app, page);
        let body = format!("turn={}", turn(&tried));
        assert_eq!(
            send(&app, ONE, "POST", &format!("{page}/import"), &body).status,
            303
        );
        settled(&app, page)
    };
    let page = hand_in(&app, "a.csv", &statement());
    assert!(import(&page).body.contains("Đã nhập xong"));
    let kept = rows_kept(&app);
    let again = hand_in(&app, "a.csv", &statement());
    let tried = settled(&app, &again);
    assert!(tried.body.contains("Tệp không có dòng nào mới"), "{}", tried.body);
    assert!(tried.body.contains("Như đã thống nhất lần trước"));
    let known = import(&again);
    assert!(
        known.body.contains("Chính tệp này đã được Người một nhập lúc"),
        "{}",
        known.body
    );
    assert_eq!(rows_kept(&app), kept);
    // The first page went with the second file.
    assert_eq!(get(&app, &page).status, 404);
    let changed = hand_in(&app, "b.csv", &statement().replace("Thu thêm", "Thu khác"));
    let changed = settled(&app, &changed);
    assert!(
        changed.body.contains("không hợp với tệp này") && changed.body.contains("«Thu thêm»"),
        "{}",
        changed.body
    );
}

#[test]
fn words_that_nobody_understands_are_asked_about_on_the_page() {
    let app = start();
    let today = Day::of(now()).show();
    let text = |id: &str| {
        format!(
            "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Phân loại\n{id}1;{today};20.000;00000011;nhóm A\n\
             {id}2;{today};5.000;00000011;nhóm B\n{id}3;{today};1.000;00000011;\n"
        )
    };
    let page = hand_in(&app, "hoi.csv", &text("A"));
    let shown = settled(&app, &page);
    for words in ["«Phân loại»", "«nhóm A»", "(ô trống)", "w.4.nhom b", "silent.4"] {
        assert!(shown.body.contains(words), "{words}: {}", shown.body);
    }
    assert!(!shown.body.contains("name=\"turn\""), "nothing to agree to yet");
    // One answer is still missing: it is asked again, and the others stay.
    let columns = "c0=15&c1=1&c2=4&c3=21&c4=12&debit_is=outgoing&bank_bin=";
    let map = |answers: &str| {
        let form = format!("{columns}{answers}");
        assert_eq!(
            send(&app, ONE, "POST", &format!("{page}/mapping"), &form).status,
            303
        );
        settled(&app, &page)
    };
    let half = map("&w.4.nhom+a=in&w.4.nhom+b=out&w.4.=");
    assert!(
        half.body.contains("ô trống") && !half.body.contains("name=\"turn\""),
        "{}",
        half.body
    );
    let whole = map("&w.4.nhom+a=in&w.4.nhom+b=out&w.4.=failed");
    let agreed = format!("turn={}", turn(&whole));
    assert_eq!(
        send(&app, ONE, "POST", &format!("{page}/import"), &agreed).status,
        303
    );
    settled(&app, &page);
    let kept = || {
        app.run(app.database.texts(
            "SELECT provider_txn_id || ' ' || kind || ' ' || status FROM statement_row ORDER BY row_no",
        ))
    };
    assert_eq!(
        kept(),
        ["A1 payment settled", "A2 outgoing settled", "A3 payment failed"]
    );
    // The next file asks nothing, and its page shows what was answered.
    let page = hand_in(&app, "sau.csv", &text("B"));
    let shown = settled(&app, &page);
    assert!(
        shown.body.contains("Như đã thống nhất lần trước"),
        "{}",
        shown.body
    );
    assert!(shown.body.contains("value=\"failed\" selected"), "{}", shown.body);
    let _ = turn(&shown);
}

#[test]
fn nobody_sees_what_somebody_else_handed_in() {
    let app = start();
    let page = hand_in(&app, "a.csv", &statement());
    let number = turn(&settled(&app, &page));
    for path in [
        page.clone(),
        format!("{page}/rejects.csv"),
        format!("{page}/progress"),
    ] {
        assert_eq!(send(&app, TWO, "GET", &path, "").status, 404, "{path}");
    }
    for (what, body) in [
        ("import", format!("turn={number}")),
        ("mapping", "c0=1".to_owned()),
    ] {
        assert_eq!(
            send(&app, TWO, "POST", &format!("{page}/{what}"), &body).status,
            404
        );
    }
    send(&app, TWO, "POST", &format!("{page}/drop"), "");
    let stranger = http::send(app.address(), "GET", &page, &[], b"");
    assert!(!stranger.body.contains("tien rau"));
    let sent = http::send(
        app.address(),
        "POST",
        "/reconcile/statements?provider=p",
        &[],
        b"x",
    );
    assert_eq!(sent.status, 401);
    // A page of another house cannot send one with the cookie of a visitor.
    let cookie = format!("choso_session={}", TOKENS[ONE].1);
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", "http://elsewhere.example"),
    ];
    let foreign = http::send(
        app.address(),
        "POST",
        "/reconcile/statements?provider=p",
        &headers,
        b"x",
    );
    assert_eq!(foreign.status, 403);
    assert_eq!(rows_kept(&app), [""; 0]);
    let still = get(&app, &page);
    assert!(
        still.body.contains("tien rau") && turn(&still) == number,
        "as it was"
    );
    // Its own person may drop it.
    assert_eq!(send(&app, ONE, "POST", &format!("{page}/drop"), "").status, 303);
    assert_eq!(get(&app, &page).status, 404);
}

#[test]
fn what_is_no_statement_is_refused_with_what_to_do() {
    let app = start();
    let refused = |question: &str, text: &str| {
        let answer = send(
            &app,
            ONE,
            "POST",
            &format!("/reconcile/statements?{question}"),
            text,
        );
        assert_eq!(answer.status, 422, "{}", answer.body);
        answer.json()["detail"].as_str().expect("a sentence").to_owned()
    };
    assert!(refused("provider=p", "%PDF-1.4 …").contains("tệp PDF, không phải tệp sao kê. Hãy tải"));
    assert!(refused("provider=p", "").contains("Tệp sao kê rỗng"));
    assert!(refused("provider=p", "a;b\n1;2\n").contains("Không tìm thấy dòng tiêu đề"));
    assert!(refused("provider=nobody", &statement()).contains("Hãy chọn nhà cung cấp"));
    assert!(refused("", &statement()).contains("Hãy chọn nhà cung cấp"));
    // More than a statement has: refused before it is sent.
    let head = format!(
        "POST /reconcile/statements?provider=p HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\ncookie: choso_session={1}\r\ncontent-length: 268435457\r\n\r\n",
        app.address(),
        TOKENS[ONE].1
    );
    let large = http::send_raw(app.address(), &[head.as_bytes()]).expect("an answer");
    assert_eq!(large.status, 413);
    assert!(large.body.contains("Tệp lớn hơn 256 MiB") && large.body.contains("khoảng ngày ngắn hơn"));
    // None of them holds a place.
    let page = hand_in(&app, "a.csv", &statement());
    assert!(settled(&app, &page).body.contains("Nhập 2 dòng mới"));
}

#[test]
fn a_page_called_xls_and_the_one_file_of_an_archive_are_taken_in() {
    let app = start();
    let today = Day::of(now()).show();
    let page = format!(
        "<html><body><table><tr><th>Mã giao dịch</th><th>Ngày giao dịch</th><th>Số tiền</th><th>Tài khoản nhận</th></tr>\
         <tr><td>T1</td><td>{today}</td><td>20.000</td><td>00000011</td></tr></table></body></html>"
    );
    let hand_in_archive = |name: &str, files: &[(&str, &[u8])]| {
        let path = format!("/reconcile/statements?provider=p&name={name}");
        send_bytes(&app, ONE, "POST", &path, &workbook::zipped(files))
    };
    let several = hand_in_archive(
        "thang.zip",
        &[("1.xls", page.as_bytes()), ("2.xls", page.as_bytes())],
    );
    assert_eq!(several.status, 422, "{}", several.body);
    assert!(
        several.body.contains("2 tệp") && several.body.contains("hộp sao kê"),
        "{}",
        several.body
    );
    let one = hand_in_archive(
        "thang.zip",
        &[("__MACOSX/._1.xls", b"x"), ("ngay 1.xls", page.as_bytes())],
    );
    assert_eq!(one.status, 201, "{}", one.body);
    let href = one.json()["href"].as_str().expect("an address").to_owned();
    let shown = settled(&app, &href);
    for words in ["<h1>ngay 1.xls</h1>", "HTML", "20.000 đ"] {
        assert!(shown.body.contains(words), "{words}: {}", shown.body);
    }
    let agreed = format!("turn={}", turn(&shown));
    assert_eq!(
        send(&app, ONE, "POST", &format!("{href}/import"), &agreed).status,
        303
    );
    settled(&app, &href);
    assert_eq!(rows_kept(&app), ["T1 20000"]);
}

#[test]
fn an_import_beside_another_one_says_so_and_can_be_tried_again() {
    let app = start();
    let page = hand_in(&app, "a.csv", &statement());
    let tried = settled(&app, &page);
    let other = NewStatement {
        provider_id: "p".to_owned(),
        sha256: "0".repeat(64),
        name: "khac.csv".to_owned(),
        layout: String::new(),
        mapping: "{}".to_owned(),
    };
    let begun = app.run(app.store().begin_statement(&other, "Người hai", now()));
    let Ok(StatementBegun::New { file_no }) = begun else {
        panic!("{begun:?}")
    };
    let import = || {
        let body = format!("turn={}", turn(&tried));
        send(&app, ONE, "POST", &format!("{page}/import"), &body);
        settled(&app, &page)
    };
    let busy = import();
    assert!(
        busy.body
            .contains("Đang có người nhập sao kê của nhà cung cấp này"),
        "{}",
        busy.body
    );
    assert_eq!(rows_kept(&app), [""; 0]);
    app.run(app.store().remove_statement(file_no))
        .expect("taken away");
    assert!(import().body.contains("Đã nhập xong"));
}

#[test]
fn a_format_with_fixed_fields_asks_for_no_columns() {
    let app = start();
    let message = ":20:STMT\r\n:25:970415/00000011\r\n:28C:1/1\r\n:60F:C260301VND0,\r\n\
                   :61:2603010301C30000,NTRFT2//FT1\r\n:86:tien ca\r\n:62F:C260301VND30000,\r\n";
    let page = hand_in(&app, "a.sta", message);
    let tried = settled(&app, &page);
    for words in ["MT940", "Nhập 1 dòng mới", "Số dư đầu 0 đ + vào 30.000 đ"] {
        assert!(tried.body.contains(words), "{words}: {}", tried.body);
    }
    assert!(!tried.body.contains("Cột nào là gì"));
}

#[test]
fn the_inbox_waits_for_an_import_on_a_page_and_for_a_comparison() {
    let app = start();
    let page = hand_in(&app, "a.csv", &statement());
    let tried = settled(&app, &page);
    let inbox = app.database.folder.path().join("sao-ke");
    let waiting = inbox.join("p/a.csv");
    std::fs::create_dir_all(inbox.join("p")).expect("a folder");
    std::fs::write(&waiting, statement()).expect("a file");
    let file = std::fs::File::options()
        .append(true)
        .open(&waiting)
        .expect("the file");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("its time");
    let round = |at_most: Duration| {
        let pick_up = PickUp {
            store: app.store(),
            inbox: &inbox,
            calendar: &app.config.calendar,
            turns: app.app().turns(),
            words: &choso::words::INBOX_WORDS,
        };
        let mut ends = Vec::new();
        let round = app.run(async {
            let round = pick_up_statements(pick_up, now, |file| {
                ends.push(match &file.end {
                    PickedUpEnd::Known { imported_by, .. } => format!("known by {imported_by}"),
                    end => format!("{end:?}"),
                });
            });
            tokio::time::timeout(at_most, round).await
        });
        (round.is_ok(), ends)
    };
    let a_moment = Duration::from_millis(300);
    let import_turn = app.run(app.app().turns().import.wait());
    let body = format!("turn={}", turn(&tried));
    assert_eq!(
        send(&app, ONE, "POST", &format!("{page}/import"), &body).status,
        303
    );
    assert_eq!(round(a_moment), (false, Vec::new()), "somebody imports");
    assert!(
        waiting.exists() && rows_kept(&app).is_empty(),
        "the page waits for the same turn"
    );
    drop(import_turn);
    assert!(settled(&app, &page).body.contains("Đã nhập xong"));
    let comparison_turn = app.run(app.app().turns().comparison.wait());
    assert_eq!(round(a_moment), (false, Vec::new()), "somebody compares");
    assert!(waiting.exists());
    drop(comparison_turn);
    let known = vec!["known by Người một".to_owned()];
    assert_eq!(round(Duration::from_secs(60)), (true, known));
    assert!(!waiting.exists());
}

#[test]
fn a_turn_of_one_service_does_not_hold_another_one_up() {
    let one = start();
    let two = start();
    let today = Day::of(now());
    let compare = format!("/reconcile?provider=p&from={today}&to={today}");
    let comparison_turn = one.run(one.app().turns().comparison.wait());
    let answer = std::thread::scope(|scope| {
        let held = scope.spawn(|| get(&one, &compare));
        assert_eq!(get(&two, &compare).status, 200);
        assert!(!held.is_finished(), "one has another turn than two");
        drop(comparison_turn);
        held.join().expect("an answer")
    });
    assert_eq!(answer.status, 200);
}

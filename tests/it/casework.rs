//! Work on exceptions over HTTP: the queue, one of them, what people decide, and days that are closed.

use choso::clock::now;
use choso::reconcile::Subject;
use choso::settlement::{Reconciler, StatementFile};
use choso::vn::{Day, Dong, Lang, WorkingCalendar};

use crate::support::http::{self, Answer};
use crate::support::service::{TestApp, payment_now};
use crate::support::workbook;

const ONE: &str = "choso_invented-token-of-the-first";
const TWO: &str = "choso_invented-token-of-the-second";

struct Desk {
    app: TestApp,
    today: Day,
}

impl Desk {
    /// Four payments were heard of. The statement has another amount for the first, a large one for the second, not
    /// the third, and the fourth under another id and at another hour.
    fn open() -> Desk {
        let app = TestApp::sqlite();
        for (name, token) in [("Người một", ONE), ("Người hai", TWO)] {
            app.person(name, token);
        }
        for (id, amount) in [("T1", 54_000), ("T2", 9_000_000), ("T3", 20_000), ("T4", 70_000)] {
            assert_eq!(app.post(&format!("m-{id}"), &payment_now(id, amount)).status, 204);
        }
        let today = Day::of(now());
        let desk = Desk { app, today };
        let day = today.show();
        desk.import(
            "sao-ke.csv",
            &format!(
                "T1;{day};45.000;00000011\nT2;{day};8.000.000;00000011\nX4;{day} 00:00:01;71.000;00000011\nT9;{day};30.000;99999999\n"
            ),
        );
        desk
    }

    fn import(&self, name: &str, lines: &str) {
        let path = self.app.database.folder.path().join(name);
        let rows = format!("Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận\n{lines}");
        std::fs::write(&path, rows).expect("a file");
        let file = StatementFile {
            provider_id: "p".to_owned(),
            profile: "standard".to_owned(),
            path,
            name: name.to_owned(),
            mapping: None,
            by: "Người một".to_owned(),
            is_trial: false,
        };
        self.app
            .run(
                Reconciler {
                    store: self.app.store(),
                    calendar: &WorkingCalendar::default(),
                    now: now(),
                }
                .import_statement(&file, |_| {}),
            )
            .expect("taken in");
    }

    fn get(&self, path: &str) -> Answer {
        let cookie = format!("choso_session={ONE}");
        http::send(self.app.address(), "GET", path, &[("cookie", &cookie)], b"")
    }

    fn post_as(&self, token: &str, path: &str, form: &str) -> Answer {
        let cookie = format!("choso_session={token}");
        let origin = format!("http://{}", self.app.address());
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", origin.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        http::send(self.app.address(), "POST", path, &headers, form.as_bytes())
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.post_as(ONE, path, form)
    }

    fn text(&self, sql: &str) -> String {
        let rows = self.app.run(self.app.database.texts(sql));
        rows.first().cloned().unwrap_or_default()
    }

    fn row(&self, txn: &str) -> Subject {
        let sql = format!("SELECT CAST(row_no AS TEXT) FROM statement_row WHERE provider_txn_id = '{txn}'");
        Subject::Row(self.text(&sql).parse().expect("a row"))
    }

    fn receipt(&self, txn: &str) -> i64 {
        let sql = format!("SELECT CAST(entry_no AS TEXT) FROM receipt WHERE provider_txn_id = '{txn}'");
        self.text(&sql).parse().expect("a receipt")
    }

    fn left(&self, txn: &str) -> i64 {
        let sql = format!(
            "SELECT CAST(amount_vnd - refunded_vnd + corrected_vnd AS TEXT) FROM receipt WHERE provider_txn_id = '{txn}'"
        );
        self.text(&sql).parse().expect("an amount")
    }

    fn days(&self) -> String {
        format!("provider=p&from={day}&to={day}", day = self.today)
    }

    fn case(&self, subject: Subject) -> String {
        format!("provider=p&subject={subject}&day={}", self.today)
    }

    fn page(&self, subject: Subject) -> String {
        let page = self.get(&format!("/reconcile/case?{}", self.case(subject)));
        assert_eq!(page.status, 200, "{}", page.body);
        page.body
    }
}

#[test]
fn the_queue_is_filtered_and_taken_away_as_it_is_shown() {
    let desk = Desk::open();
    let queue = |filter: &str| {
        let page = desk.get(&format!("/reconcile/exceptions?{}{filter}", desk.days()));
        assert_eq!(page.status, 200, "{}", page.body);
        page.body
    };
    let all = queue("");
    for words in [
        "Lệch tiền",
        "Tài khoản lạ",
        "Thiếu thông báo",
        "0 ngày làm việc",
        "8.146.000 đ",
    ] {
        assert!(all.contains(words), "{words}");
    }
    let pick = format!("value=\"{}@{}\"", desk.row("T2"), desk.today);
    assert!(all.contains(&pick), "{pick}");
    let strange = queue("&kind=unknown_account");
    assert!(strange.contains("30.000 đ") && !strange.contains("45.000 đ"));
    assert!(queue("&age=1").contains("Không có mục nào như vậy"));
    assert!(queue("&who=me").contains("Không có mục nào như vậy"));
    let wish = format!(
        "{}&assignee=Ng%C6%B0%E1%BB%9Di+m%E1%BB%99t",
        desk.case(desk.row("T1"))
    );
    assert_eq!(desk.post("/reconcile/case/assign", &wish).status, 303);
    let mine = queue("&who=me");
    assert!(mine.contains("45.000 đ") && mine.contains("giao cho Người một") && !mine.contains("30.000 đ"));
    let csv = desk.get(&format!("/reconcile/exceptions.csv?{}&who=me", desk.days()));
    assert!(csv.body.contains("amount_differs,T1,45000,") && !csv.body.contains("T9"));
    let book = desk.get(&format!("/reconcile/exceptions.xlsx?{}&who=me", desk.days()));
    let (name, rows) = workbook::sheets(&book.bytes).remove(0);
    assert_eq!(name, "Mục cần xem");
    let amounts: Vec<i64> = rows
        .iter()
        .filter(|row| {
            row.get("B")
                .is_some_and(|cell| matches!(cell, workbook::Shown::Text(t) if t == "Lệch tiền"))
        })
        .map(|row| row["C"].number())
        .collect();
    assert_eq!(amounts, [45_000]);
    let is_text = |cell: &workbook::Shown| *cell == workbook::Shown::Text("T1".to_owned());
    assert!(
        rows.iter().any(|row| row.get("D").is_some_and(is_text)),
        "{rows:?}"
    );
    // The only provider needs no name; of several one is to be chosen.
    assert_eq!(desk.get("/reconcile/exceptions").status, 200);
    desk.app.add_provider("another", crate::support::SECRET);
    assert_eq!(desk.get("/reconcile/exceptions").status, 422, "of which of them");
    let stranger = http::send(
        desk.app.address(),
        "GET",
        &format!("/reconcile/exceptions?{}", desk.days()),
        &[],
        b"",
    );
    assert!(!stranger.body.contains("Lệch tiền"));
}

#[test]
fn one_exception_is_matched_by_hand_and_undone() {
    let desk = Desk::open();
    let subject = desk.row("X4");
    let page = desk.page(subject);
    // Only receipts of the row's own amount are shown; the household's others are, for a reason that is kept.
    assert!(!page.contains("70.000 đ") && !page.contains("54.000 đ"), "{page}");
    let form = desk.case(subject);
    assert_eq!(
        desk.post("/reconcile/case/look", &format!("{form}&reason=+x+"))
            .status,
        422
    );
    let opened = desk.post(
        "/reconcile/case/look",
        &format!("{form}&reason=l%E1%BB%87ch+1.000"),
    );
    let href = opened.header("location").expect("the page").to_owned();
    let (href, _) = href.split_once('#').expect("where the receipts stand");
    let page = desk.get(href).body;
    assert!(
        page.contains("Xem khoản tiền của hộ") && page.contains("lệch 1.000"),
        "the look is kept: {page}"
    );
    let stranger = http::send(
        desk.app.address(),
        "GET",
        href,
        &[("cookie", &format!("choso_session={TWO}"))],
        b"",
    );
    assert!(
        !stranger.body.contains("70.000 đ"),
        "another person gives another reason"
    );
    for words in [
        "71.000 đ",
        "70.000 đ",
        "Thiếu thông báo",
        "•••• 0011",
        "sao-ke.csv, dòng 4",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let wanted = desk.receipt("T4");
    let wrong = desk.post(
        "/reconcile/case/decide",
        &format!("{form}&decision=manual&receipt={wanted}&reason=xem+r%E1%BB%93i"),
    );
    assert_eq!(wrong.status, 409);
    assert!(wrong.body.contains("cộng lại là 70000 đ"), "{}", wrong.body);
    let silent = desk.post(
        "/reconcile/case/decide",
        &format!("{form}&decision=forced&receipt={wanted}"),
    );
    assert!(silent.status == 409 && silent.body.contains("ghi lý do"));
    let reason = "reason=kh%C3%A1ch+tr%E1%BA%A3+th%E1%BB%ABa";
    let done = desk.post(
        "/reconcile/case/decide",
        &format!("{form}&decision=forced&receipt={wanted}&{reason}"),
    );
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(
        (desk.left("T4"), desk.left("X4")),
        (71_000, 0),
        "the books follow at once"
    );
    let page = desk.page(subject);
    assert!(page.contains("chấp nhận lệch bởi Người một") && page.contains("khách trả thừa"));
    let resolved = desk
        .get(&format!("/reconcile/exceptions?{}&state=resolved", desk.days()))
        .body;
    assert!(
        resolved.contains("chấp nhận lệch bởi Người một"),
        "the mark that a person resolved it"
    );
    let no = desk.text("SELECT CAST(decision_no AS TEXT) FROM decision");
    let undone = desk.post_as(
        TWO,
        "/reconcile/case/answer",
        &format!("{form}&answer=undo&decision_no={no}"),
    );
    assert_eq!(undone.status, 303);
    assert_eq!((desk.left("T4"), desk.left("X4")), (70_000, 71_000));
    let comment = desk.post(
        "/reconcile/case/comment",
        &format!("{form}&text=%3Cb%3Eg%E1%BB%8Di+l%E1%BA%A1i"),
    );
    assert_eq!(comment.status, 303);
    let page = desk.page(subject);
    assert!(page.contains("Người hai · Hoàn tác") && page.contains("&#60;b&#62;gọi lại"));
    // What is not there, what is empty, and who comes from elsewhere.
    assert_eq!(desk.get("/reconcile/case?provider=p&subject=row:7").status, 404);
    assert_eq!(desk.get("/reconcile/case?provider=p&subject=nothing").status, 404);
    assert_eq!(
        desk.post("/reconcile/case/comment", &format!("{form}&text=+"))
            .status,
        422
    );
    assert_eq!(desk.post("/reconcile/case/dance", &form).status, 404);
    let cookie = format!("choso_session={ONE}");
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", "http://elsewhere.example"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let foreign = http::send(
        desk.app.address(),
        "POST",
        "/reconcile/case/comment",
        &headers,
        form.as_bytes(),
    );
    assert_eq!(foreign.status, 403);
}

#[test]
fn many_are_accepted_at_once_and_a_large_one_waits_for_a_second_person() {
    let desk = Desk::open();
    let pick = |txn: &str| format!("&pick={}@{}", desk.row(txn), desk.today);
    let picks = [
        pick("T1"),
        pick("T2"),
        pick("T9"),
        format!("&pick=row:7@{}", desk.today),
    ]
    .concat();
    let bulk = |act: &str, picks: &str, reason: &str| {
        let form = format!("provider=p&act={act}&reason={reason}{picks}");
        desk.post("/reconcile/bulk", &form)
    };
    let silent = bulk("forced", &picks, "");
    assert_eq!(silent.status, 200);
    assert!(silent.body.contains("Đã làm: <b>0</b>"), "{}", silent.body);
    let done = bulk("forced", &picks, "xem+h%E1%BA%BFt+r%E1%BB%93i").body;
    assert!(
        done.contains("Đã làm: <b>2</b>") && done.contains("chờ người thứ hai: <b>1</b>"),
        "{done}"
    );
    assert!(done.contains("Không còn là ngoại lệ"), "what is none is said");
    assert_eq!(
        bulk("struck", &pick("X4"), "xem+h%E1%BA%BFt")
            .body
            .matches("Chỉ khoản đã báo")
            .count(),
        1
    );
    assert_eq!(bulk("forced", "", "xem").status, 422);
    let subject = desk.row("T2");
    let form = desk.case(subject);
    let no = desk.text("SELECT CAST(decision_no AS TEXT) FROM decision WHERE state = 'waiting'");
    let approve = format!("{form}&answer=approve&decision_no={no}");
    let own = desk.post("/reconcile/case/answer", &approve);
    assert!(own.status == 409 && own.body.contains("người thứ hai"));
    assert!(
        !desk.page(subject).contains("value=\"approve\""),
        "nobody is offered to agree with himself"
    );
    assert!(desk.page(subject).contains("chờ người thứ hai"));
    assert_eq!(desk.post_as(TWO, "/reconcile/case/answer", &approve).status, 303);
    assert!(
        desk.page(subject)
            .contains("chấp nhận lệch bởi Người một, Người hai đồng ý")
    );
    let given = bulk("assign", &pick("X4"), "&assignee=Ng%C6%B0%E1%BB%9Di+hai");
    assert!(given.body.contains("Đã làm: <b>1</b>"));
}

#[test]
fn a_day_is_closed_and_stated_anew_and_its_books_are_taken_away() {
    let desk = Desk::open();
    let yesterday = desk.today.plus(-1);
    let close = |act: &str, day: Day, reason: &str| {
        let form = format!("provider=p&day={day}&reason={reason}");
        let asked = desk.post(&format!("/reconcile/days/{act}"), &form);
        let is_asked = asked.status == 200 && asked.body.contains("name=\"sure\"");
        assert_eq!(is_asked, act != "open", "{}", asked.body);
        desk.post(&format!("/reconcile/days/{act}"), &format!("{form}&sure=1"))
    };
    let early = close("close", desk.today, "");
    assert!(
        early.status == 409 && early.body.contains("chưa hết"),
        "{}",
        early.body
    );
    let empty = close("close", yesterday, "");
    assert_eq!(empty.status, 409, "neither a row nor a receipt: {}", empty.body);
    desk.import("som.csv", &format!("T19;{};50.000;00000011\n", yesterday.show()));
    assert_eq!(close("close", yesterday, "một khoản không có báo").status, 303);
    let page = |day: Day| {
        let page = desk.get(&format!("/reconcile?provider=p&from={day}&to={day}"));
        assert_eq!(page.status, 200, "{}", page.body);
        page.body
    };
    assert!(page(yesterday).contains("khóa sổ") && page(yesterday).contains("Người một"));
    // A late file of the closed day changes nothing of it, and says that it waits.
    desk.import("muon.csv", &format!("T20;{};60.000;00000011\n", yesterday.show()));
    assert_eq!(
        desk.text("SELECT provider_txn_id FROM receipt WHERE provider_txn_id = 'T20'"),
        ""
    );
    assert!(page(yesterday).contains("chờ một lần điều chỉnh"));
    assert_eq!(close("restate", yesterday, "").status, 409, "without a reason");
    assert_eq!(
        close("restate", yesterday, "t%E1%BB%87p+mu%E1%BB%99n").status,
        303
    );
    assert_eq!(desk.left("T20"), 60_000);
    let stated = page(yesterday);
    assert!(stated.contains("điều chỉnh lần 1") && stated.contains("tệp muộn"));
    assert!(!stated.contains("chờ một lần điều chỉnh"));
    let days = format!("provider=p&from={yesterday}&to={}", desk.today);
    let book = desk.get(&format!("/reconcile/books.xlsx?{days}"));
    let (_, rows) = workbook::sheets(&book.bytes).remove(0);
    let sums = rows
        .iter()
        .find(|row| matches!(row.get("A"), Some(workbook::Shown::Text(t)) if t == "Cả kỳ"));
    let sums = sums.expect("a line of sums");
    let figure = |column: &str| sums[column].number();
    assert_eq!(
        figure("B") + figure("C") - figure("D") - figure("E"),
        figure("F") + figure("G"),
        "opening + receipts - reversals - fees = settled + closing"
    );
    let open = Dong::new(figure("G")).show(Lang::Vi);
    assert!(page(desk.today).contains(&open), "{open}");
    assert_eq!(close("open", yesterday, "x").status, 404);
    let nowhere = "provider=p&day=2026-13-01&reason=";
    assert_eq!(desk.post("/reconcile/days/close", nowhere).status, 422);
    let nobody = format!("provider=nobody&day={yesterday}&reason=");
    assert_eq!(
        desk.post("/reconcile/days/close", &format!("{nobody}&sure=1"))
            .status,
        404
    );
}

//! Statements that are picked up from a folder: what is taken, what is left, and where each file goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use choso::config::RawConfig;
use choso::jobs::{StatementRounds, finish_statements};
use choso::settlement::{ImportError, PickUp, PickUpRound, PickedUpEnd, StatementFile, pick_up_statements};
use choso::store::{NewProvider, NewStatement};
use choso::turns::Turns;
use choso::vn::TimeMs;
use choso::words::INBOX_WORDS;

use crate::support::service::TestApp;
use crate::support::workbook::zipped;
use crate::support::*;

on_both! {
    files_are_taken_in_order_and_put_away
    an_archive_is_taken_in_file_by_file
    what_is_not_complete_is_left_for_the_next_round
    somebody_elses_import_keeps_one_folder_waiting_and_no_other
    a_database_that_is_away_loses_no_file
    what_a_stopped_import_left_is_posted
}

const HEADER: &str = "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Nội dung\n";

/// A store with providers `p` and `q`, and an inbox with a folder for each.
struct Inbox {
    books: Books,
    folder: PathBuf,
}

impl Inbox {
    fn new(database: Database) -> Inbox {
        let books = Books::with_register(database);
        let folder = books.database.folder.path().join("sao-ke");
        for id in ["p", "q"] {
            let new = NewProvider {
                provider_id: id.to_owned(),
                profile: "standard".to_owned(),
                scheme: "webhooks_v1".to_owned(),
                key_id: "k1".to_owned(),
                sealed_secret: "sealed".to_owned(),
            };
            books
                .run(books.store.add_provider(&new, noon()))
                .expect("a provider");
            fs::create_dir_all(folder.join(id)).expect("a folder");
        }
        Inbox { books, folder }
    }

    /// Puts a file there that was changed so many seconds before the evening.
    fn put(&self, name: &str, text: &str, seconds_ago: u64) {
        put(&self.folder.join(name), text, seconds_ago);
    }

    /// One round; what became of each file, in the order in which they were dealt with.
    fn try_round(&self) -> Result<(PickUpRound, Vec<String>), ImportError> {
        let mut ends = Vec::new();
        let calendar = &self.books.calendar;
        let round = PickUp {
            store: &self.books.store,
            inbox: &self.folder,
            calendar,
            turns: &Turns::default(),
            words: &INBOX_WORDS,
        };
        let picked = pick_up_statements(round, evening, |file| {
            let end = match &file.end {
                PickedUpEnd::Taken(taken) => {
                    format!("taken {} bad {}", taken.totals.rows.0, taken.totals.bad)
                }
                PickedUpEnd::Known { imported_by, .. } => format!("known by {imported_by}"),
                PickedUpEnd::Unpacked(files) => format!("unpacked {files}"),
                PickedUpEnd::Refused(reason) => format!("refused: {reason}"),
                PickedUpEnd::Left(reason) => format!("left: {reason}"),
            };
            ends.push(format!("{}/{} {end}", file.provider_id, file.name));
        });
        self.books.run(picked).map(|round| (round, ends))
    }

    fn round(&self) -> (PickUpRound, Vec<String>) {
        self.try_round().expect("a round")
    }

    /// Every file below the inbox, sorted.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                if entry.file_type().expect("a type").is_dir() {
                    folders.push(entry.path())
                } else {
                    let path = entry.path();
                    let below = path.strip_prefix(&self.folder).expect("below the inbox");
                    found.push(below.display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("a text")
    }
}

fn evening() -> TimeMs {
    on_day(1, 0)
}

fn put(path: &Path, text: &str, seconds_ago: u64) {
    fs::write(path, text).expect("a file");
    let changed = Duration::from_millis(evening().0 as u64) - Duration::from_secs(seconds_ago);
    let file = fs::File::options().append(true).open(path).expect("the file");
    file.set_modified(SystemTime::UNIX_EPOCH + changed)
        .expect("its time");
}

/// A statement of these lines; the market day at nine.
fn statement(lines: &[(&str, &str, &str)]) -> String {
    let line = |(id, amount, account): &(&str, &str, &str)| {
        format!("{id};01/03/2026 09:00:00;{amount};{account};970415;\n")
    };
    lines
        .iter()
        .map(line)
        .fold(HEADER.to_owned(), |text, line| text + &line)
}

fn files_are_taken_in_order_and_put_away(database: Database) {
    let inbox = Inbox::new(database);
    let good = statement(&[("T1", "20000", "00000011")]);
    inbox.put("p/2-hai.csv", &statement(&[("T2", "30000", "00000022")]), 60);
    inbox.put(
        "p/1-một.csv",
        &(good.clone() + "=T9;01/03/2026;x;00000011;970415;\n"),
        3_600,
    );
    inbox.put("q/a.csv", "%PDF-1.7 nothing", 60);
    fs::create_dir(inbox.folder.join("nobody")).expect("a folder");
    inbox.put("nobody/a.csv", &good, 60);
    inbox.put("astray.csv", &good, 60);
    let (round, ends) = inbox.round();
    assert_eq!(
        round,
        PickUpRound {
            moved: 3,
            is_to_repeat: false,
            unknown_names: vec!["astray.csv".to_owned(), "nobody".to_owned()],
        }
    );
    assert_eq!(
        ends[..2],
        ["p/1-một.csv taken 1 bad 1", "p/2-hai.csv taken 1 bad 0"]
    );
    assert!(
        ends.len() == 3 && ends[2].starts_with("q/a.csv refused: "),
        "{ends:?}"
    );
    assert_eq!(
        inbox.files(),
        [
            "astray.csv",
            "nobody/a.csv",
            "p/da-nhap/1-một.csv",
            "p/da-nhap/1-một.csv.dong-loi.csv",
            "p/da-nhap/2-hai.csv",
            "q/tu-choi/a.csv",
            "q/tu-choi/a.csv.ly-do.txt",
        ]
    );
    let rejects = inbox.read("p/da-nhap/1-một.csv.dong-loi.csv");
    assert!(rejects.starts_with("\u{feff}row,reason,column 1,"), "{rejects}");
    assert!(
        rejects.contains("\n3,") && rejects.contains(",'=T9,"),
        "the row, and no formula: {rejects}"
    );
    let reason = inbox.read("q/tu-choi/a.csv.ly-do.txt");
    let lines: Vec<&str> = reason.lines().collect();
    assert!(
        ends[2].ends_with(lines[0]) && lines[0].contains("không phải tệp sao kê"),
        "{reason}"
    );
    assert!(lines[1].contains("chép tệp trở lại thư mục «q»"), "{reason}");
    // What nobody had told of is posted, and who handed the files in is written down.
    assert_eq!(
        inbox.books.rows(
            "SELECT h.household_ref || ' ' || r.amount_vnd FROM receipt r JOIN household h ON h.household_id = r.household_id"
        ),
        ["one 20000", "two 30000"]
    );
    assert_eq!(
        inbox.books.rows("SELECT imported_by FROM statement_file"),
        ["hộp sao kê", "hộp sao kê"]
    );
    // The very same file is known; a name that is taken gets a number, and so does what lies beside it.
    inbox.put("p/1-một.csv", &statement(&[("T2", "30000", "00000022")]), 60);
    inbox.put("q/a.csv", "", 60);
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (2, false));
    assert_eq!(ends[0], "p/1-một.csv known by hộp sao kê");
    assert!(
        ends[1].starts_with("q/a.csv refused: Tệp sao kê rỗng."),
        "{ends:?}"
    );
    let files = inbox.files();
    for name in [
        "p/da-nhap/1-một-2.csv",
        "q/tu-choi/a-2.csv",
        "q/tu-choi/a-2.csv.ly-do.txt",
    ] {
        assert!(files.contains(&name.to_owned()), "{name}: {files:?}");
    }
    assert_eq!(files.len(), 10);
    assert_eq!(
        inbox.read("q/tu-choi/a.csv"),
        "%PDF-1.7 nothing",
        "nothing is lost"
    );
    // A reason whose file was taken away is not written over, nor taken for that of another file.
    inbox.put("q/tu-choi/c.csv.ly-do.txt", "an old reason", 60);
    inbox.put("q/c.csv", "", 60);
    assert_eq!(inbox.round().0.moved, 1);
    assert_eq!(inbox.read("q/tu-choi/c.csv.ly-do.txt"), "an old reason");
    let reason = inbox.read("q/tu-choi/c-2.csv.ly-do.txt");
    assert!(reason.starts_with("Tệp sao kê rỗng."), "{reason}");
    assert_eq!(inbox.round().1, [""; 0], "nothing is done twice");
}

fn an_archive_is_taken_in_file_by_file(database: Database) {
    let inbox = Inbox::new(database);
    let first = statement(&[("T1", "20000", "00000011")]);
    let second = statement(&[("T2", "30000", "00000022")]);
    let bytes = zipped(&[
        ("ngay 1.csv", first.as_bytes()),
        ("ghi-chu.pdf", b"%PDF-1.7 nothing"),
        ("thang/ngay 2.csv", second.as_bytes()),
    ]);
    inbox.put("p/thang.zip", "", 60);
    fs::write(inbox.folder.join("p/thang.zip"), bytes).expect("an archive");
    let again = fs::File::options()
        .append(true)
        .open(inbox.folder.join("p/thang.zip"));
    let long_ago = Duration::from_millis(evening().0 as u64) - Duration::from_secs(600);
    again
        .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + long_ago))
        .expect("its time");
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (1, true));
    assert_eq!(ends, ["p/thang.zip unpacked 3"]);
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (3, false), "{ends:?}");
    assert!(ends[0].starts_with("p/thang ghi-chu.pdf refused"), "{ends:?}");
    assert_eq!(
        ends[1..],
        [
            "p/thang ngay 1.csv taken 1 bad 0",
            "p/thang ngay 2.csv taken 1 bad 0"
        ]
    );
    assert_eq!(
        inbox.files(),
        [
            "p/da-nhap/thang ngay 1.csv",
            "p/da-nhap/thang ngay 2.csv",
            "p/da-nhap/thang.zip",
            "p/tu-choi/thang ghi-chu.pdf",
            "p/tu-choi/thang ghi-chu.pdf.ly-do.txt",
        ]
    );
}

fn what_is_not_complete_is_left_for_the_next_round(database: Database) {
    let inbox = Inbox::new(database);
    let good = statement(&[("T1", "20000", "00000011")]);
    for name in [".a.csv", "a.csv.part", "b.tmp", "c.csv.filepart"] {
        inbox.put(&format!("p/{name}"), &good, 3_600);
    }
    fs::create_dir(inbox.folder.join("p/old.csv")).expect("a folder");
    let outside = inbox.books.database.folder.path().join("outside.csv");
    put(&outside, &good, 3_600);
    std::os::unix::fs::symlink(&outside, inbox.folder.join("p/link.csv")).expect("a link");
    let before = inbox.files();
    let (round, ends) = inbox.round();
    assert_eq!((round, ends), (PickUpRound::default(), Vec::new()));
    assert_eq!(inbox.files(), before);
    // A file that may still grow is asked for again soon; a second later it is complete.
    inbox.put("p/new.csv", &good, 59);
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat, ends), (0, true, Vec::new()));
    inbox.put("p/new.csv", &good, 60);
    assert_eq!(inbox.round().1, ["p/new.csv taken 1 bad 0"]);
    // A folder for what is done that leads elsewhere is not used.
    let elsewhere = inbox.books.database.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    std::os::unix::fs::symlink(&elsewhere, inbox.folder.join("q/tu-choi")).expect("a link");
    inbox.put("q/x.csv", "", 60);
    let (round, ends) = inbox.round();
    assert!(
        round.is_to_repeat && ends.len() == 1 && ends[0].starts_with("q/x.csv left: "),
        "{ends:?}"
    );
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 0);
}

fn somebody_elses_import_keeps_one_folder_waiting_and_no_other(database: Database) {
    let inbox = Inbox::new(database);
    let new = NewStatement {
        provider_id: "p".to_owned(),
        sha256: "a".to_owned(),
        name: "theirs.csv".to_owned(),
        layout: String::new(),
        mapping: "{}".to_owned(),
    };
    let store = &inbox.books.store;
    inbox
        .books
        .run(store.begin_statement(&new, "thu", evening()))
        .expect("begun");
    for name in ["p/a.csv", "p/b.csv"] {
        inbox.put(name, &statement(&[(name, "20000", "00000011")]), 60);
    }
    inbox.put("q/a.csv", &statement(&[("T1", "30000", "00000022")]), 60);
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (1, true));
    assert!(
        ends.len() == 2 && ends[0].starts_with("p/a.csv left: Đang có người nhập"),
        "the second file of that provider is not even tried: {ends:?}"
    );
    assert_eq!(ends[1], "q/a.csv taken 1 bad 0");
    inbox.books.run(store.remove_statement(1)).expect("given up");
    assert_eq!(
        inbox.round().1,
        ["p/a.csv taken 1 bad 0", "p/b.csv taken 1 bad 0"]
    );
}

fn a_database_that_is_away_loses_no_file(database: Database) {
    let inbox = Inbox::new(database);
    for name in ["p/a.csv", "q/a.csv"] {
        inbox.put(name, &statement(&[(name, "20000", "00000011")]), 60);
    }
    inbox
        .books
        .execute("ALTER TABLE statement_file RENAME TO statement_file_away");
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (0, true));
    assert!(
        ends.len() == 1 && ends[0].starts_with("p/a.csv left: Cơ sở dữ liệu không thực hiện được"),
        "the others are not tried either: {ends:?}"
    );
    assert_eq!(inbox.files(), ["p/a.csv", "q/a.csv"]);
    inbox
        .books
        .execute("ALTER TABLE statement_file_away RENAME TO statement_file");
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (2, false), "{ends:?}");
    // An inbox that is not there is no round; nobody takes it for an empty one.
    fs::remove_dir_all(&inbox.folder).expect("removed");
    assert!(matches!(inbox.try_round(), Err(ImportError::File(_))));
}

fn what_a_stopped_import_left_is_posted(database: Database) {
    let inbox = Inbox::new(database);
    let finish = || {
        inbox
            .books
            .run(finish_statements(
                inbox.books.reconciler(evening()),
                &Turns::default(),
            ))
            .expect("finished")
    };
    // Taken in while the ledger could take nothing: the rows are kept, and no receipt came of them.
    inbox
        .books
        .execute("ALTER TABLE evidence RENAME TO evidence_away");
    for id in ["p", "q"] {
        let lines = [("T1", "20000", "00000011"), ("", "9000", "00000022")];
        inbox.put(&format!("{id}/a.csv"), &statement(&lines), 60);
    }
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat, ends.len()), (0, true, 1));
    let file = StatementFile {
        provider_id: "q".to_owned(),
        profile: "standard".to_owned(),
        path: inbox.folder.join("q/a.csv"),
        name: "a.csv".to_owned(),
        mapping: None,
        by: "thu".to_owned(),
        is_trial: false,
    };
    let cut = inbox
        .books
        .run(inbox.books.reconciler(evening()).import_statement(&file, |_| {}));
    assert!(matches!(cut, Err(ImportError::Store(_))), "{cut:?}");
    inbox
        .books
        .execute("ALTER TABLE evidence_away RENAME TO evidence");
    assert_eq!(inbox.books.receipts(), [""; 0]);
    assert_eq!(finish(), 4, "of every provider");
    assert_eq!(inbox.books.receipts().len(), 4);
    let before = inbox.books.counts();
    assert_eq!(finish(), 0);
    assert_eq!(
        inbox.books.counts(),
        before,
        "where nothing is left, nothing is posted again"
    );
    // What was taken in is put away, whoever took it in.
    assert_eq!(
        inbox.round().1,
        ["p/a.csv known by hộp sao kê", "q/a.csv known by thu"]
    );
}

#[test]
fn a_round_has_an_end_and_the_rest_is_asked_for_again() {
    let inbox = Inbox::new(Database::sqlite());
    for nth in 0..101 {
        inbox.put(&format!("p/{nth:03}.csv"), "", 60);
    }
    inbox.put("q/a.csv", "", 60);
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat, ends.len()), (100, true, 100));
    assert!(
        ends[0].starts_with("p/000.csv") && ends[99].starts_with("p/099.csv"),
        "the first names first"
    );
    let (round, ends) = inbox.round();
    assert_eq!((round.moved, round.is_to_repeat), (2, false));
    assert!(
        ends[0].starts_with("p/100.csv") && ends[1].starts_with("q/a.csv"),
        "{ends:?}"
    );
}

#[test]
fn a_round_is_due_at_the_start_at_each_set_time_and_while_it_is_wanted() {
    let times = || "06:00,12:30".parse().expect("set times");
    let minute = |minutes: i64| on_day(0, minutes);
    let mut rounds = StatementRounds::new(times());
    assert!(
        rounds.is_due(minute(300)),
        "yesterday's last may have been missed"
    );
    rounds.ended(minute(300), 0, false);
    assert!(!rounds.is_due(minute(359)));
    assert!(rounds.is_due(minute(360)), "six o'clock");
    assert!(rounds.is_due(minute(700)), "also for one who slept over it");
    rounds.ended(minute(360), 3, false);
    assert!(!rounds.is_due(minute(749)));
    assert!(
        !rounds.is_due(minute(300)),
        "a clock put back brings no time twice"
    );
    assert!(rounds.is_due(minute(750)));
    // A round that lasts beyond the next set time does not swallow it.
    rounds.ended(minute(749), 1, false);
    assert!(rounds.is_due(minute(751)));
    // It is tried again, half an hour long at most if nothing comes of it.
    rounds.ended(minute(751), 0, true);
    let tries = |rounds: &mut StatementRounds| {
        (0..100)
            .take_while(|_| {
                let is_due = rounds.is_due(minute(760));
                rounds.ended(minute(760), 0, true);
                is_due
            })
            .count()
    };
    assert_eq!(tries(&mut rounds), 30);
    assert!(!rounds.is_due(minute(800)), "then it is given up");
    assert!(rounds.is_due(on_day(1, 360)), "until the next set time");
    rounds.ended(on_day(1, 360), 0, true);
    assert!(rounds.is_due(on_day(1, 361)));
    // What moved something may go on; what wants no more is over.
    for _ in 0..29 {
        rounds.ended(on_day(1, 361), 0, true);
    }
    rounds.ended(on_day(1, 361), 100, true);
    assert_eq!(
        (0..100)
            .take_while(|_| {
                rounds.ended(on_day(1, 362), 0, true);
                rounds.is_due(on_day(1, 362))
            })
            .count(),
        29
    );
    rounds.ended(on_day(1, 363), 1, true);
    rounds.ended(on_day(1, 364), 0, false);
    assert!(!rounds.is_due(on_day(1, 365)));
}

#[test]
fn refused_files_are_on_the_page_until_somebody_takes_them_away() {
    const TOKEN: &str = "choso_invented-token-of-an-officer";
    let database = Database::sqlite();
    let folder = database.folder.path().join("sao-ke");
    let settings = RawConfig::default().with("statement_inbox", folder.display().to_string());
    let app = TestApp::start_with(database, settings);
    app.person("Người một", TOKEN);
    let page = |path: &str| {
        let cookie = format!("choso_session={TOKEN}");
        let answer = crate::support::http::send(app.address(), "GET", path, &[("cookie", &cookie)], b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert!(
        page("/reconcile").contains("thư mục không trả lời"),
        "no folder yet"
    );
    let refused = folder.join("p/tu-choi");
    fs::create_dir_all(&refused).expect("a folder");
    let of_nobody = folder.join("nobody/tu-choi");
    fs::create_dir_all(&of_nobody).expect("a folder");
    fs::write(of_nobody.join("secret.csv"), "x").expect("a file");
    assert!(
        !page("/reconcile").contains("Tệp không nhập được"),
        "nothing to say"
    );
    fs::write(refused.join("<b>.csv"), "x").expect("a file");
    fs::write(refused.join("<b>.csv.ly-do.txt"), "Vì <thế>.\nSửa xong …\n").expect("a file");
    fs::write(refused.join("khác.csv"), "x").expect("a file");
    // A link as reason is not followed.
    let outside = app.database.folder.path().join("outside.txt");
    fs::write(&outside, "not for the page").expect("a file");
    std::os::unix::fs::symlink(&outside, refused.join("khác.csv.ly-do.txt")).expect("a link");
    let shown = page("/reconcile");
    for words in [
        "Tệp không nhập được",
        "&#60;b&#62;.csv",
        "Vì &#60;thế&#62;.",
        "khác.csv",
        "xem nhật ký",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for words in ["ly-do.txt", "not for the page", "secret.csv", "<b>.csv"] {
        assert!(!shown.contains(words), "{words}");
    }
    assert!(page("/reconcile?lang=en").contains("Files that were refused"));
    for nth in 0..30 {
        fs::write(refused.join(format!("{nth}.csv")), "x").expect("a file");
    }
    assert!(page("/reconcile").contains("ít nhất 12 tệp nữa"));
    fs::remove_dir_all(&refused).expect("taken away");
    assert!(!page("/reconcile").contains("Tệp không nhập được"));
}

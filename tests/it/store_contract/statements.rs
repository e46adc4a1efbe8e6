//! Statements: files kept once and whole, rows compared with receipts, and what only a statement knows.

use std::path::PathBuf;

use choso::ledger::LedgerNo;
use choso::reconcile::{FindingKind, RowFinding, RunSummary};
use choso::settlement::{ImportError, Imported, StatementFile, Taken};
use choso::store::{
    FreshRows, NewProvider, NewStatement, PackedRows, StatementBegun, StatementTotals, StoreError,
};
use choso::vn::{Day, TimeMs};

use crate::support::*;

on_both! {
    a_file_is_kept_once_and_whole
    an_import_that_was_given_up_leaves_nothing
    rows_meet_their_receipts_and_the_rest_is_posted
    what_a_statement_posted_is_told_to_nobody_and_a_late_notice_repeats_it
    rows_that_another_file_had_are_not_kept_twice
    the_order_of_files_and_notices_is_irrelevant
    a_statement_of_a_past_day_finds_that_days_receipts
    what_is_agreed_on_is_how_the_next_file_is_read
    rows_that_cannot_be_read_count_for_their_day
}

const HEADER: &str = "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Nội dung\n";

pub(super) fn with_provider(database: Database) -> Books {
    let books = Books::with_register(database);
    let new = NewProvider {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        scheme: "webhooks_v1".to_owned(),
        key_id: "k1".to_owned(),
        sealed_secret: "sealed".to_owned(),
    };
    books
        .run(books.store.add_provider(&new, noon()))
        .expect("a provider");
    books
}

/// One line of a statement; the market day at nine, if nothing else is said.
pub(super) fn line(id: &str, amount: i64, account: &str) -> String {
    format!("{id};01/03/2026 09:00:00;{amount};{account};970415;\n")
}

fn write(books: &Books, header: &str, name: &str, lines: &str) -> PathBuf {
    let path = books.database.folder.path().join(name);
    std::fs::write(&path, format!("{header}{lines}")).expect("a file");
    path
}

pub(super) fn evening() -> TimeMs {
    TimeMs(noon().0 + 12 * 3_600_000)
}

fn import(books: &Books, name: &str, lines: &str) -> Result<Imported, ImportError> {
    import_as(books, HEADER, name, lines)
}

fn import_as(books: &Books, header: &str, name: &str, lines: &str) -> Result<Imported, ImportError> {
    let file = StatementFile {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        path: write(books, header, name, lines),
        name: name.to_owned(),
        mapping: None,
        by: "thu".to_owned(),
        is_trial: false,
    };
    let taken_in = books.reconciler(handed_in(lines)).import_statement(&file, |_| {});
    books.run(taken_in)
}

/// In the evening, and not before the last of its days, which are all of March.
fn handed_in(lines: &str) -> TimeMs {
    let march = lines
        .match_indices("/03/2026")
        .filter_map(|(at, _)| lines.get(at - 2..at)?.parse().ok());
    let last: i8 = march.max().unwrap_or(1);
    let night = Day::ymd(2026, 3, last).start().0 + 36 * 3_600_000;
    if night - evening().0 > 2 * 86_400_000 {
        TimeMs(night)
    } else {
        evening()
    }
}

pub(super) fn taken(books: &Books, name: &str, lines: &str) -> Taken {
    taken_as(books, HEADER, name, lines)
}

pub(super) fn taken_as(books: &Books, header: &str, name: &str, lines: &str) -> Taken {
    match import_as(books, header, name, lines).expect("the file is taken in") {
        Imported::Kept(taken) => *taken,
        Imported::Known { .. } => panic!("the file is not known"),
    }
}

pub(super) fn reconciled(books: &Books, day: Day) -> RunSummary {
    let days = (day, day);
    let view = books.run(books.reconciler(evening()).reconcile_days("p", days));
    let summary = view.expect("compared").summary;
    assert!(summary.adds_up(), "{summary:?}");
    summary
}

pub(super) fn kinds(summary: &RunSummary) -> Vec<String> {
    let of_kind = summary.by_kind.iter();
    of_kind
        .map(|(kind, tally)| format!("{} {} {}", kind.as_str(), tally.count, tally.amount_vnd))
        .collect()
}

fn new_statement(sha256: &str) -> NewStatement {
    NewStatement {
        provider_id: "p".to_owned(),
        sha256: sha256.to_owned(),
        name: "sao-ke.csv".to_owned(),
        layout: String::new(),
        mapping: "{}".to_owned(),
    }
}

fn a_file_is_kept_once_and_whole(database: Database) {
    let books = with_provider(database);
    let begin =
        |sha: &str, at: TimeMs| books.run(books.store.begin_statement(&new_statement(sha), "thu", at));
    let nobody = NewStatement {
        provider_id: "nobody".to_owned(),
        ..new_statement("a")
    };
    assert!(matches!(
        books.run(books.store.begin_statement(&nobody, "thu", noon())),
        Err(StoreError::Missing(_))
    ));
    let begun = begin("a", noon()).expect("begun");
    assert_eq!(begun, StatementBegun::New { file_no: 1 });
    // While it is written nobody begins another one of this provider.
    assert!(matches!(begin("b", noon()), Err(StoreError::Conflict(_))));
    books
        .run(
            books
                .store
                .finish_statement(1, &StatementTotals::default(), noon()),
        )
        .expect("finished");
    let known = StatementBegun::Known {
        imported_by: "thu".to_owned(),
        imported_at: noon(),
    };
    assert_eq!(begin("a", evening()).expect("known"), known);
    assert!(matches!(
        books.run(
            books
                .store
                .finish_statement(1, &StatementTotals::default(), noon())
        ),
        Err(StoreError::Conflict(_))
    ));
    assert_eq!(
        begin("b", evening()).expect("begun"),
        StatementBegun::New { file_no: 2 }
    );
}

fn an_import_that_was_given_up_leaves_nothing(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 20_000))]);
    taken(&books, "a.csv", &line("T1", 20_000, "00000011"));
    // As a process that was killed leaves it: rows of a file that never ended.
    let file = "INSERT INTO statement_file (file_no, provider_id, sha256, name, layout, mapping, state, imported_by, touched_at_ms)
                VALUES (2, 'p', 'dead', 'b.csv', '', '{}', 'reading', 'thu', 0)";
    books.execute(file);
    books.execute(
        "INSERT INTO statement_row (row_no, provider_id, business_day, row_number, kind, status, amount_vnd, fee_vnd,
           vat_vnd, discount_vnd, provider_txn_id, reference, bank_ref, refund_of, terminal, bank_bin, account_number, stall_code,
           parts, fee_gap_vnd, content_high, content_low, finding, detail, pass, shift_days)
         SELECT row_no + 2097152, provider_id, business_day, row_number, kind, status, amount_vnd, fee_vnd, vat_vnd,
           discount_vnd, 'T9', reference, bank_ref, refund_of, terminal, bank_bin, account_number, stall_code, parts, fee_gap_vnd,
           content_high, content_low, 'missing_notice', 0, '', 0 FROM statement_row",
    );
    assert_eq!(
        books.rows("SELECT provider_txn_id FROM statement_row"),
        ["T1", "T9"]
    );
    // It counts for nothing: neither compared nor posted.
    assert_eq!(kinds(&reconciled(&books, market_day())), ["matched_auto 1 20000"]);
    assert!(
        books
            .run(books.store.unnotified_rows("p", None, 9))
            .expect("rows")
            .is_empty()
    );
    // And the next file takes it away.
    taken(&books, "c.csv", &line("T2", 30_000, "00000011"));
    assert_eq!(
        books.rows("SELECT provider_txn_id FROM statement_row"),
        ["T1", "T2"]
    );
    assert_eq!(books.rows("SELECT name FROM statement_file"), ["a.csv", "c.csv"]);
    // A writer that was taken for dead does not go on.
    let late = books.run(
        books
            .store
            .add_statement_rows(2, "p", PackedRows::default(), &[], noon()),
    );
    assert!(matches!(late, Err(StoreError::Conflict(_))));
    books
        .run(books.store.remove_statement(2))
        .expect("nothing is left to remove");
}

fn rows_meet_their_receipts_and_the_rest_is_posted(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 20_000)),
        delivery("m2", &payment("T2", 30_000)),
        delivery("m3", &payment("T3", 5_000)),
    ]);
    let lines = [
        line("T1", 20_000, "00000011"),
        line("T2", 31_000, "00000011"),
        line("T4", 40_000, "00000022"),
        line("T5", 50_000, "99999999"),
        line("T1", 20_000, "00000011"),
    ];
    let done = taken(&books, "a.csv", &lines.concat());
    assert_eq!((done.totals.rows.0, done.posted), (5, 1));
    let wanted = [
        "matched_auto 1 20000",
        "awaiting_statement 1 5000",
        "missing_notice 1 40000",
        "amount_differs 1 31000",
        "duplicate_row 1 20000",
        "unknown_account 1 50000",
    ];
    assert_eq!(kinds(&done.summary), wanted);
    assert_eq!(
        kinds(&reconciled(&books, market_day())),
        wanted,
        "again, nothing is different"
    );
    // What only the statement knew is a receipt of its own day, in ledger, counters and figures.
    assert_eq!(
        books.receipts(),
        ["one - 20000 0", "one - 30000 0", "one - 5000 0", "two - 40000 0"]
            .map(|r| r.replace(" - ", &stall(&books, r)))
    );
    let days = books.household_days();
    assert!(
        days.iter()
            .any(|day| day == &format!("two {} 1 40000 0 1", market_day().number())),
        "{days:?}"
    );
    assert_eq!(books.counts(), [4, 4, 0, 0, 0]);
    assert_eq!(books.amounts()[0], 95_000);
    let row = books
        .rows("SELECT finding || ' ' || COALESCE(pass, '') FROM statement_row WHERE provider_txn_id = 'T2'");
    assert_eq!(row, ["amount_differs transaction_id"]);
    let tied = books
        .rows("SELECT r.provider_txn_id FROM statement_row w JOIN receipt r ON r.entry_no = w.receipt_no");
    assert_eq!(tied, ["T1", "T2", "T4"]);
    // Names of what does not fit, for the list that people get.
    let nos: Vec<i64> = (0..5).map(|place| choso::store::row_no(1, place)).collect();
    let names = books.run(books.store.statement_row_names(&nos)).expect("names");
    assert_eq!(names[&nos[3]], ("T5".to_owned(), 5));
    let first: i64 = books.rows("SELECT CAST(MIN(entry_no) AS TEXT) FROM receipt")[0]
        .parse()
        .expect("a number");
    let ids = books.run(books.store.entry_txn_ids(&[first])).expect("ids");
    assert_eq!(ids[&first], "T1");
}

/// The stall that a receipt of [`Books::receipts`] shows, between spaces.
fn stall(books: &Books, receipt: &str) -> String {
    let household = receipt.split(' ').next().expect("a household");
    let code = match household {
        "one" => books.rows("SELECT s.stall_code FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'").remove(0),
        _ => "-".to_owned(),
    };
    format!(" {code} ")
}

fn what_a_statement_posted_is_told_to_nobody_and_a_late_notice_repeats_it(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 20_000))]);
    let lines = line("T1", 20_000, "00000011") + &line("T2", 30_000, "00000011");
    assert_eq!(taken(&books, "a.csv", &lines).posted, 1);
    let heard = books
        .run(books.store.feed_after(LedgerNo::default(), None))
        .expect("the feed");
    let amounts: Vec<i64> = heard.receipts.iter().map(|r| r.amount.vnd()).collect();
    assert_eq!(amounts, [20_000], "nobody hears what a statement posted");
    assert!(
        heard.last_seen > heard.receipts[0].no,
        "but the feed goes past it"
    );
    // The notice comes at last: it is the same payment. With another amount it is not.
    let before = books.counts();
    books.post_at(&[delivery("m2", &payment("T2", 30_000))], evening());
    let [received, posted, quarantined, ignored, repeats] = before;
    assert_eq!(
        books.counts(),
        [received, posted, quarantined, ignored, repeats + 1]
    );
    books.post_cold(&[delivery("m3", &payment("T2", 33_000))], evening());
    assert_eq!(books.reasons(), ["same_id_other_content"]);
    assert_eq!(
        kinds(&reconciled(&books, market_day())),
        ["matched_auto 1 20000", "missing_notice 1 30000"]
    );
    assert_eq!(
        books
            .run(books.reconciler(evening()).post_from_statement("p", None))
            .expect("posted"),
        0
    );
    // Taken back, it is as any other receipt.
    books.post_at(&[delivery("m4", &refund("R1", "T2", 30_000))], evening());
    assert_eq!(
        books.rows("SELECT CAST(refunded_vnd AS TEXT) FROM receipt"),
        ["0", "30000"]
    );
}

fn rows_that_another_file_had_are_not_kept_twice(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 20_000))]);
    let one = line("T1", 20_000, "00000011");
    let same = line("", 7_000, "00000022");
    let first = taken(&books, "a.csv", &(one.clone() + &same + &same));
    assert_eq!(
        (first.totals.rows.0, first.posted),
        (3, 2),
        "equal rows of one file are two payments"
    );
    // The same days again, in a longer file: what is new is one row.
    let longer = taken(
        &books,
        "b.csv",
        &(same.clone() + &one + &same + &line("T9", 9_000, "00000011")),
    );
    assert_eq!(
        (longer.totals.rows.0, longer.totals.repeated.0, longer.posted),
        (1, 3, 1)
    );
    assert_eq!(longer.totals.repeated.1.vnd(), 34_000);
    assert_eq!(books.counts()[0], 4);
    // And the very same file is known as such.
    let again = import(
        &books,
        "b.csv",
        &(same.clone() + &one + &same + &line("T9", 9_000, "00000011")),
    );
    assert!(matches!(again, Ok(Imported::Known { imported_by, .. }) if imported_by == "thu"));
}

fn the_order_of_files_and_notices_is_irrelevant(database: Database) {
    let books = with_provider(database);
    let first = line("T1", 20_000, "00000011") + &line("T2", 30_000, "00000022");
    let second = line("T3", 40_000, "00000011") + &line("T4", 1_000, "99999999");
    // The statement first, the notices after it: nothing is there twice.
    taken(&books, "b.csv", &second);
    taken(&books, "a.csv", &first);
    for (id, amount, account) in [
        ("T1", 20_000, "00000011"),
        ("T3", 40_000, "00000011"),
        ("T2", 30_000, "00000022"),
    ] {
        books.post_at(
            &[delivery(id, &to_account(payment(id, amount), account))],
            evening(),
        );
    }
    assert_eq!(books.counts(), [3, 3, 0, 0, 3]);
    assert_eq!(
        kinds(&reconciled(&books, market_day())),
        ["missing_notice 3 90000", "unknown_account 1 1000"]
    );
}

fn a_statement_of_a_past_day_finds_that_days_receipts(database: Database) {
    let books = with_provider(database);
    // The notice of the market day came three days late; one of another day is beside it.
    books.post_at(&[delivery("m1", &payment("T1", 20_000))], on_day(3, 60));
    assert_eq!(
        books.rows("SELECT CAST(business_day AS TEXT) FROM late_receipt"),
        [market_day().number().to_string()]
    );
    let held = |day| books.run(books.store.day_receipts("p", day)).expect("receipts");
    assert_eq!(
        (held(market_day()).len(), held(market_day().plus(3)).len()),
        (1, 0)
    );
    let own = held(market_day()).remove(0);
    assert_eq!((own.provider_txn_id.as_str(), own.amount_vnd), ("T1", 20_000));
    let done = taken(&books, "a.csv", &line("T1", 20_000, "00000011"));
    assert_eq!(
        (kinds(&done.summary), done.posted),
        (vec!["matched_auto 1 20000".to_owned()], 0)
    );
    // A day later by the provider's clock: the same payment, the shift visible.
    let next = "T2;02/03/2026 00:04:00;30000;00000011;970415;\n";
    books.post_at(
        &[delivery(
            "m2",
            &with(
                payment("T2", 30_000),
                "occurred_at",
                "2026-03-01T23:58:00+07:00".into(),
            ),
        )],
        on_day(1, 5),
    );
    let done = taken(&books, "b.csv", next);
    assert_eq!(kinds(&done.summary), ["matched_auto 1 30000"]);
    assert_eq!(
        books.rows("SELECT CAST(shift_days AS TEXT) FROM statement_row WHERE provider_txn_id = 'T2'"),
        ["1"]
    );
    let said = RowFinding {
        word: "ambiguous",
        detail: 2,
        pass: "",
        shift_days: 0,
        receipt_no: None,
        lump: vec![1, 2],
    };
    let row_no = choso::store::row_no(2, 0);
    books
        .run(books.store.change_findings(&[(row_no, said)]))
        .expect("changed");
    assert_eq!(
        books.rows("SELECT finding FROM statement_row WHERE provider_txn_id = 'T2'"),
        ["ambiguous"]
    );
    // Compared again, it is what it is.
    reconciled(&books, market_day().plus(1));
    assert_eq!(
        books.rows("SELECT finding FROM statement_row WHERE provider_txn_id = 'T2'"),
        ["matched_auto"]
    );
    assert_eq!(
        books.rows("SELECT CAST(row_no AS TEXT) FROM statement_lump"),
        [""; 0]
    );
}

fn what_is_agreed_on_is_how_the_next_file_is_read(database: Database) {
    let books = with_provider(database);
    let agreed = || books.run(books.store.statement_mappings("p")).expect("read");
    assert_eq!(agreed(), [""; 0]);
    taken(&books, "a.csv", &line("T1", 20_000, "00000011"));
    assert!(
        matches!(&agreed()[..], [one] if one.contains("Mã giao dịch")),
        "{:?}",
        agreed()
    );
    // A column has another name: said so, not guessed; and nothing of it is kept.
    let moved = "Mã giao dịch;Ngày giao dịch;Giá trị;Tài khoản nhận;Mã ngân hàng;Nội dung\nT2;01/03/2026;5000;00000011;970415;\n";
    let path = books.database.folder.path().join("moved.csv");
    std::fs::write(&path, moved).expect("a file");
    let file = StatementFile {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        path,
        name: "moved.csv".to_owned(),
        mapping: None,
        by: "thu".to_owned(),
        is_trial: false,
    };
    let refused = books.run(books.reconciler(evening()).import_statement(&file, |_| {}));
    assert!(matches!(refused, Err(ImportError::Statement(_))), "{refused:?}");
    assert_eq!(books.rows("SELECT name FROM statement_file"), ["a.csv"]);
    // Another shape of file has a mapping of its own; the same shape again takes the place of the former one.
    let agree = |shape: &str, mapping: &str| {
        let done = books
            .store
            .agree_statement_mapping("p", shape, mapping, "hai", evening());
        books.run(done).expect("agreed");
    };
    agree("mt940", "{\"other\":1}");
    agree("mt940", "{\"other\":2}");
    let both = agreed();
    assert!(
        both.len() == 2 && both.contains(&"{\"other\":2}".to_owned()),
        "{both:?}"
    );
}

fn rows_that_cannot_be_read_count_for_their_day(database: Database) {
    let books = with_provider(database);
    let lines = line("T1", 20_000, "00000022")
        + &line("T2", 0, "x").replace(";0;", ";12,50;")
        + &line("T3", 1_000, "00000022");
    let done = taken(&books, "a.csv", &lines);
    assert_eq!((done.totals.bad, done.bad.len()), (1, 1));
    let files = books.run(books.store.statement_files(5)).expect("files");
    let file = &files[0];
    assert_eq!(
        (file.name.as_str(), file.imported_by.as_str(), files.len()),
        ("a.csv", "thu", 1)
    );
    assert_eq!((file.totals.rows.0, file.totals.bad), (2, 1));
    assert_eq!(file.totals.days, Some((market_day(), market_day())));
    let summary = reconciled(&books, market_day());
    assert_eq!((summary.bad.count, summary.rows.count), (1, 3));
    assert_eq!(summary.by_kind[&FindingKind::BadRow].count, 1);
    let bad = books
        .run(books.store.bad_statement_rows("p", market_day(), market_day()))
        .expect("rows");
    assert_eq!((bad[0].row_number, bad[0].business_day), (3, market_day()));
    // A file of which hardly anything can be read is read wrongly: nothing of it is kept.
    let nonsense = line("T9", 1, "x").replace(";1;", ";?;").repeat(20_001);
    assert!(matches!(
        import(&books, "b.csv", &nonsense),
        Err(ImportError::TooManyBad(_))
    ));
    assert_eq!(books.rows("SELECT name FROM statement_file"), ["a.csv"]);
    let codes = books.run(books.store.stall_codes()).expect("codes");
    assert!(codes.is_sorted() && codes.iter().any(|(code, _)| code == "HC7K3M9J"));
    let days = (market_day(), market_day());
    let window = books
        .run(
            books
                .store
                .statement_window("p", days, days, FreshRows::default(), &codes),
        )
        .expect("both sides");
    assert_eq!(
        (
            window.sides.rows.len(),
            window.sides.receipts.len(),
            window.previous.len()
        ),
        (2, 2, 2)
    );
    let receipts = books
        .run(books.store.mark_rows_posted(&[], LedgerNo::default()))
        .expect("nothing");
    assert_eq!(receipts, 0);
}

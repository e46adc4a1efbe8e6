//! The statement's word taken into the books, people's decisions with their trail, and days that are closed.

use choso::reconcile::{ActKind, Correction, Decision, DecisionState, DistantPair, FindingKind, Subject};
use choso::settlement::{CloseRequest, ImportError};
use choso::store::{
    Actor, Answer, Conflict, DecisionView, Missing, NewDayClose, NewDecision, StoreError, WriterMemory,
};
use choso::vn::{Day, TimeMs};

use super::statements::{evening, kinds, reconciled, taken_as, with_provider};
use crate::support::*;

on_both! {
    a_differing_amount_is_corrected_and_corrected_back
    money_back_is_taken_off_once_whoever_tells_of_it_first
    a_late_row_and_late_money_back_find_their_old_day
    a_failed_row_wins_once_its_day_is_over
    a_person_matches_and_undoes
    a_large_decision_waits_for_a_second_person
    a_receipt_without_a_row_is_struck_and_restored
    what_people_do_stands_in_a_chain
    a_closed_day_changes_by_restatement_only
    books_add_up_from_day_to_day
    one_exception_is_seen_whole
    a_late_notice_under_an_id_of_its_own_is_a_repeat
    a_notice_that_comes_before_its_row_is_posted_is_the_only_receipt
}

pub(super) const HEADER: &str =
    "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Phí;Loại giao dịch;Trạng thái\n";

/// One line: id, day of March, amount, fee, kind and status.
pub(super) fn line(id: &str, day: u8, amount: i64, fee: i64, kind: &str, status: &str) -> String {
    format!("{id};{day:02}/03/2026 09:00:00;{amount};00000011;970415;{fee};{kind};{status}\n")
}

pub(super) fn paid(id: &str, day: u8, amount: i64) -> String {
    line(id, day, amount, 0, "Thanh toán", "Thành công")
}

pub(super) fn back(id: &str, day: u8, amount: i64) -> String {
    line(id, day, amount, 0, "Hoàn tiền", "Thành công")
}

pub(super) fn days_later(days: i64) -> TimeMs {
    TimeMs(evening().0 + days * 86_400_000)
}

/// What is left of each receipt, by id.
pub(super) fn left(books: &Books) -> Vec<String> {
    books.rows("SELECT provider_txn_id || ' ' || (amount_vnd - refunded_vnd + corrected_vnd) FROM receipt")
}

/// What the counters say is left of each household's day.
pub(super) fn counted(books: &Books) -> Vec<String> {
    books.run(books.store.count_receipts()).expect("counted");
    books.rows(
        "SELECT day || ' ' || (posted_vnd - refunded_vnd + corrected_vnd) || ' ' || qualifying_count FROM household_day",
    )
}

pub(super) fn close_request<'a>(
    (provider_id, business_day): (&'a str, Day),
    reason: &'a str,
) -> CloseRequest<'a> {
    CloseRequest {
        provider_id,
        business_day,
        reason,
        by: "an",
    }
}

pub(super) fn again(books: &Books, day: Day, now: TimeMs) -> Vec<String> {
    let view = books
        .run(books.reconciler(now).reconcile_days("p", (day, day)))
        .expect("reconciled");
    assert!(view.summary.adds_up());
    assert_sound(&books.recount());
    kinds(&view.summary)
}

pub(super) fn row_no(books: &Books, txn: &str) -> i64 {
    let sql = format!("SELECT CAST(row_no AS TEXT) FROM statement_row WHERE provider_txn_id = '{txn}'");
    books.rows(&sql)[0].parse().expect("a number")
}

pub(super) fn receipt_no(books: &Books, txn: &str) -> i64 {
    let sql = format!("SELECT CAST(entry_no AS TEXT) FROM receipt WHERE provider_txn_id = '{txn}'");
    books.rows(&sql)[0].parse().expect("a number")
}

fn a_differing_amount_is_corrected_and_corrected_back(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 54_000)),
        delivery("m2", &payment("T2", 1_500)),
    ]);
    let day = market_day().number();
    assert_eq!(counted(&books), [format!("{day} 55500 2")]);
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(paid("T1", 1, 45_000) + &paid("T2", 1, 900)),
    );
    assert_eq!(left(&books), ["T1 45000", "T2 900"]);
    assert_eq!(
        counted(&books),
        [format!("{day} 45900 1")],
        "what is left below the floor counts no more"
    );
    assert_eq!(
        again(&books, market_day(), evening()),
        ["amount_differs 2 45900"],
        "and again it is the same"
    );
    assert_eq!(
        books.rows("SELECT because || ' ' || amount_vnd FROM correction"),
        ["amount_differs -600", "amount_differs -9000"]
    );
    // The ledger's own door, asked for the same again, and for more than there is.
    let correction = |amount_vnd: i64| Correction {
        row_no: row_no(&books, "T2"),
        receipt_no: receipt_no(&books, "T2"),
        row_day: market_day(),
        receipt_day: market_day(),
        because: FindingKind::AmountDiffers,
        amount_vnd,
    };
    let correct = |amount_vnd: i64| {
        let wanted = [correction(amount_vnd)];
        books
            .run(books.store.correct_receipts("p", &wanted, evening()))
            .expect("corrected")
    };
    assert_eq!(correct(-600), 0);
    assert_eq!(correct(-9_000), 1);
    assert_eq!(left(&books), ["T1 45000", "T2 0"], "never less than nothing");
    assert_eq!(correct(0), 1);
    assert_eq!(left(&books), ["T1 45000", "T2 1500"]);
    assert_eq!(counted(&books), [format!("{day} 46500 2")]);
    assert_sound(&books.recount());
}

fn money_back_is_taken_off_once_whoever_tells_of_it_first(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 40_000)),
    ]);
    // The statement tells first; both receipts are counted by then.
    counted(&books);
    let lines = paid("T1", 1, 50_000) + &back("T1", 1, 20_000) + &paid("T2", 1, 40_000);
    taken_as(&books, HEADER, "a.csv", &lines);
    assert_eq!(left(&books), ["T1 30000", "T2 40000"]);
    assert_eq!(
        again(&books, market_day(), evening()),
        ["matched_auto 2 90000", "reversed 1 20000"]
    );
    // Then the notice: what is left stays.
    books.post_at(&[delivery("m3", &refund("R1", "T1", 20_000))], evening());
    assert_eq!(left(&books), ["T1 30000", "T2 40000"]);
    let receipt = "SELECT refunded_vnd || ' ' || corrected_vnd FROM receipt WHERE provider_txn_id = 'T1'";
    assert_eq!(books.rows(receipt), ["20000 0"]);
    assert_eq!(again(&books, market_day(), evening()), ["matched_auto 3 110000"]);
    assert_eq!(left(&books), ["T1 30000", "T2 40000"]);
    // A second notice of more than is left waits for a person and changes nothing.
    books.post_at(&[delivery("m4", &refund("R2", "T1", 30_001))], evening());
    assert_eq!(books.reasons(), ["refund_exceeds_payment"]);
    assert_eq!(left(&books), ["T1 30000", "T2 40000"]);
    assert_sound(&books.recount());
}

fn a_late_row_and_late_money_back_find_their_old_day(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 40_000)),
        delivery("m3", &payment("T3", 30_000)),
    ]);
    taken_as(&books, HEADER, "a.csv", &paid("T1", 1, 50_000));
    // Three weeks later another file tells that T1 went back and lists T2 for the first time; T3 is a day late.
    let late = back("T1", 22, 50_000) + &paid("T2", 22, 40_000) + &paid("T3", 2, 30_000);
    let done = taken_as(&books, HEADER, "b.csv", &late);
    assert_eq!(done.posted, 0, "nothing is posted twice");
    assert_eq!(
        kinds(&done.summary),
        ["matched_auto 1 30000", "date_differs 1 40000", "reversed 1 50000"]
    );
    assert_eq!(left(&books), ["T1 0", "T2 40000", "T3 30000"]);
    let later = days_later(25);
    assert_eq!(
        again(&books, market_day(), later),
        ["matched_auto 1 50000"],
        "none of them is missing"
    );
    assert_eq!(
        again(&books, market_day().plus(21), later),
        ["date_differs 1 40000", "reversed 1 50000"]
    );
    assert_eq!(left(&books), ["T1 0", "T2 40000", "T3 30000"]);
    assert_eq!(
        books
            .run(books.store.find_distant(
                "p",
                (market_day(), market_day().plus(30)),
                &mut WriterMemory::default()
            ))
            .expect("looked"),
        0
    );
    let pair = DistantPair {
        row_no: row_no(&books, "T2"),
        row_day: market_day().plus(21),
        receipt_no: receipt_no(&books, "T2"),
        receipt_day: market_day(),
    };
    books
        .run(books.store.keep_distant_pairs("p", &[pair]))
        .expect("known already");
    assert_eq!(
        books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM statement_far"),
        ["2"]
    );
}

fn a_failed_row_wins_once_its_day_is_over(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    // It is handed in as the day after begins: the row is the last word.
    let failed = line("T1", 1, 50_000, 0, "Thanh toán", "Thất bại");
    let done = taken_as(&books, HEADER, "a.csv", &failed);
    assert_eq!(kinds(&done.summary), ["status_differs 1 50000"]);
    assert_eq!(left(&books), ["T1 0"]);
    // The next file says that it was settled after all.
    taken_as(&books, HEADER, "b.csv", &paid("T1", 1, 50_000));
    assert_eq!(left(&books), ["T1 50000"]);
    assert_eq!(again(&books, market_day(), evening()), ["matched_auto 1 50000"]);
}

pub(super) fn decide(
    books: &Books,
    row_no: Option<i64>,
    decision: Decision,
    receipt_nos: &[i64],
    by: &str,
) -> Result<DecisionView, StoreError> {
    let new = NewDecision {
        provider_id: "p".to_owned(),
        row_no,
        decision,
        receipt_nos: receipt_nos.to_vec(),
        reason: "đã hỏi nhà cung cấp".to_owned(),
        by: by.to_owned(),
        second_person_above_vnd: 1_000_000,
    };
    books.run(books.store.decide(&new, evening()))
}

fn at_evening(by: &str) -> Actor<'_> {
    Actor { by, now: evening() }
}

pub(super) fn answer(
    books: &Books,
    decision_no: i64,
    answer: Answer,
    by: &str,
) -> Result<DecisionView, StoreError> {
    books.run(
        books
            .store
            .answer_decision(decision_no, answer, "xem lại", at_evening(by)),
    )
}

fn a_person_matches_and_undoes(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 20_000)),
    ]);
    // The row has another id: its receipt is posted from it.
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(paid("X1", 1, 50_000).replace("09:00", "15:00") + &paid("T2", 1, 20_000)),
    );
    assert_eq!(left(&books), ["T1 50000", "T2 20000", "X1 50000"]);
    let row = row_no(&books, "X1");
    let heard = receipt_no(&books, "T1");
    let wrong = decide(
        &books,
        Some(row),
        Decision::Manual,
        &[heard, receipt_no(&books, "T2")],
        "an",
    );
    assert!(
        matches!(wrong, Err(StoreError::Conflict(text)) if choso::words::conflict(&text).vi.contains("cộng lại"))
    );
    assert!(matches!(
        decide(&books, Some(7), Decision::Manual, &[heard], "an"),
        Err(StoreError::Missing(_))
    ));
    assert!(matches!(
        decide(&books, Some(row), Decision::Manual, &[7], "an"),
        Err(StoreError::Missing(_))
    ));
    let view = decide(&books, Some(row), Decision::Manual, &[heard], "an").expect("decided");
    assert_eq!(
        (view.state, view.amount_vnd, view.business_day),
        (DecisionState::Standing, 50_000, market_day())
    );
    assert!(matches!(
        decide(&books, Some(row), Decision::Forced, &[], "an"),
        Err(StoreError::Conflict(_))
    ));
    assert_eq!(
        again(&books, market_day(), evening()),
        ["matched_auto 1 20000", "matched_manual 1 50000"]
    );
    // The receipt that the row had posted is no money.
    assert_eq!(left(&books), ["T1 50000", "T2 20000", "X1 0"]);
    let listed = books
        .run(books.store.decisions("p", (market_day(), market_day())))
        .expect("decisions");
    assert_eq!(listed, std::slice::from_ref(&view));
    let undone = answer(&books, view.decision_no, Answer::Undo, "binh").expect("undone");
    assert_eq!(
        (undone.state, undone.second_by.as_deref()),
        (DecisionState::Undone, Some("binh"))
    );
    assert!(matches!(
        answer(&books, view.decision_no, Answer::Undo, "binh"),
        Err(StoreError::Conflict(_))
    ));
    assert_eq!(
        again(&books, market_day(), evening()),
        [
            "matched_auto 1 20000",
            "awaiting_statement 1 50000",
            "missing_notice 1 50000"
        ]
    );
    assert_eq!(left(&books), ["T1 50000", "T2 20000", "X1 50000"]);
}

fn a_large_decision_waits_for_a_second_person(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 5_000_000))]);
    taken_as(&books, HEADER, "a.csv", &paid("T1", 1, 4_000_000));
    let row = row_no(&books, "T1");
    let receipt = receipt_no(&books, "T1");
    let view = decide(&books, Some(row), Decision::Forced, &[receipt], "an").expect("decided");
    assert_eq!(view.state, DecisionState::Waiting);
    assert_eq!(
        again(&books, market_day(), evening()),
        ["amount_differs 1 4000000"],
        "it has no effect yet"
    );
    assert!(matches!(
        answer(&books, view.decision_no, Answer::Approve, "an"),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        answer(&books, 99, Answer::Approve, "binh"),
        Err(StoreError::Missing(_))
    ));
    let refused = answer(&books, view.decision_no, Answer::Refuse, "binh").expect("refused");
    assert_eq!(refused.state, DecisionState::Refused);
    let view = decide(&books, Some(row), Decision::Forced, &[receipt], "an").expect("decided again");
    let standing = answer(&books, view.decision_no, Answer::Approve, "binh").expect("approved");
    assert_eq!(standing.state, DecisionState::Standing);
    assert_eq!(
        again(&books, market_day(), evening()),
        ["matched_forced 1 4000000"]
    );
    assert_eq!(left(&books), ["T1 4000000"], "the accepted amount is the row's");
}

fn a_receipt_without_a_row_is_struck_and_restored(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 20_000)),
    ]);
    let later = days_later(7);
    assert_eq!(
        again(&books, market_day(), later),
        ["missing_in_statement 2 70000"]
    );
    let view = decide(&books, None, Decision::Struck, &[receipt_no(&books, "T1")], "an").expect("struck");
    decide(&books, None, Decision::Forced, &[receipt_no(&books, "T2")], "an").expect("kept");
    let twice = decide(&books, None, Decision::Struck, &[receipt_no(&books, "T2")], "an");
    assert!(matches!(twice, Err(StoreError::Conflict(_))));
    assert!(
        again(&books, market_day(), later).is_empty(),
        "nothing is left open"
    );
    assert_eq!(left(&books), ["T1 0", "T2 20000"]);
    answer(&books, view.decision_no, Answer::Undo, "an").expect("undone");
    assert_eq!(
        again(&books, market_day(), later),
        ["missing_in_statement 1 50000"]
    );
    assert_eq!(left(&books), ["T1 50000", "T2 20000"]);
}

fn what_people_do_stands_in_a_chain(database: Database) {
    let books = with_provider(database);
    let subject = Subject::Day(market_day());
    let rows = [Subject::Row(7), Subject::Entry(8)];
    books
        .run(
            books
                .store
                .comment("p", subject, " gọi lại ngày mai ", at_evening("an")),
        )
        .expect("a comment");
    let nobody = books.run(books.store.assign("p", &rows, "bình", at_evening("an")));
    assert!(
        matches!(nobody, Err(StoreError::Missing(Missing::Person { .. }))),
        "nobody of this name may sign in: {nobody:?}"
    );
    books
        .run(books.store.add_token("bình", "token of bình", false, noon()))
        .expect("a person");
    books
        .run(books.store.assign("p", &rows, "bình", at_evening("an")))
        .expect("assigned");
    books
        .run(books.store.assign("p", &rows[1..], "", at_evening("an")))
        .expect("given to nobody");
    let assigned = books.run(books.store.assignments("p")).expect("assignments");
    assert_eq!(
        assigned.into_iter().collect::<Vec<_>>(),
        [(Subject::Row(7), "bình".to_owned())]
    );
    let acts = books.run(books.store.acts_of("p", subject)).expect("acts");
    assert_eq!(
        (acts.len(), acts[0].what, &*acts[0].by),
        (1, ActKind::Comment, "an")
    );
    assert!(
        acts[0].detail.contains("gọi lại ngày mai\""),
        "{}",
        acts[0].detail
    );
    assert_eq!(
        books.run(books.store.acts_of("p", rows[1])).expect("acts").len(),
        2
    );
    assert_eq!(books.run(books.store.walk_acts()).expect("walked"), (4, None));
    let looked = books.run(books.store.keep_look(
        "p",
        Subject::Row(9),
        (&[1, 2], " lệch tiền "),
        at_evening("an"),
    ));
    assert_eq!(looked.expect("an act"), 5);
    let looks = books
        .run(books.store.acts_of("p", Subject::Row(9)))
        .expect("acts");
    assert_eq!((looks.len(), looks[0].what), (1, ActKind::Look));
    assert_eq!(&*looks[0].detail, r#"{"reason":"lệch tiền","receipts":[1,2]}"#);
    assert_eq!(books.run(books.store.walk_acts()).expect("walked"), (5, None));
    books.execute("UPDATE act SET by_name = 'cuong' WHERE act_no = 2");
    let (held, broken) = books.run(books.store.walk_acts()).expect("walked");
    assert_eq!(held, 1);
    assert!(broken.expect("it breaks").starts_with("act 2"));
    books.execute("UPDATE act SET by_name = 'an' WHERE act_no = 2");
    books.execute("DELETE FROM act WHERE act_no = 3");
    assert_eq!(books.run(books.store.walk_acts()).expect("walked").0, 2);
}

fn a_closed_day_changes_by_restatement_only(database: Database) {
    let books = with_provider(database);
    let day = market_day();
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 20_000)),
    ]);
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(paid("T1", 1, 50_000) + &paid("T2", 1, 19_000)),
    );
    let close = |reason: &str, now: TimeMs| {
        books.run(books.reconciler(now).close_day(close_request(("p", day), reason)))
    };
    let restate = |reason: &str, now: TimeMs| {
        books.run(
            books
                .reconciler(now)
                .restate_day(close_request(("p", day), reason)),
        )
    };
    let is_conflict = |error: ImportError| matches!(error, ImportError::Store(StoreError::Conflict(_)));
    assert!(is_conflict(close("", noon()).expect_err("the day is not over")));
    let next = days_later(1);
    assert!(is_conflict(close("", next).expect_err("an exception is open")));
    assert!(is_conflict(restate("lý do", next).expect_err("it is not closed")));
    let closed = close("chờ nhà cung cấp trả lời", next).expect("closed");
    assert_eq!((closed.version, closed.open, closed.figures.held), (1, 1, 2));
    assert_eq!(closed.figures.book.closing_vnd, 0);
    assert!(is_conflict(close("nữa", next).expect_err("it is closed")));
    assert!(is_conflict(
        restate("lý do", next).expect_err("nothing has changed")
    ));

    // A late file, a late notice, and a decision: nothing of the day moves.
    let was = kinds(&reconciled(&books, day));
    let late = taken_as(
        &books,
        HEADER,
        "b.csv",
        &(paid("T9", 1, 70_000) + &back("T1", 2, 50_000)),
    );
    assert_eq!(late.posted, 0);
    assert_eq!(left(&books), ["T1 50000", "T2 19000"]);
    decide(
        &books,
        Some(row_no(&books, "T2")),
        Decision::Forced,
        &[receipt_no(&books, "T2")],
        "an",
    )
    .expect("decided");
    let view = books
        .run(books.reconciler(next).reconcile_days("p", (day, day)))
        .expect("compared");
    assert_eq!(kinds(&view.summary), was);
    assert_eq!(
        view.waiting, 5,
        "a payment, money back, the decision, and the correction it exchanges"
    );
    assert_eq!((view.closes.len(), view.closes[0].version), (1, 1));
    let looked = books
        .run(books.reconciler(next).compare_days("p", (day, day)))
        .expect("compared");
    assert_eq!(looked.waiting, 5);
    assert_eq!(left(&books), ["T1 50000", "T2 19000"]);

    // Stated anew, it all takes effect, with its reason and beside what was.
    let restated = restate("tệp đến muộn", next).expect("restated");
    assert_eq!((restated.version, restated.figures.held), (2, 3));
    assert_eq!(left(&books), ["T1 0", "T2 19000", "T9 70000"]);
    let view = books
        .run(books.reconciler(next).compare_days("p", (day, day)))
        .expect("compared");
    assert_eq!(
        kinds(&view.summary),
        [
            "matched_auto 1 50000",
            "matched_forced 1 19000",
            "missing_notice 1 70000"
        ]
    );
    assert_eq!(view.waiting, 0);
    let closes = books
        .run(books.store.day_closes("p", (day, day)))
        .expect("closes");
    assert_eq!(
        closes.iter().map(|c| (c.version, &*c.reason)).collect::<Vec<_>>(),
        [(1, "chờ nhà cung cấp trả lời"), (2, "tệp đến muộn")]
    );
    let acts = books
        .run(books.store.acts_of("p", Subject::Day(day)))
        .expect("acts");
    assert_eq!(
        acts.iter().map(|a| a.what).collect::<Vec<_>>(),
        [ActKind::Close, ActKind::Restate]
    );
    assert_eq!(books.run(books.store.walk_acts()).expect("walked").1, None);
    assert_sound(&books.recount());
    // Figures that somebody changed behind its back are not those of the act.
    books.execute("UPDATE day_close SET figures = REPLACE(figures, '70000', '80000') WHERE version = 2");
    let broken = books.run(books.store.walk_acts()).expect("walked").1;
    assert!(broken.expect("it breaks").contains("version 2"));
    books.execute("UPDATE day_close SET figures = REPLACE(figures, '80000', '70000') WHERE version = 2");
    // The door itself counts versions.
    let new = NewDayClose {
        provider_id: "p",
        business_day: day.plus(9),
        version: 1,
        reason: "",
        figures: "{}",
    };
    let actor = Actor { by: "an", now: next };
    books.run(books.store.close_day(&new, actor)).expect("closed");
    let twice = books.run(books.store.close_day(&new, actor));
    assert!(matches!(twice, Err(StoreError::Conflict(_))));
}

fn books_add_up_from_day_to_day(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 20_000)),
    ]);
    books.post_at(&[delivery("m3", &refund("R1", "T1", 10_000))], noon());
    let lines = line("T1", 1, 50_000, 550, "Thanh toán", "Thành công") + &back("R1", 1, 10_000);
    taken_as(&books, HEADER, "a.csv", &lines);
    let read = |books: &Books| {
        let days = books
            .run(books.store.books("p", (market_day(), market_day().plus(1))))
            .expect("books");
        assert!(days.iter().all(|(_, book)| book.adds_up()), "{days:?}");
        let all = days.into_iter().map(|(_, b)| {
            [
                b.opening_vnd,
                b.receipts_vnd,
                b.reversals_vnd,
                b.fees_vnd,
                b.settled_vnd,
                b.closing_vnd,
            ]
        });
        all.collect::<Vec<_>>()
    };
    // T2 is not on any statement: the provider still has it.
    let first = [0, 70_000, 10_000, 550, 39_450, 20_000];
    assert_eq!(read(&books), [first, [20_000, 0, 0, 0, 0, 20_000]]);
    taken_as(&books, HEADER, "b.csv", &paid("T2", 2, 19_000));
    assert_eq!(
        read(&books),
        [first, [20_000, -1_000, 0, 0, 19_000, 0]],
        "a day later, and a thousand less"
    );
    // A closed day stays as it was closed; what it would be now is told beside.
    let now = books
        .run(books.store.book_now("p", market_day()))
        .expect("the day as it is now");
    assert_eq!((now.receipts_vnd, now.closing_vnd), (70_000, 20_000));
    // From a closed day on its closing is the opening.
    books
        .run(
            books
                .reconciler(days_later(1))
                .close_day(close_request(("p", market_day()), "còn một khoản")),
        )
        .expect("closed");
    let second = books
        .run(
            books
                .store
                .books("p", (market_day().plus(1), market_day().plus(1))),
        )
        .expect("books");
    assert_eq!((second[0].1.opening_vnd, second[0].1.closing_vnd), (20_000, 0));
}

fn one_exception_is_seen_whole(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &to_account(payment("T2", 20_000), "99999999")),
    ]);
    books.post_at(&[delivery("m3", &refund("R1", "T1", 5_000))], noon());
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &line("T1", 1, 44_000, 550, "Thanh toán", "Thành công"),
    );
    let no = row_no(&books, "T1");
    let row = books.run(books.store.statement_row("p", no)).expect("looked");
    let row = row.expect("a row");
    assert_eq!(
        (row.file.as_str(), row.row_number, row.amount_vnd, row.charges_vnd),
        ("a.csv", 2, 44_000, [550, 0, 0])
    );
    assert_eq!((row.day, row.provider_txn_id.as_str()), (market_day(), "T1"));
    assert_eq!(format!("{:?}", row.account), "Some(•••• 0011)");
    for (provider_id, no) in [("p", 7), ("q", no)] {
        let none = books
            .run(books.store.statement_row(provider_id, no))
            .expect("looked");
        assert_eq!(none, None, "{provider_id} {no}");
    }
    let waiting: i64 = books.rows("SELECT CAST(entry_no AS TEXT) FROM notice WHERE state = 'quarantined'")[0]
        .parse()
        .expect("a number");
    let nos = [waiting, receipt_no(&books, "T1"), 7];
    let entries = books.run(books.store.entries("p", &nos)).expect("entries");
    let seen: Vec<_> = entries
        .iter()
        .map(|e| {
            (
                e.provider_txn_id.as_str(),
                e.amount_vnd,
                e.refunded_vnd,
                e.corrected_vnd,
            )
        })
        .collect();
    assert_eq!(seen, [("T1", 50_000, 5_000, -6_000), ("T2", 20_000, 0, 0)]);
    assert!(
        books
            .run(books.store.entries("q", &nos))
            .expect("entries")
            .is_empty()
    );
}

fn a_late_notice_under_an_id_of_its_own_is_a_repeat(database: Database) {
    let books = with_provider(database);
    // The bank's own statement: its one id is the bank's reference.
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(paid("FT1", 1, 50_000) + &paid("FT2", 1, 60_000)),
    );
    assert_eq!(left(&books), ["FT1 50000", "FT2 60000"]);
    // Providers whose notices have an id of their own name the transaction beside it, or the bank's reference.
    let mut by_txn = delivery("m1", &payment("N1", 50_000));
    by_txn.items[0].provider_txn_id = "FT1".to_owned();
    let mut by_ref = delivery("m2", &payment("N2", 60_000));
    by_ref.items[0].details.bank_ref = Some("FT2".to_owned());
    let [.., repeats] = books.counts();
    books.post_at(&[by_txn, by_ref], evening());
    assert_eq!(left(&books), ["FT1 50000", "FT2 60000"], "no second receipt");
    assert_eq!(books.counts()[4], repeats + 2);
    // Of another amount it is for a person, and no second receipt either; again, it is a repeat.
    let mut other = delivery("m3", &payment("N3", 61_000));
    other.items[0].details.bank_ref = Some("FT2".to_owned());
    books.post_cold(std::slice::from_ref(&other), evening());
    assert_eq!(left(&books), ["FT1 50000", "FT2 60000"]);
    assert_eq!(books.reasons(), ["same_id_other_content"]);
    other.delivery_id = None;
    books.post_cold(&[other], evening());
    assert_eq!(books.reasons(), ["same_id_other_content"]);
}

fn a_notice_that_comes_before_its_row_is_posted_is_the_only_receipt(database: Database) {
    let books = with_provider(database);
    // Rows of a closed day wait; so do those of an import until its last row is written.
    let day = market_day();
    let of = ("p", day);
    let closed = books.reconciler(days_later(1)).close_day(close_request(of, ""));
    let empty = books.run(closed).err();
    assert!(
        matches!(
            empty,
            Some(ImportError::Store(StoreError::Conflict(
                Conflict::DayEmpty { .. }
            )))
        ),
        "{empty:?}"
    );
    books.post(&[delivery("m0", &payment("T0", 1_000))]);
    let closed = books
        .reconciler(days_later(1))
        .close_day(close_request(of, "chưa có sao kê"));
    books.run(closed).expect("closed");
    let rows = paid("T1", 1, 50_000) + &paid("FT2", 1, 60_000) + &paid("T3", 1, 70_000);
    taken_as(&books, HEADER, "a.csv", &rows);
    assert_eq!(left(&books), ["T0 1000"]);
    // Meanwhile the notices come, under ids of their own.
    let mut by_txn = delivery("m1", &payment("N1", 50_000));
    by_txn.items[0].provider_txn_id = "T1".to_owned();
    let mut by_ref = delivery("m2", &payment("N2", 60_000));
    by_ref.items[0].details.bank_ref = Some("FT2".to_owned());
    books.post_at(&[by_txn, by_ref], evening());
    let posted = books.run(books.reconciler(evening()).post_from_statement("p", Some(day)));
    assert_eq!(posted.expect("posted"), 1, "only T3");
    assert_eq!(left(&books), ["N2 60000", "T0 1000", "T1 50000", "T3 70000"]);
    let of = ("p", day);
    let stated = books
        .reconciler(days_later(1))
        .restate_day(close_request(of, "dòng về muộn"));
    let stated = books.run(stated).expect("stated anew").figures.summary;
    assert_eq!(
        kinds(&stated),
        [
            "matched_auto 2 110000",
            "awaiting_statement 1 1000",
            "missing_notice 1 70000"
        ]
    );
}

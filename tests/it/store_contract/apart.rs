//! Days and words that come apart: rows far from their receipts, rows after a person's word, files after files.

use choso::reconcile::{Decision, DecisionState, Exception};
use choso::vn::{Day, TimeMs};

use super::casework::{
    HEADER, again, back, close_request, days_later, decide, left, line, paid, receipt_no, row_no,
};
use super::statements::{evening, taken_as, with_provider};
use crate::support::*;

on_both! {
    days_apart_are_compared_in_any_order_to_the_same_end
    a_row_that_comes_after_a_persons_word_is_the_better_word
    later_files_and_late_refunds_leave_what_is_true
    what_is_at_rest_around_changes_nothing
    a_closed_day_follows_the_day_before_when_it_is_stated_anew
    money_back_names_its_payment_in_a_column_of_its_own
}

fn days_apart_are_compared_in_any_order_to_the_same_end(database: Database) {
    let books = with_provider(database);
    // Posted from the statement; three weeks later a notice takes part of it back, and a row of the second day too.
    taken_as(&books, HEADER, "a.csv", &paid("G1", 1, 100_000));
    books.post_at(&[delivery("m1", &refund("R1", "G1", 30_000))], days_later(22));
    taken_as(&books, HEADER, "b.csv", &back("G1", 2, 30_000));
    let later = days_later(25);
    for _ in 0..2 {
        for day in [0, 1, 22] {
            again(&books, market_day().plus(day), later);
            assert_eq!(left(&books), ["G1 70000"]);
        }
    }
    // A second row under the number of an old payment, of another day and amount, is another payment, whichever day is
    // asked for.
    books.post(&[delivery("m2", &payment("K2", 100_000))]);
    taken_as(&books, HEADER, "c.csv", &paid("K2", 1, 100_000));
    taken_as(&books, HEADER, "d.csv", &paid("K2", 16, 90_000));
    for day in [0, 15, 0] {
        again(&books, market_day().plus(day), later);
        assert_eq!(left(&books), ["G1 70000", "K2 100000", "K2 90000"], "{day}");
    }
}

fn a_row_that_comes_after_a_persons_word_is_the_better_word(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("J1", 77_000)),
        delivery("m2", &payment("L1", 55_000)),
    ]);
    decide(&books, None, Decision::Forced, &[receipt_no(&books, "J1")], "an").expect("kept");
    decide(&books, None, Decision::Struck, &[receipt_no(&books, "L1")], "an").expect("struck");
    again(&books, market_day(), evening());
    assert_eq!(left(&books), ["J1 77000", "L1 0"]);
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(paid("", 1, 77_000) + &paid("L1", 1, 55_000)),
    );
    assert_eq!(again(&books, market_day(), evening()), ["matched_auto 2 132000"]);
    assert_eq!(left(&books), ["J1 77000", "L1 55000"], "neither twice nor lost");
    // A small row given to a large receipt takes much off it: that is what the second person is asked about.
    books.post(&[delivery("m3", &payment("BIG", 300_000_000))]);
    taken_as(
        &books,
        HEADER,
        "b.csv",
        &paid("SMALL", 1, 1_000).replace("09:00", "15:00"),
    );
    let row = row_no(&books, "SMALL");
    let big = receipt_no(&books, "BIG");
    let view = decide(&books, Some(row), Decision::Forced, &[big], "an").expect("decided");
    assert_eq!(
        (view.state, view.amount_vnd),
        (DecisionState::Waiting, 300_000_000)
    );
}

fn later_files_and_late_refunds_leave_what_is_true(database: Database) {
    let books = with_provider(database);
    let three = [("A1", 100_000), ("B1", 100_000), ("C1", 100_000)];
    let notices: Vec<_> = three
        .iter()
        .map(|(id, amount)| delivery(&format!("m-{id}"), &payment(id, *amount)))
        .collect();
    books.post(&notices);
    let failed = line("A1", 1, 100_000, 0, "Thanh toán", "Thất bại");
    let turned = paid("B1", 1, 110_000) + &back("B1", 1, 110_000);
    taken_as(
        &books,
        HEADER,
        "a.csv",
        &(failed + &turned + &paid("C1", 1, 80_000)),
    );
    assert_eq!(
        left(&books),
        ["A1 0", "B1 0", "C1 80000"],
        "all of what the row says came went back"
    );
    // Settled after all, and less than was told of.
    taken_as(&books, HEADER, "b.csv", &paid("A1", 1, 90_000));
    assert_eq!(left(&books), ["A1 90000", "B1 0", "C1 80000"]);
    // The row listed the payment less its refund; the notice of the refund comes after it.
    books.post_at(&[delivery("r1", &refund("R1", "C1", 20_000))], evening());
    assert_eq!(left(&books), ["A1 90000", "B1 0", "C1 80000"]);
    again(&books, market_day(), evening());
    assert_eq!(left(&books), ["A1 90000", "B1 0", "C1 80000"]);
}

/// Days around are loaded without the pairs that nothing concerns: each day has to come out as when all are loaded.
fn what_is_at_rest_around_changes_nothing(database: Database) {
    const DAYS: i64 = 9;
    let books = with_provider(database);
    let id = |day: i64, n: i64| format!("D{day}-{n}");
    // Of each day another one may go back without a word whose it was.
    let amount = |day: i64, n: i64| 10_000 * (n + 1) + i64::from(n == 3) * 100 * day;
    for day in 0..DAYS {
        let at = TimeMs(noon().0 + day * 86_400_000);
        let notices = (0..7).map(|n| {
            let mut notice = delivery(&format!("m{day}-{n}"), &payment(&id(day, n), amount(day, n)));
            notice.items[0].details.occurred_at = Some(at);
            notice.items[0].details.bank_ref = Some(format!("FT{day}-{n}"));
            notice
        });
        books.post_at(&notices.collect::<Vec<_>>(), at);
    }
    for day in 0..DAYS {
        let on = |id: &str, amount: i64| paid(id, day as u8 + 1, amount);
        // Five are at rest, one differs, one is lacking, one is of nobody.
        let mut lines: String = (0..5).map(|n| on(&id(day, n), amount(day, n))).collect();
        lines += &on(&id(day, 5), amount(day, 5) + 1_000);
        lines += &on(&format!("U{day}"), 99_000);
        // And of earlier days: the same payment again by either id, money back by id and by amount only.
        lines += &on(&id(day - 1, 0), amount(day, 0));
        lines += &on(&format!("FT{}-1", day - 2), amount(day, 1));
        lines += &back(&id(day - 3, 2), day as u8 + 1, amount(day, 2));
        lines += &back(&format!("R{day}"), day as u8 + 1, amount(day - 1, 3));
        taken_as(&books, HEADER, &format!("{day}.csv"), &lines);
    }
    let compared = |from: i64, to: i64| {
        let days: (Day, Day) = (market_day().plus(from), market_day().plus(to));
        let now = days_later(25);
        let view = books.run(books.reconciler(now).compare_days("p", days));
        view.expect("compared")
    };
    let all = compared(-3, DAYS + 3);
    for day in 0..DAYS {
        let one = compared(day, day);
        let is_it = |exception: &&Exception| exception.day == market_day().plus(day);
        let wanted: Vec<&Exception> = all.exceptions.iter().filter(is_it).collect();
        assert!(wanted.len() > 3, "{day}: {wanted:?}");
        assert_eq!(one.exceptions.iter().collect::<Vec<_>>(), wanted, "{day}");
        assert!(one.summary.adds_up());
    }
}

fn a_closed_day_follows_the_day_before_when_it_is_stated_anew(database: Database) {
    let books = with_provider(database);
    let first = market_day();
    let second = market_day().plus(1);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    let next_day = with(
        payment("T2", 7_000),
        "occurred_at",
        "2026-03-02T09:00:00+07:00".into(),
    );
    books.post_at(&[delivery("m2", &next_day)], days_later(1));
    let close = |day| {
        let closed = books
            .reconciler(days_later(3))
            .close_day(close_request(("p", day), "chưa có tệp"));
        books.run(closed).expect("closed").figures.book
    };
    let restate = |day| {
        let stated = books
            .reconciler(days_later(4))
            .restate_day(close_request(("p", day), "tệp về muộn"));
        books.run(stated).expect("stated anew").figures.book
    };
    let waiting = |day| {
        let view = books.reconciler(days_later(4)).compare_days("p", (day, day));
        books.run(view).expect("compared").waiting
    };
    assert_eq!(
        (close(first).closing_vnd, close(second).opening_vnd),
        (50_000, 50_000)
    );
    assert_eq!((waiting(first), waiting(second)), (0, 0));
    taken_as(&books, HEADER, "a.csv", &paid("T1", 1, 50_000));
    assert_eq!(restate(first).closing_vnd, 0);
    // What the second day opened with is not what the first one ends with now.
    assert_eq!((waiting(first), waiting(second)), (0, 1));
    assert_eq!(restate(second).opening_vnd, 0);
    assert_eq!((waiting(first), waiting(second)), (0, 0));
}

fn money_back_names_its_payment_in_a_column_of_its_own(database: Database) {
    const HEADER: &str =
        "Mã giao dịch;Mã giao dịch gốc;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Loại giao dịch\n";
    let line = |id: &str, of: &str, day: u8, amount: i64, kind: &str| {
        format!("{id};{of};{day:02}/03/2026 09:00:00;{amount};00000011;970415;{kind}\n")
    };
    let books = with_provider(database);
    // Nothing but the id tells the two apart.
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 50_000)),
    ]);
    let lines = line("T1", "T1", 1, 50_000, "Thanh toán")
        + &line("T2", "", 1, 50_000, "Thanh toán")
        + &line("R1", "T2", 1, 50_000, "Hoàn tiền");
    taken_as(&books, HEADER, "a.csv", &lines);
    assert_eq!(left(&books), ["T1 50000", "T2 0"]);
    // However long after, whatever has its amount beside it, and whether the column tells or the row's own id.
    books.post(&[delivery("m4", &payment("T4", 30_000))]);
    taken_as(&books, HEADER, "b.csv", &line("T4", "", 1, 30_000, "Thanh toán"));
    let at = TimeMs(noon().0 + 20 * 86_400_000);
    let mut near = delivery("m3", &payment("T3", 50_000));
    near.items[0].details.occurred_at = Some(at);
    books.post_at(&[near], at);
    let lines = line("T3", "", 21, 50_000, "Thanh toán")
        + &line("R2", "T1", 21, 50_000, "Hoàn tiền")
        + &line("T4", "-", 21, 30_000, "Ghi nợ");
    taken_as(&books, HEADER, "c.csv", &lines);
    assert_eq!(left(&books), ["T1 0", "T2 0", "T3 50000", "T4 0"]);
}

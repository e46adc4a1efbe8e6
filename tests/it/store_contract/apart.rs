//! Days and words that come apart: rows far from their receipts, rows after a person's word, files after files.

use choso::reconcile::{Decision, DecisionState};

use super::casework::{HEADER, again, back, days_later, decide, left, line, paid, receipt_no, row_no};
use super::statements::{evening, taken_as, with_provider};
use crate::support::*;

on_both! {
    days_apart_are_compared_in_any_order_to_the_same_end
    a_row_that_comes_after_a_persons_word_is_the_better_word
    later_files_and_late_refunds_leave_what_is_true
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
    // A second row of an old payment that its own row shows already is one row too many, whichever day is asked for.
    books.post(&[delivery("m2", &payment("K2", 100_000))]);
    taken_as(&books, HEADER, "c.csv", &paid("K2", 1, 100_000));
    taken_as(&books, HEADER, "d.csv", &paid("K2", 16, 90_000));
    for day in [0, 15, 0] {
        again(&books, market_day().plus(day), later);
        assert_eq!(left(&books), ["G1 70000", "K2 100000"], "{day}");
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
    let (row, big) = (row_no(&books, "SMALL"), receipt_no(&books, "BIG"));
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

//! A row that may be another one's payment, and a person who says that it is one of its own.

use choso::reconcile::Decision;
use choso::store::{Answer, StoreError};

use super::casework::{HEADER, again, answer, counted, decide, left, paid, receipt_no};
use super::statements::{evening, kinds, taken_as, with_provider};
use crate::support::*;

on_both! {
    a_person_calls_a_doubtful_row_a_payment_of_its_own
}

/// Two customers paid the same within a minute, and the bank's own table has the second one without an id: perhaps it is
/// the first one again. Nobody but a person can tell, and what a person says reaches the books.
fn a_person_calls_a_doubtful_row_a_payment_of_its_own(database: Database) {
    const BANK: &str = "Ngày giao dịch;Ghi nợ;Ghi có;Nội dung;Tài khoản nhận;Mã ngân hàng\n";
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    taken_as(&books, HEADER, "a.csv", &paid("T1", 1, 50_000));
    let doubtful = "01/03/2026;;50.000;tien ca;00000011;970415\n";
    let done = taken_as(&books, BANK, "bank.csv", doubtful);
    assert_eq!(
        kinds(&done.summary),
        ["matched_auto 1 50000", "ambiguous 1 50000"]
    );
    assert_eq!(left(&books), ["T1 50000"]);
    let row = books.rows("SELECT CAST(row_no AS TEXT) FROM statement_row WHERE provider_txn_id = ''");
    let row: i64 = row[0].parse().expect("a number");
    let receipt = receipt_no(&books, "T1");
    let refused = decide(&books, Some(row), Decision::Own, &[receipt], "an");
    assert!(
        matches!(refused, Err(StoreError::Conflict(_))),
        "it has no receipts"
    );
    let view = decide(&books, Some(row), Decision::Own, &[], "an").expect("decided");
    let posted = ["matched_auto 1 50000", "missing_notice 1 50000"];
    assert_eq!(again(&books, market_day(), evening()), posted);
    let txn = format!("statement:{row}");
    assert_eq!(left(&books), ["T1 50000".to_owned(), format!("{txn} 50000")]);
    let day = market_day().number();
    assert_eq!(counted(&books), [format!("{day} 100000 2")]);
    assert_eq!(
        again(&books, market_day(), evening()),
        posted,
        "and again it is the same"
    );
    // Undone, it is doubtful again, and what it posted is taken off.
    answer(&books, view.decision_no, Answer::Undo, "binh").expect("undone");
    let doubted = ["matched_auto 1 50000", "ambiguous 1 50000"];
    assert_eq!(again(&books, market_day(), evening()), doubted);
    assert_eq!(left(&books), ["T1 50000".to_owned(), format!("{txn} 0")]);
    assert_eq!(counted(&books), [format!("{day} 50000 1")]);
    assert_eq!(again(&books, market_day(), evening()), doubted);
    // And the other way once more.
    decide(&books, Some(row), Decision::Own, &[], "an").expect("decided");
    assert_eq!(again(&books, market_day(), evening()), posted);
    assert_eq!(counted(&books), [format!("{day} 100000 2")]);
    assert_eq!(books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM receipt"), ["2"]);
}

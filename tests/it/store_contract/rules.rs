//! What counts as agreement with a provider: kept, changed, refused, and what comparisons make of it.

use choso::reconcile::{ProviderRules, RuleTexts};
use choso::settlement::Reconciler;
use choso::store::{StatementRules, StoreError};
use choso::vn::{TimeMs, WorkingCalendar};
use serde_json::json;

use super::statements::{evening, kinds, taken_as, with_provider};
use crate::support::*;

on_both! {
    rules_are_usual_until_they_are_changed_and_nonsense_changes_nothing
    rules_that_cannot_be_read_stop_the_comparison
    a_fee_that_is_not_the_agreed_one_is_an_exception
    what_is_paid_after_the_cutoff_belongs_to_the_next_day
    a_sum_less_fees_has_its_receipts
    a_receipt_waits_for_working_days_only
}

const HEADER: &str =
    "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Phí;VAT;Số tiền thực nhận\n";

fn line(id: &str, day: u8, amount: i64, [fee, vat]: [i64; 2]) -> String {
    let net = amount - fee - vat;
    format!("{id};{day:02}/03/2026 23:00:00;{amount};00000011;970415;{fee};{vat};{net}\n")
}

fn change(books: &Books, change: RuleTexts) -> Result<StatementRules, StoreError> {
    books.run(books.store.change_statement_rules("p", &change, "an", noon()))
}

fn fees() -> RuleTexts {
    RuleTexts {
        fee: Some("0.55%".to_owned()),
        fee_vat: Some("8%".to_owned()),
        ..RuleTexts::default()
    }
}

/// What the day, so many days after the market day, comes to.
fn again(books: &Books, days: i64, calendar: &WorkingCalendar, now: TimeMs) -> Vec<String> {
    let day = market_day().plus(days);
    let reconciler = Reconciler {
        calendar,
        ..books.reconciler(now)
    };
    let view = books
        .run(reconciler.reconcile_days("p", (day, day)))
        .expect("reconciled");
    assert!(view.summary.adds_up());
    kinds(&view.summary)
}

fn rules_are_usual_until_they_are_changed_and_nonsense_changes_nothing(database: Database) {
    let books = with_provider(database);
    let held = |id: &str| books.run(books.store.statement_rules(id)).expect("rules");
    let usual = StatementRules {
        rules: ProviderRules::default(),
        set: None,
    };
    assert_eq!((held("p"), held("nobody")), (usual.clone(), usual.clone()));
    let with_fee = change(&books, fees()).expect("changed");
    assert_eq!(with_fee.set, Some(("an".to_owned(), noon())));
    assert_eq!(held("p"), with_fee);
    let cutoff = RuleTexts {
        cutoff: Some("17:00".to_owned()),
        ..RuleTexts::default()
    };
    let both = books
        .run(
            books
                .store
                .change_statement_rules("p", &cutoff, "binh", evening()),
        )
        .expect("changed");
    assert_eq!(held("p"), both);
    assert_eq!(both.set, Some(("binh".to_owned(), evening())));
    assert_eq!(
        both.rules,
        with_fee.rules.changed(&cutoff).expect("rules"),
        "the fee stays"
    );
    let nonsense = RuleTexts {
        deadline_days: Some(0),
        fee: Some("1%".to_owned()),
        ..RuleTexts::default()
    };
    assert!(
        matches!(change(&books, nonsense), Err(StoreError::Conflict(text)) if choso::words::conflict(&text).en.contains("deadline-days"))
    );
    assert_eq!(held("p"), both);
    let nobody = books.run(
        books
            .store
            .change_statement_rules("nobody", &cutoff, "an", noon()),
    );
    assert!(matches!(nobody, Err(StoreError::Missing(_))), "{nobody:?}");
    assert_eq!(held("nobody"), usual);
}

fn rules_that_cannot_be_read_stop_the_comparison(database: Database) {
    let books = with_provider(database);
    change(&books, fees()).expect("changed");
    books.execute(r#"UPDATE statement_rules SET rules = '{"fee":"0.55"}'"#);
    let days = (market_day(), market_day());
    let compared = books.run(books.reconciler(evening()).compare_days("p", days));
    let error = compared.expect_err("by no rules nothing is compared").to_string();
    assert!(error.contains("statement rules of p"), "{error}");
}

fn a_fee_that_is_not_the_agreed_one_is_an_exception(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 100_000)),
        delivery("m2", &payment("T2", 100_000)),
        delivery("m3", &payment("T3", 100_000)),
    ]);
    let before = taken_as(&books, HEADER, "a.csv", &line("T3", 1, 100_000, [700, 56]));
    assert!(
        kinds(&before.summary).contains(&"matched_auto 1 100000".to_owned()),
        "without a rule a fee that adds up is right: {:?}",
        before.summary
    );
    change(&books, fees()).expect("changed");
    let lines = line("T1", 1, 100_000, [550, 44]) + &line("T2", 1, 100_000, [700, 56]);
    let taken = taken_as(&books, HEADER, "b.csv", &lines);
    assert_eq!(
        kinds(&taken.summary),
        ["matched_auto 2 200000", "fee_differs 1 100000"],
        "T3 was taken in while no fee was agreed"
    );
    let gaps =
        "SELECT provider_txn_id || ' ' || fee_gap_vnd FROM statement_row WHERE finding = 'fee_differs'";
    assert_eq!(books.rows(gaps), ["T2 -162"]);
    assert_eq!(
        books.rows("SELECT DISTINCT CAST(corrected_vnd AS TEXT) FROM receipt"),
        ["0"],
        "a fee is no affair of the stall"
    );
}

fn what_is_paid_after_the_cutoff_belongs_to_the_next_day(database: Database) {
    let books = with_provider(database);
    let paid_at = |id: &str, time: &str| {
        let mut payment = payment(id, 50_000);
        payment["data"]["occurred_at"] = json!(format!("2026-03-01T{time}+07:00"));
        payment
    };
    let batch = [
        delivery("m1", &paid_at("T1", "16:59:59")),
        delivery("m2", &paid_at("T2", "17:00:00")),
    ];
    books.post_at(&batch, evening());
    let usual = &books.calendar;
    let none = RuleTexts {
        slack_days: Some(0),
        ..RuleTexts::default()
    };
    change(&books, none).expect("changed");
    let lines = line("T1", 2, 50_000, [0, 0]) + &line("T2", 2, 50_000, [0, 0]);
    let taken = taken_as(&books, HEADER, "a.csv", &lines);
    assert_eq!(kinds(&taken.summary), ["date_differs 2 100000"]);
    let cutoff = RuleTexts {
        cutoff: Some("17:00".to_owned()),
        ..RuleTexts::default()
    };
    change(&books, cutoff).expect("changed");
    assert_eq!(
        again(&books, 1, usual, on_day(2, 0)),
        ["matched_auto 1 50000", "date_differs 1 50000"],
        "what was paid a second before the end is a day late"
    );
    let slack = RuleTexts {
        slack_days: Some(1),
        ..RuleTexts::default()
    };
    change(&books, slack).expect("changed");
    assert_eq!(again(&books, 1, usual, on_day(2, 0)), ["matched_auto 2 100000"]);
}

fn a_sum_less_fees_has_its_receipts(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &payment("T1", 50_000)),
        delivery("m2", &payment("T2", 20_000)),
    ]);
    let sums = RuleTexts {
        in_sums: Some("yes".to_owned()),
        ..fees()
    };
    change(&books, sums).expect("changed");
    // 50.000 − 275 − 22 and 20.000 − 110 − 9: each is rounded by itself.
    let header = "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng\n";
    let row = "S1;01/03/2026 23:00:00;69584;00000011;970415\n";
    let taken = taken_as(&books, header, "a.csv", row);
    assert_eq!(kinds(&taken.summary), ["lump 1 69584"]);
    assert_eq!(taken.posted, 0, "the sum is no third payment");
    assert_eq!(
        books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM statement_lump"),
        ["2"]
    );
}

fn a_receipt_waits_for_working_days_only(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    let usual = &books.calendar;
    // The market day is a Sunday; on Thursday three working days are over.
    let waits = ["awaiting_statement 1 50000"];
    let missing = ["missing_in_statement 1 50000"];
    assert_eq!(again(&books, 0, usual, on_day(3, 600)), waits);
    assert_eq!(again(&books, 0, usual, on_day(4, 600)), missing);
    let off: WorkingCalendar = "2026-03-03".parse().expect("a day");
    assert_eq!(again(&books, 0, &off, on_day(4, 600)), waits, "Tuesday is off");
    assert_eq!(again(&books, 0, &off, on_day(5, 600)), missing);
    let longer = RuleTexts {
        deadline_days: Some(4),
        ..RuleTexts::default()
    };
    change(&books, longer).expect("changed");
    assert_eq!(again(&books, 0, usual, on_day(4, 600)), waits);
}

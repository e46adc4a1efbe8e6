//! What the database never should hold stops whoever reads it, with the row and the field, and is not read as
//! something else.

use std::fmt::Debug;

use choso::store::{FreshRows, StoreError};

use super::statements::{line, taken, with_provider};
use crate::support::*;

on_both! {
    a_damaged_row_stops_the_comparison
    a_damaged_notice_stops_the_comparison
    a_damaged_register_stops_posting
    a_damaged_word_or_day_is_named
    lists_longer_than_one_query_takes_are_asked_for_whole
}

/// What is said of what cannot be.
fn corrupt<T: Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Corrupt(text)) => text,
        other => panic!("expected something impossible, got {other:?}"),
    }
}

/// Both sides of the market day.
fn window(books: &Books) -> Result<choso::reconcile::Window, StoreError> {
    let codes = books.run(books.store.stall_codes()).expect("codes");
    let days = (market_day(), market_day());
    let fresh = FreshRows::default();
    books.run(books.store.statement_window("p", days, days, fresh, &codes))
}

fn a_damaged_row_stops_the_comparison(database: Database) {
    let books = with_provider(database);
    taken(&books, "a.csv", &line("T1", 20_000, "00000022"));
    let row_no = books
        .rows("SELECT CAST(row_no AS TEXT) FROM statement_row")
        .remove(0);
    for parts in ["-1", "5000000000"] {
        books.execute(&format!("UPDATE statement_row SET parts = {parts}"));
        let text = corrupt(window(&books));
        assert_eq!(text, format!("parts of statement row {row_no} is «{parts}»"));
    }
    books.execute("UPDATE statement_row SET parts = 1");
    assert!(window(&books).is_ok());
    // SQLite keeps a word where a number belongs; PostgreSQL does not take it.
    if books.store.kind() == "sqlite" {
        books.execute("UPDATE statement_row SET detail = 'x'");
        let text = corrupt(window(&books));
        assert_eq!(text, format!("detail of statement row {row_no} is «x»"));
    }
}

fn a_damaged_notice_stops_the_comparison(database: Database) {
    let books = with_provider(database);
    let unknown = with(payment("T2", 20_000), "account", "99999999".into());
    books.post(&[delivery("m1", &payment("T1", 50_000)), delivery("m2", &unknown)]);
    assert!(window(&books).is_ok());
    books.execute("UPDATE notice SET reason = 'no_reason'");
    let text = corrupt(window(&books));
    assert!(text.contains("reason") && text.contains("no_reason"), "{text}");
}

fn a_damaged_register_stops_posting(database: Database) {
    let books = Books::with_register(database);
    books.execute("UPDATE account_link SET valid_to_day = 5000000000");
    let arrivals = arrivals(&[delivery("m1", &payment("T1", 50_000))], noon());
    let mut memory = choso::store::WriterMemory::default();
    let posted = books.run(books.store.post(&arrivals, &mut memory));
    assert_eq!(corrupt(posted), "day 5000000000");
    assert_eq!(books.rows("SELECT event_id FROM notice"), [""; 0]);
}

fn a_damaged_word_or_day_is_named(database: Database) {
    let books = with_provider(database);
    books.execute(
        "INSERT INTO day_close (provider_id, business_day, version, closed_at_ms, closed_by, reason, figures)
         VALUES ('p', 5000000000, 1, 0, 'an', '', '{}')",
    );
    let days = (market_day(), market_day());
    let text = corrupt(window(&books));
    assert!(text.contains("«5000000000» is no Day"), "{text}");
    assert!(books.run(books.store.day_closes("p", days)).is_ok());
}

fn lists_longer_than_one_query_takes_are_asked_for_whole(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    books.post(&[delivery("m2", &payment("T2", 60_000))]);
    let nos = books.rows("SELECT CAST(entry_no AS TEXT) FROM receipt ORDER BY entry_no");
    let nos = nos.iter().map(|no| no.parse::<i64>().expect("a number"));
    let [first, second]: [i64; 2] = nos.collect::<Vec<_>>().try_into().expect("two receipts");
    let mut asked: Vec<i64> = (1..=2_500).collect();
    asked.insert(10, first);
    asked.push(second);
    let ids = books.run(books.store.entry_txn_ids(&asked)).expect("ids");
    assert_eq!((ids.len(), &*ids[&first], &*ids[&second]), (2, "T1", "T2"));
    let ids = books.run(books.store.entry_txn_ids(&[])).expect("ids of none");
    assert!(ids.is_empty());
}

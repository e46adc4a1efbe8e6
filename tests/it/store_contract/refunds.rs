//! Refunds: before, with and after their payment, whole and in parts, once and again.

use choso::ledger::Reason;
use choso::notice::{NoticeKind, Outcome};
use choso::vn::TimeMs;
use serde_json::{Value, json};

use crate::support::*;

on_both! {
    a_refund_after_its_payment_takes_the_money_out
    a_refund_with_its_payment_in_one_batch_is_joined
    a_refund_before_its_payment_waits_and_is_joined
    parts_add_up_and_one_too_many_waits
    a_refund_again_is_a_repeat
    a_refund_without_original_concerns_its_own_id
    a_refund_counts_on_the_day_of_the_payment
    a_refund_of_another_provider_never_meets
    a_refund_of_a_quarantined_payment_waits
    ids_that_look_like_keys_are_only_ids
    a_void_and_a_refund_under_one_id_are_two_events
}

/// What one refund of T1 leaves, whichever way it came: `household day count amount refunded qualifying`.
fn day_of_one(posted: i64, refunded: i64, qualifying: i64) -> Vec<String> {
    vec![format!(
        "one {} 1 {posted} {refunded} {qualifying}",
        market_day().number()
    )]
}

fn a_refund_after_its_payment_takes_the_money_out(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    books.post(&[delivery("m2", &refund("F1", "T1", 5_000))]);
    assert_eq!(books.household_days(), day_of_one(5_000, 5_000, 0));
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    assert_eq!(books.amounts(), [10_000, 10_000, 0, 0]);
    assert!(books.receipts()[0].ends_with(" 5000 5000"));
}

fn a_refund_with_its_payment_in_one_batch_is_joined(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery(
        "m1",
        &json!([refund("F1", "T1", 4_000), payment("T1", 5_000)]),
    )]);
    assert_eq!(books.household_days(), day_of_one(5_000, 4_000, 1));
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
}

fn a_refund_before_its_payment_waits_and_is_joined(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &refund("F1", "T1", 4_500))]);
    assert_eq!(books.counts(), [1, 0, 1, 0, 0]);
    assert_eq!(books.reasons(), [Reason::RefundBeforePayment.as_str()]);
    // The payment comes on a later day of reception: the refund moves on the day it was received.
    books.post_at(
        &[delivery("m2", &payment("T1", 5_000))],
        TimeMs(noon().0 + 86_400_000),
    );
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    assert_eq!(books.household_days(), day_of_one(5_000, 4_500, 0));
    assert_eq!(books.rows("SELECT event_id FROM refund_waiting"), [""; 0]);
}

fn parts_add_up_and_one_too_many_waits(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    books.post(&[delivery("m2", &refund("F1", "T1", 2_000))]);
    books.post(&[
        delivery("m3", &refund("F2", "T1", 2_001)),
        delivery("m4", &refund("F3", "T1", 1_000)),
    ]);
    assert_eq!(books.counts(), [4, 3, 1, 0, 0]);
    assert_eq!(books.reasons(), [Reason::RefundExceedsPayment.as_str()]);
    let left = books.rows("SELECT amount_vnd || ' ' || refunded_vnd FROM receipt");
    assert_eq!(left, ["5000 4001"]);
    books.post(&[delivery("m5", &refund("F4", "T1", 999))]);
    assert_eq!(books.household_days(), day_of_one(5_000, 5_000, 0));
    // Everything is gone: not even one đồng more.
    books.post(&[delivery("m6", &refund("F5", "T1", 1))]);
    assert_eq!(books.counts(), [6, 4, 2, 0, 0]);
}

fn a_refund_again_is_a_repeat(database: Database) {
    let books = Books::with_register(database);
    let early = delivery("m1", &refund("F1", "T1", 1_000));
    books.post(&[early.clone(), early.clone()]);
    books.post(&[delivery("m2", &payment("T1", 5_000))]);
    books.post(&[early, delivery("m3", &refund("F1", "T1", 1_000))]);
    assert_eq!(books.counts(), [2, 2, 0, 0, 3]);
    assert_eq!(books.household_days(), day_of_one(5_000, 1_000, 1));
    // The same id with another amount is not a second refund.
    books.post(&[delivery("m4", &refund("F1", "T1", 2_000))]);
    assert_eq!(books.counts(), [3, 2, 1, 0, 3]);
    assert_eq!(books.reasons(), [Reason::SameIdOtherContent.as_str()]);
    assert_eq!(books.household_days(), day_of_one(5_000, 1_000, 1));
}

fn a_refund_without_original_concerns_its_own_id(database: Database) {
    let books = Books::with_register(database);
    let own = with(refund("T1", "T1", 5_000), "original_transaction_id", Value::Null);
    books.post(&[delivery("m1", &own), delivery("m2", &payment("T1", 5_000))]);
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    assert_eq!(books.household_days(), day_of_one(5_000, 5_000, 0));
}

fn a_refund_counts_on_the_day_of_the_payment(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    let later = with(
        refund("F1", "T1", 4_500),
        "occurred_at",
        "2026-03-09T10:00:00+07:00".into(),
    );
    books.post_at(&[delivery("m2", &later)], TimeMs(noon().0 + 8 * 86_400_000));
    assert_eq!(books.household_days(), day_of_one(5_000, 4_500, 0));
}

fn a_refund_of_another_provider_never_meets(database: Database) {
    let books = Books::with_register(database);
    let mut foreign = delivery("m2", &refund("F1", "T1", 5_000));
    foreign.provider_id = "q".into();
    books.post(&[delivery("m1", &payment("T1", 5_000)), foreign]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 0]);
    assert_eq!(books.household_days(), day_of_one(5_000, 0, 1));
}

fn a_refund_of_a_quarantined_payment_waits(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &to_account(payment("T1", 5_000), "00000099"))]);
    books.post(&[delivery("m2", &refund("F1", "T1", 5_000))]);
    assert_eq!(books.counts(), [2, 0, 2, 0, 0]);
    assert_eq!(books.receipts(), [""; 0]);
}

fn ids_that_look_like_keys_are_only_ids(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 5_000)),
        delivery("m2", &payment("event:T2", 6_000)),
        delivery("m3", &payment("order:T3", 7_000)),
    ]);
    books.post(&[
        delivery("m4", &refund("F1", "event:T1", 1_000)),
        delivery("m5", &refund("F2", "event:T2", 2_000)),
        delivery("m6", &refund("F3", "order:T3", 3_000)),
    ]);
    let left = books.rows("SELECT provider_txn_id || ' ' || refunded_vnd FROM receipt");
    assert_eq!(left, ["T1 0", "event:T2 2000", "order:T3 3000"]);
    assert_eq!(books.reasons(), [Reason::RefundBeforePayment.as_str()]);
}

fn a_void_and_a_refund_under_one_id_are_two_events(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    books.post(&[delivery("m2", &refund("F1", "T1", 2_000))]);
    let mut void = delivery("m3", &refund("F1", "T1", 3_000));
    void.items[0].kind = NoticeKind::Void;
    assert_eq!(books.post(&[void.clone()]).outcomes, [Outcome::Stored]);
    assert_eq!(books.household_days(), day_of_one(5_000, 5_000, 0));
    assert_eq!(books.post(&[void]).outcomes, [Outcome::Repeat]);
    assert_eq!(books.counts(), [3, 3, 0, 0, 1]);
}

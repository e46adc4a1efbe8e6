//! Days that end, are closed and are taken away: what came once is found for good, and nothing is added
//! to a day that is closed.

use choso::access::SealingKey;
use choso::jobs::tend_ledger;
use choso::ledger::Reason;
use choso::notice::{Delivery, Outcome};
use choso::store::{NewOrder, Store, WriterMemory};
use choso::vn::{Day, Dong, TimeMs};
use serde_json::json;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    an_event_is_found_again_however_long_ago
    what_was_set_aside_is_found_again_too
    an_event_is_found_again_when_the_notices_of_its_day_are_gone
    a_day_is_closed_only_when_it_is_well_over
    days_are_closed_in_order_and_a_month_after_its_last_day
    closing_again_or_after_an_interruption_changes_nothing
    two_instances_that_close_at_once_leave_one_filter
    nothing_is_added_to_a_closed_day
    a_refund_meets_a_payment_of_a_closed_day_and_of_last_month
    a_refund_of_a_closed_day_meets_its_late_payment
    a_webhook_id_used_again_the_next_day_is_kept_apart
    two_writers_across_midnight_see_each_other
    outcomes_of_orders_are_told_again
    partitions_are_made_ahead_once
    partitions_for_days_that_have_rows_do_not_stop_the_closing
    a_day_of_many_keys_is_closed_with_all_of_them
}

/// Closes every day and month that is over at this time, as the job does.
fn tend(books: &Books, now: TimeMs) {
    books
        .run(tend_ledger(&books.store, now))
        .expect("a tended ledger");
}

/// Closes one day.
fn close_one(books: &Books, now: TimeMs) -> Option<Day> {
    let closed = books.run(books.store.close_day(now)).expect("a closing");
    closed.map(|c| c.day)
}

/// The periods that have a filter, as `FIRST LAST KEYS`, days counted from [`market_day`].
fn filters(books: &Books) -> Vec<String> {
    let zero = market_day().number();
    books.rows(&format!(
        "SELECT (first_day - {zero}) || ' ' || (last_day - {zero}) || ' ' || keys FROM event_filter"
    ))
}

fn an_event_is_found_again_however_long_ago(database: Database) {
    let books = Books::with_register(database);
    let first = books.post(&[delivery("m0", &payment("T1", 26_000))]);
    assert_eq!(first.outcomes, [Outcome::Stored]);
    type Step = fn(&Books);
    let steps: [(&str, TimeMs, Step); 4] = [
        ("across midnight", on_day(1, 5), |_| {}),
        ("its day is closed", on_day(1, 30), |b| {
            assert_eq!(close_one(b, on_day(1, 21)), Some(market_day()));
            assert_eq!(filters(b), ["0 0 1"]);
        }),
        ("its month is closed", on_day(45, 600), |b| {
            tend(b, on_day(45, 500));
            // Of the day after there are the other contents that were posted on it.
            assert_eq!(filters(b), ["0 30 5"], "one filter in place of the days'");
        }),
        ("a year after", on_day(365, 600), |b| tend(b, on_day(365, 500))),
    ];
    let (mut aside, mut repeats) = (0, 0);
    for (at, (when, time, step)) in steps.into_iter().enumerate() {
        step(&books);
        let again = |id: &str| delivery(&format!("{id}-{at}"), &payment("T1", 26_000));
        for posted in [
            books.post_at(&[again("warm")], time),
            books.post_cold(&[again("cold")], time),
        ] {
            assert_eq!(
                (posted.receipts, posted.outcomes),
                (0, vec![Outcome::Repeat]),
                "{when}"
            );
            repeats += 1;
        }
        // Other contents, told by a writer that remembers and by one that does not.
        let other = |id: &str, vnd: i64| delivery(&format!("{id}-{at}"), &payment("T1", vnd));
        let vnd = 30_000 + 10 * at as i64;
        for posted in [
            books.post_at(&[other("other", vnd)], time),
            books.post_cold(&[other("another", vnd + 1)], time),
        ] {
            assert_eq!(
                (posted.receipts, posted.outcomes),
                (0, vec![Outcome::Stored]),
                "{when}"
            );
            aside += 1;
        }
        assert_eq!(books.counts(), [1 + aside, 1, aside, 0, repeats], "{when}");
    }
    assert!(
        books
            .reasons()
            .iter()
            .all(|r| r == Reason::SameIdOtherContent.as_str())
    );
    assert_eq!(books.receipts().len(), 1);
}

fn what_was_set_aside_is_found_again_too(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 1_000)),
        delivery("m2", &payment("T1", 2_000)),
        // Set aside for its webhook-id: it does not stand in the way of the true one, however late.
        delivery("m1", &payment("T2", 3_000)),
    ]);
    tend(&books, on_day(40, 0));
    let posted = books.post_at(
        &[
            delivery("m3", &payment("T1", 1_000)),
            delivery("m4", &payment("T1", 2_000)),
            delivery("m5", &payment("T2", 3_000)),
        ],
        on_day(40, 0),
    );
    assert_eq!(
        posted.outcomes,
        [Outcome::Repeat, Outcome::Repeat, Outcome::Stored]
    );
    assert_eq!(posted.receipts, 1);
    assert_eq!(books.counts(), [4, 2, 2, 0, 2]);
}

fn an_event_is_found_again_when_the_notices_of_its_day_are_gone(database: Database) {
    let mut books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 26_000)),
        delivery("m2", &payment("T2", 5_000)),
    ]);
    tend(&books, on_day(1, 60));
    books.tamper("DELETE FROM notice");
    books.tamper("DELETE FROM receipt");
    books.tamper("DELETE FROM delivery");
    for (at, time) in [(0, on_day(1, 61)), (1, on_day(50, 0))] {
        tend(&books, time);
        let batch = [
            delivery(&format!("m1-{at}"), &payment("T1", 26_000)),
            delivery(&format!("m2-{at}"), &payment("T2", 6_000 + at)),
            delivery(&format!("m3-{at}"), &payment(&format!("T3-{at}"), 1_000)),
        ];
        let posted = match at {
            0 => books.post_at(&batch, time),
            _ => books.post_cold(&batch, time),
        };
        assert_eq!(
            posted.outcomes,
            [Outcome::Repeat, Outcome::Stored, Outcome::Stored]
        );
        assert_eq!(posted.receipts, 1, "only the new one");
    }
    let aside = Reason::SameIdOtherContent.as_str();
    assert_eq!(books.reasons(), [aside, aside]);
}

fn a_day_is_closed_only_when_it_is_well_over(database: Database) {
    let books = Books::with_register(database);
    assert_eq!(close_one(&books, on_day(1, 60)), None, "no day has rows");
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    for (early, when) in [
        (on_day(0, 1439), "before midnight"),
        (on_day(1, 19), "just after it"),
    ] {
        assert_eq!(close_one(&books, early), None, "{when}");
    }
    assert_eq!(close_one(&books, on_day(1, 20)), Some(market_day()));
    assert_eq!(close_one(&books, on_day(1, 20)), None);
    assert_eq!(books.rows("SELECT event_id FROM event_key"), ["T1"]);
}

fn days_are_closed_in_order_and_a_month_after_its_last_day(database: Database) {
    let books = Books::with_register(database);
    for days in [0, 2, 30, 31] {
        let id = format!("T{days}");
        books.post_at(&[delivery(&id, &payment(&id, 1_000))], on_day(days, 600));
    }
    let month = |now| books.run(books.store.close_month(now)).expect("a closing");
    assert_eq!(month(on_day(33, 0)), None, "no day is closed yet");
    assert_eq!(close_one(&books, on_day(33, 0)), Some(market_day()));
    assert_eq!(close_one(&books, on_day(33, 0)), Some(market_day().plus(2)));
    assert_eq!(month(on_day(33, 0)), None, "a day of the month is open");
    assert_eq!(close_one(&books, on_day(33, 0)), Some(market_day().plus(30)));
    assert_eq!(month(on_day(31, 19)), None, "the month is not well over");
    assert_eq!(month(on_day(31, 20)), Some(market_day()));
    assert_eq!(filters(&books), ["0 30 3"]);
    assert_eq!(close_one(&books, on_day(33, 0)), Some(market_day().plus(31)));
    assert_eq!(month(on_day(33, 0)), None, "the next month is not over");
    assert_eq!(filters(&books), ["0 30 3", "31 31 1"]);
    assert_eq!(close_one(&books, on_day(33, 0)), None);
}

fn closing_again_or_after_an_interruption_changes_nothing(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 1_000)),
        delivery("m2", &payment("T2", 2_000)),
        delivery("m3", &payment("T3", 3_000)),
    ]);
    assert_eq!(close_one(&books, on_day(1, 30)), Some(market_day()));
    let state = || {
        let keys = books.rows("SELECT event_id || ' ' || day || ' ' || is_first FROM event_key");
        let bytes = "SELECT CAST(LENGTH(filter) AS TEXT) FROM event_filter";
        (keys, filters(&books), books.rows(bytes))
    };
    let closed = state();
    assert_eq!(closed.0.len(), 3);
    assert_eq!(close_one(&books, on_day(1, 31)), None);
    assert_eq!(state(), closed);
    // It was cut off when the filter was not kept yet, and once more when not all keys were moved.
    let open_again = format!("UPDATE feed SET filtered_day = {}", market_day().number() - 1);
    for lost in [
        "DELETE FROM event_filter",
        "DELETE FROM event_filter; DELETE FROM event_key WHERE event_id = 'T2'",
    ] {
        books.execute(&format!(
            "{lost}; {open_again}; UPDATE register_epoch SET epoch = epoch + 1"
        ));
        // In between writers find everything: the day's notices are asked as long as it has no filter.
        let again = books.post_at(&[delivery("m4", &payment("T2", 2_000))], on_day(1, 32));
        assert_eq!(again.outcomes, [Outcome::Repeat]);
        let closing = books
            .run(books.store.close_day(on_day(1, 33)))
            .expect("a closing");
        let closing = closing.expect("a day to close");
        assert_eq!((closing.day, closing.keys), (market_day(), 3));
        assert_eq!(state(), closed, "{lost}");
    }
}

fn two_instances_that_close_at_once_leave_one_filter(database: Database) {
    let books = Books::with_register(database);
    for days in 0..4 {
        let id = format!("T{days}");
        books.post_at(&[delivery(&id, &payment(&id, 1_000))], on_day(days, 600));
    }
    books.run(async {
        let other = Store::open(&books.database.url).await.expect("a second instance");
        loop {
            let now = on_day(4, 30);
            let (one, two) = tokio::join!(books.store.close_day(now), other.close_day(now));
            let (one, two) = (one.expect("a closing"), two.expect("a closing"));
            if one.is_none() && two.is_none() {
                break;
            }
        }
        other.close().await;
    });
    assert_eq!(filters(&books), ["0 0 1", "1 1 1", "2 2 1", "3 3 1"]);
}

fn nothing_is_added_to_a_closed_day(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    assert_eq!(close_one(&books, on_day(1, 30)), Some(market_day()));
    // A clock that is behind, at a writer that remembers and at one that starts.
    let late = on_day(0, 1438);
    let first = books.post_at(&[delivery("m2", &payment("T2", 2_000))], late);
    let second = books.post_cold(&[delivery("m3", &payment("T3", 3_000))], late);
    assert_eq!((first.receipts, second.receipts), (1, 1));
    let repeat = books.post_at(&[delivery("m4", &payment("T1", 1_000))], late);
    assert_eq!(repeat.outcomes, [Outcome::Repeat]);
    let (closed, next) = (market_day().number(), market_day().number() + 1);
    for (table, id) in [("notice", "event_id"), ("receipt", "provider_txn_id")] {
        assert_eq!(
            books.rows(&format!("SELECT {id} || ' ' || day FROM {table}")),
            [format!("T1 {closed}"), format!("T2 {next}"), format!("T3 {next}")],
            "{table}"
        );
    }
    let batches = books.rows("SELECT CAST(batch_day AS TEXT) FROM evidence");
    assert_eq!(batches, [closed, next, next].map(|d| d.to_string()));
    // What is counted by the day of reception stays with that day.
    let intake = books.rows("SELECT day || ' ' || received_count FROM intake_day");
    assert_eq!(intake, [format!("{closed} 3")]);
    // The receipt of such a payment is found by its refund, and by a repeat after its own day is closed.
    let back = delivery("m5", &refund("F2", "T2", 2_000));
    books.post_at(&[back], on_day(1, 40));
    assert_eq!(close_one(&books, on_day(2, 30)), Some(market_day().plus(1)));
    let again = books.post_cold(&[delivery("m6", &payment("T3", 3_000))], late);
    assert_eq!(again.outcomes, [Outcome::Repeat]);
    assert_eq!(books.counts(), [4, 4, 0, 0, 2]);
}

fn a_refund_meets_a_payment_of_a_closed_day_and_of_last_month(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 5_000)),
        delivery("m2", &payment("T2", 7_000)),
        delivery("m3", &payment("T3", 9_000)),
    ]);
    assert_eq!(close_one(&books, on_day(1, 30)), Some(market_day()));
    books.post_at(&[delivery("m4", &refund("F1", "T1", 4_500))], on_day(1, 40));
    tend(&books, on_day(41, 0));
    assert_eq!(filters(&books).first().map(String::as_str), Some("0 30 4"));
    books.post_cold(&[delivery("m5", &refund("F2", "T2", 6_500))], on_day(41, 0));
    books.post_at(&[delivery("m6", &refund("F3", "T3", 8_500))], on_day(41, 1));
    // Again, a month later: repeats.
    let again = [
        delivery("m7", &refund("F1", "T1", 4_500)),
        delivery("m8", &refund("F2", "T2", 6_500)),
    ];
    let again = books.post_at(&again, on_day(75, 0));
    assert_eq!(again.outcomes, [Outcome::Repeat, Outcome::Repeat]);
    assert_eq!(books.counts(), [6, 6, 0, 0, 2]);
    let day = market_day().number();
    assert_eq!(
        books.household_days(),
        [format!("one {day} 3 21000 19500 0")],
        "money leaves the day of the payment"
    );
}

fn a_refund_of_a_closed_day_meets_its_late_payment(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &refund("F1", "T1", 4_500))]);
    assert_eq!(books.counts(), [1, 0, 1, 0, 0]);
    tend(&books, on_day(33, 0));
    books.post_at(&[delivery("m2", &payment("T1", 5_000))], on_day(33, 0));
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    // What the closed day says of the refund is no hindrance to finding it again.
    let again = books.post_cold(&[delivery("m3", &refund("F1", "T1", 4_500))], on_day(33, 1));
    assert_eq!(again.outcomes, [Outcome::Repeat]);
    assert_eq!(books.counts(), [2, 2, 0, 0, 1]);
}

fn a_webhook_id_used_again_the_next_day_is_kept_apart(database: Database) {
    let books = Books::with_register(database);
    books.post_at(&[delivery("m1", &payment("T1", 1_000))], on_day(0, 1430));
    books.post_at(&[delivery("m1", &payment("T2", 2_000))], on_day(1, 5));
    assert_eq!(books.reasons(), [Reason::WebhookIdReused.as_str()]);
    let retry = books.post_at(&[delivery("m1", &payment("T1", 1_000))], on_day(1, 6));
    assert_eq!(retry.outcomes, [Outcome::Repeat], "the true delivery again");
    assert_eq!(close_one(&books, on_day(1, 30)), Some(market_day()));
    books.post_cold(&[delivery("m1", &payment("T3", 3_000))], on_day(1, 40));
    assert_eq!(books.counts(), [3, 1, 2, 0, 1]);
    // Under an id of their own they are posted.
    let own = books.post_at(
        &[delivery(
            "m2",
            &json!([payment("T2", 2_000), payment("T3", 3_000)]),
        )],
        on_day(1, 50),
    );
    assert_eq!(own.receipts, 2);
}

fn two_writers_across_midnight_see_each_other(database: Database) {
    let books = Books::with_register(database);
    let other = books
        .run(Store::open(&books.database.url))
        .expect("a second instance");
    let mut memory = WriterMemory::default();
    let (before, after) = (on_day(0, 1439), on_day(1, 1));
    let mut there = |d: Delivery, at: TimeMs| {
        let posted = books.run(other.post(&arrivals(&[d], at), &mut memory));
        posted.expect("the batch is posted").outcomes.remove(0)
    };
    let here = |d: Delivery, at: TimeMs| books.post_at(&[d], at).outcomes.remove(0);
    // Both remember the day before.
    assert_eq!(
        here(delivery("a1", &payment("T1", 1_000)), before),
        Outcome::Stored
    );
    assert_eq!(
        there(delivery("b1", &payment("T2", 1_000)), before),
        Outcome::Stored
    );
    // One clock has passed midnight, the other has not; events go over both.
    assert_eq!(
        there(delivery("b2", &payment("T1", 1_000)), after),
        Outcome::Repeat
    );
    assert_eq!(
        there(delivery("b3", &payment("T3", 1_000)), after),
        Outcome::Stored
    );
    assert_eq!(
        here(delivery("a3", &payment("T3", 1_000)), before),
        Outcome::Repeat
    );
    assert_eq!(
        here(delivery("a4", &payment("T4", 1_000)), before),
        Outcome::Stored
    );
    assert_eq!(
        there(delivery("b4", &payment("T4", 1_000)), after),
        Outcome::Repeat
    );
    // The same for deliveries under one id, both ways.
    assert_eq!(
        here(delivery("b3", &payment("T3", 1_000)), before),
        Outcome::Repeat
    );
    assert_eq!(
        there(delivery("a4", &payment("T4", 1_000)), after),
        Outcome::Repeat
    );
    assert_eq!(books.counts(), [4, 4, 0, 0, 5]);
    there(delivery("b5", &payment("T5", 1_000)), after);
    here(delivery("b5", &payment("T6", 1_000)), before);
    here(delivery("a6", &payment("T7", 1_000)), before);
    there(delivery("a6", &payment("T8", 1_000)), after);
    let reused = Reason::WebhookIdReused.as_str();
    assert_eq!(
        books.reasons(),
        [reused, reused],
        "ids used again for other items"
    );
    assert_eq!(books.counts(), [8, 6, 2, 0, 5]);
    // A refund on either side meets its payment on the other.
    there(delivery("b7", &refund("F1", "T4", 1_000)), after);
    here(delivery("a7", &refund("F2", "T3", 1_000)), before);
    assert_eq!(books.counts(), [10, 8, 2, 0, 5]);
    books.run(other.close());
}

/// As [`delivery`], by a provider whose scheme has orders and no ids of deliveries.
fn of_orders(body: &serde_json::Value) -> Delivery {
    let mut delivery = delivery("m", body);
    delivery.has_orders = true;
    delivery.delivery_id = None;
    delivery
}

fn outcomes_of_orders_are_told_again(database: Database) {
    let books = Books::with_register(database);
    let provider = new_standard("p", &SealingKey::from_random([7; 32]));
    books
        .run(books.store.add_provider(&provider, noon()))
        .expect("a provider");
    let keep = |reference: &str, vnd: i64| {
        let order = NewOrder {
            provider_id: "p".to_owned(),
            reference: reference.to_owned(),
            stall_id: stall_of(&books, "one"),
            amount: Some(Dong::new(vnd)),
        };
        books
            .run(books.store.keep_order(&order, "thu", noon()))
            .expect("an order");
    };
    let differs = Outcome::AmountDiffers {
        expected: Dong::new(5_000),
    };
    keep("R-T1", 5_000);
    keep("R-T2", 5_000);
    let (right, wrong) = (of_orders(&payment("T1", 5_000)), of_orders(&payment("T2", 4_000)));
    let stranger = of_orders(&to_account(payment("T3", 1_000), "00000099"));
    let batch = [right, wrong, stranger.clone()];
    let told = books.post(&batch).outcomes;
    assert_eq!(told, [Outcome::Stored, differs.clone(), Outcome::UnknownOrder]);
    let waiting = [Reason::OrderAmountDiffers.as_str(), Reason::UnknownOrder.as_str()];
    assert_eq!(books.reasons(), waiting);
    // The same day, the next day, after the day was closed and after the month was.
    let again = [Outcome::Repeat, differs, Outcome::UnknownOrder];
    assert_eq!(books.post(&batch).outcomes, again);
    assert_eq!(books.post_at(&batch, on_day(1, 10)).outcomes, again);
    assert_eq!(close_one(&books, on_day(1, 30)), Some(market_day()));
    assert_eq!(books.post_at(&batch, on_day(1, 40)).outcomes, again);
    tend(&books, on_day(60, 0));
    assert_eq!(books.post_cold(&batch, on_day(60, 0)).outcomes, again);
    assert_eq!(books.counts(), [3, 1, 2, 0, 12]);
    // A callback of several items is stored as soon as one of them is.
    let mixed = json!([payment("T1", 5_000), payment("T4", 1_000)]);
    assert_eq!(
        books.post_at(&[of_orders(&mixed)], on_day(60, 1)).outcomes,
        [Outcome::Stored]
    );
    assert_eq!(
        books.post_at(&[of_orders(&mixed)], on_day(60, 2)).outcomes,
        [Outcome::Repeat]
    );
    // Once its order is known, the parked notice is simply there already.
    books.register(
        "chin,Hộ Thử Chín,registered,trading,20242,Đường Thử,9,,,,970415,00000099,HO THU CHIN,owner,,2025-08-01,\n",
        registered_at(),
    );
    assert_eq!(
        books.post_at(&[stranger], on_day(60, 3)).outcomes,
        [Outcome::Repeat]
    );
}

fn partitions_for_days_that_have_rows_do_not_stop_the_closing(database: Database) {
    let books = Books::with_register(database);
    // The first callbacks may come before the first partition is made: they lie in the default one.
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    tend(&books, on_day(1, 30));
    assert_eq!(filters(&books), ["0 0 1"]);
    books.post_at(&[delivery("m2", &payment("T2", 1_000))], on_day(31, 30));
    tend(&books, on_day(32, 30));
    assert_eq!(filters(&books), ["0 30 1", "31 31 1"]);
    if books.store.kind() == "postgres" {
        let tables = books.rows("SELECT DISTINCT tableoid::regclass::text FROM notice");
        assert_eq!(
            tables,
            ["notice_default", "notice_y2026m04"],
            "the months after have theirs"
        );
    }
}

fn partitions_are_made_ahead_once(database: Database) {
    let books = Books::with_register(database);
    for _ in 0..2 {
        books
            .run(books.store.make_partitions(noon()))
            .expect("partitions");
    }
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    // Next month's are there already; a day far ahead has none and is kept all the same.
    books.post_at(&[delivery("m2", &payment("T2", 1_000))], on_day(40, 0));
    books.post_at(&[delivery("m3", &payment("T3", 1_000))], on_day(400, 0));
    if books.store.kind() == "postgres" {
        let notices = books.rows("SELECT tableoid::regclass || ' ' || event_id FROM notice");
        assert_eq!(
            notices,
            ["notice_default T3", "notice_y2026m03 T1", "notice_y2026m04 T2"]
        );
        let months = books
            .rows("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'evidence'::regclass");
        assert_eq!(months.len(), 5, "four months and the rest: {months:?}");
    }
    assert_eq!(books.counts(), [3, 3, 0, 0, 0]);
}

/// PostgreSQL alone can take a month away whole.
#[test]
fn an_event_of_a_detached_month_is_found_again() {
    let name = "days::an_event_of_a_detached_month_is_found_again";
    let Some(database) = Database::postgres(name) else {
        return;
    };
    let mut books = Books::with_register(database);
    books
        .run(books.store.make_partitions(noon()))
        .expect("partitions");
    books.post(&[
        delivery("m1", &payment("T1", 1_000)),
        delivery("m2", &payment("T2", 2_000)),
    ]);
    tend(&books, on_day(35, 0));
    for table in ["notice", "receipt", "delivery"] {
        books.tamper(&format!("ALTER TABLE {table} DETACH PARTITION {table}_y2026m03"));
    }
    assert_eq!(books.rows("SELECT event_id FROM notice"), [""; 0]);
    let batch = [
        delivery("m3", &payment("T1", 1_000)),
        delivery("m4", &payment("T2", 2_500)),
    ];
    let posted = books.post_at(&batch, on_day(35, 1));
    assert_eq!(posted.outcomes, [Outcome::Repeat, Outcome::Stored]);
    assert_eq!(posted.receipts, 0);
    assert_eq!(books.reasons(), [Reason::SameIdOtherContent.as_str()]);
    assert_eq!(
        books.post_cold(&batch, on_day(35, 2)).outcomes,
        [Outcome::Repeat, Outcome::Repeat]
    );
}

fn a_day_of_many_keys_is_closed_with_all_of_them(database: Database) {
    let books = Books::with_register(database);
    const MANY: usize = 8_300;
    let items: Vec<_> = (0..MANY).map(|n| payment(&format!("T{n}"), 1_000)).collect();
    books.post(&[delivery("m1", &json!(items))]);
    let closed = books
        .run(books.store.close_day(on_day(1, 30)))
        .expect("a closing");
    assert_eq!(closed.map(|c| c.keys), Some(MANY as i64));
    assert_eq!(
        books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM event_key"),
        [MANY.to_string()]
    );
    let posted = books.post_at(&[delivery("m2", &json!(items))], on_day(1, 40));
    assert_eq!((posted.receipts, posted.outcomes), (0, vec![Outcome::Repeat]));
    assert_eq!(books.counts()[4], MANY as i64);
}

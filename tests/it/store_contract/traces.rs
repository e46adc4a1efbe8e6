//! What came once is found for good: in memory, in the runs into which traces are sorted, and when the
//! rows themselves are gone.

use choso::access::SealingKey;
use choso::ledger::Reason;
use choso::notice::{Delivery, Outcome};
use choso::store::{NewOrder, Store, WriterMemory};
use choso::vn::{Dong, TimeMs};
use serde_json::json;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    an_event_is_found_again_however_long_ago
    what_was_set_aside_is_found_again_too
    an_event_is_found_again_when_its_rows_are_gone
    sorting_again_or_after_an_interruption_changes_nothing
    two_instances_that_sort_at_once_leave_one_run
    another_writer_sees_what_was_sorted_and_joined_meanwhile
    the_writer_sorts_when_nobody_else_does
    deliveries_are_forgotten_after_many_generations_and_events_are_not
    a_generation_of_many_traces_is_sorted_with_all_of_them
    numbers_never_go_back
    missing_traces_stop_the_writer
    a_refund_meets_a_payment_of_long_ago
    an_old_refund_meets_its_late_payment
    a_webhook_id_used_again_the_next_day_is_kept_apart
    two_writers_across_midnight_see_each_other
    outcomes_of_orders_are_told_again
    partitions_are_made_ahead_once
}

/// Runs that are joined at once.
const JOINED: usize = 16;
/// Generations for which deliveries are remembered.
const RECENT: usize = 8;

/// Begins a new generation of traces as if the old one were full; the callback that does it holds nothing.
fn begin_generation(books: &Books, memory: &mut WriterMemory, nth: usize) {
    books.execute("UPDATE feed SET generation_bytes = 1000000000");
    let empty = arrivals(&[delivery(&format!("empty-{nth}"), &json!([]))], noon());
    books
        .run(books.store.post(&empty, memory))
        .expect("an empty list");
}

/// Sorts what came so far into a run of its own, as the service does when a generation is full.
fn sort(books: &Books, nth: usize) {
    let mut memory = WriterMemory::default();
    begin_generation(books, &mut memory, nth);
    let full = memory.full_generation().expect("a full generation");
    books
        .run(books.store.sort_generation(&full))
        .expect("it is sorted");
    let runs = books.rows(
        "SELECT first_generation || '' FROM trace_run WHERE class = 0 AND first_generation = last_generation",
    );
    assert!(!runs.is_empty());
}

/// Sorts so often that there are enough runs, and joins them.
fn join(books: &Books) {
    for nth in 0..JOINED {
        sort(books, 1000 + nth);
    }
    assert!(books.run(books.store.merge_runs()).expect("joined"));
}

/// The runs of events, as `FIRST LAST TRACES`.
fn runs(books: &Books) -> Vec<String> {
    books.rows(
        "SELECT first_generation || ' ' || last_generation || ' ' || traces FROM trace_run WHERE class = 0",
    )
}

fn an_event_is_found_again_however_long_ago(database: Database) {
    let books = Books::with_register(database);
    let first = books.post(&[delivery("m0", &payment("T1", 26_000))]);
    assert_eq!(first.outcomes, [Outcome::Stored]);
    type Step = fn(&Books);
    let steps: [(&str, TimeMs, Step); 4] = [
        ("across midnight", on_day(1, 5), |_| {}),
        ("its traces are sorted", on_day(1, 30), |b| {
            sort(b, 0);
            // With the other contents that were posted until then.
            assert_eq!(runs(b), ["1 1 3"]);
        }),
        ("its run is joined to others", on_day(45, 600), |b| {
            join(b);
            assert!(runs(b).iter().any(|r| r.starts_with("1 16 ")), "{:?}", runs(b));
        }),
        ("a year after", on_day(365, 600), |b| sort(b, 1)),
    ];
    let mut aside = 0;
    let mut repeats = 0;
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
    sort(&books, 0);
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

fn an_event_is_found_again_when_its_rows_are_gone(database: Database) {
    let mut books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 26_000)),
        delivery("m2", &payment("T2", 5_000)),
    ]);
    sort(&books, 0);
    books.tamper("DELETE FROM notice");
    books.tamper("DELETE FROM receipt");
    books.tamper("DELETE FROM evidence");
    assert_eq!(
        books.rows("SELECT batch_no || '' FROM trace_batch WHERE generation = 1"),
        [""; 0]
    );
    for at in [0, 1] {
        let batch = [
            delivery(&format!("m1-{at}"), &payment("T1", 26_000)),
            delivery(&format!("m2-{at}"), &payment("T2", 6_000 + at)),
            delivery(&format!("m3-{at}"), &payment(&format!("T3-{at}"), 1_000)),
        ];
        let posted = match at {
            0 => books.post_at(&batch, on_day(1, 61)),
            _ => books.post_cold(&batch, on_day(50, 0)),
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

fn sorting_again_or_after_an_interruption_changes_nothing(database: Database) {
    let books = Books::with_register(database);
    let ids: Vec<String> = (0..300).map(|n| format!("T{n}")).collect();
    let batch: Vec<Delivery> = ids.iter().map(|id| delivery(id, &payment(id, 1_000))).collect();
    books.post(&batch);
    let mut memory = WriterMemory::default();
    begin_generation(&books, &mut memory, 0);
    let full = memory.full_generation().expect("a full generation");
    let sort = || {
        books
            .run(books.store.sort_generation(&full))
            .expect("it is sorted")
    };
    let state = || {
        let pages = "SELECT class || ' ' || first_fingerprint || ' ' || LENGTH(bytes) FROM trace_page";
        let runs = "SELECT class || ' ' || traces || ' ' || LENGTH(filter) FROM trace_run";
        (books.rows(pages), books.rows(runs))
    };
    sort();
    let sorted = state();
    assert_eq!(sorted.1.len(), 2, "of events and of deliveries");
    assert!(sorted.0.len() > 20, "{sorted:?}");
    sort();
    assert_eq!(state(), sorted);
    // Cut off before the run was known, and before all pages were there.
    for lost in [
        "DELETE FROM trace_run",
        "DELETE FROM trace_run; DELETE FROM trace_page WHERE first_fingerprint < 0",
    ] {
        books.execute(&format!("{lost}; UPDATE feed SET runs_epoch = runs_epoch + 1"));
        sort();
        assert_eq!(state(), sorted, "{lost}");
    }
    let again: Vec<Delivery> = ids
        .iter()
        .map(|id| delivery(&format!("again-{id}"), &payment(id, 1_000)))
        .collect();
    let posted = books.post_cold(&again, on_day(1, 0));
    assert!(posted.outcomes.iter().all(|o| *o == Outcome::Repeat));
}

fn two_instances_that_sort_at_once_leave_one_run(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    let mut memory = WriterMemory::default();
    begin_generation(&books, &mut memory, 0);
    let full = memory.full_generation().expect("a full generation");
    books.run(async {
        let other = Store::open(&books.database.url).await.expect("a second instance");
        let (one, two) = tokio::join!(books.store.sort_generation(&full), other.sort_generation(&full));
        one.expect("sorted");
        two.expect("sorted");
        other.close().await;
    });
    assert_eq!(runs(&books), ["1 1 1"]);
    let again = books.post(&[delivery("m2", &payment("T1", 1_000))]);
    assert_eq!(again.outcomes, [Outcome::Repeat]);
}

fn another_writer_sees_what_was_sorted_and_joined_meanwhile(database: Database) {
    let books = Books::with_register(database);
    // It remembers the first event, and is not asked while its traces are sorted, and others come and are.
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    let cold = |id: &str, event: &str| books.post_cold(&[delivery(id, &payment(event, 1_000))], noon());
    cold("m2", "T2");
    sort(&books, 0);
    cold("m3", "T3");
    let ask = |n: usize| {
        let batch: Vec<Delivery> = ["T1", "T2", "T3"]
            .iter()
            .map(|event| delivery(&format!("{event}-{n}"), &payment(event, 1_000)))
            .collect();
        let outcomes = books.post(&batch).outcomes;
        assert!(outcomes.iter().all(|o| *o == Outcome::Repeat), "{outcomes:?}");
    };
    ask(0);
    join(&books);
    ask(1);
    assert_eq!(books.counts(), [3, 3, 0, 0, 6]);
}

fn the_writer_sorts_when_nobody_else_does(database: Database) {
    let books = Books::with_register(database);
    let mut memory = WriterMemory::default();
    for n in 0..6 {
        begin_generation(&books, &mut memory, n);
    }
    assert!(!runs(&books).is_empty(), "memory is bounded without any help");
}

fn deliveries_are_forgotten_after_many_generations_and_events_are_not(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    for nth in 0..=RECENT {
        sort(&books, nth);
    }
    let recent = books.rows("SELECT DISTINCT first_generation || '' FROM trace_run WHERE class = 1");
    assert!(
        !recent.contains(&"1".to_owned()) && recent.contains(&"2".to_owned()),
        "{recent:?}"
    );
    let pages =
        books.rows("SELECT first_generation || '' FROM trace_page WHERE class = 1 AND first_generation = 1");
    assert_eq!(pages, [""; 0]);
    let again = books.post_cold(&[delivery("m1", &payment("T1", 1_000))], on_day(9, 0));
    assert_eq!(again.outcomes, [Outcome::Repeat], "known by its event");
}

fn a_generation_of_many_traces_is_sorted_with_all_of_them(database: Database) {
    let books = Books::with_register(database);
    let ids: Vec<String> = (0..4000).map(|n| format!("T{n}")).collect();
    for some in ids.chunks(1000) {
        let items: Vec<_> = some.iter().map(|id| payment(id, 1_000)).collect();
        books.post(&[delivery(&some[0], &json!(items))]);
    }
    sort(&books, 0);
    assert_eq!(runs(&books), ["1 1 4000"]);
    join(&books);
    assert_eq!(runs(&books).first().map(String::as_str), Some("1 16 4000"));
    let pages = books
        .rows("SELECT DISTINCT first_generation || ' ' || last_generation FROM trace_page WHERE class = 0");
    assert_eq!(pages, ["1 16"], "the pages of what was joined are gone");
    let items: Vec<_> = ids.iter().map(|id| payment(id, 1_000)).collect();
    let again = books.post_cold(&[delivery("all", &json!(items))], on_day(2, 0));
    assert_eq!(again.outcomes, [Outcome::Repeat]);
    assert_eq!(books.counts(), [4000, 4000, 0, 0, 4000]);
}

fn numbers_never_go_back(database: Database) {
    let books = Books::with_register(database);
    let days = [0, 2, 1, 2];
    for (at, day) in days.into_iter().enumerate() {
        let id = format!("T{at}");
        books.post_at(&[delivery(&id, &payment(&id, 1_000))], on_day(day, 600));
    }
    let zero = market_day().number();
    let kept = format!(
        "SELECT (entry_no / 1099511627776 - {zero}) || ' ' || (entry_no % 1099511627776) || ' ' || provider_txn_id FROM receipt"
    );
    assert_eq!(books.rows(&kept), ["0 1 T0", "2 2 T1", "2 3 T2", "2 4 T3"]);
    // What is counted by the day of reception stays with that day.
    let intake = books.rows(&format!(
        "SELECT (day - {zero}) || ' ' || received_count FROM intake_day"
    ));
    assert_eq!(intake, ["0 1", "1 1", "2 2"]);
}

fn missing_traces_stop_the_writer(database: Database) {
    let mut books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    books.tamper("DELETE FROM trace_batch");
    // One that starts now cannot know what came: it must not take a repeat for new.
    let again = arrivals(&[delivery("m2", &payment("T1", 1_000))], noon());
    let mut cold = WriterMemory::default();
    let refused = books.run(books.store.post(&again, &mut cold));
    let why = refused.expect_err("nothing is known").to_string();
    assert!(why.contains("no traces of batch"), "{why}");
    assert_eq!(books.receipts().len(), 1);
}

fn a_refund_meets_a_payment_of_long_ago(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 5_000)),
        delivery("m2", &payment("T2", 7_000)),
        delivery("m3", &payment("T3", 9_000)),
    ]);
    sort(&books, 0);
    books.post_at(&[delivery("m4", &refund("F1", "T1", 4_500))], on_day(1, 40));
    join(&books);
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

fn an_old_refund_meets_its_late_payment(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &refund("F1", "T1", 4_500))]);
    assert_eq!(books.counts(), [1, 0, 1, 0, 0]);
    sort(&books, 1);
    books.post_at(&[delivery("m2", &payment("T1", 5_000))], on_day(33, 0));
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    // That it waited then is no hindrance to finding it again.
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
    sort(&books, 1);
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
    let before = on_day(0, 1439);
    let after = on_day(1, 1);
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
            .create(async |creation| creation.keep_order(&order, actor("thu", noon())).await)
            .expect("an order");
    };
    let differs = Outcome::AmountDiffers {
        expected: Dong::new(5_000),
    };
    keep("R-T1", 5_000);
    keep("R-T2", 5_000);
    let right = of_orders(&payment("T1", 5_000));
    let wrong = of_orders(&payment("T2", 4_000));
    let stranger = of_orders(&to_account(payment("T3", 1_000), "00000099"));
    let batch = [right, wrong, stranger.clone()];
    let told = books.post(&batch).outcomes;
    assert_eq!(told, [Outcome::Stored, differs.clone(), Outcome::UnknownOrder]);
    let waiting = [Reason::OrderAmountDiffers.as_str(), Reason::UnknownOrder.as_str()];
    assert_eq!(books.reasons(), waiting);
    // The same day, the next day, after its traces were sorted and after they were joined.
    let again = [Outcome::Repeat, differs, Outcome::UnknownOrder];
    assert_eq!(books.post(&batch).outcomes, again);
    assert_eq!(books.post_at(&batch, on_day(1, 10)).outcomes, again);
    sort(&books, 1);
    assert_eq!(books.post_at(&batch, on_day(1, 40)).outcomes, again);
    join(&books);
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
        let notices = books.rows("SELECT tableoid::regclass || ' ' || provider_txn_id FROM receipt");
        assert_eq!(
            notices,
            ["receipt_default T3", "receipt_y2026m03 T1", "receipt_y2026m04 T2"]
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
    let name = "traces::an_event_of_a_detached_month_is_found_again";
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
    sort(&books, 0);
    for table in ["notice", "receipt", "evidence"] {
        books.tamper(&format!("ALTER TABLE {table} DETACH PARTITION {table}_y2026m03"));
    }
    assert_eq!(books.rows("SELECT provider_txn_id FROM receipt"), [""; 0]);
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

//! Posting: what becomes of each kind of notice, once and again.

use choso::ledger::Reason;
use choso::notice::Outcome;
use choso::store::{Arrival, WriterMemory};
use choso::vn::TimeMs;
use serde_json::{Value, json};

use crate::support::*;

on_both! {
    a_payment_is_posted_once_with_its_counters
    the_same_delivery_again_is_a_repeat
    the_same_event_in_another_delivery_is_a_repeat
    the_same_event_with_other_content_waits_beside_the_first
    a_webhook_id_used_again_for_other_items_is_kept_apart
    an_item_set_aside_for_its_webhook_id_does_not_block_the_true_one
    an_array_is_judged_item_by_item
    an_empty_array_is_kept_and_counts_nothing
    failed_and_unknown_notices_are_ignored_with_their_amounts
    what_cannot_be_attributed_waits_with_its_reason
    a_link_counts_only_on_its_days
    a_posting_time_ahead_of_reception_is_not_believed
    a_payment_without_a_time_belongs_to_the_day_of_reception
    money_goes_to_the_stall_that_the_note_or_terminal_names
    a_registered_terminal_counts_on_its_days
    providers_do_not_share_events
    a_register_change_reaches_a_writer_that_remembers
    a_refused_batch_leaves_nothing
    a_batch_that_failed_half_way_leaves_no_half_knowledge
    pages_of_waiting_notices_lose_none
    a_recount_finds_what_was_altered
}

fn a_payment_is_posted_once_with_its_counters(database: Database) {
    let books = Books::with_register(database);
    let count = books.post(&[delivery("m1", &payment("T1", 26_000))]);
    assert_eq!((count.receipts, count.outcomes), (1, vec![Outcome::Stored]));
    assert_eq!(books.counts(), [1, 1, 0, 0, 0]);
    assert_eq!(books.amounts(), [26_000, 26_000, 0, 0]);
    let receipts = books.receipts();
    assert_eq!(receipts.len(), 1);
    assert!(
        receipts[0].starts_with("one ") && receipts[0].ends_with(" 26000 0"),
        "{receipts:?}"
    );
    let day = market_day().number();
    assert_eq!(books.household_days(), [format!("one {day} 1 26000 0 1")]);
    let places = books.rows(
        "SELECT day || ' ' || posted_count || ' ' || posted_vnd || ' ' || qualifying_count FROM place_day",
    );
    assert_eq!(places, [format!("{day} 1 26000 1")]);
    assert_eq!(books.recount().receipts, 1);
}

fn the_same_delivery_again_is_a_repeat(database: Database) {
    let books = Books::with_register(database);
    let one = delivery("m1", &payment("T1", 26_000));
    // within one batch, and in a later one
    assert_eq!(books.post(&[one.clone(), one.clone()]).receipts, 1);
    let again = books.post(std::slice::from_ref(&one));
    assert_eq!((again.receipts, again.outcomes), (0, vec![Outcome::Repeat]));
    assert_eq!(books.counts(), [1, 1, 0, 0, 2]);
    assert_eq!(books.receipts().len(), 1);
}

fn the_same_event_in_another_delivery_is_a_repeat(database: Database) {
    let books = Books::with_register(database);
    let later_note = with(payment("T1", 26_000), "note", "viết lại".into());
    books.post(&[
        delivery("m1", &payment("T1", 26_000)),
        delivery("m2", &payment("T1", 26_000)),
    ]);
    // The note may differ between tries: it is not content.
    books.post(&[delivery("m3", &later_note)]);
    assert_eq!(books.counts(), [1, 1, 0, 0, 2]);
}

fn the_same_event_with_other_content_waits_beside_the_first(database: Database) {
    let books = Books::with_register(database);
    let one = payment("T1", 26_000);
    let other = payment("T1", 62_000);
    books.post(&[delivery("m1", &one)]);
    books.post(&[delivery("m2", &other)]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 0]);
    assert_eq!(books.amounts(), [88_000, 26_000, 62_000, 0]);
    assert_eq!(books.reasons(), [Reason::SameIdOtherContent.as_str()]);
    // Both again: both are known now.
    books.post(&[delivery("m3", &other), delivery("m4", &one)]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 2]);
    // Together in one batch the first of them keeps the state.
    books.post(&[
        delivery("m5", &payment("T2", 1_000)),
        delivery("m6", &payment("T2", 2_000)),
    ]);
    assert_eq!(books.counts(), [4, 2, 2, 0, 2]);
    let amounts: Vec<String> = books.rows("SELECT provider_txn_id || ' ' || amount_vnd FROM receipt");
    assert_eq!(amounts, ["T1 26000", "T2 1000"]);
}

fn a_webhook_id_used_again_for_other_items_is_kept_apart(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 26_000))]);
    let other = delivery("m1", &payment("T2", 5_000));
    books.post(std::slice::from_ref(&other));
    assert_eq!(books.counts(), [2, 1, 1, 0, 0]);
    assert_eq!(books.reasons(), [Reason::WebhookIdReused.as_str()]);
    books.post(&[other]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 1]);
    let kept = books.rows("SELECT CAST(callbacks AS TEXT) FROM evidence");
    assert_eq!(kept, ["1", "1"], "both bodies are kept as evidence");
}

fn an_item_set_aside_for_its_webhook_id_does_not_block_the_true_one(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 26_000))]);
    books.post(&[delivery("m1", &payment("T2", 5_000))]);
    let count = books.post(&[delivery("m2", &payment("T2", 5_000))]);
    assert_eq!(
        count.receipts, 1,
        "under a webhook-id of its own the payment is posted"
    );
    assert_eq!(books.counts(), [3, 2, 1, 0, 0]);
}

fn an_array_is_judged_item_by_item(database: Database) {
    let books = Books::with_register(database);
    let broken = json!({"type": "payment.succeeded", "data": {"amount": 700}});
    let items = json!([
        payment("T1", 1_000),
        to_account(payment("T2", 2_000), "00000099"),
        broken,
        "no object",
        payment("T3", 3_000),
        payment("T1", 1_000),
    ]);
    let one = delivery("m1", &items);
    let count = books.post(std::slice::from_ref(&one));
    assert_eq!(count.receipts, 2);
    assert_eq!(books.counts(), [5, 2, 3, 0, 1]);
    assert_eq!(books.amounts(), [6_700, 4_000, 2_700, 0]);
    let unreadable = Reason::Unreadable.as_str();
    assert_eq!(
        books.reasons(),
        [Reason::UnknownAccount.as_str(), unreadable, unreadable]
    );
    // Again as a whole: as many repeats as items.
    books.post(&[one]);
    assert_eq!(books.counts(), [5, 2, 3, 0, 7]);
}

fn an_empty_array_is_kept_and_counts_nothing(database: Database) {
    let books = Books::with_register(database);
    let count = books.post(&[delivery("m1", &json!([]))]);
    assert_eq!((count.receipts, count.outcomes), (0, vec![Outcome::Stored]));
    assert_eq!(books.counts(), [0; 5]);
}

fn failed_and_unknown_notices_are_ignored_with_their_amounts(database: Database) {
    let books = Books::with_register(database);
    let mut failed = payment("T1", 9_000);
    failed["type"] = "payment.failed".into();
    let mut pending = payment("T2", 8_000);
    pending["type"] = "payment.pending".into();
    books.post(&[delivery("m1", &failed), delivery("m2", &pending)]);
    assert_eq!(books.counts(), [2, 0, 0, 2, 0]);
    assert_eq!(books.amounts(), [17_000, 0, 0, 17_000]);
    // A failed try does not stand in the way of the payment of the same id.
    assert_eq!(books.post(&[delivery("m3", &payment("T1", 9_000))]).receipts, 1);
    let reasons = books.rows("SELECT reason FROM notice WHERE state = 'ignored'");
    assert_eq!(
        reasons,
        [Reason::PaymentFailed.as_str(), Reason::UnknownType.as_str()]
    );
}

fn what_cannot_be_attributed_waits_with_its_reason(database: Database) {
    let books = Books::with_register(database);
    let early = with(
        payment("T5", 1_000),
        "occurred_at",
        "2025-07-31T23:59:59+07:00".into(),
    );
    let cases = [
        (
            to_account(payment("T1", 1_000), "00000099"),
            Reason::UnknownAccount,
        ),
        // The note of a registered stall never helps an account that is not registered.
        (
            with(
                to_account(payment("T2", 1_000), "00000099"),
                "note",
                "HC7K3M9J".into(),
            ),
            Reason::UnknownAccount,
        ),
        (
            with(payment("T3", 1_000), "bank_bin", "970436".into()),
            Reason::UnknownAccount,
        ),
        (
            with(
                to_account(payment("T4", 1_000), "00000055"),
                "bank_bin",
                Value::Null,
            ),
            Reason::AmbiguousAccount,
        ),
        (early, Reason::NoValidLink),
        (
            to_account(payment("T6", 1_000), "00000033"),
            Reason::AmbiguousStall,
        ),
    ];
    for (at, (item, reason)) in cases.iter().enumerate() {
        books.post(&[delivery(&format!("m{at}"), item)]);
        let id = item["data"]["transaction_id"].as_str().unwrap_or_default();
        let newest = books.rows(&format!("SELECT reason FROM notice WHERE event_id = '{id}'"));
        assert_eq!(newest, [reason.as_str()], "{item}");
    }
    assert_eq!(books.counts(), [6, 0, 6, 0, 0]);
    assert_eq!(books.receipts(), [""; 0]);
}

fn a_link_counts_only_on_its_days(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let link = &books
        .run(books.store.stall(&stall))
        .unwrap()
        .expect("a stall")
        .accounts[0]
        .link_id;
    let last = market_day();
    books
        .run(
            books
                .store
                .end_link(link, last, actor("thu", TimeMs(noon().0 - 1))),
        )
        .expect("a link to end");
    let next_day = with(
        payment("T2", 1_000),
        "occurred_at",
        "2026-03-02T00:00:00+07:00".into(),
    );
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    books.post_at(&[delivery("m2", &next_day)], last.plus(1).start());
    assert_eq!(books.receipts().len(), 1, "the last day is inside");
    assert_eq!(books.reasons(), [Reason::NoValidLink.as_str()]);
}

fn a_posting_time_ahead_of_reception_is_not_believed(database: Database) {
    let books = Books::with_register(database);
    let ahead = |id, ms: i64| {
        with(
            payment(id, 1_000),
            "occurred_at",
            TimeMs(noon().0 + ms).iso().into(),
        )
    };
    books.post(&[
        delivery("m1", &ahead("T1", 3_600_000)),
        delivery("m2", &ahead("T2", 3_601_000)),
    ]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 0]);
    assert_eq!(books.reasons(), [Reason::PostingTimeAhead.as_str()]);
}

fn a_payment_without_a_time_belongs_to_the_day_of_reception(database: Database) {
    let books = Books::with_register(database);
    let undated = with(payment("T1", 1_000), "occurred_at", Value::Null);
    // Half past midnight in Viet Nam is still the day before in UTC.
    books.post_at(
        &[delivery("m1", &undated)],
        TimeMs(market_day().start().0 + 1_800_000),
    );
    let day = market_day().number();
    assert_eq!(books.household_days(), [format!("one {day} 1 1000 0 1")]);
    assert_eq!(
        books.rows("SELECT CAST(day AS TEXT) FROM intake_day"),
        [day.to_string()]
    );
}

fn money_goes_to_the_stall_that_the_note_or_terminal_names(database: Database) {
    let books = Books::with_register(database);
    let two = |id: &str, note: &str| with(to_account(payment(id, 1_000), "00000022"), "note", note.into());
    let shared = |id: &str, note: &str| with(to_account(payment(id, 2_000), "00000033"), "note", note.into());
    let terminal = |id: &str, name: &str| with(two(id, ""), "terminal", name.into());
    for (at, item) in [
        two("T1", "IBFT hc7k3m9j tien rau"),
        two("T2", "ABCDEFG7"),
        two("T3", "HC7K3M9J ABCDEFG7"),
        shared("T4", "MBVCB.123.THU4THUF.CT"),
        // A stall's own code stands for its terminal, and money without account goes there too.
        terminal("T5", "ABCDEFG7"),
        with(
            with(terminal("T6", "HC7K3M9J"), "account", Value::Null),
            "bank_bin",
            Value::Null,
        ),
        // A terminal of another household does not agree with the account named, which wins.
        terminal("T7", "THU3THUS"),
    ]
    .iter()
    .enumerate()
    {
        books.post(&[delivery(&format!("m{at}"), item)]);
    }
    assert_eq!(
        books.receipts(),
        [
            "bon THU4THUF 2000 0",
            "two - 1000 0",
            "two - 1000 0",
            "two ABCDEFG7 1000 0",
            "two ABCDEFG7 1000 0",
            "two HC7K3M9J 1000 0",
            "two HC7K3M9J 1000 0",
        ]
    );
}

fn a_registered_terminal_counts_on_its_days(database: Database) {
    let books = Books::with_register(database);
    let from = market_day().number();
    let to = market_day().number();
    books.run(books.database.execute(&format!(
        "INSERT INTO terminal (provider_id, terminal_id, valid_from_day, valid_to_day, stall_id, recorded_at_ms, recorded_by)
         SELECT 'p', 'POS-THU-1', {from}, {to}, stall_id, 0, 'thu' FROM stall WHERE stall_code = 'ABCDEFG7'"
    )));
    let at = |id: &str, time: &str| {
        let item = with(
            with(payment(id, 1_000), "account", Value::Null),
            "terminal",
            "POS-THU-1".into(),
        );
        with(item, "occurred_at", time.into())
    };
    books.post(&[delivery("m1", &at("T1", "2026-03-01T00:00:00+07:00"))]);
    books.post(&[delivery("m2", &at("T2", "2026-02-28T23:59:59+07:00"))]);
    assert_eq!(books.receipts(), ["two ABCDEFG7 1000 0"]);
    assert_eq!(books.reasons(), [Reason::UnknownAccount.as_str()]);
}

fn providers_do_not_share_events(database: Database) {
    let books = Books::with_register(database);
    let mut other = delivery("m1", &payment("T1", 1_000));
    other.provider_id = "q".into();
    books.post(&[delivery("m1", &payment("T1", 1_000)), other]);
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
    assert_eq!(books.rows("SELECT provider_id FROM intake_day"), ["p", "q"]);
}

fn a_register_change_reaches_a_writer_that_remembers(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &to_account(payment("T1", 1_000), "00000077"))]);
    assert_eq!(books.counts(), [1, 0, 1, 0, 0]);
    // The writer now remembers that nobody has this account; then somebody registers it.
    books.register(
        "bay,Hộ Thử Bảy,registered,trading,20242,Đường Thử,7,,,,970415,00000077,HO THU BAY,owner,,2025-08-01,\n",
        registered_at(),
    );
    books.post(&[delivery("m2", &to_account(payment("T2", 1_000), "00000077"))]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 0]);
}

fn a_refused_batch_leaves_nothing(database: Database) {
    let books = Books::with_register(database);
    let mut impossible = delivery("m2", &payment("T2", 1_000));
    impossible.items[0].amount = choso::vn::Dong::new(-1);
    let batch: Vec<Arrival> = [delivery("m1", &payment("T1", 1_000)), impossible]
        .into_iter()
        .map(|delivery| Arrival {
            delivery,
            received_at: noon(),
        })
        .collect();
    let mut cache = WriterMemory::default();
    let refused = books
        .run(books.store.post(&batch, &mut cache))
        .expect_err("a negative amount");
    assert!(
        refused.is_about_content(),
        "the writer must try the others alone: {refused}"
    );
    assert_eq!(books.counts(), [0; 5]);
    assert_eq!(books.rows("SELECT batch_no || '' FROM evidence"), [""; 0]);
}

fn a_batch_that_failed_half_way_leaves_no_half_knowledge(database: Database) {
    let books = Books::with_register(database);
    let arrival = Arrival {
        delivery: delivery("m1", &payment("T1", 26_000)),
        received_at: noon(),
    };
    let mut memory = WriterMemory::default();
    // Accounts can be read, places cannot: what was read of the register is only a part of it.
    books.execute("ALTER TABLE household_version RENAME TO away");
    let failed = books.run(books.store.post(std::slice::from_ref(&arrival), &mut memory));
    assert!(failed.is_err());
    books.execute("ALTER TABLE away RENAME TO household_version");
    let posted = books
        .run(books.store.post(&[arrival], &mut memory))
        .expect("posted");
    assert_eq!(posted.receipts, 1, "the same writer attributes it all the same");
}

fn pages_of_waiting_notices_lose_none(database: Database) {
    let books = Books::with_register(database);
    let strange = |id: &str, amount| to_account(payment(id, amount), "00000099");
    // One event with two contents, and a payment and a refund of one id, all at the same moment.
    let mut own_refund = strange("T2", 500);
    own_refund["type"] = "payment.refunded".into();
    let items = json!([
        strange("T1", 1_000),
        strange("T1", 2_000),
        strange("T2", 500),
        own_refund,
        strange("T3", 1)
    ]);
    books.post(&[delivery("m1", &items)]);
    assert_eq!(books.counts(), [5, 0, 5, 0, 0]);
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = books
            .run(books.store.waiting_notices(after.as_deref(), 1))
            .expect("a page");
        let Some(last) = page.last() else { break };
        after = Some(last.cursor.to_string());
        seen.extend(
            page.iter()
                .map(|w| format!("{} {} {}", w.event_id, w.kind, w.amount_vnd)),
        );
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "T1 payment 1000",
            "T1 payment 2000",
            "T2 payment 500",
            "T2 refund 500",
            "T3 payment 1"
        ]
    );
}

fn a_recount_finds_what_was_altered(database: Database) {
    let mut books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 5_000)),
        delivery("m2", &payment("T2", 7_000)),
    ]);
    books.run(books.store.count_receipts()).expect("counted receipts");
    books.post(&[delivery("m3", &refund("F1", "T1", 1_000))]);
    assert!(books.recount().counters_agree);
    for (harm, mend, named) in [
        (
            "UPDATE household_day SET posted_vnd = posted_vnd + 1",
            "UPDATE household_day SET posted_vnd = posted_vnd - 1",
            "household_day",
        ),
        (
            "UPDATE place_day SET posted_count = posted_count + 1",
            "UPDATE place_day SET posted_count = posted_count - 1",
            "place_day",
        ),
        (
            "UPDATE intake_day SET posted_vnd = posted_vnd - 1, quarantined_vnd = quarantined_vnd + 1",
            "UPDATE intake_day SET posted_vnd = posted_vnd + 1, quarantined_vnd = quarantined_vnd - 1",
            "intake_day",
        ),
        (
            "UPDATE refund SET amount_vnd = amount_vnd + 1",
            "UPDATE refund SET amount_vnd = amount_vnd - 1",
            "receipt",
        ),
        (
            "UPDATE receipt SET amount_vnd = amount_vnd + 1 WHERE provider_txn_id = 'T2'",
            "UPDATE receipt SET amount_vnd = amount_vnd - 1 WHERE provider_txn_id = 'T2'",
            "household_day",
        ),
    ] {
        books.tamper(harm);
        let found = books.recount();
        assert!(!found.counters_agree, "{harm}");
        assert!(
            found.differences.iter().any(|d| d.starts_with(named)),
            "{harm}: {:?}",
            found.differences
        );
        books.tamper(mend);
        assert!(books.recount().counters_agree, "{mend}");
    }
    books.tamper("DELETE FROM receipt WHERE provider_txn_id = 'T2'");
    assert!(!books.recount().counters_agree, "a receipt that vanished");
}

/// The id of the first stall of a household.
pub fn stall_of(books: &Books, reference: &str) -> String {
    let sql = format!(
        "SELECT s.stall_id FROM stall s JOIN household h ON h.household_id = s.household_id
         WHERE h.household_ref = '{reference}' ORDER BY s.stall_code"
    );
    books.run(books.database.texts(&sql)).remove(0)
}

//! The feed of posted receipts and the chain of evidence: each once, in the order of commit, and what was
//! changed behind the program's back is found.

use std::collections::BTreeSet;

use choso::access::SealingKey;
use choso::ledger::LedgerNo;
use choso::notice::Delivery;
use choso::settlement::{Audit, audit};
use choso::store::{Store, WriterMemory};
use choso::vn::{Dong, TimeMs};
use serde_json::{Value, json};

use super::posting::stall_of;
use crate::support::*;

on_both! {
    every_receipt_is_heard_once_and_in_order
    a_long_absence_is_caught_up_step_by_step
    who_listens_from_the_end_hears_what_comes_after
    one_stall_hears_its_own_receipts
    two_writers_and_a_listener_miss_nothing
    links_of_the_chain_are_read_by_pieces_of_any_size
    rows_of_a_batch_are_read_for_the_audit
    a_sound_database_passes_the_audit
    an_audit_names_what_was_altered
    raw_bytes_that_expired_are_counted_and_their_digest_holds
    an_audit_needs_the_key_of_the_time
}

/// Before everything.
const START: LedgerNo = LedgerNo::of(0);

/// Batches whose payments have amounts of their own, upwards in the order of posting: several in one,
/// some without any receipt, over midnight and with a clock that goes back.
fn posted_in_order(books: &Books) -> Vec<i64> {
    let mut amounts = Vec::new();
    let mut batch = |name: &str, count: usize, at: TimeMs| {
        let items: Vec<Value> = (0..count)
            .map(|n| {
                amounts.push(10_000 + amounts.len() as i64);
                let account = ["00000011", "00000055"][n % 2];
                let bank = ["970415", "970422"][n % 2];
                let item = to_account(
                    payment(&format!("{name}-{n}"), amounts[amounts.len() - 1]),
                    account,
                );
                with(item, "bank_bin", bank.into())
            })
            .collect();
        books.post_at(&[delivery(name, &json!(items))], at);
    };
    batch("m1", 3, on_day(0, 720));
    batch("m2", 0, on_day(0, 721));
    // The ids of this batch are smaller than those before: the order is that of commit.
    batch("m3", 2, on_day(0, 600));
    batch("m4", 1, on_day(1, 1));
    batch("m5", 2, on_day(0, 1439));
    batch("m6", 33, on_day(1, 2));
    books.post_at(&[delivery("m7", &refund("F1", "m1-0", 10_000))], on_day(1, 3));
    books.post_at(
        &[delivery("m8", &to_account(payment("S1", 5), "00000099"))],
        on_day(1, 4),
    );
    batch("m9", 1, on_day(40, 0));
    amounts
}

fn every_receipt_is_heard_once_and_in_order(database: Database) {
    let books = Books::with_register(database);
    let end = books.run(books.store.feed_end()).expect("the end");
    let step = books.run(books.store.feed_after(end, None)).expect("a step");
    assert!(
        step.is_end && step.receipts.is_empty() && step.last_seen == end,
        "{step:?}"
    );
    let posted = posted_in_order(&books);
    let all = books.run(books.store.feed_after(START, None)).expect("a step");
    assert!(all.is_end);
    // From each receipt on, what comes after it.
    for (at, receipt) in all.receipts.iter().enumerate() {
        assert_eq!(receipt.amount.vnd(), posted[at]);
        let step = books
            .run(books.store.feed_after(receipt.no, None))
            .expect("a step");
        assert_eq!(step.receipts, all.receipts[at + 1..]);
    }
    assert_eq!(all.receipts.len(), posted.len());
    assert!(all.receipts.is_sorted_by(|a, b| a.no < b.no));
    assert!(all.last_seen <= books.run(books.store.feed_end()).expect("the end"));
    // What a receipt says.
    let step = books.run(books.store.feed_after(START, None)).expect("a step");
    let first = &step.receipts[0];
    assert_eq!(
        (&*first.provider_id, first.amount, first.business_day),
        ("p", Dong::new(10_000), market_day())
    );
    assert_eq!(first.occurred_at, Some(on_day(0, 540)));
    assert_eq!(first.posted_at, on_day(0, 720));
    assert_eq!(first.stall_id.as_deref(), Some(stall_of(&books, "one").as_str()));
    assert_eq!(
        books.rows(&format!(
            "SELECT household_ref FROM household WHERE household_id = '{}'",
            first.household_id
        )),
        ["one"]
    );
    assert_eq!(
        books.rows(&format!(
            "SELECT provider_txn_id FROM receipt WHERE entry_no = {}",
            first.no.get()
        )),
        ["m1-0"]
    );
}

fn a_long_absence_is_caught_up_step_by_step(database: Database) {
    const MANY: usize = 5_000;
    let books = Books::with_register(database);
    let items: Vec<Value> = (0..MANY)
        .map(|n| payment(&format!("T{n}"), 1_000 + n as i64))
        .collect();
    books.post(&[delivery("m1", &json!(items))]);
    books.post(&[delivery("m2", &to_account(payment("S1", 5), "00000055"))]);
    let mut steps = 0;
    for (stall, want) in [(None, MANY), (Some(stall_of(&books, "one")), MANY)] {
        let mut at = START;
        let mut heard = Vec::new();
        loop {
            let step = books
                .run(books.store.feed_after(at, stall.as_deref()))
                .expect("a step");
            assert!(step.last_seen > at || step.is_end);
            (at, steps) = (step.last_seen, steps + 1);
            heard.extend(step.receipts.into_iter().map(|r| r.amount.vnd()));
            if step.is_end {
                break;
            }
        }
        let mut want: Vec<i64> = (0..want as i64).map(|n| 1_000 + n).collect();
        if stall.is_none() {
            want.extend(
                books
                    .rows("SELECT amount_vnd || '' FROM receipt WHERE amount_vnd = 5")
                    .iter()
                    .map(|_| 5),
            );
        }
        assert_eq!(heard, want);
    }
    assert_eq!(steps, 4, "no step reads everything");
}

fn who_listens_from_the_end_hears_what_comes_after(database: Database) {
    let books = Books::with_register(database);
    posted_in_order(&books);
    let place = books.run(books.store.feed_end()).expect("the end");
    assert!(
        books
            .run(books.store.feed_after(place, None))
            .expect("a step")
            .receipts
            .is_empty()
    );
    // A retry is not heard again, nor what comes with a clock behind left out.
    books.post_at(&[delivery("n1", &payment("m1-0", 10_000))], on_day(40, 1));
    books.post_at(&[delivery("n2", &payment("N2", 7))], on_day(2, 0));
    let step = books.run(books.store.feed_after(place, None)).expect("a step");
    let heard: Vec<i64> = step.receipts.iter().map(|r| r.amount.vnd()).collect();
    assert_eq!((heard, step.is_end), (vec![7], true));
    assert!(step.last_seen > place);
}

fn one_stall_hears_its_own_receipts(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery(
        "m1",
        &json!([payment("T1", 1_000), to_account(payment("T2", 2_000), "00000022")]),
    )]);
    let two = |id: &str, vnd, note: &str| with(to_account(payment(id, vnd), "00000022"), "note", note.into());
    books.post(&[
        delivery("m2", &two("T3", 3_000, "HC7K3M9J")),
        delivery("m3", &two("T4", 4_000, "ABCDEFG7")),
    ]);
    books.post(&[delivery("m4", &two("T5", 5_000, "ABCDEFG7"))]);
    let end = books.run(books.store.feed_end()).expect("the end");
    let heard = |code: Option<&str>| -> Vec<i64> {
        let stall = code.map(|code| {
            books
                .rows(&format!("SELECT stall_id FROM stall WHERE stall_code = '{code}'"))
                .remove(0)
        });
        let step = books
            .run(books.store.feed_after(START, stall.as_deref()))
            .expect("a step");
        assert!(
            step.is_end && step.last_seen == end,
            "other stalls' batches are passed: {step:?}"
        );
        step.receipts.iter().map(|r| r.amount.vnd()).collect()
    };
    assert_eq!(heard(Some("HC7K3M9J")), [3_000]);
    assert_eq!(heard(Some("ABCDEFG7")), [4_000, 5_000]);
    assert_eq!(heard(Some("THU3THUS")), [0; 0]);
    assert_eq!(
        heard(None),
        [1_000, 2_000, 3_000, 4_000, 5_000],
        "also where no stall is known"
    );
}

fn two_writers_and_a_listener_miss_nothing(database: Database) {
    const EACH: usize = 25;
    let books = Books::with_register(database);
    let heard = books.run(async {
        let other = Store::open(&books.database.url).await.expect("a second instance");
        let post_all = async |store: &Store, name: &str| {
            let mut memory = WriterMemory::default();
            for n in 0..EACH {
                let id = format!("{name}{n}");
                let batch = arrivals(&[delivery(&id, &payment(&id, 1_000))], noon());
                store
                    .post(&batch, &mut memory)
                    .await
                    .expect("the batch is posted");
            }
        };
        let listen = async {
            let mut place = START;
            let mut heard = Vec::new();
            while heard.len() < 2 * EACH {
                let step = books.store.feed_after(place, None).await.expect("a step");
                place = step.last_seen;
                heard.extend(step.receipts.into_iter().map(|r| r.no));
                tokio::task::yield_now().await;
            }
            heard
        };
        let (_, _, heard) = tokio::join!(post_all(&books.store, "A"), post_all(&other, "B"), listen);
        other.close().await;
        heard
    });
    let different: BTreeSet<&LedgerNo> = heard.iter().collect();
    assert_eq!((heard.len(), different.len()), (2 * EACH, 2 * EACH));
}

fn links_of_the_chain_are_read_by_pieces_of_any_size(database: Database) {
    let books = Books::with_register(database);
    let none = books.run(books.store.chain_end()).expect("the end");
    assert_eq!(none, (LedgerNo::default(), vec![0; 32]));
    posted_in_order(&books);
    let all = books
        .run(books.store.evidence_after(START, 100))
        .expect("the chain");
    assert_eq!(
        all.iter().map(|r| r.batch_no.count()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9]
    );
    assert!(
        all.iter().map(|r| r.batch_no).is_sorted(),
        "a clock that goes back does not turn the chain round"
    );
    for size in 1..=10 {
        let mut place = START;
        let mut digests = Vec::new();
        loop {
            let rows = books
                .run(books.store.evidence_after(place, size))
                .expect("the chain");
            let Some(last) = rows.last() else { break };
            place = last.batch_no;
            digests.extend(rows.into_iter().map(|r| r.digest));
        }
        assert!(
            digests.iter().eq(all.iter().map(|r| &r.digest)),
            "pieces of {size}"
        );
    }
    let last = all.last().expect("nine links");
    assert_eq!(
        books.run(books.store.chain_end()).expect("the end"),
        (last.batch_no, last.digest.clone())
    );
    let counts: Vec<_> = all.iter().map(|r| (r.callbacks, r.entries, r.receipts)).collect();
    assert_eq!(
        counts[..3],
        [(1, 3, 3), (1, 0, 0), (1, 2, 2)],
        "an empty list is evidence too"
    );
    let kept = all[0].kept_callbacks().expect("readable").expect("not expired");
    assert_eq!(
        (kept.len(), &*kept[0].provider_id, kept[0].received_at),
        (1, "p", on_day(0, 720))
    );
    assert!(kept[0].evidence.body.starts_with(b"[{"));
}

fn rows_of_a_batch_are_read_for_the_audit(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery(
        "m1",
        &json!([payment("T1", 1_000), to_account(payment("T2", 2_000), "00000099")]),
    )]);
    books.post_at(&[delivery("m2", &payment("T3", 3_000))], on_day(1, 0));
    let link = books
        .run(books.store.evidence_after(START, 1))
        .expect("the chain")
        .remove(0);
    let entries = books
        .run(books.store.audit_entries(link.first_entry_no, link.entries))
        .expect("entries");
    let told: Vec<(&str, bool, i64)> = entries
        .iter()
        .map(|e| (e.event_id.as_str(), e.receipt.is_some(), e.amount.vnd()))
        .collect();
    assert_eq!(
        told,
        [("T1", true, 1_000), ("T2", false, 2_000)],
        "those of this batch"
    );
    assert_eq!(
        entries[0].content,
        delivery("m", &payment("T1", 1_000)).items[0].content
    );
    let day = market_day().number();
    let counts = books.run(books.store.audit_counts()).expect("counts");
    assert_eq!(counts, [(day, 2), (day + 1, 1)]);
}

fn sealing_key() -> SealingKey {
    SealingKey::from_random([7; 32])
}

/// A database with some of everything; callbacks come when they are signed.
fn some_of_everything(database: Database) -> Books {
    let books = Books::with_register(database);
    let new = new_standard("p", &sealing_key());
    books
        .run(books.store.add_provider(&new, registered_at()))
        .expect("a provider");
    let at = |days: i64, items: &[(&str, Value)]| {
        let time = on_day(days, 720);
        let batch: Vec<Delivery> = items
            .iter()
            .map(|(id, body)| signed_delivery(&standard("p"), SECRET, id, time, body))
            .collect();
        books.post_at(&batch, time);
    };
    let broken = json!({"type": "payment.succeeded", "data": {"amount": 700}});
    at(
        0,
        &[
            ("m1", json!([payment("T1", 5_000), payment("T2", 7_000)])),
            ("m2", to_account(payment("T3", 1), "00000099")),
        ],
    );
    // A refund, a repeat, other content, an id used again, an unreadable item, an empty list.
    at(
        0,
        &[
            ("m3", refund("F1", "T1", 1_000)),
            ("m4", payment("T2", 7_000)),
            ("m5", payment("T2", 8_000)),
        ],
    );
    at(
        0,
        &[
            ("m1", payment("T4", 9_000)),
            ("m6", json!([broken, payment("T5", 2_000), payment("T5", 2_000)])),
        ],
    );
    at(0, &[("m7", json!([]))]);
    at(
        1,
        &[("m8", payment("T6", 6_000)), ("m9", refund("F2", "T2", 7_000))],
    );
    // Nothing but repeats leaves no link.
    at(1, &[("m8", payment("T6", 6_000)), ("m10", payment("T1", 5_000))]);
    books
}

fn audited(books: &Books) -> Audit {
    books
        .run(audit(&books.store, &sealing_key(), |_| {}))
        .expect("an audit")
}

fn a_sound_database_passes_the_audit(database: Database) {
    let books = some_of_everything(database);
    let sound = Audit {
        acts: 0,
        links: 5,
        callbacks: 9,
        expired: 0,
        notices: 10,
        receipts: 4,
        broken: None,
    };
    let mut heard = 0;
    let found = books.run(audit(&books.store, &sealing_key(), |so_far| heard = so_far.links));
    assert_eq!(found.expect("an audit"), sound);
    assert_eq!(heard, 5, "it says how far it is");
    let empty = Audit::default();
    assert_eq!(empty.broken, None);
}

/// The tables that an audit reads.
const AUDITED: [&str; 5] = ["feed", "evidence", "notice", "receipt", "provider_key"];

fn an_audit_names_what_was_altered(database: Database) {
    let mut books = some_of_everything(database);
    for table in AUDITED {
        books.tamper(&format!("CREATE TABLE sound_{table} AS SELECT * FROM {table}"));
    }
    let sound = audited(&books);
    let columns = "provider_id, event_id, kind, provider_txn_id, is_first, content_digest, amount_vnd, state, reason, \
                   received_at_ms, receipt_no";
    let receipt = "household_id, business_day, stall_id, place_id, provider_id, provider_txn_id, event_id, content_digest, \
                   amount_vnd, refunded_vnd, corrected_vnd, occurred_at_ms, posted_at_ms, bank_ref, statement_row_no";
    let nth = |position: i64| format!("batch_no % 1099511627776 = {position}");
    let other = |column: &str, of: i64| {
        format!(
            "{column} = (SELECT {column} FROM sound_evidence WHERE {})",
            nth(of)
        )
    };
    let cases = [
        // the kept bytes, alone, with their digest, and with everything but the chain
        (format!("UPDATE evidence SET {} WHERE {}", other("bytes", 2), nth(1)), "position 1: the kept bytes"),
        (
            format!("UPDATE evidence SET {}, {} WHERE {}", other("bytes", 3), other("bytes_digest", 3), nth(2)),
            "position 2: the link",
        ),
        (format!("UPDATE evidence SET {} WHERE {}", other("digest", 2), nth(3)), "position 3: the link"),
        (format!("UPDATE evidence SET receipts = receipts + 1 WHERE {}", nth(5)), "position 5: the link"),
        (format!("UPDATE evidence SET entries = entries - 1 WHERE {}", nth(2)), "position 2: the link"),
        (format!("UPDATE evidence SET callbacks = callbacks - 1 WHERE {}", nth(1)), "position 1: the link"),
        (format!("UPDATE evidence SET first_entry_no = first_entry_no + 1 WHERE {}", nth(1)), "position 1: the link"),
        // links taken out: the first, one of the middle, the last, and the last with its trace in the feed
        (format!("DELETE FROM evidence WHERE {}", nth(1)), "position 2: the link after position 0 is missing"),
        (format!("DELETE FROM evidence WHERE {}", nth(3)), "position 4: the link after position 2 is missing"),
        (format!("DELETE FROM evidence WHERE {}", nth(5)), "the chain ends at position 4"),
        (
            format!("DELETE FROM evidence WHERE {}; UPDATE feed SET {}, {}", nth(5), other("batch_no", 4), other("digest", 4)),
            "2 notices and receipts, but callbacks for 0",
        ),
        // notices: amount, content, event, one removed, one added
        ("UPDATE notice SET amount_vnd = 8001 WHERE event_id = 'T2'".into(), "position 2: notice T2: its amount"),
        (
            "UPDATE notice SET content_digest = (SELECT content_digest FROM sound_receipt WHERE provider_txn_id = 'T6') WHERE event_id = 'T3'".into(),
            "position 1: notice T3: no callback",
        ),
        ("UPDATE notice SET event_id = 'T9' WHERE event_id = 'T3'".into(), "position 1: notice T9: no callback"),
        ("DELETE FROM notice WHERE event_id = 'F1'".into(), "position 2: 1 notices with 0 receipts are proven, 2 with 0 were kept"),
        ("DELETE FROM notice WHERE event_id = 'T2'".into(), "position 2: 1 notices"),
        (
            format!("INSERT INTO notice SELECT entry_no + 1000, {columns} FROM sound_notice WHERE event_id = 'T3'"),
            "9 notices and receipts, but callbacks for 8",
        ),
        // receipts: amount, event, one removed, one added
        ("UPDATE receipt SET amount_vnd = amount_vnd + 1 WHERE provider_txn_id = 'T6'".into(), "position 5: receipt of T6: its amount"),
        ("UPDATE receipt SET provider_id = 'q' WHERE provider_txn_id = 'T6'".into(), "position 5: receipt of T6: no callback"),
        ("DELETE FROM receipt WHERE provider_txn_id = 'T5'".into(), "position 3: 2 notices with 0 receipts are proven, 3 with 1"),
        (
            format!("INSERT INTO receipt SELECT entry_no + 1000, {receipt} FROM sound_receipt WHERE provider_txn_id = 'T5'"),
            "9 notices and receipts, but callbacks for 8",
        ),
        // whose money it is, for which day, and when it was paid
        (
            "UPDATE receipt SET household_id = (SELECT household_id FROM household WHERE household_ref = 'two') \
             WHERE provider_txn_id = 'T6'".into(),
            "position 5: a notice or receipt was changed",
        ),
        ("UPDATE receipt SET stall_id = NULL WHERE provider_txn_id = 'T1'".into(), "position 1: a notice or receipt was changed"),
        ("UPDATE receipt SET business_day = business_day - 1".into(), "position 1: a notice or receipt was changed"),
        ("UPDATE receipt SET occurred_at_ms = NULL WHERE provider_txn_id = 'T5'".into(), "position 3: a notice or receipt was changed"),
        ("UPDATE notice SET received_at_ms = 5 WHERE event_id = 'T3'".into(), "position 1: a notice or receipt was changed"),
        (format!("UPDATE evidence SET {} WHERE {}", other("rows_digest", 2), nth(1)), "position 1: the link"),
        // a notice in the place of a receipt
        (
            "DELETE FROM receipt WHERE provider_txn_id = 'T5'; INSERT INTO notice SELECT entry_no, provider_id, \
                     provider_txn_id, 'payment', provider_txn_id, 1, content_digest, amount_vnd, 'quarantined', 'unknown_account', \
                     posted_at_ms, NULL FROM sound_receipt WHERE provider_txn_id = 'T5'".into(),
            "position 3: 3 notices with 0 receipts are proven, 3 with 1",
        ),
        // the key of the time
        ("DELETE FROM provider_key".into(), "position 1: a callback of p: key k1 is not there"),
        ("UPDATE provider_key SET sealed_secret = 's1:thu'".into(), "position 1: a callback of p: key k1"),
    ];
    for (harm, named) in cases {
        books.tamper(&harm);
        let found = audited(&books);
        let why = found.broken.clone().unwrap_or_default();
        assert!(why.contains(named), "{harm}: {found:?}");
        for table in AUDITED {
            books.tamper(&format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM sound_{table}"
            ));
        }
        assert_eq!(audited(&books), sound, "mended after {harm}");
    }
}

fn raw_bytes_that_expired_are_counted_and_their_digest_holds(database: Database) {
    let mut books = some_of_everything(database);
    let day = market_day().number();
    let of_day = |column: &str| format!("{column} / 1099511627776 = {day}");
    books.tamper(&format!(
        "UPDATE evidence SET bytes = NULL WHERE {}",
        of_day("batch_no")
    ));
    let found = audited(&books);
    assert_eq!((found.links, found.callbacks, found.expired), (5, 2, 7));
    assert_eq!((found.notices, found.receipts, &found.broken), (2, 1, &None));
    // Then the day's rows may go as well.
    for table in ["notice", "receipt"] {
        books.tamper(&format!("DELETE FROM {table} WHERE {}", of_day("entry_no")));
    }
    assert_eq!(audited(&books), found);
    // A link without bytes is still part of the chain, and brings no rows of its own.
    books.tamper("UPDATE evidence SET entries = entries + 1 WHERE batch_no % 1099511627776 = 2");
    assert!(
        audited(&books)
            .broken
            .is_some_and(|b| b.starts_with("position 2: the link"))
    );
}

fn an_audit_needs_the_key_of_the_time(database: Database) {
    let books = some_of_everything(database);
    let rotate = |key_id: &str, secret: &str, now: TimeMs| {
        let sealed = sealed(&sealing_key(), "p", key_id, secret);
        books
            .run(books.store.rotate_key(new_key("p", key_id, &sealed), now, now))
            .expect("a rotation");
    };
    // The old key no longer fits new callbacks, and still proves the old ones.
    rotate("k2", OTHER_SECRET, on_day(2, 0));
    let time = on_day(2, 720);
    let second = standard_with("p", "k2", OTHER_SECRET);
    books.post_at(
        &[signed_delivery(
            &second,
            OTHER_SECRET,
            "n1",
            time,
            &payment("N1", 4_000),
        )],
        time,
    );
    books
        .run(books.store.set_provider_disabled("p", Some(on_day(3, 0))))
        .expect("disabled");
    let found = audited(&books);
    assert_eq!((found.links, found.callbacks, &found.broken), (6, 10, &None));
    // Another key file opens none of them.
    let foreign = books.run(audit(&books.store, &SealingKey::from_random([8; 32]), |_| {}));
    let why = foreign.expect("an audit").broken.unwrap_or_default();
    assert!(why.starts_with("position 1: a callback of p: key k1"), "{why}");
}

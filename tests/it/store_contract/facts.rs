//! Facts as of a day, as known at a time: what the indicators count.

use choso::indicators::{Facts, PlaceKind};
use choso::register::TradingStatus;
use choso::vn::{Day, TimeMs};
use serde_json::{Value, json};

use crate::support::*;

on_both! {
    counters_and_receipts_give_the_same_facts
    facts_of_the_past_do_not_know_the_future
    facts_know_each_day_by_its_version
    the_later_record_of_one_day_wins
    windows_end_on_the_day_and_hold_their_first
    only_qualifying_receipts_count
    many_receipts_are_taken_into_the_counters_by_their_batch
}

/// Receipts in the windows of every household, in a fixed order.
fn windows(facts: &Facts) -> Vec<[i64; 3]> {
    let mut all: Vec<[i64; 3]> = facts.households.iter().map(|h| h.receipts).collect();
    all.sort();
    all
}

/// 120 payments over 100 days, some refunded in part or whole, in batches of a few.
fn busy_quarter(random: &mut fastrand::Rng) -> Vec<Value> {
    let mut items = Vec::new();
    for n in 0..120 {
        let day = market_day().plus(-random.i64(0..50));
        let amount = random.i64(500..3_000);
        let account = ["00000011", "00000022"][random.usize(0..2)];
        let time = TimeMs(day.start().0 + random.i64(0..86_400_000)).iso();
        let id = format!("T{n}");
        items.push(with(
            to_account(payment(&id, amount), account),
            "occurred_at",
            time.into(),
        ));
        if random.u8(0..3) == 0 {
            let part = random.i64(1..=amount);
            items.push(refund(&format!("F{n}"), &id, part));
        }
    }
    random.shuffle(&mut items);
    items
}

fn counters_and_receipts_give_the_same_facts(database: Database) {
    let books = Books::with_register(database);
    let mut random = fastrand::Rng::with_seed(7);
    for (n, batch) in busy_quarter(&mut random).chunks(9).enumerate() {
        let deliveries: Vec<_> = batch
            .iter()
            .enumerate()
            .map(|(i, item)| delivery(&format!("m{n}-{i}"), item))
            .collect();
        books.post(&deliveries);
        if n == 4 {
            // Some receipts are in the counters, the rest is added by whoever reads them.
            let count = books.run(books.store.count_receipts());
            assert!(count.expect("counted receipts") > 0);
        }
    }
    let agree = || {
        for back in [0, 1, 6, 7, 29, 30, 60, 89, 120] {
            let day = market_day().plus(20 - back);
            let now = books.facts(day, None).1;
            let known = books.facts(day, Some(noon())).1;
            assert_eq!(windows(&now), windows(&known), "as of {day}");
        }
    };
    agree();
    let counted = books.run(books.store.count_receipts());
    assert!(counted.expect("counted receipts") > 0, "some were left");
    agree();
    let again = books.run(books.store.count_receipts());
    assert_eq!(again.expect("counted receipts"), 0);
    agree();
    assert_ne!(
        windows(&books.facts(market_day(), None).1).last(),
        Some(&[0; 3]),
        "something was counted"
    );
}

fn facts_of_the_past_do_not_know_the_future(database: Database) {
    let books = Books::with_register(database);
    let at = |hours: i64| TimeMs(noon().0 + hours * 3_600_000);
    books.post_at(&[delivery("m1", &payment("T1", 5_000))], at(0));
    books.post_at(&[delivery("m2", &refund("F1", "T1", 5_000))], at(2));
    let active = |k| windows(&books.facts(market_day(), k).1).last().map(|w| w[0]);
    assert_eq!(active(Some(at(-1))), Some(0), "before the notice");
    assert_eq!(active(Some(at(1))), Some(1), "between payment and refund");
    assert_eq!(active(Some(at(2))), Some(0));
    assert_eq!(active(None), Some(0));
    let (_, before) = books.facts(market_day(), Some(TimeMs(registered_at().0 - 1)));
    assert_eq!(
        (before.households.len(), before.places.len()),
        (0, 0),
        "nobody was registered yet"
    );
}

fn facts_know_each_day_by_its_version(database: Database) {
    let books = Books::with_register(database);
    let later = TimeMs(noon().0 + 1);
    // Recorded later, but true from the middle of January on.
    books.register("nam,Hộ Thử Năm,registered,closed,20242,Đường Thử,5,,,,970415,00000055,HO THU NAM,owner,,2026-01-15,\n", later);
    let trading = |day, k| {
        let (_, facts) = books.facts(day, k);
        facts
            .households
            .iter()
            .filter(|h| h.status == TradingStatus::Trading)
            .count()
    };
    assert_eq!(trading(Day::ymd(2025, 7, 31), None), 0);
    assert_eq!(trading(Day::ymd(2026, 1, 14), None), 6);
    assert_eq!(trading(Day::ymd(2026, 1, 15), None), 5);
    assert_eq!(trading(Day::ymd(2026, 1, 15), Some(noon())), 6, "not known yet");
    let (_, facts) = books.facts(market_day(), None);
    let markets = facts
        .places
        .iter()
        .filter(|p| matches!(p.kind, PlaceKind::Market { .. }))
        .count();
    assert_eq!((markets, facts.market_stalls.len()), (1, 2));
    assert_eq!(
        facts.households.iter().filter(|h| h.has_code).count(),
        1,
        "one code was handed out, on 10 January"
    );
    assert_eq!(
        books
            .facts(Day::ymd(2026, 1, 9), None)
            .1
            .households
            .iter()
            .filter(|h| h.has_code)
            .count(),
        0
    );
}

fn the_later_record_of_one_day_wins(database: Database) {
    let books = Books::with_register(database);
    let day = Day::ymd(2026, 2, 1);
    let state = |status: &str, at: TimeMs| {
        let row = format!(
            "nam,Hộ Thử Năm,registered,{status},20242,Đường Thử,5,,,,970415,00000055,HO THU NAM,owner,,{day},\n"
        );
        books.register(&row, at);
    };
    let at = |hours: i64| TimeMs(noon().0 + hours * 3_600_000);
    state("closed", at(1));
    state("paused", at(2));
    state("trading", at(3));
    let of = |status, k| {
        let (_, facts) = books.facts(day, k);
        facts.households.iter().filter(|h| h.status == status).count()
    };
    assert_eq!(of(TradingStatus::Trading, Some(at(0))), 6);
    assert_eq!(of(TradingStatus::Closed, Some(at(1))), 1);
    assert_eq!(of(TradingStatus::Paused, Some(at(2))), 1);
    assert_eq!(of(TradingStatus::Trading, Some(at(3))), 6);
    assert_eq!(of(TradingStatus::Trading, None), 6);
}

fn windows_end_on_the_day_and_hold_their_first(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    let of = |day| *windows(&books.facts(day, None).1).last().expect("households");
    let day = market_day();
    assert_eq!(of(day.plus(-1)), [0, 0, 0], "not before it happened");
    assert_eq!(of(day), [1, 1, 1]);
    assert_eq!(of(day.plus(6)), [1, 1, 1], "seven days, both ends included");
    assert_eq!(of(day.plus(7)), [1, 0, 1]);
    assert_eq!(of(day.plus(29)), [1, 0, 1]);
    assert_eq!(of(day.plus(30)), [0, 0, 1]);
    assert_eq!(of(day.plus(89)), [0, 0, 1]);
    assert_eq!(of(day.plus(90)), [0, 0, 0]);
}

fn only_qualifying_receipts_count(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 999)),
        delivery("m2", &payment("T2", 1_000)),
    ]);
    books.post(&[
        delivery("m3", &payment("T3", 2_000)),
        delivery("m4", &refund("F3", "T3", 1_001)),
    ]);
    for known_at in [None, Some(noon())] {
        let (_, facts) = books.facts(market_day(), known_at);
        assert_eq!(
            windows(&facts).last(),
            Some(&[1, 1, 1]),
            "one of three reaches 1.000 đ after refunds"
        );
    }
}

fn many_receipts_are_taken_into_the_counters_by_their_batch(database: Database) {
    const ENOUGH: usize = 8_192;
    let books = Books::with_register(database);
    let counted = || books.rows("SELECT posted_count || ' ' || refunded_vnd FROM household_day");
    let items: Vec<Value> = (1..ENOUGH).map(|n| payment(&format!("T{n}"), 1_000)).collect();
    books.post(&[delivery("m1", &json!(items))]);
    assert_eq!(counted(), [""; 0], "one is missing");
    // A refund of a receipt that is not counted yet, and one of a receipt that is.
    books.post(&[delivery("m2", &refund("F1", "T1", 400))]);
    assert_eq!(counted(), [format!("{} 400", ENOUGH - 1)]);
    books.post(&[delivery("m3", &refund("F2", "T2", 300))]);
    assert_eq!(counted(), [format!("{} 700", ENOUGH - 1)]);
}

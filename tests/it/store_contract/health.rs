//! How providers do: taken in or not, with which keys, and what was counted of them by the hour.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use choso::access::SealingKey;
use choso::intake::{Ending, ProviderHealth};
use choso::store::{ProviderTally, StoreError};
use choso::vn::TimeMs;

use crate::support::*;

on_both! {
    a_provider_is_disabled_and_live_again
    every_key_that_ever_was_is_there_for_the_audit
    hours_of_a_provider_add_up
    counts_that_could_not_be_added_are_kept
    repeats_are_told_by_provider_and_day_of_reception
}

fn with_providers(database: Database, ids: &[&str]) -> Books {
    let books = Books::open(database);
    for id in ids {
        let new = new_standard(id, &SealingKey::from_random([7; 32]));
        books
            .run(books.store.add_provider(&new, noon()))
            .expect("a provider");
    }
    books
}

fn a_provider_is_disabled_and_live_again(database: Database) {
    let books = with_providers(database, &["p", "q"]);
    let disabled = || -> Vec<(String, Option<TimeMs>)> {
        let rows = books.run(books.store.providers(noon())).expect("providers");
        assert!(rows.iter().all(|r| r.keys.len() == 1), "its keys stay");
        rows.into_iter().map(|r| (r.provider_id, r.disabled_at)).collect()
    };
    let set = |id: &str, at| books.run(books.store.set_provider_disabled(id, at));
    set("q", Some(noon())).expect("disabled");
    assert_eq!(
        disabled(),
        [("p".to_owned(), None), ("q".to_owned(), Some(noon()))]
    );
    set("q", None).expect("live");
    set("q", None).expect("live already");
    assert_eq!(disabled(), [("p".to_owned(), None), ("q".to_owned(), None)]);
    let nobody = set("nobody", Some(noon()));
    assert!(matches!(nobody, Err(StoreError::Missing(_))), "{nobody:?}");
}

fn every_key_that_ever_was_is_there_for_the_audit(database: Database) {
    let books = with_providers(database, &["p", "q"]);
    let rotate = |key_id: &str| {
        books
            .run(
                books
                    .store
                    .rotate_key(new_key("p", key_id, "s1:thu"), noon(), noon()),
            )
            .expect("a rotation");
    };
    rotate("k2");
    rotate("k3");
    books
        .run(books.store.set_provider_disabled("q", Some(noon())))
        .expect("disabled");
    let live = books.run(books.store.providers(on_day(1, 0))).expect("providers");
    assert_eq!(live[0].keys, [("k3".to_owned(), "s1:thu".to_owned())]);
    let keys = books.run(books.store.keys_ever()).expect("keys");
    let named: Vec<String> = keys
        .iter()
        .map(|k| format!("{} {}/{} {}", k.provider_id, k.profile, k.scheme, k.key_id))
        .collect();
    let standard = "standard/webhooks_v1";
    assert_eq!(
        named,
        ["p k1", "p k2", "p k3", "q k1"].map(|n| n.replace(' ', &format!(" {standard} ")))
    );
    assert!(keys[0].sealed_secret.starts_with("s1:") && keys[1].sealed_secret == "s1:thu");
}

fn tally(kept: i64, latency_us_max: i64, last_heard_ms: i64) -> ProviderTally {
    ProviderTally {
        kept,
        refused: 1,
        not_kept: 2,
        latency_us_total: 10 * latency_us_max,
        latency_us_max,
        last_heard_ms,
    }
}

fn hours_of_a_provider_add_up(database: Database) {
    let books = with_providers(database, &["p", "q"]);
    let add = |rows: &[(&str, i64, ProviderTally)]| {
        let rows: HashMap<(Arc<str>, i64), ProviderTally> = rows
            .iter()
            .map(|(id, hour, tally)| (((*id).into(), *hour), *tally))
            .collect();
        books.run(books.store.add_provider_hours(&rows)).expect("added");
    };
    add(&[]);
    add(&[
        ("q", 7, tally(1, 5, 70)),
        ("p", 8, tally(2, 6, 81)),
        ("p", 7, tally(3, 7, 72)),
    ]);
    // A second instance, whose hour had the longest answer and was heard less recently.
    add(&[("p", 8, tally(40, 9, 80)), ("p", 7, tally(50, 3, 79))]);
    let hours = |from| {
        let hours = books.run(books.store.provider_hours(from)).expect("hours");
        let named = hours.into_iter().map(|h| (h.provider_id, h.hour, h.tally));
        named.collect::<Vec<_>>()
    };
    let sum = |kept, total, max, last| ProviderTally {
        kept,
        refused: 2,
        not_kept: 4,
        latency_us_total: total,
        latency_us_max: max,
        last_heard_ms: last,
    };
    let eight = ("p".to_owned(), 8, sum(42, 150, 9, 81));
    let seven = ("p".to_owned(), 7, sum(53, 100, 7, 79));
    assert_eq!(
        hours(7),
        [seven, eight.clone(), ("q".to_owned(), 7, tally(1, 5, 70))]
    );
    assert_eq!(hours(8), [eight]);
    assert_eq!(hours(9), []);
}

fn counts_that_could_not_be_added_are_kept(database: Database) {
    let books = with_providers(database, &["p"]);
    let health = ProviderHealth::default();
    let answered = |ending, ms: i64, took_us| {
        health.answered(&"p".into(), ending, TimeMs(ms), Duration::from_micros(took_us));
    };
    let hour = 3_600_000;
    for (ending, took) in [(Ending::Kept, 5), (Ending::Repeat, 9), (Ending::Token, 1)] {
        answered(ending, hour + 1, took);
    }
    answered(Ending::Unproven, hour + 5, 2);
    answered(Ending::Malformed, 2 * hour - 1, 2);
    // The table is away for a while.
    books.execute("ALTER TABLE provider_hour RENAME TO provider_hour_away");
    books.run(health.flush(&books.store)).expect_err("no such table");
    books.execute("ALTER TABLE provider_hour_away RENAME TO provider_hour");
    answered(Ending::TryAgain, 2 * hour, 7);
    for _ in 0..2 {
        books
            .run(health.flush(&books.store))
            .expect("added, and then nothing more");
    }
    let hours = books.run(books.store.provider_hours(0)).expect("hours");
    let seen: Vec<_> = hours
        .iter()
        .map(|h| (h.hour, h.tally.kept, h.tally.refused, h.tally.not_kept))
        .collect();
    assert_eq!(seen, [(1, 3, 2, 0), (2, 0, 0, 1)]);
    let first = hours[0].tally;
    let second = hours[1].tally;
    assert_eq!(
        (first.latency_us_total, first.latency_us_max, first.last_heard_ms),
        (19, 9, 2 * hour - 1)
    );
    assert_eq!((second.latency_us_max, second.last_heard_ms), (7, 2 * hour));
}

fn repeats_are_told_by_provider_and_day_of_reception(database: Database) {
    let books = Books::with_register(database);
    let mut of_q = delivery("m2", &payment("T2", 1_000));
    of_q.provider_id = "q".into();
    let of_p = delivery("m1", &payment("T1", 1_000));
    books.post(&[of_p.clone(), of_q.clone(), of_p.clone()]);
    books.post_at(&[of_p.clone(), of_p.clone(), of_q.clone()], on_day(1, 600));
    // Of a day before today: what a clock that is behind receives counts for its own day.
    books.post_at(&[of_q], on_day(0, 600));
    let on = |days: i64| {
        let repeats = books.run(books.store.repeats_on(market_day().plus(days)));
        let mut repeats: Vec<(String, i64)> = repeats.expect("repeats").into_iter().collect();
        repeats.sort();
        repeats
    };
    let told = |p, q| vec![("p".to_owned(), p), ("q".to_owned(), q)];
    assert_eq!((on(0), on(1)), (told(1, 1), told(2, 1)));
    assert_eq!(on(2), []);
}

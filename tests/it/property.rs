//! Delivery is at least once and in any order (docs/spec/domain.md, section 7): the books must not tell.

use choso::notice::Delivery;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::*;

/// What the books came to: receipts, counters of households, places and days of reception, line by line.
fn summary(books: &Books) -> Vec<String> {
    let mut lines = books.rows(
        "SELECT 'receipt ' || provider_txn_id || ' ' || amount_vnd || ' ' || refunded_vnd || ' ' || business_day FROM receipt",
    );
    lines.extend(books.household_days());
    lines.extend(books.rows(
        "SELECT 'place ' || day || ' ' || posted_count || ' ' || posted_vnd || ' ' || refunded_vnd || ' ' || qualifying_count
         FROM place_day WHERE posted_count > 0",
    ));
    let [received, posted, quarantined, ignored, _] = books.counts();
    lines.push(format!("counts {:?}", [received, posted, quarantined, ignored]));
    lines.push(format!("amounts {:?}", books.amounts()));
    lines
}

/// Posts deliveries in batches of these sizes, the last one taking the rest.
fn books_of(deliveries: &[Delivery], sizes: &[usize]) -> Books {
    let books = Books::with_register(Database::sqlite());
    let mut rest = deliveries;
    for size in sizes {
        let (batch, later) = rest.split_at((*size).min(rest.len()));
        books.post(batch);
        // Sometimes receipts are taken into the day counters at once, sometimes later.
        if size.is_multiple_of(2) {
            books.run(books.store.count_receipts()).expect("counted receipts");
        }
        rest = later;
    }
    books.post(rest);
    books
}

/// A day's events: payments to several accounts, one of them unknown, each with up to two refunds that
/// together do not exceed it.
fn events() -> impl Strategy<Value = Vec<Value>> {
    let one = (0usize..4, 1i64..5_000, 0i64..=100, 0i64..=100, 0i64..3);
    proptest::collection::vec(one, 1..8).prop_map(|payments| {
        let mut items = Vec::new();
        for (n, (account, amount, first, second, days_back)) in payments.into_iter().enumerate() {
            let id = format!("T{n}");
            let number = ["00000011", "00000022", "00000033", "00000099"][account];
            let day = market_day().plus(-days_back);
            let time = choso::vn::TimeMs(day.start().0 + 1_000).iso();
            items.push(with(
                to_account(payment(&id, amount), number),
                "occurred_at",
                time.into(),
            ));
            let part = amount * first / 100;
            let rest = (amount - part) * second / 100;
            for (name, vnd) in [("A", part), ("B", rest)] {
                if vnd > 0 {
                    items.push(refund(&format!("F{n}{name}"), &id, vnd));
                }
            }
        }
        items
    })
}

/// Events; an order with repeats of them; sizes of batches; and which repeats come under a webhook-id of
/// their own.
fn stories() -> impl Strategy<Value = (Vec<Value>, Vec<(usize, bool)>, Vec<usize>)> {
    events().prop_flat_map(|events| {
        let count = events.len();
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        let repeats = proptest::collection::vec((0..count, any::<bool>()), 0..6);
        let sizes = proptest::collection::vec(1usize..5, 0..5);
        (Just(events), order, repeats, sizes).prop_map(|(events, order, repeats, sizes)| {
            let order: Vec<(usize, bool)> = order.into_iter().map(|at| (at, false)).chain(repeats).collect();
            (events, order, sizes)
        })
    })
}

/// Each case opens two databases, so there are few of them; the seed is new each time.
#[test]
fn order_repetition_and_batches_do_not_matter() {
    let mut runner = TestRunner::new(Config {
        cases: 30,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    });
    let checked = runner.run(&stories(), |(events, order, sizes)| {
        let in_order: Vec<Delivery> = events
            .iter()
            .enumerate()
            .map(|(at, e)| delivery(&format!("m{at}"), e))
            .collect();
        let shuffled: Vec<Delivery> = order
            .iter()
            .enumerate()
            .map(|(try_, (at, renamed))| {
                if *renamed {
                    delivery(&format!("again{try_}"), &events[*at])
                } else {
                    in_order[*at].clone()
                }
            })
            .collect();
        let plain = books_of(&in_order, &[]);
        let told_otherwise = books_of(&shuffled, &sizes);
        prop_assert_eq!(summary(&plain), summary(&told_otherwise));
        let repeats = (order.len() - events.len()) as i64;
        prop_assert_eq!(told_otherwise.counts()[4], repeats, "repeats are counted apart");
        Ok(())
    });
    checked.unwrap_or_else(|e| panic!("{e}"));
}

//! A household's own list of money, and the keys that open it.

use std::ops::RangeInclusive;

use choso::ledger::{LedgerNo, Received};
use choso::store::{ListPosition, OwnerList, StoreError};
use choso::vn::{Day, TimeMs};

use crate::support::*;

on_both! {
    the_list_says_what_the_ledger_holds_counted_or_not
    pages_of_receipts_make_the_whole
    a_receipt_that_the_ledger_took_late_is_found
    a_list_is_bounded_and_of_one_household
    a_household_lies_in_a_ward
    a_household_has_one_living_owner_key
    the_use_of_an_owner_key_is_noted
}

/// A payment of this day and minute to this account.
fn paid(id: &str, amount: i64, account: &str, at: TimeMs) -> serde_json::Value {
    let item = with(
        to_account(payment(id, amount), account),
        "occurred_at",
        at.iso().into(),
    );
    with(
        item,
        "bank_bin",
        if account == "00000055" {
            "970422".into()
        } else {
            "970415".into()
        },
    )
}

fn household(books: &Books, reference: &str) -> String {
    books
        .create(async |creation| creation.household_by_ref(reference).await)
        .expect("an answer")
        .expect("the household is there")
}

fn whole_time() -> RangeInclusive<Day> {
    market_day().plus(-200)..=market_day().plus(100)
}

fn list(books: &Books, reference: &str, after: Option<ListPosition>, limit: usize) -> OwnerList {
    let id = household(books, reference);
    books
        .run(books.store.owner_list(&id, &whole_time(), after, limit))
        .expect("a list")
}

/// Each day as `DAY COUNT RECEIVED REFUNDED`, as the ledger itself holds it.
fn days_of_ledger(books: &Books, reference: &str) -> Vec<String> {
    books.rows(&format!(
        "SELECT r.business_day || ' ' || COUNT(*) || ' ' || SUM(r.amount_vnd) || ' ' || SUM(r.refunded_vnd)
         FROM receipt r JOIN household h ON h.household_id = r.household_id
         WHERE h.household_ref = '{reference}' GROUP BY r.business_day"
    ))
}

fn days_of(list: &OwnerList) -> Vec<String> {
    let day = |(day, r): &(Day, Received)| {
        format!(
            "{} {} {} {}",
            day.number(),
            r.receipts,
            r.received.vnd(),
            r.refunded.vnd()
        )
    };
    let mut days: Vec<String> = list.days.iter().map(day).collect();
    days.sort();
    days
}

/// Payments and refunds at random over half a year and three households; some are in the counters, some not yet.
fn busy(books: &Books, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for batch in 0..24 {
        let mut items = Vec::new();
        for i in 0..random.usize(1..9) {
            let id = format!("T{batch}-{i}");
            let account = ["00000011", "00000022", "00000055"][random.usize(..3)];
            let amount = random.i64(1..5_000_000);
            let at = on_day(random.i64(-180..1), random.i64(0..1_440));
            items.push(delivery(&format!("m-{id}"), &paid(&id, amount, account, at)));
            if random.u8(..4) == 0 {
                let back = refund(&format!("F-{id}"), &id, random.i64(1..=amount));
                items.push(delivery(&format!("f-{id}"), &to_account(back, account)));
            }
        }
        books.post_at(&items, on_day(batch / 8, 60 * (1 + batch % 8)));
        if batch == 12 {
            books.run(books.store.count_receipts()).expect("counted");
        }
    }
}

fn the_list_says_what_the_ledger_holds_counted_or_not(database: Database) {
    let books = Books::with_register(database);
    busy(&books, 1);
    let before: Vec<OwnerList> = ["one", "two", "sau"].map(|h| list(&books, h, None, 1_000)).into();
    for (reference, list) in ["one", "two", "sau"].into_iter().zip(&before) {
        assert_eq!(days_of(list), days_of_ledger(&books, reference), "{reference}");
        let whole = Received::sum(list.days.iter().map(|(_, r)| r));
        assert!(
            whole.receipts > 20 && whole.refunded.vnd() > 0,
            "the case says something: {whole:?}"
        );
        let sum =
            |amount: fn(&choso::store::OwnerReceipt) -> i64| list.receipts.iter().map(amount).sum::<i64>();
        assert_eq!(list.receipts.len() as i64, whole.receipts);
        assert_eq!(sum(|r| r.amount.vnd()), whole.received.vnd());
        assert_eq!(sum(|r| r.refunded.vnd()), whole.refunded.vnd());
        assert_eq!(sum(|r| r.left().vnd()), whole.left().vnd());
        assert!(!list.has_more);
    }
    // Counting moves receipts into the counters and changes no list.
    books.run(books.store.count_receipts()).expect("counted");
    let after: Vec<OwnerList> = ["one", "two", "sau"].map(|h| list(&books, h, None, 1_000)).into();
    assert_eq!(before, after);
    // A refund of what is counted already is seen at once.
    let last = &after[0].receipts[0];
    let left = last.left().vnd();
    if left > 0 {
        books.post(&[delivery("late-f", &refund("late-F", &last.provider_txn_id, left))]);
        let again = list(&books, "one", None, 1_000);
        assert_eq!(again.receipts[0].left().vnd(), 0);
        assert_eq!(days_of(&again), days_of_ledger(&books, "one"));
    }
}

fn pages_of_receipts_make_the_whole(database: Database) {
    let books = Books::with_register(database);
    busy(&books, 2);
    let whole = list(&books, "two", None, 1_000).receipts;
    assert!(
        whole.windows(2).all(|two| two[0].place > two[1].place),
        "newest first, each once"
    );
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = list(&books, "two", after, 7);
        assert!(page.receipts.len() <= 7);
        pages.extend(page.receipts);
        after = pages.last().map(|receipt| receipt.place);
        if !page.has_more {
            break;
        }
        assert!(pages.len() < whole.len(), "the list goes on where it said");
    }
    assert_eq!(pages, whole);
    assert!(!list(&books, "two", None, whole.len()).has_more);
    assert!(list(&books, "two", None, whole.len() - 1).has_more);
    assert_eq!(list(&books, "two", None, 0).receipts, []);
}

fn a_receipt_that_the_ledger_took_late_is_found(database: Database) {
    let books = Books::with_register(database);
    let noon_of = |days| on_day(days, 720);
    // On the day, a day later, and so late that other days have passed; and a posting time an hour ahead.
    books.post_at(
        &[delivery("m1", &paid("T1", 1_000, "00000011", noon_of(0)))],
        noon_of(0),
    );
    books.post_at(
        &[delivery("m2", &paid("T2", 2_000, "00000011", noon_of(0)))],
        noon_of(1),
    );
    books.post_at(
        &[delivery("m3", &paid("T3", 3_000, "00000011", on_day(2, 10)))],
        on_day(1, 1_430),
    );
    books.post_at(
        &[delivery("m4", &paid("T4", 4_000, "00000011", noon_of(0)))],
        noon_of(40),
    );
    let id = household(&books, "one");
    let of_day = |days: i64| {
        let day = market_day().plus(days);
        let list = books
            .run(books.store.owner_list(&id, &(day..=day), None, 10))
            .expect("a list");
        let ids: Vec<String> = list.receipts.iter().map(|r| r.provider_txn_id.clone()).collect();
        let sum: i64 = list.days.iter().map(|(_, r)| r.receipts).sum();
        assert_eq!(ids.len() as i64, sum);
        ids
    };
    assert_eq!(of_day(0), ["T4", "T2", "T1"]);
    assert_eq!(of_day(1), [""; 0]);
    assert_eq!(of_day(2), ["T3"]);
    assert_eq!(of_day(40), [""; 0]);
}

fn a_list_is_bounded_and_of_one_household(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    assert_eq!(list(&books, "two", None, 10), OwnerList::default());
    let one = list(&books, "one", None, 10);
    assert_eq!((one.days.len(), one.receipts.len()), (1, 1));
    let receipt = &one.receipts[0];
    assert_eq!((receipt.place.day, receipt.amount.vnd()), (market_day(), 5_000));
    assert!(receipt.place.entry_no > LedgerNo::start_of(market_day()));
    assert!(receipt.stall_code.is_some() && !receipt.is_from_statement);
    let id = household(&books, "one");
    let ask = |days: i64| {
        books.run(
            books
                .store
                .owner_list(&id, &(market_day()..=market_day().plus(days)), None, 1),
        )
    };
    assert!(ask(365).is_ok(), "366 days");
    assert!(matches!(ask(366), Err(StoreError::Conflict(_))), "367 days");
    let nobody = books.run(books.store.owner_list("nobody", &whole_time(), None, 10));
    assert_eq!(nobody.expect("a list"), OwnerList::default());
}

fn a_household_lies_in_a_ward(database: Database) {
    let books = Books::with_register(database);
    let id = household(&books, "two");
    let unit = books
        .run(books.store.unit_of_household(&id, market_day()))
        .expect("an answer")
        .expect("a ward");
    assert_eq!(unit.id.code, "20242");
    let nobody = books.run(books.store.unit_of_household("nobody", market_day()));
    assert_eq!(nobody.expect("an answer"), None);
}

fn a_household_has_one_living_owner_key(database: Database) {
    let books = Books::with_register(database);
    let one = household(&books, "one");
    let two = household(&books, "two");
    let make =
        |id: &str, hash: &str| books.run(books.store.make_owner_key(id, hash, actor("cán bộ", noon())));
    let opens = |hash: &str| {
        let key = books
            .run(books.store.owner_key_of(hash, None))
            .expect("an answer");
        key.map(|key| key.household_id)
    };
    assert_eq!(books.run(books.store.owner_key(&one)).expect("an answer"), None);
    make(&one, "hash-1").expect("a key");
    make(&two, "hash-2").expect("a key");
    assert_eq!(
        (opens("hash-1"), opens("hash-2")),
        (Some(one.clone()), Some(two.clone()))
    );
    assert_eq!(opens("hash-0"), None);
    let key = books
        .run(books.store.owner_key(&one))
        .expect("an answer")
        .expect("a key");
    assert_eq!(
        (key.created_by.as_str(), key.created_at, key.last_used_at),
        ("cán bộ", noon(), None)
    );
    make(&one, "hash-3").expect("a key in place of the first");
    assert_eq!((opens("hash-1"), opens("hash-3")), (None, Some(one.clone())));
    let unknown = make("nobody", "hash-4");
    assert!(matches!(unknown, Err(StoreError::Missing(_))), "{unknown:?}");
    assert_eq!(opens("hash-4"), None);
    let revoke = |id: &str| {
        books
            .run(books.store.revoke_owner_key(id, actor("cán bộ 2", noon())))
            .expect("an answer")
    };
    assert!(revoke(&one) && !revoke(&one));
    assert_eq!((opens("hash-3"), opens("hash-2")), (None, Some(two)));
    let revoked =
        books.rows("SELECT token_sha256 || ' ' || revoked_by FROM owner_key WHERE revoked_at_ms IS NOT NULL");
    assert_eq!(revoked, ["hash-1 cán bộ", "hash-3 cán bộ 2"]);
}

fn the_use_of_an_owner_key_is_noted(database: Database) {
    let books = Books::with_register(database);
    let id = household(&books, "one");
    books
        .run(books.store.make_owner_key(&id, "hash-1", actor("cán bộ", noon())))
        .expect("a key");
    let used = || {
        let key = books.run(books.store.owner_key(&id)).expect("an answer");
        key.expect("a key").last_used_at
    };
    let minute = |n: i64| TimeMs(noon().0 + n * 60_000);
    let open = |at| {
        let key = books
            .run(books.store.owner_key_of("hash-1", at))
            .expect("an answer");
        key.expect("a key").last_used_at
    };
    open(None);
    assert_eq!(used(), None, "a look that is no use");
    assert_eq!(open(Some(minute(1))), None, "the use before is told");
    assert_eq!(used(), Some(minute(1)));
    assert_eq!(open(Some(minute(10))), Some(minute(1)));
    assert_eq!(used(), Some(minute(1)), "uses close together are one");
    open(Some(minute(11)));
    assert_eq!(used(), Some(minute(11)));
}

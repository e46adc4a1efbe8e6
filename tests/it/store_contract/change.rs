//! Single changes of the register: households, stalls, accounts, terminals.

use choso::register::{AccountDraft, HolderRelation, TradingStatus};
use choso::store::{HouseholdChange, StoreError};
use choso::vn::{AccountNumber, Day, TimeMs};
use serde_json::Value;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    a_household_changes_from_a_day_on
    a_stall_that_closed_is_no_longer_counted
    an_account_is_linked_once
    a_terminal_moves_on_its_day
}

fn id_of(books: &Books, reference: &str) -> String {
    books
        .create(async |creation| creation.household_by_ref(reference).await)
        .unwrap()
        .expect("a household")
}

fn a_household_changes_from_a_day_on(database: Database) {
    let books = Books::with_register(database);
    let id = id_of(&books, "one");
    let change = HouseholdChange {
        name: Some("Hộ Thử Đổi Tên".to_owned()),
        status: Some(TradingStatus::Paused),
        ..HouseholdChange::default()
    };
    books
        .run(
            books
                .store
                .change_household(&id, &change, market_day(), actor("thu", noon())),
        )
        .expect("a change");
    let seen = |day| {
        let (view, _) = books
            .run(books.store.household(&id, day))
            .unwrap()
            .expect("there");
        (view.name, view.trading_status)
    };
    assert_eq!(
        seen(market_day()),
        ("Hộ Thử Đổi Tên".to_owned(), TradingStatus::Paused)
    );
    assert_eq!(
        seen(market_day().plus(-1)),
        ("Hộ Thử Một".to_owned(), TradingStatus::Trading)
    );
    let before = Day::ymd(2020, 1, 1);
    let early = books.run(
        books
            .store
            .change_household(&id, &change, before, actor("thu", noon())),
    );
    assert!(
        matches!(early, Err(StoreError::Missing(_))),
        "it was not there yet: {early:?}"
    );
    assert!(
        books
            .create(async |creation| creation.household_by_ref("nobody").await)
            .unwrap()
            .is_none()
    );
}

fn a_stall_that_closed_is_no_longer_counted(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let change = books
        .store
        .change_stall(&stall, TradingStatus::Closed, market_day(), actor("thu", noon()));
    books.run(change).expect("a change");
    let trading = |day| {
        let (_, facts) = books.facts(day, None);
        facts
            .market_stalls
            .iter()
            .filter(|s| s.status == TradingStatus::Trading)
            .count()
    };
    assert_eq!((trading(market_day().plus(-1)), trading(market_day())), (2, 1));
    let unknown = books.run(books.store.change_stall(
        "nobody",
        TradingStatus::Closed,
        market_day(),
        actor("thu", noon()),
    ));
    assert!(matches!(unknown, Err(StoreError::Missing(_))));
}

fn an_account_is_linked_once(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let account = AccountDraft {
        bank_bin: "970422".to_owned(),
        number: AccountNumber::parse("THU00000077").expect("an account"),
        holder_name: "HO THU MOT".to_owned(),
        relation: HolderRelation::Relative,
    };
    let link = |day| {
        books
            .create(async |creation| {
                creation
                    .link_account(&stall, &account, day, actor("thu", noon()))
                    .await
            })
            .expect("a link")
    };
    let first = link(market_day());
    assert_eq!(link(market_day().plus(3)), first, "it is linked already");
    assert_eq!(
        books
            .rows(
                "SELECT account_number FROM account WHERE bank_bin = '970422' AND account_number LIKE 'THU%'"
            )
            .len(),
        1
    );
    // money to it finds its stall from that day on, also where the writer had looked it up in vain before
    let to_it = |id: &str| {
        with(
            to_account(payment(id, 5000), "THU00000077"),
            "bank_bin",
            Value::Null,
        )
    };
    books.post(&[delivery("m1", &to_it("T1"))]);
    assert_eq!(books.counts(), [1, 1, 0, 0, 0]);
    let linked = books.run(books.store.linked_accounts()).expect("accounts");
    assert!(
        linked
            .iter()
            .any(|(bin, number, _)| bin == "970422" && number == "THU00000077")
    );
}

fn a_terminal_moves_on_its_day(database: Database) {
    let books = Books::with_register(database);
    let one = stall_of(&books, "one");
    let tre = stall_of(&books, "tre");
    let keep = |stall: &str, day: Day, now: i64| {
        let kept = books.store.keep_terminal(
            terminal("p", "T-1", stall, day),
            actor("thu", TimeMs(noon().0 + now)),
        );
        books.run(kept)
    };
    let at_terminal = |id: &str| {
        let item = with(payment(id, 5000), "account", Value::Null);
        with(with(item, "bank_bin", Value::Null), "terminal", "T-1".into())
    };
    books.post(&[delivery("m0", &at_terminal("T0"))]);
    assert_eq!(books.reasons(), ["unknown_account"], "nobody has it yet");
    keep(&one, Day::ymd(2026, 1, 1), 0).expect("a terminal");
    books.post(&[delivery("m1", &at_terminal("T1"))]);
    keep(&tre, market_day(), 1).expect("it moves");
    books.post(&[delivery("m2", &at_terminal("T2"))]);
    let receipts = books.receipts();
    assert!(
        receipts[0].starts_with("one ") && receipts[1].starts_with("tre "),
        "{receipts:?}"
    );
    assert!(matches!(
        keep("nobody", market_day(), 2),
        Err(StoreError::Missing(_))
    ));
}

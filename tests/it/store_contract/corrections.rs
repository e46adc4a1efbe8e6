//! Changes of the register that come late, twice or for nobody.

use choso::register::{AccountDraft, HolderRelation, TradingStatus};
use choso::store::{HouseholdChange, StoreError};
use choso::vn::{AccountNumber, Day, TimeMs};
use serde_json::Value;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    a_changed_household_stays_known_as_it_was
    a_link_ended_and_begun_anew_leaves_its_gap
    a_linked_account_may_be_another_households_too
    a_terminal_told_again_for_the_same_day_is_corrected
    a_terminal_recorded_late_ends_where_the_next_begins
    changes_of_nobody_are_missing
}

fn household_of(books: &Books, reference: &str) -> String {
    let sql = format!("SELECT household_id FROM household WHERE household_ref = '{reference}'");
    books.rows(&sql).remove(0)
}

fn a_changed_household_stays_known_as_it_was(database: Database) {
    let books = Books::with_register(database);
    let id = household_of(&books, "nam");
    let day = Day::ymd(2026, 2, 1);
    let change = HouseholdChange {
        name: Some("Hộ Thử Đổi Tên".to_owned()),
        status: Some(TradingStatus::Paused),
        ..HouseholdChange::default()
    };
    books
        .run(
            books
                .store
                .change_household(&id, &change, day, actor("thu", noon())),
        )
        .expect("a change");
    let seen = |day| {
        books
            .run(books.store.household(&id, day))
            .unwrap()
            .expect("a household")
            .0
    };
    let before = seen(day.plus(-1));
    let after = seen(day);
    assert_eq!(
        (before.name.as_str(), before.trading_status),
        ("Hộ Thử Năm", TradingStatus::Trading)
    );
    assert_eq!(
        (after.name.as_str(), after.trading_status),
        ("Hộ Thử Đổi Tên", TradingStatus::Paused)
    );
    assert_eq!(
        (&after.class, &after.house_number),
        (&before.class, &before.house_number),
        "what is not named stays"
    );
    let trading = |known_at| {
        let (_, facts) = books.facts(day, known_at);
        facts
            .households
            .iter()
            .filter(|h| h.status == TradingStatus::Trading)
            .count()
    };
    assert_eq!(
        (trading(None), trading(Some(TimeMs(noon().0 - 1)))),
        (5, 6),
        "what was known before stays known"
    );
}

/// An invented account.
fn account(number: &str) -> AccountDraft {
    AccountDraft {
        bank_bin: "970415".to_owned(),
        number: AccountNumber::parse(number).expect("a number"),
        holder_name: "HO THU".to_owned(),
        relation: HolderRelation::Owner,
    }
}

fn a_link_ended_and_begun_anew_leaves_its_gap(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "nam");
    let early = to_account(payment("T1", 1_000), "00000088");
    books.post(&[delivery("m1", &early)]);
    let link = |from| {
        books
            .create(async |creation| {
                creation
                    .link_account(&stall, &account("00000088"), from, actor("thu", noon()))
                    .await
            })
            .expect("a link")
    };
    let first = link(market_day());
    assert_eq!(
        link(market_day().plus(3)),
        first,
        "linked already, so the link stays"
    );
    // The writer had remembered that nobody has this account.
    books.post(&[delivery("m2", &to_account(payment("T2", 2_000), "00000088"))]);
    let receipts = books.receipts();
    assert!(
        receipts.len() == 1 && receipts[0].starts_with("nam "),
        "{receipts:?}"
    );
    let day_before = with(
        to_account(payment("T3", 1_000), "00000088"),
        "occurred_at",
        "2026-02-28T23:59:59+07:00".into(),
    );
    books.post(&[delivery("m3", &day_before)]);
    assert_eq!(books.reasons(), ["no_valid_link", "unknown_account"]);
    // Ended and linked anew, it has two links and no gap is filled.
    books
        .run(
            books
                .store
                .end_link(&first, market_day().plus(1), actor("thu", TimeMs(noon().0 + 1))),
        )
        .expect("an end");
    assert_ne!(link(market_day().plus(5)), first);
    let view = books.run(books.store.stall(&stall)).unwrap().expect("a stall");
    let number = |n: &str| view.accounts.iter().filter(|a| a.number.reveal() == n).count();
    assert_eq!(number("00000088"), 2);
}

fn a_linked_account_may_be_another_households_too(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "nam");
    books
        .create(async |creation| {
            creation
                .link_account(
                    &stall,
                    &account("00000011"),
                    Day::ymd(2026, 2, 1),
                    actor("thu", noon()),
                )
                .await
        })
        .expect("a link");
    assert_eq!(
        books
            .rows("SELECT account_id FROM account WHERE account_number = '00000011'")
            .len(),
        1
    );
    // Two households now: without a code in the note nobody can tell.
    books.post(&[delivery("m1", &payment("T1", 1_000))]);
    assert_eq!(books.reasons(), ["ambiguous_stall"]);
}

/// Money that names only this terminal, paid on this day at noon.
fn at_terminal(id: &str, terminal: &str, day: Day) -> Value {
    let item = with(
        with(payment(id, 1_000), "account", Value::Null),
        "terminal",
        terminal.into(),
    );
    with(
        item,
        "occurred_at",
        TimeMs(day.start().0 + 43_200_000).iso().into(),
    )
}

/// Keeps the terminal at the stall of this code from this day on.
fn stands(books: &Books, code: &str, from: Day) {
    let stall = books
        .rows(&format!("SELECT stall_id FROM stall WHERE stall_code = '{code}'"))
        .remove(0);
    books
        .run(
            books
                .store
                .keep_terminal(terminal("p", "POS-THU", &stall, from), actor("thu", noon())),
        )
        .expect("a terminal");
}

/// The stalls to which the terminal's money of these days goes.
fn money_of(books: &Books, days: &[Day]) -> Vec<String> {
    for (n, day) in days.iter().enumerate() {
        let received_at = TimeMs(day.start().0 + 43_200_000);
        books.post_at(
            &[delivery(
                &format!("m{n}"),
                &at_terminal(&format!("T{n}"), "POS-THU", *day),
            )],
            received_at,
        );
    }
    books.rows(
        "SELECT r.provider_txn_id || ' ' || s.stall_code FROM receipt r JOIN stall s ON s.stall_id = r.stall_id",
    )
}

fn a_terminal_recorded_late_ends_where_the_next_begins(database: Database) {
    let books = Books::with_register(database);
    let first = Day::ymd(2026, 1, 10);
    let second = Day::ymd(2026, 2, 10);
    stands(&books, "THU3THUS", second);
    // Learnt afterwards: before that it stood elsewhere.
    stands(&books, "HC7K3M9J", first);
    assert_eq!(money_of(&books, &[first, second]), ["T0 HC7K3M9J", "T1 THU3THUS"]);
    let both = books.rows(&format!(
        "SELECT terminal_id FROM terminal WHERE valid_from_day <= {0} AND (valid_to_day IS NULL OR valid_to_day >= {0})",
        second.number()
    ));
    assert_eq!(both.len(), 1, "on no day does it stand at two stalls");
}

fn changes_of_nobody_are_missing(database: Database) {
    let books = Books::with_register(database);
    let day = market_day();
    let change = HouseholdChange::default();
    let answers = [
        books.run(
            books
                .store
                .change_household("nobody", &change, day, actor("thu", noon())),
        ),
        books.run(
            books
                .store
                .change_stall("nobody", TradingStatus::Closed, day, actor("thu", noon())),
        ),
        books
            .create(async |creation| {
                creation
                    .link_account("nobody", &account("00000088"), day, actor("thu", noon()))
                    .await
            })
            .map(drop),
        books.run(
            books
                .store
                .keep_terminal(terminal("p", "POS-THU", "nobody", day), actor("thu", noon())),
        ),
        // A household before its first day is nobody, too.
        books.run(books.store.change_household(
            &household_of(&books, "nam"),
            &change,
            Day::ymd(2025, 7, 31),
            actor("thu", noon()),
        )),
    ];
    for answer in answers {
        assert!(matches!(answer, Err(StoreError::Missing(_))), "{answer:?}");
    }
    assert_eq!(books.rows("SELECT terminal_id FROM terminal"), [""; 0]);
    assert_eq!(
        books.rows("SELECT account_id FROM account WHERE account_number = '00000088'"),
        [""; 0]
    );
}

fn a_terminal_told_again_for_the_same_day_is_corrected(database: Database) {
    let books = Books::with_register(database);
    let first = Day::ymd(2026, 1, 10);
    let second = Day::ymd(2026, 2, 10);
    stands(&books, "HC7K3M9J", first);
    stands(&books, "THU3THUS", second);
    // A slip of the first record is put right; the second one is as it was.
    stands(&books, "ABCDEFG7", first);
    assert_eq!(
        money_of(&books, &[first, second.plus(-1), second]),
        ["T0 ABCDEFG7", "T1 ABCDEFG7", "T2 THU3THUS"]
    );
}

//! The register: kept once, changed by versions, and what is read of it; codes and cards.

use choso::register::{Class, CodeEnd, TradingStatus};
use choso::store::{HouseholdFilter, Import, StoreError};
use choso::vn::{Day, TimeMs};
use choso::words::account_changed;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    the_same_register_twice_changes_nothing
    a_dry_run_tells_and_changes_nothing
    a_change_is_a_version_from_its_day
    a_taken_stall_code_refuses_its_row_alone
    an_assigned_code_is_valid_and_stays
    households_come_in_pages_that_lose_none
    search_knows_no_accents_and_no_patterns
    households_are_found_by_street_and_market
    stalls_of_a_street_or_market_are_listed_as_of_a_day
    a_household_shows_its_stalls_accounts_and_codes
    an_older_file_again_does_not_undo_a_change
    linked_accounts_are_those_without_an_end
    ending_a_link_keeps_what_was_known
    ending_a_link_before_it_began_says_it_never_was
    a_code_is_issued_once_and_ends_once
    a_code_wants_one_account_of_that_day
    an_ended_code_can_be_issued_anew
}

fn everything(books: &Books) -> Vec<String> {
    [
        "household",
        "household_version",
        "stall",
        "stall_version",
        "account",
        "account_link",
        "code",
        "place",
        "place_unit",
        "street",
    ]
    .iter()
    .flat_map(|table| books.rows(&format!("SELECT '{table} ' || COUNT(*) FROM {table}")))
    .collect()
}

fn the_same_register_twice_changes_nothing(database: Database) {
    let books = Books::with_register(database);
    let before = everything(&books);
    let again = books.register(REGISTER, TimeMs(registered_at().0 + 1));
    assert_eq!(
        (
            again.new_households,
            again.new_stalls,
            again.changed,
            again.new_codes
        ),
        (0, 0, 0, 0)
    );
    assert_eq!((again.new_streets.len(), again.new_markets.len()), (0, 0));
    assert_eq!(again.households.len(), 6);
    assert_eq!(everything(&books), before);
}

fn a_dry_run_tells_and_changes_nothing(database: Database) {
    let books = Books::open(database);
    let units = books.run(books.store.units()).expect("units");
    let file = register_file(REGISTER, &units);
    let mut done = 0;
    let told = books
        .run(books.store.keep_register(
            &file.households,
            Import {
                dry_run: true,
                ..KEPT
            },
            actor("thu", registered_at()),
            |n| done = n,
        ))
        .expect("a dry run");
    assert_eq!(
        (told.new_households, told.new_stalls, told.new_codes, done),
        (6, 7, 1, 6)
    );
    assert_eq!(
        (told.new_streets, told.new_markets),
        (vec!["Đường Thử".to_owned()], vec!["Chợ Thử".to_owned()])
    );
    assert!(
        everything(&books).iter().all(|count| count.ends_with(" 0")),
        "{:?}",
        everything(&books)
    );
}

fn a_change_is_a_version_from_its_day(database: Database) {
    let books = Books::with_register(database);
    let id = books
        .rows("SELECT household_id FROM household WHERE household_ref = 'nam'")
        .remove(0);
    let kept = books.register(
        "nam,Hộ Thử Năm,registered,paused,20242,Đường Thử,5,,,,970415,00000055,HO THU NAM,owner,,2026-02-01,\n",
        noon(),
    );
    assert_eq!((kept.new_households, kept.changed), (0, 1), "{kept:?}");
    let status = |day| {
        books
            .run(books.store.household(&id, day))
            .unwrap()
            .expect("a household")
            .0
            .trading_status
    };
    assert_eq!(status(Day::ymd(2026, 1, 31)), TradingStatus::Trading);
    assert_eq!(status(Day::ymd(2026, 2, 1)), TradingStatus::Paused);
    assert!(
        books
            .run(books.store.household(&id, Day::ymd(2025, 7, 31)))
            .unwrap()
            .is_none()
    );
}

fn a_taken_stall_code_refuses_its_row_alone(database: Database) {
    let books = Books::with_register(database);
    let kept = books.register(
        "chin,Hộ Thử Chín,registered,trading,20242,Đường Thử,9,,,HC7K3M9J,,,,,,2025-08-01,\n\
         muoi,Hộ Thử Mười,registered,trading,20242,Đường Thử,10,,,,,,,,,2025-08-01,\n",
        noon(),
    );
    assert_eq!(kept.faults.len(), 1);
    assert_eq!(kept.faults[0].0, 2, "the line of the file");
    assert!(kept.faults[0].1.vi.starts_with("stall_code"), "{:?}", kept.faults);
    assert_eq!(kept.new_households, 1);
    assert_eq!(
        books.rows("SELECT household_ref FROM household WHERE household_ref IN ('chin', 'muoi')"),
        ["muoi"]
    );
}

fn an_assigned_code_is_valid_and_stays(database: Database) {
    let books = Books::with_register(database);
    let assigned = code_of(&books, "one");
    choso::register::StallCode::parse(&assigned).expect("a code with its check character");
    books.register(REGISTER, noon());
    assert_eq!(code_of(&books, "one"), assigned);
}

fn households_come_in_pages_that_lose_none(database: Database) {
    let books = Books::with_register(database);
    let mut seen: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let filter = HouseholdFilter::default();
        let page = books
            .run(books.store.households(&filter, market_day(), &after, 4))
            .expect("a page");
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = last.household_id.clone();
        seen.extend(page.into_iter().map(|h| h.reference));
    }
    seen.sort();
    assert_eq!(seen, ["bon", "nam", "one", "sau", "tre", "two"]);
}

/// References of the households that a search finds.
fn found(books: &Books, text: &str) -> Vec<String> {
    let filter = HouseholdFilter {
        search: Some(text.to_owned()),
        ..HouseholdFilter::default()
    };
    let rows = books
        .run(books.store.households(&filter, market_day(), "", 50))
        .expect("households");
    let mut references: Vec<String> = rows.into_iter().map(|h| h.reference).collect();
    references.sort();
    references
}

fn search_knows_no_accents_and_no_patterns(database: Database) {
    let books = Books::with_register(database);
    for text in ["ho thu bon", "HỘ THỬ BỐN", "Bốn", "bon"] {
        assert_eq!(found(&books, text), ["bon"], "{text}");
    }
    assert_eq!(found(&books, "hc7k3m9j"), ["two"], "a stall code in any case");
    assert_eq!(found(&books, "%"), [""; 0], "a letter of a name, not a pattern");
    assert_eq!(found(&books, "_"), [""; 0]);
    assert_eq!(found(&books, "hộ thử").len(), 6);
}

fn households_are_found_by_street_and_market(database: Database) {
    let books = Books::with_register(database);
    let list = |filter: HouseholdFilter| -> Vec<String> {
        let rows = books
            .run(books.store.households(&filter, market_day(), "", 50))
            .expect("households");
        let mut references: Vec<String> = rows.into_iter().map(|h| h.reference).collect();
        references.sort();
        references
    };
    let street = books.rows("SELECT street_id FROM street").remove(0);
    let market = books
        .rows("SELECT place_id FROM place WHERE kind = 'market'")
        .remove(0);
    let of = |id: &str| HouseholdFilter {
        street_or_market: Some(id.to_owned()),
        ..HouseholdFilter::default()
    };
    assert_eq!(list(of(&street)), ["bon", "nam", "one", "sau", "tre"]);
    assert_eq!(list(of(&market)), ["two"]);
}

fn stalls_of_a_street_or_market_are_listed_as_of_a_day(database: Database) {
    let books = Books::with_register(database);
    let list = |place: &str, on: Day| -> Vec<String> {
        let stalls = books.run(books.store.place_stalls(place, on)).expect("stalls");
        let words = |s: choso::store::PlaceStall| {
            let flags = (s.has_account, s.has_code);
            format!("{} {} {} {flags:?}", s.household_ref, s.number, s.place_name)
        };
        let mut lines: Vec<String> = stalls.into_iter().map(words).collect();
        lines.sort();
        lines
    };
    let street = books.rows("SELECT street_id FROM street").remove(0);
    let market = books
        .rows("SELECT place_id FROM place WHERE kind = 'market'")
        .remove(0);
    let on_street = [
        "bon 4 Đường Thử (true, false)",
        "nam 5 Đường Thử (true, false)",
        "one 1 Đường Thử (true, true)",
        "sau 6 Đường Thử (true, false)",
        "tre 3 Đường Thử (true, false)",
    ];
    assert_eq!(list(&street, market_day()), on_street);
    let in_market = ["two 1 Chợ Thử (true, false)", "two 2 Chợ Thử (true, false)"];
    assert_eq!(list(&market, market_day()), in_market);
    assert_eq!(list(&market, Day::ymd(2025, 7, 31)), [""; 0]);
    assert_eq!(list("nowhere", market_day()), [""; 0]);
}

fn a_household_shows_its_stalls_accounts_and_codes(database: Database) {
    let books = Books::with_register(database);
    let id = books
        .rows("SELECT household_id FROM household WHERE household_ref = 'one'")
        .remove(0);
    let (household, stalls) = books
        .run(books.store.household(&id, market_day()))
        .unwrap()
        .expect("a household");
    assert_eq!(
        (household.name.as_str(), household.class),
        ("Hộ Thử Một", Class::Registered)
    );
    assert_eq!(
        (household.place_name.as_str(), household.house_number.as_str()),
        ("Đường Thử", "1")
    );
    assert!(household.has_account && household.has_code);
    assert_eq!(
        (stalls.len(), stalls[0].accounts.len(), stalls[0].codes.len()),
        (1, 1, 1)
    );
    let account = &stalls[0].accounts[0];
    assert_eq!(
        (account.bank_bin.as_str(), account.number.reveal()),
        ("970415", "00000011")
    );
    assert_eq!(
        (account.holder_relation.as_str(), account.period.from),
        ("owner", Some(Day::ymd(2025, 8, 1)))
    );
    let code = &stalls[0].codes[0];
    assert_eq!((code.issued_on, &code.ended), (Day::ymd(2026, 1, 10), &None));
    assert!(
        code.payload.contains(&stalls[0].stall_code),
        "the stall code is the transfer note"
    );
    assert!(books.run(books.store.stall("nobody")).unwrap().is_none());
}

fn an_older_file_again_does_not_undo_a_change(database: Database) {
    let books = Books::with_register(database);
    let moved = "tre,Hộ Thử Ba,street_vendor,paused,20242,Đường Thử Khác,33,,,THU3THUS,970415,00000033,HO THU BA,owner,,2026-02-01,\n";
    books.register(moved, TimeMs(registered_at().0 + 1));
    let before = everything(&books);
    let again = books.register(REGISTER, TimeMs(registered_at().0 + 2));
    assert_eq!(
        (again.changed, again.new_stalls, again.new_codes),
        (0, 0, 0),
        "{again:?}"
    );
    assert_eq!(everything(&books), before);
    let stall = stall_of(&books, "tre");
    let view = books.run(books.store.stall(&stall)).unwrap().expect("a stall");
    assert_eq!(
        (view.place_name.as_str(), view.house_number.as_str()),
        ("Đường Thử Khác", "33")
    );
    assert_eq!(view.accounts.len(), 1, "one account, one link");
}

fn linked_accounts_are_those_without_an_end(database: Database) {
    let books = Books::with_register(database);
    let linked = || books.run(books.store.linked_accounts()).expect("accounts");
    let all = linked();
    assert_eq!(all.len(), 7);
    assert!(
        all.contains(&("970422".to_owned(), "00000055".to_owned(), code_of(&books, "sau"))),
        "{all:?}"
    );
    let stall = stall_of(&books, "sau");
    let link = books
        .run(books.store.stall(&stall))
        .unwrap()
        .expect("a stall")
        .accounts[0]
        .link_id
        .clone();
    books
        .run(books.store.end_link(&link, market_day(), actor("thu", noon())))
        .expect("a link to end");
    assert_eq!(linked().len(), 6);
}

/// The code of a household's only stall.
fn code_of(books: &Books, reference: &str) -> String {
    let stall = stall_of(books, reference);
    books
        .run(books.store.stall(&stall))
        .unwrap()
        .expect("a stall")
        .stall_code
}

fn ending_a_link_keeps_what_was_known(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let link = books
        .run(books.store.stall(&stall))
        .unwrap()
        .expect("a stall")
        .accounts[0]
        .link_id
        .clone();
    let before = noon();
    let after = TimeMs(noon().0 + 1_000);
    let last = Day::ymd(2026, 2, 15);
    books
        .run(books.store.end_link(&link, last, actor("thu", after)))
        .expect("a link to end");
    let with_account = |day, known_at| {
        let (_, facts) = books.facts(day, known_at);
        facts.households.iter().filter(|h| h.has_account).count()
    };
    assert_eq!(with_account(last, None), 6, "the last day is inside");
    assert_eq!(with_account(last.plus(1), None), 5);
    assert_eq!(with_account(last.plus(1), Some(before)), 6, "nobody knew then");
    assert_eq!(with_account(last.plus(1), Some(after)), 5);
    let view = books.run(books.store.stall(&stall)).unwrap().expect("a stall");
    assert_eq!((view.accounts.len(), view.accounts[0].period.to), (1, Some(last)));
    let unknown = books.run(books.store.end_link("nobody", last, actor("thu", after)));
    assert!(matches!(unknown, Err(StoreError::Missing(_))), "{unknown:?}");
}

fn ending_a_link_before_it_began_says_it_never_was(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let link = books
        .run(books.store.stall(&stall))
        .unwrap()
        .expect("a stall")
        .accounts[0]
        .link_id
        .clone();
    books
        .run(
            books
                .store
                .end_link(&link, Day::ymd(2020, 1, 1), actor("thu", noon())),
        )
        .expect("a link to end");
    for day in [Day::ymd(2026, 1, 1), market_day()] {
        let (_, facts) = books.facts(day, None);
        assert_eq!(
            facts.households.iter().filter(|h| h.has_account).count(),
            5,
            "{day}"
        );
    }
}

fn a_code_is_issued_once_and_ends_once(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let issue = |on| {
        books
            .create(async |creation| {
                creation
                    .issue_codes(&[new_code(&stall, None)], on, 0, actor("thu", noon()))
                    .await
            })
            .expect("a code")
            .remove(0)
    };
    let first = issue(market_day());
    assert!(first.is_new);
    let again = issue(market_day().plus(3));
    assert_eq!(
        (again.is_new, &again.serial, again.issued_on),
        (false, &first.serial, market_day())
    );
    let card = books
        .run(books.store.card(&first.serial, market_day()))
        .unwrap()
        .expect("a card");
    assert_eq!(
        (card.payload.as_str(), card.ended),
        (first.payload.as_str(), None)
    );
    assert_eq!(
        (card.stall_code.as_str(), card.account.reveal()),
        ("ABCDEFG7", "00000022")
    );
    let end = || {
        books.run(books.store.end_code(
            &first.serial,
            ending(CodeEnd::Revoked, "", market_day().plus(9)),
            actor("thu", noon()),
        ))
    };
    end().expect("a first end");
    assert!(matches!(end(), Err(StoreError::Conflict(_))));
    let ended = |on| {
        books
            .run(books.store.card(&first.serial, on))
            .unwrap()
            .expect("a card")
            .ended
    };
    assert_eq!(ended(market_day().plus(8)), None, "it stands until that day");
    assert_eq!(
        ended(market_day().plus(9)),
        Some((CodeEnd::Revoked, market_day().plus(9)))
    );
    assert!(
        books
            .run(books.store.card("nobody", market_day()))
            .unwrap()
            .is_none()
    );
    let unknown = books.run(books.store.end_code(
        "nobody",
        ending(CodeEnd::Revoked, "", market_day()),
        actor("thu", noon()),
    ));
    assert!(matches!(unknown, Err(StoreError::Missing(_))), "{unknown:?}");
    let coded = |day| {
        books
            .facts(day, None)
            .1
            .market_stalls
            .iter()
            .filter(|s| s.has_code)
            .count()
    };
    assert_eq!(
        [
            coded(market_day().plus(-1)),
            coded(market_day()),
            coded(market_day().plus(9))
        ],
        [0, 1, 0]
    );
}

fn a_code_wants_one_account_of_that_day(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let issue = |account: Option<String>, on| {
        books.create(async |creation| {
            creation
                .issue_codes(
                    &[new_code(&stall, account.as_deref())],
                    on,
                    0,
                    actor("thu", noon()),
                )
                .await
        })
    };
    let too_early = issue(None, Day::ymd(2025, 7, 31));
    assert!(matches!(too_early, Err(StoreError::Conflict(_))), "{too_early:?}");
    let no_stall = books.create(async |creation| {
        creation
            .issue_codes(&[new_code("nobody", None)], market_day(), 0, actor("thu", noon()))
            .await
    });
    assert!(matches!(no_stall, Err(StoreError::Missing(_))), "{no_stall:?}");
    books.register(
        "one,Hộ Thử Một,registered,trading,20242,Đường Thử,1,,,,970422,00000111,HO THU MOT,owner,,2026-02-01,\n",
        noon(),
    );
    let unclear = issue(None, market_day());
    assert!(
        matches!(unclear, Err(StoreError::Conflict(_))),
        "two accounts: {unclear:?}"
    );
    let view = books.run(books.store.stall(&stall)).unwrap().expect("a stall");
    let second = view
        .accounts
        .iter()
        .find(|a| a.bank_bin == "970422")
        .expect("both accounts");
    books
        .run(
            books
                .store
                .approve_link(&second.link_id, 0, actor("hai", noon()), account_changed),
        )
        .expect("a second person");
    let code = issue(Some(second.account_id.clone()), market_day())
        .expect("a code")
        .remove(0);
    assert!(code.is_new && code.payload.contains("00000111"), "{code:?}");
    // One wish that cannot be met refuses all of them.
    let before = books.rows("SELECT serial FROM code").len();
    let other = stall_of(&books, "two");
    let both = [new_code(&other, None), new_code("nobody", None)];
    assert!(
        books
            .create(async |creation| creation
                .issue_codes(&both, market_day(), 0, actor("thu", noon()))
                .await)
            .is_err()
    );
    assert_eq!(books.rows("SELECT serial FROM code").len(), before);
}

fn an_ended_code_can_be_issued_anew(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let issue = |on| {
        books
            .create(async |creation| {
                creation
                    .issue_codes(&[new_code(&stall, None)], on, 0, actor("thu", noon()))
                    .await
            })
            .expect("a code")
            .remove(0)
    };
    let first = issue(market_day());
    books
        .run(books.store.end_code(
            &first.serial,
            ending(CodeEnd::Destroyed, "", market_day().plus(1)),
            actor("thu", noon()),
        ))
        .expect("an end");
    let second = issue(market_day().plus(2));
    assert!(second.is_new && second.serial != first.serial);
    assert_eq!(
        second.payload, first.payload,
        "the same stall and account, so the same payload"
    );
}

//! Cards after they were handed out: what may be printed, what takes their place, and what a changed account
//! needs before a new one.

use choso::access::sha256_hex;
use choso::ledger::BillState;
use choso::register::{AccountDraft, CodeEnd, CodeVerdict, HolderRelation};
use choso::store::{
    Approval, CheckWay, Checked, NewBill, NewInspection, OfflineCheck, OfflineChecksKept, StoreError,
    WhichCards,
};
use choso::vn::{AccountNumber, Day, Dong, TimeMs};
use choso::words::account_changed;
use serde_json::Value;

use super::posting::stall_of;
use crate::support::*;

on_both! {
    active_cards_of_a_place_or_a_selection_are_printed
    what_is_missing_at_a_market_is_known_and_handed_out
    a_worn_card_gets_another_serial
    a_changed_account_needs_somebody_else_and_time
    no_day_and_no_old_link_goes_around_the_second_person
    the_new_card_of_a_changed_account_ends_the_old_one
    an_owner_is_told_once
    a_look_at_a_wall_finds_what_hangs_there
    a_walk_is_kept_once_and_judged_again
    a_file_hands_out_no_code_to_an_account_that_takes_anothers_place
    a_bill_is_paid_by_the_note_that_names_it
    a_bill_number_is_used_once_at_a_stall
}

/// A day, as `account_change_wait_hours` is by default.
const WAIT_MS: i64 = 24 * 3_600_000;

fn issue(books: &Books, stall: &str, account: Option<&str>, now: TimeMs) -> Result<String, StoreError> {
    let new = [new_code(stall, account)];
    let issued = books.create(async |creation| {
        creation
            .issue_codes(&new, Day::of(now), WAIT_MS, actor("thu", now))
            .await
    })?;
    Ok(issued[0].serial.clone())
}

fn printed(books: &Books, which: &WhichCards, on: Day) -> Vec<String> {
    let cards = books.run(books.store.printable_cards(which, on)).expect("cards");
    let mut lines: Vec<String> = cards
        .into_iter()
        .map(|c| {
            assert!(c.payload.as_str().contains(c.account.reveal()));
            format!("{} {} {}", c.place_name, c.number, c.stall_code)
        })
        .collect();
    lines.sort();
    lines
}

fn id_of(books: &Books, name: &str) -> String {
    let all = books.run(books.store.streets_and_markets()).expect("places");
    all.into_iter()
        .find(|(_, known)| known == name)
        .expect("a place")
        .0
}

fn active_cards_of_a_place_or_a_selection_are_printed(database: Database) {
    let books = Books::with_register(database);
    let market = WhichCards::At(id_of(&books, "Chợ Thử"));
    let street = WhichCards::At(id_of(&books, "Đường Thử"));
    // `one` has a code since the register said so; nothing else has.
    let one = books.rows("SELECT s.stall_code FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'");
    assert_eq!(
        printed(&books, &street, market_day()),
        [format!("Đường Thử 1 {}", one[0])]
    );
    assert_eq!(printed(&books, &street, Day::ymd(2026, 1, 9)), [""; 0]);
    assert_eq!(printed(&books, &market, market_day()), [""; 0]);
    let stall = stall_of(&books, "two");
    let serial = issue(&books, &stall, None, noon()).expect("a code");
    assert_eq!(printed(&books, &market, market_day()), ["Chợ Thử 2 ABCDEFG7"]);
    let both = books.rows("SELECT serial FROM code");
    let selection = WhichCards::Serials(both.into_iter().chain(["NOBODY".to_owned()]).collect());
    assert_eq!(printed(&books, &selection, market_day()).len(), 2);
    books
        .run(books.store.end_code(
            &serial,
            ending(CodeEnd::Revoked, "pasted over", market_day().plus(1)),
            actor("thu", noon()),
        ))
        .expect("an end");
    assert_eq!(printed(&books, &market, market_day()), ["Chợ Thử 2 ABCDEFG7"]);
    assert_eq!(printed(&books, &market, market_day().plus(1)), [""; 0]);
    assert_eq!(books.rows("SELECT reason FROM code_end"), ["pasted over"]);
}

fn what_is_missing_at_a_market_is_known_and_handed_out(database: Database) {
    let books = Books::with_register(database);
    let market = id_of(&books, "Chợ Thử");
    let missing = |on| {
        books
            .run(books.store.stalls_without_code(&market, on, noon()))
            .expect("stalls")
    };
    assert_eq!(missing(Day::ymd(2025, 7, 31)).len(), 0, "no account before that");
    let new: Vec<_> = missing(market_day())
        .into_iter()
        .map(|(stall, account)| new_code(&stall, Some(&account)))
        .collect();
    assert_eq!(new.len(), 2);
    let issued = books
        .create(async |creation| {
            creation
                .issue_codes(&new, market_day(), WAIT_MS, actor("thu", noon()))
                .await
        })
        .expect("codes");
    assert!(issued.iter().all(|code| code.is_new));
    assert_eq!(missing(market_day()), []);
    assert_eq!(printed(&books, &WhichCards::At(market), market_day()).len(), 2);
}

fn a_worn_card_gets_another_serial(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let first = issue(&books, &stall, None, noon()).expect("a code");
    let replace = |serial: &str| {
        books.create(async |creation| {
            creation
                .replace_code(serial, "torn", WAIT_MS, actor("thu", noon()))
                .await
        })
    };
    let second = replace(&first).expect("a new card");
    assert_ne!(second.serial, first);
    assert_eq!(second.stall_id, stall);
    let card = |serial: &str| {
        books
            .run(books.store.card(serial, market_day()))
            .expect("read")
            .expect("a card")
    };
    assert_eq!(card(&first).ended, Some((CodeEnd::Replaced, market_day())));
    assert_eq!(
        (card(&second.serial).ended, card(&second.serial).payload),
        (None, card(&first).payload)
    );
    assert!(
        matches!(replace(&first), Err(StoreError::Conflict(_))),
        "it was replaced already"
    );
    assert!(matches!(replace("NOBODY"), Err(StoreError::Missing(_))));
    // Nothing is ended where no new card can be made: the account is gone.
    let link = books
        .run(books.store.stall(&stall))
        .expect("read")
        .expect("a stall")
        .accounts[0]
        .link_id
        .clone();
    books
        .run(
            books
                .store
                .end_link(&link, market_day().plus(-1), actor("thu", noon())),
        )
        .expect("an end");
    assert!(matches!(replace(&second.serial), Err(StoreError::Conflict(_))));
    assert_eq!(card(&second.serial).ended, None);
}

/// Links another account to the stall of `one`; returns link and account.
fn change(books: &Books, stall: &str, by: &str, now: TimeMs) -> (String, String) {
    let account = AccountDraft {
        bank_bin: "970422".to_owned(),
        number: AccountNumber::parse("99990077").expect("an account"),
        holder_name: "HO THU MOI".to_owned(),
        relation: HolderRelation::Owner,
    };
    let link = books
        .create(async |creation| {
            creation
                .link_account(stall, &account, market_day(), actor(by, now))
                .await
        })
        .expect("a link");
    let view = books
        .run(books.store.stall(stall))
        .expect("read")
        .expect("a stall");
    let account = view
        .accounts
        .iter()
        .find(|a| a.link_id == link)
        .expect("the link")
        .account_id
        .clone();
    (link, account)
}

fn a_changed_account_needs_somebody_else_and_time(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let (link, account) = change(&books, &stall, "thu", noon());
    let approval = || {
        let view = books
            .run(books.store.stall(&stall))
            .expect("read")
            .expect("a stall");
        view.accounts
            .into_iter()
            .find(|a| a.link_id == link)
            .expect("the link")
            .approval
    };
    let first_link = books
        .run(books.store.stall(&stall))
        .expect("read")
        .expect("a stall")
        .accounts[0]
        .clone();
    assert_eq!(first_link.approval, Approval::NotNeeded);
    assert_eq!(
        approval(),
        Approval::Waiting {
            recorded_by: "thu".to_owned()
        }
    );
    let sentence = |result: Result<String, StoreError>| match result {
        Err(StoreError::Conflict(fact)) => choso::words::conflict(&fact).vi.into_owned(),
        other => panic!("{other:?}"),
    };
    assert!(sentence(issue(&books, &stall, Some(&account), noon())).contains("người thứ hai duyệt"));
    let approve = |link: &str, by: &str| {
        books
            .run(
                books
                    .store
                    .approve_link(link, WAIT_MS, actor(by, noon()), account_changed),
            )
            .map(|()| String::new())
    };
    assert!(sentence(approve(&link, "thu")).contains("phải khác người đã ghi"));
    assert!(sentence(approve(&first_link.link_id, "hai")).contains("không cần duyệt"));
    assert!(matches!(approve("nobody", "hai"), Err(StoreError::Missing(_))));
    approve(&link, "hai").expect("a second person");
    assert!(sentence(approve(&link, "ba")).contains("từ trước"));
    assert_eq!(
        approval(),
        Approval::Given {
            by: "hai".to_owned(),
            at: noon()
        }
    );
    let after = |ms: i64| issue(&books, &stall, Some(&account), TimeMs(noon().0 + ms));
    assert!(sentence(after(WAIT_MS - 1)).contains("thẻ mới phát được từ 02/03/2026 12:00"));
    after(WAIT_MS).expect("a card after its time");
    // The owner was told what changes, without the whole number.
    let messages = books.run(books.store.owner_messages(&stall)).expect("messages");
    assert_eq!(messages.len(), 1);
    assert!(messages[0].message.contains("•••• 0077") && messages[0].message.contains("HO THU MOI"));
    assert!(!messages[0].message.contains("99990077"));
}

fn no_day_and_no_old_link_goes_around_the_second_person(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let (link, account) = change(&books, &stall, "thu", noon());
    let end = |link: &str, to: Day, ms: i64| {
        books.run(
            books
                .store
                .end_link(link, to, actor("thu", TimeMs(noon().0 + ms))),
        )
    };
    // Linked and ended, a day on which it held hands out nothing either.
    end(&link, market_day(), 1).expect("an end");
    let tomorrow = TimeMs(noon().0 + WAIT_MS);
    let new = [new_code(&stall, Some(&account))];
    let backdated = books.create(async |creation| {
        creation
            .issue_codes(&new, market_day(), WAIT_MS, actor("thu", tomorrow))
            .await
    });
    assert!(matches!(backdated, Err(StoreError::Conflict(_))), "{backdated:?}");
    // An ended link is not opened again.
    assert!(matches!(
        end(&link, market_day().plus(900), 2),
        Err(StoreError::Missing(_))
    ));
    // Nobody at a wall is told that the account is right.
    let number = AccountNumber::parse("99990077").expect("an account");
    let plain =
        choso::vietqr::payload(&choso::vietqr::Code::to_account("970422", &number)).expect("a payload");
    let checked = books
        .run(books.store.check_payload(plain.as_str(), market_day()))
        .expect("checked");
    assert!(matches!(checked, Checked::Unregistered), "{checked:?}");
    books
        .run(
            books
                .store
                .approve_link(&link, WAIT_MS, actor("hai", noon()), account_changed),
        )
        .expect("a second person");
    let checked = books
        .run(books.store.check_payload(plain.as_str(), market_day()))
        .expect("checked");
    assert!(matches!(checked, Checked::OwnAccount { .. }), "{checked:?}");
}

fn the_new_card_of_a_changed_account_ends_the_old_one(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let old = books.rows("SELECT serial FROM code").remove(0);
    let first_link = books
        .run(books.store.stall(&stall))
        .expect("read")
        .expect("a stall")
        .accounts[0]
        .link_id
        .clone();
    let (link, account) = change(&books, &stall, "thu", noon());
    books
        .run(
            books
                .store
                .approve_link(&link, 0, actor("hai", noon()), account_changed),
        )
        .expect("a second person");
    let state = |serial: &str| {
        let card = books
            .run(books.store.card(serial, market_day()))
            .expect("read")
            .expect("a card");
        card.ended.map(|(state, _)| state)
    };
    // Both accounts are linked: two cards may hang side by side.
    books
        .create(async |creation| {
            creation
                .issue_codes(
                    &[new_code(&stall, Some(&account))],
                    market_day(),
                    0,
                    actor("thu", noon()),
                )
                .await
        })
        .expect("a card");
    assert_eq!(state(&old), None);
    // The old account goes; the next card takes the old one with it.
    books
        .run(books.store.end_link(
            &first_link,
            market_day().plus(-1),
            actor("thu", TimeMs(noon().0 + 1)),
        ))
        .expect("an end");
    let newest = books
        .rows(&format!("SELECT serial FROM code WHERE serial <> '{old}'"))
        .remove(0);
    books
        .run(books.store.end_code(
            &newest,
            ending(CodeEnd::Destroyed, "", market_day()),
            actor("thu", noon()),
        ))
        .expect("an end");
    books
        .create(async |creation| {
            creation
                .issue_codes(
                    &[new_code(&stall, Some(&account))],
                    market_day(),
                    0,
                    actor("thu", noon()),
                )
                .await
        })
        .expect("another card");
    assert_eq!(state(&old), Some(CodeEnd::Revoked));
}

fn an_owner_is_told_once(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "one");
    let (link, _) = change(&books, &stall, "thu", noon());
    books
        .run(
            books
                .store
                .approve_link(&link, WAIT_MS, actor("hai", noon()), account_changed),
        )
        .expect("a second person");
    let message = books
        .run(books.store.owner_messages(&stall))
        .expect("messages")
        .remove(0);
    assert_eq!(message.told, None);
    let tell =
        |id: &str, by: &str, ms: i64| books.run(books.store.told_owner(id, actor(by, TimeMs(noon().0 + ms))));
    tell(&message.message_id, "hai", 5).expect("told");
    tell(&message.message_id, "ba", 9).expect("told again");
    let message = books
        .run(books.store.owner_messages(&stall))
        .expect("messages")
        .remove(0);
    assert_eq!(message.told, Some(("hai".to_owned(), TimeMs(noon().0 + 5))));
    assert!(matches!(tell("nobody", "hai", 0), Err(StoreError::Missing(_))));
}

fn a_look_at_a_wall_finds_what_hangs_there(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let first = issue(&books, &stall, None, noon()).expect("a code");
    let payload = books
        .run(books.store.card(&first, market_day()))
        .expect("read")
        .expect("a card")
        .payload;
    let check = |payload: &str, on: Day| {
        let checked = books
            .run(books.store.check_payload(payload, on))
            .expect("checked");
        match &checked {
            Checked::Active(card) => format!("active {}", card.serial),
            Checked::Ended(card) => format!("ended {}", card.serial),
            Checked::OwnAccount {
                stall_codes,
                household_name,
                ..
            } => format!("account of {household_name} {}", stall_codes.join(" ")),
            Checked::OtherAccount(stall) => {
                let own: Vec<String> = stall
                    .accounts
                    .iter()
                    .map(|(bin, number)| format!("{bin} {number}"))
                    .collect();
                format!(
                    "not of {} {} ({})",
                    stall.household_name,
                    stall.stall_code,
                    own.join(", ")
                )
            }
            Checked::Unregistered => "unregistered".to_owned(),
            Checked::Unknown => "unknown".to_owned(),
        }
    };
    // What the owner's own bank app shows: the same account, no note or another.
    let own = AccountNumber::parse("00000022").expect("an account");
    let plain = choso::vietqr::payload(&choso::vietqr::Code::to_account("970415", &own)).expect("a payload");
    assert_eq!(
        check(plain.as_str(), market_day()),
        "account of Hộ Thử Hai ABCDEFG7 HC7K3M9J"
    );
    assert_eq!(
        check(plain.as_str(), Day::ymd(2025, 7, 31)),
        "unregistered",
        "not linked yet"
    );
    let elsewhere =
        choso::vietqr::payload(&choso::vietqr::Code::to_account("970422", &own)).expect("a payload");
    assert_eq!(
        check(elsewhere.as_str(), market_day()),
        "unregistered",
        "the same number at another bank"
    );
    let mixed = choso::vietqr::stall_payload("970415", &own, "THU3THUS").expect("a payload");
    assert_eq!(
        check(mixed.as_str(), market_day()),
        "not of Hộ Thử Ba THU3THUS (970415 •••• 0033)",
        "another stall's code"
    );
    assert_eq!(check(&payload, market_day()), format!("active {first}"));
    assert!(
        check(&payload, market_day().plus(-1)).starts_with("account of"),
        "not yet handed out, but to the right account"
    );
    // Another account under the same stall code: what a thief prints.
    let thief = AccountNumber::parse("99990077").expect("an account");
    let pasted = choso::vietqr::stall_payload("970415", &thief, "ABCDEFG7").expect("a payload");
    assert_eq!(
        check(pasted.as_str(), market_day()),
        "not of Hộ Thử Hai ABCDEFG7 (970415 •••• 0022)"
    );
    let nobodys = choso::vietqr::stall_payload("970415", &thief, "HC7K3M8L").expect("a payload");
    assert_eq!(
        check(nobodys.as_str(), market_day()),
        "unregistered",
        "no stall has this code"
    );
    for other in ["", "https://example.vn", &payload[..40], &payload.to_lowercase()] {
        assert_eq!(check(other, market_day()), "unknown", "{other}");
    }
    // Replaced, the same text is the new card's; revoked, it is nobody's.
    let second = books
        .create(async |creation| {
            creation
                .replace_code(&first, "torn", WAIT_MS, actor("thu", noon()))
                .await
        })
        .expect("a new card")
        .serial;
    assert_eq!(check(&payload, market_day()), format!("active {second}"));
    books
        .run(books.store.end_code(
            &second,
            ending(CodeEnd::Revoked, "", market_day()),
            actor("thu", noon()),
        ))
        .expect("an end");
    assert!(check(&payload, market_day()).starts_with("ended "));
    // What is kept of a look is not the code.
    let look = NewInspection {
        verdict: CodeVerdict::Wrong,
        way: CheckWay::Photo,
        serial: None,
        tail: Some("0077".to_owned()),
        place: None,
        stall_code: Some("ABCDEFG7".to_owned()),
        waited: None,
    };
    let keep = |look: &NewInspection, ms: i64| {
        let at = TimeMs(noon().0 + ms);
        books
            .run(
                books
                    .store
                    .keep_inspection(pasted.as_str(), look, actor("thu", at)),
            )
            .expect("kept");
    };
    keep(&look, 0);
    let kept = books
        .rows("SELECT verdict || ' ' || way || ' ' || account_tail || ' ' || checked_by FROM inspection");
    assert_eq!(kept, ["wrong photo 0077 thu"]);
    // Where it was: as the person says, else as the stall's code says.
    let at = |place: Option<&str>, stall_code: Option<&str>| NewInspection {
        verdict: CodeVerdict::Unregistered,
        place: place.map(str::to_owned),
        stall_code: stall_code.map(str::to_owned),
        ..look.clone()
    };
    let street = id_of(&books, "Đường Thử");
    keep(&at(Some(&street), Some("ABCDEFG7")), 1);
    keep(&at(Some("nowhere"), None), 2);
    let looks = books.run(books.store.inspections(9)).expect("looks");
    let places: Vec<_> = looks.iter().map(|look| look.place.as_deref()).collect();
    assert_eq!(places, [None, Some("Đường Thử"), Some("Chợ Thử")]);
    let digest = books.rows("SELECT payload_sha256 FROM inspection").remove(0);
    assert!(digest.len() == 64 && !digest.contains("99990077"));
    // A photo that waited on two phones: each once, when it was taken, and never after now.
    let waited = |ms: i64| NewInspection {
        waited: Some(("photo 1".to_owned(), TimeMs(ms))),
        ..look.clone()
    };
    for (by, ms) in [("thu", 5), ("thu", 7), ("hai", i64::MAX)] {
        let photo = waited(ms);
        let keep = books
            .store
            .keep_inspection(pasted.as_str(), &photo, actor(by, noon()));
        books.run(keep).expect("kept");
    }
    let kept = books.rows(
        "SELECT checked_by || ' ' || checked_at_ms FROM inspection WHERE inspection_id LIKE 'photo-%' ORDER BY 1",
    );
    assert_eq!(kept, [format!("hai {}", noon().0), "thu 5".to_owned()]);
}

fn a_walk_is_kept_once_and_judged_again(database: Database) {
    let books = Books::with_register(database);
    let market = id_of(&books, "Chợ Thử");
    let codes = |on: Day| books.run(books.store.codes_at_place(&market, on)).expect("codes");
    assert!(codes(market_day()).is_empty());
    let missing = books
        .run(books.store.stalls_without_code(&market, market_day(), noon()))
        .expect("stalls");
    let serials: Vec<String> = missing
        .iter()
        .map(|(stall, _)| issue(&books, stall, None, noon()).expect("a code"))
        .collect();
    let [first, other] = serials.try_into().expect("two stalls");
    books
        .run(books.store.end_code(
            &other,
            ending(CodeEnd::Revoked, "", market_day().plus(1)),
            actor("thu", noon()),
        ))
        .expect("an end");
    let seen = |on: Day| -> Vec<(String, bool)> {
        codes(on)
            .into_iter()
            .map(|code| (code.serial, code.is_active))
            .collect()
    };
    let mut both = vec![(first.clone(), true), (other.clone(), true)];
    both.sort();
    assert_eq!(seen(market_day()), both);
    assert!(codes(market_day().plus(-1)).is_empty(), "not handed out yet");
    let on_the_next = seen(market_day().plus(1));
    assert!(on_the_next.contains(&(other.clone(), false)) && on_the_next.contains(&(first.clone(), true)));
    let payload = |serial: &str| {
        let all = codes(market_day());
        all.into_iter()
            .find(|code| code.serial == serial)
            .expect("a code")
            .payload
    };
    let next_noon = TimeMs(noon().0 + 86_400_000);
    let look = |id: &str, verdict, payload: &str| OfflineCheck {
        check_id: id.to_owned(),
        verdict,
        payload_sha256: sha256_hex(payload.as_bytes()),
        tail: Some("0022".to_owned()),
        checked_at: next_noon,
    };
    let looks = [
        look("a", CodeVerdict::Right, &payload(&first)),
        // The phone's list was older than the end of this one.
        look("b", CodeVerdict::Right, &payload(&other)),
        look("c", CodeVerdict::Wrong, "a thief's"),
    ];
    let tell = |by: &str| {
        let now = TimeMs(next_noon.0 + 1);
        books
            .run(books.store.keep_offline_checks(&market, &looks, actor(by, now)))
            .expect("kept")
    };
    let told = OfflineChecksKept {
        kept: 3,
        repeated: 0,
        differing: vec!["b".to_owned()],
    };
    assert_eq!(tell("thu"), told);
    let again = OfflineChecksKept {
        repeated: 3,
        ..OfflineChecksKept::default()
    };
    assert_eq!(tell("thu"), again, "an answer that was lost on the way");
    assert_eq!(tell("hai").kept, 3, "another phone's ids are its own");
    let kept = books.rows(
        "SELECT verdict || ' ' || way || ' ' || COALESCE(serial, '') FROM inspection
         WHERE checked_by = 'thu' ORDER BY verdict",
    );
    let wanted = [
        format!("revoked offline {other}"),
        format!("right offline {first}"),
        "wrong offline ".to_owned(),
    ];
    assert_eq!(kept, wanted);
    let latest = books.run(books.store.inspections(4)).expect("looks");
    assert_eq!(latest.len(), 4);
    let right = latest
        .iter()
        .find(|look| look.verdict == CodeVerdict::Right)
        .expect("the right one");
    let card = books
        .run(books.store.card(&first, market_day()))
        .expect("read")
        .expect("a card");
    assert_eq!(right.card, Some((first, card.stall_code)));
    assert_eq!((right.way, right.checked_at), (CheckWay::Offline, next_noon));
}

fn a_file_hands_out_no_code_to_an_account_that_takes_anothers_place(database: Database) {
    let books = Books::with_register(database);
    let before = books.rows("SELECT serial FROM code").len();
    let one = books.rows("SELECT s.stall_code FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'").remove(0);
    let rows = format!(
        "one,Hộ Thử Một,registered,trading,20242,Đường Thử,1,,,{one},970422,99990077,HO THU MOT,owner,,2026-01-20,2026-01-20\n"
    );
    let kept = books.register(&rows, Day::ymd(2026, 1, 20).start());
    assert_eq!(kept.faults.len(), 1, "{:?}", kept.faults);
    assert!(
        kept.faults[0].1.vi.contains("người thứ hai"),
        "{:?}",
        kept.faults[0].1
    );
    assert_eq!(books.rows("SELECT serial FROM code").len(), before);
    let linked = books.rows("SELECT link_id FROM account_link l JOIN account a ON a.account_id = l.account_id WHERE a.account_number = '99990077'");
    assert_eq!(linked.len(), 1, "the account itself is recorded, to be approved");
}

fn bill(
    books: &Books,
    stall: &str,
    number: Option<&str>,
    amount: i64,
) -> Result<choso::store::BillView, StoreError> {
    let new = NewBill {
        stall_id: stall.to_owned(),
        account_id: None,
        amount: Dong::new(amount),
        bill_number: number.map(str::to_owned),
        valid_ms: 15 * 60_000,
    };
    books.create(async |creation| creation.make_bill(&new, WAIT_MS, actor("thu", noon())).await)
}

/// A payment to the account of `two` with a note.
fn noted(id: &str, amount: i64, note: &str) -> Value {
    with(to_account(payment(id, amount), "00000022"), "note", note.into())
}

fn a_bill_is_paid_by_the_note_that_names_it(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let made = bill(&books, &stall, Some("B1"), 20_000).expect("a bill");
    assert!(made.payload.contains("0811ABCDEFG7 B1") && made.payload.contains("540520000"));
    let again = |id: &str| books.run(books.store.bill(id)).expect("read").expect("a bill");
    let state = |minutes: i64| {
        let bill = again(&made.bill_id);
        (
            bill.state(TimeMs(noon().0 + minutes * 60_000)),
            bill.paid.vnd(),
            bill.payments,
        )
    };
    assert_eq!(
        (state(0), state(15)),
        ((BillState::Waiting, 0, 0), (BillState::Expired, 0, 0))
    );
    // Another stall's note, another number, no number: none of it is this bill's.
    let others = [
        noted("T1", 20_000, "HC7K3M9J B1"),
        noted("T2", 20_000, "ABCDEFG7 B2"),
        noted("T3", 20_000, "ABCDEFG7 tien rau"),
    ];
    for (at, other) in others.iter().enumerate() {
        books.post(&[delivery(&format!("o{at}"), other)]);
    }
    assert_eq!(state(0), (BillState::Waiting, 0, 0));
    books.post(&[delivery("m1", &noted("T4", 15_000, "MBVCB.12.abcdefg7 b1.CT tu"))]);
    assert_eq!(state(0), (BillState::Underpaid, 15_000, 1));
    // The same callback again is no second payment.
    books.post(&[delivery(
        "m1b",
        &noted("T4", 15_000, "MBVCB.12.abcdefg7 b1.CT tu"),
    )]);
    books.post(&[delivery("m2", &noted("T5", 5_000, "ABCDEFG7B1"))]);
    assert_eq!(state(60), (BillState::Paid, 20_000, 2), "late money counts");
    books.post(&[delivery("m3", &noted("T6", 1_000, "ABCDEFG7 B1"))]);
    assert_eq!(state(0), (BillState::Overpaid, 21_000, 3));
    books.post(&[delivery("m4", &refund("R1", "T6", 1_000))]);
    assert_eq!(
        state(0),
        (BillState::Paid, 20_000, 3),
        "what went back is not paid"
    );
    assert!(books.run(books.store.bill("nobody")).expect("read").is_none());
}

fn a_bill_number_is_used_once_at_a_stall(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    bill(&books, &stall, Some("B1"), 20_000).expect("a bill");
    assert!(matches!(
        bill(&books, &stall, Some("B1"), 30_000),
        Err(StoreError::Conflict(_))
    ));
    bill(&books, &stall_of(&books, "nam"), Some("B1"), 30_000).expect("another stall's");
    let given = bill(&books, &stall, None, 30_000).expect("a number of its own");
    assert_eq!(given.bill_number.len(), 6);
    assert!(matches!(
        bill(&books, "nobody", None, 1),
        Err(StoreError::Missing(_))
    ));
    assert!(matches!(
        bill(&books, &stall, None, 0),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        bill(&books, &stall, Some("b 1"), 1),
        Err(StoreError::Conflict(_))
    ));
}

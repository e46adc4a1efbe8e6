//! PINs of people who sign in with a phone number.

use choso::store::{FirstPin, KnownPin, NewSession, PinAttempt, StoreError};
use choso::vn::{Phone, TimeMs};

use crate::support::*;

on_both! {
    a_first_pin_is_changed_once_and_then_signs_in
    attempts_are_counted_before_they_are_judged
}

const NAME: &str = "người thử";

fn later(ms: i64) -> TimeMs {
    TimeMs(noon().0 + ms)
}

fn phone() -> Phone {
    Phone::parse("0905 000 111").expect("a phone")
}

fn session(session_sha256: &str) -> NewSession<'_> {
    NewSession {
        session_sha256,
        device: "",
        expires_at: later(1_000_000),
    }
}

fn start(database: Database) -> Books {
    let books = Books::open(database);
    books
        .run(books.store.add_token(NAME, "hash-1", false, noon()))
        .expect("a token");
    let new = FirstPin {
        name: NAME,
        phone: &phone(),
        pin_hash: "first",
        expires_at: later(500_000),
    };
    books.run(books.store.add_pin(new, noon())).expect("a PIN");
    books
}

fn attempt(books: &Books, at: TimeMs) -> PinAttempt {
    books
        .run(books.store.attempt_pin(&phone(), at))
        .expect("an answer")
}

fn known(pin_hash: &str, expires_at: Option<TimeMs>) -> KnownPin {
    KnownPin {
        name: NAME.to_owned(),
        pin_hash: pin_hash.to_owned(),
        expires_at,
    }
}

fn a_first_pin_is_changed_once_and_then_signs_in(database: Database) {
    let books = start(database);
    let first = known("first", Some(later(500_000)));
    assert_eq!(attempt(&books, noon()), PinAttempt::Allowed(first.clone()));
    let signed_in = |pin: &KnownPin, session_sha256: &str| {
        let new = session(session_sha256);
        books
            .run(books.store.sign_in_by_pin(&phone(), pin, new, noon()))
            .expect("an answer")
    };
    assert!(!signed_in(&first, "s-1"), "it only lets its person choose one");
    let open = |change: &str, until| {
        books
            .run(books.store.open_pin_choice(&phone(), &first, change, until))
            .expect("an answer")
    };
    assert!(open("change-1", later(1_000)));
    let choice = |change: &str, at| books.run(books.store.pin_choice(change, at)).expect("an answer");
    assert_eq!(choice("change-1", later(999)), Some(phone()));
    assert_eq!(choice("change-1", later(1_000)), None, "it was open for too long");
    assert_eq!(choice("change-2", noon()), None);
    let choose = |change: &str, at| {
        books
            .run(books.store.choose_pin(change, "own", session("s-2"), at))
            .expect("an answer")
    };
    assert_eq!(choose("change-1", later(1_000)), None);
    assert_eq!(choose("change-1", later(1)), Some(NAME.to_owned()));
    assert_eq!(choose("change-1", later(2)), None, "once");
    let person = |session: &str| {
        books
            .run(books.store.session_person(session, later(3)))
            .expect("an answer")
            .map(|session| session.person)
    };
    assert_eq!(person("s-2").as_deref(), Some(NAME));
    assert!(!open("change-3", later(1_000)), "the first one is over");
    assert!(!signed_in(&first, "s-3"));
    assert!(signed_in(&known("own", None), "s-4"));
    assert_eq!(person("s-4").as_deref(), Some(NAME));
    books
        .run(books.store.revoke_token(NAME, later(4)))
        .expect("revoked");
    assert_eq!(
        attempt(&books, later(5)),
        PinAttempt::Unknown,
        "it goes with the token"
    );
}

fn attempts_are_counted_before_they_are_judged(database: Database) {
    let books = start(database);
    for _ in 0..3 {
        assert!(matches!(attempt(&books, noon()), PinAttempt::Allowed(_)));
    }
    assert_eq!(attempt(&books, later(5_000)), PinAttempt::Waits(10_000));
    assert!(matches!(attempt(&books, later(15_000)), PinAttempt::Allowed(_)));
    assert_eq!(attempt(&books, later(15_000)), PinAttempt::Waits(30_000));
    let phone = phone();
    // A right one begins the count anew.
    let first = known("first", Some(later(500_000)));
    let opened = books
        .store
        .open_pin_choice(&phone, &first, "change", later(60_000));
    assert!(books.run(opened).expect("an answer"));
    assert!(matches!(attempt(&books, later(15_001)), PinAttempt::Allowed(_)));
    let new = |name| FirstPin {
        name,
        phone: &phone,
        pin_hash: "other",
        expires_at: later(1),
    };
    let nobody = books.run(books.store.add_pin(new("nobody"), noon()));
    assert!(matches!(nobody, Err(StoreError::Missing(_))));
    books
        .run(books.store.add_token("người khác", "hash-2", false, noon()))
        .expect("a token");
    let taken = books.run(books.store.add_pin(new("người khác"), noon()));
    assert!(
        matches!(taken, Err(StoreError::Conflict(_))),
        "the phone is another's"
    );
}

//! Tokens of people and programs, sessions, and links that sign in once.

use choso::access::{Holder, Scope};
use choso::store::{NewSession, StoreError};
use choso::vn::TimeMs;

use crate::support::*;

on_both! {
    a_person_has_one_living_token
    a_program_may_what_its_token_was_made_for
    a_session_ends_by_itself_by_its_person_and_with_its_token
    a_link_signs_in_once
    sessions_are_listed_noted_and_ended_one_by_one
}

fn later(ms: i64) -> TimeMs {
    TimeMs(noon().0 + ms)
}

fn person(name: &str) -> Option<Holder> {
    Some(Holder::Person {
        name: name.to_owned(),
    })
}

fn whose(books: &Books, hash: &str) -> Option<Holder> {
    books.run(books.store.token_holder(hash)).expect("an answer")
}

fn a_person_has_one_living_token(database: Database) {
    let books = Books::open(database);
    let add = |hash: &str, replace| books.run(books.store.add_token("người thử", hash, replace, noon()));
    add("hash-1", false).expect("a first token");
    assert_eq!(whose(&books, "hash-1"), person("người thử"));
    assert!(matches!(add("hash-2", false), Err(StoreError::Conflict(_))));
    assert_eq!(whose(&books, "hash-2"), None, "a refused token is not kept");
    add("hash-2", true).expect("a second one in place of the first");
    assert_eq!(
        (whose(&books, "hash-1"), whose(&books, "hash-2")),
        (None, person("người thử"))
    );
    let listed = books.run(books.store.tokens()).expect("tokens");
    assert_eq!(listed.iter().filter(|t| t.revoked_at.is_none()).count(), 1);
    assert_eq!(listed.len(), 2);
    assert!(
        books
            .run(books.store.revoke_token("người thử", noon()))
            .expect("an answer")
    );
    assert!(
        !books
            .run(books.store.revoke_token("người thử", noon()))
            .expect("an answer")
    );
    assert_eq!(whose(&books, "hash-2"), None);
}

fn a_program_may_what_its_token_was_made_for(database: Database) {
    let books = Books::open(database);
    let add = |hash: &str, replace| {
        let may = [Scope::Receipts];
        books.run(books.store.add_program_token("loa", hash, &may, replace, noon()))
    };
    add("hash-1", false).expect("a token");
    let wanted = Holder::Program {
        name: "loa".to_owned(),
        may: vec![Scope::Receipts],
    };
    assert_eq!(whose(&books, "hash-1"), Some(wanted.clone()));
    assert!(matches!(add("hash-2", false), Err(StoreError::Conflict(_))));
    let as_person = books.run(books.store.add_token("loa", "hash-3", false, noon()));
    assert!(
        matches!(as_person, Err(StoreError::Conflict(_))),
        "one name is one"
    );
    assert_eq!(books.run(books.store.tokens()).expect("tokens")[0].holder, wanted);
    // Programs have no sessions.
    let session = NewSession {
        session_sha256: "session",
        device: "",
        expires_at: later(1_000),
    };
    assert_eq!(
        books
            .run(books.store.sign_in("hash-1", session, noon()))
            .expect("an answer"),
        None
    );
    let link = books.run(books.store.add_sign_in_link("loa", "once", later(1_000), noon()));
    assert!(matches!(link, Err(StoreError::Missing(_))), "{link:?}");
}

fn a_session_ends_by_itself_by_its_person_and_with_its_token(database: Database) {
    let books = Books::open(database);
    books
        .run(books.store.add_token("một", "token", false, noon()))
        .expect("a token");
    let begin = |session_sha256: &str, ms| {
        let session = NewSession {
            session_sha256,
            device: "",
            expires_at: later(ms),
        };
        books
            .run(books.store.sign_in("token", session, noon()))
            .expect("an answer")
    };
    let of = |session: &str, ms| {
        books
            .run(books.store.session_person(session, later(ms)))
            .expect("an answer")
            .map(|session| session.person)
    };
    for session in ["s1", "s2", "s3"] {
        assert_eq!(begin(session, 1_000).as_deref(), Some("một"));
    }
    assert_eq!(
        (of("s1", 999).as_deref(), of("s1", 1_000), of("token", 1)),
        (Some("một"), None, None)
    );
    books.run(books.store.end_session("s2")).expect("ended");
    books
        .run(books.store.end_session("nobody's"))
        .expect("nothing to end");
    assert_eq!(
        (of("s1", 1).is_some(), of("s2", 1), of("s3", 1).is_some()),
        (true, None, true)
    );
    books
        .run(books.store.add_token("một", "token-2", true, noon()))
        .expect("a new token");
    assert_eq!(
        (of("s1", 1), of("s3", 1)),
        (None, None),
        "what began with the old token is over"
    );
    // What expired goes when somebody signs in.
    let rows = || books.rows("SELECT session_sha256 FROM session").len();
    let at = |session_sha256: &str, ms: i64| {
        let session = NewSession {
            session_sha256,
            device: "",
            expires_at: later(ms + 10),
        };
        books
            .run(books.store.sign_in("token-2", session, later(ms)))
            .expect("an answer")
    };
    assert!(at("s4", 0).is_some() && at("s5", 20).is_some());
    assert_eq!(rows(), 1);
}

fn a_link_signs_in_once(database: Database) {
    let books = Books::open(database);
    books
        .run(books.store.add_token("một", "token", false, noon()))
        .expect("a token");
    let add = |once: &str, ms| books.run(books.store.add_sign_in_link("một", once, later(ms), noon()));
    let use_at = |once: &str, session_sha256: &str, ms: i64| {
        let session = NewSession {
            session_sha256,
            device: "",
            expires_at: later(100_000),
        };
        books
            .run(books.store.sign_in(once, session, later(ms)))
            .expect("an answer")
    };
    add("once-1", 1_000).expect("a link");
    add("once-2", 1_000).expect("a link");
    assert_eq!(use_at("once-1", "s1", 999).as_deref(), Some("một"));
    assert_eq!(use_at("once-1", "s2", 999), None, "used up");
    assert_eq!(use_at("once-2", "s3", 1_000), None, "too old");
    let session = |session| {
        books
            .run(books.store.session_person(session, later(2_000)))
            .expect("an answer")
            .map(|session| session.person)
    };
    assert_eq!(
        (session("s1").as_deref(), session("s2"), session("s3")),
        (Some("một"), None, None)
    );
    add("once-3", 5_000).expect("a link");
    assert_eq!(
        books.rows("SELECT once_sha256 FROM sign_in_link"),
        ["once-2", "once-3"]
    );
    books
        .run(books.store.revoke_token("một", noon()))
        .expect("revoked");
    assert_eq!(
        use_at("once-3", "s4", 10),
        None,
        "its person may not sign in any more"
    );
    let nobody = books.run(books.store.add_sign_in_link("một", "once-4", later(1), noon()));
    assert!(matches!(nobody, Err(StoreError::Missing(_))), "{nobody:?}");
}

fn sessions_are_listed_noted_and_ended_one_by_one(database: Database) {
    const DAY_MS: i64 = 86_400_000;
    let books = Books::open(database);
    for (name, token) in [("một", "token-1"), ("hai", "token-2")] {
        books
            .run(books.store.add_token(name, token, false, noon()))
            .expect("a token");
    }
    let begin = |token: &str, letter: &str, device: &str, ms| {
        let sha256 = letter.repeat(64);
        let new = NewSession {
            session_sha256: &sha256,
            device,
            expires_at: later(30 * DAY_MS),
        };
        books
            .run(books.store.sign_in(token, new, later(ms)))
            .expect("an answer")
            .expect("signed in");
        sha256
    };
    let phone = begin("token-1", "a", "Chrome, Android", 0);
    let desk = begin("token-1", "b", "", 1_000);
    let other = begin("token-2", "c", "Firefox, Linux", 0);
    let listed = |name: &str, ms| -> Vec<String> {
        let rows = books
            .run(books.store.sessions_of(name, later(ms)))
            .expect("sessions");
        rows.into_iter()
            .map(|row| format!("{} {}", row.id, row.device))
            .collect()
    };
    assert_eq!(
        listed("một", 2_000),
        ["bbbbbbbbbbbb ", "aaaaaaaaaaaa Chrome, Android"]
    );
    let person = |sha256: &str, ms| {
        books
            .run(books.store.session_person(sha256, later(ms)))
            .expect("an answer")
    };
    // Its use is worth noting once an hour.
    assert!(!person(&phone, 3_599_999).expect("living").is_to_note);
    assert!(person(&phone, 3_600_000).expect("living").is_to_note);
    books
        .run(books.store.note_session_use(&phone, later(DAY_MS)))
        .expect("noted");
    books
        .run(books.store.note_session_use(&phone, later(1)))
        .expect("never back");
    assert_eq!(listed("một", DAY_MS)[0], "aaaaaaaaaaaa Chrome, Android");
    // Seven days without use end it.
    assert!(person(&desk, 7 * DAY_MS).is_some() && person(&desk, 7 * DAY_MS + 1_000).is_none());
    assert_eq!(
        listed("một", 7 * DAY_MS + 1_000),
        ["aaaaaaaaaaaa Chrome, Android"]
    );
    let end = |name: &str, id: &str| {
        books
            .run(books.store.end_session_of(name, id))
            .expect("an answer")
    };
    assert!(!end("hai", "aaaaaaaaaaaa"), "somebody else's");
    assert!(end("một", "aaaaaaaaaaaa") && !end("một", "aaaaaaaaaaaa"));
    assert_eq!(person(&phone, 1), None);
    let end_others = |name: &str, kept: &str| {
        books
            .run(books.store.end_other_sessions(name, kept))
            .expect("an answer")
    };
    let again = begin("token-1", "d", "", 0);
    assert_eq!(end_others("một", choso::store::session_id(&again)), 1);
    assert!(person(&desk, 2_000).is_none() && person(&again, 1).is_some() && person(&other, 1).is_some());
    assert_eq!(end_others("một", ""), 1);
}

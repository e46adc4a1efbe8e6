//! Providers and keys, tokens, remembered answers; and opening the store itself.

use choso::store::{IdempotentAnswer, NewProvider, Store, StoreError, fresh_id};
use choso::vn::TimeMs;

use crate::support::*;

on_both! {
    a_store_opens_again_and_says_what_it_is
    a_newer_schema_is_refused
    providers_are_added_once
    a_rotated_key_overlaps_and_expires
    a_person_has_one_living_token
    the_first_answer_under_a_key_stays
}

fn a_store_opens_again_and_says_what_it_is(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    let again = books.run(Store::open(&books.database.url)).expect("opens again");
    assert!(books.database.url.starts_with(again.kind()));
    books.run(again.ready()).expect("ready");
    assert_eq!(books.run(again.recount()).expect("a recount").receipts, 1);
    books.run(again.close());
    assert!(books.run(again.ready()).is_err(), "a closed store is not ready");
    assert_ne!(fresh_id(noon()), fresh_id(noon()));
}

fn a_newer_schema_is_refused(database: Database) {
    let mut books = Books::open(database);
    books.tamper("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)");
    let newer = books.run(Store::open(&books.database.url)).err();
    assert!(
        matches!(newer, Some(StoreError::NewerSchema { found: 9999, .. })),
        "{newer:?}"
    );
    assert!(books.run(books.store.ready()).is_err());
}

fn new_provider(id: &str) -> NewProvider {
    NewProvider {
        provider_id: id.to_owned(),
        profile: "standard".to_owned(),
        scheme: "webhooks_v1".to_owned(),
        key_id: "k1".to_owned(),
        sealed_secret: "s1:thu".to_owned(),
    }
}

fn providers_are_added_once(database: Database) {
    let books = Books::open(database);
    books
        .run(books.store.add_provider(&new_provider("q"), noon()))
        .expect("a provider");
    books
        .run(books.store.add_provider(&new_provider("p"), noon()))
        .expect("a provider");
    let again = books.run(books.store.add_provider(&new_provider("p"), noon()));
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let providers = books.run(books.store.providers(noon())).expect("providers");
    let listed: Vec<_> = providers
        .iter()
        .map(|p| (p.provider_id.as_str(), p.profile.as_str(), p.keys.len()))
        .collect();
    assert_eq!(listed, [("p", "standard", 1), ("q", "standard", 1)]);
    assert_eq!(providers[0].created_at, noon());
}

fn a_rotated_key_overlaps_and_expires(database: Database) {
    let books = Books::open(database);
    let later = |s: i64| TimeMs(noon().0 + s * 1_000);
    books
        .run(books.store.add_provider(&new_provider("p"), noon()))
        .expect("a provider");
    books
        .run(books.store.rotate_key("p", "k2", "s1:hai", later(60), later(1)))
        .expect("a rotation");
    let keys = |at| -> Vec<String> {
        let providers = books.run(books.store.providers(at)).expect("providers");
        providers[0].keys.iter().map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(keys(later(2)), ["k2", "k1"], "newest first, both live");
    assert_eq!(keys(later(59)), ["k2", "k1"]);
    assert_eq!(keys(later(60)), ["k2"]);
    // A second rotation with a longer overlap does not bring the first key back to life.
    books
        .run(books.store.rotate_key("p", "k3", "s1:ba", later(600), later(30)))
        .expect("a rotation");
    assert_eq!(keys(later(60)), ["k3", "k2"]);
    assert_eq!(keys(later(600)), ["k3"]);
    let unknown = books.run(books.store.rotate_key("nobody", "k2", "s1:x", later(1), later(1)));
    assert!(matches!(unknown, Err(StoreError::Missing(_))), "{unknown:?}");
}

fn a_person_has_one_living_token(database: Database) {
    let books = Books::open(database);
    let add = |hash: &str, replace| books.run(books.store.add_token("người thử", hash, replace, noon()));
    let whose = |hash: &str| books.run(books.store.token_name(hash)).expect("an answer");
    add("hash-1", false).expect("a first token");
    assert_eq!(whose("hash-1").as_deref(), Some("người thử"));
    assert!(matches!(add("hash-2", false), Err(StoreError::Conflict(_))));
    assert_eq!(whose("hash-2"), None, "a refused token is not kept");
    add("hash-2", true).expect("a second one in place of the first");
    assert_eq!(
        (whose("hash-1"), whose("hash-2").as_deref()),
        (None, Some("người thử"))
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
    assert_eq!(whose("hash-2"), None);
}

fn the_first_answer_under_a_key_stays(database: Database) {
    let books = Books::open(database);
    let answer = |body: &str| IdempotentAnswer {
        request_sha256: "00ff".to_owned(),
        status: 201,
        body: body.to_owned(),
    };
    let recall = |name: &str| {
        books
            .run(books.store.remembered_answer(name, "khóa-1"))
            .expect("an answer")
    };
    assert_eq!(recall("a"), None);
    books
        .run(books.store.remember_answer("a", "khóa-1", &answer("một"), noon()))
        .expect("kept");
    books
        .run(books.store.remember_answer("a", "khóa-1", &answer("hai"), noon()))
        .expect("kept");
    assert_eq!(recall("a"), Some(answer("một")));
    assert_eq!(recall("b"), None, "one person's keys are not another's");
}

//! Providers and keys, creating calls that are done once; and opening the store itself.

use std::time::Duration;

use choso::places::NewStreets;
use choso::store::{
    Conflict, Creation, IdempotentAnswer, IdempotentCall, KeyEnded, Missing, NewBill, NewProvider, Store,
    StoreError, fresh_id,
};
use choso::vn::{Dong, TimeMs};

use super::posting::stall_of;
use crate::support::*;

on_both! {
    a_store_opens_again_and_says_what_it_is
    a_database_without_our_schema_is_refused_where_it_must_exist
    a_newer_schema_is_refused
    providers_are_added_once
    a_rotated_key_overlaps_and_expires
    a_key_is_ended_and_one_without_an_end_is_left
    the_first_answer_under_a_key_stays
    work_that_fails_leaves_neither_itself_nor_a_key
    what_is_created_is_read_in_the_same_transaction
}

fn a_store_opens_again_and_says_what_it_is(database: Database) {
    let books = Books::with_register(database);
    books.post(&[delivery("m1", &payment("T1", 5_000))]);
    let again = books
        .run(Store::open_existing(&books.database.url))
        .expect("opens again");
    assert!(books.database.url.starts_with(again.kind()));
    books.run(again.ready()).expect("ready");
    assert_eq!(books.run(again.recount()).expect("a recount").receipts, 1);
    books.run(again.close());
    assert!(books.run(again.ready()).is_err(), "a closed store is not ready");
    assert_ne!(fresh_id(noon()), fresh_id(noon()));
}

fn a_database_without_our_schema_is_refused_where_it_must_exist(database: Database) {
    let none = runtime_of(Store::open_existing(&database.url));
    let is_said =
        |error: &StoreError| matches!(error, StoreError::NoDatabase { .. } | StoreError::NoSchema { .. });
    assert!(none.as_ref().is_err_and(is_said), "{:?}", none.err());
    let books = Books::open(database);
    let there = books
        .run(Store::open_existing(&books.database.url))
        .expect("it is there now");
    books.run(there.close());
}

fn runtime_of<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(future)
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
        .run(
            books
                .store
                .rotate_key(new_key("p", "k2", "s1:hai"), later(60), later(1)),
        )
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
        .run(
            books
                .store
                .rotate_key(new_key("p", "k3", "s1:ba"), later(600), later(30)),
        )
        .expect("a rotation");
    assert_eq!(keys(later(60)), ["k3", "k2"]);
    assert_eq!(keys(later(600)), ["k3"]);
    let unknown = books.run(
        books
            .store
            .rotate_key(new_key("nobody", "k2", "s1:x"), later(1), later(1)),
    );
    assert!(matches!(unknown, Err(StoreError::Missing(_))), "{unknown:?}");
}

fn a_key_is_ended_and_one_without_an_end_is_left(database: Database) {
    let books = Books::open(database);
    let later = |s: i64| TimeMs(noon().0 + s * 1_000);
    books
        .run(books.store.add_provider(&new_provider("p"), noon()))
        .expect("a provider");
    books
        .run(books.store.add_provider(&new_provider("q"), noon()))
        .expect("another one, whose keys have the same names");
    for (n, key_id) in [(1, "k2"), (2, "k3")] {
        let key = new_key("p", key_id, "s1:x");
        books
            .run(books.store.rotate_key(key, later(600), later(n)))
            .expect("a rotation");
    }
    let end = |key_id: &str, at: TimeMs| books.run(books.store.end_key("p", key_id, at));
    let live = |at: TimeMs| -> Vec<String> {
        let providers = books.run(books.store.providers(at)).expect("providers");
        providers[0].keys.iter().map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(end("k2", later(3)).expect("ended"), KeyEnded { prolonged: false });
    assert_eq!(live(later(3)), ["k3", "k1"]);
    // The key in use goes: the one that is left would expire, and stays instead.
    assert_eq!(end("k3", later(4)).expect("ended"), KeyEnded { prolonged: true });
    assert_eq!(live(later(4)), ["k1"]);
    assert_eq!(live(later(6_000)), ["k1"]);
    assert!(matches!(
        end("k1", later(5)),
        Err(StoreError::Conflict(Conflict::LastKey { .. }))
    ));
    assert!(matches!(
        end("k3", later(5)),
        Err(StoreError::Missing(Missing::LiveKey { .. }))
    ));
    let nobody = books.run(books.store.end_key("nobody", "k1", later(5)));
    assert!(matches!(
        nobody,
        Err(StoreError::Missing(Missing::Provider { .. }))
    ));
    let keys = books.run(books.store.keys_ever()).expect("keys");
    let all: Vec<_> = keys
        .iter()
        .map(|key| {
            (
                &*key.provider_id,
                &*key.key_id,
                key.is_live(later(5)),
                key.expires_at.is_some(),
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            ("p", "k3", false, true),
            ("p", "k2", false, true),
            ("p", "k1", true, false),
            ("q", "k1", true, false)
        ]
    );
    assert!(keys.iter().all(|key| !key.is_disabled) && keys[0].created_at == later(2));
    books
        .run(books.store.set_provider_disabled("p", Some(noon())))
        .expect("disabled");
    let keys = books.run(books.store.keys_ever()).expect("keys");
    assert!(keys[0].is_disabled && !keys[3].is_disabled);
}

/// A call of this person under `khóa-1`; its digest tells requests apart.
fn call(person: &str, request_sha256: &str) -> IdempotentCall {
    IdempotentCall {
        person: person.to_owned(),
        key: "khóa-1".to_owned(),
        request_sha256: request_sha256.to_owned(),
    }
}

/// Work that makes a bill and answers with this body.
async fn answer(creation: &mut Creation, stall: &str, body: &str) -> Result<(u16, String), StoreError> {
    let new = NewBill {
        stall_id: stall.to_owned(),
        account_id: None,
        amount: Dong::new(20_000),
        bill_number: None,
        valid_ms: 60_000,
    };
    creation.make_bill(&new, 0, actor("thu", noon())).await?;
    Ok((201, body.to_owned()))
}

fn the_first_answer_under_a_key_stays(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let once = |call: &IdempotentCall, body: &str| {
        let work = async |creation: &mut Creation| answer(creation, &stall, body).await;
        let answer = books.run(books.store.create_once(call, noon(), work));
        answer.expect("an answer")
    };
    let first = IdempotentAnswer {
        request_sha256: "00ff".to_owned(),
        status: 201,
        body: "một".to_owned(),
        is_replay: false,
    };
    let again = IdempotentAnswer {
        is_replay: true,
        ..first.clone()
    };
    assert_eq!(once(&call("a", "00ff"), "một"), first);
    assert_eq!(once(&call("a", "00ff"), "hai"), again);
    // Another request gets the digest of the first one, to be told apart by.
    assert_eq!(once(&call("a", "ff00"), "ba"), again);
    assert_eq!(books.rows("SELECT bill_id FROM bill").len(), 1);
    assert!(
        !once(&call("b", "00ff"), "bốn").is_replay,
        "one person's keys are not another's"
    );
    assert_eq!(books.rows("SELECT bill_id FROM bill").len(), 2);
}

fn work_that_fails_leaves_neither_itself_nor_a_key(database: Database) {
    let books = Books::with_register(database);
    let stall = stall_of(&books, "two");
    let call = call("a", "00ff");
    let kept =
        || books.rows("SELECT bill_id FROM bill").len() + books.rows("SELECT name FROM idempotency").len();
    let failed = books.run(books.store.create_once(&call, noon(), async |creation| {
        answer(creation, &stall, "một").await?;
        Err(Missing::Stall {
            stall_id: "none".to_owned(),
        }
        .into())
    }));
    assert!(matches!(failed, Err(StoreError::Missing(_))), "{failed:?}");
    assert_eq!(kept(), 0);
    // The caller may go away in the middle.
    let abandoned = books.store.create_once(&call, noon(), async |creation| {
        answer(creation, &stall, "một").await?;
        std::future::pending::<Result<(u16, String), StoreError>>().await
    });
    let waited = books.run(async { tokio::time::timeout(Duration::from_millis(300), abandoned).await });
    assert!(waited.is_err());
    assert_eq!(kept(), 0);
    let work = async |creation: &mut Creation| answer(creation, &stall, "hai").await;
    let done = books.run(books.store.create_once(&call, noon(), work));
    assert!(!done.expect("an answer").is_replay);
    assert_eq!(kept(), 2);
}

fn what_is_created_is_read_in_the_same_transaction(database: Database) {
    let books = Books::with_register(database);
    let draft = |units: &choso::places::Units| {
        let rows = "moi,Hộ Thử Mới,registered,trading,20242,Đường Thử,9,,,,970415,00000099,HO THU,owner,,2025-08-01,\n";
        let file = register_file(rows, units);
        file.households.into_iter().next().expect("a household")
    };
    let refused: Result<(), StoreError> = books.create(async |creation| {
        let units = creation.units().await?;
        let kept = creation
            .keep_household(
                draft(&units),
                &units,
                NewStreets::Asked,
                actor("thu", registered_at()),
            )
            .await?;
        assert_eq!((kept.new_households, kept.faults), (1, Vec::new()));
        let (id, stalls) = &kept.households[0];
        assert_eq!(creation.household_by_ref("moi").await?.as_ref(), Some(id));
        let (view, seen) = creation.household(id, market_day()).await?.expect("a household");
        assert_eq!((view.name.as_str(), seen.len()), ("Hộ Thử Mới", 1));
        let stall = creation.stall(&stalls[0]).await?.expect("a stall");
        assert_eq!(stall.accounts.len(), 1);
        Err(Conflict::FirstAccount.into())
    });
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let found = books.create(async |creation| creation.household_by_ref("moi").await);
    assert_eq!(found.expect("an answer"), None);
}

//! Payments that wait for a person: whom they name, what lies beside them, and what a person makes of them.

use choso::ledger::LedgerNo;
use choso::reconcile::ActKind;
use choso::register::{AccountDraft, HolderRelation};
use choso::store::{Conflict, NewPosting, Posting, StoreError, WaitingWhole};
use choso::vn::{AccountNumber, TimeMs};

use super::posting::stall_of;
use super::statements::with_provider;
use crate::support::*;

on_both! {
    a_waiting_payment_is_posted_to_its_stall
    a_large_payment_waits_for_a_second_person
    what_was_counted_before_is_counted_with_it
    a_refund_that_waited_finds_its_payment
    a_notice_is_set_aside_and_counts_no_more
    what_a_person_posted_stands_in_the_chain
}

/// Every payment is small beside this.
const NEVER: i64 = i64::MAX;

fn stranger(id: &str, amount: i64) -> serde_json::Value {
    to_account(payment(id, amount), "99990077")
}

/// The notices that wait, in their order.
fn waiting(books: &Books) -> Vec<WaitingWhole> {
    let listed = books.run(books.store.waiting_notices(None, 100)).expect("a list");
    let whole = |no| {
        books
            .run(books.store.waiting_notice(no))
            .expect("a notice")
            .expect("it waits")
    };
    listed.into_iter().map(|notice| whole(notice.cursor)).collect()
}

fn account() -> AccountDraft {
    AccountDraft {
        bank_bin: "970415".to_owned(),
        number: AccountNumber::parse("99990077").expect("an account"),
        holder_name: "HO THU MOI".to_owned(),
        relation: HolderRelation::Owner,
    }
}

/// A stall that had no account, to which the stranger's is linked from the market day on.
fn stall_with_the_account(books: &Books) -> String {
    books.register(
        "moi,Hộ Thử Mới,registered,trading,20242,Đường Thử,9,,,THU5THUX,,,,,,2025-08-01,\n",
        registered_at(),
    );
    let stall = stall_of(books, "moi");
    books
        .create(async |creation| {
            creation
                .link_account(&stall, &account(), market_day(), actor("an", noon()))
                .await
        })
        .expect("a link");
    stall
}

fn post(books: &Books, no: LedgerNo, stall_id: &str, above: i64, by: &str) -> Result<Posting, StoreError> {
    let new = NewPosting {
        no,
        stall_id,
        reason: "đã hỏi chủ sạp",
        second_person_above_vnd: above,
    };
    books.run(books.store.post_waiting(new, actor(by, TimeMs(noon().0 + 9_000))))
}

fn a_waiting_payment_is_posted_to_its_stall(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery(
            "m1",
            &with(stranger("T1", 50_000), "note", "THU5THUX tien rau".into()),
        ),
        delivery("m2", &stranger("T2", 60_000)),
        delivery("m3", &payment("T3", 1_000)),
    ]);
    let [first, second] = waiting(&books).try_into().expect("two wait");
    let payee = first.payee.clone().expect("whom it names");
    assert_eq!(
        (payee.bank_bin.as_str(), payee.stall_code.as_str(), payee.day),
        ("970415", "THU5THUX", market_day())
    );
    assert_eq!(format!("{:?}", payee.account), "Some(•••• 0077)", "masked");
    let payees = books
        .run(books.store.waiting_payees(&[first.no, LedgerNo::of(7)]))
        .expect("payees");
    assert_eq!(payees.into_iter().collect::<Vec<_>>(), [(first.no, payee)]);
    assert_eq!(
        books
            .run(books.store.waiting_for_account(&first))
            .expect("others"),
        [second.no]
    );
    assert_eq!(
        books.run(books.store.stalls_of_waiting(&first)).expect("stalls"),
        []
    );
    // Nobody gives it to a stall whose account it is not.
    let one = stall_of(&books, "one");
    let refused = post(&books, first.no, &one, NEVER, "an");
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::AccountNotOfStall))),
        "{refused:?}"
    );
    let stall = stall_with_the_account(&books);
    assert_eq!(
        books
            .run(books.store.stall_of_code("THU5THUX"))
            .expect("an answer"),
        Some(stall.clone())
    );
    assert_eq!(
        books
            .run(books.store.stall_of_code("HC7K3M8L"))
            .expect("an answer"),
        None
    );
    let linked = books.run(books.store.stalls_of_waiting(&first)).expect("stalls");
    assert_eq!(
        linked,
        [(stall.clone(), "THU5THUX".to_owned(), "Hộ Thử Mới".to_owned())]
    );
    let elsewhere = books.run(
        books
            .store
            .stalls_of_account("970422", &account().number, market_day()),
    );
    assert_eq!(elsewhere.expect("stalls"), [], "the same number at another bank");
    assert_eq!(books.counts(), [3, 1, 2, 0, 0]);
    assert_eq!(
        post(&books, first.no, &stall, NEVER, "an").expect("posted"),
        Posting::Posted
    );
    assert_eq!(
        (books.counts(), books.amounts()),
        ([3, 2, 1, 0, 0], [111_000, 51_000, 60_000, 0])
    );
    assert_eq!(
        books.receipts(),
        [
            "moi THU5THUX 50000 0",
            "one AAAA 1000 0".replace("AAAA", &code_of(&books)).as_str()
        ]
    );
    let again = post(&books, first.no, &stall, NEVER, "an");
    assert!(
        matches!(again, Err(StoreError::Conflict(Conflict::NoticeNotWaiting))),
        "{again:?}"
    );
    // The provider tells of it once more: it is known.
    books.post(&[delivery(
        "m4",
        &with(stranger("T1", 50_000), "note", "THU5THUX tien rau".into()),
    )]);
    assert_eq!(books.counts(), [3, 2, 1, 0, 1]);
    // Figures asked for as known before the decision do not have it, those of now do.
    let active = |known_at| {
        let (_, facts) = books.facts(market_day(), known_at);
        facts
            .households
            .iter()
            .filter(|h| h.receipts.iter().any(|n| *n > 0))
            .count()
    };
    assert_eq!((active(Some(noon())), active(None)), (1, 2));
    assert_eq!(active(Some(TimeMs(noon().0 + 9_000))), 2);
}

/// The code of household `one`, which the register gave.
fn code_of(books: &Books) -> String {
    let sql = "SELECT s.stall_code FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref = 'one'";
    books.rows(sql).remove(0)
}

fn a_large_payment_waits_for_a_second_person(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &stranger("T1", 5_000_000))]);
    let stall = stall_with_the_account(&books);
    let no = waiting(&books)[0].no;
    assert_eq!(
        post(&books, no, &stall, 2_000_000, "an").expect("proposed"),
        Posting::Waits
    );
    assert_eq!(
        post(&books, no, &stall, 2_000_000, "an").expect("proposed"),
        Posting::Waits,
        "nobody is two people"
    );
    assert_eq!(books.counts()[2], 1);
    assert_eq!(
        post(&books, no, &stall, 2_000_000, "bình").expect("agreed"),
        Posting::Posted
    );
    assert_eq!(books.counts(), [1, 1, 0, 0, 0]);
    let acts = books.rows("SELECT what || ' ' || by_name FROM act");
    assert_eq!(acts, ["post bình", "propose an", "propose an"]);
}

fn what_was_counted_before_is_counted_with_it(database: Database) {
    let books = with_provider(database);
    books.post(&[
        delivery("m1", &stranger("T1", 50_000)),
        delivery("m2", &payment("T2", 1_000)),
    ]);
    // Told of long after its day.
    books.post_at(&[delivery("m3", &stranger("T3", 70_000))], on_day(9, 0));
    let stall = stall_with_the_account(&books);
    books.run(books.store.count_receipts()).expect("counted");
    for notice in waiting(&books) {
        assert_eq!(
            post(&books, notice.no, &stall, NEVER, "an").expect("posted"),
            Posting::Posted
        );
    }
    let days = books.household_days();
    assert!(
        days.iter()
            .any(|day| day.starts_with("moi ") && day.ends_with(" 2 120000 0 2")),
        "{days:?}"
    );
    let held = books
        .run(books.store.day_receipts("p", market_day()))
        .expect("receipts");
    assert_eq!(
        held.len(),
        3,
        "the late one is found among the receipts of its day"
    );
}

fn a_refund_that_waited_finds_its_payment(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &stranger("T1", 50_000))]);
    books.post(&[delivery(
        "m2",
        &to_account(refund("F1", "T1", 20_000), "99990077"),
    )]);
    let stall = stall_with_the_account(&books);
    let [payment, refund] = waiting(&books).try_into().expect("two wait");
    assert!(!refund.is_postable() && payment.is_postable());
    let refused = post(&books, refund.no, &stall, NEVER, "an");
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::NoticeNotPostable))),
        "{refused:?}"
    );
    let aside = books.run(
        books
            .store
            .dismiss_waiting(refund.no, "không có", actor("an", noon())),
    );
    assert!(
        matches!(aside, Err(StoreError::Conflict(_))),
        "it finds its payment by itself"
    );
    assert_eq!(
        post(&books, payment.no, &stall, NEVER, "an").expect("posted"),
        Posting::Posted
    );
    assert_eq!(books.receipts(), ["moi THU5THUX 50000 20000"]);
    assert_eq!(books.counts(), [2, 2, 0, 0, 0]);
}

fn a_notice_is_set_aside_and_counts_no_more(database: Database) {
    let books = with_provider(database);
    books.post(&[delivery("m1", &payment("T1", 50_000))]);
    books.post(&[delivery("m2", &payment("T1", 55_000))]);
    let [other] = waiting(&books).try_into().expect("one waits");
    assert!(!other.is_postable(), "{}", other.reason);
    let beside = books.run(books.store.events_beside(&other)).expect("beside");
    let seen: Vec<_> = beside
        .iter()
        .map(|entry| (entry.amount.vnd(), entry.state.as_str()))
        .collect();
    assert_eq!(seen, [(50_000, "posted")], "both are seen");
    let aside = |reason: &str| books.run(books.store.dismiss_waiting(other.no, reason, actor("an", noon())));
    assert!(matches!(
        aside(" x "),
        Err(StoreError::Conflict(Conflict::Decision(_)))
    ));
    aside("nhà cung cấp báo nhầm").expect("set aside");
    assert_eq!(
        (books.counts(), books.amounts()),
        ([2, 1, 0, 1, 0], [105_000, 50_000, 0, 55_000])
    );
    assert!(matches!(
        aside("lần nữa"),
        Err(StoreError::Conflict(Conflict::NoticeNotWaiting))
    ));
    assert_eq!(books.rows("SELECT what FROM act"), ["dismiss"]);
}

fn what_a_person_posted_stands_in_the_chain(database: Database) {
    let mut books = with_provider(database);
    books.post(&[delivery("m1", &stranger("T1", 50_000))]);
    let stall = stall_with_the_account(&books);
    let no = waiting(&books)[0].no;
    post(&books, no, &stall, NEVER, "an").expect("posted");
    let acts = books
        .run(
            books
                .store
                .acts_of("p", choso::reconcile::Subject::Entry(no.get())),
        )
        .expect("acts");
    assert_eq!((acts.len(), acts[0].what), (1, ActKind::Post));
    let walk = |books: &Books| books.run(books.store.walk_acts()).expect("walked");
    assert_eq!(walk(&books), (1, None));
    let entries = books.run(books.store.audit_entries(no, 1)).expect("entries");
    assert!(entries[0].receipt.is_none(), "as the notice it came as");
    let one = stall_of(&books, "one");
    books.tamper(&format!("UPDATE receipt SET stall_id = '{one}'"));
    let (_, broken) = walk(&books);
    assert!(broken.expect("it breaks").contains("not what act 1 says"));
    books.tamper("DELETE FROM posted_by_hand");
    assert!(
        walk(&books)
            .1
            .expect("it breaks")
            .contains("0 receipts posted by hand, but 1 acts")
    );
}

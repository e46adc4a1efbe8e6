//! Orders that wait to be paid, and bank transfers that two providers report.

use choso::access::SealingKey;
use choso::ledger::Reason;
use choso::notice::{Delivery, Outcome};
use choso::store::{NewOrder, Store, StoreError, WriterMemory};
use choso::vn::{Dong, TimeMs};
use serde_json::{Value, json};

use crate::support::*;

on_both! {
    an_order_is_kept_once
    the_payment_of_an_order_goes_to_its_stall
    an_order_never_moves_money_to_another_accounts_stall
    another_amount_than_the_order_asks_waits
    an_order_that_is_recorded_late_serves_the_next_payment
    a_refund_that_names_the_order_finds_its_payment
    an_order_paid_twice_is_for_a_person
    one_bank_transfer_of_two_providers_is_one_receipt
    one_bank_transfer_in_one_batch_is_one_receipt
    one_bank_transfer_across_midnight_is_one_receipt
    transfers_that_differ_are_different
    what_is_parked_claims_no_transfer
    a_refund_by_the_provider_that_was_not_believed_moves_nothing
    what_brought_no_money_is_told_again_that_its_order_is_unknown
}

/// A store with the invented register and providers `p` and `q`.
fn with_providers(database: Database) -> Books {
    let books = Books::with_register(database);
    for id in ["p", "q"] {
        let new = new_standard(id, &SealingKey::from_random([7; 32]));
        books
            .run(books.store.add_provider(&new, registered_at()))
            .expect("a provider");
    }
    books
}

fn stall(books: &Books, code: &str) -> String {
    books
        .rows(&format!("SELECT stall_id FROM stall WHERE stall_code = '{code}'"))
        .remove(0)
}

/// An order of provider `p`.
fn order(reference: &str, stall_id: &str, vnd: Option<i64>) -> NewOrder {
    NewOrder {
        provider_id: "p".to_owned(),
        reference: reference.to_owned(),
        stall_id: stall_id.to_owned(),
        amount: vnd.map(Dong::new),
    }
}

fn keep(books: &Books, order: &NewOrder) -> Result<(), StoreError> {
    books.create(async |creation| creation.keep_order(order, actor("thu", noon())).await)
}

/// As [`delivery`], by a provider whose scheme has orders.
fn of_orders(id: &str, body: &Value) -> Delivery {
    let mut delivery = delivery(id, body);
    delivery.has_orders = true;
    delivery
}

/// Without account, so that only the order tells whose it is.
fn nameless(id: &str, vnd: i64) -> Value {
    with(
        with(payment(id, vnd), "account", Value::Null),
        "terminal",
        "POS-LA".into(),
    )
}

fn an_order_is_kept_once(database: Database) {
    let books = with_providers(database);
    let one = stall(&books, "HC7K3M9J");
    let two = stall(&books, "ABCDEFG7");
    let first = order("O1", &one, Some(5_000));
    keep(&books, &first).expect("an order");
    keep(&books, &first).expect("the same again");
    for other in [
        order("O1", &two, Some(5_000)),
        order("O1", &one, Some(5_001)),
        order("O1", &one, None),
    ] {
        assert!(
            matches!(keep(&books, &other), Err(StoreError::Conflict(_))),
            "{other:?}"
        );
    }
    // Another provider has references of its own.
    let mut foreign = order("O1", &two, None);
    foreign.provider_id = "q".to_owned();
    keep(&books, &foreign).expect("an order");
    keep(&books, &foreign).expect("the same again");
    let mut nobody = foreign.clone();
    nobody.provider_id = "nobody".to_owned();
    for missing in [nobody, order("O2", "no-stall", None)] {
        assert!(
            matches!(keep(&books, &missing), Err(StoreError::Missing(_))),
            "{missing:?}"
        );
    }
    assert_eq!(
        books.rows(
            "SELECT provider_id || ' ' || reference || ' ' || COALESCE(amount_vnd, 0) FROM payment_order"
        ),
        ["p O1 5000", "q O1 0"]
    );
}

fn the_payment_of_an_order_goes_to_its_stall(database: Database) {
    let books = with_providers(database);
    keep(&books, &order("R-T1", &stall(&books, "ABCDEFG7"), Some(1_000))).expect("an order");
    keep(&books, &order("R-T2", &stall(&books, "HC7K3M9J"), None)).expect("an order");
    let told = books.post(&[
        // The account serves two stalls; the order says which. Its note has no word in this.
        of_orders(
            "m1",
            &with(
                to_account(payment("T1", 1_000), "00000022"),
                "note",
                "HC7K3M9J".into(),
            ),
        ),
        // Nothing but the order, and any amount will do.
        of_orders("m2", &nameless("T2", 2_000)),
        of_orders("m3", &nameless("T3", 3_000)),
    ]);
    assert_eq!(
        told.outcomes,
        [Outcome::Stored, Outcome::Stored, Outcome::UnknownOrder]
    );
    assert_eq!(books.receipts(), ["two ABCDEFG7 1000 0", "two HC7K3M9J 2000 0"]);
    assert_eq!(books.reasons(), [Reason::UnknownOrder.as_str()]);
    // The same references of another provider are not known.
    let mut foreign = of_orders("m4", &nameless("T2", 2_000));
    foreign.provider_id = "q".into();
    assert_eq!(books.post(&[foreign]).outcomes, [Outcome::UnknownOrder]);
}

fn an_order_never_moves_money_to_another_accounts_stall(database: Database) {
    let books = with_providers(database);
    keep(&books, &order("R-T1", &stall(&books, "THU3THUS"), None)).expect("an order");
    books.post(&[of_orders(
        "m1",
        &with(
            to_account(payment("T1", 1_000), "00000022"),
            "note",
            "HC7K3M9J".into(),
        ),
    )]);
    assert_eq!(
        books.receipts(),
        ["two HC7K3M9J 1000 0"],
        "the payee account wins"
    );
}

fn another_amount_than_the_order_asks_waits(database: Database) {
    let books = with_providers(database);
    for n in 1..=3 {
        keep(
            &books,
            &order(&format!("R-T{n}"), &stall(&books, "HC7K3M9J"), Some(5_000)),
        )
        .expect("an order");
    }
    let differs = Outcome::AmountDiffers {
        expected: Dong::new(5_000),
    };
    let told = books.post(&[
        of_orders("m1", &nameless("T1", 4_999)),
        of_orders("m2", &nameless("T2", 5_001)),
    ]);
    assert_eq!(told.outcomes, [differs.clone(), differs]);
    assert_eq!(books.reasons(), [Reason::OrderAmountDiffers.as_str(); 2]);
    assert_eq!(books.post(&[of_orders("m3", &nameless("T3", 5_000))]).receipts, 1);
    // A payment that failed is answered by its order too, and moves nothing.
    let mut failed = nameless("T2", 7_000);
    failed["type"] = "payment.failed".into();
    assert!(matches!(
        books.post(&[of_orders("m4", &failed)]).outcomes[0],
        Outcome::AmountDiffers { .. }
    ));
    assert_eq!(books.counts(), [4, 1, 2, 1, 0]);
}

fn an_order_that_is_recorded_late_serves_the_next_payment(database: Database) {
    let books = with_providers(database);
    let early = of_orders("m1", &nameless("T1", 1_000));
    assert_eq!(
        books.post(std::slice::from_ref(&early)).outcomes,
        [Outcome::UnknownOrder]
    );
    keep(&books, &order("R-T1", &stall(&books, "HC7K3M9J"), Some(1_000))).expect("an order");
    // The writer that remembers the register sees the order at once; the parked notice stays parked.
    assert_eq!(books.post(&[early]).outcomes, [Outcome::Repeat]);
    let next = with(nameless("T2", 1_000), "reference", "R-T1".into());
    assert_eq!(books.post(&[of_orders("m2", &next)]).outcomes, [Outcome::Stored]);
    assert_eq!(books.counts(), [2, 1, 1, 0, 1]);
}

/// A refund that names only the order of this payment.
fn refund_of_order(id: &str, payment_id: &str, vnd: i64) -> Delivery {
    let item = with(refund(id, "", vnd), "reference", format!("R-{payment_id}").into());
    let mut delivery = of_orders(id, &item);
    delivery.items[0].details.payment_event_id.clear();
    delivery
}

fn a_refund_that_names_the_order_finds_its_payment(database: Database) {
    let books = with_providers(database);
    for n in 1..=3 {
        keep(
            &books,
            &order(&format!("R-T{n}"), &stall(&books, "HC7K3M9J"), Some(5_000)),
        )
        .expect("an order");
    }
    books.post(&[of_orders("m1", &nameless("T1", 5_000))]);
    books.post(&[refund_of_order("F1", "T1", 1_000)]);
    // Before its payment, and together with it, a day later.
    books.post(&[refund_of_order("F2", "T2", 2_000)]);
    books.post_at(&[of_orders("m2", &nameless("T2", 5_000))], on_day(1, 0));
    books.post_at(
        &[
            refund_of_order("F3", "T3", 3_000),
            of_orders("m3", &nameless("T3", 5_000)),
        ],
        on_day(1, 0),
    );
    assert_eq!(
        books.receipts(),
        [
            "two HC7K3M9J 5000 1000",
            "two HC7K3M9J 5000 2000",
            "two HC7K3M9J 5000 3000"
        ]
    );
    assert_eq!(books.counts(), [6, 6, 0, 0, 0]);
}

fn an_order_paid_twice_is_for_a_person(database: Database) {
    let books = with_providers(database);
    keep(&books, &order("R-T1", &stall(&books, "HC7K3M9J"), None)).expect("an order");
    let second = with(nameless("T2", 5_000), "reference", "R-T1".into());
    books.post(&[of_orders("m1", &nameless("T1", 5_000)), of_orders("m2", &second)]);
    books.post(&[refund_of_order("F1", "T1", 5_000)]);
    assert_eq!(books.counts(), [3, 2, 1, 0, 0]);
    assert_eq!(books.reasons(), [Reason::RefundBeforePayment.as_str()]);
    assert!(
        books.receipts().iter().all(|r| r.ends_with(" 5000 0")),
        "nobody guesses which"
    );
}

/// What a provider says of a bank transfer.
fn transfer(provider: &str, id: &str, bank_ref: &str, vnd: i64) -> Delivery {
    let mut delivery = delivery(&format!("{provider}-{id}"), &payment(id, vnd));
    delivery.provider_id = provider.into();
    delivery.items[0].details.bank_ref = Some(bank_ref.to_owned());
    delivery
}

/// Receipts, and the reasons of what was ignored with whose word it was.
fn transfers(books: &Books) -> (Vec<String>, Vec<String>) {
    (
        books.rows("SELECT provider_id || ' ' || provider_txn_id || ' ' || amount_vnd FROM receipt"),
        books.rows(
            "SELECT provider_id || ' ' || event_id || ' ' || reason FROM notice WHERE state = 'ignored'",
        ),
    )
}

fn one_bank_transfer_of_two_providers_is_one_receipt(database: Database) {
    let books = with_providers(database);
    for (first, second, bank_ref) in [("p", "q", "FT1"), ("q", "p", "FT2")] {
        let posted = books.post(&[transfer(first, "T1", bank_ref, 1_000)]);
        assert_eq!(posted.receipts, 1);
        let posted = books.post(&[transfer(second, "X1", bank_ref, 1_000)]);
        assert_eq!(
            (posted.receipts, posted.outcomes),
            (0, vec![Outcome::Stored]),
            "{second}"
        );
        // Each provider's retry is a repeat.
        let again = books.post(&[
            transfer(first, "T1", bank_ref, 1_000),
            transfer(second, "X1", bank_ref, 1_000),
        ]);
        assert_eq!(again.outcomes, [Outcome::Repeat, Outcome::Repeat]);
    }
    let (receipts, ignored) = transfers(&books);
    assert_eq!(receipts, ["p T1 1000", "q T1 1000"]);
    assert_eq!(ignored, ["p X1 same_transfer", "q X1 same_transfer"]);
    assert_eq!(books.counts(), [4, 2, 0, 2, 4]);
    assert_eq!(books.amounts(), [4_000, 2_000, 0, 2_000]);
}

fn one_bank_transfer_in_one_batch_is_one_receipt(database: Database) {
    let books = with_providers(database);
    books.post(&[
        transfer("q", "X1", "FT1", 1_000),
        transfer("p", "T1", "FT1", 1_000),
        transfer("p", "T2", "FT2", 2_000),
        transfer("q", "X2", "FT2", 2_000),
    ]);
    let (receipts, ignored) = transfers(&books);
    assert_eq!(receipts, ["p T2 2000", "q X1 1000"], "the first of the batch");
    assert_eq!(ignored, ["p T1 same_transfer", "q X2 same_transfer"]);
}

fn one_bank_transfer_across_midnight_is_one_receipt(database: Database) {
    let books = with_providers(database);
    let before = on_day(0, 1439);
    let after = on_day(1, 1);
    books.post_at(&[transfer("p", "T1", "FT1", 1_000)], before);
    books.post_at(&[transfer("q", "X1", "FT1", 1_000)], after);
    // The other way round: the second one's instance has a clock that is behind.
    let other = books
        .run(Store::open(&books.database.url))
        .expect("a second instance");
    let mut memory = WriterMemory::default();
    let mut there = |delivery: Delivery, at: TimeMs| {
        books
            .run(other.post(&arrivals(&[delivery], at), &mut memory))
            .expect("a batch");
    };
    there(transfer("q", "X0", "FT0", 500), before);
    books.post_at(&[transfer("p", "T2", "FT2", 2_000)], after);
    there(transfer("q", "X2", "FT2", 2_000), before);
    books.run(other.close());
    books.post_at(&[transfer("q", "X3", "FT1", 1_000)], on_day(1, 40));
    let (receipts, ignored) = transfers(&books);
    assert_eq!(receipts, ["p T1 1000", "p T2 2000", "q X0 500"]);
    assert_eq!(
        ignored,
        ["q X1 same_transfer", "q X2 same_transfer", "q X3 same_transfer"]
    );
}

fn transfers_that_differ_are_different(database: Database) {
    let books = with_providers(database);
    books.post(&[transfer("p", "T1", "FT1", 1_000)]);
    let mut elsewhere = transfer("q", "X2", "FT1", 1_000);
    elsewhere.items[0].details.account_number = "00000055".to_owned();
    elsewhere.items[0].details.bank_bin = Some("970422".to_owned());
    let nothing = |provider: &str, id: &str| transfer(provider, id, "", 1_000);
    books.post(&[
        transfer("q", "X1", "FT1", 1_001),
        elsewhere,
        transfer("q", "X3", "FT3", 1_000),
        // No reference of the bank says nothing.
        nothing("p", "T4"),
        nothing("q", "X4"),
        // A provider's own ids tell its own transfers apart.
        transfer("p", "T5", "FT1", 1_000),
    ]);
    assert_eq!(books.counts(), [7, 7, 0, 0, 0]);
}

fn what_is_parked_claims_no_transfer(database: Database) {
    let books = with_providers(database);
    // An account that nobody has, an id used again, an event with other content, alone and in one batch.
    let mut stranger = transfer("p", "T1", "FT1", 1_000);
    stranger.items[0].details.bank_bin = Some("970436".to_owned());
    let mut reused = transfer("p", "T2", "FT2", 2_000);
    reused.delivery_id = stranger.delivery_id.clone();
    books.post(&[stranger, reused, transfer("p", "T3", "FT3", 3_000)]);
    let other = |id: &str, bank_ref: &str, vnd| {
        let mut other = transfer("p", id, bank_ref, vnd);
        other.delivery_id = Some(format!("other-{id}"));
        other
    };
    books.post(&[
        other("T3", "FT3", 3_001),
        transfer("p", "T4", "FT4", 4_000),
        other("T4", "FT4", 4_001),
    ]);
    assert_eq!(books.counts(), [6, 2, 4, 0, 0]);
    // Another provider's word for each of them is the first that can be posted.
    books.post(&[
        transfer("q", "X1", "FT1", 1_000),
        transfer("q", "X2", "FT2", 2_000),
        transfer("q", "X3", "FT3", 3_001),
        transfer("q", "X4", "FT4", 4_001),
        transfer("q", "X5", "FT4", 4_000),
    ]);
    let (receipts, ignored) = transfers(&books);
    let wanted = json!([
        "p T3 3000",
        "p T4 4000",
        "q X1 1000",
        "q X2 2000",
        "q X3 3001",
        "q X4 4001"
    ]);
    assert_eq!(json!(receipts), wanted);
    assert_eq!(ignored, ["q X5 same_transfer"]);
}

fn a_refund_by_the_provider_that_was_not_believed_moves_nothing(database: Database) {
    let books = with_providers(database);
    let back = |provider: &str, id: &str, of: &str| {
        let mut delivery = delivery(&format!("{provider}-{id}"), &refund(id, of, 1_000));
        delivery.provider_id = provider.into();
        delivery
    };
    books.post(&[transfer("p", "T1", "FT1", 1_000)]);
    // Before and after the payment it takes back: whoever told of the money tells of its way back.
    books.post(&[back("q", "Y1", "X1")]);
    assert_eq!(books.reasons(), [Reason::RefundBeforePayment.as_str()]);
    books.post(&[transfer("q", "X1", "FT1", 1_000)]);
    books.post(&[back("q", "Y2", "X1")]);
    assert_eq!(books.counts(), [4, 1, 0, 3, 0]);
    let (receipts, ignored) = transfers(&books);
    assert_eq!(receipts, ["p T1 1000"]);
    assert_eq!(
        ignored,
        ["q X1 same_transfer", "q Y1 same_transfer", "q Y2 same_transfer"]
    );
    assert_eq!(books.rows("SELECT event_id FROM refund_waiting"), [""; 0]);
    books.post(&[back("p", "F1", "T1")]);
    assert_eq!(books.counts(), [5, 2, 0, 3, 0]);
    assert!(books.receipts()[0].ends_with(" 1000 1000"));
}

fn what_brought_no_money_is_told_again_that_its_order_is_unknown(database: Database) {
    let books = with_providers(database);
    let mut failed = nameless("T1", 5_000);
    failed["type"] = "payment.failed".into();
    for (id, time) in [("m1", noon()), ("m2", on_day(0, 730)), ("m3", on_day(3, 0))] {
        let told = books.post_at(&[of_orders(id, &failed)], time).outcomes;
        assert_eq!(told, [Outcome::UnknownOrder]);
    }
    assert_eq!(books.counts(), [1, 0, 0, 1, 2]);
}

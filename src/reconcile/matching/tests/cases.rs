//! One case each, small enough to be checked by hand.

use super::*;

fn only(outcome: &Outcome) -> &RowOutcome {
    assert_eq!(outcome.rows.len(), 1);
    &outcome.rows[0]
}

#[test]
fn an_id_ties_and_the_first_difference_names() {
    let c = receipt(1, 50_000);
    let plain = row_of(9, &c);
    let stranger = Payee::Household {
        household: 2,
        stall: None,
    };
    let cases: [(&str, &str, RowSide); 9] = [
        ("matched_auto", "matched_auto", plain),
        (
            "matched_auto",
            "matched_auto",
            RowSide {
                payee: Payee::NotNamed,
                ..plain
            },
        ),
        (
            "unknown_account",
            "unknown_account",
            RowSide {
                payee: stranger,
                amount_vnd: 1,
                ..plain
            },
        ),
        (
            "unknown_account",
            "unknown_account",
            RowSide {
                payee: Payee::Unknown,
                ..plain
            },
        ),
        (
            "status_differs",
            "status_differs",
            RowSide {
                status: RowStatus::Failed,
                amount_vnd: 1,
                ..plain
            },
        ),
        (
            "amount_differs",
            "amount_differs",
            RowSide {
                amount_vnd: 49_999,
                day: day().plus(5),
                ..plain
            },
        ),
        (
            "date_differs",
            "date_differs",
            RowSide {
                day: day().plus(2),
                fee_gap_vnd: 7,
                ..plain
            },
        ),
        (
            "fee_differs",
            "matched_auto",
            RowSide {
                day: day().plus(1),
                fee_gap_vnd: 7,
                ..plain
            },
        ),
        (
            "fee_line",
            "missing_in_statement",
            RowSide {
                kind: RowKind::Fee,
                ..plain
            },
        ),
    ];
    for (word, receipt_word, row) in cases {
        let outcome = run(&[c], &[row]);
        assert_eq!(
            (kinds(&outcome), receipt_kinds(&outcome)),
            (vec![word], vec![receipt_word]),
            "{row:?}"
        );
    }
    let outcome = run(
        &[c],
        &[RowSide {
            amount_vnd: 49_000,
            ..plain
        }],
    );
    let finding = only(&outcome).finding;
    assert_eq!(
        finding,
        Finding::AmountDiffers {
            difference_vnd: -1_000
        }
    );
    let outcome = run(
        &[c],
        &[RowSide {
            day: day().plus(-1),
            ..plain
        }],
    );
    assert_eq!(
        (only(&outcome).shift_days, only(&outcome).by),
        (-1, Some(Pass::TransactionId))
    );
}

#[test]
fn a_reference_ties_where_the_id_is_broken() {
    let a = receipt(1, 50_000);
    let b = receipt(2, 50_000);
    let by_ref = |no, c: &ReceiptSide| RowSide {
        txn: Some(id("broken")),
        ..row_of(no, c)
    };
    let outcome = run(&[a, b], &[by_ref(9, &b)]);
    assert_eq!(outcome.receipts_of(only(&outcome)), [2]);
    assert_eq!(only(&outcome).by, Some(Pass::BankReference));
    // The same reference for two payments of one batch: the amount tells them apart.
    let shared = |c: ReceiptSide| ReceiptSide {
        bank_ref: Some(id("batch")),
        ..c
    };
    let a = shared(receipt(1, 50_000));
    let b = shared(receipt(2, 60_000));
    let nameless_of = |no, c: &ReceiptSide| RowSide {
        txn: None,
        ..row_of(no, c)
    };
    let outcome = run(&[a, b], &[nameless_of(9, &b), nameless_of(10, &a)]);
    assert_eq!(kinds(&outcome), ["matched_auto"; 2]);
    assert_eq!(
        (outcome.receipts[0].row_no, outcome.receipts[1].row_no),
        (Some(10), Some(9))
    );
    assert!(outcome.rows.iter().all(|r| r.by == Some(Pass::BankReference)));
    // And two other amounts under it could be either.
    let other = |no, amount_vnd| RowSide {
        amount_vnd,
        ..nameless_of(no, &a)
    };
    let outcome = run(&[a, b], &[other(9, 70_000), other(10, 80_000)]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"; 2], vec!["ambiguous"; 2])
    );
}

#[test]
fn a_second_row_has_no_effect() {
    let c = receipt(1, 50_000);
    let first = row_of(9, &c);
    let same = RowSide {
        no: row_no(1, 10),
        ..first
    };
    let other = RowSide {
        amount_vnd: 60_000,
        ..row_of(row_no(1, 11), &c)
    };
    // Another amount is another payment, whatever id the file gives to both. Without an id the reference says it, if
    // amount and account agree too.
    let by_ref = RowSide {
        txn: None,
        ..row_of(row_no(2, 12), &c)
    };
    let outcome = run(&[c], &[other, same, by_ref, first]);
    assert_eq!(
        kinds(&outcome),
        ["matched_auto", "duplicate_row", "missing_notice", "duplicate_row"]
    );
    let of = |at: usize| outcome.rows[at].finding;
    assert_eq!(
        of(1),
        Finding::DuplicateRow {
            of: 9,
            is_same_content: true
        }
    );
    assert_eq!(
        of(3),
        Finding::DuplicateRow {
            of: 9,
            is_same_content: false
        }
    );
}

#[test]
fn one_id_of_two_merchants_is_two_payments() {
    let txn = id("shared");
    let a = ReceiptSide {
        txn,
        bank_ref: None,
        ..receipt(1, 50_000)
    };
    let b = ReceiptSide {
        no: 2,
        household: 2,
        stall: Some(20),
        ..a
    };
    let row = |no, household| RowSide {
        payee: Payee::Household {
            household,
            stall: None,
        },
        ..row_of(no, &a)
    };
    let outcome = run(&[a, b], &[row(9, 2), row(10, 1)]);
    assert_eq!(kinds(&outcome), ["matched_auto"; 2]);
    assert_eq!(
        (
            outcome.receipts_of(&outcome.rows[0]),
            outcome.receipts_of(&outcome.rows[1])
        ),
        (&[2][..], &[1][..])
    );
}

#[test]
fn stall_amount_and_day_match_what_has_no_id() {
    let c = receipt(1, 50_000);
    let row = RowSide {
        payee: Payee::NotNamed,
        stall_in_note: Some(10),
        occurred_at: None,
        ..nameless(9, 50_000)
    };
    let outcome = run(&[c], &[row]);
    assert_eq!(
        (only(&outcome).by, receipt_kinds(&outcome)),
        (Some(Pass::StallAmountDay), vec!["matched_auto"])
    );
    let cases = [
        (
            "matched_auto",
            RowSide {
                day: day().plus(1),
                ..row
            },
        ),
        (
            "missing_notice",
            RowSide {
                day: day().plus(2),
                ..row
            },
        ),
        (
            "missing_notice",
            RowSide {
                stall_in_note: Some(11),
                ..row
            },
        ),
        (
            "missing_notice",
            RowSide {
                amount_vnd: 50_001,
                ..row
            },
        ),
        // Seven hours off is no payment of that time; nobody shifts it silently.
        (
            "missing_notice",
            RowSide {
                occurred_at: Some(at(1020)),
                ..row
            },
        ),
        (
            "unknown_account",
            RowSide {
                payee: Payee::Unknown,
                ..row
            },
        ),
        (
            "unknown_account",
            RowSide {
                stall_in_note: None,
                ..row
            },
        ),
    ];
    for (word, row) in cases {
        assert_eq!(kinds(&run(&[c], &[row])), [word], "{row:?}");
    }
    // Two rows that name nothing but the stall, and one receipt.
    let two = [
        row,
        RowSide {
            no: 10,
            content: id("b"),
            ..row
        },
    ];
    assert_eq!(kinds(&run(&[c], &two)), ["ambiguous"; 2]);
    // Near, but of another stall of the household: a person is asked, nothing is taken.
    let payee = Payee::Household {
        household: 1,
        stall: None,
    };
    let other_stall = RowSide {
        payee,
        stall_in_note: Some(11),
        ..row
    };
    assert_eq!(kinds(&run(&[c], &[other_stall])), ["ambiguous"]);
    // The note only chooses among stalls of the account.
    let foreign = Payee::Household {
        household: 2,
        stall: None,
    };
    assert_eq!(
        kinds(&run(
            &[c],
            &[RowSide {
                payee: foreign,
                ..row
            }]
        )),
        ["missing_notice"]
    );
}

#[test]
fn account_amount_and_time_match_what_has_no_stall() {
    let morning = receipt(1, 50_000);
    let evening = ReceiptSide {
        occurred_at: Some(at(1100)),
        stall: Some(11),
        ..receipt(2, 50_000)
    };
    let row = |no, minutes| RowSide {
        occurred_at: Some(at(minutes)),
        ..nameless(no, 50_000)
    };
    let outcome = run(&[morning, evening], &[row(9, 1095), row(10, 615)]);
    assert_eq!(kinds(&outcome), ["matched_auto"; 2]);
    assert_eq!(outcome.rows[0].tied, Tied::One(2));
    assert_eq!(outcome.rows[0].by, Some(Pass::AccountAmountTime));
    assert_eq!(kinds(&run(&[morning], &[row(9, 616)])), ["missing_notice"]);
    // A day alone is the window of a row that has no time, and here it holds two stalls.
    let untimed = RowSide {
        occurred_at: None,
        ..nameless(9, 50_000)
    };
    assert_eq!(kinds(&run(&[morning], &[untimed])), ["matched_auto"]);
    let outcome = run(&[morning, evening], &[untimed]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"], vec!["ambiguous"; 2])
    );
    assert_eq!(outcome.rows[0].finding, Finding::Ambiguous { candidates: 2 });
    // As many rows as receipts, but of two stalls: who is who matters.
    let two = [
        untimed,
        RowSide {
            no: 10,
            content: id("b"),
            ..untimed
        },
    ];
    assert_eq!(kinds(&run(&[morning, evening], &two)), ["ambiguous"; 2]);
}

#[test]
fn what_is_alike_in_everything_pairs_off_in_order_and_only_if_the_counts_are_equal() {
    let receipts: Vec<ReceiptSide> = (1..=3)
        .map(|no| ReceiptSide {
            occurred_at: Some(at(600 + 5 * no)),
            ..receipt(no, 50_000)
        })
        .collect();
    let row = |no: i64, minutes| RowSide {
        stall_in_note: Some(10),
        occurred_at: minutes,
        ..nameless(no, 50_000)
    };
    let timed: Vec<RowSide> = (1..=3).map(|n| row(20 - n, Some(at(600 + 5 * n)))).collect();
    let outcome = run(&receipts, &timed);
    assert_eq!(kinds(&outcome), ["matched_auto"; 3]);
    let rows: Vec<_> = outcome.receipts.iter().map(|c| c.row_no).collect();
    assert_eq!(rows, [Some(19), Some(18), Some(17)], "in the order of time");
    let untimed: Vec<RowSide> = (7..=9).map(|no| row(no, None)).collect();
    assert_eq!(kinds(&run(&receipts, &untimed)), ["matched_auto"; 3]);
    let outcome = run(&receipts, &untimed[..2]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"; 2], vec!["ambiguous"; 3])
    );
    let outcome = run(&receipts[..2], &untimed);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"; 3], vec!["ambiguous"; 2])
    );
}

#[test]
fn after_the_cutoff_a_payment_is_expected_a_day_later() {
    let late = ReceiptSide {
        occurred_at: Some(at(17 * 60)),
        ..receipt(1, 50_000)
    };
    let row = |days| RowSide {
        day: day().plus(days),
        ..row_of(9, &late)
    };
    let mut rules = rules();
    let word = |rules: &Rules, days| kinds(&match_sides(&mut sides(&[late], &[row(days)]), rules))[0];
    assert_eq!(
        (word(&rules, 1), word(&rules, 2)),
        ("matched_auto", "date_differs")
    );
    rules.cutoff_min = 16 * 60 + 30;
    assert_eq!(
        (word(&rules, 2), word(&rules, 3)),
        ("matched_auto", "date_differs")
    );
    assert_eq!(
        (word(&rules, -1), word(&rules, -2)),
        ("matched_auto", "date_differs")
    );
}

#[test]
fn without_a_row_a_receipt_waits_until_the_deadline() {
    let tomorrow = ReceiptSide {
        day: day().plus(1),
        ..receipt(2, 1_000)
    };
    let gone = ReceiptSide {
        refunded_vnd: 1_000,
        ..receipt(3, 1_000)
    };
    let outcome = run(&[receipt(1, 1_000), tomorrow, gone], &[]);
    assert_eq!(
        receipt_kinds(&outcome),
        ["missing_in_statement", "awaiting_statement", "reversed"]
    );
    assert_eq!(
        outcome.proof.by_kind[&FindingKind::MissingInStatement],
        Tally {
            count: 1,
            amount_vnd: 1_000
        }
    );
}

#[test]
fn a_status_is_final_after_a_day_and_gives_way_to_a_settled_row() {
    let c = receipt(1, 50_000);
    let pending = RowSide {
        status: RowStatus::Pending,
        ..row_of(9, &c)
    };
    let outcome = run(&[c], &[pending]);
    assert_eq!(only(&outcome).finding, Finding::StatusDiffers { is_final: false });
    let yesterday = RowSide {
        day: day().plus(-1),
        ..pending
    };
    assert_eq!(
        only(&run(&[c], &[yesterday])).finding,
        Finding::StatusDiffers { is_final: true }
    );
    assert_eq!(kinds(&run(&[], &[pending])), ["not_paid"]);
    let failed = |no| RowSide {
        status: RowStatus::Failed,
        ..row_of(no, &c)
    };
    assert_eq!(
        kinds(&run(&[c], &[pending, failed(10)])),
        ["superseded", "status_differs"]
    );
    // Settled after pending is the usual course; failed after settled is a contradiction to be seen.
    let outcome = run(&[c], &[pending, row_of(10, &c), failed(11)]);
    assert_eq!(kinds(&outcome), ["superseded", "matched_auto", "duplicate_row"]);
    let by_ref = RowSide { txn: None, ..pending };
    assert_eq!(kinds(&run(&[c], &[by_ref])), ["status_differs"]);
}

#[test]
fn decisions_come_first_and_stay() {
    let a = receipt(1, 50_000);
    let b = receipt(2, 60_000);
    let mut both = sides(&[a, b], &[row_of(9, &a), nameless(10, 110_000), row_of(11, &b)]);
    both.decided = vec![
        Decided {
            row_no: Some(10),
            decision: Decision::Manual,
            receipt_nos: vec![2, 1],
        },
        Decided {
            row_no: Some(11),
            decision: Decision::Forced,
            receipt_nos: vec![],
        },
        Decided {
            row_no: Some(99),
            decision: Decision::Manual,
            receipt_nos: vec![77],
        },
    ];
    let outcome = match_sides(&mut both, &rules());
    // The row that has the id of a receipt that a person gave to another row is no second payment.
    assert_eq!(
        kinds(&outcome),
        ["duplicate_row", "matched_manual", "matched_forced"]
    );
    assert_eq!(
        outcome.rows[0].finding,
        Finding::DuplicateRow {
            of: 10,
            is_same_content: false
        }
    );
    assert_eq!(outcome.receipts_of(&outcome.rows[1]), [1, 2]);
    assert_eq!(receipt_kinds(&outcome), ["matched_manual"; 2]);
}

#[test]
fn what_a_row_posted_stays_its_own_and_is_never_posted_twice() {
    let row = nameless(9, 50_000);
    let posted = ReceiptSide {
        posted_from_row: Some(9),
        bank_ref: None,
        ..receipt(1, 50_000)
    };
    assert_eq!(kinds(&run(&[], &[row])), ["missing_notice"]);
    let outcome = run(&[posted], &[row]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["missing_notice"], vec!["missing_notice"])
    );
    assert_eq!(only(&outcome).by, Some(Pass::Origin));
    // Another export of the same day, without an id: perhaps the same money, so nothing is posted.
    let again = RowSide {
        content: id("other layout"),
        no: row_no(1, 10),
        shape: 1,
        ..row
    };
    assert_eq!(
        kinds(&run(&[posted], &[row, again])),
        ["missing_notice", "ambiguous"]
    );
    // In one layout, or in one file, what is said otherwise is another payment.
    for other in [
        RowSide { shape: 0, ..again },
        RowSide {
            no: 10,
            shape: 0,
            ..again
        },
    ] {
        assert_eq!(
            kinds(&run(&[posted], &[row, other])),
            ["missing_notice", "missing_notice"]
        );
    }
    let later = RowSide {
        occurred_at: Some(at(700)),
        ..again
    };
    assert_eq!(
        kinds(&run(&[posted], &[row, later])),
        ["missing_notice", "missing_notice"]
    );
    // The row that posted it is not among these.
    let by_id = RowSide {
        txn: Some(posted.txn),
        ..again
    };
    for (again, word) in [(by_id, "duplicate_row"), (again, "ambiguous")] {
        let outcome = run(&[posted], &[again]);
        assert_eq!(kinds(&outcome), [word]);
        assert_eq!(outcome.receipts[0].kind, FindingKind::MissingNotice);
        assert_eq!(outcome.receipts[0].row_no, Some(9));
    }
    assert_eq!(receipt_kinds(&run(&[posted], &[])), ["missing_notice"]);
}

#[test]
#[should_panic(expected = "row numbers are unique")]
fn one_number_for_two_rows_is_refused() {
    let row = nameless(9, 1_000);
    run(&[], &[row, row]);
}

#[test]
fn a_row_booked_after_midnight_is_perhaps_the_payment_of_the_evening_before() {
    let evening = |minutes: i64| RowSide {
        txn: Some(id("T1")),
        occurred_at: Some(at(minutes)),
        ..nameless(9, 50_000)
    };
    let booked = RowSide {
        no: row_no(1, 10),
        shape: 1,
        content: id("the bank's message"),
        occurred_at: None,
        day: day().plus(1),
        ..nameless(9, 50_000)
    };
    let late = evening(23 * 60 + 58);
    let posted = |row: RowSide| ReceiptSide {
        posted_from_row: Some(row.no),
        day: row.day,
        txn: id("T1"),
        bank_ref: None,
        occurred_at: row.occurred_at,
        ..receipt(1, 50_000)
    };
    assert_eq!(
        kinds(&run(&[posted(late)], &[late, booked])),
        ["missing_notice", "ambiguous"]
    );
    assert_eq!(kinds(&run(&[], &[late, booked])), ["missing_notice", "ambiguous"]);
    // In the other order too: the message was posted first.
    let of_message = ReceiptSide {
        txn: id("statement row"),
        ..posted(booked)
    };
    assert_eq!(
        kinds(&run(&[of_message], &[late, booked])),
        ["ambiguous", "missing_notice"]
    );
    // At noon, of another amount, or two days later it is another payment.
    let noon = evening(12 * 60);
    assert_eq!(
        kinds(&run(&[posted(noon)], &[noon, booked])),
        ["missing_notice", "missing_notice"]
    );
    let others = [
        RowSide {
            amount_vnd: 50_001,
            ..booked
        },
        RowSide {
            day: day().plus(2),
            ..booked
        },
    ];
    for other in others {
        assert_eq!(
            kinds(&run(&[posted(late)], &[late, other])),
            ["missing_notice", "missing_notice"]
        );
    }
    // Where the message has the evening's payment on its own day, the next day's is another one.
    let own = RowSide {
        no: row_no(1, 11),
        content: id("the message of that day"),
        day: day(),
        ..booked
    };
    assert_eq!(
        kinds(&run(&[posted(late)], &[late, booked, own])),
        ["missing_notice", "missing_notice", "ambiguous"]
    );
}

#[test]
fn a_row_that_a_person_calls_its_own_payment_is_posted_and_undoing_takes_it_off() {
    let c = receipt(1, 50_000);
    let first = row_of(9, &c);
    let again = RowSide {
        no: row_no(1, 10),
        shape: 1,
        content: id("other layout"),
        txn: None,
        bank_ref: None,
        ..first
    };
    assert_eq!(kinds(&run(&[c], &[first, again])), ["matched_auto", "ambiguous"]);
    let own = |receipts: &[ReceiptSide], withdrawn: bool| {
        let mut both = sides(receipts, &[first, again]);
        if withdrawn {
            both.withdrawn = vec![again.no];
        } else {
            both.decided = vec![Decided {
                row_no: Some(again.no),
                decision: Decision::Own,
                receipt_nos: vec![],
            }];
        }
        match_sides(&mut both, &rules())
    };
    let outcome = own(&[c], false);
    assert_eq!(kinds(&outcome), ["matched_auto", "missing_notice"]);
    assert_eq!(
        outcome.rows[1].finding,
        Finding::MissingNotice { is_id_shared: true }
    );
    let posted = ReceiptSide {
        posted_from_row: Some(again.no),
        bank_ref: None,
        ..receipt(2, 50_000)
    };
    let outcome = own(&[c, posted], false);
    assert_eq!(kinds(&outcome), ["matched_auto", "missing_notice"]);
    assert!(outcome.corrections.is_empty());
    let outcome = own(&[c, posted], true);
    assert_eq!(kinds(&outcome), ["matched_auto", "ambiguous"]);
    let taken: Vec<(i64, i64)> = outcome
        .corrections
        .iter()
        .map(|c| (c.receipt_no, c.amount_vnd))
        .collect();
    assert_eq!(taken, [(2, -50_000)]);
}

#[test]
fn a_row_booked_after_the_weekend_is_perhaps_the_payment_of_its_value_day() {
    let saturday = RowSide {
        txn: Some(id("T1")),
        ..nameless(9, 50_000)
    };
    let booked = |valued_days_before: u8| RowSide {
        no: row_no(1, 10),
        shape: 1,
        content: id("the bank's message"),
        occurred_at: None,
        day: day().plus(2),
        valued_days_before,
        ..nameless(9, 50_000)
    };
    assert_eq!(
        kinds(&run(&[], &[saturday, booked(2)])),
        ["missing_notice", "ambiguous"]
    );
    for other in [booked(0), booked(1)] {
        assert_eq!(
            kinds(&run(&[], &[saturday, other])),
            ["missing_notice", "missing_notice"]
        );
    }
}

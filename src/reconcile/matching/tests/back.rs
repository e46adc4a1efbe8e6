//! Money that went back or out, and items that are no receipt.

use super::*;

#[test]
fn a_debit_for_a_payment_is_the_wrong_direction_and_after_it_money_back() {
    let c = receipt(1, 50_000);
    let debit = RowSide {
        kind: RowKind::Outgoing,
        ..row_of(10, &c)
    };
    let outcome = run(&[c], &[debit]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["wrong_direction"], vec!["wrong_direction"])
    );
    let outcome = run(&[c], &[row_of(9, &c), debit]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["matched_auto", "reversed"], vec!["reversed"])
    );
    let near = RowSide {
        kind: RowKind::Outgoing,
        ..nameless(10, 50_000)
    };
    assert_eq!(kinds(&run(&[c], &[near])), ["wrong_direction"]);
    // Sellers spend money too.
    for other in [
        RowSide {
            amount_vnd: 50_001,
            ..near
        },
        RowSide {
            occurred_at: Some(at(616)),
            ..near
        },
        RowSide {
            payee: Payee::Unknown,
            ..near
        },
    ] {
        assert_eq!(kinds(&run(&[c], &[other])), ["outgoing"]);
    }
    let twice = [
        near,
        RowSide {
            no: 11,
            content: id("b"),
            ..near
        },
    ];
    let outcome = run(&[c], &twice);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"; 2], vec!["ambiguous"])
    );
}

fn refund(no: i64, c: &ReceiptSide, amount_vnd: i64) -> RefundSide {
    RefundSide {
        no,
        receipt_no: c.no,
        txn: Some(id(&format!("R{no}"))),
        amount_vnd,
        day: c.day,
        posted_from_row: None,
    }
}

fn back(no: i64, c: &ReceiptSide, amount_vnd: i64) -> RowSide {
    RowSide {
        kind: RowKind::Refund,
        txn: Some(id(&format!("B{no}"))),
        refund_of: Some(c.txn),
        bank_ref: None,
        amount_vnd,
        ..row_of(no, c)
    }
}

#[test]
fn a_refund_meets_its_refund_or_is_new() {
    let mut c = receipt(1, 50_000);
    c.refunded_vnd = 20_000;
    let known = refund(5, &c, 20_000);
    let paid = row_of(8, &c);
    let with = |rows: &[RowSide]| {
        let mut sides = sides(&[c], rows);
        sides.refunds.push(known);
        match_sides(&mut sides, &rules())
    };
    let own = |row: RowSide| RowSide {
        txn: known.txn,
        refund_of: None,
        ..row
    };
    let cases: [(&[&str], Vec<RowSide>); 8] = [
        (&["matched_auto"], vec![own(back(9, &c, 20_000))]),
        (&["amount_differs"], vec![own(back(9, &c, 30_000))]),
        (
            &["matched_auto", "duplicate_row"],
            vec![own(back(9, &c, 20_000)), own(back(row_no(1, 10), &c, 20_000))],
        ),
        (&["matched_auto"], vec![back(9, &c, 20_000)]),
        (&["amount_differs"], vec![back(9, &c, 30_000)]),
        // Known, and the rest of it as well.
        (
            &["matched_auto", "reversed"],
            vec![back(9, &c, 20_000), back(10, &c, 30_000)],
        ),
        // Known, and more than is left.
        (
            &["matched_auto", "amount_differs"],
            vec![back(9, &c, 20_000), back(10, &c, 30_001)],
        ),
        (
            &["ambiguous", "ambiguous"],
            vec![back(9, &c, 10_000), back(10, &c, 15_000)],
        ),
    ];
    for (words, mut rows) in cases {
        rows.push(paid);
        let outcome = with(&rows);
        assert_eq!(kinds(&outcome)[1..], *words);
        let is_all_back = words.contains(&"reversed");
        let word = if is_all_back { "reversed" } else { "matched_auto" };
        assert_eq!(receipt_kinds(&outcome), [word], "{words:?}");
    }
    // The provider lists the payment less its refund, and nothing else.
    let less = RowSide {
        amount_vnd: 30_000,
        ..paid
    };
    assert_eq!(
        with(&[less]).rows[0].finding,
        Finding::MatchedAuto {
            less_refund_vnd: 20_000
        }
    );
    assert_eq!(with(&[]).refunds[0].kind, FindingKind::MissingInStatement);
    assert_eq!(with(&[back(9, &c, 20_000)]).refunds[0].row_no, Some(9));
}

#[test]
fn a_refund_without_a_notice_leaves_the_totals() {
    let c = receipt(1, 50_000);
    let under_its_id = |no, amount_vnd| RowSide {
        txn: Some(c.txn),
        refund_of: None,
        ..back(no, &c, amount_vnd)
    };
    let outcome = run(
        &[c],
        &[row_of(8, &c), under_its_id(9, 20_000), under_its_id(10, 30_000)],
    );
    assert_eq!(kinds(&outcome), ["matched_auto", "reversed", "reversed"]);
    assert_eq!(
        (outcome.receipts[0].kind, outcome.receipts[0].newly_back_vnd),
        (FindingKind::Reversed, 50_000)
    );
    // It may come before its payment's row, and the payment may have no notice either.
    let outcome = run(&[], &[back(7, &c, 50_000), row_of(8, &c)]);
    assert_eq!(kinds(&outcome), ["reversed", "missing_notice"]);
    assert_eq!(
        outcome.rows[0].finding,
        Finding::Reversed { payment_row: Some(8) }
    );
    let stray = RowSide {
        refund_of: None,
        ..back(9, &c, 50_000)
    };
    assert_eq!(kinds(&run(&[], &[stray])), ["refund_without_payment"]);
    // By amount alone nobody's payment is taken back.
    assert_eq!(
        kinds(&run(&[c], &[row_of(8, &c), stray])),
        ["matched_auto", "ambiguous"]
    );
    // But a refund that is known is found by its account, amount and day.
    let mut known = sides(
        &[ReceiptSide {
            refunded_vnd: 50_000,
            ..c
        }],
        &[row_of(8, &c), stray],
    );
    known.refunds.push(refund(5, &c, 50_000));
    assert_eq!(
        kinds(&match_sides(&mut known, &rules())),
        ["matched_auto", "matched_auto"]
    );
}

#[test]
fn items_that_are_no_receipt_meet_the_row_of_their_transaction() {
    let c = receipt(1, 50_000);
    let notice = |no, state| NoticeSide {
        no,
        txn: c.txn,
        amount_vnd: 50_000,
        day: day(),
        state,
    };
    let mut waiting = sides(&[], &[row_of(9, &c), back(10, &c, 50_000)]);
    waiting.rows[1].txn = Some(c.txn);
    waiting.notices = vec![
        notice(5, NoticeState::PaymentSuspect),
        notice(6, NoticeState::RefundWaiting),
        notice(7, NoticeState::UnknownAccount),
    ];
    let outcome = match_sides(&mut waiting, &rules());
    let said: Vec<_> = outcome.notices.iter().map(|n| (n.kind, n.row_no)).collect();
    assert_eq!(
        said,
        [
            (None, Some(9)),
            (None, Some(10)),
            (Some(FindingKind::UnknownAccount), Some(9))
        ]
    );
    let mut second = sides(&[c], &[row_of(9, &c)]);
    second.notices = vec![notice(5, NoticeState::SameIdOtherContent)];
    let outcome = match_sides(&mut second, &rules());
    assert_eq!(
        (outcome.notices[0].kind, outcome.notices[0].row_no),
        (Some(FindingKind::DuplicateNotice), None)
    );
    assert_eq!(outcome.proof.by_kind[&FindingKind::DuplicateNotice].count, 1);
}

#[test]
fn one_refund_that_two_files_tell_of_is_taken_off_once() {
    let c = receipt(1, 50_000);
    let back = |no: i64| RowSide {
        kind: RowKind::Refund,
        amount_vnd: 20_000,
        content: id(&format!("refund {no}")),
        refund_of: Some(c.txn),
        txn: Some(id("R1")),
        bank_ref: None,
        no,
        ..row_of(no, &c)
    };
    let paid = row_of(9, &c);
    let first = back(10);
    let again = RowSide {
        shape: 1,
        day: day().plus(1),
        occurred_at: None,
        ..back(row_no(1, 11))
    };
    let taken = |outcome: &Outcome| -> i64 { outcome.corrections.iter().map(|c| c.amount_vnd).sum() };
    let outcome = run(&[c], &[paid, first, again]);
    assert_eq!(kinds(&outcome), ["matched_auto", "reversed", "duplicate_row"]);
    assert_eq!(taken(&outcome), -20_000);
    // Two of them in one file are two, and row for row the same in the other.
    let second = back(12);
    let second_again = RowSide {
        no: row_no(1, 13),
        ..again
    };
    let outcome = run(&[c], &[paid, first, second, again, second_again]);
    assert_eq!(taken(&outcome), -40_000);
    // Without a common id nobody can tell.
    let nameless = RowSide {
        refund_of: None,
        txn: None,
        bank_ref: None,
        day: day(),
        ..again
    };
    let outcome = run(&[c], &[paid, first, nameless]);
    assert_eq!(taken(&outcome), -20_000);
    assert_eq!(kinds(&outcome), ["matched_auto", "reversed", "ambiguous"]);
}

//! What rows say is left of receipts.

use super::*;

fn corrections(outcome: &Outcome) -> Vec<(i64, i64, i64)> {
    let all = outcome.corrections.iter();
    all.map(|c| (c.row_no, c.receipt_no, c.amount_vnd)).collect()
}

#[test]
fn the_amount_of_the_row_stands() {
    let c = receipt(1, 54_000);
    let row = RowSide {
        amount_vnd: 45_000,
        ..row_of(9, &c)
    };
    assert_eq!(corrections(&run(&[c], &[row])), [(9, 1, -9_000)]);
    assert_eq!(corrections(&run(&[c], &[row_of(9, &c)])), []);
}

#[test]
fn a_failed_row_takes_what_is_left_only_once_it_is_the_last_word() {
    let c = ReceiptSide {
        refunded_vnd: 10_000,
        ..receipt(1, 50_000)
    };
    let failed = RowSide {
        status: RowStatus::Failed,
        ..row_of(9, &c)
    };
    let mut both = sides(&[c], &[failed]);
    let soon = Rules {
        final_through: day().plus(-1),
        ..rules()
    };
    assert_eq!(corrections(&match_sides(&mut both, &soon)), []);
    let late = Rules {
        final_through: day(),
        ..rules()
    };
    assert_eq!(corrections(&match_sides(&mut both, &late)), [(9, 1, -40_000)]);
}

#[test]
fn money_back_is_taken_off_once_and_never_more_than_there_is() {
    let c = receipt(1, 50_000);
    let back = |no: i64, amount_vnd: i64| RowSide {
        kind: RowKind::Refund,
        amount_vnd,
        ..row_of(no, &c)
    };
    let outcome = run(&[c], &[row_of(8, &c), back(9, 20_000), back(10, 40_000)]);
    assert_eq!(corrections(&outcome), [(9, 1, -20_000), (10, 1, -30_000)]);
    // A refund that notices told of is no correction.
    let known = ReceiptSide {
        refunded_vnd: 20_000,
        ..c
    };
    let mut both = sides(&[known], &[row_of(8, &c), back(9, 20_000)]);
    both.refunds = vec![RefundSide {
        no: 1,
        receipt_no: 1,
        txn: None,
        amount_vnd: 20_000,
        day: day(),
        posted_from_row: None,
    }];
    assert_eq!(corrections(&match_sides(&mut both, &rules())), []);
}

fn decided(row_no: Option<i64>, decision: Decision, receipt_nos: &[i64]) -> Decided {
    Decided {
        row_no,
        decision,
        receipt_nos: receipt_nos.to_vec(),
    }
}

#[test]
fn an_accepted_difference_follows_the_row_and_an_agreed_match_corrects_nothing() {
    let c = receipt(1, 54_000);
    let row = nameless(9, 45_000);
    let mut both = sides(&[c], &[row]);
    both.decided = vec![decided(Some(9), Decision::Forced, &[1])];
    assert_eq!(corrections(&match_sides(&mut both, &rules())), [(9, 1, -9_000)]);
    both.decided = vec![decided(Some(9), Decision::Manual, &[1])];
    assert_eq!(corrections(&match_sides(&mut both, &rules())), []);
}

#[test]
fn a_row_given_to_another_receipt_gives_up_the_one_it_posted() {
    let heard = receipt(1, 50_000);
    let own = ReceiptSide {
        posted_from_row: Some(9),
        ..receipt(2, 50_000)
    };
    let row = nameless(9, 50_000);
    let mut both = sides(&[heard, own], &[row]);
    assert_eq!(corrections(&match_sides(&mut both, &rules())), []);
    both.decided = vec![decided(Some(9), Decision::Manual, &[1])];
    let outcome = match_sides(&mut both, &rules());
    assert_eq!(corrections(&outcome), [(9, 2, -50_000)]);
    assert_eq!(receipt_kinds(&outcome), ["matched_manual"; 2]);
    // Accepted as it is, it keeps its own.
    both.decided = vec![decided(Some(9), Decision::Forced, &[])];
    assert_eq!(corrections(&match_sides(&mut both, &rules())), []);
}

#[test]
fn a_receipt_without_a_row_stands_or_is_struck_by_a_persons_word() {
    let a = receipt(1, 50_000);
    let b = receipt(2, 60_000);
    let mut both = sides(&[a, b], &[]);
    both.decided = vec![
        decided(None, Decision::Struck, &[2]),
        decided(None, Decision::Forced, &[1]),
    ];
    let outcome = match_sides(&mut both, &rules());
    assert_eq!(corrections(&outcome), [(0, 2, -60_000)]);
    assert_eq!(receipt_kinds(&outcome), ["matched_forced"; 2]);
    assert!(outcome.receipts.iter().all(|said| said.row_no.is_none()));
}

#[test]
fn a_debit_that_a_person_gave_to_a_receipt_is_money_back() {
    let c = receipt(1, 50_000);
    let debit = RowSide {
        kind: RowKind::Outgoing,
        ..nameless(9, 50_000)
    };
    let mut both = sides(&[c], &[row_of(8, &c), debit]);
    both.decided = vec![decided(Some(9), Decision::Manual, &[1])];
    let outcome = match_sides(&mut both, &rules());
    assert_eq!(corrections(&outcome), [(9, 1, -50_000)]);
    assert_eq!(kinds(&outcome), ["matched_auto", "matched_manual"]);
}

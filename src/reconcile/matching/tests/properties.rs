//! What holds for any two sides, however strange.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Few values for everything, so that entries meet, collide and contradict each other.
fn any_receipt() -> impl Strategy<Value = ReceiptSide> {
    let ids = (0u8..8, proptest::option::of(0u8..4));
    let whose = (0u32..2, proptest::option::of(0u32..2));
    let amounts = (1i64..5, 0i64..3);
    let times = (-1i64..3, proptest::option::of(0i64..60));
    let from_row = proptest::option::weighted(0.2, 1_000i64..1_012);
    (ids, whose, amounts, times, from_row).prop_map(|(ids, whose, amounts, times, posted_from_row)| {
        let amount_vnd = amounts.0 * 1_000;
        ReceiptSide {
            txn: id(&format!("T{}", ids.0)),
            bank_ref: ids.1.map(|n| id(&format!("F{n}"))),
            household: whose.0,
            stall: whose.1.map(|n| whose.0 * 2 + n),
            refunded_vnd: (amounts.1 * 1_000).min(amount_vnd),
            day: day().plus(times.0),
            occurred_at: times.1.map(at),
            posted_from_row,
            ..receipt(0, amount_vnd)
        }
    })
}

fn any_payee() -> impl Strategy<Value = Payee> {
    prop_oneof![
        Just(Payee::NotNamed),
        Just(Payee::Unknown),
        (0u32..2, proptest::option::of(0u32..2)).prop_map(|(household, n)| Payee::Household {
            household,
            stall: n.map(|n| household * 2 + n)
        }),
        (0u32..2).prop_map(|household| Payee::Household {
            household,
            stall: None
        }),
    ]
}

fn any_row() -> impl Strategy<Value = RowSide> {
    let kind = prop_oneof![
        6 => Just(RowKind::Payment),
        2 => Just(RowKind::Refund),
        1 => Just(RowKind::Outgoing),
        1 => Just(RowKind::Fee),
    ];
    let status = prop_oneof![
        8 => Just(RowStatus::Settled),
        1 => Just(RowStatus::Pending),
        1 => Just(RowStatus::Failed),
    ];
    let an_id = || proptest::option::of(0u8..8);
    let ids = (
        an_id(),
        proptest::option::weighted(0.2, 0u8..8),
        proptest::option::of(0u8..4),
        0u8..40,
    );
    let whose = (any_payee(), proptest::option::of(0u32..4));
    let amounts = (1i64..9, prop_oneof![9 => Just(0i64), 1 => Just(7i64)], 0u32..4);
    let times = (-1i64..4, proptest::option::of(0i64..60));
    (kind, status, ids, whose, amounts, times).prop_map(|(kind, status, ids, whose, amounts, times)| {
        RowSide {
            kind,
            status,
            txn: ids.0.map(|n| id(&format!("T{n}"))),
            refund_of: ids.1.map(|n| id(&format!("T{n}"))),
            bank_ref: ids.2.map(|n| id(&format!("F{n}"))),
            content: id(&format!("content {}", ids.3)),
            payee: whose.0,
            stall_in_note: whose.1,
            fee_gap_vnd: amounts.1,
            parts: amounts.2,
            day: day().plus(times.0),
            occurred_at: times.1.map(at),
            ..nameless(0, amounts.0 * 1_000)
        }
    })
}

prop_compose! {
    fn any_sides()(
        receipts in proptest::collection::vec(any_receipt(), 0..14),
        rows in proptest::collection::vec(any_row(), 0..14),
        refunds in proptest::collection::vec((1i64..14, proptest::option::of(0u8..8), 1i64..4), 0..4),
        decided in proptest::collection::vec((1_000i64..1_014, any::<bool>(), 1i64..16), 0..2),
        states in proptest::collection::vec(0u8..8, 0..4),
    ) -> Sides {
        let mut sides = sides(&receipts, &rows);
        for (n, receipt) in (1..).zip(&mut sides.receipts) {
            receipt.no = n;
        }
        for (n, row) in (1_000..).zip(&mut sides.rows) {
            row.no = n;
        }
        sides.refunds = (1..).zip(refunds).map(|(no, (receipt_no, txn, thousands))| RefundSide {
            no,
            receipt_no,
            txn: txn.map(|n| id(&format!("T{n}"))),
            amount_vnd: thousands * 1_000,
            day: day(),
            posted_from_row: None,
        }).collect();
        sides.decided = decided.into_iter().map(|(row_no, is_forced, receipt_no)| Decided {
            row_no: Some(row_no),
            decision: if is_forced { Decision::Forced } else { Decision::Manual },
            receipt_nos: vec![receipt_no],
        }).collect();
        sides.notices = (1..).zip(states).map(|(no, n)| NoticeSide {
            no,
            txn: id(&format!("T{n}")),
            amount_vnd: 1_000,
            day: day(),
            state: if n % 2 == 0 { NoticeState::RefundWaiting } else { NoticeState::Other },
        }).collect();
        sides
    }
}

fn with_fees() -> Rules {
    let fees = Some(FeeRule {
        rate_ppm: 10_000,
        vat_ppm: 100_000,
    });
    Rules {
        fees,
        cutoff_min: 30,
        ..rules()
    }
}

fn shuffled(sides: &Sides, seed: u64) -> Sides {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut other = sides.clone();
    random.shuffle(&mut other.receipts);
    random.shuffle(&mut other.rows);
    random.shuffle(&mut other.refunds);
    random.shuffle(&mut other.decided);
    random.shuffle(&mut other.notices);
    other
}

fn is_unheard(said: &RowOutcome) -> bool {
    matches!(said.finding, Finding::MissingNotice { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_row_is_in_one_bucket_and_the_sums_are_kept(mut sides in any_sides()) {
        let outcome = match_sides(&mut sides, &with_fees());
        let numbers: Vec<i64> = sides.rows.iter().map(|r| r.no).collect();
        prop_assert_eq!(outcome.rows.iter().map(|r| r.no).collect::<Vec<_>>(), numbers);
        let proof = &outcome.proof;
        prop_assert!(proof.adds_up());
        let total: i64 = sides.rows.iter().map(|r| r.amount_vnd).sum();
        prop_assert_eq!(proof.rows, Tally { count: sides.rows.len() as u64, amount_vnd: total.into() });
        let by_kind = proof.by_kind.iter().filter(|(kind, _)| kind.bucket().is_some());
        let by_kind = by_kind.fold(proof.ignored, |sum, (_, tally)| sum.plus(*tally));
        prop_assert_eq!(by_kind, proof.rows);
        prop_assert!(!proof.by_kind.contains_key(&FindingKind::BadRow));
    }

    #[test]
    fn order_means_nothing_and_twice_is_once(sides in any_sides(), seed: u64) {
        let mut a = sides.clone();
        let mut b = shuffled(&sides, seed);
        let outcome = match_sides(&mut a, &with_fees());
        prop_assert_eq!(&outcome, &match_sides(&mut b, &with_fees()));
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(&outcome, &match_sides(&mut a, &with_fees()));
    }

    /// Nothing but the repeats themselves, which say of which row they are.
    #[test]
    fn a_file_that_comes_again_changes_nothing(mut sides in any_sides()) {
        let once = match_sides(&mut sides, &with_fees());
        let again: Vec<RowSide> = sides.rows.iter().map(|r| RowSide { no: r.no + 10_000, ..*r }).collect();
        let mut twice = sides.clone();
        twice.rows.extend(again);
        let outcome = match_sides(&mut twice, &with_fees());
        let (first, repeats) = outcome.rows.split_at(once.rows.len());
        for (before, after) in once.rows.iter().zip(first) {
            prop_assert_eq!((before.finding, before.by), (after.finding, after.by));
            prop_assert_eq!(once.receipts_of(before), outcome.receipts_of(after));
        }
        for repeat in repeats {
            prop_assert!(matches!(repeat.finding, Finding::DuplicateRow { is_same_content: true, .. }), "{:?}", repeat);
        }
        prop_assert_eq!(once.receipts, outcome.receipts);
        prop_assert_eq!(once.refunds, outcome.refunds);
        prop_assert_eq!(once.notices, outcome.notices);
    }

    #[test]
    fn no_receipt_is_used_twice_and_matched_amounts_are_equal(mut sides in any_sides()) {
        sides.decided.clear();
        let outcome = match_sides(&mut sides, &with_fees());
        let receipts: BTreeMap<i64, &ReceiptSide> = sides.receipts.iter().map(|c| (c.no, c)).collect();
        let mut used = BTreeSet::new();
        for (row, said) in sides.rows.iter().zip(&outcome.rows) {
            let own = outcome.receipts_of(said);
            let gross: i64 = own.iter().filter_map(|no| receipts.get(no)).map(|c| c.amount_vnd).sum();
            let is_payment = row.kind == RowKind::Payment || said.finding == Finding::WrongDirection;
            for no in own.iter().filter(|_| is_payment) {
                prop_assert!(used.insert(*no), "receipt {} is used once", no);
            }
            match said.finding {
                Finding::MatchedAuto { less_refund_vnd } if is_payment => {
                    prop_assert_eq!(row.amount_vnd + less_refund_vnd, gross);
                    prop_assert!(less_refund_vnd == 0 || less_refund_vnd == receipts[&own[0]].refunded_vnd);
                    prop_assert!(row.may_pay(receipts[&own[0]].household));
                }
                Finding::Lump { less_vnd } => {
                    prop_assert_eq!(row.amount_vnd + less_vnd, gross);
                    prop_assert!(own.iter().all(|no| row.may_pay(receipts[no].household)));
                }
                Finding::AmountDiffers { difference_vnd } if is_payment => {
                    prop_assert_eq!(row.amount_vnd - difference_vnd, gross);
                }
                Finding::MissingNotice { .. } => {
                    let has_payee = row.household().is_some() || row.stall().is_some();
                    prop_assert!(has_payee || said.by == Some(Pass::Origin));
                    prop_assert!(own.is_empty() || said.by == Some(Pass::Origin));
                }
                Finding::DuplicateRow { of, .. } => prop_assert_ne!(of, row.no),
                _ => {}
            }
        }
        for (receipt, said) in sides.receipts.iter().zip(&outcome.receipts) {
            let back = receipt.refunded_vnd + said.newly_back_vnd;
            let more = outcome.corrections.iter().filter(|c| c.receipt_no == receipt.no && c.amount_vnd > 0);
            let came = receipt.amount_vnd + more.map(|c| c.amount_vnd).sum::<i64>();
            prop_assert!(back <= came, "no more goes back than came");
            let has_row = outcome.rows.iter().any(|r| Some(r.no) == said.row_no);
            prop_assert!(said.row_no.is_none() || has_row || said.row_no == receipt.posted_from_row);
        }
    }

    /// What the store does with a row without a notice, it posts its receipt, changes no row at the next run.
    #[test]
    fn what_was_posted_from_rows_says_the_same_again(mut sides in any_sides()) {
        let rules = with_fees();
        sides.decided.clear();
        sides.receipts.retain(|c| c.posted_from_row.is_none());
        let before = match_sides(&mut sides, &rules);
        let mut after = sides.clone();
        for (row, said) in sides.rows.iter().zip(&before.rows) {
            if is_unheard(said) {
                after.receipts.push(ReceiptSide {
                    txn: row.txn.unwrap_or(row.content),
                    bank_ref: row.bank_ref,
                    household: row.household().or(row.stall().map(|s| s / 2)).expect("a payee"),
                    stall: row.stall(),
                    amount_vnd: row.amount_vnd,
                    day: row.day,
                    occurred_at: row.occurred_at,
                    posted_from_row: Some(row.no),
                    ..receipt(10_000 + row.no, row.amount_vnd)
                });
            }
        }
        let again = match_sides(&mut after, &rules);
        for (first, second) in before.rows.iter().zip(&again.rows) {
            let is_posted = is_unheard(first);
            if is_posted {
                prop_assert!(is_unheard(second) && second.by == Some(Pass::Origin));
            }
        }
        let posted = |o: &Outcome| o.rows.iter().filter(|r| is_unheard(r)).count();
        prop_assert_eq!(posted(&before), posted(&again));
    }
}

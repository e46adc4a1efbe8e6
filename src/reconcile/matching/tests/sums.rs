//! One row for many receipts.

use super::*;

fn of_day(no: i64, amount_vnd: i64) -> ReceiptSide {
    ReceiptSide {
        bank_ref: None,
        ..receipt(no, amount_vnd)
    }
}

#[test]
fn a_whole_day_is_one_row_gross_less_refunds_or_net() {
    let mut rules = rules();
    rules.fees = Some(FeeRule {
        rate_ppm: 10_000,
        vat_ppm: 100_000,
    });
    let day_of = [of_day(1, 40_000), of_day(2, 60_000), of_day(3, 25_000)];
    let words = |receipts: &[ReceiptSide], row: RowSide| {
        let outcome = match_sides(&mut sides(receipts, &[row]), &rules);
        (kinds(&outcome)[0], outcome.receipts_of(&outcome.rows[0]).to_vec())
    };
    let all = ("lump", vec![1, 2, 3]);
    let untimed = |amount_vnd| RowSide {
        occurred_at: None,
        ..nameless(9, amount_vnd)
    };
    assert_eq!(words(&day_of, untimed(125_000)), all);
    assert_eq!(words(&day_of, untimed(125_000 - 1_250 - 125)), all);
    assert_eq!(
        words(
            &day_of,
            RowSide {
                day: day().plus(1),
                ..untimed(125_000)
            }
        ),
        all
    );
    assert_eq!(
        words(
            &day_of,
            RowSide {
                day: day().plus(2),
                ..untimed(125_000)
            }
        )
        .0,
        "missing_notice"
    );
    assert_eq!(
        words(
            &day_of,
            RowSide {
                parts: 3,
                ..untimed(125_000)
            }
        ),
        all
    );
    assert_eq!(
        words(
            &day_of,
            RowSide {
                parts: 4,
                ..untimed(125_000)
            }
        )
        .0,
        "ambiguous"
    );
    assert_eq!(
        words(
            &day_of,
            RowSide {
                fee_gap_vnd: 9,
                ..untimed(125_000)
            }
        ),
        ("fee_differs", vec![1, 2, 3])
    );
    let mut refunded = day_of;
    refunded[0].refunded_vnd = 5_000;
    assert_eq!(words(&refunded, untimed(120_000)), all);
    // One payment less its fee; the payment itself is found before.
    assert_eq!(words(&day_of[..1], untimed(40_000 - 440)), ("lump", vec![1]));
    assert_eq!(words(&day_of, untimed(125_001)).0, "missing_notice");
    let of_provider = RowSide {
        payee: Payee::NotNamed,
        parts: 3,
        ..untimed(125_000)
    };
    assert_eq!(words(&day_of, of_provider), all);
    assert_eq!(
        words(
            &day_of,
            RowSide {
                parts: 1,
                ..of_provider
            }
        )
        .0,
        "unknown_account"
    );
}

#[test]
fn two_sums_for_one_day_are_nobodys() {
    let day_of = [of_day(1, 40_000), of_day(2, 60_000)];
    let row = |no| RowSide {
        occurred_at: None,
        parts: 2,
        ..nameless(no, 100_000)
    };
    let outcome = run(&day_of, &[row(9), row(10)]);
    assert_eq!(
        (kinds(&outcome), receipt_kinds(&outcome)),
        (vec!["ambiguous"; 2], vec!["ambiguous"; 2])
    );
    // Two days with one sum.
    let before = [of_day(3, 30_000), of_day(4, 70_000)].map(|c| ReceiptSide {
        day: day().plus(-1),
        ..c
    });
    let both = [day_of, before].concat();
    assert_eq!(kinds(&run(&both, &[row(9)])), ["ambiguous"]);
}

#[test]
fn a_part_of_a_day_is_searched_for_rows_that_say_they_are_sums() {
    let day_of = [
        of_day(1, 41_000),
        of_day(2, 62_000),
        of_day(3, 25_000),
        of_day(4, 37_000),
    ];
    let row = |amount_vnd, parts| RowSide {
        occurred_at: None,
        parts,
        ..nameless(9, amount_vnd)
    };
    let outcome = run(&day_of, &[row(103_000, 2)]);
    assert_eq!(
        (kinds(&outcome), outcome.receipts_of(&outcome.rows[0])),
        (vec!["lump"], &[1, 2][..])
    );
    // Each has only one choice, but both take the receipt of 62.
    let other = RowSide {
        no: 10,
        content: id("other"),
        ..row(99_000, 2)
    };
    let outcome = run(&day_of, &[row(103_000, 2), other]);
    assert_eq!(kinds(&outcome), ["ambiguous"; 2]);
    // 62 = 25 + 37, so 103 is also a sum of three.
    assert_eq!(kinds(&run(&day_of, &[row(103_000, 3)])), ["lump"]);
    assert_eq!(kinds(&run(&day_of, &[row(103_001, 2)])), ["ambiguous"]);
    assert_eq!(kinds(&run(&day_of, &[row(103_001, 1)])), ["missing_notice"]);
    // Amounts alone make no sum of a row that does not say so.
    assert_eq!(kinds(&run(&day_of, &[row(66_000, 1)])), ["ambiguous"]);
    // Two of three alike: one would be left, and it matters which.
    let alike = [of_day(1, 50_000), of_day(2, 50_000), of_day(3, 50_000)];
    assert_eq!(kinds(&run(&alike, &[row(100_000, 2)])), ["ambiguous"]);
    let mut narrow = rules();
    narrow.lump_candidates_max = 3;
    let outcome = match_sides(&mut sides(&day_of, &[row(103_000, 2)]), &narrow);
    assert_eq!(kinds(&outcome), ["ambiguous"], "not looked at is not proven");
}

#[test]
fn an_id_of_its_own_makes_one_payment_and_no_sum_comes_before_its_parts() {
    let day_of = [of_day(1, 40_000), of_day(2, 60_000)];
    let timed = |minutes| RowSide {
        occurred_at: Some(at(minutes)),
        ..nameless(9, 100_000)
    };
    assert_eq!(kinds(&run(&day_of, &[timed(585)])), ["lump"]);
    assert_eq!(kinds(&run(&day_of, &[timed(584)])), ["missing_notice"]);
    let stated = |minutes| RowSide {
        parts: 2,
        ..timed(minutes)
    };
    assert_eq!(kinds(&run(&day_of, &[stated(584)])), ["ambiguous"]);
    let with_id = RowSide {
        txn: Some(id("own")),
        ..timed(700)
    };
    assert_eq!(kinds(&run(&day_of, &[with_id])), ["missing_notice"]);
    assert_eq!(kinds(&run(&day_of, &[RowSide { parts: 2, ..with_id }])), ["lump"]);
    let mut in_sums = rules();
    in_sums.settles_in_sums = true;
    let outcome = match_sides(&mut sides(&day_of, &[with_id]), &in_sums);
    assert_eq!(kinds(&outcome), ["lump"]);
}

#[test]
fn a_stall_gathers_only_its_accounts_money() {
    let of = |no, household, amount_vnd| ReceiptSide {
        household,
        stall: Some(7),
        ..of_day(no, amount_vnd)
    };
    let day_of = [of(1, 1, 40_000), of(2, 1, 60_000), of(3, 2, 5_000)];
    let row = |amount_vnd, payee| RowSide {
        stall_in_note: Some(7),
        occurred_at: None,
        payee,
        ..nameless(9, amount_vnd)
    };
    let own = Payee::Household {
        household: 1,
        stall: None,
    };
    assert_eq!(kinds(&run(&day_of, &[row(100_000, own)])), ["lump"]);
    assert_eq!(kinds(&run(&day_of, &[row(105_000, own)])), ["missing_notice"]);
    assert_eq!(kinds(&run(&day_of, &[row(105_000, Payee::NotNamed)])), ["lump"]);
}

//! Money that went back or went out: rows held against refunds that are known, then against receipts.

use std::collections::HashMap;

use crate::vn::Day;

use super::cluster::clusters;
use super::identity::is_one_payee;
use super::join::Groups;
use super::outcome::{Finding, Pass, Tied};
use super::run::Run;
use super::{FindingKind, Key128, ReceiptSide, RefundSide, RowSide};
use crate::statement::RowKind;

/// Days that two files may be apart about one refund, for a weekend.
const REFUND_DAYS_APART: u64 = 3;

/// Rows of money out that name an id: of a refund that is known, of a receipt, or of a payment row that
/// has no receipt yet.
pub(super) fn by_id(run: &mut Run<'_>) {
    if !run.rows().any(|(at, r)| r.is_out() && run.is_open(at)) {
        return;
    }
    by_own_id(run);
    told_twice(run);
    // The payment's id in its own column first, then in the place of the refund's own, then the reference.
    by_receipt(run, Pass::TransactionId, |r| r.refund_of, |c| Some(c.txn));
    by_receipt(run, Pass::TransactionId, |r| r.txn, |c| Some(c.txn));
    by_receipt(run, Pass::BankReference, |r| r.bank_ref, |c| c.bank_ref);
    by_payment_row(run);
}

/// Open rows of money out that have this key.
fn out<'r, K: 'r>(
    run: &'r Run<'_>,
    key: impl Fn(&RowSide) -> Option<K> + 'r,
) -> impl Iterator<Item = (K, u32)> + 'r {
    let open = run.rows().filter(|(at, r)| r.is_out() && run.is_open(*at));
    open.filter_map(move |(at, r)| Some((key(r)?, at)))
}

/// Pass 1, refund with refund: both have an id of their own.
fn by_own_id(run: &mut Run<'_>) {
    // A refund that came under its payment's id has none of its own; its receipt tells its parts apart.
    let has_own = |f: &RefundSide, txn: Key128| {
        let receipt = run.receipt_at(f.receipt_no);
        receipt.is_none_or(|c| run.receipt(c).txn != txn)
    };
    let refunds = (0u32..).zip(&run.sides.refunds);
    let refunds = refunds.filter_map(|(at, f)| Some((f.txn.filter(|txn| has_own(f, *txn))?, at)));
    for (rows, refunds) in Groups::join(out(run, |r| r.txn), refunds).iter() {
        let ([first, others @ ..], [refund]) = (rows, refunds) else {
            continue;
        };
        if run.refund_rows[*refund as usize].is_some() {
            continue;
        }
        agree(run, *first, *refund, Pass::TransactionId);
        let f = run.row(*first);
        let is_again = |row: &&u32| {
            let r = run.row(**row);
            r.amount_vnd == f.amount_vnd && r.file() != f.file()
        };
        let again: Vec<u32> = others.iter().filter(is_again).copied().collect();
        for row in &again {
            let of = f.no;
            let is_same_content = false;
            run.find(*row, Finding::DuplicateRow { of, is_same_content });
        }
    }
}

/// Money back that several files tell of: under one id, as much, and within days of each other it is one refund, row for
/// row. Of the same payee and day without a common id it may be one.
fn told_twice(run: &mut Run<'_>) {
    let back = |run: &Run<'_>| -> Vec<u32> {
        let rows = run
            .rows()
            .filter(|(at, r)| r.kind == RowKind::Refund && r.is_out() && run.is_open(*at));
        rows.map(|(at, _)| at).collect()
    };
    let rows = back(run);
    let Some(first) = rows.first() else { return };
    if rows
        .iter()
        .all(|row| run.row(*row).file() == run.row(*first).file())
    {
        return;
    }
    let mut by_id: HashMap<(Key128, i64), Vec<u32>> = HashMap::new();
    for row in &rows {
        let r = run.row(*row);
        for id in r.ids().chain(r.refund_of) {
            let rows = by_id.entry((id, r.amount_vnd)).or_default();
            if rows.last() != Some(row) {
                rows.push(*row);
            }
        }
    }
    let mut groups: Vec<Vec<u32>> = by_id.into_values().filter(|rows| rows.len() > 1).collect();
    groups.sort_unstable();
    for rows in groups {
        pair_files(run, &rows, |run, row, of| {
            let is_near = run.row(row).day.number().abs_diff(run.row(of).day.number()) <= REFUND_DAYS_APART;
            if is_near && is_one_payee(run.row(row), run.row(of)) {
                let of = run.row(of).no;
                let is_same_content = false;
                run.find(row, Finding::DuplicateRow { of, is_same_content });
            }
        });
    }
    let mut alike: HashMap<(u32, i64, Day), Vec<u32>> = HashMap::new();
    for row in back(run) {
        let r = run.row(row);
        if let Some(household) = r.household() {
            alike
                .entry((household, r.amount_vnd, r.day))
                .or_default()
                .push(row);
        }
    }
    let mut groups: Vec<Vec<u32>> = alike.into_values().filter(|rows| rows.len() > 1).collect();
    groups.sort_unstable();
    for rows in groups {
        pair_files(run, &rows, |run, row, of| {
            let (r, o) = (run.row(row), run.row(of));
            // What one shape numbers otherwise is another refund.
            if r.shape != o.shape {
                run.doubt(&[row], &[]);
            }
        });
    }
}

/// The rows of each later file, row for row beside those of the first one.
fn pair_files(run: &mut Run<'_>, rows: &[u32], mut found: impl FnMut(&mut Run<'_>, u32, u32)) {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    let files: Vec<Vec<u32>> = rows
        .chunk_by(|a, b| run.row(*a).file() == run.row(*b).file())
        .map(<[u32]>::to_vec)
        .collect();
    let Some((first, others)) = files.split_first() else {
        return;
    };
    for other in others {
        for (row, of) in other.iter().zip(first) {
            if run.is_open(*row) {
                found(run, *row, *of);
            }
        }
    }
}

/// A row is a refund that is known: agreed, or another amount.
fn agree(run: &mut Run<'_>, row: u32, refund: u32, by: Pass) {
    let r = run.row(row);
    let f = &run.sides.refunds[refund as usize];
    let finding = match r.amount_vnd - f.amount_vnd {
        0 if r.fee_gap_vnd != 0 => Finding::FeeDiffers {
            gap_vnd: r.fee_gap_vnd,
        },
        0 => Finding::MatchedAuto { less_refund_vnd: 0 },
        difference_vnd => Finding::AmountDiffers { difference_vnd },
    };
    let kind = match finding {
        Finding::AmountDiffers { .. } => FindingKind::AmountDiffers,
        _ => FindingKind::MatchedAuto,
    };
    if let (Finding::AmountDiffers { difference_vnd }, Some(receipt)) =
        (finding, run.receipt_at(f.receipt_no))
    {
        run.correct(row, receipt, FindingKind::AmountDiffers, -difference_vnd);
    }
    run.refund_rows[refund as usize] = Some((kind, r.no));
    let shift_days = (r.day.number() - f.day.number()) as i32;
    run.find_tied(row, finding, Some(by), Tied::One(f.receipt_no), shift_days);
}

/// Rows that name a receipt by a key that only it has.
fn by_receipt(
    run: &mut Run<'_>,
    by: Pass,
    row_key: fn(&RowSide) -> Option<Key128>,
    receipt_key: fn(&ReceiptSide) -> Option<Key128>,
) {
    let receipts = run.receipts().filter_map(|(at, c)| Some((receipt_key(c)?, at)));
    let groups = Groups::join(out(run, row_key), receipts);
    if groups.iter().all(|(_, receipts)| receipts.is_empty()) {
        return;
    }
    let mut known = KnownRefunds::of(run);
    for (rows, receipts) in groups.iter() {
        for receipt in receipts {
            let named = named(run, rows, *receipt, receipts.len() == 1);
            if !named.is_empty() {
                of_receipt(run, &named, *receipt, known.free_of(run, *receipt), by);
            }
        }
        if receipts.len() > 1 {
            // Which of several payments went back in part, nobody can tell.
            let is_left = |row: &u32| run.is_open(*row) && run.row(*row).kind == RowKind::Refund;
            let left: Vec<u32> = rows.iter().copied().filter(is_left).collect();
            run.doubt(&left, &[]);
        }
    }
}

/// Rows of money out that may be of a receipt whose id they name. The same id may be that of a charge, or of another
/// payment: only what says that it is money back, and names an id that is the receipt's alone, may be a part of it.
fn named(run: &Run<'_>, rows: &[u32], receipt: u32, is_own: bool) -> Vec<u32> {
    let c = run.receipt(receipt);
    let is_unheard = run.is_free(receipt) && c.posted_from_row.is_none();
    let mut is_whole_taken = false;
    let mut named = Vec::new();
    for row in rows.iter().copied().filter(|row| run.is_open(*row)) {
        let r = run.row(row);
        let is_whole = r.amount_vnd == c.amount_vnd || r.amount_vnd == c.left_vnd();
        let may_be_part = is_own && (r.kind == RowKind::Refund || is_unheard);
        let is_first_whole = is_whole && (is_own || !is_whole_taken);
        if r.may_pay(c.household) && (may_be_part || is_first_whole) {
            is_whole_taken |= is_whole;
            named.push(row);
        }
    }
    named
}

/// Known refunds by the position of their receipt.
struct KnownRefunds(HashMap<u32, Vec<u32>>);

impl KnownRefunds {
    fn of(run: &Run<'_>) -> KnownRefunds {
        let mut by_receipt: HashMap<u32, Vec<u32>> = HashMap::new();
        for (at, refund) in (0u32..).zip(&run.sides.refunds) {
            if let Some(receipt) = run.receipt_at(refund.receipt_no) {
                by_receipt.entry(receipt).or_default().push(at);
            }
        }
        KnownRefunds(by_receipt)
    }

    /// Those of a receipt that have no row, in the order of amounts, then numbers.
    fn free_of(&mut self, run: &Run<'_>, receipt: u32) -> Vec<u32> {
        let all = self.0.remove(&receipt).unwrap_or_default();
        let has_no_row = |f: &u32| {
            let refund = &run.sides.refunds[*f as usize];
            run.refund_rows[*f as usize].is_none() && refund.posted_from_row.is_none()
        };
        let mut free: Vec<u32> = all.into_iter().filter(has_no_row).collect();
        free.sort_by_key(|f| (run.sides.refunds[*f as usize].amount_vnd, *f));
        free
    }
}

/// Rows of money out of one receipt, and its known refunds: equal amounts pair off in order (the same
/// amount back twice is the same whichever comes first), then what is left says what is new.
fn of_receipt(run: &mut Run<'_>, rows: &[u32], receipt: u32, known: Vec<u32>, by: Pass) {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (run.row(*row).amount_vnd, *row));
    let mut left_rows = Vec::new();
    let mut left_known = Vec::new();
    let mut known = known.into_iter().peekable();
    for row in rows {
        let amount_vnd = run.row(row).amount_vnd;
        let of = |f: &u32| run.sides.refunds[*f as usize].amount_vnd;
        while let Some(smaller) = known.next_if(|f| of(f) < amount_vnd) {
            left_known.push(smaller);
        }
        match known.next_if(|f| of(f) == amount_vnd) {
            Some(refund) => agree(run, row, refund, by),
            None => left_rows.push(row),
        }
    }
    left_known.extend(known);
    match (left_rows.as_slice(), left_known.as_slice()) {
        ([], _) => {}
        ([row], [refund]) => agree(run, *row, *refund, by),
        (_, []) => {
            left_rows.sort_unstable();
            for row in left_rows {
                newly_out(run, row, receipt, by);
            }
        }
        _ => run.doubt(&left_rows, &[receipt]),
    }
}

/// Money out that the ledger does not know. A plain debit with the id of a payment that no row shows as
/// come is the payment itself with the wrong sign; anything else is money back.
fn newly_out(run: &mut Run<'_>, row: u32, receipt: u32, by: Pass) {
    let r = run.row(row);
    let c = run.receipt(receipt);
    let shift_days = (r.day.number() - c.day.number()) as i32;
    if r.kind == RowKind::Outgoing && run.is_free(receipt) && c.posted_from_row.is_none() {
        run.take(receipt, FindingKind::WrongDirection, r.no);
        run.find_tied(
            row,
            Finding::WrongDirection,
            Some(by),
            Tied::One(c.no),
            shift_days,
        );
        return;
    }
    let left_vnd = run.left_vnd(receipt);
    let finding = if r.amount_vnd <= left_vnd {
        run.newly_back_vnd[receipt as usize] += r.amount_vnd;
        run.correct(row, receipt, FindingKind::Reversed, -r.amount_vnd);
        Finding::Reversed { payment_row: None }
    } else {
        run.correct(row, receipt, FindingKind::AmountDiffers, -left_vnd);
        Finding::AmountDiffers {
            difference_vnd: r.amount_vnd - left_vnd,
        }
    };
    run.find_tied(row, finding, Some(by), Tied::One(c.no), shift_days);
}

/// A payment and its refund that both came without notice: the payment's receipt is posted first, and the
/// next run finds it.
fn by_payment_row(run: &mut Run<'_>) {
    let names: [fn(&RowSide) -> Option<Key128>; 2] = [|r| r.refund_of, |r| r.txn];
    for name in names {
        let payments = run.rows().filter(|(at, r)| r.is_paid() && run.is_open(*at));
        let payments = payments.filter_map(|(at, r)| Some((r.txn?, at)));
        for (rows, payments) in Groups::join(out(run, name), payments).iter() {
            for row in rows {
                let r = run.row(*row);
                let is_of = |payment: &&u32| {
                    let p = run.row(**payment);
                    let is_part =
                        r.kind == RowKind::Refund && payments.len() == 1 && r.amount_vnd < p.amount_vnd;
                    (r.amount_vnd == p.amount_vnd || is_part) && is_one_payee(r, p)
                };
                if let Some(payment) = payments.iter().find(is_of) {
                    let payment_row = Some(run.row(*payment).no);
                    run.find(*row, Finding::Reversed { payment_row });
                }
            }
        }
    }
}

/// Rows of money out without a usable id: a known refund of the same household and amount at about that
/// day, one to one. A row that says that it is a refund may also be of a receipt that is not known to be
/// refunded; who names nothing is never joined with a payment by amount alone, so a person is asked.
pub(super) fn by_amount(run: &mut Run<'_>) {
    let refunds = (0u32..).zip(&run.sides.refunds).filter_map(|(at, f)| {
        let is_free = run.refund_rows[at as usize].is_none() && f.posted_from_row.is_none();
        let receipt = run.receipt(run.receipt_at(f.receipt_no).filter(|_| is_free)?);
        Some(((receipt.household, f.amount_vnd), at))
    });
    // Who names its payment is not guessed at by its amount.
    let by_account = |r: &RowSide| Some((r.household().filter(|_| r.refund_of.is_none())?, r.amount_vnd));
    for (rows, refunds) in Groups::join(out(run, by_account), refunds).iter() {
        let near = |row: u32, refund: u32| {
            let day = run.sides.refunds[refund as usize].day;
            run.row(row).day.number().abs_diff(day.number()) <= run.rules.date_slack_days.unsigned_abs()
        };
        match (rows, refunds) {
            ([row], [refund]) if near(*row, *refund) => agree(run, *row, *refund, Pass::AccountAmountTime),
            _ => {}
        }
    }
    let refund_rows = out(run, |r| {
        let is_nameless_refund = r.kind == RowKind::Refund && r.refund_of.is_none();
        Some((r.household().filter(|_| is_nameless_refund)?, r.amount_vnd))
    });
    let receipts = run.receipts().filter(|(_, c)| c.refunded_vnd == 0);
    let receipts = receipts.map(|(at, c)| ((c.household, c.amount_vnd), at));
    for (rows, receipts) in Groups::join(refund_rows, receipts).iter() {
        let mut days: Vec<Day> = receipts.iter().map(|c| run.receipt(*c).day).collect();
        days.sort_unstable();
        for row in rows {
            let before = days.partition_point(|day| *day <= run.row(*row).day);
            let doubt = &mut run.row_doubts[*row as usize];
            *doubt = (*doubt).max(before as u32);
        }
    }
}

/// A debit of the same account, amount and time as a receipt that no row shows, one to one: the payment
/// with the wrong sign. Comes last, since sellers spend money too.
pub(super) fn wrong_direction(run: &mut Run<'_>) {
    let debits = out(run, |r| {
        let is_debit = r.kind == RowKind::Outgoing && r.occurred_at.is_some();
        Some((r.household().filter(|_| is_debit)?, r.amount_vnd))
    });
    let receipts = run.receipts().filter(|(at, c)| {
        let is_doubted = run.receipt_doubts[*at as usize];
        run.is_free(*at) && !is_doubted && c.refunded_vnd == 0 && c.posted_from_row.is_none()
    });
    let receipts = receipts.map(|(at, c)| ((c.household, c.amount_vnd), at));
    for (rows, receipts) in Groups::join(debits, receipts).iter() {
        wrong_direction_in(run, rows, receipts);
    }
}

/// Debits and receipts of one account and amount: within the window, one to one.
fn wrong_direction_in(run: &mut Run<'_>, rows: &[u32], receipts: &[u32]) {
    let row_times = rows
        .iter()
        .filter_map(|row| Some((run.row(*row).occurred_at?.0, *row)));
    let receipt_times = receipts
        .iter()
        .filter_map(|c| Some((run.receipt(*c).time()?.0, *c)));
    for cluster in clusters(
        row_times.collect(),
        receipt_times.collect(),
        run.rules.time_window_ms,
    ) {
        match (cluster.rows.as_slice(), cluster.receipts.as_slice()) {
            ([row], [receipt]) => {
                // The two are one payment, and the row has the wrong sign.
                newly_out(run, *row, *receipt, Pass::AccountAmountTime)
            }
            _ => run.doubt(&cluster.rows, &cluster.receipts),
        }
    }
}

//! What needs no search: decisions, rows that posted a receipt, rows that were read twice, and ids.

use std::collections::{HashMap, HashSet};

use super::join::Groups;
use super::outcome::{Correction, Finding, Ignored, Pass, Tied};
use super::run::{NO_ROW, Run};
use super::{Decided, Decision, FindingKind, Key128, ReceiptSide, RowSide};
use crate::statement::{RowKind, RowStatus};

/// Pass 0: what people decided comes first and is kept, whatever the sides say by now.
pub(super) fn decisions(run: &mut Run<'_>) {
    let sides = run.sides;
    let rows: HashSet<i64> = sides.decided.iter().filter_map(|d| d.row_no).collect();
    let own = run.receipts().filter_map(|(at, c)| {
        let row_no = c.posted_from_row.filter(|no| rows.contains(no))?;
        Some((row_no, at))
    });
    let own: HashMap<i64, u32> = if rows.is_empty() {
        HashMap::new()
    } else {
        own.collect()
    };
    for decided in sides.decided.chunk_by(|a, b| a.row_no == b.row_no) {
        // What is said of receipts without a row comes last, for those that no row shows.
        if let Some(row_no) = decided[0].row_no {
            of_row(run, decided, row_no, own.get(&row_no).copied());
        }
    }
}

/// A person gave a row its receipts, or none. `own`: the receipt that it posted before.
fn of_row(run: &mut Run<'_>, decided: &[Decided], row_no: i64, own: Option<u32>) {
    let is_forced = decided.iter().any(|d| d.decision == Decision::Forced);
    let (finding, kind) = if is_forced {
        (Finding::MatchedForced, FindingKind::MatchedForced)
    } else {
        (Finding::MatchedManual, FindingKind::MatchedManual)
    };
    let receipts = receipts_of(decided);
    let row = run.row_at(row_no);
    // Money out leaves its receipt to the row by which it came.
    let takes = row.is_none_or(|row| !run.row(row).is_out());
    for no in receipts.iter().filter(|_| takes) {
        // A receipt that a person gave to several rows names the first of them.
        if let Some(at) = run.receipt_at(*no).filter(|at| run.is_free(*at)) {
            run.take(at, kind, row_no);
        }
    }
    let Some(row) = row else { return };
    // With another receipt given to the row, its own was no money.
    if let Some(own) = own.filter(|own| takes && !receipts.is_empty() && run.is_free(*own)) {
        let left_vnd = run.receipt(own).left_vnd();
        run.take(own, kind, row_no);
        run.correct(row, own, kind, -left_vnd);
    }
    let tied = match receipts.as_slice() {
        [] => Tied::No,
        [no] => Tied::One(*no),
        all => run.keep_many(all),
    };
    if let [no] = receipts.as_slice()
        && let Some(receipt) = run.receipt_at(*no)
    {
        heed_row(run, row, receipt, is_forced.then_some(kind));
    }
    run.find_tied(row, finding, Some(Pass::Decision), tied, 0);
}

/// What a row that a person gave to one receipt says of its money: what went back went back; where a difference was
/// accepted, the row's amount stands, and nothing if it failed. A lump's difference is nobody's in particular.
fn heed_row(run: &mut Run<'_>, row: u32, receipt: u32, forced: Option<FindingKind>) {
    let r = run.row(row);
    let c = run.receipt(receipt);
    if r.is_out() {
        let refunds = (0usize..).zip(&run.sides.refunds);
        let mut known = refunds.filter(|(at, f)| {
            f.receipt_no == c.no && f.amount_vnd == r.amount_vnd && run.refund_rows[*at].is_none()
        });
        match known.next() {
            Some((at, _)) => run.refund_rows[at] = Some((FindingKind::MatchedManual, r.no)),
            None => {
                let back_vnd = r.amount_vnd.min(run.left_vnd(receipt));
                run.newly_back_vnd[receipt as usize] += back_vnd;
                run.correct(row, receipt, FindingKind::Reversed, -back_vnd);
            }
        }
        return;
    }
    let Some(because) = forced else { return };
    match r.status {
        RowStatus::Settled => run.correct(row, receipt, because, r.amount_vnd - c.amount_vnd),
        RowStatus::Failed => run.correct(row, receipt, because, -c.left_vnd()),
        RowStatus::Pending => {}
    }
}

/// A person said of receipts without a row that they stand, or that their money never came. A row that came since is
/// the better word.
pub(super) fn without_row(run: &mut Run<'_>) {
    let sides = run.sides;
    let alone = sides.decided.iter().filter(|d| d.row_no.is_none());
    for (decided, no) in alone.flat_map(|d| d.receipt_nos.iter().map(move |no| (d, no))) {
        let Some(at) = run.receipt_at(*no).filter(|at| run.is_free(*at)) else {
            continue;
        };
        let c = run.receipt(at);
        run.take(at, FindingKind::MatchedForced, NO_ROW);
        if decided.decision == Decision::Struck {
            run.corrections.push(Correction {
                row_no: NO_ROW,
                receipt_no: c.no,
                row_day: c.day,
                receipt_day: c.day,
                because: FindingKind::MatchedForced,
                amount_vnd: -c.left_vnd(),
            });
        }
    }
}

fn receipts_of(decided: &[Decided]) -> Vec<i64> {
    let mut all: Vec<i64> = decided
        .iter()
        .flat_map(|d| d.receipt_nos.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Rows that posted a receipt or a refund stay what they were when they did, so that a second run says the
/// same as the first.
pub(super) fn origins(run: &mut Run<'_>) {
    let by = Some(Pass::Origin);
    for (at, receipt) in run.receipts() {
        let row = receipt.posted_from_row.and_then(|no| run.row_at(no));
        if let Some(row) = row.filter(|row| run.is_open(*row) && run.is_free(at)) {
            run.take(at, FindingKind::MissingNotice, run.row(row).no);
            run.find_tied(row, Finding::MissingNotice, by, Tied::One(receipt.no), 0);
        }
    }
    for (at, refund) in run.sides.refunds.iter().enumerate() {
        let row = refund.posted_from_row.and_then(|no| run.row_at(no));
        if let Some(row) = row.filter(|row| run.is_open(*row)) {
            let finding = Finding::Reversed { payment_row: None };
            run.refund_rows[at] = Some((FindingKind::Reversed, run.row(row).no));
            run.find_tied(row, finding, by, Tied::One(refund.receipt_no), 0);
        }
    }
}

/// The same row from another file. The lowest number stands, unless another one was found before.
pub(super) fn read_twice(run: &mut Run<'_>) {
    let groups = Groups::join(run.rows().map(|(at, r)| (r.content, at)), std::iter::empty());
    for (rows, _) in groups.iter() {
        let first = standing(run, rows);
        repeat(run, rows, first, true);
    }
}

/// Of rows that are one, the one that stands.
fn standing(run: &Run<'_>, rows: &[u32]) -> u32 {
    let found = rows.iter().find(|row| !run.is_open(**row));
    *found.unwrap_or(&rows[0])
}

/// Open rows beside the one that stands are duplicates.
fn repeat(run: &mut Run<'_>, rows: &[u32], first: u32, is_same_content: bool) {
    let of = run.row(first).no;
    for row in rows.iter().filter(|row| **row != first) {
        if run.is_open(*row) {
            run.find(*row, Finding::DuplicateRow { of, is_same_content });
        }
    }
}

/// Pass 1: the provider's transaction id.
pub(super) fn by_transaction_id(run: &mut Run<'_>) {
    let by_id = Groups::join(
        payments(run).filter_map(|(at, r)| Some((r.txn?, at))),
        run.receipts().map(|(at, c)| (c.txn, at)),
    );
    for (rows, receipts) in by_id.iter() {
        one_payment(run, rows, receipts, Pass::TransactionId);
    }
    // An id that several receipts have (one provider, two merchants): amount and household tell them apart.
    if by_id.iter().all(|(_, receipts)| receipts.len() < 2) {
        return;
    }
    let whole = Groups::join(
        payments(run).filter_map(|(at, r)| Some(((r.txn?, r.household()?, r.amount_vnd), at))),
        run.receipts()
            .map(|(at, c)| ((c.txn, c.household, c.amount_vnd), at)),
    );
    for (rows, receipts) in whole.iter() {
        one_payment(run, rows, receipts, Pass::TransactionId);
    }
    for (rows, receipts) in by_id.iter().filter(|(_, receipts)| receipts.len() > 1) {
        doubt_open(run, rows, receipts);
    }
}

/// Pass 2: the bank's reference. It alone is weaker than an id: some banks give one reference to all
/// credits of a batch, so rows are one payment only if amount and account agree as well.
pub(super) fn by_bank_reference(run: &mut Run<'_>) {
    // Mostly the ids have found everything, and then only the references of the rest are of interest.
    let open = payments(run).filter(|(at, _)| run.is_open(*at));
    let wanted: HashSet<Key128> = open.filter_map(|(_, r)| r.bank_ref).collect();
    let whole = Groups::join(
        payments(run).filter_map(|(at, r)| {
            let bank_ref = r.bank_ref.filter(|key| wanted.contains(key))?;
            Some(((bank_ref, r.amount_vnd, r.household()), at))
        }),
        run.receipts()
            .filter_map(|(at, c)| Some(((c.bank_ref?, c.amount_vnd, Some(c.household)), at))),
    );
    for (rows, receipts) in whole.iter() {
        one_payment(run, rows, receipts, Pass::BankReference);
    }
    let left = Groups::join(
        payments(run).filter_map(|(at, r)| Some((r.bank_ref.filter(|_| run.is_open(at))?, at))),
        run.receipts()
            .filter_map(|(at, c)| Some((c.bank_ref.filter(|_| run.is_free(at))?, at))),
    );
    for (rows, receipts) in left.iter() {
        match (rows, receipts) {
            ([row], [receipt]) => run.tie(*row, *receipt, Pass::BankReference),
            _ => doubt_open(run, rows, receipts),
        }
    }
}

/// Settled payments that are not known as repeats, found or not.
fn payments<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r RowSide)> {
    run.rows().filter(|(at, row)| {
        let found = run.found[*at as usize];
        let is_repeat = found.is_some_and(|f| matches!(f.finding, Finding::DuplicateRow { .. }));
        row.is_paid() && !is_repeat
    })
}

/// Rows that share a key are one payment, unless the receipts say that several payments share it: one of
/// them stands, and has the receipt.
fn one_payment(run: &mut Run<'_>, rows: &[u32], receipts: &[u32], by: Pass) {
    if receipts.len() > 1 {
        return;
    }
    let first = standing(run, rows);
    let first_txn = run.row(first).txn;
    // Two transaction ids are two payments, whatever reference they share.
    let is_same = |txn: Option<Key128>| by == Pass::TransactionId || txn.is_none() || first_txn.is_none();
    let same: Vec<u32> = rows
        .iter()
        .copied()
        .filter(|row| is_same(run.row(*row).txn))
        .collect();
    repeat(run, &same, first, false);
    let Some(receipt) = receipts.first().copied().filter(|_| run.is_open(first)) else {
        return;
    };
    match run.taken[receipt as usize] {
        None => run.tie(first, receipt, by),
        // Its receipt has another row already, by a person or by the id.
        Some((_, of)) if by == Pass::TransactionId || first_txn.is_none() => {
            let is_same_content = false;
            run.find(first, Finding::DuplicateRow { of, is_same_content });
        }
        Some(_) => {}
    }
}

fn doubt_open(run: &mut Run<'_>, rows: &[u32], receipts: &[u32]) {
    let open: Vec<u32> = rows.iter().copied().filter(|row| run.is_open(*row)).collect();
    let free: Vec<u32> = receipts.iter().copied().filter(|c| run.is_free(*c)).collect();
    if !open.is_empty() && !free.is_empty() {
        run.doubt(&open, &free);
    }
}

/// Rows that say failed or pending, where a notice said paid.
pub(super) fn statuses(run: &mut Run<'_>) {
    by_status(run, Pass::TransactionId, |r| r.txn, |c| Some(c.txn));
    by_status(run, Pass::BankReference, |r| r.bank_ref, |c| c.bank_ref);
}

fn by_status(
    run: &mut Run<'_>,
    by: Pass,
    row_key: fn(&RowSide) -> Option<Key128>,
    receipt_key: fn(&ReceiptSide) -> Option<Key128>,
) {
    let is_unpaid = |at: u32, r: &RowSide| {
        r.kind == RowKind::Payment && r.status != RowStatus::Settled && run.is_open(at)
    };
    let unpaid = run.rows().filter(|(at, r)| is_unpaid(*at, r));
    let wanted: HashSet<Key128> = unpaid.filter_map(|(_, r)| row_key(r)).collect();
    let rows = run.rows().filter(|(at, r)| is_unpaid(*at, r) || r.is_paid());
    let groups = Groups::join(
        rows.filter_map(|(at, r)| Some((row_key(r).filter(|key| wanted.contains(key))?, at))),
        run.receipts().filter_map(|(at, c)| Some((receipt_key(c)?, at))),
    );
    for (rows, receipts) in groups.iter() {
        let (settled, unpaid): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| run.row(**row).is_paid());
        match (settled.first(), receipts) {
            (Some(settled), _) => superseded(run, &unpaid, run.row(*settled).no),
            (None, [receipt]) => unpaid_rows(run, &unpaid, *receipt, by),
            _ => {}
        }
    }
}

/// Failed or pending beside settled: before it, that is the usual course; after it, two files contradict
/// each other, and somebody should see it.
fn superseded(run: &mut Run<'_>, unpaid: &[u32], settled_no: i64) {
    for row in unpaid {
        let finding = if run.row(*row).no < settled_no {
            Finding::Ignored(Ignored::Superseded)
        } else {
            Finding::DuplicateRow {
                of: settled_no,
                is_same_content: false,
            }
        };
        run.find(*row, finding);
    }
}

/// Of several the last is how things stand.
fn unpaid_rows(run: &mut Run<'_>, unpaid: &[u32], receipt: u32, by: Pass) {
    let is_from_notice = run.receipt(receipt).posted_from_row.is_none();
    let mut earlier = unpaid;
    if let ([before @ .., last], true) = (unpaid, is_from_notice && run.is_free(receipt)) {
        run.tie(*last, receipt, by);
        earlier = before;
    }
    for row in earlier {
        run.find(*row, Finding::Ignored(Ignored::Superseded));
    }
}

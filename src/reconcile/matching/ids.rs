//! What needs no search: decisions, rows that posted a receipt, rows that were read twice, and ids.

use std::collections::{HashMap, HashSet};

use super::join::Groups;
use super::outcome::{Correction, Finding, Ignored, Pass, Tied};
use super::run::{NO_ROW, Run};
use super::{Decided, Decision, FindingKind, Key128, ReceiptSide, RowSide};
use super::{identity, near};
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
    if decided.iter().any(|d| d.decision == Decision::Own) {
        // Once it posted its receipt, it stays what it was then.
        if let Some(row) = run.row_at(row_no).filter(|_| own.is_none()) {
            let finding = run.on_its_own(row);
            run.find_tied(row, finding, Some(Pass::Decision), Tied::No, 0);
        }
        return;
    }
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
            if run.sides.withdrawn.binary_search(&run.row(row).no).is_ok() {
                // What it posted was no money; the row is looked at as if it had posted nothing.
                run.take(at, FindingKind::Ambiguous, run.row(row).no);
                run.correct(row, at, FindingKind::Ambiguous, -receipt.left_vnd());
                continue;
            }
            run.take(at, FindingKind::MissingNotice, run.row(row).no);
            let finding = run.missing_notice(row);
            run.find_tied(row, finding, by, Tied::One(receipt.no), 0);
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

/// Pass 1: the provider's transaction id.
pub(super) fn by_transaction_id(run: &mut Run<'_>) {
    let by_id = Groups::join(
        payments(run).filter_map(|(at, r)| Some((r.txn?, at))),
        run.receipts().map(|(at, c)| (c.txn, at)),
    );
    let several = by_id.iter().filter(|(rows, _)| rows.len() > 1);
    let several: Vec<(Key128, &[u32])> = several
        .filter_map(|(rows, _)| Some((run.row(rows[0]).txn?, rows)))
        .collect();
    identity::by_id(run, several.into_iter());
    for (rows, receipts) in by_id.iter() {
        if let [receipt] = receipts {
            of_receipt(run, rows, *receipt);
        }
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
    for (rows, receipts) in whole.iter().filter(|(_, receipts)| !receipts.is_empty()) {
        pair_off(run, rows, receipts, Pass::TransactionId);
    }
    for (rows, receipts) in by_id.iter().filter(|(_, receipts)| receipts.len() > 1) {
        doubt_open(run, rows, receipts);
    }
}

/// Rows that name one receipt by its id. It is one of theirs; what the others have in common with it is the id.
fn of_receipt(run: &mut Run<'_>, rows: &[u32], receipt: u32) {
    if !run.is_free(receipt) {
        return;
    }
    let c = run.receipt(receipt);
    if let ([row], None) = (rows, c.posted_from_row) {
        if run.is_open(*row) {
            run.tie(*row, receipt, Pass::TransactionId);
        }
        return;
    }
    let open = undecided(run, rows);
    if open.is_empty() {
        return;
    }
    let standing = rows.iter().filter(|row| !run.is_repeat(**row)).count();
    let is_it = |row: &u32| {
        let r = run.row(*row);
        (r.amount_vnd == c.amount_vnd || r.amount_vnd == c.left_vnd()) && r.may_pay(c.household)
    };
    let agreeing: Vec<u32> = open.iter().copied().filter(is_it).collect();
    // The row that posted it is far away: only an id that is no counter says that this is the same.
    let is_far = c.posted_from_row.is_some();
    let is_counter = run.row(open[0]).txn.is_none_or(|id| !id.is_long());
    match agreeing.as_slice() {
        [] if is_far => {}
        _ if is_far && is_counter => {}
        [] if standing > 1 => run.doubt(&open, &[receipt]),
        [] => run.tie(open[0], receipt, Pass::TransactionId),
        [row] => run.tie(*row, receipt, Pass::TransactionId),
        agreeing => pair_off(run, agreeing, &[receipt], Pass::TransactionId),
    }
}

/// Open rows and free receipts that share an id and agree in amount and household. If one is as good as the other
/// they pair off in order; else nobody can tell which is whose.
fn pair_off(run: &mut Run<'_>, rows: &[u32], receipts: &[u32], by: Pass) {
    let rows = undecided(run, rows);
    let free: Vec<u32> = receipts.iter().copied().filter(|c| run.is_free(*c)).collect();
    let is_one_each = rows.len() == 1 && free.len() == 1;
    if is_one_each || near::are_alike(run, &rows, &free) {
        for (row, receipt) in rows.iter().zip(&free) {
            run.tie(*row, *receipt, by);
        }
    } else if !rows.is_empty() && !free.is_empty() {
        run.doubt(&rows, &free);
    }
}

/// Open rows that are not perhaps the same payment as another.
fn undecided(run: &Run<'_>, rows: &[u32]) -> Vec<u32> {
    let rows = rows.iter().copied();
    rows.filter(|row| run.is_open(*row) && run.identity.perhaps_of(*row).is_none())
        .collect()
}

/// Pass 2: any id that row and receipt share, in whatever field it stands. It alone is weaker than a transaction id:
/// some banks give one reference to all credits of a batch, so amount and household have to agree as well.
pub(super) fn by_any_id(run: &mut Run<'_>) {
    // Mostly the ids have found everything, and then only the references of the rest are of interest.
    let open = payments(run).filter(|(at, _)| run.is_open(*at));
    let wanted: HashSet<Key128> = open.flat_map(|(_, r)| r.ids()).collect();
    if wanted.is_empty() {
        return;
    }
    let rows = payments(run).flat_map(|(at, r)| r.ids().map(move |id| (id, at)));
    let mut rows: Vec<(Key128, u32)> = rows.filter(|(id, _)| wanted.contains(id)).collect();
    rows.sort_unstable();
    rows.dedup();
    let numbers: Vec<u32> = rows.iter().map(|(_, row)| *row).collect();
    let mut groups: Vec<(Key128, &[u32])> = Vec::new();
    let mut from = 0;
    for rows in rows.chunk_by(|a, b| a.0 == b.0) {
        groups.push((rows[0].0, &numbers[from..from + rows.len()]));
        from += rows.len();
    }
    let mut receipts: HashMap<Key128, Vec<u32>> = HashMap::new();
    for (at, c) in run.receipts() {
        for id in c.ids().filter(|id| wanted.contains(id)) {
            let of_id = receipts.entry(id).or_default();
            if of_id.last() != Some(&at) {
                of_id.push(at);
            }
        }
    }
    let several = groups.iter().copied().filter(|(_, rows)| rows.len() > 1);
    identity::entries_and_parts(run, several.clone());
    // Rows with one transaction id were looked at before.
    let across = several.filter(|(id, rows)| rows.iter().any(|row| run.row(*row).txn != Some(*id)));
    let across: Vec<_> = across.collect();
    identity::by_id(run, across.into_iter());
    for (id, rows) in &groups {
        if let Some(receipts) = receipts.get(id) {
            agreeing_in_amount(run, rows, receipts);
        }
    }
    for (id, rows) in &groups {
        match (*rows, receipts.get(id).map(Vec::as_slice)) {
            (_, None) => {}
            // The id is theirs alone, so what differs is a difference.
            ([row], Some([receipt])) => {
                let is_ref =
                    run.row(*row).bank_ref == Some(*id) && run.receipt(*receipt).bank_ref == Some(*id);
                let is_from_notice = run.receipt(*receipt).posted_from_row.is_none();
                if is_ref && is_from_notice && run.is_free(*receipt) && !undecided(run, rows).is_empty() {
                    run.tie(*row, *receipt, Pass::BankReference);
                }
            }
            (rows, Some(receipts)) => {
                let is_ref = |c: &u32| run.receipt(*c).bank_ref == Some(*id);
                let receipts: Vec<u32> = receipts.iter().copied().filter(is_ref).collect();
                doubt_open(run, &undecided(run, rows), &receipts);
            }
        }
    }
    for (id, rows) in &groups {
        for receipt in receipts.get(id).into_iter().flatten() {
            for row in undecided(run, rows) {
                identity::of_taken(run, row, *receipt, *id);
            }
        }
    }
}

/// Rows and receipts of one id: those of one amount and household.
fn agreeing_in_amount(run: &mut Run<'_>, rows: &[u32], receipts: &[u32]) {
    let free = receipts.iter().copied().filter(|c| run.is_free(*c));
    let mut free: Vec<u32> = free
        .filter(|c| run.receipt(*c).posted_from_row.is_none())
        .collect();
    free.sort_unstable_by_key(|c| (run.receipt(*c).amount_vnd, run.receipt(*c).household, *c));
    let key = |c: &u32| (run.receipt(*c).amount_vnd, run.receipt(*c).household);
    let groups: Vec<Vec<u32>> = free
        .chunk_by(|a, b| key(a) == key(b))
        .map(<[u32]>::to_vec)
        .collect();
    for receipts in groups {
        let c = run.receipt(receipts[0]);
        let is_theirs = |row: &u32| {
            let r = run.row(*row);
            let stall = r.stall_in_note.is_none_or(|s| c.stall.is_none_or(|own| own == s));
            r.amount_vnd == c.amount_vnd && r.may_pay(c.household) && stall && run.is_day_allowed(r.day, c)
        };
        let rows: Vec<u32> = undecided(run, rows).into_iter().filter(is_theirs).collect();
        pair_off(run, &rows, &receipts, Pass::BankReference);
    }
}

/// Settled payments that are not known as repeats, found or not.
fn payments<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r RowSide)> {
    run.rows()
        .filter(|(at, row)| row.is_paid() && !run.is_repeat(*at))
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

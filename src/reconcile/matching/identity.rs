//! Which rows of different files are one payment (docs/reconciliation.md, "Identity of a row").
//!
//! A file lists each payment once, so rows of one file are different payments, unless they are equal in everything,
//! their own id included (that is found by their content). Rows of two files may be one payment. An id that both name
//! says so only together with amount, account and time: a reference may be a batch's, an order's, or a number that
//! begins anew with each statement. Without a common id nothing says so but what the rows tell of themselves.
//!
//! A row is never both: it is the same payment as an earlier row, or another one, or, where that cannot be decided,
//! perhaps the same; then it waits for a person. One row of a file stands against one row of another, so however many
//! files list a payment, at least as many payments are counted as the file that has most of them lists.

use std::collections::{HashMap, HashSet};

use super::join::Groups;
use super::outcome::Finding;
use super::run::Run;
use super::same_payment::files;
use super::{FindingKind, Key128, Payee, RowSide};
use crate::statement::RowKind;
use crate::vn::{Day, TimeMs};

/// An id of so many rows of one file is none: each file's rows are looked at one against the other.
const ROWS_OF_ID_MAX: usize = 200;
/// Rows of one account, amount and day that are looked at one against the other.
const ROWS_ALIKE_MAX: usize = 4_000;
/// Days that two files of different shape may be apart about the day of one payment, for a weekend.
const DAYS_APART_MAX: u64 = 3;
const MINUTE_MS: i64 = 60_000;
/// From this time of day on, a bank may book a payment on the next day.
const LATE_FROM_MS: i64 = 22 * 60 * MINUTE_MS;
/// The shape of rows that are not kept yet.
const FRESH_SHAPE: u16 = 0;

/// What two rows of different files are to each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sameness {
    Other,
    Perhaps,
    Same,
}

/// How far apart the times are that two rows of different files state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// One and the same instant.
    Same,
    /// The same day where one has no time, or within the window.
    Near,
    /// Not the same day, but as a bank may date what another dates before the weekend.
    Days,
    Far,
}

/// Whether the two say alike what they say: read by one mapping, with the time in both or in neither. A column of days
/// may have times in one file and none in another.
fn is_one_shape(a: &RowSide, b: &RowSide) -> bool {
    a.shape == b.shape && a.occurred_at.is_some() == b.occurred_at.is_some()
}

fn apart(a: &RowSide, b: &RowSide, window_ms: i64) -> Apart {
    let days = a.day.number().abs_diff(b.day.number());
    match (a.occurred_at, b.occurred_at) {
        (Some(TimeMs(s)), Some(TimeMs(t))) => match s.abs_diff(t) {
            0 => Apart::Same,
            // Files of one shape state one time.
            _ if is_one_shape(a, b) => Apart::Far,
            gap if gap <= window_ms.unsigned_abs() => Apart::Near,
            _ => Apart::Far,
        },
        _ => match days {
            0 => Apart::Near,
            1..=DAYS_APART_MAX if !is_one_shape(a, b) => Apart::Days,
            _ => Apart::Far,
        },
    }
}

/// Whether a time says more than the minute.
fn has_seconds(row: &RowSide) -> bool {
    row.occurred_at.is_some_and(|t| t.0 % MINUTE_MS != 0)
}

/// Whether nothing but the amount speaks against one payment: neither account nor stall.
pub(super) fn is_one_payee(a: &RowSide, b: &RowSide) -> bool {
    let accounts = match (a.payee, b.payee) {
        (Payee::Household { household: one, .. }, Payee::Household { household: other, .. }) => one == other,
        (Payee::NotNamed, _) | (_, Payee::NotNamed) => true,
        (Payee::Unknown, Payee::Unknown) => true,
        _ => false,
    };
    accounts
        && a.stall_in_note
            .is_none_or(|s| b.stall_in_note.is_none_or(|t| s == t))
}

/// Whether a row has a number under which no other row says something else.
fn has_own_id(row: &RowSide, shared: &HashSet<Key128>) -> bool {
    row.ids().any(|id| id.is_long() && !shared.contains(&id))
}

/// Which of the fresh rows, the first of these, a kept one says too, so that they need not be kept again.
///
/// A row that states its time, or a number that no other row has, is the same payment wherever it stands. Of a day
/// without times and numbers two rows may say the same and be two payments. They are the same if the fresh file has
/// all that was known of the day in its own shape, as a later export of the day has. Else they are kept, and a person
/// is asked.
pub fn read_before(rows: &[RowSide], fresh: usize) -> HashSet<usize> {
    let (fresh, kept) = rows.split_at(fresh);
    let contents: HashSet<Key128> = kept.iter().map(|row| row.content).collect();
    let is_known = |row: &RowSide| contents.contains(&row.content);
    let mut before: HashSet<usize> = HashSet::new();
    let mut doubtful = Vec::new();
    for (at, row) in fresh.iter().enumerate().filter(|(_, row)| is_known(row)) {
        if row.occurred_at.is_some() || row.kind != RowKind::Payment {
            before.insert(at);
        } else {
            doubtful.push(at);
        }
    }
    if doubtful.is_empty() {
        return before;
    }
    let shared = shared_ids(rows.iter(), doubtful.iter().map(|at| &fresh[*at]));
    let is_own = |row: &RowSide| has_own_id(row, &shared);
    let mut days: HashMap<Day, HashSet<Key128>> = HashMap::new();
    for row in kept
        .iter()
        .filter(|row| row.shape == FRESH_SHAPE && row.kind == RowKind::Payment)
    {
        if row.occurred_at.is_none() && !is_own(row) {
            days.entry(row.day).or_default().insert(row.content);
        }
    }
    let stated: HashSet<Key128> = fresh.iter().map(|row| row.content).collect();
    let is_whole = |day: Day| {
        let known = days.get(&day);
        known.is_some_and(|known| known.len() > 1 && known.iter().all(|content| stated.contains(content)))
    };
    before.extend(
        doubtful
            .into_iter()
            .filter(|at| is_own(&fresh[*at]) || is_whole(fresh[*at].day)),
    );
    before
}

/// The long ids of some rows under which rows say different things.
fn shared_ids<'r>(
    rows: impl Iterator<Item = &'r RowSide>,
    of: impl Iterator<Item = &'r RowSide>,
) -> HashSet<Key128> {
    let ids = of.flat_map(RowSide::ids).filter(|id| id.is_long());
    let mut said: HashMap<Key128, Option<Key128>> = ids.map(|id| (id, None)).collect();
    let mut shared = HashSet::new();
    for row in rows {
        for id in row.ids() {
            if let Some(said) = said.get_mut(&id)
                && *said.get_or_insert(row.content) != row.content
            {
                shared.insert(id);
            }
        }
    }
    shared
}

/// Rows that say the same. In one file it is one row that is printed twice; in two files one payment, unless neither
/// time nor number tells it from another: then it may be one.
pub(super) fn read_twice(run: &mut Run<'_>) {
    let groups = Groups::join(run.rows().map(|(at, r)| (r.content, at)), std::iter::empty());
    let twice = groups.iter().filter(|(rows, _)| rows.len() > 1);
    let twice: Vec<&[u32]> = twice.map(|(rows, _)| rows).collect();
    if twice.is_empty() {
        return;
    }
    let all = run.rows().map(|(_, r)| r);
    let shared = shared_ids(all, twice.iter().map(|rows| run.row(rows[0])));
    for rows in twice {
        // The lowest number stands, unless another one was found before.
        let found = rows.iter().find(|row| !run.is_open(**row));
        let first = *found.unwrap_or(&rows[0]);
        let f = run.row(first);
        for row in rows.iter().copied().filter(|row| *row != first) {
            if !run.is_open(row) {
                continue;
            }
            let r = run.row(row);
            if r.file() == f.file() || r.occurred_at.is_some() || has_own_id(r, &shared) || !r.is_paid() {
                let finding = Finding::DuplicateRow {
                    of: f.no,
                    is_same_content: true,
                };
                run.find(row, finding);
                run.identity.cover(first, r.file());
                if r.file() != f.file() && r.ids().any(Key128::is_long) {
                    run.identity.numbering.entry(files(f, r)).or_default().0 += 1;
                }
            } else {
                perhaps(run, row, first);
            }
        }
    }
}

/// Rows that share ids, before it is asked which receipts they have: in groups of one id, each row once.
pub(super) fn by_id<'g>(run: &mut Run<'_>, groups: impl Iterator<Item = (Key128, &'g [u32])> + Clone) {
    for (id, rows) in groups.clone() {
        note_numbering(run, id, rows);
    }
    for (id, rows) in groups {
        of_id(run, id, rows);
    }
}

/// Rows with a common id: what that tells of how their files number.
fn note_numbering(run: &mut Run<'_>, id: Key128, rows: &[u32]) {
    if rows.len() > ROWS_OF_ID_MAX {
        return;
    }
    let by_file = by_file(run, rows);
    for (at, one) in by_file.iter().enumerate() {
        for other in &by_file[at + 1..] {
            if is_taken_apart(run, one, other) || is_taken_apart(run, other, one) {
                continue;
            }
            let is_same = one.iter().any(|a| {
                let a = run.row(*a);
                let may_be = |b: &u32| {
                    let b = run.row(*b);
                    // A counter under which one shape says something else, or of another day, began anew.
                    a.amount_vnd == b.amount_vnd
                        && is_one_payee(a, b)
                        && apart(a, b, run.rules.time_window_ms) != Apart::Far
                        && (id.is_long() || !is_one_shape(a, b) || a.content == b.content)
                };
                other.iter().any(may_be)
            });
            let pair = files(run.row(one[0]), run.row(other[0]));
            let (same, differing) = run.identity.numbering.entry(pair).or_default();
            *(if is_same { same } else { differing }) += 1;
        }
    }
}

/// Rows in parts of one file each, in the order of files.
fn by_file(run: &Run<'_>, rows: &[u32]) -> Vec<Vec<u32>> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    let parts = rows.chunk_by(|a, b| run.row(*a).file() == run.row(*b).file());
    parts.map(<[u32]>::to_vec).collect()
}

/// Whether one row is an entry whose transactions another file lists under its reference: together they come to it.
fn is_taken_apart(run: &Run<'_>, whole: &[u32], parts: &[u32]) -> bool {
    let ([whole], [_, _, ..]) = (whole, parts) else {
        return false;
    };
    let whole = run.row(*whole);
    let sum: i128 = parts
        .iter()
        .map(|part| i128::from(run.row(*part).amount_vnd))
        .sum();
    sum == i128::from(whole.amount_vnd) && parts.iter().all(|part| is_payee_of_part(whole, run.row(*part)))
}

/// A batch may name one stall and its parts several; a household that is known by that stall alone says no more.
fn is_payee_of_part(whole: &RowSide, part: &RowSide) -> bool {
    let payee = if whole.stall_in_note.is_some() {
        Payee::NotNamed
    } else {
        whole.payee
    };
    is_one_payee(
        &RowSide {
            stall_in_note: None,
            payee,
            ..*whole
        },
        part,
    )
}

/// Rows with a common id.
fn of_id(run: &mut Run<'_>, id: Key128, rows: &[u32]) {
    let files = by_file(run, rows);
    let is_shared = files.iter().any(|rows| rows.len() > 1);
    if is_shared {
        share(run, id, rows);
    }
    if files.len() < 2 || rows.len() > ROWS_OF_ID_MAX {
        return;
    }
    // Those of which something is known stand; then the earlier file's.
    let mut rows = rows.to_vec();
    rows.retain(|row| !run.is_repeat(*row));
    rows.sort_unstable_by_key(|row| (run.is_open(*row), *row));
    let mut standing: Vec<u32> = Vec::with_capacity(rows.len());
    for row in rows {
        let is_undecided = run.is_open(row) && run.identity.perhaps_of(row).is_none();
        let partner =
            is_undecided.then(|| partner(run, row, &standing, |a, b| of_common_id(run, id, is_shared, a, b)));
        match partner.flatten() {
            Some((of, Sameness::Same)) => repeat(run, row, of),
            Some((of, _)) => {
                perhaps(run, row, of);
                standing.push(row);
            }
            None => standing.push(row),
        }
    }
    if standing.len() > 1 {
        share(run, id, &standing);
    }
}

/// Other payments have the id of these rows too, where it is the one by which they are known.
fn share(run: &mut Run<'_>, id: Key128, rows: &[u32]) {
    for row in rows {
        let r = run.row(*row);
        if r.txn.or(r.bank_ref) == Some(id) {
            run.identity.shared.insert(*row);
        }
    }
}

/// Entries that came without their transactions, where these came in another file under the entry's reference:
/// whichever of the two is not known yet gives way, or waits.
pub(super) fn entries_and_parts<'g>(run: &mut Run<'_>, groups: impl Iterator<Item = (Key128, &'g [u32])>) {
    for (_, rows) in groups.filter(|(_, rows)| rows.len() <= ROWS_OF_ID_MAX) {
        let files = by_file(run, rows);
        for (at, one) in files.iter().enumerate() {
            for other in &files[at + 1..] {
                for (whole, parts) in [(one, other), (other, one)] {
                    if is_taken_apart(run, whole, parts) {
                        taken_apart(run, whole[0], parts);
                    }
                }
            }
        }
    }
}

fn taken_apart(run: &mut Run<'_>, whole: u32, parts: &[u32]) {
    let known = parts
        .iter()
        .find(|part| !run.is_open(**part) && !run.is_repeat(**part))
        .copied();
    let w = run.row(whole);
    // Rows of one shape under one reference may come to another payment's amount by chance.
    let is_sum = w.states_lump() || w.shape != run.row(parts[0]).shape;
    match (run.is_open(whole), known) {
        // Where neither is known yet, what is told in more detail stands.
        (true, known) if is_sum => repeat(run, whole, known.unwrap_or(parts[0])),
        (true, known) => perhaps(run, whole, known.unwrap_or(parts[0])),
        (false, None) if !run.is_repeat(whole) => {
            let open: Vec<u32> = parts.iter().copied().filter(|part| run.is_open(*part)).collect();
            run.identity
                .perhaps
                .extend(open.iter().map(|part| (*part, whole)));
            run.doubt(&open, &[]);
        }
        _ => {}
    }
}

/// The row that stands and is the surest to be the same payment, of a file that has no other row for it.
fn partner(
    run: &Run<'_>,
    row: u32,
    standing: &[u32],
    sameness: impl Fn(&RowSide, &RowSide) -> Sameness,
) -> Option<(u32, Sameness)> {
    let r = run.row(row);
    let of_others = standing
        .iter()
        .filter(|of| run.row(**of).file() != r.file() && !run.identity.covered.contains(&(**of, r.file())));
    let likely = of_others.map(|of| (*of, sameness(r, run.row(*of))));
    let likely = likely.filter(|(_, sameness)| *sameness != Sameness::Other);
    likely.min_by_key(|(of, sameness)| {
        let gap = match (r.occurred_at, run.row(*of).occurred_at) {
            (Some(a), Some(b)) => a.0.abs_diff(b.0),
            _ => u64::MAX,
        };
        (std::cmp::Reverse(*sameness), gap, *of)
    })
}

fn repeat(run: &mut Run<'_>, row: u32, of: u32) {
    run.identity.cover(of, run.row(row).file());
    let finding = Finding::DuplicateRow {
        of: run.row(of).no,
        is_same_content: false,
    };
    run.find(row, finding);
}

fn perhaps(run: &mut Run<'_>, row: u32, of: u32) {
    run.identity.cover(of, run.row(row).file());
    run.identity.perhaps.insert(row, of);
    run.doubt(&[row], &[]);
}

/// Rows of two files with a common id. `is_shared`: some file has it more than once.
fn of_common_id(run: &Run<'_>, id: Key128, is_shared: bool, a: &RowSide, b: &RowSide) -> Sameness {
    let is_one_shape = is_one_shape(a, b);
    let is_long = id.is_long();
    let is_own = is_long && !is_shared && !run.identity.is_anew(a, b);
    if !is_one_payee(a, b) || has_ids_apart(run, id, a, b) {
        return Sameness::Other;
    }
    let apart = apart(a, b, run.rules.time_window_ms);
    if a.amount_vnd != b.amount_vnd {
        // One id, one account, one time, and another amount: somebody should see it.
        let is_doubtful = is_own && matches!(apart, Apart::Same | Apart::Near);
        return if is_doubtful {
            Sameness::Perhaps
        } else {
            Sameness::Other
        };
    }
    match apart {
        Apart::Same => Sameness::Same,
        Apart::Near if is_own => Sameness::Same,
        // One batch in two files of different shape.
        Apart::Near if is_long && !is_one_shape && !run.identity.is_anew(a, b) => Sameness::Same,
        Apart::Near if is_long || !is_one_shape => Sameness::Perhaps,
        Apart::Days if is_long => Sameness::Perhaps,
        Apart::Far if is_own && !is_one_shape => Sameness::Perhaps,
        _ => Sameness::Other,
    }
}

/// Both have an id of their own besides, and ids of these files can be compared.
fn has_ids_apart(run: &Run<'_>, common: Key128, a: &RowSide, b: &RowSide) -> bool {
    let (Some(one), Some(other)) = (a.txn, b.txn) else {
        return false;
    };
    let is_comparable = is_one_shape(a, b) || run.identity.is_one_numbering(a, b);
    one != other && one != common && other != common && is_comparable
}

/// Household or stall of a row; which of the two comes first, so that their numbers are apart.
type PayeeKey = fn(&RowSide) -> Option<(bool, u32)>;

/// Rows that stand in another file under no common id: with an id and without one, under another reference, from a
/// table and then a message. Says of what is open that it is the same or may be.
pub(super) fn without_common_id(run: &mut Run<'_>) {
    let mut files = run.rows().filter(|(_, r)| r.is_paid()).map(|(_, r)| r.file());
    let first = files.next();
    if files.all(|file| Some(file) == first) {
        return;
    }
    let keys: [PayeeKey; 2] = [|r| Some((true, r.household()?)), |r| Some((false, r.stall()?))];
    for key in keys {
        let key = |r: &RowSide| Some((key(r)?, r.amount_vnd, r.day));
        let open: HashSet<_> = run
            .rows()
            .filter(|(at, r)| r.is_paid() && run.is_open(*at))
            .filter_map(|(_, r)| key(r))
            .collect();
        if open.is_empty() {
            continue;
        }
        let rows = run.rows().filter(|(at, r)| r.is_paid() && !run.is_repeat(*at));
        let rows = rows.filter_map(|(at, r)| Some((key(r).filter(|key| open.contains(key))?, at)));
        let groups = Groups::join(rows, std::iter::empty());
        for (rows, _) in groups.iter().filter(|(rows, _)| rows.len() > 1) {
            of_one_amount(run, rows);
        }
    }
    for key in keys {
        across_midnight(run, key);
    }
}

/// Rows that another file without times has on a later day: paid late in the evening and booked on the next day, after
/// the bank's closing time, or booked after a weekend with the day of the payment as value day.
fn across_midnight(run: &mut Run<'_>, payee: PayeeKey) {
    let of = |r: &RowSide, day: Day| Some((payee(r)?, r.amount_vnd, day));
    let rows = || run.rows().filter(|(at, r)| r.is_paid() && !run.is_repeat(*at));
    let valued = rows().filter(|(_, r)| r.occurred_at.is_none() && r.valued_days_before > 0);
    let mut booked: Vec<_> = valued
        .filter_map(|(at, r)| Some((of(r, r.day.plus(-i64::from(r.valued_days_before)))?, at)))
        .collect();
    let on_value_days: HashSet<_> = booked.iter().map(|(key, _)| *key).collect();
    let own_day = rows().filter_map(|(at, r)| Some((of(r, r.day)?, at)));
    let mut earlier: Vec<_> = own_day.filter(|(key, _)| on_value_days.contains(key)).collect();
    let evening = rows().filter(|(_, r)| r.occurred_at.is_some_and(is_late_in_the_evening));
    let evening = evening.filter_map(|(at, r)| Some((of(r, r.day.plus(1))?, at)));
    let evening: Vec<_> = evening.collect();
    if earlier.is_empty() && evening.is_empty() {
        return;
    }
    let wanted: HashSet<_> = evening.iter().map(|(key, _)| *key).collect();
    earlier.extend(evening);
    let next_day = rows().filter(|(_, r)| r.occurred_at.is_none());
    booked
        .extend(next_day.filter_map(|(at, r)| Some((of(r, r.day).filter(|key| wanted.contains(key))?, at))));
    let mut by_key: HashMap<_, Vec<u32>> = HashMap::new();
    for (key, at) in earlier {
        by_key.entry(key).or_default().push(at);
    }
    for (key, booked) in booked {
        let partner = by_key.get(&key).and_then(|rows| {
            let fits = |late: &u32| {
                let (l, b) = (run.row(*late), run.row(booked));
                let covered = &run.identity.covered;
                l.file() != b.file()
                    && !covered.contains(&(*late, b.file()))
                    && !covered.contains(&(booked, l.file()))
                    && !are_told_apart(run, l, b)
                    && is_one_payee(l, b)
            };
            rows.iter().take(ROWS_ALIKE_MAX).copied().find(fits)
        });
        let Some(late) = partner else { continue };
        let is_waiting = |row: u32| run.identity.perhaps_of(row).is_some();
        match (run.is_open(booked), run.is_open(late)) {
            (true, _) if !is_waiting(booked) => perhaps(run, booked, late),
            (false, true) if !is_waiting(late) => perhaps(run, late, booked),
            _ => {}
        }
    }
}

fn is_late_in_the_evening(time: TimeMs) -> bool {
    time.0 - Day::of(time).start().0 >= LATE_FROM_MS
}

/// Rows of one account, amount and day.
fn of_one_amount(run: &mut Run<'_>, rows: &[u32]) {
    let first = run.row(rows[0]).file();
    if rows.iter().all(|row| run.row(*row).file() == first) {
        return;
    }
    let mut rows = rows.to_vec();
    rows.sort_unstable_by_key(|row| (run.is_open(*row), *row));
    if rows.len() > ROWS_ALIKE_MAX {
        // Nobody pays so often on one day: nothing of it is decided here.
        for row in &rows[1..] {
            let is_elsewhere = run.row(*row).file() != run.row(rows[0]).file();
            if is_elsewhere && run.is_open(*row) && run.identity.perhaps_of(*row).is_none() {
                perhaps(run, *row, rows[0]);
            }
        }
        return;
    }
    let (open, mut standing): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| run.is_open(**row));
    let mut left = Vec::new();
    let mut waiting = Vec::new();
    for all in by_file(run, &open) {
        let mut rows = all.clone();
        rows.retain(|row| run.identity.perhaps_of(*row).is_none());
        for (row, of, sameness) in pairs(run, &rows, &standing) {
            match sameness {
                Sameness::Same if run.identity.perhaps_of(of).is_none() => repeat(run, row, of),
                _ => {
                    waiting.push((row, of));
                    perhaps(run, row, of);
                }
            }
        }
        rows.retain(|row| run.is_open(*row) && run.identity.perhaps_of(*row).is_none());
        left.extend(&rows);
        // What waits is compared with too: who is the same as it waits with it.
        standing.extend(all.into_iter().filter(|row| !run.is_repeat(*row)));
    }
    // There are surely more payments than the other file has rows. Which of them they are matters only if they are of
    // different stalls: then all wait.
    for row in left {
        let r = run.row(row);
        let waits = waiting.iter().find(|(waiting, _)| {
            let w = run.row(*waiting);
            w.file() == r.file() && w.stall() != r.stall()
        });
        if let Some((_, of)) = waits {
            perhaps(run, row, *of);
        }
    }
}

/// Rows of one file with the rows of other files that may be the same payments, the surest first, each once.
fn pairs(run: &Run<'_>, rows: &[u32], standing: &[u32]) -> Vec<(u32, u32, Sameness)> {
    let mut likely = Vec::new();
    for row in rows {
        let file = run.row(*row).file();
        for of in standing.iter().filter(|of| run.row(**of).file() != file) {
            let sameness = of_no_id(run, *row, *of);
            if sameness != Sameness::Other && !run.identity.covered.contains(&(*of, file)) {
                let gap = match (run.time_of(*row), run.time_of(*of)) {
                    (Some(a), Some(b)) => a.0.abs_diff(b.0),
                    _ => u64::MAX,
                };
                likely.push((std::cmp::Reverse(sameness), run.is_open(*of), gap, *row, *of));
            }
        }
    }
    likely.sort_unstable();
    let mut taken = HashSet::new();
    let mut pairs = Vec::new();
    for (std::cmp::Reverse(sameness), _, _, row, of) in likely {
        if !taken.contains(&(true, row)) && !taken.contains(&(false, of)) {
            taken.extend([(true, row), (false, of)]);
            pairs.push((row, of, sameness));
        }
    }
    pairs
}

/// Whether ids tell the rows of two files apart, or were looked at already since they have one in common.
fn are_told_apart(run: &Run<'_>, a: &RowSide, b: &RowSide) -> bool {
    let has_id = |r: &RowSide| r.ids().any(Key128::is_long);
    let has_any = |r: &RowSide| r.ids().next().is_some();
    let is_one_shape = is_one_shape(a, b);
    // What one shape says otherwise is another payment; it may leave an id out, though.
    let are_other = match (has_id(a), has_id(b)) {
        (true, true) => is_one_shape || run.identity.is_one_numbering(a, b),
        // A counter tells payments of two files apart only if it is shown to go on from one to the other.
        (false, false) if has_any(a) && has_any(b) => is_one_shape && run.identity.goes_on(a, b),
        (false, false) => is_one_shape && has_any(a) == has_any(b),
        _ => false,
    };
    are_other || a.ids().any(|id| b.ids().any(|other| id == other))
}

/// Rows of two files, one account, amount and day, without a common id.
fn of_no_id(run: &Run<'_>, row: u32, other: u32) -> Sameness {
    let a = run.row(row);
    let b = run.row(other);
    if are_told_apart(run, a, b) {
        return Sameness::Other;
    }
    if a.amount_vnd != b.amount_vnd || !is_one_payee(a, b) {
        return Sameness::Other;
    }
    let apart = match (a.occurred_at, b.occurred_at, run.time_of(row), run.time_of(other)) {
        // Where one of them has only a day, the notice of its payment says when.
        (None, _, Some(s), Some(t)) | (_, None, Some(s), Some(t)) => {
            let is_near = s.0.abs_diff(t.0) <= run.rules.time_window_ms.unsigned_abs();
            if is_near { Apart::Near } else { Apart::Far }
        }
        _ => apart(a, b, run.rules.time_window_ms),
    };
    match apart {
        Apart::Same if has_seconds(a) => Sameness::Same,
        Apart::Same | Apart::Near => Sameness::Perhaps,
        Apart::Days | Apart::Far => Sameness::Other,
    }
}

/// Where the row that may be another's payment found its receipt first, the other one waits.
pub(super) fn turn_round(run: &mut Run<'_>) {
    let found = run
        .identity
        .perhaps
        .iter()
        .filter(|(row, of)| !run.is_open(**row) && run.is_open(**of));
    let waiting: Vec<u32> = found.map(|(_, of)| *of).collect();
    run.doubt(&waiting, &[]);
}

/// A row that names a receipt which a row of another file has: the notice says that both are one payment.
pub(super) fn of_taken(run: &mut Run<'_>, row: u32, receipt: u32, id: Key128) {
    if run.receipt(receipt).posted_from_row.is_some() {
        return;
    }
    let Some((kind, of_no)) = run.taken[receipt as usize] else {
        return;
    };
    let Some(of) = run.row_at(of_no) else { return };
    let r = run.row(row);
    let c = run.receipt(receipt);
    let q = run.row(of);
    let is_persons = matches!(kind, FindingKind::MatchedManual | FindingKind::MatchedForced);
    if is_persons && id == c.txn && r.amount_vnd == c.amount_vnd && r.may_pay(c.household) {
        // A person gave the receipt that it names to another row.
        repeat(run, row, of);
        return;
    }
    let is_one =
        q.file() != r.file() && is_one_payee(r, q) && r.amount_vnd == q.amount_vnd && r.may_pay(c.household);
    if !is_one || !run.is_day_allowed(r.day, c) || run.identity.covered.contains(&(of, r.file())) {
        share(run, id, &[row]);
        return;
    }
    match apart(r, q, run.rules.time_window_ms) {
        Apart::Far => share(run, id, &[row]),
        _ if id.is_long() => repeat(run, row, of),
        _ => perhaps(run, row, of),
    }
}

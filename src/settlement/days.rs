//! The days of a provider: compared, made to follow the statement, closed and stated anew.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::{ImportError, blocking};
use crate::reconcile::{
    Correction, Exception, Finding, Outcome, REASON_CHARS, RunSummary, Subject, Tied, candidates,
    delivery_from_statement, holding_of, match_sides, sum_up,
};
use crate::statement::RowKind;
use crate::store::{
    Actor, Arrival, BookDay, Conflict, DISTANT_DAYS, DayClose, DecisionView, DistantPair, FreshRows,
    NewDayClose, RowFinding, Store, StoreError, Window, WriterMemory,
};
use crate::vn::{Day, TimeMs, WorkingCalendar};

/// Rows posted in one batch.
const POSTED_AT_ONCE: i64 = 2_000;
/// Days around those asked for in which what is said of a row may change.
const DAYS_CHANGED: i64 = 3;
/// Days around those asked for that are loaded, so that a row that may change has every partner that is not far.
pub(super) const DAYS_AROUND: i64 = DAYS_CHANGED + DISTANT_DAYS as i64;
/// How often days are compared anew because of what the last comparison brought: late partners, then money back for
/// what was posted.
const ROUNDS_MAX: usize = 3;

/// What some days came to.
#[derive(Debug, Clone)]
pub struct DaysView {
    /// The sums; of a closed day those that were fixed.
    pub summary: RunSummary,
    /// What is no plain match, as it is now.
    pub exceptions: Vec<Exception>,
    /// What people decided about these days.
    pub decisions: Vec<DecisionView>,
    /// Closed days among them, in their last version.
    pub closes: Vec<DayClose>,
    /// Changes that wait for a closed day to be stated anew.
    pub waiting: usize,
}

/// The figures of a day that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Rows by what became of them.
    pub summary: RunSummary,
    /// Receipts held of the day, their sum by their notices, and the digest of docs/spec/contract.md, section 3.
    pub held: u64,
    /// What they come to, đồng.
    pub held_vnd: i64,
    /// SHA-256, hexadecimal.
    pub digest: String,
    pub book: BookDay,
}

/// A day that was closed or stated anew.
#[derive(Debug, Clone)]
pub struct ClosedDay {
    /// 1 for the close.
    pub version: i64,
    pub figures: DayFigures,
    /// Exceptions that were left open.
    pub open: usize,
}

/// What the days from the first to the last came to, and what is no plain match, as both sides stand now. Looking
/// changes nothing.
pub async fn compare_days(
    store: &Store,
    provider_id: &str,
    days: (Day, Day),
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<DaysView, ImportError> {
    let (window, outcome) = compare(store, provider_id, days, calendar, now).await?;
    view(store, provider_id, days, &window, &outcome).await
}

/// As [`compare_days`], and lets findings, receipts and counters follow what is said now (notices that came since, a
/// deadline that passed, a person's word), and posts what only the statement knows. Closed days stay as they are.
pub async fn reconcile_days(
    store: &Store,
    provider_id: &str,
    days: (Day, Day),
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<DaysView, ImportError> {
    let made = reconcile_until_stable(store, provider_id, days, None, calendar, now).await?;
    view(store, provider_id, days, &made.window, &made.outcome).await
}

/// One exception among the days around it.
#[derive(Debug, Clone)]
pub struct ExceptionView {
    /// What it is now; none if it is resolved, or never was one.
    pub exception: Option<Exception>,
    /// The receipts of the row, as it stands; of an entry, itself.
    pub tied: Vec<i64>,
    /// Receipts that the row may be given, the likeliest first.
    pub candidates: Vec<i64>,
    /// What people decided about it, whatever became of that.
    pub decisions: Vec<DecisionView>,
}

/// Looks into one row, receipt or notice of a day.
pub async fn exception_view(
    store: &Store,
    (provider_id, day): (&str, Day),
    subject: Subject,
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<ExceptionView, ImportError> {
    let (window, outcome) = compare(store, provider_id, (day, day), calendar, now).await?;
    let (_, exceptions) = sum_up(&window.sides, &outcome, |other| other == day, 0);
    let is_it = |row_no: Option<i64>, entry_no: Option<i64>| match subject {
        Subject::Row(no) => row_no == Some(no),
        Subject::Entry(no) => row_no.is_none() && entry_no == Some(no),
        Subject::Day(_) => false,
    };
    let mut view = ExceptionView {
        exception: exceptions.into_iter().find(|e| is_it(e.row_no, e.entry_no)),
        tied: Vec::new(),
        candidates: Vec::new(),
        decisions: window.decisions,
    };
    view.decisions
        .retain(|d| is_it(d.row_no, d.receipt_nos.first().copied()));
    match subject {
        Subject::Row(no) => {
            if let Ok(at) = outcome.rows.binary_search_by_key(&no, |said| said.no) {
                view.tied = outcome.receipts_of(&outcome.rows[at]).to_vec();
            }
            view.candidates = candidates(&window.sides, &outcome, no);
        }
        Subject::Entry(no) => view.tied = vec![no],
        Subject::Day(_) => {}
    }
    Ok(view)
}

/// Closes a day: reconciles it once more and fixes its figures.
///
/// # Errors
/// A conflict if the day is not over, is closed, or has exceptions that nobody gave a reason for.
pub async fn close_day(
    store: &Store,
    (provider_id, day): (&str, Day),
    reason: &str,
    by: &str,
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<ClosedDay, ImportError> {
    if day >= Day::of(now) {
        return Err(Conflict::DayNotOver.into());
    }
    if !store.day_closes(provider_id, (day, day)).await?.is_empty() {
        return Err(Conflict::DayClosed.into());
    }
    let (figures, open) = figures(store, (provider_id, day), None, calendar, now).await?;
    if open > 0 && !is_reason(reason) {
        return Err(Conflict::DayHasOpenItems { open }.into());
    }
    write_close(store, (provider_id, day, 1), figures, open, (reason, by), now).await
}

/// States a closed day anew: lets everything that waits take effect and fixes the figures as they are then.
///
/// # Errors
/// A conflict if the day is not closed, no reason is given, or nothing has changed.
pub async fn restate_day(
    store: &Store,
    (provider_id, day): (&str, Day),
    reason: &str,
    by: &str,
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<ClosedDay, ImportError> {
    let closes = store.day_closes(provider_id, (day, day)).await?;
    let Some(last) = closes.last() else {
        return Err(Conflict::DayNotClosed.into());
    };
    if !is_reason(reason) {
        return Err(Conflict::RestatementWithoutReason.into());
    }
    let before = read_figures(last.business_day, &last.figures)?;
    let (figures, open) = figures(store, (provider_id, day), Some(day), calendar, now).await?;
    if figures == before {
        return Err(Conflict::FiguresUnchanged.into());
    }
    write_close(
        store,
        (provider_id, day, last.version + 1),
        figures,
        open,
        (reason, by),
        now,
    )
    .await
}

fn is_reason(reason: &str) -> bool {
    REASON_CHARS.contains(&reason.trim().chars().count())
}

fn read_figures(day: Day, figures: &str) -> Result<DayFigures, ImportError> {
    let wrong = |e| StoreError::Corrupt(format!("figures of closed day {day}: {e}"));
    Ok(serde_json::from_str(figures).map_err(wrong)?)
}

/// The figures of a day after it was reconciled, and how many exceptions it has.
async fn figures(
    store: &Store,
    (provider_id, day): (&str, Day),
    restated: Option<Day>,
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<(DayFigures, usize), ImportError> {
    let made = reconcile_until_stable(store, provider_id, (day, day), restated, calendar, now).await?;
    let window = made.window;
    let outcome = made.outcome;
    let bad = store.bad_statement_rows(provider_id, day, day).await?.len();
    let (summary, exceptions) = sum_up(&window.sides, &outcome, |other| other == day, bad as u64);
    let whole = holding_of(day, &store.day_receipts(provider_id, day).await?).whole;
    let book = store.book_now(provider_id, day).await?;
    let figures = DayFigures {
        summary,
        held: whole.tally.count,
        held_vnd: i64::try_from(whole.tally.amount_vnd).unwrap_or(i64::MAX),
        digest: whole.digest,
        book,
    };
    Ok((figures, exceptions.len() + bad))
}

async fn write_close(
    store: &Store,
    (provider_id, day, version): (&str, Day, i64),
    figures: DayFigures,
    open: usize,
    (reason, by): (&str, &str),
    now: TimeMs,
) -> Result<ClosedDay, ImportError> {
    // Numbers and words always become JSON.
    let json = serde_json::json!(figures).to_string();
    let new = NewDayClose {
        provider_id,
        business_day: day,
        version,
        reason: reason.trim(),
        figures: &json,
    };
    store.close_day(&new, Actor { by, now }).await?;
    Ok(ClosedDay {
        version,
        figures,
        open,
    })
}

/// The last comparison of days whose books followed, and how many receipts were posted on the way.
struct Reconciled {
    window: Window,
    outcome: Outcome,
    posted: usize,
}

/// Compares days and lets the books follow, as often as that brings something new.
async fn reconcile_until_stable(
    store: &Store,
    provider_id: &str,
    days: (Day, Day),
    restated: Option<Day>,
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<Reconciled, ImportError> {
    let mut round = 1;
    let mut all_posted = 0;
    let mut memory = WriterMemory::default();
    loop {
        let (window, outcome) = compare(store, provider_id, days, calendar, now).await?;
        changes(&window, &outcome, days, restated)
            .write(store, provider_id, now)
            .await?;
        // Only what is posted or found changes what the next look sees: findings and corrections are no input of it.
        let found = store.find_distant(provider_id, days, &mut memory).await?;
        let given = match found {
            0 => post(store, provider_id, restated, now, &mut memory, |_| {}).await?,
            _ => PostedRows::default(),
        };
        all_posted += given.receipts;
        if round == ROUNDS_MAX || found + given.rows == 0 {
            return Ok(Reconciled {
                window,
                outcome,
                posted: all_posted,
            });
        }
        round += 1;
    }
}

/// What came of a file beyond its own rows.
pub(super) struct AfterImport {
    /// Receipts that were posted.
    pub posted: usize,
    /// Its days as they stand now, where they had to be compared anew.
    pub summary: Option<RunSummary>,
}

/// After a file was written: finds late partners of its rows, and posts what only it knows.
pub(super) async fn reconcile_after_import(
    store: &Store,
    provider_id: &str,
    days: (Day, Day),
    has_back: bool,
    calendar: &WorkingCalendar,
    now: TimeMs,
    say: impl FnMut(u64),
) -> Result<AfterImport, ImportError> {
    let mut memory = WriterMemory::default();
    let found = store.find_distant(provider_id, days, &mut memory).await?;
    let mut given = PostedRows::default();
    if found == 0 {
        given = post(store, provider_id, None, now, &mut memory, say).await?;
    }
    // Money back finds what was posted now, and a row the notice that came since it was compared.
    let has_news = (given.receipts > 0 && has_back) || given.rows > given.receipts;
    if found == 0 && !has_news {
        return Ok(AfterImport {
            posted: given.receipts,
            summary: None,
        });
    }
    let made = reconcile_until_stable(store, provider_id, days, None, calendar, now).await?;
    let view = view(store, provider_id, days, &made.window, &made.outcome).await?;
    Ok(AfterImport {
        posted: given.receipts + made.posted,
        summary: Some(view.summary),
    })
}

async fn compare(
    store: &Store,
    provider_id: &str,
    (from, to): (Day, Day),
    calendar: &WorkingCalendar,
    now: TimeMs,
) -> Result<(Window, Outcome), ImportError> {
    let stalls = store.stall_codes().await?;
    let around = (from.plus(-DAYS_AROUND), to.plus(DAYS_AROUND));
    let mut window = store
        .statement_window(provider_id, (from, to), around, FreshRows::default(), &stalls)
        .await?;
    let agreed = store.statement_rules(provider_id).await?.rules;
    let rules = agreed.rules(Day::of(now), calendar);
    blocking(move || {
        let outcome = match_sides(&mut window.sides, &rules);
        Ok((window, outcome))
    })
    .await
}

async fn view(
    store: &Store,
    provider_id: &str,
    (from, to): (Day, Day),
    window: &Window,
    outcome: &Outcome,
) -> Result<DaysView, ImportError> {
    let is_here = |day: Day| (from..=to).contains(&day);
    let bad = store.bad_statement_rows(provider_id, from, to).await?;
    let (mut summary, exceptions) = sum_up(&window.sides, outcome, is_here, bad.len() as u64);
    let mut closes = store.day_closes(provider_id, (from, to)).await?;
    // The last version of each day stands.
    closes.reverse();
    closes.dedup_by_key(|close| close.business_day);
    closes.reverse();
    let mut late = 0;
    if !closes.is_empty() {
        let is_open = |day: Day| is_here(day) && !window.closed.contains(&day);
        let all_bad = &bad;
        let bad = bad.iter().filter(|row| is_open(row.business_day)).count();
        summary = sum_up(&window.sides, outcome, is_open, bad as u64).0;
        let before = store
            .day_closes(provider_id, (from.plus(-1), from.plus(-1)))
            .await?;
        let mut before = before
            .last()
            .map(|close| (close.business_day, close.figures.as_str()));
        for close in &closes {
            let fixed = read_figures(close.business_day, &close.figures)?;
            let is_it = |day: Day| day == close.business_day;
            let bad = all_bad.iter().filter(|row| is_it(row.business_day)).count();
            // The day before may have been stated anew since.
            let opens_elsewhere = match before.filter(|(day, _)| day.plus(1) == close.business_day) {
                Some((_, figures)) => {
                    read_figures(close.business_day, figures)?.book.closing_vnd != fixed.book.opening_vnd
                }
                None => false,
            };
            before = Some((close.business_day, close.figures.as_str()));
            let has_moved = has_moved(&fixed, window, outcome, is_it, bad as u64);
            late += usize::from(has_moved || opens_elsewhere);
            summary = summary.plus(&fixed.summary);
        }
    }
    let mut decisions = window.decisions.clone();
    decisions.retain(|decision| is_here(decision.business_day));
    Ok(DaysView {
        summary,
        exceptions,
        decisions,
        closes,
        waiting: changes(window, outcome, (from, to), None).waiting.max(late),
    })
}

/// Whether rows or receipts of a closed day are others than when it was closed.
fn has_moved(
    fixed: &DayFigures,
    window: &Window,
    outcome: &Outcome,
    is_it: impl Fn(Day) -> bool,
    bad: u64,
) -> bool {
    let receipts = window.sides.receipts.iter().filter(|receipt| is_it(receipt.day));
    let (held, held_vnd) = receipts.fold((0, 0), |(n, vnd), receipt| (n + 1, vnd + receipt.amount_vnd));
    let live = sum_up(&window.sides, outcome, is_it, bad).0;
    let parts = |s: &RunSummary| [s.rows, s.matched, s.exceptions, s.ignored, s.bad];
    (held, held_vnd) != (fixed.held, fixed.held_vnd) || parts(&live) != parts(&fixed.summary)
}

/// What is to be written after a comparison.
pub(super) struct Changes {
    said: Vec<(i64, RowFinding)>,
    corrections: Vec<Correction>,
    far: Vec<DistantPair>,
    /// What a closed day holds back.
    waiting: usize,
}

impl Changes {
    /// Writes all of it.
    pub async fn write(self, store: &Store, provider_id: &str, now: TimeMs) -> Result<(), ImportError> {
        store.change_findings(&self.said).await?;
        store.keep_distant_pairs(provider_id, &self.far).await?;
        store
            .correct_receipts(provider_id, &self.corrections, now)
            .await?;
        Ok(())
    }
}

/// What is said otherwise than before, and what that changes of receipts, among the days in which that may be. Closed
/// days hold it back, but for the one that is stated anew.
pub(super) fn changes(
    window: &Window,
    outcome: &Outcome,
    (from, to): (Day, Day),
    restated: Option<Day>,
) -> Changes {
    let from = from.plus(-DAYS_CHANGED);
    let to = to.plus(DAYS_CHANGED);
    let is_here = |day: Day| (from..=to).contains(&day);
    let is_fixed = |days: &[Day]| {
        let is_restated = restated.is_some_and(|day| days.contains(&day));
        !is_restated && days.iter().any(|day| window.closed.contains(day))
    };
    let mut changes = Changes {
        said: Vec::new(),
        corrections: Vec::new(),
        far: Vec::new(),
        waiting: 0,
    };
    let rows = &window.sides.rows;
    for before in &window.previous {
        let Ok(at) = rows.binary_search_by_key(&before.row_no, |row| row.no) else {
            continue;
        };
        let said = RowFinding::of(outcome, &outcome.rows[at]);
        // A row that the ledger was given and took for known keeps the mark.
        let is_same = *before.word == *said.word
            && before.detail == said.detail
            && *before.pass == *said.pass
            && before.shift_days == said.shift_days
            && (before.receipt_no == said.receipt_no || !said.lump.is_empty());
        if !is_same && is_here(rows[at].day) {
            if is_fixed(&[rows[at].day]) {
                changes.waiting += 1
            } else {
                changes.said.push((before.row_no, said))
            }
        }
    }
    for (row, said) in rows.iter().zip(&outcome.rows) {
        let may_be_far =
            row.kind != RowKind::Payment || u64::from(said.shift_days.unsigned_abs()) > DISTANT_DAYS;
        let is_unheard = said.finding == Finding::MissingNotice && said.tied == Tied::No;
        if is_unheard && is_here(row.day) && is_fixed(&[row.day]) {
            changes.waiting += 1;
        }
        for receipt_no in outcome.receipts_of(said).iter().filter(|_| may_be_far) {
            // The shift of money back is counted from the refund, and of a lump from its first receipt.
            let receipts = &window.sides.receipts;
            let Ok(at) = receipts.binary_search_by_key(receipt_no, |receipt| receipt.no) else {
                continue;
            };
            let pair = DistantPair {
                row_no: row.no,
                row_day: row.day,
                receipt_no: *receipt_no,
                receipt_day: receipts[at].day,
            };
            if is_here(row.day) && pair.is_distant() {
                changes.far.push(pair);
            }
        }
    }
    for wanted in corrections(window, outcome).filter(|wanted| is_here(wanted.row_day)) {
        if is_fixed(&[wanted.row_day, wanted.receipt_day]) {
            changes.waiting += 1
        } else {
            changes.corrections.push(wanted)
        }
    }
    changes
}

/// What rows correct now where it is not what they corrected before, also to nothing, each for its own reason. What is
/// given back comes first, since less than nothing is never left.
fn corrections(window: &Window, outcome: &Outcome) -> impl Iterator<Item = Correction> {
    let before = |of: &Correction| {
        let known = window.corrected.get(&(of.row_no, of.receipt_no, of.because));
        known.map_or(0, |known| known.amount_vnd)
    };
    let wanted: HashSet<_> = outcome
        .corrections
        .iter()
        .map(|wanted| (wanted.row_no, wanted.receipt_no, wanted.because))
        .collect();
    let gone = window.corrected.iter().filter(|(of, _)| !wanted.contains(of));
    let gone = gone.map(|((row_no, receipt_no, because), known)| Correction {
        row_no: *row_no,
        receipt_no: *receipt_no,
        row_day: known.row_day,
        receipt_day: known.receipt_day,
        because: *because,
        amount_vnd: 0,
    });
    let mut changed: Vec<Correction> = outcome.corrections.iter().copied().chain(gone).collect();
    changed.retain(|of| of.amount_vnd != before(of));
    changed.sort_unstable_by_key(|of| (of.amount_vnd < before(of), *of));
    changed.into_iter()
}

/// Whether money went back for a payment that no notice told of either: it is found once that is posted.
pub(super) fn has_money_back(outcome: &Outcome) -> bool {
    let is_back = |finding| matches!(finding, Finding::Reversed { payment_row: Some(_) });
    outcome.rows.iter().any(|said| is_back(said.finding))
}

/// Gives the ledger what only statements know, but for closed days that are not stated anew; a process that was stopped
/// before goes on here. How many receipts
/// came of it: what the ledger knew by another way is none.
pub async fn post_from_statement(
    store: &Store,
    provider_id: &str,
    restated: Option<Day>,
    now: TimeMs,
    say: impl FnMut(u64),
) -> Result<usize, ImportError> {
    let mut memory = WriterMemory::default();
    let given = post(store, provider_id, restated, now, &mut memory, say).await?;
    Ok(given.receipts)
}

/// Rows that the ledger was given.
#[derive(Default, Clone, Copy)]
struct PostedRows {
    rows: usize,
    /// Receipts that came of them; the others were heard of by another way.
    receipts: usize,
}

async fn post(
    store: &Store,
    provider_id: &str,
    restated: Option<Day>,
    now: TimeMs,
    memory: &mut WriterMemory,
    mut say: impl FnMut(u64),
) -> Result<PostedRows, ImportError> {
    let provider: Arc<str> = provider_id.into();
    let mut given = PostedRows::default();
    loop {
        let rows = store
            .unnotified_rows(provider_id, restated, POSTED_AT_ONCE)
            .await?;
        if rows.is_empty() {
            return Ok(given);
        }
        let delivery =
            delivery_from_statement(&provider, &rows).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let before = store.feed_end().await?;
        let arrival = Arrival {
            delivery,
            received_at: now,
        };
        store.post(&[arrival], memory).await?;
        given.rows += rows.len();
        given.receipts += store.mark_rows_posted(&rows, before).await?;
        say(given.receipts as u64);
    }
}

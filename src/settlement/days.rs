//! The days of a provider: compared with its statements, followed by the books, closed and restated.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{ImportError, blocking};
use crate::reconcile::{
    Changes, DAYS_AROUND, DayFigures, Exception, Outcome, REASON_CHARS, Reach, RunSummary, Subject, Window,
    candidates, delivery_from_statement, holding_of, match_sides, sum_up,
};
use crate::store::{
    Actor, Arrival, Conflict, DayClose, DecisionView, FreshRows, Missing, NewDayClose, Store, StoreError,
    WriterMemory,
};
use crate::vn::{Day, DayRange, TimeMs, WorkingCalendar};

/// Rows posted in one batch.
const POSTED_AT_ONCE: i64 = 2_000;
/// How often days are compared anew because of what the last comparison brought: late partners, then money back for
/// what was posted.
const ROUNDS_MAX: usize = 3;

/// Takes statements in and reconciles days as of one moment.
#[derive(Clone, Copy)]
pub struct Reconciler<'a> {
    pub store: &'a Store,
    /// Working days, by which deadlines are counted.
    pub calendar: &'a WorkingCalendar,
    pub now: TimeMs,
}

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
    /// Changes that wait for a closed day to be restated.
    pub waiting: usize,
}

/// Which day is closed or restated, by whom and why.
#[derive(Debug, Clone, Copy)]
pub struct CloseRequest<'a> {
    pub provider_id: &'a str,
    pub business_day: Day,
    /// Of a close, why exceptions are left open; may be empty where there are none.
    pub reason: &'a str,
    pub by: &'a str,
}

/// A day that was closed or restated.
#[derive(Debug, Clone)]
pub struct ClosedDay {
    /// 1 for the close.
    pub version: i64,
    pub figures: DayFigures,
    /// Exceptions that were left open.
    pub open: usize,
}

/// One exception among the days around it.
#[derive(Debug, Clone)]
pub struct ExceptionView {
    /// What it is now; none if it is resolved, or never was one.
    pub exception: Option<Exception>,
    /// The receipts of the row, as it stands; of an entry, itself.
    pub tied: Vec<i64>,
    /// Receipts of its amount that the row may be given, the likeliest first.
    pub candidates: Vec<i64>,
    /// The same with its household's other receipts of these days.
    pub candidates_of_household: Vec<i64>,
    /// What people decided about it, whatever became of that.
    pub decisions: Vec<DecisionView>,
}

/// What came of a file beyond its own rows.
pub(super) struct AfterImport {
    /// Receipts that were posted.
    pub posted: usize,
    /// Its days as they stand now, where they had to be compared anew.
    pub summary: Option<RunSummary>,
}

/// The last comparison of days whose books followed, and how many receipts were posted on the way.
struct Reconciled {
    window: Window,
    outcome: Outcome,
    posted: usize,
}

/// Rows that the ledger was given.
#[derive(Default, Clone, Copy)]
struct PostedRows {
    rows: usize,
    /// Receipts that came of them; the others were known by another way.
    receipts: usize,
}

impl Reconciler<'_> {
    /// What the days came to, and what is no plain match, as both sides stand now. Looking changes nothing.
    pub async fn compare_days(
        self,
        provider_id: &str,
        days: impl Into<DayRange>,
    ) -> Result<DaysView, ImportError> {
        let days = days.into();
        let (window, outcome) = self.compare(provider_id, days).await?;
        self.view(provider_id, days, &window, &outcome).await
    }

    /// As [`Reconciler::compare_days`], and lets findings, receipts and counters follow what is found now (notices that
    /// came since, a deadline that passed, a person's word), and posts what only the statement knows. Closed days stay
    /// as they are.
    pub async fn reconcile_days(
        self,
        provider_id: &str,
        days: impl Into<DayRange>,
    ) -> Result<DaysView, ImportError> {
        let days = days.into();
        let made = self.reconcile_until_stable(provider_id, days, None).await?;
        self.view(provider_id, days, &made.window, &made.outcome).await
    }

    /// Looks into one row, receipt or notice of a day.
    pub async fn exception_view(
        self,
        provider_id: &str,
        day: Day,
        subject: Subject,
    ) -> Result<ExceptionView, ImportError> {
        let (window, outcome) = self.compare(provider_id, (day, day).into()).await?;
        let (_, exceptions) = sum_up(&window.sides, &outcome, |other| other == day, 0);
        let is_it = |row_no: Option<i64>, entry_no: Option<i64>| match subject {
            Subject::Row(no) => row_no == Some(no),
            Subject::Entry(no) => row_no.is_none() && entry_no == Some(no),
            Subject::Day(_) => false,
        };
        let mut decisions = self.store.decisions(provider_id, (day, day)).await?;
        decisions.retain(|d| is_it(d.row_no, d.receipt_nos.first().copied()));
        let mut view = ExceptionView {
            exception: exceptions.into_iter().find(|e| is_it(e.row_no, e.entry_no)),
            tied: Vec::new(),
            candidates: Vec::new(),
            candidates_of_household: Vec::new(),
            decisions,
        };
        match subject {
            Subject::Row(no) => {
                if let Ok(at) = outcome.rows.binary_search_by_key(&no, |row| row.no) {
                    view.tied = outcome.receipts_of(&outcome.rows[at]).to_vec();
                }
                let reaching = |reach| candidates(&window.sides, &outcome, no, reach);
                view.candidates = reaching(Reach::SameAmount);
                view.candidates_of_household = reaching(Reach::Household);
            }
            Subject::Entry(no) => view.tied = vec![no],
            Subject::Day(_) => {}
        }
        Ok(view)
    }

    /// Closes a day: reconciles it once more and fixes its figures.
    ///
    /// # Errors
    /// A conflict if the day is not over, is closed, has neither rows nor receipts, or has exceptions that nobody gave a
    /// reason for.
    pub async fn close_day(self, request: CloseRequest<'_>) -> Result<ClosedDay, ImportError> {
        let day = request.business_day;
        if day >= Day::of(self.now) {
            return Err(Conflict::DayNotOver.into());
        }
        let closes = self.store.day_closes(request.provider_id, (day, day)).await?;
        if !closes.is_empty() {
            return Err(Conflict::DayClosed.into());
        }
        let (figures, open) = self.figures(request.provider_id, day, None).await?;
        if figures.summary.rows.count == 0 && figures.held == 0 && open == 0 {
            let provider_id = request.provider_id.to_owned();
            let providers = self.store.providers(self.now).await?;
            if !providers.iter().any(|known| known.provider_id == provider_id) {
                return Err(StoreError::from(Missing::Provider { provider_id }).into());
            }
            return Err(Conflict::DayEmpty { provider_id, day }.into());
        }
        if open > 0 && !is_reason(request.reason) {
            return Err(Conflict::DayHasOpenItems { open }.into());
        }
        let closed = ClosedDay {
            version: 1,
            figures,
            open,
        };
        self.keep_close(request, closed).await
    }

    /// Restates a closed day: lets everything that waits take effect and fixes the figures as they are then.
    ///
    /// # Errors
    /// A conflict if the day is not closed, no reason is given, or nothing has changed.
    pub async fn restate_day(self, request: CloseRequest<'_>) -> Result<ClosedDay, ImportError> {
        let day = request.business_day;
        let closes = self.store.day_closes(request.provider_id, (day, day)).await?;
        let Some(last) = closes.last() else {
            return Err(Conflict::DayNotClosed.into());
        };
        if !is_reason(request.reason) {
            return Err(Conflict::RestatementWithoutReason.into());
        }
        let before = figures_of(last)?;
        let (figures, open) = self.figures(request.provider_id, day, Some(day)).await?;
        if figures == before {
            return Err(Conflict::FiguresUnchanged.into());
        }
        let closed = ClosedDay {
            version: last.version + 1,
            figures,
            open,
        };
        self.keep_close(request, closed).await
    }

    /// The figures of a day after it was reconciled, and how many exceptions it has.
    async fn figures(
        self,
        provider_id: &str,
        day: Day,
        restated: Option<Day>,
    ) -> Result<(DayFigures, usize), ImportError> {
        let made = self
            .reconcile_until_stable(provider_id, (day, day).into(), restated)
            .await?;
        let bad = self.store.bad_statement_rows(provider_id, day, day).await?.len();
        let (summary, exceptions) = sum_up(
            &made.window.sides,
            &made.outcome,
            |other| other == day,
            bad as u64,
        );
        let whole = holding_of(day, &self.store.day_receipts(provider_id, day).await?).whole;
        let figures = DayFigures {
            summary,
            held: whole.tally.count,
            held_vnd: i64::try_from(whole.tally.amount_vnd).unwrap_or(i64::MAX),
            digest: whole.digest,
            book: self.store.book_now(provider_id, day).await?,
        };
        Ok((figures, exceptions.len() + bad))
    }

    async fn keep_close(
        self,
        request: CloseRequest<'_>,
        closed: ClosedDay,
    ) -> Result<ClosedDay, ImportError> {
        // Numbers and words always become JSON.
        let json = serde_json::json!(closed.figures).to_string();
        let new = NewDayClose {
            provider_id: request.provider_id,
            business_day: request.business_day,
            version: closed.version,
            reason: request.reason.trim(),
            figures: &json,
        };
        let actor = Actor {
            by: request.by,
            now: self.now,
        };
        self.store.close_day(&new, actor).await?;
        Ok(closed)
    }

    /// Compares days and lets the books follow, as often as that brings something new.
    async fn reconcile_until_stable(
        self,
        provider_id: &str,
        days: DayRange,
        restated: Option<Day>,
    ) -> Result<Reconciled, ImportError> {
        let mut round = 1;
        let mut posted = 0;
        let mut memory = WriterMemory::default();
        loop {
            let (window, outcome) = self.compare(provider_id, days).await?;
            self.write_changes(provider_id, window.changes(&outcome, days, restated))
                .await?;
            // Only what is posted or found changes what the next look sees: findings and corrections are no input of it.
            let found = self.store.find_distant(provider_id, days, &mut memory).await?;
            let given = match found {
                0 => self.post(provider_id, restated, &mut memory, |_| {}).await?,
                _ => PostedRows::default(),
            };
            posted += given.receipts;
            if round == ROUNDS_MAX || found + given.rows == 0 {
                return Ok(Reconciled {
                    window,
                    outcome,
                    posted,
                });
            }
            round += 1;
        }
    }

    /// After a file was written: finds late partners of its rows, and posts what only it knows.
    pub(super) async fn reconcile_after_import(
        self,
        provider_id: &str,
        days: DayRange,
        has_back: bool,
        say: impl FnMut(u64),
    ) -> Result<AfterImport, ImportError> {
        let mut memory = WriterMemory::default();
        let found = self.store.find_distant(provider_id, days, &mut memory).await?;
        let mut given = PostedRows::default();
        if found == 0 {
            given = self.post(provider_id, None, &mut memory, say).await?;
        }
        // Money back finds what was posted now, and a row the notice that came since it was compared.
        let has_news = (given.receipts > 0 && has_back) || given.rows > given.receipts;
        if found == 0 && !has_news {
            return Ok(AfterImport {
                posted: given.receipts,
                summary: None,
            });
        }
        let made = self.reconcile_until_stable(provider_id, days, None).await?;
        let view = self.view(provider_id, days, &made.window, &made.outcome).await?;
        Ok(AfterImport {
            posted: given.receipts + made.posted,
            summary: Some(view.summary),
        })
    }

    async fn compare(self, provider_id: &str, days: DayRange) -> Result<(Window, Outcome), ImportError> {
        let stalls = self.store.stall_codes().await?;
        let around = days.widened(DAYS_AROUND);
        let mut window = self
            .store
            .statement_window(provider_id, days, around, FreshRows::default(), &stalls)
            .await?;
        let agreed = self.store.statement_rules(provider_id).await?.rules;
        let rules = agreed.rules(Day::of(self.now), self.calendar);
        blocking(move || {
            let outcome = match_sides(&mut window.sides, &rules);
            Ok((window, outcome))
        })
        .await
    }

    async fn view(
        self,
        provider_id: &str,
        days: DayRange,
        window: &Window,
        outcome: &Outcome,
    ) -> Result<DaysView, ImportError> {
        let DayRange { first, last } = days;
        let bad = self.store.bad_statement_rows(provider_id, first, last).await?;
        let bad: Vec<Day> = bad.iter().map(|row| row.business_day).collect();
        let versions = self.store.day_closes(provider_id, (first.plus(-1), last)).await?;
        // The last version of each day stands.
        let closes: BTreeMap<Day, DayClose> = versions
            .into_iter()
            .map(|close| (close.business_day, close))
            .collect();
        let figures = closes
            .values()
            .map(|close| Ok((close.business_day, figures_of(close)?)));
        let figures = figures.collect::<Result<BTreeMap<_, _>, ImportError>>()?;
        let totals = window.totals(outcome, days, &bad, &figures);
        Ok(DaysView {
            summary: totals.summary,
            exceptions: totals.exceptions,
            decisions: self.store.decisions(provider_id, days).await?,
            closes: closes
                .into_values()
                .filter(|close| days.contains(close.business_day))
                .collect(),
            waiting: totals.waiting,
        })
    }

    pub(super) async fn write_changes(self, provider_id: &str, changes: Changes) -> Result<(), ImportError> {
        self.store.change_findings(&changes.findings).await?;
        self.store
            .keep_distant_pairs(provider_id, &changes.distant)
            .await?;
        self.store
            .correct_receipts(provider_id, &changes.corrections, self.now)
            .await?;
        Ok(())
    }

    /// Gives the ledger what only statements know, but for closed days that are not restated; a process that was
    /// stopped before goes on here. How many receipts came of it: what the ledger knew by another way is none.
    pub async fn post_from_statement(
        self,
        provider_id: &str,
        restated: Option<Day>,
    ) -> Result<usize, ImportError> {
        let mut memory = WriterMemory::default();
        let given = self.post(provider_id, restated, &mut memory, |_| {}).await?;
        Ok(given.receipts)
    }

    async fn post(
        self,
        provider_id: &str,
        restated: Option<Day>,
        memory: &mut WriterMemory,
        mut say: impl FnMut(u64),
    ) -> Result<PostedRows, ImportError> {
        let provider: Arc<str> = provider_id.into();
        let mut given = PostedRows::default();
        loop {
            let rows = self
                .store
                .unnotified_rows(provider_id, restated, POSTED_AT_ONCE)
                .await?;
            if rows.is_empty() {
                return Ok(given);
            }
            let delivery =
                delivery_from_statement(&provider, &rows).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            let before = self.store.feed_end().await?;
            let arrival = Arrival {
                delivery,
                received_at: self.now,
            };
            self.store.post(&[arrival], memory).await?;
            given.rows += rows.len();
            given.receipts += self.store.mark_rows_posted(&rows, before).await?;
            say(given.receipts as u64);
        }
    }
}

fn is_reason(reason: &str) -> bool {
    REASON_CHARS.contains(&reason.trim().chars().count())
}

fn figures_of(close: &DayClose) -> Result<DayFigures, ImportError> {
    let wrong = |e| StoreError::Corrupt(format!("figures of closed day {}: {e}", close.business_day));
    Ok(serde_json::from_str(&close.figures).map_err(wrong)?)
}

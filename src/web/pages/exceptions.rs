//! Exceptions: the queue of a provider's days, with filters, and one action for many.

use std::collections::HashMap;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::case::{Fields, decision_of, followed, name, new_decision};
use super::frame::{Fault, Frame, Officer, encoded};
use super::reconcile::{Asked, refused};
use super::words;
use crate::clock::now;
use crate::intake::{DaysView, exceptions_csv};
use crate::print::{Cell, Column, Sheet, SheetError, xlsx};
use crate::reconcile::{Decision, DecisionState, Exception, Facts, Kind, Subject};
use crate::store::{Actor, DecisionView, StoreError};
use crate::vn::{Day, Dong, Lang, WorkingCalendar};
use crate::web::{Problem, Shared};

/// Exceptions on one page.
const PAGE_ROWS: usize = 100;
/// Exceptions that one bulk action may touch.
const BULK_MAX: usize = PAGE_ROWS;

/// Which exceptions are shown.
#[derive(Debug, Default)]
struct Filter {
    kind: Option<Kind>,
    /// `me`, `nobody`, or everybody's.
    who: String,
    /// `waiting` for a second person, `resolved` by people, else what is open.
    state: String,
    /// Working days that it is old at least.
    min_age: i64,
}

impl Filter {
    fn of(officer: &Officer) -> Filter {
        let asked = |name| officer.visit.asked(name);
        Filter {
            kind: asked("kind").and_then(Kind::parse),
            who: asked("who").unwrap_or_default().to_owned(),
            state: asked("state").unwrap_or_default().to_owned(),
            min_age: asked("age").and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }

    fn question(&self) -> String {
        let kind = self.kind.map_or("", Kind::as_str);
        format!(
            "kind={kind}&who={}&state={}&age={}",
            encoded(&self.who),
            encoded(&self.state),
            self.min_age
        )
    }
}

/// An exception with what is known of the work on it.
struct Case {
    subject: Subject,
    kind: Kind,
    facts: Facts,
    day: Day,
    amount_vnd: i64,
    age_days: i64,
    assignee: Option<String>,
    decision: Option<DecisionView>,
    exception: Option<Exception>,
}

impl Case {
    fn fits(&self, filter: &Filter, me: &str) -> bool {
        let state = self.decision.as_ref().map(|decision| decision.state);
        let is_state = match filter.state.as_str() {
            "waiting" => state == Some(DecisionState::Waiting),
            "resolved" => state == Some(DecisionState::Standing),
            _ => self.exception.is_some(),
        };
        let is_who = match filter.who.as_str() {
            "me" => self.assignee.as_deref() == Some(me),
            "nobody" => self.assignee.is_none(),
            _ => true,
        };
        is_state
            && is_who
            && filter.kind.is_none_or(|kind| kind == self.kind)
            && self.age_days >= filter.min_age
    }
}

pub(super) fn subject_of(exception: &Exception) -> Subject {
    match (exception.row_no, exception.entry_no) {
        (Some(no), _) => Subject::Row(no),
        (None, no) => Subject::Entry(no.unwrap_or_default()),
    }
}

/// Every exception of the days, and what people resolved, oldest and largest first.
fn cases(
    view: DaysView,
    mut assignees: HashMap<Subject, String>,
    calendar: &WorkingCalendar,
    today: Day,
) -> Vec<Case> {
    let mut decided: HashMap<Subject, DecisionView> = HashMap::new();
    for decision in view.decisions {
        if matches!(decision.state, DecisionState::Waiting | DecisionState::Standing) {
            decided.insert(subject_of_decision(&decision), decision);
        }
    }
    let mut cases: Vec<Case> = Vec::new();
    for exception in view.exceptions {
        let subject = subject_of(&exception);
        cases.push(Case {
            subject,
            kind: exception.kind,
            facts: exception.facts,
            day: exception.day,
            amount_vnd: exception.amount_vnd,
            age_days: calendar.working_days(exception.day, today),
            assignee: assignees.remove(&subject),
            decision: decided.remove(&subject),
            exception: Some(exception),
        });
    }
    for (subject, decision) in decided {
        cases.push(Case {
            subject,
            kind: match decision.decision {
                Decision::Manual => Kind::MatchedManual,
                Decision::Forced | Decision::Struck => Kind::MatchedForced,
            },
            facts: Facts {
                row_vnd: decision.row_no.map(|_| decision.amount_vnd),
                receipt_vnd: decision.row_no.is_none().then_some(decision.amount_vnd),
                ..Facts::default()
            },
            day: decision.business_day,
            amount_vnd: decision.amount_vnd,
            age_days: calendar.working_days(decision.business_day, today),
            assignee: assignees.remove(&subject),
            decision: Some(decision),
            exception: None,
        });
    }
    cases.sort_by_key(|case| (case.day, std::cmp::Reverse(case.amount_vnd), case.subject));
    cases
}

fn subject_of_decision(decision: &DecisionView) -> Subject {
    match decision.row_no {
        Some(no) => Subject::Row(no),
        None => Subject::Entry(decision.receipt_nos.first().copied().unwrap_or_default()),
    }
}

#[derive(Template)]
#[template(path = "exceptions.html")]
struct QueuePage {
    frame: Frame,
    provider: String,
    from: String,
    to: String,
    back_href: String,
    csv_href: String,
    xlsx_href: String,
    kinds: Vec<(&'static str, &'static str, bool)>,
    filter_who: String,
    filter_state: String,
    min_age: i64,
    shown: String,
    total: String,
    rows: Vec<QueueRow>,
    more_href: Option<String>,
}

struct QueueRow {
    pick: String,
    href: String,
    name: &'static str,
    sentence: String,
    day: String,
    amount: String,
    age: String,
    assignee: Option<String>,
    mark: Option<String>,
}

/// `GET /reconcile/exceptions`: the queue of some days, with filters and bulk actions.
pub(super) async fn queue(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show_queue(&officer, &shared).await)
}

async fn filtered(officer: &Officer, shared: &Shared) -> Result<(Asked, Filter, Vec<Case>), Fault> {
    let missing = || Problem::invalid("provider", "Hãy chọn nhà cung cấp.");
    let asked = Asked::of(officer)?.ok_or_else(missing)?;
    let filter = Filter::of(officer);
    let view = asked.compared(shared).await?;
    let assignees = shared.store.assignments(&asked.provider_id).await?;
    let mut cases = cases(view, assignees, &shared.calendar, Day::of(now()));
    cases.retain(|case| case.fits(&filter, &officer.person.name));
    Ok((asked, filter, cases))
}

async fn show_queue(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let (asked, filter, cases) = filtered(officer, shared).await?;
    let page: usize = visit
        .asked("page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let first = page.saturating_mul(PAGE_ROWS).min(cases.len());
    let here = format!("{}&{}", asked.question(), filter.question());
    let rows: Vec<QueueRow> = cases[first..]
        .iter()
        .take(PAGE_ROWS)
        .map(|case| queue_row(case, &asked.provider_id, lang))
        .collect();
    let total: i64 = cases.iter().map(|case| case.amount_vnd).sum();
    Html::of(&QueuePage {
        frame: officer.frame(visit.pick("Mục cần xem", "Exceptions")),
        back_href: format!("/reconcile?{}", asked.question()),
        csv_href: format!("/reconcile/exceptions.csv?{here}"),
        xlsx_href: format!("/reconcile/exceptions.xlsx?{here}"),
        kinds: Kind::ALL
            .into_iter()
            .map(|kind| {
                let (vi, en) = kind.name();
                (kind.as_str(), lang.pick(vi, en), filter.kind == Some(kind))
            })
            .collect(),
        filter_who: filter.who,
        filter_state: filter.state,
        min_age: filter.min_age,
        shown: words::number(lang, cases.len() as i64),
        total: Dong::new(total).show(lang),
        more_href: (first + rows.len() < cases.len())
            .then(|| format!("/reconcile/exceptions?{here}&page={}", page + 1)),
        rows,
        provider: asked.provider_id,
        from: asked.from.to_string(),
        to: asked.to.to_string(),
    })
}

fn queue_row(case: &Case, provider_id: &str, lang: Lang) -> QueueRow {
    let (vi, en) = case.kind.name();
    QueueRow {
        pick: format!("{}@{}", case.subject, case.day),
        href: case_href(provider_id, case.subject, case.day),
        name: lang.pick(vi, en),
        sentence: case.kind.sentence(&case.facts, lang),
        day: case.day.show(),
        amount: Dong::new(case.amount_vnd).show(lang),
        age: age(case.age_days, lang),
        assignee: case.assignee.clone(),
        mark: case.decision.as_ref().map(|decision| mark(decision, lang)),
    }
}

pub(super) fn age(days: i64, lang: Lang) -> String {
    match lang {
        Lang::Vi => format!("{days} ngày làm việc"),
        Lang::En => format!("{days} working days"),
    }
}

/// The mark that a person had a hand in it.
pub(super) fn mark(decision: &DecisionView, lang: Lang) -> String {
    let what = match (decision.decision, lang) {
        (Decision::Manual, Lang::Vi) => "ghép bằng tay",
        (Decision::Forced, Lang::Vi) => "chấp nhận lệch",
        (Decision::Struck, Lang::Vi) => "gạch khỏi sổ",
        (Decision::Manual, Lang::En) => "matched by hand",
        (Decision::Forced, Lang::En) => "difference accepted",
        (Decision::Struck, Lang::En) => "struck",
    };
    let by = &decision.decided_by;
    let second = decision.second_by.as_deref().unwrap_or_default();
    match (decision.state, lang) {
        (DecisionState::Waiting, Lang::Vi) => format!("{what} bởi {by}, chờ người thứ hai"),
        (DecisionState::Waiting, Lang::En) => format!("{what} by {by}, waits for a second person"),
        (DecisionState::Standing, Lang::Vi) if second.is_empty() => format!("{what} bởi {by}"),
        (DecisionState::Standing, Lang::Vi) => format!("{what} bởi {by}, {second} đồng ý"),
        (DecisionState::Standing, Lang::En) if second.is_empty() => format!("{what} by {by}"),
        (DecisionState::Standing, Lang::En) => format!("{what} by {by}, agreed by {second}"),
        (DecisionState::Undone, Lang::Vi) => format!("{what} bởi {by}, {second} đã hoàn tác"),
        (DecisionState::Undone, Lang::En) => format!("{what} by {by}, undone by {second}"),
        (DecisionState::Refused, Lang::Vi) => format!("{what} bởi {by}, {second} không đồng ý"),
        (DecisionState::Refused, Lang::En) => format!("{what} by {by}, refused by {second}"),
    }
}

pub(super) fn case_href(provider_id: &str, subject: Subject, day: Day) -> String {
    format!(
        "/reconcile/case?provider={}&subject={}&day={day}",
        encoded(provider_id),
        encoded(&subject.to_string())
    )
}

/// `GET /reconcile/exceptions.xlsx`: the queue as it is shown, as a workbook.
pub(super) async fn workbook(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let (asked, _, cases) = filtered(&officer, &shared).await?;
        let bytes = sheet(&asked, &cases).map_err(|error| StoreError::Conflict(error.to_string()))?;
        Ok::<_, Fault>((asked, bytes))
    };
    match made.await {
        Ok((asked, bytes)) => download(&asked, "doi-chieu", "xlsx", XLSX, bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

/// What a workbook is, for browsers.
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn sheet(asked: &Asked, cases: &[Case]) -> Result<Vec<u8>, SheetError> {
    let columns = [
        ("Ngày", 12),
        ("Loại", 20),
        ("Số tiền (đ)", 18),
        ("Số ngày làm việc", 16),
        ("Giao cho", 18),
        ("Người đã xử lý", 36),
        ("Việc cần làm", 90),
    ];
    let columns = columns.map(|(heading, chars)| Column { heading, chars });
    let titles = [
        "MỤC CẦN XEM KHI ĐỐI CHIẾU".to_owned(),
        format!("Nhà cung cấp: {}", asked.provider_id),
        format!("Từ {} đến {}", asked.from.show(), asked.to.show()),
    ];
    let mut sheet = Sheet::new("Mục cần xem", &titles, &columns);
    let mut total = 0;
    for case in cases {
        let sentence = case.kind.sentence(&case.facts, Lang::Vi);
        let by = case.decision.as_ref().map(|decision| mark(decision, Lang::Vi));
        total += case.amount_vnd;
        sheet.row(&[
            Cell::Day(case.day),
            Cell::Text(case.kind.name().0),
            Cell::Dong(Dong::new(case.amount_vnd)),
            Cell::Count(case.age_days),
            Cell::Text(case.assignee.as_deref().unwrap_or_default()),
            Cell::Text(by.as_deref().unwrap_or_default()),
            Cell::Text(&sentence),
        ]);
    }
    let count = format!("{} mục", words::number(Lang::Vi, cases.len() as i64));
    sheet.totals(&[
        Cell::Text("Cộng"),
        Cell::Text(&count),
        Cell::Dong(Dong::new(total)),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
    ]);
    xlsx(vec![sheet])
}

pub(super) fn download(asked: &Asked, what: &str, ending: &str, kind: &str, bytes: Vec<u8>) -> HttpResponse {
    let name = format!("{what}-{}-{}.{ending}", asked.from, asked.to);
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(bytes)
}

/// `GET /reconcile/exceptions.csv`: the exceptions as the queue shows them, bad rows beside where nothing is filtered.
pub(super) async fn csv(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let (asked, filter, cases) = filtered(&officer, &shared).await?;
        let is_all = filter.question() == Filter::default().question();
        let exceptions: Vec<Exception> = cases.iter().filter_map(|case| case.exception).collect();
        let days = is_all.then_some((asked.from, asked.to));
        let bytes = exceptions_csv(&shared.store, &asked.provider_id, days, &exceptions)
            .await
            .map_err(refused)?;
        Ok::<_, Fault>((asked, bytes))
    };
    match made.await {
        Ok((asked, bytes)) => download(&asked, "doi-chieu", "csv", "text/csv; charset=utf-8", bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    frame: Frame,
    done: String,
    waiting: String,
    failed: Vec<(String, String)>,
    back_href: String,
}

/// `POST /reconcile/bulk`: one action for all exceptions that were picked; says what was done and what was not.
pub(super) async fn bulk(
    officer: Officer,
    fields: web::Form<Vec<(String, String)>>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let fields = Fields(fields.into_inner());
    officer.answer(bulk_done(&officer, &fields, &shared).await)
}

async fn bulk_done(officer: &Officer, fields: &Fields, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let time = now();
    let provider = fields.one("provider");
    let mut picked: Vec<(Subject, Day)> = Vec::new();
    for pick in fields.all("pick") {
        let parsed = pick
            .split_once('@')
            .and_then(|(subject, day)| Some((Subject::parse(subject)?, day.parse().ok()?)));
        let wrong = || Problem::invalid("pick", "Mục đã chọn không đúng. Hãy mở lại danh sách.");
        picked.push(parsed.ok_or_else(wrong)?);
    }
    let span = picked
        .iter()
        .map(|(_, day)| *day)
        .min()
        .zip(picked.iter().map(|(_, day)| *day).max());
    let Some((from, to)) = span.filter(|_| picked.len() <= BULK_MAX) else {
        let sentence = visit.pick(
            "Hãy chọn từ 1 đến 100 mục trong danh sách.",
            "Pick 1 to 100 of the list.",
        );
        return Err(Problem::invalid("pick", sentence).into());
    };
    let asked = Asked::days(officer, provider, from, to)?;
    let mut done = 0;
    let mut waiting = 0;
    let mut failed = Vec::new();
    match fields.one("act") {
        "assign" => {
            let subjects: Vec<Subject> = picked.iter().map(|(subject, _)| *subject).collect();
            let actor = Actor {
                by: &officer.person.name,
                now: time,
            };
            shared
                .store
                .assign(provider, &subjects, name(fields)?, actor)
                .await?;
            done = picked.len();
        }
        word => {
            let decision = decision_of(word)?;
            // As things stand now: what is no exception any more is left alone.
            let exceptions = asked.compared(shared).await?.exceptions;
            let by_subject: HashMap<Subject, Exception> =
                exceptions.into_iter().map(|e| (subject_of(&e), e)).collect();
            for (subject, day) in picked {
                let outcome = match by_subject.get(&subject) {
                    None => Err(StoreError::Conflict(
                        visit
                            .pick("Không còn là ngoại lệ.", "No exception any more.")
                            .to_owned(),
                    )),
                    Some(exception) => {
                        let new = new_decision(
                            officer,
                            shared,
                            provider,
                            (subject, decision),
                            standing_receipts(exception),
                            fields.one("reason"),
                        );
                        shared.store.decide(&new, time).await
                    }
                };
                match outcome {
                    Ok(view) if view.state == DecisionState::Waiting => waiting += 1,
                    Ok(_) => done += 1,
                    Err(StoreError::Conflict(why) | StoreError::Missing(why)) => {
                        let what = by_subject.get(&subject).map_or_else(
                            || day.show(),
                            |e| format!("{}, {}", e.day.show(), Dong::new(e.amount_vnd).show(lang)),
                        );
                        failed.push((what, why));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            followed(shared, provider, (from, to)).await?;
        }
    }
    Html::of(&BulkPage {
        frame: officer.frame(visit.pick("Kết quả", "Result")),
        done: words::number(lang, done as i64),
        waiting: words::number(lang, waiting),
        failed,
        back_href: format!("/reconcile/exceptions?{}", asked.question()),
    })
}

/// The receipts with which a row is accepted as it is: its own, unless it is a second row of them.
fn standing_receipts(exception: &Exception) -> Vec<i64> {
    match exception.kind {
        Kind::DuplicateRow | Kind::Ambiguous => Vec::new(),
        _ => exception.entry_no.into_iter().collect(),
    }
}

//! Exceptions: the queue of a provider's days, with filters, and one action for many.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use askama::Template;

use super::common::{
    Asked, Fields, Said, XLSX, age, case_href, decision_of, download, followed, mark, name, new_decision,
    no_file, refused, subject_of,
};
use crate::clock::now;
use crate::print::{Cell, Column, Sheet, SheetError, xlsx};
use crate::reconcile::{Decision, DecisionState, Exception, Facts, FindingKind, Subject};
use crate::settlement::{DaysView, exceptions_csv, listed_exceptions};
use crate::store::{Actor, DecisionView, StoreError};
use crate::vn::{Day, Dong, Lang, Sentence, WorkingCalendar};
use crate::web::pages::answer::Html;
use crate::web::pages::frame::{Fault, Frame, encoded};
use crate::web::pages::officer::Officer;
use crate::web::pages::words;
use crate::web::{Problem, Shared};
use crate::words::{conflict, missing};

/// Exceptions on one page.
const PAGE_ROWS: usize = 100;
/// Exceptions that one bulk action may touch.
const BULK_MAX: usize = PAGE_ROWS;

/// Which exceptions are shown.
#[derive(Debug, Default)]
struct Filter {
    kind: Option<FindingKind>,
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
            kind: asked("kind").and_then(FindingKind::parse),
            who: asked("who").unwrap_or_default().to_owned(),
            state: asked("state").unwrap_or_default().to_owned(),
            min_age: asked("age").and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }

    fn question(&self) -> String {
        let kind = self.kind.map_or("", FindingKind::as_str);
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
    kind: FindingKind,
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
                Decision::Manual => FindingKind::MatchedManual,
                Decision::Forced | Decision::Struck => FindingKind::MatchedForced,
                Decision::Own => FindingKind::MissingNotice,
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
    let asked = Asked::of_one(officer, shared).await?;
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
        kinds: FindingKind::ALL
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

/// `GET /reconcile/exceptions.xlsx`: the queue as it is shown, as a workbook.
pub(super) async fn workbook(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let (asked, _, cases) = filtered(&officer, &shared).await?;
        let exceptions: Vec<Exception> = cases.iter().filter_map(|case| case.exception).collect();
        let listed = listed_exceptions(&shared.store, &asked.provider_id, None, &exceptions)
            .await
            .map_err(refused)?;
        let ids: Vec<String> = listed.into_iter().map(|listed| listed.provider_txn_id).collect();
        let bytes = sheet(&asked, &cases, &ids).map_err(no_file)?;
        Ok::<_, Fault>((asked, bytes))
    };
    match made.await {
        Ok((asked, bytes)) => download(&asked, "doi-chieu", "xlsx", XLSX, bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

/// `ids` are those of the cases that still are exceptions, in their order.
fn sheet(asked: &Asked, cases: &[Case], ids: &[String]) -> Result<Vec<u8>, SheetError> {
    let columns = [
        ("Ngày", 12),
        ("Loại", 20),
        ("Số tiền (đ)", 18),
        ("Mã giao dịch", 24),
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
    let mut ids = ids.iter();
    for case in cases {
        let id = case.exception.and_then(|_| ids.next()).map_or("", String::as_str);
        let sentence = case.kind.sentence(&case.facts, Lang::Vi);
        let by = case.decision.as_ref().map(|decision| mark(decision, Lang::Vi));
        total += case.amount_vnd;
        sheet.row(&[
            Cell::Day(case.day),
            Cell::Text(case.kind.name().0),
            Cell::Dong(Dong::new(case.amount_vnd)),
            Cell::Text(id),
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
        Cell::Empty,
    ]);
    xlsx(vec![sheet])
}

/// `GET /reconcile/exceptions.csv`: the exceptions as the queue shows them, bad rows beside where nothing is filtered.
pub(super) async fn csv(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let (asked, filter, cases) = filtered(&officer, &shared).await?;
        let is_all = filter.question() == Filter::default().question();
        let exceptions: Vec<Exception> = cases.iter().filter_map(|case| case.exception).collect();
        let days = is_all.then_some((asked.from, asked.to));
        let listed = listed_exceptions(&shared.store, &asked.provider_id, days, &exceptions)
            .await
            .map_err(refused)?;
        let bytes = exceptions_csv(&listed).map_err(refused)?;
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
        let wrong = || {
            let detail = (
                "Mục đã chọn không đúng. Hãy mở lại danh sách.",
                "What was picked is no exception. Load the list again.",
            );
            Problem::invalid("pick", detail)
        };
        picked.push(parsed.ok_or_else(wrong)?);
    }
    let span = picked
        .iter()
        .map(|(_, day)| *day)
        .min()
        .zip(picked.iter().map(|(_, day)| *day).max());
    let Some((from, to)) = span.filter(|_| picked.len() <= BULK_MAX) else {
        let sentence = (
            "Hãy chọn từ 1 đến 100 mục trong danh sách.",
            "Pick 1 to 100 of the list.",
        );
        return Err(Problem::invalid("pick", sentence).into());
    };
    let asked = Asked::days(provider, from, to)?;
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
                    None => Err(Sentence::new("Không còn là ngoại lệ.", "No exception any more.")),
                    Some(exception) => {
                        let said = Said {
                            subject,
                            decision,
                            receipt_nos: standing_receipts(exception),
                            reason: fields.one("reason"),
                        };
                        let new = new_decision(officer, shared, provider, said);
                        match shared.store.decide(&new, time).await {
                            Ok(view) => Ok(view),
                            Err(StoreError::Conflict(why)) => Err(conflict(&why)),
                            Err(StoreError::Missing(why)) => Err(missing(&why)),
                            Err(error) => return Err(error.into()),
                        }
                    }
                };
                match outcome {
                    Ok(view) if view.state == DecisionState::Waiting => waiting += 1,
                    Ok(_) => done += 1,
                    Err(why) => {
                        let what = by_subject.get(&subject).map_or_else(
                            || day.show(),
                            |e| format!("{}, {}", e.day.show(), Dong::new(e.amount_vnd).show(lang)),
                        );
                        failed.push((what, why.in_lang(lang).to_owned()));
                    }
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
        FindingKind::DuplicateRow | FindingKind::Ambiguous => Vec::new(),
        _ => exception.entry_no.into_iter().collect(),
    }
}

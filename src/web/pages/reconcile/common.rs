//! What the pages about statements and exceptions share: which days are asked for, the form of an exception, decisions,
//! and how an exception is named, dated and linked.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};

use crate::clock::now;
use crate::print::SheetError;
use crate::reconcile::{Decision, DecisionState, Exception, Subject};
use crate::settlement::{DaysView, ImportError};
use crate::store::{DecisionView, NewDecision, StoreError};
use crate::vn::{Day, Lang};
use crate::web::pages::frame::{Fault, Visit, encoded};
use crate::web::pages::officer::Officer;
use crate::web::{Problem, ProblemKind, Shared};

/// Days that are compared at once.
pub(super) const DAYS_MAX: i64 = 31;

/// What is asked for.
pub(super) struct Asked {
    pub provider_id: String,
    pub from: Day,
    pub to: Day,
}

impl Asked {
    /// The provider and the days in the question; none where no provider is asked for.
    pub fn of(officer: &Officer) -> Result<Option<Asked>, Fault> {
        let visit = &officer.visit;
        let provider_id = visit.asked("provider");
        provider_id.map(|id| Asked::days_of(visit, id)).transpose()
    }

    /// A provider's days as the question has them, else yesterday.
    fn days_of(visit: &Visit, provider_id: &str) -> Result<Asked, Fault> {
        let from = visit.day("from", Day::of(now()).plus(-1))?;
        Asked::days(provider_id, from, visit.day("to", from)?)
    }

    /// As [`Asked::of`]; where no provider is asked for and there is only one, it is that one's.
    pub async fn of_one(officer: &Officer, shared: &Shared) -> Result<Asked, Fault> {
        if let Some(asked) = Asked::of(officer)? {
            return Ok(asked);
        }
        let providers = shared.store.providers(now()).await?;
        let [only] = providers.as_slice() else {
            return Err(no_provider().into());
        };
        Asked::days_of(&officer.visit, &only.provider_id)
    }

    /// So many days as are compared at once.
    pub fn days(provider_id: &str, from: Day, to: Day) -> Result<Asked, Fault> {
        if to < from || to.number() - from.number() >= DAYS_MAX {
            let sentence = (
                "Hãy chọn từ 1 đến 31 ngày, ngày đầu không sau ngày cuối.",
                "Choose 1 to 31 days, the first not after the last.",
            );
            return Err(Problem::invalid("to", sentence).into());
        }
        Ok(Asked {
            provider_id: provider_id.to_owned(),
            from,
            to,
        })
    }

    /// The days as they stand now.
    pub async fn compared(&self, shared: &Shared) -> Result<DaysView, Fault> {
        let reconciler = shared.reconciler();
        let compared = reconciler.compare_days(&self.provider_id, (self.from, self.to));
        in_turn(shared, compared).await
    }

    /// The same as the question of an address.
    pub fn question(&self) -> String {
        format!(
            "provider={}&from={}&to={}",
            encoded(&self.provider_id),
            self.from,
            self.to
        )
    }
}

/// Does work that loads both sides, one at a time.
pub(super) async fn in_turn<T>(
    shared: &Shared,
    work: impl Future<Output = Result<T, ImportError>>,
) -> Result<T, Fault> {
    let _turn = shared.turns.comparison.wait().await;
    work.await.map_err(refused)
}

/// What the database or a rule says against it.
pub(super) fn refused(error: ImportError) -> Fault {
    match error {
        ImportError::Store(error) => Fault::from(error),
        error => StoreError::Corrupt(error.to_string()).into(),
    }
}

/// No provider was chosen.
fn no_provider() -> Problem {
    Problem::invalid("provider", ("Hãy chọn nhà cung cấp.", "Choose the provider."))
}

/// A workbook that could not be made.
pub(super) fn no_file(error: SheetError) -> Problem {
    let detail = (
        "Chưa lập được tệp. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
        "The file could not be made. Try again; if it still fails, give the administrator this id.",
    );
    let problem = Problem::new(ProblemKind::File, detail);
    tracing::error!(%error, request_id = problem.request_id, "a workbook could not be made");
    problem
}

/// The fields of a form; one name may come several times.
pub(super) struct Fields(pub Vec<(String, String)>);

impl Fields {
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.trim())
    }

    pub fn one(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value.trim())
    }

    pub fn subject(&self) -> Result<(Subject, Day), Fault> {
        let wrong = || {
            let detail = (
                "Mục không đúng. Hãy mở lại từ danh sách.",
                "There is no such exception. Open it from the list again.",
            );
            Problem::invalid("subject", detail)
        };
        let subject = Subject::parse(self.one("subject")).ok_or_else(wrong)?;
        let day = self.one("day").parse().map_err(|_| wrong())?;
        Ok((subject, day))
    }
}

/// Lets findings and books follow what a person decided.
pub(super) async fn followed(shared: &Shared, provider: &str, days: (Day, Day)) -> Result<(), Fault> {
    let reconciler = shared.reconciler();
    in_turn(shared, reconciler.reconcile_days(provider, days))
        .await
        .map(drop)
}

pub(super) fn name(fields: &Fields) -> Result<&str, Fault> {
    let name = fields.one("assignee");
    if name.chars().count() <= NAME_CHARS_MAX {
        Ok(name)
    } else {
        Err(Problem::invalid(
            "assignee",
            ("Tên dài nhất 60 ký tự.", "A name has at most 60 characters."),
        )
        .into())
    }
}

pub(super) fn decision_of(word: &str) -> Result<Decision, Fault> {
    let wrong = || {
        let detail = (
            "Hãy chọn ghép, chấp nhận, ghi thành khoản riêng hoặc gạch khỏi sổ.",
            "Choose to match, accept, post on its own, or strike.",
        );
        Problem::invalid("decision", detail)
    };
    Decision::parse(word).ok_or_else(|| wrong().into())
}

/// What a person says of an exception.
pub(super) struct Said<'a> {
    pub subject: Subject,
    pub decision: Decision,
    /// Of a row; a receipt without one is its own.
    pub receipt_nos: Vec<i64>,
    pub reason: &'a str,
}

pub(super) fn new_decision(
    officer: &Officer,
    shared: &Shared,
    provider: &str,
    said: Said<'_>,
) -> NewDecision {
    let (row_no, receipt_nos) = match said.subject {
        Subject::Row(no) => (Some(no), said.receipt_nos),
        Subject::Entry(no) => (None, vec![no]),
        Subject::Day(_) => (None, Vec::new()),
    };
    NewDecision {
        provider_id: provider.to_owned(),
        row_no,
        decision: said.decision,
        receipt_nos,
        reason: said.reason.to_owned(),
        by: officer.person.name.clone(),
        second_person_above_vnd: shared.second_person_above_vnd,
    }
}

/// Characters of a name that something is given to.
const NAME_CHARS_MAX: usize = 60;

pub(super) fn subject_of(exception: &Exception) -> Subject {
    match (exception.row_no, exception.entry_no) {
        (Some(no), _) => Subject::Row(no),
        (None, no) => Subject::Entry(no.unwrap_or_default()),
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
        (Decision::Own, Lang::Vi) => "ghi thành khoản riêng",
        (Decision::Manual, Lang::En) => "matched by hand",
        (Decision::Forced, Lang::En) => "difference accepted",
        (Decision::Struck, Lang::En) => "struck",
        (Decision::Own, Lang::En) => "posted as a payment of its own",
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

/// What a workbook is, for browsers.
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(super) fn download(asked: &Asked, what: &str, ending: &str, kind: &str, bytes: Vec<u8>) -> HttpResponse {
    let name = format!("{what}-{}-{}.{ending}", asked.from, asked.to);
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(bytes)
}

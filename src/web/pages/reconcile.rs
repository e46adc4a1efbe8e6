//! Statements against receipts: what was taken in, and what a provider's days came to.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpResponse, web};
use askama::Template;
use tokio::sync::Semaphore;

use super::answer::Html;
use super::frame::{Fault, Frame, Officer, encoded};
use super::words;
use crate::app::now;
use crate::intake::{ImportError, RefusedFile, compare_days, exceptions_csv, refused_statements};
use crate::reconcile::{Bucket, Exception, Kind, RunSummary, Tally};
use crate::store::{StatementFileView, StoreError};
use crate::vn::{Day, Dong, Lang};
use crate::web::{Problem, Shared};

/// Files that the page lists.
const FILES_SHOWN: i64 = 20;
/// Exceptions that the page lists; the download has all.
const EXCEPTIONS_SHOWN: usize = 200;
/// Days that are compared at once.
const DAYS_MAX: i64 = 31;
/// Comparisons at the same time: each may load some hundred megabytes, and callbacks need the processor too.
static COMPARING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

#[derive(Template)]
#[template(path = "reconcile.html")]
struct ReconcilePage {
    frame: Frame,
    providers: Vec<(String, bool)>,
    from: String,
    to: String,
    outcome: Option<OutcomeView>,
    files: Vec<FileRow>,
    refused: Option<RefusedView>,
}

/// What lies in the inbox of statements and could not be taken in.
struct RefusedView {
    files: Vec<RefusedRow>,
    more: Option<String>,
    is_silent: bool,
}

struct RefusedRow {
    name: String,
    provider: String,
    reason: String,
    at: String,
}

struct OutcomeView {
    title: String,
    adds_up: bool,
    /// Name, count and amount: the sum first, its parts after it.
    parts: Vec<(String, String, String)>,
    kinds: Vec<KindRow>,
    exceptions: Vec<ExceptionRow>,
    more: Option<String>,
    csv_href: String,
}

struct KindRow {
    name: &'static str,
    count: String,
    amount: String,
    is_good: bool,
}

struct ExceptionRow {
    name: &'static str,
    sentence: String,
    amount: String,
    day: String,
}

struct FileRow {
    name: String,
    provider: String,
    days: String,
    rows: String,
    amount: String,
    notes: String,
    at: String,
    by: String,
    href: Option<String>,
}

/// What is asked for.
struct Asked {
    provider_id: String,
    from: Day,
    to: Day,
}

impl Asked {
    /// The provider and the days in the question; none where no provider is asked for.
    fn of(officer: &Officer) -> Result<Option<Asked>, Fault> {
        let visit = &officer.visit;
        let Some(provider_id) = visit.asked("provider") else {
            return Ok(None);
        };
        let from = visit.day("from", Day::of(now()).plus(-1))?;
        let to = visit.day("to", from)?;
        if to < from || to.number() - from.number() >= DAYS_MAX {
            let sentence = visit.pick(
                "Hãy chọn từ 1 đến 31 ngày, ngày đầu không sau ngày cuối.",
                "Choose 1 to 31 days, the first not after the last.",
            );
            return Err(Problem::invalid("to", sentence).into());
        }
        Ok(Some(Asked {
            provider_id: provider_id.to_owned(),
            from,
            to,
        }))
    }

    async fn compared(&self, shared: &Shared) -> Result<(RunSummary, Vec<Exception>), Fault> {
        let wrong = |error: String| Fault::from(StoreError::Corrupt(error));
        let _turn = COMPARING
            .acquire()
            .await
            .map_err(|error| wrong(error.to_string()))?;
        let days = (self.from, self.to);
        compare_days(&shared.store, &self.provider_id, days, now())
            .await
            .map_err(|error| match error {
                ImportError::Store(error) => Fault::from(error),
                error => wrong(error.to_string()),
            })
    }

    fn question(&self) -> String {
        format!(
            "provider={}&from={}&to={}",
            encoded(&self.provider_id),
            self.from,
            self.to
        )
    }
}

/// `GET /reconcile`: what was taken in; with a provider and days, what they came to.
pub(super) async fn page(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show(&officer, &shared).await)
}

async fn show(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let (visit, lang) = (&officer.visit, officer.visit.lang);
    let asked = Asked::of(officer)?;
    let outcome = match &asked {
        None => None,
        Some(asked) => {
            let (summary, exceptions) = asked.compared(shared).await?;
            Some(outcome_view(asked, &summary, &exceptions, lang))
        }
    };
    let providers = shared.store.providers(now()).await?;
    let chosen = |id: &str| asked.as_ref().is_some_and(|asked| asked.provider_id == id);
    let files = shared.store.statement_files(FILES_SHOWN).await?;
    let refused = match &shared.statement_inbox {
        Some(inbox) => {
            let ids = providers.iter().map(|provider| provider.provider_id.clone());
            refused_view(refused_statements(inbox, ids.collect()).await, lang)
        }
        None => None,
    };
    let yesterday = Day::of(now()).plus(-1);
    Html::of(&ReconcilePage {
        frame: officer.frame(visit.pick("Đối chiếu", "Reconcile")),
        providers: providers
            .into_iter()
            .map(|provider| {
                let is_chosen = chosen(&provider.provider_id);
                (provider.provider_id, is_chosen)
            })
            .collect(),
        from: asked.as_ref().map_or(yesterday, |asked| asked.from).to_string(),
        to: asked.as_ref().map_or(yesterday, |asked| asked.to).to_string(),
        outcome,
        files: files.into_iter().map(|file| file_row(file, lang)).collect(),
        refused,
    })
}

/// None where nothing was refused: then there is nothing to say.
fn refused_view(listed: Option<(Vec<RefusedFile>, usize)>, lang: Lang) -> Option<RefusedView> {
    let is_silent = listed.is_none();
    let (files, more) = listed.unwrap_or_default();
    if files.is_empty() && !is_silent {
        return None;
    }
    let unknown = lang.pick(
        "Không thấy lý do bên cạnh tệp; hãy xem nhật ký của chương trình.",
        "No reason lies beside the file; look into the program's log.",
    );
    let row = |file: RefusedFile| RefusedRow {
        reason: match file.reason.is_empty() {
            true => unknown.to_owned(),
            false => file.reason,
        },
        name: file.name,
        provider: file.provider_id,
        at: file.at.show(),
    };
    Some(RefusedView {
        files: files.into_iter().map(row).collect(),
        more: (more > 0).then(|| {
            let left = words::number(lang, more as i64);
            match lang {
                Lang::Vi => format!("và ít nhất {left} tệp nữa."),
                Lang::En => format!("and at least {left} more files."),
            }
        }),
        is_silent,
    })
}

fn outcome_view(asked: &Asked, summary: &RunSummary, exceptions: &[Exception], lang: Lang) -> OutcomeView {
    let amount = |tally: &Tally| Dong::new(i64::try_from(tally.amount_vnd).unwrap_or(i64::MAX)).show(lang);
    let count = |tally: &Tally| words::number(lang, i64::try_from(tally.count).unwrap_or(i64::MAX));
    let part = |name: &str, tally: &Tally| (name.to_owned(), count(tally), amount(tally));
    let days = match asked.from == asked.to {
        true => asked.from.show(),
        false => format!("{} – {}", asked.from.show(), asked.to.show()),
    };
    let name = |kind: Kind| {
        let (vi, en) = kind.name();
        lang.pick(vi, en)
    };
    OutcomeView {
        title: format!("{} · {days}", asked.provider_id),
        adds_up: summary.adds_up(),
        parts: vec![
            part(lang.pick("Dòng sao kê", "Rows"), &summary.rows),
            part(lang.pick("= khớp", "= matched"), &summary.matched),
            part(lang.pick("+ cần xem", "+ exceptions"), &summary.exceptions),
            part(lang.pick("+ bỏ qua", "+ ignored"), &summary.ignored),
            part(lang.pick("+ dòng lỗi", "+ bad"), &summary.bad),
        ],
        kinds: summary
            .by_kind
            .iter()
            .map(|(kind, tally)| KindRow {
                name: name(*kind),
                count: count(tally),
                amount: amount(tally),
                is_good: kind.bucket() == Some(Bucket::Matched),
            })
            .collect(),
        exceptions: exceptions
            .iter()
            .take(EXCEPTIONS_SHOWN)
            .map(|exception| ExceptionRow {
                name: name(exception.kind),
                sentence: exception.kind.sentence(&exception.facts, lang),
                amount: Dong::new(exception.amount_vnd).show(lang),
                day: exception.day.show(),
            })
            .collect(),
        more: (exceptions.len() > EXCEPTIONS_SHOWN).then(|| {
            let left = words::number(lang, (exceptions.len() - EXCEPTIONS_SHOWN) as i64);
            match lang {
                Lang::Vi => format!("và {left} mục nữa trong tệp tải về."),
                Lang::En => format!("and {left} more in the download."),
            }
        }),
        csv_href: format!("/reconcile/exceptions.csv?{}", asked.question()),
    }
}

fn file_row(file: StatementFileView, lang: Lang) -> FileRow {
    let totals = &file.totals;
    let mut notes = Vec::new();
    if totals.repeated.0 > 0 {
        let count = words::number(lang, totals.repeated.0);
        notes.push(match lang {
            Lang::Vi => format!("{count} dòng đã có từ tệp khác"),
            Lang::En => format!("{count} rows known from another file"),
        });
    }
    if totals.bad > 0 {
        let count = words::number(lang, totals.bad);
        notes.push(match lang {
            Lang::Vi => format!("{count} dòng lỗi"),
            Lang::En => format!("{count} bad rows"),
        });
    }
    let days = totals.days.map(|(first, last)| match first == last {
        true => first.show(),
        false => format!("{} – {}", first.show(), last.show()),
    });
    let is_short = |(first, last): &(Day, Day)| last.number() - first.number() < DAYS_MAX;
    let href = totals.days.filter(is_short).map(|(from, to)| {
        let provider_id = file.provider_id.clone();
        let asked = Asked {
            provider_id,
            from,
            to,
        };
        format!("/reconcile?{}", asked.question())
    });
    FileRow {
        days: days.unwrap_or_default(),
        rows: words::number(lang, totals.rows.0),
        amount: totals.rows.1.show(lang),
        notes: notes.join(", "),
        at: file.imported_at.show(),
        name: file.name,
        provider: file.provider_id,
        by: file.imported_by,
        href,
    }
}

/// `GET /reconcile/exceptions.csv`: all that does not fit, as the page shows it.
pub(super) async fn csv(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let missing = || Problem::invalid("provider", "Hãy chọn nhà cung cấp.");
        let asked = Asked::of(&officer)?.ok_or_else(missing)?;
        let (_, exceptions) = asked.compared(&shared).await?;
        let days = (asked.from, asked.to);
        let bytes = exceptions_csv(&shared.store, &asked.provider_id, days, &exceptions)
            .await
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok::<_, Fault>((asked, bytes))
    };
    match made.await {
        Ok((asked, bytes)) => HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header((CACHE_CONTROL, "private, no-store"))
            .insert_header((
                CONTENT_DISPOSITION,
                format!(
                    "attachment; filename=\"doi-chieu-{}-{}.csv\"",
                    asked.from, asked.to
                ),
            ))
            .body(bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

//! Statements against receipts: what was taken in, and what a provider's days came to.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::common::{Asked, DAYS_MAX, XLSX, case_href, download, in_turn, no_file, subject_of};
use crate::clock::now;
use crate::print::{Cell, Column, Sheet, SheetError, xlsx};
use crate::reconcile::{BookDay, Bucket, DecisionState, FindingKind, Tally};
use crate::settlement::{CloseRequest, DaysView, RefusedFile, refused_statements};
use crate::store::{DayClose, StatementFileView};
use crate::vn::{Day, Dong, Lang};
use crate::web::pages::answer::{Html, seen};
use crate::web::pages::frame::{Fault, Frame, encoded};
use crate::web::pages::officer::Officer;
use crate::web::pages::question::{Question, is_sure};
use crate::web::pages::words;
use crate::web::{Problem, Shared};
use crate::words::by_whom;

/// Files that the page lists.
const FILES_SHOWN: i64 = 20;
/// Exceptions that the page lists; the download has all.
const EXCEPTIONS_SHOWN: usize = 200;
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
    /// What counts as agreement.
    rules: String,
    adds_up: bool,
    /// Name, count and amount: the sum first, its parts after it.
    parts: Vec<(String, String, String)>,
    kinds: Vec<KindRow>,
    exceptions: Vec<ExceptionRow>,
    more: Option<String>,
    csv_href: String,
    queue_href: String,
    books_href: String,
    /// Decisions that wait for a second person.
    second: usize,
    /// Changes that wait for a closed day.
    waiting: usize,
    closes: Vec<CloseRow>,
    books: Vec<BookRow>,
    /// What the columns of the books are.
    book_names: [&'static str; 6],
    provider: String,
    /// The one day that is looked at, if it is over: whether it is closed.
    one_day: Option<(String, bool)>,
}

struct CloseRow {
    title: String,
    reason: String,
    digest: String,
}

struct BookRow {
    day: String,
    /// What it is, and how much.
    figures: Vec<(&'static str, String)>,
    adds_up: bool,
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
    href: String,
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

/// `GET /reconcile`: what was taken in; with a provider and days, what they came to.
pub(super) async fn page(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show(&officer, &shared).await)
}

async fn show(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let asked = Asked::of(officer)?;
    let outcome = match &asked {
        None => None,
        Some(asked) => {
            let days = (asked.from, asked.to);
            let view = asked.compared(shared).await?;
            let books = shared.store.books(&asked.provider_id, days).await?;
            let closes = shared.store.day_closes(&asked.provider_id, days).await?;
            let agreed = shared.store.statement_rules(&asked.provider_id).await?;
            Some(OutcomeView {
                rules: agreed.rules.sentence(lang),
                closes: closes.iter().map(|close| close_row(close, lang)).collect(),
                books: books
                    .iter()
                    .map(|(day, book)| book_row(*day, book, lang))
                    .collect(),
                ..outcome_view(asked, &view, lang)
            })
        }
    };
    let providers = shared.store.providers(now()).await?;
    let chosen = |id: &str| asked.as_ref().is_some_and(|asked| asked.provider_id == id);
    let files = shared.store.statement_files(FILES_SHOWN).await?;
    let refused = match &shared.statement_inbox {
        Some(inbox) => {
            let ids = providers.iter().map(|provider| provider.provider_id.clone());
            let turn = &shared.turns.refused_files;
            refused_view(refused_statements(inbox, ids.collect(), turn).await, lang)
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
        reason: if file.reason.is_empty() {
            unknown.to_owned()
        } else {
            lang.pick(&file.reason, &file.reason_en).to_owned()
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

fn outcome_view(asked: &Asked, view: &DaysView, lang: Lang) -> OutcomeView {
    let summary = &view.summary;
    let exceptions = &view.exceptions;
    let amount = |tally: &Tally| Dong::new(i64::try_from(tally.amount_vnd).unwrap_or(i64::MAX)).show(lang);
    let count = |tally: &Tally| words::number(lang, i64::try_from(tally.count).unwrap_or(i64::MAX));
    let part = |name: &str, tally: &Tally| (name.to_owned(), count(tally), amount(tally));
    let days = if asked.from == asked.to {
        asked.from.show()
    } else {
        format!("{} – {}", asked.from.show(), asked.to.show())
    };
    let name = |kind: FindingKind| {
        let (vi, en) = kind.name();
        lang.pick(vi, en)
    };
    OutcomeView {
        title: format!("{} · {days}", asked.provider_id),
        rules: String::new(),
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
                href: case_href(&asked.provider_id, subject_of(exception), exception.day),
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
        queue_href: format!("/reconcile/exceptions?{}", asked.question()),
        books_href: format!("/reconcile/books.xlsx?{}", asked.question()),
        second: view
            .decisions
            .iter()
            .filter(|decision| decision.state == DecisionState::Waiting)
            .count(),
        waiting: view.waiting,
        closes: Vec::new(),
        books: Vec::new(),
        book_names: book_names(lang),
        provider: asked.provider_id.clone(),
        one_day: (asked.from == asked.to && asked.to < Day::of(now()))
            .then(|| (asked.from.to_string(), !view.closes.is_empty())),
    }
}

fn close_row(close: &DayClose, lang: Lang) -> CloseRow {
    let day = close.business_day.show();
    let at = close.closed_at.show();
    let by = &close.closed_by;
    // What was fixed is shown as it was fixed; a digest that is not there shows as nothing.
    let figures: serde_json::Value = serde_json::from_str(&close.figures).unwrap_or_default();
    let digest = figures.get("digest").and_then(|v| v.as_str()).unwrap_or_default();
    CloseRow {
        title: match (close.version, lang) {
            (1, Lang::Vi) => format!("{day}: khóa sổ {at}, {by}"),
            (1, Lang::En) => format!("{day}: closed {at}, {by}"),
            (version, Lang::Vi) => format!("{day}: điều chỉnh lần {} ngày {at}, {by}", version - 1),
            (version, Lang::En) => format!("{day}: restatement {} of {at}, {by}", version - 1),
        },
        reason: close.reason.clone(),
        digest: digest.to_owned(),
    }
}

/// In the order of the equation.
fn amounts(book: &BookDay) -> [i64; 6] {
    [
        book.opening_vnd,
        book.receipts_vnd,
        book.reversals_vnd,
        book.fees_vnd,
        book.settled_vnd,
        book.closing_vnd,
    ]
}

/// What they are, in the same order.
fn book_names(lang: Lang) -> [&'static str; 6] {
    [
        lang.pick("Đầu ngày", "Opening"),
        lang.pick("+ thu", "+ receipts"),
        lang.pick("− hoàn", "− reversals"),
        lang.pick("− phí", "− fees"),
        lang.pick("= đã trả về", "= settled"),
        lang.pick("+ cuối ngày", "+ closing"),
    ]
}

fn book_row(day: Day, book: &BookDay, lang: Lang) -> BookRow {
    BookRow {
        day: day.show(),
        figures: std::iter::zip(
            book_names(lang),
            amounts(book).map(|vnd| Dong::new(vnd).show(lang)),
        )
        .collect(),
        adds_up: book.adds_up(),
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
    let days = totals.days.map(|(first, last)| {
        if first == last {
            first.show()
        } else {
            format!("{} – {}", first.show(), last.show())
        }
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
        by: by_whom(file.imported_by).in_lang(lang).to_owned(),
        href,
    }
}

/// `GET /reconcile/books.xlsx`: the books of the days as a workbook.
pub(super) async fn books(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let asked = Asked::of_one(&officer, &shared).await?;
        let books = shared
            .store
            .books(&asked.provider_id, (asked.from, asked.to))
            .await?;
        let bytes = sheet(&asked, &books).map_err(no_file)?;
        Ok::<_, Fault>((asked, bytes))
    };
    match made.await {
        Ok((asked, bytes)) => download(&asked, "so", "xlsx", XLSX, bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

fn sheet(asked: &Asked, books: &[(Day, BookDay)]) -> Result<Vec<u8>, SheetError> {
    let headings = [
        "Đầu ngày (đ)",
        "+ thu (đ)",
        "− hoàn (đ)",
        "− phí (đ)",
        "= đã trả về (đ)",
        "+ cuối ngày (đ)",
    ];
    let mut columns = vec![Column {
        heading: "Ngày",
        chars: 12,
    }];
    columns.extend(headings.map(|heading| Column { heading, chars: 18 }));
    let titles = [
        "SỔ CỦA NHÀ CUNG CẤP".to_owned(),
        format!("Nhà cung cấp: {}", asked.provider_id),
        format!("Từ {} đến {}", asked.from.show(), asked.to.show()),
    ];
    let mut sheet = Sheet::new("Sổ", &titles, &columns);
    let mut whole = BookDay::default();
    for (day, book) in books {
        let figures = amounts(book).map(|vnd| Cell::Dong(Dong::new(vnd)));
        sheet.row(&[&[Cell::Day(*day)], &figures[..]].concat());
        whole.receipts_vnd += book.receipts_vnd;
        whole.reversals_vnd += book.reversals_vnd;
        whole.fees_vnd += book.fees_vnd;
        whole.settled_vnd += book.settled_vnd;
    }
    whole.opening_vnd = books.first().map_or(0, |(_, book)| book.opening_vnd);
    whole.closing_vnd = books.last().map_or(0, |(_, book)| book.closing_vnd);
    let figures = amounts(&whole).map(|vnd| Cell::Dong(Dong::new(vnd)));
    sheet.totals(&[&[Cell::Text("Cả kỳ")], &figures[..]].concat());
    xlsx(vec![sheet])
}

#[derive(Deserialize)]
pub(super) struct CloseForm {
    provider: String,
    day: String,
    #[serde(default)]
    reason: String,
    /// `1` once the question was answered.
    sure: Option<String>,
}

/// `POST /reconcile/days/{act}`: closes a day, or states a closed one anew.
pub(super) async fn close(
    officer: Officer,
    act: web::Path<String>,
    form: web::Form<CloseForm>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let back = format!(
        "/reconcile?provider={}&from={day}&to={day}",
        encoded(&form.provider),
        day = encoded(&form.day)
    );
    let done = async {
        let wrong = |_| {
            let detail = (
                "Ngày không đúng. Hãy mở lại trang đối chiếu.",
                "There is no such day. Load the page Reconcile again.",
            );
            Problem::invalid("day", detail)
        };
        let day: Day = form.day.parse().map_err(wrong)?;
        let request = CloseRequest {
            provider_id: &form.provider,
            business_day: day,
            reason: &form.reason,
            by: &officer.person.name,
        };
        let reconciler = shared.reconciler();
        match act.as_str() {
            act @ ("close" | "restate") if !is_sure(form.sure.as_deref()) => {
                Ok(Err(close_question(&officer, act, day, &form, &back)))
            }
            "close" => in_turn(&shared, reconciler.close_day(request))
                .await
                .map(|_| Ok("day-closed")),
            "restate" => in_turn(&shared, reconciler.restate_day(request))
                .await
                .map(|_| Ok("day-restated")),
            _ => Err(Problem::missing(("Không có việc này.", "There is no such action.")).into()),
        }
    };
    match done.await {
        Ok(Ok(word)) => seen(&format!("{back}&done={word}#close")),
        Ok(Err(question)) => {
            let frame = officer.frame(question.title.clone());
            officer.answer(question.page(frame))
        }
        Err(fault) => {
            let words = officer
                .visit
                .pick("Quay lại ngày này", "Back to the day")
                .to_owned();
            officer.answer(Err(fault.or_go(back, words)))
        }
    }
}

/// Which day it is about, and what follows.
fn close_question(officer: &Officer, act: &str, day: Day, form: &CloseForm, back: &str) -> Question {
    let visit = &officer.visit;
    let shown = day.show();
    let is_close = act == "close";
    let title = match (visit.lang, is_close) {
        (Lang::Vi, true) => format!("Khóa sổ ngày {shown}?"),
        (Lang::Vi, false) => format!("Điều chỉnh ngày {shown} đã khóa sổ?"),
        (Lang::En, true) => format!("Close {shown}?"),
        (Lang::En, false) => format!("Restate {shown}, which is closed?"),
    };
    let follows = if is_close {
        visit.pick(
            "Số liệu của ngày được giữ nguyên và không mở lại được. Thay đổi đến sau chờ một lần điều chỉnh có lý do.",
            "The figures of the day stay as they are, and it cannot be opened again. Later changes wait for a restatement with a reason.",
        )
    } else {
        visit.pick(
            "Thay đổi đang chờ có hiệu lực và được ghi thành một phiên bản mới; phiên bản cũ vẫn giữ. Không bỏ phiên bản mới được.",
            "What waits takes effect and is kept as a new version; the old one stays. The new version cannot be taken back.",
        )
    };
    let yes = if is_close {
        visit.pick("Khóa sổ", "Close the day")
    } else {
        visit.pick("Điều chỉnh", "Restate")
    };
    Question::new(
        &title,
        &[follows],
        yes,
        format!("/reconcile/days/{act}"),
        back.to_owned(),
    )
    .with("provider", &form.provider)
    .with("day", &form.day)
    .with("reason", &form.reason)
}

//! Handing in a statement: the file, what it was taken for, what taking it in would do, and how that went.

use std::io::{Read, Seek};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Serialize;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, Officer, Visit, encoded};
use super::uploads::{End, HandedIn, Outcome, Plan, Stage, State, Upload, Way, plan_of, sentence};
use super::words;
use crate::app::now;
use crate::intake::{Progress, STATEMENT_BYTES_MAX};
use crate::reconcile::{
    Bucket, Column, Event, FileFacts, Kind, Mapping, RowKind, RowStatus, Source, StatementError,
    StatementRow, Tally,
};
use crate::vn::{Day, Dong, Lang};
use crate::web::body::body_as_file;
use crate::web::{Person, Problem, Shared};

/// A small file is through before its page is drawn; a larger one shows how far it is.
const SETTLES_WITHIN: Duration = Duration::from_millis(1200);
/// Characters of a note that the page shows.
const NOTE_SHOWN: usize = 60;
/// Characters of a file's name that are kept.
const NAME_CHARS_MAX: usize = 120;
/// Days that the page of comparisons takes at once.
const DAYS_AT_ONCE: i64 = 31;
/// Links to days that a result shows: a year.
const LINKS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "statement_new.html")]
struct NewPage {
    frame: Frame,
    providers: Vec<(String, bool)>,
    bytes_max: u64,
    too_large: String,
    /// What this person handed in before: name, and where it is.
    own: Option<(String, String)>,
}

/// `GET /reconcile/statements/new`
pub(super) async fn new(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let visit = &officer.visit;
    let made = async {
        let own = shared.uploads.own(&officer.person.name, now());
        let chosen = visit.asked("provider");
        let providers = shared.store.providers(now()).await?;
        let names = providers.into_iter().map(|provider| provider.provider_id);
        Html::of(&NewPage {
            frame: officer.frame(visit.pick("Nhập sao kê", "Hand in a statement")),
            providers: names
                .map(|id| {
                    let is_chosen = chosen == Some(id.as_str());
                    (id, is_chosen)
                })
                .collect(),
            bytes_max: STATEMENT_BYTES_MAX,
            too_large: too_large(visit.lang),
            own: own.map(|upload| (upload.file.name.clone(), href(&upload.id))),
        })
    };
    officer.answer(made.await)
}

fn too_large(lang: Lang) -> String {
    let mib = STATEMENT_BYTES_MAX >> 20;
    match lang {
        Lang::Vi => StatementError::FileTooLarge.to_string(),
        Lang::En => format!(
            "The file is larger than {mib} MiB, the limit of one import. Export the statement in shorter spans of days."
        ),
    }
}

fn href(id: &str) -> String {
    format!("/reconcile/statements/{id}")
}

/// `POST /reconcile/statements?provider=…&name=…`: the file as the body. Says where its page is.
pub(super) async fn hand_in(
    person: Person,
    visit: Visit,
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let large = || {
        let title = visit.pick("Tệp quá lớn", "The file is too large");
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            title,
            too_large(visit.lang),
        )
    };
    let stated = request.headers().get(CONTENT_LENGTH);
    let stated = stated.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|bytes| bytes > STATEMENT_BYTES_MAX) {
        return Err(large());
    }
    let provider_id = visit.asked("provider").unwrap_or_default();
    let providers = shared.store.providers(now()).await?;
    let provider = providers
        .into_iter()
        .find(|provider| provider.provider_id == provider_id);
    let provider = provider.ok_or_else(|| {
        let sentence = visit.pick("Hãy chọn nhà cung cấp.", "Choose the provider.");
        Problem::invalid("provider", sentence)
    })?;
    let place = shared.uploads.begin(&person.name, now())?;
    let (path, bytes) = body_as_file(payload, STATEMENT_BYTES_MAX)
        .await
        .map_err(|problem| match problem.status {
            413 => large(),
            _ => problem,
        })?;
    let file = HandedIn {
        provider_id: provider.provider_id,
        profile: provider.profile,
        name: file_name(visit.asked("name").unwrap_or_default()),
        bytes,
        path,
    };
    let plan = plan_of(&shared.store, &file).await.map_err(|error| {
        let (vi, en) = sentence(error);
        Problem::invalid("file", visit.pick(&vi, &en))
    })?;
    let upload = shared.uploads.keep(place, file, plan, &shared.store);
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "href": href(&upload.id) })))
}

/// The last part of a path, without what no name has.
fn file_name(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .filter(|c| !c.is_control())
        .take(NAME_CHARS_MAX)
        .collect();
    match name.trim() {
        "" => "sao-ke".to_owned(),
        name => name.to_owned(),
    }
}

fn found(officer: &Officer, id: &str, shared: &Shared) -> Result<Arc<Upload>, Fault> {
    let visit = &officer.visit;
    shared
        .uploads
        .find(id, &officer.person.name, now())
        .ok_or_else(|| {
            let sentence = visit.pick(
                "Tệp này không còn ở đây: tệp chỉ được giữ 30 phút cho người đã gửi. Sao kê đã nhập vẫn có ở trang Đối chiếu; chưa nhập thì hãy gửi lại.",
                "The file is no longer here: it is held for 30 minutes, for whoever sent it. What was taken in is listed under Reconcile; else hand it in again.",
            );
            let words = visit.pick("Nhập sao kê", "Hand in a statement").to_owned();
            Fault::from(Problem::missing(sentence)).or_go("/reconcile/statements/new".to_owned(), words)
        })
}

#[derive(Template)]
#[template(path = "statement.html")]
struct StatementPage {
    frame: Frame,
    name: String,
    about: String,
    href: String,
    turn: u32,
    /// What the file was taken for; gone once it is taken in.
    plan: Option<PlanView>,
    /// What is missing, or went wrong.
    problem: Option<String>,
    work: Option<Told>,
    tried: Option<OutcomeView>,
    known: Option<String>,
    kept: Option<OutcomeView>,
}

struct PlanView {
    facts: Vec<(&'static str, String)>,
    unfit: Option<String>,
    columns: Vec<ColumnView>,
    is_open: bool,
    /// Whether columns say what is what; formats of banks have fixed fields.
    is_table: bool,
    is_refund: bool,
    bank_bin: String,
    rows: Vec<RowView>,
}

struct ColumnView {
    text: String,
    example: String,
    /// Number, name, and whether it is the one.
    meanings: Vec<(usize, &'static str, bool)>,
    is_used: bool,
}

struct RowView {
    number: u64,
    cells: Option<CellsView>,
    /// Why it is no row, or cannot be read.
    reason: Option<&'static str>,
    fault: Option<String>,
}

struct CellsView {
    day: String,
    kind: &'static str,
    state: Option<&'static str>,
    amount: String,
    id: String,
    account: String,
    note: String,
}

struct OutcomeView {
    days: String,
    links: Vec<(String, String)>,
    /// Name, count and amount: the rows of the file, then their parts.
    rows: Vec<(&'static str, String, String)>,
    is_nothing_new: bool,
    fresh: String,
    foots: Vec<(bool, String)>,
    adds_up: bool,
    parts: Vec<(&'static str, String, String)>,
    kinds: Vec<(bool, &'static str, String, String)>,
    posted: Option<String>,
    bad: Vec<(u64, String)>,
    more_bad: Option<String>,
    rejects_href: Option<String>,
}

/// How far it is, for the page and for whoever asks again.
#[derive(Serialize)]
struct Told {
    is_over: bool,
    /// Of those named on the page, from 0.
    step: usize,
    words: String,
    done: u64,
    /// 0 where it is not known.
    all: u64,
    #[serde(skip)]
    steps: Vec<&'static str>,
}

/// `GET /reconcile/statements/{upload}`
pub(super) async fn show(officer: Officer, id: web::Path<String>, shared: web::Data<Shared>) -> HttpResponse {
    let made = async {
        let upload = found(&officer, &id, &shared)?;
        let state = upload.settled(SETTLES_WITHIN).await;
        Html::of(&page_of(&officer, &upload, &state))
    };
    officer.answer(made.await)
}

fn page_of(officer: &Officer, upload: &Upload, state: &State) -> StatementPage {
    let lang = officer.visit.lang;
    let pick = |(vi, en): &(String, String)| lang.pick(vi, en).to_owned();
    let file = &upload.file;
    let rejects_href = || format!("{}/rejects.csv", href(&upload.id));
    let outcome = |outcome| outcome_view(outcome, &file.provider_id, rejects_href(), lang);
    let mut page = StatementPage {
        frame: officer.frame(format!(
            "{} · {}",
            lang.pick("Nhập sao kê", "Statement"),
            file.name
        )),
        name: file.name.clone(),
        about: format!("{} · {}", file.provider_id, size(file.bytes, lang)),
        href: href(&upload.id),
        turn: state.turn,
        plan: None,
        problem: None,
        work: None,
        tried: None,
        known: None,
        kept: None,
    };
    match &state.stage {
        Stage::Asking => page.problem = state.plan.lacks.clone(),
        Stage::Trying(_) | Stage::Importing(_) => page.work = Some(told(&state.stage, lang)),
        Stage::Tried(tried, failed) => {
            page.problem = failed.as_ref().map(pick);
            page.tried = Some(outcome(tried));
        }
        Stage::Refused(why) => page.problem = Some(pick(why)),
        Stage::Ended(end) => match &**end {
            End::Known { by, at } => page.known = Some(known(by, &at.show(), lang)),
            End::Kept(kept) => page.kept = Some(outcome(kept)),
        },
    }
    if !matches!(state.stage, Stage::Importing(_) | Stage::Ended(_)) {
        page.plan = Some(plan_view(
            &state.plan,
            page.problem.is_some() && page.tried.is_none(),
            lang,
        ));
    }
    page
}

fn known(by: &str, at: &str, lang: Lang) -> String {
    match lang {
        Lang::Vi => format!("Chính tệp này đã được {by} nhập lúc {at}. Không có gì thay đổi."),
        Lang::En => format!("This very file was taken in by {by} on {at}. Nothing changed."),
    }
}

fn size(bytes: u64, lang: Lang) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        0..MIB => format!("{} KB", bytes.div_ceil(1024)),
        _ => {
            let tenths = bytes * 10 / MIB;
            format!("{}{}{} MB", tenths / 10, lang.pick(",", "."), tenths % 10)
        }
    }
}

fn told(stage: &Stage, lang: Lang) -> Told {
    let mut steps = vec![lang.pick("Đọc tệp", "Read"), lang.pick("So khớp", "Match")];
    let progress = match stage {
        Stage::Trying(progress) => *progress,
        Stage::Importing(progress) => {
            steps.extend([
                lang.pick("Ghi dòng", "Write"),
                lang.pick("Ghi nhận khoản thiếu", "Post what is missing"),
            ]);
            *progress
        }
        _ => None,
    };
    let count = |n: u64| words::number(lang, i64::try_from(n).unwrap_or(i64::MAX));
    let (step, words, done, all) = match progress {
        None => (
            0,
            lang.pick("Đang chờ tới lượt…", "Waiting for its turn…")
                .to_owned(),
            0,
            0,
        ),
        Some(Progress::Reading(0)) => (
            0,
            lang.pick("Đang đọc tệp…", "Reading the file…").to_owned(),
            0,
            0,
        ),
        Some(Progress::Reading(rows)) => {
            let vi = format!("Đã đọc {} dòng, đang lấy các khoản đã nhận…", count(rows));
            let en = format!("{} rows read, fetching what was received…", count(rows));
            (1, lang.pick(&vi, &en).to_owned(), 0, 0)
        }
        Some(Progress::Matching) => (1, lang.pick("Đang so khớp…", "Matching…").to_owned(), 0, 0),
        Some(Progress::Writing(done, all)) => {
            let vi = format!("Đang ghi dòng {} / {}", count(done), count(all));
            let en = format!("Writing row {} of {}", count(done), count(all));
            (2, lang.pick(&vi, &en).to_owned(), done, all)
        }
        Some(Progress::Posting(done)) => {
            let vi = format!("Đã ghi nhận {} khoản thiếu thông báo", count(done));
            let en = format!("{} missing receipts posted", count(done));
            (3, lang.pick(&vi, &en).to_owned(), 0, 0)
        }
    };
    Told {
        is_over: !stage.is_busy(),
        step,
        words,
        done,
        all,
        steps,
    }
}

/// `GET /reconcile/statements/{upload}/progress`
pub(super) async fn progress(
    person: Person,
    visit: Visit,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let upload = shared.uploads.find(&id, &person.name, now());
    let gone = || Problem::missing("Tệp này không còn ở đây. Hãy xem ở trang Đối chiếu, hoặc gửi lại.");
    let state = upload.ok_or_else(gone)?.now();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(told(&state.stage, visit.lang)))
}

fn plan_view(plan: &Plan, is_stuck: bool, lang: Lang) -> PlanView {
    let proposal = &plan.proposal;
    let way = match plan.way {
        Way::Agreed => lang.pick("Như đã thống nhất lần trước", "As agreed before"),
        Way::Proposed | Way::ProposedInstead(_) => lang.pick(
            "Máy đề xuất theo tên cột; hãy xem lại",
            "Proposed by the names of the columns; have a look",
        ),
        Way::Chosen => lang.pick("Như bạn đã chọn", "As you chose"),
    };
    let mut facts = facts_of(&proposal.file, lang);
    if proposal.mapping.source == Source::Table {
        let layout = proposal.layout.map(|layout| layout.title);
        let unknown = lang.pick(
            "chưa quen, nhận theo tên cột",
            "not known, read by the names of its columns",
        );
        facts.push((lang.pick("Mẫu", "Layout"), layout.unwrap_or(unknown).to_owned()));
        facts.push((lang.pick("Cách đọc", "Read"), way.to_owned()));
    }
    let columns = proposal.header.iter().map(|cell| ColumnView {
        text: cell.text.clone(),
        example: match cell.meaning {
            Some(Column::Account) => tail(&cell.example),
            _ => shortened(&cell.example),
        },
        is_used: cell.meaning.is_some(),
        meanings: Column::ALL
            .into_iter()
            .enumerate()
            .map(|(at, column)| (at, column_name(column, lang), cell.meaning == Some(column)))
            .collect(),
    });
    PlanView {
        facts,
        unfit: match &plan.way {
            Way::ProposedInstead(why) => Some(why.clone()),
            _ => None,
        },
        columns: columns.collect(),
        is_open: is_stuck || !matches!(plan.way, Way::Agreed),
        is_table: proposal.mapping.source == Source::Table,
        is_refund: proposal.mapping.debit_is == RowKind::Refund,
        bank_bin: proposal.mapping.bank_bin.clone(),
        rows: proposal
            .preview
            .iter()
            .map(|event| row_view(event, lang))
            .collect(),
    }
}

fn facts_of(file: &FileFacts, lang: Lang) -> Vec<(&'static str, String)> {
    let mut kind = file.kind.show().to_owned();
    if let Some(encoding) = file.encoding {
        kind.push_str(&format!(" · {}", encoding.show()));
    }
    if let Some(separator) = file.separator {
        let name = match separator {
            ',' => lang
                .pick("cách nhau bằng dấu phẩy", "separated by commas")
                .to_owned(),
            ';' => lang
                .pick("cách nhau bằng dấu chấm phẩy", "separated by semicolons")
                .to_owned(),
            '\t' => lang.pick("cách nhau bằng tab", "separated by tabs").to_owned(),
            other => format!("{} {other}", lang.pick("cách nhau bằng", "separated by")),
        };
        kind.push_str(&format!(" · {name}"));
    }
    let mut facts = vec![(lang.pick("Loại tệp", "Kind of file"), kind)];
    let sheet = file.sheet.iter().cloned();
    facts.extend(sheet.map(|sheet| (lang.pick("Trang tính", "Sheet"), sheet)));
    let header = file.header_row.into_iter();
    facts.extend(header.map(|row| {
        (
            lang.pick("Dòng tiêu đề", "Header"),
            format!("{} {row}", lang.pick("dòng", "row")),
        )
    }));
    facts
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(NOTE_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The end of what may be an account.
fn tail(text: &str) -> String {
    let count = text.chars().count();
    match count {
        0 => String::new(),
        _ => format!(
            "•••• {}",
            text.chars().skip(count.saturating_sub(4)).collect::<String>()
        ),
    }
}

fn row_view(event: &Event, lang: Lang) -> RowView {
    match event {
        Event::Row(row) => RowView {
            number: row.row_number,
            cells: Some(cells_of(row, lang)),
            reason: None,
            fault: None,
        },
        Event::Bad(row) => RowView {
            number: row.row_number,
            cells: None,
            reason: None,
            fault: Some(row.reason.clone()),
        },
        Event::Ignored(row) => RowView {
            number: row.row_number,
            cells: None,
            reason: Some(row.why.show()),
            fault: None,
        },
    }
}

fn cells_of(row: &StatementRow, lang: Lang) -> CellsView {
    let first = |texts: [&str; 3]| {
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let day = row.business_day.show();
    CellsView {
        day: match row.occurred_at {
            // The day it counts for stands first where it is another than its own.
            Some(at) if Day::of(at) == row.business_day => at.show(),
            Some(at) => format!("{day} ({})", at.show()),
            None => day,
        },
        kind: match row.kind {
            RowKind::Payment => lang.pick("Tiền vào", "Payment"),
            RowKind::Refund => lang.pick("Hoàn tiền", "Refund"),
            RowKind::Outgoing => lang.pick("Tiền ra", "Outgoing"),
            RowKind::Fee => lang.pick("Phí", "Fee"),
        },
        state: match row.status {
            RowStatus::Settled => None,
            RowStatus::Pending => Some(lang.pick("chưa xong", "pending")),
            RowStatus::Failed => Some(lang.pick("không thành công", "failed")),
        },
        amount: row.amount.show(lang),
        id: first([&row.provider_txn_id, &row.bank_ref, &row.reference]),
        account: row
            .account
            .as_ref()
            .map_or_else(|| row.terminal.clone(), ToString::to_string),
        note: shortened(&row.note),
    }
}

fn outcome_view(outcome: &Outcome, provider_id: &str, rejects_href: String, lang: Lang) -> OutcomeView {
    let totals = &outcome.totals;
    let count = |n: i64| words::number(lang, n);
    let whole = |n: u64| count(i64::try_from(n).unwrap_or(i64::MAX));
    let tally = |name, tally: &Tally| {
        let amount = Dong::new(i64::try_from(tally.amount_vnd).unwrap_or(i64::MAX));
        (name, whole(tally.count), amount.show(lang))
    };
    // A trial counts what is there already without summing it up.
    let repeated_vnd = match totals.repeated.1 {
        Dong::ZERO => String::new(),
        amount => amount.show(lang),
    };
    let all = totals.rows.0 + totals.repeated.0 + totals.ignored + totals.bad;
    let left = (totals.bad - outcome.bad.len() as i64).max(0);
    let days = &outcome.days;
    OutcomeView {
        days: totals.days.map_or(String::new(), |days| span(days)),
        links: totals.days.map_or(Vec::new(), |days| links(provider_id, days)),
        rows: vec![
            (
                lang.pick("Dòng trong tệp", "Rows of the file"),
                count(all),
                String::new(),
            ),
            (
                lang.pick("= dòng mới", "= new"),
                count(totals.rows.0),
                totals.rows.1.show(lang),
            ),
            (
                lang.pick("+ đã có trong sổ", "+ known already"),
                count(totals.repeated.0),
                repeated_vnd,
            ),
            (
                lang.pick("+ không phải giao dịch", "+ no movement (totals, titles)"),
                count(totals.ignored),
                String::new(),
            ),
            (lang.pick("+ dòng lỗi", "+ bad"), count(totals.bad), String::new()),
        ],
        is_nothing_new: totals.rows.0 == 0,
        fresh: count(totals.rows.0),
        foots: foots(outcome, lang),
        adds_up: days.adds_up(),
        parts: vec![
            tally(lang.pick("Dòng sao kê", "Rows"), &days.rows),
            tally(lang.pick("= khớp", "= matched"), &days.matched),
            tally(lang.pick("+ cần xem", "+ exceptions"), &days.exceptions),
            tally(lang.pick("+ bỏ qua", "+ ignored"), &days.ignored),
            tally(lang.pick("+ dòng lỗi", "+ bad"), &days.bad),
        ],
        kinds: days
            .by_kind
            .iter()
            .map(|(kind, of_kind)| {
                let (vi, en) = Kind::name(*kind);
                let (name, count, amount) = tally(lang.pick(vi, en), of_kind);
                (kind.bucket() == Some(Bucket::Matched), name, count, amount)
            })
            .collect(),
        posted: (outcome.posted > 0).then(|| whole(outcome.posted as u64)),
        bad: outcome.bad.clone(),
        more_bad: (left > 0).then(|| match lang {
            Lang::Vi => format!("và {} dòng lỗi nữa trong tệp tải về.", count(left)),
            Lang::En => format!("and {} more in the download.", count(left)),
        }),
        rejects_href: outcome.rejects.is_some().then_some(rejects_href),
    }
}

fn span((first, last): (Day, Day)) -> String {
    match first == last {
        true => first.show(),
        false => format!("{} – {}", first.show(), last.show()),
    }
}

/// The days of a statement on the page of comparisons, as many as it takes at once.
fn links(provider_id: &str, (first, last): (Day, Day)) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut from = first;
    while from <= last && links.len() < LINKS_SHOWN {
        let to = from.plus(DAYS_AT_ONCE - 1).min(last);
        let href = format!("/reconcile?provider={}&from={from}&to={to}", encoded(provider_id));
        links.push((href, span((from, to))));
        from = to.plus(1);
    }
    links
}

/// What the file itself says it comes to, and whether that is so.
fn foots(outcome: &Outcome, lang: Lang) -> Vec<(bool, String)> {
    let mut said = Vec::new();
    for foot in &outcome.file.totals {
        let column = column_name(foot.column, lang);
        let (row, stated, summed) = (foot.row_number, foot.stated.show(lang), foot.summed.show(lang));
        said.push(match (foot.agrees, lang) {
            (true, Lang::Vi) => (true, format!("Dòng {row}, tổng cột {column} {stated}: khớp với các dòng trên.")),
            (true, Lang::En) => (true, format!("Row {row}, total of {column} {stated}: agrees with the rows above.")),
            (false, Lang::Vi) => (
                false,
                format!("Dòng {row}, tổng cột {column} ghi {stated}, các dòng trên cộng lại được {summed}. Có thể thiếu dòng; hãy tải lại sao kê."),
            ),
            (false, Lang::En) => (
                false,
                format!("Row {row}, total of {column} says {stated}, the rows above come to {summed}. A row may be missing; fetch the statement again."),
            ),
        });
    }
    if let Some(balance) = outcome.file.balance {
        let (opening, closing) = (balance.opening.show(lang), balance.closing.show(lang));
        let (credits, debits) = (balance.credits.show(lang), balance.debits.show(lang));
        said.push(match (balance.agrees(), lang) {
            (true, Lang::Vi) => (true, format!("Số dư đầu {opening} + vào {credits} − ra {debits} = số dư cuối {closing}.")),
            (true, Lang::En) => (true, format!("Opening {opening} + in {credits} − out {debits} = closing {closing}.")),
            (false, Lang::Vi) => (
                false,
                format!("Số dư đầu {opening} + vào {credits} − ra {debits} không bằng số dư cuối {closing}. Có thể thiếu dòng; hãy tải lại sao kê."),
            ),
            (false, Lang::En) => (
                false,
                format!("Opening {opening} + in {credits} − out {debits} is not the closing balance {closing}. A row may be missing; fetch the statement again."),
            ),
        });
    }
    said
}

/// What the form of columns sends: `c0`, `c1` … with the number of a meaning, or nothing.
pub(super) type Form = web::Form<Vec<(String, String)>>;

/// `POST /reconcile/statements/{upload}/mapping`
pub(super) async fn map(
    officer: Officer,
    id: web::Path<String>,
    form: Result<Form, actix_web::Error>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let done = found(&officer, &id, &shared).and_then(|upload| {
        let form = form.map_err(|error| Problem::invalid("c0", error.to_string()))?;
        let state = upload.now();
        match mapping_of(&form, &state.plan) {
            Ok(mapping) => upload.read_as(mapping, &shared.store),
            Err((meanings, column)) => {
                let lang = officer.visit.lang;
                let name = column_name(column, lang);
                let vi = format!(
                    "Hai cột cùng được chọn là «{name}». Mỗi nghĩa chỉ dành cho một cột; hãy chọn lại."
                );
                let en = format!(
                    "Two columns were both called “{name}”. Each meaning is for one column; choose again."
                );
                upload.ask(&meanings, lang.pick(&vi, &en));
            }
        }
        Ok(())
    });
    went(&officer, &id, done)
}

fn went(officer: &Officer, id: &str, done: Result<(), Fault>) -> HttpResponse {
    match done {
        Ok(()) => answer::seen(&href(id)),
        Err(fault) => officer.answer(Err(fault)),
    }
}

/// The mapping that the form means; or what it says of each column, and the meaning that stands twice.
fn mapping_of(form: &[(String, String)], plan: &Plan) -> Result<Mapping, (Vec<Option<Column>>, Column)> {
    let said = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
    };
    let proposal = &plan.proposal;
    let meanings: Vec<Option<Column>> = (0..proposal.header.len())
        .map(|at| {
            let number: usize = said(&format!("c{at}"))?.parse().ok()?;
            Column::ALL.get(number).copied()
        })
        .collect();
    let mut mapping = Mapping {
        columns: Default::default(),
        debit_is: said("debit_is")
            .and_then(RowKind::parse)
            .unwrap_or(proposal.mapping.debit_is),
        bank_bin: said("bank_bin").unwrap_or_default().to_owned(),
        ..proposal.mapping.clone()
    };
    for (place, meaning) in meanings.iter().enumerate() {
        if let Some(column) = meaning
            && mapping.columns.insert(*column, place).is_some()
        {
            return Err((meanings.clone(), *column));
        }
    }
    Ok(mapping)
}

/// What a person agrees to.
#[derive(serde::Deserialize)]
pub(super) struct Agreed {
    turn: u32,
}

/// `POST /reconcile/statements/{upload}/import`
pub(super) async fn import(
    officer: Officer,
    id: web::Path<String>,
    agreed: Result<web::Form<Agreed>, actix_web::Error>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let done = found(&officer, &id, &shared).and_then(|upload| {
        let agreed = agreed.map_err(|error| Problem::invalid("turn", error.to_string()))?;
        upload.import(agreed.turn, &shared.store);
        Ok(())
    });
    went(&officer, &id, done)
}

/// `POST /reconcile/statements/{upload}/drop`
pub(super) async fn drop_it(
    officer: Officer,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    shared.uploads.drop_own(&id, &officer.person.name);
    answer::seen("/reconcile/statements/new")
}

/// `GET /reconcile/statements/{upload}/rejects.csv`: the rows that cannot be read, with the reason.
pub(super) async fn rejects(
    officer: Officer,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let made = async {
        let state = found(&officer, &id, &shared)?.now();
        let read = web::block(move || {
            let outcome = match &state.stage {
                Stage::Tried(outcome, _) => outcome,
                Stage::Ended(end) => match &**end {
                    End::Kept(outcome) => outcome,
                    End::Known { .. } => return None,
                },
                _ => return None,
            };
            let mut file = outcome
                .rejects
                .as_ref()?
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let mut bytes = Vec::new();
            file.rewind().ok()?;
            file.read_to_end(&mut bytes).ok().map(|_| bytes)
        });
        let none = || {
            Problem::missing(officer.visit.pick(
                "Không có dòng lỗi nào để tải về.",
                "There are no bad rows to download.",
            ))
        };
        Ok::<_, Fault>(read.await.ok().flatten().ok_or_else(none)?)
    };
    match made.await {
        Ok(bytes) => HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header((CACHE_CONTROL, "private, no-store"))
            .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"dong-loi.csv\""))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(bytes),
        Err(fault) => officer.answer(Err(fault)),
    }
}

/// What a column means, as a person chooses it.
fn column_name(column: Column, lang: Lang) -> &'static str {
    let english = match column {
        Column::RowNo => "row number",
        Column::When => "day of the payment",
        Column::Time => "time of the payment",
        Column::SettledOn => "day of settlement",
        Column::Amount => "amount",
        Column::Debit => "debit (money out)",
        Column::Credit => "credit (money in)",
        Column::Fee => "fee",
        Column::Vat => "VAT on the fee",
        Column::Discount => "discount",
        Column::Net => "net amount",
        Column::Balance => "balance",
        Column::Kind => "kind",
        Column::Status => "status",
        Column::Currency => "currency",
        Column::TransactionId => "transaction id",
        Column::Reference => "order reference",
        Column::BankRef => "bank reference",
        Column::Terminal => "point of sale",
        Column::BankBin => "bank BIN",
        Column::Account => "payee account",
        Column::Note => "note",
        Column::Batch => "settlement period",
    };
    lang.pick(column.show(), english)
}

//! Handing in a statement: the file, what it was taken for, what taking it in would do, and how that went.

use std::io::{Read, Seek};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::upload_view::{page_of, told};
use super::uploads::{End, HandedIn, Outcome, Plan, Stage, Upload, Uploads, href, plan_of, reason};
use crate::clock::now;
use crate::settlement::{archived_statements, unpacked_statement};
use crate::statement::{Column, DayOrder, FILE_BYTES_MAX, Mapping, RowKind, StatementError, WordMeaning};
use crate::vn::sentence;
use crate::web::body::body_as_file;
use crate::web::pages::answer::{self, Html};
use crate::web::pages::frame::{Fault, Frame, Visit};
use crate::web::pages::officer::Officer;
use crate::web::{Person, Problem, ProblemKind, Shared};

/// A small file is through before its page is drawn; a larger one shows how far it is.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(1200);
/// Characters of a file's name that are kept.
const NAME_CHARS_MAX: usize = 120;

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
pub(super) async fn new(
    officer: Officer,
    shared: web::Data<Shared>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    let visit = &officer.visit;
    let made = async {
        let own = uploads.own(&officer.person.name, now());
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
            bytes_max: FILE_BYTES_MAX,
            too_large: StatementError::FileTooLarge
                .sentence()
                .in_lang(visit.lang)
                .to_owned(),
            own: own.map(|upload| (upload.file.name.clone(), href(&upload.id))),
        })
    };
    officer.answer(made.await)
}

/// `POST /reconcile/statements?provider=…&name=…`: the file as the body. Says where its page is.
pub(super) async fn send(
    person: Person,
    visit: Visit,
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    uploads: web::Data<Uploads>,
) -> Result<HttpResponse, Problem> {
    let large = || {
        let detail = StatementError::FileTooLarge.sentence();
        Problem::new(ProblemKind::TooLarge, detail).titled(("Tệp quá lớn", "The file is too large"))
    };
    let stated = request.headers().get(CONTENT_LENGTH);
    let stated = stated.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(large());
    }
    let provider_id = visit.asked("provider").unwrap_or_default();
    let providers = shared.store.providers(now()).await?;
    let provider = providers
        .into_iter()
        .find(|provider| provider.provider_id == provider_id);
    let provider = provider.ok_or_else(|| {
        let sentence = ("Hãy chọn nhà cung cấp.", "Choose the provider.");
        Problem::invalid("provider", sentence)
    })?;
    let place = uploads.begin(&person.name, now())?;
    let (path, bytes) =
        body_as_file(payload, FILE_BYTES_MAX)
            .await
            .map_err(|problem| match problem.kind {
                ProblemKind::TooLarge => large(),
                _ => problem,
            })?;
    let name = file_name(visit.asked("name").unwrap_or_default());
    let (path, name) = out_of_archive(path, name).await?;
    let file = HandedIn {
        provider_id: provider.provider_id,
        profile: provider.profile,
        name,
        bytes,
        path,
    };
    let plan = plan_of(&shared.store, &file)
        .await
        .map_err(|error| Problem::invalid("file", reason(error)))?;
    let upload = uploads.keep(place, file, plan, &shared);
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "href": href(&upload.id) })))
}

/// The one statement of an archive in the archive's place; other files as they are. Several are for somebody to hand in
/// one by one, since each has its own page.
async fn out_of_archive(
    path: tempfile::TempPath,
    name: String,
) -> Result<(tempfile::TempPath, String), Problem> {
    let refused = |error| Problem::invalid("file", reason(error));
    match archived_statements(&path).await.map_err(refused)?.as_deref() {
        None | Some([]) => Ok((path, name)),
        Some([_]) => {
            let unpacked = unpacked_statement(&path, 0).await.map_err(refused)?;
            Ok((unpacked.file.into_temp_path(), unpacked.name))
        }
        Some(names) => {
            let count = names.len();
            let detail = sentence!(
                "Tệp nén có {count} tệp. Hãy giải nén rồi gửi từng tệp, hoặc chép cả tệp nén vào hộp sao kê để nhập lần lượt.",
                "The archive holds {count} files. Unpack it and hand them in one by one, or copy the archive into the inbox of statements, which takes them in turn."
            );
            Err(Problem::invalid("file", detail))
        }
    }
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

fn found(officer: &Officer, id: &str, uploads: &Uploads) -> Result<Arc<Upload>, Fault> {
    let visit = &officer.visit;
    uploads
        .find(id, &officer.person.name, now())
        .ok_or_else(|| {
            let sentence = ("Tệp này không còn ở đây: tệp chỉ được giữ 30 phút cho người đã gửi. Sao kê đã nhập vẫn có ở trang Đối chiếu; chưa nhập thì hãy gửi lại.", "The file is no longer here: it is held for 30 minutes, for whoever sent it. What was taken in is listed under Reconcile; else hand it in again.");
            let words = visit.pick("Nhập sao kê", "Hand in a statement").to_owned();
            Fault::from(Problem::missing(sentence)).or_go("/reconcile/statements/new".to_owned(), words)
        })
}

/// `GET /reconcile/statements/{upload}`
pub(super) async fn show(
    officer: Officer,
    id: web::Path<String>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    let made = async {
        let upload = found(&officer, &id, &uploads)?;
        let state = upload.settled(SETTLE_TIMEOUT).await;
        Html::of(&page_of(&officer, &upload, &state))
    };
    officer.answer(made.await)
}

/// `GET /reconcile/statements/{upload}/progress`
pub(super) async fn progress(
    person: Person,
    visit: Visit,
    id: web::Path<String>,
    uploads: web::Data<Uploads>,
) -> Result<HttpResponse, Problem> {
    let upload = uploads.find(&id, &person.name, now());
    let gone = || {
        Problem::missing((
            "Tệp này không còn ở đây. Hãy xem ở trang Đối chiếu, hoặc gửi lại.",
            "The file is no longer here. Look under Reconcile, or hand it in again.",
        ))
    };
    let state = upload.ok_or_else(gone)?.now();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(told(&state.stage, visit.lang)))
}

/// What the form of columns sends: `c0`, `c1` … with the number of a meaning, or nothing.
pub(super) type Form = web::Form<Vec<(String, String)>>;

/// `POST /reconcile/statements/{upload}/mapping`
pub(super) async fn map(
    officer: Officer,
    id: web::Path<String>,
    form: Form,
    shared: web::Data<Shared>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    let done = found(&officer, &id, &uploads).map(|upload| {
        let state = upload.now();
        match mapping_of(&form, &state.plan) {
            Ok(mapping) => upload.read_as(mapping, &shared),
            Err((meanings, column)) => {
                let vi = column.show();
                let en = column.show_en();
                let why = sentence!(
                    "Hai cột cùng được chọn là «{vi}». Mỗi nghĩa chỉ dành cho một cột; hãy chọn lại.",
                    "Two columns were both called “{en}”. Each meaning is for one column; choose again."
                );
                upload.ask(&meanings, why);
            }
        }
    });
    redirect(&officer, &id, done)
}

fn redirect(officer: &Officer, id: &str, done: Result<(), Fault>) -> HttpResponse {
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
        is_partial: said("is_partial").is_some(),
        day_order: match said("day_order") {
            None => proposal.mapping.day_order,
            Some(order) => DayOrder::parse(order),
        },
        ..proposal.mapping.clone()
    };
    take_answers(form, &mut mapping);
    for (place, meaning) in meanings.iter().enumerate() {
        if let Some(column) = meaning
            && mapping.columns.insert(*column, place).is_some()
        {
            return Err((meanings.clone(), *column));
        }
    }
    Ok(mapping)
}

/// What the form says of words: `w.PLACE.WORD` is what a word means, `silent.PLACE` that its column says nothing.
fn take_answers(form: &[(String, String)], mapping: &mut Mapping) {
    let width = mapping.header.len();
    let place = |text: &str| text.parse::<usize>().ok().filter(|place| *place < width);
    let is_shown = |at: usize| {
        let own = format!("w.{at}.");
        form.iter().any(|(name, _)| name.starts_with(&own))
    };
    // A box that is not ticked sends nothing.
    mapping.silent.retain(|at| !is_shown(*at));
    for (name, value) in form {
        if let Some(at) = name.strip_prefix("silent.").and_then(place) {
            mapping.silent.insert(at);
        }
        let word = name.strip_prefix("w.").and_then(|rest| rest.split_once('.'));
        if let Some((at, word)) = word.and_then(|(at, word)| Some((place(at)?, word))) {
            let words = mapping.words.entry(at).or_default();
            words.insert(word.to_owned(), WordMeaning::parse(value.trim()));
        }
    }
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
    agreed: web::Form<Agreed>,
    shared: web::Data<Shared>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    let done = found(&officer, &id, &uploads).map(|upload| upload.import(agreed.turn, &shared));
    redirect(&officer, &id, done)
}

/// `POST /reconcile/statements/{upload}/drop`
pub(super) async fn discard(
    officer: Officer,
    id: web::Path<String>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    uploads.drop_own(&id, &officer.person.name);
    answer::seen("/reconcile/statements/new")
}

/// `GET /reconcile/statements/{upload}/rejects.csv`: the rows that cannot be read, with the reason.
pub(super) async fn rejects(
    officer: Officer,
    id: web::Path<String>,
    uploads: web::Data<Uploads>,
) -> HttpResponse {
    let made = async {
        let state = found(&officer, &id, &uploads)?.now();
        let read = web::block(move || {
            let outcome: &Outcome = match &state.stage {
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
            Problem::missing((
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_last_part_of_its_path_for_a_name() {
        assert_eq!(file_name("C:\\Tải về\\sao kê.xlsx"), "sao kê.xlsx");
        assert_eq!(file_name("../../etc/"), "sao-ke");
        assert_eq!(file_name(&"ư".repeat(300)).chars().count(), NAME_CHARS_MAX);
    }
}

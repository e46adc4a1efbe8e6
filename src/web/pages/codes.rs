//! Handing out codes, their pictures, and the public check of a card.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, Visit, encoded};
use super::officer::Officer;
use super::printing::{card_of, concerns};
use super::question::{Question, is_sure};
use super::words;
use crate::clock::now;
use crate::print::{self, Card, Format};
use crate::register::CodeEnd;
use crate::store::{CardView, CodeEnding, Creation, Missing, NewCode, WhichCards};
use crate::vietqr::{Symbol, stall_payload};
use crate::vn::{Day, Lang, Sentence, TimeMs};
use crate::web::own_path::own_path;
use crate::web::{Person, Problem, ProblemKind, Shared};
use crate::words::account_changed;

/// Pixels of a module in a PNG: a version 5 symbol becomes 540 pixels wide, sharp on a card of 60 mm
/// at 225 dpi.
const PNG_PIXELS_PER_MODULE: u32 = 12;
/// A serial has 12 characters; what is much longer was never one.
const SERIAL_CHARS_MAX: usize = 32;

/// What the button sends: which of the stall's accounts.
#[derive(serde::Deserialize)]
pub(super) struct CodeForm {
    account_id: Option<String>,
}

/// `POST /stalls/{stall}/codes`: hands out a code, then shows the stall with its picture.
pub(super) async fn issue(
    officer: Officer,
    stall: web::Path<String>,
    form: web::Form<CodeForm>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let account_id = form.into_inner().account_id.filter(|id| !id.is_empty());
    let time = now();
    let new = NewCode {
        stall_id: stall.clone(),
        account_id,
    };
    let wait_ms = shared.account_change_wait_ms;
    let actor = officer.person.at(time);
    let issue =
        async |creation: &mut Creation| creation.issue_codes(&[new], Day::of(time), wait_ms, actor).await;
    let issued = shared.store.create(issue).await;
    let back = format!("/stalls/{}", encoded(&stall));
    match issued {
        Ok(codes) if codes.iter().any(|code| code.is_new) => {
            answer::seen(&format!("{back}?done=codes&at={}#codes", time.0))
        }
        Ok(_) => answer::seen(&format!("{back}#codes")),
        Err(error) => {
            let words = officer.visit.pick("Về trang của sạp", "Back to the stall");
            officer.answer(Err(Fault::from(error).or_go(back, words.to_owned())))
        }
    }
}

/// What a button on a stall's page sends.
#[derive(serde::Deserialize)]
pub(super) struct Act {
    /// The page to come back to.
    stall_href: String,
    /// What happens to a card: `replaced`, `swapped` or `destroyed`.
    what: Option<String>,
    /// `1` once the question was answered.
    sure: Option<String>,
}

impl Act {
    /// Only a path of this service: a form from elsewhere leads nowhere else.
    fn back(&self) -> String {
        let back = own_path(&self.stall_href).filter(|path| path.starts_with("/stalls/"));
        let back = back.unwrap_or_else(|| "/households".to_owned());
        back.split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    /// Asks first; the answer comes back with what was sent.
    fn ask(&self, officer: &Officer, question: Question) -> HttpResponse {
        let question = question
            .with("stall_href", &self.stall_href)
            .with("what", self.what.as_deref().unwrap_or_default());
        let frame = officer.frame(question.title.clone());
        officer.answer(question.page(frame))
    }
}

/// After a change the stall is shown, through a redirect, so that loading the page again changes nothing.
fn back_to_stall(officer: &Officer, act: &Act, done: Result<&str, Problem>) -> HttpResponse {
    let back = &act.back();
    match done {
        Ok(word) => answer::seen(&format!("{back}?done={word}")),
        Err(error) => {
            let words = officer.visit.pick("Về trang của sạp", "Back to the stall");
            officer.answer(Err(Fault::from(error).or_go(back.to_owned(), words.to_owned())))
        }
    }
}

/// `POST /codes/{serial}/end`: a new card for a worn one, or the end of one that was swapped or destroyed.
pub(super) async fn end(
    officer: Officer,
    serial: web::Path<String>,
    act: web::Form<Act>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if !is_sure(act.sure.as_deref())
        && let Some(question) = end_question(&officer, &serial, &act)
    {
        return act.ask(&officer, question);
    }
    let store = &shared.store;
    let actor = officer.person.at(now());
    let ending = |end: CodeEnd, reason| CodeEnding {
        end,
        reason,
        on: Day::of(actor.now),
    };
    let done = match act.what.as_deref() {
        Some("replaced") => {
            let wait_ms = shared.account_change_wait_ms;
            let replace = async |creation: &mut Creation| {
                creation
                    .replace_code(&serial, "worn or lost", wait_ms, actor)
                    .await
            };
            store.create(replace).await.map(|_| "card-replaced")
        }
        Some("swapped") => {
            let ending = ending(CodeEnd::Revoked, "pasted over");
            store
                .end_code(&serial, ending, actor)
                .await
                .map(|()| "card-revoked")
        }
        Some("destroyed") => {
            let ending = ending(CodeEnd::Destroyed, "");
            store
                .end_code(&serial, ending, actor)
                .await
                .map(|()| "card-destroyed")
        }
        _ => {
            let detail = (
                "Hãy chọn thay thẻ, thu hồi hoặc hủy.",
                "Choose to replace, revoke or destroy the card.",
            );
            return back_to_stall(&officer, &act, Err(Problem::conflict(detail)));
        }
    };
    back_to_stall(&officer, &act, done.map_err(Problem::from))
}

/// What is asked before a card ends; nothing where nobody said how.
fn end_question(officer: &Officer, serial: &str, act: &Act) -> Option<Question> {
    let visit = &officer.visit;
    let for_ever = visit.pick(
        "Không lấy lại được: muốn dùng tiếp phải phát và in thẻ mới.",
        "This cannot be taken back: to go on, a new card has to be handed out and printed.",
    );
    let (title, follows, yes) = match act.what.as_deref()? {
        "replaced" => (
            visit.pick("Phát thẻ thay cho thẻ này?", "Hand out a card in place of this one?"),
            visit.pick(
                "Thẻ cũ báo ĐÃ THAY khi ai đó kiểm tra. Thẻ mới có số khác và phải in.",
                "The old card says REPLACED to whoever checks it. The new one has another serial and has to be printed.",
            ),
            visit.pick("Phát thẻ thay", "Hand out a new card"),
        ),
        "swapped" => (
            visit.pick("Thu hồi thẻ này ngay?", "Revoke this card at once?"),
            visit.pick(
                "Ai kiểm tra thẻ sẽ thấy THẺ ĐÃ THU HỒI. Sạp không còn mã đang dùng và không được tính vào tỷ lệ phủ QR cho đến khi có thẻ mới.",
                "Whoever checks it sees REVOKED. The stall has no code in use and does not count for QR coverage until it has a new card.",
            ),
            visit.pick("Thu hồi", "Revoke"),
        ),
        "destroyed" => (
            visit.pick("Ghi là thẻ này đã hủy?", "Keep this card as destroyed?"),
            visit.pick(
                "Ai kiểm tra thẻ sẽ thấy ĐÃ HỦY. Sạp không còn mã đang dùng và không được tính vào tỷ lệ phủ QR cho đến khi có thẻ mới.",
                "Whoever checks it sees DESTROYED. The stall has no code in use and does not count for QR coverage until it has a new card.",
            ),
            visit.pick("Đã hủy thẻ", "It is destroyed"),
        ),
        _ => return None,
    };
    let about = format!(
        "{} {}",
        visit.pick("Một thẻ: số", "One card: serial"),
        words::serial(serial)
    );
    let action = format!("/codes/{}/end", encoded(serial));
    let question = Question::new(title, &[&about, follows, for_ever], yes, action, act.back());
    Some(question.danger())
}

/// What the button under a message sends.
#[derive(serde::Deserialize)]
pub(super) struct Undo {
    /// When the codes were handed out, milliseconds UTC.
    at: i64,
    /// The page to come back to.
    back: String,
}

/// Codes can be taken back so long after they were handed out.
const UNDO_MS: i64 = 24 * 3_600_000;

/// Codes that were just handed out and can be taken back.
pub(super) struct UndoView {
    pub at: i64,
    pub back: String,
    pub words: String,
}

/// What of the codes that this person handed out at the moment in the address can be taken back.
pub(super) async fn undo_view(
    officer: &Officer,
    shared: &Shared,
    back: String,
) -> Result<Option<UndoView>, Fault> {
    let visit = &officer.visit;
    let Some(at) = visit.asked("at").and_then(|at| at.parse::<i64>().ok()) else {
        return Ok(None);
    };
    if !(0..=UNDO_MS).contains(&now().0.saturating_sub(at)) {
        return Ok(None);
    }
    let count = shared
        .store
        .codes_to_undo(TimeMs(at), &officer.person.name)
        .await?;
    let n = words::number(visit.lang, count);
    let words = match visit.lang {
        Lang::Vi => format!("Chưa in thẻ nào: có thể thu lại {n} mã vừa phát, trong 24 giờ."),
        Lang::En => format!(
            "No card was printed yet: the codes just handed out ({n}) can be taken back, within 24 hours."
        ),
    };
    Ok((count > 0).then_some(UndoView { at, back, words }))
}

/// `POST /codes/undo`: takes back what this person has just handed out, as far as no card of it was printed.
pub(super) async fn undo(officer: Officer, undo: web::Form<Undo>, shared: web::Data<Shared>) -> HttpResponse {
    let back =
        own_path(&undo.back).filter(|path| path.starts_with("/stalls/") || path.starts_with("/places/"));
    let back = back.unwrap_or_else(|| "/households".to_owned());
    let back = back.split(['?', '#']).next().unwrap_or_default();
    let actor = officer.person.at(now());
    let undone = match actor.now.0 - undo.at {
        0..=UNDO_MS => shared.store.undo_codes(TimeMs(undo.at), actor).await,
        _ => Ok(0),
    };
    match undone {
        Ok(0) => {
            let sentence = (
                "Không còn mã nào thu lại được: đã in, đã kết thúc, hoặc đã quá 24 giờ. Có thể hủy từng thẻ trên trang của sạp.",
                "No code can be taken back any more: they were printed, have ended, or 24 hours have passed. Single cards can be ended on their stall's page.",
            );
            let words = officer.visit.pick("Quay lại", "Back").to_owned();
            officer.answer(Err(
                Fault::from(Problem::conflict(sentence)).or_go(back.to_owned(), words)
            ))
        }
        Ok(undone) => answer::seen(&format!("{back}?done=codes-undone&n={undone}")),
        Err(error) => officer.answer(Err(error.into())),
    }
}

/// `POST /links/{link}/approve`
pub(super) async fn approve(
    officer: Officer,
    link: web::Path<String>,
    act: web::Form<Act>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let visit = &officer.visit;
    if !is_sure(act.sure.as_deref()) {
        let lines = [
            visit.pick(
                "Bạn xác nhận đã hỏi chủ sạp và tài khoản mới là của họ. Tên bạn được ghi lại.",
                "You say that you asked the owner and that the new account is theirs. Your name is kept.",
            ),
            visit.pick(
                "Hết thời gian chờ thì phát được thẻ mới cho tài khoản này; thẻ của tài khoản cũ khi đó hết dùng.",
                "After the waiting time a card to this account can be handed out; cards to the old account then end.",
            ),
            visit.pick("Không có nút bỏ duyệt.", "There is no button that takes it back."),
        ];
        let title = visit.pick("Duyệt tài khoản này?", "Approve this account?");
        let yes = visit.pick("Duyệt tài khoản", "Approve");
        let action = format!("/links/{}/approve", encoded(&link));
        return act.ask(&officer, Question::new(title, &lines, yes, action, act.back()));
    }
    let wait_ms = shared.account_change_wait_ms;
    let done = shared
        .store
        .approve_link(&link, wait_ms, officer.person.at(now()), account_changed)
        .await;
    let done = done.map(|()| "account-approved");
    back_to_stall(&officer, &act, done.map_err(Problem::from))
}

/// `POST /owner-messages/{message}/told`
pub(super) async fn told(
    officer: Officer,
    message: web::Path<String>,
    act: web::Form<Act>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if !is_sure(act.sure.as_deref()) {
        let visit = &officer.visit;
        let lines = [visit.pick(
            "Tên bạn và lúc này được ghi là người đã báo chủ sạp; không sửa lại được.",
            "Your name and this moment are kept as those of telling the owner; they cannot be changed.",
        )];
        let title = visit.pick("Đã báo chủ sạp rồi?", "Was the owner told?");
        let yes = visit.pick("Đã báo", "Yes");
        let action = format!("/owner-messages/{}/told", encoded(&message));
        return act.ask(&officer, Question::new(title, &lines, yes, action, act.back()));
    }
    let done = shared.store.told_owner(&message, officer.person.at(now())).await;
    let done = done.map(|()| "owner-told");
    back_to_stall(&officer, &act, done.map_err(Problem::from))
}

/// `GET /codes/{serial}.svg`: as the stall's page shows it; with `?save` to take away.
pub(super) async fn svg(
    _: Person,
    visit: Visit,
    serial: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (card, symbol) = drawn(&serial, &shared).await?;
    if visit.asked("save").is_some() {
        shared.store.note_drawn(&[serial.into_inner()], now()).await?;
    }
    let label = format!("VietQR {} {}", card.stall_code, card.serial);
    Ok(picture("image/svg+xml", symbol.svg(&label).into_bytes()))
}

/// `GET /codes/{serial}.png`
pub(super) async fn png(
    _: Person,
    serial: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (_, symbol) = drawn(&serial, &shared).await?;
    shared.store.note_drawn(&[serial.into_inner()], now()).await?;
    let bytes = web::block(move || symbol.png(PNG_PIXELS_PER_MODULE))
        .await
        .map_err(|error| {
            let problem = undrawn();
            tracing::error!(%error, request_id = problem.request_id, "a picture could not be drawn");
            problem
        })?;
    Ok(picture("image/png", bytes))
}

/// A picture holds an account number: it stays between the service and whoever is signed in.
fn picture(content_type: &str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(bytes)
}

/// The symbol of a good code. The payload is written again from the register and must be the one that
/// was handed out: a picture that pays somebody else is worse than none. A card that ended is not drawn.
async fn drawn(serial: &str, shared: &Shared) -> Result<(CardView, Symbol), Problem> {
    let missing = || {
        let serial = serial.to_owned();
        Problem::from(Missing::Code { serial })
    };
    if serial.len() > SERIAL_CHARS_MAX {
        return Err(missing());
    }
    let card = shared
        .store
        .card(serial, Day::of(now()))
        .await?
        .ok_or_else(missing)?;
    if !card.is_active() {
        let detail = (
            "Mã này đã thay, thu hồi, hủy, hoặc tài khoản không còn gắn với sạp. Hãy phát mã mới cho sạp.",
            "This code was replaced, revoked or destroyed, or its account is no longer linked. Hand out a new one.",
        );
        return Err(Problem::new(ProblemKind::CodeEnded, detail));
    }
    match stall_payload(&card.bank_bin, &card.account, &card.stall_code) {
        Ok(payload) if payload.as_str() == card.payload => {
            let symbol = Symbol::of(&payload);
            Ok((card, symbol))
        }
        _ => {
            let problem = undrawn();
            tracing::error!(
                serial,
                request_id = problem.request_id,
                "a stored payload differs from its register"
            );
            Err(problem)
        }
    }
}

fn undrawn() -> Problem {
    let detail = (
        "Không vẽ mã này vì nội dung đã phát khác với sổ. Đừng dùng thẻ; hãy báo quản trị viên mã yêu cầu này.",
        "The code is not drawn: what was handed out differs from the register. Do not use the card; give the administrator this id.",
    );
    Problem::new(ProblemKind::CodeDiffers, detail)
}

/// What is asked before cards are printed of which something is missing.
pub(super) fn print_question(
    officer: &Officer,
    (cards, asked): (usize, &[Sentence]),
    action: String,
    method: &'static str,
) -> Question {
    let visit = &officer.visit;
    let lines: Vec<&str> = asked.iter().map(|line| line.in_lang(visit.lang)).collect();
    let n = words::number(visit.lang, cards as i64);
    let title = match (visit.lang, cards) {
        (Lang::Vi, _) => format!("In {n} thẻ như thế này?"),
        (Lang::En, 1) => "Print one card like this?".to_owned(),
        (Lang::En, _) => format!("Print {n} cards like this?"),
    };
    let yes = visit.pick("Vẫn in", "Print all the same");
    let question = Question::new(&title, &lines, yes, action, "/households".to_owned());
    Question { method, ..question }
}

/// `GET /codes/{serial}/{format}.{pdf|png|svg}`: a card, stand or label, to print or to send.
pub(super) async fn card(
    officer: Officer,
    path: web::Path<(String, String)>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let (serial, name) = path.into_inner();
    let is_sure = is_sure(officer.visit.asked("sure"));
    match card_file(&officer, &serial, &name, is_sure, &shared).await {
        Ok(response) => response,
        Err(fault) => officer.answer(Err(fault)),
    }
}

async fn card_file(
    officer: &Officer,
    serial: &str,
    name: &str,
    is_sure: bool,
    shared: &Shared,
) -> Result<HttpResponse, Fault> {
    let no_such = || {
        Problem::missing((
            "Không có tệp thẻ này. Hãy mở lại từ trang của sạp.",
            "There is no such file of a card. Open it from the stall's page.",
        ))
    };
    let (format, ending) = name.split_once('.').ok_or_else(no_such)?;
    let format = Format::of(format).ok_or_else(no_such)?;
    let which = WhichCards::Serials(vec![serial.to_owned()]);
    let Some(found) = shared.store.printable_cards(&which, Day::of(now())).await?.pop() else {
        let detail = (
            "Thẻ này đã thay, thu hồi, hủy, hoặc tài khoản không còn gắn với sạp. Hãy phát mã mới cho sạp.",
            "This card was replaced, revoked or destroyed, or its account is no longer linked. Hand out a new one.",
        );
        let title = ("Thẻ không còn in được", "The card can no longer be printed");
        return Err(Problem::new(ProblemKind::CodeEnded, detail).titled(title).into());
    };
    let file_name = format!("the-{}-{}.{ending}", found.stall_code, format.key());
    let host = shared.public_host.as_deref();
    let banks = shared.banks.banks();
    let asked = concerns(std::slice::from_ref(&found), &banks, host);
    if !asked.is_empty() && !is_sure {
        let page = print_question(
            officer,
            (1, asked.as_slice()),
            format!("/codes/{}/{name}", encoded(serial)),
            "get",
        );
        let back = format!("/households?q={}", encoded(&found.stall_code));
        let frame = officer.frame(page.title.clone());
        let html = Question {
            back_href: back,
            ..page
        }
        .page(frame)?;
        return Ok(answer::page(&officer.visit, html));
    }
    let card = card_of(found, &banks, host);
    let draw: fn(&Card, Format) -> Vec<u8> = match ending {
        "pdf" => print::pdf,
        "png" => print::png,
        "svg" => |card, format| print::svg(card, format).into_bytes(),
        _ => return Err(no_such().into()),
    };
    shared.store.note_drawn(&[serial.to_owned()], now()).await?;
    let content_type = match ending {
        "pdf" => "application/pdf",
        "png" => "image/png",
        _ => "image/svg+xml",
    };
    let bytes = web::block(move || draw(&card, format)).await.map_err(|error| {
        let problem = undrawn();
        tracing::error!(%error, request_id = problem.request_id, "a card could not be drawn");
        problem
    })?;
    let mut response = picture(content_type, bytes);
    let value = format!("inline; filename=\"{file_name}\"");
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    frame: Frame,
    serial: String,
    card: Option<CheckedCard>,
}

struct CheckedCard {
    is_good: bool,
    state: String,
    household_name: String,
    holder_name: String,
    tail: String,
    stall_code: String,
    issued_on: String,
}

/// What the form with a serial sends.
#[derive(serde::Deserialize)]
pub(super) struct Typed {
    serial: Option<String>,
}

/// `GET /k?serial=…`: the form without script leads to the page of that serial.
pub(super) async fn by_serial(typed: web::Query<Typed>) -> HttpResponse {
    let serial = typed.into_inner().serial.unwrap_or_default();
    let plain: String = serial
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(SERIAL_CHARS_MAX)
        .collect();
    let to = if plain.is_empty() {
        "/check".to_owned()
    } else {
        format!("/k/{}", plain.to_uppercase())
    };
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((LOCATION, to))
        .finish()
}

/// `GET /k/{serial}`: what anybody who holds the card may know. No picture, no account number.
pub(super) async fn check(
    visit: Visit,
    serial: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    match show_check(&visit, &serial, &shared).await {
        Ok(html) => answer::page(&visit, html),
        Err(fault) => answer::fault(&visit, None, fault),
    }
}

async fn show_check(visit: &Visit, serial: &str, shared: &Shared) -> Result<Html, Fault> {
    // Typed from a card: spaces, dashes and small letters are how people write it.
    let plain: String = serial
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(SERIAL_CHARS_MAX + 1)
        .collect();
    let plain = plain.to_uppercase();
    let card = match plain.len() {
        1..=SERIAL_CHARS_MAX => shared.store.card(&plain, Day::of(now())).await?,
        _ => None,
    };
    let status = if card.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    Html::with_status(
        status,
        &CheckPage {
            frame: visit.frame(visit.pick("Kiểm tra mã", "Check a code"), None),
            serial: words::serial(plain.get(..plain.len().min(SERIAL_CHARS_MAX)).unwrap_or_default()),
            card: card.map(|card| checked(card, visit)),
        },
    )
}

fn checked(card: CardView, visit: &Visit) -> CheckedCard {
    let state = match &card.ended {
        None if card.is_linked => visit
            .pick("ĐÚNG: thẻ đang dùng", "RIGHT: this card is in use")
            .to_owned(),
        None => visit
            .pick(
                "KHÔNG DÙNG: tài khoản trên thẻ không còn gắn với sạp",
                "DO NOT USE: the card's account no longer belongs to the stall",
            )
            .to_owned(),
        Some((end, day)) => format!("{} ({})", words::ending(visit.lang, *end), day.show()),
    };
    CheckedCard {
        is_good: card.is_active(),
        state,
        tail: card.account.tail().to_owned(),
        household_name: card.household_name,
        holder_name: card.holder_name,
        stall_code: card.stall_code,
        issued_on: card.issued_on.show(),
    }
}

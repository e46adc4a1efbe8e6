//! Handing out codes, their pictures, and the public check of a card.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, Officer, Visit, encoded};
use super::words;
use crate::app::now;
use crate::store::CardView;
use crate::vietqr::{Symbol, stall_payload};
use crate::vn::Day;
use crate::web::{Person, Problem, Shared};

/// Pixels of a module in a PNG: a version 5 symbol becomes 540 pixels wide, sharp on a card of 60 mm
/// at 225 dpi.
const PNG_PIXELS_PER_MODULE: u32 = 12;
/// A serial has 12 characters; what is much longer was never one.
const SERIAL_CHARS_MAX: usize = 32;

/// What the button sends: which of the stall's accounts.
#[derive(serde::Deserialize)]
pub(super) struct Wish {
    account_id: Option<String>,
}

/// `POST /stalls/{stall}/codes`: hands out a code, then shows the stall with its picture.
pub(super) async fn issue(
    officer: Officer,
    stall: web::Path<String>,
    wish: Result<web::Form<Wish>, actix_web::Error>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let account_id = wish
        .ok()
        .and_then(|form| form.into_inner().account_id)
        .filter(|id| !id.is_empty());
    let time = now();
    let wishes = [(stall.clone(), account_id)];
    let issued = shared
        .store
        .issue_codes(&wishes, Day::of(time), &officer.person.name, time)
        .await;
    let back = format!("/stalls/{}", encoded(&stall));
    match issued {
        // Seen through a redirect, so that loading the page again asks for nothing new.
        Ok(_) => HttpResponse::build(StatusCode::SEE_OTHER)
            .insert_header((LOCATION, format!("{back}#codes")))
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish(),
        Err(error) => {
            let words = officer.visit.pick("Về trang của sạp", "Back to the stall");
            officer.answer(Err(Fault::from(error).or_go(back, words.to_owned())))
        }
    }
}

/// `GET /codes/{serial}.svg`
pub(super) async fn svg(
    _: Person,
    serial: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (card, symbol) = drawn(&serial, &shared).await?;
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
    let missing = || Problem::missing(format!("Không có mã QR số {serial}."));
    if serial.len() > SERIAL_CHARS_MAX {
        return Err(missing());
    }
    let card = shared
        .store
        .card(serial, Day::of(now()))
        .await?
        .ok_or_else(missing)?;
    if !card.is_active() {
        return Err(Problem::new(
            StatusCode::GONE,
            "code-ended",
            "Mã QR đã hết hiệu lực",
            "Mã này đã thay, thu hồi, hủy, hoặc tài khoản không còn gắn với sạp. Hãy phát mã mới cho sạp.",
        ));
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
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "code-differs",
        "Mã QR không khớp sổ đăng ký",
        "Không vẽ mã này vì nội dung đã phát khác với sổ. Đừng dùng thẻ; hãy báo quản trị viên mã yêu cầu này.",
    )
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
        Some((state, day)) => format!("{} ({})", words::ending(visit.lang, state), day.show()),
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

//! The link with which an owner opens the own list: made and revoked by an officer, who cannot open it.

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, encoded};
use super::officer::Officer;
use super::question::{Question, Sure};
use crate::access::{is_secret_text, token_sha256};
use crate::clock::now;
use crate::store::{Missing, OwnerKey};
use crate::vietqr::Symbol;
use crate::vn::{Day, Lang};
use crate::web::session::fresh_secret;
use crate::web::{Problem, ProblemKind, Shared};

/// The cookie that holds a new key until its owner has scanned it. It goes to the page of this one link and nowhere else.
const COOKIE: &str = "choso_owner_link";
/// So long the page of a new link can be loaded again.
const SHOWN_MINUTES: i64 = 5;

#[derive(Template)]
#[template(path = "owner_key.html")]
struct OwnerKeyPage {
    frame: Frame,
    household: String,
    household_href: String,
    /// The link and its symbol; none once the owner has opened it or some minutes have passed.
    link: Option<Link>,
}

struct Link {
    text: String,
    /// The symbol of the link, inside the page: no other request carries the key.
    picture: String,
    /// Whether only this machine or network can open it.
    is_near: bool,
}

/// `POST /households/{household}/owner-key`: makes the owner's link, then shows it by a page of its own: loading that
/// page again makes no other one.
pub(super) async fn make(
    officer: Officer,
    household: web::Path<String>,
    sure: web::Form<Sure>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if !sure.is_sure() {
        match shared.store.owner_key(&household).await {
            // The first link takes nothing from anybody.
            Ok(None) => {}
            Ok(Some(key)) => return asked(&officer, &household, &key, true),
            Err(error) => return officer.answer(Err(error.into())),
        }
    }
    match made(&officer, &household, &shared).await {
        Ok(key) => {
            let mut response = answer::seen(&key_href(&household));
            let kept = Cookie::build(COOKIE, key)
                .path(key_href(&household))
                .http_only(true)
                .secure(officer.visit.is_tls)
                .same_site(SameSite::Strict)
                .max_age(time::Duration::minutes(SHOWN_MINUTES))
                .finish();
            // A cookie of some fifty plain characters can always be written.
            if let Err(error) = response.add_cookie(&kept) {
                tracing::error!(%error, "a cookie could not be written");
            }
            response
        }
        Err(fault) => {
            let words = officer.visit.pick("Về trang của hộ", "Back to the household");
            officer.answer(Err(fault.or_go(href_of(&household), words.to_owned())))
        }
    }
}

async fn made(officer: &Officer, household_id: &str, shared: &Shared) -> Result<String, Fault> {
    // First, so that no key is made that cannot be shown.
    origin(shared)?;
    let key = fresh_secret()?;
    shared
        .store
        .make_owner_key(household_id, &token_sha256(&key), officer.person.at(now()))
        .await?;
    tracing::info!(
        person = officer.person.name,
        household_id,
        "an owner's link was made"
    );
    Ok(key)
}

fn origin(shared: &Shared) -> Result<String, Fault> {
    shared.origin().ok_or_else(|| {
        let sentence = (
            "Chưa biết địa chỉ công khai của dịch vụ nên chưa cấp được liên kết. Nhờ quản trị viên đặt public_host rồi làm lại.",
            "The public address of the service is not known, so no link can be made. Ask the administrator to set public_host, then do it again.",
        );
        Problem::conflict(sentence).into()
    })
}

/// `GET /households/{household}/owner-key`: the link that was just made, until its owner has opened it.
pub(super) async fn show(
    officer: Officer,
    request: HttpRequest,
    household: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let key = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned());
    officer.answer(shown(&officer, &household, key, &shared).await)
}

async fn shown(
    officer: &Officer,
    household_id: &str,
    key: Option<String>,
    shared: &Shared,
) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let (household, _) = shared
        .store
        .household(household_id, Day::of(now()))
        .await?
        .ok_or(Missing::Household)?;
    let mut link = None;
    if let Some(key) = key.filter(|key| is_secret_text(key)) {
        let living = shared.store.owner_key_of(&token_sha256(&key), None).await?;
        let is_new = |living: OwnerKey| living.household_id == household_id && living.last_used_at.is_none();
        if living.is_some_and(is_new) {
            link = Some(drawn(officer, &key, shared)?);
        }
    }
    Html::of(&OwnerKeyPage {
        frame: officer.frame(visit.pick("Liên kết của chủ hộ", "The owner's link")),
        household: household.name,
        household_href: href_of(household_id),
        link,
    })
}

fn drawn(officer: &Officer, key: &str, shared: &Shared) -> Result<Link, Fault> {
    let text = format!("{}/own/{key}", origin(shared)?);
    let undrawn = || {
        let sentence = (
            "Liên kết quá dài để vẽ mã. Nhờ quản trị viên đặt public_host ngắn hơn.",
            "The link is too long for a code. Ask the administrator for a shorter public_host.",
        );
        let problem = Problem::new(ProblemKind::OwnerKey, sentence);
        tracing::error!(
            request_id = problem.request_id,
            "an owner's link could not be drawn"
        );
        problem
    };
    let symbol = Symbol::of_link(&text).ok_or_else(undrawn)?;
    let picture = symbol.svg(officer.visit.pick("Mã QR của liên kết", "QR code of the link"));
    Ok(Link {
        text,
        picture: format!("data:image/svg+xml;base64,{}", STANDARD.encode(picture)),
        is_near: shared.public_host.is_none(),
    })
}

/// `POST /households/{household}/owner-key/revoke`
pub(super) async fn revoke(
    officer: Officer,
    household: web::Path<String>,
    sure: web::Form<Sure>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if !sure.is_sure() {
        match shared.store.owner_key(&household).await {
            Ok(None) => return answer::seen(&format!("{}#owner", href_of(&household))),
            Ok(Some(key)) => return asked(&officer, &household, &key, false),
            Err(error) => return officer.answer(Err(error.into())),
        }
    }
    let actor = officer.person.at(now());
    match shared.store.revoke_owner_key(&household, actor).await {
        Ok(_) => answer::seen(&format!("{}?done=owner-link-revoked#owner", href_of(&household))),
        Err(error) => officer.answer(Err(error.into())),
    }
}

/// Which link ends, and what follows.
fn asked(officer: &Officer, household_id: &str, key: &OwnerKey, is_new_one: bool) -> HttpResponse {
    let visit = &officer.visit;
    let made = key.created_at.show();
    let used = key.last_used_at.map(|at| at.show());
    let about = match (visit.lang, used) {
        (Lang::Vi, None) => format!(
            "Một liên kết, do {} cấp lúc {made}, chưa mở lần nào.",
            key.created_by
        ),
        (Lang::Vi, Some(used)) => format!(
            "Một liên kết, do {} cấp lúc {made}, mở gần nhất {used}.",
            key.created_by
        ),
        (Lang::En, None) => format!("One link, made by {} at {made}, never opened.", key.created_by),
        (Lang::En, Some(used)) => format!(
            "One link, made by {} at {made}, last opened {used}.",
            key.created_by
        ),
    };
    let follows = visit.pick(
        "Liên kết này hết dùng ngay, cả trên điện thoại chủ hộ đang mở. Không lấy lại được.",
        "It ends at once, also on the owner's phone that has it open. It cannot be taken back.",
    );
    let then = if is_new_one {
        visit.pick(
            "Chủ hộ phải quét liên kết mới.",
            "The owner has to scan the new one.",
        )
    } else {
        visit.pick(
            "Chủ hộ không xem được cho đến khi có liên kết mới.",
            "The owner sees nothing until there is a new one.",
        )
    };
    let (title, yes) = if is_new_one {
        (
            visit.pick(
                "Cấp liên kết mới, bỏ liên kết cũ?",
                "Make a new link and end the old one?",
            ),
            visit.pick("Cấp liên kết mới", "Make a new link"),
        )
    } else {
        (
            visit.pick("Thu hồi liên kết của chủ hộ?", "Revoke the owner's link?"),
            visit.pick("Thu hồi", "Revoke"),
        )
    };
    let action = key_href(household_id) + if is_new_one { "" } else { "/revoke" };
    let question = Question::new(
        title,
        &[&about, follows, then],
        yes,
        action,
        href_of(household_id),
    );
    let frame = officer.frame(title);
    officer.answer(question.danger().page(frame))
}

fn href_of(household_id: &str) -> String {
    format!("/households/{}", encoded(household_id))
}

fn key_href(household_id: &str) -> String {
    format!("{}/owner-key", href_of(household_id))
}

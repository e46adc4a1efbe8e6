//! Signing in with a phone number and a PIN, a token, or a link that works once, and out again.

use actix_web::http::StatusCode;
use actix_web::http::header::REFERRER_POLICY;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::answer;
use super::frame::{Frame, Visit};
use crate::access::WeakPin;
use crate::web::own_path::own_path;
use crate::web::pin_session::{self, PinChosen, PinSignIn};
use crate::web::session::{self, SignedIn};

/// What a sign-in form sends: a phone number with its PIN, or a token or link.
#[derive(serde::Deserialize)]
pub(super) struct Form {
    token: Option<String>,
    phone: Option<String>,
    pin: Option<String>,
    next: Option<String>,
}

/// What the page sends on which a PIN is chosen.
#[derive(serde::Deserialize)]
pub(super) struct ChosenPin {
    /// What lets this page choose one.
    secret: String,
    pin: String,
    again: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "choose_pin.html")]
struct ChoosePinPage {
    frame: Frame,
    secret: String,
    next: String,
    complaint: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    complaint: Option<String>,
}

/// The sign-in page, with 200: a page was asked for and a page is shown.
pub(super) fn ask(visit: &Visit, next: &str, complaint: Option<&str>) -> HttpResponse {
    let view = SignInPage {
        frame: visit.frame(visit.pick("Đăng nhập", "Sign in"), None),
        next: next_path(next),
        complaint: complaint.map(str::to_owned),
    };
    match answer::Html::of(&view) {
        Ok(html) => answer::page(visit, html),
        Err(fault) => answer::fault(visit, None, fault),
    }
}

/// A path of our own to go on to after signing in; anything else is the first page.
fn next_path(wanted: &str) -> String {
    own_path(wanted).unwrap_or_else(|| "/".to_owned())
}

/// `GET /sign-in`: the form. What a one-time link holds stands behind the `#`, where a script of the page finds it. A
/// token in the question of an address signs nobody in: proxies have written it down.
pub(super) async fn page(mut visit: Visit) -> HttpResponse {
    let complaint = visit.forget("token").map(|_| {
        visit.pick(
            "Địa chỉ có mã truy cập không còn đăng nhập được, vì máy chủ trung gian ghi lại địa chỉ. Hãy dán mã vào ô dưới, hoặc xin liên kết mới bằng `choso user link`.",
            "An address with a token in it no longer signs in, since proxies write addresses down. Paste the token below, or ask for a new link by `choso user link`.",
        )
    });
    ask(&visit, visit.asked("next").unwrap_or("/"), complaint)
}

pub(super) async fn by_form(
    request: HttpRequest,
    visit: Visit,
    form: Option<web::Form<Form>>,
) -> HttpResponse {
    let Some(form) = form else {
        let complaint = visit.pick(
            "Hãy điền số điện thoại và mã PIN, hoặc dán mã truy cập vào ô.",
            "Fill in phone number and PIN, or paste the access token into the field.",
        );
        let mut page = ask(&visit, "/", Some(complaint));
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return page;
    };
    let next = form.next.as_deref().unwrap_or("/");
    if let (Some(phone), Some(pin)) = (&form.phone, &form.pin) {
        return by_pin(&request, &visit, (phone, pin), next).await;
    }
    let token = form.token.as_deref().unwrap_or_default();
    match session::sign_in(&request, secret_in(token)).await {
        Ok(SignedIn::Yes(cookie)) => with_cookie(answer::seen(&next_path(next)), &cookie),
        Ok(SignedIn::No) => {
            let complaint = visit.pick(
                "Mã truy cập không đúng hoặc đã bị thu hồi, hoặc liên kết đã dùng rồi. Hãy chép lại trọn mã, hoặc xin mã mới.",
                "The token is wrong or was revoked, or the link was used before. Copy it whole, or ask for a new one.",
            );
            ask(&visit, next, Some(complaint))
        }
        Err(problem) => answer::fault(&visit, None, problem.into()),
    }
}

async fn by_pin(
    request: &HttpRequest,
    visit: &Visit,
    (phone, pin): (&str, &str),
    next: &str,
) -> HttpResponse {
    let complaint = match pin_session::sign_in(request, phone, pin).await {
        Ok(PinSignIn::Yes(cookie)) => return with_cookie(answer::seen(&next_path(next)), &cookie),
        Ok(PinSignIn::Choose(secret)) => return ask_for_pin(visit, secret, next, None),
        Ok(PinSignIn::No) => visit.pick(
            "Số điện thoại hoặc mã PIN không đúng. Quên mã PIN thì xin người quản trị cấp mã mới.",
            "The phone number or the PIN is wrong. If you forgot the PIN, ask the administrator for a new one.",
        ),
        Ok(PinSignIn::Expired) => visit.pick(
            "Mã PIN dùng lần đầu đã hết hạn. Hãy xin người quản trị cấp mã mới.",
            "This PIN for the first use has expired. Ask the administrator for a new one.",
        ),
        Err(problem) => return answer::fault(visit, None, problem.into()),
    };
    ask(visit, next, Some(complaint))
}

/// The page on which a person chooses a PIN.
fn ask_for_pin(visit: &Visit, secret: String, next: &str, complaint: Option<&str>) -> HttpResponse {
    let view = ChoosePinPage {
        frame: visit.frame(visit.pick("Chọn mã PIN", "Choose a PIN"), None),
        secret,
        next: next_path(next),
        complaint: complaint.map(str::to_owned),
    };
    match answer::Html::of(&view) {
        Ok(html) => answer::page(visit, html),
        Err(fault) => answer::fault(visit, None, fault),
    }
}

/// `POST /sign-in/pin`: the PIN that a person chose.
pub(super) async fn choose_pin(
    request: HttpRequest,
    visit: Visit,
    form: web::Form<ChosenPin>,
) -> HttpResponse {
    let form = form.into_inner();
    let next = form.next.as_deref().unwrap_or("/");
    let complaint = match pin_session::choose(&request, &form.secret, &form.pin, &form.again).await {
        Ok(PinChosen::Yes(cookie)) => return with_cookie(answer::seen(&next_path(next)), &cookie),
        Ok(PinChosen::Over) => {
            let complaint = visit.pick(
                "Trang chọn mã PIN đã hết hạn hoặc đã dùng. Hãy đăng nhập lại bằng mã PIN đang có.",
                "This page was open for too long, or was used before. Sign in again with the PIN you have.",
            );
            return ask(&visit, next, Some(complaint));
        }
        Ok(PinChosen::Mistyped) => visit.pick(
            "Hãy nhập đúng 6 chữ số, hai lần giống nhau.",
            "Type six digits, the same twice.",
        ),
        Ok(PinChosen::Weak(WeakPin::Pattern)) => visit.pick(
            "Mã này dễ đoán (số lặp lại hoặc liền nhau). Hãy chọn mã khác.",
            "This PIN is easy to guess (digits that repeat or follow each other). Choose another.",
        ),
        Ok(PinChosen::Weak(WeakPin::OfPhone)) => visit.pick(
            "Mã này nằm trong số điện thoại. Hãy chọn mã khác.",
            "This PIN stands in the phone number. Choose another.",
        ),
        Err(problem) => return answer::fault(&visit, None, problem.into()),
    };
    ask_for_pin(&visit, form.secret, next, Some(complaint))
}

/// Where a whole link was pasted, what it holds.
fn secret_in(typed: &str) -> &str {
    let typed = typed.trim();
    let inside = typed.split_once("#once=").map_or(typed, |(_, once)| once);
    inside.split('&').next().unwrap_or(inside)
}

/// Signs out and shows the sign-in page.
pub(super) async fn out(request: HttpRequest, visit: Visit) -> HttpResponse {
    match session::sign_out(&request).await {
        Ok(cookie) => with_cookie(answer::seen("/"), &cookie),
        Err(problem) => answer::fault(&visit, None, problem.into()),
    }
}

fn with_cookie(mut response: HttpResponse, cookie: &actix_web::cookie::Cookie<'_>) -> HttpResponse {
    // A cookie of some fifty plain characters can always be written.
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be written");
    }
    let policy = actix_web::http::header::HeaderValue::from_static("same-origin");
    response.headers_mut().insert(REFERRER_POLICY, policy);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_link_counts_as_what_it_holds() {
        assert_eq!(secret_in(" choso_x "), "choso_x");
        assert_eq!(
            secret_in("https://choso.example.vn/sign-in#once=choso_once_x&next=/check"),
            "choso_once_x"
        );
    }
}

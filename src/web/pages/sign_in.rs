//! Signing in with a token, by a form or by a link, and out again.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::answer;
use super::frame::{Frame, Visit};
use crate::web::session;

/// What the sign-in form sends.
#[derive(serde::Deserialize)]
pub(super) struct Form {
    token: String,
    next: Option<String>,
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
        next: session::next_path(Some(next)).to_owned(),
        complaint: complaint.map(str::to_owned),
    };
    match answer::Html::of(&view) {
        Ok(html) => answer::page(visit, html),
        Err(fault) => answer::fault(visit, None, fault),
    }
}

/// `GET /sign-in?token=…&next=…`: the link that `choso demo` prints. Without a token, the form.
pub(super) async fn by_link(request: HttpRequest, visit: Visit) -> HttpResponse {
    let next = visit.asked("next").unwrap_or("/").to_owned();
    match visit.asked("token").map(str::to_owned) {
        Some(token) => enter(&request, &visit, &token, &next).await,
        None => ask(&visit, &next, None),
    }
}

pub(super) async fn by_form(
    request: HttpRequest,
    visit: Visit,
    form: Option<web::Form<Form>>,
) -> HttpResponse {
    let Some(form) = form else {
        let complaint = visit.pick(
            "Hãy dán mã truy cập vào ô.",
            "Paste the access token into the field.",
        );
        let mut page = ask(&visit, "/", Some(complaint));
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return page;
    };
    enter(&request, &visit, &form.token, form.next.as_deref().unwrap_or("/")).await
}

/// Sets the cookie and goes on, so that the token does not stay in the address.
async fn enter(request: &HttpRequest, visit: &Visit, token: &str, next: &str) -> HttpResponse {
    let token = token.trim();
    // A cookie holds no spaces, quotes or semicolons; neither does a token.
    let plain = !token.is_empty()
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let person = if plain {
        session::person_of(request, token).await
    } else {
        Ok(None)
    };
    match person {
        Ok(Some(person)) => {
            tracing::info!(person = person.name, "signed in");
            HttpResponse::build(StatusCode::SEE_OTHER)
                .insert_header((LOCATION, session::next_path(Some(next))))
                .insert_header((CACHE_CONTROL, "no-store"))
                .insert_header((REFERRER_POLICY, "same-origin"))
                .cookie(session::cookie(token))
                .finish()
        }
        Ok(None) => {
            let complaint = visit.pick(
                "Mã truy cập không đúng hoặc đã bị thu hồi. Hãy chép lại trọn mã, hoặc xin mã mới.",
                "This token is wrong or was revoked. Copy it whole, or ask for a new one.",
            );
            ask(visit, next, Some(complaint))
        }
        Err(problem) => answer::fault(visit, None, problem.into()),
    }
}

/// Signs out and shows the sign-in page.
pub(super) async fn out() -> HttpResponse {
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((LOCATION, "/"))
        .cookie(session::no_cookie())
        .finish()
}

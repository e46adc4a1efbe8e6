//! Signing in with a token or a link that works once, and out again.

use actix_web::http::StatusCode;
use actix_web::http::header::REFERRER_POLICY;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::answer;
use super::frame::{Frame, Visit};
use crate::web::own_path::own_path;
use crate::web::session::{self, SignedIn};

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
            "Hãy dán mã truy cập vào ô.",
            "Paste the access token into the field.",
        );
        let mut page = ask(&visit, "/", Some(complaint));
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return page;
    };
    let next = form.next.as_deref().unwrap_or("/");
    match session::sign_in(&request, secret_in(&form.token)).await {
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

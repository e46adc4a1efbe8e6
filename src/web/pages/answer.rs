//! How a page leaves the house: its headers, and pages that say what went wrong.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;

use super::frame::{Fault, Frame, LANG_COOKIE, Visit, lang_word};
use crate::web::{Person, Problem, ProblemKind};

/// Everything from this service, nothing written inside a page, no frame around it.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// A drawn page and its status.
#[derive(Debug)]
pub(super) struct Html {
    status: StatusCode,
    text: String,
}

impl Html {
    /// A page that shows what was asked for.
    pub fn of(page: &impl Template) -> Result<Html, Fault> {
        Html::with_status(StatusCode::OK, page)
    }

    /// A page with another status.
    pub fn with_status(status: StatusCode, page: &impl Template) -> Result<Html, Fault> {
        Ok(Html {
            status,
            text: page.render()?,
        })
    }
}

/// A page with all its headers. Pages hold names and accounts: no copy is kept, so that after signing
/// out the back button of a shared computer shows nothing.
pub(super) fn page(visit: &Visit, html: Html) -> HttpResponse {
    let mut response = builder(visit, html.status);
    response.body(html.text)
}

/// What a change leads to: seen through a redirect, so that loading the page again changes nothing.
pub(super) fn seen(href: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((LOCATION, href))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// A builder with the headers of every page.
pub(super) fn builder(visit: &Visit, status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((CACHE_CONTROL, "no-store"));
    if visit.lang_was_chosen {
        let cookie = Cookie::build(LANG_COOKIE, lang_word(visit.lang))
            .path("/")
            .secure(visit.is_tls)
            .same_site(SameSite::Lax)
            .max_age(Duration::days(365))
            .finish();
        response.cookie(cookie);
    }
    response
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    frame: Frame,
    title: String,
    sentence: String,
    request_id: Option<String>,
    way_on: Option<(String, String)>,
}

/// A page that says what went wrong and what to do.
pub(super) fn fault(visit: &Visit, person: Option<&Person>, fault: Fault) -> HttpResponse {
    let Fault { problem, way_on } = fault;
    let status = problem.status_code();
    let (title, sentence) = words(visit, &problem);
    let view = FaultPage {
        frame: visit.frame(title.clone(), person),
        title,
        sentence,
        // An id helps whoever reads the log; for a wrong address or date there is nothing to look up.
        request_id: (status.is_server_error()).then(|| problem.request_id.clone()),
        way_on,
    };
    let mut response = builder(visit, status);
    if let Some(seconds) = problem.retry_after_s {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    match view.render() {
        Ok(text) => response.body(text),
        Err(_) => problem.error_response(),
    }
}

/// The common ones are said more gently on a page than to a program.
fn words(visit: &Visit, problem: &Problem) -> (String, String) {
    let title = match problem.kind {
        ProblemKind::Conflict => visit.pick("Chưa làm được", "Not done"),
        _ => problem.title.in_lang(visit.lang),
    };
    let sentence = match problem.kind {
        ProblemKind::Database => visit.pick(
            "Trang chưa đọc được số liệu. Hãy tải lại sau vài giây; nếu vẫn lỗi, báo quản trị viên mã bên dưới.",
            "The figures could not be read. Load the page again in a few seconds; if it still fails, give the administrator the id below.",
        ),
        _ => problem.detail.in_lang(visit.lang),
    };
    (title.to_owned(), sentence.to_owned())
}

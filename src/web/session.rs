//! Who is asking: a bearer token, or the cookie got with one.

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HOST, ORIGIN};
use actix_web::{FromRequest, HttpRequest, web};

use super::{Problem, ProblemKind, Shared};
use crate::access::token_sha256;
use crate::store::Actor;
use crate::vn::TimeMs;

/// The cookie that holds a token.
const COOKIE: &str = "choso_token";

/// A person who signed in. A handler that takes one cannot be reached without a living token.
#[derive(Debug, Clone)]
pub struct Person {
    /// The name that is recorded with every change.
    pub name: String,
}

impl Person {
    /// This person doing something at this time.
    pub fn at(&self, now: TimeMs) -> Actor<'_> {
        Actor { by: &self.name, now }
    }
}

impl FromRequest for Person {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Person, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let problem = |vi, en| Problem::new(ProblemKind::SignIn, (vi, en));
            let token = presented(&request)?.ok_or_else(|| {
                problem(
                    "Hãy gửi Authorization: Bearer <mã truy cập>. Quản trị viên tạo mã bằng `choso user add TÊN`.",
                    "Send Authorization: Bearer <token>. The administrator makes one by `choso user add NAME`.",
                )
            })?;
            match person_of(&request, &token).await? {
                Some(person) => Ok(person),
                None => Err(problem(
                    "Mã truy cập không đúng hoặc đã bị thu hồi. Hãy xin mã mới bằng `choso user add TÊN --replace`.",
                    "This token is wrong or was revoked. Ask for a new one by `choso user add NAME --replace`.",
                )),
            }
        })
    }
}

/// Whose living token this is.
pub async fn person_of(request: &HttpRequest, token: &str) -> Result<Option<Person>, Problem> {
    // routes() puts it there for every handler.
    let shared = request
        .app_data::<web::Data<Shared>>()
        .expect("handlers share their state");
    let name = shared.store.token_name(&token_sha256(token)).await?;
    Ok(name.map(|name| Person { name }))
}

/// The token in the header, else in the cookie. A cookie travels by itself, so a change asked for with
/// one must come from our own pages.
fn presented(request: &HttpRequest) -> Result<Option<String>, Problem> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(|h| h.strip_prefix("Bearer "));
        return Ok(token.map(|t| t.trim().to_owned()));
    }
    let Some(cookie) = request.cookie(COOKIE) else {
        return Ok(None);
    };
    if !request.method().is_safe() && !is_own_page(request) {
        let detail = (
            "Thay đổi này không đến từ trang của choso. Hãy mở trang choso và làm lại.",
            "This change does not come from a page of choso. Open choso and do it again.",
        );
        return Err(Problem::new(ProblemKind::ForeignPage, detail));
    }
    Ok(Some(cookie.value().to_owned()))
}

/// Browsers send Origin with every change; it must be the host that was asked.
fn is_own_page(request: &HttpRequest) -> bool {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|v: &actix_web::http::header::HeaderValue| v.to_str().ok())
    };
    match (text(ORIGIN), text(HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, rest)| rest == host),
        _ => false,
    }
}

/// The cookie that keeps a person signed in for thirty days. Scripts cannot read it.
pub fn cookie(token: &str) -> Cookie<'static> {
    Cookie::build(COOKIE, token.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(30))
        .finish()
}

/// The cookie that signs a person out.
pub fn no_cookie() -> Cookie<'static> {
    Cookie::build(COOKIE, "")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::ZERO)
        .finish()
}

/// A path of our own to go on to after signing in; anything else is the first page.
pub fn next_path(wanted: Option<&str>) -> &str {
    wanted
        .filter(|p| p.starts_with('/') && !p.starts_with("//") && !p.contains(['\\', '\r', '\n']))
        .unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_our_own_pages() {
        assert_eq!(
            next_path(Some("/areas/492?as_of=2024-06-15")),
            "/areas/492?as_of=2024-06-15"
        );
        for foreign in ["https://example.org", "//example.org", "/\\example.org", "x"] {
            assert_eq!(next_path(Some(foreign)), "/");
        }
        assert_eq!(next_path(None), "/");
    }
}

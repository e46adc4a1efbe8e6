//! Who is asking: a bearer token, or a session that was begun with one. The cookie holds the session, never the token.

use std::future::Future;
use std::pin::Pin;
use std::sync::PoisonError;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, USER_AGENT};
use actix_web::{FromRequest, HttpRequest, web};

use super::peer::Peer;
use super::{Problem, ProblemKind, Shared};
use crate::access::{Holder, Scope, Way, device_of, is_secret_text, token_sha256, token_text};
use crate::clock::now;
use crate::store::{Actor, NewSession, session_id};
use crate::vn::{TimeMs, sentence};

/// The cookie that holds a session.
const COOKIE: &str = "choso_session";
/// A session ends by itself after so many days, and sooner where nobody uses it.
const SESSION_DAYS: i64 = 30;

/// A person who signed in. A handler that takes one cannot be reached without a person's token or session; a
/// program's token is refused.
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
            match caller(&request).await? {
                Holder::Person { name } => Ok(Person { name }),
                Holder::Program { name, may } => {
                    let words: Vec<&str> = may.iter().map(|scope| scope.as_str()).collect();
                    let words = words.join(", ");
                    Err(Problem::new(
                        ProblemKind::NotPermitted,
                        sentence!(
                            "Mã truy cập của chương trình «{name}» chỉ dùng cho: {words}. Hãy dùng mã của một người (`choso user add TÊN`).",
                            "The token of the program «{name}» is good for {words} only. Use a person's token (`choso user add NAME`)."
                        ),
                    ))
                }
            }
        })
    }
}

/// Whoever shows a living token or session: a person or a program.
#[derive(Debug, Clone)]
pub struct Caller(Holder);

impl Caller {
    pub fn may_hear_receipts(&self) -> bool {
        matches!(&self.0, Holder::Program { may, .. } if may.contains(&Scope::Receipts))
    }

    /// Whether it is the person of this name.
    pub fn is_person(&self, wanted: &str) -> bool {
        matches!(&self.0, Holder::Person { name } if name == wanted)
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Caller, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await.map(Caller) })
    }
}

/// A program whose token was made to hear single receipts. No officer's token and no session is one: a ward does not
/// see what a household earns.
#[derive(Debug, Clone)]
pub struct ReceiptsProgram;

impl FromRequest for ReceiptsProgram {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<ReceiptsProgram, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = Caller(caller(&request).await?);
            if caller.may_hear_receipts() {
                return Ok(ReceiptsProgram);
            }
            let detail = (
                "Từng khoản tiền của hộ chỉ dành cho chương trình có mã riêng, ví dụ loa báo tiền ở sạp. Quản trị viên tạo mã bằng `choso token add TÊN --may receipts`.",
                "Single receipts of households are for programs with a token made for that, such as the speaker at a stall. The administrator makes one by `choso token add NAME --may receipts`.",
            );
            Err(Problem::new(ProblemKind::NotPermitted, detail))
        })
    }
}

/// What a request shows of whoever sends it.
enum Shown {
    Token(String),
    Session(String),
}

/// Whose token or session a request shows.
async fn caller(request: &HttpRequest) -> Result<Holder, Problem> {
    let problem = |vi, en| Problem::new(ProblemKind::SignIn, (vi, en));
    let shared = shared_of(request);
    match shown(request)? {
        None => Err(problem(
            "Hãy gửi Authorization: Bearer <mã truy cập>. Quản trị viên tạo mã bằng `choso user add TÊN`.",
            "Send Authorization: Bearer <token>. The administrator makes one by `choso user add NAME`.",
        )),
        Some(Shown::Session(session)) => {
            let sha256 = token_sha256(&session);
            let living = shared.store.session_person(&sha256, now()).await?;
            let living = living.ok_or_else(|| {
                problem(
                    "Phiên đăng nhập đã hết. Hãy đăng nhập lại.",
                    "This session has ended. Sign in again.",
                )
            })?;
            // Whoever may read goes on reading where nothing can be written.
            if living.is_to_note
                && let Err(error) = shared.store.note_session_use(&sha256, now()).await
            {
                tracing::warn!(%error, "the use of a session was not noted");
            }
            Ok(Holder::Person { name: living.person })
        }
        Some(Shown::Token(token)) => {
            if let Some(holder) = shared.store.token_holder(&token_sha256(&token)).await? {
                return Ok(holder);
            }
            // A good token is never refused because of the bad ones of others at the same address.
            let wait_s = attempt_failed(request, Way::Token);
            if wait_s > 0 {
                return Err(too_many(wait_s));
            }
            Err(problem(
                "Mã truy cập không đúng hoặc đã bị thu hồi. Hãy xin mã mới bằng `choso user add TÊN --replace`.",
                "This token is wrong or was revoked. Ask for a new one by `choso user add NAME --replace`.",
            ))
        }
    }
}

pub(super) fn shared_of(request: &HttpRequest) -> &web::Data<Shared> {
    // routes() puts it there for every handler.
    request
        .app_data::<web::Data<Shared>>()
        .expect("handlers share their state")
}

/// The token in the header, else the session in the cookie. A cookie travels by itself, so a change asked for with
/// one must come from our own pages.
fn shown(request: &HttpRequest) -> Result<Option<Shown>, Problem> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(|h| h.strip_prefix("Bearer "));
        return Ok(token.map(|t| Shown::Token(t.trim().to_owned())));
    }
    let Some(cookie) = request.cookie(COOKIE) else {
        return Ok(None);
    };
    if !request.method().is_safe() {
        refuse_foreign_page(request, true)?;
    }
    Ok(Some(Shown::Session(cookie.value().to_owned())))
}

/// Browsers send Origin with every change; it must be ours. Programs that sign in by themselves send none.
fn refuse_foreign_page(request: &HttpRequest, is_needed: bool) -> Result<(), Problem> {
    let text = |name: HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(origin) = text(ORIGIN) else {
        return if is_needed { Err(foreign_page()) } else { Ok(()) };
    };
    let Some((scheme, host)) = origin.split_once("://") else {
        return Err(foreign_page());
    };
    // A proxy may ask us under another name than the one that the browser asked.
    let public_host = shared_of(request).public_host.as_deref();
    let is_own = Some(host) == text(HOST) || Some(host) == public_host;
    if is_own && (scheme == "https" || !Peer::of(request).is_tls) {
        Ok(())
    } else {
        Err(foreign_page())
    }
}

fn foreign_page() -> Problem {
    let detail = (
        "Thay đổi này không đến từ trang của choso. Hãy mở trang choso và làm lại.",
        "This change does not come from a page of choso. Open choso and do it again.",
    );
    Problem::new(ProblemKind::ForeignPage, detail)
}

/// A session that begins now ends then.
pub(super) fn session_end() -> TimeMs {
    TimeMs(now().0 + SESSION_DAYS * 86_400_000)
}

/// Whoever comes from another page, or failed often at this address and has not waited, may not try to sign in.
pub(super) fn refuse_hasty(request: &HttpRequest) -> Result<(), Problem> {
    refuse_foreign_page(request, false)?;
    let shared = shared_of(request);
    let wait_ms = attempts(shared).wait_ms((Way::Form, Peer::of(request).number()), now());
    if wait_ms > 0 {
        shared.metrics.sign_in("slowed");
        return Err(too_many(seconds(wait_ms)));
    }
    Ok(())
}

/// What came of somebody's wish to sign in.
pub enum SignedIn {
    /// The cookie holds the session.
    Yes(Cookie<'static>),
    /// The token or link is wrong, used, or was revoked.
    No,
}

/// Begins a session for a person's token, or for what a one-time link holds. Whoever failed often at this address
/// waits first.
pub async fn sign_in(request: &HttpRequest, secret: &str) -> Result<SignedIn, Problem> {
    let shared = shared_of(request);
    refuse_hasty(request)?;
    let secret = secret.trim();
    let mut name = None;
    let session = fresh_secret()?;
    if is_secret_text(secret) {
        let new = NewSession {
            session_sha256: &token_sha256(&session),
            device: &device(request),
            expires_at: session_end(),
        };
        name = shared.store.sign_in(&token_sha256(secret), new, now()).await?;
    }
    let Some(name) = name else {
        attempt_failed(request, Way::Form);
        return Ok(SignedIn::No);
    };
    Ok(SignedIn::Yes(signed_in(request, &name, session).await?))
}

/// The cookie of a session that has just begun.
pub(super) async fn signed_in(
    request: &HttpRequest,
    name: &str,
    session: String,
) -> Result<Cookie<'static>, Problem> {
    let shared = shared_of(request);
    let peer = Peer::of(request);
    attempts(shared).succeeded((Way::Form, peer.number()));
    shared.metrics.sign_in("ok");
    tracing::info!(person = name, "signed in");
    // Whoever signs in again on this device leaves no session behind.
    end_session(request).await?;
    Ok(cookie(session, Duration::days(SESSION_DAYS), peer.is_tls))
}

/// Browser and system of a request, as the list of sessions names them.
pub(super) fn device(request: &HttpRequest) -> String {
    let agent = request.headers().get(USER_AGENT);
    device_of(agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default())
}

/// The name of the session of a request among those of its person; none for a token.
pub fn own_session_id(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(COOKIE)?;
    Some(session_id(&token_sha256(cookie.value())).to_owned())
}

/// Ends the session of a request, where it has one, and gives back the cookie that forgets it.
pub async fn sign_out(request: &HttpRequest) -> Result<Cookie<'static>, Problem> {
    refuse_foreign_page(request, false)?;
    end_session(request).await?;
    Ok(cookie(String::new(), Duration::ZERO, Peer::of(request).is_tls))
}

async fn end_session(request: &HttpRequest) -> Result<(), Problem> {
    let session = request
        .cookie(COOKIE)
        .filter(|cookie| is_secret_text(cookie.value()));
    if let Some(session) = session {
        let sha256 = token_sha256(session.value());
        shared_of(request).store.end_session(&sha256).await?;
    }
    Ok(())
}

/// A secret of 256 bits from the system.
pub fn fresh_secret() -> Result<String, Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        let detail = (
            "Máy chủ chưa tạo được khóa ngẫu nhiên. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
            "The server gave no random key. Try again; if it still fails, give the administrator this id.",
        );
        let problem = Problem::new(ProblemKind::OwnerKey, detail);
        tracing::error!(%error, request_id = problem.request_id, "the system gives no random bytes");
        problem
    })?;
    Ok(token_text(random))
}

fn attempts(shared: &Shared) -> std::sync::MutexGuard<'_, crate::access::FailedSignIns> {
    shared
        .failed_sign_ins
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Counts a wrong token, link or key of this address; how many seconds the next one has to wait.
pub fn attempt_failed(request: &HttpRequest, way: Way) -> u32 {
    let shared = shared_of(request);
    let peer = Peer::of(request);
    let (count, wait_ms) = {
        let mut failed = attempts(shared);
        let from = (way, peer.number());
        (failed.failed(from, now()), failed.wait_ms(from, now()))
    };
    shared.metrics.sign_in("failed");
    // One line for each doubling: who tries a million secrets writes twenty.
    if count.is_power_of_two() {
        let address = peer
            .address
            .map(|address| address.to_string())
            .unwrap_or_default();
        tracing::warn!(address, count, way = way.as_str(), "a sign-in failed");
    }
    seconds(wait_ms)
}

pub(super) fn seconds(ms: i64) -> u32 {
    u32::try_from((ms + 999) / 1_000).unwrap_or(u32::MAX)
}

/// Whoever failed often waits.
pub fn too_many(wait_s: u32) -> Problem {
    let detail = sentence!(
        "Đã thử sai nhiều lần. Hãy chờ {wait_s} giây rồi thử lại.",
        "Too many wrong attempts. Wait {wait_s} seconds, then try again."
    );
    Problem::new(ProblemKind::TooManyAttempts, detail).retry_after(wait_s)
}

/// Scripts cannot read it; behind TLS it never travels in clear.
fn cookie(session: String, age: Duration, is_tls: bool) -> Cookie<'static> {
    Cookie::build(COOKIE, session)
        .path("/")
        .http_only(true)
        .secure(is_tls)
        .same_site(SameSite::Lax)
        .max_age(age)
        .finish()
}

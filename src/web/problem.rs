//! Errors over HTTP: what kind of problem it is, and what is wrong in both languages until it is known who reads it.
//!
//! The API answers problem documents (RFC 9457) in Vietnamese. A page, and what the scripts of a page ask for, is in
//! the visitor's language; `pages::answer` sees to that.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{PathError, QueryPayloadError, UrlencodedError};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

use crate::clock::now;
use crate::intake::KeyringError;
use crate::store::{Conflict, Missing, StoreError, fresh_id};
use crate::vn::{Lang, Sentence, sentence};
use crate::words;

/// Characters of a field's name that are shown: it comes from whoever asks.
const NAME_CHARS_SHOWN: usize = 40;

/// What kind of problem it is. Outsiders rely on slug and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    BillEnded,
    Boundaries,
    BrokenBody,
    Busy,
    CodeDiffers,
    CodeEnded,
    Conflict,
    Counts,
    Database,
    File,
    ForeignPage,
    Invalid,
    Malformed,
    Method,
    NoCode,
    NoSpace,
    NoUsableKey,
    NotFound,
    NotPermitted,
    NotReady,
    OwnerKey,
    Page,
    SealedKeys,
    SignIn,
    SlowBody,
    Stopping,
    TooLarge,
    TooManyAttempts,
}

impl ProblemKind {
    pub const ALL: [ProblemKind; 28] = [
        ProblemKind::BillEnded,
        ProblemKind::Boundaries,
        ProblemKind::BrokenBody,
        ProblemKind::Busy,
        ProblemKind::CodeDiffers,
        ProblemKind::CodeEnded,
        ProblemKind::Conflict,
        ProblemKind::Counts,
        ProblemKind::Database,
        ProblemKind::File,
        ProblemKind::ForeignPage,
        ProblemKind::Invalid,
        ProblemKind::Malformed,
        ProblemKind::Method,
        ProblemKind::NoCode,
        ProblemKind::NoSpace,
        ProblemKind::NoUsableKey,
        ProblemKind::NotFound,
        ProblemKind::NotPermitted,
        ProblemKind::NotReady,
        ProblemKind::OwnerKey,
        ProblemKind::Page,
        ProblemKind::SealedKeys,
        ProblemKind::SignIn,
        ProblemKind::SlowBody,
        ProblemKind::Stopping,
        ProblemKind::TooLarge,
        ProblemKind::TooManyAttempts,
    ];

    /// HTTP status, slug, and what happened in a few words of each language.
    const fn facts(self) -> (StatusCode, &'static str, (&'static str, &'static str)) {
        use StatusCode as S;
        match self {
            ProblemKind::BillEnded => (
                S::GONE,
                "bill-ended",
                ("Mã không còn dùng", "The code is no longer used"),
            ),
            ProblemKind::Boundaries => (
                S::UNPROCESSABLE_ENTITY,
                "boundaries",
                ("Đơn vị không có vào ngày này", "No such unit on that day"),
            ),
            ProblemKind::BrokenBody => (
                S::BAD_REQUEST,
                "broken-body",
                ("Nội dung không trọn vẹn", "The content is not whole"),
            ),
            ProblemKind::Busy => (S::SERVICE_UNAVAILABLE, "busy", ("Đang bận", "Busy")),
            ProblemKind::CodeDiffers => (
                S::INTERNAL_SERVER_ERROR,
                "code-differs",
                (
                    "Mã QR không khớp sổ đăng ký",
                    "The QR code differs from the register",
                ),
            ),
            ProblemKind::CodeEnded => (
                S::GONE,
                "code-ended",
                ("Mã QR đã hết hiệu lực", "The QR code is no longer good"),
            ),
            ProblemKind::Conflict => (
                S::CONFLICT,
                "conflict",
                ("Trùng hoặc mâu thuẫn dữ liệu", "It contradicts what is there"),
            ),
            ProblemKind::Counts => (
                S::INTERNAL_SERVER_ERROR,
                "counts",
                ("Số liệu mâu thuẫn", "Figures contradict each other"),
            ),
            ProblemKind::Database => (
                S::SERVICE_UNAVAILABLE,
                "database",
                ("Cơ sở dữ liệu đang bận", "The database is busy"),
            ),
            ProblemKind::File => (S::INTERNAL_SERVER_ERROR, "file", ("Tệp bị lỗi", "No file")),
            ProblemKind::ForeignPage => (
                S::FORBIDDEN,
                "foreign-page",
                ("Yêu cầu từ trang khác", "Asked for by another page"),
            ),
            ProblemKind::Invalid => (
                S::UNPROCESSABLE_ENTITY,
                "invalid",
                ("Dữ liệu chưa đúng", "Not understood"),
            ),
            ProblemKind::Malformed => (
                S::BAD_REQUEST,
                "malformed",
                ("Không đọc được nội dung", "The content cannot be read"),
            ),
            ProblemKind::Method => (
                S::METHOD_NOT_ALLOWED,
                "method",
                ("Sai phương thức", "The wrong method"),
            ),
            ProblemKind::NoCode => (
                S::UNPROCESSABLE_ENTITY,
                "no-code",
                ("Chưa đọc được mã", "No code was read"),
            ),
            ProblemKind::NoSpace => (
                S::SERVICE_UNAVAILABLE,
                "no-space",
                ("Chưa ghi được tệp", "The file could not be written"),
            ),
            ProblemKind::NoUsableKey => (
                S::SERVICE_UNAVAILABLE,
                "no-usable-key",
                (
                    "Nhà cung cấp chưa có khóa dùng được",
                    "The provider has no key that can be used",
                ),
            ),
            ProblemKind::NotFound => (S::NOT_FOUND, "not-found", ("Không tìm thấy", "Not found")),
            ProblemKind::NotPermitted => (
                S::FORBIDDEN,
                "not-permitted",
                ("Mã truy cập không dùng cho việc này", "The token is not for this"),
            ),
            ProblemKind::NotReady => (
                S::SERVICE_UNAVAILABLE,
                "not-ready",
                ("Dịch vụ chưa sẵn sàng", "The service is not ready"),
            ),
            ProblemKind::OwnerKey => (
                S::INTERNAL_SERVER_ERROR,
                "owner-key",
                ("Chưa làm được", "Not done"),
            ),
            ProblemKind::Page => (
                S::INTERNAL_SERVER_ERROR,
                "page",
                ("Trang bị lỗi", "The page failed"),
            ),
            ProblemKind::SealedKeys => (
                S::SERVICE_UNAVAILABLE,
                "sealed-keys",
                (
                    "Chưa mở được khóa của nhà cung cấp",
                    "The provider's keys cannot be opened",
                ),
            ),
            ProblemKind::SignIn => (S::UNAUTHORIZED, "sign-in", ("Cần đăng nhập", "Sign in first")),
            ProblemKind::SlowBody => (
                S::REQUEST_TIMEOUT,
                "slow-body",
                ("Gửi quá chậm", "It came too slowly"),
            ),
            ProblemKind::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", ("Đang dừng", "Stopping")),
            ProblemKind::TooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "too-large",
                ("Nội dung quá lớn", "The content is too large"),
            ),
            ProblemKind::TooManyAttempts => (
                S::TOO_MANY_REQUESTS,
                "too-many-attempts",
                ("Thử sai quá nhiều lần", "Too many wrong attempts"),
            ),
        }
    }

    pub const fn status(self) -> StatusCode {
        self.facts().0
    }

    /// The last part of the stable name, `urn:choso:problem:…`.
    pub const fn slug(self) -> &'static str {
        self.facts().1
    }

    /// What happened, in a few words.
    pub fn title(self) -> Sentence {
        self.facts().2.into()
    }
}

/// An error of a request. What is wrong stands here in both languages until it is answered.
#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: ProblemKind,
    pub title: Sentence,
    /// What is wrong, where, and what to do.
    pub detail: Sentence,
    /// The member or header at fault, where there is one.
    pub field: Option<String>,
    /// Look for this id in the log.
    pub request_id: String,
    /// Seconds after which trying again makes sense.
    pub retry_after_s: Option<u32>,
    /// The language of the document.
    pub lang: Lang,
}

/// An error as RFC 9457 says it: a stable type, a Vietnamese sentence with the next step, and the id
/// under which the log holds the cause.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Document {
    /// Stable name: `urn:choso:problem:…`
    #[serde(rename = "type")]
    kind: String,
    /// What happened, in a few Vietnamese words.
    title: String,
    /// HTTP status.
    status: u16,
    /// What is wrong, where, and what to do.
    detail: String,
    /// The member or header at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Look for this id in the log.
    request_id: String,
    /// Seconds after which trying again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Document::schema()
    }
}

impl utoipa::ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        "Problem".into()
    }
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: ProblemKind, detail: impl Into<Sentence>) -> Problem {
        Problem {
            kind,
            title: kind.title(),
            detail: detail.into(),
            field: None,
            request_id: fresh_id(now()),
            retry_after_s: None,
            lang: Lang::Vi,
        }
    }

    /// Says what happened in other words than those of its kind.
    pub fn titled(mut self, title: impl Into<Sentence>) -> Problem {
        self.title = title.into();
        self
    }

    /// Names the member or header at fault.
    pub fn at(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// Asks to try again after some seconds.
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The request's own content is no good (422).
    pub fn invalid(field: impl Into<String>, detail: impl Into<Sentence>) -> Problem {
        Problem::new(ProblemKind::Invalid, detail).at(field)
    }

    /// There is no such thing (404).
    pub fn missing(detail: impl Into<Sentence>) -> Problem {
        Problem::new(ProblemKind::NotFound, detail)
    }

    /// It contradicts what is there (409).
    pub fn conflict(detail: impl Into<Sentence>) -> Problem {
        Problem::new(ProblemKind::Conflict, detail)
    }

    /// A body past its limit (413).
    pub fn too_large(limit_bytes: usize) -> Problem {
        let kib = limit_bytes / 1024;
        Problem::new(
            ProblemKind::TooLarge,
            sentence!(
                "Nội dung vượt giới hạn {kib} KiB. Hãy chia nhỏ rồi gửi lại.",
                "The content is larger than {kib} KiB. Divide it, then send it again."
            ),
        )
    }

    fn document(&self) -> Document {
        Document {
            kind: format!("urn:choso:problem:{}", self.kind.slug()),
            title: self.title.in_lang(self.lang).to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.in_lang(self.lang).to_owned(),
            field: self.field.clone(),
            request_id: self.request_id.clone(),
            retry_after_s: self.retry_after_s,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.kind.status(),
            self.kind.slug(),
            self.detail.en
        )
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if matches!(self.kind, ProblemKind::SlowBody | ProblemKind::TooLarge) {
            // The rest of the body is not wanted, and may never end.
            response.force_close();
        }
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.kind == ProblemKind::SignIn {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(self.document())
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Problem {
        Problem::conflict(words::conflict(&conflict))
    }
}

impl From<Missing> for Problem {
    fn from(missing: Missing) -> Problem {
        Problem::missing(words::missing(&missing))
    }
}

impl From<StoreError> for Problem {
    /// The cause goes to the log; the caller learns what to do.
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Conflict(conflict) => conflict.into(),
            StoreError::Missing(missing) => missing.into(),
            error => {
                let detail = (
                    "Chưa ghi được gì. Hãy thử lại sau vài giây; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
                    "Nothing was written. Try again in a few seconds; if it still fails, give the administrator this id.",
                );
                let problem = Problem::new(ProblemKind::Database, detail).retry_after(2);
                tracing::error!(%error, request_id = problem.request_id, "the database did not do it");
                problem
            }
        }
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Problem {
        let cause = error.to_string();
        let (kind, detail) = match error {
            KeyringError::Store(error) => return error.into(),
            KeyringError::Sealed(_) => (
                ProblemKind::SealedKeys,
                (
                    "Tệp khóa của dịch vụ không mở được khóa của nhà cung cấp này. Hãy gửi lại sau và báo quản trị viên.",
                    "The service's key file does not open the keys of this provider. Send it again later, and tell the administrator.",
                ),
            ),
            KeyringError::NoUsableKey(_) => (
                ProblemKind::NoUsableKey,
                (
                    "Không khóa nào của nhà cung cấp này dùng được. Hãy gửi lại sau và báo quản trị viên chạy `choso provider keys`.",
                    "No key of this provider can be used. Send it again later, and ask the administrator to run `choso provider keys`.",
                ),
            ),
        };
        let problem = Problem::new(kind, detail).retry_after(30);
        tracing::error!(
            cause,
            request_id = problem.request_id,
            "a callback could not be verified"
        );
        problem
    }
}

/// A query that cannot be read: an unknown parameter, a date that is none.
pub fn bad_query(error: QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    let detail = match named_field(&error) {
        Some(name) => sentence!(
            "Tham số «{name}» trên địa chỉ thiếu, lạ hoặc chưa đúng. Hãy xem /api/docs.",
            "The parameter “{name}” in the address is missing, unknown or cannot be read. See /api/docs."
        ),
        None => sentence!(
            "Có tham số trên địa chỉ chưa đúng. Hãy xem /api/docs.",
            "A parameter in the address cannot be read. See /api/docs."
        ),
    };
    Problem::new(ProblemKind::Invalid, detail).into()
}

/// The field that serde's message names. Its own words are in one language only, and meant for programmers.
fn named_field(error: &dyn fmt::Display) -> Option<String> {
    let text = error.to_string();
    let name = text.split('`').nth(1)?;
    Some(name.chars().take(NAME_CHARS_SHOWN).collect())
}

/// A part of the path that cannot be read.
pub fn bad_path(_: PathError, request: &HttpRequest) -> actix_web::Error {
    unknown_address(request).into()
}

/// A form that cannot be read: a field is missing or has a wrong value, or the body is no form.
pub fn bad_form(error: UrlencodedError, _: &HttpRequest) -> actix_web::Error {
    let problem = match error {
        UrlencodedError::Overflow { limit, .. } => Problem::too_large(limit),
        UrlencodedError::Payload(_) => broken_body(),
        UrlencodedError::ContentType => {
            let detail = sentence!(
                "Trang này nhận biểu mẫu dạng application/x-www-form-urlencoded. Hãy mở lại trang, điền rồi gửi.",
                "This page takes a form as application/x-www-form-urlencoded. Load the page again, fill it in, then send it."
            );
            Problem::new(ProblemKind::Invalid, detail)
        }
        error => {
            let detail = match named_field(&error) {
                Some(name) => sentence!(
                    "Ô «{name}» của biểu mẫu thiếu hoặc chưa đúng. Hãy mở lại trang, điền lại rồi gửi.",
                    "The field “{name}” of the form is missing or wrong. Load the page again, fill it in, then send it."
                ),
                None => sentence!(
                    "Biểu mẫu gửi lên có ô chưa đúng. Hãy mở lại trang, điền lại rồi gửi.",
                    "A field of the form cannot be read. Load the page again, fill it in, then send it."
                ),
            };
            Problem::new(ProblemKind::Invalid, detail)
        }
    };
    problem.into()
}

/// A body that broke off.
pub fn broken_body() -> Problem {
    let detail = (
        "Kết nối bị ngắt giữa chừng. Hãy gửi lại.",
        "The connection broke off midway. Send it again.",
    );
    Problem::new(ProblemKind::BrokenBody, detail)
}

/// Refuses an address with the character NUL. Nothing has it in its name, and PostgreSQL takes no text with it.
pub async fn without_nul(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let has_nul = |text: &str| text.contains("%00");
    let problem = if has_nul(request.uri().path()) {
        unknown_address(request.request())
    } else if request.uri().query().is_some_and(has_nul) {
        let detail = (
            "Địa chỉ có ký tự %00. Hãy bỏ ký tự này.",
            "The address has the character %00. Leave it out.",
        );
        Problem::new(ProblemKind::Invalid, detail)
    } else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    Ok(request
        .into_response(HttpResponse::from_error(problem))
        .map_into_right_body())
}

fn unknown_address(request: &HttpRequest) -> Problem {
    let path = request.path();
    Problem::missing(sentence!(
        "Không có địa chỉ {path}. Hãy xem /api/docs hoặc về trang đầu.",
        "There is no address {path}. See /api/docs, or go to the first page."
    ))
}

/// Everything no route knows.
pub async fn not_found(request: HttpRequest) -> Problem {
    unknown_address(&request)
}

impl actix_web::Responder for Problem {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_its_own_slug_a_status_and_a_title_in_both_languages() {
        assert_eq!(ProblemKind::TooManyAttempts as usize + 1, ProblemKind::ALL.len());
        let mut slugs = BTreeSet::new();
        for kind in ProblemKind::ALL {
            let slug = kind.slug();
            assert!(slugs.insert(slug), "{slug} stands for two kinds");
            assert!(
                slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{slug}"
            );
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            let title = kind.title();
            assert!(!title.vi.is_empty() && title.en.is_ascii(), "{slug}: {title:?}");
            assert_ne!(title.vi, title.en, "{slug}");
        }
    }

    #[test]
    fn what_outsiders_rely_on_stays() {
        let said: Vec<String> = ProblemKind::ALL
            .map(|kind| format!("{} {} {}", kind.slug(), kind.status().as_u16(), kind.title().vi))
            .into();
        let wanted = "bill-ended 410 Mã không còn dùng
boundaries 422 Đơn vị không có vào ngày này
broken-body 400 Nội dung không trọn vẹn
busy 503 Đang bận
code-differs 500 Mã QR không khớp sổ đăng ký
code-ended 410 Mã QR đã hết hiệu lực
conflict 409 Trùng hoặc mâu thuẫn dữ liệu
counts 500 Số liệu mâu thuẫn
database 503 Cơ sở dữ liệu đang bận
file 500 Tệp bị lỗi
foreign-page 403 Yêu cầu từ trang khác
invalid 422 Dữ liệu chưa đúng
malformed 400 Không đọc được nội dung
method 405 Sai phương thức
no-code 422 Chưa đọc được mã
no-space 503 Chưa ghi được tệp
no-usable-key 503 Nhà cung cấp chưa có khóa dùng được
not-found 404 Không tìm thấy
not-permitted 403 Mã truy cập không dùng cho việc này
not-ready 503 Dịch vụ chưa sẵn sàng
owner-key 500 Chưa làm được
page 500 Trang bị lỗi
sealed-keys 503 Chưa mở được khóa của nhà cung cấp
sign-in 401 Cần đăng nhập
slow-body 408 Gửi quá chậm
stopping 503 Đang dừng
too-large 413 Nội dung quá lớn
too-many-attempts 429 Thử sai quá nhiều lần";
        assert_eq!(said.join("\n"), wanted);
    }
}

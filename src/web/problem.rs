use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

use crate::clock::now;
use crate::intake::KeyringError;
use crate::store::{StoreError, fresh_id};

/// An error as RFC 9457 says it: a stable type, a Vietnamese sentence with the next step, and the id
/// under which the log holds the cause.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Stable name: `urn:choso:problem:…`
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in a few Vietnamese words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong, where, and what to do.
    pub detail: String,
    /// The member or header at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Look for this id in the log.
    pub request_id: String,
    /// Seconds after which trying again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:choso:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            request_id: fresh_id(now()),
            retry_after_s: None,
        }
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
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "Dữ liệu chưa đúng",
            detail,
        )
        .at(field)
    }

    /// There is no such thing (404).
    pub fn missing(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "Không tìm thấy", detail)
    }

    /// A body past its limit (413).
    pub fn too_large(limit_bytes: usize) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "Nội dung quá lớn",
            format!(
                "Nội dung vượt giới hạn {} KiB. Hãy chia nhỏ rồi gửi lại.",
                limit_bytes / 1024
            ),
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.kind, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if matches!(self.status, 408 | 413) {
            // The rest of the body is not wanted, and may never end.
            response.force_close();
        }
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.json(self)
    }
}

impl From<StoreError> for Problem {
    /// The cause goes to the log; the caller learns what to do.
    fn from(error: StoreError) -> Problem {
        let problem = match &error {
            StoreError::Conflict(text) => Problem::new(
                StatusCode::CONFLICT,
                "conflict",
                "Trùng hoặc mâu thuẫn dữ liệu",
                text.clone(),
            ),
            StoreError::Missing(text) => Problem::missing(text.clone()),
            _ => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "database",
                "Cơ sở dữ liệu đang bận",
                "Chưa ghi được gì. Hãy thử lại sau vài giây; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
            )
            .retry_after(2),
        };
        if problem.status == 503 {
            tracing::error!(%error, request_id = problem.request_id, "the database did not do it");
        }
        problem
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Problem {
        match error {
            KeyringError::Store(error) => error.into(),
            KeyringError::Sealed(_) => {
                let problem = Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "sealed-keys",
                    "Chưa mở được khóa của nhà cung cấp",
                    "Tệp khóa của dịch vụ không khớp với cơ sở dữ liệu. Hãy gửi lại sau và báo quản trị viên.",
                )
                .retry_after(30);
                tracing::error!(%error, request_id = problem.request_id, "a callback could not be verified");
                problem
            }
        }
    }
}

/// A query that cannot be read: an unknown parameter, a date that is none.
pub fn bad_query(error: actix_web::error::QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    let detail = format!("Tham số trên địa chỉ chưa đúng: {error}. Hãy xem /api/docs.");
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid",
        "Dữ liệu chưa đúng",
        detail,
    )
    .into()
}

/// Everything no route knows.
pub async fn not_found(request: HttpRequest) -> Problem {
    Problem::missing(format!(
        "Không có địa chỉ {}. Hãy xem /api/docs hoặc về trang đầu.",
        request.path()
    ))
}

impl actix_web::Responder for Problem {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

//! What the calls of the API share: pages of lists, bodies, and answering a creating call once.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::sha256_hex;
use crate::clock::now;
use crate::store::{Creation, IdempotentAnswer, IdempotentCall};
use crate::vn::sentence;
use crate::web::{Person, Problem, ProblemKind, Shared};

/// Entries of a page, unless asked otherwise, and at most.
const PAGE_DEFAULT: i64 = 50;
const PAGE_MAX: i64 = 200;

/// A page of a list. `next` is the cursor of the following page, or null at the end.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// Entries of this page.
    pub items: Vec<T>,
    /// Hand it in as `cursor` to go on.
    pub next: Option<String>,
}

/// How many entries a page has: `limit`, 1 to 200.
pub(super) fn page_size(limit: Option<i64>) -> Result<i64, Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        n if (1..=PAGE_MAX).contains(&n) => Ok(n),
        n => Err(Problem::invalid(
            "limit",
            sentence!(
                "limit là {n}; hãy chọn từ 1 đến {PAGE_MAX}.",
                "limit is {n}; choose 1 to {PAGE_MAX}."
            ),
        )),
    }
}

pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = sentence!(
            "JSON chưa đúng: {error}. Hãy sửa theo mô tả ở /api/docs rồi gửi lại.",
            "The JSON is wrong: {error}. Mend it as /api/docs says, then send it again."
        );
        Problem::new(ProblemKind::Malformed, detail)
    })
}

/// Answers a creating call once: under an `Idempotency-Key`, the same call again gets the first answer,
/// another call under the same key is refused. `work` reads and writes in one transaction.
pub(super) async fn once<F>(
    request: &HttpRequest,
    shared: &Shared,
    person: &Person,
    body: &[u8],
    work: F,
) -> Result<HttpResponse, Problem>
where
    F: AsyncFnOnce(&mut Creation) -> Result<(StatusCode, serde_json::Value), Problem>,
{
    let Some(key) = idempotency_key(request)? else {
        let (status, body) = shared.store.create(work).await?;
        return Ok(HttpResponse::build(status).json(body));
    };
    let method = request.method().as_str();
    let request = [method.as_bytes(), b" ", request.path().as_bytes(), b"\n", body].concat();
    let call = IdempotentCall {
        person: person.name.clone(),
        key,
        request_sha256: sha256_hex(&request),
    };
    let work = async |creation: &mut Creation| -> Result<_, Problem> {
        let (status, body) = work(creation).await?;
        Ok((status.as_u16(), body.to_string()))
    };
    answered(shared.store.create_once(&call, now(), work).await?, &call)
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= 255 => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid(
            "idempotency-key",
            (
                "Idempotency-Key cần 1 đến 255 ký tự ASCII.",
                "An Idempotency-Key has 1 to 255 characters of ASCII.",
            ),
        )),
    }
}

fn answered(answer: IdempotentAnswer, call: &IdempotentCall) -> Result<HttpResponse, Problem> {
    if answer.request_sha256 != call.request_sha256 {
        return Err(Problem::invalid(
            "idempotency-key",
            (
                "Idempotency-Key này đã dùng cho một yêu cầu khác. Hãy dùng khóa mới.",
                "This Idempotency-Key belongs to another request. Use a new one.",
            ),
        ));
    }
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    if answer.is_replay {
        let header = HeaderName::from_static("idempotency-replayed");
        response.insert_header((header, HeaderValue::from_static("true")));
    }
    Ok(response.content_type("application/json").body(answer.body))
}

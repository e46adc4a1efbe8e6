//! Providers' callbacks: read, verified, handed to the writer, and answered once they are durable.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::body::read_body;
use super::{Problem, ProblemKind, Shared};
use crate::clock::now;
use crate::intake::{Ending, IntakeError};
use crate::notice::{Answer, Outcome, Provider, Received, Refusal, RefusalKind, Request};
use crate::store::{Arrival, fresh_id};
use crate::vn::{TimeMs, sentence};

/// Seconds after which an overloaded service may be asked again.
const RETRY_AFTER_S: u32 = 1;
/// What every provider's address begins with.
const ADDRESS: &str = "/callbacks";

pub(super) fn routes(to: &mut web::ServiceConfig) {
    // Without patterns, which would be tried on every callback: the handler reads the rest itself.
    to.service(web::scope(ADDRESS).default_service(web::to(receive)));
}

/// Verify over the raw bytes, make durable, only then answer success, in the provider's own words.
async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    // A provider's own calls may lie below its address (docs/spec/providers.md, section 8).
    let below = request.path().strip_prefix(ADDRESS).unwrap_or_default();
    let below = below.strip_prefix('/').unwrap_or_default();
    let (provider_id, path) = below.split_at(below.find('/').unwrap_or(below.len()));
    let Some(provider) = shared.keyring.provider(provider_id, now()).await? else {
        shared.metrics.callback("unknown", "unknown_provider");
        return Err(Problem::missing((
            "Chưa có nhà cung cấp này. Hãy kiểm tra địa chỉ callback hoặc thêm bằng `choso provider add`.",
            "There is no such provider. Check the address of the callback, or add it by `choso provider add`.",
        )));
    };
    let scheme = provider.scheme();
    if !scheme.paths.contains(&path) {
        let paths = scheme
            .paths
            .iter()
            .map(|p| format!("{ADDRESS}/{}{p}", provider.id()));
        let paths = paths.collect::<Vec<_>>().join(", ");
        return Err(Problem::missing(sentence!(
            "Nhà cung cấp này gửi tới {paths}.",
            "This provider posts to {paths}."
        )));
    }
    if request.method().as_str() != scheme.method {
        let method = scheme.method;
        let detail = sentence!(
            "Thông báo của nhà cung cấp này phải gửi bằng {method}.",
            "Notices of this provider are sent by {method}."
        );
        return Err(Problem::new(ProblemKind::Method, detail));
    }
    let body = read_body(payload).await.inspect_err(|problem| {
        let outcome = if problem.kind == ProblemKind::TooLarge {
            "too_large"
        } else {
            "broken"
        };
        shared.metrics.callback(provider_id, outcome);
    })?;
    let headers = headers(&request, &provider);
    let asked = Request {
        method: request.method().as_str(),
        path,
        query: request.query_string(),
        headers: &headers,
        body: &body,
        is_evidence: false,
    };
    let received_at = now();
    let (answer, outcome) = keep(&shared, &provider, &asked, received_at).await;
    shared
        .health
        .answered(provider.id(), outcome, received_at, started.elapsed());
    shared.metrics.callback(provider_id, outcome.as_str());
    Ok(respond(answer, outcome))
}

async fn keep(
    shared: &Shared,
    provider: &Arc<Provider>,
    asked: &Request<'_>,
    received_at: TimeMs,
) -> (Answer, Ending) {
    let (provider, delivery) = match verify(shared, provider, asked, received_at).await {
        Ok((_, Received::Token(answer))) => return (answer, Ending::Token),
        Ok((provider, Received::Notices(delivery))) => (provider, delivery),
        Err(refusal) => {
            let ending = match refusal.kind {
                RefusalKind::Signature | RefusalKind::Replay => Ending::Unproven,
                RefusalKind::Malformed | RefusalKind::Foreign => Ending::Malformed,
            };
            let request_id = fresh_id(received_at);
            tracing::info!(
                provider = %provider.id(),
                outcome = ending.as_str(),
                field = refusal.field,
                because = refusal.because,
                request_id,
                "callback refused"
            );
            let answer = provider.answer(asked, None, &Outcome::Refused(refusal));
            return (with_request_id(answer, &request_id), ending);
        }
    };
    if !delivery.variant.is_empty() {
        tracing::debug!(provider = %provider.id(), variant = delivery.variant, "a contested form fitted");
    }
    let (outcome, delivery) = match shared
        .intake
        .keep(Arrival {
            delivery,
            received_at,
        })
        .await
    {
        Ok((outcome, delivery)) => (outcome, Some(delivery)),
        Err(IntakeError::Full | IntakeError::NotKept) => (Outcome::NotKept, None),
    };
    let ending = match outcome {
        Outcome::NotKept => Ending::TryAgain,
        Outcome::Repeat => Ending::Repeat,
        _ => Ending::Kept,
    };
    (provider.answer(asked, delivery.as_ref(), &outcome), ending)
}

/// What was received, and the provider with the key that proved it: that key signs the answer too.
async fn verify(
    shared: &Shared,
    provider: &Arc<Provider>,
    asked: &Request<'_>,
    received_at: TimeMs,
) -> Result<(Arc<Provider>, Received), Refusal> {
    match provider.receive(asked, Some(received_at)) {
        // The key may have been rotated a moment ago by another process: look once more.
        Err(refusal) if refusal.kind == RefusalKind::Signature => {
            match shared.keyring.provider_again(provider.id(), received_at).await {
                Ok(Some(again)) => {
                    let received = again.receive(asked, Some(received_at))?;
                    Ok((again, received))
                }
                Ok(None) | Err(_) => Err(refusal),
            }
        }
        verdict => verdict.map(|received| (provider.clone(), received)),
    }
}

/// Those headers that the proof needs, in the order they came; one that came twice stands twice.
fn headers<'a>(request: &'a HttpRequest, provider: &Provider) -> Vec<(&'static str, &'a [u8])> {
    let mut out = Vec::with_capacity(4);
    for name in provider.headers() {
        out.extend(
            request
                .headers()
                .get_all(*name)
                .map(|value| (*name, value.as_bytes())),
        );
    }
    out
}

/// A problem document names the id under which the log holds its cause; a provider's own words stay as
/// they are.
fn with_request_id(mut answer: Answer, request_id: &str) -> Answer {
    if answer.content_type == "application/problem+json"
        && let Ok(mut problem) = serde_json::from_str::<serde_json::Value>(&answer.body)
    {
        problem["request_id"] = request_id.into();
        answer.body = problem.to_string();
    }
    answer
}

fn respond(answer: Answer, ending: Ending) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if ending == Ending::TryAgain {
        response.insert_header(("retry-after", RETRY_AFTER_S.to_string()));
    }
    if answer.body.is_empty() {
        response.finish()
    } else {
        response.content_type(answer.content_type).body(answer.body)
    }
}

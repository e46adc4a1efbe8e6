use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::body::read_body;
use super::{Problem, Shared};
use crate::app::now;
use crate::intake::IntakeError;
use crate::notice::{Delivery, Headers, Refusal};
use crate::store::Arrival;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.service(
        web::resource("/callbacks/{provider_id}")
            .route(web::post().to(receive))
            .default_service(web::to(only_post)),
    );
}

async fn only_post() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "Sai phương thức",
        "Thông báo thanh toán phải gửi bằng POST.",
    )
}

/// Verify over the raw bytes, make durable, only then answer success.
async fn receive(
    request: HttpRequest,
    provider_id: web::Path<String>,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let answered = receive_inner(&request, &provider_id, payload, &shared).await;
    if let Err((problem, provider)) = &answered {
        let outcome = outcome_of(problem.status);
        shared.metrics.callback(provider, outcome);
        tracing::info!(
            provider,
            outcome,
            field = problem.field,
            detail = problem.detail,
            request_id = problem.request_id,
            "callback refused"
        );
    }
    answered.map_err(|(problem, _)| problem)
}

fn outcome_of(status: u16) -> &'static str {
    match status {
        401 => "unproven",
        404 => "unknown_provider",
        413 => "too_large",
        503 => "try_again",
        _ => "malformed",
    }
}

async fn receive_inner(
    request: &HttpRequest,
    provider_id: &str,
    payload: web::Payload,
    shared: &Shared,
) -> Result<HttpResponse, (Problem, String)> {
    let unknown = |p: Problem| (p, "unknown".to_owned());
    let Some(adapter) = shared
        .keyring
        .adapter(provider_id, now())
        .await
        .map_err(|e| unknown(e.into()))?
    else {
        return Err(unknown(Problem::missing(
            "Chưa có nhà cung cấp này. Hãy kiểm tra địa chỉ callback hoặc thêm bằng `choso provider add`.",
        )));
    };
    let named = |p: Problem| (p, provider_id.to_owned());
    let body = read_body(payload).await.map_err(named)?;
    let received_at = now();
    let headers = headers(request);
    let delivery = match adapter.receive(headers, &body, Some(received_at)) {
        // The key may have been rotated a moment ago by another process: look once more.
        Err(Refusal::Signature { .. }) => {
            let again = shared.keyring.adapter_again(provider_id, received_at).await;
            match again.map_err(|e| named(e.into()))? {
                Some(adapter) => adapter.receive(headers, &body, Some(received_at)),
                None => Err(Refusal::Signature { tried: 0 }),
            }
        }
        verdict => verdict,
    };
    let delivery: Delivery = delivery.map_err(|refusal| named(refused(&refusal)))?;
    shared
        .intake
        .keep(Arrival {
            delivery,
            received_at,
        })
        .await
        .map_err(|e| named(try_again(e)))?;
    shared.metrics.callback(provider_id, "kept");
    Ok(HttpResponse::NoContent().finish())
}

/// A header that came twice counts as absent: two readers could differ on which one they take.
fn headers(request: &HttpRequest) -> Headers<'_> {
    let one = |name: &str| {
        let mut all = request.headers().get_all(name);
        let first = all.next()?.to_str().ok()?;
        all.next().is_none().then_some(first)
    };
    Headers {
        id: one("webhook-id"),
        timestamp: one("webhook-timestamp"),
        signature: one("webhook-signature"),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let problem = match refusal {
        Refusal::Malformed { .. } => Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "Không đọc được thông báo",
            refusal.to_string(),
        ),
        Refusal::Stale { .. } => Problem::new(
            StatusCode::UNAUTHORIZED,
            "stale",
            "Chữ ký quá hạn",
            refusal.to_string(),
        ),
        Refusal::Header { .. } | Refusal::Signature { .. } => Problem::new(
            StatusCode::UNAUTHORIZED,
            "bad-signature",
            "Chữ ký không khớp",
            refusal.to_string(),
        ),
    };
    match refusal {
        Refusal::Malformed { field, .. } => problem.at(field.clone()),
        Refusal::Header { header, .. } => problem.at(*header),
        Refusal::Stale { .. } => problem.at("webhook-timestamp"),
        Refusal::Signature { .. } => problem.at("webhook-signature"),
    }
}

fn try_again(error: IntakeError) -> Problem {
    let (kind, title) = match error {
        IntakeError::Full => ("overload", "Đang quá tải"),
        IntakeError::NotKept => ("not-kept", "Chưa ghi được"),
    };
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        kind,
        title,
        "Thông báo chưa được ghi nhận. Hãy gửi lại sau số giây trong Retry-After.",
    )
    .retry_after(1)
}

//! `/healthz`, `/readyz` and `/metrics`.

use actix_web::{HttpResponse, web};

use super::{Problem, ProblemKind, Shared};
use crate::clock::now;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

/// The process lives.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// The database answers, its schema is the one this program knows, the writer moves.
async fn readyz(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let not_ready = |vi, en| Problem::new(ProblemKind::NotReady, (vi, en)).retry_after(2);
    if shared.intake.is_stuck(now().0) {
        return Err(not_ready(
            "Bộ ghi đang kẹt ở một lô. Hãy kiểm tra cơ sở dữ liệu.",
            "The writer is stuck at a batch. Look after the database.",
        ));
    }
    if let Err(error) = shared.store.ready().await {
        tracing::error!(%error, "not ready");
        return Err(not_ready(
            "Cơ sở dữ liệu không trả lời hoặc chưa đúng phiên bản.",
            "The database does not answer, or has another version.",
        ));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ready\n"))
}

async fn metrics(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(shared.metrics.text())
}

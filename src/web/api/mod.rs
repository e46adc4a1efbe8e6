//! `/api/v1`: JSON for programs, described by `/api/v1/openapi.json`.

mod bills;
mod cards;
mod common;
mod document;
mod figures;
mod live;
mod providers;
mod register;
mod register_shapes;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

use super::problem::{self, Problem, ProblemKind};
use crate::vn::sentence;

pub(super) use bills::{BILL_MINUTES, not_your_bill};
pub(super) use document::openapi;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.service(
        web::scope("/api/v1")
            .wrap(from_fn(problem::without_nul))
            .wrap(from_fn(super::headers::add))
            .wrap(Compress::default())
            .route("/openapi.json", web::get().to(document::openapi_json))
            .configure(register::routes)
            .configure(bills::routes)
            .configure(cards::routes)
            .configure(figures::routes)
            .configure(live::routes)
            .configure(providers::routes)
            .default_service(web::to(unknown_call)),
    );
}

/// An address that no call has, or a call by another method: then the methods it has are named.
async fn unknown_call(request: HttpRequest) -> HttpResponse {
    let methods = document::methods_at(request.path()).join(", ");
    let Ok(allow) = HeaderValue::from_str(&methods) else {
        return problem::not_found(request).await.error_response();
    };
    if methods.is_empty() {
        return problem::not_found(request).await.error_response();
    }
    let detail = sentence!(
        "Địa chỉ này nhận {methods}. Hãy xem /api/docs.",
        "This address takes {methods}. See /api/docs."
    );
    let mut response = Problem::new(ProblemKind::Method, detail).error_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}

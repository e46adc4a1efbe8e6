//! `/api/v1`: JSON for programs, described by `/api/v1/openapi.json`.

mod bills;
mod cards;
mod common;
mod figures;
mod live;
mod providers;
mod register;
mod register_shapes;

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use utoipa::OpenApi;

pub(super) use bills::{BILL_MINUTES, not_your_bill};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "choso",
        description = "Market stalls, VietQR codes, signed payment notices and non-cash adoption. Every call but that of this document needs `Authorization: Bearer <token>`; `choso user add NAME` makes one for a person; the stream of receipts needs one for a program, made by `choso token add NAME --may receipts`. Errors are `application/problem+json` (RFC 9457). Lists page by `cursor`. Creating calls take `Idempotency-Key`."
    ),
    paths(
        openapi_json,
        register::list_households,
        register::create_household,
        register::get_household,
        register::change_household,
        register::add_stall,
        register::get_stall,
        register::change_stall,
        register::link_account,
        register::end_link,
        register::keep_terminal,
        register::issue_code,
        register::end_code,
        bills::make_bill,
        bills::get_bill,
        bills::bill_svg,
        cards::replace_code,
        cards::approve_link,
        cards::told_owner,
        figures::indicators,
        figures::totals,
        figures::waiting,
        figures::units,
        providers::providers,
        providers::day_digest,
        live::stream_receipts,
        live::create_order,
    ),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let components = api.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", scheme);
        api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}

/// The OpenAPI document as JSON.
pub fn openapi() -> serde_json::Value {
    // The document is made of derived types only; they serialise.
    serde_json::to_value(Api::openapi()).expect("the OpenAPI document is JSON")
}

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.service(
        web::scope("/api/v1")
            .wrap(from_fn(super::headers::add))
            .route("/openapi.json", web::get().to(openapi_json))
            .configure(register::routes)
            .configure(bills::routes)
            .configure(cards::routes)
            .configure(figures::routes)
            .configure(live::routes)
            .configure(providers::routes)
            .default_service(web::to(super::problem::not_found)),
    );
}

/// This document. It needs no token.
#[utoipa::path(get, path = "/api/v1/openapi.json", responses((status = 200, content_type = "application/json")), security(()))]
async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok().json(openapi())
}

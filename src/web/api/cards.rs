//! The life of a card after it was handed out: replaced, its account approved, its owner told.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::common::{from_json, once};
use super::register::{code_answer, reason};
use super::register_shapes::CodeOut;
use crate::clock::now;
use crate::web::body::read_body;
use crate::web::{Person, Problem, Shared};
use crate::words;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/codes/{serial}/replace", web::post().to(replace_code))
        .route("/links/{link_id}/approve", web::post().to(approve_link))
        .route("/owner-messages/{message_id}/told", web::post().to(told_owner));
}

/// Why a card is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplaceIn {
    /// `lost`, `torn`
    #[serde(default)]
    reason: Option<String>,
}

/// Hands out a new card in the place of a worn or lost one: same stall, same account, another serial. The old
/// serial ends as replaced.
#[utoipa::path(post, path = "/api/v1/codes/{serial}/replace", params(("serial" = String, Path)), request_body = ReplaceIn, responses((status = 201, body = CodeOut), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn replace_code(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    serial: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: ReplaceIn = if body.is_empty() {
        ReplaceIn::default()
    } else {
        from_json(&body)?
    };
    once(&request, &shared, &person, &body, async |creation| {
        let reason = reason(input.reason.as_deref())?;
        let wait_ms = shared.account_change_wait_ms;
        let issued = creation
            .replace_code(&serial, &reason, wait_ms, person.at(now()))
            .await?;
        Ok((StatusCode::CREATED, code_answer(creation, &issued).await?))
    })
    .await
}

/// A second person's word for an account that took the place of another; who recorded it cannot give it. The
/// owner is to be told, and cards to it can be handed out after `account_change_wait_hours`.
#[utoipa::path(post, path = "/api/v1/links/{link_id}/approve", params(("link_id" = String, Path)), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn approve_link(
    person: Person,
    shared: web::Data<Shared>,
    link_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    shared
        .store
        .approve_link(
            &link_id,
            shared.account_change_wait_ms,
            person.at(now()),
            words::account_changed,
        )
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Records that the owner of a stall was told of a change.
#[utoipa::path(post, path = "/api/v1/owner-messages/{message_id}/told", params(("message_id" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn told_owner(
    person: Person,
    shared: web::Data<Shared>,
    message_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    shared.store.told_owner(&message_id, person.at(now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

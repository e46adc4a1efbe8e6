//! The life of a card after it was handed out: replaced, its account approved, its owner told.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::common::{IdempotencyKey, from_json_or_nothing, once};
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
#[schema(example = json!({"reason": "torn"}))]
pub(super) struct ReplaceIn {
    /// `lost`, `torn`
    #[serde(default)]
    #[schema(max_length = 200, pattern = r"\S")]
    reason: Option<String>,
}

/// Hands out a new card in the place of a worn or lost one: same stall, same account, another serial. The old
/// serial ends as replaced.
#[utoipa::path(post, path = "/api/v1/codes/{serial}/replace",
    params(("serial" = String, Path), IdempotencyKey), request_body = Option<ReplaceIn>,
    responses(
        (status = 201, description = "The new code.", body = CodeOut),
        (status = 409, description = "The code had ended before, or its account is not to be used now."),
    ))]
pub(super) async fn replace_code(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    serial: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: ReplaceIn = from_json_or_nothing(&body)?;
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
#[utoipa::path(post, path = "/api/v1/links/{link_id}/approve", params(("link_id" = String, Path)),
    responses(
        (status = 204, description = "The account is approved; its waiting time has begun."),
        (status = 409, description = "It needs no approval, has one, or was recorded by the same person."),
    ))]
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
#[utoipa::path(post, path = "/api/v1/owner-messages/{message_id}/told", params(("message_id" = String, Path)),
    responses((status = 204, description = "It is on record that the owner was told.")))]
pub(super) async fn told_owner(
    person: Person,
    shared: web::Data<Shared>,
    message_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    shared.store.told_owner(&message_id, person.at(now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

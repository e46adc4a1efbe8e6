//! What is refused before or inside a handler, as the visitor reads it: a page for a browser, a problem document for a
//! program.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::ACCEPT;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};

use super::answer;
use super::frame::Visit;
use super::sign_in;
use crate::web::{Person, Problem, ProblemKind};

/// Problems of pages as the visitor reads them: a page for a browser, a document in the visitor's language for a
/// script. Whatever hands a [`Problem`] to actix, an extractor or a handler, comes by here.
pub(super) async fn in_the_visitors_words(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let answered = next.call(request).await?;
    let error = answered.response().error();
    let Some(problem) = error.and_then(|error| error.as_error::<Problem>()).cloned() else {
        return Ok(answered.map_into_left_body());
    };
    let request = answered.request().clone();
    let visit = Visit::of(&request);
    let response = if wants_page(&request) {
        let person = Person::extract(&request).await.ok();
        match problem.kind {
            ProblemKind::SignIn => sign_in::ask(&visit, &visit.here, None),
            _ => answer::fault(&visit, person.as_ref(), problem.into()),
        }
    } else {
        Problem {
            lang: visit.lang,
            ..problem
        }
        .error_response()
    };
    Ok(ServiceResponse::new(request, response).map_into_right_body())
}

/// Whether a browser shows what it gets.
fn wants_page(request: &HttpRequest) -> bool {
    let accepts = request.headers().get(ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok());
    accepts.is_some_and(|kinds| kinds.contains("text/html"))
}

/// What no route knows: a page for a browser, a problem document for a program.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    if !wants_page(&request) {
        return crate::web::problem::not_found(request).await.error_response();
    }
    let visit = Visit::of(&request);
    let sentence = (
        "Không có trang này. Có thể địa chỉ bị gõ thiếu, hoặc liên kết đã cũ.",
        "There is no such page. The address may be incomplete, or the link old.",
    );
    let person = Person::extract(&request).await.ok();
    answer::fault(&visit, person.as_ref(), Problem::missing(sentence).into())
}

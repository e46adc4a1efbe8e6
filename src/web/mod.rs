//! What is spoken over HTTP: providers' callbacks, health, the API and the pages.

mod api;
mod body;
mod callbacks;
mod headers;
mod health;
mod own_path;
mod pages;
mod peer;
mod pin_session;
mod problem;
mod session;
mod shared;

use actix_web::web;

pub use pages::{PageStates, card_of, concerns, report_html};
pub use problem::{Problem, ProblemKind};
pub use session::{Caller, Person, ReceiptsProgram};
pub use shared::Shared;

pub fn routes(to: &mut web::ServiceConfig) {
    to.app_data(web::QueryConfig::default().error_handler(problem::bad_query))
        .app_data(web::PathConfig::default().error_handler(problem::bad_path))
        .app_data(web::FormConfig::default().error_handler(problem::bad_form));
    callbacks::routes(to);
    health::routes(to);
    api::routes(to);
    pages::routes(to);
    to.default_service(web::to(pages::not_found));
}

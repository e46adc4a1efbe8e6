//! What is spoken over HTTP: providers' callbacks, health, the API and the pages.

mod callbacks;
mod health;
mod problem;
mod session;

use std::sync::Arc;

use actix_web::web;

use crate::access::SealingKey;
use crate::intake::{Intake, Keyring};
use crate::store::Store;
use crate::telemetry::Metrics;

pub use problem::Problem;
pub use session::Person;

/// What every handler shares.
pub struct Shared {
    /// The database.
    pub store: Arc<Store>,
    /// The queue before the writer.
    pub intake: Intake,
    /// Live keys of the providers.
    pub keyring: Keyring,
    /// Seals providers' secrets.
    pub sealing_key: SealingKey,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// All routes.
pub fn routes(to: &mut web::ServiceConfig) {
    callbacks::routes(to);
    health::routes(to);
    to.default_service(web::to(problem::not_found));
}

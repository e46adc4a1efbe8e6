//! Pages for people: Vietnamese first, English by a switch, drawn on the server.
//!
//! Each page works without script; script only keeps the first page moving and filters long tables.
//! Nothing is loaded from elsewhere and nothing is written inside a page that a browser would run, so
//! the policy sent with every page can forbid both.

mod accounts;
mod answer;
mod api_docs;
mod areas;
mod assets;
mod bills;
mod card_check;
mod codes;
mod frame;
mod home;
mod live;
mod officer;
mod offline_check;
mod owner_key;
mod owner_list;
mod packs;
mod place;
mod printing;
mod providers;
mod question;
mod reconcile;
mod refusals;
mod register;
mod report;
mod review;
mod review_notice;
mod sessions;
mod sign_in;
mod words;

use actix_web::middleware::{Compress, from_fn};
use actix_web::web;

pub use printing::{card_of, concerns};
pub use refusals::not_found;
pub use report::report_html;

use super::problem;

/// What pages remember between requests: today's figures, print packs, statements on their way in. One for each service.
#[derive(Clone, Default)]
pub struct PageStates {
    live: web::Data<live::Live>,
    packs: web::Data<packs::Packs>,
    uploads: web::Data<reconcile::Uploads>,
}

impl PageStates {
    /// Hands them to the handlers that need them.
    pub fn configure(&self, to: &mut web::ServiceConfig) {
        to.app_data(self.live.clone())
            .app_data(self.packs.clone())
            .app_data(self.uploads.clone());
    }
}

/// All pages, their pictures and their script.
pub(super) fn routes(to: &mut web::ServiceConfig) {
    let in_words = from_fn(refusals::in_the_visitors_words);
    let headers = from_fn(super::headers::add);
    let pages = web::scope("").wrap(from_fn(problem::without_nul)).wrap(in_words);
    to.service(pages.wrap(headers).wrap(Compress::default()).configure(all));
}

fn all(to: &mut web::ServiceConfig) {
    to.configure(reconcile::routes)
        .route("/", web::get().to(home::home))
        .route("/live", web::get().to(live::live))
        .route("/areas/{area}", web::get().to(areas::area))
        .route("/places/{place}", web::get().to(place::place))
        .route("/households", web::get().to(register::households))
        .route("/households/{household}", web::get().to(register::household))
        .route(
            "/households/{household}/owner-key",
            web::get().to(owner_key::show),
        )
        .route(
            "/households/{household}/owner-key",
            web::post().to(owner_key::make),
        )
        .route(
            "/households/{household}/owner-key/revoke",
            web::post().to(owner_key::revoke),
        )
        .route("/own", web::get().to(owner_list::page))
        .route("/own/list.xlsx", web::get().to(owner_list::file))
        .route("/own/leave", web::post().to(owner_list::leave))
        .route("/own/{token}", web::get().to(owner_list::enter))
        .route("/stalls/{stall}", web::get().to(register::stall))
        .route("/stalls/{stall}/codes", web::post().to(codes::issue))
        .route("/stalls/{stall}/accounts", web::post().to(accounts::add))
        .route("/stalls/{stall}/bills", web::post().to(bills::make))
        .route("/bills/{bill}", web::get().to(bills::show))
        .route("/places/{place}/codes", web::post().to(packs::issue_all))
        .route("/places/{place}/packs", web::post().to(packs::order))
        .route("/packs/{pack}.pdf", web::get().to(packs::file))
        .route("/packs/{pack}", web::get().to(packs::show))
        .route("/codes/{serial}.svg", web::get().to(codes::svg))
        .route("/codes/{serial}.png", web::get().to(codes::png))
        .route("/codes/undo", web::post().to(codes::undo))
        .route("/codes/{serial}/end", web::post().to(codes::end))
        .route("/codes/{serial}/{card}", web::get().to(codes::card))
        .route("/links/{link}/approve", web::post().to(codes::approve))
        .route("/owner-messages/{message}/told", web::post().to(codes::told))
        .route("/k/{serial}", web::get().to(codes::check))
        .route("/k", web::get().to(codes::by_serial))
        .route("/check", web::get().to(card_check::page))
        .route("/check/code", web::post().to(card_check::code))
        .route("/check/photo", web::post().to(card_check::photo))
        .route("/check/lists/{place}", web::get().to(offline_check::list))
        .route("/check/walk", web::post().to(offline_check::tell))
        .route("/sw.js", web::get().to(offline_check::worker))
        .route("/api/docs", web::get().to(api_docs::docs))
        .route("/review", web::get().to(review::review))
        .route("/review/{notice}", web::get().to(review_notice::show))
        .route("/review/{notice}/{act}", web::post().to(review_notice::act))
        .route("/providers", web::get().to(providers::providers))
        .route("/sign-in", web::get().to(sign_in::page))
        .route("/sign-in", web::post().to(sign_in::by_form))
        .route("/sign-in/pin", web::post().to(sign_in::choose_pin))
        .route("/sign-out", web::post().to(sign_in::out))
        .route("/sessions", web::get().to(sessions::list))
        .route("/sessions/end", web::post().to(sessions::end))
        .route("/assets/{name}", web::get().to(assets::asset));
}

//! Pages for people: Vietnamese first, English by a switch, drawn on the server.
//!
//! Each page works without script; script only keeps the first page moving and filters long tables.
//! Nothing is loaded from elsewhere and nothing is written inside a page that a browser would run, so
//! the policy sent with every page can forbid both.

mod answer;
mod api_docs;
mod areas;
mod assets;
mod bills;
mod case;
mod codes;
mod exceptions;
mod frame;
mod home;
mod live;
mod own;
mod owner_key;
mod packs;
mod providers;
mod reconcile;
mod register;
mod report;
mod review;
mod sign_in;
mod statement;
mod uploads;
mod walk;
mod wall;
mod words;

use actix_web::web;

pub use answer::not_found;
pub use codes::card_of;
pub use live::Live;
pub use packs::Packs;
pub use report::report_html;
pub use uploads::Uploads;

/// All pages, their pictures and their script.
pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/", web::get().to(home::home))
        .route("/live", web::get().to(live::live))
        .route("/areas/{area}", web::get().to(areas::area))
        .route("/places/{place}", web::get().to(register::place))
        .route("/households", web::get().to(register::households))
        .route("/households/{household}", web::get().to(register::household))
        .route(
            "/households/{household}/owner-key",
            web::post().to(owner_key::make),
        )
        .route(
            "/households/{household}/owner-key/revoke",
            web::post().to(owner_key::revoke),
        )
        .route("/own", web::get().to(own::page))
        .route("/own/list.xlsx", web::get().to(own::file))
        .route("/own/leave", web::post().to(own::leave))
        .route("/own/{token}", web::get().to(own::enter))
        .route("/stalls/{stall}", web::get().to(register::stall))
        .route("/stalls/{stall}/codes", web::post().to(codes::issue))
        .route("/stalls/{stall}/bills", web::post().to(bills::make))
        .route("/bills/{bill}", web::get().to(bills::show))
        .route("/places/{place}/codes", web::post().to(packs::issue_all))
        .route("/places/{place}/packs", web::post().to(packs::order))
        .route("/packs/{pack}.pdf", web::get().to(packs::file))
        .route("/packs/{pack}", web::get().to(packs::show))
        .route("/codes/{serial}.svg", web::get().to(codes::svg))
        .route("/codes/{serial}.png", web::get().to(codes::png))
        .route("/codes/{serial}/end", web::post().to(codes::end))
        .route("/codes/{serial}/{card}", web::get().to(codes::card))
        .route("/links/{link}/approve", web::post().to(codes::approve))
        .route("/owner-messages/{message}/told", web::post().to(codes::told))
        .route("/k/{serial}", web::get().to(codes::check))
        .route("/k", web::get().to(codes::by_serial))
        .route("/check", web::get().to(wall::page))
        .route("/check/code", web::post().to(wall::code))
        .route("/check/photo", web::post().to(wall::photo))
        .route("/check/lists/{place}", web::get().to(walk::list))
        .route("/check/walk", web::post().to(walk::tell))
        .route("/sw.js", web::get().to(walk::worker))
        .route("/api/docs", web::get().to(api_docs::docs))
        .route("/review", web::get().to(review::review))
        .route("/reconcile", web::get().to(reconcile::page))
        .route("/reconcile/exceptions.csv", web::get().to(exceptions::csv))
        .route("/reconcile/exceptions", web::get().to(exceptions::queue))
        .route("/reconcile/exceptions.xlsx", web::get().to(exceptions::workbook))
        .route("/reconcile/books.xlsx", web::get().to(reconcile::books))
        .route("/reconcile/case", web::get().to(case::case))
        .route("/reconcile/case/{act}", web::post().to(case::act))
        .route("/reconcile/bulk", web::post().to(exceptions::bulk))
        .route("/reconcile/days/{act}", web::post().to(reconcile::close))
        .route("/reconcile/statements/new", web::get().to(statement::new))
        .route("/reconcile/statements", web::post().to(statement::hand_in))
        .route("/reconcile/statements/{upload}", web::get().to(statement::show))
        .route(
            "/reconcile/statements/{upload}/progress",
            web::get().to(statement::progress),
        )
        .route(
            "/reconcile/statements/{upload}/rejects.csv",
            web::get().to(statement::rejects),
        )
        .route(
            "/reconcile/statements/{upload}/mapping",
            web::post().to(statement::map),
        )
        .route(
            "/reconcile/statements/{upload}/import",
            web::post().to(statement::import),
        )
        .route(
            "/reconcile/statements/{upload}/drop",
            web::post().to(statement::drop_it),
        )
        .route("/providers", web::get().to(providers::providers))
        .route("/sign-in", web::get().to(sign_in::by_link))
        .route("/sign-in", web::post().to(sign_in::by_form))
        .route("/sign-out", web::post().to(sign_in::out))
        .route("/assets/{name}", web::get().to(assets::asset));
}

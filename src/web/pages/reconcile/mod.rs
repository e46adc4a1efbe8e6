//! Statements against receipts: the overview of days, the queue of exceptions and each of them, and the way in of a
//! statement.

mod common;
mod exception;
mod exceptions;
mod overview;
mod upload;
mod upload_view;
mod uploads;

use actix_web::web;

pub(crate) use uploads::Uploads;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/reconcile", web::get().to(overview::page))
        .route("/reconcile/exceptions.csv", web::get().to(exceptions::csv))
        .route("/reconcile/exceptions", web::get().to(exceptions::queue))
        .route("/reconcile/exceptions.xlsx", web::get().to(exceptions::workbook))
        .route("/reconcile/books.xlsx", web::get().to(overview::books))
        .route("/reconcile/case", web::get().to(exception::show))
        .route("/reconcile/case/{act}", web::post().to(exception::act))
        .route("/reconcile/bulk", web::post().to(exceptions::bulk))
        .route("/reconcile/days/{act}", web::post().to(overview::close))
        .route("/reconcile/statements/new", web::get().to(upload::new))
        .route("/reconcile/statements", web::post().to(upload::send))
        .route("/reconcile/statements/{upload}", web::get().to(upload::show))
        .route(
            "/reconcile/statements/{upload}/progress",
            web::get().to(upload::progress),
        )
        .route(
            "/reconcile/statements/{upload}/rejects.csv",
            web::get().to(upload::rejects),
        )
        .route(
            "/reconcile/statements/{upload}/mapping",
            web::post().to(upload::map),
        )
        .route(
            "/reconcile/statements/{upload}/import",
            web::post().to(upload::import),
        )
        .route(
            "/reconcile/statements/{upload}/drop",
            web::post().to(upload::discard),
        );
}

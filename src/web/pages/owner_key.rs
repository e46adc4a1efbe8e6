//! The link with which an owner opens the own list: made and revoked by an officer, who cannot open it.

use actix_web::{HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, encoded};
use super::officer::Officer;
use crate::access::{token_sha256, token_text};
use crate::clock::now;
use crate::store::Missing;
use crate::vietqr::Symbol;
use crate::vn::Day;
use crate::web::{Problem, ProblemKind, Shared};

#[derive(Template)]
#[template(path = "owner_key.html")]
struct OwnerKeyPage {
    frame: Frame,
    household: String,
    household_href: String,
    link: String,
    /// The symbol of the link, inside the page: no other request carries the key.
    picture: String,
}

/// `POST /households/{household}/owner-key`: makes the owner's link and shows it, this once.
pub(super) async fn make(
    officer: Officer,
    household: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    officer.answer(made(&officer, &household, &shared).await.map_err(|fault| {
        let words = officer.visit.pick("Về trang của hộ", "Back to the household");
        fault.or_go(href_of(&household), words.to_owned())
    }))
}

async fn made(officer: &Officer, household_id: &str, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let time = now();
    let (household, _) = shared
        .store
        .household(household_id, Day::of(time))
        .await?
        .ok_or(Missing::Household)?;
    let undone = |cause: &str| {
        let sentence = (
            "Chưa tạo được liên kết. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
            "The link could not be made. Try again; if it still fails, give the administrator this id.",
        );
        let problem = Problem::new(ProblemKind::OwnerKey, sentence);
        tracing::error!(
            cause,
            request_id = problem.request_id,
            "an owner's link could not be made"
        );
        problem
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| undone(&error.to_string()))?;
    let token = token_text(random);
    // The proxy that makes it https is the one that knows the host's name.
    let origin = match &shared.public_host {
        Some(host) => format!("https://{host}"),
        None => visit.origin.clone(),
    };
    let link = format!("{origin}/own/{token}");
    let symbol = Symbol::of_link(&link).ok_or_else(|| undone("the link is too long"))?;
    shared
        .store
        .make_owner_key(household_id, &token_sha256(&token), officer.person.at(time))
        .await?;
    tracing::info!(
        person = officer.person.name,
        household_id,
        "an owner's link was made"
    );
    let drawn = symbol.svg(visit.pick("Mã QR của liên kết", "QR code of the link"));
    Html::of(&OwnerKeyPage {
        frame: officer.frame(visit.pick("Liên kết của chủ hộ", "The owner's link")),
        household: household.name,
        household_href: href_of(household_id),
        link,
        picture: format!("data:image/svg+xml;base64,{}", STANDARD.encode(drawn)),
    })
}

/// `POST /households/{household}/owner-key/revoke`
pub(super) async fn revoke(
    officer: Officer,
    household: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let actor = officer.person.at(now());
    match shared.store.revoke_owner_key(&household, actor).await {
        Ok(_) => answer::seen(&format!("{}#owner", href_of(&household))),
        Err(error) => officer.answer(Err(error.into())),
    }
}

fn href_of(household_id: &str) -> String {
    format!("/households/{}", encoded(household_id))
}

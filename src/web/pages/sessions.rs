//! Where a person is signed in, and signing out elsewhere.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::answer::{self, Html};
use super::frame::{Fault, Frame};
use super::officer::Officer;
use crate::clock::now;
use crate::store::SessionRow;
use crate::vn::Lang;
use crate::web::Shared;
use crate::web::session::own_session_id;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    sessions: Vec<SessionView>,
    has_others: bool,
}

struct SessionView {
    id: String,
    device: String,
    opened: String,
    seen: String,
    ends: String,
    is_own: bool,
}

/// What is to end: one session by its name, or all but the one that asks.
#[derive(serde::Deserialize)]
pub(super) struct EndForm {
    id: Option<String>,
}

/// `GET /sessions`
pub(super) async fn list(officer: Officer, request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(listed(&officer, &request, &shared).await)
}

async fn listed(officer: &Officer, request: &HttpRequest, shared: &Shared) -> Result<Html, Fault> {
    let lang = officer.visit.lang;
    let rows = shared.store.sessions_of(&officer.person.name, now()).await?;
    let own = own_session_id(request);
    let sessions: Vec<SessionView> = rows
        .into_iter()
        .map(|row| view(row, own.as_deref(), lang))
        .collect();
    Html::of(&SessionsPage {
        frame: officer.frame(
            officer
                .visit
                .pick("Máy đang đăng nhập", "Where you are signed in"),
        ),
        has_others: sessions.iter().any(|session| !session.is_own),
        sessions,
    })
}

fn view(row: SessionRow, own: Option<&str>, lang: Lang) -> SessionView {
    let unknown = lang.pick("Máy không rõ", "An unknown device");
    SessionView {
        is_own: own == Some(row.id.as_str()),
        id: row.id,
        device: if row.device.is_empty() {
            unknown.to_owned()
        } else {
            row.device
        },
        opened: row.opened_at.show(),
        seen: row.seen_at.show(),
        ends: row.expires_at.show(),
    }
}

/// `POST /sessions/end`
pub(super) async fn end(
    officer: Officer,
    request: HttpRequest,
    form: web::Form<EndForm>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    match ended(&officer, &request, &form, &shared).await {
        Ok(()) => answer::seen("/sessions"),
        Err(fault) => officer.answer(Err(fault)),
    }
}

async fn ended(
    officer: &Officer,
    request: &HttpRequest,
    form: &EndForm,
    shared: &Shared,
) -> Result<(), Fault> {
    let name = &officer.person.name;
    match &form.id {
        // One that ended by itself meanwhile is ended as well.
        Some(id) => {
            shared.store.end_session_of(name, id).await?;
        }
        None => {
            let own = own_session_id(request).unwrap_or_default();
            shared.store.end_other_sessions(name, &own).await?;
        }
    }
    tracing::info!(person = name, "signed out elsewhere");
    Ok(())
}

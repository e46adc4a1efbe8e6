//! A signed-in person at a page; whoever is not signed in gets the sign-in page instead of the handler.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};

use super::answer::{self, Html};
use super::frame::{Fault, Frame, Visit};
use super::sign_in;
use crate::web::{Person, Problem, ProblemKind};

/// A signed-in person at a page. Whoever is not gets the sign-in page instead of the handler.
#[derive(Debug, Clone)]
pub(super) struct Officer {
    pub visit: Visit,
    pub person: Person,
}

impl Officer {
    /// The frame of a page with this title.
    pub fn frame(&self, title: impl Into<String>) -> Frame {
        self.visit.frame(title, Some(&self.person))
    }

    /// A handler's last line: the page, or a page that says what went wrong.
    pub fn answer(&self, made: Result<Html, Fault>) -> HttpResponse {
        match made {
            Ok(html) => answer::page(&self.visit, html),
            Err(fault) => answer::fault(&self.visit, Some(&self.person), fault),
        }
    }
}

impl FromRequest for Officer {
    type Error = NotSignedIn;
    type Future = Pin<Box<dyn Future<Output = Result<Officer, NotSignedIn>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visit = Visit::of(request);
        let person = Person::from_request(request, payload);
        Box::pin(async move {
            match person.await {
                Ok(person) => Ok(Officer { visit, person }),
                Err(problem) => Err(NotSignedIn { visit, problem }),
            }
        })
    }
}

/// Somebody who cannot see the page yet.
#[derive(Debug)]
pub(super) struct NotSignedIn {
    visit: Visit,
    problem: Problem,
}

impl std::fmt::Display for NotSignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for NotSignedIn {
    fn status_code(&self) -> actix_web::http::StatusCode {
        self.problem.status_code()
    }

    /// A stranger is asked to sign in, with 200 as docs/spec/contract.md, section 3 promises; a refused change or a
    /// database that is away is said as it is.
    fn error_response(&self) -> HttpResponse {
        match self.problem.kind {
            ProblemKind::SignIn => sign_in::ask(&self.visit, &self.visit.here, None),
            _ => answer::fault(&self.visit, None, self.problem.clone().into()),
        }
    }
}

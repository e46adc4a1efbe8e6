//! Who looks at a page, in which language, and what stands around its content.

use std::collections::HashMap;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::assets::{Hrefs, hrefs};
use super::words;
use crate::store::{Missing, StoreError};
use crate::vn::{Day, Lang, sentence};
use crate::web::own_path::own_path;
use crate::web::peer::Peer;
use crate::web::{Person, Problem, ProblemKind};

/// The cookie that remembers the language.
pub(super) const LANG_COOKIE: &str = "choso_lang";

/// A request for a page: the language asked for and the question behind the `?`.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// The language of the page.
    pub lang: Lang,
    /// Whether the address itself names the language; then it is remembered.
    pub lang_was_chosen: bool,
    /// Path and question, to come back to. A page that changes something is not come back to.
    pub here: String,
    /// Whether the way to the visitor is encrypted.
    pub is_tls: bool,
    path: String,
    question: HashMap<String, String>,
}

impl Visit {
    /// Reads the request; anything odd in the question is as if it were not there.
    pub fn of(request: &HttpRequest) -> Visit {
        let question = web::Query::<HashMap<String, String>>::from_query(request.query_string())
            .map(web::Query::into_inner)
            .unwrap_or_default();
        let chosen = question.get("lang").and_then(|word| lang_of(word));
        let kept = request.cookie(LANG_COOKIE).and_then(|c| lang_of(c.value()));
        let whole = request.uri().path_and_query().map_or("/", |p| p.as_str());
        let here = request.method().is_safe().then(|| own_path(whole)).flatten();
        Visit {
            lang: chosen.or(kept).unwrap_or_default(),
            lang_was_chosen: chosen.is_some(),
            here: here.unwrap_or_else(|| "/".to_owned()),
            is_tls: Peer::of(request).is_tls,
            path: request.uri().path().to_owned(),
            question,
        }
    }

    /// What the question says under this name; nothing if it is empty.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.question
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Takes something out of the question, so that no link of the page repeats it.
    pub fn forget(&mut self, name: &str) -> Option<String> {
        self.question.remove(name)
    }

    /// A day in the question, or the other one. Browsers send `YYYY-MM-DD` from a date field.
    pub fn day(&self, name: &str, otherwise: Day) -> Result<Day, Problem> {
        let Some(text) = self.asked(name) else {
            return Ok(otherwise);
        };
        text.parse().map_err(|_| {
            let detail = sentence!(
                "«{text}» không phải là một ngày. Hãy viết NĂM-THÁNG-NGÀY, ví dụ 2024-06-15.",
                "«{text}» is not a day. Write YEAR-MONTH-DAY, for example 2024-06-15."
            );
            Problem::invalid(name, detail)
        })
    }

    /// The one of two texts in the visitor's language.
    pub fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(vi, en)
    }

    /// This page in the other language.
    fn switch_href(&self) -> String {
        let mut pairs: Vec<(&String, &String)> = self.question.iter().filter(|(k, _)| *k != "lang").collect();
        pairs.sort();
        // A path that a browser would take for a host is none of ours.
        let path = own_path(&self.path).unwrap_or_else(|| "/".to_owned());
        let mut href = format!("{path}?");
        for (name, value) in pairs {
            href.push_str(&format!("{}={}&", encoded(name), encoded(value)));
        }
        href + "lang=" + lang_word(self.other_lang())
    }

    fn other_lang(&self) -> Lang {
        match self.lang {
            Lang::Vi => Lang::En,
            Lang::En => Lang::Vi,
        }
    }

    /// The frame of a page with this title.
    pub fn frame(&self, title: impl Into<String>, person: Option<&Person>) -> Frame {
        Frame {
            lang: self.lang,
            title: title.into(),
            person: person.map(|p| p.name.clone()),
            switch_href: self.switch_href(),
            message: self
                .asked("done")
                .and_then(|word| words::done(self.lang, word, self.asked("n"))),
            section: section_of(&self.path),
            hrefs: hrefs(),
        }
    }
}

impl FromRequest for Visit {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Visit, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Visit::of(request)))
    }
}

/// What a page cannot show, with a way on.
#[derive(Debug)]
pub(super) struct Fault {
    /// Status, sentence, request id. Boxed, so that what handlers pass on by `?` stays small.
    pub problem: Box<Problem>,
    /// A link to go on with: address and words.
    pub way_on: Option<(String, String)>,
}

impl Fault {
    /// Offers a link, unless it has a better one.
    pub fn or_go(mut self, href: String, words: String) -> Fault {
        self.way_on.get_or_insert((href, words));
        self
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault {
            problem: Box::new(problem),
            way_on: None,
        }
    }
}

impl From<Missing> for Fault {
    fn from(missing: Missing) -> Fault {
        Problem::from(missing).into()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Problem::from(error).into()
    }
}

impl From<askama::Error> for Fault {
    /// A template writes to memory and cannot fail; should it ever, the log says where.
    fn from(error: askama::Error) -> Fault {
        let detail = (
            "Trang chưa vẽ được. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
            "The page could not be drawn. Try again; if it still fails, give the administrator this id.",
        );
        let problem = Problem::new(ProblemKind::Page, detail);
        tracing::error!(%error, request_id = problem.request_id, "a page could not be drawn");
        problem.into()
    }
}

/// What stands around the content of a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub lang: Lang,
    pub title: String,
    /// Who is signed in.
    pub person: Option<String>,
    /// This page in the other language.
    pub switch_href: String,
    /// What was just done.
    pub message: Option<String>,
    /// First part of the path: which entry of the menu is marked.
    pub section: &'static str,
    pub hrefs: Hrefs,
}

impl Frame {
    /// `vi` or `en`, for the root element.
    pub fn code(&self) -> &'static str {
        lang_word(self.lang)
    }

    /// The one of two texts in the page's language.
    pub fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(vi, en)
    }
}

fn section_of(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "" => "home",
        "areas" => "areas",
        "households" | "places" | "stalls" | "packs" | "bills" => "households",
        "check" => "check",
        "review" => "review",
        "reconcile" => "reconcile",
        "providers" => "providers",
        _ => "",
    }
}

/// `vi` or `en`.
pub(super) fn lang_word(lang: Lang) -> &'static str {
    lang.pick("vi", "en")
}

fn lang_of(word: &str) -> Option<Lang> {
    match word {
        "vi" => Some(Lang::Vi),
        "en" => Some(Lang::En),
        _ => None,
    }
}

/// A text for the question of an address, or for one part of its path.
pub(super) fn encoded(text: &str) -> String {
    // RFC 3986 calls all but `@` unreserved; `@` stands in the ids of areas (`20242@2025-07-01`).
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~')
        .remove(b'@');
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn all_but_letters_digits_and_five_signs_is_encoded() {
        let kept = "-.0123456789@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
        for c in '\0'..='\u{7f}' {
            let wanted = if kept.contains(c) {
                c.to_string()
            } else {
                format!("%{:02X}", u32::from(c))
            };
            assert_eq!(encoded(&c.to_string()), wanted);
        }
        assert_eq!(encoded("Hộ & 😀"), "H%E1%BB%99%20%26%20%F0%9F%98%80");
    }

    #[test]
    fn the_switch_keeps_the_question_and_changes_the_language() {
        let request = TestRequest::get()
            .uri("/households?q=H%E1%BB%99+%26&lang=vi")
            .to_http_request();
        let visit = Visit::of(&request);
        assert_eq!(visit.asked("q"), Some("Hộ &"));
        assert_eq!(visit.switch_href(), "/households?q=H%E1%BB%99%20%26&lang=en");
    }

    #[test]
    fn the_language_is_vietnamese_unless_asked_otherwise() {
        let lang = |uri: &str| Visit::of(&TestRequest::get().uri(uri).to_http_request()).lang;
        assert_eq!(lang("/"), Lang::Vi);
        assert_eq!(lang("/?lang=en"), Lang::En);
        assert_eq!(lang("/?lang=xx"), Lang::Vi);
    }

    #[test]
    fn no_link_of_a_page_leads_to_a_host_in_the_path() {
        let request = TestRequest::get().uri("//example.org/x").to_http_request();
        let visit = Visit::of(&request);
        assert_eq!(visit.switch_href(), "/?lang=en");
        assert_eq!(visit.here, "/");
    }

    #[test]
    fn after_signing_in_nobody_is_led_back_to_a_change() {
        let request = TestRequest::post().uri("/stalls/1/codes").to_http_request();
        assert_eq!(Visit::of(&request).here, "/");
    }
}

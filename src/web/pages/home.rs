//! The first page: today, live.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::frame::{Fault, Frame, encoded};
use super::live::{Card, Live, Snapshot, Term, cards, clock, movement_words, terms};
use super::officer::Officer;
use super::words;
use crate::places::UnitIx;
use crate::vn::Lang;
use crate::web::Shared;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    area_name: String,
    area_href: String,
    as_of: String,
    at: String,
    live_href: String,
    choices: Vec<Choice>,
    cards: Vec<Card>,
    terms: Vec<Term>,
    holds: bool,
    repeats: String,
    movement: String,
}

/// A unit to choose.
struct Choice {
    value: String,
    name: String,
    is_chosen: bool,
}

/// `GET /`
pub(super) async fn home(officer: Officer, shared: web::Data<Shared>, live: web::Data<Live>) -> HttpResponse {
    officer.answer(show(&officer, &shared, &live).await)
}

async fn show(officer: &Officer, shared: &Shared, live: &Live) -> Result<Html, Fault> {
    let lang = officer.visit.lang;
    let snapshot = live.snapshot(&shared.store).await?;
    let back = || {
        (
            "/".to_owned(),
            lang.pick("Về trang đầu", "To the first page").to_owned(),
        )
    };
    let found = snapshot.area(&officer.visit).map_err(|p| {
        let (href, words) = back();
        Fault::from(p).or_go(href, words)
    })?;
    let (area_name, area_id, cards) = match found {
        None => (String::new(), String::new(), Vec::new()),
        Some(area) => {
            let unit = snapshot.units.get(area);
            let cards = match snapshot.report(area) {
                Ok(report) => cards(&report, lang),
                Err(_) => return Err(ended(officer, &snapshot, area)),
            };
            (words::capital(&unit.full_name(lang)), unit.id.to_string(), cards)
        }
    };
    Html::of(&HomePage {
        frame: officer.frame(lang.pick("Hôm nay", "Today")),
        area_name,
        area_href: format!("/areas/{}", encoded(&area_id)),
        as_of: snapshot.today.show(),
        at: clock(snapshot.taken_at),
        live_href: format!(
            "/live?area={}&lang={}",
            encoded(&area_id),
            super::frame::lang_word(lang)
        ),
        choices: choices(&snapshot, found, lang),
        cards,
        terms: terms(&snapshot.totals, lang),
        holds: snapshot.totals.conservation_holds(),
        repeats: words::number(lang, snapshot.totals.repeats),
        movement: movement_words(snapshot.movement, lang),
    })
}

/// A unit of another time was asked for: it has a report, but no today.
fn ended(officer: &Officer, snapshot: &Snapshot, area: UnitIx) -> Fault {
    super::areas::not_there(&officer.visit, snapshot.units.get(area), snapshot.today)
}

/// Units with households, larger ones first, then by name.
fn choices(snapshot: &Snapshot, chosen: Option<UnitIx>, lang: Lang) -> Vec<Choice> {
    let mut units: Vec<UnitIx> = snapshot.inhabited.iter().copied().collect();
    units.extend(chosen.filter(|ix| !snapshot.inhabited.contains(ix)));
    units.sort_by_cached_key(|&ix| {
        let unit = snapshot.units.get(ix);
        (unit.level.is_commune_level(), crate::vn::sort_key(&unit.name))
    });
    let choice = |ix: UnitIx| Choice {
        value: snapshot.units.get(ix).id.to_string(),
        name: words::capital(&snapshot.units.get(ix).full_name(lang)),
        is_chosen: Some(ix) == chosen,
    };
    units.into_iter().map(choice).collect()
}

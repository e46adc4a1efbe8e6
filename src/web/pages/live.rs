//! Today's figures, counted once a second however many people look.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::frame::Visit;
use super::words;
use crate::clock::now;
use crate::indicators::{Facts, Figure, Question, Report, ReportError, report, rule_sentence};
use crate::places::{Boundaries, Location, UnitIx, Units};
use crate::store::{IntakeTotals, StateTotal, Store};
use crate::vn::{Day, Dong, Lang, TimeMs};
use crate::web::{Person, Problem, ProblemKind, Shared};

/// Figures older than this are counted again when somebody asks.
const FRESH_MS: i64 = 1000;
/// Two looks further apart than this do not tell when something came.
const MOVEMENT_AGE_MS_MAX: i64 = 15_000;
/// The five indicators that the first page shows (docs/spec/domain.md, section 4, numbers 1 to 5).
const SHOWN: [&str; 5] = [
    "household_account_coverage",
    "household_qr_coverage",
    "street_attainment",
    "market_coverage",
    "active_adoption",
];

/// What pages remember between requests: one state of the database. Nothing here grows with the number
/// of viewers.
#[derive(Default)]
pub struct Live {
    newest: tokio::sync::Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    snapshot: Option<Arc<Snapshot>>,
    /// When the database last failed; those who wait are told at once instead of trying in turn.
    failed_at: Option<TimeMs>,
}

/// One state of the database, with the figures counted from it so far.
pub(super) struct Snapshot {
    /// When it was read.
    pub taken_at: TimeMs,
    /// The day it is for.
    pub today: Day,
    pub units: Units,
    /// The facts of the day.
    pub facts: Facts,
    pub totals: IntakeTotals,
    /// What came since the state before.
    pub movement: Option<Movement>,
    /// Units that hold households today, with the units above them.
    pub inhabited: BTreeSet<UnitIx>,
    /// The smallest unit that holds all households.
    pub home: Option<UnitIx>,
    /// One for each area asked for, so at most one for each unit.
    reports: Mutex<HashMap<UnitIx, Arc<Report>>>,
}

/// Items that came between two looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Movement {
    /// When they were seen.
    pub at: TimeMs,
    /// How many, and how much.
    pub received: StateTotal,
}

impl Live {
    /// The state of the database, at most a second old. One caller reads it, the others wait for that.
    pub(super) async fn snapshot(&self, store: &Store) -> Result<Arc<Snapshot>, Problem> {
        let mut newest = self.newest.lock().await;
        let time = now();
        let is_fresh = |at: TimeMs| (0..FRESH_MS).contains(&(time.0 - at.0));
        if let Some(snapshot) = newest.snapshot.as_ref().filter(|s| is_fresh(s.taken_at)) {
            return Ok(snapshot.clone());
        }
        if newest.failed_at.is_some_and(is_fresh) {
            return Err(busy());
        }
        match Snapshot::take(store, time, newest.snapshot.as_deref()).await {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                newest.snapshot = Some(snapshot.clone());
                Ok(snapshot)
            }
            Err(problem) => {
                newest.failed_at = Some(now());
                Err(problem)
            }
        }
    }
}

fn busy() -> Problem {
    let detail = (
        "Chưa đọc được số liệu. Hãy thử lại sau vài giây.",
        "The figures could not be read. Try again in a few seconds.",
    );
    Problem::new(ProblemKind::Database, detail).retry_after(2)
}

impl Snapshot {
    async fn take(store: &Store, time: TimeMs, before: Option<&Snapshot>) -> Result<Snapshot, Problem> {
        let today = Day::of(time);
        let (units, facts) = store.facts(today, None).await?;
        let totals = store.intake_totals().await?;
        let (inhabited, home) = inhabited(&units.under(today), &facts);
        Ok(Snapshot {
            taken_at: time,
            today,
            movement: before.and_then(|before| movement(before, totals, time)),
            units,
            facts,
            totals,
            inhabited,
            home,
            reports: Mutex::default(),
        })
    }

    /// The figures of an area today, counted when first asked for.
    pub fn report(&self, area: UnitIx) -> Result<Arc<Report>, ReportError> {
        // The lock is held while counting, so that two viewers of one area cost one count. A panic
        // while counting leaves the map whole: it is only added to.
        let mut reports = self.reports.lock().unwrap_or_else(|broken| broken.into_inner());
        if let Some(counted) = reports.get(&area) {
            return Ok(counted.clone());
        }
        let question = Question {
            area,
            as_of: self.today,
            boundaries: self.today,
            known_at: self.taken_at,
        };
        let counted = Arc::new(report(question, &self.units, &self.facts)?);
        reports.insert(area, counted.clone());
        Ok(counted)
    }

    /// The area that the first page shows: the one asked for, or the smallest that holds everything.
    pub fn area(&self, visit: &Visit) -> Result<Option<UnitIx>, Problem> {
        match visit.asked("area") {
            None => Ok(self.home),
            Some(wanted) => self
                .units
                .find(wanted, self.today)
                .map(Some)
                .map_err(|e| Problem::missing(e.sentence())),
        }
    }
}

/// What came since the state before, or what was known to have come before that.
fn movement(before: &Snapshot, totals: IntakeTotals, at: TimeMs) -> Option<Movement> {
    let received = StateTotal {
        count: totals.received.count - before.totals.received.count,
        amount_vnd: totals.received.amount_vnd - before.totals.received.amount_vnd,
    };
    let seen_lately = at.0 - before.taken_at.0 <= MOVEMENT_AGE_MS_MAX;
    if received.count > 0 && seen_lately {
        Some(Movement { at, received })
    } else {
        before.movement
    }
}

/// Units with households and everything above them, and the smallest unit that holds them all.
fn inhabited(boundaries: &Boundaries<'_>, facts: &Facts) -> (BTreeSet<UnitIx>, Option<UnitIx>) {
    let with_households: BTreeSet<usize> = facts.households.iter().map(|h| h.place).collect();
    let located: BTreeSet<UnitIx> = with_households
        .into_iter()
        .filter_map(|place| boundaries.locate(&facts.places[place].facts))
        .map(|Location { unit, .. }| unit)
        .collect();
    let mut all = BTreeSet::new();
    let mut common: Option<Vec<UnitIx>> = None;
    for unit in located {
        let chain: Vec<UnitIx> = std::iter::once(unit).chain(boundaries.parents(unit)).collect();
        common = Some(match common {
            None => chain.clone(),
            Some(common) => common.into_iter().filter(|ix| chain.contains(ix)).collect(),
        });
        all.extend(chain);
    }
    (all, common.and_then(|common| common.first().copied()))
}

/// A figure as a card shows it and as `/live` sends it.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    pub id: &'static str,
    /// Its name on screen.
    #[serde(skip)]
    pub name: &'static str,
    #[serde(skip)]
    pub rule: &'static str,
    /// What the rule counts, in a sentence.
    #[serde(skip)]
    pub how: String,
    /// `83,46%` or the words for no data.
    pub percent: String,
    /// Whether there is something to divide by.
    pub has_data: bool,
    pub numerator: String,
    pub denominator: String,
    /// How much of the bar is filled, in hundredths of a percent.
    pub bar: i64,
}

/// The cards of a report.
pub(super) fn cards(report: &Report, lang: Lang) -> Vec<Card> {
    SHOWN
        .iter()
        .filter_map(|id| report.figure(id))
        .map(|f| card(f, lang))
        .collect()
}

fn card(figure: &Figure, lang: Lang) -> Card {
    Card {
        id: figure.id,
        name: lang.pick(figure.name_vi, figure.name_en),
        rule: figure.rule,
        how: rule_sentence(figure.rule).in_lang(lang).to_owned(),
        percent: words::percent(lang, figure.ratio),
        has_data: figure.ratio.denominator() > 0,
        numerator: words::number(lang, figure.ratio.numerator()),
        denominator: words::number(lang, figure.ratio.denominator()),
        bar: words::bar(figure.ratio),
    }
}

impl Card {
    /// Shows a word instead of its figure.
    pub fn withhold(&mut self, word: String) {
        self.percent = word;
        self.has_data = false;
        self.bar = 0;
        self.numerator.clear();
        self.denominator.clear();
    }
}

/// One term of the conservation line.
#[derive(Debug, Serialize)]
pub(super) struct Term {
    /// Its name in the page.
    pub id: &'static str,
    #[serde(skip)]
    pub words: &'static str,
    /// What stands before it.
    #[serde(skip)]
    pub sign: &'static str,
    pub count: String,
    pub amount: String,
}

/// Received = posted + quarantined + ignored, ready to print.
pub(super) fn terms(totals: &IntakeTotals, lang: Lang) -> Vec<Term> {
    let term = |id, sign, words, total: StateTotal| Term {
        id,
        sign,
        words,
        count: words::number(lang, total.count),
        amount: Dong::new(total.amount_vnd).show(lang),
    };
    vec![
        term(
            "received",
            "",
            lang.pick("Đã nhận báo", "Received"),
            totals.received,
        ),
        term("posted", "=", lang.pick("Đã ghi nhận", "Posted"), totals.posted),
        term(
            "quarantined",
            "+",
            lang.pick("Chờ xem xét", "Needs review"),
            totals.quarantined,
        ),
        term("ignored", "+", lang.pick("Bỏ qua", "Ignored"), totals.ignored),
    ]
}

/// The newest movement in a sentence.
pub(super) fn movement_words(movement: Option<Movement>, lang: Lang) -> String {
    let Some(Movement { at, received }) = movement else {
        return lang
            .pick("Chưa có thông báo mới.", "No new notice yet.")
            .to_owned();
    };
    let count = words::number(lang, received.count);
    let amount = Dong::new(received.amount_vnd).show(lang).replace(' ', "\u{a0}");
    match lang {
        Lang::Vi => format!("{}: thêm {count} thông báo, {amount}", clock(at)),
        Lang::En if received.count == 1 => format!("{}: 1 more notice, {amount}", clock(at)),
        Lang::En => format!("{}: {count} more notices, {amount}", clock(at)),
    }
}

/// `09:41:05` in Viet Nam.
pub(super) fn clock(at: TimeMs) -> String {
    let iso = at.iso();
    iso.get(11..19).unwrap_or(&iso).to_owned()
}

#[derive(Serialize)]
struct LiveJson {
    at: String,
    as_of: String,
    figures: Vec<Card>,
    totals: Vec<Term>,
    holds: bool,
    repeats: String,
    movement: String,
}

/// What the script of the first page asks for every two seconds.
pub(super) async fn live(
    _: Person,
    visit: Visit,
    shared: web::Data<Shared>,
    live: web::Data<Live>,
) -> Result<HttpResponse, Problem> {
    let snapshot = live.snapshot(&shared.store).await?;
    let figures = match snapshot.area(&visit)? {
        None => Vec::new(),
        Some(area) => {
            let report = snapshot
                .report(area)
                .map_err(|e| Problem::missing(e.sentence()))?;
            cards(&report, visit.lang)
        }
    };
    let answer = LiveJson {
        at: clock(snapshot.taken_at),
        as_of: snapshot.today.show(),
        figures,
        totals: terms(&snapshot.totals, visit.lang),
        holds: snapshot.totals.conservation_holds(),
        repeats: words::number(visit.lang, snapshot.totals.repeats),
        movement: movement_words(snapshot.movement, visit.lang),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .json(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{HouseholdFact, PlaceFact, PlaceKind};
    use crate::places::{PlacedIn, UnitId, shipped};
    use crate::register::TradingStatus;

    fn facts_in(units: &Units, codes: &[&str], day: Day) -> Facts {
        let mut facts = Facts::default();
        for code in codes {
            let unit: UnitId = units.get(units.at(code, day).unwrap()).id.clone();
            facts.places.push(PlaceFact {
                place_id: (*code).to_owned(),
                kind: PlaceKind::Market {
                    name: (*code).to_owned(),
                },
                facts: vec![PlacedIn { unit, from: day }],
            });
            facts.households.push(HouseholdFact {
                status: TradingStatus::Trading,
                place: facts.places.len() - 1,
                has_account: false,
                has_code: false,
                receipts: [0; 3],
            });
        }
        facts
    }

    #[test]
    fn a_ward_sees_its_ward_and_several_wards_see_their_city() {
        let (all, edges) = shipped();
        let units = Units::new(all, edges).unwrap();
        let day = Day::ymd(2026, 1, 15);
        let home = |codes: &[&str]| {
            let (_, home) = inhabited(&units.under(day), &facts_in(&units, codes, day));
            home.map(|ix| units.get(ix).id.code.clone())
        };
        assert_eq!(home(&["20242"]).as_deref(), Some("20242"));
        assert_eq!(home(&["20242", "20257"]).as_deref(), Some("48"));
        assert_eq!(home(&[]), None);
    }
}

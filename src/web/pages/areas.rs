//! The page of an area: its figures, units, markets and streets, as of a day.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::frame::{Fault, Frame, Visit, encoded};
use super::live::Live;
use super::officer::Officer;
use super::report::ReportView;
use super::words;
use crate::clock::now;
use crate::indicators::{Question, Report, not_come_yet, report};
use crate::places::{Unit, Units};
use crate::vn::{Day, Lang, sentence};
use crate::web::{Problem, ProblemKind, Shared};

#[derive(Template)]
#[template(path = "area.html")]
struct AreaPage {
    frame: Frame,
    report: ReportView,
    /// What is printed in its place: without figures of few households.
    printed: Option<ReportView>,
    as_of: String,
    boundaries: String,
    downloads: Vec<(&'static str, String)>,
}

impl AreaPage {
    fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.frame.pick(vi, en)
    }
}

/// `GET /areas/{area}?as_of=…&boundaries=…`
pub(super) async fn area(
    officer: Officer,
    area: web::Path<String>,
    shared: web::Data<Shared>,
    live: web::Data<Live>,
) -> HttpResponse {
    officer.answer(show(&officer, &area, &shared, &live).await)
}

async fn show(officer: &Officer, area: &str, shared: &Shared, live: &Live) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let today = Day::of(now());
    let as_of = visit.day("as_of", today)?;
    let boundaries = visit.day("boundaries", as_of)?;
    if let Some(sentence) = not_come_yet(as_of, today) {
        let href = format!("/areas/{}", encoded(area));
        let words = visit
            .pick("Xem số liệu hôm nay", "See today's figures")
            .to_owned();
        return Err(Fault::from(Problem::invalid("as_of", sentence)).or_go(href, words));
    }
    let asked = AskedArea {
        name: area,
        as_of,
        boundaries,
    };
    // Today's facts are already there when somebody watches the first page.
    let (view, printed) = if as_of == today {
        let snapshot = live.snapshot(&shared.store).await?;
        let counted = counted(visit, asked, &snapshot.units, &snapshot.facts)?;
        views(&counted, &snapshot.units, visit.lang)
    } else {
        let (units, facts) = shared.store.facts(as_of, None).await?;
        let counted = counted(visit, asked, &units, &facts)?;
        views(&counted, &units, visit.lang)
    };
    Html::of(&AreaPage {
        frame: officer.frame(view.area_name.clone()),
        as_of: as_of.to_string(),
        boundaries: boundaries.to_string(),
        downloads: downloads(&view.area_id, as_of, boundaries, visit.lang),
        report: view,
        printed,
    })
}

/// What the page shows, and what is printed from it where that differs.
fn views(report: &Report, units: &Units, lang: Lang) -> (ReportView, Option<ReportView>) {
    let shown = ReportView::of(report, units, lang, true);
    (shown, ReportView::of_print(report, units, lang))
}

/// An area as the address names it, and the days asked for.
#[derive(Clone, Copy)]
struct AskedArea<'a> {
    name: &'a str,
    as_of: Day,
    boundaries: Day,
}

fn counted(
    visit: &Visit,
    asked: AskedArea<'_>,
    units: &Units,
    facts: &crate::indicators::Facts,
) -> Result<Report, Fault> {
    let back = (
        "/".to_owned(),
        visit.pick("Về trang đầu", "To the first page").to_owned(),
    );
    let area = units
        .find(asked.name, asked.boundaries)
        .map_err(|e| Fault::from(Problem::missing(e.sentence())).or_go(back.0, back.1))?;
    let boundaries = asked.boundaries;
    if !units.under(boundaries).is_valid(area) {
        return Err(not_there(visit, units.get(area), boundaries));
    }
    let question = Question {
        area,
        as_of: asked.as_of,
        boundaries,
        known_at: now(),
    };
    report(question, units, facts).map_err(|error| {
        let detail = (
            "Các số đếm không khớp nhau nên không hiện ra. Hãy báo quản trị viên mã yêu cầu này.",
            "The counts contradict each other, so they are not shown. Give the administrator this id.",
        );
        let problem = Problem::new(ProblemKind::Counts, detail);
        tracing::error!(%error, request_id = problem.request_id, "counts contradict each other");
        problem.into()
    })
}

/// The unit is of another time; the page offers a day on which it was there.
pub(super) fn not_there(visit: &Visit, unit: &Unit, boundaries: Day) -> Fault {
    let lang = visit.lang;
    let period = unit.period();
    let day_there = match period.to {
        Some(to) if to < boundaries => to,
        _ => period.from.unwrap_or(boundaries),
    };
    let name = words::capital(&unit.full_name(lang));
    let vi = words::capital(&unit.full_name(Lang::Vi));
    let en = words::capital(&unit.full_name(Lang::En));
    let code = &unit.id.code;
    let day = day_there.show();
    let of = boundaries.show();
    let detail = if period.to.is_some_and(|to| to < boundaries) {
        sentence!(
            "{vi} (mã {code}) chỉ có đến hết ngày {day}, nên không có trong ranh giới ngày {of}. Hãy chọn một ngày khi đơn vị này còn.",
            "{en} (code {code}) existed until {day} and is not there under the boundaries of {of}. Choose a day when it was there."
        )
    } else {
        sentence!(
            "{vi} (mã {code}) chỉ có từ ngày {day}, nên chưa có trong ranh giới ngày {of}. Hãy chọn một ngày sau đó.",
            "{en} (code {code}) exists since {day} and is not there under the boundaries of {of}. Choose a later day."
        )
    };
    let href = format!(
        "/areas/{}?as_of={day_there}",
        encoded(&format!("{}@{day_there}", unit.id.code))
    );
    let words = match lang {
        Lang::Vi => format!("Xem {name} ngày {}", day_there.show()),
        Lang::En => format!("See {name} as of {}", day_there.show()),
    };
    Fault::from(Problem::new(ProblemKind::Boundaries, detail)).or_go(href, words)
}

/// The same report from the API, as files.
fn downloads(area_id: &str, as_of: Day, boundaries: Day, lang: Lang) -> Vec<(&'static str, String)> {
    let question = format!("area={}&as_of={as_of}&boundaries={boundaries}", encoded(area_id));
    let href = |format: &str| format!("/api/v1/indicators?{question}&format={format}");
    vec![
        (lang.pick("Bản in (HTML)", "To print (HTML)"), href("html")),
        (lang.pick("Bảng tính (CSV)", "Spreadsheet (CSV)"), href("csv")),
        (lang.pick("Dữ liệu (JSON)", "Data (JSON)"), href("json")),
    ]
}

//! Figures over HTTP: indicators of an area, totals, notices that wait, administrative units.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::common::{Page, page_size};
use crate::clock::now;
use crate::indicators::{Question, ReportJson, csv, json, not_come_yet, report};
use crate::ledger::Reason;
use crate::store::{IntakeTotals, Missing, StoreError, WaitingNotice};
use crate::vn::{Day, Lang, Sentence, TimeMs};
use crate::web::{Person, Problem, Shared};
use crate::words;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/indicators", web::get().to(indicators))
        .route("/totals", web::get().to(totals))
        .route("/notices/waiting", web::get().to(waiting))
        .route("/units", web::get().to(units));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorParams {
    /// `CODE@DATE`, or a name if only one unit has it under these boundaries.
    #[param(example = "20242@2025-07-01")]
    area: String,
    /// The day the figures are of, `YYYY-MM-DD`; today if absent.
    #[param(value_type = Option<String>, format = Date)]
    as_of: Option<Day>,
    /// The day whose boundaries are used; the as-of day if absent.
    #[param(value_type = Option<String>, format = Date)]
    boundaries: Option<Day>,
    /// Count only what was recorded by this time, ISO 8601; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    known_at: Option<String>,
    /// `json`, `csv` or `html`; `json` if absent.
    #[param(inline)]
    format: Option<Format>,
}

/// How a report is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
    Html,
}

/// Indicators 1 to 5 of an area, its streets, markets and units.
#[utoipa::path(get, path = "/api/v1/indicators", params(IndicatorParams),
    responses((status = 200, description = "The report, in the format that was asked for.", content(
        (ReportJson = "application/json"), (String = "text/csv"), (String = "text/html")))))]
pub(super) async fn indicators(
    _: Person,
    shared: web::Data<Shared>,
    params: web::Query<IndicatorParams>,
) -> Result<HttpResponse, Problem> {
    let as_of = params.as_of.unwrap_or_else(|| Day::of(now()));
    if let Some(sentence) = not_come_yet(as_of, Day::of(now())) {
        return Err(Problem::invalid("as_of", sentence));
    }
    let boundaries = params.boundaries.unwrap_or(as_of);
    let known_at = params
        .known_at
        .as_deref()
        .map(|t| {
            TimeMs::parse(t)
                .map_err(|e| Problem::invalid("known_at", Sentence::new(e.to_string(), e.to_string())))
        })
        .transpose()?;
    let (units, facts) = shared.store.facts(as_of, known_at).await?;
    let area = units
        .find(&params.area, boundaries)
        .map_err(|e| Problem::invalid("area", e.sentence()))?;
    let question = Question {
        area,
        as_of,
        boundaries,
        known_at: known_at.unwrap_or_else(now),
    };
    let report =
        report(question, &units, &facts).map_err(|e| Problem::invalid("boundaries", e.sentence()))?;
    let name = |ending: &str| {
        let code = units.get(area).id.code.as_str();
        (
            "content-disposition",
            format!("attachment; filename=\"choso-{code}-{as_of}.{ending}\""),
        )
    };
    match params.format.unwrap_or_default() {
        Format::Json => Ok(HttpResponse::Ok().json(json(&report, &units))),
        Format::Csv => Ok(HttpResponse::Ok()
            .insert_header(name("csv"))
            .content_type("text/csv; charset=utf-8")
            .body(csv(&report, &units))),
        Format::Html => {
            let html = crate::web::report_html(&report, &units, Lang::Vi)
                .map_err(|e| Problem::invalid("format", Sentence::new(e.to_string(), e.to_string())))?;
            Ok(HttpResponse::Ok()
                .insert_header(name("html"))
                .content_type("text/html; charset=utf-8")
                .body(html))
        }
    }
}

/// Conservation: received = posted + quarantined + ignored, by count and amount.
#[utoipa::path(get, path = "/api/v1/totals",
    responses((status = 200, description = "What the counters of all providers say.", body = IntakeTotals)))]
pub(super) async fn totals(_: Person, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shared.store.intake_totals().await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitingParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A notice in quarantine, with what to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitingOut {
    #[serde(flatten)]
    notice: WaitingNotice,
    /// One Vietnamese sentence with the next step.
    sentence: &'static str,
}

/// Notices that wait for review, oldest first.
#[utoipa::path(get, path = "/api/v1/notices/waiting", params(WaitingParams),
    responses((status = 200, description = "A page of notices.", body = Page<WaitingOut>)))]
pub(super) async fn waiting(
    _: Person,
    shared: web::Data<Shared>,
    params: web::Query<WaitingParams>,
) -> Result<HttpResponse, Problem> {
    let limit = page_size(params.limit)?;
    let rows = shared
        .store
        .waiting_notices(params.cursor.as_deref(), limit + 1)
        .await;
    let mut rows = rows.map_err(|error| match error {
        StoreError::Missing(missing @ Missing::PageOfCursor) => {
            Problem::invalid("cursor", words::missing(&missing))
        }
        error => error.into(),
    })?;
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|n| n.cursor.to_string());
    let sentence = |word: &str| {
        Reason::ALL
            .iter()
            .find(|r| r.as_str() == word)
            .map_or("", |r| r.sentence().0)
    };
    let items = rows
        .into_iter()
        .map(|notice| WaitingOut {
            sentence: sentence(&notice.reason),
            notice,
        })
        .collect();
    Ok(HttpResponse::Ok().json(Page { items, next }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitParams {
    /// Units valid on this day, `YYYY-MM-DD`; today if absent.
    #[param(value_type = Option<String>, format = Date)]
    on: Option<Day>,
}

/// An administrative unit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnitOut {
    /// `CODE@VALID-FROM`, as `area` takes it.
    area: String,
    code: String,
    name: String,
    level: &'static str,
    parent_code: Option<String>,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

/// Administrative units valid on a day.
#[utoipa::path(get, path = "/api/v1/units", params(UnitParams),
    responses((status = 200, description = "The units valid on the day.", body = [UnitOut])))]
pub(super) async fn units(
    _: Person,
    shared: web::Data<Shared>,
    params: web::Query<UnitParams>,
) -> Result<HttpResponse, Problem> {
    let on = params.on.unwrap_or_else(|| Day::of(now()));
    let units = shared.store.units().await?;
    let out: Vec<UnitOut> = units
        .all()
        .filter(|(_, u)| u.period().holds(on))
        .map(|(_, u)| UnitOut {
            area: u.id.to_string(),
            code: u.id.code.clone(),
            name: u.full_name(Lang::Vi),
            level: u.level.as_str(),
            parent_code: u.parent_code.clone(),
            valid_from: u.id.from.map(|d| d.to_string()),
            valid_to: u.to.map(|d| d.to_string()),
        })
        .collect();
    Ok(HttpResponse::Ok().json(out))
}

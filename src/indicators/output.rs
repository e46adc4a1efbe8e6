//! A report as JSON and CSV.

use serde::Serialize;

use super::{Figure, MarketLine, Report, StreetLine, Tally, Withheld, WithheldLines};
use crate::places::Units;
use crate::table::neutral;
use crate::vn::{Lang, Ratio};

/// A report as JSON (docs/spec/contract.md, section 2): every figure with numerator, denominator, truncated percent
/// as text (null without a denominator), rule and the three dates.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReportJson {
    /// The area: `CODE@VALID-FROM`.
    pub area: String,
    /// Its name at that time.
    pub area_name: String,
    /// D, `YYYY-MM-DD`.
    pub as_of: String,
    /// B, `YYYY-MM-DD`.
    pub boundaries: String,
    /// K, ISO 8601.
    pub known_at: String,
    /// Classes of households counted.
    pub classes: Vec<&'static str>,
    /// The figures.
    pub figures: Vec<FigureJson>,
    /// Paused households, not counted.
    pub paused_households: i64,
    /// Households whose ward is not known under these boundaries.
    pub unknown_ward_households: i64,
    /// Streets with households: most households without an account first, then by name.
    pub streets: Vec<LineJson>,
    /// Streets without households.
    pub streets_without_households: Vec<String>,
    /// Markets.
    pub markets: Vec<MarketJson>,
    /// Units inside the area.
    pub units: Vec<UnitJson>,
}

/// A figure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FigureJson {
    /// Stable name.
    pub id: &'static str,
    /// Vietnamese name.
    pub name: &'static str,
    /// Tử số.
    pub numerator: i64,
    /// Mẫu số.
    pub denominator: i64,
    /// `"83.46"`, truncated; null when there is nothing to divide by.
    pub percent: Option<String>,
    /// The rule.
    pub rule: &'static str,
    /// D.
    pub as_of: String,
    /// B.
    pub boundaries: String,
    /// K.
    pub known_at: String,
}

/// A street.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LineJson {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Trading households.
    pub households: i64,
    /// With an account.
    pub with_account: i64,
    /// With an active code.
    pub with_code: i64,
    /// Active in 30 days.
    pub active_30: i64,
    /// Account coverage, truncated.
    pub percent: Option<String>,
}

/// A market.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MarketJson {
    /// The market and its households.
    #[serde(flatten)]
    pub line: LineJson,
    /// Trading stalls.
    pub stalls: i64,
    /// With an active code.
    pub stalls_with_code: i64,
    /// Stall coverage, truncated.
    pub stall_percent: Option<String>,
    /// Whether all stalls have a code.
    pub met: bool,
}

/// A unit inside the area.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UnitJson {
    /// The unit and its households.
    #[serde(flatten)]
    pub line: LineJson,
    /// Streets that meet STREET-ANY.
    pub streets_met: i64,
    /// Streets with households.
    pub streets: i64,
}

fn percent(ratio: Ratio) -> Option<String> {
    ratio.percent().map(|p| p.plain())
}

fn line(id: &str, name: &str, tally: &Tally) -> LineJson {
    LineJson {
        id: id.to_owned(),
        name: name.to_owned(),
        households: tally.households,
        with_account: tally.with_account,
        with_code: tally.with_code,
        active_30: tally.active[0],
        percent: tally.account_coverage().ok().and_then(percent),
    }
}

/// The JSON shape of a report.
pub fn json(report: &Report, units: &Units) -> ReportJson {
    let q = report.question;
    let area = units.get(q.area);
    let as_of = q.as_of.to_string();
    let boundaries = q.boundaries.to_string();
    let known_at = q.known_at.iso();
    let figure = |f: &Figure| FigureJson {
        id: f.id,
        name: f.name_vi,
        numerator: f.ratio.numerator(),
        denominator: f.ratio.denominator(),
        percent: percent(f.ratio),
        rule: f.rule,
        as_of: as_of.clone(),
        boundaries: boundaries.clone(),
        known_at: known_at.clone(),
    };
    let street = |s: &StreetLine| line(&s.street_id, &s.name, &s.tally);
    let market = |m: &MarketLine| MarketJson {
        line: line(&m.place_id, &m.name, &m.tally),
        stalls: m.stalls.denominator(),
        stalls_with_code: m.stalls.numerator(),
        stall_percent: percent(m.stalls),
        met: m.is_met(),
    };
    ReportJson {
        area: area.id.to_string(),
        area_name: area.full_name(Lang::Vi),
        classes: vec!["registered", "street_vendor"],
        figures: report.figures.iter().map(figure).collect(),
        paused_households: report.tally.paused,
        unknown_ward_households: report.unknown_ward.households,
        streets: report.streets.iter().map(street).collect(),
        streets_without_households: report.streets_without_households.clone(),
        markets: report.markets.iter().map(market).collect(),
        units: report
            .units
            .iter()
            .map(|u| UnitJson {
                line: line(
                    &units.get(u.unit).id.to_string(),
                    &units.get(u.unit).full_name(Lang::Vi),
                    &u.tally,
                ),
                streets_met: u.streets.numerator(),
                streets: u.streets.denominator(),
            })
            .collect(),
        as_of,
        boundaries,
        known_at,
    }
}

/// A report as CSV: UTF-8 with BOM, one line a figure, street, market or unit; cells that a spreadsheet
/// would run as a formula are neutralised (docs/spec/domain.md, section 9). A file leaves the ward: figures of fewer than
/// five households are withheld.
pub fn csv(report: &Report, units: &Units) -> Vec<u8> {
    let json = json(report, units);
    let kept_back = WithheldLines::of(report);
    let mut out = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let mut write = |cells: [&str; 9]| {
        // Writing to memory cannot fail.
        let _ = out.write_record(cells.map(|c| neutral(c).into_owned()));
    };
    write([
        "kind",
        "id",
        "name",
        "numerator",
        "denominator",
        "percent",
        "rule",
        "as_of",
        "boundaries",
    ]);
    let cells = |why: Option<Withheld>, n: i64, d: i64, percent: &Option<String>| match why {
        None => [n.to_string(), d.to_string(), percent.clone().unwrap_or_default()],
        Some(why) => [String::new(), String::new(), why.word().vi.into_owned()],
    };
    for f in &json.figures {
        let why = if f.id.starts_with("market_") {
            kept_back.market_figures
        } else {
            kept_back.all
        };
        let [n, d, p] = cells(why, f.numerator, f.denominator, &f.percent);
        write([
            "figure",
            f.id,
            f.name,
            &n,
            &d,
            &p,
            f.rule,
            &json.as_of,
            &json.boundaries,
        ]);
    }
    let streets = json.streets.iter().map(|l| ("street", l)).zip(&kept_back.streets);
    let markets = json
        .markets
        .iter()
        .map(|m| ("market", &m.line))
        .zip(&kept_back.markets);
    let inside = json.units.iter().map(|u| ("unit", &u.line)).zip(&kept_back.units);
    for ((kind, l), why) in streets.chain(markets).chain(inside) {
        let [n, d, p] = cells(*why, l.with_account, l.households, &l.percent);
        write([
            kind,
            &l.id,
            &l.name,
            &n,
            &d,
            &p,
            "HH-ACCOUNT",
            &json.as_of,
            &json.boundaries,
        ]);
    }
    for (m, why) in json.markets.iter().zip(&kept_back.markets) {
        let [n, d, p] = cells(*why, m.stalls_with_code, m.stalls, &m.stall_percent);
        write([
            "market_stalls",
            &m.line.id,
            &m.line.name,
            &n,
            &d,
            &p,
            "MARKET-STALL-QR",
            &json.as_of,
            &json.boundaries,
        ]);
    }
    out.into_inner().unwrap_or_default()
}

//! A report as texts ready to print: on its page, and as a file for disk and paper.

use askama::Template;

use super::assets::STYLE;
use super::frame::encoded;
use super::live::{Card, cards};
use super::words;
use crate::indicators::{
    Figure, MarketLine, Report, StreetLine, Tally, UnitLine, Withheld, WithheldLines, rule_sentence,
};
use crate::places::Units;
use crate::vn::{Day, Lang, Ratio, fold};

/// Everything a report says.
pub(super) struct ReportView {
    /// `Quận Hải Châu`
    pub area_name: String,
    /// `492@1997-01-01`
    pub area_id: String,
    pub as_of: String,
    pub boundaries: String,
    pub known_at: String,
    /// Whether the day is over: then today's notices change nothing.
    pub is_still: bool,
    /// Whether names lead somewhere: not in a file.
    pub is_linked: bool,
    /// The five headline figures.
    pub cards: Vec<Card>,
    pub figures: Vec<FigureRow>,
    pub households: String,
    /// Paused households, or nothing if there are none.
    pub paused: Option<String>,
    /// Units inside with households.
    pub units: Vec<UnitRow>,
    /// Names of units inside without households.
    pub units_without: Vec<String>,
    /// All of them together, where there are units.
    pub sum: Option<UnitRow>,
    pub markets: Vec<MarketRow>,
    pub streets: Vec<StreetRow>,
    pub streets_without: Vec<String>,
}

pub(super) struct FigureRow {
    pub name: &'static str,
    pub rule: &'static str,
    /// What the rule counts, in a sentence.
    pub how: String,
    pub numerator: String,
    pub denominator: String,
    pub percent: String,
    /// A variant of the figure above it: another window, a stricter rule.
    pub is_variant: bool,
}

/// A unit, "chưa rõ phường", or the sum.
pub(super) struct UnitRow {
    pub name: String,
    pub href: Option<String>,
    pub counts: Counts,
    pub streets: String,
}

pub(super) struct StreetRow {
    pub name: String,
    pub key: String,
    pub href: String,
    pub counts: Counts,
    pub is_met: bool,
    /// Then nothing is said of it.
    pub is_withheld: bool,
}

pub(super) struct MarketRow {
    pub name: String,
    pub href: String,
    pub stalls: String,
    pub stalls_with_code: String,
    pub stalls_percent: String,
    pub counts: Counts,
    pub is_met: bool,
    /// Then nothing is said of it.
    pub is_withheld: bool,
}

/// Counts of a line of households.
pub(super) struct Counts {
    pub households: String,
    pub with_account: String,
    pub without_account: String,
    pub with_code: String,
    pub active: String,
    pub percent: String,
    pub bar: i64,
}

impl Counts {
    /// A word instead of counts.
    fn withheld(word: String) -> Counts {
        Counts {
            households: String::new(),
            with_account: String::new(),
            without_account: String::new(),
            with_code: String::new(),
            active: String::new(),
            percent: word,
            bar: 0,
        }
    }

    fn of(tally: &Tally, lang: Lang) -> Counts {
        let number = |n| words::number(lang, n);
        // A tally counts households with an account among its households, so this is a coverage.
        let coverage = tally.account_coverage().unwrap_or_default();
        Counts {
            households: number(tally.households),
            with_account: number(tally.with_account),
            without_account: number(tally.without_account()),
            with_code: number(tally.with_code),
            active: number(tally.active[0]),
            percent: words::percent(lang, coverage),
            bar: words::bar(coverage),
        }
    }
}

impl ReportView {
    /// The texts of a report.
    pub fn of(report: &Report, units: &Units, lang: Lang, is_linked: bool) -> ReportView {
        let question = report.question;
        let area = units.get(question.area);
        let (with, without): (Vec<&UnitLine>, Vec<&UnitLine>) = report
            .units
            .iter()
            .partition(|u| u.tally.households + u.tally.paused > 0);
        let view = ReportView {
            area_name: words::capital(&area.full_name(lang)),
            area_id: area.id.to_string(),
            as_of: question.as_of.show(),
            boundaries: question.boundaries.show(),
            known_at: question.known_at.show(),
            is_still: question.as_of < Day::of(question.known_at),
            is_linked,
            cards: cards(report, lang),
            figures: report.figures.iter().map(|f| figure_row(f, lang)).collect(),
            households: words::number(lang, report.tally.households),
            paused: (report.tally.paused > 0).then(|| words::number(lang, report.tally.paused)),
            units: unit_rows(report, &with, units, lang),
            units_without: without
                .iter()
                .map(|u| words::capital(&units.get(u.unit).full_name(lang)))
                .collect(),
            sum: (!report.units.is_empty()).then(|| sum_row(report, lang)),
            markets: report.markets.iter().map(|m| market_row(m, lang)).collect(),
            streets: report.streets.iter().map(|s| street_row(s, lang)).collect(),
            streets_without: report.streets_without_households.clone(),
        };
        // What is linked is a page of the ward; a file may go anywhere.
        if is_linked {
            view
        } else {
            view.published(report, lang)
        }
    }

    /// What is printed from the page of an area where that differs from what the page shows: paper leaves the ward.
    pub fn of_print(report: &Report, units: &Units, lang: Lang) -> Option<ReportView> {
        WithheldLines::of(report)
            .any()
            .then(|| ReportView::of(report, units, lang, false))
    }

    /// Without what is withheld from whatever leaves the ward (docs/spec/domain.md, section 4, "Suppression").
    fn published(mut self, report: &Report, lang: Lang) -> ReportView {
        let lines = WithheldLines::of(report);
        let word = |why: Withheld| why.word().in_lang(lang).to_owned();
        let of_figure = |id: &str| {
            if id.starts_with("market_") {
                lines.market_figures
            } else {
                lines.all
            }
        };
        if let Some(why) = lines.all {
            self.households = word(why);
            if let Some(sum) = &mut self.sum {
                sum.withhold(word(why));
            }
        }
        for card in &mut self.cards {
            if let Some(why) = of_figure(card.id) {
                card.withhold(word(why));
            }
        }
        for (row, figure) in self.figures.iter_mut().zip(&report.figures) {
            if let Some(why) = of_figure(figure.id) {
                row.numerator.clear();
                row.denominator.clear();
                row.percent = word(why);
            }
        }
        if let (Some(why), Some(paused)) = (lines.paused, &mut self.paused) {
            *paused = word(why);
        }
        // Rows are those units that have households, then the ones whose ward is not known.
        let tallies = report
            .units
            .iter()
            .map(|unit| &unit.tally)
            .chain([&report.unknown_ward]);
        let of_rows = tallies
            .zip(&lines.units)
            .filter(|(tally, _)| tally.households + tally.paused > 0);
        for (row, (_, why)) in self.units.iter_mut().zip(of_rows) {
            if let Some(why) = why {
                row.withhold(word(*why));
            }
        }
        for (row, why) in self.streets.iter_mut().zip(&lines.streets) {
            if let Some(why) = why {
                row.counts = Counts::withheld(word(*why));
                row.is_withheld = true;
            }
        }
        for (row, why) in self.markets.iter_mut().zip(&lines.markets) {
            if let Some(why) = why {
                row.counts = Counts::withheld(word(*why));
                row.is_withheld = true;
                row.stalls.clear();
                row.stalls_with_code.clear();
                row.stalls_percent = word(*why);
            }
        }
        self
    }
}

impl UnitRow {
    fn withhold(&mut self, word: String) {
        self.counts = Counts::withheld(word);
        self.streets = String::new();
    }
}

fn figure_row(figure: &Figure, lang: Lang) -> FigureRow {
    let variants = [
        "STREET-COV-80",
        "STREET-ACTIVE-50",
        "MARKET-HH-QR",
        "ACTIVE-7-1",
        "ACTIVE-90-1",
    ];
    FigureRow {
        name: lang.pick(figure.name_vi, figure.name_en),
        rule: figure.rule,
        how: rule_sentence(figure.rule).in_lang(lang).to_owned(),
        numerator: words::number(lang, figure.ratio.numerator()),
        denominator: words::number(lang, figure.ratio.denominator()),
        percent: words::percent(lang, figure.ratio),
        is_variant: variants.contains(&figure.rule),
    }
}

fn fraction(ratio: Ratio, lang: Lang) -> String {
    let number = |n| words::number(lang, n);
    match ratio.denominator() {
        0 => words::percent(lang, ratio),
        d => format!("{}/{}", number(ratio.numerator()), number(d)),
    }
}

/// Units by code, then the households whose ward cannot be told.
fn unit_rows(report: &Report, lines: &[&UnitLine], units: &Units, lang: Lang) -> Vec<UnitRow> {
    let q = report.question;
    let row = |line: &&UnitLine| {
        let unit = units.get(line.unit);
        let id = encoded(&unit.id.to_string());
        UnitRow {
            name: words::capital(&unit.full_name(lang)),
            href: Some(format!(
                "/areas/{id}?as_of={}&boundaries={}",
                q.as_of, q.boundaries
            )),
            counts: Counts::of(&line.tally, lang),
            streets: fraction(line.streets, lang),
        }
    };
    let mut rows: Vec<UnitRow> = lines.iter().map(row).collect();
    let unknown = &report.unknown_ward;
    if !report.units.is_empty() && unknown.households + unknown.paused > 0 {
        rows.push(UnitRow {
            name: lang.pick("Chưa rõ phường", "Ward not known").to_owned(),
            href: None,
            counts: Counts::of(unknown, lang),
            streets: String::new(),
        });
    }
    rows
}

fn sum_row(report: &Report, lang: Lang) -> UnitRow {
    let streets = report
        .figure("street_attainment")
        .map(|f| f.ratio)
        .unwrap_or_default();
    UnitRow {
        name: lang.pick("Cộng", "Sum").to_owned(),
        href: None,
        counts: Counts::of(&report.tally, lang),
        streets: fraction(streets, lang),
    }
}

fn market_row(market: &MarketLine, lang: Lang) -> MarketRow {
    MarketRow {
        name: market.name.clone(),
        href: format!("/places/{}", encoded(&market.place_id)),
        stalls: words::number(lang, market.stalls.denominator()),
        stalls_with_code: words::number(lang, market.stalls.numerator()),
        stalls_percent: words::percent(lang, market.stalls),
        counts: Counts::of(&market.tally, lang),
        is_met: market.is_met(),
        is_withheld: false,
    }
}

fn street_row(street: &StreetLine, lang: Lang) -> StreetRow {
    StreetRow {
        name: street.name.clone(),
        key: fold(&street.name),
        href: format!("/places/{}", encoded(&street.street_id)),
        counts: Counts::of(&street.tally, lang),
        is_met: street.tally.with_account > 0,
        is_withheld: false,
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportFile {
    lang: Lang,
    style: &'static str,
    report: ReportView,
}

impl ReportFile {
    /// What stands at the head of each printed page; only what is plain inside a text of the style.
    fn head(&self) -> String {
        let text = format!("{} · {}", self.report.area_name, self.report.as_of);
        let is_plain = |c: &char| c.is_alphanumeric() || " ·/.-".contains(*c);
        text.chars().filter(is_plain).collect()
    }

    fn code(&self) -> &'static str {
        super::frame::lang_word(self.lang)
    }

    fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(vi, en)
    }
}

/// A report as one HTML file: style inside, no script, nothing to load; prints on A4. What `choso
/// report indicators --format html` writes and the API sends.
pub fn report_html(report: &Report, units: &Units, lang: Lang) -> Result<String, askama::Error> {
    ReportFile {
        lang,
        style: STYLE,
        report: ReportView::of(report, units, lang, false),
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{Facts, HouseholdFact, PlaceFact, PlaceKind, Question, report};
    use crate::places::{PlacedIn, shipped};
    use crate::register::TradingStatus;

    /// 369 streets with a household each, of which 308 have an account, as in docs/spec/domain.md, section 4.
    fn known_figures() -> (Report, Units) {
        let (all, edges) = shipped();
        let units = Units::new(all, edges).unwrap();
        let day = Day::ymd(2024, 6, 15);
        let mut facts = Facts::default();
        for n in 0..369 {
            let unit = units.get(units.at("20233", day).unwrap()).id.clone();
            facts.places.push(PlaceFact {
                place_id: format!("p{n}"),
                kind: PlaceKind::Segment {
                    street_id: format!("s{n}"),
                    street_name: format!("Đường <{n}>"),
                },
                facts: vec![PlacedIn { unit, from: day }],
            });
            facts.households.push(HouseholdFact {
                status: TradingStatus::Trading,
                place: n,
                has_account: n < 308,
                has_code: false,
                receipts: [0; 3],
            });
        }
        let question = Question {
            area: units.find("492", day).unwrap(),
            as_of: day,
            boundaries: day,
            known_at: Day::ymd(2024, 6, 16).start(),
        };
        (report(question, &units, &facts).unwrap(), units)
    }

    #[test]
    fn a_file_says_the_known_figures_and_loads_nothing() {
        let (report, units) = known_figures();
        let html = report_html(&report, &units, Lang::Vi).unwrap();
        assert!(html.contains("308/369") && html.contains("83,46%"));
        assert!(html.contains("không có số liệu"), "no markets: no data, not 0%");
        assert!(html.contains("15/06/2024") && html.contains("STREET-ANY"));
        for word in ["<script", "src=", "<link", "href=", "Đường <0>"] {
            assert!(!html.contains(word), "{word}");
        }
        let english = report_html(&report, &units, Lang::En).unwrap();
        assert!(english.contains("83.46%") && english.contains("lang=\"en\""));
    }

    #[test]
    fn wards_of_a_district_are_lines_with_a_sum() {
        let (report, units) = known_figures();
        let view = ReportView::of(&report, &units, Lang::Vi, true);
        assert_eq!(view.units.len(), 1);
        assert_eq!(view.sum.unwrap().streets, "308/369");
        assert_eq!(view.units_without.len(), 12);
        assert!(view.is_still);
    }
}

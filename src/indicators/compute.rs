//! Counts the indicators of an area from facts.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Facts, Figure, HouseholdFact, MarketLine, PlaceKind, Question, Report, StreetLine, Tally, UnitLine,
    WINDOWS_DAYS,
};
use crate::places::{Boundaries, Location, UnitIx, Units};
use crate::register::TradingStatus;
use crate::vn::{Day, Lang, Ratio, RatioError, Sentence, error_by_sentence, sentence, sort_key};

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportError {
    /// The area does not exist under these boundaries.
    AreaNotThere { area: Sentence, validity: Sentence },
    /// The counts contradict each other: a fault of the program.
    Counts(RatioError),
}

error_by_sentence!(ReportError);

impl ReportError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            ReportError::AreaNotThere { area, validity } => Sentence::new(
                format!(
                    "{} chỉ có {}; hãy chọn ranh giới trong thời gian đó bằng --boundaries",
                    area.vi, validity.vi
                ),
                format!(
                    "{} is there only {}; choose boundaries of that time by --boundaries",
                    area.en, validity.en
                ),
            ),
            ReportError::Counts(error) => sentence!(
                "counts contradict each other: {error}",
                "counts contradict each other: {error}"
            ),
        }
    }
}

impl From<RatioError> for ReportError {
    fn from(error: RatioError) -> ReportError {
        ReportError::Counts(error)
    }
}

/// Coverage (STREET-COV-80) and activity (STREET-ACTIVE-50) thresholds in hundredths of a percent.
const COV_80: i64 = 8000;
const ACTIVE_50: i64 = 5000;

/// Counts the indicators of an area.
pub fn report(question: Question, units: &Units, facts: &Facts) -> Result<Report, ReportError> {
    let boundaries = units.under(question.boundaries);
    if !boundaries.is_valid(question.area) {
        return Err(not_there(units, question.area));
    }
    let located: Vec<Option<Location>> = facts.places.iter().map(|p| boundaries.locate(&p.facts)).collect();
    let is_inside: Vec<bool> = located
        .iter()
        .map(|at| at.is_some_and(|at| boundaries.holds(question.area, at)))
        .collect();
    let inside = |h: &&HouseholdFact| is_inside[h.place];

    let mut tally = Tally::default();
    let mut unknown_ward = Tally::default();
    for household in facts.households.iter().filter(inside) {
        tally.add(household);
        if located[household.place].is_some_and(|at| !at.exact) {
            unknown_ward.add(household);
        }
    }
    let streets = street_lines(facts, |place| is_inside[place]);
    let markets = market_lines(facts, |place| is_inside[place])?;
    let figures = figures(&tally, &streets, &markets)?;
    let (streets, without): (Vec<_>, Vec<_>) = streets.into_iter().partition(|s| s.tally.households > 0);
    let mut streets_without_households: Vec<String> = without.into_iter().map(|s| s.name).collect();
    streets_without_households.sort_by_cached_key(|name| sort_key(name));
    Ok(Report {
        question,
        figures,
        tally,
        unknown_ward,
        streets: ordered(streets, |s| &s.tally, |s| &s.name),
        streets_without_households,
        markets: ordered(markets, |m| &m.tally, |m| &m.name),
        units: unit_lines(&boundaries, question.area, facts, &located)?,
    })
}

fn not_there(units: &Units, area: UnitIx) -> ReportError {
    let unit = units.get(area);
    let validity = match (unit.id.from.map(Day::show), unit.to.map(Day::show)) {
        (Some(from), Some(to)) => sentence!("từ {from} đến {to}", "from {from} to {to}"),
        (None, Some(to)) => sentence!("đến {to}", "until {to}"),
        (Some(from), None) => sentence!("từ {from}", "from {from}"),
        (None, None) => Sentence::new("mọi lúc", "at all times"),
    };
    ReportError::AreaNotThere {
        area: Sentence::new(
            format!("{} ({})", unit.full_name(Lang::Vi), unit.id),
            format!("{} ({})", unit.full_name(Lang::En), unit.id),
        ),
        validity,
    }
}

impl Tally {
    fn add(&mut self, household: &HouseholdFact) {
        match household.status {
            TradingStatus::Paused => self.paused += 1,
            TradingStatus::Moved | TradingStatus::Closed => {}
            TradingStatus::Trading => {
                self.households += 1;
                self.with_account += i64::from(household.has_account);
                self.with_code += i64::from(household.has_code);
                for (active, receipts) in self.active.iter_mut().zip(household.receipts) {
                    *active += i64::from(receipts > 0);
                }
            }
        }
    }

    /// Indicator 1.
    pub fn account_coverage(&self) -> Result<Ratio, RatioError> {
        Ratio::coverage(self.with_account, self.households)
    }

    /// Indicator 5 with the default window.
    pub fn activity(&self) -> Result<Ratio, RatioError> {
        Ratio::coverage(self.active[0], self.households)
    }

    /// Households without an account: what the lists are ordered by.
    pub fn without_account(&self) -> i64 {
        self.households - self.with_account
    }
}

/// All streets with a segment inside, also those without households.
fn street_lines(facts: &Facts, is_inside: impl Fn(usize) -> bool) -> Vec<StreetLine> {
    let mut lines: BTreeMap<&str, StreetLine> = BTreeMap::new();
    for (ix, place) in facts.places.iter().enumerate() {
        if let PlaceKind::Segment {
            street_id,
            street_name,
        } = &place.kind
            && is_inside(ix)
        {
            lines.entry(street_id).or_insert_with(|| StreetLine {
                street_id: street_id.clone(),
                name: street_name.clone(),
                tally: Tally::default(),
            });
        }
    }
    for household in &facts.households {
        if let PlaceKind::Segment { street_id, .. } = &facts.places[household.place].kind
            && is_inside(household.place)
            && let Some(line) = lines.get_mut(street_id.as_str())
        {
            line.tally.add(household);
        }
    }
    lines.into_values().collect()
}

/// All markets inside, with their trading stalls.
fn market_lines(facts: &Facts, is_inside: impl Fn(usize) -> bool) -> Result<Vec<MarketLine>, RatioError> {
    let mut lines: BTreeMap<usize, (i64, i64, Tally)> = BTreeMap::new();
    for (ix, place) in facts.places.iter().enumerate() {
        if matches!(place.kind, PlaceKind::Market { .. }) && is_inside(ix) {
            lines.insert(ix, Default::default());
        }
    }
    for stall in &facts.market_stalls {
        let trades = stall.status == TradingStatus::Trading
            && facts.households[stall.household].status == TradingStatus::Trading;
        if let Some((n, d, _)) = lines.get_mut(&stall.place)
            && trades
        {
            *n += i64::from(stall.has_code);
            *d += 1;
        }
    }
    for household in &facts.households {
        if let Some((_, _, tally)) = lines.get_mut(&household.place) {
            tally.add(household);
        }
    }
    lines
        .into_iter()
        .map(|(ix, (n, d, tally))| {
            let place = &facts.places[ix];
            let PlaceKind::Market { name } = &place.kind else {
                unreachable!("only markets were entered")
            };
            Ok(MarketLine {
                place_id: place.place_id.clone(),
                name: name.clone(),
                stalls: Ratio::coverage(n, d)?,
                tally,
            })
        })
        .collect()
}

fn figures(tally: &Tally, streets: &[StreetLine], markets: &[MarketLine]) -> Result<Vec<Figure>, RatioError> {
    let of = |n| Ratio::coverage(n, tally.households);
    let attained = |meets: &dyn Fn(&Tally) -> Result<bool, RatioError>| street_attainment(streets, meets);
    let mut stalls = Ratio::default();
    let mut with_code = 0;
    let mut in_markets = 0;
    for market in markets {
        stalls = stalls.plus(market.stalls);
        with_code += market.tally.with_code;
        in_markets += market.tally.households;
    }
    let figure = |id, name_vi, name_en, rule, ratio| Figure {
        id,
        name_vi,
        name_en,
        rule,
        ratio,
    };
    Ok(vec![
        figure(
            "household_account_coverage",
            "Hộ có tài khoản thanh toán không dùng tiền mặt",
            "Households with a non-cash account",
            "HH-ACCOUNT",
            tally.account_coverage()?,
        ),
        figure(
            "household_qr_coverage",
            "Hộ có mã QR",
            "Households with a QR code",
            "HH-QR",
            of(tally.with_code)?,
        ),
        figure(
            "street_attainment",
            "Tuyến đường đạt (có ít nhất một hộ có tài khoản)",
            "Streets that meet the rule (at least one household with an account)",
            "STREET-ANY",
            attained(&|t| Ok(t.with_account > 0))?,
        ),
        figure(
            "street_attainment_cov_80",
            "Tuyến đường có từ 80% hộ có tài khoản",
            "Streets where 80% of households have an account",
            "STREET-COV-80",
            attained(&|t| Ok(t.account_coverage()?.at_least(COV_80)))?,
        ),
        figure(
            "street_attainment_active_50",
            "Tuyến đường có từ 50% hộ phát sinh giao dịch",
            "Streets where 50% of households are active",
            "STREET-ACTIVE-50",
            attained(&|t| Ok(t.activity()?.at_least(ACTIVE_50)))?,
        ),
        figure(
            "market_coverage",
            "Sạp trong chợ có mã QR",
            "Market stalls with a QR code",
            "MARKET-STALL-QR",
            stalls,
        ),
        figure(
            "market_household_coverage",
            "Hộ trong chợ có mã QR",
            "Market households with a QR code",
            "MARKET-HH-QR",
            Ratio::coverage(with_code, in_markets)?,
        ),
        figure(
            "active_adoption",
            "Hộ phát sinh giao dịch trong 30 ngày",
            "Households active in 30 days",
            "ACTIVE-30-1",
            of(tally.active[0])?,
        ),
        figure(
            "active_adoption_7",
            "Hộ phát sinh giao dịch trong 7 ngày",
            "Households active in 7 days",
            "ACTIVE-7-1",
            of(tally.active[1])?,
        ),
        figure(
            "active_adoption_90",
            "Hộ phát sinh giao dịch trong 90 ngày",
            "Households active in 90 days",
            "ACTIVE-90-1",
            of(tally.active[2])?,
        ),
        figure(
            "active_among_account",
            "Sử dụng trong số hộ có tài khoản (30 ngày)",
            "Active among households with an account (30 days)",
            "ACTIVE-30-1-OF-ACCOUNT",
            // The numerator of indicator 5 over that of indicator 1: a household whose account link ended
            // within the window is in the first and not in the second.
            Ratio::beside(tally.active[0], tally.with_account)?,
        ),
    ])
}

/// Streets that meet a rule / streets with at least one household.
fn street_attainment(
    streets: &[StreetLine],
    meets: &dyn Fn(&Tally) -> Result<bool, RatioError>,
) -> Result<Ratio, RatioError> {
    let mut n = 0;
    let mut d = 0;
    for street in streets.iter().filter(|s| s.tally.households > 0) {
        n += i64::from(meets(&street.tally)?);
        d += 1;
    }
    Ratio::coverage(n, d)
}

fn unit_lines(
    boundaries: &Boundaries<'_>,
    area: UnitIx,
    facts: &Facts,
    located: &[Option<Location>],
) -> Result<Vec<UnitLine>, RatioError> {
    let members = boundaries.members(area);
    if members == [area] {
        return Ok(Vec::new());
    }
    let members: BTreeSet<UnitIx> = members.into_iter().collect();
    let mut tallies: BTreeMap<UnitIx, Tally> = BTreeMap::new();
    let mut streets: BTreeMap<UnitIx, BTreeMap<&str, Tally>> = BTreeMap::new();
    for household in &facts.households {
        let Some(Location { unit, exact: true }) = located[household.place] else {
            continue;
        };
        if !members.contains(&unit) {
            continue;
        }
        tallies.entry(unit).or_default().add(household);
        if let PlaceKind::Segment { street_id, .. } = &facts.places[household.place].kind {
            streets
                .entry(unit)
                .or_default()
                .entry(street_id)
                .or_default()
                .add(household);
        }
    }
    members
        .into_iter()
        .map(|unit| {
            let of_unit: Vec<StreetLine> = streets
                .remove(&unit)
                .unwrap_or_default()
                .into_iter()
                .map(|(id, tally)| StreetLine {
                    street_id: id.to_owned(),
                    name: String::new(),
                    tally,
                })
                .collect();
            let streets = street_attainment(&of_unit, &|t| Ok(t.with_account > 0))?;
            Ok(UnitLine {
                unit,
                tally: tallies.remove(&unit).unwrap_or_default(),
                streets,
            })
        })
        .collect()
}

/// Most households without an account first, then by name.
fn ordered<T>(mut lines: Vec<T>, tally: impl Fn(&T) -> &Tally, name: impl Fn(&T) -> &str) -> Vec<T> {
    lines.sort_by_cached_key(|line| (-tally(line).without_account(), sort_key(name(line))));
    lines
}

/// The names of the figures above state these windows.
const _: () = assert!(WINDOWS_DAYS[0] == 30 && WINDOWS_DAYS[1] == 7 && WINDOWS_DAYS[2] == 90);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{PlaceFact, StallFact};
    use crate::places::{PlacedIn, shipped};
    use crate::vn::{Day, TimeMs};
    use proptest::prelude::*;

    fn units() -> Units {
        let (units, edges) = shipped();
        Units::new(units, edges).unwrap()
    }

    fn in_unit(units: &Units, code: &str, from: Day) -> Vec<PlacedIn> {
        vec![PlacedIn {
            unit: units.get(units.at(code, from).unwrap()).id.clone(),
            from,
        }]
    }

    fn segment(street: &str, facts: Vec<PlacedIn>) -> PlaceFact {
        let kind = PlaceKind::Segment {
            street_id: street.into(),
            street_name: street.into(),
        };
        PlaceFact {
            place_id: format!("{street}/{}", facts[0].unit),
            kind,
            facts,
        }
    }

    fn household(place: usize, has_account: bool) -> HouseholdFact {
        HouseholdFact {
            status: TradingStatus::Trading,
            place,
            has_account,
            has_code: has_account,
            receipts: [0; 3],
        }
    }

    fn ask(units: &Units, area: &str, as_of: Day, boundaries: Day) -> Question {
        let area = units.find(area, boundaries).unwrap();
        Question {
            area,
            as_of,
            boundaries,
            known_at: TimeMs(0),
        }
    }

    #[test]
    fn a_crossing_street_counts_in_both_wards_and_once_in_the_district() {
        let units = units();
        let day = Day::ymd(2024, 6, 15);
        let facts = Facts {
            places: vec![
                segment("Lê Duẩn", in_unit(&units, "20239", day)),
                segment("Lê Duẩn", in_unit(&units, "20233", day)),
            ],
            households: vec![household(0, true), household(1, false), household(1, false)],
            market_stalls: vec![],
        };
        let streets = |area, b| {
            report(ask(&units, area, day, b), &units, &facts)
                .unwrap()
                .figure("street_attainment")
                .unwrap()
                .ratio
        };
        assert_eq!(streets("20239", day), Ratio::coverage(1, 1).unwrap());
        assert_eq!(streets("20233", day), Ratio::coverage(0, 1).unwrap());
        assert_eq!(streets("492", day), Ratio::coverage(1, 1).unwrap());
        assert_eq!(streets("48", day), Ratio::coverage(1, 1).unwrap());
        // both wards became phường Hải Châu
        assert_eq!(
            streets("20242", Day::ymd(2025, 7, 1)),
            Ratio::coverage(1, 1).unwrap()
        );
        let district = report(ask(&units, "492", day, day), &units, &facts).unwrap();
        assert_eq!(
            district.figure("household_account_coverage").unwrap().ratio,
            Ratio::coverage(1, 3).unwrap()
        );
        assert_eq!(district.units.iter().map(|u| u.tally.households).sum::<i64>(), 3);
    }

    #[test]
    fn paused_households_stand_beside_and_empty_streets_apart() {
        let units = units();
        let day = Day::ymd(2024, 6, 15);
        let mut paused = household(0, true);
        paused.status = TradingStatus::Paused;
        let facts = Facts {
            places: vec![
                segment("A", in_unit(&units, "20233", day)),
                segment("B", in_unit(&units, "20233", day)),
            ],
            households: vec![household(0, false), paused],
            market_stalls: vec![],
        };
        let got = report(ask(&units, "20233", day, day), &units, &facts).unwrap();
        assert_eq!((got.tally.households, got.tally.paused), (1, 1));
        assert_eq!(got.streets_without_households, ["B"]);
        assert_eq!(
            got.figure("street_attainment").unwrap().ratio,
            Ratio::coverage(0, 1).unwrap()
        );
        assert_eq!(got.figure("market_coverage").unwrap().ratio.percent(), None);
    }

    #[test]
    fn market_households_count_for_the_market_and_not_for_a_street() {
        let units = units();
        let day = Day::ymd(2024, 6, 15);
        let market = PlaceFact {
            place_id: "m".into(),
            kind: PlaceKind::Market {
                name: "Chợ Hàn".into(),
            },
            facts: in_unit(&units, "20236", day),
        };
        let stall = |household, has_code| StallFact {
            place: 0,
            household,
            status: TradingStatus::Trading,
            has_code,
        };
        let mut closed = household(0, true);
        closed.status = TradingStatus::Closed;
        let facts = Facts {
            places: vec![market],
            households: vec![household(0, true), closed],
            market_stalls: vec![stall(0, true), stall(0, true), stall(1, false)],
        };
        let got = report(ask(&units, "492", day, day), &units, &facts).unwrap();
        assert_eq!(got.markets[0].stalls, Ratio::coverage(2, 2).unwrap());
        assert!(got.markets[0].is_met());
        assert_eq!(
            got.figure("market_household_coverage").unwrap().ratio,
            Ratio::coverage(1, 1).unwrap()
        );
        assert_eq!(got.figure("street_attainment").unwrap().ratio, Ratio::default());
    }

    #[test]
    fn an_unknown_ward_counts_for_the_district_only() {
        let units = units();
        let new = Day::ymd(2025, 8, 1);
        let old = Day::ymd(2024, 6, 15);
        let facts = Facts {
            places: vec![segment("A", in_unit(&units, "20242", new))],
            households: vec![household(0, true)],
            market_stalls: vec![],
        };
        let got = report(ask(&units, "492", old, old), &units, &facts).unwrap();
        assert_eq!((got.tally.households, got.unknown_ward.households), (1, 1));
        assert_eq!(got.units.iter().map(|u| u.tally.households).sum::<i64>(), 0);
    }

    #[test]
    fn an_area_of_other_boundaries_is_refused() {
        let units = units();
        let day = Day::ymd(2024, 6, 15);
        let area = units.at("20242", Day::ymd(2025, 7, 1)).unwrap();
        let question = Question {
            area,
            as_of: day,
            boundaries: day,
            known_at: TimeMs(0),
        };
        let error = report(question, &units, &Facts::default()).unwrap_err();
        assert!(error.to_string().contains("--boundaries"), "{error}");
    }

    proptest! {
        #[test]
        fn wards_add_up_to_the_city(homes in proptest::collection::vec((0usize..12, any::<bool>(), any::<bool>()), 0..60)) {
            let units = units();
            let day = Day::ymd(2024, 6, 15);
            let codes = ["20227", "20230", "20233", "20236", "20239", "20242", "20245", "20246", "20248", "20251", "20254", "20257"];
            let places = codes.iter().map(|c| segment(c, in_unit(&units, c, day))).collect();
            let households = homes.iter().map(|(place, account, code)| {
                let mut h = household(*place, *account);
                h.has_code = *code;
                h
            }).collect();
            let facts = Facts { places, households, market_stalls: vec![] };
            for b in [day, Day::ymd(2025, 2, 1), Day::ymd(2025, 7, 1)] {
                let city = report(ask(&units, "48", day, b), &units, &facts).unwrap();
                let sum: i64 = city.units.iter().map(|u| u.tally.households).sum();
                let with: i64 = city.units.iter().map(|u| u.tally.with_account).sum();
                prop_assert_eq!(sum + city.unknown_ward.households, city.tally.households);
                prop_assert_eq!(with + city.unknown_ward.with_account, city.tally.with_account);
                prop_assert_eq!(city.tally.households, homes.len() as i64);
            }
        }
    }
}

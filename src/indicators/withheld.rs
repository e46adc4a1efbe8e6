//! What is withheld of a report that leaves the ward: figures of fewer than five households, also where they could be
//! found by subtraction (docs/spec/domain.md, section 4, "Suppression").

use super::{MarketLine, Report, StreetLine, UnitLine};
use crate::vn::Sentence;

/// Fewer households than these are not spoken of.
const HOUSEHOLDS_MIN: i64 = 5;

/// Why a figure is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It is of one to four households.
    Few,
    /// Beside it one is withheld that could be found by subtraction.
    Beside,
}

impl Withheld {
    /// What stands in its place.
    pub fn word(self) -> Sentence {
        match self {
            Withheld::Few => Sentence::new("dưới 5 hộ", "fewer than 5 households"),
            Withheld::Beside => Sentence::new("không công bố", "not published"),
        }
    }
}

/// What is withheld of each line of a report, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithheldLines {
    /// Of everything: the area itself has too few.
    pub all: Option<Withheld>,
    /// Of the figures about markets.
    pub market_figures: Option<Withheld>,
    pub streets: Vec<Option<Withheld>>,
    pub markets: Vec<Option<Withheld>>,
    /// Units, and last the households whose ward is not known.
    pub units: Vec<Option<Withheld>>,
    /// Paused households.
    pub paused: Option<Withheld>,
}

fn is_few(households: i64) -> bool {
    (1..HOUSEHOLDS_MIN).contains(&households)
}

fn few(households: i64) -> Option<Withheld> {
    is_few(households).then_some(Withheld::Few)
}

impl WithheldLines {
    /// Whether anything is withheld.
    pub fn any(&self) -> bool {
        let lines = self.streets.iter().chain(&self.markets).chain(&self.units);
        let others = [self.all, self.market_figures, self.paused];
        lines.copied().chain(others).any(|why| why.is_some())
    }

    pub fn of(report: &Report) -> WithheldLines {
        let all = few(report.tally.households);
        let in_markets = report.markets.iter().map(|market| market.tally.households).sum();
        let street = |line: &StreetLine| line.tally.households;
        // Stalls of households from elsewhere count for a market too.
        let market = |line: &MarketLine| match (line.tally.households, line.stalls.denominator()) {
            (0, stalls) => stalls,
            (households, stalls) if is_few(stalls) => households.min(stalls),
            (households, _) => households,
        };
        let unit = |line: &UnitLine| line.tally.households;
        let places: Vec<i64> = report
            .streets
            .iter()
            .map(street)
            .chain(report.markets.iter().map(market))
            .collect();
        let mut places = withheld(&places);
        let markets = places.split_off(report.streets.len());
        let units = report
            .units
            .iter()
            .map(unit)
            .chain([report.unknown_ward.households]);
        let units = withheld(&units.collect::<Vec<_>>());
        let or_all = |lines: Vec<Option<Withheld>>| match all {
            None => lines,
            some => vec![some; lines.len()],
        };
        WithheldLines {
            market_figures: all.or(few(in_markets)),
            streets: or_all(places),
            markets: or_all(markets),
            units: or_all(units),
            paused: few(report.tally.paused),
            all,
        }
    }
}

/// Which of the parts of a known sum are withheld: those of few households, and as many of the next smallest as are
/// needed so that what is withheld together is not of few households itself.
fn withheld(parts: &[i64]) -> Vec<Option<Withheld>> {
    let mut out: Vec<Option<Withheld>> = parts.iter().map(|n| few(*n)).collect();
    let mut sum: i64 = parts.iter().filter(|n| is_few(**n)).sum();
    let mut order: Vec<usize> = (0..parts.len())
        .filter(|at| parts[*at] >= HOUSEHOLDS_MIN)
        .collect();
    order.sort_by_key(|at| parts[*at]);
    for at in order {
        if !is_few(sum) {
            break;
        }
        out[at] = Some(Withheld::Beside);
        sum += parts[at];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_households_are_withheld_and_cannot_be_found_by_subtraction() {
        use Withheld::{Beside, Few};
        for (parts, wanted) in [
            (vec![10, 20], vec![None, None]),
            (vec![10, 0, 20], vec![None, None, None]),
            (vec![10, 4, 20], vec![Some(Beside), Some(Few), None]),
            (vec![10, 1, 1, 20], vec![Some(Beside), Some(Few), Some(Few), None]),
            (vec![10, 3, 2, 20], vec![None, Some(Few), Some(Few), None]),
            (vec![5, 1], vec![Some(Beside), Some(Few)]),
            (vec![1], vec![Some(Few)]),
            (vec![], vec![]),
        ] {
            assert_eq!(withheld(&parts), wanted, "{parts:?}");
        }
    }
}

//! Where a place counts under the boundaries of one day, by following the lineage of units.

use std::collections::BTreeSet;

use super::unit::PlacedIn;
use super::units::{UnitIx, Units};
use crate::vn::Day;

/// Where a place counts under given boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// The unit at commune level, or the smallest known to hold the place.
    pub unit: UnitIx,
    /// Whether `unit` is at commune level. Where it is not, finer figures list the place as "chưa
    /// rõ phường" (docs/spec/domain.md, section 5).
    pub exact: bool,
}

/// The units in force on one day. Where each unit of any time counts on that day is worked out beforehand, so
/// that locating a place is a look-up.
#[derive(Debug)]
pub struct Boundaries<'a> {
    units: &'a Units,
    day: Day,
    parent: Vec<Option<UnitIx>>,
    answers: Vec<Option<Location>>,
}

impl Units {
    /// The boundaries of this day, under which every place is located.
    pub fn under(&self, day: Day) -> Boundaries<'_> {
        Boundaries::new(self, day)
    }
}

impl<'a> Boundaries<'a> {
    fn new(units: &'a Units, day: Day) -> Boundaries<'a> {
        let mut parent = vec![None; units.len()];
        for (ix, unit) in units.all() {
            if unit.period().holds(day) {
                parent[ix.number()] = units.parent_on(ix, day);
            }
        }
        let mut boundaries = Boundaries {
            units,
            day,
            parent,
            answers: Vec::new(),
        };
        boundaries.answers = units.all().map(|(ix, _)| boundaries.answer(ix)).collect();
        boundaries
    }

    pub fn day(&self) -> Day {
        self.day
    }

    /// The table whose units these are.
    pub fn units(&self) -> &'a Units {
        self.units
    }

    /// Where a place counts, from the facts about it in any order.
    ///
    /// The fact recorded last by the boundary date is the base, or the first one if all are later.
    /// Its unit is followed through the lineage to the boundary date. Several possible units, or one
    /// that is larger than a commune, give the smallest unit that holds them all, not exact. None:
    /// no facts, a unit that is not in the table, or a lineage that does not reach so far.
    pub fn locate(&self, facts: &[PlacedIn]) -> Option<Location> {
        let known = facts.iter().filter(|fact| fact.from <= self.day);
        let base = known
            .max_by(|a, b| (a.from, &a.unit).cmp(&(b.from, &b.unit)))
            .or_else(|| {
                facts
                    .iter()
                    .min_by(|a, b| (a.from, &a.unit).cmp(&(b.from, &b.unit)))
            })?;
        self.locate_unit(self.units.ix(&base.unit)?)
    }

    /// Where a place counts that was in this unit while the unit was valid.
    pub fn locate_unit(&self, unit: UnitIx) -> Option<Location> {
        self.answers[unit.number()]
    }

    /// Whether the place lies in the area for certain: the area is its unit or a parent of it.
    pub fn holds(&self, area: UnitIx, at: Location) -> bool {
        self.chain(at.unit).any(|ix| ix == area)
    }

    /// The units above this one, nearest first, itself excluded. Empty if it is not valid then.
    pub fn parents(&self, unit: UnitIx) -> Vec<UnitIx> {
        self.chain(unit).skip(1).collect()
    }

    /// The units directly inside the area, in order of code.
    pub fn children(&self, area: UnitIx) -> Vec<UnitIx> {
        let inside = |ix: &UnitIx| self.parent[ix.number()] == Some(area);
        self.units.all().map(|(ix, _)| ix).filter(inside).collect()
    }

    /// The units at commune level in the area, itself included if it is one, in order of code.
    /// Empty if the area is not valid then.
    pub fn members(&self, area: UnitIx) -> Vec<UnitIx> {
        let of_area = |ix: &UnitIx| self.is_valid(*ix) && self.chain(*ix).any(|up| up == area);
        let communes = self.units.all().filter(|(_, unit)| unit.level.is_commune_level());
        communes.map(|(ix, _)| ix).filter(of_area).collect()
    }

    /// Whether this version is in force on the boundary date.
    pub fn is_valid(&self, unit: UnitIx) -> bool {
        self.units.get(unit).period().holds(self.day)
    }

    /// The unit and everything above it. A parent always stands on a higher level, so it ends.
    fn chain(&self, unit: UnitIx) -> impl Iterator<Item = UnitIx> {
        std::iter::successors(Some(unit), |ix| self.parent[ix.number()])
    }

    fn answer(&self, unit: UnitIx) -> Option<Location> {
        let candidates = self.candidates(unit)?;
        let holder = self.smallest_holder(&candidates)?;
        Some(Location {
            unit: holder,
            exact: self.units.get(holder).level.is_commune_level(),
        })
    }

    /// The smallest unit that is each candidate or above it.
    fn smallest_holder(&self, candidates: &BTreeSet<UnitIx>) -> Option<UnitIx> {
        let first = candidates.first()?;
        let rest = candidates.iter().skip(1);
        rest.fold(self.chain(*first).collect::<Vec<_>>(), |common, &next| {
            let chain: Vec<UnitIx> = self.chain(next).collect();
            common.into_iter().filter(|ix| chain.contains(ix)).collect()
        })
        .first()
        .copied()
    }

    /// All units valid on the boundary date in which something may lie that lay in `unit`; none
    /// if it may also lie where we know nothing.
    pub(super) fn candidates(&self, unit: UnitIx) -> Option<BTreeSet<UnitIx>> {
        let mut todo = vec![unit];
        let mut seen = BTreeSet::new();
        let mut found = BTreeSet::new();
        while let Some(ix) = todo.pop() {
            if !seen.insert(ix) {
                continue;
            }
            if self.is_valid(ix) {
                found.insert(ix);
                continue;
            }
            match self.step(ix) {
                onward if onward.is_empty() => {
                    found.insert(self.lasting_parent(ix)?);
                }
                onward => todo.extend(onward),
            }
        }
        Some(found)
    }

    /// One step through time towards the boundary date: an area is followed by what lies inside it,
    /// a unit with nothing inside by its lineage.
    fn step(&self, ix: UnitIx) -> Vec<UnitIx> {
        let inside = self
            .edge_day(ix)
            .map(|day| self.units.children_on(ix, day))
            .unwrap_or_default();
        if !inside.is_empty() {
            return inside;
        }
        let lineage = if self.is_past(ix) {
            self.units.successors(ix)
        } else {
            self.units.predecessors(ix)
        };
        lineage.to_vec()
    }

    /// The nearest unit above `ix`, in the time of `ix`, that has the same extent on the boundary
    /// date. A version is one extent, so the place lies in it on both days.
    fn lasting_parent(&self, ix: UnitIx) -> Option<UnitIx> {
        let day = self.edge_day(ix)?;
        let above = std::iter::successors(self.units.parent_on(ix, day), |&up| self.units.parent_on(up, day));
        above.into_iter().find(|&up| self.is_valid(up))
    }

    /// The day of an invalid unit's life that is nearest to the boundary date.
    fn edge_day(&self, ix: UnitIx) -> Option<Day> {
        let unit = self.units.get(ix);
        if self.is_past(ix) { unit.to } else { unit.id.from }
    }

    fn is_past(&self, ix: UnitIx) -> bool {
        self.units.get(ix).to.is_some_and(|to| to < self.day)
    }
}

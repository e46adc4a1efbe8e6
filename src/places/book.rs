//! The streets and markets that are known, and how a register row finds its place among them.

use std::collections::HashMap;

use super::boundaries::Location;
use super::unit::PlacedIn;
use super::units::{UnitIx, Units};
use crate::vn::{Day, Sentence, error_by_sentence, name_key, sentence};

/// The streets and markets that are known, and the rule by which a register row finds its place in
/// them or makes a new one (docs/spec/contract.md, section 2, `import register`).
///
/// A street name is unique inside a scope ([`Units::scope`]). A segment is a street in one version of a
/// unit; a market is a place of its own.
pub struct Book<'a> {
    units: &'a Units,
    streets: HashMap<(UnitIx, String), Street>,
    markets: HashMap<(UnitIx, String), Vec<Market>>,
    new: NewPlaces,
}

struct Street {
    street_id: String,
    segments: Vec<(String, PlacedIn)>,
}

struct Market {
    place_id: String,
    facts: Vec<PlacedIn>,
}

/// What a [`Book`] was asked for and did not hold: to be written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct NewPlaces {
    /// Streets made: id, scope, name.
    pub streets: Vec<(String, UnitIx, String)>,
    /// Segments made: place id, street id.
    pub segments: Vec<(String, String)>,
    /// Markets made: place id, name, address.
    pub markets: Vec<(String, String, String)>,
    /// Facts added: place id and where it lies.
    pub facts: Vec<(String, PlacedIn)>,
}

/// Why a market cannot be identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// A market of this name lies elsewhere on that day.
    Elsewhere {
        name: String,
        /// the unit it lies in
        there: String,
        /// the unit of the row
        wanted: String,
    },
    /// Several markets of this name could be meant.
    Several(String),
}

error_by_sentence!(PlaceError);

impl PlaceError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            PlaceError::Elsewhere { name, there, wanted } => sentence!(
                "chợ «{name}» nằm ở {there}, không phải ở {wanted}; hãy sửa unit_code hoặc tên chợ",
                "market «{name}» lies in {there}, not in {wanted}; mend unit_code or the market's name"
            ),
            PlaceError::Several(name) => sentence!(
                "có nhiều chợ tên «{name}»; hãy ghi tên đầy đủ",
                "several markets are called «{name}»; write the whole name"
            ),
        }
    }
}

impl<'a> Book<'a> {
    /// An empty book over these units.
    pub fn new(units: &'a Units) -> Book<'a> {
        Book {
            units,
            streets: HashMap::new(),
            markets: HashMap::new(),
            new: NewPlaces::default(),
        }
    }

    /// Adds a street of the register.
    pub fn add_known_street(&mut self, scope: UnitIx, name: &str, street_id: String) {
        self.streets.insert(
            (scope, name_key(name)),
            Street {
                street_id,
                segments: Vec::new(),
            },
        );
    }

    /// Adds a segment of a street of the register; a segment of an unknown street is ignored.
    pub fn add_known_segment(&mut self, scope: UnitIx, street_name: &str, place_id: String, fact: PlacedIn) {
        if let Some(street) = self.streets.get_mut(&(scope, name_key(street_name))) {
            street.segments.push((place_id, fact));
        }
    }

    /// Adds a market of the register under the scope of its first known unit, or under `otherwise` if it has none.
    pub fn add_known_market(
        &mut self,
        name: &str,
        place_id: String,
        facts: Vec<PlacedIn>,
        otherwise: UnitIx,
    ) {
        let scope = facts
            .iter()
            .find_map(|f| self.units.ix(&f.unit))
            .map_or(otherwise, |unit| self.units.scope(unit));
        self.markets
            .entry((scope, market_key(name)))
            .or_default()
            .push(Market { place_id, facts });
    }

    /// The segment of this street in this unit; street and segment are made if they are not known.
    pub fn segment(
        &mut self,
        name: &str,
        unit: UnitIx,
        from: Day,
        mut new_id: impl FnMut() -> String,
    ) -> String {
        let scope = self.units.scope(unit);
        let new = &mut self.new;
        let street = self.streets.entry((scope, name_key(name))).or_insert_with(|| {
            let street_id = new_id();
            new.streets.push((street_id.clone(), scope, name.to_owned()));
            Street {
                street_id,
                segments: Vec::new(),
            }
        });
        let id = &self.units.get(unit).id;
        if let Some((place_id, _)) = street.segments.iter().find(|(_, fact)| fact.unit == *id) {
            return place_id.clone();
        }
        let place_id = new_id();
        let fact = PlacedIn {
            unit: id.clone(),
            from,
        };
        new.segments.push((place_id.clone(), street.street_id.clone()));
        new.facts.push((place_id.clone(), fact.clone()));
        street.segments.push((place_id.clone(), fact));
        place_id
    }

    /// A street known only by name and, perhaps, its former district: made if it is not known. Each
    /// fact is a segment of its own. Gives back whether anything was made.
    pub fn list_street(
        &mut self,
        name: &str,
        scope: UnitIx,
        facts: &[PlacedIn],
        mut new_id: impl FnMut() -> String,
    ) -> bool {
        let new = &mut self.new;
        let before = (new.streets.len(), new.segments.len());
        let street = self.streets.entry((scope, name_key(name))).or_insert_with(|| {
            let street_id = new_id();
            new.streets.push((street_id.clone(), scope, name.to_owned()));
            Street {
                street_id,
                segments: Vec::new(),
            }
        });
        for fact in facts {
            if street.segments.iter().all(|(_, known)| known.unit != fact.unit) {
                let place_id = new_id();
                new.segments.push((place_id.clone(), street.street_id.clone()));
                new.facts.push((place_id.clone(), fact.clone()));
                street.segments.push((place_id, fact.clone()));
            }
        }
        before != (new.streets.len(), new.segments.len())
    }

    /// A market from a list of markets, with all that is known of where it lies. A market that is
    /// already there learns the facts it lacks. Gives back whether anything was added.
    pub fn list_market(
        &mut self,
        name: &str,
        address: &str,
        scope: UnitIx,
        facts: &[PlacedIn],
        mut new_id: impl FnMut() -> String,
    ) -> bool {
        let same = self.markets.entry((scope, market_key(name))).or_default();
        if same.is_empty() {
            let place_id = new_id();
            self.new
                .markets
                .push((place_id.clone(), name.to_owned(), address.to_owned()));
            same.push(Market {
                place_id,
                facts: Vec::new(),
            });
            add_facts(&mut same[0], facts, &mut self.new);
            return true;
        }
        add_facts(&mut same[0], facts, &mut self.new)
    }

    /// The market of this name in this unit on that day; made if no market of the name is known. A
    /// market whose ward was not known learns it.
    pub fn market(
        &mut self,
        name: &str,
        unit: UnitIx,
        from: Day,
        mut new_id: impl FnMut() -> String,
    ) -> Result<String, PlaceError> {
        let units = self.units;
        let boundaries = units.under(from);
        let same = self
            .markets
            .entry((units.scope(unit), market_key(name)))
            .or_default();
        let here = |m: &Market| match boundaries.locate(&m.facts) {
            Some(Location {
                unit: there,
                exact: true,
            }) => there == unit,
            Some(at) => boundaries.parents(unit).contains(&at.unit),
            None => true,
        };
        let mut fitting: Vec<&mut Market> = same.iter_mut().filter(|m| here(m)).collect();
        let fact = PlacedIn {
            unit: units.get(unit).id.clone(),
            from,
        };
        match fitting.len() {
            1 => {
                let market = &mut *fitting[0];
                let is_exact = boundaries.locate(&market.facts).is_some_and(|at| at.exact);
                if !is_exact {
                    add_facts(market, &[fact], &mut self.new);
                }
                Ok(market.place_id.clone())
            }
            0 if same.is_empty() => {
                let place_id = new_id();
                self.new
                    .markets
                    .push((place_id.clone(), name.to_owned(), String::new()));
                let mut market = Market {
                    place_id: place_id.clone(),
                    facts: Vec::new(),
                };
                add_facts(&mut market, &[fact], &mut self.new);
                same.push(market);
                Ok(place_id)
            }
            0 => {
                let there = same
                    .iter()
                    .find_map(|m| boundaries.locate(&m.facts))
                    .map_or(unit, |at| at.unit);
                let named = |ix| units.get(ix).full_name(crate::vn::Lang::Vi);
                Err(PlaceError::Elsewhere {
                    name: name.to_owned(),
                    there: named(there),
                    wanted: named(unit),
                })
            }
            _ => Err(PlaceError::Several(name.to_owned())),
        }
    }

    /// What was made since the book was opened, or since this was last asked.
    pub fn take_new(&mut self) -> NewPlaces {
        std::mem::take(&mut self.new)
    }
}

fn add_facts(market: &mut Market, facts: &[PlacedIn], new: &mut NewPlaces) -> bool {
    let mut added = false;
    for fact in facts {
        if !market.facts.contains(fact) {
            market.facts.push(fact.clone());
            new.facts.push((market.place_id.clone(), fact.clone()));
            added = true;
        }
    }
    added
}

/// "Hàn" and "Chợ Hàn" are one market.
fn market_key(name: &str) -> String {
    let key = name_key(name);
    let word = format!("{} ", name_key("Chợ"));
    key.strip_prefix(&word).map(str::to_owned).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::super::shipped;
    use super::*;

    fn units() -> Units {
        let (units, edges) = shipped();
        Units::new(units, edges).unwrap()
    }

    fn ids() -> impl FnMut() -> String {
        let mut n = 0;
        move || {
            n += 1;
            format!("id{n}")
        }
    }

    #[test]
    fn a_street_has_one_segment_in_each_unit() {
        let units = units();
        let mut book = Book::new(&units);
        let mut fresh = ids();
        let day = Day::ymd(2024, 6, 1);
        let one = units.at("20227", day).unwrap();
        let two = units.at("20233", day).unwrap();
        let a = book.segment("Bạch Đằng", one, day, &mut fresh);
        let b = book.segment("Bạch Đằng", two, day, &mut fresh);
        assert_ne!(a, b);
        assert_eq!(book.segment("bạch  đằng", one, day, &mut fresh), a);
        let new = book.take_new();
        assert_eq!(
            (new.streets.len(), new.segments.len(), new.facts.len()),
            (1, 2, 2)
        );
        assert_eq!(book.take_new(), NewPlaces::default());
    }

    #[test]
    fn a_market_lies_in_one_ward_at_a_time() {
        let units = units();
        let mut book = Book::new(&units);
        let mut fresh = ids();
        let day = Day::ymd(2024, 6, 1);
        let new_ward = PlacedIn {
            unit: units
                .get(units.at("20242", Day::ymd(2025, 7, 1)).unwrap())
                .id
                .clone(),
            from: Day::ymd(2025, 7, 1),
        };
        let district = units.at("492", day).unwrap();
        book.add_known_market("Chợ Hàn", "han".into(), vec![new_ward], district);
        // known only as a ward of 2025, so in 2024 somewhere in the district: the row tells where
        let ward = units.at("20236", day).unwrap();
        assert_eq!(book.market("Hàn", ward, day, &mut fresh), Ok("han".into()));
        assert_eq!(book.take_new().facts.len(), 1);
        // and from then on it lies there
        let other = units.at("20227", day).unwrap();
        assert!(matches!(
            book.market("Chợ Hàn", other, day, &mut fresh),
            Err(PlaceError::Elsewhere { .. })
        ));
    }
}

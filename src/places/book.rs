//! The streets and markets that are known, and how a register row finds its place among them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::boundaries::Location;
use super::street_name::{
    identity, is_one_slip_apart, likeness, market_identity, typed_without_accents, without_accents,
};
use super::unit::PlacedIn;
use super::units::{UnitIx, Units};
use crate::vn::{Day, Sentence, error_by_sentence, name_key, sentence};

/// Names of known places that a question offers at most.
const OFFERED_MAX: usize = 3;

/// The streets and markets that are known, and the rule by which a register row finds its place in
/// them or makes a new one (docs/spec/contract.md, section 2, `import register`).
///
/// A street name is unique inside a scope ([`Units::scope`]). A segment is a street in one version of a
/// unit; a market is a place of its own. How a name is spelled makes no street: see [`NewStreets`].
pub struct Book<'a> {
    units: &'a Units,
    new_streets: NewStreets,
    streets: Vec<Street>,
    /// Streets by scope and name as it is written, former names included.
    by_name: HashMap<(UnitIx, String), usize>,
    /// The same by identity, by identity without accents, and by likeness.
    by_identity: HashMap<(UnitIx, String), Vec<usize>>,
    by_plain: HashMap<(UnitIx, String), Vec<usize>>,
    by_likeness: HashMap<(UnitIx, String), Vec<usize>>,
    /// For each likeness the name that most rows of the file write, of those that no street has.
    usual: HashMap<(UnitIx, String), String>,
    /// The same for each identity without accents, of names that have accents; none where several do.
    accented: HashMap<(UnitIx, String), Option<String>>,
    /// Scopes that had streets before the file.
    listed: HashSet<UnitIx>,
    markets: HashMap<(UnitIx, String), Vec<Market>>,
    /// Identities of markets by scope and identity without accents.
    market_identities: HashMap<(UnitIx, String), Vec<String>>,
    /// The first segment of its street in its unit, for every other one that lies there too.
    first_segments: HashMap<String, String>,
    new: NewPlaces,
}

/// Whether a row may make a street that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewStreets {
    /// A person is asked: the row is refused, with the known street that it may mean. Where no street is known at
    /// all there is nothing to compare with, and streets are made.
    Asked,
    /// Only a name that looks like a known one is asked about.
    AskedIfAlike,
    /// A person said yes. A name typed without accents still finds the one known street that it spells.
    Made,
}

struct Street {
    street_id: String,
    name: String,
    segments: Vec<(String, PlacedIn)>,
}

struct Market {
    place_id: String,
    name: String,
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
    /// Names that were read as a known one, with that one: how many rows wrote them.
    pub read_as: BTreeMap<(String, String), usize>,
    /// New names of a list that look like a known one, with that one.
    pub alike: Vec<(String, String)>,
}

/// Why a street or market cannot be identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// No street has this name, and whether to make one is for a person to say.
    NewStreet {
        name: String,
        /// Known streets that may be meant.
        alike: Vec<String>,
    },
    /// No market has this name, but some look like it.
    NewMarket {
        name: String,
        /// Known markets that may be meant.
        alike: Vec<String>,
    },
    /// Several streets have this name but for the word "đường" before it.
    SeveralStreets { name: String, known: Vec<String> },
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
            PlaceError::NewStreet { name, alike } if alike.is_empty() => sentence!(
                "street: sổ chưa có đường «{name}». Hãy kiểm tra tên; nếu đúng là đường mới thì nhập lại với --new-streets",
                "street: no street «{name}» is known. Check the name; if it is a new street, import again with --new-streets"
            ),
            PlaceError::NewStreet { name, alike } => {
                let alike = quoted(alike);
                sentence!(
                    "street: sổ chưa có đường «{name}», nhưng có {alike}. Nếu là đường đó thì ghi như trong sổ; nếu là đường khác thì nhập lại với --new-streets (qua API: \"new_street\": true)",
                    "street: no street «{name}» is known, but {alike} is. If that is meant, write it so; if it is another street, import again with --new-streets (by the API: \"new_street\": true)"
                )
            }
            PlaceError::NewMarket { name, alike } => {
                let alike = quoted(alike);
                sentence!(
                    "market: sổ chưa có chợ «{name}», nhưng có {alike}. Nếu là chợ đó thì ghi như trong sổ; nếu là chợ khác thì thêm bằng choso import markets",
                    "market: no market «{name}» is known, but {alike} is. If that is meant, write it so; if it is another market, add it by choso import markets"
                )
            }
            PlaceError::SeveralStreets { name, known } => {
                let known = quoted(known);
                sentence!(
                    "street: «{name}» có thể là {known}; hãy ghi đúng một tên, hoặc gộp các đường ấy bằng choso street merge",
                    "street: «{name}» may be {known}; write one of them, or merge them by choso street merge"
                )
            }
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

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|n| format!("«{n}»"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl<'a> Book<'a> {
    /// An empty book over these units.
    pub fn new(units: &'a Units, new_streets: NewStreets) -> Book<'a> {
        Book {
            units,
            new_streets,
            streets: Vec::new(),
            by_name: HashMap::new(),
            by_identity: HashMap::new(),
            by_plain: HashMap::new(),
            by_likeness: HashMap::new(),
            usual: HashMap::new(),
            accented: HashMap::new(),
            listed: HashSet::new(),
            markets: HashMap::new(),
            market_identities: HashMap::new(),
            first_segments: HashMap::new(),
            new: NewPlaces::default(),
        }
    }

    /// Adds a street of the register.
    pub fn add_known_street(&mut self, scope: UnitIx, name: &str, street_id: String) {
        self.listed.insert(scope);
        self.add_street(scope, name, street_id);
    }

    /// Adds the name that a street had before it was merged into this one, which is known: the name still leads there.
    pub fn add_former_name(&mut self, scope: UnitIx, name: &str, street_name: &str) {
        if let Some(&at) = self.by_name.get(&(scope, name_key(street_name))) {
            self.by_name.insert((scope, name_key(name)), at);
            let of_identity = self.by_identity.entry((scope, identity(name))).or_default();
            if !of_identity.contains(&at) {
                of_identity.push(at);
            }
        }
    }

    fn add_street(&mut self, scope: UnitIx, name: &str, street_id: String) -> usize {
        let at = self.streets.len();
        let own = identity(name);
        self.by_name.insert((scope, name_key(name)), at);
        self.by_plain
            .entry((scope, without_accents(&own)))
            .or_default()
            .push(at);
        self.by_likeness
            .entry((scope, likeness(name)))
            .or_default()
            .push(at);
        self.by_identity.entry((scope, own)).or_default().push(at);
        self.streets.push(Street {
            street_id,
            name: name.to_owned(),
            segments: Vec::new(),
        });
        at
    }

    /// Adds a segment of a street of the register; a segment of an unknown street is ignored.
    pub fn add_known_segment(&mut self, scope: UnitIx, street_name: &str, place_id: String, fact: PlacedIn) {
        if let Some(&at) = self.by_name.get(&(scope, name_key(street_name))) {
            let street = &mut self.streets[at];
            match street.segments.iter().find(|(_, known)| known.unit == fact.unit) {
                Some((first, _)) => {
                    self.first_segments.insert(place_id, first.clone());
                }
                None => street.segments.push((place_id, fact)),
            }
        }
    }

    /// The place that stands for this one: streets that were merged may have had a segment each in one unit.
    pub fn same_place<'s>(&'s self, place_id: &'s str) -> &'s str {
        self.first_segments.get(place_id).map_or(place_id, String::as_str)
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
        self.add_market(
            scope,
            Market {
                place_id,
                name: name.to_owned(),
                facts,
            },
        );
    }

    fn add_market(&mut self, scope: UnitIx, market: Market) {
        let own = market_identity(&market.name);
        let alike = self
            .market_identities
            .entry((scope, without_accents(&own)))
            .or_default();
        if !alike.contains(&own) {
            alike.push(own.clone());
        }
        self.markets.entry((scope, own)).or_default().push(market);
    }

    /// Tells the book which street names a whole file writes, each as often as it does, so that its rows are read
    /// alike whatever their order.
    pub fn expect_streets<'n>(&mut self, names: impl Iterator<Item = (UnitIx, &'n str)>) {
        let mut counts: BTreeMap<(UnitIx, &str), usize> = BTreeMap::new();
        for (unit, name) in names {
            *counts.entry((self.units.scope(unit), name)).or_default() += 1;
        }
        let mut most: HashMap<(UnitIx, String), (bool, usize)> = HashMap::new();
        for ((scope, name), count) in counts {
            let own = identity(name);
            if self.by_identity.contains_key(&(scope, own.clone())) {
                continue;
            }
            let has_accents = typed_without_accents(&own).is_none();
            if has_accents {
                let accented = self
                    .accented
                    .entry((scope, without_accents(&own)))
                    .or_insert_with(|| Some(name.to_owned()));
                if accented.as_ref().is_some_and(|other| identity(other) != own) {
                    *accented = None;
                }
            }
            // A name with accents is the better witness; among equals the more frequent.
            let weight = (has_accents, count);
            let alike = (scope, likeness(name));
            if most.get(&alike).is_none_or(|&other| weight > other) {
                most.insert(alike.clone(), weight);
                self.usual.insert(alike, name.to_owned());
            }
        }
    }

    /// The segment of this street in this unit; it is made if it is not known, and so is the street, unless a person
    /// has to be asked first.
    pub fn segment(
        &mut self,
        name: &str,
        unit: UnitIx,
        from: Day,
        mut new_id: impl FnMut() -> String,
    ) -> Result<String, PlaceError> {
        let scope = self.units.scope(unit);
        let at = match self.known_street(scope, name)? {
            Some(at) => at,
            None => {
                let spelled = self.spelled_out(scope, name);
                if spelled != name {
                    let read_as = (name.to_owned(), spelled.clone());
                    *self.new.read_as.entry(read_as).or_default() += 1;
                }
                self.make_street(scope, &spelled, &mut new_id)
            }
        };
        let unit = self.units.get(unit).id.clone();
        let (place_id, _) = self.make_segment(at, PlacedIn { unit, from }, &mut new_id);
        Ok(place_id)
    }

    /// The street that a name means; none if it is a new one that may be made.
    fn known_street(&mut self, scope: UnitIx, name: &str) -> Result<Option<usize>, PlaceError> {
        if let Some(&at) = self.by_name.get(&(scope, name_key(name))) {
            return Ok(Some(at));
        }
        let own = identity(name);
        let names = |book: &Self, of: &[usize]| -> Vec<String> {
            of.iter()
                .take(OFFERED_MAX)
                .map(|&at| book.streets[at].name.clone())
                .collect()
        };
        match self.by_identity.get(&(scope, own.clone())).map(Vec::as_slice) {
            Some([at]) => return Ok(Some(*at)),
            Some(several @ [_, _, ..]) => {
                return Err(PlaceError::SeveralStreets {
                    name: name.to_owned(),
                    known: names(self, several),
                });
            }
            _ => {}
        }
        if let Some(meant) = typed_without_accents(&own) {
            let mut spelled: Vec<usize> = meant
                .into_iter()
                .filter_map(|plain| self.by_plain.get(&(scope, plain)))
                .flatten()
                .copied()
                .collect();
            spelled.sort_unstable();
            spelled.dedup();
            if let [at] = spelled[..] {
                let read_as = (name.to_owned(), self.streets[at].name.clone());
                *self.new.read_as.entry(read_as).or_default() += 1;
                return Ok(Some(at));
            }
        }
        let alike = self.by_likeness.get(&(scope, likeness(name)));
        let mut alike = alike.map_or_else(Vec::new, |of| names(self, of));
        if alike.is_empty()
            && let Some(usual) = self.usual.get(&(scope, likeness(name)))
            && identity(usual) != identity(&self.spelled_out(scope, name))
        {
            alike.push(usual.clone());
        }
        let is_asked = match self.new_streets {
            NewStreets::Made => false,
            NewStreets::AskedIfAlike => !alike.is_empty(),
            NewStreets::Asked => !alike.is_empty() || self.listed.contains(&scope),
        };
        if !is_asked {
            return Ok(None);
        }
        if alike.is_empty() {
            alike = self.slips(scope, name);
        }
        Err(PlaceError::NewStreet {
            name: name.to_owned(),
            alike,
        })
    }

    /// The name as a new street is called: with the accents that other rows of the file give it.
    fn spelled_out(&self, scope: UnitIx, name: &str) -> String {
        let meant = typed_without_accents(&identity(name)).unwrap_or_default();
        let accented = meant
            .into_iter()
            .find_map(|plain| self.accented.get(&(scope, plain)));
        match accented {
            Some(Some(accented)) => accented.clone(),
            _ => name.to_owned(),
        }
    }

    /// Streets from whose names one slip leads to this one.
    fn slips(&self, scope: UnitIx, name: &str) -> Vec<String> {
        let wanted = likeness(name);
        let mut near: Vec<&str> = self
            .by_likeness
            .iter()
            .filter(|((of, known), _)| *of == scope && is_one_slip_apart(known, &wanted))
            .flat_map(|(_, streets)| streets)
            .map(|&at| self.streets[at].name.as_str())
            .collect();
        near.sort_unstable();
        near.truncate(OFFERED_MAX);
        near.into_iter().map(str::to_owned).collect()
    }

    fn make_street(&mut self, scope: UnitIx, name: &str, new_id: &mut impl FnMut() -> String) -> usize {
        // Another row may have made it under the name that this one spells out.
        if let Some(&at) = self.by_name.get(&(scope, name_key(name))) {
            return at;
        }
        let street_id = new_id();
        self.new.streets.push((street_id.clone(), scope, name.to_owned()));
        self.add_street(scope, name, street_id)
    }

    /// The street's segment in the unit of this fact, and whether it was made.
    fn make_segment(
        &mut self,
        at: usize,
        fact: PlacedIn,
        new_id: &mut impl FnMut() -> String,
    ) -> (String, bool) {
        let street = &mut self.streets[at];
        if let Some((place_id, _)) = street.segments.iter().find(|(_, known)| known.unit == fact.unit) {
            return (place_id.clone(), false);
        }
        let place_id = new_id();
        self.new
            .segments
            .push((place_id.clone(), street.street_id.clone()));
        self.new.facts.push((place_id.clone(), fact.clone()));
        street.segments.push((place_id.clone(), fact));
        (place_id, true)
    }

    /// A street known only by name and, perhaps, its former district: made if it is not known. A list is the word of
    /// whoever keeps it, so a name that only looks like a known one is a street of its own. Each fact is a segment of
    /// its own. Gives back whether anything was made.
    pub fn list_street(
        &mut self,
        name: &str,
        scope: UnitIx,
        facts: &[PlacedIn],
        mut new_id: impl FnMut() -> String,
    ) -> bool {
        let known = self.by_name.get(&(scope, name_key(name))).copied();
        let known = known.or_else(|| match self.by_identity.get(&(scope, identity(name)))?[..] {
            [at] => Some(at),
            _ => None,
        });
        let mut is_new = known.is_none();
        let at = known.unwrap_or_else(|| {
            if let Some(&at) = self
                .by_likeness
                .get(&(scope, likeness(name)))
                .and_then(|of| of.first())
            {
                let alike = (name.to_owned(), self.streets[at].name.clone());
                self.new.alike.push(alike);
            }
            self.make_street(scope, name, &mut new_id)
        });
        for fact in facts {
            is_new |= self.make_segment(at, fact.clone(), &mut new_id).1;
        }
        is_new
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
        let own = market_identity(name);
        if !self.markets.contains_key(&(scope, own.clone())) {
            let place_id = new_id();
            self.new
                .markets
                .push((place_id.clone(), name.to_owned(), address.to_owned()));
            let mut market = Market {
                place_id,
                name: name.to_owned(),
                facts: Vec::new(),
            };
            add_facts(&mut market, facts, &mut self.new);
            self.add_market(scope, market);
            return true;
        }
        let same = self.markets.entry((scope, own)).or_default();
        same.first_mut()
            .is_some_and(|first| add_facts(first, facts, &mut self.new))
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
        let scope = units.scope(unit);
        let boundaries = units.under(from);
        let fact = PlacedIn {
            unit: units.get(unit).id.clone(),
            from,
        };
        let Some(own) = self.known_market(scope, name)? else {
            let place_id = new_id();
            self.new
                .markets
                .push((place_id.clone(), name.to_owned(), String::new()));
            let mut market = Market {
                place_id: place_id.clone(),
                name: name.to_owned(),
                facts: Vec::new(),
            };
            add_facts(&mut market, &[fact], &mut self.new);
            self.add_market(scope, market);
            return Ok(place_id);
        };
        let same = self.markets.entry((scope, own)).or_default();
        let here = |m: &Market| match boundaries.locate(&m.facts) {
            Some(Location {
                unit: there,
                exact: true,
            }) => there == unit,
            Some(at) => boundaries.parents(unit).contains(&at.unit),
            None => true,
        };
        let mut fitting: Vec<&mut Market> = same.iter_mut().filter(|m| here(m)).collect();
        match fitting.len() {
            1 => {
                let market = &mut *fitting[0];
                let is_exact = boundaries.locate(&market.facts).is_some_and(|at| at.exact);
                if !is_exact {
                    add_facts(market, &[fact], &mut self.new);
                }
                Ok(market.place_id.clone())
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

    /// The identity of the markets that a name means; none if it is a new one.
    fn known_market(&mut self, scope: UnitIx, name: &str) -> Result<Option<String>, PlaceError> {
        let own = market_identity(name);
        if self.markets.contains_key(&(scope, own.clone())) {
            return Ok(Some(own));
        }
        let plain = without_accents(&own);
        let is_plain = plain == own;
        let plain = plain.strip_prefix("cho ").filter(|_| is_plain).unwrap_or(&plain);
        let Some(alike) = self.market_identities.get(&(scope, plain.to_owned())) else {
            return Ok(None);
        };
        let named = |of: &String| {
            self.markets
                .get(&(scope, of.clone()))?
                .first()
                .map(|m| m.name.clone())
        };
        let names: Vec<String> = alike.iter().filter_map(named).take(OFFERED_MAX).collect();
        match (&alike[..], &names[..]) {
            ([one], [as_known]) if is_plain => {
                let read_as = (name.to_owned(), as_known.clone());
                let one = one.clone();
                *self.new.read_as.entry(read_as).or_default() += 1;
                Ok(Some(one))
            }
            _ => Err(PlaceError::NewMarket {
                name: name.to_owned(),
                alike: names,
            }),
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

#[cfg(test)]
mod tests;

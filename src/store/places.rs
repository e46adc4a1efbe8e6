//! Units with their lineage, streets, segments, markets.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::{Conflict, Missing, OPEN_START_DAY, Result, Store, StoreError, Tx, day_of, on_tx, pieces};
use crate::indicators::{PlaceFact, PlaceKind};
use crate::places::{
    Book, Edge, Level, MarketRow, NewPlaces, NewStreets, PlacedIn, StreetRow, Unit, UnitId, Units, shipped,
};
use crate::store::fresh_id;
use crate::vn::{Day, TimeMs, name_key};

/// What keeping a list of places did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlacesKept {
    /// Rows that brought something new.
    pub new: usize,
    /// Rows that were there already.
    pub known: usize,
    /// New streets whose names look like a known one, with that one.
    pub alike: Vec<(String, String)>,
}

pub(super) fn day_number(day: Option<Day>) -> i64 {
    day.map_or(OPEN_START_DAY, Day::number)
}

impl Store {
    /// Makes sure that the units this program ships are there; what was imported stays as it is. It
    /// writes in any case, so that a database that is read-only is found out at the start.
    pub(super) async fn keep_shipped_units(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        raise_epoch(&mut tx).await?;
        let (any,): (i64,) = on_tx!(&mut tx, |c| sqlx::query_as("SELECT COUNT(*) FROM unit")
            .fetch_one(c)
            .await?);
        if any == 0 {
            let (units, edges) = shipped();
            write_units(&mut tx, &units, &edges).await?;
        }
        tx.commit().await
    }

    /// The whole table of units. A table that contradicts itself is corrupt: it was checked when kept.
    pub async fn units(&self) -> Result<Units> {
        let mut tx = self.begin_read().await?;
        read_units(&mut tx).await
    }

    /// Keeps units and lineage beside those that are there; a unit of the same code and start is
    /// replaced, with its edges. The result is checked as a whole first, and refused as a whole.
    pub async fn keep_units(&self, units: Vec<Unit>, edges: Vec<Edge>, dry_run: bool) -> Result<PlacesKept> {
        let mut tx = self.begin().await?;
        let known = read_units(&mut tx).await?;
        let is_new = |u: &&Unit| known.ix(&u.id).is_none_or(|ix| known.get(ix) != *u);
        let new = units.iter().filter(is_new).count();
        let kept = PlacesKept {
            new,
            known: units.len() - new,
            alike: Vec::new(),
        };
        let named: HashMap<&UnitId, &Unit> = units.iter().map(|u| (&u.id, u)).collect();
        let mut all: Vec<Unit> = known
            .all()
            .filter(|(_, u)| !named.contains_key(&u.id))
            .map(|(_, u)| u.clone())
            .collect();
        let mut all_edges: Vec<Edge> = known
            .edges()
            .iter()
            .filter(|e| !named.contains_key(&e.from))
            .cloned()
            .collect();
        all.extend(units);
        all_edges.extend(edges);
        Units::new(all.clone(), all_edges.clone()).map_err(Conflict::UnitsContradict)?;
        if !dry_run {
            on_tx!(&mut tx, |c| {
                sqlx::query("DELETE FROM unit_edge").execute(&mut *c).await?;
                sqlx::query("DELETE FROM unit").execute(&mut *c).await?;
            });
            write_units(&mut tx, &all, &all_edges).await?;
            raise_epoch(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(kept)
    }

    /// Keeps streets of a list: each name once in its scope, each row's segments once.
    pub async fn keep_streets(&self, rows: &[StreetRow], dry_run: bool, now: TimeMs) -> Result<PlacesKept> {
        let mut tx = self.begin().await?;
        let units = read_units(&mut tx).await?;
        let scope_default = default_scope(&units)?;
        let mut book = open_book(&mut tx, &units, NewStreets::Made).await?;
        let mut kept = PlacesKept::default();
        for row in rows {
            let facts = row.places();
            let scope = facts
                .iter()
                .find_map(|f| units.ix(&f.unit))
                .map_or(scope_default, |unit| units.scope(unit));
            if book.list_street(&row.name, scope, &facts, || fresh_id(now)) {
                kept.new += 1
            } else {
                kept.known += 1
            }
        }
        let new_places = book.take_new();
        write_places(&mut tx, &units, &new_places, now).await?;
        kept.alike = new_places.alike;
        if !dry_run {
            tx.commit().await?;
        }
        Ok(kept)
    }

    /// Keeps markets of a list; a market that is there learns what it lacks.
    pub async fn keep_markets(&self, rows: &[MarketRow], dry_run: bool, now: TimeMs) -> Result<PlacesKept> {
        let mut tx = self.begin().await?;
        let units = read_units(&mut tx).await?;
        let scope_default = default_scope(&units)?;
        let mut book = open_book(&mut tx, &units, NewStreets::Made).await?;
        let mut kept = PlacesKept::default();
        for row in rows {
            let scope = row
                .facts
                .iter()
                .find_map(|f| units.ix(&f.unit))
                .map_or(scope_default, |unit| units.scope(unit));
            if book.list_market(&row.name, &row.address, scope, &row.facts, || fresh_id(now)) {
                kept.new += 1
            } else {
                kept.known += 1
            }
        }
        write_places(&mut tx, &units, &book.take_new(), now).await?;
        if !dry_run {
            tx.commit().await?;
        }
        Ok(kept)
    }
}

/// The oldest city: what a street belongs to of which nothing else is known.
fn default_scope(units: &Units) -> Result<crate::places::UnitIx> {
    units
        .all()
        .find(|(_, u)| u.level == Level::City)
        .map(|(ix, _)| units.scope(ix))
        .ok_or_else(|| Missing::City.into())
}

async fn write_units(tx: &mut Tx, units: &[Unit], edges: &[Edge]) -> Result<()> {
    for chunk in pieces(units) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO unit (code, valid_from_day, valid_to_day, name, name_en, type_name, level, parent_code, source) ",
            );
            sql.push_values(chunk, |mut row, u| {
                row.push_bind(&u.id.code)
                    .push_bind(day_number(u.id.from))
                    .push_bind(u.to.map(Day::number))
                    .push_bind(&u.name)
                    .push_bind(&u.name_en)
                    .push_bind(&u.type_name)
                    .push_bind(u.level.as_str())
                    .push_bind(&u.parent_code)
                    .push_bind(&u.source);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(edges) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO unit_edge (from_code, from_valid_from_day, to_code, to_valid_from_day, part) ",
            );
            sql.push_values(chunk, |mut row, e| {
                row.push_bind(&e.from.code)
                    .push_bind(day_number(e.from.from))
                    .push_bind(&e.to.code)
                    .push_bind(day_number(e.to.from))
                    .push_bind(i64::from(e.part));
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct UnitRow {
    code: String,
    valid_from_day: i64,
    valid_to_day: Option<i64>,
    name: String,
    name_en: String,
    type_name: String,
    level: String,
    parent_code: Option<String>,
    source: String,
}

#[derive(sqlx::FromRow)]
struct EdgeRow {
    from_code: String,
    from_valid_from_day: i64,
    to_code: String,
    to_valid_from_day: i64,
    part: i64,
}

pub(super) async fn read_units(tx: &mut Tx) -> Result<Units> {
    let rows: Vec<UnitRow> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT code, valid_from_day, valid_to_day, name, name_en, type_name, level, parent_code, source FROM unit",
        )
        .fetch_all(c)
        .await?
    });
    let mut units = Vec::with_capacity(rows.len());
    for row in rows {
        let level = Level::parse(&row.level)
            .ok_or_else(|| StoreError::Corrupt(format!("level {} of unit {}", row.level, row.code)))?;
        units.push(Unit {
            id: UnitId::new(row.code, Day::from_number(row.valid_from_day)),
            to: row.valid_to_day.and_then(Day::from_number),
            name: row.name,
            name_en: row.name_en,
            type_name: row.type_name,
            level,
            parent_code: row.parent_code,
            source: row.source,
        });
    }
    let edges: Vec<EdgeRow> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT from_code, from_valid_from_day, to_code, to_valid_from_day, part FROM unit_edge",
        )
        .fetch_all(c)
        .await?
    });
    let edges = edges
        .into_iter()
        .map(|row| Edge {
            from: UnitId::new(row.from_code, Day::from_number(row.from_valid_from_day)),
            to: UnitId::new(row.to_code, Day::from_number(row.to_valid_from_day)),
            part: row.part != 0,
        })
        .collect();
    Units::new(units, edges).map_err(|e| StoreError::Corrupt(format!("units: {e}")))
}

/// A segment of a street or a market.
#[derive(sqlx::FromRow)]
struct PlaceRow {
    place_id: String,
    street_id: Option<String>,
    street_name: Option<String>,
    market_name: Option<String>,
}

/// Every place with what was known of it at a time.
pub(super) async fn read_places(tx: &mut Tx, known_at: TimeMs) -> Result<Vec<PlaceFact>> {
    let facts: Vec<(String, i64, String, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT place_id, from_day, unit_code, unit_valid_from_day FROM (
               SELECT p.*, ROW_NUMBER() OVER (PARTITION BY place_id, from_day ORDER BY recorded_at_ms DESC) AS version
               FROM place_unit p WHERE recorded_at_ms <= $1
             ) latest WHERE version = 1",
        )
        .bind(known_at.0)
        .fetch_all(c)
        .await?
    });
    let mut by_place: HashMap<String, Vec<PlacedIn>> = HashMap::new();
    for (place_id, from, code, unit_from) in facts {
        let from = day_of(from)?;
        by_place.entry(place_id).or_default().push(PlacedIn {
            unit: UnitId::new(code, Day::from_number(unit_from)),
            from,
        });
    }
    let rows: Vec<PlaceRow> = on_tx!(tx, |c| {
        sqlx::query_as(
            // A segment of a street that was merged later belonged to that street then.
            "SELECT p.place_id, s.street_id, s.name AS street_name, p.market_name
             FROM place p LEFT JOIN street s ON s.street_id = COALESCE(
               (SELECT b.street_id FROM segment_until b WHERE b.place_id = p.place_id AND b.until_ms > $1
                ORDER BY b.until_ms LIMIT 1), p.street_id)
             WHERE p.recorded_at_ms <= $1 ORDER BY p.place_id",
        )
        .bind(known_at.0)
        .fetch_all(c)
        .await?
    });
    rows.into_iter()
        .map(|row| {
            let place_id = row.place_id;
            let kind = match (row.street_id, row.street_name, row.market_name) {
                (Some(street_id), Some(street_name), None) => PlaceKind::Segment {
                    street_id,
                    street_name,
                },
                (None, None, Some(name)) => PlaceKind::Market { name },
                _ => {
                    return Err(StoreError::Corrupt(format!(
                        "place {place_id} is neither segment nor market"
                    )));
                }
            };
            let facts = by_place.remove(&place_id).unwrap_or_default();
            Ok(PlaceFact {
                place_id,
                kind,
                facts,
            })
        })
        .collect()
}

#[derive(sqlx::FromRow)]
struct StreetRowKept {
    street_id: String,
    scope_code: String,
    scope_valid_from_day: i64,
    name: String,
    into_street_id: Option<String>,
}

/// A book of everything that is known, to place register rows with.
pub(super) async fn open_book<'a>(
    tx: &mut Tx,
    units: &'a Units,
    new_streets: NewStreets,
) -> Result<Book<'a>> {
    let mut book = Book::new(units, new_streets);
    let streets: Vec<StreetRowKept> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT s.street_id, s.scope_code, s.scope_valid_from_day, s.name, m.into_street_id
             FROM street s LEFT JOIN street_merge m ON m.street_id = s.street_id ORDER BY s.street_id",
        )
        .fetch_all(c)
        .await?
    });
    let mut scopes = HashMap::new();
    let mut merged: HashMap<&str, &str> = HashMap::new();
    let mut names: HashMap<&str, &str> = HashMap::new();
    for street in &streets {
        let from = Day::from_number(street.scope_valid_from_day);
        let scope = units
            .ix(&UnitId::new(street.scope_code.clone(), from))
            .ok_or_else(|| StoreError::Corrupt(format!("scope of street {}", street.street_id)))?;
        match &street.into_street_id {
            Some(into) => {
                merged.insert(&street.street_id, into);
            }
            None => book.add_known_street(scope, &street.name, street.street_id.clone()),
        }
        names.insert(&street.street_id, &street.name);
        scopes.insert(street.street_id.clone(), scope);
    }
    for street in streets.iter().filter(|s| s.into_street_id.is_some()) {
        let mut id = street.street_id.as_str();
        // Each step is another merged street, so there are no more of them than that.
        for _ in 0..merged.len() {
            id = merged.get(id).copied().unwrap_or(id);
        }
        if let (Some(scope), Some(name)) = (scopes.get(&street.street_id), names.get(id)) {
            book.add_former_name(*scope, &street.name, name);
        }
    }
    let otherwise = default_scope(units)?;
    for place in read_places(tx, TimeMs(i64::MAX)).await? {
        match place.kind {
            PlaceKind::Market { name } => {
                book.add_known_market(&name, place.place_id, place.facts, otherwise)
            }
            PlaceKind::Segment {
                street_id,
                street_name,
            } => {
                if let (Some(scope), Some(fact)) = (scopes.get(&street_id), place.facts.into_iter().next()) {
                    book.add_known_segment(*scope, &street_name, place.place_id, fact);
                }
            }
        }
    }
    Ok(book)
}

/// Writes what a book made.
pub(super) async fn write_places(tx: &mut Tx, units: &Units, new: &NewPlaces, now: TimeMs) -> Result<()> {
    for chunk in pieces(&new.streets) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO street (street_id, scope_code, scope_valid_from_day, name, name_key, recorded_at_ms) ",
            );
            sql.push_values(chunk, |mut row, (street_id, scope, name)| {
                let scope = &units.get(*scope).id;
                row.push_bind(street_id)
                    .push_bind(&scope.code)
                    .push_bind(day_number(scope.from))
                    .push_bind(name)
                    .push_bind(name_key(name))
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&new.segments) {
        on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new("INSERT INTO place (kind, place_id, street_id, recorded_at_ms) ");
            sql.push_values(chunk, |mut row, (place_id, street_id)| {
                row.push("'segment'")
                    .push_bind(place_id)
                    .push_bind(street_id)
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&new.markets) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO place (kind, place_id, market_name, address, recorded_at_ms) ",
            );
            sql.push_values(chunk, |mut row, (place_id, name, address)| {
                row.push("'market'")
                    .push_bind(place_id)
                    .push_bind(name)
                    .push_bind(address)
                    .push_bind(now.0);
            });
            sql.build().execute(c).await?;
        });
    }
    for chunk in pieces(&new.facts) {
        on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "INSERT INTO place_unit (place_id, from_day, recorded_at_ms, unit_code, unit_valid_from_day) ",
            );
            sql.push_values(chunk, |mut row, (place_id, fact)| {
                row.push_bind(place_id)
                    .push_bind(fact.from.number())
                    .push_bind(now.0)
                    .push_bind(&fact.unit.code)
                    .push_bind(day_number(fact.unit.from));
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

/// Tells every writer of notices that what it remembers of the register may be old.
pub(super) async fn raise_epoch(tx: &mut Tx) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE register_epoch SET epoch = epoch + 1 WHERE id = 1")
            .execute(c)
            .await?;
    });
    Ok(())
}

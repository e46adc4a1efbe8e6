//! Administrative units with their lineage, and where streets and markets lie in them.
//!
//! A unit is a code *and* the day from which the code had this meaning: codes and names were used
//! again for other units (docs/spec/domain.md, section 5). What lies where is never stored for a date; it is
//! worked out from dated facts and the lineage, under the boundaries of any day.
//!
//! Pure and synchronous: files come in as bytes, days as values.

mod book;
mod boundaries;
mod files;
mod shipped;
mod street_name;
#[cfg(test)]
mod tests;
mod unit;
mod units;

pub use book::{Book, NewPlaces, NewStreets, PlaceError};
pub use boundaries::{Boundaries, Location};
pub use files::{MarketRow, Note, Read, StreetRow, known_on, read_markets, read_streets, read_units};
pub use shipped::shipped;
pub use street_name::likeness as street_likeness;
pub use unit::{Edge, Level, PlacedIn, Unit, UnitId};
pub use units::{NoUnit, UnitIx, Units, UnitsError};

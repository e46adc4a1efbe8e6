//! The lists of wards, streets and markets that the team keeps beside the repository, read and kept
//! whole. Where they are absent the tests are reported as skipped.

use std::path::Path;

use choso::indicators::{PlaceKind, Question, report};
use choso::places::{StreetRow, read_markets, read_streets, read_units};
use choso::vn::Day;

use crate::support::browser::skip;
use crate::support::*;

on_both! {
    every_row_is_accounted_for_and_twice_changes_nothing
    a_register_row_gives_a_street_its_segment
}

/// The three files, or none with the reason reported.
fn files(name: &str) -> Option<[Vec<u8>; 3]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/places");
    let read = |file: &str| std::fs::read(folder.join(file));
    match (read("wards.csv"), read("streets.csv"), read("markets.csv")) {
        (Ok(wards), Ok(streets), Ok(markets)) => Some([wards, streets, markets]),
        _ => {
            skip(name, "../shared/places/{wards,streets,markets}.csv are not there");
            None
        }
    }
}

/// Data rows of a file, counted without its reader: records of quoted CSV that are not blank.
fn records(bytes: &[u8]) -> usize {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let mut is_quoted = false;
    let mut rows = 0;
    for line in text.lines() {
        if !is_quoted && !line.trim().is_empty() {
            rows += 1;
        }
        is_quoted ^= line.matches('"').count() % 2 == 1;
    }
    rows - 1
}

fn counted(books: &Books) -> Vec<String> {
    ["unit", "unit_edge", "street", "place", "place_unit"]
        .iter()
        .flat_map(|table| books.rows(&format!("SELECT '{table} ' || COUNT(*) FROM {table}")))
        .collect()
}

fn every_row_is_accounted_for_and_twice_changes_nothing(database: Database) {
    let name = "places_files::every_row_is_accounted_for_and_twice_changes_nothing";
    let Some([wards, streets, markets]) = files(name) else {
        return;
    };
    let books = Books::open(database);
    let (read, edges) = read_units(&wards).expect("wards.csv");
    assert_eq!(
        (read.rows, read.kept.len() + read.faults.len()),
        (records(&wards), read.rows)
    );
    assert_eq!(read.faults, [], "no row of the shared list is refused");
    let total = read.kept.len();
    let kept = books
        .run(books.store.keep_units(read.kept.clone(), edges.clone(), false))
        .expect("kept");
    assert_eq!(kept.new + kept.known, total);
    let units = books.run(books.store.units()).expect("units");
    assert!(
        read.kept
            .iter()
            .all(|u| units.ix(&u.id).is_some_and(|ix| units.get(ix) == u))
    );
    assert!(
        edges.iter().all(|e| units.edges().contains(e)),
        "the lineage is kept"
    );

    let read_streets = read_streets(&streets, &units).expect("streets.csv");
    assert_eq!(
        (
            read_streets.rows,
            read_streets.kept.len() + read_streets.faults.len()
        ),
        (records(&streets), read_streets.rows)
    );
    let read_markets = read_markets(&markets, &units).expect("markets.csv");
    assert_eq!(
        (
            read_markets.rows,
            read_markets.kept.len() + read_markets.faults.len()
        ),
        (records(&markets), read_markets.rows)
    );
    assert!(
        read_streets.faults.len() + read_markets.faults.len() < 20,
        "{:?} {:?}",
        read_streets.faults,
        read_markets.faults
    );
    let keep = |now| {
        let streets = books
            .run(books.store.keep_streets(&read_streets.kept, false, now))
            .expect("streets");
        let markets = books
            .run(books.store.keep_markets(&read_markets.kept, false, now))
            .expect("markets");
        assert_eq!(streets.new + streets.known, read_streets.kept.len());
        assert_eq!(markets.new + markets.known, read_markets.kept.len());
        (streets.new, markets.new)
    };
    let (streets_new, markets_new) = keep(registered_at());
    assert!(
        streets_new > 1_000 && markets_new > 10,
        "{streets_new} {markets_new}"
    );
    let before = counted(&books);
    let again = books
        .run(books.store.keep_units(read.kept, edges, false))
        .expect("kept");
    assert_eq!((again.new, again.known), (0, total));
    assert_eq!(keep(noon()), (0, 0));
    assert_eq!(counted(&books), before);
}

fn a_register_row_gives_a_street_its_segment(database: Database) {
    let Some([wards, streets, _]) = files("places_files::a_register_row_gives_a_street_its_segment") else {
        return;
    };
    let books = Books::open(database);
    let (read, edges) = read_units(&wards).expect("wards.csv");
    books
        .run(books.store.keep_units(read.kept, edges, false))
        .expect("kept");
    let units = books.run(books.store.units()).expect("units");
    let read = read_streets(&streets, &units).expect("streets.csv");
    let in_hai_chau = |s: &&StreetRow| s.district.as_ref().is_some_and(|d| d.code == "492");
    let ward_less = read
        .kept
        .iter()
        .filter(in_hai_chau)
        .find(|s| s.segments.is_empty())
        .expect("a street without ward");
    books
        .run(books.store.keep_streets(&read.kept, false, registered_at()))
        .expect("kept");
    let day = Day::ymd(2024, 6, 15);
    let row = format!(
        "a,Hộ Thử,registered,trading,20233,{},1,,,,,,,,,{day},\n",
        ward_less.name
    );
    let kept = books.register(&row, noon());
    assert_eq!(
        kept.new_streets, [""; 0],
        "the street was on the list: {}",
        ward_less.name
    );
    let (units, facts) = books.facts(day, None);
    let household = &facts.households[0];
    let PlaceKind::Segment { street_name, .. } = &facts.places[household.place].kind else {
        panic!("on a street")
    };
    assert_eq!(street_name, &ward_less.name);
    assert_eq!(facts.places[household.place].facts[0].unit.code, "20233");
    let question = Question {
        area: units.at("20233", day).expect("a ward"),
        as_of: day,
        boundaries: day,
        known_at: noon(),
    };
    assert_eq!(
        report(question, &units, &facts)
            .expect("a report")
            .tally
            .households,
        1
    );
}

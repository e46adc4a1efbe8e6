//! Units, streets and markets kept once.

use choso::indicators::PlaceKind;
use choso::places::{Edge, PlacedIn, UnitId, Units, read_markets, read_streets, shipped};
use choso::register::AccountLengths;
use choso::store::{Conflict, HouseholdFilter, Missing, StoreError};
use choso::vn::{Day, TimeMs};

use crate::support::*;

/// Two invented streets: one known by its former ward, one by its former district only.
const STREETS: &str = "name_vi,district,ward,ward_code_2024\n\
    Đường Thử Một,Hải Châu,Thạch Thang,20233\nĐường Thử Hai,Hải Châu,,\n";
/// An invented market of which only the district is known.
const MARKETS: &str = "name,ward_old,district_old,ward_new_code\nChợ Thử,,Hải Châu,\n";

on_both! {
    the_shipped_units_are_there
    units_are_kept_once_and_replaced_by_id
    units_that_contradict_are_refused_whole
    streets_are_kept_once
    markets_are_kept_once_and_learn
    merged_streets_are_one_from_then_on
    streets_that_are_not_two_are_not_merged
    lengths_of_accounts_are_known_by_bank
}

fn the_shipped_units_are_there(database: Database) {
    let books = Books::open(database);
    let units = books.run(books.store.units()).expect("units");
    let (shipped_units, edges) = shipped();
    assert_eq!(
        (units.len(), units.edges().len()),
        (shipped_units.len(), edges.len())
    );
    let ward = units.at("20242", Day::ymd(2025, 7, 1)).expect("phường Hải Châu");
    assert_eq!(units.get(ward).name, "Hải Châu");
    let shipped = Units::new(shipped_units, edges).expect("a history");
    assert!(
        units.all().eq(shipped.all()),
        "what is written reads back unchanged"
    );
}

fn units_are_kept_once_and_replaced_by_id(database: Database) {
    let books = Books::open(database);
    let (units, edges) = shipped();
    let total = units.len();
    let again = books
        .run(books.store.keep_units(units.clone(), edges.clone(), false))
        .expect("kept");
    assert_eq!((again.new, again.known), (0, total));
    let mut renamed = units.last().expect("units are shipped").clone();
    renamed.name = "Phường Thử".to_owned();
    let of_it: Vec<Edge> = edges.iter().filter(|e| e.from == renamed.id).cloned().collect();
    let dry = books
        .run(books.store.keep_units(vec![renamed.clone()], of_it.clone(), true))
        .expect("a dry run");
    assert_eq!((dry.new, dry.known), (1, 0));
    let name = |id: &UnitId| {
        let units = books.run(books.store.units()).expect("units");
        units.get(units.ix(id).expect("the unit")).name.clone()
    };
    assert_ne!(name(&renamed.id), "Phường Thử", "a dry run changes nothing");
    books
        .run(books.store.keep_units(vec![renamed.clone()], of_it, false))
        .expect("kept");
    assert_eq!(name(&renamed.id), "Phường Thử");
    let after = books.run(books.store.units()).expect("units");
    assert_eq!((after.len(), after.edges().len()), (total, edges.len()));
}

fn units_that_contradict_are_refused_whole(database: Database) {
    let books = Books::open(database);
    let before = books.run(books.store.units()).expect("units");
    let ward = before.at("20242", Day::ymd(2025, 7, 1)).expect("phường Hải Châu");
    let mut overlapping = before.get(ward).clone();
    overlapping.id = UnitId::new("20242", Some(Day::ymd(2025, 8, 1)));
    let refused = books.run(books.store.keep_units(vec![overlapping], vec![], false));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let after = books.run(books.store.units()).expect("units");
    assert!(after.all().eq(before.all()));
}

fn streets_are_kept_once(database: Database) {
    let books = Books::open(database);
    let units = books.run(books.store.units()).expect("units");
    let rows = read_streets(STREETS.as_bytes(), &units).expect("a file of streets");
    assert_eq!((rows.kept.len(), rows.faults.len()), (2, 0), "{:?}", rows.faults);
    let dry = books
        .run(books.store.keep_streets(&rows.kept, true, noon()))
        .expect("a dry run");
    assert_eq!((dry.new, dry.known), (2, 0));
    let kept = books
        .run(books.store.keep_streets(&rows.kept, false, noon()))
        .expect("kept");
    assert_eq!((kept.new, kept.known), (2, 0), "a dry run had changed nothing");
    let again = books
        .run(books.store.keep_streets(&rows.kept, false, noon()))
        .expect("kept");
    assert_eq!((again.new, again.known), (0, 2));
}

fn markets_are_kept_once_and_learn(database: Database) {
    let books = Books::open(database);
    let units = books.run(books.store.units()).expect("units");
    let mut rows = read_markets(MARKETS.as_bytes(), &units)
        .expect("a file of markets")
        .kept;
    assert_eq!(rows.len(), 1);
    let keep = |rows: &[_]| {
        let kept = books
            .run(books.store.keep_markets(rows, false, noon()))
            .expect("kept");
        (kept.new, kept.known)
    };
    assert_eq!(keep(&rows), (1, 0));
    assert_eq!(keep(&rows), (0, 1));
    rows[0].facts.push(PlacedIn {
        unit: UnitId::new("20236", None),
        from: Day::ymd(2024, 6, 1),
    });
    assert_eq!(keep(&rows), (1, 0), "a fact that it lacked");
    assert_eq!(
        books
            .rows("SELECT market_name FROM place WHERE kind = 'market'")
            .len(),
        1
    );
}

/// Ids of the streets called so.
fn street_id(books: &Books, name: &str) -> String {
    let streets = books.run(books.store.streets()).expect("streets");
    let street = streets.into_iter().find(|street| street.name == name);
    street.expect("a street").street_id
}

fn merged_streets_are_one_from_then_on(database: Database) {
    let books = Books::with_register(database);
    let row = "bay,Hộ Thử Bảy,registered,trading,20242,Đường Thứ,7,,,,,,,,,2025-08-01,\n";
    books.register(row, registered_at());
    let alike = books.run(books.store.streets_alike()).expect("streets");
    let names: Vec<Vec<&str>> = alike
        .iter()
        .map(|group| group.iter().map(|s| s.name.as_str()).collect())
        .collect();
    assert_eq!(names, [["Đường Thứ", "Đường Thử"]]);
    assert_eq!(alike[0].iter().map(|s| s.households).sum::<i64>(), 6);

    let (wrong, right) = (street_id(&books, "Đường Thứ"), street_id(&books, "Đường Thử"));
    assert_eq!(books.run(books.store.street_now(&wrong)).expect("a look"), None);
    let moved = books.run(
        books
            .store
            .merge_streets(&wrong, &right, "gõ sai dấu", actor("thu", noon())),
    );
    assert_eq!(moved.expect("merged"), 1);
    assert_eq!(
        books.run(books.store.street_now(&wrong)).expect("a look"),
        Some(right.clone())
    );
    assert_eq!(books.run(books.store.streets()).expect("streets").len(), 1);
    assert!(
        books
            .run(books.store.streets_alike())
            .expect("streets")
            .is_empty()
    );
    let listed = books.run(books.store.streets_and_markets()).expect("places");
    assert_eq!(listed.len(), 2, "one street, one market: {listed:?}");

    // Who stood at either stands at the one that stayed; as known before, there were two.
    let filter = HouseholdFilter {
        street_or_market: Some(right.clone()),
        ..HouseholdFilter::default()
    };
    let there = books
        .run(books.store.households(&filter, market_day(), "", 100))
        .expect("households");
    assert_eq!(there.len(), 6);
    let streets = |known_at| {
        let (_, facts) = books.facts(market_day(), known_at);
        let mut ids: Vec<String> = facts
            .places
            .into_iter()
            .filter_map(|place| match place.kind {
                PlaceKind::Segment { street_id, .. } => Some(street_id),
                PlaceKind::Market { .. } => None,
            })
            .collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!(streets(None), std::slice::from_ref(&right));
    assert_eq!(streets(Some(TimeMs(noon().0 - 1))).len(), 2);
    assert_eq!(streets(Some(noon())), [right]);

    // The same rows again are the same stalls, under the old name and the new one.
    for again in [row.to_owned(), row.replace("Thứ", "Thử")] {
        let kept = books.register(&again, TimeMs(noon().0 + 1));
        assert_eq!(
            (kept.new_households, kept.new_stalls, kept.changed),
            (0, 0, 0),
            "{again}"
        );
        assert!(kept.new_streets.is_empty());
    }
}

fn streets_that_are_not_two_are_not_merged(database: Database) {
    let books = Books::with_register(database);
    books.register(
        "bay,Hộ Thử Bảy,registered,trading,20242,Đường Khác,7,,,,,,,,,2025-08-01,\n",
        registered_at(),
    );
    let (one, two) = (street_id(&books, "Đường Thử"), street_id(&books, "Đường Khác"));
    let merge = |street: &str, into: &str| {
        books.run(
            books
                .store
                .merge_streets(street, into, "thử", actor("thu", noon())),
        )
    };
    assert!(matches!(
        merge(&one, &one),
        Err(StoreError::Conflict(Conflict::StreetIntoItself))
    ));
    assert!(matches!(
        merge(&one, "không có"),
        Err(StoreError::Missing(Missing::Street { .. }))
    ));
    merge(&two, &one).expect("merged");
    for (street, into) in [(&one, &two), (&two, &one)] {
        assert!(matches!(
            merge(street, into),
            Err(StoreError::Conflict(Conflict::StreetMerged { .. }))
        ));
    }
}

fn lengths_of_accounts_are_known_by_bank(database: Database) {
    let books = Books::with_register(database);
    let lengths = books.run(books.store.account_lengths()).expect("lengths");
    let wanted = [("970415", 8), ("970422", 8)].map(|(bin, length)| (bin.to_owned(), length));
    assert_eq!(lengths, AccountLengths::from_iter(wanted));
}

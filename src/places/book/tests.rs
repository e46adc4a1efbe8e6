//! Which names find a known street or market, which make one, and which are asked about.

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
    let mut book = Book::new(&units, NewStreets::Asked);
    let mut fresh = ids();
    let day = Day::ymd(2024, 6, 1);
    let one = units.at("20227", day).unwrap();
    let two = units.at("20233", day).unwrap();
    let a = book.segment("Bạch Đằng", one, day, &mut fresh).unwrap();
    let b = book.segment("Bạch Đằng", two, day, &mut fresh).unwrap();
    assert_ne!(a, b);
    for same in ["bạch  đằng", "Đường Bạch Đằng", "đ.Bạch Đằng"] {
        assert_eq!(book.segment(same, one, day, &mut fresh), Ok(a.clone()), "{same}");
    }
    let new = book.take_new();
    assert_eq!(
        (new.streets.len(), new.segments.len(), new.facts.len()),
        (1, 2, 2)
    );
    assert_eq!(book.take_new(), NewPlaces::default());
}

/// What becomes of these rows' street names, in this order, in one ward whose city has these streets.
fn rows(known: &[&str], new_streets: NewStreets, names: &[&str]) -> (Vec<String>, Vec<String>) {
    let units = units();
    let day = Day::ymd(2024, 6, 1);
    let ward = units.at("20233", day).unwrap();
    let mut book = Book::new(&units, new_streets);
    for name in known {
        book.add_known_street(units.scope(ward), name, format!("known {name}"));
    }
    book.expect_streets(names.iter().map(|name| (ward, *name)));
    let mut fresh = ids();
    let asked = names
        .iter()
        .filter(|name| book.segment(name, ward, day, &mut fresh).is_err())
        .map(|name| (*name).to_owned())
        .collect();
    let made = book
        .take_new()
        .streets
        .into_iter()
        .map(|(_, _, name)| name)
        .collect();
    (made, asked)
}

#[test]
fn spelling_makes_no_street() {
    let spellings = [
        "Tran Phu",
        "Đường Trần Phú",
        "đ. Trần Phú",
        "duong Tran Phu",
        "Trần Phú",
        "TRẦN  PHÚ",
    ];
    for turn in 0..spellings.len() {
        let mut names = spellings;
        names.rotate_left(turn);
        let (made, asked) = rows(&[], NewStreets::Asked, &names);
        assert_eq!((made.len(), asked.len()), (1, 0), "{names:?}: {made:?}");
        assert_eq!(identity(&made[0]), identity("Trần Phú"));
        for policy in [NewStreets::Asked, NewStreets::AskedIfAlike, NewStreets::Made] {
            assert_eq!(rows(&["Trần Phú"], policy, &names), (vec![], vec![]), "{names:?}");
        }
    }
}

#[test]
fn a_name_that_looks_alike_is_asked_about() {
    // The name that most rows write is the new one, wherever it stands; the others wait for a person.
    let names = ["Nguyễn Dữ", "Nguyễn Du", "Nguyễn Du"];
    assert_eq!(
        rows(&[], NewStreets::Asked, &names),
        (vec!["Nguyễn Du".into()], vec!["Nguyễn Dữ".into()])
    );
    assert_eq!(rows(&[], NewStreets::Made, &names).0.len(), 2);
    assert_eq!(
        rows(&["Nguyễn Du"], NewStreets::AskedIfAlike, &["Nguyễn Dữ"])
            .1
            .len(),
        1
    );
    // Without accents it may be either.
    assert_eq!(
        rows(&["Nguyễn Du", "Nguyễn Dữ"], NewStreets::Asked, &["nguyen du"])
            .1
            .len(),
        1
    );
    assert_eq!(
        rows(&["Phố Trần Phú"], NewStreets::Asked, &["Trần Phú"]).1.len(),
        1
    );
}

#[test]
fn a_new_name_is_asked_about_where_streets_are_known() {
    let ask = |known: &[&str], policy| rows(known, policy, &["Lê Duẩn"]).1.len();
    assert_eq!(ask(&["Trần Phú"], NewStreets::Asked), 1);
    assert_eq!(ask(&[], NewStreets::Asked), 0);
    assert_eq!(ask(&["Trần Phú"], NewStreets::AskedIfAlike), 0);
    assert_eq!(ask(&["Trần Phú"], NewStreets::Made), 0);
    let units = units();
    let day = Day::ymd(2024, 6, 1);
    let ward = units.at("20233", day).unwrap();
    let mut book = Book::new(&units, NewStreets::Asked);
    book.add_known_street(units.scope(ward), "Trần Phú", "s".into());
    let asked = book.segment("Trần Phsú", ward, day, ids()).unwrap_err();
    assert!(
        asked.sentence().vi.contains("có «Trần Phú»"),
        "{}",
        asked.sentence().vi
    );
}

#[test]
fn a_merged_name_leads_to_the_street_it_was_merged_into() {
    let units = units();
    let day = Day::ymd(2024, 6, 1);
    let ward = units.at("20233", day).unwrap();
    let (scope, fact) = (units.scope(ward), |from| PlacedIn {
        unit: units.get(ward).id.clone(),
        from,
    });
    let mut book = Book::new(&units, NewStreets::Asked);
    book.add_known_street(scope, "Trần Phú", "s".into());
    book.add_former_name(scope, "Trần Phủ", "Trần Phú");
    book.add_known_segment(scope, "Trần Phú", "p1".into(), fact(day));
    book.add_known_segment(scope, "Trần Phú", "p2".into(), fact(day));
    assert_eq!(book.segment("đường Trần Phủ", ward, day, ids()), Ok("p1".into()));
    assert_eq!(
        (book.same_place("p2"), book.same_place("p1"), book.same_place("x")),
        ("p1", "p1", "x")
    );
}

#[test]
fn markets_are_not_made_by_spelling_either() {
    let units = units();
    let day = Day::ymd(2024, 6, 1);
    let ward = units.at("20236", day).unwrap();
    let mut book = Book::new(&units, NewStreets::Made);
    let mut fresh = ids();
    let han = book.market("Chợ Hàn", ward, day, &mut fresh).unwrap();
    for same in ["Hàn", "cho Han", "CHO HAN", "Han"] {
        assert_eq!(
            book.market(same, ward, day, &mut fresh),
            Ok(han.clone()),
            "{same}"
        );
    }
    assert!(matches!(
        book.market("Chợ Hán", ward, day, &mut fresh),
        Err(PlaceError::NewMarket { .. })
    ));
    assert_eq!(book.take_new().markets.len(), 1);
}

#[test]
fn a_market_lies_in_one_ward_at_a_time() {
    let units = units();
    let mut book = Book::new(&units, NewStreets::Made);
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

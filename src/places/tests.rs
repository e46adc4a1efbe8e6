//! Tests of the room as a whole, on the shipped units and on lineages made up.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::table::TableError;
use crate::vn::{Day, Lang};

fn units() -> Units {
    let (units, edges) = shipped();
    Units::new(units, edges).unwrap()
}

fn id(text: &str) -> UnitId {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A place known in one unit from that unit's first day, or from the last day of 2024.
fn placed(unit: &str) -> PlacedIn {
    let unit = id(unit);
    PlacedIn {
        from: unit.from.unwrap_or(day("2024-12-31")),
        unit,
    }
}

/// Where a place of that unit counts on that day: `20242@2025-07-01`, with a `?` if not exact.
fn located(units: &Units, unit: &str, on: &str) -> String {
    match units.under(day(on)).locate(&[placed(unit)]) {
        Some(at) => format!("{}{}", units.get(at.unit).id, if at.exact { "" } else { "?" }),
        None => "-".to_owned(),
    }
}

/// The table of docs/spec/domain.md, section 5, with the units of 30/06/2025 by name; a star marks the split one.
const MADE_FROM: [(&str, &str, &[&str]); 15] = [
    (
        "20194",
        "Hải Vân",
        &["Hòa Hiệp Bắc", "Hòa Hiệp Nam", "Hòa Bắc", "*Hòa Liên"],
    ),
    ("20197", "Liên Chiểu", &["Hòa Khánh Bắc", "*Hòa Liên"]),
    ("20200", "Hòa Khánh", &["Hòa Khánh Nam", "Hòa Minh", "Hòa Sơn"]),
    (
        "20209",
        "Thanh Khê",
        &[
            "Xuân Hà",
            "Chính Gián",
            "Thạc Gián",
            "Thanh Khê Tây",
            "Thanh Khê Đông",
        ],
    ),
    (
        "20242",
        "Hải Châu",
        &[
            "Thanh Bình",
            "Thuận Phước",
            "Thạch Thang",
            "Phước Ninh",
            "phường Hải Châu",
        ],
    ),
    (
        "20257",
        "Hòa Cường",
        &["Bình Thuận", "Hòa Thuận Tây", "Hòa Cường Bắc", "Hòa Cường Nam"],
    ),
    ("20260", "Cẩm Lệ", &["Hòa Thọ Tây", "Hòa Thọ Đông", "Khuê Trung"]),
    ("20263", "Sơn Trà", &["Thọ Quang", "Nại Hiên Đông", "Mân Thái"]),
    ("20275", "An Hải", &["Phước Mỹ", "An Hải Bắc", "An Hải Nam"]),
    (
        "20285",
        "Ngũ Hành Sơn",
        &["Mỹ An", "Khuê Mỹ", "Hòa Hải", "Hòa Quý"],
    ),
    ("20305", "An Khê", &["Hòa An", "Hòa Phát", "An Khê"]),
    ("20314", "Hòa Xuân", &["Hòa Xuân", "Hòa Châu", "Hòa Phước"]),
    ("20308", "Bà Nà", &["Hòa Ninh", "Hòa Nhơn"]),
    ("20320", "Hòa Vang", &["Hòa Phong", "Hòa Phú"]),
    ("20332", "Hòa Tiến", &["Hòa Khương", "Hòa Tiến"]),
];

#[test]
fn the_units_of_2025_are_made_as_the_table_says() {
    let units = units();
    let last = day("2025-06-30");
    let first = day("2025-07-01");
    let now = units.under(first);
    for (code, name, parts) in MADE_FROM {
        let target = units.at(code, first).unwrap();
        assert_eq!(units.get(target).name, name);
        let mut parents = Vec::new();
        for part in parts {
            let old = units.find(part.trim_start_matches('*'), last).unwrap();
            parents.push(old);
            let at = now.locate_unit(old).unwrap();
            if part.starts_with('*') {
                assert_eq!(
                    (units.get(at.unit).id.to_string().as_str(), at.exact),
                    ("48@2025-07-01", false)
                );
            } else {
                assert_eq!((at.unit, at.exact), (target, true), "{part} -> {name}");
            }
        }
        parents.sort();
        assert_eq!(
            units.predecessors(target),
            parents,
            "{name} is made of these and no others"
        );
    }
}

#[test]
fn every_unit_of_2024_leads_to_one_of_2025_and_back() {
    let units = units();
    let then = units.under(day("2024-12-31"));
    let now = units.under(day("2025-07-01"));
    let city = units.ix(&id("48@1997-01-01")).unwrap();
    let communes = then.members(city);
    assert_eq!(communes.len(), 56);
    for old in communes {
        let ahead = now.locate_unit(old).unwrap();
        let split = ["Hòa Liên", "Hòa Minh"].contains(&units.get(old).name.as_str());
        assert_eq!(ahead.exact, !split, "{}", units.get(old).name);
        if !split {
            // Whatever holds all predecessors of the new ward holds the old one among them.
            let behind = then.locate_unit(ahead.unit).unwrap();
            assert!(then.parents(old).contains(&behind.unit) || behind.unit == old);
        }
    }
    for (boundaries, count) in [("2024-06-15", 56), ("2025-03-01", 47), ("2025-07-01", 16)] {
        let boundaries = units.under(day(boundaries));
        let city = units.at("48", boundaries.day()).unwrap();
        assert_eq!(boundaries.members(city).len(), count);
    }
}

#[test]
fn changes_of_january_2025_are_followed() {
    let units = units();
    for (old, on, wanted) in [
        ("20239", "2025-03-01", "20236@2025-01-01"), // Hải Châu II
        ("20248", "2025-03-01", "20242@2025-01-01"), // Nam Dương
        ("20251", "2025-03-01", "20242@2025-01-01"), // Bình Hiên
        ("20246@2005-03-17", "2025-03-01", "20254@2025-01-01"), // Hòa Thuận Đông
        ("20281", "2025-03-01", "20278@2025-01-01"), // An Hải Đông
        ("20212", "2025-03-01", "20215@2025-01-01"), // Tân Chính
        ("20218", "2025-03-01", "20218@2025-01-01"), // Vĩnh Trung
        ("20203", "2025-03-01", "20209@2025-01-01"), // Tam Thuận
        ("20225@2005-08-20", "2025-03-01", "20207@2025-01-01"), // Hòa Khê
        ("20230", "2025-03-01", "492?"),             // Thuận Phước, split
        ("20230", "2025-07-01", "20242@2025-07-01"), // both parts together again
        ("20263", "2025-03-01", "493?"),             // Thọ Quang, split
        ("20200", "2025-03-01", "48@1997-01-01?"),   // Hòa Minh, split over two districts
        ("20200", "2025-07-01", "48@2025-07-01?"),   // Hòa Khánh or Thanh Khê
    ] {
        assert_eq!(located(&units, old, on), wanted, "{old} on {on}");
    }
}

#[test]
fn older_boundaries_give_the_smallest_unit_that_holds_all_predecessors() {
    let units = units();
    for (new, on, wanted) in [
        ("20242@2025-07-01", "2024-06-15", "492?"),
        ("20242@2025-07-01", "2025-03-01", "492?"),
        ("20200@2025-07-01", "2025-03-01", "48@1997-01-01?"), // Hòa Khánh: of 490 and 497
        ("20197@2025-07-01", "2025-03-01", "48@1997-01-01?"), // Liên Chiểu: Hòa Liên was in 497
        ("20230@2025-01-01", "2024-06-15", "20230"),
        ("20227@2025-01-01", "2024-06-15", "492?"),
        ("20206@2025-01-01", "2024-06-15", "48@1997-01-01?"),
        ("20333@2025-07-01", "2024-06-15", "498?"),
        ("20206@2005-08-20", "2004-01-01", "491?"), // made in 2005 inside Thanh Khê
        ("20260@2005-08-20", "2004-01-01", "48@1997-01-01?"), // Cẩm Lệ itself is of 2005
        ("20242@2025-07-01", "1990-01-01", "492?"),
    ] {
        assert_eq!(located(&units, new, on), wanted, "{new} on {on}");
    }
}

#[test]
fn a_street_known_by_its_district_counts_there_and_later_in_what_holds_its_wards() {
    let units = units();
    for (district, on, wanted) in [
        ("492", "2024-06-15", "492?"),
        ("492", "2025-03-01", "492?"),
        ("492", "2025-07-02", "48@2025-07-01?"), // Hải Châu or Hòa Cường
        ("494", "2025-07-02", "20285@2025-07-01"), // all four wards became one
        ("498", "2025-07-02", "20333@2025-07-01"),
    ] {
        assert_eq!(located(&units, district, on), wanted, "{district} on {on}");
    }
}

#[test]
fn the_fact_recorded_last_by_the_boundary_date_wins() {
    let units = units();
    let facts = [
        placed("20242@2025-07-01"),
        placed("20227@2025-01-01"),
        placed("20230"),
    ];
    let on = |facts: &[PlacedIn], text: &str| {
        let at = units.under(day(text)).locate(facts).unwrap();
        (units.get(at.unit).id.to_string(), at.exact)
    };
    assert_eq!(on(&facts, "2024-06-15"), ("20230".into(), true));
    assert_eq!(
        on(&facts, "2025-03-01"),
        ("20227@2025-01-01".into(), true),
        "the part that was moved"
    );
    assert_eq!(on(&facts, "2026-01-01"), ("20242@2025-07-01".into(), true));
    let boundaries = units.under(day("2025-03-01"));
    assert_eq!(boundaries.locate(&[]), None);
    let lost = PlacedIn {
        unit: id("99999"),
        from: day("2025-01-01"),
    };
    assert_eq!(boundaries.locate(&[lost]), None);
}

#[test]
fn areas_hold_what_lies_in_them() {
    let units = units();
    let then = units.under(day("2024-06-15"));
    let [city, district, ward] = ["48@1997-01-01", "492", "20236"].map(|text| units.ix(&id(text)).unwrap());
    let household = then.locate(&[placed("20242@2025-07-01")]).unwrap();
    assert!(then.holds(district, household) && then.holds(city, household) && !then.holds(ward, household));
    assert_eq!(then.parents(ward), [district, city]);
    assert_eq!(then.members(district).len(), 13);
    assert_eq!(then.children(city).len(), 8);
    assert_eq!(then.members(ward), [ward]);
    assert_eq!(units.under(day("2025-07-01")).members(district), []);
}

#[test]
fn a_code_means_another_unit_on_another_day() {
    let units = units();
    let name = |code, on| {
        units
            .at(code, day(on))
            .map(|ix| units.get(ix).full_name(Lang::Vi))
    };
    assert_eq!(name("20242", "2024-06-15").unwrap(), "phường Phước Ninh");
    assert_eq!(name("20242", "2025-07-01").unwrap(), "phường Hải Châu");
    assert_eq!(name("20236", "2024-12-31").unwrap(), "phường Hải Châu I");
    assert!(matches!(
        name("99999", "2024-06-15"),
        Err(NoUnit::CodeUnknown { .. })
    ));
    let other = name("20333", "2024-06-15").unwrap_err();
    assert!(matches!(other, NoUnit::CodeOtherDates { .. }));
    assert!(
        other
            .to_string()
            .contains("đặc khu Hoàng Sa (20333@2025-07-01, từ 01/07/2025)"),
        "{other}"
    );
    let ix = units.at("492", day("2024-06-15")).unwrap();
    assert_eq!(units.get(ix).full_name(Lang::En), "Hai Chau District");
}

#[test]
fn units_are_found_by_code_and_date_or_by_a_name_that_fits_one() {
    let units = units();
    let find = |text: &str, on: &str| units.find(text, day(on)).map(|ix| units.get(ix).id.to_string());
    for (text, on, wanted) in [
        ("Hải Châu", "2024-06-15", "492"),
        ("hai chau", "2025-07-02", "20242@2025-07-01"),
        ("quận Hải Châu", "2025-03-01", "492"),
        ("Phường Hải Châu", "2025-03-01", "20236@2025-01-01"),
        ("Hoà Cường", "2026-01-01", "20257@2025-07-01"),
        ("Hai Chau Ward", "2026-01-01", "20242@2025-07-01"),
        ("20242", "2024-06-15", "20242"),
        ("20242@2025-07-01", "2024-06-15", "20242@2025-07-01"),
        ("20242@2026-05-05", "2024-06-15", "20242@2025-07-01"),
        ("Đà Nẵng", "2024-06-15", "48@1997-01-01"),
    ] {
        assert_eq!(find(text, on).as_deref(), Ok(wanted), "{text} on {on}");
    }
    let several = find("Hải Châu", "2025-03-01").unwrap_err().sentence().vi;
    assert!(
        several.contains("20236@2025-01-01") && several.contains("492@2025-03-01"),
        "{several}"
    );
    let wrong = find("phường Hải Châu", "2024-06-15").unwrap_err();
    assert!(matches!(wrong, NoUnit::NameOtherDates { .. }), "{wrong}");
    assert!(matches!(
        find("Hải Châu III", "2025-07-02"),
        Err(NoUnit::NameUnknown { .. })
    ));
    assert!(matches!(
        find("20242@01/07/2025", "2025-07-02"),
        Err(NoUnit::DayUnreadable { .. })
    ));
    assert!(matches!(find("", "2025-07-02"), Err(NoUnit::NameUnknown { .. })));
}

#[test]
fn histories_that_contradict_themselves_are_refused() {
    let (good, edges) = shipped();
    let broken = |change: &dyn Fn(&mut Vec<Unit>, &mut Vec<Edge>)| {
        let mut units = good.clone();
        let mut edges = edges.clone();
        change(&mut units, &mut edges);
        Units::new(units, edges).unwrap_err()
    };
    let overlap = broken(&|units, _| units[0].to = None);
    assert!(matches!(overlap, UnitsError::Overlap(..)), "{overlap}");
    let twice = broken(&|units, _| units.push(units[5].clone()));
    assert!(matches!(twice, UnitsError::Overlap(..)));
    let orphan = broken(&|units, _| units[5].parent_code = Some("7".into()));
    assert!(matches!(orphan, UnitsError::NoParent(..)));
    let upside = broken(&|units, _| units[0].parent_code = Some("492".into()));
    assert!(matches!(upside, UnitsError::ParentNotAbove(..)));
    let backwards = broken(&|units, _| units[0].to = Some(day("1990-01-01")));
    assert!(matches!(backwards, UnitsError::Backwards(..)));
    let unknown = broken(&|_, edges| edges[0].to = id("1@2025-07-01"));
    assert!(matches!(unknown, UnitsError::EdgeUnknown { .. }));
    let gap = broken(&|_, edges| edges[0].to = id("20236@2025-01-01"));
    assert!(matches!(gap, UnitsError::EdgeGap { .. }));
}

const WARDS_HEADER: &str =
    "official_code,name_vi,level,parent_code,valid_from,valid_to,successor_codes,type_vi,predecessor_codes";

fn wards(rows: &[&str]) -> (Read<Unit>, Vec<Edge>) {
    let (read, edges) = read_units(format!("{WARDS_HEADER}\n{}\n", rows.join("\n")).as_bytes()).unwrap();
    assert_eq!(read.rows, read.kept.len() + read.faults.len());
    Units::new(read.kept.clone(), edges.clone()).expect("what was kept fits together");
    (read, edges)
}

#[test]
fn unit_rows_are_kept_or_refused_with_a_reason() {
    let city = "48,Đà Nẵng,city,,1997-01-01,,,Thành phố,";
    for (rows, refused, said) in [
        (
            &[
                "1,A,ward,48,,2024-12-31,2,Phường,",
                "2,B,ward,48,2025-01-01,,,Phường,3",
            ][..],
            vec![3],
            "không khớp",
        ),
        (&["1,A,ward,7,,,,Phường,"], vec![3], "cấp trên mã 7"),
        (
            &["1,A,ward,2,,,,Phường,", "2,B,commune,48,,,,Xã,"],
            vec![3],
            "cấp cao hơn",
        ),
        (
            &["1,A,ward,2,,,,Phường,", "2,B,district,7,,,,Quận,"],
            vec![3, 4],
            "cấp trên mã",
        ),
        (
            &[
                "1,A,ward,48,,2025-01-01,,Phường,",
                "1,B,ward,48,2025-01-01,,,Phường,",
            ],
            vec![4],
            "dòng 3",
        ),
        (
            &["1,A,ward,48,2025-01-01,,,Phường,", "1,B,ward,48,,,,Phường,"],
            vec![4],
            "dòng 3",
        ),
        (&["1,A,hamlet,48,,,,Thôn,"], vec![3], "level"),
        (&["x,A,ward,48,,,,Phường,"], vec![3], "official_code"),
        (&["1,A,ward,48,2025-02-30,,,Phường,"], vec![3], "valid_from"),
        (
            &["1,A,ward,48,2025-01-01,2024-01-01,,Phường,"],
            vec![3],
            "sớm hơn",
        ),
        (&["1,A,ward,48,,,2,Phường,"], vec![3], "thiếu ngày"),
        (&["1,A,ward,,,,,Phường,"], vec![3], "parent_code"),
        (&["1,,ward,48,,,,Phường,"], vec![3], "name_vi"),
    ] {
        let (read, _) = wards(&[&[city][..], rows].concat());
        assert_eq!(
            read.faults.iter().map(|f| f.row).collect::<Vec<_>>(),
            refused,
            "{rows:?}"
        );
        assert!(
            read.faults.iter().all(|f| f.reason.vi.contains(said)),
            "{:?}",
            read.faults
        );
    }
    let (read, edges) = wards(&[
        city,
        "1,A,ward,48,,2024-12-31,1;2,Phường,",
        "1,A,ward,48,2025-01-01,,,Phường,",
    ]);
    assert_eq!(
        (read.faults.len(), read.notes.len()),
        (0, 1),
        "2 is not in the file"
    );
    assert_eq!(
        edges,
        [Edge {
            from: id("1"),
            to: id("1@2025-01-01"),
            part: true
        }]
    );
    assert!(matches!(
        read_units(b"name\nA\n"),
        Err(TableError::ColumnUnknown { .. })
    ));
}

#[test]
fn street_rows_agree_with_the_units_of_2024() {
    let units = units();
    let text = "name_vi,district,ward,ward_code_2024,alias\n\
                Cô Bắc,Hải Châu,Hải Châu II,20239,\n\
                Dài,Hải Châu,Thanh Bình; Thuận Phước,20227;20230,D; Dai\n\
                Bạch Đằng,Hải Châu,,,\n\
                Không Rõ,,,,\n\
                Theo Tên,Hải Châu,hải châu i,,\n\
                BẠCH ĐẰNG,Hải Châu,,,\n\
                Sai Quận,Hải Chàu Bắc,,,\n\
                Sai Mã,Hải Châu,Hải Châu,20242,\n\
                Sai Nơi,Thanh Khê,,20242,\n\
                Mã Mới,Hải Châu,,20333,\n\
                ,Hải Châu,,,\n";
    let read = read_streets(text.as_bytes(), &units).unwrap();
    assert_eq!((read.rows, read.kept.len(), read.notes.len()), (11, 6, 1));
    assert_eq!(
        read.faults.iter().map(|f| f.row).collect::<Vec<_>>(),
        [8, 9, 10, 11, 12]
    );
    let places = |at: usize| {
        read.kept[at]
            .places()
            .iter()
            .map(|p| p.unit.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [places(0), places(2), places(3), places(4)],
        [vec!["20239"], vec!["492"], vec![], vec!["20236"]]
    );
    assert_eq!(
        (places(1), read.kept[1].alias.len()),
        (vec!["20227".into(), "20230".into()], 2)
    );
}

#[test]
fn market_rows_tell_where_they_lay_and_lie() {
    let units = units();
    let text = "name,ward_old,district_old,ward_new,ward_new_code,kind,address\n\
                Chợ Hàn,,Hải Châu,Hải Châu,20242,market,119 Trần Phú\n\
                Chợ Mới Hòa Thuận,Hòa Thuận Đông,Hải Châu,Hòa Cường,20257,market,\n\
                Chợ Đâu Đó,,,,,market,\n\
                Chợ Sai,,,Hải Châu,20236,market,\n";
    let read = read_markets(text.as_bytes(), &units).unwrap();
    assert_eq!((read.rows, read.kept.len(), read.faults.len()), (4, 3, 1));
    assert_eq!(read.kept[0].facts, [placed("492"), placed("20242@2025-07-01")]);
    let moved = &read.kept[1].facts;
    let at = units.under(day("2025-03-01")).locate(moved).unwrap();
    assert_eq!((units.get(at.unit).name.as_str(), at.exact), ("Bình Thuận", true));
    assert!(read.kept[2].facts.is_empty());
}

/// A file of the reference data, where that lies beside the project.
fn reference(test: &str, name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/places");
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED {test}: ../shared/places is absent");
    }
    bytes
}

#[test]
fn places_against_wards_csv() {
    let Some(bytes) = reference("places_against_wards_csv", "wards.csv") else {
        return;
    };
    let (read, edges) = read_units(&bytes).unwrap();
    assert_eq!(
        (read.rows, read.kept.len(), read.faults.as_slice()),
        (174, 174, &[][..])
    );
    assert_eq!(read.notes.len(), 1, "only code 49 is not in the file");
    let (ours, our_edges) = shipped();
    let all = Units::new(read.kept, edges.clone()).unwrap();
    for unit in &ours {
        let theirs = all.get(all.ix(&unit.id).unwrap());
        assert_eq!(
            &Unit {
                source: theirs.source.clone(),
                ..unit.clone()
            },
            theirs
        );
    }
    assert_eq!(all.len() - ours.len(), 78, "the rest is former Quảng Nam");
    let sorted = |mut edges: Vec<Edge>| {
        edges.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
        edges
    };
    assert_eq!(sorted(edges), sorted(our_edges));
    let scope = |text: &str| all.get(all.scope(all.ix(&id(text)).unwrap())).id.to_string();
    assert_eq!(scope("20242@2025-07-01"), "48@1997-01-01");
    assert_eq!(scope("20230"), "48@1997-01-01");
    assert_eq!(scope("20333@2025-07-01"), "48@1997-01-01");
    assert_eq!(scope("20410@2025-07-01"), "48@2025-07-01");
    assert_eq!(
        located(&all, "20410@2025-07-01", "2025-07-01"),
        "20410@2025-07-01"
    );
    assert_eq!(
        located(&all, "20410@2025-07-01", "2025-03-01"),
        "-",
        "nothing is known of it then"
    );
    assert_eq!(
        located(&all, "48@2025-07-01", "2025-03-01"),
        "-",
        "nor of a place anywhere in the city"
    );
    let now = all.under(day("2025-07-01"));
    assert_eq!(now.members(all.ix(&id("48@2025-07-01")).unwrap()).len(), 94);
}

#[test]
fn places_against_streets_and_markets_csv() {
    let test = "places_against_streets_and_markets_csv";
    let Some(wards) = reference(test, "wards.csv") else {
        return;
    };
    let (read, edges) = read_units(&wards).unwrap();
    let units = Units::new(read.kept, edges).unwrap();
    let Some(bytes) = reference(test, "streets.csv") else {
        return;
    };
    let streets = read_streets(&bytes, &units).unwrap();
    assert_eq!(
        (streets.rows, streets.kept.len(), streets.faults.as_slice()),
        (2638, 2638, &[][..])
    );
    assert_eq!(
        streets.kept.iter().filter(|s| !s.segments.is_empty()).count(),
        559
    );
    assert_eq!(streets.kept.iter().map(|s| s.segments.len()).sum::<usize>(), 572);
    assert_eq!(streets.kept.iter().filter(|s| s.places().is_empty()).count(), 26);
    let Some(bytes) = reference(test, "markets.csv") else {
        return;
    };
    let markets = read_markets(&bytes, &units).unwrap();
    assert_eq!(
        (markets.rows, markets.kept.len(), markets.faults.as_slice()),
        (44, 44, &[][..])
    );
    let then = units.under(day("2024-12-31"));
    let now = units.under(day("2025-07-01"));
    for market in markets.kept.iter().filter(|m| m.facts.len() == 2) {
        let forward = now.locate(&market.facts[..1]).unwrap();
        assert!(
            now.holds(forward.unit, now.locate(&market.facts).unwrap()),
            "{}",
            market.name
        );
        assert!(then.locate(&market.facts).is_some());
    }
}

fn any_day() -> impl Strategy<Value = Day> {
    let edges = [
        "1990-01-01",
        "2005-08-20",
        "2024-12-31",
        "2025-01-01",
        "2025-06-30",
        "2025-07-01",
    ];
    prop_oneof![
        (-10_000i64..30_000).prop_map(|n| Day::ymd(2000, 1, 1).plus(n)),
        proptest::sample::select(edges.to_vec()).prop_map(day)
    ]
}

proptest! {
    #[test]
    fn any_unit_is_located_under_any_boundaries(number in 0usize..96, on in any_day(), later in any_day()) {
        let units = units();
        let (ix, unit) = units.all().nth(number).unwrap();
        let boundaries = units.under(on);
        let facts = [PlacedIn { unit: unit.id.clone(), from: later }];
        let at = boundaries.locate(&facts);
        prop_assert_eq!(at, boundaries.locate(&facts));
        prop_assert_eq!(at, units.under(on).locate_unit(ix));
        let candidates = boundaries.candidates(ix);
        // Before the city of 1997 there is nothing above the districts to hold two of them.
        prop_assert!(at.is_some() || on < day("1997-01-01") || unit.id == id("48@2025-07-01"));
        let Some(at) = at else { return Ok(()) };
        let candidates = candidates.expect("an answer comes from candidates");
        prop_assert!(boundaries.is_valid(at.unit));
        for candidate in candidates {
            prop_assert!(boundaries.is_valid(candidate));
            let there = Location { unit: candidate, exact: true };
            prop_assert!(boundaries.holds(at.unit, there));
        }
        let inside = boundaries.parents(at.unit);
        prop_assert!(boundaries.holds(at.unit, at) && inside.iter().all(|&area| boundaries.holds(area, at)));
        for (area, _) in units.all().filter(|&(area, _)| boundaries.holds(area, at)) {
            prop_assert!(boundaries.parents(area).into_iter().all(|up| boundaries.holds(up, at)));
        }
    }

    #[test]
    fn facts_count_in_any_order(picks in proptest::collection::vec((0usize..96, any_day()), 0..4), on in any_day()) {
        let units = units();
        let fact = |(number, from): (usize, Day)| PlacedIn { unit: units.all().nth(number).unwrap().1.id.clone(), from };
        let mut facts: Vec<PlacedIn> = picks.into_iter().map(fact).collect();
        let boundaries = units.under(on);
        let at = boundaries.locate(&facts);
        facts.reverse();
        prop_assert_eq!(at, boundaries.locate(&facts));
    }

    #[test]
    fn any_text_is_found_or_refused(text in "\\PC{0,30}", on in any_day()) {
        let _ = units().find(&text, on);
    }
}

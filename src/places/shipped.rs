//! The units of Da Nang with which a service starts that has imported no file.

use unicode_normalization::UnicodeNormalization;

use super::unit::Level::{self, City, Commune, District, SpecialZone, Ward};
use super::unit::{Edge, Unit, UnitId};
use crate::vn::Day;

/// A first or last day as (year, month, day); none where it is open.
type Date = Option<(i16, i8, i8)>;

const OPEN: Date = None;
const MAR_2005: Date = Some((2005, 3, 17));
const AUG_2005: Date = Some((2005, 8, 20));
const JAN_2025: Date = Some((2025, 1, 1));
const JUL_2025: Date = Some((2025, 7, 1));
const DEC_2024: (i16, i8, i8) = (2024, 12, 31);
const JUN_2025: (i16, i8, i8) = (2025, 6, 30);

/// Code, name, first day, and the codes that followed the day after the last one.
type Old = (&'static str, &'static str, Date, &'static str);

/// A district of the former city and its wards and communes.
struct OldDistrict {
    code: &'static str,
    name: &'static str,
    type_name: &'static str,
    from: Date,
    /// Versions that ended with Resolution 1251/NQ-UBTVQH15.
    until_2024: &'static [Old],
    /// Versions that ended with Resolution 1659/NQ-UBTVQH15, and the districts with them.
    until_2025: &'static [Old],
}

const DISTRICTS: [OldDistrict; 8] = [
    OldDistrict {
        code: "490",
        name: "Liên Chiểu",
        type_name: "Quận",
        from: OPEN,
        until_2024: &[("20200", "Hòa Minh", OPEN, "20200 20206")],
        until_2025: &[
            ("20194", "Hòa Hiệp Bắc", OPEN, "20194"),
            ("20195", "Hòa Hiệp Nam", MAR_2005, "20194"),
            ("20197", "Hòa Khánh Bắc", OPEN, "20197"),
            ("20198", "Hòa Khánh Nam", MAR_2005, "20200"),
            ("20200", "Hòa Minh", JAN_2025, "20200"),
        ],
    },
    OldDistrict {
        code: "491",
        name: "Thanh Khê",
        type_name: "Quận",
        from: OPEN,
        until_2024: &[
            ("20203", "Tam Thuận", OPEN, "20209"),
            ("20206", "Thanh Khê Tây", AUG_2005, "20206"),
            ("20207", "Thanh Khê Đông", AUG_2005, "20207"),
            ("20209", "Xuân Hà", OPEN, "20209"),
            ("20212", "Tân Chính", OPEN, "20215"),
            ("20215", "Chính Gián", OPEN, "20215"),
            ("20218", "Vĩnh Trung", OPEN, "20218"),
            ("20221", "Thạc Gián", OPEN, "20218"),
            ("20225", "Hòa Khê", AUG_2005, "20207"),
        ],
        until_2025: &[
            ("20206", "Thanh Khê Tây", JAN_2025, "20209"),
            ("20207", "Thanh Khê Đông", JAN_2025, "20209"),
            ("20209", "Xuân Hà", JAN_2025, "20209"),
            ("20215", "Chính Gián", JAN_2025, "20209"),
            ("20218", "Thạc Gián", JAN_2025, "20209"),
            ("20224", "An Khê", OPEN, "20305"),
        ],
    },
    OldDistrict {
        code: "492",
        name: "Hải Châu",
        type_name: "Quận",
        from: OPEN,
        until_2024: &[
            ("20227", "Thanh Bình", OPEN, "20227"),
            ("20230", "Thuận Phước", OPEN, "20230 20227"),
            ("20236", "Hải Châu I", OPEN, "20236"),
            ("20239", "Hải Châu II", OPEN, "20236"),
            ("20242", "Phước Ninh", OPEN, "20242"),
            ("20246", "Hòa Thuận Đông", MAR_2005, "20254"),
            ("20248", "Nam Dương", OPEN, "20242"),
            ("20251", "Bình Hiên", OPEN, "20242"),
            ("20254", "Bình Thuận", OPEN, "20254"),
        ],
        until_2025: &[
            ("20227", "Thanh Bình", JAN_2025, "20242"),
            ("20230", "Thuận Phước", JAN_2025, "20242"),
            ("20233", "Thạch Thang", OPEN, "20242"),
            ("20236", "Hải Châu", JAN_2025, "20242"),
            ("20242", "Phước Ninh", JAN_2025, "20242"),
            ("20245", "Hòa Thuận Tây", OPEN, "20257"),
            ("20254", "Bình Thuận", JAN_2025, "20257"),
            ("20257", "Hòa Cường Bắc", OPEN, "20257"),
            ("20258", "Hòa Cường Nam", MAR_2005, "20257"),
        ],
    },
    OldDistrict {
        code: "493",
        name: "Sơn Trà",
        type_name: "Quận",
        from: OPEN,
        until_2024: &[
            ("20263", "Thọ Quang", OPEN, "20263 20269"),
            ("20269", "Mân Thái", OPEN, "20269"),
            ("20278", "An Hải Tây", OPEN, "20278"),
            ("20281", "An Hải Đông", OPEN, "20278"),
        ],
        until_2025: &[
            ("20263", "Thọ Quang", JAN_2025, "20263"),
            ("20266", "Nại Hiên Đông", OPEN, "20263"),
            ("20269", "Mân Thái", JAN_2025, "20263"),
            ("20272", "An Hải Bắc", OPEN, "20275"),
            ("20275", "Phước Mỹ", OPEN, "20275"),
            ("20278", "An Hải Nam", JAN_2025, "20275"),
        ],
    },
    OldDistrict {
        code: "494",
        name: "Ngũ Hành Sơn",
        type_name: "Quận",
        from: OPEN,
        until_2024: &[],
        until_2025: &[
            ("20284", "Mỹ An", OPEN, "20285"),
            ("20285", "Khuê Mỹ", MAR_2005, "20285"),
            ("20287", "Hòa Quý", OPEN, "20285"),
            ("20290", "Hòa Hải", OPEN, "20285"),
        ],
    },
    OldDistrict {
        code: "495",
        name: "Cẩm Lệ",
        type_name: "Quận",
        from: AUG_2005,
        until_2024: &[],
        until_2025: &[
            ("20260", "Khuê Trung", AUG_2005, "20260"),
            ("20305", "Hòa Phát", AUG_2005, "20305"),
            ("20306", "Hòa An", AUG_2005, "20305"),
            ("20311", "Hòa Thọ Tây", AUG_2005, "20260"),
            ("20312", "Hòa Thọ Đông", AUG_2005, "20260"),
            ("20314", "Hòa Xuân", AUG_2005, "20314"),
        ],
    },
    OldDistrict {
        code: "497",
        name: "Hòa Vang",
        type_name: "Huyện",
        from: OPEN,
        until_2024: &[],
        until_2025: &[
            ("20293", "Hòa Bắc", OPEN, "20194"),
            ("20296", "Hòa Liên", OPEN, "20194 20197"),
            ("20299", "Hòa Ninh", OPEN, "20308"),
            ("20302", "Hòa Sơn", OPEN, "20200"),
            ("20308", "Hòa Nhơn", OPEN, "20308"),
            ("20317", "Hòa Phú", OPEN, "20320"),
            ("20320", "Hòa Phong", OPEN, "20320"),
            ("20323", "Hòa Châu", OPEN, "20314"),
            ("20326", "Hòa Tiến", OPEN, "20332"),
            ("20329", "Hòa Phước", OPEN, "20314"),
            ("20332", "Hòa Khương", OPEN, "20332"),
        ],
    },
    OldDistrict {
        code: "498",
        name: "Hoàng Sa",
        type_name: "Huyện",
        from: OPEN,
        until_2024: &[],
        until_2025: &[],
    },
];

/// What the resolution of 2025 made of them (docs/spec/domain.md, section 5), and Hoàng Sa, once a district.
const NOW: [(&str, &str, Level); 16] = [
    ("20194", "Hải Vân", Ward),
    ("20197", "Liên Chiểu", Ward),
    ("20200", "Hòa Khánh", Ward),
    ("20209", "Thanh Khê", Ward),
    ("20242", "Hải Châu", Ward),
    ("20257", "Hòa Cường", Ward),
    ("20260", "Cẩm Lệ", Ward),
    ("20263", "Sơn Trà", Ward),
    ("20275", "An Hải", Ward),
    ("20285", "Ngũ Hành Sơn", Ward),
    ("20305", "An Khê", Ward),
    ("20314", "Hòa Xuân", Ward),
    ("20308", "Bà Nà", Commune),
    ("20320", "Hòa Vang", Commune),
    ("20332", "Hòa Tiến", Commune),
    ("20333", "Hoàng Sa", SpecialZone),
];

/// The units of the former Da Nang and their lineage, for a service that has imported no file yet:
/// both versions of the city, the 8 districts, and every ward and commune since 2024.
pub fn shipped() -> (Vec<Unit>, Vec<Edge>) {
    let mut units = vec![
        unit("48", "Đà Nẵng", City, Some((1997, 1, 1)), Some(JUN_2025)),
        unit("48", "Đà Nẵng", City, JUL_2025, None),
    ];
    let mut edges = vec![Edge {
        from: units[0].id.clone(),
        to: units[1].id.clone(),
        part: false,
    }];
    for d in &DISTRICTS {
        let mut district = unit(d.code, d.name, District, d.from, Some(JUN_2025));
        district.type_name = d.type_name.to_owned();
        district.parent_code = Some("48".to_owned());
        if d.until_2025.is_empty() {
            edges.extend(lineage(&district.id, "20333", JUL_2025));
        }
        units.push(district);
        for &(code, name, from, into) in d.until_2024 {
            let id = add_old(&mut units, d, (code, name, from), DEC_2024);
            edges.extend(lineage(&id, into, JAN_2025));
        }
        for &(code, name, from, into) in d.until_2025 {
            let id = add_old(&mut units, d, (code, name, from), JUN_2025);
            edges.extend(lineage(&id, into, JUL_2025));
        }
    }
    for (code, name, level) in NOW {
        let mut new = unit(code, name, level, JUL_2025, None);
        new.parent_code = Some("48".to_owned());
        units.push(new);
    }
    (units, edges)
}

fn add_old(units: &mut Vec<Unit>, d: &OldDistrict, row: (&str, &str, Date), to: (i16, i8, i8)) -> UnitId {
    let level = if d.type_name == "Huyện" { Commune } else { Ward };
    let mut old = unit(row.0, row.1, level, row.2, Some(to));
    old.parent_code = Some(d.code.to_owned());
    let id = old.id.clone();
    units.push(old);
    id
}

/// Edges to the versions of these codes that began on this day; of several codes each got a part.
fn lineage(from: &UnitId, into: &str, start: Date) -> Vec<Edge> {
    let part = into.contains(' ');
    let codes = into.split(' ');
    codes
        .map(|code| Edge {
            from: from.clone(),
            to: UnitId::new(code, day(start)),
            part,
        })
        .collect()
}

fn unit(code: &str, name: &str, level: Level, from: Date, to: Date) -> Unit {
    let source = match from {
        JAN_2025 => "1251/NQ-UBTVQH15",
        JUL_2025 => "1659/NQ-UBTVQH15",
        _ => "",
    };
    Unit {
        id: UnitId::new(code, day(from)),
        to: day(to),
        name: name.to_owned(),
        name_en: format!("{} {}", latin(name), english_type(level)),
        type_name: type_of(level).to_owned(),
        level,
        parent_code: None,
        source: source.to_owned(),
    }
}

fn day(date: Date) -> Option<Day> {
    date.map(|(year, month, day)| Day::ymd(year, month, day))
}

fn type_of(level: Level) -> &'static str {
    match level {
        City => "Thành phố",
        District => "Quận",
        Ward => "Phường",
        Commune => "Xã",
        SpecialZone => "Đặc khu",
    }
}

fn english_type(level: Level) -> &'static str {
    match level {
        City => "City",
        District => "District",
        Ward => "Ward",
        Commune => "Commune",
        SpecialZone => "Special Zone",
    }
}

/// A name without accents, its capitals kept.
fn latin(name: &str) -> String {
    let bare = name.nfd().filter(|c| !('\u{0300}'..='\u{036f}').contains(c));
    bare.map(|c| match c {
        'đ' => 'd',
        'Đ' => 'D',
        c => c,
    })
    .collect()
}

//! From a register file to a figure: streets that cross, boundaries that moved, and the published
//! figures of docs/spec/domain.md, section 4 counted from as many invented households.

use choso::indicators::{Question, Report, report};
use choso::vn::{Day, Lang, Ratio, TimeMs};

use crate::support::*;

on_both! {
    a_crossing_street_counts_in_both_wards_and_once_above
    one_code_is_another_ward_on_another_day
    a_place_of_today_has_no_ward_in_old_boundaries
    a_ward_that_was_split_counts_for_the_city_only
    the_published_figures_come_out
    coverage_and_activity_stand_side_by_side
}

/// A day before all mergers, and one after.
fn old_day() -> Day {
    Day::ymd(2024, 6, 15)
}
fn new_day() -> Day {
    Day::ymd(2025, 8, 1)
}

/// The report of an area as of a day under boundaries of a day.
fn asked(books: &Books, area: &str, as_of: Day, boundaries: Day) -> Report {
    let (units, facts) = books.facts(as_of, None);
    let question = Question {
        area: units
            .find(area, boundaries)
            .unwrap_or_else(|e| panic!("{area}: {e}")),
        as_of,
        boundaries,
        known_at: TimeMs(i64::MAX),
    };
    report(question, &units, &facts).expect("a report")
}

/// Numerator and denominator of a figure.
fn figure(report: &Report, id: &str) -> (i64, i64) {
    let ratio: Ratio = report
        .figure(id)
        .unwrap_or_else(|| panic!("no figure {id}"))
        .ratio;
    (ratio.numerator(), ratio.denominator())
}

/// A row of the register: a household on a street of a ward, with or without an account.
fn row(reference: &str, unit: &str, street: &str, account: Option<u32>, from: Day) -> String {
    let account = account.map_or(",,".to_owned(), |n| format!("970415,{n:010},"));
    format!("{reference},Hộ Thử {reference},registered,trading,{unit},{street},1,,,,{account},,,{from},\n")
}

fn a_crossing_street_counts_in_both_wards_and_once_above(database: Database) {
    let books = Books::open(database);
    let day = Day::ymd(2024, 1, 1);
    let rows = row("a", "20239", "Đường Thử", Some(1), day)
        + &row("b", "20233", "Đường Thử", None, day)
        + &row("c", "20233", "Đường Thử", None, day);
    assert_eq!(books.register(&rows, registered_at()).new_streets, ["Đường Thử"]);
    let streets = |area, b| figure(&asked(&books, area, old_day(), b), "street_attainment");
    assert_eq!(streets("20239", old_day()), (1, 1));
    assert_eq!(
        streets("20233", old_day()),
        (0, 1),
        "its part of the street has no account"
    );
    assert_eq!(streets("492", old_day()), (1, 1), "two wards, but one street");
    assert_eq!(streets("48", old_day()), (1, 1));
    assert_eq!(
        streets("20242", new_day()),
        (1, 1),
        "both wards are in phường Hải Châu now"
    );
    let district = asked(&books, "492", old_day(), old_day());
    assert_eq!(figure(&district, "household_account_coverage"), (1, 3));
    assert_eq!(district.units.iter().map(|u| u.tally.households).sum::<i64>(), 3);
}

fn one_code_is_another_ward_on_another_day(database: Database) {
    let books = Books::open(database);
    // 20242 was Phước Ninh until 30/06/2025 and is Hải Châu since (docs/spec/domain.md, section 5).
    let rows = row("xua", "20242", "Đường Thử Xưa", Some(1), Day::ymd(2024, 1, 1))
        + &row("nay", "20242", "Đường Thử Nay", None, Day::ymd(2025, 7, 1))
        + &row("ben", "20233", "Đường Thử Bên", None, Day::ymd(2024, 1, 1));
    books.register(&rows, registered_at());
    let households = |area, as_of, b| asked(&books, area, as_of, b).tally.households;
    assert_eq!(households("20242", old_day(), old_day()), 1);
    assert_eq!(households("Phước Ninh", old_day(), old_day()), 1);
    assert_eq!(households("20242", new_day(), new_day()), 3);
    assert_eq!(households("phường Hải Châu", new_day(), new_day()), 3);
    // Before its first day a household is not there, whatever the boundaries.
    assert_eq!(households("20242", old_day(), new_day()), 2);
}

fn a_place_of_today_has_no_ward_in_old_boundaries(database: Database) {
    let books = Books::open(database);
    let rows = row("a", "20242", "Đường Thử", Some(1), Day::ymd(2025, 7, 1))
        + &row("b", "20233", "Đường Thử", None, Day::ymd(2024, 1, 1));
    books.register(&rows, registered_at());
    let district = asked(&books, "492", new_day(), old_day());
    assert_eq!(
        (district.tally.households, district.unknown_ward.households),
        (2, 1)
    );
    assert_eq!(figure(&district, "household_account_coverage"), (1, 2));
    let of_wards: i64 = district.units.iter().map(|u| u.tally.households).sum();
    assert_eq!(of_wards, 1, "in no ward, and the rest adds up");
    let city = asked(&books, "48", new_day(), new_day());
    assert_eq!((city.tally.households, city.unknown_ward.households), (2, 0));
}

fn a_ward_that_was_split_counts_for_the_city_only(database: Database) {
    let books = Books::open(database);
    let units = books.run(books.store.units()).expect("units");
    let split = units
        .find("xã Hòa Liên", old_day())
        .expect("a commune that two wards shared");
    let code = units.get(split).id.code.clone();
    books.register(
        &row("a", &code, "Đường Thử", Some(1), Day::ymd(2024, 1, 1)),
        registered_at(),
    );
    let city = asked(&books, "48", new_day(), new_day());
    assert_eq!((city.tally.households, city.unknown_ward.households), (1, 1));
    for ward in ["20194", "20197"] {
        assert_eq!(
            asked(&books, ward, new_day(), new_day()).tally.households,
            0,
            "{ward}"
        );
    }
    assert_eq!(asked(&books, &code, old_day(), old_day()).tally.households, 1);
}

/// 11.252 households on 369 streets of quận Hải Châu: 6.345 of them, all on the first 308 streets, have an
/// account. Two wards of other districts hold 2.906 and 9.597 households.
fn published() -> String {
    let day = Day::ymd(2024, 1, 1);
    let mut rows = String::new();
    for n in 0..11_252_u32 {
        let street = n % 369;
        let turn = n / 369;
        // The 308 streets take 20 rounds (6.160 accounts) and 185 more in the next.
        let has_account = street < 308 && (turn < 20 || (turn == 20 && street < 185));
        let account = has_account.then_some(n);
        rows.push_str(&row(
            &format!("h{n}"),
            "20233",
            &format!("Thử {street}"),
            account,
            day,
        ));
    }
    for (ward, with, all) in [("20209", 2_652, 2_906_u32), ("20263", 9_478, 9_597)] {
        for n in 0..all {
            let account = (n < with).then_some(100_000 + n + all * 10);
            rows.push_str(&row(&format!("{ward}-{n}"), ward, "Thử Riêng", account, day));
        }
    }
    rows
}

fn the_published_figures_come_out(database: Database) {
    let books = Books::open(database);
    let kept = books.register(&published(), registered_at());
    assert_eq!(
        (kept.new_households, kept.faults.len()),
        (11_252 + 2_906 + 9_597, 0)
    );
    let shown = |area: &str, id: &str| {
        let got = asked(&books, area, old_day(), old_day());
        let percent = got
            .figure(id)
            .expect("a figure")
            .ratio
            .percent()
            .expect("households");
        (figure(&got, id), percent.plain(), percent.show(Lang::Vi))
    };
    let text = |vi: &str| (vi.replace(',', ".").replace('%', ""), vi.to_owned());
    for (area, id, n, d, percent) in [
        ("492", "street_attainment", 308, 369, "83,46%"),
        ("492", "household_account_coverage", 6_345, 11_252, "56,38%"),
        ("20209", "household_account_coverage", 2_652, 2_906, "91,25%"),
        ("20263", "household_account_coverage", 9_478, 9_597, "98,76%"),
    ] {
        let (plain, vi) = text(percent);
        assert_eq!(shown(area, id), ((n, d), plain, vi), "{area} {id}");
    }
    let city = asked(&books, "48", old_day(), old_day());
    let (n, d) = figure(&city, "household_account_coverage");
    assert_eq!(
        (n, d),
        (6_345 + 2_652 + 9_478, 11_252 + 2_906 + 9_597),
        "sums first, then one division"
    );
    assert_eq!(city.units.iter().map(|u| u.tally.households).sum::<i64>(), d);
}

fn coverage_and_activity_stand_side_by_side(database: Database) {
    let books = Books::with_register(database);
    books.post(&[
        delivery("m1", &payment("T1", 1_000)),
        delivery(
            "m2",
            &with(
                to_account(payment("T2", 5_000), "00000022"),
                "note",
                "HC7K3M9J".into(),
            ),
        ),
        delivery(
            "m3",
            &with(
                to_account(payment("T3", 999), "00000033"),
                "note",
                "THU3THUS".into(),
            ),
        ),
    ]);
    let got = asked(&books, "20242", market_day(), market_day());
    assert_eq!(figure(&got, "household_account_coverage"), (6, 6));
    assert_eq!(figure(&got, "household_qr_coverage"), (1, 6));
    assert_eq!(
        figure(&got, "active_adoption"),
        (2, 6),
        "999 đ is below the floor"
    );
    assert_eq!(figure(&got, "active_among_account"), (2, 6));
    assert_eq!(figure(&got, "market_coverage"), (0, 2));
    assert_eq!(figure(&got, "market_household_coverage"), (0, 1));
    assert_eq!(
        figure(&got, "street_attainment"),
        (1, 1),
        "a market household is not on the street"
    );
    assert_eq!(got.streets[0].tally.households, 5);
    // Indicator 5 is net: the refund is known later, the receipt leaves the figure.
    books.post(&[delivery("m4", &refund("F1", "T1", 1))]);
    assert_eq!(
        figure(
            &asked(&books, "20242", market_day(), market_day()),
            "active_adoption"
        ),
        (1, 6)
    );
}

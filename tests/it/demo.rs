//! The demonstration: published figures from the ordinary code path, and callbacks that move today's.

use choso::demo::{HOUSEHOLDS, Options, STREETS, STREETS_MET, WITH_ACCOUNT, reported_on, start};
use choso::indicators::{Question, Report, report};
use choso::places::Units;
use choso::vn::{Day, Lang, TimeMs};
use tokio::runtime::Runtime;

use crate::support::service::until;

fn asked(units: &Units, facts: &choso::indicators::Facts, area: &str, boundaries: Day) -> Report {
    let area = units
        .find(area, boundaries)
        .unwrap_or_else(|e| panic!("{area}: {e}"));
    let question = Question {
        area,
        as_of: reported_on(),
        boundaries,
        known_at: TimeMs(i64::MAX),
    };
    report(question, units, facts).expect("a report")
}

fn figure(report: &Report, id: &str) -> (i64, i64, String) {
    let ratio = report
        .figure(id)
        .unwrap_or_else(|| panic!("no figure {id}"))
        .ratio;
    let percent = ratio.percent().map(|p| p.show(Lang::Vi)).unwrap_or_default();
    (ratio.numerator(), ratio.denominator(), percent)
}

#[test]
fn the_published_figures_come_out_and_today_moves() {
    let runtime = Runtime::new().expect("a runtime");
    let options = Options {
        data: None,
        listen: "127.0.0.1:0".to_owned(),
        rate: 50,
        seed: 7,
    };
    let demo = runtime
        .block_on(start(options, |_| ()))
        .expect("the demonstration starts");
    let store = demo.app().store().clone();
    let (units, facts) = runtime.block_on(store.facts(reported_on(), None)).expect("facts");

    let district = asked(&units, &facts, "492", reported_on());
    let n = STREETS_MET as i64;
    let d = STREETS as i64;
    assert_eq!(
        figure(&district, "street_attainment"),
        (n, d, "83,46%".to_owned())
    );
    let n = WITH_ACCOUNT as i64;
    let d = HOUSEHOLDS as i64;
    assert_eq!(
        figure(&district, "household_account_coverage"),
        (n, d, "56,38%".to_owned())
    );
    assert_eq!(district.markets.len(), 3);
    assert!(
        district.markets.iter().all(|m| m.is_met()),
        "every stall of the three markets has a code"
    );

    // under the boundaries of 01/07/2025 two wards hold the same households and streets
    let new = Day::ymd(2025, 7, 1);
    let wards = ["20242@2025-07-01", "20257@2025-07-01"].map(|ward| asked(&units, &facts, ward, new));
    for id in [
        "household_account_coverage",
        "street_attainment",
        "household_qr_coverage",
        "market_coverage",
    ] {
        let whole = district.figure(id).expect("a figure").ratio;
        let sum = wards[0]
            .figure(id)
            .expect("a figure")
            .ratio
            .plus(wards[1].figure(id).expect("a figure").ratio);
        assert_eq!(sum, whole, "{id}");
        assert_ne!(
            wards[0].figure(id).expect("a figure").ratio,
            whole,
            "{id}: both wards have some"
        );
    }

    until("callbacks were posted", || {
        runtime
            .block_on(store.intake_totals())
            .expect("totals")
            .posted
            .count
            > 5
    });
    let today = Day::of(choso::clock::now());
    let (units, facts) = runtime.block_on(store.facts(today, None)).expect("facts");
    let area = units.find("48", today).expect("the city");
    let question = Question {
        area,
        as_of: today,
        boundaries: today,
        known_at: TimeMs(i64::MAX),
    };
    let now = report(question, &units, &facts).expect("a report");
    assert!(
        figure(&now, "active_adoption").0 > 0,
        "today's households became active"
    );
    assert_eq!(
        figure(&district, "active_adoption").0,
        0,
        "those of 2024 stay still"
    );
    let said = runtime.block_on(demo.stop()).expect("it stops");
    assert!(said.contains("counters agree: yes"), "{said}");
}

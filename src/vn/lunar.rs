//! Days of the Vietnamese lunar calendar, reckoned at UTC+7 whatever zone the machine is in.
//!
//! A month begins on the day of its new moon. The eleventh month holds the winter solstice; where thirteen months lie
//! between two eleventh months, the first in which the sun enters no twelfth of the sky is a leap month. Time of new
//! moons and longitude of the sun follow Meeus, Astronomical Algorithms, chapters 49 and 25, in integers: to within a
//! minute and a hundredth of a degree. Tested for the years 2000 to 2100.

use super::Day;

/// Everything here is counted in billionths: of a day, a degree, a century.
const BILLION: i64 = 1_000_000_000;
/// 360 degrees.
const TURN: i64 = 360 * BILLION;
/// The mean new moon of 06/01/2000, from which they are counted: days since 1970-01-01, UTC.
const FIRST_NEW_MOON: i64 = 10_962_597_660_000;
/// Mean time between two new moons, in days.
const MONTH: i64 = 29_530_588_861;
/// Noon of 01/01/2000, from which the sun is reckoned: millionths of days since 1970-01-01, UTC.
const J2000_MICRO_DAYS: i64 = 10_957_500_000;
/// Seven hours.
const ZONE: i64 = 7 * BILLION / 24;
/// Terms of a new moon's time: hundred-thousandths of a day, and how often each takes the anomaly of the sun, that of
/// the moon, and the moon's argument of latitude.
const TERMS: [(i64, i64, i64, i64); 14] = [
    (-40_720, 0, 1, 0),
    (17_241, 1, 0, 0),
    (1_608, 0, 2, 0),
    (1_039, 0, 0, 2),
    (739, -1, 1, 0),
    (-514, 1, 1, 0),
    (208, 2, 0, 0),
    (-111, 0, 1, -2),
    (-57, 0, 1, 2),
    (56, 1, 2, 0),
    (-42, 0, 3, 0),
    (42, 1, 0, 2),
    (38, 1, 0, -2),
    (-24, -1, 2, 0),
];

/// The day of the lunar year that begins in this year: its month from 1 to 10 (no leap month), and the day in it.
pub(super) fn lunar_day(year: i16, month: i64, day: i64) -> Day {
    let before = eleventh_month(year - 1);
    let after = eleventh_month(year);
    let mut moon = before + month + 1;
    let leap = (before + 1..after).find(|moon| sun_twelfth(*moon) == sun_twelfth(moon + 1));
    if after - before == 13 && leap.is_some_and(|leap| leap <= moon) {
        moon += 1;
    }
    day_numbered(new_moon_day(moon) + day - 1)
}

fn day_numbered(number: i64) -> Day {
    // Days since 1970-01-01 of years that have four digits.
    Day::from_number(number).unwrap_or(Day::ymd(1970, 1, 1))
}

/// The new moon with which the eleventh month of a year begins.
fn eleventh_month(year: i16) -> i64 {
    let last_day = Day::ymd(year, 12, 31).number();
    let mut moon = (last_day * BILLION - FIRST_NEW_MOON).div_euclid(MONTH) + 1;
    while new_moon_day(moon) > last_day {
        moon -= 1;
    }
    // The sun has passed the solstice already where it stands in the tenth twelfth or later.
    if sun_twelfth(moon) >= 9 { moon - 1 } else { moon }
}

/// The day on which a new moon falls, as a number.
fn new_moon_day(moon: i64) -> i64 {
    new_moon(moon).div_euclid(BILLION)
}

/// The time of a new moon in days since 1970-01-01 at UTC+7.
fn new_moon(moon: i64) -> i64 {
    let centuries = (moon * BILLION * 100).div_euclid(123_685);
    let square = times(centuries, centuries);
    let sun = 2_553_400_000 + 29_105_356_700 * moon;
    let own = 201_564_300_000 + 385_816_935_280 * moon + times(10_758_200, square);
    let latitude = 160_710_800_000 + 390_670_502_840 * moon - times(1_611_800, square);
    let node = 124_774_600_000 - 1_563_755_880 * moon;
    // The earth's orbit becomes rounder.
    let roundness = BILLION - times(2_516_000, centuries);
    let mut days = FIRST_NEW_MOON + MONTH * moon + times(154_370, square) - times(170_000, sine(node));
    for (size, of_sun, of_moon, of_latitude) in TERMS {
        let fades = (0..of_sun.abs()).fold(size * 10_000, |size, _| times(size, roundness));
        days += times(fades, sine(of_sun * sun + of_moon * own + of_latitude * latitude));
    }
    // The earth's rotation runs late against even time, by some seconds more each year.
    let years = centuries * 100;
    let late_s = 62_920_000_000 + times(322_170_000, years) + times(5_589_000, times(years, years));
    days - late_s / 86_400 + ZONE
}

/// In which twelfth of its way the sun is when the day of a new moon begins; the spring equinox begins the first, 0.
fn sun_twelfth(moon: i64) -> i64 {
    let micro_days = new_moon_day(moon) * 1_000_000 - ZONE / 1_000 - J2000_MICRO_DAYS;
    let by_century =
        |rate: i64| (i128::from(rate) * i128::from(micro_days)).div_euclid(36_525_000_000) as i64;
    let centuries = by_century(BILLION);
    let anomaly = 357_529_110_000 + by_century(35_999_050_290_000);
    let node = 125_040_000_000 - by_century(1_934_136_000_000);
    let centre = times(1_914_602_000 - times(4_817_000, centuries), sine(anomaly))
        + times(19_993_000, sine(2 * anomaly))
        + times(289_000, sine(3 * anomaly));
    let longitude =
        280_466_460_000 + by_century(36_000_769_830_000) + centre - 5_690_000 - times(4_780_000, sine(node));
    longitude.rem_euclid(TURN) / (30 * BILLION)
}

/// The product of two numbers in billionths, in billionths.
fn times(a: i64, b: i64) -> i64 {
    (i128::from(a) * i128::from(b)).div_euclid(i128::from(BILLION)) as i64
}

/// The sine of an angle in billionths of a degree, in billionths, right to the seventh digit.
fn sine(angle: i64) -> i64 {
    // The series of sin(πx/2) by x, from its highest power down.
    const SERIES: [i64; 6] = [
        -3_599,
        160_441,
        -4_681_754,
        79_692_626,
        -645_964_098,
        1_570_796_327,
    ];
    let angle = angle.rem_euclid(TURN);
    let (angle, sign) = if angle < TURN / 2 {
        (angle, 1)
    } else {
        (angle - TURN / 2, -1)
    };
    let quarters = angle.min(TURN / 2 - angle) / 90;
    let square = times(quarters, quarters);
    let series = SERIES
        .into_iter()
        .fold(0, |sum, coefficient| times(sum, square) + coefficient);
    sign * times(series, quarters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_right() {
        for (degrees, wanted) in [
            (0, 0),
            (30, 500_000_000),
            (45, 707_106_781),
            (90, 1_000_000_000),
            (150, 500_000_000),
            (270, -1_000_000_000),
            (-30, -500_000_000),
            (765, 707_106_781),
        ] {
            let got = sine(degrees * BILLION);
            assert!((got - wanted).abs() < 100, "{degrees}: {got}");
        }
    }

    /// Each year's first day as calendars print it, with the years in which the Chinese calendar (UTC+8) has another.
    #[test]
    fn the_year_begins_as_calendars_in_viet_nam_print_it() {
        for (year, month, day) in [
            (2000, 2, 5),
            (2007, 2, 17), // China: 18/02
            (2012, 1, 23),
            (2015, 2, 19),
            (2020, 1, 25),
            (2021, 2, 12),
            (2022, 2, 1),
            (2023, 1, 22),
            (2024, 2, 10),
            (2025, 1, 29),
            (2026, 2, 17),
            (2027, 2, 6),
            (2028, 1, 26),
            (2029, 2, 13),
            (2030, 2, 2), // China: 03/02
            (2033, 1, 31),
            (2034, 2, 19),
            (2053, 2, 18), // China: 19/02
            (2100, 2, 9),
        ] {
            assert_eq!(lunar_day(year, 1, 1), Day::ymd(year, month, day), "{year}");
        }
    }

    #[test]
    fn leap_months_move_the_months_behind_them() {
        // A second second month in 2004 and 2023; one after the fourth month in 2020 moves nothing before it.
        for (year, month, day) in [
            (2004, 4, 28),
            (2007, 4, 26),
            (2020, 4, 2),
            (2023, 4, 29),
            (2024, 4, 18),
            (2026, 4, 26),
            (2034, 4, 28),
        ] {
            assert_eq!(lunar_day(year, 3, 10), Day::ymd(year, month, day), "{year}");
        }
        // A month is a month in every year there is a table for.
        for year in 2000..=2100 {
            let months: Vec<i64> = (1..=10).map(|month| lunar_day(year, month, 1).number()).collect();
            let lengths = months.windows(2).map(|two| two[1] - two[0]);
            assert!(
                lengths
                    .into_iter()
                    .all(|days| [29, 30, 58, 59, 60].contains(&days)),
                "{year}"
            );
            let tet = lunar_day(year, 1, 1);
            assert!(
                tet >= Day::ymd(year, 1, 20) && tet <= Day::ymd(year, 2, 21),
                "{year}: {tet}"
            );
        }
    }
}

//! Providers: who was heard, how it went today, and who is silent for no usual reason.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::frame::{Fault, Frame};
use super::officer::Officer;
use super::words;
use crate::clock::now;
use crate::intake::{Pulse, Silence};
use crate::store::ProviderTally;
use crate::vn::{Lang, TimeMs};
use crate::web::Shared;

/// Height of the picture of a day, in its own units.
const PICTURE_HEIGHT: i64 = 100;
/// An hour that was heard at all is seen.
const BAR_MIN: i64 = 4;

#[derive(Template)]
#[template(path = "providers.html")]
struct ProvidersPage {
    frame: Frame,
    at: String,
    providers: Vec<ProviderCard>,
}

struct ProviderCard {
    id: String,
    scheme: String,
    is_live: bool,
    silence: Option<String>,
    /// Time and how long ago; none if it was not heard in the last fourteen days.
    last_heard: Option<(String, String)>,
    has_today: bool,
    percent: String,
    fraction: String,
    refused: String,
    has_refused: bool,
    not_kept: String,
    has_not_kept: bool,
    repeats: String,
    mean: String,
    max: String,
    /// The last 24 hours; empty if nothing came in them.
    bars: Vec<HourBar>,
    most: String,
}

/// An hour of the picture: three parts, one on the other.
struct HourBar {
    x: usize,
    parts: Vec<(&'static str, i64, i64)>,
    words: String,
}

/// `GET /providers`
pub(super) async fn providers(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show(&officer, &shared).await)
}

async fn show(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let lang = officer.visit.lang;
    let now = now();
    let mut pulses = Pulse::all(&shared.store, now).await?;
    // Whoever needs a call stands first, whoever is disabled last.
    pulses.sort_by_key(|p| (p.provider.disabled_at.is_some(), p.silence.is_none()));
    Html::of(&ProvidersPage {
        frame: officer.frame(lang.pick("Nhà cung cấp", "Providers")),
        at: now.show(),
        providers: pulses.iter().map(|p| card(p, now, lang)).collect(),
    })
}

fn card(pulse: &Pulse, now: TimeMs, lang: Lang) -> ProviderCard {
    let provider = &pulse.provider;
    let today = &pulse.today;
    let count = |n| words::number(lang, n);
    let success = pulse.success();
    let most = pulse.hours.iter().map(|(_, t)| t.all()).max().unwrap_or(0);
    ProviderCard {
        id: provider.provider_id.clone(),
        scheme: format!("{}/{}", provider.profile, provider.scheme),
        is_live: provider.disabled_at.is_none(),
        silence: pulse.silence.map(|s| silence_words(s, lang)),
        last_heard: pulse.last_heard.map(|at| (at.show(), ago(at, now, lang))),
        has_today: today.all() > 0,
        percent: words::percent(lang, success),
        fraction: format!("{}/{}", count(success.numerator()), count(success.denominator())),
        refused: count(today.refused),
        has_refused: today.refused > 0,
        not_kept: count(today.not_kept),
        has_not_kept: today.not_kept > 0,
        repeats: count(pulse.repeats),
        mean: pulse
            .latency_us_mean()
            .map_or(String::new(), |us| milliseconds(us, lang)),
        max: milliseconds(today.latency_us_max, lang),
        bars: match most {
            0 => Vec::new(),
            _ => bars(&pulse.hours, most, lang),
        },
        most: count(most),
    }
}

fn silence_words(silence: Silence, lang: Lang) -> String {
    let usual = words::number(lang, silence.usual_count);
    let hours = words::number(lang, silence.silent_hours);
    match lang {
        Lang::Vi => {
            format!("Im lặng bất thường: thường giờ này có {usual} thông báo, đã {hours} giờ chưa thấy.")
        }
        Lang::En => {
            let s = if silence.silent_hours == 1 { "" } else { "s" };
            format!(
                "Unusual silence: around now there are usually {usual} notices; none for {hours} hour{s}."
            )
        }
    }
}

/// `3 phút trước`; truncated, so never more than it is.
fn ago(at: TimeMs, now: TimeMs, lang: Lang) -> String {
    let minutes = (now.0 - at.0).max(0) / 60_000;
    let (n, vi, en) = match minutes {
        0 => return lang.pick("vừa xong", "just now").to_owned(),
        1..60 => (minutes, "phút", "minute"),
        60..1440 => (minutes / 60, "giờ", "hour"),
        _ => (minutes / 1440, "ngày", "day"),
    };
    match lang {
        Lang::Vi => format!("{n} {vi} trước"),
        Lang::En => format!("{n} {en}{} ago", if n == 1 { "" } else { "s" }),
    }
}

/// `4,2 ms`, truncated.
fn milliseconds(us: i64, lang: Lang) -> String {
    let mark = lang.pick(",", ".");
    format!("{}{mark}{} ms", words::number(lang, us / 1000), us % 1000 / 100)
}

/// `13:00` in Viet Nam.
fn hour_words(hour: i64) -> String {
    format!("{:02}:00", (hour + 7).rem_euclid(24))
}

fn bars(hours: &[(i64, ProviderTally)], most: i64, lang: Lang) -> Vec<HourBar> {
    let bar = |(x, (hour, tally)): (usize, &(i64, ProviderTally))| {
        // Read by whoever points at it or hears the page.
        let words = format!(
            "{}–{}: {} {}",
            hour_words(*hour),
            hour_words(hour + 1),
            words::number(lang, tally.all()),
            lang.pick("lượt gửi", "callbacks")
        );
        let mut top = PICTURE_HEIGHT;
        let mut part = |class, n: i64| {
            if n <= 0 {
                return None;
            }
            let height = (n.saturating_mul(PICTURE_HEIGHT) / most).max(BAR_MIN).min(top);
            top -= height;
            Some((class, top, height))
        };
        let parts = [
            part("kept", tally.kept),
            part("not-kept", tally.not_kept),
            part("refused", tally.refused),
        ];
        HourBar {
            x: x * 10 + 1,
            parts: parts.into_iter().flatten().collect(),
            words,
        }
    };
    hours.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let now = TimeMs(1_795_000_000_000);
        let said = |ms: i64, lang| ago(TimeMs(now.0 - ms), now, lang);
        assert_eq!(said(59_999, Lang::Vi), "vừa xong");
        assert_eq!(said(-5, Lang::En), "just now");
        assert_eq!(said(3 * 60_000 + 59_000, Lang::Vi), "3 phút trước");
        assert_eq!(said(60_000, Lang::En), "1 minute ago");
        assert_eq!(said(60 * 60_000, Lang::Vi), "1 giờ trước");
        assert_eq!(said(50 * 60 * 60_000, Lang::En), "2 days ago");
        assert_eq!(milliseconds(4_290, Lang::Vi), "4,2 ms");
        assert_eq!(milliseconds(1_204_999, Lang::En), "1,204.9 ms");
        assert_eq!(
            (hour_words(17), hour_words(16)),
            ("00:00".to_owned(), "23:00".to_owned())
        );
    }

    #[test]
    fn parts_of_a_bar_stand_on_each_other_and_never_above_the_picture() {
        let tally = |kept, refused, not_kept| ProviderTally {
            kept,
            refused,
            not_kept,
            ..ProviderTally::default()
        };
        let drawn = bars(
            &[(0, tally(50, 0, 50)), (1, tally(999, 1, 0)), (2, tally(0, 0, 0))],
            1000,
            Lang::Vi,
        );
        assert_eq!(drawn[0].parts, [("kept", 95, 5), ("not-kept", 90, 5)]);
        assert_eq!(drawn[1].parts, [("kept", 1, 99), ("refused", 0, 1)]);
        assert!(drawn[2].parts.is_empty());
        assert_eq!(drawn[1].words, "08:00–09:00: 1.000 lượt gửi");
    }
}

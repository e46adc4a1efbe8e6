//! The page of a street or market: its stalls in the order of their numbers, and what can be printed of it.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::codes::{UndoView, undo_view};
use super::frame::{Fault, Frame, encoded};
use super::live::Live;
use super::officer::Officer;
use super::register::{is_part, place_name, status_words};
use super::words;
use crate::clock::now;
use crate::indicators::Facts;
use crate::print::Format;
use crate::register::TradingStatus;
use crate::store::PlaceStall;
use crate::vn::{Day, Lang, TimeMs, fold, sort_key};
use crate::web::{Problem, Shared};

/// Stalls on one page.
const PAGE_ROWS: usize = 100;

#[derive(Template)]
#[template(path = "place.html")]
struct PlacePage {
    frame: Frame,
    title: String,
    here: String,
    summary: String,
    search: String,
    only: String,
    rows: Vec<StallRow>,
    /// What is listed, if it is not all: `12 sạp`.
    found: String,
    earlier_href: Option<String>,
    later_href: Option<String>,
    printing: Printing,
    undo: Option<UndoView>,
}

struct StallRow {
    href: String,
    number: String,
    name: String,
    facts: String,
    status: Option<&'static str>,
    has_account: bool,
    has_code: bool,
}

/// What can be printed of a street or market.
struct Printing {
    packs_href: String,
    codes_href: String,
    /// Accounts at stalls that have no code yet.
    without_code: String,
    formats: Vec<(&'static str, &'static str)>,
}

/// `GET /places/{street or market}?q=…&only=…&page=…`
pub(super) async fn place(
    officer: Officer,
    place: web::Path<String>,
    shared: web::Data<Shared>,
    live: web::Data<Live>,
) -> HttpResponse {
    officer.answer(show(&officer, &place, &shared, &live).await)
}

async fn show(officer: &Officer, place: &str, shared: &Shared, live: &Live) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let snapshot = live.snapshot(&shared.store).await?;
    // A street that was merged is shown as the one it is now.
    let merged = match place_name(&snapshot.facts, place) {
        None => shared.store.street_now(place).await?,
        Some(_) => None,
    };
    let place = merged.as_deref().unwrap_or(place);
    let Some(name) = place_name(&snapshot.facts, place) else {
        let sentence = (
            "Không có tuyến đường hay chợ này trong sổ. Hãy mở lại từ trang của phường.",
            "No such street or market is on the register. Open it from the page of its ward.",
        );
        return Err(Problem::missing(sentence).into());
    };
    let search = visit.asked("q").unwrap_or_default().to_owned();
    let only = visit.asked("only").unwrap_or_default().to_owned();
    let all = shared.store.place_stalls(place, Day::of(now())).await?;
    let stalls = listed(all, &search, &only);
    let pages = stalls.len().div_ceil(PAGE_ROWS).max(1);
    let page = visit.asked("page").and_then(|text| text.parse().ok());
    let page: usize = page.unwrap_or(1).clamp(1, pages);
    let here = format!("/places/{}", encoded(place));
    let page_href = |number: usize| {
        format!(
            "{here}?q={}&only={}&page={number}",
            encoded(&search),
            encoded(&only)
        )
    };
    let number = |n: usize| words::number(visit.lang, i64::try_from(n).unwrap_or(i64::MAX));
    let found = match visit.lang {
        Lang::Vi => format!("{} sạp, trang {page}/{pages}", number(stalls.len())),
        Lang::En => format!("{} stalls, page {page} of {pages}", number(stalls.len())),
    };
    let lang = visit.lang;
    let rows = stalls.into_iter().skip((page - 1) * PAGE_ROWS).take(PAGE_ROWS);
    Html::of(&PlacePage {
        frame: officer.frame(name.clone()),
        title: name,
        summary: summary(&snapshot.facts, place, lang),
        rows: rows.map(|stall| row(stall, lang)).collect(),
        earlier_href: (page > 1).then(|| page_href(page - 1)),
        later_href: (page < pages).then(|| page_href(page + 1)),
        printing: printing(place, officer, shared).await?,
        undo: undo_view(officer, shared, here.clone()).await?,
        here,
        search,
        only,
        found,
    })
}

/// The stalls that fit what was searched for, by number, then by name.
fn listed(mut stalls: Vec<PlaceStall>, search: &str, only: &str) -> Vec<PlaceStall> {
    let wanted = fold(search);
    let digits: String = search.chars().filter(char::is_ascii_digit).collect();
    stalls.retain(|stall| {
        let is_wanted = match only {
            "without_code" => !stall.has_code,
            "without_account" => !stall.has_account,
            _ => true,
        };
        is_wanted && (wanted.is_empty() || fits(stall, &wanted, &digits))
    });
    stalls.sort_by_cached_key(|stall| {
        // Those without a number come last.
        (
            stall.number.is_empty(),
            sort_key(&stall.number),
            sort_key(&stall.household_name),
            stall.stall_id.clone(),
        )
    });
    stalls
}

/// Whether a stall's number, name, reference, code or street holds the text, or its phone all digits of it.
fn fits(stall: &PlaceStall, wanted: &str, digits: &str) -> bool {
    let texts = [
        &stall.number,
        &stall.household_name,
        &stall.household_ref,
        &stall.stall_code,
        &stall.place_name,
        &stall.household_place,
    ];
    // A phone is kept as +84…, and people write it with a 0 in front.
    let phone = stall
        .phone
        .as_ref()
        .map(|phone| phone.reveal().replacen("+84", "0", 1));
    let has_phone = digits.len() >= 3 && phone.is_some_and(|phone| phone.contains(digits));
    has_phone || texts.iter().any(|text| fold(text).contains(wanted))
}

fn row(stall: PlaceStall, lang: Lang) -> StallRow {
    StallRow {
        href: format!("/stalls/{}", encoded(&stall.stall_id)),
        facts: format!("{} · {}", stall.stall_code, stall.household_ref),
        number: stall.number,
        name: stall.household_name,
        status: status_words(stall.trading_status, lang),
        has_account: stall.has_account,
        has_code: stall.has_code,
    }
}

fn summary(facts: &Facts, place: &str, lang: Lang) -> String {
    let (trading, with_account) = trading_at(facts, place);
    let number = |n| words::number(lang, n);
    match lang {
        Lang::Vi => format!(
            "{} hộ đang kinh doanh, {} hộ có tài khoản, {} hộ chưa có.",
            number(trading),
            number(with_account),
            number(trading - with_account)
        ),
        Lang::En => format!(
            "{} trading households, {} with an account, {} without.",
            number(trading),
            number(with_account),
            number(trading - with_account)
        ),
    }
}

async fn printing(place: &str, officer: &Officer, shared: &Shared) -> Result<Printing, Fault> {
    let visit = &officer.visit;
    let approved_by = TimeMs(now().0 - shared.account_change_wait_ms);
    let stalls = shared
        .store
        .stalls_without_code(place, Day::of(now()), approved_by)
        .await?;
    Ok(Printing {
        packs_href: format!("/places/{}/packs", encoded(place)),
        codes_href: format!("/places/{}/codes", encoded(place)),
        without_code: match stalls.len() {
            0 => String::new(),
            some => words::number(visit.lang, some as i64),
        },
        formats: Format::ALL
            .map(|format| (format.key(), visit.pick(format.name_vi(), format.name_en())))
            .to_vec(),
    })
}

/// Trading households of a place today, and those of them with an account.
fn trading_at(facts: &Facts, wanted: &str) -> (i64, i64) {
    let is_here: Vec<bool> = facts
        .places
        .iter()
        .map(|p| is_part(&p.kind, &p.place_id, wanted))
        .collect();
    let here = facts
        .households
        .iter()
        .filter(|h| is_here[h.place] && h.status == TradingStatus::Trading);
    here.fold((0, 0), |(all, with), h| {
        (all + 1, with + i64::from(h.has_account))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vn::Phone;

    fn stall(number: &str, name: &str, phone: &str, has_code: bool) -> PlaceStall {
        PlaceStall {
            stall_id: format!("{number}{name}"),
            stall_code: "HC7K3M9J".to_owned(),
            number: number.to_owned(),
            place_name: "Chợ Thử".to_owned(),
            household_ref: "HKD-1".to_owned(),
            household_name: name.to_owned(),
            household_place: "Đường Thử".to_owned(),
            phone: Phone::parse(phone),
            trading_status: TradingStatus::Trading,
            has_account: true,
            has_code,
        }
    }

    #[test]
    fn stalls_stand_by_number_and_are_found_by_what_people_know() {
        let all = || {
            vec![
                stall("", "Hộ Không Số", "", true),
                stall("A-10", "Hộ Mười", "0905 000 010", false),
                stall("A-9", "Hộ Chín", "0905 000 009", true),
                stall("B-1", "Hộ Đặng", "", false),
            ]
        };
        let names = |search: &str, only: &str| -> Vec<String> {
            listed(all(), search, only)
                .into_iter()
                .map(|s| s.number)
                .collect()
        };
        assert_eq!(names("", ""), ["A-9", "A-10", "B-1", ""]);
        assert_eq!(names("a-10", ""), ["A-10"]);
        assert_eq!(names("ho dang", ""), ["B-1"]);
        assert_eq!(names("0905000009", ""), ["A-9"]);
        assert_eq!(names("000 010", ""), ["A-10"]);
        assert_eq!(names("duong thu", "").len(), 4);
        assert_eq!(names("", "without_code"), ["A-10", "B-1"]);
        assert_eq!(names("khong co ai", ""), [""; 0]);
    }
}

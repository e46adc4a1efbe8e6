//! Pages of the register: households, one household, one stall.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::accounts::bank_choices;
use super::answer::Html;
use super::codes::{UndoView, undo_view};
use super::frame::{Fault, Frame, Visit, encoded};
use super::officer::Officer;
use super::printing::card_host;
use super::words;
use crate::clock::now;
use crate::indicators::{Facts, PlaceKind};
use crate::print::Format;
use crate::register::TradingStatus;
use crate::store::{
    AccountView, Approval, CodeView, HouseholdFilter, HouseholdView, OwnerKey, OwnerMessage, StallView,
};
use crate::vietqr::Banks;
use crate::vn::{Day, Lang, Period, Sentence, TimeMs, sort_key};
use crate::web::{Problem, Shared};

/// Households on one page.
const PAGE_ROWS: usize = 100;

/// A line of a list of households.
struct HouseholdRow {
    href: String,
    name: String,
    reference: String,
    place: String,
    status: Option<&'static str>,
    has_account: bool,
    has_code: bool,
}

#[derive(Template)]
#[template(path = "households.html")]
struct HouseholdsPage {
    frame: Frame,
    title: String,
    search: String,
    rows: Vec<HouseholdRow>,
    is_first: bool,
    more_href: Option<String>,
}

/// A page of households: its rows and where the next page begins.
async fn rows(
    officer: &Officer,
    shared: &Shared,
    filter: &HouseholdFilter,
) -> Result<(Vec<HouseholdRow>, Option<String>), Fault> {
    let after = officer.visit.asked("after").unwrap_or_default();
    let today = Day::of(now());
    let mut found = shared
        .store
        .households(filter, today, after, PAGE_ROWS as i64 + 1)
        .await?;
    let has_more = found.len() > PAGE_ROWS;
    found.truncate(PAGE_ROWS);
    // Ids stand in no order a person would look for. A list that fits one page is put in one.
    if !has_more && after.is_empty() {
        found.sort_by_cached_key(|h| sort_key(&h.name));
    }
    let next = found
        .last()
        .filter(|_| has_more)
        .map(|last| last.household_id.clone());
    let lang = officer.visit.lang;
    Ok((found.into_iter().map(|h| household_row(h, lang)).collect(), next))
}

fn household_row(household: HouseholdView, lang: Lang) -> HouseholdRow {
    HouseholdRow {
        href: format!("/households/{}", encoded(&household.household_id)),
        place: placed(&household.house_number, &household.place_name),
        status: status_words(household.trading_status, lang),
        name: household.name,
        reference: household.reference,
        has_account: household.has_account,
        has_code: household.has_code,
    }
}

/// What is said of one that does not trade.
pub(super) fn status_words(status: TradingStatus, lang: Lang) -> Option<&'static str> {
    (status != TradingStatus::Trading).then(|| words::trading(lang, status))
}

/// `12 Bạch Đằng`, `Chợ Hàn`
fn placed(number: &str, place: &str) -> String {
    format!("{number} {place}").trim().to_owned()
}

/// `GET /households?q=…`
pub(super) async fn households(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show_households(&officer, &shared).await)
}

async fn show_households(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let search = visit.asked("q").map(str::to_owned);
    let filter = HouseholdFilter {
        search: search.clone(),
        ..HouseholdFilter::default()
    };
    let (rows, next) = rows(officer, shared, &filter).await?;
    let title = visit.pick("Hộ kinh doanh", "Households");
    Html::of(&HouseholdsPage {
        frame: officer.frame(title),
        title: title.to_owned(),
        more_href: next.map(|id| match &search {
            Some(q) => format!("/households?q={}&after={}", encoded(q), encoded(&id)),
            None => format!("/households?after={}", encoded(&id)),
        }),
        search: search.unwrap_or_default(),
        is_first: visit.asked("after").is_none(),
        rows,
    })
}

/// Whether a place is this market, or a segment of this street.
pub(super) fn is_part(kind: &PlaceKind, place_id: &str, wanted: &str) -> bool {
    match kind {
        PlaceKind::Segment { street_id, .. } => street_id == wanted,
        PlaceKind::Market { .. } => place_id == wanted,
    }
}

pub(super) fn place_name(facts: &Facts, wanted: &str) -> Option<String> {
    let place = facts
        .places
        .iter()
        .find(|p| is_part(&p.kind, &p.place_id, wanted))?;
    Some(match &place.kind {
        PlaceKind::Segment { street_name, .. } => street_name.clone(),
        PlaceKind::Market { name } => name.clone(),
    })
}

/// Streets and markets where codes are in use, by id and name, in the order of their names.
pub(super) fn places_with_codes(facts: &Facts) -> Vec<(String, String)> {
    let households = facts.households.iter().filter(|h| h.has_code).map(|h| h.place);
    let stalls = facts.market_stalls.iter().filter(|s| s.has_code).map(|s| s.place);
    let at: std::collections::BTreeSet<usize> = households.chain(stalls).collect();
    let named = at.into_iter().map(|at| {
        let place = &facts.places[at];
        match &place.kind {
            PlaceKind::Segment {
                street_id,
                street_name,
            } => (street_id.clone(), street_name.clone()),
            PlaceKind::Market { name } => (place.place_id.clone(), name.clone()),
        }
    });
    let mut places: Vec<(String, String)> = named.collect();
    places.sort_by_cached_key(|(id, name)| (sort_key(name), id.clone()));
    // A street of several segments is one.
    places.dedup();
    places
}

/// A stall as its page and its household's page show it.
struct StallCardView {
    href: String,
    code: String,
    place: String,
    number: String,
    status: Option<&'static str>,
    accounts: Vec<AccountRow>,
    codes: Vec<CodeRow>,
    /// Accounts to which money may be asked for today.
    payable: usize,
    can_bill: bool,
}

struct AccountRow {
    account_id: String,
    masked: String,
    bank: String,
    holder: String,
    relation: &'static str,
    period: String,
    is_valid: bool,
    has_code: bool,
    /// What is missing before a card to a changed account can be handed out.
    waits: Option<String>,
    /// Where this person may approve it.
    approve_href: Option<String>,
}

struct CodeRow {
    serial: String,
    serial_spaced: String,
    issued_on: String,
    /// Why and since when it is no longer good; nothing while it is.
    ended: Option<String>,
    masked: String,
    tail: String,
    bank: String,
    holder: String,
    check_href: String,
    /// The address of its check page as cards print it.
    check_text: Option<String>,
    /// Whether nothing is asked before it is printed.
    is_complete: bool,
}

fn stall_view(stall: &StallView, today: Day, officer: &Officer, shared: &Shared) -> StallCardView {
    let banks = shared.banks.banks();
    let printed = Printed {
        host: card_host(shared.public_host.as_deref()),
        banks: &banks,
    };
    let lang = officer.visit.lang;
    let active = |account_id: &str| {
        stall
            .codes
            .iter()
            .any(|c| c.ended.is_none() && c.account_id == account_id)
    };
    let account = |a: &AccountView| AccountRow {
        account_id: a.account_id.clone(),
        masked: a.number.to_string(),
        bank: banks.name(&a.bank_bin).to_owned(),
        holder: a.holder_name.clone(),
        relation: words::relation(lang, a.holder_relation),
        period: period(a.period, lang),
        is_valid: a.period.holds(today),
        has_code: active(&a.account_id),
        waits: waits(a, officer, shared.account_change_wait_ms),
        approve_href: match &a.approval {
            Approval::Waiting { recorded_by } if *recorded_by != officer.person.name => {
                Some(format!("/links/{}/approve", encoded(&a.link_id)))
            }
            _ => None,
        },
    };
    let accounts: Vec<AccountRow> = stall.accounts.iter().map(account).collect();
    let payable = accounts
        .iter()
        .filter(|a| a.is_valid && a.waits.is_none())
        .count();
    StallCardView {
        payable,
        can_bill: payable > 0 && stall.trading_status == TradingStatus::Trading,
        accounts,
        href: format!("/stalls/{}", encoded(&stall.stall_id)),
        code: stall.stall_code.clone(),
        place: placed(&stall.house_number, &stall.place_name),
        number: stall.stall_number.clone(),
        status: status_words(stall.trading_status, lang),
        codes: stall
            .codes
            .iter()
            .map(|c| code_row(stall, c, today, &officer.visit, &printed))
            .collect(),
    }
}

/// What stands between a changed account and its first card, in a sentence.
fn waits(account: &AccountView, officer: &Officer, wait_ms: i64) -> Option<String> {
    let visit = &officer.visit;
    match &account.approval {
        Approval::NotNeeded => None,
        Approval::Waiting { recorded_by } => Some(match visit.lang {
            Lang::Vi => {
                format!("Tài khoản đã đổi ({recorded_by} ghi). Cần một người khác duyệt trước khi phát thẻ.")
            }
            Lang::En => format!(
                "The account was changed (recorded by {recorded_by}). Somebody else has to approve it before a card."
            ),
        }),
        Approval::Given { by, at } => {
            let from = TimeMs(at.0.saturating_add(wait_ms));
            (now() < from).then(|| match visit.lang {
                Lang::Vi => format!("{by} đã duyệt. Thẻ mới phát được từ {}.", from.show()),
                Lang::En => format!(
                    "Approved by {by}. The new card can be handed out from {}.",
                    from.show()
                ),
            })
        }
    }
}

/// What a card prints beside the stall and its account.
struct Printed<'a> {
    /// The address that people can open, if the settings name one.
    host: Option<&'a str>,
    banks: &'a Banks,
}

/// A code is good while it is not ended and its account is linked to its stall (docs/spec/domain.md, section 3).
fn code_row(stall: &StallView, code: &CodeView, today: Day, visit: &Visit, printed: &Printed<'_>) -> CodeRow {
    let lang = visit.lang;
    let of_account = |a: &&AccountView| a.account_id == code.account_id;
    let account = stall.accounts.iter().find(of_account);
    let Printed { host, banks } = printed;
    let is_linked = stall
        .accounts
        .iter()
        .filter(of_account)
        .any(|a| a.period.holds(today));
    let unlinked = visit.pick(
        "Tài khoản đã gỡ khỏi sạp",
        "The account is no longer linked to the stall",
    );
    let ended = match &code.ended {
        Some((end, day)) => Some(format!("{}, {}", words::ending(lang, *end), day.show())),
        None if !is_linked => Some(unlinked.to_owned()),
        None => None,
    };
    CodeRow {
        serial: code.serial.clone(),
        serial_spaced: words::serial(&code.serial),
        issued_on: code.issued_on.show(),
        ended,
        masked: account.map(|a| a.number.to_string()).unwrap_or_default(),
        tail: account.map(|a| a.number.tail().to_owned()).unwrap_or_default(),
        bank: account
            .map(|a| banks.name(&a.bank_bin).to_owned())
            .unwrap_or_default(),
        holder: account.map(|a| a.holder_name.clone()).unwrap_or_default(),
        check_href: format!("/k/{}", encoded(&code.serial)),
        is_complete: host.is_some()
            && account.is_some_and(|a| !a.holder_name.trim().is_empty() && banks.get(&a.bank_bin).is_some()),
        check_text: host.map(|host| format!("{host}/k/{}", code.serial)),
    }
}

fn period(period: Period, lang: Lang) -> String {
    match (lang, period.from, period.to) {
        (Lang::Vi, Some(from), None) => format!("từ {}", from.show()),
        (Lang::Vi, Some(from), Some(to)) => format!("{} – {}", from.show(), to.show()),
        (Lang::Vi, None, Some(to)) => format!("đến {}", to.show()),
        (Lang::En, Some(from), None) => format!("since {}", from.show()),
        (Lang::En, Some(from), Some(to)) => format!("{} – {}", from.show(), to.show()),
        (Lang::En, None, Some(to)) => format!("until {}", to.show()),
        (_, None, None) => String::new(),
    }
}

#[derive(Template)]
#[template(path = "household.html")]
struct HouseholdPage {
    frame: Frame,
    name: String,
    reference: String,
    class: &'static str,
    status: &'static str,
    place: String,
    has_account: bool,
    has_code: bool,
    stalls: Vec<StallCardView>,
    /// Since when the owner has a link to the own list, from whom, and when it was last opened.
    owner_link: Option<String>,
    owner_key_href: String,
}

fn owner_link_words(key: &OwnerKey, lang: Lang) -> String {
    let by = &key.created_by;
    let made = key.created_at.show();
    let used = match key.last_used_at {
        Some(at) => format!("{} {}", lang.pick("lần mở gần nhất", "last opened"), at.show()),
        None => lang.pick("chưa mở lần nào", "never opened").to_owned(),
    };
    match lang {
        Lang::Vi => format!("Có liên kết từ {made}, do {by} cấp; {used}."),
        Lang::En => format!("There is a link since {made}, made by {by}; {used}."),
    }
}

/// `GET /households/{household}`
pub(super) async fn household(
    officer: Officer,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    officer.answer(show_household(&officer, &id, &shared).await)
}

async fn show_household(officer: &Officer, id: &str, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let today = Day::of(now());
    let Some((household, stalls)) = shared.store.household(id, today).await? else {
        let sentence = (
            "Không có hộ này trong sổ. Hãy tìm lại theo tên.",
            "No such household is on the register. Search for it by name.",
        );
        return Err(missing_household(visit.lang, sentence));
    };
    let key = shared.store.owner_key(id).await?;
    Html::of(&HouseholdPage {
        owner_link: key.map(|key| owner_link_words(&key, lang)),
        owner_key_href: format!("/households/{}/owner-key", encoded(id)),
        frame: officer.frame(household.name.clone()),
        class: words::class(lang, household.class),
        status: words::trading(lang, household.trading_status),
        place: placed(&household.house_number, &household.place_name),
        has_account: household.has_account,
        has_code: household.has_code,
        name: household.name,
        reference: household.reference,
        stalls: stalls
            .iter()
            .map(|s| stall_view(s, today, officer, shared))
            .collect(),
    })
}

fn missing_household(lang: Lang, sentence: impl Into<Sentence>) -> Fault {
    let words = lang.pick("Tìm hộ kinh doanh", "Find a household");
    Fault::from(Problem::missing(sentence)).or_go("/households".to_owned(), words.to_owned())
}

#[derive(Template)]
#[template(path = "stall.html")]
struct StallPage {
    frame: Frame,
    household_name: String,
    household_href: String,
    stall: StallCardView,
    formats: Vec<(&'static str, &'static str)>,
    messages: Vec<MessageRow>,
    undo: Option<UndoView>,
    /// Banks to choose from, by BIN and name.
    banks: Vec<(String, String)>,
}

/// What the owner is to be told, and whether that was done.
struct MessageRow {
    message: String,
    at: String,
    told: Option<String>,
    told_href: String,
}

fn message_row(message: OwnerMessage, lang: Lang) -> MessageRow {
    MessageRow {
        at: message.created_at.show(),
        told: message
            .told
            .map(|(by, at)| format!("{} {by}, {}", lang.pick("đã báo:", "told by"), at.show())),
        told_href: format!("/owner-messages/{}/told", encoded(&message.message_id)),
        message: message.message,
    }
}

/// `GET /stalls/{stall}`
pub(super) async fn stall(
    officer: Officer,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    officer.answer(show_stall(&officer, &id, &shared, now()).await)
}

async fn show_stall(officer: &Officer, id: &str, shared: &Shared, time: TimeMs) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let Some(stall) = shared.store.stall(id).await? else {
        let sentence = (
            "Không có sạp này trong sổ. Hãy tìm theo tên hộ hoặc mã sạp.",
            "No such stall is on the register. Search by household or stall code.",
        );
        return Err(missing_household(visit.lang, sentence));
    };
    let today = Day::of(time);
    let messages = shared.store.owner_messages(&stall.stall_id).await?;
    let title = format!("{} {}", visit.pick("Sạp", "Stall"), stall.stall_code);
    Html::of(&StallPage {
        banks: bank_choices(&shared.banks.banks()),
        undo: undo_view(officer, shared, format!("/stalls/{}", encoded(id))).await?,
        frame: officer.frame(title),
        household_name: stall.household_name.clone(),
        household_href: format!("/households/{}", encoded(&stall.household_id)),
        stall: stall_view(&stall, today, officer, shared),
        formats: Format::ALL
            .map(|format| (format.key(), visit.pick(format.name_vi(), format.name_en())))
            .to_vec(),
        messages: messages.into_iter().map(|m| message_row(m, visit.lang)).collect(),
    })
}

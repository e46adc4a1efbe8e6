//! A household's own list of money received, for its owner alone. Who opens it is known by an owner's key, never
//! by the token of an officer.

mod book;
mod period;

use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;
use tokio::sync::OwnedMutexGuard;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, Visit};
use super::question::{Question, Sure};
use super::words;
use crate::access::{Way, is_secret_text, token_sha256};
use crate::clock::now;
use crate::ledger::Received;
use crate::store::{HouseholdView, OwnerKey, OwnerList, OwnerReceipt, StallView};
use crate::vn::{Day, Dong, Lang};
use crate::web::session::{attempt_failed, too_many};
use crate::web::{Person, Problem, ProblemKind, Shared};

use period::Asked;

/// The cookie that holds an owner's key. It goes nowhere but to these pages.
const COOKIE: &str = "choso_own";
const COOKIE_PATH: &str = "/own";
const COOKIE_DAYS: i64 = 365;
/// Receipts on one page.
const PAGE_RECEIPTS: usize = 100;
/// Accounts named at the head of a workbook.
const ACCOUNTS_SHOWN: usize = 10;
/// How long one waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);

/// An owner who opened the list, and whose it is.
struct Owner {
    key: OwnerKey,
    household: HouseholdView,
    stalls: Vec<StallView>,
}

/// Why the list is not shown.
enum Shut {
    /// There is no key, or it opens nothing any more.
    NoKey,
    /// An officer is signed in here.
    Officer(Person),
    /// It could not be found out.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Shut {
    fn from(error: E) -> Shut {
        Shut::Fault(error.into())
    }
}

#[derive(Template)]
#[template(path = "own_shut.html")]
struct ShutPage {
    frame: Frame,
    title: &'static str,
    sentence: String,
}

/// An owner's pages are nobody else's: not of a search engine, not of the site that a link leads to.
fn private(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex, nofollow"),
    );
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn answered(visit: &Visit, made: Result<Html, Fault>) -> HttpResponse {
    private(match made {
        Ok(html) => answer::page(visit, html),
        Err(fault) => {
            let words = visit.pick("Về danh sách của tôi", "Back to my list").to_owned();
            answer::fault(visit, None, fault.or_go("/own".to_owned(), words))
        }
    })
}

/// The calm page for whoever has no key that opens anything.
fn shut(visit: &Visit, why: Shut, status: StatusCode) -> HttpResponse {
    let lang = visit.lang;
    let (status, title, sentence) = match why {
        Shut::Fault(fault) => return answered(visit, Err(fault)),
        Shut::NoKey if status == StatusCode::NOT_FOUND => (
            status,
            lang.pick("Liên kết này không còn dùng được", "This link is no longer good"),
            lang.pick(
                "Liên kết bị thiếu chữ, hoặc đã được thay bằng liên kết mới. Hãy mở liên kết mới nhất, hoặc nhờ cán bộ phường cấp lại.",
                "It is incomplete, or a newer one took its place. Open the newest, or ask the ward's officer for another.",
            )
            .to_owned(),
        ),
        Shut::NoKey => (
            status,
            lang.pick("Xem tiền đã nhận của tôi", "See the money I received"),
            lang.pick(
                "Máy này chưa có liên kết của chủ hộ. Hãy nhờ cán bộ phường cấp, rồi quét mã bằng điện thoại của mình.",
                "This device has no owner's link yet. Ask the ward's officer for one, and scan it with your own phone.",
            )
            .to_owned(),
        ),
        Shut::Officer(person) => (
            StatusCode::FORBIDDEN,
            lang.pick("Chỉ chủ hộ xem được", "For the owner alone"),
            match lang {
                Lang::Vi => format!(
                    "Máy này đang đăng nhập cán bộ «{}». Cán bộ không xem tiền của từng hộ. Hãy để chủ hộ mở bằng điện thoại của mình.",
                    person.name
                ),
                Lang::En => format!(
                    "The officer «{}» is signed in here, and officers do not see what a household earns. Let the owner open it on their own phone.",
                    person.name
                ),
            },
        ),
    };
    let page = ShutPage {
        frame: visit.frame(title, None),
        title,
        sentence,
    };
    answered(visit, Html::with_status(status, &page))
}

/// The key in a text that a stranger sent: what could not be one is not looked up.
async fn key_in(request: &HttpRequest, text: &str, shared: &Shared, is_used: bool) -> Result<OwnerKey, Shut> {
    // No officer may look with a key that they made, at least not while they are signed in.
    match Person::from_request(request, &mut Payload::None).await {
        Ok(person) => return Err(Shut::Officer(person)),
        Err(problem) if problem.kind == ProblemKind::SignIn => {}
        Err(problem) => return Err(problem.into()),
    }
    if text.is_empty() {
        return Err(Shut::NoKey);
    }
    if is_secret_text(text) {
        let key = shared
            .store
            .owner_key_of(&token_sha256(text), is_used.then(now))
            .await?;
        if let Some(key) = key {
            return Ok(key);
        }
    }
    // A good key is never refused because of the wrong ones of others at the same address.
    let way = if is_used { Way::OwnerKey } else { Way::OwnerLink };
    match (way, attempt_failed(request, way)) {
        (Way::OwnerLink, wait_s) if wait_s > 0 => Err(too_many(wait_s).into()),
        _ => Err(Shut::NoKey),
    }
}

/// The owner who asks. The answer depends on the cookie alone.
async fn owner(request: &HttpRequest, shared: &Shared) -> Result<Owner, Shut> {
    let text = request
        .cookie(COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default();
    let key = key_in(request, &text, shared, true).await?;
    let found = shared.store.household(&key.household_id, Day::of(now())).await?;
    let (household, stalls) = found.ok_or(Shut::NoKey)?;
    Ok(Owner {
        key,
        household,
        stalls,
    })
}

fn cookie(value: String, age: time::Duration, visit: &Visit) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path(COOKIE_PATH)
        .http_only(true)
        .secure(visit.is_tls)
        .same_site(SameSite::Lax)
        .max_age(age)
        .finish()
}

/// `GET /own/{token}`: the owner's link. It sets the cookie and goes on, so that the key stays in no address.
pub(super) async fn enter(
    request: HttpRequest,
    visit: Visit,
    token: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    // A link is also fetched by programs that draw a preview of it; only who looks at the list uses the key.
    match key_in(&request, &token, &shared, false).await {
        Err(why) => shut(&visit, why, StatusCode::NOT_FOUND),
        Ok(_) => {
            let mut response = answer::seen("/own");
            let age = time::Duration::days(COOKIE_DAYS);
            // A cookie of some fifty plain characters can always be written.
            if let Err(error) = response.add_cookie(&cookie(token.into_inner(), age, &visit)) {
                tracing::error!(%error, "a cookie could not be written");
            }
            private(response)
        }
    }
}

/// `POST /own/leave`: forgets the key on this device.
pub(super) async fn leave(visit: Visit, sure: web::Form<Sure>) -> HttpResponse {
    if !sure.is_sure() {
        let lines = [visit.pick(
            "Máy này không mở được danh sách nữa. Muốn xem lại phải quét lại liên kết của bạn, hoặc nhờ phường cấp liên kết mới.",
            "This device will not open your list any more. To see it again, scan your link again, or ask the ward for a new one.",
        )];
        let title = visit.pick("Thoát khỏi máy này?", "Leave on this device?");
        let yes = visit.pick("Thoát", "Leave");
        let question = Question::new(title, &lines, yes, "/own/leave".to_owned(), "/own".to_owned());
        return answered(&visit, question.danger().page(visit.frame(title, None)));
    }
    let mut response = answer::seen("/own");
    if let Err(error) = response.add_cookie(&cookie(String::new(), time::Duration::ZERO, &visit)) {
        tracing::error!(%error, "a cookie could not be written");
    }
    private(response)
}

/// The right to look for single receipts.
async fn turn(shared: &Shared) -> Result<OwnedMutexGuard<()>, Fault> {
    let busy = || {
        let sentence = (
            "Đang có nhiều người xem. Hãy thử lại sau một phút.",
            "Many people are looking. Try again in a minute.",
        );
        Fault::from(Problem::new(ProblemKind::Busy, sentence).retry_after(60))
    };
    let turn = tokio::time::timeout(TURN_TIMEOUT, shared.turns.owner_list.wait());
    turn.await.map_err(|_| busy())
}

#[derive(Template)]
#[template(path = "own.html")]
struct OwnPage {
    frame: Frame,
    household: String,
    place: String,
    /// Address and words of periods to choose, and whether it is the one shown.
    presets: Vec<(String, String, bool)>,
    title: String,
    dates: Option<String>,
    as_of: String,
    left: String,
    sums: Vec<(&'static str, String)>,
    /// What of it came today.
    today: Option<String>,
    grains: Vec<(String, String, bool)>,
    rows: Vec<PeriodRow>,
    receipts: Option<ReceiptsView>,
    receipts_href: Option<String>,
    file_href: String,
    from: String,
    to: String,
    link: String,
}

/// A period with what came in it.
struct PeriodRow {
    name: String,
    dates: Option<String>,
    detail: String,
    left: String,
    href: Option<String>,
}

struct ReceiptsView {
    rows: Vec<ReceiptRow>,
    is_first: bool,
    more_href: Option<String>,
}

struct ReceiptRow {
    amount: String,
    when: String,
    detail: String,
    refunded: Option<String>,
}

/// `GET /own?from=…&to=…&by=…`
pub(super) async fn page(request: HttpRequest, visit: Visit, shared: web::Data<Shared>) -> HttpResponse {
    match owner(&request, &shared).await {
        Err(why) => shut(&visit, why, StatusCode::UNAUTHORIZED),
        Ok(owner) => answered(&visit, show(&visit, owner, &shared).await),
    }
}

async fn show(visit: &Visit, owner: Owner, shared: &Shared) -> Result<Html, Fault> {
    let lang = visit.lang;
    let time = now();
    let today = Day::of(time);
    let asked = Asked::of(visit, today)?;
    let limit = if asked.has_receipts { PAGE_RECEIPTS } else { 0 };
    let list = {
        let _turn = if asked.has_receipts {
            Some(turn(shared).await?)
        } else {
            None
        };
        let store = &shared.store;
        store
            .owner_list(
                &owner.key.household_id,
                &(asked.from..=asked.to),
                asked.after,
                limit,
            )
            .await?
    };
    let unit = shared
        .store
        .unit_of_household(&owner.key.household_id, today)
        .await?;
    let unit = unit.map(|unit| words::capital(&unit.full_name(lang)));
    let whole = Received::sum(list.days.iter().map(|(_, received)| received));
    let title = period::name(lang, asked.from, asked.to);
    Html::of(&OwnPage {
        frame: visit.frame(visit.pick("Tiền đã nhận của tôi", "Money I received"), None),
        place: placed(&owner.household, unit),
        household: owner.household.name,
        presets: asked.presets(lang, today),
        dates: period::dates(&title, asked.from, asked.to),
        title,
        as_of: time.show(),
        left: shown(whole.left(), lang),
        sums: sums(&whole, lang),
        today: today_of(&list, &asked, today, lang),
        grains: asked.grains(lang),
        rows: if asked.is_one_day() {
            Vec::new()
        } else {
            rows(&list, &asked, lang)
        },
        receipts_href: asked.receipts_href(),
        receipts: asked.has_receipts.then(|| receipts(&list, &asked, lang)),
        file_href: format!("/own/list.xlsx?{}", asked.question()),
        from: asked.from.to_string(),
        to: asked.to.to_string(),
        link: link_words(&owner.key, lang),
    })
}

/// `12 Bạch Đằng · Phường Hải Châu`
fn placed(household: &HouseholdView, unit: Option<String>) -> String {
    let address = format!("{} {}", household.house_number, household.place_name);
    let parts = [Some(address.trim().to_owned()), unit];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What the whole is made of.
fn sums(whole: &Received, lang: Lang) -> Vec<(&'static str, String)> {
    let mut sums = vec![
        (
            lang.pick("Số lần nhận", "Receipts"),
            words::number(lang, whole.receipts),
        ),
        (
            lang.pick("Khách chuyển", "Paid by customers"),
            shown(whole.received, lang),
        ),
        (lang.pick("Đã trả lại", "Paid back"), shown(whole.refunded, lang)),
    ];
    if whole.corrected.vnd() != 0 {
        let words = lang.pick("Sửa theo sao kê", "Corrected by the statement");
        sums.push((words, shown(whole.corrected, lang)));
    }
    sums
}

/// An amount that stays on one line with its unit.
fn shown(amount: Dong, lang: Lang) -> String {
    amount.show(lang).replace(' ', "\u{a0}")
}

fn times(lang: Lang, count: i64) -> String {
    let number = words::number(lang, count);
    match (lang, count) {
        (Lang::Vi, _) => format!("{number}\u{a0}lần\u{a0}nhận"),
        (Lang::En, 1) => "1\u{a0}receipt".to_owned(),
        (Lang::En, _) => format!("{number}\u{a0}receipts"),
    }
}

fn paid_back(refunded: Dong, lang: Lang) -> Option<String> {
    (refunded.vnd() != 0).then(|| {
        format!(
            "{} {}",
            lang.pick("đã trả lại", "paid back"),
            shown(refunded, lang)
        )
    })
}

fn corrected(by: Dong, lang: Lang) -> Option<String> {
    (by.vnd() != 0).then(|| {
        let words = lang.pick("sửa theo sao kê", "corrected by the statement");
        format!("{words} {}", shown(by, lang))
    })
}

fn today_of(list: &OwnerList, asked: &Asked, today: Day, lang: Lang) -> Option<String> {
    if asked.is_one_day() || !(asked.from..=asked.to).contains(&today) {
        return None;
    }
    let found = list.days.iter().find(|(day, _)| *day == today);
    let received = found.map(|(_, received)| *received).unwrap_or_default();
    let words = lang.pick("Hôm nay", "Today");
    Some(format!(
        "{words}: {} · {}",
        shown(received.left(), lang),
        times(lang, received.receipts)
    ))
}

/// The periods of the list, the latest first.
fn rows(list: &OwnerList, asked: &Asked, lang: Lang) -> Vec<PeriodRow> {
    let sums = asked.by.sums(&list.days);
    let row = |((first, last), received): &((Day, Day), Received)| {
        let from = (*first).max(asked.from);
        let to = (*last).min(asked.to);
        let mut detail = times(lang, received.receipts);
        if let Some(back) = paid_back(received.refunded, lang) {
            detail = format!("{detail} · {back}");
        }
        PeriodRow {
            name: period::name(lang, *first, *last),
            // A period that the choice cuts off says what is left of it.
            dates: ((from, to) != (*first, *last)).then(|| period::days(from, to)),
            detail,
            left: shown(received.left(), lang),
            href: asked.inside(from, to),
        }
    };
    sums.iter().rev().map(row).collect()
}

fn receipts(list: &OwnerList, asked: &Asked, lang: Lang) -> ReceiptsView {
    ReceiptsView {
        rows: list
            .receipts
            .iter()
            .map(|r| receipt_row(r, asked, lang))
            .collect(),
        is_first: asked.after.is_none(),
        more_href: list
            .receipts
            .last()
            .filter(|_| list.has_more)
            .map(|last| asked.more_href(last.place)),
    }
}

fn receipt_row(receipt: &OwnerReceipt, asked: &Asked, lang: Lang) -> ReceiptRow {
    let hour = period::hour(receipt);
    let day = receipt.place.day.show();
    let when = match (asked.is_one_day(), hour) {
        (true, Some(hour)) => hour,
        (false, Some(hour)) => format!("{hour} · {day}"),
        (_, None) => day,
    };
    let stall = receipt
        .stall_code
        .as_ref()
        .map(|code| format!("{} {code}", lang.pick("Sạp", "Stall")));
    let from_statement = receipt
        .is_from_statement
        .then(|| lang.pick("ghi theo sao kê", "from the statement").to_owned());
    let parts = [stall, Some(receipt.provider_id.clone()), from_statement];
    ReceiptRow {
        amount: shown(receipt.amount, lang),
        when,
        detail: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        refunded: paid_back(receipt.refunded, lang).or_else(|| corrected(receipt.corrected, lang)),
    }
}

/// Who made the link and when it was last used, so that its owner sees a use that was not theirs.
fn link_words(key: &OwnerKey, lang: Lang) -> String {
    let by = &key.created_by;
    let made = key.created_at.show();
    let used = key.last_used_at.map(|at| at.show());
    match (lang, used) {
        (Lang::Vi, None) => format!("Liên kết này do {by} cấp lúc {made}; đây là lần mở đầu tiên."),
        (Lang::Vi, Some(used)) => {
            format!("Liên kết này do {by} cấp lúc {made}; lần mở gần nhất {used}.")
        }
        (Lang::En, None) => format!("{by} made this link at {made}; it is opened for the first time."),
        (Lang::En, Some(used)) => format!("{by} made this link at {made}; it was last opened at {used}."),
    }
}

/// `GET /own/list.xlsx?from=…&to=…&by=…`
pub(super) async fn file(request: HttpRequest, visit: Visit, shared: web::Data<Shared>) -> HttpResponse {
    let owner = match owner(&request, &shared).await {
        Err(why) => return shut(&visit, why, StatusCode::UNAUTHORIZED),
        Ok(owner) => owner,
    };
    match workbook(&visit, owner, &shared).await {
        Err(fault) => answered(&visit, Err(fault)),
        Ok((name, bytes)) => private(
            HttpResponse::Ok()
                .content_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
                .body(bytes),
        ),
    }
}

async fn workbook(visit: &Visit, owner: Owner, shared: &Shared) -> Result<(String, Vec<u8>), Fault> {
    let time = now();
    let asked = Asked::of(visit, Day::of(time))?;
    let id = &owner.key.household_id;
    let by = asked.by;
    let days = (asked.from, asked.to);
    let unit = shared.store.unit_of_household(id, Day::of(time)).await?;
    let unit = unit.map(|unit| words::capital(&unit.full_name(Lang::Vi)));
    let head = book::Head {
        place: placed(&owner.household, unit),
        accounts: accounts(&owner.stalls, shared),
        household: owner.household.name,
        days,
        made_at: time,
    };
    let _turn = turn(shared).await?;
    let list = shared
        .store
        .owner_list(id, &(days.0..=days.1), None, book::RECEIPTS_MAX)
        .await?;
    let made = web::block(move || book::workbook(&head, by, &list)).await;
    let bytes = made
        .map_err(|error| error.to_string())
        .and_then(|made| made.map_err(|error| error.to_string()));
    let bytes = bytes.map_err(|error| {
        let sentence = (
            "Chưa lập được tệp. Hãy thử lại; nếu vẫn lỗi, báo cán bộ phường mã yêu cầu này.",
            "The file could not be made. Try again; if it still fails, give the ward's officer this id.",
        );
        let problem = Problem::new(ProblemKind::File, sentence);
        tracing::error!(
            error,
            request_id = problem.request_id,
            "a workbook could not be made"
        );
        problem
    })?;
    Ok((format!("tien-da-nhan-{}-{}.xlsx", days.0, days.1), bytes))
}

/// The accounts that money comes to, masked, once each.
fn accounts(stalls: &[StallView], shared: &Shared) -> Vec<String> {
    let banks = shared.banks.banks();
    let all = stalls.iter().flat_map(|stall| &stall.accounts);
    let mut named: Vec<String> = all
        .map(|account| format!("{} ({})", account.number, banks.name(&account.bank_bin)))
        .collect();
    named.sort();
    named.dedup();
    named.truncate(ACCOUNTS_SHOWN);
    named
}

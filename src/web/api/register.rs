//! The register over HTTP: households, stalls, accounts, terminals and codes.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::common::{IdempotencyKey, Page, from_json, from_json_or_nothing, once, page_size};
use super::register_shapes::{
    AccountIn, CodeOut, EndCodeIn, EndLinkIn, HouseholdChangeIn, HouseholdIn, HouseholdOut, IssueIn, LinkIn,
    StallChangeIn, StallIn, StallOut, TerminalIn, household_out, stall_out,
};
use crate::clock::now;
use crate::places::{NewStreets, Units};
use crate::register::{
    AccountDraft, CodeEnd, DAYS_AHEAD_MAX, HouseholdDetails, HouseholdDraft, PlaceDraft, PlaceName,
    StallCode, StallDraft, TradingStatus,
};
use crate::store::{
    CodeEnding, Creation, HouseholdChange, HouseholdFilter, HouseholdView, IssuedCode, Missing, NewCode,
    NewTerminal, StallView,
};
use crate::vn::{AccountNumber, Day, Phone, sentence};
use crate::web::body::read_body;
use crate::web::{Person, Problem, Shared};

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/households", web::get().to(list_households))
        .route("/households", web::post().to(create_household))
        .route("/households/{household_id}", web::get().to(get_household))
        .route("/households/{household_id}", web::patch().to(change_household))
        .route("/households/{household_id}/stalls", web::post().to(add_stall))
        .route("/stalls/{stall_id}", web::get().to(get_stall))
        .route("/stalls/{stall_id}", web::patch().to(change_stall))
        .route("/stalls/{stall_id}/accounts", web::post().to(link_account))
        .route("/stalls/{stall_id}/terminals", web::post().to(keep_terminal))
        .route("/stalls/{stall_id}/codes", web::post().to(issue_code))
        .route("/links/{link_id}/end", web::post().to(end_link))
        .route("/codes/{serial}/end", web::post().to(end_code));
}

fn today() -> Day {
    Day::of(now())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// Part of a name or reference, or a stall code; accents do not count.
    q: Option<String>,
    /// Only households of this street or market (its id).
    place: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Households as they stand today, page by page; `q` finds by name without accents.
#[utoipa::path(get, path = "/api/v1/households", params(ListParams),
    responses((status = 200, description = "A page of households.", body = Page<HouseholdOut>)))]
pub(super) async fn list_households(
    _: Person,
    shared: web::Data<Shared>,
    params: web::Query<ListParams>,
) -> Result<HttpResponse, Problem> {
    let limit = page_size(params.limit)?;
    let filter = HouseholdFilter {
        search: params.q.clone(),
        street_or_market: params.place.clone(),
    };
    let after = params.cursor.as_deref().unwrap_or("");
    let mut rows = shared
        .store
        .households(&filter, today(), after, limit + 1)
        .await?;
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|r| r.household_id.clone());
    let items = rows.into_iter().map(|r| household_out(r, None)).collect();
    Ok(HttpResponse::Ok().json(Page { items, next }))
}

/// Registers a household with its stalls and accounts.
#[utoipa::path(post, path = "/api/v1/households", params(IdempotencyKey), request_body = HouseholdIn,
    responses(
        (status = 201, description = "The household as it was registered.", body = HouseholdOut),
        (status = 409, description = "A household with this `household_ref` is there, or a stall stands in it twice."),
    ))]
pub(super) async fn create_household(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: HouseholdIn = from_json(&body)?;
    once(&request, &shared, &person, &body, async |creation| {
        let units = creation.units().await?;
        let draft = household_draft(&input, &units)?;
        if creation.household_by_ref(&draft.reference).await?.is_some() {
            let reference = &draft.reference;
            let detail = sentence!(
                "household_ref «{reference}» đã có. Hãy sửa hộ đó bằng PATCH hoặc dùng mã khác.",
                "household_ref «{reference}» is there. Change that household by PATCH, or use another one."
            );
            let problem = Problem::conflict(detail).titled(("Hộ đã có", "The household is there"));
            return Err(problem.at("household_ref"));
        }
        // One that begins later is shown as it will be.
        let begins = draft.stalls.iter().map(|stall| stall.from).min();
        let on = begins.map_or_else(today, |from| from.max(today()));
        let new_streets = new_streets(input.stalls.iter());
        let (household_id, _) = keep(creation, draft, new_streets, &units, &person).await?;
        let found = creation.household(&household_id, on).await?;
        Ok((
            StatusCode::CREATED,
            json(&household_answer(found, &household_id)?),
        ))
    })
    .await
}

/// Keeps one draft; a fault in it is the caller's.
async fn keep(
    creation: &mut Creation,
    draft: HouseholdDraft,
    new_streets: NewStreets,
    units: &Units,
    person: &Person,
) -> Result<(String, Vec<String>), Problem> {
    let stated = draft.stalls.len();
    let mut kept = creation
        .keep_household(draft, units, new_streets, person.at(now()))
        .await?;
    if let Some((_, reason)) = kept.faults.pop() {
        return Err(Problem::invalid("stalls", reason));
    }
    // A stall that is there would get the account without anybody having said so.
    if kept.new_stalls < stated {
        let detail = (
            "Hộ đã có sạp này (cùng nơi, cùng số nhà và số sạp, hoặc cùng mã sạp). Nếu là sạp khác thì ghi số khác; nếu muốn thêm tài khoản thì gọi POST /api/v1/stalls/{stall_id}/accounts.",
            "The household has this stall already (the same place and numbers, or the same code). For another stall write another number; to add an account use POST /api/v1/stalls/{stall_id}/accounts.",
        );
        return Err(Problem::conflict(detail).titled(("Sạp đã có", "The stall is there")));
    }
    kept.households
        .pop()
        .ok_or_else(|| Problem::invalid("stalls", ("Chưa có sạp nào.", "There is no stall.")))
}

fn new_streets<'a>(mut stalls: impl Iterator<Item = &'a StallIn>) -> NewStreets {
    if stalls.any(|stall| stall.new_street) {
        NewStreets::Made
    } else {
        NewStreets::AskedIfAlike
    }
}

fn household_answer(
    found: Option<(HouseholdView, Vec<StallView>)>,
    household_id: &str,
) -> Result<HouseholdOut, Problem> {
    let (view, stalls) = found.ok_or_else(|| {
        Problem::missing(sentence!(
            "Hộ {household_id} đã ghi nhưng chưa có hiệu lực hôm nay, hoặc không có hộ này.",
            "Household {household_id} is kept but not in force today, or there is none."
        ))
    })?;
    Ok(household_out(view, Some(stalls)))
}

fn json<T: Serialize>(value: &T) -> serde_json::Value {
    // These shapes hold texts, numbers and lists only.
    serde_json::to_value(value).expect("a plain shape is JSON")
}

fn household_draft(input: &HouseholdIn, units: &Units) -> Result<HouseholdDraft, Problem> {
    let stalls = input
        .stalls
        .iter()
        .enumerate()
        .map(|(i, s)| stall_draft(s, i, units))
        .collect::<Result<Vec<_>, _>>()?;
    let from = stalls.iter().map(|s| s.from).min().ok_or_else(|| {
        Problem::invalid(
            "stalls",
            (
                "Hộ cần ít nhất một sạp; sạp đầu là nơi chính.",
                "A household needs a stall; the first is its principal place.",
            ),
        )
    })?;
    Ok(HouseholdDraft {
        reference: words("household_ref", &input.household_ref, 100)?,
        details: Some(HouseholdDetails {
            name: words("household_name", &input.household_name, 200)?,
            class: input.class,
            status: input.trading_status.unwrap_or(TradingStatus::Trading),
            phone: input.phone.as_deref().map(phone).transpose()?,
            from,
        }),
        stalls,
    })
}

fn stall_draft(input: &StallIn, position: usize, units: &Units) -> Result<StallDraft, Problem> {
    let field = |name: &str| format!("stalls[{position}].{name}");
    let unit = units
        .at(&input.unit_code, input.from)
        .map_err(|e| Problem::invalid(field("unit_code"), e.sentence()))?;
    if !units.get(unit).level.is_commune_level() {
        return Err(Problem::invalid(
            field("unit_code"),
            (
                "Cần mã phường, xã hoặc đặc khu.",
                "The code of a ward, commune or special zone is needed.",
            ),
        ));
    }
    let name = match (&input.market, &input.street) {
        (Some(market), _) => PlaceName::Market(words(&field("market"), market, 200)?),
        (None, Some(street)) => PlaceName::Street(words(&field("street"), street, 200)?),
        (None, None) => {
            return Err(Problem::invalid(
                field("street"),
                (
                    "Cần tên đường hoặc tên chợ.",
                    "The name of a street or a market is needed.",
                ),
            ));
        }
    };
    let code = input.stall_code.as_deref().map(StallCode::parse).transpose();
    likely(&field("from"), input.from)?;
    Ok(StallDraft {
        row: 0,
        place: PlaceDraft { unit, name },
        house_number: plain(&field("house_number"), input.house_number.as_deref())?,
        stall_number: plain(&field("stall_number"), input.stall_number.as_deref())?,
        code: code.map_err(|e| Problem::invalid(field("stall_code"), e.sentence()))?,
        from: input.from,
        account: input
            .account
            .as_ref()
            .map(|a| account_draft(a, &field("account")))
            .transpose()?,
        code_from: None,
    })
}

fn account_draft(input: &AccountIn, at: &str) -> Result<AccountDraft, Problem> {
    let bank_bin = input.bank_bin.clone().unwrap_or_default();
    if !bank_bin.is_empty() && (bank_bin.len() != 6 || !bank_bin.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Problem::invalid(
            format!("{at}.bank_bin"),
            (
                "Cần đúng 6 chữ số, ví dụ 970422.",
                "Exactly 6 digits are needed, for example 970422.",
            ),
        ));
    }
    Ok(AccountDraft {
        bank_bin,
        number: AccountNumber::parse(&input.account_number).map_err(|_| {
            Problem::invalid(
                format!("{at}.account_number"),
                (
                    "Cần 1 đến 19 chữ cái hoặc chữ số.",
                    "1 to 19 letters or digits are needed.",
                ),
            )
        })?,
        holder_name: plain(&format!("{at}.account_holder"), Some(&input.account_holder))?,
        relation: input.holder_relation,
    })
}

/// Refuses a day on which nobody would look for what was registered.
fn likely(field: &str, day: Day) -> Result<(), Problem> {
    if day <= today().plus(DAYS_AHEAD_MAX) && day >= Day::ymd(1950, 1, 1) {
        return Ok(());
    }
    let shown = day.show();
    Err(Problem::invalid(
        field,
        sentence!(
            "Ngày {shown} cách hôm nay quá xa. Hãy kiểm tra năm.",
            "The day {shown} is too far from today. Check the year."
        ),
    ))
}

fn words(field: &str, text: &str, chars_max: usize) -> Result<String, Problem> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().count() {
        n if (1..=chars_max).contains(&n) && !text.contains('\0') => Ok(text),
        _ => Err(Problem::invalid(
            field,
            sentence!(
                "Cần 1 đến {chars_max} ký tự.",
                "1 to {chars_max} characters are needed."
            ),
        )),
    }
}

fn plain(field: &str, text: Option<&str>) -> Result<String, Problem> {
    match text.map(str::trim) {
        None | Some("") => Ok(String::new()),
        Some(text) => words(field, text, 200),
    }
}

fn phone(text: &str) -> Result<Phone, Problem> {
    Phone::parse(text).ok_or_else(|| {
        Problem::invalid(
            "phone",
            (
                "Cần số điện thoại Việt Nam, ví dụ 0905 123 456.",
                "A Vietnamese phone number is needed, for example 0905 123 456.",
            ),
        )
    })
}

/// One household with its stalls, accounts and codes.
#[utoipa::path(get, path = "/api/v1/households/{household_id}", params(("household_id" = String, Path)),
    responses((status = 200, description = "The household as it stands today.", body = HouseholdOut)))]
pub(super) async fn get_household(
    _: Person,
    shared: web::Data<Shared>,
    household_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = shared.store.household(&household_id, today()).await?;
    Ok(HttpResponse::Ok().json(household_answer(found, &household_id)?))
}

/// Changes a household from a day on; what was known before stays known.
#[utoipa::path(patch, path = "/api/v1/households/{household_id}", params(("household_id" = String, Path)),
    request_body = HouseholdChangeIn,
    responses((status = 200, description = "The household after the change.", body = HouseholdOut)))]
pub(super) async fn change_household(
    person: Person,
    shared: web::Data<Shared>,
    household_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let input: HouseholdChangeIn = from_json(&read_body(payload).await?)?;
    let change = HouseholdChange {
        name: input
            .household_name
            .as_deref()
            .map(|n| words("household_name", n, 200))
            .transpose()?,
        class: input.class,
        status: input.trading_status,
        phone: input.phone.as_deref().map(phone).transpose()?,
    };
    let from = input.from.unwrap_or_else(today);
    likely("from", from)?;
    shared
        .store
        .change_household(&household_id, &change, from, person.at(now()))
        .await?;
    let found = shared.store.household(&household_id, today()).await?;
    Ok(HttpResponse::Ok().json(household_answer(found, &household_id)?))
}

/// Adds a stall to a household.
#[utoipa::path(post, path = "/api/v1/households/{household_id}/stalls",
    params(("household_id" = String, Path), IdempotencyKey), request_body = StallIn,
    responses((status = 201, description = "The new stall.", body = StallOut),
        (status = 409, description = "The household has this stall already.")))]
pub(super) async fn add_stall(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    household_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: StallIn = from_json(&body)?;
    once(&request, &shared, &person, &body, async |creation| {
        let units = creation.units().await?;
        let stall = stall_draft(&input, 0, &units)?;
        let found = creation.household(&household_id, today()).await?;
        let (view, _) = found.ok_or_else(|| {
            Problem::missing(sentence!(
                "Không có hộ {household_id}.",
                "There is no household {household_id}."
            ))
        })?;
        let draft = HouseholdDraft {
            reference: view.reference,
            details: None,
            stalls: vec![stall],
        };
        let new_streets = new_streets(std::iter::once(&input));
        let (_, stalls) = keep(creation, draft, new_streets, &units, &person).await?;
        let stall_id = stalls.last().cloned().unwrap_or_default();
        let stall = stall_answer(creation.stall(&stall_id).await?, &stall_id)?;
        Ok((StatusCode::CREATED, json(&stall)))
    })
    .await
}

fn stall_answer(found: Option<StallView>, stall_id: &str) -> Result<StallOut, Problem> {
    found.map(stall_out).ok_or_else(|| {
        let stall_id = stall_id.to_owned();
        Missing::Stall { stall_id }.into()
    })
}

/// One stall with its accounts and codes.
#[utoipa::path(get, path = "/api/v1/stalls/{stall_id}", params(("stall_id" = String, Path)),
    responses((status = 200, description = "The stall with its accounts and codes.", body = StallOut)))]
pub(super) async fn get_stall(
    _: Person,
    shared: web::Data<Shared>,
    stall_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = shared.store.stall(&stall_id).await?;
    Ok(HttpResponse::Ok().json(stall_answer(found, &stall_id)?))
}

/// Changes a stall's trading status from a day on.
#[utoipa::path(patch, path = "/api/v1/stalls/{stall_id}", params(("stall_id" = String, Path)),
    request_body = StallChangeIn,
    responses((status = 200, description = "The stall after the change.", body = StallOut)))]
pub(super) async fn change_stall(
    person: Person,
    shared: web::Data<Shared>,
    stall_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let input: StallChangeIn = from_json(&read_body(payload).await?)?;
    let from = input.from.unwrap_or_else(today);
    shared
        .store
        .change_stall(&stall_id, input.trading_status, from, person.at(now()))
        .await?;
    let found = shared.store.stall(&stall_id).await?;
    Ok(HttpResponse::Ok().json(stall_answer(found, &stall_id)?))
}

/// Links a payee account to a stall from a day on.
#[utoipa::path(post, path = "/api/v1/stalls/{stall_id}/accounts",
    params(("stall_id" = String, Path), IdempotencyKey), request_body = LinkIn,
    responses((status = 201, description = "The stall with its accounts, the new one last.", body = StallOut)))]
pub(super) async fn link_account(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    stall_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: LinkIn = from_json(&body)?;
    once(&request, &shared, &person, &body, async |creation| {
        let account = account_draft(&input.account(), "account")?;
        let from = input.from.unwrap_or_else(today);
        creation
            .link_account(&stall_id, &account, from, person.at(now()))
            .await?;
        let stall = stall_answer(creation.stall(&stall_id).await?, &stall_id)?;
        Ok((StatusCode::CREATED, json(&stall)))
    })
    .await
}

/// Ends a link; `on` is the last day it holds.
#[utoipa::path(post, path = "/api/v1/links/{link_id}/end", params(("link_id" = String, Path)),
    request_body = EndLinkIn, responses((status = 204, description = "The link ends on that day.")))]
pub(super) async fn end_link(
    person: Person,
    shared: web::Data<Shared>,
    link_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let input: EndLinkIn = from_json(&read_body(payload).await?)?;
    shared
        .store
        .end_link(&link_id, input.on.unwrap_or_else(today), person.at(now()))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Records that a provider's terminal stands at a stall.
#[utoipa::path(post, path = "/api/v1/stalls/{stall_id}/terminals", params(("stall_id" = String, Path)),
    request_body = TerminalIn, responses((status = 204, description = "The terminal is on record.")))]
pub(super) async fn keep_terminal(
    person: Person,
    shared: web::Data<Shared>,
    stall_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let input: TerminalIn = from_json(&read_body(payload).await?)?;
    let new = NewTerminal {
        provider_id: &words("provider_id", &input.provider_id, 40)?,
        terminal_id: &words("terminal", &input.terminal, 128)?,
        stall_id: &stall_id,
        from: input.from.unwrap_or_else(today),
    };
    likely("from", new.from)?;
    shared.store.keep_terminal(new, person.at(now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A code that was handed out, as the stall shows it.
pub(super) async fn code_answer(
    creation: &mut Creation,
    issued: &IssuedCode,
) -> Result<serde_json::Value, Problem> {
    let stall = stall_answer(creation.stall(&issued.stall_id).await?, &issued.stall_id)?;
    Ok(json(&stall.codes.into_iter().find(|c| c.serial == issued.serial)))
}

/// Hands out the stall's code and records it as issued. A stall that has this code gets the same again.
#[utoipa::path(post, path = "/api/v1/stalls/{stall_id}/codes",
    params(("stall_id" = String, Path), IdempotencyKey), request_body = Option<IssueIn>,
    responses(
        (status = 201, description = "The code that was handed out.", body = CodeOut),
        (status = 200, description = "The stall has this code already; nothing was changed.", body = CodeOut),
        (status = 409, description = "The stall has no account, several, or one that still waits for a second person."),
    ))]
pub(super) async fn issue_code(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    stall_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: IssueIn = from_json_or_nothing(&body)?;
    let on = input.issued_on.unwrap_or_else(today);
    if on > today() {
        return Err(Problem::invalid(
            "issued_on",
            (
                "Ngày phát mã không được sau hôm nay.",
                "A code is not handed out after today.",
            ),
        ));
    }
    once(&request, &shared, &person, &body, async |creation| {
        let new = NewCode {
            stall_id: stall_id.clone(),
            account_id: input.account_id.clone(),
        };
        let issued = creation
            .issue_codes(&[new], on, shared.account_change_wait_ms, person.at(now()))
            .await?;
        let issued = issued
            .into_iter()
            .next()
            .ok_or_else(|| Problem::missing(("Không có mã nào được phát.", "No code was handed out.")))?;
        let status = if issued.is_new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        Ok((status, code_answer(creation, &issued).await?))
    })
    .await
}

/// Ends a code: replaced, revoked or destroyed. It is no longer active on that day.
#[utoipa::path(post, path = "/api/v1/codes/{serial}/end", params(("serial" = String, Path)),
    request_body = EndCodeIn,
    responses(
        (status = 204, description = "The code has ended."),
        (status = 409, description = "The code had ended before."),
    ))]
pub(super) async fn end_code(
    person: Person,
    shared: web::Data<Shared>,
    serial: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let input: EndCodeIn = from_json(&read_body(payload).await?)?;
    let ending = CodeEnding {
        end: input.state.map_or(CodeEnd::Revoked, CodeEnd::from),
        reason: &reason(input.reason.as_deref())?,
        on: input.on.unwrap_or_else(today),
    };
    shared.store.end_code(&serial, ending, person.at(now())).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Why a code ended, in a line.
pub(super) fn reason(text: Option<&str>) -> Result<String, Problem> {
    text.map_or(Ok(String::new()), |text| words("reason", text, 200))
}

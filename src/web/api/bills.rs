//! Bills: an amount and a number give a code for one payment, and say what came of it.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::{IdempotencyKey, from_json, once, whole, whole_or_nothing};
use crate::clock::now;
use crate::ledger::BillState;
use crate::store::{BillView, NewBill};
use crate::vietqr::{BILL_NUMBER_MAX, Payload, Symbol, read};
use crate::vn::Dong;
use crate::web::body::read_body;
use crate::web::{Caller, Person, Problem, ProblemKind, Shared};

/// Minutes for which the code of a bill is shown, unless said otherwise, and at most.
pub(in crate::web) const BILL_MINUTES: i64 = 15;
const VALID_MINUTES_MAX: i64 = 1_440;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/stalls/{stall_id}/bills", web::post().to(make_bill))
        .route("/bills/{bill_id}", web::get().to(get_bill))
        .route("/bills/{bill_id}/code.svg", web::get().to(bill_svg));
}

/// A bill to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount_vnd": 26000, "bill_number": "HD0001", "valid_minutes": 15}))]
pub(super) struct BillIn {
    /// What is asked, whole đồng.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 9999999999999_i64)]
    amount_vnd: i64,
    /// 1 to 10 of A-Z and 0-9, unique at the stall; the service gives one if absent.
    #[serde(default)]
    #[schema(pattern = "^[A-Z0-9]{1,10}$")]
    bill_number: Option<String>,
    /// To which account of the stall; it may be absent where the stall has one.
    #[serde(default)]
    account_id: Option<String>,
    /// For how long the code is shown, 1 to 1440; 15 if absent.
    #[serde(default, deserialize_with = "whole_or_nothing")]
    #[schema(minimum = 1, maximum = 1440)]
    valid_minutes: Option<i64>,
}

/// A bill and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BillOut {
    bill_id: String,
    stall_id: String,
    bill_number: String,
    amount_vnd: i64,
    /// What came, less what went back.
    paid_vnd: i64,
    /// Receipts it came in.
    payments: i64,
    /// `waiting`, `expired`, `paid`, `underpaid` or `overpaid`. Money that comes after the code expired counts.
    state: &'static str,
    payload: String,
    expires_at: String,
    /// Picture of the code, while it is shown.
    svg: String,
}

fn bill_out(bill: BillView) -> BillOut {
    BillOut {
        state: bill.state(now()).as_str(),
        svg: format!("/api/v1/bills/{}/code.svg", bill.bill_id),
        bill_id: bill.bill_id,
        stall_id: bill.stall_id,
        bill_number: bill.bill_number,
        amount_vnd: bill.asked.vnd(),
        paid_vnd: bill.paid.vnd(),
        payments: bill.payments,
        payload: bill.payload,
        expires_at: bill.expires_at.iso(),
    }
}

/// Makes a bill at a stall: a dynamic VietQR code with its amount and number. The number also stands in the
/// note, after the stall code, since bank apps carry back only the note; the receipt that pays it is found by
/// it.
#[utoipa::path(post, path = "/api/v1/stalls/{stall_id}/bills",
    params(("stall_id" = String, Path), IdempotencyKey), request_body = BillIn,
    responses(
        (status = 201, description = "The bill with its code.", body = BillOut),
        (status = 409, description = "The stall has no account for it, several, or a bill of this number."),
    ))]
pub(super) async fn make_bill(
    person: Person,
    shared: web::Data<Shared>,
    request: HttpRequest,
    stall_id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    let input: BillIn = from_json(&body)?;
    once(&request, &shared, &person, &body, async |creation| {
        let amount =
            Dong::payment(input.amount_vnd).map_err(|e| Problem::invalid("amount_vnd", e.sentence()))?;
        let is_number = |number: &String| {
            (1..=BILL_NUMBER_MAX).contains(&number.len())
                && number
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        if !input.bill_number.as_ref().is_none_or(is_number) {
            let detail = (
                "Số hóa đơn cần 1 đến 10 ký tự, chỉ gồm A-Z và 0-9.",
                "A bill number has 1 to 10 characters of A-Z and 0-9.",
            );
            return Err(Problem::invalid("bill_number", detail));
        }
        let minutes = input.valid_minutes.unwrap_or(BILL_MINUTES);
        if !(1..=VALID_MINUTES_MAX).contains(&minutes) {
            return Err(Problem::invalid(
                "valid_minutes",
                (
                    "Thời hạn từ 1 đến 1440 phút.",
                    "It is valid for 1 to 1440 minutes.",
                ),
            ));
        }
        let new = NewBill {
            stall_id: stall_id.clone(),
            account_id: input.account_id.clone(),
            amount,
            bill_number: input.bill_number.clone(),
            valid_ms: minutes * 60_000,
        };
        let wait_ms = shared.account_change_wait_ms;
        let bill = creation.make_bill(&new, wait_ms, person.at(now())).await?;
        // Numbers and texts always become JSON.
        Ok((StatusCode::CREATED, serde_json::json!(bill_out(bill))))
    })
    .await
}

async fn found(shared: &Shared, bill_id: &str, caller: &Caller) -> Result<BillView, Problem> {
    let bill = shared.store.bill(bill_id).await?;
    let bill = bill.ok_or_else(|| Problem::missing(("Không có hóa đơn này.", "There is no such bill.")))?;
    // What was paid of a bill is a single receipt of a household.
    if caller.may_hear_receipts() || caller.is_person(&bill.made_by) {
        Ok(bill)
    } else {
        Err(not_your_bill())
    }
}

/// Somebody else's bill, and not a program that hears receipts.
pub(in crate::web) fn not_your_bill() -> Problem {
    let detail = (
        "Chỉ người đã tạo hóa đơn này, hoặc chương trình có mã `choso token add TÊN --may receipts`, xem được đã trả hay chưa.",
        "Only whoever made this bill, or a program with a token of `choso token add NAME --may receipts`, sees whether it was paid.",
    );
    Problem::new(ProblemKind::NotPermitted, detail)
}

/// A bill and what was paid of it by now, for whoever made it and for programs that may hear receipts.
#[utoipa::path(get, path = "/api/v1/bills/{bill_id}", params(("bill_id" = String, Path)),
    responses((status = 200, description = "The bill as it stands now.", body = BillOut)))]
pub(super) async fn get_bill(
    caller: Caller,
    shared: web::Data<Shared>,
    bill_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(bill_out(found(&shared, &bill_id, &caller).await?)))
}

/// The code of a bill as SVG, for the screen of a till. Expired or paid, it is gone, so that nobody pays twice.
#[utoipa::path(get, path = "/api/v1/bills/{bill_id}/code.svg", params(("bill_id" = String, Path)),
    responses(
        (status = 200, description = "The picture of the code.", content_type = "image/svg+xml", body = String),
        (status = 410, description = "The bill is paid, or its code has expired."),
    ))]
pub(super) async fn bill_svg(
    caller: Caller,
    shared: web::Data<Shared>,
    bill_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let bill = found(&shared, &bill_id, &caller).await?;
    let time = now();
    let payload = bill.is_payable(time).then(|| payload_of(&bill)).flatten();
    let Some(payload) = payload else {
        let detail = match bill.state(time) {
            BillState::Paid | BillState::Overpaid => (
                "Hóa đơn đã được trả. Hãy tạo hóa đơn mới.",
                "The bill is paid. Make a new one.",
            ),
            _ => (
                "Mã của hóa đơn đã hết hạn. Hãy tạo hóa đơn mới.",
                "The bill's code has expired. Make a new bill.",
            ),
        };
        return Err(Problem::new(ProblemKind::BillEnded, detail));
    };
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(Symbol::of(&payload).svg(&format!("VietQR {}", bill.bill_number))))
}

/// The payload that was kept, read and written anew: what is shown is always a right code.
fn payload_of(bill: &BillView) -> Option<Payload> {
    let reading = read(&bill.payload).ok()?;
    crate::vietqr::payload(&reading.code).ok()
}

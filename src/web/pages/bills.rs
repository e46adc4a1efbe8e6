//! A bill on the screen of a till: its code, big, and what came of it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::{self, Html};
use super::frame::{Fault, Frame, encoded};
use super::officer::Officer;
use crate::clock::now;
use crate::ledger::BillState;
use crate::store::{BillView, Creation, NewBill};
use crate::vn::{Dong, Lang};
use crate::web::api::{BILL_MINUTES, not_your_bill};
use crate::web::{Problem, Shared};

/// What the form on a stall's page sends.
#[derive(serde::Deserialize)]
pub(super) struct BillForm {
    amount: String,
    account_id: Option<String>,
}

/// `POST /stalls/{stall}/bills`
pub(super) async fn make(
    officer: Officer,
    stall: web::Path<String>,
    form: web::Form<BillForm>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    match made(&officer, &stall, form.into_inner(), &shared).await {
        Ok(bill) => answer::seen(&format!("/bills/{}", bill.bill_id)),
        Err(fault) => {
            let words = officer.visit.pick("Về trang của sạp", "Back to the stall");
            officer.answer(Err(
                fault.or_go(format!("/stalls/{}", encoded(&stall)), words.to_owned())
            ))
        }
    }
}

async fn made(officer: &Officer, stall_id: &str, form: BillForm, shared: &Shared) -> Result<BillView, Fault> {
    let amount = Dong::typed(&form.amount).map_err(|e| Problem::invalid("amount", e.sentence()))?;
    let new = NewBill {
        stall_id: stall_id.to_owned(),
        account_id: form.account_id.filter(|id| !id.is_empty()),
        amount,
        bill_number: None,
        valid_ms: BILL_MINUTES * 60_000,
    };
    let wait_ms = shared.account_change_wait_ms;
    let actor = officer.person.at(now());
    let make = async |creation: &mut Creation| creation.make_bill(&new, wait_ms, actor).await;
    Ok(shared.store.create(make).await?)
}

#[derive(Template)]
#[template(path = "bill.html")]
struct BillPage {
    frame: Frame,
    household_name: String,
    stall_code: String,
    stall_href: String,
    number: String,
    amount: String,
    /// Whether it waits: then the page loads itself again.
    is_open: bool,
    /// Where the code is, while it is shown.
    code_href: Option<String>,
    expires_at: String,
    is_good: bool,
    title: &'static str,
    sentence: String,
}

/// `GET /bills/{bill}`
pub(super) async fn show(officer: Officer, id: web::Path<String>, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(drawn(&officer, &id, &shared).await)
}

async fn drawn(officer: &Officer, id: &str, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let time = now();
    let missing = || {
        let sentence = ("Không có hóa đơn này.", "There is no such bill.");
        Fault::from(Problem::missing(sentence))
    };
    let bill = shared.store.bill(id).await?.ok_or_else(missing)?;
    if bill.made_by != officer.person.name {
        return Err(not_your_bill().into());
    }
    let stall = shared.store.stall(&bill.stall_id).await?.ok_or_else(missing)?;
    let state = bill.state(time);
    let is_shown = bill.is_payable(time);
    let (title, sentence) = words(&bill, state, visit.lang);
    let title_of_page = format!("{} {}", visit.pick("Hóa đơn", "Bill"), bill.bill_number);
    Html::with_status(
        StatusCode::OK,
        &BillPage {
            frame: officer.frame(title_of_page),
            household_name: stall.household_name,
            stall_code: stall.stall_code,
            stall_href: format!("/stalls/{}", encoded(&bill.stall_id)),
            amount: bill.asked.show(visit.lang),
            // Money that comes late still counts, for as long as somebody looks.
            is_open: matches!(
                state,
                BillState::Waiting | BillState::Underpaid | BillState::Expired
            ),
            code_href: is_shown.then(|| format!("/api/v1/bills/{}/code.svg", encoded(id))),
            expires_at: bill.expires_at.show(),
            is_good: state == BillState::Paid,
            title,
            sentence,
            number: bill.bill_number,
        },
    )
}

/// What is said of a bill: a few words, and a sentence with the next step.
fn words(bill: &BillView, state: BillState, lang: Lang) -> (&'static str, String) {
    let came = bill.paid.show(lang);
    let gap = Dong::new((bill.asked.vnd() - bill.paid.vnd()).abs()).show(lang);
    let (title, vi, en) = match state {
        BillState::Paid => (
            lang.pick("ĐÃ NHẬN ĐỦ", "PAID"),
            format!("Đã nhận {came}."),
            format!("{came} received."),
        ),
        BillState::Underpaid => (
            lang.pick("THIẾU TIỀN", "UNDER PAID"),
            format!("Chỉ nhận {came}, còn thiếu {gap}. Hãy đề nghị khách chuyển thêm."),
            format!("Only {came} came, {gap} is missing. Ask the customer to pay the rest."),
        ),
        BillState::Overpaid => (
            lang.pick("THỪA TIỀN", "OVER PAID"),
            format!("Đã nhận {came}, thừa {gap}. Đừng tự chuyển trả: hãy đề nghị khách nhờ ngân hàng tra soát."),
            format!("{came} came, {gap} too much. Do not pay it back by yourself: the customer asks the bank."),
        ),
        BillState::Expired => (
            lang.pick("MÃ HẾT HẠN", "EXPIRED"),
            "Chưa thấy tiền và mã đã hết hạn. Hãy tạo mã mới; tiền đến muộn vẫn được tính.".to_owned(),
            "No money came in time. Make a new code; money that comes late still counts.".to_owned(),
        ),
        BillState::Waiting => (
            lang.pick("CHƯA THẤY TIỀN", "NOT RECEIVED YET"),
            "Đưa mã này cho khách quét. Trang tự cập nhật; chỉ giao hàng khi trang báo đã nhận đủ.".to_owned(),
            "Let the customer scan this code. The page updates itself; hand over the goods when it says paid."
                .to_owned(),
        ),
    };
    (title, lang.pick(&vi, &en).to_owned())
}

//! One notice that waits: what was sent, what lies beside it, and what a person makes of it.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::accounts::{bank_choices, draft};
use super::answer::{self, Html};
use super::frame::{Fault, Frame, encoded};
use super::officer::Officer;
use super::question::{Question, is_sure};
use super::review::{payee_words, reason_words};
use super::words;
use crate::clock::now;
use crate::ledger::{LedgerNo, Reason};
use crate::reconcile::{Act, Subject};
use crate::register::StallCode;
use crate::store::{Creation, EventBeside, Missing, NewPosting, Posting, StoreError, WaitingWhole};
use crate::vn::{Lang, TimeMs};
use crate::web::{Problem, Shared};

#[derive(Template)]
#[template(path = "review_notice.html")]
struct NoticePage {
    frame: Frame,
    here: String,
    amount: String,
    sentence: &'static str,
    facts: Vec<(&'static str, String)>,
    beside: Vec<BesideRow>,
    can_post: bool,
    can_dismiss: bool,
    has_account: bool,
    account: String,
    day: String,
    stall_code: String,
    /// Stalls of its account: id, code, household, and whether its note names it.
    stalls: Vec<(String, String, String, bool)>,
    /// Other payments that wait for the same account.
    others: usize,
    /// Banks to choose from, where the notice names none.
    banks: Vec<(String, String)>,
    acts: Vec<(String, String, String)>,
}

struct BesideRow {
    what: &'static str,
    at: String,
    amount: String,
}

fn gone() -> Problem {
    let sentence = (
        "Thông báo này không còn chờ xem xét. Hãy mở lại danh sách.",
        "This notice no longer waits for review. Load the list again.",
    );
    Problem::missing(sentence)
}

async fn found(shared: &Shared, notice: &str) -> Result<WaitingWhole, Fault> {
    let no = LedgerNo::parse(notice).ok_or_else(gone)?;
    Ok(shared.store.waiting_notice(no).await?.ok_or_else(gone)?)
}

fn to_list(officer: &Officer, fault: Fault) -> Fault {
    let words = officer.visit.pick("Về danh sách chờ xem xét", "Back to the list");
    fault.or_go("/review".to_owned(), words.to_owned())
}

/// `GET /review/{notice}`
pub(super) async fn show(
    officer: Officer,
    notice: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let page = drawn(&officer, &notice, &shared).await;
    officer.answer(page.map_err(|fault| to_list(&officer, fault)))
}

async fn drawn(officer: &Officer, notice: &str, shared: &Shared) -> Result<Html, Fault> {
    let lang = officer.visit.lang;
    let store = &shared.store;
    let notice = found(shared, notice).await?;
    let banks = shared.banks.banks();
    let beside = store.events_beside(&notice).await?;
    let acts = store
        .acts_of(&notice.provider_id, Subject::Entry(notice.no.get()))
        .await?;
    let payee = notice.payee.as_ref();
    let stall_code = payee.map_or(String::new(), |payee| payee.stall_code.clone());
    let stalls = store.stalls_of_waiting(&notice).await?;
    let is_only = stalls.len() == 1;
    let stalls = stalls
        .into_iter()
        .map(|(id, code, household)| {
            let is_named = is_only || code == stall_code;
            (id, code, household, is_named)
        })
        .collect();
    let can_post = notice.is_postable();
    let names_no_bank = payee.is_some_and(|payee| payee.bank_bin.is_empty());
    Html::of(&NoticePage {
        frame: officer.frame(lang.pick("Chờ xem xét", "Needs review")),
        here: format!("/review/{}", notice.no),
        amount: notice.amount.show(lang),
        sentence: reason_words(&notice.reason, lang),
        facts: facts(&notice, &banks, lang),
        beside: beside.into_iter().map(|entry| beside_row(entry, lang)).collect(),
        can_dismiss: notice.reason != Reason::RefundBeforePayment.as_str(),
        has_account: payee.is_some_and(|payee| payee.account.is_some()),
        account: payee
            .and_then(|payee| payee_words(payee, &banks))
            .unwrap_or_default(),
        day: notice.day().show(),
        others: if can_post {
            store.waiting_for_account(&notice).await?.len()
        } else {
            0
        },
        banks: if names_no_bank {
            bank_choices(&banks)
        } else {
            Vec::new()
        },
        acts: acts.iter().map(|act| act_row(act, lang)).collect(),
        stall_code,
        stalls,
        can_post,
    })
}

fn facts(notice: &WaitingWhole, banks: &crate::vietqr::Banks, lang: Lang) -> Vec<(&'static str, String)> {
    let payee = notice.payee.as_ref();
    let unknown = || {
        lang.pick("thông báo không nêu", "the notice names none")
            .to_owned()
    };
    let mut facts = vec![
        (
            lang.pick("Vào tài khoản", "To account"),
            payee
                .and_then(|payee| payee_words(payee, banks))
                .unwrap_or_else(unknown),
        ),
        (
            lang.pick("Loại", "Kind"),
            words::notice(lang, &notice.kind).to_owned(),
        ),
        (lang.pick("Nhà cung cấp", "Provider"), notice.provider_id.clone()),
        (
            lang.pick("Mã giao dịch", "Transaction"),
            notice.provider_txn_id.clone(),
        ),
        (lang.pick("Nhận lúc", "Received"), notice.received_at.show()),
    ];
    if let Some(payee) = payee {
        let more = [
            (
                lang.pick("Trả lúc", "Paid"),
                payee.occurred_at.map(TimeMs::show).unwrap_or_default(),
            ),
            (
                lang.pick("Mã sạp trong nội dung", "Stall code in the note"),
                payee.stall_code.clone(),
            ),
            (lang.pick("Điểm thu", "Terminal"), payee.terminal.clone()),
        ];
        facts.extend(more.into_iter().filter(|(_, text)| !text.is_empty()));
    }
    facts
}

fn beside_row(entry: EventBeside, lang: Lang) -> BesideRow {
    BesideRow {
        what: match entry.state.as_str() {
            "posted" => lang.pick("Đã ghi nhận", "Posted"),
            "ignored" => lang.pick("Đã bỏ qua", "Set aside"),
            _ => lang.pick("Chờ xem xét", "Needs review"),
        },
        at: entry.received_at.show(),
        amount: entry.amount.show(lang),
    }
}

fn act_row(act: &Act, lang: Lang) -> (String, String, String) {
    let (vi, en) = act.what.name();
    let detail: serde_json::Value = serde_json::from_str(&act.detail).unwrap_or_default();
    let said = detail.get("reason").and_then(|v| v.as_str()).unwrap_or_default();
    (
        act.at.show(),
        format!("{} · {}", act.by, lang.pick(vi, en)),
        said.to_owned(),
    )
}

/// What the forms of the page send.
#[derive(serde::Deserialize)]
pub(super) struct ReviewForm {
    /// A stall of its account, by its id.
    stall: Option<String>,
    /// Any stall, by its code.
    stall_code: Option<String>,
    reason: Option<String>,
    /// `1`: the other payments of the same account, too.
    all: Option<String>,
    bank: Option<String>,
    holder: Option<String>,
    relation: Option<String>,
    sure: Option<String>,
}

/// What came of a form.
enum Done {
    Seen(String),
    Question(Box<Question>),
}

/// `POST /review/{notice}/{act}`: posts it to a stall, adds its account to a stall, or sets it aside.
pub(super) async fn act(
    officer: Officer,
    path: web::Path<(String, String)>,
    form: web::Form<ReviewForm>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let (notice, act) = path.into_inner();
    match acted(&officer, (notice.as_str(), act.as_str()), &form, &shared).await {
        Ok(Done::Seen(href)) => answer::seen(&href),
        Ok(Done::Question(question)) => {
            let frame = officer.frame(question.title.clone());
            officer.answer(question.page(frame))
        }
        Err(fault) => {
            let words = officer.visit.pick("Quay lại thông báo này", "Back to the notice");
            officer.answer(Err(
                fault.or_go(format!("/review/{}", encoded(&notice)), words.to_owned())
            ))
        }
    }
}

async fn acted(
    officer: &Officer,
    (notice, act): (&str, &str),
    form: &ReviewForm,
    shared: &Shared,
) -> Result<Done, Fault> {
    let notice = found(shared, notice).await?;
    match act {
        "post" => post(officer, &notice, form, shared).await,
        "account" => account(officer, &notice, form, shared).await,
        "dismiss" => dismiss(officer, &notice, form, shared).await,
        _ => Err(Problem::missing(("Không có việc này.", "There is no such action.")).into()),
    }
}

/// The stall that was chosen or typed.
async fn stall_of(form: &ReviewForm, shared: &Shared) -> Result<String, Fault> {
    let typed = form
        .stall_code
        .as_deref()
        .unwrap_or_default()
        .trim()
        .to_uppercase();
    if typed.is_empty() {
        let none = || {
            let detail = (
                "Hãy chọn sạp, hoặc ghi mã sạp.",
                "Choose the stall, or write its code.",
            );
            Problem::invalid("stall_code", detail)
        };
        return Ok(form.stall.clone().filter(|id| !id.is_empty()).ok_or_else(none)?);
    }
    let wrong = || {
        let detail = (
            "Mã sạp chưa đúng: 8 ký tự, in trên thẻ và trên trang của sạp.",
            "This is no stall code: 8 characters, on the card and on the stall's page.",
        );
        Problem::invalid("stall_code", detail)
    };
    let code = StallCode::parse(&typed).map_err(|_| wrong())?;
    let stall = shared.store.stall_of_code(code.as_str()).await?;
    Ok(stall.ok_or(Missing::Stall { stall_id: typed })?)
}

async fn post(
    officer: &Officer,
    notice: &WaitingWhole,
    form: &ReviewForm,
    shared: &Shared,
) -> Result<Done, Fault> {
    let visit = &officer.visit;
    let store = &shared.store;
    let stall_id = stall_of(form, shared).await?;
    let others = match form.all.as_deref() {
        Some("1") => store.waiting_for_account(notice).await?,
        _ => Vec::new(),
    };
    if !is_sure(form.sure.as_deref()) {
        let missing = || Missing::Stall {
            stall_id: stall_id.clone(),
        };
        let stall = store.stall(&stall_id).await?.ok_or_else(missing)?;
        let count = words::number(visit.lang, others.len() as i64 + 1);
        let amount = notice.amount.show(visit.lang);
        let (title, about) = match visit.lang {
            Lang::Vi => (
                format!("Ghi nhận cho {} ({})?", stall.household_name, stall.stall_code),
                format!("{count} khoản; khoản này {amount}."),
            ),
            Lang::En => (
                format!("Post to {} ({})?", stall.household_name, stall.stall_code),
                format!("{count} in all; this one is {amount}."),
            ),
        };
        let lines = [
            about.as_str(),
            visit.pick(
                "Tiền được tính cho hộ vào ngày nhận, và chủ hộ thấy trong danh sách của mình. Không đọc loa.",
                "It counts as the household's money of its day, and the owner sees it in the own list. It is announced to nobody.",
            ),
            visit.pick(
                "Tên bạn và lý do được giữ trong nhật ký. Không có nút bỏ ghi nhận.",
                "Your name and reason are kept in the trail. There is no button that takes it back.",
            ),
        ];
        let yes = visit.pick("Ghi nhận", "Post");
        let here = format!("/review/{}", notice.no);
        let question = Question::new(&title, &lines, yes, format!("{here}/post"), here)
            .with("stall", &stall_id)
            .with("reason", form.reason.as_deref().unwrap_or_default())
            .with("all", form.all.as_deref().unwrap_or_default());
        return Ok(Done::Question(Box::new(question)));
    }
    let reason = form.reason.as_deref().unwrap_or_default();
    let one = |no| NewPosting {
        no,
        stall_id: &stall_id,
        reason,
        second_person_above_vnd: shared.second_person_above_vnd,
    };
    let actor = officer.person.at(now());
    let first = store.post_waiting(one(notice.no), actor).await?;
    let mut posted = usize::from(first == Posting::Posted);
    for no in others {
        match store.post_waiting(one(no), actor).await {
            Ok(Posting::Posted) => posted += 1,
            // Somebody else was quicker, or it was another day: it waits on, and the list shows it.
            Ok(Posting::Waits) | Err(StoreError::Conflict(_) | StoreError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Done::Seen(match first {
        Posting::Posted => format!("/review?done=posted&n={posted}"),
        Posting::Waits => format!("/review/{}?done=posting-waits", notice.no),
    }))
}

async fn account(
    officer: &Officer,
    notice: &WaitingWhole,
    form: &ReviewForm,
    shared: &Shared,
) -> Result<Done, Fault> {
    let payee = notice.payee.as_ref();
    let number = payee.and_then(|payee| payee.account.clone());
    let Some((payee, number)) = payee.zip(number) else {
        let detail = (
            "Thông báo này không nêu tài khoản.",
            "This notice names no account.",
        );
        return Err(Problem::conflict(detail).into());
    };
    let stall_id = stall_of(form, shared).await?;
    let typed = form.bank.as_deref().unwrap_or_default();
    let bank = if payee.bank_bin.is_empty() {
        typed
    } else {
        &payee.bank_bin
    };
    let holder = (
        form.holder.as_deref().unwrap_or_default(),
        form.relation.as_deref().unwrap_or_default(),
    );
    let account = draft(bank, number, holder, &shared.banks.banks())?;
    let actor = officer.person.at(now());
    let day = notice.day();
    let link = async |creation: &mut Creation| creation.link_account(&stall_id, &account, day, actor).await;
    shared.store.create(link).await?;
    Ok(Done::Seen(format!("/review/{}?done=account-added", notice.no)))
}

async fn dismiss(
    officer: &Officer,
    notice: &WaitingWhole,
    form: &ReviewForm,
    shared: &Shared,
) -> Result<Done, Fault> {
    let visit = &officer.visit;
    let reason = form.reason.as_deref().unwrap_or_default();
    if !is_sure(form.sure.as_deref()) {
        let amount = notice.amount.show(visit.lang);
        let about = match visit.lang {
            Lang::Vi => format!("Một thông báo, {amount}."),
            Lang::En => format!("One notice, {amount}."),
        };
        let lines = [
            about.as_str(),
            visit.pick(
                "Nó không được tính là tiền nhận của ai. Vẫn được lưu cùng tên bạn và lý do; không lấy lại được.",
                "It counts as nobody's money. It stays on file with your name and reason; this cannot be taken back.",
            ),
        ];
        let title = visit.pick("Bỏ qua thông báo này?", "Set this notice aside?");
        let yes = visit.pick("Bỏ qua", "Set aside");
        let here = format!("/review/{}", notice.no);
        let question =
            Question::new(title, &lines, yes, format!("{here}/dismiss"), here).with("reason", reason);
        return Ok(Done::Question(Box::new(question.danger())));
    }
    let actor = officer.person.at(now());
    shared.store.dismiss_waiting(notice.no, reason, actor).await?;
    Ok(Done::Seen("/review?done=notice-dismissed".to_owned()))
}

//! Notices that wait for a person.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::Html;
use super::frame::{Fault, Frame, encoded};
use super::officer::Officer;
use super::words;
use crate::ledger::Reason;
use crate::store::{WaitingNotice, WaitingPayee};
use crate::vietqr::Banks;
use crate::vn::{Dong, Lang, TimeMs};
use crate::web::Shared;

/// Notices on one page.
const PAGE_ROWS: usize = 50;

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    frame: Frame,
    total: String,
    amount: String,
    rows: Vec<NoticeRow>,
    is_first: bool,
    more_href: Option<String>,
}

struct NoticeRow {
    sentence: &'static str,
    kind: &'static str,
    provider: String,
    event: String,
    /// Bank and masked account that it names, where it does.
    account: Option<String>,
    stall_code: Option<String>,
    amount: String,
    time: String,
    href: String,
}

/// `GET /review`
pub(super) async fn review(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(show(&officer, &shared).await)
}

async fn show(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let after = visit.asked("after");
    let totals = shared.store.intake_totals().await?;
    // One more than fits tells whether there is a next page.
    let mut notices = shared.store.waiting_notices(after, PAGE_ROWS as i64 + 1).await?;
    let has_more = notices.len() > PAGE_ROWS;
    notices.truncate(PAGE_ROWS);
    let more_href = notices
        .last()
        .filter(|_| has_more)
        .map(|last| format!("/review?after={}", encoded(&last.cursor.to_string())));
    let nos: Vec<_> = notices.iter().map(|notice| notice.cursor).collect();
    let mut payees = shared.store.waiting_payees(&nos).await?;
    let banks = shared.banks.banks();
    Html::of(&ReviewPage {
        frame: officer.frame(lang.pick("Chờ xem xét", "Needs review")),
        total: words::number(lang, totals.quarantined.count),
        amount: Dong::new(totals.quarantined.amount_vnd).show(lang),
        is_first: after.is_none(),
        rows: notices
            .into_iter()
            .map(|n| {
                let payee = payees.remove(&n.cursor);
                row(n, payee, &banks, lang)
            })
            .collect(),
        more_href,
    })
}

/// Why it waits and what to do.
pub(super) fn reason_words(reason: &str, lang: Lang) -> &'static str {
    let reason = Reason::ALL.into_iter().find(|r| r.as_str() == reason);
    let (vi, en) = reason.map_or(
        (
            "Chưa rõ lý do. Hãy báo quản trị viên.",
            "No reason is known. Tell the administrator.",
        ),
        Reason::sentence,
    );
    lang.pick(vi, en)
}

/// `Vietcombank •••• 1234`, where an account is named.
pub(super) fn payee_words(payee: &WaitingPayee, banks: &Banks) -> Option<String> {
    let account = payee.account.as_ref()?;
    Some(
        format!("{} {account}", banks.name(&payee.bank_bin))
            .trim()
            .to_owned(),
    )
}

fn row(notice: WaitingNotice, payee: Option<WaitingPayee>, banks: &Banks, lang: Lang) -> NoticeRow {
    let stall_code = payee.as_ref().map(|payee| payee.stall_code.clone());
    NoticeRow {
        sentence: reason_words(&notice.reason, lang),
        account: payee.as_ref().and_then(|payee| payee_words(payee, banks)),
        stall_code: stall_code.filter(|code| !code.is_empty()),
        href: format!("/review/{}", notice.cursor),
        kind: words::notice(lang, &notice.kind),
        provider: notice.provider_id,
        event: notice.event_id,
        amount: Dong::new(notice.amount_vnd).show(lang),
        time: TimeMs(notice.received_at_ms).show(),
    }
}

//! One exception, with both sides beside each other, and what people do about it.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::common::{Fields, Said, age, case_href, decision_of, followed, in_turn, mark, name, new_decision};
use crate::clock::now;
use crate::reconcile::{Act, ActKind, DecisionState, FindingKind, REASON_CHARS, Subject};
use crate::settlement::ExceptionView;
use crate::statement::{RowKind, RowStatus};
use crate::store::{Actor, Answer, DecisionView, EntryDetail, RowDetail};
use crate::vn::{Day, Dong, Lang, TimeMs};
use crate::web::pages::answer::{Html, seen};
use crate::web::pages::frame::{Fault, Frame, encoded};
use crate::web::pages::officer::Officer;
use crate::web::{Problem, Shared};

/// A look counts for so long: within it the same person's next look at the same is no other one, and what was opened
/// with a reason stays open.
const LOOK_MS: i64 = 15 * 60_000;
/// Characters of a comment.
const COMMENT_CHARS_MAX: usize = 2_000;

#[derive(Template)]
#[template(path = "exception.html")]
struct CasePage {
    frame: Frame,
    provider: String,
    subject: String,
    day: String,
    day_shown: String,
    back_href: String,
    name: String,
    sentence: String,
    age: String,
    assignee: Option<String>,
    row: Option<RowView>,
    tied: Vec<EntryView>,
    candidates: Vec<EntryView>,
    /// Whether the household has other receipts of these days, which are shown for a reason only.
    has_others: bool,
    marks: Vec<MarkView>,
    may_decide: bool,
    /// Whether the row may be posted as a payment of its own.
    may_post: bool,
    is_entry: bool,
    acts: Vec<(String, String, String)>,
}

struct RowView {
    facts: Vec<(&'static str, String)>,
    amount: String,
    amount_vnd: i64,
}

struct EntryView {
    no: i64,
    amount: String,
    amount_vnd: i64,
    left: Option<String>,
    facts: String,
}

struct MarkView {
    decision_no: i64,
    text: String,
    reason: String,
    is_standing: bool,
    is_waiting: bool,
    may_answer: bool,
}

/// `GET /reconcile/case`: one exception, both sides beside each other.
pub(super) async fn show(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    officer.answer(view_of(&officer, &shared).await)
}

async fn view_of(officer: &Officer, shared: &Shared) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let missing = || {
        let sentence = (
            "Không có mục này, hoặc nó đã khớp và không còn gì để xem.",
            "There is no such exception, or it has matched and nothing is left to look at.",
        );
        Problem::missing(sentence)
    };
    let provider = visit.asked("provider").ok_or_else(missing)?.to_owned();
    let subject = visit
        .asked("subject")
        .and_then(Subject::parse)
        .ok_or_else(missing)?;
    let day = visit.day("day", Day::of(now()))?;
    let store = &shared.store;
    let time = now();
    let row = match subject {
        Subject::Row(no) => Some(store.statement_row(&provider, no).await?.ok_or_else(missing)?),
        _ => None,
    };
    // A row knows its own day, whatever the address says.
    let day = row.as_ref().map_or(day, |row| row.day);
    let reconciler = shared.reconciler();
    let ExceptionView {
        exception,
        tied,
        candidates,
        candidates_of_household,
        decisions,
    } = in_turn(shared, reconciler.exception_view(&provider, day, subject)).await?;
    let tied = store.entries(&provider, &tied).await?;
    // Only what people have to do with: else every receipt could be read here by its number.
    if exception.is_none() && decisions.is_empty() || row.is_none() && tied.is_empty() {
        return Err(missing().into());
    }
    let is_decided = decisions
        .iter()
        .any(|d| matches!(d.state, DecisionState::Waiting | DecisionState::Standing));
    let mut acts = store.acts_of(&provider, subject).await?;
    let me = officer.person.name.as_str();
    let is_fresh = |act: &&Act| act.what == ActKind::Look && act.by == me && act.at.0 > time.0 - LOOK_MS;
    let opened = visit.asked("look").and_then(|no| no.parse::<i64>().ok());
    let is_open = |act: &&Act| Some(act.act_no) == opened && !reason_of(act).is_empty();
    let is_opened = acts.iter().filter(is_fresh).any(|act| is_open(&act));
    let has_others = candidates_of_household.len() > candidates.len() && !is_opened && !is_decided;
    // What is decided needs no candidates.
    let candidates = match (is_decided, is_opened) {
        (true, _) => Vec::new(),
        (false, true) => candidates_of_household,
        (false, false) => candidates,
    };
    let seen: Vec<i64> = tied
        .iter()
        .map(|entry| entry.entry_no)
        .chain(candidates.iter().copied())
        .collect();
    if !seen.is_empty() && !acts.iter().any(|act| is_fresh(&act)) {
        let actor = officer.person.at(time);
        store.keep_look(&provider, subject, (&seen, ""), actor).await?;
        acts = store.acts_of(&provider, subject).await?;
    }
    let mut beside = store.entries(&provider, &candidates).await?;
    beside.sort_by_key(|entry| candidates.iter().position(|no| *no == entry.entry_no));
    let assignee = store.assignments(&provider).await?.remove(&subject);
    let kind = exception.map(|e| e.kind);
    let (vi, en) = kind.map_or(("Đã xử lý", "Resolved"), FindingKind::name);
    Html::of(&CasePage {
        frame: officer.frame(lang.pick(vi, en)),
        back_href: format!(
            "/reconcile/exceptions?provider={}&from={day}&to={day}",
            encoded(&provider)
        ),
        name: lang.pick(vi, en).to_owned(),
        sentence: match exception {
            Some(e) => e.kind.sentence(&e.facts, lang),
            None => visit
                .pick(
                    "Mục này không còn là ngoại lệ. Quyết định của người có thể hoàn tác bên dưới.",
                    "This is no exception any more. What a person decided can be undone below.",
                )
                .to_owned(),
        },
        age: age(shared.calendar.working_days(day, Day::of(time)), lang),
        assignee,
        row: row.map(|row| row_view(row, lang)),
        tied: tied.into_iter().map(|entry| entry_view(entry, lang)).collect(),
        candidates: beside.into_iter().map(|entry| entry_view(entry, lang)).collect(),
        has_others,
        marks: decisions
            .iter()
            .rev()
            .map(|d| mark_view(d, &officer.person.name, lang))
            .collect(),
        may_decide: exception.is_some_and(|e| e.kind != FindingKind::DuplicateNotice || e.row_no.is_some())
            && !is_decided
            && kind.is_some_and(|kind| {
                matches!(subject, Subject::Row(_)) || kind == FindingKind::MissingInStatement
            }),
        may_post: kind == Some(FindingKind::Ambiguous) && matches!(subject, Subject::Row(_)),
        is_entry: matches!(subject, Subject::Entry(_)),
        acts: acts.iter().map(|act| act_view(act, lang)).collect(),
        provider,
        subject: subject.to_string(),
        day: day.to_string(),
        day_shown: day.show(),
    })
}

fn row_view(row: RowDetail, lang: Lang) -> RowView {
    let pick = |vi: &'static str, en: &'static str| lang.pick(vi, en);
    let mut facts = vec![
        (
            pick("Tệp", "File"),
            format!("{}, {} {}", row.file, pick("dòng", "row"), row.row_number),
        ),
        (
            pick("Ngày", "Day"),
            row.occurred_at.map_or_else(|| row.day.show(), TimeMs::show),
        ),
        (pick("Loại", "Kind"), row_kind(row.kind, row.status, lang)),
    ];
    let mut add = |name: &'static str, text: String| {
        if !text.is_empty() {
            facts.push((name, text));
        }
    };
    add(pick("Mã giao dịch", "Transaction"), row.provider_txn_id);
    add(pick("Tham chiếu ngân hàng", "Bank reference"), row.bank_ref);
    add(pick("Mã giao dịch gốc", "Original transaction"), row.refund_of);
    add(
        pick("Tài khoản nhận", "Payee account"),
        row.account.map(|a| a.to_string()).unwrap_or_default(),
    );
    add(pick("Điểm thu", "Terminal"), row.terminal);
    add(
        pick("Mã sạp trong nội dung", "Stall code in the note"),
        row.stall_code,
    );
    add(
        pick("Ngày trả về", "Paid out on"),
        row.settled_on.map(Day::show).unwrap_or_default(),
    );
    for (name, vnd) in [
        pick("Phí", "Fee"),
        pick("Thuế của phí", "Tax on the fee"),
        pick("Giảm giá", "Discount"),
    ]
    .into_iter()
    .zip(row.charges_vnd)
    {
        if vnd != 0 {
            add(name, Dong::new(vnd).show(lang));
        }
    }
    RowView {
        facts,
        amount: Dong::new(row.amount_vnd).show(lang),
        amount_vnd: row.amount_vnd,
    }
}

fn row_kind(kind: RowKind, status: RowStatus, lang: Lang) -> String {
    let kind = match kind {
        RowKind::Payment => lang.pick("tiền vào", "money in"),
        RowKind::Refund => lang.pick("hoàn tiền", "refund"),
        RowKind::Outgoing => lang.pick("tiền ra", "money out"),
        RowKind::Fee => lang.pick("dòng phí", "charge"),
    };
    let status = match status {
        RowStatus::Settled => return kind.to_owned(),
        RowStatus::Pending => lang.pick("chưa xong", "pending"),
        RowStatus::Failed => lang.pick("không thành công", "failed"),
    };
    format!("{kind}, {status}")
}

fn entry_view(entry: EntryDetail, lang: Lang) -> EntryView {
    let left_vnd = entry.amount_vnd - entry.refunded_vnd + entry.corrected_vnd;
    let stall = if entry.stall_code.is_empty() {
        lang.pick("không rõ sạp", "no stall known").to_owned()
    } else {
        entry.stall_code
    };
    let time = entry.occurred_at.unwrap_or(entry.received_at).show();
    let origin = if entry.is_from_statement {
        lang.pick(" · ghi nhận theo sao kê", " · posted from a statement")
    } else {
        ""
    };
    EntryView {
        no: entry.entry_no,
        amount: Dong::new(entry.amount_vnd).show(lang),
        amount_vnd: entry.amount_vnd,
        left: (left_vnd != entry.amount_vnd).then(|| Dong::new(left_vnd).show(lang)),
        facts: format!("{} · {stall} · {time}{origin}", entry.provider_txn_id),
    }
}

fn mark_view(decision: &DecisionView, me: &str, lang: Lang) -> MarkView {
    let is_waiting = decision.state == DecisionState::Waiting;
    MarkView {
        decision_no: decision.decision_no,
        text: format!("{} · {}", mark(decision, lang), decision.decided_at.show()),
        reason: decision.reason.clone(),
        is_standing: decision.state == DecisionState::Standing,
        is_waiting,
        may_answer: is_waiting && decision.decided_by != me,
    }
}

/// When, who did what, and what was said.
fn act_view(act: &Act, lang: Lang) -> (String, String, String) {
    let (vi, en) = act.what.name();
    let said = match act.what {
        ActKind::Comment => text_of(act, "text"),
        ActKind::Assign => text_of(act, "to"),
        _ => reason_of(act),
    };
    (act.at.show(), format!("{} · {}", act.by, lang.pick(vi, en)), said)
}

fn reason_of(act: &Act) -> String {
    text_of(act, "reason")
}

fn text_of(act: &Act, name: &str) -> String {
    let detail: serde_json::Value = serde_json::from_str(&act.detail).unwrap_or_default();
    let text = detail.get(name).and_then(|v| v.as_str());
    text.unwrap_or_default().to_owned()
}

/// `POST /reconcile/case/{act}`: decides, answers a decision, comments, gives to somebody, or opens the household's other
/// receipts; then the page again.
pub(super) async fn act(
    officer: Officer,
    act: web::Path<String>,
    fields: web::Form<Vec<(String, String)>>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let fields = Fields(fields.into_inner());
    let back = fields
        .subject()
        .map(|(subject, day)| case_href(fields.one("provider"), subject, day))
        .unwrap_or_else(|_| "/reconcile".to_owned());
    match acted(&officer, &act, &fields, &shared).await {
        Ok(None) => seen(&back),
        Ok(Some(look_no)) => seen(&format!("{back}&look={look_no}#decide")),
        Err(fault) => {
            let words = officer.visit.pick("Quay lại mục này", "Back to it").to_owned();
            officer.answer(Err(fault.or_go(back, words)))
        }
    }
}

/// Does it; of a look its number.
async fn acted(officer: &Officer, act: &str, fields: &Fields, shared: &Shared) -> Result<Option<i64>, Fault> {
    let (subject, day) = fields.subject()?;
    let provider = fields.one("provider");
    let store = &shared.store;
    let by = officer.person.name.as_str();
    let actor = Actor { by, now: now() };
    match act {
        "comment" => {
            let text = fields.one("text");
            if text.is_empty() || text.chars().count() > COMMENT_CHARS_MAX {
                let detail = (
                    "Hãy viết ghi chú, nhiều nhất 2.000 ký tự.",
                    "Write a comment of at most 2,000 characters.",
                );
                return Err(Problem::invalid("text", detail).into());
            }
            store.comment(provider, subject, text, actor).await?;
        }
        "assign" => store.assign(provider, &[subject], name(fields)?, actor).await?,
        "look" => {
            return look(shared, provider, (subject, day), fields.one("reason"), actor)
                .await
                .map(Some);
        }
        "decide" => {
            let decision = decision_of(fields.one("decision"))?;
            let receipt_nos: Vec<i64> = fields.all("receipt").filter_map(|no| no.parse().ok()).collect();
            let said = Said {
                subject,
                decision,
                receipt_nos,
                reason: fields.one("reason"),
            };
            let new = new_decision(officer, shared, provider, said);
            let view = store.decide(&new, actor.now).await?;
            followed(
                shared,
                provider,
                (day.min(view.business_day), day.max(view.business_day)),
            )
            .await?;
        }
        "answer" => {
            let answer = match fields.one("answer") {
                "approve" => Answer::Approve,
                "refuse" => Answer::Refuse,
                "undo" => Answer::Undo,
                _ => {
                    let detail = (
                        "Hãy chọn đồng ý, không đồng ý hoặc hoàn tác.",
                        "Choose to approve, refuse or undo.",
                    );
                    return Err(Problem::invalid("answer", detail).into());
                }
            };
            let decision_no = fields.one("decision_no").parse().unwrap_or_default();
            let view = store
                .answer_decision(decision_no, answer, fields.one("reason"), actor)
                .await?;
            followed(shared, &view.provider_id, (view.business_day, view.business_day)).await?;
        }
        _ => return Err(Problem::missing(("Không có việc này.", "There is no such action.")).into()),
    }
    Ok(None)
}

/// Opens the household's other receipts of these days, for a reason that is kept with what was seen.
async fn look(
    shared: &Shared,
    provider: &str,
    (subject, day): (Subject, Day),
    reason: &str,
    actor: Actor<'_>,
) -> Result<i64, Fault> {
    if !REASON_CHARS.contains(&reason.chars().count()) {
        let detail = (
            "Hãy ghi vì sao cần xem các khoản khác của hộ, từ 3 đến 500 ký tự.",
            "Say why the household's other receipts are needed, 3 to 500 characters.",
        );
        return Err(Problem::invalid("reason", detail).into());
    }
    let reconciler = shared.reconciler();
    let looked = in_turn(shared, reconciler.exception_view(provider, day, subject)).await?;
    let seen = looked.candidates_of_household;
    Ok(shared
        .store
        .keep_look(provider, subject, (&seen, reason), actor)
        .await?)
}

//! What the page of a statement shows.

use askama::Template;
use serde::Serialize;

use super::uploads::{End, Outcome, Plan, Stage, State, Upload, Way, href};
use crate::reconcile::{Bucket, FindingKind, Tally};
use crate::settlement::Progress;
use crate::statement::{
    Column, DayOrder, Event, FileFacts, Proposal, Question, RowKind, RowStatus, Source, StatementRow,
    WordMeaning,
};
use crate::vn::{Day, Dong, Lang, Sentence};
use crate::web::pages::frame::{Frame, encoded};
use crate::web::pages::officer::Officer;
use crate::web::pages::words;
use crate::words::by_whom;

/// Characters of a note that the page shows.
const NOTE_SHOWN: usize = 60;
/// Days that the page of comparisons takes at once.
const DAYS_AT_ONCE: i64 = 31;
/// Links to days that a result shows: a year.
const LINKS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "statement.html")]
pub(super) struct StatementPage {
    frame: Frame,
    name: String,
    about: String,
    href: String,
    turn: u32,
    /// What the file was taken for; gone once it is taken in.
    plan: Option<PlanView>,
    /// What is missing, or went wrong.
    problem: Option<String>,
    work: Option<Told>,
    tried: Option<OutcomeView>,
    known: Option<String>,
    kept: Option<OutcomeView>,
}

struct PlanView {
    facts: Vec<(&'static str, String)>,
    unfit: Option<String>,
    columns: Vec<ColumnView>,
    is_open: bool,
    /// Whether columns say what is what; formats of banks have fixed fields.
    is_table: bool,
    is_refund: bool,
    bank_bin: String,
    /// Columns with words that are asked about, or were explained before.
    asked: Vec<AskedView>,
    is_partial: bool,
    /// The orders of days, where they are asked for: value, name, and whether it is the one.
    day_orders: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<RowView>,
}

/// A column whose words say what happened to the money.
struct AskedView {
    place: usize,
    column: String,
    words: Vec<AskedWordView>,
    is_silent: bool,
}

struct AskedWordView {
    key: String,
    text: String,
    /// What it is understood as without being asked about.
    known: Option<&'static str>,
    /// Value, name, and whether it is the one.
    meanings: Vec<(&'static str, &'static str, bool)>,
}

struct ColumnView {
    text: String,
    example: String,
    /// Number, name, and whether it is the one.
    meanings: Vec<(usize, &'static str, bool)>,
    is_used: bool,
}

struct RowView {
    number: u64,
    cells: Option<CellsView>,
    /// Why it is no row, or cannot be read.
    reason: Option<String>,
    fault: Option<String>,
}

struct CellsView {
    day: String,
    kind: &'static str,
    state: Option<&'static str>,
    amount: String,
    id: String,
    account: String,
    note: String,
}

struct OutcomeView {
    days: String,
    links: Vec<(String, String)>,
    /// Name, count and amount: the rows of the file, then their parts.
    rows: Vec<(&'static str, String, String)>,
    is_nothing_new: bool,
    fresh: String,
    foots: Vec<(bool, String)>,
    adds_up: bool,
    parts: Vec<(&'static str, String, String)>,
    kinds: Vec<(bool, &'static str, String, String)>,
    posted: Option<String>,
    bad: Vec<(u64, String)>,
    more_bad: Option<String>,
    rejects_href: Option<String>,
}

/// How far it is, for the page and for whoever asks again.
#[derive(Serialize)]
pub(super) struct Told {
    is_over: bool,
    /// Of those named on the page, from 0.
    step: usize,
    words: String,
    done: u64,
    /// 0 where it is not known.
    all: u64,
    #[serde(skip)]
    steps: Vec<&'static str>,
}

/// The page of a statement that stands like this.
pub(super) fn page_of(officer: &Officer, upload: &Upload, state: &State) -> StatementPage {
    let lang = officer.visit.lang;
    let worded = |sentence: &Sentence| sentence.in_lang(lang).to_owned();
    let file = &upload.file;
    let rejects_href = || format!("{}/rejects.csv", href(&upload.id));
    let outcome = |outcome| outcome_view(outcome, &file.provider_id, rejects_href(), lang);
    let mut page = StatementPage {
        frame: officer.frame(format!(
            "{} · {}",
            lang.pick("Nhập sao kê", "Statement"),
            file.name
        )),
        name: file.name.clone(),
        about: format!("{} · {}", file.provider_id, size(file.bytes, lang)),
        href: href(&upload.id),
        turn: state.turn,
        plan: None,
        problem: None,
        work: None,
        tried: None,
        known: None,
        kept: None,
    };
    match &state.stage {
        Stage::Asking => page.problem = state.plan.lacks.as_ref().map(worded),
        Stage::Trying(_) | Stage::Importing(_) => page.work = Some(told(&state.stage, lang)),
        Stage::Tried(tried, failed) => {
            page.problem = failed.as_ref().map(worded);
            page.tried = Some(outcome(tried));
        }
        Stage::Refused(why) => page.problem = Some(worded(why)),
        Stage::Ended(end) => match &**end {
            End::Known { by, at } => {
                page.known = Some(known(by_whom(by.clone()).in_lang(lang), &at.show(), lang))
            }
            End::Kept(kept) => page.kept = Some(outcome(kept)),
        },
    }
    if !matches!(state.stage, Stage::Importing(_) | Stage::Ended(_)) {
        page.plan = Some(plan_view(
            &state.plan,
            page.problem.is_some() && page.tried.is_none(),
            lang,
        ));
    }
    page
}

fn known(by: &str, at: &str, lang: Lang) -> String {
    match lang {
        Lang::Vi => format!("Chính tệp này đã được {by} nhập lúc {at}. Không có gì thay đổi."),
        Lang::En => format!("This very file was taken in by {by} on {at}. Nothing changed."),
    }
}

fn size(bytes: u64, lang: Lang) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        0..MIB => format!("{} KB", bytes.div_ceil(1024)),
        _ => {
            let tenths = bytes * 10 / MIB;
            format!("{}{}{} MB", tenths / 10, lang.pick(",", "."), tenths % 10)
        }
    }
}

/// How far it is, in words and numbers.
pub(super) fn told(stage: &Stage, lang: Lang) -> Told {
    let mut steps = vec![lang.pick("Đọc tệp", "Read"), lang.pick("So khớp", "Match")];
    let progress = match stage {
        Stage::Trying(progress) => *progress,
        Stage::Importing(progress) => {
            steps.extend([
                lang.pick("Ghi dòng", "Write"),
                lang.pick("Ghi nhận khoản thiếu", "Post what is missing"),
            ]);
            *progress
        }
        _ => None,
    };
    let count = |n: u64| words::number(lang, i64::try_from(n).unwrap_or(i64::MAX));
    let (step, words, done, all) = match progress {
        None => (
            0,
            lang.pick("Đang chờ tới lượt…", "Waiting for its turn…")
                .to_owned(),
            0,
            0,
        ),
        Some(Progress::Reading(0)) => (
            0,
            lang.pick("Đang đọc tệp…", "Reading the file…").to_owned(),
            0,
            0,
        ),
        Some(Progress::Reading(rows)) => {
            let vi = format!("Đã đọc {} dòng, đang lấy các khoản đã nhận…", count(rows));
            let en = format!("{} rows read, fetching what was received…", count(rows));
            (1, lang.pick(&vi, &en).to_owned(), 0, 0)
        }
        Some(Progress::Matching) => (1, lang.pick("Đang so khớp…", "Matching…").to_owned(), 0, 0),
        Some(Progress::Writing(done, all)) => {
            let vi = format!("Đang ghi dòng {} / {}", count(done), count(all));
            let en = format!("Writing row {} of {}", count(done), count(all));
            (2, lang.pick(&vi, &en).to_owned(), done, all)
        }
        Some(Progress::Posting(done)) => {
            let vi = format!("Đã ghi nhận {} khoản thiếu thông báo", count(done));
            let en = format!("{} missing receipts posted", count(done));
            (3, lang.pick(&vi, &en).to_owned(), 0, 0)
        }
    };
    Told {
        is_over: !stage.is_busy(),
        step,
        words,
        done,
        all,
        steps,
    }
}

fn plan_view(plan: &Plan, is_stuck: bool, lang: Lang) -> PlanView {
    let proposal = &plan.proposal;
    let way = match plan.way {
        Way::Agreed => lang.pick("Như đã thống nhất lần trước", "As agreed before"),
        Way::Proposed | Way::ProposedInstead(_) => lang.pick(
            "Máy đề xuất theo tên cột; hãy xem lại",
            "Proposed by the names of the columns; have a look",
        ),
        Way::Chosen => lang.pick("Như bạn đã chọn", "As you chose"),
    };
    let mut facts = facts_of(&proposal.file, lang);
    if proposal.mapping.source == Source::Table {
        let layout = proposal.layout.map(|layout| layout.title);
        let unknown = lang.pick(
            "chưa quen, nhận theo tên cột",
            "not known, read by the names of its columns",
        );
        facts.push((lang.pick("Mẫu", "Layout"), layout.unwrap_or(unknown).to_owned()));
        facts.push((lang.pick("Cách đọc", "Read"), way.to_owned()));
    }
    let columns = proposal.header.iter().map(|cell| ColumnView {
        text: cell.text.clone(),
        example: match cell.meaning {
            Some(Column::Account) => tail(&cell.example),
            _ => shortened(&cell.example),
        },
        is_used: cell.meaning.is_some(),
        meanings: Column::ALL
            .into_iter()
            .enumerate()
            .map(|(at, column)| (at, column_name(column, lang), cell.meaning == Some(column)))
            .collect(),
    });
    PlanView {
        facts,
        unfit: match &plan.way {
            Way::ProposedInstead(why) => Some(why.in_lang(lang).to_owned()),
            _ => None,
        },
        columns: columns.collect(),
        is_open: is_stuck || !matches!(plan.way, Way::Agreed),
        is_table: proposal.mapping.source == Source::Table,
        is_refund: proposal.mapping.debit_is == RowKind::Refund,
        bank_bin: proposal.mapping.bank_bin.clone(),
        asked: asked_views(proposal, lang),
        is_partial: proposal.mapping.is_partial,
        day_orders: day_orders(proposal, lang),
        rows: proposal
            .preview
            .iter()
            .map(|event| row_view(event, lang))
            .collect(),
    }
}

/// The orders that a person may choose among, if the file asks for one.
fn day_orders(proposal: &Proposal, lang: Lang) -> Vec<(&'static str, &'static str, bool)> {
    let chosen = proposal.mapping.day_order;
    let is_asked = |question: &Question| matches!(question, Question::Days { .. });
    if chosen.is_none() && !proposal.questions.iter().any(is_asked) {
        return Vec::new();
    }
    let orders = DayOrder::ALL.into_iter();
    orders
        .map(|order| {
            let (vi, en) = order.show();
            (order.as_str(), lang.pick(vi, en), chosen == Some(order))
        })
        .collect()
}

fn asked_views(proposal: &Proposal, lang: Lang) -> Vec<AskedView> {
    let word = |key: &str, text: &str, known: Option<WordMeaning>, chosen: Option<WordMeaning>| {
        let name = |meaning: WordMeaning| {
            let (vi, en) = meaning.show();
            lang.pick(vi, en)
        };
        AskedWordView {
            key: key.to_owned(),
            text: match text {
                "" => lang.pick("(ô trống)", "(empty cell)").to_owned(),
                text => format!("«{text}»"),
            },
            known: known.map(name),
            meanings: WordMeaning::ALL
                .into_iter()
                .map(|meaning| (meaning.as_str(), name(meaning), chosen == Some(meaning)))
                .collect(),
        }
    };
    let mapping = &proposal.mapping;
    let column = |place: usize| match mapping.header.get(place).map(String::as_str) {
        None | Some("") => format!("{} {}", lang.pick("cột thứ", "column"), place + 1),
        Some(text) => format!("«{text}»"),
    };
    let mut views: Vec<AskedView> = Vec::new();
    for question in &proposal.questions {
        if let Question::Words { place, words, .. } = question {
            let said = mapping.words.get(place);
            views.push(AskedView {
                place: *place,
                column: column(*place),
                words: words
                    .iter()
                    .map(|asked| {
                        let chosen = said.and_then(|said| said.get(&asked.key).copied().flatten());
                        let known = asked.meaning.filter(|_| chosen.is_none());
                        word(&asked.key, &asked.text, known, chosen)
                    })
                    .collect(),
                is_silent: false,
            });
        }
    }
    let is_asked = |views: &[AskedView], place: usize| views.iter().any(|view| view.place == place);
    for (place, said) in &mapping.words {
        if !is_asked(&views, *place) {
            let words = said.iter().map(|(key, meaning)| word(key, key, None, *meaning));
            views.push(AskedView {
                place: *place,
                column: column(*place),
                words: words.collect(),
                is_silent: mapping.silent.contains(place),
            });
        }
    }
    views
}

fn facts_of(file: &FileFacts, lang: Lang) -> Vec<(&'static str, String)> {
    let mut kind = file.kind.show().to_owned();
    if let Some(encoding) = file.encoding {
        kind.push_str(&format!(" · {}", encoding.show()));
    }
    if let Some(separator) = file.separator {
        let name = match separator {
            ',' => lang
                .pick("cách nhau bằng dấu phẩy", "separated by commas")
                .to_owned(),
            ';' => lang
                .pick("cách nhau bằng dấu chấm phẩy", "separated by semicolons")
                .to_owned(),
            '\t' => lang.pick("cách nhau bằng tab", "separated by tabs").to_owned(),
            other => format!("{} {other}", lang.pick("cách nhau bằng", "separated by")),
        };
        kind.push_str(&format!(" · {name}"));
    }
    let mut facts = vec![(lang.pick("Loại tệp", "Kind of file"), kind)];
    let sheet = file.sheet.iter().cloned();
    facts.extend(sheet.map(|sheet| (lang.pick("Trang tính", "Sheet"), sheet)));
    let header = file.header_row.into_iter();
    facts.extend(header.map(|row| {
        (
            lang.pick("Dòng tiêu đề", "Header"),
            format!("{} {row}", lang.pick("dòng", "row")),
        )
    }));
    facts
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(NOTE_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The end of what may be an account.
fn tail(text: &str) -> String {
    let count = text.chars().count();
    match count {
        0 => String::new(),
        _ => format!(
            "•••• {}",
            text.chars().skip(count.saturating_sub(4)).collect::<String>()
        ),
    }
}

fn row_view(event: &Event, lang: Lang) -> RowView {
    match event {
        Event::Row(row) => RowView {
            number: row.row_number,
            cells: Some(cells_of(row, lang)),
            reason: None,
            fault: None,
        },
        Event::Bad(row) => RowView {
            number: row.row_number,
            cells: None,
            reason: None,
            fault: Some(row.reason.in_lang(lang).to_owned()),
        },
        Event::Ignored(row) => RowView {
            number: row.row_number,
            cells: None,
            reason: Some(row.why.sentence().in_lang(lang).to_owned()),
            fault: None,
        },
    }
}

fn cells_of(row: &StatementRow, lang: Lang) -> CellsView {
    let first = |texts: [&str; 3]| {
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let day = row.business_day.show();
    CellsView {
        day: match row.occurred_at {
            // The day it counts for stands first where it is another than its own.
            Some(at) if Day::of(at) == row.business_day => at.show(),
            Some(at) => format!("{day} ({})", at.show()),
            None => day,
        },
        kind: match row.kind {
            RowKind::Payment => lang.pick("Tiền vào", "Payment"),
            RowKind::Refund => lang.pick("Hoàn tiền", "Refund"),
            RowKind::Outgoing => lang.pick("Tiền ra", "Outgoing"),
            RowKind::Fee => lang.pick("Phí", "Fee"),
        },
        state: match row.status {
            RowStatus::Settled => None,
            RowStatus::Pending => Some(lang.pick("chưa xong", "pending")),
            RowStatus::Failed => Some(lang.pick("không thành công", "failed")),
        },
        amount: row.amount.show(lang),
        id: first([&row.provider_txn_id, &row.bank_ref, &row.reference]),
        account: row
            .account
            .as_ref()
            .map_or_else(|| row.terminal.clone(), ToString::to_string),
        note: shortened(&row.note),
    }
}

fn outcome_view(outcome: &Outcome, provider_id: &str, rejects_href: String, lang: Lang) -> OutcomeView {
    let totals = &outcome.totals;
    let count = |n: i64| words::number(lang, n);
    let whole = |n: u64| count(i64::try_from(n).unwrap_or(i64::MAX));
    let tally = |name, tally: &Tally| {
        let amount = Dong::new(i64::try_from(tally.amount_vnd).unwrap_or(i64::MAX));
        (name, whole(tally.count), amount.show(lang))
    };
    // A trial counts what is there already without summing it up.
    let repeated_vnd = match totals.repeated.1 {
        Dong::ZERO => String::new(),
        amount => amount.show(lang),
    };
    let all = totals.rows.0 + totals.repeated.0 + totals.ignored + totals.bad;
    let left = (totals.bad - outcome.bad.len() as i64).max(0);
    let days = &outcome.days;
    OutcomeView {
        days: totals.days.map_or(String::new(), span),
        links: totals.days.map_or(Vec::new(), |days| links(provider_id, days)),
        rows: vec![
            (
                lang.pick("Dòng trong tệp", "Rows of the file"),
                count(all),
                String::new(),
            ),
            (
                lang.pick("= dòng mới", "= new"),
                count(totals.rows.0),
                totals.rows.1.show(lang),
            ),
            (
                lang.pick("+ đã có trong sổ", "+ known already"),
                count(totals.repeated.0),
                repeated_vnd,
            ),
            (
                lang.pick("+ không phải giao dịch", "+ no movement (totals, titles)"),
                count(totals.ignored),
                String::new(),
            ),
            (lang.pick("+ dòng lỗi", "+ bad"), count(totals.bad), String::new()),
        ],
        is_nothing_new: totals.rows.0 == 0,
        fresh: count(totals.rows.0),
        foots: foots(outcome, lang),
        adds_up: days.adds_up(),
        parts: vec![
            tally(lang.pick("Dòng sao kê", "Rows"), &days.rows),
            tally(lang.pick("= khớp", "= matched"), &days.matched),
            tally(lang.pick("+ cần xem", "+ exceptions"), &days.exceptions),
            tally(lang.pick("+ bỏ qua", "+ ignored"), &days.ignored),
            tally(lang.pick("+ dòng lỗi", "+ bad"), &days.bad),
        ],
        kinds: days
            .by_kind
            .iter()
            .map(|(kind, of_kind)| {
                let (vi, en) = FindingKind::name(*kind);
                let (name, count, amount) = tally(lang.pick(vi, en), of_kind);
                (kind.bucket() == Some(Bucket::Matched), name, count, amount)
            })
            .collect(),
        posted: (outcome.posted > 0).then(|| whole(outcome.posted as u64)),
        bad: outcome
            .bad
            .iter()
            .map(|(row, reason)| (*row, reason.in_lang(lang).to_owned()))
            .collect(),
        more_bad: (left > 0).then(|| match lang {
            Lang::Vi => format!("và {} dòng lỗi nữa trong tệp tải về.", count(left)),
            Lang::En => format!("and {} more in the download.", count(left)),
        }),
        rejects_href: outcome.rejects.is_some().then_some(rejects_href),
    }
}

fn span((first, last): (Day, Day)) -> String {
    if first == last {
        first.show()
    } else {
        format!("{} – {}", first.show(), last.show())
    }
}

/// The days of a statement on the page of comparisons, as many as it takes at once.
fn links(provider_id: &str, (first, last): (Day, Day)) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut from = first;
    while from <= last && links.len() < LINKS_SHOWN {
        let to = from.plus(DAYS_AT_ONCE - 1).min(last);
        let href = format!("/reconcile?provider={}&from={from}&to={to}", encoded(provider_id));
        links.push((href, span((from, to))));
        from = to.plus(1);
    }
    links
}

/// What the file itself says it comes to, and whether that is so.
fn foots(outcome: &Outcome, lang: Lang) -> Vec<(bool, String)> {
    let mut said = Vec::new();
    for foot in &outcome.file.totals {
        let column = column_name(foot.column, lang);
        let row = foot.row_number;
        let stated = foot.stated.show(lang);
        let summed = foot.summed.show(lang);
        said.push(match (foot.agrees, lang) {
            (true, Lang::Vi) => (true, format!("Dòng {row}, tổng cột {column} {stated}: khớp với các dòng trên.")),
            (true, Lang::En) => (true, format!("Row {row}, total of {column} {stated}: agrees with the rows above.")),
            (false, Lang::Vi) => (
                false,
                format!("Dòng {row}, tổng cột {column} ghi {stated}, các dòng trên cộng lại được {summed}. Có thể thiếu dòng; hãy tải lại sao kê."),
            ),
            (false, Lang::En) => (
                false,
                format!("Row {row}, total of {column} says {stated}, the rows above come to {summed}. A row may be missing; fetch the statement again."),
            ),
        });
    }
    if outcome.file.proved > 0 {
        let rows = words::number(lang, i64::try_from(outcome.file.proved).unwrap_or(i64::MAX));
        let vi =
            format!("{rows} dòng khớp với số dư ghi bên cạnh: chiều tiền và số tiền đã được kiểm chứng.");
        let en =
            format!("{rows} rows lead to the balance beside them: their direction and amount are proved.");
        said.push((true, lang.pick(&vi, &en).to_owned()));
    }
    for sheet in &outcome.file.unread {
        let name = &sheet.name;
        let rows = words::number(lang, i64::try_from(sheet.rows).unwrap_or(i64::MAX));
        let vi = format!(
            "Trang tính «{name}» chưa được đọc, có {rows} dòng giống giao dịch. Nếu cần, hãy tách thành tệp riêng rồi nhập."
        );
        let en = format!(
            "The sheet «{name}» was not read and has {rows} rows that look like movements. If they are wanted, make a file of it and import that."
        );
        said.push((false, lang.pick(&vi, &en).to_owned()));
    }
    if let Some(balance) = outcome.file.balance {
        let opening = balance.opening.show(lang);
        let closing = balance.closing.show(lang);
        let credits = balance.credits.show(lang);
        let debits = balance.debits.show(lang);
        said.push(match (balance.agrees(), lang) {
            (true, Lang::Vi) => (true, format!("Số dư đầu {opening} + vào {credits} − ra {debits} = số dư cuối {closing}.")),
            (true, Lang::En) => (true, format!("Opening {opening} + in {credits} − out {debits} = closing {closing}.")),
            (false, Lang::Vi) => (
                false,
                format!("Số dư đầu {opening} + vào {credits} − ra {debits} không bằng số dư cuối {closing}. Có thể thiếu dòng; hãy tải lại sao kê."),
            ),
            (false, Lang::En) => (
                false,
                format!("Opening {opening} + in {credits} − out {debits} is not the closing balance {closing}. A row may be missing; fetch the statement again."),
            ),
        });
    }
    said
}

/// What a column means, as a person chooses it.
pub(super) fn column_name(column: Column, lang: Lang) -> &'static str {
    lang.pick(column.show(), column.show_en())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_an_import_is_stands_in_words_and_numbers() {
        let says = |progress, lang| {
            let told = told(&Stage::Importing(progress), lang);
            assert!(!told.is_over);
            (told.step, told.words, told.done, told.all)
        };
        let words = |text: &str| text.to_owned();
        let waits = says(None, Lang::Vi);
        assert_eq!(waits, (0, words("Đang chờ tới lượt…"), 0, 0));
        let writes = says(Some(Progress::Writing(4_000, 9_000)), Lang::Vi);
        assert_eq!(writes, (2, words("Đang ghi dòng 4.000 / 9.000"), 4_000, 9_000));
        let posts = says(Some(Progress::Posting(1_024)), Lang::En);
        assert_eq!(posts, (3, words("1,024 missing receipts posted"), 0, 0));
        let asks = told(&Stage::Asking, Lang::Vi);
        assert!(asks.is_over, "a person has to say something");
    }

    #[test]
    fn days_are_cut_into_what_the_page_of_comparisons_takes() {
        let days = (Day::ymd(2026, 1, 1), Day::ymd(2026, 2, 1));
        let links = links("my bank", days);
        let hrefs: Vec<_> = links.iter().map(|(href, _)| href.as_str()).collect();
        let of = "/reconcile?provider=my%20bank";
        assert_eq!(
            hrefs,
            [
                format!("{of}&from=2026-01-01&to=2026-01-31"),
                format!("{of}&from=2026-02-01&to=2026-02-01")
            ]
        );
        let years = super::links("p", (Day::ymd(2020, 1, 1), Day::ymd(2026, 1, 1)));
        assert_eq!(years.len(), LINKS_SHOWN);
    }

    #[test]
    fn notes_and_what_may_be_an_account_are_cut_for_the_page() {
        assert_eq!(tail("9704150000001234"), "•••• 1234");
        assert_eq!(shortened(&"ư".repeat(61)), format!("{}…", "ư".repeat(60)));
        assert_eq!(size(6_000, Lang::Vi), "6 KB");
        assert_eq!(size(5_300_000, Lang::Vi), "5,0 MB");
    }
}

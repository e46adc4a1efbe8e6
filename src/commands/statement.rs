//! `choso import statement` and `choso reconcile`: a provider's file taken in, and its days held against receipts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use choso::clock::now;
use choso::print::{Cell, Column, Sheet, xlsx};
use choso::reconcile::{RunSummary, Tally};
use choso::settlement::{
    AgreedMapping, EXCEPTION_COLUMNS, ImportError, Imported, ListedException, Progress, Reconciler,
    StatementFile, Taken, agreed_mapping, archived_statements, bad_rows_csv, exceptions_csv,
    listed_exceptions, preview_mapping, propose_mapping, unpacked_statement,
};
use choso::statement::{BadRow, DayOrder, Event, Mapping, MappingError, Proposal, Question, WordMeaning};
use choso::store::Store;
use choso::vn::{Day, Dong, Lang, WorkingCalendar};
use clap::Args;
use indicatif::ProgressBar;

use super::common::{Failure, Settings, progress_bar, write_out};
use choso::words;

/// What `choso import statement` is told beside the file.
pub struct ImportRequest<'a> {
    pub provider: Option<&'a str>,
    pub file: &'a Path,
    pub mapping: Option<&'a Path>,
    pub look: bool,
    pub rejects: Option<&'a Path>,
    pub dry_run: bool,
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Failure {
        Failure::Refused(words::import_error(&error).en.into_owned())
    }
}

/// `choso import statement --provider ID FILE`
pub async fn import(
    store: &Store,
    calendar: &WorkingCalendar,
    request: ImportRequest<'_>,
) -> Result<ExitCode, Failure> {
    let provider_id = request
        .provider
        .ok_or_else(|| Failure::Settings("--provider ID says whose statement it is".to_owned()))?;
    let profile = profile_of(store, provider_id).await?;
    let file = StatementFile {
        provider_id: provider_id.to_owned(),
        profile,
        path: request.file.to_owned(),
        name: request
            .file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        mapping: request.mapping.map(mapping).transpose()?,
        by: "import".to_owned(),
        is_trial: request.dry_run,
    };
    let Some(names) = archived_statements(request.file).await? else {
        return import_one(store, calendar, &request, &file, request.rejects).await;
    };
    // Each statement of an archive is taken in or refused by itself.
    let mut refused = Vec::new();
    for (at, name) in names.iter().enumerate() {
        eprintln!("{name}:");
        let unpacked = unpacked_statement(request.file, at).await?;
        let member = StatementFile {
            path: unpacked.file.path().to_owned(),
            name: format!("{}/{name}", file.name),
            ..file.clone()
        };
        let rejects = request.rejects.map(|path| numbered(path, at + 1));
        let done = import_one(store, calendar, &request, &member, rejects.as_deref()).await;
        match done {
            Ok(_) => {}
            Err(Failure::Refused(why)) => {
                eprintln!("{why}");
                refused.push(name.as_str());
            }
            Err(other) => return Err(other),
        }
    }
    if names.is_empty() {
        return Err(Failure::Refused("the archive holds no file".to_owned()));
    }
    if refused.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Refused(format!(
        "{} of {} files in the archive are refused: {}",
        refused.len(),
        names.len(),
        refused.join(", ")
    )))
}

/// `rejects-2.csv` for `rejects.csv`, so that the next file of an archive does not write over the one before.
fn numbered(path: &Path, nth: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path
        .extension()
        .map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
    path.with_file_name(format!("{stem}-{nth}{ending}"))
}

async fn import_one(
    store: &Store,
    calendar: &WorkingCalendar,
    request: &ImportRequest<'_>,
    file: &StatementFile,
    rejects: Option<&Path>,
) -> Result<ExitCode, Failure> {
    if request.look {
        let proposal = match agreed_mapping(store, &file.provider_id, &file.path).await? {
            AgreedMapping::This(mapping) => preview_mapping(&file.path, *mapping).await?,
            AgreedMapping::Changed(_) | AgreedMapping::None => {
                propose_mapping(&file.path, &file.profile).await?
            }
        };
        return looked(&proposal);
    }
    let bar = Bar(progress_bar(0, "rows"));
    let reconciler = Reconciler {
        store,
        calendar,
        now: now(),
    };
    let imported = reconciler
        .import_statement(file, |progress| bar.show(progress))
        .await;
    bar.0.finish_and_clear();
    if let Err(ImportError::AllBad { count, bad }) = &imported {
        eprintln!("every row of the file was refused; nothing was taken in");
        println!("rows read {count}, kept 0, refused {count}");
        refused(bad, *count, rejects)?;
        return Err(Failure::Refused("nothing of the file was taken in".to_owned()));
    }
    match imported? {
        Imported::Known {
            imported_by,
            imported_at,
        } => {
            println!("rows read 0, kept 0, refused 0");
            eprintln!(
                "this very file was taken in before, by {imported_by} on {}; nothing changed",
                imported_at.show()
            );
        }
        Imported::Kept(taken) => {
            says(&taken);
            if request.dry_run {
                eprintln!("dry run: nothing was changed");
            }
            refused(&taken.bad, taken.totals.bad, rejects)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn profile_of(store: &Store, provider_id: &str) -> Result<String, Failure> {
    let providers = store.providers(now()).await?;
    let provider = providers
        .into_iter()
        .find(|provider| provider.provider_id == provider_id);
    provider.map(|provider| provider.profile).ok_or_else(|| {
        Failure::Refused(format!(
            "no provider {provider_id}; `choso provider list` shows them"
        ))
    })
}

fn mapping(path: &Path) -> Result<Mapping, Failure> {
    let text = super::common::read_file(path)?;
    serde_json::from_slice(&text).map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))
}

struct Bar(ProgressBar);

impl Bar {
    fn show(&self, progress: Progress) {
        match progress {
            Progress::Reading(rows) | Progress::Posting(rows) => self.0.set_position(rows),
            Progress::Matching => {}
            Progress::Writing(done, all) => {
                self.0.set_length(all);
                self.0.set_position(done);
            }
        }
    }
}

fn says(taken: &Taken) {
    let totals = &taken.totals;
    println!(
        "rows read {}, kept {}, refused {}",
        totals.rows.0 + totals.repeated.0 + totals.ignored + totals.bad,
        totals.rows.0,
        totals.bad
    );
    if let Some((first, last)) = totals.days {
        eprintln!("days {first} to {last}, amount {}", totals.rows.1.show(Lang::En));
    }
    if totals.repeated.0 > 0 {
        eprintln!(
            "{} rows were known from another file and changed nothing",
            totals.repeated.0
        );
    }
    if totals.ignored > 0 {
        eprintln!(
            "{} rows are no payments: totals, balances, titles, amounts of 0, transfers that came back",
            totals.ignored
        );
    }
    for foot in taken.file.totals.iter().filter(|foot| !foot.agrees) {
        eprintln!(
            "row {}: the total {} differs from the rows above it, {}",
            foot.row_number,
            foot.stated.show(Lang::En),
            foot.summed.show(Lang::En)
        );
    }
    if taken.file.proved > 0 {
        eprintln!(
            "{} rows lead from the balance before them to their own: direction and amount are proved",
            taken.file.proved
        );
    }
    for sheet in &taken.file.unread {
        eprintln!(
            "the sheet «{}» was not read and has {} rows with a day and an amount; make a file of it if they are wanted",
            sheet.name, sheet.rows
        );
    }
    if taken.file.balance.is_some_and(|balance| !balance.agrees()) {
        eprintln!("opening balance + credits - debits is not the closing balance: a row may be missing");
    }
    if taken.posted > 0 {
        eprintln!(
            "{} receipts posted from the statement, since no notice came",
            taken.posted
        );
    }
    print_summary(&taken.summary);
}

fn refused(bad: &[BadRow], count: i64, rejects: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = rejects {
        write_out(Some(path), &bad_rows_csv(bad, Lang::En))?;
        eprintln!("refused rows with their reason: {}", path.display());
        return Ok(());
    }
    for row in bad.iter().take(10) {
        eprintln!("row {}: {}", row.row_number, row.reason.en);
    }
    if count > 10 {
        eprintln!("… and {} more; --rejects FILE writes them all", count - 10);
    }
    Ok(())
}

/// What a file is and how it could be read: the mapping as JSON, to be changed and handed back by `--mapping`.
fn looked(proposal: &Proposal) -> Result<ExitCode, Failure> {
    let json =
        serde_json::to_string_pretty(&proposal.mapping).map_err(|e| Failure::Refused(e.to_string()))?;
    println!("{json}");
    let file = &proposal.file;
    let mut facts = vec![file.kind.show().to_owned()];
    facts.extend(file.encoding.map(|encoding| encoding.show().to_owned()));
    facts.extend(file.separator.map(|separator| match separator {
        '\t' => "separated by tabs".to_owned(),
        other => format!("separated by «{other}»"),
    }));
    facts.extend(file.sheet.iter().map(|sheet| format!("sheet «{sheet}»")));
    facts.extend(file.header_row.map(|row| format!("header in row {row}")));
    facts.push(
        proposal
            .layout
            .map_or("not a known layout", |layout| layout.title)
            .to_owned(),
    );
    eprintln!("{}", facts.join(", "));
    for (at, cell) in proposal.header.iter().enumerate() {
        let meaning = cell.meaning.map_or("not used", |column| column.show_en());
        eprintln!("  column {at} «{}»: {meaning}", cell.text);
    }
    for event in &proposal.preview {
        match event {
            Event::Row(row) => eprintln!(
                "  row {}: {}, {} {}, {}",
                row.row_number,
                row.business_day,
                row.kind.as_str(),
                row.amount.show(Lang::En),
                row.status.as_str()
            ),
            Event::Bad(row) => eprintln!("  row {}: {}", row.row_number, row.reason.en),
            Event::Ignored(row) => eprintln!("  row {}: {}", row.row_number, row.why.sentence().en),
        }
    }
    for question in &proposal.questions {
        let how = match question {
            Question::Words { place, .. } => {
                let meanings = WordMeaning::ALL.map(WordMeaning::as_str).join(", ");
                format!(
                    "put a meaning for each null under \"words\" (one of {meanings}), or add {place} to \"silent\" if the column says neither"
                )
            }
            Question::OneSide { .. } => {
                "name the other column, or set \"is_partial\": true if the file lists one side only"
                    .to_owned()
            }
            Question::Days { .. } => {
                let orders = DayOrder::ALL.map(DayOrder::as_str).join(", ");
                format!("set \"day_order\" to one of {orders}")
            }
        };
        eprintln!("{} In the mapping: {how}.", question.sentence().en);
    }
    match &proposal.lacks {
        None => Ok(ExitCode::SUCCESS),
        Some(MappingError::Asked(_)) => Err(Failure::Refused(
            "the mapping needs an answer; fill it in and hand it back by --mapping".to_owned(),
        )),
        Some(lacks) => Err(Failure::Refused(lacks.to_string())),
    }
}

/// Compare a provider's statements with its receipts, and say what does not fit
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  choso reconcile --provider mybank --day 2026-06-15\n  choso reconcile --provider mybank --from 2026-06-01 --to 2026-06-30 --exceptions le.csv\n\nRows = matched + exceptions + ignored + bad, by count and amount; each kind is listed below. Exit status 1 if it does not add up."
)]
pub struct Reconcile {
    /// Whose statements
    #[arg(long, value_name = "ID")]
    provider: String,
    /// One day
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "to"], required_unless_present_all = ["from", "to"])]
    day: Option<Day>,
    /// First of several days
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    from: Option<Day>,
    /// Last of several days
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<Day>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Write what does not fit to this file: a workbook if it ends in .xlsx, else CSV
    #[arg(long, value_name = "FILE")]
    exceptions: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(args: Reconcile) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    profile_of(&store, &args.provider).await?;
    // The flags require one or both.
    let (from, to) = match (args.day, args.from, args.to) {
        (Some(day), ..) => (day, day),
        (None, Some(from), Some(to)) if from <= to => (from, to),
        _ => return Err(Failure::Settings("--from must not be later than --to".to_owned())),
    };
    let reconciler = Reconciler {
        store: &store,
        calendar: &config.calendar,
        now: now(),
    };
    let view = reconciler.reconcile_days(&args.provider, (from, to)).await?;
    let summary = view.summary;
    let exceptions = view.exceptions;
    for close in &view.closes {
        eprintln!(
            "{} is closed (version {}, {}): its figures are those of then",
            close.business_day, close.version, close.closed_by
        );
    }
    if view.waiting > 0 {
        eprintln!(
            "{} changes wait for a closed day; `choso close-day --restate` lets them take effect",
            view.waiting
        );
    }
    if let Some(path) = &args.exceptions {
        let listed = listed_exceptions(&store, &args.provider, Some((from, to)), &exceptions).await?;
        let is_workbook = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("xlsx"));
        let bytes = if is_workbook {
            exceptions_xlsx(&listed)?
        } else {
            exceptions_csv(&listed)?
        };
        write_out(Some(path), &bytes)?;
        eprintln!("{} exceptions: {}", exceptions.len(), path.display());
    }
    store.close().await;
    if args.json {
        println!("{}", as_json(&summary))
    } else {
        print_summary(&summary)
    }
    Ok(if summary.adds_up() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The list as a workbook: ids are texts, so that a spreadsheet leaves their digits alone.
fn exceptions_xlsx(listed: &[ListedException]) -> Result<Vec<u8>, Failure> {
    let widths = [20, 26, 16, 14, 12, 90];
    let columns: Vec<Column<'_>> = EXCEPTION_COLUMNS
        .iter()
        .zip(widths)
        .map(|(heading, chars)| Column { heading, chars })
        .collect();
    let mut sheet = Sheet::new("exceptions", &[], &columns);
    for exception in listed {
        sheet.row(&[
            Cell::Text(exception.kind),
            Cell::Text(&exception.provider_txn_id),
            Cell::Dong(Dong::new(exception.amount_vnd)),
            Cell::Day(exception.business_day),
            exception.row_number.map_or(Cell::Empty, Cell::Count),
            Cell::Text(&exception.sentence),
        ]);
    }
    xlsx(vec![sheet]).map_err(|error| Failure::Refused(error.to_string()))
}

fn as_json(summary: &RunSummary) -> serde_json::Value {
    let tally =
        |tally: &Tally| serde_json::json!({ "count": tally.count, "amount_vnd": tally.amount_vnd as i64 });
    let by_kind: serde_json::Map<String, serde_json::Value> = summary
        .by_kind
        .iter()
        .map(|(kind, of_kind)| (kind.as_str().to_owned(), tally(of_kind)))
        .collect();
    serde_json::json!({
        "rows": {
            "matched": tally(&summary.matched),
            "exceptions": tally(&summary.exceptions),
            "ignored": tally(&summary.ignored),
            "bad": tally(&summary.bad),
        },
        "by_kind": by_kind,
        "adds_up": summary.adds_up(),
    })
}

fn print_summary(summary: &RunSummary) {
    let line = |name: &str, tally: &Tally| {
        let amount = Dong::new(i64::try_from(tally.amount_vnd).unwrap_or(i64::MAX));
        println!("{name:<24} {:>10} {:>24}", tally.count, amount.show(Lang::En));
    };
    line("rows", &summary.rows);
    line("= matched", &summary.matched);
    line("+ exceptions", &summary.exceptions);
    line("+ ignored", &summary.ignored);
    line("+ bad", &summary.bad);
    println!(
        "{}",
        if summary.adds_up() {
            "adds up"
        } else {
            "DOES NOT ADD UP"
        }
    );
    for (kind, tally) in &summary.by_kind {
        line(kind.as_str(), tally);
    }
}

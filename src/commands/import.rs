//! `choso import units|streets|markets|register`: files of places and of the register; `statement` is a file of
//! its own.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use choso::clock::now;
use choso::places::{NewStreets, read_markets, read_streets, read_units};
use choso::print::{FormCell, FormColumn, FormList, form};
use choso::register::{COLUMNS, Reading, RegisterFile, SHAPE, TEMPLATE, Takes, read_register};
use choso::statement::{SheetCell, SheetRow, is_workbook, read_sheets};
use choso::store::{self, Actor, PlacesKept, RegisterKept, Store};
use choso::table::{self, Fault, GivenCell, GivenRow, GivenSheet, Table, TableError, write_rejects};
use choso::vietqr::Banks;
use clap::{Args, ValueEnum};

use super::common::{Failure, Settings, progress_bar, read_file};
use super::statement::{self, ImportRequest};
use choso::vn::{Day, Lang};

/// Invented payments to the stalls of [`TEMPLATE`].
const STATEMENT_SAMPLE: &str = include_str!("../../assets/samples/statement.csv");

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Administrative units with their lineage (columns: docs/spec/contract.md, section 2)
    Units,
    /// Streets (columns: docs/spec/contract.md, section 2)
    Streets,
    /// Markets (columns: docs/spec/contract.md, section 2)
    Markets,
    /// Households, stalls and accounts, one row a stall
    Register,
    /// A provider's or bank's statement: a workbook, CSV, a page with a table, MT940, camt, or a ZIP archive of such
    Statement,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  choso import register --template mau.xlsx         writes a workbook to fill in (mau.csv: a text file)\n  choso import register ho.xlsx --dry-run           says what would happen\n  choso import register ho.xlsx --rejects loi.csv   refused rows go there, with the reason\n  choso import register ho.xlsx --new-streets       makes streets that nobody knows\n  choso import statement --template sao-ke.csv      writes an invented statement\n  choso import statement sao-ke.xlsx --provider mybank --look     what it is and how it would be read\n  choso import statement sao-ke.xlsx --provider mybank\n\nThe same file again changes nothing. Exit status 0 once the file was read to its end, 1 when it, or every row of it, is refused."
)]
pub struct Import {
    #[command(flatten)]
    settings: Settings,
    /// What the file lists
    #[arg(value_enum)]
    what: What,
    /// CSV file, UTF-8; a register also as XLSX; a statement in any of its formats
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    /// Write refused rows with their reason to this file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Let a register make streets that nobody knows; without it a new name is asked about once streets are known
    #[arg(long, conflicts_with_all = ["template", "look"])]
    new_streets: bool,
    /// Whose statement it is
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Say what a statement is and how it would be read, as JSON for --mapping, and end
    #[arg(long, conflicts_with_all = ["dry_run", "rejects"])]
    look: bool,
    /// How a statement is read; what was agreed on before, or is recognised, if not given
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Write a file to fill in, and end: of a register a workbook with drop-downs and a sheet that explains, or CSV if
    /// the name ends so; of a statement an invented one to try
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "rejects", "dry_run"])]
    template: Option<PathBuf>,
}

/// Names and rows that are told one by one.
const SHOWN_MAX: usize = 20;

/// What an import came to, in rows.
struct Outcome {
    read: usize,
    header: Vec<String>,
    faults: Vec<Fault>,
    says: String,
    /// Whether something of the file is kept or was there already.
    keeps_some: bool,
}

pub async fn run(args: Import) -> Result<ExitCode, Failure> {
    if let Some(path) = &args.template {
        return template(args.what, path);
    }
    let file = args
        .file
        .as_ref()
        .ok_or_else(|| Failure::Settings("FILE is missing".to_owned()))?;
    if args.new_streets && args.what != What::Register {
        return Err(Failure::Settings(
            "--new-streets exists for `import register` only".to_owned(),
        ));
    }
    // A trial changes nothing, and a statement belongs to a provider that is there already.
    let (config, store) = if args.dry_run || args.what == What::Statement {
        args.settings.open().await?
    } else {
        args.settings.open_or_make().await?
    };
    if args.what == What::Statement {
        let request = ImportRequest {
            provider: args.provider.as_deref(),
            file,
            mapping: args.mapping.as_deref(),
            look: args.look,
            rejects: args.rejects.as_deref(),
            dry_run: args.dry_run,
        };
        let done = statement::import(&store, &config.calendar, request).await;
        store.close().await;
        return done;
    }
    let bytes = read_file(file)?;
    let outcome = match args.what {
        What::Units => units(&store, &bytes, args.dry_run).await?,
        What::Streets => streets(&store, &bytes, args.dry_run).await?,
        What::Markets => markets(&store, &bytes, args.dry_run).await?,
        What::Register | What::Statement => {
            let import = store::Import {
                dry_run: args.dry_run,
                new_streets: if args.new_streets {
                    NewStreets::Made
                } else {
                    NewStreets::Asked
                },
            };
            register(&store, &bytes, import).await?
        }
    };
    store.close().await;
    let refused = outcome.faults.len();
    let is_refused = outcome.read > 0 && !outcome.keeps_some;
    if is_refused {
        eprintln!("every row was refused: nothing was kept");
    }
    println!(
        "rows read {}, kept {}, refused {refused}",
        outcome.read,
        outcome.read - refused
    );
    eprint!("{}", outcome.says);
    if args.dry_run {
        eprintln!("dry run: nothing was changed");
    }
    tell_refused(&outcome, args.rejects.as_deref())?;
    Ok(if is_refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn template(what: What, path: &Path) -> Result<ExitCode, Failure> {
    let is_text = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let (file, next) = match what {
        What::Register => (
            if is_text {
                TEMPLATE.as_bytes().to_vec()
            } else {
                workbook()?
            },
            "its rows are invented: a stall without a code, one with, one without an account; replace them",
        ),
        What::Statement => (
            STATEMENT_SAMPLE.as_bytes().to_vec(),
            "its rows are invented payments of 15/01/2026 to the stalls of the register's template",
        ),
        What::Units | What::Streets | What::Markets => {
            return Err(Failure::Settings(
                "--template exists for `import register` and `import statement`".to_owned(),
            ));
        }
    };
    super::common::write_out(Some(path), &file)?;
    eprintln!("wrote {}; {next}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// The register file to fill in, as a workbook.
fn workbook() -> Result<Vec<u8>, Failure> {
    let banks: Vec<String> = Banks::shipped()
        .all()
        .map(|bank| format!("{} {}", bank.bin, bank.short_name))
        .collect();
    let columns: Vec<FormColumn<'_>> = COLUMNS
        .iter()
        .map(|column| FormColumn {
            heading: column.name,
            takes: match column.takes {
                Takes::Text => FormCell::Text,
                Takes::Day => FormCell::Day,
                Takes::Choice(words) => FormCell::Choice(words),
                Takes::Bank => FormCell::List(0),
            },
            is_required: column.is_required,
            explained: column.explained,
            examples: &column.examples,
        })
        .collect();
    let lists = [FormList {
        name: "Ngân hàng",
        lines: &banks,
    }];
    form("Sổ hộ", "Hướng dẫn", &columns, &lists).map_err(|e| Failure::Refused(e.to_string()))
}

/// Refused rows go to the file that was asked for; otherwise the first few are told.
fn tell_refused(outcome: &Outcome, rejects: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = rejects {
        super::common::write_out(
            Some(path),
            &write_rejects(&outcome.header, &outcome.faults, Lang::En),
        )?;
        eprintln!("refused rows with their reason: {}", path.display());
        return Ok(());
    }
    for fault in outcome.faults.iter().take(10) {
        eprintln!("row {}: {}", fault.row, fault.reason.en);
    }
    if outcome.faults.len() > 10 {
        eprintln!(
            "… and {} more; --rejects FILE writes them all",
            outcome.faults.len() - 10
        );
    }
    Ok(())
}

fn refused(error: TableError) -> Failure {
    Failure::Refused(error.to_string())
}

fn places_say(kept: &PlacesKept) -> String {
    let mut says = format!("new or changed {}, known already {}\n", kept.new, kept.known);
    for (name, known) in kept.alike.iter().take(SHOWN_MAX) {
        says.push_str(&format!(
            "new street «{name}» looks like «{known}»; if it is that one, `choso street merge` makes them one\n"
        ));
    }
    if kept.alike.len() > SHOWN_MAX {
        says.push_str("… and more; `choso street alike` lists them\n");
    }
    says
}

async fn units(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let (read, edges) = read_units(bytes).map_err(refused)?;
    let kept = store.keep_units(read.kept, edges, dry_run).await?;
    let notes: String = read
        .notes
        .iter()
        .map(|n| format!("row {}: {}\n", n.row, n.text.en))
        .collect();
    Ok(Outcome {
        read: read.rows,
        header: read.header,
        faults: read.faults,
        says: places_say(&kept) + &notes,
        keeps_some: kept.new + kept.known > 0,
    })
}

async fn streets(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let read = read_streets(bytes, &store.units().await?).map_err(refused)?;
    let kept = store.keep_streets(&read.kept, dry_run, now()).await?;
    Ok(Outcome {
        read: read.rows,
        header: read.header,
        faults: read.faults,
        says: places_say(&kept),
        keeps_some: kept.new + kept.known > 0,
    })
}

async fn markets(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let read = read_markets(bytes, &store.units().await?).map_err(refused)?;
    let kept = store.keep_markets(&read.kept, dry_run, now()).await?;
    Ok(Outcome {
        read: read.rows,
        header: read.header,
        faults: read.faults,
        says: places_say(&kept),
        keeps_some: kept.new + kept.known > 0,
    })
}

/// The rows of a register file, from a workbook or from text.
fn register_table(bytes: &[u8]) -> Result<Table, Failure> {
    if !is_workbook(bytes) {
        return table::read(bytes, &SHAPE).map_err(refused);
    }
    let mut sheets: Vec<GivenSheet> = Vec::new();
    let mut rows = 0;
    // Titles and the lists of the template stand beside the rows.
    let rows_max = SHAPE.rows_max + 1000;
    let read = read_sheets(&mut Cursor::new(bytes), &mut |name, row| {
        if sheets.last().is_none_or(|sheet| sheet.name != name) {
            sheets.push(GivenSheet {
                name: name.to_owned(),
                rows: Vec::new(),
            });
        }
        if let Some(sheet) = sheets.last_mut() {
            sheet.rows.push(given_row(row));
        }
        rows += 1;
        if rows > rows_max {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    read.map_err(|e| Failure::Refused(e.sentence().en.into_owned()))?;
    if rows > rows_max {
        return Err(refused(TableError::TooManyRows {
            limit: SHAPE.rows_max,
        }));
    }
    table::read_sheets(sheets, &SHAPE).map_err(refused)
}

fn given_row(row: SheetRow) -> GivenRow {
    let cells = row.cells.into_iter().map(|cell| {
        let is_text = matches!(cell, SheetCell::Text(_));
        let text = match cell {
            SheetCell::Text(text) | SheetCell::Number(text) => text,
            SheetCell::Day(day) => day.to_string(),
        };
        GivenCell { text, is_text }
    });
    GivenRow {
        number: row.number,
        cells: cells.collect(),
        fault: row.fault,
        may_be_short: true,
    }
}

async fn register(store: &Store, bytes: &[u8], import: store::Import) -> Result<Outcome, Failure> {
    let table = register_table(bytes)?;
    let reading = Reading {
        units: &store.units().await?,
        account_lengths: &store.account_lengths().await?,
        today: Day::of(now()),
    };
    let mut file = read_register(table, reading);
    let bar = progress_bar(file.households.len(), "households");
    let actor = Actor {
        by: "import",
        now: now(),
    };
    let kept = store
        .keep_register(&file.households, import, actor, |done| {
            bar.set_position(done as u64)
        })
        .await?;
    bar.finish_and_clear();
    for (row, reason) in &kept.faults {
        let cells = file.cells.get(row).cloned().unwrap_or_default();
        file.faults.push(Fault {
            row: *row,
            cells,
            reason: reason.clone(),
        });
    }
    file.faults.sort_by_key(|f| f.row);
    Ok(Outcome {
        says: register_says(&kept, &file),
        keeps_some: !kept.households.is_empty(),
        read: file.rows,
        header: file.header,
        faults: file.faults,
    })
}

fn register_says(kept: &RegisterKept, file: &RegisterFile) -> String {
    let mut lines = vec![format!(
        "households new {}, in file {}; stalls new {}; changed {}; accounts linked {}; codes handed out {}",
        kept.new_households,
        kept.households.len(),
        kept.new_stalls,
        kept.changed,
        kept.new_links,
        kept.new_codes
    )];
    if !kept.waiting_accounts.is_empty() {
        let rows = kept.waiting_accounts.iter().map(u64::to_string).collect();
        lines.push(format!(
            "accounts that wait {}, since the stall has another one: a second person approves each on the stall's page (rows {})",
            kept.waiting_accounts.len(),
            shown(rows)
        ));
    }
    let read_as: Vec<String> = kept
        .read_as
        .iter()
        .map(|((name, known), rows)| format!("«{name}» as «{known}» ({rows})"))
        .collect();
    if !read_as.is_empty() {
        lines.push(format!("names typed without accents, read: {}", shown(read_as)));
    }
    for (what, names) in [("streets", &kept.new_streets), ("markets", &kept.new_markets)] {
        if !names.is_empty() {
            lines.push(format!("new {what} {}: {}", names.len(), shown(names.clone())));
        }
    }
    if !kept.asked_streets.is_empty() {
        let asked: Vec<String> = kept
            .asked_streets
            .iter()
            .map(|(name, rows)| format!("«{name}» ({rows})"))
            .collect();
        lines.push(format!(
            "streets nobody knows {}: {}. Mend the names, or import again with --new-streets",
            asked.len(),
            shown(asked)
        ));
    }
    if file.mended.phones > 0 {
        lines.push(format!(
            "phones that a spreadsheet had taken the first 0 from, mended: {}",
            file.mended.phones
        ));
    }
    if file.mended.unit_codes > 0 {
        lines.push(format!(
            "unit codes that a spreadsheet had taken zeros from, mended: {}",
            file.mended.unit_codes
        ));
    }
    if file.begin_later > 0 {
        lines.push(format!(
            "rows that hold from a later day: {}; lists and figures show them from that day on",
            file.begin_later
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The first of these, in one line.
fn shown(names: Vec<String>) -> String {
    let more = if names.len() > SHOWN_MAX { " …" } else { "" };
    let some: Vec<String> = names.into_iter().take(SHOWN_MAX).collect();
    format!("{}{more}", some.join(", "))
}

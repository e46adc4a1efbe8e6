//! `choso import units|streets|markets|register`: files of places and of the register; `statement` is a file of
//! its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use choso::clock::now;
use choso::places::{read_markets, read_streets, read_units};
use choso::register::{TEMPLATE, read_register};
use choso::store::{Actor, PlacesKept, RegisterKept, Store};
use choso::table::{Fault, TableError, write_rejects};
use clap::{Args, ValueEnum};

use super::common::{Failure, Settings, progress_bar, read_file};
use super::statement::{self, Wish};
use choso::vn::Lang;

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
    after_help = "Examples:\n  choso import register --template mau.csv          writes a file to fill in\n  choso import register ho.csv --dry-run            says what would happen\n  choso import register ho.csv --rejects loi.csv    refused rows go there, with the reason\n  choso import statement --template sao-ke.csv      writes an invented statement\n  choso import statement sao-ke.xlsx --provider mybank --look     what it is and how it would be read\n  choso import statement sao-ke.xlsx --provider mybank\n\nThe same file again changes nothing. Exit status 0 once the file was read to its end, 1 when it is refused as a whole."
)]
pub struct Import {
    #[command(flatten)]
    settings: Settings,
    /// What the file lists
    #[arg(value_enum)]
    what: What,
    /// CSV file, UTF-8; a statement in any of its formats
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    /// Write refused rows with their reason to this file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Whose statement it is
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Say what a statement is and how it would be read, as JSON for --mapping, and end
    #[arg(long, conflicts_with_all = ["dry_run", "rejects"])]
    look: bool,
    /// How a statement is read; what was agreed on before, or is recognised, if not given
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Write a register file to fill in, or a statement to try, and end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "rejects", "dry_run"])]
    template: Option<PathBuf>,
}

/// What an import came to, in rows.
struct Outcome {
    read: usize,
    header: Vec<String>,
    faults: Vec<Fault>,
    says: String,
}

pub async fn run(args: Import) -> Result<ExitCode, Failure> {
    if let Some(path) = &args.template {
        return template(args.what, path);
    }
    let file = args
        .file
        .as_ref()
        .ok_or_else(|| Failure::Settings("FILE is missing".to_owned()))?;
    // A trial changes nothing, and a statement belongs to a provider that is there already.
    let (config, store) = if args.dry_run || args.what == What::Statement {
        args.settings.open().await?
    } else {
        args.settings.open_or_make().await?
    };
    if args.what == What::Statement {
        let wish = Wish {
            provider: args.provider.as_deref(),
            file,
            mapping: args.mapping.as_deref(),
            look: args.look,
            rejects: args.rejects.as_deref(),
            dry_run: args.dry_run,
        };
        let done = statement::import(&store, &config.calendar, wish).await;
        store.close().await;
        return done;
    }
    let bytes = read_file(file)?;
    let outcome = match args.what {
        What::Units => units(&store, &bytes, args.dry_run).await?,
        What::Streets => streets(&store, &bytes, args.dry_run).await?,
        What::Markets => markets(&store, &bytes, args.dry_run).await?,
        What::Register | What::Statement => register(&store, &bytes, args.dry_run).await?,
    };
    store.close().await;
    let refused = outcome.faults.len();
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
    Ok(ExitCode::SUCCESS)
}

fn template(what: What, path: &Path) -> Result<ExitCode, Failure> {
    let (text, next) = match what {
        What::Register => (
            TEMPLATE,
            "its rows are invented: a stall without a code, one with, one without an account; replace them",
        ),
        What::Statement => (
            STATEMENT_SAMPLE,
            "its rows are invented payments of 15/01/2026 to the stalls of the register's template",
        ),
        What::Units | What::Streets | What::Markets => {
            return Err(Failure::Settings(
                "--template exists for `import register` and `import statement`".to_owned(),
            ));
        }
    };
    super::common::write_out(Some(path), text.as_bytes())?;
    eprintln!("wrote {}; {next}", path.display());
    Ok(ExitCode::SUCCESS)
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

fn places_say(kept: PlacesKept) -> String {
    format!("new or changed {}, known already {}\n", kept.new, kept.known)
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
        says: places_say(kept) + &notes,
    })
}

async fn streets(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let read = read_streets(bytes, &store.units().await?).map_err(refused)?;
    let kept = store.keep_streets(&read.kept, dry_run, now()).await?;
    Ok(Outcome {
        read: read.rows,
        header: read.header,
        faults: read.faults,
        says: places_say(kept),
    })
}

async fn markets(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let read = read_markets(bytes, &store.units().await?).map_err(refused)?;
    let kept = store.keep_markets(&read.kept, dry_run, now()).await?;
    Ok(Outcome {
        read: read.rows,
        header: read.header,
        faults: read.faults,
        says: places_say(kept),
    })
}

async fn register(store: &Store, bytes: &[u8], dry_run: bool) -> Result<Outcome, Failure> {
    let mut file = read_register(bytes, &store.units().await?).map_err(refused)?;
    let bar = progress_bar(file.households.len(), "households");
    let actor = Actor {
        by: "import",
        now: now(),
    };
    let kept = store
        .keep_register(&file.households, dry_run, actor, |done| {
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
        read: file.rows,
        header: file.header,
        faults: file.faults,
        says: register_says(&kept),
    })
}

fn register_says(kept: &RegisterKept) -> String {
    let mut says = format!(
        "households new {}, in file {}; stalls new {}; changed {}; codes handed out {}\n",
        kept.new_households,
        kept.households.len(),
        kept.new_stalls,
        kept.changed,
        kept.new_codes
    );
    for (what, names) in [("streets", &kept.new_streets), ("markets", &kept.new_markets)] {
        if !names.is_empty() {
            let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
            let more = if names.len() > 20 { " …" } else { "" };
            says.push_str(&format!(
                "new {what} {}: {}{more}\n",
                names.len(),
                shown.join(", ")
            ));
        }
    }
    says
}

//! `choso report indicators` and `choso recount`: the figures, and the counters counted anew.

use std::path::PathBuf;
use std::process::ExitCode;

use choso::clock::now;
use choso::indicators::{Question, csv, json, not_come_yet, report};
use choso::vn::{Day, Lang, TimeMs};
use clap::{Args, Subcommand, ValueEnum};

use super::common::{Failure, Settings, write_out};

#[derive(Debug, Subcommand)]
pub enum Report {
    /// Indicators 1 to 5 of an area
    #[command(
        after_help = "Example:\n  choso report indicators --area 492@2024-06-15 --as-of 2024-06-15 --format json\n  choso report indicators --area 20242@2025-07-01 --as-of 2024-06-15 --boundaries 2025-07-01 --format csv --out hai-chau.csv"
    )]
    Indicators(Indicators),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Csv,
    Html,
}

#[derive(Debug, Args)]
pub struct Indicators {
    #[command(flatten)]
    settings: Settings,
    /// CODE@DATE, or a name if only one unit has it under these boundaries
    #[arg(long)]
    area: String,
    /// The day the figures are of, YYYY-MM-DD [default: today in Viet Nam]
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// The day whose boundaries are used [default: the as-of day]
    #[arg(long, value_name = "DAY")]
    boundaries: Option<Day>,
    /// Count only what was recorded by this time, ISO 8601 [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    known_at: Option<TimeMs>,
    /// How it is written
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Where to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso recount --json\n\nExit status 1 when a counter differs or received is not posted + quarantined + ignored."
)]
pub struct RecountArgs {
    #[command(flatten)]
    settings: Settings,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn parse_time(text: &str) -> Result<TimeMs, String> {
    TimeMs::parse(text).map_err(|e| e.to_string())
}

pub async fn run(command: Report) -> Result<ExitCode, Failure> {
    let Report::Indicators(args) = command;
    let (_, store) = args.settings.open().await?;
    let as_of = args.as_of.unwrap_or_else(|| Day::of(now()));
    if let Some(sentence) = not_come_yet(as_of, Day::of(now())) {
        return Err(Failure::Refused(format!("--as-of: {}", sentence.en)));
    }
    let boundaries = args.boundaries.unwrap_or(as_of);
    let (units, facts) = store.facts(as_of, args.known_at).await?;
    let refused = |e: &dyn std::fmt::Display| Failure::Refused(e.to_string());
    let area = units.find(&args.area, boundaries).map_err(|e| refused(&e))?;
    let question = Question {
        area,
        as_of,
        boundaries,
        known_at: args.known_at.unwrap_or_else(now),
    };
    let report = report(question, &units, &facts).map_err(|e| refused(&e))?;
    let data = match args.format {
        Format::Json => {
            let mut text = serde_json::to_string_pretty(&json(&report, &units)).map_err(|e| refused(&e))?;
            text.push('\n');
            text.into_bytes()
        }
        Format::Csv => csv(&report, &units),
        Format::Html => choso::web::report_html(&report, &units, Lang::Vi)
            .map_err(|e| refused(&e))?
            .into_bytes(),
    };
    store.close().await;
    write_out(args.out.as_deref(), &data)?;
    Ok(ExitCode::SUCCESS)
}

pub async fn recount(args: RecountArgs) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let recount = store.recount().await?;
    store.close().await;
    let text = if args.json {
        serde_json::to_string(&recount).map_err(|e| Failure::Refused(e.to_string()))? + "\n"
    } else {
        recount_text(&recount)
    };
    write_out(None, text.as_bytes())?;
    if recount.counters_agree && recount.conservation_holds {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::from(1))
    }
}

fn recount_text(recount: &choso::store::Recount) -> String {
    let mut out = String::new();
    let t = &recount.totals;
    for (name, total) in [
        ("received", t.received),
        ("posted", t.posted),
        ("quarantined", t.quarantined),
        ("ignored", t.ignored),
    ] {
        let amount = choso::vn::Dong::new(total.amount_vnd).show(Lang::En);
        out.push_str(&format!("{name:<12} {:>12} {amount:>28}\n", total.count));
    }
    out.push_str(&format!(
        "{:<12} {:>12}\n{:<12} {:>12}\n",
        "repeats", t.repeats, "receipts", recount.receipts
    ));
    let words = |ok: bool, yes: &'static str, no: &'static str| if ok { yes } else { no };
    out.push_str(words(
        recount.conservation_holds,
        "received = posted + quarantined + ignored\n",
        "CONSERVATION IS BROKEN\n",
    ));
    out.push_str(words(
        recount.counters_agree,
        "every counter agrees with what it counts\n",
        "COUNTERS DIFFER:\n",
    ));
    for difference in &recount.differences {
        out.push_str(&format!("  {difference}\n"));
    }
    out
}

//! `choso close-day`: fixes a provider's day, or restates one that is closed.

use std::process::ExitCode;

use choso::clock::now;
use choso::settlement::{CloseRequest, Reconciler};
use choso::vn::Day;
use clap::Args;

use super::common::{Failure, Settings};

/// Close a provider's day: fix its figures, so that only a dated restatement changes them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  choso close-day --provider mybank --day 2026-06-15\n  choso close-day --provider mybank --day 2026-06-15 --restate --reason \"late file of the bank\"\n\nThe figures are printed as one JSON object. Exit status 1 if the day is not over, has open exceptions and no reason is given, or nothing has changed since the last close."
)]
pub struct CloseDay {
    /// Whose statements
    #[arg(long, value_name = "ID")]
    provider: String,
    /// The day
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Day,
    /// State a closed day anew: what came later takes effect
    #[arg(long, requires = "reason")]
    restate: bool,
    /// Why exceptions are left open, or why the day is stated anew
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(args: CloseDay) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    super::statement::profile_of(&store, &args.provider).await?;
    let reconciler = Reconciler {
        store: &store,
        calendar: &config.calendar,
        now: now(),
    };
    let request = CloseRequest {
        provider_id: &args.provider,
        business_day: args.day,
        reason: &args.reason,
        by: BY,
    };
    let closed = if args.restate {
        reconciler.restate_day(request).await?
    } else {
        reconciler.close_day(request).await?
    };
    store.close().await;
    println!("{}", serde_json::json!(closed.figures));
    match closed.version {
        1 => eprintln!(
            "{} is closed; {} exceptions were left open",
            args.day, closed.open
        ),
        version => eprintln!("{} is restated (version {version})", args.day),
    }
    Ok(ExitCode::SUCCESS)
}

/// Who closes on the command line.
const BY: &str = "choso close-day";

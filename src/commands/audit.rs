//! `choso audit verify`: every kept callback is verified again, and the chain they form.

use std::process::ExitCode;

use choso::intake::KeyFile;
use clap::{Args, Subcommand};

use super::common::{Failure, Settings};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of evidence and check every kept callback's proof again
    #[command(
        after_help = "Example:\n  choso audit verify\n\nExit status: 0 everything holds; 1 at the first break, which is named."
    )]
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// One JSON object instead of sentences
    #[arg(long)]
    json: bool,
}

pub async fn run(command: AuditCommand) -> Result<ExitCode, Failure> {
    let AuditCommand::Verify(args) = command;
    let (config, store) = args.settings.open().await?;
    let key = KeyFile::read(&config.key_file)?.key_of_all_times(&store).await?;
    let (end, _) = store.chain_end().await?;
    let bar = super::common::progress_bar(usize::try_from(end.count()).unwrap_or(0), "batches");
    let audit = choso::settlement::audit(&store, &key, |so_far| {
        bar.set_position(so_far.links.unsigned_abs());
    })
    .await?;
    bar.finish_and_clear();
    store.close().await;
    if args.json {
        println!("{}", serde_json::json!(audit));
    } else {
        println!(
            "{} links, {} callbacks proven, {} expired, {} notices and {} receipts as their callbacks say, {} acts of people",
            audit.links, audit.callbacks, audit.expired, audit.notices, audit.receipts, audit.acts
        );
    }
    Ok(match &audit.broken {
        None => ExitCode::SUCCESS,
        Some(why) => {
            eprintln!("broken at {why}");
            ExitCode::FAILURE
        }
    })
}

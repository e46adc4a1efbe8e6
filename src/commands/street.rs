//! `choso street`: streets whose names look alike, and making two of them one.

use std::process::ExitCode;

use choso::clock::now;
use choso::store::{Actor, StreetView};
use choso::vn::name_key;
use clap::{Args, Subcommand};

use super::common::{Failure, Settings};

#[derive(Debug, Subcommand)]
pub enum Street {
    Alike(Alike),
    Merge(Merge),
}

/// Streets whose names look alike, which may be one street under two spellings
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  choso street alike\n\nExit status 0, whether there are some or none.")]
pub struct Alike {
    #[command(flatten)]
    settings: Settings,
}

/// Make two streets one: what stands at the first is at the second from now on
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso street merge \"Trần Phu\" \"Trần Phú\" --reason \"gõ thiếu dấu\"\n\nThe name of the first leads to the second from then on, also in files. Reports as known before (--known-at) still\ncount two. A merge is not taken back."
)]
pub struct Merge {
    #[command(flatten)]
    settings: Settings,
    /// Name or id of the street that is no street of its own
    street: String,
    /// Name or id of the street that it is
    into: String,
    /// Why, for whoever looks it up
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub async fn run(street: Street) -> Result<ExitCode, Failure> {
    match street {
        Street::Alike(args) => alike(args).await,
        Street::Merge(args) => merge(args).await,
    }
}

async fn alike(args: Alike) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let groups = store.streets_alike().await?;
    store.close().await;
    for group in &groups {
        let names: Vec<String> = group
            .iter()
            .map(|s| format!("{} (households {}, id {})", s.name, s.households, s.street_id))
            .collect();
        println!("{}", names.join("  ·  "));
    }
    eprintln!("groups of streets that look alike: {}", groups.len());
    Ok(ExitCode::SUCCESS)
}

async fn merge(args: Merge) -> Result<ExitCode, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::Settings(
            "--reason is empty; say why the two are one".to_owned(),
        ));
    }
    let (_, store) = args.settings.open().await?;
    let streets = store.streets().await?;
    let street = find(&streets, &args.street)?;
    let into = find(&streets, &args.into)?;
    let actor = Actor {
        by: "choso street merge",
        now: now(),
    };
    let segments = store
        .merge_streets(&street.street_id, &into.street_id, reason, actor)
        .await?;
    store.close().await;
    println!(
        "«{}» is «{}» now: segments moved {segments}, households {}",
        street.name, into.name, street.households
    );
    Ok(ExitCode::SUCCESS)
}

/// The one street with this id or name. Accents count, since streets that look alike are what is merged.
fn find<'s>(streets: &'s [StreetView], wanted: &str) -> Result<&'s StreetView, Failure> {
    if let Some(street) = streets.iter().find(|s| s.street_id == wanted) {
        return Ok(street);
    }
    let named: Vec<&StreetView> = streets
        .iter()
        .filter(|s| name_key(&s.name) == name_key(wanted))
        .collect();
    match named[..] {
        [street] => Ok(street),
        [] => Err(Failure::Refused(format!(
            "no street is called «{wanted}»; `choso street alike` lists streets that look alike"
        ))),
        _ => {
            let ids: Vec<&str> = named.iter().map(|s| s.street_id.as_str()).collect();
            Err(Failure::Refused(format!(
                "«{wanted}» is the name of several; give one id: {}",
                ids.join(", ")
            )))
        }
    }
}

//! `choso user add|list|revoke`: who may sign in.

use std::process::ExitCode;

use choso::access::{token_sha256, token_text};
use choso::clock::now;
use clap::{Args, Subcommand};

use super::common::{Failure, Settings};

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person; prints once what they sign in with
    #[command(
        after_help = "Example:\n  choso user add \"Cán bộ 01\"\n  choso user add \"Cán bộ 01\" --replace    a lost token is revoked and replaced"
    )]
    Add(Add),
    /// List people
    #[command(after_help = "Example:\n  choso user list")]
    List(List),
    /// Take a person's token away
    #[command(after_help = "Example:\n  choso user revoke \"Cán bộ 01\"")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    settings: Settings,
    /// The name recorded with every change this person makes
    name: String,
    /// Revoke the person's token and make a new one
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    settings: Settings,
    /// The person
    name: String,
}

pub async fn run(command: User) -> Result<ExitCode, Failure> {
    match command {
        User::Add(args) => add(args).await,
        User::List(args) => list(args).await,
        User::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: Add) -> Result<ExitCode, Failure> {
    let name = args.name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Failure::Refused("NAME wants 1 to 100 characters".to_owned()));
    }
    let (_, store) = args.settings.open_or_make().await?;
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let token = token_text(random);
    store
        .add_token(&name, &token_sha256(&token), args.replace, now())
        .await?;
    println!("{token}");
    eprintln!("this is how «{name}» signs in; it is shown once and cannot be read again");
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(args: List) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    for token in store.tokens().await? {
        let state = match token.revoked_at {
            Some(at) => format!("revoked {}", at.show()),
            None => "living".to_owned(),
        };
        println!("{}\t{}\t{}", token.name, token.created_at.show(), state);
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: Revoke) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let revoked = store.revoke_token(&args.name, now()).await?;
    store.close().await;
    if revoked {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::Refused(format!(
            "«{}» has no living token; `choso user list` shows who has",
            args.name
        )))
    }
}

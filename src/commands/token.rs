//! `choso token add|list|revoke`: tokens of programs, each made for what it may do.

use std::process::ExitCode;

use choso::access::{Holder, Scope, token_sha256, token_text};
use choso::clock::now;
use clap::{Args, Subcommand, ValueEnum};

use super::common::{Failure, Settings, random};
use super::user::{checked_name, state};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Add a program; prints its token once
    #[command(
        after_help = "Example:\n  choso token add \"Loa chợ Hàn\" --may receipts\n  choso token add \"Loa chợ Hàn\" --may receipts --replace    a lost token is revoked and replaced\n\nA program does what its token was made for and nothing else; a person's token (choso user add) never reads single receipts."
    )]
    Add(Add),
    /// List programs
    #[command(after_help = "Example:\n  choso token list")]
    List(List),
    /// Take a program's token away
    #[command(after_help = "Example:\n  choso token revoke \"Loa chợ Hàn\"")]
    Revoke(Revoke),
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum May {
    /// Hear single receipts of all households as they are posted, and read bills
    Receipts,
}

#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    settings: Settings,
    /// The program, and where it runs
    name: String,
    /// What it may do; may be given several times
    #[arg(long, value_name = "SCOPE", required = true)]
    may: Vec<May>,
    /// Revoke the program's token and make a new one
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
    /// The program
    name: String,
}

pub async fn run(command: Token) -> Result<ExitCode, Failure> {
    match command {
        Token::Add(args) => add(args).await,
        Token::List(args) => list(args).await,
        Token::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: Add) -> Result<ExitCode, Failure> {
    let name = checked_name(&args.name)?;
    let scope = |may: &May| match may {
        May::Receipts => Scope::Receipts,
    };
    let mut may: Vec<Scope> = args.may.iter().map(scope).collect();
    may.sort_unstable();
    may.dedup();
    let (_, store) = args.settings.open().await?;
    let token = token_text(random()?);
    store
        .add_program_token(&name, &token_sha256(&token), &may, args.replace, now())
        .await?;
    println!("{token}");
    eprintln!("the token of «{name}»: it is shown once and cannot be read again");
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(args: List) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    for token in store.tokens().await? {
        if let Holder::Program { name, may } = &token.holder {
            let words: Vec<&str> = may.iter().map(|scope| scope.as_str()).collect();
            let made = token.created_at.show();
            println!("{name}\t{}\t{made}\t{}", words.join(","), state(token.revoked_at));
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: Revoke) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let is_program = |holder: &Holder| matches!(holder, Holder::Program { name, .. } if *name == args.name);
    let is_living = store
        .tokens()
        .await?
        .iter()
        .any(|token| token.revoked_at.is_none() && is_program(&token.holder));
    let revoked = is_living && store.revoke_token(&args.name, now()).await?;
    store.close().await;
    if revoked {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::Refused(format!(
            "no program «{}» has an active token; `choso token list` shows which have",
            args.name
        )))
    }
}

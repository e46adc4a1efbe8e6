//! `choso user add|pin|link|sessions|list|revoke`: who may sign in.

use std::process::ExitCode;

use choso::access::{Holder, Pin, once_text, sign_in_link, token_sha256, token_text};
use choso::clock::now;
use choso::store::FirstPin;
use choso::vn::{Phone, TimeMs};
use clap::{Args, Subcommand};

use super::common::{Failure, Settings, random};

/// How long a link that signs in once can be used.
const LINK_HOURS: i64 = 24;
/// How long a PIN for the first use can be used.
const FIRST_PIN_DAYS: i64 = 7;

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person; prints once what they sign in with
    #[command(
        after_help = "Example:\n  choso user add \"Cán bộ 01\"\n  choso user add \"Cán bộ 01\" --replace    a lost token is revoked and replaced"
    )]
    Add(Add),
    /// Give a person a PIN for the first sign-in by phone number; the person then chooses one
    #[command(
        after_help = "Example:\n  choso user pin \"Cán bộ 01\" --phone 0905000111\n\nThe PIN is good for 7 days and only for choosing one's own. A forgotten PIN is replaced the same way."
    )]
    Pin(PinArgs),
    /// Print a link that signs a person in once, within 24 hours
    #[command(
        after_help = "Example:\n  choso user link \"Cán bộ 01\"\n\nThe link begins with the setting public_host, else with the address the service listens at."
    )]
    Link(Link),
    /// List where a person is signed in, or sign the person out everywhere
    #[command(
        after_help = "Example:\n  choso user sessions \"Cán bộ 01\"\n  choso user sessions \"Cán bộ 01\" --end    a lost phone: signed out everywhere; token and PIN stay"
    )]
    Sessions(Sessions),
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
pub struct PinArgs {
    #[command(flatten)]
    settings: Settings,
    /// The person, added before by `choso user add`
    name: String,
    /// The phone number with which the person signs in
    #[arg(long, value_name = "NUMBER")]
    phone: String,
}

#[derive(Debug, Args)]
pub struct Link {
    #[command(flatten)]
    settings: Settings,
    /// The person
    name: String,
}

#[derive(Debug, Args)]
pub struct Sessions {
    #[command(flatten)]
    settings: Settings,
    /// The person
    name: String,
    /// Sign the person out everywhere
    #[arg(long)]
    end: bool,
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
        User::Pin(args) => pin(args).await,
        User::Link(args) => link(args).await,
        User::Sessions(args) => sessions(args).await,
        User::List(args) => list(args).await,
        User::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: Add) -> Result<ExitCode, Failure> {
    let name = checked_name(&args.name)?;
    let (_, store) = args.settings.open_or_make().await?;
    let token = token_text(random()?);
    store
        .add_token(&name, &token_sha256(&token), args.replace, now())
        .await?;
    println!("{token}");
    eprintln!("this is how «{name}» signs in; it is shown once and cannot be read again");
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A name on one line.
pub(super) fn checked_name(typed: &str) -> Result<String, Failure> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Failure::Refused("NAME wants 1 to 100 characters".to_owned()));
    }
    Ok(name)
}

async fn pin(args: PinArgs) -> Result<ExitCode, Failure> {
    let wanted = "--phone wants a Vietnamese number such as 0905000111";
    let phone = Phone::parse(args.phone.trim()).ok_or_else(|| Failure::Refused(wanted.to_owned()))?;
    let name = checked_name(&args.name)?;
    let (_, store) = args.settings.open().await?;
    let first = loop {
        let pin = Pin::from_random(random()?);
        if pin.weakness(&phone).is_none() {
            break pin;
        }
    };
    let time = now();
    let until = TimeMs(time.0 + FIRST_PIN_DAYS * 86_400_000);
    let new = FirstPin {
        name: &name,
        phone: &phone,
        pin_hash: &first.hash(random()?),
        expires_at: until,
    };
    store.add_pin(new, time).await?;
    println!("{}", first.reveal());
    eprintln!(
        "with it and the phone number {phone} «{name}» signs in once, until {}, and then chooses a PIN; tell it to nobody else",
        until.show()
    );
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn link(args: Link) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let origin = match &config.public_host {
        Some(host) => format!("https://{host}"),
        None if config.listen.port() == 0 || config.listen.ip().is_unspecified() => {
            let wanted = "the setting public_host says where the link leads; listen names no single address";
            return Err(Failure::Settings(wanted.to_owned()));
        }
        None => format!("http://{}", config.listen),
    };
    let once = once_text(random()?);
    let time = now();
    let until = TimeMs(time.0 + LINK_HOURS * 3_600_000);
    store
        .add_sign_in_link(&args.name, &token_sha256(&once), until, time)
        .await?;
    println!("{}", sign_in_link(&origin, &once, "/"));
    eprintln!(
        "it signs «{}» in once, until {}; send it to nobody else",
        args.name,
        until.show()
    );
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn sessions(args: Sessions) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let sessions = store.sessions_of(&args.name, now()).await?;
    for session in &sessions {
        let device = if session.device.is_empty() {
            "unknown device"
        } else {
            &session.device
        };
        println!(
            "{}\t{device}\tsigned in {}\tlast used {}",
            session.id,
            session.opened_at.show(),
            session.seen_at.show()
        );
    }
    if sessions.is_empty() {
        eprintln!("«{}» is signed in nowhere", args.name);
    } else if args.end {
        let ended = store.end_other_sessions(&args.name, "").await?;
        eprintln!("«{}» was signed out of {ended} devices", args.name);
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(args: List) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    for token in store.tokens().await? {
        if let Holder::Person { name } = &token.holder {
            println!("{name}\t{}\t{}", token.created_at.show(), state(token.revoked_at));
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Whether a token is living.
pub(super) fn state(revoked_at: Option<TimeMs>) -> String {
    match revoked_at {
        Some(at) => format!("revoked {}", at.show()),
        None => "active".to_owned(),
    }
}

async fn revoke(args: Revoke) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    let revoked = store.revoke_token(&args.name, now()).await?;
    store.close().await;
    if revoked {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::Refused(format!(
            "«{}» has no active token; `choso user list` shows who has",
            args.name
        )))
    }
}

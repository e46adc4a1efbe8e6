use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use choso::access::{NONCE_BYTES, key_purpose};
use choso::app::now;
use choso::config::Config;
use choso::notice::parse_secret;
use choso::store::{NewProvider, Store, fresh_id};
use choso::vn::{Secret, TimeMs};
use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Settings, read_file};

#[derive(Debug, Subcommand)]
pub enum Provider {
    /// Add a provider; its callback address is printed
    #[command(
        after_help = "Example:\n  choso provider add --id mybank --profile standard --secret-file mybank.secret\n\nWithout --secret-file a secret is made and printed once."
    )]
    Add(Add),
    /// List the providers
    #[command(after_help = "Example:\n  choso provider list")]
    List(List),
    /// Give a provider a new key; the old one stays good for a while
    #[command(
        after_help = "Example:\n  choso provider rotate-key --id mybank --secret-file new.secret --overlap-hours 24"
    )]
    RotateKey(RotateKey),
}

/// How a provider signs and what it sends.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// Standard Webhooks, the native profile: any provider can use it
    Standard,
}

#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    settings: Settings,
    /// Name in the callback address: small letters, digits, - and _
    #[arg(long)]
    id: String,
    /// How it signs and what it sends
    #[arg(long, value_enum)]
    profile: Profile,
    /// File with the secret: as text, or a JSON object {"signing_secret": "whsec_…"}
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub struct RotateKey {
    #[command(flatten)]
    settings: Settings,
    /// Name of the provider
    #[arg(long)]
    id: String,
    /// File with the new secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How long the older keys still fit
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=720))]
    overlap_hours: i64,
}

pub async fn run(command: Provider) -> Result<ExitCode, Failure> {
    match command {
        Provider::Add(args) => add(args).await,
        Provider::List(args) => list(args).await,
        Provider::RotateKey(args) => rotate(args).await,
    }
}

async fn add(args: Add) -> Result<ExitCode, Failure> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if args.id.is_empty() || args.id.len() > 40 || !args.id.bytes().all(is_plain) {
        return Err(Failure::Refused(
            "--id wants 1 to 40 small letters, digits, - or _".to_owned(),
        ));
    }
    let secret = secret(args.secret_file)?;
    let (config, store) = args.settings.open().await?;
    let (key_id, sealed_secret) = seal(&config, &args.id, &secret)?;
    let Profile::Standard = args.profile;
    let new = NewProvider {
        provider_id: args.id.clone(),
        profile: "standard".to_owned(),
        key_id,
        sealed_secret,
    };
    store.add_provider(&new, now()).await?;
    println!("POST http://{}/callbacks/{}", config.listen, args.id);
    eprintln!(
        "provider «{}» added; put your public host in front of /callbacks/{}",
        args.id, args.id
    );
    end(store).await
}

async fn list(args: List) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let providers = store.providers(now()).await?;
    println!(
        "{:<20} {:<10} {:<5} {:<17} callback",
        "id", "profile", "keys", "since"
    );
    for p in &providers {
        let since = p.created_at.show();
        println!(
            "{:<20} {:<10} {:<5} {:<17} http://{}/callbacks/{}",
            p.provider_id,
            p.profile,
            p.keys.len(),
            since,
            config.listen,
            p.provider_id
        );
    }
    if providers.is_empty() {
        eprintln!(
            "no provider yet; add one with `choso provider add --id NAME --profile standard --secret-file FILE`"
        );
    }
    end(store).await
}

async fn rotate(args: RotateKey) -> Result<ExitCode, Failure> {
    let secret = secret(args.secret_file)?;
    let (config, store) = args.settings.open().await?;
    let (key_id, sealed) = seal(&config, &args.id, &secret)?;
    let at = now();
    let until = TimeMs(at.0 + args.overlap_hours * 3_600_000);
    store.rotate_key(&args.id, &key_id, &sealed, until, at).await?;
    eprintln!(
        "key {key_id} is live; the older keys of «{}» fit until {}",
        args.id,
        until.iso()
    );
    end(store).await
}

async fn end(store: Store) -> Result<ExitCode, Failure> {
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The secret of a file, or a new one that is printed, once.
fn secret(file: Option<PathBuf>) -> Result<Secret, Failure> {
    let Some(path) = file else {
        let mut random = [0u8; 32];
        getrandom::fill(&mut random).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
        println!(
            "whsec_{}",
            base64::engine::general_purpose::STANDARD.encode(random)
        );
        eprintln!("this secret is shown once; give it to the provider's engineer by a safe way");
        return Ok(Secret::new(random.to_vec()));
    };
    let wrong = |cause: String| Failure::Refused(format!("{}: {cause}", path.display()));
    let text = String::from_utf8(read_file(&path)?).map_err(|_| wrong("is not text".to_owned()))?;
    let text = match text.trim_start().starts_with('{') {
        true => signing_secret(&text).map_err(wrong)?,
        false => text,
    };
    parse_secret(&text).map_err(|e| wrong(e.to_string()))
}

fn signing_secret(text: &str) -> Result<String, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))?;
    match json.get("signing_secret").and_then(|s| s.as_str()) {
        Some(secret) => Ok(secret.to_owned()),
        None => Err("has no member \"signing_secret\"".to_owned()),
    }
}

fn seal(config: &Config, provider_id: &str, secret: &Secret) -> Result<(String, String), Failure> {
    let mut nonce = [0u8; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let key_id = format!("k-{}", fresh_id(now()));
    let sealed = config
        .sealing_key()?
        .seal(secret, &key_purpose(provider_id, &key_id), nonce);
    Ok((key_id, sealed))
}

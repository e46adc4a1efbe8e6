//! `choso provider …`: providers, their keys, what is agreed with them, and a provider on trial.

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use choso::access::{NONCE_BYTES, key_purpose};
use choso::clock::now;
use choso::config::Config;
use choso::notice::{SCHEMES, Scheme, Secrets, scheme};
use choso::reconcile::RuleTexts;
use choso::store::{NewKey, NewProvider, Store, fresh_id};
use choso::vn::TimeMs;
use clap::{Args, Subcommand};

use super::common::{Failure, Settings, read_file};
use super::simulate;

#[derive(Debug, Subcommand)]
pub enum Provider {
    /// Add a provider; its callback address is printed
    #[command(
        after_help = "Example:\n  choso provider add --id mybank --profile standard --secret-file mybank.secret\n  choso provider add --id momo-cho-con --profile momo --secret-file momo.json\n\nmomo.json holds {\"partner_code\": \"…\", \"access_key\": \"…\", \"secret_key\": \"…\"}; `choso provider schemes` lists\nthe names for every profile. Where the secret is ours to invent (standard, mb, sepay) it is made and\nprinted once when no file is given."
    )]
    Add(Add),
    /// List the providers
    #[command(after_help = "Example:\n  choso provider list")]
    List(List),
    /// List the profiles and schemes with their secrets and settings
    #[command(after_help = "Example:\n  choso provider schemes")]
    Schemes,
    /// Give a provider a new key; the old one stays good for a while
    #[command(
        after_help = "Example:\n  choso provider rotate-key --id mybank --secret-file new.secret --overlap-hours 24"
    )]
    RotateKey(RotateKey),
    /// Stop taking callbacks of a provider; what it sent stays
    #[command(after_help = "Example:\n  choso provider disable --id mybank")]
    Disable(Which),
    /// Take callbacks of a disabled provider again
    #[command(after_help = "Example:\n  choso provider enable --id mybank")]
    Enable(Which),
    /// Show or change what counts as agreement with a provider's statements
    #[command(
        after_help = "Examples:\n  choso provider rules --id mybank\n  choso provider rules --id mybank --cutoff 17:00 --fee 0.55% --fee-vat 8% --in-sums no --deadline-days 3\n\nWhat is not named stays as it is. The next comparison of any day goes by it; a fee is judged when a file is\ntaken in, so set it before. Working days: the setting holidays in assets/choso.default.toml."
    )]
    Rules(Rules),
    /// Post signed callbacks to a running service, as this provider would
    Simulate(simulate::Simulate),
}

#[derive(Debug, Args)]
pub struct Add {
    #[command(flatten)]
    settings: Settings,
    /// Name in the callback address: small letters, digits, - and _
    #[arg(long)]
    id: String,
    /// The provider: standard, momo, vnpay, viettel, vnpt, mb, zalopay, payos, casso, sepay
    #[arg(long)]
    profile: String,
    /// How it signs, where the provider has several ways; its first way if absent
    #[arg(long)]
    scheme: Option<String>,
    /// File with the secret: as text where there is only one, else a JSON object of texts
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub struct Which {
    #[command(flatten)]
    settings: Settings,
    /// Name of the provider
    #[arg(long)]
    id: String,
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

#[derive(Debug, Args)]
pub struct Rules {
    #[command(flatten)]
    settings: Settings,
    /// Name of the provider
    #[arg(long)]
    id: String,
    /// When its day ends: HH:mm or midnight; what is paid after it is expected under the next day
    #[arg(long, value_name = "HH:mm")]
    cutoff: Option<String>,
    /// What it keeps of a payment, such as 0.55%, or unknown
    #[arg(long, value_name = "PERCENT")]
    fee: Option<String>,
    /// The tax on the fee, such as 8%
    #[arg(long, value_name = "PERCENT")]
    fee_vat: Option<String>,
    /// Whether it pays out many payments as one and gives the sum an id: yes or no
    #[arg(long, value_name = "yes|no")]
    in_sums: Option<String>,
    /// Working days that a receipt may wait for its row, 1 to 30
    #[arg(long, value_name = "N")]
    deadline_days: Option<u32>,
    /// Days that a row may lie away from its receipt, 0 to 3
    #[arg(long, value_name = "N")]
    slack_days: Option<u32>,
}

pub async fn run(command: Provider) -> Result<ExitCode, Failure> {
    match command {
        Provider::Add(args) => add(args).await,
        Provider::List(args) => list(args).await,
        Provider::Schemes => Ok(schemes()),
        Provider::RotateKey(args) => rotate(args).await,
        Provider::Disable(args) => set_disabled(args, true).await,
        Provider::Enable(args) => set_disabled(args, false).await,
        Provider::Rules(args) => rules(args).await,
        Provider::Simulate(args) => simulate::run(args).await,
    }
}

async fn add(args: Add) -> Result<ExitCode, Failure> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if args.id.is_empty() || args.id.len() > 40 || !args.id.bytes().all(is_plain) {
        return Err(Failure::Refused(
            "--id wants 1 to 40 small letters, digits, - or _".to_owned(),
        ));
    }
    let scheme =
        scheme(&args.profile, args.scheme.as_deref()).map_err(|e| Failure::Refused(e.to_string()))?;
    let secrets = secrets(args.secret_file, scheme)?;
    let (config, store) = args.settings.open().await?;
    let (key_id, sealed_secret) = seal(&config, &args.id, &secrets)?;
    let new = NewProvider {
        provider_id: args.id.clone(),
        profile: scheme.profile.to_owned(),
        scheme: scheme.name.to_owned(),
        key_id,
        sealed_secret,
    };
    store.add_provider(&new, now()).await?;
    for path in scheme.paths {
        println!(
            "{} http://{}/callbacks/{}{path}",
            scheme.method, config.listen, args.id
        );
    }
    eprintln!(
        "provider «{}» added ({}/{}); put your public host in front of /callbacks/{}",
        args.id, scheme.profile, scheme.name, args.id
    );
    end(store).await
}

async fn list(args: List) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let providers = store.providers(now()).await?;
    println!(
        "{:<20} {:<28} {:<5} {:<17} {:<9} callback",
        "id", "scheme", "keys", "since", "state"
    );
    for p in &providers {
        println!(
            "{:<20} {:<28} {:<5} {:<17} {:<9} http://{}/callbacks/{}",
            p.provider_id,
            format!("{}/{}", p.profile, p.scheme),
            p.keys.len(),
            p.created_at.show(),
            if p.disabled_at.is_some() {
                "disabled"
            } else {
                "live"
            },
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

fn schemes() -> ExitCode {
    for scheme in &SCHEMES {
        println!("{}/{}", scheme.profile, scheme.name);
        println!("  secrets   {}", scheme.secrets.join(", "));
        for (name, meaning) in scheme.settings {
            println!("  setting   {name}: {meaning}");
        }
    }
    ExitCode::SUCCESS
}

async fn rotate(args: RotateKey) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let providers = store.providers(now()).await?;
    let Some(provider) = providers.iter().find(|p| p.provider_id == args.id) else {
        return Err(Failure::Refused(format!("there is no provider «{}»", args.id)));
    };
    let scheme =
        scheme(&provider.profile, Some(&provider.scheme)).map_err(|e| Failure::Refused(e.to_string()))?;
    let secrets = secrets(args.secret_file, scheme)?;
    let (key_id, sealed) = seal(&config, &args.id, &secrets)?;
    let at = now();
    let until = TimeMs(at.0 + args.overlap_hours * 3_600_000);
    let new = NewKey {
        provider_id: &args.id,
        key_id: &key_id,
        sealed_secret: &sealed,
    };
    store.rotate_key(new, until, at).await?;
    eprintln!(
        "key {key_id} is live; the older keys of «{}» fit until {}",
        args.id,
        until.iso()
    );
    end(store).await
}

async fn set_disabled(args: Which, is_disabled: bool) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    store
        .set_provider_disabled(&args.id, is_disabled.then(now))
        .await?;
    let said = if is_disabled {
        "disabled: its callbacks are answered 404"
    } else {
        "live again"
    };
    eprintln!(
        "provider «{}» is {said}; running services follow within seconds",
        args.id
    );
    end(store).await
}

async fn rules(args: Rules) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open().await?;
    super::statement::profile_of(&store, &args.id).await?;
    let change = RuleTexts {
        cutoff: args.cutoff,
        fee: args.fee,
        fee_vat: args.fee_vat,
        in_sums: args.in_sums,
        deadline_days: args.deadline_days,
        slack_days: args.slack_days,
    };
    let agreed = if change == RuleTexts::default() {
        store.statement_rules(&args.id).await?
    } else {
        store
            .change_statement_rules(&args.id, &change, "choso provider rules", now())
            .await?
    };
    let texts = agreed.rules.texts();
    let number = |days: Option<u32>| days.map(|days| days.to_string());
    for (name, value) in [
        ("cutoff", texts.cutoff),
        ("fee", texts.fee),
        ("fee-vat", texts.fee_vat),
        ("in-sums", texts.in_sums),
        ("deadline-days", number(texts.deadline_days)),
        ("slack-days", number(texts.slack_days)),
    ] {
        println!("{name:<14} {}", value.unwrap_or_default());
    }
    match agreed.set {
        Some((by, at)) => eprintln!("set by {by} on {}", at.show()),
        None => eprintln!("the usual rules; nobody has set others for «{}»", args.id),
    }
    end(store).await
}

async fn end(store: Store) -> Result<ExitCode, Failure> {
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The secrets of a file; without one, new ones that are printed once, where they are ours to invent.
fn secrets(file: Option<PathBuf>, scheme: &'static Scheme) -> Result<Secrets, Failure> {
    let Some(path) = file else {
        return invented(scheme);
    };
    let wrong = |cause: String| Failure::Refused(format!("{}: {cause}", path.display()));
    let text = String::from_utf8(read_file(&path)?).map_err(|_| wrong("is not text".to_owned()))?;
    scheme.read_secrets(&text).map_err(|e| wrong(e.to_string()))
}

fn invented(scheme: &'static Scheme) -> Result<Secrets, Failure> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let coded = base64::engine::general_purpose::STANDARD.encode(random);
    let plain: String = coded.chars().filter(char::is_ascii_alphanumeric).collect();
    let text = match (scheme.profile, scheme.secrets) {
        ("standard", _) => format!("whsec_{coded}"),
        ("mb", _) => serde_json::json!({
            "basic_username": format!("choso-{}", plain.get(..8).unwrap_or_default()),
            "basic_password": plain.get(8..).unwrap_or_default(),
        })
        .to_string(),
        ("sepay", [_]) => plain,
        (profile, names) => {
            return Err(Failure::Refused(format!(
                "the secret comes from {profile}; give it with --secret-file FILE, a JSON object with {}",
                names.join(", ")
            )));
        }
    };
    println!("{text}");
    eprintln!("this secret is shown once; give it to the provider's engineer by a safe way");
    scheme
        .read_secrets(&text)
        .map_err(|e| Failure::Refused(e.to_string()))
}

fn seal(config: &Config, provider_id: &str, secrets: &Secrets) -> Result<(String, String), Failure> {
    let mut nonce = [0u8; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let key_id = format!("k-{}", fresh_id(now()));
    let sealed = config
        .sealing_key()?
        .seal(&secrets.to_json(), &key_purpose(provider_id, &key_id), nonce);
    Ok((key_id, sealed))
}

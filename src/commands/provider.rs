//! `choso provider …`: providers, their keys, what is agreed with them, and a provider on trial.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use choso::access::{NONCE_BYTES, SealingKey, key_purpose};
use choso::clock::now;
use choso::config::Config;
use choso::intake::{KeyFile, open_secrets};
use choso::notice::{SCHEMES, Scheme, Secrets, scheme};
use choso::reconcile::RuleTexts;
use choso::store::{EverKey, NewKey, NewProvider, Store, fresh_id};
use choso::vn::TimeMs;
use clap::{Args, Subcommand};

use super::common::{Failure, Settings, read_file};
use super::simulate;

#[derive(Debug, Subcommand)]
pub enum Provider {
    /// Add a provider; its callback address is printed
    #[command(
        after_help = "Example:\n  choso provider add --id mybank --profile standard\n  choso provider add --id momo-cho-con --profile momo --secret-file momo.json\n\nWhere the secret is ours to invent (standard, mb, sepay) it is made and printed once when no file is given.\nmomo.json holds {\"partner_code\": \"…\", \"access_key\": \"…\", \"secret_key\": \"…\"}; `choso provider schemes` lists\nthe names for every profile."
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
        after_help = "Examples:\n  choso provider rotate-key --id mybank --overlap-hours 24\n  choso provider rotate-key --id momo-cho-con --secret-file new.json\n\nWithout a file the secret is made and printed once, where it is ours to invent (standard, mb, sepay)."
    )]
    RotateKey(RotateKey),
    /// List the keys of a provider: since when, until when, and whether each can be used
    #[command(
        after_help = "Example:\n  choso provider keys --id mybank\n\nExit status 1 if a live key cannot be used."
    )]
    Keys(Which),
    /// End one key at once; the others stay as they are
    #[command(
        after_help = "Example:\n  choso provider remove-key --id mybank --key k-0198f2c4a1b27d3e\n\n`choso provider keys` names the keys. What the key has proven can still be checked by `choso audit verify`.\nIf the keys that are left would all expire, the newest of them stays."
    )]
    RemoveKey(RemoveKey),
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
pub struct RemoveKey {
    #[command(flatten)]
    settings: Settings,
    /// Name of the provider
    #[arg(long)]
    id: String,
    /// Name of the key, as `choso provider keys` lists it
    #[arg(long)]
    key: String,
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
        Provider::Keys(args) => keys(args).await,
        Provider::RemoveKey(args) => remove_key(args).await,
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
    let given = given(args.secret_file, scheme)?;
    let (config, store) = args.settings.open().await?;
    let sealing_key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
    let (key_id, sealed_secret) = seal(&sealing_key, &args.id, &given.secrets)?;
    let new = NewProvider {
        provider_id: args.id.clone(),
        profile: scheme.profile.to_owned(),
        scheme: scheme.name.to_owned(),
        key_id,
        sealed_secret,
    };
    store.add_provider(&new, now()).await?;
    given.show();
    let host = reached_at(&config);
    for path in scheme.paths {
        println!("{} {host}/callbacks/{}{path}", scheme.method, args.id);
    }
    eprintln!(
        "provider «{}» added ({}/{}); its callbacks go to that path of your public host",
        args.id, scheme.profile, scheme.name
    );
    end(store).await
}

/// What stands before the path of a callback, as far as the settings say it: `choso serve` may be told otherwise.
fn reached_at(config: &Config) -> String {
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    match &config.public_host {
        Some(host) => format!("https://{host}"),
        None if config.listen == usual || config.listen.port() == 0 => String::new(),
        None => format!("http://{}", config.listen),
    }
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
            "{:<20} {:<28} {:<5} {:<17} {:<9} {}/callbacks/{}",
            p.provider_id,
            format!("{}/{}", p.profile, p.scheme),
            p.keys.len(),
            p.created_at.show(),
            if p.disabled_at.is_some() {
                "disabled"
            } else {
                "live"
            },
            reached_at(&config),
            p.provider_id
        );
    }
    if providers.is_empty() {
        eprintln!(
            "no provider yet; add one with `choso provider add --id NAME --profile standard`, which makes its secret"
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
    let given = given(args.secret_file, scheme)?;
    let at = now();
    let sealing_key = KeyFile::read(&config.key_file)?.key_in_use(&store, at).await?;
    let (key_id, sealed) = seal(&sealing_key, &args.id, &given.secrets)?;
    let until = TimeMs(at.0 + args.overlap_hours * 3_600_000);
    let new = NewKey {
        provider_id: &args.id,
        key_id: &key_id,
        sealed_secret: &sealed,
    };
    store.rotate_key(new, until, at).await?;
    given.show();
    if args.overlap_hours == 0 {
        eprintln!(
            "key {key_id} is live; the older keys of «{}» fit no more",
            args.id
        );
    } else {
        eprintln!(
            "key {key_id} is live; the older keys of «{}» fit until {}",
            args.id,
            until.show()
        );
    }
    end(store).await
}

async fn keys(args: Which) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    super::statement::profile_of(&store, &args.id).await?;
    let mut keys = store.keys_ever().await?;
    store.close().await;
    keys.retain(|key| key.provider_id == args.id);
    // Whatever is wrong with the key file, the names can be read.
    let key_file = KeyFile::read(&config.key_file);
    let sealing_key = match &key_file {
        Ok(key_file) => key_file.key().ok_or("the key file is not there".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let mut status = ExitCode::SUCCESS;
    println!("{:<40} {:<17} {:<17} state", "key", "since", "until");
    for key in &keys {
        let is_live = key.is_live(now());
        let usable = match &sealing_key {
            Ok(sealing_key) => check_key(sealing_key, key),
            Err(error) => Err(error.clone()),
        };
        let state = match (is_live, usable) {
            (true, Ok(())) => "live".to_owned(),
            (false, Ok(())) => "ended".to_owned(),
            (true, Err(why)) => {
                status = ExitCode::FAILURE;
                format!("live, but CANNOT BE USED: {why}")
            }
            (false, Err(why)) => format!("ended; {why}"),
        };
        let until = key.expires_at.map(TimeMs::show);
        println!(
            "{:<40} {:<17} {:<17} {state}",
            key.key_id,
            key.created_at.show(),
            until.as_deref().unwrap_or("-")
        );
    }
    Ok(status)
}

/// Whether a key opens and its scheme can work with it.
fn check_key(sealing_key: &SealingKey, key: &EverKey) -> Result<(), String> {
    let secrets = open_secrets(sealing_key, &key.provider_id, &key.key_id, &key.sealed_secret)?;
    let scheme = scheme(&key.profile, Some(&key.scheme)).map_err(|e| e.to_string())?;
    scheme.check(&secrets).map_err(|e| e.to_string())
}

async fn remove_key(args: RemoveKey) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let at = now();
    let others = store.keys_ever().await?;
    let others: Vec<EverKey> = others
        .into_iter()
        .filter(|key| key.provider_id == args.id && key.key_id != args.key && key.is_live(at))
        .collect();
    let key_file = KeyFile::read(&config.key_file)?;
    let usable = |key: &EverKey| key_file.key().is_some_and(|own| check_key(own, key).is_ok());
    if !others.is_empty() && !others.iter().any(usable) {
        return Err(Failure::Refused(format!(
            "no other key of «{}» can be used: it would not be heard any more. `choso provider rotate-key` gives it a new one",
            args.id
        )));
    }
    let ended = store.end_key(&args.id, &args.key, at).await?;
    eprintln!(
        "key {} of «{}» fits no more; running services follow within seconds",
        args.key, args.id
    );
    if let Some(newest) = others.first().filter(|_| ended.prolonged) {
        eprintln!("key {} stays, and does not expire any more", newest.key_id);
    }
    end(store).await
}

async fn set_disabled(args: Which, is_disabled: bool) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    if !is_disabled {
        enabled_can_be_heard(&config, &store, &args.id).await?;
    }
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

/// A provider whose keys cannot be used would be answered 503 for ever.
async fn enabled_can_be_heard(config: &Config, store: &Store, provider_id: &str) -> Result<(), Failure> {
    let key_file = KeyFile::read(&config.key_file)?;
    let keys = store.keys_ever().await?;
    let mut live = keys
        .iter()
        .filter(|key| key.provider_id == provider_id && key.is_live(now()))
        .peekable();
    let usable = |key: &EverKey| key_file.key().is_some_and(|own| check_key(own, key).is_ok());
    if live.peek().is_some() && !live.any(usable) {
        return Err(Failure::Refused(format!(
            "no key of «{provider_id}» can be used; `choso provider keys` says why, `rotate-key` gives it a new one"
        )));
    }
    Ok(())
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

/// Secrets that a file gave, or that were made here.
struct Given {
    secrets: Secrets,
    /// What is shown once, of secrets that were made here.
    made: Option<String>,
}

impl Given {
    /// Shows a secret that was made here, once it is kept.
    fn show(&self) {
        if let Some(text) = &self.made {
            println!("{text}");
            eprintln!("this secret is shown once; give it to the provider's engineer by a safe way");
        }
    }
}

/// The secrets of a file; without one, new ones, where they are ours to invent.
fn given(file: Option<PathBuf>, scheme: &'static Scheme) -> Result<Given, Failure> {
    let Some(path) = file else {
        return made(scheme);
    };
    let wrong = |cause: String| Failure::Refused(format!("{}: {cause}", path.display()));
    let bytes = read_file(&path).map_err(|e| match invented(scheme, &[0; 32]) {
        Some(_) if !path.exists() => Failure::Refused(format!(
            "{e}; leave --secret-file out, and a secret is made and shown once"
        )),
        _ => e,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not text (UTF-8)".to_owned()))?;
    let secrets = scheme.read_secrets(&text).map_err(|e| wrong(e.to_string()))?;
    Ok(Given { secrets, made: None })
}

fn made(scheme: &'static Scheme) -> Result<Given, Failure> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let Some(text) = invented(scheme, &random) else {
        return Err(Failure::Refused(format!(
            "the secret comes from {}; give it with --secret-file FILE, {}",
            scheme.profile,
            match scheme.secrets {
                [one] => format!("which holds the {one}"),
                names => format!("a JSON object with {}", names.join(", ")),
            }
        )));
    };
    let secrets = scheme
        .read_secrets(&text)
        .map_err(|e| Failure::Refused(e.to_string()))?;
    Ok(Given {
        secrets,
        made: Some(text),
    })
}

/// A secret of these random bytes, as `--secret-file` would hold it; none where it comes from the provider.
fn invented(scheme: &Scheme, random: &[u8; 32]) -> Option<String> {
    let coded = base64::engine::general_purpose::STANDARD.encode(random);
    let plain = hex::encode(random);
    match (scheme.profile, scheme.secrets) {
        ("standard", _) => Some(format!("whsec_{coded}")),
        ("mb", _) => {
            let (user, password) = plain.split_at(8);
            let both = serde_json::json!({
                "basic_username": format!("choso-{user}"), "basic_password": password,
            });
            Some(both.to_string())
        }
        ("sepay", [_]) => Some(plain),
        _ => None,
    }
}

fn seal(sealing_key: &SealingKey, provider_id: &str, secrets: &Secrets) -> Result<(String, String), Failure> {
    let mut nonce = [0u8; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|e| Failure::Refused(format!("no random bytes: {e}")))?;
    let key_id = format!("k-{}", fresh_id(now()));
    let sealed = sealing_key.seal(&secrets.to_json(), &key_purpose(provider_id, &key_id), nonce);
    Ok((key_id, sealed))
}

//! The demonstration: Hải Châu district as reported on 15/06/2024, and a simulated provider that posts
//! signed callbacks over HTTP. Figures come out of the ordinary code path; only the facts are made up.

mod live;
mod places;
mod ward;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use tempfile::TempDir;

use crate::access::{NONCE_BYTES, Scope, key_purpose, once_text, sign_in_link, token_sha256, token_text};
use crate::app::{App, StartError, check_address};
use crate::clock::now;
use crate::config::{ConfigError, RawConfig};
use crate::intake::{KeyFile, KeyFileError};
use crate::notice::{Provider, Secrets, scheme};
use crate::places::{NewStreets, Units};
use crate::simulate::{Payee, Simulation};
use crate::store::{Actor, Creation, Import, NewCode, NewKey, NewProvider, Store, StoreError, fresh_id};
use crate::vn::{Day, TimeMs};

pub use places::{DemoMarket, DemoStreet, MARKETS, REAL_STREETS, WARDS_2024};
pub use ward::{HOUSEHOLDS, STREETS, STREETS_MET, WITH_ACCOUNT, drafts};

/// Its streets are made as they come.
const IMPORT: Import = Import {
    dry_run: false,
    new_streets: NewStreets::Made,
};
const PROVIDER: &str = "demo";
const PERSON: &str = "Trình diễn";
const LISTENER: &str = "Loa trình diễn";
/// Who recorded the demonstration's facts.
const BY: &str = "demo";

/// The day the district reported its figures.
pub fn reported_on() -> Day {
    Day::ymd(2024, 6, 15)
}

#[derive(Debug, Clone)]
pub struct Options {
    /// Folder to keep the database in; none = a temporary one.
    pub data: Option<PathBuf>,
    /// `ADDRESS:PORT`
    pub listen: String,
    /// Callbacks a second; 0 posts none.
    pub rate: u32,
    /// Seed of every choice.
    pub seed: u64,
}

/// Why the demonstration cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The service did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder or thread.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The database in the folder is something else.
    #[error("{0}")]
    Other(String),
}

/// Pages that are shown first: today, the old district on a past day, the same households under the wards of 2025, and
/// the wall check.
const PAGES: [&str; 5] = [
    "/",
    "/areas/492@2024-06-15?as_of=2024-06-15",
    "/areas/20242@2025-07-01?as_of=2024-06-15&boundaries=2025-07-01",
    "/areas/20257@2025-07-01?as_of=2024-06-15&boundaries=2025-07-01",
    "/check",
];
/// How long the links that sign in can be used.
const LINK_HOURS: i64 = 24;

pub struct Demo {
    app: App,
    token: String,
    /// The token of a program that hears receipts.
    listener_token: String,
    /// Links that sign in once, each to a page of [`PAGES`].
    links: [String; PAGES.len()],
    live: Option<live::Simulator>,
    // Removed when the demonstration ends.
    _folder: Option<TempDir>,
}

/// Loads the ward (unless the folder holds it already), starts the service and the provider.
pub async fn start(options: Options, mut say: impl FnMut(&str)) -> Result<Demo, DemoError> {
    let (folder, path) = match &options.data {
        Some(path) => {
            std::fs::create_dir_all(path)?;
            (None, path.clone())
        }
        None => {
            let folder = tempfile::Builder::new().prefix("choso-demo-").tempdir()?;
            let path = folder.path().to_owned();
            (Some(folder), path)
        }
    };
    let config = RawConfig::default()
        .with(
            "database_url",
            format!("sqlite://{}", path.join("choso.db").display()),
        )
        .with("key_file", path.join("choso.key").display().to_string())
        .with("listen", options.listen.as_str())
        .check()?;
    check_address(config.listen)?;
    let secret_text = base64::engine::general_purpose::STANDARD.encode(random::<32>());
    let secrets = Secrets::from_pairs([("signing_secret", secret_text.as_str())]);
    let store = Store::open(&config.database_url).await?;
    load(&store, options.seed, &mut say).await?;
    let token = token_text(random());
    store
        .add_token(PERSON, &token_sha256(&token), true, now())
        .await?;
    let listener_token = token_text(random());
    store
        .add_program_token(
            LISTENER,
            &token_sha256(&listener_token),
            &[Scope::Receipts],
            true,
            now(),
        )
        .await?;
    let sealing_key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
    keep_provider(&store, &sealing_key, &secrets).await?;
    store.close().await;

    let app = App::start(&config).await?;
    let mut links = PAGES.map(str::to_owned);
    for link in &mut links {
        let once = once_text(random());
        let until = TimeMs(now().0 + LINK_HOURS * 3_600_000);
        app.store()
            .add_sign_in_link(PERSON, &token_sha256(&once), until, now())
            .await?;
        *link = sign_in_link(&app.url(), &once, link);
    }
    let live = match options.rate {
        0 => None,
        rate => {
            let payees = Payee::registered(app.store()).await?;
            let provider = signer(&secrets)?;
            let simulation = Simulation::new(provider, &secrets, &app.url(), payees, live::CONNECTIONS)
                .map_err(|e| DemoError::Other(e.to_string()))?;
            Some(live::Simulator::start(simulation, rate, options.seed)?)
        }
    };
    Ok(Demo {
        app,
        token,
        listener_token,
        links,
        live,
        _folder: folder,
    })
}

/// The provider as it signs.
fn signer(secrets: &Secrets) -> Result<Provider, DemoError> {
    let scheme = scheme("standard", None).map_err(|e| DemoError::Other(e.to_string()))?;
    let keys = vec![("demo".to_owned(), secrets.clone())];
    Provider::new(PROVIDER, scheme, keys).map_err(|e| DemoError::Other(e.to_string()))
}

async fn load(store: &Store, seed: u64, say: &mut impl FnMut(&str)) -> Result<(), DemoError> {
    let there = store
        .households(&Default::default(), Day::of(now()), "", 1)
        .await?;
    if !there.is_empty() {
        say("the folder holds a register already; it is shown as it is");
        return Ok(());
    }
    say("loading Hải Châu district as of 15/06/2024 (invented households) …");
    let units: Units = store.units().await?;
    let (drafts, wants_code) = ward::drafts(&units, seed).map_err(|e| DemoError::Other(e.to_string()))?;
    let actor = Actor { by: BY, now: now() };
    let kept = store.keep_register(&drafts, IMPORT, actor, |_| ()).await?;
    if let Some((_, reason)) = kept.faults.first() {
        return Err(DemoError::Other(format!(
            "the demonstration's register was refused: {}",
            reason.en
        )));
    }
    let stalls = kept
        .households
        .iter()
        .zip(&wants_code)
        .filter(|(_, wants)| **wants)
        .flat_map(|((_, stalls), _)| stalls);
    let codes = stalls.map(|stall_id| NewCode {
        stall_id: stall_id.clone(),
        account_id: None,
    });
    let codes: Vec<NewCode> = codes.collect();
    say(&format!("handing out {} codes …", codes.len()));
    let issue =
        async |creation: &mut Creation| creation.issue_codes(&codes, ward::codes_on(), 0, actor).await;
    store.create(issue).await?;
    Ok(())
}

async fn keep_provider(
    store: &Store,
    sealing_key: &crate::access::SealingKey,
    secrets: &Secrets,
) -> Result<(), DemoError> {
    let key_id = format!("k-{}", fresh_id(now()));
    let sealed_secret = sealing_key.seal(
        &secrets.to_json(),
        &key_purpose(PROVIDER, &key_id),
        random::<NONCE_BYTES>(),
    );
    if store
        .providers(now())
        .await?
        .iter()
        .any(|p| p.provider_id == PROVIDER)
    {
        let new = NewKey {
            provider_id: PROVIDER,
            key_id: &key_id,
            sealed_secret: &sealed_secret,
        };
        return Ok(store.rotate_key(new, TimeMs(now().0 + 1), now()).await?);
    }
    let provider_id = PROVIDER.to_owned();
    let profile = "standard".to_owned();
    let scheme = "webhooks_v1".to_owned();
    Ok(store
        .add_provider(
            &NewProvider {
                provider_id,
                profile,
                scheme,
                key_id,
                sealed_secret,
            },
            now(),
        )
        .await?)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // As for ids: without the system's random generator there is no safe way on.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

impl Demo {
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The token of the demonstration's person.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Links and what is to be seen behind them.
    pub fn what_to_look_at(&self) -> String {
        let [today, district, hai_chau, hoa_cuong, check] = &self.links;
        let url = self.app.url();
        format!(
            "choso demo\n\n\
             {url}\n\n\
             Each link below signs in once and opens its page; afterwards the browser stays signed in.\n\n\
             role administrator {today}\n\n\
             Look at\n\
             * today, live: callbacks arrive and indicator 5 moves (the link above)\n\
             * Hải Châu district on 15/06/2024, which stays still: 308/369 streets = 83.46%,\n    \
               6,345/11,252 households = 56.38%\n  {district}\n\
             * the same households under the boundaries of 01/07/2025: phường Hải Châu and phường Hòa Cường\n  {hai_chau}\n  {hoa_cuong}\n\
             * a page for a phone at a stall: is the code on the wall the stall's?\n  {check}\n\
             * cards: open a market on the page of the ward and press Tạo tập in A4\n\
             * the API: {url}/api/docs\n\n\
             To sign in once more, or for the API, the token of this person\n  {}\n\
             A program that hears receipts (/api/v1/receipts/stream) has a token of its own\n  {}\n\nCtrl-C ends it.",
            self.token, self.listener_token,
        )
    }

    /// Stops provider and service, and says whether their totals agree.
    pub async fn stop(self) -> Result<String, DemoError> {
        let posted = self.live.map(live::Simulator::stop);
        let store: Arc<Store> = self.app.store().clone();
        let recount = store.recount().await?;
        self.app.stop().await;
        let t = &recount.totals;
        let mut text = format!(
            "received {} = posted {} + quarantined {} + ignored {}; repeats {}; counters agree: {}",
            t.received.count,
            t.posted.count,
            t.quarantined.count,
            t.ignored.count,
            t.repeats,
            if recount.counters_agree && recount.conservation_holds {
                "yes"
            } else {
                "NO"
            },
        );
        if let Some(posted) = posted {
            text = format!(
                "the provider posted {} callbacks, {} of them acknowledged\n{text}",
                posted.sent, posted.acknowledged
            );
        }
        Ok(text)
    }
}

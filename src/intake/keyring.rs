//! Providers with their opened keys, in memory, for the handlers of callbacks.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::access::{SealingKey, key_purpose};
use crate::notice::{Provider, Secrets, scheme};
use crate::store::{ProviderRow, Store, StoreError};
use crate::vn::TimeMs;

/// How old the keyring may be when a provider fits: a rotated or expired key takes effect within this.
const TTL: Duration = Duration::from_secs(3);
/// When a provider or signature does not fit, the database is asked again, but not more often than this.
const REREAD_INTERVAL_MIN: Duration = Duration::from_millis(500);

/// Why there is no adapter where there should be one.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The providers could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider is there, but its keys do not open.
    #[error("the keys of provider «{0}» do not open with this key file")]
    Sealed(String),
    /// The provider is there, but it has no key that can be used.
    #[error("provider «{0}» has no key that can be used; `choso provider keys --id {0}` says why")]
    NoUsableKey(String),
}

/// Why a provider that is there cannot be heard.
#[derive(Debug, Clone, Copy)]
enum Unheard {
    Sealed,
    NoUsableKey,
}

/// The providers with their live keys, opened, in memory. Another process may add a provider or a key; the
/// ring is read again when it is old, and at once (within bounds) when something does not fit.
pub struct Keyring {
    store: Arc<Store>,
    key: SealingKey,
    ring: RwLock<Ring>,
    reading: tokio::sync::Mutex<()>,
}

struct Ring {
    providers: HashMap<String, Heard>,
    read_at: Option<Instant>,
    /// What is wrong with which key or provider: it is logged once, not at every reading.
    faults: BTreeSet<String>,
}

type Heard = Result<Arc<Provider>, Unheard>;

impl Keyring {
    /// An empty ring; it is read at first use.
    pub fn new(store: Arc<Store>, key: SealingKey) -> Keyring {
        let ring = RwLock::new(Ring {
            providers: HashMap::new(),
            read_at: None,
            faults: BTreeSet::new(),
        });
        Keyring {
            store,
            key,
            ring,
            reading: tokio::sync::Mutex::new(()),
        }
    }

    /// A provider, or none if there is none of this id or it is disabled.
    pub async fn provider(
        &self,
        provider_id: &str,
        now: TimeMs,
    ) -> Result<Option<Arc<Provider>>, KeyringError> {
        let (provider, age) = self.lookup(provider_id);
        let limit = if provider.is_some() {
            TTL
        } else {
            REREAD_INTERVAL_MIN
        };
        if age.is_none_or(|age| age >= limit) {
            self.read_again(limit, now).await?;
            return opened(provider_id, self.lookup(provider_id).0);
        }
        opened(provider_id, provider)
    }

    /// The provider read anew, if it was not read just now: for a signature that did not fit.
    pub async fn provider_again(
        &self,
        provider_id: &str,
        now: TimeMs,
    ) -> Result<Option<Arc<Provider>>, KeyringError> {
        self.read_again(REREAD_INTERVAL_MIN, now).await?;
        opened(provider_id, self.lookup(provider_id).0)
    }

    fn lookup(&self, provider_id: &str) -> (Option<Heard>, Option<Duration>) {
        let ring = self.ring.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        (
            ring.providers.get(provider_id).cloned(),
            ring.read_at.map(|at| at.elapsed()),
        )
    }

    /// Reads the ring unless it is younger than `limit`. One reader at a time: the others wait for it
    /// and then find the ring young.
    async fn read_again(&self, limit: Duration, now: TimeMs) -> Result<(), KeyringError> {
        let _one = self.reading.lock().await;
        if self.lookup("").1.is_some_and(|age| age < limit) {
            return Ok(());
        }
        let mut providers = HashMap::new();
        let mut faults = BTreeSet::new();
        for row in self.store.providers(now).await? {
            if row.disabled_at.is_none() {
                providers.insert(row.provider_id.clone(), self.open(row, &mut faults));
            }
        }
        let mut ring = self.ring.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        for fault in faults.difference(&ring.faults) {
            tracing::error!("{fault}");
        }
        *ring = Ring {
            providers,
            read_at: Some(Instant::now()),
            faults,
        };
        Ok(())
    }

    /// The provider with those of its keys that open and can be used; a bad one does not silence the others.
    fn open(&self, row: ProviderRow, faults: &mut BTreeSet<String>) -> Heard {
        let provider_id = &row.provider_id;
        let mut say = |key_id: &str, error: String| {
            faults.insert(format!("key {key_id} of provider «{provider_id}»: {error}"));
        };
        let mut keys = Vec::new();
        for (key_id, sealed) in &row.keys {
            match open_secrets(&self.key, provider_id, key_id, sealed) {
                Ok(secrets) => keys.push((key_id.clone(), secrets)),
                Err(error) => say(key_id, error),
            }
        }
        let is_sealed = keys.is_empty() && !row.keys.is_empty();
        let provider = match scheme(&row.profile, Some(&row.scheme)) {
            Ok(scheme) => {
                let (provider, unusable) = Provider::with_usable(provider_id, scheme, keys);
                for (key_id, error) in unusable {
                    say(&key_id, error.to_string());
                }
                provider
            }
            Err(error) => {
                faults.insert(format!("provider «{provider_id}»: {error}"));
                None
            }
        };
        let unheard = if is_sealed {
            Unheard::Sealed
        } else {
            Unheard::NoUsableKey
        };
        provider.map(Arc::new).ok_or(unheard)
    }
}

/// Opens what was sealed for a key of a provider.
pub fn open_secrets(
    key: &SealingKey,
    provider_id: &str,
    key_id: &str,
    sealed: &str,
) -> Result<Secrets, String> {
    let secret = key
        .open(sealed, &key_purpose(provider_id, key_id))
        .map_err(|e| e.to_string())?;
    let text = std::str::from_utf8(secret.reveal()).map_err(|_| "the secret is not text".to_owned())?;
    Secrets::from_json(text).map_err(|e| e.to_string())
}

/// A provider that is there but cannot be heard is no unknown provider: told so, it would stop sending for good.
fn opened(provider_id: &str, found: Option<Heard>) -> Result<Option<Arc<Provider>>, KeyringError> {
    let error = |unheard| match unheard {
        Unheard::Sealed => KeyringError::Sealed(provider_id.to_owned()),
        Unheard::NoUsableKey => KeyringError::NoUsableKey(provider_id.to_owned()),
    };
    found.transpose().map_err(error)
}

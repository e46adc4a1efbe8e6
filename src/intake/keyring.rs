use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::access::{SealingKey, key_purpose};
use crate::notice::{Key, Standard};
use crate::store::{Store, StoreError};
use crate::vn::TimeMs;

/// How old the keyring may be when a provider fits: a rotated or expired key takes effect within this.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// When a provider or signature does not fit, the database is asked again, but not more often than this.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Why there is no adapter where there should be one.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The providers could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider is there, but its keys do not open.
    #[error("the keys of provider «{0}» do not open with this key file")]
    Sealed(String),
}

/// The live keys of all providers, opened, in memory. Another process may add a provider or a key; the
/// ring is read again when it is old, and at once (within bounds) when something does not fit.
pub struct Keyring {
    store: Arc<Store>,
    key: SealingKey,
    ring: RwLock<Ring>,
    reading: tokio::sync::Mutex<()>,
}

struct Ring {
    /// None for a provider none of whose keys opens.
    adapters: HashMap<String, Option<Arc<Standard>>>,
    read_at: Option<Instant>,
}

impl Keyring {
    /// An empty ring; it is read at first use.
    pub fn new(store: Arc<Store>, key: SealingKey) -> Keyring {
        let ring = RwLock::new(Ring {
            adapters: HashMap::new(),
            read_at: None,
        });
        Keyring {
            store,
            key,
            ring,
            reading: tokio::sync::Mutex::new(()),
        }
    }

    /// The adapter of a provider, or none if there is no such provider with a live key.
    pub async fn adapter(
        &self,
        provider_id: &str,
        now: TimeMs,
    ) -> Result<Option<Arc<Standard>>, KeyringError> {
        let (adapter, age) = self.look(provider_id);
        let limit = if adapter.is_some() {
            FRESH_FOR
        } else {
            ASK_AGAIN_AFTER
        };
        if age.is_none_or(|age| age >= limit) {
            self.read_again(limit, now).await?;
            return opened(provider_id, self.look(provider_id).0);
        }
        opened(provider_id, adapter)
    }

    /// The adapter read anew, if it was not read just now: for a signature that did not fit.
    pub async fn adapter_again(
        &self,
        provider_id: &str,
        now: TimeMs,
    ) -> Result<Option<Arc<Standard>>, KeyringError> {
        self.read_again(ASK_AGAIN_AFTER, now).await?;
        opened(provider_id, self.look(provider_id).0)
    }

    fn look(&self, provider_id: &str) -> (Option<Option<Arc<Standard>>>, Option<Duration>) {
        let ring = self.ring.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        (
            ring.adapters.get(provider_id).cloned(),
            ring.read_at.map(|at| at.elapsed()),
        )
    }

    /// Reads the ring unless it is younger than `limit`. One reader at a time: the others wait for it
    /// and then find the ring young.
    async fn read_again(&self, limit: Duration, now: TimeMs) -> Result<(), KeyringError> {
        let _one = self.reading.lock().await;
        if self.look("").1.is_some_and(|age| age < limit) {
            return Ok(());
        }
        let mut adapters = HashMap::new();
        for provider in self.store.providers(now).await? {
            let (mut keys, mut is_sealed) = (Vec::new(), false);
            for (id, sealed) in provider.keys {
                match self.key.open(&sealed, &key_purpose(&provider.provider_id, &id)) {
                    Ok(secret) => keys.push(Key { id, secret }),
                    Err(error) => {
                        is_sealed = true;
                        tracing::error!(provider = provider.provider_id, key = id, %error, "a provider key cannot be opened");
                    }
                }
            }
            let has_keys = !keys.is_empty() || is_sealed;
            let adapter = Standard::new(&provider.provider_id, keys).map(Arc::new);
            if has_keys {
                adapters.insert(provider.provider_id, adapter);
            }
        }
        let mut ring = self.ring.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        *ring = Ring {
            adapters,
            read_at: Some(Instant::now()),
        };
        Ok(())
    }
}

/// A provider that is there but whose keys do not open is no unknown provider: told so, it would stop
/// sending for good.
fn opened(
    provider_id: &str,
    found: Option<Option<Arc<Standard>>>,
) -> Result<Option<Arc<Standard>>, KeyringError> {
    match found {
        Some(None) => Err(KeyringError::Sealed(provider_id.to_owned())),
        Some(adapter) => Ok(adapter),
        None => Ok(None),
    }
}

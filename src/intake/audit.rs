//! Checking what is kept: the chain of evidence, every callback's proof, and that notices and receipts
//! say what their callbacks said.

use std::collections::{HashMap, HashSet};

use crate::access::SealingKey;
use crate::intake::open_secrets;
use crate::ledger::{EvidenceLink, KeptCallback, Key, bytes_digest};
use crate::notice::{Item, Provider, Received, Request, scheme};
use crate::store::{AuditRow, FeedPlace, Store, StoreError};

/// Links read at once.
const LINKS_AT_ONCE: i64 = 64;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Audit {
    /// Links of the chain that hold.
    pub links: i64,
    /// Callbacks whose proof was checked again.
    pub callbacks: i64,
    /// Callbacks whose raw bytes went at the end of their retention; their digest was checked.
    pub expired: i64,
    /// Notices that say what their callback said.
    pub notices: i64,
    /// Receipts that say what their callback said.
    pub receipts: i64,
    /// The first break, if there is one: what, where.
    pub broken: Option<String>,
}

/// Walks the chain from its beginning and stops at the first break. `say` hears how far it is.
pub async fn audit(
    store: &Store,
    key: &SealingKey,
    mut say: impl FnMut(&Audit),
) -> Result<Audit, StoreError> {
    let keys = provers(store, key).await?;
    let mut audit = Audit::default();
    let mut walk = Walk {
        digest: [0; 32],
        position: 0,
        by_day: HashMap::new(),
    };
    let mut place = FeedPlace {
        day: i64::MIN,
        position: 0,
    };
    loop {
        let rows = store.evidence_after(place, LINKS_AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        place = last.place;
        for row in &rows {
            if let Err(why) = check_row(store, &keys, row, &mut walk, &mut audit).await? {
                audit.broken = Some(format!("position {}: {why}", row.place.position));
                return Ok(audit);
            }
        }
        say(&audit);
    }
    audit.broken = check_end(store, &walk).await?.err();
    Ok(audit)
}

/// Every key by (provider, key name), each as a provider that has only this key.
type Provers = HashMap<(String, String), Result<Provider, String>>;

async fn provers(store: &Store, key: &SealingKey) -> Result<Provers, StoreError> {
    let mut provers = HashMap::new();
    for ever in store.keys_ever().await? {
        let prover = scheme(&ever.profile, Some(&ever.scheme))
            .map_err(|e| e.to_string())
            .and_then(|scheme| {
                let secrets = open_secrets(key, &ever.provider_id, &ever.key_id, &ever.sealed_secret)?;
                let keys = vec![(ever.key_id.clone(), secrets)];
                Provider::new(&ever.provider_id, scheme, keys).map_err(|e| e.to_string())
            });
        provers.insert((ever.provider_id, ever.key_id), prover);
    }
    Ok(provers)
}

struct Walk {
    digest: [u8; 32],
    position: i64,
    /// Notices and receipts that the links speak of, by day.
    by_day: HashMap<i64, (i64, i64)>,
}

type Verdict = Result<(), String>;

async fn check_row(
    store: &Store,
    keys: &Provers,
    row: &AuditRow,
    walk: &mut Walk,
    audit: &mut Audit,
) -> Result<Verdict, StoreError> {
    if let Err(why) = check_link(row, walk) {
        return Ok(Err(why));
    }
    audit.links += 1;
    let counts = walk.by_day.entry(row.batch_day).or_default();
    *counts = (counts.0 + row.notices, counts.1 + row.receipts);
    let Some(kept) = row.kept_callbacks()? else {
        audit.expired += row.callbacks;
        return Ok(Ok(()));
    };
    if kept.len() as i64 != row.callbacks {
        return Ok(Err(format!(
            "{} callbacks are kept, {} are spoken of",
            kept.len(),
            row.callbacks
        )));
    }
    let mut items = Vec::new();
    for callback in &kept {
        match prove(keys, callback) {
            Ok(read) => items.extend(read.into_iter().map(|item| (callback.provider_id.as_str(), item))),
            Err(why) => return Ok(Err(format!("a callback of {}: {why}", callback.provider_id))),
        }
        audit.callbacks += 1;
    }
    check_rows(store, row, &items, audit).await
}

/// The link follows the one before it, and its bytes are those that were kept.
fn check_link(row: &AuditRow, walk: &mut Walk) -> Verdict {
    if row.place.position != walk.position + 1 {
        return Err(format!("the link after position {} is missing", walk.position));
    }
    let wanted: [u8; 32] = row
        .bytes_digest
        .as_slice()
        .try_into()
        .map_err(|_| "no digest of bytes")?;
    if row
        .bytes
        .as_deref()
        .is_some_and(|bytes| bytes_digest(bytes) != wanted)
    {
        return Err("the kept bytes were changed".to_owned());
    }
    let link = EvidenceLink {
        position: row.place.position,
        batch_id: &row.batch_id,
        batch_day: row.batch_day,
        callbacks: row.callbacks,
        notices: row.notices,
        receipts: row.receipts,
        bytes_digest: wanted,
    };
    let digest = link.digest(&walk.digest);
    if row.digest != digest {
        return Err("the link, or one before it, was changed".to_owned());
    }
    (walk.digest, walk.position) = (digest, row.place.position);
    Ok(())
}

/// Verifies a kept callback with the key of its time, at the time it came.
fn prove(keys: &Provers, kept: &KeptCallback) -> Result<Vec<Item>, String> {
    let evidence = &kept.evidence;
    let name = (kept.provider_id.clone(), evidence.key_id.to_string());
    let provider = match keys.get(&name) {
        None => return Err(format!("key {} is not there", name.1)),
        Some(Err(why)) => return Err(format!("key {}: {why}", name.1)),
        Some(Ok(provider)) => provider,
    };
    let headers: Vec<(&str, &[u8])> = evidence
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    let request = Request {
        method: &evidence.method,
        path: &evidence.path,
        query: &evidence.query,
        headers: &headers,
        body: &evidence.body,
        is_evidence: true,
    };
    match provider.receive(&request, Some(kept.received_at)) {
        Ok(Received::Notices(delivery)) => Ok(delivery.items),
        Ok(Received::Token(_)) => Err("is a login, not a notice".to_owned()),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// The notices and receipts of a batch say what its callbacks said, and there are as many as the link
/// speaks of.
async fn check_rows(
    store: &Store,
    row: &AuditRow,
    items: &[(&str, Item)],
    audit: &mut Audit,
) -> Result<Verdict, StoreError> {
    let keys: Vec<Key> = items
        .iter()
        .map(|(provider_id, item)| Key::of_event(provider_id, &item.event_id, item.kind.as_str()))
        .collect();
    let fingerprints: Vec<i64> = keys.iter().map(|k| k.fingerprint).collect();
    let notices = store.audit_notices(row.batch_day, &fingerprints).await?;
    let receipts = store.audit_receipts(row.batch_day, &row.batch_id).await?;
    let (mut seen, mut own_receipts) = (HashSet::new(), 0);
    for ((_, item), key) in items.iter().zip(&keys) {
        for place in [*key, key.beside(&item.content)] {
            let Some(notice) = notices.get(&place).filter(|n| n.batch_id == row.batch_id) else {
                continue;
            };
            if notice.content != item.content || !seen.insert(place) {
                continue;
            }
            if notice.amount != item.amount {
                return Ok(Err(format!("notice {}: its amount was changed", item.event_id)));
            }
            audit.notices += 1;
            let own = notice
                .receipt_id
                .as_ref()
                .filter(|id| id.starts_with(&row.batch_id));
            if let Some(id) = own.filter(|_| !item.kind.takes_back()) {
                if receipts.get(id) != Some(&item.amount) {
                    return Ok(Err(format!(
                        "receipt {id}: it is missing or its amount was changed"
                    )));
                }
                own_receipts += 1;
                audit.receipts += 1;
            }
        }
    }
    if seen.len() as i64 != row.notices {
        let why = format!("{} notices are proven, {} were kept", seen.len(), row.notices);
        return Ok(Err(why));
    }
    if own_receipts != row.receipts || receipts.len() as i64 != row.receipts {
        let why = format!(
            "{} receipts are proven, {} were posted",
            own_receipts, row.receipts
        );
        return Ok(Err(why));
    }
    Ok(Ok(()))
}

/// The chain ends where the feed says, and no notice or receipt is there that no link speaks of.
async fn check_end(store: &Store, walk: &Walk) -> Result<Verdict, StoreError> {
    let (position, digest) = store.chain_end().await?;
    if position != walk.position || digest != walk.digest {
        return Ok(Err(format!(
            "the chain ends at position {}, the feed at {position}",
            walk.position
        )));
    }
    for (day, (notices, receipts)) in store.audit_counts().await? {
        let (told_notices, told_receipts) = walk.by_day.get(&day).copied().unwrap_or_default();
        // Fewer may be there: old days can be taken away whole.
        if notices > told_notices || receipts > told_receipts {
            return Ok(Err(format!(
                "day {day}: {notices} notices and {receipts} receipts, but callbacks for {told_notices} and {told_receipts}"
            )));
        }
    }
    Ok(Ok(()))
}

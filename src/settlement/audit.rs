//! Checking what is kept: the chain of evidence, every callback's proof, and that notices and receipts
//! say what their callbacks said.

use std::collections::HashMap;

use crate::access::SealingKey;
use crate::intake::open_secrets;
use crate::ledger::{EvidenceLink, KeptCallback, LedgerNo, bytes_digest, rows_digest};
use crate::notice::{Item, Provider, Received, scheme};
use crate::reconcile::items_from_statement;
use crate::store::{AuditEntry, AuditRow, Store, StoreError};

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
    /// Acts of people whose chain holds: decisions, comments, days that were closed.
    pub acts: i64,
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
        batch_no: LedgerNo::default(),
        by_day: HashMap::new(),
    };
    loop {
        let rows = store.evidence_after(walk.batch_no, LINKS_AT_ONCE).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if let Err(why) = check_row(store, &keys, row, &mut walk, &mut audit).await? {
                audit.broken = Some(format!("position {}: {why}", row.batch_no.count()));
                return Ok(audit);
            }
        }
        say(&audit);
    }
    audit.broken = check_end(store, &walk).await?.err();
    if audit.broken.is_none() {
        (audit.acts, audit.broken) = store.walk_acts().await?;
    }
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
    batch_no: LedgerNo,
    /// Notices and receipts that the links speak of, by day.
    by_day: HashMap<i64, i64>,
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
    *walk.by_day.entry(row.first_entry_no.day_number()).or_default() += row.entries;
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
    if row.batch_no.count() != walk.batch_no.count() + 1 {
        let last = walk.batch_no.count();
        return Err(format!("the link after position {last} is missing"));
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
        batch_no: row.batch_no.get(),
        first_entry_no: row.first_entry_no.get(),
        entries: row.entries,
        receipts: row.receipts,
        callbacks: row.callbacks,
        rows_digest: row
            .rows_digest
            .as_slice()
            .try_into()
            .map_err(|_| "no digest of rows")?,
        bytes_digest: wanted,
    };
    let digest = link.digest(&walk.digest);
    if row.digest != digest {
        return Err("the link, or one before it, was changed".to_owned());
    }
    (walk.digest, walk.batch_no) = (digest, row.batch_no);
    Ok(())
}

/// Verifies a kept callback with the key of its time, at the time it came. Rows of a statement have no key: the
/// chain itself is what they are proven by.
fn prove(keys: &Provers, kept: &KeptCallback) -> Result<Vec<Item>, String> {
    if let Some(items) = items_from_statement(&kept.evidence) {
        return items.map_err(|error| error.to_string());
    }
    let name = (kept.provider_id.clone(), kept.evidence.key_id.to_string());
    let provider = match keys.get(&name) {
        None => return Err(format!("key {} is not there", name.1)),
        Some(Err(why)) => return Err(format!("key {}: {why}", name.1)),
        Some(Ok(provider)) => provider,
    };
    match kept.receive(provider) {
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
    let entries = store.audit_entries(row.first_entry_no, row.entries).await?;
    let mut told: HashMap<(&str, &str, &str), Vec<&Item>> = HashMap::new();
    for (provider_id, item) in items {
        let event = (*provider_id, item.event_id.as_str(), item.kind.as_str());
        told.entry(event).or_default().push(item);
    }
    let mut receipts = 0;
    for entry in &entries {
        let event = (
            entry.provider_id.as_str(),
            entry.event_id.as_str(),
            entry.kind.as_str(),
        );
        let items = told.get(&event).map_or(&[][..], Vec::as_slice);
        if let Err(why) = check_entry(entry, items) {
            return Ok(Err(why));
        }
        audit.notices += 1;
        receipts += i64::from(entry.receipt.is_some());
    }
    audit.receipts += receipts;
    if (entries.len() as i64, receipts) != (row.entries, row.receipts) {
        let found = entries.len();
        let kept = row.entries;
        let why = format!(
            "{found} notices with {receipts} receipts are proven, {kept} with {} were kept",
            row.receipts
        );
        return Ok(Err(why));
    }
    if rows_digest(entries.iter().map(AuditEntry::row))[..] != row.rows_digest {
        let why = "a notice or receipt was changed in what no callback says, such as whose money it is";
        return Ok(Err(why.to_owned()));
    }
    Ok(Ok(()))
}

/// An item of the callbacks says the same.
fn check_entry(entry: &AuditEntry, items: &[&Item]) -> Verdict {
    let what = match entry.receipt {
        Some(_) => "receipt of",
        None => "notice",
    };
    match items.iter().find(|item| item.content[..] == entry.content) {
        None => Err(format!("{what} {}: no callback says so", entry.event_id)),
        Some(item) if item.amount != entry.amount => {
            Err(format!("{what} {}: its amount was changed", entry.event_id))
        }
        Some(_) => Ok(()),
    }
}

/// The chain ends where the feed says, and no notice or receipt is there that no link speaks of.
async fn check_end(store: &Store, walk: &Walk) -> Result<Verdict, StoreError> {
    let (batch_no, digest) = store.chain_end().await?;
    if batch_no != walk.batch_no || digest != walk.digest {
        return Ok(Err(format!(
            "the chain ends at position {}, the feed at {}",
            walk.batch_no.count(),
            batch_no.count()
        )));
    }
    for (day, entries) in store.audit_counts().await? {
        let told = walk.by_day.get(&day).copied().unwrap_or_default();
        // Fewer may be there: old days can be taken away whole.
        if entries > told {
            return Ok(Err(format!(
                "day {day}: {entries} notices and receipts, but callbacks for {told}"
            )));
        }
    }
    Ok(Ok(()))
}

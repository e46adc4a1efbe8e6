//! The kept callbacks of a batch, and the chain of digests that shows a later change.

use sha2::{Digest, Sha256};

use crate::notice::{Evidence, Provider, Received, Refusal};
use crate::vn::TimeMs;

/// A kept callback: who sent it, when it came, and what its proof was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCallback {
    pub provider_id: String,
    pub received_at: TimeMs,
    /// Body, headers and key.
    pub evidence: Evidence,
}

impl KeptCallback {
    /// Proves and reads it once more, as it was when it came: by this provider's key, at that time.
    pub fn receive(&self, provider: &Provider) -> Result<Received, Refusal> {
        self.evidence
            .with_request(|request| provider.receive(request, Some(self.received_at)))
    }
}

/// Why kept evidence cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kept callbacks of a batch cannot be read")]
pub struct EvidenceError;

/// Adds a callback to the bytes of a batch: each field preceded by its length.
pub fn write_callback(out: &mut Vec<u8>, provider_id: &str, received_at: TimeMs, evidence: &Evidence) {
    let mut field = |bytes: &[u8]| {
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    };
    field(provider_id.as_bytes());
    field(&received_at.0.to_le_bytes());
    field(evidence.key_id.as_bytes());
    field(evidence.method.as_bytes());
    field(evidence.path.as_bytes());
    field(evidence.query.as_bytes());
    field(&(evidence.headers.len() as u32).to_le_bytes());
    for (name, value) in &evidence.headers {
        field(name.as_bytes());
        field(value.as_bytes());
    }
    field(&evidence.body);
}

/// Reads what [`write_callback`] wrote, callback by callback.
pub fn read_callbacks(mut bytes: &[u8]) -> Result<Vec<KeptCallback>, EvidenceError> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let provider_id = text(&mut bytes)?;
        let received_at = field(&mut bytes)?.try_into().map_err(|_| EvidenceError)?;
        let key_id = text(&mut bytes)?;
        let method = text(&mut bytes)?;
        let path = text(&mut bytes)?;
        let query = text(&mut bytes)?;
        let count = field(&mut bytes)?.try_into().map_err(|_| EvidenceError)?;
        let mut headers = Vec::new();
        for _ in 0..u32::from_le_bytes(count) {
            headers.push((text(&mut bytes)?, text(&mut bytes)?));
        }
        let body = field(&mut bytes)?.to_vec();
        all.push(KeptCallback {
            provider_id,
            received_at: TimeMs(i64::from_le_bytes(received_at)),
            evidence: Evidence {
                key_id: key_id.into(),
                method,
                path,
                query,
                headers,
                body,
            },
        });
    }
    Ok(all)
}

fn field<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], EvidenceError> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or(EvidenceError)?;
    let (value, rest) = rest
        .split_at_checked(u32::from_le_bytes(*len) as usize)
        .ok_or(EvidenceError)?;
    *bytes = rest;
    Ok(value)
}

fn text(bytes: &mut &[u8]) -> Result<String, EvidenceError> {
    String::from_utf8(field(bytes)?.to_vec()).map_err(|_| EvidenceError)
}

/// One link of the chain of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceLink {
    /// The number of its batch; its count is its place in the chain, from 1.
    pub batch_no: i64,
    /// The first of its notices and receipts.
    pub first_entry_no: i64,
    /// How many of both.
    pub entries: i64,
    pub receipts: i64,
    pub callbacks: i64,
    /// Digest of its notices and receipts, see [`rows_digest`].
    pub rows_digest: [u8; 32],
    /// SHA-256 of the kept bytes.
    pub bytes_digest: [u8; 32],
}

impl EvidenceLink {
    /// The digest of this link: over the one before it and everything it says.
    pub fn digest(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"choso evidence 1");
        hash.update(before);
        for n in [
            self.batch_no,
            self.first_entry_no,
            self.entries,
            self.receipts,
            self.callbacks,
        ] {
            hash.update(n.to_le_bytes());
        }
        hash.update(self.rows_digest);
        hash.update(self.bytes_digest);
        hash.finalize().into()
    }
}

/// A notice or receipt as it was added: what must not change afterwards. Its state and what was refunded
/// of it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRow<'a> {
    pub entry_no: i64,
    /// Which provider reported it.
    pub provider_id: &'a str,
    /// The id of its event.
    pub event_id: &'a str,
    /// The provider's transaction id.
    pub provider_txn_id: &'a str,
    /// The word of its kind.
    pub kind: &'a str,
    /// Digest of its content.
    pub content: &'a [u8],
    /// The amount it stated, đồng.
    pub amount_vnd: i64,
    /// When it came, milliseconds UTC.
    pub received_at_ms: i64,
    /// Where the money went, if it is a receipt.
    pub receipt: Option<ReceiptRow<'a>>,
}

/// Whose money a receipt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptRow<'a> {
    pub household_id: &'a str,
    /// The stall, where it is known.
    pub stall_id: Option<&'a str>,
    /// The segment or market in which it counts.
    pub place_id: &'a str,
    /// The day for which it counts.
    pub business_day: i64,
    /// Time of payment, milliseconds UTC, if one was named.
    pub occurred_at_ms: Option<i64>,
}

/// SHA-256 over rows in the order of their numbers, each field preceded by its length.
pub fn rows_digest<'a>(rows: impl Iterator<Item = EntryRow<'a>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut line = Vec::with_capacity(512);
    for row in rows {
        line.clear();
        let mut field = |bytes: &[u8]| {
            line.extend((bytes.len() as u32).to_le_bytes());
            line.extend(bytes);
        };
        field(&row.entry_no.to_le_bytes());
        for text in [row.provider_id, row.event_id, row.provider_txn_id, row.kind] {
            field(text.as_bytes());
        }
        field(row.content);
        field(&row.amount_vnd.to_le_bytes());
        field(&row.received_at_ms.to_le_bytes());
        match row.receipt {
            None => field(b"notice"),
            Some(receipt) => {
                field(b"receipt");
                field(receipt.household_id.as_bytes());
                match receipt.stall_id {
                    Some(id) => field(id.as_bytes()),
                    None => field(&[0]),
                }
                field(receipt.place_id.as_bytes());
                field(&receipt.business_day.to_le_bytes());
                match receipt.occurred_at_ms {
                    Some(ms) => field(&ms.to_le_bytes()),
                    None => field(&[]),
                }
            }
        }
        hash.update(&line);
    }
    hash.finalize().into()
}

/// SHA-256 of kept bytes.
pub fn bytes_digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(body: &[u8]) -> KeptCallback {
        KeptCallback {
            provider_id: "p".into(),
            received_at: TimeMs(-5),
            evidence: Evidence {
                key_id: "k1".into(),
                method: "POST".into(),
                path: String::new(),
                query: "a=1".into(),
                headers: vec![("webhook-id".into(), "m1".into())],
                body: body.to_vec(),
            },
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let all = [kept(b""), kept(b"{}"), kept(&[0, 255])];
        let mut bytes = Vec::new();
        for k in &all {
            write_callback(&mut bytes, &k.provider_id, k.received_at, &k.evidence);
        }
        assert_eq!(read_callbacks(&bytes).unwrap(), all);
        assert_eq!(read_callbacks(&bytes[..bytes.len() - 1]), Err(EvidenceError));
    }

    #[test]
    fn every_member_of_a_link_is_covered() {
        let link = EvidenceLink {
            batch_no: 7,
            first_entry_no: 5,
            entries: 2,
            receipts: 1,
            callbacks: 2,
            rows_digest: [2; 32],
            bytes_digest: [3; 32],
        };
        let digest = link.digest(&[0; 32]);
        let others = [
            EvidenceLink { batch_no: 8, ..link },
            EvidenceLink {
                first_entry_no: 6,
                ..link
            },
            EvidenceLink { entries: 3, ..link },
            EvidenceLink { receipts: 2, ..link },
            EvidenceLink { callbacks: 1, ..link },
            EvidenceLink {
                rows_digest: [4; 32],
                ..link
            },
            EvidenceLink {
                bytes_digest: [4; 32],
                ..link
            },
        ];
        assert_ne!(link.digest(&[1; 32]), digest);
        let others = others.map(|other| other.digest(&[0; 32]));
        assert!(others.iter().all(|other| *other != digest));
    }

    #[test]
    fn every_member_of_a_row_is_covered() {
        let receipt = ReceiptRow {
            household_id: "h",
            stall_id: None,
            place_id: "p",
            business_day: 5,
            occurred_at_ms: None,
        };
        let row = EntryRow {
            entry_no: 7,
            provider_id: "momo",
            event_id: "e",
            provider_txn_id: "t",
            kind: "payment",
            content: &[1; 16],
            amount_vnd: 1000,
            received_at_ms: 9,
            receipt: Some(receipt),
        };
        let digest = |row| rows_digest([row].into_iter());
        let of_receipt = |receipt| EntryRow {
            receipt: Some(receipt),
            ..row
        };
        let others = [
            EntryRow { entry_no: 8, ..row },
            EntryRow {
                provider_id: "mom",
                event_id: "oe",
                ..row
            },
            EntryRow { event_id: "f", ..row },
            EntryRow {
                provider_txn_id: "u",
                ..row
            },
            EntryRow { kind: "void", ..row },
            EntryRow {
                content: &[2; 16],
                ..row
            },
            EntryRow {
                amount_vnd: 1001,
                ..row
            },
            EntryRow {
                received_at_ms: 10,
                ..row
            },
            EntryRow { receipt: None, ..row },
            of_receipt(ReceiptRow {
                household_id: "i",
                ..receipt
            }),
            of_receipt(ReceiptRow {
                stall_id: Some("s"),
                ..receipt
            }),
            of_receipt(ReceiptRow {
                place_id: "q",
                ..receipt
            }),
            of_receipt(ReceiptRow {
                business_day: 6,
                ..receipt
            }),
            of_receipt(ReceiptRow {
                occurred_at_ms: Some(0),
                ..receipt
            }),
        ];
        for other in others {
            assert_ne!(digest(other), digest(row), "{other:?}");
        }
        assert_ne!(rows_digest([row, row].into_iter()), digest(row));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read_callbacks(&bytes);
        }
    }
}

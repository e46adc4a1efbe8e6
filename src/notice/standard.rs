//! The native profile: Standard Webhooks, version v1 (HMAC-SHA256), PROTOCOLS section 13.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::json::{Json, Object};
use super::{ContentDigest, Delivery, Details, Item, Kind, Refusal, digest};
use crate::vn::{Dong, Secret, TimeMs};

/// The replay window, both ways, the edge included (PROTOCOLS section 13).
pub const TOLERANCE_S: i64 = 300;
/// More signatures than this in one header are not looked at: two keys in rotation need two.
const SIGNATURES_MAX: usize = 16;
/// Longest id of an event or delivery that is taken.
const ID_CHARS_MAX: usize = 128;
/// Longest free text (note, reference) that is taken.
const TEXT_CHARS_MAX: usize = 1024;

/// One signing key of a provider.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name, kept with each delivery it proved.
    pub id: String,
    /// The key bytes.
    pub secret: Secret,
}

/// Why a text is no Standard Webhooks secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not base64.
    #[error("the secret is not base64; wanted: whsec_ and 32 to 88 base64 characters")]
    NotBase64,
    /// Too short or too long.
    #[error("the secret holds {0} bytes; Standard Webhooks wants 24 to 64")]
    Length(usize),
}

/// Reads `whsec_` + base64 of 24 to 64 bytes; the prefix may be missing.
pub fn parse_secret(text: &str) -> Result<Secret, SecretError> {
    let text = text.trim();
    let coded = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = BASE64.decode(coded).map_err(|_| SecretError::NotBase64)?;
    match bytes.len() {
        24..=64 => Ok(Secret::new(bytes)),
        n => Err(SecretError::Length(n)),
    }
}

/// The `webhook-signature` that proves a body: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
pub fn sign(secret: &Secret, webhook_id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mac = mac_of(secret, webhook_id, &timestamp_s.to_string(), body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

fn mac_of(secret: &Secret, webhook_id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length (RFC 2104), so this constructor cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal()).expect("HMAC takes any key length");
    mac.update(webhook_id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The three headers of the scheme. `None` when absent; the caller refuses a header that came twice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `webhook-id`
    pub id: Option<&'a str>,
    /// `webhook-timestamp`
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`
    pub signature: Option<&'a str>,
}

/// The adapter of one provider. It holds at least one key, so it cannot accept without proof.
#[derive(Debug, Clone)]
pub struct Standard {
    provider_id: String,
    first: Key,
    others: Vec<Key>,
}

impl Standard {
    /// An adapter with these live keys, or none if there is no key.
    pub fn new(provider_id: &str, keys: Vec<Key>) -> Option<Standard> {
        let mut keys = keys.into_iter();
        let first = keys.next()?;
        Some(Standard {
            provider_id: provider_id.to_owned(),
            first,
            others: keys.collect(),
        })
    }

    /// Verifies, then reads. The window is checked only where `now` is given.
    pub fn receive(
        &self,
        headers: Headers<'_>,
        body: &[u8],
        now: Option<TimeMs>,
    ) -> Result<Delivery, Refusal> {
        let (webhook_id, timestamp, signature) = needed(headers)?;
        let key_id = self.key_that_fits(webhook_id, timestamp, signature, body)?;
        let signed_at_s = seconds(timestamp)?;
        if let Some(now) = now {
            let off_s = now.0.div_euclid(1000).saturating_sub(signed_at_s);
            if off_s.saturating_abs() > TOLERANCE_S {
                return Err(Refusal::Stale {
                    off_s,
                    tolerance_s: TOLERANCE_S,
                });
            }
        }
        let items = read_items(webhook_id, body)?;
        let fields: Vec<Vec<u8>> = items
            .iter()
            .map(|i| {
                [
                    i.kind.as_str().as_bytes(),
                    b"\0",
                    i.event_id.as_bytes(),
                    b"\0",
                    &i.content,
                ]
                .concat()
            })
            .collect();
        Ok(Delivery {
            provider_id: self.provider_id.clone(),
            webhook_id: webhook_id.to_owned(),
            signed_at_s,
            signature: signature.to_owned(),
            key_id: key_id.to_owned(),
            body: body.to_owned(),
            items_digest: digest(fields.iter().map(Vec::as_slice)),
            items,
        })
    }

    fn key_that_fits(&self, id: &str, timestamp: &str, header: &str, body: &[u8]) -> Result<&str, Refusal> {
        // Other versions (v1a is Ed25519) are skipped, as the scheme says.
        let signatures: Vec<Vec<u8>> = header
            .split(' ')
            .filter_map(|part| part.strip_prefix("v1,"))
            .take(SIGNATURES_MAX)
            .filter_map(|coded| BASE64.decode(coded).ok())
            .collect();
        for key in std::iter::once(&self.first).chain(&self.others) {
            let mac = mac_of(&key.secret, id, timestamp, body);
            // verify_slice compares in constant time.
            if signatures.iter().any(|s| mac.clone().verify_slice(s).is_ok()) {
                return Ok(&key.id);
            }
        }
        Err(Refusal::Signature {
            tried: signatures.len(),
        })
    }
}

fn needed<'a>(headers: Headers<'a>) -> Result<(&'a str, &'a str, &'a str), Refusal> {
    let need = |value: Option<&'a str>, header| match value {
        None => Err(Refusal::Header {
            header,
            why: "is missing, came twice or is not plain text",
        }),
        Some("") => Err(Refusal::Header {
            header,
            why: "is empty",
        }),
        Some(v) if v.len() > 2048 => Err(Refusal::Header {
            header,
            why: "is longer than 2048 characters",
        }),
        Some(v) => Ok(v),
    };
    let id = need(headers.id, "webhook-id")?;
    if id.len() > ID_CHARS_MAX || id.bytes().any(|b| !(0x21..0x7f).contains(&b)) {
        return Err(Refusal::Header {
            header: "webhook-id",
            why: "wants 1 to 128 visible ASCII characters",
        });
    }
    Ok((
        id,
        need(headers.timestamp, "webhook-timestamp")?,
        need(headers.signature, "webhook-signature")?,
    ))
}

fn seconds(timestamp: &str) -> Result<i64, Refusal> {
    let wrong = Refusal::Header {
        header: "webhook-timestamp",
        why: "is not unix seconds",
    };
    if !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong);
    }
    timestamp.parse().map_err(|_| wrong)
}

fn read_items(webhook_id: &str, body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let text = std::str::from_utf8(body)
        .map_err(|e| malformed("body", format!("not UTF-8 at byte {}", e.valid_up_to())))?;
    let json: Json = serde_json::from_str(text).map_err(|e| malformed("body", format!("not JSON: {e}")))?;
    match json {
        Json::Object(object) => Ok(vec![read_item(webhook_id, 0, &object)?]),
        Json::Array(items) => Ok(items
            .iter()
            .enumerate()
            .map(|(i, item)| read_or_keep(webhook_id, i, item))
            .collect()),
        _ => Err(malformed(
            "body",
            "wanted an object or an array of objects".to_owned(),
        )),
    }
}

/// An item of an array that cannot be read is kept for review instead of losing the others.
fn read_or_keep(webhook_id: &str, index: usize, item: &Json) -> Item {
    let read = match item {
        Json::Object(object) => read_item(webhook_id, index, object),
        _ => Err(malformed("item", "wanted an object".to_owned())),
    };
    read.unwrap_or_else(|_| Item {
        kind: Kind::Unreadable,
        event_id: position_id(webhook_id, index),
        amount: stated_amount(item),
        content: digest([format!("{item:?}").as_bytes()]),
        details: Details::default(),
    })
}

fn read_item(webhook_id: &str, index: usize, object: &Object) -> Result<Item, Refusal> {
    no_member_twice("", object)?;
    let kind = match object.get("type") {
        Some(Json::Text(t)) if t == "payment.succeeded" => Kind::Payment,
        Some(Json::Text(t)) if t == "payment.refunded" => Kind::Refund,
        Some(Json::Text(t)) if t == "payment.failed" => Kind::PaymentFailed,
        _ => {
            let whole = Json::Object(object.clone());
            return Ok(Item {
                kind: Kind::Other,
                event_id: position_id(webhook_id, index),
                amount: stated_amount(&whole),
                content: digest([format!("{whole:?}").as_bytes()]),
                details: Details::default(),
            });
        }
    };
    let Some(Json::Object(data)) = object.get("data") else {
        return Err(malformed("data", "wanted an object".to_owned()));
    };
    no_member_twice("data.", data)?;
    let event_id = text(data, "transaction_id", ID_CHARS_MAX)?
        .filter(|id| !id.is_empty() && !id.chars().any(char::is_control))
        .ok_or_else(|| {
            malformed(
                "data.transaction_id",
                format!("wanted 1 to {ID_CHARS_MAX} characters"),
            )
        })?;
    let amount = read_amount(data)?;
    let details = read_details(kind, &event_id, data)?;
    Ok(Item {
        kind,
        content: content_of(amount, &details),
        event_id,
        amount,
        details,
    })
}

fn read_amount(data: &Object) -> Result<Dong, Refusal> {
    let wrong = |why: String| malformed("data.amount", why);
    match data.get("amount") {
        None => Err(wrong("is missing".to_owned())),
        Some(Json::Integer(n)) => {
            let vnd = i64::try_from(*n).unwrap_or(if *n < 0 { i64::MIN } else { i64::MAX });
            Dong::payment(vnd).map_err(|e| wrong(e.to_string()))
        }
        Some(Json::OtherNumber) => Err(wrong(
            "wanted a whole number of đồng, without fraction or exponent".to_owned(),
        )),
        Some(_) => Err(wrong("wanted a JSON integer".to_owned())),
    }
}

fn read_details(kind: Kind, event_id: &str, data: &Object) -> Result<Details, Refusal> {
    match data.get("currency") {
        Some(Json::Text(c)) if c == "VND" => {}
        _ => return Err(malformed("data.currency", "wanted \"VND\"".to_owned())),
    }
    let bank_bin = text(data, "bank_bin", 6)?.filter(|b| !b.is_empty());
    if bank_bin
        .as_ref()
        .is_some_and(|b| b.len() != 6 || !b.bytes().all(|c| c.is_ascii_digit()))
    {
        return Err(malformed("data.bank_bin", "wanted six digits".to_owned()));
    }
    let account: String = text(data, "account", 64)?
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let terminal = text(data, "terminal", ID_CHARS_MAX)?.filter(|t| !t.is_empty());
    if account.is_empty() && terminal.is_none() {
        return Err(malformed(
            "data.account",
            "is missing, and there is no terminal either".to_owned(),
        ));
    }
    let occurred_at = match text(data, "occurred_at", 64)? {
        None => None,
        Some(t) => Some(TimeMs::parse(&t).map_err(|_| {
            malformed(
                "data.occurred_at",
                "wanted ISO 8601, e.g. 2026-01-15T17:58:59+07:00".to_owned(),
            )
        })?),
    };
    let original = text(data, "original_transaction_id", ID_CHARS_MAX)?.filter(|o| !o.is_empty());
    let payment_event_id = match kind {
        // A refund without it concerns the payment of the same transaction_id (CONTRACT section 3).
        Kind::Refund => original.unwrap_or_else(|| event_id.to_owned()),
        _ => String::new(),
    };
    Ok(Details {
        bank_bin,
        account_number: account,
        terminal,
        reference: text(data, "reference", TEXT_CHARS_MAX)?.unwrap_or_default(),
        note: text(data, "note", TEXT_CHARS_MAX)?.unwrap_or_default(),
        occurred_at,
        payment_event_id,
    })
}

fn content_of(amount: Dong, details: &Details) -> ContentDigest {
    let occurred_at = details.occurred_at.map(|t| t.0.to_string()).unwrap_or_default();
    digest([
        amount.vnd().to_string().as_bytes(),
        b"VND",
        details.bank_bin.as_deref().unwrap_or_default().as_bytes(),
        details.account_number.as_bytes(),
        details.terminal.as_deref().unwrap_or_default().as_bytes(),
        details.reference.as_bytes(),
        occurred_at.as_bytes(),
        details.payment_event_id.as_bytes(),
    ])
}

/// A text member; none when absent or null.
fn text(data: &Object, name: &str, chars_max: usize) -> Result<Option<String>, Refusal> {
    let field = || format!("data.{name}");
    match data.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(t)) if t.chars().count() > chars_max => Err(malformed(
            &field(),
            format!("is longer than {chars_max} characters"),
        )),
        // PostgreSQL cannot store it, and no honest text holds it.
        Some(Json::Text(t)) if t.contains('\0') => {
            Err(malformed(&field(), "holds a NUL character".to_owned()))
        }
        Some(Json::Text(t)) => Ok(Some(t.clone())),
        Some(_) => Err(malformed(&field(), "wanted text".to_owned())),
    }
}

fn no_member_twice(prefix: &str, object: &Object) -> Result<(), Refusal> {
    match &object.twice {
        None => Ok(()),
        Some(name) => Err(malformed(
            &format!("{prefix}{name}"),
            "came twice in one object".to_owned(),
        )),
    }
}

/// The positive amount an item states, even where the rest cannot be read; else zero.
fn stated_amount(item: &Json) -> Dong {
    let Json::Object(object) = item else {
        return Dong::ZERO;
    };
    let Some(Json::Object(data)) = object.get("data") else {
        return Dong::ZERO;
    };
    match data.twice {
        Some(_) => Dong::ZERO,
        None => read_amount(data).unwrap_or(Dong::ZERO),
    }
}

fn position_id(webhook_id: &str, index: usize) -> String {
    format!("{webhook_id}#{index}")
}

fn malformed(field: &str, why: String) -> Refusal {
    Refusal::Malformed {
        field: field.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(id: &str, fill: u8) -> Key {
        Key {
            id: id.to_owned(),
            secret: Secret::new(vec![fill; 32]),
        }
    }

    fn receive(body: &str) -> Result<Delivery, Refusal> {
        let adapter = Standard::new("p", vec![key("k1", 1)]).unwrap();
        let signature = sign(&key("k1", 1).secret, "m1", 1000, body.as_bytes());
        let headers = Headers {
            id: Some("m1"),
            timestamp: Some("1000"),
            signature: Some(&signature),
        };
        adapter.receive(headers, body.as_bytes(), Some(TimeMs(1_000_000)))
    }

    fn payment(data: &str) -> String {
        format!(r#"{{"type":"payment.succeeded","timestamp":"2026-01-15T17:59:00Z","data":{{{data}}}}}"#)
    }

    const GOOD: &str = r#""transaction_id":"T1","amount":26000,"currency":"VND","reference":"R","account":"0938123456","occurred_at":"2026-01-15T17:58:59Z","note":"tien rau""#;

    #[test]
    fn the_shared_vectors_hold() {
        let vectors: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/data/provider_vectors.json")).unwrap();
        let mut seen = 0;
        for v in vectors.iter().filter(|v| v["provider"] == "standard") {
            seen += 1;
            let secret = parse_secret(v["secrets"]["signing_secret"].as_str().unwrap()).unwrap();
            let adapter = Standard::new(
                "p",
                vec![Key {
                    id: "k".into(),
                    secret,
                }],
            )
            .unwrap();
            let header = |n: &str| v["request"]["headers"][n].as_str();
            let headers = Headers {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
            };
            let body = v["request"]["body"].as_str().unwrap();
            let now = v["now"].as_i64().map(|s| TimeMs(s * 1000));
            let got = adapter.receive(headers, body.as_bytes(), now);
            let verdict = match &got {
                Ok(_) => "accept",
                Err(Refusal::Stale { .. }) => "reject_replay",
                Err(Refusal::Malformed { .. }) => "reject_malformed",
                Err(_) => "reject_signature",
            };
            let any = v["expect"]["verdict_any"].as_array();
            let fits = match any {
                Some(list) => list.iter().any(|x| x == verdict),
                None => v["expect"]["verdict"] == verdict,
            };
            assert!(fits, "{}: {verdict} {got:?}", v["id"]);
            if let Ok(delivery) = got {
                let item = &delivery.items[0];
                if let Some(amount) = v["expect"]["amount_vnd"].as_i64() {
                    assert_eq!(item.amount.vnd(), amount);
                    assert_eq!(item.event_id, v["expect"]["provider_txn_id"].as_str().unwrap());
                    assert_eq!(item.details.reference, v["expect"]["reference"].as_str().unwrap());
                    let when = TimeMs::parse(v["expect"]["occurred_at"].as_str().unwrap()).unwrap();
                    assert_eq!(item.details.occurred_at, Some(when));
                }
            }
        }
        assert!(seen >= 10, "the vector file holds {seen} of the native profile");
    }

    #[test]
    fn the_edge_of_the_window_is_inside() {
        let adapter = Standard::new("p", vec![key("k1", 1)]).unwrap();
        let body = payment(GOOD);
        let signature = sign(&key("k1", 1).secret, "m1", 1000, body.as_bytes());
        let headers = Headers {
            id: Some("m1"),
            timestamp: Some("1000"),
            signature: Some(&signature),
        };
        for (now_s, fits) in [(700, true), (1300, true), (699, false), (1301, false)] {
            let got = adapter.receive(headers, body.as_bytes(), Some(TimeMs(now_s * 1000)));
            assert_eq!(got.is_ok(), fits, "{now_s}");
        }
    }

    #[test]
    fn any_live_key_proves_and_is_named() {
        let adapter = Standard::new("p", vec![key("old", 1), key("new", 2)]).unwrap();
        let body = payment(GOOD);
        for (fill, id) in [(1, "old"), (2, "new")] {
            let signature = format!(
                "v1a,AAAA v1,AAAA {}",
                sign(&key(id, fill).secret, "m1", 1000, body.as_bytes())
            );
            let headers = Headers {
                id: Some("m1"),
                timestamp: Some("1000"),
                signature: Some(&signature),
            };
            assert_eq!(
                adapter.receive(headers, body.as_bytes(), None).unwrap().key_id,
                id
            );
        }
        assert!(Standard::new("p", vec![]).is_none());
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("26000", "-1", "data.amount"),
            ("26000", "0", "data.amount"),
            ("26000", "26000.5", "data.amount"),
            ("26000", "1e3", "data.amount"),
            ("26000", "10000000000000", "data.amount"),
            ("26000", "\"26000\"", "data.amount"),
            ("\"VND\"", "\"USD\"", "data.currency"),
            ("\"T1\"", "7", "data.transaction_id"),
            ("\"T1\"", "\"\"", "data.transaction_id"),
            ("\"0938123456\"", "938123456", "data.account"),
            ("2026-01-15T17:58:59Z", "hôm nay", "data.occurred_at"),
            ("\"amount\"", "\"note\":\"x\",\"amount\"", "data.note"),
        ] {
            let body = payment(&GOOD.replacen(from, to, 1));
            match receive(&body) {
                Err(Refusal::Malformed { field: got, .. }) => assert_eq!(got, field, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
        for body in ["", "{", "7", "\"x\"", "\u{feff}{}"] {
            assert!(matches!(receive(body), Err(Refusal::Malformed { .. })), "{body}");
        }
    }

    #[test]
    fn an_unknown_type_is_taken_and_moves_nothing() {
        for body in [
            "{}",
            r#"{"type":"payment.pending","data":{"amount":5}}"#,
            r#"{"type":7}"#,
        ] {
            assert_eq!(receive(body).unwrap().items[0].kind, Kind::Other, "{body}");
        }
    }

    #[test]
    fn items_of_an_array_are_judged_alone() {
        let body = format!(
            "[{},{{\"type\":\"payment.succeeded\",\"data\":{{\"amount\":5000}}}},7]",
            payment(GOOD)
        );
        let items = receive(&body).unwrap().items;
        assert_eq!(
            items.iter().map(|i| i.kind).collect::<Vec<_>>(),
            [Kind::Payment, Kind::Unreadable, Kind::Unreadable]
        );
        assert_eq!(
            items.iter().map(|i| i.amount.vnd()).collect::<Vec<_>>(),
            [26_000, 5_000, 0]
        );
        assert_eq!(items[2].event_id, "m1#2");
    }

    #[test]
    fn the_note_is_not_content_but_the_account_is() {
        let one = receive(&payment(GOOD)).unwrap();
        let note = receive(&payment(&GOOD.replace("tien rau", "khac"))).unwrap();
        let zone = receive(&payment(
            &GOOD.replace("2026-01-15T17:58:59Z", "2026-01-16T00:58:59+07:00"),
        ))
        .unwrap();
        let account = receive(&payment(&GOOD.replace("0938123456", "0938123457"))).unwrap();
        assert_eq!(one.items_digest, note.items_digest);
        assert_eq!(one.items_digest, zone.items_digest);
        assert_ne!(one.items_digest, account.items_digest);
    }

    #[test]
    fn secrets_have_24_to_64_bytes() {
        assert!(parse_secret("whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=").is_ok());
        assert!(parse_secret("wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=\n").is_ok());
        assert_eq!(parse_secret("whsec_AAAA"), Err(SecretError::Length(3)));
        assert_eq!(parse_secret("whsec_*"), Err(SecretError::NotBase64));
    }

    proptest! {
        #[test]
        fn no_bytes_are_accepted_without_proof(body: Vec<u8>, id in "\\PC{0,20}", time in "\\PC{0,12}", signature in "\\PC{0,60}") {
            let adapter = Standard::new("p", vec![key("k1", 1)]).unwrap();
            let headers = Headers { id: Some(&id), timestamp: Some(&time), signature: Some(&signature) };
            prop_assert!(adapter.receive(headers, &body, None).is_err());
        }

        #[test]
        fn proven_bytes_never_panic(body: Vec<u8>) {
            let adapter = Standard::new("p", vec![key("k1", 1)]).unwrap();
            let signature = sign(&key("k1", 1).secret, "m1", 1000, &body);
            let headers = Headers { id: Some("m1"), timestamp: Some("1000"), signature: Some(&signature) };
            let _ = adapter.receive(headers, &body, None);
        }

        #[test]
        fn one_changed_byte_breaks_the_proof(at in 0usize..200, bit in 0u8..8) {
            let adapter = Standard::new("p", vec![key("k1", 1)]).unwrap();
            let mut body = payment(GOOD).into_bytes();
            let signature = sign(&key("k1", 1).secret, "m1", 1000, &body);
            let at = at % body.len();
            body[at] ^= 1 << bit;
            let headers = Headers { id: Some("m1"), timestamp: Some("1000"), signature: Some(&signature) };
            let got = adapter.receive(headers, &body, None);
            let refused = matches!(got, Err(Refusal::Signature { .. }));
            prop_assert!(refused);
        }
    }
}

//! The native profile: Standard Webhooks, version v1 (HMAC-SHA256), docs/spec/providers.md, section 13.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD as UNPADDED};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::canonical::{RAW, canonical};
use super::json::{Json, Object, read, refuse_duplicates};
use super::keys::not_base64;
use super::members::{ID_CHARS_MAX, Members, TEXT_CHARS_MAX};
use super::proof::{Hash, hmac};
use super::protocol::{Protocol, Read};
use super::times::{check_window, unix_seconds};
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, SecretsError,
};
use crate::vn::{Dong, Secret, TimeMs, digest_128};

/// More signatures than this in one header are not looked at: two keys in rotation need two.
const SIGNATURES_MAX: usize = 16;

pub(super) const WEBHOOKS_V1: Scheme = Scheme {
    profile: "standard",
    name: "webhooks_v1",
    method: "POST",
    paths: &[""],
    headers: &[
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
    ],
    has_orders: false,
    secrets: &["signing_secret"],
    settings: &[],
    build: |secrets| {
        let text = secrets.text("signing_secret")?;
        let secret = parse_secret(&text).map_err(|because| SecretsError::wrong("signing_secret", because))?;
        Ok(Box::new(Standard { secret }))
    },
};

/// The headers of the scheme, and those of the service it grew out of, whose libraries sign in the same way.
const HEADERS: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
];
/// Bytes of a secret. The scheme wants 24 at least; its own Python library is tested with one of 23.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 23..=64;

/// Which headers a request has: all of one kind, so that no two kinds can say different things.
fn header_names(request: &Request<'_>) -> [&'static str; 3] {
    let [own, other] = HEADERS;
    let has = |names: [&'static str; 3]| request.headers.iter().any(|(name, _)| names.contains(name));
    if has(other) && !has(own) { other } else { own }
}

/// Reads `whsec_` + base64 of 24 to 64 bytes; the prefix and the padding may be missing.
pub fn parse_secret(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    let coded = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = UNPADDED.decode(coded.trim_end_matches('=')).map_err(|_| {
        let because = not_base64(coded);
        format!("{because}; wanted whsec_ and 32 to 88 base64 characters")
    })?;
    match bytes.len() {
        n if SECRET_BYTES.contains(&n) => Ok(Secret::new(bytes)),
        n => Err(format!("holds {n} bytes; Standard Webhooks wants 24 to 64")),
    }
}

/// The `webhook-signature` that proves a body: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
pub fn sign(secret: &Secret, webhook_id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mac = mac_of(secret, webhook_id, &timestamp_s.to_string(), body);
    format!("v1,{}", BASE64.encode(mac))
}

fn mac_of(secret: &Secret, webhook_id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let signed = [webhook_id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    hmac(Hash::Sha256, secret, &signed)
}

#[derive(Debug)]
struct Standard {
    secret: Secret,
}

impl Protocol for Standard {
    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal> {
        let [id_name, time_name, signature_name] = header_names(request);
        let webhook_id = request.required_header(id_name)?;
        if webhook_id.len() > ID_CHARS_MAX || webhook_id.bytes().any(|b| !(0x21..0x7f).contains(&b)) {
            let because = "wants 1 to 128 visible ASCII characters";
            return Err(Refusal::signature(id_name, because));
        }
        let timestamp = request.required_header(time_name)?;
        let signed_at_s = unix_seconds(time_name, timestamp)?;
        let header = request.required_header(signature_name)?;
        self.prove(signature_name, webhook_id, timestamp, header, request.body)?;
        check_window(time_name, signed_at_s, now)?;
        Ok(Read::Notices {
            delivery_id: Some(webhook_id.to_owned()),
            items: read_items(webhook_id, request)?,
            variant: "",
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::NotKept => {
                let detail = "the notice is not kept; send it again after the seconds in Retry-After";
                problem(503, "not-kept", "Not kept yet", detail, None)
            }
            Outcome::Refused(r) => {
                // In English, as all that is said to a provider's engineers about a callback.
                let (status, kind, title) = match r.kind {
                    RefusalKind::Signature if r.lacks_header => {
                        (401, "missing-header", "A header of the signature is missing")
                    }
                    RefusalKind::Signature => (401, "bad-signature", "The signature does not fit"),
                    RefusalKind::Replay => (401, "stale", "The signature is too old or too new"),
                    RefusalKind::Malformed | RefusalKind::Foreign => {
                        (400, "malformed", "The notice cannot be read")
                    }
                };
                problem(status, kind, title, &r.because, Some(&r.field))
            }
            _ => Answer::empty(204),
        }
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let webhook_id = format!("msg_{:016x}", sample.number);
        let (kind, original) = match sample.kind {
            SampleKind::Payment => ("payment.succeeded", None),
            SampleKind::Failed => ("payment.failed", None),
            SampleKind::Refund => (
                "payment.refunded",
                Some(format!("FT{:014}", sample.payment_number)),
            ),
        };
        let mut data = json!({
            "transaction_id": format!("FT{:014}", sample.number),
            "amount": sample.amount.vnd(),
            "currency": "VND",
            "reference": format!("R{}", sample.number),
            "bank_bin": sample.bank_bin,
            "account": sample.account_number,
            "occurred_at": sample.occurred_at.iso(),
            "note": sample.stall_code,
        });
        if let Some(original) = original {
            data["original_transaction_id"] = original.into();
        }
        let body = json!({"type": kind, "timestamp": now.iso(), "data": data}).to_string();
        let signed_at_s = now.0.div_euclid(1000);
        Ok(Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                (
                    "webhook-signature",
                    sign(&self.secret, &webhook_id, signed_at_s, body.as_bytes()),
                ),
                ("webhook-id", webhook_id),
                ("webhook-timestamp", signed_at_s.to_string()),
            ],
            body,
        })
    }
}

/// A problem document (RFC 9457), title and detail in one language.
fn problem(status: u16, kind: &str, title: &str, detail: &str, field: Option<&str>) -> Answer {
    let mut body = json!({
        "type": format!("urn:choso:problem:{kind}"),
        "title": title,
        "status": status,
        "detail": detail,
    });
    if let Some(field) = field {
        body["field"] = field.into();
    }
    Answer {
        content_type: "application/problem+json",
        ..Answer::json(status, body)
    }
}

impl Standard {
    fn prove(&self, name: &str, id: &str, timestamp: &str, header: &str, body: &[u8]) -> Result<(), Refusal> {
        // Other versions (v1a is Ed25519) are skipped, as the scheme says.
        let sent: Vec<&str> = header
            .split(' ')
            .filter_map(|part| part.strip_prefix("v1,"))
            .take(SIGNATURES_MAX)
            .collect();
        let mac = mac_of(&self.secret, id, timestamp, body);
        let signatures = sent.iter().filter_map(|coded| BASE64.decode(coded).ok());
        if signatures.into_iter().any(|s| s.ct_eq(&mac).into()) {
            return Ok(());
        }
        Err(Refusal::signature(name, self.because(id, timestamp, &sent, body)))
    }

    /// Looks for the mistakes that engineers make.
    fn because(&self, id: &str, timestamp: &str, sent: &[&str], body: &[u8]) -> String {
        let wanted = "wanted v1,BASE64 of HMAC-SHA256 over webhook-id.webhook-timestamp.body, the raw body, \
                      under the bytes that whsec_… codes";
        if sent.is_empty() {
            return format!("holds no part that begins with v1,; {wanted}");
        }
        // In constant time too: a body may be written so that one of these is the signature of another one.
        let is_sent = |text: &str| sent.iter().any(|s| s.as_bytes().ct_eq(text.as_bytes()).into());
        let fits = |mac: &[u8]| is_sent(&BASE64.encode(mac));
        let hex_sent = is_sent(&hex::encode(mac_of(&self.secret, id, timestamp, body)));
        let text = Secret::new(BASE64.encode(self.secret.reveal()).into_bytes());
        let prefixed = Secret::new(format!("whsec_{}", BASE64.encode(self.secret.reveal())).into_bytes());
        let near = if hex_sent {
            "the digest is right but written in hex"
        } else if fits(&hmac(Hash::Sha256, &self.secret, body)) {
            "signed over the body alone"
        } else if fits(&mac_of(&text, id, timestamp, body)) || fits(&mac_of(&prefixed, id, timestamp, body)) {
            "signed under the text of the secret instead of the bytes it codes"
        } else if fits(&mac_of(&self.secret, id, timestamp, body.trim_ascii_end())) {
            "signed over the body without the line break at its end"
        } else {
            "does not fit: another key, or the body was changed after signing"
        };
        format!("{near} ({} signature(s) tried); {wanted}", sent.len())
    }
}

fn read_items(webhook_id: &str, request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    // An empty body that is rightly signed tries the address: it moves nothing, as a type that is not known.
    if request.body.is_empty() {
        return Ok(vec![without_id(NoticeKind::Other, webhook_id, 0, &Json::Null)]);
    }
    let body = read(request.text()?)?;
    match &body {
        Json::Object(object) => {
            refuse_duplicates(&body)?;
            Ok(vec![read_item(webhook_id, 0, object)?])
        }
        Json::Array(items) => Ok(items
            .iter()
            .enumerate()
            .map(|(i, item)| read_or_keep(webhook_id, i, item))
            .collect()),
        _ => Err(Refusal::malformed(
            "body",
            "wanted an object or an array of objects",
        )),
    }
}

/// An item of an array that cannot be read is kept for review instead of losing the others.
fn read_or_keep(webhook_id: &str, index: usize, item: &Json) -> Item {
    let read = match item {
        Json::Object(object) => refuse_duplicates(item).and_then(|()| read_item(webhook_id, index, object)),
        _ => Err(Refusal::malformed("item", "wanted an object")),
    };
    read.unwrap_or_else(|_| without_id(NoticeKind::Unreadable, webhook_id, index, item))
}

/// An item that names no transaction: keyed by its place in the delivery.
fn without_id(kind: NoticeKind, webhook_id: &str, index: usize, item: &Json) -> Item {
    Item {
        kind,
        event_id: format!("{webhook_id}#{index}"),
        provider_txn_id: String::new(),
        amount: stated_amount(item),
        content: digest_128([canonical(item, RAW).as_bytes()]),
        details: Details::default(),
    }
}

fn read_item(webhook_id: &str, index: usize, object: &Object) -> Result<Item, Refusal> {
    let members = Members::of(object, "")?;
    let kind = match object.get("type") {
        Some(Json::Text(t)) if t == "payment.succeeded" => NoticeKind::Payment,
        Some(Json::Text(t)) if t == "payment.refunded" => NoticeKind::Refund,
        Some(Json::Text(t)) if t == "payment.failed" => NoticeKind::PaymentFailed,
        _ => {
            let whole = Json::Object(object.clone());
            return Ok(without_id(NoticeKind::Other, webhook_id, index, &whole));
        }
    };
    let data = members.object("data", "data.")?;
    let event_id = data.id("transaction_id")?;
    let amount = data.amount("amount")?;
    let details = read_details(kind, event_id, data)?;
    Ok(Item::of(kind, event_id, amount, details))
}

fn read_details(kind: NoticeKind, event_id: &str, data: Members<'_>) -> Result<Details, Refusal> {
    if data.text("currency", 8)? != Some("VND") {
        return Err(data.wrong("currency", "wanted \"VND\""));
    }
    let bank_bin = data.text("bank_bin", 6)?.filter(|b| !b.is_empty());
    if bank_bin.is_some_and(|b| b.len() != 6 || !b.bytes().all(|c| c.is_ascii_digit())) {
        return Err(data.wrong("bank_bin", "wanted six digits"));
    }
    let account = data.account("account")?;
    let terminal = data.text("terminal", ID_CHARS_MAX)?.filter(|t| !t.is_empty());
    if account.is_empty() && terminal.is_none() {
        return Err(data.wrong("account", "is missing, and there is no terminal either"));
    }
    let occurred_at = match data.text("occurred_at", 64)? {
        None => None,
        Some(t) => Some(
            TimeMs::parse(t)
                .map_err(|_| data.wrong("occurred_at", "wanted ISO 8601, e.g. 2026-01-15T17:58:59+07:00"))?,
        ),
    };
    let original = data
        .text("original_transaction_id", ID_CHARS_MAX)?
        .filter(|o| !o.is_empty());
    let payment_event_id = match kind {
        // A refund without it concerns the payment of the same transaction_id (docs/spec/contract.md, section 3).
        NoticeKind::Refund => original.unwrap_or(event_id).to_owned(),
        _ => String::new(),
    };
    Ok(Details {
        bank_bin: bank_bin.map(str::to_owned),
        account_number: account,
        terminal: terminal.map(str::to_owned),
        reference: data
            .text("reference", TEXT_CHARS_MAX)?
            .unwrap_or_default()
            .to_owned(),
        note: data.text("note", TEXT_CHARS_MAX)?.map(str::to_owned),
        occurred_at,
        payment_event_id,
        ..Details::default()
    })
}

/// The positive amount an item states, even where the rest cannot be read; else zero.
fn stated_amount(item: &Json) -> Dong {
    let Json::Object(object) = item else {
        return Dong::ZERO;
    };
    let data = Members::of(object, "").and_then(|m| m.object("data", "data."));
    data.and_then(|d| d.amount("amount")).unwrap_or(Dong::ZERO)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, what};
    use super::super::{Delivery, Provider, scheme};
    use super::*;
    use proptest::prelude::*;

    fn text_of(fill: u8) -> String {
        format!("whsec_{}", BASE64.encode([fill; 32]))
    }

    fn provider(fills: &[(&str, u8)]) -> Provider {
        let scheme = scheme("standard", None).unwrap();
        let keys = fills.iter().map(|(id, fill)| {
            let secrets = scheme.read_secrets(&text_of(*fill)).unwrap();
            ((*id).to_owned(), secrets)
        });
        Provider::new("p", scheme, keys.collect()).unwrap()
    }

    fn signed(fill: u8, body: &[u8]) -> String {
        sign(&Secret::new(vec![fill; 32]), "m1", 1000, body)
    }

    fn receive(p: &Provider, body: &[u8], signature: &str, now: Option<TimeMs>) -> Result<Delivery, Refusal> {
        let headers = [
            ("webhook-id", "m1"),
            ("webhook-timestamp", "1000"),
            ("webhook-signature", signature),
        ];
        testing::receive(p, &headers, body, now)
    }

    fn read_signed(body: &str) -> Result<Delivery, Refusal> {
        receive(
            &provider(&[("k1", 1)]),
            body.as_bytes(),
            &signed(1, body.as_bytes()),
            None,
        )
    }

    fn payment(data: &str) -> String {
        format!(r#"{{"type":"payment.succeeded","timestamp":"2026-01-15T17:59:00Z","data":{{{data}}}}}"#)
    }

    const GOOD: &str = r#""transaction_id":"T1","amount":26000,"currency":"VND","reference":"R","account":"0938123456","occurred_at":"2026-01-15T17:58:59Z","note":"tien rau""#;

    #[test]
    fn the_edge_of_the_window_is_inside() {
        let body = payment(GOOD);
        let signature = signed(1, body.as_bytes());
        for (now_s, fits) in [(700, true), (1300, true), (699, false), (1301, false)] {
            let got = receive(
                &provider(&[("k1", 1)]),
                body.as_bytes(),
                &signature,
                Some(TimeMs(now_s * 1000)),
            );
            assert_eq!(got.is_ok(), fits, "{now_s}");
        }
    }

    #[test]
    fn any_live_key_proves_and_is_named() {
        let both = provider(&[("old", 1), ("new", 2)]);
        let body = payment(GOOD);
        for (fill, id) in [(1, "old"), (2, "new")] {
            let signature = format!("v1a,AAAA v1,AAAA {}", signed(fill, body.as_bytes()));
            let got = receive(&both, body.as_bytes(), &signature, None).unwrap();
            assert_eq!(&*got.evidence.key_id, id);
        }
        let none = Provider::new("p", scheme("standard", None).unwrap(), vec![]);
        assert_eq!(none.err(), Some(SecretsError::NoKey));
    }

    #[test]
    fn a_missing_header_is_no_signature_that_does_not_fit() {
        let p = provider(&[("k1", 1)]);
        let body = payment(GOOD);
        let signature = signed(1, body.as_bytes());
        let all = [
            ("webhook-id", "m1"),
            ("webhook-timestamp", "1000"),
            ("webhook-signature", signature.as_str()),
        ];
        let answered = |headers: &[(&str, &str)]| -> serde_json::Value {
            let refusal = testing::receive(&p, headers, body.as_bytes(), None).unwrap_err();
            let request = Request {
                method: "POST",
                path: "",
                query: "",
                headers: &[],
                body: b"",
                is_evidence: false,
            };
            let answer = p.answer(&request, None, &Outcome::Refused(refusal));
            assert_eq!(answer.status, 401);
            serde_json::from_str(&answer.body).unwrap()
        };
        for (name, _) in all {
            let others: Vec<(&str, &str)> = all.iter().copied().filter(|(n, _)| *n != name).collect();
            let said = answered(&others);
            assert_eq!(
                (&said["type"], &said["title"], &said["field"]),
                (
                    &"urn:choso:problem:missing-header".into(),
                    &"A header of the signature is missing".into(),
                    &name.into()
                )
            );
        }
        let said = answered(&[all[0], all[1], ("webhook-signature", "v1,AAAA")]);
        assert_eq!(said["type"], "urn:choso:problem:bad-signature");
        // Title and detail are in one language.
        let is_vietnamese = |name: &str| {
            let text = said[name].as_str().unwrap();
            text.chars().any(|c| c.is_alphabetic() && !c.is_ascii())
        };
        assert!(!is_vietnamese("title") && !is_vietnamese("detail"), "{said}");
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
            let refusal = read_signed(&body).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{body}");
        }
        for body in [" ", "{", "7", "\"x\"", "\u{feff}{}"] {
            assert_eq!(
                read_signed(body).unwrap_err().kind,
                RefusalKind::Malformed,
                "{body}"
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        let body = payment(GOOD);
        let p = provider(&[("k1", 1)]);
        let hex = hex::encode(mac_of(&Secret::new(vec![1; 32]), "m1", "1000", body.as_bytes()));
        let alone = BASE64.encode(hmac(Hash::Sha256, &Secret::new(vec![1; 32]), body.as_bytes()));
        for (signature, part) in [
            (format!("v1,{hex}"), "in hex"),
            (format!("v1,{alone}"), "body alone"),
            (alone, "begins with v1,"),
            (
                sign(&Secret::new(text_of(1).into_bytes()), "m1", 1000, body.as_bytes()),
                "text of the secret",
            ),
            (signed(2, body.as_bytes()), "another key"),
        ] {
            let refusal = receive(&p, body.as_bytes(), &signature, None).unwrap_err();
            assert!(refusal.because.contains(part), "{}", refusal.because);
        }
    }

    #[test]
    fn the_headers_of_svix_are_taken_and_not_mixed() {
        let p = provider(&[("k1", 1)]);
        let body = payment(GOOD);
        let signature = signed(1, body.as_bytes());
        let with = |names: [&'static str; 3]| {
            let values = ["m1", "1000", signature.as_str()];
            let headers: Vec<(&str, &str)> = names.into_iter().zip(values).collect();
            testing::receive(&p, &headers, body.as_bytes(), None)
        };
        let [_, svix] = HEADERS;
        let delivery = with(svix).unwrap();
        assert_eq!(delivery.items[0].amount.vnd(), 26_000);
        assert_eq!(delivery.evidence.headers.len(), 3, "what proves it again is kept");
        let mixed = with(["svix-id", "webhook-timestamp", "webhook-signature"]).unwrap_err();
        assert_eq!(what(&mixed), (RefusalKind::Signature, "webhook-id"));
        let other = with(["svix-id", "svix-timestamp", "x-signature"]).unwrap_err();
        assert_eq!(what(&other), (RefusalKind::Signature, "svix-signature"));
    }

    #[test]
    fn a_time_in_milliseconds_and_a_form_are_named() {
        let p = provider(&[("k1", 1)]);
        let body = payment(GOOD);
        let signature = sign(
            &Secret::new(vec![1; 32]),
            "m1",
            1_767_582_061_007,
            body.as_bytes(),
        );
        let headers = [
            ("webhook-id", "m1"),
            ("webhook-timestamp", "1767582061007"),
            ("webhook-signature", &*signature),
        ];
        let now = Some(TimeMs(1_767_582_061_007));
        let refusal = testing::receive(&p, &headers, body.as_bytes(), now).unwrap_err();
        assert!(refusal.because.contains("in milliseconds"), "{refusal}");
        let form = read_signed("type=payment.succeeded&amount=5000").unwrap_err();
        assert!(form.because.contains("is a form"), "{form}");
    }

    #[test]
    fn an_unknown_type_is_taken_and_moves_nothing() {
        for body in [
            "",
            "{}",
            r#"{"type":"payment.pending","data":{"amount":5}}"#,
            r#"{"type":7}"#,
        ] {
            assert_eq!(
                read_signed(body).unwrap().items[0].kind,
                NoticeKind::Other,
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_kept_unread_has_its_content_by_its_values() {
        let content = |body: &str| read_signed(body).unwrap().items[0].content;
        let one = content(r#"{"type":"x","data":{"a":1,"b":"é"}}"#);
        assert_eq!(content(r#"{"data":{"b":"\u00e9", "a":1},"type":"x"}"#), one);
        assert_ne!(content(r#"{"type":"x","data":{"a":2,"b":"é"}}"#), one);
    }

    #[test]
    fn items_of_an_array_are_judged_alone() {
        let body = format!(
            "[{},{{\"type\":\"payment.succeeded\",\"data\":{{\"amount\":5000}}}},7]",
            payment(GOOD)
        );
        let items = read_signed(&body).unwrap().items;
        let kinds: Vec<_> = items.iter().map(|i| i.kind).collect();
        assert_eq!(
            kinds,
            [
                NoticeKind::Payment,
                NoticeKind::Unreadable,
                NoticeKind::Unreadable
            ]
        );
        let amounts: Vec<_> = items.iter().map(|i| i.amount.vnd()).collect();
        assert_eq!(amounts, [26_000, 5_000, 0]);
        assert_eq!(items[2].event_id, "m1#2");
    }

    #[test]
    fn the_note_is_not_content_but_the_account_is() {
        let content = |data: &str| read_signed(&payment(data)).unwrap().items[0].content;
        let one = content(GOOD);
        assert_eq!(one, content(&GOOD.replace("tien rau", "khac")));
        assert_eq!(
            one,
            content(&GOOD.replace("2026-01-15T17:58:59Z", "2026-01-16T00:58:59+07:00"))
        );
        assert_ne!(one, content(&GOOD.replace("0938123456", "0938123457")));
    }

    #[test]
    fn secrets_have_24_to_64_bytes() {
        assert!(parse_secret("whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=").is_ok());
        assert!(parse_secret("wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=\n").is_ok());
        assert!(parse_secret("whsec_AAAA").unwrap_err().contains("3 bytes"));
        assert!(parse_secret("whsec_*").unwrap_err().contains("base64"));
        assert!(parse_secret("whsec_").is_err() && parse_secret("").is_err());
        for (text, bytes) in [
            ("A".repeat(31), 23),
            ("A".repeat(34), 25),
            (format!("{}==", "A".repeat(34)), 25),
        ] {
            for text in [format!("whsec_{text}"), text] {
                assert_eq!(parse_secret(&text).unwrap().reveal().len(), bytes, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_accepted_without_proof(body: Vec<u8>, signature in "\\PC{0,60}") {
            prop_assert!(receive(&provider(&[("k1", 1)]), &body, &signature, None).is_err());
        }

        #[test]
        fn proven_bytes_never_panic(body: Vec<u8>) {
            let _ = receive(&provider(&[("k1", 1)]), &body, &signed(1, &body), None);
        }

        #[test]
        fn one_changed_byte_breaks_the_proof(at in 0usize..200, bit in 0u8..8) {
            let mut body = payment(GOOD).into_bytes();
            let signature = signed(1, &body);
            let at = at % body.len();
            body[at] ^= 1 << bit;
            let refusal = receive(&provider(&[("k1", 1)]), &body, &signature, None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}

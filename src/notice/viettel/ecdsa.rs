//! Viettel's newer gateway (docs/spec/providers.md, section 5.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey, agree_ephemeral};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};
use spki::ObjectIdentifier;

use super::super::json::{Json, read_object};
use super::super::keys::{PRIVATE_KEY, private_key, public_key};
use super::super::members::{ID_CHARS_MAX, Members};
use super::super::protocol::{Protocol, Read};
use super::super::times::compact_time;
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, Secrets, SecretsError,
};
use crate::vn::{Dong, TimeMs};

/// `id-ecPublicKey` (RFC 5480).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve P-256, there called `secp256r1`.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// Bytes of an uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// The newer gateway, inferred from one implementation.
pub(in super::super) const ECDSA: Scheme = Scheme {
    profile: "viettel",
    name: "ecdsa_p256_sha256",
    method: "POST",
    paths: &[""],
    headers: &["signature", "x-signature"],
    has_orders: true,
    secrets: &["merchant_code", "viettel_public_key_spki_base64"],
    settings: &[
        (
            "amount_unit",
            "What transAmount counts: \"dong\" (default) or \"hundredth\" (đồng times 100, as one place of \
             the only known implementation does). Ask Viettel.",
        ),
        (
            "private_key_pkcs8_base64",
            "Only for provider simulate: the private key that belongs to the public one, PKCS#8 in base64.",
        ),
    ],
    build: |secrets| {
        Ok(Box::new(Ecdsa {
            merchant_code: secrets.text("merchant_code")?,
            point: p256_point(secrets, "viettel_public_key_spki_base64")?,
            key_pair: p256_pair(secrets)?,
            is_hundredths: match secrets.setting("amount_unit") {
                None | Some("dong") => false,
                Some("hundredth") => true,
                Some(_) => {
                    return Err(SecretsError::wrong(
                        "amount_unit",
                        "wanted \"dong\" or \"hundredth\"",
                    ));
                }
            },
        }))
    },
};

fn p256_point(secrets: &Secrets, name: &str) -> Result<Vec<u8>, SecretsError> {
    let point = public_key(secrets, name, EC_PUBLIC_KEY, Some(P256))?;
    if point.len() == POINT_BYTES && point[0] == 4 && is_on_curve(&point) {
        Ok(point)
    } else {
        Err(SecretsError::wrong(name, "is not an uncompressed point of P-256"))
    }
}

/// A letter that was changed in copying leaves a point beside the curve, under which no signature fits. Agreeing on
/// a secret is the operation that says so.
fn is_on_curve(point: &[u8]) -> bool {
    let Ok(own) = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()) else {
        // No random numbers: nothing is said against the key.
        return true;
    };
    agree_ephemeral(own, &agreement::UnparsedPublicKey::new(&ECDH_P256, point), |_| ()).is_ok()
}

/// The pair to simulate with, if it is there.
fn p256_pair(secrets: &Secrets) -> Result<Option<EcdsaKeyPair>, SecretsError> {
    let Some(key) = private_key(secrets)? else {
        return Ok(None);
    };
    EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        key.reveal(),
        &SystemRandom::new(),
    )
    .map(Some)
    .map_err(|_| SecretsError::wrong(PRIVATE_KEY, "is not a whole P-256 key (PKCS#8)"))
}

#[derive(Debug)]
struct Ecdsa {
    merchant_code: String,
    /// Uncompressed point of Viettel's public key.
    point: Vec<u8>,
    is_hundredths: bool,
    /// Ours, where a provider is simulated.
    key_pair: Option<EcdsaKeyPair>,
}

impl Protocol for Ecdsa {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        // The known code reads both names (contested); `Signature` goes first.
        let (field, variant) = match request.header("signature")? {
            None if request.header("x-signature")?.is_some() => ("x-signature", "x_signature"),
            _ => ("signature", ""),
        };
        self.prove(field, request.required_header(field)?, request.body)?;
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        let sent = members.id("merchantCode")?;
        Refusal::unless_own("merchantCode", sent, &self.merchant_code, "merchant_code")?;
        Ok(Read::one(self.read_item(members)?, variant))
    }

    fn answer(&self, _: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        // Only 00 is known; every other code refuses, and these are ours
        // (inferred, docs/spec/providers.md, section 5.2).
        let (code, message) = match outcome {
            Outcome::Stored | Outcome::Repeat => ("00", "Success"),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => ("01", "Invalid signature"),
            Outcome::UnknownOrder => ("02", "Order not found"),
            Outcome::AmountDiffers { .. } => ("03", "Invalid amount"),
            Outcome::Refused(_) => ("04", "Invalid request"),
            Outcome::NotKept => ("99", "Not kept, send it again"),
        };
        let order = items.first().map_or("", |i| i.details.reference.as_str());
        Answer::text(
            200,
            format!(
                r#"{{"code":"{code}","orderId":{},"message":"{message}"}}"#,
                Value::from(order)
            ),
        )
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (kind, code, status, number) = match sample.kind {
            SampleKind::Payment => ("PAYMENT", "00", 1, sample.number),
            SampleKind::Failed => ("PAYMENT", "16", 2, sample.number),
            // The order is that of the payment; it is all that leads from a refund to it.
            SampleKind::Refund => ("REFUND", "00", 1, sample.payment_number),
        };
        let unit = if self.is_hundredths { 100 } else { 1 };
        let body = json!({
            "transactionStatus": status,
            "errorCode": code,
            "orderId": format!("{}-{number}", sample.stall_code),
            "vtRequestId": format!("vt-{}", sample.number),
            "type": kind,
            "transAmount": sample.amount.vnd() * unit,
            "currency": "VND",
            "paymentMethod": "VTM_WALLET",
            "paymentInstrument": null,
            "paymentDate": sample.occurred_at.iso(),
            "merchantCode": self.merchant_code,
            "description": sample.stall_code,
            "errorMessage": "",
        })
        .to_string();
        let signature = self.sign(body.as_bytes())?;
        Ok(Outgoing::json(body).with("signature", signature))
    }
}

impl Ecdsa {
    fn prove(&self, field: &str, sent: &str, body: &[u8]) -> Result<(), Refusal> {
        let wanted = "wanted base64 of a DER ECDSA P-256 SHA-256 signature over the exact body, under the \
                      key of viettel_public_key_spki_base64";
        let refused = |near: &str| Refusal::signature(field, format!("{near}; {wanted}"));
        let signature = BASE64.decode(sent).map_err(|_| refused("is not base64"))?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        if key.verify(body, &signature).is_ok() {
            return Ok(());
        }
        Err(refused(match signature.len() {
            64 => "is 64 bytes, r and s without DER",
            _ => "does not fit: another key, or the body was changed after signing",
        }))
    }

    fn sign(&self, body: &[u8]) -> Result<String, String> {
        let pair = self.key_pair.as_ref();
        let pair = pair.ok_or("Viettel signs with its own key: to simulate, set private_key_pkcs8_base64")?;
        let signature = pair
            .sign(&SystemRandom::new(), body)
            .map_err(|_| "the system's random generator failed")?;
        Ok(BASE64.encode(signature))
    }

    fn read_item(&self, members: Members<'_>) -> Result<Item, Refusal> {
        let code = members.text("errorCode", ID_CHARS_MAX)?;
        // 1 is the only status that was seen with a payment (inferred).
        let is_done = code == Some("00") && members.integer("transactionStatus")? == 1;
        let kind = match (members.text("type", ID_CHARS_MAX)?, is_done) {
            (Some("PAYMENT"), true) => NoticeKind::Payment,
            (Some("PAYMENT"), false) => NoticeKind::PaymentFailed,
            (Some("REFUND"), true) => NoticeKind::Refund,
            // A refund that failed, or a type that is not known: no money moved.
            _ => NoticeKind::Other,
        };
        let amount = self.amount(kind, members)?;
        members.check_currency("currency", &["VND"])?;
        let details = Details {
            // A refund does not name the payment's own id; the order leads to it.
            reference: members.id("orderId")?.to_owned(),
            occurred_at: paid_at(members)?,
            ..Details::default()
        };
        let transaction = members.id("vtRequestId")?;
        Ok(Item::of(kind, transaction, amount, details))
    }

    fn amount(&self, kind: NoticeKind, members: Members<'_>) -> Result<Dong, Refusal> {
        let hundredths = members.integer("transAmount")?;
        if !self.is_hundredths || hundredths == 0 {
            return members.amount_for(kind, "transAmount");
        }
        if hundredths % 100 != 0 {
            return Err(members.wrong("transAmount", "is đồng times 100 and must end in 00"));
        }
        Dong::payment(hundredths / 100).map_err(|e| members.wrong("transAmount", e.to_string()))
    }
}

/// The form of `paymentDate` is not known: milliseconds, ISO 8601 and `yyyyMMddHHmmss` are read. Another
/// text or number leaves the time of receipt to count, rather than to lose a proven notice over it.
fn paid_at(members: Members<'_>) -> Result<Option<TimeMs>, Refusal> {
    let compact_or_iso = |text: &str| compact_time(text).or_else(|| TimeMs::parse(text).ok());
    match members.object.get("paymentDate") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(compact_or_iso(text)),
        Some(Json::Integer(n)) => {
            let ms = members.epoch_ms("paymentDate").ok();
            Ok(ms.or_else(|| compact_time(&n.to_string())))
        }
        Some(_) => Err(members.wrong("paymentDate", "wanted text or milliseconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Provider;
    use super::super::super::testing::*;
    use super::*;
    use proptest::prelude::*;

    fn newer() -> Provider {
        known("viettel", "ecdsa_p256_sha256")
    }

    fn sign(out: &mut Outgoing) {
        let random = SystemRandom::new();
        let key = BASE64.decode(P256_PRIVATE).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key, &random).unwrap();
        out.headers[1].1 = BASE64.encode(pair.sign(&random, out.body.as_bytes()).unwrap());
    }

    /// The composed payment with these members instead, signed anew.
    fn signed(changes: Value) -> Outgoing {
        let mut out = newer().compose(&sample(SampleKind::Payment), NOW).unwrap();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        out.body = body.to_string();
        sign(&mut out);
        out
    }

    #[test]
    fn the_unit_is_a_setting_and_only_the_private_key_signs() {
        let p = with_settings("viettel", "ecdsa_p256_sha256", &[("amount_unit", "hundredth")]);
        let out = p.compose(&sample(SampleKind::Payment), NOW).unwrap();
        assert_eq!(send(&p, &out, None).unwrap().items[0].amount.vnd(), 26_000);
        assert_eq!(
            send(&newer(), &out, None).unwrap().items[0].amount.vnd(),
            2_600_000
        );

        let public = &pairs("viettel", "ecdsa_p256_sha256")[..2];
        let p = provider("viettel", "ecdsa_p256_sha256", public);
        let error = p.compose(&sample(SampleKind::Payment), NOW).unwrap_err();
        assert!(error.contains("private_key_pkcs8_base64"), "{error}");
        assert!(!format!("{:?}", newer()).contains(P256_PRIVATE));
    }

    #[test]
    fn only_a_p256_key_is_taken() {
        let wrong_curve = P256_PUBLIC.replacen(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQc",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQY",
            1,
        );
        assert_ne!(wrong_curve, P256_PUBLIC);
        for wrong in ["", "*", "AAAA", &wrong_curve, P256_PRIVATE, RSA_PUBLIC] {
            let pairs = [
                ("merchant_code", "CHOBT"),
                ("viettel_public_key_spki_base64", wrong),
            ];
            assert!((ECDSA.build)(&Secrets::from_pairs(pairs)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_other_header_name_is_read() {
        let mut out = signed(json!({}));
        out.headers[1].0 = "x-signature";
        assert_eq!(send(&newer(), &out, None).unwrap().variant, "x_signature");
        out.headers.remove(1);
        assert_eq!(send(&newer(), &out, None).unwrap_err().field, "signature");
    }

    #[test]
    fn a_newer_notice_names_what_is_wrong() {
        let p = newer();
        for (name, to, kind) in [
            ("merchantCode", json!("OTHER"), RefusalKind::Foreign),
            ("transAmount", json!("26000"), RefusalKind::Malformed),
            ("transAmount", json!(0), RefusalKind::Malformed),
            ("transAmount", json!(-1), RefusalKind::Malformed),
            ("transactionStatus", json!("1"), RefusalKind::Malformed),
            ("vtRequestId", json!(7), RefusalKind::Malformed),
            ("orderId", json!(""), RefusalKind::Malformed),
            ("currency", json!("USD"), RefusalKind::Malformed),
        ] {
            let refusal = send(&p, &signed(json!({name: to})), None).unwrap_err();
            assert_eq!(what(&refusal), (kind, name), "{to}");
        }
        for (changes, wanted) in [
            (json!({"type": "REFUND", "errorCode": "16"}), NoticeKind::Other),
            (json!({"type": "CAPTURE"}), NoticeKind::Other),
            (json!({"transactionStatus": 2}), NoticeKind::PaymentFailed),
            (
                json!({"errorCode": "16", "transAmount": 0}),
                NoticeKind::PaymentFailed,
            ),
        ] {
            let got = send(&p, &signed(changes.clone()), None).unwrap();
            assert_eq!(got.items[0].kind, wanted, "{changes}");
        }
        let mut twice = signed(json!({}));
        twice.body = twice.body.replacen('{', "{\"transAmount\":1,", 1);
        sign(&mut twice);
        assert_eq!(send(&p, &twice, None).unwrap_err().field, "transAmount");
        let hundredths = with_settings("viettel", "ecdsa_p256_sha256", &[("amount_unit", "hundredth")]);
        let out = signed(json!({"transAmount": 2_600_050}));
        assert_eq!(send(&hundredths, &out, None).unwrap_err().field, "transAmount");
    }

    #[test]
    fn a_time_in_an_unknown_form_is_none() {
        let paid_at = Some(sample(SampleKind::Payment).occurred_at);
        for (sent, wanted) in [
            (json!(1_768_474_739_000_i64), paid_at),
            (json!("2026-01-15T17:58:59+07:00"), paid_at),
            (json!("2026-01-15 17:58:59"), paid_at),
            (json!("20260115175859"), paid_at),
            (json!(20_260_115_175_859_i64), paid_at),
            // Seconds are not taken for milliseconds of 1970.
            (json!(1_768_474_739), None),
            (json!("hôm nay"), None),
            (json!(null), None),
        ] {
            let out = signed(json!({"paymentDate": sent}));
            let item = send(&newer(), &out, None).unwrap().items.remove(0);
            assert_eq!(item.details.occurred_at, wanted, "{sent}");
        }
        let fraction = send(&newer(), &signed(json!({"paymentDate": 1.5})), None).unwrap_err();
        assert_eq!(what(&fraction), (RefusalKind::Malformed, "paymentDate"));
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let codes = ["00", "00", "02", "03", "99", "01", "04", "04"];
        check_codes(&newer(), "code", codes);
    }

    proptest! {
        #[test]
        fn one_changed_byte_breaks_the_signature(at in 0usize..400, bit in 0u8..7) {
                let mut out = signed(json!({}));
            let mut bytes = out.body.into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            // ASCII with a bit below the highest changed stays ASCII.
            out.body = String::from_utf8(bytes).unwrap();
            let refusal = send(&newer(), &out, None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}

//! Viettel, the older gateway (PROTOCOLS section 5.1) and the newer one (5.2). Viettel publishes neither;
//! all of it comes from software of its merchants, so what they disagree on is a setting.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use serde_json::Value;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::form::{Form, encoded};
use super::json::{ID_CHARS_MAX, Json, Members, amount_digits, compact_time, read_object};
use super::proof::{Hash, Spelling, check_hmac, hmac};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, Secrets, SecretsError, content_of,
};
use crate::vn::{Dong, Secret, TimeMs};

/// Parameters of the older notice that its recipe signs, by name.
const SIGNED: [&str; 8] = [
    "billcode",
    "cust_msisdn",
    "error_code",
    "merchant_code",
    "order_id",
    "payment_status",
    "trans_amount",
    "vt_transaction_id",
];
/// Parameters that its recipe leaves out.
const UNSIGNED: [&str; 3] = ["check_sum", "return_url", "cancel_url"];
/// What every recipe that was seen covers; without these a checksum would prove nothing.
const NEEDED_NAMES: [&str; 3] = ["error_code", "merchant_code", "order_id"];

/// The older gateway.
pub(super) const CHECKSUM: Scheme = Scheme {
    profile: "viettel",
    name: "checksum_hmac_sha1",
    method: "POST",
    paths: &[""],
    secrets: &["merchant_code", "access_code", "hash_key"],
    settings: &[
        (
            "checksum_algorithm",
            "What check_sum is made with: \"hmac_sha1\" (default) or \"hmac_sha256\".",
        ),
        (
            "checksum_encoding",
            "How check_sum is written: \"base64\" (default) or \"hex\" (lower case).",
        ),
        (
            "checksum_names",
            "Names whose values are joined and signed, in this order, split by commas; access_code stands \
             for the secret of that name. Default: access_code, then all parameters by name. Parameters \
             not listed are not proven.",
        ),
    ],
    build: |secrets| {
        Ok(Box::new(Checksum {
            merchant_code: secrets.text("merchant_code")?,
            access_code: secrets.secret("access_code")?,
            hash_key: secrets.secret("hash_key")?,
            hash: match secrets.setting("checksum_algorithm") {
                None | Some("hmac_sha1") => Hash::Sha1,
                Some("hmac_sha256") => Hash::Sha256,
                Some(_) => {
                    let because = "wanted \"hmac_sha1\" or \"hmac_sha256\"";
                    return Err(SecretsError::wrong("checksum_algorithm", because));
                }
            },
            spelling: match secrets.setting("checksum_encoding") {
                None | Some("base64") => Spelling::Base64,
                Some("hex") => Spelling::LowerHex,
                Some(_) => {
                    let because = "wanted \"base64\" or \"hex\"";
                    return Err(SecretsError::wrong("checksum_encoding", because));
                }
            },
            names: secrets.setting("checksum_names").map(signed_names).transpose()?,
        }))
    },
};

fn signed_names(list: &str) -> Result<Vec<String>, SecretsError> {
    let names: Vec<String> = list.split(',').map(|n| n.trim().to_owned()).collect();
    let wrong = |because: String| Err(SecretsError::wrong("checksum_names", because));
    let is_known = |name: &str| name == "access_code" || SIGNED.contains(&name);
    if let Some(name) = names.iter().find(|n| !is_known(n)) {
        return wrong(format!(
            "«{name}» is neither access_code nor one of {}",
            SIGNED.join(", ")
        ));
    }
    if let Some(name) = NEEDED_NAMES.iter().find(|n| !names.iter().any(|own| own == *n)) {
        return wrong(format!("«{name}» must be among the signed names"));
    }
    if (1..names.len()).any(|i| names[..i].contains(&names[i])) {
        return wrong("names one parameter twice".to_owned());
    }
    Ok(names)
}

#[derive(Debug)]
struct Checksum {
    merchant_code: String,
    access_code: Secret,
    hash_key: Secret,
    hash: Hash,
    spelling: Spelling,
    /// The setting, where the default recipe does not hold.
    names: Option<Vec<String>>,
}

impl Protocol for Checksum {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_orders(&self) -> bool {
        true
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let form = Form::read(request.text()?)?;
        self.prove(&form)?;
        self.check_names(&form)?;
        // The values run together in the signed text, so this must be exact: a digit of another value
        // could stand at its end (section 1, rule 7).
        if needed(&form, "merchant_code")? != self.merchant_code {
            let because = "is not the configured merchant_code";
            return Err(Refusal::foreign("merchant_code", because));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![read_form_item(&form)?],
            variant: "",
        })
    }

    fn answer(&self, _: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        let code = match outcome {
            // There is no word for a repeat: it is done.
            Outcome::Stored | Outcome::Repeat => "00",
            Outcome::UnknownOrder => "01",
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => "02",
            Outcome::AmountDiffers { .. } | Outcome::NotKept | Outcome::Refused(_) => "03",
        };
        // The order of a refused request is not signed back: without separators, a checksum over a text
        // that a stranger chose would itself be the proof of a payment he made up.
        let order = items.first().map_or("", |i| i.details.reference.as_str());
        // By name, empty values left out; the same order in every recipe that was seen.
        let signed = [
            self.access_code.reveal(),
            code.as_bytes(),
            self.merchant_code.as_bytes(),
            order.as_bytes(),
        ];
        let check_sum = self
            .spelling
            .write(&hmac(self.hash, &self.hash_key, &signed.concat()));
        let text = |value: &str| Value::from(value).to_string();
        Answer::text(
            200,
            format!(
                r#"{{"error_code":"{code}","merchant_code":{},"order_id":{},"return_url":"","return_bill_code":"","return_other_info":"","check_sum":"{check_sum}"}}"#,
                text(&self.merchant_code),
                text(order),
            ),
        )
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (code, status) = match sample.kind {
            SampleKind::Payment => ("00", "1"),
            SampleKind::Failed => ("16", "2"),
            SampleKind::Refund => return Err("Viettel's older gateway has no refund notice".to_owned()),
        };
        let pairs = [
            ("billcode", format!("{}-{:03}", sample.stall_code, sample.number)),
            ("cust_msisdn", "84900000000".to_owned()),
            ("error_code", code.to_owned()),
            ("merchant_code", self.merchant_code.clone()),
            ("order_id", format!("{}-{}", sample.stall_code, sample.number)),
            ("payment_status", status.to_owned()),
            ("trans_amount", sample.amount.vnd().to_string()),
            ("vt_transaction_id", format!("VT{:010}", sample.number)),
        ];
        let written = pairs.iter().map(|(n, v)| format!("{n}={}", encoded(v, "*-._")));
        let body = written.collect::<Vec<_>>().join("&");
        let form = Form::read(&body).map_err(|r| r.to_string())?;
        let digest = hmac(self.hash, &self.hash_key, &self.signed_text(&form));
        let check_sum = encoded(&self.spelling.write(&digest), "*-._");
        Ok(Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: format!("{body}&check_sum={check_sum}"),
        })
    }
}

impl Checksum {
    fn prove(&self, form: &Form) -> Result<(), Refusal> {
        let sent = form.get("check_sum").unwrap_or_default();
        // A `+` of the base64 that was not escaped in the form has become a space (section 5.1).
        let sent = match self.spelling {
            Spelling::Base64 => sent.replace(' ', "+"),
            _ => sent.to_owned(),
        };
        let signed = self.signed_text(form);
        check_hmac(
            &sent,
            self.spelling,
            self.hash,
            &self.hash_key,
            &signed,
            &self.recipe(),
        )
        .map_err(|because| Refusal::signature("check_sum", because))
    }

    fn signed_text(&self, form: &Form) -> Vec<u8> {
        let Some(names) = &self.names else {
            let mut values: Vec<_> = form.iter().filter(|(n, _)| !UNSIGNED.contains(n)).collect();
            values.sort_unstable();
            let values = values.iter().map(|(_, value)| value.as_bytes());
            return std::iter::once(self.access_code.reveal())
                .chain(values)
                .collect::<Vec<_>>()
                .concat();
        };
        let values = names.iter().map(|name| match name.as_str() {
            "access_code" => self.access_code.reveal(),
            name => form.get(name).unwrap_or_default().as_bytes(),
        });
        values.collect::<Vec<_>>().concat()
    }

    fn recipe(&self) -> String {
        let names = match &self.names {
            Some(names) => names.join(" + "),
            None => format!("access_code + {}", SIGNED.join(" + ")),
        };
        format!("{names} (the values, nothing between them, empty ones left out) under hash_key")
    }

    /// Where all parameters are signed and nothing stands between them, an unknown one could hold the end
    /// of the amount and still fit. A recipe of fixed names has no such gap: there it is ignored.
    fn check_names(&self, form: &Form) -> Result<(), Refusal> {
        let is_known = |name: &str| SIGNED.contains(&name) || UNSIGNED.contains(&name);
        match form
            .iter()
            .find(|(n, v)| self.names.is_none() && !v.is_empty() && !is_known(n))
        {
            None => Ok(()),
            Some((name, _)) => {
                let because = "is no parameter of this notice; if Viettel has added it, set checksum_names";
                Err(Refusal::malformed(name, because))
            }
        }
    }
}

fn read_form_item(form: &Form) -> Result<Item, Refusal> {
    // Paid only if both say so; the meaning of payment_status is inferred (section 5.1).
    let kind = match (needed(form, "error_code")?, form.get("payment_status")) {
        ("00", Some("1")) => Kind::Payment,
        _ => Kind::PaymentFailed,
    };
    let amount = match form.get("trans_amount").unwrap_or_default() {
        "0" if kind == Kind::PaymentFailed => Dong::ZERO,
        text => amount_digits(text).map_err(|because| Refusal::malformed("trans_amount", because))?,
    };
    let transaction = needed(form, "vt_transaction_id")?;
    let details = Details {
        reference: needed(form, "order_id")?.to_owned(),
        ..Details::default()
    };
    Ok(Item {
        kind,
        event_id: transaction.to_owned(),
        provider_txn_id: transaction.to_owned(),
        amount,
        content: content_of(amount, &details),
        details,
    })
}

/// A parameter that must be there.
fn needed<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    let value = form.get(name).unwrap_or_default();
    let is_long = value.chars().count() > ID_CHARS_MAX;
    match value.is_empty() || is_long || value.chars().any(char::is_control) {
        false => Ok(value),
        true => Err(Refusal::malformed(
            name,
            format!("wanted 1 to {ID_CHARS_MAX} characters of text"),
        )),
    }
}

/// `id-ecPublicKey` (RFC 5480).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve P-256, there called `secp256r1`.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// Bytes of an uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// Latest `paymentDate` that is taken as milliseconds, in the year 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// The newer gateway, inferred from one implementation.
pub(super) const ECDSA: Scheme = Scheme {
    profile: "viettel",
    name: "ecdsa_p256_sha256",
    method: "POST",
    paths: &[""],
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
            private_key: private_key(secrets)?,
        }))
    },
};

/// The bit string of a public key (SubjectPublicKeyInfo in base64, PEM lines allowed), if it is of this
/// algorithm and these parameters.
pub(super) fn public_key(
    secrets: &Secrets,
    name: &str,
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
) -> Result<Vec<u8>, SecretsError> {
    let wrong = |because: &str| SecretsError::wrong(name, because);
    let text = secrets.text(name)?;
    let coded: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = BASE64.decode(coded).map_err(|_| wrong("is not base64"))?;
    let info = SubjectPublicKeyInfoRef::try_from(der.as_slice())
        .map_err(|_| wrong("is not a public key (SubjectPublicKeyInfo)"))?;
    if info.algorithm.oid != algorithm {
        return Err(wrong("is a key of another algorithm"));
    }
    if curve.is_some() && info.algorithm.parameters_oid().ok() != curve {
        return Err(wrong("is a key on another curve"));
    }
    let bits = info.subject_public_key.as_bytes();
    bits.map(<[u8]>::to_vec)
        .ok_or_else(|| wrong("holds a broken bit string"))
}

/// The setting of `provider simulate`, decoded.
pub(super) fn private_key(secrets: &Secrets) -> Result<Option<Secret>, SecretsError> {
    const NAME: &str = "private_key_pkcs8_base64";
    let Some(text) = secrets.setting(NAME) else {
        return Ok(None);
    };
    let bytes = BASE64
        .decode(text.trim())
        .map_err(|_| SecretsError::wrong(NAME, "is not base64"))?;
    Ok(Some(Secret::new(bytes)))
}

fn p256_point(secrets: &Secrets, name: &str) -> Result<Vec<u8>, SecretsError> {
    let point = public_key(secrets, name, EC_PUBLIC_KEY, Some(P256))?;
    match point.len() == POINT_BYTES && point[0] == 4 {
        true => Ok(point),
        false => Err(SecretsError::wrong(name, "is not an uncompressed point of P-256")),
    }
}

#[derive(Debug)]
struct Ecdsa {
    merchant_code: String,
    /// Uncompressed point of Viettel's public key.
    point: Vec<u8>,
    is_hundredths: bool,
    private_key: Option<Secret>,
}

impl Protocol for Ecdsa {
    fn headers(&self) -> &'static [&'static str] {
        &["signature", "x-signature"]
    }

    fn has_orders(&self) -> bool {
        true
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        // The known code reads both names (contested); `Signature` goes first.
        let (field, variant) = match request.header("signature")? {
            None if request.header("x-signature")?.is_some() => ("x-signature", "x_signature"),
            _ => ("signature", ""),
        };
        self.prove(field, request.needed_header(field)?, request.body)?;
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        if members.id("merchantCode")? != self.merchant_code {
            let because = "is not the configured merchant_code";
            return Err(Refusal::foreign("merchantCode", because));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![self.read_item(members)?],
            variant,
        })
    }

    fn answer(&self, _: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        // Only 00 is known; every other code refuses, and these are ours (inferred, section 5.2).
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
        let body = serde_json::json!({
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
        Ok(Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("signature", self.sign(body.as_bytes())?),
            ],
            body,
        })
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
        let key = self.private_key.as_ref();
        let key = key.ok_or("Viettel signs with its own key: to simulate, set private_key_pkcs8_base64")?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.reveal(), &random)
            .map_err(|_| "private_key_pkcs8_base64 is not a P-256 key")?;
        let signature = pair
            .sign(&random, body)
            .map_err(|_| "the system's random generator failed")?;
        Ok(BASE64.encode(signature))
    }

    fn read_item(&self, members: Members<'_>) -> Result<Item, Refusal> {
        let code = members.text("errorCode", ID_CHARS_MAX)?;
        // 1 is the only status that was seen with a payment (inferred).
        let is_done = code == Some("00") && members.integer("transactionStatus")? == 1;
        let kind = match (members.text("type", ID_CHARS_MAX)?, is_done) {
            (Some("PAYMENT"), true) => Kind::Payment,
            (Some("PAYMENT"), false) => Kind::PaymentFailed,
            (Some("REFUND"), true) => Kind::Refund,
            // A refund that failed, or a type that is not known: no money moved.
            _ => Kind::Other,
        };
        let amount = match kind {
            Kind::PaymentFailed | Kind::Other if members.integer("transAmount")? == 0 => Dong::ZERO,
            _ => self.amount(members)?,
        };
        if members
            .text("currency", ID_CHARS_MAX)?
            .is_some_and(|c| c != "VND")
        {
            return Err(members.wrong("currency", "wanted \"VND\""));
        }
        let details = Details {
            // A refund does not name the payment's own id; the order leads to it.
            reference: members.id("orderId")?.to_owned(),
            occurred_at: paid_at(members)?,
            ..Details::default()
        };
        let transaction = members.id("vtRequestId")?;
        Ok(Item {
            kind,
            event_id: transaction.to_owned(),
            provider_txn_id: transaction.to_owned(),
            amount,
            content: content_of(amount, &details),
            details,
        })
    }

    fn amount(&self, members: Members<'_>) -> Result<Dong, Refusal> {
        if !self.is_hundredths {
            return members.amount("transAmount");
        }
        let hundredths = members.integer("transAmount")?;
        if hundredths % 100 != 0 {
            return Err(members.wrong("transAmount", "is đồng times 100 and must end in 00"));
        }
        Dong::payment(hundredths / 100).map_err(|e| members.wrong("transAmount", e.to_string()))
    }
}

/// The form of `paymentDate` is not known: milliseconds, ISO 8601 and `yyyyMMddHHmmss` are read. Another
/// text leaves the time of receipt to count, rather than to lose a proven notice over it.
fn paid_at(members: Members<'_>) -> Result<Option<TimeMs>, Refusal> {
    match members.object.get("paymentDate") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(compact_time(text).or_else(|| TimeMs::parse(text).ok())),
        Some(Json::Integer(ms)) => {
            let ms = i64::try_from(*ms)
                .ok()
                .filter(|ms| (1..=TIME_MS_MAX).contains(ms));
            let wrong = || members.wrong("paymentDate", "is out of range for milliseconds");
            ms.map(|ms| Some(TimeMs(ms))).ok_or_else(wrong)
        }
        Some(_) => Err(members.wrong("paymentDate", "wanted text or milliseconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::verify::tests::{provider, sample, send, vectors_hold, with_request};
    use super::super::{Delivery, Provider};
    use super::*;
    use proptest::prelude::*;
    use ring::signature::KeyPair;
    use serde_json::json;

    const OLD: [(&str, &str); 3] = [
        ("merchant_code", "CHOBT"),
        ("access_code", "d41d8c"),
        ("hash_key", "hush0001hush"),
    ];

    fn old() -> Provider {
        provider("viettel", "checksum_hmac_sha1", &OLD)
    }

    fn old_with(settings: &[(&'static str, &'static str)]) -> Provider {
        provider("viettel", "checksum_hmac_sha1", &[&OLD[..], settings].concat())
    }

    const PAID: [(&str, &str); 8] = [
        ("billcode", "A012-001"),
        ("cust_msisdn", "84989123456"),
        ("error_code", "00"),
        ("merchant_code", "CHOBT"),
        ("order_id", "CBT260001"),
        ("payment_status", "1"),
        ("trans_amount", "26000"),
        ("vt_transaction_id", "VT2601050017"),
    ];

    fn posted(body: String) -> Outgoing {
        Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: Vec::new(),
            body,
        }
    }

    /// A form of these values, with the checksum of the default recipe over `signed`.
    fn form(values: &[(&str, &str)], signed: &[(&str, &str)]) -> Outgoing {
        let mut signed = signed.to_vec();
        signed.sort_unstable();
        let text: String = signed.iter().map(|(_, v)| *v).collect();
        let key = Secret::new(b"hush0001hush".to_vec());
        let sum = BASE64.encode(hmac(Hash::Sha1, &key, format!("d41d8c{text}").as_bytes()));
        let pairs = values.iter().map(|(n, v)| format!("{n}={}", encoded(v, "")));
        posted(format!(
            "{}&check_sum={}",
            pairs.collect::<Vec<_>>().join("&"),
            encoded(&sum, "")
        ))
    }

    fn paid(name: &str, to: &str) -> Result<Delivery, Refusal> {
        let values = PAID.map(|(n, v)| (n, if n == name { to } else { v }));
        send(&old(), &form(&values, &values), None)
    }

    #[test]
    fn vectors() {
        vectors_hold("viettel");
    }

    #[test]
    fn what_is_composed_is_read_back() {
        let recipe = "access_code,error_code,merchant_code,order_id";
        let other = [
            ("checksum_algorithm", "hmac_sha256"),
            ("checksum_encoding", "hex"),
            ("checksum_names", recipe),
        ];
        for p in [old(), old_with(&other)] {
            for (kind, wanted) in [
                (SampleKind::Payment, Kind::Payment),
                (SampleKind::Failed, Kind::PaymentFailed),
            ] {
                let out = p.compose(&sample(kind), TimeMs(0)).unwrap();
                let item = send(&p, &out, None).unwrap().items.remove(0);
                assert_eq!((item.kind, item.amount), (wanted, sample(kind).amount));
                assert_eq!(
                    (item.details.reference.as_str(), item.details.occurred_at),
                    ("CBTA2C34-12", None)
                );
            }
            assert!(
                p.compose(&sample(SampleKind::Refund), TimeMs(0))
                    .unwrap_err()
                    .contains("refund")
            );
        }
    }

    #[test]
    fn the_recipe_is_a_setting() {
        let hex = old_with(&[("checksum_encoding", "hex")])
            .compose(&sample(SampleKind::Payment), TimeMs(0))
            .unwrap();
        let refusal = send(&old(), &hex, None).unwrap_err();
        assert!(
            refusal.because.contains("written in lower-case hex"),
            "{}",
            refusal.because
        );
        let long = old_with(&[("checksum_algorithm", "hmac_sha256")]);
        let refusal = send(&long, &form(&PAID, &PAID), None).unwrap_err();
        assert!(refusal.because.contains("HMAC-SHA1"), "{}", refusal.because);
        assert!(!refusal.because.contains("hush") && !refusal.because.contains("d41d8c"));
        for (name, value) in [
            ("checksum_algorithm", "md5"),
            ("checksum_encoding", "base32"),
            ("checksum_names", "access_code,order_id"),
            ("checksum_names", "error_code,merchant_code,order_id,password"),
            ("checksum_names", "error_code,merchant_code,order_id,order_id"),
        ] {
            let secrets = Secrets::from_pairs([&OLD[..], &[(name, value)]].concat());
            assert!((CHECKSUM.build)(&secrets).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn paid_only_if_both_say_so() {
        assert_eq!(paid("x", "").unwrap().items[0].kind, Kind::Payment);
        for (name, to) in [
            ("error_code", "W04"),
            ("error_code", "16"),
            ("payment_status", "0"),
            ("payment_status", ""),
        ] {
            assert_eq!(
                paid(name, to).unwrap().items[0].kind,
                Kind::PaymentFailed,
                "{name} {to}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (name, to, kind) in [
            ("trans_amount", "26000.0", RefusalKind::Malformed),
            ("trans_amount", "-26000", RefusalKind::Malformed),
            ("trans_amount", "0", RefusalKind::Malformed),
            ("trans_amount", "026000", RefusalKind::Malformed),
            ("trans_amount", "9007199254740993", RefusalKind::Malformed),
            ("order_id", "", RefusalKind::Malformed),
            ("order_id", "a\0b", RefusalKind::Malformed),
            ("vt_transaction_id", "", RefusalKind::Malformed),
            ("merchant_code", "CHOB", RefusalKind::Foreign),
        ] {
            let refusal = paid(name, to).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, name), "{to}");
        }
        let mut out = form(&PAID, &PAID);
        out.body.push_str("&trans_amount=1");
        assert_eq!(send(&old(), &out, None).unwrap_err().field, "trans_amount");
    }

    #[test]
    fn values_cannot_be_cut_anew() {
        // The end of the merchant's code into the order, under the checksum of the true notice.
        let mut cut = PAID;
        (cut[3].1, cut[4].1) = ("CHO", "BTCBT260001");
        assert_eq!(
            send(&old(), &form(&cut, &PAID), None).unwrap_err().kind,
            RefusalKind::Foreign
        );
        // The end of the amount into a parameter that sorts behind it.
        let mut cut = PAID.to_vec();
        cut[6].1 = "26";
        cut.push(("trans_b", "000"));
        let refusal = send(&old(), &form(&cut, &PAID), None).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.field.as_str()),
            (RefusalKind::Malformed, "trans_b")
        );
    }

    #[test]
    fn addresses_and_empty_values_are_not_signed() {
        let mut more = PAID.to_vec();
        more.extend([
            ("return_url", "https://x"),
            ("cancel_url", "https://y"),
            ("extra", ""),
        ]);
        assert!(send(&old(), &form(&more, &PAID), None).is_ok());
    }

    #[test]
    fn the_answer_to_a_stranger_signs_nothing_of_his() {
        // Were it signed, `A` + text after the constant start would be a notice of the stranger's making.
        let out = posted("order_id=84989123456&check_sum=x".to_owned());
        let refusal = send(&old(), &out, None).unwrap_err();
        let outcome = Outcome::Refused(refusal);
        let answer = with_request(&out, |r| old().answer(r, None, &outcome));
        let again = with_request(&posted(String::new()), |r| old().answer(r, None, &outcome));
        assert_eq!(answer, again);
        assert!(answer.body.contains(r#""error_code":"02""#) && !answer.body.contains("84989123456"));
    }

    #[test]
    fn the_answer_is_signed() {
        // Vector viettel-s01: its `match` leaves the check_sum of the answer out.
        let pairs = [
            ("merchant_code", "CHOBT"),
            ("access_code", "d41d8cd98f00b204e980"),
            ("hash_key", "d41d8cd98f00b204e9800998ecf8427ef6"),
        ];
        let p = provider("viettel", "checksum_hmac_sha1", &pairs);
        let body = "billcode=A012-001&cust_msisdn=84989123456&error_code=00&merchant_code=CHOBT&\
                    order_id=CBT260001&payment_status=1&trans_amount=26000&vt_transaction_id=VT2601050017&\
                    check_sum=G%2F1opg3bCilRvSEprYV3PHYIAiU%3D";
        let out = posted(body.to_owned());
        let delivery = send(&p, &out, None).unwrap();
        let answer = with_request(&out, |r| p.answer(r, Some(&delivery), &Outcome::Stored));
        assert!(
            answer
                .body
                .contains(r#""check_sum":"76AMUS6zQGf8xXKWBpl+eoQR20Y=""#),
            "{}",
            answer.body
        );
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let expected = Dong::new(1);
        let refused = |kind| Outcome::Refused(Refusal::new(kind, "f", "x"));
        for (outcome, code, new_code) in [
            (Outcome::Stored, "00", "00"),
            (Outcome::Repeat, "00", "00"),
            (Outcome::UnknownOrder, "01", "02"),
            (Outcome::AmountDiffers { expected }, "03", "03"),
            (Outcome::NotKept, "03", "99"),
            (refused(RefusalKind::Signature), "02", "01"),
            (refused(RefusalKind::Malformed), "03", "04"),
        ] {
            let out = posted(String::new());
            let said = |p: Provider| with_request(&out, |r| p.answer(r, None, &outcome)).body;
            let body: Value = serde_json::from_str(&said(old())).unwrap();
            assert_eq!(body["error_code"], code, "{outcome:?}");
            let body: Value = serde_json::from_str(&said(Key::new().provider(&[]))).unwrap();
            assert_eq!(body["code"], new_code, "{outcome:?}");
        }
    }

    /// A key pair in the place of Viettel's.
    struct Key {
        public: String,
        private: String,
    }

    impl Key {
        fn new() -> Key {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            let pair =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
            let head =
                super::super::proof::unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
            Key {
                public: BASE64.encode([head.as_slice(), pair.public_key().as_ref()].concat()),
                private: BASE64.encode(pkcs8.as_ref()),
            }
        }

        fn provider(&self, more: &[(&'static str, &'static str)]) -> Provider {
            let mut pairs = vec![
                ("merchant_code", "CHOBT"),
                ("viettel_public_key_spki_base64", &self.public),
                ("private_key_pkcs8_base64", &self.private),
            ];
            pairs.extend(more);
            provider("viettel", "ecdsa_p256_sha256", &pairs)
        }

        /// The composed payment with these members instead, signed anew.
        fn signed(&self, changes: Value) -> Outgoing {
            let mut out = self
                .provider(&[])
                .compose(&sample(SampleKind::Payment), TimeMs(0))
                .unwrap();
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            body.as_object_mut()
                .unwrap()
                .extend(changes.as_object().unwrap().clone());
            out.body = body.to_string();
            self.sign(&mut out);
            out
        }

        fn sign(&self, out: &mut Outgoing) {
            let random = SystemRandom::new();
            let key = BASE64.decode(&self.private).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key, &random).unwrap();
            out.headers[1].1 = BASE64.encode(pair.sign(&random, out.body.as_bytes()).unwrap());
        }
    }

    #[test]
    fn the_newer_gateway_reads_back_what_is_composed() {
        let key = Key::new();
        for unit in ["dong", "hundredth"] {
            let p = key.provider(&[("amount_unit", unit)]);
            for (kind, wanted) in [
                (SampleKind::Payment, Kind::Payment),
                (SampleKind::Failed, Kind::PaymentFailed),
                (SampleKind::Refund, Kind::Refund),
            ] {
                let out = p.compose(&sample(kind), TimeMs(0)).unwrap();
                let item = send(&p, &out, None).unwrap().items.remove(0);
                assert_eq!((item.kind, item.amount), (wanted, sample(kind).amount));
                assert_eq!(item.details.occurred_at, Some(sample(kind).occurred_at));
            }
        }
        let public = [
            ("merchant_code", "CHOBT"),
            ("viettel_public_key_spki_base64", key.public.as_str()),
        ];
        let p = provider("viettel", "ecdsa_p256_sha256", &public);
        let error = p.compose(&sample(SampleKind::Payment), TimeMs(0)).unwrap_err();
        assert!(error.contains("private_key_pkcs8_base64"), "{error}");
        assert!(!format!("{:?}", key.provider(&[])).contains(&key.private));
    }

    #[test]
    fn only_a_p256_key_is_taken() {
        let key = Key::new();
        let wrong_curve = key.public.replacen(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQc",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQY",
            1,
        );
        for wrong in ["", "*", "AAAA", &wrong_curve, &key.private] {
            let pairs = [
                ("merchant_code", "CHOBT"),
                ("viettel_public_key_spki_base64", wrong),
            ];
            assert!((ECDSA.build)(&Secrets::from_pairs(pairs)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_other_header_name_is_read() {
        let key = Key::new();
        let mut out = key.signed(json!({}));
        out.headers[1].0 = "x-signature";
        assert_eq!(
            send(&key.provider(&[]), &out, None).unwrap().variant,
            "x_signature"
        );
        out.headers.remove(1);
        assert_eq!(
            send(&key.provider(&[]), &out, None).unwrap_err().field,
            "signature"
        );
    }

    #[test]
    fn a_newer_notice_names_what_is_wrong() {
        let key = Key::new();
        let p = key.provider(&[]);
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
            let refusal = send(&p, &key.signed(json!({name: to})), None).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, name), "{to}");
        }
        for (changes, wanted) in [
            (json!({"type": "REFUND", "errorCode": "16"}), Kind::Other),
            (json!({"type": "CAPTURE"}), Kind::Other),
            (json!({"transactionStatus": 2}), Kind::PaymentFailed),
            (json!({"errorCode": "16", "transAmount": 0}), Kind::PaymentFailed),
        ] {
            let got = send(&p, &key.signed(changes.clone()), None).unwrap();
            assert_eq!(got.items[0].kind, wanted, "{changes}");
        }
        let mut twice = key.signed(json!({}));
        twice.body = twice.body.replacen('{', "{\"transAmount\":1,", 1);
        key.sign(&mut twice);
        assert_eq!(send(&p, &twice, None).unwrap_err().field, "transAmount");
        let hundredths = key.provider(&[("amount_unit", "hundredth")]);
        let out = key.signed(json!({"transAmount": 2_600_050}));
        assert_eq!(send(&hundredths, &out, None).unwrap_err().field, "transAmount");
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_without_proof(body in "\\PC{0,80}", header in "\\PC{0,80}") {
            let out = Outgoing { headers: vec![("signature", header)], ..posted(body) };
            prop_assert!(send(&old(), &out, None).is_err());
            prop_assert!(send(&Key::new().provider(&[]), &out, None).is_err());
        }

        #[test]
        fn proven_values_never_panic(at in 0usize..8, value in "\\PC{0,20}") {
            let _ = paid(PAID[at].0, &value);
        }

        #[test]
        fn one_changed_value_breaks_the_checksum(at in 0usize..8, to in "[0-9A-Za-z ]{1,12}") {
            prop_assume!(to != PAID[at].1);
            let mut changed = PAID;
            changed[at].1 = &to;
            let refusal = send(&old(), &form(&changed, &PAID), None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }

        #[test]
        fn one_changed_byte_breaks_the_signature(at in 0usize..400, bit in 0u8..7) {
            let key = Key::new();
            let mut out = key.signed(json!({}));
            let mut bytes = out.body.into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            // ASCII with a bit below the highest changed stays ASCII.
            out.body = String::from_utf8(bytes).unwrap();
            let refusal = send(&key.provider(&[]), &out, None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}

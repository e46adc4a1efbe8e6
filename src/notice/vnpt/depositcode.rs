//! ePay's deposits to virtual accounts (docs/spec/providers.md, section 6.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;
use spki::ObjectIdentifier;
use spki::der::asn1::UintRef;
use spki::der::{self, Decode, Reader, SliceReader};

use super::super::json::read_object;
use super::super::keys::{PRIVATE_KEY, private_key, public_key};
use super::super::members::{ID_CHARS_MAX, Members};
use super::super::protocol::{Protocol, Read};
use super::super::times::local_text;
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, Secrets, SecretsError,
};
use super::coded_answer;
use crate::vn::TimeMs;

/// `rsaEncryption` (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// A public key with a modulus of 2048 bits is longer than its 256 bytes.
const RSA_KEY_BYTES_MIN: usize = 256;
/// Of 8192 bits.
const RSA_MODULUS_BYTES_MAX: usize = 1024;
/// Hex digits of a signature under the largest key, 8192 bits.
const SIGNATURE_DIGITS_MAX: usize = 2048;

/// Deposits to virtual accounts, inferred from one implementation.
pub(in super::super) const DEPOSITCODE: Scheme = Scheme {
    profile: "vnpt",
    name: "depositcode_rsa_sha256",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: false,
    secrets: &["merchant_code", "epay_public_key_pem"],
    settings: &[(
        "private_key_pkcs8_base64",
        "Only for provider simulate: the private key that belongs to the public one, PKCS#8 in base64.",
    )],
    build: |secrets| {
        let public_key = public_key(secrets, "epay_public_key_pem", RSA, None)?;
        if public_key.len() <= RSA_KEY_BYTES_MIN {
            return Err(SecretsError::wrong(
                "epay_public_key_pem",
                "is shorter than 2048 bits",
            ));
        }
        if !is_rsa(&public_key) {
            return Err(SecretsError::wrong(
                "epay_public_key_pem",
                "is not a whole RSA key",
            ));
        }
        Ok(Box::new(DepositCode {
            merchant_code: secrets.text("merchant_code")?,
            public_key,
            key_pair: rsa_pair(secrets)?,
        }))
    },
};

/// Whether these are an odd modulus of at most 8192 bits and an odd exponent (PKCS#1), without which no signature fits.
fn is_rsa(key: &[u8]) -> bool {
    let numbers = SliceReader::new(key).and_then(|mut reader| {
        let numbers = reader.sequence(|r| Ok::<_, der::Error>((UintRef::decode(r)?, UintRef::decode(r)?)))?;
        reader.finish()?;
        Ok(numbers)
    });
    let is_odd = |number: &UintRef<'_>| number.as_bytes().last().is_some_and(|last| last % 2 == 1);
    numbers.is_ok_and(|(modulus, exponent)| {
        is_odd(&modulus) && is_odd(&exponent) && modulus.as_bytes().len() <= RSA_MODULUS_BYTES_MAX
    })
}

/// The pair to simulate with, if it is there.
fn rsa_pair(secrets: &Secrets) -> Result<Option<RsaKeyPair>, SecretsError> {
    let Some(key) = private_key(secrets)? else {
        return Ok(None);
    };
    let because = "is not a whole RSA key (PKCS#8) of at least 2048 bits";
    let pair = RsaKeyPair::from_pkcs8(key.reveal());
    pair.map(Some)
        .map_err(|_| SecretsError::wrong(PRIVATE_KEY, because))
}

#[derive(Debug)]
struct DepositCode {
    merchant_code: String,
    /// PKCS#1 form.
    public_key: Vec<u8>,
    /// Ours, where a provider is simulated.
    key_pair: Option<RsaKeyPair>,
}

impl Protocol for DepositCode {
    /// The virtual account stands for a stall; money that arrived on an unknown one is parked.
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.prove(members)?;
        let sent = members.id("MerchantCode")?;
        Refusal::unless_own("MerchantCode", sent, &self.merchant_code, "merchant_code")?;
        Ok(Read::one(read_item(members)?, ""))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        // The answer of this scheme is not known; the gateway's words are used. A failure to keep it is
        // shown by the status too, whatever the sender looks at (inferred).
        match outcome {
            Outcome::NotKept => coded_answer(503, "FL_900", "Not kept, send it again"),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => {
                coded_answer(200, "DC_101", "Invalid Signature")
            }
            Outcome::Refused(_) => coded_answer(200, "OR_101", "Invalid request"),
            _ => coded_answer(200, "00_000", "SUCCESS"),
        }
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        if sample.kind != SampleKind::Payment {
            return Err("a virtual account has no notice of a failed payment or a refund".to_owned());
        }
        let mut body = json!({
            "MerchantCode": self.merchant_code,
            "RequestId": format!("REQ{}", sample.number),
            "RequestTime": local_text(sample.occurred_at),
            "VaAcc": sample.account_number,
            "VaName": "SIMULATED",
            "MapId": sample.stall_code,
            "ReferenceId": format!("REF{}", sample.number),
            "Amount": sample.amount.vnd(),
            "Fee": 0,
            "BankCode": "WOORIBANK",
            "BankName": "WOORI",
        });
        let object = read_object(&body.to_string()).map_err(|r| r.to_string())?;
        let members = Members::of(&object, "").map_err(|r| r.to_string())?;
        let signed = signed_text(members).map_err(|r| r.to_string())?;
        body["Signature"] = hex::encode(self.sign(signed.as_bytes())?).into();
        Ok(Outgoing::json(body.to_string()))
    }
}

impl DepositCode {
    fn prove(&self, members: Members<'_>) -> Result<(), Refusal> {
        let wanted = "wanted hex of RSA PKCS#1 v1.5 SHA-256 over \
                      RequestId|ReferenceId|RequestTime|Amount|Fee|VaAcc|MapId, under the key of \
                      epay_public_key_pem";
        let refused = |near: &str| Refusal::signature("Signature", format!("{near}; {wanted}"));
        let sent = members
            .text("Signature", SIGNATURE_DIGITS_MAX)?
            .unwrap_or_default();
        let signature = hex::decode(sent).ok().filter(|s| !s.is_empty()).ok_or_else(|| {
            refused(match BASE64.decode(sent) {
                Ok(bytes) if !bytes.is_empty() => "is written in base64",
                _ => "is missing or not hex",
            })
        })?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        let signed = signed_text(members)?;
        key.verify(signed.as_bytes(), &signature)
            .map_err(|_| refused("does not fit: another key, or a value was changed after signing"))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let pair = self.key_pair.as_ref();
        let pair = pair.ok_or("ePay signs with its own key: to simulate, set private_key_pkcs8_base64")?;
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| "the system's random generator failed")?;
        Ok(signature)
    }
}

/// The signed text of a deposit.
fn signed_text(members: Members<'_>) -> Result<String, Refusal> {
    let text = |name: &str| {
        let value = members.text(name, ID_CHARS_MAX)?.unwrap_or_default();
        // A separator inside a value would let one signature cover other values
        // (docs/spec/providers.md, section 1, rule 7).
        if value.contains('|') {
            Err(members.wrong(name, "holds the separator «|» of the signed text"))
        } else {
            Ok(value.to_owned())
        }
    };
    let number = |name: &str| members.integer(name).map(|n| n.to_string());
    Ok([
        text("RequestId")?,
        text("ReferenceId")?,
        text("RequestTime")?,
        number("Amount")?,
        number("Fee")?,
        text("VaAcc")?,
        text("MapId")?,
    ]
    .join("|"))
}

fn read_item(members: Members<'_>) -> Result<Item, Refusal> {
    let amount = members.amount("Amount")?;
    let reference_id = members.id("ReferenceId")?;
    members.id("RequestTime")?;
    members.id("VaAcc")?;
    let details = Details {
        virtual_account: members.account("VaAcc")?,
        // The merchant's own key for the account.
        reference: members.optional_id("MapId")?.unwrap_or_default().to_owned(),
        occurred_at: members.local_time("RequestTime")?,
        ..Details::default()
    };
    Ok(Item::of(NoticeKind::Payment, reference_id, amount, details))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Delivery, Provider};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn deposits() -> Provider {
        known("vnpt", "depositcode_rsa_sha256")
    }

    fn deposit() -> Outgoing {
        deposits()
            .compose(&sample(SampleKind::Payment), TimeMs(0))
            .unwrap()
    }

    /// A deposit with these members instead, signed anew.
    fn paid_in(changes: &Value) -> Result<Delivery, Refusal> {
        let mut out = deposit();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let text = |n: &str| {
            body[n]
                .as_str()
                .map_or_else(|| body[n].to_string(), str::to_owned)
        };
        let names = [
            "RequestId",
            "ReferenceId",
            "RequestTime",
            "Amount",
            "Fee",
            "VaAcc",
            "MapId",
        ];
        let signed = names.map(text).join("|");
        let pair = RsaKeyPair::from_pkcs8(&BASE64.decode(RSA_PRIVATE).unwrap()).unwrap();
        let mut signature = vec![0; 256];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        body["Signature"] = hex::encode(&signature).into();
        out.body = body.to_string();
        send(&deposits(), &out, None)
    }

    #[test]
    fn the_virtual_account_is_told_and_only_the_private_key_signs() {
        let item = send(&deposits(), &deposit(), None).unwrap().items.remove(0);
        let details = item.details;
        assert_eq!(
            (details.virtual_account.as_str(), details.reference.as_str()),
            ("0938123456", "CBTA2C34")
        );
        let public = &pairs("vnpt", "depositcode_rsa_sha256")[..2];
        let p = provider("vnpt", "depositcode_rsa_sha256", public);
        let error = p.compose(&sample(SampleKind::Payment), NOW).unwrap_err();
        assert!(error.contains("private_key_pkcs8_base64"), "{error}");
        assert!(!format!("{:?}", deposits()).contains(RSA_PRIVATE));
    }

    #[test]
    fn a_deposit_names_what_is_wrong() {
        for (name, to, kind) in [
            ("MerchantCode", json!("OTHER"), RefusalKind::Foreign),
            ("Amount", json!(0), RefusalKind::Malformed),
            ("Amount", json!(-5), RefusalKind::Malformed),
            ("Amount", json!("26000"), RefusalKind::Malformed),
            ("RequestTime", json!("hôm nay"), RefusalKind::Malformed),
            ("MapId", json!("a|b"), RefusalKind::Malformed),
            ("ReferenceId", json!(""), RefusalKind::Malformed),
            ("VaAcc", json!(""), RefusalKind::Malformed),
        ] {
            let refusal = paid_in(&json!({name: to})).unwrap_err();
            assert_eq!(what(&refusal), (kind, name), "{to}");
        }
        for wrong in ["", "AAAA", RSA_PRIVATE, P256_PUBLIC] {
            let pairs = [("merchant_code", "VAPCHO"), ("epay_public_key_pem", wrong)];
            assert!((DEPOSITCODE.build)(&Secrets::from_pairs(pairs)).is_err());
        }
    }

    #[test]
    fn a_signature_in_base64_is_named() {
        let mut out = deposit();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        let bytes = hex::decode(body["Signature"].as_str().unwrap()).unwrap();
        body["Signature"] = BASE64.encode(bytes).into();
        out.body = body.to_string();
        let refusal = send(&deposits(), &out, None).unwrap_err();
        assert!(
            refusal.because.contains("is written in base64"),
            "{}",
            refusal.because
        );
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let codes = [
            "00_000", "00_000", "00_000", "00_000", "FL_900", "DC_101", "OR_101", "OR_101",
        ];
        check_codes(&deposits(), "resultCd", codes);
        // The status says it too, whatever the sender looks at.
        assert_eq!(answers(&deposits(), SampleKind::Payment)[4].status, 503);
    }

    proptest! {
        #[test]
        fn one_changed_value_breaks_the_signature(at in 0usize..5, to in "[0-9A-Za-z ]{1,12}", amount in 1i64..25_999) {
            let mut out = deposit();
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            let name = ["RequestId", "ReferenceId", "RequestTime", "VaAcc", "MapId"][at];
            if to.len() > 6 { body[name] = to.into() } else { body["Amount"] = amount.into() }
            out.body = body.to_string();
            prop_assert_eq!(send(&deposits(), &out, None).unwrap_err().kind, RefusalKind::Signature);
        }
    }
}

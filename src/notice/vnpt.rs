//! VNPT ePay: the MegaPay gateway (PROTOCOLS section 6.1) and deposits to virtual accounts (6.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;
use spki::ObjectIdentifier;

use super::json::{ID_CHARS_MAX, Json, Members, compact_time, read_object};
use super::proof::{Spelling, hex, sha256, unhex};
use super::viettel::{private_key, public_key};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, SecretsError, content_of,
};
use crate::vn::{Dong, Secret, TimeMs};

/// What `merchantToken` covers, in this order; the key follows (section 6.1).
const SIGNED: [&str; 6] = ["resultCd", "timeStamp", "merTrxId", "trxId", "merId", "amount"];

/// What stands between the values and the key of a `merchantToken` (contested, section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    Nothing,
    UserFee,
    PayToken,
}

/// All of them, the plain form first.
const EXTRAS: [Extra; 3] = [Extra::Nothing, Extra::UserFee, Extra::PayToken];

impl Extra {
    fn name(self) -> &'static str {
        match self {
            Extra::Nothing => "none",
            Extra::UserFee => "user_fee",
            Extra::PayToken => "pay_token",
        }
    }
}

/// The MegaPay gateway.
pub(super) const MEGAPAY_TOKEN: Scheme = Scheme {
    profile: "vnpt",
    name: "megapay_token",
    method: "POST",
    paths: &[""],
    secrets: &["mer_id", "encode_key"],
    settings: &[(
        "token_extra",
        "What merchantToken holds before the key: \"none\", \"user_fee\" or \"pay_token\". Default: each is \
         tried, the plain form first.",
    )],
    build: |secrets| {
        let extras = match secrets.setting("token_extra") {
            None => EXTRAS.to_vec(),
            Some(name) => EXTRAS.iter().copied().filter(|e| e.name() == name).collect(),
        };
        if extras.is_empty() {
            let because = "wanted \"none\", \"user_fee\" or \"pay_token\"";
            return Err(SecretsError::wrong("token_extra", because));
        }
        Ok(Box::new(MegaPay {
            mer_id: secrets.text("mer_id")?,
            encode_key: secrets.secret("encode_key")?,
            extras,
        }))
    },
};

#[derive(Debug)]
struct MegaPay {
    mer_id: String,
    encode_key: Secret,
    extras: Vec<Extra>,
}

impl Protocol for MegaPay {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_orders(&self) -> bool {
        true
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        let variant = self.prove(members)?;
        // Nothing stands between the values, so a digit of merId could have slid into the amount: it must
        // be exact (section 1, rule 7).
        if members.id("merId")? != self.mer_id {
            return Err(Refusal::foreign("merId", "is not the configured mer_id"));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![read_gateway_item(members)?],
            variant,
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        result(
            200,
            match outcome {
                Outcome::Stored => ("00_000", "SUCCESS"),
                Outcome::Repeat => ("DC_103", "Already received"),
                Outcome::UnknownOrder => ("OR_140", "Unknown order"),
                Outcome::AmountDiffers { .. } => ("OR_134", "Wrong amount"),
                Outcome::Refused(r) if r.kind == RefusalKind::Signature => {
                    ("DC_101", "Invalid merchantToken")
                }
                // Words of ours in ePay's ranges: an order that cannot be taken, a failure (inferred).
                Outcome::Refused(_) => ("OR_101", "Invalid request"),
                Outcome::NotKept => ("FL_900", "Not kept, send it again"),
            },
        )
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let (result_cd, status, number) = match sample.kind {
            SampleKind::Payment => ("00_000", "0", sample.number),
            SampleKind::Failed => ("FL_901", "0", sample.number),
            SampleKind::Refund => ("00_000", "2", sample.payment_number),
        };
        let paid_at: String = sample
            .occurred_at
            .iso()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let mut body = json!({
            "resultCd": result_cd,
            "resultMsg": "simulated",
            "merId": self.mer_id,
            "trxId": format!("{}{:014}", self.mer_id, sample.number),
            "merTrxId": format!("{}-{number}", sample.stall_code),
            "invoiceNo": format!("INV{number}"),
            "amount": sample.amount.vnd().to_string(),
            "status": status,
            "currency": "VND",
            "payType": "QR",
            "trxDt": &paid_at[..8],
            "trxTm": &paid_at[8..14],
            "timeStamp": now.0.to_string(),
        });
        let signed: String = SIGNED.iter().filter_map(|name| body[*name].as_str()).collect();
        body["merchantToken"] = hex(&sha256(&[signed.as_bytes(), self.encode_key.reveal()].concat())).into();
        Ok(posted(body.to_string()))
    }
}

impl MegaPay {
    /// Which form of the token fits.
    fn prove(&self, members: Members<'_>) -> Result<&'static str, Refusal> {
        let mut signed = String::new();
        for name in SIGNED {
            signed.push_str(members.text(name, ID_CHARS_MAX)?.unwrap_or_default());
        }
        // ePay's Java code compares without regard to case (section 1, rule 4).
        let sent = members.text("merchantToken", ID_CHARS_MAX)?.unwrap_or_default();
        for extra in &self.extras {
            let Some(value) = extra_value(*extra, members)? else {
                continue;
            };
            let text = [signed.as_bytes(), value.as_bytes(), self.encode_key.reveal()].concat();
            if Spelling::AnyHex.fits(sent, &sha256(&text)) {
                return Ok(if *extra == Extra::Nothing {
                    ""
                } else {
                    extra.name()
                });
            }
        }
        let near = match sent.trim().len() {
            0 => "is missing".to_owned(),
            64 => "does not fit: another encode_key, or a value was changed after signing".to_owned(),
            n => format!("has {n} characters instead of 64"),
        };
        let because = format!(
            "{near}; wanted SHA-256 in hex of {} + encode_key (the values, nothing between them; also tried \
             as token_extra says: userFee or payToken before the key)",
            SIGNED.join(" + ")
        );
        Err(Refusal::signature("merchantToken", because))
    }
}

/// What this form puts before the key; none if it cannot apply.
fn extra_value(extra: Extra, members: Members<'_>) -> Result<Option<String>, Refusal> {
    match extra {
        Extra::Nothing => Ok(Some(String::new())),
        Extra::UserFee => Ok(match members.object.get("userFee") {
            Some(Json::Integer(fee)) if *fee > 0 => Some(fee.to_string()),
            Some(Json::Text(fee)) if is_positive(fee) => Some(fee.clone()),
            _ => None,
        }),
        // Digits alone are no stored card's token but could be the end of the amount.
        Extra::PayToken => Ok(members
            .text("payToken", ID_CHARS_MAX)?
            .filter(|token| !token.bytes().all(|b| b.is_ascii_digit()))
            .map(str::to_owned)),
    }
}

fn is_positive(digits: &str) -> bool {
    !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

fn read_gateway_item(members: Members<'_>) -> Result<Item, Refusal> {
    let kind = match (members.id("resultCd")?, members.text("status", ID_CHARS_MAX)?) {
        ("00_000", Some("0")) => Kind::Payment,
        // The token does not cover `status`: the ledger lets a void or refund take money back only from a
        // payment of the same order that it knows (section 6.1).
        ("00_000", Some("1")) => Kind::Void,
        ("00_000", Some("2")) => Kind::Refund,
        ("00_005", Some("0")) => Kind::PaymentPending,
        (_, Some("0")) => Kind::PaymentFailed,
        // A void or refund that did not happen.
        (_, Some("1" | "2")) => Kind::Other,
        _ => return Err(members.wrong("status", "wanted \"0\", \"1\" or \"2\"")),
    };
    let moves_nothing = matches!(kind, Kind::PaymentFailed | Kind::PaymentPending | Kind::Other);
    let amount = match members.text("amount", ID_CHARS_MAX)? {
        Some("0") if moves_nothing => Dong::ZERO,
        _ => members.amount_text("amount")?,
    };
    if members
        .text("currency", ID_CHARS_MAX)?
        .is_some_and(|c| !matches!(c, "" | "VND"))
    {
        return Err(members.wrong("currency", "wanted \"VND\""));
    }
    let day = members.text("trxDt", ID_CHARS_MAX)?.unwrap_or_default();
    let hour = members.text("trxTm", ID_CHARS_MAX)?.unwrap_or_default();
    let occurred_at = match day.is_empty() && hour.is_empty() {
        true => None,
        false => Some(
            compact_time(&format!("{day}{hour}"))
                .filter(|_| day.len() == 8)
                .ok_or_else(|| {
                    members.wrong("trxDt", "with trxTm: wanted yyyymmdd and hhmmss, Vietnamese time")
                })?,
        ),
    };
    let transaction = members.id("trxId")?;
    let details = Details {
        // It leads from a void or refund to its payment: whether trxId stays the same is not said.
        reference: members.id("merTrxId")?.to_owned(),
        occurred_at,
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

fn result(status: u16, (code, message): (&str, &str)) -> Answer {
    Answer::text(
        status,
        format!(r#"{{"resultCd":"{code}","resultMsg":"{message}"}}"#),
    )
}

fn posted(body: String) -> Outgoing {
    Outgoing {
        method: "POST",
        path: "",
        query: String::new(),
        headers: vec![("content-type", "application/json".to_owned())],
        body,
    }
}

/// `rsaEncryption` (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// A public key with a modulus of 2048 bits is longer than its 256 bytes.
const RSA_KEY_BYTES_MIN: usize = 256;
/// Hex digits of a signature under the largest key, 8192 bits.
const SIGNATURE_DIGITS_MAX: usize = 2048;

/// Deposits to virtual accounts, inferred from one implementation.
pub(super) const DEPOSITCODE: Scheme = Scheme {
    profile: "vnpt",
    name: "depositcode_rsa_sha256",
    method: "POST",
    paths: &[""],
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
        Ok(Box::new(DepositCode {
            merchant_code: secrets.text("merchant_code")?,
            public_key,
            private_key: private_key(secrets)?,
        }))
    },
};

#[derive(Debug)]
struct DepositCode {
    merchant_code: String,
    /// PKCS#1 form.
    public_key: Vec<u8>,
    private_key: Option<Secret>,
}

impl Protocol for DepositCode {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The virtual account stands for a stall; money that arrived on an unknown one is parked.
    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.prove(members)?;
        if members.id("MerchantCode")? != self.merchant_code {
            let because = "is not the configured merchant_code";
            return Err(Refusal::foreign("MerchantCode", because));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![read_deposit(members)?],
            variant: "",
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        // The answer of this scheme is not known; the gateway's words are used. A failure to keep it is
        // said by the status too, whatever the sender looks at (inferred).
        match outcome {
            Outcome::NotKept => result(503, ("FL_900", "Not kept, send it again")),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => {
                result(200, ("DC_101", "Invalid Signature"))
            }
            Outcome::Refused(_) => result(200, ("OR_101", "Invalid request")),
            _ => result(200, ("00_000", "SUCCESS")),
        }
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        if sample.kind != SampleKind::Payment {
            return Err("a virtual account tells deposits only".to_owned());
        }
        let mut body = json!({
            "MerchantCode": self.merchant_code,
            "RequestId": format!("REQ{}", sample.number),
            "RequestTime": sample.occurred_at.iso().replace('T', " ").chars().take(19).collect::<String>(),
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
        let signed = deposit_text(members).map_err(|r| r.to_string())?;
        body["Signature"] = hex(&self.sign(signed.as_bytes())?).into();
        Ok(posted(body.to_string()))
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
        let signature = unhex(sent).filter(|s| !s.is_empty()).ok_or_else(|| {
            refused(match BASE64.decode(sent) {
                Ok(bytes) if !bytes.is_empty() => "is written in base64",
                _ => "is missing or not hex",
            })
        })?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        let signed = deposit_text(members)?;
        key.verify(signed.as_bytes(), &signature)
            .map_err(|_| refused("does not fit: another key, or a value was changed after signing"))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let key = self.private_key.as_ref();
        let key = key.ok_or("ePay signs with its own key: to simulate, set private_key_pkcs8_base64")?;
        let pair = RsaKeyPair::from_pkcs8(key.reveal())
            .map_err(|_| "private_key_pkcs8_base64 is not an RSA key of at least 2048 bits")?;
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| "the system's random generator failed")?;
        Ok(signature)
    }
}

/// The signed text of a deposit.
fn deposit_text(members: Members<'_>) -> Result<String, Refusal> {
    let text = |name: &str| {
        let value = members.text(name, ID_CHARS_MAX)?.unwrap_or_default();
        // A separator inside a value would let one signature cover other values (section 1, rule 7).
        match value.contains('|') {
            true => Err(members.wrong(name, "holds the separator «|» of the signed text")),
            false => Ok(value.to_owned()),
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

fn read_deposit(members: Members<'_>) -> Result<Item, Refusal> {
    let amount = members.amount("Amount")?;
    let reference_id = members.id("ReferenceId")?;
    let time = members.id("RequestTime")?;
    let occurred_at = TimeMs::parse(time)
        .map_err(|_| members.wrong("RequestTime", "wanted yyyy-MM-dd HH:mm:ss, Vietnamese time"))?;
    let virtual_account: String = members
        .id("VaAcc")?
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let details = Details {
        virtual_account,
        // The merchant's own key for the account.
        reference: members
            .text("MapId", ID_CHARS_MAX)?
            .unwrap_or_default()
            .to_owned(),
        occurred_at: Some(occurred_at),
        ..Details::default()
    };
    Ok(Item {
        kind: Kind::Payment,
        event_id: reference_id.to_owned(),
        provider_txn_id: reference_id.to_owned(),
        amount,
        content: content_of(amount, &details),
        details,
    })
}

#[cfg(test)]
mod tests {
    use super::super::verify::tests::{provider, sample, send, vectors_hold, with_request};
    use super::super::{Delivery, Provider, Secrets};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const MEGAPAY: [(&str, &str); 2] = [("mer_id", "EPAYCHO001"), ("encode_key", "hush0001hush")];

    fn megapay() -> Provider {
        provider("vnpt", "megapay_token", &MEGAPAY)
    }

    /// A payment with these members instead (null takes one out), with this before the key of the token.
    fn notice(changes: &Value, extra: &str) -> Outgoing {
        let mut out = megapay()
            .compose(&sample(SampleKind::Payment), TimeMs(1_768_000_060_007))
            .unwrap();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let signed: String = SIGNED.iter().filter_map(|n| body[*n].as_str()).collect();
        body["merchantToken"] = hex(&sha256(format!("{signed}{extra}hush0001hush").as_bytes())).into();
        out.body = body.to_string();
        out
    }

    fn paid(changes: Value) -> Result<Delivery, Refusal> {
        send(&megapay(), &notice(&changes, ""), None)
    }

    #[test]
    fn vectors() {
        vectors_hold("vnpt");
    }

    #[test]
    fn what_is_composed_is_read_back() {
        for (kind, wanted) in [
            (SampleKind::Payment, Kind::Payment),
            (SampleKind::Failed, Kind::PaymentFailed),
            (SampleKind::Refund, Kind::Refund),
        ] {
            let out = megapay().compose(&sample(kind), TimeMs(0)).unwrap();
            let item = send(&megapay(), &out, None).unwrap().items.remove(0);
            assert_eq!((item.kind, item.amount), (wanted, sample(kind).amount));
            assert_eq!(item.details.occurred_at, Some(sample(kind).occurred_at));
            let order = if kind == SampleKind::Refund {
                "CBTA2C34-11"
            } else {
                "CBTA2C34-12"
            };
            assert_eq!(item.details.reference, order);
        }
    }

    #[test]
    fn result_and_status_decide() {
        for (result, status, kind) in [
            ("00_000", "0", Kind::Payment),
            ("00_000", "1", Kind::Void),
            ("00_000", "2", Kind::Refund),
            ("00_005", "0", Kind::PaymentPending),
            ("00_005", "2", Kind::Other),
            ("FL_901", "0", Kind::PaymentFailed),
            ("FL_901", "1", Kind::Other),
        ] {
            let got = paid(json!({"resultCd": result, "status": status})).unwrap();
            assert_eq!(got.items[0].kind, kind, "{result} {status}");
        }
    }

    #[test]
    fn contested_tokens_are_tried_unless_a_setting_says() {
        for (changes, extra, variant) in [
            (json!({"userFee": "500"}), "500", "user_fee"),
            (json!({"userFee": 500}), "500", "user_fee"),
            (json!({"userFee": "500"}), "", ""),
            (json!({"payToken": "card-1"}), "card-1", "pay_token"),
        ] {
            let out = notice(&changes, extra);
            assert_eq!(
                send(&megapay(), &out, None).unwrap().variant,
                variant,
                "{changes}"
            );
            let plain = provider(
                "vnpt",
                "megapay_token",
                &[&MEGAPAY[..], &[("token_extra", "none")]].concat(),
            );
            assert_eq!(send(&plain, &out, None).is_ok(), variant.is_empty());
        }
        let maybe = Secrets::from_pairs([&MEGAPAY[..], &[("token_extra", "maybe")]].concat());
        assert!((MEGAPAY_TOKEN.build)(&maybe).is_err());
    }

    #[test]
    fn values_cannot_be_cut_anew() {
        let cut = |from: &str, to: &str| {
            let mut out = notice(&json!({}), "");
            assert!(out.body.contains(from), "{}", out.body);
            out.body = out
                .body
                .replacen(from, to, 1)
                .replacen("\"26000\"", "\"126000\"", 1);
            send(&megapay(), &out, None).unwrap_err().kind
        };
        // The last digit of merId slid into the amount: the token still fits.
        assert_eq!(
            cut("\"merId\":\"EPAYCHO001\"", "\"merId\":\"EPAYCHO00\""),
            RefusalKind::Foreign
        );
        // The end of the amount passed off as a card's token, or as a fee that begins with a zero.
        for (name, part) in [("payToken", "000"), ("userFee", "000")] {
            let mut out = notice(&json!({}), "");
            let forged = format!("\"amount\":\"26\",\"{name}\":\"{part}\"");
            out.body = out.body.replacen("\"amount\":\"26000\"", &forged, 1);
            assert_eq!(
                send(&megapay(), &out, None).unwrap_err().kind,
                RefusalKind::Signature,
                "{name}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (name, to) in [
            ("amount", json!(26000)),
            ("amount", json!("26000.0")),
            ("amount", json!("-26000")),
            ("amount", json!("0")),
            ("amount", json!("026000")),
            ("status", json!("3")),
            ("status", Value::Null),
            ("currency", json!("USD")),
            ("trxDt", json!("20260230")),
            ("trxDt", json!("2026011")),
            ("trxId", json!("")),
            ("merTrxId", json!("a\u{0}")),
        ] {
            let refusal = paid(json!({name: to})).unwrap_err();
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, name),
                "{to}"
            );
        }
        let mut out = notice(&json!({}), "");
        out.body = out.body.replacen('{', "{\"amount\":\"1\",", 1);
        assert_eq!(send(&megapay(), &out, None).unwrap_err().field, "amount");
        let none = paid(json!({"resultCd": "FL_901", "amount": "0", "trxDt": "", "trxTm": ""})).unwrap();
        assert_eq!(
            (none.items[0].amount, none.items[0].details.occurred_at),
            (Dong::ZERO, None)
        );
    }

    #[test]
    fn refusals_show_the_recipe_and_no_secret() {
        for (to, part) in [
            ("", "missing"),
            ("ab", "2 characters"),
            (&"0".repeat(64), "another encode_key"),
        ] {
            let mut out = notice(&json!({}), "");
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            body["merchantToken"] = to.into();
            out.body = body.to_string();
            let because = send(&megapay(), &out, None).unwrap_err().because;
            assert!(
                because.contains(part) && because.contains("resultCd + timeStamp"),
                "{because}"
            );
            assert!(!because.contains("hush"), "{because}");
        }
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let expected = Dong::new(1);
        let refused = |kind| Outcome::Refused(Refusal::new(kind, "f", "x"));
        for (outcome, code, deposit) in [
            (Outcome::Stored, "00_000", (200, "00_000")),
            (Outcome::Repeat, "DC_103", (200, "00_000")),
            (Outcome::UnknownOrder, "OR_140", (200, "00_000")),
            (Outcome::AmountDiffers { expected }, "OR_134", (200, "00_000")),
            (Outcome::NotKept, "FL_900", (503, "FL_900")),
            (refused(RefusalKind::Signature), "DC_101", (200, "DC_101")),
            (refused(RefusalKind::Foreign), "OR_101", (200, "OR_101")),
        ] {
            let out = posted(String::new());
            for (p, (status, code)) in [(megapay(), (200, code)), (deposits(), deposit)] {
                let answer = with_request(&out, |r| p.answer(r, None, &outcome));
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                assert_eq!(
                    (answer.status, &body["resultCd"]),
                    (status, &json!(code)),
                    "{outcome:?}"
                );
            }
        }
    }

    /// A key made for these tests.
    const PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzqhLxA9nA8FPg62wVbjDMfHbI4HQ/kY0XsnexvtU8MX52MOreWiJ\
        W/5Adpa47uEtNrfsLF5Ry5wwtq6tEI3Zpu0nkj2OJcaQfuPK0nPMPyztsaUENKu3+8S2+ckwgHbVjRrh0lKwPfaXEOoRVr8p\
        4I1l5jz4NClzfDKTqQtwIvZpOQsgL9iESlz+5pxsuAWghGnjjsTeBezjNS7eYCWjsjM/qKOWJCbnlUTvGsvLvEL91OKS7fRN\
        Ao5pVGczOsMlXwTxMwRn9YymQi6biP2wjjrE/gzuwf/HAudzrK1TQvvGiE2ZMrLZgICLwdmf/PdJ1krbLiJzABvxPcmkkhF/\
        AQIDAQAB";
    const PRIVATE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDOqEvED2cDwU+DrbBVuMMx8dsjgdD+RjReyd7G+1TwxfnY\
        w6t5aIlb/kB2lrju4S02t+wsXlHLnDC2rq0Qjdmm7SeSPY4lxpB+48rSc8w/LO2xpQQ0q7f7xLb5yTCAdtWNGuHSUrA99pcQ\
        6hFWvyngjWXmPPg0KXN8MpOpC3Ai9mk5CyAv2IRKXP7mnGy4BaCEaeOOxN4F7OM1Lt5gJaOyMz+oo5YkJueVRO8ay8u8Qv3U\
        4pLt9E0CjmlUZzM6wyVfBPEzBGf1jKZCLpuI/bCOOsT+DO7B/8cC53OsrVNC+8aITZkystmAgIvB2Z/890nWStsuInMAG/E9\
        yaSSEX8BAgMBAAECggEANW2GVRSEVhCyzYDor2jasj1soePsk+iznnQDcB9HaQ5OF3ATE4rmxE1Z/i7edgfqaBSp7xidfg4N\
        /BTx8m8x/7mdeu4GI5cQAXZEGB/PBOBJPZ3Dlhh1Mxa7FZ4ht3zBnj7+diFhpktr5/gT7oDywzbbSuilZNr4m/n5egFWhvsF\
        WAjquXn5HHu64ye4KTTUPJUxHde6+YwE+dxCPo8kzE52oUAtJgfFPcrcjbVyqy1iVz4c/wX6B3HttaZNlXE3kfm9KdFT4TXm\
        sR0wBjez9M6lkPpRaTz8NlfihDMPHx80kLAGn/JL7xxLU+eloe2rl3dKyUPJIUSc//bsarAAnwKBgQD+IpebiAb5R4RwWTM1\
        dfPCJJEiiCpMzSnGqtpCMZBsbywMpJVR+yCf77o4lyJl0MUe43xAqPnpKgqy5Ouwhj653OL1+LIriWq+i/HZaXp4+cgUo3fZ\
        /V7X5itgoMiqVk3tjcJZSOEIUEj9VO371/vtZooi/VdOQ5+7E0C+F+4GBwKBgQDQLIOZC/sdPK+Lma2MnDPyrLrpH+nqRxu3\
        1TcEd6EUIGL+xepJHOaXlH9O1cOjBskNnOVBn/FFW13x/JAbs/+/TsW/Aof/oW7RtI/i2cfqT+WQl77YHKurdOEb2KCJMVwe\
        tWGFde84nHJ5mDsdOicSO+Z9AAU9RcUSJSB7yG9QtwKBgQDHtwmr6a+JUWHMJN1wgvyIMtJ378hGSOkuvm/9mxPjk05rtR+/\
        qHoQFoYjGOqoVvPCfYXVDrYvPaHgyrRKKoW67NLT+JiUTE695h6u/AyKa8mIJpr2jf5t7u1h55kq+94L9N6p6fMm5Gkn5QmN\
        ZEQQYgfmzW9CCzTJAK1ddlLRGwKBgBxX4zcETZVmfNQ6AUoivmPtJqm1Aak3M0vtSMdf7luKKVBc7BA2UiMTQd4e9rsMonUr\
        Bn/P4g66aOkYpRpQgKKwe/YMxy2D8k21Et4lHrYFWNE+B+ruxGTczgV3kiv7v3oi4ftE2mRP0LpDgtDw6P7vjus4BH6aMEHP\
        MkQIPzezAoGAPyNw6CzlDYCBHzVqEQXo/oqbbNvM/wi1CyaHKt3J69KKcU0RaA2Z7L6hkhbbKAY2tKJkisv+HEGr2AlboUuL\
        qTADznkcJeMtfbxKh6fQd/yP7lnYnlG34MocksaDmmdEtQXvJhIQWrctv3Yu8s0isebuRe+Dzt2ie+cLHd+xLdM=";
    const DEPOSITS: [(&str, &str); 3] = [
        ("merchant_code", "VAPCHO"),
        ("epay_public_key_pem", PUBLIC),
        ("private_key_pkcs8_base64", PRIVATE),
    ];

    fn deposits() -> Provider {
        provider("vnpt", "depositcode_rsa_sha256", &DEPOSITS)
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
        let pair = RsaKeyPair::from_pkcs8(&BASE64.decode(PRIVATE).unwrap()).unwrap();
        let mut signature = vec![0; 256];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        body["Signature"] = hex(&signature).into();
        out.body = body.to_string();
        send(&deposits(), &out, None)
    }

    #[test]
    fn a_deposit_is_read_back() {
        let wanted = sample(SampleKind::Payment);
        let item = send(&deposits(), &deposit(), None).unwrap().items.remove(0);
        assert_eq!((item.kind, item.amount), (Kind::Payment, wanted.amount));
        assert_eq!(item.details.occurred_at, Some(wanted.occurred_at));
        assert_eq!(item.details.virtual_account, wanted.account_number);
        assert_eq!(item.details.reference, wanted.stall_code);
        assert!(
            deposits()
                .compose(&sample(SampleKind::Refund), TimeMs(0))
                .is_err()
        );
        let public = provider("vnpt", "depositcode_rsa_sha256", &DEPOSITS[..2]);
        assert!(
            public
                .compose(&wanted, TimeMs(0))
                .unwrap_err()
                .contains("private_key_pkcs8_base64")
        );
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
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, name), "{to}");
        }
        for wrong in ["", "AAAA", PRIVATE] {
            let pairs = [("merchant_code", "VAPCHO"), ("epay_public_key_pem", wrong)];
            assert!((DEPOSITCODE.build)(&Secrets::from_pairs(pairs)).is_err());
        }
    }

    #[test]
    fn a_signature_in_base64_is_named() {
        let mut out = deposit();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        let bytes = unhex(body["Signature"].as_str().unwrap()).unwrap();
        body["Signature"] = BASE64.encode(bytes).into();
        out.body = body.to_string();
        let refusal = send(&deposits(), &out, None).unwrap_err();
        assert!(
            refusal.because.contains("is written in base64"),
            "{}",
            refusal.because
        );
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_without_proof(body in "\\PC{0,80}") {
            prop_assert!(send(&megapay(), &posted(body.clone()), None).is_err());
            prop_assert!(send(&deposits(), &posted(body), None).is_err());
        }

        #[test]
        fn proven_values_never_panic(at in 0usize..6, value in "\\PC{0,20}") {
            let _ = paid(json!({SIGNED[at]: value}));
        }

        #[test]
        fn one_changed_value_breaks_the_token(at in 0usize..6, to in "[0-9A-Za-z ]{1,12}") {
            let mut out = notice(&json!({}), "");
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            prop_assume!(body[SIGNED[at]] != *to);
            body[SIGNED[at]] = to.into();
            out.body = body.to_string();
            prop_assert_eq!(send(&megapay(), &out, None).unwrap_err().kind, RefusalKind::Signature);
        }

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

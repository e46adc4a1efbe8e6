//! ePay's MegaPay gateway (docs/spec/providers.md, section 6.1).

use serde_json::json;

use super::super::json::{Json, read_object};
use super::super::members::{ID_CHARS_MAX, Members};
use super::super::proof::{Spelling, sha256};
use super::super::protocol::{Protocol, Read};
use super::super::times::{compact_text, compact_time};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, SecretsError,
};
use super::coded_answer;
use crate::vn::{Secret, TimeMs};

/// What `merchantToken` covers, in this order; the key follows (docs/spec/providers.md, section 6.1).
const SIGNED: [&str; 6] = ["resultCd", "timeStamp", "merTrxId", "trxId", "merId", "amount"];

/// What stands between the values and the key of a `merchantToken` (contested, docs/spec/providers.md, section 6.1).
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

pub(in super::super) const MEGAPAY_TOKEN: Scheme = Scheme {
    profile: "vnpt",
    name: "megapay_token",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: true,
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
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        let variant = self.prove(members)?;
        Refusal::unless_own("merId", members.id("merId")?, &self.mer_id, "mer_id")?;
        Ok(Read::one(read_item(members)?, variant))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        let (code, message) = match outcome {
            Outcome::Stored => ("00_000", "SUCCESS"),
            Outcome::Repeat => ("DC_103", "Already received"),
            Outcome::UnknownOrder => ("OR_140", "Unknown order"),
            Outcome::AmountDiffers { .. } => ("OR_134", "Wrong amount"),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => ("DC_101", "Invalid merchantToken"),
            // Words of ours in ePay's ranges: an order that cannot be taken, a failure (inferred).
            Outcome::Refused(_) => ("OR_101", "Invalid request"),
            Outcome::NotKept => ("FL_900", "Not kept, send it again"),
        };
        coded_answer(200, code, message)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let (result_cd, status, number) = match sample.kind {
            SampleKind::Payment => ("00_000", "0", sample.number),
            SampleKind::Failed => ("FL_901", "0", sample.number),
            SampleKind::Refund => ("00_000", "2", sample.payment_number),
        };
        let paid_at = compact_text(sample.occurred_at);
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
            "trxDt": paid_at.get(..8),
            "trxTm": paid_at.get(8..),
            "timeStamp": now.0.to_string(),
        });
        let signed: String = SIGNED.iter().filter_map(|name| body[*name].as_str()).collect();
        body["merchantToken"] =
            hex::encode(sha256(&[signed.as_bytes(), self.encode_key.reveal()].concat())).into();
        Ok(Outgoing::json(body.to_string()))
    }
}

impl MegaPay {
    /// Which form of the token fits.
    fn prove(&self, members: Members<'_>) -> Result<&'static str, Refusal> {
        let mut signed = String::new();
        for name in SIGNED {
            signed.push_str(members.text(name, ID_CHARS_MAX)?.unwrap_or_default());
        }
        // ePay's Java code compares without regard to case (docs/spec/providers.md, section 1, rule 4).
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

fn read_item(members: Members<'_>) -> Result<Item, Refusal> {
    let kind = match (members.id("resultCd")?, members.text("status", ID_CHARS_MAX)?) {
        ("00_000", Some("0")) => NoticeKind::Payment,
        // The token does not cover `status`: the ledger lets a void or refund take money back only from a
        // payment of the same order that it knows (docs/spec/providers.md, section 6.1).
        ("00_000", Some("1")) => NoticeKind::Void,
        ("00_000", Some("2")) => NoticeKind::Refund,
        ("00_005", Some("0")) => NoticeKind::PaymentPending,
        (_, Some("0")) => NoticeKind::PaymentFailed,
        // A void or refund that did not happen.
        (_, Some("1" | "2")) => NoticeKind::Other,
        _ => return Err(members.wrong("status", "wanted \"0\", \"1\" or \"2\"")),
    };
    let amount = members.amount_text_for(kind, "amount")?;
    members.check_currency("currency", &["VND"])?;
    let day = members.text("trxDt", ID_CHARS_MAX)?.unwrap_or_default();
    let hour = members.text("trxTm", ID_CHARS_MAX)?.unwrap_or_default();
    let occurred_at = if day.is_empty() && hour.is_empty() {
        None
    } else {
        Some(
            compact_time(&format!("{day}{hour}"))
                .filter(|_| day.len() == 8)
                .ok_or_else(|| {
                    members.wrong("trxDt", "with trxTm: wanted yyyymmdd and hhmmss, Vietnamese time")
                })?,
        )
    };
    let transaction = members.id("trxId")?;
    let details = Details {
        // It leads from a void or refund to its payment: whether trxId stays the same is not documented.
        reference: members.id("merTrxId")?.to_owned(),
        occurred_at,
        ..Details::default()
    };
    Ok(Item::of(kind, transaction, amount, details))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Delivery, Provider};
    use super::*;
    use crate::vn::Dong;
    use proptest::prelude::*;
    use serde_json::Value;

    fn megapay() -> Provider {
        known("vnpt", "megapay_token")
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
        body["merchantToken"] = hex::encode(sha256(format!("{signed}{extra}hush0001hush").as_bytes())).into();
        out.body = body.to_string();
        out
    }

    fn paid(changes: Value) -> Result<Delivery, Refusal> {
        send(&megapay(), &notice(&changes, ""), None)
    }

    #[test]
    fn a_refund_leads_to_its_payment_by_the_order() {
        let out = megapay().compose(&sample(SampleKind::Refund), NOW).unwrap();
        let item = send(&megapay(), &out, None).unwrap().items.remove(0);
        assert_eq!(item.details.reference, "CBTA2C34-11");
    }

    #[test]
    fn result_and_status_decide() {
        for (result, status, kind) in [
            ("00_000", "0", NoticeKind::Payment),
            ("00_000", "1", NoticeKind::Void),
            ("00_000", "2", NoticeKind::Refund),
            ("00_005", "0", NoticeKind::PaymentPending),
            ("00_005", "2", NoticeKind::Other),
            ("FL_901", "0", NoticeKind::PaymentFailed),
            ("FL_901", "1", NoticeKind::Other),
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
            let plain = with_settings("vnpt", "megapay_token", &[("token_extra", "none")]);
            assert_eq!(send(&plain, &out, None).is_ok(), variant.is_empty());
        }
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
            assert_eq!(what(&refusal), (RefusalKind::Malformed, name), "{to}");
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
        let codes = [
            "00_000", "DC_103", "OR_140", "OR_134", "FL_900", "DC_101", "OR_101", "OR_101",
        ];
        check_codes(&megapay(), "resultCd", codes);
    }

    proptest! {
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
    }
}

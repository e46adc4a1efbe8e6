//! ZaloPay: the callback of an order, docs/spec/providers.md, section 9.

use serde_json::json;

use super::json::{Json, read_object};
use super::members::{Members, TEXT_CHARS_MAX};
use super::proof::{Hash, SignedText, Spelling, hmac, sha256};
use super::protocol::{Protocol, Read};
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, SecretsError,
};
use crate::vn::{Dong, Secret, TimeMs, digest_128};

/// Outer `type` of an agreement (docs/spec/providers.md, section 9).
const TYPE_AGREEMENT: Json = Json::Integer(2);
/// Longest text of `data`, in characters: the body limit is the real one.
const DATA_CHARS_MAX: usize = 1 << 20;

/// Orders, signed with key2.
pub(super) const CALLBACK_KEY2: Scheme = Scheme {
    profile: "zalopay",
    name: "callback_key2",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: false,
    secrets: &["app_id", "key2"],
    settings: &[],
    build: |secrets| {
        let app_id = secrets.text("app_id")?;
        let is_plain = app_id.bytes().all(|b| b.is_ascii_digit());
        let app_id = app_id.parse().ok().filter(|_| is_plain);
        let app_id = app_id.ok_or_else(|| SecretsError::wrong("app_id", "wanted digits"))?;
        let key2 = secrets.secret("key2")?;
        Ok(Box::new(ZaloPay { app_id, key2 }))
    },
};

#[derive(Debug)]
struct ZaloPay {
    app_id: i64,
    key2: Secret,
}

impl ZaloPay {
    /// The mac covers the text of `data` once the outer JSON escapes are undone, never a JSON written
    /// again (docs/spec/providers.md, section 9).
    fn prove<'a>(&self, outer: Members<'a>) -> Result<&'a str, Refusal> {
        let mac = outer.text("mac", TEXT_CHARS_MAX)?.unwrap_or_default();
        if mac.is_empty() {
            return Err(Refusal::signature("mac", "is missing"));
        }
        let data = outer.text("data", DATA_CHARS_MAX)?;
        let data = data.ok_or_else(|| outer.wrong("data", "is missing; wanted JSON as text"))?;
        let recipe = "the text of data after undoing the outer JSON escapes, not written again; \
                      key: key2 (key1 signs requests to ZaloPay)";
        SignedText {
            hash: Hash::Sha256,
            spelling: Spelling::LowerHex,
            secret: &self.key2,
            text: data.as_bytes(),
            recipe,
        }
        .check(mac)
        .map_err(|because| Refusal::signature("mac", because))?;
        Ok(data)
    }

    fn read(&self, outer: Members<'_>, text: &str) -> Result<Item, Refusal> {
        let data = read_object(text).map_err(within_data)?;
        let data = Members::of(&data, "data.")?;
        if data.integer("app_id")? != self.app_id {
            return Err(Refusal::foreign("data.app_id", "is not the configured app_id"));
        }
        // `type` is outside the mac, so it never turns a payment into something else: only where the
        // signed data names no money does it tell an agreement from a broken order.
        let names_money = data.object.get("amount").is_some() || data.object.get("zp_trans_id").is_some();
        if !names_money && outer.object.get("type") == Some(&TYPE_AGREEMENT) {
            return Ok(agreement(text));
        }
        let order = data.id("app_trans_id")?;
        let trans_id = data.integer("zp_trans_id")?;
        if trans_id <= 0 {
            return Err(data.wrong("zp_trans_id", "wanted a positive whole number"));
        }
        // Fee and discount concern the payer; `amount` is what the order asked for (docs/spec/providers.md, section 9).
        let amount = data.amount("amount")?;
        let details = Details {
            reference: order.to_owned(),
            occurred_at: Some(data.epoch_ms("server_time")?),
            ..Details::default()
        };
        Ok(Item::of(
            NoticeKind::Payment,
            trans_id.to_string(),
            amount,
            details,
        ))
    }
}

/// Names the member inside `data`, not the body.
fn within_data(refusal: Refusal) -> Refusal {
    let field = match refusal.field.as_str() {
        "body" => "data".to_owned(),
        name => format!("data.{name}"),
    };
    Refusal { field, ..refusal }
}

/// An agreement moves no money and names no transaction; it is keyed by what was signed.
fn agreement(text: &str) -> Item {
    Item {
        kind: NoticeKind::Other,
        event_id: format!("{}#0", &hex::encode(sha256(text.as_bytes()))[..16]),
        provider_txn_id: String::new(),
        amount: Dong::ZERO,
        content: digest_128([text.as_bytes()]),
        details: Details::default(),
    }
}

/// HTTP 200 always; the code is what counts (docs/spec/providers.md, section 9).
fn says(code: i8, message: &str) -> Answer {
    let message = json!(message);
    Answer::text(
        200,
        format!("{{\"return_code\":{code},\"return_message\":{message}}}"),
    )
}

impl Protocol for ZaloPay {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let outer = Members::of(&object, "")?;
        let text = self.prove(outer)?;
        Ok(Read::one(self.read(outer, text)?, ""))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::Stored | Outcome::UnknownOrder | Outcome::AmountDiffers { .. } => says(1, "success"),
            Outcome::Repeat => says(2, "duplicated"),
            Outcome::NotKept => says(0, "not kept, call again"),
            Outcome::Refused(refusal) => match refusal.kind {
                RefusalKind::Signature => says(-1, "mac not equal"),
                // The same message for the wrong application fits no better next time (inferred).
                RefusalKind::Foreign => says(-1, &refusal.to_string()),
                // The provider's samples answer what they cannot read with 0 (inferred).
                RefusalKind::Malformed | RefusalKind::Replay => says(0, &refusal.to_string()),
            },
        }
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        match sample.kind {
            SampleKind::Payment => {}
            SampleKind::Failed => return Err("zalopay has no notice of a failed payment".to_owned()),
            SampleKind::Refund => return Err("zalopay has no refund notice".to_owned()),
        }
        // app_trans_id begins with the day at GMT+7 as yymmdd.
        let iso = sample.occurred_at.iso();
        let day: String = iso.get(2..10).unwrap_or_default().replace('-', "");
        let data = json!({
            "app_id": self.app_id,
            "app_trans_id": format!("{day}_{}_{}", sample.stall_code, sample.number),
            "app_time": sample.occurred_at.0,
            "app_user": sample.stall_code,
            "amount": sample.amount.vnd(),
            "embed_data": "{}",
            "item": "[]",
            "zp_trans_id": sample.number.saturating_add(1),
            "server_time": sample.occurred_at.0,
            "channel": 38,
            "merchant_user_id": "",
            "zp_user_id": "",
            "user_fee_amount": 0,
            "discount_amount": 0,
        })
        .to_string();
        let mac = Spelling::LowerHex.write(&hmac(Hash::Sha256, &self.key2, data.as_bytes()));
        let body = json!({"data": data, "mac": mac, "type": 1});
        Ok(Outgoing::json(body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Provider, Secrets};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const DATA: &str = r#"{"app_id":910001,"app_trans_id":"260111_CBT0001","app_time":1768200061000,"app_user":"A012","amount":31000,"embed_data":"{}","item":"[{\"itemname\":\"Rau muống\"}]","zp_trans_id":260111000000113,"server_time":1768200091000,"channel":38,"user_fee_amount":0,"discount_amount":0}"#;

    fn zalopay() -> Provider {
        known("zalopay", "callback_key2")
    }

    fn body_of(data: &str, kind: Value) -> String {
        let mac = hex::encode(hmac(
            Hash::Sha256,
            &Secret::new(HUSH.as_bytes().to_vec()),
            data.as_bytes(),
        ));
        json!({"data": data, "mac": mac, "type": kind}).to_string()
    }

    fn read_signed(data: &str, kind: Value) -> Result<Item, Refusal> {
        receive(&zalopay(), &[], body_of(data, kind).as_bytes(), None).map(|d| d.items[0].clone())
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("31000", "\"31000\"", "data.amount"),
            ("31000", "0", "data.amount"),
            ("31000", "-1", "data.amount"),
            ("31000", "31000.5", "data.amount"),
            ("31000", "3.1e4", "data.amount"),
            ("31000", "-0", "data.amount"),
            ("31000", "31000,\"amount\":5", "data.amount"),
            ("260111000000113", "\"260111000000113\"", "data.zp_trans_id"),
            ("260111000000113", "0", "data.zp_trans_id"),
            ("1768200091000", "1768200091", "data.server_time"),
            ("\"260111_CBT0001\"", "260111", "data.app_trans_id"),
            ("\"260111_CBT0001\"", "\"a\\u0000\"", "data.app_trans_id"),
            ("910001", "\"910001\"", "data.app_id"),
        ] {
            let refusal = read_signed(&DATA.replacen(from, to, 1), 1.into()).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{to}");
        }
        for data in ["", "7", "[]", "{", "\u{feff}{}"] {
            let refusal = read_signed(data, 1.into()).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, "data"), "{data}");
        }
        let twice = body_of(DATA, 1.into()).replacen("{\"data\"", "{\"data\":\"{}\",\"data\"", 1);
        let refusal = receive(&zalopay(), &[], twice.as_bytes(), None).unwrap_err();
        assert_eq!(what(&refusal), (RefusalKind::Malformed, "data"));
    }

    #[test]
    fn another_application_is_foreign() {
        let refusal = read_signed(&DATA.replacen("910001", "910002", 1), 1.into()).unwrap_err();
        assert_eq!(what(&refusal), (RefusalKind::Foreign, "data.app_id"));
    }

    #[test]
    fn the_unsigned_type_cannot_hide_money() {
        for kind in [json!(1), json!(2), json!("2"), json!(null), json!({"a": 1})] {
            assert_eq!(read_signed(DATA, kind).unwrap().kind, NoticeKind::Payment);
        }
        let agreement =
            r#"{"app_id":910001,"app_trans_id":"260111_B1","binding_id":"b","server_time":1768200091000}"#;
        let item = read_signed(agreement, 2.into()).unwrap();
        assert_eq!((item.kind, item.amount), (NoticeKind::Other, Dong::ZERO));
        assert_eq!(
            read_signed(agreement, 1.into()).unwrap_err().field,
            "data.zp_trans_id"
        );
    }

    #[test]
    fn the_text_is_signed_as_sent() {
        let written_again = DATA.replace("\":", "\": ");
        let body =
            body_of(DATA, 1.into()).replace(&json!(DATA).to_string(), &json!(written_again).to_string());
        let refusal = receive(&zalopay(), &[], body.as_bytes(), None).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Signature);
        assert!(refusal.because.contains("undoing the outer JSON escapes"));
        assert!(!format!("{refusal:?}{:?}", zalopay()).contains("hush"));
        // Another escaping of the same text is the same text.
        let escaped = body_of(DATA, 1.into()).replace('ố', "\\u1ed1");
        assert!(receive(&zalopay(), &[], escaped.as_bytes(), None).is_ok());
        let missing = receive(&zalopay(), &[], b"{\"data\":\"{}\"}", None).unwrap_err();
        assert_eq!(what(&missing), (RefusalKind::Signature, "mac"));
    }

    #[test]
    fn outcomes_are_answered() {
        // Another application's message fits no better next time, so it is not asked for again.
        let codes = ["1", "2", "1", "1", "0", "-1", "0", "-1"];
        check_codes(&zalopay(), "return_code", codes);
        let all = answers(&zalopay(), SampleKind::Payment);
        assert!(all.iter().all(|a| a.status == 200));
        assert_eq!(all[0].body, r#"{"return_code":1,"return_message":"success"}"#);
    }

    #[test]
    fn an_application_is_a_number() {
        for wrong in ["x", "+5", "99999999999999999999"] {
            let secrets = Secrets::from_pairs([("app_id", wrong), ("key2", HUSH)]);
            assert!(matches!(
                CALLBACK_KEY2.protocol(&secrets),
                Err(SecretsError::Value { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn proven_texts_never_panic(data in "\\PC{0,60}", kind: i8) {
            let _ = read_signed(&data, kind.into());
        }

        #[test]
        fn one_changed_byte_of_data_breaks_the_proof(at in 0usize..400, bit in 0u8..7) {
            let mut data = DATA.as_bytes().to_vec();
            let at = at % data.len();
            data[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(data) {
                let body = body_of(DATA, 1.into())
                    .replace(&json!(DATA).to_string(), &json!(changed).to_string());
                let refusal = receive(&zalopay(), &[], body.as_bytes(), None).unwrap_err();
                // The reader refuses a NUL before it counts the digest.
                let is_nul = changed.contains('\0');
                prop_assert_eq!(refusal.kind == RefusalKind::Signature, !is_nul);
            }
        }
    }
}

//! The notice of the VNPAY-QR merchant terminal (docs/spec/providers.md, section 4).

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::super::json::read_object;
use super::super::members::{ID_CHARS_MAX, Members};
use super::super::proof::Spelling;
use super::super::protocol::{Protocol, Read};
use super::super::times::{compact_text, compact_time};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme,
};
use crate::vn::{Secret, TimeMs};

/// What the checksum of the terminal covers, in its order; the secret follows (docs/spec/providers.md, section 4).
const SIGNED: [&str; 10] = [
    "code",
    "msgType",
    "txnId",
    "qrTrace",
    "bankCode",
    "mobile",
    "accountNo",
    "amount",
    "payDate",
    "merchantCode",
];
/// Names VNPAY-QR in every code of it.
const MASTER_MERCHANT: &str = "A000000775";
/// Longest bill number (docs/spec/providers.md, section 4).
const BILL_CHARS_MAX: usize = 20;

/// The VNPAY-QR merchant terminal. MD5 with a shared secret at its end is weak, but cannot practically be
/// forged without the secret; an address list beside it is advised (docs/spec/providers.md, section 4).
pub(in super::super) const QR_MMS: Scheme = Scheme {
    profile: "vnpay",
    name: "qr_mms",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: true,
    secrets: &["merchant_code", "secret_key"],
    settings: &[],
    build: |secrets| {
        Ok(Box::new(QrMms {
            merchant_code: secrets.text("merchant_code")?,
            secret_key: secrets.secret("secret_key")?,
        }))
    },
};

#[derive(Debug)]
struct QrMms {
    merchant_code: String,
    secret_key: Secret,
}

impl Protocol for QrMms {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        let variant = self.prove(members)?;
        let sent = members.id("merchantCode")?;
        Refusal::unless_own("merchantCode", sent, &self.merchant_code, "merchant_code")?;
        Ok(Read::one(read_item(members)?, variant))
    }

    fn answer(&self, request: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        let (code, message) = match outcome {
            Outcome::Stored => ("00", "dat hang thanh cong"),
            // One implementation answers 05; 03 is the documented word (contested).
            Outcome::Repeat => ("03", "Don hang da duoc thanh toan"),
            // The closest word of docs/spec/providers.md, section 4 for a bill that is not known (inferred).
            Outcome::UnknownOrder => ("04", "Khong tim thay don hang"),
            Outcome::AmountDiffers { .. } => ("07", "So tien khong chinh xac"),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => ("06", "Sai thong tin xac thuc"),
            Outcome::NotKept | Outcome::Refused(_) => ("99", "Loi khac"),
        };
        let data = match outcome {
            Outcome::AmountDiffers { expected } => format!(r#"{{"amount":"{}"}}"#, expected.vnd()),
            _ => format!(r#"{{"txnId":{}}}"#, Value::from(bill(request, items))),
        };
        Answer::text(
            200,
            format!(r#"{{"code":"{code}","message":"{message}","data":{data}}}"#),
        )
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (code, message) = match sample.kind {
            SampleKind::Payment => ("00", "Tru tien thanh cong"),
            SampleKind::Failed => ("01", "Tru tien khong thanh cong"),
            SampleKind::Refund => return Err("VNPAY-QR has no refund notice".to_owned()),
        };
        let mut body = json!({
            "code": code,
            "message": message,
            "msgType": "1",
            "txnId": format!("{}-{}", sample.stall_code, sample.number),
            "qrTrace": format!("{:09}", sample.number),
            "bankCode": "VIETCOMBANK",
            "mobile": "0900000000",
            "accountNo": "",
            "amount": sample.amount.vnd().to_string(),
            "payDate": compact_text(sample.occurred_at),
            "masterMerCode": MASTER_MERCHANT,
            "merchantCode": self.merchant_code,
            "terminalId": sample.stall_code,
            "addData": [],
            "ccy": "704",
        });
        let signed: Vec<&str> = SIGNED
            .iter()
            .map(|n| body[*n].as_str().unwrap_or_default())
            .collect();
        let checksum = hex::encode(self.checksum(&signed)).to_uppercase();
        body["checksum"] = checksum.into();
        Ok(Outgoing::json(body.to_string()))
    }
}

impl QrMms {
    fn checksum(&self, values: &[&str]) -> [u8; 16] {
        let mut md5 = Md5::new();
        for value in values {
            md5.update(value.as_bytes());
            md5.update(b"|");
        }
        md5.update(self.secret_key.reveal());
        md5.finalize().into()
    }

    fn prove(&self, members: Members<'_>) -> Result<&'static str, Refusal> {
        let mut values = Vec::with_capacity(SIGNED.len());
        for name in SIGNED {
            let value = members.text(name, ID_CHARS_MAX)?;
            // A separator inside a value would let one checksum cover other values
            // (docs/spec/providers.md, section 1, rule 7).
            if value.is_some_and(|v| v.contains('|')) {
                return Err(members.wrong(name, "holds the separator «|» of the signed text"));
            }
            values.push(value);
        }
        let sent = members.text("checksum", ID_CHARS_MAX)?.unwrap_or_default();
        // A null is hashed as nothing by one implementation and as the word by another (contested, seen
        // for accountNo; the Java one would do so for each value).
        for (variant, null) in [("", ""), ("null_word", "null")] {
            let values: Vec<&str> = values.iter().map(|v| v.unwrap_or(null)).collect();
            if Spelling::AnyHex.fits(sent, &self.checksum(&values)) {
                return Ok(variant);
            }
        }
        let near = match sent.trim().len() {
            0 => "is missing".to_owned(),
            32 => "does not fit: another secret_key, or a value was changed after signing".to_owned(),
            n => format!("has {n} characters instead of 32"),
        };
        let recipe = format!("{}|secret_key", SIGNED.join("|"));
        Err(Refusal::signature(
            "checksum",
            format!("{near}; wanted MD5 in hex of {recipe}"),
        ))
    }
}

fn read_item(members: Members<'_>) -> Result<Item, Refusal> {
    let kind = match (members.id("code")?, members.id("msgType")?) {
        ("00", "1") => NoticeKind::Payment,
        // Message type 2 speaks of an order, not of money (inferred).
        ("00", _) => NoticeKind::Other,
        _ => NoticeKind::PaymentFailed,
    };
    let amount = members.amount_text_for(kind, "amount")?;
    members.check_currency("ccy", &["704", "VND"])?;
    let paid_at = members.text("payDate", ID_CHARS_MAX)?.unwrap_or_default();
    let occurred_at = compact_time(paid_at)
        .ok_or_else(|| members.wrong("payDate", "wanted yyyyMMddHHmmss, Vietnamese time"))?;
    let trace = members.id("qrTrace")?;
    let details = Details {
        reference: members.id("txnId")?.to_owned(),
        // As sent, for people to see. The checksum does not cover it, so money is not given to a stall on
        // its word: the order leads, and another terminal for the same trace is other content
        // (docs/spec/providers.md, section 4).
        terminal_is_unsigned: true,
        terminal: members
            .text("terminalId", ID_CHARS_MAX)?
            .filter(|t| !t.is_empty())
            .map(str::to_owned),
        occurred_at: Some(occurred_at),
        ..Details::default()
    };
    Ok(Item::of(kind, trace, amount, details))
}

/// The bill number to echo: what was read, or of a refused request what it names, if that is no longer
/// than a bill number.
fn bill(request: &Request<'_>, items: &[Item]) -> String {
    if let [item] = items {
        return item.details.reference.clone();
    }
    let object = request.text().and_then(read_object).unwrap_or_default();
    let named = Members::of(&object, "").and_then(|m| m.text("txnId", BILL_CHARS_MAX));
    named.ok().flatten().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::Provider;
    use super::super::super::testing::*;
    use super::*;
    use crate::vn::Dong;
    use proptest::prelude::*;

    fn terminal() -> Provider {
        known("vnpay", "qr_mms")
    }

    /// A terminal's notice with these changes, signed with this word for null.
    fn bill_paid(changes: &[(&str, Value)], null: &str) -> Outgoing {
        let mut out = terminal()
            .compose(&sample(SampleKind::Payment), TimeMs(0))
            .unwrap();
        let mut body: Value = serde_json::from_str(&out.body).unwrap();
        for (name, to) in changes {
            body[*name] = to.clone();
        }
        let values = SIGNED.map(|n| body[n].as_str().unwrap_or(null).to_owned());
        let text = format!("{}|hush0001hush", values.join("|"));
        body["checksum"] = hex::encode(Md5::digest(text)).into();
        out.body = body.to_string();
        out
    }

    fn terminal_refuses(name: &str, to: Value) -> Refusal {
        send(&terminal(), &bill_paid(&[(name, to)], ""), None).unwrap_err()
    }

    #[test]
    fn a_null_is_nothing_or_the_word() {
        for (null, variant) in [("", ""), ("null", "null_word")] {
            let got = send(&terminal(), &bill_paid(&[("accountNo", Value::Null)], null), None).unwrap();
            assert_eq!(got.variant, variant);
        }
    }

    #[test]
    fn a_terminal_notice_names_what_is_wrong() {
        for (name, to, kind) in [
            ("merchantCode", "0316700013", RefusalKind::Foreign),
            ("amount", "26000.0", RefusalKind::Malformed),
            ("amount", "-26000", RefusalKind::Malformed),
            ("amount", "0", RefusalKind::Malformed),
            ("amount", "026000", RefusalKind::Malformed),
            ("mobile", "09|1", RefusalKind::Malformed),
            ("payDate", "2026-01-15", RefusalKind::Malformed),
            ("qrTrace", "", RefusalKind::Malformed),
            ("txnId", "a\0b", RefusalKind::Malformed),
            ("ccy", "840", RefusalKind::Malformed),
        ] {
            let refusal = terminal_refuses(name, to.into());
            assert_eq!(what(&refusal), (kind, name), "{to}");
        }
        assert_eq!(terminal_refuses("amount", 26000.into()).field, "amount");
        let mut out = bill_paid(&[], "");
        out.body = out.body.replacen('{', "{\"amount\":\"1\",", 1);
        assert_eq!(send(&terminal(), &out, None).unwrap_err().field, "amount");
    }

    #[test]
    fn an_order_message_is_no_money_and_another_terminal_is_other_content() {
        let item = |name: &str, to: &str| {
            let out = bill_paid(&[(name, to.into())], "");
            send(&terminal(), &out, None).unwrap().items.remove(0)
        };
        assert_eq!(item("msgType", "2").kind, NoticeKind::Other);
        assert_eq!(item("code", "05").kind, NoticeKind::PaymentFailed);
        assert_ne!(
            item("terminalId", "CBTOTHER").content,
            item("message", "x").content
        );
    }

    #[test]
    fn every_outcome_has_an_answer() {
        check_codes(
            &terminal(),
            "code",
            ["00", "03", "04", "07", "99", "06", "99", "99"],
        );
    }

    #[test]
    fn an_answer_names_the_bill_or_the_right_amount() {
        let expected = Dong::new(99_000);
        let refusal = Refusal::signature("checksum", "x");
        for (outcome, data) in [
            (Outcome::NotKept, json!({"txnId": "a\"b"})),
            (Outcome::Refused(refusal), json!({"txnId": "a\"b"})),
            (Outcome::AmountDiffers { expected }, json!({"amount": "99000"})),
        ] {
            let out = bill_paid(&[("txnId", "a\"b".into())], "");
            let answer = out.with_request(|r| terminal().answer(r, None, &outcome));
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["data"], data, "{outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_value_breaks_the_terminals_proof(at in 0usize..10, to in "[0-9A-Za-z ]{1,12}") {
            let mut out = bill_paid(&[], "");
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            prop_assume!(body[SIGNED[at]] != *to);
            body[SIGNED[at]] = to.into();
            out.body = body.to_string();
            prop_assert_eq!(send(&terminal(), &out, None).unwrap_err().kind, RefusalKind::Signature);
        }
    }
}

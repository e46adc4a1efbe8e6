//! VNPAY: the notice of the payment gateway (PROTOCOLS section 3) and that of the VNPAY-QR merchant
//! terminal (section 4). They share a company, not a scheme.

use md5::{Digest, Md5};
use serde_json::Value;

use super::form::{Form, encoded};
use super::json::{ID_CHARS_MAX, Members, amount_digits, compact_time, read_object};
use super::proof::{Hash, Spelling, check_hmac, hex, hmac};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, SecretsError, content_of,
};
use crate::vn::{Dong, Secret, TimeMs};

/// Parameters that carry the proof and are never signed themselves.
const HASH_PARAMETERS: [&str; 2] = ["vnp_SecureHash", "vnp_SecureHashType"];
/// Characters that PHP, Java, JavaScript and .NET encode differently; VNPAY publishes samples in all four
/// (contested).
const CONTESTED: [char; 6] = ['!', '\'', '(', ')', '*', '~'];
/// What a web form leaves as it is: the rule of section 3.
const PLAIN: &str = "*-._";
/// The other spellings, tried only where a contested character occurs: name and what is left as it is.
const OTHER_SPELLINGS: [(&str, &str); 2] = [("php", "-._"), ("encode_uri_component", "-_.!~*'()")];
/// Longest `vnp_Amount` (section 3).
const AMOUNT_DIGITS_MAX: usize = 12;
/// Longest `vnp_TxnRef` (section 3).
const TXN_REF_CHARS_MAX: usize = 100;
/// More names than this are not listed in a refusal.
const NAMES_SHOWN_MAX: usize = 24;

/// The gateway's PAY IPN, version 2.1.0.
pub(super) const PAY_IPN: Scheme = Scheme {
    profile: "vnpay",
    name: "pay_ipn",
    method: "GET",
    paths: &[""],
    secrets: &["tmn_code", "hash_secret"],
    settings: &[(
        "other_parameters",
        "Whether parameters without the vnp_ prefix are part of the signed text: \"leave_out\" (default, as \
         VNPAY's PHP sample) or \"sign\" (as npm vnpay).",
    )],
    build: |secrets| {
        Ok(Box::new(PayIpn {
            tmn_code: secrets.text("tmn_code")?,
            hash_secret: secrets.secret("hash_secret")?,
            signs_others: match secrets.setting("other_parameters") {
                None | Some("leave_out") => false,
                Some("sign") => true,
                Some(_) => {
                    let because = "wanted \"leave_out\" or \"sign\"";
                    return Err(SecretsError::wrong("other_parameters", because));
                }
            },
        }))
    },
};

#[derive(Debug)]
struct PayIpn {
    tmn_code: String,
    hash_secret: Secret,
    signs_others: bool,
}

impl Protocol for PayIpn {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_orders(&self) -> bool {
        true
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let form = Form::read(request.query)?;
        let variant = self.prove(&form)?;
        if needed(&form, "vnp_TmnCode", ID_CHARS_MAX)? != self.tmn_code {
            let because = "is not the configured tmn_code";
            return Err(Refusal::foreign("vnp_TmnCode", because));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![self.read_item(&form)?],
            variant,
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        // 00 and 02 end the deliveries; 01, 04, 97 and 99 are repeated (inferred, section 3).
        let (code, message) = match outcome {
            Outcome::Stored => ("00", "Confirm Success"),
            Outcome::UnknownOrder => ("01", "Order not found"),
            Outcome::Repeat => ("02", "Order already confirmed"),
            Outcome::AmountDiffers { .. } => ("04", "Invalid amount"),
            Outcome::Refused(r) if r.kind == RefusalKind::Signature => ("97", "Fail checksum"),
            Outcome::NotKept | Outcome::Refused(_) => ("99", "Unknown error"),
        };
        Answer::text(200, format!(r#"{{"RspCode":"{code}","Message":"{message}"}}"#))
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (code, status, transaction) = match sample.kind {
            SampleKind::Payment => ("00", "00", sample.number.to_string()),
            SampleKind::Failed => ("24", "02", "0".to_owned()),
            SampleKind::Refund => return Err("VNPAY's gateway has no refund notice".to_owned()),
        };
        let (hundredths, paid_at) = (format!("{}00", sample.amount.vnd()), compact(sample.occurred_at));
        let reference = format!("{}-{}", sample.stall_code, sample.number);
        let order_info = format!("Thanh toan don {reference}");
        let signed = [
            ("vnp_Amount", hundredths.as_str()),
            ("vnp_BankCode", "NCB"),
            ("vnp_CardType", "QRCODE"),
            ("vnp_OrderInfo", &order_info),
            ("vnp_PayDate", &paid_at),
            ("vnp_ResponseCode", code),
            ("vnp_TmnCode", &self.tmn_code),
            ("vnp_TransactionNo", &transaction),
            ("vnp_TransactionStatus", status),
            ("vnp_TxnRef", &reference),
        ];
        let text = canonical(&signed, PLAIN);
        let hash = hex(&hmac(Hash::Sha512, &self.hash_secret, text.as_bytes()));
        Ok(Outgoing {
            method: "GET",
            path: "",
            query: format!("{text}&vnp_SecureHash={hash}"),
            headers: Vec::new(),
            body: String::new(),
        })
    }
}

impl PayIpn {
    /// Which spelling of the contested characters the hash fits.
    fn prove(&self, form: &Form) -> Result<&'static str, Refusal> {
        let refused = |because: String| Refusal::signature("vnp_SecureHash", because);
        let signed = self.signed(form);
        let recipe = recipe(&signed);
        let sent = form.get("vnp_SecureHash").filter(|h| !h.is_empty());
        let sent = sent.ok_or_else(|| refused(format!("is missing; wanted HMAC-SHA512 of {recipe}")))?;
        let fits = |text: &str| {
            let digest = hmac(Hash::Sha512, &self.hash_secret, text.as_bytes());
            Spelling::LowerHex.fits(sent, &digest)
        };
        let plain = canonical(&signed, PLAIN);
        let checked = check_hmac(
            sent,
            Spelling::LowerHex,
            Hash::Sha512,
            &self.hash_secret,
            plain.as_bytes(),
            &recipe,
        );
        let Err(because) = checked else { return Ok("") };
        if signed.iter().any(|(_, value)| value.contains(CONTESTED)) {
            let other = OTHER_SPELLINGS
                .iter()
                .find(|(_, keep)| fits(&canonical(&signed, keep)));
            if let Some((variant, _)) = other {
                return Ok(variant);
            }
        }
        let decoded: Vec<String> = signed.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if fits(&decoded.join("&")) {
            return Err(refused(format!(
                "signed over values that are not encoded; wanted {recipe}"
            )));
        }
        Err(refused(because))
    }

    /// What is signed: no hashes, no empty values, sorted by name in byte order.
    fn signed<'a>(&self, form: &'a Form) -> Vec<(&'a str, &'a str)> {
        let is_signed =
            |name: &str| !HASH_PARAMETERS.contains(&name) && (self.signs_others || name.starts_with("vnp_"));
        let mut signed: Vec<_> = form
            .iter()
            .filter(|(n, v)| is_signed(n) && !v.is_empty())
            .collect();
        signed.sort_unstable();
        signed
    }

    fn read_item(&self, form: &Form) -> Result<Item, Refusal> {
        let kind = gateway_kind(
            needed(form, "vnp_ResponseCode", ID_CHARS_MAX)?,
            needed(form, "vnp_TransactionStatus", ID_CHARS_MAX)?,
        );
        let amount = hundredths(needed(form, "vnp_Amount", ID_CHARS_MAX)?, kind)
            .map_err(|because| Refusal::malformed("vnp_Amount", because))?;
        let reference = needed(form, "vnp_TxnRef", TXN_REF_CHARS_MAX)?;
        let transaction = needed(form, "vnp_TransactionNo", ID_CHARS_MAX)?;
        let occurred_at = match form.get("vnp_PayDate").filter(|t| !t.is_empty()) {
            None => None,
            Some(t) => Some(compact_time(t).ok_or_else(|| {
                Refusal::malformed("vnp_PayDate", "wanted yyyyMMddHHmmss, Vietnamese time")
            })?),
        };
        let bank_ref = form.get("vnp_BankTranNo").filter(|b| !b.is_empty());
        if bank_ref.is_some() {
            needed(form, "vnp_BankTranNo", ID_CHARS_MAX)?;
        }
        // `vnp_OrderInfo` is the merchant's own wording, not a note of the payer.
        let details = Details {
            reference: reference.to_owned(),
            // The household, when each has a terminal code of its own (section 3).
            terminal: Some(self.tmn_code.clone()),
            bank_ref: bank_ref.map(str::to_owned),
            occurred_at,
            ..Details::default()
        };
        Ok(Item {
            kind,
            // Nothing was charged, so VNPAY made no number: the order stands for it (section 1, table).
            event_id: if transaction == "0" {
                reference
            } else {
                transaction
            }
            .to_owned(),
            provider_txn_id: transaction.to_owned(),
            amount,
            content: content_of(amount, &details),
            details,
        })
    }
}

/// What the pair of codes says (section 3; all but 00/00 and 07 inferred).
fn gateway_kind(response: &str, status: &str) -> Kind {
    match (response, status) {
        ("00", "00") => Kind::Payment,
        ("07", _) | (_, "07") => Kind::PaymentSuspect,
        (_, "01") => Kind::PaymentPending,
        // Word of a refund that is under way or was refused. It moves no money by itself: VNPAY has no
        // refund notice, the statement tells.
        (_, "05" | "06" | "09") => Kind::Other,
        _ => Kind::PaymentFailed,
    }
}

/// `vnp_Amount` counts hundredths of a đồng, which do not exist: it must end in 00.
fn hundredths(text: &str, kind: Kind) -> Result<Dong, String> {
    if text.len() > AMOUNT_DIGITS_MAX {
        return Err(format!("has more than {AMOUNT_DIGITS_MAX} digits"));
    }
    if text == "0" && moves_nothing(kind) {
        return Ok(Dong::ZERO);
    }
    let dong = text
        .strip_suffix("00")
        .ok_or_else(|| "is đồng times 100 and must end in 00".to_owned())?;
    amount_digits(dong)
}

fn moves_nothing(kind: Kind) -> bool {
    matches!(kind, Kind::PaymentFailed | Kind::PaymentPending | Kind::Other)
}

/// A parameter that must be there.
fn needed<'a>(form: &'a Form, name: &str, chars_max: usize) -> Result<&'a str, Refusal> {
    let value = form.get(name).unwrap_or_default();
    let is_fit =
        !value.is_empty() && value.chars().count() <= chars_max && !value.chars().any(char::is_control);
    match is_fit {
        true => Ok(value),
        false => Err(Refusal::malformed(
            name,
            format!("wanted 1 to {chars_max} characters of text"),
        )),
    }
}

/// The signed text: names and values encoded as a web form does, except the characters of `keep`.
fn canonical(signed: &[(&str, &str)], keep: &str) -> String {
    let pairs = signed
        .iter()
        .map(|(n, v)| format!("{}={}", encoded(n, keep), encoded(v, keep)));
    pairs.collect::<Vec<_>>().join("&")
}

fn recipe(signed: &[(&str, &str)]) -> String {
    let names = signed
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(|(name, _)| format!("{name}=…"));
    format!(
        "{} (all vnp_ parameters except the hashes and empty ones, sorted by name, joined by &, values \
         decoded and encoded again with + for a space and upper-case %XX) under hash_secret",
        names.collect::<Vec<_>>().join("&")
    )
}

/// `yyyyMMddHHmmss` at +07:00.
fn compact(time: TimeMs) -> String {
    time.iso().chars().filter(char::is_ascii_digit).take(14).collect()
}

/// What the checksum of the terminal covers, in its order; the secret follows (section 4).
const QR_SIGNED: [&str; 10] = [
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
/// Longest bill number (section 4).
const BILL_CHARS_MAX: usize = 20;

/// The VNPAY-QR merchant terminal. MD5 with a shared secret at its end is weak, but cannot practically be
/// forged without the secret; an address list beside it is advised (section 4).
pub(super) const QR_MMS: Scheme = Scheme {
    profile: "vnpay",
    name: "qr_mms",
    method: "POST",
    paths: &[""],
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
        if members.id("merchantCode")? != self.merchant_code {
            let because = "is not the configured merchant_code";
            return Err(Refusal::foreign("merchantCode", because));
        }
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![read_qr_item(members)?],
            variant,
        })
    }

    fn answer(&self, request: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        let (code, message) = match outcome {
            Outcome::Stored => ("00", "dat hang thanh cong"),
            // One implementation answers 05; 03 is the documented word (contested).
            Outcome::Repeat => ("03", "Don hang da duoc thanh toan"),
            // The closest word of section 4 for a bill that is not known (inferred).
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
        let mut body = serde_json::json!({
            "code": code,
            "message": message,
            "msgType": "1",
            "txnId": format!("{}-{}", sample.stall_code, sample.number),
            "qrTrace": format!("{:09}", sample.number),
            "bankCode": "VIETCOMBANK",
            "mobile": "0900000000",
            "accountNo": "",
            "amount": sample.amount.vnd().to_string(),
            "payDate": compact(sample.occurred_at),
            "masterMerCode": MASTER_MERCHANT,
            "merchantCode": self.merchant_code,
            "terminalId": sample.stall_code,
            "addData": [],
            "ccy": "704",
        });
        let signed: Vec<&str> = QR_SIGNED
            .iter()
            .map(|n| body[*n].as_str().unwrap_or_default())
            .collect();
        let checksum = hex(&self.checksum(&signed)).to_uppercase();
        body["checksum"] = checksum.into();
        Ok(Outgoing {
            method: "POST",
            path: "",
            query: String::new(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        })
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
        let mut values = Vec::with_capacity(QR_SIGNED.len());
        for name in QR_SIGNED {
            let value = members.text(name, ID_CHARS_MAX)?;
            // A separator inside a value would let one checksum cover other values (section 1, rule 7).
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
        let recipe = format!("{}|secret_key", QR_SIGNED.join("|"));
        Err(Refusal::signature(
            "checksum",
            format!("{near}; wanted MD5 in hex of {recipe}"),
        ))
    }
}

fn read_qr_item(members: Members<'_>) -> Result<Item, Refusal> {
    let kind = match (members.id("code")?, members.id("msgType")?) {
        ("00", "1") => Kind::Payment,
        // Message type 2 speaks of an order, not of money (inferred).
        ("00", _) => Kind::Other,
        _ => Kind::PaymentFailed,
    };
    let amount = match members.text("amount", ID_CHARS_MAX)? {
        Some("0") if moves_nothing(kind) => Dong::ZERO,
        _ => members.amount_text("amount")?,
    };
    if members
        .text("ccy", ID_CHARS_MAX)?
        .is_some_and(|c| !matches!(c, "" | "704" | "VND"))
    {
        return Err(members.wrong("ccy", "wanted \"704\", đồng"));
    }
    let paid_at = members.text("payDate", ID_CHARS_MAX)?.unwrap_or_default();
    let occurred_at = compact_time(paid_at)
        .ok_or_else(|| members.wrong("payDate", "wanted yyyyMMddHHmmss, Vietnamese time"))?;
    let trace = members.id("qrTrace")?;
    let details = Details {
        reference: members.id("txnId")?.to_owned(),
        // As sent, for people to see. The checksum does not cover it, so money is not given to a stall on
        // its word: the order leads, and another terminal for the same trace is other content (section 4).
        terminal_is_unsigned: true,
        terminal: members
            .text("terminalId", ID_CHARS_MAX)?
            .filter(|t| !t.is_empty())
            .map(str::to_owned),
        occurred_at: Some(occurred_at),
        ..Details::default()
    };
    Ok(Item {
        kind,
        event_id: trace.to_owned(),
        provider_txn_id: trace.to_owned(),
        amount,
        content: content_of(amount, &details),
        details,
    })
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
    use super::super::verify::tests::{provider, sample, send, vectors_hold, with_request};
    use super::super::{Delivery, Provider, Secrets};
    use super::*;
    use proptest::prelude::*;

    const GATEWAY: [(&str, &str); 2] = [("tmn_code", "CHOBT001"), ("hash_secret", "hush0001hush")];
    const TERMINAL: [(&str, &str); 2] = [("merchant_code", "0316700012"), ("secret_key", "hush0001hush")];

    fn gateway() -> Provider {
        provider("vnpay", "pay_ipn", &GATEWAY)
    }

    fn terminal() -> Provider {
        provider("vnpay", "qr_mms", &TERMINAL)
    }

    fn by_query(query: String) -> Outgoing {
        Outgoing {
            method: "GET",
            path: "",
            query,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn with_hash(pairs: &[(&str, &str)], keep: &str) -> String {
        let mut sorted = pairs.to_vec();
        sorted.sort_unstable();
        let key = Secret::new(b"hush0001hush".to_vec());
        hex(&hmac(Hash::Sha512, &key, canonical(&sorted, keep).as_bytes()))
    }

    const PAID: [(&str, &str); 10] = [
        ("vnp_Amount", "2600000"),
        ("vnp_BankTranNo", "VNP1"),
        ("vnp_OrderInfo", "Tiền rau"),
        ("vnp_PayDate", "20260115175859"),
        ("vnp_ResponseCode", "00"),
        ("vnp_TmnCode", "CHOBT001"),
        ("vnp_TransactionNo", "14900031"),
        ("vnp_TransactionStatus", "00"),
        ("vnp_TxnRef", "CBTA2C34-1"),
        ("vnp_CardType", ""),
    ];

    /// The paid notice with these values instead, signed by the rule of section 3.
    fn paid(changes: &[(&str, &str)]) -> Result<Delivery, Refusal> {
        let pairs = PAID.map(|(n, v)| (n, changes.iter().find(|(c, _)| *c == n).map_or(v, |(_, to)| to)));
        let signed: Vec<_> = pairs.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
        let query = format!(
            "{}&vnp_SecureHash={}",
            canonical(&pairs, PLAIN),
            with_hash(&signed, PLAIN)
        );
        send(&gateway(), &by_query(query), None)
    }

    #[test]
    fn vectors() {
        vectors_hold("vnpay");
    }

    #[test]
    fn what_is_composed_is_read_back() {
        for p in [gateway(), terminal()] {
            for (kind, wanted) in [
                (SampleKind::Payment, Kind::Payment),
                (SampleKind::Failed, Kind::PaymentFailed),
            ] {
                let sample = sample(kind);
                let out = p.compose(&sample, TimeMs(0)).unwrap();
                let item = send(&p, &out, None).unwrap().items.remove(0);
                assert_eq!((item.kind, item.amount), (wanted, sample.amount));
                assert_eq!(item.details.occurred_at, Some(sample.occurred_at));
                assert!(item.details.reference.starts_with(&sample.stall_code));
            }
            assert!(
                p.compose(&sample(SampleKind::Refund), TimeMs(0))
                    .unwrap_err()
                    .contains("refund")
            );
        }
    }

    #[test]
    fn the_pair_of_codes_decides() {
        for (response, status, kind) in [
            ("00", "00", Kind::Payment),
            ("07", "00", Kind::PaymentSuspect),
            ("00", "07", Kind::PaymentSuspect),
            ("00", "01", Kind::PaymentPending),
            ("00", "05", Kind::Other),
            ("00", "06", Kind::Other),
            ("00", "09", Kind::Other),
            ("24", "00", Kind::PaymentFailed),
            ("00", "02", Kind::PaymentFailed),
            ("00", "04", Kind::PaymentFailed),
            ("09", "02", Kind::PaymentFailed),
        ] {
            let got = paid(&[("vnp_ResponseCode", response), ("vnp_TransactionStatus", status)]).unwrap();
            assert_eq!(got.items[0].kind, kind, "{response}/{status}");
        }
    }

    #[test]
    fn amounts_are_times_100() {
        for wrong in [
            "2600050",
            "-2600000",
            "00",
            "0",
            "02600000",
            "2600000.0",
            "1000000000000",
            "26e5",
        ] {
            let refusal = paid(&[("vnp_Amount", wrong)]).unwrap_err();
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, "vnp_Amount"),
                "{wrong}"
            );
        }
        let failed = [
            ("vnp_Amount", "0"),
            ("vnp_ResponseCode", "99"),
            ("vnp_TransactionNo", "0"),
        ];
        let item = paid(&failed).unwrap().items.remove(0);
        assert_eq!((item.amount, item.event_id.as_str()), (Dong::ZERO, "CBTA2C34-1"));
        assert_eq!(item.provider_txn_id, "0");
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (name, to, kind) in [
            ("vnp_TxnRef", "", RefusalKind::Malformed),
            ("vnp_TxnRef", "a\0b", RefusalKind::Malformed),
            ("vnp_PayDate", "20260230000000", RefusalKind::Malformed),
            ("vnp_TransactionStatus", "", RefusalKind::Malformed),
            ("vnp_TmnCode", "CHOBT002", RefusalKind::Foreign),
        ] {
            let refusal = paid(&[(name, to)]).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, name), "{to}");
        }
    }

    #[test]
    fn spelling_and_order_on_the_wire_do_not_matter() {
        let signed: Vec<_> = PAID.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
        let hash = with_hash(&signed, PLAIN);
        let mut parts: Vec<String> = signed
            .iter()
            .map(|(n, v)| format!("{n}={}", encoded(v, "")))
            .collect();
        parts.push(format!("vnp_SecureHash={hash}"));
        parts.push("utm=x".to_owned());
        parts.reverse();
        let query = parts.join("&").replace('+', "%20");
        assert!(send(&gateway(), &by_query(query.clone()), None).is_ok());
        let upper = query.replace(&hash, &hash.to_uppercase());
        let refusal = send(&gateway(), &by_query(upper), None).unwrap_err();
        assert!(refusal.because.contains("upper-case"), "{}", refusal.because);
        let twice = send(&gateway(), &by_query(format!("{query}&vnp_Amount=100")), None).unwrap_err();
        assert_eq!(
            (twice.kind, twice.field.as_str()),
            (RefusalKind::Malformed, "vnp_Amount")
        );
    }

    #[test]
    fn contested_characters_are_tried_in_each_spelling() {
        let mut pairs = PAID.to_vec();
        pairs.retain(|(_, v)| !v.is_empty());
        pairs[2].1 = "rau (2*3)! ~";
        for (keep, variant) in [(PLAIN, ""), ("-._", "php"), ("-_.!~*'()", "encode_uri_component")] {
            let query = format!(
                "{}&vnp_SecureHash={}",
                canonical(&pairs, PLAIN),
                with_hash(&pairs, keep)
            );
            let got = send(&gateway(), &by_query(query), None).unwrap();
            assert_eq!(got.variant, variant);
        }
    }

    #[test]
    fn parameters_without_prefix_follow_the_setting() {
        let mut pairs = PAID.to_vec();
        pairs.retain(|(_, v)| !v.is_empty());
        pairs.push(("lang", "vi"));
        let query = format!(
            "{}&vnp_SecureHash={}",
            canonical(&pairs, PLAIN),
            with_hash(&pairs, PLAIN)
        );
        let with = |value: &'static str| [GATEWAY.to_vec(), vec![("other_parameters", value)]].concat();
        assert!(
            send(
                &provider("vnpay", "pay_ipn", &with("sign")),
                &by_query(query.clone()),
                None
            )
            .is_ok()
        );
        for p in [gateway(), provider("vnpay", "pay_ipn", &with("leave_out"))] {
            let refusal = send(&p, &by_query(query.clone()), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Signature);
        }
        assert!((PAY_IPN.build)(&Secrets::from_pairs(with("maybe"))).is_err());
    }

    #[test]
    fn refusals_show_the_recipe_and_no_secret() {
        let decoded: Vec<String> = PAID[..9].iter().map(|(n, v)| format!("{n}={v}")).collect();
        let key = Secret::new(b"hush0001hush".to_vec());
        let mut sorted = decoded.clone();
        sorted.sort();
        let raw = hex(&hmac(Hash::Sha512, &key, sorted.join("&").as_bytes()));
        for (hash, part) in [
            (raw.as_str(), "not encoded"),
            ("00", "2 characters"),
            ("", "missing"),
        ] {
            let query = format!("{}&vnp_SecureHash={hash}", canonical(&PAID, PLAIN));
            let because = send(&gateway(), &by_query(query), None).unwrap_err().because;
            assert!(
                because.contains(part) && because.contains("vnp_Amount=…&vnp_BankTranNo=…"),
                "{because}"
            );
            assert!(!because.contains("hush"), "{because}");
        }
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
        let values = QR_SIGNED.map(|n| body[n].as_str().unwrap_or(null).to_owned());
        let text = format!("{}|hush0001hush", values.join("|"));
        body["checksum"] = hex(&Md5::digest(text)).into();
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
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, name), "{to}");
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
        assert_eq!(item("msgType", "2").kind, Kind::Other);
        assert_eq!(item("code", "05").kind, Kind::PaymentFailed);
        assert_ne!(
            item("terminalId", "CBTOTHER").content,
            item("message", "x").content
        );
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let expected = Dong::new(99_000);
        let refused = |kind| Outcome::Refused(Refusal::new(kind, "f", "x"));
        for (outcome, code, bill_code) in [
            (Outcome::Stored, "00", "00"),
            (Outcome::Repeat, "02", "03"),
            (Outcome::UnknownOrder, "01", "04"),
            (Outcome::AmountDiffers { expected }, "04", "07"),
            (Outcome::NotKept, "99", "99"),
            (refused(RefusalKind::Signature), "97", "06"),
            (refused(RefusalKind::Malformed), "99", "99"),
            (refused(RefusalKind::Foreign), "99", "99"),
        ] {
            let out = bill_paid(&[("txnId", "a\"b".into())], "");
            let said = |p: Provider| with_request(&out, |r| p.answer(r, None, &outcome));
            let body: Value = serde_json::from_str(&said(gateway()).body).unwrap();
            assert_eq!(body["RspCode"], code, "{outcome:?}");
            let body: Value = serde_json::from_str(&said(terminal()).body).unwrap();
            assert_eq!(body["code"], bill_code, "{outcome:?}");
            let data = if bill_code == "07" {
                &body["data"]["amount"]
            } else {
                &body["data"]["txnId"]
            };
            assert_eq!(*data, if bill_code == "07" { "99000" } else { "a\"b" });
        }
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_without_proof(query in "\\PC{0,80}", body in "\\PC{0,80}") {
            let out = Outgoing { body, ..by_query(query) };
            prop_assert!(send(&gateway(), &out, None).is_err());
            prop_assert!(send(&terminal(), &out, None).is_err());
        }

        #[test]
        fn proven_values_never_panic(value in "\\PC{0,20}", at in 0usize..9) {
            let _ = paid(&[(PAID[at].0, value.as_str())]);
        }

        #[test]
        fn one_changed_value_breaks_the_gateways_proof(at in 0usize..9, to in "[0-9A-Za-z ]{1,12}") {
            prop_assume!(to != PAID[at].1);
            let signed: Vec<_> = PAID.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
            let hash = with_hash(&signed, PLAIN);
            let mut changed = PAID;
            changed[at].1 = &to;
            let query = format!("{}&vnp_SecureHash={hash}", canonical(&changed, PLAIN));
            let refusal = send(&gateway(), &by_query(query), None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }

        #[test]
        fn one_changed_value_breaks_the_terminals_proof(at in 0usize..10, to in "[0-9A-Za-z ]{1,12}") {
            let mut out = bill_paid(&[], "");
            let mut body: Value = serde_json::from_str(&out.body).unwrap();
            prop_assume!(body[QR_SIGNED[at]] != *to);
            body[QR_SIGNED[at]] = to.into();
            out.body = body.to_string();
            prop_assert_eq!(send(&terminal(), &out, None).unwrap_err().kind, RefusalKind::Signature);
        }
    }
}

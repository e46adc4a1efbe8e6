//! The notice of VNPAY's payment gateway (PAY IPN, docs/spec/providers.md, section 3).

use super::super::form::{Form, PLAIN, encoded};
use super::super::members::{ID_CHARS_MAX, amount_digits};
use super::super::proof::{Hash, SignedText, Spelling, hmac};
use super::super::protocol::{Protocol, Read};
use super::super::times::{compact_text, compact_time};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, SecretsError,
};
use crate::vn::{Dong, Secret, TimeMs};

/// Parameters that carry the proof and are never signed themselves.
const HASH_PARAMETERS: [&str; 2] = ["vnp_SecureHash", "vnp_SecureHashType"];
/// Characters that PHP, Java, JavaScript and .NET encode differently; VNPAY publishes samples in all four
/// (contested).
const CONTESTED: [char; 6] = ['!', '\'', '(', ')', '*', '~'];
/// The other spellings, tried only where a contested character occurs: name and what is left as it is.
const OTHER_SPELLINGS: [(&str, &str); 2] = [("php", "-._"), ("encode_uri_component", "-_.!~*'()")];
/// Longest `vnp_Amount` (docs/spec/providers.md, section 3).
const AMOUNT_DIGITS_MAX: usize = 12;
/// Longest `vnp_TxnRef` (docs/spec/providers.md, section 3).
const TXN_REF_CHARS_MAX: usize = 100;
/// More names than this are not listed in a refusal.
const NAMES_SHOWN_MAX: usize = 24;
/// More of one name is not shown there: a stranger chooses it.
const NAME_CHARS_SHOWN_MAX: usize = 40;

/// The gateway's PAY IPN, version 2.1.0.
pub(in super::super) const PAY_IPN: Scheme = Scheme {
    profile: "vnpay",
    name: "pay_ipn",
    method: "GET",
    paths: &[""],
    headers: &[],
    has_orders: true,
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
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let form = Form::read(request.query)?;
        let variant = self.prove(&form)?;
        let sent = form.required("vnp_TmnCode", ID_CHARS_MAX)?;
        Refusal::unless_own("vnp_TmnCode", sent, &self.tmn_code, "tmn_code")?;
        Ok(Read::one(self.read_item(&form)?, variant))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        // 00 and 02 end the deliveries; 01, 04, 97 and 99 are repeated (inferred, docs/spec/providers.md, section 3).
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
        let hundredths = format!("{}00", sample.amount.vnd());
        let paid_at = compact_text(sample.occurred_at);
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
        let hash = hex::encode(hmac(Hash::Sha512, &self.hash_secret, text.as_bytes()));
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
        let checked = SignedText {
            hash: Hash::Sha512,
            spelling: Spelling::LowerHex,
            secret: &self.hash_secret,
            text: plain.as_bytes(),
            recipe: &recipe,
        }
        .check(sent);
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
            form.required("vnp_ResponseCode", ID_CHARS_MAX)?,
            form.required("vnp_TransactionStatus", ID_CHARS_MAX)?,
        );
        let amount = hundredths(form.required("vnp_Amount", ID_CHARS_MAX)?, kind)
            .map_err(|because| Refusal::malformed("vnp_Amount", because))?;
        let reference = form.required("vnp_TxnRef", TXN_REF_CHARS_MAX)?;
        let transaction = form.required("vnp_TransactionNo", ID_CHARS_MAX)?;
        let occurred_at = match form.get("vnp_PayDate").filter(|t| !t.is_empty()) {
            None => None,
            Some(t) => Some(compact_time(t).ok_or_else(|| {
                Refusal::malformed("vnp_PayDate", "wanted yyyyMMddHHmmss, Vietnamese time")
            })?),
        };
        let bank_ref = form.get("vnp_BankTranNo").filter(|b| !b.is_empty());
        if bank_ref.is_some() {
            form.required("vnp_BankTranNo", ID_CHARS_MAX)?;
        }
        // `vnp_OrderInfo` is the merchant's own wording, not a note of the payer.
        let details = Details {
            reference: reference.to_owned(),
            // The household, when each has a terminal code of its own (docs/spec/providers.md, section 3).
            terminal: Some(self.tmn_code.clone()),
            bank_ref: bank_ref.map(str::to_owned),
            occurred_at,
            ..Details::default()
        };
        // Nothing was charged, so VNPAY made no number: the order stands for it
        // (docs/spec/providers.md, section 1).
        let event_id = if transaction == "0" {
            reference
        } else {
            transaction
        };
        Ok(Item {
            provider_txn_id: transaction.to_owned(),
            ..Item::of(kind, event_id, amount, details)
        })
    }
}

/// What the pair of codes says (docs/spec/providers.md, section 3; all but 00/00 and 07 inferred).
fn gateway_kind(response: &str, status: &str) -> NoticeKind {
    match (response, status) {
        ("00", "00") => NoticeKind::Payment,
        ("07", _) | (_, "07") => NoticeKind::PaymentSuspect,
        (_, "01") => NoticeKind::PaymentPending,
        // Word of a refund that is under way or was refused. It moves no money by itself: VNPAY has no
        // refund notice, the statement tells.
        (_, "05" | "06" | "09") => NoticeKind::Other,
        _ => NoticeKind::PaymentFailed,
    }
}

/// `vnp_Amount` counts hundredths of a đồng, which do not exist: it must end in 00.
fn hundredths(text: &str, kind: NoticeKind) -> Result<Dong, String> {
    if text.len() > AMOUNT_DIGITS_MAX {
        return Err(format!("has more than {AMOUNT_DIGITS_MAX} digits"));
    }
    if text == "0" && kind.moves_no_money() {
        return Ok(Dong::ZERO);
    }
    let dong = text
        .strip_suffix("00")
        .ok_or_else(|| "is đồng times 100 and must end in 00".to_owned())?;
    amount_digits(dong)
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
        .map(|(name, _)| format!("{name:.NAME_CHARS_SHOWN_MAX$}=…"));
    format!(
        "{} (all vnp_ parameters except the hashes and empty ones, sorted by name, joined by &, values \
         decoded and encoded again with + for a space and upper-case %XX) under hash_secret",
        names.collect::<Vec<_>>().join("&")
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Delivery, Provider};
    use super::*;
    use proptest::prelude::*;

    fn gateway() -> Provider {
        known("vnpay", "pay_ipn")
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
        hex::encode(hmac(Hash::Sha512, &key, canonical(&sorted, keep).as_bytes()))
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

    /// The paid notice with these values instead, signed by the rule of docs/spec/providers.md, section 3.
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
    fn the_pair_of_codes_decides() {
        for (response, status, kind) in [
            ("00", "00", NoticeKind::Payment),
            ("07", "00", NoticeKind::PaymentSuspect),
            ("00", "07", NoticeKind::PaymentSuspect),
            ("00", "01", NoticeKind::PaymentPending),
            ("00", "05", NoticeKind::Other),
            ("00", "06", NoticeKind::Other),
            ("00", "09", NoticeKind::Other),
            ("24", "00", NoticeKind::PaymentFailed),
            ("00", "02", NoticeKind::PaymentFailed),
            ("00", "04", NoticeKind::PaymentFailed),
            ("09", "02", NoticeKind::PaymentFailed),
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
            assert_eq!(what(&refusal), (RefusalKind::Malformed, "vnp_Amount"), "{wrong}");
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
            assert_eq!(what(&refusal), (kind, name), "{to}");
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
        assert_eq!(what(&twice), (RefusalKind::Malformed, "vnp_Amount"));
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
        let with = |value| with_settings("vnpay", "pay_ipn", &[("other_parameters", value)]);
        assert!(send(&with("sign"), &by_query(query.clone()), None).is_ok());
        for p in [gateway(), with("leave_out")] {
            let refusal = send(&p, &by_query(query.clone()), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }

    #[test]
    fn refusals_show_the_recipe_and_no_secret() {
        let decoded: Vec<String> = PAID[..9].iter().map(|(n, v)| format!("{n}={v}")).collect();
        let key = Secret::new(b"hush0001hush".to_vec());
        let mut sorted = decoded.clone();
        sorted.sort();
        let raw = hex::encode(hmac(Hash::Sha512, &key, sorted.join("&").as_bytes()));
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

    #[test]
    fn every_outcome_has_an_answer() {
        let codes = ["00", "02", "01", "04", "99", "97", "99", "99"];
        check_codes(&gateway(), "RspCode", codes);
    }

    proptest! {
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
    }
}

//! Viettel's older gateway (docs/spec/providers.md, section 5.1).

use serde_json::Value;

use super::super::form::{Form, PLAIN, encoded};
use super::super::members::{ID_CHARS_MAX, amount_digits_for};
use super::super::proof::{Hash, SignedText, Spelling, hmac};
use super::super::protocol::{Protocol, Read};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, SecretsError,
};
use crate::vn::{Secret, TimeMs};

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

pub(in super::super) const CHECKSUM: Scheme = Scheme {
    profile: "viettel",
    name: "checksum_hmac_sha1",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: true,
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
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let form = Form::read(request.text()?)?;
        self.prove(&form)?;
        self.check_names(&form)?;
        let sent = form.required("merchant_code", ID_CHARS_MAX)?;
        Refusal::unless_own("merchant_code", sent, &self.merchant_code, "merchant_code")?;
        Ok(Read::one(read_item(&form)?, ""))
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
        let written = pairs.iter().map(|(n, v)| format!("{n}={}", encoded(v, PLAIN)));
        let body = written.collect::<Vec<_>>().join("&");
        let form = Form::read(&body).map_err(|r| r.to_string())?;
        let digest = hmac(self.hash, &self.hash_key, &self.signed_text(&form));
        let check_sum = encoded(&self.spelling.write(&digest), PLAIN);
        let body = format!("{body}&check_sum={check_sum}");
        Ok(Outgoing::post("application/x-www-form-urlencoded", body))
    }
}

impl Checksum {
    fn prove(&self, form: &Form) -> Result<(), Refusal> {
        let sent = form.get("check_sum").unwrap_or_default();
        // A `+` of the base64 that was not escaped in the form has become a space
        // (docs/spec/providers.md, section 5.1).
        let sent = match self.spelling {
            Spelling::Base64 => sent.replace(' ', "+"),
            _ => sent.to_owned(),
        };
        let signed = self.signed_text(form);
        SignedText {
            hash: self.hash,
            spelling: self.spelling,
            secret: &self.hash_key,
            text: &signed,
            recipe: &self.recipe(),
        }
        .check(&sent)
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

fn read_item(form: &Form) -> Result<Item, Refusal> {
    // Paid only if both say so; the meaning of payment_status is inferred (docs/spec/providers.md, section 5.1).
    let kind = match (
        form.required("error_code", ID_CHARS_MAX)?,
        form.get("payment_status"),
    ) {
        ("00", Some("1")) => NoticeKind::Payment,
        _ => NoticeKind::PaymentFailed,
    };
    let amount = amount_digits_for(kind, form.get("trans_amount").unwrap_or_default())
        .map_err(|because| Refusal::malformed("trans_amount", because))?;
    let transaction = form.required("vt_transaction_id", ID_CHARS_MAX)?;
    let details = Details {
        reference: form.required("order_id", ID_CHARS_MAX)?.to_owned(),
        ..Details::default()
    };
    Ok(Item::of(kind, transaction, amount, details))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Delivery, Provider, Secrets};
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use proptest::prelude::*;

    fn old() -> Provider {
        known("viettel", "checksum_hmac_sha1")
    }

    fn old_with(settings: &[(&str, &str)]) -> Provider {
        with_settings("viettel", "checksum_hmac_sha1", settings)
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
        Outgoing::post("application/x-www-form-urlencoded", body)
    }

    /// A form of these values, with the checksum of the default recipe over `signed`.
    fn form(values: &[(&str, &str)], signed: &[(&str, &str)]) -> Outgoing {
        let mut signed = signed.to_vec();
        signed.sort_unstable();
        let text: String = signed.iter().map(|(_, v)| *v).collect();
        let key = Secret::new(b"hush0001hush".to_vec());
        let sum = BASE64.encode(hmac(Hash::Sha1, &key, format!("hush0002{text}").as_bytes()));
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
    fn another_recipe_reads_back_too() {
        let p = old_with(&[
            ("checksum_algorithm", "hmac_sha256"),
            ("checksum_encoding", "hex"),
            ("checksum_names", "access_code,error_code,merchant_code,order_id"),
        ]);
        let out = p.compose(&sample(SampleKind::Payment), NOW).unwrap();
        let item = send(&p, &out, None).unwrap().items.remove(0);
        assert_eq!(
            (item.kind, item.details.reference.as_str()),
            (NoticeKind::Payment, "CBTA2C34-12")
        );
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
        assert!(!refusal.because.contains("hush"));
        for names in [
            "access_code,order_id",
            "error_code,merchant_code,order_id,password",
            "error_code,merchant_code,order_id,order_id",
        ] {
            let own = pairs("viettel", "checksum_hmac_sha1");
            let secrets = Secrets::from_pairs([own, &[("checksum_names", names)]].concat());
            assert!((CHECKSUM.build)(&secrets).is_err(), "{names}");
        }
    }

    #[test]
    fn paid_only_if_both_say_so() {
        assert_eq!(paid("x", "").unwrap().items[0].kind, NoticeKind::Payment);
        for (name, to) in [
            ("error_code", "W04"),
            ("error_code", "16"),
            ("payment_status", "0"),
            ("payment_status", ""),
        ] {
            assert_eq!(
                paid(name, to).unwrap().items[0].kind,
                NoticeKind::PaymentFailed,
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
            assert_eq!(what(&refusal), (kind, name), "{to}");
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
        assert_eq!(what(&refusal), (RefusalKind::Malformed, "trans_b"));
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
        let answer = out.with_request(|r| old().answer(r, None, &outcome));
        let again = posted(String::new()).with_request(|r| old().answer(r, None, &outcome));
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
        let answer = out.with_request(|r| p.answer(r, Some(&delivery), &Outcome::Stored));
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
        let codes = ["00", "00", "01", "03", "03", "02", "03", "03"];
        check_codes(&old(), "error_code", codes);
    }

    proptest! {
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
    }
}

//! SePay: bank transfers, signed or with a fixed API key, docs/spec/providers.md, section 12. Of its other two ways, no
//! proof at all is no way here, and OAuth2 proves no more than the fixed key does.

use serde_json::json;
use subtle::ConstantTimeEq;

use super::answer::{success_or, unauthorized_or_bad};
use super::json::read_object;
use super::members::{Members, TEXT_CHARS_MAX};
use super::proof::{Hash, SignedText, Spelling, hmac, sha256};
use super::protocol::{Protocol, Read};
use super::times::{check_window, local_text, unix_seconds};
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, Request, Sample, SampleKind, Scheme,
};
use crate::vn::{Secret, TimeMs};

/// The header with the time of sending, unix seconds.
const TIMESTAMP: &str = "x-sepay-timestamp";
/// The header with the digest.
const SIGNATURE: &str = "x-sepay-signature";
/// The header with the fixed key, a secret itself.
const AUTHORIZATION: &str = "authorization";
/// Before the digest in the header.
const DIGEST_PREFIX: &str = "sha256=";
/// Before the key in the header.
const KEY_WORD: &str = "Apikey ";

pub(super) const HMAC_SHA256: Scheme = Scheme {
    profile: "sepay",
    name: "hmac_sha256",
    method: "POST",
    paths: &[""],
    headers: &[TIMESTAMP, SIGNATURE],
    has_orders: false,
    secrets: &["webhook_secret"],
    settings: &[],
    build: |secrets| Ok(Box::new(Signed(secrets.secret("webhook_secret")?))),
};

/// The webhook with a fixed key, which is only compared.
pub(super) const API_KEY: Scheme = Scheme {
    profile: "sepay",
    name: "api_key",
    method: "POST",
    paths: &[""],
    headers: &[AUTHORIZATION],
    has_orders: false,
    secrets: &["api_key"],
    settings: &[],
    build: |secrets| Ok(Box::new(ApiKey(secrets.secret("api_key")?))),
};

#[derive(Debug)]
struct Signed(Secret);

impl Signed {
    fn signed(timestamp: &str, body: &[u8]) -> Vec<u8> {
        [timestamp.as_bytes(), b".", body].concat()
    }

    fn prove(&self, timestamp: &str, header: &str, body: &[u8]) -> Result<(), Refusal> {
        let recipe = "the timestamp header, a dot and the raw body; key: webhook_secret; the header is \
                      sha256= and the digest";
        let Some(sent) = header.strip_prefix(DIGEST_PREFIX) else {
            let because =
                format!("does not begin with sha256=; wanted HMAC-SHA256 in lower-case hex of {recipe}");
            return Err(Refusal::signature(SIGNATURE, because));
        };
        let signed = Self::signed(timestamp, body);
        SignedText {
            hash: Hash::Sha256,
            spelling: Spelling::LowerHex,
            secret: &self.0,
            text: &signed,
            recipe,
        }
        .check(sent)
        .map_err(|because| {
            // A public package of the provider's name hashes the body alone (docs/spec/providers.md, section 12).
            let is_body_alone = Spelling::LowerHex.fits(sent, &hmac(Hash::Sha256, &self.0, body));
            let near = if is_body_alone {
                "signed over the body alone, without the timestamp; "
            } else {
                ""
            };
            Refusal::signature(SIGNATURE, format!("{near}{because}"))
        })
    }
}

fn read(request: &Request<'_>) -> Result<Read, Refusal> {
    let object = read_object(request.text()?)?;
    Ok(Read::one(read_item(Members::of(&object, "")?)?, ""))
}

fn read_item(members: Members<'_>) -> Result<Item, Refusal> {
    let id = members.integer("id")?;
    if id < 0 {
        return Err(members.wrong("id", "is negative"));
    }
    let kind = match members.text("transferType", 8)? {
        Some("in") => NoticeKind::Payment,
        Some("out") => NoticeKind::Debit,
        _ => return Err(members.wrong("transferType", "wanted \"in\" or \"out\"")),
    };
    let amount = members.amount("transferAmount")?;
    let note = members.text("content", TEXT_CHARS_MAX)?;
    // The payment code that SePay recognised in the note wins over the note (docs/spec/providers.md, section 1).
    let code = members.optional_id("code")?;
    let details = Details {
        account_number: members.account("accountNumber")?,
        virtual_account: members.account("subAccount")?,
        reference: code.or(note).unwrap_or_default().to_owned(),
        note: note.map(str::to_owned),
        bank_ref: members.optional_id("referenceCode")?.map(str::to_owned),
        occurred_at: members.local_time("transactionDate")?,
        ..Details::default()
    };
    Ok(Item::of(kind, id.to_string(), amount, details))
}

fn sample_body(sample: &Sample) -> Result<String, String> {
    match sample.kind {
        SampleKind::Payment => {}
        SampleKind::Failed => return Err("sepay has no notice of a failed payment".to_owned()),
        SampleKind::Refund => return Err("sepay has no refund notice".to_owned()),
    }
    let body = json!({
        "id": sample.number,
        "gateway": "MBBank",
        "transactionDate": local_text(sample.occurred_at),
        "accountNumber": sample.account_number,
        "code": null,
        "content": sample.stall_code,
        "transferType": "in",
        "transferAmount": sample.amount.vnd(),
        "accumulated": 0,
        "subAccount": null,
        "referenceCode": format!("FT{:014}", sample.number),
        "description": "",
    });
    Ok(body.to_string())
}

impl Protocol for Signed {
    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal> {
        let timestamp = request.required_header(TIMESTAMP)?;
        let signed_at_s = unix_seconds(TIMESTAMP, timestamp)?;
        self.prove(timestamp, request.required_header(SIGNATURE)?, request.body)?;
        check_window(TIMESTAMP, signed_at_s, now)?;
        read(request)
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(unauthorized_or_bad, outcome)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let body = sample_body(sample)?;
        let timestamp = now.0.div_euclid(1000).to_string();
        let mac = hmac(Hash::Sha256, &self.0, &Self::signed(&timestamp, body.as_bytes()));
        let signature = format!("{DIGEST_PREFIX}{}", Spelling::LowerHex.write(&mac));
        Ok(Outgoing::json(body)
            .with(TIMESTAMP, timestamp)
            .with(SIGNATURE, signature))
    }
}

#[derive(Debug)]
struct ApiKey(Secret);

impl ApiKey {
    fn digest_after(&self, word: &str) -> [u8; 32] {
        sha256(&[word.as_bytes(), self.0.reveal()].concat())
    }

    fn prove(&self, sent: &[u8; 32]) -> Result<(), Refusal> {
        if sent.ct_eq(&self.digest_after(KEY_WORD)).into() {
            return Ok(());
        }
        let is_near = ["", "Bearer ", "apikey ", "ApiKey ", "APIKEY ", "Apikey  "]
            .iter()
            .any(|word| sent.ct_eq(&self.digest_after(word)).into());
        let near = if is_near {
            "holds the right key after another word"
        } else {
            "holds another key"
        };
        let because = format!("{near}; wanted the word Apikey, one blank and the key: api_key");
        Err(Refusal::signature(AUTHORIZATION, because))
    }
}

impl Protocol for ApiKey {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        self.prove(&request.secret_header(AUTHORIZATION)?)?;
        read(request)
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(unauthorized_or_bad, outcome)
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let body = sample_body(sample)?;
        let key = String::from_utf8_lossy(self.0.reveal());
        Ok(Outgoing::json(body).with(AUTHORIZATION, format!("{KEY_WORD}{key}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Delivery, Provider, RefusalKind};
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = r#"{"id":92701,"gateway":"MBBank","transactionDate":"2026-01-11 08:11:17","accountNumber":"0938 123456","code":null,"content":"CBTA2C34 tiền rau","transferType":"in","transferAmount":28000,"accumulated":19077001,"subAccount":"V01","referenceCode":"FT26014000000043","description":""}"#;

    fn sepay() -> Provider {
        known("sepay", "hmac_sha256")
    }

    fn with_key() -> Provider {
        known("sepay", "api_key")
    }

    fn digest(text: &[u8]) -> String {
        Spelling::LowerHex.write(&hmac(Hash::Sha256, &Secret::new(HUSH.into()), text))
    }

    fn header(body: &[u8]) -> String {
        format!("sha256={}", digest(&Signed::signed("1000", body)))
    }

    fn received(signature: &str, body: &[u8], now: Option<TimeMs>) -> Result<Delivery, Refusal> {
        receive(
            &sepay(),
            &[(TIMESTAMP, "1000"), (SIGNATURE, signature)],
            body,
            now,
        )
    }

    fn read_signed(body: &str) -> Result<Item, Refusal> {
        received(&header(body.as_bytes()), body.as_bytes(), None).map(|d| d.items[0].clone())
    }

    #[test]
    fn details_lead_to_the_stall() {
        let item = read_signed(BODY).unwrap();
        let details = item.details;
        assert_eq!(
            (details.account_number.as_str(), details.virtual_account.as_str()),
            ("0938123456", "V01")
        );
        assert_eq!(details.reference, "CBTA2C34 tiền rau");
        let coded = read_signed(&BODY.replace("\"code\":null", "\"code\":\"CBTA2C34\""))
            .unwrap()
            .details;
        assert_eq!(
            (coded.reference.as_str(), coded.note.as_deref()),
            ("CBTA2C34", Some("CBTA2C34 tiền rau"))
        );
        let empty = BODY
            .replace("\"code\":null", "\"code\":\"\"")
            .replace("CBTA2C34 tiền rau", "");
        let empty = read_signed(&empty).unwrap().details;
        assert_eq!((empty.reference.as_str(), empty.note.as_deref()), ("", Some("")));
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("28000", "\"28000\"", "transferAmount"),
            ("28000", "0", "transferAmount"),
            ("28000", "-28000", "transferAmount"),
            ("28000", "28000.5", "transferAmount"),
            ("28000", "2.8e4", "transferAmount"),
            ("28000", "-0", "transferAmount"),
            ("28000", "10000000000000", "transferAmount"),
            ("28000", "28000,\"transferAmount\":1", "transferAmount"),
            ("92701", "\"92701\"", "id"),
            ("92701", "-1", "id"),
            ("92701", "9223372036854775808", "id"),
            ("\"in\"", "\"IN\"", "transferType"),
            ("\"in\"", "null", "transferType"),
            ("null", "7", "code"),
            ("CBTA2C34", "\\u0000", "content"),
            ("2026-01-11 08:11:17", "11/01/2026", "transactionDate"),
            ("\"V01\"", "1", "subAccount"),
        ] {
            let refusal = read_signed(&BODY.replacen(from, to, 1)).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{to}");
        }
        for body in ["", "{", "7", "[]", "\u{feff}{}", "id=92701&transferAmount=28000"] {
            assert_eq!(
                read_signed(body).unwrap_err().kind,
                RefusalKind::Malformed,
                "{body}"
            );
        }
        let not_utf8 = received(&header(b"\xff"), b"\xff", None).unwrap_err();
        assert_eq!(not_utf8.kind, RefusalKind::Malformed);
        let item = read_signed(&BODY.replace("92701", "9007199254740993")).unwrap();
        assert_eq!(item.event_id, "9007199254740993");
    }

    #[test]
    fn money_out_is_a_debit() {
        let item = read_signed(&BODY.replace("\"in\"", "\"out\"")).unwrap();
        assert_eq!((item.kind, item.amount.vnd()), (NoticeKind::Debit, 28_000));
    }

    #[test]
    fn the_edge_of_the_window_is_inside() {
        let signature = header(BODY.as_bytes());
        for (now_s, fits) in [(700, true), (1300, true), (699, false), (1301, false)] {
            let got = received(&signature, BODY.as_bytes(), Some(TimeMs(now_s * 1000)));
            assert_eq!(got.is_ok(), fits, "{now_s}");
            if let Err(refusal) = got {
                assert_eq!(refusal.kind, RefusalKind::Replay);
            }
        }
        // A forged signature is told as such even when it is old as well.
        let forged = received("sha256=00", BODY.as_bytes(), Some(TimeMs(0)));
        assert_eq!(forged.unwrap_err().kind, RefusalKind::Signature);
    }

    #[test]
    fn mistakes_are_named_without_the_secret() {
        let good = header(BODY.as_bytes());
        let alone = format!("sha256={}", digest(BODY.as_bytes()));
        for (sent, part) in [
            (good[7..].to_owned(), "does not begin with sha256="),
            (good.replace("sha256", "SHA256"), "does not begin with sha256="),
            (good.to_uppercase().replace("SHA256", "sha256"), "upper-case"),
            (alone, "over the body alone"),
            (good[..40].to_owned(), "33 characters instead of 64"),
        ] {
            let refusal = received(&sent, BODY.as_bytes(), None).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Signature, SIGNATURE));
            assert!(refusal.because.contains(part), "{}", refusal.because);
            assert!(!refusal.because.contains(&good[7..]));
            assert!(!format!("{refusal:?}{:?}", sepay()).contains(HUSH));
        }
        let plus = format!("sha256={}", digest(&Signed::signed("+1000", BODY.as_bytes())));
        for (headers, field) in [
            (vec![(TIMESTAMP, "1000")], SIGNATURE),
            (vec![(SIGNATURE, good.as_str())], TIMESTAMP),
            (vec![(TIMESTAMP, "+1000"), (SIGNATURE, plus.as_str())], TIMESTAMP),
        ] {
            let refusal = receive(&sepay(), &headers, BODY.as_bytes(), None).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Signature, field));
        }
    }

    #[test]
    fn the_key_is_compared_whole() {
        let refusal =
            |value: &str| receive(&with_key(), &[(AUTHORIZATION, value)], BODY.as_bytes(), None).err();
        assert_eq!(refusal("Apikey hush0001hush"), None);
        for (value, part) in [
            ("Apikey hush0001hus", "another key"),
            ("Apikey hush0001hush1", "another key"),
            ("Apikey HUSH0001hush", "another key"),
            ("hush0001hush", "after another word"),
            ("Bearer hush0001hush", "after another word"),
            ("apikey hush0001hush", "after another word"),
        ] {
            let refusal = refusal(value).unwrap();
            assert_eq!(refusal.kind, RefusalKind::Signature);
            assert!(refusal.because.contains(part), "{value}: {}", refusal.because);
            assert!(!format!("{refusal:?}{:?}", with_key()).contains("hush"));
        }
        assert_eq!(
            receive(&with_key(), &[], BODY.as_bytes(), None).unwrap_err().kind,
            RefusalKind::Signature
        );
    }

    #[test]
    fn outcomes_are_answered() {
        let statuses = [200, 200, 200, 200, 503, 401, 400, 401];
        for p in [sepay(), with_key()] {
            check_statuses(&p, r#"{"success":true}"#, statuses);
        }
    }

    proptest! {
        #[test]
        fn proven_bytes_never_panic(body: Vec<u8>) {
            let _ = received(&header(&body), &body, None);
        }

        #[test]
        fn one_changed_byte_breaks_the_proof(at in 0usize..400, bit in 0u8..8) {
            let mut bytes = BODY.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let refusal = received(&header(BODY.as_bytes()), &bytes, None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}

//! SePay: bank transfers, signed or with a fixed API key, PROTOCOLS section 12. Of its other two ways, no
//! proof at all is no way here, and OAuth2 proves no more than the fixed key does.

use serde_json::json;

use super::json::{Members, TEXT_CHARS_MAX, read_object};
use super::payos::{account, local_text, local_time, optional_id, success_or};
use super::proof::{Hash, Spelling, check_hmac, hmac, same, sha256};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, content_of,
};
use crate::vn::{Secret, TimeMs};

/// The replay window, both ways, the edge included (PROTOCOLS section 12: refuse when more than 5 minutes).
const TOLERANCE_S: i64 = 300;
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

/// The signed webhook.
pub(super) const HMAC_SHA256: Scheme = Scheme {
    profile: "sepay",
    name: "hmac_sha256",
    method: "POST",
    paths: &[""],
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
        check_hmac(sent, Spelling::LowerHex, Hash::Sha256, &self.0, &signed, recipe).map_err(|because| {
            // A public package of the provider's name hashes the body alone (PROTOCOLS section 12).
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

/// Unix seconds in digits.
fn seconds(timestamp: &str) -> Result<i64, Refusal> {
    let is_plain = timestamp.bytes().all(|b| b.is_ascii_digit());
    let read = timestamp.parse().ok().filter(|_| is_plain);
    read.ok_or_else(|| Refusal::signature(TIMESTAMP, "is not unix seconds"))
}

fn check_window(signed_at_s: i64, now: TimeMs) -> Result<(), Refusal> {
    let off_s = now.0.div_euclid(1000).saturating_sub(signed_at_s);
    if off_s.saturating_abs() <= TOLERANCE_S {
        return Ok(());
    }
    let because = format!(
        "is {off_s} s away from the receiver's clock (positive: too old); {TOLERANCE_S} s are allowed; a \
         delivery that is tried again must carry a fresh time"
    );
    Err(Refusal::replay(TIMESTAMP, because))
}

fn read(request: &Request<'_>) -> Result<Read, Refusal> {
    let object = read_object(request.text()?)?;
    Ok(Read::Notices {
        delivery_id: None,
        items: vec![read_item(Members::of(&object, "")?)?],
        variant: "",
    })
}

fn read_item(members: Members<'_>) -> Result<Item, Refusal> {
    let id = members.integer("id")?;
    if id < 0 {
        return Err(members.wrong("id", "is negative"));
    }
    let kind = match members.text("transferType", 8)? {
        Some("in") => Kind::Payment,
        Some("out") => Kind::Debit,
        _ => return Err(members.wrong("transferType", "wanted \"in\" or \"out\"")),
    };
    let amount = members.amount("transferAmount")?;
    let note = members.text("content", TEXT_CHARS_MAX)?;
    // The payment code that SePay recognised in the note wins over the note (section 1, table).
    let code = optional_id(members, "code")?;
    let details = Details {
        account_number: account(members, "accountNumber")?,
        virtual_account: account(members, "subAccount")?,
        reference: code.or(note).unwrap_or_default().to_owned(),
        note: note.map(str::to_owned),
        bank_ref: optional_id(members, "referenceCode")?.map(str::to_owned),
        occurred_at: local_time(members, "transactionDate")?,
        ..Details::default()
    };
    Ok(Item {
        kind,
        event_id: id.to_string(),
        provider_txn_id: id.to_string(),
        amount,
        content: content_of(amount, &details),
        details,
    })
}

fn status_of(kind: RefusalKind) -> u16 {
    match kind {
        RefusalKind::Malformed => 400,
        _ => 401,
    }
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

fn outgoing(proof: Vec<(&'static str, String)>, body: String) -> Outgoing {
    let json = ("content-type", "application/json".to_owned());
    Outgoing {
        method: "POST",
        path: "",
        query: String::new(),
        headers: std::iter::once(json).chain(proof).collect(),
        body,
    }
}

impl Protocol for Signed {
    fn headers(&self) -> &'static [&'static str] {
        &[TIMESTAMP, SIGNATURE]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal> {
        let timestamp = request.needed_header(TIMESTAMP)?;
        let signed_at_s = seconds(timestamp)?;
        self.prove(timestamp, request.needed_header(SIGNATURE)?, request.body)?;
        if let Some(now) = now {
            check_window(signed_at_s, now)?;
        }
        read(request)
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(status_of, outcome)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let body = sample_body(sample)?;
        let timestamp = now.0.div_euclid(1000).to_string();
        let mac = hmac(Hash::Sha256, &self.0, &Self::signed(&timestamp, body.as_bytes()));
        let signature = format!("{DIGEST_PREFIX}{}", Spelling::LowerHex.write(&mac));
        Ok(outgoing(
            vec![(TIMESTAMP, timestamp), (SIGNATURE, signature)],
            body,
        ))
    }
}

#[derive(Debug)]
struct ApiKey(Secret);

impl ApiKey {
    fn digest_after(&self, word: &str) -> [u8; 32] {
        sha256(&[word.as_bytes(), self.0.reveal()].concat())
    }

    fn prove(&self, sent: &[u8; 32]) -> Result<(), Refusal> {
        if same(sent, &self.digest_after(KEY_WORD)) {
            return Ok(());
        }
        let is_near = ["", "Bearer ", "apikey ", "ApiKey ", "APIKEY ", "Apikey  "]
            .iter()
            .any(|word| same(sent, &self.digest_after(word)));
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
    fn headers(&self) -> &'static [&'static str] {
        &[AUTHORIZATION]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        self.prove(&request.secret_header(AUTHORIZATION)?)?;
        read(request)
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(status_of, outcome)
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let body = sample_body(sample)?;
        let key = String::from_utf8_lossy(self.0.reveal());
        Ok(outgoing(vec![(AUTHORIZATION, format!("{KEY_WORD}{key}"))], body))
    }
}

#[cfg(test)]
mod tests {
    use super::super::momo::testing::*;
    use super::super::{Delivery, Provider, Secrets, SecretsError};
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "sepay-cho";
    const BODY: &str = r#"{"id":92701,"gateway":"MBBank","transactionDate":"2026-01-11 08:11:17","accountNumber":"0938 123456","code":null,"content":"CBTA2C34 tiền rau","transferType":"in","transferAmount":28000,"accumulated":19077001,"subAccount":"V01","referenceCode":"FT26014000000043","description":""}"#;

    fn sepay() -> Provider {
        provider("sepay", "hmac_sha256", &[("webhook_secret", SECRET)])
    }

    fn with_key() -> Provider {
        provider("sepay", "api_key", &[("api_key", "KEY1")])
    }

    fn digest(text: &[u8]) -> String {
        Spelling::LowerHex.write(&hmac(Hash::Sha256, &Secret::new(SECRET.into()), text))
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
    fn vectors_hold() {
        check_vectors("sepay", "hmac_sha256");
        check_vectors("sepay", "api_key");
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
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, field),
                "{to}"
            );
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
        assert_eq!((item.kind, item.amount.vnd()), (Kind::Debit, 28_000));
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
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Signature, SIGNATURE)
            );
            assert!(refusal.because.contains(part), "{}", refusal.because);
            assert!(!refusal.because.contains(&good[7..]));
            assert!(!format!("{refusal:?}{:?}", sepay()).contains(SECRET));
        }
        let plus = format!("sha256={}", digest(&Signed::signed("+1000", BODY.as_bytes())));
        for (headers, field) in [
            (vec![(TIMESTAMP, "1000")], SIGNATURE),
            (vec![(SIGNATURE, good.as_str())], TIMESTAMP),
            (vec![(TIMESTAMP, "+1000"), (SIGNATURE, plus.as_str())], TIMESTAMP),
        ] {
            let refusal = receive(&sepay(), &headers, BODY.as_bytes(), None).unwrap_err();
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Signature, field)
            );
        }
    }

    #[test]
    fn the_key_is_compared_whole() {
        let refusal =
            |value: &str| receive(&with_key(), &[(AUTHORIZATION, value)], BODY.as_bytes(), None).err();
        assert_eq!(refusal("Apikey KEY1"), None);
        for (value, part) in [
            ("Apikey KEY", "another key"),
            ("Apikey KEY11", "another key"),
            ("Apikey key1", "another key"),
            ("KEY1", "after another word"),
            ("Bearer KEY1", "after another word"),
            ("apikey KEY1", "after another word"),
        ] {
            let refusal = refusal(value).unwrap();
            assert_eq!(refusal.kind, RefusalKind::Signature);
            assert!(refusal.because.contains(part), "{value}: {}", refusal.because);
            assert!(!format!("{refusal:?}{:?}", with_key()).contains("KEY1"));
        }
        assert_eq!(
            receive(&with_key(), &[], BODY.as_bytes(), None).unwrap_err().kind,
            RefusalKind::Signature
        );
    }

    #[test]
    fn outcomes_are_answered() {
        let signature = header(BODY.as_bytes());
        for all in [
            answers(
                &sepay(),
                &[(TIMESTAMP, "1000"), (SIGNATURE, &signature)],
                BODY.as_bytes(),
            ),
            answers(&with_key(), &[(AUTHORIZATION, "Apikey KEY1")], BODY.as_bytes()),
        ] {
            assert!(
                all[..4]
                    .iter()
                    .all(|a| *a == (200, "{\"success\":true}".to_owned())),
                "{all:?}"
            );
            assert_eq!(all[4].0, 503);
        }
        let status = |kind| refused_with(&sepay(), kind).status;
        assert_eq!(
            (status(RefusalKind::Signature), status(RefusalKind::Replay)),
            (401, 401)
        );
        assert_eq!(status(RefusalKind::Malformed), 400);
    }

    #[test]
    fn composed_notices_read_back() {
        for (p, scheme, name) in [
            (sepay(), &HMAC_SHA256, "webhook_secret"),
            (with_key(), &API_KEY, "api_key"),
        ] {
            assert_eq!(check_composed(&p).details.note.as_deref(), Some("CBTA2C34"));
            for (kind, part) in [
                (SampleKind::Failed, "failed"),
                (SampleKind::Refund, "no refund notice"),
            ] {
                assert!(receive_composed(&p, &sample(kind)).unwrap_err().contains(part));
            }
            let none = scheme.protocol(&Secrets::default()).err();
            assert_eq!(none, Some(SecretsError::Missing(name.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_accepted_without_proof(body: Vec<u8>, text in "\\PC{0,60}", digest in "[0-9a-f]{0,64}") {
            let signature = format!("sha256={digest}");
            for proof in [&text, &signature] {
                let headers = [(TIMESTAMP, "1000"), (SIGNATURE, proof.as_str()), (AUTHORIZATION, proof.as_str())];
                for p in [sepay(), with_key()] {
                    prop_assert!(receive(&p, &headers, &body, None).is_err());
                    prop_assert!(receive(&p, &headers, BODY.as_bytes(), None).is_err());
                }
            }
        }

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

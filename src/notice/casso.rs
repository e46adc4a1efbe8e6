//! Casso: bank transfers, in the signed webhook and the older one with a fixed token,
//! docs/spec/providers.md, section 11.

use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::answer::{success_or, unauthorized_or_bad};
use super::canonical::{Escapes, RAW, WRITERS, canonical};
use super::json::{Json, read, refuse_duplicates};
use super::members::{Members, TEXT_CHARS_MAX};
use super::proof::{Hash, SignedText, Spelling, hmac, sha256};
use super::protocol::{Protocol, Read};
use super::times::local_text;
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, Request, Sample, SampleKind, Scheme,
};
use crate::vn::{Dong, Secret, TimeMs, digest_128};

/// The header with time and digest.
const SIGNATURE: &str = "x-casso-signature";
/// The header of the older webhook, a secret itself.
const TOKEN: &str = "secure-token";

pub(super) const WEBHOOK_V2: Scheme = Scheme {
    profile: "casso",
    name: "webhook_v2",
    method: "POST",
    paths: &[""],
    headers: &[SIGNATURE],
    has_orders: false,
    secrets: &["checksum_key"],
    settings: &[],
    build: |secrets| Ok(Box::new(Signed(secrets.secret("checksum_key")?))),
};

/// The older webhook, whose token is only compared.
pub(super) const SECURE_TOKEN: Scheme = Scheme {
    profile: "casso",
    name: "secure_token",
    method: "POST",
    paths: &[""],
    headers: &[TOKEN],
    has_orders: false,
    secrets: &["secure_token"],
    settings: &[],
    build: |secrets| Ok(Box::new(Token(secrets.secret("secure_token")?))),
};

/// `t` and `v1` of the header, by name. The samples differ in strictness (contested, docs/spec/providers.md,
/// section 11): blanks around parts and other names are taken, a name that comes twice is not.
fn parts(header: &str) -> Result<(&str, &str), Refusal> {
    let pairs = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let one = |name: &str| {
        let mut values = pairs().filter(|(n, _)| n.trim() == name).map(|(_, v)| v.trim());
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Ok(value),
            (Some(_), Some(_)) => Err(Refusal::signature(SIGNATURE, format!("holds {name}= twice"))),
            _ => {
                let because = format!("holds no {name}=; wanted t=MILLISECONDS,v1=DIGEST");
                Err(Refusal::signature(SIGNATURE, because))
            }
        }
    };
    let time = one("t")?;
    let digest = one("v1")?;
    // Only digits, or a part of the body could be taken for a part of the time.
    if time.bytes().all(|b| b.is_ascii_digit()) {
        Ok((time, digest))
    } else {
        Err(Refusal::signature(
            SIGNATURE,
            "t is not a whole number of milliseconds",
        ))
    }
}

/// Names of a transaction's members, which differ between the two webhooks.
struct Names {
    bank_ref: &'static str,
    occurred_at: &'static str,
    /// The first that is not empty counts.
    accounts: &'static [&'static str],
    virtual_account: &'static str,
}

/// Of the signed webhook.
const NAMES: Names = Names {
    bank_ref: "reference",
    occurred_at: "transactionDateTime",
    accounts: &["accountNumber"],
    virtual_account: "virtualAccountNumber",
};
/// Of the older webhook.
const OLDER_NAMES: Names = Names {
    bank_ref: "tid",
    occurred_at: "when",
    accounts: &["bank_sub_acc_id", "subAccId"],
    virtual_account: "virtualAccount",
};

/// Reads one transaction; `place` names an item without an id of its own.
fn read_item(names: &Names, data: Members<'_>, place: &str) -> Result<Item, Refusal> {
    let id = data.integer("id")?;
    if id < 0 {
        return Err(data.wrong("id", "is negative"));
    }
    let bank_ref = data.optional_id(names.bank_ref)?;
    let signed = data.integer("amount")?;
    // 0 is the console's test, never money (docs/spec/providers.md, section 11); minus is money out (inferred there).
    let kind = match (id, signed) {
        (0, _) => NoticeKind::Test,
        (_, ..0) => NoticeKind::Debit,
        _ => NoticeKind::Payment,
    };
    let amount = match (kind, signed) {
        (NoticeKind::Test, 0) => Dong::ZERO,
        _ => Dong::payment(signed.saturating_abs()).map_err(|e| data.wrong("amount", e.to_string()))?,
    };
    let mut account_number = String::new();
    for name in names.accounts {
        if account_number.is_empty() {
            account_number = data.account(name)?;
        }
    }
    let note = data.text("description", TEXT_CHARS_MAX)?;
    let details = Details {
        account_number,
        virtual_account: data.account(names.virtual_account)?,
        reference: note.unwrap_or_default().to_owned(),
        note: note.map(str::to_owned),
        bank_ref: bank_ref.map(str::to_owned),
        occurred_at: data.local_time(names.occurred_at)?,
        ..Details::default()
    };
    let event_id = match kind {
        // Every test has the id 0, so it says nothing about which test it is.
        NoticeKind::Test => place.to_owned(),
        _ => format!("{id}/{}", bank_ref.unwrap_or_default()),
    };
    Ok(Item {
        provider_txn_id: id.to_string(),
        ..Item::of(kind, event_id, amount, details)
    })
}

/// The name of an item by its delivery, which has no id but its bytes, and its place there. The bytes are hashed
/// once however many items there are.
fn places(body: &[u8]) -> impl Fn(usize) -> String + use<> {
    let digest = hex::encode(sha256(body));
    move |index| format!("{}#{index}", &digest[..16])
}

#[derive(Debug)]
struct Signed(Secret);

impl Signed {
    /// HMAC over `t`, a dot and the canonical body. No tolerance is named for `t`, so age refuses
    /// nothing: `data.id` is the guard (docs/spec/providers.md, section 11).
    fn prove(&self, header: &str, body: &Json) -> Result<&'static str, Refusal> {
        let (time, sent) = parts(header)?;
        let signed = |escapes| format!("{time}.{}", canonical(body, escapes));
        let fits = |e: &&Escapes| {
            let mac = hmac(Hash::Sha512, &self.0, signed(**e).as_bytes());
            Spelling::LowerHex.fits(sent, &mac)
        };
        if let Some(writer) = WRITERS.iter().find(fits) {
            return Ok(writer.variant);
        }
        let recipe = "t, a dot and the whole body written as JSON with sorted members and no blanks; key: \
                      checksum_key; tried with raw UTF-8 and with the escapes of PHP, Python and Go";
        SignedText {
            hash: Hash::Sha512,
            spelling: Spelling::LowerHex,
            secret: &self.0,
            text: signed(RAW).as_bytes(),
            recipe,
        }
        .check(sent)
        .map_err(|because| Refusal::signature(SIGNATURE, because))?;
        Ok("")
    }
}

impl Protocol for Signed {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let header = request.required_header(SIGNATURE)?;
        let body = read(request.text()?)?;
        refuse_duplicates(&body)?;
        let variant = self.prove(header, &body)?;
        let Json::Object(object) = &body else {
            return Err(Refusal::malformed("body", "wanted a JSON object"));
        };
        let data = Members::of(object, "")?.object("data", "data.")?;
        let item = read_item(&NAMES, data, &places(request.body)(0))?;
        Ok(Read::one(item, variant))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(unauthorized_or_bad, outcome)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let data = sample_of(sample, &NAMES)?;
        let body = json!({"error": 0, "data": data}).to_string();
        let json = read(&body).map_err(|r| r.to_string())?;
        let signed = format!("{}.{}", now.0, canonical(&json, RAW));
        let digest = Spelling::LowerHex.write(&hmac(Hash::Sha512, &self.0, signed.as_bytes()));
        let header = format!("t={},v1={digest}", now.0);
        Ok(Outgoing::json(body).with(SIGNATURE, header))
    }
}

#[derive(Debug)]
struct Token(Secret);

impl Protocol for Token {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let sent = request.secret_header(TOKEN)?;
        if sent.ct_ne(&sha256(self.0.reveal())).into() {
            return Err(Refusal::signature(TOKEN, "is not the configured secure_token"));
        }
        let Json::Object(object) = read(request.text()?)? else {
            return Err(Refusal::malformed("body", "wanted a JSON object"));
        };
        // Only the outer members here: an item in which one came twice must not lose the others.
        let Some(Json::Array(list)) = Members::of(&object, "")?.object.get("data") else {
            return Err(Refusal::malformed("data", "wanted a list of transactions"));
        };
        let place = places(request.body);
        let of = |(i, item): (usize, &Json)| read_or_keep(item, &place(i));
        Ok(Read::Notices {
            delivery_id: None,
            items: list.iter().enumerate().map(of).collect(),
            variant: "",
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(unauthorized_or_bad, outcome)
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let data = sample_of(sample, &OLDER_NAMES)?;
        let token = String::from_utf8_lossy(self.0.reveal()).into_owned();
        let body = json!({"error": 0, "data": [data]});
        Ok(Outgoing::json(body.to_string()).with(TOKEN, token))
    }
}

/// An item that cannot be read is kept for review instead of losing the others.
fn read_or_keep(item: &Json, place: &str) -> Item {
    let members = match item {
        Json::Object(object) => Members::of(object, "data."),
        _ => Err(Refusal::malformed("data", "wanted an object")),
    };
    let read = refuse_duplicates(item).and(members.clone());
    let read = read.and_then(|m| read_item(&OLDER_NAMES, m, place));
    read.unwrap_or_else(|_| Item {
        kind: NoticeKind::Unreadable,
        event_id: place.to_owned(),
        provider_txn_id: String::new(),
        amount: members.and_then(|m| m.amount("amount")).unwrap_or(Dong::ZERO),
        content: digest_128([canonical(item, RAW).as_bytes()]),
        details: Details::default(),
    })
}

fn sample_of(sample: &Sample, names: &Names) -> Result<Value, String> {
    match sample.kind {
        SampleKind::Payment => {}
        SampleKind::Failed => return Err("casso has no notice of a failed payment".to_owned()),
        SampleKind::Refund => return Err("casso has no refund notice".to_owned()),
    }
    Ok(json!({
        // 0 would be a test.
        "id": sample.number.saturating_add(1),
        names.bank_ref: format!("FT{:014}", sample.number),
        "description": sample.stall_code,
        "amount": sample.amount.vnd(),
        names.occurred_at: local_text(sample.occurred_at),
        names.accounts[0]: sample.account_number,
        names.virtual_account: "",
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Delivery, Provider, RefusalKind};
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = r#"{"error":0,"data":{"id":810001,"reference":"FT26013000000041","description":"CBTA2C34 rau","amount":31000,"runningBalance":25000001,"transactionDateTime":"2026-01-11 08:11:17","accountNumber":"0938 123456","bankName":"MBBank","virtualAccountNumber":"V01","counterAccountName":"NGUYEN VAN A","counterAccountBankId":"970415"}}"#;
    const ITEM: &str = r#"{"id":6789,"tid":"FT26012345","description":"CBTA2C34 rau","amount":79000,"when":"2026-01-15 00:15:08","bank_sub_acc_id":"","subAccId":"0938123456","virtualAccount":""}"#;

    fn casso() -> Provider {
        known("casso", "webhook_v2")
    }

    fn older() -> Provider {
        known("casso", "secure_token")
    }

    fn header_of(time: &str, body: &str, escapes: Escapes) -> String {
        let text = format!("{time}.{}", canonical(&read(body).unwrap(), escapes));
        let digest =
            Spelling::LowerHex.write(&hmac(Hash::Sha512, &Secret::new(HUSH.into()), text.as_bytes()));
        format!("t={time},v1={digest}")
    }

    fn received(header: &str, body: &str) -> Result<Delivery, Refusal> {
        receive(&casso(), &[(SIGNATURE, header)], body.as_bytes(), None)
    }

    fn read_signed(body: &str) -> Result<Item, Refusal> {
        received(&header_of("1768300001000", body, RAW), body).map(|d| d.items[0].clone())
    }

    fn read_list(items: &str) -> Result<Vec<Item>, Refusal> {
        let body = format!(r#"{{"error":0,"data":{items}}}"#);
        receive(&older(), &[(TOKEN, HUSH)], body.as_bytes(), None).map(|d| d.items)
    }

    #[test]
    fn details_lead_to_the_stall() {
        let item = read_signed(BODY).unwrap();
        assert_eq!(
            (item.event_id.as_str(), item.provider_txn_id.as_str()),
            ("810001/FT26013000000041", "810001")
        );
        let details = item.details;
        assert_eq!(
            (details.account_number.as_str(), details.virtual_account.as_str()),
            ("0938123456", "V01")
        );
        assert_eq!(
            (details.bank_bin, details.note.as_deref()),
            (None, Some("CBTA2C34 rau"))
        );
        let old = read_list(&format!("[{ITEM}]")).unwrap().remove(0);
        assert_eq!(
            (old.event_id.as_str(), old.details.account_number.as_str()),
            ("6789/FT26012345", "0938123456")
        );
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("31000", "\"31000\"", "data.amount"),
            ("31000", "0", "data.amount"),
            ("31000", "31000.5", "data.amount"),
            ("31000", "3.1e4", "data.amount"),
            ("31000", "-0", "data.amount"),
            ("31000", "10000000000000", "data.amount"),
            ("31000", "-9223372036854775808", "data.amount"),
            ("810001", "\"810001\"", "data.id"),
            ("810001", "-1", "data.id"),
            ("\"FT26013000000041\"", "41", "data.reference"),
            ("\"CBTA2C34 rau\"", "\"a\\u0000\"", "data.description"),
            ("2026-01-11 08:11:17", "11/01/2026", "data.transactionDateTime"),
            ("31000", "31000,\"amount\":31000", "data.amount"),
            ("\"MBBank\"", "{\"x\":[{\"y\":1,\"y\":1}]}", "data.bankName.x.y"),
        ] {
            let refusal = read_signed(&BODY.replacen(from, to, 1)).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{to}");
        }
        for body in ["7", "[]", "{\"data\":[]}"] {
            assert_eq!(
                read_signed(body).unwrap_err().kind,
                RefusalKind::Malformed,
                "{body}"
            );
        }
        for body in ["", "{", "\u{feff}{}"] {
            assert_eq!(
                received("t=1,v1=00", body).unwrap_err().kind,
                RefusalKind::Malformed,
                "{body}"
            );
        }
    }

    #[test]
    fn large_numbers_stay_exact() {
        let item = read_signed(&BODY.replace("810001", "9007199254740993")).unwrap();
        assert_eq!(item.provider_txn_id, "9007199254740993");
    }

    #[test]
    fn tests_are_no_money_and_no_repeats() {
        let test = BODY.replace("810001", "0");
        let one = read_signed(&test).unwrap();
        assert_eq!((one.kind, one.provider_txn_id.as_str()), (NoticeKind::Test, "0"));
        let other = read_signed(&test.replace("31000", "0")).unwrap();
        assert_eq!((other.kind, other.amount), (NoticeKind::Test, Dong::ZERO));
        assert_ne!(one.event_id, other.event_id);
    }

    #[test]
    fn each_sample_s_way_of_writing_is_taken() {
        let body = BODY.replace("CBTA2C34 rau", "Tiền 1/2 <cá>");
        for (escapes, variant) in WRITERS.iter().zip(["", "php", "python", "go"]) {
            let got = received(&header_of("1", &body, *escapes), &body).unwrap();
            assert_eq!(got.variant, variant);
        }
        let plain = header_of("1", BODY, WRITERS[2]);
        assert_eq!(received(&plain, BODY).unwrap().variant, "");
    }

    #[test]
    fn the_header_is_read_by_name() {
        let good = header_of("1768300001000", BODY, RAW);
        let (time, digest) = good.split_once(',').unwrap();
        for taken in [
            format!("{digest},{time}"),
            format!(" {time} , {digest} "),
            format!("{time},v0=ab,{digest}"),
            format!("{time},{digest},x"),
        ] {
            assert!(received(&taken, BODY).is_ok(), "{taken}");
        }
        let upper = good.to_uppercase().replace("V1=", "v1=").replace("T=", "t=");
        for (refused, part) in [
            (digest.to_owned(), "no t="),
            (time.to_owned(), "no v1="),
            (format!("{good},{digest}"), "v1= twice"),
            (format!("t=1,{good}"), "t= twice"),
            (good.replace("t=", "t= 1."), "not a whole number"),
            (upper, "upper-case"),
            (good[..good.len() - 64].to_owned(), "64 characters instead of 128"),
            (good.replace("t=1", "t=2"), "another key"),
            (good.replace("t=1", "t=01"), "another key"),
        ] {
            let refusal = received(&refused, BODY).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Signature, SIGNATURE));
            assert!(refusal.because.contains(part), "{refused}: {}", refusal.because);
            assert!(
                !refusal.because.contains(&digest[3..])
                    && !format!("{refusal:?}{:?}", casso()).contains(HUSH)
            );
        }
        // The raw body is not what is signed.
        let pretty = BODY.replace("\":", "\": ");
        assert!(received(&good, &pretty).is_ok());
    }

    #[test]
    fn items_of_a_list_are_judged_alone() {
        let out = ITEM.replace("79000", "-79000").replace("6789", "6790");
        let broken = ITEM.replace("6789", "\"x\"");
        let twice = ITEM.replace("79000", "79000,\"amount\":1");
        let items = read_list(&format!("[{ITEM},{out},{broken},7,{twice}]")).unwrap();
        let kinds: Vec<_> = items.iter().map(|i| (i.kind, i.amount.vnd())).collect();
        assert_eq!(
            kinds,
            [
                (NoticeKind::Payment, 79_000),
                (NoticeKind::Debit, 79_000),
                (NoticeKind::Unreadable, 79_000),
                (NoticeKind::Unreadable, 0),
                (NoticeKind::Unreadable, 0),
            ]
        );
        let (place, index) = items[2].event_id.split_once('#').unwrap();
        assert_eq!((place.len(), index), (16, "2"));
        assert_eq!(read_list("[]").unwrap(), []);
        for wrong in ["{}", "null", "[],\"data\":[]", "["] {
            assert_eq!(
                read_list(wrong).unwrap_err().kind,
                RefusalKind::Malformed,
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_token_is_compared_whole() {
        let body = format!(r#"{{"data":[{ITEM}]}}"#);
        for token in [
            "hush0001hus",
            "hush0001hush1",
            "HUSH0001HUSH",
            "Bearer hush0001hush",
        ] {
            let refusal = receive(&older(), &[(TOKEN, token)], body.as_bytes(), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Signature);
            assert!(!format!("{refusal:?}{:?}", older()).contains("hush"));
        }
        assert!(receive(&older(), &[], body.as_bytes(), None).is_err());
        let twice = [(TOKEN, HUSH), (TOKEN, HUSH)];
        assert!(receive(&older(), &twice, body.as_bytes(), None).is_err());
    }

    #[test]
    fn outcomes_are_answered() {
        let statuses = [200, 200, 200, 200, 503, 401, 400, 401];
        for p in [casso(), older()] {
            check_statuses(&p, r#"{"success":true}"#, statuses);
        }
    }

    proptest! {
        #[test]
        fn proven_bytes_never_panic(body: Vec<u8>, list in "[\\[\\]{}\":,0-9a-z]{0,30}") {
            let _ = receive(&older(), &[(TOKEN, HUSH)], &body, None);
            let _ = read_list(&list);
        }

        #[test]
        fn any_note_is_read_in_any_writing(note in "\\PC{0,20}", writer in 0usize..4) {
            let mut body: Value = serde_json::from_str(BODY).unwrap();
            body["data"]["description"] = note.clone().into();
            let body = body.to_string();
            let got = received(&header_of("5", &body, WRITERS[writer]), &body).unwrap();
            prop_assert_eq!(&got.items[0].details.reference, &note);
        }

        #[test]
        fn one_changed_byte_breaks_the_proof(at in 0usize..400, bit in 0u8..8) {
            let header = header_of("1", BODY, RAW);
            let mut bytes = BODY.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(receive(&casso(), &[(SIGNATURE, &header)], &bytes, None).is_err());
        }
    }
}

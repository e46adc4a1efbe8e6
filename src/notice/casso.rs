//! Casso: bank transfers, in the signed webhook and the older one with a fixed token, PROTOCOLS section 11.

use serde_json::{Value, json};

use super::content::digest;
use super::json::{Json, Members, TEXT_CHARS_MAX, read, read_object};
use super::payos::{account, local_text, local_time, optional_id, success_or};
use super::proof::{Hash, Spelling, check_hmac, hex, hmac, same, sha256};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, content_of,
};
use crate::vn::{Dong, Secret, TimeMs};

/// The header with time and digest.
const SIGNATURE: &str = "x-casso-signature";
/// The header of the older webhook, a secret itself.
const TOKEN: &str = "secure-token";

/// The signed webhook.
pub(super) const WEBHOOK_V2: Scheme = Scheme {
    profile: "casso",
    name: "webhook_v2",
    method: "POST",
    paths: &[""],
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
    secrets: &["secure_token"],
    settings: &[],
    build: |secrets| Ok(Box::new(Token(secrets.secret("secure_token")?))),
};

/// What a JSON writer escapes beyond what JSON demands; the provider's samples differ (contested,
/// PROTOCOLS section 11).
#[derive(Debug, Clone, Copy)]
pub(super) struct Escapes {
    variant: &'static str,
    non_ascii: bool,
    delete: bool,
    slash: bool,
    html: bool,
}

/// Raw UTF-8 with only the escapes that JSON demands: the JavaScript, C# and Java samples.
pub(super) const RAW: Escapes = Escapes {
    variant: "",
    non_ascii: false,
    delete: false,
    slash: false,
    html: false,
};
/// In the order they are tried. Where a body holds none of the characters, all write the same text.
const WRITERS: [Escapes; 4] = [
    RAW,
    Escapes {
        variant: "php",
        non_ascii: true,
        slash: true,
        ..RAW
    },
    Escapes {
        variant: "python",
        non_ascii: true,
        delete: true,
        ..RAW
    },
    Escapes {
        variant: "go",
        html: true,
        ..RAW
    },
];

impl Escapes {
    /// Whether it writes a character as `\uXXXX` that JSON would let pass.
    fn wants(self, c: char) -> bool {
        match c {
            '<' | '>' | '&' => self.html,
            // Go escapes these two line ends along with the characters of HTML.
            '\u{2028}' | '\u{2029}' if self.html => true,
            '\u{7f}' => self.delete,
            c => self.non_ascii && !c.is_ascii(),
        }
    }

    fn write_text(self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '/' if self.slash => out.push_str("\\/"),
                c if c < ' ' || self.wants(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// JSON with the members of each object sorted by name and without blanks.
pub(super) fn canonical(value: &Json, escapes: Escapes) -> String {
    let mut out = String::new();
    write(value, escapes, &mut out);
    out
}

fn write(value: &Json, escapes: Escapes, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => out.push_str(&b.to_string()),
        Json::Integer(n) => out.push_str(&n.to_string()),
        Json::OtherNumber(digits) => out.push_str(digits),
        Json::Text(text) => escapes.write_text(text, out),
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                out.push(if i == 0 { '[' } else { ',' });
                write(item, escapes, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Json::Object(object) => {
            let mut members: Vec<_> = object.members().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                escapes.write_text(name, out);
                out.push(':');
                write(value, escapes, out);
            }
            out.push('}');
        }
    }
}

/// A member that came twice in one object, at any depth: its canonical form is anybody's guess.
pub(super) fn came_twice(value: &Json) -> Option<&str> {
    match value {
        Json::Array(items) => items.iter().find_map(came_twice),
        Json::Object(object) => {
            let deeper = || object.members().find_map(|(_, v)| came_twice(v));
            object.twice.as_deref().or_else(deeper)
        }
        _ => None,
    }
}

/// `t` and `v1` of the header, by name. The samples differ in strictness (contested, PROTOCOLS
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
    let (time, digest) = (one("t")?, one("v1")?);
    // Only digits, or a part of the body could be taken for a part of the time.
    match time.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok((time, digest)),
        false => Err(Refusal::signature(
            SIGNATURE,
            "t is not a whole number of milliseconds",
        )),
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
    let bank_ref = optional_id(data, names.bank_ref)?;
    let signed = data.integer("amount")?;
    // 0 is the console's test, never money (section 11); minus is money out (inferred there).
    let kind = match (id, signed) {
        (0, _) => Kind::Test,
        (_, ..0) => Kind::Debit,
        _ => Kind::Payment,
    };
    let amount = match (kind, signed) {
        (Kind::Test, 0) => Dong::ZERO,
        _ => Dong::payment(signed.saturating_abs()).map_err(|e| data.wrong("amount", e.to_string()))?,
    };
    let mut account_number = String::new();
    for name in names.accounts {
        if account_number.is_empty() {
            account_number = account(data, name)?;
        }
    }
    let note = data.text("description", TEXT_CHARS_MAX)?;
    let details = Details {
        account_number,
        virtual_account: account(data, names.virtual_account)?,
        reference: note.unwrap_or_default().to_owned(),
        note: note.map(str::to_owned),
        bank_ref: bank_ref.map(str::to_owned),
        occurred_at: local_time(data, names.occurred_at)?,
        ..Details::default()
    };
    Ok(Item {
        kind,
        event_id: match kind {
            // Every test has the id 0, so it says nothing about which test it is.
            Kind::Test => place.to_owned(),
            _ => format!("{id}/{}", bank_ref.unwrap_or_default()),
        },
        provider_txn_id: id.to_string(),
        amount,
        content: content_of(amount, &details),
        details,
    })
}

/// The name of an item by its delivery, which has no id but its bytes, and its place there.
fn place(body: &[u8], index: usize) -> String {
    format!("{}#{index}", &hex(&sha256(body))[..16])
}

#[derive(Debug)]
struct Signed(Secret);

impl Signed {
    /// HMAC over `t`, a dot and the canonical body. No tolerance is named for `t`, so age refuses
    /// nothing: `data.id` is the guard (PROTOCOLS section 11).
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
        check_hmac(
            sent,
            Spelling::LowerHex,
            Hash::Sha512,
            &self.0,
            signed(RAW).as_bytes(),
            recipe,
        )
        .map_err(|because| Refusal::signature(SIGNATURE, because))?;
        Ok("")
    }
}

impl Protocol for Signed {
    fn headers(&self) -> &'static [&'static str] {
        &[SIGNATURE]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let header = request.needed_header(SIGNATURE)?;
        let body = read(request.text()?)?;
        if let Some(name) = came_twice(&body) {
            return Err(Refusal::malformed(name, "came twice in one object"));
        }
        let variant = self.prove(header, &body)?;
        let Json::Object(object) = &body else {
            return Err(Refusal::malformed("body", "wanted a JSON object"));
        };
        let data = Members::of(object, "")?.object("data", "data.")?;
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![read_item(&NAMES, data, &place(request.body, 0))?],
            variant,
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(status_of, outcome)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        let data = sample_of(sample, &NAMES)?;
        let body = json!({"error": 0, "data": data}).to_string();
        let json = read(&body).map_err(|r| r.to_string())?;
        let signed = format!("{}.{}", now.0, canonical(&json, RAW));
        let digest = Spelling::LowerHex.write(&hmac(Hash::Sha512, &self.0, signed.as_bytes()));
        Ok(outgoing(SIGNATURE, format!("t={},v1={digest}", now.0), body))
    }
}

#[derive(Debug)]
struct Token(Secret);

impl Protocol for Token {
    fn headers(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        if !same(&request.secret_header(TOKEN)?, &sha256(self.0.reveal())) {
            return Err(Refusal::signature(TOKEN, "is not the configured secure_token"));
        }
        let object = read_object(request.text()?)?;
        let Some(Json::Array(list)) = object.get("data") else {
            return Err(Refusal::malformed("data", "wanted a list of transactions"));
        };
        let of = |(i, item): (usize, &Json)| read_or_keep(item, &place(request.body, i));
        Ok(Read::Notices {
            delivery_id: None,
            items: list.iter().enumerate().map(of).collect(),
            variant: "",
        })
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(status_of, outcome)
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let data = sample_of(sample, &OLDER_NAMES)?;
        let token = String::from_utf8_lossy(self.0.reveal()).into_owned();
        Ok(outgoing(
            TOKEN,
            token,
            json!({"error": 0, "data": [data]}).to_string(),
        ))
    }
}

/// An item that cannot be read is kept for review instead of losing the others.
fn read_or_keep(item: &Json, place: &str) -> Item {
    let members = match item {
        Json::Object(object) => Members::of(object, "data."),
        _ => Err(Refusal::malformed("data", "wanted an object")),
    };
    let read = members.clone().and_then(|m| read_item(&OLDER_NAMES, m, place));
    read.unwrap_or_else(|_| Item {
        kind: Kind::Unreadable,
        event_id: place.to_owned(),
        provider_txn_id: String::new(),
        amount: members.and_then(|m| m.amount("amount")).unwrap_or(Dong::ZERO),
        content: digest([format!("{item:?}").as_bytes()]),
        details: Details::default(),
    })
}

fn status_of(kind: RefusalKind) -> u16 {
    match kind {
        RefusalKind::Malformed => 400,
        _ => 401,
    }
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

fn outgoing(header: &'static str, value: String, body: String) -> Outgoing {
    Outgoing {
        method: "POST",
        path: "",
        query: String::new(),
        headers: vec![("content-type", "application/json".to_owned()), (header, value)],
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::super::momo::testing::*;
    use super::super::{Delivery, Provider, Secrets, SecretsError};
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "casso-cho-key";
    const BODY: &str = r#"{"error":0,"data":{"id":810001,"reference":"FT26013000000041","description":"CBTA2C34 rau","amount":31000,"runningBalance":25000001,"transactionDateTime":"2026-01-11 08:11:17","accountNumber":"0938 123456","bankName":"MBBank","virtualAccountNumber":"V01","counterAccountName":"NGUYEN VAN A","counterAccountBankId":"970415"}}"#;
    const ITEM: &str = r#"{"id":6789,"tid":"FT26012345","description":"CBTA2C34 rau","amount":79000,"when":"2026-01-15 00:15:08","bank_sub_acc_id":"","subAccId":"0938123456","virtualAccount":""}"#;

    fn casso() -> Provider {
        provider("casso", "webhook_v2", &[("checksum_key", KEY)])
    }

    fn older() -> Provider {
        provider("casso", "secure_token", &[("secure_token", "token-1")])
    }

    fn header_of(time: &str, body: &str, escapes: Escapes) -> String {
        let text = format!("{time}.{}", canonical(&read(body).unwrap(), escapes));
        let digest = Spelling::LowerHex.write(&hmac(Hash::Sha512, &Secret::new(KEY.into()), text.as_bytes()));
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
        receive(&older(), &[(TOKEN, "token-1")], body.as_bytes(), None).map(|d| d.items)
    }

    #[test]
    fn vectors_hold() {
        check_vectors("casso", "webhook_v2");
        check_vectors("casso", "secure_token");
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
            ("31000", "31000,\"amount\":31000", "amount"),
            ("\"MBBank\"", "{\"x\":[{\"y\":1,\"y\":1}]}", "y"),
        ] {
            let refusal = read_signed(&BODY.replacen(from, to, 1)).unwrap_err();
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, field),
                "{to}"
            );
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
        assert_eq!((one.kind, one.provider_txn_id.as_str()), (Kind::Test, "0"));
        let other = read_signed(&test.replace("31000", "0")).unwrap();
        assert_eq!((other.kind, other.amount), (Kind::Test, Dong::ZERO));
        assert_ne!(one.event_id, other.event_id);
    }

    #[test]
    fn each_sample_s_way_of_writing_is_taken() {
        let body = BODY.replace("CBTA2C34 rau", "Tiền 1/2 <cá> & 😀 \\u007f \\\" \\\\ \\n");
        let text = |escapes| canonical(&read(&body).unwrap(), escapes);
        assert!(text(RAW).contains("Tiền 1/2 <cá> & 😀 \u{7f} \\\" \\\\ \\n"));
        assert!(
            text(WRITERS[1]).contains("Ti\\u1ec1n 1\\/2 <c\\u00e1> & \\ud83d\\ude00 \u{7f} \\\" \\\\ \\n")
        );
        assert!(
            text(WRITERS[2]).contains("Ti\\u1ec1n 1/2 <c\\u00e1> & \\ud83d\\ude00 \\u007f \\\" \\\\ \\n")
        );
        assert!(text(WRITERS[3]).contains("Tiền 1/2 \\u003ccá\\u003e \\u0026 😀 \u{7f} \\\" \\\\ \\n"));
        for (escapes, variant) in WRITERS.iter().zip(["", "php", "python", "go"]) {
            let got = received(&header_of("1", &body, *escapes), &body).unwrap();
            assert_eq!(got.variant, variant);
        }
        assert_eq!(
            received(&header_of("1", BODY, WRITERS[2]), BODY).unwrap().variant,
            ""
        );
    }

    #[test]
    fn order_and_blanks_do_not_matter_but_values_do() {
        let header = header_of("1", r#"{"a":[],"b":{},"data":{"y":null,"x":true}}"#, RAW);
        let text = canonical(
            &read(r#"{"b":{ },"data":{"x":true,"y":null},"a":[ ]}"#).unwrap(),
            RAW,
        );
        assert_eq!(text, r#"{"a":[],"b":{},"data":{"x":true,"y":null}}"#);
        let refusal = received(&header, r#"{"b":{ },"data":{"x":true,"y":null},"a":[ ]}"#).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.field.as_str()),
            (RefusalKind::Malformed, "data.id")
        );
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
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Signature, SIGNATURE)
            );
            assert!(refusal.because.contains(part), "{refused}: {}", refusal.because);
            assert!(
                !refusal.because.contains(&digest[3..]) && !format!("{refusal:?}{:?}", casso()).contains(KEY)
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
                (Kind::Payment, 79_000),
                (Kind::Debit, 79_000),
                (Kind::Unreadable, 79_000),
                (Kind::Unreadable, 0),
                (Kind::Unreadable, 0),
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
        for token in ["token-", "token-11", "TOKEN-1", "Bearer token-1"] {
            let refusal = receive(&older(), &[(TOKEN, token)], body.as_bytes(), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Signature);
            assert!(!format!("{refusal:?}{:?}", older()).contains("token-1"));
        }
        assert!(receive(&older(), &[], body.as_bytes(), None).is_err());
        let twice = [(TOKEN, "token-1"), (TOKEN, "token-1")];
        assert!(receive(&older(), &twice, body.as_bytes(), None).is_err());
    }

    #[test]
    fn outcomes_are_answered() {
        let body = format!(r#"{{"data":[{ITEM}]}}"#);
        let header = header_of("1", BODY, RAW);
        for all in [
            answers(&casso(), &[(SIGNATURE, &header)], BODY.as_bytes()),
            answers(&older(), &[(TOKEN, "token-1")], body.as_bytes()),
        ] {
            assert!(
                all[..4]
                    .iter()
                    .all(|a| *a == (200, "{\"success\":true}".to_owned())),
                "{all:?}"
            );
            assert_eq!(all[4].0, 503);
        }
        let status = |kind| refused_with(&casso(), kind).status;
        assert_eq!(
            (status(RefusalKind::Signature), status(RefusalKind::Malformed)),
            (401, 400)
        );
    }

    #[test]
    fn composed_notices_read_back() {
        for (p, scheme, name) in [
            (casso(), &WEBHOOK_V2, "checksum_key"),
            (older(), &SECURE_TOKEN, "secure_token"),
        ] {
            let item = check_composed(&p);
            assert_eq!(item.details.note.as_deref(), Some("CBTA2C34"));
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
        fn no_bytes_are_accepted_without_proof(body: Vec<u8>, text in "\\PC{0,60}", digest in "[0-9a-f]{0,128}") {
            let header = format!("t=1,v1={digest}");
            for header in [&text, &header] {
                let headers = [(SIGNATURE, header.as_str()), (TOKEN, header.as_str())];
                for p in [casso(), older()] {
                    prop_assert!(receive(&p, &headers, &body, None).is_err());
                    prop_assert!(receive(&p, &headers, BODY.as_bytes(), None).is_err());
                }
            }
        }

        #[test]
        fn proven_bytes_never_panic(body: Vec<u8>, list in "[\\[\\]{}\":,0-9a-z]{0,30}") {
            let _ = receive(&older(), &[(TOKEN, "token-1")], &body, None);
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

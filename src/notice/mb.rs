//! MB Bank by way of VietQR.VN (docs/spec/providers.md, section 8): a login that hands out a token, then notices under
//! it. The body is not signed: proof is TLS, the token and the sender's address, so tokens live shortly.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64_URL};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::json::read_object;
use super::members::{ID_CHARS_MAX, Members, TEXT_CHARS_MAX};
use super::proof::{Hash, hmac, sha256};
use super::protocol::{Protocol, Read};
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, RefusalKind, Request, Sample, SampleKind,
    Scheme, content_of,
};
use crate::vn::{Secret, TimeMs};

/// The scheme's two calls, by the words of `tests/data/provider_vectors.json`.
pub(super) const CALLS: [&str; 2] = ["vietqr_token_generate", "vietqr_transaction_sync"];
/// How the address of the login ends.
const LOGIN: &str = "token_generate";
/// The address of the notices.
const SYNC: &str = "/bank/api/transaction-sync";
/// Lifetime of a token (one of the two printed examples).
const LIFETIME_S: i64 = 300;
/// Says what the key is for and in which version: a change of the token's form needs another word here.
const KEY_PURPOSE: &[u8] = b"choso vietqr token, version 1";
/// A token is its expiry and an HMAC-SHA256.
const TOKEN_BYTES: usize = 8 + 32;
/// The published server reckons local wall time as UTC, so times may run this far ahead.
const ZONE_MS: i64 = 7 * 3_600_000;
/// A time this far ahead of the clock is not a matter of clocks any more.
const AHEAD_MS_MAX: i64 = 3_600_000;
/// The one error code to declare as "try again" in the form for VietQR.VN; every other is final.
const BUSY: &str = "BUSY";

pub(super) const VIETQR: Scheme = Scheme {
    profile: "mb",
    name: "vietqr",
    method: "POST",
    paths: &["/api/token_generate", SYNC],
    headers: &["authorization"],
    has_orders: false,
    secrets: &["basic_username", "basic_password"],
    settings: &[],
    build: |secrets| {
        let user = secrets.secret("basic_username")?;
        let password = secrets.secret("basic_password")?;
        // Bound to user and password: whoever changes either ends all tokens. The length keeps the two
        // apart from one another.
        let length = (user.reveal().len() as u64).to_be_bytes();
        let about = [KEY_PURPOSE, &length, user.reveal()].concat();
        let token_key = Secret::new(hmac(Hash::Sha256, &password, &about));
        let basic = sha256(&[user.reveal(), b":", password.reveal()].concat());
        Ok(Box::new(VietQr {
            basic: Secret::new(basic.to_vec()),
            token_key,
        }))
    },
};

#[derive(Debug)]
struct VietQr {
    /// SHA-256 of `user:password`; a secret too, since that of a short password gives it away.
    basic: Secret,
    token_key: Secret,
}

impl Protocol for VietQr {
    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal> {
        if request.path.ends_with(LOGIN) {
            self.check_login(request)?;
            return Ok(Read::Token(self.issue(now.unwrap_or(TimeMs(0)))));
        }
        self.check_token(request, now)?;
        let object = read_object(request.text()?)?;
        let (item, variant) = read_item(Members::of(&object, "")?, now)?;
        Ok(Read::one(item, variant))
    }

    fn answer(&self, _: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        let failure = |reason: &str, message: &str| {
            let message = Value::from(message);
            format!(r#"{{"error":true,"errorReason":"{reason}","toastMessage":{message},"object":null}}"#)
        };
        // The status of a failure is contested; 400, 401 and 500 with the JSON body
        // (docs/spec/providers.md, section 8).
        let (status, body) = match outcome {
            Outcome::NotKept => (500, failure(BUSY, "Not kept, send it again")),
            Outcome::Refused(r) if matches!(r.kind, RefusalKind::Signature | RefusalKind::Replay) => {
                (401, failure("UNAUTHORIZED", "Wrong or expired credentials"))
            }
            Outcome::Refused(r) => (400, failure("INVALID", &r.to_string())),
            _ => (200, success(items.first().map_or("", |i| i.event_id.as_str()))),
        };
        Answer::text(status, body)
    }

    fn compose(&self, sample: &Sample, now: TimeMs) -> Result<Outgoing, String> {
        if sample.kind != SampleKind::Payment {
            return Err("VietQR.VN has no notice of a failed payment or a refund".to_owned());
        }
        let order = format!("{}{}", sample.stall_code, sample.number);
        let body = json!({
            "bankaccount": sample.account_number,
            "amount": sample.amount.vnd(),
            "transType": "C",
            "content": format!("VQR{:010} {}", sample.number, sample.stall_code),
            "transactionid": format!("sim-{}", sample.number),
            "transactiontime": sample.occurred_at.0,
            "referencenumber": format!("FT{:014}", sample.number),
            "orderId": order,
            "terminalCode": sample.stall_code,
            "subTerminalCode": "",
            "serviceCode": "",
            "urlLink": "",
            "sign": "",
        });
        let token = format!("Bearer {}", self.token(expiry(now)));
        Ok(Outgoing {
            path: SYNC,
            ..Outgoing::json(body.to_string()).with("authorization", token)
        })
    }
}

/// The answer to a notice that was kept, with our id of it.
fn success(ours: &str) -> String {
    let ours = Value::from(ours);
    format!(
        r#"{{"error":false,"errorReason":"000","toastMessage":"","object":{{"reftransactionid":{ours}}}}}"#
    )
}

fn expiry(now: TimeMs) -> TimeMs {
    TimeMs(now.0.saturating_add(LIFETIME_S * 1000))
}

impl VietQr {
    fn check_login(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let refused = |because: &str| Refusal::signature("authorization", because);
        let coded = credentials(request, "Basic")?;
        let sent = BASE64
            .decode(coded)
            .map_err(|_| refused("is not base64 after «Basic »"))?;
        if sha256(&sent).as_slice().ct_eq(self.basic.reveal()).into() {
            Ok(())
        } else {
            Err(refused("is not basic_username:basic_password"))
        }
    }

    fn issue(&self, now: TimeMs) -> Answer {
        let token = self.token(expiry(now));
        Answer::text(
            200,
            format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{LIFETIME_S}}}"#),
        )
    }

    /// A token verifies itself, so that several instances share nothing. It names no algorithm: there is
    /// only this one.
    fn token(&self, expires_at: TimeMs) -> String {
        let expiry = expires_at.0.to_be_bytes();
        let mac = hmac(Hash::Sha256, &self.token_key, &expiry);
        BASE64_URL.encode([expiry.as_slice(), &mac].concat())
    }

    fn check_token(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<(), Refusal> {
        let refused = |because: &str| Refusal::signature("authorization", because);
        let token = BASE64_URL.decode(credentials(request, "Bearer")?).ok();
        let token: Option<[u8; TOKEN_BYTES]> = token.and_then(|t| t.try_into().ok());
        let token = token.ok_or_else(|| refused("holds no token of this service"))?;
        let (expiry, mac) = token
            .split_first_chunk::<8>()
            .ok_or_else(|| refused("is too short"))?;
        if mac.ct_ne(&hmac(Hash::Sha256, &self.token_key, expiry)).into() {
            return Err(refused(
                "holds a token that was changed, or that other credentials got",
            ));
        }
        let late_ms = now.map(|now| now.0.saturating_sub(i64::from_be_bytes(*expiry)));
        match late_ms {
            Some(late_ms) if late_ms >= 0 => {
                let because = format!(
                    "holds a token that ended {} s ago; it lives {LIFETIME_S} s, ask {LOGIN} again",
                    late_ms / 1000
                );
                Err(Refusal::replay("authorization", because))
            }
            _ => Ok(()),
        }
    }
}

/// What follows the name of an authentication scheme, whose case is free (RFC 9110 section 11.1).
fn credentials<'a>(request: &Request<'a>, scheme: &str) -> Result<&'a str, Refusal> {
    let header = request.required_header("authorization")?;
    match header.split_once(' ') {
        Some((name, rest)) if name.eq_ignore_ascii_case(scheme) => Ok(rest.trim_start_matches(' ')),
        _ => Err(Refusal::signature(
            "authorization",
            format!("wanted «{scheme} …»"),
        )),
    }
}

/// A member that the English edition spells otherwise (contested): the name that came. Both with other
/// values are refused, since readers differ on which one they take.
fn name_in_edition(
    members: Members<'_>,
    name: &'static str,
    english: &'static str,
) -> Result<&'static str, Refusal> {
    match (members.object.get(name), members.object.get(english)) {
        (None, Some(_)) => Ok(english),
        (Some(one), Some(other)) if one != other => {
            Err(members.wrong(english, format!("says something else than {name}")))
        }
        _ => Ok(name),
    }
}

fn read_item(members: Members<'_>, now: Option<TimeMs>) -> Result<(Item, &'static str), Refusal> {
    let kind = match members.text("transType", ID_CHARS_MAX)? {
        Some("C" | "c") => NoticeKind::Payment,
        // Money out of the account, never a sale.
        Some("D" | "d") => NoticeKind::Debit,
        _ => return Err(members.wrong("transType", "wanted \"C\" or \"D\"")),
    };
    let amount = members.amount("amount")?;
    let account = name_in_edition(members, "bankaccount", "bankAccount")?;
    members.id(account)?;
    let note = members
        .text("content", TEXT_CHARS_MAX)?
        .ok_or_else(|| members.wrong("content", "is missing"))?;
    let transaction = members.optional_id(name_in_edition(members, "transactionid", "transactionId")?)?;
    let bank_ref = members.optional_id(name_in_edition(members, "referencenumber", "referenceNumber")?)?;
    // A number in code, text in the documentation.
    let sent_at =
        members.optional_epoch_ms(name_in_edition(members, "transactiontime", "transactionTime")?)?;
    let because = "is missing, and there is no transactionid either";
    let event_id = bank_ref
        .or(transaction)
        .ok_or_else(|| members.wrong("referencenumber", because))?;
    let mut details = Details {
        // The payee's bank is not named.
        account_number: members.account(account)?,
        virtual_account: members.optional_id("va")?.unwrap_or_default().to_owned(),
        terminal: members.optional_id("terminalCode")?.map(str::to_owned),
        reference: members.optional_id("orderId")?.unwrap_or(note).to_owned(),
        note: Some(note.to_owned()),
        bank_ref: bank_ref.map(str::to_owned),
        occurred_at: sent_at,
        ..Details::default()
    };
    // Over the time as it was sent: a retry says the same whenever it comes.
    let content = content_of(amount, &details);
    let corrected = sent_at.and_then(|sent_at| without_zone(sent_at, now?));
    details.occurred_at = corrected.or(sent_at);
    let item = Item {
        kind,
        event_id: event_id.to_owned(),
        provider_txn_id: transaction.unwrap_or(event_id).to_owned(),
        amount,
        content,
        details,
    };
    Ok((item, if corrected.is_some() { "time_minus_7h" } else { "" }))
}

/// The true time, if this one runs ahead as the published server's does (docs/spec/providers.md, section 8).
/// What lies further ahead
/// than the zone and the clocks explain has another cause and is left as it was sent.
fn without_zone(sent_at: TimeMs, now: TimeMs) -> Option<TimeMs> {
    let ahead_ms = sent_at.0.saturating_sub(now.0);
    let is_zone = ahead_ms > AHEAD_MS_MAX && ahead_ms <= ZONE_MS + AHEAD_MS_MAX;
    is_zone.then_some(TimeMs(sent_at.0 - ZONE_MS))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Delivery, Provider, Received};
    use super::*;
    use proptest::prelude::*;

    const USER: &str = "customer-cho-user01";
    const PASSWORD: &str = HUSH;

    fn mb() -> Provider {
        known("mb", "vietqr")
    }

    fn with(user: &str, password: &str) -> Provider {
        provider(
            "mb",
            "vietqr",
            &[("basic_username", user), ("basic_password", password)],
        )
    }

    fn login(p: &Provider, header: &str, now: Option<TimeMs>) -> Result<Answer, Refusal> {
        let out = Outgoing {
            method: "POST",
            path: "/vqr/api/token_generate",
            query: String::new(),
            headers: vec![("authorization", header.to_owned())],
            body: String::new(),
        };
        match out.with_request(|request| p.receive(request, now))? {
            Received::Token(answer) => Ok(answer),
            Received::Notices(_) => panic!("a notice, not a login"),
        }
    }

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
    }

    fn notice() -> Outgoing {
        mb().compose(&sample(SampleKind::Payment), NOW).unwrap()
    }

    /// The sample's notice with its body changed; the body is not signed.
    fn changed(from: &str, to: &str) -> Result<Delivery, Refusal> {
        let mut out = notice();
        assert!(out.body.contains(from), "{from}");
        out.body = out.body.replacen(from, to, 1);
        send(&mb(), &out, Some(NOW))
    }

    #[test]
    fn the_bank_s_reference_is_the_key() {
        let item = send(&mb(), &notice(), Some(NOW)).unwrap().items.remove(0);
        assert_eq!(
            (item.event_id.as_str(), item.provider_txn_id.as_str()),
            ("FT00000000000012", "sim-12")
        );
        assert_eq!(item.details.terminal.as_deref(), Some("CBTA2C34"));
    }

    #[test]
    fn the_case_of_the_scheme_s_name_is_free() {
        for word in ["basic", "BASIC", "Basic "] {
            let header = basic(USER, PASSWORD).replace("Basic", word);
            assert!(login(&mb(), &header, None).is_ok(), "{word}");
        }
        for word in ["bearer", "BEARER"] {
            let mut out = notice();
            out.headers[1].1 = out.headers[1].1.replace("Bearer", word);
            let delivery = send(&mb(), &out, Some(NOW)).unwrap();
            // The token stays in the evidence, for the proof to be checked again.
            let again = delivery
                .evidence
                .with_request(|request| mb().receive(request, None));
            assert_eq!(again, Ok(Received::Notices(delivery)));
        }
    }

    #[test]
    fn a_token_serves_any_instance_until_it_ends() {
        let answer = login(&mb(), &basic(USER, PASSWORD), Some(NOW)).unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&body["token_type"], &body["expires_in"]),
            (&json!("Bearer"), &json!(300))
        );
        let mut out = notice();
        out.headers[1].1 = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let at = |now_ms: Option<i64>| send(&mb(), &out, now_ms.map(TimeMs)).map_err(|r| r.kind);
        assert!(at(Some(NOW.0 + 299_999)).is_ok());
        assert_eq!(at(Some(NOW.0 + 300_000)).unwrap_err(), RefusalKind::Replay);
        // Kept evidence is checked again without a clock.
        assert!(at(None).is_ok());
        for other in [
            with(USER, "hush0002hush"),
            with("other", PASSWORD),
            with("customer-cho-user01h", "ush0001hush"),
        ] {
            assert_eq!(
                send(&other, &out, Some(NOW)).unwrap_err().kind,
                RefusalKind::Signature
            );
        }
    }

    #[test]
    fn a_login_needs_the_credentials() {
        assert!(login(&mb(), &basic(USER, PASSWORD), None).is_ok());
        let swapped = basic(PASSWORD, USER);
        let bare = BASE64.encode(format!("{USER}:{PASSWORD}"));
        for header in [
            "",
            "Basic",
            "Basic *",
            "Basic eDp5",
            &swapped,
            &bare,
            &format!("Bearer {bare}"),
        ] {
            let refusal = login(&mb(), header, None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Signature, "{header}");
            assert!(!refusal.because.contains("hush"), "{}", refusal.because);
        }
        assert!(!format!("{:?}", mb()).contains("hush"));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let out = notice();
        for at in 7..out.headers[1].1.len() {
            let mut bytes = out.headers[1].1.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut out = out.clone();
            out.headers[1].1 = String::from_utf8(bytes).unwrap();
            assert_eq!(
                send(&mb(), &out, None).unwrap_err().kind,
                RefusalKind::Signature,
                "{at}"
            );
        }
    }

    #[test]
    fn a_time_seven_hours_ahead_is_corrected_and_flagged() {
        let sent = NOW.0 - 60_000;
        let from = sample(SampleKind::Payment).occurred_at.0.to_string();
        let hour = 3_600_000;
        for (ahead_ms, flag) in [
            (0, ""),
            (hour + 60_000, ""),
            (7 * hour, "time_minus_7h"),
            (20 * hour, ""),
        ] {
            let got = changed(&from, &(sent + ahead_ms).to_string()).unwrap();
            let less = if flag.is_empty() { 0 } else { ZONE_MS };
            assert_eq!(got.variant, flag, "{ahead_ms}");
            assert_eq!(
                got.items[0].details.occurred_at,
                Some(TimeMs(sent + ahead_ms - less))
            );
        }
    }

    #[test]
    fn a_late_retry_of_a_corrected_time_has_the_same_content() {
        let mut out = notice();
        let from = sample(SampleKind::Payment).occurred_at.0.to_string();
        out.body = out.body.replacen(&from, &(NOW.0 + ZONE_MS).to_string(), 1);
        let content = |now| send(&mb(), &out, now).unwrap().items[0].content;
        assert_eq!(content(Some(NOW)), content(None));
    }

    #[test]
    fn both_editions_are_read() {
        let mut out = notice();
        for (here, english) in [
            ("bankaccount", "bankAccount"),
            ("transactionid", "transactionId"),
            ("transactiontime", "transactionTime"),
            ("referencenumber", "referenceNumber"),
        ] {
            out.body = out.body.replacen(here, english, 1);
        }
        let item = send(&mb(), &out, None).unwrap().items.remove(0);
        assert_eq!(item, send(&mb(), &notice(), None).unwrap().items.remove(0));
        let both = changed("\"amount\"", "\"bankAccount\":\"1\",\"amount\"").unwrap_err();
        assert_eq!(both.field, "bankAccount");
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("26000", "\"26000\"", "amount"),
            ("26000", "26000.5", "amount"),
            ("26000", "-26000", "amount"),
            ("26000", "0", "amount"),
            ("\"transType\":\"C\"", "\"transType\":\"X\"", "transType"),
            ("\"amount\"", "\"amount\":1,\"amount\"", "amount"),
            (
                "\"bankaccount\":\"0938123456\"",
                "\"bankaccount\":\"\"",
                "bankaccount",
            ),
            ("\"content\"", "\"contents\"", "content"),
            ("1768474739000", "17684747.5", "transactiontime"),
        ] {
            let refusal = changed(from, to).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{to}");
        }
    }

    #[test]
    fn lower_case_types_texts_and_missing_names_are_read() {
        let kind = |d: Result<Delivery, Refusal>| d.unwrap().items[0].kind;
        assert_eq!(kind(changed("\"C\"", "\"d\"")), NoticeKind::Debit);
        let text = changed("1768474739000", "\"1768474739000\"")
            .unwrap()
            .items
            .remove(0);
        assert_eq!(
            text.details.occurred_at,
            Some(sample(SampleKind::Payment).occurred_at)
        );
        let item = changed("\"FT00000000000012\"", "null").unwrap().items.remove(0);
        assert_eq!((item.event_id.as_str(), item.details.bank_ref), ("sim-12", None));
    }

    #[test]
    fn every_outcome_has_an_answer() {
        check_codes(
            &mb(),
            "errorReason",
            [
                "000",
                "000",
                "000",
                "000",
                "BUSY",
                "UNAUTHORIZED",
                "INVALID",
                "INVALID",
            ],
        );
        for (answer, status) in answers(&mb(), SampleKind::Payment)
            .iter()
            .zip([200, 200, 200, 200, 500, 401, 400, 400])
        {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let is_error = status != 200;
            assert_eq!((answer.status, &body["error"]), (status, &json!(is_error)));
            assert_eq!(body["object"].is_null(), is_error);
        }
        // The words of a refusal are JSON whatever a field is called, and an ended token is no other case
        // than a wrong one.
        for (refusal, status) in [
            (Refusal::replay("authorization", "x"), 401),
            (Refusal::malformed("a\"b", "x"), 400),
        ] {
            let outcome = Outcome::Refused(refusal);
            let answer = notice().with_request(|r| mb().answer(r, None, &outcome));
            assert_eq!(answer.status, status);
            assert!(serde_json::from_str::<Value>(&answer.body).is_ok(), "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_under_a_token_is_read_or_refused(body in "\\PC{0,80}") {
            let _ = send(&mb(), &Outgoing { body, ..notice() }, None);
        }
    }
}

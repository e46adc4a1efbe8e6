//! MB Bank by way of VietQR.VN (PROTOCOLS section 8): a login that hands out a token, then notices under
//! it. The body is not signed: proof is TLS, the token and the sender's address, so tokens live shortly.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64_URL};
use serde_json::{Value, json};

use super::json::{ID_CHARS_MAX, Json, Members, TEXT_CHARS_MAX, read_object};
use super::proof::{Hash, hmac, same, sha256};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, RefusalKind, Request, Sample,
    SampleKind, Scheme, content_of,
};
use crate::vn::{Secret, TimeMs};

/// The scheme's two calls, by the words of the shared vectors.
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
/// Latest `transactiontime` that is taken, in the year 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_999;
/// The one error code to declare as "try again" in the form for VietQR.VN; every other is final.
const BUSY: &str = "BUSY";

/// Login and notices.
pub(super) const VIETQR: Scheme = Scheme {
    profile: "mb",
    name: "vietqr",
    method: "POST",
    paths: &["/api/token_generate", SYNC],
    secrets: &["basic_username", "basic_password"],
    settings: &[],
    build: |secrets| {
        let (user, password) = (
            secrets.secret("basic_username")?,
            secrets.secret("basic_password")?,
        );
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
    fn headers(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, now: Option<TimeMs>) -> Result<Read, Refusal> {
        if request.path.ends_with(LOGIN) {
            self.check_login(request)?;
            return Ok(Read::Token(self.issue(now.unwrap_or(TimeMs(0)))));
        }
        self.check_token(request, now)?;
        let object = read_object(request.text()?)?;
        let (item, variant) = read_item(Members::of(&object, "")?, now)?;
        Ok(Read::Notices {
            delivery_id: None,
            items: vec![item],
            variant,
        })
    }

    fn answer(&self, _: &Request<'_>, items: &[Item], outcome: &Outcome) -> Answer {
        let failure = |reason: &str, message: &str| {
            let message = Value::from(message);
            format!(r#"{{"error":true,"errorReason":"{reason}","toastMessage":{message},"object":null}}"#)
        };
        // The status of a failure is contested; 400, 401 and 500 with the JSON body (section 8).
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
            return Err("VietQR.VN tells money in and out of an account, not failures or refunds".to_owned());
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
        Ok(Outgoing {
            method: "POST",
            path: SYNC,
            query: String::new(),
            headers: vec![
                ("authorization", format!("Bearer {}", self.token(expiry(now)))),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.to_string(),
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
        match same(&sha256(&sent), self.basic.reveal()) {
            true => Ok(()),
            false => Err(refused("is not basic_username:basic_password")),
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
        if !same(mac, &hmac(Hash::Sha256, &self.token_key, expiry)) {
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

/// What follows the name of an authentication scheme. It is spelt exactly as documented, although HTTP would
/// let its case be free: what is kept as evidence tells a token from a password by this word.
fn credentials<'a>(request: &Request<'a>, scheme: &str) -> Result<&'a str, Refusal> {
    let header = request.needed_header("authorization")?;
    match header.split_once(' ') {
        Some((name, rest)) if name == scheme => Ok(rest),
        _ => Err(Refusal::signature(
            "authorization",
            format!("wanted «{scheme} …»"),
        )),
    }
}

/// A member that the English edition spells otherwise (contested): the name that came. Both with other
/// values are refused, since readers differ on which one they take.
fn spelt(members: Members<'_>, name: &'static str, english: &'static str) -> Result<&'static str, Refusal> {
    match (members.object.get(name), members.object.get(english)) {
        (None, Some(_)) => Ok(english),
        (Some(one), Some(other)) if one != other => {
            Err(members.wrong(english, format!("says something else than {name}")))
        }
        _ => Ok(name),
    }
}

/// A text that is left out, null or empty where there is none.
fn filled<'a>(members: Members<'a>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match members.text(name, ID_CHARS_MAX)? {
        None | Some("") => Ok(None),
        Some(_) => members.id(name).map(Some),
    }
}

fn read_item(members: Members<'_>, now: Option<TimeMs>) -> Result<(Item, &'static str), Refusal> {
    let kind = match members.text("transType", ID_CHARS_MAX)? {
        Some("C" | "c") => Kind::Payment,
        // Money out of the account, never a sale.
        Some("D" | "d") => Kind::Debit,
        _ => return Err(members.wrong("transType", "wanted \"C\" or \"D\"")),
    };
    let amount = members.amount("amount")?;
    let account = members.id(spelt(members, "bankaccount", "bankAccount")?)?;
    let note = members
        .text("content", TEXT_CHARS_MAX)?
        .ok_or_else(|| members.wrong("content", "is missing"))?;
    let transaction = filled(members, spelt(members, "transactionid", "transactionId")?)?;
    let bank_ref = filled(members, spelt(members, "referencenumber", "referenceNumber")?)?;
    let sent_at = sent_time(members, spelt(members, "transactiontime", "transactionTime")?)?;
    let because = "is missing, and there is no transactionid either";
    let event_id = bank_ref
        .or(transaction)
        .ok_or_else(|| members.wrong("referencenumber", because))?;
    let mut details = Details {
        // The payee's bank is not named.
        account_number: account.chars().filter(|c| !c.is_whitespace()).collect(),
        virtual_account: filled(members, "va")?.unwrap_or_default().to_owned(),
        terminal: filled(members, "terminalCode")?.map(str::to_owned),
        reference: filled(members, "orderId")?.unwrap_or(note).to_owned(),
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

/// Milliseconds as a number (in code) or as text (in the documentation).
fn sent_time(members: Members<'_>, name: &str) -> Result<Option<TimeMs>, Refusal> {
    let ms = match members.object.get(name) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Text(text)) if text.is_empty() => return Ok(None),
        Some(Json::Text(text)) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Some(Json::Integer(ms)) => i64::try_from(*ms).ok(),
        Some(_) => None,
    };
    match ms.filter(|ms| (1..=TIME_MS_MAX).contains(ms)) {
        Some(ms) => Ok(Some(TimeMs(ms))),
        None => Err(members.wrong(name, "wanted milliseconds since 1970")),
    }
}

/// The true time, if this one runs ahead as the published server's does. What lies further ahead than the
/// zone and the clocks explain is left as it was sent.
fn without_zone(sent_at: TimeMs, now: TimeMs) -> Option<TimeMs> {
    let ahead_ms = sent_at.0.saturating_sub(now.0);
    let is_zone = ahead_ms > AHEAD_MS_MAX && ahead_ms <= ZONE_MS + AHEAD_MS_MAX;
    is_zone.then_some(TimeMs(sent_at.0 - ZONE_MS))
}

#[cfg(test)]
mod tests {
    use super::super::verify::tests::{provider, sample, send, vectors_hold, with_request};
    use super::super::{Delivery, Provider, Received};
    use super::*;
    use proptest::prelude::*;

    const USER: &str = "customer-cho-user01";
    const PASSWORD: &str = "hush0001hush";
    const NOW: TimeMs = TimeMs(1_768_474_800_000);

    fn mb() -> Provider {
        with(USER, PASSWORD)
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
        match with_request(&out, |request| p.receive(request, now))? {
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
    fn vectors() {
        vectors_hold("mb");
    }

    #[test]
    fn what_is_composed_is_read_back() {
        let wanted = sample(SampleKind::Payment);
        let item = send(&mb(), &notice(), Some(NOW)).unwrap().items.remove(0);
        assert_eq!((item.kind, item.amount), (Kind::Payment, wanted.amount));
        assert_eq!(item.details.occurred_at, Some(wanted.occurred_at));
        assert_eq!(item.details.terminal, Some(wanted.stall_code));
        assert_eq!(item.event_id, "FT00000000000012");
        for kind in [SampleKind::Refund, SampleKind::Failed] {
            assert!(mb().compose(&sample(kind), NOW).is_err());
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
        out.headers[0].1 = format!("Bearer {}", body["access_token"].as_str().unwrap());
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
        for at in 7..out.headers[0].1.len() {
            let mut bytes = out.headers[0].1.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut out = out.clone();
            out.headers[0].1 = String::from_utf8(bytes).unwrap();
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
        for (german, english) in [
            ("bankaccount", "bankAccount"),
            ("transactionid", "transactionId"),
            ("transactiontime", "transactionTime"),
            ("referencenumber", "referenceNumber"),
        ] {
            out.body = out.body.replacen(german, english, 1);
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
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, field),
                "{to}"
            );
        }
    }

    #[test]
    fn lower_case_types_texts_and_missing_names_are_read() {
        let kind = |d: Result<Delivery, Refusal>| d.unwrap().items[0].kind;
        assert_eq!(kind(changed("\"C\"", "\"d\"")), Kind::Debit);
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
        let out = notice();
        let delivery = send(&mb(), &out, None).unwrap();
        for (outcome, status, error) in [
            (Outcome::Stored, 200, false),
            (Outcome::Repeat, 200, false),
            (Outcome::UnknownOrder, 200, false),
            (Outcome::NotKept, 500, true),
            (Outcome::Refused(Refusal::replay("authorization", "x")), 401, true),
            (Outcome::Refused(Refusal::malformed("a\"b", "x")), 400, true),
        ] {
            let answer = with_request(&out, |r| mb().answer(r, Some(&delivery), &outcome));
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(
                (answer.status, &body["error"]),
                (status, &json!(error)),
                "{outcome:?}"
            );
            assert_eq!(body["object"].is_null(), error);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_without_a_token(body in "\\PC{0,80}", header in "\\PC{0,60}", path in "\\PC{0,9}") {
            let out = Outgoing {
                method: "POST",
                path: if path.len() > 4 { SYNC } else { "/api/token_generate" },
                query: path,
                headers: vec![("authorization", header)],
                body,
            };
            prop_assert!(with_request(&out, |r| mb().receive(r, None)).is_err());
        }

        #[test]
        fn any_body_under_a_token_is_read_or_refused(body in "\\PC{0,80}") {
            let _ = send(&mb(), &Outgoing { body, ..notice() }, None);
        }
    }
}

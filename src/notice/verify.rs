//! The engine of `choso notice verify` (docs/spec/contract.md, section 2):
//! one item of the shape of `tests/data/provider_vectors.json`
//! in, one line out. It needs no database; what the receiver would know comes from the item's `context`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::Json;
use super::{
    Answer, Delivery, Item, NoticeKind, Outcome, Provider, Received, Request, SchemeError, Secrets,
    SecretsError, scheme,
};
use crate::vn::{Dong, TimeMs};

/// Why a line cannot be judged at all. The command prints it and goes on with the next line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not JSON, or a member of the wrong type.
    #[error("the line is not an item of the shape of tests/data/provider_vectors.json: {0}")]
    Json(String),
    /// No such provider or scheme.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The secrets do not make up a key.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A member that cannot be used.
    #[error("«{member}» {because}")]
    Member {
        member: &'static str,
        /// what is wrong with it
        because: String,
    },
}

impl VerifyError {
    fn member(member: &'static str, because: impl Into<String>) -> VerifyError {
        VerifyError::Member {
            member,
            because: because.into(),
        }
    }
}

/// One item. Members that only describe or judge it (`expect`, `reply`, `note` …) are ignored.
#[derive(Deserialize)]
struct InputLine {
    id: Option<Value>,
    provider: String,
    scheme: Option<String>,
    /// Read by hand: a message of the JSON reader could repeat a secret of the wrong type.
    secrets: Json,
    request: Call,
    now: Option<i64>,
    context: Option<Context>,
    setup: Option<Vec<Call>>,
    clock_offset_s: Option<ClockOffset>,
}

#[derive(Deserialize)]
struct Call {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    headers: Option<Json>,
    body: Option<String>,
    body_base64: Option<String>,
    /// Of a setup step: placeholder name → member of the answer.
    capture: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
struct Context {
    ledger: Option<String>,
    expected_amount_vnd: Option<i64>,
}

#[derive(Deserialize)]
struct ClockOffset {
    after_issue: Option<Value>,
}

/// One line of the answer; its members are written in this order.
#[derive(Serialize)]
struct OutputLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    verdict: &'static str,
    #[serde(flatten)]
    first: OutputItem,
    reply: Reply,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<OutputItem>,
}

/// What one item of the callback says; all null in a refusal.
#[derive(Serialize, Clone, Default)]
struct OutputItem {
    kind: Option<&'static str>,
    amount_vnd: Option<i64>,
    provider_txn_id: Option<String>,
    reference: Option<String>,
    occurred_at: Option<String>,
    bank_ref: Option<String>,
    terminal: Option<String>,
    transfer_note: Option<String>,
}

#[derive(Serialize)]
struct Reply {
    status: u16,
    body: String,
}

/// Judges one item of the shape of `tests/data/provider_vectors.json` and words the reply to it, as one JSON line.
///
/// Without `now` no replay window applies; only the clock of a scheme with a login then starts at 0, so
/// that the lifetime of its token can be tried with `clock_offset_s`.
pub fn verify_line(line: &str) -> Result<String, VerifyError> {
    let line: InputLine = serde_json::from_str(line).map_err(|e| VerifyError::Json(e.to_string()))?;
    let (_, handled) = judge(&line)?;
    serde_json::to_string(&handled.output(line.id)).map_err(|e| VerifyError::Json(e.to_string()))
}

/// What an item came to, and the provider that judged it.
fn judge(line: &InputLine) -> Result<(Provider, Handled), VerifyError> {
    let scheme = scheme(&line.provider, line.scheme.as_deref())?;
    let key = ("key".to_owned(), read_secrets(&line.secrets)?);
    let provider = Provider::new("verify", scheme, vec![key])?;

    let has_login = scheme.paths.len() > 1;
    let started_s = line.now.or(has_login.then_some(0));
    let mut captured = BTreeMap::new();
    for step in line.setup.iter().flatten() {
        let handled = deliver(&provider, step, &captured, started_s, &Context::default())?;
        capture(step, &handled.answer, &mut captured)?;
    }
    let offset_s = offset(
        line.clock_offset_s.as_ref().and_then(|o| o.after_issue.as_ref()),
        &captured,
    )?;
    let now_s = started_s.map(|s| s.saturating_add(offset_s));
    let nothing = Context::default();
    let context = line.context.as_ref().unwrap_or(&nothing);
    let handled = deliver(&provider, &line.request, &captured, now_s, context)?;
    Ok((provider, handled))
}

/// Names and values; a number (an application id) counts as its digits.
fn read_secrets(secrets: &Json) -> Result<Secrets, VerifyError> {
    let Json::Object(object) = secrets else {
        return Err(VerifyError::member("secrets", "is not an object of texts"));
    };
    if let Some(name) = &object.duplicate {
        return Err(VerifyError::member("secrets", format!("holds «{name}» twice")));
    }
    let mut pairs = Vec::new();
    for (name, value) in object.members() {
        match value {
            Json::Text(text) => pairs.push((name, text.clone())),
            Json::Integer(number) => pairs.push((name, number.to_string())),
            Json::Null => {}
            _ => {
                return Err(VerifyError::member(
                    "secrets",
                    format!("holds «{name}», which is not text"),
                ));
            }
        }
    }
    Ok(Secrets::from_pairs(pairs.iter().map(|(n, v)| (*n, v.as_str()))))
}

/// One call as the provider received it, and the answer.
struct Handled {
    received: Result<Received, super::Refusal>,
    answer: Answer,
}

fn deliver(
    provider: &Provider,
    call: &Call,
    captured: &BTreeMap<String, String>,
    now_s: Option<i64>,
    context: &Context,
) -> Result<Handled, VerifyError> {
    let fill = |text: &Option<String>| filled(text.as_deref().unwrap_or_default(), captured);
    let path = fill(&call.path);
    let query = fill(&call.query);
    let method = call
        .method
        .as_deref()
        .unwrap_or(provider.scheme().method)
        .to_ascii_uppercase();
    let body = match (&call.body, &call.body_base64) {
        (_, None) => fill(&call.body).into_bytes(),
        (None, Some(coded)) => BASE64
            .decode(coded)
            .map_err(|_| VerifyError::member("request.body_base64", "is not base64"))?,
        (Some(_), Some(_)) => return Err(VerifyError::member("request.body", "stands beside body_base64")),
    };
    let headers: Vec<(String, String)> = read_headers(call.headers.as_ref())?
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), filled(value, captured)))
        .collect();
    // HTTP itself drops the blanks around a header's value.
    let blanks: &[char] = &[' ', '\t'];
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.trim_matches(blanks).as_bytes()))
        .collect();
    let request = Request {
        method: &method,
        path: &path,
        query: &query,
        headers: &headers,
        body: &body,
        is_evidence: false,
    };
    let received = provider.receive(&request, now_s.map(|s| TimeMs(s.saturating_mul(1000))));
    let answer = match &received {
        Ok(Received::Token(answer)) => answer.clone(),
        Ok(Received::Notices(delivery)) => {
            provider.answer(&request, Some(delivery), &outcome(context, delivery)?)
        }
        Err(refusal) => provider.answer(&request, None, &Outcome::Refused(refusal.clone())),
    };
    Ok(Handled { received, answer })
}

/// Headers as an object, or as a list of pairs so that one can come twice.
fn read_headers(headers: Option<&Json>) -> Result<Vec<(&str, &str)>, VerifyError> {
    let wrong = || {
        let because = "is neither an object of texts nor a list of [name, value]";
        VerifyError::member("request.headers", because)
    };
    match headers {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(object)) => object
            .members()
            .map(|(name, value)| match value {
                Json::Text(value) => Ok((name, value.as_str())),
                _ => Err(wrong()),
            })
            .collect(),
        Some(Json::Array(pairs)) => pairs
            .iter()
            .map(|pair| match pair {
                Json::Array(pair) => match pair.as_slice() {
                    [Json::Text(name), Json::Text(value)] => Ok((name.as_str(), value.as_str())),
                    _ => Err(wrong()),
                },
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// What the service would have found, told by `context` (docs/spec/providers.md, section 14).
fn outcome(context: &Context, delivery: &Delivery) -> Result<Outcome, VerifyError> {
    let ledger = context.ledger.as_deref().unwrap_or("known");
    match ledger {
        "internal_error" => return Ok(Outcome::NotKept),
        "already_confirmed" => return Ok(Outcome::Repeat),
        "unknown_order" => return Ok(Outcome::UnknownOrder),
        "known" | "amount_differs" => {}
        other => return Err(VerifyError::member("context.ledger", format!("says «{other}»"))),
    }
    let amount = delivery.items.first().map(|i| i.amount);
    match context.expected_amount_vnd.map(Dong::new) {
        Some(expected) if amount.is_some_and(|a| a != expected) => Ok(Outcome::AmountDiffers { expected }),
        None if ledger == "amount_differs" => Err(VerifyError::member(
            "context.expected_amount_vnd",
            "is missing beside amount_differs",
        )),
        _ => Ok(Outcome::Stored),
    }
}

/// Keeps what a setup step asks to keep of its answer.
fn capture(step: &Call, answer: &Answer, captured: &mut BTreeMap<String, String>) -> Result<(), VerifyError> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    for (name, member) in step.capture.iter().flatten() {
        let value = match &body[member.as_str()] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                let because = format!("wants «{member}» of an answer {} without it", answer.status);
                return Err(VerifyError::member("setup", because));
            }
        };
        captured.insert(name.clone(), value);
    }
    Ok(())
}

/// Puts captured values in place of `${name}`.
fn filled(text: &str, captured: &BTreeMap<String, String>) -> String {
    let mut out = text.to_owned();
    for (name, value) in captured {
        out = out.replace(&format!("${{{name}}}"), value);
    }
    out
}

/// Seconds to move the clock: a number, or a sum such as `${expires_in}+5`.
fn offset(after_issue: Option<&Value>, captured: &BTreeMap<String, String>) -> Result<i64, VerifyError> {
    let sum = match after_issue {
        None | Some(Value::Null) => return Ok(0),
        Some(Value::String(text)) => filled(text, captured),
        Some(other) => other.to_string(),
    };
    let wrong = || VerifyError::member("clock_offset_s.after_issue", format!("cannot be reckoned: {sum}"));
    // "300-5" is the sum of 300 and -5.
    let spread = sum.replace(' ', "").replace('-', "+-");
    let terms = spread.trim_start_matches('+').split('+');
    terms.into_iter().try_fold(0i64, |total, term| {
        let seconds: i64 = term.parse().map_err(|_| wrong())?;
        total.checked_add(seconds).ok_or_else(wrong)
    })
}

impl Handled {
    fn output(self, id: Option<Value>) -> OutputLine {
        let reply = Reply {
            status: self.answer.status,
            body: self.answer.body,
        };
        let (verdict, because, items) = match self.received {
            Err(refusal) => (refusal.verdict(), Some(refusal.to_string()), Vec::new()),
            Ok(Received::Token(_)) => ("accept", None, vec![OutputItem::token()]),
            Ok(Received::Notices(d)) => ("accept", None, d.items.iter().map(OutputItem::of).collect()),
        };
        OutputLine {
            id,
            verdict,
            first: items.first().cloned().unwrap_or_default(),
            reply,
            because,
            items: if items.len() > 1 { items } else { Vec::new() },
        }
    }
}

impl OutputItem {
    /// A login moves nothing and names nothing.
    fn token() -> OutputItem {
        OutputItem {
            kind: Some("token"),
            ..OutputItem::default()
        }
    }

    fn of(item: &Item) -> OutputItem {
        let details = &item.details;
        // Kinds whose content was not read have no amount and no names, rather than empty ones.
        let is_read = !matches!(item.kind, NoticeKind::Other | NoticeKind::Unreadable);
        OutputItem {
            kind: Some(item.kind.as_str()),
            amount_vnd: (is_read || item.amount != Dong::ZERO).then_some(item.amount.vnd()),
            provider_txn_id: Some(item.provider_txn_id.clone()).filter(|t| is_read || !t.is_empty()),
            reference: Some(details.reference.clone()).filter(|r| is_read || !r.is_empty()),
            occurred_at: details.occurred_at.map(TimeMs::iso),
            bank_ref: details.bank_ref.clone(),
            terminal: details.terminal.clone(),
            transfer_note: details.note.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../../tests/data/provider_vectors.json")).unwrap()
    }

    fn judged(line: &Value) -> Value {
        serde_json::from_str(&verify_line(&line.to_string()).unwrap()).unwrap()
    }

    /// What differs from the vector.
    fn complaints(vector: &Value, got: &Value) -> Vec<String> {
        let mut out = Vec::new();
        let expect = &vector["expect"];
        let reply = &vector["reply"];
        let mut compare = |what: &str, fits: bool| {
            if !fits {
                out.push(what.to_owned());
            }
        };
        for (name, any) in [("verdict", "verdict_any"), ("kind", "kind_any")] {
            let listed = expect[any].as_array().is_some_and(|a| a.contains(&got[name]));
            compare(name, got[name] == expect[name] || listed);
        }
        for name in [
            "amount_vnd",
            "provider_txn_id",
            "reference",
            "bank_ref",
            "terminal",
            "transfer_note",
        ] {
            compare(name, expect.get(name).is_none_or(|wanted| *wanted == got[name]));
        }
        let instant = |v: &Value| v["occurred_at"].as_str().map(|t| TimeMs::parse(t).unwrap());
        compare("occurred_at", instant(expect) == instant(got));
        let is_2xx = got["reply"]["status"]
            .as_u64()
            .is_some_and(|s| (200..300).contains(&s));
        let any_2xx = reply["any_2xx"] == json!(true) && is_2xx;
        compare(
            "reply.status",
            any_2xx || got["reply"]["status"] == reply["status"],
        );
        let refused = got["verdict"] != "accept";
        compare("because", refused == got["because"].is_string());
        compare(
            "reply.body",
            any_2xx || body_fits(reply, got["reply"]["body"].as_str().unwrap()),
        );
        out
    }

    fn body_fits(reply: &Value, body: &str) -> bool {
        let Some(matched) = reply["match"].as_object() else {
            return reply["body"].as_str().is_none_or(|wanted| wanted == body);
        };
        let body: Value = serde_json::from_str(body).unwrap();
        matched.iter().all(|(name, wanted)| {
            let got = &body[name.as_str()];
            let rule = wanted.as_object();
            match rule.and_then(|r| r.iter().next()) {
                None => got == wanted,
                Some((rule, of)) if rule == "any_of" => of.as_array().unwrap().contains(got),
                Some((rule, _)) if rule == "non_empty" => got.as_str().is_some_and(|t| !t.is_empty()),
                Some((rule, of)) if rule == "min" => got.as_i64().unwrap() >= of.as_i64().unwrap(),
                Some((rule, _)) => panic!("unknown rule {rule}"),
            }
        })
    }

    #[test]
    fn every_vector_holds() {
        let all = vectors();
        assert!(all.len() > 100, "the file was read");
        for vector in &all {
            let got = judged(vector);
            let complaints = complaints(vector, &got);
            assert!(complaints.is_empty(), "{}: {complaints:?}\n{got}", vector["id"]);
        }
        let providers: BTreeSet<_> = all.iter().map(|v| v["provider"].as_str()).collect();
        assert_eq!(providers.len(), 10);
    }

    #[test]
    fn the_evidence_of_every_vector_proves_it_again() {
        let mut proven = 0;
        for vector in vectors() {
            let line: InputLine = serde_json::from_value(vector.clone()).unwrap();
            let (provider, handled) = judge(&line).unwrap();
            let Ok(Received::Notices(first)) = handled.received else {
                continue;
            };
            let again = first
                .evidence
                .with_request(|request| provider.receive(request, None));
            let Ok(Received::Notices(again)) = again else {
                panic!("{}: {again:?}", vector["id"])
            };
            let told = |d: &Delivery| -> Vec<_> {
                d.items
                    .iter()
                    .map(|i| (i.kind, i.event_id.clone(), i.content))
                    .collect()
            };
            assert_eq!((told(&again), &again.evidence), (told(&first), &first.evidence));
            proven += 1;
        }
        assert!(proven > 50, "{proven}");
    }

    /// An item that a native payment would be, with these further members.
    fn native(body: &str, more: Value) -> Value {
        let secret = super::super::parse_secret(SECRET).unwrap();
        let mut item = json!({
            "provider": "standard",
            "secrets": {"signing_secret": SECRET},
            "request": {
                "headers": {
                    "Webhook-Id": "m1",
                    "WEBHOOK-TIMESTAMP": "1000",
                    "webhook-signature": super::super::sign(&secret, "m1", 1000, body.as_bytes()),
                },
                "body": body,
            },
        });
        item.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        item
    }

    const SECRET: &str = "whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=";
    const PAYMENT: &str = r#"{"type":"payment.succeeded","timestamp":"2026-01-15T17:59:00Z","data":{"transaction_id":"T1","amount":26000,"currency":"VND","reference":"R","account":"0938123456","occurred_at":"2026-01-15T17:58:59Z","note":""}}"#;

    #[test]
    fn members_stand_in_the_order_of_the_contract() {
        let line = verify_line(&native(PAYMENT, json!({"id": "x-1"})).to_string()).unwrap();
        let wanted = concat!(
            r#"{"id":"x-1","verdict":"accept","kind":"payment","amount_vnd":26000,"provider_txn_id":"T1","#,
            r#""reference":"R","occurred_at":"2026-01-16T00:58:59+07:00","bank_ref":null,"terminal":null,"#,
            r#""transfer_note":"","reply":{"status":204,"body":""}}"#
        );
        assert_eq!(line, wanted);
    }

    #[test]
    fn without_now_there_is_no_window() {
        assert_eq!(judged(&native(PAYMENT, json!({})))["verdict"], "accept");
        assert_eq!(
            judged(&native(PAYMENT, json!({"now": 1300})))["verdict"],
            "accept"
        );
        let late = judged(&native(PAYMENT, json!({"now": 1301})));
        assert_eq!(late["verdict"], "reject_replay");
        assert!(
            late["because"]
                .as_str()
                .unwrap()
                .starts_with("webhook-timestamp: ")
        );
        assert!(late["kind"].is_null() && late["reference"].is_null());
    }

    #[test]
    fn several_items_are_all_shown() {
        let got = judged(&native(&format!("[{PAYMENT},7]"), json!({})));
        assert_eq!(
            (&got["kind"], got["items"].as_array().unwrap().len()),
            (&json!("payment"), 2)
        );
        assert_eq!(
            (&got["items"][1]["kind"], &got["items"][1]["amount_vnd"]),
            (&json!("unreadable"), &Value::Null)
        );
        assert_eq!(judged(&native("[]", json!({})))["verdict"], "accept");
    }

    #[test]
    fn a_header_can_come_twice_and_a_body_as_bytes() {
        let mut item = native(PAYMENT, json!({}));
        let headers = item["request"]["headers"].as_object().unwrap().clone();
        let mut pairs: Vec<Value> = headers.iter().map(|(n, v)| json!([n, v])).collect();
        item["request"]["headers"] = json!(pairs);
        item["request"]["body"] = Value::Null;
        item["request"]["body_base64"] = json!(BASE64.encode(PAYMENT));
        assert_eq!(judged(&item)["verdict"], "accept");
        pairs.push(pairs[0].clone());
        item["request"]["headers"] = json!(pairs);
        assert_eq!(
            judged(&item)["because"],
            "webhook-timestamp: this header came twice"
        );
    }

    #[test]
    fn the_context_decides_the_reply() {
        for (context, status) in [
            (json!({"ledger": "known"}), 204),
            (json!({"ledger": "unknown_order"}), 204),
            (json!({"ledger": "amount_differs", "expected_amount_vnd": 1}), 204),
            (json!({"ledger": "internal_error"}), 503),
        ] {
            let got = judged(&native(PAYMENT, json!({"context": context})));
            assert_eq!(got["reply"]["status"], status, "{context}");
        }
    }

    #[test]
    fn a_line_that_is_no_item_says_why_and_shows_no_secret() {
        let says = |line: Value, part: &str| {
            let error = verify_line(&line.to_string()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("0001hush"), "{error}");
        };
        says(json!(7), "tests/data/provider_vectors.json");
        says(native(PAYMENT, json!({"provider": "nobody"})), "nobody");
        says(native(PAYMENT, json!({"scheme": "v9"})), "v9");
        says(native(PAYMENT, json!({"secrets": {}})), "signing_secret");
        says(native(PAYMENT, json!({"secrets": "0001hush"})), "secrets");
        says(
            native(PAYMENT, json!({"secrets": {"signing_secret": ["0001hush"]}})),
            "signing_secret",
        );
        says(
            native(PAYMENT, json!({"secrets": {"signing_secret": "whsec_0001hush"}})),
            "signing_secret",
        );
        says(native(PAYMENT, json!({"context": {"ledger": "maybe"}})), "maybe");
        says(
            native(PAYMENT, json!({"context": {"ledger": "amount_differs"}})),
            "expected_amount_vnd",
        );
        says(
            native(PAYMENT, json!({"request": {"headers": 7}})),
            "request.headers",
        );
        says(
            native(PAYMENT, json!({"request": {"body_base64": "*"}})),
            "base64",
        );
    }

    #[test]
    fn a_login_comes_first_and_its_token_ends() {
        let late = vectors().into_iter().find(|v| v["id"] == "mb-s11").unwrap();
        let with = |sum: &str| {
            let mut item = late.clone();
            item["clock_offset_s"]["after_issue"] = json!(sum);
            judged(&item)["verdict"].clone()
        };
        assert_eq!(
            (with("${expires_in}-1"), with("${expires_in}")),
            (json!("accept"), json!("reject_replay"))
        );
        let mut item = late.clone();
        item["setup"][0]["headers"]["authorization"] = json!("Basic eDp5");
        let error = verify_line(&item.to_string()).unwrap_err().to_string();
        assert!(error.contains("setup") && error.contains("401"), "{error}");
    }

    #[test]
    fn offsets_are_sums() {
        let captured = BTreeMap::from([("expires_in".to_owned(), "300".to_owned())]);
        for (sum, wanted) in [
            (json!("${expires_in}+5"), Some(305)),
            (json!("${expires_in} - 5"), Some(295)),
            (json!("-7"), Some(-7)),
            (json!(8), Some(8)),
            (json!(null), Some(0)),
            (json!("${other}+5"), None),
            (json!(1.5), None),
            (json!(""), None),
        ] {
            assert_eq!(offset(Some(&sum), &captured).ok(), wanted, "{sum}");
        }
    }
}

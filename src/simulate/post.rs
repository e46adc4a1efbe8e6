//! One request and its answer: logging in, breaking a proof on purpose, and what the answer means.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ureq::Agent;
use ureq::http::Request as HttpRequest;

use crate::notice::{Outcome, Outgoing, Provider, Received, RefusalKind, Scheme, Secrets};

/// A provider waits this long for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer answers are cut: a problem document has a few hundred bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// How the address of a login ends (docs/spec/providers.md, section 8).
const LOGIN: &str = "/token_generate";
/// Places at which a proof is broken for trial.
const FORGERIES_MAX: usize = 200;

/// Sends requests over connections that are kept open.
#[derive(Debug)]
pub(super) struct Sender {
    agent: Agent,
    callback: String,
    login: Option<Login>,
}

/// What bank style schemes do first.
#[derive(Debug)]
struct Login {
    request: Outgoing,
    /// `Bearer …`, and when to ask for the next one.
    token: Mutex<Option<(String, Instant)>>,
}

impl Sender {
    pub fn new(callback: String, scheme: &Scheme, secrets: &Secrets, connections: usize) -> Sender {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            // Every answer is of interest, and nobody else is asked.
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .build();
        Sender {
            agent: Agent::new_with_config(config),
            callback,
            login: Login::of(scheme, secrets),
        }
    }

    /// Sends, and gives status and body of the answer.
    pub fn send(&self, out: &Outgoing) -> Result<(u16, String), String> {
        let mark = if out.query.is_empty() { "" } else { "?" };
        let address = format!("{}{}{mark}{}", self.callback, out.path, out.query);
        let mut request = HttpRequest::builder().method(out.method).uri(address);
        for (name, value) in &out.headers {
            request = request.header(*name, value);
        }
        // A GET with an empty body would still be sent as one with a body.
        let answer = if out.body.is_empty() {
            self.agent.run(request.body(()).map_err(|e| e.to_string())?)
        } else {
            self.agent
                .run(request.body(&out.body).map_err(|e| e.to_string())?)
        };
        let mut answer = answer.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string();
        Ok((status, body.map_err(|e| e.to_string())?))
    }

    /// Logs in where the scheme wants it and the token is not fresh any more.
    pub fn log_in(&self) -> Result<(), String> {
        self.bearer().map(drop)
    }

    /// The request under the token that the service handed out.
    pub fn authorized(&self, mut out: Outgoing) -> Result<Outgoing, String> {
        if let Some(bearer) = self.bearer()? {
            out.headers.retain(|(name, _)| *name != "authorization");
            out.headers.push(("authorization", bearer));
        }
        Ok(out)
    }

    fn bearer(&self) -> Result<Option<String>, String> {
        let Some(login) = &self.login else { return Ok(None) };
        // Held while asking: the others wait for the same token.
        let mut token = login.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((bearer, renew_at)) = &*token
            && Instant::now() < *renew_at
        {
            return Ok(Some(bearer.clone()));
        }
        let (status, body) = self.send(&login.request)?;
        let (bearer, lives_s) = read_token(&body).ok_or_else(|| format!("{status} {}", excerpt(&body)))?;
        *token = Some((bearer.clone(), Instant::now() + Duration::from_secs(lives_s / 2)));
        Ok(Some(bearer))
    }
}

impl Login {
    fn of(scheme: &Scheme, secrets: &Secrets) -> Option<Login> {
        let path = scheme.paths.iter().find(|path| path.ends_with(LOGIN))?;
        let secrets: serde_json::Value = serde_json::from_slice(secrets.to_json().reveal()).ok()?;
        let text = |name: &str| secrets[name].as_str().unwrap_or_default().to_owned();
        let credentials = format!("{}:{}", text("basic_username"), text("basic_password"));
        let request = Outgoing {
            method: "POST",
            path,
            query: String::new(),
            headers: vec![("authorization", format!("Basic {}", BASE64.encode(credentials)))],
            body: String::new(),
        };
        Some(Login {
            request,
            token: Mutex::default(),
        })
    }
}

fn read_token(body: &str) -> Option<(String, u64)> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    let token = answer["access_token"].as_str()?;
    Some((format!("Bearer {token}"), answer["expires_in"].as_u64()?))
}

/// The beginning of an answer, for a message.
pub(super) fn excerpt(body: &str) -> &str {
    let end = (0..=200.min(body.len()))
        .rev()
        .find(|at| body.is_char_boundary(*at));
    &body[..end.unwrap_or_default()]
}

/// What an answer means to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The outcomes that are worded so, e.g. `stored or repeat`.
    pub word: String,
    pub is_kept: bool,
    /// It is to be sent again.
    pub is_again: bool,
}

/// Asks the protocol how it words each outcome of this request, and compares.
pub(super) fn meaning(provider: &Provider, genuine: &Outgoing, status: u16, body: &str) -> Meaning {
    let mut kept = Vec::new();
    let mut is_again = false;
    genuine.with_request(|request| {
        let fits = |delivery, outcome: &Outcome| {
            let answer = provider.answer(request, delivery, outcome);
            answer.status == status && answer.body == body
        };
        let Ok(Received::Notices(delivery)) = provider.receive(request, None) else {
            return;
        };
        // Who could not keep a callback may not hold it any more when it answers.
        is_again = fits(None, &Outcome::NotKept) || fits(Some(&delivery), &Outcome::NotKept);
        let mut outcomes = vec![("stored", Outcome::Stored), ("repeat", Outcome::Repeat)];
        // Without orders of its own, a scheme has no other word for one that is not known.
        if delivery.has_orders {
            outcomes.push(("unknown order", Outcome::UnknownOrder));
        }
        let fitting = outcomes.iter().filter(|(_, o)| fits(Some(&delivery), o));
        kept.extend(fitting.map(|(word, _)| *word));
    });
    let is_kept = !kept.is_empty();
    let is_failure = status >= 500 || status == 429;
    Meaning {
        word: match (is_kept, is_again) {
            (true, _) => kept.join(" or "),
            (false, true) => "not kept".to_owned(),
            (false, false) if is_failure => "failure".to_owned(),
            (false, false) => "refused".to_owned(),
        },
        is_kept,
        is_again: !is_kept && (is_again || is_failure),
    }
}

/// The same callback with a proof that does not fit, found by trying: one character of the proof's header,
/// the query or the body is changed until the protocol itself calls the signature wrong.
pub(super) fn forge(provider: &Provider, genuine: &Outgoing, seed: u64) -> Option<Outgoing> {
    let is_forgery = |out: &Outgoing| {
        let verdict = out.with_request(|request| provider.receive(request, None));
        verdict.is_err_and(|refusal| refusal.kind == RefusalKind::Signature)
    };
    // The header that the scheme names last is the signature, where there is one.
    for name in provider.headers().iter().rev() {
        let mut out = genuine.clone();
        if let Some((_, value)) = out.headers.iter_mut().find(|(n, _)| n == name) {
            *value = altered(value, value.len() / 2)?;
            if is_forgery(&out) {
                return Some(out);
            }
        }
    }
    let mut random = fastrand::Rng::with_seed(seed);
    (0..FORGERIES_MAX)
        .filter_map(|_| {
            let mut out = genuine.clone();
            let text = if out.body.is_empty() {
                &mut out.query
            } else {
                &mut out.body
            };
            *text = altered(text, random.usize(0..text.len().max(1)))?;
            Some(out)
        })
        .find(is_forgery)
}

/// The text with the first letter or digit from this place on replaced by another of its kind.
fn altered(text: &str, from: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let byte = bytes.iter_mut().skip(from).find(|b| b.is_ascii_alphanumeric())?;
    *byte = match *byte {
        b'0' => b'1',
        b'a' => b'b',
        b'A' => b'B',
        b if b.is_ascii_digit() => b'0',
        b if b.is_ascii_lowercase() => b'a',
        _ => b'A',
    };
    // One ASCII byte for another keeps it text.
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Payee, event_number};
    use super::*;
    use crate::notice::{Refusal, SCHEMES};
    use crate::vn::{Dong, TimeMs};

    /// Any text will do for a secret that is shared; keys that only the provider holds are not made here.
    fn provider(scheme: &'static Scheme) -> Option<Provider> {
        let texts = scheme.secrets.iter().map(|name| match *name {
            "signing_secret" => (*name, "whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0="),
            _ => (*name, "910001"),
        });
        let secrets = Secrets::from_pairs(texts);
        Provider::new("p", scheme, vec![("k1".to_owned(), secrets)]).ok()
    }

    fn composed(provider: &Provider) -> Outgoing {
        let at = TimeMs(1_795_000_000_000);
        let payee = Payee {
            bank_bin: "970415".to_owned(),
            account_number: "00000022".to_owned(),
            stall_code: "HC7K3M9J".to_owned(),
        };
        let payment = payee.payment(event_number(at, 4_999_999), Dong::new(26_000), at);
        provider.compose(&payment, at).unwrap()
    }

    fn all() -> Vec<Provider> {
        let all: Vec<Provider> = SCHEMES.iter().filter_map(provider).collect();
        assert!(all.len() >= 14, "all but those with keys of two halves");
        all
    }

    #[test]
    fn every_scheme_is_understood_by_its_own_words() {
        for provider in all() {
            let out = composed(&provider);
            let said = |outcome: &Outcome| {
                let answer = out.with_request(|request| {
                    let delivery = match provider.receive(request, None) {
                        Ok(Received::Notices(delivery)) => Some(delivery),
                        other => panic!("{:?}: {other:?}", provider.scheme()),
                    };
                    provider.answer(request, delivery.as_ref(), outcome)
                });
                meaning(&provider, &out, answer.status, &answer.body)
            };
            for outcome in [Outcome::Stored, Outcome::Repeat] {
                let meaning = said(&outcome);
                assert!(
                    meaning.is_kept && !meaning.is_again,
                    "{:?}: {meaning:?}",
                    provider.scheme()
                );
            }
            let meaning = said(&Outcome::NotKept);
            assert!(
                !meaning.is_kept && meaning.is_again,
                "{:?}: {meaning:?}",
                provider.scheme()
            );
        }
    }

    #[test]
    fn a_forgery_is_made_for_every_scheme_and_its_refusal_is_no_success() {
        for provider in all() {
            let out = composed(&provider);
            let forged = forge(&provider, &out, 1).unwrap_or_else(|| panic!("{:?}", provider.scheme()));
            assert_ne!(forged, out);
            let answer = forged.with_request(|request| {
                let refusal: Refusal = provider.receive(request, None).unwrap_err();
                provider.answer(request, None, &Outcome::Refused(refusal))
            });
            let meaning = meaning(&provider, &out, answer.status, &answer.body);
            assert_eq!((meaning.is_kept, meaning.word.as_str()), (false, "refused"));
            assert!(!meaning.is_again, "{:?}", provider.scheme());
        }
    }

    #[test]
    fn a_token_is_read_and_an_excerpt_is_cut_between_letters() {
        let body = r#"{"access_token":"abc","token_type":"Bearer","expires_in":300}"#;
        assert_eq!(read_token(body), Some(("Bearer abc".to_owned(), 300)));
        assert_eq!(read_token("{}"), None);
        assert_eq!(excerpt(&"ộ".repeat(100)).len(), 198);
    }
}

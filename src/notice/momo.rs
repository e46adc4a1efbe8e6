//! MoMo: the IPN of orders and the older notice of a static QR at the counter (docs/spec/providers.md, section 2). They
//! share the keys and the way of signing.

mod ipn;
mod qr_notify;

use serde_json::{Value, json};

use super::cuts::{Value as Cut, has_second_reading};
use super::json::{Json, read_object};
use super::members::{Members, TEXT_CHARS_MAX};
use super::proof::{Hash, SignedText, Spelling, hmac};
use super::{Answer, Outgoing, Refusal, Secrets, SecretsError};
use crate::vn::Secret;

pub(super) use ipn::IPN_V2;
pub(super) use qr_notify::QR_NOTIFY_V1;

/// A partner's keys, the same for both schemes.
const SECRETS: [&str; 3] = ["partner_code", "access_key", "secret_key"];

#[derive(Debug)]
struct Keys {
    partner_code: String,
    access_key: Secret,
    secret_key: Secret,
}

impl Keys {
    fn read(secrets: &Secrets) -> Result<Keys, SecretsError> {
        Ok(Keys {
            partner_code: secrets.text("partner_code")?,
            access_key: secrets.secret("access_key")?,
            secret_key: secrets.secret("secret_key")?,
        })
    }

    /// `accessKey=…` and the members as `name=value`, joined by `&`: values as they are, without any
    /// encoding (docs/spec/providers.md, section 2.1).
    fn signed(&self, names: &[&str], members: Members<'_>) -> Result<Vec<u8>, Refusal> {
        let mut text = [b"accessKey=", self.access_key.reveal()].concat();
        for name in &names[1..] {
            let value = match members.object.get(name) {
                None | Some(Json::Null) => String::new(),
                Some(Json::Integer(n)) => n.to_string(),
                Some(Json::Text(t)) => t.clone(),
                Some(_) => return Err(members.wrong(name, "wanted text or a whole number")),
            };
            text.extend_from_slice(format!("&{name}={value}").as_bytes());
        }
        Ok(text)
    }

    fn sign(&self, names: &[&str], members: Members<'_>) -> Result<String, Refusal> {
        let signed = self.signed(names, members)?;
        Ok(Spelling::LowerHex.write(&hmac(Hash::Sha256, &self.secret_key, &signed)))
    }

    /// Proves the members, and that they can be cut out of the signed text in this one way only.
    fn prove(&self, names: &[&str], members: Members<'_>) -> Result<(), Refusal> {
        let sent = members.text("signature", TEXT_CHARS_MAX)?.unwrap_or_default();
        if sent.is_empty() {
            return Err(Refusal::signature("signature", "is missing"));
        }
        let signed = self.signed(names, members)?;
        let recipe = format!(
            "{}, joined as name=value by &, values as they are in UTF-8, without URL encoding, numbers in \
             plain digits; key: secret_key; accessKey from access_key",
            names.join(", ")
        );
        SignedText {
            hash: Hash::Sha256,
            spelling: Spelling::LowerHex,
            secret: &self.secret_key,
            text: &signed,
            recipe: &recipe,
        }
        .check(sent)
        .map_err(|because| Refusal::signature("signature", because))?;
        self.one_cut(names, &signed)
    }

    /// Refuses a text that can be cut in another way, too. Values are joined by characters that can be typed, so
    /// `&storeId=…` inside a value may let the same signature fit another stall (docs/spec/providers.md, section 1,
    /// rule 7; that MoMo is concerned too is inferred).
    fn one_cut(&self, names: &[&str], signed: &[u8]) -> Result<(), Refusal> {
        let text = String::from_utf8_lossy(signed);
        let key = format!("accessKey={}", String::from_utf8_lossy(self.access_key.reveal()));
        let values: Vec<(&str, Cut<'_>)> = names[1..]
            .iter()
            .map(|name| (*name, value(name, &self.partner_code)))
            .collect();
        if !has_second_reading(text.strip_prefix(&key).unwrap_or_default(), &values) {
            return Ok(());
        }
        let twice = |name: &&&str| text.matches(&format!("&{name}=")).count() > 1;
        let name = names[1..].iter().find(twice).copied().unwrap_or("signature");
        let because = "a value holds this name between & and =, so the signature fits more than one message";
        Err(Refusal::malformed(name, because))
    }

    fn check_partner(&self, members: Members<'_>) -> Result<(), Refusal> {
        let sent = members.id("partnerCode")?;
        Refusal::unless_own("partnerCode", sent, &self.partner_code, "partner_code")
    }
}

/// What stands behind a signed name; the same in both schemes.
fn value<'a>(name: &str, partner_code: &'a str) -> Cut<'a> {
    match name {
        "amount" | "responseTime" | "resultCode" | "status" | "transId" => Cut::Integer,
        "partnerCode" => Cut::Own(partner_code),
        _ => Cut::Text,
    }
}

/// The provider's own words for nothing are unknown here, so plain ones (inferred).
fn not_kept() -> Answer {
    Answer::json(503, json!({"error": "not kept, send it again"}))
}

fn composed(keys: &Keys, names: &[&str], mut body: Value) -> Result<Outgoing, String> {
    let object = read_object(&body.to_string()).map_err(|r| r.to_string())?;
    let signature = Members::of(&object, "").and_then(|members| keys.sign(names, members));
    body["signature"] = signature.map_err(|r| r.to_string())?.into();
    Ok(Outgoing::json(body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// Signs a body as it stands, whatever it holds.
    pub fn signed(names: &[&str], body: &str) -> String {
        let object = match super::super::json::read(body).unwrap() {
            Json::Object(object) => object,
            other => panic!("{other:?}"),
        };
        let keys = Keys::read(&Secrets::from_pairs(pairs("momo", "ipn_v2").iter().copied())).unwrap();
        let signature = keys.sign(names, Members::unchecked(&object)).unwrap();
        format!(
            "{},\"signature\":\"{signature}\"}}",
            body.strip_suffix('}').unwrap()
        )
    }
}

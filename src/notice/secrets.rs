//! The secrets of one key, which never show themselves.

use std::collections::BTreeMap;

use serde::de::Error as _;

use crate::vn::Secret;

/// The secrets of one key of a provider, with the optional settings of its scheme: the names of
/// `secrets` in `tests/data/provider_vectors.json`, and values as text. Values never show themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

/// Why a secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// No key was given.
    #[error("a provider needs at least one key")]
    NoKey,
    /// Larger than any secret.
    #[error("the secret is larger than 64 KiB")]
    TooLarge,
    /// One secret as text, but the scheme has several.
    #[error("this scheme has several secrets; wanted a JSON object with {0}")]
    Several(String),
    /// The JSON cannot be read.
    #[error("the secret is not a JSON object of texts: {0}")]
    Json(String),
    /// A secret is not there, or empty.
    #[error("the secret «{0}» is missing")]
    Missing(String),
    /// The secret is written with quotation marks around it.
    #[error("the secret stands in quotation marks; give the bare text, or a JSON object with {0}")]
    Quoted(String),
    /// A name that the scheme does not know.
    #[error("«{name}» is no secret or setting of this scheme; it knows {known}")]
    Unknown {
        name: String,
        /// the names it knows
        known: String,
    },
    /// The value of a secret or setting is of no use.
    #[error("«{name}»: {because}")]
    Value {
        name: String,
        /// what is wrong with it; never holds the value of a secret
        because: String,
    },
}

/// Names of what only says who the merchant is. It stands in every callback, so it may be short.
const CODES: [&str; 6] = [
    "app_id",
    "basic_username",
    "mer_id",
    "merchant_code",
    "partner_code",
    "tmn_code",
];
/// Characters that a secret has at least; the keys that providers hand out have 16 and more.
const CHARS_MIN: usize = 8;

/// Control characters, and those that leave no mark on a screen.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

impl Secrets {
    /// Of names and values, unchecked against a scheme.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Secrets {
        let pairs = pairs.into_iter();
        Secrets(
            pairs
                .map(|(n, v)| (n.to_owned(), Secret::new(v.as_bytes().to_vec())))
                .collect(),
        )
    }

    /// Of a JSON object of texts, unchecked against a scheme. A name that comes twice is refused.
    pub fn from_json(text: &str) -> Result<Secrets, SecretsError> {
        let pairs: Pairs = serde_json::from_str(text).map_err(|e| SecretsError::Json(e.to_string()))?;
        Ok(Secrets(pairs.0))
    }

    /// The JSON object that [`Secrets::from_json`] reads: to be sealed, never shown.
    pub fn to_json(&self) -> Secret {
        let object: serde_json::Map<_, _> = self
            .0
            .iter()
            .map(|(n, v)| (n.clone(), String::from_utf8_lossy(v.reveal()).into_owned().into()))
            .collect();
        Secret::new(serde_json::Value::Object(object).to_string().into_bytes())
    }

    /// Refuses what a person never means by a secret: blanks at its ends, line breaks and characters that nobody
    /// sees (they come with copying), a text without a letter or digit, one that can be guessed. Said of what is
    /// handed in now; a secret that was kept before stays as good as it was.
    pub(super) fn check_typed(&self, names: &[&str]) -> Result<(), SecretsError> {
        let texts: Result<Vec<String>, SecretsError> = names.iter().map(|name| self.text(name)).collect();
        for (name, text) in names.iter().zip(texts?) {
            // Such keys come in lines, which their adapters take apart.
            let is_coded = ["_base64", "_pem"].iter().any(|end| name.ends_with(end));
            let is_code = CODES.contains(name);
            let because = if is_coded {
                None
            } else if text.trim() != text {
                Some("has a blank or line break at its beginning or end".to_owned())
            } else if text.chars().any(is_unseen) {
                Some("holds a line break or a character that cannot be seen".to_owned())
            } else if !text.chars().any(char::is_alphanumeric) {
                Some("holds neither letters nor digits".to_owned())
            } else if !is_code && text.chars().count() < CHARS_MIN {
                Some(format!(
                    "is shorter than {CHARS_MIN} characters: who guesses it can announce money"
                ))
            } else {
                None
            };
            if let Some(because) = because {
                return Err(SecretsError::wrong(name, because));
            }
        }
        Ok(())
    }

    /// A name that is none of these.
    pub(super) fn unknown_name(&self, known: &[&str]) -> Option<&str> {
        self.0
            .keys()
            .map(String::as_str)
            .find(|name| !known.contains(name))
    }

    /// A secret that must be there.
    pub(super) fn secret(&self, name: &str) -> Result<Secret, SecretsError> {
        match self.0.get(name) {
            Some(secret) if !secret.reveal().is_empty() => Ok(secret.clone()),
            _ => Err(SecretsError::Missing(name.to_owned())),
        }
    }

    /// A secret that must be there and is used as text: a merchant code, a public key.
    pub(super) fn text(&self, name: &str) -> Result<String, SecretsError> {
        let secret = self.secret(name)?;
        String::from_utf8(secret.reveal().to_vec()).map_err(|_| SecretsError::wrong(name, "is not text"))
    }

    /// An optional setting; none when absent or empty.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        std::str::from_utf8(value.reveal()).ok().filter(|v| !v.is_empty())
    }
}

impl SecretsError {
    /// A value that is of no use.
    pub(super) fn wrong(name: &str, because: impl Into<String>) -> SecretsError {
        SecretsError::Value {
            name: name.to_owned(),
            because: because.into(),
        }
    }
}

/// Texts by name, each name once.
struct Pairs(BTreeMap<String, Secret>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut from: A) -> Result<Pairs, A::Error> {
                let mut pairs = BTreeMap::new();
                while let Some((name, value)) = from.next_entry::<String, String>()? {
                    if pairs.contains_key(&name) {
                        return Err(A::Error::custom(format!("«{name}» comes twice")));
                    }
                    pairs.insert(name, Secret::new(value.into_bytes()));
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Visitor)
    }
}

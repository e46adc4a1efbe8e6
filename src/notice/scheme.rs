//! What a scheme is: how one provider signs and answers, which secrets and settings it needs, and how its
//! adapter is built.

use super::protocol::Protocol;
use super::secrets::{Secrets, SecretsError};

/// Largest secret file.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// One way of signing and answering: a profile (the provider) and, where it has several, the scheme.
pub struct Scheme {
    /// The provider's word, e.g. `momo`.
    pub profile: &'static str,
    /// The scheme's word, e.g. `ipn_v2`. A profile's first scheme is its default.
    pub name: &'static str,
    /// `POST` or `GET`.
    pub method: &'static str,
    /// What the provider calls below its address: empty except for bank style logins.
    pub paths: &'static [&'static str],
    /// Headers that the proof needs, lower case: kept as evidence.
    pub headers: &'static [&'static str],
    /// Whether the scheme has a word for "unknown order" (docs/spec/providers.md, section 1, rule 11).
    pub has_orders: bool,
    /// The secrets that a key needs, by the names in `tests/data/provider_vectors.json`.
    pub secrets: &'static [&'static str],
    /// Optional settings, kept beside the secrets, with what each changes. They stand for points that
    /// the public sources leave open.
    pub settings: &'static [(&'static str, &'static str)],
    /// Makes the protocol of one set of secrets, or says what is wrong with them.
    pub(super) build: fn(&Secrets) -> Result<Box<dyn Protocol>, SecretsError>,
}

impl std::fmt::Debug for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.profile, self.name)
    }
}

impl Scheme {
    /// The protocol of one set of secrets.
    pub(super) fn protocol(&self, secrets: &Secrets) -> Result<Box<dyn Protocol>, SecretsError> {
        (self.build)(secrets)
    }

    /// Reads what `--secret-file` holds: a JSON object with the scheme's names, or the one secret as
    /// text where the scheme has only one. Names that the scheme does not know are refused.
    pub fn read_secrets(&self, text: &str) -> Result<Secrets, SecretsError> {
        if text.len() > SECRET_BYTES_MAX {
            return Err(SecretsError::TooLarge);
        }
        let secrets = match (text.trim_start().starts_with('{'), self.secrets) {
            (true, _) => Secrets::from_json(text)?,
            (false, [one]) => Secrets::from_pairs([(*one, text.trim())]),
            (false, several) => return Err(SecretsError::Several(several.join(", "))),
        };
        for name in self.secrets {
            secrets.text(name)?;
        }
        let settings = self.settings.iter().map(|(name, _)| *name);
        let known: Vec<&str> = self.secrets.iter().copied().chain(settings).collect();
        match secrets.unknown_name(&known) {
            None => Ok(secrets),
            Some(name) => Err(SecretsError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            }),
        }
    }
}

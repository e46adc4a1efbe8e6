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

    /// Whether a key can be made of these secrets.
    pub fn check(&self, secrets: &Secrets) -> Result<(), SecretsError> {
        self.protocol(secrets).map(|_| ())
    }

    /// Reads what `--secret-file` holds: a JSON object with the scheme's names, or the one secret as
    /// text where the scheme has only one. Names that the scheme does not know are refused, and whatever its adapter
    /// could not work with: a secret that is kept must be able to prove something.
    pub fn read_secrets(&self, text: &str) -> Result<Secrets, SecretsError> {
        if text.len() > SECRET_BYTES_MAX {
            return Err(SecretsError::TooLarge);
        }
        // Editors of Windows begin a file with this mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        let is_quoted = |mark: char| text.len() > 1 && text.starts_with(mark) && text.ends_with(mark);
        let secrets = match (text.starts_with('{'), self.secrets) {
            (true, _) => Secrets::from_json(text)?,
            (false, [one]) if ['"', '\''].into_iter().any(is_quoted) => {
                return Err(SecretsError::Quoted((*one).to_owned()));
            }
            (false, [one]) => Secrets::from_pairs([(*one, text)]),
            (false, several) => return Err(SecretsError::Several(several.join(", "))),
        };
        let settings = self.settings.iter().map(|(name, _)| *name);
        let known: Vec<&str> = self.secrets.iter().copied().chain(settings).collect();
        if let Some(name) = secrets.unknown_name(&known) {
            return Err(SecretsError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            });
        }
        self.check(&secrets)?;
        secrets.check_typed(self.secrets)?;
        Ok(secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{P256_PRIVATE, RSA_PRIVATE, pairs};
    use super::super::{SCHEMES, scheme};
    use super::*;

    /// The scheme's test secrets as a file, one of them changed.
    fn file(scheme: &Scheme, name: &str, value: &str) -> String {
        let good = pairs(scheme.profile, scheme.name).iter().copied();
        let changed = good.map(|(own, good)| (own, if own == name { value } else { good }));
        let object: serde_json::Map<_, _> = changed.map(|(n, v)| (n.to_owned(), v.into())).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// Ways in which a secret comes out wrong, of every scheme and each of its secrets.
    fn damaged(name: &str, good: &str) -> Vec<String> {
        let middle = good.len() / 2;
        let (head, tail) = good.split_at(middle);
        let mut all: Vec<String> = ["", " ", "\n", "…", "***"].map(str::to_owned).into();
        all.push(format!("{head}\u{200b}{tail}"));
        let is_key = ["_base64", "_pem"].iter().any(|end| name.ends_with(end));
        if is_key {
            all.push(tail.to_owned());
            all.push(head.to_owned());
            all.push(good.replacen(['+', '/'], "-", 1));
            all.push(format!("-----BEGIN PUBLIC KEY-----\n{head}\n"));
            all.push(format!(
                "-----BEGIN PUBLIC KEY-----{good}-----END PUBLIC KEY-----"
            ));
            if name.contains("public") {
                all.push(format!(
                    "-----BEGIN PRIVATE KEY-----\n{P256_PRIVATE}\n-----END PRIVATE KEY-----"
                ));
                all.push(RSA_PRIVATE.to_owned());
            }
        } else {
            all.extend([format!("{good}\n"), format!(" {good}"), format!("{head}\n{tail}")]);
        }
        if good.contains("hush") {
            all.push(good.chars().take(7).collect());
        }
        all
    }

    #[test]
    fn a_damaged_secret_of_any_scheme_is_refused_by_its_name_and_never_shown() {
        for scheme in &SCHEMES {
            assert!(scheme.read_secrets(&file(scheme, "", "")).is_ok(), "{scheme:?}");
            for (name, good) in pairs(scheme.profile, scheme.name) {
                for value in damaged(name, good) {
                    // A setting that is empty is none.
                    if value.is_empty() && !scheme.secrets.contains(name) {
                        continue;
                    }
                    let error = scheme.read_secrets(&file(scheme, name, &value));
                    let error = error
                        .expect_err(&format!("{scheme:?} {name} «{value}»"))
                        .to_string();
                    assert!(error.contains(name), "{scheme:?} {name} «{value}»: {error}");
                    assert!(value.len() < 9 || !error.contains(value.trim()), "{error}");
                }
            }
        }
    }

    #[test]
    fn one_secret_as_text_is_read_as_editors_write_it_and_refused_as_people_spoil_it() {
        let standard = scheme("standard", None).unwrap();
        let (_, good) = pairs("standard", "webhooks_v1")[0];
        for text in [
            format!("{good}\r\n"),
            format!("\u{feff}{good}\n"),
            format!("\n {good} "),
        ] {
            assert_eq!(
                standard.read_secrets(&text),
                standard.read_secrets(good),
                "{text:?}"
            );
        }
        for text in [
            "x",
            "",
            "whsec_",
            &good[..20],
            &format!("\"{good}\""),
            &format!("'{good}'"),
            "[1]",
        ] {
            assert!(standard.read_secrets(text).is_err(), "{text}");
        }
        let url_safe = format!("whsec_{}", "-_".repeat(16));
        let error = standard.read_secrets(&url_safe).unwrap_err().to_string();
        assert!(error.contains("URL-safe"), "{error}");
        let several = scheme("momo", None).unwrap().read_secrets("one text only");
        assert!(matches!(several, Err(SecretsError::Several(_))), "{several:?}");
    }

    #[test]
    fn a_key_to_simulate_with_is_of_the_algorithm_of_the_scheme() {
        for (profile, name, foreign) in [
            ("viettel", "ecdsa_p256_sha256", RSA_PRIVATE),
            ("vnpt", "depositcode_rsa_sha256", P256_PRIVATE),
        ] {
            let scheme = scheme(profile, Some(name)).unwrap();
            let error = scheme.read_secrets(&file(scheme, "private_key_pkcs8_base64", foreign));
            assert!(
                error
                    .unwrap_err()
                    .to_string()
                    .contains("private_key_pkcs8_base64")
            );
        }
    }
}

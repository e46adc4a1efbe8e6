//! Public and private keys, as providers hand them out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::secrets::{Secrets, SecretsError};
use crate::vn::Secret;

/// The bit string of a public key (SubjectPublicKeyInfo in base64, PEM lines allowed), if it is of this
/// algorithm and these parameters.
pub(super) fn public_key(
    secrets: &Secrets,
    name: &str,
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
) -> Result<Vec<u8>, SecretsError> {
    let wrong = |because: &str| SecretsError::wrong(name, because);
    let text = secrets.text(name)?;
    let der = decoded(name, &text, "PUBLIC KEY")?;
    let info = SubjectPublicKeyInfoRef::try_from(der.as_slice()).map_err(|_| {
        let usual = "is not a public key (SubjectPublicKeyInfo), or not a whole one";
        SecretsError::wrong(name, pem_fault(&text, "PUBLIC KEY").unwrap_or(usual.to_owned()))
    })?;
    if info.algorithm.oid != algorithm {
        return Err(wrong("is a key of another algorithm"));
    }
    if curve.is_some() && info.algorithm.parameters_oid().ok() != curve {
        return Err(wrong("is a key on another curve"));
    }
    let bits = info.subject_public_key.as_bytes();
    bits.map(<[u8]>::to_vec)
        .ok_or_else(|| wrong("holds a broken bit string"))
}

/// The setting of `provider simulate`.
pub(super) const PRIVATE_KEY: &str = "private_key_pkcs8_base64";

/// The private key of that setting, decoded, if there is one.
pub(super) fn private_key(secrets: &Secrets) -> Result<Option<Secret>, SecretsError> {
    let text = secrets.setting(PRIVATE_KEY);
    let bytes = text.map(|text| decoded(PRIVATE_KEY, text, "PRIVATE KEY"));
    Ok(bytes.transpose()?.map(Secret::new))
}

/// The bytes of a key in base64, in one line or several; lines of PEM around it say nothing.
fn decoded(name: &str, text: &str, kind: &str) -> Result<Vec<u8>, SecretsError> {
    let lines = text.lines().map(str::trim);
    let coded: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let wrong = |_| {
        let because = pem_fault(text, kind).unwrap_or_else(|| not_base64(&coded));
        SecretsError::wrong(name, because)
    };
    BASE64.decode(&coded).map_err(wrong)
}

/// What the lines of PEM around a key that cannot be read give away.
fn pem_fault(text: &str, kind: &str) -> Option<String> {
    let has = |words: &str| text.contains(words);
    let has_line = |words: &str| text.lines().any(|line| line.trim() == words);
    let [begin, end] = ["BEGIN", "END"].map(|mark| format!("-----{mark} {kind}-----"));
    if has("PRIVATE KEY-----") && kind == "PUBLIC KEY" {
        Some("is a private key; wanted the public one".to_owned())
    } else if has("-----BEGIN CERTIFICATE") {
        Some("is a certificate; wanted the public key in it".to_owned())
    } else if has("-----BEGIN") && !has(&begin) {
        Some(format!("is another kind of PEM; wanted {begin}"))
    } else if has(&begin) && !has(&end) {
        Some(format!("is cut off: {end} is missing"))
    } else if has(&begin) && !(has_line(&begin) && has_line(&end)) {
        Some(format!("wants {begin} and {end} on lines of their own"))
    } else {
        None
    }
}

/// Why a text is not the base64 that keys are written in, as far as it can be seen.
pub(super) fn not_base64(coded: &str) -> String {
    let is_coded = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let because = match coded.chars().find(|c| !is_coded(*c)) {
        _ if coded.is_empty() => "is empty",
        Some('-' | '_') => "holds - or _, the letters of URL-safe base64; wanted + and /",
        Some(c) if c.is_whitespace() => "holds a blank or line break",
        Some(_) => "holds a character that is none of base64",
        None if !coded.len().is_multiple_of(4) => "is cut off, or lacks the = at its end",
        None => "does not end as base64 ends",
    };
    format!("is not base64: it {because}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base64_says_what_it_looks_like() {
        for (coded, part) in [
            ("", "is empty"),
            ("ab-_", "URL-safe"),
            ("ab cd", "blank"),
            ("ab\u{200b}c", "none of base64"),
            ("abcde", "cut off"),
            ("ab=c", "does not end"),
        ] {
            assert!(not_base64(coded).contains(part), "{coded}: {}", not_base64(coded));
        }
    }
}

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
    let coded: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = BASE64.decode(coded).map_err(|_| wrong("is not base64"))?;
    let info = SubjectPublicKeyInfoRef::try_from(der.as_slice())
        .map_err(|_| wrong("is not a public key (SubjectPublicKeyInfo)"))?;
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

/// The setting of `provider simulate`, decoded.
pub(super) fn private_key(secrets: &Secrets) -> Result<Option<Secret>, SecretsError> {
    const NAME: &str = "private_key_pkcs8_base64";
    let Some(text) = secrets.setting(NAME) else {
        return Ok(None);
    };
    let bytes = BASE64
        .decode(text.trim())
        .map_err(|_| SecretsError::wrong(NAME, "is not base64"))?;
    Ok(Some(Secret::new(bytes)))
}

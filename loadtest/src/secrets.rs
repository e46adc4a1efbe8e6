//! Secrets for every scheme that can sign here: invented, and the same for the same seed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use choso::notice::{Scheme, Secrets};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

/// SubjectPublicKeyInfo of id-ecPublicKey on prime256v1, up to the point itself (RFC 5480).
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Makes the secrets a scheme needs, or says why it cannot sign here. A pair of keys is random at each
/// call: its seed cannot be given.
pub fn invent(scheme: &Scheme, seed: u64) -> Result<Secrets, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for name in scheme.secrets {
        match *name {
            "signing_secret" => {
                let bytes: Vec<u8> = (0..32).map(|_| random.u8(..)).collect();
                pairs.push((name, BASE64.encode(bytes)));
            }
            "app_id" => pairs.push((name, random.u32(100_000..1_000_000).to_string())),
            "viettel_public_key_spki_base64" => {
                let (public, private) = p256()?;
                pairs.push((name, public));
                pairs.push(("private_key_pkcs8_base64", private));
            }
            name if name.contains("public_key") => {
                return Err(format!(
                    "{name} is of RSA, and no pair of such keys can be made here"
                ));
            }
            _ => pairs.push((name, format!("{:016x}", random.u64(..)))),
        }
    }
    Ok(Secrets::from_pairs(pairs.iter().map(|(n, v)| (*n, v.as_str()))))
}

/// A fresh pair of P-256 keys: the public one as SPKI, the private one as PKCS#8, in base64.
fn p256() -> Result<(String, String), String> {
    let random = SystemRandom::new();
    let wrong = |_| "no pair of P-256 keys could be made".to_owned();
    let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(wrong)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private.as_ref(), &random)
        .map_err(|e| e.to_string())?;
    let public = [&P256_SPKI[..], pair.public_key().as_ref()].concat();
    Ok((BASE64.encode(public), BASE64.encode(private)))
}

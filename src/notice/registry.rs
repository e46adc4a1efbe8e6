//! Every scheme that there is, and how one is found by its words.

use super::scheme::Scheme;
use super::{casso, mb, momo, payos, sepay, standard, viettel, vnpay, vnpt, zalopay};

/// Why there is no such scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The profile is not known.
    #[error("there is no profile «{0}»; there are {1}")]
    Profile(String, String),
    /// The profile has no such scheme.
    #[error("profile {0} has no scheme «{1}»; it has {2}")]
    Scheme(String, String, String),
}

/// Every scheme; the first of a profile is its default.
pub static SCHEMES: [Scheme; 16] = [
    standard::WEBHOOKS_V1,
    momo::IPN_V2,
    momo::QR_NOTIFY_V1,
    vnpay::PAY_IPN,
    vnpay::QR_MMS,
    viettel::CHECKSUM,
    viettel::ECDSA,
    vnpt::MEGAPAY_TOKEN,
    vnpt::DEPOSITCODE,
    mb::VIETQR,
    zalopay::CALLBACK_KEY2,
    payos::WEBHOOK_CHECKSUM,
    casso::WEBHOOK_V2,
    casso::SECURE_TOKEN,
    sepay::HMAC_SHA256,
    sepay::API_KEY,
];

/// The scheme of a profile: its default where none is named.
pub fn scheme(profile: &str, name: Option<&str>) -> Result<&'static Scheme, SchemeError> {
    let mut own = SCHEMES.iter().filter(|s| s.profile == profile).peekable();
    if own.peek().is_none() {
        let mut profiles: Vec<&str> = SCHEMES.iter().map(|s| s.profile).collect();
        profiles.dedup();
        return Err(SchemeError::Profile(profile.to_owned(), profiles.join(", ")));
    }
    let found = match name {
        None => own.next(),
        // Both calls of the bank style are one scheme of one provider.
        Some(name) => own.find(|s| s.name == name || (profile == "mb" && mb::CALLS.contains(&name))),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = SCHEMES
            .iter()
            .filter(|s| s.profile == profile)
            .map(|s| s.name)
            .collect();
        SchemeError::Scheme(
            profile.to_owned(),
            name.unwrap_or_default().to_owned(),
            names.join(", "),
        )
    })
}

//! Signing in with a phone number and a PIN, and choosing a PIN at the first use.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

use super::session::{
    attempt_failed, device, fresh_secret, refuse_hasty, seconds, session_end, shared_of, signed_in, too_many,
};
use super::{Problem, ProblemKind, Shared};
use crate::access::{Pin, Way, WeakPin, is_secret_text, token_sha256};
use crate::clock::now;
use crate::store::{NewSession, PinAttempt};
use crate::vn::{Phone, TimeMs};

/// How long the page on which a PIN is chosen can be sent.
const CHOICE_MS: i64 = 15 * 60_000;
/// A well-formed hash that no PIN is kept under: a phone that nobody has costs as long as one that somebody has.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What came of a phone number and a PIN.
pub enum PinSignIn {
    /// The cookie holds the session.
    Yes(Cookie<'static>),
    /// The PIN was one to begin with: with this secret the person chooses one.
    Choose(String),
    /// The phone is nobody's, or the PIN is wrong. Which of the two is told to nobody.
    No,
    /// The PIN was right, and its days are over.
    Expired,
}

/// What came of a PIN that somebody chose.
pub enum PinChosen {
    /// The cookie holds the session.
    Yes(Cookie<'static>),
    /// It is not six digits, or was typed in two ways.
    Mistyped,
    /// It is among what is tried first.
    Weak(WeakPin),
    /// The page was open for too long, or was sent before.
    Over,
}

/// Begins a session for whoever knows the PIN of a phone. Wrong ones make the phone wait, and the address.
pub async fn sign_in(request: &HttpRequest, phone: &str, pin: &str) -> Result<PinSignIn, Problem> {
    refuse_hasty(request)?;
    let shared = shared_of(request);
    let (Some(phone), Some(pin)) = (Phone::parse(phone.trim()), Pin::typed(pin)) else {
        attempt_failed(request, Way::Form);
        return Ok(PinSignIn::No);
    };
    let known = match shared.store.attempt_pin(&phone, now()).await? {
        PinAttempt::Waits(ms) => {
            shared.metrics.sign_in("slowed");
            return Err(too_many(seconds(ms)));
        }
        PinAttempt::Allowed(known) => Some(known),
        PinAttempt::Unknown => None,
    };
    let hash = known
        .as_ref()
        .map_or(NOBODYS_HASH, |known| known.pin_hash.as_str());
    let fits = fits(shared, &pin, hash).await?;
    let Some(known) = known.filter(|_| fits) else {
        attempt_failed(request, Way::Form);
        return Ok(PinSignIn::No);
    };
    let secret = fresh_secret()?;
    let secret_sha256 = token_sha256(&secret);
    match known.expires_at {
        Some(until) if until <= now() => Ok(PinSignIn::Expired),
        Some(_) => {
            let until = TimeMs(now().0 + CHOICE_MS);
            let opened = shared
                .store
                .open_pin_choice(&phone, &known, &secret_sha256, until)
                .await?;
            Ok(if opened {
                PinSignIn::Choose(secret)
            } else {
                PinSignIn::No
            })
        }
        None => {
            let new = NewSession {
                session_sha256: &secret_sha256,
                device: &device(request),
                expires_at: session_end(),
            };
            if shared.store.sign_in_by_pin(&phone, &known, new, now()).await? {
                Ok(PinSignIn::Yes(signed_in(request, &known.name, secret).await?))
            } else {
                Ok(PinSignIn::No)
            }
        }
    }
}

/// Keeps the PIN that a person chose, typed twice, and begins a session.
pub async fn choose(
    request: &HttpRequest,
    secret: &str,
    pin: &str,
    again: &str,
) -> Result<PinChosen, Problem> {
    refuse_hasty(request)?;
    let shared = shared_of(request);
    let change_sha256 = token_sha256(secret);
    let phone = if is_secret_text(secret) {
        shared.store.pin_choice(&change_sha256, now()).await?
    } else {
        None
    };
    let Some(phone) = phone else {
        attempt_failed(request, Way::Form);
        return Ok(PinChosen::Over);
    };
    let (Some(pin), true) = (Pin::typed(pin), Pin::typed(pin) == Pin::typed(again)) else {
        return Ok(PinChosen::Mistyped);
    };
    if let Some(why) = pin.weakness(&phone) {
        return Ok(PinChosen::Weak(why));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| busy())?;
    let hash = in_line(shared, move || pin.hash(salt)).await?;
    let session = fresh_secret()?;
    let new = NewSession {
        session_sha256: &token_sha256(&session),
        device: &device(request),
        expires_at: session_end(),
    };
    match shared.store.choose_pin(&change_sha256, &hash, new, now()).await? {
        Some(name) => Ok(PinChosen::Yes(signed_in(request, &name, session).await?)),
        None => Ok(PinChosen::Over),
    }
}

async fn fits(shared: &Shared, pin: &Pin, hash: &str) -> Result<bool, Problem> {
    let (pin, hash) = (pin.clone(), hash.to_owned());
    in_line(shared, move || pin.fits(&hash)).await
}

/// Works with hashes of PINs one at a time, away from the threads that answer: however many sign in, callbacks go on.
async fn in_line<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let _turn = shared.turns.pin_hash.wait().await.ok_or_else(busy)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| busy())
}

fn busy() -> Problem {
    let detail = (
        "Nhiều người đang đăng nhập cùng lúc. Hãy chờ vài giây rồi thử lại.",
        "Many people are signing in at this moment. Wait some seconds, then try again.",
    );
    Problem::new(ProblemKind::Busy, detail).retry_after(3)
}

//! The wall check of a whole street without network: a list that a phone takes along, and what it tells of its
//! walk afterwards.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::assets::WORKER;
use super::live::Live;
use super::packs::no_place;
use super::register::place_name;
use crate::access::wall_digest;
use crate::clock::now;
use crate::register::CodeVerdict;
use crate::store::OfflineCheck;
use crate::vn::{Day, Sentence, TimeMs, sentence};
use crate::web::body::read_body;
use crate::web::{Person, Problem, Shared};

/// Looks that a phone tells at once; it tells the others next.
const LOOKS_MAX: usize = 500;
/// A look older than this is told by nobody who still knows what it was.
pub(super) const LOOK_AGE_MAX_MS: i64 = 90 * 86_400_000;

/// What a phone takes along.
#[derive(Serialize)]
struct WallList {
    /// The street or market.
    place: String,
    name: String,
    /// What stands before each text when its digest is made.
    salt: String,
    /// When the list was made, milliseconds UTC, and as people read it.
    at_ms: i64,
    at: String,
    /// Digests of the codes in use, and of those that ended; see [`wall_digest`]. Sorted, so that their order
    /// tells nothing.
    right: Vec<String>,
    revoked: Vec<String>,
}

/// `GET /check/lists/{street or market}`
pub(super) async fn list(
    _: Person,
    place: web::Path<String>,
    shared: web::Data<Shared>,
    live: web::Data<Live>,
) -> Result<HttpResponse, Problem> {
    let time = now();
    let snapshot = live.snapshot(&shared.store).await?;
    let name = place_name(&snapshot.facts, &place).ok_or_else(no_place)?;
    let codes = shared.store.codes_at_place(&place, Day::of(time)).await?;
    let digests = |active: bool| -> Vec<String> {
        let mut digests: Vec<String> = codes
            .iter()
            .filter(|code| code.is_active == active)
            .map(|code| wall_digest(&place, &code.payload))
            .collect();
        digests.sort();
        digests.dedup();
        digests
    };
    let right = digests(true);
    let mut revoked = digests(false);
    // A worn card and the one in its place bear one text.
    revoked.retain(|digest| right.binary_search(digest).is_err());
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(WallList {
            salt: place.clone(),
            place: place.into_inner(),
            name,
            at_ms: time.0,
            at: time.show(),
            right,
            revoked,
        }))
}

/// What a phone tells of a walk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    place: String,
    looks: Vec<Look>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    id: String,
    verdict: String,
    payload_sha256: String,
    tail: Option<String>,
    at_ms: i64,
}

impl Look {
    /// The look, if it can be one; phones of other versions may tell nonsense.
    fn read(self, time: TimeMs) -> Option<OfflineCheck> {
        let verdict = CodeVerdict::parse(&self.verdict)?;
        let is_digest = self.payload_sha256.len() == 64
            && self
                .payload_sha256
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let is_tail = |tail: &String| tail.len() <= 4 && tail.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_good = is_digest
            && (1..=64).contains(&self.id.len())
            && self.tail.as_ref().is_none_or(is_tail)
            && self.at_ms > time.0 - LOOK_AGE_MAX_MS;
        is_good.then(|| OfflineCheck {
            check_id: self.id,
            verdict,
            payload_sha256: self.payload_sha256,
            tail: self.tail,
            // A phone whose clock is ahead looked now.
            checked_at: TimeMs(self.at_ms.min(time.0)),
        })
    }
}

/// What the phone is told.
#[derive(Serialize)]
struct Told {
    /// Looks that were kept now, and those that had been before; the phone may forget all of them.
    kept: usize,
    repeated: usize,
    /// Looks that could not be read; the phone may forget them too.
    unread: usize,
    /// Ids of those of which the register says something else than the phone did.
    differing: Vec<String>,
}

/// `POST /check/walk`
pub(super) async fn tell(
    person: Person,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let walk: Walk = serde_json::from_slice(&read_body(payload).await?)
        .map_err(|error| Problem::invalid("walk", Sentence::new(error.to_string(), error.to_string())))?;
    if walk.looks.len() > LOOKS_MAX {
        let detail = sentence!(
            "Gửi tối đa {LOOKS_MAX} lần kiểm tra một lượt.",
            "Tell at most {LOOKS_MAX} looks at once."
        );
        return Err(Problem::invalid("looks", detail));
    }
    let time = now();
    let told = walk.looks.len();
    let looks: Vec<OfflineCheck> = walk
        .looks
        .into_iter()
        .filter_map(|look| look.read(time))
        .collect();
    let kept = shared
        .store
        .keep_offline_checks(&walk.place, &looks, person.at(time))
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Told {
            kept: kept.kept,
            repeated: kept.repeated,
            unread: told - looks.len(),
            differing: kept.differing,
        }))
}

/// `GET /sw.js`: what lets a phone open the check without network. It stands at the root, since a worker sees
/// only what lies beneath it, and is asked for anew each time.
pub(super) async fn worker() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(WORKER)
}

//! Headers that every answer of pages and API needs, whichever handler made it.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;

use super::peer::Peer;

/// A browser that came by TLS once asks for nothing in clear for a year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The wall check needs the camera; nothing else of a phone is asked for.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), bluetooth=(), serial=(), midi=()",
);
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Adds them: nothing is kept by a browser or proxy unless its handler says so, since most answers hold names,
/// accounts or amounts.
pub async fn add(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_tls = Peer::of(request.request()).is_tls;
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if is_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    let usual = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    for (name, value) in usual {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

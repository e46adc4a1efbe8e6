//! HTTP/1.1 by hand: requests that a well-behaved client could not send.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// An answer of the service.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
    /// Body as it came, for pictures.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// Sends a request and reads the whole answer; an error says that the connection broke.
pub fn try_send(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    send_raw(to, &[head.as_bytes(), body])
}

/// Sends these bytes one after another and reads what comes back until the service closes or has said
/// nothing more for a while; the connection is closed afterwards.
pub fn send_raw(to: SocketAddr, parts: &[&[u8]]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    for part in parts {
        // A service that refuses early may close before it has taken everything; its answer counts.
        let _ = stream.write_all(part);
    }
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    match (parse(&bytes), read) {
        (Some(answer), _) => Ok(answer),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// As [`try_send`], where the connection must hold.
pub fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_send(to, method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.to_lowercase(), v.trim().to_owned()))
        .collect();
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    Some(Answer {
        status,
        headers,
        body: body.to_owned(),
        bytes: bytes[start..].to_vec(),
    })
}

/// The `webhook-signature` as a provider's engineer would compute it from the public text of the scheme;
/// nothing of the service is used, so that a mistake in it cannot sign for itself.
pub fn signature(secret: &str, webhook_id: &str, timestamp: impl Display, body: &[u8]) -> String {
    let key = BASE64
        .decode(secret.strip_prefix("whsec_").expect("the prefix of the scheme"))
        .expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{webhook_id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// Seconds since 1970 on this machine's clock.
pub fn unix_now_s() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("a sane clock")
}

/// The three headers of a callback signed now.
pub fn signed(secret: &str, webhook_id: &str, body: &[u8]) -> [(&'static str, String); 3] {
    signed_at(secret, webhook_id, body, unix_now_s())
}

/// The three headers of a callback signed at this second.
pub fn signed_at(secret: &str, webhook_id: &str, body: &[u8], at_s: i64) -> [(&'static str, String); 3] {
    [
        ("webhook-id", webhook_id.to_owned()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", signature(secret, webhook_id, at_s, body)),
    ]
}

//! Bodies of requests, whole or as a file, within their limits and in time.

use std::io::Write;
use std::time::Duration;

use actix_web::web;
use futures_util::StreamExt;

use super::problem::{Problem, ProblemKind, broken_body};

/// Largest body of a callback (docs/spec/contract.md, section 4), and of a call of the API.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// A body that dribbles in for longer than this is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request, whole, within its limit and in time.
pub(super) async fn read_body(payload: web::Payload) -> Result<web::Bytes, Problem> {
    read_body_up_to(payload, BODY_BYTES_MAX).await
}

/// The same with a limit of its own.
pub(super) async fn read_body_up_to(payload: web::Payload, bytes_max: usize) -> Result<web::Bytes, Problem> {
    let slow = |_| {
        let detail = (
            "Nội dung chưa đến đủ trong 10 giây. Hãy gửi lại.",
            "The content did not come within 10 seconds. Send it again.",
        );
        Problem::new(ProblemKind::SlowBody, detail)
    };
    let read = tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(bytes_max)).await;
    match read.map_err(slow)? {
        Ok(bytes) => bytes.map_err(|_| broken_body()),
        Err(_) => Err(Problem::too_large(bytes_max)),
    }
}

/// Bytes that gather before they are written.
const WRITE_BYTES: usize = 1 << 20;
/// A large body may take its time over a slow line, but not stand still.
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A large body that is not whole by then is given up.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// A large body as a file that goes with what is returned, and how many bytes it has. Memory holds a small part.
pub(super) async fn body_as_file(
    payload: web::Payload,
    bytes_max: u64,
) -> Result<(tempfile::TempPath, u64), Problem> {
    let slow = |_| {
        let detail = (
            "Tệp chưa đến đủ: đường truyền đứng lại hoặc quá chậm. Hãy gửi lại.",
            "The file did not come whole: the line stood still or is too slow. Send it again.",
        );
        Problem::new(ProblemKind::SlowBody, detail)
    };
    let written = tokio::time::timeout(UPLOAD_TIMEOUT, write_body(payload, bytes_max, slow)).await;
    written.map_err(slow)?
}

async fn write_body(
    mut payload: web::Payload,
    bytes_max: u64,
    slow: impl Fn(tokio::time::error::Elapsed) -> Problem,
) -> Result<(tempfile::TempPath, u64), Problem> {
    let full = |error: std::io::Error| {
        let detail = (
            "Máy chủ chưa ghi được tệp. Hãy thử lại; nếu vẫn lỗi, báo quản trị viên mã yêu cầu này.",
            "The server could not write the file. Try again; if it still fails, give the administrator this id.",
        );
        let problem = Problem::new(ProblemKind::NoSpace, detail);
        tracing::error!(%error, request_id = problem.request_id, "a body could not be written to a file");
        problem
    };
    let mut file = tempfile::NamedTempFile::new().map_err(full)?;
    let mut bytes = 0_u64;
    let mut waiting = Vec::with_capacity(WRITE_BYTES);
    loop {
        let next = tokio::time::timeout(BODY_IDLE_TIMEOUT, payload.next()).await;
        let part = next.map_err(&slow)?.transpose().map_err(|_| broken_body())?;
        let is_end = part.is_none();
        if let Some(part) = part {
            bytes += part.len() as u64;
            if bytes > bytes_max {
                return Err(Problem::too_large(
                    usize::try_from(bytes_max).unwrap_or(usize::MAX),
                ));
            }
            waiting.extend_from_slice(&part);
        }
        if is_end || waiting.len() >= WRITE_BYTES {
            let block = std::mem::replace(&mut waiting, Vec::with_capacity(WRITE_BYTES));
            let written = web::block(move || file.write_all(&block).map(|()| file)).await;
            file = written
                .map_err(|error| full(std::io::Error::other(error)))?
                .map_err(full)?;
        }
        if is_end {
            return Ok((file.into_temp_path(), bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    async fn as_file(body: Vec<u8>, bytes_max: u64) -> Result<(tempfile::TempPath, u64), Problem> {
        let (request, mut payload) = TestRequest::post().set_payload(body).to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload).await;
        body_as_file(payload.expect("a body"), bytes_max).await
    }

    #[actix_web::test]
    async fn a_large_body_becomes_a_file_that_goes_with_what_is_returned() {
        let body: Vec<u8> = (0..3 * WRITE_BYTES + 7).map(|at| at as u8).collect();
        let (path, bytes) = as_file(body.clone(), body.len() as u64).await.expect("it fits");
        assert_eq!(bytes, body.len() as u64);
        assert_eq!(std::fs::read(&path).expect("a file"), body);
        let place = path.to_path_buf();
        drop(path);
        assert!(!place.exists());
        let large = as_file(body.clone(), body.len() as u64 - 1).await;
        assert_eq!(large.expect_err("one byte too many").kind, ProblemKind::TooLarge);
    }
}

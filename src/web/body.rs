use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;

use super::Problem;

/// Largest body of a callback (CONTRACT section 4), and of a call of the API.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// A body that dribbles in for longer than this is given up.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The body of a request, whole, within its limit and in time.
pub(super) async fn read_body(payload: web::Payload) -> Result<web::Bytes, Problem> {
    read_body_up_to(payload, BODY_BYTES_MAX).await
}

/// The same with a limit of its own.
pub(super) async fn read_body_up_to(payload: web::Payload, bytes_max: usize) -> Result<web::Bytes, Problem> {
    let slow = |_| {
        let detail = "Nội dung chưa đến đủ trong 10 giây. Hãy gửi lại.";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", "Gửi quá chậm", detail)
    };
    let broken = |_| {
        let detail = "Kết nối bị ngắt giữa chừng. Hãy gửi lại.";
        Problem::new(
            StatusCode::BAD_REQUEST,
            "broken-body",
            "Nội dung không trọn vẹn",
            detail,
        )
    };
    let read = tokio::time::timeout(BODY_WITHIN, payload.to_bytes_limited(bytes_max)).await;
    match read.map_err(slow)? {
        Ok(bytes) => bytes.map_err(broken),
        Err(_) => Err(Problem::too_large(bytes_max)),
    }
}

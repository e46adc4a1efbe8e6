//! Receipts as they are posted, as server-sent events, and orders that wait to be paid.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::common::{IdempotencyKey, from_json, once, whole_or_nothing};
use crate::clock::now;
use crate::intake::Listener;
use crate::ledger::LedgerNo;
use crate::store::{FeedReceipt, NewOrder};
use crate::vn::Dong;
use crate::web::body::read_body;
use crate::web::{Person, Problem, ProblemKind, ReceiptsProgram, Shared};

/// A line that says nothing, so that neither side takes a quiet stream for a dead one.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a listener should wait before it comes again, milliseconds.
const RECONNECT_DELAY_MS: u32 = 2000;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/receipts/stream", web::get().to(stream_receipts))
        .route("/orders", web::post().to(create_order));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamParams {
    /// Only receipts of this stall; all if absent.
    stall_id: Option<String>,
    /// The `id` of the last event that was heard, which is the receipt's, where the header `Last-Event-ID` cannot be sent.
    after: Option<String>,
}

/// A posted receipt, as the stream tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceiptEvent<'a> {
    receipt_id: &'a str,
    household_id: &'a str,
    /// Null where only the household is known.
    stall_id: Option<&'a str>,
    provider_id: &'a str,
    amount_vnd: i64,
    /// The day it counts for, `YYYY-MM-DD`.
    business_date: String,
    /// Time of payment, ISO 8601; null if the notice named none.
    occurred_at: Option<String>,
    /// When it was received, ISO 8601.
    posted_at: String,
}

/// Receipts as they are posted, as server-sent events of type `receipt`: each once, in order within a
/// stall. Whoever sends the id of the last event he heard (`Last-Event-ID`) hears what came since. It is for programs
/// with a token made for it (`choso token add NAME --may receipts`); a person's token is refused.
#[utoipa::path(get, path = "/api/v1/receipts/stream", params(StreamParams),
    responses((status = 200, description = "Events without end; the data of each is a receipt.",
        content_type = "text/event-stream", body = ReceiptEvent)))]
pub(super) async fn stream_receipts(
    _: ReceiptsProgram,
    request: HttpRequest,
    shared: web::Data<Shared>,
    params: web::Query<StreamParams>,
) -> Result<HttpResponse, Problem> {
    let header = request
        .headers()
        .get("last-event-id")
        .and_then(|v| v.to_str().ok());
    let last_seen = match header.or(params.after.as_deref()).filter(|t| !t.is_empty()) {
        None => None,
        Some(text) => Some(LedgerNo::parse(text).ok_or_else(|| {
            Problem::invalid(
                "after",
                (
                    "Không phải mã sự kiện của luồng này. Hãy bỏ trống để nhận từ lúc này.",
                    "This is no event of this stream. Leave it out to listen from now on.",
                ),
            )
        })?),
    };
    let listener = shared
        .announcer
        .listen(params.stall_id.clone(), last_seen)
        .await?;
    let Some(listener) = listener else {
        let detail = (
            "Dịch vụ đang dừng. Hãy kết nối lại sau vài giây.",
            "The service is stopping. Connect again in a few seconds.",
        );
        return Err(Problem::new(ProblemKind::Stopping, detail).retry_after(2));
    };
    let greeting = web::Bytes::from(format!("retry: {RECONNECT_DELAY_MS}\n\n"));
    let stream = Stream {
        listener,
        greeting: Some(greeting),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compression would gather events before it sends them.
        .insert_header(ContentEncoding::Identity)
        // A proxy that gathers the stream before it passes it on would hold every event back.
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(stream::unfold(stream, next_piece)))
}

/// A listener, and what is still to be said before the first receipt.
struct Stream {
    listener: Listener,
    greeting: Option<web::Bytes>,
}

/// The next piece of a stream. It ends when the service does, and when the database fails: the listener
/// then comes again with the id of what it received last.
async fn next_piece(mut stream: Stream) -> Option<(Result<web::Bytes, std::io::Error>, Stream)> {
    if let Some(greeting) = stream.greeting.take() {
        return Some((Ok(greeting), stream));
    }
    let text = match tokio::time::timeout(KEEP_ALIVE_INTERVAL, stream.listener.next()).await {
        Err(_) => ":\n\n".to_owned(),
        Ok(Ok(Some(receipts))) => receipts.iter().map(event).collect(),
        Ok(Ok(None)) => return None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a listener's stream ended; it may come again");
            return None;
        }
    };
    Some((Ok(text.into()), stream))
}

fn event(receipt: &FeedReceipt) -> String {
    let id = receipt.no.to_string();
    let data = serde_json::json!(ReceiptEvent {
        receipt_id: &id,
        household_id: &receipt.household_id,
        stall_id: receipt.stall_id.as_deref(),
        provider_id: &receipt.provider_id,
        amount_vnd: receipt.amount.vnd(),
        business_date: receipt.business_day.to_string(),
        occurred_at: receipt.occurred_at.map(|t| t.iso()),
        posted_at: receipt.posted_at.iso(),
    });
    format!("event: receipt\nid: {id}\ndata: {data}\n\n")
}

/// An order that waits to be paid through a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"provider_id": "mybank", "reference": "DON-0001", "stall_id": "01jabc00000000000000000000", "amount_vnd": 26000}))]
pub(super) struct OrderIn {
    provider_id: String,
    /// What the provider sends back: MoMo `orderId`, VNPAY `vnp_TxnRef`, payOS `orderCode` …
    #[schema(min_length = 1, max_length = 100)]
    reference: String,
    stall_id: String,
    /// What is asked, đồng; any amount will do if absent.
    #[serde(default, deserialize_with = "whole_or_nothing")]
    #[schema(minimum = 1, maximum = 9999999999999_i64)]
    amount_vnd: Option<i64>,
}

/// An order on record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderOut<'a> {
    provider_id: &'a str,
    reference: &'a str,
}

/// Records an order, so that its payment finds its stall and its amount is checked. The same order again
/// changes nothing.
#[utoipa::path(post, path = "/api/v1/orders", params(IdempotencyKey), request_body = OrderIn,
    responses(
        (status = 201, description = "The order is on record.", body = OrderOut),
        (status = 404, description = "There is no such provider, or no such stall."),
        (status = 409, description = "The reference belongs to another order."),
    ))]
pub(super) async fn create_order(
    person: Person,
    request: HttpRequest,
    shared: web::Data<Shared>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload).await?;
    once(&request, &shared, &person, &body, async |creation| {
        let order: OrderIn = from_json(&body)?;
        let amount = order.amount_vnd.map(Dong::payment).transpose();
        let amount = amount.map_err(|e| Problem::invalid("amount_vnd", e.sentence()))?;
        if order.reference.is_empty() || order.reference.chars().count() > 100 {
            return Err(Problem::invalid(
                "reference",
                (
                    "Mã đơn cần 1 đến 100 ký tự.",
                    "A reference has 1 to 100 characters.",
                ),
            ));
        }
        let new = NewOrder {
            provider_id: order.provider_id,
            reference: order.reference,
            stall_id: order.stall_id,
            amount,
        };
        creation.keep_order(&new, person.at(now())).await?;
        let answer = OrderOut {
            provider_id: &new.provider_id,
            reference: &new.reference,
        };
        Ok((StatusCode::CREATED, serde_json::json!(answer)))
    })
    .await
}

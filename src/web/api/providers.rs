//! Providers and how their callbacks go, and the digest of what is held of a day.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::now;
use crate::intake::Pulse;
use crate::reconcile::{Holding, holding_of};
use crate::store::{Missing, StoreError};
use crate::vn::{Day, TimeMs};
use crate::web::{Person, Problem, Shared};

const HOUR_MS: i64 = 3600 * 1000;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/providers", web::get().to(providers)).route(
        "/providers/{provider_id}/days/{day}/digest",
        web::get().to(day_digest),
    );
}

/// A provider and how its callbacks go. What running services counted in the last seconds may be missing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderOut {
    /// Its name in the callback address.
    provider_id: String,
    /// The provider's word, e.g. `momo`.
    profile: String,
    /// How it signs.
    scheme: String,
    /// `live` or `disabled`.
    state: &'static str,
    /// When it was last heard, ISO 8601; null if not within 14 days.
    last_heard_at: Option<String>,
    /// Of today, in Viet Nam.
    today: TodayOut,
    /// The last 24 hours, the present one last.
    hours: Vec<HourOut>,
    /// Null unless it is silent at an hour at which it usually is not.
    silence: Option<SilenceOut>,
}

/// Callbacks of today.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TodayOut {
    /// Answered with success: new, repeated, or a login. Numerator of the success rate.
    kept: i64,
    /// The proof did not fit, or the content could not be read.
    refused: i64,
    /// Not durable; the provider was told to send again.
    not_kept: i64,
    /// All of them: denominator of the success rate.
    all: i64,
    /// Truncated percentage, e.g. `99.87`; null without callbacks.
    success_percent: Option<String>,
    /// Items told again with the same content.
    repeats: i64,
    /// Mean time to the answer, microseconds, truncated; null without callbacks.
    latency_us_mean: Option<i64>,
    /// The longest, microseconds.
    latency_us_max: i64,
}

/// Callbacks of an hour.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HourOut {
    /// Its beginning, ISO 8601.
    from: String,
    /// Answered with success.
    kept: i64,
    /// Refused.
    refused: i64,
    /// Not durable.
    not_kept: i64,
}

/// An unusual silence.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SilenceOut {
    /// Callbacks that usually come in this and the hour before.
    usual_count: i64,
    /// Whole hours without any.
    silent_hours: i64,
}

/// What is held of a provider's day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayDigestOut {
    provider_id: String,
    /// The business day, `YYYY-MM-DD`.
    day: String,
    #[serde(flatten)]
    whole: HoldingOut,
    /// By the hour of payment in Viet Nam; a receipt without a time is in none.
    hours: Vec<HourHoldingOut>,
}

/// How many receipts, what they come to, and their digest.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoldingOut {
    count: u64,
    amount_vnd: i64,
    /// SHA-256 over the lines `provider_txn_id,amount_vnd,occurred_at` (milliseconds UTC), sorted by bytes, each
    /// ended by LF.
    digest: String,
}

/// What is held of an hour.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HourHoldingOut {
    /// 0 to 23.
    hour: u8,
    #[serde(flatten)]
    holding: HoldingOut,
}

fn holding_out(holding: Holding) -> HoldingOut {
    HoldingOut {
        count: holding.tally.count,
        amount_vnd: i64::try_from(holding.tally.amount_vnd).unwrap_or(i64::MAX),
        digest: holding.digest,
    }
}

/// What is held of a provider's day, so that the provider compares it with its own: N receipts, total V, digest
/// H; where they differ, the hours say where to look. Gross amounts: refunds are not taken off.
#[utoipa::path(get, path = "/api/v1/providers/{provider_id}/days/{day}/digest",
    params(("provider_id" = String, Path), ("day" = String, Path, description = "The business day, `YYYY-MM-DD`.", format = Date)),
    responses((status = 200, description = "Count, amount and digest of the day and of its hours.", body = DayDigestOut)))]
pub(super) async fn day_digest(
    _: Person,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (provider_id, day) = path.into_inner();
    let day: Day = day.parse().map_err(|_| {
        Problem::invalid(
            "day",
            (
                "Ghi ngày dạng YYYY-MM-DD, ví dụ 2026-06-15.",
                "Write the day as YYYY-MM-DD, for example 2026-06-15.",
            ),
        )
    })?;
    let providers = shared.store.providers(now()).await?;
    if providers
        .iter()
        .all(|provider| provider.provider_id != provider_id)
    {
        return Err(Missing::Provider { provider_id }.into());
    }
    let receipts = shared.store.day_receipts(&provider_id, day).await?;
    // Hashing a large day takes a moment of processor time.
    let held = web::block(move || holding_of(day, &receipts))
        .await
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let hours = held.hours.into_iter().map(|(hour, holding)| HourHoldingOut {
        hour,
        holding: holding_out(holding),
    });
    Ok(HttpResponse::Ok().json(DayDigestOut {
        provider_id,
        day: day.to_string(),
        hours: hours.collect(),
        whole: holding_out(held.whole),
    }))
}

/// Providers and how their callbacks go, by id. Never their secrets.
#[utoipa::path(get, path = "/api/v1/providers",
    responses((status = 200, description = "All providers, by id.", body = [ProviderOut])))]
pub(super) async fn providers(_: Person, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let pulses = Pulse::all(&shared.store, now()).await?;
    let out: Vec<ProviderOut> = pulses.iter().map(out).collect();
    Ok(HttpResponse::Ok().json(out))
}

fn out(pulse: &Pulse) -> ProviderOut {
    let provider = &pulse.provider;
    let today = &pulse.today;
    ProviderOut {
        provider_id: provider.provider_id.clone(),
        profile: provider.profile.clone(),
        scheme: provider.scheme.clone(),
        state: match provider.disabled_at {
            None => "live",
            Some(_) => "disabled",
        },
        last_heard_at: pulse.last_heard.map(TimeMs::iso),
        today: TodayOut {
            kept: today.kept,
            refused: today.refused,
            not_kept: today.not_kept,
            all: today.all(),
            success_percent: pulse.success().percent().map(|p| p.plain()),
            repeats: pulse.repeats,
            latency_us_mean: pulse.latency_us_mean(),
            latency_us_max: today.latency_us_max,
        },
        hours: pulse
            .hours
            .iter()
            .map(|(hour, tally)| HourOut {
                from: TimeMs(hour * HOUR_MS).iso(),
                kept: tally.kept,
                refused: tally.refused,
                not_kept: tally.not_kept,
            })
            .collect(),
        silence: pulse.silence.map(|s| SilenceOut {
            usual_count: s.usual_count,
            silent_hours: s.silent_hours,
        }),
    }
}

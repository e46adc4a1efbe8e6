use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::now;
use crate::intake::Pulse;
use crate::vn::TimeMs;
use crate::web::{Person, Problem, Shared};

const HOUR_MS: i64 = 3600 * 1000;

pub(super) fn routes(to: &mut web::ServiceConfig) {
    to.route("/providers", web::get().to(providers));
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

/// Providers and how their callbacks go, by id. Never their secrets.
#[utoipa::path(get, path = "/api/v1/providers", responses((status = 200, body = [ProviderOut])))]
pub(super) async fn providers(_: Person, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let pulses = Pulse::all(&shared.store, now()).await?;
    let out: Vec<ProviderOut> = pulses.iter().map(out).collect();
    Ok(HttpResponse::Ok().json(out))
}

fn out(pulse: &Pulse) -> ProviderOut {
    let (provider, today) = (&pulse.provider, &pulse.today);
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

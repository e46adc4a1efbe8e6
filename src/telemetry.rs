//! Log lines and the names of metrics.
//!
//! A log line is a sentence and fields to filter by. No account number, note or token is ever a field:
//! those types print themselves masked, and handlers do not log bodies.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Which log lines are written, in the syntax of `tracing`; checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// Why a text is no log filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "«{0}» is no log filter; write off, error, warn, info, debug or trace, or that for single parts, \
     for example info,sqlx=warn"
)]
pub struct LogFilterError(String);

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<LogFilter, LogFilterError> {
        let wrong = || LogFilterError(text.to_owned());
        EnvFilter::try_new(text).map_err(|_| wrong())?;
        // A word alone would be taken for a part of the program, and a misspelt level would silence the rest.
        let is_word = |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for word in text.split(',').filter(is_word) {
            word.parse::<LevelFilter>().map_err(|_| wrong())?;
        }
        Ok(LogFilter(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error.
pub fn start_logging(filter: &LogFilter, format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&filter.0))
        // A log on a full disk must not stop what is logged about.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    // A second start in one process (two applications in a test) keeps the first one's writer.
    let _ = match format {
        LogFormat::Text => lines.compact().try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallbackLabels {
    provider: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatementLabels {
    provider: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    outcome: &'static str,
}

pub struct Metrics {
    registry: Registry,
    sign_ins: Family<SignInLabels, Counter>,
    callbacks: Family<CallbackLabels, Counter>,
    receipts: Counter,
    statements: Family<StatementLabels, Counter>,
    deliveries_per_batch: Histogram,
    batch_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("choso");
        let callbacks = Family::<CallbackLabels, Counter>::default();
        registry.register(
            "callbacks",
            "Callbacks answered, by provider and outcome",
            callbacks.clone(),
        );
        let receipts = Counter::default();
        registry.register("receipts_posted", "Receipts posted", receipts.clone());
        let statements = Family::<StatementLabels, Counter>::default();
        registry.register(
            "statements_picked_up",
            "Statement files picked up from the inbox, by provider and outcome",
            statements.clone(),
        );
        let sign_ins = Family::<SignInLabels, Counter>::default();
        registry.register(
            "sign_ins",
            "Tokens, links and keys shown to sign in: ok, failed, or slowed after many failures",
            sign_ins.clone(),
        );
        let deliveries_per_batch = Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0, 1024.0]);
        registry.register(
            "batch_deliveries",
            "Deliveries written in one transaction",
            deliveries_per_batch.clone(),
        );
        let batch_seconds = Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]);
        registry.register(
            "batch_seconds",
            "Time from the begin of a batch to its commit",
            batch_seconds.clone(),
        );
        Metrics {
            registry,
            sign_ins,
            callbacks,
            receipts,
            statements,
            deliveries_per_batch,
            batch_seconds,
        }
    }
}

impl Metrics {
    /// A callback was answered. `provider` must be one that exists, or `unknown`: a label made of what
    /// strangers type would grow without bound.
    pub fn callback(&self, provider: &str, outcome: &'static str) {
        self.callbacks
            .get_or_create(&CallbackLabels {
                provider: provider.to_owned(),
                outcome,
            })
            .inc();
    }

    /// A statement of an existing provider was picked up and put away.
    pub fn statement(&self, provider: &str, outcome: &'static str) {
        self.statements
            .get_or_create(&StatementLabels {
                provider: provider.to_owned(),
                outcome,
            })
            .inc();
    }

    /// Somebody signed in, failed to, or was told to wait.
    pub fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&SignInLabels { outcome }).inc();
    }

    /// A batch was committed.
    pub fn batch(&self, deliveries: usize, receipts: usize, took: Duration) {
        self.receipts.inc_by(receipts as u64);
        self.deliveries_per_batch.observe(deliveries as f64);
        self.batch_seconds.observe(took.as_secs_f64());
    }

    /// The text of `/metrics`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_no_log_filter() {
        for text in [
            "off",
            "info",
            "INFO",
            "info,sqlx=warn",
            "choso::web=debug",
            "warn,choso[call]=trace",
        ] {
            assert_eq!(
                text.parse::<LogFilter>().map(|f| f.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["inof", "info,sqlx=loud", "info,sqlx", "=info="] {
            let error = text.parse::<LogFilter>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("«{text}»")) && error.contains("info,sqlx=warn"),
                "{error}"
            );
        }
    }
}

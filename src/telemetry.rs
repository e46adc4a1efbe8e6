//! Log lines and the names of metrics.
//!
//! A log line is a sentence and fields to filter by. No account number, note or token is ever a field:
//! those types print themselves masked, and handlers do not log bodies.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Starts logging to standard error. `CHOSO_LOG` chooses what is written (`info` by default, in the
/// syntax of `tracing`), `json` writes one JSON object a line.
pub fn start_logging(filter: &str, json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A log on a full disk must not stop what is logged about.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    // A second start in one process (two applications in a test) keeps the first one's writer.
    let _ = if json {
        lines.json().try_init()
    } else {
        lines.compact().try_init()
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

pub struct Metrics {
    registry: Registry,
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

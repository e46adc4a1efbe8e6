//! The simulated provider: signed callbacks over real HTTP, at a steady rate, with the faults that real
//! providers have: repeats, refunds, failed payments, accounts nobody registered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::app::now;
use crate::notice::sign;
use crate::store::{Result, Store};
use crate::vn::Secret;

/// An account that is paid, and the code its stall's note carries.
#[derive(Debug, Clone)]
pub(super) struct Payee {
    bank_bin: String,
    account_number: String,
    stall_code: String,
}

/// What the provider did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    /// Callbacks posted.
    pub sent: u64,
    /// Callbacks answered with 2xx.
    pub acknowledged: u64,
}

/// The accounts of every stall.
pub(super) async fn payees(store: &Store) -> Result<Vec<Payee>> {
    let rows = store.linked_accounts().await?;
    Ok(rows
        .into_iter()
        .map(|(bank_bin, account_number, stall_code)| Payee {
            bank_bin,
            account_number,
            stall_code,
        })
        .collect())
}

/// A thread that posts until it is told to stop.
pub(super) struct Simulator {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Sent>,
}

impl Simulator {
    /// Starts posting.
    pub fn start(
        url: String,
        provider: &str,
        secret: Secret,
        payees: Vec<Payee>,
        rate: u32,
        seed: u64,
    ) -> std::io::Result<Simulator> {
        let stop = Arc::new(AtomicBool::new(false));
        let provider = Provider {
            callback: format!("{url}/callbacks/{provider}"),
            secret,
            payees,
            random: fastrand::Rng::with_seed(seed),
            run: now().0,
            number: 0,
            last: None,
            sent: Sent::default(),
        };
        let told = stop.clone();
        let thread = std::thread::Builder::new()
            .name("demo-provider".to_owned())
            .spawn(move || provider.run(rate, &told))?;
        Ok(Simulator { stop, thread })
    }

    /// Stops, and says what was done.
    pub fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

struct Provider {
    callback: String,
    secret: Secret,
    payees: Vec<Payee>,
    random: fastrand::Rng,
    /// Makes transaction ids of one run differ from another's on a database that is kept.
    run: i64,
    number: u64,
    last: Option<(String, String, i64)>,
    sent: Sent,
}

impl Provider {
    fn run(mut self, rate: u32, stop: &AtomicBool) -> Sent {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .timeout_global(Some(Duration::from_secs(10)))
                .build(),
        );
        let gap = Duration::from_secs(1) / rate;
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let (webhook_id, body) = self.callback_body();
            self.post(&agent, &webhook_id, &body);
            // One in twelve is delivered twice, as at-least-once delivery does.
            if self.random.u32(0..12) == 0 {
                self.post(&agent, &webhook_id, &body);
            }
            // Never more than a second behind: a slow moment is not made up for by a burst.
            next = (next + gap).max(Instant::now() - Duration::from_secs(1));
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        self.sent
    }

    fn post(&mut self, agent: &ureq::Agent, webhook_id: &str, body: &str) {
        let timestamp_s = now().0 / 1000;
        let request = agent
            .post(&self.callback)
            .header("content-type", "application/json")
            .header("webhook-id", webhook_id)
            .header("webhook-timestamp", timestamp_s.to_string())
            .header(
                "webhook-signature",
                sign(&self.secret, webhook_id, timestamp_s, body.as_bytes()),
            );
        self.sent.sent += 1;
        match request.send(body) {
            Ok(_) => self.sent.acknowledged += 1,
            Err(error) => tracing::warn!(%error, "the demonstration's callback was not acknowledged"),
        }
    }

    /// The next delivery: mostly a payment to a registered stall.
    fn callback_body(&mut self) -> (String, String) {
        self.number += 1;
        let transaction_id = format!("DEMO-{}-{}", self.run, self.number);
        let webhook_id = format!("msg_{transaction_id}");
        let payee = self.payees[self.random.usize(0..self.payees.len())].clone();
        let amount_vnd = i64::from(self.random.u32(8..=320)) * 1000;
        let body = match self.random.u32(0..100) {
            0 => self.item(
                "payment.succeeded",
                &transaction_id,
                &Payee {
                    account_number: "DEMO99999999".to_owned(),
                    ..payee
                },
                amount_vnd,
                None,
            ),
            1 => self.item("payment.failed", &transaction_id, &payee, amount_vnd, None),
            2 if self.last.is_some() => {
                let (original, account, paid) = self.last.take().unwrap_or_default();
                let refunded = Payee {
                    account_number: account,
                    ..payee
                };
                self.item(
                    "payment.refunded",
                    &transaction_id,
                    &refunded,
                    paid,
                    Some(&original),
                )
            }
            _ => {
                self.last = Some((transaction_id.clone(), payee.account_number.clone(), amount_vnd));
                self.item("payment.succeeded", &transaction_id, &payee, amount_vnd, None)
            }
        };
        (webhook_id, body)
    }

    fn item(&self, kind: &str, id: &str, to: &Payee, amount_vnd: i64, original: Option<&str>) -> String {
        let at = now().iso();
        let mut data = serde_json::json!({
            "transaction_id": id,
            "amount": amount_vnd,
            "currency": "VND",
            "reference": to.stall_code,
            "account": to.account_number,
            "occurred_at": at,
            "note": format!("{} thanh toan", to.stall_code),
        });
        match original {
            Some(original) => data["original_transaction_id"] = original.into(),
            None => data["bank_bin"] = to.bank_bin.clone().into(),
        }
        serde_json::json!({ "type": kind, "timestamp": at, "data": data }).to_string()
    }
}

//! What every handler shares.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use crate::access::FailedSignIns;
use crate::bank_directory::BankDirectory;
use crate::clock::now;
use crate::intake::{AnnouncerHandle, Intake, Keyring, ProviderHealth};
use crate::settlement::Reconciler;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::turns::Turns;
use crate::vn::WorkingCalendar;

/// An address, or a network of so many leading bits.
pub type Network = (IpAddr, u8);

/// What every handler shares.
pub struct Shared {
    pub store: Arc<Store>,
    /// The queue before the writer.
    pub intake: Intake,
    /// Where listeners come in.
    pub announcer: AnnouncerHandle,
    /// Live keys of the providers.
    pub keyring: Keyring,
    /// What banks are called.
    pub banks: Arc<BankDirectory>,
    /// Host under which people reach the service, if it is set.
    pub public_host: Option<String>,
    /// Where the service listens, once it does.
    pub address: Arc<OnceLock<SocketAddr>>,
    /// Proxies whose headers are believed.
    pub trusted_proxies: Vec<Network>,
    pub failed_sign_ins: Mutex<FailedSignIns>,
    /// Time between the approval of a changed account and its first card.
    pub account_change_wait_ms: i64,
    /// Above this amount, đồng, what a person decides about an exception waits for a second person.
    pub second_person_above_vnd: i64,
    /// Folder from which statements are picked up, if there is one.
    pub statement_inbox: Option<PathBuf>,
    /// Which days are working days.
    pub calendar: WorkingCalendar,
    /// How the callbacks of providers go.
    pub health: Arc<ProviderHealth>,
    pub metrics: Arc<Metrics>,
    /// What is done one piece at a time.
    pub turns: Arc<Turns>,
}

impl Shared {
    /// Takes statements in and reconciles days as of now.
    pub fn reconciler(&self) -> Reconciler<'_> {
        Reconciler {
            store: &self.store,
            calendar: &self.calendar,
            now: now(),
        }
    }

    /// Scheme and host of links that people open, never taken from a request: whoever asks names any host. Without
    /// public_host it is the address the service listens at, which only this machine or network reaches; none where
    /// that is every address of the machine.
    pub fn origin(&self) -> Option<String> {
        if let Some(host) = &self.public_host {
            return Some(format!("https://{host}"));
        }
        let address = self.address.get()?;
        (!address.ip().is_unspecified()).then(|| format!("http://{address}"))
    }
}

//! A provider with invented secrets and the stalls that it pays: a register is filled with them, and
//! payments are made and signed, the same for the same seed.

use std::io::Write;

use choso::access::{Scope, SealingKey, key_purpose, token_sha256};
use choso::clock::now;
use choso::notice::{Outgoing, Provider, Received, Sample, Scheme, Secrets, scheme};
use choso::places::{NewStreets, UnitIx};
use choso::register::{
    AccountDraft, Class, HolderRelation, HouseholdDraft, PlaceDraft, PlaceName, TradingStatus,
};
use choso::simulate::{InventedStall, Payee, event_number};
use choso::store::{Actor, Arrival, Import, NewProvider, Store};
use choso::vn::{AccountNumber, Day, Dong, TimeMs};
use clap::ValueEnum;

use crate::client::Prepared;
use crate::error::Result;
use crate::secrets;

/// Its streets are made as they come.
const IMPORT: Import = Import {
    dry_run: false,
    new_streets: NewStreets::Made,
};
/// Households with one stall and one account each: a ward with several markets.
pub const HOUSEHOLDS: usize = 2_000;
/// Streets they stand on, so that several receipts of a batch meet in one place counter.
const STREETS: usize = 40;
/// A ward of Đà Nẵng as of 1 July 2025.
const UNIT_CODE: &str = "20242";
const BANK_BIN: &str = "970436";
/// The provider's name in the callback address.
pub const PROVIDER: &str = "loadtest";
const KEY: &str = "k1";
/// What a listener signs in with.
pub const TOKEN: &str = "choso_invented-token-of-a-load-test";
/// More than a prepared request takes, so that the memory for all of them is asked for once.
const REQUEST_BYTES: usize = 768;

/// What a payment source is made of.
#[derive(Debug, Clone, Copy)]
pub struct SourceOptions {
    /// How the provider signs.
    pub scheme: &'static Scheme,
    /// Households on the register; each has one stall and one account.
    pub households: usize,
    pub seed: u64,
}

impl SourceOptions {
    /// The standard profile and a ward's households.
    pub fn standard(seed: u64) -> Result<SourceOptions> {
        Ok(SourceOptions {
            scheme: scheme("standard", None)?,
            households: HOUSEHOLDS,
            seed,
        })
    }
}

/// A provider that signs, and the stalls that are paid.
pub struct PaymentSource {
    provider: Provider,
    payees: Vec<Payee>,
    seed: u64,
}

impl PaymentSource {
    /// Fills the register of an empty database and adds the provider and a listener's token. The provider
    /// has the same secret whenever the seed is the same.
    pub async fn register(
        store: &Store,
        sealing_key: &SealingKey,
        options: &SourceOptions,
    ) -> Result<PaymentSource> {
        fill_register(store, options.households).await?;
        let secrets = secrets::invent(options.scheme, options.seed)?;
        // The database is thrown away with its key, so a nonce that repeats between runs gives nothing away.
        let sealed_secret = sealing_key.seal(&secrets.to_json(), &key_purpose(PROVIDER, KEY), [7; 24]);
        let new = NewProvider {
            provider_id: PROVIDER.to_owned(),
            profile: options.scheme.profile.to_owned(),
            scheme: options.scheme.name.to_owned(),
            key_id: KEY.to_owned(),
            sealed_secret,
        };
        store.add_provider(&new, now()).await?;
        store
            .add_program_token("loadtest", &token_sha256(TOKEN), &[Scope::Receipts], false, now())
            .await?;
        PaymentSource::with_secrets(store, options.scheme, secrets, options.seed).await
    }

    /// The source of a database that was filled under this seed before.
    pub async fn reopen(store: &Store, scheme: &'static Scheme, seed: u64) -> Result<PaymentSource> {
        PaymentSource::with_secrets(store, scheme, secrets::invent(scheme, seed)?, seed).await
    }

    async fn with_secrets(
        store: &Store,
        scheme: &'static Scheme,
        secrets: Secrets,
        seed: u64,
    ) -> Result<PaymentSource> {
        Ok(PaymentSource {
            provider: Provider::new(PROVIDER, scheme, vec![(KEY.to_owned(), secrets)])?,
            payees: Payee::registered(store).await?,
            seed,
        })
    }

    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    pub fn payees(&self) -> &[Payee] {
        &self.payees
    }

    /// A payment under this number: amount and payee depend on the number and the seed alone.
    pub fn payment(&self, number: u64, occurred_at: TimeMs) -> Sample {
        let mut random = fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let payee = &self.payees[random.usize(0..self.payees.len())];
        payee.payment(number, Dong::new(random.i64(1_000..=500_000)), occurred_at)
    }

    /// Writes the whole HTTP request of a callback that is signed now.
    pub fn write_request(&self, out: &mut Vec<u8>, sample: &Sample, now: TimeMs) -> Result<()> {
        let Outgoing {
            method,
            path,
            query,
            headers,
            body,
        } = self.provider.compose(sample, now)?;
        let mark = if query.is_empty() { "" } else { "?" };
        write!(
            out,
            "{method} /callbacks/{PROVIDER}{path}{mark}{query} HTTP/1.1\r\nhost: localhost\r\n"
        )?;
        for (name, value) in &headers {
            write!(out, "{name}: {value}\r\n")?;
        }
        write!(out, "content-length: {}\r\n\r\n{body}", body.len())?;
        Ok(())
    }

    /// Makes and signs payments for these events, in this order; they happened at `start`. Call it just
    /// before they are posted: signatures grow old.
    pub fn prepare(
        &self,
        start: TimeMs,
        ids: IdOrder,
        events: impl ExactSizeIterator<Item = u32>,
    ) -> Result<Prepared> {
        let mut prepared = Prepared::with_capacity(events.len(), REQUEST_BYTES);
        let mut request = Vec::with_capacity(REQUEST_BYTES);
        for event in events {
            let sample = self.payment(ids.number(start, event as usize), start);
            request.clear();
            self.write_request(&mut request, &sample, now())?;
            prepared.push(&request, sample.amount.vnd());
        }
        Ok(prepared)
    }

    /// Proves and reads a callback as the service does when it comes in.
    pub fn arrival(&self, callback: &Outgoing, received_at: TimeMs) -> Result<Arrival> {
        let received = callback.with_request(|request| self.provider.receive(request, Some(received_at)));
        match received {
            Ok(Received::Notices(delivery)) => Ok(Arrival {
                delivery,
                received_at,
            }),
            other => Err(format!("the provider's own callback is not taken: {other:?}").into()),
        }
    }
}

async fn fill_register(store: &Store, households: usize) -> Result<()> {
    let from = Day::ymd(2025, 7, 1);
    let unit = store
        .units()
        .await?
        .at(UNIT_CODE, from)
        .map_err(|e| format!("unit {UNIT_CODE}: {e:?}"))?;
    let drafts = (0..households)
        .map(|number| household(number, unit, from))
        .collect::<Result<Vec<_>>>()?;
    let actor = Actor {
        by: "loadtest",
        now: now(),
    };
    let kept = store.keep_register(&drafts, IMPORT, actor, |_| {}).await?;
    if kept.new_stalls == households {
        Ok(())
    } else {
        Err(format!("the register took {} stalls of {households}", kept.new_stalls).into())
    }
}

fn household(number: usize, unit: UnitIx, from: Day) -> Result<HouseholdDraft> {
    let account = AccountDraft {
        bank_bin: BANK_BIN.to_owned(),
        number: AccountNumber::parse(&format!("10{number:08}")).map_err(|e| e.to_string())?,
        holder_name: format!("NGUOI BAN {number}"),
        relation: HolderRelation::Owner,
    };
    let invented = InventedStall {
        number: number + 1,
        reference: format!("LT-{number:05}"),
        name: format!("Hộ kinh doanh {number}"),
        class: Class::Registered,
        status: TradingStatus::Trading,
        place: PlaceDraft {
            unit,
            name: PlaceName::Street(format!("Đường số {}", number % STREETS + 1)),
        },
        house_number: (number / STREETS + 1).to_string(),
        stall_number: String::new(),
        from,
        account: Some(account),
    };
    Ok(invented.household())
}

/// How the numbers of callbacks follow each other; ids of deliveries and transactions are made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdOrder {
    /// Time first, as the numbers of banks are
    Time,
    /// In no order
    Random,
}

impl IdOrder {
    /// The word of the flag.
    pub fn as_str(self) -> &'static str {
        match self {
            IdOrder::Time => "time",
            IdOrder::Random => "random",
        }
    }

    /// A number of 14 digits of its own for each event, also beside those of a run that began earlier.
    pub fn number(self, start: TimeMs, event: usize) -> u64 {
        const ROOM: u64 = 100_000_000_000_000;
        let number = event_number(start, event);
        match self {
            IdOrder::Time => number % ROOM,
            // A factor without common divisors only changes the order.
            IdOrder::Random => (u128::from(number) * 61_803_398_874_989 % u128::from(ROOM)) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_no_order_are_still_numbers_of_their_own() {
        let start = TimeMs(1_790_000_000_000);
        for ids in [IdOrder::Time, IdOrder::Random] {
            let numbers: std::collections::HashSet<u64> = (0..10_000).map(|i| ids.number(start, i)).collect();
            assert_eq!(numbers.len(), 10_000);
            assert!(numbers.iter().all(|n| *n < 100_000_000_000_000));
        }
    }
}

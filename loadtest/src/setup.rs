//! What a run needs: a fresh database, a register with payee accounts, a provider, and signed callbacks
//! that pay those accounts.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;

use choso::access::{SealingKey, key_purpose, token_sha256};
use choso::clock::now;
use choso::config::{Config, RawConfig};
use choso::notice::{Outgoing, Provider, Sample, SampleKind, Scheme};
use choso::places::UnitIx;
use choso::register::{
    AccountDraft, Class, HolderRelation, HouseholdDetails, HouseholdDraft, PlaceDraft, PlaceName, StallDraft,
    TradingStatus,
};
use choso::simulate::Payee;
use choso::store::{Actor, NewProvider, Store};
use choso::vn::{AccountNumber, Day, Dong, TimeMs};
use clap::ValueEnum;

use crate::Result;
use crate::client::Prepared;
use crate::cluster::Cluster;
use crate::profiles;

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

/// A flag of every command that measures on a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    Sqlite,
    Postgres,
    Both,
}

impl Which {
    /// The databases that are meant. `both` skips PostgreSQL by name where its programs are missing.
    pub fn databases(self) -> Result<Vec<Databases>> {
        let mut all = Vec::new();
        if self != Which::Postgres {
            all.push(Databases::Sqlite);
        }
        if self != Which::Sqlite {
            match Cluster::start() {
                Ok(cluster) => all.push(Databases::Postgres(cluster)),
                Err(why) if self == Which::Both => println!("skipped: PostgreSQL ({why})"),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(all)
    }
}

/// Where the databases of a run lie.
pub enum Databases {
    /// Files in temporary folders.
    Sqlite,
    /// A throw-away server with the durability PostgreSQL has by default.
    Postgres(Cluster),
}

impl Databases {
    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self {
            Databases::Sqlite => "sqlite",
            Databases::Postgres(_) => "postgres",
        }
    }

    /// Checked settings for a service on a fresh database; all files lie in `folder`.
    pub fn config(&self, folder: &Path, batch_deliveries_max: Option<usize>) -> Result<Config> {
        let database_url = match self {
            Databases::Sqlite => format!("sqlite://{}", folder.join("choso.db").display()),
            Databases::Postgres(cluster) => cluster.fresh_database("loadtest"),
        };
        let mut raw = RawConfig::default()
            .with("database_url", database_url)
            .with("listen", "127.0.0.1:0")
            .with("key_file", folder.join("choso.key").display().to_string())
            .with("log", "warn");
        if let Some(deliveries) = batch_deliveries_max {
            raw = raw.with("batch_deliveries_max", i64::try_from(deliveries)?);
        }
        Ok(raw.check()?)
    }
}

/// Set when this program was started anew with more files.
const FILES_RAISED: &str = "LOADTEST_FILES_RAISED";

/// Makes sure that so many connections can be open, here and in the services that are started here. Where
/// the limit is lower, this program is started anew under a higher one; where that is not allowed, the
/// error says so.
pub fn want_files(connections: usize) -> Result<()> {
    let wanted = connections as u64 + 1_000;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let Some(soft) = soft.filter(|soft| *soft < wanted) else {
        return Ok(());
    };
    if std::env::var_os(FILES_RAISED).is_some() {
        return Err(
            format!("{wanted} open files are wanted, {soft} are allowed; raise it with ulimit -n").into(),
        );
    }
    let error = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -n \"$0\" 2>/dev/null; exec \"$@\"",
            &wanted.to_string(),
        ])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(FILES_RAISED, "1")
        .exec();
    Err(error.into())
}

/// A folder that goes when it is dropped.
pub fn temporary_folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("choso-loadtest-").tempdir()?)
}

/// Numbers that only depend on the seed (SplitMix64).
pub struct Draw(u64);

impl Draw {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// Puts these in an order that only depends on the seed.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Who takes part in a run: the provider that signs, and those who are paid.
pub struct Cast {
    provider: Provider,
    payees: Vec<Payee>,
    seed: u64,
}

impl Cast {
    /// Fills the register of an empty database and adds the provider and a listener's token. The provider
    /// has the same secret whenever the seed is the same.
    pub async fn fill(
        store: &Store,
        sealing_key: &SealingKey,
        scheme: &'static Scheme,
        households: usize,
        seed: u64,
    ) -> Result<Cast> {
        fill_register(store, households).await?;
        let secrets = profiles::invent(scheme, seed)?;
        // The database is thrown away with its key, so a nonce that repeats between runs gives nothing away.
        let sealed_secret = sealing_key.seal(&secrets.to_json(), &key_purpose(PROVIDER, KEY), [7; 24]);
        let new = NewProvider {
            provider_id: PROVIDER.to_owned(),
            profile: scheme.profile.to_owned(),
            scheme: scheme.name.to_owned(),
            key_id: KEY.to_owned(),
            sealed_secret,
        };
        store.add_provider(&new, now()).await?;
        store
            .add_token("loadtest", &token_sha256(TOKEN), false, now())
            .await?;
        Cast::of(store, scheme, secrets, seed).await
    }

    /// The cast of a database that was filled under this seed before.
    pub async fn again(store: &Store, scheme: &'static Scheme, seed: u64) -> Result<Cast> {
        Cast::of(store, scheme, profiles::invent(scheme, seed)?, seed).await
    }

    async fn of(
        store: &Store,
        scheme: &'static Scheme,
        secrets: choso::notice::Secrets,
        seed: u64,
    ) -> Result<Cast> {
        Ok(Cast {
            provider: Provider::new(PROVIDER, scheme, vec![(KEY.to_owned(), secrets)])?,
            payees: Payee::registered(store).await?,
            seed,
        })
    }

    /// The provider that signs.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Everybody who can be paid.
    pub fn payees(&self) -> &[Payee] {
        &self.payees
    }

    /// A payment under this number: amount and payee depend on the number and the seed alone.
    pub fn payment(&self, number: u64, occurred_at: TimeMs) -> Sample {
        let mut draw = Draw::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let payee = &self.payees[draw.below(self.payees.len() as u64) as usize];
        Sample {
            kind: SampleKind::Payment,
            number,
            payment_number: number,
            amount: Dong::new(1_000 + draw.below(499_001) as i64),
            bank_bin: payee.bank_bin.clone(),
            account_number: payee.account_number.clone(),
            stall_code: payee.stall_code.clone(),
            occurred_at,
        }
    }

    /// Writes the whole HTTP request of a callback that is signed now.
    pub fn write(&self, out: &mut Vec<u8>, sample: &Sample, now: TimeMs) -> Result<()> {
        let outgoing = self.provider.compose(sample, now)?;
        Ok(write_request(out, &outgoing)?)
    }
}

fn write_request(out: &mut Vec<u8>, outgoing: &Outgoing) -> std::io::Result<()> {
    let Outgoing {
        method, path, query, ..
    } = outgoing;
    let mark = if query.is_empty() { "" } else { "?" };
    write!(
        out,
        "{method} /callbacks/{PROVIDER}{path}{mark}{query} HTTP/1.1\r\nhost: localhost\r\n"
    )?;
    for (name, value) in &outgoing.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    write!(
        out,
        "content-length: {}\r\n\r\n{}",
        outgoing.body.len(),
        outgoing.body
    )
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
    let kept = store.keep_register(&drafts, false, actor, |_| {}).await?;
    if kept.new_stalls == households {
        Ok(())
    } else {
        Err(format!("the register took {} stalls of {households}", kept.new_stalls).into())
    }
}

fn household(number: usize, unit: UnitIx, from: Day) -> Result<HouseholdDraft> {
    let account = AccountDraft {
        bank_bin: BANK_BIN.to_owned(),
        number: AccountNumber::parse(&account_number(number)).map_err(|e| e.to_string())?,
        holder_name: format!("NGUOI BAN {number}"),
        relation: HolderRelation::Owner,
    };
    let stall = StallDraft {
        row: 0,
        place: PlaceDraft {
            unit,
            name: PlaceName::Street(format!("Đường số {}", number % STREETS + 1)),
        },
        house_number: (number / STREETS + 1).to_string(),
        stall_number: String::new(),
        code: None,
        from,
        account: Some(account),
        code_from: None,
    };
    Ok(HouseholdDraft {
        reference: format!("LT-{number:05}"),
        details: Some(HouseholdDetails {
            name: format!("Hộ kinh doanh {number}"),
            class: Class::Registered,
            status: TradingStatus::Trading,
            phone: None,
            from,
        }),
        stalls: vec![stall],
    })
}

fn account_number(number: usize) -> String {
    format!("10{number:08}")
}

/// How the numbers of callbacks follow each other; ids of deliveries and transactions are made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ids {
    /// Time first, as the numbers of banks are
    Time,
    /// In no order
    Random,
}

impl Ids {
    /// The word of the flag.
    pub fn as_str(self) -> &'static str {
        match self {
            Ids::Time => "time",
            Ids::Random => "random",
        }
    }

    /// A number of 14 digits of its own for each event, also beside those of a run that began earlier: room
    /// for a hundred in each millisecond since the end of 2023.
    pub fn number(self, start: TimeMs, index: usize) -> u64 {
        const ROOM: u64 = 100_000_000_000_000;
        let number = (start.0 - 1_700_000_000_000).unsigned_abs() * 100 + index as u64;
        match self {
            Ids::Time => number % ROOM,
            // A factor without common divisors only changes the order.
            Ids::Random => (u128::from(number) * 61_803_398_874_989 % u128::from(ROOM)) as u64,
        }
    }
}

/// Makes and signs payments for these events, in this order; they happened at `start`. Call it just before
/// they are posted: signatures grow old.
pub fn prepare(cast: &Cast, start: TimeMs, ids: Ids, order: &[u32]) -> Result<Prepared> {
    let mut prepared = Prepared::with_capacity(order.len(), REQUEST_BYTES);
    let mut request = Vec::with_capacity(REQUEST_BYTES);
    for event in order {
        let sample = cast.payment(ids.number(start, *event as usize), start);
        request.clear();
        cast.write(&mut request, &sample, now())?;
        prepared.push(&request, sample.amount.vnd());
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_no_order_are_still_numbers_of_their_own() {
        let start = TimeMs(1_790_000_000_000);
        for ids in [Ids::Time, Ids::Random] {
            let numbers: std::collections::HashSet<u64> = (0..10_000).map(|i| ids.number(start, i)).collect();
            assert_eq!(numbers.len(), 10_000);
            assert!(numbers.iter().all(|n| *n < 100_000_000_000_000));
        }
    }
}

//! What a phase needs: a fresh database, a running service, a register with payee accounts, a provider,
//! and signed callbacks that pay those accounts.

use std::io::Write;
use std::net::SocketAddr;

use base64::Engine;
use choso::access::{SealingKey, key_purpose};
use choso::app::{App, now};
use choso::config::{Config, RawConfig};
use choso::notice::{Secrets, sign};
use choso::places::UnitIx;
use choso::register::{
    AccountDraft, Class, HolderRelation, HouseholdDraft, PlaceDraft, PlaceName, StallDraft, TradingStatus,
};
use choso::store::{NewProvider, Store};
use choso::vn::{AccountNumber, Day, Secret, TimeMs};
use tempfile::TempDir;

use crate::Result;
use crate::client::Prepared;
use crate::cluster::Cluster;

/// Households with one stall and one account each: a ward with several markets.
pub const HOUSEHOLDS: usize = 2_000;
/// Streets they stand on, so that several receipts of a batch meet in one place counter.
const STREETS: usize = 40;
/// A ward of Đà Nẵng as of 1 July 2025.
const UNIT_CODE: &str = "20242";
const BANK_BIN: &str = "970436";
const PROVIDER: &str = "loadtest";
const KEY: &str = "k1";
/// More than a prepared request takes, so that the memory for all of them is asked for once.
const REQUEST_BYTES: usize = 768;

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
    pub fn config(&self, folder: &TempDir, batch_deliveries_max: Option<usize>) -> Result<Config> {
        let database_url = match self {
            Databases::Sqlite => format!("sqlite://{}", folder.path().join("choso.db").display()),
            Databases::Postgres(cluster) => cluster.fresh_database("loadtest"),
        };
        let raw = RawConfig {
            database_url: Some(database_url),
            listen: Some("127.0.0.1:0".to_owned()),
            key_file: Some(folder.path().join("choso.key")),
            batch_deliveries_max,
            ..RawConfig::default()
        };
        Ok(raw.check()?)
    }
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

    fn secret(&mut self) -> Secret {
        Secret::new((0..4).flat_map(|_| self.bits().to_le_bytes()).collect())
    }
}

/// Fills the register, adds the provider, and gives back the secret it signs with.
pub async fn fill(app: &App, config: &Config, seed: u64) -> Result<Secret> {
    let store = app.store();
    let from = Day::ymd(2025, 7, 1);
    let unit = store
        .units()
        .await?
        .at(UNIT_CODE, from)
        .map_err(|e| format!("unit {UNIT_CODE}: {e:?}"))?;
    let drafts = (0..HOUSEHOLDS)
        .map(|number| household(number, unit, from))
        .collect::<Result<Vec<_>>>()?;
    let kept = store
        .keep_register(&drafts, "loadtest", false, now(), |_| {})
        .await?;
    if kept.new_stalls != HOUSEHOLDS {
        return Err(format!("the register took {} stalls of {HOUSEHOLDS}", kept.new_stalls).into());
    }
    add_provider(store, &config.sealing_key()?, seed).await
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
        name: format!("Hộ kinh doanh {number}"),
        class: Class::Registered,
        status: TradingStatus::Trading,
        phone: None,
        from,
        stalls: vec![stall],
        only_stalls: false,
    })
}

fn account_number(number: usize) -> String {
    format!("10{number:08}")
}

async fn add_provider(store: &Store, sealing_key: &SealingKey, seed: u64) -> Result<Secret> {
    let secret = Draw::new(seed).secret();
    // The database is thrown away with its key, so a nonce that repeats between runs gives nothing away.
    let text = base64::engine::general_purpose::STANDARD.encode(secret.reveal());
    let secrets = Secrets::from_pairs([("signing_secret", text.as_str())]);
    let sealed_secret = sealing_key.seal(&secrets.to_json(), &key_purpose(PROVIDER, KEY), [7; 24]);
    let provider = NewProvider {
        provider_id: PROVIDER.to_owned(),
        profile: "standard".to_owned(),
        scheme: "webhooks_v1".to_owned(),
        key_id: KEY.to_owned(),
        sealed_secret,
    };
    store.add_provider(&provider, now()).await?;
    Ok(secret)
}

/// How the ids of callbacks and transactions follow each other. It decides how many pages of the
/// database a batch touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ids {
    /// Time first, then random bits, as KSUID, UUIDv7 and the numbers of banks are
    Time,
    /// Random from the first character, as UUIDv4 is: the hardest for an index
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

    /// 24 hexadecimal digits. Ids by time move on by a millisecond every 20 callbacks.
    fn next(self, number: usize, start: TimeMs, draw: &mut Draw) -> String {
        let low = draw.bits() >> 16;
        let high = match self {
            Ids::Time => (start.0 as u64).wrapping_add(number as u64 / 20),
            Ids::Random => draw.bits() >> 16,
        };
        format!("{high:012x}{low:012x}")
    }
}

/// Makes and signs this many callbacks. Call it just before they are posted: signatures grow old.
pub fn prepare(count: usize, address: SocketAddr, secret: &Secret, seed: u64, ids: Ids) -> Result<Prepared> {
    let start = now();
    let mut draw = Draw::new(seed ^ 0x5eed);
    let mut prepared = Prepared::with_capacity(count, REQUEST_BYTES);
    let mut request = Vec::with_capacity(REQUEST_BYTES);
    for number in 0..count {
        let amount_vnd = 1_000 + draw.below(499_001) as i64;
        let account = account_number(draw.below(HOUSEHOLDS as u64) as usize);
        let transaction_id = format!("FT{}", ids.next(number, start, &mut draw));
        let webhook_id = format!("msg_{}", ids.next(number, start, &mut draw));
        let time = start.iso();
        let body = format!(
            r#"{{"type":"payment.succeeded","timestamp":"{time}","data":{{"transaction_id":"{transaction_id}","amount":{amount_vnd},"currency":"VND","reference":"R{number:08}","bank_bin":"{BANK_BIN}","account":"{account}","occurred_at":"{time}","note":"thanh toan {number}"}}}}"#
        );
        let signed_at_s = start.0.div_euclid(1000);
        let signature = sign(secret, &webhook_id, signed_at_s, body.as_bytes());
        request.clear();
        write!(
            request,
            "POST /callbacks/{PROVIDER} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             webhook-id: {webhook_id}\r\nwebhook-timestamp: {signed_at_s}\r\nwebhook-signature: {signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        prepared.push(&request, amount_vnd);
    }
    Ok(prepared)
}

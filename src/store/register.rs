//! The register: keeping drafts, and what the API and pages read of it.

mod cards;
mod change;
mod codes;
mod inspections;
mod lifecycle;
mod place_stalls;
mod read;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::places::{self, raise_epoch};
use super::{
    Actor, Conflict, Creation, Result, Store, StoreError, Tx, day_of, fetch_in_chunks, fresh_id, on_tx,
    period_of,
};
use crate::places::{Book, NewPlaces, NewStreets, Units};
use crate::register::{
    AccountLengths, Class, Existing, ExistingHousehold, ExistingLink, ExistingStall, HouseholdDraft,
    HouseholdState, NewIds, PlaceName, RegisterPlan, StallCode, StallState, TradingStatus, plan,
};
use crate::vn::{Day, Sentence, TimeMs};

pub use cards::{PrintableCard, WhichCards};
pub use change::{HouseholdChange, NewTerminal};
pub(super) use codes::payee_of_stall;
pub use codes::{CardView, CodeEnding, IssuedCode, NewCode};
pub use inspections::{
    CheckWay, Checked, Inspection, NamedStall, NewInspection, OfflineCheck, OfflineChecksKept, PlaceCode,
};
pub(super) use lifecycle::is_account_of_stall;
pub use lifecycle::{ChangedAccount, OwnerMessage};
pub use place_stalls::PlaceStall;
pub use read::{AccountView, Approval, CodeView, HouseholdFilter, HouseholdView, StallView};

/// Households per transaction: a callback waits behind one chunk at most.
const CHUNK_HOUSEHOLDS: usize = 500;

/// What keeping drafts did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterKept {
    /// Refused stalls: line of the file and reason.
    pub faults: Vec<(u64, Sentence)>,
    /// Id and stall ids of each household kept, in the order of the drafts.
    pub households: Vec<(String, Vec<String>)>,
    /// Households that were not there before.
    pub new_households: usize,
    /// Stalls that were not there before.
    pub new_stalls: usize,
    /// Households or stalls of which something changed.
    pub changed: usize,
    /// Codes recorded as handed out.
    pub new_codes: usize,
    /// Names of streets that were made.
    pub new_streets: Vec<String>,
    /// Names of markets that were made.
    pub new_markets: Vec<String>,
    /// Names of streets and markets that were read as a known one, with that one: in how many rows.
    pub read_as: BTreeMap<(String, String), usize>,
    /// Names of streets about which a person has to be asked: in how many rows.
    pub asked_streets: BTreeMap<String, usize>,
    /// Accounts that were linked to stalls.
    pub new_links: usize,
    /// Rows whose account takes the place of another one, which a second person has to approve.
    pub waiting_accounts: Vec<u64>,
}

/// What a person said of an import.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    /// Say what would happen and change nothing.
    pub dry_run: bool,
    /// Whether rows may make streets.
    pub new_streets: NewStreets,
}

impl Store {
    /// Keeps households as stated, in chunks; each chunk is a transaction. The same drafts again change
    /// nothing. `progress` is told how many households are done.
    pub async fn keep_register(
        &self,
        drafts: &[HouseholdDraft],
        Import { dry_run, new_streets }: Import,
        actor: Actor<'_>,
        mut progress: impl FnMut(usize),
    ) -> Result<RegisterKept> {
        let mut kept = RegisterKept::default();
        let mut tx = self.begin().await?;
        let units = places::read_units(&mut tx).await?;
        let mut book = places::open_book(&mut tx, &units, new_streets).await?;
        let stalls = drafts.iter().flat_map(|draft| &draft.stalls);
        book.expect_streets(stalls.filter_map(|stall| match &stall.place.name {
            PlaceName::Street(name) => Some((stall.place.unit, name.as_str())),
            PlaceName::Market(_) => None,
        }));
        for (number, chunk) in drafts.chunks(CHUNK_HOUSEHOLDS).enumerate() {
            let (outcome, places) = keep(&mut tx, chunk, &units, &mut book, actor).await?;
            kept.add(outcome, places);
            progress(((number + 1) * CHUNK_HOUSEHOLDS).min(drafts.len()));
            if !dry_run {
                tx.commit().await?;
                tx = self.begin().await?;
            }
        }
        Ok(kept)
    }
}

impl Store {
    /// How long the accounts of each bank on the register are.
    pub async fn account_lengths(&self) -> Result<AccountLengths> {
        let mut tx = self.begin_read().await?;
        let pairs: Vec<(String, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT DISTINCT bank_bin, CAST(LENGTH(account_number) AS BIGINT) FROM account")
                .fetch_all(c)
                .await?
        });
        Ok(pairs
            .into_iter()
            .map(|(bin, length)| (bin, length as usize))
            .collect())
    }
}

impl Creation {
    /// The whole table of units, as [`Store::units`].
    pub async fn units(&mut self) -> Result<Units> {
        places::read_units(&mut self.tx).await
    }

    /// Keeps one household as stated, as [`Store::keep_register`].
    pub async fn keep_household(
        &mut self,
        draft: HouseholdDraft,
        units: &Units,
        new_streets: NewStreets,
        actor: Actor<'_>,
    ) -> Result<RegisterKept> {
        let mut book = places::open_book(&mut self.tx, units, new_streets).await?;
        let mut kept = RegisterKept::default();
        let (outcome, places) = keep(&mut self.tx, &[draft], units, &mut book, actor).await?;
        kept.add(outcome, places);
        Ok(kept)
    }
}

/// Keeps some households in this transaction: what became of them, and the places that were made for them.
async fn keep(
    tx: &mut Tx,
    drafts: &[HouseholdDraft],
    units: &Units,
    book: &mut Book<'_>,
    actor: Actor<'_>,
) -> Result<(RegisterPlan, NewPlaces)> {
    let mut existing = read_existing(tx, drafts, book).await?;
    let outcome = plan_with_new_names(tx, drafts, &mut existing, book, actor.now).await?;
    let new_places = book.take_new();
    places::write_places(tx, units, &new_places, actor.now).await?;
    write::rows(tx, &outcome.rows, actor).await?;
    raise_epoch(tx).await?;
    Ok((outcome, new_places))
}

impl RegisterKept {
    fn add(&mut self, outcome: RegisterPlan, places: NewPlaces) {
        let rows = &outcome.rows;
        let new_households: HashSet<&String> = rows.households.iter().map(|h| &h.household_id).collect();
        let new_stalls: HashSet<&String> = rows.stalls.iter().map(|s| &s.stall_id).collect();
        self.new_households += new_households.len();
        self.new_stalls += new_stalls.len();
        self.changed += rows
            .household_versions
            .iter()
            .filter(|v| !new_households.contains(&v.household_id))
            .count();
        self.changed += rows
            .stall_versions
            .iter()
            .filter(|v| !new_stalls.contains(&v.stall_id))
            .count();
        self.new_codes += rows.codes.len();
        self.new_links += rows.links.len();
        self.faults.extend(outcome.faults);
        self.waiting_accounts.extend(outcome.waiting_accounts);
        for (name, rows) in outcome.asked_streets {
            *self.asked_streets.entry(name).or_default() += rows;
        }
        for (read_as, rows) in places.read_as {
            *self.read_as.entry(read_as).or_default() += rows;
        }
        self.households.extend(outcome.kept);
        self.new_streets
            .extend(places.streets.into_iter().map(|(_, _, name)| name));
        self.new_markets
            .extend(places.markets.into_iter().map(|(_, name, _)| name));
    }
}

/// Plans with stall codes and serials that nobody has.
async fn plan_with_new_names(
    tx: &mut Tx,
    drafts: &[HouseholdDraft],
    existing: &mut Existing,
    book: &mut Book<'_>,
    now: TimeMs,
) -> Result<RegisterPlan> {
    let wanted = drafts
        .iter()
        .flat_map(|d| &d.stalls)
        .filter(|s| s.code.is_none())
        .count();
    let mut codes = free_stall_codes(tx, wanted).await?;
    let outcome = plan(
        drafts,
        existing,
        book,
        &mut NewIds {
            id: &mut || fresh_id(now),
            // As many codes were fetched as there are stalls without one, and each takes one at most.
            stall_code: &mut || codes.pop().expect("a free code for each stall"),
            serial: &mut fresh_serial,
        },
    );
    Ok(outcome)
}

/// This many different stall codes that no stall has.
pub(super) async fn free_stall_codes(tx: &mut Tx, wanted: usize) -> Result<Vec<StallCode>> {
    let mut free: HashSet<StallCode> = HashSet::with_capacity(wanted);
    // Of 2^35 codes a city uses some hundred thousand: nearly every draw is free.
    for _ in 0..100 {
        if free.len() == wanted {
            break;
        }
        let drawn: Vec<StallCode> = (free.len()..wanted)
            .map(|_| StallCode::from_number(random_u64()))
            .collect();
        let taken = taken_codes(tx, drawn.iter().map(StallCode::as_str)).await?;
        free.extend(
            drawn
                .into_iter()
                .filter(|code| !taken.contains_key(code.as_str())),
        );
    }
    if free.len() == wanted {
        Ok(free.into_iter().collect())
    } else {
        Err(Conflict::NoFreeStallCode.into())
    }
}

/// Which of these codes are taken, and by which household.
async fn taken_codes<'a>(
    tx: &mut Tx,
    codes: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, String>> {
    let sql = "SELECT stall_code, household_id FROM stall WHERE stall_code IN (…)";
    let taken: Vec<(String, String)> = fetch_in_chunks(tx, sql, &[], codes).await?;
    Ok(taken.into_iter().collect())
}

/// A serial for a card: 12 characters of the stall codes' alphabet, 60 random bits.
fn fresh_serial() -> String {
    let a = StallCode::from_number(random_u64());
    let b = StallCode::from_number(random_u64());
    format!("{}{}", &a.as_str()[..6], &b.as_str()[..6])
}

fn random_u64() -> u64 {
    // As for ids: without the system's random generator there is no safe way on.
    getrandom::u64().expect("the system gives random bytes")
}

async fn read_existing(tx: &mut Tx, drafts: &[HouseholdDraft], book: &Book<'_>) -> Result<Existing> {
    let mut existing = Existing::default();
    let sql = "SELECT household_id, household_ref FROM household WHERE household_ref IN (…)";
    let households: Vec<(String, String)> =
        fetch_in_chunks(tx, sql, &[], drafts.iter().map(|d| &d.reference)).await?;
    let ids: Vec<&str> = households.iter().map(|(id, _)| id.as_str()).collect();
    let mut versions = household_versions(tx, &ids).await?;
    let mut stalls = stalls_of(tx, &ids).await?;
    for (household_id, reference) in households {
        let mut household = ExistingHousehold {
            versions: versions.remove(&household_id).unwrap_or_default(),
            stalls: stalls.remove(&household_id).unwrap_or_default(),
            household_id,
        };
        // Streets that were merged may have two segments in one unit, which are one place to a file.
        let of_stalls = household.stalls.iter_mut().flat_map(|s| &mut s.versions);
        let places = of_stalls.map(|(_, state)| &mut state.place_id);
        for place_id in places.chain(
            household
                .versions
                .iter_mut()
                .map(|(_, state)| &mut state.place_id),
        ) {
            *place_id = book.same_place(place_id).to_owned();
        }
        existing.households.insert(reference, household);
    }
    let stalls = || drafts.iter().flat_map(|d| &d.stalls);
    let codes = stalls().filter_map(|s| s.code.as_ref());
    existing.stall_owners = taken_codes(tx, codes.map(StallCode::as_str)).await?;
    let numbers: HashSet<&str> = stalls()
        .filter_map(|s| s.account.as_ref())
        .map(|a| a.number.reveal())
        .collect();
    let sql = "SELECT bank_bin, account_number, account_id FROM account WHERE account_number IN (…)";
    let accounts: Vec<(String, String, String)> = fetch_in_chunks(tx, sql, &[], numbers).await?;
    existing
        .accounts
        .extend(accounts.into_iter().map(|(bin, number, id)| ((bin, number), id)));
    Ok(existing)
}

#[derive(sqlx::FromRow)]
struct HouseholdVersion {
    household_id: String,
    valid_from_day: i64,
    name: String,
    class: String,
    trading_status: String,
    place_id: String,
    house_number: String,
    phone: Option<String>,
}

/// Versions of each household, the earliest first.
async fn household_versions(
    tx: &mut Tx,
    household_ids: &[&str],
) -> Result<HashMap<String, Vec<(Day, HouseholdState)>>> {
    let sql =
        "SELECT household_id, valid_from_day, name, class, trading_status, place_id, house_number, phone
               FROM household_version WHERE household_id IN (…)
               ORDER BY household_id, valid_from_day, recorded_at_ms";
    let rows: Vec<HouseholdVersion> = fetch_in_chunks(tx, sql, &[], household_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<_>> = HashMap::new();
    for row in rows {
        let state = HouseholdState {
            class: class_of(&row.class)?,
            status: status_of(&row.trading_status)?,
            name: row.name,
            place_id: row.place_id,
            house_number: row.house_number,
            phone: row.phone,
        };
        out.entry(row.household_id)
            .or_default()
            .push((day_of(row.valid_from_day)?, state));
    }
    Ok(out)
}

async fn stalls_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<ExistingStall>>> {
    let mut versions = stall_versions(tx, household_ids).await?;
    let mut links = links_of(tx, household_ids).await?;
    let mut codes = live_codes_of(tx, household_ids).await?;
    let sql = "SELECT household_id, stall_id, stall_code FROM stall WHERE household_id IN (…)
               ORDER BY household_id, stall_id";
    let stalls: Vec<(String, String, String)> =
        fetch_in_chunks(tx, sql, &[], household_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<ExistingStall>> = HashMap::new();
    for (household_id, stall_id, code) in stalls {
        out.entry(household_id).or_default().push(ExistingStall {
            code,
            versions: versions.remove(&stall_id).unwrap_or_default(),
            links: links.remove(&stall_id).unwrap_or_default(),
            accounts_with_code: codes.remove(&stall_id).unwrap_or_default(),
            stall_id,
        });
    }
    Ok(out)
}

#[derive(sqlx::FromRow)]
struct StallVersion {
    stall_id: String,
    valid_from_day: i64,
    place_id: String,
    house_number: String,
    stall_number: String,
    trading_status: String,
}

/// Versions of each stall of the households, the earliest first.
async fn stall_versions(
    tx: &mut Tx,
    household_ids: &[&str],
) -> Result<HashMap<String, Vec<(Day, StallState)>>> {
    let sql =
        "SELECT v.stall_id, v.valid_from_day, v.place_id, v.house_number, v.stall_number, v.trading_status
               FROM stall_version v JOIN stall s ON s.stall_id = v.stall_id WHERE s.household_id IN (…)
               ORDER BY v.stall_id, v.valid_from_day, v.recorded_at_ms";
    let rows: Vec<StallVersion> = fetch_in_chunks(tx, sql, &[], household_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<_>> = HashMap::new();
    for row in rows {
        let state = StallState {
            place_id: row.place_id,
            house_number: row.house_number,
            stall_number: row.stall_number,
            status: status_of(&row.trading_status)?,
        };
        out.entry(row.stall_id)
            .or_default()
            .push((day_of(row.valid_from_day)?, state));
    }
    Ok(out)
}

async fn links_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<ExistingLink>>> {
    let sql = "SELECT l.stall_id, l.account_id, l.valid_from_day, l.valid_to_day FROM account_link l
               WHERE NOT EXISTS (SELECT 1 FROM account_link n
                                 WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
                 AND l.stall_id IN (SELECT stall_id FROM stall WHERE household_id IN (…))";
    let links: Vec<(String, String, i64, Option<i64>)> =
        fetch_in_chunks(tx, sql, &[], household_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<ExistingLink>> = HashMap::new();
    for (stall_id, account_id, from, to) in links {
        out.entry(stall_id).or_default().push(ExistingLink {
            account_id,
            period: period_of(from, to)?,
            is_recorded: true,
        });
    }
    Ok(out)
}

async fn live_codes_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<String>>> {
    let sql = "SELECT stall_id, account_id FROM code
               WHERE NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = code.serial) AND household_id IN (…)";
    let codes: Vec<(String, String)> = fetch_in_chunks(tx, sql, &[], household_ids.iter().copied()).await?;
    let mut out: HashMap<String, Vec<String>> = HashMap::new();
    for (stall_id, account_id) in codes {
        out.entry(stall_id).or_default().push(account_id);
    }
    Ok(out)
}

/// What a word of a column means; one that nobody wrote is corruption.
fn meaning<T>(of: Option<T>, what: &str, word: &str) -> Result<T> {
    of.ok_or_else(|| StoreError::Corrupt(format!("{what} {word}")))
}

fn class_of(word: &str) -> Result<Class> {
    meaning(Class::parse(word), "class", word)
}

pub(super) fn status_of(word: &str) -> Result<TradingStatus> {
    meaning(TradingStatus::parse(word), "trading status", word)
}

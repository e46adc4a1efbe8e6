//! The register: keeping drafts, and what the API and pages read of it.

mod cards;
mod change;
mod codes;
mod inspections;
mod lifecycle;
mod read;
mod write;

use std::collections::{HashMap, HashSet};

use sqlx::QueryBuilder;

use super::places::{self, raise_epoch};
use super::{OPEN_START_DAY, Result, Store, StoreError, Tx, fresh_id, on_tx};
use crate::register::{
    Class, Existing, ExistingHousehold, ExistingLink, ExistingStall, HouseholdDraft, HouseholdState, NewIds,
    RegisterPlan, StallCode, StallState, plan,
};
use crate::vn::{Day, Period, TimeMs};

pub use cards::{PrintableCard, WhichCards};
pub use change::HouseholdChange;
pub(super) use codes::payee_of_stall;
pub use codes::{CardView, IssuedCode};
pub use inspections::{CheckWay, Checked, Inspection, NewInspection, OfflineLook, WalkKept, WallCode};
pub use lifecycle::OwnerMessage;
pub use read::{AccountView, Approval, CodeView, HouseholdFilter, HouseholdView, StallView};

/// Households per transaction: a callback waits behind one chunk at most.
const CHUNK_HOUSEHOLDS: usize = 500;
/// Values per `IN (…)` list.
const IN_MAX: usize = 500;

/// What keeping drafts did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterKept {
    /// Refused stalls: line of the file and reason.
    pub faults: Vec<(u64, String)>,
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
}

impl Store {
    /// Keeps households as stated, in chunks; each chunk is a transaction. The same drafts again change
    /// nothing. `dry_run` says what would happen and changes nothing. `progress` is told how many
    /// households are done.
    pub async fn keep_register(
        &self,
        drafts: &[HouseholdDraft],
        by: &str,
        dry_run: bool,
        now: TimeMs,
        mut progress: impl FnMut(usize),
    ) -> Result<RegisterKept> {
        let mut kept = RegisterKept::default();
        let mut tx = self.begin().await?;
        let units = places::read_units(&mut tx).await?;
        let mut book = places::open_book(&mut tx, &units).await?;
        for (number, chunk) in drafts.chunks(CHUNK_HOUSEHOLDS).enumerate() {
            let mut existing = read_existing(&mut tx, chunk).await?;
            let outcome = plan_with_new_names(&mut tx, chunk, &mut existing, &mut book, now).await?;
            let new_places = book.take_new();
            places::write_places(&mut tx, &units, &new_places, now).await?;
            write::rows(&mut tx, &outcome.rows, by, now).await?;
            raise_epoch(&mut tx).await?;
            kept.add(outcome, new_places);
            progress(((number + 1) * CHUNK_HOUSEHOLDS).min(drafts.len()));
            if !dry_run {
                tx.commit().await?;
                tx = self.begin().await?;
            }
        }
        Ok(kept)
    }
}

impl RegisterKept {
    fn add(&mut self, outcome: RegisterPlan, places: crate::places::NewPlaces) {
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
        self.faults.extend(outcome.faults);
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
    book: &mut crate::places::Book<'_>,
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
        Err(StoreError::Conflict("no free stall codes were found".to_owned()))
    }
}

/// Which of these codes are taken, and by which household.
async fn taken_codes<'a>(
    tx: &mut Tx,
    codes: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, String>> {
    let codes: Vec<&str> = codes.collect();
    let mut taken = HashMap::new();
    for chunk in codes.chunks(IN_MAX) {
        let rows: Vec<(String, String)> = on_tx!(tx, |c, Db| {
            let mut sql =
                QueryBuilder::<Db>::new("SELECT stall_code, household_id FROM stall WHERE stall_code IN ");
            sql.push_tuples(chunk, |mut row, code| {
                row.push_bind(*code);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        taken.extend(rows);
    }
    Ok(taken)
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

async fn read_existing(tx: &mut Tx, drafts: &[HouseholdDraft]) -> Result<Existing> {
    let references: Vec<&str> = drafts.iter().map(|d| d.reference.as_str()).collect();
    let mut existing = Existing::default();
    let mut references_by_id = HashMap::new();
    for chunk in references.chunks(IN_MAX) {
        let rows: Vec<(String, String)> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT household_id, household_ref FROM household WHERE household_ref IN ",
            );
            sql.push_tuples(chunk, |mut row, r| {
                row.push_bind(*r);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        references_by_id.extend(rows);
    }
    let ids: Vec<&str> = references_by_id.keys().map(String::as_str).collect();
    let mut versions = household_versions(tx, &ids).await?;
    let mut stalls = stalls_of(tx, &ids).await?;
    for (id, reference) in &references_by_id {
        let household = ExistingHousehold {
            household_id: id.clone(),
            versions: versions.remove(id).unwrap_or_default(),
            stalls: stalls.remove(id).unwrap_or_default(),
        };
        existing.households.insert(reference.clone(), household);
    }
    let stalls = || drafts.iter().flat_map(|d| &d.stalls);
    existing.stall_owners = taken_codes(
        tx,
        stalls().filter_map(|s| s.code.as_ref()).map(StallCode::as_str),
    )
    .await?;
    let numbers: HashSet<&str> = stalls()
        .filter_map(|s| s.account.as_ref())
        .map(|a| a.number.reveal())
        .collect();
    let numbers: Vec<&str> = numbers.into_iter().collect();
    for chunk in numbers.chunks(IN_MAX) {
        let rows: Vec<(String, String, String)> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT bank_bin, account_number, account_id FROM account WHERE account_number IN ",
            );
            sql.push_tuples(chunk, |mut row, n| {
                row.push_bind(*n);
            });
            sql.build_query_as().fetch_all(c).await?
        });
        existing
            .accounts
            .extend(rows.into_iter().map(|(bin, number, id)| ((bin, number), id)));
    }
    Ok(existing)
}

async fn household_versions(
    tx: &mut Tx,
    ids: &[&str],
) -> Result<HashMap<String, Vec<(Day, HouseholdState)>>> {
    let mut out: HashMap<String, Vec<_>> = HashMap::new();
    for chunk in ids.chunks(IN_MAX) {
        type Row = (
            String,
            i64,
            String,
            String,
            String,
            String,
            String,
            Option<String>,
        );
        let rows: Vec<Row> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT household_id, valid_from_day, name, class, trading_status, place_id, house_number, phone
                 FROM household_version WHERE household_id IN ",
            );
            sql.push_tuples(chunk, |mut row, id| {
                row.push_bind(*id);
            });
            sql.push(" ORDER BY household_id, valid_from_day, recorded_at_ms");
            sql.build_query_as().fetch_all(c).await?
        });
        for (id, from, name, class, status, place_id, house_number, phone) in rows {
            let class = Class::parse(&class).ok_or_else(|| StoreError::Corrupt(format!("class {class}")))?;
            let status = super::indicators::status_of(&status)?;
            let state = HouseholdState {
                name,
                class,
                status,
                place_id,
                house_number,
                phone,
            };
            out.entry(id).or_default().push((day_of(from)?, state));
        }
    }
    Ok(out)
}

async fn stalls_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<ExistingStall>>> {
    let mut out: HashMap<String, Vec<ExistingStall>> = HashMap::new();
    for chunk in household_ids.chunks(IN_MAX) {
        let mut versions = stall_versions(tx, chunk).await?;
        let mut links = links_of(tx, chunk).await?;
        let mut codes = live_codes_of(tx, chunk).await?;
        let rows: Vec<(String, String, String)> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(
                "SELECT household_id, stall_id, stall_code FROM stall WHERE household_id IN ",
            );
            sql.push_tuples(chunk, |mut row, id| {
                row.push_bind(*id);
            });
            sql.push(" ORDER BY household_id, stall_id");
            sql.build_query_as().fetch_all(c).await?
        });
        for (household_id, stall_id, code) in rows {
            out.entry(household_id).or_default().push(ExistingStall {
                code,
                versions: versions.remove(&stall_id).unwrap_or_default(),
                links: links.remove(&stall_id).unwrap_or_default(),
                accounts_with_code: codes.remove(&stall_id).unwrap_or_default(),
                stall_id,
            });
        }
    }
    Ok(out)
}

async fn stall_versions(
    tx: &mut Tx,
    household_ids: &[&str],
) -> Result<HashMap<String, Vec<(Day, StallState)>>> {
    let rows: Vec<(String, i64, String, String, String, String)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT v.stall_id, v.valid_from_day, v.place_id, v.house_number, v.stall_number, v.trading_status
             FROM stall_version v JOIN stall s ON s.stall_id = v.stall_id WHERE s.household_id IN ",
        );
        sql.push_tuples(household_ids, |mut row, id| {
            row.push_bind(*id);
        });
        sql.push(" ORDER BY v.stall_id, v.valid_from_day, v.recorded_at_ms");
        sql.build_query_as().fetch_all(c).await?
    });
    let mut out: HashMap<String, Vec<_>> = HashMap::new();
    for (stall_id, from, place_id, house_number, stall_number, status) in rows {
        let status = super::indicators::status_of(&status)?;
        let state = StallState {
            place_id,
            house_number,
            stall_number,
            status,
        };
        out.entry(stall_id).or_default().push((day_of(from)?, state));
    }
    Ok(out)
}

async fn links_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<ExistingLink>>> {
    let rows: Vec<(String, String, i64, Option<i64>)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT l.stall_id, l.account_id, l.valid_from_day, l.valid_to_day FROM account_link l
             WHERE NOT EXISTS (SELECT 1 FROM account_link n
                               WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
               AND l.stall_id IN (SELECT stall_id FROM stall WHERE household_id IN ",
        );
        sql.push_tuples(household_ids, |mut row, id| {
            row.push_bind(*id);
        });
        sql.push(")");
        sql.build_query_as().fetch_all(c).await?
    });
    let mut out: HashMap<String, Vec<ExistingLink>> = HashMap::new();
    for (stall_id, account_id, from, to) in rows {
        out.entry(stall_id).or_default().push(ExistingLink {
            account_id,
            period: period_of(from, to),
            is_recorded: true,
        });
    }
    Ok(out)
}

async fn live_codes_of(tx: &mut Tx, household_ids: &[&str]) -> Result<HashMap<String, Vec<String>>> {
    let rows: Vec<(String, String)> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(
            "SELECT stall_id, account_id FROM code
             WHERE NOT EXISTS (SELECT 1 FROM code_end e WHERE e.serial = code.serial) AND household_id IN ",
        );
        sql.push_tuples(household_ids, |mut row, id| {
            row.push_bind(*id);
        });
        sql.build_query_as().fetch_all(c).await?
    });
    let mut out: HashMap<String, Vec<String>> = HashMap::new();
    for (stall_id, account_id) in rows {
        out.entry(stall_id).or_default().push(account_id);
    }
    Ok(out)
}

fn period_of(from: i64, to: Option<i64>) -> Period {
    let from = if from == OPEN_START_DAY {
        None
    } else {
        Day::from_number(from)
    };
    Period {
        from,
        to: to.and_then(Day::from_number),
    }
}

fn day_of(number: i64) -> Result<Day> {
    Day::from_number(number).ok_or_else(|| StoreError::Corrupt(format!("day {number}")))
}

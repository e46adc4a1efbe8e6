//! What the writer knows of the register: read once, and kept until the register changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::super::{OPEN_START_DAY, Result, Tx, fetch_in_chunks, on_tx, period_of};
use super::orders;
use crate::ledger::{AccountLinks, AttributionFacts, Link, TerminalLink, stall_aliases};
use crate::notice::Details;
use crate::vn::Day;

/// More accounts than this are not remembered: a city has some hundred thousand.
const ENTRIES_MAX: usize = 200_000;

/// What the writer knows of the register; trusted only while its epoch, read in the same transaction, is
/// the one it was read under.
#[derive(Debug, Default)]
pub(in crate::store) struct RegisterMemory {
    epoch: Option<i64>,
    known: AttributionFacts,
}

impl RegisterMemory {
    /// What the register says of all that was asked for.
    pub fn known(&self) -> &AttributionFacts {
        &self.known
    }

    /// Forgets what was read under another epoch.
    pub fn invalidate_unless(&mut self, epoch: i64) {
        let is_full = self.known.accounts.len() + self.known.terminals.len() > ENTRIES_MAX;
        if self.epoch != Some(epoch) || is_full {
            self.known = AttributionFacts::default();
            self.epoch = Some(epoch);
        }
    }

    /// Reads what the register says about everything that these providers' notices or rows name and is not
    /// remembered. A number that is not registered is remembered as such. Orders are read each time.
    pub(in crate::store) async fn load(
        &mut self,
        tx: &mut Tx,
        named: &[(&Arc<str>, &Details)],
        has_orders: bool,
    ) -> Result<()> {
        let mut numbers = BTreeSet::new();
        let mut names = BTreeSet::new();
        let mut references: BTreeSet<(&Arc<str>, &str)> = BTreeSet::new();
        for &(provider_id, details) in named {
            numbers.insert(details.account_number.as_str());
            names.extend(
                stall_aliases(details)
                    .into_iter()
                    .map(|n| (Arc::clone(provider_id), n)),
            );
            if has_orders && !details.reference.is_empty() {
                references.insert((provider_id, &details.reference));
            }
        }
        numbers.remove("");
        let is_new = |n: &&str| !self.known.accounts.contains_key(*n);
        let new_numbers: Vec<&str> = numbers.iter().copied().filter(is_new).collect();
        if !new_numbers.is_empty() {
            self.read_accounts(tx, &new_numbers).await?;
        }
        for key in names {
            if !self.known.terminals.contains_key(&key) {
                let links = read_terminal(tx, &key.0, &key.1).await?;
                self.read_places(tx, links.iter().map(|l| l.household_id.clone()).collect())
                    .await?;
                self.known.terminals.insert(key, links);
            }
        }
        self.known.orders.clear();
        for (provider_id, reference) in references {
            if let Some(order) = orders::find(tx, provider_id, reference).await? {
                self.read_places(tx, BTreeSet::from([order.household_id.clone()]))
                    .await?;
                let key = (provider_id.clone(), reference.to_owned());
                self.known.orders.insert(key, order);
            }
        }
        Ok(())
    }

    async fn read_accounts(&mut self, tx: &mut Tx, numbers: &[&str]) -> Result<()> {
        let accounts: Vec<(String, String, String)> = fetch_in_chunks(
            tx,
            "SELECT account_id, bank_bin, account_number FROM account WHERE account_number IN (…)",
            &[],
            numbers.iter().copied(),
        )
        .await?;
        let mut links = read_links(tx, accounts.iter().map(|(account_id, ..)| account_id)).await?;
        for number in numbers {
            self.known.accounts.insert((*number).to_owned(), Vec::new());
        }
        let households = links.values().flatten().map(|l| l.household_id.clone()).collect();
        for (account_id, bank_bin, number) in accounts {
            let links = links.remove(&account_id).unwrap_or_default();
            self.known
                .accounts
                .entry(number)
                .or_default()
                .push(AccountLinks { bank_bin, links });
        }
        self.read_places(tx, households).await
    }

    async fn read_places(&mut self, tx: &mut Tx, households: BTreeSet<Arc<str>>) -> Result<()> {
        let new = households.iter().filter(|h| !self.known.places.contains_key(*h));
        let rows: Vec<(String, Day, String)> = fetch_in_chunks(
            tx,
            "SELECT household_id, valid_from_day, place_id FROM household_version WHERE household_id IN (…)
             ORDER BY household_id, valid_from_day, recorded_at_ms",
            &[],
            new.map(|h| &**h),
        )
        .await?;
        for (household, day, place) in rows {
            let places = self.known.places.entry(household.into()).or_default();
            places.push((day, place.into()));
        }
        Ok(())
    }
}

/// A link of an account to a stall.
#[derive(sqlx::FromRow)]
struct LinkRow {
    account_id: String,
    stall_id: String,
    stall_code: String,
    household_id: String,
    valid_from_day: i64,
    valid_to_day: Option<i64>,
}

/// The latest recorded version of each link of these accounts.
async fn read_links(
    tx: &mut Tx,
    account_ids: impl Iterator<Item = &String>,
) -> Result<HashMap<String, Vec<Link>>> {
    let rows: Vec<LinkRow> = fetch_in_chunks(
        tx,
        "SELECT l.account_id, l.stall_id, s.stall_code, l.household_id, l.valid_from_day, l.valid_to_day
         FROM account_link l JOIN stall s ON s.stall_id = l.stall_id
         WHERE NOT EXISTS (SELECT 1 FROM account_link n
                           WHERE n.link_id = l.link_id AND n.recorded_at_ms > l.recorded_at_ms)
           AND l.account_id IN (…)
         ORDER BY l.account_id, l.stall_id, l.valid_from_day",
        &[],
        account_ids,
    )
    .await?;
    let mut links: HashMap<String, Vec<Link>> = HashMap::new();
    for row in rows {
        links.entry(row.account_id).or_default().push(Link {
            stall_id: row.stall_id.into(),
            stall_code: row.stall_code,
            household_id: row.household_id.into(),
            period: period_of(row.valid_from_day, row.valid_to_day)?,
        });
    }
    Ok(links)
}

/// A terminal that was registered, or a stall's own code used as one.
async fn read_terminal(tx: &mut Tx, provider_id: &str, terminal: &str) -> Result<Vec<TerminalLink>> {
    let rows: Vec<(String, String, i64, Option<i64>)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT t.stall_id, s.household_id, t.valid_from_day, t.valid_to_day
             FROM terminal t JOIN stall s ON s.stall_id = t.stall_id
             WHERE t.provider_id = $1 AND t.terminal_id = $2
             UNION ALL
             SELECT s.stall_id, s.household_id, CAST($3 AS BIGINT), CAST(NULL AS BIGINT)
             FROM stall s WHERE s.stall_code = $2",
        )
        .bind(provider_id)
        .bind(terminal)
        .bind(OPEN_START_DAY)
        .fetch_all(c)
        .await?
    });
    rows.into_iter()
        .map(|(stall_id, household_id, from, to)| {
            Ok(TerminalLink {
                stall_id: stall_id.into(),
                household_id: household_id.into(),
                period: period_of(from, to)?,
            })
        })
        .collect()
}

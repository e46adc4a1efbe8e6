//! The district's households: how many there are and how many have an account was reported; which ones
//! is chosen here, by a seed.

use crate::places::{NoUnit, UnitIx, Units};
use crate::register::{
    AccountDraft, Class, HolderRelation, HouseholdDraft, PlaceDraft, PlaceName, TradingStatus,
};
use crate::simulate::InventedStall;
use crate::vn::{AccountNumber, Day};

use super::places::{MARKETS, REAL_STREETS, WARDS_2024};

/// Streets with households, as reported on 15/06/2024.
pub const STREETS: usize = 369;
/// Of them, with at least one household that has an account.
pub const STREETS_MET: usize = 308;
pub const HOUSEHOLDS: usize = 11_252;
/// Of them, with an account.
pub const WITH_ACCOUNT: usize = 6_345;

/// Households of the three markets; all have an account and a code. Invented.
const MARKET_HOUSEHOLDS: [usize; 3] = [340, 420, 190];
/// Households that pause, shown beside and not counted. Invented.
const PAUSED: usize = 48;
/// Of 100 street households with an account, so many have their code on the wall. Invented.
const CODES_PERCENT: u32 = 72;
/// Banks of the invented accounts.
const BANK_BINS: [&str; 6] = ["970415", "970436", "970422", "970418", "970407", "970405"];

/// From when the households trade and their accounts are linked.
fn trading_from() -> Day {
    Day::ymd(2024, 1, 2)
}

/// The day the demonstration's codes were handed out.
pub(super) fn codes_on() -> Day {
    Day::ymd(2024, 5, 20)
}

/// A place of the demonstration and how many households are there, with an account, and with a code.
struct Site {
    place: PlaceDraft,
    is_market: bool,
    households: usize,
    with_account: usize,
}

/// All households, and which of them want a code. Same seed, same households.
pub fn drafts(units: &Units, seed: u64) -> Result<(Vec<HouseholdDraft>, Vec<bool>), NoUnit> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sites = sites(units)?;
    share_out(&mut sites, &mut random);
    let mut drafts = Vec::with_capacity(HOUSEHOLDS + PAUSED);
    let mut wants_code = Vec::with_capacity(HOUSEHOLDS + PAUSED);
    for site in &sites {
        for at in 0..site.households {
            let has_account = at < site.with_account;
            wants_code.push(has_account && (site.is_market || random.u32(0..100) < CODES_PERCENT));
            let invented = Invented {
                number: drafts.len() + 1,
                at: at + 1,
                has_account,
                status: TradingStatus::Trading,
            };
            drafts.push(household(site, invented, &mut random));
        }
    }
    for at in 0..PAUSED {
        let site = &sites[at % STREETS];
        wants_code.push(false);
        let invented = Invented {
            number: drafts.len() + 1,
            at: 900 + at,
            has_account: false,
            status: TradingStatus::Paused,
        };
        drafts.push(household(site, invented, &mut random));
    }
    Ok((drafts, wants_code))
}

/// Streets first: the real ones, then numbered ones spread over the wards; markets last.
fn sites(units: &Units) -> Result<Vec<Site>, NoUnit> {
    let ward = |code: &str| -> Result<UnitIx, NoUnit> { units.at(code, trading_from()) };
    let site = |unit, name, is_market| Site {
        place: PlaceDraft { unit, name },
        is_market,
        households: 0,
        with_account: 0,
    };
    let mut sites = Vec::with_capacity(STREETS + MARKETS.len());
    for street in REAL_STREETS {
        sites.push(site(
            ward(street.ward_code_2024)?,
            PlaceName::Street(street.name.to_owned()),
            false,
        ));
    }
    for number in 1..=STREETS - sites.len() {
        let code = WARDS_2024[number % WARDS_2024.len()];
        sites.push(site(
            ward(code)?,
            PlaceName::Street(format!("Đường minh họa số {number}")),
            false,
        ));
    }
    for (market, households) in MARKETS.iter().zip(MARKET_HOUSEHOLDS) {
        let mut site = site(
            ward(market.ward_code_2024)?,
            PlaceName::Market(market.name.to_owned()),
            true,
        );
        site.households = households;
        site.with_account = households;
        sites.push(site);
    }
    Ok(sites)
}

/// Gives every street at least one household, 308 of them at least one with an account, and shares the
/// rest by chance so that the totals come out exactly.
fn share_out(sites: &mut [Site], random: &mut fastrand::Rng) {
    let in_markets: usize = MARKET_HOUSEHOLDS.iter().sum();
    let mut order: Vec<usize> = (0..STREETS).collect();
    random.shuffle(&mut order);
    let (met, unmet) = order.split_at(STREETS_MET);
    for &at in &order {
        sites[at].households = 1;
    }
    // Streets that meet the rule are the busier ones.
    let mut left = HOUSEHOLDS - in_markets - STREETS;
    for &at in unmet {
        let some = random.usize(0..6);
        sites[at].households += some;
        left -= some;
    }
    for _ in 0..left {
        // The smaller of two draws: a few long streets and many short ones.
        let drawn = random.usize(0..met.len()).min(random.usize(0..met.len()));
        sites[met[drawn]].households += 1;
    }
    for &at in met {
        sites[at].with_account = 1;
    }
    let mut left = WITH_ACCOUNT - in_markets - STREETS_MET;
    while left > 0 {
        let site = &mut sites[met[random.usize(0..met.len())]];
        if site.with_account < site.households {
            // Whole streets are won at once more often than one by one.
            let some = random
                .usize(1..=6)
                .min(site.households - site.with_account)
                .min(left);
            site.with_account += some;
            left -= some;
        }
    }
}

/// What is settled of a household before the rest is drawn.
struct Invented {
    /// Counted over the whole district.
    number: usize,
    /// Number of its house or stall.
    at: usize,
    has_account: bool,
    status: TradingStatus,
}

fn household(site: &Site, invented: Invented, random: &mut fastrand::Rng) -> HouseholdDraft {
    let Invented {
        number,
        at,
        has_account,
        status,
    } = invented;
    let account = has_account.then(|| AccountDraft {
        bank_bin: BANK_BINS[random.usize(0..BANK_BINS.len())].to_owned(),
        // Twelve letters and digits: always an account number.
        number: AccountNumber::parse(&format!("DEMO{number:08}")).expect("twelve letters and digits"),
        holder_name: format!("HO {number:04}"),
        relation: if random.u32(0..20) == 0 {
            HolderRelation::Relative
        } else {
            HolderRelation::Owner
        },
    });
    let class = if random.u32(0..10) < 7 {
        Class::Registered
    } else {
        Class::StreetVendor
    };
    let (house_number, stall_number) = if site.is_market {
        (String::new(), format!("S{at:03}"))
    } else {
        (at.to_string(), String::new())
    };
    let invented = InventedStall {
        number,
        class,
        status,
        reference: format!("DEMO-{number:05}"),
        name: format!("Hộ {number:04}"),
        place: site.place.clone(),
        house_number,
        stall_number,
        from: trading_from(),
        account,
    };
    invented.household()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::shipped;

    #[test]
    fn the_totals_come_out_for_any_seed() {
        let (units, edges) = shipped();
        let units = Units::new(units, edges).unwrap();
        for seed in [1, 2, 99] {
            let (drafts, wants_code) = drafts(&units, seed).unwrap();
            let trading: Vec<_> = drafts
                .iter()
                .filter(|d| d.details.as_ref().unwrap().status == TradingStatus::Trading)
                .collect();
            assert_eq!(trading.len(), HOUSEHOLDS);
            let with_account = trading.iter().filter(|d| d.stalls[0].account.is_some());
            assert_eq!(with_account.count(), WITH_ACCOUNT);
            assert_eq!(wants_code.len(), drafts.len());
        }
    }
}

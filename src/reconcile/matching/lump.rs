//! Pass 5: one row for many receipts.
//!
//! First the whole of a day: all receipts without a row of one stall or household (of the
//! provider, if the row says that it is a sum and names nobody) that the provider lists under the row's day
//! or one shortly before. Their sum, less what is known to have gone back, or less fees, is the row.
//!
//! What is left may be a part of a day. Then all ways to choose receipts are searched, and the row has its
//! receipts only if there is exactly one way. With amounts in whole thousands sums meet by chance, so the
//! search is for rows that say of themselves that they are sums. A row that does not say so is only named
//! ambiguous if some choice fits: posting it as a new receipt might count money twice, and taking it as a
//! sum would be a guess.

mod search;

use std::collections::{BTreeMap, HashMap};

use crate::vn::TimeMs;

use super::join::Groups;
use super::outcome::{Finding, Pass};
use super::run::Run;
use super::{FindingKind, Payee, ReceiptSide, RowSide, Rules};

use search::{Choice, Part};

/// Sums that one run looks at, for rows that say that they are sums and again for those that do not: half
/// a second, or two thousand rows with 24 receipts each.
const SUMS_MAX: u64 = 1 << 24;

/// Receipts among which a row that does not say that it is a sum is searched.
const UNSTATED_CANDIDATES_MAX: usize = 14;

/// Whose receipts a sum may gather. Of a stall only those of the household whose account the
/// row names, where it names one: a stall never moves money away from an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Stall(u32, Option<u32>),
    Household(u32),
    Provider,
}

/// The narrowest first.
fn scopes_of_row(r: &RowSide) -> impl Iterator<Item = Scope> {
    let names_nobody = r.payee == Payee::NotNamed && r.stall_in_note.is_none();
    let provider = (names_nobody && r.states_lump()).then_some(Scope::Provider);
    let of = r.household();
    let own = [
        r.stall().map(|stall| Scope::Stall(stall, of)),
        of.map(Scope::Household),
        provider,
    ];
    own.into_iter().flatten()
}

fn scopes_of_receipt(c: &ReceiptSide) -> impl Iterator<Item = Scope> {
    let of = Some(c.household);
    let own = [
        c.stall.map(|stall| Scope::Stall(stall, of)),
        c.stall.map(|stall| Scope::Stall(stall, None)),
        of.map(Scope::Household),
        Some(Scope::Provider),
    ];
    own.into_iter().flatten()
}

/// Rows that may be sums: open, nobody else's, with a payee that is not unknown, and not one payment by
/// their own id.
fn rows<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r RowSide)> {
    run.rows().filter(|(at, r)| {
        let is_doubted = run.row_doubts[*at as usize] > 0;
        let may_be_sum = r.states_lump() || r.txn.is_none() || run.rules.settles_in_sums;
        run.is_open(*at) && r.is_paid() && r.payee != Payee::Unknown && may_be_sum && !is_doubted
    })
}

/// Receipts that no row has. What another row posted is no part of a sum.
fn receipts<'r>(run: &'r Run<'_>) -> impl Iterator<Item = (u32, &'r ReceiptSide)> {
    run.receipts()
        .filter(|(at, c)| run.is_free(*at) && c.posted_from_row.is_none())
}

/// The days that a sum may gather, its own first.
fn days_of_row(r: &RowSide, rules: &Rules) -> impl Iterator<Item = i64> + use<> {
    let last = r.day.number();
    (0..=rules.lump_days_back.max(0)).map(move |back| last - back)
}

/// The whole of a day.
pub(super) fn whole_days(run: &mut Run<'_>) {
    let row_keys = rows(run).flat_map(|(at, r)| {
        let keys = scopes_of_row(r).flat_map(|scope| days_of_row(r, run.rules).map(move |day| (scope, day)));
        keys.map(move |key| (key, at)).collect::<Vec<_>>()
    });
    let receipt_keys = receipts(run).flat_map(|(at, c)| {
        let day = c.expected_day(run.rules).number();
        scopes_of_receipt(c).map(move |scope| ((scope, day), at))
    });
    let groups = Groups::join(row_keys, receipt_keys);
    let mut fits: BTreeMap<u32, Fit<'_>> = BTreeMap::new();
    for (rows, receipts) in groups.iter() {
        let whole = Whole::of(run, receipts);
        for row in rows.iter().filter(|row| whole.is(run.row(**row), run.rules)) {
            let fit = fits.entry(*row).or_insert(Fit::One(receipts));
            // A stall's day may be its household's whole day: one choice, found twice.
            if !matches!(fit, Fit::One(before) if *before == receipts) {
                *fit = Fit::Several;
            }
        }
    }
    // A receipt that two rows could gather is neither's.
    let mut claims: HashMap<u32, u32> = HashMap::new();
    for fit in fits.values() {
        for receipt in fit.receipts() {
            *claims.entry(*receipt).or_default() += 1;
        }
    }
    let single = Singles::of(run);
    for (row, fit) in fits {
        let receipts = fit.receipts();
        // A row that does not say that it is a sum takes nothing that another row may be alone.
        let is_sum =
            run.row(row).states_lump() || !receipts.iter().any(|c| single.may_be(run.receipt(*c), row));
        if receipts.is_empty() || receipts.iter().any(|c| claims[c] > 1) || !is_sum {
            run.doubt(&[row], receipts)
        } else {
            gather(run, row, receipts)
        }
    }
}

/// Open rows that may be one payment each, by whose they are and how much.
struct Singles {
    of_household: HashMap<(u32, i64), u32>,
    of_stall: HashMap<(u32, i64), u32>,
}

impl Singles {
    fn of(run: &Run<'_>) -> Singles {
        let mut singles = Singles {
            of_household: HashMap::new(),
            of_stall: HashMap::new(),
        };
        let open = run
            .rows()
            .filter(|(at, r)| run.is_open(*at) && r.is_paid() && !r.states_lump());
        for (at, r) in open {
            if let Some(household) = r.household() {
                singles.of_household.insert((household, r.amount_vnd), at);
            } else if let Some(stall) = r.stall() {
                singles.of_stall.insert((stall, r.amount_vnd), at);
            }
        }
        singles
    }

    /// Whether another row than this may be the payment of the receipt.
    fn may_be(&self, c: &ReceiptSide, row: u32) -> bool {
        let of_household = self.of_household.get(&(c.household, c.amount_vnd));
        let of_stall = c
            .stall
            .and_then(|stall| self.of_stall.get(&(stall, c.amount_vnd)));
        of_household
            .into_iter()
            .chain(of_stall)
            .any(|other| *other != row)
    }
}

/// What fits a row among whole days.
#[derive(Clone, Copy)]
enum Fit<'g> {
    One(&'g [u32]),
    Several,
}

impl<'g> Fit<'g> {
    fn receipts(&self) -> &'g [u32] {
        match self {
            Fit::One(receipts) => receipts,
            Fit::Several => &[],
        }
    }
}

/// The sums of all receipts of a scope and day. Amounts of 13 digits need more than 64 bits together.
struct Whole {
    count: usize,
    gross_vnd: i128,
    left_vnd: i128,
    /// Fees taken off each payment.
    net_vnd: Option<i128>,
    /// Fees taken off the sum.
    net_of_sum_vnd: Option<i128>,
    /// When the last of them was paid.
    last: Option<TimeMs>,
}

impl Whole {
    fn of(run: &Run<'_>, receipts: &[u32]) -> Whole {
        let sum = |of: &dyn Fn(&ReceiptSide) -> i64| -> i128 {
            receipts.iter().map(|c| i128::from(of(run.receipt(*c)))).sum()
        };
        let fees = run.rules.fees;
        let gross_vnd = sum(&|c| c.amount_vnd);
        Whole {
            count: receipts.len(),
            gross_vnd,
            left_vnd: sum(&|c| c.left_vnd()),
            net_vnd: fees.map(|rule| sum(&|c| rule.net_vnd(c.amount_vnd))),
            net_of_sum_vnd: fees.and_then(|rule| Some(rule.net_vnd(i64::try_from(gross_vnd).ok()?).into())),
            last: receipts.iter().filter_map(|c| run.receipt(*c).time()).max(),
        }
    }

    /// Whether the row is the sum. One receipt alone is no sum, except that only fees were taken off it.
    fn is(&self, r: &RowSide, rules: &Rules) -> bool {
        if !is_paid_before(self.last, r, rules) {
            return false;
        }
        let amount = i128::from(r.amount_vnd);
        let is_net = Some(amount) == self.net_vnd || Some(amount) == self.net_of_sum_vnd;
        let is_whole = amount == self.gross_vnd || amount == self.left_vnd;
        let is_count = !r.states_lump() || r.parts as usize == self.count;
        match self.count {
            0 => false,
            1 => is_net && !is_whole && !r.states_lump(),
            _ => (is_net || is_whole) && is_count,
        }
    }
}

/// A sum does not come before its parts.
fn is_paid_before(time: Option<TimeMs>, r: &RowSide, rules: &Rules) -> bool {
    match (time, r.occurred_at) {
        (Some(TimeMs(paid)), Some(TimeMs(row))) => paid <= row.saturating_add(rules.time_window_ms),
        _ => true,
    }
}

/// The row has these receipts.
fn gather(run: &mut Run<'_>, row: u32, receipts: &[u32]) {
    let r = run.row(row);
    let gross_vnd: i128 = receipts
        .iter()
        .map(|c| i128::from(run.receipt(*c).amount_vnd))
        .sum();
    let numbers: Vec<i64> = receipts.iter().map(|c| run.receipt(*c).no).collect();
    for receipt in receipts {
        run.take(*receipt, FindingKind::Lump, r.no);
    }
    let finding = match r.fee_gap_vnd {
        0 => Finding::Lump {
            // Sums that fit a row are at most its amount and some fees.
            less_vnd: i64::try_from(gross_vnd - i128::from(r.amount_vnd)).unwrap_or(i64::MAX),
        },
        gap_vnd => Finding::FeeDiffers { gap_vnd },
    };
    let first_day = receipts.iter().map(|c| run.receipt(*c).day).min();
    let shift_days = first_day.map_or(0, |day| (r.day.number() - day.number()) as i32);
    let tied = run.keep_many(&numbers);
    run.find_tied(row, finding, Some(Pass::Lump), tied, shift_days);
}

/// A row to be searched, and the receipts that it may gather.
struct Searched {
    row: u32,
    pool: Vec<u32>,
    choice: Choice,
}

/// A part of a day.
pub(super) fn parts_of_days(run: &mut Run<'_>) {
    let stated = search_all(run, true);
    let unstated = search_all(run, false);
    // Each receipt by how many rows may gather it: those of the only choice, or, where there are several
    // or too many to look at, all that were looked at.
    let mut claims: HashMap<u32, u32> = HashMap::new();
    for searched in stated.iter().chain(&unstated) {
        for receipt in searched.claimed() {
            *claims.entry(receipt).or_default() += 1;
        }
    }
    for searched in &stated {
        let claimed: Vec<u32> = searched.claimed().collect();
        let is_only = matches!(searched.choice, Choice::One(_));
        if is_only && claimed.iter().all(|c| claims[c] == 1) {
            gather(run, searched.row, &claimed)
        } else {
            run.doubt(&[searched.row], &claimed)
        }
    }
    for searched in unstated.iter().filter(|s| s.choice != Choice::None) {
        let claimed: Vec<u32> = searched.claimed().filter(|c| run.is_free(*c)).collect();
        if !claimed.is_empty() {
            run.doubt(&[searched.row], &claimed);
        }
    }
}

impl Searched {
    fn claimed(&self) -> impl Iterator<Item = u32> {
        let is_claimed = |at: usize| match self.choice {
            Choice::None => false,
            Choice::One(mask) => mask >> at & 1 == 1,
            Choice::Several => true,
        };
        let pool = self.pool.iter().enumerate();
        pool.filter(move |(at, _)| is_claimed(*at))
            .map(|(_, receipt)| *receipt)
    }
}

/// Searches all rows that say that they are sums, or all that do not and have no id of a payment.
fn search_all(run: &Run<'_>, is_stated: bool) -> Vec<Searched> {
    let concerned = |r: &RowSide| r.states_lump() == is_stated;
    let candidates_max = if is_stated {
        run.rules.lump_candidates_max.min(search::PARTS_MAX)
    } else {
        run.rules.lump_candidates_max.min(UNSTATED_CANDIDATES_MAX)
    };
    let row_keys = rows(run).filter(|(_, r)| concerned(r)).flat_map(|(at, r)| {
        // The narrowest scope that the row names, over all of its days.
        let scope = scopes_of_row(r).next();
        let days = scope
            .into_iter()
            .flat_map(|scope| days_of_row(r, run.rules).map(move |day| (scope, day)));
        days.map(move |key| (key, at)).collect::<Vec<_>>()
    });
    let receipt_keys = receipts(run).flat_map(|(at, c)| {
        let day = c.expected_day(run.rules).number();
        scopes_of_receipt(c).map(move |scope| ((scope, day), at))
    });
    let mut pools: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (rows, receipts) in Groups::join(row_keys, receipt_keys).iter() {
        for row in rows {
            let pool = pools.entry(*row).or_default();
            // One more than may be searched is enough to know that it is too many.
            let room = (candidates_max + 1).saturating_sub(pool.len());
            // Only few are looked at one by one; of many there are too many to search, whenever they came.
            let is_few = receipts.len() <= 4 * search::PARTS_MAX;
            let before = receipts
                .iter()
                .filter(|c| !is_few || is_paid_before(run.receipt(**c).time(), run.row(*row), run.rules));
            pool.extend(before.take(room));
        }
    }
    pools.retain(|_, pool| pool.len() > 1);
    let candidates_max = affordable(pools.values().map(Vec::len), candidates_max);
    let searched = pools.into_iter().map(|(row, pool)| {
        let choice = match (pool.len() <= candidates_max, is_stated) {
            (true, _) => choose(run, row, &pool),
            (false, true) => Choice::Several,
            (false, false) => Choice::None,
        };
        Searched { row, pool, choice }
    });
    searched.collect()
}

/// Up to which size all pools together can be searched. A limit on sizes and not on rows, so that rows which
/// are alike in this are all searched or none, whatever their order.
fn affordable(sizes: impl Iterator<Item = usize>, candidates_max: usize) -> usize {
    let mut pools_of_size = [0u64; search::PARTS_MAX + 1];
    for size in sizes.filter(|size| *size <= candidates_max) {
        pools_of_size[size] += 1;
    }
    let mut sums = 0u64;
    let too_large = pools_of_size.iter().enumerate().position(|(size, pools)| {
        sums = sums.saturating_add(pools.saturating_mul(2 << size.div_ceil(2)));
        sums > SUMS_MAX
    });
    too_large.map_or(candidates_max, |size| size - 1)
}

/// The only choice of receipts whose sum is the row, gross or less fees.
fn choose(run: &Run<'_>, row: u32, pool: &[u32]) -> Choice {
    let r = run.row(row);
    let count = r.states_lump().then_some(r.parts);
    let parts = |of: &dyn Fn(i64) -> i64| -> Vec<Part> {
        pool.iter()
            .map(|c| Part(of(run.receipt(*c).amount_vnd)))
            .collect()
    };
    let gross = search::only_choice(&parts(&|vnd| vnd), r.amount_vnd, count);
    let Some(rule) = run.rules.fees else { return gross };
    let net = search::only_choice(&parts(&|vnd| rule.net_vnd(vnd)), r.amount_vnd, count);
    match (gross, net) {
        (Choice::None, one) | (one, Choice::None) => one,
        (a, b) if a == b => a,
        _ => Choice::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_searches_leave_the_largest_out_and_keep_the_rest() {
        let sizes = |small: usize, large: usize| {
            let small = std::iter::repeat_n(8, small);
            small.chain(std::iter::repeat_n(24, large))
        };
        assert_eq!(affordable(sizes(10, 10), 24), 24);
        assert_eq!(affordable(sizes(10_000, 3_000), 24), 23);
        assert_eq!(affordable(sizes(10_000_000, 0), 24), 7);
        // Larger than a search may be: not searched, and no reason to leave others out.
        assert_eq!(affordable(sizes(10, 3_000), 14), 14);
        assert_eq!(affordable(std::iter::empty(), 32), 32);
    }
}

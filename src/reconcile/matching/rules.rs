//! What counts as agreement: slack of days, the window of times, fees, deadlines.

use crate::vn::{Day, TimeMs};

/// Fees and sums may be off by this much for rounding (docs/spec/providers.md, section 15.1).
const ROUNDING_MAX_VND: i64 = 1;

/// What counts as agreement, for one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When the provider's day ends, in minutes after midnight at UTC+7; 0 is midnight itself. What is paid
    /// after it is expected under the next day.
    pub cutoff_min: u16,
    /// How many days a row may lie away from its receipt's day or from the provider's day of it.
    pub date_slack_days: i64,
    /// How far apart two times may be that are one payment, where no id says so.
    pub time_window_ms: i64,
    /// Receipts up to this day ought to have a row by now; later ones wait. The caller knows the working
    /// calendar.
    pub missing_through: Day,
    /// Rows up to this day are past T+1: a failed or pending one is the last word.
    pub final_through: Day,
    /// What the provider keeps, where that is known; without it lumps fit gross only.
    pub fees: Option<FeeRule>,
    /// The provider pays many payments out as one and gives the sum an id. Without this, a row that has a
    /// transaction id and does not say that it is a sum is one payment: with amounts in whole thousands
    /// two receipts that wait have the amount of a third payment often enough.
    pub settles_in_sums: bool,
    /// How many days before its own a lump may gather.
    pub lump_days_back: i64,
    /// Among how many receipts a lump is searched, at most 32: work doubles with every two more.
    pub lump_candidates_max: usize,
}

impl Rules {
    /// The usual rules: days end at midnight, one day of slack, a quarter of an hour, no fees.
    pub fn usual(missing_through: Day, final_through: Day) -> Rules {
        Rules {
            cutoff_min: 0,
            date_slack_days: 1,
            time_window_ms: 15 * 60 * 1000,
            missing_through,
            final_through,
            fees: None,
            settles_in_sums: false,
            lump_days_back: 1,
            lump_candidates_max: 24,
        }
    }

    /// The provider's day at this instant.
    pub(super) fn provider_day(&self, time: TimeMs) -> Day {
        let ahead_min = match self.cutoff_min {
            0 => 0,
            cutoff => 24 * 60 - i64::from(cutoff).min(24 * 60),
        };
        Day::of(TimeMs(time.0.saturating_add(ahead_min * 60_000)))
    }
}

/// What a provider keeps of a payment, rounded half up for each payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeRule {
    /// The fee, in millionths of the gross amount.
    pub rate_ppm: u32,
    /// The tax on the fee, in millionths of the fee.
    pub vat_ppm: u32,
}

impl FeeRule {
    /// The fee on this amount, without its tax.
    pub fn fee_vnd(&self, gross_vnd: i64) -> i64 {
        part_of(gross_vnd, self.rate_ppm)
    }

    /// The tax on a fee.
    pub fn vat_vnd(&self, fee_vnd: i64) -> i64 {
        part_of(fee_vnd, self.vat_ppm)
    }

    /// What is left of an amount.
    pub fn net_vnd(&self, gross_vnd: i64) -> i64 {
        let fee_vnd = self.fee_vnd(gross_vnd);
        gross_vnd - fee_vnd - self.vat_vnd(fee_vnd)
    }
}

/// Millionths of an amount, half up; amounts are not negative.
fn part_of(amount_vnd: i64, ppm: u32) -> i64 {
    let millionths = i128::from(amount_vnd) * i128::from(ppm);
    // A part of at most 4,294 times an i64 need not fit one; payments have 13 digits, so theirs does.
    i64::try_from((millionths + 500_000).div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// What a row says was kept of its gross amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charges {
    pub fee_vnd: i64,
    /// The tax on it.
    pub vat_vnd: i64,
    /// A discount taken off the amount.
    pub discount_vnd: i64,
    /// What is paid out.
    pub net_vnd: i64,
}

impl Charges {
    /// How much more is paid out than is due: first by the row's own figures, then by the rule. 0 if it
    /// fits within the rounding.
    pub fn gap_vnd(&self, gross_vnd: i64, rule: Option<&FeeRule>) -> i64 {
        let due = |fee_vnd: i64, vat_vnd: i64| gross_vnd - fee_vnd - vat_vnd - self.discount_vnd;
        let own_vnd = self.net_vnd - due(self.fee_vnd, self.vat_vnd);
        if own_vnd.abs() > ROUNDING_MAX_VND {
            return own_vnd;
        }
        let Some(rule) = rule else { return 0 };
        let fee_vnd = rule.fee_vnd(gross_vnd);
        let is_near = |stated_vnd: i64, due_vnd: i64| (stated_vnd - due_vnd).abs() <= ROUNDING_MAX_VND;
        let is_each_right =
            is_near(self.fee_vnd, fee_vnd) && is_near(self.vat_vnd, rule.vat_vnd(self.fee_vnd));
        // Some state the fee with its tax in one figure; what is paid out is the same.
        let total_vnd = fee_vnd + rule.vat_vnd(fee_vnd);
        if is_each_right || is_near(self.fee_vnd + self.vat_vnd, total_vnd) {
            0
        } else {
            self.net_vnd - due(fee_vnd, rule.vat_vnd(fee_vnd))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_day_ends_at_its_cutoff() {
        let day = Day::ymd(2026, 6, 15);
        let at = |minutes: i64| TimeMs(day.start().0 + minutes * 60_000);
        let mut rules = Rules::usual(day, day);
        assert_eq!(rules.provider_day(at(24 * 60 - 1)), day);
        assert_eq!(rules.provider_day(at(24 * 60)), day.plus(1));
        rules.cutoff_min = 16 * 60 + 30;
        assert_eq!(rules.provider_day(at(16 * 60 + 29)), day);
        assert_eq!(rules.provider_day(at(16 * 60 + 30)), day.plus(1));
    }

    #[test]
    fn fees_round_half_up_and_gaps_show_from_two_dong() {
        let rule = FeeRule {
            rate_ppm: 5_500,
            vat_ppm: 100_000,
        };
        assert_eq!(
            (rule.fee_vnd(100_000), rule.vat_vnd(550), rule.net_vnd(100_000)),
            (550, 55, 99_395)
        );
        assert_eq!(rule.fee_vnd(90), 0);
        assert_eq!(rule.fee_vnd(91), 1);
        let charges = |fee_vnd, vat_vnd, net_vnd| Charges {
            fee_vnd,
            vat_vnd,
            discount_vnd: 1_000,
            net_vnd,
        };
        assert_eq!(charges(550, 55, 98_395).gap_vnd(100_000, Some(&rule)), 0);
        assert_eq!(charges(550, 55, 98_396).gap_vnd(100_000, Some(&rule)), 0);
        assert_eq!(charges(550, 55, 98_397).gap_vnd(100_000, Some(&rule)), 2);
        assert_eq!(
            charges(605, 0, 98_395).gap_vnd(100_000, Some(&rule)),
            0,
            "in one figure"
        );
        // Without its tax the row adds up in itself, so only the rule finds it.
        assert_eq!(charges(550, 0, 98_450).gap_vnd(100_000, None), 0);
        assert_eq!(charges(550, 0, 98_450).gap_vnd(100_000, Some(&rule)), 55);
    }
}

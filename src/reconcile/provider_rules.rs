//! What is agreed with one provider about its statements: as people write it, checked, and as matching wants it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Charges, FeeRule, Rules};
use crate::statement::{Column, Mapping, RowKind, RowStatus, StatementRow};
use crate::vn::{Day, Lang, WorkingCalendar, minute_of_day};

/// No provider keeps more of a payment than a tenth.
const FEE_PPM_MAX: u32 = 100_000;
/// No value added tax is higher than a fifth.
const VAT_PPM_MAX: u32 = 200_000;
/// A receipt that waits longer than this is waited for in vain.
const DEADLINE_DAYS_MAX: u32 = 30;
/// Days are compared with this many around them, so that more slack would find nothing.
const SLACK_DAYS_MAX: u32 = 3;

/// How a day ends that ends with the calendar's.
const MIDNIGHT: &str = "midnight";
/// What is written for a fee that nobody told.
const UNKNOWN: &str = "unknown";

/// A share in millionths, written as a percentage: `0.55%`, also `0,55%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rate {
    ppm: u32,
}

impl Rate {
    /// `0,55%` in Vietnamese, `0.55%` in English.
    pub fn show(self, lang: Lang) -> String {
        let whole = self.ppm / 10_000;
        let parts = self.ppm % 10_000;
        let parts = format!("{parts:04}");
        let mark = lang.pick(",", ".");
        match parts.trim_end_matches('0') {
            "" => format!("{whole}%"),
            parts => format!("{whole}{mark}{parts}%"),
        }
    }
}

impl FromStr for Rate {
    type Err = RulesError;

    /// Reads at most 100% with up to four digits behind the mark. The sign of percent is needed: `0.55` could as well
    /// mean 55%.
    fn from_str(text: &str) -> Result<Rate, RulesError> {
        let wrong = || RulesError::Rate(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let (whole, parts) = number.split_once(['.', ',']).unwrap_or((number, "0"));
        let is_digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !is_digits(whole, 3) || !is_digits(parts, 4) {
            return Err(wrong());
        }
        // At most seven digits, so it fits.
        let ppm = format!("{whole}{parts:0<4}").parse().map_err(|_| wrong())?;
        match ppm {
            0..=1_000_000 => Ok(Rate { ppm }),
            _ => Err(wrong()),
        }
    }
}

/// What counts as agreement with one provider. Whoever set nothing has the usual rules: days end at midnight, the fee
/// is not known, each payment has its own row, a receipt may wait three working days, a row may lie a day off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RuleTexts", into = "RuleTexts")]
pub struct ProviderRules {
    cutoff_min: u16,
    fee: Option<Rate>,
    fee_vat: Rate,
    in_sums: bool,
    deadline_days: u32,
    slack_days: u32,
}

/// Rules as people write them, and as they are kept. What is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTexts {
    /// When the provider's day ends: `17:00`, or `midnight`.
    pub cutoff: Option<String>,
    /// What it keeps of a payment: `0.55%`, or `unknown`.
    pub fee: Option<String>,
    /// The tax on that: `8%`.
    pub fee_vat: Option<String>,
    /// Whether it pays out many payments as one: `yes` or `no`.
    pub in_sums: Option<String>,
    /// Working days that a receipt may wait for its row.
    pub deadline_days: Option<u32>,
    /// Days that a row may lie away from its receipt.
    pub slack_days: Option<u32>,
}

/// Why rules cannot be what they are to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No time at which a day ends.
    #[error("cutoff «{0}» is neither a time of day such as 17:00 nor midnight")]
    Cutoff(String),
    /// No percentage.
    #[error(
        "«{0}» is no share; write it in percent with at most four digits behind the mark, for example 0.55%"
    )]
    Rate(String),
    /// A fee that nobody takes.
    #[error("fee {0} is above 10%: is the mark in its place?")]
    Fee(String),
    /// A tax that there is not.
    #[error("fee-vat {0} is above 20%; it is a share of the fee, for example 8%")]
    FeeVat(String),
    /// Neither yes nor no.
    #[error("in-sums «{0}» is neither yes nor no")]
    InSums(String),
    /// A deadline that is none.
    #[error("deadline-days {0} is not between 1 and {DEADLINE_DAYS_MAX}")]
    Deadline(u32),
    /// More slack than days are compared with.
    #[error("slack-days {0} is not between 0 and {SLACK_DAYS_MAX}")]
    Slack(u32),
}

impl Default for ProviderRules {
    fn default() -> ProviderRules {
        ProviderRules {
            cutoff_min: 0,
            fee: None,
            fee_vat: Rate::default(),
            in_sums: false,
            deadline_days: 3,
            slack_days: 1,
        }
    }
}

impl ProviderRules {
    /// These rules, but for what is written.
    pub fn changed(&self, by: &RuleTexts) -> Result<ProviderRules, RulesError> {
        let mut rules = *self;
        if let Some(text) = &by.cutoff {
            rules.cutoff_min = match text.as_str() {
                MIDNIGHT => 0,
                time => minute_of_day(time)
                    .and_then(|minute| u16::try_from(minute).ok())
                    .ok_or_else(|| RulesError::Cutoff(text.clone()))?,
            };
        }
        if let Some(text) = &by.fee {
            rules.fee = match text.as_str() {
                UNKNOWN => None,
                rate => Some(rate.parse()?),
            };
            if rules.fee.is_some_and(|fee| fee.ppm > FEE_PPM_MAX) {
                return Err(RulesError::Fee(text.clone()));
            }
        }
        if let Some(text) = &by.fee_vat {
            rules.fee_vat = text.parse()?;
            if rules.fee_vat.ppm > VAT_PPM_MAX {
                return Err(RulesError::FeeVat(text.clone()));
            }
        }
        if let Some(text) = &by.in_sums {
            rules.in_sums = match text.as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(RulesError::InSums(text.clone())),
            };
        }
        if let Some(days) = by.deadline_days {
            rules.deadline_days = days;
        }
        if let Some(days) = by.slack_days {
            rules.slack_days = days;
        }
        if !(1..=DEADLINE_DAYS_MAX).contains(&rules.deadline_days) {
            return Err(RulesError::Deadline(rules.deadline_days));
        }
        match rules.slack_days {
            0..=SLACK_DAYS_MAX => Ok(rules),
            days => Err(RulesError::Slack(days)),
        }
    }

    /// Everything that holds, as it is written.
    pub fn texts(&self) -> RuleTexts {
        let cutoff = match self.cutoff_min {
            0 => MIDNIGHT.to_owned(),
            minute => format!("{:02}:{:02}", minute / 60, minute % 60),
        };
        let fee = self.fee.map_or(UNKNOWN.to_owned(), |fee| fee.show(Lang::En));
        RuleTexts {
            cutoff: Some(cutoff),
            fee: Some(fee),
            fee_vat: Some(self.fee_vat.show(Lang::En)),
            in_sums: Some(if self.in_sums { "yes" } else { "no" }.to_owned()),
            deadline_days: Some(self.deadline_days),
            slack_days: Some(self.slack_days),
        }
    }

    /// What matching goes by on a day: how long a receipt may wait is counted in working days. From the next working day
    /// on a row is the last word on its status (docs/spec/domain.md, section 8).
    pub fn rules(&self, today: Day, calendar: &WorkingCalendar) -> Rules {
        let due = calendar.working_days_before(today, self.deadline_days);
        let last_worked = calendar.working_days_before(today.plus(1), 1);
        Rules {
            cutoff_min: self.cutoff_min,
            date_slack_days: self.slack_days.into(),
            fees: self.fees(),
            settles_in_sums: self.in_sums,
            ..Rules::usual(due.plus(-1), last_worked.plus(-1))
        }
    }

    /// What holds, in one sentence for people.
    pub fn sentence(&self, lang: Lang) -> String {
        let texts = self.texts();
        let cutoff = texts.cutoff.filter(|_| self.cutoff_min > 0);
        let deadline = self.deadline_days;
        let slack = self.slack_days;
        let vat = (self.fee_vat.ppm > 0).then(|| format!(" + VAT {}", self.fee_vat.show(lang)));
        let fee = self
            .fee
            .map(|fee| fee.show(lang) + vat.as_deref().unwrap_or_default());
        match lang {
            Lang::Vi => format!(
                "Ngày kết thúc lúc {}; {}; {}; chờ sao kê {deadline} ngày làm việc; cho phép lệch {slack} ngày.",
                cutoff.as_deref().unwrap_or("nửa đêm"),
                fee.map_or("chưa biết mức phí".to_owned(), |fee| format!("phí {fee}")),
                if self.in_sums {
                    "trả gộp nhiều khoản"
                } else {
                    "mỗi khoản một dòng"
                },
            ),
            Lang::En => format!(
                "The day ends at {}; {}; {}; a receipt waits {deadline} working days for its row; {slack} days of slack.",
                cutoff.as_deref().unwrap_or(MIDNIGHT),
                fee.map_or("the fee is not known".to_owned(), |fee| format!("fee {fee}")),
                if self.in_sums {
                    "pays out in sums"
                } else {
                    "one row for each payment"
                },
            ),
        }
    }

    fn fees(&self) -> Option<FeeRule> {
        self.fee.map(|fee| FeeRule {
            rate_ppm: fee.ppm,
            vat_ppm: self.fee_vat.ppm,
        })
    }
}

impl From<ProviderRules> for RuleTexts {
    fn from(rules: ProviderRules) -> RuleTexts {
        rules.texts()
    }
}

impl TryFrom<RuleTexts> for ProviderRules {
    type Error = RulesError;

    fn try_from(texts: RuleTexts) -> Result<ProviderRules, RulesError> {
        ProviderRules::default().changed(&texts)
    }
}

/// Judges the fees that a file states, by its own arithmetic and by what is agreed.
#[derive(Debug, Clone, Copy)]
pub struct FeeCheck {
    /// What is agreed, where the file states what was kept of each payment.
    rule: Option<FeeRule>,
    /// Whether it says anything of the tax on the fee, or of what is left.
    states_tax: bool,
}

impl FeeCheck {
    /// For the files of a provider that are read so. Where many payments are paid out as one, only the file's own
    /// arithmetic is looked at: the fee was rounded for each payment, and how many those are is not known yet.
    pub fn new(rules: &ProviderRules, mapping: &Mapping) -> FeeCheck {
        let has = |column: Column| mapping.columns.contains_key(&column);
        let is_stated = has(Column::Fee) || (has(Column::Net) && !has(Column::Vat) && !has(Column::Discount));
        FeeCheck {
            rule: rules.fees().filter(|_| is_stated && !rules.in_sums),
            states_tax: has(Column::Vat) || has(Column::Net),
        }
    }

    /// How much more a row pays out than is due; 0 if its fee is right, or it states none. What did not settle has no
    /// fee yet, and fees on money that goes back are each provider's own affair.
    pub fn gap_vnd(&self, row: &StatementRow) -> i64 {
        let gross_vnd = row.amount.vnd();
        let fee_vnd = row.fee.vnd();
        let vat_vnd = row.vat.vnd();
        let is_one_payment =
            row.kind == RowKind::Payment && row.status == RowStatus::Settled && row.parts == 1;
        let rule = self.rule.filter(|_| is_one_payment);
        let charges = Charges {
            fee_vnd,
            vat_vnd,
            discount_vnd: 0,
            // Where the row's own figures fit, a discount among them or not, only the rule is left to judge by.
            net_vnd: match row.net.filter(|_| row.fee_differs()) {
                Some(net) => net.vnd().saturating_abs(),
                None => gross_vnd - fee_vnd - vat_vnd,
            },
        };
        let untaxed = rule
            .filter(|_| !self.states_tax)
            .map(|rule| FeeRule { vat_ppm: 0, ..rule });
        match untaxed.map(|rule| charges.gap_vnd(gross_vnd, Some(&rule))) {
            Some(0) => 0,
            _ => charges.gap_vnd(gross_vnd, rule.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::ops::ControlFlow;

    use super::*;
    use crate::statement::{Event, propose, read_statement};

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn changed(by: RuleTexts) -> Result<ProviderRules, RulesError> {
        ProviderRules::default().changed(&by)
    }

    fn with_fee(fee: &str, vat: &str) -> ProviderRules {
        let fee = RuleTexts {
            fee: Some(fee.to_owned()),
            fee_vat: Some(vat.to_owned()),
            ..RuleTexts::default()
        };
        changed(fee).unwrap()
    }

    #[test]
    fn shares_are_read_to_the_millionth_and_shown_in_both_languages() {
        for (text, ppm, vi, en) in [
            ("0.55%", 5_500, "0,55%", "0.55%"),
            ("0,5500%", 5_500, "0,55%", "0.55%"),
            ("8%", 80_000, "8%", "8%"),
            ("0.0001%", 1, "0,0001%", "0.0001%"),
            ("10.0%", 100_000, "10%", "10%"),
            ("0%", 0, "0%", "0%"),
            ("100%", 1_000_000, "100%", "100%"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate, Rate { ppm }, "{text}");
            assert_eq!(
                (rate.show(Lang::Vi), rate.show(Lang::En)),
                (vi.to_owned(), en.to_owned())
            );
        }
        for wrong in [
            "",
            "%",
            "0.55",
            ".5%",
            "5.%",
            "0.00001%",
            "-1%",
            "+1%",
            "1e1%",
            "0.5.5%",
            "0.5 %",
            "100.0001%",
            "1000%",
            "٣%",
        ] {
            assert!(
                matches!(wrong.parse::<Rate>(), Err(RulesError::Rate(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_is_not_said_is_usual() {
        let rules = changed(RuleTexts {
            cutoff: Some("17:00".to_owned()),
            fee: Some("0.55%".to_owned()),
            fee_vat: Some("8%".to_owned()),
            in_sums: Some("yes".to_owned()),
            deadline_days: Some(5),
            slack_days: Some(0),
        })
        .unwrap();
        let kept = serde_json::to_string(&rules).unwrap();
        assert_eq!(
            kept,
            r#"{"cutoff":"17:00","fee":"0.55%","fee_vat":"8%","in_sums":"yes","deadline_days":5,"slack_days":0}"#
        );
        assert_eq!(serde_json::from_str::<ProviderRules>(&kept).unwrap(), rules);
        let usual = ProviderRules::default();
        assert_eq!(serde_json::from_str::<ProviderRules>("{}").unwrap(), usual);
        let back = RuleTexts {
            cutoff: Some("midnight".to_owned()),
            fee: Some("unknown".to_owned()),
            ..RuleTexts::default()
        };
        let back = rules.changed(&back).unwrap().texts();
        assert_eq!((back.cutoff, back.fee), (usual.texts().cutoff, usual.texts().fee));
        assert_eq!(
            (back.fee_vat.as_deref(), back.deadline_days),
            (Some("8%"), Some(5)),
            "what is not said stays"
        );
    }

    #[test]
    fn nonsense_is_refused_where_it_is_written_and_where_it_is_kept() {
        for wrong in [
            r#"{"cutoff":"25:00"}"#,
            r#"{"cutoff":"5pm"}"#,
            r#"{"cutoff":""}"#,
            r#"{"fee":"55%"}"#,
            r#"{"fee":"0.55"}"#,
            r#"{"fee_vat":"20.0001%"}"#,
            r#"{"in_sums":"maybe"}"#,
            r#"{"in_sums":true}"#,
            r#"{"deadline_days":0}"#,
            r#"{"deadline_days":31}"#,
            r#"{"deadline_days":-1}"#,
            r#"{"slack_days":4}"#,
            r#"{"cut_off":"17:00"}"#,
        ] {
            assert!(serde_json::from_str::<ProviderRules>(wrong).is_err(), "{wrong}");
        }
        assert!(
            serde_json::from_str::<ProviderRules>(r#"{"fee":"10%","fee_vat":"20%","slack_days":3}"#).is_ok()
        );
    }

    #[test]
    fn three_working_days_pass_over_weekends_and_holidays() {
        let usual = ProviderRules::default();
        let calendar = WorkingCalendar::default();
        // 24/11/2026 is a Tuesday.
        let rules = usual.rules(day("2026-11-24"), &calendar);
        assert_eq!(
            rules,
            Rules::usual(day("2026-11-18"), day("2026-11-22")),
            "Mon, Fri, Thu are not over"
        );
        // A status of Friday is final on Monday.
        let final_through = |today: &str| usual.rules(day(today), &calendar).final_through;
        assert_eq!(final_through("2026-11-28"), day("2026-11-26"));
        assert_eq!(final_through("2026-11-29"), day("2026-11-26"));
        assert_eq!(final_through("2026-11-30"), day("2026-11-29"));
        let friday = usual.rules(day("2026-11-27"), &calendar);
        assert_eq!(
            friday.missing_through,
            day("2026-11-22"),
            "Tuesday was Culture Day"
        );
        // Work begins again on 23/02/2026; the last day of it was 13/02.
        let tet: WorkingCalendar = "2026-02-16,2026-02-17,2026-02-18,2026-02-19,2026-02-20"
            .parse()
            .unwrap();
        let after = usual.rules(day("2026-02-24"), &tet);
        assert_eq!(after.missing_through, day("2026-02-11"));
        let deadline = RuleTexts {
            deadline_days: Some(1),
            ..RuleTexts::default()
        };
        let short = changed(deadline).unwrap();
        assert_eq!(
            short.rules(day("2026-02-24"), &tet).missing_through,
            day("2026-02-22")
        );
        assert_eq!(
            short.rules(day("2026-05-04"), &tet).missing_through,
            day("2026-04-28"),
            "30/4 and 1/5"
        );
    }

    #[test]
    fn people_read_what_holds() {
        let rules = with_fee("0.55%", "8%");
        assert_eq!(
            rules.sentence(Lang::Vi),
            "Ngày kết thúc lúc nửa đêm; phí 0,55% + VAT 8%; mỗi khoản một dòng; chờ sao kê 3 ngày làm việc; cho phép lệch 1 ngày."
        );
        assert!(
            ProviderRules::default()
                .sentence(Lang::En)
                .contains("the fee is not known; one row")
        );
    }

    /// What a file of one payment of 100.000 is off by. The header has no more columns than the row.
    fn gap_of(rules: &ProviderRules, more_header: &str, more: &str) -> i64 {
        let text = format!("Mã giao dịch;Ngày giao dịch;Số tiền{more_header}\nT1;01/03/2026;100.000{more}\n");
        let mapping = propose(&mut Cursor::new(&text), "").unwrap().mapping;
        let check = FeeCheck::new(rules, &mapping);
        let mut gaps = Vec::new();
        read_statement(&mut Cursor::new(&text), &mapping, &mut |event| {
            if let Event::Row(row) = event {
                gaps.push(check.gap_vnd(&row));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(gaps.len(), 1, "{text}");
        gaps[0]
    }

    #[test]
    fn a_stated_fee_is_held_against_the_rule() {
        let rules = with_fee("0.55%", "8%");
        let unknown = ProviderRules::default();
        let taxed = ";Phí;VAT;Số tiền thực nhận";
        assert_eq!(gap_of(&rules, taxed, ";550;44;99.406"), 0);
        assert_eq!(
            gap_of(&rules, taxed, ";500;40;99.460"),
            54,
            "too small a fee, and it adds up"
        );
        assert_eq!(gap_of(&rules, taxed, ";1.100;88;98.812"), -594);
        assert_eq!(gap_of(&unknown, taxed, ";1.100;88;98.812"), 0);
        assert_eq!(gap_of(&rules, taxed, ";550;0;99.450"), 44, "its tax is missing");
        assert_eq!(
            gap_of(&rules, taxed, ";550;44;99.000"),
            -406,
            "its own figures are off"
        );
        assert_eq!(gap_of(&unknown, taxed, ";550;44;99.000"), -406);
        // Gross and net only: what lies between is fee and tax.
        assert_eq!(gap_of(&rules, ";Số tiền thực nhận", ";99.406"), 0);
        assert_eq!(gap_of(&rules, ";Số tiền thực nhận", ";99.450"), 44);
        // A fee and no word of tax: with it or without it.
        assert_eq!(gap_of(&rules, ";Phí", ";550"), 0);
        assert_eq!(gap_of(&rules, ";Phí", ";594"), 0);
        assert_eq!(gap_of(&rules, ";Phí", ";570"), 24);
        // A file that says nothing of fees is off by nothing.
        assert_eq!(gap_of(&rules, "", ""), 0);
    }

    #[test]
    fn only_payments_that_settled_one_by_one_are_held_against_the_rule() {
        let rules = with_fee("0.55%", "8%");
        let sums = rules
            .changed(&RuleTexts {
                in_sums: Some("yes".to_owned()),
                ..RuleTexts::default()
            })
            .unwrap();
        assert_eq!(gap_of(&sums, ";Phí", ";570"), 0);
        assert_ne!(gap_of(&rules, ";Phí;Loại giao dịch", ";0;Thanh toán"), 0);
        assert_eq!(gap_of(&rules, ";Phí;Loại giao dịch", ";0;Hoàn tiền"), 0);
        assert_eq!(gap_of(&rules, ";Phí;Trạng thái", ";0;Thất bại"), 0);
    }
}

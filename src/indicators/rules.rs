//! What each rule counts, in a sentence for people who do not know its name.

use crate::vn::Sentence;

/// What a rule counts; the name by itself where there is no such rule.
pub fn rule_sentence(rule: &'static str) -> Sentence {
    match rule {
        "HH-ACCOUNT" => (
            "Hộ được tính khi có ít nhất một tài khoản nhận tiền gắn với hộ vào ngày này.",
            "A household counts with at least one account linked to it on this day.",
        ),
        "HH-QR" => (
            "Hộ được tính khi có ít nhất một mã QR đang dùng vào ngày này.",
            "A household counts with at least one QR code in use on this day.",
        ),
        "STREET-ANY" => (
            "Tuyến đường đạt khi có ít nhất một hộ có tài khoản. Chỉ tính tuyến đường có hộ đang kinh doanh.",
            "A street meets the rule when at least one household has an account. Streets without trading households are left out.",
        ),
        "STREET-COV-80" => (
            "Tuyến đường đạt khi từ 80% số hộ trở lên có tài khoản.",
            "A street meets the rule when at least 80% of its households have an account.",
        ),
        "STREET-ACTIVE-50" => (
            "Tuyến đường đạt khi từ 50% số hộ trở lên có phát sinh giao dịch trong 30 ngày.",
            "A street meets the rule when at least 50% of its households were active in 30 days.",
        ),
        "MARKET-STALL-QR" => (
            "Sạp được tính khi đang kinh doanh và có ít nhất một mã QR đang dùng.",
            "A trading stall counts with at least one QR code in use.",
        ),
        "MARKET-HH-QR" => (
            "Hộ trong chợ được tính khi có ít nhất một mã QR đang dùng.",
            "A household of a market counts with at least one QR code in use.",
        ),
        "ACTIVE-30-1" => (
            "Hộ được tính khi có ít nhất một khoản thu đủ điều kiện trong 30 ngày tính đến ngày này, đã trừ hoàn tiền.",
            "A household counts with at least one qualifying receipt, net of refunds, in the 30 days up to this one.",
        ),
        "ACTIVE-7-1" => (
            "Hộ được tính khi có ít nhất một khoản thu đủ điều kiện trong 7 ngày.",
            "A household counts with at least one qualifying receipt in 7 days.",
        ),
        "ACTIVE-90-1" => (
            "Hộ được tính khi có ít nhất một khoản thu đủ điều kiện trong 90 ngày.",
            "A household counts with at least one qualifying receipt in 90 days.",
        ),
        "ACTIVE-30-1-OF-ACCOUNT" => (
            "Hộ phát sinh giao dịch trong 30 ngày, so với số hộ có tài khoản.",
            "Households active in 30 days, over the households with an account.",
        ),
        rule => (rule, rule),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_counted_has_a_sentence_in_both_languages() {
        let counted = include_str!("compute.rs").lines().filter_map(|line| {
            let name = line.trim().strip_prefix('"')?.strip_suffix("\",")?;
            let is_rule = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
            (name.contains('-') && name.chars().all(is_rule)).then_some(name)
        });
        let counted: Vec<&'static str> = counted.collect();
        assert!(counted.len() > 9, "{counted:?}");
        for rule in counted {
            let said = rule_sentence(rule);
            assert!(
                said.vi.ends_with('.') && !said.vi.is_ascii(),
                "{rule}: {}",
                said.vi
            );
            assert!(
                said.en.ends_with('.') && said.en.is_ascii(),
                "{rule}: {}",
                said.en
            );
        }
    }
}

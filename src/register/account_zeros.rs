//! Account numbers that may have lost the zeros in front: asked about by the lengths that the bank's accounts have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::vn::{Sentence, sentence};

/// Zeros that a number may have lost. Some banks' numbers begin with three.
const ZEROS_MAX: usize = 3;
/// Digits of a number that spreadsheets keep.
const EXACT_DIGITS: usize = 15;
/// Accounts of one bank in one file from which a length counts as usual.
const USUAL_MIN: usize = 3;

/// Lengths of the numbers of banks whose accounts begin with zeros, as their customers know them. Banks that are not
/// here are judged by the register and the file.
const KNOWN_LENGTHS: [(&str, &[usize]); 2] = [
    // Vietcombank: 13 digits of which the first three name the branch (001, 004 …), 10 since 2021.
    ("970436", &[10, 13]),
    // Sacombank: 12 digits that begin with 0.
    ("970403", &[12]),
];

/// How long the accounts of each bank on the register are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountLengths(HashMap<String, BTreeSet<usize>>);

impl FromIterator<(String, usize)> for AccountLengths {
    /// From pairs of BIN and length.
    fn from_iter<T: IntoIterator<Item = (String, usize)>>(pairs: T) -> AccountLengths {
        let mut lengths = AccountLengths::default();
        for (bin, length) in pairs {
            lengths.0.entry(bin).or_default().insert(length);
        }
        lengths
    }
}

/// How long the accounts of each bank in a file are, and how many of each length.
pub(super) struct WrittenAccounts(HashMap<String, BTreeMap<usize, usize>>);

impl WrittenAccounts {
    /// From pairs of BIN and number.
    pub(super) fn of<'a>(accounts: impl Iterator<Item = (&'a str, &'a str)>) -> WrittenAccounts {
        let mut counts: HashMap<String, BTreeMap<usize, usize>> = HashMap::new();
        for (bin, number) in accounts.filter(|(_, number)| is_number(number)) {
            *counts
                .entry(bin.to_owned())
                .or_default()
                .entry(number.len())
                .or_default() += 1;
        }
        WrittenAccounts(counts)
    }

    /// Asks about a number that zeros in front would make as long as the bank's other accounts.
    pub(super) fn check(
        &self,
        bin: &str,
        number: &str,
        on_register: &AccountLengths,
    ) -> Result<(), Sentence> {
        let has = number.len();
        if has > EXACT_DIGITS && is_number(number) && number.ends_with('0') {
            return Err(sentence!(
                "account_number: có {has} chữ số và tận cùng là 0: bảng tính chỉ giữ {EXACT_DIGITS} chữ số đầu của một số, phần sau thành 0. Nếu sai thì ghi lại ở ô dạng Văn bản (Text); nếu đúng như vậy thì thêm dấu nháy đơn trước số ('12345)",
                "account_number: {has} digits that end in 0: a spreadsheet keeps the first {EXACT_DIGITS} digits of a number and makes the others 0. If it is wrong, write it in a cell formatted as Text; if it is right as it is, put an apostrophe before it ('12345)"
            ));
        }
        let Some(wanted) = self.length_with_zeros(bin, number, on_register) else {
            return Ok(());
        };
        Err(sentence!(
            "account_number: có {has} chữ số, trong khi tài khoản của ngân hàng này có {wanted}: bảng tính có thể đã bỏ số 0 ở đầu. Nếu thiếu thì ghi lại đủ số; nếu đúng như vậy thì thêm dấu nháy đơn trước số ('12345)",
            "account_number: {has} digits, while accounts of this bank have {wanted}: a spreadsheet may have dropped zeros in front. Write the whole number; if it is right as it is, put an apostrophe before it ('12345)"
        ))
    }

    fn length_with_zeros(&self, bin: &str, number: &str, on_register: &AccountLengths) -> Option<usize> {
        if bin.is_empty() || !is_number(number) || number.starts_with('0') {
            return None;
        }
        let own = number.len();
        let is_near = |length: usize| (own + 1..=own + ZEROS_MAX).contains(&length);
        let known = KNOWN_LENGTHS
            .iter()
            .filter(|(of, _)| *of == bin)
            .flat_map(|(_, lengths)| lengths.iter());
        let mut known: BTreeSet<usize> = known.copied().collect();
        known.extend(on_register.0.get(bin).into_iter().flatten());
        if known.contains(&own) {
            return None;
        }
        if !known.is_empty() {
            return known.into_iter().find(|&length| is_near(length));
        }
        let written = self.0.get(bin)?;
        let (&usual, &count) = written.iter().max_by_key(|&(_, count)| *count)?;
        let own_count = written.get(&own).copied().unwrap_or(0);
        (count >= USUAL_MIN && count > own_count && is_near(usual)).then_some(usual)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(bin: &str, number: &str, file: &[&str], register: &[usize]) -> Option<usize> {
        let written = WrittenAccounts::of(file.iter().map(|number| (bin, *number)));
        let lengths: AccountLengths = register.iter().map(|&length| (bin.to_owned(), length)).collect();
        written.length_with_zeros(bin, number, &lengths)
    }

    #[test]
    fn a_number_is_asked_about_by_the_lengths_of_its_bank() {
        assert_eq!(asked("970436", "101000000001", &[], &[]), Some(13), "Vietcombank");
        assert_eq!(asked("970436", "1099880011", &[], &[]), None);
        assert_eq!(asked("970415", "889900112", &[], &[11]), Some(11));
        assert_eq!(asked("970415", "889900112", &[], &[9, 11]), None);
        assert_eq!(asked("970415", "889900112", &[], &[]), None, "nothing to go by");
        assert_eq!(asked("970415", "88", &[], &[11]), None, "too far");
        assert_eq!(
            asked("970415", "00889900112", &[], &[12]),
            None,
            "its zeros are there"
        );
        assert_eq!(asked("970415", "V3CAS1", &[], &[11]), None);
        assert_eq!(asked("", "889900112", &[], &[]), None);
        let eleven = ["88990011223", "88990011224", "88990011225", "889900112"];
        assert_eq!(
            asked("970415", "889900112", &eleven, &[]),
            Some(11),
            "as the file has them"
        );
        assert_eq!(asked("970415", "889900112", &eleven[2..], &[]), None);
    }

    #[test]
    fn a_number_too_long_for_a_spreadsheet_is_asked_about() {
        let written = WrittenAccounts::of(std::iter::empty());
        let lengths = AccountLengths::from_iter([15, 16].map(|length| ("970415".to_owned(), length)));
        let is_asked = |number: &str| written.check("970415", number, &lengths).is_err();
        assert!(is_asked("1234567890123450") && is_asked("1234567890123456000"));
        assert!(
            !is_asked("1234567890123456") && !is_asked("123456789012340") && !is_asked("V3CAS12345678900")
        );
    }

    proptest! {
        #[test]
        fn a_number_with_a_known_length_is_never_asked_about(number in "[1-9][0-9]{3,18}", others in proptest::collection::vec(1usize..20, 0..4)) {
            let mut lengths = others;
            lengths.push(number.len());
            prop_assert_eq!(asked("970415", &number, &[], &lengths), None);
        }

        #[test]
        fn a_number_that_lost_zeros_is_always_asked_about(number in "[1-9][0-9]{7,12}", zeros in 1usize..4) {
            prop_assert_eq!(asked("970415", &number, &[], &[number.len() + zeros]), Some(number.len() + zeros));
        }
    }
}

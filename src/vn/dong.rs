//! Amounts in whole đồng.

use std::fmt;

use super::{Lang, Sentence, error_by_sentence, grouped};

/// An amount in whole đồng. The dong has no decimals, and no amount in this program is a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Dong(i64);

/// Why a number is not the amount of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DongError {
    NotPositive,
    /// More than 13 digits.
    TooLarge,
}

error_by_sentence!(DongError);

impl DongError {
    /// What is wrong.
    pub fn sentence(&self) -> Sentence {
        match self {
            DongError::NotPositive => Sentence::new(
                "Số tiền phải từ 1 đồng trở lên.",
                "the amount must be at least 1 dong",
            ),
            DongError::TooLarge => {
                Sentence::new("Số tiền có hơn 13 chữ số.", "the amount has more than 13 digits")
            }
        }
    }
}

/// Why a text that a person typed is not the amount of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedDongError {
    /// Not a whole number, or its groups are not of three digits.
    NoNumber,
    /// A number that is no amount.
    Amount(DongError),
}

error_by_sentence!(TypedDongError);

impl TypedDongError {
    /// What is wrong.
    pub fn sentence(&self) -> Sentence {
        match self {
            TypedDongError::NoNumber => Sentence::new(
                "Hãy ghi số tiền bằng số nguyên đồng, ví dụ 20.000.",
                "Write the amount in whole dong, for example 20,000.",
            ),
            TypedDongError::Amount(error) => error.sentence(),
        }
    }
}

/// The digits of a number in groups of three with one kind of separator.
fn grouped_digits(number: &str, separator: char) -> Option<String> {
    let mut groups = number.split(separator);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
    groups.try_fold(first.to_owned(), |all, group| {
        (group.len() == 3).then(|| all + group)
    })
}

impl Dong {
    pub const ZERO: Dong = Dong(0);
    /// The largest amount of one payment: 13 digits (docs/spec/domain.md, section 6, EMVCo tag 54).
    pub const PAYMENT_MAX: Dong = Dong(9_999_999_999_999);

    /// Any whole number of đồng, also negative (a correction, a sum).
    pub const fn new(vnd: i64) -> Dong {
        Dong(vnd)
    }

    /// The amount of one payment: 1 to 9.999.999.999.999.
    pub fn payment(vnd: i64) -> Result<Dong, DongError> {
        match vnd {
            ..=0 => Err(DongError::NotPositive),
            v if v > Self::PAYMENT_MAX.0 => Err(DongError::TooLarge),
            v => Ok(Dong(v)),
        }
    }

    /// An amount of one payment as a person types it: `20000`, `20.000`, `20,000 đ`, `20 000`. Groups must have
    /// three digits and one kind of separator, so that `20.5` is not taken for 205.
    pub fn typed(text: &str) -> Result<Dong, TypedDongError> {
        let text = text.trim();
        let units = ["đ", "VND", "vnd", "VNĐ"];
        let number = units
            .iter()
            .find_map(|unit| text.strip_suffix(unit))
            .unwrap_or(text);
        let number = number.trim();
        let separator = number.chars().find(|c| !c.is_ascii_digit());
        let digits = match separator {
            None => Some(number.to_owned()),
            Some(separator @ ('.' | ',' | ' ' | '\u{a0}')) => grouped_digits(number, separator),
            Some(_) => None,
        };
        // Digits of other scripts and signs are no amount.
        let is_plain = |digits: &String| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let digits = digits.filter(is_plain).ok_or(TypedDongError::NoNumber)?;
        // More digits than a number can have are too many for an amount.
        let vnd = digits.parse().unwrap_or(i64::MAX);
        Dong::payment(vnd).map_err(TypedDongError::Amount)
    }

    /// The number of đồng.
    pub const fn vnd(self) -> i64 {
        self.0
    }

    /// `1.234.567 đ` in Vietnamese, `1,234,567 VND` in English (docs/spec/domain.md, section 9).
    pub fn show(self, lang: Lang) -> String {
        match lang {
            Lang::Vi => format!("{} đ", grouped(self.0, '.')),
            Lang::En => format!("{} VND", grouped(self.0, ',')),
        }
    }
}

impl fmt::Display for Dong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show(Lang::Vi))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_are_positive_and_have_at_most_13_digits() {
        assert_eq!(Dong::payment(0), Err(DongError::NotPositive));
        assert_eq!(Dong::payment(-1), Err(DongError::NotPositive));
        assert_eq!(Dong::payment(9_999_999_999_999), Ok(Dong::PAYMENT_MAX));
        assert_eq!(Dong::payment(10_000_000_000_000), Err(DongError::TooLarge));
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        for text in [
            "20000",
            "20.000",
            " 20,000 đ",
            "20 000",
            "20.000VND",
            "20\u{a0}000",
        ] {
            assert_eq!(Dong::typed(text), Ok(Dong::new(20_000)), "{text}");
        }
        assert_eq!(Dong::typed("1.234.567"), Ok(Dong::new(1_234_567)));
        for text in ["10.000.000.000.000", "99999999999999999999999"] {
            let error = Dong::typed(text).unwrap_err();
            assert_eq!(error, TypedDongError::Amount(DongError::TooLarge), "{text}");
        }
        assert_eq!(
            Dong::typed("0"),
            Err(TypedDongError::Amount(DongError::NotPositive))
        );
        for text in [
            "",
            "đ",
            "0",
            "-5",
            "20.5",
            "2.0000",
            "1.234,567",
            "20k",
            "٢٠٠",
            ".000",
            "20.",
            "1e5",
            "99999999999999",
        ] {
            assert!(Dong::typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shown_in_both_languages() {
        assert_eq!(Dong::new(1_234_567).to_string(), "1.234.567 đ");
        assert_eq!(Dong::new(-20_000).show(Lang::En), "-20,000 VND");
        assert_eq!(Dong::new(300).to_string(), "300 đ");
    }
}

use std::fmt;

use super::{Lang, grouped};

/// An amount in whole đồng. The dong has no decimals, and no amount in this program is a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Dong(i64);

/// Why a number is not the amount of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DongError {
    /// Zero or negative.
    #[error("the amount must be at least 1 đồng")]
    NotPositive,
    /// More than 13 digits.
    #[error("the amount has more than 13 digits")]
    TooLarge,
}

impl Dong {
    /// Nothing.
    pub const ZERO: Dong = Dong(0);
    /// The largest amount of one payment: 13 digits (DOMAIN section 6, EMVCo tag 54).
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

    /// The number of đồng.
    pub const fn vnd(self) -> i64 {
        self.0
    }

    /// `1.234.567 đ` in Vietnamese, `1,234,567 VND` in English (DOMAIN section 9).
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
    fn shown_in_both_languages() {
        assert_eq!(Dong::new(1_234_567).to_string(), "1.234.567 đ");
        assert_eq!(Dong::new(-20_000).show(Lang::En), "-20,000 VND");
        assert_eq!(Dong::new(300).to_string(), "300 đ");
    }
}

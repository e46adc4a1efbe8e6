//! Counted ratios and truncated percentages.

use super::Lang;

/// A counted numerator and denominator. They are divided only for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Ratio {
    n: i64,
    d: i64,
}

/// Why two counts are not a coverage ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// A count below zero.
    #[error("a count is negative: {n}/{d}")]
    Negative { n: i64, d: i64 },
    /// More counted than there are.
    #[error("the numerator {n} is larger than the denominator {d}")]
    AboveWhole { n: i64, d: i64 },
}

impl Ratio {
    /// A coverage ratio: `0 <= n <= d`. `0/0` is allowed and shows as no data.
    pub fn coverage(n: i64, d: i64) -> Result<Ratio, RatioError> {
        if n < 0 || d < 0 {
            return Err(RatioError::Negative { n, d });
        }
        if n > d {
            return Err(RatioError::AboveWhole { n, d });
        }
        Ok(Ratio { n, d })
    }

    /// A ratio whose numerator is no part of its denominator and may exceed it. Negative counts are an
    /// error here too.
    pub fn beside(n: i64, d: i64) -> Result<Ratio, RatioError> {
        if n < 0 || d < 0 {
            Err(RatioError::Negative { n, d })
        } else {
            Ok(Ratio { n, d })
        }
    }

    /// The numerator (tử số).
    pub const fn numerator(self) -> i64 {
        self.n
    }

    /// The denominator (mẫu số).
    pub const fn denominator(self) -> i64 {
        self.d
    }

    /// Sums of numerators and of denominators. Percentages are never averaged (docs/spec/domain.md, section 4).
    pub fn plus(self, other: Ratio) -> Ratio {
        Ratio {
            n: self.n + other.n,
            d: self.d + other.d,
        }
    }

    /// The truncated percentage, or none when there is nothing to divide by.
    pub fn percent(self) -> Option<Percent> {
        // i128 so that no count, however large, can overflow on its way to the screen.
        (self.d > 0).then(|| Percent {
            hundredths: (i128::from(self.n) * 10_000 / i128::from(self.d)) as i64,
        })
    }

    /// Whether `n/d >= hundredths/10000` by exact integers; a displayed value is never compared.
    pub fn at_least(self, hundredths: i64) -> bool {
        self.d > 0 && i128::from(self.n) * 10_000 >= i128::from(hundredths) * i128::from(self.d)
    }

    /// Whether all were counted, and there was something to count.
    pub const fn is_whole(self) -> bool {
        self.n == self.d && self.d > 0
    }
}

/// A percentage truncated to two decimals, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    hundredths: i64,
}

impl Percent {
    /// Hundredths of a percent: 83,46% is 8346.
    pub const fn hundredths(self) -> i64 {
        self.hundredths
    }

    /// `83.46`, the form in JSON and CSV (docs/spec/contract.md, section 2).
    pub fn plain(self) -> String {
        format!("{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }

    /// `83,46%` in Vietnamese, `83.46%` in English.
    pub fn show(self, lang: Lang) -> String {
        let mark = match lang {
            Lang::Vi => ',',
            Lang::En => '.',
        };
        format!("{}{mark}{:02}%", self.hundredths / 100, self.hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_known_figures_are_truncated() {
        for (n, d, shown) in [
            (308, 369, "83,46%"),
            (6345, 11252, "56,38%"),
            (2652, 2906, "91,25%"),
            (9478, 9597, "98,76%"),
            (369, 369, "100,00%"),
            (99_999, 100_000, "99,99%"),
            (0, 5, "0,00%"),
        ] {
            let percent = Ratio::coverage(n, d).unwrap().percent().unwrap();
            assert_eq!(percent.show(Lang::Vi), shown);
        }
        assert_eq!(Ratio::coverage(0, 0).unwrap().percent(), None);
    }

    #[test]
    fn more_than_the_whole_is_an_error() {
        assert_eq!(Ratio::coverage(2, 1), Err(RatioError::AboveWhole { n: 2, d: 1 }));
        assert_eq!(Ratio::coverage(-1, 1), Err(RatioError::Negative { n: -1, d: 1 }));
    }

    proptest! {
        #[test]
        fn a_hundred_is_shown_only_for_all(d in 1i64..1_000_000, missing in 1i64..1000) {
            let n = (d - missing).max(0);
            prop_assert!(Ratio::coverage(n, d).unwrap().percent().unwrap().hundredths() < 10_000);
            prop_assert_eq!(Ratio::coverage(d, d).unwrap().percent().unwrap().hundredths(), 10_000);
        }

        #[test]
        fn thresholds_compare_exact_integers(n in 0i64..1_000_000, d in 1i64..1_000_000, t in 0i64..10_001) {
            prop_assume!(n <= d);
            let r = Ratio::coverage(n, d).unwrap();
            prop_assert_eq!(r.at_least(t), n * 10_000 >= t * d);
        }
    }
}

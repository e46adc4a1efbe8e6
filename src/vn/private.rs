//! Values that people or machines must not see by accident: they show themselves masked.

use std::fmt;

use subtle::ConstantTimeEq;

/// An account, card or wallet number: a text of 1 to 19 letters or digits, never a number, so that
/// leading zeros stay (docs/spec/vietqr.md, section 4). Shows itself masked: `•••• 8888`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(String);

/// Why a text is not an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountNumberError {
    #[error("the account number is empty")]
    Empty,
    /// Over 19 characters; a cut number would be another account, so nothing is cut.
    #[error("the account number has {0} characters; 19 at most")]
    TooLong(usize),
    /// Something besides letters and digits.
    #[error("the account number may hold only letters and digits")]
    Character,
}

impl AccountNumber {
    /// Reads an account number; spaces, dots and dashes between digits are how people write them
    /// and are dropped.
    pub fn parse(text: &str) -> Result<AccountNumber, AccountNumberError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
        if plain.is_empty() {
            return Err(AccountNumberError::Empty);
        }
        if !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(AccountNumberError::Character);
        }
        if plain.len() > 19 {
            return Err(AccountNumberError::TooLong(plain.len()));
        }
        Ok(AccountNumber(plain))
    }

    /// The whole number, for payloads and the database.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters, which may be shown.
    pub fn tail(&self) -> &str {
        &self.0[self.0.len().saturating_sub(4)..]
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "•••• {}", self.tail())
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A Vietnamese phone number, kept as `+84…`. Shows itself masked: `••• ••• 456`.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads `0905 123 456`, `(0236) 3123456`, `+84 905 123 456`, `0084905123456` or `84905123456`; none if it is no such
    /// number: mobile numbers have nine digits behind the zero and begin with 3, 5, 7, 8 or 9, those of a place ten and
    /// begin with 2.
    pub fn parse(text: &str) -> Option<Phone> {
        let is_mark = |c: char| c.is_whitespace() || matches!(c, '.' | '-' | '(' | ')' | '/');
        let plain: String = text.chars().filter(|c| !is_mark(*c)).collect();
        let abroad = ["+84", "0084"]
            .into_iter()
            .find_map(|code| plain.strip_prefix(code));
        // «+84 (0)905…»
        let abroad = abroad.map(|rest| rest.strip_prefix('0').unwrap_or(rest));
        let national = abroad
            .or_else(|| plain.strip_prefix('0'))
            .or_else(|| plain.strip_prefix("84").filter(|rest| rest.len() >= 9))?;
        let wanted = match national.bytes().next()? {
            b'3' | b'5' | b'7' | b'8' | b'9' => 9,
            b'2' => 10,
            _ => return None,
        };
        let fits = national.len() == wanted && national.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Phone(format!("+84{national}")))
    }

    /// The whole number, `+84…`.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "••• ••• {}", &self.0[self.0.len() - 3..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that must not be printed: a signing key, a token. `Debug` prints only how many there are.
#[derive(Clone, Eq)]
pub struct Secret(Vec<u8>);

impl PartialEq for Secret {
    /// In a time that depends only on the lengths.
    fn eq(&self, other: &Secret) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Secret {
    /// Wraps bytes so that they are not printed.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }

    /// The bytes, for the one computation that needs them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_keep_zeros_and_mask_themselves() {
        let account = AccountNumber::parse("0011 0123 45678").unwrap();
        assert_eq!(account.reveal(), "0011012345678");
        assert_eq!(account.to_string(), "•••• 5678");
        assert_eq!(format!("{account:?}"), "•••• 5678");
        assert_eq!(AccountNumber::parse(" "), Err(AccountNumberError::Empty));
        assert_eq!(
            AccountNumber::parse("12345678901234567890"),
            Err(AccountNumberError::TooLong(20))
        );
        assert_eq!(AccountNumber::parse("=1+1"), Err(AccountNumberError::Character));
    }

    #[test]
    fn phones_are_stored_with_country_code() {
        for text in ["0905 123 456", "+84905123456", "84905123456"] {
            let phone = Phone::parse(text).unwrap();
            assert_eq!(phone.reveal(), "+84905123456");
            assert_eq!(format!("{phone:?}"), "••• ••• 456");
        }
        assert!(Phone::parse("12").is_none() && Phone::parse("0905abc456").is_none());
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret::new(b"hush".to_vec())), "Secret(4 bytes)");
    }
}

//! Members of a JSON object read by name; each refusal names its member.

use super::item::NoticeKind;
use super::json::{Json, Object};
use super::refusal::Refusal;
use crate::vn::{Dong, TimeMs};

/// 2000-01-01 and 2100-01-01 UTC in milliseconds: a time outside is no time of payment.
const EPOCH_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
/// Longest id that is taken.
pub(super) const ID_CHARS_MAX: usize = 128;
/// Longest free text (note, reference) that is taken.
pub(super) const TEXT_CHARS_MAX: usize = 1024;

/// Longest account number that is taken, blanks included.
const ACCOUNT_CHARS_MAX: usize = 64;
/// Longest time that is taken.
const TIME_CHARS_MAX: usize = 64;
/// What a time since 1970 has to be.
const EPOCH_WANTED: &str = "wanted milliseconds since 1970, between the years 2000 and 2100";

/// Members read by name. Each refusal names its member.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    /// Where they stand; holds none of them twice.
    pub object: &'a Object,
    /// What goes before names in refusals, e.g. `data.`.
    prefix: &'static str,
}

impl<'a> Members<'a> {
    /// Of an object that must not hold a member twice.
    pub fn of(object: &'a Object, prefix: &'static str) -> Result<Members<'a>, Refusal> {
        match &object.duplicate {
            None => Ok(Members { object, prefix }),
            Some(name) => Err(Refusal::malformed(
                &format!("{prefix}{name}"),
                "came twice in one object",
            )),
        }
    }

    /// Of an object that may hold a member twice, for a test to sign it nevertheless.
    #[cfg(test)]
    pub fn unchecked(object: &'a Object) -> Members<'a> {
        Members { object, prefix: "" }
    }

    /// A member that is an object itself.
    pub fn object(self, name: &str, prefix: &'static str) -> Result<Members<'a>, Refusal> {
        match self.object.get(name) {
            Some(Json::Object(object)) => Members::of(object, prefix),
            _ => Err(self.wrong(name, "wanted an object")),
        }
    }

    /// The refusal of a member.
    pub fn wrong(self, name: &str, because: impl Into<String>) -> Refusal {
        Refusal::malformed(&format!("{}{name}", self.prefix), because)
    }

    /// A text member; none when absent or null. Numbers are not text.
    pub fn text(self, name: &str, chars_max: usize) -> Result<Option<&'a str>, Refusal> {
        match self.object.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(t)) if t.chars().count() > chars_max => {
                Err(self.wrong(name, format!("is longer than {chars_max} characters")))
            }
            // PostgreSQL cannot store it, and no honest text holds it.
            Some(Json::Text(t)) if t.contains('\0') => Err(self.wrong(name, "holds a NUL character")),
            Some(Json::Text(t)) => Ok(Some(t)),
            Some(_) => Err(self.wrong(name, "wanted text")),
        }
    }

    /// A text member that must be there and be 1 to [`ID_CHARS_MAX`] characters, none of them control.
    pub fn id(self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name, ID_CHARS_MAX)?
            .filter(|id| !id.is_empty() && !id.chars().any(char::is_control))
            .ok_or_else(|| self.wrong(name, format!("wanted 1 to {ID_CHARS_MAX} characters of text")))
    }

    /// A JSON integer that must be there; text, fractions and exponents are refused.
    pub fn integer(self, name: &str) -> Result<i64, Refusal> {
        match self.object.get(name) {
            Some(Json::Integer(n)) => i64::try_from(*n).map_err(|_| self.wrong(name, "is out of range")),
            Some(Json::OtherNumber(_)) => {
                Err(self.wrong(name, "wanted a whole number, without fraction or exponent"))
            }
            None => Err(self.wrong(name, "is missing")),
            Some(_) => Err(self.wrong(name, "wanted a JSON integer")),
        }
    }

    /// An amount of đồng: a positive JSON integer within the limit of [`Dong::payment`].
    pub fn amount(self, name: &str) -> Result<Dong, Refusal> {
        Dong::payment(self.integer(name)?).map_err(|e| self.wrong(name, e.to_string()))
    }

    /// An amount of đồng; zero too where the kind moves no money, since the provider may send it then.
    pub fn amount_for(self, kind: NoticeKind, name: &str) -> Result<Dong, Refusal> {
        if kind.moves_no_money() && self.integer(name)? == 0 {
            Ok(Dong::ZERO)
        } else {
            self.amount(name)
        }
    }

    /// An amount of đồng sent as text: digits only, no sign, no leading zero; zero as in
    /// [`Members::amount_for`].
    pub fn amount_text_for(self, kind: NoticeKind, name: &str) -> Result<Dong, Refusal> {
        let text = self
            .text(name, ID_CHARS_MAX)?
            .ok_or_else(|| self.wrong(name, "is missing"))?;
        amount_digits_for(kind, text).map_err(|because| self.wrong(name, because))
    }

    /// An id that may be absent or empty.
    pub fn optional_id(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.text(name, ID_CHARS_MAX)? {
            None | Some("") => Ok(None),
            Some(_) => self.id(name).map(Some),
        }
    }

    /// An account number without blanks; empty when absent.
    pub fn account(self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name, ACCOUNT_CHARS_MAX)?.unwrap_or_default();
        Ok(text.chars().filter(|c| !c.is_whitespace()).collect())
    }

    /// Refuses a currency that is named and is none of these words for đồng.
    pub fn check_currency(self, name: &str, words: &[&str]) -> Result<(), Refusal> {
        match self.text(name, ID_CHARS_MAX)? {
            Some(word) if !word.is_empty() && !words.contains(&word) => {
                Err(self.wrong(name, format!("wanted \"{}\"", words[0])))
            }
            _ => Ok(()),
        }
    }

    /// A time in milliseconds since 1970; seconds and nonsense are refused.
    pub fn epoch_ms(self, name: &str) -> Result<TimeMs, Refusal> {
        let ms = self.integer(name)?;
        epoch_ms(ms).ok_or_else(|| self.wrong(name, EPOCH_WANTED))
    }

    /// A time in milliseconds since 1970, as a number or as text; none when absent, null or empty.
    pub fn optional_epoch_ms(self, name: &str) -> Result<Option<TimeMs>, Refusal> {
        let ms = match self.object.get(name) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Text(text)) if text.is_empty() => return Ok(None),
            Some(Json::Text(text)) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Some(Json::Integer(ms)) => i64::try_from(*ms).ok(),
            Some(_) => None,
        };
        let time = ms.and_then(epoch_ms);
        time.map(Some).ok_or_else(|| self.wrong(name, EPOCH_WANTED))
    }

    /// A local time as Vietnamese banks write it; none when absent or empty.
    pub fn local_time(self, name: &str) -> Result<Option<TimeMs>, Refusal> {
        match self.text(name, TIME_CHARS_MAX)?.filter(|t| !t.is_empty()) {
            None => Ok(None),
            Some(t) => TimeMs::parse(t)
                .map(Some)
                .map_err(|_| self.wrong(name, "wanted yyyy-MM-dd HH:mm:ss, local time at +07:00")),
        }
    }
}

fn epoch_ms(ms: i64) -> Option<TimeMs> {
    EPOCH_MS.contains(&ms).then_some(TimeMs(ms))
}

/// An amount of đồng in digits: no sign, no fraction, no leading zero.
pub(super) fn amount_digits(text: &str) -> Result<Dong, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if !is_plain {
        return Err("wanted a whole number of đồng in digits".to_owned());
    }
    let vnd = text.parse().map_err(|_| "is out of range".to_owned())?;
    Dong::payment(vnd).map_err(|e| e.to_string())
}

/// As [`amount_digits`]; zero too where the kind moves no money.
pub(super) fn amount_digits_for(kind: NoticeKind, text: &str) -> Result<Dong, String> {
    match text {
        "0" if kind.moves_no_money() => Ok(Dong::ZERO),
        text => amount_digits(text),
    }
}

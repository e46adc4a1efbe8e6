use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Refusal;
use crate::vn::{Dong, TimeMs};

/// JSON read strictly: an object remembers that a member came twice (two parsers would differ on
/// which one counts, PROTOCOLS section 1 rule 6), and a number that is not an integer stays apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    /// A fraction, an exponent, a negative zero, or an integer too large to be any amount; in the
    /// shortest digits that read back the same.
    OtherNumber(String),
    Text(String),
    Array(Vec<Json>),
    Object(Object),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Object {
    members: Vec<(String, Json)>,
    /// The first member that came twice, if any.
    pub twice: Option<String>,
}

impl Object {
    /// Members in the order they came.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(n, v)| (n.as_str(), v))
    }

    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

/// Longest id that is taken.
pub(super) const ID_CHARS_MAX: usize = 128;
/// Longest free text (note, reference) that is taken.
pub(super) const TEXT_CHARS_MAX: usize = 1024;

/// The body as one JSON object without a member that came twice, at any depth that is read by name.
pub(super) fn read_object(text: &str) -> Result<Object, Refusal> {
    match read(text)? {
        Json::Object(object) => match &object.twice {
            None => Ok(object),
            Some(name) => Err(Refusal::malformed(name, "came twice in one object")),
        },
        _ => Err(Refusal::malformed("body", "wanted a JSON object")),
    }
}

/// Any JSON.
pub(super) fn read(text: &str) -> Result<Json, Refusal> {
    serde_json::from_str(text).map_err(|e| Refusal::malformed("body", format!("is not JSON: {e}")))
}

/// Members by name; `prefix` goes before names in messages, e.g. `data.`.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    pub object: &'a Object,
    pub prefix: &'static str,
}

impl<'a> Members<'a> {
    /// Of an object that must not hold a member twice.
    pub fn of(object: &'a Object, prefix: &'static str) -> Result<Members<'a>, Refusal> {
        match &object.twice {
            None => Ok(Members { object, prefix }),
            Some(name) => Err(Refusal::malformed(
                &format!("{prefix}{name}"),
                "came twice in one object",
            )),
        }
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

    /// An amount of đồng sent as text: digits only, no sign, no leading zero.
    pub fn amount_text(self, name: &str) -> Result<Dong, Refusal> {
        let text = self
            .text(name, 20)?
            .ok_or_else(|| self.wrong(name, "is missing"))?;
        amount_digits(text).map_err(|because| self.wrong(name, because))
    }
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

/// A time written `yyyyMMddHHmmss` at +07:00.
pub(super) fn compact_time(text: &str) -> Option<TimeMs> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let spelt = format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    TimeMs::parse(&spelt).ok()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        from.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut object = Object::default();
        while let Some((name, value)) = from.next_entry::<String, Json>()? {
            if object.twice.is_none() && object.get(&name).is_some() {
                object.twice = Some(name.clone());
            }
            object.members.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_is_remembered() {
        let Json::Object(o) = serde_json::from_str(r#"{"a":1,"b":{"c":1,"c":2},"a":2}"#).unwrap() else {
            panic!("an object")
        };
        assert_eq!(o.twice.as_deref(), Some("a"));
        let Some(Json::Object(b)) = o.get("b") else {
            panic!("an object")
        };
        assert_eq!(b.twice.as_deref(), Some("c"));
    }

    #[test]
    fn only_plain_integers_are_integers() {
        for (text, want) in [
            ("26000", Json::Integer(26_000)),
            ("-1", Json::Integer(-1)),
            ("9007199254740993", Json::Integer(9_007_199_254_740_993)),
            ("26000.0", Json::OtherNumber("26000".into())),
            ("2.6e4", Json::OtherNumber("26000".into())),
            ("-0", Json::OtherNumber("-0".into())),
            ("1e23", Json::OtherNumber("100000000000000000000000".into())),
        ] {
            assert_eq!(serde_json::from_str::<Json>(text).unwrap(), want, "{text}");
        }
    }
}

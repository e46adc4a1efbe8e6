//! JSON read strictly: members that came twice are seen, and whole numbers stay exact.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::refusal::Refusal;

/// JSON read strictly: an object remembers that a member came twice (two parsers would differ on
/// which one counts, docs/spec/providers.md, section 1, rule 6), and a number that is not an integer stays apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in plain digits.
    Integer(i128),
    /// A fraction, an exponent, a negative zero, or an integer too large to be any amount; in the
    /// shortest digits that read back the same.
    OtherNumber(String),
    /// A text, its escapes undone.
    Text(String),
    Array(Vec<Json>),
    Object(Object),
}

/// A JSON object with its members as they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Object {
    members: Vec<(String, Json)>,
    /// A member that came twice, if any.
    pub duplicate: Option<String>,
}

impl Object {
    /// Members in the order they came.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(n, v)| (n.as_str(), v))
    }

    /// By sorting: this runs before any proof, and comparing each name with each other would let a stranger
    /// buy seconds of work with one body.
    fn find_duplicate(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.members.iter().map(|(n, _)| n.as_str()).collect();
        names.sort_unstable();
        names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
    }

    /// The member of this name, the first if it came twice.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

/// The text as one JSON object in which no member came twice.
pub(super) fn read_object(text: &str) -> Result<Object, Refusal> {
    let json = read(text)?;
    refuse_duplicates(&json)?;
    match json {
        Json::Object(object) => Ok(object),
        _ => Err(Refusal::malformed("body", "wanted a JSON object")),
    }
}

pub(super) fn read(text: &str) -> Result<Json, Refusal> {
    serde_json::from_str(text).map_err(|e| {
        let because = if is_form(text) {
            "is a form (application/x-www-form-urlencoded), wanted JSON: choose the content type application/json \
             (JSON) in the provider's console"
                .to_owned()
        } else {
            format!("is not JSON: {e}")
        };
        Refusal::malformed("body", because)
    })
}

/// `name=value&name=value`, as web forms are sent.
fn is_form(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']' | b'%');
    text.contains('=') && !name.is_empty() && name.bytes().all(is_name)
}

/// Refuses a member that came twice in one object, at any depth, whether it is read or not (docs/spec/providers.md,
/// section 1, rule 6); names its place.
pub(super) fn refuse_duplicates(value: &Json) -> Result<(), Refusal> {
    match duplicate_in(value) {
        None => Ok(()),
        Some(place) => Err(Refusal::malformed(&place, "came twice in one object")),
    }
}

fn duplicate_in(value: &Json) -> Option<String> {
    match value {
        Json::Array(items) => items.iter().find_map(duplicate_in),
        Json::Object(object) => {
            let mut members = object.members();
            let deeper =
                || members.find_map(|(name, v)| duplicate_in(v).map(|place| format!("{name}.{place}")));
            object.duplicate.clone().or_else(deeper)
        }
        _ => None,
    }
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
            object.members.push((name, value));
        }
        object.duplicate = object.find_duplicate().map(str::to_owned);
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
        assert_eq!(o.duplicate.as_deref(), Some("a"));
        let Some(Json::Object(b)) = o.get("b") else {
            panic!("an object")
        };
        assert_eq!(b.duplicate.as_deref(), Some("c"));
    }

    #[test]
    fn a_member_twice_is_refused_at_any_depth() {
        let place = |text: &str| read_object(text).map_err(|r| r.field);
        assert!(place(r#"{"a":{"x":1},"b":[{"x":1},{"x":1}]}"#).is_ok());
        for (text, wanted) in [
            (r#"{"a":1,"\u0061":1}"#, "a"),
            (r#"{"a":{"b":[0,{"x":1,"x":1}]}}"#, "a.b.x"),
        ] {
            assert_eq!(place(text), Err(wanted.to_owned()));
        }
        let long = "n".repeat(5000);
        let refusal = read_object(&format!(r#"{{"{long}":1,"{long}":1}}"#)).unwrap_err();
        assert_eq!(refusal.field.len(), 100);
    }

    /// Comparing each name with each other took minutes here.
    #[test]
    fn an_object_of_very_many_members_is_read_at_once() {
        let members: Vec<String> = (0..300_000).map(|i| format!("\"{i}\":0")).collect();
        let text = format!("{{{},\"7\":1}}", members.join(","));
        let Json::Object(o) = read(&text).unwrap() else {
            panic!("an object")
        };
        assert_eq!(o.duplicate.as_deref(), Some("7"));
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

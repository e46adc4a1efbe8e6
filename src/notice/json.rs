use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// JSON read strictly: an object remembers that a member came twice (two parsers would differ on
/// which one counts, PROTOCOLS section 1 rule 6), and a number that is not an integer stays apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool,
    Integer(i128),
    /// A fraction, an exponent, or an integer too large to be any amount.
    OtherNumber,
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
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v)
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

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
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
            ("26000.0", Json::OtherNumber),
            ("2.6e4", Json::OtherNumber),
            ("-0", Json::OtherNumber),
            ("99999999999999999999999", Json::OtherNumber),
        ] {
            assert_eq!(serde_json::from_str::<Json>(text).unwrap(), want, "{text}");
        }
    }
}

//! What the calls of the API share: pages of lists, bodies, and answering a creating call once.

use std::fmt;
use std::marker::PhantomData;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::sha256_hex;
use crate::clock::now;
use crate::store::{Creation, IdempotentAnswer, IdempotentCall};
use crate::vn::sentence;
use crate::web::{Person, Problem, ProblemKind, Shared};

/// Entries of a page, unless asked otherwise, and at most.
const PAGE_DEFAULT: i64 = 50;
const PAGE_MAX: i64 = 200;

/// A page of a list. `next` is the cursor of the following page, or null at the end.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// Entries of this page.
    pub items: Vec<T>,
    /// Hand it in as `cursor` to go on.
    pub next: Option<String>,
}

/// How many entries a page has: `limit`, 1 to 200.
pub(super) fn page_size(limit: Option<i64>) -> Result<i64, Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        n if (1..=PAGE_MAX).contains(&n) => Ok(n),
        n => Err(Problem::invalid(
            "limit",
            sentence!(
                "limit là {n}; hãy chọn từ 1 đến {PAGE_MAX}.",
                "limit is {n}; choose 1 to {PAGE_MAX}."
            ),
        )),
    }
}

/// The header of a creating call.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described; `idempotency_key` reads it")]
pub(super) struct IdempotencyKey {
    /// The same call under the same key is done once: again it gets the first answer, with `Idempotency-Replayed:
    /// true`. Another call under the key is refused.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        example = "don-0001"
    )]
    idempotency_key: Option<String>,
}

/// The JSON object of a body.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // PostgreSQL keeps no text with this character, and no honest text has one.
    if body.windows(6).any(|six| six == br"\u0000") && serde_json::from_slice(body).is_ok_and(|v| has_nul(&v))
    {
        let detail = (
            r"Nội dung có ký tự \u0000. Hãy bỏ ký tự này rồi gửi lại.",
            r"The body has the character \u0000. Leave it out, then send it again.",
        );
        return Err(Problem::new(ProblemKind::Invalid, detail));
    }
    let read = serde_json::from_slice(body).map(|Object(value)| value);
    read.map_err(|error| {
        let detail = sentence!(
            "JSON chưa đúng: {error}. Hãy sửa theo mô tả ở /api/docs rồi gửi lại.",
            "The JSON is wrong: {error}. Mend it as /api/docs says, then send it again."
        );
        Problem::new(ProblemKind::Malformed, detail)
    })
}

fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(has_nul),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// What stands in a JSON object. Derived code would also take a list, for the members in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Object<T>, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// A member that is an object, or absent.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<Object<T>>::deserialize(from).map(|found| found.map(|Object(value)| value))
}

/// A member that is a list of objects.
pub(super) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let found = Vec::<Object<T>>::deserialize(from)?;
    Ok(found.into_iter().map(|Object(value)| value).collect())
}

/// A whole number, also as languages without integers may write it: `26000.0`.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(from)?.to_string();
    let digits = number.strip_suffix(".0").unwrap_or(&number);
    let wrong = |_| D::Error::custom(format!("{number} is no whole number of 64 bits"));
    digits.parse().map_err(wrong)
}

/// The same where it may be absent.
pub(super) fn whole_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] i64);
    Option::<Whole>::deserialize(from).map(|found| found.map(|Whole(number)| number))
}

/// A body that may be left out.
pub(super) fn from_json_or_nothing<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    from_json(body)
}

/// Answers a creating call once: under an `Idempotency-Key`, the same call again gets the first answer,
/// another call under the same key is refused. `work` reads and writes in one transaction.
pub(super) async fn once<F>(
    request: &HttpRequest,
    shared: &Shared,
    person: &Person,
    body: &[u8],
    work: F,
) -> Result<HttpResponse, Problem>
where
    F: AsyncFnOnce(&mut Creation) -> Result<(StatusCode, serde_json::Value), Problem>,
{
    let Some(key) = idempotency_key(request)? else {
        let (status, body) = shared.store.create(work).await?;
        return Ok(HttpResponse::build(status).json(body));
    };
    let method = request.method().as_str();
    let request = [method.as_bytes(), b" ", request.path().as_bytes(), b"\n", body].concat();
    let call = IdempotentCall {
        person: person.name.clone(),
        key,
        request_sha256: sha256_hex(&request),
    };
    let work = async |creation: &mut Creation| -> Result<_, Problem> {
        let (status, body) = work(creation).await?;
        Ok((status.as_u16(), body.to_string()))
    };
    answered(shared.store.create_once(&call, now(), work).await?, &call)
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) && !key.contains('\t') => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid(
            "idempotency-key",
            (
                "Idempotency-Key cần 1 đến 255 ký tự ASCII.",
                "An Idempotency-Key has 1 to 255 characters of ASCII.",
            ),
        )),
    }
}

fn answered(answer: IdempotentAnswer, call: &IdempotentCall) -> Result<HttpResponse, Problem> {
    if answer.request_sha256 != call.request_sha256 {
        return Err(Problem::invalid(
            "idempotency-key",
            (
                "Idempotency-Key này đã dùng cho một yêu cầu khác. Hãy dùng khóa mới.",
                "This Idempotency-Key belongs to another request. Use a new one.",
            ),
        ));
    }
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    if answer.is_replay {
        let header = HeaderName::from_static("idempotency-replayed");
        response.insert_header((header, HeaderValue::from_static("true")));
    }
    Ok(response.content_type("application/json").body(answer.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(default, deserialize_with = "whole_or_nothing")]
        amount: Option<i64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(deserialize_with = "whole")]
        amount: i64,
        #[serde(default, deserialize_with = "object")]
        inner: Option<Inner>,
        #[serde(deserialize_with = "objects")]
        list: Vec<Inner>,
    }

    #[test]
    fn objects_are_objects_and_numbers_are_whole() {
        let read = |text: &str| from_json::<Outer>(text.as_bytes());
        let wanted = Outer {
            amount: 26_000,
            inner: Some(Inner { amount: Some(1) }),
            list: vec![Inner { amount: None }],
        };
        let text = r#"{"amount": 26000.0, "inner": {"amount": 1}, "list": [{}]}"#;
        assert_eq!(read(text).expect("it can be read"), wanted);
        for (wrong, kind) in [
            (r#"[26000, {"amount": 1}, [{}]]"#, ProblemKind::Malformed),
            (
                r#"{"amount": 1, "inner": [1], "list": []}"#,
                ProblemKind::Malformed,
            ),
            (r#"{"amount": 1, "list": [[]]}"#, ProblemKind::Malformed),
            (r#"{"amount": 1.5, "list": []}"#, ProblemKind::Malformed),
            (r#"{"amount": 1e300, "list": []}"#, ProblemKind::Malformed),
            (r#"{"amount": "1", "list": []}"#, ProblemKind::Malformed),
            (
                r#"{"amount": 1, "amount": 2, "list": []}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"amount": 1, "list": [{"amount": 1, "amount": 2}]}"#,
                ProblemKind::Malformed,
            ),
            ("null", ProblemKind::Malformed),
            ("", ProblemKind::Malformed),
            (r#"{"amount": 1, "a\u0000": 1}"#, ProblemKind::Invalid),
            (r#"{"list": ["\u0000"]}"#, ProblemKind::Invalid),
        ] {
            assert_eq!(read(wrong).expect_err(wrong).kind, kind, "{wrong}");
        }
        assert_eq!(
            from_json_or_nothing::<Option<Vec<u8>>>(b"").expect("nothing"),
            None
        );
        let escaped = from_json::<std::collections::BTreeMap<String, String>>(br#"{"a": "\\u0000"}"#);
        assert_eq!(
            escaped.expect("no NUL").get("a").map(String::as_str),
            Some(r"\u0000")
        );
    }
}

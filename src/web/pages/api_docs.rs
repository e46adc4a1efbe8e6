//! The API described for people, from the same document that programs read.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::Value;

use super::answer::Html;
use super::frame::{Fault, Frame};
use super::officer::Officer;
use crate::web::Shared;
use crate::web::api::openapi;

#[derive(Template)]
#[template(path = "api_docs.html")]
struct ApiPage {
    frame: Frame,
    /// Scheme and host, for an example that can be copied.
    origin: String,
    calls: Vec<Call>,
    shapes: Vec<Shape>,
}

/// One call: method, address, what it does.
struct Call {
    method: String,
    path: String,
    says: String,
    params: Vec<Member>,
    body: Option<String>,
    answers: Vec<(String, Option<String>)>,
}

/// One JSON shape.
struct Shape {
    name: String,
    says: String,
    words: Vec<String>,
    members: Vec<Member>,
}

struct Member {
    name: String,
    kind: String,
    is_needed: bool,
    says: String,
}

/// `GET /api/docs`
pub(super) async fn docs(officer: Officer, shared: web::Data<Shared>) -> HttpResponse {
    let origin = shared.origin().unwrap_or_else(|| "http://HOST:PORT".to_owned());
    officer.answer(show(&officer, origin))
}

fn show(officer: &Officer, origin: String) -> Result<Html, Fault> {
    let document = openapi();
    let frame = officer.frame("API");
    Html::of(&ApiPage {
        frame,
        origin,
        calls: calls(document),
        shapes: shapes(document),
    })
}

fn calls(document: &Value) -> Vec<Call> {
    let mut out = Vec::new();
    for (path, methods) in members(&document["paths"]) {
        for (method, call) in members(methods) {
            let answers = members(&call["responses"])
                .map(|(status, answer)| (status.clone(), shape_of(&answer["content"])))
                .collect();
            out.push(Call {
                method: method.to_uppercase(),
                path: path.clone(),
                says: text(&call["summary"]),
                params: call["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(parameter)
                    .collect(),
                body: shape_of(&call["requestBody"]["content"]),
                answers,
            });
        }
    }
    out
}

fn shapes(document: &Value) -> Vec<Shape> {
    members(&document["components"]["schemas"])
        .map(|(name, shape)| Shape {
            name: name.clone(),
            says: text(&shape["description"]),
            words: words(shape),
            members: all_members(shape),
        })
        .collect()
}

/// The words of an enumeration, also where each stands in a schema of its own.
fn words(shape: &Value) -> Vec<String> {
    let own = shape["enum"].as_array().into_iter().flatten();
    let nested = shape["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|s| s["enum"].as_array().into_iter().flatten());
    own.chain(nested)
        .filter_map(|w| w.as_str().map(str::to_owned))
        .collect()
}

/// The members of an object, and of the objects it is put together from.
fn all_members(shape: &Value) -> Vec<Member> {
    let needed = |name: &str| {
        shape["required"]
            .as_array()
            .is_some_and(|r| r.iter().any(|n| n == name))
    };
    let mut out: Vec<Member> = members(&shape["properties"])
        .map(|(name, member)| Member {
            name: name.clone(),
            kind: kind(member),
            is_needed: needed(name),
            says: text(&member["description"]),
        })
        .collect();
    for part in shape["allOf"].as_array().into_iter().flatten() {
        match part["$ref"].as_str() {
            Some(_) => out.push(Member {
                name: "…".to_owned(),
                kind: kind(part),
                is_needed: true,
                says: String::new(),
            }),
            None => out.extend(all_members(part)),
        }
    }
    out
}

fn parameter(p: &Value) -> Member {
    Member {
        name: text(&p["name"]),
        kind: format!("{} ({})", kind(&p["schema"]), text(&p["in"])),
        is_needed: p["required"].as_bool().unwrap_or_default(),
        says: text(&p["description"]),
    }
}

/// The name of the shape behind a JSON body.
fn shape_of(content: &Value) -> Option<String> {
    members(content)
        .next()
        .map(|(_, body)| kind(&body["schema"]))
        .filter(|k| !k.is_empty())
}

fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        return parts
            .iter()
            .map(kind)
            .filter(|k| k != "null")
            .collect::<Vec<_>>()
            .join(" | ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("[{}]", kind(&schema["items"])),
        Value::String(word) => word.clone(),
        Value::Array(words) => words
            .iter()
            .filter_map(Value::as_str)
            .filter(|w| *w != "null")
            .collect::<Vec<_>>()
            .join(" | "),
        _ => String::new(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

//! The OpenAPI document: what the handlers derive, completed by what is the same for all calls.
//!
//! A handler describes what it answers when all is well, and refusals of its own (409, 410). Tokens, bodies, addresses
//! and problem documents are treated alike everywhere; what follows from them is written once, here.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{bills, cards, figures, live, providers, register};
use crate::web::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "choso",
        description = "Market stalls, VietQR codes, signed payment notices and non-cash adoption. Every call but that of this document needs `Authorization: Bearer <token>`; `choso user add NAME` makes one for a person; the stream of receipts needs one for a program, made by `choso token add NAME --may receipts`. Errors are `application/problem+json` (RFC 9457). Lists page by `cursor`. Creating calls take `Idempotency-Key`. Bodies have at most 256 KiB.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        openapi_json,
        register::list_households,
        register::create_household,
        register::get_household,
        register::change_household,
        register::add_stall,
        register::get_stall,
        register::change_stall,
        register::link_account,
        register::end_link,
        register::keep_terminal,
        register::issue_code,
        register::end_code,
        bills::make_bill,
        bills::get_bill,
        bills::bill_svg,
        cards::replace_code,
        cards::approve_link,
        cards::told_owner,
        figures::indicators,
        figures::totals,
        figures::waiting,
        figures::units,
        providers::providers,
        providers::day_digest,
        live::stream_receipts,
        live::create_order,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let components = api.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", scheme);
        api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}

/// The OpenAPI document as JSON.
pub fn openapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        // The document is made of derived types only; they serialise.
        let derived = serde_json::to_value(Api::openapi()).expect("the OpenAPI document is JSON");
        completed(derived)
    });
    &DOCUMENT
}

/// This document. It needs no token.
#[utoipa::path(get, path = "/api/v1/openapi.json", security(()),
    responses((status = 200, description = "The document.", content_type = "application/json", body = Object)))]
pub(super) async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok().json(openapi())
}

/// The methods that are documented for an address; none if no call has it.
pub(super) fn methods_at(address: &str) -> Vec<String> {
    let fits = |path: &str| {
        let (mut wanted, mut given) = (path.split('/'), address.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(part), Some(text)) if part == text || (part.starts_with('{') && !text.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let calls = openapi()["paths"].as_object().into_iter().flatten();
    calls
        .filter(|(path, _)| fits(path))
        .flat_map(|(_, methods)| methods.as_object().into_iter().flatten())
        .map(|(method, _)| method.to_uppercase())
        .collect()
}

fn completed(mut document: Value) -> Value {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, call) in paths.flat_map(|(_, calls)| calls.as_object_mut().into_iter().flatten()) {
        describe_parameters(call);
        let json_body = call.pointer_mut("/requestBody/content/application~1json/schema");
        // A body that may be left out is derived as one that may be null.
        if let Some(schema) = json_body
            && let Some(shape) = schema["oneOf"].get(0).cloned()
        {
            *schema = shape;
        }
        describe_refusals(call);
        link(call);
    }
    let problem = &mut document["components"]["schemas"]["Problem"];
    problem["example"] = json!({
        "type": "urn:choso:problem:invalid",
        "title": "Dữ liệu chưa đúng",
        "status": 422,
        "detail": "Số tiền phải từ 1 đồng trở lên.",
        "field": "amount_vnd",
        "request_id": "01jabc00000000000000000000"
    });
    document
}

/// What the parts of addresses are, by name.
const PATH_PARAMETERS: [(&str, &str); 8] = [
    ("household_id", "`household_id` of a household."),
    ("stall_id", "`stall_id` of a stall."),
    ("link_id", "`link_id` of an account at a stall."),
    ("serial", "`serial` of a code, as it stands on the card."),
    ("bill_id", "`bill_id` of a bill."),
    ("message_id", "Id of a message to an owner."),
    ("provider_id", "`provider_id` of a provider."),
    ("day", "The business day, `YYYY-MM-DD`."),
];

fn describe_parameters(call: &mut Value) {
    let parameters = call.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        // One that may be left out is left out; nothing in an address or a header is null.
        if let Some(kinds) = parameter["schema"]["type"].as_array() {
            parameter["schema"]["type"] = kinds.iter().find(|kind| *kind != "null").cloned().into();
        }
        let name = parameter["name"].as_str().unwrap_or_default();
        let says = PATH_PARAMETERS.iter().find(|(known, _)| *known == name);
        if let Some((_, says)) = says
            && parameter["description"].is_null()
        {
            parameter["description"] = json!(says);
        }
    }
}

/// Adds what every call of this kind may be refused with, and says of each refusal that it is a problem document.
fn describe_refusals(call: &mut Value) {
    let needs_token = call["security"] != json!([{}]);
    let has_body = call["requestBody"].is_object();
    let parameters: Vec<&str> = call["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|parameter| parameter["in"].as_str())
        .collect();
    let has = |place: &str| parameters.contains(&place);
    let refusals = [
        (
            "400",
            has_body,
            "The body is no JSON, lacks a member, has an unknown one or one of a wrong type, or broke off.",
        ),
        (
            "401",
            needs_token,
            "There is no token, or it is wrong or was revoked.",
        ),
        (
            "403",
            needs_token,
            "The token is not good for this call: a person's where a program's is needed, or the reverse; or a page of somebody else asked with the cookie of a person who is signed in.",
        ),
        ("404", has("path"), "What the address names is not there."),
        ("408", has_body, "The body did not come within 10 seconds."),
        ("413", has_body, "The body is larger than 256 KiB."),
        (
            "422",
            has_body || !parameters.is_empty(),
            "A parameter, a header or a member has a value that cannot be; `field` names it.",
        ),
        (
            "429",
            needs_token,
            "Too many wrong tokens came from this address; try again after `Retry-After` seconds.",
        ),
        (
            "503",
            needs_token,
            "The database is away or busy, or the service is stopping. Nothing was written; try again after `Retry-After` seconds.",
        ),
    ];
    let is_creating = has("header");
    let Some(responses) = call["responses"].as_object_mut() else {
        return;
    };
    for (status, may_be, says) in refusals {
        if may_be && !responses.contains_key(status) {
            responses.insert(status.to_owned(), json!({"description": says}));
        }
    }
    let is_refusal = |status: &str| status.starts_with(['4', '5']);
    for (status, response) in responses.iter_mut().filter(|(status, _)| is_refusal(status)) {
        response["content"] =
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        if ["429", "503"].contains(&status.as_str()) {
            response["headers"] = json!({"Retry-After": {
                "description": "Seconds after which trying again makes sense.",
                "schema": {"type": "integer", "minimum": 1}
            }});
        }
    }
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if is_creating {
            response["headers"] = json!({"Idempotency-Replayed": {
                "description": "`true` if this is the answer to an earlier call under the same key.",
                "schema": {"type": "string", "enum": ["true"]}
            }});
        }
    }
}

/// Where one answer leads: the call, where its answer holds a value, the parameter this value is, and which calls take it.
const LINKS: [(&str, &str, &str, &[&str]); 12] = [
    (
        "list_households",
        "/items/0/household_id",
        "household_id",
        &["get_household"],
    ),
    ("list_households", "/next", "cursor", &["list_households"]),
    (
        "create_household",
        "/household_id",
        "household_id",
        &["get_household", "change_household", "add_stall"],
    ),
    (
        "create_household",
        "/stalls/0/stall_id",
        "stall_id",
        &[
            "get_stall",
            "issue_code",
            "make_bill",
            "link_account",
            "keep_terminal",
            "change_stall",
        ],
    ),
    (
        "create_household",
        "/stalls/0/accounts/0/link_id",
        "link_id",
        &["end_link"],
    ),
    (
        "add_stall",
        "/stall_id",
        "stall_id",
        &["get_stall", "issue_code", "make_bill", "link_account"],
    ),
    (
        "link_account",
        "/accounts/1/link_id",
        "link_id",
        &["approve_link", "end_link"],
    ),
    ("issue_code", "/serial", "serial", &["end_code", "replace_code"]),
    ("replace_code", "/serial", "serial", &["end_code"]),
    ("make_bill", "/bill_id", "bill_id", &["get_bill", "bill_svg"]),
    ("providers", "/0/provider_id", "provider_id", &["day_digest"]),
    ("units", "/0/area", "area", &["indicators"]),
];

fn link(call: &mut Value) {
    let id = call["operationId"].as_str().unwrap_or_default().to_owned();
    let responses = call["responses"].as_object_mut().into_iter().flatten();
    for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
        for (_, pointer, parameter, calls) in LINKS.iter().filter(|(from, ..)| *from == id) {
            for to in *calls {
                response["links"][to] = json!({
                    "operationId": to,
                    "parameters": {*parameter: format!("$response.body#{pointer}")}
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_methods_that_are_documented() {
        let methods = |address: &str| methods_at(address).join(" ");
        assert_eq!(methods("/api/v1/households"), "GET POST");
        assert_eq!(methods("/api/v1/households/x"), "GET PATCH");
        assert_eq!(methods("/api/v1/codes/x/end"), "POST");
        for none in [
            "/api/v1",
            "/api/v1/households/",
            "/api/v1/households/x/y",
            "/api/v1/codes/x",
        ] {
            assert_eq!(methods(none), "", "{none}");
        }
    }

    #[test]
    fn links_lead_from_calls_to_parameters_that_are_there() {
        let document = openapi();
        let calls = || {
            let paths = document["paths"].as_object().into_iter().flatten();
            paths.flat_map(|(_, calls)| calls.as_object().into_iter().flatten().map(|(_, call)| call))
        };
        let call = |id: &str| calls().find(|call| call["operationId"] == id);
        for (from, _, parameter, to) in LINKS {
            assert!(call(from).is_some(), "{from}");
            for to in to {
                let takes = call(to).and_then(|call| call["parameters"].as_array());
                let takes = takes
                    .into_iter()
                    .flatten()
                    .any(|taken| taken["name"] == parameter);
                assert!(takes, "{to} takes no {parameter}");
            }
        }
    }

    /// The words of RFC 9110: a response says what it means, and an error what its document is.
    #[test]
    fn every_answer_is_described_and_every_error_is_a_problem_document() {
        let paths = openapi()["paths"].as_object().expect("paths");
        let problem = &openapi()["components"]["schemas"]["Problem"];
        assert!(problem["properties"]["request_id"].is_object(), "{problem}");
        for (path, method, call) in paths.iter().flat_map(|(path, calls)| {
            calls
                .as_object()
                .expect("calls")
                .iter()
                .map(move |(m, c)| (path, m, c))
        }) {
            let responses = call["responses"].as_object().expect("responses");
            for (status, response) in responses {
                let says = response["description"].as_str().unwrap_or_default();
                assert!(says.ends_with('.'), "{method} {path} {status}: «{says}»");
                let types: Vec<_> = response["content"].as_object().into_iter().flatten().collect();
                let is_problem = types.iter().any(|(kind, _)| *kind == "application/problem+json");
                assert_eq!(is_problem, status.as_str() >= "400", "{method} {path} {status}");
            }
            for parameter in call["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["description"].is_string(),
                    "{method} {path}: {parameter}"
                );
            }
            let is_creating = responses.contains_key("201");
            let names: Vec<_> = call["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|p| &p["name"])
                .collect();
            assert_eq!(
                names.iter().any(|name| *name == "Idempotency-Key"),
                is_creating,
                "{method} {path}"
            );
        }
    }
}

//! `/api/v1/openapi.json`: the OpenAPI 3.1 description of the API. Schemas come from the Rust types, codes from
//! [`Code`], and parameters and answers of each route from the table in [`operations`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::operations::{Answer, Header, Input, OPERATIONS, Operation};
use super::error::Code;
use super::is_probe;
use crate::definition::spec::StreamName;
use crate::definition::store::MAX_STREAMS;
use crate::stream::Phase;

mod operations;
mod schemas;

/// Problems of every change.
const REFUSALS: [Code; 2] = [Code::TokenNeeded, Code::BadToken];
/// Problems of every body.
const BAD_BODIES: [Code; 6] =
    [Code::NotJson, Code::BadBody, Code::TooSlow, Code::TooLarge, Code::NotJsonType, Code::BadValue];

const ABOUT: &str = "Controls live test streams. Reading needs no token. Every change needs the API token. The server \
    answers HEAD as it answers GET, without the body. A path that is not in this document gets 404 with the code \
    unknown_path, and a method that is not in this document gets 405 with the code wrong_method.";

/// `GET /api/v1/openapi.json`
pub(super) async fn openapi() -> impl IntoResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone())
}

fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let described = describe(operation);
        paths.entry(operation.path).or_default().insert(operation.method.to_lowercase(), described);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "barstone",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The API token, which every change needs.",
            }},
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    if operation.changes() {
        described["security"] = json!([{"token": []}]);
    }
    if let Some((schema, required)) = operation.body() {
        described["requestBody"] =
            json!({"required": required, "content": {"application/json": {"schema": named(schema)}}});
    }
    described
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let schema = json!({"type": "string", "pattern": StreamName::PATTERN});
    let name =
        json!({"name": "name", "in": "path", "required": true, "description": "Name of the stream.", "schema": schema});
    let in_path = operation.path.contains("{name}").then_some(name);
    in_path.into_iter().chain(operation.inputs.iter().flat_map(optional)).collect()
}

/// Optional parameters of an operation.
fn optional(input: &Input) -> Vec<Value> {
    let text = || json!({"type": "string"});
    let parameters = match input {
        Input::Body(_) | Input::OptionalBody(_) => vec![],
        Input::Selection => {
            let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_STREAMS});
            vec![
                ("query", "phase", "List only streams in this phase.", json!({"type": "string", "enum": Phase::WORDS})),
                ("query", "search", "List only streams whose name or title contains this text.", text()),
                ("query", "limit", "List at most this many streams.", limit),
                ("query", "after", "List only streams whose name comes after this name.", text()),
            ]
        }
        Input::Precondition => {
            let tags =
                "Write only if the definition has one of these entity tags, or with `*` only if the stream exists.";
            let star_or_text = json!({"anyOf": [{"const": "*"}, text()]});
            vec![
                ("header", "If-Match", tags, star_or_text),
                ("header", "If-None-Match", "With `*`, write only if no stream has this name.", text()),
            ]
        }
        Input::Interval => {
            let hashes = json!({"type": "string", "enum": ["no", "memory", "yes"], "default": "memory"});
            let about = "Segments with size and hash: none, segments in memory, or all segments that have ended. The server renders \
                 segments that are not in memory.";
            vec![
                ("query", "from", "Start of the interval: RFC 3339 in UTC, Unix seconds, or relative to now.", text()),
                ("query", "to", "End of the interval.", text()),
                ("query", "hashes", about, hashes),
            ]
        }
        Input::LastEventId => vec![(
            "header",
            "Last-Event-ID",
            "Id of the last event that the client has received. The server sends later events only.",
            text(),
        )],
    };
    let described = parameters
        .into_iter()
        .map(|(place, name, about, schema)| json!({"name": name, "in": place, "description": about, "schema": schema}));
    described.collect()
}

fn responses(operation: &Operation) -> Map<String, Value> {
    let mut problems: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in operation.problems() {
        problems.entry(code.status().as_u16()).or_default().push(code);
    }
    let problems = problems.iter().map(|(status, codes)| (status.to_string(), problem(*status, codes)));
    operation.answers.iter().map(|answer| (answer.status.to_string(), answered(answer))).chain(problems).collect()
}

fn answered(answer: &Answer) -> Value {
    let mut response = json!({"description": answer.about});
    if let Some((media, schema)) = answer.content {
        response["content"] = json!({media: {"schema": named(schema)}});
    }
    if !answer.headers.is_empty() {
        response["headers"] = headers(answer.headers);
    }
    response
}

fn problem(status: u16, codes: &[Code]) -> Value {
    let words: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let narrowed = json!({"properties": {"status": {"const": status}, "code": {"enum": words}}});
    let mut response = json!({
        "description": format!("{}.", titles.join(". ")),
        "content": {"application/problem+json": {"schema": {"allOf": [named("Problem"), narrowed]}}},
    });
    match status {
        401 => response["headers"] = headers(&[Header::WwwAuthenticate]),
        503 => response["headers"] = headers(&[Header::RetryAfter]),
        _ => {}
    }
    response
}

fn headers(headers: &[Header]) -> Value {
    let described = headers.iter().map(|header| {
        let (name, always, about) = match header {
            Header::Etag => ("ETag", true, "Entity tag of the definition; send it as If-Match with the next write."),
            Header::Location => ("Location", true, "URL of the stream."),
            Header::Link => {
                ("Link", false, "URL of the next page, as rel=\"next\" (RFC 8288), if there are more streams.")
            }
            Header::WwwAuthenticate => ("WWW-Authenticate", true, "Bearer: send the API token."),
            Header::RetryAfter => ("Retry-After", true, "Seconds after which the client should try again."),
        };
        (name.to_owned(), json!({"required": always, "description": about, "schema": {"type": "string"}}))
    });
    Value::Object(described.collect())
}

fn named(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

impl Operation {
    fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// Schema of the request body, and whether a body is required.
    fn body(&self) -> Option<(&'static str, bool)> {
        self.inputs.iter().find_map(|input| match input {
            Input::Body(schema) => Some((*schema, true)),
            Input::OptionalBody(schema) => Some((*schema, false)),
            Input::Selection | Input::Precondition | Input::LastEventId | Input::Interval => None,
        })
    }

    /// All problems of an operation.
    fn problems(&self) -> impl Iterator<Item = Code> {
        let of_changes = REFUSALS.into_iter().filter(|_| self.changes());
        let of_bodies = BAD_BODIES.into_iter().filter(|_| self.body().is_some());
        let of_lists = [Code::AddressDenied].into_iter().filter(|_| !is_probe(Some(self.path)));
        of_changes.chain(of_bodies).chain(self.refuses.iter().copied()).chain(of_lists).chain([Code::Internal])
    }
}

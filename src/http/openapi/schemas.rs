//! Schemas by name.

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Value, json};

use crate::definition::spec::{StreamName, StreamRequest};
use crate::http::api::{Definitions, OneStream, StreamAnswer};
use crate::http::condition_table::ConditionAnswer;
use crate::http::error::Problem;
use crate::http::issue_token::{TokenAnswer, TokenRequest};
use crate::http::ops::{Readiness, WhoAmI};
use crate::stream::{Event, Phase, PushPhase};

/// All schemas that operations refer to.
pub(super) fn all() -> Value {
    let definition = read::<StreamRequest>();
    let mut new = definition.clone();
    new["description"] = json!("Definition of a stream. Every field except `name` has a default.");
    new["required"] = json!(["name"]);
    new["examples"] = json!([StreamRequest::named("example")]);
    new["properties"]["name"] = json!({"type": "string", "pattern": StreamName::PATTERN});
    let mut definitions = read::<Definitions>();
    definitions["properties"]["streams"]["items"] = super::named("NewDefinition");
    json!({
        "Definition": definition,
        "NewDefinition": new,
        "Definitions": definitions,
        "Stream": answered::<OneStream>(),
        "Streams": {"type": "array", "items": answered::<StreamAnswer>()},
        "ViewerTokenRequest": read::<TokenRequest>(),
        "ViewerToken": answered::<TokenAnswer>(),
        "Conditions": {"type": "array", "items": answered::<ConditionAnswer>()},
        "Truth": truth(),
        "Readiness": answered::<Readiness>(),
        "WhoAmI": answered::<WhoAmI>(),
        "Problem": answered::<Problem>(),
        "Event": event(),
        "SentEvent": sent_event(),
        "OpenApi": {"type": "object"},
        "DateTime": {"type": "string", "format": "date-time"},
        "Text": {"type": "string"},
    })
}

/// Schema of one server-sent event. OpenAPI 3.1 cannot describe a sequence of events.
fn sent_event() -> Value {
    let data =
        |schema: Value| json!({"type": "string", "contentMediaType": "application/json", "contentSchema": schema});
    json!({"oneOf": [
        {
            "type": "object",
            "required": ["id", "event", "data"],
            "properties": {
                "id": {"type": "string", "description": "Id of the event. A client that sends this id as Last-Event-ID gets the later events."},
                "event": {"enum": Event::NAMES},
                "data": data(super::named("Event")),
            },
        },
        {
            "type": "object",
            "description": "Older events were dropped: fetch the stream list again.",
            "required": ["event", "data"],
            "properties": {"event": {"const": "missed"}, "data": data(json!({"const": {}}))},
        },
    ]})
}

/// Schema of one record of the truth. OpenAPI 3.1 cannot describe JSON lines.
fn truth() -> Value {
    json!({
        "type": "object",
        "description": "One line of the list; docs/truth.md describes the fields.",
        "required": ["type", "utc"],
        "properties": {
            "type": {"type": "string", "enum": ["definition", "segment", "frame", "beep"]},
            "utc": {"type": "string", "format": "date-time"},
        },
    })
}

/// Schema of [`Event`] as JSON.
fn event() -> Value {
    json!({
        "type": "object",
        "required": ["id", "at", "event", "stream"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "integer", "minimum": 1, "description": "Number of the event, which rises by one with each event."},
            "at": {"type": "string", "format": "date-time"},
            "event": {"type": "string", "enum": Event::NAMES},
            "stream": {"type": "string", "pattern": StreamName::PATTERN},
            "phase": {"anyOf": [answered::<Phase>(), answered::<PushPhase>()], "description": "Phase of the stream, or of the push target."},
            "error": {"type": ["string", "null"], "description": "Why the stream or the push does not run although it should."},
            "target": {"type": "string", "description": "URL of the push target, without its secret."},
        },
    })
}

/// Schema of a type that is deserialized.
fn read<T: JsonSchema>() -> Value {
    schema::<T>(Contract::Deserialize)
}

/// Schema of a type that is serialized.
fn answered<T: JsonSchema>() -> Value {
    schema::<T>(Contract::Serialize)
}

fn schema<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.contract = contract;
        settings.meta_schema = None;
        // The schemas for reading and for writing a type would have the same name.
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The schema has another name here.
    schema.remove("title");
    schema.to_value()
}

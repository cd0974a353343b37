//! The schemas by name.

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Value, json};

use crate::definition::spec::{StreamName, StreamRequest};
use crate::http::api::{Definitions, OneStream, StreamAnswer};
use crate::http::error::Problem;
use crate::http::ops::{Readiness, WhoAmI};
use crate::http::tokens::{TokenAnswer, TokenRequest};
use crate::stream::{Event, Phase, PushPhase};

/// All that operations name.
pub(super) fn all() -> Value {
    let definition = read::<StreamRequest>();
    let mut new = definition.clone();
    new["description"] = json!("A stream as a user writes it. Every field but `name` has a default.");
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

/// Each of the server-sent events: OpenAPI 3.1 has no word for what repeats in a body.
fn sent_event() -> Value {
    let data =
        |schema: Value| json!({"type": "string", "contentMediaType": "application/json", "contentSchema": schema});
    json!({"oneOf": [
        {
            "type": "object",
            "required": ["id", "event", "data"],
            "properties": {
                "id": {"type": "string", "description": "Send it as Last-Event-ID to continue after this event."},
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

/// What [`Event`] is written as.
fn event() -> Value {
    json!({
        "type": "object",
        "required": ["id", "at", "event", "stream"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "integer", "minimum": 1, "description": "Rises by one with each event."},
            "at": {"type": "string", "format": "date-time"},
            "event": {"type": "string", "enum": Event::NAMES},
            "stream": {"type": "string", "pattern": StreamName::PATTERN},
            "phase": {"anyOf": [answered::<Phase>(), answered::<PushPhase>()], "description": "Phase of the stream, or of the push target."},
            "error": {"type": ["string", "null"], "description": "Why the stream or the push does not run although it should."},
            "target": {"type": "string", "description": "URL of the push target, without its secret."},
        },
    })
}

/// Of what is read from a body.
fn read<T: JsonSchema>() -> Value {
    schema::<T>(Contract::Deserialize)
}

/// Of what is answered.
fn answered<T: JsonSchema>() -> Value {
    schema::<T>(Contract::Serialize)
}

fn schema<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.contract = contract;
        settings.meta_schema = None;
        // The two contracts would have two schemas of one name.
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // It has another name here.
    schema.remove("title");
    schema.to_value()
}

//! Parameters and answers of each route of the API. `tests/program/openapi.rs` compares the routes with the router.

use crate::http::error::Code;

/// A route and a method.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Name of the operation in generated clients.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) inputs: &'static [Input],
    pub(super) answers: &'static [Answer],
    /// Problems that are specific to this operation, in addition to those of all changes and bodies.
    pub(super) refuses: &'static [Code],
}

/// Parameters of a request besides its path.
pub(super) enum Input {
    /// A JSON body of this schema.
    Body(&'static str),
    /// An optional JSON body of this schema.
    OptionalBody(&'static str),
    /// The query of a list.
    Selection,
    /// The precondition of a write.
    Precondition,
    LastEventId,
    /// Start and end of an interval, and which segments have hashes.
    Interval,
}

/// A successful answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    /// Media type and schema.
    pub(super) content: Option<(&'static str, &'static str)>,
    pub(super) headers: &'static [Header],
}

/// Response headers with information.
pub(super) enum Header {
    Etag,
    Location,
    Link,
    WwwAuthenticate,
    RetryAfter,
}

const STREAM: Answer = Answer { headers: &[Header::Etag], ..json(200, "The stream.", "Stream") };
const CREATED: Answer = Answer { headers: &[Header::Etag, Header::Location], ..json(201, "The new stream.", "Stream") };
const STREAMS: Answer = json(200, "The streams.", "Streams");
const PAGE: Answer = Answer { headers: &[Header::Link], ..STREAMS };
const REMOVED: Answer = Answer { status: 204, about: "The stream is deleted.", content: None, headers: &[] };
const OK: Answer = text("The process is healthy.", "text/plain");

const NO_SUCH_STREAM: &[Code] = &[Code::UnknownPath, Code::UnknownStream];

/// All operations.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        answers: &[PAGE],
        inputs: &[Input::Selection],
        refuses: &[Code::BadQuery],
        ..get("/api/v1/streams", "list_streams", "Lists streams, sorted by name.")
    },
    Operation {
        answers: &[CREATED],
        inputs: &[Input::Body("NewDefinition")],
        refuses: &[Code::Exists, Code::Full, Code::NoRoom, Code::NotKept],
        ..post("/api/v1/streams", "create_stream", "Creates a stream.")
    },
    Operation {
        answers: &[STREAM],
        refuses: NO_SUCH_STREAM,
        ..get("/api/v1/streams/{name}", "get_stream", "Returns the definition and the state of a stream.")
    },
    Operation {
        method: "PUT",
        answers: &[STREAM, CREATED],
        inputs: &[Input::Body("Definition"), Input::Precondition],
        refuses: &[Code::UnknownPath, Code::Changed, Code::Declared, Code::Full, Code::NoRoom, Code::NotKept],
        ..get("/api/v1/streams/{name}", "put_stream", "Creates a stream or replaces its definition.")
    },
    Operation {
        method: "DELETE",
        answers: &[REMOVED],
        inputs: &[Input::Precondition],
        refuses: &[Code::UnknownPath, Code::UnknownStream, Code::Changed, Code::Declared, Code::NotKept],
        ..get("/api/v1/streams/{name}", "delete_stream", "Deletes a stream.")
    },
    Operation {
        answers: &[STREAM],
        inputs: &[Input::Precondition],
        refuses: &[Code::UnknownPath, Code::UnknownStream, Code::Changed, Code::NoRoom, Code::NotKept],
        ..post(
            "/api/v1/streams/{name}/start",
            "start_stream",
            "Starts a stream, if it does not run. If its last run failed, the next run begins immediately.",
        )
    },
    Operation {
        answers: &[STREAM],
        inputs: &[Input::Precondition],
        refuses: &[Code::UnknownPath, Code::UnknownStream, Code::Changed, Code::NotKept],
        ..post("/api/v1/streams/{name}/stop", "stop_stream", "Stops a stream, if it runs.")
    },
    Operation {
        answers: &[json(201, "The token, and URLs of the stream that contain the token.", "ViewerToken")],
        inputs: &[Input::OptionalBody("ViewerTokenRequest")],
        refuses: &[Code::UnknownPath, Code::UnknownStream, Code::NotPublishable],
        ..post(
            "/api/v1/streams/{name}/tokens",
            "issue_viewer_token",
            "Creates a viewer token for a private stream, or a publish token for a stream that a publisher sends.",
        )
    },
    Operation {
        answers: &[Answer { content: Some(("application/jsonl", "Truth")), ..text("One record a line.", "") }],
        inputs: &[Input::Interval],
        refuses: &[
            Code::UnknownPath,
            Code::UnknownStream,
            Code::BadQuery,
            Code::BadValue,
            Code::BadCondition,
            Code::NoSuchMedia,
            Code::NotPainted,
            Code::ArchiveBusy,
            Code::Overdue,
        ],
        ..get(
            "/api/v1/streams/{name}/truth",
            "get_truth",
            "Returns the frames, beeps and segments that the stream has in an interval of at most an hour.",
        )
    },
    Operation {
        answers: &[STREAMS],
        refuses: &[Code::NotKept],
        ..post(
            "/api/v1/all/start",
            "start_all_streams",
            "Starts all streams. Streams that exceed the encoding capacity wait.",
        )
    },
    Operation {
        answers: &[STREAMS],
        refuses: &[Code::NotKept],
        ..post("/api/v1/all/stop", "stop_all_streams", "Stops every stream.")
    },
    Operation {
        answers: &[json(200, "The definitions.", "Definitions")],
        ..get("/api/v1/definitions", "export_definitions", "Exports all definitions.")
    },
    Operation {
        answers: &[STREAMS],
        inputs: &[Input::Body("Definitions")],
        refuses: &[Code::Declared, Code::Full, Code::NotKept],
        ..post(
            "/api/v1/definitions",
            "import_definitions",
            "Imports definitions: creates or replaces these streams, and does not change other streams.",
        )
    },
    Operation {
        answers: &[json(200, "The conditions, sorted by name.", "Conditions")],
        ..get(
            "/api/v1/conditions",
            "list_conditions",
            "Describes the conditions that the path of a manifest may contain.",
        )
    },
    Operation {
        answers: &[Answer { content: Some(("text/event-stream", "SentEvent")), ..text("Events as they happen.", "") }],
        inputs: &[Input::LastEventId],
        ..get("/api/v1/events", "follow_events", "Sends events of streams as server-sent events.")
    },
    Operation {
        answers: &[json(200, "This document.", "OpenApi")],
        ..get("/api/v1/openapi.json", "get_openapi", "Describes the API.")
    },
    Operation {
        answers: &[Answer { content: Some(("text/plain", "DateTime")), ..OK }],
        ..get("/time", "get_time", "Returns UTC as xs:dateTime.")
    },
    Operation {
        answers: &[OK],
        refuses: &[Code::Wedged],
        ..get("/livez", "is_live", "Liveness probe: 503 means that barstone must be restarted.")
    },
    Operation {
        answers: &[
            json(200, "Every stream that should run is playable.", "Readiness"),
            json(503, "At least one stream that should run is not playable; the body names it.", "Readiness"),
        ],
        ..get("/readyz", "is_ready", "Readiness probe: whether every stream that should run is playable.")
    },
    Operation { answers: &[OK], ..get("/startupz", "is_started", "Startup probe: whether barstone has started.") },
    Operation {
        answers: &[text("OpenMetrics 1.0.", "application/openmetrics-text")],
        ..get("/metrics", "get_metrics", "Returns the metrics.")
    },
    Operation {
        answers: &[json(200, "The request.", "WhoAmI")],
        ..get("/whoami", "whoami", "Returns the request as barstone received it, and the process that answers.")
    },
];

const fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation { method: "GET", path, id, summary, inputs: &[], answers: &[], refuses: &[] }
}

const fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation { method: "POST", ..get(path, id, summary) }
}

const fn json(status: u16, about: &'static str, schema: &'static str) -> Answer {
    Answer { status, about, content: Some(("application/json", schema)), headers: &[] }
}

const fn text(about: &'static str, media: &'static str) -> Answer {
    Answer { status: 200, about, content: Some((media, "Text")), headers: &[] }
}

//! What segments must be: the definition of the stream, and its segments as this machine renders them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Url;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::listed::WITHIN;
use crate::cli::client;
use crate::definition::spec::{Revision, StreamRequest, StreamSpec};
use crate::inspect::fetch::{Fetcher, Request};
use crate::media::pipeline::{self, Job, Priority};
use crate::media::window::Output;

/// A definition, and the name of its media on this machine.
#[derive(Debug)]
pub(super) struct Definition {
    spec: StreamSpec,
    pub(super) revision: Revision,
}

/// Segments by track and number.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) segments: BTreeMap<(String, u64), Bytes>,
}

impl Definition {
    /// Reads the definition of a stream from a file, or from a server.
    pub(super) async fn read(place: &str, stream: &str, fetcher: &Fetcher) -> Result<Self, String> {
        let value = match Url::parse(place).ok().filter(|url| url.scheme().starts_with("http")) {
            Some(server) => on_server(&server, stream, fetcher).await?,
            None => client::read_definition(Path::new(place))?,
        };
        let request: StreamRequest = serde_json::from_value(value).map_err(|error| format!("{place}: {error}"))?;
        let spec = StreamSpec::try_from(request).map_err(|error| format!("{place}: {error}"))?;
        if spec.name.as_str() != stream {
            return Err(format!("{place}: this defines the stream {}; the URL is of the stream {stream}", spec.name));
        }
        let encoders = pipeline::probe().map_err(|error| error.to_string())?;
        let revision = spec.revision(encoders.versions());
        Ok(Self { spec, revision })
    }
}

async fn on_server(server: &Url, stream: &str, fetcher: &Fetcher) -> Result<Value, String> {
    let url = server.join("/api/v1/definitions").map_err(|error| format!("{server}: {error}"))?;
    let answer =
        fetcher.fetch(&Request::manifest(url.clone(), WITHIN)).await.map_err(|error| format!("{url}: {error}"))?;
    let unknown = || format!("{server}: this server has no stream {stream}");
    let mut all: Value = serde_json::from_slice(&answer.reply.body).map_err(|_| unknown())?;
    let streams = all["streams"].as_array_mut().ok_or_else(unknown)?;
    let found = streams.iter_mut().find(|definition| definition["name"] == stream);
    found.map(Value::take).ok_or_else(unknown)
}

impl Expected {
    /// Renders all tracks.
    pub(super) async fn render(definition: &Definition, segments: Range<u64>) -> Result<Self, String> {
        let mut spec = definition.spec.clone();
        // The window holds all of them.
        spec.window =
            spec.timeline.segment_duration() * u32::try_from(segments.end - segments.start).unwrap_or(u32::MAX);
        let output = Arc::new(Output::new(spec, definition.revision.clone()));
        let job = Job {
            epoch: output.epoch(segments.start),
            output: Arc::clone(&output),
            from: segments.start,
            until: Some(segments.end),
            clock: None,
            priority: Priority::Background,
            metrics: Arc::default(),
        };
        pipeline::run(job, CancellationToken::new()).await.map_err(|error| error.to_string())?;
        let mut found = BTreeMap::new();
        for track in &output.tracks {
            let snapshot = track.window.snapshot();
            for number in segments.clone() {
                let whole = snapshot.segment(number).and_then(|segment| segment.whole.as_ref());
                found.extend(whole.map(|media| ((track.id.to_string(), number), media.joined())));
            }
        }
        Ok(Self { segments: found })
    }
}

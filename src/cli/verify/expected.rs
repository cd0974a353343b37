//! What segments must be: the definition of the stream, and its segments as this machine renders them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::cli::definition;
use crate::definition::spec::{Revision, StreamSpec};
use crate::inspect::fetch::Fetcher;
use crate::media::pipeline::{self, Job, Pause, Priority};
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
        let spec = definition::read(place, Some(stream), fetcher).await?;
        if spec.name.as_str() != stream {
            return Err(format!("{place}: this defines the stream {}; the URL is of the stream {stream}", spec.name));
        }
        let encoders = pipeline::probe().map_err(|error| error.to_string())?;
        let revision = spec.revision(encoders.versions());
        Ok(Self { spec, revision })
    }
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
            priority: Priority::Background(Pause::default()),
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

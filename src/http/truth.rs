//! `GET /api/v1/streams/{name}/truth`: the frames, beeps and segments of an interval as JSON lines. A stream that does not run
//! has a truth too, and a request does not start an on-demand stream. The answer is generated segment by segment while the
//! client reads it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::App;
use super::cache_control::Cache;
use super::conditions::{self, Asked};
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::webrtc_error::WebrtcError;
use super::{api, reply};
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Moment, Span};
use crate::definition::spec::SpecError;
use crate::media::cmaf::{Media, Rewriting};
use crate::media::truth::{Record, Truth};
use crate::media::window::Output;
use crate::stream::ArchiveError;

/// The media type of JSON lines that OpenAPI 3.2 names. None is registered.
const JSON_LINES: &str = "application/jsonl";
/// Longest interval: about 90,000 frames, 25 MB.
const LONGEST: Span = Span::from_millis(3_600_000);
/// Interval of a request without moments.
const DEFAULT: Duration = Duration::from_secs(60);

/// Which segments have a size and a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hashes {
    /// None.
    No,
    /// Segments in memory.
    InMemory,
    /// All segments that have ended. Segments that are not in memory are rendered.
    Yes,
}

/// Parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Query {
    interval: Range<UnixTime>,
    hashes: Hashes,
}

/// `GET /api/v1/streams/{name}/truth`
pub(super) async fn truth(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    RawQuery(query): RawQuery,
    Asked(conditions): Asked,
) -> Result<Response, ApiError> {
    let now = app.0.clock.now();
    let query = Query::parse(&query.unwrap_or_default(), now)?;
    let output = app.0.registry.published(&api::name(&stream)?)?;
    if output.spec.is_published() {
        return Err(WebrtcError::NotPainted(output.spec.name.clone()).into());
    }
    let truth = Truth::new(output.epochs(), &conditions, query.interval, now);
    let mut segments = truth.segments();
    let source = Source { app: app.clone(), output, truth, hashes: query.hashes };
    // If the first segment cannot be rendered, the refusal is an answer of its own.
    let first = match segments.next() {
        Some(number) => Some(source.lines(number).await?),
        None => None,
    };
    let rest = stream::unfold((source, segments), |(source, mut segments)| async move {
        let lines = source.lines(segments.next()?).await;
        Some((lines, (source, segments)))
    });
    let mut response = reply::growing(stream::iter(first.map(Ok)).chain(rest), JSON_LINES, Cache::NoStore);
    conditions::mark(&app, &conditions, &mut response);
    Ok(response)
}

impl Query {
    /// Parses a query. All relative moments are relative to the same `now`.
    fn parse(query: &str, now: UnixTime) -> Result<Self, ApiError> {
        let (mut from, mut to, mut hashes) = (None, None, Hashes::InMemory);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "from" => from = Some(moment("from", &value, now)?),
                "to" => to = Some(moment("to", &value, now)?),
                "hashes" => {
                    hashes = match &*value {
                        "no" => Hashes::No,
                        "memory" => Hashes::InMemory,
                        "yes" => Hashes::Yes,
                        _ => return Err(refused("hashes", format!("must be no, memory or yes; not {value:?}"))),
                    }
                }
                _ => {
                    let parameters = "the parameters are from, to and hashes";
                    return Err(ApiError::Query(format!("unknown parameter {key:?}; {parameters}")));
                }
            }
        }
        let to = to.or(from.map(|from: UnixTime| from + DEFAULT)).unwrap_or(now);
        let from = from.unwrap_or(to.saturating_sub(DEFAULT));
        if to <= from {
            return Err(refused("to", format!("must be later than from, which is {}", Moment::At(from))));
        }
        if to.saturating_since(from) > LONGEST.duration() {
            let problem = format!("must be at most {LONGEST} after from, which is {}", Moment::At(from));
            return Err(refused("to", problem));
        }
        Ok(Self { interval: from..to, hashes })
    }
}

fn moment(field: &str, text: &str, now: UnixTime) -> Result<UnixTime, ApiError> {
    // In a query a plus sign is a space.
    let moment: Result<Moment, ()> = match text.strip_prefix(' ') {
        Some(rest) => format!("+{rest}").parse(),
        None => text.parse(),
    };
    let allowed =
        "must be a date in UTC such as 2026-11-21T03:40:28Z, Unix seconds, or a duration with a sign such as -1h30m";
    moment.map(|moment| moment.at(now)).map_err(|()| refused(field, format!("{allowed}; not {text:?}")))
}

fn refused(field: &str, problem: String) -> ApiError {
    SpecError { field: field.to_owned(), problem }.into()
}

/// A truth, and where the media of its segments are.
struct Source {
    app: App,
    output: Arc<Output>,
    truth: Truth,
    hashes: Hashes,
}

impl Source {
    /// The lines of one segment.
    async fn lines(&self, number: u64) -> Result<Bytes, ApiError> {
        let mut lines = Vec::new();
        for mut record in self.truth.records(number) {
            if let Record::Segment(segment) = &mut record
                && !segment.is_altered
                && let Some(media) = self.media(segment.place).await?
            {
                let hash = tokio::task::spawn_blocking(move || Hashed::of(&media));
                let Hashed { bytes, sha256 } = hash.await.map_err(|_| ApiError::Internal)?;
                (segment.bytes, segment.sha256) = (Some(bytes), Some(sha256));
            }
            serde_json::to_writer(&mut lines, &record).map_err(|_| ApiError::Internal)?;
            lines.push(b'\n');
        }
        Ok(lines.into())
    }

    /// The bytes of a segment, if they are to be hashed and exist.
    async fn media(&self, (number, track): (u64, usize)) -> Result<Option<Media>, ApiError> {
        if self.hashes == Hashes::No {
            return Ok(None);
        }
        let window = self.output.tracks.get(track).map(|track| track.window.snapshot());
        let whole = window.and_then(|snapshot| snapshot.segment(number)?.whole.clone());
        let media = match whole {
            Some(media) => Some(media),
            None if self.hashes == Hashes::Yes => self.rendered(number, track).await?,
            None => None,
        };
        match (media, self.truth.origin(track)) {
            (Some(media), Some(origin)) => {
                let counted = Rewriting { origin, ..Rewriting::default() };
                counted.apply(&media, 0).map(Some).ok_or(ApiError::Internal)
            }
            (media, _) => Ok(media),
        }
    }

    /// A segment from the archive; `None` if the segment has not ended yet.
    async fn rendered(&self, number: u64, track: usize) -> Result<Option<Media>, ApiError> {
        match self.app.0.registry.archive().segment_at_last(self.truth.epoch(number), track, number).await {
            Ok(segment) => Ok(segment.whole.clone()),
            Err(ArchiveError::Future { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Length and hash of a file.
struct Hashed {
    bytes: u64,
    sha256: String,
}

impl Hashed {
    fn of(media: &Media) -> Self {
        let mut hash = Sha256::new();
        media.pieces().iter().for_each(|piece| hash.update(piece));
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: media.len(), sha256 }
    }
}

//! The picture of a stream at one moment as an image. It is painted, not decoded, so the stream need not run.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};

use super::App;
use super::cache_control::Cache;
use super::conditions::{self, Asked};
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, SECOND, no_such};
use super::viewers::Caller;
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Moment, Resource, Span, Value};
use crate::definition::spec::{StreamName, StreamSpec, VideoSpec};
use crate::media::signal::Picture;
use crate::media::still::{ImageFormat, Still};
use crate::stream::StreamView;

/// Widths that may be requested, up to that of the largest rendition.
const WIDTHS: RangeInclusive<u32> = 16..=4096;
/// How long caches may store the picture of a moment that is past. A change of the definition changes it.
const DAY: Duration = Duration::from_hours(24);

/// What a query asks for.
#[derive(Debug, Default)]
struct Query {
    at: Option<Moment>,
    width: Option<u32>,
    video: Option<String>,
}

impl Query {
    /// Reads a query. Other parameters are left to caches and clients.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |allowed: String| ApiError::Query(format!("{name}: must be {allowed}; not {value:?}"));
            match &*name {
                "at" => {
                    // In a query, a plus sign means a space.
                    let moment = value.replacen(' ', "+", 1).parse();
                    parsed.at = Some(moment.map_err(|()| wrong(Value::Moment.allowed()))?);
                }
                "width" => {
                    let width = value.parse().ok().filter(|width| WIDTHS.contains(width));
                    let allowed = || format!("a number of pixels from {} to {}", WIDTHS.start(), WIDTHS.end());
                    parsed.width = Some(width.ok_or_else(|| wrong(allowed()))?);
                }
                "video" => parsed.video = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The rendition: the requested one, or the first.
    fn rendition<'a>(&self, spec: &'a StreamSpec) -> Result<&'a VideoSpec, ApiError> {
        let stream = &spec.name;
        let wanted = |video: &&VideoSpec| self.video.as_ref().is_none_or(|id| video.id.as_str() == id);
        match (spec.video.iter().find(wanted), &self.video) {
            (Some(video), _) => Ok(video),
            (None, None) => no_such(format!("stream {stream} has audio only, so it has no picture"), SECOND),
            (None, Some(id)) => no_such(format!("stream {stream} has no video track {id}"), SECOND),
        }
    }
}

/// `/live/{stream}/still.jpg` and `/live/{stream}/still.png`
pub(super) async fn in_stream(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    uri: Uri,
    caller: Caller,
    Asked(conditions): Asked,
    request: HeaderMap,
) -> Answer {
    let format = ImageFormat::ALL.into_iter().find(|format| uri.path().ends_with(format.file_name()));
    let format = format.ok_or_else(|| ApiError::UnknownPath(uri.path().to_owned()))?;
    if let Some(elsewhere) = conditions::to_plain(&conditions, (Resource::Still, None), caller.path_and_query()) {
        return Ok(elsewhere);
    }
    let query = Query::parse(uri.query().unwrap_or_default())?;
    let view = StreamName::parse(&stream).and_then(|name| app.0.registry.get(&name).ok());
    let Some(view) = view else { return no_such(format!("there is no stream {stream}"), SECOND) };
    let now = app.0.clock.now();
    // A moment that depends on now is a whole second, so that everybody gets the same still in this second.
    let moment = query.at.map_or(UnixTime::from_millis(now.as_secs() * 1000), |at| at.fixed(now).at(now));
    let moment = moment.saturating_sub(conditions.shift().map_or(Duration::ZERO, Span::duration));
    let is_constant = query.at.is_some_and(|at| !at.is_relative()) && moment <= now;
    let cache = if is_constant { Cache::Immutable(DAY) } else { Cache::MaxAge(SECOND) };
    let still = still_at(&view, moment, &query, format)?;
    let etag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(still.identity().as_bytes()));
    let meta = Meta { content_type: format.media_type(), cache, etag: &etag, modified: None };
    let mut response = match reply::not_modified(&request, &meta) {
        Some(response) => response,
        None => reply::bytes(&request, app.0.stills.file(&still).await?, &meta),
    };
    conditions::mark(&app, &conditions.of_resource(Resource::Still, None), &mut response);
    Ok(response)
}

/// The still at `moment`, by the definition of then if the stream runs, or else by the newest definition.
fn still_at(view: &StreamView, moment: UnixTime, query: &Query, format: ImageFormat) -> Result<Still, ApiError> {
    let newest = &view.record.spec;
    let output = view.status.output.as_ref().filter(|output| !output.ended());
    let epoch = output.map(|output| output.epoch(output.spec.timeline.segment_at(moment)));
    let spec = epoch.as_ref().map_or(newest, |epoch| &epoch.spec);
    let video = query.rendition(spec)?;
    let frame = spec.timeline.rate().frame_at(moment);
    let width = query.width.unwrap_or(video.width).min(video.width);
    Ok(Still { picture: Picture::of(spec, video), frame, width, format })
}

//! The picture of a stream at one moment as an image. It is painted, not decoded, so the stream need not run, and a
//! definition needs no stream.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};

use super::App;
use super::cache_control::Cache;
use super::conditions::{self, Asked};
use super::error::ApiError;
use super::path_parameters::{PathParameters, kind_of_file};
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, SECOND, no_such, no_such_video};
use super::viewers::Caller;
use super::webrtc_error::WebrtcError;
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Moment, Resource, Span, Value};
use crate::definition::spec::{StreamName, StreamRequest, StreamSpec, VideoSpec};
use crate::media::signal::Picture;
use crate::media::still::{ImageFormat, Still};
use crate::stream::StreamView;

/// Widths that may be requested, up to that of the largest rendition.
const WIDTHS: RangeInclusive<u32> = 16..=4096;
/// How long caches may store the picture of a moment that is past. A change of the definition changes it.
const DAY: Duration = Duration::from_hours(24);

/// Parameters of a query.
#[derive(Debug, Default)]
struct Query {
    at: Option<Moment>,
    width: Option<u32>,
    video: Option<String>,
    /// A definition as JSON, of a still that is of no stream.
    definition: Option<String>,
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
                "definition" => parsed.definition = Some(value.into_owned()),
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
            (None, Some(id)) => no_such_video(stream, id),
        }
    }

    /// The moment of the still, and how long caches may store the still.
    fn moment(&self, now: UnixTime) -> (UnixTime, Cache) {
        // A moment that depends on now is a whole second, so that everybody gets the same still in this second.
        let moment = self.at.map_or(UnixTime::from_millis(now.as_secs() * 1000), |at| at.fixed(now).at(now));
        let is_constant = self.at.is_some_and(|at| !at.is_relative()) && moment <= now;
        (moment, if is_constant { Cache::Immutable(DAY) } else { Cache::MaxAge(SECOND) })
    }

    /// The still of a definition.
    fn still(&self, spec: &StreamSpec, moment: UnixTime, format: ImageFormat) -> Result<Still, ApiError> {
        let video = self.rendition(spec)?;
        let width = self.width.unwrap_or(video.width).min(video.width);
        Ok(Still { picture: Picture::of(spec, video), frame: spec.timeline.rate().frame_at(moment), width, format })
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
    let format = kind_of_file(&uri, &ImageFormat::ALL, ImageFormat::file_name)?;
    if let Some(elsewhere) = conditions::to_plain(&conditions, (Resource::Still, None), caller.path_and_query()) {
        return Ok(elsewhere);
    }
    let query = Query::parse(uri.query().unwrap_or_default())?;
    let view = StreamName::parse(&stream).and_then(|name| app.0.registry.get(&name).ok());
    let Some(view) = view else { return no_such(format!("there is no stream {stream}"), SECOND) };
    if view.record.spec.is_published() {
        return Err(WebrtcError::NotPainted(view.record.spec.name.clone()).into());
    }
    let now = app.0.clock.now();
    let (moment, cache) = query.moment(now);
    let moment = moment.saturating_sub(conditions.shift().map_or(Duration::ZERO, Span::duration));
    let still = still_at(&view, moment, &query, format)?;
    let mut response = answer(&app, &request, &still, cache).await?;
    conditions::mark(&app, &conditions.of_resource(Resource::Still, None), &mut response);
    Ok(response)
}

/// `/still.jpg` and `/still.png`: the picture of the definition in the query, which no stream needs to have
pub(super) async fn of_definition(State(app): State<App>, uri: Uri, request: HeaderMap) -> Answer {
    let query = Query::parse(uri.query().unwrap_or_default())?;
    let text = query.definition.as_deref().unwrap_or_default();
    let wrong = |error: serde_json::Error| ApiError::Query(format!("definition: must be that of a stream: {error}"));
    let definition: StreamRequest = serde_json::from_str(text).map_err(wrong)?;
    let spec = StreamSpec::try_from(definition)?;
    let (moment, cache) = query.moment(app.0.clock.now());
    let format = kind_of_file(&uri, &ImageFormat::ALL, ImageFormat::file_name)?;
    answer(&app, &request, &query.still(&spec, moment, format)?, cache).await
}

async fn answer(app: &App, request: &HeaderMap, still: &Still, cache: Cache) -> Answer {
    let etag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(still.identity().as_bytes()));
    let meta = Meta { content_type: still.format.media_type(), cache, etag: &etag, modified: None };
    Ok(match reply::not_modified(request, &meta) {
        Some(response) => response,
        None => reply::bytes(request, app.0.stills.file(still).await?, &meta),
    })
}

/// The still at `moment`, by the definition of then if the stream runs, or else by the newest definition.
fn still_at(view: &StreamView, moment: UnixTime, query: &Query, format: ImageFormat) -> Result<Still, ApiError> {
    let newest = &view.record.spec;
    let output = view.status.output.as_ref().filter(|output| !output.ended());
    let epoch = output.map(|output| output.epoch(output.spec.timeline.segment_at(moment)));
    query.still(epoch.as_ref().map_or(newest, |epoch| &epoch.spec), moment, format)
}

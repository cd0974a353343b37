//! A stream as one file without end: the response begins with the newest IDR picture and continues chunk by chunk. A client that
//! reads too slowly skips to the newest IDR picture. Chunks are not queued for the client: they are read from the window when the
//! connection can send.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use futures_util::stream::{self, Stream};
use tokio::time::timeout;

use super::App;
use super::cache_control::Cache;
use super::conditions::{self, Asked};
use super::error::ApiError;
use super::path_parameters::{PathParameters, kind_of_file};
use super::stream_lookup::{Answer, DEADLINE, SECOND, no_such, no_such_video, output};
use super::viewers::{self, Caller};
use super::{recording, reply};
use crate::base::metrics::labels;
use crate::base::timeline::Kind;
use crate::definition::condition::Resource;
use crate::definition::spec::{StreamName, TrackId};
use crate::media::single_file::{Container, Writer};
use crate::media::window::{Output, Read, Reader, Start};
use crate::stream::ActiveOutput;

/// How far a client may fall behind before it skips media: longer than a network needs to reroute, and much shorter than
/// the default window.
const MAX_LAG: Duration = Duration::from_secs(10);

/// `/live/{stream}/stream.mp4` and `/live/{stream}/stream.ts`
pub(super) async fn in_stream(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    uri: Uri,
    caller: Caller,
    Asked(conditions): Asked,
    (method, mut request): (Method, HeaderMap),
) -> Answer {
    let container = kind_of_file(&uri, &Container::ALL, Container::file_name)?;
    if let Some(elsewhere) = conditions::to_plain(&conditions, (Resource::SingleFile, None), caller.path_and_query()) {
        return Ok(elsewhere);
    }
    if let Some(Err(refusal)) = StreamName::parse(&stream).map(|name| caller.admit_start(&app, &name)) {
        return caller.refused(refusal, &conditions);
    }
    let output = output(&app, &stream).await?;
    let video = match requested_video(uri.query().unwrap_or_default()) {
        None => None,
        Some(id) => match TrackId::parse(&id).filter(|id| is_video(&output, id)) {
            Some(id) => Some(id),
            None => return no_such_video(&output.spec.name, &id),
        },
    };
    if conditions.is_empty() {
        return live(&app, output, (container, video.as_ref())).await;
    }
    // Ranges are of GET alone (RFC 9110 14.2).
    if method != Method::GET {
        request.remove(header::RANGE);
    }
    let bounds = recording::bounds(&conditions, &output.spec, app.0.clock.now())?;
    let mut response =
        recording::answer(&app, output, (container, video.as_ref(), bounds), (&method, &request)).await?;
    conditions::mark(&app, &conditions, &mut response);
    Ok(response)
}

/// The response without end.
async fn live(app: &App, output: ActiveOutput, (container, video): (Container, Option<&TrackId>)) -> Answer {
    let stream = output.spec.name.clone();
    if output.ended() {
        return no_such(format!("stream {stream} has stopped; start it"), SECOND);
    }
    let starting = || ApiError::Starting(stream.to_string());
    let held = app.0.metrics.hold();
    let begin = async {
        let mut reader = Reader::open(Arc::clone(&output), video, Start::Current).await;
        (reader.next().await, reader)
    };
    let (first, reader) = timeout(DEADLINE, begin).await.map_err(|_| starting())?;
    drop(held);
    let writer = Writer::new(container, &output, &reader).ok_or_else(starting)?;
    let kind = reader.configurations().map(|(kind, _)| kind).min().unwrap_or(Kind::Video);
    let feed =
        Feed { pieces: writer.header().to_vec().into(), next: Some(first), reader, writer, output, app: app.clone() };
    let audience = feed.output.audience.clone();
    let mut response = reply::growing(feed.body(), container.media_type(kind), Cache::NoStore);
    viewers::count_bytes(audience, &mut response);
    Ok(response)
}

/// The id in `?video=ID`.
fn requested_video(query: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find(|(name, _)| name == "video").map(|(_, id)| id.into_owned())
}

fn is_video(output: &Output, id: &TrackId) -> bool {
    output.tracks.iter().any(|track| track.kind == Kind::Video && track.id == *id)
}

/// What a client reads. Holds the stream up until it is dropped.
struct Feed {
    app: App,
    output: ActiveOutput,
    reader: Reader,
    writer: Writer,
    /// What was read before the response began.
    next: Option<Read>,
    /// What is left of the header or of one chunk of each track.
    pieces: VecDeque<Bytes>,
}

impl Feed {
    fn body(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::try_unfold(self, |mut feed| async move { Ok(feed.piece().await?.map(|piece| (piece, feed))) })
    }

    /// The next bytes; `None` at the end of the stream, or when the decoder configuration changes.
    async fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let Some(Read::Chunks(chunks)) = self.read().await else { return Ok(None) };
            viewers::count_chunks(&self.app, &self.output, &chunks);
            self.pieces = self.writer.write(&chunks).ok_or(ApiError::Internal)?.into();
        }
    }

    /// What the reader reads next; `None` when the server ends.
    async fn read(&mut self) -> Option<Read> {
        if let Some(first) = self.next.take() {
            return Some(first);
        }
        if self.reader.lag() > MAX_LAG && self.reader.skip() {
            let stream = &self.output.spec.name;
            self.app.0.metrics.reader_skips.get_or_create(&labels(stream.as_str())).inc();
            tracing::debug!(%stream, "a client reads too slowly and skips to the newest IDR picture");
        }
        self.app.0.draining.run_until_cancelled(self.reader.next()).await
    }
}

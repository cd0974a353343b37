//! Identifies viewers, in order to count them and to apply limits to new viewers only.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;

use super::App;
use super::cache_control::Cache;
use super::error::ApiError;
use super::manifest_cache::Kind;
use super::reply;
use crate::base::format::Format;
use crate::base::timeline;
use crate::definition::condition::Conditions;
use crate::definition::spec::StreamName;
use crate::media::manifest::path::{self, MediaFile};
use crate::media::window::Chunks;
use crate::stream::ActiveOutput;
use crate::stream::audience::{Audience, Key, MediaRequest};
use crate::stream::{Admission, Refusal};

/// The format as which viewers count whose format is not known.
const UNKNOWN_FORMAT: Format = Format::Hls;

/// The sender of a request.
pub(super) struct Caller {
    /// Key of address and port: one connection of a player.
    connection: Key,
    /// Key of address and user agent: all connections of a player, and of similar players at the same address.
    program: Key,
    /// Whether the request is `HEAD`.
    head: bool,
    uri: Uri,
}

impl FromRequestParts<App> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        // Without trust in the header one viewer could count as many.
        let addresses = app.access().viewer_access.addresses(&parts.extensions, &parts.headers);
        let agent = parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        let formats = &app.0.client_formats;
        Ok(Self {
            connection: formats.key(&(peer, &addresses)),
            program: formats.key(&(&addresses, agent)),
            head: parts.method == Method::HEAD,
            uri: parts.uri.clone(),
        })
    }
}

impl Caller {
    /// Admits or refuses a request for a manifest with which a player starts.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn admit(&self, app: &App, stream: &StreamName, kind: Kind) -> Result<(), Refusal> {
        let now = app.0.clock.now();
        let classify = |audience: &Audience| {
            // Players reload an MPD, and read a multivariant playlist once.
            let is_reload = matches!(kind, Kind::Mpd(..) | Kind::Patch(..));
            let mut formats = self.keys(audience).into_iter().filter_map(|key| app.0.client_formats.find(key, now));
            match is_reload && formats.next().is_some() {
                true => Admission::Existing,
                false if self.head => Admission::Check,
                false => Admission::New,
            }
        };
        app.0.registry.admit(stream, classify)
    }

    /// Admits or refuses a request that starts a response without end.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn admit_start(&self, app: &App, stream: &StreamName) -> Result<(), Refusal> {
        let admission = if self.head { Admission::Check } else { Admission::New };
        app.0.registry.admit(stream, |_| admission)
    }

    /// The requested path without token and conditions, and the query.
    pub(super) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The response to a refused viewer: a redirect to `overflow_url`, or 503.
    pub(super) fn refused(&self, refusal: Refusal, conditions: &Conditions) -> Result<Response, ApiError> {
        let Some(elsewhere) = &refusal.elsewhere else { return Err(ApiError::Crowded(refusal)) };
        let path = path::under_conditions(conditions, self.path_and_query());
        Ok(reply::redirect(StatusCode::FOUND, &elsewhere.with(&path), Cache::NoStore))
    }

    /// The response to a refused viewer over WebRTC. WHEP knows no redirect that changes the method (RFC 9725 4.6).
    pub(super) fn refused_session(&self, refusal: Refusal) -> Result<Response, ApiError> {
        let Some(elsewhere) = &refusal.elsewhere else { return Err(ApiError::Crowded(refusal)) };
        let location = elsewhere.with(self.path_and_query());
        Ok(reply::redirect(StatusCode::TEMPORARY_REDIRECT, &location, Cache::NoStore))
    }

    /// Stores which manifest format the client plays.
    pub(super) fn mark_format(&self, app: &App, output: &ActiveOutput, kind: Kind, response: &mut Response) {
        count_bytes(Arc::clone(&output.audience), response);
        if let Some(format) = kind.format().filter(|_| !self.head && !response.status().is_client_error()) {
            let now = app.0.clock.now();
            self.keys(&output.audience).into_iter().for_each(|key| app.0.client_formats.mark(key, format, now));
        }
    }

    /// Counts a media response for the viewers of the stream.
    pub(super) fn count_media(
        &self,
        app: &App,
        output: &ActiveOutput,
        (kind, file): (timeline::Kind, MediaFile),
        response: &mut Response,
    ) {
        count_bytes(Arc::clone(&output.audience), response);
        // Segments of an earlier presentation have numbers that do not compare with those of the newest.
        if self.head || !has_first_byte(response) || output.is_handed_over() {
            return;
        }
        let (timeline, now) = (&output.spec.timeline, app.0.clock.now());
        let (segment, chunks, certain) = match file {
            MediaFile::Init => return,
            // Only LL-HLS players request chunks, so the format is certain.
            MediaFile::Chunk { segment, .. } => (segment, 1, Some(Format::LlHls)),
            MediaFile::Segment(segment) => {
                let early = now < timeline.segment_start(segment) + timeline.segment_duration() / 2;
                // An LL-HLS player may request the parts as ranges.
                let certain = early && response.status() == StatusCode::OK;
                (segment, timeline.chunks_per_segment(), certain.then_some(Format::LlDash))
            }
        };
        let mut formats = self.keys(&output.audience).into_iter().filter_map(|key| app.0.client_formats.find(key, now));
        let format = formats.next();
        let format = certain.or(format).unwrap_or(UNKNOWN_FORMAT);
        output.audience.count_request(&MediaRequest { kind, segment, chunks, format }, timeline, now);
    }

    fn keys(&self, audience: &Audience) -> [Key; 2] {
        [self.connection.in_stream(audience), self.program.in_stream(audience)]
    }
}

/// Attaches the stream's counters to the response, so that its bytes are counted as they are sent.
pub(super) fn count_bytes(audience: Arc<Audience>, response: &mut Response) {
    response.extensions_mut().insert(audience);
}

/// Counts chunks of a response without end. Its viewer counts as one with an unknown format.
pub(super) fn count_chunks(app: &App, output: &ActiveOutput, chunks: &Chunks) {
    if output.is_handed_over() {
        return;
    }
    for (kind, chunk) in chunks.iter() {
        let request = MediaRequest { kind, segment: chunk.segment, chunks: 1, format: UNKNOWN_FORMAT };
        output.audience.count_request(&request, &output.spec.timeline, app.0.clock.now());
    }
}

/// Whether the response has the first byte of the file.
fn has_first_byte(response: &Response) -> bool {
    match response.status() {
        StatusCode::OK => true,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(header::CONTENT_RANGE);
            range.is_some_and(|range| range.as_bytes().starts_with(b"bytes 0-"))
        }
        _ => false,
    }
}

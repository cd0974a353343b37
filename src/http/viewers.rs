//! Who asks: what it takes to count viewers, and to know those again who play already.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::cache::Cache;
use super::error::ApiError;
use super::manifests::Kind;
use crate::base::timeline;
use crate::definition::spec::StreamName;
use crate::media::manifest::Latency;
use crate::media::manifest::path::MediaFile;
use crate::stream::ActiveOutput;
use crate::stream::audience::{Audience, Format, Key, MediaRequest};
use crate::stream::{Admission, Refusal};

/// Whoever sent a request.
pub(super) struct Caller {
    /// By address and port: one player, and perhaps one of several connections that it has.
    connection: Key,
    /// By address and program: a player with all its connections, and perhaps others like it.
    program: Key,
    /// Wants the headers only.
    head: bool,
    uri: Uri,
}

impl FromRequestParts<App> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        // What anybody may write would let one viewer pass for many.
        let addresses = app.access().viewer_access.addresses(&parts.extensions, &parts.headers);
        let agent = parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        let seen = &app.0.seen;
        Ok(Self {
            connection: seen.key(&(peer, &addresses)),
            program: seen.key(&(&addresses, agent)),
            head: parts.method == Method::HEAD,
            uri: parts.uri.clone(),
        })
    }
}

impl Caller {
    /// Lets somebody in who asks for a manifest that a player begins with, or sends them away.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn admit(&self, app: &App, stream: &StreamName, kind: Kind) -> Result<(), Refusal> {
        let now = app.0.clock.now();
        let judge = |audience: &Audience| {
            // Players read an MPD again and again, and a multivariant playlist once.
            let again = matches!(kind, Kind::Mpd(..));
            let mut seen = self.keys(audience).into_iter().filter_map(|key| app.0.seen.find(key, now));
            match again && seen.next().is_some() {
                true => Admission::Existing,
                false if self.head => Admission::Check,
                false => Admission::New,
            }
        };
        app.0.registry.admit(stream, judge)
    }

    /// Where somebody is sent who is not let in.
    pub(super) fn refused(&self, refusal: Refusal) -> Result<Response, ApiError> {
        let Some(elsewhere) = &refusal.elsewhere else { return Err(ApiError::Crowded(refusal)) };
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let headers = [(header::LOCATION, elsewhere.with(path))];
        let mut response = (StatusCode::FOUND, headers).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, Cache::NoStore.value());
        Ok(response)
    }

    /// Notes by what manifest somebody plays.
    pub(super) fn reads(&self, app: &App, output: &ActiveOutput, kind: Kind, response: &mut Response) {
        count_bytes(output, response);
        if let Some(format) = format(kind).filter(|_| !self.head && !response.status().is_client_error()) {
            let now = app.0.clock.now();
            self.keys(&output.audience).into_iter().for_each(|key| app.0.seen.mark(key, format, now));
        }
    }

    /// Counts somebody who begins to get media.
    pub(super) fn plays(
        &self,
        app: &App,
        output: &ActiveOutput,
        (kind, file): (timeline::Kind, MediaFile),
        response: &mut Response,
    ) {
        count_bytes(output, response);
        if self.head || !begins(response) {
            return;
        }
        let (timeline, now) = (&output.spec.timeline, app.0.clock.now());
        let (segment, chunks, certain) = match file {
            MediaFile::Init => return,
            // What nobody else asks for tells by itself who it is.
            MediaFile::Chunk { segment, .. } => (segment, 1, Some(Format::LlHls)),
            MediaFile::Segment(segment) => {
                let early = now < timeline.segment_start(segment) + timeline.segment_duration() / 2;
                (segment, timeline.chunks_per_segment(), early.then_some(Format::LlDash))
            }
        };
        let mut seen = self.keys(&output.audience).into_iter().filter_map(|key| app.0.seen.find(key, now));
        let format = seen.next();
        let format = certain.or(format).unwrap_or(Format::Hls);
        output.audience.asked(&MediaRequest { kind, segment, chunks, format }, timeline, now);
    }

    fn keys(&self, audience: &Audience) -> [Key; 2] {
        [self.connection.at(audience), self.program.at(audience)]
    }
}

/// Bytes of the body are counted for the stream as they go.
fn count_bytes(output: &ActiveOutput, response: &mut Response) {
    response.extensions_mut().insert(Arc::clone(&output.audience));
}

/// Whether it is the first that somebody gets of a file, or all of it.
fn begins(response: &Response) -> bool {
    match response.status() {
        StatusCode::OK => true,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(header::CONTENT_RANGE);
            range.is_some_and(|range| range.as_bytes().starts_with(b"bytes 0-"))
        }
        _ => false,
    }
}

fn format(kind: Kind) -> Option<Format> {
    match kind {
        Kind::Multivariant(_, Latency::Normal) | Kind::Media(_) => Some(Format::Hls),
        Kind::Multivariant(_, Latency::Low) | Kind::LowLatency(..) => Some(Format::LlHls),
        Kind::Mpd(_, Latency::Normal) => Some(Format::Dash),
        Kind::Mpd(_, Latency::Low) => Some(Format::LlDash),
        Kind::Iframes(_) => None,
    }
}

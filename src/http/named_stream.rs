//! The stream that the path of a request names, for rules that apply to all requests for a stream.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::App;
use crate::definition::spec::StreamName;
use crate::definition::store::Record;

/// The definition of the stream. `None` if the path names no stream that exists; the handler refuses such a request.
pub(super) struct Named(pub(super) Option<Arc<Record>>);

impl FromRequestParts<App> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let names = RawPathParams::from_request_parts(parts, app).await.ok();
        let name = names.and_then(|names| stream(&names));
        Ok(Self(name.and_then(|name| app.0.registry.record(&name).ok())))
    }
}

/// The stream in the path parameters: the first parameter, without its extension if necessary.
fn stream(names: &RawPathParams) -> Option<StreamName> {
    let (key, value) = names.iter().next()?;
    match key {
        "stream" => StreamName::parse(value),
        _ => StreamName::parse(value.strip_suffix(".m3u8").or_else(|| value.strip_suffix(".mpd"))?),
    }
}

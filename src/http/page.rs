//! The page and its files, which are part of the binary.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::cache_control::Cache;
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::reply::{self, Meta};

/// Content-Security-Policy: the page loads nothing from other origins and cannot be framed. Players need blob URLs.
const POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

/// `/`
pub(super) async fn index(request: HeaderMap) -> Result<Response, ApiError> {
    file("index.html", &request)
}

/// `/static/{path}`
pub(super) async fn asset(
    PathParameters(path): PathParameters<String>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    file(&path, &request)
}

fn file(path: &str, request: &HeaderMap) -> Result<Response, ApiError> {
    let file = Static::get(path).ok_or_else(|| ApiError::UnknownPath(format!("/static/{path}")))?;
    let etag: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    let meta = Meta { content_type: content_type(path), cache: Cache::Revalidate, etag: &etag, modified: None };
    let mut response = reply::bytes(request, bytes(file), &meta);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => data.into(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "ttf" => "font/ttf",
        _ => "application/octet-stream",
    }
}
